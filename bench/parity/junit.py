"""JUnit XML of the gate: one test case per variant and runtime and per failed cell, for the test view of a CI service."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from bench.measure.pairs import OLD
from bench.report import words
from bench.report.table import printable
from bench.results import Results

# Characters that XML 1.0 cannot hold at all, not even escaped.
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(results: Results) -> str:
    """The XML text; what was judged and is bad is a failure, what could not be judged is an error."""
    bad = sum(row.judged and not row.passed for row in results.parity)
    lost = sum(not row.judged or words.parity_verdict(row) == "claim not supported" for row in results.parity) + len(results.problems)
    gated = results.gate.rows if results.gate else ()
    bad += sum(each.verdict == "slower" for each in gated)
    lost += sum(each.verdict not in ("slower", "passes") for each in gated)
    failed = [(each.cell, each.error) for each in results.cells if each.error is not None and not each.cell.variant.endswith(OLD)]
    lost += len(failed)
    count = len(results.parity) + len(failed) + len(gated) + len(results.problems)
    attributes = {"name": "concord parity", "tests": str(count)}
    suite = ET.Element("testsuite", {**attributes, "failures": str(bad), "errors": str(lost)})
    for row in results.parity:
        where = f"{row.dataset}.{row.backbone}.{row.provider}"
        case = ET.SubElement(suite, "testcase", {"classname": _clean(where), "name": _clean(f"{row.variant} {row.runtime}")})
        if not row.passed:
            failure = ET.SubElement(case, "failure" if row.judged else "error", {"message": _clean("; ".join(row.problems))})
            blame = [row.blame.said] if row.blame is not None else []
            failure.text = _clean("\n".join([*row.problems, *blame, f"to see it again: {row.reproduce}"]))
        if row.passed and row.claim and not row.claim.supported:
            said = f"{row.images} images do not support the claim '{row.claim.claim}', which needs {row.claim.needed} without a difference"
            ET.SubElement(case, "error", {"message": _clean(said)})
        claim = words.claim(row.flips + row.near_tie_flips, row.images, row.bound)
        ET.SubElement(case, "system-out").text = f"{claim}; checked: {', '.join(row.made)}"
    for cell, error in failed:
        case = ET.SubElement(suite, "testcase", {"classname": _clean(f"concord.timing.{cell.dataset}"), "name": _clean(str(cell))})
        ET.SubElement(case, "error", {"message": _clean(error)})
    for each in gated:
        case = ET.SubElement(suite, "testcase", {"classname": _clean(f"concord.gate.{each.cell.dataset}"), "name": _clean(str(each.cell))})
        if each.verdict != "passes":
            ET.SubElement(case, "failure" if each.verdict == "slower" else "error", {"message": _clean(each.why or each.verdict)})
    for number, problem in enumerate(results.problems):
        case = ET.SubElement(suite, "testcase", {"classname": "concord", "name": f"problem {number + 1}"})
        ET.SubElement(case, "error", {"message": _clean(problem)})
    ET.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"


def _clean(text: str) -> str:
    # XML can hold a direction mark, and the page of a CI service that shows it would be turned around from there on.
    return NOT_XML.sub("\N{REPLACEMENT CHARACTER}", printable(text))
