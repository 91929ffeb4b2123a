"""Sources: when each is due, who holds it, what state it is in, what it has brought. Hosts: when each may next be asked.

A change of state is a notice, and, when it says something that the operator has not been told, a notification in the same
transaction. When most sources stop answering within minutes the network is away: that is told once, instead of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, and_, case, func, or_, select, update

from didban.alert import Notice
from didban.health import FIELDS, LEARNT, PAGE, READINGS, History, Reading, Verdict
from storage import tables
from storage.database import Database, again
from storage.notices import tell, tell_network
from storage.sql import insert, tehran_day


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """A source as it stands; its state is one of `didban.health.State`."""

    key: str
    state: str
    since: datetime
    detail: str
    baseline: datetime | None
    due: datetime
    failures: int
    idle: int


_LEASED = (tables.source, tables.link, tables.unit, tables.message, tables.chore)


class Sources:
    """Leases on sources: each is polled by one process at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, keys: Iterable[str], *, now: datetime) -> None:
        """Make the sources known; the known ones stay as they are."""
        rows = [{"key": key, "due_at": now, "state": "new", "state_since": now} for key in sorted(keys)]
        if not rows:
            return
        with self._database.write() as connection:
            connection.execute(insert(connection, tables.source).on_conflict_do_nothing(), rows)

    def take(
        self, keys: Collection[str], *, owner: str, now: datetime, lease: timedelta, even_if_not_due: bool = False
    ) -> list[str]:
        """The sources among `keys` that are due and free, now leased to `owner`; those due longest come first."""
        held = tables.source.c.leased_until
        free = or_(held.is_(None), held <= now, tables.source.c.leased_by == owner)
        where = tables.source.c.key.in_(keys) & free
        if not even_if_not_due:
            where &= tables.source.c.due_at <= now
        with self._database.write() as connection:
            query = select(tables.source.c.key).where(where).order_by(tables.source.c.due_at)
            found = list(connection.scalars(query.with_for_update(skip_locked=True)))
            connection.execute(
                update(tables.source)
                .where(tables.source.c.key.in_(found))
                .values(leased_by=owner, leased_until=now + lease)
            )
            return found

    def extend(self, key: str, *, owner: str, until: datetime) -> None:
        """Hold a source longer; a lease that somebody else took meanwhile stays theirs."""
        with self._database.write() as connection:
            connection.execute(
                update(tables.source)
                .where(tables.source.c.key == key, tables.source.c.leased_by == owner)
                .values(leased_until=until)
            )

    @again
    def finish(
        self,
        key: str,
        verdict: Verdict,
        *,
        owner: str,
        now: datetime,
        due: datetime,
        whole: bool,
        fresh: bool = False,
        operator: Sequence[str] = (),
    ) -> bool:
        """Give a source back after a pass; True when its state has changed. A lease that somebody else took stays theirs.

        `whole` says that the pass saw every listing (the first such pass is the source's baseline), `fresh` that it noted a new
        link. A change is kept as a notice, and told on the channels of `operator`.
        """
        table = tables.source
        with self._database.write(alone=True) as connection:
            row = connection.execute(select(table).where(table.c.key == key).with_for_update()).one()
            if row.leased_by != owner:
                return False
            changed = row.state != verdict.state
            since = verdict.since or now
            connection.execute(
                update(table)
                .where(table.c.key == key)
                .values(
                    due_at=due,
                    leased_by=None,
                    leased_until=None,
                    state=verdict.state,
                    state_since=since if changed else row.state_since,
                    detail=verdict.detail,
                    failures=0 if whole else row.failures + 1,
                    idle=0 if fresh else row.idle + 1,
                    polled_at=now,
                    answered=verdict.answered,
                    baseline_at=row.baseline_at or (now if whole else None),
                )
            )
            if changed and (row.state, verdict.state) != ("new", "healthy"):
                notice = Notice(
                    source=key,
                    state=verdict.state,
                    before=row.state,
                    since=since,
                    detail=verdict.detail,
                    fields=verdict.fields,
                    pages=verdict.pages,
                )
                tell(connection, notice, operator, now)
            tell_network(connection, operator, now)
            return changed

    def history(self, key: str) -> History:
        """What a source has brought by its watch: articles by day, the newest one, and how its newest pages were read."""
        table = tables.article
        mine = and_(table.c.source == key, tables.WATCHED)  # said as the index says it, which has all that is asked
        came = case(
            (table.c.published < table.c.saved_at, table.c.published), else_=table.c.saved_at
        )  # no date, a future one
        with self._database.read() as connection:
            watched = connection.scalar(select(tables.source.c.baseline_at).where(tables.source.c.key == key))
            saved = connection.scalar(select(func.max(table.c.saved_at)).where(mine))
            days: dict[date, int] = {}
            last: datetime | None = None
            if saved is not None:
                day = tehran_day(connection, came).label("day")
                recent = mine & (table.c.saved_at >= saved - LEARNT)
                query = select(day, func.count(), func.max(came)).where(recent).group_by("day")
                rows = connection.execute(query).all()
                last = max(row[2] for row in rows)
                days = {date.fromisoformat(str(row[0])): row[1] for row in rows if row[2] >= last - LEARNT}
            return History(days=days, last=last, watched=watched, readings=_readings(connection, key))

    def states(self) -> list[SourceState]:
        with self._database.read() as connection:
            return [
                SourceState(
                    key=row.key,
                    state=row.state,
                    since=row.state_since,
                    detail=row.detail,
                    baseline=row.baseline_at,
                    due=row.due_at,
                    failures=row.failures,
                    idle=row.idle,
                )
                for row in connection.execute(select(tables.source).order_by(tables.source.c.key))
            ]

    def next_due(self, keys: Collection[str]) -> datetime | None:
        """When the next of these sources is due."""
        with self._database.read() as connection:
            query = select(tables.source.c.due_at).where(tables.source.c.key.in_(keys)).order_by(tables.source.c.due_at)
            return connection.scalars(query.limit(1)).first()

    @again
    def release(self, owners: Collection[str]) -> int:
        """Void every lease of owners known to be dead; returns how many."""
        count = 0
        with self._database.write() as connection:
            for table in _LEASED:
                freed = connection.execute(
                    update(table).where(table.c.leased_by.in_(owners)).values(leased_by=None, leased_until=None)
                )
                count += freed.rowcount
        return count

    def owners(self) -> set[str]:
        """Everybody who holds a lease."""
        with self._database.read() as connection:
            return {
                owner
                for table in _LEASED
                for owner in connection.scalars(
                    select(table.c.leased_by).where(table.c.leased_by.is_not(None)).distinct()
                )
            }


def _readings(connection: Connection, key: str) -> tuple[Reading, ...]:
    """The newest article pages that the watch had fetched, newest first; of an address only its last: a page that cannot be read is
    fetched again and again, and is still one."""
    page, article = tables.page, tables.article
    present = {
        "title": article.c.title != "",
        "lead": article.c.lead != "",
        "text": article.c.text != "",
        "published": article.c.published.is_not(None),
        "id": article.c.site_id.is_not(None),
        "kicker": article.c.kicker != "",
        "section": article.c.section.is_not(None),
        "tags": func.json_array_length(article.c.tags) > 0,
    }
    rows = connection.execute(
        select(
            page.c.url,
            page.c.fetched,
            page.c.problem,
            page.c.field,
            *(present[name].label(f"has_{name}") for name in FIELDS),
        )
        .join(tables.link, tables.link.c.id == page.c.link)
        .outerjoin(article, article.c.id == page.c.article)
        .where(page.c.source == key, page.c.kind == "article", tables.link.c.via == "watch")
        .order_by(page.c.fetched.desc(), page.c.id.desc())
        .limit(READINGS)
    )
    found: dict[str, Reading] = {}
    for row in rows:
        has = frozenset(name for name in FIELDS if getattr(row, f"has_{name}"))
        missed = None if row.problem is None else row.field or PAGE
        reading = Reading(url=row.url, fetched=row.fetched, found=frozenset() if missed else has, missed=missed)
        found.setdefault(row.url, reading)
    return tuple(found.values())
