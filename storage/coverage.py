"""Coverage: what the backfills and the watch know of each day of a source, grouped by the database."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, case, func, or_, select

from didban.coverage import WATCH, WAYS, Links, Units
from didban.dates import day_bounds, tehran_day
from storage import tables
from storage.database import Database
from storage.sql import tehran_day as day_of

_ADDRESS = re.compile(r"^\w+://\S+: ")  # an error names its address first: reasons of many pages are one without it

_LEAK = timedelta(days=2)
"""A day's list names articles of the days beside it."""


class Coverage:
    """The facts of the completeness report; `didban.coverage` judges them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def spans(self) -> dict[str, tuple[date, date]]:
        """The sources that a backfill has begun, each with the first and the last day of its units."""
        unit = tables.unit
        query = select(unit.c.source, func.min(unit.c.since), func.max(unit.c.until)).where(unit.c.way.in_(WAYS))
        with self._database.read() as connection:
            rows = connection.execute(query.group_by(unit.c.source).order_by(unit.c.source)).all()
            return {source: (tehran_day(since), _last(until)) for source, since, until in rows}

    def read(self, source: str, since: date, until: date) -> tuple[list[Units], list[Links]]:
        """The units that overlap these days, both included, and the links of these days, in one view of the database.

        A link's day is that of its article's date, else that of its listing's, else the one day that all units which named it
        have in common, else none. A link without any date that no unit named is of no day, and left out.
        """
        start, end = day_bounds(since)[0], day_bounds(until)[1]
        with self._database.read() as connection:
            units = [_units(row) for row in connection.execute(_of_units(source, start, end))]
            alike: Counter[Links] = Counter()
            for row in connection.execute(_of_links(connection, source, start, end)):
                alike[_links(row)] += row.number
        links = [replace(one, count=count) for one, count in alike.items()]
        return units, [one for one in links if one.day is None or since <= one.day <= until]


def _of_units(source: str, start: datetime, end: datetime) -> Select[Any]:
    unit = tables.unit
    reason = case((unit.c.state == "refused", func.replace(unit.c.reason, unit.c.url + ": ", "")), else_="")
    each = (
        select(unit.c.way, unit.c.state, unit.c.since, unit.c.until, reason.label("reason"), unit.c.created_at)
        .where(unit.c.source == source, unit.c.way.in_(WAYS), unit.c.since < end, unit.c.until > start)
        .subquery()
    )
    alike = (each.c.way, each.c.state, each.c.since, each.c.until, each.c.reason)
    return select(*alike, func.min(each.c.created_at).label("opened"), func.count().label("number")).group_by(*alike)


def _of_links(connection: Connection, source: str, start: datetime, end: datetime) -> Select[Any]:
    """Grouped twice: by link, what its units say of it; then by day, which makes some thousand rows of years."""
    unit, named, link, article = tables.unit, tables.unit_link, tables.link, tables.article
    near = (unit.c.since < end + _LEAK) & (unit.c.until > start - _LEAK)
    by_unit = (
        select(
            named.c.link,
            func.max(unit.c.since).label("since"),
            func.min(unit.c.until).label("until"),
            *(func.max(case((unit.c.way == way, 1), else_=0)).label(way) for way in (*WAYS, "gap")),
        )
        .join(unit, unit.c.id == named.c.unit)
        .where(unit.c.source == source, or_(unit.c.way == "gap", near))
        .group_by(named.c.link)
        .subquery()
    )
    moment = func.coalesce(article.c.published, link.c.published)
    watched = or_(link.c.via == "watch", by_unit.c.gap == 1)
    each = (
        select(
            day_of(connection, moment).label("civil_day"),
            case((moment.is_(None), by_unit.c.since)).label("since"),
            case((moment.is_(None), by_unit.c.until)).label("until"),
            link.c.state,
            case((link.c.state == "stored", ""), else_=func.replace(link.c.reason, link.c.url + ": ", "")).label(
                "reason"
            ),
            case((article.c.withdrawn_at.is_(None), 0), else_=1).label("withdrawn"),
            *(func.coalesce(by_unit.c[way], 0).label(way) for way in WAYS),
            case((watched, 1), else_=0).label(WATCH),
        )
        .select_from(
            link.outerjoin(article, article.c.id == link.c.article).outerjoin(by_unit, by_unit.c.link == link.c.id)
        )
        .where(
            link.c.source == source,
            or_(
                and_(moment >= start, moment < end),
                and_(moment.is_(None), by_unit.c.since < end, by_unit.c.until > start),
            ),
        )
        .subquery()
    )
    return select(*each.c, func.count().label("number")).group_by(*each.c)


def _units(row: Row[Any]) -> Units:
    return Units(
        way=row.way,
        state=row.state,
        since=row.since,
        until=row.until,
        opened=row.opened,
        count=row.number,
        reason=_ADDRESS.sub("", row.reason),
    )


def _links(row: Row[Any]) -> Links:
    """What a group's links have in common: those whose day their units say join those whose date says it."""
    day = date.fromisoformat(str(row.civil_day)) if row.civil_day is not None else None
    if day is None and day_bounds(tehran_day(row.since)) == (row.since, row.until):
        day = tehran_day(row.since)
    return Links(
        day=day,
        state=row.state,
        ways=frozenset(way for way in (*WAYS, WATCH) if getattr(row, way)),
        count=0,
        withdrawn=bool(row.withdrawn),
        reason=_ADDRESS.sub("", row.reason),
    )


def _last(until: datetime) -> date:
    """The last day before an instant."""
    return tehran_day(until - timedelta(microseconds=1))
