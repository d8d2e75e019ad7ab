"""A runner in numpy alone: the whole protocol without ONNX Runtime, for tests. Run: python -m tests.fake_runner

Its "model" is a .npy matrix W (k x classes): logits = first k values of each image @ W. Any file is an "image": its bytes are the pixels.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
import zlib
from pathlib import Path

import numpy as np

from contract import artifact, serve
from contract import protocol as p

SOURCE, SIDE = "5a" * 32, 4
MODELS: dict[str, Path] = {}
NUMBERS = itertools.count(1)


def hello(args: p.HelloArgs) -> p.Receipt:
    name = os.environ.get("FAKE_RUNNER_NAME", "fake")
    return p.Receipt(1, name, "1.0", None, "numpy", "00" * 32, SOURCE, "release", 1, ("cpu",), "none", None, (), {}, os.getpid())


def load(args: p.LoadArgs) -> p.Loaded:
    name, path = f"m{next(NUMBERS)}", Path(args.model)
    MODELS[name], shape = path, np.load(path).shape
    images, logits = p.ValueInfo("images", (None, 3, SIDE, SIDE), "float32"), p.ValueInfo("logits", (None, shape[1]), "float32")
    classes = tuple(f"class {n}" for n in range(shape[1]))
    return p.Loaded(name, (args.provider,), None, args.options, (images,), (logits,), classes, artifact.sha256_file(path), 1000)


def stages_of(path: str) -> dict[str, np.ndarray]:
    pixels = np.resize(np.frombuffer(Path(path).read_bytes(), np.uint8), (SIDE, SIDE, 3))
    return {"decode": pixels, "resize": pixels, "crop": pixels, "normalise": pixels.transpose(2, 0, 1).astype(np.float32) / 255}


def forward(id: str, batch: np.ndarray) -> np.ndarray:
    weights = np.load(MODELS[id])
    return batch.reshape(len(batch), -1)[:, : len(weights)].astype(np.float32) @ weights.astype(np.float32)


def tensor_of(args: p.PredictArgs | p.TimeArgs) -> np.ndarray:
    return np.load(args.tensor) if args.tensor else np.stack([stages_of(path)["normalise"] for path in args.images or ()])


def save(out: str, arrays: dict[str, np.ndarray]) -> dict[str, p.ArrayInfo]:
    np.savez(out, **arrays)
    return {name: p.ArrayInfo(array.shape, str(array.dtype)) for name, array in arrays.items()}


def predict(args: p.PredictArgs) -> p.Predicted:
    tensor = tensor_of(args)
    parts = [forward(args.id, tensor[at : at + args.batch]) for at in range(0, len(tensor), args.batch)]
    known = {"images": tensor, "logits": np.concatenate(parts)}
    arrays = {name: known[name] for name in args.outputs or ("logits",)}
    top1 = tuple(int(n) for n in known["logits"].argmax(1)) if "logits" in arrays else None
    return p.Predicted(save(args.out, arrays), top1, tuple(zlib.crc32(part.tobytes()) for part in parts) if "logits" in arrays else ())


def stages(args: p.StagesArgs) -> p.Staged:
    arrays = stages_of(args.image)
    logits = forward(args.id, arrays["normalise"][None])[0]
    return p.Staged(save(args.out, {**arrays, "logits": logits}), int(logits.argmax()), f"class {logits.argmax()}")


def time_(args: p.TimeArgs) -> p.Timed:
    samples, sums = [], []
    turn = itertools.cycle(tensor_of(args)) if args.scenario != "load" else itertools.repeat(None)
    for _ in range(args.samples):
        batch = [next(turn) for _ in range(args.batch)]
        begin = time.perf_counter_ns()
        answer = np.load(MODELS[args.id]) if args.scenario == "load" else forward(args.id, np.stack(batch))
        samples.append(max(1, time.perf_counter_ns() - begin))
        sums.append(0 if args.scenario == "load" else zlib.crc32(answer.tobytes()))
    split = {n: tuple(samples) for n in ("decode", "resize", "normalise", "logits", "label")} if args.split else None
    return p.Timed(tuple(samples), tuple(sums), split)


def profile(args: p.ProfileArgs) -> p.Profiled:
    return p.Profiled((p.OperatorTime("MatMul", args.repeats, 1000),), (p.NodeTime("matmul", "MatMul", 1000),))


def unload(args: p.UnloadArgs) -> p.Nothing:
    del MODELS[args.id]
    return p.Nothing()


HANDLERS: dict[str, serve.Handler] = {
    "hello": hello, "load": load, "predict": predict, "stages": stages, "time": time_, "profile": profile, "unload": unload,
}  # fmt: skip

if __name__ == "__main__":
    serve.serve(HANDLERS, sys.stdin, serve.claim_stdout())
