"""The two that are asked: Pillow as infer_py calls it, and a long-lived `infer-rs decode -`."""

from __future__ import annotations

import hashlib
import json
import subprocess
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from PIL import Image

from contract.errors import EnvironmentFault
from contract.pictures import BROKEN, FORMATS, orientation

FAULTS: tuple[type[Exception], ...] = (*BROKEN, Image.DecompressionBombError, Image.DecompressionBombWarning)
# So long may a batch of files take before the decoder counts as hanging.
SECONDS = 300.0


@dataclass(frozen=True)
class Answer:
    """What a decoder makes of a file: its pixels and the orientation that it states ("WxH sha256 6"), or None.

    `said` is its refusal; `sound` is false for any other failure.
    """

    pixels: str | None
    said: str = ""
    sound: bool = True

    def agrees(self, other: Answer) -> bool:
        """Both give the same pixels and orientation, or both refuse as one refuses bad data."""
        return self.sound and other.sound and self.pixels == other.pixels

    @property
    def text(self) -> str:
        """For people."""
        return self.pixels or f"{'refused' if self.sound else 'FAILED'}: {self.said}"


def by_pillow(path: Path) -> Answer:
    """Opened afresh: a second `convert` of an image that failed to load gives pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(path, formats=FORMATS) as image:
                rgb, stated = image.convert("RGB"), orientation(image)
        except FAULTS as fault:
            return Answer(None, f"{type(fault).__name__}: {fault}")
        except Exception as fault:  # noqa: BLE001 - what infer_py would not catch is a finding, whatever it is
            return Answer(None, f"{type(fault).__name__}: {fault}", sound=False)
    return Answer(f"{rgb.width}x{rgb.height} {hashlib.sha256(rgb.tobytes()).hexdigest()} {stated}")


class Decoder:
    """A program that reads names of files from stdin and answers each with a line of JSON, as `infer-rs decode -` does."""

    def __init__(self, command: Sequence[str], seconds: float = SECONDS) -> None:
        self.command, self.seconds = list(command), seconds
        self.process = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.process.kill()
        self.process.communicate()

    def send(self, paths: Sequence[Path]) -> None:
        """Ask; the answers are worked out while the caller does something else."""
        if self.process.poll() is not None:
            self.process.communicate()
            self.process = self._start()
        assert self.process.stdin
        try:
            self.process.stdin.write("".join(f"{path}\n" for path in paths))
            self.process.stdin.flush()
        except BrokenPipeError:
            # Which file it died of is found out when the answers are read.
            return

    def answers(self, paths: Sequence[Path]) -> list[Answer]:
        """The answers to what was sent. The first file that gets none is what the program died of; the others are asked again."""
        assert self.process.stdout
        made: list[Answer] = []
        watch = threading.Timer(self.seconds, self.process.kill)
        watch.start()
        for _ in paths:
            line = self.process.stdout.readline()
            if not line.endswith("\n"):
                break
            made.append(_parsed(line))
        watch.cancel()
        if len(made) < len(paths):
            code = self.process.wait()
            made.append(Answer(None, f"the decoder ended with exit code {code}, or hung for {self.seconds:.0f} s", sound=False))
            rest = paths[len(made) :]
            self.send(rest)
            made += self.answers(rest)
        return made

    def _start(self) -> subprocess.Popen[str]:
        try:
            return subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        except OSError as fault:
            raise EnvironmentFault(f"cannot be started: {fault.strerror}", where=self.command[0], next="nox -s build") from fault


def _parsed(line: str) -> Answer:
    said = json.loads(line)
    if "sha256" in said:
        return Answer(f"{said['width']}x{said['height']} {said['sha256']} {said['orientation']}")
    return Answer(None, said["error"], sound=said["kind"] == "data")
