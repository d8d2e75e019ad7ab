"""`predict --plot`: the numbers of the table as bars, hostile names, and places that cannot be written."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import matplotlib as mpl
import pytest
from PIL import Image, ImageFont

from contract.errors import DataError, EnvironmentFault, UsageError
from infer_py import command, plot
from infer_py.answer import Guess
from tests.infer_py.conftest import Build, card, drawn_texts

LETTERS = plot.font(None)
# Each with what must be seen of it.
HOSTILE = {
    "a\x1b[2Jb\r\n": "a\\x1b[2Jb\\r\\n",
    "蝶": "\\u8776",
    "פרפר": "\\u05e4\\u05e8\\u05e4\\u05e8",
    "x\u202egnp.exe": "x\\u202egnp.exe",
    "Écaille 🦋": "\\xc9caille \\U0001f98b",
    "\ud800": "\\ud800",
    "e\u0301": "e\\u0301",
    "ㅤfiller": "\\u3164filler",
    "": "",
}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return drawn_texts(monkeypatch)


def shown(*guesses: Guess, name: str = "photo.jpg") -> plot.Shown:
    return plot.Shown(name, Image.new("RGB", (224, 100), (9, 9, 9)), list(guesses))


def coloured(picture: Image.Image, colour: tuple[int, int, int], row: int) -> int:
    """Pixels of a colour in the bar of the row-th class of the first image."""
    y = plot.MARGIN + plot.LINE // 2 + plot.LINE * row
    return sum(picture.getpixel((x, y)) == colour for x in range(plot.BARS, plot.BARS + plot.BAR))


def test_a_bar_is_as_long_as_its_probability():
    chances = (0.75, 0.2, 0.05, 0.0)
    picture = plot.draw([shown(*(Guess(index, str(index), chance) for index, chance in enumerate(chances)))], LETTERS)
    colours = (plot.FIRST, plot.OTHER, plot.OTHER, plot.OTHER)
    assert [coloured(picture, colour, row + 1) for row, colour in enumerate(colours)] == [180, 48, 12, 0]
    assert [coloured(picture, plot.PALE, row) for row in (1, 2, 3, 4)] == [60, 192, 228, 240]


def test_every_image_is_a_row_with_the_numbers_of_the_table_and_of_the_json(
    build: Build, photo: Path, drawn: list[str], capsys: pytest.CaptureFixture[str]
):
    other, picture = photo.with_name("other.png"), photo.with_name("out.png")
    Image.new("RGB", (300, 20), (200, 30, 30)).save(other)
    asked = ["predict", str(build()), str(photo), str(other), "--top", "3", "--threads", "1"]
    assert command.main([*asked, "--plot", str(picture)]) == 0
    table = [line.split()[-2:] for line in capsys.readouterr().out.splitlines()[1:]]
    assert command.main([*asked, "--json"]) == 0
    images = json.loads(capsys.readouterr().out)["images"]
    assert [[guess["class"], f"{guess['probability']:.4f}"] for image in images for guess in image["top"]] == table
    assert len(drawn) == 2 * (1 + 3 * 2)
    pairs = [text for start in (0, 7) for text in drawn[start + 1 : start + 7]]
    assert [pairs[place : place + 2] for place in range(0, 12, 2)] == table
    assert drawn[0].endswith("photo.jpg")
    assert drawn[7].endswith("other.png")
    with Image.open(picture) as found:
        assert (found.format, found.width) == ("PNG", plot.WIDTH)
        # The second image is seen in the second row, in its own colour.
        assert found.getpixel((plot.MARGIN + 100, found.height // 2 + plot.MARGIN + plot.THUMBNAIL // 2)) == (200, 30, 30)


@pytest.mark.parametrize(("name", "seen"), HOSTILE.items())
def test_a_sign_that_would_be_obeyed_or_that_the_font_lacks_is_seen_as_its_escape(name: str, seen: str):
    assert plot.fitted(name, LETTERS, 10_000) == seen


def test_hostile_names_are_drawn_inside_their_column(build: Build, photo: Path, tmp_path: Path, drawn: list[str], monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = (*list(HOSTILE)[:-2], "W" * 10_000, "ㅤ" * 59)
    odd = photo.rename(photo.with_name("\u202e" + "蝶" * 60 + ".jpg"))
    plot.write(tmp_path / "o.png", [shown(*(Guess(index, name, 0.1) for index, name in enumerate(names)), name=str(odd))], LETTERS)
    assert max(LETTERS.getlength(text) for text in drawn[1::2]) <= plot.NAME
    assert drawn[0].startswith("...")
    assert drawn[0].endswith(".jpg")
    assert all(text.isprintable() and text.isascii() for text in drawn)
    assert any(text.startswith("WWW") and text.endswith("...") for text in drawn)


def test_two_names_that_the_font_cannot_draw_look_different():
    one, other = (plot.draw([shown(Guess(0, name, 0.5))], LETTERS).tobytes() for name in ("蝶", "蛾"))
    assert one != other


def test_a_font_that_has_the_signs_draws_them(build: Build, photo: Path, drawn: list[str]):
    font = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    model = build(card=card(("É", "Ж", "蝶")))
    assert command.main(["predict", str(model), str(photo), "--plot", str(photo.with_name("o.png")), "--font", str(font)]) == 0
    assert {"É", "Ж", "\\u8776"} <= set(drawn)


def test_a_font_that_is_none_is_bad_data(photo: Path):
    for path in (photo, photo.with_name("none.ttf")):
        with pytest.raises(DataError, match="cannot be read as a font"):
            plot.font(path)


def test_a_pillow_without_fonts_is_the_environments_fault(monkeypatch: pytest.MonkeyPatch):
    def absent(size: float) -> None:
        raise ImportError("The _imagingft C module is not installed")

    monkeypatch.setattr(ImageFont, "load_default", absent)
    with pytest.raises(EnvironmentFault, match="without FreeType"):
        plot.font(None)


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("o.jpg", UsageError, "PNG"),
        ("none/o.png", UsageError, "no such folder"),
        ("photo.jpg/o.png", UsageError, "no such folder"),
        ("folder.png", UsageError, "is a folder"),
        ("n" * 300 + ".png", UsageError, "too long"),
        ("input.png", UsageError, "would replace"),
        ("linked.png", UsageError, "would replace"),
    ],
)
def test_a_place_where_no_picture_may_go_is_refused_before_any_work(photo: Path, name: str, error: type[Exception], words: str):
    folder = photo.parent
    (folder / "folder.png").mkdir()
    given = folder / "input.png"
    Image.new("RGB", (8, 8)).save(given)
    os.link(given, folder / "linked.png")
    before = given.read_bytes()
    with pytest.raises(error, match=words):
        command.main(["predict", str(folder / "none.onnx"), str(given), "--plot", str(folder / name)])
    assert given.read_bytes() == before


def test_a_folder_that_may_not_be_written_to_is_refused_before_any_work(photo: Path, monkeypatch: pytest.MonkeyPatch):
    # The one who runs the tests may be root, whom no mode stops.
    monkeypatch.setattr(plot.os, "access", lambda *_: False)
    with pytest.raises(EnvironmentFault, match="may not be written"):
        command.main(["predict", str(photo.with_name("none.onnx")), str(photo), "--plot", str(photo.with_name("o.png"))])


def test_a_picture_higher_than_viewers_take_is_refused(photo: Path):
    words = ["predict", "none.onnx", *[str(photo)] * 200, "--plot", str(photo.with_name("o.png"))]
    with pytest.raises(UsageError, match="pixels high"):
        command.main(words)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.ENAMETOOLONG, errno.EIO])
def test_a_failed_write_is_the_environments_fault_and_keeps_the_old_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int):
    path = tmp_path / "o.png"
    path.write_bytes(b"old")

    def fails(*_: object, **__: object):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Image.Image, "save", fails)
    with pytest.raises(EnvironmentFault, match=r"o\.png"):
        plot.write(path, [shown(Guess(0, "a", 1.0))], LETTERS)
    assert [each.name for each in tmp_path.iterdir()] == ["o.png"]
    assert path.read_bytes() == b"old"


def test_a_bad_image_costs_its_row_only(build: Build, photo: Path, drawn: list[str]):
    picture = photo.with_name("o.png")
    with pytest.raises(DataError, match=r"none\.jpg"):
        command.main(["predict", str(build()), "none.jpg", str(photo), "--plot", str(picture)])
    assert [text for text in drawn if text.endswith(".jpg")] == [str(photo)] or drawn[0].startswith("...")
    assert picture.is_file()


def test_no_answer_is_no_picture(build: Build, photo: Path):
    picture = photo.with_name("o.png")
    with pytest.raises(DataError):
        command.main(["predict", str(build()), "none.jpg", "--plot", str(picture)])
    assert not picture.exists()


def test_a_font_without_a_picture_is_wrong_usage(photo: Path):
    with pytest.raises(UsageError, match="--plot"):
        command.main(["predict", "m.onnx", str(photo), "--font", "f.ttf"])
