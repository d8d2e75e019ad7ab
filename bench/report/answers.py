"""The three questions of the first screen, answered from the results: does it agree, which runtime is fastest, did a variant matter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from bench.measure.pairs import BASE_RUNTIME, BASE_VARIANT
from bench.report import words
from bench.results import Contrast, Interval, Results

# `open`: nothing was judged, or it cannot be told.
Tone = Literal["good", "bad", "open"]


@dataclass(frozen=True)
class Answer:
    """A question, its answer in a few words, what stands behind it, and `by`: how much, in one line for all of it."""

    question: str
    short: str
    tone: Tone
    lines: tuple[str, ...]
    by: str = ""


def all_answers(results: Results) -> list[Answer]:
    """In reading order."""
    return [agrees(results), fastest(results), matters(results)]


def agrees(results: Results) -> Answer:
    """Parity: how many rows agree, and for each backbone the weakest claim that its images support."""
    question = "Does it still say the same?"
    rows = results.parity
    if not rows:
        return Answer(question, "not judged", "open", ("There was no reference to compare with, or nothing could be compared.",))
    failed = sum(row.judged and not row.passed for row in rows)
    lost = sum(not row.judged for row in rows)
    lines = []
    for (dataset, backbone), group in groupby(rows, key=lambda row: (row.dataset, row.backbone)):
        judged = [row for row in group if row.judged]
        name = words.backbone(results, dataset, backbone)
        if not judged:
            lines.append(f"{name}: nothing could be judged")
            continue
        worst = max(judged, key=lambda row: row.bound)
        lines.append(f"{name}: {words.claim(worst.flips + worst.near_tie_flips, worst.images, worst.bound)}")
    short = f"{sum(row.passed for row in rows)} of {len(rows)} agree with {words.reference(results)}"
    return Answer(question, short, "bad" if failed else "open" if lost else "good", tuple(lines))


def fastest(results: Results) -> Answer:
    """Latency of one image: each runtime against ort-python on the same file."""
    question = "Which runtime is fastest?"
    found = [each for each in _of_latency(results) if each.factor == "runtime" and each.cell.batch == 1]
    if not found:
        return Answer(question, "not measured", "open", ("No latency was measured in two runtimes.",))
    lines, first, undecided = [], [], False
    places = _by_place(found)
    for (dataset, backbone, provider), of in places.items():
        left = contenders(of)
        undecided |= len(left) > 1
        first.append("cannot be told yet" if len(left) > len(of) else " or ".join(left))
        where = f"{words.backbone(results, dataset, backbone)}, {of[0].base.variant} on {provider}"
        lines.append(f"{where}: {'; '.join(_against(each) for each in of)}")
    counts = Counter(first)
    many = len(first) > 1
    short = "; ".join(f"{names} ({count} of {len(first)})" if many else names for names, count in counts.most_common())
    return Answer(question, short, "open" if undecided else "good", tuple(lines), _by_how_much(places.values()))


def matters(results: Results) -> Answer:
    """Variants against raw-dynamic: onnxsim, and a batch axis that is fixed."""
    question = "Did onnxsim or a fixed batch change anything?"
    found = [each for each in _of_latency(results) if each.factor == "variant"]
    counts = Counter(each.verdict for each in found if each.verdict)
    simplified = [variant for subject in results.subjects for variant in subject.variants if variant.name.startswith("sim")]
    lines = []
    if simplified:
        same = sum(variant.changed_nothing for variant in simplified)
        lines.append(f"The graph: onnxsim changed nothing in {same} of {len(simplified)} files")
    if counts:
        said = ", ".join(
            f"{counts[verdict]} {verdict}" for verdict in ("faster", "slower", "equivalent", "inconclusive") if counts[verdict]
        )
        lines.append(f"Latency against raw-dynamic: {said}")
    changed = [each for each in found if each.verdict in ("faster", "slower")]
    lines += [
        f"{words.backbone(results, each.cell.dataset, each.cell.backbone)}, {each.cell.variant} in {each.cell.runtime}:"
        f" {words.ratio(each.ratio)} {each.verdict}"
        for each in changed
    ]
    if not lines:
        return Answer(question, "not measured", "open", ("There is one variant only.",))
    undecided = len(found) - sum(counts[verdict] for verdict in ("faster", "slower", "equivalent"))
    short = f"{len(changed)} of {len(found)} variants differ in time" if found else "no time was measured"
    if undecided and not changed:
        # Not "0 differ": that nothing was shown is not that nothing is there.
        short = f"no difference shown; {undecided} of {len(found)} undecided"
    return Answer(question, short, "good" if changed or (found and not undecided) else "open", tuple(lines))


def _of_latency(results: Results) -> list[Contrast]:
    kinds = {cell.cell: cell.kind for cell in results.cells}
    return [each for each in results.contrasts if kinds.get(each.cell) == "latency"]


def contenders(group: Sequence[Contrast]) -> list[str]:
    """The runtimes of which one is the fastest: whoever was shown to be slower than ort-python is none, nor is it where another is faster.

    Two that are faster than ort-python were not compared with each other.
    """
    faster = [each.cell.runtime for each in group if each.verdict == "faster"]
    return faster or [BASE_RUNTIME, *(each.cell.runtime for each in group if each.verdict != "slower")]


def _by_place(found: Sequence[Contrast]) -> dict[tuple[str, str, str], list[Contrast]]:
    """On one file for each backbone and provider: raw-dynamic, where it was measured, for PyTorch is compared with that."""
    places: dict[tuple[str, str, str], list[Contrast]] = {}
    for each in found:
        places.setdefault((each.cell.dataset, each.cell.backbone, each.cell.provider), []).append(each)
    for place, group in places.items():
        variants = [each.base.variant for each in group]
        chosen = BASE_VARIANT if BASE_VARIANT in variants else variants[0]
        places[place] = [each for each in group if each.base.variant == chosen]
    return places


def _by_how_much(places: Iterable[Sequence[Contrast]]) -> str:
    """The ratio of each runtime, or of several places the least and the largest, with what holds all their intervals."""
    ratios: dict[str, list[Interval]] = {}
    for each in (each for of in places for each in of):
        if each.ratio is not None and each.not_comparable is None:
            ratios.setdefault(each.cell.runtime, []).append(each.ratio)
    said = [f"{runtime} {_span(found)}" for runtime, found in ratios.items()]
    return f"Time against {BASE_RUNTIME}: {'; '.join(said)}" if said else ""


def _span(found: Sequence[Interval]) -> str:
    if len(found) == 1:
        return words.ratio(found[0])
    values = [each.value for each in found]
    within = f"[{min(each.low for each in found):.3f}, {max(each.high for each in found):.3f}]"
    return f"{min(values):.3f} to {max(values):.3f}, all within {within}"


def _against(contrast: Contrast) -> str:
    name = contrast.cell.runtime
    if contrast.not_comparable is not None:
        return f"{name} not comparable ({contrast.not_comparable})"
    if contrast.ratio is None:
        return f"{name} was not compared ({contrast.processes} processes are too few)"
    finds = f", finds {words.slowdown(contrast.mde)}" if contrast.verdict == "inconclusive" and contrast.mde is not None else ""
    return f"{name} takes {words.ratio(contrast.ratio)} times as long as {contrast.base.runtime} ({contrast.verdict}{finds})"
