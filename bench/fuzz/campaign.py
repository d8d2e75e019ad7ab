"""Case after case: damage a file, ask both, count, and keep each file on which they disagree, made small, with both answers."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from bench.fuzz.judge import Answer, Decoder, by_pillow
from bench.fuzz.mutate import mutated
from contract import artifact, strict

BATCH = 32
SUFFIX = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "BMP": "bmp", "GIF": "gif"}
# Where files live in memory: a hundred thousand of them are written and forgotten.
MEMORY = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
TRIES = 400


@dataclass(frozen=True)
class Case:
    """One damaged file: the same for the same seed, format and number, whatever else is run."""

    seed: int
    number: int
    form: str

    def data(self) -> bytes:
        """Its bytes."""
        return mutated(random.Random(f"{self.seed}/{self.form}/{self.number}"), self.form)

    @property
    def name(self) -> str:
        """Of its file."""
        return f"seed{self.seed}-{self.number}.{SUFFIX[self.form]}"


@dataclass
class Found:
    """Counts by format and outcome, and the disagreements."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    disagreements: list[dict[str, str]] = field(default_factory=list)

    def add(self, other: Found) -> None:
        """Take over what another run found."""
        self.counts += other.counts
        self.disagreements += other.disagreements


def cases(seed: int, count: int, forms: Sequence[str], shard: int = 0, shards: int = 1) -> Iterator[Case]:
    """The formats in turn; a shard is every so-manieth case."""
    return (Case(seed, number, forms[number % len(forms)]) for number in range(shard, count, shards))


def run(
    chosen: Iterator[Case],
    command: Sequence[str],
    kept: Path,
    ask: Callable[[Path], Answer] = by_pillow,
    tick: Callable[[int], None] = lambda _: None,
) -> Found:
    """Ask both about every case. `kept`: folder for the files on which they disagree; it is made when there is one."""
    found = Found()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder, Decoder(command) as decoder:
        places = [Path(folder) / str(number) for number in range(BATCH)]
        while batch := list(islice(chosen, BATCH)):
            files = list(zip(batch, places, strict=False))
            for case, path in files:
                path.write_bytes(case.data())
            paths = [path for _, path in files]
            decoder.send(paths)
            expected = [ask(path) for path in paths]
            for (case, path), one, other in zip(files, expected, decoder.answers(paths), strict=True):
                outcome = "disagree" if not one.agrees(other) else "equal" if one.pixels else "both refuse"
                found.counts[case.form, outcome] += 1
                if outcome == "disagree":
                    found.disagreements.append(keep(case, path.read_bytes(), one, other, kept))
                    smaller = shrunk(path, ask, decoder)
                    artifact.write_bytes(kept / f"small-{case.name}", smaller)
            tick(len(batch))
    return found


def keep(case: Case, data: bytes, one: Answer, other: Answer, folder: Path) -> dict[str, str]:
    """Write the file, and both answers beside it."""
    about = {"file": case.name, "pillow": one.text, "infer_rs": other.text}
    folder.mkdir(parents=True, exist_ok=True)
    artifact.write_bytes(folder / case.name, data)
    artifact.write_text(folder / f"{case.name}.json", strict.pretty(about))
    return about


def shrunk(path: Path, ask: Callable[[Path], Answer], decoder: Decoder) -> bytes:
    """The file without all that can be left out while the two still disagree; it is at `path` meanwhile."""
    best, tries = path.read_bytes(), 0
    size = len(best) // 2
    while size:
        at = 0
        while at < len(best) and tries < TRIES:
            path.write_bytes(best[:at] + best[at + size :])
            decoder.send([path])
            tries += 1
            if ask(path).agrees(decoder.answers([path])[0]):
                at += size
            else:
                best = path.read_bytes()
        size //= 2
    return best
