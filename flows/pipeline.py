"""The order of things for one source: list → note → fetch → read → match → save. No Prefect, no clock of its own.

    watch(source)      its listings polled, its gaps walked, its waiting links collected
    walk(source, …)    the pages of an archive, one after the other
    collect(source)    waiting links fetched, read and saved: the only way an article comes in

Every step ends in a transaction that leaves the rest of the work as rows that are due: a crash anywhere loses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from alerts.policy import IMMEDIATELY
from didban.alert import Judge, Sighting, Via
from didban.article import Article, Link, Listed, Listing, Page
from didban.dates import tehran_day
from didban.errors import (
    Blocked,
    DidbanError,
    FetchError,
    Gone,
    LayoutChanged,
    ReadError,
    ServerFault,
    StoreError,
    StoreUnavailable,
    Unreachable,
    Unreadable,
)
from didban.health import GIVEN_UP, HOUR, LONGEST_RETRY, Verdict, judge, next_poll, retry_at
from didban.outcome import Saved, Tally
from didban.provinces import resolve
from didban.settings import DeliverySettings
from scrapers.base import Source
from scrapers.when import believed, has_time
from storage.articles import Arrived
from storage.links import Waiting, key_of
from storage.store import Store
from storage.units import Order, Unit, Walk

LEASE = timedelta(minutes=15)
BATCH = 40
TOGETHER = 10
AT_ONCE = 0.2
"""Seconds. Articles that come faster than this one after the other are saved up to TOGETHER in a transaction: at the pace of a
polite run each is saved alone, while its successor is waited for."""
MOST_PAGES = 100
"""A walk over a gap or an archive day ends here at the latest: some 3,000 articles, ten days of the busiest source."""

DAMAGED_TRIES = 2
"""So often is a walk's damaged page asked for again; then the walk goes on with what could be read of it, and it is kept."""

T = TypeVar("T")


class Fetch(Protocol):
    """`scrapers.fetch.Fetcher.fetch`, or a dict of saved pages in a test. None: not modified."""

    def __call__(
        self, url: str, *, hosts: tuple[str, ...], etag: str | None = None, last_modified: str | None = None
    ) -> Awaitable[Page | None]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """A page of a unit's walk, and what it listed."""

    unit: int
    page: Page
    listed: Listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """What every step needs: the store and the one thread that writes to it, a way to fetch, a judge, a clock."""

    store: Store
    writer: Executor
    fetch: Fetch
    judge: Judge
    owner: str
    now: Callable[[], datetime]
    operator: tuple[str, ...] = ()
    """The channels that hear of a source's state."""
    delivery: DeliverySettings = IMMEDIATELY
    """When people hear."""
    held: dict[str, datetime] = field(default_factory=dict)
    """The channels whose receivers asked for time, and until when."""

    async def watch(self, source: Source, *, even_if_not_due: bool = False) -> Tally | None:
        """One pass over a source; None when it is not due or another process holds it."""
        take = partial(self.store.sources.take, even_if_not_due=even_if_not_due)
        if not await self.run(take, [source.key], owner=self.owner, now=self.now(), lease=LEASE):
            return None
        tally = Tally()
        listings, failures = source.watch(), list[DidbanError]()
        for listing in listings:
            try:
                await self._poll(source, listing, tally)
            except (FetchError, ReadError) as error:
                failures.append(error)
        if len(failures) < len(listings):  # a listing that is not there, beside one that is: a feed switched off
            failures = [error for error in failures if not isinstance(error, Gone)]
        for error in failures:
            _count(tally, error)
        walked = await self.walk(source, ("gap",), tally)
        trouble = await self.collect(source, tally) or walked
        await self.run(self.store.units.settle, source.key)
        await self._finish(source, failures[-1] if failures else None, trouble, tally)
        return tally

    async def walk(
        self,
        source: Source,
        ways: Sequence[str],
        tally: Tally,
        *,
        order: Order = "newest",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> DidbanError | None:
        """Walk the pages of every unit of these ways that is due, collecting as we go. Returns the trouble met last, if any.

        `since` and `until` choose the units that overlap them. A wall ends the walk, and so does a site that does not answer twice
        running: what is left stays due.
        """
        trouble: DidbanError | None = None
        last: Walked | None = None
        units, silent, archive = self.store.units, 0, "gap" not in ways
        while silent < 2 and not isinstance(trouble, Blocked):
            take = partial(units.take, source.key, ways=ways, owner=self.owner, lease=LEASE, order=order)
            unit = await self.run(take, now=self.now(), since=since, until=until)
            if unit is None:
                break
            try:
                last = await self._walk_page(source, unit, tally, last)
                silent = 0
            except (FetchError, ReadError) as error:
                trouble = error
                silent += isinstance(error, (Unreachable, ServerFault))
                _count(tally, error)
                due = retry_at(error, unit.attempts, self.now(), archived=archive)
                if due is None and not archive:
                    due = self.now() + LONGEST_RETRY  # a gap is never given up: what fell into it is news
                await self.run(units.put_off, unit, reason=str(error), due=due)
            else:
                trouble = await self.collect(source, tally, archive=archive) or trouble
                await self.run(units.settle, source.key)
        return trouble

    async def collect(self, source: Source, tally: Tally, *, archive: bool = False) -> DidbanError | None:
        """Fetch, read and save the waiting links of a source, those that the watch saw or those of its `archive`; returns the
        trouble that its site gave, if any.

        Behind a wall the watch keeps what its listings said, as partial articles, and a backfill waits. One page may well be
        closed by itself: the watch believes in a wall when it is shown one, a backfill, and a watch that is only refused, when two
        pages running say so. A site that does not answer twice running is left in peace until the next pass.
        """
        wall: Blocked | None = None
        walls = silent = brought = first = 0
        trouble: DidbanError | None = None
        links, via = self.store.links, "backfill" if archive else "watch"

        def take(now: datetime) -> list[Waiting]:
            self.store.sources.extend(source.key, owner=self.owner, until=now + LEASE)
            return links.take(source.key, owner=self.owner, now=now, lease=LEASE, limit=BATCH, via=via)

        more = True
        while more:
            held = self.now()
            batch = await self.run(take, held)
            more = len(batch) == BATCH
            ready: list[Arrived] = []
            for place, waiting in enumerate(batch):
                if self.now() - held > LEASE / 3:
                    held = self.now()
                    await self.run(links.hold, batch[place:], owner=self.owner, until=held + LEASE)
                if silent == 2 and archive and await self.answers(source):
                    silent = 0  # these pages are broken, not the site
                if silent == 2 or (archive and wall is not None):
                    await self._save_ready(ready, tally)
                    await self.run(links.give_back, batch[place:])
                    return trouble
                try:
                    ready.append(await self._next(self._bring(source, waiting, tally, wall), ready, tally))
                    silent, walls, brought = 0, 0, brought + 1
                except Blocked as error:
                    walls, trouble, first = walls + 1, error, first + (not waiting.attempts)
                    shown = error.retry_after is not None or not (archive or error.alone)
                    wall = error if walls == 2 or shown else wall
                except (Unreachable, ServerFault) as error:
                    silent, trouble = silent + 1, error
                except ReadError as error:
                    trouble = error
                except FetchError:
                    pass  # this address alone: counted, and written on its link
            await self._save_ready(ready, tally)
        if isinstance(trouble, Blocked) and wall is None and not archive and (brought or not first):
            return (
                None  # the site gave us others, now or before: it is this address that is closed, and its link says so
            )
        return trouble

    async def answers(self, source: Source) -> bool:
        """Does the site answer at all? Its first listing is asked for."""
        listings = source.watch()
        try:
            await self.fetch(listings[0].url if listings else source.home, hosts=source.hosts)
        except (Unreachable, ServerFault, Blocked):
            return False
        except FetchError:
            pass
        return True

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

    async def _walk_page(self, source: Source, unit: Unit, tally: Tally, last: Walked | None) -> Walked | None:
        """Walk a unit's next page; `last` is the page that was walked before it, and the one walked now is given back."""
        try:
            page = await self.fetch(unit.listing.url, hosts=source.hosts)
        except Gone as gone:
            if await self._ended(source, unit):
                return None
            raise gone from None
        if page is None:
            raise ServerFault(unit.listing.url, "says not modified to a question without conditions")
        try:
            listed = _read(source.links, page, unit.listing)
        except ReadError as error:
            await self._keep_unread(source, page, error)
            raise
        if unit.page_url is not None and not listed.links and not listed.listings:
            if await self._ended(source, unit):
                return None
            await self._keep_unread(
                source, page, empty := Unreadable(page.url, "empty, and the page before goes on with it")
            )
            raise empty
        before = None if unit.knows(listed.links) else await self._page_before(source, unit, last)
        moved = () if before is None or before is last else before.listed.links
        wanted = [link for link in (*moved, *listed.links) if _within(link, unit)]
        if listed.problem and (unit.attempts < DAMAGED_TRIES or not listed.links):
            note_damaged = partial(self.store.units.note_damaged, unit, wanted, page, problem=listed.problem)
            tally.noted += await self.run(note_damaged, now=self.now())
            raise ReadError(page.url, listed.problem)
        over = await self._is_over(unit, listed.links)
        following = None if over else listed.next
        tired = following is not None and unit.listing.way != "page" and unit.pages + 1 >= MOST_PAGES
        for named in listed.listings:
            await self._open_walk(named, unit)
        note = partial(self.store.units.note, unit, listed, page, wanted=wanted, next_url=following)
        noted = await self.run(note, now=self.now())
        tally.listed += len(listed.links)
        tally.noted += noted.new
        if tired:
            reason = f"given up after {MOST_PAGES} pages, short of where the walk should end"
            tally.problems.append(f"{page.url}: {reason}")
            await self.run(self.store.units.put_off, unit, reason=reason, due=None)
        return Walked(unit=unit.id, page=page, listed=listed)

    async def _page_before(self, source: Source, unit: Unit, last: Walked | None = None) -> Walked | None:
        """The page that was walked last, as it is by now. None at the first page.

        It is `last` itself where this very walk read that, and not a byte has changed: what another one noted of it says nothing.

        Where an article was deleted meanwhile, another has moved up to it from the page that was just read, or from where that one
        begins: looked at in this order, the two miss nothing between them.
        """
        if unit.page_url is None or unit.listing.way == "sitemap":
            return None
        page = await self.fetch(unit.page_url, hosts=source.hosts)
        if page is None:
            return None
        if last is not None and (unit.id, page.url, page.body) == (last.unit, last.page.url, last.page.body):
            return last
        return Walked(unit=unit.id, page=page, listed=_read(source.links, page, unit.listing))

    async def _ended(self, source: Source, unit: Unit) -> bool:
        """The next page is not there: has the list grown shorter meanwhile? Then what moved up is noted, and the walk is over."""
        before = await self._page_before(source, unit)
        if before is None or before.listed.next == unit.listing.url:
            return False
        page, listed = before.page, before.listed
        wanted = [link for link in listed.links if _within(link, unit)]
        note = partial(self.store.units.note, unit, listed, page, wanted=wanted, next_url=None)
        await self.run(note, now=self.now())
        return True

    async def _open_walk(self, listing: Listing, unit: Unit) -> None:
        """A sitemap index names sitemaps: each that may hold what this walk is after becomes a walk of its own."""
        if unit.since is None or unit.until is None:
            return
        first, last = tehran_day(unit.since), tehran_day(unit.until - timedelta(seconds=1))
        if listing.day is not None and not first <= listing.day <= last:
            return
        key = f"{first}..{last} {listing.url}"
        walk = Walk(listing=listing, key=key, since=unit.since, until=unit.until, final=unit.created)
        await self.run(self.store.units.open, [walk], now=self.now())

    async def _is_over(self, unit: Unit, links: Sequence[Link]) -> bool:
        """Has this walk met what it walks towards, or a page that says nothing new?"""
        if not links or unit.repeats(links):
            return True
        if unit.listing.way == "gap":
            known = await self.run(self.store.links.known_before, unit.listing.source, links, unit.created)
            return known > 0
        fresh = [link for link in links if key_of(link) not in unit.last_keys]  # what is pinned stands on every page
        dates = [link.published for link in fresh if link.published is not None]
        told = unit.since is not None and dates and 2 * len(dates) >= len(fresh)
        return bool(told) and max(dates) < unit.since - timedelta(days=1)

    async def _bring(self, source: Source, waiting: Waiting, tally: Tally, wall: Blocked | None) -> Arrived:
        """A link's article, to be saved. Raises the FetchError or ReadError that there is none for, after writing that down."""
        page: Page | None = None
        try:
            if wall is not None:
                raise wall
            page = await self.fetch(waiting.link.url, hosts=source.hosts)
            if page is None:
                raise ServerFault(waiting.link.url, "says not modified to a question without conditions")
            article = read_article(source, page, waiting.link)
        except (FetchError, ReadError) as error:
            await self._leave(source, waiting, page, error, tally)
            raise
        return Arrived(article=article, sighting=self._sighting(waiting), page=page, link=waiting.id)

    async def _next(self, bringing: Coroutine[Any, Any, Arrived], ready: list[Arrived], tally: Tally) -> Arrived:
        """Await the next article. Those that are ready are saved while we wait; together with it, when it comes at once."""
        if not ready:
            return await bringing
        task = asyncio.ensure_future(bringing)
        try:
            at_once, _ = await asyncio.wait({task}, timeout=AT_ONCE if len(ready) < TOGETHER else 0)
            if not at_once:
                await self._save_ready(ready, tally)
            return await task
        finally:
            task.cancel()

    async def _save_ready(self, ready: list[Arrived], tally: Tally) -> None:
        """Save them in one transaction; where that cannot be, one by one as far as it goes."""
        if not ready:
            return
        arrived = ready.copy()
        ready.clear()
        try:
            saved = await self.run(self.store.articles.save_all, arrived, self.judge)
        except StoreUnavailable:
            raise
        except StoreError:
            if len(arrived) == 1:
                raise
            for one in arrived:
                await self._save_ready([one], tally)
            return
        for one in saved:
            _count_saved(tally, one)

    async def _leave(
        self, source: Source, waiting: Waiting, page: Page | None, error: DidbanError, tally: Tally
    ) -> None:
        """The link's page could not be had or read: keep what the listing said as a partial article, and try again later."""
        _count(tally, error)
        archived = waiting.via == "backfill"
        due = retry_at(error, waiting.attempts, self.now(), archived=archived)
        site = (Unreachable, ServerFault, Blocked) if archived else (Unreachable, ServerFault)
        if isinstance(error, site) and archived and waiting.attempts >= GIVEN_UP and await self.answers(source):
            due = None  # this page alone: the site answers
        summary = waiting.link.title and (due is None or not isinstance(error, site))
        if summary and waiting.state == "waiting":
            article = partial_article(source, waiting.link, self.now())
            saved = await self._save(article, waiting, page=page, due=due, error=error)
            tally.partial += saved.change == "new"
            tally.alerts += saved.live
            tally.archived += saved.archived
        else:
            withdrawn = self.now() if _withdrawn(error) else None
            put_off = partial(self.store.links.put_off, waiting, page=page, field=_missed(error), withdrawn=withdrawn)
            await self.run(put_off, reason=str(error), due=due)
            tally.refused += due is None and waiting.state == "waiting"

    async def _save(
        self,
        article: Article,
        waiting: Waiting,
        *,
        page: Page | None,
        due: datetime | None = None,
        error: DidbanError | None = None,
    ) -> Saved:
        sighting = self._sighting(waiting)
        save = partial(self.store.articles.save, article, self.judge, sighting, page=page, link=waiting.id)
        return await self.run(save, due=due, reason=str(error or ""), field=_missed(error), withdrawn=_withdrawn(error))

    def _sighting(self, waiting: Waiting) -> Sighting:
        via: Via = "watch" if waiting.via == "watch" else "backfill"
        return Sighting(via=via, baseline=waiting.baseline, now=self.now())

    async def _keep_unread(self, source: Source, page: Page, error: ReadError) -> None:
        keep = partial(self.store.pages.keep, page, source=source.key, kind="listing")
        await self.run(keep, problem=str(error))

    async def _finish(
        self, source: Source, failed: DidbanError | None, trouble: DidbanError | None, tally: Tally
    ) -> None:
        """Judge the source and give it back. A site that gave us no article stays in trouble until it gives one again; only
        failed listings slow its polling down. Single pages that cannot be read say nothing yet: many in a row do."""
        now = self.now()
        before = {state.key: state for state in await self.run(self.store.sources.states)}[source.key]
        idle = 0 if tally.noted else before.idle + 1
        slowest = HOUR if source.province is None else source.every * 4
        due = next_poll(failed, source.every, before.failures, now, idle=idle, slowest=slowest)
        error = failed or (None if isinstance(trouble, ReadError) else trouble)
        read = tally.new or tally.changed or tally.completed or tally.same or isinstance(trouble, ReadError)
        if error is None and not read and not before.failures and before.state in {"blocked", "unreachable"}:
            verdict = Verdict(state=before.state, detail=before.detail)
        else:
            history = await self.run(self.store.sources.history, source.key)
            verdict = judge(error, history, source.expects, now)
        finish = partial(self.store.sources.finish, source.key, verdict, owner=self.owner, now=now, due=due)
        await self.run(finish, whole=failed is None, fresh=bool(tally.noted), operator=self.operator)


def read_article(source: Source, page: Page, link: Link | None) -> Article:
    """The article on a page, with the time it was fetched.

    Raises ReadError; a LayoutChanged names the field that was not found, where the selector is one of the source's own.
    """
    try:
        return replace(_read(source.article, page, link), fetched=page.fetched)
    except LayoutChanged as error:
        error.field = error.field or _field_of(source, error.selector)
        raise


def partial_article(source: Source, link: Link, now: datetime) -> Article:
    """What a listing said of an article, as an article that is not complete."""
    published = believed(link.published, now)
    return Article(
        source=source.key,
        id=link.id,
        url=link.url,
        kicker=link.kicker,
        title=link.title,
        lead=link.lead,
        published=published,
        has_time=published is not None and has_time(published),
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


_PLACES = {
    "title": ("title",),
    "lead": ("lead",),
    "text": ("body", "text"),
    "published": ("printed", "date"),
    "kicker": ("kicker",),
}
"""A field → the attributes of a platform that may hold its selectors."""


def _field_of(source: Source, selector: str) -> str | None:
    """The field that a source looks for by this selector."""
    for holder in (source, *getattr(source, "layouts", ())):
        for name, places in _PLACES.items():
            for place in places:
                own = getattr(holder, place, ())
                tried = (own,) if isinstance(own, str) else tuple(own)
                if selector in {*tried, ", ".join(tried)}:
                    return name
    return None


def _missed(error: DidbanError | None) -> str | None:
    return error.field if isinstance(error, LayoutChanged) else None


def _withdrawn(error: DidbanError | None) -> bool:
    """Does its site say that it has taken the article back?"""
    return isinstance(error, Gone) and error.status == 410


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
