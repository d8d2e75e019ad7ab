"""Where artifacts lie."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contract.errors import DataError
from contract.layout import CHECKOUT, Asked, portable, short_hash
from contract.matrix import Backbone, Dataset, Recipe

ASKED = Asked(
    Dataset("rps", "folder"),
    Backbone("resnet18", "classify", ("random",), {"cpu": "head"}),
    (Recipe("head", "head", head_epochs=1),),
    0,
    None,
)


def test_what_was_asked_leads_to_the_configuration_that_answers_it(tmp_path):
    with pytest.raises(DataError, match="resnet18 has not been trained on rps with these options\n  next: nox -s train"):
        ASKED.find(tmp_path)
    ASKED.point_to(tmp_path, "0123abcd")
    assert ASKED.find(tmp_path) == tmp_path / "rps" / "resnet18" / "0123abcd"
    ASKED.point_to(tmp_path, "feedbeef")
    assert ASKED.find(tmp_path).name == "feedbeef"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"config": NaN}', "\xff"])
def test_a_corrupt_pointer_is_bad_data_with_a_next_step(tmp_path, text):
    ASKED.point_to(tmp_path, "0123abcd")
    ASKED.pointer(tmp_path).write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match="corrupt: it names no configuration\n  next: nox -s train"):
        ASKED.find(tmp_path)


def test_a_folder_outside_of_the_checkout_stays_as_it_is_and_names_other_artifacts(tmp_path):
    paths = ("", "/mnt/rps", f"{CHECKOUT}/data/rps", f"{CHECKOUT}/../rps", f"{CHECKOUT}/data/../rps")
    assert [portable(path, CHECKOUT / "artifacts") for path in paths] == [*paths[:2], "data/rps", paths[3], "rps"]
    # Artifacts that lie elsewhere may be another checkout's, too.
    assert [portable(path, tmp_path) for path in paths] == [*paths]
    elsewhere = replace(ASKED, dataset=replace(ASKED.dataset, root="/mnt/rps"))
    assert ASKED.pointer(tmp_path) != elsewhere.pointer(tmp_path)


def test_the_short_hash_is_of_the_canonical_form():
    assert short_hash({"b": 1, "a": [1, 2]}) == short_hash({"a": (1, 2), "b": 1}) == "94a786c3"
    assert short_hash({"b": 1}) != short_hash({"b": 2})
