"""The subject that faults are put into: its images, some of them with an EXIF orientation, and copies of its folder with one wrong file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import onnx
from PIL import Image

from bench.faults.catalogue import Array, Fault
from bench.faults.models import File
from bench.runtimes import Descriptor, find
from bench.subject import Subject
from contract import artifact
from contract.manifest import ImageEntry

ORIENTATION, TURNS, EACH = 0x0112, (6, 3, 8), 5
SOI = b"\xff\xd8"


def with_orientations(subject: Subject, images: int, seed: int, folder: Path) -> Subject:
    """The subject on copies of its held-out images, every fifth of which states an EXIF orientation; pixels and labels stay.

    Without such images no gate could tell whether a program applies the tag.
    """
    folder.mkdir(parents=True)
    entries = []
    for number, entry in enumerate(subject.held_out(images, seed)):
        data = subject.path(entry).read_bytes()
        if number % EACH == 0 and data.startswith(SOI):
            data = stating(data, TURNS[number // EACH % len(TURNS)])
        copy = folder / f"{number:04}{Path(entry.path).suffix}"
        copy.write_bytes(data)
        entries.append(ImageEntry(copy.name, entry.label, artifact.sha256_bytes(data)))
    return replace(subject, train=replace(subject.train, root=str(folder), split={**subject.train.split, "test": tuple(entries)}))


def stating(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG file with an EXIF segment in front that says how it is turned."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    body = exif.tobytes()
    return SOI + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + jpeg[len(SOI) :]


def with_file(subject: Subject, variant: str, folder: Path, edit: Callable[[onnx.ModelProto], None]) -> Subject:
    """The subject with one ONNX file edited and its manifest told the new hash, in a folder of links to the other files."""
    folder.mkdir(parents=True)
    for path in subject.folder.iterdir():
        if path.is_file():
            (folder / path.name).symlink_to(path)
    entry = next(each for each in subject.export.variants if each.name == variant)
    wrong = folder / entry.file
    wrong.unlink()
    model = onnx.load(subject.folder / entry.file)
    edit(model)
    onnx.save(model, wrong)
    told = replace(entry, sha256=artifact.sha256_file(wrong), bytes=wrong.stat().st_size)
    variants = tuple(told if each is entry else each for each in subject.export.variants)
    return replace(subject, folder=folder, export=replace(subject.export, variants=variants))


def edited(fault: Fault, dose: float, values: Callable[[onnx.ModelProto, str], Array]) -> Callable[[onnx.ModelProto], None]:
    """The edit that a fault of a file makes."""
    return lambda model: fault.apply(File(model, values), dose)


def standing_in(runtime: str, fault: Fault, dose: float, spec: str, log: Path) -> Descriptor:
    """A runner with a fault of an image or of a reply, in the place of a runtime's own; it hands on the true receipt."""
    command = [sys.executable, "-m", "bench.faults.proxy", runtime, fault.name, str(dose), spec, str(log)]
    return Descriptor(runtime, lambda _: command, find(runtime).source)
