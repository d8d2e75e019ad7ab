"""The gate's verdicts by hand: what passes, what is slower, and what nobody may call either."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.gate import judge
from bench.measure.pairs import OLD
from bench.results import Contrast, Gate, GateRow, Interval
from contract.errors import BAD, GOOD, NOTHING_JUDGED
from contract.matrix import Cell, Hole
from tests.bench import fakes, made

NEW = fakes.cell("raw-dynamic", "ort-python")
GATE = Gate("then", 0.05, same_cpu=True, files=(), rows=())


def old(cell: Cell) -> Cell:
    return replace(cell, variant=cell.variant + OLD)


def contrast(low: float, value: float, high: float, mde: float | None, verdict: str = "inconclusive", **changes: object) -> Contrast:
    return made.contrast(NEW, old(NEW), "release", Interval(value, low, high), verdict, mde=mde, **changes)


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        (contrast(0.98, 1.00, 1.02, 0.03), "passes"),
        (contrast(0.80, 0.81, 0.82, 0.03, "faster"), "passes"),
        (contrast(1.00, 1.02, 1.04, 0.03, "slower"), "passes"),  # slower, and by less than is allowed
        (contrast(1.07, 1.09, 1.11, 0.03, "slower"), "slower"),
        (contrast(1.20, 1.40, 1.60, 0.20, "slower"), "slower"),  # so much slower that even this run sees it
        (contrast(1.06, 1.09, 1.12, 0.03, family_p=0.06), "inconclusive"),  # not significant in the family
        (contrast(1.06, 1.09, 1.12, 0.03, p=0.011), "inconclusive"),  # nor by itself
        (contrast(1.02, 1.04, 1.06, 0.03, "slower"), "inconclusive"),  # the threshold lies in the interval
        (contrast(1.06, 1.07, 1.08, 0.03, "equivalent", p=1e-6, family_p=1e-6), "slower"),  # by less than what counts as equal
        (contrast(0.98, 1.00, 1.02, 0.051), "refused"),  # 1.05 might have passed, too
        (contrast(0.98, 1.00, 1.02, 0.05), "passes"),
        (contrast(0.98, 1.00, 1.02, None), "inconclusive"),
        (replace(contrast(0.98, 1.00, 1.02, 0.03), ratio=None), "inconclusive"),
        (contrast(0.98, 1.00, 1.02, 0.03, not_comparable="threads"), "not comparable"),
    ],
)
def test_verdicts(said: Contrast, verdict: str) -> None:
    found = judge.row(said, 0.05)
    assert (found.cell, found.verdict) == (NEW, verdict)
    assert bool(found.why) == (verdict not in ("passes", "slower"))


def test_the_threshold_decides() -> None:
    said = contrast(1.07, 1.09, 1.11, 0.03, "slower")
    assert [judge.row(said, threshold).verdict for threshold in (0.02, 0.05, 0.08, 0.12)] == ["slower", "slower", "inconclusive", "passes"]


def test_every_cell_with_a_twin_has_a_row() -> None:
    rust = replace(NEW, runtime="ort-rust")
    cells = [made.measured("raw-dynamic", "ort-python"), made.measured("raw-dynamic old", "ort-python")]
    cells += [made.measured("raw-dynamic", "ort-rust"), made.measured("eager", "torch-eager"), made.measured("sim-static", "ort-python")]
    gate = judge.judge(GATE, cells, [contrast(0.98, 1.0, 1.02, 0.03)], [Hole(old(rust), "takes 3x8x8, and 3x4x4 is timed")])
    assert gate.rows == (
        GateRow(NEW, "passes", ""),
        GateRow(rust, "not comparable", "raw-dynamic old: takes 3x8x8, and 3x4x4 is timed"),
    )
    assert judge.exit_code(gate) == NOTHING_JUDGED
    # Whoever judges the judged gets the same: a report is recomputed from what it stored.
    assert judge.judge(gate, cells, [contrast(0.98, 1.0, 1.02, 0.03)], [Hole(old(rust), "takes 3x8x8, and 3x4x4 is timed")]) == gate


@pytest.mark.parametrize(("slower", "verdict"), [(1.0, "passes"), (1.06, "passes"), (1.08, "inconclusive")])
def test_what_is_slower_in_half_of_its_forwards_does_not_pass(slower: float, verdict: str) -> None:
    """The ratio is of a block's faster samples. Intervals of the medians are 1 % wide on each side."""
    cells = [made.measured("raw-dynamic", "ort-python", median=round(4_000_000 * slower)), made.measured("raw-dynamic old", "ort-python")]
    (found,) = judge.judge(GATE, cells, [contrast(0.98, 1.0, 1.02, 0.03)], []).rows
    assert (found.cell, found.verdict) == (NEW, verdict)
    assert bool(found.why) == (verdict != "passes")
    (worse,) = judge.judge(GATE, cells, [contrast(1.07, 1.09, 1.11, 0.03, "slower")], []).rows
    assert worse.verdict == "slower"


def test_other_contrasts_are_not_the_gates() -> None:
    cells = [made.measured("raw-dynamic", "ort-python"), made.measured("raw-dynamic old", "ort-python")]
    other = replace(contrast(1.5, 1.6, 1.7, 0.03, "slower"), factor="runtime")
    assert judge.judge(GATE, cells, [other], []).rows == (GateRow(NEW, "not comparable", "not measured side by side"),)


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (("passes", "passes"), GOOD),
        (("passes", "slower", "refused"), BAD),
        (("passes", "refused"), NOTHING_JUDGED),
        (("inconclusive",), NOTHING_JUDGED),
        (("not comparable",), NOTHING_JUDGED),
        ((), NOTHING_JUDGED),
    ],
)
def test_exit_codes(verdicts: tuple[str, ...], code: int) -> None:
    assert judge.exit_code(replace(GATE, rows=tuple(GateRow(NEW, each, "") for each in verdicts))) == code


def test_no_gate_is_no_verdict() -> None:
    assert judge.exit_code(None) == GOOD


def test_twice_as_fine_takes_four_times_as_long() -> None:
    assert judge.seconds_needed(0.1, 0.05, 60) == pytest.approx(240)
