"""Names that a terminal would obey are escaped, and long ones cut, by `infer-rs` as by `python -m infer_py`."""

from __future__ import annotations

import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from contract.errors import printable
from contract.layout import CHECKOUT
from infer_py import command, table
from tests.infer_rs.conftest import Build
from tests.infer_rs.test_predict import SPEC

SOURCE = CHECKOUT / "infer_rs" / "src" / "printable.rs"


def test_the_ranges_of_the_source_are_those_of_unicodedata():
    found = re.findall(r"^    \(0x([0-9a-f_]+), 0x([0-9a-f_]+)\),$", SOURCE.read_text(encoding="utf-8"), re.MULTILINE)
    escaped = {sign for first, last in found for sign in map(chr, range(int(first, 16), int(last, 16) + 1))}
    assert not [sign for sign in escaped if sign.isprintable()]
    # Half characters are in no Rust text; what one Unicode has not assigned, the next one may print.
    others = {sign for sign in map(chr, range(sys.maxunicode + 1)) if not sign.isprintable()} - escaped
    assert {unicodedata.category(sign) for sign in others} == {"Cn", "Cs"}
    assert {"Cc", "Cf", "Zl", "Zp"} <= {unicodedata.category(sign) for sign in escaped}


def test_both_escape_and_cut_a_class_name_alike(
    binary: Path, library: Path, build: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    hostile = "a\u061cb\u180e\u00ad\U000e0001\u2028\u202e\x1b[2J\t\r\n\x85\\é Ω\u3000\ue000"
    names = (hostile, "w" * table.WIDEST, "é" * (table.WIDEST + 1), "\u202e" * 2 * table.WIDEST)
    model, image = build(SPEC, classes=names), str(tmp_path / "image.png")
    Image.new("RGB", (50, 60)).save(image)
    asked = ["predict", str(model), image, "--top", "4", "--threads", "1"]
    assert command.main(asked) == 0
    ours = capsys.readouterr().out
    assert subprocess.run([str(binary), "--ort-lib", str(library), *asked], capture_output=True, check=True).stdout.decode() == ours
    assert all(printable(name) in ours for name in names[:2])
    assert all(printable(name[: table.WIDEST - 1]) + "…" in ours for name in names[2:])


def test_a_path_of_every_format_character_is_refused_in_escapes(binary: Path):
    signs = "".join(sign for sign in map(chr, range(1, sys.maxunicode + 1)) if unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp"))
    said = subprocess.run([str(binary), "info", signs.replace("\n", "")], capture_output=True, check=False)
    assert (said.returncode, said.stdout) == (4, b"")
    assert said.stderr.decode().replace("\n", "").isprintable()
