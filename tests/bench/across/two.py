"""Two runs made by hand: the second on another CPU with another library, some rows and cells gone, some numbers moved."""

from __future__ import annotations

from dataclasses import replace

from bench.results import Interval, PairedDrop, Results
from contract.manifest import Accuracy
from tests.bench import made


def first() -> Results:
    return made.results()


def same() -> Results:
    """Another run in which everything is as in the first."""
    return replace(made.results(), run="20261122-080000-0abc", started="2026-11-22T08:00:00+00:00")


def moved() -> Results:
    """Parity: a row that failed passes, one is gone, one has another accuracy. A cell is gone, and two ratios moved."""
    run = same()
    rust, eager, simplified = run.contrasts[:3]
    contrasts = (
        replace(rust, ratio=Interval(0.99, 0.985, 0.995)),
        replace(eager, not_comparable=None),
        replace(simplified, ratio=Interval(1.002, 1.001, 1.003)),
    )
    lower = replace(
        run.parity[0], accuracy=Accuracy(288, 300, 0.93, 0.977), drop=PairedDrop(2, 0, 2 / 300, 0.02), near_tie_flips=2, agree=0
    )
    passed = replace(run.parity[2], passed=True, problems=(), checks=(), flips=0, blame=None)
    return replace(run, parity=(lower, passed, run.parity[3]), cells=(*run.cells[:2], *run.cells[4:]), contrasts=contrasts, gate=None)


def elsewhere(run: Results, *flags: str, version: str = "1.31.1") -> Results:
    """A run as it would be on a CPU with these flags, with another ONNX Runtime."""
    receipts = {
        name: replace(each, cpu_flags=flags, version=version if name != "torch-eager" else each.version, pid=99)
        for name, each in run.receipts.items()
    }
    environment = replace(run.environment, cpu="Xeon", cpu_flags=flags, load_average=7.0)
    environment = replace(environment, packages=environment.packages | {"onnxruntime": version})
    return replace(run, environment=environment, receipts=receipts)
