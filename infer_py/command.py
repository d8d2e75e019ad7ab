"""The command line: `predict`, `info` and `overhead`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import median
from typing import Any

from contract import completion, strict
from contract.errors import GOOD, DataError, UsageError
from contract.machine import usable_threads
from contract.options import Parser, user_path


def main(argv: list[str]) -> int:
    """Parse, then import what is heavy."""
    asked = completion.parse(_parser(), argv)
    if min(asked.threads, *(getattr(asked, name, 1) for name in ("top", "calls", "blocks"))) < 1:
        raise UsageError("--threads, --top, --calls and --blocks must be at least 1", where="infer_py", next="raise it, or leave it out")
    run: Callable[[Any], int] = {"predict": _predict, "info": _info, "overhead": _overhead}[asked.verb]
    return run(asked)


def _parser() -> argparse.ArgumentParser:
    made = Parser(prog="python -m infer_py", description="Run an ONNX file that describes itself, without torch.")
    verbs = made.add_subparsers(dest="verb", required=True, metavar="predict | info | overhead | serve")
    predict = verbs.add_parser("predict", help="the likeliest classes of images")
    info = verbs.add_parser("info", help="what the model file says of itself")
    overhead = verbs.add_parser("overhead", help="time the ways of calling one session, in blocks of calls")
    verbs.add_parser("serve", help="speak the runner protocol on stdin and stdout (bench/PROTOCOL.md); takes no options")
    for verb in (predict, info, overhead):
        verb.add_argument("model", metavar="MODEL", help="an .onnx file")
        verb.add_argument("--json", action="store_true", dest="as_json", help="print JSON")
        verb.add_argument("--provider", choices=["cpu", "cuda"], default="cpu", help="default: cpu")
        verb.add_argument("--threads", type=int, default=usable_threads(), metavar="N", help="default: what this process may use")
    predict.add_argument("images", nargs="+", metavar="IMAGE", help="JPEG, PNG, WebP, BMP or GIF files")
    predict.add_argument("--top", type=int, default=5, metavar="K", help="so many classes per image (default: 5)")
    predict.add_argument("--plot", metavar="PNG", help="draw the images with their classes as bars into this file, too")
    predict.add_argument("--font", metavar="FILE", help="a .ttf or .otf font for --plot: Pillow's own has hardly a sign beyond ASCII")
    overhead.add_argument("--calls", type=int, default=50, metavar="N", help="calls in a block (default: 50)")
    overhead.add_argument("--blocks", type=int, default=1000, metavar="B", help="blocks of each way (default: 1000)")
    overhead.add_argument("--seed", type=int, default=0, metavar="S", help="of the order in which the ways take turns (default: 0)")
    return made


def _predict(asked: Any) -> int:
    from infer_py import answer, loading, plot, table  # noqa: PLC0415
    from infer_py.preprocess import opened, preprocess  # noqa: PLC0415

    if asked.font and not asked.plot:
        raise UsageError("--font is the font of a picture", where="predict", next="add --plot FILE.png")
    picture = user_path(asked.plot) if asked.plot else None
    letters = plot.font(user_path(asked.font) if asked.font else None) if picture else None
    if picture:
        plot.check(picture, [user_path(name) for name in (asked.model, *asked.images)], asked.top)
    loaded = loading.load(user_path(asked.model), asked.provider, {"threads": asked.threads})
    spec = loaded.spec
    found: list[tuple[str, list[answer.Guess]]] = []
    refused: list[tuple[str, DataError]] = []
    shown: list[plot.Shown] = []
    for name in table.counted(asked.images):
        try:
            images = preprocess(user_path(name), spec)[None]
            loaded.check(images, 1)
            guesses = answer.top(loaded.logits(images)[0], asked.top, loaded.card.labels)
            found.append((name, guesses))
            if picture:
                shown.append(plot.Shown(name, plot.thumbnail(opened(user_path(name), spec)), guesses))
        except DataError as fault:
            # One bad image does not cost the answers for the others.
            refused.append((name, fault))
    if picture and letters and shown:
        plot.write(picture, shown, letters)
    # After all else that can fail: with --json one document is printed, the answers or the error.
    print(table.as_json(asked.model, found, refused) if asked.as_json else table.as_text(found))
    if refused:
        said = ["some images were refused:", *(f"  {fault}" for _, fault in refused)][len(refused) < 2 :]
        raise DataError("\n".join(said).strip(), answered=True)
    return GOOD


def _info(asked: Any) -> int:
    from infer_py import loading, model, table  # noqa: PLC0415

    loaded = loading.load(user_path(asked.model), asked.provider, {"threads": asked.threads})
    file = loaded.file
    facts: dict[str, object] = {
        "model": str(file.path),
        "sha256": file.sha256,
        "bytes": file.bytes,
        "producer": file.producer,
        "opset": {domain or "ai.onnx": version for domain, version in sorted(file.opsets.items())},
        "inputs": model.described(loaded.session.get_inputs()),
        "outputs": model.described(loaded.session.get_outputs()),
        "nodes": dict(sorted(file.operators.items())),
        "card": loaded.card,
    }
    print(strict.pretty(facts).rstrip() if asked.as_json else table.facts(strict.plain(facts)))
    return GOOD


def _overhead(asked: Any) -> int:
    from infer_py import loading, overhead, table  # noqa: PLC0415

    loaded = loading.load(user_path(asked.model), asked.provider, {"threads": asked.threads}, record=True)
    counted = overhead.count(loaded, asked.calls, asked.blocks, asked.seed)
    middle = {way: f"{median(blocks) / counted.calls:.1f} ns a call" for way, blocks in counted.ways.items()}
    print(strict.dumps(counted) if asked.as_json else table.facts(middle))
    return GOOD
