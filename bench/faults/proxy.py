"""A runner that stands between the gate and a real one, and puts a fault in between: python -m bench.faults.proxy RUNTIME FAULT DOSE.

It speaks the protocol on both sides, and hands the real runner's receipt on: no check can tell it from the runtime itself but by answers.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from bench import runtimes
from bench.faults import replies
from bench.faults.catalogue import Array, Fault, Picture
from bench.faults.every import FAULTS
from bench.runner import Runner
from contract import protocol as p
from contract import serve
from contract.errors import run_step
from contract.preprocess import PreprocessSpec

STAGES = ("decode", "orient", "resize", "crop", "normalise")
SECONDS = 600.0


class ImageFault:
    """Asks the real runner for an image's stages, puts the fault into one of them, and lets it go on from there."""

    def __init__(self, ask: Callable[[str, Any], Any], fault: Fault, dose: float, spec: PreprocessSpec, work: Path) -> None:
        self._ask, self._fault, self._dose, self._spec, self._work = ask, fault, dose, spec, work
        self._inputs: dict[str, str] = {}
        self._tensors: dict[tuple[str, str], Array] = {}

    def answer(self, verb: str, args: Any) -> Any:
        """The answer to one request."""
        match verb:
            case "stages":
                return self._stages(args)
            case "predict" if args.images is not None:
                return self._predict(args)
            case "load":
                loaded = self._ask(verb, args)
                self._inputs[loaded.id] = loaded.inputs[0].name
                return loaded
            case _:
                return self._ask(verb, args)

    def _predict(self, args: p.PredictArgs) -> p.Predicted:
        batch = np.stack([self._tensor(args.id, path) for path in args.images or ()])
        if args.outputs == (self._inputs[args.id],):
            _write(Path(args.out), {args.outputs[0]: batch})
            return p.Predicted({args.outputs[0]: p.ArrayInfo(batch.shape, str(batch.dtype))}, None, ())
        file = self._work / "batch.npy"
        np.save(file, batch)
        answer = self._ask("predict", replace(args, images=None, tensor=str(file)))
        assert isinstance(answer, p.Predicted)
        return answer

    def _tensor(self, id: str, path: str) -> Array:
        # The gate asks for the same images again and again: a fault is the same each time.
        if (id, path) not in self._tensors:
            out = self._work / "tensor.npz"
            self._stages(p.StagesArgs(id, path, None, str(out)))
            self._tensors[id, path] = _read(out)["normalise"]
        return self._tensors[id, path]

    def _stages(self, args: p.StagesArgs) -> p.Staged:
        guilty = STAGES.index(self._fault.stage)
        first = self._ask("stages", args)
        assert isinstance(first, p.Staged)
        # Whoever starts at the guilty stage or behind it replaces what this fault does.
        if args.start is not None and STAGES.index(args.start.stage) >= guilty:
            return first
        true = _read(Path(args.out))
        wrong = self._fault.apply(Picture(true, self._spec, args.image), self._dose)
        array = self._work / "stage.npy"
        np.save(array, np.ascontiguousarray(wrong))
        # An image fault is at one of the stages that a question may start from.
        rest = self._ask("stages", replace(args, start=p.StageStart(cast(Any, self._fault.stage), str(array))))
        assert isinstance(rest, p.Staged)
        arrays = {**true, **_read(Path(args.out)), self._fault.stage: wrong}
        _write(Path(args.out), arrays)
        infos = {name: p.ArrayInfo(each.shape, str(each.dtype)) for name, each in arrays.items()}
        return p.Staged(infos, rest.top1, rest.label, first.orientation)


def _read(path: Path) -> dict[str, Array]:
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def _write(path: Path, arrays: dict[str, Array]) -> None:
    with path.open("wb") as out:
        np.savez(out, **arrays)  # type: ignore[arg-type]


def main() -> int:
    """Serve until the end of input."""
    out = serve.claim_stdout()
    runtime, name, dose, spec, log = sys.argv[1:]
    fault = FAULTS[name]
    with Runner(runtimes.find(runtime), ("cpu",), Path(log)) as real, tempfile.TemporaryDirectory(prefix="concord-fault-") as work:

        def ask(verb: str, args: Any) -> Any:
            return real.ask(verb, args, p.VERBS[verb][1], SECONDS)

        answer: Callable[[str, Any], Any] = partial(fault.apply, replies.Wire(ask), float(dose))
        if fault.seam == "image":
            answer = ImageFault(ask, fault, float(dose), PreprocessSpec.from_json(spec), Path(work)).answer
        serve.serve({verb: partial(answer, verb) for verb in p.VERBS}, sys.stdin.buffer, out)
    return 0


if __name__ == "__main__":
    run_step(main)
