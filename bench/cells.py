"""`python -m bench list`: the cells of a run by their names, and its holes with their reasons, before anything is trained or started."""

from __future__ import annotations

import sys

from bench.report.table import printable
from contract import strict
from contract.errors import GOOD, UsageError
from contract.matrix import Cell, Hole, Matrix, words
from contract.options import Options, select


def show(options: Options) -> int:
    """Print a cell a line, then a hole a line with its reason; with --json both as data. Raises UsageError where -k takes nothing."""
    if options.onnx:
        raise UsageError("the cells of matrix.toml are listed, not those of given files", where="--onnx", next="leave --onnx out")
    matrix = select(options)
    cells, holes = product(matrix)
    called = {cell: name(cell, matrix) for cell in (*cells, *(hole.cell for hole in holes))}
    if options.output_json:
        told = {
            "cells": [{"name": called[cell], **strict.plain(cell)} for cell in cells],
            "holes": [{"name": called[hole.cell], **strict.plain(hole.cell), "why": hole.why} for hole in holes],
        }
        print(strict.pretty(told), end="")
        return GOOD
    for cell in cells:
        print(called[cell])
    for hole in holes:
        print(printable(f"{called[hole.cell]}  (hole: {hole.why})").replace("\n", " "))
    twice = "; where CUDA is found a run takes each for cuda, too (--device)" if matrix.defaults.device == "auto" else ""
    print(f"{len(cells)} cells, {len(holes)} holes{twice}", file=sys.stderr)
    return GOOD


def name(cell: Cell, matrix: Matrix) -> str:
    """What -k finds it by; its data set before it where there are several."""
    found = words(cell.backbone, cell.variant, cell.runtime, matrix.find("scenario", cell.scenario), cell.batch)[-1]
    return f"{cell.dataset}/{found}" if len(matrix.defaults.dataset) > 1 else found


def product(matrix: Matrix) -> tuple[list[Cell], list[Hole]]:
    """Cells and holes of all data sets and backbones; device auto is the CPU here, for only a runner can tell whether it has CUDA."""
    provider = "cuda" if matrix.defaults.device == "cuda" else "cpu"
    both = [matrix.cells(dataset, backbone, (provider,)) for dataset in matrix.defaults.dataset for backbone in matrix.defaults.backbone]
    return [cell for cells, _ in both for cell in cells], [hole for _, holes in both for hole in holes]
