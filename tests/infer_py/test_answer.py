"""Probabilities, ties, checksums, and how they are shown."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pytest

from contract.errors import DataError
from infer_py import answer, table
from infer_py.answer import Guess


def test_softmax_by_hand():
    assert np.allclose(answer.softmax(np.log(np.array([1.0, 2.0, 5.0]))), [0.125, 0.25, 0.625])


def test_softmax_does_not_overflow():
    chances = answer.softmax(np.array([[1e4, 1e4 - 1, -1e30]], np.float32))
    assert np.isfinite(chances).all()
    assert chances.sum() == pytest.approx(1)


def test_of_equal_logits_the_first_class_comes_first():
    guesses = answer.top(np.array([1, 3, 3, 0], np.float32), 3, None)
    assert [guess.index for guess in guesses] == [1, 2, 0]
    assert answer.top1(np.array([[1, 3, 3, 0]], np.float32)) == (1,)


def test_more_classes_than_there_are():
    assert len(answer.top(np.zeros(3, np.float32), 10, ("a", "b", "c"))) == 3


def test_checksum_is_over_the_bytes_in_order():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert answer.checksum(array) == zlib.crc32(array.tobytes())
    assert answer.checksum(array.T) == zlib.crc32(np.ascontiguousarray(array.T).tobytes())
    assert answer.checksum(array.astype(">f4")) == zlib.crc32(array.tobytes())


HOSTILE = "\x1b[31mRED\n\u202eevil\t\x9b5m"


def test_hostile_names_do_not_reach_the_terminal():
    text = table.as_text([("a\x1b]0;title\x07.jpg", [Guess(0, HOSTILE, 0.5), Guess(1, "x" * 500, 0.25)])])
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    assert len(text.splitlines()) == 3
    assert "\\x1b[31mRED\\n\\u202eevil" in text
    assert max(map(len, text.splitlines())) < 120


def test_names_in_other_scripts_are_shown_as_they_are():
    assert "Ωμέγα — ὄ" in table.as_text([("a.jpg", [Guess(0, "Ωμέγα — ὄ", 0.5)])])


def test_table_is_aligned():
    text = table.as_text([("a.jpg", [Guess(0, "SHORT", 0.75), Guess(1, None, 0.25)])])
    assert text.splitlines() == [
        "image  top  class    probability",
        "a.jpg  1    SHORT    0.7500",
        "       2    class 1  0.2500",
    ]


def test_json_keeps_names_and_digits():
    found = json.loads(table.as_json("m.onnx", [("a.jpg", [Guess(0, HOSTILE, 1 / 3)])], [("b.jpg", DataError("no such image"))]))
    assert found["images"][0]["top"][0] == {"class": HOSTILE, "index": 0, "probability": 1 / 3}
    assert found["images"][1] == {"image": "b.jpg", "error": "no such image"}
