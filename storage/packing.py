"""Bodies, packed: zstd with a dictionary for each source, trained on the source's own pages.

    pack(connection, source, bodies)    with the source's newest dictionary; plain where there is none
    unpack(connection, …)               with the dictionary that the row names
    learn(bodies, current)              a source's first dictionary, or a better one

Pages of one site are mostly one frame: of 127 KB zstd alone leaves 25, in 0.5 ms; with a dictionary 7, in 0.3 (docs/pages.md).

What zstd prepares of a dictionary costs 2 ms and a megabyte, and two threads must not share it: it stays with its connection
(`Connection.info`), which one thread uses at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import zstandard
from sqlalchemy import Connection, bindparam, func, select

from didban.errors import StoreError
from storage import tables

LEVEL = 3
"""Of zstd, with a dictionary: 9 makes a page a quarter smaller and takes seven times as long, more than reading it does."""
MOST_BYTES = 256 << 10
"""Of a dictionary: beyond it little is gained, and the first page of a process waits for it."""
PAYS = 0.85
"""A new dictionary is worth its 256 KB, and what it takes to prepare, when pages become smaller by this. A redesign halves them."""
_SHARE = 8  # a dictionary holds an eighth of its samples at most: what only one page has is of no use to others
_LEAST = 4 << 10
_SEGMENT, _DMER = 2_000, 8
"""Of the cover algorithm, which takes pieces of so many bytes. To look for the best of both takes ten times as long, and finds
none that is better for pages."""
_PREPARED = 16  # compressors and decompressors that a connection keeps

T = TypeVar("T", zstandard.ZstdCompressor, zstandard.ZstdDecompressor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A body as `blob` keeps it."""

    zstd: bytes
    dictionary: int | None


def pack(connection: Connection, source: str, bodies: Sequence[bytes]) -> list[Packed]:
    """With the newest dictionary of this source."""
    number = connection.scalar(_NEWEST, {"of_source": source})
    compress = _tool(connection, zstandard.ZstdCompressor, number, "").compress
    return [Packed(zstd=compress(body), dictionary=number) for body in bodies]


def unpack(connection: Connection, zstd: bytes, dictionary: int | None, *, of: str) -> bytes:
    """The body. Raises StoreError naming whose it is (`of`) when it cannot be had."""
    try:
        return _tool(connection, zstandard.ZstdDecompressor, dictionary, of).decompress(zstd)
    except zstandard.ZstdError as error:
        raise StoreError(f"{of}: its page is damaged ({error}); restore the database from a backup") from None


def train(samples: Sequence[bytes]) -> bytes | None:
    """A dictionary for pages like these; None when they are too few or too small to have one."""
    size = min(MOST_BYTES, sum(map(len, samples)) // _SHARE)
    if size < _LEAST:
        return None
    try:
        return zstandard.train_dictionary(size, list(samples), k=_SEGMENT, d=_DMER).as_bytes()
    except zstandard.ZstdError:  # nothing in them is alike
        return None


def learn(bodies: Sequence[bytes], current: bytes | None) -> bytes | None:
    """A dictionary for pages like these: the first one, or one that packs pages better which neither was trained on. None when
    the `current` one is as good, and where there can be none."""
    if current is None:
        return train(bodies)
    new, others = train(bodies[::2]), bodies[1::2]
    return new if new is not None and _size(new, others) < PAYS * _size(current, others) else None


def _size(dictionary: bytes, bodies: Sequence[bytes]) -> int:
    compress = _prepared(zstandard.ZstdCompressor, dictionary).compress
    return sum(len(compress(body)) for body in bodies)


_NEWEST = select(func.max(tables.dictionary.c.id)).where(tables.dictionary.c.source == bindparam("of_source"))
_CONTENT = select(tables.dictionary.c.content).where(tables.dictionary.c.id == bindparam("of_dictionary"))


def _tool(connection: Connection, kind: Callable[..., T], number: int | None, of: str) -> T:
    tools: dict[Any, T] = connection.info.setdefault("didban_zstd", {})
    if (kind, number) not in tools:
        content = None
        if number is not None:
            content = connection.scalar(_CONTENT, {"of_dictionary": number})
            if content is None:
                raise StoreError(
                    f"{of}: its page needs dictionary {number}, which is not there; restore it from a backup"
                )
        if len(tools) >= _PREPARED:
            del tools[next(iter(tools))]
        tools[kind, number] = _prepared(kind, content)
    return tools[kind, number]


def _prepared(kind: Callable[..., T], content: bytes | None) -> T:
    options: dict[str, Any] = {"level": LEVEL} if kind is zstandard.ZstdCompressor else {}
    if content is None:
        return kind(**options)
    dictionary = zstandard.ZstdCompressionDict(content, dict_type=zstandard.DICT_TYPE_FULLDICT)
    if kind is zstandard.ZstdCompressor:
        dictionary.precompute_compress(level=LEVEL)
    return kind(dict_data=dictionary, **options)
