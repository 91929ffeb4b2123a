"""What only SQLite has: pragmas, and files that are something else."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from didban.dates import day_bounds
from didban.errors import StoreError, StoreUnavailable
from storage.database import HEAD, NEW_SQLITE, Database
from storage.store import open_store


def test_sqlite_is_in_wal_mode_and_keeps_its_references(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'didban.db'}")
    with store.database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    store.close()


@pytest.mark.parametrize("content", [b"not a database at all " * 100, b"\x00" * 4096])
def test_a_file_that_is_no_database_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "didban.db"
    path.write_bytes(content)
    with pytest.raises((StoreUnavailable, StoreError), match=r"didban\.db"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == content


def test_a_file_that_is_not_there_is_made_only_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "didban.db"
    with pytest.raises(StoreUnavailable, match=r"deep/didban\.db: there is no such database"):
        Database(f"sqlite:///{path}", create=False)
    assert not path.parent.exists()
    open_store(f"sqlite:///{path}").close()
    assert path.exists()


def schema(database: Database) -> list[str]:
    """Every statement that makes what is in a file, in their order; what FTS5 makes for itself is left to it."""
    with database.read() as connection:
        query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT GLOB 'search_tokens_*' ORDER BY rowid"
        made = [
            *connection.exec_driver_sql(query).scalars(),
            f"INSERT INTO alembic_version VALUES ('{database.revision()}')",
        ]
    return [f"{statement};\n" for statement in made]


def test_a_new_file_is_what_the_migrations_make_of_it(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    migrated, new = (Database(f"sqlite:///{tmp_path / name}.db") for name in ("migrated", "new"))
    migrated.upgrade(to="0001")
    migrated.upgrade()
    if request.config.getoption("--accept"):
        NEW_SQLITE.write_text("".join(schema(migrated)), "utf-8")
        pytest.fail(f"{NEW_SQLITE.name} is written: read it, then run again without --accept")
    assert "".join(schema(migrated)) == NEW_SQLITE.read_text("utf-8"), "a migration is new: run this with --accept"
    assert new.upgrade() is None
    assert schema(new) == schema(migrated)
    migrated.close()
    new.close()


def test_a_new_file_by_an_older_schema_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Database(f"sqlite:///{tmp_path / 'first.db'}")
    first.upgrade(to="0001")
    older = tmp_path / "older.sql"
    older.write_text("".join(schema(first)), "utf-8")
    first.close()
    monkeypatch.setattr("storage.database.NEW_SQLITE", older)
    database = Database(f"sqlite:///{tmp_path / 'new.db'}")
    database.upgrade()
    assert database.revision() == HEAD
    database.close()


def test_a_new_file_that_cannot_be_made_whole_stays_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken.sql"
    broken.write_text("CREATE TABLE article (id);\nCREATE TABLE article (id);\n", "utf-8")
    database = Database(f"sqlite:///{tmp_path / 'new.db'}")
    with monkeypatch.context() as patched:
        patched.setattr("storage.database.NEW_SQLITE", broken)
        with pytest.raises(StoreUnavailable, match="already exists"):
            database.upgrade()
    assert database.revision() is None
    assert database.upgrade() is None
    assert database.revision() == HEAD
    database.close()


def test_sqlite_knows_at_which_second_each_day_began_in_tehran(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'days.db'}")
    days = [date(1934, 1, 1) + timedelta(days=number) for number in range(34_000)]
    with store.database.read() as connection:
        ask = connection.connection.cursor()
        for day in days:
            start = day_bounds(day)[0].replace(tzinfo=None)
            moments = (start - timedelta(microseconds=1), start)
            found = ask.execute(
                "SELECT tehran_day(?), tehran_day(?)", [moment.isoformat(" ", "microseconds") for moment in moments]
            ).fetchone()
            assert found == ((day - timedelta(days=1)).isoformat(), day.isoformat())
        moments = (
            "0001-01-01 00:00:00.000000",
            "9999-12-30 10:00:00.000000",
            "9999-12-30 23:00:00.000000",
            "9999-12-31 23:00:00.000000",
            None,
        )
        edges = [ask.execute("SELECT tehran_day(?)", [moment]).fetchone()[0] for moment in moments]
        assert edges == ["0001-01-01", "9999-12-30", "9999-12-31", "9999-12-31", None]
    store.close()
