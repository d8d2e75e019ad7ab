"""A run that has every drawing of the page, four runtimes and two backbones in them, and hostile class names wherever classes are named."""

from __future__ import annotations

from dataclasses import replace

from bench.results import ImageVerdict, Interval, Measured, Results
from contract.manifest import Accuracy
from tests.bench import made

# The page knows three by name; the fourth has the colour of all others.
RUNTIMES = ("torch-eager", "ort-python", "ort-rust", "openvino")
BATCHES = (1, 4, 16)


def results() -> Results:
    """made.results(), and what its drawings lack."""
    run = made.results()
    named = list(zip(made.HOSTILE, (*made.HOSTILE[1:], made.HOSTILE[0]), strict=True))
    confused = [pair for one, other in named for pair in ((one, one, 7), (one, other, 3))]
    shown = tuple(ImageVerdict(f"/data/{number}.jpg", "flip", one, other, 1.5, 3.2) for number, (one, other) in enumerate(named))
    return replace(
        run,
        cells=(*run.cells, *(rated(runtime, batch) for runtime in RUNTIMES for batch in BATCHES), *timed()),
        confusions=(made.confusion(*confused),),
        samples=tuple(made.sample(one, one, other) for one, other in named),
        parity=tuple(replace(row, shown=shown) if row.shown else row for row in run.parity),
    )


def crowd() -> Results:
    """Six backbones in four runtimes, all within a factor of two and a few percent."""
    (subject, *_), cells, subjects = made.results().subjects, [], []
    for number, backbone in enumerate(("resnet18", "resnet34", "regnet_x_400mf", "regnet_y_400mf", "mobilenet_v2", "efficientnet_b0")):
        correct = 240 + 8 * number
        subjects.append(replace(subject, backbone=backbone, test=Accuracy(correct, 300, correct / 300 - 0.04, correct / 300 + 0.03)))
        for place, runtime in enumerate(RUNTIMES):
            cell = made.measured(_variant(runtime), runtime, median=1_000_000 + 150_000 * number + 60_000 * place)
            cells.append(replace(cell, cell=replace(cell.cell, backbone=backbone)))
    return replace(made.results(), cells=tuple(cells), subjects=tuple(subjects))


def rated(runtime: str, batch: int) -> Measured:
    """A point of the throughput curve."""
    images = 40.0 + 2 * RUNTIMES.index(runtime) + batch
    cell = made.measured(_variant(runtime), runtime, "curve", batch)
    return replace(cell, kind="throughput", images_per_second=Interval(images, images - 1, images + 2))


def timed() -> list[Measured]:
    """Latencies: of the fourth runtime, and of a second backbone that is slower."""
    fourth = made.measured("raw-dynamic", "openvino", median=3_000_000)
    slower = [made.measured(_variant(runtime), runtime, median=9_000_000 - 1_000_000 * number) for number, runtime in enumerate(RUNTIMES)]
    return [fourth, *(replace(each, cell=replace(each.cell, backbone="regnet_x_400mf")) for each in slower)]


def _variant(runtime: str) -> str:
    return "eager" if runtime == "torch-eager" else "raw-dynamic"
