"""Units: pieces of a walk through a source's past. A day or a sitemap of a backfill, a run of pages, a gap that the watch found.

    waiting ──▶ listed ──▶ done        every page of it is read; then every link it listed is stored, partial or refused
       └──▶ refused                    its pages cannot be had, with the reason

A unit with `due_at` is work to do, and is leased to one process at a time. Which links it listed is kept, so that a unit can be
proven complete, and two ways through the same days compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, Table, Update, bindparam, case, exists, func, or_, select, update

from didban.article import Link, Listed, Listing, Page
from storage import tables
from storage.database import Database, again
from storage.links import Noted, adopt, free, insert_links, key_of, known_links, queue
from storage.pages import keep
from storage.sql import portions, put

REPEATED = ""
"""Among a walk's `last_keys`: that page was already a repeat. No link has this key."""

Order = Literal["newest", "oldest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A piece of a backfill to be queued: `since` and `until` (exclusive) are the instants it covers. One that was walked
    before `final` (its last day was not over yet) is walked again."""

    listing: Listing
    key: str
    since: datetime
    until: datetime
    final: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A walk to go on with, leased: `listing.url` is the next page to ask for, `page_url` the one walked last."""

    id: int
    listing: Listing
    since: datetime | None
    until: datetime | None
    created: datetime
    page_url: str | None
    pages: int
    attempts: int
    last_keys: frozenset[str]

    def repeats(self, links: Sequence[Link]) -> bool:
        """Is this the page before, the second time running? Once may be chance: the list has moved by a whole page meanwhile."""
        return REPEATED in self.last_keys and self.knows(links)

    def knows(self, links: Sequence[Link]) -> bool:
        """Are all of these links on the page that was walked last?"""
        return {key_of(link) for link in links} <= self.last_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a backfill has still to do, when the next of it is due, and whether another process holds some."""

    units: int
    links: int
    held: bool
    due: datetime

    def __str__(self) -> str:
        said = (f"{self.units} archive units" if self.units else "", f"{self.links} links" if self.links else "")
        return " and ".join(filter(None, said)) + " are still to do"


class Units:
    """The frontier of the backfills, and the gaps of the watch."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @again
    def open(self, walks: Sequence[Walk], *, now: datetime) -> None:
        """Queue pieces of a backfill. Those that are done stay so, unless they were walked too early; refused ones begin anew."""
        table = tables.unit
        with self._database.write() as connection:
            for walk in walks:
                queue(
                    connection,
                    walk.listing,
                    way=walk.listing.way,
                    key=walk.key,
                    now=now,
                    since=walk.since,
                    until=walk.until,
                )
                connection.execute(
                    update(table)
                    .where(
                        table.c.source == walk.listing.source,
                        table.c.way == walk.listing.way,
                        table.c.key == walk.key,
                        or_(
                            table.c.state == "refused",
                            (table.c.state != "waiting") & (table.c.created_at < walk.final),
                            table.c.start_url != walk.listing.url,  # the archive is found elsewhere than it was then
                        ),
                    )
                    .values(url=walk.listing.url, start_url=walk.listing.url, created_at=now, **_ANEW, due_at=now)
                )

    @again
    def take(
        self,
        source: str,
        *,
        ways: Sequence[str],
        owner: str,
        now: datetime,
        lease: timedelta,
        order: Order = "newest",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Unit | None:
        """The next unit of this source that is due and free, leased; a unit is within `since` and `until` when it overlaps them."""
        table = tables.unit
        where = (
            _these(source, ways, since, until)
            & (table.c.state == "waiting")
            & (table.c.due_at <= now)
            & free(table, owner, now)
        )
        begins = table.c.since.desc() if order == "newest" else table.c.since
        own = case((table.c.leased_by == owner, 0), else_=1)  # what this process is in the midst of
        query = select(table).where(where).order_by(own, table.c.attempts, begins.nulls_last(), table.c.id)
        with self._database.write() as connection:
            row = connection.execute(query.limit(1).with_for_update(skip_locked=True)).first()
            if row is None:
                return None
            values = {"leased_by": owner, "leased_until": now + lease}
            connection.execute(update(table).where(table.c.id == row.id).values(values))
            return _unit(row)

    @again
    def note(
        self, unit: Unit, listed: Listed, page: Page, *, wanted: Sequence[Link], next_url: str | None, now: datetime
    ) -> Noted:
        """Note the `wanted` links of one page of a unit and move the unit to `next_url`; None: all its pages are read."""
        table, keys = tables.unit, [key_of(link) for link in listed.links]
        with self._database.write() as connection:
            new = self._note(connection, unit, wanted, page, problem=listed.problem, now=now)
            more = next_url is not None
            connection.execute(
                update(table)
                .where(table.c.id == unit.id, table.c.url == unit.listing.url, table.c.state == "waiting")
                .values(
                    url=next_url or unit.listing.url,
                    page_url=unit.listing.url,
                    pages=unit.pages + 1,
                    last_keys=[*keys, REPEATED] if set(keys) <= unit.last_keys else keys,
                    attempts=0,
                    reason="",
                    state="waiting" if more else "listed",
                    due_at=now if more else None,
                    leased_by=table.c.leased_by if more else None,
                    leased_until=table.c.leased_until if more else None,
                )
            )
            if not more:
                connection.execute(_SETTLE_ONE, {"of": unit.id})
            return Noted(new=new)

    @again
    def note_damaged(self, unit: Unit, wanted: Sequence[Link], page: Page, *, problem: str, now: datetime) -> int:
        """Note what could be read of a damaged page of a unit, which stays where it is; returns how many links were new."""
        with self._database.write() as connection:
            return self._note(connection, unit, wanted, page, problem=problem, now=now)

    def _note(
        self,
        connection: Connection,
        unit: Unit,
        wanted: Sequence[Link],
        page: Page,
        *,
        problem: str | None,
        now: datetime,
    ) -> int:
        source, via = unit.listing.source, "watch" if unit.listing.way == "gap" else "backfill"
        keys = [key_of(link) for link in wanted]
        known = known_links(connection, source, keys)
        new = insert_links(connection, wanted, known, via=via, baseline=False, now=now)
        if via == "watch":
            adopt(connection, source, list(known), now=now)
        if new or problem:
            keep(connection, page, source=source, kind="listing", problem=problem)
        mine, link = [], tables.link
        for portion in portions(keys):
            mine += connection.scalars(select(link.c.id).where(link.c.source == source, link.c.key.in_(portion)))
        rows = [{"unit": unit.id, "link": number} for number in sorted(mine)]
        put(connection, tables.unit_link, rows, known=True)
        return new

    @again
    def put_off(self, unit: Unit, *, reason: str, due: datetime | None) -> None:
        """A unit's page could not be had: try again at `due`; None refuses the unit for good."""
        table, state = tables.unit, "refused" if due is None else "waiting"
        values = {"attempts": unit.attempts + 1, "reason": reason, "due_at": due, "state": state}
        with self._database.write() as connection:
            here = (table.c.id == unit.id) & (table.c.state == "waiting")
            connection.execute(update(table).where(here).values(**values, **_FREE))

    @again
    def settle(self, source: str) -> int:
        """Units all of whose links have found their end are done; returns how many were settled now."""
        with self._database.write() as connection:
            return connection.execute(_SETTLE, {"of": source}).rowcount

    @again
    def retry(self, source: str, *, since: datetime | None = None, until: datetime | None = None, now: datetime) -> int:
        """Refused units begin anew, and the links of all units that were refused, or given up as partial, are due again; returns
        how many of both."""
        unit, link = tables.unit, tables.link
        mine = unit.c.source == source
        if since is not None:
            mine &= unit.c.until > since
        if until is not None:
            mine &= unit.c.since < until
        with self._database.write() as connection:
            listed = select(tables.unit_link.c.link).join(unit, unit.c.id == tables.unit_link.c.unit).where(mine)
            given_up = link.c.state.in_(["refused", "partial"]) & link.c.due_at.is_(None)
            again = case((link.c.state == "refused", "waiting"), else_=link.c.state)
            links = connection.execute(
                update(link)
                .where(link.c.source == source, given_up, link.c.id.in_(listed))
                .values(state=again, attempts=0, due_at=now)
            ).rowcount
            waiting = select(tables.unit_link.c.unit).join(link, link.c.id == tables.unit_link.c.link)
            connection.execute(
                update(unit)
                .where(mine, unit.c.state == "done", unit.c.id.in_(waiting.where(_unended())))
                .values(state="listed")
            )
            first = func.coalesce(unit.c.start_url, unit.c.url)
            units = connection.execute(
                update(unit).where(mine, unit.c.state == "refused").values(url=first, **_ANEW, due_at=now)
            ).rowcount
            return links + units

    def refused(self) -> list[str]:
        """The sources that have refused units, or links that a unit listed and that were refused or given up as partial."""
        unit, link = tables.unit, tables.link
        listed = select(link.c.source).join(tables.unit_link, tables.unit_link.c.link == link.c.id)
        found = (
            select(unit.c.source)
            .where(unit.c.state == "refused")
            .union(listed.where(link.c.state.in_(["refused", "partial"]), link.c.due_at.is_(None)))
        )
        with self._database.read() as connection:
            return sorted(connection.scalars(found))

    def done(self, source: str) -> set[tuple[str, str]]:
        """Way and key of the source's units that are done."""
        table = tables.unit
        with self._database.read() as connection:
            query = select(table.c.way, table.c.key).where(table.c.source == source, table.c.state == "done")
            return set(connection.execute(query).tuples())

    def states(
        self, source: str, ways: Sequence[str], *, since: datetime | None = None, until: datetime | None = None
    ) -> dict[str, int]:
        """How many units of these ways there are, by state; those that overlap `since` and `until`."""
        table = tables.unit
        query = select(table.c.state, func.count()).where(_these(source, ways, since, until)).group_by(table.c.state)
        with self._database.read() as connection:
            return dict(connection.execute(query).tuples().all())

    def left(
        self,
        source: str,
        ways: Sequence[str],
        *,
        owner: str,
        now: datetime,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Left | None:
        """What of these units is still to do; None when each has found its end."""
        unit, link = tables.unit, tables.link
        mine = _these(source, ways, since, until)
        listed = (
            select(tables.unit_link.c.link)
            .join(unit, unit.c.id == tables.unit_link.c.unit)
            .where(mine, unit.c.state.in_(["waiting", "listed"]))
        )
        with self._database.read() as connection:
            found = [
                connection.execute(_due(table, where, owner, now)).one()
                for table, where in (
                    (unit, mine & (unit.c.state == "waiting")),
                    (link, (link.c.source == source) & _unended() & link.c.id.in_(listed)),
                )
            ]
        units, links = found
        if not units.many and not links.many:
            return None
        due = min(row.due for row in found if row.due is not None)
        return Left(units=units.many, links=links.many, held=any(row.held for row in found), due=due)


_FREE = {"leased_by": None, "leased_until": None}
_ANEW = {"state": "waiting", "attempts": 0, "last_keys": [], "pages": 0, "reason": "", "page_url": None, **_FREE}


def _these(source: str, ways: Sequence[str], since: datetime | None, until: datetime | None) -> ColumnElement[bool]:
    """Units of a source, of these ways, that overlap a stretch of time."""
    table = tables.unit
    where = (table.c.source == source) & table.c.way.in_(ways)
    if since is not None:
        where &= table.c.until > since
    if until is not None:
        where &= table.c.since < until
    return where


def _due(table: Table, where: ColumnElement[bool], owner: str, now: datetime):  # noqa: ANN202 - a Select of three columns
    """How many rows there are, how many another process holds, and when the next is due and free."""
    held = (table.c.leased_until > now) & (table.c.leased_by != owner)
    when = case((held & (table.c.leased_until > table.c.due_at), table.c.leased_until), else_=table.c.due_at)
    return select(
        func.count().label("many"),
        func.coalesce(func.sum(case((held, 1), else_=0)), 0).label("held"),
        func.min(when).label("due"),
    ).where(where)


def _unended() -> ColumnElement[bool]:
    """Links that have not found their end: they wait, or their summary is kept and their page is to be asked for again."""
    return tables.link.c.state.in_(["waiting", "partial"]) & tables.link.c.due_at.is_not(None)


def _settling(which: ColumnElement[bool]) -> Update:
    """Of these units, those all of whose links have found their end are done."""
    table, link = tables.unit, tables.link
    waits = (
        exists().where(tables.unit_link.c.unit == table.c.id).where(link.c.id == tables.unit_link.c.link, _unended())
    )
    return update(table).where(which, table.c.state == "listed", ~waits).values(state="done")


_SETTLE_ONE = _settling(tables.unit.c.id == bindparam("of"))
_SETTLE = _settling(tables.unit.c.source == bindparam("of"))


def _unit(row: Row[Any]) -> Unit:
    return Unit(
        id=row.id,
        listing=Listing(source=row.source, url=row.url, way=row.way),
        since=row.since,
        until=row.until,
        created=row.created_at,
        page_url=row.page_url,
        pages=row.pages,
        attempts=row.attempts,
        last_keys=frozenset(row.last_keys),
    )
