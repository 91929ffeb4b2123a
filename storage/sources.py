"""Sources: when each is due, who holds it, what state it is in. Hosts: when each may next be asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update

from storage import tables
from storage.database import Database
from storage.sql import insert


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """One row of `didban status`: the state is new, ok, blocked, unreachable or unreadable."""

    key: str
    state: str
    since: datetime
    detail: str
    baseline: datetime | None
    due: datetime
    failures: int


class Sources:
    """Leases on sources: each is polled by one process at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, keys: Iterable[str], *, now: datetime) -> None:
        """Make the sources known; the known ones stay as they are."""
        rows = [{"key": key, "due_at": now, "state": "new", "state_since": now} for key in keys]
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
            found = list(connection.scalars(select(tables.source.c.key).where(where).order_by(tables.source.c.due_at)))
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

    def finish(
        self, key: str, *, owner: str, now: datetime, due: datetime, state: str, detail: str = "", baseline: bool
    ) -> str | None:
        """Give a source back after a pass. `baseline` says that the pass saw every listing: the first such pass is the
        source's baseline. Returns the state it was in when that changed, else None; a change is also kept as a notice."""
        with self._database.write() as connection:
            row = connection.execute(select(tables.source).where(tables.source.c.key == key)).one()
            changed = row.state != state
            values = {
                "due_at": due,
                "leased_by": None,
                "leased_until": None,
                "detail": detail,
                "failures": 0 if state == "ok" else row.failures + 1,
                "baseline_at": row.baseline_at or (now if baseline else None),
            }
            if changed:
                values |= {"state": state, "state_since": now}
            connection.execute(
                update(tables.source)
                .where(tables.source.c.key == key, tables.source.c.leased_by == owner)
                .values(**values)
            )
            if changed and not (row.state == "new" and state == "ok"):
                text = f"{key}: {row.state} → {state}" + (f": {detail}" if detail else "")
                connection.execute(tables.notice.insert().values(at=now, source=key, kind="source", text=text))
            return row.state if changed else None

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
                )
                for row in connection.execute(select(tables.source).order_by(tables.source.c.key))
            ]

    def next_due(self, keys: Collection[str]) -> datetime | None:
        """When the next of these sources is due."""
        with self._database.read() as connection:
            query = select(tables.source.c.due_at).where(tables.source.c.key.in_(keys)).order_by(tables.source.c.due_at)
            return connection.scalars(query.limit(1)).first()

    def release(self, owners: Collection[str]) -> int:
        """Void every lease of owners known to be dead; returns how many."""
        count = 0
        with self._database.write() as connection:
            for table in (tables.source, tables.link, tables.unit, tables.message):
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
                for table in (tables.source, tables.link, tables.unit, tables.message)
                for owner in connection.scalars(
                    select(table.c.leased_by).where(table.c.leased_by.is_not(None)).distinct()
                )
            }

    def turn(self, host: str, *, interval: timedelta, now: datetime) -> timedelta:
        """Take the next free slot of a host; returns how long to wait for it. One limiter for every process."""
        with self._database.write() as connection:
            first = {"name": host, "next_at": now + interval}
            taken = insert(connection, tables.host).values(first)
            before = connection.execute(select(tables.host.c.next_at).where(tables.host.c.name == host)).scalar()
            at = now if before is None else max(before, now)
            connection.execute(taken.on_conflict_do_update(index_elements=["name"], set_={"next_at": at + interval}))
            return at - now
