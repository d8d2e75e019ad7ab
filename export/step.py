"""The step: plan, then one backbone after the other, then a table."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from contract import artifact, lock, options, strict
from contract.errors import BAD, GOOD, ConcordError
from contract.manifest import CHECKPOINT, EXPORT, TRAIN, ExportManifest
from contract.manifest import read as read_manifest
from contract.overrides import need_no_onnx
from export import table
from export.plan import EXPORT_AGAIN, Job, plan, renewed

if TYPE_CHECKING:
    import torch

SOURCES = ("export", "train", "contract")
# Measured on two cores: imports of torch and onnxsim, then translating, checking and simplifying four files.
START_SECONDS, SECONDS_PER_VARIANT, SECONDS_PER_MB = 12.0, 2.5, 0.03


def main(argv: list[str]) -> int:
    """Export every chosen checkpoint. Exit code 1 when one of them is left with none of the variants that were asked for.

    A variant that failed beside others that are there is said on stderr, in the table and in export.json, and the code stays 0:
    it becomes rows of the parity table that nothing could be judged of.
    """
    asked, _ = options.parse(
        options.parser("python -m export", "Checkpoint -> ONNX files that describe themselves, checked against PyTorch."), argv
    )
    need_no_onnx(asked, "export")

    def say(text: str) -> None:
        # The stream as it is now: while a bar is drawn it is the bar's.
        print(text, file=sys.stderr if asked.output_json else sys.stdout, flush=True)

    source = artifact.package_hash(*SOURCES)
    matrix = options.select(asked)
    jobs = plan(asked, matrix, source)
    say(announced(jobs))
    artifact.need_disk(asked.artifacts, needed_bytes(jobs))
    if any(job.todo for job in jobs):
        done = _build_all(jobs, partial(renewed, matrix=matrix, source=source, force=asked.force), asked.threads, source, say)
    else:
        done = [_as_it_was(job) for job in jobs]
    print(strict.pretty(done).rstrip() if asked.output_json else table.variants(done, [job.trained.weights for job in jobs]), flush=True)
    return _judged(done, frozenset(matrix.defaults.variant))


def _judged(done: list[ExportManifest], chosen: frozenset[str]) -> int:
    for entry in done:
        for failed in entry.failed:
            if failed.name in chosen:
                print(f"failed: {entry.dataset}/{entry.backbone}/{failed.name}: {failed.why}", file=sys.stderr, flush=True)
    return BAD if any(chosen.isdisjoint(variant.name for variant in entry.variants) for entry in done) else GOOD


def announced(jobs: list[Job]) -> str:
    """The plan in words: files, disk, expected seconds."""
    files = sum(len(job.todo) for job in jobs)
    kept = sum(len(job.kept) for job in jobs)
    if not files:
        return f"export: nothing to do, {kept} files are current"
    names = ", ".join(job.name for job in jobs if job.todo)
    return f"export: {files} ONNX files of {names}: about {_megabytes(jobs):.0f} MB, {_seconds(jobs):.0f} s" + (
        f"; {kept} files are current" if kept else ""
    )


def _build_all(jobs: list[Job], renew: Callable[[Job], Job], threads: int, source: str, say: table.Say) -> list[ExportManifest]:
    """The manifests, in the order of the jobs.

    While the worker checks one job's files, the next job is translated; the largest comes first, so that the last wait is a short one.
    What stops the step meanwhile, such as Ctrl-C, stops both, and neither is published; an error in the next job stops that one alone.
    """
    from export.progress import bar as bar_of  # noqa: PLC0415 - rich
    from export.workshop import Workshop  # noqa: PLC0415

    done: dict[str, ExportManifest] = {}

    def end(job: Job, finish: Callable[[], ExportManifest], start: float, place: str) -> None:
        done[job.name] = finish()
        bar.ended(job)
        say(f"{place} {job.name}: {time.monotonic() - start:.1f} s")

    with Workshop() as workshop, bar_of(jobs) as bar, ExitStack() as held:
        workshop.start()  # its imports overlap with ours
        from export.build import under_way  # noqa: PLC0415 - torch

        end_before: Callable[[], None] = _nothing
        order = sorted(jobs, key=_checkpoint_bytes, reverse=True)
        for number, job in enumerate(order, start=1):
            if not job.todo:
                done[job.name] = _as_it_was(job)
                continue
            place, start = f"[{number}/{len(order)}]", time.monotonic()
            say(f"{place} {job.name}: {', '.join(variant.name for variant in job.todo)} …")
            with ExitStack() as holding:
                try:
                    holding.enter_context(lock.exclusive(job.lock, "export"))
                    now = renew(job)
                    finish = (
                        holding.enter_context(under_way(now, load, workshop, threads, source, bar))
                        if now.todo
                        else partial(_as_it_was, now)
                    )
                except ConcordError:
                    end_before()  # what is wrong with this job costs the one before it nothing
                    raise
                end_before()
                held.close()
                held.enter_context(holding.pop_all())
            end_before = partial(end, job, finish, start, place)
        end_before()
    return [done[job.name] for job in jobs]


def _nothing() -> None:
    """What is to end before the first job."""


def load(job: Job) -> torch.nn.Module:
    """The trained model on the CPU, in eval mode. Raises DataError for a checkpoint that does not fit."""
    from train.model.build import from_manifest  # noqa: PLC0415

    return from_manifest(job.folder / TRAIN)[1]


def _as_it_was(job: Job) -> ExportManifest:
    return read_manifest(ExportManifest, job.folder / EXPORT, EXPORT_AGAIN)


def _megabytes(jobs: list[Job]) -> float:
    return sum(_checkpoint_bytes(job) * len(job.todo) for job in jobs) / 1e6


def _seconds(jobs: list[Job]) -> float:
    return START_SECONDS + _megabytes(jobs) * SECONDS_PER_MB + SECONDS_PER_VARIANT * sum(len(job.todo) for job in jobs)


def needed_bytes(jobs: list[Job]) -> int:
    """Disk for all files of a run."""
    todo = [(_checkpoint_bytes(job), len(job.todo)) for job in jobs if job.todo]
    # One translation more than variants, of two jobs at a time: an onnxsim variant alone needs the form it is made from.
    return sum(size * files for size, files in todo) + sum(sorted(size for size, _ in todo)[-2:])


def _checkpoint_bytes(job: Job) -> int:
    return (job.folder / CHECKPOINT).stat().st_size
