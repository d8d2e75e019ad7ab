"""The chain eager -> exported program -> raw -> simplified -> Python -> Rust, asked for one image."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import onnx

from bench.blame.found import (
    EAGER_PROGRAM,
    EAGER_RAW,
    EAGER_SIMPLIFIED,
    PROGRAM_RAW,
    PROGRAM_SIMPLIFIED,
    PYTHON_RUST,
    RAW_SIMPLIFIED,
    Link,
    finite,
)
from bench.blame.matching import Shape, same_topology
from bench.blame.search import Array, difference, tolerated
from bench.blame.sides import FileSide, ProgramSide, one_image
from bench.blame.weights import open_model
from bench.fleet import Fleet, same_library
from bench.parity.ask import LOGITS, Session, ask_tensor
from bench.parity.compare import same_bits
from bench.subject import Subject
from contract.errors import DataError
from contract.protocol import Option

# Of the reference's tensors these many are looked at for the one that shows a fault best.
LOOK = 8
REFERENCE, PYTHON = "torch-eager", "ort-python"


@dataclass(frozen=True)
class Case:
    """What is blamed: a variant in a runtime, on the reference's tensors (.npy, float32 images x 3 x H x W).

    `tolerance`: of the logits, as the gate has it; None: made anew, from the noise on one image times `factor`, which is also what the
    tolerance of every inner value is made with. `images`: those to look at, by index; none: the first few.
    """

    subject: Subject
    variant: str
    runtime: str
    provider: str
    tensors: Path
    factor: float = 10.0
    tolerance: float | None = None
    images: tuple[int, ...] = ()
    reference: str = REFERENCE

    @property
    def batch(self) -> str:
        """Static or dynamic."""
        return "static" if self.subject.batch_is_static(self.variant) else "dynamic"


@dataclass(frozen=True)
class End:
    """One link's end: its logits for the image, and the file and the runtime that they are of."""

    logits: Array
    file: Path
    runtime: str


class Chain:
    """The links of one case. A context manager: what it loaded is unloaded."""

    def __init__(self, fleet: Fleet, case: Case, work: Path) -> None:
        self.fleet, self.case, self.work = fleet, case, work
        self._stack = ExitStack()
        self._models: dict[Path, onnx.ModelProto] = {}
        self.base = PYTHON if PYTHON in fleet.names else case.runtime
        eager, suspect = case.subject.model("eager"), case.subject.model(case.variant)
        self.image, (reference, said) = self._worst_image(((case.reference, eager), (case.runtime, suspect)))
        self.tensor = one_image(case.tensors, self.image, work)
        self.ends = {"eager": End(reference, eager, case.reference), **self._files(End(said, suspect, case.runtime))}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # With the error, so that no runner that died of it is asked to unload.
        self._stack.__exit__(kind, error, trace)

    @cached_property
    def program(self) -> ProgramSide:
        """What torch captures of the checkpoint."""
        return self._stack.enter_context(self.captured())

    @cached_property
    def referee(self) -> ProgramSide:
        """The same in float64."""
        return self._stack.enter_context(self.captured(dtype="float64"))

    @property
    def shapes(self) -> dict[str, Shape]:
        """Of every value of the program."""
        return self.program.shapes

    def captured(self, **options: Option) -> ProgramSide:
        """The program, loaded with more options; a context manager."""
        asked: dict[str, Option] = {"form": f"program-{self.case.batch}", **options}
        session = Session(self.fleet, self.case.reference, self.case.subject.model("eager"), self.case.provider, asked)
        return ProgramSide(self.fleet, session, self.tensor, self.work)

    def file(self, end: End) -> FileSide:
        """The side of a link's end that is a file."""
        return FileSide(self.fleet, end.runtime, self.model(end.file), self.case.provider, self.tensor, self.work)

    def model(self, path: Path) -> onnx.ModelProto:
        """A file's model, read once."""
        if path not in self._models:
            self._models[path] = open_model(path)
        return self._models[path]

    def links(self) -> list[Link]:
        """Every edge, judged at its end: within the tolerance, and to the last bit where that is owed.

        Where a file agrees with the eager model anyway, within the gate's tolerance, torch captures no program: that takes long.
        """
        first = "raw" if "raw" in self.ends else "simplified"
        limit, eager = self.case.tolerance, self.ends["eager"]
        if limit is not None and difference(eager.logits, self.ends[first].logits) <= limit:
            pairs = [("eager", first, EAGER_RAW if first == "raw" else EAGER_SIMPLIFIED)]
        else:
            said = self.program.values([LOGITS])[LOGITS]
            self.ends["program"] = End(said, eager.file, eager.runtime)
            pairs = [("eager", "program", EAGER_PROGRAM), ("program", first, PROGRAM_RAW if first == "raw" else PROGRAM_SIMPLIFIED)]
        pairs += [("raw", "simplified", RAW_SIMPLIFIED)] if {"raw", "simplified"} <= set(self.ends) else []
        pairs += [(self.last_file, "rust", PYTHON_RUST)] if "rust" in self.ends else []
        tolerance = limit if limit is not None else self.noise({LOGITS: eager.logits})[LOGITS]
        return [self._link(edge, self.ends[one], self.ends[other], tolerance) for one, other, edge in pairs]

    @property
    def last_file(self) -> str:
        """The end before Rust."""
        return "simplified" if "simplified" in self.ends else "raw"

    def noise(self, expected: dict[str, Array]) -> dict[str, float]:
        """The tolerance of values: the factor times their own noise, or times a last place where the program does not have them."""
        exact = {**expected, **self.referee.values([name for name in expected if name in self.shapes])}
        return {name: tolerated(array, exact[name], self.case.factor) for name, array in expected.items()}

    def owes_bits(self, edge: str, before: End, after: End) -> bool:
        """Whether the two ends of an edge owe each other every bit: one library on the same file, or one graph in the same library."""
        if self.case.provider != "cpu":
            return False
        if edge == PYTHON_RUST:
            return same_library(self.fleet.receipts[before.runtime], self.fleet.receipts[after.runtime])
        return edge == RAW_SIMPLIFIED and same_topology(self.model(before.file), self.model(after.file))

    def is_captured_in_training(self, after: End) -> bool:
        """Whether a file says what the program says that is captured without .eval()."""
        try:
            captured = self.captured(training=True)
        except DataError:
            return False  # in training mode torch captures no program of this model, so the file was not made of one
        with captured:
            said = captured.values([LOGITS])[LOGITS]
        # It has no float64 twin: the eval program's noise stands in for its own.
        return difference(said, after.logits) <= self.noise({LOGITS: self.ends["program"].logits})[LOGITS]

    def _files(self, suspect: End) -> dict[str, End]:
        """The ends that are files, in order, up to the suspect."""
        case, variants = self.case, {entry.name: entry for entry in self.case.subject.export.variants}
        raw = next((name for name, entry in variants.items() if not entry.simplify and entry.batch == case.batch), None)
        names = {"simplified": case.variant} if variants[case.variant].simplify else {"raw": case.variant}
        if raw and "simplified" in names:
            names = {"raw": raw, **names}
        found = {}
        for name, variant in names.items():
            file = case.subject.model(variant)
            known = file == suspect.file and self.base == suspect.runtime
            found[name] = suspect if known else End(self._ask(self.base, file, self.tensor), file, self.base)
        return found if any(end is suspect for end in found.values()) else {**found, "rust": suspect}

    def _worst_image(self, asked: tuple[tuple[str, Path], tuple[str, Path]]) -> tuple[int, list[Array]]:
        """The image on which the suspect is farthest from the reference, of those looked at, and the logits of both."""
        tensors = np.load(self.case.tensors, mmap_mode="r")
        chosen = [index for index in self.case.images if index < len(tensors)] or list(range(min(LOOK, len(tensors))))
        few = self.work / "blame-few.npy"
        np.save(few, tensors[chosen])
        one, other = (self._ask(runtime, model, few) for runtime, model in asked)
        place = int(np.argmax([difference(mine, theirs) for mine, theirs in zip(one, other, strict=True)]))
        return chosen[place], [logits[place : place + 1] for logits in (one, other)]

    def _ask(self, runtime: str, model: Path, tensor: Path) -> Array:
        with Session(self.fleet, runtime, model, self.case.provider) as session:
            return ask_tensor(session, tensor, 1, self.work)

    def _link(self, edge: str, before: End, after: End, tolerance: float) -> Link:
        gap, bits = difference(before.logits, after.logits), self.owes_bits(edge, before, after)
        beyond = not gap <= tolerance
        return Link(edge, finite(gap), tolerance, bits, beyond, beyond or (bits and not same_bits(before.logits, after.logits)))
