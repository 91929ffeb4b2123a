"""What Prefect is shown of us, and what we clear away there. Plain values, so that they are tested without Prefect.

an alert            an event, `didban.alert.raised`, on the resource `didban.rule.RULE`: an automation may react to it
a day               a markdown artifact, `day-1405-08-30`: its alerts by story
a run that is lost  Running, but no heartbeat for `WINDOW`: marked as crashed
"""

from __future__ import annotations

import html
import uuid
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from didban.alert import Alert
from didban.dates import iso_utc, jalali_iso, jalali_of, tehran_day

EVENT = "didban.alert.raised"
BEATS = 3
"""A run is lost when so many heartbeats in a row have not come: one may be late, or the server away for a moment."""


def event(alert: Alert) -> dict[str, Any]:
    """An alert as the arguments of Prefect's `emit_event`; the same alert always has the same id."""
    article = alert.article
    return {
        "event": EVENT,
        "id": uuid.uuid5(uuid.NAMESPACE_URL, f"didban:{alert.story}/{alert.rule}"),
        "occurred": alert.raised,
        "resource": {
            "prefect.resource.id": f"didban.rule.{alert.rule}",
            "prefect.resource.name": alert.title,
            "didban.priority": alert.priority,
            "didban.source": article.source,
            "didban.province": article.province or "",
        },
        "related": [{"prefect.resource.id": f"didban.source.{article.source}", "prefect.resource.role": "source"}],
        "payload": {
            "story": alert.story,
            "title": article.title,
            "url": article.url,
            "published": iso_utc(article.published),
            "evidence": [match.text for match in alert.matches],
        },
    }


def day_key(day: date) -> str:
    """The artifact's key: `day-1405-08-30`."""
    return "day-{:04}-{:02}-{:02}".format(*jalali_of(day))


def day_text(day: date, alerts: Iterable[Alert], names: Mapping[str, str]) -> str:
    """The live alerts that were raised on a day in Tehran, a line per story, the urgent ones first, as Markdown."""
    stories: dict[str, list[Alert]] = {}
    for alert in alerts:
        if alert.live and tehran_day(alert.raised) == day:
            stories.setdefault(alert.story, []).append(alert)
    ordered = sorted(stories.values(), key=lambda story: all(alert.priority != "urgent" for alert in story))
    lines = [f"# {day_key(day).removeprefix('day-')}", "", f"{len(stories)} stories", ""]
    for story in ordered:
        article = story[0].article
        title = _plain(article.title)
        link = f"[{title}](<{article.url}>)" if article.url else title
        topics = "، ".join(dict.fromkeys(_plain(alert.title) for alert in story))
        when = jalali_iso(article.published, with_time=article.has_time) or "-"
        lines.append(f"- {link} · {_plain(names.get(article.source, article.source))} · {when} · {topics}")
    return "\n".join(lines) + "\n"


def lost(
    runs: Mapping[str, datetime], heard: Collection[str], *, now: datetime, beat: timedelta | None
) -> tuple[str, ...]:
    """Which runs have no process any more: `runs` says since when each is in its state, `heard` who has beaten within BEATS.

    `beat` is the time between heartbeats; without any nobody is judged.
    """
    if beat is None:
        return ()
    return tuple(run for run, since in runs.items() if now - since > BEATS * beat and run not in heard)


def _plain(text: str) -> str:
    """A title as Markdown that means nothing but itself."""
    return "".join(
        f"\\{letter}" if letter in "\\`*_[]<>#|" else letter for letter in html.escape(text, quote=False)
    ).replace("\n", " ")
