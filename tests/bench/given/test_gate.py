"""Files that Concord did not export as a subject: what they are called, what they lack, and options that do not go together."""

from __future__ import annotations

import argparse
from pathlib import Path

import onnx
import pytest
from PIL import Image

from bench.given import gate
from bench.subject import Subject
from contract.card import Card
from contract.errors import ConcordError, UsageError
from contract.matrix import Matrix
from contract.options import parse, parser
from tests.bench import fakes
from tests.bench.given.test_adopt import NAMES, SPEC, model

OWN = Card(labels=NAMES, preprocess=SPEC).to_metadata()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    (tmp_path / "work").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "images" / "black.png")
    return tmp_path


def prepared(folder: Path, files: list[Path], reference: Path, *more: str) -> tuple[Subject, Matrix]:
    arguments = ["--onnx", *map(str, files), "--images", str(folder / "images"), *more]
    raw = argparse.Namespace(reference=str(reference), spec=None, output=None)
    return gate.prepare(parse(parser("bench parity", ""), arguments)[0], raw, fakes.matrix(), folder / "work")


def given(folder: Path, reference: str | None, *more: str, images: bool = True) -> None:
    path = save(folder / "theirs.onnx")
    arguments = ["--onnx", str(path), *(["--images", str(folder / "images")] if images else []), "--without", "ort-rust", *more]
    raw = argparse.Namespace(reference=reference, spec=None, output=None)
    gate.run(parse(parser("bench parity", ""), arguments)[0], raw)


@pytest.mark.parametrize(
    ("reference", "more", "code", "said"),
    [
        (None, (), 2, "compared with what?"),
        ("torchvision:resnet18", (), 2, "which weights does it have?"),
        ("torchvision:resnet18", ("--weights", "a", "b"), 2, "which weights does it have?"),
        ("nowhere.onnx", (), 4, "no such file"),
    ],
)
def test_bad_input(folder, reference, more, code, said):
    with pytest.raises(ConcordError) as caught:
        given(folder, reference, *more)
    assert (caught.value.exit_code, said in str(caught.value)) == (code, True), caught.value
    assert caught.value.next


def test_images_have_to_be_named(folder):
    with pytest.raises(UsageError, match=r"on which images\?"):
        given(folder, "torchvision:resnet18", images=False)


def test_a_file_without_a_spec_says_which_key(folder):
    with pytest.raises(UsageError, match=r"no metadata 'concord\.preprocess'") as caught:
        given(folder, str(save(folder / "other.onnx")))
    assert "--preset" in caught.value.next


def save(path: Path, **changes: object) -> Path:
    path.parent.mkdir(exist_ok=True)
    onnx.save(model(**changes), path)
    return path


def test_a_reference_and_files_of_one_name_are_different_models(folder):
    other = save(folder / "other" / "theirs.onnx", metadata=OWN)
    theirs = save(folder / "theirs.onnx", classes=4)
    subject, matrix = prepared(folder, [theirs], other)
    assert matrix.defaults.variant == ("theirs",)
    assert matrix.defaults.runtime == ("ort-python", "ort-rust")
    assert subject.model("eager") != subject.model("theirs")
    copies = [onnx.load(subject.model(name)) for name in ("eager", "theirs")]
    assert [{entry.key: entry.value for entry in copy.metadata_props} for copy in copies] == [
        {**{entry.key: entry.value for entry in copies[0].metadata_props}, **OWN}
    ] * 2


@pytest.mark.parametrize(
    ("names", "more", "said"),
    [
        (("eager",), (), "a file cannot be called 'eager'"),
        (("model (1)",), (), r"a file cannot be called 'model \(1\)'"),
        (("one", "folder/one"), (), "two files are called 'one'"),
        (("one",), ("--preset", "DEFAULT"), "--preset and --weights go with --reference torchvision:NAME"),
        (("one",), ("--weights", "DEFAULT"), "--preset and --weights go with --reference torchvision:NAME"),
    ],
)
def test_what_would_compare_a_file_with_itself_or_be_ignored_is_refused(folder, names, more, said):
    files = [save(folder / f"{name}.onnx", metadata=OWN) for name in names]
    with pytest.raises(UsageError, match=said) as caught:
        prepared(folder, files, save(folder / "reference.onnx", metadata=OWN), *more)
    assert caught.value.next
