"""What the officer's page asks of the store: stories with their alerts, by pages; one story whole; alerts counted by day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, bindparam, func, select

from didban.alert import Match
from didban.article import Article
from didban.dates import tehran_day
from storage import stories, tables
from storage.articles import article_of, matches_of
from storage.database import Database
from storage.outbox import Told, told_of

_STEP: Final = 200
"""Alerts that are looked at together: a page of stories is found in one step or two, however many there are."""


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
        query = select(alert.c.id, alert.c.story).where(*_narrowed(wanted)).order_by(alert.c.id.desc()).limit(_STEP)
        places: dict[int, int] = {}
        with self._database.read() as connection:
            low, rows = before, [None] * _STEP
            while len(rows) == _STEP and len(places) < limit:
                rows = connection.execute(query if low is None else query.where(alert.c.id < low)).all()
                shown = _shown(connection, wanted, {row.story for row in rows}, before)
                for row in rows:
                    if row.story not in shown and len(places) < limit:
                        places.setdefault(row.story, row.id)
                low = rows[-1].id if rows else None
            told: dict[int, list[Told]] = {}
            for story, one in told_of(connection, alert.c.story.in_(list(places))):
                told.setdefault(story, []).append(one)
            return [Line(place=at, told=tuple(told[story])) for story, at in places.items()]

    def articles(self, wanted: Wanted, *, size: int = 500) -> Iterator[tuple[int, Article]]:
        """The articles in which such alerts were found, each once, by number: a page of rows at a time, no transaction open."""
        alert, article, story, last = tables.alert, tables.article, tables.story, 0
        found = select(alert.c.article).where(*_narrowed(wanted)).group_by(alert.c.article).order_by(alert.c.article)
        query = select(article, story.c.key.label("story_key")).join(story).order_by(article.c.id)
        while True:
            with self._database.read() as connection:
                numbers = connection.scalars(found.where(alert.c.article > last).limit(size)).all()
                rows = connection.execute(query.where(article.c.id.in_(numbers))).all()
            for row in rows:
                yield row.id, article_of(row)
            if len(numbers) < size:
                return
            last = numbers[-1]

    def story(self, key: str) -> Whole | None:
        """One story by its key; None when there is none."""
        return next(iter(self.wholes([key])), None)

    def wholes(self, keys: Collection[str], *, most: int = 50) -> list[Whole]:
        """Stories by their keys, in that order, each once and with at most so many carriers; a key of nothing is left out."""
        article, story, alert = tables.article, tables.story, tables.alert
        when = func.coalesce(article.c.published, article.c.saved_at)
        carried = (
            select(article, story.c.key.label("story_key"))
            .join(story)
            .where(article.c.story == bindparam("of_story"))
            .order_by(when, article.c.id)
            .limit(most)
        )
        with self._database.read() as connection:
            found = [connection.execute(stories.NAMED, {"of_key": key}).first() for key in keys]
            named = {row.story: row.story_key for row in found if row is not None}
            rows = {number: connection.execute(carried, {"of_story": number}).all() for number in named}
            matches = matches_of(connection, [row.id for carriers in rows.values() for row in carriers])
            told: dict[int, list[Told]] = {number: [] for number in named}
            for number, one in told_of(connection, alert.c.story.in_(list(named))):
                told[number].append(one)
            return [
                Whole(
                    key=key,
                    carriers=tuple((row.id, article_of(row), matches.get(row.id, ())) for row in rows[number]),
                    told=tuple(told[number]),
                )
                for number, key in named.items()
            ]

    def daily(self, *, since: datetime) -> dict[str, Counter[date]]:
        """How many stories with a live alert of each rule came on each of Tehran's days: those that `stories` lists."""
        alert = tables.alert
        counts: dict[str, Counter[date]] = {}
        with self._database.read() as connection:
            query = select(alert.c.rule, alert.c.raised_at).where(alert.c.raised_at >= since, alert.c.live, _alone())
            for rule, raised in connection.execute(query):
                counts.setdefault(rule, Counter())[tehran_day(raised)] += 1
        return counts

    def found(self, *, since: datetime, until: datetime) -> list[tuple[str, str | None, datetime]]:
        """Rule, province and time of each story that a rule found: when the article that it was found in was published; of one
        without a date, when a live alert was raised."""
        alert, article, alone = tables.alert, tables.article, _alone()
        query = select(alert.c.rule, alert.c.province).join_from(article, alert, alert.c.article == article.c.id)
        dated = query.add_columns(article.c.published).where(
            article.c.published >= since, article.c.published < until, alone
        )
        raised = alert.c.raised_at
        without = select(article.c.id).where(
            article.c.published.is_(None)
        )  # by their index: no text is read to learn it
        undated = select(alert.c.rule, alert.c.province, raised).where(
            raised >= since, raised < until, alert.c.live, alert.c.article.in_(without), alone
        )
        with self._database.read() as connection:
            return [
                (rule, province, at) for each in (dated, undated) for rule, province, at in connection.execute(each)
            ]


def _shown(connection: Connection, wanted: Wanted, stories: Collection[int], before: int | None) -> set[int]:
    """Those of the stories that stand on an earlier page: they have such an alert from `before` on."""
    if before is None:
        return set()
    alert = tables.alert
    query = select(alert.c.story).where(alert.c.story.in_(stories), alert.c.id >= before, *_narrowed(wanted))
    return set(connection.scalars(query))


def _narrowed(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    """As questions that are asked of one alert after the other, newest first, until there are enough of them. Numbers follow the
    times: so a time is a number to begin at, and no database gathers all alerts of a span to sort them."""
    alert = tables.alert
    at = func.coalesce(alert.c.raised_at, alert.c.raised_at)  # an expression: no index serves it
    if wanted.since is not None:
        yield alert.c.id >= select(func.min(alert.c.id)).where(alert.c.raised_at >= wanted.since).scalar_subquery()
        yield at >= wanted.since
    if wanted.until is not None:
        yield alert.c.id <= select(func.max(alert.c.id)).where(alert.c.raised_at < wanted.until).scalar_subquery()
        yield at < wanted.until
    for name in ("rule", "source", "province"):
        if (value := getattr(wanted, name)) is not None:
            yield alert.c[name] == value
    if wanted.live is not None:
        yield alert.c.live.is_(wanted.live)
    if wanted.seen is not None:
        yield alert.c.acked_at.is_not(None) if wanted.seen else alert.c.acked_at.is_(None)
    yield _alone()


def _alone() -> ColumnElement[bool]:
    """Is an alert's story one that was not merged into another? What a merge left behind is shown nowhere."""
    story = tables.story
    return select(story.c.merged_into).where(story.c.id == tables.alert.c.story).scalar_subquery().is_(None)
