"""Where a difference lies, by hand: every part is a round number."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.explain import account
from bench.explain.found import Standing
from bench.results import Interval
from tests.bench.explain import made
from tests.bench.explain.made import MS, onnx, processes, torch


def rows(parts) -> dict[str, tuple[float, float]]:
    return {part.name: (round(part.a_ns / MS, 6), round(part.b_ns / MS, 6)) for part in parts}


def test_the_parts_of_a_side_add_up_to_its_wall_time():
    parts = account.parts([torch()], [onnx()], differ=True)
    assert rows(parts) == {
        "convolution": (20, 16),
        "matrix product": (0, 0.5),
        "activation": (2, 0),
        "normalisation": (4, 0),
        "pooling": (1, 0.5),
        "elementwise": (1, 0),
        "layout and copies": (0, 0.2),
        "outside of operators": (2, 0.8),
    }
    assert sum(part.a_ns for part in parts) == pytest.approx(30 * MS)
    assert sum(part.b_ns for part in parts) == pytest.approx(18 * MS)
    assert sum(part.share for part in parts) == pytest.approx(1)
    # 4 of 12 ms each; the only part that works the other way has a share below 0.
    assert [round(part.share, 3) for part in parts] == [0.333, -0.042, 0.167, 0.333, 0.042, 0.083, -0.017, 0.1]


def test_shares_of_each_process_stand_beside_that_of_all():
    parts = account.parts(processes(torch, 20, 22, 24), processes(onnx, 16, 16, 16), differ=True)
    convolution = parts[0]
    assert convolution.a_ns == 22 * MS
    assert convolution.share == pytest.approx(6 / 14)
    assert convolution.shares == pytest.approx((4 / 12, 6 / 14, 8 / 16))


def test_one_slow_look_moves_nothing():
    slow = torch(0, 90)
    parts = account.parts([torch(), slow, torch()], [onnx()] * 3, differ=True)
    assert rows(parts)["convolution"] == (20, 16)


def test_noise_is_not_shared_out():
    parts = account.parts([torch()], [torch()], differ=False)
    assert {part.share for part in parts} == {None}
    assert {part.shares for part in parts} == {()}


def test_stages_of_e2e_come_first_and_the_account_still_adds_up():
    looks = [made.end_to_end(torch(), 5)], [made.end_to_end(onnx(), 7)]
    parts = account.parts(*looks, differ=True)
    assert [part.name for part in parts][:2] == ["decode", "resize"]
    assert rows(parts)["decode"] == (5, 7)
    assert rows(parts)["between the stages"] == (0.1, 0.1)
    assert sum(part.a_ns for part in parts) == pytest.approx(36.1 * MS)
    assert sum(part.b_ns for part in parts) == pytest.approx(26.1 * MS)


def test_recording_that_slows_operators_down_leaves_less_than_nothing():
    """What is recorded exceeds the wall time without a profiler: said as it is, not clipped."""
    slowed = replace(onnx(), wall=16 * MS, forward=16 * MS)
    assert rows(account.parts([torch()], [slowed], differ=True))["outside of operators"] == (2, -1.2)


def test_a_side_is_the_medians_of_its_looks():
    side = account.side("name", "label", made.measured(), processes(onnx, 15, 16, 20))
    assert side.wall_ns == 18 * MS
    assert side.walls_ns == (17 * MS, 18 * MS, 22 * MS)
    assert side.operators_ns == pytest.approx(17.2 * MS)
    assert side.overhead_ns == pytest.approx(0.8 * MS)
    assert side.recorded_ns == 19 * MS
    assert [(kind.op, kind.family, kind.calls) for kind in side.kinds][:2] == [("Conv", "convolution", 20), ("Gemm", "matrix product", 1)]
    assert [node.name for node in side.nodes][:2] == ["node_conv2d_7", "node_conv2d_6"]


def test_an_operator_that_most_looks_lack_is_none():
    odd = made.with_operators(onnx(), {"Cast": 5 * MS})
    side = account.side("name", "label", made.measured(), [onnx(), onnx(), odd])
    assert {kind.op: kind.ns for kind in side.kinds}["Cast"] == 0


def test_ratios_are_of_processes():
    assert account.ratios(processes(torch, 20, 26), processes(onnx, 16, 16)) == pytest.approx((30 / 18, 36 / 18))
    # 20 and 45 ms in one process: their geometric mean is 30.
    looks = [replace(torch(), wall=20 * MS), replace(torch(), wall=45 * MS)]
    assert account.ratios(looks, processes(onnx, 16)) == pytest.approx((30 / 18,))


RATIO = Interval(1.6, 1.5, 1.7)


@pytest.mark.parametrize(
    ("stored", "here", "each", "found"),
    [
        (Standing(RATIO, "slower", 0.012, None), None, (1.5, 1.6, 1.7), True),
        (Standing(RATIO, "slower", 0.012, None), None, (1.5, 0.99, 1.7), False),
        (Standing(RATIO, "slower", 0.012, None), None, (1.5, 1.0, 1.7), False),
        (Standing(RATIO, "faster", 0.012, None), None, (0.5, 0.9), True),
        (Standing(RATIO, "equivalent", 0.012, None), RATIO, (1.5, 1.6), False),
        (Standing(RATIO, "inconclusive", 0.012, None), RATIO, (1.5, 1.6), False),
        (Standing(None, "inconclusive", 0.012, None), RATIO, (1.5, 1.6), True),
        (Standing(None, "inconclusive", 0.012, None), Interval(1.1, 0.9, 1.3), (1.5, 1.6), False),
        (Standing(None, "inconclusive", 0.012, None), None, (1.5,), False),
        (Standing(None, None, 0.012, "threads"), RATIO, (1.5, 1.6), False),
    ],
)
def test_two_cells_differ_where_the_run_says_so_and_every_process_agrees(stored, here, each, found):
    assert account.differ(stored, here, each) is found
