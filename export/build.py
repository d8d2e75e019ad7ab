"""One job: translate each form once, check and simplify in the worker, publish the files, write export.json last."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

from contract import artifact, manifest
from contract.card import Card, CardCheckpoint, CardVariant, CardWeights
from contract.manifest import EXPORT, ExportManifest, FailedVariant, VariantFile
from contract.matrix import Variant
from export.images import held_out
from export.plan import OPSET, Job
from export.progress import Bar
from export.translate import NotTranslated, Reference, answer, to_onnx
from export.worker import Work
from export.workshop import Timed, WorkFailed, Workshop

Load = Callable[[Job], torch.nn.Module]
Finish = Callable[[], ExportManifest]
# What decides the bytes of a file, and stands in its card; the manifest lists some more.
IN_CARD = ("torch", "torchvision", "onnx", "onnxscript", "onnx-ir", "onnxsim")
AS_WELL = ("numpy", "pillow", "onnxruntime-gpu", "onnxruntime")
FORMS = ("static", "dynamic")


@dataclass(frozen=True)
class Form:
    """One form on its way: the untouched translation, which every variant of this batch kind is made from."""

    batch: str
    path: Path
    seconds: float
    checked: Future[Timed]
    simplified: dict[str, Future[Timed]]


def build(job: Job, load: Load, workshop: Workshop, threads: int, source: str) -> ExportManifest:
    """Make the missing variants of a job, publish them, and write the manifest; see `under_way`."""
    with under_way(job, load, workshop, threads, source, Bar(None, [])) as finish:
        return finish()


@contextmanager
def under_way(job: Job, load: Load, workshop: Workshop, threads: int, source: str, bar: Bar) -> Iterator[Finish]:
    """The missing variants of a job, translated, their checks going on: `finish()` waits for those, publishes, and writes the manifest.

    Raises DataError for a bad checkpoint or missing images. A variant that fails is an entry of the manifest, and the others go on.
    """
    start = time.monotonic()
    torch.set_num_threads(threads)
    with bar.part(job, "loading", 0):
        model, images = load(job), held_out(job.trained)
    with _staging(job.folder) as staging:
        with bar.part(job, "asking PyTorch", 0):
            reference = answer(model, images, staging)
        # Not before: until here the worker has nothing of this job's, and an error leaves it to the job before.
        with _closed_on_error(workshop):
            baker = _Baker(job, staging, workshop, threads, bar)
            forms = {batch: baker.form(model, images, batch, reference) for batch in FORMS if any(each.batch == batch for each in job.todo)}
            # Of several jobs the next one's model is in memory while this one is checked.
            del model
            yield lambda: _finished(job, forms, staging, source, start)


def _finished(job: Job, forms: dict[str, Form | str], staging: Path, source: str, start: float) -> ExportManifest:
    made: dict[str, VariantFile] = {entry.name: entry for entry in job.kept}
    failed: list[FailedVariant] = []
    for variant in job.todo:
        entry = _entry(variant, forms[variant.batch], staging)
        if isinstance(entry, VariantFile):
            made[variant.name] = entry
        else:
            failed.append(entry)
    done = _manifest(job, tuple(made.values()), tuple(failed), source, time.monotonic() - start)
    _publish(job.folder, staging, [entry for name, entry in made.items() if name in {todo.name for todo in job.todo}], done)
    return done


class _Baker:
    """Translates in this process, while the worker is busy with the form before."""

    def __init__(self, job: Job, staging: Path, workshop: Workshop, threads: int, bar: Bar) -> None:
        self._job, self._staging, self._workshop, self._threads, self._bar = job, staging, workshop, threads, bar

    def form(self, model: torch.nn.Module, images: torch.Tensor, batch: str, reference: Reference) -> Form | str:
        """A translated form whose checks are under way, or why there is none."""
        start = time.monotonic()
        todo = [variant for variant in self._job.todo if variant.batch == batch]
        raw = next((variant.name for variant in todo if not variant.simplify), f"raw-{batch}")
        path = self._staging / f"{raw}.onnx"
        try:
            with self._bar.part(self._job, f"{raw} translating"):
                path.write_bytes(to_onnx(model, images, batch, card(self._job, Variant(raw, False, batch)), OPSET))  # type: ignore[arg-type]
        except NotTranslated as fault:
            return fault.what
        seconds = time.monotonic() - start

        def work(name: str, out: Path | None) -> Future[Timed]:
            asked = Work(
                str(path), str(out) if out else None, name, batch, OPSET, str(reference.tensor), str(reference.eager), self._threads
            )
            return self._workshop.submit(asked, self._bar.part(self._job, f"{name} {'simplifying' if out else 'checking'}"))

        checked = work(raw, None)
        simplified = {variant.name: work(variant.name, self._staging / f"{variant.name}.onnx") for variant in todo if variant.simplify}
        return Form(batch, path, seconds, checked, simplified)


def card(job: Job, variant: Variant) -> Card:
    """What the file says of itself."""
    trained = job.trained
    return Card(
        task=trained.task,
        labels=trained.classes,
        preprocess=trained.preprocess,
        variant=CardVariant(variant.name, variant.simplify, variant.batch),
        checkpoint=CardCheckpoint(job.checkpoint_sha256),
        weights=CardWeights(trained.weights.had, trained.weights.licence),
        # "+cu132" is this machine's build of the same version.
        versions={name: version(name).partition("+")[0] for name in IN_CARD},
    )


def _entry(variant: Variant, form: Form | str, staging: Path) -> VariantFile | FailedVariant:
    if isinstance(form, str):
        return FailedVariant(variant.name, form)
    try:
        raw, raw_seconds = form.checked.result()
    except WorkFailed as fault:
        why = fault.what if not variant.simplify else f"the form it is made from failed: {fault.what}"
        return FailedVariant(variant.name, why)
    checked, seconds = raw, raw_seconds + form.seconds
    if variant.simplify:
        try:
            checked, seconds = form.simplified[variant.name].result()
        except WorkFailed as fault:
            return FailedVariant(variant.name, fault.what)
    path = staging / f"{variant.name}.onnx"
    return VariantFile(
        name=variant.name,
        file=path.name,
        sha256=artifact.sha256_file(path),
        bytes=path.stat().st_size,
        simplify=variant.simplify,
        batch=variant.batch,
        opset_asked=OPSET,
        opset_got=checked.opset,
        nodes=checked.nodes,
        nodes_before=raw.nodes,
        structural_hash=checked.structural_hash,
        changed_nothing=variant.simplify and checked.structural_hash == raw.structural_hash,
        checker=checked.checker,
        max_difference=checked.max_difference,
        seconds=round(seconds, 3),
    )


def _manifest(job: Job, made: tuple[VariantFile, ...], failed: tuple[FailedVariant, ...], source: str, seconds: float) -> ExportManifest:
    unchanged = sorted(entry.name for entry in made if entry.changed_nothing)
    notes = (f"onnxsim changed nothing: {', '.join(unchanged)}",) if unchanged else ()
    return ExportManifest(
        dataset=job.trained.dataset,
        backbone=job.trained.backbone,
        config=job.trained.config,
        checkpoint_sha256=job.checkpoint_sha256,
        variants=tuple(sorted(made, key=lambda entry: (entry.simplify, entry.batch != "static", entry.name))),
        failed=failed,
        notes=notes,
        versions=_versions(),
        source=source,
        inputs=job.inputs,
        seconds=round(seconds, 3),
        files={entry.file: entry.sha256 for entry in made},
    )


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in (*IN_CARD, *AS_WELL):
        try:
            found[name] = version(name)
        except ModuleNotFoundError:
            continue  # one of the two onnxruntime wheels
    return found


def _publish(folder: Path, staging: Path, made: list[VariantFile], done: ExportManifest) -> None:
    # Without a manifest nobody takes half of the new files for the old ones.
    (folder / EXPORT).unlink(missing_ok=True)
    for entry in made:
        with artifact.atomic_path(folder / entry.file) as temporary:
            (staging / entry.file).rename(temporary)
    for variant in done.failed:
        (folder / f"{variant.name}.onnx").unlink(missing_ok=True)
    manifest.write(done, folder / EXPORT)


@contextmanager
def _closed_on_error(workshop: Workshop) -> Iterator[None]:
    """Ctrl-C and bad data end the step: the worker goes before the folder that it writes to."""
    try:
        yield
    except BaseException:
        workshop.close()
        raise


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A folder beside the results, on the same disk: removed at the end, or swept by the next run."""
    artifact.sweep(folder)
    path = folder / f".tmp-{os.getpid()}-export"
    # A dead process of the same number may have left it, and counts as alive: in a container numbers come again.
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
