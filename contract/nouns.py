"""The entries of matrix.toml as frozen dataclasses; each refuses values that make no sense."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from contract import strict
from contract.claim import Claim, parse_claim
from contract.errors import DataError, nearest
from contract.formats import refuse_foreign
from contract.weights import EXAMPLE, NO_PATH, lacks_path

Device = Literal["auto", "cpu", "cuda"]
# A recipe per device, and one for random weights where it differs.
RECIPE_KEYS = ("cpu", "cuda", "random-cpu", "random-cuda")
# An interval over generations of processes (bench.ratios) needs so many.
LEAST_GENERATIONS = 3
LARGEST_SEED = 2**64 - 1  # of torch's generators


@dataclass(frozen=True)
class Defaults:
    """What a run without options takes. Cells of runtimes in `without` are holes."""

    dataset: tuple[str, ...]
    backbone: tuple[str, ...]
    variant: tuple[str, ...]
    runtime: tuple[str, ...]
    scenario: tuple[str, ...]
    device: Device = "auto"
    seed: int = 0
    reference: str = "torch-eager"
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.seed <= LARGEST_SEED:
            raise strict.StrictError(f"seed must be 0 to {LARGEST_SEED}, got {self.seed}")


@dataclass(frozen=True)
class Columns:
    """Names of the columns of a labels CSV."""

    file: str = "filename"
    label: str = "label"


@dataclass(frozen=True)
class Dataset:
    """Where images and labels lie. Paths inside are relative to `root`, so that `--root` replaces one thing.

    `csv`: `labels` below `root`, images below `root/images`. `folder`: one folder a class below `root`. With `train`, `val` and `test`
    (folders below `root`, or anywhere: absolute, with `..`, or without a `root`) a split that comes with the set is kept; a `csv` set
    then has `<folder>/<labels>` in each. `wings` is drawn.
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
        if min(self.species, self.per_species) < 1:
            raise strict.StrictError("species and per_species must be at least 1", where=self.name)
        refuse_foreign(self)


@dataclass(frozen=True)
class Recipe:
    """How a backbone is trained, as data.

    `head_epochs` > 0 fits the new head first, on cached features (computed anew each epoch when `head_augmentation` is not "none").
    Then `epochs` epochs train `train`; `stem_lr` is the share of `lr` that the first layer gets (1 = the same everywhere).
    `clip_norm` bounds the length of each step's gradient: a random RegNet hardly learns without it. `train_sizes`: training images grow
    from so many pixels in the first of the `epochs` to so many in the last, instead of the preset's size, and early epochs cost a fraction
    (progressive resizing: EfficientNetV2, arXiv 2104.00298). `images_per_class` bounds the images that train and that test; half as many
    validate.
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
    train_sizes: tuple[int, int] | None = None
    images_per_class: int | None = None
    clip_norm: float | None = None

    def __post_init__(self) -> None:
        counts = (self.batch, self.images_per_class, *(self.train_sizes or ()))
        if min(self.epochs, self.head_epochs) < 0 or any(each is not None and each < 1 for each in counts):
            raise strict.StrictError("epochs >= 0, batch >= 1, train_sizes >= 1 and images_per_class >= 1 are needed", where=self.name)
        if self.train not in ("none", "head") and self.epochs < 1:
            raise strict.StrictError(f"train = '{self.train}' needs epochs >= 1", where=self.name)
        if self.train == "head" and self.epochs + self.head_epochs < 1:
            raise strict.StrictError("train = 'head' needs epochs or head_epochs >= 1", where=self.name)
        if self.lr <= 0 or self.head_lr <= 0 or (self.clip_norm is not None and self.clip_norm <= 0) or not 0 <= self.dropout < 1:
            raise strict.StrictError("learning rates > 0, clip_norm > 0 and 0 <= dropout < 1 are needed", where=self.name)
        if self.stem_lr <= 0 or not 0 <= self.label_smoothing < 1 or not 0 <= self.warmup < 1:
            raise strict.StrictError("stem_lr > 0, 0 <= label_smoothing < 1 and 0 <= warmup < 1 are needed", where=self.name)
        if self.train == "none" and self.epochs + self.head_epochs:
            raise strict.StrictError("train = 'none' trains nothing: epochs and head_epochs must be 0", where=self.name)


@dataclass(frozen=True)
class Backbone:
    """A torchvision architecture, the weights to try in order, and the recipe per device (`random-cpu`: with random weights).

    `orient`: images are turned by their EXIF orientation, in training and everywhere after it; torchvision's presets do not.
    """

    name: str
    task: Literal["classify"]
    weights: tuple[str, ...]
    recipe: dict[str, str]
    preset: str | None = None
    orient: bool = False

    def __post_init__(self) -> None:
        if not self.weights:
            raise strict.StrictError("weights must name at least one to try, such as 'random'", where=self.name)
        if any(map(lacks_path, self.weights)):
            raise strict.StrictError(f"{NO_PATH}: write the path behind it, such as '{EXAMPLE}'", where=self.name)
        for key in self.recipe:
            if key not in RECIPE_KEYS:
                raise strict.StrictError(f"no recipe is ever looked up for '{key}'; {nearest(key, RECIPE_KEYS)}", where=self.name)

    def recipe_for(self, device: str, *, random: bool) -> str:
        """Name of the recipe for a device, `cpu` or `cuda`. Raises DataError when none is given for it."""
        keys = ([f"random-{device}"] if random else []) + [device]
        for key in keys:
            if key in self.recipe:
                return self.recipe[key]
        raise DataError(f"no recipe for {keys[0]}", where=f"backbone {self.name}", next=f"add recipe = {{ {device} = NAME }}")


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
    """What is timed; `variant` restricts it (empty: all). Of `throughput` several batches may be given: each is a cell of its own."""

    name: str
    kind: Literal["latency", "throughput", "load", "e2e", "cold"]
    batch: int | tuple[int, ...] = 1
    variant: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.batches:
            raise strict.StrictError("batch must name at least one, got an empty list", where=self.name)
        if min(self.batches) < 1:
            raise strict.StrictError(f"batch must be at least 1, got {min(self.batches)}", where=self.name)
        twice = next((each for each in self.batches if self.batches.count(each) > 1), None)
        if twice is not None:
            raise strict.StrictError(f"batch {twice} is given twice", where=self.name)
        if self.kind != "throughput" and not isinstance(self.batch, int):
            raise strict.StrictError(f"a list of batches is for throughput, and {self.kind} takes one number", where=self.name)
        if self.kind in ("e2e", "cold") and self.batch != 1:
            raise strict.StrictError(f"{self.kind} is one image at a time, got batch {self.batch}", where=self.name)

    @property
    def batches(self) -> tuple[int, ...]:
        """Its batches, one cell each: images that one forward takes."""
        return (self.batch,) if isinstance(self.batch, int) else self.batch


@dataclass(frozen=True)
class Skip:
    """A hole: cells that match every given field are left out, and the report prints why. `most_threads`: in runs of at most so many."""

    why: str
    dataset: str | None = None
    backbone: str | None = None
    variant: str | None = None
    runtime: str | None = None
    provider: Literal["cpu", "cuda"] | None = None
    scenario: str | None = None
    batch: int | None = None
    most_threads: int | None = None

    def __post_init__(self) -> None:
        if not self.why.strip() or not self.asked():
            raise strict.StrictError("a hole needs a why, and at least one key that says which cells it takes")
        if self.most_threads is not None and self.most_threads < 1:
            raise strict.StrictError(f"most_threads must be at least 1, got {self.most_threads}")

    def asked(self) -> dict[str, object]:
        """The given keys: what a cell must equal to be skipped."""
        return {key: value for key, value in strict.plain(self).items() if key not in ("why", "most_threads") and value is not None}


@dataclass(frozen=True)
class Parity:
    """How much is compared: at most `images` per backbone, as many as fit into `seconds` (None: all of them).

    `budgets`: other seconds for single backbones, which cost much an image.

    `claim` is what every backbone must be shown to keep, `claims` what single ones must, instead: then as many images are compared as it
    needs, whatever they cost.
    `stages`: stage by stage on every image, and not only where something differs.
    """

    images: int = 300
    seconds: float | None = 60.0
    tolerance_factor: float = 10.0
    budgets: dict[str, float] = field(default_factory=dict, hash=False)
    least_images: int = 8
    claim: str | None = None
    claims: dict[str, str] = field(default_factory=dict, hash=False)
    stages: bool = False

    def __post_init__(self) -> None:
        seconds = min([1.0 if self.seconds is None else self.seconds, *self.budgets.values()])
        if min(self.images, self.least_images) < 1 or min(seconds, self.tolerance_factor) <= 0:
            raise strict.StrictError("images, seconds and the tolerance factor must be positive")
        for text in (*([] if self.claim is None else [self.claim]), *self.claims.values()):
            parse_claim(text, "claim")

    def seconds_for(self, backbone: str) -> float | None:
        """What comparing this backbone may take, or None: as long as it takes."""
        return None if self.seconds is None else self.budgets.get(backbone, self.seconds)

    def claim_for(self, backbone: str) -> Claim | None:
        """What must be shown of this backbone, or None."""
        text = self.claims.get(backbone, self.claim)
        return None if text is None else parse_claim(text, "claim")


@dataclass(frozen=True)
class Measure:
    """How long is measured in all, in how many generations of processes, and what counts as equivalent.

    `restarts`: at most so many generations; `generations`: at least so many, whatever they cost. `threshold`: the largest slow-down, as a
    share, that --gate allows.
    """

    seconds: float = 210.0
    restarts: int = 12
    equivalent: float = 0.01
    threshold: float = 0.05
    generations: int = 4

    def __post_init__(self) -> None:
        if self.generations < LEAST_GENERATIONS:
            raise strict.StrictError(f"generations must be at least {LEAST_GENERATIONS}: fewer processes give no interval")
        if self.restarts < 1 or min(self.seconds, self.equivalent, self.threshold) <= 0:
            raise strict.StrictError("seconds, restarts, equivalent and threshold must be positive")


@dataclass(frozen=True)
class Quick:
    """What `--quick` replaces."""

    backbone: tuple[str, ...]
    variant: tuple[str, ...]
    recipe: str
    per_species: int
    parity_images: int
    measure_seconds: float
    measure_generations: int
