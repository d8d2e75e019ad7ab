"""Blame in one sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.blame.found import Link, WeightDiffers
from bench.blame.locate import Located


def said(edge: str | None, links: Sequence[Link], found: Located | None, hints: Iterable[str]) -> str:
    """Which edge, which node, made or inherited, and what else is known."""
    if edge is None:
        ends = ", ".join(f"{link.edge} {_number(link.difference)}" for link in links)
        return "; ".join([f"no edge of the chain differs on this image ({ends})", *hints])
    parts = [f"{edge}: {_node(found)}" if found else f"{edge}: {_link(edge, links)}"]
    return "; ".join([*parts, *hints])


def of_weights(differing: Sequence[WeightDiffers]) -> list[str]:
    """What the hashes say."""
    if not differing:
        return []
    more = f", and {len(differing) - 1} more tensors are not the checkpoint's" if len(differing) > 1 else ""
    return [f"'{differing[0].name}' is not the checkpoint's ({differing[0].why}){more}"]


def _node(found: Located) -> str:
    step = found.step
    which = f"{step.op} '{step.name}' is the first node that differs"
    if len(found.steps) > 1:
        which = f"the first difference is among {len(found.steps)} nodes up to {found.steps[-1].op} '{found.steps[-1].name}'"
    limit = f"tolerated {found.tolerance:.2g}" if found.tolerance else "every bit is owed"
    where = {
        "made": "made there: fed with the reference's inputs it differs, too",
        "inherited": "inherited: fed with the reference's inputs it does not differ",
        None: "its inputs do not differ (it was not run alone)",
    }[found.origin]
    return f"{which} (by {found.difference:.2g} in '{found.value}', {limit}), {where}; {found.sessions} sessions"


def _link(edge: str, links: Sequence[Link]) -> str:
    link = next((link for link in links if link.edge == edge), None)
    if link is None:
        return "the logits differ"
    return f"the logits differ by {_number(link.difference)}, {'every bit is owed' if link.bits else f'tolerated {link.tolerance:.2g}'}"


def _number(gap: float | None) -> str:
    return "more than any number" if gap is None else f"{gap:.2g}"
