"""One trial: a runner or a file with a fault (or none), judged by the gate as it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx

from bench.faults import others, patient
from bench.faults.catalogue import Array, Fault
from bench.faults.others import Others
from bench.fleet import Fleet
from bench.parity import compare
from bench.parity.ask import Session, ask_tensor
from bench.parity.check import judge_rows
from bench.parity.explain import Explaining
from bench.parity.reference import JUDGEMENT_FAILS, Reference, ask_reference
from bench.progress import Progress
from bench.results import ParityRow
from bench.run import differing_libraries
from bench.subject import Subject
from contract.matrix import Matrix
from contract.protocol import PredictArgs


@dataclass(frozen=True)
class Outcome:
    """What was seen of one fault at one dose. `caught`: the checks that found a problem; `blamed`: the stage that the gate names."""

    fault: str
    dose: float
    caught: tuple[str, ...]
    blamed: str | None
    said: str
    others: Others | None


@dataclass
class Trials:
    """The subject, its reference's answers, and the runners that are asked."""

    subject: Subject
    fleet: Fleet
    matrix: Matrix
    reference: Reference
    variant: str
    runtime: str
    work: Path
    progress: Progress
    random: Path
    said_on_random: compare.Logits

    @classmethod
    def begin(
        cls, subject: Subject, fleet: Fleet, matrix: Matrix, variant: str, runtime: str, images: int, work: Path, progress: Progress
    ) -> Trials:
        """Ask the reference for images of this seed. Raises UsageError where agreement would prove nothing."""
        seed = matrix.defaults.seed
        work.mkdir()
        copied = patient.with_orientations(subject, images, seed, work / "images")
        reference = ask_reference(copied, fleet, matrix, "cpu", work, images)
        compare.check_comparable(reference.answers, subject.name)
        random = others.random_tensor(reference.tensors, work)
        with Session(fleet, matrix.defaults.reference, copied.model("eager"), "cpu") as eager:
            said = ask_tensor(eager, random, 1, work)
        narrow = replace(matrix, defaults=replace(matrix.defaults, runtime=(matrix.defaults.reference, runtime), variant=(variant,)))
        return cls(copied, fleet, narrow, reference, variant, runtime, work, progress, random, said)

    def with_runtime(self, runtime: str) -> Trials:
        """The same images and reference, and another runtime."""
        defaults = replace(self.matrix.defaults, runtime=(self.matrix.defaults.reference, runtime))
        return replace(self, runtime=runtime, matrix=replace(self.matrix, defaults=defaults))

    def clean(self) -> tuple[str, ...]:
        """What the gate says where nothing is wrong: every problem is a false alarm."""
        rows = judge_rows(self.subject, self.fleet, self.matrix, "cpu", self.reference, self.work, self.progress).rows
        return tuple(f"{row.variant} {row.runtime}: {problem}" for row in rows for problem in row.problems)

    def of(self, fault: Fault, dose: float, *, full: bool) -> Outcome:
        """Put a fault in and let the gate judge. `full`: other tools are asked, too."""
        subject = self.subject
        folder = self.work / f"{fault.name}-{dose:g}"
        if fault.seam == "file":
            subject = patient.with_file(subject, self.variant, folder, patient.edited(fault, dose, self._values))
        else:
            spec, log = subject.train.preprocess.to_json(), self.fleet.logs / f"true-{self.runtime}.log"
            self.fleet.instead[self.runtime] = patient.standing_in(self.runtime, fault, dose, spec, log)
        self._fresh()
        try:
            far: Explaining = "stages" if full else "nothing"
            rows = judge_rows(subject, self.fleet, self.matrix, "cpu", self.reference, self.work, self.progress, explaining=far).rows
            (row,) = rows
            libraries = differing_libraries(self.fleet.receipts)
            seen = self._others(subject) if full else None
        finally:
            self.fleet.instead.clear()
            self._fresh()
        checks = (*row.checks, *(["libraries"] if libraries else []))
        return Outcome(fault.name, dose, checks, blamed_on(row, libraries), "; ".join((*row.problems, *libraries)), seen)

    def _fresh(self) -> None:
        # A run would have started its own process, and seen no other receipt.
        self.fleet.stop(self.runtime)
        self.fleet.receipts.pop(self.runtime, None)
        self.fleet.given_up.clear()

    def _others(self, subject: Subject) -> Others:
        """Their verdicts; an error that they cannot overlook counts as noticed."""
        static = subject.batch_is_static(self.variant)
        labels = [entry.label for entry in subject.held_out(len(self.reference.paths), self.matrix.defaults.seed)]
        try:
            with Session(self.fleet, self.runtime, subject.model(self.variant), "cpu") as session:
                return others.ask(session, self.reference, self.random, self.said_on_random, labels, static, self.work)
        except JUDGEMENT_FAILS as error:
            self.fleet.lost(self.runtime, error)
            return Others(allclose=True, top1=True, accuracy=True)

    def _values(self, model: onnx.ModelProto, name: str) -> Array:
        """A value of the graph for the first images, by the true runner."""
        file, out = self.work / "values.onnx", self.work / "values.npz"
        onnx.save(model, file)
        with Session(self.fleet, self.runtime, file, "cpu") as session:
            session.runner.predict(PredictArgs(session.loaded.id, None, str(self.reference.few), 1, (name,), str(out)), 120.0)
        with np.load(out) as arrays:
            return np.asarray(arrays[name])


def blamed_on(row: ParityRow, libraries: tuple[str, ...]) -> str | None:
    """The stage that the gate blames, `runtime` where it names the runtime itself, None where nothing was found."""
    if row.passed:
        return "runtime" if libraries else None
    return row.blame.stage if row.blame else None
