"""Who is to be told of an alert, written down in the transaction that raises it.

A story is told once and whole: on each channel its waiting notifications have one time, that of the alert which is told soonest, a
message of its own before any digest. So an urgent alert takes along what its story was still gathering.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from didban.alert import Plan
from storage import tables
from storage.mutes import muted
from storage.sql import insert

_alert, _notification = tables.alert, tables.notification


def notify(connection: Connection, story: int, planned: Sequence[tuple[int, Plan]], now: datetime) -> None:
    """Notifications for live alerts of one story, each with its number and its plan; those of muted rules are only kept."""
    silent = muted(connection, {plan.rule for _, plan in planned}, now)
    rows = [
        {
            "alert": alert,
            "channel": channel,
            "due_at": due,
            "digest": digest,
            "step": step,
            "state": "muted" if plan.rule in silent else "waiting",
        }
        for alert, plan in planned
        for channel, due, digest, step in _told(plan)
    ]
    if rows:
        connection.execute(insert(connection, _notification).on_conflict_do_nothing(), rows)
        _together(connection, story)


def _told(plan: Plan) -> list[tuple[str, datetime, str | None, int]]:
    """Channel, time, digest and step of an escalation: 0, at once, or the place in the line of those who hear later."""
    first = [(channel, plan.due, plan.digest, 0) for channel in plan.channels]
    return first + [(channel, due, None, step) for step, (channel, due) in enumerate(plan.escalations, start=1)]


def _together(connection: Connection, story: int) -> None:
    table = _notification
    waiting = (
        select(table.c.id, table.c.channel, table.c.due_at, table.c.digest)
        .join(_alert, _alert.c.id == table.c.alert)
        .where(_alert.c.story == story, table.c.state == "waiting", table.c.step == 0)
    )
    rows = connection.execute(waiting).all()
    for channel in {row.channel for row in rows}:
        ours = [row for row in rows if row.channel == channel]
        soonest = min(ours, key=lambda row: (row.digest is not None, row.due_at))
        others = [row.id for row in ours if (row.due_at, row.digest) != (soonest.due_at, soonest.digest)]
        if others:
            values = {"due_at": soonest.due_at, "digest": soonest.digest}
            connection.execute(update(table).where(table.c.id.in_(others)).values(values))
