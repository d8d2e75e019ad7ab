"""A run made by hand: every table has rows, and every number can be checked by reading."""

from __future__ import annotations

import base64
from dataclasses import replace
from io import BytesIO
from typing import get_args

from PIL import Image

from bench.ledger.found import Blame, Cause, StageDifference, StageFault, StageReport
from bench.measure.pairs import Factor
from bench.results import (
    Block,
    Check,
    Confused,
    Confusion,
    Contrast,
    Control,
    Environment,
    Epoch,
    Gate,
    GateRow,
    ImageVerdict,
    Interval,
    Measured,
    Noise,
    NoiseFloor,
    OldFile,
    PairedDrop,
    ParityRow,
    Results,
    Said,
    Sample,
    StepTime,
    Subject,
    VariantSummary,
    Verdict,
)
from contract.manifest import Accuracy, WeightsHad
from contract.matrix import Cell, Hole
from contract.protocol import Receipt
from tests.bench.fakes import COMMIT, cell

with BytesIO() as _file:
    Image.new("RGB", (8, 8), (200, 120, 40)).save(_file, "JPEG")
    PICTURE = _file.getvalue()
HOSTILE = (
    "[red]x[/red]",
    "[/]",
    "[link=javascript:alert(1)]x[/link]",
    "a|b",
    "<script>alert(1)</script>",
    "</td><img src=x onerror=alert(1)>",
    "\x1b[2J\x1b]0;title\x07",
    "right\N{RIGHT-TO-LEFT OVERRIDE}tfel",
    "two\nlines\r\nmore\N{LINE SEPARATOR}end",
    "`rm -rf` *bold* _it_ [a](http://x) ![i](y) @team #1 ~~s~~",
    "&lt; \\| ]]> \" '",
    "nul\0 half\ufffe",
    "=cmd|' /C calc'!A0",
    "../x",
    "\N{LEFT-TO-RIGHT ISOLATE}kept\N{POP DIRECTIONAL ISOLATE} and \N{RIGHT-TO-LEFT MARK}turned",
)


def receipt(runtime: str, version: str, commit: str | None) -> Receipt:
    flags = ("avx2", "fma")
    return Receipt(
        1,
        runtime,
        version,
        commit,
        f"/lib/{runtime}.so",
        "00" * 32,
        "5a" * 32,
        "release",
        2,
        ("cpu",),
        "jpeg 3",
        True,
        flags,
        {"affinity": "0-1"},
        {},
        7,
    )


def row(variant: str, runtime: str, **changes: object) -> ParityRow:
    made = ParityRow(
        dataset="wings", backbone="resnet18", variant=variant, runtime=runtime, provider="cpu", images=300, certified=298, agree=2,
        near_tie_flips=0, flips=0, tensors_equal=300, max_difference=2.4e-6, max_difference_same_tensor=2.4e-6, tolerance=1.9e-5,
        bound=0.009936, accuracy=Accuracy(290, 300, 0.9397, 0.9818), reference_accuracy=Accuracy(290, 300, 0.9397, 0.9818),
        drop=PairedDrop(0, 0, 0.0, 0.009936), claim=None, batches={"1": 1e-6},
        bits_equal_to={"ort-python": 300} if runtime == "ort-rust" else {}, problems=(),
        made=tuple(name for name in get_args(Check) if name != "bits" or runtime == "ort-rust"), checks=(), shown=(), passed=True,
        judged=True, reproduce=f"nox -s parity -- --variant {variant} --runtime torch-eager {runtime}",
    )  # fmt: skip
    return replace(made, **changes)


def measured(variant: str, runtime: str, scenario: str = "latency", batch: int = 1, median: int = 4_000_000, **changes: object) -> Measured:
    blocks = tuple(Block(0, n // 2, n % 2, (median - n, median, median + n), 7 * n, 0, {}, None) for n in range(4))
    interval = Interval(float(median), median * 0.99, median * 1.01)
    per_second = Interval(batch * 1e9 / median, batch * 1e9 / median / 1.01, batch * 1e9 / median / 0.99) if batch > 1 else None
    made = Measured(
        cell(variant, runtime, scenario, batch), None, blocks, {"threads": 2}, 12, float(median), interval,
        {"90": None, "95": None, "99": None}, per_second, {}, scenario, 1.0,
    )  # fmt: skip
    return replace(made, **changes)


def contrast(one: Cell, base: Cell, factor: Factor, ratio: Interval | None, verdict: Verdict | None, **changes: object) -> Contrast:
    made = Contrast(one, base, factor, ratio, 1e-4, 2e-4, 0.012, verdict, 8, 40, None, same_graph=False)
    return replace(made, **changes)


def subject(backbone: str = "resnet18", had: str = "random") -> Subject:
    variants = tuple(
        VariantSummary(name, "ab" * 32, 44_700_000, 49, before, "cd", same, 20)
        for name, before, same in (("raw-dynamic", 49, False), ("sim-dynamic", 49, True), ("sim-static", 50, False))
    )
    weights = WeightsHad(("DEFAULT", "random"), had, None, None)
    return Subject(
        "wings", backbone, "0123abcd", 12, weights, "quick", Accuracy(290, 300, 0.9397, 0.9818), ("no download",), variants, history()
    )


def history() -> tuple[Epoch, ...]:
    """Three epochs, in two phases."""
    return (
        Epoch(1, "head", 2.5, 0.1, 2.4, 0.2),
        Epoch(2, "head", 1.5, 0.5, 1.6, 0.4),
        Epoch(3, "all", 0.5, 0.9, 1.2, 0.7),
    )


def sample(truth: str = "MONARCH", called: str = "MONARCH", other: str = "MONARCH", backbone: str = "resnet18") -> Sample:
    said = (Said("torch-eager", "eager", called, 0.971), Said("ort-rust", "raw-dynamic", other, 0.9712))
    return Sample("wings", backbone, "cpu", "7.jpg", truth, base64.b64encode(PICTURE).decode(), said)


def confusion(*pairs: tuple[str, str, int], backbone: str = "resnet18") -> Confusion:
    names = tuple(dict.fromkeys(name for truth, called, _ in pairs for name in (truth, called)))
    return Confusion("wings", backbone, "cpu", names, tuple(Confused(*pair) for pair in pairs))


def stages() -> StageReport:
    """No antialias, and class names in another order."""
    differences = (
        StageDifference("decode", 16, 16, 0.0, 0.0, 0),
        StageDifference("resize", 16, 0, 57.0, 0.614, 2),
        StageDifference("normalise", 16, 0, 0.9765, 0.61, 0),
        StageDifference("logits", 16, 16, 2.4e-6, 0.0, 0),
        StageDifference("label", 16, 14, None, None, 0),
    )
    causes = (Cause("no antialias", 0.974, 0, 6), Cause("filter nearest instead of bilinear", 0.61, 0, 6))
    seen = "differences of at most 57 on 61.4 % of the values"
    faults = (
        StageFault("resize", 16, 14, 0.998, 1, seen, causes),
        StageFault("label", 2, 0, None, 1, "'A' is called 'B'", (Cause("labels permuted: A -> B, B -> A", 1.0, 2, 2),)),
    )
    blame = Blame("resize", "resize is to blame (made there in 16 of 16 images): no antialias explains 97.4 %")
    return StageReport("wings", "resnet18", "sim-static", "ort-rust", "cpu", 16, 2, differences, faults, blame, None)


def without_stages() -> StageReport:
    nothing = tuple(StageDifference(each.stage, 0, 0, 0.0, 0.0, 0) for each in stages().stages)
    return replace(stages(), variant="raw-static", images=0, flips=0, stages=nothing, faults=(), blame=None, error="ort-rust: died")


def results() -> Results:
    failed = row(
        "sim-static", "ort-rust", certified=296, agree=1, near_tie_flips=1, flips=2, passed=False, max_difference=3.2, bound=0.0256,
        problems=("2 of 300 images get another label",), checks=("labels",),
        shown=(ImageVerdict("/data/wings/7.jpg", "flip", "MONARCH", "RED ADMIRAL", 1.5, 3.2),), blame=stages().blame,
    )  # fmt: skip
    unjudged = row(
        "raw-static", "ort-rust", images=0, certified=0, agree=0, tensors_equal=0, max_difference=0.0, bound=1.0, accuracy=None, drop=None,
        bits_equal_to={}, problems=("ort-rust: load: died (signal SIGSEGV)",), made=("answers",), checks=("answers",),
        passed=False, judged=False,
    )  # fmt: skip
    base, rust = cell("raw-dynamic", "ort-python"), cell("raw-dynamic", "ort-rust")
    old, old_rust = cell("raw-dynamic old", "ort-python"), cell("raw-dynamic old", "ort-rust")
    simplified = cell("sim-dynamic", "ort-python")
    return Results(
        run="20261121-101500-00ff", started="2026-11-21T10:15:00+00:00", command="python -m bench run --quick", quick=True, device="auto",
        seed=0,
        environment=Environment(
            "AMD EPYC", ("avx2", "fma"), 2, 16_000_000_000, 2.0, None, "Linux 6.1 x86_64", "3.11.7",
            {"torch": "2.15.0", "onnxruntime": "1.31.1", "scipy": "1.17"}, "ab" * 20, False, 0.5,
        ),
        receipts={
            "torch-eager": receipt("torch-eager", "2.15.0", None),
            "ort-python": receipt("ort-python", "1.31.1", COMMIT),
            "ort-rust": receipt("ort-rust", "1.31.1", COMMIT + "0" * 31),
        },
        subjects=(subject(), subject("regnet_x_400mf", "torchvision/DEFAULT")),
        floors=(NoiseFloor("resnet18", "wings", "cpu", 1.9e-6, 1.3e-6, 10, 1.9e-5, 14),),
        parity=(row("raw-dynamic", "ort-python"), row("raw-dynamic", "ort-rust"), failed, unjudged),
        stages=(stages(), without_stages()),
        confusions=(confusion(("MONARCH", "MONARCH", 20), ("MONARCH", "VICEROY", 5), ("VICEROY", "VICEROY", 25)),),
        samples=(sample(), sample(called="VICEROY", other="VICEROY"), sample(other="VICEROY")),
        cells=(
            measured("raw-dynamic", "ort-python"),
            measured(
                "raw-dynamic", "ort-rust", median=3_900_000, percentiles_ns={"90": 4_000_000.0, "95": 4_100_000.0, "99": None}, samples=160
            ),
            measured("eager", "torch-eager", error="torch-eager: time: died (exit code 3)", blocks=(), middle_ns=None, median_ns=None),
            measured("raw-dynamic", "ort-rust", "throughput", 8, 31_000_000),
            measured("raw-dynamic", "ort-rust", "e2e", 1, 9_000_000, split_ns={"decode": 4e6, "resize": 500.0, "logits": 4e6}),
            measured("raw-dynamic", "ort-rust", "load", 1, 1_200_000_000, samples=3, median_ns=None),
        ),
        contrasts=(
            contrast(rust, base, "runtime", Interval(0.975, 0.971, 0.979), "faster"),
            contrast(
                cell("eager", "torch-eager"), base, "runtime", None, None, mde=None, processes=0, rounds=0, not_comparable="threads"
            ),
            contrast(simplified, base, "variant", Interval(1.0004, 0.999, 1.002), "equivalent", same_graph=True),
            contrast(base, old, "release", Interval(1.004, 0.991, 1.017), "inconclusive", mde=0.035, same_graph=True),
            contrast(rust, old_rust, "release", Interval(1.101, 1.082, 1.12), "slower", mde=0.03),
        ),
        noise=Noise(
            (
                Control(simplified, base, Interval(1.0004, 0.999, 1.002), 0.41, different=False),
                Control(cell("sim-static", "ort-python"), cell("raw-static", "ort-python"), None, 1.0, different=None),
            ),
            alarms=0, judged=1, bound=0.95, mde=0.012, rounds=40, disturbed={"throttled by the cgroup's quota": 2}, frozen_share=0.0001,
        ),
        gate=Gate(
            "20261101-090000-00aa", 0.05, same_cpu=False,
            files=(OldFile("wings", "resnet18", "raw-dynamic", "ab" * 32, "cd" * 32, same_program=True),),
            rows=(
                GateRow(base, "passes", ""),
                GateRow(rust, "slower", ""),
                GateRow(cell("raw-dynamic", "ort-rust", "load"), "refused", "the threshold is below what this run finds"),
            ),
        ),
        holes=(
            Hole(cell("raw-static", "ort-rust", "throughput", 8), "static batch 1"),
            Hole(cell("sim-static", "ort-rust", "throughput", 8), "static batch 1"),
            Hole(cell("eager", "torch-eager", "e2e"), "over a second a batch on two cores"),
        ),
        problems=(), remarks=("wings/resnet18: None of 300 images states an EXIF orientation other than upright.",), equivalent=0.01,
        times=(StepTime("parity", 12.34), StepTime("measuring", 20.0)), peak_bytes={"ort-rust": 412_000_000},
        exit_code=1,
    )  # fmt: skip


def hostile() -> Results:
    """The run above, with each hostile text as a class name, an error, a reason, a problem and a name of the machine."""
    made = results()
    shown = tuple(ImageVerdict(f"/data/{n}.jpg", "flip", text, text, 1.5, 3.2) for n, text in enumerate(HOSTILE))
    causes = tuple(Cause(text, 0.5, 1, 1) for text in HOSTILE)
    looked = tuple(
        replace(stages(), variant=text, error=text, faults=(StageFault("label", 1, 1, 0.1, 1, text, causes),)) for text in HOSTILE
    )
    rows = (
        replace(made.parity[2], shown=shown, problems=HOSTILE, blame=Blame("label", "".join(HOSTILE))),
        *(row(f"v{n}", text, backbone=text) for n, text in enumerate(HOSTILE)),
    )
    return replace(
        made,
        parity=rows,
        stages=looked,
        confusions=tuple(confusion((text, text + "2", 3), backbone=text) for text in HOSTILE),
        samples=tuple(replace(sample(text, text, text + "2", text), path=text) for text in HOSTILE),
        subjects=tuple(replace(subject(text), notes=(text,), recipe=text) for text in HOSTILE),
        cells=tuple(measured("raw-dynamic", "ort-rust", error=text, blocks=(), median_ns=None, middle_ns=None) for text in HOSTILE),
        holes=tuple(Hole(cell(), text) for text in HOSTILE),
        problems=HOSTILE,
        command=" ".join(HOSTILE),
        environment=replace(made.environment, cpu="".join(HOSTILE)),
        times=tuple(StepTime(text, 1.0) for text in HOSTILE),
    )
