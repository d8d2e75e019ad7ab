from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from contract import lock
from contract.errors import DataError, EnvironmentFault, UsageError
from contract.matrix import Dataset
from tests.train import tiny
from train.data import load as loading
from train.data.images import verify
from train.data.load import load, wings


def test_the_digest_is_of_what_training_sees_not_of_where_it_lies(tmp_path: Path) -> None:
    one, two = (tiny.loaded(tmp_path / name) for name in ("a", "b"))
    assert one.root != two.root
    assert one.digest == two.digest
    assert one.digest != tiny.loaded(tmp_path / "c", per_class=9).digest


def test_the_digest_depends_on_the_seed(squares: Path) -> None:
    digests = {load(tiny.dataset(squares), squares, seed=seed, skip_bad=False, threads=1).digest for seed in (0, 0, 1)}
    assert len(digests) == 2


def test_a_missing_root(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder") as caught:
        load(Dataset("x", "folder", str(tmp_path / "gone")), tmp_path, seed=0, skip_bad=False, threads=1)
    assert "--root" in caught.value.next


def fill(folder: Path, form: str) -> Path:
    """Four images of each class."""
    for label in tiny.COLOURS:
        for number in range(4):
            path = folder / (f"{label}/{number}.png" if form == "folder" else f"train/{label}_{number}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            tiny.picture(label, number).save(path)
    rows = [f"{label}_{number}.png,{label}" for label in tiny.COLOURS for number in range(4)]
    (folder / "labels.csv").write_text("\n".join(["filename,label", *rows]))
    return folder


@pytest.mark.parametrize("form", ["folder", "csv"])
@pytest.mark.parametrize("way", ["below", "absolute", "beside", "without a root"])
def test_folders_of_splits_may_lie_anywhere(tmp_path: Path, form: str, way: str) -> None:
    (tmp_path / "root").mkdir()
    home = tmp_path / ("root" if way == "below" else "elsewhere")
    for split in ("tr", "te"):
        fill(home / split, form)
    at = {"below": "", "absolute": f"{home}/", "without a root": f"{home}/", "beside": "../elsewhere/"}[way]
    root = "" if way == "without a root" else str(tmp_path / "root")
    entry = tiny.dataset(Path(), format=form, train=f"{at}tr", test=f"{at}te")
    entry = replace(entry, root=root)
    found = load(entry, tmp_path, seed=0, skip_bad=False, threads=1)
    assert found.root == home.resolve()
    assert {name: len(part) for name, part in found.parts.items()} == {"train": 9, "val": 3, "test": 12}
    assert all((found.root / image.path).is_file() for part in found.parts.values() for image in part)
    assert {image.path.split("/")[0] for image in found.parts["test"]} == {"te"}


@pytest.mark.parametrize("form", ["folder", "csv"])
def test_a_split_folder_that_is_not_there(tmp_path: Path, form: str) -> None:
    fill(tmp_path / "tr", form)
    entry = tiny.dataset(tmp_path, format=form, train=str(tmp_path / "tr"), test="/gone/te")
    with pytest.raises(DataError, match="/gone/te") as caught:
        load(entry, tmp_path, seed=0, skip_bad=False, threads=1)
    assert caught.value.next


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
    with lock.exclusive(tmp_path, "drawing wings"), pytest.raises(EnvironmentFault, match="in use: drawing wings") as caught:
        wings(Dataset("wings", "wings", species=3, per_species=4), tmp_path)
    assert "--data DIR" in caught.value.next
    assert "--artifacts" not in caught.value.next


def test_what_takes_long_is_said_before_it_begins(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    drawn = Dataset("wings", "wings", species=3, per_species=4, split=(0.5, 0.25, 0.25))
    said = []
    monkeypatch.setattr(loading, "verify", lambda *args, **more: (said.append(capsys.readouterr().err), verify(*args, **more))[1])
    load(drawn, tmp_path, seed=0, skip_bad=False, threads=1)
    assert "wings: drawing 3 x 4 images into" in said[0]
    assert "wings: reading and checking 12 images below" in said[0]
