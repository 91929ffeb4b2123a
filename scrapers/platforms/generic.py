"""Any site: read by what most sites say of themselves, and by the selectors of those whose pages are on record.

    listing   the feed where one is named, else a page: its links of the shape that repeats most, with the longest titles
    article   JSON-LD, OpenGraph, microdata, `<time>`, Dublin Core, a Jalali date beside the title; the text by trafilatura

An article must say that it is one, by a type, a body of its own, or a date beside its title: a list, a form, an error page
becomes none. Its lead is what is marked so, or what stands on the page word for word as its description; without one the
first of several paragraphs is taken for it, as in a portal under Joomla.

trafilatura is imported when the first text is cut, for it takes half a second. Its tree is read, never its `text`: that one
drops every zero-width non-joiner.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from statistics import median
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from didban import provinces
from didban.article import Article, Link, Listed, Listing, Page
from didban.dates import parse_printed, tehran_day
from didban.errors import DateError, LayoutChanged, Unreadable
from didban.urls import absolute, canonical, host_of
from scrapers.base import days, listed, next_page
from scrapers.feed import section
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
    paragraphs,
    parse,
    parse_whole,
    said,
    words,
)
from scrapers.platforms.portal import Portal
from scrapers.when import listed_date, machine_date, when

logging.getLogger("trafilatura").addHandler(logging.NullHandler())  # a page it cannot read is ours to tell of

_FEW = 3
"""So many links of one shape make a list."""
_HEADLINE = 20
"""Letters: the shortest title that half of a list's may have. Menus are shorter."""
_ARTICLE_TYPE = re.compile(r"Article$|BlogPosting$|^article$|^Report$")
_NEAR = 12
"""A title and its text stand in one node at most so many levels above the title."""
_SHORT = 80
_DATED = re.compile(r"تاریخ|زمان|انتشار|منتشر|درج")
_LABEL = re.compile(rf"[^\d:]{{0,20}}(?:{_DATED.pattern})[^\d:]{{0,30}}:\s*")
_OTHER_LABEL = re.compile(r"روز\s*رسانی|ویرایش|بازدید|امروز")
_HOME = frozenset({"خانه", "صفحه اصلی", "صفحه نخست", "صفحهٔ اصلی", "صفحهٔ نخست", "Home"})
_TAGS = {"item": "li", "list": "ul", "head": "h3", "quote": "blockquote", "row": "tr", "cell": "td", "lb": "br"}
"""trafilatura's names of blocks → those of HTML."""


@dataclass(frozen=True, kw_only=True)
class Generic(Portal):
    """A site of no known engine.

    `feed` and `sitemap` are paths, `news` is that of the page that lists its news (the home page where it is empty).
    `identifier` is a regular expression: its first group is an article's number in an address. Without it the address is
    what identifies an article, for a number in an unknown address may as well be a year.
    """

    feed: str = ""
    sitemap: str = ""
    news: str = ""
    identifier: str = ""

    sure: ClassVar[bool] = False
    root: ClassVar[tuple[str, ...]] = ()
    kicker: ClassVar[tuple[str, ...]] = ()
    title: ClassVar[tuple[str, ...]] = ("[itemprop=headline]",)
    lead: ClassVar[tuple[str, ...]] = ("[itemprop=description]:not(meta)", "p.lead", ".lead p", ".lead")
    body: ClassVar[tuple[str, ...]] = ("[itemprop=articleBody]",)
    printed: ClassVar[tuple[str, ...]] = ()
    topics: ClassVar[str] = "[itemprop=articleSection]"
    tags: ClassVar[str] = "a[rel~=tag]:not([rel~=category])"
    drop: ClassVar[tuple[str, ...]] = (
        "[class*=share]",
        "[class*=related]",
        "[class*=comment]",
        "nav",
        "aside",
        "footer",
    )
    item: ClassVar[str] = ""
    """A list's items; without it the list is found by repetition."""
    heading_links: ClassVar[tuple[str, ...]] = ("h1 a", "h2 a", "h3 a", "h4 a", "a[title]", "a")
    aside: ClassVar[str] = (
        "nav, aside, footer, header nav, [class*=menu], [class*=breadcrumb], [class*=pagination], form"
    )

    @classmethod
    def _styles(cls, own: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """A root of the site's own must be there: its absence is the first that is seen of a new layout."""
        return {**super()._styles(own), **({"root": tuple(own["root"])} if "root" in own else {}), "sure": True}

    # ── where it lists ────────────────────────────────────────────────────────────────────────────────────────────────

    def watch(self) -> tuple[Listing, ...]:
        """Feed and sitemap; the page only where neither is named, for it would repeat them."""
        ways = (("feed", self.feed), ("sitemap", self.sitemap))
        return tuple(self.listing(path, way) for way, path in ways if path) or self._pages()

    def older(self) -> Listing | None:
        return next(iter(self._pages()), None)

    def archive(self, since: date, until: date) -> tuple[Listing, ...]:
        days(since, until)
        return (self.listing(self.sitemap, "sitemap"),) if self.sitemap else self._pages()

    def _pages(self) -> tuple[Listing, ...]:
        return (self.listing(self.news, "page"),) if self.home else ()

    def number(self, url: str) -> str | None:
        found = re.search(self.identifier, url, re.IGNORECASE) if self.identifier else None
        return found[1] if found else None

    # ── listings ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def read_links(self, page: Page) -> Listed:
        tree = parse(page)
        if self.item:
            items = tree.css(self.item)
            if not items:
                raise LayoutChanged(page.url, self.item, 0)
            return listed(page, [self._link(item, page.url) for item in items], self.item, next_page(tree, page.url))
        found = self._repeated(tree, page.url)
        if not found:
            raise LayoutChanged(page.url, "links of one shape with titles", 0)
        return listed(page, found, "a", next_page(tree, page.url))

    def _link(self, item: LexborNode, base: str, heading: LexborNode | None = None, title: str = "") -> Link | None:
        heading = heading or first(item, *self.heading_links)
        if (url := absolute(base, attribute(heading, "href"))) is None:
            return None
        return Link(
            source=self.key,
            url=url,
            id=self.number(url),
            title=title or first_words(item, *self.heading_links),
            lead=first_words(item, "p"),
            published=listed_date(*_dates(item)),
        )

    def _repeated(self, tree: LexborHTMLParser, base: str) -> list[Link | None]:
        """The links of the group of one shape whose titles say most; none where no group has a list's size and titles."""
        beside = inside(tree, self.aside, "a[href]")
        groups: dict[str, dict[str, list[LexborNode]]] = defaultdict(lambda: defaultdict(list))
        for anchor in tree.css("a[href]"):
            url = absolute(base, attribute(anchor, "href"))
            if anchor.mem_id not in beside and url is not None and self._is_own(url) and (shape := shape_of(url)):
                groups[shape][canonical(url) or url].append(anchor)
        best: dict[str, tuple[LexborNode, str]] = {}
        for group in groups.values():
            titled = {key: _titled(anchors) for key, anchors in group.items()}
            titled = {key: found for key, found in titled.items() if found[1]}
            if len(titled) < _FEW or median(len(title) for _, title in titled.values()) < _HEADLINE:
                continue
            best = max(best, titled, key=lambda one: sum(min(len(title), 100) for _, title in one.values()))
        around = _items([anchor for anchor, _ in best.values()])
        return [
            self._link(item, base, anchor, title) for item, (anchor, title) in zip(around, best.values(), strict=True)
        ]

    def _is_own(self, url: str) -> bool:
        host = host_of(url) or ""
        return any(host == own or host.endswith(f".{own}") for own in self.hosts)

    # ── articles ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def read_article(self, page: Page, link: Link | None) -> Article:
        tree = parse_whole(page)
        root = need(tree, page.url, *self.root, *(() if self.sure and self.root else ("body",)))
        data = json_ld_objects(tree)
        title = (
            first_words(root, *self.title) or said(data, "headline") or _heading(tree) or line(meta(tree, "og:title"))
        )
        if not title:
            raise LayoutChanged(page.url, ", ".join((*self.title, "h1")), 0)
        lead = first_words(root, *self.lead) or _described(tree)
        place = first(root, *self.body)
        own = body_paragraphs(place, drop=self.drop) if place is not None else ()
        body = own or self._main_text(tree, page.url)
        shown = _LABEL.sub("", first_words(root, *self.printed)) or _beside(tree, title, body)
        machine = _machine_dates(tree, root, data)
        if not (own or shown or any(machine) or _says_article(tree, data)):
            raise LayoutChanged(page.url, "an article's type, body or date", 0)
        body = tuple(part for part in body if part not in {title, shown})
        if not body:
            raise Unreadable(page.url, "no text can be told from the rest of the page")
        if lead:
            rest = body[1:] if body[0] == lead else body
        else:
            lead, *rest = body if len(body) > 1 else ("", *body)
        dates = when(machine=machine, printed=shown, listed=link.published if link else None, seen=page.fetched)
        crumbs = all_words(root, self.topics) or all_words(tree, self.topics)
        topics = section(" > ".join(crumb for crumb in crumbs if crumb not in _HOME) or meta(tree, "article:section"))
        topics = topics or (link.section if link else None)
        address = link.url if link else page.url if host_of(page.url) is not None else None
        return Article(
            source=self.key,
            id=self.number(address or "") or (link.id if link else None),
            url=address,
            kicker=first_words(root, *self.kicker),
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
            modified=machine_date(said(data, "dateModified") or meta(tree, "article:modified_time")),
            rights=self.rights,
        )

    def _main_text(self, tree: LexborHTMLParser, url: str) -> tuple[str, ...]:
        """The page's text less everything around it, as trafilatura cuts it."""
        from lxml import etree  # noqa: PLC0415  # ty: ignore[missing-module-member] - a C module without stubs
        from trafilatura import bare_extraction  # noqa: PLC0415 - half a second, and most runs never need it

        document = bare_extraction(tree.html or "", url=url, include_comments=False)
        if document is None or isinstance(document, dict) or document.body is None:
            return ()
        for node in document.body.iter(*_TAGS):
            node.tag = _TAGS[node.tag]
        return paragraphs(etree.tostring(document.body, encoding="unicode"), drop=self.drop)


def shape_of(url: str) -> str | None:
    """What addresses of one kind share: `host/news/#/*`, `host/show?id=#`; None for one without a number or a slug.

    A number is `#`, a name with digits or of several words `*`; a parameter counts by its name.
    """
    parts = urlsplit(url)
    steps = [_step(unquote(step)) for step in parts.path.split("/") if step]
    if "#" in steps[:-1]:
        steps[-1] = "*"  # after a number comes a slug, of one word too
    asked = sorted((name.lower(), "#" if value.isdecimal() else "*") for name, value in parse_qsl(parts.query))
    if not any(step in {"#", "*"} for step in steps) and not any(value == "#" for _, value in asked):
        return None
    query = "&".join(f"{name}={value}" for name, value in asked)
    return "/".join((parts.netloc, *steps)) + (f"?{query}" if query else "")


def _step(text: str) -> str:
    if text.isdecimal():
        return "#"
    named = re.search(r"\d", text) or len(re.split(r"[-_\s+.]", text)) > 2
    return "*" if named and not re.fullmatch(r"\w+\.\w{2,5}", text) else text.lower()


def _titled(anchors: list[LexborNode]) -> tuple[LexborNode, str]:
    """Of one article's links (picture, title, «more») the one with the longest words."""
    named = [(anchor, max(words(anchor), line(attribute(anchor, "title")), key=len)) for anchor in anchors]
    return max(named, key=lambda one: len(one[1]))


def _items(anchors: list[LexborNode]) -> list[LexborNode]:
    """Around each link the largest node that holds no other one of them: its item in the list."""
    above = [list(_ancestors(anchor)) for anchor in anchors]
    shared: dict[int, int] = defaultdict(int)
    for nodes in above:
        for node in nodes:
            shared[node.mem_id] += 1
    return [[node for node in nodes if shared[node.mem_id] == 1][-1] for nodes in above]


def _ancestors(node: LexborNode) -> Iterator[LexborNode]:
    """The node itself, then each around it."""
    while node.parent is not None:
        yield node
        node = node.parent


def _dates(item: LexborNode) -> Iterator[str]:
    """What may be a date in a list's item: a `<time>`, its title, short texts."""
    for time in item.css("time"):
        yield words(time)
        yield attribute(time, "title")
    yield from (text for _, text in _short_texts(item))


def _short_texts(place: LexborNode) -> Iterator[tuple[LexborNode, str]]:
    """The nodes whose own words are few, with them. (Their whole text, at every depth, would cost a hostile page its square.)"""
    for node in place.css("time, span, small, div, p, li, td, i, em, b, strong, label, dd"):
        if 6 <= len(text := line(node.text(deep=False))) <= _SHORT:
            yield node, text


def _before(node: LexborNode, parents: dict[int, str]) -> str:
    """What may label a node's text: its parent's own words, and those of the element before it.

    `parents` keeps the parents' by `mem_id`: asked for by each of their children, they would cost a hostile page its square.
    """
    before = node.prev
    while before is not None and before.tag == "-text":
        before = before.prev
    parent = node.parent
    if parent is not None and parent.mem_id not in parents:
        parents[parent.mem_id] = parent.text(deep=False)
    around = [parents[parent.mem_id]] if parent is not None else []
    around += [before.text(deep=False)] if before is not None else []
    return " ".join(line(text) for text in around if len(text) <= _SHORT)


def _described(tree: LexborHTMLParser) -> str:
    """The page's description, where it stands on the page itself as a block of its own: then it is the lead."""
    described = line(meta(tree, "og:description", "description"))
    blocks = tree.css("p, h2, h3, h4, strong, div:not(:has(*))") if described else []
    return described if any(words(block) == described for block in blocks) else ""


def _heading(tree: LexborHTMLParser) -> str:
    """The page's one heading of the first rank, or, where it has none, of the second."""
    for rank in ("h1", "h2"):
        if found := tree.css(rank):
            return words(found[0]) if len(found) == 1 else ""
    return ""


def _machine_dates(tree: LexborHTMLParser, root: LexborNode, data: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    marked = first(root, "[itemprop=datePublished]")
    time = root.css("time[datetime]")
    return (
        said(data, "datePublished"),
        meta(tree, "article:published_time"),
        attribute(marked, "datetime") or attribute(marked, "content"),
        attribute(time[0], "datetime") if len(time) == 1 else "",  # of several, who knows whose they are
        meta(tree, "dcterms.created", "DC.Date.Created", "dcterms.date", "DC.date.issued"),
    )


def _says_article(tree: LexborHTMLParser, data: Sequence[Mapping[str, Any]]) -> bool:
    types = (said(data, "@type"), meta(tree, "og:type"), attribute(tree.css_first("[itemtype]"), "itemtype"))
    return any(_ARTICLE_TYPE.search(kind) for kind in types)


def _beside(tree: LexborHTMLParser, title: str, body: tuple[str, ...]) -> str:
    """The Jalali date in the node that holds both the title and the text; one that is labelled («تاریخ انتشار») goes first.

    A page's clock shows today, and lists beside the text the dates of others: what stands in a header, an aside or a link is
    passed over, and of unlabelled dates of several days none is taken.
    """
    heading = next((node for node in tree.css("h1, h2, h3") if words(node) == title), None)
    if heading is None or not body:
        return ""
    sample = body[0][:40]
    place = next((node for node in islice(_ancestors(heading), _NEAR) if sample in words(node)), None)
    if place is None:
        return ""
    passed = inside(place, "a, aside, nav, ul:has(a), [class*=related], [class*=comment], [class*=sidebar]", "*")
    bare: dict[date, str] = {}
    parents: dict[int, str] = {}
    for node, text in _short_texts(place):
        label = _LABEL.match(text)
        before = "" if label else _before(node, parents)
        if node.mem_id in passed or _OTHER_LABEL.search(f"{before} {text}"):
            continue
        shown = text[label.end() :] if label else text
        try:
            day = tehran_day(parse_printed(shown).moment)
        except DateError:
            continue
        if label or _DATED.search(before):
            return shown
        bare.setdefault(day, shown)
    return next(iter(bare.values())) if len(bare) == 1 else ""
