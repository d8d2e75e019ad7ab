"""Options of the commands that take long enough to be stopped and gone on with: run and parity, and the trials, faults and selftest."""

from __future__ import annotations

import argparse

from bench import offered
from contract import completion, layout
from contract.errors import UsageError
from contract.options import Options


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


def add_run(parser: argparse.ArgumentParser) -> None:
    """Those of bench run and parity."""
    _add_resume(
        parser.add_argument_group("going on"),
        layout.RESULTS,
        "take over the parity that a stopped run had judged, where options, files, programs and machine are the same; times are taken anew",
    )


def need_no_resume(options: Options, raw: argparse.Namespace) -> None:
    """Raise UsageError for --resume beside --onnx."""
    if options.onnx and raw.resume is not None:
        raise UsageError("--onnx files are judged anew", where="--resume", next="leave it out")


def _add_common(trial: argparse._ArgumentGroup, file: str) -> None:
    trial.add_argument("--write", action="store_true", help="write the table into METHODOLOGY.md")
    _add_resume(trial, file, "go on with one that was stopped, with the options that it had")


def _add_resume(group: argparse._ArgumentGroup, file: str, about: str) -> None:
    again = group.add_argument(
        "--resume",
        nargs="?",
        const="",
        metavar="RUN",
        help=f"{about}: a folder, or a name below reports/ (default: the newest that is unfinished)",
    )
    completion.complete(again, completion.holding(file))
