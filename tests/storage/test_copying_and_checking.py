"""A whole database into another, either way; and whether one is whole."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Table, select

from didban.article import Page, to_json
from didban.errors import StoreError
from storage import copying
from storage.articles import Selection
from storage.checking import check
from storage.copying import copy
from storage.database import HEAD, Database
from storage.store import Store, open_store
from storage.tables import metadata
from tests.support import NOW, TEXT, article, judge, sighting


@pytest.fixture
def target(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """An empty database of the other kind."""
    there = dialect == "postgresql"
    opened = Database(f"sqlite:///{tmp_path / 'target.db'}" if there else request.getfixturevalue("empty_postgres_url"))
    yield opened
    opened.close()


@pytest.fixture
def filled(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Articles of every kind, in more than one batch, and something in every other table."""
    monkeypatch.setattr(copying, "BATCH", 5)
    for number in range(12):
        url = f"https://www.irna.ir/news/{number}/خبر"
        one = article(id=str(number), url=url, text=f"{number} {TEXT}", tags=("پست", "«نقل»"), published_text="۳۰ آبان")
        page = Page(url=url, body=f"<p>{number}".encode() * 50, fetched=NOW, headers={"etag": '"x"'})
        store.articles.save(one, judge(), sighting(), page=page)
    store.articles.save(article(id=None, url=None, published=None, complete=False), judge({}), sighting("import"))
    store.outbox.close_due(["first"], lambda draft: (draft.key,), now=NOW)
    with store.database.write() as connection:
        for table in metadata.sorted_tables:
            if connection.execute(select(table).limit(1)).first() is None:
                connection.execute(table.insert(), row_of(table))
    return store


def row_of(table: Table) -> dict[str, Any]:
    values: dict[str, Any] = {
        "String": "نام",
        "Integer": 1,
        "JSON": ["۱", 2, None],
        "Boolean": True,
        "LargeBinary": b"\0x",
    }
    return {
        column.name: next(
            (value for name, value in values.items() if isinstance(column.type, getattr(sqlalchemy, name))), NOW
        )
        for column in table.columns
        if column is not table.autoincrement_column
    }


def rows(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    with database.read() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in metadata.sorted_tables
        }


def exported(store: Store) -> bytes:
    return b"\n".join(json.dumps(to_json(one)).encode() for _, one in store.articles.each(Selection()))


def test_everything_is_taken_along_and_the_next_article_is_welcome(filled: Store, target: Database) -> None:
    seen: list[tuple[str, int, int]] = []
    counts = copy(filled.database, target, progress=lambda *step: seen.append(step))
    kept = rows(filled.database)
    assert rows(target) == kept
    assert all(kept.values())
    assert counts == {name: len(found) for name, found in kept.items()}
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert seen[-1][1] == seen[-1][2] == sum(counts.values())
    assert check(target).problems == ()

    store = Store(target)
    assert exported(store) == exported(filled)
    new = article(id="900", url="https://www.irna.ir/news/900", title="تازه", text=TEXT * 2)
    assert store.articles.save(new, judge(), sighting()).article == counts["article"] + 1
    assert store.articles.save(article(id="1", url=None, title="۱"), judge(), sighting()).article == 2


def test_nothing_is_copied_into_a_database_that_holds_something(filled: Store, target: Database) -> None:
    target.upgrade()
    Store(target).sources.register(["mehr"], now=NOW)
    before = rows(target)
    with pytest.raises(StoreError, match=r"is not empty \(source has rows\)"):
        copy(filled.database, target)
    assert rows(target) == before


def test_a_copy_that_breaks_off_leaves_nothing(filled: Store, target: Database) -> None:
    def full(table: str, done: int, total: int) -> None:
        if table == "article":
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        copy(filled.database, target, progress=full)
    assert not any(rows(target).values())


def test_an_older_database_is_brought_up_to_date_first(empty_url: str, target: Database) -> None:
    source = Database(empty_url)
    with pytest.raises(StoreError, match=f"is at schema none, not {HEAD}; run `didban db upgrade`"):
        copy(source, target)
    source.upgrade(to="0001")
    with pytest.raises(StoreError, match="is at schema 0001"):
        copy(source, target)
    source.close()
    assert target.revision() is None


def test_a_text_that_postgresql_cannot_keep_is_named(tmp_path: Path, empty_postgres_url: str) -> None:
    source, target = open_store(f"sqlite:///{tmp_path / 'didban.db'}"), Database(empty_postgres_url)
    with source.database.write() as connection:
        table = metadata.tables["robots"]
        connection.execute(table.insert().values(origin="https://x/", text="a\0b", read_at=NOW))
    with pytest.raises(StoreError, match=r"robots, between https://x/ and https://x/: .*NUL.*; nothing was copied"):
        copy(source.database, target)
    source.close()
    target.close()


# ── checking ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_whole_database_is_well_and_its_rows_are_counted(filled: Store) -> None:
    found = check(filled.database)
    assert (found.well, found.revision, found.problems) == (True, HEAD, ())
    assert found.rows == {name: len(those) for name, those in rows(filled.database).items()}


def test_what_is_missing_is_named(store: Store) -> None:
    with store.database.write() as connection:
        connection.exec_driver_sql("DROP INDEX ix_article_published")
        connection.exec_driver_sql("DROP TABLE robots")
    found = check(store.database)
    assert not found.well
    assert sorted(found.problems) == ["index ix_article_published of article is not there", "table robots is not there"]
    assert "robots" not in found.rows


def test_an_old_database_and_an_empty_one_are_not_well(empty_url: str) -> None:
    database = Database(empty_url)
    found = check(database)
    assert (found.well, found.revision, found.rows) == (False, None, {})
    database.upgrade(to="0001")
    found = check(database)
    assert (found.well, found.revision, found.problems, found.rows["article"]) == (False, "0001", (), 0)
    database.close()


def test_a_row_whose_other_half_is_gone_is_named(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'didban.db'}")
    store.articles.save(article(), judge(), sighting())
    with closing(sqlite3.connect(tmp_path / "didban.db", isolation_level=None)) as connection:
        connection.execute("DELETE FROM story")
    assert sorted(check(store.database).problems) == [
        "alert 1: the story it refers to is not there",
        "article 1: the story it refers to is not there",
    ]
    store.close()
