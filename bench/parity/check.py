"""The parity gate of one subject: ask the reference, ask every variant in every runtime, judge."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.fleet import Fleet, same_library
from bench.ledger.rows import explain_rows
from bench.parity import compare
from bench.parity.ask import Session, ask_images, ask_tensor, ask_tensors
from bench.parity.compare import Answers, Tensors
from bench.plan import UNBOUNDED_SECONDS
from bench.progress import Progress
from bench.results import NoiseFloor, ParityRow, StageReport
from bench.runner import RunnerError
from bench.subject import Subject
from contract.errors import ConcordError, DataError, UsageError
from contract.matrix import Matrix
from contract.protocol import Receipt

# The batch that dynamic variants are asked with, and the others that must give the same answers.
MAIN_BATCH, BATCHES = 8, (1, 2, 3, 7)
# Images that the noise floor and the other batches are asked on: two of the largest batches, one where an image costs much.
FLOOR_IMAGES, FLOOR_IMAGES_IF_SLOW, SLOW_SECONDS = 14, 7, 0.1
PROBE_IMAGES = 3
# A runner that takes so many times as long as in the probe hangs: float64 and cold caches cost far less.
PATIENCE = 40
# What makes one row "nothing judged", while the others go on. A provider that is not there (EnvironmentFault) ends the run.
JUDGEMENT_FAILS = (RunnerError, UsageError, DataError)


@dataclass(frozen=True)
class Reference:
    """The reference's answers for the images of a subject: paths, labels of the data set, normalised tensors (.npy), logits.

    `image_seconds`: what one image cost it, batch 1.
    """

    paths: list[str]
    truth: list[str]
    tensors: Path
    answers: Answers
    floor: NoiseFloor
    image_seconds: float


@dataclass(frozen=True)
class Checked:
    """Everything the gate found for one subject and provider."""

    reference: Reference
    rows: tuple[ParityRow, ...]
    stages: tuple[StageReport, ...]


def check(
    subject: Subject, fleet: Fleet, matrix: Matrix, provider: str, work: Path, progress: Progress, given: tuple[str, ...] = ()
) -> Checked:
    """Compare every variant in every runtime with the reference. Raises UsageError (exit 2) when nothing can be compared.

    `given`: the run's own options, which the command that reproduces a row repeats.
    """
    started = time.monotonic()
    fleet.given_up.clear()
    count = affordable_images(subject, fleet, matrix, provider, work)
    progress.part(f"parity {subject.name} on {provider}: reference, {count} images")
    reference = ask_reference(subject, fleet, matrix, provider, work, count)
    compare.check_comparable(reference.answers, f"{subject.name} on {provider}")
    rows: list[ParityRow] = []
    logits: dict[tuple[str, str], compare.Logits] = {}
    suspects: dict[tuple[str, str], NDArray[np.bool_]] = {}
    for runtime in [name for name in matrix.defaults.runtime if name != matrix.defaults.reference]:
        equal: NDArray[np.bool_] | None = None
        for variant in [name for name in matrix.defaults.variant if subject.model_exists(name)]:
            progress.part(f"parity {subject.name} on {provider}: {runtime} {variant}, {count} images")
            try:
                with Session(fleet, runtime, subject.model(variant), provider) as session:
                    # Each file carries a spec of its own: one that shows itself on the first images is asked for all.
                    if equal is None or not np.array_equal(tensors_equal(session, reference, FLOOR_IMAGES, work), equal[:FLOOR_IMAGES]):
                        equal = tensors_equal(session, reference, count, work)
                    row, said = compare_variant(subject, session, variant, reference, equal, logits, fleet, work)
            except JUDGEMENT_FAILS as error:
                fleet.lost(runtime, error)
                row, said = failed_row(subject, variant, runtime, provider, reference, error), None
            rows.append(replace(row, reproduce=reproduce(row, count, given)))
            if said is not None and equal is not None:
                logits[runtime, variant] = said
                suspects[runtime, variant] = (~equal if equal is not None else True) | ~(
                    compare.differences(reference.answers.logits, said) <= reference.floor.tolerance
                )
        for lost in [each for each in subject.export.failed if each.name in matrix.defaults.variant]:
            why = UsageError(f"could not be exported: {lost.why}", where=lost.name, next="nox -s export, with the same options after --")
            rows.append(failed_row(subject, lost.name, runtime, provider, reference, why))
    explained, stages = explain_rows(rows, suspects, subject, fleet, matrix, reference.paths, work, progress)
    progress.done(max(matrix.parity.seconds or UNBOUNDED_SECONDS, time.monotonic() - started))
    return Checked(reference, explained, stages)


def affordable_images(subject: Subject, fleet: Fleet, matrix: Matrix, provider: str, work: Path) -> int:
    """How many images fit into the budget, loading and other batches included, from a short probe of each runtime.

    At least `least_images`, at most `images`.
    """
    probe = [str(subject.path(entry)) for entry in subject.held_out(PROBE_IMAGES, matrix.defaults.seed)]
    others = [name for name in matrix.defaults.runtime if name != matrix.defaults.reference]
    variants = [name for name in matrix.defaults.variant if subject.model_exists(name)]
    if not probe or not variants or not others:
        raise UsageError("nothing to compare: no test images, no variants, or no runtime beside the reference", where=subject.name)
    most = min(matrix.parity.images, len(subject.train.split["test"]))
    dynamic = sum(not subject.batch_is_static(name) for name in variants)
    fixed = per_image = 0.0
    for runtime in (matrix.defaults.reference, *others):
        variant = "eager" if runtime == matrix.defaults.reference else variants[0]
        try:
            started = time.monotonic()
            with Session(fleet, runtime, subject.model(variant), provider) as session:
                ask_images(session, probe[:1], 1, work)
                ready = time.monotonic()
                ask_images(session, probe, 1, work)
                each = (time.monotonic() - ready) / len(probe)
        except JUDGEMENT_FAILS as error:
            if variant == "eager":
                raise
            fleet.lost(runtime, error)  # its rows will say what is wrong
            continue
        fleet.patience[runtime] = PATIENCE * each
        # The reference is loaded twice, and asked once more in batches and in float64, which costs twice as much.
        loads, again = (2, 3) if variant == "eager" else (len(variants), dynamic * len(BATCHES))
        fixed += loads * (ready - started) + again * floor_images(each) * each
        per_image += each * (1 if variant == "eager" else len(variants))
    if matrix.parity.seconds is None or not per_image:
        return most
    return min(most, max(matrix.parity.least_images, int((matrix.parity.seconds - fixed) / per_image)))


def floor_images(image_seconds: float) -> int:
    """How many images the noise floor and the other batches are asked on."""
    return FLOOR_IMAGES if image_seconds < SLOW_SECONDS else FLOOR_IMAGES_IF_SLOW


def ask_reference(subject: Subject, fleet: Fleet, matrix: Matrix, provider: str, work: Path, count: int) -> Reference:
    """The reference's tensors and logits, and its own noise: the floor that the tolerance is made of."""
    entries = subject.held_out(count, matrix.defaults.seed)
    paths = [str(subject.path(entry)) for entry in entries]
    truth = [subject.train.classes[entry.label] for entry in entries]
    runtime = matrix.defaults.reference
    with Session(fleet, runtime, subject.model("eager"), provider) as session:
        stem = f"{subject.train.dataset}-{subject.train.backbone}-{provider}"
        tensors = work / f"{stem}-reference.npy"
        np.save(tensors, ask_tensors(session, paths, work))
        started = time.monotonic()
        logits = ask_tensor(session, tensors, 1, work)
        image_seconds = (time.monotonic() - started) / len(paths)
        few = work / f"{stem}-few.npy"
        np.save(few, np.load(tensors, mmap_mode="r")[: floor_images(image_seconds)])
        batched = ask_tensor(session, few, min(7, len(np.load(few, mmap_mode="r"))), work)
    with Session(fleet, runtime, subject.model("eager"), provider, {"dtype": "float64"}) as referee:
        exact = ask_tensor(referee, few, 1, work)
    over_batches = float(compare.differences(logits[: len(batched)], batched).max())
    against_float64 = float(compare.differences(logits[: len(exact)], exact).max())
    floor = max(over_batches, against_float64)
    if not floor > 0:
        raise UsageError(
            "the noise floor is zero: float32 and float64 give the same bits, so no tolerance can be made of it", where=subject.name
        )
    factor = matrix.parity.tolerance_factor
    return Reference(
        paths=paths,
        truth=truth,
        tensors=tensors,
        answers=Answers(logits, subject.train.classes),
        floor=NoiseFloor(
            subject.train.backbone, subject.train.dataset, provider, over_batches, against_float64, factor, factor * floor, len(exact)
        ),
        image_seconds=image_seconds,
    )


def tensors_equal(session: Session, reference: Reference, count: int, work: Path) -> NDArray[np.bool_]:
    """Per image, of the first `count`, whether the runtime's own preprocessing gives the reference's tensor to the last bit."""
    expected: Tensors = np.load(reference.tensors, mmap_mode="r")[:count]
    return compare.equal_images(ask_tensors(session, reference.paths[:count], work), expected)


def compare_variant(
    subject: Subject,
    session: Session,
    variant: str,
    reference: Reference,
    equal: NDArray[np.bool_],
    others: dict[tuple[str, str], compare.Logits],
    fleet: Fleet,
    work: Path,
) -> tuple[ParityRow, compare.Logits]:
    """Judge one variant in one runtime: from the image files, and again on the reference's tensors where preprocessing differs.

    Returns its logits on the reference's tensors, too.
    """
    static = subject.batch_is_static(variant)
    main = 1 if static else MAIN_BATCH
    logits = ask_images(session, reference.paths, main, work)
    classes = session.loaded.classes
    if classes is None:
        raise UsageError("the file carries no class names", where=str(session.model), next="nox -s export")
    answers = Answers(logits, classes)
    tolerance = reference.floor.tolerance
    judged = compare.judge(reference.answers, answers, tolerance, reference.paths)
    same_tensor = logits if equal.all() else ask_tensor(session, reference.tensors, main, work)
    on_same = compare.judge(reference.answers, Answers(same_tensor, classes), tolerance, reference.paths)
    batches = {} if static else other_batches(session, reference, same_tensor, work)
    # On the same tensor: another runtime's wrong preprocessing is no fault of this one.
    twins = {runtime: int(compare.equal_images(said, same_tensor).sum()) for (runtime, form), said in others.items() if form == variant}
    count = len(reference.paths)
    problems = []
    if classes != subject.train.classes:
        problems.append("the class names in the file are not the checkpoint's, or in another order")
    if judged.flips:
        problems.append(f"{judged.flips} of {count} images get another label")
    if on_same.flips and not judged.flips:
        problems.append(f"{on_same.flips} of {count} images get another label on the same tensor")
    if not equal.all():
        problems.append(f"preprocessing differs: the tensors of {int((~equal).sum())} of {count} images are not the reference's")
    if on_same.beyond_tolerance:
        problems.append(f"on the same tensor the logits of {on_same.beyond_tolerance} of {count} images differ by more than the tolerance")
    problems += [f"at batch {batch} the answers move by {moved:.2g}" for batch, moved in batches.items() if not moved <= tolerance]
    problems += [
        f"on the same tensor the logits of {count - same} of {count} images are not bit-equal to {name}"
        for name, same in twins.items()
        if same < count and bits_must_be_equal(session, fleet.receipts[name], fleet.receipts[session.runtime])
    ]
    row = ParityRow(
        dataset=subject.train.dataset, backbone=subject.train.backbone, variant=variant, runtime=session.runtime, provider=session.provider,
        images=count, certified=judged.certified, agree=judged.agree, near_tie_flips=judged.near_tie_flips, flips=judged.flips,
        tensors_equal=int(equal.sum()), max_difference=judged.max_difference, max_difference_same_tensor=on_same.max_difference,
        tolerance=tolerance, bound=judged.bound, accuracy=compare.accuracy(answers, reference.truth),
        reference_accuracy=compare.accuracy(reference.answers, reference.truth), batches=batches, bits_equal_to=twins,
        problems=tuple(problems), shown=judged.shown, passed=not problems, judged=True,
        reproduce="",
    )  # fmt: skip
    return row, same_tensor


def bits_must_be_equal(session: Session, one: Receipt, other: Receipt) -> bool:
    """Whether two runtimes owe each other every bit: one build of one library, on the CPU. CUDA may sum in another order each time."""
    return session.provider == "cpu" and same_library(one, other)


def other_batches(session: Session, reference: Reference, expected: compare.Logits, work: Path) -> dict[str, float]:
    """Largest move of the logits at other batch sizes, on the first images, against the main batch."""
    few = reference.tensors.with_name(reference.tensors.name.replace("-reference", "-few"))
    moved = {}
    for batch in BATCHES:
        said = ask_tensor(session, few, batch, work)
        moved[str(batch)] = float(compare.differences(said, expected[: len(said)]).max())
    return moved


def failed_row(subject: Subject, variant: str, runtime: str, provider: str, reference: Reference, error: ConcordError) -> ParityRow:
    """A row for a variant that gave no answers that can be compared."""
    return ParityRow(
        dataset=subject.train.dataset, backbone=subject.train.backbone, variant=variant, runtime=runtime, provider=provider, images=0,
        certified=0, agree=0, near_tie_flips=0, flips=0, tensors_equal=0, max_difference=0.0, max_difference_same_tensor=0.0,
        tolerance=reference.floor.tolerance, bound=1.0, accuracy=None, reference_accuracy=None, batches={}, bits_equal_to={},
        problems=(str(error),), shown=(), passed=False, judged=False,
        reproduce="",
    )  # fmt: skip


def reproduce(row: ParityRow, images: int, given: tuple[str, ...]) -> str:
    """The command that checks this row again: the run's own options, narrowed (of an option given twice the last counts)."""
    narrowed = ["--dataset", row.dataset, "--backbone", row.backbone, "--variant", row.variant, "--runtime", "torch-eager", row.runtime]
    return shlex.join(["nox", "-s", "parity", "--", *given, *narrowed, "--device", row.provider, "--images", str(images)])
