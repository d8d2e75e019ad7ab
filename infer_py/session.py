"""ONNX Runtime sessions with explicit options, where asked equals got: no fallback, no default that nobody chose."""

from __future__ import annotations

import contextlib
import re
import sys
import time
import warnings
from collections import Counter
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as ort

from contract.errors import DataError, EnvironmentFault, UsageError, nearest
from contract.machine import usable_threads
from contract.process import OUTPUT_ALLOCATION, STOPWATCH, ZEROED, denormals
from contract.protocol import Option
from infer_py import onnx_file

NAME = "ONNX Runtime"
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
SHORT = {name: short for short, name in PROVIDERS.items()}
LEVELS = {
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "disabled": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
}
# TF32 would round the operands to 10 bits, and the reference does not. The search is ONNX Runtime's own default, named.
CUDA = {"use_tf32": "0", "cudnn_conv_algo_search": "EXHAUSTIVE"}
OTHER_RUNTIMES = ("dtype", "form", "training")  # options of the protocol that ONNX Runtime does not have
SPINNING, NO_FALLBACK = "session.intra_op.allow_spinning", "session.disable_cpu_ep_fallback"
ZERO_DENORMALS = "session.set_denormal_as_zero"
RECORD = "session.record_ep_graph_assignment_info"
# ONNX Runtime's exceptions have no base class of their own.
UNREADABLE = (ort.InvalidProtobuf, ort.InvalidGraph, ort.NoSuchFile, ort.NoModel)
FAULTS = (*UNREADABLE, ort.Fail, ort.InvalidArgument, ort.NotImplemented, ort.RuntimeException, ort.EPFail, ort.EngineError, ort.NotFound)


@dataclass(frozen=True)
class Options:
    """Options of a session, with the defaults of this runner."""

    threads: int = field(default_factory=usable_threads)
    inter_threads: int = 1
    spinning: bool = True
    optimization: str = "all"
    arena: bool = True
    memory_pattern: bool = True

    @classmethod
    def parse(cls, asked: dict[str, Option]) -> Options:
        """Options of a request. Raises UsageError for an unknown name or a bad value."""
        kinds = {name: type(value) for name, value in asdict(cls()).items()}
        for name, value in asked.items():
            if name in OTHER_RUNTIMES:
                continue
            if name not in kinds:
                raise UsageError(f"unknown option '{name}'; {nearest(name, [*kinds, *OTHER_RUNTIMES])}", where="load.options")
            if type(value) is not kinds[name] or (kinds[name] is int and int(value) < 1):
                raise UsageError(
                    f"{name} must be a {'positive ' * (kinds[name] is int)}{kinds[name].__name__}, got {value!r}", where="load.options"
                )
        made = cls(**{name: value for name, value in asked.items() if name in kinds})  # type: ignore[arg-type]
        if made.optimization not in LEVELS:
            raise UsageError(f"unknown optimization '{made.optimization}'; {nearest(made.optimization, LEVELS)}", where="load.options")
        return made


def create(model: Path | bytes, provider: str, options: Options, *, record: bool = False, profile: Path | None = None) -> Any:
    """A session on exactly this provider. `record` keeps which provider owns which node; `profile` is the prefix of a trace file.

    Raises DataError for a bad model, EnvironmentFault when the provider is not to be had.
    """
    wanted = known_provider(provider)
    place = str(model) if isinstance(model, Path) else "model with added outputs"
    if wanted not in onnxruntime.get_available_providers():
        raise _no_provider(provider, "this build of ONNX Runtime does not have it")
    settings = _settings(options, provider, record=record, profile=profile)
    prepare(provider)
    chosen: list[Any] = [(wanted, CUDA)] if provider == "cuda" else [wanted]
    source = str(model) if isinstance(model, Path) else model
    try:
        with warnings.catch_warnings():
            # A provider that is not there is only a UserWarning to ONNX Runtime, and a CPU session.
            warnings.simplefilter("error", UserWarning)
            session = onnxruntime.InferenceSession(source, settings, providers=chosen)
    except UNREADABLE as fault:
        raise DataError(f"ONNX Runtime cannot load it: {said(fault)}", where=place, next="export or copy the model again") from fault
    except UserWarning as fault:
        raise _no_provider(provider, str(fault)) from fault
    except FAULTS as fault:
        if provider != "cpu":
            raise _no_provider(provider, said(fault)) from fault
        raise DataError(f"ONNX Runtime cannot load it: {said(fault)}", where=place, next="export or copy the model again") from fault
    if session.get_providers()[0] != wanted:
        raise _no_provider(provider, f"the session runs on {', '.join(session.get_providers())}")
    return session


def with_outputs(model: Path, added: tuple[str, ...], provider: str, options: Options) -> Any:
    """A session of a file whose graph has these values as outputs, too. Raises what `create` raises."""
    return create(model.read_bytes() + onnx_file.outputs_fragment(list(added)), provider, options)


def timed_create(model: Path, provider: str, options: Options, *, record: bool = False) -> tuple[Any, int]:
    """A session and the nanoseconds that it took."""
    prepare(provider)
    start = time.perf_counter_ns()
    session = create(model, provider, options, record=record)
    return session, time.perf_counter_ns() - start


@cache
def prepare(provider: str) -> None:
    """Load the shared libraries of a provider, once and before any clock starts."""
    if provider == "cuda":
        with contextlib.redirect_stdout(sys.stderr):
            onnxruntime.preload_dlls()


def known_provider(provider: str) -> str:
    """ONNX Runtime's name of a provider. Raises UsageError for an unknown one."""
    if provider not in PROVIDERS:
        raise UsageError(f"unknown provider '{provider}'; {nearest(provider, PROVIDERS)}", where="ort-python")
    return PROVIDERS[provider]


def in_use(session: Any) -> tuple[str, ...]:
    """Providers of a session, in order, by their short names."""
    return tuple(SHORT.get(name, name) for name in session.get_providers())


def in_force(session: Any) -> dict[str, Option]:
    """All effective options, with the values that the session itself reports."""
    settings = session.get_session_options()
    levels = {level: name for name, level in LEVELS.items()}
    values: dict[str, Option] = {
        "threads": settings.intra_op_num_threads,
        "inter_threads": settings.inter_op_num_threads,
        "spinning": settings.get_session_config_entry(SPINNING) == "1",
        "optimization": levels[settings.graph_optimization_level],
        "arena": settings.enable_cpu_mem_arena,
        "memory_pattern": settings.enable_mem_pattern,
        # The session sets its own threads; the one that calls it may have been set by any library before.
        "denormals": denormals() if settings.get_session_config_entry(ZERO_DENORMALS) == "0" else ZEROED,
        "stopwatch": STOPWATCH,
        "output_allocation": OUTPUT_ALLOCATION,
    }
    cuda = session.get_provider_options().get(PROVIDERS["cuda"])
    if cuda is not None:
        values |= {"tf32": cuda["use_tf32"] != "0", "conv_search": cuda["cudnn_conv_algo_search"].lower()}
    return values


def placement(session: Any) -> dict[str, int]:
    """Nodes per provider, of a session created with `record`."""
    counted: Counter[str] = Counter()
    for part in session.get_provider_graph_assignment_info():
        counted[SHORT.get(part.ep_name, part.ep_name)] += len(part.get_nodes())
    return dict(counted)


def said(fault: BaseException) -> str:
    """ONNX Runtime's message without its prefix, source path and further lines."""
    lines = str(fault).strip().splitlines() or [type(fault).__name__]
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", lines[0])[:300]


def _settings(options: Options, provider: str, *, record: bool, profile: Path | None) -> Any:
    made = onnxruntime.SessionOptions()
    made.log_severity_level = 3
    made.intra_op_num_threads = options.threads
    made.inter_op_num_threads = options.inter_threads
    made.graph_optimization_level = LEVELS[options.optimization]
    made.enable_cpu_mem_arena = options.arena
    made.enable_mem_pattern = options.memory_pattern
    made.add_session_config_entry(SPINNING, str(int(options.spinning)))
    made.add_session_config_entry(ZERO_DENORMALS, "0")
    if provider != "cpu":
        made.add_session_config_entry(NO_FALLBACK, "1")
    if record:
        made.add_session_config_entry(RECORD, "1")
    if profile is not None:
        made.enable_profiling = True
        made.profile_file_prefix = str(profile)
    return made


def _no_provider(provider: str, why: str) -> EnvironmentFault:
    step = "use --provider cpu, or install the CUDA and cuDNN libraries that ONNX Runtime names above" if provider == "cuda" else ""
    return EnvironmentFault(f"asked for provider '{provider}' and did not get it: {why}", where="ort-python", next=step)
