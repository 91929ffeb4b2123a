"""The few words of SQL that SQLite and PostgreSQL spell alike and SQLAlchemy's core does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, CursorResult, Table, func
from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql


def insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, in the connection's dialect."""
    if connection.dialect.name != "postgresql":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - SQLite need not wait for it at each start

    return postgresql.insert(table)


def new_id(result: CursorResult[Any]) -> int:
    """The number that an INSERT of one row was given."""
    key = result.inserted_primary_key
    if key is None:
        raise RuntimeError("the INSERT gave no key back")
    return int(key[0])


def tehran_day(connection: Connection, moment: ColumnElement[Any]) -> ColumnElement[Any]:
    """The civil day in Tehran of a UTCTime, as a date or as ISO text."""
    if connection.dialect.name == "postgresql":
        return func.date(func.timezone("Asia/Tehran", moment))
    return func.tehran_day(moment)  # didban.dates': SQLite knows no time zones
