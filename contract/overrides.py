"""What the command line replaces in the entries of matrix.toml: contract.options.select applies it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contract import matrix as matrices
from contract.claim import parse_claim
from contract.errors import UsageError
from contract.layout import CHECKOUT
from contract.strict import StrictError

if TYPE_CHECKING:
    from contract.options import Options

SPLITS = ("train", "val", "test")


def replaced_parity(settings: matrices.Parity, options: Options, quick: matrices.Quick | None) -> matrices.Parity:
    """How much is compared, and which claim is stated. Raises UsageError for a claim that cannot be understood."""
    if options.claim is not None:
        try:
            parse_claim(options.claim, "--claim")
        except StrictError as fault:
            raise UsageError(fault.what, where="--claim", next="such as 'disagreement < 1 % at 95 %'") from fault
        settings = replace(settings, claim=options.claim, claims={})
    settings = replace(settings, stages=options.stages or settings.stages)
    if options.images:
        # Who names a number gets it, however long it takes.
        return replace(settings, images=options.images, seconds=None)
    return replace(settings, images=quick.parity_images if quick else settings.images)


def replaced_recipe(entry: matrices.Recipe, epochs: int | None) -> matrices.Recipe:
    """A recipe with another number of epochs."""
    if epochs is None:
        return entry
    # Only the epochs of the last phase that there is: a recipe for the head alone has no others.
    return replace(entry, epochs=epochs) if entry.epochs else replace(entry, head_epochs=epochs) if entry.head_epochs else entry


def replaced_dataset(entry: matrices.Dataset, options: Options, quick: matrices.Quick | None, chosen: tuple[str, ...]) -> matrices.Dataset:
    """A data set with its folders. Raises UsageError where it is not said where its images lie."""
    if entry.format == "wings" and quick:
        entry = replace(entry, per_species=quick.per_species)
    if entry.name not in chosen:
        return entry
    if options.root is not None:
        if len(chosen) != 1:
            raise UsageError(
                f"--root says where one data set lies, and {len(chosen)} are chosen", where="--root", next="add --dataset NAME"
            )
        if entry.format == "wings":
            raise UsageError("wings is drawn by Concord and has no root", where="--root", next="add --dataset NAME for your own images")
        return replace(entry, root=str(options.root))
    if entry.format == "wings":
        return entry  # drawn into --data: no root of its own
    if entry.root:
        return replace(entry, root=_in_data(entry.root, options.data))
    if entry.train is None:
        raise UsageError("where the images lie is not said", where=f"dataset {entry.name}", next="add --root DIR, or root in matrix.toml")
    folders: dict[str, Any] = {name: _in_data(path, options.data) for name in SPLITS if (path := getattr(entry, name)) is not None}
    return replace(entry, **folders)


def _in_data(name: str, data: Path) -> str:
    # Paths in matrix.toml are relative to the checkout; `data/` there is a user's --data.
    path = Path(name)
    return str(data.joinpath(*path.parts[1:]) if path.parts[:1] == ("data",) else CHECKOUT / path)


def replaced_backbone(
    entry: matrices.Backbone, options: Options, quick: matrices.Quick | None, chosen: tuple[str, ...]
) -> matrices.Backbone:
    """A backbone with its weights, preset and recipe."""
    if entry.name not in chosen:
        return entry
    recipe = options.recipe or (quick.recipe if quick else None)
    return replace(
        entry,
        weights=options.weights or tuple(_in_checkout(name) for name in entry.weights),
        preset=options.preset or entry.preset,
        recipe={"cpu": recipe, "cuda": recipe} if recipe else entry.recipe,
    )


def _in_checkout(weights: str) -> str:
    # Paths in matrix.toml are relative to the checkout, whoever reads it from where.
    return f"file:{CHECKOUT / weights[5:]}" if weights.startswith("file:") else weights


def need_no_onnx(options: Options, step: str) -> None:
    """Raise UsageError for --onnx in a step that would make models of its own beside those files."""
    if options.onnx:
        raise UsageError(f"{step} takes no ONNX files: they are there already", where="--onnx", next="nox -s bench -- --onnx FILE")
