"""Sessions of OpenVINO's CPU plugin, as infer_py.library asks for them: every setting explicit, and read back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import properties
from openvino.properties import hint, intel_cpu

from contract.errors import DataError, EnvironmentFault, UnsupportedError, UsageError, nearest
from contract.machine import usable_threads
from contract.process import OUTPUT_ALLOCATION, STOPWATCH, ZEROED, denormals
from contract.protocol import Option
from infer_py.model import LOGITS

NAME, DEVICE, PROVIDERS = "OpenVINO", "CPU", ("cpu", "cuda")
# Options of the protocol that OpenVINO does not have: they are not reported, and so not compared.
OTHER_RUNTIMES = ("inter_threads", "spinning", "optimization", "arena", "memory_pattern", "form", "training")
DTYPE = "float32"
TYPES = {"f32": "tensor(float)", "f64": "tensor(double)", "f16": "tensor(float16)"}
Array = NDArray[Any]


class Failed(Exception):
    """OpenVINO failed: it raises RuntimeError, as much else does, for everything that can go wrong in it."""


FAULTS = (Failed,)


@dataclass(frozen=True)
class Options:
    """Options of a session."""

    threads: int = field(default_factory=usable_threads)

    @classmethod
    def parse(cls, asked: dict[str, Option]) -> Options:
        """Options of a request. Raises UsageError for an unknown name or a bad value."""
        for name in asked:
            if name not in {"threads", "dtype", *OTHER_RUNTIMES}:
                raise UsageError(f"unknown option '{name}'; {nearest(name, ['threads', 'dtype', *OTHER_RUNTIMES])}", where="load.options")
        if asked.get("dtype", DTYPE) != DTYPE:
            raise UnsupportedError(f"models run in {DTYPE}, asked for {asked['dtype']!r}", where="load.options")
        threads = asked.get("threads", usable_threads())
        if type(threads) is not int or threads < 1:
            raise UsageError(f"threads must be a positive int, got {threads!r}", where="load.options")
        return cls(threads)


@dataclass(frozen=True)
class Value:
    """An input or output, told as ONNX Runtime tells it."""

    name: str
    shape: tuple[int | None, ...]
    type: str


class Session:
    """A compiled model and its one request."""

    def __init__(self, compiled: Any, threads: int) -> None:
        self.compiled = compiled
        self._request = compiled.create_infer_request()
        self._forward = self._waited_for if threads == 1 else self._inferred
        # One output may have several names: an Identity of the ONNX graph is gone, and both its values are the same tensor.
        self._places = {name: place for place, output in enumerate(compiled.outputs) for name in output.get_names()}

    def get_inputs(self) -> list[Value]:
        """All of them, in order."""
        return [_described(port) for port in self.compiled.inputs]

    def get_outputs(self) -> list[Value]:
        """All of them, in order."""
        return [_described(port) for port in self.compiled.outputs]

    def run(self, names: Sequence[str] | None, feed: dict[str, Array]) -> list[Array]:
        """One forward. Raises Failed.

        The images are read where they are (`share_inputs`); the answers are copied into arrays of their own, for the next forward
        overwrites what OpenVINO keeps.
        """
        try:
            answers = self._forward(feed)
        except RuntimeError as fault:
            raise Failed(str(fault)) from fault
        return list(answers) if names is None else [answers[self._places[name]] for name in names]

    def _inferred(self, feed: dict[str, Array]) -> tuple[Array, ...]:
        answers: tuple[Array, ...] = self._request.infer(feed, share_inputs=True, share_outputs=False).to_tuple()
        return answers

    def _waited_for(self, feed: dict[str, Array]) -> tuple[Array, ...]:
        # With one thread, `infer` of 2026.4.1 loses the error of a dynamic graph that fails, and answers memory that nobody wrote.
        self._request.start_async(feed, share_inputs=True)
        self._request.wait()
        answers: tuple[Array, ...] = self._request.results.to_tuple()
        return answers


def known_provider(provider: str) -> None:
    """Refuse every provider but the CPU. Raises UsageError for an unknown one, EnvironmentFault for one that is not to be had."""
    if provider not in PROVIDERS:
        raise UsageError(f"unknown provider '{provider}'; {nearest(provider, PROVIDERS)}", where="openvino")
    if provider != "cpu":
        raise EnvironmentFault(f"asked for provider '{provider}', and OpenVINO has none", where="openvino", next="use --provider cpu")


def timed_create(model: Path, provider: str, options: Options) -> tuple[Session, int]:
    """A session and the nanoseconds that it took; the plugin is loaded before, and nothing is cached. Raises what `with_outputs` raises."""
    core()
    start = time.perf_counter_ns()
    made = with_outputs(model, (), provider, options)
    return made, time.perf_counter_ns() - start


def with_outputs(model: Path, added: tuple[str, ...], _provider: str, options: Options) -> Session:
    """A session of a file, with these values of its graph among the outputs.

    Raises DataError for a bad model, EnvironmentFault where a setting is not in force.
    """
    asked = settings(options)
    try:
        graph = core().read_model(model)
        graph.add_outputs(list(added))
        # Without it no more threads than cores can be had. What is in force of it depends on the machine; the threads are checked.
        compiled = core().compile_model(graph, DEVICE, asked | {hint.enable_hyper_threading(): True})
    except RuntimeError as fault:
        raise DataError(f"{NAME} cannot load it: {said(fault)}", where=str(model), next="export or copy the model again") from fault
    for key, value in asked.items():
        got = _plain(compiled.get_property(key))
        if got != value:
            raise EnvironmentFault(f"asked for {key} = {value}, and {got} is in force", where=str(model), next=_next(key, got))
    return Session(compiled, options.threads)


def settings(options: Options) -> dict[str, Any]:
    """All settings that its numbers depend on, by OpenVINO's names, with the values that the compiled model must report."""
    return {
        # Where the processor has bfloat16, that would be OpenVINO's own choice, and another answer.
        hint.inference_precision(): openvino.Type.f32,
        hint.execution_mode(): "ACCURACY",
        hint.performance_mode(): "LATENCY",
        properties.num_streams(): 1,
        properties.inference_num_threads(): options.threads,
        # As ONNX Runtime's, whose threads go where the kernel sends them.
        hint.enable_cpu_pinning(): False,
        hint.scheduling_core_type(): "ANY_CORE",
        intel_cpu.denormals_optimization(): False,
    }


def in_force(session: Session) -> dict[str, Option]:
    """All effective options, with the values that the compiled model itself reports."""

    def told(key: str) -> Any:
        return _plain(session.compiled.get_property(key))

    return {
        "threads": told(properties.inference_num_threads()),
        "streams": told(properties.num_streams()),
        "performance_hint": told(hint.performance_mode()).lower(),
        "dtype": np.dtype(told(hint.inference_precision()).to_dtype()).name,
        # The session's own threads; the one that calls it may have been set by any library before.
        "denormals": ZEROED if told(intel_cpu.denormals_optimization()) else denormals(),
        "stopwatch": STOPWATCH,
        "output_allocation": OUTPUT_ALLOCATION,
    }


@cache
def core() -> Any:
    """OpenVINO with its CPU plugin loaded, and without a folder where compiled models are kept."""
    made = openvino.Core()
    made.set_property({properties.cache_dir(): ""})
    made.get_versions(DEVICE)
    return made


def said(fault: BaseException) -> str:
    """OpenVINO's message without the lines that name places in its source."""
    lines = [line.strip() for line in str(fault).splitlines()]
    telling = [line for line in lines if line and not line.startswith(("Exception from ", "Check '"))]
    return (telling or lines or [type(fault).__name__])[0][:300]


def _described(port: Any) -> Value:
    kind = port.get_element_type().get_type_name()
    shape = tuple(size.get_length() if size.is_static else None for size in port.get_partial_shape())
    return Value(LOGITS if LOGITS in port.get_names() else port.get_any_name(), shape, TYPES.get(kind, kind))


def _plain(value: Any) -> Any:
    """A setting's value; enumerations by their name."""
    return getattr(value, "name", value)


def _next(key: str, got: object) -> str:
    return f"--threads {got}" if key == properties.inference_num_threads() else "this release of OpenVINO, or this CPU, does not have it"
