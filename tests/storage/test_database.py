"""Opening databases on SQLite and PostgreSQL alike: new ones, old ones, foreign ones, ones from the future; writers at once."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, Table, func, select

from didban.dates import tehran_day
from didban.errors import StoreError, StoreTooNew
from storage import database as opening
from storage import sql, tables
from storage.articles import Selection
from storage.database import HEAD, Database
from storage.store import Store, open_store
from tests.support import NOW, article, judge, sighting

ROOT = Path(__file__).parents[2]
OURS = {"include_name": lambda name, *_: not str(name).startswith("search_tokens")}
"""SQLAlchemy's tables know nothing of the index of words."""
RELEASED = [f"{number:04}" for number in range(1, int(HEAD))]


def test_the_migrations_make_the_tables_that_the_code_means(store: Store) -> None:
    with store.database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=OURS), tables.metadata) == []


def test_opening_twice_changes_nothing(store: Store) -> None:
    assert store.database.revision() == HEAD
    assert store.database.upgrade() == HEAD


def test_a_database_from_the_future_is_refused_untouched(store: Store, database_url: str) -> None:
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreTooNew, match="later version of Didban"):
        open_store(database_url)
    assert store.database.revision() == "9999"


@pytest.mark.parametrize("theirs", ["theirs", "alembic_version"])
def test_somebody_elses_database_is_refused(theirs: str, empty_url: str) -> None:
    database = Database(empty_url)
    with database.write() as connection:
        connection.exec_driver_sql(f"CREATE TABLE {theirs} (version_num VARCHAR)")
    with pytest.raises(StoreError, match="not Didban's"):
        database.upgrade()
    database.close()


# ── migrations ────────────────────────────────────────────────────────────────────────────────────────────────────────

DYING = """
import os, signal, sys
from alembic.operations import Operations
from storage.database import Database
create, made = Operations.create_table, []
def third(self, name, *columns, **options):
    made.append(name)
    if len(made) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return create(self, name, *columns, **options)
Operations.create_table = third
Database(sys.argv[1]).upgrade(to="0001")
"""


def test_a_migration_that_is_killed_leaves_nothing(empty_url: str) -> None:
    died = subprocess.run([sys.executable, "-c", DYING, empty_url], cwd=ROOT, capture_output=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    database = Database(empty_url)
    with database.read() as connection:
        assert sqlalchemy.inspect(connection).get_table_names() == []
    assert database.upgrade() is None
    assert database.revision() == HEAD
    database.close()


@pytest.mark.parametrize("released", RELEASED)
def test_a_released_database_with_rows_in_it_comes_up_to_date(released: str, empty_url: str) -> None:
    database = Database(empty_url)
    database.upgrade(to=released)
    with database.write() as connection:
        old = MetaData()
        old.reflect(connection, only=lambda name, _: OURS["include_name"](name))
        for table in old.sorted_tables:
            if table.name != "alembic_version":
                connection.execute(table.insert(), row_of(table))
    assert database.upgrade() == released
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=OURS), tables.metadata) == []
        kept = {name: connection.scalar(select(func.count()).select_from(table)) for name, table in old.tables.items()}
    assert kept == dict.fromkeys(old.tables, 1)
    database.close()
    store = open_store(empty_url)
    assert store.articles.save(article(source="mehr"), judge(), sighting()).article == 2
    assert [one.title for _, one in store.articles.each(Selection())] == ["x", "یک تیتر"]
    store.close()


def row_of(table: Table) -> dict[str, Any]:
    """A row that refers to the first row of other tables, whatever columns the table had then."""
    values: dict[str, Any] = {
        "String": "x",
        "Integer": 1,
        "DateTime": NOW,
        "JSON": [],
        "Boolean": True,
        "LargeBinary": b"x",
    }
    return {
        column.name: next(value for name, value in values.items() if isinstance(column.type, getattr(sqlalchemy, name)))
        for column in table.columns
        if column is not table.autoincrement_column
    }


# ── reading and writing ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_read_sees_one_moment(store: Store) -> None:
    count = select(func.count()).select_from(tables.article)
    with store.database.read() as connection:
        assert connection.scalar(count) == 0
        store.articles.save(article(), judge(), sighting())
        assert connection.scalar(count) == 0
    with store.database.read() as connection:
        assert connection.scalar(count) == 1


def test_what_fails_inside_a_write_is_undone(store: Store) -> None:
    def failing(*_: object) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.articles.save(article(), failing, sighting())
    with store.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(tables.article)) == 0


def test_half_a_character_is_refused_whole(store: Store) -> None:
    with pytest.raises(StoreError, match="half a character"):
        store.articles.save(article(title="خبر \ud800"), judge(), sighting())
    assert store.articles.counts() == {}


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 21, 20, 29, 59, tzinfo=UTC),
        datetime(2026, 11, 21, 20, 30, tzinfo=UTC),
        datetime(2021, 6, 1, 19, 29, 59, 999999, tzinfo=UTC),
        datetime(2021, 6, 1, 19, 30, tzinfo=UTC),  # summer time: the day began an hour earlier
        datetime(1977, 6, 1, 19, 30, tzinfo=UTC),
        datetime(2007, 6, 1, 20, 0, tzinfo=UTC),  # a summer without summer time
    ],
)
def test_a_day_begins_when_it_did_in_tehran(moment: datetime, store: Store) -> None:
    store.articles.save(article(published=moment), judge(), sighting())
    with store.database.read() as connection:
        days = connection.scalars(select(sql.tehran_day(connection, tables.article.c.published)))
        assert [str(day) for day in days] == [tehran_day(moment).isoformat()]


def test_the_databases_clock_is_known(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    class Fast:
        @staticmethod
        def now(zone: Any) -> datetime:
            return datetime.now(zone) + timedelta(hours=1)

    monkeypatch.setattr(opening, "datetime", Fast)
    behind = timedelta(hours=-1) if store.database.postgresql else timedelta(0)
    assert abs(store.database.skew() - behind) < timedelta(minutes=1)


# ── addresses ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "url",
    [
        "var/didban.db",
        "mysql://didban:SECRET@localhost/didban",
        "postgresql://didban@localhost:SECRET/didban",
        "postgresql://didban:SECRET@localhost",
        "",
    ],
)
def test_a_url_that_is_none_is_a_clear_error_without_its_password(url: str) -> None:
    with pytest.raises(StoreError, match="DIDBAN_DATABASE_URL is not a database URL") as found:
        Database(url)
    assert "SECRET" not in str(found.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+asyncpg"])
def test_any_name_of_postgresql_is_understood(scheme: str) -> None:
    database = Database(f"{scheme}://didban:SECRET@db.example:5433/news?sslmode=require")
    assert database.url.drivername == "postgresql+psycopg"
    assert database.name == "postgresql://didban@db.example:5433/news"


# ── writers at once ──────────────────────────────────────────────────────────────────────────────────────────────────

WRITERS = """
import os, random, signal, sys
import sqlalchemy.dialects.postgresql.psycopg, psycopg  # once, before the forks
from storage.store import open_store
from tests.support import TEXT, article, judge, sighting

url, writers, stories, seed = sys.argv[1], *map(int, sys.argv[2:])

def write(source, dice, mortal):
    store, decide, saves = open_store(url), judge(), dice.randrange(stories)
    def judged(one, sighting):  # called when all but matches and alerts is written, and nothing committed
        nonlocal saves
        saves -= 1
        if mortal and saves < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return decide(one, sighting)
    for number in dice.sample(range(stories), stories):
        key = f"{source}/{number}"
        one = article(source=source, id=str(number), url=f"https://{key}", title=f"title {number}", text=f"{TEXT} {number}")
        store.articles.save(one, judged, sighting())

def begin(source, life):
    pid = os.fork()
    if not pid:
        write(source, random.Random(f"{seed}/{source}/{life}"), life < 2)
        os._exit(0)
    running[pid] = source, life

running, killed = {}, 0
for number in range(writers):
    begin(f"source{number}", 0)
while running:
    pid, status = os.wait()
    source, life = running.pop(pid)
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGKILL:
        killed += 1
        begin(source, life + 1)
    elif code:
        sys.exit(f"{source} ended with {code}")
print(killed)
"""


def test_writers_at_once_each_killed_twice_lose_nothing_and_double_nothing(store: Store, database_url: str) -> None:
    writers, stories = 8 if store.database.postgresql else 2, 12
    wrote = subprocess.run(
        [sys.executable, "-c", WRITERS, database_url, str(writers), str(stories), "1405"],
        capture_output=True, cwd=ROOT, text=True, check=False, timeout=110,
    )  # fmt: skip
    assert (wrote.returncode, wrote.stdout) == (0, f"{2 * writers}\n"), wrote.stderr
    with store.database.read() as connection:
        counts = {
            name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar()
            for name in ("article", "revision", "match", "story", "alert", "notification")
        }
    once = dict.fromkeys(("story", "alert", "notification"), stories)
    assert counts == dict.fromkeys(("article", "revision", "match"), writers * stories) | once
