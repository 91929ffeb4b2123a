"""What the officer's page asks of the store: stories with their alerts, by pages; one story whole; alerts counted by day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select

from didban.alert import Match
from didban.article import Article
from didban.dates import tehran_day
from storage import stories, tables
from storage.articles import article_of, matches_of
from storage.database import Database
from storage.outbox import Told, told_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which stories: None is all. `since` and `until` are instants of raising, `until` exclusive."""

    rule: str | None = None
    source: str | None = None
    province: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    live: bool | None = None
    seen: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A story in a list: its alerts, newest first, and `place`, by which the next page is asked for."""

    place: int
    told: tuple[Told, ...]

    @property
    def article(self) -> Article:
        return self.told[0].alert.article

    @property
    def story(self) -> str:
        return self.told[0].alert.story


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A story: who carries it, in the order of publication, each with its number and evidence; and its alerts."""

    key: str
    carriers: tuple[tuple[int, Article, tuple[Match, ...]], ...]
    told: tuple[Told, ...]


class Desk:
    """The page's questions; each is one transaction, and none changes anything."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def stories(self, wanted: Wanted, *, before: int | None = None, limit: int = 30) -> list[Line]:
        """The stories that have such an alert, the newest first, from `place` < `before` on."""
        alert = tables.alert
        place = func.max(alert.c.id)
        query = select(alert.c.story, place).where(*_narrowed(wanted)).group_by(alert.c.story)
        if before is not None:
            query = query.having(place < before)
        with self._database.read() as connection:
            places = dict(connection.execute(query.order_by(place.desc()).limit(limit)).tuples().all())
            told: dict[int, list[Told]] = {}
            for story, one in told_of(connection, alert.c.story.in_(list(places))):
                told.setdefault(story, []).append(one)
            return [Line(place=at, told=tuple(told[story])) for story, at in places.items()]

    def articles(self, wanted: Wanted, *, size: int = 500) -> Iterator[tuple[int, Article]]:
        """The articles in which such alerts were found, each once, by number: a page of rows at a time, no transaction open."""
        article, story, last = tables.article, tables.story, 0
        found = select(tables.alert.c.article).where(*_narrowed(wanted))
        query = select(article, story.c.key.label("story_key")).join(story).where(article.c.id.in_(found))
        while True:
            with self._database.read() as connection:
                rows = connection.execute(query.where(article.c.id > last).order_by(article.c.id).limit(size)).all()
            for row in rows:
                yield row.id, article_of(row)
            if len(rows) < size:
                return
            last = rows[-1].id

    def story(self, key: str, *, most: int = 50) -> Whole | None:
        """One story by its key, with at most so many carriers; None when there is none."""
        article, story = tables.article, tables.story
        with self._database.read() as connection:
            named = connection.execute(stories.NAMED, {"of_key": key}).first()
            if named is None:
                return None
            number = named.story
            when = func.coalesce(article.c.published, article.c.saved_at)
            query = select(article, story.c.key.label("story_key")).join(story).where(article.c.story == number)
            rows = connection.execute(query.order_by(when, article.c.id).limit(most)).all()
            return Whole(
                key=named.story_key,
                carriers=tuple((row.id, article_of(row), matches_of(connection, row.id)) for row in rows),
                told=tuple(one for _, one in told_of(connection, tables.alert.c.story == number)),
            )

    def daily(self, *, since: datetime) -> dict[str, Counter[date]]:
        """How many live alerts each rule raised on each of Tehran's days."""
        alert = tables.alert
        counts: dict[str, Counter[date]] = {}
        with self._database.read() as connection:
            query = select(alert.c.rule, alert.c.raised_at).where(alert.c.raised_at >= since, alert.c.live)
            for rule, raised in connection.execute(query):
                counts.setdefault(rule, Counter())[tehran_day(raised)] += 1
        return counts


def _narrowed(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    alert, article, story = tables.alert, tables.article, tables.story
    yield alert.c.story.not_in(select(story.c.id).where(story.c.merged_into.is_not(None)))
    if wanted.rule is not None:
        yield alert.c.rule == wanted.rule
    if wanted.since is not None:
        yield alert.c.raised_at >= wanted.since
    if wanted.until is not None:
        yield alert.c.raised_at < wanted.until
    if wanted.live is not None:
        yield alert.c.live.is_(wanted.live)
    if wanted.seen is not None:
        yield alert.c.acked_at.is_not(None) if wanted.seen else alert.c.acked_at.is_(None)
    facts: Sequence[Any] = [
        article.c[name] == value
        for name, value in (("source", wanted.source), ("province", wanted.province))
        if value is not None
    ]
    if facts:
        yield alert.c.article.in_(select(article.c.id).where(*facts))
