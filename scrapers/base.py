"""What a source is: where it lists, and how its pages are read.

    watch()   → the listings polled for what is new; the feed first
    older()   → the newest-first paged listing, walked when the feed shows a gap
    archive() → the units of a backfill, newest first
    links()   : Page → Listed         article() : Page → Article

A source decides nothing and calls nobody: pages in, values out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Protocol, Self

from selectolax.lexbor import LexborHTMLParser

from didban.article import Article, Link, Listed, Listing, Page
from didban.errors import InputError, LayoutChanged
from didban.health import Expects
from didban.urls import absolute
from scrapers.html import attribute, breaks_off, words

Confidence = Literal["A", "H", "M", "L", ""]
"""How sure it is that this is the site: real pages seen (A), high, medium, low, or no address known at all (empty)."""

_NEXT = frozenset({"بعدی", "بعد", "بعدي", "صفحه بعد", "صفحه بعدی", "Next", "›", "»"})
_LIMIT_START = re.compile(r"limitstart\.value\s*=\s*['\"]?(\d+)")


class Source(Protocol):
    """One site. The properties are the site's own; a platform class gives the methods."""

    @property
    def key(self) -> str:
        """The name in commands, settings and rows: `irna`."""
        ...

    @property
    def name(self) -> str:
        """The name people read, in Persian."""
        ...

    @property
    def home(self) -> str:
        """The site's address with its final slash: `https://www.irna.ir/`."""
        ...

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names the site answers to; a redirect may go to these and their subdomains."""
        ...

    @property
    def rights(self) -> str | None:
        """The terms of use printed on the site, or None when it prints none."""
        ...

    @property
    def province(self) -> str | None:
        """The slug of the province whose portal this is, or None for a national source."""
        ...

    @property
    def every(self) -> timedelta:
        """How often the listings of `watch` are polled, at most."""
        ...

    @property
    def expects(self) -> Expects:
        """How much it publishes, how soon its silence says something, and which fields its articles have."""
        ...

    def watch(self) -> tuple[Listing, ...]:
        """The listings that name the newest articles, the feed first."""
        ...

    def older(self) -> Listing | None:
        """The first page of a paged listing, newest first; None when the site has none."""
        ...

    def archive(self, since: date, until: date) -> tuple[Listing, ...]:
        """The listings that hold the articles of these civil days in Tehran (both included), newest first.

        Raises InputError when `since` is after `until`.
        """
        ...

    def links(self, page: Page, listing: Listing) -> Listed:
        """The links a listing's page names, in its order, and the next page's address.

        A valid listing with no items is `Listed(links=())`; a damaged one that still names some sets `problem`.
        Raises ReadError when nothing can be read.
        """
        ...

    def article(self, page: Page, link: Link | None = None) -> Article:
        """The article a page means; `link` supplies what the page lacks. Raises LayoutChanged or Unreadable."""
        ...


@dataclass(frozen=True, kw_only=True)
class Site:
    """The facts of one source, which every platform's class begins with; `dataclasses.replace` moves it elsewhere.

    A site without an address (`home` empty) is one that we know of and cannot ask: it lists nothing.
    """

    key: str
    name: str
    home: str
    hosts: tuple[str, ...]
    """The domain, then its aliases."""
    rights: str | None = None
    credit: str | None = None
    """Whom to name where `rights` ask for it."""
    province: str | None = None
    every: timedelta = timedelta(minutes=15)
    expects: Expects = field(default_factory=Expects)
    watched: bool = True
    """Is it watched when the operator names no sources?"""
    confidence: Confidence = ""
    archive_from: date | None = None
    """The first day that its archive is known to hold; that earlier ones are empty says nothing. None: nobody knows."""
    note: str = ""
    """What is known of it, for docs/sources.md."""

    selectors: ClassVar[Mapping[str, str]] = MappingProxyType(
        {name: name for name in ("root", "kicker", "title", "lead", "body", "tags", "drop", "item")}
        | {"date": "printed", "section": "topics"}
    )
    """What an operator calls a selector → the attribute of the platform that holds it."""

    @classmethod
    def styled(cls, own: Mapping[str, Sequence[str]]) -> type[Self]:
        """This platform with a site's own selectors, which go first; one that is a single selector is replaced.

        Raises InputError for a name that this platform has no use for.
        """
        known = [name for name, place in cls.selectors.items() if hasattr(cls, place)]
        for name in own:
            if name not in known:
                raise InputError(f"no selector {name!r} (known: {', '.join(known)})")
        make: Any = type
        return make(cls.__name__, (cls,), {**cls._styles(own), "__doc__": cls.__doc__, "__module__": cls.__module__})

    @classmethod
    def _styles(cls, own: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """The attributes that a site's own selectors change."""
        before = {cls.selectors[name]: (getattr(cls, cls.selectors[name]), given) for name, given in own.items()}
        return {
            place: ", ".join(given) if isinstance(was, str) else (*given, *was)
            for place, (was, given) in before.items()
        }

    def facts(self) -> dict[str, Any]:
        """What is true of the site whatever its platform: a class of another one takes it as it is."""
        return {field.name: getattr(self, field.name) for field in fields(Site)}

    def listing(self, path: str, way: str, day: date | None = None) -> Listing:
        """A listing of this source at `home` + `path`."""
        return Listing(source=self.key, url=self.home + path, way=way, day=day)


def days(since: date, until: date) -> tuple[date, ...]:
    """Every day from `until` back to `since`. Raises InputError when they stand the wrong way round."""
    if since > until:
        raise InputError(f"the first day, {since}, is after the last, {until}")
    return tuple(until - timedelta(days=back) for back in range((until - since).days + 1))


def listed(page: Page, found: Sequence[Link | None], selector: str, next_page: str | None) -> Listed:
    """What a page of items says, None standing for an item without an address. Raises LayoutChanged when all are."""
    links = [link for link in found if link is not None]
    if found and not links:
        raise LayoutChanged(page.url, f"an address in {selector}", 0)
    problems = ["the page breaks off before its end"] if breaks_off(page) else []
    if lost := len(found) - len(links):
        problems.append(f"items without an address: {lost}")
    return Listed(links=each_once(links), next=next_page if links else None, problem="; ".join(problems) or None)


def each_once(links: Iterable[Link]) -> tuple[Link, ...]:
    """The links without repeats of one id or address, the first of each kept."""
    seen: dict[str, Link] = {}
    for link in links:
        seen.setdefault(link.id or link.url, link)
    return tuple(seen.values())


def next_page(tree: LexborHTMLParser, base: str) -> str | None:
    """Where a paged list goes on, by what its link says of itself; Joomla's tables say it to a form instead."""
    for link in tree.css("link[rel=next], a[rel~=next], .pagination-next a, a.next, .next a, a[title], .pagination a"):
        named = attribute(link, "title") or words(link)
        says_so = "next" in (attribute(link, "rel") + attribute(link, "class")).lower()
        if not says_so and named not in _NEXT:
            continue
        if (found := absolute(base, attribute(link, "href"))) is not None:
            return found
        if start := _LIMIT_START.search(attribute(link, "onclick")):
            return absolute(base, f"?start={start[1]}")
    return None
