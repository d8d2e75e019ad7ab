"""What the page does not draw is named, with a command that its program understands."""

from __future__ import annotations

import html
import re
import shlex
from dataclasses import replace

import pytest

from bench.report import absent, page, tables
from bench.results import Results
from tests.bench import drawn, made
from tests.docs.calls import calls, selected, understood
from tests.docs.reading import Command

EVERY = (*absent.ROWS, *absent.CURVES, *absent.FIELDS, absent.TRAINING, absent.IMAGES)
CURVE = "throughput over batch sizes"
PARETO = "accuracy against latency (Pareto)"


def named(results: Results) -> list[str]:
    text = page.render(results, tables.all_tables(results))
    said = re.findall(r"<li>([^<]*): takes [^<]* \(<code>([^<]*)</code>\)</li>", html.unescape(text))
    assert set(said) <= {(each.name, each.command) for each in EVERY}
    return [name for name, _ in said]


def test_nothing_is_missing_where_everything_is_drawn():
    assert named(drawn.results()) == []
    assert '<section class="absent"' not in page.render(drawn.results(), tables.all_tables(drawn.results()))


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, []),
        ({"stages": ()}, ["stage ledger"]),
        ({"noise": None}, ["noise of this machine"]),
        ({"confusions": (), "samples": ()}, ["confusion matrix", "sample grid"]),
        ({"contrasts": ()}, ["latency ratios"]),
        ({"subjects": tuple(replace(each, history=()) for each in made.results().subjects)}, ["training curves"]),
        ({"cells": tuple(each for each in made.results().cells if each.kind != "e2e")}, ["where the time goes"]),
        ({"parity": (), "stages": (), "confusions": (), "samples": ()}, [each.name for each in (*absent.FIELDS, absent.IMAGES)]),
    ],
)
def test_what_this_run_has_nothing_for_is_named(changes, names):
    assert set(named(replace(made.results(), **changes))) == {CURVE, PARETO, *names}


def test_a_run_of_nothing_names_every_drawing():
    nothing = dict.fromkeys(("parity", "stages", "confusions", "samples", "cells", "contrasts", "subjects"), ())
    assert named(replace(made.results(), noise=None, **nothing)) == [each.name for each in EVERY]


@pytest.mark.parametrize("command", sorted({each.command for each in EVERY}))
def test_every_command_is_understood(command, tmp_path, monkeypatch):
    called = calls(Command("the page", 0, tuple(shlex.split(command))), tmp_path, monkeypatch)
    assert called
    for call in called:
        parsed = understood(call, monkeypatch)
        assert parsed is not None
        selected(parsed)
