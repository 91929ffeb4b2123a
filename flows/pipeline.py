"""The order of things for one source: list → note → fetch → read → match → save. No Prefect, no clock of its own.

    watch(source)      its listings polled, its gaps walked, its waiting links collected
    walk(source, …)    the pages of an archive, one after the other
    collect(source)    waiting links fetched, read and saved: the only way an article comes in

Every step ends in a transaction that leaves the rest of the work as rows that are due: a crash anywhere loses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from didban.alert import Judge, Sighting, Via
from didban.article import Article, Link, Listing, Page
from didban.errors import Blocked, DidbanError, FetchError, ReadError, ServerFault, Unreachable, Unreadable
from didban.health import next_poll, retry_at, state_after
from didban.outcome import Saved, Tally
from didban.provinces import resolve
from scrapers.base import Source
from storage.links import Unit, Waiting, key_of
from storage.store import Store

LEASE = timedelta(minutes=15)
BATCH = 20
GAP_PAGES = 100
"""A walk over a gap ends here at the latest: some 3,000 articles, ten days of the busiest source."""

T = TypeVar("T")


class Fetch(Protocol):
    """`scrapers.fetch.Fetcher.fetch`, or a dict of saved pages in a test. None: not modified."""

    def __call__(
        self, url: str, *, hosts: tuple[str, ...], etag: str | None = None, last_modified: str | None = None
    ) -> Awaitable[Page | None]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """What every step needs: the store and the one thread that writes to it, a way to fetch, a judge, a clock."""

    store: Store
    writer: Executor
    fetch: Fetch
    judge: Judge
    owner: str
    now: Callable[[], datetime]

    async def watch(self, source: Source, *, even_if_not_due: bool = False) -> Tally | None:
        """One pass over a source; None when it is not due or another process holds it."""
        take = partial(self.store.sources.take, even_if_not_due=even_if_not_due)
        if not await self.run(take, [source.key], owner=self.owner, now=self.now(), lease=LEASE):
            return None
        tally = Tally()
        failed: DidbanError | None = None
        for listing in source.watch():
            try:
                await self._poll(source, listing, tally)
            except (FetchError, ReadError) as error:
                failed = error
                _count(tally, error)
        await self.walk(source, ("gap",), tally)
        trouble = await self.collect(source, tally)
        await self._finish(source, failed, trouble)
        return tally

    async def walk(self, source: Source, ways: Sequence[str], tally: Tally) -> None:
        """Walk the pages of every unit of these ways that is due, collecting as we go."""
        while True:
            take = partial(self.store.links.take_unit, source.key, ways=ways, owner=self.owner, lease=LEASE)
            unit = await self.run(take, now=self.now())
            if unit is None:
                return
            try:
                await self._walk_page(source, unit, tally)
            except (FetchError, ReadError) as error:
                _count(tally, error)
                due = retry_at(error, unit.attempts, self.now())
                await self.run(self.store.links.put_off_unit, unit, reason=str(error), due=due)
            else:
                await self.collect(source, tally)

    async def collect(self, source: Source, tally: Tally) -> DidbanError | None:
        """Fetch, read and save every waiting link of a source; returns the trouble that its site gave, if any.

        A wall ends the fetching, not the work: the other links become partial articles by what their listing said. A site that
        does not answer twice running is left in peace until the next pass.
        """
        wall: Blocked | None = None
        silent = 0
        trouble: DidbanError | None = None
        while True:
            await self.run(self.store.sources.extend, source.key, owner=self.owner, until=self.now() + LEASE)
            batch = await self.run(
                self.store.links.take, source.key, owner=self.owner, now=self.now(), lease=LEASE, limit=BATCH
            )
            if not batch:
                break
            for place, waiting in enumerate(batch):
                if silent == 2:
                    await self.run(self.store.links.give_back, batch[place:])
                    return trouble
                try:
                    await self._collect_one(source, waiting, tally, wall)
                    silent = 0
                except Blocked as error:
                    wall = trouble = error
                except (Unreachable, ServerFault) as error:
                    silent, trouble = silent + 1, error
                except ReadError as error:
                    trouble = error
                except FetchError:
                    pass  # this address alone: counted, and written on its link
        return trouble

    async def run(self, work: Callable[..., T], *args: Any, **named: Any) -> T:  # noqa: ANN401 - passed on as given
        """Do this on the thread that writes; no transaction is ever open across an await."""
        return await asyncio.get_running_loop().run_in_executor(self.writer, partial(work, *args, **named))

    async def _poll(self, source: Source, listing: Listing, tally: Tally) -> None:
        etag, modified = await self.run(self.store.links.validators, source.key, listing.url)
        page = await self.fetch(listing.url, hosts=source.hosts, etag=etag, last_modified=modified)
        if page is None:
            return
        try:
            listed = _read(source.links, page, listing)
        except ReadError as error:
            await self._keep_unread(source, page, error)
            raise
        older = source.older()
        noted = await self.run(self.store.links.note, listing, listed, page, older=older, now=self.now())
        tally.listed += len(listed.links)
        tally.noted += noted.new
        tally.gaps += noted.gap
        if listed.problem:
            raise ReadError(listing.url, listed.problem)

    async def _walk_page(self, source: Source, unit: Unit, tally: Tally) -> None:
        page = await self.fetch(unit.listing.url, hosts=source.hosts)
        if page is None:
            raise ServerFault(unit.listing.url, "says not modified to a question without conditions")
        try:
            listed = _read(source.links, page, unit.listing)
        except ReadError as error:
            await self._keep_unread(source, page, error)
            raise
        if listed.problem:
            await self._keep_unread(source, page, ReadError(page.url, listed.problem))
            raise ReadError(page.url, listed.problem)
        over = await self._is_over(unit, listed.links)
        wanted = [link for link in listed.links if _within(link, unit)]
        following = None if over else listed.next
        note = partial(self.store.links.note_walk, unit, listed, page, wanted=wanted, next_url=following)
        noted = await self.run(note, now=self.now())
        tally.listed += len(listed.links)
        tally.noted += noted.new

    async def _is_over(self, unit: Unit, links: Sequence[Link]) -> bool:
        """Has this walk met what it walks towards, or a page that says nothing new?"""
        if not links or {key_of(link) for link in links} <= unit.last_keys:
            return True
        if unit.listing.way == "gap":
            known = await self.run(self.store.links.known_before, unit.listing.source, links, unit.created)
            return known > 0 or unit.pages + 1 >= GAP_PAGES
        dates = [link.published for link in links if link.published is not None]
        return unit.since is not None and len(dates) == len(links) and max(dates) < unit.since - timedelta(days=1)

    async def _collect_one(self, source: Source, waiting: Waiting, tally: Tally, wall: Blocked | None) -> None:
        """One link to its end. Raises the FetchError or ReadError that kept it from being stored, after writing that down."""
        page: Page | None = None
        try:
            if wall is not None:
                raise wall
            page = await self.fetch(waiting.link.url, hosts=source.hosts)
            if page is None:
                raise ServerFault(waiting.link.url, "says not modified to a question without conditions")
            article = replace(_read(source.article, page, waiting.link), fetched=page.fetched)
        except (FetchError, ReadError) as error:
            await self._leave(source, waiting, page, error, tally)
            raise
        saved = await self._save(article, waiting, page=page)
        _count_saved(tally, saved)

    async def _leave(
        self, source: Source, waiting: Waiting, page: Page | None, error: DidbanError, tally: Tally
    ) -> None:
        """The link's page could not be had or read: keep what the listing said as a partial article, and try again later."""
        _count(tally, error)
        due = retry_at(error, waiting.attempts, self.now())
        summary = waiting.link.title and not waiting.partial and not isinstance(error, (Unreachable, ServerFault))
        if summary:
            article = partial_article(source, waiting.link, self.now())
            saved = await self._save(article, waiting, page=page, due=due, reason=str(error))
            tally.partial += saved.change == "new"
            tally.alerts += saved.live
            tally.archived += saved.archived
        else:
            await self.run(self.store.links.put_off, waiting, reason=str(error), due=due, page=page)
            tally.refused += due is None

    async def _save(
        self,
        article: Article,
        waiting: Waiting,
        *,
        page: Page | None,
        due: datetime | None = None,
        reason: str = "",
    ) -> Saved:
        via: Via = "watch" if waiting.via == "watch" else "backfill"
        sighting = Sighting(via=via, baseline=waiting.baseline, now=self.now())
        save = partial(self.store.articles.save, article, self.judge, sighting, page=page, link=waiting.id)
        return await self.run(save, due=due, reason=reason)

    async def _keep_unread(self, source: Source, page: Page, error: ReadError) -> None:
        keep = partial(self.store.pages.keep, page, source=source.key, kind="listing")
        await self.run(keep, problem=str(error))

    async def _finish(self, source: Source, failed: DidbanError | None, trouble: DidbanError | None) -> None:
        """Give the source back. Trouble with articles shows in its state; only failed listings slow its polling down."""
        now = self.now()
        states = {state.key: state for state in await self.run(self.store.sources.states)}
        due = next_poll(failed, source.every, states[source.key].failures, now)
        worst = failed or trouble
        finish = partial(self.store.sources.finish, source.key, owner=self.owner, now=now, due=due)
        detail = str(worst) if worst else ""
        await self.run(finish, state=state_after(worst), detail=detail, baseline=failed is None)


def partial_article(source: Source, link: Link, now: datetime) -> Article:
    """What a listing said of an article, as an article that is not complete."""
    return Article(
        source=source.key,
        id=link.id,
        url=link.url,
        kicker=link.kicker,
        title=link.title,
        lead=link.lead,
        published=link.published,
        has_time=link.published is not None,
        section=link.section,
        province=resolve(link.section, link.lead, own=source.province),
        complete=False,
        fetched=now,
        rights=source.rights,
    )


def _read(reader: Callable[[Page, Any], T], page: Page, of: object) -> T:
    """Read a page. A reader that trips over a page nobody foresaw refuses that page, never the run: it is kept and counted."""
    try:
        return reader(page, of)
    except DidbanError:
        raise
    except Exception as error:
        raise Unreadable(page.url, f"the reader failed with {type(error).__name__}: {error}") from error


def _within(link: Link, unit: Unit) -> bool:
    """Is this link wanted by the walk? Listings leak into the days beside them, so a day is allowed on either side."""
    if link.published is None or unit.since is None or unit.until is None:
        return True
    return unit.since - timedelta(days=1) <= link.published < unit.until + timedelta(days=1)


def _count(tally: Tally, error: DidbanError) -> None:
    if isinstance(error, Blocked):
        tally.blocked += 1
    elif isinstance(error, ReadError):
        tally.unreadable += 1
    elif isinstance(error, (Unreachable, ServerFault)):
        tally.unreachable += 1
    if str(error) not in tally.problems:
        tally.problems.append(str(error))


def _count_saved(tally: Tally, saved: Saved) -> None:
    setattr(tally, saved.change, getattr(tally, saved.change) + 1)
    tally.copies += saved.copy and saved.change == "new"
    tally.alerts += saved.live
    tally.archived += saved.archived
