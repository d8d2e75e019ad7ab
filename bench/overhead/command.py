"""python -m bench overhead: what Python and Rust add around ONNX Runtime's bare call, and what a stopwatch adds, on a model of one Relu."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench.overhead.programs import Amount
from contract.errors import DataError, UsageError
from contract.layout import CHECKOUT
from contract.options import Parser, user_path

if TYPE_CHECKING:
    from bench.results import Results

# Blocks are short, so that most of them end before the system gives the core to somebody else; many make their median steady.
FULL, QUICK = Amount(processes=10, blocks=1000, calls=50), Amount(processes=4, blocks=200, calls=50)


def main(arguments: list[str]) -> int:
    """Count, judge, print and write. Raises EnvironmentFault where a program is missing or fails."""
    asked = parser().parse_args(arguments)
    usual = QUICK if asked.quick else FULL
    amount = Amount(asked.processes or usual.processes, asked.blocks or usual.blocks, asked.calls or usual.calls)
    if min(amount.processes, amount.blocks, amount.calls) < 1:
        raise UsageError(
            "--processes, --blocks and --calls must be at least 1", where="python -m bench overhead", next="raise it, or leave it out"
        )
    return _run(amount, asked.seed, user_path(asked.run), user_path(asked.out), as_json=asked.output_json, publish=asked.write)


def parser() -> Parser:
    """Its own options."""
    made = Parser(prog="python -m bench overhead", description=__doc__)
    made.add_argument("--quick", action="store_true", help="a few seconds instead of about a minute: wide intervals")
    made.add_argument("--processes", type=int, metavar="N", help=f"of each program (default: {FULL.processes})")
    made.add_argument("--blocks", type=int, metavar="N", help=f"of each way in a process (default: {FULL.blocks})")
    made.add_argument("--calls", type=int, metavar="N", help=f"in a block (default: {FULL.calls})")
    made.add_argument("--seed", type=int, default=0, help="of the orders (default: 0)")
    made.add_argument("--json", action="store_true", dest="output_json", help="print overhead.json instead of a path")
    made.add_argument("--write", action="store_true", help="put the tables into METHODOLOGY.md")
    made.add_argument("--run", default=str(CHECKOUT / "reports" / "latest"), metavar="DIR", help="the run whose latencies shares are of")
    made.add_argument("--out", default=str(CHECKOUT / "reports" / "overhead"), metavar="DIR", help="for overhead.md and overhead.json")
    return made


def _latest(folder: Path) -> tuple[Results | None, str]:
    """The run, or why there is none: what a runtime adds can be counted without one."""
    from bench.report import write  # noqa: PLC0415

    try:
        return write.load(folder), ""
    except DataError as fault:
        # Without the path: the text may be published.
        return None, f"No shares: {fault.what}"


def _run(amount: Amount, seed: int, run: Path, out: Path, *, as_json: bool, publish: bool) -> int:
    # Imported here, because onnx and scipy cost a second that --help need not wait for.
    from bench import document, environment  # noqa: PLC0415
    from bench.overhead import judge, null_model, programs, table  # noqa: PLC0415
    from bench.progress import Steps  # noqa: PLC0415
    from bench.report import terminal  # noqa: PLC0415
    from bench.report.table import to_markdown  # noqa: PLC0415
    from contract import artifact, strict  # noqa: PLC0415

    latest, why_not = _latest(run)
    with tempfile.TemporaryDirectory(prefix="concord-") as folder:
        model = Path(folder) / "null.onnx"
        null_model.write(model)
        commands = programs.commands(model)
        with Steps(amount.processes * len(commands)) as progress:
            counts = programs.count(commands, amount, seed, progress.part, progress.step)
    judged = judge.judge(counts)
    made = table.tables(counts, judged, latest, why_not)
    out.mkdir(parents=True, exist_ok=True)
    text = "\n".join(map(to_markdown, made))
    artifact.write_text(out / "overhead.md", text)
    told = strict.dumps({"machine": environment.describe(), "judged": judged, "counts": counts}) + "\n"
    artifact.write_text(out / "overhead.json", told)
    if publish:
        machine = environment.describe()
        about = f"python -m bench overhead: {datetime.now(tz=UTC):%Y-%m-%d}, {machine.cpu}, {machine.system}"
        document.replace_between(CHECKOUT / "METHODOLOGY.md", table.BEGIN, table.END, f"{text}\n{about}\n")
    terminal.show(made, terminal.stderr())
    print(told if as_json else out / "overhead.md", end="" if as_json else "\n")
    return 0
