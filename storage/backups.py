"""A backup: a whole database as one SQLite file, made while others write, and put back in its place.

    SQLite       its pages, as they stand at one moment (sqlite3_backup, https://www.sqlite.org/backup.html)
    PostgreSQL   its rows, as they stand at one moment (storage/copying.py)

A backup gets its name only when it is whole: until then it is a file beside it that ends in `.part`. It needs no server to be
read, and may be put back into either kind of database.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import func, inspect, select

from didban.errors import StoreError, StoreUnavailable
from storage.checking import Check, check
from storage.copying import Progress, copy
from storage.database import Database
from storage.tables import metadata

_PAGES = 2_000  # a step of 8 MB: between two of them Ctrl-C is heard


def backup(database: Database, path: Path, *, progress: Progress | None = None) -> Check:
    """Write the database as it stands now to the new file `path`; returns what was found when the file was checked.

    Nobody is held up: on both databases it is one long read. Raises StoreError where there is nothing to keep, `path` is there
    already, or what was written is not whole; StoreUnavailable where it cannot be written. Then no file is left.
    """
    if path.exists():
        raise StoreError(f"{path} is there already; a backup never writes over anything: choose another name")
    if database.revision() is None:
        raise StoreError(f"{database.name} is empty: there is nothing to back up")
    with _drafted(path) as draft:
        if database.postgresql:
            with closing(Database(f"sqlite:///{draft}")) as made:
                copy(database, made, progress=progress)
        else:
            _copy_pages(database, draft, progress)
        found = _whole(draft, database.name)
        _as_one_file(draft)
        return found


def restore(
    path: Path, url: str, *, kept: Path, force: bool = False, progress: Progress | None = None
) -> tuple[Check, bool]:
    """Put the backup at `path` in the place of the database at `url`; returns what was checked before, and whether an older
    database is now at `kept`.

    The backup is read, brought up to date and checked as a copy of its own; `path` stays as it is. A database that holds
    something is replaced only with `force`, and kept first: a SQLite file as it is, damaged or not, a PostgreSQL's as a backup.
    Either all of it happens or nothing. Raises StoreError where the backup is none, or not whole; where the database holds
    something, or somebody is using it; StoreTooNew where a later version made the backup.
    """
    if not path.is_file():
        raise StoreUnavailable(f"{path}: there is no such backup")
    target = Database(url)
    with closing(target):
        place = None if target.postgresql else Path(target.url.database or "").absolute()
        if (filled := _filled(target, place)) and not force:
            raise StoreError(f"{target.name} is not empty ({filled}); with --force it is kept as {kept} and replaced")
        with _drafted(kept.with_name("restore.db") if place is None else place, final=False) as draft:
            shutil.copyfile(path, draft)
            found = _brought_up_to_date(draft, path)
            if filled:
                _unused(target, place)
            if place is None:
                if filled:
                    target.upgrade()  # rows are kept as the tables of today have them
                    backup(target, kept, progress=progress)
                with closing(Database(f"sqlite:///{draft}", create=False)) as source:
                    copy(source, target, replacing=bool(filled), progress=progress)
            else:
                _as_one_file(draft)
                target.close()
                _put_aside(place, kept if filled else None)
                draft.replace(place)
                _settle(place.parent)
        return found, bool(filled)


def _copy_pages(database: Database, draft: Path, progress: Progress | None) -> None:
    """Within one read transaction, whose moment no writer can move: without it a backup begins anew at each write."""

    def shown(_status: int, remaining: int, total: int) -> None:
        if progress is not None:
            progress("pages", total - remaining, total)

    with closing(sqlite3.connect(draft, isolation_level=None)) as target, database.read() as reading:
        reading.exec_driver_sql("SELECT count(*) FROM sqlite_master").all()
        source: Any = reading.connection.driver_connection  # sqlite3's own
        source.backup(target, pages=_PAGES, progress=shown)


def _brought_up_to_date(draft: Path, path: Path) -> Check:
    try:
        with closing(Database(f"sqlite:///{draft}", create=False)) as opened:
            if opened.revision() is None:
                raise StoreError(f"{path} holds no database of Didban's")
            opened.upgrade()
    except StoreUnavailable as error:
        raise StoreError(f"{path} is no backup: {error}") from error
    return _whole(draft, str(path))


def _whole(draft: Path, name: str) -> Check:
    with closing(Database(f"sqlite:///{draft}", create=False)) as made:
        found = check(made)
    if found.problems:
        raise StoreError(f"{name} is not whole: {found.problems[0]}; nothing was written")
    return found


def _as_one_file(path: Path) -> None:
    """Out of WAL, so that the file is all there is, and may be read where nothing can be written."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


@contextmanager
def _drafted(path: Path, *, final: bool = True) -> Generator[Path]:
    """A file beside `path`; at the end it is on the disk under that name if `final`, and otherwise gone, as after an error."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error.strerror}") from error
    try:
        yield draft
        if final:
            with draft.open("rb") as written:
                os.fsync(written.fileno())
            draft.replace(path)
            _settle(path.parent)
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{path}: {error}") from error
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error.strerror or error}") from error
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            draft.with_name(draft.name + suffix).unlink(missing_ok=True)


def _filled(target: Database, place: Path | None) -> str:
    """What the database holds, as a word for the operator; empty when it holds nothing, or is not there."""
    if place is not None and not place.exists():
        return ""
    try:
        if target.revision() is None:
            return ""
        with target.read() as connection:
            there = set(inspect(connection).get_table_names())
            for table in (table for table in metadata.sorted_tables if table.name in there):
                query = select(func.count()).select_from(table)
                if count := connection.execute(query).scalar_one():
                    return f"{table.name}: {count}"
    except StoreError:
        if place is None:
            raise
        return "it cannot be read"  # why it is to be replaced
    return ""


def _unused(target: Database, place: Path | None) -> None:
    """Raises StoreError while another process has the database open."""
    using = f"{target.name} is in use; stop `didban up` and every other command, then try again"
    if place is None:
        others = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND application_name = 'didban'"
        )
        with target.read() as connection:
            if connection.exec_driver_sql(others).scalar_one():
                raise StoreError(using)
        return
    target.close()
    with closing(sqlite3.connect(place, timeout=0, isolation_level=None)) as connection:
        try:  # nobody leaves WAL while somebody else is there
            connection.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.DatabaseError as error:
            if "locked" in str(error):
                raise StoreError(using) from None


def _put_aside(place: Path, kept: Path | None) -> None:
    """The old file, and what belongs to it, out of the way."""
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
    for suffix in ("-wal", "-shm", ""):
        part = place.with_name(place.name + suffix)
        if part.exists() and kept is not None:
            shutil.move(part, kept.with_name(kept.name + suffix))
        part.unlink(missing_ok=True)


def _settle(folder: Path) -> None:
    """A new name lasts only once its folder is on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
