"""matrix.toml as frozen dataclasses: every noun, their product, and each hole with its reason."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contract import strict
from contract.errors import DataError, UsageError, nearest
from contract.nouns import (
    Backbone,
    Columns,
    Dataset,
    Defaults,
    Device,
    Measure,
    Parity,
    Quick,
    Recipe,
    Runtime,
    Scenario,
    Skip,
    Variant,
)
from contract.selection import Selection

__all__ = [
    "Backbone", "Cell", "Columns", "Dataset", "Defaults", "Device", "Hole", "Matrix", "Measure", "Parity", "Quick", "Recipe", "Runtime",
    "Scenario", "Skip", "Variant", "load",
]  # fmt: skip
# Names become folders and columns of tables.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Cell:
    """One combination of the matrix: one number."""

    dataset: str
    backbone: str
    variant: str
    runtime: str
    provider: str
    scenario: str
    batch: int

    def __str__(self) -> str:
        return f"{self.backbone}/{self.variant}/{self.runtime}/{self.provider}/{self.scenario}-{self.batch}"


@dataclass(frozen=True)
class Hole:
    """A cell that is not measured, and why."""

    cell: Cell
    why: str


@dataclass(frozen=True)
class Matrix:
    """Everything matrix.toml says."""

    defaults: Defaults
    dataset: tuple[Dataset, ...]
    backbone: tuple[Backbone, ...]
    recipe: tuple[Recipe, ...]
    variant: tuple[Variant, ...]
    runtime: tuple[Runtime, ...]
    scenario: tuple[Scenario, ...]
    skip: tuple[Skip, ...] = ()
    parity: Parity = field(default_factory=Parity)
    measure: Measure = field(default_factory=Measure)
    quick: Quick | None = None
    source: str = field(default="matrix.toml", compare=False)
    # What -k takes; None: everything.
    only: Selection | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        for noun in NOUNS:
            names = [item.name for item in getattr(self, noun)]
            for name in names:
                if not NAME.fullmatch(name):
                    raise strict.StrictError(f"{noun} '{name}': a name is made of letters, digits and _ . -", where=self.source)
            self._no_twins(noun, names)
            if noun != "recipe":
                chosen = getattr(self.defaults, noun)
                self._no_twins(f"defaults.{noun}", chosen)
                for name in chosen:
                    self.find(noun, name)
        for backbone in self.backbone:
            for name in backbone.recipe.values():
                self.find("recipe", name)
        for skip in self.skip:
            for noun in ("dataset", "backbone", "runtime", "scenario"):
                if (name := getattr(skip, noun)) is not None:
                    self.find(noun, name)
            self._find_variants(() if skip.variant is None else (skip.variant,))
        for name in self.defaults.without:
            self.find("runtime", name)
        if self.defaults.reference in self.defaults.without:
            raise UsageError(
                f"{self.defaults.reference} is the reference: parity needs it", where="--without", next="leave out other runtimes"
            )
        for scenario in self.scenario:
            self._find_variants(scenario.variant)
            self._no_such_scenario(scenario)
        for name in (*self.parity.claims, *self.parity.budgets):
            self.find("backbone", name)
        if self.quick:
            for name in self.quick.backbone:
                self.find("backbone", name)
            self._find_variants(self.quick.variant)
            self.find("recipe", self.quick.recipe)

    def _no_twins(self, what: str, names: Sequence[str]) -> None:
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise strict.StrictError(f"{what} '{twice}' is given twice", where=self.source)

    def _find_variants(self, names: tuple[str, ...]) -> None:
        for name in names:
            if name != "eager":
                self.find("variant", name)

    def _no_such_scenario(self, of: Scenario) -> None:
        """Refuse a scenario that is called what one batch of a list is called: `curve` with a batch 8 and `curve-8`."""
        called = {f"{of.name}-{batch}": batch for batch in of.batches} if len(of.batches) > 1 else {}
        twin = next((scenario.name for scenario in self.scenario if scenario.name in called), None)
        if twin is not None:
            raise strict.StrictError(f"scenario '{twin}': so is batch {called[twin]} of '{of.name}' called", where=self.source)

    def find(self, noun: str, name: str) -> Any:
        """The entry of that name. Raises UsageError with the nearest known name."""
        for item in getattr(self, noun):
            if item.name == name:
                return item
        known = [item.name for item in getattr(self, noun)]
        raise UsageError(
            f"unknown {noun} '{name}'; {nearest(name, known)}", where=self.source, next=f"add a [[{noun}]] entry, or choose a known one"
        )

    def chosen(self, noun: str) -> list[Any]:
        """The entries of a noun that this run takes."""
        return [self.find(noun, name) for name in getattr(self.defaults, noun)]

    def cells(self, dataset: str, backbone: str, providers: tuple[str, ...]) -> tuple[list[Cell], list[Hole]]:
        """The product for one backbone, cells and holes apart. torch-eager has one form, called `eager`."""
        cells, holes = [], []
        runtimes = self.defaults.runtime + self.defaults.without
        scenarios = [(scenario, batch) for scenario in self.chosen("scenario") for batch in scenario.batches]
        for (scenario, batch), runtime, provider in itertools.product(scenarios, runtimes, providers):
            variants = ["eager"] if runtime == self.defaults.reference else list(self.defaults.variant)
            for variant in variants:
                if scenario.variant and variant not in (*scenario.variant, "eager"):
                    continue
                if self.only and not self.only.takes(words(backbone, variant, runtime, scenario, batch)):
                    continue
                cell = Cell(dataset, backbone, variant, runtime, provider, scenario.name, batch)
                why = self.why_not(cell)
                if why is None:
                    cells.append(cell)
                else:
                    holes.append(Hole(cell, why))
        return cells, holes

    def forms(self, backbone: str, runtime: str) -> tuple[str, ...]:
        """The chosen variants that parity asks a runtime for: with -k those of which it takes a cell, be it a hole."""
        if self.only is None:
            return self.defaults.variant
        cells, holes = self.cells("", backbone, ("cpu",))
        taken = {cell.variant for cell in (*cells, *(hole.cell for hole in holes)) if cell.runtime == runtime}
        return tuple(name for name in self.defaults.variant if name in taken)

    def why_not(self, cell: Cell) -> str | None:
        """The reason why a cell is a hole, or None."""
        if cell.variant != "eager" and self.find("variant", cell.variant).batch == "static" and cell.batch > 1:
            return "static batch 1"
        if cell.runtime in self.defaults.without:
            return f"--without {cell.runtime}"
        for skip in self.skip:
            if all(getattr(cell, key) == value for key, value in skip.asked().items()):
                return skip.why
        return None


def words(backbone: str, variant: str, runtime: str, scenario: Scenario, batch: int) -> tuple[str, ...]:
    """What -k finds a cell by: its parts, the batch of a list of them among these, and last its whole name."""
    batched = f"{scenario.name}-{batch}" if len(scenario.batches) > 1 else scenario.name
    return backbone, variant, runtime, scenario.name, batched, f"{backbone}/{variant}/{runtime}/{batched}"


MEND = "correct that place of the file; contract/nouns.py documents every field"
NOUNS = ("dataset", "backbone", "recipe", "variant", "runtime", "scenario")


def load(path: Path) -> Matrix:
    """Read matrix.toml. Raises DataError naming file, key, and what was expected."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as fault:
        raise DataError("no such file", where=str(path), next="run from the checkout, or give --matrix FILE") from fault
    except IsADirectoryError as fault:
        raise DataError("a folder, not a TOML file", where=str(path), next="give --matrix FILE") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise DataError(f"not valid TOML: {fault}", where=str(path), next=MEND) from fault
    ours = {"source", "only"}  # fields, and no keys of the file
    with strict.mended_by(MEND):
        for key in sorted(ours & set(data)):
            raise strict.StrictError(f"unknown key '{key}'; {nearest(key, set(Matrix.__dataclass_fields__) - ours)}", where=path.name)
        # Given with the data: what the file's own names are checked with says which file they stand in.
        try:
            return strict.decode(Matrix, data | {"source": path.name}, path.name)
        except UsageError as fault:  # a name that the file says, and not the command line
            raise DataError(fault.what, where=path.name, next=fault.next) from fault
