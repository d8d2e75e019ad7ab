"""`-k EXPR`: cells by the words of their names, with and, or, not and parentheses.

A word that is the whole name of a backbone, variant, runtime or scenario (or of a cell) means that one; any other word is a part of a
cell's name, backbone/variant/runtime/scenario. Large and small letters are the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from contract.errors import UsageError

OPTION = "-k"
TOKEN = re.compile(r"[()]|[^\s()]+")
KEYWORDS = ("and", "or", "not")
# Nobody writes so many; Python's own recursion ends at a thousand.
DEEPEST = 50


@dataclass(frozen=True)
class Word:
    """True of a cell that is called so."""

    text: str


@dataclass(frozen=True)
class Not:
    """True where the other is not."""

    other: Expression


@dataclass(frozen=True)
class Every:
    """`and`."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class Some:
    """`or`."""

    parts: tuple[Expression, ...]


Expression: TypeAlias = Word | Not | Every | Some


@dataclass(frozen=True)
class Selection:
    """A parsed expression. `whole`: the names that a word can be as a whole, in small letters."""

    text: str
    expression: Expression
    whole: frozenset[str] = field(default=frozenset(), repr=False)

    def knowing(self, names: Iterator[str]) -> Selection:
        """The same expression with the whole names that there are."""
        return replace(self, whole=frozenset(name.lower() for name in names))

    def takes(self, names: Sequence[str]) -> bool:
        """Whether a cell is selected: `names` are its parts, and last the whole, with slashes."""
        return _true(self.expression, [name.lower() for name in names], self.whole)

    def words(self) -> tuple[str, ...]:
        """Its words, each once."""
        return tuple(dict.fromkeys(_words(self.expression)))


def named(word: str, names: Sequence[str], whole: frozenset[str]) -> bool:
    """Whether a cell of these names (small letters, the whole last) is called so."""
    return word.lower() in names if word.lower() in whole else word.lower() in names[-1]


def parse(text: str) -> Selection:
    """The expression of a text. Raises UsageError with the place of what cannot be understood."""
    tokens = [(found[0], found.start() + 1) for found in TOKEN.finditer(text)]
    parser = _Parser(text, tokens)
    expression = parser.either(0)
    if parser.ahead is not None:
        word, place = parser.tokens[parser.at]
        if word == ")":
            raise parser.wrong("a ')' that no '(' opens", place)
        before = parser.tokens[parser.at - 1][0]
        raise parser.wrong(f"neither 'and' nor 'or' between '{before}' and '{word}'", place, f"-k '{before} and {word}', or 'or'")
    return Selection(text, expression)


class _Parser:
    """One token after the other; `or` binds less than `and`, and that less than `not`."""

    def __init__(self, text: str, tokens: list[tuple[str, int]]) -> None:
        self.text, self.tokens, self.at = text, tokens, 0

    @property
    def ahead(self) -> str | None:
        """The next token in small letters where it is a keyword, None at the end."""
        if self.at == len(self.tokens):
            return None
        word = self.tokens[self.at][0]
        return word.lower() if word.lower() in KEYWORDS else word

    def either(self, depth: int) -> Expression:
        """Terms with `or` between them."""
        parts = [self.both(depth)]
        while self.ahead == "or":
            self.at += 1
            parts.append(self.both(depth))
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def both(self, depth: int) -> Expression:
        """Terms with `and` between them."""
        parts = [self.one(depth)]
        while self.ahead == "and":
            self.at += 1
            parts.append(self.one(depth))
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def one(self, depth: int) -> Expression:
        """A word, a `not`, or what stands in parentheses."""
        ahead = self.ahead
        place = self.tokens[self.at][1] if ahead is not None else len(self.text) + 1
        if depth == DEEPEST:
            raise self.wrong(f"more than {DEEPEST} parentheses and 'not' inside each other", place)
        if ahead is None or ahead in ("and", "or", ")"):
            found = "the end" if ahead is None else f"'{ahead}'"
            raise self.wrong(f"{found} where a word, 'not' or '(' is expected", place)
        self.at += 1
        if ahead == "not":
            return Not(self.one(depth + 1))
        if ahead != "(":
            return Word(self.tokens[self.at - 1][0])
        inner = self.either(depth + 1)
        if self.ahead != ")":
            raise self.wrong("a '(' that no ')' closes", place)
        self.at += 1
        return inner

    def wrong(
        self, what: str, place: int, remedy: str = "words with and, or, not and parentheses: -k 'resnet18 and not load'"
    ) -> UsageError:
        """The error, with its place."""
        return UsageError(f"cannot be understood at character {place}: {what}", where=f"{OPTION} '{self.text}'", next=remedy)


def _true(expression: Expression, names: Sequence[str], whole: frozenset[str]) -> bool:
    match expression:
        case Word(text):
            return named(text, names, whole)
        case Not(other):
            return not _true(other, names, whole)
        case Every(parts):
            return all(_true(part, names, whole) for part in parts)
        case Some(parts):
            return any(_true(part, names, whole) for part in parts)


def _words(expression: Expression) -> Iterator[str]:
    match expression:
        case Word(text):
            yield text
        case Not(other):
            yield from _words(other)
        case Every(parts) | Some(parts):
            for part in parts:
                yield from _words(part)
