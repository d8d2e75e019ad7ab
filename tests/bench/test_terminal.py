"""Tables on terminals of any width: whole words and whole numbers; and files that look the same on every machine."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from bench.report import table, tables, terminal, typeset, write
from bench.report.table import WIDTH, Table
from bench.results import StepTime
from tests.bench import made

TIMES = Table("Times", ("program", "median"), [("resnet18", "1234567.25 [1234560.00, 1234570.00]")], frozenset({1}))


def shown(found: list[Table], width: int) -> str:
    file = io.StringIO()
    terminal.show(found, Console(file=file, width=width, color_system=None))
    return file.getvalue()


def words(text: str) -> set[str]:
    return set(re.split(r"[\s│┃]+", text))


@pytest.mark.parametrize("width", [36, 60, 80, 100, 120, 160, WIDTH - 1])
def test_no_line_of_a_table_is_too_long_and_no_word_is_broken(width):
    found = [replace(each, notes=()) for each in tables.all_tables(made.results())]
    text = shown(found, width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert "…" not in text
    asked = {word for each in found for row in each.rows for cell in row for word in cell.split() if len(word) <= terminal.LONGEST}
    assert len(asked) > 80
    assert asked - words(text) == set()


def test_cells_fold_between_words_and_the_longest_give_way_first():
    assert terminal.fitting(TIMES, 44) == [8, 35]
    assert terminal.fitting(TIMES, 33) == [8, 25]
    assert terminal.fitting(TIMES, 20) == [8, 12]
    assert terminal.fitting(TIMES, 19) is None
    text = shown([TIMES], 40)
    assert "│ resnet18 │   1234567.25 [1234560.00, │" in text
    assert "│          │               1234570.00] │" in text


def test_where_words_have_no_room_a_row_is_a_list():
    lines = [line.rstrip() for line in shown([TIMES], 24).splitlines()]
    assert lines == ["Times", "program  resnet18", "median   1234567.25", "         [1234560.00,", "         1234570.00]", ""]


def test_rows_of_a_list_stand_apart():
    text = shown([replace(TIMES, rows=[*TIMES.rows, ("regnet", "5")])], 24)
    assert "1234570.00]\n\nprogram  regnet" in re.sub(" +\n", "\n", text)


def test_a_path_is_folded_before_the_table_is_given_up():
    path = "/some/where/a/model/that/has/a/long/name/model.onnx"
    found = Table("t", ("file", "n"), [(path, "12345678")])
    assert terminal.fitting(found, 40) == [32, 8]
    text = shown([found], 47)
    assert "12345678" in words(text)
    assert "".join(line.split("│")[1].strip() for line in text.splitlines() if line.startswith("│")) == path


def test_notes_stay_one_line_to_be_copied():
    command = "why two cells differ: nox -s report -- --explain resnet18/raw-dynamic/ort-rust resnet18/raw-dynamic/ort-python"
    assert f"  {command}\n" in shown([replace(TIMES, notes=(command,))], 40)


def test_hostile_names_stay_text_on_a_narrow_terminal():
    for name in made.HOSTILE:
        # Two words that have no room side by side: each row is a list, and the folded lines of a cell follow one another.
        text = shown([Table("t", ("n", "one", "other"), [(name, "x" * 16, "y" * 16)])], 30)
        assert table.printable(text) == text
        assert "".join(table.printable(name).split()) in "".join(text.split())


def test_files_are_the_same_whatever_the_terminal(monkeypatch):
    found = tables.all_tables(made.results())
    text = typeset.to_text(found)
    monkeypatch.setenv("COLUMNS", "60")
    assert typeset.to_text(found) == text
    assert shown(found, WIDTH) == text


@pytest.mark.parametrize("width", [WIDTH, 80])
def test_a_run_is_told_by_its_file_or_as_the_terminal_has_room(tmp_path, monkeypatch, width):
    run, file = made.results(), io.StringIO()
    write.render_text(run, tmp_path)
    monkeypatch.setattr(terminal, "stderr", lambda: Console(file=file, width=width, color_system=None))
    terminal.report(run, tmp_path)
    text = file.getvalue()
    assert (text.split() == (tmp_path / "tables.txt").read_text(encoding="utf-8").split()) == (width == WIDTH)
    assert text.startswith("Parity: 2 of 4 variants x runtimes agree with PyTorch eager: FAIL; 1 could not be judged\n")
    assert "2 of 300 images get another label" in text


def test_a_narrow_terminal_gets_the_first_rows_of_a_long_table(tmp_path, monkeypatch):
    run, file = made.results(), io.StringIO()
    run = replace(run, contrasts=(), times=tuple(StepTime(f"part-{number}", 1.0) for number in range(terminal.MOST_ROWS + 7)))
    monkeypatch.setattr(terminal, "stderr", lambda: Console(file=file, width=100, color_system=None))
    terminal.report(run, tmp_path)
    found = re.findall(r"part-\d+", file.getvalue())
    assert found == [f"part-{number}" for number in range(terminal.MOST_ROWS)]
    more = 7 + len(run.peak_bytes)
    assert f"  … {more} more rows: see {tmp_path / 'tables.txt'}\n" in file.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_only_a_terminal_says_how_wide_it_is(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "72")
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert terminal.stderr().width == 72
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setenv("FORCE_COLOR", "1")  # a CI service that shows colours is no terminal
    assert terminal.stderr().width == WIDTH
