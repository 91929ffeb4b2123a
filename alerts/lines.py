"""A line of a message: evidence marked, length held, nothing in it that could break the line or turn it around.

A line's direction is the first strong letter's, so lines and list items that begin with Latin are marked for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from unicodedata import bidirectional

QUOTES: Final = ("«", "»")
"""The default mark around evidence: open, close."""

_WHOLE = 280  # letters of a sentence shown whole; a longer one is cut around its evidence …
_AROUND = 100  # … to at most this many letters on either side

# A page's text may hold anything: no escape sequence reaches a terminal, no line end breaks a line, and no mark that we have not
# set turns it around. At first one character for one, so that the places of the evidence stay true.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_TURNING = re.compile(r"[\u202a-\u202e\u2066-\u2069\u061c\u200e\u200f]")
_NOTHING = "\0"

Span = tuple[int, int]
"""Code points, the end exclusive."""


def marked(line: str, spans: Sequence[Span], around: Sequence[Span], mark: tuple[str, str]) -> str:
    """`line` with `spans` marked; a long one is cut between words to what surrounds `around`, or to its beginning."""
    line = _harmless(line)
    whole = [(0, len(line))]
    pieces = whole if len(line) <= _WHOLE else _merged([_window(line, *span) for span in around or [(0, 0)]])
    marks = _merged(spans)
    written = []
    for start, end in pieces:
        at = start
        for first, last in marks:
            if start <= first and last <= end:
                written += [line[at:first], mark[0], line[first:last], mark[1]]
                at = last
        written += [line[at:end], "" if end == len(line) else " … "]
    said = ("… " if pieces[0][0] else "") + "".join(written).replace(_NOTHING, "").strip()
    return rtl(said, by=line[pieces[0][0] :])


def _window(line: str, start: int, end: int) -> Span:
    left, right = start - _AROUND, end + _AROUND
    if left > 0:
        left = line.find(" ", left, start) + 1 or left
    if right < len(line):
        right = max(line.rfind(" ", end, right), end) if " " in line[end:right] else right
    return max(left, 0), min(right, len(line))


def _merged(spans: Sequence[Span]) -> list[Span]:
    """The spans in order, those that overlap or touch joined."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def printable(line: str) -> str:
    """Fit for a terminal, a log and a message: no line end, control character, or mark that turns the reading direction."""
    return _harmless(line).replace(_NOTHING, "")


def _harmless(line: str) -> str:
    return _TURNING.sub(_NOTHING, _UNPRINTABLE.sub(" ", line))


def isolated(words: str) -> str:
    """One item of a list on a line: Latin in it must not pull its neighbours to its side."""
    words = printable(words)
    if all(bidirectional(letter) != "L" for letter in words):
        return words
    return f"\N{FIRST STRONG ISOLATE}{words}\N{POP DIRECTIONAL ISOLATE}"


def rtl(line: str, *, by: str | None = None) -> str:
    """A line that begins with a Latin letter would run from left to right as a whole; `by` is it without marks."""
    strong = next((kind for letter in by or line if (kind := bidirectional(letter)) in ("L", "R", "AL")), "AL")
    return f"\N{RIGHT-TO-LEFT MARK}{line}" if strong == "L" else line
