"""The parity gate of one subject: ask the reference, ask every variant in every runtime, judge."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from bench import plan, stats
from bench.blame.weights import weights_differ
from bench.fleet import Fleet, same_library
from bench.ledger import stages as ledger
from bench.ledger.found import StageReport
from bench.ledger.walk import name_of
from bench.looked import Confusion, Sample
from bench.parity import batches, compare, orientation, samples
from bench.parity.ask import Session
from bench.parity.asking import Asked, Asking, first_equal, from_files, from_tensors
from bench.parity.compare import Answers, Problem
from bench.parity.explain import Explaining, explain
from bench.parity.reference import FLOOR_IMAGES, JUDGEMENT_FAILS, Reference, affordable_images, ask_reference, slow
from bench.parity.rows import failed_row, reproduce
from bench.progress import Progress
from bench.results import Check, ParityRow
from bench.subject import Subject
from contract.errors import UnsupportedError, UsageError
from contract.manifest import CHECKPOINT, Accuracy
from contract.matrix import Matrix
from contract.protocol import Receipt


@dataclass(frozen=True)
class Checked:
    """Everything the gate found for one subject and provider."""

    reference: Reference
    rows: tuple[ParityRow, ...]
    stages: tuple[StageReport, ...]
    remark: str
    confusion: Confusion | None
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class Judgement:
    """All rows of a subject, the stages that were looked into, and what each one said of the image files."""

    rows: tuple[ParityRow, ...]
    stages: tuple[StageReport, ...]
    heard: dict[tuple[str, str], Answers]


def check(
    subject: Subject, fleet: Fleet, matrix: Matrix, provider: str, work: Path, progress: Progress, given: tuple[str, ...] = ()
) -> Checked:
    """Compare every variant in every runtime with the reference. Raises UsageError (exit 2) when nothing can be compared.

    `given`: the run's own options, which the command that reproduces a row repeats.
    """
    fleet.given_up.clear()
    found = affordable_images(subject, fleet, matrix, provider, work)
    progress.correct(found.seconds - plan.parity_seconds(matrix, subject))  # the plan knew the budget alone
    progress.part(f"parity {subject.name} on {provider}: reference, {found.images} images")
    reference = ask_reference(subject, fleet, matrix, provider, work, found.images, found.reference)
    compare.check_comparable(reference.answers, f"{subject.name} on {provider}")
    far: Explaining = "all" if subject.exported_here else "stages"
    judged = judge_rows(subject, fleet, matrix, provider, reference, work, progress, given, far)
    progress.done(found.seconds)
    remark = orientation.count(reference.paths).say(orient=subject.train.preprocess.orient)
    return Checked(
        reference,
        judged.rows,
        judged.stages,
        f"{subject.name}: {remark}",
        samples.confusion(subject, reference, provider),
        samples.samples(subject, reference, provider, judged.heard, matrix.defaults.reference),
    )


def judge_rows(
    subject: Subject,
    fleet: Fleet,
    matrix: Matrix,
    provider: str,
    reference: Reference,
    work: Path,
    progress: Progress,
    given: tuple[str, ...] = (),
    explaining: Explaining = "all",
) -> Judgement:
    """Every variant in every runtime against what the reference said, and the stages of rows that fail (of all, with --stages).

    A runner that fails leaves its row unjudged. `explaining`: how far a failure is followed up.
    """
    count = len(reference.paths)
    rows: list[ParityRow] = []
    on_same: dict[tuple[str, str], Answers] = {}
    heard: dict[tuple[str, str], Answers] = {}
    suspects: dict[tuple[str, str], NDArray[np.bool_]] = {}
    names = [name for name in matrix.defaults.variant if subject.model_exists(name)]
    # Files are read and compared while runners answer.
    reading = ThreadPoolExecutor(max_workers=1)
    weights = {name: reading.submit(wrong_weights, subject, name) for name in names}
    reading.shutdown(wait=False)
    for runtime in subject.candidates(matrix.defaults.runtime, matrix.defaults.reference):
        equal: NDArray[np.bool_] | None = None
        for variant, checking in ((name, weights[name]) for name in matrix.forms(subject.train.backbone, runtime) if name in weights):
            progress.part(f"parity {subject.name} on {provider}: {runtime} {variant}, {count} images")
            wrong = checking.result()
            try:
                with Session(fleet, runtime, subject.model(variant), provider) as session:
                    # Of one export all files have one spec, which the first images confirm; other people's may differ on any image.
                    if equal is not None and not (
                        subject.exported_here and np.array_equal(first_equal(session, reference, work), equal[:FLOOR_IMAGES])
                    ):
                        equal = None
                    asking = Asking(subject, session, fleet, matrix, reference, equal, work)
                    row, said, asked = compare_variant(asking, variant, wrong, on_same)
            except JUDGEMENT_FAILS as error:
                fleet.lost(runtime, error)
                row, said = failed_row(subject, variant, runtime, provider, reference, error), None
            rows.append(replace(row, reproduce=reproduce(subject, row, count, given)))
            if said is not None:
                equal, heard[runtime, variant] = asked.equal, asked.answers
                if not asked.problems:  # what was asked at another batch owes nobody its last bits
                    on_same[runtime, variant] = said
                suspects[runtime, variant] = ~equal | (said.differences > reference.floor.tolerance)
        for lost in [each for each in subject.export.failed if each.name in matrix.forms(subject.train.backbone, runtime)]:
            why = UsageError(f"could not be exported: {lost.why}", where=lost.name, next="nox -s export, with the same options after --")
            rows.append(failed_row(subject, lost.name, runtime, provider, reference, why))
        tried = {*weights, *(each.name for each in subject.export.failed)}
        for name in [form for form in matrix.forms(subject.train.backbone, runtime) if form not in tried]:
            why = UsageError("was not exported", where=name, next="nox -s export, with the same options after --")
            rows.append(failed_row(subject, name, runtime, provider, reference, why))
    reproductions = fleet.logs.parent / "reproductions"
    told, stages = explain(rows, suspects, subject, fleet, matrix, reference, work, progress, reproductions, explaining)
    return Judgement(told, stages, heard)


def wrong_weights(subject: Subject, variant: str) -> list[Problem]:
    """Weights of a file that are not the checkpoint's, found by their bytes: one of millions may hide below the noise of every output."""
    differing = weights_differ(subject.folder / CHECKPOINT, subject.model(variant)) if subject.exported_here else ()
    shown = ", ".join(f"{each.name} ({each.why})" for each in differing[:3]) + (", …" if len(differing) > 3 else "")
    return [Problem("weights", f"{len(differing)} weights in the file are not the checkpoint's: {shown}")] if differing else []


def compare_variant(
    asked: Asking, variant: str, wrong: list[Problem], others: dict[tuple[str, str], Answers]
) -> tuple[ParityRow, Answers, Asked]:
    """Judge one variant in one runtime: from the image files, and again on the reference's tensors where preprocessing differs.

    `wrong`: what was found in the file without running it. `others`: what has been said on the reference's tensors, by runtime and variant.
    Returns this one's answers on them, and what was asked from the image files, too.
    """
    subject, session, reference = asked.subject, asked.session, asked.reference
    static, few, count = subject.batch_is_static(variant), reference.few, len(reference.paths)
    problems = [*same_file(session, subject.sha256(variant)), *wrong]
    classes, found = asked.classes, from_files(asked, static=static)
    answers, equal = found.answers, found.equal
    problems += found.problems
    tolerance = reference.floor.tolerance
    judged = compare.judge(reference.answers, answers, tolerance, reference.paths)
    same_tensor = answers if equal.all() else from_tensors(asked, found.batch)
    on_same = compare.judge(reference.answers, same_tensor, tolerance, reference.paths)
    moved: dict[str, float] = {}
    if found.batch != 1:
        first = same_tensor.first[: reference.floor.images]
        moved, unanswered = batches.moved(session, asked.matrix, few, first, asked.work, slow=slow(reference.image_seconds))
        problems += unanswered
    # On the same tensor: another runtime's wrong preprocessing is no fault of this one.
    alike = {} if found.problems else {runtime: said for (runtime, form), said in others.items() if form == variant}
    twins = {runtime: int((said.digests == same_tensor.digests).all(axis=1).sum()) for runtime, said in alike.items()}
    if classes != subject.train.classes:
        problems.append(Problem("classes", "the class names in the file are not the checkpoint's, or in another order"))
    if judged.flips:
        problems.append(Problem("labels", f"{judged.flips} of {count} images get another label"))
    if on_same.flips and not judged.flips:
        problems.append(Problem("labels", f"{on_same.flips} of {count} images get another label on the same tensor"))
    if not equal.all():
        unequal = int((~equal).sum())
        problems.append(Problem("tensors", f"preprocessing differs: the tensors of {unequal} of {count} images are not the reference's"))
    if on_same.beyond_tolerance:
        beyond = on_same.beyond_tolerance
        said = f"on the same tensor the logits of {beyond} of {count} images differ by more than the tolerance"
        problems.append(Problem("logits", said))
    problems += [Problem("batches", f"at batch {batch} the answers move by {by:.2g}") for batch, by in moved.items() if by > tolerance]
    problems += batches.wrongly_taken(session, few, asked.work) if static else []
    # Names are asked of single images.
    problems += own_names(asked, classes) if found.batch == 1 or "1" in moved else []
    if session.wrong_top1:
        said = f"in {session.wrong_top1} answers the runtime's own top-1 is not the index of the largest logit"
        problems.append(Problem("top-1", said))
    owed = [name for name in twins if bits_must_be_equal(session, asked.fleet.receipts[name], asked.fleet.receipts[session.runtime])]
    problems += [
        Problem("bits", f"on the same tensor the logits of {count - twins[name]} of {count} images are not bit-equal to {name}")
        for name in owed
        if twins[name] < count
    ]
    differing = judged.flips + judged.near_tie_flips
    was_right, is_right = right(reference.answers, reference), right(answers, reference)
    drop = stats.paired_drop(was_right, is_right) if was_right and is_right else None
    stated = asked.matrix.parity.claim_for(subject.train.backbone)
    row = ParityRow(
        dataset=subject.train.dataset, backbone=subject.train.backbone, variant=variant, runtime=session.runtime, provider=session.provider,
        images=count, certified=judged.certified, agree=judged.agree, near_tie_flips=judged.near_tie_flips, flips=judged.flips,
        tensors_equal=int(equal.sum()), max_difference=judged.max_difference, max_difference_same_tensor=on_same.max_difference,
        tolerance=tolerance, bound=judged.bound, accuracy=accuracy(is_right), reference_accuracy=accuracy(was_right), drop=drop,
        claim=None if stated is None else stats.judge_claim(stated, differing, drop.lost if drop else None, count),
        batches=moved, bits_equal_to=twins, problems=tuple(each.said for each in problems),
        made=checks_made(subject, owed), checks=tuple(dict.fromkeys(each.check for each in problems)), shown=judged.shown,
        passed=not problems, judged=True, reproduce="",
    )  # fmt: skip
    return row, same_tensor, found


def checks_made(subject: Subject, owed: list[str]) -> tuple[Check, ...]:
    """All but those for which there is nothing to compare with: no checkpoint, or no runtime (`owed`) that must give the same bits."""
    nothing: dict[str, bool] = {"weights": not subject.exported_here, "bits": not owed}
    return tuple(name for name in get_args(Check) if not nothing.get(name, False))


def same_file(session: Session, expected: str) -> list[Problem]:
    """What is wrong with the file that the runtime says it loaded."""
    loaded = session.loaded.model_sha256
    said = f"the runtime loaded another file: sha256 {loaded[:12]}…, the manifest says {expected[:12]}…"
    return [] if loaded == expected else [Problem("file", said)]


def own_names(asked: Asking, classes: tuple[str, ...]) -> list[Problem]:
    """What is wrong with the class names that the runtime gives, asked on two images with different labels; nothing where it gives none.

    Everywhere else names are looked up here, by the largest logit: a runtime that looks them up wrongly would not be seen.
    """
    labels = asked.reference.answers.top
    problems = []
    for index in (0, int(np.argmax(labels != labels[0]))):
        try:
            said = ledger.ask(asked.session, asked.reference.paths[index], None, asked.work)
        except UnsupportedError:
            return []
        expected = name_of(int(np.argmax(said.arrays["logits"])), classes)
        if said.label != expected:
            problems.append(Problem("classes", f"the runtime calls '{said.label}' what the file calls '{expected}'"))
    return problems


def right(answers: Answers, reference: Reference) -> list[bool] | None:
    """Per image, whether the label is the data set's; None where that is not known."""
    if reference.truth is None:
        return None
    return [said == truth for said, truth in zip(answers.labels, reference.truth, strict=True)]


def accuracy(right: list[bool] | None) -> Accuracy | None:
    """Agreement with the labels, with its Wilson interval."""
    return None if right is None else stats.wilson(sum(right), len(right))


def bits_must_be_equal(session: Session, one: Receipt, other: Receipt) -> bool:
    """Whether two runtimes owe each other every bit: one build of one library, on the CPU. CUDA may sum in another order each time."""
    return session.provider == "cpu" and same_library(one, other)
