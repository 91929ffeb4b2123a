"""The last robots.txt of each host, so that every process obeys one copy and a day without an answer is bridged."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from storage import tables
from storage.database import Database
from storage.sql import insert


class RobotsTexts:
    """By origin (`https://www.irna.ir/`); an empty text means that there are no rules."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recall(self, origin: str) -> tuple[str, datetime] | None:
        """The text and when it was read, or None."""
        with self._database.read() as connection:
            row = connection.execute(
                select(tables.robots.c.text, tables.robots.c.read_at).where(tables.robots.c.origin == origin)
            ).first()
            return (row.text, row.read_at) if row else None

    def remember(self, origin: str, text: str, read: datetime) -> None:
        said = {"text": text, "read_at": read}
        with self._database.write() as connection:
            connection.execute(
                insert(connection, tables.robots)
                .values(origin=origin, **said)
                .on_conflict_do_update(index_elements=["origin"], set_=said)
            )
