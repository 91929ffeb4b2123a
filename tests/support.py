"""What tests of several rooms share: a clock, articles, a judge without a rules file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from didban.alert import Judge, Match, Plan, Sighting, Via
from didban.article import Article

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
TEXT = "این خبر متنی دارد که برای یک رویداد به اندازهٔ کافی بلند است و در آن دولت الکترونیک آمده است."


def article(**facts: Any) -> Article:
    base = Article(
        source="irna",
        id="84000001",
        url="https://www.irna.ir/news/84000001/خبر",
        title="یک تیتر",
        lead="یک لید",
        text=TEXT,
        published=NOW - timedelta(hours=1),
        has_time=True,
        fetched=NOW,
    )
    return replace(base, **facts)


def sighting(via: Via = "watch", *, baseline: bool = False, now: datetime = NOW) -> Sighting:
    return Sighting(via=via, baseline=baseline, now=now)


def judge(
    words: Mapping[str, str] | None = None,
    *,
    live: bool = True,
    channels: tuple[str, ...] = ("first",),
) -> Judge:
    """A judge that finds each rule's word, wherever it first stands."""
    wanted = {"egov": "دولت الکترونیک"} if words is None else words

    def decide(article: Article, sighting: Sighting) -> tuple[tuple[Match, ...], tuple[Plan, ...]]:
        matches = tuple(
            Match(
                rule=rule,
                term=word,
                field=field,
                start=getattr(article, field).index(word),
                end=getattr(article, field).index(word) + len(word),
                text=word,
                sentence_start=0,
                sentence_end=len(getattr(article, field)),
            )
            for rule, word in wanted.items()
            for field in ("title", "lead", "text")
            if word in getattr(article, field)
        )
        plans = tuple(
            Plan(rule=rule, title=rule, priority="normal", live=live, channels=channels, due=sighting.now)
            for rule in dict.fromkeys(match.rule for match in matches)
        )
        return matches, plans

    return decide


Clock = Callable[[], datetime]


class Hands:
    """A clock that stands until it is moved."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, by: timedelta) -> None:
        self.at += by
