"""Chores: what one process at a time does now and then for all of them, by lease."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update

from storage import tables
from storage.database import Database, again
from storage.sql import insert


class Chores:
    """Whose turn it is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @again
    def take(self, name: str, *, owner: str, now: datetime, lease: timedelta, every: timedelta = timedelta(0)) -> bool:
        """Is it ours to do now? Not while somebody else is at it, nor within `every` after it was last done."""
        table = tables.chore
        with self._database.write() as connection:
            connection.execute(insert(connection, table).values(name=name).on_conflict_do_nothing())
            row = connection.execute(select(table).where(table.c.name == name).with_for_update()).one()
            held = row.leased_by not in {None, owner} and row.leased_until > now
            if held or (row.done_at is not None and row.done_at > now - every):
                return False
            ours = {"leased_by": owner, "leased_until": now + lease}
            connection.execute(update(table).where(table.c.name == name).values(ours))
            return True

    @again
    def finish(self, name: str, *, owner: str, done: datetime | None) -> None:
        """Give it back; `done` is when, or None where some of it is left. What somebody else took meanwhile stays theirs."""
        table = tables.chore
        said = {} if done is None else {"done_at": done}
        with self._database.write() as connection:
            mine = (table.c.name == name) & (table.c.leased_by == owner)
            connection.execute(update(table).where(mine).values(leased_by=None, leased_until=None, **said))
