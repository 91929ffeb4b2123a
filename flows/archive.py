"""Backfills: walks through a source's past, as units in the database that any process, and any number of them, can go on with.

    open the units of the days asked for ──▶ walk and collect what is due ──▶ settle ──▶ all ended? ──▶ the summary
                                                     ▲                             no │
                                                     └── wait until something is due ─┘

A unit is a day, a sitemap or a run of pages. It is done only when all of its pages have been read and every link it listed is
stored, partial or refused, with the reason. A site that fails is waited for; a page that is gone, or that fails again and
again, is refused, and `retry` takes it up once more. A backfill that is stopped or killed goes on where it was; one that is
started beside another shares its work and takes over what a dead one has left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial

from didban.article import Listing
from didban.dates import day_bounds, jalali_iso, jalali_of, parse_day, parse_span, tehran_day
from didban.errors import DidbanError, InputError
from didban.health import FIRST_RETRY, LONGEST_RETRY, rates, retry_at
from didban.outcome import Tally
from didban.settings import Settings
from flows.deliver import deliver
from flows.rulebook import everyone, in_force
from flows.workshop import Workshop, chosen, now, opened, silent, workshop
from scrapers.base import Source, days
from scrapers.detect import settled, unsettled
from scrapers.platforms.nastooh import Nastooh
from storage.units import Left, Order, Walk

WAYS = ("day", "page", "sitemap")
SETTLED = timedelta(days=1)
"""A day is listed for good this long after its end: sites still add late articles to yesterday."""

LOOK = timedelta(seconds=15)
"""How often a backfill that waits looks whether a process that held work has died, or put it down."""

_A_LISTING = 30  # articles on a page of an archive, about: for a forecast

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Which days of which source, and in which order; both days included. `ways` replaces the source's own ways in."""

    source: str
    since: date
    until: date
    order: Order = "newest"
    ways: tuple[str, ...] = ()

    def bounds(self) -> tuple[datetime, datetime]:
        """The instants from the first day's midnight to the midnight after the last."""
        return day_bounds(self.since)[0], day_bounds(self.until)[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a backfill stands: units of the range by state, now and when this run began, what it has done, and for how long."""

    source: str
    units: dict[str, int]
    at_first: dict[str, int]
    tally: Tally
    elapsed: timedelta
    waits: str = ""
    """What it waits for, when it does."""

    @property
    def done(self) -> int:
        return _ended(self.units)

    @property
    def total(self) -> int:
        return sum(self.units.values())

    @property
    def known(self) -> int:
        """Links that were listed and had been noted before."""
        return max(self.tally.listed - self.tally.noted, 0)

    @property
    def rate(self) -> float:
        """Articles a minute."""
        tally = self.tally
        ended = tally.new + tally.changed + tally.completed + tally.same + tally.partial + tally.refused
        return ended / max(self.elapsed.total_seconds(), 1.0) * 60

    @property
    def left(self) -> timedelta | None:
        """How long the rest takes if it goes on as since the start; None: nobody knows yet."""
        done = self.done - _ended(self.at_first)
        return self.elapsed / done * (self.total - self.done) if done > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a backfill would do: days and units, about how many articles are missing, and how long that takes at the polite rate."""

    source: str
    days: int
    units: int
    done: int
    articles: int
    requests: int
    rate: float

    @property
    def takes(self) -> timedelta:
        return timedelta(seconds=round(self.requests / self.rate))

    def __str__(self) -> str:
        return (
            f"{self.source}: {self.days} days, {self.units - self.done} of {self.units} archive units to do · about "
            f"{self.articles:,} articles · about {span(self.takes)} at {self.rate:g} a second"
        )

    def as_json(self) -> dict[str, object]:
        return asdict(self) | {"seconds": round(self.takes.total_seconds())}


Show = Callable[[Progress], None]


def told(progress: Progress) -> str:
    """Where a backfill stands, in one line."""
    tally, left = progress.tally, progress.left
    said = (
        f"{progress.done} of {progress.total} units",
        f"{tally.new} new",
        f"{progress.known} known",
        f"{tally.partial} partial",
        f"{tally.refused} refused",
        f"{progress.rate:.0f} a minute",
        f"about {span(left)} left" if left is not None else "",
        progress.waits,
    )
    return f"{progress.source}: " + " · ".join(filter(None, said))


def span(length: timedelta) -> str:
    """A length of time for people: `3 d 4 h`, `2 h 5 min`, `40 s`."""
    seconds = round(length.total_seconds())
    days_, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days_:
        return f"{days_} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


def _ended(units: dict[str, int]) -> int:
    return units.get("done", 0) + units.get("refused", 0)


def run(
    settings: Settings,
    asked: Range,
    *,
    notify: bool = False,
    limit: float | None = None,
    patience: timedelta | None = None,
    report: Callable[[str], None] = silent,
    show: Show | None = None,
) -> Tally:
    """Collect the articles of these days. What it finds is kept as archived alerts, and summed up at the end.

    `notify` tells them, as digests, when all is done; `limit` is requests a second at most, beside the host's own pace; `patience`
    is how long to wait for a site without getting anything, or for the database, for as long as it takes when None. `report` gets
    lines for people, `show` where it stands, every second or so.

    Raises InputError for an unknown source, days in the wrong order or in the future, a source without an archive; SettingsError,
    RulesError, StoreError.
    """
    checked(settings, asked)
    wait = timedelta.max if patience is None else patience

    async def whole() -> Tally:
        async with workshop(settings, [asked.source], yielding=True, limit=limit, patience=wait, report=report) as shop:
            (source,) = shop.sources
            source = through(await _settled(shop, source, patience, report), asked.ways)
            walks = [walk_of(listing, asked) for listing in archive_of(source, asked)]
            await shop.pipeline.run(partial(shop.pipeline.store.units.open, walks, now=shop.pipeline.now()))
            since, until = asked.bounds()
            tally = await collect(
                shop, source, since=since, until=until, order=asked.order, patience=patience, report=report, show=show
            )
            left = any("still to do" in problem for problem in tally.problems)
            tally.add(await conclude(shop, settings, asked, notify=notify and not left, report=report))
            return tally

    return asyncio.run(whole())


def retry(
    settings: Settings,
    source: str,
    *,
    since: date | None = None,
    until: date | None = None,
    limit: float | None = None,
    patience: timedelta | None = None,
    report: Callable[[str], None] = silent,
    show: Show | None = None,
) -> Tally:
    """Try once more what earlier backfills of this source (of these days) were refused. Raises as `run`."""
    start, end = day_bounds(since)[0] if since else None, day_bounds(until)[1] if until else None
    wait = timedelta.max if patience is None else patience

    async def whole() -> Tally:
        async with workshop(settings, [source], yielding=True, limit=limit, patience=wait, report=report) as shop:
            pipeline = shop.pipeline
            revive = partial(pipeline.store.units.retry, source, since=start, until=end, now=pipeline.now())
            count = await pipeline.run(revive)
            report(f"{source}: {count} refused links and archive units are tried again")
            one = await _settled(shop, shop.sources[0], patience, report)
            return await collect(shop, one, since=start, until=end, patience=patience, report=report, show=show)

    return asyncio.run(whole())


async def _settled(
    shop: Workshop,
    source: Source,
    patience: timedelta | None,
    report: Callable[[str], None],
    sleep: Sleep = asyncio.sleep,
) -> Source:
    """The source with the engine and list that its home page shows; a site that does not answer now is waited for.

    Raises InputError where the home page shows none, and where patience has ended.
    """
    waited, tries = timedelta(0), 0
    while unsettled(source):
        found = await settled(source, shop.pipeline.fetch)
        if found is not source:
            return found
        if await shop.pipeline.answers(source):
            raise InputError(
                f"{source.key}: its home page does not say where its archive is; write `news` or `feed` under "
                f"[sources.{source.key}]"
            )
        pause = min(FIRST_RETRY * 2**tries, LONGEST_RETRY)
        if patience is not None and waited + pause > patience:
            raise InputError(f"{source.key}: its site does not answer; run it again later")
        report(f"{source.key}: its site does not answer; on again in {span(pause)}")
        await sleep(pause.total_seconds())
        waited, tries = waited + pause, tries + 1
    return source


async def collect(
    shop: Workshop,
    source: Source,
    *,
    since: datetime | None,
    until: datetime | None,
    order: Order = "newest",
    patience: timedelta | None = None,
    report: Callable[[str], None] = silent,
    show: Show | None = None,
    sleep: Sleep = asyncio.sleep,
) -> Tally:
    """Work off the units that overlap these instants, and the links they list, until each has found its end."""
    pipeline = shop.pipeline
    units, key = pipeline.store.units, source.key
    states = partial(pipeline.run, units.states, key, WAYS, since=since, until=until)
    course = _Course(key=key, now=pipeline.now, begun=pipeline.now(), at_first=await states())
    showing = asyncio.create_task(_keep_showing(course, states, show))
    try:
        while True:
            if said := await shop.refresh():
                report(said)
            before = _achieved(course.tally)
            trouble = await pipeline.walk(source, WAYS, course.tally, order=order, since=since, until=until)
            trouble = await pipeline.collect(source, course.tally, archive=True) or trouble
            await pipeline.run(units.settle, key)
            rest = partial(units.left, key, WAYS, owner=pipeline.owner, now=pipeline.now(), since=since, until=until)
            left = await pipeline.run(rest)
            if left is None:
                await pipeline.run(units.settle, key)  # another process may have ended the last link since
                break
            if await shop.bury():
                continue
            pause = course.pause(left, trouble, went_on=_achieved(course.tally) > before)
            if patience is not None:
                if course.idle() >= patience:
                    break
                pause = min(pause, patience - course.idle())
            if pause > LOOK:
                report(f"{key}: {left}: {course.waits}")
            await sleep(max(pause.total_seconds(), 0.02))
            course.waits = ""
    finally:
        showing.cancel()
    ended = course.stand(await states())
    if show is not None:
        await _shown(show, ended)
    return replace(course.tally, problems=[*_problems(ended, left)])


@dataclass(slots=True, kw_only=True)
class _Course:
    """What a running backfill knows of itself."""

    key: str
    now: Callable[[], datetime]
    begun: datetime
    at_first: dict[str, int]
    tally: Tally = field(default_factory=Tally)
    waits: str = ""
    moved: datetime | None = None
    tries: int = 0

    def stand(self, units: dict[str, int]) -> Progress:
        elapsed = self.now() - self.begun
        return Progress(
            source=self.key, units=units, at_first=self.at_first, tally=self.tally, elapsed=elapsed, waits=self.waits
        )

    def idle(self) -> timedelta:
        """For how long nothing has come."""
        return self.now() - (self.moved or self.begun)

    def pause(self, left: Left, trouble: DidbanError | None, *, went_on: bool) -> timedelta:
        """How long to wait: until something is due, or, where work is due and the site gives none of it, ever longer."""
        at = self.now()
        if went_on:
            self.moved, self.tries = at, 0
        due, why = left.due, "another process is at it" if left.held else "what failed is not due yet"
        if trouble is not None and due <= at:
            due, why = retry_at(trouble, self.tries, at) or at + LOOK, str(trouble)
            self.tries += 1
        clock = (jalali_iso(due, with_time=True) or "").replace("T", " ")
        self.waits = f"{why}; on again {clock}"
        return min(due - at, LOOK) if left.held else due - at


async def _keep_showing(course: _Course, states: Callable[[], Awaitable[dict[str, int]]], show: Show | None) -> None:
    while show is not None:
        await _shown(show, course.stand(await states()))
        await asyncio.sleep(1)


async def _shown(show: Show, progress: Progress) -> None:
    """Show it from a thread of its own: a server that is slow to be told, or away, holds up no work and ends none."""
    with suppress(Exception):
        await asyncio.to_thread(show, progress)


def _problems(ended: Progress, left: Left | None) -> Iterator[str]:
    """What keeps a backfill from being called done. Troubles that were overcome are none."""
    if left is not None:
        yield f"{ended.source}: {left}; run it again, it goes on where it is"
    if refused := ended.units.get("refused", 0):
        again = f"`didban backfill {ended.source} --status` says why, `--retry refused` tries them again"
        yield f"{ended.source}: {refused} of {ended.total} archive units were refused; {again}"


def _achieved(tally: Tally) -> int:
    return tally.new + tally.changed + tally.completed + tally.same + tally.partial + tally.refused + tally.noted


async def conclude(
    shop: Workshop, settings: Settings, asked: Range, *, notify: bool, report: Callable[[str], None]
) -> Tally:
    """The summary: which archived alerts these days hold, told as digests when `notify`."""
    pipeline, outbox = shop.pipeline, shop.pipeline.store.outbox
    since, until = asked.bounds()
    these = {"source": asked.source, "since": since, "until": until}
    rules = await pipeline.run(outbox.archived, **these)
    if rules:
        said = " · ".join(f"{rule} {count}" for rule, count in sorted(rules.items(), key=lambda one: (-one[1], one[0])))
        report(f"{asked.source}: archived alerts of these days: {said}")
    if notify:
        channels = {rule.id: rule.channels or everyone(settings) for rule in in_force(settings)}
        digest = f"backfill {asked.source} {asked.since}..{asked.until}"
        told = await pipeline.run(outbox.announce, digest, **these, channels=channels, now=pipeline.now())
        report(f"{asked.source}: {told} of them are told now, as digests")
    return await deliver(pipeline, shop.channels)


def forecast(settings: Settings, asked: Range, *, limit: float | None = None) -> Forecast:
    """What a backfill would do, without asking anybody. Articles are what the source brings on such days, by its history or else by
    what it declares. Raises as `run`."""
    source = through(checked(settings, asked), asked.ways)
    with opened(settings) as store:
        history = store.sources.history(source.key)
        ended = store.units.done(source.key)
    listings = archive_of(source, asked)
    done = sum((listing.way, walk_of(listing, asked).key) in ended for listing in listings)
    usual = rates(history, source.expects)
    wanted = days(asked.since, asked.until)
    left = 1 - done / len(listings)
    articles = sum(usual.of(day) for day in wanted) * left
    if any(listing.day is None for listing in listings):  # one list, leafed through from today's page on
        pages = max(1.0, sum(usual.of(day) for day in days(asked.since, tehran_day(now()))) / _A_LISTING) * left
    else:
        pages = sum(max(1.0, usual.of(day) / _A_LISTING) for day in wanted) * left
    return Forecast(
        source=source.key,
        days=len(wanted),
        units=len(listings),
        done=done,
        articles=round(articles),
        requests=round(articles + pages),
        rate=min(settings.rate, limit or settings.rate),
    )


def range_of(
    source: str,
    *,
    since: str | date | None = None,
    until: str | date | None = None,
    last: str | timedelta | None = None,
    order: Order = "newest",
    ways: Sequence[str] | None = None,
) -> Range:
    """The days asked for: from `since` to `until` (today when None), or the `last` so many days, today included.

    Raises InputError when neither is given, or both; DateError.
    """
    today = tehran_day(now())
    if (since is None) == (last is None):
        raise InputError("say which days: --since DAY [--until DAY], or --last 30d")
    last_day = (parse_day(until) if isinstance(until, str) else until) or today
    if last is not None:
        if until is not None:
            raise InputError("--last counts back from today: leave --until out, or give --since")
        span = parse_span(last) if isinstance(last, str) else last
        if not timedelta(days=1) <= span <= timedelta(days=36_500):
            raise InputError("--last: a day is the least, 1d, and a century the most, 36500d")
        first = today - span + timedelta(days=1)
    else:
        first = parse_day(since) if isinstance(since, str) else since or today
        if first > today:
            raise InputError(f"{_said(first)} is in the future; the last day there is is today, {_said(today)}")
        if until is not None and first > last_day:
            raise InputError(f"the first day, {_said(first)}, is after the last, {_said(last_day)}")
        last_day = min(last_day, today)
    return Range(source=source, since=first, until=last_day, order=order, ways=tuple(ways or ()))


def refused(settings: Settings) -> list[str]:
    """The sources whose backfills were refused something. Raises SettingsError, StoreError."""
    with opened(settings) as store:
        return store.units.refused()


def _said(day: date) -> str:
    """A day in both calendars, for whoever typed either: `1405-08-30 (2026-11-21)`."""
    return f"{'{:04}-{:02}-{:02}'.format(*jalali_of(day))} ({day})"


def checked(settings: Settings, asked: Range) -> Source:
    """The source that is asked for. Raises InputError for an unknown one, and for days that are not there."""
    (source,) = chosen(settings, [asked.source])
    today = tehran_day(now())
    days(asked.since, asked.until)
    if asked.until > today:
        raise InputError(f"{_said(asked.until)} is in the future; the last day there is is today, {_said(today)}")
    archive_of(through(source, asked.ways), asked)
    return source


def through(source: Source, ways: tuple[str, ...]) -> Source:
    """The source, its archive read in these ways. Raises InputError for a way that it does not have."""
    if not ways:
        return source
    if not isinstance(source, Nastooh):
        raise InputError(f"{source.key}: its archive is read in one way; leave --way out")
    return replace(source, ways=ways)


def archive_of(source: Source, asked: Range) -> tuple[Listing, ...]:
    """The listings that hold these days. Raises InputError where there are none."""
    listings = source.archive(asked.since, asked.until)
    if not listings:
        raise InputError(f"{source.key}: no archive is known there; the watch collects what is new")
    return listings


def walk_of(listing: Listing, asked: Range) -> Walk:
    """A listing of an archive as a piece of work: its own day, or all of the days asked for."""
    first, last = (listing.day, listing.day) if listing.day else (asked.since, asked.until)
    start, end = day_bounds(first)[0], day_bounds(last)[1]
    return Walk(listing=listing, key=f"{first}..{last}", since=start, until=end, final=end + SETTLED)
