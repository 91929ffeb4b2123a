"""Many rows at once: what is put past SQLAlchemy is what SQLAlchemy would have written, and reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Table, select
from sqlalchemy.exc import IntegrityError

from storage import tables
from storage.sql import put
from storage.store import Store
from tests.support import NOW

TEHRAN = timezone(timedelta(hours=3, minutes=30))
MOMENTS = [NOW, datetime(2026, 3, 21, 0, 0, 0, 7, TEHRAN), datetime(1, 1, 1, tzinfo=UTC), None]
PAGES: list[dict[str, Any]] = [
    {
        "source": "irna", "kind": "listing", "url": "https://irna.ir/«»%s?", "fetched": moment or NOW, "status": 200,
        "headers": headers, "blob": "0" * 64, "problem": None,
    }
    for moment, headers in zip(MOMENTS, [{}, {"ی": "\u200c\"\\"}, [], None], strict=True)
]  # fmt: skip
BLOB = {"sha256": "0" * 64, "size": 1, "zstd": b"\0\xff'"}
LINKS: list[dict[str, Any]] = [
    {
        "source": "irna", "key": str(number), "url": "", "kicker": "", "title": "", "lead": "", "published": moment,
        "via": "watch", "baseline": bool(number % 2), "noted_at": NOW, "state": "waiting", "due_at": None,
    }
    for number, moment in enumerate(MOMENTS)
]  # fmt: skip


def written(store: Store, table: Table) -> list[tuple[Any, ...]]:
    columns = [column for column in table.columns if column.name != "id"]
    with store.database.read() as connection:
        return [tuple(row) for row in connection.execute(select(*columns).order_by(table.c.id))]


def test_what_is_put_is_what_sqlalchemy_writes(store: Store) -> None:
    with store.database.write() as connection:
        put(connection, tables.blob, [BLOB])
        for table, rows in ((tables.page, PAGES), (tables.link, LINKS)):
            connection.execute(table.insert(), rows)
            there = connection.execute(select(table.c.id)).all()
            assert len(there) == len(rows)
    sqlalchemys = {table.name: written(store, table) for table in (tables.page, tables.link)}
    with store.database.write() as connection:
        for table, rows in ((tables.page, PAGES), (tables.link, LINKS)):
            connection.execute(table.delete())
            put(connection, table, rows)
    assert {table.name: written(store, table) for table in (tables.page, tables.link)} == sqlalchemys
    with store.database.read() as connection:
        assert connection.scalar(select(tables.blob.c.zstd)) == BLOB["zstd"]
        moments = connection.scalars(select(tables.link.c.published).order_by(tables.link.c.id)).all()
    assert moments == MOMENTS
    assert all(moment is None or moment.tzinfo is UTC for moment in moments)


def test_times_stand_on_sqlite_as_they_always_did(store: Store) -> None:
    if store.database.postgresql:
        pytest.skip("PostgreSQL has a type for them")
    with store.database.write() as connection:
        put(connection, tables.link, LINKS)
        texts = connection.exec_driver_sql("SELECT published FROM link ORDER BY id").scalars().all()
    assert texts == ["2026-11-21 08:00:00.000000", "2026-03-20 20:30:00.000007", "0001-01-01 00:00:00.000000", None]


def test_a_row_that_is_known_stays_as_it_is(store: Store) -> None:
    with store.database.write() as connection:
        put(connection, tables.link, LINKS[:2])
        put(connection, tables.link, [row | {"title": "other"} for row in LINKS], known=True)
        put(connection, tables.link, [], known=True)
        titles = connection.scalars(select(tables.link.c.title).order_by(tables.link.c.key)).all()
    assert titles == ["", "", "other", "other"]
    with pytest.raises(IntegrityError), store.database.write() as connection:
        put(connection, tables.link, LINKS[:1])


def test_a_row_that_lacks_a_name_is_refused(store: Store) -> None:
    with store.database.write() as connection, pytest.raises(KeyError, match="title"):
        put(
            connection,
            tables.link,
            [LINKS[0], {"source": "irna"} | {k: v for k, v in LINKS[1].items() if k != "title"}],
        )
