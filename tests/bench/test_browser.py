"""The page in a real Chromium, as a reader has it: it asks for nothing, its tables sort and filter, axe finds nothing serious."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bench.report import page, tables
from bench.results import Results
from tests.bench import made

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
HEAD = "median per batch of 1 [95 %]"
SIZES = [(360, 740), (1280, 800), (3840, 2160)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_api.sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield started
        started.close()


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for name, results in (("run", made.results()), ("hostile", made.hostile()), ("empty", empty())):
        found[name] = folder / f"{name}.html"
        found[name].write_text(page.render(results, tables.all_tables(results)), encoding="utf-8")
    return found


def empty() -> Results:
    nothing: dict[str, Any] = dict.fromkeys(("parity", "stages", "confusions", "samples", "cells", "contrasts", "holes", "subjects"), ())
    return replace(made.results(), noise=None, gate=None, **nothing)


def opened(browser: Browser, place: Path, **context: Any) -> tuple[Page, list[str]]:
    """The page, and whatever it asks for, complains of, or opens."""
    seen: list[str] = []
    tab = browser.new_context(**context).new_page()

    def asked(url: str) -> None:
        if url != place.as_uri() and not url.startswith("data:image/jpeg;base64,"):
            seen.append(url)

    tab.on("request", lambda request: asked(request.url))
    tab.on("console", lambda message: seen.append(message.text))
    tab.on("pageerror", lambda error: seen.append(str(error)))
    tab.on("dialog", lambda dialog: (seen.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    tab.goto(place.as_uri())
    return tab, seen


@pytest.mark.parametrize("name", ["run", "hostile", "empty"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
def test_it_asks_for_nothing_and_nothing_overflows(browser, places, name, size):
    shown, seen = opened(browser, places[name], viewport={"width": size[0], "height": size[1]})
    for button in shown.locator("th button").all()[:3]:
        button.click()
    assert seen == []
    # Wide things scroll inside their own frames.
    assert shown.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    shown.context.close()


@pytest.mark.parametrize("name", ["run", "hostile", "empty"])
def test_paper_is_white_and_as_wide_as_the_tables(browser, places, name):
    # A4, landscape, less its margins, at 96 dots an inch.
    shown, _ = opened(browser, places[name], color_scheme="dark", viewport={"width": 1046, "height": 718})
    shown.emulate_media(media="print")
    assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert shown.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    # Nobody scrolls on paper: what is wider than its frame would be cut off.
    assert shown.evaluate("[...document.querySelectorAll('.wide')].every((frame) => frame.scrollWidth <= frame.clientWidth)")
    shown.context.close()


def test_pictures_are_drawn(browser, places):
    shown, _ = opened(browser, places["run"])
    assert shown.evaluate("[...document.images].map((each) => each.complete && each.naturalWidth)") == [8, 8, 8]
    shown.context.close()


def test_a_click_sorts_and_the_next_one_turns_it_round(browser, places):
    shown, _ = opened(browser, places["run"])
    table = shown.locator("table", has=shown.locator("th", has_text=HEAD)).first
    column = [head.inner_text() for head in table.locator("th").all()].index(HEAD)
    head = table.locator("th").nth(column)

    def values() -> list[str]:
        return [row.locator("td").nth(column).inner_text() for row in table.locator("tbody tr").all()]

    before = values()
    head.locator("button").click()
    up = values()
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").click()
    down = values()
    assert head.get_attribute("aria-sort") == "descending"
    assert up == down[::-1]
    assert sorted(up) == sorted(before)
    times = [text for text in up if text.endswith("]")]
    assert times
    assert up[: len(times)] == times  # numbers first, words last
    shown.context.close()


def test_a_filter_leaves_the_rows_that_hold_every_word(browser, places):
    shown, _ = opened(browser, places["hostile"])
    field = shown.locator(".filter input").first
    table = field.locator("xpath=../following-sibling::div[1]//table")
    every = table.locator("tbody tr").count()
    field.fill("onerror")
    left = [row.inner_text() for row in table.locator("tbody tr:visible").all()]
    assert 0 < len(left) < every
    assert all("onerror" in row for row in left)
    field.fill("onerror nothing-has-this")
    assert table.locator("tbody tr:visible").count() == 0
    field.fill("")
    assert table.locator("tbody tr:visible").count() == every
    shown.context.close()


def test_without_scripts_it_is_whole(browser, places):
    shown, seen = opened(browser, places["run"], java_script_enabled=False)
    assert seen == []
    text = shown.locator("body").inner_text()
    for table in tables.all_tables(made.results()):
        assert table.title in text
    assert shown.locator("th button").count() == 0
    shown.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["run", "hostile", "empty"])
def test_axe_finds_nothing_serious(browser, places, name, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    shown, _ = opened(browser, places[name], color_scheme=scheme)
    found = axe.run(shown).response["violations"]
    serious = [(each["id"], each["nodes"][0]["html"][:200]) for each in found if each["impact"] in ("serious", "critical")]
    assert serious == []
    shown.context.close()
