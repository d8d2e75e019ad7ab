"""The device that training runs on, and torch set up so that a run can be repeated."""

from __future__ import annotations

import torch

from contract.errors import EnvironmentFault
from contract.matrix import Device


def pick(asked: Device) -> str:
    """`cpu` or `cuda`. Raises EnvironmentFault when CUDA is asked for and torch cannot use it."""
    usable = torch.cuda.is_available()
    if asked == "auto":
        return "cuda" if usable else "cpu"
    if asked == "cuda" and not usable:
        raise EnvironmentFault("torch finds no CUDA device", where="--device cuda", next="check nvidia-smi, or use --device cpu")
    return asked


def set_up(device: str, threads: int) -> None:
    """Fixed threads, deterministic algorithms, plain fp32 outside autocast: the same run gives the same weights on one machine."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(mode=device == "cpu")
    # It only guards against reading uninitialised memory, and costs a pass over every new tensor.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    plain_fp32()


def plain_fp32() -> None:
    """No TF32: the reference is fp32, in matrix products and in convolutions."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


def name_of(device: str) -> str:
    """The device as a person knows it."""
    return torch.cuda.get_device_name() if device == "cuda" else "cpu"
