"""A backfill's own judgement: which days, how long it would take, how long it waits and for what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from didban.article import Page
from didban.dates import day_bounds, tehran_day
from didban.errors import Blocked, DateError, FetchError, Gone, InputError, ServerFault, Unreachable
from didban.outcome import Tally
from didban.settings import Settings
from flows import archive
from flows.archive import Progress, Range, span, told
from flows.pipeline import Pipeline
from flows.workshop import Workshop, now
from scrapers.base import Source
from scrapers.platforms.joomla import Joomla
from scrapers.sources import get
from storage.articles import Selection
from storage.store import Store
from tests.support import NOW, Hands, judge

MEHR = get("mehr")
DAY = date(2018, 10, 9)


# ── which days ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_days_are_said_in_one_of_two_ways() -> None:
    today = tehran_day(now())
    assert archive.range_of("mehr", since="1397-07-01", until="۱۳۹۷/۰۷/۳۰") == Range(
        source="mehr", since=date(2018, 9, 23), until=date(2018, 10, 22)
    )
    last = archive.range_of("mehr", last="30d")
    assert (last.since, last.until) == (today - timedelta(days=29), today)
    assert archive.range_of("mehr", since=today).until == today
    assert archive.range_of("mehr", since=today, until=today + timedelta(days=9)).until == today


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({}, "--since DAY"),
        ({"since": "1397-07-01", "last": "30d"}, "--since DAY"),
        ({"last": "30d", "until": "1397-07-01"}, "leave --until out"),
        ({"last": "2h"}, "a day is the least"),
        ({"last": "unlimited"}, "a century the most"),
        ({"since": "1402-12-30"}, "there is no day 1402-12-30"),
    ],
)
def test_days_that_cannot_be_are_one_line(asked: dict[str, Any], says: str) -> None:
    with pytest.raises((InputError, DateError), match=says):
        archive.range_of("mehr", **asked)


def test_a_range_that_no_archive_holds_is_refused_before_anything_starts(tmp_path: Path) -> None:
    settings = Settings(var=tmp_path)
    ahead = tehran_day(now()) + timedelta(days=1)
    with pytest.raises(InputError, match="in the future"):
        archive.checked(settings, Range(source="mehr", since=ahead, until=ahead))
    with pytest.raises(InputError, match="after the last"):
        archive.checked(settings, Range(source="mehr", since=DAY, until=DAY - timedelta(days=1)))
    with pytest.raises(InputError, match="one way"):
        archive.checked(settings, Range(source="ostan_lr", since=DAY, until=DAY, ways=("sitemap",)))
    with pytest.raises(InputError, match="no way 'feed'"):
        archive.checked(settings, Range(source="mehr", since=DAY, until=DAY, ways=("feed",)))
    both = archive.through(MEHR, ("day", "sitemap")).archive(DAY, DAY)
    assert [listing.way for listing in both] == ["day", "sitemap"]


# ── how long ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_forecast_asks_nobody_and_counts_what_is_done(tmp_path: Path) -> None:
    settings = Settings(var=tmp_path, rate=2)
    asked = Range(source="mehr", since=DAY - timedelta(days=9), until=DAY)
    found = archive.forecast(settings, asked)
    expected = MEHR.expects.working * 10
    assert (found.days, found.units, found.done) == (10, 10, 0)
    assert 0.5 * expected <= found.articles <= expected
    assert found.requests > found.articles
    assert found.takes == timedelta(seconds=round(found.requests / 2))
    assert archive.forecast(settings, asked, limit=0.5).takes > found.takes * 3.9
    assert archive.forecast(settings, asked, limit=50).takes == found.takes, "the limit never makes it faster"
    assert str(found).startswith("mehr: 10 days, 10 of 10 archive units to do · about ")


def test_a_forecast_counts_the_pages_before_the_days_that_are_asked_for(tmp_path: Path) -> None:
    settings, today = Settings(var=tmp_path, rate=1), tehran_day(now())
    old, new = (
        archive.forecast(settings, Range(source="ostan_lr", since=day, until=day + timedelta(days=9)))
        for day in (today - timedelta(days=700), today - timedelta(days=9))
    )
    assert old.units == new.units == 1
    assert old.articles == pytest.approx(new.articles, rel=0.2)
    assert new.requests - new.articles < 10
    assert old.requests - old.articles > 10 * (new.requests - new.articles), "its list begins with today's news"


@pytest.mark.parametrize(
    ("length", "said"), [(40, "40 s"), (60 * 59 + 59, "59 min"), (3600 * 5 + 300, "5 h 5 min"), (86400 * 3, "3 d 0 h")]
)
def test_a_length_of_time_for_people(length: int, said: str) -> None:
    assert span(timedelta(seconds=length)) == said


def test_progress_knows_its_rate_and_what_is_left() -> None:
    tally = Tally(listed=40, noted=30, new=20, partial=2, refused=1)
    stands = Progress(
        source="mehr",
        units={"done": 5, "waiting": 15},
        at_first={"done": 1, "waiting": 19},
        tally=tally,
        elapsed=timedelta(minutes=4),
    )
    assert (stands.done, stands.total, stands.known) == (5, 20, 10)
    assert stands.left == timedelta(minutes=15)
    assert (
        told(stands)
        == "mehr: 5 of 20 units · 20 new · 10 known · 2 partial · 1 refused · 6 a minute · about 15 min left"
    )


# ── waiting ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Bench:
    """A backfill of Mehr's `days` on a site that answers as `site` says, under a clock that only sleeping moves."""

    store: Store
    site: Callable[[str, Hands], str]
    writer: ThreadPoolExecutor
    hands: Hands = field(default_factory=Hands)
    asked: list[str] = field(default_factory=list)
    slept: list[timedelta] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    async def fetch(
        self, url: str, *, hosts: tuple[str, ...], etag: str | None = None, last_modified: str | None = None
    ) -> Page:
        path = url.removeprefix(MEHR.home)
        self.asked.append(path)
        return Page(url=url, body=self.site(path, self.hands).encode(), fetched=self.hands())

    async def sleep(self, seconds: float) -> None:
        self.slept.append(timedelta(seconds=seconds))
        self.hands.forward(timedelta(seconds=seconds))
        await asyncio.sleep(0)

    def shop(self, source: Source = MEHR) -> Workshop:
        pipeline = Pipeline(
            store=self.store, writer=self.writer, fetch=self.fetch, judge=judge(live=False), owner="me", now=self.hands
        )

        async def bury() -> int:
            return 0

        return Workshop(pipeline=pipeline, sources=(source,), channels={}, bury=bury)

    def settle(self, source: Source, *, patience: timedelta | None = None) -> Source:
        settling = archive._settled(self.shop(source), source, patience, self.lines.append, self.sleep)
        return asyncio.run(settling)

    def run(self, days: int = 1, *, patience: timedelta | None = None) -> Tally:
        shop = self.shop()
        pipeline = shop.pipeline
        asked = Range(source="mehr", since=DAY - timedelta(days=days - 1), until=DAY)
        walks = [archive.walk_of(listing, asked) for listing in archive.archive_of(MEHR, asked)]
        since, until = asked.bounds()

        async def whole() -> Tally:
            await pipeline.run(partial(self.store.units.open, walks, now=self.hands()))
            return await archive.collect(
                shop,
                MEHR,
                since=since,
                until=until,
                patience=patience,
                report=self.lines.append,
                sleep=self.sleep,
            )

        return asyncio.run(whole())

    def stored(self) -> list[str]:
        return sorted(str(article.id) for _, article in self.store.articles.each(Selection()))


def listing(*numbers: int, after: str = "") -> str:
    pages = f'<ul class="pagination"><li><a href="/{after}">بعدی</a></li></ul>' if after else ""
    items = "".join(
        f'<li class="news"><div class="desc"><h3><a href="/news/{number}/x">خبر {number}</a></h3></div></li>'
        for number in numbers
    )
    return f'<html><body class="pt-archive"><section class="box"><ul>{items}</ul>{pages}</section></body></html>'


def news(path: str) -> str:
    number = path.partition("/")[2].partition("/")[0]
    start, _ = day_bounds(DAY)
    return (
        f'<html><head><meta property="article:published_time" content="{start.isoformat()}"></head><body>'
        f'<article id="item"><div class="item-title"><h1 class="title">خبر {number}</h1></div><p class="summary introtext">'
        f'لید</p><div itemprop="articleBody" class="item-text"><p>متن {number} است.</p></div></article></body></html>'
    )


@pytest.fixture
def made(store: Store):
    with ThreadPoolExecutor(1) as writer:
        store.sources.register(["mehr"], now=NOW)
        yield lambda site: Bench(store=store, site=site, writer=writer)


def raising(error: Callable[[str], FetchError], until: timedelta) -> Callable[[str, Hands], str]:
    def site(path: str, hands: Hands) -> str:
        if hands() < NOW + until:
            raise error(MEHR.home + path)
        return listing(1, 2, 3) if path.startswith("archive") else news(path)

    return site


@pytest.mark.parametrize(
    ("error", "most"),
    [
        (lambda url: Unreachable(url, "no answer"), 12),
        (lambda url: ServerFault(url, "the server answers 503"), 12),
        (lambda url: Blocked(url, "the server answers 429", retry_after=600), 4),
        (lambda url: Blocked(url, "a wall stands before the page"), 4),
    ],
    ids=["unreachable", "503", "429", "wall"],
)
def test_a_site_that_fails_for_an_hour_is_waited_for(made, error, most: int) -> None:
    bench = made(raising(error, timedelta(hours=1)))
    tally = bench.run(days=3)
    assert bench.stored() == ["1", "2", "3"]
    assert tally.problems == []
    assert bench.store.units.states("mehr", archive.WAYS) == {"done": 3}
    assert sum(bench.slept, timedelta()) >= timedelta(hours=1)
    assert len([path for path in bench.asked if path.startswith("archive")]) <= 3 + most, (
        "it hammered a site in trouble"
    )
    assert any("on again" in line for line in bench.lines)


def test_retry_after_is_waited_for(made) -> None:
    bench = made(raising(lambda url: Blocked(url, "429", retry_after=3 * 3600), timedelta(hours=2)))
    bench.run()
    assert bench.slept[0] == timedelta(hours=3)


def test_patience_has_an_end_when_one_is_given(made) -> None:
    bench = made(raising(lambda url: Unreachable(url, "no answer"), timedelta(days=9)))
    tally = bench.run(patience=timedelta(hours=2))
    assert timedelta(hours=2) <= sum(bench.slept, timedelta()) < timedelta(hours=5)
    assert tally.problems == ["mehr: 1 archive units are still to do; run it again, it goes on where it is"]
    bench.hands.forward(timedelta(days=9))
    assert bench.run().problems == []
    assert bench.stored() == ["1", "2", "3"]


def test_a_page_that_is_gone_is_refused_and_the_day_is_done(made) -> None:
    def site(path: str, hands: Hands) -> str:
        if path.startswith("news/2"):
            raise Gone(MEHR.home + path, 404)
        return listing(1, 2) if path.startswith("archive") else news(path)

    bench = made(site)
    bench.run()
    assert bench.slept == []
    assert bench.store.links.counts()["mehr"] == {"stored": 1, "partial": 1}, "the listing's summary is kept"
    assert bench.store.units.states("mehr", archive.WAYS) == {"done": 1}


def test_a_page_that_its_server_fails_on_is_given_up_and_tried_again_when_asked_for(made) -> None:
    mended = False

    def site(path: str, hands: Hands) -> str:
        if path.startswith("news/2") and not mended:
            raise ServerFault(MEHR.home + path, "the server answers 500")
        return listing(1, 2) if path.startswith("archive") else news(path)

    bench = made(site)
    bench.run()
    assert bench.store.links.counts()["mehr"] == {"stored": 1, "partial": 1}, "the listing's summary is kept"
    assert timedelta(hours=2) < sum(bench.slept, timedelta()) < timedelta(hours=4)
    mended = True
    assert bench.store.units.retry("mehr", now=bench.hands()) == 1
    bench.run()
    assert bench.store.links.counts()["mehr"] == {"stored": 2}
    assert bench.store.units.states("mehr", archive.WAYS) == {"done": 1}


def test_a_listing_that_is_not_there_is_said(made) -> None:
    def site(path: str, hands: Hands) -> str:
        raise Gone(MEHR.home + path, 404)

    tally = made(site).run()
    (problem,) = tally.problems
    assert problem.startswith("mehr: 1 of 1 archive units were refused; `didban backfill mehr --status` says why")


def test_a_410_marks_the_article_withdrawn_and_keeps_what_is_known(made) -> None:
    def site(path: str, hands: Hands) -> str:
        if path.startswith("news/2"):
            raise Gone(MEHR.home + path, 410)
        return listing(1, 2) if path.startswith("archive") else news(path)

    bench = made(site)
    bench.run()
    assert bench.stored() == ["1", "2"]
    _, links = bench.store.coverage.read("mehr", DAY, DAY)
    assert [(group.state, group.count, group.reason) for group in links if group.withdrawn] == [
        ("partial", 1, "the server answers 410")
    ]


# ── what is broken by itself, and lists that move ─────────────────────────────────────────────────────────────────────


def broken(numbers: set[str], error: Callable[[str], FetchError], many: int) -> Callable[[str, Hands], str]:
    def site(path: str, hands: Hands) -> str:
        if path.partition("/")[2].partition("/")[0] in numbers:
            raise error(MEHR.home + path)
        return listing(*range(1, many + 1)) if path.startswith("archive") else news(path)

    return site


@pytest.mark.parametrize(
    "error",
    [
        lambda url: Blocked(url, "the server answers 403"),
        lambda url: Unreachable(url, "no such host"),
        lambda url: ServerFault(url, "the server answers 500"),
    ],
    ids=["403", "no host", "500"],
)
def test_one_article_that_never_comes_keeps_its_neighbours_from_nothing(made, error) -> None:
    bench = made(broken({"3"}, error, 10))
    assert bench.run().problems == []
    assert len(bench.stored()) == 10, "nine, and the summary of the one"
    assert bench.store.links.counts()["mehr"]["stored"] == 9
    assert bench.store.units.states("mehr", archive.WAYS) == {"done": 1}
    assert bench.asked.count("news/3/x") == 6
    assert bench.store.units.refused() == ["mehr"]


def test_thirty_broken_articles_cost_hours_and_not_weeks(made) -> None:
    bench = made(broken({str(number) for number in range(1, 31)}, lambda url: ServerFault(url, "500"), 30))
    bench.run()
    assert sum(bench.slept, timedelta()) < timedelta(hours=4)
    assert bench.store.links.counts()["mehr"] == {"partial": 30}


def test_patience_is_not_overrun_by_a_long_wait(made) -> None:
    bench = made(raising(lambda url: Blocked(url, "429", retry_after=6 * 3600), timedelta(days=1)))
    assert bench.run(patience=timedelta(minutes=10)).problems
    assert sum(bench.slept, timedelta()) <= timedelta(minutes=11)


@pytest.mark.parametrize("ended", ["empty", "gone"])
def test_an_article_that_moves_up_from_the_last_page_is_found(made, ended: str) -> None:
    """Page 2 holds one article; before it is asked for, one of page 1 is deleted, and page 2 is empty, or gone."""
    pages = [listing(1, 2, after="archive2"), listing(2, 3)]

    def site(path: str, hands: Hands) -> str:
        if path == "archive2":
            if ended == "gone":
                raise Gone(MEHR.home + path, 404)
            return listing()
        return pages.pop(0) if path.startswith("archive") else news(path)

    bench = made(site)
    assert bench.run().problems == []
    assert bench.stored() == ["1", "2", "3"]


def test_a_page_in_the_middle_that_is_empty_once_ends_nothing(made) -> None:
    empty = [True]

    def site(path: str, hands: Hands) -> str:
        if path == "archive2":
            return listing() if empty and empty.pop() else listing(3, 4, after="archive3")
        if path == "archive3":
            return listing(5)
        return listing(1, 2, after="archive2") if path.startswith("archive") else news(path)

    bench = made(site)
    assert bench.run().problems == []
    assert bench.stored() == ["1", "2", "3", "4", "5"]


def test_a_unit_that_was_begun_elsewhere_begins_anew(store: Store) -> None:
    asked = Range(source="mehr", since=DAY, until=DAY)
    (walk,) = [archive.walk_of(one, asked) for one in archive.archive_of(MEHR, asked)]
    home = replace(walk, listing=replace(walk.listing, url=MEHR.home))
    for one, url in ((home, MEHR.home), (walk, walk.listing.url)):
        store.units.open([one], now=NOW)
        taken = store.units.take("mehr", ways=("day",), owner="me", now=NOW, lease=timedelta(minutes=1))
        assert taken is not None
        assert taken.listing.url == url


# ── a site of which nobody has said yet what it is ────────────────────────────────────────────────────────────────────

GILAN = get("ostan_gilan")
_ROW = '<tr><td class="list-title"><a href="/index.php/fa/news/{0}-x">خبر {0}</a></td></tr>'
_LIST = "<html><body><table class='category'>" + "".join(map(_ROW.format, range(1, 6))) + "</table></body></html>"
_HOME = (
    '<html><head><meta name="generator" content="Joomla! - Open Source Content Management"></head><body>'
    '<a href="/index.php/fa/news">اخبار</a></body></html>'
)


def gilan(*, down: timedelta, shown: str = _HOME) -> Callable[[str, Hands], str]:
    def site(path: str, hands: Hands) -> str:
        if hands() < NOW + down:
            raise Unreachable(path, "nobody listens there")
        if path not in {GILAN.home, f"{GILAN.home}index.php/fa/news"}:
            raise Gone(path, 404)
        return shown if path == GILAN.home else _LIST

    return site


def test_a_portal_is_settled_before_its_archive_is_walked(made) -> None:
    bench = made(gilan(down=timedelta(0)))
    found = bench.settle(GILAN)
    assert isinstance(found, Joomla)
    assert found.news == "index.php/fa/news"
    assert bench.slept == []
    assert bench.settle(MEHR) is MEHR, "what is known is not asked for"


def test_a_portal_that_does_not_answer_is_waited_for_ever_longer(made) -> None:
    bench = made(gilan(down=timedelta(hours=1)))
    assert isinstance(bench.settle(GILAN), Joomla)
    assert timedelta(hours=1) <= sum(bench.slept, timedelta()) < timedelta(hours=4)
    assert bench.slept == sorted(bench.slept)
    assert all("does not answer; on again in" in line for line in bench.lines)
    assert len(bench.lines) == len(bench.slept) > 1


def test_patience_with_a_portal_ends_in_one_line(made) -> None:
    bench = made(gilan(down=timedelta(days=1)))
    with pytest.raises(InputError, match="its site does not answer; run it again later"):
        bench.settle(GILAN, patience=timedelta(hours=1))
    assert sum(bench.slept, timedelta()) <= timedelta(hours=1)


def test_a_portal_that_answers_and_shows_no_list_is_not_waited_for(made) -> None:
    bench = made(gilan(down=timedelta(0), shown="<html><body><p>به زودی</p></body></html>"))
    with pytest.raises(InputError, match=r"write `news` or `feed` under \[sources\.ostan_gilan\]"):
        bench.settle(GILAN)
    assert bench.slept == []
