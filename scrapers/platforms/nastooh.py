"""Nastooh Saba Newsroom, the CMS of IRNA, Mehr and some fifty more agencies and papers.

    /rss                                              the newest ~30, without text
    /archive?pi=1&tp=&ty=&ms=0&dy=17&mn=7&yr=1397     one Jalali day, ~30 a page, every type of news
    /news/<id>/<slug>                                 an article; some sites refuse the address without its slug

A second site with the same markup overrides selectors first, methods second. `meta[name=date]` is the time the page was
rendered and is never read. A page that is no article (a listing, an error) has no `article#item`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from selectolax.lexbor import LexborHTMLParser, LexborNode

from didban import provinces
from didban.article import Article, Link, Listed, Listing, Page
from didban.dates import jalali_of
from didban.errors import LayoutChanged
from didban.urls import absolute, host_of
from scrapers.base import Site, days, listed
from scrapers.feed import read_feed, section
from scrapers.html import (
    all_words,
    attribute,
    first,
    first_words,
    inside,
    json_ld,
    line,
    meta,
    need,
    only,
    paragraphs,
    parse,
    parse_whole,
    words,
)
from scrapers.when import listed_date, machine_date, when

_ID = re.compile(r"/news/(\d+)(?=[/?#]|$)", re.IGNORECASE)
_CODE = re.compile(r"(?<!\d)(\d{4}(?:/|\*\*)\d{4})\s*$")
_NEXT = "بعدی"


@dataclass(frozen=True, kw_only=True)
class Nastooh(Site):
    """A site of this CMS; selectors are tried in order."""

    feed: str = "rss"
    pages: str = "archive?pi=1&tp=&ty=&ms=0&dy={day}&mn={month}&yr={year}"

    root: ClassVar[tuple[str, ...]] = ("article#item", "main article")
    title: ClassVar[tuple[str, ...]] = (".item-title h1.title", ".item-title h1", "h1[itemprop=headline]")
    kicker: ClassVar[tuple[str, ...]] = (".item-title .kicker", ".item-title .rutitr", ".item-title .uptitle")
    lead: ClassVar[tuple[str, ...]] = (".item-summary .introtext", ".introtext", "p.summary")
    body: ClassVar[tuple[str, ...]] = (".item-text[itemprop=articleBody]", ".item-text")
    printed: ClassVar[tuple[str, ...]] = (".item-date span", ".item-date", ".print-header li.date")
    topics: ClassVar[str] = ".item-nav .breadcrumb a"
    tags: ClassVar[str] = ".tags li a"
    drop: ClassVar[tuple[str, ...]] = (
        "[class^=itemPlayer]", ".video-download", ".related-items", ".item-boxes2", ".item-code", ".print-header",
    )  # fmt: skip
    item: ClassVar[str] = "li:has(> .desc h3 a)"
    """Every type of news: `li.news` would pass over interviews, reports and notes."""
    item_lists: ClassVar[tuple[str, ...]] = ("section.box:has(ul.pagination)", ".main-content", "main", "body")
    """The list that is paged, and not the boxes beside it, which have the same items."""
    aside: ClassVar[str] = "aside, .col-lg-3, .related-items, .item-boxes2, nav, #news-comment"
    listing_signs: ClassVar[str] = '.pt-archive, meta[property="nastooh:pageType"][content=archive], ul.pagination'
    """What a listing without items still has."""

    # ── where it lists ────────────────────────────────────────────────────────────────────────────────────────────────

    def watch(self) -> tuple[Listing, ...]:
        return (self.listing(self.feed, "feed"),)

    def older(self) -> Listing | None:
        return self.listing(self.pages.format(day="", month="", year=""), "page")

    def archive(self, since: date, until: date) -> tuple[Listing, ...]:
        return tuple(self._day(day) for day in days(since, until))

    def _day(self, day: date) -> Listing:
        year, month, number = jalali_of(day)
        return self.listing(self.pages.format(day=number, month=month, year=year), "day", day)

    # ── listings ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def links(self, page: Page, listing: Listing) -> Listed:
        if listing.way == "feed":
            return read_feed(page, self.key, article_id)
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
        root = only(tree, page.url, *self.root)
        title = first_words(root, *self.title) or line(meta(tree, "og:title"))
        if not title:
            raise LayoutChanged(page.url, ", ".join(self.title), 0)
        lead = first_words(root, *self.lead)
        text, codes = split_codes(paragraphs(need(root, page.url, *self.body).html or "", drop=self.drop))
        topics = section(" > ".join(all_words(root, self.topics)) or meta(tree, "article:section"))
        place = topics or (link.section if link else None)
        address = self._address(page, link, tree)
        dates = when(
            machine=(json_ld(tree, "datePublished"), meta(tree, "article:published_time")),
            printed=first_words(root, *self.printed),
            listed=link.published if link else None,
        )
        return Article(
            source=self.key,
            id=article_id(address or "") or (link.id if link else None),
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
                json_ld(tree, "dateModified") or meta(tree, "article:modified_time", "article:modified")
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


def split_codes(body: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Paragraphs → the text, and the staff codes that stood at its end (`3210/7273`, `1055**1601`), glued or alone."""
    text = "\n".join(body)
    codes: list[str] = []
    while found := _CODE.search(text):
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
