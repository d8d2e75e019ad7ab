"""Time per operator, from ONNX Runtime's own trace of a throw-away session."""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from numpy.typing import NDArray

from contract import strict
from contract.protocol import NodeTime, OperatorTime, Profiled
from infer_py import session
from infer_py.clock import turns
from infer_py.model import Model

KERNEL = "_kernel_time"


def profile(model: Model, images: NDArray[Any], batch: int, repeats: int) -> Profiled:
    """Nanoseconds per operator kind and per node, summed over the repeats; one forward before them is left out.

    Fused nodes have the names and kinds that ONNX Runtime gave them. Its trace counts whole microseconds.
    """
    model.check(images, batch)
    with tempfile.TemporaryDirectory(prefix="concord-profile-") as folder:
        traced = session.create(model.file.path, model.provider, model.options, profile=Path(folder) / "trace")
        feed = {model.input.name: turns(images, batch)[0]}
        walls = [_timed(lambda: traced.run(None, feed)) for _ in range(repeats + 1)]
        trace = Path(traced.end_profiling())
        events = strict.loads(trace.read_bytes(), str(trace))
    return summed(events, sum(walls[1:]))


def _timed(call: Callable[[], object]) -> int:
    start = perf_counter_ns()
    call()
    return perf_counter_ns() - start


def summed(events: list[dict[str, Any]], wall_ns: int) -> Profiled:
    """Kernel times of a trace after its first run, longest first."""
    runs = sorted(event["ts"] + event["dur"] for event in events if event.get("name") == "model_run")
    warm = runs[0] if runs else 0
    by_kind: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    by_node: dict[tuple[str, str], int] = defaultdict(int)
    for event in events:
        if event.get("cat") != "Node" or not event["name"].endswith(KERNEL) or event["ts"] < warm:
            continue
        kind, ns = event["args"]["op_name"], int(event["dur"]) * 1000
        by_kind[kind] += ns
        calls[kind] += 1
        by_node[event["name"].removesuffix(KERNEL), kind] += ns
    return Profiled(
        tuple(OperatorTime(kind, calls[kind], ns) for kind, ns in sorted(by_kind.items(), key=lambda item: (-item[1], item[0]))),
        tuple(NodeTime(name, kind, ns) for (name, kind), ns in sorted(by_node.items(), key=lambda item: (-item[1], item[0]))),
        wall_ns,
    )
