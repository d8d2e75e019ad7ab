"""The recorded conversation, and every way to break one of its lines."""

from __future__ import annotations

import copy
import json
import typing
from typing import Any

import pytest

from contract import protocol as p
from contract import strict
from contract.errors import DataError, EnvironmentFault, UnsupportedError, UsageError
from contract.strict import StrictError
from tests.protocol import make_conversation

LINES = make_conversation.CONVERSATION.read_text(encoding="utf-8").splitlines()
PAIRS = list(zip(LINES[::2], LINES[1::2], strict=True))


def test_the_recorded_conversation_is_what_would_be_made_now():
    assert make_conversation.lines() == LINES, "run python -m tests.protocol.make_conversation, and test infer_rs against it"


def test_it_has_every_verb_and_every_field_of_every_message_filled_at_least_once():
    assert {json.loads(request)["verb"] for request, _ in PAIRS} == set(p.VERBS)
    filled: dict[str, bool] = {}
    for request, reply in PAIRS:
        verb = json.loads(request)["verb"]
        for side, values in (("args", json.loads(request)["args"]), ("result", json.loads(reply).get("result", {}))):
            for name, value in values.items():
                filled[f"{verb}.{side}.{name}"] = filled.get(f"{verb}.{side}.{name}", False) or value is not None
    # No API of today says which provider took which node (notes/rust.md): always null.
    assert [name for name, is_filled in filled.items() if not is_filled] == ["load.result.placement"]


@pytest.mark.parametrize(("request_line", "reply_line"), PAIRS)
def test_each_line_decodes_and_encodes_to_itself(request_line, reply_line):
    request, arguments = p.decode_request(request_line)
    assert isinstance(arguments, p.VERBS[request.verb][0])
    assert p.encode(p.Request(request.seq, request.verb, strict.plain(arguments))) == request_line
    answer = p.decode_reply(reply_line, request)
    if isinstance(answer, p.Failure):
        assert p.encode(p.BadReply(request.seq, False, answer)) == reply_line
    else:
        assert isinstance(answer, p.VERBS[request.verb][1])
        assert p.encode(p.GoodReply(request.seq, True, strict.plain(answer))) == reply_line


# Objects whose keys are names that users or models chose, not fields.
FREE = {"options", "process", "arrays", "packages", "split", "placement"}


def objects(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all objects with fixed fields inside a message."""
    found = []
    if isinstance(value, dict):
        found += [] if path and path[-1] in FREE else [path]
        for key, item in value.items():
            found += objects(item, (*path, key))
    elif isinstance(value, list):
        for n, item in enumerate(value):
            found += objects(item, (*path, n))
    return found


def broken(line: str) -> list[tuple[str, str]]:
    """Every line that differs from a good one by one fault, each with the name of the field that is at fault."""
    message, lines = json.loads(line), []
    for path in objects(message):

        def changed(key: str, value: Any = None, *, remove: bool = False, path: tuple[Any, ...] = path) -> None:
            other = copy.deepcopy(message)
            inside = other
            for part in path:
                inside = inside[part]
            if remove:
                del inside[key]
            else:
                inside[key] = value
            lines.append((key, json.dumps(other)))

        inside = message
        for part in path:
            inside = inside[part]
        changed("surprise", 1)
        for key, value in inside.items():
            changed(key, remove=True)
            # No field is a list of lists, a number with a fraction, or NaN.
            changed(key, [[]])
            changed(key, 0.5)
            changed(key, float("nan"))
            if isinstance(value, int):
                changed(key, not value if not isinstance(value, bool) else int(value))
    return lines


@pytest.mark.parametrize(("request_line", "reply_line"), PAIRS)
def test_one_field_removed_added_or_of_another_type_is_refused_by_name(request_line, reply_line):
    request, _ = p.decode_request(request_line)
    for key, line in broken(request_line):
        with pytest.raises(StrictError) as caught:
            p.decode_request(line)
        assert key in str(caught.value) or "NaN" in str(caught.value), line
    for key, line in broken(reply_line):
        with pytest.raises(StrictError) as caught:
            p.decode_reply(line, request)
        assert key in str(caught.value) or "NaN" in str(caught.value), line


REQUEST = p.Request(3, "unload", {"id": "m1"})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"seq":4,"ok":true,"result":{}}', "answers request 4, not 3"),
        ('{"seq":2,"ok":false,"error":{"kind":"data","what":"w","where":"","next":""}}', "answers request 2, not 3"),
        (
            '{"seq":0,"ok":false,"error":{"kind":"usage","what":"not valid JSON","where":"","next":""}}',
            "could not read the request: not valid JSON",
        ),
        ('{"seq":true,"ok":true,"result":{}}', "expected an integer, got True"),
        ('{"seq":3,"ok":1,"result":{}}', "not a reply"),
        ('{"seq":3,"ok":true,"error":{"kind":"data","what":"w","where":"","next":""}}', "unknown key 'error'"),
        ('{"seq":3,"ok":false,"error":{"kind":"bad","what":"w","where":"","next":""}}', "'bad' is not one of 'unsupported'"),
        ("Loading model...", "not valid JSON"),
        ('{"seq":3,"ok":true,"result":{}} {}', "not valid JSON"),
        ("[1]", "not a reply"),
        ("null", "not a reply"),
        ("", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
    ],
)
def test_what_is_not_the_reply_to_this_request_is_refused(line, message):
    with pytest.raises(StrictError, match=message):
        p.decode_reply(line, REQUEST)


def test_an_unknown_verb_is_refused_with_the_known_ones():
    with pytest.raises(StrictError, match="unknown verb 'train'; known: hello, load, predict"):
        p.decode_request('{"seq":1,"verb":"train","args":{}}')


def test_the_stages_are_in_one_order_and_all_of_them_can_be_started_from():
    assert typing.get_args(p.Stage) == p.STAGES


def test_nan_cannot_be_sent():
    with pytest.raises(ValueError, match="not JSON compliant"):
        p.encode(p.Request(1, "load", {"options": {"x": float("nan")}}))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: p.PredictArgs("m", None, None, 1, (), "o"), "exactly one of images and tensor"),
        (lambda: p.PredictArgs("m", ("a",), "t", 1, (), "o"), "exactly one of images and tensor"),
        (lambda: p.PredictArgs("m", ("a",), None, 1, ("x", "logits", "x"), "o"), "an output is asked for twice: x, logits, x"),
        (lambda: p.PredictArgs("m", ("a",), None, 0, (), "o"), "batch must be at least 1, got 0"),
        (lambda: p.TimeArgs("m", "latency", ("a",), None, 1, 0, 1, None, False), "latency needs tensor, got images"),
        (lambda: p.TimeArgs("m", "throughput", None, None, 1, 0, 1, None, False), "throughput needs tensor, got none"),
        (lambda: p.TimeArgs("m", "e2e", ("a",), "t", 1, 0, 1, None, False), "e2e needs images, got images and tensor"),
        (lambda: p.TimeArgs("m", "load", None, "t", 1, 0, 1, None, False), "load needs no inputs, got tensor"),
        (lambda: p.TimeArgs("m", "load", None, None, 1, 0, 0, None, False), "samples must be at least 1"),
        (lambda: p.TimeArgs("m", "load", None, None, 1, -1, 1, None, False), "warmup must be at least 0"),
        (lambda: p.TimeArgs("m", "load", None, None, 1, 0, 1, -1, False), "max_ns must be at least 0"),
        (lambda: p.ProfileArgs("m", "t", 1, 0), "repeats must be at least 1"),
        (lambda: p.Staged({}, 0, None, 9), "orientation must be from 1 to 8, got 9"),
        (lambda: p.Staged({}, 0, None, 0), "orientation must be from 1 to 8, got 0"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_before_they_are_sent(make, message):
    with pytest.raises(StrictError, match=message):
        make()


def test_a_failure_becomes_the_error_that_it_was():
    kinds = {"unsupported": UnsupportedError, "usage": UsageError, "environment": EnvironmentFault, "data": DataError}
    for kind, error in kinds.items():
        made = p.Failure(kind, "is bad", "a.png", "do this").to_error("ort-rust: predict")  # type: ignore[arg-type]
        assert type(made) is error
        assert str(made) == "ort-rust: predict: a.png: is bad\n  next: do this"
    assert p.Failure("internal", "KeyError").to_error("ort-rust") is None


def test_the_document_names_every_verb_and_every_field():
    text = (make_conversation.CONVERSATION.parents[2] / "bench" / "PROTOCOL.md").read_text(encoding="utf-8")
    for verb, messages in p.VERBS.items():
        assert f"### {verb}" in text or f", {verb}\n" in text, verb
        for message in messages:
            missing = [name for name in message.__dataclass_fields__ if f'"{name}"' not in text and f"`{name}`" not in text]
            assert not missing, f"{verb}: {missing}"
