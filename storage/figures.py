"""Figures: what the database says of itself at one moment, for whoever watches over Didban. Counts and times, no text.

Lags are of the newest day, in seconds:

    stored    published, with a time of day → saved, of articles that the watch met after its source's first pass
    sent      an alert raised → the message that tells it taken by its channel; digests are late on purpose and left out
    urgent    the same of messages that tell an urgent alert
    whole     published → taken
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, case, func, select

from storage import tables
from storage.articles import counted
from storage.database import Database
from storage.links import by_state

DAY: Final = timedelta(days=1)
STAGES: Final = ("stored", "sent", "urgent", "whole")
_MESSAGES = 2_000  # the newest, among which the day's are looked for: a day of an agency brings some hundred


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """`today` is of the day before `at`. Inner keys are states; `units` are of backfills, by source."""

    at: datetime
    schema: str
    articles: Mapping[str, int]
    today: Mapping[str, int]
    links: Mapping[str, Mapping[str, int]]
    units: Mapping[str, Mapping[str, int]]
    messages: Mapping[str, Mapping[str, int]]
    """By channel; `waiting` are notifications that are not closed into a message yet."""
    alerts: int
    """Raised today, the archived ones among them."""
    sent: int
    """Messages of today."""
    oldest: datetime | None
    """Since when the oldest message waits that has been closed and not been taken."""
    polled: datetime | None
    """When the last pass over a source ended."""
    lags: Mapping[str, Sequence[float]]
    """Seconds, in order, by stage."""
    bytes: int
    """What the database takes on its disk."""


def figures(database: Database, *, now: datetime) -> Figures:
    """All of it, at one moment. Raises StoreError."""
    with database.read() as connection:
        article, unit, alert = tables.article, tables.unit, tables.alert
        since = now - DAY
        articles = counted(connection)
        ours = article.c.source.in_(articles) & (article.c.saved_at >= since)  # the index has both
        messages = _nested(connection, tables.message.c.channel, tables.message.c.state)
        waiting = tables.notification.c.state == "waiting"
        for channel, count in _counts(connection, tables.notification.c.channel, waiting).items():
            messages.setdefault(channel, {})["waiting"] = count
        opened = select(func.min(tables.message.c.closed_at)).where(tables.message.c.state == "open")
        taken = _taken(connection, since)
        lags = {
            "stored": _stored(connection, sorted(articles), since),
            "sent": [sent - raised for raised, sent, _, _ in taken],
            "urgent": [sent - raised for raised, sent, _, urgent in taken if urgent],
            "whole": [sent - published for _, sent, published, _ in taken if published is not None],
        }
        return Figures(
            at=now,
            schema=str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()),
            articles=articles,
            today=_counts(connection, article.c.source, ours),
            links=by_state(connection),
            units=_nested(connection, unit.c.source, unit.c.state, unit.c.way != "gap"),
            messages=messages,
            alerts=connection.scalar(select(func.count()).where(alert.c.raised_at >= since)) or 0,
            sent=connection.scalar(_recent(func.count(), since)) or 0,
            oldest=connection.scalar(opened),
            polled=connection.scalar(select(func.max(tables.source.c.polled_at))),
            lags={stage: sorted(max(lag.total_seconds(), 0.0) for lag in found) for stage, found in lags.items()},
            bytes=database.size(),
        )


def _counts(connection: Connection, key, *where) -> dict[str, int]:  # noqa: ANN001, ANN002 - a column, and conditions
    query = select(key, func.count()).where(*where).group_by(key).order_by(key)
    return dict(connection.execute(query).tuples().all())


def _nested(connection: Connection, outer, inner, *where) -> dict[str, dict[str, int]]:  # noqa: ANN001, ANN002
    found: dict[str, dict[str, int]] = {}
    for first, second, count in connection.execute(
        select(outer, inner, func.count()).where(*where).group_by(outer, inner).order_by(outer, inner)
    ):
        found.setdefault(first, {})[second] = count
    return found


def _stored(connection: Connection, sources: Sequence[str], since: datetime) -> list[timedelta]:
    article, source = tables.article, tables.source
    query = (
        select(article.c.published, article.c.saved_at)
        .join(source, source.c.key == article.c.source)
        .where(article.c.source.in_(sources), article.c.saved_at >= since, article.c.saved_at > source.c.baseline_at)
        .where(article.c.via == "watch", article.c.has_time, article.c.published.is_not(None))
    )
    return [saved - published for published, saved in connection.execute(query)]


def _taken(connection: Connection, since: datetime) -> list[tuple[datetime, datetime, datetime | None, bool]]:
    """Of each message of a story that was taken since: when its alert was raised, when it was taken, when its article was
    published (None: without a time of day), whether it is urgent."""
    message, notification, alert, article = tables.message, tables.notification, tables.alert, tables.article
    query = (
        select(
            func.max(alert.c.raised_at),
            message.c.sent_at,
            func.min(case((article.c.has_time, article.c.published))),
            func.max(case((alert.c.priority == "urgent", 1), else_=0)),
        )
        .select_from(message)
        .join(notification, notification.c.message == message.c.id)
        .join(alert, alert.c.id == notification.c.alert)
        .join(article, article.c.id == alert.c.article)
        .where(message.c.id.in_(_recent(message.c.id, since)), message.c.digest.is_(None))
        .group_by(message.c.id, message.c.sent_at)
    )
    return [(raised, sent, published, bool(urgent)) for raised, sent, published, urgent in connection.execute(query)]


def _recent(what, since: datetime):  # noqa: ANN001, ANN202 - a column of messages taken since, as a Select
    message = tables.message
    newest = select(message.c.id).order_by(message.c.id.desc()).limit(_MESSAGES)
    return select(what).where(message.c.id.in_(newest), message.c.sent_at >= since)
