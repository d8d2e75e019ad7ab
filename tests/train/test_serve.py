"""The torch-eager runner, as a process, by the protocol's own messages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from contract import artifact, process, protocol
from contract.errors import DataError, UsageError
from contract.layout import CHECKOUT
from contract.manifest import CHECKPOINT, TRAIN
from tests.train.served import CLASSES, SPEC, write_model
from train.data.images import decode
from train.preset import transform
from train.serve import loading

IN_FORCE = {
    "threads": 1, "inter_threads": torch.get_num_interop_threads(), "dtype": "float32", "form": "eager", "training": False,
    "denormals": "kept", "stopwatch": process.STOPWATCH, "output_allocation": process.OUTPUT_ALLOCATION,
}  # fmt: skip


class Client:
    """Writes requests and reads replies, nothing else."""

    def __init__(self, folder: Path) -> None:
        self.log = (folder / "stderr").open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "train", "serve"],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            # As in a UTF-8 locale, where text that is none kills a reader of sys.stdin.
            env=os.environ | {"PYTHONIOENCODING": "utf-8:strict"},
        )
        self.seq = 0

    def ask(self, verb: str, **args: Any) -> Any:
        self.seq += 1
        request = protocol.Request(self.seq, verb, args)
        self.process.stdin.write(protocol.encode(request) + "\n")
        self.process.stdin.flush()
        return protocol.decode_reply(self.process.stdout.readline(), request)

    def close(self) -> int:
        self.process.stdin.close()
        code = self.process.wait(30)
        self.process.stdout.close()
        self.log.close()
        return code


@pytest.fixture(scope="module")
def client(home: Path):
    made = Client(home)
    yield made
    if made.process.poll() is None:
        assert made.close() == 0


@pytest.fixture(scope="module")
def model(client: Client, home: Path) -> str:
    found = client.ask("load", model=str(home / "abcd1234" / TRAIN), provider="cpu", options={"threads": 1, "spinning": True})
    assert (found.providers, found.options, found.classes) == (("cpu",), IN_FORCE, CLASSES)
    assert found.inputs == (protocol.ValueInfo("images", (None, 3, 36, 36), "float32"),)
    assert found.outputs == (protocol.ValueInfo("logits", (None, 3), "float32"),)
    assert found.model_sha256 == artifact.sha256_file(home / "abcd1234" / CHECKPOINT)
    return found.id


def pictures(home: Path) -> list[str]:
    return sorted(map(str, (home / "squares" / "train").iterdir()))


def test_the_receipt_names_the_library_that_is_loaded(client: Client) -> None:
    found = client.ask("hello", protocol=3)
    assert (found.runtime, found.version, found.commit) == ("torch-eager", torch.__version__, torch.version.git_version)
    assert Path(found.library).name.startswith("libtorch_cpu")
    assert found.library_sha256 == artifact.sha256_file(Path(found.library))
    assert found.source == artifact.package_hash("train", "contract")
    assert "cpu" in found.providers
    assert found.process == process.facts("release")
    assert client.ask("hello", protocol=4).kind == "usage"


def test_images_are_preprocessed_by_torchvisions_own_transform(client: Client, home: Path, model: str) -> None:
    paths = pictures(home)
    out = home / "o.npz"
    found = client.ask("predict", id=model, images=paths, tensor=None, batch=7, outputs=["images", "logits"], out=str(out))
    with np.load(out) as arrays:
        expected = np.stack([transform(SPEC)(decode(Path(path))).numpy() for path in paths])
        assert np.array_equal(arrays["images"], expected)
        assert found.top1 == tuple(arrays["logits"].argmax(1).tolist())
        assert found.crc32 == tuple(zlib.crc32(expected[start : start + 7].tobytes()) for start in range(0, len(paths), 7))


def test_only_the_preprocessed_tensor_runs_no_forward(client: Client, home: Path, model: str) -> None:
    found = client.ask("predict", id=model, images=pictures(home)[:2], tensor=None, batch=2, outputs=["images"], out=str(home / "o.npz"))
    assert (found.top1, found.crc32, list(found.arrays)) == (None, (), ["images"])


def test_modules_by_name_and_a_ready_tensor(client: Client, home: Path, model: str) -> None:
    out = home / "o.npz"
    found = client.ask(
        "predict", id=model, images=None, tensor=str(home / "x.npy"), batch=2, outputs=["features.0", "logits"], out=str(out)
    )
    assert found.arrays["features.0"].shape[:2] == (5, 64)
    with np.load(out) as arrays:
        assert found.crc32[0] == zlib.crc32(np.ascontiguousarray(arrays["features.0"][:2]).tobytes())
        # The value as it left the module: the ReLU behind it works in place.
        assert arrays["features.0"].min() < 0
    refused = client.ask("predict", id=model, images=None, tensor=str(home / "x.npy"), batch=2, outputs=["feature.0"], out=str(out))
    assert (refused.kind, "did you mean 'features.0'?" in refused.what) == ("usage", True)


def test_stages_end_in_the_same_logits(client: Client, home: Path, model: str) -> None:
    path = pictures(home)[0]
    found = client.ask("stages", id=model, image=path, start=None, out=str(home / "s.npz"))
    assert {name: info.shape for name, info in found.arrays.items()} == {
        "decode": (22, 26, 3),
        "orient": (22, 26, 3),
        "resize": (40, 47, 3),
        "crop": (36, 36, 3),
        "normalise": (3, 36, 36),
        "logits": (3,),
    }
    client.ask("predict", id=model, images=[path], tensor=None, batch=1, outputs=[], out=str(home / "o.npz"))
    with np.load(home / "s.npz") as stages, np.load(home / "o.npz") as arrays:
        assert np.array_equal(stages["logits"], arrays["logits"][0])
        assert found.label == CLASSES[arrays["logits"][0].argmax()]


def test_the_referee_works_in_double_precision(client: Client, home: Path) -> None:
    loaded = client.ask("load", model=str(home / "abcd1234" / TRAIN), provider="cpu", options={"dtype": "float64"})
    assert loaded.options["dtype"] == "float64"
    assert loaded.outputs[0].dtype == "float64"
    found = client.ask("predict", id=loaded.id, images=None, tensor=str(home / "x.npy"), batch=5, outputs=[], out=str(home / "o.npz"))
    assert found.arrays["logits"].dtype == "float64"
    client.ask("unload", id=loaded.id)


def timed(client: Client, model: str, **changed: Any) -> Any:
    plain = {"scenario": "latency", "images": None, "tensor": None, "batch": 1, "warmup": 1, "samples": 4, "max_ns": None, "split": False}
    return client.ask("time", id=model, **{**plain, **changed})


def test_samples_take_the_images_in_turn_and_carry_their_crc(client: Client, home: Path, model: str) -> None:
    tensor = str(home / "x.npy")
    answers = client.ask("predict", id=model, images=None, tensor=tensor, batch=1, outputs=[], out=str(home / "o.npz")).crc32
    found = timed(client, model, tensor=tensor, samples=7)
    assert found.crc32 == (*answers, *answers[:2])
    assert min(found.samples) > 0
    assert len(timed(client, model, tensor=tensor, scenario="throughput", batch=3).samples) == 4


def test_sampling_stops_after_its_time(client: Client, home: Path, model: str) -> None:
    assert len(timed(client, model, tensor=str(home / "x.npy"), samples=1000, max_ns=1).samples) == 1


def test_e2e_splits_its_time(client: Client, home: Path, model: str) -> None:
    found = timed(client, model, scenario="e2e", images=pictures(home)[:3], split=True)
    whole = timed(client, model, scenario="e2e", images=pictures(home)[:3])
    assert set(found.split) == {"read", "decode", "resize", "normalise", "logits", "label"}
    assert {len(parts) for parts in found.split.values()} == {4}
    assert all(sum(parts) <= total for *parts, total in zip(*found.split.values(), found.samples, strict=True))
    assert (found.crc32, whole.split) == (whole.crc32, None)


def test_load_is_timed_without_an_answer(client: Client, model: str) -> None:
    assert timed(client, model, scenario="load", samples=2).crc32 == (0, 0)


def test_profile_names_operators_and_layers(client: Client, home: Path, model: str) -> None:
    found = client.ask("profile", id=model, tensor=str(home / "x.npy"), batch=2, repeats=2)
    assert any("conv" in item.op for item in found.operators)
    assert "features.0" in {item.name for item in found.nodes}
    assert list(found.operators) == sorted(found.operators, key=lambda item: -item.ns)
    assert 0 < sum(item.ns for item in found.operators) <= found.wall_ns  # self times: nothing is counted twice


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        ({"provider": "tpu"}, "usage", "unknown provider 'tpu'"),
        ({"options": {"thread": 1}}, "usage", "did you mean 'threads'?"),
        ({"options": {"threads": "2"}}, "usage", "'threads' is '2', not int"),
        ({"options": {"threads": 0}}, "usage", "at least 1"),
        ({"options": {"dtype": "float16"}}, "usage", "unknown dtype 'float16'"),
        ({"model": "/gone/train.json"}, "data", "no such manifest"),
        ({"model": "/gone/model.onnx"}, "data", "not a train.json"),
    ],
)
def test_bad_loads_are_answered_and_the_runner_lives_on(client: Client, home: Path, change: dict[str, Any], kind: str, says: str) -> None:
    plain = {"model": str(home / "abcd1234" / TRAIN), "provider": "cpu", "options": {}}
    found = client.ask("load", **{**plain, **change})
    assert (found.kind, says in found.what) == (kind, True), found


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_that_is_not_there_is_an_environment_fault(client: Client, home: Path) -> None:
    found = client.ask("load", model=str(home / "abcd1234" / TRAIN), provider="cuda", options={})
    assert (found.kind, "no CUDA device" in found.what) == ("environment", True)


def test_inter_threads_are_set_once_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    in_force = [2]

    def once(number: int) -> None:
        if len(in_force) > 1:
            raise RuntimeError("cannot set number of interop threads after parallel work has started")
        in_force.append(number)

    monkeypatch.setattr(torch, "get_num_interop_threads", lambda: in_force[-1])
    monkeypatch.setattr(torch, "set_num_interop_threads", once)
    assert loading._apply({"inter_threads": 1})["inter_threads"] == 1
    assert loading._apply({"inter_threads": 1})["inter_threads"] == 1
    with pytest.raises(UsageError, match="inter_threads is 1 in this process already, asked for 5") as caught:
        loading._apply({"inter_threads": 5})
    assert "once a process" in caught.value.next


def test_bad_requests_are_answered(client: Client, home: Path, model: str) -> None:
    wrong = home / "wrong.npy"
    np.save(wrong, np.zeros((2, 3, 35, 36), np.float32))
    predict = {"id": model, "images": None, "tensor": None, "batch": 1, "outputs": [], "out": str(home / "o.npz")}
    for change, kind, says in (
        ({"id": "m99", "tensor": str(wrong)}, "usage", "no model 'm99'"),
        ({}, "usage", "exactly one of images and tensor"),
        ({"images": []}, "usage", "no image"),
        ({"images": [str(home / "gone.jpg")]}, "data", "no such image file"),
        ({"images": [str(wrong)]}, "data", "not a readable image"),
        ({"tensor": str(wrong)}, "usage", "the model takes float32 N x 3 x (36, 36)"),
        ({"tensor": str(home / "squares" / "labels.csv")}, "data", "not a readable .npy"),
        ({"tensor": str(home / "x.npy"), "batch": 0}, "usage", "at least 1"),
    ):
        found = client.ask("predict", **{**predict, **change})
        assert (found.kind, says in found.what) == (kind, True), found
    assert timed(client, model).kind == "usage"
    assert timed(client, model, scenario="e2e").kind == "usage"
    assert client.ask("profile", id=model, tensor=str(home / "x.npy"), batch=1, repeats=0).kind == "usage"


def test_a_corrupt_checkpoint_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "m", tmp_path)
    with (tmp_path / "m" / CHECKPOINT).open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\xff")
    with pytest.raises(DataError, match="corrupt"):
        loading.open_session(tmp_path / "m" / TRAIN, "cpu", torch.float32)


@pytest.mark.parametrize("line", [b"nonsense\n", b"\xff\xfe\n"])
def test_nonsense_is_answered_too_and_the_runner_lives_on(client: Client, line: bytes) -> None:
    client.process.stdin.flush()
    client.process.stdin.buffer.write(line)
    client.process.stdin.buffer.flush()
    reply = json.loads(client.process.stdout.readline())
    assert (reply["ok"], reply["seq"], reply["error"]["kind"]) == (False, 0, "usage")
    assert client.ask("hello", protocol=3).runtime == "torch-eager"
