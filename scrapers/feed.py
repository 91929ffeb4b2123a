"""Feeds: RSS 2.0, RSS 1.0 and Atom → links, with entities, external files and the network off.

Damage is survived and said: a feed cut in the middle yields its whole items, and `Listed.problem` has the reason.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import datetime

from lxml import etree  # ty: ignore[missing-module-member] - a C module without stubs

from didban.article import Link, Listed, Page
from didban.dates import parse_iso, parse_rfc822
from didban.errors import DateError, Unreadable
from didban.urls import absolute
from scrapers.base import each_once
from scrapers.html import count_tags, line, page_text, paragraphs

_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_NOT_XML = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_ROOT = re.compile(r"<(rss|feed|(?:\w+:)?RDF)\b")
_ITEM_END = re.compile(r"</(?:item|entry)\s*>")
_MARKUP = re.compile(r"<[a-zA-Z!/]")
_MAX_XML_TAGS = 500_000
"""A sitemap of 8 MB and 40,000 whole entries has 400,000."""


def read_feed(page: Page, source: str, id_of: Callable[[str], str | None]) -> Listed:
    """The links of a feed, in its order; `id_of` finds a site's own number in an address.

    Raises Unreadable: empty, HTML or anything else that is no feed, a document type with entities.
    """
    root, problems = read_xml(page, "feed", _ROOT, _ITEM_END)
    if root is not None:
        count_tags(page.url, *map(str, root.itertext()))  # what descriptions hold, however it was escaped
    items = [] if root is None else list(root.iter("{*}item", "{*}entry"))
    links = [link for item in items if (link := _link(item, page.url, source, id_of)) is not None]
    if lost := len(items) - len(links):
        problems.append(f"items without an address: {lost}")
    return Listed(links=each_once(links), problem="; ".join(problems) or None)


def read_xml(
    page: Page, what: str, root: re.Pattern[str], item_end: re.Pattern[str]
) -> tuple[etree._Element | None, list[str]]:
    """The root of an XML listing and what is wrong with it; cut at its last whole item (None without any) when it breaks off.

    `root` matches the start of a root element, its first group the name; `item_end` the end tag of an item. Raises Unreadable.
    """
    text = _NOT_XML.sub("", _DECLARATION.sub("", page_text(page)))
    count_tags(page.url, text, most=_MAX_XML_TAGS)
    if "<!ENTITY" in text:
        raise Unreadable(page.url, f"the {what} declares entities of its own; we do not expand them")
    if (opened := root.search(text[:4096])) is None:
        found = "HTML" if re.search(r"<(?:!doctype\s+)?html", text[:4096], re.IGNORECASE) else "something else"
        raise Unreadable(page.url, f"{found} where a {what} was expected")
    problems = []
    ended = re.search(rf"</{re.escape(opened[1])}\s*>\s*(?:<!--(?:(?!-->).)*-->\s*)*$", text[-4096:], re.DOTALL)
    if not ended and not re.fullmatch(r"[^>]*/>\s*", text[opened.end() :]):
        ends = [found.end() for found in item_end.finditer(text)]
        text = text[: ends[-1]] if ends else ""
        problems.append(f"the {what} breaks off after {len(ends)} whole items")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True, remove_pis=True)
    return (etree.fromstring(text.encode(), parser) if text else None), problems


def _link(item: etree._Element, base: str, source: str, id_of: Callable[[str], str | None]) -> Link | None:
    said: dict[str, list[etree._Element]] = {}
    for child in item.iterchildren("*"):
        said.setdefault(str(child.tag).rpartition("}")[2].rpartition(":")[2].lower(), []).append(child)
    url = next((found for href in _addresses(said) if (found := absolute(base, href)) is not None), None)
    if url is None:
        return None
    return Link(
        source=source,
        url=url,
        id=id_of(url),
        title=line(html.unescape(_text(said, "title"))),
        lead=_lead(_text(said, "description") or _text(said, "summary")),
        published=_date(said),
        section=section(_text(said, "category") or _term(said)),
    )


def section(text: str) -> str | None:
    """A path of topics in one form: `استان‌ها > لرستان`; None for an empty one."""
    return " > ".join(part for part in map(line, text.split(">")) if part) or None


def _addresses(said: dict[str, list[etree._Element]]) -> list[str]:
    links = said.get("link", [])
    human = [node for node in links if node.get("rel", "alternate") == "alternate"]
    guids = [node for node in said.get("guid", []) if node.get("isPermaLink", "true") != "false"]
    found = [node.get("href") or _whole(node) for node in human] + [_whole(node) for node in guids]
    return [href for href in found if re.match(r"https?://|/", href)]


def _text(said: dict[str, list[etree._Element]], name: str) -> str:
    return next((text for node in said.get(name, []) if (text := _whole(node))), "")


def _term(said: dict[str, list[etree._Element]]) -> str:
    return next((str(term) for node in said.get("category", []) if (term := node.get("term"))), "")


def _whole(node: etree._Element) -> str:
    return "".join(str(part) for part in node.itertext()).strip()


def _lead(text: str) -> str:
    return " ".join(paragraphs(text)) if _MARKUP.search(text) else line(html.unescape(text))


def _date(said: dict[str, list[etree._Element]]) -> datetime | None:
    for name, parse in (
        ("pubdate", parse_rfc822),
        ("published", parse_iso),
        ("date", parse_iso),
        ("updated", parse_iso),
    ):
        try:
            return parse(_text(said, name))
        except DateError:
            continue
    return None
