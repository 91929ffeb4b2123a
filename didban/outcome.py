"""What a save or a run did."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal

Change = Literal["new", "changed", "completed", "same"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """One save: what became of the article, its story, and how many alerts it raised (live ones are sent)."""

    change: Change
    article: int
    story: str
    copy: bool = False
    """True when the story already had another article."""
    live: int = 0
    archived: int = 0


@dataclass(slots=True, kw_only=True)
class Tally:
    """What one run saw, by count. Tallies of parts add up to the tally of the whole."""

    listed: int = 0
    noted: int = 0
    new: int = 0
    changed: int = 0
    completed: int = 0
    same: int = 0
    copies: int = 0
    partial: int = 0
    unreadable: int = 0
    blocked: int = 0
    unreachable: int = 0
    refused: int = 0
    alerts: int = 0
    archived: int = 0
    sent: int = 0
    unsent: int = 0
    gaps: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        for part in fields(self):
            if part.name == "problems":
                self.problems.extend(other.problems)
            else:
                setattr(self, part.name, getattr(self, part.name) + getattr(other, part.name))

    def counts(self) -> dict[str, int]:
        return {part.name: getattr(self, part.name) for part in fields(self) if part.name != "problems"}
