"""The rules of comparing, written into METHODOLOGY.md from their table. Run: python -m bench.rules"""

from __future__ import annotations

from bench import document
from bench.measure import comparable
from contract.layout import CHECKOUT

PATH = CHECKOUT / "METHODOLOGY.md"
BEGIN, END = "<!-- comparing: written by `python -m bench.rules`; do not edit -->", "<!-- end of comparing -->"


def main() -> None:
    """Write the section."""
    document.replace_between(PATH, BEGIN, END, comparable.markdown())


if __name__ == "__main__":
    main()
