"""The labelled sentences of bench/labelled.tsv, and how well the default rules do on them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from alerts.match import Matcher
from didban.article import Article

_SENTENCES = Path(__file__).with_name("labelled.tsv")
_SPELLINGS = Path(__file__).with_name("spellings.tsv")
_PLACE = re.compile(r"\\u([0-9a-f]{4})")

Evidence = tuple[str, int, int]
"""A rule, and where in the text its evidence starts and ends."""


@dataclass(frozen=True, slots=True)
class Case:
    """A labelled sentence. `line` is its place in the file, from 1."""

    line: int
    kind: str
    text: str
    expected: frozenset[Evidence]


@dataclass(frozen=True, slots=True)
class Score:
    """Evidence by count: found and right, found and wrong, missed. A span that is wrong is both wrong and missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def __add__(self, other: Score) -> Score:
        return Score(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


def cases() -> list[Case]:
    """Every sentence, as labelled. Raises ValueError with the line when one says what is not in its text."""
    made = []
    for number, line in enumerate(_SENTENCES.read_text("utf-8").splitlines(), 1):
        if line.startswith("#") or line == "kind\ttext\texpected":
            continue
        kind, text, *expected = (_shown(column) for column in line.split("\t"))
        made.append(Case(number, kind, text, frozenset(_places(text, expected, number))))
    return made


def spellings() -> list[tuple[str, str, str]]:
    """(term, text, evidence) of bench/spellings.tsv; evidence is "" where there is none."""
    rows = [_shown(line).split("\t") for line in _SPELLINGS.read_text("utf-8").splitlines() if line[:1] != "#"]
    return [(term, text, evidence) for term, text, evidence in rows[1:]]


def _shown(column: str) -> str:
    return _PLACE.sub(lambda code: chr(int(code[1], 16)), column)


def _places(text: str, expected: list[str], line: int) -> Iterable[Evidence]:
    """Where the evidence of `rule:evidence` pairs stands; that of one rule comes in the text's order."""
    after: dict[str, int] = {}
    for pair in filter(None, " | ".join(expected).split(" | ")):
        rule, _, evidence = pair.partition(":")
        start = text.find(evidence, after.get(rule, 0))
        if not evidence or start < 0:
            raise ValueError(f"line {line}: {pair!r} is not in its text")
        after[rule] = start + len(evidence)
        yield rule, start, after[rule]


def found(matcher: Matcher, case: Case) -> frozenset[Evidence]:
    matches = matcher.match(Article(source="bench", title="", text=case.text))
    return frozenset((match.rule, match.start, match.end) for match in matches)


def score(
    matcher: Matcher, among: Iterable[Case], wrong: Callable[[Case, frozenset[Evidence]], None] | None = None
) -> dict[str, Score]:
    """By kind of case; `wrong` is told of each that is not as labelled, and what was found."""
    scores: dict[str, Score] = {}
    for case in among:
        there = found(matcher, case)
        right = len(there & case.expected)
        one = Score(right, len(there) - right, len(case.expected) - right)
        scores[case.kind] = scores.get(case.kind, Score()) + one
        if wrong is not None and there != case.expected:
            wrong(case, there)
    return scores
