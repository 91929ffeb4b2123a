"""The outbox: notifications fall due, are closed into a message once, and the message is sent until it is taken.

    notification (waiting, due) ──close──▶ message (open) ──part by part──▶ sent
                                               └── refused for good, or tried too often ──▶ dead

One message per story and channel, one per notice and channel, and one for all that is due of a digest on a channel; a burst, many
stories of one rule at once, is a digest that is named when it is closed, and so is all that piled up in a long time without a way
to a channel. A message is rendered when it is closed; retries send the same bytes under the same key, from the first unsent part. A
rule that matches later joins a message nobody has tried to send yet; after that it becomes a short follow-up. A digest that was
closed is never opened again: what comes later is a further message. At least once: a repeat is possible only when the receiver took
a part and we died before we could write that down.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)

from didban.alert import Alert, AnyDraft, DigestDraft, Draft, Match, Message, NoticeDraft, Topic
from didban.dates import day_bounds, iso_utc, tehran_day
from didban.errors import DidbanError, InputError
from storage import tables
from storage.articles import article_of
from storage.database import Database
from storage.mutes import muted
from storage.notices import GRACE, notice_of
from storage.sql import insert, new_id
from storage.stories import carriers

Render = Callable[[AnyDraft], tuple[str, ...]]
_T = TypeVar("_T")
_MATCH = tuple(field.name for field in fields(Match))
_BATCH = 200  # the most stories whose articles are in memory at once
AWAY = timedelta(hours=6)
"""A channel to which no way led for so long gets one digest of what piled up …"""
FEW = 5
"""… when these are more stories than this."""
_BACKLOG = "backlog "
_MOST = 5_000  # the most stories of one message: it is closed in a second or three, in which nobody else writes
_TREND: Final = 14  # days
_BURST: Final = "burst "
_SKEW = timedelta(minutes=1)
"""Clocks of two machines differ by less: a time further ahead is of a clock that was set back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One line of `didban alerts`: an alert, what became of it on each channel, and who has acknowledged it when."""

    id: int
    alert: Alert
    channels: dict[str, str]
    via: dict[str, str]
    """By channel, which of its several channels took the message."""
    acked: datetime | None = None
    acked_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms notifications are closed.

    `burst` stories of one rule that are due until `gathered` are one message (0: never). What was raised up to now is due by
    `normal` at the latest, in a digest by `digest`, an escalation by its place in `escalations`: a notification that is due later
    was planned by a clock that has been set back, or by other settings, and waits no longer than one that is raised now.
    """

    burst: int = 0
    gathered: datetime
    normal: datetime
    digest: datetime
    escalations: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """A channel whose receiver does not take what it is sent: messages that wait and dead ones, since when, and the last reason."""

    channel: str
    open: int
    dead: int
    since: datetime
    error: str


class Outbox:
    """Notifications and messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def close_due(  # noqa: PLR0912 - what fails is set aside, what is ours is not
        self, channels: Collection[str], render: Render, *, now: datetime, terms: Terms | None = None
    ) -> int:
        """Close the due notifications of these channels into messages; returns how many messages were closed or grew.

        `render(draft)` gives a message's parts; it is called inside the transaction, so that what is stored is what is sent.
        What piled up while no way led to a channel for long becomes one digest (`_fold`).
        """
        count = 0
        message = tables.message.c
        long = (message.state == "open") & (message.away_since <= now - AWAY) & message.channel.in_(channels)
        with self._database.read() as connection:
            away = connection.scalars(select(message.channel).where(long).distinct()).all()
        failed: list[ColumnElement[bool]] = []
        problem: Exception | None = None
        for channel in away:
            try:
                with self._database.write(alone=True) as connection:
                    count += _fold(connection, channel, render, now)
            except DidbanError:
                raise
            except Exception as error:  # then its stories stay messages of their own
                problem = error
        while True:
            first: Row[Any] | None = None
            try:
                with self._database.write(alone=True) as connection:
                    if terms is not None and not count and not failed:
                        _hold_no_longer(connection, terms, now)
                    query = _due(channels, now).where(*failed)
                    first = connection.execute(
                        query.order_by(tables.notification.c.due_at, tables.notification.c.id).limit(1)
                    ).first()
                    if first is None:
                        break
                    if first.notice is not None:
                        _close_notice(connection, first, render, now)
                    elif digest := first.digest or _burst(connection, first, terms, now):
                        _close_digest(connection, digest, first.channel, render, now)
                    else:
                        _close(connection, first.story, first.channel, render, now)
                    count += 1
            except DidbanError:
                raise
            except Exception as error:  # what cannot be rendered keeps nothing else waiting
                if first is None:
                    raise
                problem = problem or error
                failed.append(_but(first))
        if problem is not None:
            raise problem
        return count

    def announce(
        self,
        digest: str,
        *,
        source: str,
        since: datetime,
        until: datetime,
        channels: Mapping[str, Sequence[str]],
        now: datetime,
    ) -> int:
        """Archived alerts are to be told together, as `digest`, now; returns how many there are of which a channel will hear.

        Those of the articles of `source` that were published, or without a date first saved, from `since` to before `until`;
        on the channels that `channels` gives for their rule. What a channel was told, or is about to be, it is not told again:
        after a crash the same call goes on where it stopped. The alerts stay archived.
        """
        rules: dict[str, list[str]] = {}
        for rule, names in channels.items():
            for name in names:
                rules.setdefault(name, []).append(rule)
        told: set[int] = set()
        archived = _archived(source, since, until)
        table = tables.notification
        with self._database.write(alone=True) as connection:
            silent = muted(connection, channels, now)
            for channel, ours in rules.items():
                values = {
                    "alert": tables.alert.c.id,
                    "channel": literal(channel),
                    "due_at": literal(now, table.c.due_at.type),
                    "state": literal("waiting"),
                    "digest": literal(digest),
                }
                new = select(*values.values()).where(archived, tables.alert.c.rule.in_(set(ours) - silent))
                told.update(
                    connection.scalars(
                        insert(connection, table)
                        .from_select(list(values), new)
                        .on_conflict_do_nothing()
                        .returning(table.c.alert)
                    )
                )
        return len(told)

    def archived(self, *, source: str, since: datetime, until: datetime) -> dict[str, int]:
        """How many archived alerts `announce` would look at, by rule, the most first."""
        count = func.count()
        query = select(tables.alert.c.rule, count).where(_archived(source, since, until))
        with self._database.read() as connection:
            grouped = query.group_by(tables.alert.c.rule).order_by(count.desc(), tables.alert.c.rule)
            return dict(connection.execute(grouped).tuples().all())

    def hasten(self, *, now: datetime, gathered: datetime) -> None:
        """Notices that wait for better news are due, and alerts that would be until `gathered`: whoever asks will not look again
        soon."""
        table = tables.notification
        soon = (table.c.step == 0) & table.c.digest.is_(None) & (table.c.due_at <= gathered)
        with self._database.write() as connection:
            waiting = (table.c.state == "waiting") & (table.c.due_at > now) & (table.c.notice.is_not(None) | soon)
            connection.execute(update(table).where(waiting).values(due_at=now))

    def acknowledge(self, alerts: Collection[int] | None, *, by: str, now: datetime) -> int:
        """Somebody has seen the stories of these alerts (None: of all live ones): the next channel is not told of them any more.

        Returns how many alerts were not acknowledged before. Raises InputError for a number that no alert has.
        """
        table, waiting = tables.alert, tables.notification
        with self._database.write() as connection:
            if alerts is not None:
                known = set(connection.scalars(select(table.c.id).where(table.c.id.in_(alerts))))
                if unknown := sorted(set(alerts) - known):
                    raise InputError(f"there is no alert {unknown[0]}; `didban alerts` shows their numbers")
            seen = table.c.live & table.c.acked_at.is_(None)
            if alerts is not None:
                seen &= table.c.story.in_(select(table.c.story).where(table.c.id.in_(alerts)))
            told = list(
                connection.scalars(update(table).where(seen).values(acked_at=now, acked_by=by).returning(table.c.id))
            )
            for some in _batches(told):
                later = (waiting.c.state == "waiting") & (waiting.c.step > 0) & waiting.c.alert.in_(some)
                connection.execute(update(waiting).where(later).values(state="cancelled"))
            return len(told)

    def take(self, channels: Collection[str], *, owner: str, now: datetime, lease: timedelta) -> Message | None:
        """The open message that has been due longest, leased; None when there is none."""
        table = tables.message
        # A lease that is longer than any, or a time still to come of what is past, is of a clock that has been set back. One that
        # nobody has tried is due since it was closed, unless its receiver asked for time (`hold`).
        none = table.c.leased_until.is_(None)
        free = or_(none, table.c.leased_until <= now, table.c.leased_until > now + 2 * lease)
        untried = (table.c.attempts == 0) & (table.c.due_at == table.c.closed_at)
        ahead = or_(table.c.closed_at > now + _SKEW, table.c.tried_at > now + _SKEW)
        due = or_(table.c.due_at <= now, untried, ahead)
        where = (table.c.state == "open") & table.c.channel.in_(channels) & due & free
        with self._database.write() as connection:
            query = select(table).where(where).order_by(table.c.due_at, table.c.id).limit(1)
            row = connection.execute(query.with_for_update(skip_locked=True)).first()
            if row is None:
                return None
            connection.execute(
                update(table)
                .where(table.c.id == row.id)
                # Whoever dies in this try leaves it open whether its receiver knows of it.
                .values(leased_by=owner, leased_until=now + lease, attempts=row.attempts + 1, tried_at=now, unsure=True)
            )
            return Message(
                id=row.id,
                key=row.key,
                channel=row.channel,
                parts=tuple(row.parts),
                next_part=row.next_part,
                attempts=row.attempts + 1,
                taken=frozenset(row.taken),
                unsure=row.unsure,
                away=row.away_since is not None,
            )

    def step_done(self, message: Message, steps: Collection[str], *, leased_until: datetime) -> None:
        """Of the part that is being sent these steps are done; the lease is renewed for the next one."""
        with self._database.write() as connection:
            connection.execute(
                update(tables.message)
                .where(tables.message.c.id == message.id)
                .values(taken=sorted(steps), leased_until=leased_until)
            )

    def part_sent(self, message: Message, number: int, *, leased_until: datetime) -> None:
        """Part `number` (from 0) was taken by the receiver; the lease is renewed for the next one."""
        with self._database.write() as connection:
            connection.execute(
                update(tables.message)
                .where(tables.message.c.id == message.id)
                .values(next_part=number + 1, taken=[], leased_until=leased_until)
            )

    def sent(self, message: Message, *, now: datetime, via: str = "", complaint: str = "") -> None:
        """Taken, `via` which of several channels, and what the operator should know of it all the same."""
        self._end(message, state="sent", sent_at=now, error=complaint, via=via, away_since=None)

    def dead(self, message: Message, *, error: str) -> None:
        self._end(message, state="dead", error=error, away_since=None)

    def put_off(
        self, message: Message, *, error: str, due: datetime, away: datetime | None = None, unsure: bool = True
    ) -> None:
        """To be tried again. `away` is now when no way led to its receiver; `unsure` when its receiver may know of it.

        The first answer after a time without a way counts as the first try."""
        table = tables.message.c
        tries = table.attempts if away is not None else case((table.away_since.is_not(None), 1), else_=table.attempts)
        since = None if away is None else func.coalesce(tables.message.c.away_since, away)
        unsure = unsure or message.unsure or message.next_part > 0 or bool(message.taken)
        self._end(message, state="open", error=error, due_at=due, attempts=tries, away_since=since, unsure=unsure)

    def hold(self, channel: str, *, until: datetime) -> None:
        """A receiver asked to be left alone: none of this channel's open messages is due before `until`."""
        table = tables.message
        with self._database.write() as connection:
            held = (table.c.channel == channel) & (table.c.state == "open") & (table.c.due_at < until)
            connection.execute(update(table).where(held).values(due_at=until))

    def _end(self, message: Message, **values: object) -> None:
        with self._database.write() as connection:
            connection.execute(
                update(tables.message)
                .where(tables.message.c.id == message.id)
                .values(leased_by=None, leased_until=None, **values)
            )

    def revive(self, *, now: datetime) -> int:
        """Dead messages are open again, due now, and their tries count from the start; returns how many."""
        table = tables.message
        # One try is left standing: a message that was tried is never taken for one that nobody can know of.
        fresh = {"state": "open", "due_at": now, "attempts": 1}
        with self._database.write() as connection:
            return connection.execute(update(table).where(table.c.state == "dead").values(fresh)).rowcount

    def left(self, channels: Collection[str]) -> dict[str, int]:
        """How many notifications and messages still wait for channels that are none of these, by channel."""
        told, message = tables.notification.c, tables.message.c
        waiting = select(told.channel).where(told.state == "waiting", told.channel.not_in(channels))
        open_ = select(message.channel).where(message.state == "open", message.channel.not_in(channels))
        both = union_all(waiting, open_).subquery()
        query = select(both.c.channel, func.count()).group_by(both.c.channel).order_by(both.c.channel)
        with self._database.read() as connection:
            return dict(connection.execute(query).tuples().all())

    def states(self) -> dict[str, int]:
        """How many messages there are by state, and under `waiting` the notifications not yet closed."""
        with self._database.read() as connection:
            query = select(tables.message.c.state, func.count()).group_by(tables.message.c.state)
            counts: dict[str, int] = dict(connection.execute(query).tuples().all())
            waiting = select(func.count()).where(tables.notification.c.state == "waiting")
            counts["waiting"] = connection.scalar(waiting) or 0
            return counts

    def ahead(self, *, now: datetime) -> tuple[int, datetime | None]:
        """How many notifications are due later than now, and when the first of them is."""
        table = tables.notification.c
        with self._database.read() as connection:
            query = select(func.count(), func.min(table.due_at)).where(table.state == "waiting", table.due_at > now)
            count, first = connection.execute(query).one()
            return count, first

    def stuck(self) -> list[Stuck]:
        """The channels with messages that were tried and not taken, by name."""
        table = tables.message
        tried = table.c.state.in_(("open", "dead")) & (table.c.error != "")
        counts = select(
            table.c.channel,
            func.sum(case((table.c.state == "open", 1), else_=0)).label("open"),
            func.sum(case((table.c.state == "dead", 1), else_=0)).label("dead"),
            func.min(table.c.closed_at).label("since"),
            func.max(table.c.id).label("newest"),
        ).where(tried)
        grouped = counts.group_by(table.c.channel).subquery()
        query = select(grouped, table.c.error).join(table, table.c.id == grouped.c.newest).order_by(grouped.c.channel)
        with self._database.read() as connection:
            return [
                Stuck(channel=row.channel, open=row.open, dead=row.dead, since=row.since, error=row.error)
                for row in connection.execute(query)
            ]

    def alerts(self, *, since: datetime | None = None, rule: str | None = None, limit: int | None = None) -> list[Told]:
        """Alerts, newest first, with their evidence and the state of each channel."""
        table, query = tables.alert, _ALERTS
        if since is not None:
            query = query.where(table.c.raised_at >= since)
        if rule is not None:
            query = query.where(table.c.rule == rule)
        with self._database.read() as connection:
            told: list[Told] = []
            for rows in _batches(connection.execute(query.order_by(table.c.id.desc()).limit(limit)).all()):
                told += (one for _, one in _told(connection, rows))
            return told


def told_of(connection: Connection, where: ColumnElement[bool]) -> Iterator[tuple[int, Told]]:
    """The number of its story and the alert, for each that meets a condition, newest first; those of a few hundred at a time."""
    for rows in _batches(connection.execute(_ALERTS.where(where).order_by(tables.alert.c.id.desc())).all()):
        yield from _told(connection, rows)


def _told(connection: Connection, rows: Sequence[Row[Any]]) -> Iterator[tuple[int, Told]]:
    """These alerts, each with the number of its story and what became of it on each channel."""
    fates = _fates(connection, [row.id for row in rows])
    for row, alert in zip(rows, _alerts(connection, rows), strict=True):
        fate = fates.get(row.id, {})
        states = {channel: state for channel, (state, _) in fate.items()}
        via = {channel: via for channel, (_, via) in fate.items() if via}
        told = Told(id=row.id, alert=alert, channels=states, via=via, acked=row.acked_at, acked_by=row.acked_by)
        yield row.story, told


def _archived(source: str, since: datetime, until: datetime) -> ColumnElement[bool]:
    """Is an alert archived, and its article of this source and these days? What a merge of stories left behind is none: the
    surviving story has an alert on the same rule."""
    alert, article = tables.alert, tables.article
    when = func.coalesce(article.c.published, article.c.saved_at)
    ours = select(article.c.id).where(
        article.c.source == source, article.c.story == alert.c.story, when >= since, when < until
    )
    return and_(alert.c.live.is_(False), alert.c.article.in_(ours))


def _waiting(channels: Collection[str]):  # noqa: ANN202 - a Select of six columns
    table = tables.notification
    return (
        select(table.c.id, table.c.alert, table.c.notice, table.c.channel, table.c.digest, tables.alert.c.story)
        .outerjoin(tables.alert, tables.alert.c.id == table.c.alert)
        .where(table.c.state == "waiting", table.c.channel.in_(channels))
    )


def _due(channels: Collection[str], now: datetime):  # noqa: ANN202 - as `_waiting`
    return _waiting(channels).where(tables.notification.c.due_at <= now)


def _but(failed: Row[Any]) -> ColumnElement[bool]:
    """All but what would have been closed with this one."""
    table, alert = tables.notification.c, tables.alert.c
    if failed.notice is not None:
        return table.id != failed.id
    if failed.digest is not None:
        return or_(table.digest.is_(None), table.digest != failed.digest)
    return or_(table.notice.is_not(None), alert.story != failed.story)


def _hold_no_longer(connection: Connection, terms: Terms, now: datetime) -> None:
    """See `Terms`."""
    table = tables.notification
    urgent = select(tables.alert.c.id).where(tables.alert.c.priority == "urgent")
    alone = (table.c.step == 0) & table.c.notice.is_(None) & table.c.digest.is_(None)
    for which, latest in (
        (alone & table.c.alert.in_(urgent), now),
        (alone, terms.normal),
        (table.c.digest.is_not(None), terms.digest),
        (table.c.notice.is_not(None), now + GRACE),
        *((table.c.step == step, due) for step, due in enumerate(terms.escalations, start=1)),
    ):
        too_late = (table.c.state == "waiting") & (table.c.due_at > latest) & which
        connection.execute(update(table).where(too_late).values(due_at=latest))


def _burst(connection: Connection, first: Row[Any], terms: Terms | None, now: datetime) -> str | None:
    """Is what is due part of a burst? Then all of it is named as one digest, and the name is returned."""
    if terms is None or not terms.burst:
        return None
    table, alert = tables.notification, tables.alert
    soon = (table.c.step == 0) & (table.c.due_at <= terms.gathered)
    gathered = _waiting([first.channel]).where(table.c.digest.is_(None), or_(table.c.due_at <= now, soon))
    ours = gathered.with_only_columns(alert.c.rule).where(alert.c.story == first.story)
    stories = func.count(alert.c.story.distinct())
    rule = connection.scalar(
        gathered.with_only_columns(alert.c.rule)
        .where(alert.c.rule.in_(ours))
        .group_by(alert.c.rule)
        .having(stories >= terms.burst)
        .order_by(stories.desc(), alert.c.rule)
        .limit(1)
    )
    if rule is None:
        return None
    digest = f"{_BURST}{rule} {iso_utc(now)}"
    told = list(connection.scalars(gathered.with_only_columns(alert.c.story).where(alert.c.rule == rule).distinct()))
    for some in _batches(told):
        all_of_them = list(
            connection.scalars(_waiting([first.channel]).with_only_columns(table.c.id).where(alert.c.story.in_(some)))
        )
        connection.execute(update(table).where(table.c.id.in_(all_of_them)).values(digest=digest, due_at=now))
    return digest


def _close(connection: Connection, story: int, channel: str, render: Render, now: datetime) -> None:
    """Close all notifications of one story and channel, into the message nobody has tried to send yet or a new one: with the first
    that is due go those that would have come later."""
    due = connection.execute(_waiting([channel]).where(tables.alert.c.story == story)).all()
    table = tables.message
    earlier = connection.execute(
        select(table.c.id, table.c.key, table.c.state, table.c.attempts)
        .where(table.c.story == story, table.c.channel == channel)
        .order_by(table.c.id)
        .with_for_update()  # nobody begins to send one meanwhile
    ).all()
    untried = next((row for row in earlier if row.state == "open" and row.attempts == 0), None)
    numbers = [row.alert for row in due]
    if untried is not None:
        joined = select(tables.notification.c.alert).where(tables.notification.c.message == untried.id)
        numbers = [*connection.scalars(joined), *numbers]
    alerts = tuple(_alerts(connection, _ranked(connection, tables.alert.c.id.in_(numbers))))
    key = untried.key if untried is not None else _key(channel, alerts)
    others = [row for row in earlier if untried is None or row.id != untried.id]
    draft = Draft(
        key=key,
        channel=channel,
        story=alerts[0].story,
        article=alerts[0].article,
        alerts=alerts,
        follow_up=bool(others) or _in_a_digest(connection, story, channel),
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


def _in_a_digest(connection: Connection, story: int, channel: str) -> bool:
    """Has the channel heard of this story in a digest?"""
    table = tables.notification
    told = exists().where(table.c.alert == tables.alert.c.id, table.c.channel == channel, table.c.state == "closed")
    query = select(told.where(tables.alert.c.story == story, table.c.digest.is_not(None)))
    return bool(connection.scalar(query))


def _close_digest(connection: Connection, digest: str, channel: str, render: Render, now: datetime) -> None:
    """Close what is due of a digest on a channel into a message of its own: the best stories, where there are too many for one."""
    alert, article, message = tables.alert, tables.article, tables.message
    due = (
        _due([channel], now)
        .where(tables.notification.c.digest == digest)
        .join(tables.story, tables.story.c.id == alert.c.story)
        .join(article, article.c.id == alert.c.article)
    )
    newest = func.max(func.coalesce(article.c.published, article.c.saved_at))
    best = due.with_only_columns(alert.c.story).group_by(alert.c.story).limit(_MOST)
    carried = article.alias()
    carriers = select(func.count()).where(carried.c.story == alert.c.story).correlate(alert).scalar_subquery()
    urgency = func.min(case(_ORDER, value=alert.c.priority))
    stories = connection.scalars(best.order_by(urgency, carriers.desc(), newest.desc(), alert.c.story)).all()
    rows = connection.execute(
        due.add_columns(tables.story.c.key, alert.c.rule, alert.c.title, alert.c.live)
        .add_columns(article.c.source, article.c.published, article.c.province)
        .where(alert.c.story.in_(stories))
        .order_by(alert.c.id)
    ).all()
    earlier = exists().where(message.c.digest == digest, message.c.channel == channel)
    key = _hashed("\n".join(["digest", channel, digest, *sorted(f"{row.key} {row.rule}" for row in rows)]))
    titles = {row.rule: row.title for row in rows}
    archived = not any(row.live for row in rows)
    trend = {} if archived else _trend(connection, set(titles), now)
    published = [row.published for row in rows if row.published is not None]
    draft = DigestDraft(
        key=key,
        channel=channel,
        digest=digest,
        count=len(stories),
        stories=_Stories(connection, key, channel, stories, frozenset(row.alert for row in rows)),
        topics=tuple(
            Topic(
                rule=rule,
                title=titles[rule],
                count=count,
                provinces=tuple(Counter(row.province for row in rows if row.rule == rule).most_common()),
                days=trend.get(rule, ()),
            )
            for rule, count in Counter(row.rule for row in rows).most_common()
        ),
        sources=tuple(source for source, _ in Counter(row.source for row in rows).most_common()),
        first=min(published, default=None),
        last=max(published, default=None),
        undated=len(stories) - len({row.story for row in rows if row.published is not None}),
        archived=archived,
        follow_up=bool(connection.scalar(select(earlier))),
        burst=digest.removeprefix(_BURST).rpartition(" ")[0] if digest.startswith(_BURST) else None,
    )
    parts = list(render(draft))
    number = _open(connection, key=key, channel=channel, digest=digest, parts=parts, now=now)
    _into(connection, number, [row.id for row in rows])


def _fold(connection: Connection, channel: str, render: Render, now: datetime) -> int:
    """After `AWAY` without a way to its receiver, more than `FEW` untold stories of a channel become one digest; 1 when they did.

    Only messages that certainly nobody has seen a part of: a digest under another key cannot be known as their repeat. What is
    folded may be folded again with what comes later, until a try reaches somebody.
    """
    message, notification = tables.message, tables.notification
    free = or_(message.c.leased_until.is_(None), message.c.leased_until <= now)
    backlog = message.c.digest.startswith(_BACKLOG, autoescape=True)
    untold = (message.c.state == "open") & (message.c.channel == channel) & message.c.unsure.is_(False) & free
    rows = connection.execute(
        select(message.c.id, message.c.story, message.c.away_since)
        .where(untold, message.c.story.is_not(None) | backlog)
        .with_for_update()
    ).all()
    since = min((row.away_since for row in rows if row.away_since is not None), default=None)
    if since is None or since > now - AWAY:
        return 0
    due = _due([channel], now).where(notification.c.notice.is_(None), notification.c.digest.is_(None))
    waiting = connection.execute(due).all()
    folded = sum(row.story is None for row in rows)
    stories = {row.story for row in (*rows, *waiting) if row.story is not None}
    if not stories or (not folded and len(stories) <= FEW):
        return 0
    name = f"{_BACKLOG}{channel} {iso_utc(since)}"
    into = update(notification).values(state="waiting", message=None, digest=name, due_at=now)
    for some in _batches([row.id for row in rows]):
        connection.execute(into.where(notification.c.message.in_(some)))
        connection.execute(delete(message).where(message.c.id.in_(some)))
    for some in _batches([row.id for row in waiting]):
        connection.execute(into.where(notification.c.id.in_(some)))
    _close_digest(connection, name, channel, render, now)
    again = (message.c.digest == name) & (message.c.channel == channel) & (message.c.state == "open")
    connection.execute(update(message).where(again).values(away_since=since))
    return 1


def _trend(connection: Connection, rules: Collection[str], now: datetime) -> dict[str, tuple[int, ...]]:
    """How many live stories each of these rules has found on each of the last days, today last."""
    today = tehran_day(now)
    first = today - timedelta(days=_TREND - 1)
    alert = tables.alert
    raised = select(alert.c.rule, alert.c.raised_at).where(
        alert.c.rule.in_(rules), alert.c.live, alert.c.raised_at >= day_bounds(first)[0], alert.c.raised_at <= now
    )
    counts: dict[str, Counter[date]] = {rule: Counter() for rule in rules}
    for row in connection.execute(raised):
        counts[row.rule][tehran_day(row.raised_at)] += 1
    days = [first + timedelta(days=number) for number in range(_TREND)]
    return {rule: tuple(found[day] for day in days) for rule, found in counts.items()}


@dataclass(frozen=True, slots=True)
class _Stories:
    """A digest's stories, in order; each look at them reads them anew, a few at a time."""

    connection: Connection
    key: str
    channel: str
    stories: Sequence[int]
    alerts: frozenset[int]

    def __iter__(self) -> Iterator[Draft]:
        for stories in _batches(self.stories):
            found = _ranked(self.connection, tables.alert.c.story.in_(stories))
            rows = [row for row in found if row.id in self.alerts]
            told: dict[int, list[Alert]] = {}
            for row, alert in zip(rows, _alerts(self.connection, rows), strict=True):
                told.setdefault(row.story, []).append(alert)
            for alerts in (tuple(told[story]) for story in stories):
                key, article = alerts[0].story, alerts[0].article
                yield Draft(key=self.key, channel=self.channel, story=key, article=article, alerts=alerts)


def _open(
    connection: Connection,
    *,
    key: str,
    channel: str,
    parts: list[str],
    now: datetime,
    story: int | None = None,
    digest: str | None = None,
) -> int:
    values = {"key": key, "channel": channel, "story": story, "digest": digest, "parts": parts, "state": "open"}
    return new_id(connection.execute(tables.message.insert().values(**values, closed_at=now, due_at=now)))


def _into(connection: Connection, message: int, notifications: Sequence[int]) -> None:
    for some in _batches(notifications):
        connection.execute(
            update(tables.notification)
            .where(tables.notification.c.id.in_(some))
            .values(state="closed", message=message)
        )


def _key(channel: str, alerts: tuple[Alert, ...]) -> str:
    """The same story, channel and rules give the same key, also from a database restored from yesterday's backup."""
    return _hashed("\n".join([channel, alerts[0].story, *sorted(alert.rule for alert in alerts)]))


def _hashed(said: str) -> str:
    return hashlib.sha256(said.encode()).hexdigest()[:32]


_STORY = tables.story.alias("survivor")
_ALERTS = (  # a story that was merged into another is that one
    select(tables.alert, _STORY.c.key.label("story_key"), _STORY.c.id.label("survivor"))
    .join_from(tables.alert, tables.story)
    .join(_STORY, _STORY.c.id == func.coalesce(tables.story.c.merged_into, tables.story.c.id))
)
_ORDER = {"urgent": 0, "normal": 1, "digest": 2}


def _ranked(connection: Connection, where: ColumnElement[bool]) -> Sequence[Row[Any]]:
    """The rows of alerts, urgent ones first."""
    query = _ALERTS.where(where)
    return sorted(connection.execute(query), key=lambda row: (_ORDER[row.priority], row.id))


def _alerts(connection: Connection, rows: Sequence[Row[Any]]) -> list[Alert]:
    """The alerts of these rows, in their order, with articles, evidence and carriers: three questions, however many they are."""
    table, article = tables.match, tables.article
    numbers = {row.article for row in rows}
    written = select(article, tables.story.c.key.label("story_key")).join(tables.story).where(article.c.id.in_(numbers))
    articles = {row.id: article_of(row) for row in connection.execute(written)}
    current = (article.c.id == table.c.article) & (article.c.revision == table.c.revision)
    evidence: dict[tuple[int, str], list[Match]] = {}
    for row in connection.execute(
        select(table).join(article, current).where(table.c.article.in_(numbers)).order_by(table.c.id)
    ):
        match = Match(**{name: getattr(row, name) for name in _MATCH})
        evidence.setdefault((row.article, row.rule), []).append(match)
    carried = carriers(connection, {row.survivor for row in rows})
    return [
        Alert(
            rule=row.rule,
            title=row.title,
            priority=row.priority,
            live=row.live,
            raised=row.raised_at,
            story=row.story_key,
            article=articles[row.article],
            matches=tuple(evidence.get((row.article, row.rule), ())),
            carriers=carried.get(row.survivor, ()),
        )
        for row in rows
    ]


def _fates(connection: Connection, alerts: Sequence[int]) -> dict[int, dict[str, tuple[str, str]]]:
    """What became of alerts, by number, on each channel: waiting, cancelled, or its message's state, and via which channel."""
    table = tables.notification
    query = (
        select(
            table.c.alert, table.c.channel, table.c.state, tables.message.c.state.label("message"), tables.message.c.via
        )
        .outerjoin(tables.message, tables.message.c.id == table.c.message)
        .where(table.c.alert.in_(alerts))
        .order_by(table.c.alert, table.c.channel)
    )
    fates: dict[int, dict[str, tuple[str, str]]] = {}
    for row in connection.execute(query):
        fates.setdefault(row.alert, {})[row.channel] = (row.message or row.state, row.via or "")
    return fates


def _batches(rows: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(rows), _BATCH):
        yield rows[start : start + _BATCH]
