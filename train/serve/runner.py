"""The runner's verbs, and the models that it has loaded."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from contract import protocol, serve
from contract.errors import GOOD, UsageError, nearest

if TYPE_CHECKING:
    from train.serve.loading import Session


def main() -> int:
    """Serve requests from stdin until `quit` or its end."""
    replies = serve.claim_stdout()
    handlers = Runner().handlers()
    serve.serve(handlers, sys.stdin.buffer, replies)
    return GOOD


class Runner:
    """Sessions by id, and a method for each verb."""

    def __init__(self) -> None:
        # Heavy imports come after stdout was claimed: torch prints to it.
        from train.serve import loading, predicting, profiling, receipt, staging, timing  # noqa: PLC0415

        self._loading, self._predicting, self._profiling, self._receipt = loading, predicting, profiling, receipt
        self._staging, self._timing = staging, timing
        self._sessions: dict[str, Session] = {}
        self._count = 0

    def handlers(self) -> dict[str, serve.Handler]:
        """Verb -> method."""
        return {
            "hello": lambda _: self._receipt.receipt(),
            "load": self.load,
            "predict": lambda args: self._predicting.predict(self._session(args.id), args),
            "stages": lambda args: self._staging.stages(self._session(args.id), args),
            "time": lambda args: self._timing.time_samples(self._session(args.id), args),
            "profile": lambda args: self._profiling.profile(self._session(args.id), args),
            "unload": self.unload,
        }

    def load(self, args: protocol.LoadArgs) -> protocol.Loaded:
        """Load a model and name it."""
        session, loaded = self._loading.load(args, f"m{self._count + 1}")
        self._count += 1
        self._sessions[loaded.id] = session
        return loaded

    def unload(self, args: protocol.UnloadArgs) -> protocol.Nothing:
        """Forget a model."""
        self._session(args.id)
        del self._sessions[args.id]
        return protocol.Nothing()

    def _session(self, name: str) -> Any:
        if name not in self._sessions:
            raise UsageError(f"no model '{name}' is loaded; {nearest(name, self._sessions)}", next="load it first")
        return self._sessions[name]
