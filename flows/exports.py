"""`didban export`: the articles of a query in a file or a folder, with a manifest beside it.

    NAME.part ──▶ NAME, NAME.manifest.json          seeds: FOLDER/SOURCE-ID.txt …, FOLDER.manifest.json

A file is written whole or not at all; the manifest comes last, and an older one goes first, so that a manifest is never beside
bytes that it does not describe. The same store gives the same bytes, manifest included: no time and no machine is in them.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from didban import __version__, seed
from didban.article import Article
from didban.coverage import judge
from didban.dates import day_bounds, tehran_day
from didban.errors import InputError
from flows.cite import Outlet, outlet
from flows.formats import STREAMS, Names
from scrapers.sources import Registry
from storage.articles import Selection
from storage.store import Store

Warn = Callable[[str], None]
MANIFEST = ".manifest.json"
FORMATS = ("seed", *STREAMS, "warc")
BINARY = frozenset({"parquet", "warc"})
"""Formats that are no text: they go to a file, never to a terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which articles. Days are civil days in Tehran, both included."""

    source: str | None = None
    since: date | None = None
    until: date | None = None
    province: str | None = None
    rule: str | None = None

    @property
    def selection(self) -> Selection:
        return Selection(
            source=self.source,
            since=day_bounds(self.since)[0] if self.since else None,
            until=day_bounds(self.until)[1] if self.until else None,
            province=self.province,
            rule=self.rule,
        )


@dataclass(slots=True)
class _Seen:
    """What an export holds of one source."""

    articles: int = 0
    partial: int = 0
    undated: int = 0
    fetched: datetime | None = None
    days: Counter[date] = field(default_factory=Counter)

    def count(self, article: Article) -> None:
        self.articles += 1
        self.partial += not article.complete
        if article.published is None:
            self.undated += 1
        else:
            self.days[tehran_day(article.published)] += 1
        if article.fetched is not None and (self.fetched is None or article.fetched > self.fetched):
            self.fetched = article.fetched


class Export:
    """One query to one place."""

    def __init__(self, store: Store, registry: Registry, query: Query) -> None:
        """Raises InputError for a source that nobody knows and that has no article: an empty file would say that it has none."""
        if query.source is not None and query.source not in store.articles.counts():
            registry.get(query.source)
        self._store, self._sites, self._query = store, registry.sources, query
        self._seen: dict[str, _Seen] = {}

    def to_stream(self, shape: str, stream: BinaryIO) -> None:
        """The articles in one of STREAMS, without a manifest."""
        STREAMS[shape](stream, self._rows(), self.outlet)

    def to_file(self, shape: str, path: Path) -> int:
        """The same as a file, gzipped when it is named `.gz`, with its manifest; how many there are.

        Raises InputError when it cannot be written: then what was there before still is.
        """
        if path.exists() and not path.is_file():  # a folder, or a device that a file would take the place of
            raise InputError(f"{path}: is no file; {shape} is written to one")
        packed = path.suffix == ".gz"
        if packed and shape == "parquet":
            raise InputError(f"{path}: {shape} is compressed by itself; name it without .gz")
        facts: dict[str, Any] = {}
        with _whole(path) as file:
            if shape == "warc":
                facts = self._warc(file, packed=packed)
            elif packed:
                with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as inner:
                    self.to_stream(shape, cast("BinaryIO", inner))
            else:
                self.to_stream(shape, file)
        with path.open("rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
        self._describe(path, shape, {"sha256": digest, "bytes": path.stat().st_size} | facts)
        return self._count()

    def _warc(self, file: BinaryIO, *, packed: bool) -> dict[str, Any]:
        """What the manifest says of it beside its bytes."""
        from flows import warc  # noqa: PLC0415 - a library that no other export waits for

        pages = self._store.pages
        count, bare = warc.write(
            file, self._rows(), pages.of_article, packed=packed, query=self._asked(), as_of=pages.newest()
        )
        return {"pages": count, "without_page": bare}

    def to_folder(self, folder: Path, *, original: bool, warn: Warn) -> int:
        """One seed document per article; `original` gives back the bytes that were imported instead. Returns how many there are.

        Of articles that were not imported from a document there is no original, which is said. Raises InputError when one cannot
        be written: those before it are whole, and there is no manifest.
        """
        names, listing, size = Names(), hashlib.sha256(), 0
        with _refusing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            _manifest(folder).unlink(missing_ok=True)
        for number, article in self._store.articles.each(self._query.selection):
            name = names.of(number, article) + ".txt"
            data = seed.write(article)
            if original:
                kept = self._store.pages.original(number)
                if kept is None:
                    warn(f"{name}: was not imported from a document; it has no original")
                    continue
                data = kept.page.body
            with _whole(folder / name, of_many=True) as file:
                file.write(data)
            self._see(article)
            listing.update(f"{hashlib.sha256(data).hexdigest()}  {name}\n".encode())
            size += len(data)
        self._describe(folder, "seed", {"sha256": listing.hexdigest(), "bytes": size, "original": original})
        return self._count()

    def outlet(self, key: str) -> Outlet:
        """Who publishes a source's articles, as far as it is known."""
        return outlet(self._sites, key)

    def _rows(self) -> Iterator[tuple[int, Article]]:
        for number, article in self._store.articles.each(self._query.selection):
            self._see(article)
            yield number, article

    def _see(self, article: Article) -> None:
        self._seen.setdefault(article.source, _Seen()).count(article)

    def _count(self) -> int:
        return sum(seen.articles for seen in self._seen.values())

    def _describe(self, path: Path, shape: str, facts: dict[str, Any]) -> None:
        said = {
            "didban": __version__,
            "name": path.name,
            "format": shape,
            "query": self._asked(),
            "articles": self._count(),
            **facts,
            "sources": [self._source(key) for key in sorted(self._seen)],
        }
        with _whole(_manifest(path)) as file:
            file.write(json.dumps(said, ensure_ascii=False, indent=1).encode() + b"\n")

    def _asked(self) -> dict[str, object]:
        return {name: _plain(value) for name, value in asdict(self._query).items()}

    def _source(self, key: str) -> dict[str, Any]:
        seen, outlet = self._seen[key], self.outlet(key)
        days = sorted(seen.days)
        return {
            "source": key,
            "name": outlet.name,
            "home": outlet.home,
            "rights": outlet.rights,
            "credit": outlet.credit,
            "articles": seen.articles,
            "partial": seen.partial,
            "undated": seen.undated,
            "since": _plain(days[0]) if days else None,
            "until": _plain(days[-1]) if days else None,
            "backfilled": self._backfilled(key, seen),
            "days": {day.isoformat(): seen.days[day] for day in days},
        }

    def _backfilled(self, key: str, seen: _Seen) -> dict[str, Any] | None:
        """How complete its archive is within the query's days, as `didban backfill --status` counts them; None when no backfill
        has been there. Which days were over is told by its newest page, not by today."""
        span = self._store.coverage.spans().get(key)
        if span is None or seen.fetched is None:
            return None
        since, until = max(span[0], self._query.since or span[0]), min(span[1], self._query.until or span[1])
        if since > until:
            return None
        units, links = self._store.coverage.read(key, since, until)
        site = self._sites.get(key)
        facts: dict[str, Any] = {"archive_from": site.archive_from} if site else {}
        whole = judge(key, units, links, since=since, until=until, today=tehran_day(seen.fetched), **facts)
        return {"since": _plain(since), "until": _plain(until), "days": dict(sorted(whole.states.items()))}


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _manifest(path: Path) -> Path:
    return path.with_name(path.name + MANIFEST)


@contextmanager
def _whole(path: Path, *, of_many: bool = False) -> Generator[BinaryIO]:
    """A file that appears under its name when all of it is written; what it replaces stays until then, and then its manifest goes.
    One `of_many` has no manifest of its own, nor does it wait for the disk."""
    draft = path.with_name(path.name + ".part")
    with _refusing(path):
        try:
            with draft.open("wb") as file:
                yield file
                if not of_many:
                    file.flush()
                    os.fsync(file.fileno())
            if not of_many:
                _manifest(path).unlink(missing_ok=True)
            draft.replace(path)
        except BaseException:
            if draft.is_file():
                draft.unlink()
            raise


@contextmanager
def _refusing(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; nothing was written there") from None
