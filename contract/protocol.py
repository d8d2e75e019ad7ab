"""The runner protocol's messages, number 3: bench/PROTOCOL.md describes them, infer_rs/src/protocol.rs has the same in Rust."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from contract import strict
from contract.errors import BY_KIND, ConcordError
from contract.measuring import NodeTime, OperatorTime, ProfileArgs, Profiled, Scenario, TimeArgs, Timed
from contract.predicting import STAGES, ArrayInfo, PredictArgs, Predicted, Stage, Staged, StagesArgs, StageStart

__all__ = [
    "PROTOCOL", "STAGES", "VERBS", "ArrayInfo", "BadReply", "Failure", "GoodReply", "HelloArgs", "LoadArgs", "Loaded", "NodeTime",
    "Nothing", "OperatorTime", "Option", "PredictArgs", "Predicted", "ProfileArgs", "Profiled", "Receipt", "Request", "Scenario", "Stage",
    "StageStart", "Staged", "StagesArgs", "TimeArgs", "Timed", "UnloadArgs", "ValueInfo", "decode_reply", "decode_request", "encode",
]  # fmt: skip

PROTOCOL = 3
Option = int | bool | str


@dataclass(frozen=True)
class HelloArgs:
    """Who are you?"""

    protocol: int = field(default=PROTOCOL, metadata=strict.REQUIRED)


@dataclass(frozen=True)
class Receipt:
    """What the runner is, said by the very thing that runs."""

    protocol: int
    runtime: str
    version: str
    commit: str | None
    library: str
    library_sha256: str
    source: str
    build: str
    threads: int
    providers: tuple[str, ...]
    jpeg: str
    jpeg_simd: bool | None
    cpu_flags: tuple[str, ...]
    process: dict[str, Option]
    packages: dict[str, str]
    pid: int


@dataclass(frozen=True)
class LoadArgs:
    """Create a session from a model file."""

    model: str
    provider: str
    options: dict[str, Option]


@dataclass(frozen=True)
class ValueInfo:
    """An input or output of a graph; None is a dynamic dimension."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class Loaded:
    """A session, and the options that are in force in it."""

    id: str
    providers: tuple[str, ...]
    placement: dict[str, int] | None
    options: dict[str, Option]
    inputs: tuple[ValueInfo, ...]
    outputs: tuple[ValueInfo, ...]
    classes: tuple[str, ...] | None
    model_sha256: str
    ns: int


@dataclass(frozen=True)
class UnloadArgs:
    """Drop a session."""

    id: str


@dataclass(frozen=True)
class Nothing:
    """No fields: the arguments of `quit`, the result of `unload` and `quit`."""


@dataclass(frozen=True)
class Failure:
    """Why a request failed; `kind` as in contract/errors.py, or `internal` for a bug."""

    kind: Literal["unsupported", "usage", "environment", "data", "internal"]
    what: str
    where: str = field(default="", metadata=strict.REQUIRED)
    next: str = field(default="", metadata=strict.REQUIRED)

    def to_error(self, runner: str) -> ConcordError | None:
        """The error that this is, or None for `internal`."""
        known = BY_KIND.get(self.kind)
        place = f"{runner}: {self.where}" if self.where else runner
        return None if known is None else known(self.what, where=place, next=self.next)


# verb -> (arguments, result): the one place that says which verbs there are.
VERBS: dict[str, tuple[type[Any], type[Any]]] = {
    "hello": (HelloArgs, Receipt),
    "load": (LoadArgs, Loaded),
    "predict": (PredictArgs, Predicted),
    "stages": (StagesArgs, Staged),
    "time": (TimeArgs, Timed),
    "profile": (ProfileArgs, Profiled),
    "unload": (UnloadArgs, Nothing),
    "quit": (Nothing, Nothing),
}


@dataclass(frozen=True)
class Request:
    """One line to a runner."""

    seq: int
    verb: str
    args: dict[str, Any] = field(default_factory=dict, metadata=strict.REQUIRED)


@dataclass(frozen=True)
class GoodReply:
    """One line back."""

    seq: int
    ok: Literal[True]
    result: dict[str, Any]


@dataclass(frozen=True)
class BadReply:
    """One line back."""

    seq: int
    ok: Literal[False]
    error: Failure


def encode(message: Request | GoodReply | BadReply) -> str:
    """One line, without the line feed. Raises ValueError for NaN and Infinity."""
    return strict.dumps(message)


def decode_request(line: str | bytes) -> tuple[Request, Any]:
    """A request and its typed arguments. Raises StrictError naming the field."""
    request = strict.decode(Request, strict.loads(line, "request"), "request")
    if request.verb not in VERBS:
        raise strict.StrictError(f"unknown verb '{request.verb}'; known: {', '.join(VERBS)}", where="request")
    return request, strict.decode(VERBS[request.verb][0], request.args, f"request.{request.verb}")


def decode_reply(line: str | bytes, request: Request) -> Any:
    """The typed result of a request, or its Failure. Raises StrictError for anything else, a wrong `seq` too."""
    data = strict.loads(line, "reply")
    if not isinstance(data, dict) or not isinstance(data.get("ok"), bool):
        raise strict.StrictError(f"not a reply, which has ok = true or false: {line!r:.120}", where="reply")
    reply: GoodReply | BadReply = strict.decode(GoodReply, data, "reply") if data["ok"] else strict.decode(BadReply, data, "reply")
    if isinstance(reply, BadReply) and reply.seq == 0:
        raise strict.StrictError(f"could not read the request: {reply.error.what}", where="reply")
    if reply.seq != request.seq:
        raise strict.StrictError(f"answers request {reply.seq}, not {request.seq}", where="reply")
    return reply.error if isinstance(reply, BadReply) else strict.decode(VERBS[request.verb][1], reply.result, f"reply.{request.verb}")
