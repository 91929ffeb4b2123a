"""Opening a database, its two kinds of transaction, and its migrations.

SQLite: WAL, every write transaction opens with BEGIN IMMEDIATE (SQLAlchemy's default lets two writers read the same state
and both decide), driver autocommit off. PostgreSQL: a write transaction takes one advisory lock, so that stories and alerts
are decided one after the other there too.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from didban.errors import StoreError, StoreTooNew, StoreUnavailable

HEAD = "0001"
"""The newest migration. Kept here so that opening a database that is up to date need not import Alembic."""

BUSY_SECONDS = 30
_WRITERS = 5_271_009  # the advisory lock's number: any constant of our own


class Database:
    """An engine with `read()` and `write()` transactions. Raises StoreUnavailable, StoreTooNew."""

    def __init__(self, url: str) -> None:
        try:
            self.url = make_url(url)
            self.engine = _engine(self.url)
        except ArgumentError:
            raise StoreError("DIDBAN_DATABASE_URL is not a database URL; example: sqlite:///var/didban.db") from None
        except ImportError as error:
            raise StoreError(f"DIDBAN_DATABASE_URL needs a driver that is not installed: {error.name}") from None

    @contextmanager
    def write(self) -> Generator[Connection]:
        """One transaction that no other writer shares."""
        with _complaining(self.url), self.engine.connect() as connection, connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITERS})
            yield connection

    @contextmanager
    def read(self) -> Generator[Connection]:
        """One consistent view; never waits for a writer."""
        with _complaining(self.url), self.engine.connect() as plain:
            reading = plain.execution_options(didban_read=True)
            with reading.begin():
                yield reading

    def revision(self) -> str | None:
        """The migration this database stands at, None when it is empty. Raises StoreError for a foreign database."""
        with self.read() as connection:
            names = sqlalchemy.inspect(connection).get_table_names()
            if "alembic_version" not in names:
                if names:
                    raise StoreError(f"{_where(self.url)} holds tables that are not Didban's; choose another database")
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()

    def upgrade(self) -> str | None:
        """Bring the schema to HEAD in one transaction; returns the migration it stood at before.

        Raises StoreTooNew when a later version of Didban made it.
        """
        before = self.revision()
        if before == HEAD:
            return before
        from alembic import command  # noqa: PLC0415 - half a second that a database at HEAD does not pay
        from alembic.config import Config  # noqa: PLC0415
        from alembic.script import ScriptDirectory  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        config.set_main_option("path_separator", "os")
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if before is not None and before not in known:
            raise StoreTooNew(
                f"{_where(self.url)} was made by a later version of Didban (schema {before}, we know up to {HEAD}); "
                "install that version, or restore a backup made by this one"
            )
        with self.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return before

    def close(self) -> None:
        self.engine.dispose()


def _engine(url: sqlalchemy.URL) -> Engine:
    options: dict[str, Any] = {"json_serializer": _json}
    if url.get_backend_name() == "sqlite":
        if url.database and url.database != ":memory:":
            try:
                Path(url.database).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreUnavailable(f"{url.database}: {error.strerror}") from None
        engine = sqlalchemy.create_engine(url, connect_args={"timeout": BUSY_SECONDS}, **options)
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)
        return engine
    return sqlalchemy.create_engine(url, pool_pre_ping=True, **options)


def _sqlite_connect(dbapi: Any, _record: ConnectionPoolEntry) -> None:  # noqa: ANN401 - the driver's own connection
    dbapi.isolation_level = None  # the driver opens no transaction by itself: ours are explicit
    cursor = dbapi.cursor()
    _switch_to_wal(cursor)
    for pragma in ("synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _switch_to_wal(cursor: sqlite3.Cursor) -> None:
    """Where two processes open a new file together, SQLite refuses one of them the switch at once: its busy timeout does not
    count here."""
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.02)
        else:
            return


def _sqlite_begin(connection: Connection) -> None:
    kind = "DEFERRED" if connection.get_execution_options().get("didban_read") else "IMMEDIATE"
    connection.exec_driver_sql(f"BEGIN {kind}")


def _json(value: object) -> str:
    import json  # noqa: PLC0415

    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@contextmanager
def _complaining(url: sqlalchemy.URL) -> Generator[None]:
    """The database's own complaints, as one line that says where and what to do."""
    try:
        yield
    except OperationalError as error:
        problem = str(error.orig).splitlines()[0] if error.orig else str(error)
        hint = "; another process holds it: try again" if "locked" in problem else ""
        raise StoreUnavailable(f"{_where(url)}: {problem}{hint}") from error
    except DatabaseError as error:
        if type(error) is DatabaseError or (isinstance(error, DBAPIError) and error.connection_invalidated):
            problem = str(error.orig).splitlines()[0] if error.orig else str(error)
            raise StoreUnavailable(f"{_where(url)}: {problem}") from error
        raise


def _where(url: sqlalchemy.URL) -> str:
    return str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)
