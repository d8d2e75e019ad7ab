"""The gate over files that Concord did not export: a subject is made of them, and judged as any other."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from bench import begin
from bench import run as runs
from bench.build import build
from bench.given import adopt, images, torchvision
from bench.given.adopt import Given
from bench.results import Results
from bench.subject import Subject
from contract import artifact
from contract.errors import DataError, UsageError
from contract.layout import short_hash
from contract.manifest import ExportManifest, TrainManifest, VariantFile, WeightsHad
from contract.matrix import NAME, Matrix, Variant
from contract.options import Options, select, user_path
from contract.preprocess import PreprocessSpec

TORCHVISION = "torchvision:"
EAGER = "eager"
ONNX_REFERENCE = "ort-python"


def run(options: Options, raw: argparse.Namespace) -> tuple[Results, Path]:
    """Compare every --onnx file with the reference on the images, and write a report. Raises ConcordError where nothing can be compared."""
    if raw.reference is None:
        raise UsageError(
            "compared with what?", where="--onnx", next="add --reference torchvision:NAME --weights file:F, or --reference FILE"
        )
    if options.image_folder is None:
        raise UsageError("on which images?", where="--onnx", next="add --images DIR")
    matrix = select(options)
    clock = begin.Clock()
    if "ort-rust" in matrix.defaults.runtime:
        with clock.part("building the Rust binary"):
            build(quiet=True)
    with tempfile.TemporaryDirectory(prefix="concord-given-") as work:
        subject, matrix = prepare(options, raw, matrix, Path(work))
        return runs.carry_out(options, matrix, [subject], clock, measuring=False)


def prepare(options: Options, raw: argparse.Namespace, matrix: Matrix, work: Path) -> tuple[Subject, Matrix]:
    """A subject whose variants are copies of the given files, and a matrix that names them."""
    files = [adopt.read(path, raw.output) for path in options.onnx]
    stems = [given.path.stem for given in files]
    if twice := next((name for name in stems if stems.count(name) > 1), None):
        raise UsageError(f"two files are called '{twice}'", where="--onnx", next="rename one: the report tells them apart by their names")
    # 'eager' is what a subject calls its reference: a file of that name would be the reference compared with itself.
    if odd := next((name for name in stems if name == EAGER or not NAME.fullmatch(name)), None):
        said = f"a file cannot be called '{odd}': letters, digits and _ . - make a name, and '{EAGER}' is the reference's"
        raise UsageError(said, where="--onnx", next="rename it: the report tells files apart by their names")
    torch = raw.reference.startswith(TORCHVISION)
    if not torch and (options.preset or options.weights):
        raise UsageError(
            "--preset and --weights go with --reference torchvision:NAME", where="--reference", next="for an ONNX file: --spec FILE"
        )
    other = None if torch else adopt.read(user_path(raw.reference), raw.output)
    asked = read_spec(user_path(raw.spec)) if raw.spec else None
    # The first of the files and the reference that says something says it for those that say nothing.
    carried = next((each.card.preprocess for each in (*files, *([other] if other else [])) if each.card.preprocess), None)
    named = next((each.card.labels for each in (*files, *([other] if other else [])) if each.card.labels), None)
    (work / "reference").mkdir()
    if other is None:
        trained = from_torchvision(options, raw, asked or carried, named, work / "reference")
        spec, named = trained.preprocess, trained.classes
    else:
        spec = adopt.spec_of(other, asked, carried)
        named = adopt.labels_of(other, named)
        trained = bare_manifest(other.path.stem, spec, named, artifact.sha256_file(other.path))
    assert options.image_folder is not None, "run() has refused that"
    entries, notes = images.entries(options.image_folder, named)
    root = options.image_folder
    trained = replace(trained, dataset=root.name or "images", root=str(root), split={"test": entries}, notes=(*trained.notes, *notes))
    variants = tuple(
        variant_of(given, given.adopted(adopt.spec_of(given, asked, spec), adopt.labels_of(given, named), work)) for given in files
    )
    exported = ExportManifest(
        dataset=trained.dataset, backbone=trained.backbone, config=trained.config, checkpoint_sha256="", variants=variants, failed=(),
        notes=tuple(f"{given.path.name}: sha256 {artifact.sha256_file(given.path)}" for given in files), versions={}, source="", inputs="",
        seconds=0.0, files={},
    )  # fmt: skip
    reference = None if other is None else other.adopted(spec, named, work / "reference")
    # Adopted files lie in `work`, and so do checkpoint and train.json of a torchvision reference.
    folder = work if other is not None else work / "reference"
    for variant in variants if other is None else ():
        (folder / variant.file).symlink_to(work / variant.file)
    subject = Subject(folder, trained, exported, reference)
    return subject, narrowed(matrix, subject, None if torch else ONNX_REFERENCE)


def from_torchvision(
    options: Options, raw: argparse.Namespace, spec: PreprocessSpec | None, labels: tuple[str, ...] | None, folder: Path
) -> TrainManifest:
    """The torchvision model with its weights. Raises UsageError when it is not said which."""
    if len(options.weights) != 1:
        raise UsageError(
            "which weights does it have?", where="--reference", next="add --weights file:PATH, or one torchvision weights name"
        )
    (weights,) = options.weights
    if not weights.startswith("file:") and user_path(weights).is_file():
        weights = f"file:{user_path(weights)}"
    name = raw.reference.removeprefix(TORCHVISION)
    return torchvision.make(name, weights, folder, spec=spec, preset=options.preset, labels=labels)


def bare_manifest(name: str, spec: PreprocessSpec, classes: tuple[str, ...], sha256: str) -> TrainManifest:
    """What is known of an ONNX file that is the reference."""
    return TrainManifest(
        dataset="images", backbone=name, config=short_hash([name, sha256]), task="classify", root="", classes=classes, preprocess=spec,
        weights=WeightsHad((name,), name, sha256, None), recipe={"name": "none: a given file"}, seed=0, device="cpu", metrics={},
        distinct_predictions=0, best_epoch=0, seconds=0.0, split={"test": ()}, skipped=(), notes=(), versions={}, source="", inputs="",
        files={},
    )  # fmt: skip


def variant_of(given: Given, path: Path) -> VariantFile:
    """What the manifest of an export would say of it, as far as it is known."""
    nodes: dict[str, int] = {}
    for node in given.model.graph.node:
        nodes[node.op_type] = nodes.get(node.op_type, 0) + 1
    opset = next((entry.version for entry in given.model.opset_import if entry.domain in ("", "ai.onnx")), 0)
    sha256 = artifact.sha256_file(path)
    return VariantFile(
        name=given.path.stem, file=path.name, sha256=sha256, bytes=path.stat().st_size, simplify=False,
        batch="dynamic" if given.batch is None else "static", opset_asked=opset, opset_got=opset, nodes=nodes, nodes_before=nodes,
        structural_hash=sha256, changed_nothing=False, checker="not run", max_difference={}, seconds=0.0,
    )  # fmt: skip


def narrowed(matrix: Matrix, subject: Subject, reference: str | None) -> Matrix:
    """The matrix with the files as its variants, and the runtimes that load them."""
    names = tuple(variant.name for variant in subject.export.variants)
    runtimes = matrix.defaults.runtime
    if reference is not None:
        runtimes = tuple(dict.fromkeys((reference, *(name for name in runtimes if name != matrix.defaults.reference))))
    chosen = replace(matrix.defaults, variant=names, runtime=runtimes, reference=reference or matrix.defaults.reference)
    variants = tuple(Variant(name, False, "static" if subject.batch_is_static(name) else "dynamic") for name in names)
    scenarios = tuple(replace(scenario, variant=()) for scenario in matrix.scenario)
    return replace(matrix, defaults=chosen, variant=variants, scenario=scenarios, skip=(), quick=None)


def read_spec(path: Path) -> PreprocessSpec:
    """The preprocess spec of a JSON file. Raises DataError."""
    try:
        return PreprocessSpec.from_json(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as fault:
        raise DataError(f"cannot be read: {fault}", where=str(path), next="give --spec a file with the spec as JSON") from fault
