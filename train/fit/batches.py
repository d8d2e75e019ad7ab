"""Images in batches: one data set that augments and one that does not, both without any state of their own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, default_collate

from contract.errors import DataError
from contract.manifest import ImageEntry
from contract.preprocess import PreprocessSpec
from train.data.images import decode
from train.fit.augment import Augmentation, Transform, evaluation_transform, resized, training_transform
from train.fit.keys import generator, key

Batch = tuple[torch.Tensor, torch.Tensor]
Item = tuple[torch.Tensor, int]
SHARED = Path("/dev/shm")  # noqa: S108 - nothing is put there: torch does
EVALUATION_SIZE = 224
CACHE_BYTES = 2 << 30


class Decoded:
    """Decoded pixels, turned where `orient`, kept in memory while there is room for them (2 GiB)."""

    def __init__(self, root: Path, room: int = CACHE_BYTES, *, orient: bool = False) -> None:
        self._root, self._room, self._orient = root, room, orient
        self._kept: dict[str, np.ndarray[Any, Any]] = {}

    def __call__(self, path: str) -> Image.Image:
        """The image of a path relative to the root, as RGB."""
        pixels = self._kept.get(path)
        if pixels is not None:
            return Image.fromarray(pixels)
        image = decode(self._root / path, orient=self._orient)
        pixels = np.asarray(image)
        if pixels.nbytes <= self._room:
            self._room -= pixels.nbytes
            self._kept[path] = pixels
        return image


class Evaluating(Dataset[Item]):
    """Images as the preset shows them."""

    def __init__(self, entries: Sequence[ImageEntry], decoded: Decoded, spec: PreprocessSpec) -> None:
        self._entries, self._decoded, self._transform = entries, decoded, evaluation_transform(spec)

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> Item:
        entry = self._entries[index]
        return self._transform(self._decoded(entry.path)), entry.label


class Augmenting(Dataset[Item]):
    """Images augmented by a function of (seed, epoch, index): the same in any order, process, or second run."""

    def __init__(self, entries: Sequence[ImageEntry], decoded: Decoded, made: Transform, seed: int) -> None:
        self._entries, self._decoded, self._transform, self._seed = entries, decoded, made, seed

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, place: tuple[int, int]) -> Item:
        epoch, index = place
        entry = self._entries[index]
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(key(self._seed, "augment", epoch, index))
            return self._transform(self._decoded(entry.path)), entry.label


class Told(Dataset["Item | DataError"]):
    """The same images; what is wrong with one is told instead of raised: an error that leaves a worker loses all but its text."""

    def __init__(self, images: Dataset[Item]) -> None:
        self._images = images

    def __getitem__(self, place: Any) -> Item | DataError:
        try:
            return self._images[place]
        except DataError as fault:
            return fault


def collated(items: list[Item | DataError]) -> Batch | DataError:
    """One batch, or what is wrong with its first bad image."""
    bad = next((item for item in items if isinstance(item, DataError)), None)
    return cast("Batch", tuple(default_collate(items))) if bad is None else bad


def workers_for(device: str, threads: int, batch: int, spec: PreprocessSpec) -> tuple[int, str | None]:
    """How many processes prepare batches for a device, and why there are none where some would help.

    They hand batches over in shared memory, two each on their way, and a container has 64 MB of it unless it is given more.
    """
    wanted = min(8, threads - 1) if device == "cuda" else 0
    if not (wanted and SHARED.is_dir()):
        return wanted, None
    height, width = spec.input_size or (EVALUATION_SIZE, EVALUATION_SIZE)
    needed, free = wanted * 2 * batch * 3 * height * width * 4, shutil.disk_usage(SHARED).free
    if free >= needed:
        return wanted, None
    short = f"{SHARED} has {free / 1e6:.0f} MB, {needed / 1e6:.0f} are needed (docker run --shm-size)"
    return 0, f"images are prepared in this process: {short}"


@dataclass(frozen=True)
class Feed:
    """Where batches come from: the images' root, the preset, and how they reach the device."""

    root: Path
    spec: PreprocessSpec
    seed: int
    device: str
    workers: int = 0
    decoded: Decoded = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Worker processes would each fill a cache of their own.
        room = 0 if self.workers else CACHE_BYTES
        object.__setattr__(self, "decoded", Decoded(self.root, room, orient=self.spec.orient))

    def evaluating(self, entries: Sequence[ImageEntry], batch: int) -> Iterator[Batch]:
        """All images in order."""
        return self._load(
            Evaluating(entries, self.decoded, self.spec), [list(range(len(entries)))[n : n + batch] for n in range(0, len(entries), batch)]
        )

    @property
    def size(self) -> int:
        """Pixels of a side of the preset's own crop."""
        assert self.spec.crop is not None
        return self.spec.crop.height

    def training(self, entries: Sequence[ImageEntry], augmentation: Augmentation, epoch: int, batch: int, size: int) -> Iterator[Batch]:
        """All images of an epoch, `size` pixels, shuffled and augmented as (seed, epoch) say."""
        images = Augmenting(entries, self.decoded, training_transform(augmentation, resized(self.spec, size)), self.seed)
        return self._load(images, [[(epoch, index) for index in part] for part in shuffled(len(entries), batch, self.seed, epoch)])

    def _load(self, images: Dataset[Item], places: list[list[Any]]) -> Iterator[Batch]:
        loader = DataLoader(
            Told(images),
            batch_sampler=places,
            collate_fn=collated,
            num_workers=self.workers,
            pin_memory=self.device == "cuda",
            # Without one of its own the loader draws from the global generator.
            generator=torch.Generator().manual_seed(0),
        )
        for made in loader:
            if isinstance(made, DataError):
                raise made
            pixels, labels = made
            shape = {"memory_format": torch.channels_last}
            yield pixels.to(self.device, non_blocking=True, **shape), labels.to(self.device, non_blocking=True)


def shuffled(count: int, batch: int, seed: int, epoch: int) -> list[list[int]]:
    """Indices of an epoch in batches. A last batch of one joins the one before it: BatchNorm cannot train on one image."""
    order = torch.randperm(count, generator=generator(seed, "order", epoch)).tolist()
    parts = [order[start : start + batch] for start in range(0, count, batch)]
    if len(parts) > 1 and len(parts[-1]) == 1:
        last = parts.pop()
        parts[-1] += last
    return parts


def steps_per_epoch(count: int, batch: int) -> int:
    """Number of batches that `shuffled` makes."""
    return len(shuffled(count, batch, 0, 0))
