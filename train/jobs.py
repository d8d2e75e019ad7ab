"""What is to be trained: data sets and weights are had, and each job knows whether its results are current."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from contract import artifact, manifest, options, strict
from contract.errors import ConcordError
from contract.layout import Asked, portable, short_hash
from contract.manifest import TRAIN, TrainManifest
from contract.matrix import Backbone, Dataset, Matrix, Recipe
from contract.options import Options
from train import device, preset
from train.data.load import LoadedSet, load
from train.fit.fitting import Job
from train.model.sizes import check_sizes
from train.weights import names
from train.weights.choose import Source, choose
from train.weights.given import same_classes

NOT_TRAINED = "as given"


@dataclass(frozen=True)
class Planned:
    """A job, where its results go, and the manifest that proves them current (None: to be trained)."""

    job: Job
    asked: Asked
    folder: Path
    inputs: str
    source: str
    current: TrainManifest | None

    @property
    def title(self) -> str:
        """Data set and backbone."""
        return f"{self.job.data.name}/{self.job.backbone}"


def plan(opts: Options, matrix: Matrix) -> list[Planned]:
    """Read the data sets, get the weights, and find out what is current. Raises ConcordError for whatever is wrong with them."""
    on = device.pick(matrix.defaults.device)
    for backbone in matrix.chosen("backbone"):
        names.known(backbone.name, matrix.source)  # a misspelt name is found before images are read
        preset.of_backbone(backbone)
    source = artifact.package_hash("train", "contract")
    planned = []
    for dataset in cast(Sequence[Dataset], matrix.chosen("dataset")):
        data = load(dataset, opts.data, seed=matrix.defaults.seed, skip_bad=opts.skip_bad_images, threads=opts.threads)
        planned += [_one(opts, matrix, data, backbone, on, source) for backbone in cast(Sequence[Backbone], matrix.chosen("backbone"))]
    return planned


def _one(opts: Options, matrix: Matrix, data: LoadedSet, backbone: Backbone, on: str, source: str) -> Planned:
    had = choose(backbone, opts.data / "weights", checkpoint=opts.checkpoint, offline=opts.offline)
    job = Job(
        backbone.name, data, preset.of_backbone(backbone), had, _recipe(matrix, backbone, had, on), matrix.defaults.seed, on, opts.threads
    )
    check_sizes(job.backbone, job.recipe)
    if opts.checkpoint is not None:
        same_classes(opts.checkpoint, data.classes)
    asked = options.asked(opts, matrix, data.name, backbone.name)
    decides = decisive(job)
    folder = asked.folder(opts.artifacts) / short_hash(decides)
    inputs = artifact.sha256_bytes(strict.dumps(decides).encode())
    return Planned(job, asked, folder, inputs, source, None if opts.force else current(folder, inputs, source, say=True))


def _recipe(matrix: Matrix, backbone: Backbone, had: Source, on: str) -> Recipe:
    if had.checkpoint:
        return Recipe(NOT_TRAINED, "none")
    return cast(Recipe, matrix.find("recipe", backbone.recipe_for(on, random=had.random)))


def decisive(job: Job) -> dict[str, object]:
    """Everything that decides the checkpoint: <config> is its hash."""
    return {
        "dataset": job.data.digest,
        "backbone": job.backbone,
        "preprocess": job.spec,
        "had": job.source.had.sha256 or job.source.had.had,
        "checkpoint": job.source.checkpoint,
        "recipe": replace(job.recipe, name=""),  # a recipe is what it says, not what it is called
        "seed": job.seed,
        "device": job.device,
    }


def current(folder: Path, inputs: str, source: str, *, say: bool = False) -> TrainManifest | None:
    """The manifest of results made from these inputs by this code, when all its files are intact. `say`: tell stderr of damage."""
    if not (folder / TRAIN).is_file():
        return None
    try:
        made = manifest.read_verified(TrainManifest, folder / TRAIN, "")
    except ConcordError as fault:  # damaged, or of another version
        if say:
            print(f"{fault.where}: {fault.what}: it is made anew", file=sys.stderr, flush=True)
        return None
    return made if (made.inputs, made.source) == (inputs, source) else None


def at_home(made: TrainManifest, planned: Planned) -> TrainManifest:
    """The manifest with the images where they lie now: the same ones (they were hashed), below a root that may have moved."""
    root = portable(str(planned.job.data.root), planned.folder)
    if made.root != root:
        made = replace(made, root=root)
        manifest.write(made, planned.folder / TRAIN)
    return made
