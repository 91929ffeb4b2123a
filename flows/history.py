"""`didban show --history`: an article's revisions, the first in whole, of each later one what it changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from alerts.lines import printable
from didban.dates import iso_utc
from didban.difference import COLOURED, PLAIN, between, changed_lines

Revision = tuple[int, datetime, dict[str, str]]
"""Its number, its time, and its four texts by name."""


def lines(revisions: Sequence[Revision], *, coloured: bool = False) -> Iterator[str]:
    """A heading each; below it the texts, or the lines of them that changed. A text with nothing changed is left out."""
    marks = COLOURED if coloured else PLAIN
    before: dict[str, str] = {}
    for number, at, said in revisions:
        texts = {name: "\n".join(map(printable, text.split("\n"))) for name, text in said.items()}
        yield f"\n── {number} · {iso_utc(at)}"
        for name, text in texts.items():
            if not before:
                yield from ([text] if text else [])
            elif changed := changed_lines(between(before[name], text), marks):
                yield f"{name}:"
                yield from (f"  {line}" for line in changed)
        before = texts


def as_json(revisions: Sequence[Revision]) -> list[dict[str, Any]]:
    """`didban show --history --json`: number, time and texts of each; `changes` has the parts of each text that is not as it was
    in the revision before, each with its kind: `same`, `gone` or `new`."""
    found: list[dict[str, Any]] = []
    for at, (number, moment, texts) in enumerate(revisions):
        before = revisions[at - 1][2] if at else texts
        parts = {name: between(before[name], text) for name, text in texts.items() if text != before[name]}
        changes = {
            name: [{"kind": part.kind, "text": part.text} for part in those]
            for name, those in parts.items()
            if any(part.kind != "same" for part in those)
        }
        found.append({"revision": number, "at": iso_utc(moment), **texts, "changes": changes})
    return found
