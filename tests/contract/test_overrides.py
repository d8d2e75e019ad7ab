"""Options that change what matrix.toml says, or that a step cannot follow."""

from __future__ import annotations

import pytest

from contract import options
from contract.errors import UsageError
from contract.matrix import Matrix
from contract.overrides import need_no_onnx


def parse(*argv: str) -> options.Options:
    return options.parse(options.parser("train", "about"), list(argv))[0]


def select(*argv: str) -> Matrix:
    return options.select(parse(*argv))


def test_a_hole_of_few_threads_is_none_where_there_are_more():
    def holes(threads: int) -> int:
        return len(select("--threads", str(threads)).cells("wings", "regnet_y_16gf", ("cpu",))[1])

    # What is left are batches above one of static files.
    assert holes(2) > holes(3)
    assert {hole.why for hole in select("--threads", "3").cells("wings", "regnet_y_16gf", ("cpu",))[1]} == {"static batch 1"}


@pytest.mark.parametrize("step", ["train", "export"])
def test_a_step_that_makes_models_takes_no_onnx_files(step):
    with pytest.raises(UsageError, match=f"{step} takes no ONNX files"):
        need_no_onnx(parse("--onnx", "my.onnx"), step)
    need_no_onnx(parse(), step)
