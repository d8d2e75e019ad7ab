"""A group of cells in fake runners: a cell that goes wrong becomes an error or a hole, and the others go on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from bench.fleet import Fleet
from bench.measure import campaign, sentinel
from bench.measure.group import Entry, Group, Inputs, check_answers
from bench.measure.sessions import Sessions
from bench.measure.summary import summarise as summarised
from bench.progress import Progress
from bench.results import Block, Measured, ScenarioKind
from bench.runner import CAN_FREEZE, RunnerError
from contract.matrix import Cell, Measure, Scenario
from contract.protocol import Timed
from tests.bench import fakes
from tests.fake_runner import SIDE

LATENCY = Scenario("latency", "latency")
IMAGES = 8


@dataclass
class Stage:
    """A folder with inputs and models, and a fleet over fake runners."""

    folder: Path
    fleet: Fleet
    inputs: Inputs

    def model(self, name: str, matrix: np.ndarray | None = None) -> Path:
        path = self.folder / f"{name}.onnx"
        fakes.save_model(path, fakes.weights() if matrix is None else matrix)
        return path

    def group(self, cells: list[tuple[Cell, Path]], scenario: Scenario = LATENCY, inputs: Inputs | None = None) -> Group:
        return Group(scenario, cells, inputs or self.inputs, Sessions(self.fleet), 0)


@pytest.fixture
def stage(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    images = []
    for number in range(IMAGES):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(np.random.default_rng(number).integers(0, 255, 3 * SIDE * SIDE, dtype=np.uint8).tobytes())
        images.append(np.frombuffer(path.read_bytes(), np.uint8).reshape(SIDE, SIDE, 3).transpose(2, 0, 1).astype(np.float32) / 255)
    np.save(tmp_path / "x.npy", np.stack(images))
    logits = np.stack(images).reshape(IMAGES, -1) @ fakes.weights().astype(np.float32)
    inputs = Inputs(tuple(str(tmp_path / f"{n}.jpg") for n in range(IMAGES)), tmp_path / "x.npy", logits, 1e-4)
    with Fleet(fakes.RUNTIMES, 1, tmp_path / "logs") as fleet:
        yield Stage(tmp_path, fleet, inputs)


def summarise(entry: Entry, kind: ScenarioKind) -> Measured:
    return summarised(entry.cell, kind, entry.blocks, entry.options, entry.error, entry.alpha_share)


def run(group: Group, work: Path) -> list[str | None]:
    """Prepare and measure one round; the error of each cell."""
    group.prepare(work)
    group.spend(0.0, 0, at_least=1)
    return [entry.error for entry in group.entries]


def test_rounds_of_blocks(stage, tmp_path):
    model = stage.model("raw-dynamic")
    group = stage.group([(fakes.cell(runtime=name), model) for name in ("ort-python", "ort-rust")])
    group.prepare(tmp_path)
    group.spend(0.0, 7, at_least=3)
    for entry in group.entries:
        assert entry.error is None
        halves = Counter((block.round, block.half) for block in entry.blocks)
        assert set(halves.values()) == {1}
        assert len(halves) == 6
        assert {block.disturbed for block in entry.blocks} == {None}
        assert {block.process for block in entry.blocks} == {7}
        assert len(entry.expected) == IMAGES
        assert entry.options["threads"] == 1
    assert len({len(entry.blocks) for entry in group.entries}) == 1


def test_a_wrong_answer_is_an_error_and_others_go_on(stage, tmp_path):
    wrong, right = stage.model("wrong", fakes.weights(seed=9)), stage.model("right")
    group = stage.group([(fakes.cell("raw-dynamic"), wrong), (fakes.cell("sim-dynamic"), right)])
    error, fine = run(group, tmp_path)
    assert str(error).startswith("resnet18/raw-dynamic/ort-python/cpu/latency-1: answers the timed inputs wrongly: off by ")
    assert fine is None
    assert [len(entry.blocks) for entry in group.entries] == [0, 2]
    assert summarise(group.entries[0], group.scenario.kind).error == error
    assert summarise(group.entries[1], group.scenario.kind).samples == sum(len(block.samples_ns) for block in group.entries[1].blocks)


def test_nan_and_a_missing_file_are_errors(stage, tmp_path, monkeypatch):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", "no-file"))
    nan = stage.model("nan", np.full((48, 3), np.nan))
    right = stage.model("right")
    group = stage.group([(fakes.cell(), nan), (fakes.cell(runtime="ort-rust"), right), (fakes.cell("sim-dynamic"), right)])
    first, second, third = run(group, tmp_path)
    assert "answers the timed inputs with NaN or infinity" in str(first)
    assert "wrote no array 'logits' that can be read" in str(second)
    assert third is None


def test_another_number_of_classes_is_an_error(stage, tmp_path):
    group = stage.group([(fakes.cell(), stage.model("wide", fakes.weights(classes=5)))])
    assert "answers the timed inputs wrongly: 8 forwards, logits of shape (8, 5) and not (8, 3)" in str(run(group, tmp_path))


def test_an_old_file_has_answers_of_its_own(stage, tmp_path):
    new, old, other = (stage.model(name, fakes.weights(seed)) for name, seed in (("new", 0), ("old", 7), ("other", 8)))
    cells = [(fakes.cell(), new), (fakes.cell("raw-dynamic old"), old), (fakes.cell("raw-dynamic old", "ort-rust"), old)]
    assert run(stage.group(cells), tmp_path) == [None] * 3
    assert "answers the timed inputs wrongly: off by" in str(run(stage.group([*cells[:2], (cells[2][0], other)]), tmp_path)[2])


def test_an_old_file_for_images_of_another_size_is_a_hole(stage, tmp_path):
    np.save(tmp_path / "larger.npy", np.zeros((IMAGES, 3, 2 * SIDE, 2 * SIDE), np.float32))
    larger = Inputs(stage.inputs.images, tmp_path / "larger.npy", None, 1e-4)
    run(group := stage.group([(fakes.cell("raw-dynamic old"), stage.model("old"))], inputs=larger), tmp_path)
    assert group.entries[0].hole == f"takes 3x{SIDE}x{SIDE}, and 3x{2 * SIDE}x{2 * SIDE} is timed"


def test_a_timed_answer_that_is_not_the_verified_one(stage, tmp_path, monkeypatch):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", "wrong-crc", verb="time"))
    model = stage.model("raw-dynamic")
    group = stage.group([(fakes.cell(runtime=name), model) for name in ("ort-python", "ort-rust")])
    assert run(group, tmp_path) == [
        None, "resnet18/raw-dynamic/ort-rust/cpu/latency-1: sample 0 has another answer than the verified one",
    ]  # fmt: skip


def test_on_cuda_sums_may_come_in_another_order(stage, tmp_path, monkeypatch):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", "wrong-crc", verb="time"))
    group = stage.group([(fakes.cell(runtime="ort-rust", provider="cuda"), stage.model("raw-dynamic"))])
    assert run(group, tmp_path) == [None]


@pytest.mark.parametrize("batch", [1, 3, 8, 12])
def test_every_batch_verifies_every_forward(stage, tmp_path, batch):
    scenario = Scenario("throughput", "throughput", batch)
    group = stage.group([(fakes.cell(scenario="throughput", batch=batch), stage.model("raw-dynamic"))], scenario)
    assert run(group, tmp_path) == [None]
    assert len(group.entries[0].expected) == {1: 8, 3: 8, 8: 1, 12: 2}[batch]


def test_end_to_end_is_split_by_stage(stage, tmp_path):
    scenario = Scenario("e2e", "e2e")
    group = stage.group([(fakes.cell(scenario="e2e"), stage.model("raw-dynamic"))], scenario)
    assert run(group, tmp_path) == [None]
    assert set(summarise(group.entries[0], group.scenario.kind).split_ns) == {"read", "decode", "resize", "normalise", "logits", "label"}


def test_load_needs_no_answers(stage, tmp_path):
    scenario = Scenario("load", "load")
    group = stage.group([(fakes.cell(scenario="load"), stage.model("wrong", fakes.weights(9)))], scenario)
    assert group.load
    assert run(group, tmp_path) == [None]
    assert group.entries[0].expected == (0,)


def test_what_a_runtime_lacks_is_a_hole(stage, tmp_path, monkeypatch):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", lacks="time"))
    model = stage.model("raw-dynamic")
    scenarios = [(LATENCY, [(fakes.cell(runtime=name), model) for name in ("ort-python", "ort-rust")])]
    site = campaign.Site("wings/tiny on cpu", scenarios, stage.inputs)
    (found,) = campaign.measure([site], stage.fleet, Measure(4.0, 2), 0, tmp_path, Progress(1))
    assert [cell.cell.runtime for cell in found.cells] == ["ort-python"]
    assert {block.process for block in found.cells[0].blocks} == {0, 1}
    assert [(hole.cell.runtime, hole.why) for hole in found.holes] == [("ort-rust", "this runtime has no verb 'time'")]


def test_a_disturbed_round_is_marked_for_all_cells(stage, tmp_path, monkeypatch):
    readings = iter([sentinel.Reading(), sentinel.Reading(100, 0), sentinel.Reading(), sentinel.Reading(100, 50)])
    monkeypatch.setattr(sentinel, "read", lambda: next(readings))
    monkeypatch.setattr(sentinel, "MOST_STOLEN", 0.05)
    model = stage.model("raw-dynamic")
    group = stage.group([(fakes.cell(runtime=name), model) for name in ("ort-python", "ort-rust")])
    group.prepare(tmp_path)
    group.spend(0.0, 0, at_least=2)
    for entry in group.entries:
        assert [block.disturbed for block in entry.blocks] == [None, None, *["more than 5% of the CPU time was stolen"] * 2]
        made = summarise(entry, "latency")
        assert (len(made.blocks), made.samples) == (4, sum(len(block.samples_ns) for block in made.blocks[:2]))
        assert campaign.without_number(entry) is None
        entry.blocks = entry.blocks[2:]
        assert campaign.without_number(entry) == "every round was disturbed: more than 5% of the CPU time was stolen"


@pytest.mark.skipif(not CAN_FREEZE, reason="no SIGSTOP")
def test_frozen_runners_use_no_cpu_time(stage, tmp_path, monkeypatch):
    """One of them spins between questions, as ONNX Runtime's threads do."""
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", "spin", verb="load"))
    model = stage.model("raw-dynamic")
    group = stage.group([(fakes.cell(runtime=name), model) for name in ("ort-python", "ort-rust")])
    group.prepare(tmp_path)
    group.spend(0.0, 0, at_least=3)
    beside = [block.idle_ns for block in group.entries[0].blocks]
    took = sum(sum(block.samples_ns) for block in group.entries[0].blocks)
    assert sum(beside) <= 0.002 * max(took, 1e9)


def test_answers_are_verified_once_and_checked_in_every_process(stage, tmp_path, monkeypatch):
    group = stage.group([(fakes.cell(), stage.model("raw-dynamic"))])
    verified = []
    verify = Group._verify
    monkeypatch.setattr(Group, "_verify", lambda *args, **more: verified.append(1) or verify(*args, **more))
    run(group, tmp_path)
    group.sessions.drop()
    group.prepare(tmp_path)
    group.spend(0.0, 1, at_least=1)
    assert (len(verified), group.entries[0].error) == (1, None)
    group.entries[0].expected = (7,)
    group.spend(0.0, 1, at_least=1)
    assert "sample 0 has another answer than the verified one" in str(group.entries[0].error)


def test_a_group_without_a_cell_left_ends_at_once(stage, tmp_path, monkeypatch):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", lacks="time"))
    group = stage.group([(fakes.cell(runtime="ort-rust"), stage.model("raw-dynamic"))])
    group.prepare(tmp_path)
    group.spend(1000.0, 0, at_least=1)
    assert not group.alive


def test_a_crash_costs_only_the_cell_that_it_met(stage, tmp_path, monkeypatch):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", "crash", verb="load", when="crashes.onnx"))
    models = [("raw-dynamic", stage.model("right")), ("sim-static", stage.model("crashes")), ("sim-dynamic", stage.model("fine"))]
    group = stage.group([(fakes.cell(variant, "ort-rust"), model) for variant, model in models])
    pids = []
    monkeypatch.setattr(Fleet, "_accept", lambda *said: pids.append(said[-1].pid))
    first, second, third = run(group, tmp_path)
    assert (first, third) == (None, None)
    assert "ort-rust: load: died (signal SIGSEGV)" in str(second)
    assert len(pids) == len(set(pids)) == 3
    assert [len(entry.blocks) for entry in group.entries] == [2, 0, 2]


def test_another_provider_than_asked_is_an_error(stage, tmp_path):
    sessions = Sessions(stage.fleet)
    loaded = sessions.get(fakes.cell(), stage.model("raw-dynamic"))
    runner = sessions.runner(fakes.cell())
    runner.load = lambda _arguments: loaded
    with pytest.raises(RunnerError, match="ort-python: load: asked for cuda, runs on cpu"):
        sessions.get(fakes.cell(provider="cuda"), stage.model("raw-dynamic"))


def test_sessions_are_loaded_once_and_forgotten_with_their_runner(stage):
    sessions, model = Sessions(stage.fleet), stage.model("raw-dynamic")
    first = sessions.get(fakes.cell(), model)
    assert sessions.get(fakes.cell(scenario="load"), model) is first
    other = sessions.get(fakes.cell(runtime="ort-rust"), model)
    sessions.drop(fakes.cell())
    assert sessions.get(fakes.cell(), model) is not first
    assert sessions.get(fakes.cell(runtime="ort-rust"), model) is other
    sessions.drop()
    assert sessions.get(fakes.cell(runtime="ort-rust"), model) is not other


@pytest.mark.parametrize(("said", "bad"), [((5, 6, 5), None), ((5, 6, 6), 2), ((7,), 0)])
def test_checksums_come_in_turn(said, bad):
    timed = Timed((1,) * len(said), said, None)
    if bad is None:
        check_answers(timed, (5, 6), "x")
        return
    with pytest.raises(RunnerError, match=f"x: sample {bad} has another answer"):
        check_answers(timed, (5, 6), "x")


def test_a_summary_by_hand(stage):
    group = stage.group([(fakes.cell(scenario="throughput", batch=4), Path("x"))])
    entry = group.entries[0]
    assert summarise(entry, "throughput").error == "no samples"
    entry.blocks = [Block(0, 0, 0, (10, 20, 30), 0, 0, {}, None), Block(0, 0, 1, (40, 50, 60), 0, 0, {}, None)]
    entry.blocks.append(Block(0, 1, 0, (7,), 0, 0, {}, "stolen"))
    found = summarise(entry, "throughput")
    assert (found.samples, found.middle_ns, found.percentiles_ns) == (6, 35, {"90": None, "95": None, "99": None})
    assert found.median_ns is not None
    assert (found.median_ns.low, found.median_ns.high) == (10, 60)
    assert found.images_per_second is not None
    assert (found.images_per_second.low, found.images_per_second.high) == pytest.approx((4e9 / 60, 4e9 / 10))


def test_a_group_takes_what_it_earned_and_owes_what_it_must_take(stage, tmp_path):
    model = stage.model("raw-dynamic")
    group = stage.group([(fakes.cell(runtime=name), model) for name in ("ort-python", "ort-rust")])
    group.prepare(tmp_path)
    group.spend(0.0, 0, at_least=2)
    assert len(group.entries[0].blocks) == 4
    group.spend(0.0, 1, at_least=0)  # it owes two rounds
    assert len(group.entries[0].blocks) == 4
    group.spend(0.2, 1, at_least=0)
    assert len(group.entries[0].blocks) > 4
    assert {block.process for block in group.entries[0].blocks} == {0, 1}
