"""The runner as a process: every verb, and what it answers when asked nonsense."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from contract import process, protocol, strict
from contract.artifact import package_hash, sha256_file
from contract.layout import CHECKOUT
from tests.infer_py.conftest import Build

OPTIONS = {"threads": 1, "inter_threads": 1, "spinning": False, "optimization": "all", "arena": True, "memory_pattern": True}


# As in a UTF-8 locale, where text that is none kills a reader of sys.stdin; the C locale of a container would let it pass.
UTF_8 = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}


class Peer:
    """A runner in a process, asked in plain words."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "infer_py", "serve"], cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, env=UTF_8,
        )  # fmt: skip
        self.seq = 0

    def ask(self, verb: str, **arguments: Any) -> Any:
        """The typed result, or the Failure."""
        self.seq += 1
        request = protocol.Request(self.seq, verb, arguments)
        return protocol.decode_reply(self.raw(protocol.encode(request)), request)

    def raw(self, line: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def end(self) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(20)


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    started = Peer()
    yield started
    assert started.end() == 0


@pytest.fixture
def loaded(peer: Peer, build: Build) -> str:
    made = peer.ask("load", model=str(build()), provider="cpu", options=OPTIONS)
    assert isinstance(made, protocol.Loaded)
    return made.id


def test_receipt(peer: Peer):
    receipt = peer.ask("hello", protocol=3)
    assert isinstance(receipt, protocol.Receipt)
    assert (receipt.runtime, receipt.version) == ("ort-python", onnxruntime.__version__)
    assert receipt.source == package_hash("infer_py", "contract")
    assert receipt.commit in onnxruntime.get_build_info()
    assert receipt.library_sha256 == sha256_file(Path(receipt.library))
    assert receipt.pid == peer.process.pid
    assert receipt.providers[-1] == "cpu"
    assert receipt.jpeg.startswith("libjpeg")
    assert receipt.process == process.facts("Release")  # a child of ours: the same machine, limits and library


def test_another_protocol_is_refused_with_both_numbers(peer: Peer):
    failure = peer.ask("hello", protocol=4)
    assert failure.kind == "usage"
    assert "4" in failure.what
    assert "3" in failure.what


def test_load_says_what_is_in_force(peer: Peer, build: Build):
    path = build()
    made = peer.ask("load", model=str(path), provider="cpu", options=OPTIONS)
    assert made.options == {**OPTIONS, "denormals": "kept", "stopwatch": process.STOPWATCH, "output_allocation": process.OUTPUT_ALLOCATION}
    assert (made.providers, made.placement, made.classes) == (("cpu",), {"cpu": 4}, ("ADONIS", "ORACLE", "ZEBRA"))
    assert made.inputs == (protocol.ValueInfo("images", (None, 3, 32, 32), "float32"),)
    assert made.outputs == (protocol.ValueInfo("logits", (None, 3), "float32"),)
    assert made.model_sha256 == sha256_file(path)
    assert made.ns > 0


def test_predict_images_and_their_tensor_agree(peer: Peer, loaded: str, photo: Path, tmp_path: Path):
    first = peer.ask(
        "predict", id=loaded, images=[str(photo)] * 3, tensor=None, batch=2, outputs=["images", "logits"], out=str(tmp_path / "a.npz")
    )
    with np.load(tmp_path / "a.npz") as arrays:
        images, logits = arrays["images"], arrays["logits"]
    assert images.shape == (3, 3, 32, 32)
    assert first.top1 == tuple(logits.argmax(1))
    assert len(first.crc32) == 2
    np.save(tmp_path / "t.npy", images)
    again = peer.ask("predict", id=loaded, images=None, tensor=str(tmp_path / "t.npy"), batch=2, outputs=[], out=str(tmp_path / "b.npz"))
    assert (again.top1, again.crc32) == (first.top1, first.crc32)
    assert again.crc32[0] == zlib.crc32(logits[:2].tobytes())


def test_the_tensor_alone_needs_no_forward(peer: Peer, loaded: str, photo: Path, tmp_path: Path):
    done = peer.ask("predict", id=loaded, images=[str(photo)], tensor=None, batch=1, outputs=["images"], out=str(tmp_path / "a.npz"))
    assert (done.crc32, done.top1, list(done.arrays)) == ((), None, ["images"])


def test_intermediate_values(peer: Peer, loaded: str, tensor: Path, tmp_path: Path):
    done = peer.ask("predict", id=loaded, images=None, tensor=str(tensor), batch=2, outputs=["hidden"], out=str(tmp_path / "h.npz"))
    assert done.arrays == {"hidden": protocol.ArrayInfo((5, 4, 30, 30), "float32")}
    assert len(done.crc32) == 3


def test_stages(peer: Peer, loaded: str, photo: Path, tmp_path: Path):
    done = peer.ask("stages", id=loaded, image=str(photo), start=None, out=str(tmp_path / "s.npz"))
    with np.load(tmp_path / "s.npz") as arrays:
        shapes = {name: (arrays[name].shape, arrays[name].dtype.name) for name in arrays.files}
        logits = arrays["logits"]
    assert shapes == {
        "decode": ((40, 50, 3), "uint8"),
        "orient": ((40, 50, 3), "uint8"),
        "resize": ((36, 45, 3), "uint8"),
        "crop": ((32, 32, 3), "uint8"),
        "normalise": ((3, 32, 32), "float32"),
        "logits": ((3,), "float32"),
    }
    assert done.label == ("ADONIS", "ORACLE", "ZEBRA")[int(logits.argmax())]


def test_times(peer: Peer, loaded: str, tensor: Path, photo: Path):
    common = {"id": loaded, "batch": 1, "warmup": 1, "samples": 3, "max_ns": None, "split": True}
    latency = peer.ask("time", scenario="latency", images=None, tensor=str(tensor), **common)
    assert (len(latency.samples), len(latency.crc32), latency.split) == (3, 3, None)
    whole = peer.ask("time", scenario="e2e", images=[str(photo)], tensor=None, **common)
    assert set(whole.split) == {"read", "decode", "resize", "normalise", "logits", "label"}
    assert peer.ask("time", scenario="load", images=None, tensor=None, **common).crc32 == (0, 0, 0)


def test_profile(peer: Peer, loaded: str, tensor: Path):
    found = peer.ask("profile", id=loaded, tensor=str(tensor), batch=2, repeats=3)
    assert sum(kind.calls for kind in found.operators) % 3 == 0
    assert 0 < sum(kind.ns for kind in found.operators) <= found.wall_ns
    assert "Conv" in {kind.op for kind in found.operators} | {kind.op.removeprefix("Fused") for kind in found.operators}
    times = [node.ns for node in found.nodes]
    assert times == sorted(times, reverse=True)


def test_failures_have_kinds_and_leave_the_runner_usable(peer: Peer, loaded: str, build: Build, photo: Path, tmp_path: Path):
    out = str(tmp_path / "x.npz")
    ask = {"id": loaded, "images": [str(photo)], "tensor": None, "batch": 1, "outputs": [], "out": out}
    assert peer.ask("predict", **{**ask, "id": "m99"}).kind == "usage"
    assert peer.ask("predict", **{**ask, "images": ["/none.jpg"]}).kind == "data"
    assert peer.ask("predict", **{**ask, "outputs": ["nothing"]}).kind == "usage"
    assert peer.ask("predict", **{**ask, "images": []}).kind == "usage"
    assert peer.ask("predict", **{**ask, "tensor": "/t.npy"}).kind == "usage"
    assert peer.ask("load", model="/none.onnx", provider="cpu", options={}).kind == "data"
    assert peer.ask("load", model=str(build()), provider="tpu", options={}).kind == "usage"
    assert peer.ask("load", model=str(build()), provider="cpu", options={"thread": 1}).kind == "usage"
    assert isinstance(peer.ask("predict", **ask), protocol.Predicted)


def test_a_static_variant_names_both_batches(peer: Peer, build: Build, tensor: Path, tmp_path: Path):
    made = peer.ask("load", model=str(build("static.onnx", batch=1)), provider="cpu", options={})
    failure = peer.ask("predict", id=made.id, images=None, tensor=str(tensor), batch=2, outputs=[], out=str(tmp_path / "x.npz"))
    assert failure.kind == "usage"
    assert "batches of 1, asked for 2" in failure.what
    np.save(tmp_path / "one.npy", np.load(tensor)[:1])
    one = peer.ask("predict", id=made.id, images=None, tensor=str(tmp_path / "one.npy"), batch=8, outputs=[], out=str(tmp_path / "x.npz"))
    assert "batches of 1, asked for 8" in one.what
    assert (
        len(peer.ask("predict", id=made.id, images=None, tensor=str(tensor), batch=1, outputs=[], out=str(tmp_path / "x.npz")).crc32) == 5
    )


def test_a_model_without_metadata(peer: Peer, build: Build, tensor: Path, photo: Path, tmp_path: Path):
    made = peer.ask("load", model=str(build(card=None)), provider="cpu", options={})
    assert made.classes is None
    ask = {"id": made.id, "batch": 5, "outputs": [], "out": str(tmp_path / "x.npz")}
    assert isinstance(peer.ask("predict", images=None, tensor=str(tensor), **ask), protocol.Predicted)
    failure = peer.ask("predict", images=[str(photo)], tensor=None, **ask)
    assert (failure.kind, "concord.preprocess" in failure.what) == ("data", True)


def test_nonsense_is_answered(peer: Peer):
    for line in ("{", '{"seq": 1}', '{"seq": 1, "verb": "dance", "args": {}}', '{"seq": 1, "verb": "hello", "args": {"x": NaN}}'):
        reply = strict.loads(peer.raw(line), "reply")
        assert (reply["ok"], reply["error"]["kind"]) == (False, "usage")


def test_bytes_that_are_no_text_are_answered_and_the_runner_lives_on(peer: Peer):
    assert peer.process.stdin is not None
    assert peer.process.stdout is not None
    peer.process.stdin.flush()
    peer.process.stdin.buffer.write(b"\xff\xfe\n")
    peer.process.stdin.buffer.flush()
    reply = strict.loads(peer.process.stdout.readline(), "reply")
    assert (reply["ok"], reply["seq"], reply["error"]["kind"]) == (False, 0, "usage")
    assert isinstance(peer.ask("hello", protocol=3), protocol.Receipt)


def test_unload(peer: Peer, loaded: str):
    assert peer.ask("unload", id=loaded) == protocol.Nothing()
    assert peer.ask("unload", id=loaded).kind == "usage"


def test_quit_ends_with_zero():
    other = Peer()
    assert other.ask("quit") == protocol.Nothing()
    assert other.end() == 0
