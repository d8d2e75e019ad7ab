"""The reference's side of the gate: how many images are affordable, what it says of them, and its own noise."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from bench import stats
from bench.fleet import Fleet
from bench.parity import batches, compare
from bench.parity.ask import Rows, Session, ask_images, ask_tensor, images_with_tensors
from bench.parity.compare import KEPT, Answers, Logits, hear
from bench.results import NoiseFloor
from bench.runner import RunnerError
from bench.subject import Subject
from contract.errors import DataError, UsageError
from contract.matrix import Matrix
from contract.protocol import Option

# Images that the noise floor and the other batches are asked on: fewer where an image costs much.
FLOOR_IMAGES, FLOOR_IMAGES_IF_SLOW, SLOW_SECONDS = KEPT, batches.MAIN_BATCH, 0.1
PROBE_IMAGES = 3
REFEREE: dict[str, Option] = {"dtype": "float64"}
UNOPTIMISED: dict[str, Option] = {"optimization": "disabled"}
# A runner that takes so many times as long as in the probe hangs: float64 and cold caches cost far less.
PATIENCE = 40
# What makes one row "nothing judged", while the others go on. A provider that is not there (EnvironmentFault) ends the run.
JUDGEMENT_FAILS = (RunnerError, UsageError, DataError)


@dataclass(frozen=True)
class Reference:
    """The reference's answers for the images of a subject: paths, labels of the data set, normalised tensors and logits (.npy files).

    `few`: the first tensors, on which the noise floor and other batches are asked. `image_seconds`: what one image cost it, batch 1.
    """

    paths: list[str]
    truth: list[str] | None
    tensors: Path
    few: Path
    logits: Path
    answers: Answers
    floor: NoiseFloor
    image_seconds: float


@dataclass(frozen=True)
class Affordable:
    """How many images fit into the budget, the seconds that they will take, and the reference's session, open."""

    images: int
    seconds: float
    reference: Session


@dataclass(frozen=True)
class Cost:
    """Seconds of a runtime: until a model has given its first answer, and for an image more."""

    ready: float
    image: float


def affordable_images(subject: Subject, fleet: Fleet, matrix: Matrix, provider: str, work: Path) -> Affordable:
    """How many images fit into the budget, from a short probe of each runtime.

    Loading and other batches are included. At least `least_images`, at most `images`, and as many as a stated claim needs.
    Raises UsageError when there are too few for it.
    """
    needed = images_for_claim(subject, matrix)
    images = [str(subject.path(entry)) for entry in subject.held_out(PROBE_IMAGES, matrix.defaults.seed)]
    candidates = subject.candidates(matrix.defaults.runtime, matrix.defaults.reference)
    wanted = {name: [form for form in matrix.forms(subject.train.backbone, name) if subject.model_exists(form)] for name in candidates}
    if not images or not any(wanted.values()):
        raise UsageError(
            "nothing to compare: no test images, no variants, or no runtime beside the reference",
            where=subject.name,
            next="nox -s export, or choose more with --variant and --runtime",
        )
    fixed = per_image = 0.0
    for runtime, forms in wanted.items():
        if not forms:
            continue
        try:
            # Not kept: what is judged begins with the first forward of a session.
            with Session(fleet, runtime, subject.model(forms[0]), provider) as session:
                cost = probed(session, fleet, images, work)
        except JUDGEMENT_FAILS as error:
            fleet.lost(runtime, error)  # its rows will say what is wrong
            continue
        dynamic = sum(not subject.batch_is_static(name) for name in forms)
        again = dynamic * sum(batches.asked(matrix, floor_images(cost.image), slow=slow(cost.image)).values())
        fixed += len(forms) * cost.ready + again * cost.image
        per_image += len(forms) * cost.image
    # Last, so that it can be asked at once: it is loaded once more, and asked in batches and in float64, which costs twice as much.
    reference = Session(fleet, matrix.defaults.reference, subject.model("eager"), provider)
    cost = probed(reference, fleet, images, work)
    fixed += cost.ready + 3 * floor_images(cost.image) * cost.image
    per_image += cost.image
    count = most = min(max(matrix.parity.images, needed), len(subject.distinct))
    budget = matrix.parity.seconds_for(subject.train.backbone)
    if budget is not None:
        count = min(most, max(matrix.parity.least_images, needed, int((budget - fixed) / per_image)))
    return Affordable(count, fixed + count * per_image, reference)


def probed(session: Session, fleet: Fleet, images: list[str], work: Path) -> Cost:
    """What asking costs, and for how long an answer is waited for from now on."""
    first = timed(partial(ask_images, session, images[:1], 1, work))
    # The fastest: a single hiccup of the machine would otherwise cost the run most of its images.
    image = min(timed(partial(ask_images, session, [path], 1, work)) for path in images)
    fleet.patience[session.runtime] = PATIENCE * image
    return Cost(session.loading_seconds + first, image)


def timed(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    started = time.monotonic()
    call()
    return time.monotonic() - started


def images_for_claim(subject: Subject, matrix: Matrix) -> int:
    """The images that a stated claim needs, 0 without one. Raises UsageError when there are not so many, or fewer were asked for."""
    claim = matrix.parity.claim_for(subject.train.backbone)
    if claim is None:
        return 0
    if claim.about == "accuracy drop" and not subject.labelled:
        raise UsageError(
            f"nobody says what the images show: the claim '{claim}' cannot be supported",
            where=subject.name,
            next="put the images into folders that are called like the classes, or claim something of disagreement",
        )
    needed, there = stats.images_needed(claim), len(subject.distinct)
    cannot = f"cannot support the claim '{claim}': it needs {needed} images of which none speaks against it"
    if needed > there:
        raise UsageError(f"{there} different test images {cannot}", where=subject.name, next="take more test images, or claim less")
    # Without a time limit the number of images is what a user named.
    if matrix.parity.seconds is None and needed > matrix.parity.images:
        raise UsageError(f"--images {matrix.parity.images} {cannot}", where=subject.name, next="leave --images out, or claim less")
    return needed


def must_be_the_reference(session: Session, subject: Subject) -> None:
    """Raise RunnerError where the runtime says that it loaded another file."""
    loaded, expected = session.loaded.model_sha256, subject.sha256("eager")
    if loaded != expected:
        said = f"loaded another reference: sha256 {loaded[:12]}…, and the file has {expected[:12]}…"
        raise RunnerError(said, where=session.runtime, next="nox -s doctor")


def slow(image_seconds: float) -> bool:
    """Whether an image costs so much that as few as possible are asked again."""
    return image_seconds >= SLOW_SECONDS


def floor_images(image_seconds: float) -> int:
    """How many images the noise floor and the other batches are asked on."""
    return FLOOR_IMAGES_IF_SLOW if slow(image_seconds) else FLOOR_IMAGES


def ask_reference(
    subject: Subject, fleet: Fleet, matrix: Matrix, provider: str, work: Path, count: int, opened: Session | None = None
) -> Reference:
    """The reference's tensors and logits, and its own noise: the floor that the tolerance is made of. `opened`: its session, if any."""
    entries = subject.held_out(count, matrix.defaults.seed)
    paths = [str(subject.path(entry)) for entry in entries]
    truth = [subject.train.classes[entry.label] for entry in entries] if subject.labelled else None
    runtime = matrix.defaults.reference
    with opened or Session(fleet, runtime, subject.model("eager"), provider) as session:
        stem = f"{subject.train.dataset}-{subject.train.backbone}-{provider}"
        tensors, logits = (Rows(work / f"{stem}-{name}.npy", len(paths), runtime) for name in ("reference", "logits"))

        def parts() -> Iterator[Logits]:
            for made, said in images_with_tensors(session, paths, 1, work):
                tensors.add(made)
                logits.add(said)
                yield said

        must_be_the_reference(session, subject)
        started = time.monotonic()
        answers = hear(parts(), subject.train.classes)
        image_seconds = (time.monotonic() - started) / len(paths)
        few = work / f"{stem}-few.npy"
        np.save(few, np.load(tensors.path, mmap_mode="r")[: floor_images(image_seconds)])
        # A static file as the reference has no other batches: its floor is the referee's.
        together = session.loaded.inputs[0].shape[0] or min(7, len(np.load(few, mmap_mode="r")))
        batched = ask_tensor(session, few, together, work)
    # ONNX Runtime has no float64 for a float32 file: the graph as it is written sums in another order than the optimised one.
    by = REFEREE if subject.reference is None else UNOPTIMISED
    with Session(fleet, runtime, subject.model("eager"), provider, by) as referee:
        must_be_the_reference(referee, subject)
        exact = ask_tensor(referee, few, 1, work)
    over_batches = float(compare.differences(answers.first[: len(batched)], batched).max())
    against_float64 = float(compare.differences(answers.first[: len(exact)], exact).max())
    floor = max(over_batches, against_float64)
    if not np.isfinite([over_batches, against_float64]).all():
        raise UsageError("nothing to compare: the reference's logits are not finite", where=subject.name, next="train it again")
    if not floor > 0:
        what = "float32 and float64" if subject.reference is None else "the optimised graph and the one as it is written"
        raise UsageError(
            f"the noise floor is zero: {what} give the same bits, so no tolerance can be made of it",
            where=subject.name,
            next="train it: weights whose sums are all exact say nothing of rounding",
        )
    factor = matrix.parity.tolerance_factor
    if not np.median(answers.margins) > 2 * factor * floor:
        raise UsageError(
            f"nothing to compare: the reference's own answers move by {floor:.2g}, so most of its labels could be any other",
            where=subject.name,
            next="take a reference in evaluation mode that is not quantised, or train it better",
        )
    return Reference(
        paths=paths,
        truth=truth,
        tensors=tensors.path,
        few=few,
        logits=logits.path,
        answers=answers,
        floor=NoiseFloor(
            subject.train.backbone,
            subject.train.dataset,
            provider,
            over_batches,
            against_float64,
            factor,
            factor * floor,
            len(exact),
            "float64" if subject.reference is None else "the unoptimised graph",
        ),
        image_seconds=image_seconds,
    )
