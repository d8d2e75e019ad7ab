"""The fleet: one runner awake at a time, each accepted once, and the providers that all of them have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench import fleet as module
from bench.fleet import Fleet
from bench.runner import RunnerError
from bench.runtimes import Descriptor
from contract.errors import EnvironmentFault
from contract.protocol import Receipt
from tests.bench import fakes

NAMES = ("ort-python", "ort-rust")


class Runner:
    """A runner without a process: it remembers what was done to it."""

    receipts: dict[str, Receipt | Exception]
    made: list[Runner]

    def __init__(self, descriptor: Descriptor, providers: tuple[str, ...], _log: object) -> None:
        self.name, self.command = descriptor.name, descriptor.command(providers)
        self.frozen, self.closed = False, False
        self.made.append(self)

    def hello(self) -> Receipt:
        said = self.receipts[self.name]
        # As the real one: without the libraries it knows of no CUDA.
        if isinstance(said, Receipt) and self.name == "ort-rust" and "--preload" not in self.command:
            said = replace(said, providers=("cpu",))
        if isinstance(said, Exception):
            raise said
        return said

    def freeze(self) -> None:
        self.frozen = True

    def thaw(self) -> None:
        self.frozen = False

    def peak_bytes(self) -> int:
        return 7 * len(self.made)

    def close(self) -> None:
        self.closed = True


def receipt(name: str, *providers: str) -> Receipt:
    return Receipt(1, name, "1", fakes.COMMIT, "lib", "00", "5a", "release", 2, providers or ("cpu",), "", None, (), {}, {}, 1)


def descriptor(name: str) -> Descriptor:
    """ort-rust is started in another way for CUDA, the others are not."""
    return Descriptor(name, lambda providers: ["--preload"] if name == "ort-rust" and "cuda" in providers else [], str)


@pytest.fixture
def fleet(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "Runner", Runner)
    monkeypatch.setattr(module.runtimes, "find", descriptor)
    Runner.made, Runner.receipts = [], {name: receipt(name) for name in fakes.RUNTIMES}
    with Fleet(NAMES, 2, tmp_path) as made:
        yield made
    assert all(runner.closed for runner in Runner.made)


def test_only_one_is_awake(fleet):
    for name in (*fakes.RUNTIMES, "ort-python"):
        chosen = fleet.only(name)
        assert [runner.name for runner in Runner.made if not runner.frozen] == [name] == [chosen.name]
    assert len(Runner.made) == 3


def test_a_stopped_one_is_started_anew_and_its_peak_is_kept(fleet):
    first = fleet.runner("ort-rust")
    fleet.stop("ort-rust")
    fleet.stop("ort-rust")
    assert first.closed
    assert fleet.peak_bytes == {"ort-rust": 7}
    assert fleet.runner("ort-rust") is not first
    fleet.runner("ort-python")
    fleet.stop()
    assert fleet.peak_bytes == {"ort-rust": 21, "ort-python": 21}


def test_a_runner_that_was_not_accepted_is_not_used(fleet):
    Runner.receipts["ort-rust"] = RunnerError("is stale")
    for count in (1, 2):
        with pytest.raises(RunnerError, match="is stale"):
            fleet.runner("ort-rust")
        assert len(Runner.made) == count
        assert Runner.made[-1].closed


@pytest.mark.parametrize(
    ("change", "same"), [({}, True), ({"library_sha256": "ff"}, True), ({"version": "2"}, False), ({"commit": None}, False)]
)
def test_one_library_is_version_and_commit(change, same):
    assert module.same_library(receipt("ort-python"), replace(receipt("ort-rust"), **change)) == same


@pytest.mark.parametrize("change", [{"version": "2"}, {"library_sha256": "ff"}])
def test_a_library_may_not_change_during_the_run(fleet, change):
    fleet.runner("ort-rust")
    fleet.stop("ort-rust")
    Runner.receipts["ort-rust"] = replace(receipt("ort-rust"), **change)
    with pytest.raises(RunnerError, match="it changed during the run"):
        fleet.runner("ort-rust")


@pytest.mark.parametrize(
    ("change", "key"),
    [({"process": {"affinity": "0-1"}}, "affinity"), ({"cpu_flags": ("avx2",)}, "cpu_flags"), ({"commit": "0000000ab"}, "commit")],
)
def test_nor_may_what_must_be_equal(fleet, change, key):
    fleet.runner("ort-rust")
    fleet.stop("ort-rust")
    Runner.receipts["ort-rust"] = replace(receipt("ort-rust"), pid=2, **change)
    with pytest.raises(RunnerError, match=f"ort-rust: changed during the run: {key}"):
        fleet.runner("ort-rust")


@pytest.mark.parametrize(
    ("device", "lacking", "chosen"),
    [
        ("cpu", (), ("cpu",)),
        ("auto", (), ("cpu", "cuda")),
        ("auto", ("torch-eager",), ("cpu",)),
        ("auto", ("ort-python",), ("cpu",)),
        ("cuda", (), ("cuda",)),
    ],
)
def test_providers(fleet, device, lacking, chosen):
    for name in fakes.RUNTIMES:
        Runner.receipts[name] = receipt(name, *(("cpu",) if name in lacking else ("cuda", "cpu")))
    assert fleet.choose_providers(device, "torch-eager") == chosen == fleet.providers
    assert bool(Runner.made) == (device != "cpu")  # nobody need be started to choose the CPU
    assert fleet.runner("ort-rust").command == (["--preload"] if "cuda" in chosen else [])


def test_cuda_that_is_not_there_is_the_environments_fault(fleet):
    Runner.receipts["ort-rust"] = receipt("ort-rust", "cuda", "cpu")
    with pytest.raises(EnvironmentFault, match="CUDA was asked for, and torch-eager, ort-python cannot use it") as caught:
        fleet.choose_providers("cuda", "torch-eager")
    assert caught.value.exit_code == 3


def test_a_runtime_without_cuda_beside_one_with_it_is_named(fleet, capsys):
    for name in fakes.RUNTIMES:
        Runner.receipts[name] = receipt(name, *(("cpu",) if name == "ort-python" else ("cuda", "cpu")))
    fleet.choose_providers("auto", "torch-eager")
    assert capsys.readouterr().err.startswith("note: torch-eager can use CUDA, ort-python cannot: the CPU is used")


def test_processes_start_together_and_are_accepted_one_by_one(fleet):
    fleet.start()
    assert [runner.name for runner in Runner.made] == list(NAMES)
    assert fleet.receipts == {}
    first = Runner.made[1]
    assert fleet.runner("ort-rust") is first
    assert list(fleet.receipts) == ["ort-rust"]
    fleet.start()
    assert len(Runner.made) == 2
    fleet.stop()
    assert all(runner.closed for runner in Runner.made)


def test_ctrl_c_while_one_is_closed_closes_the_others(fleet, monkeypatch):
    def interrupted(runner: Runner) -> None:
        runner.closed = True
        raise KeyboardInterrupt

    for name in NAMES:
        fleet.runner(name)
    monkeypatch.setattr(Runner, "close", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fleet.stop()
    assert all(runner.closed for runner in Runner.made)


def test_options_are_explicit(fleet):
    assert fleet.options["threads"] == 2
    assert set(fleet.options) == {"threads", "inter_threads", "spinning", "optimization", "arena", "memory_pattern"}


def test_a_slow_starter_sits_out_only_where_two_others_are_left(tmp_path, monkeypatch):
    fakes.use(monkeypatch, **{"torch-eager": replace(fakes.descriptor("torch-eager"), slow_start=True)})
    with Fleet(fakes.RUNTIMES, 1, tmp_path) as fleet:
        assert [fleet.taking_part(number, 4) for number in (0, 3)] == [fakes.RUNTIMES] * 2
        assert [fleet.taking_part(number, 4) for number in (4, 6)] == [fakes.RUNTIMES[1:], fakes.RUNTIMES]
        fleet.names = ("torch-eager", "ort-python")
        assert fleet.taking_part(4, 4) == fleet.names
