"""Every command in README.md and docs/ is one that the program understands; every block of matrix.toml in them is read by its loader."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from bench import action
from contract.layout import CHECKOUT
from contract.matrix import load
from contract.preprocess import PreprocessSpec
from tests.docs import reading
from tests.docs.calls import calls, selected, understood

PAGES = {page.relative_to(CHECKOUT).as_posix(): page.read_text(encoding="utf-8") for page in reading.pages()}
COMMANDS = [command for name, text in PAGES.items() for command in reading.commands(name, text)]


def extended(matrix: Path, text: str, folder: Path) -> Path:
    """A matrix with the entries that a page adds to it; one that it has already must be the page's, too."""
    there = tomllib.loads(matrix.read_text(encoding="utf-8"))
    added = []
    for block in reading.blocks(text, "toml"):
        entries = [(noun, entry) for noun, found in tomllib.loads(block).items() for entry in found]
        known = [(noun, entry) for noun, entry in entries if entry.get("name") in [each.get("name") for each in there.get(noun, [])]]
        assert not known or known == entries, "what matrix.toml has stands in a block of its own"
        assert all(entry in there[noun] for noun, entry in known), f"matrix.toml has another entry than {known}"
        added += [] if known else [block]
    made = folder / "matrix.toml"
    made.write_text("\n".join([matrix.read_text(encoding="utf-8"), *added]), encoding="utf-8")
    return made


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{command.page}:{command.line}")
def test_every_command_is_understood(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for call in calls(command, tmp_path, monkeypatch):
        if call[0] == "python":
            parsed = understood(call, monkeypatch)
            if parsed is not None:
                selected(replace(parsed, matrix=extended(CHECKOUT / "matrix.toml", PAGES[command.page], tmp_path)))


@pytest.mark.parametrize("name", PAGES)
def test_every_entry_of_a_page_loads(name, tmp_path):
    loaded = load(extended(CHECKOUT / "matrix.toml", PAGES[name], tmp_path))
    for block in reading.blocks(PAGES[name], "toml"):
        for noun, entries in tomllib.loads(block).items():
            assert all(loaded.find(noun, entry["name"]) for entry in entries if noun != "skip")


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name):
    links = [link for link in re.findall(r"\]\(([^)#]+)", PAGES[name]) if "://" not in link]
    assert [link for link in links if not (CHECKOUT / name).parent.joinpath(link).exists()] == []


def test_the_pages_that_there_are_can_be_reached_from_the_readme():
    missing = [name for name in PAGES if name.startswith("docs/") and f"({name})" not in PAGES["README.md"]]
    assert missing == [], "README.md has no link to it"


def test_a_preprocess_spec_is_a_whole_one():
    (block,) = reading.blocks(PAGES["docs/own-onnx-file.md"], "json")
    assert PreprocessSpec.from_json(block).input_size == (224, 224)


def test_the_workflow_has_ten_lines_and_gives_inputs_that_the_action_has():
    block, artifact = reading.blocks(PAGES["docs/gate-in-ci.md"], "yaml")
    assert len(block.splitlines()) <= 10
    checkout, gate = yaml.safe_load(block)["jobs"]["parity"]["steps"]
    assert set(action.REQUIRED) <= set(gate["with"]) <= set(action.INPUTS)
    assert checkout["uses"] in (CHECKOUT / ".github" / "workflows" / "ci.yml").read_text().replace(" # v5.0.0", "")
    assert "steps.parity.outputs.report" in yaml.safe_load(artifact)[0]["with"]["path"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("    make all", "no test knows how to run this: make all"),
        ("    nox -s trian", "there is no nox session 'trian'"),
        ("    nox -s train -- --bakbone resnet18", "exit 2"),
        ("    nox -s train -- --backbone resnet81", "did you mean 'resnet18'"),
        ("    nox -s train -- --recipe heads", "did you mean 'head'"),
        ("    nox -s clean -- --everything", "unknown --everything"),
        ("    nox -s tests -- -k matrix", "no test knows how"),
        ("    nox -s bench | tee", "no test knows how to run this: tee"),
        ("    uv pip install --python .venv openvino", "no test knows how"),
        ("    python -m pytest tests/nowhere", "no test knows how"),
        ("    python -m docs.examples.nothing", "no test knows how"),
        ("    python -m bench.rules --write", "no test knows how"),
        ("    python -m bench parity --onnx a.onnx --refrence b.onnx", "exit 2"),
        ("    python -m bench overhead --quik", "exit 2"),
        ("    python -m infer_py predikt model.onnx", "exit 2"),
        ("    python -m train --epochs 0", "exit 2"),
        ("see `nox -s parity -- --image 3`", "exit 2"),
        ("```\nnox -s train\n```", "say what the block holds"),
        ("    nox -s train \\\n    -- --quick", "write the command on one line"),
        ("see `nox -s\nparity`", "ends on the line on which it begins"),
    ],
)
def test_what_is_wrong_is_found(text, why, tmp_path, monkeypatch, capsys):
    def judge() -> None:
        for command in reading.commands("page.md", text):
            for call in calls(command, tmp_path, monkeypatch):
                parsed = understood(call, monkeypatch)
                if parsed is not None:
                    selected(parsed)

    with pytest.raises(AssertionError, match=re.escape(why)):
        judge()


def test_an_entry_that_the_matrix_has_is_the_same_one(tmp_path):
    matrix = CHECKOUT / "matrix.toml"
    assert extended(matrix, '```toml\n[[runtime]]\nname = "ort-rust"\n```', tmp_path).read_text() == matrix.read_text()
    with pytest.raises(AssertionError, match="another entry"):
        extended(matrix, '```toml\n[[recipe]]\nname = "head"\ntrain = "all"\nepochs = 1\n```', tmp_path)


def test_what_a_page_holds_is_found():
    text = "say `uvx nox -s doctor`, not `--quick`\n\n    pip install uv && nox -s train  # both\n    # nothing\n\n"
    text += "```toml\nnox = 1\n```\n- a\n    b\n"
    found = [str(command) for command in reading.commands("page.md", text)]
    assert found == ["uvx nox -s doctor", "pip install uv", "nox -s train"]


def test_a_pipeline_is_found_whole_and_a_line_of_another_kind_is_none():
    text = "    printf 'a | b' | cat\n    printf 'a | b'  # | cat\n    nox -s train && nox -s export\n"
    assert reading.pipelines("page.md", text) == [(1, "printf 'a | b' | cat")]
