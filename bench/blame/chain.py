"""The chain eager -> exported program -> raw -> simplified -> Python -> Rust: which edge of it is to blame, and where in the file."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnx

from bench.blame import sides, standing, words
from bench.blame.found import (
    EAGER_PROGRAM,
    PROGRAM_RAW,
    PROGRAM_SIMPLIFIED,
    PYTHON_RUST,
    RAW_SIMPLIFIED,
    Link,
    ModelBlame,
    finite,
)
from bench.blame.locate import Ends, Located, Tolerance, locate
from bench.blame.matching import comparable, same_topology
from bench.blame.search import Array, difference, same_bits, tolerated
from bench.blame.sides import FileSide, ProgramSide, Side
from bench.blame.weights import open_model, weights_differ
from bench.fleet import Fleet, same_library
from bench.parity.ask import LOGITS, Session, ask_tensor
from bench.subject import Subject
from contract.errors import DataError
from contract.manifest import CHECKPOINT

# Of the reference's tensors these many are looked at for the one that shows a fault best.
LOOK = 8
REFERENCE, PYTHON = "torch-eager", "ort-python"


@dataclass(frozen=True)
class Case:
    """What is blamed: a variant in a runtime, on the reference's tensors (.npy).

    `factor`, `tolerance`: as the gate has them, of the noise and of the logits (None: made anew). `images`: those to look at, by index.
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


@dataclass(frozen=True)
class End:
    """One link's end: its logits for the image, and the file and runtime that gave them, None for torch's."""

    logits: Array
    file: Path | None = None
    runtime: str = REFERENCE


def blame_model(fleet: Fleet, case: Case, work: Path, folder: Path) -> ModelBlame:
    """Ask every link of the chain for one image, blame an edge, and find the node; the reproduction is written into `folder`.

    Raises RunnerError, UsageError and DataError as the gate does.
    """
    image = _worst_image(fleet, case, work)
    tensor = sides.one_image(case.tensors, image, work)
    with ExitStack() as open_sessions:
        chain = _Chain(fleet, case, tensor, work, open_sessions)
        ends = chain.ends()
        links = chain.links(ends)
        edge = _guilty(links)
        found, hints, differing = None, [], weights_differ(case.subject.folder / CHECKPOINT, case.subject.model(case.variant))
        if edge in (PROGRAM_RAW, PROGRAM_SIMPLIFIED):
            after = ends["raw" if edge == PROGRAM_RAW else "simplified"]
            assert after.file is not None
            model = chain.model(after.file)
            found = chain.against_program(model, ends["program"], after, folder)
            trained = standing.in_training_mode(model)
            if trained or chain.is_in_training(after):
                edge = EAGER_PROGRAM
                hints.append(
                    f"the model was captured in training mode ({len(trained)} nodes say so)" if trained else "captured in training mode"
                )
        elif edge == RAW_SIMPLIFIED:
            found, hint = chain.against_raw(ends["raw"], ends["simplified"], folder)
            hints += [hint] if hint else []
        elif edge == PYTHON_RUST:
            found = chain.against_python(ends[_last_file(ends)], ends["rust"])
    return ModelBlame(
        image=image,
        links=tuple(links),
        edge=edge,
        node=found.step.name if found else None,
        op=found.step.op if found else None,
        value=found.value if found else None,
        origin=found.origin if found else None,
        difference=finite(found.difference) if found else None,
        tolerance=finite(found.tolerance) if found else None,
        nodes=found.nodes if found else 0,
        matched=found.matched if found else 0,
        sessions=found.sessions if found else 0,
        weights=differing,
        reproduction=str(found.reproduction) if found and found.reproduction else None,
        said=words.said(edge, links, found, [*hints, *words.of_weights(differing)]),
    )


class _Chain:
    """The links of one case, for one image."""

    def __init__(self, fleet: Fleet, case: Case, tensor: Path, work: Path, stack: ExitStack) -> None:
        self._fleet, self._case, self._tensor, self._work = fleet, case, tensor, work
        subject, self._batch = case.subject, "static" if case.subject.batch_is_static(case.variant) else "dynamic"
        self._train = subject.model("eager")
        program = partial(sides.program, fleet, case.reference, self._train, case.provider, self._batch)
        self._opened = program
        self._program = stack.enter_context(program())
        self._exact = stack.enter_context(program(dtype="float64"))
        self._single = ProgramSide(fleet, self._program, tensor, work)
        self._double = ProgramSide(fleet, self._exact, tensor, work)
        self._base = PYTHON if PYTHON in fleet.names else case.runtime
        self._models: dict[Path, onnx.ModelProto] = {}
        self._shapes = {value.name: value.shape for value in self._program.loaded.outputs}

    def ends(self) -> dict[str, End]:
        """The logits of every link, from the eager model to the runtime that is blamed."""
        subject, case = self._case.subject, self._case
        found = {"eager": End(self._ask(case.reference, self._train)), "program": End(self._single.values([LOGITS])[LOGITS])}
        simplified = next(entry.simplify for entry in subject.export.variants if entry.name == case.variant)
        raw = [entry.name for entry in subject.export.variants if not entry.simplify and entry.batch == self._batch]
        files = {"raw": raw[0]} if raw else {}
        for name, variant in {**files, "simplified": case.variant}.items() if simplified else {"raw": case.variant}.items():
            found[name] = End(self._ask(self._base, subject.model(variant)), subject.model(variant), self._base)
        if case.runtime != self._base:
            file = subject.model(case.variant)
            found["rust"] = End(self._ask(case.runtime, file), file, case.runtime)
        return found

    def links(self, ends: dict[str, End]) -> list[Link]:
        """Every edge, judged at its end: within the tolerance, or to the last bit where that is owed."""
        tolerance = self._case.tolerance if self._case.tolerance is not None else self._noise(LOGITS, ends["program"].logits)
        pairs = [("eager", "program", EAGER_PROGRAM)]
        pairs += [("program", "raw", PROGRAM_RAW)] if "raw" in ends else [("program", "simplified", PROGRAM_SIMPLIFIED)]
        pairs += [("raw", "simplified", RAW_SIMPLIFIED)] if {"raw", "simplified"} <= set(ends) else []
        pairs += [(_last_file(ends), "rust", PYTHON_RUST)] if "rust" in ends else []
        found = []
        for one, other, edge in pairs:
            before, after = ends[one], ends[other]
            gap, bits = difference(before.logits, after.logits), self._owes_bits(edge, before, after)
            beyond = not gap <= tolerance
            found.append(Link(edge, finite(gap), tolerance, bits, beyond, beyond or (bits and not same_bits(before.logits, after.logits))))
        return found

    def against_program(self, model: onnx.ModelProto, before: End, after: End, folder: Path) -> Located | None:
        """The first node of a file that does not write what the program's namesake writes, beyond the noise of that value."""
        names = comparable(model, self._shapes)
        return self._locate(model, after, self._single, names, self._noise, before, folder)

    def against_raw(self, before: End, after: End, folder: Path) -> tuple[Located | None, str | None]:
        """The first node of the simplified file that does not write what the raw one's does, and how the two nodes differ."""
        assert before.file is not None
        assert after.file is not None
        raw, model = self.model(before.file), self.model(after.file)
        names = {name for node in raw.graph.node for name in node.output}
        tolerance: Tolerance = _every_bit if same_topology(raw, model) else self._noise
        reference = FileSide(self._fleet, before.runtime, raw, self._case.provider, self._tensor, self._work)
        found = self._locate(model, after, reference, names, tolerance, before, folder)
        return found, standing.unlike(model, raw, found.value) if found else None

    def against_python(self, before: End, after: End) -> Located | None:
        """The first node that another runtime computes otherwise. No reproduction: a script would run the node in Python."""
        assert after.file is not None
        model = self.model(after.file)
        names = {name for node in model.graph.node for name in node.output}
        reference = FileSide(self._fleet, before.runtime, model, self._case.provider, self._tensor, self._work)
        tolerance: Tolerance = _every_bit if self._owes_bits(PYTHON_RUST, before, after) else self._noise
        return self._locate(model, after, reference, names, tolerance, before, None)

    def is_in_training(self, after: End) -> bool:
        """Whether a file says what the program says that is captured without .eval()."""
        try:
            session = self._opened(training=True)
        except DataError:
            return False  # in training mode torch captures no program of this model, so the file was not made of one
        with session:
            said = ProgramSide(self._fleet, session, self._tensor, self._work).values([LOGITS])[LOGITS]
        # Of this program there is no float64 twin: the eval one's noise stands in for its own.
        noise = max(self._noise(LOGITS, said), tolerated(said, said, self._case.factor))
        return difference(said, after.logits) <= noise

    def _locate(
        self, model: onnx.ModelProto, after: End, reference: Side, names: set[str], tolerance: Tolerance, before: End, folder: Path | None
    ) -> Located | None:
        suspect = FileSide(self._fleet, after.runtime, model, self._case.provider, self._tensor, self._work)
        ends = Ends({LOGITS: before.logits}, {LOGITS: after.logits})
        return locate(model, suspect, reference, names, tolerance, ends, self._tensor, folder)

    def _noise(self, name: str, expected: Array) -> float:
        """The tolerance of a value: the gate's factor times its own noise, or a last place of it where the program does not have it."""
        if name not in self._shapes:
            return tolerated(expected, expected, self._case.factor)
        return tolerated(self._single.values([name])[name], self._double.values([name])[name], self._case.factor)

    def _owes_bits(self, edge: str, before: End, after: End) -> bool:
        if self._case.provider != "cpu" or before.file is None or after.file is None:
            return False
        if edge == PYTHON_RUST:
            return same_library(self._fleet.receipts[before.runtime], self._fleet.receipts[after.runtime])
        return same_topology(self.model(before.file), self.model(after.file))

    def model(self, path: Path) -> onnx.ModelProto:
        """A file's model, read once."""
        if path not in self._models:
            self._models[path] = open_model(path)
        return self._models[path]

    def _ask(self, runtime: str, model: Path) -> Array:
        with Session(self._fleet, runtime, model, self._case.provider) as session:
            return ask_tensor(session, self._tensor, 1, self._work)


def _worst_image(fleet: Fleet, case: Case, work: Path) -> int:
    """The image on which the suspect is farthest from the reference, of those asked for, or of the first few."""
    count = len(np.load(case.tensors, mmap_mode="r"))
    chosen = [index for index in case.images if index < count] or list(range(min(LOOK, count)))
    few = work / "blame-few.npy"
    np.save(few, np.load(case.tensors, mmap_mode="r")[chosen])
    said = []
    for runtime, model in ((case.reference, case.subject.model("eager")), (case.runtime, case.subject.model(case.variant))):
        with Session(fleet, runtime, model, case.provider) as session:
            said.append(ask_tensor(session, few, 1, work))
    return chosen[int(np.argmax([difference(one, other) for one, other in zip(*said, strict=True)]))]


def _guilty(links: list[Link]) -> str | None:
    """The first edge beyond the tolerance; else the first that broke bits it owes: last bits may differ long before anything goes wrong."""
    return next((link.edge for link in links if link.beyond), next((link.edge for link in links if link.differs), None))


def _last_file(ends: dict[str, End]) -> str:
    return "simplified" if "simplified" in ends else "raw"


def _every_bit(_name: str, _expected: Array) -> float:
    return 0.0
