"""A tiny network exported once per session: real exporter, real worker, seconds instead of a minute."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import nn

from contract.layout import CHECKOUT
from contract.manifest import ExportManifest, TrainManifest
from contract.matrix import Variant
from export.build import build
from export.plan import Job, inputs_hash
from export.workshop import Workshop
from tests.export import trained

BACKBONE = "squeezenet1_1"
VARIANTS = tuple(
    Variant(f"{kind}-{batch}", kind == "sim", batch)  # type: ignore[arg-type]
    for kind in ("raw", "sim")
    for batch in ("static", "dynamic")
)


class Tiny(nn.Module):
    """Convolution, BatchNorm, mean, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 7, stride=8)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, len(trained.CLASSES))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Images to logits."""
        hidden = torch.relu(self.norm(self.conv(pixels)))
        return self.head(hidden.mean((2, 3)))


def tiny(_job: Job | None = None) -> nn.Module:
    torch.manual_seed(1)
    return trained.calibrated(Tiny())


def job(folder: Path, manifest: TrainManifest, todo: tuple[Variant, ...] = VARIANTS) -> Job:
    return Job(folder, manifest, inputs_hash(manifest), todo, ())


@dataclass(frozen=True)
class Exported:
    """What one export left behind."""

    folder: Path
    trained: TrainManifest
    manifest: ExportManifest


def export(folder: Path) -> Exported:
    made = trained.write(folder / "0123abcd", "tiny", tiny(), folder / "images")
    with Workshop() as workshop:
        done = build(job(folder / "0123abcd", made), tiny, workshop, 1, "source")
    return Exported(folder / "0123abcd", made, done)


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Four files of a tiny network."""
    return export(tmp_path_factory.mktemp("export"))


@pytest.fixture
def argv(tmp_path: Path) -> list[str]:
    """Options that find a trained backbone, small and quick to export."""
    matrix = tmp_path / "matrix.toml"
    matrix.write_text((CHECKOUT / "matrix.toml").read_text().replace("mobilenet_v2", BACKBONE))
    return trained.backbones(tmp_path / "artifacts", BACKBONE, matrix_file=matrix)


@pytest.fixture
def folder(argv: list[str], tmp_path: Path) -> Path:
    return tmp_path / "artifacts" / "wings" / BACKBONE / "0123abcd"
