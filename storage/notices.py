"""Notices: what the operator must know, written down when it happens and told once.

    trouble ──▶ told          well again ──▶ told, when the trouble was
       └── well again before it was sent ──▶ neither is told

A source that does not answer is told of after `GRACE`: until then it may be a hiccup, or this network.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Row, case, func, select, update

from didban.alert import Notice
from didban.health import TROUBLE
from storage import tables
from storage.sql import insert, new_id

OURSELVES = "didban"
"""Whose notice the daily report is: no source's, and not the network's."""
GRACE = timedelta(minutes=10)
"""Sources that stop answering within this time of each other are one event: the network's."""

_notice, _notification = tables.notice, tables.notification
_LAST_REPORT = select(func.max(_notice.c.at)).where(_notice.c.source == OURSELVES).scalar_subquery()


def tell(connection: Connection, notice: Notice, operator: Sequence[str], now: datetime) -> None:
    """Write down a source's new state, and tell it when the operator believes otherwise."""
    number = _write(connection, notice, now)
    _hush(connection, _notice.c.source == notice.source)
    unreachable = notice.state == "unreachable"
    if _news(connection, notice) and not (unreachable and _away(connection)):
        _notify(connection, [number], operator, now + GRACE if unreachable else now)


def tell_network(connection: Connection, operator: Sequence[str], now: datetime) -> None:
    """After each pass: has the network gone, or come back? Most of the sources asked within GRACE say which."""
    table = tables.source
    counts = select(func.count(), func.sum(case((table.c.answered, 0), else_=1))).where(
        table.c.polled_at >= now - GRACE
    )
    asked, silent = connection.execute(counts).one()
    gone, away = 2 * silent > asked, _away(connection)
    if gone == away or (gone and asked < 2):
        return
    state, before = ("offline", "online") if gone else ("online", "offline")
    detail = f"{silent} of the {asked} sources asked do not answer"
    notice = Notice(source=None, state=state, before=before, since=now, detail=detail)
    number = _write(connection, notice, now)
    _hush(connection, _notice.c.source.is_(None))
    if _news(connection, notice):
        _notify(connection, [number], operator, now)
    if gone:
        _hush(connection, _notice.c.state == "unreachable")
    else:  # those that the network had an excuse for, and that still do not answer
        unreachable = select(table.c.key).where(table.c.state == "unreachable")
        latest = select(func.max(_notice.c.id)).where(_notice.c.source.in_(unreachable)).group_by(_notice.c.source)
        _notify(connection, list(connection.scalars(latest)), operator, now + GRACE)


def unreported(connection: Connection, due: datetime) -> bool:
    """Has nobody written the report that was due then, though there was a day to report on?"""
    begun = select(func.min(tables.source.c.baseline_at))
    first, last = connection.execute(select(begun.scalar_subquery(), _LAST_REPORT)).one()
    return first is not None and first < due and (last is None or last < due)


def report(connection: Connection, said: str, operator: Sequence[str], *, due: datetime, now: datetime) -> bool:
    """Write down the report that was due, and tell it; False when somebody has. One that was not sent yet gives way to it."""
    if not unreported(connection, due):
        return False
    notice = Notice(source=OURSELVES, state="report", before="report", since=now, detail=said)
    number = _write(connection, notice, now)
    _hush(connection, _notice.c.source == OURSELVES)
    _notify(connection, [number], operator, now)
    return True


def newest(connection: Connection, limit: int) -> list[tuple[datetime, Notice]]:
    """The newest notices, each with the time it was written."""
    rows = connection.execute(select(_notice).order_by(_notice.c.id.desc()).limit(limit))
    return [(row.at, notice_of(row)) for row in rows]


def notice_of(row: Row[tuple[object, ...]]) -> Notice:
    """The Notice of a row of the table."""
    return Notice(
        source=row.source,
        state=row.state,
        before=row.before,
        since=row.since,
        detail=row.detail,
        fields=tuple(row.fields),
        pages=tuple(row.pages),
    )


def _write(connection: Connection, notice: Notice, now: datetime) -> int:
    values = {
        "at": now,
        "source": notice.source,
        "state": notice.state,
        "before": notice.before,
        "since": notice.since,
        "detail": notice.detail,
        "fields": list(notice.fields),
        "pages": list(notice.pages),
    }
    return new_id(connection.execute(_notice.insert().values(values)))


def _notify(connection: Connection, notices: Sequence[int], operator: Sequence[str], due: datetime) -> None:
    """Notifications of these notices on every channel of the operator; one that was cancelled waits again."""
    rows = [
        {"notice": notice, "channel": channel, "due_at": due, "state": "waiting"}
        for notice in notices
        for channel in operator
    ]
    if rows:
        again = insert(connection, _notification).on_conflict_do_update(
            index_elements=["notice", "channel"],
            set_={"state": "waiting", "due_at": due},
            where=_notification.c.state == "cancelled",
        )
        connection.execute(again, rows)


def _hush(connection: Connection, which: ColumnElement[bool]) -> None:
    """What has not been sent of these notices is not news any more."""
    connection.execute(
        update(_notification)
        .where(_notification.c.state == "waiting", _notification.c.notice.in_(select(_notice.c.id).where(which)))
        .values(state="cancelled")
    )


def _news(connection: Connection, notice: Notice) -> bool:
    """Does the operator, by what was last told of this source, or of the network, believe otherwise?

    Rules that are broken, then broken in another way, are news each time.
    """
    if notice.state == "broken":
        return True
    told = connection.scalar(
        select(_notice.c.state)
        .join(_notification, _notification.c.notice == _notice.c.id)
        .where(_notice.c.source.is_not_distinct_from(notice.source), _notification.c.state != "cancelled")
        .order_by(_notice.c.id.desc())
        .limit(1)
    )
    return _seriously(told) != _seriously(notice.state)


def _seriously(state: str | None) -> str | None:
    """A state as it counts for telling: all that is no trouble is the same."""
    return state if state in TROUBLE or state in {"offline", "broken"} else None


def _away(connection: Connection) -> bool:
    last = select(_notice.c.state).where(_notice.c.source.is_(None)).order_by(_notice.c.id.desc()).limit(1)
    return connection.scalar(last) == "offline"
