"""What an edit changed, word by word, for people to read.

    between("طرح تصویب شد", "طرح تصویب نشد") → ("طرح تصویب ", "same"), ("شد", "gone"), ("نشد", "new")

Words that differ in nothing but their characters (ي and ی, a ZWNJ) are the same word: the later one is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final, Literal, NamedTuple

from didban.text import fold

_WORDS = re.compile(r"\s*\S+|\s+$")
_LINES = re.compile(r".*\n|.+$")
_MOST = 4_000_000
"""Pairs of words, or of lines, that are compared: what is longer counts as replaced, for the comparison is quadratic."""

PLAIN: Final = {"gone": ("[-", "-]"), "new": ("{+", "+}")}
COLOURED: Final = {"gone": ("\x1b[9;31m", "\x1b[0m"), "new": ("\x1b[32m", "\x1b[0m")}


class Part(NamedTuple):
    """A stretch of words that stayed (as they are now), went, or came."""

    text: str
    kind: Literal["same", "gone", "new"]


def between(before: str, after: str) -> list[Part]:
    """The words of both, in order, what went before what came in its place. All but what is gone is `after`, all but what is new
    is `before`, up to the characters."""
    parts: list[Part] = []
    for old, new in _changed(_LINES.findall(before), _LINES.findall(after)):
        if old is None:
            parts.append(Part("".join(new), "same"))
            continue
        for gone, came in _changed(_WORDS.findall("".join(old)), _WORDS.findall("".join(new))):
            if gone is None:
                parts.append(Part("".join(came), "same"))
            else:
                parts += [Part("".join(gone), "gone"), Part("".join(came), "new")]
    return _joined(part for part in parts if part.text)


def changed_lines(parts: Iterable[Part], marks: dict[str, tuple[str, str]] = PLAIN) -> list[str]:
    """The lines in which something changed, marked; what lies between them is an ellipsis."""
    lines: list[tuple[str, bool]] = [("", False)]
    for part in parts:
        opening, closing = marks.get(part.kind, ("", ""))
        for at, piece in enumerate(part.text.split("\n")):
            if at:
                lines.append(("", False))
            if word := piece.strip():
                head, _, tail = piece.partition(word)
                line, changed = lines[-1]
                lines[-1] = f"{line}{head}{opening}{word}{closing}{tail}", changed or part.kind != "same"
    shown: list[str] = []
    for line, changed in lines:
        if changed:
            shown.append(line.strip())
        elif line.strip() and (not shown or shown[-1] != "…"):
            shown.append("…")
    return shown if any(line != "…" for line in shown) else []


def _changed(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[Sequence[str] | None, Sequence[str]]]:
    """Stretches in order: (None, what stayed, as it is now) or (what went, what came)."""
    one, two = [_key(word) for word in before], [_key(word) for word in after]
    if len(one) * len(two) > _MOST and one != two:
        yield before, after
        return
    for kind, start, end, first, last in SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        yield (None if kind == "equal" else before[start:end]), after[first:last]


def _key(words: str) -> str:
    return " ".join(fold(words).split())


def _joined(parts: Iterable[Part]) -> list[Part]:
    joined: list[Part] = []
    for part in parts:
        if joined and joined[-1].kind == part.kind:
            joined[-1] = Part(joined[-1].text + part.text, part.kind)
        else:
            joined.append(part)
    return joined
