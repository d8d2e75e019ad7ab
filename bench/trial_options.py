"""Options of the commands that put Concord itself on trial: faults and selftest."""

from __future__ import annotations

import argparse

from bench import offered
from contract import completion, layout


def add_faults(parser: argparse.ArgumentParser) -> None:
    """Those of bench faults."""
    trial = parser.add_argument_group("faults")
    names = trial.add_argument("--fault", nargs="+", default=[], metavar="NAME", help="only these (default: all)")
    completion.complete(names, offered.faults)
    trial.add_argument("--clean", type=int, default=20, metavar="N", help="clean runs, each on other images (default: 20)")
    _add_common(trial, layout.FAULTS)


def add_selftest(parser: argparse.ArgumentParser) -> None:
    """Those of bench selftest."""
    trial = parser.add_argument_group("selftest")
    trial.add_argument(
        "--trials", type=int, metavar="N", help="pairs of each slow-down (default: 60, and 20 of the largest; 3 with --quick)"
    )
    _add_common(trial, layout.SELFTEST)


def _add_common(trial: argparse._ArgumentGroup, file: str) -> None:
    trial.add_argument("--write", action="store_true", help="write the table into METHODOLOGY.md")
    again = trial.add_argument(
        "--resume",
        nargs="?",
        const="",
        metavar="RUN",
        help="go on with one that was stopped, with the options that it had: a folder, or a name below reports/"
        " (default: the newest that is unfinished)",
    )
    completion.complete(again, completion.holding(file))
