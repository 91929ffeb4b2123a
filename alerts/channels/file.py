"""A file of JSON lines: one message a line, appended; a digest may have several. A reader drops repeats by `key` and `part`."""

from __future__ import annotations

import asyncio
import fcntl
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from alerts.channels.json_part import json_parts
from didban.alert import AnyDraft
from didban.errors import SendError, SettingsError


def file_path(name: str, url: str, *, base: Path) -> Path:
    """The path of `file:PATH`, taken as it is, or of `file:///PATH`, percent-decoded. Raises SettingsError."""
    path = url.partition(":")[2]
    if path.startswith("//"):
        parts = urlsplit(url)
        if parts.netloc not in ("", "localhost"):
            raise SettingsError(f"channel {name}: a file's URL is file:PATH or file:///PATH, with no host")
        path = unquote(parts.path)
    if not path.strip("/") or "\0" in path:
        raise SettingsError(f"channel {name}: a file's URL is file:PATH or file:///PATH, and names a file")
    return base / path


@dataclass(frozen=True, slots=True)
class FileChannel:
    """Appends a line and waits until it is on the disk. The file and its folders are made when needed."""

    name: str
    path: Path = field(repr=False)
    source_names: Mapping[str, str] = field(repr=False)
    deadline: ClassVar[float] = 15.0

    def render(self, draft: AnyDraft) -> tuple[str, ...]:
        return json_parts(draft, self.source_names)

    async def send(self, part: str, *, key: str, number: int, total: int) -> None:  # noqa: ARG002 - the part holds the key
        try:
            await asyncio.to_thread(_append, self.path, f"{part}\n".encode())
        except OSError as error:
            raise SendError(self.name, f"cannot write its file: {error.strerror or type(error).__name__}") from None


def _append(path: Path, line: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not blocking: a pipe nobody reads must not hold the thread.
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(0, "not a regular file")
        # The lock makes the look at the end and the line one step among processes; it goes with the descriptor.
        fcntl.flock(file, fcntl.LOCK_EX)
        size = os.fstat(file).st_size
        if size and os.pread(file, 1, size - 1) != b"\n":
            line = b"\n" + line  # a crash tore the last line: leave it, and begin anew
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(file, rest) :]
        os.fsync(file)
    finally:
        os.close(file)
    if not size:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """A new file outlives a power cut only when its folder's entry is on the disk too."""
    entry = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)
