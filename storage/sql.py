"""The few words of SQL that SQLite and PostgreSQL spell alike and SQLAlchemy's core does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import ColumnElement, Connection, CursorResult, Table, func, select, text
from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

T = TypeVar("T")


def insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, in the connection's dialect."""
    if connection.dialect.name != "postgresql":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - SQLite need not wait for it at each start

    return postgresql.insert(table)


def portions(keys: Iterable[T], size: int = 5_000) -> Iterator[list[T]]:
    """The keys in portions that fit into one statement: SQLite takes 32,766 values, PostgreSQL 65,535."""
    left = iter(keys)
    while portion := list(islice(left, size)):
        yield portion


def new_id(result: CursorResult[Any]) -> int:
    """The number that an INSERT of one row was given."""
    key = result.inserted_primary_key
    if key is None:
        raise RuntimeError("the INSERT gave no key back")
    return int(key[0])


def new_ids(connection: Connection, table: Table, count: int) -> list[int]:
    """Numbers for so many new rows, ascending, as the database itself would have given them one by one."""
    if connection.dialect.name == "postgresql":
        return sorted(connection.scalars(_NEXT, {"of_table": table.name, "many": count}))
    last = connection.scalar(select(func.max(table.c.id))) or 0
    return list(range(last + 1, last + 1 + count))


_NEXT = text("SELECT nextval(pg_get_serial_sequence(:of_table, 'id')) FROM generate_series(1, :many)")


def tehran_day(connection: Connection, moment: ColumnElement[Any]) -> ColumnElement[Any]:
    """The civil day in Tehran of a UTCTime, as a date or as ISO text."""
    if connection.dialect.name == "postgresql":
        return func.date(func.timezone("Asia/Tehran", moment))
    return func.tehran_day(moment)  # didban.dates': SQLite knows no time zones
