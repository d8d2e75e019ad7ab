"""The answers of the first screen, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.report import answers, summary
from bench.results import Contrast, Interval, Results
from tests.bench import made
from tests.bench.fakes import cell

BASE, RUST, EAGER = cell("raw-dynamic", "ort-python"), cell("raw-dynamic", "ort-rust"), cell("eager", "torch-eager")


def run(*contrasts: Contrast, **changes: object) -> Results:
    cells = tuple(made.measured(each.variant, each.runtime) for each in (BASE, RUST, EAGER, cell("sim-dynamic", "ort-python")))
    return replace(made.results(), cells=cells, contrasts=contrasts, **changes)


def runtime(one, low: float, value: float, high: float, verdict: str, **changes: object) -> Contrast:
    return made.contrast(one, BASE, "runtime", Interval(value, low, high), verdict, **changes)


def test_it_agrees():
    good = made.row("raw-dynamic", "ort-python")
    found = answers.agrees(run(parity=(good, made.row("raw-dynamic", "ort-rust"))))
    assert (found.short, found.tone) == ("2 of 2 agree with PyTorch eager", "good")
    assert found.lines == ("resnet18 (random): 0 of 300 differ: below 1.00 % with 95 % confidence",)


def test_it_does_not():
    found = answers.agrees(made.results())
    assert (found.short, found.tone) == ("2 of 4 agree with PyTorch eager", "bad")
    # The weakest claim of all rows: three of three hundred got another label, one of them nearly by a tie.
    assert found.lines == ("resnet18 (random): 3 of 300 differ: below 2.56 % with 95 % confidence",)


def test_nobody_knows_whether_it_agrees():
    lost = made.row("raw-static", "ort-rust", judged=False, passed=False, images=0, bound=1.0)
    found = answers.agrees(run(parity=(lost,)))
    assert (found.tone, found.lines) == ("open", ("resnet18 (random): nothing could be judged",))
    assert answers.agrees(run(parity=())).short == "not judged"


@pytest.mark.parametrize(
    ("contrasts", "short", "tone"),
    [
        ([runtime(RUST, 0.97, 0.98, 0.99, "faster")], "ort-rust", "good"),
        ([runtime(RUST, 1.01, 1.02, 1.03, "slower"), runtime(EAGER, 1.8, 1.9, 2.0, "slower")], "ort-python", "good"),
        ([runtime(RUST, 0.9, 1.0, 1.1, "inconclusive"), runtime(EAGER, 1.8, 1.9, 2.0, "slower")], "ort-python or ort-rust", "open"),
        ([runtime(RUST, 0.999, 1.0, 1.001, "equivalent"), runtime(EAGER, 1.8, 1.9, 2.0, "slower")], "ort-python or ort-rust", "open"),
        ([runtime(RUST, 0.9, 0.95, 0.97, "faster"), runtime(EAGER, 0.9, 0.95, 0.97, "faster")], "ort-rust or torch-eager", "open"),
        ([runtime(RUST, 0.97, 0.98, 0.99, "faster"), runtime(EAGER, 0.9, 1.0, 1.1, "inconclusive")], "ort-rust", "good"),
        ([runtime(RUST, 0.9, 1.0, 1.1, "inconclusive"), runtime(EAGER, 0.9, 1.0, 1.1, "inconclusive")], "cannot be told yet", "open"),
        ([], "not measured", "open"),
    ],
)
def test_which_is_fastest(contrasts, short, tone):
    found = answers.fastest(run(*contrasts))
    assert (found.short, found.tone) == (short, tone)


def test_how_much_faster_is_said_with_its_interval():
    found = answers.fastest(run(runtime(RUST, 0.9, 1.0, 1.1, "inconclusive", mde=0.15), runtime(EAGER, 1.8, 1.9, 2.0, "slower")))
    assert found.lines == (
        (
            "resnet18 (random), raw-dynamic on cpu:"
            " ort-rust takes 1.000 [0.900, 1.100] times as long as ort-python (inconclusive, finds 15.0 %);"
            " torch-eager takes 1.900 [1.800, 2.000] times as long as ort-python (slower)"
        ),
    )
    apart = answers.fastest(run(runtime(RUST, 0.9, 1.0, 1.1, "inconclusive", not_comparable="threads")))
    assert "ort-rust not comparable (threads)" in apart.lines[0]
    few = answers.fastest(run(replace(runtime(RUST, 0.9, 1.0, 1.1, "inconclusive", processes=2), ratio=None)))
    assert few.lines[0].endswith("ort-rust was not compared (2 processes are too few)")


def test_by_how_much_is_said_in_one_line():
    rust, eager = runtime(RUST, 0.97, 0.98, 0.99, "faster"), runtime(EAGER, 1.8, 1.9, 2.0, "slower")
    one = answers.fastest(run(rust, eager))
    assert one.by == "Time against ort-python: ort-rust 0.980 [0.970, 0.990]; torch-eager 1.900 [1.800, 2.000]"
    other = [replace(each, backbone="regnet_x_400mf") for each in (RUST, BASE)]
    slower = made.contrast(*other, "runtime", Interval(1.05, 0.96, 1.1), "inconclusive")
    cells = (*run().cells, replace(run().cells[1], cell=other[0]))
    both = answers.fastest(replace(run(rust, slower), cells=cells))
    assert both.by == "Time against ort-python: ort-rust 0.980 to 1.050, all within [0.960, 1.100]"
    apart = answers.fastest(run(replace(rust, not_comparable="threads"), replace(eager, ratio=None)))
    assert apart.by == ""


def test_what_each_group_finds_is_said_where_there_are_several():
    one = made.results().contrasts[0]
    other = replace(one, cell=replace(one.cell, scenario="throughput", batch=8), mde=0.2)
    assert "finds slow-downs from:" not in summary.headline(replace(made.results(), contrasts=(one, replace(one, mde=0.05))))
    said = summary.headline(replace(made.results(), contrasts=(replace(one, mde=0.03), replace(one, mde=0.05), other)))
    assert "resnet18 (random) on cpu finds slow-downs from: latency-1 4.00 %, throughput-8 20.0 %" in said


def test_each_backbone_is_asked_on_one_file():
    static = made.contrast(cell("raw-static", "ort-rust"), cell("raw-static", "ort-python"), "runtime", Interval(0.5, 0.4, 0.6), "faster")
    slower = runtime(RUST, 1.01, 1.02, 1.03, "slower")
    cells = (*run().cells, made.measured("raw-static", "ort-rust"))
    assert answers.fastest(replace(run(static, slower), cells=cells)).short == "ort-python"
    assert answers.fastest(replace(run(static), cells=cells)).short == "ort-rust"
    other = [replace(each, backbone="regnet_x_400mf") for each in (RUST, BASE)]
    faster = made.contrast(*other, "runtime", Interval(0.9, 0.8, 0.95), "faster")
    both = replace(run(slower, faster), cells=(*run().cells, replace(run().cells[1], cell=other[0])))
    assert answers.fastest(both).short == "ort-python (1 of 2); ort-rust (1 of 2)"
    assert len(answers.fastest(both).lines) == 2


def test_other_scenarios_do_not_say_which_is_fastest():
    other = [replace(each, scenario="throughput", batch=8) for each in (RUST, BASE)]
    contrast = made.contrast(*other, "runtime", Interval(0.5, 0.4, 0.6), "faster")
    cells = tuple(made.measured("raw-dynamic", each.runtime, "throughput", 8) for each in other)
    assert answers.fastest(replace(run(), cells=cells, contrasts=(contrast,))).short == "not measured"


def test_did_a_variant_matter():
    simplified = cell("sim-dynamic", "ort-python")
    same = made.contrast(simplified, BASE, "variant", Interval(1.0004, 0.999, 1.002), "equivalent")
    found = answers.matters(run(same))
    assert (found.short, found.tone) == ("0 of 1 variants differ in time", "good")
    assert found.lines == ("The graph: onnxsim changed nothing in 2 of 4 files", "Latency against raw-dynamic: 1 equivalent")
    slower = answers.matters(run(replace(same, ratio=Interval(1.2, 1.1, 1.3), verdict="slower")))
    assert slower.lines[-1] == "resnet18 (random), sim-dynamic in ort-python: 1.200 [1.100, 1.300] slower"
    open_ = answers.matters(run(replace(same, verdict="inconclusive")))
    assert (open_.short, open_.tone) == ("no difference shown; 1 of 1 undecided", "open")
    unjudged = answers.matters(run(replace(same, verdict=None)))
    assert (unjudged.short, unjudged.tone) == ("no difference shown; 1 of 1 undecided", "open")
    assert answers.matters(run(subjects=())).short == "not measured"
