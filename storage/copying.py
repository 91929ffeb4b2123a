"""A whole database into another: whoever outgrows SQLite takes everything along, and may go back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Table, func, select, text
from sqlalchemy.exc import DataError

from didban.errors import StoreError
from storage.database import HEAD, Database
from storage.indexing import rebuild
from storage.sql import put
from storage.tables import metadata

BATCH = 200  # rows: some hold a page, and memory stays as it is
Progress = Callable[[str, int, int], None]
"""Called with a table's name, the rows copied so far, and all there are."""


def copy(
    source: Database, target: Database, *, replacing: bool = False, progress: Progress | None = None
) -> dict[str, int]:
    """Copy every row of every table, with its number, in one transaction on the target; returns how many of each table.

    The source is read as it is at one moment, and stays as it is. The target is given its tables where it has none; what it
    holds goes first where `replacing` says so. Raises StoreError where the source is not up to date or the target not empty, and
    where a row cannot be kept there.
    """
    if (found := source.revision()) != HEAD:
        raise StoreError(
            f"{source.name} is at schema {found or 'none'}, not {HEAD}; run `didban db upgrade` on it first"
        )
    target.upgrade()
    with source.read() as reading, target.write(alone=True) as writing:
        if replacing:
            _clear(writing)
        if filled := [table.name for table in metadata.sorted_tables if _count(writing, table)]:
            raise StoreError(f"{target.name} is not empty ({filled[0]} has rows); copy into a database that is")
        counts = {table.name: _count(reading, table) for table in metadata.sorted_tables}
        done, total = 0, sum(counts.values())
        for table in metadata.sorted_tables:  # what a row refers to is there before it
            query = select(table).order_by(*table.primary_key).execution_options(stream_results=True, yield_per=BATCH)
            with reading.execute(query) as rows:
                for batch in rows.mappings().partitions():
                    _insert(writing, table, [dict(row) for row in batch])
                    done += len(batch)
                    if progress is not None:
                        progress(table.name, done, total)
            if target.postgresql:
                _count_on(writing, table)
        for table in metadata.sorted_tables:
            if _count(writing, table) != counts[table.name]:
                raise StoreError(f"{target.name} did not take all of {table.name}; nothing was copied")
        rebuild(writing)  # what is not a table of rows: the index of words
        if target.postgresql:
            writing.execute(text("ANALYZE"))  # its plans for empty tables would be poor ones
        return counts


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _clear(connection: Connection) -> None:
    """Every table empty. PostgreSQL does so at once, in one statement, for they refer to each other."""
    if connection.dialect.name == "postgresql":
        names = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
        connection.exec_driver_sql(f"TRUNCATE {names}")
    else:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())


def _insert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    try:
        put(connection, table, rows)
    except DataError as error:
        first, last = (", ".join(str(row[column.name]) for column in table.primary_key) for row in (rows[0], rows[-1]))
        problem = str(error.orig).partition("\n")[0]
        raise StoreError(f"{table.name}, between {first} and {last}: {problem}; nothing was copied") from error


def _count_on(connection: Connection, table: Table) -> None:
    """PostgreSQL gives the next row a number after those that came with their own."""
    column = table.autoincrement_column
    if column is not None:
        sequence = func.pg_get_serial_sequence(f'"{table.name}"', column.name)
        largest = select(func.max(column)).scalar_subquery()
        connection.execute(select(func.setval(sequence, func.coalesce(largest, 1), largest.is_not(None))))
