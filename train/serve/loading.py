"""A trained model, loaded for answering: verified, in eval mode, with the options in force."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from contract.errors import DataError, EnvironmentFault, UsageError, nearest
from contract.manifest import CHECKPOINT, TrainManifest
from contract.preprocess import PreprocessSpec
from contract.process import KEPT, OUTPUT_ALLOCATION, STOPWATCH, ZEROED
from contract.protocol import LoadArgs, Loaded, Option, ValueInfo
from train import device
from train.model.build import REMEDY, opened, verified
from train.preset import transform
from train.serve.program import FORMS, Program, program_of

Array = np.ndarray[Any, Any]
INPUT, OUTPUT = "images", "logits"
# The protocol's vocabulary; what torch does not have is left out of the effective options.
OPTIONS: dict[str, type] = {
    "threads": int,
    "inter_threads": int,
    "dtype": str,
    "spinning": bool,
    "optimization": str,
    "arena": bool,
    "memory_pattern": bool,
    "form": str,
    "training": bool,
}
DTYPES = {"float32": torch.float32, "float64": torch.float64}
EAGER = "eager"


@dataclass(frozen=True)
class Session:
    """A model on its device, and how images reach it."""

    model: nn.Module
    spec: PreprocessSpec
    transform: Any
    classes: tuple[str, ...]
    device: str
    dtype: torch.dtype
    path: Path
    made: TrainManifest

    def forward(self, images: Array) -> Array:
        """N x 3 x H x W float32 in host memory -> logits in host memory."""
        with torch.inference_mode():
            # .cpu() waits for the kernels; without it a clock would stop too early.
            return self.model(self.to_device(images)).cpu().numpy()  # type: ignore[no-any-return]

    def to_device(self, images: Array) -> torch.Tensor:
        """As the model takes it."""
        return torch.from_numpy(images).to(self.device, self.dtype)


def load(args: LoadArgs, name: str) -> tuple[Session, Loaded]:
    """Open a train.json. Raises DataError for a corrupt one, EnvironmentFault for a provider that is not there."""
    for key, value in args.options.items():
        if key not in OPTIONS:
            raise UsageError(f"no runtime has an option '{key}'; {nearest(key, OPTIONS)}", where="load.options")
        if type(value) is not OPTIONS[key]:
            raise UsageError(f"'{key}' is {value!r}, not {OPTIONS[key].__name__}", where="load.options")
    if args.provider not in ("cpu", "cuda"):
        raise UsageError(f"unknown provider '{args.provider}'; {nearest(args.provider, ('cpu', 'cuda'))}", where="load.provider")
    if args.provider == "cuda" and not torch.cuda.is_available():
        raise EnvironmentFault("asked for cuda, and torch finds no CUDA device", where="load.provider", next="check nvidia-smi")
    effective = _apply(args.options)
    device.plain_fp32()
    dtype, form = str(effective["dtype"]), str(effective["form"])
    session, took = open_session(Path(args.model), args.provider, DTYPES[dtype], form, training=bool(effective["training"]))
    size = session.spec.input_size or (None, None)
    own = (ValueInfo(OUTPUT, (None, len(session.classes)), dtype),)
    return session, Loaded(
        id=name,
        providers=(args.provider,),
        placement=None,
        options={**effective, **_in_force(args.provider)},
        inputs=(ValueInfo(INPUT, (None, 3, *size), "float32"),),  # a float64 model is given float32 as well
        outputs=session.model.described(dtype) if isinstance(session.model, Program) else own,
        classes=session.classes,
        model_sha256=session.made.files[CHECKPOINT],
        ns=took,
    )


def open_session(path: Path, provider: str, dtype: torch.dtype, form: str = EAGER, *, training: bool = False) -> tuple[Session, int]:
    """Read, verify and place a model; also the nanoseconds of the placing, before which all is verified.

    `form`: run the program that torch.export makes of it instead; `training` captures that in training mode.
    """
    if path.suffix != ".json":
        raise DataError("not a train.json: torch-eager runs what `train` wrote", where=str(path), next=REMEDY)
    made = verified(path)
    began = time.perf_counter_ns()
    if form == EAGER:
        model = place(made, path, provider, dtype)
    else:
        eager = partial(place, made, path, "cpu", torch.float32)
        model = program_of(eager, made.files[CHECKPOINT], made.preprocess, form, training=training).to(provider, dtype)
    took = time.perf_counter_ns() - began
    return Session(model, made.preprocess, transform(made.preprocess), made.classes, provider, dtype, path, made), took


def place(made: TrainManifest, path: Path, provider: str, dtype: torch.dtype) -> nn.Module:
    """A new model with the weights of the file, on its device: what the scenario `load` times, as others time a session from a file."""
    placed: nn.Module = opened(made, path.parent / CHECKPOINT).to(provider, dtype)
    if provider == "cuda":
        torch.cuda.synchronize()
    return placed


def _in_force(provider: str) -> dict[str, Option]:
    """What nobody can ask for, as torch says it."""
    same: dict[str, Option] = {"denormals": denormals(), "stopwatch": STOPWATCH, "output_allocation": OUTPUT_ALLOCATION}
    if provider != "cuda":
        return same
    tf32 = torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32
    return {**same, "tf32": tf32, "conv_search": "exhaustive" if torch.backends.cudnn.benchmark else "heuristic"}


def denormals() -> str:
    """`kept`, or `zeroed` by this thread or any of torch's; torch can set it and has no word for what is set."""
    # So many numbers that each thread gets some (at::internal::GRAIN_SIZE is 32,768).
    halved = torch.full((torch.get_num_threads() << 16,), torch.finfo(torch.float32).tiny) / 2
    return KEPT if bool((halved > 0).all()) else ZEROED


def _apply(asked: dict[str, Option]) -> dict[str, Option]:
    """Set what torch has, and say what is in force."""
    threads = asked.get("threads", torch.get_num_threads())
    if isinstance(threads, int) and threads < 1:
        raise UsageError(f"threads must be at least 1, got {threads}", where="load.options")
    torch.set_num_threads(int(threads))
    inter = int(asked.get("inter_threads", torch.get_num_interop_threads()))
    if inter != torch.get_num_interop_threads():
        try:
            torch.set_num_interop_threads(inter)
        except RuntimeError as fault:
            raise UsageError(
                f"inter_threads is {torch.get_num_interop_threads()} in this process already, asked for {inter}",
                where="load.options",
                next="torch sets it once a process: start another runner",
            ) from fault
    dtype = str(asked.get("dtype", "float32"))
    if dtype not in DTYPES:
        raise UsageError(f"unknown dtype '{dtype}'; {nearest(dtype, DTYPES)}", where="load.options")
    form, training = str(asked.get("form", EAGER)), bool(asked.get("training", False))
    if form not in (EAGER, *FORMS):
        raise UsageError(f"unknown form '{form}'; {nearest(form, (EAGER, *FORMS))}", where="load.options")
    if training and form == EAGER:
        raise UsageError("the reference is in eval mode always", where="load.options.training", next=f"ask for form = {next(iter(FORMS))}")
    threads_in_force = {"threads": torch.get_num_threads(), "inter_threads": torch.get_num_interop_threads()}
    return {**threads_in_force, "dtype": dtype, "form": form, "training": training}
