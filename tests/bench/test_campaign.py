"""Which sites a generation of processes visits, when measuring ends, and when a group is left alone."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.fleet import Fleet
from bench.measure import budget, campaign, looks, pairs
from bench.measure.campaign import Site, Tour, next_tours
from bench.measure.group import Entry, Group, Inputs
from bench.measure.looks import LOOKS, SHARES, Looks
from bench.measure.sessions import Sessions
from bench.progress import Progress
from bench.results import Block
from bench.runner import RunnerError
from contract.errors import ConcordError
from contract.matrix import Cell, Measure, Scenario
from tests.bench import fakes

INPUTS = Inputs((), Path("x.npy"), None, 0.0)
PAIR = (fakes.cell(runtime="ort-python"), fakes.cell(runtime="ort-rust"))


@pytest.fixture
def fleet(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    with Fleet(fakes.RUNTIMES, 1, tmp_path / "logs") as fleet:
        yield fleet


def group(fleet: Fleet) -> Group:
    return Group(Scenario("latency", "latency"), [(cell, Path("x.onnx")) for cell in PAIR], INPUTS, Sessions(fleet), 0)


def tour(fleet: Fleet, name: str, *, cost: float, spent: float, share: float = 60.0, closed: bool = False) -> Tour:
    groups = [group(fleet)]
    made = Tour(Site(name, [], INPUTS), groups, Looks(groups, 0.01, 1))
    made.cost, made.spent, made.share = cost, spent, share
    made.groups[0].closed = closed
    return made


def names(tours: list[Tour]) -> list[str]:
    return [each.site.name for each in tours]


@pytest.mark.parametrize(
    ("process", "elapsed", "visited"),
    [
        (0, 0.0, ["slow", "fast"]),
        (3, 130.0, ["slow", "fast"]),  # four processes, whatever they cost
        (3, 241.0, []),  # but for twice the budget
        (4, 60.0, ["fast"]),  # slow has had more than its share
        (4, 115.0, ["fast"]),
        (4, 116.0, []),  # no time for anything
    ],
)
def test_what_a_generation_visits(fleet, process, elapsed, visited):
    tours = [
        tour(fleet, "slow", cost=25, spent=75),
        tour(fleet, "fast", cost=5, spent=15),
        tour(fleet, "done", cost=1, spent=1, closed=True),
    ]
    assert names(next_tours(tours, process, Measure(120.0), elapsed)) == visited


def test_what_a_site_leaves_the_others_get_cheapest_first(fleet):
    tours = [tour(fleet, name, cost=cost, spent=60) for name, cost in (("a", 20), ("b", 5), ("c", 9))]
    assert names(next_tours(tours, 5, Measure(100.0), 80.0)) == ["b", "c"]
    assert names(next_tours(tours, 5, Measure(100.0), 92.0)) == ["b"]
    assert names(next_tours(tours, 5, Measure(100.0), 96.0)) == []


def blocks(process_logs: list[float], base_ns: int = 1_000_000) -> list[Block]:
    return [Block(n, n, half, (round(base_ns * math.exp(log)),), 0, 0, {}, None) for n, log in enumerate(process_logs) for half in (0, 1)]


def entries(difference: float, scatter: float, processes: int = 8) -> list[Entry]:
    random = np.random.default_rng(3)
    made = [Entry(cell, Path("x.onnx")) for cell in PAIR]
    made[0].blocks = blocks([0.0] * processes)
    made[1].blocks = blocks([difference + random.normal(0, scatter) for _ in range(processes)])
    return made


@pytest.mark.parametrize(
    ("difference", "scatter", "family", "said"),
    [(0.3, 0.005, 1, True), (0.3, 0.005, 50, True), (0.0, 0.001, 50, True), (0.0, 0.02, 1, False), (0.012, 0.01, 1, False)],
)
def test_decided(difference, scatter, family, said):
    assert looks.decided(entries(difference, scatter), SHARES[0], 0.01, family) is said


def test_a_cell_with_an_error_holds_nothing_up():
    made = [*entries(0.0, 0.02), Entry(fakes.cell("sim-dynamic", "ort-python"), Path("x.onnx"))]
    made[1].error = "died"
    made[2].blocks = blocks([0.3 + each for each in (0.0, 0.001, 0.002)])
    assert looks.decided(made, SHARES[0], 0.01, 1)


def test_a_group_without_contrasts_is_never_decided():
    assert not looks.decided(entries(0.3, 0.001)[:1], SHARES[0], 0.01, 1)


def test_looks_are_taken_once_each_and_close_what_is_decided(fleet):
    made = group(fleet)
    made.entries = entries(0.0, 0.02)
    looking = Looks([made], 0.01, 1)
    looking.look(LOOKS[0] - 0.01)
    assert made.alive
    looking.look(LOOKS[0])
    assert made.alive
    made.entries = entries(0.3, 0.001)
    looking.look(LOOKS[0] + 0.1)  # that look has been taken
    assert made.alive
    looking.look(5.0)
    assert not made.alive
    assert {entry.alpha_share for entry in made.entries} == {SHARES[1]}
    assert sum(SHARES) == pytest.approx(1)


def test_the_last_look_is_the_end(fleet):
    """A group that no early look closes is judged with what the last look may spend."""
    made = group(fleet)
    Looks([made], 0.01, 1).look(0.3)
    assert {entry.alpha_share for entry in made.entries} == {SHARES[-1]}


def test_contrasts_are_counted():
    cells = [fakes.cell(variant, runtime) for runtime in fakes.RUNTIMES[1:] for variant in fakes.VARIANTS]
    assert pairs.count([*cells, fakes.cell("eager", "torch-eager")]) == 4 + 1 + 3 + 3
    assert pairs.count([]) == 0


def test_measuring_ends_at_its_restarts(fleet, tmp_path, monkeypatch):
    monkeypatch.setattr(looks, "decided", lambda *_: False)
    fakes.save_model(tmp_path / "m.onnx", fakes.weights())
    np.save(tmp_path / "x.npy", np.zeros((1, 3, 4, 4), np.float32))
    site = Site("s", [(Scenario("load", "load"), [(cell, tmp_path / "m.onnx") for cell in PAIR])], INPUTS)
    seen: list[int] = []
    (found,) = campaign.measure(
        [site], fleet, Measure(4.0, 4), 0, tmp_path, Progress(1), after=lambda gave: seen.append(len(gave[0].cells[0].blocks))
    )
    assert {block.process for block in found.cells[0].blocks} == {0, 1, 2, 3}
    assert seen == sorted(seen)
    assert len(seen) == 4


def test_a_generation_is_as_long_as_its_groups_need(fleet, tmp_path, monkeypatch):
    fakes.save_model(tmp_path / "m.onnx", fakes.weights())
    np.save(tmp_path / "x.npy", np.zeros((1, 3, 4, 4), np.float32))
    monkeypatch.setattr(Group, "round_seconds", property(lambda _self: 3.0))
    seen: list[float] = []
    monkeypatch.setattr(budget, "measuring_seconds", lambda *asked: seen.append(asked[-1]) or 0.0)
    scenarios = [Scenario("load", "load"), Scenario("latency", "latency")]
    cells = [[fakes.cell(runtime=name, scenario=each.name) for name in ("ort-python", "ort-rust")] for each in scenarios]
    timed = [(each, [(cell, tmp_path / "m.onnx") for cell in pair]) for each, pair in zip(scenarios, cells, strict=True)]
    campaign.measure([Site("s", timed, Inputs((), tmp_path / "x.npy", None, 1.0))], fleet, Measure(0.1, 4), 0, tmp_path, Progress(1))
    assert set(seen) == {6.0}  # two groups, which earn alike


def test_groups_know_when_the_run_must_end(fleet, tmp_path, monkeypatch):
    """All but those of the first generation, which has a round of every group, whatever it costs."""
    fakes.save_model(tmp_path / "m.onnx", fakes.weights())
    np.save(tmp_path / "x.npy", np.zeros((1, 3, 4, 4), np.float32))
    monkeypatch.setattr(looks, "decided", lambda *_: False)
    seen: list[tuple[int, float]] = []
    true = Group.spend

    def told(self, seconds, process, *, at_least):
        seen.append((process, self.deadline))
        true(self, seconds, process, at_least=at_least)

    monkeypatch.setattr(Group, "spend", told)
    site = Site("s", [(Scenario("load", "load"), [(cell, tmp_path / "m.onnx") for cell in PAIR])], INPUTS)
    before = time.monotonic()
    campaign.measure([site], fleet, Measure(10.0, 2), 0, tmp_path, Progress(1))
    (first, none), (second, deadline) = seen
    assert (first, none, second) == (0, math.inf, 1)
    assert before + 10 * budget.HARD_CAP <= deadline <= time.monotonic() + 10 * budget.HARD_CAP


def test_a_slow_starter_is_left_out_of_some_generations(tmp_path, monkeypatch):
    fakes.use(monkeypatch, **{"ort-rust": replace(fakes.descriptor("ort-rust", commit=fakes.COMMIT), slow_start=True)})
    fakes.save_model(tmp_path / "m.onnx", fakes.weights())
    monkeypatch.setattr(looks, "decided", lambda *_: False)
    # One round in each of the first generations, and none later: there is time for all of them.
    monkeypatch.setattr(budget, "measuring_seconds", lambda *_: 0.0)
    started: list[set[str]] = []
    start = Sessions.start

    def noted(sessions: Sessions, cells: Iterable[Cell]) -> None:
        chosen = list(cells)
        started.append({cell.runtime for cell in chosen})
        start(sessions, chosen)

    monkeypatch.setattr(Sessions, "start", noted)
    cells = [fakes.cell(runtime=name) for name in fakes.RUNTIMES]
    site = Site("s", [(Scenario("load", "load"), [(cell, tmp_path / "m.onnx") for cell in cells])], INPUTS)
    with Fleet(fakes.RUNTIMES, 1, tmp_path / "logs") as fleet:
        (found,) = campaign.measure([site], fleet, Measure(60.0, 6), 0, tmp_path, Progress(1))
    assert {block.process for cell in found.cells for block in cell.blocks} == {0, 1, 2, 3}
    assert started == [set(fakes.RUNTIMES)] * 4 + [set(fakes.RUNTIMES) - {"ort-rust"}] * 2


def test_each_variant_has_a_process_of_its_own(fleet):
    sessions = Sessions(fleet)
    cells = [fakes.cell(variant, runtime) for runtime in ("ort-python", "ort-rust") for variant in fakes.VARIANTS]
    names = [sessions.name(cell) for cell in cells]
    assert len(set(names)) == len(cells)
    assert [sessions.name(cell) for cell in cells] == names
    assert sessions.name(replace(cells[0], scenario="e2e", backbone="other")) == names[0]  # the same process, one after the other
    sessions.start(cells[:2])
    assert sessions.runner(cells[0]).pid != sessions.runner(cells[1]).pid
    assert set(fleet.receipts) == {"ort-python"}


def test_what_cannot_be_loaded_side_by_side_is_told_where_it_is_needed(fleet, tmp_path):
    fakes.save_model(tmp_path / "good.onnx", fakes.weights())
    sessions = Sessions(fleet)
    good, bad = fakes.cell("raw-static", "ort-python"), fakes.cell("raw-dynamic", "ort-python")
    sessions.load_side_by_side([(good, tmp_path / "good.onnx"), (bad, tmp_path / "absent.onnx")])
    assert sessions.get(good, tmp_path / "good.onnx").id
    with pytest.raises(ConcordError, match=r"absent\.onnx"):
        sessions.get(bad, tmp_path / "absent.onnx")


def test_a_runner_that_cannot_unload_is_ended_and_its_other_sessions_with_it(fleet, tmp_path, monkeypatch):
    sessions, cell = Sessions(fleet), fakes.cell("raw-static", "ort-python")
    for name in ("one.onnx", "two.onnx"):
        fakes.save_model(tmp_path / name, fakes.weights())
        sessions.get(cell, tmp_path / name)
    runner, asked = sessions.runner(cell), []

    def unload(id: str) -> None:
        asked.append(id)
        raise RunnerError("is out of step")

    monkeypatch.setattr(runner, "unload", unload)
    sessions.release()
    assert len(asked) == 1
    assert not fakes.alive(runner.pid)
    assert not fleet.running(sessions.name(cell))
