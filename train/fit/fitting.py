"""Training of one backbone by a recipe: weights, head, phases, best epoch, and the test set once at the end."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import torch
from torch import nn

from contract.manifest import ImageEntry
from contract.matrix import Recipe
from contract.preprocess import PreprocessSpec
from train.data.load import LoadedSet
from train.fit import state as states
from train.fit.batches import Feed, workers_for
from train.fit.epochs import Loop, Phase, copy_of
from train.fit.evaluate import Judged, evaluate
from train.fit.head_fit import features, fit_head
from train.fit.keys import key
from train.fit.state import Best, Epoch, State
from train.model.build import build
from train.model.calibrate import BATCH, PASSES, calibrate
from train.model.head import add_dropout, head_of
from train.model.stages import norms_are_folded
from train.progress import Reporter
from train.weights.choose import Source

EVALUATION_BATCH = {"cpu": 8, "cuda": 64}


@dataclass(frozen=True)
class Job:
    """All that decides a checkpoint."""

    backbone: str
    data: LoadedSet
    spec: PreprocessSpec
    source: Source
    recipe: Recipe
    seed: int
    device: str
    threads: int


@dataclass(frozen=True)
class Outcome:
    """A trained model's weights, and how they came about."""

    model: dict[str, torch.Tensor]
    best_epoch: int
    history: tuple[Epoch, ...]
    val_correct: int
    test: Judged
    seconds: float
    notes: tuple[str, ...]


def fit(job: Job, folder: Path, inputs: str, said: Reporter) -> Outcome:
    """Train, going on where an interrupted run with the same inputs stopped. Raises DataError and UsageError."""
    began = time.perf_counter()
    built = build(job.backbone, job.source, len(job.data.classes), job.seed)
    model = built.model.to(job.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    workers, why_none = workers_for(job.device, job.threads, max(EVALUATION_BATCH[job.device], job.recipe.batch), job.spec)
    if why_none:
        said.say(why_none)
    feed = Feed(job.data.root, job.spec, job.seed, job.device, workers)
    job = replace(job, data=replace(job.data, parts=parts_of(job)))
    state = states.load(folder, inputs)
    if state is None:
        state = State(inputs)
        _begin(model, state, job, feed, said)
    else:
        said.say(f"goes on after epoch {len(state.history)}")
        model.load_state_dict(state.model)
    folded = not job.source.random and norms_are_folded(model)
    if folded:
        state.notes.append("BatchNorm came folded (mean 0, variance 1): it stays in eval while training")
    spent = state.seconds
    _phases(model, state, job, feed, folder, kept=built.head_kept, folded=folded, said=said)
    if state.best is not None:
        model.load_state_dict(state.best.model)
    best_epoch, correct = (state.best.epoch, state.best.correct) if state.best else (0, _judge(model, job, feed, "val", said).correct)
    test = _judge(model, job, feed, "test", said)
    seconds = spent + time.perf_counter() - began
    return Outcome(copy_of(model), best_epoch, tuple(state.history), correct, test, seconds, tuple(dict.fromkeys(state.notes)))


def parts_of(job: Job) -> dict[str, tuple[ImageEntry, ...]]:
    """The images of each part that the recipe uses: `images_per_class` to train and to test, half as many to validate; None: all."""
    most = job.recipe.images_per_class
    limits = {"train": most, "val": None if most is None else (most + 1) // 2, "test": most}
    return {name: first_of_each_class(entries, limits[name], job.seed) for name, entries in job.data.parts.items()}


def first_of_each_class(entries: Sequence[ImageEntry], most: int | None, seed: int) -> tuple[ImageEntry, ...]:
    """At most so many images of each class, chosen by the seed, in the old order."""
    if most is None:
        return tuple(entries)
    by_class: defaultdict[int, list[ImageEntry]] = defaultdict(list)
    for entry in entries:
        by_class[entry.label].append(entry)
    chosen = {
        entry.path
        for each in by_class.values()
        for entry in sorted(each, key=lambda item: key(seed, "choose", item.sha256, item.path))[:most]
    }
    return tuple(entry for entry in entries if entry.path in chosen)


def _begin(model: nn.Module, state: State, job: Job, feed: Feed, said: Reporter) -> None:
    if job.source.random and not job.source.checkpoint:
        said.say("random weights: BatchNorm statistics are measured")
        few = sorted(job.data.parts["train"], key=lambda entry: key(job.seed, "calibrate", entry.sha256, entry.path))
        calibrate(model, (images for images, _ in islice(feed.evaluating(few, BATCH), PASSES)))
        state.notes.append("random weights: nothing was learned before this data set")


def _phases(
    model: nn.Module,
    state: State,
    job: Job,
    feed: Feed,
    folder: Path,
    *,
    kept: bool,
    folded: bool,
    said: Reporter,
) -> None:
    recipe = job.recipe
    head = head_of(model)
    cached = recipe.head_epochs > 0 and recipe.head_augmentation == "none" and isinstance(head, nn.Linear)
    add_dropout(head, recipe.dropout)
    phases = [Phase("head", "head", recipe.head_epochs, recipe.head_lr, 1.0, recipe.head_augmentation)] if recipe.head_epochs else []
    if recipe.epochs and recipe.train != "none":
        phases.append(Phase(recipe.train, recipe.train, recipe.epochs, recipe.lr, recipe.stem_lr, recipe.augmentation, recipe.train_sizes))
    of = sum(phase.epochs for phase in phases)

    def save() -> None:
        states.save(state, folder)

    for number, phase in enumerate(phases):
        if number < state.phase:
            continue
        if number == 0 and cached:
            assert isinstance(head, nn.Linear)
            _cached_head(model, head, state, job, feed, kept=kept, said=said, of=of)
        else:
            Loop(model, phase, recipe, feed, freeze_norms=folded).run(state, job.data.parts["train"], job.data.parts["val"], save, said, of)
        if number + 1 < len(phases) or not state.model:
            # The next phase starts from the best head.
            assert state.best is not None
            model.load_state_dict(state.best.model)
            state.model = state.best.model
        state.phase, state.epoch, state.optimizer, state.scaler = number + 1, 0, None, None
        save()


def _cached_head(
    model: nn.Module,
    head: nn.Linear,
    state: State,
    job: Job,
    feed: Feed,
    *,
    kept: bool,
    said: Reporter,
    of: int,
) -> None:
    began = time.perf_counter()
    batch = EVALUATION_BATCH[job.device]
    train, val = job.data.parts["train"], job.data.parts["val"]
    seen = [
        features(model, head, said.over(feed.evaluating(part, batch), -(-len(part) // batch), f"features of {name} images"))
        for name, part in (("training", train), ("validation", val))
    ]
    said.say(f"features of {len(train) + len(val)} images in {time.perf_counter() - began:.1f} s")

    def record(row: Epoch) -> None:
        state.history.append(row)
        if row.number % 10 == 0 or row.number == job.recipe.head_epochs:
            said.epoch(row, of)

    best = fit_head(head, kept, seen[0], seen[1], job.recipe, job.seed, record)
    state.best = Best(best.epoch, best.correct, best.loss, copy_of(model))
    state.seconds += time.perf_counter() - began


def _judge(model: nn.Module, job: Job, feed: Feed, name: str, said: Reporter) -> Judged:
    entries, batch = job.data.parts[name], EVALUATION_BATCH[job.device]
    return evaluate(model, said.over(feed.evaluating(entries, batch), -(-len(entries) // batch), f"{len(entries)} {name} images"))
