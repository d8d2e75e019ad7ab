"""A claim: what a user wants parity to have shown, as a sentence of matrix.toml or of the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from contract import strict

About = Literal["disagreement", "accuracy drop"]
SENTENCE = re.compile(r"(disagreement|accuracy drop)\s*<\s*(\d+(?:\.\d+)?)\s*%\s*at\s*(\d+(?:\.\d+)?)\s*%")
EXAMPLE = "disagreement < 1 % at 95 %"


@dataclass(frozen=True)
class Claim:
    """`disagreement < 1 % at 95 %`: less than this share of images gets another label, with this confidence.

    `accuracy drop < 1 % at 95 %` is about accuracy, which may stay while labels change. Shares, not percent: 0 < share, confidence < 1.
    """

    about: About
    share: float
    confidence: float

    def __str__(self) -> str:
        return f"{self.about} < {100 * self.share:g} % at {100 * self.confidence:g} %"


def parse_claim(text: str, where: str) -> Claim:
    """Read the sentence. Raises StrictError with an example of one."""
    found = SENTENCE.fullmatch(text.strip())
    if found is None:
        raise strict.StrictError(f"not a claim: '{text}'; write it as '{EXAMPLE}' or 'accuracy drop < 1 % at 95 %'", where=where)
    share, confidence = float(found[2]) / 100, float(found[3]) / 100
    if not (0 < share < 1 and 0 < confidence < 1):
        raise strict.StrictError(f"'{text}': both numbers must lie between 0 and 100 %", where=where)
    return Claim("accuracy drop" if found[1] == "accuracy drop" else "disagreement", share, confidence)
