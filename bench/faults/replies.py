"""Faults of a runtime: each stands between the question and the true answer of a real runner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.faults.catalogue import Array, fault
from contract import protocol as p


@dataclass
class Wire:
    """Asks the true runner; `memory` lasts as long as the process."""

    ask: Callable[[str, Any], Any]
    memory: dict[str, Any] = field(default_factory=dict)

    def rewrite(self, verb: str, args: Any, to: Callable[[str, Array], Array]) -> Any:
        """The true answer with its arrays (name, array) made into others."""
        answer = self.ask(verb, args)
        with np.load(args.out) as file:
            arrays = {name: to(name, file[name]) for name in file.files}
        with Path(args.out).open("wb") as out:
            np.savez(out, **arrays)  # type: ignore[arg-type]
        top1 = answer.top1
        if "logits" in arrays:
            top1 = int(arrays["logits"].argmax()) if verb == "stages" else tuple(arrays["logits"].argmax(1).tolist())
        infos = {name: p.ArrayInfo(array.shape, str(array.dtype)) for name, array in arrays.items()}
        return replace(answer, arrays=infos, top1=top1)


@fault("labels", "top-1", "reply")
def index_from_one(wire: Wire, _dose: float, verb: str, args: Any) -> Any:
    """The index of the largest logit is counted from one."""
    answer = wire.ask(verb, args)
    if verb == "predict" and answer.top1 is not None:
        return replace(answer, top1=tuple(index + 1 for index in answer.top1))
    return replace(answer, top1=answer.top1 + 1) if verb == "stages" else answer


@fault("labels", "label", "reply")
def name_of_the_next(wire: Wire, _dose: float, verb: str, args: Any) -> Any:
    """An image gets the name of the class behind its own."""
    answer = wire.ask(verb, args)
    if verb == "load":
        wire.memory[answer.id] = answer.classes
    if verb != "stages":
        return answer
    classes = wire.memory[args.id]
    return replace(answer, label=classes[(answer.top1 + 1) % len(classes)])


@fault("runtime", "runtime", "reply")
def provider_fallback(wire: Wire, _dose: float, verb: str, args: Any) -> Any:
    """The session runs on another execution provider than was asked for."""
    answer = wire.ask(verb, args)
    return replace(answer, providers=("xnnpack", "cpu")) if verb == "load" else answer


@fault("runtime", "runtime", "reply")
def other_library(wire: Wire, _dose: float, verb: str, args: Any) -> Any:
    """Another version of ONNX Runtime answers."""
    answer = wire.ask(verb, args)
    return replace(answer, version="1.17.0", commit="0123456789") if verb == "hello" else answer


@fault("runtime", "runtime", "reply")
def wrong_file(wire: Wire, _dose: float, verb: str, args: Any) -> Any:
    """Another file of the same folder is loaded."""
    if verb == "load":
        other = next(each for each in sorted(Path(args.model).parent.glob("*.onnx")) if each != Path(args.model))
        args = replace(args, model=str(other))
    return wire.ask(verb, args)


@fault("runtime", "logits", "reply")
def stale_answers(wire: Wire, _dose: float, verb: str, args: Any) -> Any:
    """Each batch gets the answers of the batch before it."""

    def late(name: str, array: Array) -> Array:
        if name != "logits":
            return array
        before = wire.memory.get(verb, array)
        wire.memory[verb] = array
        return before if before.shape == array.shape and not np.array_equal(before, array) else np.roll(array, 1, axis=0)

    return wire.rewrite(verb, args, late) if verb in ("predict", "stages") else wire.ask(verb, args)


@fault("runtime", "logits", "reply")
def answers_reversed(wire: Wire, _dose: float, verb: str, args: Any) -> Any:
    """The answers of a request come in reversed order."""

    def back(name: str, array: Array) -> Array:
        return array[::-1] if name == "logits" else array

    return wire.rewrite(verb, args, back) if verb == "predict" else wire.ask(verb, args)


@fault("runtime", "logits", "reply")
def answers_in_half(wire: Wire, _dose: float, verb: str, args: Any) -> Any:
    """Logits are rounded to half precision on their way."""

    def half(name: str, array: Array) -> Array:
        return array.astype(np.float16).astype(array.dtype) if name == "logits" else array

    return wire.rewrite(verb, args, half) if verb in ("predict", "stages") else wire.ask(verb, args)


@fault("runtime", "runtime", "reply")
def died(wire: Wire, _dose: float, verb: str, args: Any) -> Any:
    """The runner dies at the second request for answers."""
    asked = wire.memory["asked"] = wire.memory.get("asked", 0) + (verb == "predict")
    if asked > 1:
        raise SystemExit(3)
    return wire.ask(verb, args)
