from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.train import tiny
from tests.train.served import write_model
from tests.train.stepping import MATRIX, RUNTIME
from train import __main__ as entry
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


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serve")
    tiny.write_csv_set(folder / "squares")
    write_model(folder / "abcd1234", folder / "squares")
    noise = np.random.default_rng(0).standard_normal((5, 3, 36, 36)).astype(np.float32)
    np.save(folder / "x.npy", noise)
    return folder


@pytest.fixture
def call(squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run `python -m train …` in this process."""
    text = MATRIX + RUNTIME
    # variant and scenario are required tables of a matrix, and play no part here
    text += '[[variant]]\nname = "raw-static"\nsimplify = false\nbatch = "static"\n[[scenario]]\nname = "latency"\nkind = "latency"\n'
    (tmp_path / "matrix.toml").write_text(text)
    where = ["--matrix", str(tmp_path / "matrix.toml"), "--threads", "1"]
    where += [word for name in ("artifacts", "data", "reports") for word in (f"--{name}", str(tmp_path / name))]

    def run(*more: str, root: Path | None = squares) -> int:
        first = list(more[:1]) if more[:1] == ("look",) else []
        monkeypatch.setattr(sys, "argv", ["train", *first, *where, *(["--root", str(root)] if root else []), *more[len(first) :]])
        return entry.main()

    return run
