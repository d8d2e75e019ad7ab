"""`python -m train [options]` trains what is not current; `python -m train serve` is the torch-eager runner.

`python -m train reference` writes a torchvision model with given weights for it; `python -m train look` draws images and first labels.
"""

# PYTHON_ARGCOMPLETE_OK: argcomplete's shell code looks for this word before it runs a program for completions.
from __future__ import annotations

import sys

from contract import options
from contract.errors import run_step


def main() -> int:
    """Train, or serve."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["serve"]:
        from train.serve import runner  # noqa: PLC0415 - each way loads only what it needs

        return runner.main(arguments[1:])
    if arguments[:1] == ["reference"]:
        from train import reference  # noqa: PLC0415

        return reference.main(arguments[1:])
    looking = arguments[:1] == ["look"]
    about = "What the model is shown, and its first labels before and after." if looking else "Fine-tune backbones: images -> checkpoint."
    parsed, _ = options.parse(options.parser("train look" if looking else "train", about), arguments[looking:])
    matrix = options.select(parsed)
    if looking:
        from train.look import look  # noqa: PLC0415

        return look(parsed, matrix)
    # torch takes seconds to import: not for --help, and not for a misspelt option.
    from train.step import train  # noqa: PLC0415

    return train(parsed, matrix)


if __name__ == "__main__":
    run_step(main)
