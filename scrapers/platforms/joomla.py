"""Joomla 1.5 to 6, with its own templates or under a Warp 6 or 7 theme: portals of governorates.

    /index.php/fa/news                            a blog or table of a category, newest first, `?start=N` pages
    /index.php/fa/news?format=feed&type=rss       its newest 10, the introduction as text
    /index.php/fa/news/4821-slug                  an article; the number may be absent, or in `?id=4821:slug`

Beyond the end of a category its last page comes again: a walk ends when no new link appears. Every part of
`dl.article-info` is optional, so an article may have no date at all, and Warp's template then prints «on .».
There is no lead of its own: the first of several paragraphs is taken for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from didban import provinces
from didban.article import Article, Link, Listed, Listing, Page
from didban.errors import LayoutChanged, Unreadable
from didban.urls import absolute, host_of
from scrapers.base import Site, days, listed, next_page
from scrapers.feed import section
from scrapers.html import (
    all_words,
    attribute,
    body_paragraphs,
    first,
    first_words,
    inside,
    json_ld,
    meta,
    need,
    only,
    parse,
    parse_whole,
    words,
)
from scrapers.platforms.portal import Portal
from scrapers.when import When, listed_date, machine_date, when

_ID = re.compile(r"/(\d+)[-:][^/]*$")
_LABEL = re.compile(r"^.*(?<!\w)(?:در|از|on):?\s+", re.DOTALL)
_TAIL = re.compile(r"\s*\.?\s*(?:(?:Posted in|ارسال شده در).*)?$", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where one generation of templates puts an article. Without `body` the text is `root` itself, less `drop`."""

    root: str
    title: tuple[str, ...]
    body: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


LAYOUTS = (
    Layout(  # Warp 7
        root="article.uk-article",
        title=("h1.uk-article-title",),
        drop=("h1.uk-article-title", ".uk-article-meta", ".uk-pagination"),
    ),
    Layout(root="article.item", title=("header h1.title", "h1.title"), body=("div.content",)),  # Warp 6
    Layout(  # Joomla 4 to 6; the title is an h2 where the menu item prints a heading of its own
        root=".com-content-article",
        title=(".page-header h2", ".page-header h1"),
        body=(".com-content-article__body", "[itemprop=articleBody]"),
    ),
    Layout(  # Joomla 3; an h1 is the page's heading, not the title
        root=".item-page:has([itemprop=articleBody])",
        title=(".page-header h2", "h2"),
        body=("[itemprop=articleBody]",),
    ),
    Layout(  # Joomla 1.6 to 2.5
        root=".item-page",
        title=("h2",),
        drop=(".page-header", ".item-page > h1", ".item-page > h2:first-of-type"),
    ),
    Layout(  # Joomla 1.5: a table for the title, a table for the text, side by side
        root=":has(> .contentpaneopen .contentheading)",
        title=(".contentheading",),
        drop=(
            ".contentpaneopen:has(.contentheading)", ".componentheading", ".article_separator", ".createdate", ".modifydate",
            ".small", ".contenttoc", ".pagenavcounter", ".pagenavbar",
        ),
    ),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Joomla(Portal):
    """A site of this CMS; `news` is the path of the category that holds its news, and empty where the home page lists it."""

    news: str = ""

    selectors: ClassVar[Mapping[str, str]] = MappingProxyType(
        {**Site.selectors, "root": "layouts", "title": "layouts", "body": "layouts", "item": "items"}
    )
    layouts: ClassVar[tuple[Layout, ...]] = LAYOUTS
    drop: ClassVar[tuple[str, ...]] = (
        ".article-info", "ul.actions", ".icons", ".tags", ".pager", ".pagenav", ".pagination", ".readmore",
        ".content_rating", ".item-image", "ul.social",
    )  # fmt: skip
    printed: ClassVar[tuple[str, ...]] = (".published", ".create", "p.meta", ".uk-article-meta", ".createdate")
    modified: ClassVar[str] = ".modified, .modifydate"
    topics: ClassVar[str] = ".category-name a, p.meta a[href*=categor], .uk-article-meta a[href*=categor]"
    tags: ClassVar[str] = ".tags a"
    list_of_items: ClassVar[str] = (
        ".blog, .items, .blog-featured, .category-list, .com-content-category, table.contenttoc, table.category, "
        ".tm-leading-article, main > .uk-list, .tm-content > .uk-list"
    )
    items: ClassVar[str] = (
        ".items-leading > div, .items-row .item, .blog-item, #system article.item, article.uk-article, "
        "table.category tr:has(.list-title), .items-more li, "
        "main .uk-list > li:has(a), .tm-content .uk-list > li:has(a), "  # Warp 7
        "table.blog :has(> .contentpaneopen .contentheading), td.contentpane tr[class^=sectiontableentry]"  # Joomla 1.5
    )
    no_items: ClassVar[str] = "article, aside, nav, footer"
    """Where a `.uk-list` is a list of something else."""
    headings: ClassVar[tuple[str, ...]] = ("h1", "h2", "h3", ".list-title", "a")
    heading_links: ClassVar[tuple[str, ...]] = (
        "h1 a",
        "h2 a",
        "h3 a",
        ".list-title a",
        ".readmore a",
        ".contentheading a",
    )

    @classmethod
    def _styles(cls, own: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """A site's own title and body go before those of every generation; with its own root they are a generation."""
        root, title, body = (tuple(own.get(name, ())) for name in ("root", "title", "body"))
        layouts = tuple(
            replace(known, title=(*title, *known.title), body=(*body, *known.body) if known.body else ())
            for known in cls.layouts
        )
        if root:
            layouts = (Layout(root=", ".join(root), title=title or ("h1", "h2"), body=body), *cls.layouts)
        others = {name: given for name, given in own.items() if cls.selectors[name] != "layouts"}
        return {**super()._styles(others), "layouts": layouts}

    # ── where it lists ────────────────────────────────────────────────────────────────────────────────────────────────

    def watch(self) -> tuple[Listing, ...]:
        """Both: whether a portal has its feed switched on is not known before it is asked."""
        return self.listing(f"{self.news}?format=feed&type=rss", "feed"), self._pages()

    def older(self) -> Listing | None:
        return self._pages()

    def archive(self, since: date, until: date) -> tuple[Listing, ...]:
        days(since, until)
        return (self._pages(),)

    def _pages(self) -> Listing:
        return self.listing(self.news, "page")

    # ── listings ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def number(self, url: str) -> str | None:
        return article_id(url)

    def read_links(self, page: Page) -> Listed:
        tree = parse(page)
        elsewhere = inside(tree, self.no_items, ".uk-list > li")
        items = [node for node in tree.css(self.items) if node.mem_id not in elsewhere]
        if not items and first(tree, self.list_of_items) is None:
            raise LayoutChanged(page.url, self.items, 0)
        found = [self._link(item, page.url) for item in items]
        return listed(page, found, self.items, next_page(tree, page.url))

    def _link(self, item: LexborNode, base: str) -> Link | None:
        selectors = (*self.heading_links, "a") if item.tag == "li" else self.heading_links
        url = absolute(base, attribute(first(item, *selectors), "href"))
        if url is None:
            return None
        return Link(
            source=self.key,
            url=url,
            id=article_id(url),
            title=first_words(item, *self.headings),
            lead=first_words(item, "p:not(.readmore, .meta, .uk-article-meta)"),
            published=self._when(item).published,
            section=first_words(item, self.topics) or None,
        )

    # ── articles ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def read_article(self, page: Page, link: Link | None) -> Article:
        tree = parse_whole(page)
        layout, root = self._root(tree, page.url)
        title = first_words(root, *layout.title)
        if not title:
            raise LayoutChanged(page.url, ", ".join(layout.title), 0)
        place = need(root, page.url, *layout.body) if layout.body else root
        body = body_paragraphs(place, drop=(*self.drop, *layout.drop))
        if not body:
            raise Unreadable(page.url, f"{', '.join(layout.body) or layout.root} has no text in it")
        lead, *rest = body if len(body) > 1 else ("", *body)
        dates = self._when(root, tree, link, seen=page.fetched)
        topics = section(" > ".join(all_words(root, self.topics))) or (link.section if link else None)
        address = link.url if link else page.url if host_of(page.url) is not None else None
        return Article(
            source=self.key,
            id=article_id(address or "") or (link.id if link else None),
            url=address,
            title=title,
            lead=lead,
            text="\n".join(rest),
            published=dates.published,
            published_text=dates.published_text,
            has_time=dates.has_time,
            section=topics,
            province=provinces.resolve(section=topics, lead=lead or rest[0], own=self.province),
            tags=all_words(root, self.tags),
            fetched=page.fetched,
            modified=self._modified(root),
            rights=self.rights,
        )

    def _root(self, tree: LexborHTMLParser, url: str) -> tuple[Layout, LexborNode]:
        """The article's node. One of many, or one inside a list, is a listing. Raises LayoutChanged."""
        layout = next((known for known in self.layouts if tree.css_matches(known.root)), None)
        if layout is None:
            raise LayoutChanged(url, ", ".join(known.root for known in self.layouts), 0)
        root = only(tree, url, layout.root)
        if root.mem_id in inside(tree, self.list_of_items, layout.root):
            raise LayoutChanged(url, f"{layout.root} outside of {self.list_of_items}", 0)
        return layout, root

    def _when(
        self,
        root: LexborNode,
        tree: LexborHTMLParser | None = None,
        link: Link | None = None,
        *,
        seen: datetime | None = None,
    ) -> When:
        time, text = self._date_of(root, *self.printed)
        return when(
            machine=(
                json_ld(tree, "datePublished") if tree else "",
                meta(tree, "article:published_time") if tree else "",
                attribute(time, "datetime"),
            ),
            printed=text,
            listed=link.published if link else None,
            seen=seen,
        )

    def _modified(self, root: LexborNode) -> datetime | None:
        time, text = self._date_of(root, self.modified)
        return machine_date(attribute(time, "datetime")) or listed_date(text)

    def _date_of(self, root: LexborNode, *selectors: str) -> tuple[LexborNode | None, str]:
        """The `<time>` of the first place that prints a date, and the date without its label; «on .» prints none."""
        for selector in selectors:
            for place in root.css(selector):
                time = place if place.tag == "time" else first(place, "time")
                text = bare_date(words(time)) or bare_date(words(place))
                if text or attribute(time, "datetime"):
                    return time, text
        return None, ""


def article_id(url: str) -> str | None:
    """`4821` of `/news/4821-slug` or `?view=article&id=4821:slug`, or None."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    asked = parse_qs(parts.query)
    if asked.get("view") == ["article"] and (number := re.match(r"\d+", asked.get("id", [""])[0])):
        return str(number[0])
    found = _ID.search(parts.path)
    return str(found[1]) if found else None


def bare_date(text: str) -> str:
    """«منتشر شده در 12 آذر 1398» and «on 12 آذر 1398. Posted in …» → `12 آذر 1398`; «on .» → `""`."""
    bare = _LABEL.sub("", _TAIL.sub("", text[:300])).strip()
    return bare if any(map(str.isdecimal, bare)) else ""
