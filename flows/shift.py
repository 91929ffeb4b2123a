"""A shift: the sources due within a stretch of time, polled and delivered by one process.

Each source has its own loop, so that a slow site delays nobody; a lease in the database keeps two processes from polling one
source. `length` 0 is one pass over every source now. Ctrl-C cancels at an await, never inside a transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from didban.outcome import Tally
from didban.settings import Settings
from flows import report as daily
from flows.deliver import deliver
from flows.workshop import Workshop, now, workshop
from scrapers.base import Source
from scrapers.detect import settled


def silent(line: str) -> None:
    """Reports to nobody."""
    del line


def run(
    settings: Settings,
    *,
    sources: Sequence[str] = (),
    length: timedelta = timedelta(0),
    report: Callable[[str], None] = silent,
) -> Tally:
    """Watch until `length` is over; returns the tally of the whole. `report` gets one line per pass.

    Raises SettingsError, RulesError, StoreError; a source's own trouble is counted and never ends a shift.
    """
    return asyncio.run(_shift(settings, sources, length, report))


async def _shift(settings: Settings, sources: Sequence[str], length: timedelta, report: Callable[[str], None]) -> Tally:
    end = now() + length
    total = Tally()
    async with workshop(settings, sources) as shop:
        await _report(settings, shop)
        total.add(await deliver(shop.pipeline, shop.channels))
        loops = [_watch(shop, source, end, once=not length, report=report) for source in shop.sources]
        for tally in await asyncio.gather(*loops, _deliver(settings, shop, end)):
            total.add(tally)
        if not length:
            await shop.pipeline.run(shop.pipeline.store.outbox.hasten, now=now())
            total.add(await deliver(shop.pipeline, shop.channels))
    return total


async def _report(settings: Settings, shop: Workshop) -> None:
    """Have the daily report told, when it is due."""
    if daily.due(settings, now()) is not None:
        await shop.pipeline.run(partial(daily.tell, settings, shop.pipeline.store, now=now()))


async def _deliver(settings: Settings, shop: Workshop, end: datetime) -> Tally:
    """Deliver what falls due (a retry, a message put off, the daily report) until the shift is over."""
    total = Tally()
    while (left := (end - now()).total_seconds()) > 0:
        await asyncio.sleep(min(_DELIVERY, left))
        await _report(settings, shop)
        total.add(await deliver(shop.pipeline, shop.channels))
    return total


async def _watch(shop: Workshop, source: Source, end: datetime, *, once: bool, report: Callable[[str], None]) -> Tally:
    total = Tally()
    source = await settled(source, shop.pipeline.fetch)
    while True:
        tally = await shop.pipeline.watch(source, even_if_not_due=once)
        if tally is not None:
            tally.add(await deliver(shop.pipeline, shop.channels))
            total.add(tally)
            report(line(source.key, tally))
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
    return f"{key}: {counts}{problem}"
