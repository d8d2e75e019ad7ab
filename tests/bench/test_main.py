"""The command line of bench, and what it may import."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench import foreign
from bench.report import write
from bench.results import Results
from bench.runtimes import Descriptor, find
from contract import strict
from contract.errors import UsageError
from contract.layout import CHECKOUT
from contract.protocol import ValueInfo
from tests.bench import made


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "bench", *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False)


def test_without_a_command_it_says_how_it_is_used():
    done = bench()
    assert done.returncode == 2
    commands = [
        "run",
        "parity",
        "blame",
        "faults",
        "selftest",
        "split",
        "report",
        "list",
        "verify",
        "build",
        "preprocess-speed",
        "doctor",
        "overhead",
        "fuzz",
        "completion",
    ]
    assert [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")] == commands
    helped = bench("--help")
    assert (helped.returncode, helped.stdout, helped.stderr) == (0, done.stdout, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("partiy",), "error: python -m bench: unknown command 'partiy'; did you mean 'parity'?\n  next: python -m bench --help\n"),
        (("xyz",), "error: python -m bench: unknown command 'xyz'; known: blame, build, completion, doctor, faults, fuzz, list, "),
        (("run", "--nonsense"), "error: python -m bench run: unrecognized arguments: --nonsense\n  next: python -m bench run --help lists"),
        (("run", "--backbone", "resnet17"), "error: matrix.toml: unknown backbone 'resnet17'; did you mean 'resnet18'?\n"),
    ],
)  # fmt: skip
def test_wrong_usage_is_exit_2(arguments, said):
    done = bench(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(said)
    assert "Traceback" not in done.stderr


def test_json_is_the_results_and_nothing_else(tmp_path):
    folder = tmp_path / "20261121-101500-00ff"
    folder.mkdir()
    write.store(made.results(), folder)
    write.publish(folder)
    done = bench("report", "--reports", str(tmp_path), "--json")
    assert done.returncode == 0
    assert strict.decode(Results, strict.loads(done.stdout, "stdout"), "stdout") == made.results()
    assert bench("report", "--reports", str(tmp_path)).stdout == f"{tmp_path}/latest/index.html\n"


def test_no_run_to_report_of_is_exit_4(tmp_path):
    done = bench("report", "--reports", str(tmp_path))
    assert done.returncode == 4
    assert done.stderr == f"error: {tmp_path}/latest/results.json: no such run\n  next: nox -s bench\n"


def test_no_module_of_bench_imports_torch_or_onnxruntime():
    script = """
import importlib, pkgutil, sys
import bench
for module in pkgutil.walk_packages(bench.__path__, "bench."):
    if module.name not in ("bench.__main__", "bench.record.replay"):
        importlib.import_module(module.name)
print(sorted({"torch", "torchvision", "onnxruntime", "train", "export", "infer_py"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def info(*shape: int | None) -> ValueInfo:
    return ValueInfo("images", shape, "float32")


@pytest.mark.parametrize(
    ("shape", "given", "found"),
    [
        ((None, 3, 224, 224), None, ((3, 224, 224), None)),
        ((1, 3, 224, 224), None, ((3, 224, 224), 1)),
        ((None, 3, None, None), "3x64x48", ((3, 64, 48), None)),
        ((4, 3, None, 48), "3x64x48", ((3, 64, 48), 4)),
        ((None, 128), None, ((128,), None)),
        ((None,), None, ((), None)),
        ((None, None), "7", ((7,), None)),
    ],
)
def test_the_shape_of_a_foreign_model(shape, given, found):
    assert foreign.shape_of(info(*shape), given, "m.onnx") == found


@pytest.mark.parametrize(
    ("shape", "given", "said"),
    [
        ((None, 3, None, 224), None, r"the input images has dynamic dimensions: \(None, 3, None, 224\)"),
        ((None, 3, 224, 224), "3x64x64", "3x64x64 does not fit it"),
        ((None, 3, 224, 224), "1x3x224x224", "does not fit it"),
        ((None, 3, None, None), "3,64,64", "'3,64,64' is not a shape"),
        ((None, 3, None, None), "", "'' is not a shape"),
        ((None, 3, None, None), "3x0x4", "'3x0x4' is not a shape"),
        ((), None, "no dimension"),
    ],
)
def test_a_shape_that_does_not_fit(shape, given, said):
    with pytest.raises(UsageError, match=said):
        foreign.shape_of(info(*shape), given, "m.onnx")


def test_runtimes_are_found_by_name():
    for name in ("torch-eager", "ort-python", "ort-rust"):
        descriptor = find(name)
        assert isinstance(descriptor, Descriptor)
        assert descriptor.name == name
        assert len(descriptor.source()) == 64
    with pytest.raises(UsageError, match="unknown runtime 'ort_rust'; did you mean 'ort-rust'"):
        find("ort_rust")
