"""`didban db backup` and `didban db restore`: where backups lie, how many are kept, when the last one was made.

VAR/backups/didban-20261122T040149Z.db    one backup, by its moment in UTC
VAR/backups/last.json                     {"at", "path", "bytes"} of the newest, wherever it was written
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from didban.dates import iso_utc, parse_iso
from didban.errors import DateError, InputError
from didban.settings import Settings
from flows import server
from storage.backups import backup, restore
from storage.checking import Check
from storage.database import Database

Progress = Callable[[str, int, int], None]
_ONES_OWN = "didban-????????T??????Z.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup that was made and checked."""

    at: datetime
    path: str
    bytes: int


def make(
    settings: Settings, path: Path | None, *, now: datetime, keep: int | None = None, progress: Progress | None = None
) -> tuple[Backup, Check]:
    """Back the store up to `path`: a file, a folder, or none for VAR/backups; with `keep`, only so many newest stay there.

    A file that has a name of its own is never removed. Raises StoreError, StoreUnavailable.
    """
    folder = path if path is not None and path.is_dir() else None if path is not None else settings.var / "backups"
    file = (folder / f"didban-{_stamp(now)}.db" if folder is not None else path or Path()).absolute()
    with closing(Database(settings.store_url, create=False)) as database:
        found = backup(database, file, progress=progress)
    made = Backup(at=now, path=str(file), bytes=file.stat().st_size)
    memory = settings.var / "backups" / "last.json"
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text(json.dumps(asdict(made) | {"at": iso_utc(now)}) + "\n", "utf-8")
    if keep is not None:
        for old in sorted(file.parent.glob(_ONES_OWN))[:-keep]:
            old.unlink()
    return made, found


def put_back(
    settings: Settings, path: Path, *, now: datetime, force: bool, progress: Progress | None = None
) -> tuple[Check, Path | None]:
    """Restore `path` in the store's place; returns what was found in it, and where the store that was there is kept.

    Raises InputError while `didban up` runs here, StoreError.
    """
    settings.var.mkdir(parents=True, exist_ok=True)
    lock = server.claim(settings.var)
    if lock is None:
        raise InputError("`didban up` runs here: stop it, then restore")
    with lock:  # nor does it start meanwhile
        kept = (settings.var / "backups" / f"before-restore-{_stamp(now)}.db").absolute()
        found, replaced = restore(path, settings.store_url, kept=kept, force=force, progress=progress)
    return found, kept if replaced else None


def last(settings: Settings) -> Backup | None:
    """The newest backup that was made with this VAR, if it can still be read of."""
    try:
        said = json.loads((settings.var / "backups" / "last.json").read_text("utf-8"))
        return Backup(at=parse_iso(said["at"]), path=str(said["path"]), bytes=int(said["bytes"]))
    except (OSError, ValueError, LookupError, TypeError, DateError):
        return None


def _stamp(now: datetime) -> str:
    return f"{now:%Y%m%dT%H%M%SZ}"
