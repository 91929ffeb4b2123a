"""Who holds a lease, and whether they still live.

A process that takes leases holds an advisory lock on a file of its own name. When it dies, by whatever signal, the kernel
lets the lock go, and the next process on this machine frees its leases at once instead of waiting for them to run out.
Owners on other machines, or with another folder, are never judged: their leases run out by time.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
import uuid
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self


class Owner:
    """A name for this process's leases, alive for as long as the object is open."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._place = _place(folder)
        own = uuid.uuid4().hex[:12]
        self.name = f"{self._place}/{own}"
        self._path = folder / own
        self._file = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def dead(self, owners: Iterable[str]) -> set[str]:
        """Those of `owners` that lived here and hold their lock no more."""
        return {
            owner
            for owner in owners
            if owner != self.name
            and owner.startswith(f"{self._place}/")
            and not _locked(self._folder / owner.rpartition("/")[2])
        }

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _place(folder: Path) -> str:
    """This machine and folder, as a word that another machine with the same folder does not share."""
    said = f"{socket.gethostname()}\n{uuid.getnode()}\n{folder.resolve()}"
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def _locked(path: Path) -> bool:
    """Does somebody hold this lock? A file left behind by the dead is removed."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        path.unlink(missing_ok=True)
        return False
    finally:
        os.close(file)
