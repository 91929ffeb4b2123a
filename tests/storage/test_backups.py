"""A database as one file, made while another process writes, and put back; and what a backup refuses."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select

from didban.errors import StoreError, StoreTooNew, StoreUnavailable
from didban.query import read_query
from storage import backups, tables
from storage.articles import Selection
from storage.backups import backup, restore
from storage.checking import check
from storage.database import HEAD, Database
from storage.store import Store, open_store
from tests.support import article, judge, sighting


def save(store: Store, number: int) -> None:
    url = f"https://www.irna.ir/news/{number}/خبر"
    text = f"خبر شمارهٔ {number} که متنی بلند و از آن خود دارد، دولت الکترونیک را در شهر {number} یاد می‌کند."
    store.articles.save(article(id=str(number), url=url, title=f"تیتر {number}", text=text), judge(), sighting())


def articles(url: str) -> int:
    with closing(Database(url, create=False)) as database, database.read() as connection:
        return connection.execute(select(func.count()).select_from(tables.article)).scalar_one()


def only_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_backup_is_the_database_of_one_moment_while_another_process_writes(
    store: Store, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "_PAGES", 3)
    for number in range(8):
        save(store, number)
    writer, saved = open_store(database_url), [0]

    def meanwhile(_what: str, _done: int, _total: int) -> None:
        if saved[0] < 5:
            save(writer, 100 + saved[0])
            saved[0] += 1

    path = tmp_path / "kept" / "one.db"
    found = backup(store.database, path, progress=meanwhile)
    writer.close()
    assert saved == [5], "the writer was not held up"
    assert (found.well, found.rows["article"]) == (True, 8)
    assert articles(database_url) == 13
    assert only_files(path.parent) == ["one.db"], "one file, and nothing beside it"
    with closing(Database(f"sqlite:///{path}")) as made:
        assert check(made).problems == ()
        assert len(Store(made).search.find(read_query("الکترونیک"), Selection(), limit=20, offset=0)) == 8


@pytest.mark.parametrize("empty", [False, True], ids=["over what is there", "where nothing is"])
def test_what_was_backed_up_comes_back(store: Store, database_url: str, tmp_path: Path, empty: bool) -> None:
    for number in range(5):
        save(store, number)
    path, kept = tmp_path / "one.db", tmp_path / "aside" / "old.db"
    backup(store.database, path)
    before = path.read_bytes()
    if empty:
        target = f"sqlite:///{tmp_path / 'new' / 'didban.db'}"
        store.close()
        found, replaced = restore(path, target, kept=kept)
    else:
        save(store, 77)
        store.close()
        target = database_url
        with pytest.raises(StoreError, match=r"is not empty .*; with --force it is kept as .*old\.db"):
            restore(path, target, kept=kept)
        assert articles(target) == 6
        found, replaced = restore(path, target, kept=kept, force=True)
    assert (replaced, found.rows["article"]) == (not empty, 5)
    assert articles(target) == 5
    assert path.read_bytes() == before
    with closing(Database(target, create=False)) as database:
        assert check(database).well
    if replaced:
        assert articles(f"sqlite:///{kept}") == 6, "nothing of the old one is lost"
    again = open_store(target)
    save(again, 78)
    again.close()
    assert articles(target) == 6, "the next article has a number of its own"


def test_a_database_that_somebody_uses_is_left_alone(store: Store, database_url: str, tmp_path: Path) -> None:
    save(store, 1)
    backup(store.database, tmp_path / "one.db")
    save(store, 2)
    with pytest.raises(StoreError, match="is in use; stop `didban up`"):
        restore(tmp_path / "one.db", database_url, kept=tmp_path / "old.db", force=True)
    assert articles(database_url) == 2
    assert not (tmp_path / "old.db").exists()
    assert not list(tmp_path.glob("*.part*"))


def test_a_damaged_database_is_put_aside_as_it_is(tmp_path: Path) -> None:
    url, path = f"sqlite:///{tmp_path / 'didban.db'}", tmp_path / "one.db"
    store = open_store(url)
    save(store, 1)
    backup(store.database, path)
    store.close()
    (tmp_path / "didban.db").write_bytes(b"not a database at all, " * 500)
    with pytest.raises(StoreError, match="it cannot be read"):
        restore(path, url, kept=tmp_path / "old.db")
    assert restore(path, url, kept=tmp_path / "old.db", force=True)[1]
    assert articles(url) == 1
    assert (tmp_path / "old.db").read_bytes().startswith(b"not a database at all")


def damaged(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE somebody (else_)")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def later(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


@pytest.mark.parametrize("spoil", [damaged, foreign, empty, later])
def test_what_is_no_whole_backup_replaces_nothing(
    store: Store, database_url: str, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    save(store, 1)
    backup(store.database, tmp_path / "one.db")
    save(store, 2)
    store.close()
    spoil(tmp_path / "one.db")
    with pytest.raises(StoreTooNew if spoil is later else StoreError):
        restore(tmp_path / "one.db", database_url, kept=tmp_path / "old.db", force=True)
    assert articles(database_url) == 2
    assert not list(tmp_path.glob("*.part*"))


def test_a_backup_of_an_earlier_version_is_brought_up_to_date(tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path / 'old.db'}")) as old:
        old.upgrade(to="0001")
    target = f"sqlite:///{tmp_path / 'didban.db'}"
    restore(tmp_path / "old.db", target, kept=tmp_path / "kept.db")
    with closing(Database(target, create=False)) as database:
        assert database.revision() == HEAD
    with closing(Database(f"sqlite:///{tmp_path / 'old.db'}", create=False)) as old:
        assert old.revision() == "0001", "the backup itself stays as it is"


def test_a_database_of_an_earlier_version_is_replaced(empty_url: str, tmp_path: Path) -> None:
    with closing(open_store(f"sqlite:///{tmp_path / 'new.db'}")) as store:
        save(store, 1)
        backup(store.database, tmp_path / "one.db")
    with closing(Database(empty_url)) as old:
        old.upgrade(to="0003")
        with old.write() as connection:
            connection.exec_driver_sql(
                "INSERT INTO host (name, next_at) VALUES ('irna.ir', '2026-11-21 08:00:00.000000')"
            )
    with pytest.raises(StoreError, match="host: 1"):
        restore(tmp_path / "one.db", empty_url, kept=tmp_path / "kept.db")
    assert restore(tmp_path / "one.db", empty_url, kept=tmp_path / "kept.db", force=True)[1]
    assert articles(empty_url) == 1
    assert (tmp_path / "kept.db").exists()


def test_a_backup_moves_from_postgresql_to_sqlite_and_back(postgres_url: str, tmp_path: Path) -> None:
    store = open_store(postgres_url)
    for number in range(3):
        save(store, number)
    backup(store.database, tmp_path / "one.db")
    store.close()
    there = f"sqlite:///{tmp_path / 'didban.db'}"
    restore(tmp_path / "one.db", there, kept=tmp_path / "x.db")
    assert articles(there) == 3


def test_nothing_is_written_over_and_nothing_half_done_is_left(store: Store, tmp_path: Path) -> None:
    save(store, 1)
    path = tmp_path / "one.db"
    path.write_bytes(b"mine")
    with pytest.raises(StoreError, match="is there already"):
        backup(store.database, path)
    assert path.read_bytes() == b"mine"

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backup(store.database, tmp_path / "two.db", progress=stopped)
    assert not list(tmp_path.glob("two.db*"))


def test_a_place_that_cannot_be_written_and_a_database_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = open_store(f"sqlite:///{tmp_path / 'didban.db'}")
    with pytest.raises(StoreUnavailable, match="file"):
        backup(store.database, tmp_path / "file" / "one.db")
    store.close()
    with closing(Database(f"sqlite:///{tmp_path / 'nothing.db'}")) as nothing, pytest.raises(StoreError, match="empty"):
        backup(nothing, tmp_path / "one.db")
    with pytest.raises(StoreUnavailable, match="no such backup"):
        restore(tmp_path / "none.db", f"sqlite:///{tmp_path / 'didban.db'}", kept=tmp_path / "old.db")
