"""python -m bench COMMAND [options]: parity, measuring, reports, and what proves them."""

# PYTHON_ARGCOMPLETE_OK: argcomplete's shell code looks for this word before it runs a program for completions.
from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bench import completion as completing
from bench import offered, trial_options
from contract import completion, strict
from contract import options as shared
from contract.errors import ConcordError, UsageError, nearest, run_step
from contract.layout import CHECKOUT
from contract.options import Options

if TYPE_CHECKING:
    from bench.results import Results


def main() -> int:
    """Pick the command and run it; returns the exit code."""
    if completion.asked():
        completion.offer(all_commands())
    arguments = sys.argv[1:]
    name = arguments[0] if arguments and not arguments[0].startswith("-") else None
    if name is None and (not arguments or {"-h", "--help"} & set(arguments)):
        print(usage())
        return 0 if arguments else UsageError.exit_code
    if name is None:
        behind = next((word for word in arguments if word in COMMANDS or word in TOOLS), "COMMAND")
        raise UsageError(
            f"'{arguments[0]}' stands where a command is needed",
            where="python -m bench",
            next=f"python -m bench {behind} [options]; python -m bench --help lists the commands",
        )
    if name in TOOLS:
        return TOOLS[name][0](arguments[1:])
    if name not in COMMANDS:
        raise UsageError(
            f"unknown command '{name}'; {nearest(name, [*COMMANDS, *TOOLS])}", where="python -m bench", next="python -m bench --help"
        )
    options, raw = shared.parse(parser_of(name), arguments[1:])
    return COMMANDS[name][0](options, raw)


def parser_of(name: str) -> argparse.ArgumentParser:
    """The shared options, and those of one command."""
    command, about = COMMANDS[name]
    parser = shared.parser(f"python -m bench {name}", about)
    parser.add_argument_group("bench").add_argument(
        "--input-shape", metavar="CxHxW", help="of an --onnx file whose input has dynamic dimensions beside the batch"
    )
    if command is parity:
        given = parser.add_argument_group("parity of --onnx files, which Concord did not export, on the images of --images DIR")
        given.add_argument("--reference", metavar="R", help="torchvision:NAME (with --weights file:F), or an ONNX file")
        given.add_argument("--spec", metavar="FILE", help="the preprocess spec as JSON, for files that carry none")
        given.add_argument("--output", metavar="NAME", help="the output that holds the logits, where there are several")
    if command in (run, parity):
        trial_options.add_run(parser)
    if command is report:
        of = parser.add_argument_group("report")
        named = of.add_argument(
            "runs", nargs="*", metavar="RUN", help="a folder, or a name below reports/ (default: latest); two are compared"
        )
        completion.complete(named, completion.runs)
        cells = of.add_argument(
            "--explain",
            nargs=2,
            metavar="CELL",
            help="why two cells of that run differ: time per operator kind, and the dearest nodes (backbone/variant/runtime/scenario)",
        )
        completion.complete(cells, offered.cells)
    if command is faults:
        trial_options.add_faults(parser)
    if command is selftest:
        trial_options.add_selftest(parser)
    if command is split:
        parser.add_argument_group("split").add_argument("--write", action="store_true", help="write the tables into METHODOLOGY.md")
    if command is verify:
        named = parser.add_argument("run", nargs="?", metavar="RUN", help="a folder, or a name below reports/ (default: latest)")
        completion.complete(named, completion.runs)
    return parser


def all_commands() -> argparse.ArgumentParser:
    """Every command with its options, as a shell wants to know them."""
    from bench.fuzz import command as fuzzing  # noqa: PLC0415
    from bench.overhead import command as counting  # noqa: PLC0415

    made = argparse.ArgumentParser(prog="python -m bench")
    verbs = made.add_subparsers()
    own = {"overhead": counting.parser, "fuzz": fuzzing.parser, "completion": completing.parser}
    for name, (_, about) in (*COMMANDS.items(), *TOOLS.items()):
        verbs.add_parser(name, help=about, add_help=False, parents=[own[name]() if name in own else parser_of(name)])
    return made


def run(options: Options, raw: argparse.Namespace) -> int:
    """Parity, measuring, report."""
    # Imported here, because scipy and numpy cost a second that --help need not wait for.
    from bench import foreign  # noqa: PLC0415
    from bench import run as runs  # noqa: PLC0415

    trial_options.need_no_resume(options, raw)
    return judged(
        options,
        "run",
        lambda: foreign.measure_files(options, raw.input_shape) if options.onnx else runs.run(options, measuring=True, resume=raw.resume),
    )


def parity(options: Options, raw: argparse.Namespace) -> int:
    """Parity and its report."""
    from bench import run as runs  # noqa: PLC0415
    from bench.given import gate  # noqa: PLC0415

    trial_options.need_no_resume(options, raw)
    return judged(
        options,
        "parity",
        lambda: gate.run(options, raw) if options.onnx else runs.run(options, measuring=False, resume=raw.resume),
    )


def judged(options: Options, command: str, judge: Callable[[], tuple[Results, Path]]) -> int:
    """Run what judges, tell the page of a CI service's step, print the tables."""
    from bench.report import step_summary  # noqa: PLC0415

    try:
        results, folder = judge()
    except ConcordError as error:
        step_summary.add_error(error, command)
        raise
    except KeyboardInterrupt:
        step_summary.add_interruption(command)
        raise
    step_summary.add(results, command)
    return finish(options, results, folder, results.exit_code)


def blame(options: Options, _raw: argparse.Namespace) -> int:
    """Where the model first differs."""
    from bench.blame import command  # noqa: PLC0415

    return command.run(options)


def faults(options: Options, raw: argparse.Namespace) -> int:
    """The gate on trial."""
    from bench import document  # noqa: PLC0415
    from bench.faults import run as trials  # noqa: PLC0415
    from bench.faults import table  # noqa: PLC0415

    code, folder = trials.run(options, raw)
    if raw.write:
        table.write((folder / "faults.md").read_text(encoding="utf-8"), CHECKOUT / "METHODOLOGY.md")
    document.show(folder / "faults.md", as_json=options.output_json)
    return code


def selftest(options: Options, raw: argparse.Namespace) -> int:
    """The measuring on trial."""
    from bench.selftest import command  # noqa: PLC0415

    return command.run(options, raw)


def split(options: Options, raw: argparse.Namespace) -> int:
    """Python against Rust, step by step."""
    from bench.split import command  # noqa: PLC0415

    return command.run(options, raw)


def report(options: Options, raw: argparse.Namespace) -> int:
    """Tables from a stored run, why two of its cells differ, or two runs beside each other."""
    if len(raw.runs) > 2 or (raw.explain and len(raw.runs) > 1):
        raise UsageError(
            f"{len(raw.runs)} runs are given", where="bench report", next="one to report on, or two to compare; one to --explain"
        )
    if len(raw.runs) == 2:
        from bench.across import command as across  # noqa: PLC0415

        return across.run(raw.runs[0], raw.runs[1], options.reports, as_json=options.output_json)
    named = raw.runs[0] if raw.runs else None
    if raw.explain:
        from bench.explain import command  # noqa: PLC0415
        from bench.report.stored import open_run  # noqa: PLC0415

        return command.run(options, raw.explain[0], raw.explain[1], open_run(named, options.reports)[1])
    from bench.report import anew  # noqa: PLC0415

    return finish(options, *anew.write(named, options.reports), 0)


def verify(options: Options, raw: argparse.Namespace) -> int:
    """Every printed number from the raw measurements."""
    from bench.evidence import verify as evidence  # noqa: PLC0415
    from bench.report.stored import open_run  # noqa: PLC0415

    return evidence.verify(open_run(raw.run, options.reports)[1], as_json=options.output_json)


def cells(options: Options, _raw: argparse.Namespace) -> int:
    """What a run would measure."""
    from bench.cells import show  # noqa: PLC0415

    return show(options)


def build(options: Options, _raw: argparse.Namespace) -> int:
    """The Rust binary."""
    from bench.build import build as cargo_build  # noqa: PLC0415

    binary = cargo_build()
    print(strict.pretty({"binary": str(binary)}) if options.output_json else binary, end="" if options.output_json else "\n")
    return 0


def doctor(options: Options, _raw: argparse.Namespace) -> int:
    """What the machine has and lacks."""
    from bench.doctor import examine  # noqa: PLC0415

    return examine(options)


def fuzz(arguments: list[str]) -> int:
    """Pillow against infer_rs."""
    from bench.fuzz import command  # noqa: PLC0415

    return command.main(arguments)


def overhead(arguments: list[str]) -> int:
    """A model of one Relu."""
    from bench.overhead import command  # noqa: PLC0415

    return command.main(arguments)


def preprocess_speed(options: Options, _raw: argparse.Namespace) -> int:
    """From file to tensor in all runtimes."""
    from bench import preprocess_speed as speed  # noqa: PLC0415

    return speed.main(options)


def finish(options: Options, results: Results, folder: Path, code: int) -> int:
    """Print the tables, and the report's path as the last line; with --json the results instead of the path."""
    # Imported here: --help need not wait for rich, and doctor is asked where it is missing.
    from bench.report import terminal  # noqa: PLC0415

    terminal.report(results, folder)
    if options.output_json:
        print((folder / "results.json").read_text(encoding="utf-8"), end="")
        return code
    latest = folder.parent / "latest"
    print(f"{latest}/index.html" if latest.resolve() == folder.resolve() else folder / "index.html")
    return code


def usage() -> str:
    """One line a command."""
    lines = [f"  {name:<16} {about}" for name, (_, about) in (*COMMANDS.items(), *TOOLS.items())]
    return "\n".join(["usage: python -m bench COMMAND [options]", "", *lines, "", "python -m bench COMMAND --help lists the options"])


COMMANDS: dict[str, tuple[Callable[[Options, argparse.Namespace], int], str]] = {
    "run": (run, "check parity, measure what passed, write a report (--onnx FILE: measure a model that Concord did not make)"),
    "parity": (parity, "check parity only; exit 0 agrees, 1 differs, 2 nothing judged, 3 environment, 4 bad data"),
    "blame": (blame, "say where in the chain, and at which node of a file, each variant first differs from PyTorch"),
    "faults": (faults, "put the gate on trial: seeded faults that it must catch, and clean runs that it must pass (nox -s faults)"),
    "selftest": (selftest, "put the measuring on trial: equal programs, and slowed ones that it must find (nox -s selftest)"),
    "split": (split, "split the difference between Python and Rust on one ONNX file into steps, and say what remains"),
    "report": (
        report,
        "write the tables of a run (the latest) anew from its results.json, compare it with a second, or --explain two of its cells",
    ),
    "list": (cells, "print the cells that a run with the same options takes, and the holes with their reasons (-k EXPR, --json)"),
    "verify": (verify, "recompute every number of a run from its raw measurements; exit 1 names those that differ"),
    "build": (build, "build the Rust binary"),
    "preprocess-speed": (preprocess_speed, "compare how fast the runtimes turn a JPEG file into a tensor (needs nox -s train export)"),
    "doctor": (doctor, "say what this machine has and lacks, each row with the line that cures it"),
}
# With options of their own: neither matrix.toml nor a run has to do with them.
TOOLS: dict[str, tuple[Callable[[list[str]], int], str]] = {
    "overhead": (overhead, "what Python and Rust add around a model, and what the stopwatch adds, on a model of one Relu"),
    "fuzz": (fuzz, "damaged image files to Pillow and to infer_rs; exit 1 when they disagree about one"),
    "completion": (completing.main, "print the shell code by which Tab completes the options of all steps (bash, zsh or fish)"),
}


if __name__ == "__main__":
    run_step(main, again="the same command begins anew")
