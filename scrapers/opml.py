"""OPML, in which feed readers exchange their lists of feeds: in with entities and the network off, out as version 2.0."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from xml.etree import ElementTree as ET

from lxml import etree  # ty: ignore[missing-module-member] - a C module without stubs

from didban.errors import InputError
from didban.urls import host_of
from scrapers.base import Source


class Outline(NamedTuple):
    """One feed of a list: its title (or `""`), the feed's address, the site's address (or `""`)."""

    title: str
    feed: str
    home: str


def read_opml(body: bytes) -> list[Outline]:
    """The feeds of an OPML file, those in folders too, in its order, each address once.

    Raises InputError: no XML, no OPML, entities of its own, damage. An outline without a feed's web address is a folder.
    """
    if b"<!ENTITY" in body:
        raise InputError("this OPML declares entities of its own; we do not expand them")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise InputError(f"this is no whole OPML: {error.msg}") from None
    if root.tag != "opml":
        raise InputError(f"this is no OPML: it begins with <{root.tag}>")
    found: dict[str, Outline] = {}
    for node in root.iter("outline"):
        feed = (node.get("xmlUrl") or "").strip()
        if host_of(feed) is not None:
            title = " ".join((node.get("title") or node.get("text") or "").split())
            found.setdefault(feed, Outline(title=title, feed=feed, home=(node.get("htmlUrl") or "").strip()))
    return list(found.values())


def write_opml(sources: Iterable[Source]) -> str:
    """The feeds of these sources as OPML; a source that is watched by its pages has none, and is left out."""
    root = ET.Element("opml", version="2.0")
    ET.SubElement(ET.SubElement(root, "head"), "title").text = "Didban"
    body = ET.SubElement(root, "body")
    for source in sources:
        for listing in source.watch():
            if listing.way == "feed":
                said = {"type": "rss", "text": source.name, "title": source.name, "xmlUrl": listing.url}
                ET.SubElement(body, "outline", {**said, "htmlUrl": source.home})
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'
