"""What a run leaves that ends before it has results, and what it says first."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench import run
from bench.begin import folder_of_run
from contract.errors import EnvironmentFault
from tests.bench import fakes
from tests.bench.whole import ready, trained


@pytest.mark.parametrize("measuring", [True, False])
def test_what_ends_before_there_are_results_leaves_no_folder(tmp_path, pids, monkeypatch, measuring):
    options = ready(tmp_path)
    trained(tmp_path, options)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run.plan, "show", stop)
    with pytest.raises(KeyboardInterrupt):
        run.run(options, measuring=measuring)
    assert list((tmp_path / "reports").iterdir()) == []


def test_a_folder_whose_log_the_error_names_stays(tmp_path):
    def end(said: str) -> None:
        with folder_of_run(tmp_path) as folder:
            (folder / "logs").mkdir()
            raise EnvironmentFault(said.format(folder=folder))

    with pytest.raises(EnvironmentFault):
        end("no disk")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(EnvironmentFault):
        end("it crashed (log: {folder}/logs/ort-rust.log)")
    assert len(list(tmp_path.iterdir())) == 1


def test_models_that_have_to_be_copied_need_room_on_the_disk_of_the_reports(tmp_path, monkeypatch):
    fakes.use(monkeypatch)
    monkeypatch.setattr(run, "build", lambda **_: None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    options = ready(tmp_path)
    trained(tmp_path, options)
    at = Path.stat

    def elsewhere(path: Path, **how: bool) -> os.stat_result:
        found = at(path, **how)
        return found if "artifacts" in path.parts else os.stat_result((*found[:2], found.st_dev + 1, *found[3:]))

    monkeypatch.setattr(Path, "stat", elsewhere)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    with pytest.raises(EnvironmentFault, match=r"the plan needs .* and 0\.0 GB are free") as caught:
        run.run(options, measuring=True)
    assert "point --reports at another disk" in caught.value.next
    assert list((tmp_path / "reports").iterdir()) == []


def test_parity_says_that_a_gate_on_speed_is_not_its_own(tmp_path, pids, capfd):
    options = ready(tmp_path, "--images", "9", "--gate", "some-run")
    trained(tmp_path, options)
    assert run.run(options, measuring=False)[0].exit_code == 0
    assert "parity judges no speed: --gate some-run is for bench run" in capfd.readouterr().err
