"""`python -m bench blame` over a chain that is not asked: what its exit code says, and what it prints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.blame import command
from bench.blame.found import RAW_SIMPLIFIED, ModelBlame, WeightDiffers
from bench.subject import Subject
from contract import strict
from contract.errors import UsageError
from contract.options import parse, parser
from tests.bench import fakes

NOTHING = ModelBlame(
    image=0, links=(), edge=None, node=None, op=None, value=None, origin=None, difference=None, tolerance=None, nodes=0, matched=0,
    sessions=0, weights=(), reproduction=None, said="no edge of the chain differs",
)  # fmt: skip


@pytest.fixture
def blame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    subject: Subject = fakes.subject(tmp_path)

    def run(made: ModelBlame, *more: str, variants: tuple[str, ...] = ("raw-dynamic",)) -> int:
        fakes.use(monkeypatch)
        monkeypatch.setattr(command, "select", lambda _: fakes.matrix(variants=variants))
        monkeypatch.setattr(command, "asked", lambda *_: None)
        monkeypatch.setattr(command, "open_subject", lambda *_: subject)
        monkeypatch.setattr(command, "blame_model", lambda *_: made)
        return command.run(parse(parser("bench blame", ""), ["--reports", str(tmp_path), *more])[0])

    return run


def test_the_exit_code_says_whether_anything_is_wrong(blame, capsys):
    assert blame(NOTHING) == 0
    assert capsys.readouterr().out.splitlines()[0] == "wings-resnet18-raw-dynamic-ort-python-cpu: no edge of the chain differs"
    assert blame(replace(NOTHING, edge=RAW_SIMPLIFIED)) == 1
    # Below the noise of every output, and still another model than the checkpoint.
    assert blame(replace(NOTHING, weights=(WeightDiffers("fc.weight", "1 of 5 numbers differ"),)), "--json") == 1
    said = capsys.readouterr().out.partition("{")
    assert set(strict.loads(said[1] + said[2], "out")) == {f"wings-resnet18-raw-dynamic-{name}-cpu" for name in fakes.RUNTIMES[1:]}


def test_where_nothing_is_asked_nothing_is_good(blame):
    with pytest.raises(UsageError, match="nothing to blame"):
        blame(NOTHING, variants=())


def test_what_is_asked_is_said_on_stderr_and_stdout_has_the_answers_alone(blame, capsys):
    blame(NOTHING)
    said = capsys.readouterr()
    names = [f"wings-resnet18-raw-dynamic-{name}-cpu" for name in fakes.RUNTIMES[1:]]
    assert said.out.splitlines() == [f"{name}: no edge of the chain differs" for name in names]
    asked = [line.split("] ", 1)[1].partition(" (about ")[0] for line in said.err.splitlines()]
    assert asked == ["wings/resnet18 on cpu: reference, 8 images", *names]
