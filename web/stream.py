"""What a function writes to a file, sent as it is written: the first bytes go out before the last article is read."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import BinaryIO

from didban.errors import StoreError

_PIECE = 1 << 16


def streamed(write: Callable[[BinaryIO], None]) -> Generator[bytes]:
    """What `write` writes, by pieces, from a thread of its own; it ends when nobody reads any more.

    Raises StoreError where it failed: the answer has begun by then, so the connection breaks, and no half is taken for a whole.
    """
    out, into = os.pipe()
    failed: list[Exception] = []

    def writing() -> None:
        with suppress(BrokenPipeError), os.fdopen(into, "wb") as file:  # whoever read has gone
            try:
                write(file)
            except BrokenPipeError:
                raise
            except Exception as error:
                failed.append(error)

    thread = threading.Thread(target=writing, daemon=True)
    thread.start()
    with os.fdopen(out, "rb", buffering=0) as file:
        while piece := file.read(_PIECE):
            yield piece
    thread.join()
    if failed:
        raise StoreError("the file is not whole") from failed[0]
