"""Is a database whole? Asked of the database itself, changing nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import sqlalchemy
from sqlalchemy import Connection, func, select

from storage import stories, tables
from storage.database import HEAD, Database
from storage.indexing import disagreement
from storage.tables import metadata

SHOWN = 20  # problems: one who has more restores a backup


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was found: `revision` is None where there are no tables, `rows` counts each table's."""

    database: str
    revision: str | None
    newest: str
    problems: tuple[str, ...]
    rows: dict[str, int]

    @property
    def well(self) -> bool:
        return self.revision == self.newest and not self.problems


def check(database: Database) -> Check:
    """Revision, integrity and row counts. Raises StoreError, StoreUnavailable."""
    revision = database.revision()
    with database.read() as connection:
        problems = tuple(islice(_problems(connection, newest=revision == HEAD), SHOWN))
        there = set(sqlalchemy.inspect(connection).get_table_names())
        rows = {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
            if table.name in there
        }
    return Check(database=database.name, revision=revision, newest=HEAD, problems=problems, rows=rows)


def _problems(connection: Connection, *, newest: bool) -> Iterator[str]:
    """SQLite looks at each of its pages and references; PostgreSQL keeps both by itself, but for an index that was not finished."""
    if connection.dialect.name == "sqlite":
        said = connection.exec_driver_sql(f"PRAGMA integrity_check({SHOWN})").scalars()
        yield from (str(line) for line in said if line != "ok")
        for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
            yield f"{table} {row}: the {parent} it refers to is not there"
    else:
        broken = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"
        yield from (f"index {name} is not valid: REINDEX it" for name in connection.exec_driver_sql(broken).scalars())
    if newest:
        inspector = sqlalchemy.inspect(connection)
        for table in metadata.sorted_tables:
            if not inspector.has_table(table.name):
                yield f"table {table.name} is not there"
                continue
            there = {str(index["name"]) for index in inspector.get_indexes(table.name)}
            missing = {str(index.name) for index in table.indexes} - there
            yield from (f"index {name} of {table.name} is not there" for name in sorted(missing))
        names = set(inspector.get_table_names())
        if {"blob", "page", "dictionary"} <= names:
            yield from _unpackable(connection)
        if "search_tokens" not in names:
            yield "table search_tokens is not there"
        elif {"article", "indexed"} <= names and (problem := disagreement(connection)):
            yield problem
        if {"article", "sentence", "frequency", "holding"} <= names and (problem := stories.disagreement(connection)):
            yield problem


def _unpackable(connection: Connection) -> Iterator[str]:
    """Pages that need a dictionary which is not there. SQLite keeps no reference that is not asked of it."""
    page, blob, dictionary = tables.page, tables.blob, tables.dictionary
    query = (
        select(page.c.url, blob.c.dictionary)
        .select_from(page.join(blob).outerjoin(dictionary))
        .where(blob.c.dictionary.is_not(None), dictionary.c.id.is_(None))
        .order_by(page.c.id)
    )
    for url, number in connection.execute(query.limit(SHOWN)):
        yield f"page {url}: dictionary {number}, which it was packed with, is not there"
