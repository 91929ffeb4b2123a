"""What is listed, served and read: Link → Page → Article. All frozen; times are aware UTC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from didban.dates import iso_utc, jalali_iso, parse_iso
from didban.errors import ArticleError


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An address seen on a listing, with what the listing said of it.

    `url` is absolute and kept as listed (some sites refuse the short form); `id` is the site's own
    number as a string, or None. `published` is what the listing claims, often without an article's accuracy.
    """

    source: str
    url: str
    id: str | None = None
    title: str = ""
    kicker: str = ""
    lead: str = ""
    published: datetime | None = None
    section: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A page, feed or sitemap that names articles: where it is and which way of listing it belongs to."""

    source: str
    url: str
    way: str = "feed"
    """`feed` (newest few, polled), `page` (paged, newest first), `day` (one archive day, paged) or `sitemap`."""
    day: date | None = None
    """The civil day in Tehran that a listing of the way `day`, or a day's own sitemap, is of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What a listing said: its links in the order given, the next page's address when it is paged, and the listings that
    it names in place of links (a sitemap index).

    `problem` is set when the listing was damaged but some links could be read (a feed cut in the middle): the links are
    noted, the listing's validators are not, so that it is asked for whole again.
    """

    links: tuple[Link, ...]
    next: str | None = None
    problem: str | None = None
    listings: tuple[Listing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Bytes exactly as served. `url` is the address asked for; header names are lower case."""

    url: str
    body: bytes = field(repr=False)
    fetched: datetime
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """What a page means. Absent text is `""`, absent facts are None, absent lists are `()`.

    `text` is paragraphs joined by one line feed. `published_text` is the date as printed, `has_time` whether it had a time of
    day. `complete` is False for a partial article (a listing's summary of a page that could not be read). `revision` and
    `story` are the store's, None until stored; `fetched` is when the page was.
    """

    source: str
    title: str
    id: str | None = None
    url: str | None = None
    kicker: str = ""
    lead: str = ""
    text: str = ""
    published: datetime | None = None
    published_text: str | None = None
    has_time: bool = False
    section: str | None = None
    province: str | None = None
    tags: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    complete: bool = True
    fetched: datetime | None = None
    modified: datetime | None = None
    revision: int | None = None
    story: str | None = None
    rights: str | None = None


FIELDS = (
    "source", "id", "url", "kicker", "title", "lead", "text", "published", "published_text", "published_jalali",
    "has_time", "section", "province", "tags", "codes", "complete", "fetched", "modified", "revision", "story", "rights",
)  # fmt: skip
"""The keys of an article as JSON, in the order written."""


def to_json(article: Article) -> dict[str, Any]:
    """The article as one JSON object (`parse`, `export --format jsonl`): every key of FIELDS, always."""
    return {
        "source": article.source,
        "id": article.id,
        "url": article.url,
        "kicker": article.kicker,
        "title": article.title,
        "lead": article.lead,
        "text": article.text,
        "published": iso_utc(article.published),
        "published_text": article.published_text,
        "published_jalali": jalali_iso(article.published, with_time=article.has_time),
        "has_time": article.has_time,
        "section": article.section,
        "province": article.province,
        "tags": list(article.tags),
        "codes": list(article.codes),
        "complete": article.complete,
        "fetched": iso_utc(article.fetched),
        "modified": iso_utc(article.modified),
        "revision": article.revision,
        "story": article.story,
        "rights": article.rights,
    }


_TEXTS = ("kicker", "lead", "text")
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")
_MOST_REVISIONS = 1_000_000
_FACTS = ("id", "url", "published_text", "section", "province", "story", "rights")
_TIMES = ("published", "fetched", "modified")
_FLAGS = (("has_time", False), ("complete", True))
_LISTS = ("tags", "codes")


def from_json(value: object) -> Article:
    """The inverse of `to_json`. Only `source` and `title` must be there; `published_jalali` is derived and ignored.

    Raises ArticleError naming the key that is missing, unknown or of the wrong type.
    """
    if not isinstance(value, dict):
        raise ArticleError("an article is a JSON object")
    given: dict[str, Any] = {str(key): item for key, item in value.items()}
    for key, said in given.items():
        _writable(key, said)
    read: dict[str, Any] = {}
    for key in ("source", "title"):
        if not isinstance(given.get(key), str) or not given[key].strip():
            raise ArticleError(f"{key!r} must be a string that is not empty")
        read[key] = given[key]
    for key in _TEXTS:
        read[key] = _typed(given, key, str, "")
    for key in _FACTS:
        read[key] = _typed(given, key, str, None)
    for key in _TIMES:
        text = _typed(given, key, str, None)
        read[key] = None if text is None else parse_iso(text)
    for key, default in _FLAGS:
        read[key] = _typed(given, key, bool, default)
    for key in _LISTS:
        items = _typed(given, key, list, [])
        if not all(isinstance(item, str) for item in items):
            raise ArticleError(f"{key!r} must be a list of strings")
        read[key] = tuple(items)
    revision = _typed(given, "revision", int, None)
    if revision is not None and (isinstance(revision, bool) or not 1 <= revision <= _MOST_REVISIONS):
        raise ArticleError(f"'revision' must be a whole number from 1 to {_MOST_REVISIONS}")
    return Article(**read, revision=revision)


def _writable(key: str, said: object) -> None:
    if key not in FIELDS:
        raise ArticleError(f"unknown key {key!r}")
    for text in said if isinstance(said, list) else [said]:
        if isinstance(text, str) and _UNWRITABLE.search(text):
            raise ArticleError(f"{key!r} holds a NUL or half a character")


def _typed(given: Mapping[str, Any], key: str, kind: type, default: Any) -> Any:  # noqa: ANN401 - JSON values
    value = given.get(key)
    if value is None:
        return default
    if not isinstance(value, kind):
        raise ArticleError(f"{key!r} must be {kind.__name__}, not {type(value).__name__}")
    return value
