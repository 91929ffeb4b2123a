"""The few words of SQL that SQLite and PostgreSQL spell alike and SQLAlchemy's core does not."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, CursorResult, Table, func
from sqlalchemy.dialects import postgresql, sqlite


def insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, in the connection's dialect."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def new_id(result: CursorResult[Any]) -> int:
    """The number that an INSERT of one row was given."""
    key = result.inserted_primary_key
    if key is None:
        raise RuntimeError("the INSERT gave no key back")
    return int(key[0])


def tehran_day(connection: Connection, moment: ColumnElement[Any]) -> ColumnElement[Any]:
    """The civil day in Tehran of a UTCTime; summer time, until 2022, is left out on SQLite."""
    if connection.dialect.name == "postgresql":
        return func.date(func.timezone("Asia/Tehran", moment))
    return func.date(moment, "+210 minutes")
