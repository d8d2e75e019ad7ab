"""Blame for a variant that does not say what the reference says: the edge of the chain, then the node."""

from __future__ import annotations

from pathlib import Path

from bench.blame import standing, words
from bench.blame.chain import Case, Chain, End
from bench.blame.found import EAGER_PROGRAM, PROGRAM_RAW, PROGRAM_SIMPLIFIED, PYTHON_RUST, RAW_SIMPLIFIED, Link, ModelBlame, finite
from bench.blame.locate import Ends, Located, Tolerance, locate
from bench.blame.matching import comparable, same_topology
from bench.blame.search import Array
from bench.blame.sides import Side
from bench.blame.weights import weights_differ
from bench.fleet import Fleet
from bench.parity.ask import LOGITS
from contract.manifest import CHECKPOINT


def blame_model(fleet: Fleet, case: Case, work: Path, folder: Path) -> ModelBlame:
    """Ask every link of the chain for one image, blame an edge, and find the node; the reproduction is written into `folder`.

    Raises RunnerError, UsageError and DataError as the gate does.
    """
    weights = weights_differ(case.subject.folder / CHECKPOINT, case.subject.model(case.variant))
    with Chain(fleet, case, work) as chain:
        links = chain.links()
        edge, found, hints = _search(chain, guilty(links), folder, differing=bool(weights))
    return ModelBlame(
        image=chain.image,
        links=tuple(links),
        edge=edge,
        node=found.step.name if found else None,
        op=found.step.op if found else None,
        value=found.value if found else None,
        origin=found.origin if found else None,
        difference=finite(found.difference) if found else None,
        tolerance=finite(found.tolerance) if found else None,
        nodes=found.nodes if found else 0,
        matched=found.matched if found else 0,
        sessions=found.sessions if found else 0,
        weights=weights,
        reproduction=str(found.reproduction) if found and found.reproduction else None,
        said=words.said(edge, links, found, [*hints, *words.of_weights(weights)]),
    )


def guilty(links: list[Link]) -> str | None:
    """The first edge beyond the tolerance; else the first that broke bits it owes: last bits may differ long before anything goes wrong."""
    return next((link.edge for link in links if link.beyond), next((link.edge for link in links if link.differs), None))


def _search(chain: Chain, edge: str | None, folder: Path, *, differing: bool) -> tuple[str | None, Located | None, list[str]]:
    """The edge, which a file in training mode moves to where that came from, the node, and what else is seen in the files.

    `differing`: whether weights of the file are not the checkpoint's.
    """
    ends = chain.ends
    if edge in (PROGRAM_RAW, PROGRAM_SIMPLIFIED):
        after = ends["raw" if edge == PROGRAM_RAW else "simplified"]
        model = chain.model(after.file)
        found = _located(chain, ends["program"], after, chain.program, comparable(model, chain.shapes), chain.noise, folder)
        trained = standing.in_training_mode(model)
        if trained:
            return EAGER_PROGRAM, found, [f"captured in training mode: {len(trained)} nodes of the file say so, '{trained[0]}' first"]
        # Wrong weights explain it already, and to capture another program takes long.
        if not differing and chain.is_captured_in_training(after):
            return EAGER_PROGRAM, found, ["captured in training mode: the file says what such a program says"]
        return edge, found, []
    if edge == RAW_SIMPLIFIED:
        raw, after = ends["raw"], ends["simplified"]
        before, model = chain.model(raw.file), chain.model(after.file)
        tolerance: Tolerance = every_bit if same_topology(before, model) else chain.noise
        found = _located(chain, raw, after, chain.file(raw), _written(chain, raw), tolerance, folder)
        unlike = standing.unlike(model, before, found.value) if found else None
        return edge, found, [unlike] if unlike else []
    if edge == PYTHON_RUST:
        python, after = ends[chain.last_file], ends["rust"]
        tolerance = every_bit if chain.owes_bits(edge, python, after) else chain.noise
        found = _located(chain, python, after, chain.file(python), _written(chain, python), tolerance, None)
        return edge, found, [f"no reproduction is written: a script would run the node in {python.runtime}, which is right"]
    return edge, None, ["no node can be named: the eager model is code, its inner values have no names to compare"] if edge else []


def _located(
    chain: Chain, before: End, after: End, reference: Side, names: set[str], tolerance: Tolerance, folder: Path | None
) -> Located | None:
    ends = Ends({LOGITS: before.logits}, {LOGITS: after.logits})
    return locate(chain.model(after.file), chain.file(after), reference, names, tolerance, ends, chain.tensor, folder)


def _written(chain: Chain, end: End) -> set[str]:
    return {name for node in chain.model(end.file).graph.node for name in node.output}


def every_bit(expected: dict[str, Array]) -> dict[str, float]:
    """The tolerance where every bit is owed."""
    return dict.fromkeys(expected, 0.0)
