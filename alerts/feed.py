"""Alerts as an Atom feed (RFC 4287): for feed readers, one feed of everything, of a rule, of a province. Pure.

An entry is a story, its `id` a tag (RFC 4151) of story and feed that never changes; `updated` is when its newest alert was raised.
The same alerts give the same bytes, whenever they are written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Final
from urllib.parse import quote
from xml.etree import ElementTree as ET

from alerts.lines import printable
from alerts.message import ranked, text
from didban.alert import Alert, Draft
from didban.dates import iso_utc

_ATOM: Final = "http://www.w3.org/2005/Atom"
_TAG: Final = "tag:didban,2026:"
_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)  # when a feed without an entry was updated
_MARK: Final = ("\x02", "\x03")  # no message's text holds them
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ZWNJ: Final = "\N{ZERO WIDTH NON-JOINER}"

ET.register_namespace("", _ATOM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Which feed: of one rule, of one province, or of all."""

    rule: str | None
    title: str
    province: str | None = None

    @property
    def path(self) -> str:
        """What tells it from the others."""
        return f"rule/{self.rule}" if self.rule else f"province/{self.province}" if self.province else "alerts"


def atom(feed: Feed, stories: Iterable[Sequence[Alert]], *, names: Mapping[str, str]) -> bytes:
    """The feed as XML; each story comes with its alerts, all of them. `names` gives a source's Persian name by its key."""
    root = ET.Element(f"{{{_ATOM}}}feed", {"{http://www.w3.org/XML/1998/namespace}lang": "fa"})
    entries = [_entry(feed, alerts, names) for alerts in stories]
    updated = max((moment for moment, _ in entries), default=_EVER)
    _add(root, "id", f"{_TAG}{feed.path}")
    _add(root, "title", f"دیده{_ZWNJ}بان · {feed.title}")
    _add(root, "updated", str(iso_utc(updated)))
    _add(_add(root, "author"), "name", f"دیده{_ZWNJ}بان")
    _add(root, "generator", "Didban")
    root.extend(entry for _, entry in sorted(entries, key=lambda one: one[0], reverse=True))
    ET.indent(root)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _entry(feed: Feed, alerts: Sequence[Alert], names: Mapping[str, str]) -> tuple[datetime, ET.Element]:
    ours = [alert for alert in alerts if feed.rule in (None, alert.rule)]
    first, updated = min(ours, key=lambda alert: alert.raised), max(alert.raised for alert in ours)
    article = first.article
    draft = Draft(key="", channel="", story=first.story, article=article, alerts=tuple(alerts))
    entry = ET.Element(f"{{{_ATOM}}}entry")
    _add(entry, "id", f"{_TAG}story/{first.story}{f'/{feed.rule}' if feed.rule else ''}")
    _add(entry, "title", printable(article.title or article.kicker) or f"بی{_ZWNJ}تیتر")
    _add(entry, "updated", str(iso_utc(updated)))
    _add(entry, "published", str(iso_utc(article.published or first.raised)))
    _add(_add(entry, "author"), "name", names.get(article.source, article.source))
    if article.url is not None and article.url.lower().startswith(("http://", "https://")):
        _add(entry, "link", rel="alternate", href=quote(printable(article.url), safe="!#$%&'()*+,/:;=?@[]~"))
    for alert in ranked(draft):
        _add(entry, "category", term=alert.rule, label=alert.title)
    if article.rights:
        _add(entry, "rights", printable(article.rights))
    _add(entry, "content", _html(text(draft, names=names, mark=_MARK)), type="html")
    return updated, entry


def _html(said: str) -> str:
    """A message as HTML: its blocks as paragraphs, the evidence bold, everything else escaped."""
    html = escape(said).replace(_MARK[0], "<b>").replace(_MARK[1], "</b>").replace("\n\n", '</p><p dir="rtl">')
    return f'<p dir="rtl">{html}</p>'.replace("\n", "<br>")


def _add(parent: ET.Element, name: str, words: str = "", **attributes: str) -> ET.Element:
    plain = {key: _NOT_XML.sub(" ", value) for key, value in attributes.items()}
    child = ET.SubElement(parent, f"{{{_ATOM}}}{name}", plain)
    child.text = _NOT_XML.sub(" ", words) or None
    return child
