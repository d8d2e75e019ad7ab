"""`-k EXPR`: what an expression takes, and what is said of one that takes nothing."""

from __future__ import annotations

import itertools

import pytest

from contract import options
from contract.errors import UsageError
from contract.matrix import Matrix
from contract.narrow import narrow_to
from contract.selection import DEEPEST, parse
from tests.contract.test_options import select

CELL = ("ResNet18", "raw-dynamic", "ort-rust", "curve", "curve-1", "ResNet18/raw-dynamic/ort-rust/curve-1")


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("resnet18", True), ("RAW", True), ("regnet", False), ("not regnet", True), ("NOT raw", False), ("raw and rust", True),
        ("raw and regnet", False), ("raw or regnet", True), ("regnet OR x or rust", True), ("regnet and x or rust", True),
        ("regnet and (x or rust)", False), ("not (regnet or sim)", True), ("not regnet and not rust", False), ("not not rust", True),
        ("resnet18/raw-dynamic", True), ("dynamic/ort", True), ("(((rust)))", True), ("curve-1", True),
    ],
)  # fmt: skip
def test_words_and_or_not(text, taken):
    assert parse(text).takes(CELL) is taken


def test_a_whole_name_means_that_one_and_any_other_word_a_part_of_a_name():
    curve_16 = (*CELL[:4], "curve-16", "ResNet18/raw-dynamic/ort-rust/curve-16")
    unknowing = parse("curve-1")
    assert unknowing.takes(curve_16)
    knowing = unknowing.knowing(iter([*CELL, *curve_16]))
    assert (knowing.takes(CELL), knowing.takes(curve_16)) == (True, False)
    whole = parse("resnet18/raw-dynamic/ort-rust/curve-1").knowing(iter([*CELL, *curve_16]))
    assert (whole.takes(CELL), whole.takes(curve_16)) == (True, False)


@pytest.mark.parametrize("seed", range(8))
def test_an_expression_means_what_python_means_by_it(seed):
    """All 16 worlds of four words, against Python's own and, or and not."""
    text = ["a and b or c and d", "a and (b or c) and d", "not a or b and not c", "not (a or b) and (c or d)", "a or not (b and c) or d",
            "not not a and b", "(a or b) and (a or c) and not d", "a and not b or not c and d"][seed]  # fmt: skip
    for world in itertools.product([False, True], repeat=4):
        truth = dict(zip("abcd", world, strict=True))
        name = "".join(word for word, there in truth.items() if there) or "-"
        assert parse(text).takes((name,)) is eval(text, {}, truth), (text, truth)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at character 1: the end where a word"),
        ("a and", "at character 6: the end where a word"),
        ("or a", "at character 1: 'or' where a word"),
        ("a and or b", "at character 7: 'or' where a word"),
        ("a ()", "at character 3: neither 'and' nor 'or' between 'a' and '('"),
        ("()", "at character 2: ')' where a word"),
        ("(a or b", "at character 1: a '(' that no ')' closes"),
        ("a)", "at character 2: a ')' that no '(' opens"),
        ("a b", "at character 3: neither 'and' nor 'or' between 'a' and 'b'"),
        ("(" * 5000 + "a" + ")" * 5000, f"at character {DEEPEST + 1}: more than {DEEPEST} parentheses"),
        ("not " * 5000 + "a", f"more than {DEEPEST} parentheses"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_says_where(text, said):
    with pytest.raises(UsageError, match="cannot be understood") as caught:
        parse(text)
    assert said in caught.value.what
    assert caught.value.next


def names(matrix: Matrix) -> set[tuple[str, ...]]:
    found = [matrix.cells("wings", name, ("cpu",)) for name in matrix.defaults.backbone]
    return {(cell.backbone, cell.variant, cell.runtime, cell.scenario) for cells, _ in found for cell in cells}


def test_a_run_takes_the_cells_that_match_and_the_nouns_that_they_need():
    chosen = select("-k", "resnet18 and raw-dynamic and (latency or e2e)")
    assert names(chosen) == {
        ("resnet18", "raw-dynamic", runtime, each) for runtime in ("ort-python", "ort-rust") for each in ("latency", "e2e")
    }
    assert (chosen.defaults.backbone, chosen.defaults.variant, chosen.defaults.scenario) == (
        ("resnet18",),
        ("raw-dynamic",),
        ("latency", "e2e"),
    )
    assert chosen.defaults.runtime == ("ort-python", "ort-rust")
    assert chosen.defaults.reference == "torch-eager"
    everything = names(select())
    assert names(select("-k", "not resnet18")) == {cell for cell in everything if cell[0] != "resnet18"}
    assert names(select("-k", "static")) == {cell for cell in everything if "static" in cell[1]}


def test_what_is_not_a_product_is_taken_exactly():
    chosen = select(
        "--backbone", "resnet18", "regnet_x_400mf", "-k", "resnet18/raw-static/ort-rust or regnet_x_400mf/sim-dynamic/ort-python/latency"
    )
    assert names(chosen) == {("resnet18", "raw-static", "ort-rust", "latency"), ("regnet_x_400mf", "sim-dynamic", "ort-python", "latency")}
    asked = {(name, runtime): chosen.forms(name, runtime) for name in chosen.defaults.backbone for runtime in chosen.defaults.runtime}
    assert asked == {
        ("resnet18", "ort-python"): (), ("resnet18", "ort-rust"): ("raw-static",),
        ("regnet_x_400mf", "ort-python"): ("sim-dynamic",), ("regnet_x_400mf", "ort-rust"): (),
    }  # fmt: skip
    one = narrow_to(chosen, ("regnet_x_400mf",))
    assert (one.defaults.runtime, one.defaults.variant) == (("ort-python",), ("sim-dynamic",))


def test_parity_is_asked_of_holes_too():
    chosen = select("-k", "regnet_y_16gf and raw-static and ort-rust and latency")
    assert names(chosen) == set()
    assert chosen.forms("regnet_y_16gf", "ort-rust") == ("raw-static",)


def test_holes_that_match_stay_with_their_reason():
    _, holes = select("-k", "raw-static and throughput").cells("wings", "resnet18", ("cpu",))
    assert {hole.why for hole in holes} == {"static batch 1"}
    _, holes = select("-k", "ort", "--without", "ort-rust").cells("wings", "resnet18", ("cpu",))
    assert {hole.why for hole in holes if hole.cell.runtime == "ort-rust" and hole.cell.batch == 1} == {"--without ort-rust"}


@pytest.mark.parametrize(
    ("argv", "said", "remedy"),
    [
        (["-k", "resnet19"], "no cell has 'resnet19' in its name; did you mean 'resnet18'?", "bench list"),
        (["-k", "not resnt18"], "no cell has 'resnt18' in its name", "bench list"),
        (["-k", "mobilenet_v2 and latency"], "'mobilenet_v2' is in matrix.toml, and not chosen here", "--backbone"),
        (["-k", "resnet18 and regnet_x_400mf"], "each of its words is in some name", "bench list"),
        (["-k", "ort-rust", "--without", "ort-rust"], "nothing but cells of runtimes that are left out", "--without"),
        (["-k", "resnet18", "--onnx", "my.onnx"], "-k chooses among the cells of matrix.toml", "--runtime"),
    ],
)  # fmt: skip
def test_an_expression_that_takes_nothing_says_why(argv, said, remedy):
    with pytest.raises(UsageError) as caught:
        select(*argv)
    assert said in caught.value.what
    assert remedy in caught.value.next


def test_a_command_that_reproduces_a_row_may_name_cells_of_other_backbones():
    """`nox -s parity -- -k EXPR … --backbone …`: the words of the others are known, though none of them is chosen."""
    either = "resnet18/raw-static/ort-rust/latency or regnet_x_400mf/raw-static/ort-python/latency"
    chosen = select("-k", either, "--backbone", "resnet18", "--variant", "raw-static", "--runtime", "torch-eager", "ort-rust")
    assert names(chosen) == {("resnet18", "raw-static", "ort-rust", "latency")}


def test_batches_of_a_list_are_words():
    chosen = select("--scenario", "curve", "-k", "curve-1 and ort-rust and resnet18")
    cells, _ = chosen.cells("wings", "resnet18", ("cpu",))
    assert [cell.batch for cell in cells] == [1]
    assert options.select(options.parse(options.parser("b", ""), ["--scenario", "curve", "-k", "curve"])[0]).defaults.scenario == ("curve",)
