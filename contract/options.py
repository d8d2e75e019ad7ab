"""The options that all steps share: what follows `--` on a nox line reaches every session of the line."""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

from contract import completion
from contract import matrix as matrices
from contract.errors import UsageError
from contract.layout import CHECKOUT, Asked
from contract.machine import usable_threads
from contract.narrow import narrowed
from contract.nouns import LARGEST_SEED
from contract.overrides import replaced_backbone, replaced_dataset, replaced_parity, replaced_recipe
from contract.weights import EXAMPLE, FILE, NO_PATH, lacks_path

# nox changes to the checkout; a user's paths are relative to where the user stood.
USER_FOLDER = "CONCORD_USER_FOLDER"
KEYWORD = (
    "only the cells whose names, backbone/variant/runtime/scenario, have these words: 'resnet18 and not (load or sim-static)';"
    " bench list prints the names"
)
# How argparse begins what it says of options that it does not know.
UNKNOWN_OPTION = "unrecognized arguments: "
# And how of those that it misses: a misspelt one among what was given may be meant.
MISSING = "the following arguments are required: "
SHARE = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(%?)")


@dataclass(frozen=True)
class Options:
    """Parsed options; None and () mean "as matrix.toml says". Paths are absolute."""

    matrix: Path
    artifacts: Path
    data: Path
    reports: Path
    dataset: tuple[str, ...]
    backbone: tuple[str, ...]
    variant: tuple[str, ...]
    runtime: tuple[str, ...]
    scenario: tuple[str, ...]
    keyword: str | None
    without: tuple[str, ...]
    root: Path | None
    weights: tuple[str, ...]
    preset: str | None
    recipe: str | None
    checkpoint: Path | None
    onnx: tuple[Path, ...]
    device: matrices.Device | None
    threads: int
    seed: int | None
    epochs: int | None
    images: int | None
    image_folder: Path | None
    seconds: float | None
    gate: str | None
    threshold: float | None
    claim: str | None
    quick: bool
    force: bool
    skip_bad_images: bool
    stages: bool
    offline: bool
    output_json: bool


# What argparse says of a value, or of a command, that is none of those that there are.
CHOICE = re.compile(r"invalid choice: '?([^']+?)'? \(choose from (.+)\)")


class Parser(argparse.ArgumentParser):
    """A parser that raises UsageError, so that every step exits alike, and takes no option by its beginning."""

    def __init__(self, *, allow_abbrev: bool = False, **settings: Any) -> None:
        super().__init__(allow_abbrev=allow_abbrev, **settings)
        self._given: list[str] = []

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does; what was given is kept for what an error says of it."""
        self._given = list(sys.argv[1:] if args is None else args)
        return super().parse_known_args(self._given, namespace)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does, but what a chosen verb leaves over is an error of that verb."""
        found, left = self.parse_known_args(args, namespace)
        if left:
            self._chosen(found).error(UNKNOWN_OPTION + " ".join(left))
        return found

    def _chosen(self, found: argparse.Namespace) -> Any:
        verbs = ((action.dest, action.choices) for action in self._actions)
        return next((parsers[getattr(found, verb)] for verb, parsers in verbs if isinstance(parsers, dict)), self)

    def error(self, message: str) -> Any:
        """Raise instead of printing the usage and exiting; of a misspelt option with the nearest known one."""
        step = f"{self.prog} --help lists the options"
        if choice := CHOICE.search(message):
            close = get_close_matches(choice[1], re.findall(r"[\w.-]+", choice[2]), n=1)
            raise UsageError(message, where=self.prog, next=f"did you mean '{close[0]}'? {step}" if close else step)
        given: list[str] = []
        if message.startswith(UNKNOWN_OPTION):
            given = message.removeprefix(UNKNOWN_OPTION).split()
        elif message.startswith(MISSING):
            given = [word for word in self._given if word.startswith("-")]
        raise UsageError(message, where=self.prog, next=self._meant(given) + step)

    def _meant(self, given: list[str]) -> str:
        known = self._option_string_actions
        for name in (word.partition("=")[0] for word in given):
            if name not in known and (close := get_close_matches(name, known, n=1, cutoff=0.75)):
                return f"did you mean '{close[0]}'? "
        return ""


def parser(program: str, description: str) -> argparse.ArgumentParser:
    """The shared parser; a step may add options of its own."""
    made = Parser(prog=program, description=description)
    choose = made.add_argument_group("what to take (repeat the values: --backbone resnet18 regnet_x_400mf)")
    for noun in ("dataset", "backbone", "variant", "runtime", "scenario"):
        completion.add(choose, f"--{noun}", noun, nargs="+", default=[], metavar="NAME", help=f"{noun} names of matrix.toml")
    completion.add(choose, "--without", "runtime", nargs="+", default=[], metavar="RUNTIME", help="leave these out; their cells are holes")
    choose.add_argument("--device", choices=["auto", "cpu", "cuda"], help="default: auto")
    choose.add_argument("--quick", action="store_true", help="a full run on ResNet18, its dynamic variants, in two minutes")
    choose.add_argument("-k", dest="keyword", metavar="EXPR", help=KEYWORD)
    source = made.add_argument_group("what to start from")
    source.add_argument("--root", metavar="DIR", help="where the chosen data set lies")
    source.add_argument(
        "--weights", nargs="+", default=[], metavar="W", help="a torchvision weights name, file:PATH or random; tried in order"
    )
    source.add_argument("--preset", metavar="W", help="weights name whose preprocessing is used, where --weights names none")
    completion.add(source, "--recipe", "recipe", metavar="NAME", help="this recipe of matrix.toml for every chosen backbone")
    source.add_argument("--checkpoint", metavar="FILE", help="a fine-tuned model: nothing is trained")
    source.add_argument("--onnx", nargs="+", default=[], metavar="FILE", help="bench these ONNX files, made by anybody")
    source.add_argument(
        "--offline", action="store_true", help="download nothing: a torchvision weights name counts as a failed download unless cached"
    )
    how = made.add_argument_group("how")
    how.add_argument("--seed", type=int)
    how.add_argument("--epochs", type=int, help="replaces the recipe's number of epochs")
    how.add_argument("--threads", type=int, help="threads of every runtime (default: what this process may use)")
    how.add_argument(
        "--images",
        metavar="N",
        help="compare so many images per backbone (all, where there are fewer), however long it takes; parity --onnx: a folder of images",
    )
    how.add_argument(
        "--claim", metavar="TEXT", help="what parity must show of every chosen backbone, such as 'disagreement < 1 %% at 95 %%'"
    )
    how.add_argument("--stages", action="store_true", help="parity: compare every stage of every image, and blame the one that differs")
    how.add_argument("--seconds", type=float, help="measure for so long in all")
    gate = how.add_argument(
        "--gate", metavar="RUN", help="bench: time the model files of that stored run beside today's; exit 1 where one became slower"
    )
    completion.complete(gate, completion.runs)
    how.add_argument("--threshold", type=_share, metavar="T", help="the largest slow-down that --gate allows, such as 5%% (default)")
    how.add_argument("--force", action="store_true", help="do a step again although its results are current")
    how.add_argument("--skip-bad-images", action="store_true", help="leave unreadable images out, and count them")
    how.add_argument("--json", action="store_true", dest="output_json", help="print results as JSON")
    where = made.add_argument_group("where")
    where.add_argument("--matrix", default=str(CHECKOUT / "matrix.toml"), metavar="FILE")
    where.add_argument("--artifacts", default=str(CHECKOUT / "artifacts"), metavar="DIR")
    where.add_argument("--data", default=str(CHECKOUT / "data"), metavar="DIR", help="where drawn and downloaded data go")
    where.add_argument("--reports", default=str(CHECKOUT / "reports"), metavar="DIR")
    return made


def parse(made: argparse.ArgumentParser, argv: list[str]) -> tuple[Options, argparse.Namespace]:
    """Options, and the namespace with a step's own ones. Raises UsageError."""
    raw = completion.parse(made, argv)
    values = {name: getattr(raw, name) for name in Options.__dataclass_fields__ if hasattr(raw, name)}
    for name in ("dataset", "backbone", "variant", "runtime", "scenario", "without", "weights"):
        values[name] = tuple(values[name])
    values["weights"] = tuple(map(user_weights, values["weights"]))
    for name in ("root", "checkpoint", "matrix", "artifacts", "data", "reports"):
        values[name] = user_path(values[name]) if values[name] else None
    values["images"], values["image_folder"] = _images(raw.images)
    values["onnx"] = tuple(user_path(name) for name in values["onnx"])
    for name in ("dataset", "backbone", "variant", "runtime", "scenario"):
        twice = next((each for each in values[name] if values[name].count(each) > 1), None)
        if twice is not None:
            raise UsageError(f"--{name} {twice} is given twice", where=made.prog, next="name it once")
    for name in ("epochs", "threads", "images", "seconds"):
        if values[name] is not None and not 0 < values[name] < math.inf:
            raise UsageError(f"--{name} must be positive, got {values[name]}", where=made.prog, next="give a number above 0")
    if values["seed"] is not None and not 0 <= values["seed"] <= LARGEST_SEED:
        said = f"--seed must be 0 to {LARGEST_SEED}, got {values['seed']}"
        raise UsageError(said, where=made.prog, next="give a whole number from 0 on")
    values["threads"] = values["threads"] or usable_threads()
    return Options(**values), raw


def user_path(name: str) -> Path:
    """A path given by a user, absolute: relative to the folder where the user stood, not to the checkout. Raises UsageError."""
    try:
        return (Path(os.environ.get(USER_FOLDER) or Path.cwd()) / Path(name).expanduser()).resolve()
    except (RuntimeError, OSError) as fault:  # no such user after ~, a loop of links
        raise UsageError(f"no path: {fault}", where=name, next="check it") from fault


def run_folder(name: str, reports: Path) -> Path:
    """The folder of a stored run: a path, or else a name below `reports`; it may not exist."""
    return user_path(name) if user_path(name).is_dir() else reports / name


def _share(text: str) -> float:
    """5% or 0.05 as a share. Raises ArgumentTypeError."""
    found = SHARE.fullmatch(text.strip())
    share = float(found[1]) / (100 if found[2] else 1) if found else 0.0
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no share between 0 and 100 %: write it as 5% or 0.05")
    return share


def _images(given: str | None) -> tuple[int | None, Path | None]:
    """A number of images, or the folder that they lie in."""
    if given is None:
        return None, None
    try:
        return int(given), None
    except ValueError:
        return None, user_path(given)


def user_weights(entry: str) -> str:
    """An entry of --weights as a user gives it, its path absolute. Raises UsageError where `file:` names no file."""
    if lacks_path(entry):
        raise UsageError(NO_PATH, where="--weights", next=f"write the path behind it, such as {EXAMPLE}")
    return f"{FILE}{user_path(entry.removeprefix(FILE))}" if entry.startswith(FILE) else entry


def select(options: Options) -> matrices.Matrix:
    """matrix.toml with the command line's choices applied. Raises UsageError and DataError."""
    if options.image_folder is not None and not options.onnx:
        raise UsageError(
            f"--images is a number here, not '{options.image_folder.name}'",
            next="a folder goes with bench parity --onnx; otherwise --root DIR",
        )
    if options.keyword is not None and options.onnx:
        raise UsageError("-k chooses among the cells of matrix.toml", where="--onnx", next="choose with --runtime and --scenario")
    loaded = matrices.load(options.matrix)
    quick = loaded.quick if options.quick else None
    if options.quick and quick is None:
        raise UsageError("--quick needs a [quick] table", where=loaded.source, next="add one to it, or leave --quick out")
    chosen: dict[str, Any] = {noun: getattr(options, noun) or getattr(loaded.defaults, noun) for noun in ("dataset", "runtime", "scenario")}
    for noun in ("backbone", "variant"):
        chosen[noun] = getattr(options, noun) or getattr(quick or loaded.defaults, noun)
    for name in options.without:
        loaded.find("runtime", name)
    without = dict.fromkeys(name for name in (*options.without, *loaded.defaults.without) if name in chosen["runtime"])
    chosen["without"] = tuple(without)
    chosen["runtime"] = tuple(name for name in chosen["runtime"] if name not in without)
    if not chosen["runtime"]:
        raise UsageError("no runtime is left", where="--without", next="choose at least one more with --runtime")
    if options.checkpoint and len(chosen["backbone"]) != 1:
        raise UsageError(
            f"--checkpoint is one model, and {len(chosen['backbone'])} backbones are chosen",
            where="--checkpoint",
            next="add --backbone NAME",
        )
    defaults = replace(
        loaded.defaults,
        **chosen,
        device=options.device or loaded.defaults.device,
        seed=loaded.defaults.seed if options.seed is None else options.seed,
    )
    made = replace(
        loaded,
        defaults=defaults,
        dataset=tuple(replaced_dataset(entry, options, quick, chosen["dataset"]) for entry in loaded.dataset),
        backbone=tuple(replaced_backbone(entry, options, quick, chosen["backbone"]) for entry in loaded.backbone),
        recipe=tuple(replaced_recipe(entry, options.epochs) for entry in loaded.recipe),
        parity=replaced_parity(loaded.parity, options, quick),
        measure=replace(
            loaded.measure,
            seconds=options.seconds or (quick.measure_seconds if quick else loaded.measure.seconds),
            generations=quick.measure_generations if quick else loaded.measure.generations,
            threshold=options.threshold or loaded.measure.threshold,
        ),
        skip=tuple(each for each in loaded.skip if each.most_threads is None or options.threads <= each.most_threads),
    )
    return narrowed(made, options.keyword)


def asked(options: Options, chosen: matrices.Matrix, dataset: str, backbone: str) -> Asked:
    """What this run asks for, for one data set and backbone."""
    entry = cast(matrices.Backbone, chosen.find("backbone", backbone))
    recipes = tuple(chosen.find("recipe", name) for name in sorted(set(entry.recipe.values())))
    checkpoint = str(options.checkpoint) if options.checkpoint else None
    return Asked(chosen.find("dataset", dataset), entry, recipes, chosen.defaults.seed, checkpoint, options.skip_bad_images)
