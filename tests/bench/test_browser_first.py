"""The first screen in a real Chromium: verdict, error rates and the three answers are on it, of six backbones as of one."""

# ruff: noqa: F401, F811 (fixtures of another file)
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.report import page, tables
from bench.results import Contrast, Interval, Results
from tests.bench import made
from tests.bench.fakes import cell
from tests.bench.test_browser import browser, opened, pytestmark, serious, sync_api

if TYPE_CHECKING:
    from playwright.sync_api import Page

BACKBONES = ("resnet18", "resnet50", "regnet_x_400mf", "regnet_y_16gf", "efficientnet_b0", "mobilenet_v3_large")
# Ratios of Rust and of eager PyTorch to Python: each pair makes another answer.
FOUND = (
    ("faster", "slower"), ("slower", "slower"), ("inconclusive", "slower"),
    ("inconclusive", "inconclusive"), ("faster", "faster"), ("slower", "equivalent"),
)  # fmt: skip
FIRST_SCREEN = ("h1", ".verdict strong", ".verdict span", ".answer h2", ".answer .short", ".answer .by")


def six() -> Results:
    """A run of six backbones whose answer to the second question is as long as it gets."""
    run = made.results()
    ratios = [one for name, found in zip(BACKBONES, FOUND, strict=True) for one in _ratios(name, found)]
    cells = {each.cell: replace(made.measured(each.cell.variant, each.cell.runtime), cell=each.cell) for each in ratios}
    rows = tuple(made.row("raw-dynamic", "ort-rust", backbone=name) for name in BACKBONES)
    subjects = tuple(made.subject(name) for name in BACKBONES)
    return replace(run, parity=rows, cells=tuple(cells.values()), contrasts=tuple(ratios), subjects=subjects)


def _ratios(backbone: str, found: tuple[str, str]) -> list[Contrast]:
    base = replace(cell("raw-dynamic", "ort-python"), backbone=backbone)
    cells = [replace(cell(*of), backbone=backbone) for of in (("raw-dynamic", "ort-rust"), ("eager", "torch-eager"))]
    cells.append(replace(cell("sim-dynamic", "ort-python"), backbone=backbone))
    factors = ("runtime", "runtime", "variant")
    return [
        made.contrast(one, base, factor, Interval(0.975, 0.951, 1.029), verdict, mde=0.15)
        for one, factor, verdict in zip(cells, factors, (*found, "slower"), strict=True)
    ]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("first")
    found = {name: folder / f"{name}.html" for name in ("one", "six")}
    for place, results in zip(found.values(), (made.results(), six()), strict=True):
        place.write_text(page.render(results, tables.all_tables(results)), encoding="utf-8")
    return found


def lines(shown: Page) -> list[str]:
    """Lines of the answers that are to be seen."""
    found = shown.evaluate("[...document.querySelectorAll('.answer li')].map((each) => [each.checkVisibility(), each.textContent])")
    return [str(text) for seen, text in found if seen]


@pytest.mark.parametrize("name", ["one", "six"])
@pytest.mark.parametrize("size", [(360, 740), (1280, 800)], ids=lambda size: str(size[0]))
def test_verdict_error_rates_and_answers_are_on_the_first_screen(browser, places, name, size):
    shown, seen = opened(browser, places[name], viewport={"width": size[0], "height": size[1]})
    assert shown.locator(".answer h2").count() == shown.locator(".answer .short").count() == 3
    for what in FIRST_SCREEN:
        for each in shown.locator(what).all():
            box = each.bounding_box()
            if what == ".answer .by" and name == "one" and size[0] > 720:
                assert box is None, "its only line says the same"
                continue
            assert box is not None, f"{what} is hidden"
            assert box["y"] >= 0
            assert box["y"] + box["height"] <= size[1], f"{what} ends below the first screen: {each.inner_text()}"
    assert shown.locator(".verdict span").inner_text() == (
        "This machine's error rates: false alarms 0 of 1, below 95.0 % at 95 %; the median ratio finds slow-downs from 1.20 % on"
    )
    assert seen == []
    shown.context.close()


def test_the_error_rates_stand_in_one_line_with_the_verdict(browser, places):
    shown, _ = opened(browser, places["six"], viewport={"width": 1280, "height": 800})
    verdict, rates = (shown.locator(f".verdict {part}").bounding_box() for part in ("strong", "span"))
    assert verdict is not None
    assert rates is not None
    assert rates["x"] > verdict["x"] + verdict["width"]
    assert verdict["y"] < rates["y"] + rates["height"] / 2 < verdict["y"] + verdict["height"]
    shown.context.close()


def test_more_lines_than_three_are_opened(browser, places):
    shown, _ = opened(browser, places["six"], viewport={"width": 1280, "height": 800})
    before = lines(shown)
    assert [len([line for line in before if name in line]) for name in BACKBONES] == [3, 2, 2, 0, 0, 0]
    assert shown.locator("summary:visible").all_inner_texts() == ["3 more", "3 more", "5 more"]
    for each in shown.locator("summary").all():
        each.click()
    assert sorted(set(lines(shown))) == sorted(lines(shown)), "no line stands there twice"
    assert len(lines(shown)) == 6 + 6 + 8
    assert serious(shown) == []
    shown.context.close()


def test_on_a_narrow_screen_all_lines_are_opened(browser, places):
    shown, _ = opened(browser, places["six"], viewport={"width": 360, "height": 740})
    assert lines(shown) == []
    assert shown.locator("summary:visible").all_inner_texts() == ["In detail"] * 3
    shown.locator("summary").first.click()
    assert len(lines(shown)) == 6
    assert serious(shown) == []
    shown.context.close()


def test_on_paper_every_line_is_there_once(browser, places):
    shown, _ = opened(browser, places["six"], viewport={"width": 1046, "height": 718})
    shown.emulate_media(media="print")
    assert len(lines(shown)) == len(set(lines(shown))) == 6 + 6 + 8
    assert shown.locator("summary:visible").count() == 0
    shown.context.close()
