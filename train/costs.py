"""What a job will take, roughly: seconds and bytes, for the plan."""

from __future__ import annotations

from dataclasses import dataclass

from torchvision.models import get_model_weights

from train.fit.fitting import Job, parts_of
from train.fit.schedule import size

# Measured on two cores: 30 to 45 thousand million multiply-adds a second and thread, and what an image costs whatever the backbone (many
# small layers, decoding); a GPU is limited by decoding.
GMACS_PER_THREAD, SECONDS_PER_IMAGE_AND_THREAD, IMAGES_PER_S_CUDA = 30.0, 0.02, 1500.0
BYTES = 4


@dataclass(frozen=True)
class Cost:
    """Expected seconds and bytes written, None where torchvision does not say how big the backbone is."""

    seconds: float | None
    bytes: int


def cost(job: Job) -> Cost:
    """An estimate from torchvision's own figures: multiply-adds per image and number of parameters."""
    entries = list(get_model_weights(job.backbone))
    meta = entries[0].meta if entries else {}
    parameters = int(meta.get("num_params", 0))
    copies = 1 + (4 if job.recipe.epochs and job.recipe.train in ("all", "last-stage") else 1)
    written = parameters * BYTES * copies * 2  # twice: a new file is complete before the old one goes
    if "_ops" not in meta:
        return Cost(None, written)
    images = {name: len(part) for name, part in parts_of(job).items()}
    epochs = job.recipe.epochs if job.recipe.train != "none" else 0
    forwards = images["test"] + images["val"] * (epochs + 1) + (images["train"] if job.recipe.head_epochs else 0)
    backwards = images["train"] * _full_epochs(job, epochs) * (1 if job.recipe.train == "all" else 0.4)
    return Cost(_seconds(float(meta["_ops"]), forwards + 3 * backwards, job), written)


def _full_epochs(job: Job, epochs: int) -> float:
    """Epochs of images of the preset's size that cost what these do."""
    if job.spec.crop is None or job.recipe.train_sizes is None:
        return float(epochs)
    return sum((size(job.recipe.train_sizes, epoch, epochs) / job.spec.crop.height) ** 2 for epoch in range(1, epochs + 1))


def _seconds(gmacs: float, forwards: float, job: Job) -> float:
    if job.device == "cuda":
        return forwards / IMAGES_PER_S_CUDA + 5
    return forwards * (gmacs / GMACS_PER_THREAD + SECONDS_PER_IMAGE_AND_THREAD) / job.threads + 3
