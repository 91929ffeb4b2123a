"""A shift: the sources due within a stretch of time, polled and delivered by one process.

Each source has its own loop, and in a shift each channel too, so that a slow one delays nobody; a lease in the database keeps two
processes from polling one source. `length` 0 is one pass over every source now. A rules file that has changed is in force from the
next pass on. Ctrl-C cancels at an await, never in a transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from alerts.channels.base import Channel
from alerts.lines import printable
from didban.alert import Alert
from didban.outcome import Tally
from didban.settings import Settings
from flows import feeds
from flows import report as daily
from flows.deliver import deliver, hasten, on_channel
from flows.workshop import Workshop, now, silent, source_names, workshop
from scrapers.base import Source
from scrapers.detect import settled


def run(
    settings: Settings,
    *,
    sources: Sequence[str] = (),
    length: timedelta = timedelta(0),
    report: Callable[[str], None] = silent,
    raised: Callable[[Alert], None] | None = None,
) -> Tally:
    """Watch until `length` is over; returns the tally of the whole. `report` gets one line per pass, `raised` each alert
    that a pass raised and that is told.

    Raises SettingsError, RulesError, StoreError; a source's own trouble is counted and never ends a shift. A database that is
    locked or away is waited for, for as long as the shift is to live.
    """
    return asyncio.run(_shift(settings, sources, length, report, raised))


async def _shift(
    settings: Settings,
    sources: Sequence[str],
    length: timedelta,
    report: Callable[[str], None],
    raised: Callable[[Alert], None] | None,
) -> Tally:
    end = now() + length
    total = Tally()
    async with workshop(settings, sources, patience=length, report=report) as shop:
        if shop.rulebook is not None and shop.rulebook.problem:
            report(shop.rulebook.problem)
        await _report(settings, shop)
        bells: list[asyncio.Event] = []
        loops: list[Coroutine[Any, Any, Tally]] = []
        if length:
            loops.append(_reports(settings, shop, end))
            bells = [asyncio.Event() for _ in shop.channels]
            loops += [_deliver(shop, *one, end, report) for one in zip(shop.channels.values(), bells, strict=True)]
        else:
            total.add(await deliver(shop.pipeline, shop.channels))
        loops += [_watch(shop, source, end, bells, report, raised) for source in shop.sources]
        for tally in await asyncio.gather(*loops):
            total.add(tally)
        if not length:
            await hasten(shop.pipeline)
            total.add(await deliver(shop.pipeline, shop.channels))
        total.problems += await _feeds(shop, settings)
    return total


async def _report(settings: Settings, shop: Workshop) -> None:
    """Have the daily report told, when it is due."""
    if daily.due(settings, now()) is not None:
        await shop.pipeline.run(partial(daily.tell, settings, shop.pipeline.store, now=now()))


async def _feeds(shop: Workshop, settings: Settings) -> list[str]:
    """Write the feeds of alerts; returns what was in the way: a full disk ends no shift."""
    rules = () if shop.rulebook is None else shop.rulebook.rules
    write = partial(feeds.write, shop.pipeline.store, rules, settings.var / "feeds", names=source_names(settings))
    try:
        await shop.pipeline.run(write)
    except OSError as error:
        return [f"feeds: {error.filename or settings.var}: {error.strerror or error}"]
    return []


async def _reports(settings: Settings, shop: Workshop, end: datetime) -> Tally:
    """The same until the shift is over; the channels deliver it."""
    while (left := (end - now()).total_seconds()) > 0:
        await asyncio.sleep(min(_DELIVERY, left))
        await _report(settings, shop)
    return Tally()


async def _deliver(
    shop: Workshop, channel: Channel, bell: asyncio.Event, end: datetime, report: Callable[[str], None]
) -> Tally:
    """Deliver on one channel what falls due (news, a retry, a message put off) until the shift is over."""
    total = Tally()
    while now() < end:
        tally = await on_channel(shop.pipeline, channel, until=end)
        total.add(tally)
        if tally.sent or tally.problems:
            report(line(channel.name, tally))
        with suppress(TimeoutError):
            await asyncio.wait_for(bell.wait(), max(0.0, min(_DELIVERY, (end - now()).total_seconds())))
        bell.clear()
    return total


async def _watch(
    shop: Workshop,
    source: Source,
    end: datetime,
    bells: Sequence[asyncio.Event],
    report: Callable[[str], None],
    raised: Callable[[Alert], None] | None = None,
) -> Tally:
    """Poll a source whenever it is due; without bells to ring for the channels, once, and deliver."""
    total, once = Tally(), not bells
    source = await settled(source, shop.pipeline.fetch)
    while True:
        if said := await shop.refresh():
            report(said)
        began = now()
        tally = await shop.pipeline.watch(source, even_if_not_due=once)
        if tally is not None:
            if once:
                tally.add(await deliver(shop.pipeline, shop.channels))
            for bell in bells:
                bell.set()
            total.add(tally)
            report(line(source.key, tally))
            if raised is not None and tally.alerts:
                for told in await shop.pipeline.run(partial(shop.pipeline.store.outbox.alerts, since=began)):
                    if told.alert.live and told.alert.article.source == source.key:
                        raised(told.alert)
        elif once:
            report(f"{source.key}: another process is watching it; skipped")
        due = await shop.pipeline.run(shop.pipeline.store.sources.next_due, [source.key])
        if once or due is None or due >= end:
            return total
        await asyncio.sleep(max(_HELD, (due - now()).total_seconds()))


_DELIVERY = 15.0  # seconds between two looks at what has fallen due
_HELD = 5.0  # seconds to the next look at a source that is due and that another process holds


def line(key: str, tally: Tally) -> str:
    """A pass in one line: what is not zero, and the first problem."""
    counts = " · ".join(f"{count} {name}" for name, count in tally.counts().items() if count) or "nothing new"
    problem = f" · {tally.problems[0]}" if tally.problems else ""
    return printable(f"{key}: {counts}{problem}")
