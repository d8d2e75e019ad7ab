from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.train import tiny
from train import device

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    device.set_up("cpu", 1)
    yield
    torch.use_deterministic_algorithms(mode=False)
    torch.set_num_threads(threads)


@pytest.fixture
def squares(tmp_path: Path) -> Path:
    return tiny.write_csv_set(tmp_path / "squares")


@pytest.fixture
def real() -> Path:
    if not REAL.is_dir():
        pytest.skip(f"no real data: {REAL} is absent")
    return REAL
