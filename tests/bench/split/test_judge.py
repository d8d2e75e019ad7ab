"""Steps of a chain, by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bench import ratios
from bench.results import Block, Measured, Noise
from bench.runtimes import Descriptor
from bench.split import table
from bench.split.judge import Judged, judge
from bench.split.programs import Chain, Program
from bench.split.table import Split
from contract.layout import CHECKOUT
from tests.bench import fakes, made

GENERATIONS = 4
# Nanoseconds of each program, and by how much its processes differ from that, in turn.
TIMES = {"ort-python": 10_000_000, "python-bound": 9_900_000, "rust-bare": 9_800_000, "ort-rust": 9_850_000}
SCATTER = {"ort-python": (0, 0, 0, 0), "python-bound": (1, -1, 1, -1), "rust-bare": (1, 1, -1, -1), "ort-rust": (-1, 1, 1, -1)}
NOTHING = Noise((), 0, 0, None, None, 8, {}, 0.0)


def chain() -> Chain:
    nobody = Descriptor("ort-python", lambda _: [], lambda: "")
    differs = {"python-bound": frozenset({"output_allocation"}), "ort-rust": frozenset({"output_allocation"})}
    programs = (Program(name, f"what {name} is", nobody, differs.get(name, frozenset())) for name in TIMES)
    return Chain(tuple(programs), "rust-bare")


def cells(**changed: object) -> list[Measured]:
    found = []
    for name, ns in TIMES.items():
        blocks = tuple(
            Block(process, turn, half, (round(ns * (1 + 0.0005 * SCATTER[name][process])),), 0, 0, {}, None)
            for process in range(GENERATIONS)
            for turn in range(2)
            for half in (0, 1)
        )
        where = "before the forward" if name in ("python-bound", "rust-bare") else "in each forward"
        found.append(
            replace(made.measured("raw-static", name), blocks=blocks, options={"threads": 2, "output_allocation": where}, **changed)
        )
    return found


def receipts() -> dict[str, object]:
    """What programs say of themselves: each is one of the two runners, started in another way."""
    return {name: made.receipt("ort-rust" if "rust" in name else "ort-python", "1.31.1", fakes.COMMIT) for name in TIMES}


def judged(**changed: object) -> Judged:
    return judge(chain(), cells(**changed), receipts(), 0.01)


def test_each_step_is_a_contrast_with_the_one_before():
    found = judged()
    pairs = [(step.contrast.base.runtime, step.contrast.cell.runtime) for step in (*found.steps, found.total)]
    assert pairs == [
        ("ort-python", "python-bound"), ("python-bound", "rust-bare"), ("rust-bare", "ort-rust"), ("ort-python", "ort-rust"),
    ]  # fmt: skip
    assert [step.isolates for step in found.steps] == ["what python-bound is", "what rust-bare is", "what ort-rust is"]
    assert found.remains == "rust-bare"
    ratio = found.steps[0].contrast.ratio
    assert ratio is not None
    assert ratio.value == pytest.approx(0.99, abs=1e-6)
    assert (found.steps[0].contrast.processes, found.steps[0].contrast.rounds) == (4, 8)


def test_the_numbers_are_those_of_every_run():
    step = judged().steps[0]
    # Of process 0: 9.9 ms and 0.05 % more, against 10 ms.
    assert step.logs == pytest.approx([math.log(0.99 * (1 + sign * 0.0005)) for sign in (1, -1, 1, -1)], abs=1e-7)
    evidence = ratios.evidence(step.logs)
    share = cells()[0].alpha_share
    assert step.contrast.ratio == ratios.interval(evidence, share)
    assert step.contrast.mde == ratios.smallest_detectable(evidence)
    assert step.contrast.p == ratios.p_value(evidence, share)


def test_the_steps_add_up_in_every_generation():
    found = judged()
    for generation, total in enumerate(found.total.logs):
        assert sum(step.logs[generation] for step in found.steps) == pytest.approx(total, abs=1e-12)


def test_all_are_one_family():
    found = judged()
    every = (*found.steps, found.total)
    assert [step.contrast.family_p for step in every] == ratios.holm([step.contrast.p for step in every])


def test_only_what_differs_by_intent_may_differ():
    other = [replace(cell, options=cell.options | {"threads": 1}) if cell.cell.runtime == "python-bound" else cell for cell in cells()]
    found = judge(chain(), other, receipts(), 0.01)
    assert [step.contrast.not_comparable for step in found.steps] == ["threads", "threads", None]
    assert found.steps[0].logs == ()
    without = Chain(tuple(replace(program, differs=frozenset()) for program in chain().programs), "rust-bare")
    found = judge(without, cells(), receipts(), 0.01)
    assert [step.contrast.not_comparable for step in found.steps] == ["output_allocation", None, "output_allocation"]
    assert found.total.contrast.not_comparable is None  # both ends let ONNX Runtime allocate
    build = receipts() | {"rust-bare": made.receipt("ort-rust", "1.31.1", "0123456789")}
    assert [step.contrast.not_comparable for step in judge(chain(), cells(), build, 0.01).steps] == [None, "commit", "commit"]


def test_a_chain_that_lacks_a_link_is_not_judged():
    with pytest.raises(ValueError, match="not measured: rust-bare"):
        judge(chain(), [cell for cell in cells() if cell.cell.runtime != "rust-bare"], receipts(), 0.01)


def test_the_first_program_once_more_is_no_link():
    again = replace(cells()[0], cell=replace(cells()[0].cell, variant="raw-static again"))
    assert judge(chain(), [*cells(), again], receipts(), 0.01).total == judged().total


def split(**changed: object) -> Split:
    about = "python -m bench split --backbone resnet18 --seconds 60"
    return replace(Split("wings/resnet18 raw-static, batch 1", "a CPU, Linux", about, "2026-11-22", 60.0, 2, judged(), NOTHING), **changed)


def test_the_table():
    found = table.table(split())
    assert found.title == "wings/resnet18 raw-static, batch 1: Python against Rust, step by step"
    assert [row[:2] for row in found.rows][-1] == ("ort-python", "ort-rust")
    first, remains, _, total = found.rows
    assert first[2:4] == ("what python-bound is", "-1.00%")
    assert remains[3] == f"{9.8 / 9.9 - 1:+.2%}"
    assert remains[6].endswith(" (remains)")
    assert total[2:4] == ("all of it", "-1.50%")
    assert sum("(remains)" in row[6] for row in found.rows) == 1
    assert found.notes[0] == (
        "python -m bench split --backbone resnet18 --seconds 60: 2026-11-22, a CPU, Linux, 2 threads; 60 s, 4 generations of processes,"
        " 8 rounds."
    )
    assert found.notes[1].startswith("Would be found: the slow-down that 95 % of such runs call one. Between ")
    assert found.notes[-1] == "No round was disturbed."


def test_the_notes_tell_the_control_and_what_was_disturbed():
    cell = fakes.cell("raw-static")
    control = made.Control(cell, replace(cell, variant="raw-static again"), made.Interval(1.002, 0.99, 1.01), 0.7, False)
    notes = table.notes(split(noise=replace(NOTHING, controls=(control,), disturbed={"stolen": 2, "slewed": 1})))
    assert notes[-2] == "The first program against itself: +0.20% [-1.00%, +1.00%], not called different."
    assert notes[-1] == "3 of 8 rounds were disturbed and count for nothing."


def test_too_few_generations_are_said():
    few = [replace(cell, blocks=tuple(block for block in cell.blocks if block.process < 2)) for cell in cells()]
    found = table.table(split(judged=judge(chain(), few, receipts(), 0.01)))
    assert found.rows[0][3:] == ("n/a", "n/a", "n/a", "inconclusive")
    assert found.notes[1] == "Too few generations for any interval: give it more --seconds."


def test_what_is_not_comparable_has_no_number():
    other = [replace(cell, options=cell.options | {"threads": 1}) if cell.cell.runtime == "ort-rust" else cell for cell in cells()]
    rows = table.table(split(judged=judge(chain(), other, receipts(), 0.01))).rows
    assert rows[2][3:] == ("n/a", "n/a", "n/a", "not comparable: threads")


def test_the_document_has_the_marks():
    text = (CHECKOUT / "METHODOLOGY.md").read_text(encoding="utf-8")
    assert text.index(table.BEGIN) < text.index(table.END)
