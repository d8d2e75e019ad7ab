"""`python -m export`: plan, skipping what is current, failures of variants, exit codes, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from contract import artifact, lock, manifest, options
from contract.errors import DataError
from contract.layout import CHECKOUT
from contract.manifest import CHECKPOINT, EXPORT, TRAIN, ExportManifest, ImageEntry, TrainManifest, WeightsHad
from contract.preprocess import CenterCrop, Shorter
from export import plan, step, table
from export.build import _staging, build
from export.worker import Work
from export.workshop import WorkFailed, Workshop
from tests import exif
from tests.export import trained
from tests.export.conftest import BACKBONE, VARIANTS, Exported, job, tiny
from train import preset


def jobs(argv: list[str], source: str = "s", *more: str) -> list[plan.Job]:
    asked, _ = options.parse(options.parser("test", ""), [*argv, *more])
    return plan.plan(asked, options.select(asked), source)


def pretend_exported(folder: Path, source: str) -> ExportManifest:
    """An export.json over files that are no models: what the plan looks at is hashes."""
    made = manifest.read(TrainManifest, folder / TRAIN, "")
    entries = []
    for variant in VARIANTS:
        path = folder / f"{variant.name}.onnx"
        path.write_text(variant.name)
        entries.append(
            manifest.VariantFile(
                variant.name, path.name, artifact.sha256_file(path), 4, variant.simplify, variant.batch, 20, 20,
                {"Conv": 1}, {"Conv": 2}, "ab", variant.simplify, "full", {"1": 1e-7}, 0.5,
            )
        )  # fmt: skip
    files = {entry.file: entry.sha256 for entry in entries}
    done = ExportManifest(
        "wings", BACKBONE, "0123abcd", made.files[CHECKPOINT], tuple(entries), (), (), {}, source, plan.inputs_hash(made), 1.0, files
    )
    manifest.write(done, folder / EXPORT)
    return done


def test_everything_is_to_do_at_first(argv: list[str]):
    (only,) = jobs(argv)
    assert [variant.name for variant in only.todo] == ["raw-static", "raw-dynamic", "sim-static", "sim-dynamic"]
    assert only.kept == ()
    assert "4 ONNX files of wings/squeezenet1_1" in step.announced([only])


def test_nothing_is_to_do_when_all_is_current(argv: list[str], folder: Path):
    pretend_exported(folder, "s")
    (only,) = jobs(argv)
    assert only.todo == ()
    assert step.announced([only]) == "export: nothing to do, 4 files are current"


def test_a_touched_file_is_made_again_and_the_others_are_kept(argv: list[str], folder: Path):
    pretend_exported(folder, "s")
    (folder / "sim-static.onnx").write_text("touched")
    (only,) = jobs(argv)
    assert [variant.name for variant in only.todo] == ["sim-static"]
    assert len(only.kept) == 3


def test_only_chosen_variants_are_made(argv: list[str]):
    (only,) = jobs(argv, "s", "--variant", "raw-dynamic")
    assert [variant.name for variant in only.todo] == ["raw-dynamic"]


@pytest.mark.parametrize("reason", ["code", "checkpoint", "force", "manifest"])
def test_what_makes_everything_stale(argv: list[str], folder: Path, reason: str):
    pretend_exported(folder, "other" if reason == "code" else "s")
    if reason == "checkpoint":
        made = manifest.read(TrainManifest, folder / TRAIN, "")
        (folder / CHECKPOINT).write_bytes(b"other")
        manifest.write(replace(made, files={CHECKPOINT: artifact.sha256_file(folder / CHECKPOINT)}), folder / TRAIN)
    if reason == "manifest":
        (folder / EXPORT).write_text("{")
    (only,) = jobs(argv, "s", *(["--force"] if reason == "force" else []))
    assert len(only.todo) == 4
    assert only.kept == ()


def test_what_another_run_did_meanwhile_is_seen_under_the_lock(argv: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Planned before the other run wrote: made anew, its files would stand in no manifest, or be of another checkpoint."""
    (planned,) = jobs(argv)
    done = pretend_exported(folder, "s")
    asked, _ = options.parse(options.parser("test", ""), argv)
    assert plan.renewed(planned, options.select(asked), "s", force=False).todo == ()
    assert len(plan.renewed(planned, options.select(asked), "s", force=True).todo) == 4
    monkeypatch.setattr("export.build.under_way", lambda *_: pytest.fail("made again"))
    assert step._build_all([planned], lambda job: plan.renewed(job, options.select(asked), "s", force=False), 1, "s", print) == [done]


def test_a_leftover_of_a_process_of_the_same_number_does_not_stand_in_the_way(tmp_path: Path):
    (tmp_path / f".tmp-{os.getpid()}-export" / "old").mkdir(parents=True)
    with _staging(tmp_path) as staging:
        assert list(staging.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_a_corrupt_checkpoint_is_refused_before_any_work(argv: list[str], folder: Path):
    broken = bytearray((folder / CHECKPOINT).read_bytes())
    broken[-1] ^= 1
    (folder / CHECKPOINT).write_bytes(broken)
    with pytest.raises(DataError, match="corrupt") as caught:
        jobs(argv)
    assert CHECKPOINT in caught.value.where
    assert "nox -s train" in caught.value.next


def test_what_was_never_trained_says_how_to(tmp_path: Path):
    with pytest.raises(DataError, match="has not been trained") as caught:
        jobs(["--artifacts", str(tmp_path), "--backbone", "resnet18"])
    assert "nox -s train" in caught.value.next


def test_changed_and_missing_test_images(exported: Exported, tmp_path: Path):
    from export.images import held_out

    gone = replace(exported.trained, root=str(tmp_path))
    with pytest.raises(DataError, match="a test image is missing"):
        held_out(gone)
    first = exported.trained.split["test"][0]
    (tmp_path / first.path).write_bytes(b"other")
    with pytest.raises(DataError, match="has changed since training"):
        held_out(gone)
    with pytest.raises(DataError, match="no test images"):
        held_out(replace(exported.trained, split={"test": ()}))


def test_held_out_images_are_turned_as_in_training(exported: Exported, tmp_path: Path):
    from export.images import held_out

    wide = exif.drawn(7, 5)
    (tmp_path / "a.png").write_bytes(exif.png(wide, (b"eXIf", exif.SIX)))
    entry = ImageEntry("a.png", 0, artifact.sha256_file(tmp_path / "a.png"))
    small = replace(exported.trained.preprocess, resize=Shorter("shorter", 8), crop=CenterCrop("center", 8, 8))
    made = replace(exported.trained, root=str(tmp_path), split={"test": (entry,)})
    for orient, expected in ((False, wide), (True, wide.transpose(Image.Transpose.ROTATE_270))):
        spec = replace(small, orient=orient)
        assert torch.equal(held_out(replace(made, preprocess=spec))[0], preset.transform(spec)(expected))


class Breaking(Workshop):
    """A workshop in which the simplifier crashes."""

    def ask(self, work: Work):
        if work.out is not None:
            raise WorkFailed("crashed (SIGSEGV)", where=work.name)
        return super().ask(work)


def test_a_crashing_simplifier_costs_its_variants_only(tmp_path: Path):
    made = trained.write(tmp_path / "0123abcd", "tiny", tiny(), tmp_path / "images")
    with Breaking() as workshop:
        done = build(job(tmp_path / "0123abcd", made), tiny, workshop, 1, "s")
    assert [entry.name for entry in done.variants] == ["raw-static", "raw-dynamic"]
    assert [(entry.name, entry.why) for entry in done.failed] == [("sim-static", "crashed (SIGSEGV)"), ("sim-dynamic", "crashed (SIGSEGV)")]
    assert manifest.read_verified(ExportManifest, tmp_path / "0123abcd" / EXPORT, "") == done
    assert "sim-static   failed:" in table.variants([done], [made.weights])


def test_an_answer_that_is_no_number_is_refused(tmp_path: Path):
    import torch

    model = tiny()
    torch.nn.init.constant_(model.head.bias, float("nan"))
    made = trained.write(tmp_path / "0123abcd", "tiny", model, tmp_path / "images")
    with Workshop() as workshop, pytest.raises(DataError, match="NaN"):
        build(job(tmp_path / "0123abcd", made), lambda _: model, workshop, 1, "s")
    assert not list((tmp_path / "0123abcd").glob(".tmp-*"))


def test_the_table_says_when_nothing_changed(argv: list[str], folder: Path):
    text = table.variants([pretend_exported(folder, "s")], [WeightsHad(("random",), "random", None, None)])
    assert text.splitlines()[0] == "wings/squeezenet1_1 (random)"
    assert "sim-static   2 -> 1" in text
    assert "onnxsim changed nothing" in text


def run(argv: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "export", *argv], cwd=CHECKOUT, capture_output=True, text=True, check=False)


def test_exit_codes_without_work(argv: list[str], folder: Path, tmp_path: Path):
    cases = {2: [*argv, "--variant", "raw-statik"], 4: ["--artifacts", str(tmp_path / "none")], 0: ["--help"]}
    for code, words in cases.items():
        done = run(words)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
    assert "raw-static" in run(cases[2]).stderr


def test_help_needs_no_torch():
    code = "import sys, export.step; print('torch' in sys.modules, 'onnx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"


@pytest.mark.slow
def test_the_step_from_end_to_end(argv: list[str], folder: Path):
    first = run(argv)
    assert first.returncode == 0, first.stderr
    lines = first.stdout.splitlines()
    assert lines[0].startswith("export: 4 ONNX files of wings/squeezenet1_1")
    assert "torch.onnx" not in first.stdout
    assert any(line.split()[0] == "sim-dynamic" for line in lines if line.startswith("  "))
    done = manifest.read_verified(ExportManifest, folder / EXPORT, "")
    assert len(done.variants) == 4

    again = run([*argv, "--json"])
    assert again.returncode == 0
    assert json.loads(again.stdout)[0]["config"] == "0123abcd"
    assert "nothing to do, 4 files are current" in again.stderr


def test_two_runs_at_once_do_not_write_to_one_folder(argv: list[str], folder: Path):
    with lock.exclusive(folder.parent, "train"):
        done = run(argv)
    assert done.returncode == 3
    assert "in use: train" in done.stderr
    assert not (folder / EXPORT).exists()


@pytest.fixture
def running(argv: list[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "export", *argv],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    yield process
    process.kill()
    process.communicate()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ctrl_c_returns_130_and_leaves_nothing_behind(running: subprocess.Popen[str], folder: Path):
    assert running.stdout is not None
    while not running.stdout.readline().startswith("[1/1]"):
        pass
    while not list(folder.glob(".tmp-*/*.onnx")):
        assert running.poll() is None
        time.sleep(0.02)
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    assert children
    os.kill(running.pid, signal.SIGINT)
    _, error = running.communicate(timeout=60)
    assert running.returncode == 130, error
    assert "Traceback" not in error
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    assert not list(folder.glob(".tmp-*"))
    assert not (folder / EXPORT).exists()
