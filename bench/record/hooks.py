"""pytest hooks of the record."""

from __future__ import annotations

from typing import Any


def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """Leave the host's name out of the record."""
    machine_info.pop("node", None)
