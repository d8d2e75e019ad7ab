"""Runners from the outside: every verb, every fault, and nothing left behind."""

from __future__ import annotations

import os
import re
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench import runner as module
from bench.measure import comparable
from bench.runner import Runner, RunnerError
from bench.runtimes import Descriptor
from contract import protocol as p
from contract.errors import DataError, EnvironmentFault, UnsupportedError, UsageError
from tests.bench import fakes


@pytest.fixture
def model(tmp_path) -> Path:
    fakes.save_model(tmp_path / "model.onnx", fakes.weights())
    np.save(tmp_path / "x.npy", np.random.default_rng(2).random((4, 3, 4, 4), dtype=np.float32))
    return tmp_path / "model.onnx"


def start(folder: Path, descriptor: Descriptor) -> Runner:
    return Runner(descriptor, ("cpu",), folder / "logs" / "fake.log")


def fails(folder: Path, descriptor: Descriptor, *, load: bool = True) -> str:
    """The error of a runner that is said hello to, and asked to load a model."""
    with start(folder, descriptor) as runner:
        if load:
            runner.hello()
        with pytest.raises(RunnerError) as caught:
            runner.load(p.LoadArgs(str(folder / "model.onnx"), "cpu", {})) if load else runner.hello()
    assert not fakes.alive(runner.pid)
    assert caught.value.exit_code == 3
    return str(caught.value)


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_every_verb(tmp_path, model):
    tensor, out = str(tmp_path / "x.npy"), str(tmp_path / "out.npz")
    with start(tmp_path, fakes.descriptor()) as runner:
        assert runner.hello().pid == runner.pid
        loaded = runner.load(p.LoadArgs(str(model), "cpu", {"threads": 1}))
        assert loaded.options == {"threads": 1}
        predicted = runner.predict(p.PredictArgs(loaded.id, None, tensor, 3, (), out), 20)
        assert len(predicted.crc32) == 2
        with np.load(out) as arrays:
            assert tuple(arrays["logits"].argmax(1)) == predicted.top1
        timed = runner.time(p.TimeArgs(loaded.id, "latency", None, tensor, 1, 1, 5, None, split=False), 20)
        assert len(timed.samples) == len(timed.crc32) == 5
        image = str(tmp_path / "x.npy")
        assert runner.ask("stages", p.StagesArgs(loaded.id, image, None, out), p.Staged, 20).arrays["decode"].dtype == "uint8"
        assert runner.ask("profile", p.ProfileArgs(loaded.id, tensor, 1, 2), p.Profiled, 20).operators[0].calls == 2
        runner.unload(loaded.id)
        assert runner.peak_bytes() > 1_000_000
        with pytest.raises(RunnerError, match="has a bug: KeyError"):
            runner.unload(loaded.id)
        assert runner.hello().runtime == "fake"  # a failed request leaves it usable
    assert not fakes.alive(runner.pid)
    assert runner.peak_bytes() is None


def test_a_hanging_runner_is_killed_at_its_deadline(tmp_path, model):
    with start(tmp_path, fakes.descriptor(fault="hang", verb="load")) as runner:
        runner.hello()
        begin = time.monotonic()
        with pytest.raises(RunnerError) as caught:
            runner.load(p.LoadArgs(str(model), "cpu", {}), 0.5)
        assert 0.5 <= time.monotonic() - begin < 1.5
        assert str(caught.value).startswith("fake: load: no answer within 0 s; it was killed\n  | about to hang\n  (log: ")
        assert not fakes.alive(runner.pid)
        with pytest.raises(RunnerError, match=r"fake: hello: died \(signal SIGKILL\)"):
            runner.hello()


def test_a_runner_that_reads_nothing_cannot_block_a_long_request(tmp_path):
    deaf = Descriptor("fake", lambda _: ["sleep", "3600"], lambda: "")
    request = p.PredictArgs("m1", ("/" + "x" * 4000,) * 96, None, 1, (), "/out.npz")
    begin = time.monotonic()
    with start(tmp_path, deaf) as runner, pytest.raises(RunnerError, match="predict: no answer within 1 s"):
        runner.predict(request, 0.6)
    assert time.monotonic() - begin < 2
    assert not fakes.alive(runner.pid)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("crash", r"^fake: load: died \(signal SIGSEGV\)\n  \| about to crash\n  \(log: .*fake.log\)\n  next: nox -s doctor$"),
        ("exit3", r"^fake: load: died \(exit code 3\)"),
        ("garbage", r"^fake: load: broke the protocol: reply: not valid JSON"),
        ("nan", r"^fake: load: broke the protocol: reply: not valid JSON: NaN is not a number"),
        ("wrong-seq", r"^fake: load: broke the protocol: reply: answers request 92, not 2"),
    ],
)
def test_a_fault_names_runner_and_verb(tmp_path, model, fault, said):
    assert re.search(said, fails(tmp_path, fakes.descriptor(fault=fault, verb="load")))


def test_a_runner_that_closes_its_output_is_killed(tmp_path, model, monkeypatch):
    monkeypatch.setattr(module, "QUIT_SECONDS", 0.2)
    text = fails(tmp_path, fakes.descriptor(fault="close-stdout", verb="load"))
    assert text.startswith("fake: load: closed its output and went on; it was killed")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("other-protocol", "fake: speaks protocol 4, the bench 3\n  next: nox -s build"),
        ("stale", "fake: is stale: it was built from other sources than this checkout's\n  next: nox -s build"),
        ("debug", "fake: is a debug build\n  next: nox -s build"),
        (
            "own-fact",
            f"fake: 'alocator' of its process has no rule for comparing; did you mean 'allocator'?\n  next: {comparable.NEXT}",
        ),
    ],
)
def test_a_receipt_that_does_not_fit_is_refused(tmp_path, fault, said):
    assert fails(tmp_path, fakes.descriptor(fault=fault), load=False) == said


def test_a_runner_of_another_runtime_is_refused(tmp_path):
    other = replace(fakes.descriptor("ort-python"), name="ort-rust")
    assert fails(tmp_path, other, load=False) == "ort-rust: says it is ort-python\n  next: nox -s build"


def test_wrong_counts_are_refused(tmp_path, model):
    with start(tmp_path, fakes.descriptor(fault="few-crc", verb="time")) as runner:
        loaded = runner.load(p.LoadArgs(str(model), "cpu", {}))
        asked = p.TimeArgs(loaded.id, "latency", None, str(tmp_path / "x.npy"), 1, 0, 3, None, split=False)
        with pytest.raises(RunnerError, match="fake: time: 3 samples, 2 checksums for 3 asked"):
            runner.time(asked, 20)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("other-threads", "fake: load: asked for threads = 2, and 64 is in force"),
        ("own-option", "fake: 'colour' of its options has no rule for comparing"),
    ],
)
def test_options_that_were_not_asked_for_so_are_refused(tmp_path, model, fault, said):
    with start(tmp_path, fakes.descriptor(fault=fault, verb="load")) as runner, pytest.raises(RunnerError, match=said):
        runner.load(p.LoadArgs(str(model), "cpu", {"threads": 2}))


def test_what_a_runner_answers_keeps_its_kind(tmp_path, model):
    with start(tmp_path, fakes.descriptor(lacks="profile,stages")) as runner:
        loaded = runner.load(p.LoadArgs(str(model), "cpu", {}))
        with pytest.raises(UnsupportedError, match="this runtime has no verb 'stages'"):
            runner.ask("stages", p.StagesArgs(loaded.id, "x", None, "y"), p.Staged, 20)
        with pytest.raises(UsageError, match="asked for protocol 7"):
            runner.ask("hello", p.HelloArgs(7), p.Receipt, 20)
    assert not issubclass(RunnerError, (UsageError, DataError))


def test_a_flood_on_stderr_blocks_nothing(tmp_path, model):
    with start(tmp_path, fakes.descriptor(fault="stderr-flood", verb="load")) as runner:
        assert runner.load(p.LoadArgs(str(model), "cpu", {}), 20).id == "m1"
    assert (tmp_path / "logs" / "fake.log").stat().st_size == 500_000


def test_an_error_quotes_no_earlier_process(tmp_path, model):
    fails(tmp_path, fakes.descriptor(fault="crash", verb="load"))
    assert "about to crash" not in fails(tmp_path, fakes.descriptor(fault="exit3", verb="load"))


def test_grandchildren_go_with_their_runner(tmp_path, model):
    with start(tmp_path, fakes.descriptor(fault="grandchild", verb="load")) as runner:
        runner.load(p.LoadArgs(str(model), "cpu", {}))
        assert len(fakes.alive(runner.pid)) == 2
        assert (tmp_path / "logs" / "fake.log").read_text().startswith("grandchild ")
    assert not fakes.alive(runner.pid)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
def test_a_frozen_runner_uses_no_cpu_time(tmp_path, model):
    with start(tmp_path, fakes.descriptor(fault="spin", verb="hello")) as runner:
        runner.hello()
        before = cpu_ticks(runner.pid)
        time.sleep(0.15)
        assert cpu_ticks(runner.pid) > before
        runner.freeze()
        assert fakes.alive(runner.pid)[0].startswith("T")  # at once: a block begins now
        runner.freeze()
        before = cpu_ticks(runner.pid)
        time.sleep(0.15)
        assert cpu_ticks(runner.pid) == before
        assert fakes.alive(runner.pid)[0].startswith("T")
        runner.hello()  # a request thaws it
        assert not fakes.alive(runner.pid)[0].startswith("T")
        runner.freeze()
    assert not fakes.alive(runner.pid)


@pytest.mark.parametrize("end", [Runner.close, Runner.kill])
def test_a_frozen_runner_ends_at_once(tmp_path, end):
    runner = start(tmp_path, fakes.descriptor())
    runner.hello()
    runner.freeze()
    begin = time.monotonic()
    end(runner)
    end(runner)
    assert time.monotonic() - begin < 1
    assert not fakes.alive(runner.pid)


def test_a_dead_or_hanging_runner_never_hangs_close(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "QUIT_SECONDS", 0.3)
    for descriptor in (fakes.descriptor(fault="exit3", verb="hello"), Descriptor("fake", lambda _: ["sleep", "3600"], str)):
        runner = start(tmp_path, descriptor)
        runner.freeze()
        with pytest.raises(RunnerError):
            runner.hello(0.5 if descriptor.source is str else 20)
        runner.freeze()
        begin = time.monotonic()
        runner.close()
        assert time.monotonic() - begin < 1
        assert not fakes.alive(runner.pid)
    silent = start(tmp_path, descriptor)
    begin = time.monotonic()
    silent.close()
    assert time.monotonic() - begin < 1
    assert not fakes.alive(silent.pid)


def test_a_process_that_left_the_group_and_holds_the_pipe_does_not_hang_close(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "QUIT_SECONDS", 0.2)
    script = "import subprocess, sys; print(subprocess.Popen(['sleep', '2'], start_new_session=True).pid, file=sys.stderr)"
    runner = start(tmp_path, Descriptor("fake", lambda _: [sys.executable, "-c", script], str))
    while not (tmp_path / "logs" / "fake.log").read_text():
        time.sleep(0.01)
    begin = time.monotonic()
    runner.close()
    assert time.monotonic() - begin < 1.5
    os.kill(int((tmp_path / "logs" / "fake.log").read_text()), 9)
    runner.kill()  # now the pipe can be closed


def test_a_missing_program_is_the_environments_fault(tmp_path):
    with pytest.raises(EnvironmentFault) as caught:
        start(tmp_path, Descriptor("ort-rust", lambda _: ["/no/such/program"], str))
    assert str(caught.value) == "ort-rust: /no/such/program: cannot be started: No such file or directory\n  next: nox -s doctor"
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("samples", "bad"),
    [
        # 2 ms of waiting, 0.1 % of it, and a microsecond for each sample.
        ((1_000_000, 1_003_999), False),
        ((1_000_000, 1_004_001), True),
        ((2_002_999,), False),
        ((2_003_001,), True),
    ],
)
def test_samples_fit_into_the_wait_for_them(tmp_path, monkeypatch, samples, bad):
    with start(tmp_path, fakes.descriptor()) as runner:
        monkeypatch.setattr(runner, "ask", lambda *_: p.Timed(samples, (1,) * len(samples), None))
        clock = iter([5_000_000, 7_000_000])
        monkeypatch.setattr(time, "perf_counter_ns", lambda: next(clock))
        asked = p.TimeArgs("m1", "latency", None, "x.npy", 1, 1, len(samples), None, split=False)
        if not bad:
            assert runner.time(asked, 20).samples == samples
            return
        with pytest.raises(RunnerError, match=r"fake: time: says that its samples took 2.00\d ms, and the answer came after 2.000 ms"):
            runner.time(asked, 20)
