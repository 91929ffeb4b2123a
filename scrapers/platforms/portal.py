"""A portal, whose engine is recorded and not known: what the page in hand shows counts for more than what a table says.

A page that the recorded engine's reader refuses, and that plainly comes from another engine, is read by that one's. A
portal of no recorded engine is read by the one its pages show; its lists by what repeats on them, where that one finds none.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, TypeVar

from didban.article import Article, Link, Listed, Listing, Page
from didban.errors import ReadError
from scrapers.base import Site, Source
from scrapers.feed import read_feed
from scrapers.sitemap import read_sitemap

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Portal(Site):
    """A platform whose reader may be the wrong one. Subclasses read; this class asks the others where they cannot."""

    sure: ClassVar[bool] = True
    """Is this reader asked before the one of the engine that the page shows?"""

    @abstractmethod
    def number(self, url: str) -> str | None:
        """The site's own number in an article's address, or None."""

    @abstractmethod
    def read_links(self, page: Page) -> Listed:
        """The links of a listing that is a page, or JSON. Raises ReadError."""

    @abstractmethod
    def read_article(self, page: Page, link: Link | None) -> Article:
        """The article that a page of this engine means. Raises ReadError."""

    def links(self, page: Page, listing: Listing) -> Listed:
        if listing.way == "feed":
            return read_feed(page, self.key, self.number)
        if listing.way == "sitemap":
            return read_sitemap(page, self.key, self.number)
        if self.sure:
            return self._else(page, partial(self.read_links, page), lambda shown: shown.links(page, listing))
        if (shown := self._as_shown(page)) is None:
            return self.read_links(page)
        try:
            return shown.links(page, listing)
        except ReadError:
            return self.read_links(page)

    def article(self, page: Page, link: Link | None = None) -> Article:
        if self.sure:
            return self._else(page, partial(self.read_article, page, link), lambda shown: shown.article(page, link))
        if (shown := self._as_shown(page)) is None:
            return self.read_article(page, link)
        return shown.article(page, link)  # a list that it refuses, a guess would take

    def _else(self, page: Page, own: Callable[[], T], others: Callable[[Source], T]) -> T:
        """What this reader makes of a page, else the shown engine's; when neither can, this one's complaint."""
        try:
            return own()
        except ReadError as complaint:
            if (shown := self._as_shown(page)) is None:
                raise
            try:
                return others(shown)
            except ReadError:
                raise complaint from None

    def _as_shown(self, page: Page) -> Source | None:
        """This site as one of the engine that the page shows; None when it shows none, or this one."""
        from scrapers.detect import ENGINES, engine_of  # noqa: PLC0415 - the table of platforms knows this one too

        platform = ENGINES.get(engine_of(page) or "")
        return None if platform is None or isinstance(self, platform) else platform(**self.facts())
