"""Walks through a source's past: a backfill, as units in the database that any run can go on with.

A unit is a day or a run of pages; it is done only when every one of its listing pages has been read, and its links are
rows before it moves on. A backfill that is stopped, or killed, goes on where it was when it is asked for again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial

from didban.dates import day_bounds
from didban.outcome import Tally
from didban.settings import Settings
from flows.deliver import deliver
from flows.shift import line, silent
from flows.workshop import now, workshop
from scrapers.detect import settled

WAYS = ("day", "page", "sitemap")
SETTLED = timedelta(days=1)
"""A day is listed for good this long after its end: sites still add late articles to yesterday."""


def run(
    settings: Settings,
    source: str,
    since: date,
    until: date,
    *,
    notify: bool = False,
    report: Callable[[str], None] = silent,
) -> Tally:
    """Collect the articles of these civil days in Tehran, both included. `notify` tells what it finds, however old.

    Raises InputError for an unknown source or days in the wrong order, SettingsError, RulesError, StoreError.
    """
    return asyncio.run(_backfill(settings, source, since, until, notify=notify, report=report))


async def _backfill(
    settings: Settings,
    key: str,
    since: date,
    until: date,
    *,
    notify: bool,
    report: Callable[[str], None],
) -> Tally:
    tally = Tally()
    async with workshop(settings, [key], window=timedelta.max if notify else None, yielding=True) as shop:
        pipeline, (source,) = shop.pipeline, shop.sources
        source = await settled(source, pipeline.fetch)
        links = pipeline.store.links
        for listing in source.archive(since, until):
            first, last = (listing.day, listing.day) if listing.day else (since, until)
            start, end = day_bounds(first)[0], day_bounds(last)[1]
            open_walk = partial(links.open_walk, listing, key=f"{first}..{last}", since=start, until=end)
            await pipeline.run(open_walk, final=end + SETTLED, now=now())
        await pipeline.walk(source, WAYS, tally)
        await pipeline.collect(source, tally)
        report(line(key, tally))
        tally.add(await deliver(pipeline, shop.channels))
        held = await pipeline.run(partial(links.held, key, WAYS, owner=pipeline.owner, now=now()))
        states = await pipeline.run(links.walks, key, WAYS)
    if held:
        report(f"{key}: another process is at {held} more of these archive units")
    left = states.get("waiting", 0) - held
    if left > 0:
        tally.problems.append(f"{key}: {left} of {sum(states.values())} archive units are still to do; run it again")
    return tally
