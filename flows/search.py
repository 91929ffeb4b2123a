"""`didban search`: what was found, as lines for people and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from alerts.lines import QUOTES, Span, marked, printable
from didban.article import Article
from didban.dates import iso_utc, jalali_iso, jalali_long
from didban.query import Field, Query, stands
from didban.text import sentences
from didban.tokens import tokens
from storage.search import Found

COLOUR: Final = ("\x1b[1;33m", "\x1b[0m")
_FIELDS: Final[dict[str, Field]] = {"kicker": "title", "title": "title", "lead": "lead", "text": "text"}
"""An article's texts, and as what each is looked through."""

Highlights = dict[str, list[Span]]
"""Of each text, where something wanted stands; code points, the end exclusive."""


def highlights(query: Query, article: Article) -> Highlights:
    """Where in the original texts what is wanted stands, in order; spans may overlap where phrases do."""
    found: Highlights = {}
    for name, field in _FIELDS.items():
        read = tokens(getattr(article, name))
        spans = {span for one in query.wanted if field in one.fields for span in stands(one, read)}
        if spans:
            found[name] = sorted(spans)
    return found


def as_lines(found: Found, query: Query, mark: tuple[str, str] = QUOTES) -> list[str]:
    """Number, source, date and title; below them the sentence that holds the most of what is wanted, each word of it marked."""
    article = found.article
    lit = highlights(query, article)
    when = jalali_long(article.published, with_time=article.has_time) if article.published else "تاریخ نامعلوم"
    title = marked(article.title, lit.get("title", []), lit.get("title", []), mark)
    lines = [f"{found.number} · {article.source} · {when} · {title}"]
    if snippet := _snippet(article, lit, mark):
        lines.append(f"    {snippet}")
    return lines


def as_json(found: Found, query: Query) -> dict[str, Any]:
    """One line of `--json`."""
    article = found.article
    lit = highlights(query, article)
    return {
        "number": found.number,
        "source": article.source,
        "id": article.id,
        "url": article.url,
        "title": article.title,
        "published": iso_utc(article.published),
        "published_jalali": jalali_iso(article.published, with_time=article.has_time),
        "province": article.province,
        "hit": found.field,
        "snippet": _snippet(article, lit, QUOTES),
        "highlights": [
            {"field": name, "start": start, "end": end} for name, spans in lit.items() for start, end in spans
        ],
    }


def _snippet(article: Article, lit: Highlights, mark: tuple[str, str]) -> str:
    """The sentence of lead, text or kicker that holds the most different words of those wanted; else the lead's first."""
    best, most = "", 0
    for name in ("lead", "text", "kicker"):
        text, spans = getattr(article, name), lit.get(name, [])
        for start, end in sentences(text) if spans else ():
            inside = [(first - start, last - start) for first, last in spans if start <= first and last <= end]
            different = len({printable(text[start + first : start + last]) for first, last in inside})
            if different > most:
                best, most = marked(text[start:end], inside, inside, mark), different
    if best:
        return best
    first = next(iter(sentences(article.lead)), None)
    return marked(article.lead[slice(*first)], (), (), mark) if first else ""


def counted(found: Sequence[Found], *, limit: int, offset: int) -> str:
    """What a person is told below the hits."""
    if not found:
        return "nothing found" if not offset else f"nothing found after the first {offset}"
    more = f"; --offset {offset + limit} shows the next" if len(found) == limit else ""
    return f"{offset + 1} to {offset + len(found)}{more}"
