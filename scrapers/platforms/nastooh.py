"""Nastooh Saba Newsroom, the CMS of IRNA, Mehr and some fifty more agencies and papers.

    /rss                                              the newest ~30, without text
    /rss/tp/1032 · ?tp=1032 · ?kw=… · ?pl=…           the same of a topic (IRNA's provinces are topics), a tag, a box of a page
    /sitemap/news/sitemap.xml                         the newest 30 to 100; open where the pages are walled off
    /archive?pi=1&tp=&ty=&ms=0&dy=17&mn=7&yr=1397     one Jalali day, ~30 a page, every type of news, perhaps of one topic
    /sitemap/1397/07/17/sitemap.xml                   the same day in one piece; XML or JSON
    /sitemap/all/sitemap.xml · /sitemap/1397/…        the indexes of those days: this year's, a past year's
    /news/<id>/<slug>                                 an article; some sites refuse the address without its slug
    /photo/<id>/<slug>                                a gallery, on some sites; one series of numbers for both

News, interviews, reports, notes, galleries and films are one kind of page: the last two may have no text, and a gallery
another root. A page that is no article (a listing, an error) has none of these. `meta[name=date]` is the time the page was
rendered and is never read. A second site with the same markup overrides selectors first, methods second.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import ClassVar

from selectolax.lexbor import LexborHTMLParser, LexborNode

from didban import provinces
from didban.article import Article, Link, Listed, Listing, Page
from didban.dates import jalali_of, parse_day
from didban.errors import DateError, InputError, LayoutChanged
from didban.urls import absolute, host_of
from scrapers.base import Site, days, listed
from scrapers.feed import read_feed, section
from scrapers.html import (
    all_words,
    attribute,
    body_paragraphs,
    first,
    first_words,
    inside,
    json_ld_objects,
    line,
    meta,
    need,
    only,
    parse,
    parse_whole,
    said,
    words,
)
from scrapers.sitemap import read_sitemap
from scrapers.when import listed_date, machine_date, when

_ID = re.compile(r"/(?:news/(?=\d)|(?:photo|media|live)/(?=\d{5}))(\d+)(?=[/?#]|$)", re.IGNORECASE)
_DAY = re.compile(r"/sitemap/(\d{4})/(\d\d?)/(\d\d?)/")
_CODE = re.compile(r"(?<!\d)(\d{4}(?:/|\*\*)\d{4})\s*$")
_CODE_ROOM = 100  # letters: a code is looked for at the very end, and not through the whole text
_NEXT = "بعدی"

LATEST = "sitemap/news/sitemap.xml"
"""The sitemap of the newest articles, to be named among a source's `feeds`."""


@dataclass(frozen=True, kw_only=True)
class Nastooh(Site):
    """A site of this CMS; selectors are tried in order."""

    feed: str = "rss"
    feeds: tuple[str, ...] = ()
    """More to watch beside it: a topic, LATEST, or any other path: `rss?kw=دولت+الکترونیک`, `rss?pl=224`."""
    tp: Mapping[str, int] = field(default_factory=dict, hash=False)
    """The numbers of topics that we have names for."""
    topic: str = ""
    """The one topic, by name or number, that is watched and archived; all of them when empty."""
    ways: tuple[str, ...] = ("day",)
    """How the archive is read: by `day` (listings: titles, leads, times), by `sitemap` (addresses, whole days), or both."""
    pages: str = "archive?pi=1&tp={topic}&ty=&ms=0&dy={day}&mn={month}&yr={year}"
    leaf: str = "sitemap/{year}/{month:02}/{day:02}/sitemap.xml"

    root: ClassVar[tuple[str, ...]] = ("article#item", "main article")
    gallery: ClassVar[tuple[str, ...]] = ("#photo", "#photos")
    """Roots of a gallery's page, looked for only where the address is an article's: a home page has such boxes too."""
    title: ClassVar[tuple[str, ...]] = (".item-title h1.title", ".item-title h1", "h1[itemprop=headline]")
    kicker: ClassVar[tuple[str, ...]] = (".item-title .kicker", ".item-title .rutitr", ".item-title .uptitle")
    lead: ClassVar[tuple[str, ...]] = (".item-summary .introtext", ".introtext", "p.summary")
    body: ClassVar[tuple[str, ...]] = (".item-text[itemprop=articleBody]", ".item-text")
    media: ClassVar[str] = ".gallery, .photoGall, [class^=itemPlayer], video, audio"
    """Where one of these is, there may be no body."""
    printed: ClassVar[tuple[str, ...]] = (".item-date span", ".item-date", ".item-time", ".print-header li.date")
    topics: ClassVar[str] = ".item-nav .breadcrumb a"
    tags: ClassVar[str] = ".tags li a"
    drop: ClassVar[tuple[str, ...]] = (
        "[class^=itemPlayer]", ".video-download", ".gallery", ".photoGall", "section.box", ".related-items", ".item-boxes2",
        ".item-code", ".print-header",
    )  # fmt: skip
    item: ClassVar[str] = "li:has(> .desc h3 a)"
    """Every type of news: `li.news` would pass over interviews, reports and notes."""
    item_lists: ClassVar[tuple[str, ...]] = ("section.box:has(ul.pagination)", ".main-content", "main", "body")
    """The list that is paged, and not the boxes beside it, which have the same items."""
    aside: ClassVar[str] = "aside, .col-lg-3, .related-items, .item-boxes2, nav, #news-comment"
    listing_signs: ClassVar[str] = '.pt-archive, meta[property="nastooh:pageType"][content=archive], ul.pagination'
    """What a listing without items still has."""

    def __post_init__(self) -> None:
        """Raises InputError for a way that there is not."""
        if unknown := [way for way in self.ways if way not in {"day", "sitemap"}]:
            raise InputError(f"{self.key}: no way {unknown[0]!r} through an archive; there are day and sitemap")

    # ── where it lists ────────────────────────────────────────────────────────────────────────────────────────────────

    def watch(self) -> tuple[Listing, ...]:
        first_feed = self._feed(self.topic) if self.topic else self.feed
        paths = dict.fromkeys((first_feed, *map(self._feed, self.feeds)))
        return tuple(self.listing(path, "sitemap" if path.startswith("sitemap/") else "feed") for path in paths)

    def older(self) -> Listing | None:
        return self.listing(self._archive_path(), "page")

    def archive(self, since: date, until: date) -> tuple[Listing, ...]:
        return tuple(self._of_day(way, day) for day in days(since, until) for way in self.ways)

    def _of_day(self, way: str, day: date) -> Listing:
        year, month, number = jalali_of(day)
        if way == "sitemap":
            return self.listing(self.leaf.format(day=number, month=month, year=year), way, day)
        return self.listing(self._archive_path(day=number, month=month, year=year), "day", day)

    def _archive_path(self, **day: int) -> str:
        topic = self._tp(self.topic) if self.topic else ""
        return self.pages.format(**({"day": "", "month": "", "year": ""} | day), topic=topic)

    def _feed(self, named: str) -> str:
        return named if named.startswith(("rss", "sitemap/")) else f"rss/tp/{self._tp(named)}"

    def _tp(self, topic: str) -> int:
        """The number of a topic. Raises InputError with the nearest name we know."""
        if topic.isdecimal():
            return int(topic)
        if (number := self.tp.get(topic)) is None:
            near = difflib.get_close_matches(topic, self.tp, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else "give its number, the `tp` of its archive's address"
            raise InputError(f"{self.key}: no topic {topic!r} ({hint})")
        return number

    # ── listings ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def links(self, page: Page, listing: Listing) -> Listed:
        if listing.way == "feed":
            return read_feed(page, self.key, article_id)
        if listing.way == "sitemap":
            listed_there = read_sitemap(page, self.key, article_id, day_of=_day_of)
            return replace(listed_there, links=tuple(link for link in listed_there.links if link.id is not None))
        tree = parse(page)
        items = self._items(tree)
        if not items and first(tree, self.listing_signs) is None:
            raise LayoutChanged(page.url, self.item, 0)
        found = [self._link(item, page.url) for item in items]
        return listed(page, found, self.item, _next(tree, page.url))

    def _items(self, tree: LexborHTMLParser) -> list[LexborNode]:
        beside = inside(tree, self.aside, self.item)
        for place in self.item_lists:
            items = [node for node in tree.css(f"{place} {self.item}") if node.mem_id not in beside]
            if items or (place == self.item_lists[0] and first(tree, place) is not None):
                return items  # a paged list without items is an empty page, whatever the boxes beside it hold
        return []

    def _link(self, item: LexborNode, base: str) -> Link | None:
        heading = need(item, base, ".desc h3 a")
        if (url := absolute(base, attribute(heading, "href"))) is None:
            return None
        time = first(item, ".desc time", "time")
        return Link(
            source=self.key,
            url=url,
            id=article_id(url),
            title=words(heading),
            kicker=first_words(item, ".desc h4 a", ".desc h4"),
            lead=first_words(item, ".desc p"),
            published=listed_date(words(time), attribute(time, "title")),
        )

    # ── articles ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def article(self, page: Page, link: Link | None = None) -> Article:
        tree = parse_whole(page)
        address = self._address(page, link, tree)
        number = article_id(address or "") or (link.id if link else None)
        root = only(tree, page.url, *self.root, *(self.gallery if number else ()))
        title = first_words(root, *self.title) or line(meta(tree, "og:title"))
        if not title:
            raise LayoutChanged(page.url, ", ".join(self.title), 0)
        lead = first_words(root, *self.lead)
        body = first(root, *self.body)
        if body is None and first(root, self.media) is None:
            raise LayoutChanged(page.url, ", ".join(self.body), 0)
        text, codes = split_codes(() if body is None else body_paragraphs(body, drop=self.drop))
        topics = section(" > ".join(all_words(root, self.topics)) or meta(tree, "article:section"))
        place = topics or (link.section if link else None)
        data = json_ld_objects(tree)
        dates = when(
            machine=(said(data, "datePublished"), meta(tree, "article:published_time")),
            printed=first_words(root, *self.printed),
            listed=link.published if link else None,
            seen=page.fetched,
        )
        return Article(
            source=self.key,
            id=number,
            url=address,
            kicker=first_words(root, *self.kicker),
            title=title,
            lead=lead,
            text=text,
            published=dates.published,
            published_text=dates.published_text,
            has_time=dates.has_time,
            section=place,
            province=provinces.resolve(section=place, lead=lead or text, own=self.province),
            tags=all_words(root, self.tags) or _listed_tags(meta(tree, "article:tag")),
            codes=codes,
            fetched=page.fetched,
            modified=machine_date(
                said(data, "dateModified") or meta(tree, "article:modified_time", "article:modified")
            ),
            rights=self.rights,
        )

    def _address(self, page: Page, link: Link | None, tree: LexborHTMLParser) -> str | None:
        """As listed, else as asked for; a saved page's own word only where neither is known."""
        if link is not None:
            return link.url
        return page.url if host_of(page.url) is not None else absolute(self.home, meta(tree, "og:url"))


def article_id(url: str) -> str | None:
    """`83714160` of `https://www.irna.ir/news/83714160/…`, or None."""
    found = _ID.search(url)
    return str(found[1]) if found else None


def _day_of(url: str) -> date | None:
    """The day of a daily sitemap: 2018-10-09 of `/sitemap/1397/07/17/sitemap.xml`."""
    found = _DAY.search(url)
    try:
        return parse_day("-".join(found.groups())) if found else None
    except DateError:
        return None


def split_codes(body: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Paragraphs → the text, and the staff codes that stood at its end (`3210/7273`, `1055**1601`), glued or alone."""
    text = "\n".join(body)
    codes: list[str] = []
    while found := _CODE.search(text, max(0, len(text) - _CODE_ROOM)):
        codes.insert(0, found[1])
        text = text[: found.start()].rstrip()
    return text, tuple(codes)


def _listed_tags(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tag for part in re.split("[,،]", text) if (tag := line(part))))


def _next(tree: LexborHTMLParser, base: str) -> str | None:
    for link in tree.css("ul.pagination li:not(.disabled) a[href]"):
        if words(link) == _NEXT:
            return absolute(base, attribute(link, "href"))
    return None
