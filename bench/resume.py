"""Going on with a trial that was stopped: its folder, what was found, whether that is of what is asked now, and the command for it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from bench import ground
from bench.begin import new_folder
from bench.report.stored import folder_of
from contract import strict
from contract.errors import ENVIRONMENT, ConcordError, DataError, Stopped, UsageError

# Of selftest.json and faults.json.
FORMAT = 1
OPTION = "--resume"
ANEW = f"leave {OPTION} out: a new one begins"
# So many differences are named.
NAMED = 3


class Trial(Protocol):
    """What was found so far."""

    @property
    def finished(self) -> bool:
        """Whether nothing is left to be tried."""


T = TypeVar("T", bound=Trial)


def begun(cls: type[T], file: str, asked: str | None, reports: Path) -> tuple[Path, T | None]:
    """Where a trial is written, and what was found already: a new folder and nothing, unless --resume `asked` for one.

    "" asks for the newest that is unfinished. Raises UsageError where there is none, DataError where it cannot be read.
    """
    if asked is None:
        return new_folder(reports), None
    if asked:
        folder = folder_of(asked, reports, OPTION, file)
        if not (folder / file).is_file():
            raise UsageError(f"nothing to go on with: it has no {file}", where=str(folder), next=f"ls {reports}/*/{file}; or {ANEW}")
        return folder, _decoded(cls, _parsed(folder / file), folder / file)
    for path in sorted(reports.glob(f"*/{file}"), reverse=True):
        data = _parsed(path)
        # What another version wrote cannot be gone on with, finished or not.
        if _format(data) == FORMAT and not (found := _decoded(cls, data, path)).finished:
            return path.parent, found
    raise UsageError(f"nothing to go on with: no folder has an unfinished {file}", where=str(reports), next=ANEW)


def must_equal(was: object, now: object, folder: Path) -> None:
    """Raise UsageError naming what differs between what a stored trial is of and what is there now."""
    before, after = (dict(_leaves("", strict.plain(each))) for each in (was, now))
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    if keys:
        said = [f"{key} was {_short(before.get(key))}, and is {_short(after.get(key))} now" for key in keys[:NAMED]]
        more = [f"{len(keys) - NAMED} more"] if len(keys) > NAMED else []
        raise UsageError(
            f"what is stored there is not of what is asked: {'; '.join([*said, *more])}",
            where=str(folder),
            next=f"go on with the options, files and programs that it was begun with, or {ANEW}",
        )


def say_finished(folder: Path, judged_by: str) -> None:
    """Say that there is nothing to go on with; on stderr, because stdout may be data. Raises UsageError where other code had judged it."""
    must_equal({"code": judged_by}, {"code": ground.code()}, folder)
    print(f"{folder.name} is finished: nothing is left to be tried", file=sys.stderr)


@contextmanager
def told(folder: Path, file: str) -> Iterator[None]:
    """Whoever is stopped while the block runs is told how to go on. Raises Stopped for Ctrl-C; a failure of the machine gets that step."""
    try:
        yield
    except KeyboardInterrupt as stop:
        if not (folder / file).is_file():
            raise  # before the first thing was stored
        raise Stopped(f"to go on: {command(folder)}") from stop
    except ConcordError as fault:
        if fault.exit_code == ENVIRONMENT and (folder / file).is_file():
            fault.next = "; then ".join([*([fault.next] if fault.next else []), command(folder)])
        raise


def command(folder: Path) -> str:
    """The command line of this process, as it goes on in this folder."""
    return shlex.join(["python", "-m", "bench", *without(sys.argv[1:]), OPTION, folder.name])


def without(words: Sequence[str]) -> list[str]:
    """A command line without --resume and its value, if it has one."""
    kept = [word for word in words if not word.startswith(f"{OPTION}=")]
    if OPTION in kept:
        at = kept.index(OPTION)
        valued = at + 1 < len(kept) and not kept[at + 1].startswith("-")
        del kept[at : at + 1 + valued]
    return kept


def _parsed(path: Path) -> Any:
    with strict.mended_by(f"name another one ({OPTION} RUN), or {ANEW}"):
        return strict.loads(path.read_bytes(), str(path))


def _format(data: Any) -> Any:
    return data.get("format") if isinstance(data, dict) else None


def _decoded(cls: type[T], data: Any, path: Path) -> T:
    if isinstance(data, dict) and _format(data) != FORMAT:
        raise DataError(
            f"written by another version of Concord: its format is {_format(data)}, and this one reads {FORMAT}",
            where=str(path),
            next=f"go on with the version that wrote it, or {ANEW}",
        )
    with strict.mended_by(f"name another one ({OPTION} RUN), or {ANEW}"):
        return strict.decode(cls, data, str(path))


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every number and text of plain data by its place: `pairs[0].count`."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(f"{name}.{key}" if name else key, item)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves(f"{name}[{number}]", item)
    else:
        yield name, value


def _short(value: Any) -> str:
    return f"{value!s:.40}"
