"""The differential fuzzer: it finds what was planted, and files come apart and together again."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench.fuzz import campaign, command
from bench.fuzz.campaign import cases
from bench.fuzz.judge import Answer, Decoder, by_pillow
from bench.fuzz.parts import FORMS
from bench.fuzz.seeds import seeds
from contract.errors import EnvironmentFault, JudgedBad, Stopped
from contract.pictures import FORMATS


def fake(fault: str) -> list[str]:
    return [sys.executable, "-m", "tests.bench.fake_decoder", fault]


@pytest.mark.parametrize("form", FORMATS)
def test_seeds_are_whole_files_that_come_apart_and_together_again(form, tmp_path):
    split, join = FORMS[form]
    read = 0
    for data in seeds(form):
        parts = split(data)
        assert join(parts) == data
        assert parts.bodies
        (tmp_path / "x").write_bytes(data)
        read += by_pillow(tmp_path / "x").pixels is not None
    # A few BMP files are whole and yet refused, such as grey ramps of few bits.
    assert read > len(seeds(form)) * 0.85


def test_a_case_is_the_same_whatever_is_run_beside_it():
    alone = [case.data() for case in cases(3, 60, FORMATS) if case.form == "PNG"]
    sharded = {case.number: case.data() for shard in range(4) for case in cases(3, 60, FORMATS, shard, 4) if case.form == "PNG"}
    assert alone == [sharded[number] for number in sorted(sharded)]
    assert alone != [case.data() for case in cases(4, 60, FORMATS) if case.form == "PNG"]


def test_damage_leaves_some_files_readable_and_spoils_others(tmp_path):
    for form in FORMATS:
        outcomes = set()
        for case in cases(0, 60, (form,)):
            (tmp_path / "x").write_bytes(case.data())
            outcomes.add(by_pillow(tmp_path / "x").pixels is not None)
        assert outcomes == {True, False}, form


def test_no_disagreement_where_there_is_none(tmp_path):
    found = campaign.run(cases(0, 100, FORMATS), fake("none"), tmp_path / "kept")
    assert found.counts.total() == 100
    assert not found.disagreements
    assert not (tmp_path / "kept").exists()


def test_a_planted_fault_is_found_and_kept_small_with_both_answers(tmp_path):
    found = campaign.run(cases(0, 60, FORMATS), fake("wrong-gif"), tmp_path)
    wrong = {form for (form, outcome), count in found.counts.items() if outcome == "disagree" and count}
    assert wrong == {"GIF"}
    for about in found.disagreements:
        assert json.loads((tmp_path / f"{about['file']}.json").read_text()) == about
        assert about["pillow"].split(" ")[0] == about["infer_rs"].split(" ")[0]
        assert about["infer_rs"].split(" ")[1] == "0" * 64
        small, whole = tmp_path / f"small-{about['file']}", tmp_path / about["file"]
        assert small.stat().st_size < whole.stat().st_size
        assert by_pillow(small).pixels


def test_an_orientation_that_is_not_read_is_a_finding(tmp_path):
    found = campaign.run(cases(0, 60, ("JPEG",)), fake("upright"), tmp_path)
    assert found.disagreements
    for about in found.disagreements:
        said = [about[name].split(" ") for name in ("pillow", "infer_rs")]
        assert said[0][:2] == said[1][:2]
        assert (said[0][2] in set("12345678"), said[1][2]) == (True, "None")


def test_a_refusal_that_is_not_for_bad_data_is_a_finding(tmp_path):
    found = campaign.run(cases(0, 40, ("BMP",)), fake("panics"), tmp_path)
    assert found.counts["BMP", "both refuse"] == 0
    assert found.counts["BMP", "disagree"] > 5
    assert all("FAILED" in about["infer_rs"] for about in found.disagreements)


def files(folder: Path) -> list[Path]:
    made = []
    for number, form in enumerate(("BMP", "PNG", "GIF")):
        made.append(folder / str(number))
        made[-1].write_bytes(seeds(form)[-1])
    return made


def test_a_decoder_that_dies_is_a_finding_and_is_started_again(tmp_path):
    paths = files(tmp_path)
    with Decoder(fake("dies")) as decoder:
        decoder.send(paths)
        answers = decoder.answers(paths)
    assert "exit code 7" in answers[1].said
    assert [answer.sound for answer in answers] == [True, False, True]
    assert [answer.pixels for answer in answers] == [by_pillow(paths[0]).pixels, None, by_pillow(paths[2]).pixels]


def test_a_decoder_that_hangs_is_a_finding_and_is_started_again(tmp_path):
    paths = files(tmp_path)
    with Decoder(fake("hangs"), seconds=4.0) as decoder:
        decoder.send(paths)
        answers = decoder.answers(paths)
    assert "hung for 4 s" in answers[1].said
    assert [answer.pixels for answer in answers] == ["1x1 0 None", None, "1x1 0 None"]


def test_what_infer_py_would_not_catch_is_a_finding(tmp_path, monkeypatch):
    def surprised(*_: object, **__: object) -> None:
        raise RuntimeError("surprise")

    monkeypatch.setattr("PIL.Image.open", surprised)
    answer = by_pillow(tmp_path / "x")
    assert (answer.sound, answer.said) == (False, "RuntimeError: surprise")
    assert not answer.agrees(Answer(None, "refused"))


def test_the_command_exits_1_on_a_disagreement_and_3_without_a_binary(tmp_path, monkeypatch, capsys):
    script = tmp_path / "fake"
    script.write_text(f"#!/bin/sh\nexec {sys.executable} -m tests.bench.fake_decoder wrong-gif\n")
    script.chmod(0o755)
    monkeypatch.setattr("bench.runtimes.ort_rust.BINARY", script)
    with pytest.raises(JudgedBad, match=r"disagreements:\n  seed1-\d+\.gif: Pillow"):
        command.main(["--seed", "1", "--count", "50", "--jobs", "1", "--out", str(tmp_path / "kept")])
    assert "disagree" in capsys.readouterr().out
    with pytest.raises(JudgedBad) as caught:
        command.main(["--seed", "1", "--count", "50", "--jobs", "1", "--json", "--out", str(tmp_path / "again")])
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert caught.value.answered
    assert (told["seed"], told["files"], list(told["counts"])) == (1, 50, list(FORMATS))
    assert told["counts"]["GIF"]["disagree"] == len(told["disagreements"]) > 0
    assert {f"{each['file']}" for each in told["disagreements"]} <= {path.name for path in (tmp_path / "again").iterdir()}
    assert "50 files, seed 1, " in said.err
    assert list((tmp_path / "kept").glob("small-*.gif"))
    assert command.main(["--count", "40", "--jobs", "1", "--format", "bmp", "--out", str(tmp_path / "none")]) == 0
    monkeypatch.setattr("bench.runtimes.ort_rust.BINARY", Path("/nowhere/infer-rs"))
    monkeypatch.setattr("bench.runtimes.ort_rust.CHECKOUT", Path("/nowhere"))
    monkeypatch.setattr("bench.fuzz.command.CHECKOUT", Path("/nowhere"))
    with pytest.raises(EnvironmentFault, match="not built"):
        command.main(["--count", "1"])


def test_whoever_stops_it_is_told_what_is_kept_and_that_it_begins_anew(tmp_path, monkeypatch):
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.runtimes.ort_rust.BINARY", Path(sys.executable))
    monkeypatch.setattr(command, "in_parallel", stop)
    with pytest.raises(Stopped, match=rf"are in {tmp_path}; the same command makes the same files anew"):
        command.main(["--out", str(tmp_path)])


def test_how_far_it_is_stands_in_few_lines_on_stderr(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "ProcessPoolExecutor", ThreadPoolExecutor)
    monkeypatch.setattr(command, "one_shard", lambda *_: campaign.Found())
    command.in_parallel(0, 40 * command.SHARD, FORMATS, 2, tmp_path)
    said = capsys.readouterr()
    assert said.out == ""
    told = [line.split("] ", 1)[1].partition(" (about ")[0] for line in said.err.splitlines()]
    assert told == ["40,000 files", *(f"{part * 4_000:,} of 40,000 files, 0 disagreements" for part in range(1, command.LINES + 1))]
