"""python -m bench fuzz: damaged files to Pillow and to infer_rs; exit 1 when they disagree about one."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.runtimes import ort_rust
from contract import strict
from contract.errors import EnvironmentFault, JudgedBad, Stopped, UsageError
from contract.layout import CHECKOUT
from contract.machine import usable_threads
from contract.options import Parser, user_path
from contract.pictures import FORMATS

if TYPE_CHECKING:
    from bench.fuzz import campaign

OUTCOMES = ("equal", "both refuse", "disagree")
# A shard reports when it is done: the default count has twenty of them.
SHARD = 1_000
# So often a line says how far it is.
LINES = 10


@dataclass(frozen=True)
class Counted:
    """What --json prints: counts by format and outcome, and of each file on which they disagree both answers."""

    seed: int
    files: int
    counts: dict[str, dict[str, int]]
    disagreements: tuple[dict[str, str], ...]


def main(arguments: list[str]) -> int:
    """Run the command; with --json the counts as data. Raises JudgedBad on a disagreement, EnvironmentFault where no binary is built."""
    asked = parser().parse_args(arguments)
    if min(asked.count, asked.jobs) < 1:
        raise UsageError("--count and --jobs must be at least 1", where="python -m bench fuzz", next="raise it, or leave it out")
    if not ort_rust.BINARY.is_file():
        raise EnvironmentFault("the Rust binary is not built", where=str(ort_rust.BINARY.relative_to(CHECKOUT)), next="nox -s build")
    forms = (asked.format.upper(),) if asked.format else FORMATS
    began = time.monotonic()
    try:
        found = in_parallel(asked.seed, asked.count, forms, asked.jobs, user_path(asked.out))
    except KeyboardInterrupt as stop:
        kept = f"files on which they disagree, if any were found, are in {asked.out}"
        raise Stopped(f"{kept}; the same command makes the same files anew, another --seed others") from stop
    told = f"{table(found, forms)}\n{asked.count:,} files, seed {asked.seed}, {time.monotonic() - began:.0f} s"
    print(told, file=sys.stderr if asked.output_json else sys.stdout)
    if asked.output_json:
        print(strict.pretty(counted(found, asked.seed, asked.count, forms)), end="")
    if found.disagreements:
        shown = "\n".join(f"  {each['file']}: Pillow {each['pillow']}; infer_rs {each['infer_rs']}" for each in found.disagreements[:20])
        said = f"{len(found.disagreements)} disagreements:\n{shown}"
        raise JudgedBad(said, where="fuzz", next=f"the files are in {asked.out}", answered=True)
    return 0


def parser() -> Parser:
    """Its own options."""
    made = Parser(prog="python -m bench fuzz", description=__doc__)
    made.add_argument(
        "--seed",
        type=int,
        default=0,
        help="the same seed makes the same files; what is stopped begins anew, so cut a long campaign into several seeds",
    )
    made.add_argument("--count", type=int, default=20_000, help="how many files (default: 20000)")
    made.add_argument("--format", choices=[name.lower() for name in FORMATS], help="of one format only")
    made.add_argument("--jobs", type=int, default=usable_threads(), help="processes, each with a Pillow and an infer-rs of its own")
    made.add_argument("--json", action="store_true", dest="output_json", help="print the counts and disagreements as JSON")
    made.add_argument("--out", default=str(CHECKOUT / "reports" / "fuzz"), metavar="DIR", help="for files on which they disagree")
    return made


def in_parallel(seed: int, count: int, forms: tuple[str, ...], jobs: int, out: Path) -> campaign.Found:
    """All shards, `jobs` at a time; what is found does not depend on their number."""
    # Pillow and rich, which --help need not wait for.
    from bench.fuzz import campaign  # noqa: PLC0415
    from bench.progress import Steps  # noqa: PLC0415

    found = campaign.Found()
    shards = -(-count // SHARD)
    with ProcessPoolExecutor(jobs) as pool:
        # Before the live line is there: a process is forked here, and must not be while another thread writes.
        tasks = [pool.submit(one_shard, seed, count, forms, shard, shards, out) for shard in range(shards)]
        with Steps(shards) as progress:
            progress.part(f"{count:,} files")
            for done, task in enumerate(as_completed(tasks), 1):
                found.add(task.result())
                progress.step()
                if done * LINES // shards > (done - 1) * LINES // shards:
                    progress.part(f"{done * count // shards:,} of {count:,} files, {len(found.disagreements)} disagreements")
    return found


def one_shard(seed: int, count: int, forms: tuple[str, ...], shard: int, shards: int, out: Path) -> campaign.Found:
    """What a process of the pool does."""
    from bench.fuzz import campaign  # noqa: PLC0415

    return campaign.run(campaign.cases(seed, count, forms, shard, shards), [str(ort_rust.BINARY), "decode", "-"], out)


def counted(found: campaign.Found, seed: int, count: int, forms: tuple[str, ...]) -> Counted:
    """What was found, as data."""
    counts = {form: {outcome: found.counts[form, outcome] for outcome in OUTCOMES} for form in forms}
    return Counted(seed, count, counts, tuple(found.disagreements))


def table(found: campaign.Found, forms: tuple[str, ...]) -> str:
    """Counts by format."""
    rows = [f"{'format':<8}" + "".join(f"{outcome:>13}" for outcome in OUTCOMES)]
    rows += [f"{form:<8}" + "".join(f"{found.counts[form, outcome]:>13,}" for outcome in OUTCOMES) for form in forms]
    return "\n".join([*rows, f"{'all':<8}" + "".join(f"{sum(found.counts[form, outcome] for form in forms):>13,}" for outcome in OUTCOMES)])
