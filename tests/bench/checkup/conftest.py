"""Packages that are installed, as far as their metadata say."""

from __future__ import annotations

from importlib import metadata

import pytest


@pytest.fixture
def had(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What is installed: name -> version."""
    versions = {"numpy": "2.4.6", "torch": "2.15.0+cu132", "torchvision": "0.29.2"}

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "version", version)
    return versions
