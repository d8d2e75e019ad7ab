"""What a job will take, roughly: seconds and bytes, for the plan."""

from __future__ import annotations

from dataclasses import dataclass

from torchvision.models import get_model_weights

from train.fit.fitting import Job

# Measured on two cores: 30 to 45 thousand million multiply-adds a second and thread forwards; a GPU is limited by decoding.
GMACS_PER_THREAD, IMAGES_PER_S_CUDA, IMAGES_PER_S_THREAD = 30.0, 1500.0, 300.0
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
    images = {name: len(part) for name, part in job.data.parts.items()}
    if job.recipe.images_per_class is not None:
        images["train"] = min(images["train"], job.recipe.images_per_class * len(job.data.classes))
    epochs = job.recipe.epochs if job.recipe.train != "none" else 0
    forwards = images["test"] + images["val"] * (epochs + 1) + (images["train"] if job.recipe.head_epochs else 0)
    backwards = images["train"] * epochs * (1 if job.recipe.train == "all" else 0.4)
    return Cost(_seconds(float(meta["_ops"]), forwards + 3 * backwards, job), written)


def _seconds(gmacs: float, forwards: float, job: Job) -> float:
    if job.device == "cuda":
        return forwards / IMAGES_PER_S_CUDA + 5
    per_image = max(gmacs / (GMACS_PER_THREAD * job.threads), 1 / (IMAGES_PER_S_THREAD * job.threads))
    return forwards * per_image + 3
