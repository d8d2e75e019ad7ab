"""Which cells are compared, and how blocks are paired."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from bench.measure import pairs
from bench.measure.contrasts import contrast_all
from bench.measure.noise import noise
from bench.results import Block, Measured
from contract.protocol import Receipt
from tests.bench import fakes

OPTIONS = {"threads": 2, "inter_threads": 1, "spinning": True, "optimization": "all", "arena": True, "memory_pattern": True}
COMMIT = "6af1a932e"


def receipt(runtime: str, **changes: object) -> Receipt:
    made = Receipt(
        1, runtime, "1.31.1", COMMIT, "lib", runtime, "5a", "release", 2, ("cpu",), "", None, ("avx2", "fma"), {}, {}, 1
    )  # fmt: skip
    return replace(made, **changes)


RECEIPTS = {name: receipt(name) for name in fakes.RUNTIMES} | {"torch-eager": receipt("torch-eager", version="2.15", commit=None)}


def measured(
    variant: str = "raw-dynamic", runtime: str = "ort-python", median: int = 1000, processes: int = 4, **where: object
) -> Measured:
    blocks = [Block(process, n, half, (median,) * 3, 0, 0, {}, None) for process in range(processes) for n in range(2) for half in (0, 1)]
    options = {"threads": 2} if runtime == "torch-eager" else OPTIONS
    return Measured(
        fakes.cell(variant, runtime, **where), None, tuple(blocks), dict(options), 3 * len(blocks), None, None, {}, None, {}, "latency", 1.0
    )


def test_what_is_compared_with_what():
    cells = [measured(variant, runtime) for runtime in fakes.RUNTIMES[1:] for variant in fakes.VARIANTS]
    cells.append(measured("eager", "torch-eager"))
    made = contrast_all(cells, RECEIPTS, {}, 0.01)
    found = {(c.factor, c.cell.runtime, c.cell.variant, c.base.runtime, c.base.variant) for c in made}
    assert len(found) == len(made)
    others = ("raw-static", "sim-static", "sim-dynamic")
    assert found == {
        *(("runtime", "ort-rust", variant, "ort-python", variant) for variant in fakes.VARIANTS),
        ("runtime", "torch-eager", "eager", "ort-python", "raw-dynamic"),
        *(("variant", runtime, variant, runtime, "raw-dynamic") for runtime in fakes.RUNTIMES[1:] for variant in others),
    }


@pytest.mark.parametrize(
    "other",
    [{"scenario": "throughput"}, {"batch": 8}, {"provider": "cuda"}, {"backbone": "regnet_x_400mf"}, {"dataset": "rps"}],
)
def test_other_cells_are_no_contrast(other):
    assert not contrast_all([measured(), measured(runtime="ort-rust", **other)], RECEIPTS, {}, 0.01)


def test_a_ratio_is_time_over_time_of_the_base():
    (made,) = contrast_all([measured(median=1000), measured(runtime="ort-rust", median=900)], RECEIPTS, {}, 0.01)
    assert made.ratio is not None
    assert made.ratio.value == pytest.approx(0.9)
    assert (made.verdict, made.processes, made.rounds, made.not_comparable, made.same_graph) == ("faster", 4, 8, None, False)
    assert (made.p, made.family_p, made.mde) == (0, 0, 0)  # no scatter at all


def test_a_control_is_marked():
    same = {("wings", "resnet18", one, "raw-dynamic"): True for one in ("sim-dynamic", "raw-dynamic")}
    (runtimes,) = contrast_all([measured(), measured(runtime="ort-rust")], RECEIPTS, same, 0.01)
    assert not runtimes.same_graph  # two runtimes on one file are no control
    (made,) = contrast_all([measured(), measured("sim-dynamic")], RECEIPTS, same, 0.01)
    assert made.same_graph
    assert made.verdict == "equivalent"


def test_too_few_processes_are_inconclusive():
    (made,) = contrast_all([measured(processes=2), measured(runtime="ort-rust", processes=2)], RECEIPTS, {}, 0.01)
    assert (made.ratio, made.mde, made.p, made.verdict, made.processes, made.rounds) == (None, None, 1, "inconclusive", 2, 4)


def test_cells_that_cannot_be_compared_have_no_ratio():
    # Which keys make it so is tested key by key in test_comparable.py.
    one = replace(measured(runtime="ort-rust"), options=OPTIONS | {"threads": 7})
    (made,) = contrast_all([measured(), one], RECEIPTS, {}, 0.01)
    assert (made.not_comparable, made.ratio, made.verdict, made.rounds) == ("threads", None, None, 0)


def noisy(seed: int, factor: float = 1.0, scatter: float = 0.002, **where: object) -> Measured:
    """Four processes that scatter by 0.2 %."""
    random, made = np.random.default_rng(seed), measured(**where)
    by_process = [factor * math.exp(random.normal(0, scatter)) for _ in range(4)]
    blocks = tuple(replace(block, samples_ns=(round(1e6 * by_process[block.process]),)) for block in made.blocks)
    return replace(made, blocks=blocks)


def test_one_contrast_among_many_needs_more_evidence():
    """2.5 % in four processes is enough alone, and not among seventy others."""
    one, base = noisy(1, 1.025, 0.01, runtime="ort-rust"), noisy(2, 1.0, 0.01)
    (alone,) = contrast_all([one, base], RECEIPTS, {}, 0.01)
    assert alone.verdict == "slower"
    assert alone.p == alone.family_p < 0.01
    others = [
        cell
        for n in range(70)
        for cell in (noisy(3 + n, 1.0, 0.01, runtime="ort-rust", backbone=f"b{n}"), noisy(103 + n, 1.0, 0.01, backbone=f"b{n}"))
    ]
    among = next(each for each in contrast_all([one, base, *others], RECEIPTS, {}, 0.01) if each.cell == one.cell)
    assert among.verdict == "inconclusive"
    assert among.p == alone.p
    assert among.family_p > 0.05


def test_contrasts_that_mean_nothing_do_not_count_in_the_family():
    one, base, other = noisy(1, 1.04, runtime="ort-rust"), noisy(2), replace(noisy(3, variant="sim-dynamic"), error="died", blocks=())
    found = {str(each.cell): each for each in contrast_all([one, base, other], RECEIPTS, {}, 0.01)}
    assert found[str(one.cell)].family_p == found[str(one.cell)].p
    assert (found[str(other.cell)].p, found[str(other.cell)].family_p, found[str(other.cell)].verdict) == (1.0, 1.0, None)


def test_an_early_look_makes_wider_intervals():
    one, base = noisy(1, 1.02, runtime="ort-rust"), noisy(2)
    (last,) = contrast_all([one, base], RECEIPTS, {}, 0.01)
    (early,) = contrast_all([replace(one, alpha_share=0.1), base], RECEIPTS, {}, 0.01)
    assert last.ratio is not None
    assert early.ratio is not None
    assert early.ratio.low < last.ratio.low < last.ratio.high < early.ratio.high
    assert early.p == pytest.approx(10 * last.p)


SAME = {("wings", "resnet18", one, other): one[3:] == other[3:] for one in fakes.VARIANTS for other in fakes.VARIANTS}


def test_controls_are_equal_graphs_in_one_runtime():
    cells = [noisy(n, variant=variant, runtime=runtime) for n, (variant, runtime) in enumerate(product(fakes.VARIANTS, fakes.RUNTIMES[1:]))]
    found = noise(cells, contrast_all(cells, RECEIPTS, SAME, 0.01), SAME)
    assert {(each.cell.runtime, each.cell.variant, each.other.variant) for each in found.controls} == {
        (runtime, raw, raw.replace("raw", "sim")) for runtime in fakes.RUNTIMES[1:] for raw in ("raw-static", "raw-dynamic")
    }
    assert (found.judged, found.alarms, found.rounds, found.disturbed) == (4, 0, 8, {})
    assert found.bound == pytest.approx(1 - 0.05**0.25)  # none of four
    assert found.mde is not None
    assert found.mde > 0


def test_an_alarm_is_counted():
    cells = [noisy(1), noisy(2, 1.1, variant="sim-dynamic")]
    found = noise(cells, [], SAME)
    assert (found.judged, found.alarms, found.mde) == (1, 1, None)
    assert [each.different for each in found.controls] == [True]


def test_without_controls_nothing_is_said_of_alarms():
    found = noise([noisy(1)], [], {})
    assert (found.controls, found.judged, found.bound) == ((), 0, None)
    few = [measured(processes=2), measured("sim-dynamic", processes=2)]
    assert [each.different for each in noise(few, [], SAME).controls] == [None]


def test_disturbed_rounds_and_frozen_time_are_counted():
    counted = (Block(0, 0, 0, (100, 100), 0, 1, {}, None), Block(0, 0, 1, (200,), 0, 3, {}, None))
    blocks = (*counted, Block(0, 1, 0, (400,), 0, 0, {}, "stolen"))
    found = noise([replace(measured(), blocks=blocks)], [], {})
    assert (found.rounds, found.disturbed) == (2, {"stolen": 1})
    assert found.frozen_share == pytest.approx(4 / 800)


def test_a_disturbed_round_counts_for_no_ratio():
    blocks = tuple(replace(block, disturbed="stolen" if block.process == 1 else None) for block in measured().blocks)
    made, other = replace(measured(runtime="ort-rust"), blocks=blocks), measured()
    polished = pairs.polished([made, other])
    assert [each.rounds for each in polished[made.cell].ratios(made.cell, other.cell)] == [2, 2, 2]
