"""summary.md: what a reader wants to know first, then the tables."""

from __future__ import annotations

from collections import defaultdict
from statistics import median

from bench.fleet import same_library
from bench.report import gate, words
from bench.report.table import Table, code, escape, printable, to_markdown
from bench.results import ParityRow, Results


def headline(results: Results) -> str:
    """The verdict in a few lines of plain text."""
    problems = [f"PROBLEM: {each}" for each in results.problems]
    said = [
        _parity_line(results),
        *_claims(results),
        *gate.line(results),
        *_noise_line(results),
        *_random_line(results),
        _library_line(results),
        *problems,
    ]
    return printable("\n".join(said))


def markdown(results: Results, tables: list[Table]) -> str:
    """The whole report as Markdown."""
    machine = results.environment
    named = ("torch", "onnxruntime", "onnxruntime-gpu", "pillow")
    libraries = ", ".join(f"{name} {version}" for name, version in machine.packages.items() if name in named)
    head = [
        f"# Concord: {results.run}",
        "",
        *[f"* {escape(line)}" for line in headline(results).split("\n")],
        "",
        (
            f"{escape(machine.cpu)}, {machine.threads} threads, {escape(machine.gpu or 'no GPU')}, {escape(machine.system)},"
            f" Python {machine.python}; {libraries}. Command: {code(results.command)}. Written by Concord from results.json; do not edit."
        ),
        "",
        "Absolute times do not travel to other machines; the ratios below were measured side by side in this run.",
        "",
    ]
    return "\n".join(head) + "\n" + "\n".join(to_markdown(table) for table in tables)


def _parity_line(results: Results) -> str:
    if results.cells and not results.subjects:
        return "Parity: not judged, for these files have no PyTorch reference; what is timed must be the same answers in all runtimes"
    if not results.parity:
        return "Parity: nothing was compared"
    passed = sum(row.passed for row in results.parity)
    said = f"Parity: {passed} of {len(results.parity)} variants x runtimes agree with {words.reference(results)}"
    lost = sum(not row.judged for row in results.parity)
    return said + (": FAIL" if passed + lost < len(results.parity) else "") + (f"; {lost} could not be judged" if lost else "")


def _claims(results: Results) -> list[str]:
    """Per backbone, the weakest claim that its rows support."""
    lines, of = [], defaultdict[tuple[str, str], list[ParityRow]](list)
    for row in results.parity:
        of[row.dataset, row.backbone].append(row)
    for (dataset, backbone), rows in of.items():
        worst = max([row for row in rows if row.judged] or rows, key=lambda row: row.bound)
        claim = words.claim(worst.flips + worst.near_tie_flips, worst.images, worst.bound)
        stated = [row.claim for row in rows if row.claim]
        if stated:
            short = sum(not each.supported for each in stated)
            verdict = f"NOT supported by {short} of {len(stated)} rows" if short else "supported"
            claim += f"; the claim '{stated[0].claim}' is {verdict}"
        lines.append(f"{dataset}/{words.backbone(results, dataset, backbone)}: {claim}")
    return lines


def _noise_line(results: Results) -> list[str]:
    """How often this machine's measuring is wrong."""
    if results.noise is None:
        return []
    finds = f"; the median ratio finds slow-downs from {words.slowdown(results.noise.mde)} on" if results.noise.mde is not None else ""
    return [f"Measuring: {words.alarms(results.noise)}{finds}", *_finds_by_group(results)]


def _finds_by_group(results: Results) -> list[str]:
    """What each group of cells finds, where there are several: a model of 5 ms has many more rounds than one of 250 ms."""
    groups: dict[str, dict[str, list[float]]] = {}
    for each in results.contrasts:
        if each.mde is not None:
            name = f"{words.backbone(results, each.cell.dataset, each.cell.backbone)} on {each.cell.provider}"
            groups.setdefault(name, {}).setdefault(f"{each.cell.scenario}-{each.cell.batch}", []).append(each.mde)
    if sum(map(len, groups.values())) < 2:
        return []
    return [
        f"{name} finds slow-downs from: {', '.join(f'{group} {words.slowdown(median(found))}' for group, found in of.items())}"
        for name, of in groups.items()
    ]


def _random_line(results: Results) -> list[str]:
    names = dict.fromkeys(each.backbone for each in results.subjects if each.weights is not None and each.weights.had == "random")
    return [f"Started from random weights: {', '.join(names)}. Their accuracy says nothing about pretrained ones."] if names else []


def _library_line(results: Results) -> str:
    python, rust = results.receipts.get("ort-python"), results.receipts.get("ort-rust")
    if python is None or rust is None:
        return "Python and Rust were not both run"
    same = "the same ONNX Runtime build" if same_library(python, rust) else "NOT the same ONNX Runtime build"
    return f"Python and Rust run {same}: {python.version} {python.commit or '?'} and {rust.version} {rust.commit or '?'} (receipts)"
