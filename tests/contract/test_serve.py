"""The runner's side of the protocol, as a process: the fake runner, and a rude one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from contract import protocol as p
from contract import strict
from contract.layout import CHECKOUT

# Handlers that misbehave: they print, have bugs, or answer what cannot be sent.
RUDE = """
import os, subprocess, sys
from contract import protocol as p, serve
from contract.errors import DataError, JudgedBad
from contract.strict import StrictError
replies = serve.claim_stdout()
def load(args):
    print("python prints", flush=True)
    os.write(1, b"a library prints\\n")
    subprocess.run(["echo", "a child prints"])
    raise {"data": DataError, "strict": StrictError, "judged": JudgedBad}[args.model]("is bad", where="x\\udc80.png", next="do this")
def time(args):
    return p.Timed((float("nan"),), (0,), None)
def stages(args):
    return p.Nothing()
def profile(args):
    raise KeyError("Ω")
def predict(args):
    if args.out == "full":
        raise OSError(28, "No space left on device", "/out/o.npz")
    open("/proc/version/x")
serve.serve({"load": load, "time": time, "profile": profile, "stages": stages, "predict": predict}, sys.stdin.buffer, replies)
"""
TIME = p.TimeArgs("m1", "load", None, None, 1, 0, 1, None, False)


class Talk:
    """A runner and its pipes."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *command], cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.seq = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def raw(self, line: bytes) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()
        reply: dict[str, Any] = json.loads(self.process.stdout.readline())
        return reply

    def ask(self, verb: str, arguments: object) -> Any:
        self.seq += 1
        request = p.Request(self.seq, verb, strict.plain(arguments))
        return p.decode_reply(strict.dumps(self.raw(p.encode(request).encode())), request)

    def end(self) -> tuple[int, bytes, bytes]:
        out, error = self.process.communicate(timeout=10)
        return self.process.returncode, out, error


@pytest.fixture
def fake():
    with Talk("-m", "tests.fake_runner") as talk:
        yield talk


@pytest.fixture
def rude():
    with Talk("-c", RUDE) as talk:
        yield talk


def test_the_fake_runner_speaks_every_verb(fake, tmp_path):
    weights = np.random.default_rng(0).normal(size=(48, 3)).astype(np.float32)
    np.save(tmp_path / "w.npy", weights)
    (tmp_path / "a.img").write_bytes(bytes(range(48)))
    receipt = fake.ask("hello", p.HelloArgs())
    assert (receipt.protocol, receipt.pid) == (p.PROTOCOL, fake.process.pid)
    loaded = fake.ask("load", p.LoadArgs(str(tmp_path / "w.npy"), "cpu", {"threads": 1}))
    assert (loaded.id, loaded.classes, loaded.options) == ("m1", ("class 0", "class 1", "class 2"), {"threads": 1})

    images = (str(tmp_path / "a.img"),) * 3
    predicted = fake.ask("predict", p.PredictArgs("m1", images, None, 2, ("images", "logits"), str(tmp_path / "o.npz")))
    with np.load(tmp_path / "o.npz") as file:
        arrays = dict(file)
    assert predicted.arrays == {"images": p.ArrayInfo((3, 3, 4, 4), "float32"), "logits": p.ArrayInfo((3, 3), "float32")}
    np.testing.assert_allclose(arrays["logits"], arrays["images"].reshape(3, -1) @ weights, rtol=1e-6)
    assert predicted.top1 == tuple(arrays["logits"].argmax(1))
    assert len(predicted.crc32) == 2

    staged = fake.ask("stages", p.StagesArgs("m1", images[0], None, str(tmp_path / "s.npz")))
    assert list(staged.arrays) == ["crop", "decode", "logits", "normalise", "orient", "resize"]
    assert (staged.top1, staged.orientation) == (predicted.top1[0], None)
    np.save(tmp_path / "crop.npy", np.zeros((4, 4, 3), np.uint8))
    start = p.StageStart("crop", str(tmp_path / "crop.npy"))
    rest = fake.ask("stages", p.StagesArgs("m1", images[0], start, str(tmp_path / "r.npz")))
    assert list(rest.arrays) == ["crop", "logits", "normalise"]
    with np.load(tmp_path / "r.npz") as file:
        assert not file["logits"].any()

    timed = fake.ask("time", p.TimeArgs("m1", "e2e", images, None, 1, 1, 4, None, True))
    assert len(timed.samples) == len(timed.crc32) == 4
    assert min(timed.samples) > 0
    assert len(set(timed.crc32)) == 1
    assert fake.ask("time", TIME).crc32 == (0,)
    assert fake.ask("profile", p.ProfileArgs("m1", "t", 1, 2)).operators[0].calls == 2
    assert fake.ask("unload", p.UnloadArgs("m1")) == p.Nothing()
    assert fake.ask("load", p.LoadArgs(str(tmp_path / "w.npy"), "cpu", {})).id == "m2"
    assert fake.ask("quit", p.Nothing()) == p.Nothing()
    assert fake.end() == (0, b"", b"")


def test_another_protocol_number_is_named(fake):
    failure = fake.ask("hello", p.HelloArgs(4))
    assert (failure.kind, failure.what) == ("usage", "asked for protocol 4, this runner speaks 3")


def test_a_bug_in_a_handler_is_answered_and_the_runner_goes_on(fake):
    failure = fake.ask("unload", p.UnloadArgs("m9"))
    assert (failure.kind, failure.what) == ("internal", "KeyError: 'm9'")
    assert isinstance(fake.ask("hello", p.HelloArgs()), p.Receipt)
    fake.process.stdin.close()
    fake.process.stdin = None
    code, _, error = fake.end()
    assert code == 0, "the end of input is a good end"
    assert b"Traceback" in error


@pytest.mark.parametrize(
    ("line", "seq", "what"),
    [
        (b"{", 0, "not valid JSON"),
        (b"[1]", 0, "expected a table"),
        (b"\xff\xfe", 0, "not valid JSON"),
        (rb'{"seq":7,"verb":"\ud800","args":{}}', 0, "surrogates"),
        (b'{"seq":7,"verb":"train","args":{}}', 7, "unknown verb 'train'"),
        (b'{"seq":7,"verb":"unload","args":{}}', 7, "missing key 'id'"),
        (b'{"seq":7,"verb":"unload","args":{"id":"m1","x":1}}', 7, "unknown key 'x'"),
        (b'{"seq":7,"verb":"unload"}', 7, "missing key 'args'"),
        (b'{"seq":true,"verb":"unload","args":{"id":"m1"}}', 0, "expected an integer, got True"),
        (b'{"seq":7,"verb":"profile","args":{"id":"m1","tensor":"t","batch":0,"repeats":1}}', 7, "batch must be at least 1"),
    ],
)
def test_a_line_that_is_no_request_is_a_usage_error_under_its_own_number(fake, line, seq, what):
    reply = fake.raw(line)
    assert (reply["seq"], reply["ok"], reply["error"]["kind"]) == (seq, False, "usage")
    assert what in reply["error"]["what"]
    assert isinstance(fake.ask("hello", p.HelloArgs()), p.Receipt)


def test_empty_lines_are_passed_over(fake):
    assert fake.raw(b"\n  \n" + p.encode(p.Request(1, "quit", {})).encode()) == {"seq": 1, "ok": True, "result": {}}


def test_a_verb_that_a_runtime_lacks_is_unsupported(rude):
    failure = rude.ask("unload", p.UnloadArgs("m1"))
    assert (failure.kind, failure.what) == ("unsupported", "this runtime has no verb 'unload'")


@pytest.mark.parametrize(("model", "kind"), [("data", "data"), ("strict", "data"), ("judged", "internal")])
def test_an_error_keeps_its_kind_and_whatever_is_printed_goes_to_stderr(rude, model, kind):
    failure = rude.ask("load", p.LoadArgs(model, "cpu", {}))
    assert failure.kind == kind
    if kind == "data":
        assert failure == p.Failure("data", "is bad", "x?.png", "do this")
    rude.ask("quit", p.Nothing())
    _, out, error = rude.end()
    assert out == b""
    assert [word in error for word in (b"python prints", b"a library prints", b"a child prints")] == [True] * 3


@pytest.mark.parametrize(
    ("verb", "arguments", "what"),
    [
        ("time", TIME, "ValueError: Out of range float values are not JSON compliant"),
        ("stages", p.StagesArgs("m1", "i", None, "o"), "TypeError: the handler of stages returned Nothing"),
        ("profile", p.ProfileArgs("m1", "t", 1, 1), "KeyError: 'Ω'"),
    ],
)
def test_what_cannot_be_sent_is_a_bug_that_is_answered(rude, verb, arguments, what):
    failure = rude.ask(verb, arguments)
    assert failure.kind == "internal"
    assert failure.what.startswith(what)
    assert rude.ask("unload", p.UnloadArgs("m1")).kind == "unsupported"


def test_a_full_disk_is_the_environment_and_another_fault_of_a_file_stays_a_bug(rude):
    full, other = (rude.ask("predict", p.PredictArgs("m1", ("i",), None, 1, (), out)) for out in ("full", "other"))
    assert (full.kind, full.where) == ("environment", "/out/o.npz")
    assert "no space left" in full.what
    assert "free some space" in full.next
    assert (other.kind, other.what.split(":")[0]) == ("internal", "NotADirectoryError")


def test_a_runner_whose_replies_nobody_reads_ends_quietly(fake):
    fake.ask("hello", p.HelloArgs())
    fake.process.stdout.close()
    fake.process.stdout = None
    fake.process.stdin.write(p.encode(p.Request(2, "hello", {"protocol": 3})).encode() + b"\n")
    code, _, error = fake.end()
    assert (code, error) == (0, b"")


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_a_runner_dies_with_its_parent_even_when_its_input_stays_open(tmp_path):
    # The pipe's write end is inherited by a helper that lives on, so the runner sees no end of input.
    parent = """
import os, subprocess, sys, time
read, write = os.pipe()
helper = subprocess.Popen(["sleep", "60"], pass_fds=[write])
runner = subprocess.Popen([sys.executable, "-m", "tests.fake_runner"], stdin=read, stdout=subprocess.PIPE)
os.write(write, b'{"seq":1,"verb":"hello","args":{"protocol":3}}\\n')
runner.stdout.readline()
print(helper.pid, runner.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", parent], cwd=CHECKOUT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        helper, runner = map(int, process.stdout.readline().split())
        try:
            assert runs(runner)
            process.kill()
            process.wait()
            deadline = time.monotonic() + 5
            while runs(runner) and time.monotonic() < deadline:
                time.sleep(0.01)
            assert not runs(runner)
            assert runs(helper), "the input was still open"
        finally:
            os.kill(helper, signal.SIGKILL)


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie: in a container nobody may reap orphans."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
