"""What an ONNX file says of itself: its metadata_props under `concord.*`, each value JSON but for the task's name.

`export` writes them; `infer_py` and `infer_rs` need nothing else to answer for an image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from contract import preprocess, strict
from contract.errors import DataError
from contract.preprocess import PreprocessSpec

FORMAT, TASK, LABELS, VARIANT = "concord.format", "concord.task", "concord.labels", "concord.variant"
CHECKPOINT, VERSIONS, WEIGHTS = "concord.checkpoint", "concord.versions", "concord.weights"
AGAIN = "export the model again with the Concord of this checkout"


@dataclass(frozen=True)
class CardVariant:
    """Which ONNX form this is."""

    name: str
    simplify: bool
    batch: Literal["static", "dynamic"]


@dataclass(frozen=True)
class CardCheckpoint:
    """The checkpoint that was exported."""

    sha256: str


@dataclass(frozen=True)
class CardWeights:
    """Where training started from, and under which licence."""

    had: str
    licence: str | None


@dataclass(frozen=True)
class Card:
    """The metadata of one file; None is what the file does not carry: a model that Concord did not make has nothing."""

    task: str | None = None
    labels: tuple[str, ...] | None = None
    preprocess: PreprocessSpec | None = None
    variant: CardVariant | None = None
    checkpoint: CardCheckpoint | None = None
    weights: CardWeights | None = None
    versions: dict[str, str] | None = None

    def to_metadata(self) -> dict[str, str]:
        """Key to text, sorted: the same on every machine."""
        values = {
            LABELS: self.labels,
            preprocess.KEY: self.preprocess,
            VARIANT: self.variant,
            CHECKPOINT: self.checkpoint,
            WEIGHTS: self.weights,
            VERSIONS: self.versions,
        }
        texts = {key: strict.dumps(value) for key, value in values.items() if value is not None}
        if self.task is not None:
            texts[TASK] = self.task
        return dict(sorted({FORMAT: "1", **texts}.items()))

    @classmethod
    def from_metadata(cls, metadata: dict[str, str], where: str) -> Card:
        """Read the metadata of a file; keys that are not ours are left alone. Raises DataError naming file and key."""
        if metadata.get(FORMAT, "1") != "1":
            raise DataError(f"format {metadata[FORMAT]!r:.40}, this version reads 1", where=f"{where}: {FORMAT}", next=AGAIN)

        def part(key: str, kind: Any) -> Any:
            if key not in metadata:
                return None
            place = f"{where}: {key}"
            try:
                return strict.decode(kind, strict.loads(metadata[key], place), place)
            except strict.StrictError as fault:
                raise DataError(fault.what, where=fault.where, next=AGAIN) from fault

        return cls(
            metadata.get(TASK),
            part(LABELS, tuple[str, ...]),
            part(preprocess.KEY, PreprocessSpec),
            part(VARIANT, CardVariant),
            part(CHECKPOINT, CardCheckpoint),
            part(WEIGHTS, CardWeights),
            part(VERSIONS, dict[str, str]),
        )
