"""Sitemaps → links: XML, with or without Google's news tags, or the JSON that some daily leaves of Nastooh come back as.

    <urlset><url> <loc> <lastmod> <news:title> <news:publication_date>       → links
    <sitemapindex><sitemap> <loc>                                            → listings, to be read in their turn
    {"urls": [{"loc": …, "lastmode": …}]}                                    → links (the spelling is the sites')

`lastmod` says when a page was last touched, not when it was published: only its day is believed, and only where the
sitemap is that day's own. Damage is survived and said, as in feeds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from lxml import etree  # ty: ignore[missing-module-member] - a C module without stubs

from didban.article import Link, Listed, Listing, Page
from didban.dates import day_bounds, tehran_day
from didban.errors import Unreadable
from didban.urls import absolute
from scrapers.base import each_once
from scrapers.feed import read_xml
from scrapers.html import MAX_TAGS, line, page_text, read_json
from scrapers.when import machine_date

DayOf = Callable[[str], date | None]
"""The civil day in Tehran that the sitemap at an address is of, where its address says so."""

_JSON = re.compile(r"\s*[{\[]")
_ROOT = re.compile(r"<((?:\w+:)?(?:urlset|sitemapindex))\b")
_ITEM_END = re.compile(r"</(?:\w+:)?(?:url|sitemap)\s*>")


def read_sitemap(
    page: Page, source: str, id_of: Callable[[str], str | None], *, day_of: DayOf = lambda _: None
) -> Listed:
    """The links of a sitemap, or the listings of a sitemap index, in its order.

    A link without `news:publication_date` is dated by its `lastmod` when that falls on the day of the sitemap, and then
    as midnight in Tehran: a day without a time. Raises Unreadable: empty, HTML or anything else that is no sitemap, JSON
    cut in the middle, entities.
    """
    if _JSON.match(page_text(page)):
        entries, problems = _json_entries(page), []
    else:
        root, problems = read_xml(page, "sitemap", _ROOT, _ITEM_END)
        entries = [] if root is None else [_entry(node) for node in root.iter("{*}url", "{*}sitemap")]
    day = day_of(page.url)
    links: list[Link] = []
    listings: list[Listing] = []
    for entry in entries:
        if (url := absolute(page.url, entry.get("loc", ""))) is None:
            continue
        if "sitemap" in entry:
            listings.append(Listing(source=source, url=url, way="sitemap", day=day_of(url)))
        else:
            title, published = line(entry.get("title", "")), _published(entry, day)
            links.append(Link(source=source, url=url, id=id_of(url), title=title, published=published))
    if lost := len(entries) - len(links) - len(listings):
        problems.append(f"entries without an address: {lost}")
    return Listed(links=each_once(links), listings=tuple(listings), problem="; ".join(problems) or None)


def _published(entry: dict[str, str], day: date | None) -> datetime | None:
    if (said := machine_date(entry.get("publication_date", ""))) is not None:
        return said
    touched = machine_date(entry.get("lastmod", ""))
    return day_bounds(day)[0] if day is not None and touched is not None and tehran_day(touched) == day else None


def _entry(node: etree._Element) -> dict[str, str]:
    """What an entry says, by bare name, itself included; an image's own `loc` and `title` are not the page's."""
    said = {_bare(node): ""}
    for child in node.iterchildren("*"):
        for part in child.iterchildren("*") if _bare(child) == "news" else (child,):
            said.setdefault(_bare(part), "".join(map(str, part.itertext())).strip())
    return said


def _bare(node: etree._Element) -> str:
    return str(node.tag).rpartition("}")[2].rpartition(":")[2]


def _json_entries(page: Page) -> list[dict[str, str]]:
    if (objects := page.body.count(b"{")) > MAX_TAGS:
        raise Unreadable(page.url, f"{objects} objects are more than a sitemap has ({MAX_TAGS})")
    try:
        value: Any = read_json(page_text(page))
    except (ValueError, RecursionError):
        raise Unreadable(page.url, "JSON that breaks off, or is none, where a sitemap was expected") from None
    urls = value.get("urls") if isinstance(value, dict) else None
    if not isinstance(urls, list):
        raise Unreadable(page.url, "JSON without a list of `urls` where a sitemap was expected")
    return [_json_entry(one) for one in urls]


def _json_entry(one: Any) -> dict[str, str]:  # noqa: ANN401 - a JSON value
    if not isinstance(one, dict):
        return {}
    news = one["news"] if isinstance(one.get("news"), dict) else {}
    found = {**news, **one, "lastmod": one.get("lastmode") or one.get("lastmod")}
    return {str(name): text for name, text in found.items() if isinstance(text, str)}
