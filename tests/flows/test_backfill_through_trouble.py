"""A backfill of the local site while that fails as sites do: it waits, goes on, and its report tells the truth.

Real answers over loopback, a real database, and a clock that only requests and waiting move: an hour passes in a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from alerts.policy import Judge
from alerts.rules import load
from demo.articles import Piece
from demo.site import Site
from didban.dates import tehran_day
from didban.outcome import Tally
from didban.settings import Settings
from flows import archive, coverage
from flows.pipeline import Pipeline
from flows.workshop import Workshop
from scrapers.fetch import Fetcher
from scrapers.sources import get
from storage.articles import Selection
from storage.store import Store, open_store
from tests.support import Hands

LAST = date(2024, 9, 20)
START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
PACE = timedelta(seconds=10)
"""So much time each request takes, by the clock of the test."""
HOUR = timedelta(hours=1)
PER_DAY = 40  # an agency's archive shows them on two pages


class Stopped(Exception):
    """The run was ended when it began to wait."""


@dataclass
class Room:
    """A site with a past, a database, and a clock."""

    site: Site
    store: Store
    settings: Settings
    source: str
    days: int
    pieces: tuple[Piece, ...]
    hands: Hands = field(default_factory=partial(Hands, START))
    slept: timedelta = timedelta(0)
    runs: int = 0

    def backfill(self, *, retries: int = 0, patient: bool = True) -> Tally:
        """One run, a process of its own for the database. Raises Stopped when it is not `patient` and has to wait."""
        self.runs += 1
        return asyncio.run(self._backfill(retries, patient=patient))

    async def _backfill(self, retries: int, *, patient: bool) -> Tally:
        async def turn(_host: str, _seconds: float) -> None:
            self.hands.forward(PACE)

        async def sleep(seconds: float) -> None:
            if not patient:
                raise Stopped
            self.slept += timedelta(seconds=seconds)
            self.hands.forward(timedelta(seconds=seconds))

        async def bury() -> int:
            return self.store.sources.release({f"run {number}" for number in range(self.runs)})

        judge = Judge(load(), window=timedelta(hours=72), channels=("hook",), home="lorestan")
        source, hosts = get(self.source), {"*": f"http://127.0.0.1:{self.site.port}"}
        asked = archive.Range(source=self.source, since=LAST - timedelta(days=self.days - 1), until=LAST)
        since, until = asked.bounds()
        with ThreadPoolExecutor(1) as writer:
            async with Fetcher(
                rate=1000, turn=turn, user_agent="Didban/test", hosts=hosts, retries=retries, wait=0.001, now=self.hands
            ) as fetcher:
                pipeline = Pipeline(
                    store=self.store,
                    writer=writer,
                    fetch=fetcher.fetch,
                    judge=judge,
                    owner=f"run {self.runs}",
                    now=self.hands,
                )
                shop = Workshop(pipeline=pipeline, sources=(source,), channels={}, bury=bury)
                await bury()
                walks = [archive.walk_of(listing, asked) for listing in archive.archive_of(source, asked)]
                await pipeline.run(partial(self.store.units.open, walks, now=self.hands()))
                return await archive.collect(shop, source, since=since, until=until, sleep=sleep)

    def between(self, first: timedelta, last: timedelta, change: Callable[[bool], None]) -> None:
        """Call `change` before each request: is it between these two times of the clock?"""
        self.site.before = lambda _host, _path: change(START + first <= self.hands() < START + last)

    def asked(self, pattern: str = "") -> list[str]:
        return [path for _, path, _ in self.site.requests if pattern in path]

    @property
    def report(self) -> dict[str, Any]:
        """`didban backfill SOURCE --status --json`."""
        (one,) = coverage.report(self.settings, self.source)
        return coverage.as_json(one)

    @property
    def stored(self) -> set[str]:
        """The articles we have in whole; fails when we have one twice."""
        articles = [article for _, article in self.store.articles.each(Selection(source=self.source))]
        assert len({article.id for article in articles}) == len(articles)
        return {str(article.id) for article in articles if article.complete}

    @property
    def published(self) -> set[str]:
        return {str(piece.article.id) for piece in self.pieces}

    def proven(self, tally: Tally) -> None:
        """All of it is here, nothing is told, and the report says so."""
        assert tally.problems == []
        assert self.stored == self.published
        report = self.report
        assert report["complete"], report
        assert (report["listed"], report["stored"]) == (len(self.pieces), len(self.pieces))
        assert (report["partial"], report["refused"], report["waiting"]) == (0, 0, 0)
        assert not any(self.store.outbox.states().values())


Open = Callable[..., Room]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    settings = Settings(var=tmp_path)
    store = open_store(settings.store_url)
    with Site() as site:

        def made(source: str = "mehr", *, days: int = 3, per_day: int = PER_DAY) -> Room:
            pieces = site.archive(source, days, per_day, until=LAST)
            store.sources.register([source], now=START)
            return Room(site, store, settings, source, days, pieces)

        yield made
    store.close()


# ── a site in trouble ─────────────────────────────────────────────────────────────────────────────────────────────────


def refuse(site: Site, on: bool) -> None:
    site.heal("mehr")
    if on:
        site.fail("mehr", 429, retry_after=600)


@pytest.mark.parametrize(
    "change",
    [
        lambda site: partial(site.down, "mehr"),
        lambda site: partial(site.wall, "mehr"),
        lambda site: partial(site.wall, "mehr", feed=True),
        lambda site: partial(refuse, site),
    ],
    ids=["503", "wall", "wall-before-robots", "429"],
)
def test_an_hour_of_trouble_is_waited_out(change: Callable[[Site], Callable[[bool], None]], opened: Open) -> None:
    room = opened()
    begin, end = timedelta(minutes=7), timedelta(minutes=7) + HOUR
    room.between(begin, end, change(room.site))
    tally = room.backfill()
    assert room.slept > timedelta(minutes=30)
    assert len(room.asked()) < len(room.pieces) + 6 + 30, "it hammered a site in trouble"
    room.proven(tally)


@pytest.mark.parametrize("retries", [0, 3])
def test_a_share_of_requests_that_fail_costs_time_and_nothing_else(retries: int, opened: Open) -> None:
    room = opened()
    room.site.fail("mehr", 500, every=4)
    room.proven(room.backfill(retries=retries))
    assert [status for _, _, status in room.site.requests].count(500) > 20


def test_while_it_is_not_done_the_report_says_so(opened: Open) -> None:
    room = opened()
    room.between(timedelta(minutes=5), timedelta(days=1), partial(room.site.down, "mehr"))
    with pytest.raises(Stopped):
        room.backfill(patient=False)
    report = room.report
    assert not report["complete"]
    assert report["waiting"] > 0
    assert 0 < report["stored"] == len(room.stored) < len(room.pieces)
    assert report["units"].get("done", 0) < 3
    room.hands.forward(timedelta(days=1))
    room.proven(room.backfill())


def test_an_article_that_is_withdrawn_is_kept_and_said(opened: Open) -> None:
    room = opened(days=1)
    gone = room.pieces[7].article
    room.site.fail("mehr", 410, path=f"/news/{gone.id}/.*")
    room.backfill()
    assert room.stored == room.published - {gone.id}
    report = room.report
    assert (report["listed"], report["stored"], report["partial"]) == (PER_DAY, PER_DAY - 1, 1)
    assert report["withdrawn"] == 1
    kept = room.store.articles.find("mehr", str(gone.id))
    assert kept is not None
    known = room.store.articles.get(kept)
    assert known is not None
    assert (known.title, known.complete) == (gone.title, False)


def test_a_day_that_lists_nothing_is_doubtful_and_not_complete(opened: Open) -> None:
    room = opened()
    day = LAST - timedelta(days=1)
    room.site.hide("mehr", day)
    room.backfill()
    report = room.report
    assert not report["complete"]
    assert {one["date"]: one["state"] for one in report["days"]}[day.isoformat()] == "doubtful"
    assert room.stored == {str(piece.article.id) for piece in room.pieces if tehran_day(piece.published) != day}


# ── listings that move ────────────────────────────────────────────────────────────────────────────────────────────────


def test_new_articles_that_push_the_pages_hide_none(opened: Open) -> None:
    """The portal's pages are counted from the newest: what appears while they are walked moves all others down."""
    room = opened("ostan_lr", days=3, per_day=15)
    pages = 0

    def grow(_host: str, path: str) -> None:
        nonlocal pages
        pages += "start=" in path
        if "start=" in path and pages % 2:
            room.site.publish("ostan_lr", 3)

    room.site.before = grow
    room.backfill()
    room.site.before = None
    assert room.published <= room.stored
    assert room.report["waiting"] == 0


@pytest.mark.parametrize("source", ["mehr", "ostan_lr"])
def test_articles_deleted_between_two_runs_hide_no_others(source: str, opened: Open) -> None:
    """What is deleted from the pages that were walked moves the rest up, past the place where the walk goes on."""
    room = opened(source, days=1, per_day=70)
    room.between(timedelta(minutes=7), timedelta(days=1), partial(room.site.down, source))
    with pytest.raises(Stopped):
        room.backfill(patient=False)
    assert 0 < len(room.stored) < len(room.pieces)
    gone = [piece for piece in room.pieces if str(piece.article.id) in room.stored][-4:]
    for piece in gone:
        room.site.remove(piece)
    room.hands.forward(timedelta(days=1))
    room.backfill()
    assert room.stored == room.published


@pytest.mark.parametrize("source", ["mehr", "ostan_lr"])
def test_an_article_deleted_while_the_pages_are_walked_hides_no_other(source: str, opened: Open) -> None:
    room = opened(source, days=1, per_day=70)
    page = {"mehr": "pi=2", "ostan_lr": "start=10"}[source]
    gone: list[Piece] = []

    def delete(_host: str, path: str) -> None:
        if page in path and not gone:
            gone.append(room.pieces[-1])
            room.site.remove(room.pieces[-1])

    room.site.before = delete
    room.backfill()
    assert room.published - room.stored == set()
