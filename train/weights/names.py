"""torchvision's weights by name."""

from __future__ import annotations

from typing import Any

from torchvision.models import get_model_weights, list_models

from contract.errors import UsageError, nearest

RANDOM, FILE = "random", "file:"


def is_name(asked: str) -> bool:
    """Whether this means torchvision weights, rather than a file or random ones."""
    return asked != RANDOM and not asked.startswith(FILE)


def known(backbone: str, source: str = "backbone") -> list[str]:
    """Names of the weights that torchvision has for a backbone. Raises UsageError for an unknown backbone; `source`: what says it."""
    return [entry.name for entry in _entries(backbone, source)]


def entry(backbone: str, name: str) -> Any:
    """The entry of torchvision (url, meta, transforms) of that name, or of DEFAULT. Raises UsageError with the nearest known name."""
    entries = _entries(backbone)
    if name == "DEFAULT" and len(entries):
        return entries.DEFAULT
    for each in entries:
        if name in (each.name, str(each)):
            return each
    raise UsageError(
        f"torchvision has no weights '{name}' for {backbone}; {nearest(name, [*known(backbone), 'DEFAULT'])}",
        where="weights",
        next="correct the name, or use file:PATH or random",
    )


def licence(found: Any) -> str | None:
    """The licence of the weights where torchvision states one."""
    if "SWAG" in found.name:
        return "CC-BY-NC-4.0 (SWAG: not for commercial use)"
    stated = found.meta.get("license")
    return None if stated is None else str(stated)


def _entries(backbone: str, source: str = "backbone") -> Any:
    try:
        return get_model_weights(backbone)
    except ValueError as fault:
        models = [name for name in list_models() if "/" not in name]
        raise UsageError(
            f"torchvision has no backbone '{backbone}'; {nearest(backbone, models)}",
            where=source,
            next="correct its name",
        ) from fault
