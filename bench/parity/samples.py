"""What a reader sees of the compared images: some of them with everybody's answer, and which classes the reference takes for which."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from bench.looked import Confused, Confusion, Said, Sample
from bench.parity.compare import Answers, Tensors
from bench.parity.reference import Reference
from bench.subject import Subject
from contract.preprocess import PreprocessSpec

# Of each subject: so many images, of which so many may be the reference's own mistakes. 96 pixels are 2-3 kB a picture.
SAMPLES, MISTAKES, PIXELS, QUALITY = 12, 4, 96, 70


def confusion(subject: Subject, reference: Reference, provider: str) -> Confusion | None:
    """Of all compared images; None where the data set does not say what they show."""
    if reference.truth is None:
        return None
    counts = Counter(zip(reference.truth, reference.answers.labels, strict=True))
    occur = {name for pair in counts for name in pair}
    classes = tuple(name for name in subject.train.classes if name in occur)
    found = [Confused(truth, called, counts[truth, called]) for truth in classes for called in classes if counts[truth, called]]
    return Confusion(subject.train.dataset, subject.train.backbone, provider, classes, tuple(found))


def samples(
    subject: Subject, reference: Reference, provider: str, heard: Mapping[tuple[str, str], Answers], runtime: str
) -> tuple[Sample, ...]:
    """Some images with all first labels: first those that are called differently, then mistakes, then as they come.

    `heard`: by runtime and variant, each asked from the image file; `runtime`: the reference's name.
    """
    everybody = {(runtime, "eager"): reference.answers, **heard}
    tensors = np.load(reference.tensors, mmap_mode="r")
    return tuple(
        Sample(
            dataset=subject.train.dataset,
            backbone=subject.train.backbone,
            provider=provider,
            path=Path(reference.paths[index]).name,
            truth=None if reference.truth is None else reference.truth[index],
            picture=base64.b64encode(picture(tensors[index], subject.train.preprocess)).decode(),
            said=tuple(
                Said(name, variant, each.classes[each.top[index]], round(float(each.shares[index]), 4))
                for (name, variant), each in everybody.items()
            ),
        )
        for index in chosen(everybody[runtime, "eager"], list(heard.values()), reference.truth)
    )


def chosen(reference: Answers, others: list[Answers], truth: list[str] | None) -> list[int]:
    """Indices of the images that are shown, each once."""
    every, labels, said = range(len(reference)), reference.labels, [other.labels for other in others]
    differ = [index for index in every if any(each[index] != labels[index] for each in said)]
    wrong = [] if truth is None else [index for index in every if labels[index] != truth[index]]
    surest = sorted(wrong, key=lambda index: -reference.shares[index])[:MISTAKES]
    return list(dict.fromkeys([*differ, *surest, *every]))[:SAMPLES]


def picture(tensor: Tensors, spec: PreprocessSpec) -> bytes:
    """A JPEG file of a normalised tensor (3 x H x W, float32), its normalisation undone, at most 96 pixels wide and high."""
    mean, std = (np.array(values, np.float32)[:, None, None] for values in (spec.mean, spec.std))
    pixels = np.clip(np.rint((tensor * std + mean) * 255), 0, 255).astype(np.uint8).transpose(1, 2, 0)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((PIXELS, PIXELS))
    file = BytesIO()
    image.save(file, "JPEG", quality=QUALITY, optimize=True)
    return file.getvalue()
