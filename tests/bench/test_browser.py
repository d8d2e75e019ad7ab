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
from tests.bench import drawn, made

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
HEAD = "median per batch of 1 [95 %]"
SIZES = [(360, 740), (1280, 800), (3840, 2160)]
# drawn: every drawing that there is.
PAGES = ["run", "drawn", "hostile", "empty"]


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
    runs = {"run": made.results(), "drawn": drawn.results(), "hostile": made.hostile(), "empty": empty(), "two": two_backbones()}
    for name, results in runs.items():
        found[name] = folder / f"{name}.html"
        found[name].write_text(page.render(results, tables.all_tables(results)), encoding="utf-8")
    return found


def two_backbones() -> Results:
    """The run, and all of it again of another backbone."""
    run, name = made.results(), "regnet_x_400mf"
    again = {part: tuple(replace(each, backbone=name) for each in getattr(run, part)) for part in ("parity", "confusions", "samples")}
    cells = tuple(replace(each, cell=replace(each.cell, backbone=name)) for each in run.cells)
    return replace(run, cells=(*run.cells, *cells), **{part: (*getattr(run, part), *more) for part, more in again.items()})


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


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
def test_it_asks_for_nothing_and_nothing_overflows(browser, places, name, size):
    shown, seen = opened(browser, places[name], viewport={"width": size[0], "height": size[1]})
    for button in shown.locator("th button").all()[:3]:
        button.click()
    assert seen == []
    # Wide things scroll inside their own frames.
    assert shown.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    shown.context.close()


@pytest.mark.parametrize("name", PAGES)
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


def serious(shown: Page) -> list[tuple[str, str]]:
    """What axe finds that shuts readers out."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    found = axe.run(shown).response["violations"]
    return [(each["id"], each["nodes"][0]["html"][:200]) for each in found if each["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(browser, places, name, scheme):
    shown, _ = opened(browser, places[name], color_scheme=scheme)
    assert serious(shown) == []
    shown.context.close()


def chosen(shown: Page, noun: str, name: str) -> None:
    shown.locator("#choose label", has_text=noun).locator("select").select_option(label=name)


def visible(shown: Page, what: str) -> list[str]:
    return [each.inner_text() for each in shown.locator(f"{what}:visible").all()]


def test_a_choice_of_names_narrows_the_whole_page(browser, places):
    shown, seen = opened(browser, places["two"])
    rows, figures = visible(shown, "tbody tr"), visible(shown, "figcaption")
    assert (len(rows), len(figures)) == (shown.locator("tbody tr").count(), shown.locator("figcaption").count())
    chosen(shown, "backbone", "resnet18")
    mine = [row for row in rows if "resnet18" in row]
    assert visible(shown, "tbody tr") == [row for row in rows if row in mine or "regnet" not in row]
    assert visible(shown, "figcaption") == [title for title in figures if "regnet" not in title]
    chosen(shown, "runtime", "ort-rust")
    left = visible(shown, "tbody tr")
    assert left
    assert not [row for row in left if "ort-python" in row and "ort-rust" not in row]
    assert shown.locator("#choose output").inner_text() == f"{len(left)} of {len(rows)} rows"
    dimmed = shown.evaluate("[...document.querySelectorAll('svg g.other')].map((each) => each.getAttribute('aria-label'))")
    assert dimmed
    assert not [text for text in dimmed if "ort-rust" in text and "resnet18" in text]
    # The words of a table's own filter count, too.
    field = shown.locator(".filter input").first
    field.fill("nothing-has-this")
    table = field.locator("xpath=../following-sibling::div[1]//table")
    assert table.locator("tbody tr:visible").count() == 0
    field.fill("")
    for noun in ("backbone", "runtime"):
        chosen(shown, noun, "all")
    assert (visible(shown, "tbody tr"), visible(shown, "figcaption")) == (rows, figures)
    assert shown.locator("svg .other").count() == 0
    assert seen == []
    shown.context.close()


def test_names_that_only_begin_alike_are_two(browser, tmp_path):
    run = made.results()
    results = replace(run, parity=tuple(replace(row, variant=row.variant.replace("static", "dynamic-2")) for row in run.parity))
    place = tmp_path / "page.html"
    place.write_text(page.render(results, tables.all_tables(results)), encoding="utf-8")
    shown, _ = opened(browser, place)
    assert any("raw-dynamic-2" in row for row in visible(shown, "tbody tr"))
    chosen(shown, "variant", "raw-dynamic")
    left = visible(shown, "tbody tr")
    assert left
    assert not [row for row in left if "raw-dynamic-2" in row and "raw-dynamic" not in row.replace("raw-dynamic-2", "")]
    shown.context.close()


def test_hostile_names_can_be_chosen(browser, places):
    shown, seen = opened(browser, places["hostile"])
    select = shown.locator("#choose label", has_text="backbone").locator("select")
    names = select.locator("option").evaluate_all("(all) => all.slice(1).map((each) => each.textContent)")
    assert len(names) > len(made.HOSTILE)
    every = len(visible(shown, "tbody tr"))
    for name in names:
        select.select_option(label=name)
        left = shown.locator("tbody tr:visible").evaluate_all("(rows) => rows.map((row) => row.cells[0].textContent)")
        assert name in {cell.removesuffix(" (random)") for cell in left}
        assert len(left) < every
    assert seen == []
    shown.context.close()


def test_where_there_is_nothing_to_choose_there_is_no_choice(browser, places):
    shown, _ = opened(browser, places["empty"])
    assert shown.evaluate("getComputedStyle(document.getElementById('choose')).display") == "none"
    shown.context.close()
