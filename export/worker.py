"""The child process that checks, simplifies and runs models: native code that can crash, hang or eat memory does so here.

`python -m export.worker LIMIT_BYTES` answers one JSON line per job on stdin. A job that fails ends the process: its last line on
stderr is the reason, and the step starts another worker (export/workshop.py); exit code 3 ends the step.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from contract import strict
from contract.card import CardVariant
from contract.errors import ConcordError, DataError, disk_fault
from contract.serve import claim_stdout

BATCHES = {"static": (1,), "dynamic": (1, 2, 3)}


@dataclass(frozen=True)
class Work:
    """Check the model file `raw`, or simplify it into `out` first. `tensor`: held-out images; `eager`: PyTorch's logits per batch size."""

    raw: str
    out: str | None
    name: str
    batch: str
    opset: int
    tensor: str
    eager: str
    threads: int


@dataclass(frozen=True)
class Checked:
    """What was found."""

    nodes: dict[str, int]
    structural_hash: str
    opset: int
    checker: str
    max_difference: dict[str, float]


def check(work: Work) -> Checked:
    """Do one job. Raises DataError for a model that is not what was asked for."""
    import numpy as np  # noqa: PLC0415
    import onnx  # noqa: PLC0415

    from export import clean, structure  # noqa: PLC0415

    path = Path(work.raw)
    if work.out is not None:
        path = Path(work.out)
        path.write_bytes(clean.to_bytes(_simplified(work)))
    data = path.read_bytes()
    onnx.checker.check_model(data, full_check=True)
    model = onnx.load_model_from_string(data)
    clean.assert_plain(model, work.name)
    opset = next(entry.version for entry in model.opset_import if entry.domain in clean.DOMAINS)
    if opset != work.opset:
        raise DataError(f"asked for opset {work.opset}, got {opset}", where=work.name)
    with np.load(work.eager) as eager:
        differences = _run(path, np.load(work.tensor), {int(name): eager[name] for name in eager.files}, work)
    return Checked(structure.nodes_by_kind(model), structure.structural_hash(model), opset, f"full, onnx {onnx.__version__}", differences)


def _simplified(work: Work) -> Any:
    """The model simplified by onnxsim, with its own card. Raises DataError when onnxsim lost metadata."""
    import onnx  # noqa: PLC0415
    import onnxsim  # noqa: PLC0415

    from export import clean  # noqa: PLC0415

    before = clean.read_card(onnx.load(work.raw), work.name)
    # check_n=0: its own check runs random inputs at one batch size; ours runs real images against PyTorch.
    model, _ = onnxsim.simplify(work.raw, check_n=0)
    after = clean.read_card(model, work.name)
    if after != before:
        raise DataError("onnxsim lost metadata of the model", where=work.name)
    clean.strip(model)  # its own keys, onnxsim.*, say nothing that export.json does not
    clean.write_card(model, replace(after, variant=CardVariant(work.name, True, work.batch)))  # type: ignore[arg-type]
    return model


def _run(path: Path, images: Any, eager: dict[int, Any], work: Work) -> dict[str, float]:
    """Largest |difference| from PyTorch eager per batch size, on real images. Raises DataError for NaN or another shape."""
    import numpy as np  # noqa: PLC0415
    import onnxruntime  # noqa: PLC0415

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = work.threads
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    found = {}
    for size in BATCHES[work.batch]:
        logits = session.run(["logits"], {"images": images[:size]})[0]
        if logits.shape != eager[size].shape:
            raise DataError(f"answers {list(logits.shape)} at batch {size}, PyTorch {list(eager[size].shape)}", where=work.name)
        if not np.isfinite(logits).all():
            raise DataError(f"answers NaN or infinity at batch {size}", where=work.name)
        found[str(size)] = float(np.abs(logits - eager[size]).max())
    return found


def main() -> int:
    """Answer jobs until the end of stdin."""
    replies = claim_stdout()
    _limit_memory(int(sys.argv[1]))
    # onnxsim imports torch and sympy where they are installed, and needs neither here: 8 s against 1 s.
    sys.modules.update({"torch": None, "sympy": None})  # type: ignore[dict-item]
    import onnxsim  # noqa: F401, PLC0415 - imported while the step still imports torch

    for line in sys.stdin.buffer:
        try:
            done = check(strict.decode(Work, strict.loads(line, "work"), "work"))
        except ConcordError as error:
            print(error.what, file=sys.stderr, flush=True)
            return error.exit_code
        except OSError as fault:
            known = disk_fault(fault)
            if known is None:
                raise
            print(known.what, file=sys.stderr, flush=True)
            return known.exit_code
        replies.write(strict.dumps(done) + "\n")
        replies.flush()
    return 0


def _limit_memory(limit: int) -> None:
    if sys.platform != "win32" and limit > 0:
        import resource  # noqa: PLC0415

        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    sys.exit(main())
