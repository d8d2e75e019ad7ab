"""`python -m bench blame`: where the chosen variants, in the chosen runtimes, first compute something else than the reference."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.blame.chain import LOOK, Case
from bench.blame.found import ModelBlame
from bench.blame.model import blame_model
from bench.fleet import Fleet
from bench.parity.reference import ask_reference
from bench.progress import Steps
from bench.subject import Subject, open_subject
from contract import strict
from contract.errors import BAD, GOOD, UsageError, printable
from contract.matrix import Matrix
from contract.options import Options, asked, select


def run(options: Options) -> int:
    """One sentence per variant and runtime, or with --json all that was found.

    Exit code 1 when an edge is to blame, or weights of a file are not the checkpoint's. Reproductions are written below reports/blame.
    Raises UsageError where there is nothing to ask.
    """
    matrix = select(options)
    found: dict[str, ModelBlame] = {}
    with (
        tempfile.TemporaryDirectory(prefix="concord-blame-") as work,
        Fleet(matrix.defaults.runtime, options.threads, Path(work) / "logs") as fleet,
    ):
        providers = fleet.choose_providers(matrix.defaults.device, matrix.defaults.reference)
        subjects = [
            open_subject(asked(options, matrix, dataset, backbone), options.artifacts)
            for dataset in matrix.defaults.dataset
            for backbone in matrix.defaults.backbone
        ]
        # The reference is a step of its own, once for each subject and provider.
        with Steps(len(providers) * sum(1 + len(_pairs(subject, matrix)) for subject in subjects)) as progress:
            for subject in subjects:
                for provider in providers:
                    found |= _blame(subject, fleet, matrix, provider, Path(work), options, progress)
    if not found:
        raise UsageError(
            "nothing to blame: no exported variant, or no runtime beside the reference",
            where="bench blame",
            next="nox -s export, or choose more with --variant and --runtime",
        )
    if options.output_json:
        print(strict.pretty(found), end="")
    return BAD if any(made.edge or made.weights for made in found.values()) else GOOD


def _pairs(subject: Subject, matrix: Matrix) -> list[tuple[str, str]]:
    """Each variant that there is, in each runtime beside the reference that is asked for it."""
    return [
        (variant, runtime)
        for variant in matrix.defaults.variant
        if subject.model_exists(variant)
        for runtime in matrix.defaults.runtime
        if runtime != matrix.defaults.reference and variant in matrix.forms(subject.train.backbone, runtime)
    ]


def _blame(
    subject: Subject, fleet: Fleet, matrix: Matrix, provider: str, work: Path, options: Options, progress: Steps
) -> dict[str, ModelBlame]:
    progress.part(f"{subject.name} on {provider}: reference, {LOOK} images")
    reference = ask_reference(subject, fleet, matrix, provider, work, LOOK)
    progress.step()
    found = {}
    for variant, runtime in _pairs(subject, matrix):
        name = f"{subject.train.dataset}-{subject.train.backbone}-{variant}-{runtime}-{provider}"
        progress.part(name)
        case = Case(subject, variant, runtime, provider, reference.tensors, reference.floor.factor, reference.floor.tolerance)
        found[name] = blame_model(fleet, case, work, (options.reports / "blame" / name).resolve())
        progress.step()
        if not options.output_json:
            print(printable(f"{name}: {found[name].said}"), flush=True)
    return found
