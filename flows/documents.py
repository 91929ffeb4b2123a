"""Documents in: seed documents and JSON lines. What goes out is flows/exports.py's."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, cast

from didban import article as articles
from didban import seed
from didban.alert import Judge, Sighting
from didban.article import Article, Page
from didban.errors import DidbanError, InputError
from didban.outcome import Tally
from flows.exports import MANIFEST
from flows.formats import batches
from storage.articles import Arrived
from storage.store import Store

Warn = Callable[[str], None]
Show = Callable[[str, int, int], None]
_SUFFIXES = (".txt", ".json", ".jsonl", ".jsonl.gz")
_LINES = (".jsonl", ".jsonl.gz")
MOST_BYTES = 64_000_000
"""Of one line: more than any article has, less than memory."""
BATCH = 100
"""Documents saved in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document of a file: the article it holds and, for a seed, the file's bytes."""

    article: Article
    page: Page | None


def import_paths(
    store: Store,
    judge: Judge,
    paths: Sequence[Path],
    *,
    source: str | None,
    now: datetime,
    warn: Warn,
    show: Show | None = None,
) -> Tally:
    """Bring seed documents and JSON lines into the store. Each bad file or line is refused with a line to `warn`; the rest go on.

    Matches of imported articles become archived alerts. `show` is told (what, bytes done, bytes in all). Raises InputError when a
    path is not there, and StoreError: then what was saved before stays, and the same import goes on where it stopped.
    """
    tally = Tally()
    sighting = Sighting(via="import", baseline=False, now=now)
    documents = _all(list(files(paths)), source, now, tally, warn, show)
    for batch in batches(documents, lambda one: len(one.article.text), most=BATCH):
        arrived = [Arrived(article=one.article, sighting=sighting, page=one.page) for one in batch]
        for saved in store.articles.save_all(arrived, judge):
            setattr(tally, saved.change, getattr(tally, saved.change) + 1)
            tally.copies += saved.copy and saved.change == "new"
            tally.archived += saved.archived
    return tally


def files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files meant: a folder means its .txt, .json, .jsonl and .jsonl.gz files, in the order of their names, without the
    manifests of exports."""
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if _is_document(one.name) and one.is_file())
        elif path.exists():
            yield path
        else:
            raise InputError(f"{path}: there is no such file")


def _is_document(name: str) -> bool:
    return name.endswith(_SUFFIXES) and not name.endswith(MANIFEST)


def _all(
    paths: Sequence[Path], source: str | None, now: datetime, tally: Tally, warn: Warn, show: Show | None
) -> Iterator[Document]:
    sizes = [path.stat().st_size for path in paths] if show else []
    done = 0
    for number, path in enumerate(paths):
        if show:
            show(path.name, done, sum(sizes))
        reading = _lines(path, tally, warn) if path.name.endswith(_LINES) else _seed(path, source, now, tally, warn)
        for document, place in reading:
            if show:
                show(path.name, done + place, sum(sizes))
            yield document
        done += sizes[number] if show else 0


def _lines(path: Path, tally: Tally, warn: Warn) -> Iterator[tuple[Document, int]]:
    """The articles of a file of JSON lines, each with how many of the file's bytes are read."""
    try:
        with path.open("rb") as file:
            lines = cast("BinaryIO", gzip.GzipFile(fileobj=file)) if path.suffix == ".gz" else file
            for number, line in enumerate(_each_line(lines), 1):
                try:
                    if line is None:
                        raise InputError(f"is longer than {MOST_BYTES} bytes")
                    text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                    if text.strip():
                        yield Document(article=articles.from_json(json.loads(text)), page=None), file.tell()
                except (ValueError, RecursionError, DidbanError) as error:
                    _refuse(f"{path}:{number}", error, tally, warn)
    except (OSError, EOFError, zlib.error) as error:
        _refuse(str(path), InputError(getattr(error, "strerror", None) or str(error)), tally, warn)


def _each_line(file: BinaryIO) -> Iterator[bytes | None]:
    """Lines; None in place of one that is longer than MOST_BYTES."""
    while line := file.readline(MOST_BYTES):
        rest = line
        while len(rest) == MOST_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(MOST_BYTES)
        yield line if rest is line else None


def _seed(path: Path, source: str | None, now: datetime, tally: Tally, warn: Warn) -> Iterator[tuple[Document, int]]:
    try:
        data = path.read_bytes()
        read = seed.read(data, source=source, name=path.name)
    except OSError as error:
        _refuse(str(path), InputError(error.strerror or "cannot be read"), tally, warn)
    except DidbanError as error:
        _refuse(str(path), error, tally, warn)
    else:
        for warning in read.warnings:
            warn(f"{path}: {warning}")
        page = Page(url=f"file:{path.name}", body=data, fetched=now)
        yield Document(article=read.article, page=page), len(data)


def _refuse(where: str, error: Exception, tally: Tally, warn: Warn) -> None:
    tally.refused += 1
    warn(f"{where}: {error}")
