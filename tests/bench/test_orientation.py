from __future__ import annotations

from pathlib import Path

import pytest

from bench.parity.orientation import Orientations, count
from contract.errors import DataError
from tests import exif


def test_every_format_is_counted_as_pillow_reads_it(tmp_path: Path) -> None:
    paths = exif.write(tmp_path)
    wanted = [exif.by_pillow(path)[0] for path in paths]
    found = count(map(str, paths))
    assert found == Orientations(len(paths), {number: wanted.count(number) for number in range(1, 9)})
    assert found.turned == sum(number not in (None, 1) for number in wanted) > 100


def test_no_image_is_no_number() -> None:
    assert count([]) == Orientations(0, {})


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"hello")
    for name in ("x.jpg", "gone.jpg"):
        with pytest.raises(DataError) as caught:
            count([str(tmp_path / name)])
        assert caught.value.where.endswith(name)


def test_the_report_says_who_turns_them() -> None:
    assert Orientations(9, {1: 9}).say(orient=False) == "None of 9 images states an EXIF orientation other than upright."
    assert Orientations(9, {1: 2, 6: 1}).say(orient=True).startswith("1 of 9 images states an EXIF orientation other than upright, and all")
    said = Orientations(9, {3: 2, 6: 1}).say(orient=False)
    assert said.startswith("3 of 9 images state an")
    assert "`orient = true`" in said
