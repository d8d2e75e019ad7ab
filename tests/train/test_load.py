from __future__ import annotations

from pathlib import Path

import pytest

from contract import lock
from contract.errors import DataError, EnvironmentFault, UsageError
from contract.matrix import Dataset
from tests.train import tiny
from train.data.load import load, wings


def test_the_digest_is_of_what_training_sees_not_of_where_it_lies(tmp_path: Path) -> None:
    one, two = (tiny.loaded(tmp_path / name) for name in ("a", "b"))
    assert one.root != two.root
    assert one.digest == two.digest
    assert one.digest != tiny.loaded(tmp_path / "c", per_class=9).digest


def test_the_digest_depends_on_the_seed(squares: Path) -> None:
    digests = {load(tiny.dataset(squares), squares, seed=seed, skip_bad=False, threads=1).digest for seed in (0, 0, 1)}
    assert len(digests) == 2


def test_a_missing_root_and_no_root(tmp_path: Path) -> None:
    for root, kind in (("", UsageError), (str(tmp_path / "gone"), DataError)):
        with pytest.raises(kind) as caught:
            load(Dataset("x", "folder", root), tmp_path, seed=0, skip_bad=False, threads=1)
        assert "--root" in caught.value.next


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no class folders"):
        load(Dataset("x", "folder", str(tmp_path)), tmp_path, seed=0, skip_bad=False, threads=1)


def test_wings_are_drawn_once_and_read_as_the_csv_set_that_they_are(tmp_path: Path) -> None:
    drawn = Dataset("wings", "wings", species=3, per_species=4, split=(0.5, 0.25, 0.25))
    first = wings(drawn, tmp_path)
    stamp = Path(first.root).stat().st_mtime_ns
    found = load(drawn, tmp_path, seed=0, skip_bad=False, threads=2)
    assert Path(first.root).stat().st_mtime_ns == stamp
    assert (found.name, len(found.classes), sum(map(len, found.parts.values()))) == ("wings", 3, 12)
    assert Path(wings(Dataset("wings", "wings", species=3, per_species=5), tmp_path).root) != Path(first.root)
    assert not list(tmp_path.glob(".tmp-*"))


def test_wings_that_cannot_be_drawn_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="1000 species"):
        wings(Dataset("wings", "wings", species=1000), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_two_runs_do_not_draw_at_once(tmp_path: Path) -> None:
    with lock.exclusive(tmp_path, "drawing wings"), pytest.raises(EnvironmentFault, match="in use: drawing wings"):
        wings(Dataset("wings", "wings", species=3, per_species=4), tmp_path)
