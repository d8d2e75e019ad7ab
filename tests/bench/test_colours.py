"""Colours of the page in light and in dark: words can be read on whatever lies under them, marks be seen (WCAG 2.2: 4.5 and 3 to 1)."""

from __future__ import annotations

import re

import pytest

from bench.report import grids, page, tables
from bench.report.grids import BAD, GOOD, OPEN, Square
from tests.bench import drawn, made

STYLE = (page.TEMPLATES / "report.css").read_text(encoding="utf-8")
TEXT, MARK = 4.5, 3.0
Colour = tuple[float, ...]


def rgb(text: str) -> Colour:
    digits = text.removeprefix("#")
    digits = digits if len(digits) == 6 else "".join(2 * digit for digit in digits)
    return tuple(float(int(digits[place : place + 2], 16)) for place in (0, 2, 4))


def palettes() -> dict[str, dict[str, Colour]]:
    light, dark = re.findall(r":root \{([^}]*)\}", STYLE)[:2]
    return {name: {key: rgb(value) for key, value in re.findall(r"--(\w+): (#\w+)", of)} for name, of in (("light", light), ("dark", dark))}


PALETTES = palettes()


def over(colour: Colour, paper: Colour, opacity: float) -> Colour:
    return tuple(opacity * one + (1 - opacity) * other for one, other in zip(colour, paper, strict=True))


def luminance(colour: Colour) -> float:
    shares = (each / 255 for each in colour)
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Colour, other: Colour) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def word_in(square: Square, palette: dict[str, Colour]) -> Colour:
    """What the style sheet draws a field's word in."""
    rules = dict(re.findall(r"\.(inside|deep) \{ fill: ([^;]+);", STYLE))
    assert rules["inside"] == "var(--on)"
    assert STYLE.index(".deep {") > STYLE.index(".inside {"), "of two rules the later one holds"
    return rgb(rules["deep"]) if square.deep else palette["on"]


def field(colour: int, full: float) -> Square:
    return Square(0, 0, colour, full, "7", "seven")


def test_contrast_by_hand():
    black, white = rgb("#000"), rgb("#ffffff")
    assert contrast(black, white) == pytest.approx(21)
    assert contrast(white, white) == 1
    assert contrast(rgb("#777"), white) == pytest.approx(4.48, abs=0.005)
    assert over(black, white, 0.2) == pytest.approx((204, 204, 204))


@pytest.mark.parametrize("scheme", PALETTES)
@pytest.mark.parametrize("colour", [GOOD, BAD, OPEN])
def test_words_in_fields_can_be_read_however_full_a_field_is(scheme, colour):
    palette = PALETTES[scheme]
    for step in range(round(grids.FULLEST * 1000) + 1):
        square = field(colour, step / 1000)
        under = over(palette[f"c{colour}"], palette["paper"], square.full)
        assert contrast(word_in(square, palette), under) >= TEXT, square.full


def test_the_sweep_would_see_one_colour_for_all_fields():
    dark = PALETTES["dark"]
    full = over(dark[f"c{GOOD}"], dark["paper"], grids.FULLEST)
    assert contrast(dark["on"], full) < TEXT
    light = PALETTES["light"]
    assert contrast(light["ink"], over(light[f"c{BAD}"], light["paper"], grids.FULLEST)) < TEXT


def test_no_field_is_fuller_than_was_tried():
    run = drawn.results()
    squares = [square for grid in (*grids.checks(run), *grids.ledger(run), *grids.confusions(run)) for square in grid.squares]
    assert {square.colour for square in squares} == {GOOD, BAD, OPEN}
    assert max(square.full for square in squares) == grids.FULLEST


def test_the_page_says_which_words_are_in_full_fields():
    text = page.render(made.results(), tables.all_tables(made.results()))
    # 25 of 25 VICEROY, and 5 of 25 that are called so.
    assert re.search(r'fill-opacity="0\.8"/><text class="inside deep" [^>]*>25<', text)
    assert re.search(r'fill-opacity="0\.32"/><text class="inside" [^>]*>5<', text)


@pytest.mark.parametrize("scheme", PALETTES)
def test_text_and_marks_stand_out_from_the_page(scheme):
    palette = PALETTES[scheme]
    for under in ("paper", "tint"):
        assert [name for name in ("ink", "soft", "bad", "c1") if contrast(palette[name], palette[under]) < TEXT] == []
    marks = [f"c{number}" for number in range(8)]
    assert [name for name in marks if contrast(palette[name], palette["paper"]) < MARK] == []


def test_both_schemes_have_every_colour():
    assert PALETTES["light"].keys() == PALETTES["dark"].keys()
    assert {f"c{number}" for number in range(8)} <= PALETTES["light"].keys()
