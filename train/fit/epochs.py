"""The epoch loop of a phase: train, judge on validation images, keep the best, write the state."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from contract.manifest import ImageEntry
from contract.matrix import Recipe
from train.fit.augment import Augmentation
from train.fit.batches import Feed, steps_per_epoch
from train.fit.evaluate import Judged, evaluate
from train.fit.keys import key
from train.fit.optimizers import make_optimizer
from train.fit.schedule import share, size
from train.fit.state import Best, Epoch, State, Tensors, need_finite
from train.model.stages import Trained, parameter_groups, set_trainable, training_mode
from train.progress import Reporter


@dataclass(frozen=True)
class Phase:
    """What is trained, for how long, at which rates."""

    name: str
    train: Trained
    epochs: int
    lr: float
    stem_lr: float
    augmentation: Augmentation
    sizes: tuple[int, int] | None = None


def copy_of(model: nn.Module) -> Tensors:
    """The weights as they are now, on the CPU, laid out plainly."""
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in model.state_dict().items()}


class Loop:
    """One phase on one device; `state` is where it goes on and what it keeps up to date."""

    def __init__(self, model: nn.Module, phase: Phase, recipe: Recipe, feed: Feed, *, freeze_norms: bool) -> None:
        self._model, self._phase, self._recipe, self._feed, self._freeze_norms = model, phase, recipe, feed, freeze_norms
        set_trainable(model, phase.train)
        groups = parameter_groups(model, phase.lr, phase.stem_lr, recipe.weight_decay)
        self._optimizer = make_optimizer(recipe, groups)
        self._peaks = [group["lr"] for group in self._optimizer.param_groups]
        on_cuda = feed.device == "cuda"
        # Turing emulates bf16, several times slower than it computes fp16.
        self._amp = torch.bfloat16 if on_cuda and torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
        self._cast = torch.autocast(feed.device, dtype=self._amp, enabled=on_cuda)
        # bf16 has fp32's range and needs no scaling of gradients.
        self._scaler = torch.amp.GradScaler(feed.device, enabled=on_cuda and self._amp == torch.float16)

    def run(
        self, state: State, train: Sequence[ImageEntry], val: Sequence[ImageEntry], save: Callable[[], None], said: Reporter, of: int
    ) -> None:
        """Train from `state.epoch` to the end; `save` is called after each epoch, when the state is complete."""
        if state.epoch:
            self._optimizer.load_state_dict(state.optimizer or {})
            self._scaler.load_state_dict(state.scaler or {})
        for epoch in range(state.epoch + 1, self._phase.epochs + 1):
            began = time.perf_counter()
            number = len(state.history) + 1
            row = self._epoch(number, epoch, train, said)
            batches = self._feed.evaluating(val, self._recipe.batch)
            judged = evaluate(self._model, said.over(batches, -(-len(val) // self._recipe.batch), f"epoch {number} of {of}: validation"))
            seconds = time.perf_counter() - began
            row = replace(row, val_loss=judged.loss, val_accuracy=judged.correct / judged.total, seconds=seconds)
            need_finite(row, self._recipe)
            self._record(state, row, judged, epoch)
            save()
            said.epoch(row, of)

    def _epoch(self, number: int, epoch: int, train: Sequence[ImageEntry], said: Reporter) -> Epoch:
        recipe, phase = self._recipe, self._phase
        torch.manual_seed(key(self._feed.seed, "layers", number))  # dropout and stochastic depth draw from here
        training_mode(self._model, phase.train, freeze_norms=self._freeze_norms)
        steps = steps_per_epoch(len(train), recipe.batch)
        total = torch.zeros((), dtype=torch.float64, device=self._feed.device)
        correct = torch.zeros((), dtype=torch.int64, device=self._feed.device)
        factor = 0.0
        pixels = size(phase.sizes or (self._feed.size, self._feed.size), epoch, phase.epochs)
        batches = self._feed.training(train, phase.augmentation, number, recipe.batch, pixels)
        for step, (images, labels) in enumerate(said.over(batches, steps, f"epoch {number}: training")):
            factor = share(recipe.schedule, (epoch - 1) * steps + step, phase.epochs * steps, recipe.warmup)
            for group, peak in zip(self._optimizer.param_groups, self._peaks, strict=True):
                group["lr"] = peak * factor
            with self._cast:
                logits = self._model(images)
                loss = nn.functional.cross_entropy(logits.float(), labels, label_smoothing=recipe.label_smoothing)
            self._optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(self._scaler.scale(loss))
            if recipe.clip_norm is not None:
                self._scaler.unscale_(self._optimizer)
                nn.utils.clip_grad_norm_(self._model.parameters(), recipe.clip_norm)
            self._scaler.step(self._optimizer)
            self._scaler.update()
            # Summed on the device: .item() in each step would wait for it.
            total += loss.detach().double() * len(labels)
            correct += (logits.detach().argmax(1) == labels).sum()
        return Epoch(number, phase.name, phase.lr * factor, total.item() / len(train), correct.item() / len(train), 0.0, 0.0, 0.0)

    def _record(self, state: State, row: Epoch, judged: Judged, epoch: int) -> None:
        state.epoch = epoch
        state.history.append(row)
        state.model = copy_of(self._model)
        state.optimizer, state.scaler = self._optimizer.state_dict(), self._scaler.state_dict()
        state.seconds += row.seconds
        if state.best is None or judged.rank > state.best.rank:
            # The same tensors: the state's file then holds them once.
            state.best = Best(row.number, judged.correct, judged.loss, state.model)
