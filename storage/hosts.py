"""Hosts: when each may next be asked. One limiter for every process that shares the database.

A turn is taken when it is due and not before, so that two requests are never closer than the interval, whoever makes them,
and a watch that comes while backfills wait goes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, or_, select, update

from storage import tables
from storage.database import Database
from storage.links import watch_waits
from storage.sql import insert

_FAR = timedelta(minutes=30)
"""No pause is so long: a turn that lies further ahead was taken by a clock that has been set back since."""


# Made once, as every request asks: to put a statement together takes SQLAlchemy longer than to carry it out.
_AT, _LATEST = bindparam("at"), bindparam("far")
_DUE = or_(tables.host.c.next_at <= _AT, tables.host.c.next_at > _LATEST)
_FREE = or_(
    tables.host.c.wanted_until.is_(None), tables.host.c.wanted_until <= _AT, tables.host.c.wanted_until > _LATEST
)
_TAKE = update(tables.host).where(tables.host.c.name == bindparam("of_host"), _DUE).values(wanted_until=None)
_TAKE_AFTER = update(tables.host).where(tables.host.c.name == bindparam("of_host"), _DUE, _FREE)


class Hosts:
    """Turns at hosts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def turn(
        self,
        host: str,
        *,
        interval: timedelta,
        now: datetime,
        yielding: bool = False,
        behind: Sequence[str] = (),
        owner: str = "",
    ) -> timedelta:
        """Take the host's next turn if it is due: zero, or how long to wait before asking again.

        A `yielding` caller, a backfill, gets none while one that is not waits for its own; nor does one that stands `behind` the
        watch of these sources, while another process than `owner` works off links that it saw.
        """
        table = tables.host
        said = {"of_host": host, "at": now, "far": now + _FAR, "next_at": now + interval}
        with self._database.write() as connection:
            if any(watch_waits(connection, source, owner=owner, now=now) for source in behind):
                return interval
            if connection.execute(_TAKE_AFTER if yielding else _TAKE, said).rowcount:
                return timedelta(0)
            first = insert(connection, table).on_conflict_do_nothing().returning(table.c.name)
            if connection.scalar(first, {"name": host, "next_at": now + interval}) is not None:
                return timedelta(0)
            row = connection.execute(select(table).where(table.c.name == host)).one()
            if not yielding:
                wanted = max(row.next_at, now) + interval
                connection.execute(update(table).where(table.c.name == host).values(wanted_until=wanted))
                return row.next_at - now
            return max(row.next_at, row.wanted_until or row.next_at) - now
