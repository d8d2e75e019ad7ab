#!/usr/bin/env bash
# Everything that needs a GPU, in one go: run it on a machine with CUDA after `uvx nox -s build`. Stops at the first failure.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
out=${OUT:-$(mktemp -d)}

echo "== the machine"
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
"$python" -m bench doctor

echo "== each runtime offers CUDA"
"$python" - <<'PYTHON'
import sys, tempfile
from pathlib import Path
from bench.runner import Runner
from bench.runtimes import find
lacking = []
for name in ("torch-eager", "ort-python", "ort-rust"):
    with tempfile.TemporaryDirectory() as folder, Runner(find(name), ("cuda",), Path(folder) / "log") as runner:
        receipt = runner.hello()
        print(name, receipt.version, receipt.providers)
        if "cuda" not in receipt.providers:
            lacking.append(name)
sys.exit(f"no CUDA in: {', '.join(lacking)}" if lacking else 0)
PYTHON

echo "== train, export, parity and measuring on CUDA, all backbones"
where=(--artifacts "$out/artifacts" --data "$out/data" --reports "$out/reports" --device cuda)
"$python" -m train "${where[@]}"
"$python" -m export "${where[@]}"
"$python" -m bench run "${where[@]}"
"$python" -m bench verify "$out/reports/latest"
"$python" -m bench parity "${where[@]}" --backbone resnet18 --images 20 --stages

echo "== the Rust runner ends with 0 on CUDA, 100 times (rust.md, fact 10)"
model=$(find "$out/artifacts" -path '*resnet18*' -name raw-dynamic.onnx | head -n 1)
"$python" - "$model" <<'PYTHON'
import subprocess, sys
from bench.runtimes import ort_rust
from contract import protocol
load = protocol.encode(protocol.Request(1, "load", {"model": sys.argv[1], "provider": "cuda", "options": {"threads": 1}}))
quit_ = protocol.encode(protocol.Request(2, "quit", {}))
for number in range(100):
    done = subprocess.run(ort_rust.command(("cuda",)), input=f"{load}\n{quit_}\n", capture_output=True, text=True, timeout=120)
    if done.returncode != 0 or '"ok":true' not in done.stdout.splitlines()[0]:
        sys.exit(f"run {number}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
print("100 of 100")
PYTHON
echo "== all good; reports in $out/reports/latest"
