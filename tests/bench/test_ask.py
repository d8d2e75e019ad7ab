"""Questions to a runner: asked one ahead, answered in order, and never mixed up."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.fleet import Fleet
from bench.parity import ask
from bench.parity.ask import Question, Session
from bench.runner import Runner, RunnerError
from tests.bench import fakes


@pytest.fixture
def tensor(tmp_path) -> Path:
    """40 images, more than travel at once."""
    np.save(tmp_path / "x.npy", np.random.default_rng(3).random((40, 3, 4, 4), dtype=np.float32))
    return tmp_path / "x.npy"


@pytest.fixture
def session(tmp_path, monkeypatch) -> Iterator[Session]:
    fakes.use(monkeypatch)
    fakes.save_model(tmp_path / "model.onnx", fakes.weights())
    with Fleet(fakes.RUNTIMES, 1, tmp_path / "logs") as fleet, Session(fleet, "ort-python", tmp_path / "model.onnx", "cpu") as made:
        yield made


def watched(monkeypatch) -> list[str]:
    """What happens to runners from now on: a list that grows."""
    seen: list[str] = []
    for name in ("send", "receive"):
        true = getattr(Runner, name)

        def told(self, *arguments: object, name=name, true=true):
            seen.append(name)
            return true(self, *arguments)

        monkeypatch.setattr(Runner, name, told)
    return seen


def test_parts_are_the_whole(tmp_path, session, tensor):
    ((expected,),) = session.replies([Question(("logits",), 5, 40, tensor=tensor)], tmp_path)
    parts = list(ask.tensor_in_parts(session, tensor, 5, tmp_path))
    assert [len(part) for part in parts] == [15, 15, 10]
    assert np.concatenate(parts).tobytes() == expected.tobytes()


def test_the_next_question_is_asked_before_an_answer_is_looked_at(tmp_path, session, tensor, monkeypatch):
    seen = watched(monkeypatch)
    for _ in ask.tensor_in_parts(session, tensor, 5, tmp_path):
        seen.append("look")
    assert seen == ["send", "receive", "send", "look", "receive", "send", "look", "receive", "look"]


def test_who_stops_looking_leaves_the_runner_usable(tmp_path, session, tensor, monkeypatch):
    expected = ask.ask_tensor(session, tensor, 5, tmp_path)
    seen = watched(monkeypatch)
    for _ in ask.tensor_in_parts(session, tensor, 5, tmp_path):
        break
    again = ask.ask_tensor(session, tensor, 5, tmp_path)
    assert again.tobytes() == expected.tobytes()
    assert (seen.count("send"), seen.count("receive")) == (2 + 3, 1 + 3)


def test_how_long_an_image_may_take_is_known_after_the_model_was_loaded(tmp_path, session, tensor, monkeypatch):
    true, waits = session.runner.send, list[float]()

    def told(verb, arguments, seconds):
        waits.append(seconds)
        return true(verb, arguments, seconds)

    monkeypatch.setattr(session.runner, "send", told)
    for patience in (None, 0.5):
        if patience is not None:
            session._fleet.patience["ort-python"] = patience
        ask.ask_tensor(session, tensor, 40, tmp_path)
    monkeypatch.undo()
    assert waits == [60 + 20 * 40, 60 + 0.5 * 40]


def test_no_file_of_an_earlier_answer_is_there_when_a_question_is_asked(tmp_path, session, tensor, monkeypatch):
    """A runner that writes none must not seem to have written it."""
    for _ in ask.tensor_in_parts(session, tensor, 5, tmp_path):
        break
    true, there = session.runner.send, list[bool]()

    def told(verb, arguments, seconds):
        if verb == "predict":
            there.append(Path(arguments.out).exists())
        return true(verb, arguments, seconds)

    monkeypatch.setattr(session.runner, "send", told)
    ask.ask_tensor(session, tensor, 5, tmp_path)
    assert there == [False] * 3


def test_a_failed_question_does_not_hide_the_next(tmp_path, session, tensor):
    bad = Question(("nothing",), 5, 40, tensor=tensor)
    with pytest.raises(RunnerError):
        list(session.replies([bad, bad], tmp_path))
    assert len(ask.ask_tensor(session, tensor, 5, tmp_path)) == 40


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
def test_answers_are_read_as_numpy_wrote_them(tmp_path, save, order):
    random = np.random.default_rng(1)
    made = {
        "x.1": np.asarray(random.random((3, 4, 5), dtype=np.float32), order=order),
        "logits": random.random((3, 7)),
        "none": np.zeros(0),
    }
    save(tmp_path / "a.npz", **made)
    found = ask.read_answers(tmp_path / "a.npz", ("logits", "x.1", "none"), "fake: predict")
    assert list(found) == ["logits", "x.1", "none"]
    for name, array in found.items():
        assert (array.dtype, array.shape, array.tobytes()) == (made[name].dtype, made[name].shape, made[name].tobytes())
    assert not (tmp_path / "a.npz").exists()


@pytest.mark.parametrize("damage", ["cut", "short", "renamed", "objects", "nothing"])
def test_an_answer_that_cannot_be_read_is_the_runners_fault(tmp_path, damage):
    out = tmp_path / "a.npz"
    if damage == "objects":
        np.savez(out, logits=np.array([None]))
    elif damage == "short":  # what follows it would fill it up
        whole = io.BytesIO()
        np.save(whole, np.ones((50, 3)))
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("logits.npy", whole.getvalue()[:-8])
            archive.writestr("other.npy", whole.getvalue())
    elif damage != "nothing":
        np.savez(out, **{"other" if damage == "renamed" else "logits": np.ones((50, 3))})
        raw = out.read_bytes()
        out.write_bytes(raw[:600] + raw[1000:] if damage == "cut" else raw)
    with pytest.raises(RunnerError, match="wrote no array 'logits' that can be read"):
        ask.read_answers(out, ("logits",), "fake: predict")
    assert not out.exists()
