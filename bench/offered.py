"""What Tab offers for arguments that name no noun of matrix.toml: cells of a stored run, faults.

Imports stand in the functions: a parser is made for --help, too, which waits for none of them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from contract.errors import ConcordError


def cells(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    """Cells of the run that the command line names, or of the last one, by the shortest names that --explain takes."""
    from bench.explain import names  # noqa: PLC0415
    from bench.report import stored  # noqa: PLC0415

    try:
        results, _folder = stored.open_run(next(iter(getattr(parsed_args, "runs", None) or ()), None), Path(parsed_args.reports))
    except (ConcordError, OSError):
        return []  # the command itself says what is wrong with the run
    measured = [each.cell for each in results.cells]
    # One of each kind: a name depends on what there is, and a run may have thousands of cells.
    kinds = list({(cell.dataset, cell.provider, cell.scenario, cell.batch): cell for cell in measured}.values())
    return [names.name(cell, kinds) for cell in measured]


def faults(**_: object) -> list[str]:
    """Names of seeded faults."""
    from bench.faults.every import FAULTS  # noqa: PLC0415

    return list(FAULTS)
