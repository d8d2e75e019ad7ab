"""`python -m tests.train.killed SET FOLDER STEPS`: trains, and kills itself after so many optimizer steps."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tests.train import tiny
from tests.train.test_fitting import TWO_PHASES
from train import device
from train.data.load import load
from train.fit import epochs
from train.fit.fitting import Job, fit
from train.progress import reporter
from train.weights.choose import Source, WeightsHad


def main() -> None:
    root, folder, steps = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    device.set_up("cpu", 1)
    taken = 0
    share = epochs.share

    def counted(*args: object) -> float:
        nonlocal taken
        taken += 1
        if taken == steps:
            os.kill(os.getpid(), signal.SIGKILL)
        return share(*args)

    epochs.share = counted
    data = load(tiny.dataset(root, split=(0.5, 0.25, 0.25)), root, seed=0, skip_bad=False, threads=1)
    source = Source(None, WeightsHad(("random",), "random", None, None))
    with reporter("squares/tiny") as said:
        fit(Job("concord_tiny", data, tiny.SPEC, source, TWO_PHASES, 3, "cpu", 1), folder, "inputs", said)


if __name__ == "__main__":
    main()
