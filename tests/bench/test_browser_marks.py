"""Marks of the page's drawings in a real Chromium: each says its words at once, to a pointer and to the keyboard, within the window."""

# ruff: noqa: F401, F811 (fixtures of another file)
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.report import page, tables
from tests.bench import drawn
from tests.bench.test_browser import SIZES, browser, opened, pytestmark, serious, sync_api

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

MARK, TIP = "svg g[aria-label]", ".tip"
# One title of each kind of drawing.
DRAWINGS = [
    "Latency: regnet", "Latency ratios", "Where the time goes", "Noise of this machine", "Throughput over batch sizes",
    "Accuracy against latency", "The gate's checks", "Stage ledger", "What the reference calls", "Training, loss",
]  # fmt: skip
# Every mark gets the focus; what is wrong with the tip then, by the mark's words.
FOCUS_ALL = """() => {
  const tip = document.querySelector(".tip");
  const wrong = [];
  for (const mark of document.querySelectorAll("svg g[aria-label]")) {
    mark.focus();
    const words = mark.getAttribute("aria-label");
    const box = tip.getBoundingClientRect();
    const { clientWidth, clientHeight, scrollWidth } = document.documentElement;
    if (tip.hidden || tip.textContent !== words || tip.childElementCount) wrong.push(`says something else: ${words}`);
    if (box.left < 0 || box.top < 0 || box.right > clientWidth || box.bottom > clientHeight) wrong.push(`outside: ${words}`);
    if (scrollWidth > clientWidth) wrong.push(`overflows: ${words}`);
  }
  return wrong;
}"""

# The names of points that cover a point's circle or another name, as the browser's own letters have them.
COVERED = """() => {
  const figure = [...document.querySelectorAll("figure")].find((each) => each.textContent.includes("Accuracy against latency"));
  const names = [...figure.querySelectorAll("text.side")];
  const meet = (one, other) =>
    one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
  const of = (mark) => mark.getBoundingClientRect();
  const marks = [...figure.querySelectorAll("circle"), ...names];
  return [names.length, names.filter((name) => marks.some((mark) => mark !== name && meet(of(name), of(mark))))
    .map((name) => name.textContent)];
}"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("marks") / "drawn.html"
    results = drawn.results()
    found.write_text(page.render(results, tables.all_tables(results)), encoding="utf-8")
    return found


def told(shown: Page) -> str:
    """What the tip says; nothing where it is not there."""
    tip = shown.locator(TIP)
    return (tip.text_content() or "") if tip.is_visible() else ""


def marks(shown: Page, title: str) -> Locator:
    return shown.locator("figure", has=shown.locator("figcaption", has_text=title)).first.locator(MARK)


@pytest.mark.parametrize("title", DRAWINGS)
def test_a_mark_that_is_pointed_at_says_its_words_at_once(browser, place, title):
    shown, seen = opened(browser, place)
    # The last one lies on top of all others.
    mark = marks(shown, title).last
    mark.locator("circle, rect").first.hover(force=True)
    assert told(shown) == mark.get_attribute("aria-label") != ""
    shown.mouse.move(0, 0)
    sync_api.expect(shown.locator(TIP)).to_be_hidden()
    assert seen == []
    shown.context.close()


def test_the_words_are_those_of_the_titles(browser, place):
    plain, _ = opened(browser, place, java_script_enabled=False)
    titles = plain.locator("svg g > title").all_text_contents()
    assert len(titles) > 100
    assert plain.locator(TIP).count() == 0
    shown, _ = opened(browser, place)
    assert shown.locator(MARK).evaluate_all("(all) => all.map((each) => each.getAttribute('aria-label'))") == titles
    assert shown.locator("svg title").count() == 0, "the browser's own would come on top"
    for each in (plain, shown):
        each.context.close()


def test_the_keyboard_stops_once_in_a_drawing_and_goes_from_mark_to_mark(browser, place):
    shown, seen = opened(browser, place)
    found = marks(shown, DRAWINGS[0])
    words = [found.nth(number).get_attribute("aria-label") for number in range(2)]
    found.first.locator("xpath=ancestor::*[@class='wide']").focus()
    shown.keyboard.press("Tab")
    assert told(shown) == words[0]
    for key, expected in (("ArrowRight", 1), ("ArrowUp", 0), ("ArrowLeft", 0), ("ArrowDown", 1)):
        shown.keyboard.press(key)
        assert told(shown) == words[expected], key
    shown.keyboard.press("Escape")
    assert told(shown) == ""
    shown.keyboard.press("Tab")
    assert told(shown) == "", "out of the drawing, onto the next frame"
    shown.keyboard.press("Shift+Tab")
    assert told(shown) == words[1], "where it was"
    assert seen == []
    shown.context.close()


def test_arrows_pass_over_marks_of_other_names(browser, place):
    shown, _ = opened(browser, place)
    shown.locator("#choose label", has_text="runtime").locator("select").select_option(label="ort-rust")
    found = marks(shown, "Throughput over batch sizes")
    found.first.evaluate("(mark) => mark.focus()")
    shown.keyboard.press("ArrowRight")
    assert told(shown).startswith("ort-rust raw-dynamic, batch 1:")
    shown.context.close()


def test_the_tip_stays_while_the_pointer_is_on_it(browser, place):
    shown, _ = opened(browser, place)
    mark = marks(shown, DRAWINGS[0]).last
    mark.locator("circle").hover(force=True)
    box = shown.locator(TIP).bounding_box()
    assert box is not None
    shown.mouse.move(box["x"] + 5, box["y"] + 5)
    shown.wait_for_timeout(600)
    assert told(shown) == mark.get_attribute("aria-label")
    shown.context.close()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
def test_what_a_mark_says_is_text_within_the_window(browser, place, size):
    shown, seen = opened(browser, place, viewport={"width": size[0], "height": size[1]})
    assert shown.evaluate(FOCUS_ALL) == []
    assert seen == []
    shown.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_while_a_mark_speaks(browser, place, scheme):
    shown, _ = opened(browser, place, color_scheme=scheme)
    shown.locator(MARK).first.evaluate("(mark) => mark.focus()")
    assert told(shown)
    assert serious(shown) == []
    shown.context.close()


def test_paper_has_no_tip(browser, place):
    shown, _ = opened(browser, place)
    shown.locator(MARK).first.evaluate("(mark) => mark.focus()")
    assert told(shown)
    shown.emulate_media(media="print")
    assert told(shown) == ""
    shown.context.close()


def test_names_of_points_stand_free(browser, tmp_path):
    results = drawn.crowd()
    place = tmp_path / "page.html"
    place.write_text(page.render(results, tables.all_tables(results)), encoding="utf-8")
    shown, _ = opened(browser, place)
    assert shown.evaluate(COVERED) == [6, []]
    shown.context.close()
