"""One live comparison over fake runners, and the command that makes many."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench.fleet import Fleet
from bench.measure.group import Inputs
from bench.selftest import command, pair
from contract.errors import ConcordError
from contract.matrix import Measure
from tests.bench import fakes
from tests.bench.selftest.test_replay import compared as replayed
from tests.bench.whole import MATRIX, ready, trained


def use_fakes(monkeypatch, **slow: object) -> None:
    fakes.use(monkeypatch)
    monkeypatch.setattr(pair, "slowed", lambda share: fakes.descriptor(pair.BASE, commit=fakes.COMMIT, slowdown=share, **slow))


def given(folder: Path) -> tuple[Path, Inputs]:
    fakes.save_model(folder / "raw-static.onnx", fakes.weights())
    return folder / "raw-static.onnx", pair.inputs(folder, (3, 4, 4), seed=0)


def compared(folder: Path, share: float, settings: Measure) -> pair.Compared:
    model, inputs = given(folder)
    with Fleet((pair.BASE, pair.OTHER), 1, folder / "logs") as fleet:
        return pair.compare(model, fakes.cell("raw-static"), inputs, share, settings, fleet, 0, folder)


def test_a_comparison_is_judged_as_a_contrast(tmp_path, monkeypatch):
    use_fakes(monkeypatch)
    found = compared(tmp_path, 0.0, Measure(6.0, 3))
    assert (found.slowdown, found.seconds) == (0.0, 6.0)
    assert (found.contrast.factor, found.contrast.processes, found.contrast.not_comparable) == ("runtime", 3, None)
    assert (found.contrast.cell.runtime, found.contrast.base.runtime) == (pair.OTHER, pair.BASE)
    assert len(found.logs) == 3
    assert found.contrast.rounds >= 3


def test_a_runner_that_fails_is_no_comparison(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    monkeypatch.setattr(pair, "slowed", lambda _: fakes.descriptor(pair.BASE, "crash", verb="time", commit=fakes.COMMIT))
    with pytest.raises(ConcordError, match=r"a comparison failed: .*died"):
        compared(tmp_path, 0.01, Measure(6.0, 3))


def test_the_slowed_runner_is_ort_pythons_own():
    made = pair.slowed(0.03)
    assert made.command(("cpu",))[1:] == ["-m", "infer_py", "slowed", "3"]
    assert made.name == pair.BASE


def test_the_command_writes_what_it_found_after_each_pair(tmp_path, monkeypatch, capsys):
    use_fakes(monkeypatch)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(command, "TRIALS", ((0.0, 2.0, 60), (0.03, 2.0, 60)))
    options = ready(tmp_path)
    trained(tmp_path, options)
    monkeypatch.setattr("sys.argv", ["bench", "selftest", "--trials", "1", *arguments(tmp_path)])
    assert bench.main() == 0
    (folder,) = (tmp_path / "reports").iterdir()
    tested = json.loads((folder / "selftest.json").read_text())
    assert [(row["slowdown"], row["trials"]) for row in tested["live"]] == [(0.0, 1), (0.03, 1)]
    assert tested["subject"] == "wings/resnet18 (random) raw-static, batch 1"
    assert "| 3% | 2 s | 1 |" in (folder / "selftest.md").read_text()
    assert capsys.readouterr().out.splitlines()[-1] == str(folder / "selftest.md")


def test_all_pairs_as_data(tmp_path, monkeypatch, capfd):
    use_fakes(monkeypatch)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(command, "compare", lambda _model, _cell, _given, share, *_: replayed(share, share))
    trained(tmp_path, ready(tmp_path))
    monkeypatch.setattr("sys.argv", ["bench", "selftest", "--trials", "1", "--json", *arguments(tmp_path)])
    assert bench.main() == 0
    said = capfd.readouterr()
    told = json.loads(said.out)
    assert [each["slowdown"] for each in told["compared"]] == [share for share, _, _ in command.TRIALS]
    assert told["subject"] == "wings/resnet18 (random) raw-static, batch 1"
    assert "| 3% | 15 s | 1 |" in said.err


def test_quick_is_three_pairs_of_each(tmp_path, monkeypatch):
    use_fakes(monkeypatch)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(command, "compare", lambda _model, _cell, _given, share, *_: replayed(share, share))
    quick = 'backbone = ["resnet18"]\nvariant = ["raw-dynamic"]\nrecipe = "quick"\nper_species = 12\nparity_images = 8'
    options = ready(tmp_path, matrix=f"{MATRIX}\n[quick]\n{quick}\nmeasure_seconds = 2\nmeasure_generations = 3\n")
    trained(tmp_path, replace(options, quick=True))
    monkeypatch.setattr("sys.argv", ["bench", "selftest", "--quick", *arguments(tmp_path)])
    assert bench.main() == 0
    (folder,) = (tmp_path / "reports").iterdir()
    assert [row["trials"] for row in json.loads((folder / "selftest.json").read_text())["live"]] == [3] * len(command.TRIALS)


def test_where_no_variant_is_there_the_step_that_makes_one_is_said(tmp_path):
    subject = fakes.subject(tmp_path)
    assert pair.variant_of(subject) == "raw-static"
    quick = replace(subject.export, variants=tuple(each for each in subject.export.variants if each.batch == "dynamic"))
    assert pair.variant_of(replace(subject, export=quick)) == "raw-dynamic"
    only = replace(subject.export, variants=tuple(each for each in subject.export.variants if each.simplify))
    with pytest.raises(ConcordError, match="neither raw-static nor raw-dynamic was exported") as caught:
        pair.variant_of(replace(subject, export=only))
    assert "nox -s export" in str(caught.value.next)


@pytest.mark.parametrize(
    ("more", "said"), [(["--trials", "0"], "--trials must be at least 1"), (["--backbone", "resnet18", "regnet_x_400mf"], "2 are chosen")]
)
def test_bad_input(tmp_path, monkeypatch, more, said):
    ready(tmp_path)
    monkeypatch.setattr("sys.argv", ["bench", "selftest", *more, *arguments(tmp_path)])
    with pytest.raises(ConcordError, match=said):
        bench.main()


def arguments(folder: Path) -> list[str]:
    where = [f"--{name}={folder / name}" for name in ("artifacts", "data", "reports")]
    return ["--matrix", str(folder / "matrix.toml"), "--threads=1", *where]
