"""The whole command over fake runners."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench.split import command
from bench.split.programs import Chain, Program
from contract.errors import ConcordError, EnvironmentFault
from tests.bench import fakes
from tests.bench.selftest.test_pair import arguments
from tests.bench.whole import ready, trained

NAMES = ("ort-python", "python-c", "ort-rust")


def chain(**faulty: object) -> Chain:
    """Three fake programs: two of ort-python, one of ort-rust."""
    made = []
    for name in NAMES:
        runtime = "ort-rust" if name == "ort-rust" else "ort-python"
        fault = faulty.get(name.replace("-", "_"))
        made.append(Program(name, f"{name} & what it is", fakes.descriptor(runtime, fault, commit=fakes.COMMIT, verb="time")))
    return Chain(tuple(made), "ort-rust")


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """The command's options, with a subject that was trained."""
    fakes.use(monkeypatch)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(command, "build", lambda **_: None)
    monkeypatch.setattr(command, "chain", chain)

    def ask(*more: str) -> Path:
        trained(tmp_path, ready(tmp_path, *more))
        monkeypatch.setattr("sys.argv", ["bench", "split", *arguments(tmp_path), *more])
        return tmp_path / "reports"

    return ask


def test_a_chain_is_measured_and_written(asked, capfd):
    reports = asked("--seconds", "6")
    assert bench.main() == 0
    (folder,) = reports.iterdir()
    (split,) = json.loads((folder / "split.json").read_text())
    assert [step["contrast"]["cell"]["runtime"] for step in split["judged"]["steps"]] == ["python-c", "ort-rust"]
    assert split["judged"]["total"]["contrast"]["not_comparable"] is None
    generations = split["judged"]["total"]["contrast"]["processes"]
    assert generations >= 3
    assert [len(step["logs"]) for step in split["judged"]["steps"]] == [generations, generations]
    assert [(each["cell"]["variant"], each["other"]["variant"]) for each in split["noise"]["controls"]] == [
        ("raw-static", "raw-static again")
    ]
    said = capfd.readouterr()
    assert "forecast: wings/resnet18: latency-1: 4 cells, " in said.err
    assert said.out.splitlines()[-1] == str(folder / "split.md")
    text = (folder / "split.md").read_text()
    assert text in said.out
    assert "| ort-python | python-c | python-c &amp; what it is |" in text.replace("\\", "")
    assert {path.name.partition("~")[0].removesuffix(".log") for path in (folder / "logs" / "resnet18").iterdir()} == set(NAMES)


def test_each_backbone_is_measured_by_itself(asked, monkeypatch, capfd):
    asked("--backbone", "resnet18", "regnet_x_400mf", "--seconds", "8", "--json")
    asked_for = []
    measure = command.measure
    monkeypatch.setattr(
        command, "measure", lambda sites, fleet, settings, *rest, **more: asked_for.append((sites[0].name, settings.seconds))
        or measure(sites, fleet, settings, *rest, **more),
    )  # fmt: skip
    assert bench.main() == 0
    # One half of the time each; what stands for the second one is a link to the first.
    assert asked_for == [("wings/resnet18", 4.0), ("wings/resnet18", 4.0)]
    said = capfd.readouterr()
    assert [each["subject"] for each in json.loads(said.out)] == ["wings/resnet18 (random) raw-static, batch 1"] * 2
    assert said.err.count("step by step") == 2


def test_it_is_written_into_the_document(asked, monkeypatch, tmp_path):
    asked("--seconds", "4")
    command.sys.argv.append("--write")
    (tmp_path / "METHODOLOGY.md").write_text(f"before\n{command.BEGIN}\nold\n{command.END}\nafter\n")
    monkeypatch.setattr(command, "CHECKOUT", tmp_path)
    assert bench.main() == 0
    text = (tmp_path / "METHODOLOGY.md").read_text()
    assert "step by step" in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")


@pytest.mark.parametrize(("fault", "said"), [("crash", "died"), ("wrong-crc", "another answer than the verified one")])
def test_a_program_that_fails_ends_it(asked, monkeypatch, fault, said):
    reports = asked("--seconds", "6")
    monkeypatch.setattr(command, "chain", lambda: chain(python_c=fault))
    with pytest.raises(ConcordError, match=f"a program of the chain failed: .*{said}"):
        bench.main()
    assert not list(reports.glob("*/split.json"))


def test_elsewhere_than_on_linux(asked, monkeypatch):
    asked()
    monkeypatch.setattr(command.sys, "platform", "darwin")
    with pytest.raises(EnvironmentFault, match="takes Linux"):
        bench.main()
