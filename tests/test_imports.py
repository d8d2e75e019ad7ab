"""Who may import what: asked of fresh interpreters, and of import-linter."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from contract.layout import CHECKOUT

# Imports the modules named on the command line, and says which of the heavy ones came along.
PROGRAM = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*[name for name in ("torch", "torchvision", "onnxruntime", "openvino") if name in sys.modules])
"""


# Files of a pytest run of bench's own: importing them wants that run's environment.
PYTEST_FILES = {"bench.record.replay"}


def modules(package: str) -> list[str]:
    """Every module of a package but its `__main__`."""
    files = sorted((CHECKOUT / package).rglob("*.py"))
    names = [".".join(path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__") for path in files]
    return [name for name in names if not name.endswith("__main__") and name not in PYTEST_FILES]


def imported(path: Path) -> set[str]:
    """Packages that a file names, wherever in it, importlib's among them."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {str(node.module)}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and isinstance(node.args[0], ast.Constant):
            found |= {str(node.args[0].value)}
    return {name.partition(".")[0] for name in found}


def test_contract_is_standard_library_and_numpy():
    """With one exception: argcomplete, which contract/completion.py imports only where a shell asks."""
    known = sys.stdlib_module_names | {"numpy", "contract"}
    files = (CHECKOUT / "contract").rglob("*.py")
    assert {(path.name, name) for path in files for name in imported(path) - known} == {("completion.py", "argcomplete")}


def heavy(*names: str, folder: Path = CHECKOUT) -> str:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *names], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("package", ["contract", "infer_py", "bench"])
def test_torch_is_not_imported_by_what_must_run_without_it(package):
    names = modules(package)
    assert package in names
    assert heavy(*names) == ("onnxruntime" if package == "infer_py" else "")


def test_what_every_runner_in_python_shares_brings_no_library_along():
    # A runner of another library would measure ONNX Runtime's import in its cold starts, and hold its memory.
    assert heavy("infer_py.verbs", "infer_py.library", "infer_py.decoder") == ""


def test_the_test_would_see_it(tmp_path):
    (tmp_path / "torch.py").touch()
    (tmp_path / "ours.py").write_text("import torch")
    assert heavy("ours", folder=tmp_path) == "torch"


def test_the_import_rules_hold():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Contracts: 6 kept, 0 broken." in done.stdout
