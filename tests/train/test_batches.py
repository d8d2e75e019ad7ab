from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
import torch

from contract.errors import DataError
from contract.preprocess import CenterCrop, PreprocessSpec, Shorter
from tests.train import tiny
from train.fit import batches
from train.fit.augment import evaluation_transform, training_transform
from train.fit.batches import Augmenting, Decoded, Feed, shuffled, steps_per_epoch, workers_for
from train.fit.keys import generator, key


def feed_of(data, **changed: object) -> Feed:
    return Feed(data.root, tiny.SPEC, 0, "cpu", **changed)


def test_evaluation_shows_every_image_in_order_by_the_presets_own_transform(tmp_path: Path) -> None:
    data = tiny.loaded(tmp_path)
    entries = data.parts["train"]
    feed = feed_of(data)
    images, labels = zip(*feed.evaluating(entries, 5), strict=True)
    assert [len(part) for part in images] == [5, 5, 2]
    assert torch.cat(labels).tolist() == [entry.label for entry in entries]
    alone = evaluation_transform(tiny.SPEC)(feed.decoded(entries[6].path))
    assert torch.equal(torch.cat(images)[6], alone)


@pytest.mark.parametrize("augmentation", ["flip", "crop-flip", "trivial"])
def test_augmentation_is_a_function_of_seed_epoch_and_image(tmp_path: Path, augmentation: str) -> None:
    data = tiny.loaded(tmp_path)

    def images(seed: int) -> Augmenting:
        return Augmenting(data.parts["train"], Decoded(data.root), training_transform(augmentation, tiny.SPEC), seed)

    torch.manual_seed(1)
    first = [images(0)[3, index][0] for index in range(12)]
    torch.manual_seed(2)
    again = [images(0)[3, index][0] for index in reversed(range(12))][::-1]
    assert all(map(torch.equal, first, again))
    for other in ([images(0)[4, index][0] for index in range(12)], [images(1)[3, index][0] for index in range(12)]):
        assert not all(map(torch.equal, first, other))


def test_augmenting_leaves_the_global_generator_alone(tmp_path: Path) -> None:
    data = tiny.loaded(tmp_path)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    list(feed_of(data).training(data.parts["train"], "trivial", 1, 4, 16))
    assert torch.equal(before, torch.random.get_rng_state())


def test_training_augments_and_evaluation_does_not_at_the_same_time(tmp_path: Path) -> None:
    data = tiny.loaded(tmp_path)
    feed = feed_of(data)
    before = torch.cat([images for images, _ in feed.evaluating(data.parts["train"], 12)])
    training = feed.training(data.parts["train"], "crop-flip", 1, 12, 16)
    after = torch.cat([images for images, _ in feed.evaluating(data.parts["train"], 12)])
    augmented, labels = next(training)
    assert torch.equal(before, after)
    order = shuffled(12, 12, 0, 1)[0]
    assert labels.tolist() == [data.parts["train"][index].label for index in order]
    assert not torch.equal(augmented, before[order])


def test_worker_processes_make_the_same_batches(tmp_path: Path) -> None:
    data = tiny.loaded(tmp_path)
    batches = [list(feed_of(data, workers=workers).training(data.parts["train"], "trivial", 2, 4, 16)) for workers in (0, 2)]
    assert all(torch.equal(one[0], two[0]) and torch.equal(one[1], two[1]) for one, two in zip(*batches, strict=True))


def test_a_cache_without_room_reads_again(tmp_path: Path) -> None:
    data = tiny.loaded(tmp_path)
    path = data.parts["train"][0].path
    small, large = Decoded(data.root, room=100), Decoded(data.root)
    assert small(path).tobytes() == large(path).tobytes() == large(path).tobytes()
    (data.root / path).unlink()
    large(path)
    with pytest.raises(Exception, match="no such image file"):
        small(path)


@pytest.mark.parametrize(("count", "sizes"), [(12, [5, 5, 2]), (11, [5, 6]), (10, [5, 5]), (1, [1]), (3, [3])])
def test_an_epoch_has_every_image_once_and_no_batch_of_one(count: int, sizes: list[int]) -> None:
    parts = shuffled(count, 5, 0, 1)
    assert [len(part) for part in parts] == sizes
    assert Counter(index for part in parts for index in part) == Counter(range(count))
    assert steps_per_epoch(count, 5) == len(sizes)


def test_epochs_are_shuffled_differently() -> None:
    assert shuffled(50, 50, 0, 1) != shuffled(50, 50, 0, 2)
    assert shuffled(50, 50, 0, 1) == shuffled(50, 50, 0, 1)


def test_keys_depend_on_every_part() -> None:
    assert len({key(0, "a", 1), key(1, "a", 1), key(0, "b", 1), key(0, "a", 2), key(0, "a", 11)}) == 5
    assert 0 <= key("x") < 2**63
    assert torch.equal(torch.rand(3, generator=generator(1)), torch.rand(3, generator=generator(1)))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_bad_image_is_told_whole_from_whichever_process_reads_it(tmp_path: Path, workers: int) -> None:
    data = tiny.loaded(tmp_path)
    feed, entries = feed_of(data, workers=workers), data.parts["train"]
    (data.root / entries[6].path).write_bytes(b"no image")
    for made in (feed.evaluating(entries, 5), feed.training(entries, "flip", 1, 5, 16)):
        with pytest.raises(DataError) as caught:
            list(made)
        assert caught.value.where.endswith(entries[6].path)
        assert caught.value.next
        assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(
    ("device", "threads", "free", "workers"),
    [("cpu", 16, 10**12, 0), ("cuda", 1, 10**12, 0), ("cuda", 4, 10**12, 3), ("cuda", 16, 10**12, 8), ("cuda", 4, 64 * 10**6, 0)],
)
def test_workers_need_shared_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, device: str, threads: int, free: int, workers: int
) -> None:
    monkeypatch.setattr(batches, "SHARED", tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, free))
    spec = PreprocessSpec(Shorter("shorter", 256), CenterCrop("center", 224, 224), (0.0,) * 3, (1.0,) * 3)
    found, why = workers_for(device, threads, 64, spec)
    assert found == workers
    # Three processes with two batches of 64 x 3 x 224 x 224 each are 231 MB.
    assert (why is not None and "has 64 MB, 231 are needed" in why) == (free < 10**12)
