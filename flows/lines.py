"""What commands read and print line by line: the JSON shapes of `match` and `alerts`, and an alert as text."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from alerts.lines import printable
from alerts.match import Matcher
from alerts.message import carrier_json
from didban.alert import Carrier
from didban.article import Article
from didban.dates import iso_utc, jalali_iso, jalali_long
from didban.errors import InputError
from storage.mutes import Mute
from storage.outbox import Told

_TEXTS = ("kicker", "title", "lead", "text")
_FACTS = ("province", "section")


def match_line(matcher: Matcher, line: bytes) -> dict[str, Any]:
    """One line of `didban match`: `{"id","title","lead","text"}` (also kicker, source, province, section) →
    `{"id","matches":[{"rule","term","field","start","end","text"}]}`. Raises InputError for a bad line."""
    try:
        given = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON: {error}") from None
    if not isinstance(given, dict):
        raise InputError('not an object like {"id": 1, "title": "…", "lead": "…", "text": "…"}')
    if "id" not in given:
        raise InputError("the key 'id' is missing")
    for key in (*_TEXTS, *_FACTS, "source"):
        if given.get(key) is not None and not isinstance(given[key], str):
            raise InputError(f"{key!r} must be a string")
    if not any(given.get(key) for key in _TEXTS):
        raise InputError("there is no text in 'title', 'lead' or 'text'")
    article = Article(
        source=given.get("source") or "",
        kicker=given.get("kicker") or "",
        title=given.get("title") or "",
        lead=given.get("lead") or "",
        text=given.get("text") or "",
        province=given.get("province"),
        section=given.get("section"),
    )
    return {
        "id": given["id"],
        "matches": [
            {name: getattr(match, name) for name in ("rule", "term", "field", "start", "end", "text")}
            for match in matcher.match(article)
        ],
    }


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def told_json(told: Told) -> dict[str, Any]:
    """One alert of `didban alerts --json`."""
    alert = told.alert
    return {
        "id": told.id,
        "rule": alert.rule,
        "title": alert.title,
        "priority": alert.priority,
        "live": alert.live,
        "raised": iso_utc(alert.raised),
        "story": alert.story,
        "article": {
            "source": alert.article.source,
            "id": alert.article.id,
            "url": alert.article.url,
            "title": alert.article.title,
            "published": iso_utc(alert.article.published),
        },
        "evidence": [
            {"field": match.field, "start": match.start, "end": match.end, "text": match.text, "term": match.term}
            for match in alert.matches
        ],
        "channels": told.channels,
        "carriers": [carrier_json(carrier) for carrier in alert.carriers],
        "via": told.via,
        "acked": iso_utc(told.acked),
        "acked_by": told.acked_by,
    }


def carrier_text(carrier: Carrier) -> str:
    """The same as a line: source, number, when, where."""
    when = jalali_long(carrier.published, with_time=False) if carrier.published else "تاریخ نامعلوم"
    return f"{carrier.source} · {carrier.article} · {when} · {carrier.url or ''}".rstrip(" ·")


def told_text(told: Told) -> str:
    """One alert as lines: its number, what, when and whether told; the title; the sentence that says it."""
    alert, article = told.alert, told.alert.article
    when = jalali_long(article.published, with_time=article.has_time) if article.published else "تاریخ نامعلوم"
    fates = (
        f"{name}: {state}{f' ({via})' if (via := told.via.get(name)) else ''}" for name, state in told.channels.items()
    )
    fate = ", ".join(fates) or ("not told" if alert.live else "archived")
    if told.acked is not None:
        fate += f" · acknowledged by {told.acked_by}, {jalali_long(told.acked, with_time=True)}"
    lines = [f"{told.id} · {alert.rule} · {alert.title} · {article.source} · {when} · {fate}", f"  {article.title}"]
    if alert.matches:
        match = alert.matches[0]
        text: str = getattr(article, match.field)
        before, after = text[match.sentence_start : match.start], text[match.end : match.sentence_end]
        lines.append(f"  {before}«{match.text}»{after}")
    if article.url:
        lines.append(f"  {article.url}")
    own = (article.source, article.id, article.url)
    if others := [one.source for one in alert.carriers if (one.source, one.id, one.url) != own]:
        lines.append(f"  also carried by {', '.join(dict.fromkeys(others))}")
    return "\n".join(map(printable, lines))


def mute_json(mute: Mute | None) -> dict[str, Any] | None:
    """A mute for programs."""
    return None if mute is None else {"until": iso_utc(mute.until), "at": iso_utc(mute.at), "by": mute.by}


def mute_until(mute: Mute | None) -> str:
    """Until when, in a table: `always` without an end, nothing without a mute."""
    if mute is None:
        return ""
    return (jalali_iso(mute.until, with_time=True) or "always").replace("T", " ")


def mute_text(mute: Mute) -> str:
    """A mute as one line."""
    until = f"until {mute_until(mute)}" if mute.until else f"until `didban mute {mute.rule} --off`"
    return f"{mute.rule} is muted {until}, by {printable(mute.by)}; its alerts are kept and not sent"
