"""Errors that a user can act on: each says what, where and the next step, and has one exit code.

ConcordError
├── JudgedBad         1    judged, and bad: differs, slower than a gate allows
├── UsageError        2    nothing was judged: wrong usage, nothing compared, claim not supported
│   └── UnsupportedError   a runtime lacks the verb: its cells are holes with this reason
├── EnvironmentFault  3    no such provider, library, compiler; disk full
└── DataError         4    an image, CSV, checkpoint, ONNX file or matrix.toml is bad
"""

from __future__ import annotations

import errno
import io
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import ClassVar, NoReturn

GOOD, BAD, NOTHING_JUDGED, ENVIRONMENT, DATA, INTERRUPTED = 0, 1, 2, 3, 4, 130
JSON = "--json"


class ConcordError(Exception):
    """A user's problem: `what` happened, `where`, and the `next` step to take.

    `answered`: with --json, the step has printed its document, which says it, too.
    """

    exit_code: ClassVar[int]
    kind: ClassVar[str]

    def __init__(self, what: str, *, where: str = "", next: str = "", answered: bool = False) -> None:
        super().__init__(what)
        self.what, self.where, self.next, self.answered = what, where, next, answered

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        step = f"\n  next: {self.next}" if self.next else ""
        return f"{place}{self.what}{step}"


class JudgedBad(ConcordError):
    """Something was judged and found bad."""

    exit_code = BAD
    kind = "judged"


class UsageError(ConcordError):
    """Nothing was judged, because what was asked makes no sense or cannot be answered."""

    exit_code = NOTHING_JUDGED
    kind = "usage"


class UnsupportedError(UsageError):
    """The runtime has no such verb or scenario: a hole with a reason, not a failure."""

    kind = "unsupported"


class EnvironmentFault(ConcordError):
    """The machine lacks something: a provider, a library, a compiler, disk space."""

    exit_code = ENVIRONMENT
    kind = "environment"


class DataError(ConcordError):
    """A file that was given is bad."""

    exit_code = DATA
    kind = "data"


class Stopped(KeyboardInterrupt):
    """An interruption whose text says what to do next, better than its step could say it of any of its commands."""


BY_KIND: dict[str, type[ConcordError]] = {
    error.kind: error for error in (JudgedBad, UsageError, UnsupportedError, EnvironmentFault, DataError)
}


def printable(text: str, keep: str = "") -> str:
    """Control characters, line feeds and direction marks as escapes, but for those to `keep`: text of a file must not move the cursor."""
    return "".join(sign if sign.isprintable() or sign in keep else sign.encode("unicode_escape").decode() for sign in text)


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'resnet18'?` for a name close to a known one, otherwise the known names."""
    names = sorted(known)
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    shown = ", ".join(names[:12]) + (f", … ({len(names)} in all)" if len(names) > 12 else "")
    return f"known: {shown}" if names else "none is known"


def _is_full(fault: OSError) -> bool:
    # numpy's writer says "8192 requested and 512 written", with no errno.
    short_write = fault.errno is None and " requested and " in str(fault)
    return short_write or fault.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def disk_fault(fault: OSError, path: Path | None = None) -> ConcordError | None:
    """The environment fault that a full disk or a missing permission is, or None for another OSError.

    `path`: what was being written; a failed write does not say of which file.
    """
    where = str(path or fault.filename or "disk")
    if _is_full(fault):
        return EnvironmentFault(
            f"no space left ({fault.strerror or fault})",
            where=where,
            next="free some space, or point --artifacts and --reports at another disk; what was finished is kept",
        )
    if fault.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return EnvironmentFault(fault.strerror or "no permission", where=where, next="check the permissions of that path")
    return None


def path_fault(fault: OSError) -> UsageError | None:
    """The wrong usage that an impossible path is, or None for another OSError."""
    if fault.errno not in (errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG):
        return None
    return UsageError(
        fault.strerror or str(fault),
        where=str(fault.filename),
        next="give another path: a folder is needed, and a file may stand in its place",
    )


def out_of_memory(fault: BaseException) -> EnvironmentFault | None:
    """The environment fault that a lack of memory is, Python's, torch's on the CPU or on CUDA; None for another error."""
    torchs = isinstance(fault, RuntimeError) and (type(fault).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(fault))
    if not torchs and not isinstance(fault, MemoryError):
        return None
    said = str(fault).strip().splitlines()
    return EnvironmentFault(
        f"out of memory{f' ({said[0][:200]})' if said else ''}",
        next="choose smaller backbones (--backbone resnet18) or a smaller batch in the recipe, or close other programs",
    )


def run_step(main: Callable[[], int], again: str = "run the same command again to go on") -> NoReturn:
    """Run a step's main function and exit with the documented code: no traceback for a user's problem.

    `again`: what a user who interrupted the step is told to do next, unless a Stopped says it.
    A bug exits with 2 and its traceback: Python's own 1 would say "judged, and bad".
    With --json an error that ends the step is a document on stdout, too.
    """
    code = NOTHING_JUDGED
    try:
        # A `kill` ends a step as Ctrl-C does: finally blocks run, runners are stopped, 130 is returned.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may not know a sign of a class name
        code = main()
        sys.stdout.flush()
    except ConcordError as error:
        code = _end(error)
    except KeyboardInterrupt as stop:
        code = _say(f"interrupted: what was finished is kept; {stop if isinstance(stop, Stopped) else again}", INTERRUPTED)
    except Exception as fault:  # noqa: BLE001 - the border of a process
        known = (disk_fault(fault) or path_fault(fault)) if isinstance(fault, OSError) else out_of_memory(fault)
        if known is not None:
            code = _end(known)
        elif not (isinstance(fault, BrokenPipeError) and _nobody_reads()):
            code = _say(f"{traceback.format_exc()}error: this is a bug of Concord; please report it with the lines above", NOTHING_JUDGED)
            _answer("bug", f"{type(fault).__name__}: {fault}", "", "report it with the traceback on stderr", code)
        # Otherwise somebody closed our output (`| head`) and nobody is left to be told. The code stays the judgement where
        # there was one: a closed pipe must not turn a gate's 1, or a judgement never made, into 0.
    sys.exit(code)


def _end(error: ConcordError) -> int:
    if not error.answered:
        _answer(error.kind, error.what, error.where, error.next, error.exit_code)
    return _say(f"error: {error}", error.exit_code)


def _answer(kind: str, what: str, where: str, next: str, code: int) -> None:
    """The document that a program which asked for JSON reads instead of a result."""
    if JSON not in sys.argv:
        return
    from contract import strict  # noqa: PLC0415 - it imports this module

    try:
        print(strict.pretty({"error": {"kind": kind, "what": what, "where": where, "next": next}, "exit_code": code}), end="", flush=True)
    except OSError:
        _silence(1)  # nobody reads it, which changes no exit code


def _nobody_reads() -> bool:
    """Whether stdout is what broke; if so it is pointed at nothing, so that the interpreter's last flush is quiet."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(1, 0)
        if not any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0)):
            return False
    _silence(1)
    return True


def _silence(handle: int) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), handle)


def _say(text: str, code: int) -> int:
    try:
        print(printable(text, keep="\n\t"), file=sys.stderr, flush=True)
    except OSError:
        _silence(2)  # a closed stderr changes no exit code
    return code
