"""Links: every address seen on a listing, noted in the same transaction as the listing's validators.

    waiting ──▶ stored                     an article was saved
       ├─────▶ partial  (due again)        the page could not be had or read; the listing's summary was saved
       └─────▶ refused                     it never will be, with the reason

A link with `due_at` is work to do; a crash leaves it so. `Links.note` also notices a gap: a listing none of whose links the watch
has seen, and that has been polled before, means that articles have scrolled out of it, and a walk through older pages is queued.
What a backfill saw closes no gap: it may have stopped half way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    Table,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)

from didban.article import Link, Listed, Listing, Page
from didban.urls import canonical
from storage import tables
from storage.database import Database, again
from storage.pages import keep
from storage.sql import insert, portions, put


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What noting a listing did: how many links were new, and whether a gap was found."""

    new: int
    gap: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A link to fetch, leased."""

    id: int
    link: Link
    via: str
    baseline: bool
    attempts: int
    state: str

    @property
    def partial(self) -> bool:
        """Its listing's summary is kept already."""
        return self.state == "partial"


def key_of(link: Link) -> str:
    """The identity of a link within its source: the site's id, else the canonical address."""
    return link.id or canonical(link.url) or link.url


class Links:
    """Links and the walks that find them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def validators(self, source: str, url: str) -> tuple[str | None, str | None]:
        """The ETag and Last-Modified of a listing's last answer."""
        with self._database.read() as connection:
            row = connection.execute(
                select(tables.listing.c.etag, tables.listing.c.last_modified).where(
                    tables.listing.c.source == source, tables.listing.c.url == url
                )
            ).first()
            return (row.etag, row.last_modified) if row else (None, None)

    @again
    def note(self, listing: Listing, listed: Listed, page: Page, *, older: Listing | None, now: datetime) -> Noted:
        """Note a watched listing's links and its validators in one transaction.

        A damaged listing (`listed.problem`) has its links noted and its validators left alone, so that it is asked for whole again.
        `older` is where a walk starts when there is a gap.
        """
        with self._database.write() as connection:
            source = connection.execute(select(tables.source).where(tables.source.c.key == listing.source)).one()
            baseline = source.baseline_at is None
            keys = [key_of(link) for link in listed.links]
            known = known_links(connection, listing.source, keys)
            watched = known_links(connection, listing.source, keys, via="watch")
            here = (tables.listing.c.source == listing.source) & (tables.listing.c.url == listing.url)
            polled = not baseline or connection.execute(select(tables.listing.c.url).where(here)).first() is not None
            new = insert_links(connection, listed.links, known, via="watch", baseline=baseline, now=now)
            adopt(connection, listing.source, list(known), now=now)
            if new or listed.problem:
                keep(connection, page, source=listing.source, kind="listing", problem=listed.problem)
            start = older if listed.links and not watched and polled else None
            if start is not None:
                queue(connection, start, way="gap", key=now.isoformat(), now=now)
            said: dict[str, Any] = {"polled_at": now}
            if listed.problem is None:
                said |= {"etag": page.headers.get("etag"), "last_modified": page.headers.get("last-modified")}
            connection.execute(
                insert(connection, tables.listing)
                .values(source=listing.source, url=listing.url, **said)
                .on_conflict_do_update(index_elements=["source", "url"], set_=said)
            )
            return Noted(new=new, gap=start is not None)

    def known_before(self, source: str, links: Sequence[Link], moment: datetime) -> int:
        """How many of these links the watch had noted before `moment`: a gap's walk ends where it meets what was known."""
        with self._database.read() as connection:
            known = known_links(connection, source, [key_of(link) for link in links], via="watch")
            return sum(1 for noted_at in known.values() if noted_at < moment)

    @again
    def take(
        self, source: str, *, owner: str, now: datetime, lease: timedelta, limit: int, via: str | None = None
    ) -> list[Waiting]:
        """Links of this source that are due and free, leased; those the watch saw come first, newest first. `via` chooses those
        that a watch saw, or those of the backfills."""
        asked = {"of_source": source, "of_via": via, "at": now, "owner": owner, "most": limit}
        with self._database.write() as connection:
            rows = connection.execute(_DUE if via is None else _DUE_OF, asked).all()
            leased = {"numbers": [row.id for row in rows], "owner": owner, "end": now + lease}
            connection.execute(_LEASED, leased)
            return [_waiting(row) for row in rows]

    def hold(self, waiting: Sequence[Waiting], *, owner: str, until: datetime) -> None:
        """Hold links longer that are still this owner's."""
        table = tables.link
        mine = table.c.id.in_([one.id for one in waiting]) & (table.c.leased_by == owner)
        with self._database.write() as connection:
            connection.execute(update(table).where(mine).values(leased_until=until))

    def get(self, number: int) -> Waiting | None:
        """A link with what its listing said, whatever became of it; not leased."""
        with self._database.read() as connection:
            row = connection.execute(select(tables.link).where(tables.link.c.id == number)).first()
            return None if row is None else _waiting(row)

    @again
    def put_off(
        self,
        waiting: Waiting,
        *,
        reason: str,
        due: datetime | None,
        page: Page | None = None,
        field: str | None = None,
        withdrawn: datetime | None = None,
    ) -> None:
        """The page could not be had or read: try again at `due`, or never (None: refused, or partial for good).

        A page that came and could not be read is kept with the reason, and with the field that its reader missed. `withdrawn`
        is when the site was found to have taken the article back: what we have of it is kept, and marked.
        """
        with self._database.write() as connection:
            kept = waiting.state in {"stored", "partial"}
            state = waiting.state if kept else "refused" if due is None else "waiting"
            connection.execute(
                update(tables.link)
                .where(tables.link.c.id == waiting.id, tables.link.c.state == waiting.state)  # nobody else has ended it
                .values(
                    state=state,
                    reason=reason,
                    attempts=waiting.attempts + 1,
                    due_at=due,
                    leased_by=None,
                    leased_until=None,
                )
            )
            if withdrawn is not None:
                mine = select(tables.link.c.article).where(tables.link.c.id == waiting.id)
                gone = update(tables.article).where(
                    tables.article.c.id == mine.scalar_subquery(), tables.article.c.withdrawn_at.is_(None)
                )
                connection.execute(gone.values(withdrawn_at=withdrawn))
            if page is not None:
                source = waiting.link.source
                keep(connection, page, source=source, kind="article", link=waiting.id, problem=reason, field=field)

    def watch_waits(self, source: str, *, owner: str, now: datetime) -> bool:
        """Is another process working off links that the watch saw, and `owner` not? Then a backfill lets it go first."""
        with self._database.read() as connection:
            return watch_waits(connection, source, owner=owner, now=now)

    def give_back(self, waiting: Sequence[Waiting]) -> None:
        """Links taken and not tried are free again."""
        with self._database.write() as connection:
            connection.execute(
                update(tables.link)
                .where(tables.link.c.id.in_([one.id for one in waiting]))
                .values(leased_by=None, leased_until=None)
            )

    def counts(self) -> dict[str, dict[str, int]]:
        """How many links each source has, by state."""
        with self._database.read() as connection:
            return by_state(connection)

    def left(self) -> dict[str, dict[str, int]]:
        """The same of those that are not stored, which are few."""
        with self._database.read() as connection:
            return _left(connection)


def by_state(connection: Connection) -> dict[str, dict[str, int]]:
    """How many links each source has, by state. Most are stored: these are not looked at, only how many there are in all."""
    counts = _left(connection)
    for source, count in connection.execute(select(tables.link.c.source, func.count()).group_by(tables.link.c.source)):
        states = counts.setdefault(source, {})
        if stored := count - sum(states.values()):
            states["stored"] = stored
    return counts


def _left(connection: Connection) -> dict[str, dict[str, int]]:
    table = tables.link
    query = select(table.c.source, table.c.state, func.count()).where(tables.NOT_STORED)
    counts: dict[str, dict[str, int]] = {}
    for source, state, count in connection.execute(query.group_by(table.c.source, table.c.state)):
        counts.setdefault(source, {})[state] = count
    return counts


def free(table: Table, owner: str | BindParameter[str], now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Nobody else holds it."""
    return or_(table.c.leased_until.is_(None), table.c.leased_until <= now, table.c.leased_by == owner)


# Made once: to put these together takes SQLAlchemy longer than to carry them out.
_DUE = (
    select(tables.link)
    .where(
        tables.link.c.source == bindparam("of_source"),
        tables.link.c.due_at <= bindparam("at"),
        free(tables.link, bindparam("owner"), bindparam("at")),
    )
    .order_by(
        case((tables.link.c.via == "watch", 0), else_=1),
        tables.link.c.attempts,
        tables.link.c.published.desc().nulls_last(),
        tables.link.c.id,
    )
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_DUE_OF = _DUE.where(tables.link.c.via == bindparam("of_via"))
_LEASED = (
    update(tables.link)
    .where(tables.link.c.id.in_(bindparam("numbers", expanding=True)))
    .values(leased_by=bindparam("owner"), leased_until=bindparam("end"))
)

_WATCHED_BY = (
    select(tables.link.c.leased_by)
    .where(
        tables.link.c.source == bindparam("of_source"),
        tables.link.c.via == "watch",
        tables.link.c.leased_by.is_not(None),
        tables.link.c.leased_until > bindparam("at"),
    )
    .distinct()
)
"""Made once, as every request of a backfill asks."""


def watch_waits(connection: Connection, source: str, *, owner: str, now: datetime) -> bool:
    """`Links.watch_waits` within the caller's transaction."""
    holders = set(connection.scalars(_WATCHED_BY, {"of_source": source, "at": now}))
    return bool(holders) and owner not in holders


def _waiting(row: Row[Any]) -> Waiting:
    return Waiting(
        id=row.id,
        via=row.via,
        baseline=row.baseline,
        attempts=row.attempts,
        state=row.state,
        link=Link(
            source=row.source,
            url=row.url,
            id=row.site_id,
            kicker=row.kicker,
            title=row.title,
            lead=row.lead,
            published=row.published,
            section=row.section,
        ),
    )


def known_links(
    connection: Connection, source: str, keys: Sequence[str], *, via: str | None = None
) -> dict[str, datetime]:
    """Which of these keys there are, and when each was noted."""
    table, found = tables.link, dict[str, datetime]()
    for portion in portions(keys):
        query = select(table.c.key, table.c.noted_at).where(table.c.source == source, table.c.key.in_(portion))
        if via is not None:
            query = query.where(table.c.via == via)
        found |= {row.key: row.noted_at for row in connection.execute(query)}
    return found


def insert_links(
    connection: Connection,
    links: Sequence[Link],
    known: dict[str, datetime],
    *,
    via: str,
    baseline: bool,
    now: datetime,
) -> int:
    """Note the links that are not `known`; returns how many."""
    rows = {
        key_of(link): {
            "source": link.source,
            "key": key_of(link),
            "url": link.url,
            "site_id": link.id,
            "kicker": link.kicker,
            "title": link.title,
            "lead": link.lead,
            "published": link.published,
            "section": link.section,
            "via": via,
            "baseline": baseline,
            "noted_at": now,
            "due_at": now,
            "state": "waiting",
        }
        for link in links
        if key_of(link) not in known
    }
    put(
        connection, tables.link, [rows[key] for key in sorted(rows)], known=True
    )  # all writers in one order: no deadlock
    _enrich(connection, [link for link in links if link.title and key_of(link) in known])
    return len(rows)


def _enrich(connection: Connection, links: Sequence[Link]) -> None:
    """A link first seen on a sitemap, which names no titles, gains what a feed or page says of it."""
    table, names = tables.link, ("kicker", "title", "lead", "section")
    said = [
        {
            "of_source": link.source,
            "of_key": key_of(link),
            **{name: getattr(link, name) for name in names},
        }
        for link in links
    ]
    if said:
        bare = (table.c.source == bindparam("of_source")) & (table.c.key == bindparam("of_key")) & (table.c.title == "")
        connection.execute(update(table).where(bare).values({name: bindparam(name) for name in names}), said)


def adopt(connection: Connection, source: str, keys: Sequence[str], *, now: datetime) -> None:
    """A link that a backfill noted and the watch now meets becomes the watch's, and is fetched once more: what was kept
    archived may be news after all."""
    table = tables.link
    for portion in portions(sorted(keys)):
        theirs = (table.c.source == source) & table.c.key.in_(portion) & (table.c.via == "backfill")
        connection.execute(update(table).where(theirs).values(via="watch", due_at=now, noted_at=now))


def queue(
    connection: Connection,
    listing: Listing,
    *,
    way: str,
    key: str,
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
) -> None:
    """A unit of work, unless it is there already: see `storage.units`."""
    row = {
        "source": listing.source,
        "way": way,
        "key": key,
        "url": listing.url,
        "start_url": listing.url,
        "since": since,
        "until": until,
        "created_at": now,
        "state": "waiting",
        "last_keys": [],
        "due_at": now,
    }
    connection.execute(insert(connection, tables.unit).on_conflict_do_nothing(), row)
