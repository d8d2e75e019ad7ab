"""`bench run --gate`: real files of a stored run beside today's, by the real runners."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.gate import judge
from tests.end_to_end.conftest import Chain

pytestmark = pytest.mark.slow
FEW = ("--scenario", "latency", "--variant", "raw-dynamic", "--runtime", "ort-python", "ort-rust", "--images", "8")


@pytest.fixture
def apart(chain: Chain, tmp_path: Path) -> Chain:
    """The same artifacts with reports of its own: the other tests read the chain's last run."""
    for name in ("artifacts", "data"):
        (tmp_path / name).symlink_to(chain.folder / name)
    return Chain(tmp_path)


def test_equal_files_side_by_side(chain: Chain, apart: Chain) -> None:
    then = (chain.folder / "reports" / "latest").resolve()
    done = apart.step("bench", "run", *FEW, "--seconds", "8", "--gate", str(then), "--threshold", "99%", check=False)
    results = apart.results()
    assert results.gate is not None, done.stderr[-3000:]
    assert {(row.cell.variant, row.cell.runtime) for row in results.gate.rows} == {
        ("raw-dynamic", "ort-python"),
        ("raw-dynamic", "ort-rust"),
    }
    assert results.gate.old == then.name
    assert all(each.same_program and each.sha256 == each.old_sha256 for each in results.gate.files)
    released = [each for each in results.contrasts if each.factor == "release"]
    assert [each.not_comparable for each in released] == [None, None]
    # How noisy this machine is decides what may be said: which of it follows from the numbers has tests of its own.
    assert done.returncode == results.exit_code == judge.exit_code(results.gate)
    assert "Gate against" in done.stderr


def test_a_run_that_kept_no_files(apart: Chain) -> None:
    (apart.folder / "reports" / "numbers").mkdir(parents=True)
    done = apart.step("bench", "run", *FEW, "--gate", "numbers", check=False)
    assert done.returncode == 2
    assert "a time that it stored is never compared with one of today" in done.stderr
    assert "next: measure the old files with this version" in done.stderr
