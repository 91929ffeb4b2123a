"""A look back: stored articles in the order of their dates, and what rules find in them kept as archived alerts.

    each(selection) ── pages, matched outside ──▶ owed(found)    what of it is not there yet; a read
                                             └──▶ keep(numbers)  the same, written in one small transaction

Nothing is told and nothing taken away: an alert is raised once per story and rule, as everywhere, and one that is there stays as
it is. The evidence of a rule in an article becomes today's, but not where today's is none (the alert that rests on it is
history), nor where the story's alert is live (people were told that).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, null, or_, select, true

from didban.alert import Judge, Match, Sighting
from didban.article import Article
from storage import tables
from storage.articles import Selection, article_of, narrowed
from storage.database import Database
from storage.sql import insert

PAGE = 200
"""Articles in one transaction."""
_EVER = datetime(1000, 1, 1, tzinfo=UTC)
_MATCH = tuple(field.name for field in fields(Match))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An article as it stands (without its story's key), its number and its story's number."""

    number: int
    story: int
    article: Article


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What an article lacks: rules whose evidence is not there as it is today, and rules that its story has no alert on."""

    number: int
    story: int
    evidence: tuple[str, ...]
    alerts: tuple[str, ...]


Found = tuple[Stored, tuple[Match, ...]]


class Evidence:
    """What rules find in the articles that are stored."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, selection: Selection) -> int:
        """How many articles are selected."""
        queries = (
            select(func.count()).select_from(tables.article).where(*_of(selection, dated=dated))
            for dated in (True, False)
        )
        with self._database.read() as connection:
            return sum(connection.scalar(query) or 0 for query in queries)

    def sample(self, size: int) -> list[Article]:
        """At most so many articles, spread evenly over all that are stored; the same ones until more are."""
        table = tables.article
        with self._database.read() as connection:
            last = connection.scalar(select(func.max(table.c.id))) or 0
            numbers = [1 + at * last // size for at in range(size)] if last > size else range(1, last + 1)
            rows = connection.execute(_stored().where(table.c.id.in_(numbers)).order_by(table.c.id))
            return [article_of(row) for row in rows]

    def each(self, selection: Selection, *, size: int = PAGE) -> Iterator[tuple[Stored, ...]]:
        """The selected articles by pages of `size`: the undated ones first, then oldest first.

        Constant memory, no transaction kept open. An article that arrives meanwhile with a later date is met too.
        """
        table = tables.article
        for dated in (False, True):
            order = (table.c.published, table.c.id) if dated else (table.c.id,)
            rest, more = selection, true()
            while True:
                query = _stored().where(*_of(rest, dated=dated), more).order_by(*order).limit(size)
                with self._database.read() as connection:
                    rows = connection.execute(query).all()
                if rows:
                    yield tuple(map(_stored_of, rows))
                if len(rows) < size:
                    break
                last, more = rows[-1], table.c.id > rows[-1].id
                if dated:
                    rest, more = replace(selection, since=last.published), or_(table.c.published > last.published, more)

    def weekly(self, selection: Selection) -> Iterator[tuple[str, int, datetime]]:
        """Rule, story, and when its first carrier among the selected articles was published (fetched, where it has no date): once
        for each rule that finds evidence in such a carrier."""
        article, match = tables.article, tables.match
        when = func.coalesce(article.c.published, article.c.fetched, article.c.saved_at)
        first = func.min(when, type_=article.c.published.type)
        query = (
            select(match.c.rule, article.c.story, first)
            .join(article, and_(article.c.id == match.c.article, article.c.revision == match.c.revision))
            .where(*narrowed(selection))
            .group_by(match.c.rule, article.c.story)
            .order_by(match.c.rule, article.c.story)
        )
        if selection.source is not None:
            query = query.where(article.c.source == selection.source)
        if selection.since is not None:
            query = query.where(when >= selection.since)
        if selection.until is not None:
            query = query.where(when < selection.until)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return ((rule, story, published) for rule, story, published in rows)

    def owed(self, found: Sequence[Found]) -> list[Owed]:
        """What these articles lack of what was found in them; the first of a story's carriers is asked for its alert."""
        if not found:
            return []
        with self._database.read() as connection:
            return _owed(connection, found)

    def keep(self, numbers: Sequence[int], judge: Judge, *, now: datetime) -> list[Owed]:
        """Write what these articles lack, in one transaction; returns it.

        `judge` is asked with the articles as they stand now. Whatever it plans is raised as archived and told to nobody.
        """
        with self._database.write(alone=True) as connection:
            rows = {row.id: row for row in connection.execute(_stored().where(tables.article.c.id.in_(numbers)))}
            stored = [_stored_of(rows[number]) for number in numbers if number in rows]
            nobody = Sighting(via="import", baseline=True, now=now)
            judged = {one.number: (one, *judge(one.article, nobody)) for one in stored}
            owed = _owed(connection, [(one, matches) for one, matches, _ in judged.values()])
            evidence, alerts = [], []
            for one in owed:
                article, matches, plans = judged[one.number]
                place = {"article": one.number, "revision": article.article.revision}
                if one.evidence:
                    _forget(connection, **place, rules=one.evidence)
                evidence += [place | asdict(match) for match in matches if match.rule in one.evidence]
                alerts += [
                    place
                    | {"story": one.story, "rule": plan.rule, "title": plan.title, "priority": plan.priority}
                    | {"live": False, "raised_at": now}
                    | {"source": article.article.source, "province": article.article.province}
                    for plan in plans
                    if plan.rule in one.alerts
                ]
            if evidence:
                connection.execute(tables.match.insert(), evidence)
            if alerts:
                connection.execute(insert(connection, tables.alert).on_conflict_do_nothing(), alerts)
            return owed


def _of(selection: Selection, *, dated: bool) -> Iterator[ColumnElement[bool]]:
    """The conditions on dated articles, or on undated ones: apart, the index on the date serves both, and no text is read to learn
    a date. There is one lower bound, or SQLite would begin every page at the wrong one of two."""
    table = tables.article
    if dated:
        when: ColumnElement[Any] = table.c.published
        yield when >= (selection.since or _EVER)
    else:
        when = func.coalesce(table.c.fetched, table.c.saved_at)
        yield table.c.published.is_(None)
        if selection.since is not None:
            yield when >= selection.since
    if selection.until is not None:
        yield when < selection.until
    yield from narrowed(selection)
    if (
        selection.source is not None
    ):  # as an expression: SQLite would take the source's index, and sort all of it for every page
        yield func.coalesce(table.c.source, "") == selection.source


def _stored():  # noqa: ANN202 - a Select whose columns are the article's
    return select(tables.article, null().label("story_key"))


def _stored_of(row: Row[Any]) -> Stored:
    return Stored(number=row.id, story=row.story, article=article_of(row))


def _owed(connection: Connection, found: Sequence[Found]) -> list[Owed]:
    match, alert = tables.match, tables.alert
    there: dict[tuple[int, int, str], list[Match]] = defaultdict(list)
    numbers = [stored.number for stored, _ in found]
    for row in connection.execute(select(match).where(match.c.article.in_(numbers)).order_by(match.c.id)):
        kept = Match(**{name: getattr(row, name) for name in _MATCH})
        there[row.article, row.revision, row.rule].append(kept)
    stories = {stored.story for stored, _ in found}
    raised = select(alert.c.story, alert.c.rule, alert.c.live).where(alert.c.story.in_(stories))
    live = {(row.story, row.rule): row.live for row in connection.execute(raised)}
    owed = []
    for stored, matches in found:
        today: dict[str, list[Match]] = defaultdict(list)
        for one in matches:
            today[one.rule].append(one)
        evidence = tuple(
            rule
            for rule, now in today.items()
            for kept in [there[stored.number, stored.article.revision or 1, rule]]
            if now != kept and not (kept and live.get((stored.story, rule)))
        )
        alerts = tuple(rule for rule in today if (stored.story, rule) not in live)
        live |= {(stored.story, rule): False for rule in alerts}
        if evidence or alerts:
            owed.append(Owed(number=stored.number, story=stored.story, evidence=evidence, alerts=alerts))
    return owed


def _forget(connection: Connection, *, article: int, revision: int | None, rules: Sequence[str]) -> None:
    table = tables.match
    of = and_(table.c.article == article, table.c.revision == revision, table.c.rule.in_(rules))
    connection.execute(delete(table).where(of))
