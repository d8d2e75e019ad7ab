"""Single images with everybody's first label, put as shortly as they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from bench.report import words
from bench.results import Results, Said, Sample


@dataclass(frozen=True)
class Picture:
    """`tone`: good where all say the data set's label, bad where somebody says another than the reference, open else."""

    path: str
    truth: str
    jpeg: str
    lines: tuple[str, ...]
    tone: str


@dataclass(frozen=True)
class Gallery:
    """Pictures of one backbone."""

    title: str
    pictures: tuple[Picture, ...]


def galleries(results: Results) -> list[Gallery]:
    """One for each backbone and provider, in the run's order."""

    def place(sample: Sample) -> tuple[str, str, str]:
        return sample.dataset, sample.backbone, sample.provider

    return [
        Gallery(f"Images and what is said of them: {words.backbone(results, key[0], key[1])} on {key[2]}", tuple(map(_picture, of)))
        for key, of in groupby(results.samples, key=place)
    ]


def _picture(sample: Sample) -> Picture:
    labels = list(dict.fromkeys(each.label for each in sample.said))
    lines = tuple(_line([each for each in sample.said if each.label == label], len(labels) == 1) for label in labels)
    right = len(labels) == 1 and sample.truth in (None, labels[0])
    tone = "bad" if len(labels) > 1 else "good" if right else "open"
    return Picture(sample.path, "" if sample.truth is None else sample.truth, sample.picture, lines, tone)


def _line(said: Sequence[Said], alone: bool) -> str:
    low, high = (pick(each.share for each in said) for pick in (min, max))
    share = f"{100 * low:.1f} %" if high - low < 0.0005 else f"{100 * low:.1f} to {100 * high:.1f} %"
    who = f"all {len(said)}" if alone else ", ".join(f"{each.runtime} {each.variant}" for each in said)
    return f"{who}: {said[0].label}, {share}"
