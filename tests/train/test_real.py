"""Real images and real weights, where they lie beside the checkout."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
import torch

from contract.matrix import Dataset
from train.data.load import load
from train.model.build import build
from train.model.stages import norms_are_folded
from train.weights.choose import Source, WeightsHad

WEIGHTS = "weights/mobilenet_v2/mobilenet_v2.npz"


@pytest.mark.slow
def test_butterflies_keep_their_labels_and_their_copies_on_one_side(real: Path) -> None:
    entry = Dataset("butterfly", "csv", str(real / "butterfly"), images="train", labels="Training_set.csv")
    found = load(entry, real, seed=0, skip_bad=False, threads=2)
    assert (len(found.classes), sum(map(len, found.parts.values()))) == (75, 2253)
    assert found.classes == tuple(sorted(found.classes))
    assert all(name == name.upper() for name in found.classes)
    sides = defaultdict(set)
    for side, entries in found.parts.items():
        for image in entries:
            sides[Path(image.path).name].add((side, image.sha256))
    triple = [sides[f"Image_{number}.jpg"] for number in (1041, 2729, 5482)]
    assert triple[0] == triple[1] == triple[2]
    assert any("exact copies" in note for note in found.notes)


def test_rock_paper_scissors_is_read_as_folders(real: Path) -> None:
    found = load(Dataset("rps", "folder", str(real / "rps")), real, seed=0, skip_bad=False, threads=2)
    assert found.classes == ("paper", "rock", "scissors")
    assert {name: len(part) for name, part in found.parts.items()} == {"train": 126, "val": 27, "test": 27}


def test_real_weights_of_mobilenet_fit_and_come_folded(real: Path) -> None:
    source = Source(real / WEIGHTS, WeightsHad((), "file:mobilenet_v2.npz", None, None))
    built = build("mobilenet_v2", source, 75, 0)
    assert not built.head_kept
    assert norms_are_folded(built.model)
    with torch.inference_mode():
        assert built.model.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 75)
