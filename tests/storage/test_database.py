"""Opening databases: new ones, old ones, foreign ones, ones from the future; and two writers at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from didban.errors import StoreError, StoreTooNew, StoreUnavailable
from storage.database import HEAD, Database
from storage.store import Store, open_store
from storage.tables import metadata

ROOT = Path(__file__).parents[2]


def test_the_migrations_make_the_tables_that_the_code_means(store: Store) -> None:
    with store.database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_opening_twice_changes_nothing(store: Store) -> None:
    assert store.database.revision() == HEAD
    assert store.database.upgrade() == HEAD


def test_sqlite_is_in_wal_mode_and_keeps_its_references(store: Store) -> None:
    with store.database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_database_from_the_future_is_refused_untouched(store: Store) -> None:
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreTooNew, match="later version of Didban"):
        open_store(store.database.url.render_as_string())
    assert store.database.revision() == "9999"


def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'theirs.db'}"
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE theirs (id INTEGER)")
    engine.dispose()
    with pytest.raises(StoreError, match="not Didban's"):
        open_store(url)


@pytest.mark.parametrize("content", [b"not a database at all " * 100, b"\x00" * 4096])
def test_a_file_that_is_no_database_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "didban.db"
    path.write_bytes(content)
    with pytest.raises((StoreUnavailable, StoreError), match=r"didban\.db"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == content


def test_a_url_that_is_none_is_a_clear_error() -> None:
    with pytest.raises(StoreError, match="DIDBAN_DATABASE_URL"):
        Database("var/didban.db")


def test_a_failed_migration_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic.operations import Operations

    made = []
    create = Operations.create_table

    def third_fails(self: Operations, name: str, *columns: object, **options: object) -> object:
        made.append(name)
        if len(made) == 3:
            raise RuntimeError("the power went")
        return create(self, name, *columns, **options)  # ty: ignore[invalid-argument-type]

    monkeypatch.setattr(Operations, "create_table", third_fails)
    database = Database(f"sqlite:///{tmp_path / 'didban.db'}")
    with pytest.raises(RuntimeError, match="power"):
        database.upgrade()
    assert database.revision() is None
    monkeypatch.undo()
    database.upgrade()
    assert database.revision() == HEAD
    database.close()


WRITER = """
import sys
from storage.store import open_store
from tests.support import article, judge, sighting
store = open_store(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
live = 0
for number in range(60):
    twin = article(source=sys.argv[2], id=str(number), url=f"https://{sys.argv[2]}/news/{number}", title=f"title {number}")
    live += store.articles.save(twin, judge(), sighting()).live
    same = article(id=str(number), url=f"https://x/{number}", title=f"title {number}")
    live += store.articles.save(same, judge(), sighting()).live
print(live)
"""


def test_two_processes_saving_at_once_make_no_article_story_or_alert_twice(store: Store) -> None:
    url = store.database.url.render_as_string()
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, url, source],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        for source in ("mehr", "isna")
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    live = [int(writer.communicate(timeout=100)[0]) for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    assert sum(live) == 60
    with store.database.read() as connection:
        counts = {
            name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar()
            for name in ("article", "story", "alert", "notification")
        }
    assert counts == {"article": 180, "story": 60, "alert": 60, "notification": 60}
