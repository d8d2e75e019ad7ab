"""Cold starts in fake runners: fresh processes alone on the machine, timed by the bench's own clock, their answers verified."""

# ruff: noqa: F401, F811 (a fixture of another file)
from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from bench.fleet import Fleet
from bench.measure import campaign, cold, sentinel
from bench.measure.campaign import Found, Site
from bench.measure.cold import STAGES, Starts
from bench.measure.group import Inputs
from bench.progress import Progress
from bench.results import Block
from contract.errors import DataError
from contract.matrix import Measure, Scenario
from tests.bench import fakes
from tests.bench.test_group import Stage, stage

COLD, LATENCY = Scenario("cold", "cold", variant=("raw-dynamic",)), Scenario("latency", "latency")
BOTH = ("ort-python", "ort-rust")
NOTHING = Inputs((), Path("x.npy"), None, 0.0)


def at(stage: Stage, *runtimes: str, model: Path | None = None, inputs: Inputs | None = None) -> Site:
    """A site that has cold cells only."""
    path = model or stage.model("raw-dynamic")
    return Site("wings/tiny on cpu", [], inputs or stage.inputs, [(fakes.cell(runtime=name, scenario="cold"), path) for name in runtimes])


def starts(stage: Stage, *runtimes: str, model: Path | None = None, inputs: Inputs | None = None) -> Starts:
    return Starts(at(stage, *runtimes, model=model, inputs=inputs), stage.fleet, 0, stage.folder)


def without_processes(monkeypatch: pytest.MonkeyPatch, said: list[str] | None = None) -> None:
    """Every start is a block of 8 ns, and no process; `said` gets the cells in their order."""

    def start(self: Starts, entry: campaign.Entry) -> None:
        if said is not None:
            said.append(f"{self.rounds} {entry.cell.runtime}")
        entry.blocks.append(Block(self.rounds, self.rounds, 0, (8,), 0, 0, dict.fromkeys(STAGES, (2,)), None))

    monkeypatch.setattr(Starts, "_start", start)
    # A round of microseconds is wholly stolen where one tick is; what follows from that has a test of its own.
    monkeypatch.setattr(sentinel, "read", sentinel.Reading)
    monkeypatch.setattr(np, "load", lambda *_, **__: np.zeros((1, 3)))
    monkeypatch.setattr(np, "save", lambda *_: None)


def test_scenarios_are_split():
    pair = (fakes.cell(), Path("m.onnx"))
    other = (fakes.cell(scenario="cold"), Path("m.onnx"))
    assert cold.split([(LATENCY, [pair]), (COLD, [other, other])]) == ([(LATENCY, [pair])], [other, other])
    assert cold.split([]) == ([], [])


def test_cold_starts_get_as_much_as_any_other_scenario():
    cell = (fakes.cell(), Path("m.onnx"))
    curve = Scenario("curve", "throughput", (1, 8))
    neither, only = Site("a", [], NOTHING), Site("b", [], NOTHING, [cell])
    loaded, both = (
        Site("c", [(LATENCY, [cell])], NOTHING),
        Site("d", [(LATENCY, [cell]), (curve, [cell]), (curve, [cell])], NOTHING, [cell]),
    )
    settings = Measure(60.0, 5)
    assert cold.budgets([(each.scenarios, list(each.cold)) for each in (only, neither)], settings) == (None, 60.0)
    assert cold.budgets([(each.scenarios, list(each.cold)) for each in (loaded, neither)], settings) == (settings, 0.0)
    assert cold.budgets([(each.scenarios, list(each.cold)) for each in (loaded, only)], settings) == (Measure(30.0, 5), 30.0)
    # latency, curve (whatever batches it has), cold: a third each.
    assert cold.budgets([(each.scenarios, list(each.cold)) for each in (both, loaded)], settings) == (Measure(40.0, 5), 20.0)


@dataclass
class Turn:
    """What next_round asks of a site."""

    rounds: int
    cost: float
    open: bool = True


@pytest.mark.parametrize(
    ("sites", "left", "chosen"),
    [
        ([Turn(2, 5.0), Turn(1, 5.0)], 60.0, 1),  # the one that has had fewest
        ([Turn(1, 5.0), Turn(1, 5.0)], 60.0, 0),
        ([Turn(1, 9.0), Turn(2, 5.0)], 8.0, 1),  # the other one would not fit
        ([Turn(1, 9.0), Turn(2, 5.0)], 4.9, None),
        ([Turn(3, 0.0, open=False), Turn(9, 1.0)], 60.0, 1),
        ([Turn(5, 9.0), Turn(0, 0.0)], -3.0, 1),  # a first one, whatever it costs
        ([Turn(0, 0.0, open=False)], 60.0, None),
        ([], 60.0, None),
    ],
)
def test_whose_turn_it_is(sites, left, chosen):
    assert cold.next_round(sites, left) is (None if chosen is None else sites[chosen])


def test_a_sample_by_hand(stage, monkeypatch):
    """A clock that goes on by 10 at every look: spawned at 0; hello, load, first and second forward answered at 10, 20, 30, 40."""
    monkeypatch.setattr(time, "monotonic_ns", itertools.count(0, 10).__next__)
    made = starts(stage, "ort-rust")
    made.round()
    (block,) = made.entries[0].blocks
    assert block == Block(0, 0, 0, (30,), 0, 0, dict.fromkeys(STAGES, (10,)), None)
    assert list(block.split_ns) == ["start", "load", "first forward", "second forward"]
    (cell,) = made.found().cells
    assert (cell.kind, cell.samples, cell.middle_ns, cell.median_ns, cell.split_ns) == ("cold", 1, 30, None, dict.fromkeys(STAGES, 10.0))
    assert cell.options["threads"] == 1


def test_every_sample_is_a_fresh_process_and_alone(stage, monkeypatch):
    met: list[int] = []
    accept = Fleet._accept

    def watched(fleet: Fleet, name: str, receipt) -> None:
        assert len(fleet._runners) == 1
        assert not fleet._starting
        assert not any(fakes.alive(pid) for pid in met)
        met.append(receipt.pid)
        accept(fleet, name, receipt)

    stage.fleet.start()  # what was there before is ended
    monkeypatch.setattr(Fleet, "_accept", watched)
    made = starts(stage, *fakes.RUNTIMES)
    for _ in range(3):
        made.round()
    assert len(set(met)) == len(met) == 9
    for entry in made.entries:
        assert entry.error is None
        assert [(block.process, block.round, block.half, block.idle_ns) for block in entry.blocks] == [(n, n, 0, 0) for n in range(3)]
        for block in entry.blocks:
            first = sum(block.split_ns[stage][0] for stage in STAGES[:3])
            assert block.samples_ns == (first,)
            assert min(each for parts in block.split_ns.values() for each in parts) > 0
    spans = sorted((block.began_ns, block.began_ns + block.samples_ns[0]) for entry in made.entries for block in entry.blocks)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(spans))


def test_a_wrong_answer_is_an_error_and_no_number(stage):
    site = at(stage, "ort-python")
    wrong = (fakes.cell(runtime="ort-rust", scenario="cold"), stage.model("wrong", fakes.weights(seed=9)))
    made = Starts(Site(site.name, [], stage.inputs, [*site.cold, wrong]), stage.fleet, 0, stage.folder)
    made.round()
    made.round()
    right, bad = made.found().cells
    assert (right.error, right.samples) == (None, 2)
    assert str(bad.error).startswith("resnet18/raw-dynamic/ort-rust/cpu/cold-1: answers the timed inputs wrongly: off by ")
    assert (bad.blocks, bad.samples, bad.middle_ns) == ((), 0, None)
    assert made.entries[1].blocks == []


@pytest.mark.parametrize(
    ("fault", "verb", "said"),
    [
        ("wrong-crc", "time", "sample 0 has another answer than the verified one"),
        ("crash", "time", "died (signal SIGSEGV)"),
        ("crash", "load", "died (signal SIGSEGV)"),
        ("stale", "hello", "is stale"),
        ("no-file", "predict", "wrote no array 'logits' that can be read"),
        ("other-threads", "load", "asked for threads = 1, and 64 is in force"),
    ],
)
def test_a_process_that_goes_wrong_costs_its_cell_alone(stage, monkeypatch, fault, verb, said):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", fault, verb=verb))
    made = starts(stage, *BOTH)
    for _ in range(2):
        made.round()
    python, rust = made.entries
    assert (python.error, len(python.blocks)) == (None, 2)
    assert said in str(rust.error)
    assert rust.blocks == []
    assert made.open


def test_on_cuda_sums_may_come_in_another_order(stage, monkeypatch):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", "wrong-crc", verb="time"))
    cell = fakes.cell(runtime="ort-rust", scenario="cold", provider="cuda")
    made = Starts(Site("s", [], stage.inputs, [(cell, stage.model("raw-dynamic"))]), stage.fleet, 0, stage.folder)
    made.round()
    assert (made.entries[0].error, len(made.entries[0].blocks)) == (None, 1)


def test_what_a_runtime_lacks_is_a_hole(stage, monkeypatch):
    fakes.use(monkeypatch, ort_rust=fakes.descriptor("ort-rust", lacks="time"))
    made = starts(stage, "ort-rust")
    assert made.open
    made.round()
    assert not made.open
    assert [(str(hole.cell), hole.why) for hole in made.found().holes] == [
        ("resnet18/raw-dynamic/ort-rust/cpu/cold-1", "this runtime has no verb 'time'")
    ]
    assert made.found().cells == []


def test_without_a_reference_the_first_answer_is_what_the_others_repeat(stage):
    foreign_inputs = Inputs((), stage.inputs.tensor, None, 0.0)
    one = (fakes.cell(runtime="ort-python", scenario="cold"), stage.model("one"))
    other = (fakes.cell(runtime="ort-rust", scenario="cold"), stage.model("other", fakes.weights() * 1.5))
    made = Starts(Site("s", [], foreign_inputs, [one, other]), stage.fleet, 0, stage.folder)
    made.round()
    assert sorted("wrongly" in str(entry.error) for entry in made.entries) == [False, True]
    made.round()
    assert sorted(len(entry.blocks) for entry in made.entries) == [0, 2]


def test_a_disturbed_round_counts_for_no_cell(stage, monkeypatch):
    readings = iter([sentinel.Reading(), sentinel.Reading(100, 50), sentinel.Reading(), sentinel.Reading(100, 0)])
    inputs = stage.inputs
    without_processes(monkeypatch)
    monkeypatch.setattr(sentinel, "read", lambda: next(readings))
    monkeypatch.setattr(sentinel, "MOST_STOLEN", 0.1)
    made = starts(stage, *BOTH, model=Path("m.onnx"), inputs=inputs)
    made.round()
    cause = "more than 10% of the CPU time was stolen"
    assert {hole.why for hole in made.found().holes} == {f"every round was disturbed: {cause}"}
    made.round()
    for cell in made.found().cells:
        assert [block.disturbed for block in cell.blocks] == [cause, None]
        assert cell.samples == 1


def orders(monkeypatch: pytest.MonkeyPatch, seed: int) -> list[str]:
    said: list[str] = []
    without_processes(monkeypatch, said)
    made = Starts(
        Site("s", [], NOTHING, [(fakes.cell(runtime=name), Path("m")) for name in fakes.RUNTIMES]), Fleet((), 1, Path("x")), seed, Path()
    )
    for _ in range(6):
        made.round()
    return said


def test_orders_are_drawn_anew_and_repeat_with_the_seed(monkeypatch):
    one = orders(monkeypatch, 0)
    assert one == orders(monkeypatch, 0)
    assert one != orders(monkeypatch, 1)
    rounds = [[name.partition(" ")[2] for name in one[start : start + 3]] for start in range(0, 18, 3)]
    assert all(sorted(names) == sorted(fakes.RUNTIMES) for names in rounds)
    assert len({tuple(names) for names in rounds}) > 1


def measure(sites: list[Site], seconds: float, **more: object) -> list[Found]:
    with Fleet(fakes.RUNTIMES, 1, Path("x")) as fleet:
        return cold.measure(sites, fleet, Measure(seconds, 3), 0, Path(), Progress(1, quiet=True), **more)


def test_twenty_rounds_at_most_and_one_at_least(monkeypatch):
    without_processes(monkeypatch)
    cells = [(fakes.cell(runtime=name, scenario="cold"), Path("m")) for name in BOTH]
    sites = [Site("a", [], NOTHING, cells), Site("b", [], NOTHING), Site("c", [], NOTHING, cells[:1])]
    seen: list[list[int]] = []
    found = measure(sites, 1e6, after=lambda gave: seen.append([len(each.cells) for each in gave]))
    assert [[cell.samples for cell in each.cells] for each in found] == [[20, 20], [], [20]]
    assert [cell.median_ns is not None for each in found for cell in each.cells] == [True] * 3
    # After each round what there was: a cell that has not been tried yet is no error.
    assert (len(seen), seen[0], seen[-1]) == (40, [2, 0, 0], [2, 0, 1])
    monkeypatch.setattr(cold, "budgets", lambda *_: (None, -1.0))
    found = measure(sites, 1.0)
    assert [[cell.samples for cell in each.cells] for each in found] == [[1, 1], [], [1]]
    assert {cell.median_ns for each in found for cell in each.cells} == {None}


def test_cold_is_one_image():
    with pytest.raises(DataError, match="cold is one image at a time, got batch 2"):
        Scenario("cold", "cold", 2)
