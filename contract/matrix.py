"""matrix.toml as frozen dataclasses: every noun, their product, and each hole with its reason."""

from __future__ import annotations

import itertools
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from contract import strict
from contract.errors import DataError, UsageError, nearest

Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class Defaults:
    """What a run without options takes."""

    dataset: tuple[str, ...]
    backbone: tuple[str, ...]
    variant: tuple[str, ...]
    runtime: tuple[str, ...]
    scenario: tuple[str, ...]
    device: Device = "auto"
    seed: int = 0
    reference: str = "torch-eager"


@dataclass(frozen=True)
class Columns:
    """Names of the columns of a labels CSV."""

    file: str = "filename"
    label: str = "label"


@dataclass(frozen=True)
class Dataset:
    """Where images and labels lie. Paths inside are relative to `root`, so that `--root` replaces one thing.

    `csv`: `labels` below `root`, images below `root/images`. `folder`: one folder a class below `root`. With `train`, `val` and `test`
    (folders below `root`) a split that comes with the set is kept; a `csv` set then has `<folder>/<labels>` in each. `wings` is drawn.
    """

    name: str
    format: Literal["wings", "csv", "folder"]
    root: str = ""
    images: str = ""
    labels: str = ""
    columns: Columns = Columns()
    train: str | None = None
    val: str | None = None
    test: str | None = None
    split: tuple[float, float, float] = (0.7, 0.15, 0.15)
    species: int = 12
    per_species: int = 60

    def __post_init__(self) -> None:
        if min(self.split) <= 0 or abs(sum(self.split) - 1) > 1e-6:
            raise strict.StrictError(f"split {self.split} must be positive shares that sum to 1", where=self.name)
        if (self.train is None) != (self.test is None) or (self.val and not self.train):
            raise strict.StrictError("train and test folders come together (val may be cut from train)", where=self.name)
        if self.format == "csv" and not self.labels:
            raise strict.StrictError("a csv set needs labels = FILE", where=self.name)


@dataclass(frozen=True)
class Recipe:
    """How a backbone is trained, as data.

    `head_epochs` > 0 fits the new head first, on cached features (computed anew each epoch when `head_augmentation` is not "none").
    Then `epochs` epochs train `train`; `stem_lr` is the share of `lr` that the first layer gets (1 = the same everywhere).
    """

    name: str
    train: Literal["none", "head", "last-stage", "all"]
    epochs: int = 0
    lr: float = 1e-3
    stem_lr: float = 1.0
    head_epochs: int = 0
    head_lr: float = 1e-3
    head_augmentation: Literal["none", "flip", "crop-flip", "trivial"] = "none"
    augmentation: Literal["none", "flip", "crop-flip", "trivial"] = "crop-flip"
    optimizer: Literal["adamw", "sgd"] = "adamw"
    schedule: Literal["cosine", "one-cycle", "constant"] = "cosine"
    warmup: float = 0.05
    weight_decay: float = 0.01
    label_smoothing: float = 0.1
    dropout: float = 0.0
    batch: int = 32
    images_per_class: int | None = None

    def __post_init__(self) -> None:
        if self.train not in ("none", "head") and self.epochs < 1:
            raise strict.StrictError(f"train = '{self.train}' needs epochs >= 1", where=self.name)
        if self.train == "head" and self.epochs + self.head_epochs < 1:
            raise strict.StrictError("train = 'head' needs epochs or head_epochs >= 1", where=self.name)
        if min(self.batch, 1) < 1 or self.lr <= 0 or self.head_lr <= 0 or not 0 <= self.dropout < 1:
            raise strict.StrictError("batch >= 1, learning rates > 0 and 0 <= dropout < 1 are needed", where=self.name)


@dataclass(frozen=True)
class Backbone:
    """A torchvision architecture, the weights to try in order, and the recipe per device (`random-cpu`: with random weights)."""

    name: str
    task: Literal["classify"]
    weights: tuple[str, ...]
    recipe: dict[str, str]
    preset: str | None = None

    def recipe_for(self, device: str, *, random: bool) -> str:
        """Name of the recipe for a device, `cpu` or `cuda`. Raises DataError when none is given for it."""
        keys = ([f"random-{device}"] if random else []) + [device]
        for key in keys:
            if key in self.recipe:
                return self.recipe[key]
        raise DataError(f"no recipe for {keys[0]}", where=f"matrix.toml: backbone {self.name}", next=f"add recipe = {{ {device} = NAME }}")


@dataclass(frozen=True)
class Variant:
    """One ONNX form; static means batch 1."""

    name: str
    simplify: bool
    batch: Literal["static", "dynamic"]


@dataclass(frozen=True)
class Runtime:
    """A runtime by the name of its descriptor in bench/runtimes."""

    name: str


@dataclass(frozen=True)
class Scenario:
    """What is timed; `variant` and `provider` restrict it (empty: all)."""

    name: str
    kind: Literal["latency", "throughput", "load", "e2e"]
    batch: int = 1
    variant: tuple[str, ...] = ()


@dataclass(frozen=True)
class Skip:
    """A hole: cells that match every given field are left out, and the report prints why."""

    why: str
    dataset: str | None = None
    backbone: str | None = None
    variant: str | None = None
    runtime: str | None = None
    provider: str | None = None
    scenario: str | None = None
    batch: int | None = None


@dataclass(frozen=True)
class Parity:
    """How much is compared: at most `images` per backbone, as many as fit into `seconds`."""

    images: int = 300
    seconds: float = 60.0
    tolerance_factor: float = 10.0
    least_images: int = 8


@dataclass(frozen=True)
class Measure:
    """How long is measured in all, how often runners are restarted within it, and what counts as equivalent."""

    seconds: float = 150.0
    restarts: int = 2
    equivalent: float = 0.01


@dataclass(frozen=True)
class Quick:
    """What `--quick` replaces."""

    backbone: tuple[str, ...]
    recipe: str
    per_species: int
    parity_images: int
    measure_seconds: float


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
    parity: Parity = Parity()
    measure: Measure = Measure()
    quick: Quick | None = None
    source: str = field(default="matrix.toml", compare=False)

    def __post_init__(self) -> None:
        for noun in NOUNS:
            names = [item.name for item in getattr(self, noun)]
            for name in names:
                if names.count(name) > 1:
                    raise strict.StrictError(f"{noun} '{name}' is given twice", where=self.source)
            if noun != "recipe":
                for name in getattr(self.defaults, noun):
                    self.find(noun, name)
        for backbone in self.backbone:
            for name in backbone.recipe.values():
                self.find("recipe", name)
        for skip in self.skip:
            for noun in ("dataset", "backbone", "runtime", "scenario"):
                if (name := getattr(skip, noun)) is not None:
                    self.find(noun, name)
            if skip.variant not in (None, "eager"):
                self.find("variant", skip.variant)

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
        for scenario, runtime, provider in itertools.product(self.chosen("scenario"), self.defaults.runtime, providers):
            variants = ["eager"] if runtime == self.defaults.reference else list(self.defaults.variant)
            for variant in variants:
                if scenario.variant and variant not in (*scenario.variant, "eager"):
                    continue
                cell = Cell(dataset, backbone, variant, runtime, provider, scenario.name, scenario.batch)
                why = self.why_not(cell)
                if why is None:
                    cells.append(cell)
                else:
                    holes.append(Hole(cell, why))
        return cells, holes

    def why_not(self, cell: Cell) -> str | None:
        """The reason why a cell is a hole, or None."""
        if cell.variant != "eager" and self.find("variant", cell.variant).batch == "static" and cell.batch > 1:
            return "static batch 1"
        for skip in self.skip:
            asked = {key: value for key, value in strict.plain(skip).items() if key != "why" and value is not None}
            if all(getattr(cell, key) == value for key, value in asked.items()):
                return skip.why
        return None


NOUNS = ("dataset", "backbone", "recipe", "variant", "runtime", "scenario")
Noun = TypeVar("Noun", Dataset, Backbone)


def load(path: Path) -> Matrix:
    """Read matrix.toml. Raises DataError naming file, key, and what was expected."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as fault:
        raise DataError("no such file", where=str(path), next="run from the checkout, or give --matrix FILE") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise DataError(f"not valid TOML: {fault}", where=str(path)) from fault
    return replace(strict.decode(Matrix, data, path.name), source=path.name)
