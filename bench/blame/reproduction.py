"""A minimal reproduction: the guilty nodes as a model, their inputs, what they should write, and a script that shows that they do not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx

from bench.blame.search import Array
from contract import artifact
from contract.errors import EnvironmentFault

SCRIPT = '''"""{title}: fed with the reference's inputs. Needs numpy and onnxruntime; exits with 1 while the fault is there, else 0."""
import pathlib
import sys
import numpy as np
import onnxruntime
here = pathlib.Path(__file__).resolve().parent
inputs, expected = (dict(np.load(here / name)) for name in ("inputs.npz", "expected.npz"))
session = onnxruntime.InferenceSession(here / "model.onnx", providers=["CPUExecutionProvider"])
got = dict(zip(expected, session.run(list(expected), inputs)))
gaps = {{name: float(np.abs(got[name].astype(np.float64) - expected[name]).max()) for name in expected}}
tolerated = {tolerated}
print(*(f"{{name}}: largest difference {{gap:.3g}}, tolerated {{tolerated[name]:.3g}}" for name, gap in gaps.items()), sep="\\n")
sys.exit(int(not all(gap <= tolerated[name] for name, gap in gaps.items())))
'''
SECONDS = 300.0


def write(
    folder: Path, part: onnx.ModelProto, inputs: dict[str, Array], expected: dict[str, Array], tolerated: dict[str, float], title: str
) -> None:
    """Write the folder anew: model.onnx, inputs.npz, expected.npz, reproduce.py."""
    folder.mkdir(parents=True, exist_ok=True)
    artifact.write_bytes(folder / "model.onnx", part.SerializeToString(deterministic=True))
    for name, arrays in (("inputs.npz", inputs), ("expected.npz", expected)):
        with artifact.atomic_path(folder / name) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
    plain = title.replace("\\", "/").replace('"', "'")
    artifact.write_text(folder / "reproduce.py", SCRIPT.format(title=plain, tolerated=repr(tolerated)))


def run(folder: Path) -> bool | None:
    """Whether the nodes differ when they are fed with the reference's inputs; None when the script failed to run them.

    Raises EnvironmentFault when it takes longer than five minutes.
    """
    try:
        done = subprocess.run(
            [sys.executable, str(folder / "reproduce.py")], capture_output=True, text=True, timeout=SECONDS, check=False, cwd=folder
        )
    except subprocess.TimeoutExpired as fault:
        raise EnvironmentFault(
            f"took longer than {SECONDS:.0f} s",
            where=str(folder / "reproduce.py"),
            next="run it by hand, on a machine that does nothing else",
        ) from fault
    # An exception ends a script with 1, too, but says no difference.
    return bool(done.returncode) if "largest difference" in done.stdout else None
