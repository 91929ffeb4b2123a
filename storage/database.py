"""Opening a database, its two kinds of transaction, and its migrations.

SQLite: WAL, every write transaction opens with BEGIN IMMEDIATE (SQLAlchemy's default lets two writers read the same state
and both decide), driver autocommit off. PostgreSQL: writers work side by side, leases are taken with FOR UPDATE SKIP LOCKED,
and where the whole is looked at before something is decided (a story, a message, a network that is away, a migration) one
advisory lock lets one writer do so at a time. A read sees one moment of the database on both.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy
import stamina
from sqlalchemy import URL, Connection, Engine, event, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DataError, DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from didban.dates import day_bounds
from didban.errors import StoreAway, StoreError, StoreTooNew, StoreUnavailable

HEAD = "0010"
"""The newest migration. Kept here so that opening a database that is up to date need not import Alembic."""
NEW_SQLITE = Path(__file__).parent / "migrations/sqlite.sql"
"""What all migrations together make of an empty SQLite file: a new one need not wait for Alembic either."""

BUSY_SECONDS = 30
EXAMPLES = "sqlite:///var/didban.db, postgresql://didban:PASSWORD@localhost/didban"
_DECIDING = 5_271_009  # the advisory lock's number: any constant of our own
_SILENT_SECONDS = 120  # a writer that says nothing for so long is on a machine that is gone: its lock is freed
_LIBPQ: dict[str, str | int] = {
    "application_name": "didban",
    "client_encoding": "utf8",
    "connect_timeout": 10,
    "keepalives_idle": 30,  # a server that has gone without a word is noticed within a minute, not after two hours
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""What libpq is told unless the URL says otherwise."""
_UNUSABLE = {"25006", "42501", "XX001", "XX002"}  # read only, no rights, corrupt
# Shut down, crashed, starting up, crowded, locked, undone to end a deadlock, cut off after a sleep.
_PASSING = {"57P01", "57P02", "57P03", "53300", "55P03", "40001", "40P01", "25P03", "57P05"}
_TO_MEND = ("password", "authentication failed", "pg_hba.conf", "permission", "not permitted", " does not exist")
"""What is said of a connection that somebody has to mend: it has no code, and neither has a server that is not there."""
_TOO_MUCH = {"54000", "54001"}  # more than an index row or a statement takes: never kept, however often it is tried
_HINTS = {
    "locked": "another process holds it: try again",
    "lock timeout": "another process holds it: try again",
    "password": "check the user and the password in the URL",
    "permission denied": "give the user of the URL the database, or the right to create in its schema",
    " does not exist": "create it: CREATE DATABASE didban OWNER didban ENCODING 'UTF8'",
    "refused": "is the server running, and at this address?",
    "No such file": "is the server running, and at this address?",
    "malformed": "restore a backup: `didban db restore`",
    "not a database": "restore a backup: `didban db restore`",
    "fts5": "this Python's SQLite has no FTS5: take another Python, or PostgreSQL",
}
"""What to do, by a word of the complaint."""
logging.getLogger("stamina").addHandler(logging.NullHandler())  # a transaction done again is no news


class Database:
    """An engine with `read()` and `write()` transactions. Raises StoreError, StoreUnavailable, StoreTooNew.

    SQLite makes a file where there is none, unless `create` is False: then a file that is not there is StoreUnavailable.
    """

    def __init__(self, url: str, *, create: bool = True) -> None:
        try:
            self.url = _understood(make_url(url))
            self.engine = _engine(self.url, create=create)
        except (ArgumentError, ValueError):  # what it says may hold a part of the password
            raise StoreError(f"DIDBAN_DATABASE_URL is not a database URL; examples: {EXAMPLES}") from None
        except ImportError as error:
            raise StoreError(f"DIDBAN_DATABASE_URL needs a driver that is not installed: {error.name}") from None
        self.postgresql = self.url.get_backend_name() == "postgresql"

    @property
    def name(self) -> str:
        """Which database this is, without its password."""
        return _where(self.url)

    @contextmanager
    def write(self, *, alone: bool = False) -> Generator[Connection]:
        """One transaction. `alone`, no other such writer shares it: for decisions that rest on more than the rows they change.

        On SQLite every writer is alone. One that waits for longer than BUSY_SECONDS gives up with StoreUnavailable.
        """
        with _complaining(self.url), self.engine.connect() as connection, connection.begin():
            if self.postgresql and alone:
                limits = {"lock_timeout": BUSY_SECONDS, "idle_in_transaction_session_timeout": _SILENT_SECONDS}
                ours = [func.set_config(name, f"{seconds}s", True) for name, seconds in limits.items()]
                connection.execute(select(*ours, func.pg_advisory_xact_lock(_DECIDING)))
            yield connection

    @contextmanager
    def read(self) -> Generator[Connection]:
        """One consistent view; never waits for a writer."""
        moment = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if self.postgresql else {}
        with _complaining(self.url), self.engine.connect() as plain:
            reading = plain.execution_options(didban_read=True, **moment)
            with reading.begin():
                yield reading

    def skew(self) -> timedelta:
        """The database's clock minus ours: leases of several machines are told by one clock. Zero on SQLite, which has ours."""
        if not self.postgresql:
            return timedelta(0)
        with self.read() as connection:
            before = datetime.now(UTC)
            theirs: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
            return theirs - (before + (datetime.now(UTC) - before) / 2)

    def size(self) -> int:
        """The bytes that it takes on its disk."""
        if self.postgresql:
            with self.read() as connection:
                return int(connection.execute(select(func.pg_database_size(func.current_database()))).scalar_one())
        path = Path(self.url.database or "")
        files = (path.with_name(path.name + suffix) for suffix in ("", "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def revision(self) -> str | None:
        """The migration this database stands at, None when it is empty. Raises StoreError for a foreign database."""
        with self.read() as connection:
            names = sqlalchemy.inspect(connection).get_table_names()
            if not {"alembic_version", "article"} <= set(names):
                if names:
                    raise StoreError(f"{self.name} holds tables that are not Didban's; choose another database")
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()

    def upgrade(self, *, to: str = HEAD) -> str | None:
        """Bring the schema to HEAD, or to an earlier migration, in one transaction; returns the migration it stood at before.

        Raises StoreTooNew when a later version of Didban made it.
        """
        before = self.revision()
        if before is None and to == HEAD and not self.postgresql:
            self._make()
        if before == to or (before is None and self.revision() == to):
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
                f"{self.name} was made by a later version of Didban (schema {before}, we know up to {HEAD}); "
                "install that version, or restore a backup made by this one"
            )
        with self.write(alone=True) as connection:
            if self.postgresql and (encoding := connection.scalar(text("SHOW server_encoding"))) != "UTF8":
                raise StoreError(f"{self.name} keeps text as {encoding}; create it anew with ENCODING 'UTF8'")
            config.attributes["connection"] = connection
            command.upgrade(config, to)
        return before

    def _make(self) -> None:
        """The tables of a new SQLite file, unless another process has made them meanwhile."""
        with self.write(alone=True) as connection:
            if not sqlalchemy.inspect(connection).get_table_names():
                for statement in NEW_SQLITE.read_text("utf-8").split(";\n")[:-1]:
                    connection.exec_driver_sql(statement)

    def close(self) -> None:
        self.engine.dispose()


def _undone(error: Exception) -> bool:
    return isinstance(error, StoreUnavailable) and _sqlstate(error.__cause__) in {"40001", "40P01"}


again = stamina.retry(on=_undone, attempts=5, wait_initial=0.05, wait_max=1.0)
"""A storage method that is tried again where PostgreSQL undid its transaction to end a deadlock: nothing of it was kept."""


def _understood(url: URL) -> URL:
    """The URL with the driver that we have. Raises ArgumentError for other databases."""
    drivers = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
    driver = drivers.get(url.drivername.partition("+")[0])
    if driver is None or (driver != "sqlite" and not url.database):
        raise ArgumentError(url.drivername)
    return url.set(drivername=driver)


def _engine(url: URL, *, create: bool) -> Engine:
    options: dict[str, Any] = {"json_serializer": _json}
    if url.drivername == "sqlite":
        if url.database and url.database != ":memory:":
            path = Path(url.database)
            if not create and not path.exists():
                raise StoreUnavailable(f"{path}: there is no such database")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreUnavailable(f"{url.database}: {error.strerror}") from None
        busy = {} if "timeout" in url.query else {"timeout": BUSY_SECONDS}
        engine = sqlalchemy.create_engine(url, connect_args=busy, **options)
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)
        return engine
    asked = {name: value for name, value in _LIBPQ.items() if name not in url.query}
    return sqlalchemy.create_engine(url, pool_pre_ping=True, connect_args=asked, **options)


def _sqlite_connect(dbapi: Any, _record: ConnectionPoolEntry) -> None:  # noqa: ANN401 - the driver's own connection
    dbapi.isolation_level = None  # the driver opens no transaction by itself: ours are explicit
    cursor = dbapi.cursor()
    _switch_to_wal(cursor)
    for pragma in ("synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
    dbapi.create_function("tehran_day", 1, _tehran_day, deterministic=True)


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


def _tehran_day(stored: str | None) -> str | None:
    """SQLite's `tehran_day(…)` of a UTCTime as it is stored there: the civil day, summer time and all."""
    if stored is None:
        return None
    begins, following = _next_day(stored[:10])
    return following if stored[11:19] >= begins else stored[:10]


@lru_cache(maxsize=1 << 13)
def _next_day(day: str) -> tuple[str, str]:
    """At which time of a day of UTC the next one begins in Tehran, and which that is: asked of a million rows, of a few thousand
    days."""
    this = date.fromisoformat(day)
    if this == date.max:
        return "24", ""
    following = this + timedelta(days=1)
    begins = (
        day_bounds(this)[1] if following == date.max else day_bounds(following)[0]
    )  # the last day has no end, the first no start
    return f"{begins:%H:%M:%S}", following.isoformat()


_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Made once: `json.dumps` makes an encoder for each value."""


def _json(value: object) -> str:
    return "[]" if value == [] else _encoded(value)  # most lists have nothing in them


@contextmanager
def _complaining(url: URL) -> Generator[None]:
    """The database's own complaints, as one line that says where and what to do."""
    try:
        yield
    except UnicodeError as error:
        if getattr(error, "encoding", "idna") == "idna":
            raise StoreUnavailable(f"{_where(url)}: no host can have such a name") from None
        if not isinstance(error, UnicodeEncodeError):
            raise
        raise StoreError(f"{_where(url)}: a text holds half a character; nothing of it was stored") from None
    except DBAPIError as error:
        problem = (str(error.orig).splitlines() or [type(error.orig).__name__])[0]
        if isinstance(error, DataError) or _sqlstate(error) in _TOO_MUCH:
            raise StoreError(f"{_where(url)}: {problem}; nothing of it was stored") from error
        broken = isinstance(error, OperationalError) or type(error) is DatabaseError or error.connection_invalidated
        if broken or _sqlstate(error) in _UNUSABLE:
            hint = next((f"; {hint}" for said, hint in _HINTS.items() if said in problem), "")
            state = _sqlstate(error)
            if url.drivername == "sqlite":
                passing = "locked" in problem
            elif state is None:
                passing = not any(said in problem for said in _TO_MEND)
            else:
                passing = state in _PASSING or state.startswith("08")
            raise (StoreAway if passing else StoreUnavailable)(f"{_where(url)}: {problem}{hint}") from error
        raise


def _sqlstate(error: BaseException | None) -> str | None:
    """PostgreSQL's code of what went wrong: https://www.postgresql.org/docs/current/errcodes-appendix.html."""
    return getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None


def _where(url: URL) -> str:
    if url.drivername == "sqlite":
        return str(url.database)
    host = url.host or str(url.query.get("host", ""))
    return URL.create("postgresql", url.username, None, host, url.port, url.database).render_as_string()
