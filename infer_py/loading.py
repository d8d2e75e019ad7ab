"""Open a model file in ONNX Runtime."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from contract.protocol import Option
from infer_py import model as models
from infer_py import session
from infer_py.model import Model


def load(path: Path, provider: str, asked: dict[str, Option], *, record: bool = False) -> Model:
    """Read, check and open a model file. Raises DataError, EnvironmentFault and UsageError."""
    options = session.Options.parse(asked)
    session.known_provider(provider)
    return models.load(path, provider, options, session, partial(session.timed_create, record=record))
