"""Time per operator and per module call, from torch's own profiler."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.profiler import ProfilerActivity
from torch.profiler import profile as recording

from contract.protocol import NodeTime, OperatorTime, ProfileArgs, Profiled
from train.serve.loading import Array, Session
from train.serve.predicting import read_tensor


def profile(session: Session, args: ProfileArgs) -> Profiled:
    """Self time by operator (`aten::…`), and by module of the model, summed over the repeats."""
    ready = read_tensor(session, args.tensor)
    images = np.ascontiguousarray(ready[np.arange(args.batch) % len(ready)])
    session.forward(images)  # untimed: the first forward also chooses kernels
    cuda = session.device == "cuda"
    with recording(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]) as record:
        began = time.perf_counter_ns()
        for _ in range(args.repeats):
            session.forward(images)
        wall_ns = time.perf_counter_ns() - began
    operators = [
        OperatorTime(event.key, event.count, round(1000 * (event.self_device_time_total if cuda else event.self_cpu_time_total)))
        for event in record.key_averages()
        if event.key.startswith("aten::")
    ]
    return Profiled(
        tuple(sorted(operators, key=lambda item: (-item.ns, item.op))),
        tuple(sorted(_modules(session, images, args.repeats), key=lambda item: (-item.ns, item.name))),
        wall_ns,
    )


def _modules(session: Session, images: Array, repeats: int) -> list[NodeTime]:
    """Wall time of each layer; taken in forwards of their own, since the hooks cost time too."""
    layers = {name: module for name, module in session.model.named_modules() if name and not list(module.children())}
    spent: defaultdict[str, int] = defaultdict(int)
    hooks = [hook for name, module in layers.items() for hook in _clock(module, name, spent, session.device)]
    try:
        for _ in range(repeats):
            session.forward(images)
    finally:
        for hook in hooks:
            hook.remove()
    return [NodeTime(name, type(layers[name]).__name__, ns) for name, ns in spent.items()]


def _clock(module: nn.Module, name: str, spent: defaultdict[str, int], device: str) -> list[Any]:
    began: list[int] = []

    def now() -> int:
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter_ns()

    start: Callable[..., None] = lambda *_: began.append(now())  # noqa: E731 - a hook each, side by side
    stop: Callable[..., None] = lambda *_: spent.__setitem__(name, spent[name] + now() - began.pop())  # noqa: E731
    return [module.register_forward_pre_hook(start), module.register_forward_hook(stop)]
