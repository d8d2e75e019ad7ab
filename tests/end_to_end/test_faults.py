"""The gate on trial, in small: a fault of each group is caught and blamed rightly, and a clean run raises no alarm."""

from __future__ import annotations

import pytest

from tests.end_to_end.conftest import Chain

pytestmark = pytest.mark.slow
# Of one dose each: a trial takes seconds.
SOME = ("rotated", "divided_by_256", "name_of_the_next", "index_from_one", "node_dropped", "wrong_file")


def test_some_faults_of_every_group(chain: Chain) -> None:
    done = chain.step("bench", "faults", "--fault", *SOME, "--clean", "1", "--images", "16", check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert f"{len(SOME)} of {len(SOME)} faults caught, {len(SOME)} of {len(SOME)} blamed on the right stage, 0 false alarms" in done.stdout
    row = next(line for line in done.stdout.splitlines() if line.startswith("| rotated "))
    assert "| decode | - | blind |" in row  # allclose on a random tensor never sees an image


def test_an_unknown_fault(chain: Chain) -> None:
    done = chain.step("bench", "faults", "--fault", "brg", check=False)
    assert done.returncode == 2
    assert "unknown fault 'brg'" in done.stderr
