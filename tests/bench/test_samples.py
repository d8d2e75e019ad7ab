"""What a reader sees of the compared images: which are shown, what they look like, who said what."""

from __future__ import annotations

import base64
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from bench.looked import Confused, Epoch
from bench.parity import samples
from bench.parity.compare import Answers, hear
from bench.subject import epochs
from contract.errors import DataError
from contract.preprocess import CenterCrop, PreprocessSpec, Shorter

SPEC = PreprocessSpec(Shorter("shorter", 8), CenterCrop("center", 192, 96), (0.4, 0.5, 0.6), (0.2, 0.3, 0.4))
NAMES = ("A", "B", "C")


def said(*labels: int, share: float = 0.5) -> Answers:
    """Answers that are a little surer from image to image."""
    shares = np.linspace(share, share + 0.1, len(labels))
    logits = np.zeros((len(labels), len(NAMES)))
    logits[range(len(labels)), labels] = np.log(2 * shares / (1 - shares))
    return hear([logits], NAMES)


def test_what_differs_is_shown_first_then_the_surest_mistakes_then_the_rest():
    reference = said(*[0] * 20)
    other = said(*[0] * 17, 1, 0, 0)
    truth = [*["A"] * 5, *["C"] * 6, *["A"] * 9]
    # 17: another label. 5 to 10 are mistakes, surer with their number; four of them are shown.
    assert samples.chosen(reference, [other], truth) == [17, 10, 9, 8, 7, 0, 1, 2, 3, 4, 5, 6]
    assert samples.chosen(reference, [reference], None) == list(range(12))
    assert samples.chosen(said(0, 1), [said(1, 0)], ["A", "B"]) == [0, 1]


def test_a_picture_is_the_tensor_without_its_normalisation():
    pixels = np.full((96, 192, 3), (200, 100, 50), np.uint8)
    tensor = ((pixels.astype(np.float32) / 255 - np.array(SPEC.mean, np.float32)) / np.array(SPEC.std, np.float32)).transpose(2, 0, 1)
    image = Image.open(BytesIO(samples.picture(tensor, SPEC)))
    assert (image.format, image.size) == ("JPEG", (96, 48))
    assert np.abs(np.asarray(image).astype(int) - (200, 100, 50)).max() <= 3
    beyond = Image.open(BytesIO(samples.picture(tensor * 100, SPEC)))
    assert set(np.asarray(beyond).reshape(-1, 3)[0]) <= {*range(4), *range(252, 256)}  # clipped, not wrapped


def test_samples_and_confusion_of_a_subject(tmp_path):
    tensors = np.zeros((3, 3, 96, 192), np.float32)
    np.save(tmp_path / "t.npy", tensors)
    subject = SimpleNamespace(train=SimpleNamespace(dataset="d", backbone="b", classes=("C", "B", "A"), preprocess=SPEC))
    logits = np.array([[3, 0, 0], [0, 3, 0], [0, 3, 0]], np.float32)
    reference = SimpleNamespace(
        paths=["/x/1.jpg", "/x/2.jpg", "/x/3.jpg"],
        truth=["A", "B", "A"],
        tensors=tmp_path / "t.npy",
        answers=hear([logits], NAMES),
    )
    first, *rest = samples.samples(subject, reference, "cpu", {("ort-rust", "raw-static"): said(0, 1, 0)}, "torch-eager")
    assert (first.path, first.truth) == ("3.jpg", "A")
    assert [(each.runtime, each.variant, each.label) for each in first.said] == [
        ("torch-eager", "eager", "B"), ("ort-rust", "raw-static", "A"),
    ]  # fmt: skip
    assert base64.b64decode(first.picture).startswith(b"\xff\xd8")
    assert [each.path for each in rest] == ["1.jpg", "2.jpg"]
    found = samples.confusion(subject, reference, "cpu")
    assert found.classes == ("B", "A")  # as the model's outputs have them
    assert found.counts == (Confused("B", "B", 1), Confused("A", "B", 1), Confused("A", "A", 1))
    reference.truth = None
    assert samples.confusion(subject, reference, "cpu") is None
    assert {each.truth for each in samples.samples(subject, reference, "cpu", {}, "torch-eager")} == {None}


def test_history_is_read_and_what_is_not_finite_is_left_out(tmp_path):
    path = tmp_path / "history.csv"
    head = "number,phase,lr,train_loss,train_accuracy,val_loss,val_accuracy,seconds\n"
    path.write_text(f"{head}1,all,0.1,nan,0.5,inf,0.25,8\n2,all,0.1,1.5,0.75,2,0.5,8\n", encoding="utf-8")
    assert epochs(path) == (Epoch(1, "all", None, 0.5, None, 0.25), Epoch(2, "all", 1.5, 0.75, 2.0, 0.5))
    path.write_text("epoch,loss\n1,2\n", encoding="utf-8")
    with pytest.raises(DataError, match="not a history of this version"):
        epochs(path)
