"""The few words of SQL that SQLite and PostgreSQL spell alike and SQLAlchemy's core does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import ColumnElement, Connection, CursorResult, Dialect, Select, Table, func, select, text
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


def put(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, known: bool = False) -> None:
    """Insert these rows, all of them with the names of the first; where some may be `known`, those that are not there.

    What SQLAlchemy does for each row of an INSERT costs as much again as the driver's own work. So the statement and what
    binds its values are made once for each set of names, and the driver is handed tuples.
    """
    if rows:
        names = tuple(rows[0])
        statement, binds = _statement(connection.dialect, table, names, known)
        taken = zip(names, binds, strict=True)
        columns = [[row[name] if bind is None else bind(row[name]) for row in rows] for name, bind in taken]
        connection.exec_driver_sql(statement, list(zip(*columns, strict=True)))


@lru_cache(maxsize=64)
def _statement(
    dialect: Dialect, table: Table, names: tuple[str, ...], known: bool
) -> tuple[str, list[Callable[[Any], Any] | None]]:
    quote, mark = dialect.identifier_preparer.quote, "?" if dialect.name == "sqlite" else "%s"
    columns = ", ".join(quote(table.c[name].name) for name in names)
    statement = f"INSERT INTO {quote(table.name)} ({columns}) VALUES ({', '.join([mark] * len(names))})"  # noqa: S608 - our own names
    return (
        statement + (" ON CONFLICT DO NOTHING" if known else ""),
        [table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names],
    )


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
    last = connection.scalar(_last(table)) or 0
    return list(range(last + 1, last + 1 + count))


@lru_cache(maxsize=16)
def _last(table: Table) -> Select[tuple[int]]:
    return select(func.max(table.c.id))


_NEXT = text("SELECT nextval(pg_get_serial_sequence(:of_table, 'id')) FROM generate_series(1, :many)")


def tehran_day(connection: Connection, moment: ColumnElement[Any]) -> ColumnElement[Any]:
    """The civil day in Tehran of a UTCTime, as a date or as ISO text."""
    if connection.dialect.name == "postgresql":
        return func.date(func.timezone("Asia/Tehran", moment))
    return func.tehran_day(moment)  # didban.dates': SQLite knows no time zones
