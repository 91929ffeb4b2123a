"""Looking after the stored pages: dictionaries trained, old bodies packed again, pages dropped by policy.

    steps(…)      the work, a small step at a time; `didban db pages --pack` takes all of them
    beside(…)     while a run goes on, ever more seldom, and once at its end

Whichever process has a chore's lease does it. A step is a transaction or two; it may be killed between any two of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Literal

from didban.errors import StoreError
from didban.settings import PagesSettings
from flows.pipeline import Pipeline
from storage.packing import learn
from storage.sql import portions
from storage.store import Store
from storage.upkeep import BATCH, Keeping

Clock = Callable[[], datetime]
LEASE = timedelta(hours=1)
DAILY = timedelta(days=1)
FIRST, LONGEST = 2.0, 600.0
"""Seconds of a run to its first look, and from one to the next: twice as many each time."""
LAST = 2.0
"""Seconds that a run may take for it at its end; what is left then waits for the next run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one step did: to so many pages, or dictionaries."""

    what: Literal["trained", "packed", "dropped"]
    count: int


def keeping_of(settings: PagesSettings) -> Keeping:
    """The settings as storage knows them."""
    spans = {"articles": settings.keep, "listings": settings.listings}
    finite = {name: None if span == timedelta.max else span for name, span in spans.items()}
    return Keeping(**finite, current=settings.current)


def steps(
    store: Store, keeping: Keeping, *, owner: str, now: Clock, daily: timedelta = DAILY
) -> Generator[Step, None, None]:
    """All that is to be done now, and that nobody else is at; what the policy drops, only so often. Closed, it gives its leases
    back. Raises StoreError."""
    yield from _alone(store, "pack pages", _packing(store, now), owner, now, timedelta(0))
    yield from _alone(store, "drop pages", _dropping(store, keeping, now), owner, now, daily)


@asynccontextmanager
async def beside(pipeline: Pipeline, keeping: Keeping) -> AsyncGenerator[None]:
    """Look after the pages while something else goes on. Its own troubles end nothing: what is left is done another time."""
    looking = asyncio.create_task(_looks(pipeline, keeping))
    try:
        yield
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
    await _look(pipeline, keeping, LAST)


async def _looks(pipeline: Pipeline, keeping: Keeping) -> None:
    pause = FIRST
    while True:
        await asyncio.sleep(pause)
        await _look(pipeline, keeping, pause / 4)
        pause = min(2 * pause, LONGEST)


async def _look(pipeline: Pipeline, keeping: Keeping, seconds: float) -> None:
    """For so long, on the thread that writes; what a run has to save comes between any two steps."""
    work = steps(pipeline.store, keeping, owner=pipeline.owner, now=pipeline.now)
    end = monotonic() + seconds
    with suppress(StoreError):
        try:
            while await pipeline.run(next, work, None) is not None and monotonic() < end:
                pass
        finally:
            await pipeline.run(work.close)


def _alone(
    store: Store, name: str, work: Iterator[Step], owner: str, now: Clock, every: timedelta
) -> Generator[Step, None, None]:
    if not store.chores.take(name, owner=owner, now=now(), lease=LEASE, every=every):
        return
    done = None
    try:
        yield from work
        done = now()
    finally:
        store.chores.finish(name, owner=owner, done=done)


def _packing(store: Store, now: Clock) -> Iterator[Step]:
    for source in store.upkeep.untaught(now()):
        current, bodies = store.upkeep.lessons(source)
        dictionary = learn(bodies, current)
        if dictionary is not None or current is not None:
            store.upkeep.adopt(source, dictionary, samples=len(bodies), now=now())
        yield Step(what="trained", count=dictionary is not None)
    after: str | None = ""
    while after is not None:
        count, after = store.upkeep.repack(after)
        yield Step(what="packed", count=count)


def _dropping(store: Store, keeping: Keeping, now: Clock) -> Iterator[Step]:
    at = now()
    while numbers := store.upkeep.expired(keeping, at):
        for portion in portions(numbers, BATCH):
            yield Step(what="dropped", count=store.upkeep.drop(portion, keeping, at))
