"""A runner in numpy alone: the whole protocol without ONNX Runtime, for tests. Run: python -m tests.fake_runner

Its "model" is a .npy matrix W (k x classes): logits = first k values of each image @ W. A train.json stands for weights.npy beside it, a
file called *static* takes batch 1 only, and class names are read from classes.json beside it, if there. Any file is an "image": its bytes
are the pixels, and one called *orient6* states that orientation, by which nothing is turned. Environment: FAKE_RUNNER_NAME; _COMMIT; _LACKS
(verbs, comma-separated); _SHIFT (added to the pixels), _SHIFTED (only by models whose name contains this), _AT (at this stage: decode),
_ONLY (only of the image of this name); _NOISE (moves the logits by so much x (batch - 1)); _MIX (moves the first logit by so
much x the first image's mean: what is asked together matters, as in training mode); _BATCH (any: also of static models; one: also of
dynamic ones, which fail with "not one" at 1, with "to 31" at 32, and answer it with "nan" by NaN, with "squeezed" without a batch axis);
_INDEX (added to the index of the largest logit that predict says), _NAME_OF (added to the index whose name stages says); _SHA256 (said of
every model).
"""

from __future__ import annotations

import itertools
import json
import os
import re
import sys
import time
import zlib
from pathlib import Path

import numpy as np

from contract import artifact, serve
from contract import protocol as p
from contract.errors import UsageError
from contract.manifest import CHECKPOINT

SOURCE, SIDE = "5a" * 32, 4
MODELS: dict[str, tuple[np.ndarray, bool, int]] = {}
SHIFT, NOISE = int(os.environ.get("FAKE_RUNNER_SHIFT", "0")), float(os.environ.get("FAKE_RUNNER_NOISE", "0"))
MIX, BATCH = float(os.environ.get("FAKE_RUNNER_MIX", "0")), os.environ.get("FAKE_RUNNER_BATCH", "")
INDEX, NAME_OF = int(os.environ.get("FAKE_RUNNER_INDEX", "0")), int(os.environ.get("FAKE_RUNNER_NAME_OF", "0"))
SHIFTED, AT = os.environ.get("FAKE_RUNNER_SHIFTED", ""), os.environ.get("FAKE_RUNNER_AT", "decode")
ONLY = os.environ.get("FAKE_RUNNER_ONLY", "")
NAMES: dict[str, tuple[str, ...]] = {}
NUMBERS = itertools.count(1)


def hello(args: p.HelloArgs) -> p.Receipt:
    name = os.environ.get("FAKE_RUNNER_NAME", "fake")
    commit = os.environ.get("FAKE_RUNNER_COMMIT")
    process: dict[str, p.Option] = {"affinity": "0-1", "denormals": "kept"}
    return p.Receipt(
        p.PROTOCOL, name, "1.0", commit, "numpy", "00" * 32, SOURCE, "release", 1, ("cpu",), "none", None, (), process, {}, os.getpid()
    )


def read(model: str) -> np.ndarray:
    return np.load(Path(model).with_name("weights.npy") if model.endswith(".json") else model)


def load(args: p.LoadArgs) -> p.Loaded:
    name, path = f"m{next(NUMBERS)}", Path(args.model)
    weights, static = read(args.model).astype(args.options.get("dtype", "float32")), "static" in path.name and BATCH != "any"
    static = static or (BATCH == "one" and "dynamic" in path.name)
    MODELS[name], batch = (weights, static, SHIFT if SHIFTED in path.name else 0), 1 if static else None
    values = p.ValueInfo("images", (batch, 3, SIDE, SIDE), "float32"), p.ValueInfo("logits", (batch, weights.shape[1]), "float32")
    names = path.with_name("classes.json")
    classes = NAMES[name] = tuple(json.loads(names.read_text())) if names.exists() else tuple(f"class {n}" for n in range(weights.shape[1]))
    # As torch's: of a checkpoint it says the weights' hash.
    sha256 = os.environ.get("FAKE_RUNNER_SHA256") or artifact.sha256_file(path.with_name(CHECKPOINT) if path.suffix == ".json" else path)
    return p.Loaded(name, (args.provider,), None, args.options, values[:1], values[1:], classes, sha256, 1000)


def stages_of(id: str, path: str, start: p.StageStart | None = None) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    value = np.resize(np.frombuffer(Path(path).read_bytes(), np.uint8), (SIDE, SIDE, 3))
    for stage in p.STAGES[p.STAGES.index(start.stage) if start else 0 :]:
        if start and start.stage == stage:
            arrays[stage] = value = np.load(start.array)
            continue
        value = value.transpose(2, 0, 1).astype(np.float32) / 255 if stage == "normalise" else value
        arrays[stage] = value = value + value.dtype.type(MODELS[id][2] if stage == AT and ONLY in ("", Path(path).name) else 0)
    return arrays


def forward(id: str, batch: np.ndarray) -> np.ndarray:
    weights, static, _ = MODELS[id]
    if static and len(batch) != 1:
        raise UsageError(f"Got: {len(batch)} Expected: 1")
    if not static and (BATCH, len(batch)) in {("not one", 1), ("to 31", 32)}:
        raise UsageError(f"Got: {len(batch)}")
    values = batch.reshape(len(batch), -1)[:, : len(weights)].astype(weights.dtype)
    moved = np.full(weights.shape[1], NOISE * (len(batch) - 1), weights.dtype)
    moved[0] += MIX * batch[0].mean()
    if not static and BATCH == "nan" and len(batch) == 1:
        moved += np.nan
    made = values @ weights + moved
    return made[0] if not static and BATCH == "squeezed" and len(batch) == 1 else made


def tensor_of(args: p.PredictArgs | p.TimeArgs) -> np.ndarray:
    return np.load(args.tensor) if args.tensor else np.stack([stages_of(args.id, path)["normalise"] for path in args.images or ()])


def save(out: str, arrays: dict[str, np.ndarray]) -> dict[str, p.ArrayInfo]:
    np.savez(out, **arrays)
    return {name: p.ArrayInfo(array.shape, str(array.dtype)) for name, array in arrays.items()}


def predict(args: p.PredictArgs) -> p.Predicted:
    tensor = tensor_of(args)
    if args.outputs == ("images",):
        return p.Predicted(save(args.out, {"images": tensor}), None, ())
    parts = [forward(args.id, tensor[at : at + args.batch]) for at in range(0, len(tensor), args.batch)]
    known = {"images": tensor, "logits": np.concatenate(parts)}
    arrays = {name: known[name] for name in args.outputs or ("logits",)}
    top1 = tuple(int(n) + INDEX for n in known["logits"].argmax(1)) if "logits" in arrays and known["logits"].ndim == 2 else None
    return p.Predicted(save(args.out, arrays), top1, tuple(zlib.crc32(part.tobytes()) for part in parts))


def stages(args: p.StagesArgs) -> p.Staged:
    arrays = stages_of(args.id, args.image, args.start)
    logits = forward(args.id, arrays["normalise"][None])[0]
    stated = None if args.start else re.search(r"orient([1-8])", Path(args.image).name)
    said = save(args.out, {**arrays, "logits": logits})
    names, best = NAMES[args.id], int(logits.argmax())
    return p.Staged(said, best, names[(best + NAME_OF) % len(names)], int(stated[1]) if stated else None)


def time_(args: p.TimeArgs) -> p.Timed:
    samples, sums = [], []
    turn = itertools.cycle(tensor_of(args)) if args.scenario != "load" else itertools.repeat(None)
    for _ in range(args.samples):
        batch = [next(turn) for _ in range(args.batch)]
        begin = time.perf_counter_ns()
        answer = MODELS[args.id][0].copy() if args.scenario == "load" else forward(args.id, np.stack(batch))
        samples.append(max(1, time.perf_counter_ns() - begin))
        sums.append(0 if args.scenario == "load" else zlib.crc32(answer.tobytes()))
    split = {n: tuple(samples) for n in ("read", "decode", "resize", "normalise", "logits", "label")} if args.split else None
    return p.Timed(tuple(samples), tuple(sums), split)


def profile(args: p.ProfileArgs) -> p.Profiled:
    each = 1000 * args.repeats
    return p.Profiled((p.OperatorTime("MatMul", args.repeats, each),), (p.NodeTime("matmul", "MatMul", each),), 2 * each)


def unload(args: p.UnloadArgs) -> p.Nothing:
    del MODELS[args.id]
    return p.Nothing()


HANDLERS: dict[str, serve.Handler] = {
    "hello": hello, "load": load, "predict": predict, "stages": stages, "time": time_, "profile": profile, "unload": unload,
}  # fmt: skip

if __name__ == "__main__":
    for verb in filter(None, os.environ.get("FAKE_RUNNER_LACKS", "").split(",")):
        del HANDLERS[verb]
    serve.serve(HANDLERS, sys.stdin.buffer, serve.claim_stdout())
