"""Muted rules: their alerts are raised and kept, and told to nobody. What was kept is not told when a mute ends, either: whoever
asked for silence is not punished with a flood; `didban alerts --rule` shows it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, or_, select, update

from storage import tables
from storage.database import Database
from storage.sql import insert

_mute, _notification = tables.mute, tables.notification


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """A rule that is told to nobody, since when and by whom; `until` None: until it is taken back."""

    rule: str
    until: datetime | None
    at: datetime
    by: str


class Mutes:
    """Rules that are muted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def mute(self, rule: str, *, until: datetime | None, by: str, now: datetime) -> int:
        """From now on, whatever was said of the rule before; what waits is not told, either: returns how many notifications."""
        values = {"rule": rule, "until": until, "muted_at": now, "muted_by": by}
        with self._database.write() as connection:
            again = insert(connection, _mute).on_conflict_do_update(index_elements=["rule"], set_=values)
            connection.execute(again, values)
            alerts = select(tables.alert.c.id).where(tables.alert.c.rule == rule)
            waiting = (_notification.c.state == "waiting") & _notification.c.alert.in_(alerts)
            return connection.execute(update(_notification).where(waiting).values(state="muted")).rowcount

    def end(self, rule: str) -> bool:
        """The rule is told again; False when it was not muted."""
        with self._database.write() as connection:
            return bool(connection.execute(delete(_mute).where(_mute.c.rule == rule)).rowcount)

    def all(self, *, now: datetime) -> dict[str, Mute]:
        """The mutes in force, by rule."""
        with self._database.read() as connection:
            rows = connection.execute(select(_mute).where(_in_force(now)).order_by(_mute.c.rule))
            return {row.rule: Mute(rule=row.rule, until=row.until, at=row.muted_at, by=row.muted_by) for row in rows}


def muted(connection: Connection, rules: Collection[str], now: datetime) -> set[str]:
    """Which of these rules are muted."""
    return set(connection.scalars(select(_mute.c.rule).where(_mute.c.rule.in_(rules), _in_force(now))))


def _in_force(now: datetime) -> ColumnElement[bool]:
    return or_(_mute.c.until.is_(None), _mute.c.until > now)
