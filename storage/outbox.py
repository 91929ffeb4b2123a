"""The outbox: notifications fall due, are closed into a message once, and the message is sent until it is taken.

    notification (waiting, due) ──close──▶ message (open) ──part by part──▶ sent
                                               └── refused for good, or tried too often ──▶ dead

One message per story and channel, and one per notice and channel. A message is rendered when it is closed; retries send the same
bytes under the same key, from the first unsent part. A rule that matches later joins a message nobody has tried to send yet;
after that it becomes a short follow-up. At least once: a repeat is possible only when the receiver took a part and we died
before we could write that down.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select, update

from didban.alert import Alert, Draft, Message, NoticeDraft
from didban.dates import iso_utc
from storage import tables
from storage.articles import matches_of, one
from storage.database import Database
from storage.notices import notice_of
from storage.sql import new_id

Render = Callable[[Draft | NoticeDraft], tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One line of `didban alerts`: an alert, and what became of it on each channel."""

    id: int
    alert: Alert
    channels: dict[str, str]


class Outbox:
    """Notifications and messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def close_due(self, channels: Collection[str], render: Render, *, now: datetime) -> int:
        """Close the due notifications of these channels into messages; returns how many messages were closed or grew.

        `render(draft)` gives a message's parts; it is called inside the transaction, so that what is stored is what is sent.
        """
        count = 0
        while True:
            with self._database.write() as connection:
                first = connection.execute(
                    _waiting(channels, now).order_by(tables.notification.c.due_at, tables.notification.c.id).limit(1)
                ).first()
                if first is None:
                    return count
                if first.notice is None:
                    _close(connection, first.story, first.channel, render, now)
                else:
                    _close_notice(connection, first, render, now)
                count += 1

    def hasten(self, *, now: datetime) -> None:
        """Notices that wait for better news are due: whoever asks will not look again soon."""
        table = tables.notification
        with self._database.write() as connection:
            waiting = (table.c.state == "waiting") & table.c.notice.is_not(None)
            connection.execute(update(table).where(waiting).values(due_at=now))

    def take(self, channels: Collection[str], *, owner: str, now: datetime, lease: timedelta) -> Message | None:
        """The open message that has been due longest, leased; None when there is none."""
        table = tables.message
        free = or_(table.c.leased_until.is_(None), table.c.leased_until <= now)
        where = (table.c.state == "open") & table.c.channel.in_(channels) & (table.c.due_at <= now) & free
        with self._database.write() as connection:
            row = connection.execute(select(table).where(where).order_by(table.c.due_at, table.c.id).limit(1)).first()
            if row is None:
                return None
            connection.execute(
                update(table)
                .where(table.c.id == row.id)
                .values(leased_by=owner, leased_until=now + lease, attempts=row.attempts + 1)
            )
            return Message(
                id=row.id,
                key=row.key,
                channel=row.channel,
                parts=tuple(row.parts),
                next_part=row.next_part,
                attempts=row.attempts + 1,
            )

    def part_sent(self, message: Message, number: int) -> None:
        """Part `number` (from 0) was taken by the receiver."""
        with self._database.write() as connection:
            connection.execute(
                update(tables.message).where(tables.message.c.id == message.id).values(next_part=number + 1)
            )

    def sent(self, message: Message, *, now: datetime) -> None:
        self._end(message, state="sent", sent_at=now, error="")

    def dead(self, message: Message, *, error: str) -> None:
        self._end(message, state="dead", error=error)

    def put_off(self, message: Message, *, error: str, due: datetime) -> None:
        self._end(message, state="open", error=error, due_at=due)

    def _end(self, message: Message, **values: object) -> None:
        with self._database.write() as connection:
            connection.execute(
                update(tables.message)
                .where(tables.message.c.id == message.id)
                .values(leased_by=None, leased_until=None, **values)
            )

    def revive(self, *, now: datetime) -> int:
        """Dead messages are open again, due now; returns how many."""
        with self._database.write() as connection:
            return connection.execute(
                update(tables.message).where(tables.message.c.state == "dead").values(state="open", due_at=now)
            ).rowcount

    def states(self) -> dict[str, int]:
        """How many messages there are by state, and under `waiting` the notifications not yet closed."""
        with self._database.read() as connection:
            query = select(tables.message.c.state, func.count()).group_by(tables.message.c.state)
            counts: dict[str, int] = dict(connection.execute(query).tuples().all())
            waiting = select(func.count()).where(tables.notification.c.state == "waiting")
            counts["waiting"] = connection.scalar(waiting) or 0
            return counts

    def alerts(self, *, since: datetime | None = None, rule: str | None = None, limit: int | None = None) -> list[Told]:
        """Alerts, newest first, with their evidence and the state of each channel."""
        table = tables.alert
        query = select(table, tables.story.c.key.label("story_key")).join(tables.story)
        if since is not None:
            query = query.where(table.c.raised_at >= since)
        if rule is not None:
            query = query.where(table.c.rule == rule)
        with self._database.read() as connection:
            return [
                Told(id=row.id, alert=_alert(connection, row), channels=_fates(connection, row.id))
                for row in connection.execute(query.order_by(table.c.id.desc()).limit(limit)).all()
            ]


def _waiting(channels: Collection[str], now: datetime):  # noqa: ANN202 - a Select of five columns
    table = tables.notification
    return (
        select(table.c.id, table.c.alert, table.c.notice, table.c.channel, tables.alert.c.story)
        .outerjoin(tables.alert, tables.alert.c.id == table.c.alert)
        .where(table.c.state == "waiting", table.c.due_at <= now, table.c.channel.in_(channels))
    )


def _close(connection: Connection, story: int, channel: str, render: Render, now: datetime) -> None:
    """Close all due notifications of one story and channel, into the message nobody has tried to send yet or a new one."""
    due = connection.execute(_waiting([channel], now).where(tables.alert.c.story == story)).all()
    table = tables.message
    earlier = connection.execute(
        select(table.c.id, table.c.key, table.c.state, table.c.attempts)
        .where(table.c.story == story, table.c.channel == channel)
        .order_by(table.c.id)
    ).all()
    untried = next((row for row in earlier if row.state == "open" and row.attempts == 0), None)
    numbers = [row.alert for row in due]
    if untried is not None:
        joined = select(tables.notification.c.alert).where(tables.notification.c.message == untried.id)
        numbers = [*connection.scalars(joined), *numbers]
    alerts = _alerts(connection, numbers)
    key = untried.key if untried is not None else _key(channel, alerts)
    others = [row for row in earlier if untried is None or row.id != untried.id]
    draft = Draft(
        key=key,
        channel=channel,
        story=alerts[0].story,
        article=alerts[0].article,
        alerts=alerts,
        follow_up=bool(others),
    )
    parts = list(render(draft))
    if untried is not None:
        number = untried.id
        connection.execute(update(table).where(table.c.id == number).values(parts=parts))
    else:
        number = _open(connection, key=key, channel=channel, story=story, parts=parts, now=now)
    _into(connection, number, [row.id for row in due])


def _close_notice(connection: Connection, due: Row[Any], render: Render, now: datetime) -> None:
    """Close the notification of a notice: a message of its own."""
    row = connection.execute(select(tables.notice).where(tables.notice.c.id == due.notice)).one()
    notice = notice_of(row)
    said = "\n".join(
        ["notice", due.channel, notice.source or "", notice.state, str(iso_utc(notice.since)), str(iso_utc(row.at))]
    )
    draft = NoticeDraft(key=_hashed(said), channel=due.channel, notice=notice)
    parts = list(render(draft))
    _into(connection, _open(connection, key=draft.key, channel=due.channel, story=None, parts=parts, now=now), [due.id])


def _open(connection: Connection, *, key: str, channel: str, story: int | None, parts: list[str], now: datetime) -> int:
    values = {"key": key, "channel": channel, "story": story, "parts": parts, "state": "open"}
    return new_id(connection.execute(tables.message.insert().values(**values, closed_at=now, due_at=now)))


def _into(connection: Connection, message: int, notifications: Collection[int]) -> None:
    connection.execute(
        update(tables.notification)
        .where(tables.notification.c.id.in_(notifications))
        .values(state="closed", message=message)
    )


def _key(channel: str, alerts: tuple[Alert, ...]) -> str:
    """The same story, channel and rules give the same key, also from a database restored from yesterday's backup."""
    return _hashed("\n".join([channel, alerts[0].story, *sorted(alert.rule for alert in alerts)]))


def _hashed(said: str) -> str:
    return hashlib.sha256(said.encode()).hexdigest()[:32]


_ORDER = {"urgent": 0, "normal": 1, "digest": 2}


def _alerts(connection: Connection, numbers: Collection[int]) -> tuple[Alert, ...]:
    """Alerts by number, urgent ones first."""
    table = tables.alert
    query = select(table, tables.story.c.key.label("story_key")).join(tables.story).where(table.c.id.in_(numbers))
    rows = sorted(connection.execute(query), key=lambda row: (_ORDER[row.priority], row.id))
    return tuple(_alert(connection, row) for row in rows)


def _alert(connection: Connection, row: Row[Any]) -> Alert:
    return Alert(
        rule=row.rule,
        title=row.title,
        priority=row.priority,
        live=row.live,
        raised=row.raised_at,
        story=row.story_key,
        article=one(connection, row.article),
        matches=matches_of(connection, row.article, row.rule),
    )


def _fates(connection: Connection, alert: int) -> dict[str, str]:
    """What became of an alert on each channel: waiting, cancelled, or its message's state."""
    query = (
        select(tables.notification.c.channel, tables.notification.c.state, tables.message.c.state.label("message"))
        .outerjoin(tables.message, tables.message.c.id == tables.notification.c.message)
        .where(tables.notification.c.alert == alert)
        .order_by(tables.notification.c.channel)
    )
    return {row.channel: row.message or row.state for row in connection.execute(query)}
