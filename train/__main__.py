"""`python -m train [options]` trains what is not current; `python -m train serve` is the torch-eager runner.

`python -m train reference` writes a torchvision model with given weights for it; `python -m train look` draws images and first labels.
"""

# PYTHON_ARGCOMPLETE_OK: argcomplete's shell code looks for this word before it runs a program for completions.
from __future__ import annotations

import argparse
import sys
from pathlib import Path

from contract import options, strict
from contract.errors import GOOD, UsageError, nearest, run_step
from contract.overrides import need_no_onnx

WORDS = ("look", "reference", "serve")
ABOUT = (
    "Fine-tune backbones: images -> checkpoint. Beside it: `python -m train look` draws images and first labels, `reference` writes a"
    " torchvision model with given weights, `serve` is the torch-eager runner; each has a --help of its own."
)


def main() -> int:
    """Train, or what the first word says. Raises UsageError for a word that says nothing."""
    arguments = sys.argv[1:]
    if arguments and not arguments[0].startswith("-") and arguments[0] not in WORDS:
        raise UsageError(
            f"unknown word '{arguments[0]}'; {nearest(arguments[0], WORDS)}", where="python -m train", next="python -m train --help"
        )
    if arguments[:1] == ["serve"]:
        about = "Answer requests on stdin with PyTorch: the runner protocol of bench/PROTOCOL.md."
        options.Parser(prog="python -m train serve", description=about).parse_args(arguments[1:])
        from train.serve import runner  # noqa: PLC0415 - each way loads only what it needs

        return runner.main()
    if arguments[:1] == ["reference"]:
        of_reference = reference_parser().parse_args(arguments[1:])
        from train import reference  # noqa: PLC0415

        made = reference.write(of_reference)
        if of_reference.output_json:
            print(strict.pretty(made), end="")
        return GOOD
    looking = arguments[:1] == ["look"]
    about = "What the model is shown, and its first labels before and after." if looking else ABOUT
    parsed, _ = options.parse(options.parser("python -m train look" if looking else "python -m train", about), arguments[looking:])
    need_no_onnx(parsed, "train")
    matrix = options.select(parsed)
    if looking:
        from train.look import look  # noqa: PLC0415

        return look(parsed, matrix)
    # torch takes seconds to import: not for --help, and not for a misspelt option.
    from train.step import train  # noqa: PLC0415

    return train(parsed, matrix)


def reference_parser() -> argparse.ArgumentParser:
    """The options of `python -m train reference`."""
    about = "A torchvision model with given weights, as a reference for parity: checkpoint, labels and train.json into --out."
    parser = options.Parser(prog="python -m train reference", description=about)
    parser.add_argument("--backbone", required=True, metavar="NAME")
    parser.add_argument("--weights", required=True, type=options.user_weights, metavar="W", help="file:PATH, or a torchvision weights name")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR")
    parser.add_argument("--preset", metavar="W", help="weights name whose preprocessing is used")
    parser.add_argument("--spec", type=Path, metavar="FILE", help="the preprocess spec, as JSON")
    parser.add_argument("--classes", type=Path, metavar="FILE", help="class names in order, as a JSON list")
    parser.add_argument("--json", action="store_true", dest="output_json", help="print train.json, which is written, too")
    return parser


if __name__ == "__main__":
    run_step(main)
