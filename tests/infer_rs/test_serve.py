"""The runner: its receipt, and its answers against Python's onnxruntime on the same tensor."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from contract import process, protocol
from contract.artifact import sha256_file
from contract.preprocess import CenterCrop, PreprocessSpec, Shorter
from infer_py.preprocess import preprocess
from tests.infer_rs.conftest import CLASSES, Build, Runner
from tests.infer_rs.pictures import photo

SPEC = PreprocessSpec(Shorter("shorter", 40), CenterCrop("center", 32, 32), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
OPTIONS = {"threads": 1, "inter_threads": 1, "spinning": False, "optimization": "all", "arena": True, "memory_pattern": True}
UNASKED = {"denormals": "kept", "stopwatch": process.STOPWATCH, "output_allocation": process.OUTPUT_ALLOCATION}


@pytest.fixture
def tensor(tmp_path: Path) -> Path:
    path = tmp_path / "t.npy"
    np.save(path, np.random.default_rng(3).normal(size=(7, 3, 32, 32)).astype(np.float32))
    return path


def in_python(model: Path, images: np.ndarray, batch: int) -> list[np.ndarray]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return [session.run(["logits"], {"images": images[at : at + batch]})[0] for at in range(0, len(images), batch)]


def loaded(runner: Runner, model: Path, options: dict[str, object] = OPTIONS) -> protocol.Loaded:
    answer = runner.ask("load", model=str(model), provider="cpu", options=options)
    assert isinstance(answer, protocol.Loaded), answer
    return answer


def test_the_receipt_is_true(runner: Runner, library: Path) -> None:
    import onnxruntime

    receipt = runner.ask("hello", protocol=3)
    assert isinstance(receipt, protocol.Receipt)
    assert (receipt.runtime, receipt.version, receipt.build) == ("ort-rust", onnxruntime.__version__, "release")
    assert f"git-commit-id={receipt.commit}," in onnxruntime.get_build_info()
    assert (receipt.library, receipt.library_sha256) == (str(library), sha256_file(library))
    assert receipt.pid == runner.process.pid
    assert receipt.jpeg.startswith("libjpeg-turbo 3.")
    # A child of ours, in another language: of the same machine and limits it says the same.
    python = process.facts("Release")
    assert receipt.process == {key: value for key, value in python.items() if key not in ("garbage_collector", "gil")}


def test_the_source_hash_is_the_one_that_bench_computes(runner: Runner) -> None:
    from bench.runtimes.ort_rust import crate_source

    receipt = runner.ask("hello", protocol=3)
    assert isinstance(receipt, protocol.Receipt)
    assert receipt.source == crate_source(), "the binary is stale: nox -s build"


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_logits_are_pythons_to_the_last_bit(runner: Runner, build: Build, tensor: Path, tmp_path: Path, batch: int) -> None:
    model, out = build(SPEC), tmp_path / "o.npz"
    wanted = in_python(model, np.load(tensor), batch)
    got = runner.ask("predict", id=loaded(runner, model).id, images=None, tensor=str(tensor), batch=batch, outputs=[], out=str(out))
    assert isinstance(got, protocol.Predicted)
    with np.load(out) as arrays:
        assert arrays["logits"].tobytes() == np.concatenate(wanted).tobytes()
    assert got.top1 == tuple(np.concatenate(wanted).argmax(1).tolist())
    assert got.crc32 == tuple(zlib.crc32(part.tobytes()) for part in wanted)


def test_every_option_is_given_back_and_changes_no_answer(runner: Runner, build: Build, tensor: Path, tmp_path: Path) -> None:
    model = build(SPEC)
    sums, operators = set(), {}
    for level in ("all", "extended", "basic", "disabled"):
        options = {"threads": 2, "inter_threads": 1, "spinning": True, "optimization": level, "arena": False, "memory_pattern": False}
        answer = loaded(runner, model, options)
        assert answer.options == options | UNASKED
        got = runner.ask("predict", id=answer.id, images=None, tensor=str(tensor), batch=7, outputs=["logits"], out=str(tmp_path / "o.npz"))
        assert isinstance(got, protocol.Predicted)
        sums.add(got.top1)
        profiled = runner.ask("profile", id=answer.id, tensor=str(tensor), batch=1, repeats=2)
        assert isinstance(profiled, protocol.Profiled)
        assert {entry.calls % 2 for entry in profiled.operators} == {0}, "the first forward is left out"
        assert 0 < sum(entry.ns for entry in profiled.operators) <= profiled.wall_ns
        operators[level] = {entry.op for entry in profiled.operators}
    assert len(sums) == 1
    # The level is in force, not only repeated: ONNX Runtime fuses what follows a convolution into it, unless told not to.
    assert "Relu" in operators["disabled"]
    assert "Relu" not in operators["all"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_number_of_threads_is_in_force(runner: Runner, build: Build) -> None:
    model, tasks = build(SPEC), Path(f"/proc/{runner.process.pid}/task")
    loaded(runner, model)  # what starts threads once and for all has done so
    before = len(list(tasks.iterdir()))
    loaded(runner, model, {**OPTIONS, "threads": 4})
    assert len(list(tasks.iterdir())) == before + 3, "the fourth is the one that runs the model"


def test_stages_are_those_of_infer_py(runner: Runner, build: Build, tmp_path: Path) -> None:
    from infer_py.stages import stages

    image, out = tmp_path / "i.jpg", tmp_path / "s.npz"
    photo(70, 50).save(image)
    answer = runner.ask("stages", id=loaded(runner, build(SPEC)).id, image=str(image), start=None, out=str(out))
    assert isinstance(answer, protocol.Staged)
    assert answer.label == CLASSES[answer.top1]
    wanted, _ = stages(image, SPEC)
    with np.load(out) as arrays:
        assert set(arrays) == {*protocol.STAGES, "logits"}
        for name, stage in wanted.items():
            assert arrays[name].dtype == stage.dtype
            assert arrays[name].tobytes() == np.ascontiguousarray(stage).tobytes(), name


def test_intermediate_values(runner: Runner, build: Build, tensor: Path, tmp_path: Path) -> None:
    model, out = build(SPEC), tmp_path / "o.npz"
    ask = {"id": loaded(runner, model).id, "images": None, "tensor": str(tensor), "batch": 3, "out": str(out)}
    got = runner.ask("predict", **ask, outputs=["hidden", "pooled", "logits"])
    assert isinstance(got, protocol.Predicted)
    with np.load(out) as arrays:
        assert arrays["hidden"].shape == (7, 8, 28, 28)
        assert arrays["hidden"].min() == 0
        np.testing.assert_allclose(arrays["pooled"], arrays["hidden"].mean((2, 3), keepdims=True), rtol=1e-5)
        assert arrays["logits"].tobytes() == np.concatenate(in_python(model, np.load(tensor), 3)).tobytes()
    refused = runner.ask("predict", **ask, outputs=["nothing"])
    assert isinstance(refused, protocol.Failure)
    assert refused.kind == "usage"
    assert "'nothing'" in refused.what


def test_samples_carry_the_sum_of_their_answer(runner: Runner, build: Build, tensor: Path) -> None:
    model = build(SPEC)
    images = np.load(tensor)
    turns = [images[np.arange(start, start + 3) % 7] for start in (0, 3, 6, 2)]
    sums = tuple(zlib.crc32(in_python(model, turn, 3)[0].tobytes()) for turn in turns)
    got = runner.ask(
        "time", id=loaded(runner, model).id, scenario="throughput", images=None, tensor=str(tensor), batch=3, warmup=2, samples=4,
        max_ns=None, split=False,
    )  # fmt: skip
    assert isinstance(got, protocol.Timed)
    assert got.crc32 == sums
    assert all(ns > 0 for ns in got.samples)


def test_images_of_several_sizes_are_answered_one_by_one(runner: Runner, build: Build, tmp_path: Path) -> None:
    """Without a crop each image has a size of its own: as in Python, a batch of one is a forward of one size."""
    spec = replace(SPEC, crop=None)
    model, images, out = build(spec), [], tmp_path / "o.npz"
    for number, size in enumerate([(50, 60), (60, 50), (70, 40), (50, 60)]):
        images.append(str(tmp_path / f"{number}.png"))
        Image.fromarray(np.random.default_rng(number).integers(0, 256, (*size, 3), dtype=np.uint8)).save(images[-1])
    ready = loaded(runner, model).id
    got = runner.ask("predict", id=ready, images=images, tensor=None, batch=1, outputs=["logits"], out=str(out))
    assert isinstance(got, protocol.Predicted)
    wanted = [in_python(model, preprocess(Path(image), spec)[None], 1)[0] for image in images]
    with np.load(out) as arrays:
        assert arrays["logits"].tobytes() == np.concatenate(wanted).tobytes()
    for batch, outputs in ((2, ["logits"]), (1, ["images"])):
        failed = runner.ask("predict", id=ready, images=images, tensor=None, batch=batch, outputs=outputs, out=str(out))
        assert isinstance(failed, protocol.Failure)
        assert failed.kind == "usage"
        assert "crops" in str(failed.next)


def test_a_static_model_names_both_batches(runner: Runner, build: Build, tensor: Path, tmp_path: Path) -> None:
    model = build(SPEC, "static.onnx", 2)
    ask = {"id": loaded(runner, model).id, "images": None, "tensor": str(tensor), "outputs": [], "out": str(tmp_path / "o.npz")}
    for batch in (3, 2):  # the second leaves one image over
        refused = runner.ask("predict", **ask, batch=batch)
        assert isinstance(refused, protocol.Failure)
        assert refused.kind == "usage"
        assert "batch 2" in refused.what
        assert f"batch {3 if batch == 3 else 1}" in refused.what


def test_a_provider_that_does_not_exist_is_never_replaced(runner: Runner, build: Build) -> None:
    refused = runner.ask("load", model=str(build(SPEC)), provider="abacus", options={})
    assert isinstance(refused, protocol.Failure)
    assert refused.kind == "usage"
    assert "'abacus'" in refused.what


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_it_dies_with_its_parent(binary: Path, library: Path) -> None:
    hello = json.dumps({"seq": 1, "verb": "hello", "args": {"protocol": 3}})
    command = [str(binary), "--ort-lib", str(library), "serve"]
    # The end that writes stays here: the end of stdin, on which a runner exits too, never comes.
    stdin, requests = os.pipe()
    parent = (
        "import subprocess, time\n"
        f"runner = subprocess.Popen({command!r}, stdin={stdin}, stdout=subprocess.PIPE)\n"
        "runner.stdout.readline()\n"
        "print(runner.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    try:
        with subprocess.Popen([sys.executable, "-c", parent], pass_fds=[stdin], stdout=subprocess.PIPE, text=True) as process:
            os.write(requests, f"{hello}\n".encode())
            assert process.stdout
            pid = int(process.stdout.readline())
            assert runs(pid)
            process.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + 10
        while runs(pid):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        os.close(stdin)
        os.close(requests)


def runs(pid: int) -> bool:
    """Whether the process is there, and not only waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_nothing_but_replies_comes_from_stdout(binary: Path, library: Path, build: Build) -> None:
    """Garbage, unknown verbs and empty lines: one reply each but for the last, and exit 0 at the end of stdin."""
    lines = ["nonsense", '{"seq": 1, "verb": "fly", "args": {}}', "", json.dumps({"seq": 2, "verb": "hello", "args": {"protocol": 7}})]
    done = subprocess.run(
        [str(binary), "--ort-lib", str(library), "serve"], input="\n".join(lines), capture_output=True, text=True, check=False
    )
    kinds = [json.loads(line)["error"]["kind"] for line in done.stdout.splitlines()]
    assert (kinds, done.returncode) == (["usage", "unsupported", "usage"], 0)
