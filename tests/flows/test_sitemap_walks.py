"""Walks through a past that sitemaps and archive listings name, by IRNA's own reader; the site is a dict."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial

import pytest

from didban.article import Listing, Page
from didban.dates import day_bounds
from didban.errors import Gone, Unreachable
from didban.outcome import Tally
from flows.archive import WAYS
from flows.pipeline import MOST_PAGES, Pipeline
from scrapers.sources.irna import IRNA
from storage.articles import Selection
from storage.store import Store
from storage.units import Walk
from tests.support import TEXT, Hands, judge

DAY = date(2018, 10, 9)
SITEMAP = "sitemap/1397/{}/sitemap.xml"


def urlset(*numbers: int, root: str = "urlset", entry: str = "url", path: str = "news/{}/x") -> str:
    entries = "".join(f"<{entry}><loc>{IRNA.home}{path.format(number)}</loc></{entry}>" for number in numbers)
    return f'<{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</{root}>'


def news(published: str) -> str:
    return (
        f'<html><meta property="article:published_time" content="{published}"><article id="item">'
        f'<h1 itemprop="headline">تیتر</h1><div class="item-text">{TEXT}</div></article></html>'
    )


def archive(numbers: range, time: str, following: int | None) -> str:
    items = "".join(
        f'<li class="note"><div class="desc"><h3><a href="/news/{number}/x">x</a></h3><time>{time}</time></div></li>'
        for number in numbers
    )
    pager = f'<li><a href="/archive{following}">بعدی</a></li>' if following else ""
    return (
        f'<html><main><section class="box"><ul>{items}</ul><ul class="pagination">{pager}</ul></section></main></html>'
    )


@dataclass
class Past:
    """A backfill over a dict of paths; every article not named was published on DAY."""

    pipeline: Pipeline
    store: Store
    hands: Hands
    pages: dict[str, str]
    asked: list[str] = field(default_factory=list)
    down: str = ""

    async def fetch(
        self, url: str, *, hosts: tuple[str, ...], etag: str | None = None, last_modified: str | None = None
    ) -> Page:
        path = url.removeprefix(IRNA.home)
        self.asked.append(path)
        body = self.pages.get(path) or (news("2018-10-09T08:00:00Z") if path.startswith("news/") else None)
        if path == self.down:
            raise Unreachable(url, "no answer")
        if body is None:
            raise Gone(url, 404)
        return Page(url=url, body=body.encode(), fetched=self.hands())

    def walk(self, *listings: Listing, since: date = DAY, until: date = DAY) -> Tally:
        tally = Tally()
        start, end = day_bounds(since)[0], day_bounds(until)[1]
        key = f"{since}..{until}"
        walks = [Walk(listing=one, key=key, since=start, until=end, final=end) for one in listings]

        async def run() -> None:
            await self.pipeline.run(partial(self.store.units.open, walks, now=self.hands()))
            await self.pipeline.walk(IRNA, WAYS, tally)
            await self.pipeline.collect(IRNA, tally)

        asyncio.run(run())
        return tally

    def stored(self) -> list[str]:
        return sorted(article.id or "" for _, article in self.store.articles.each(Selection()))


@pytest.fixture
def past(store: Store) -> Iterator[Past]:
    hands = Hands()
    store.sources.register(["irna"], now=hands())
    with ThreadPoolExecutor(1) as writer:

        async def fetch(url: str, **given: object) -> Page | None:
            return await one.fetch(url, hosts=IRNA.hosts)

        pipeline = Pipeline(store=store, writer=writer, fetch=fetch, judge=judge(), owner="me", now=hands)
        one = Past(pipeline, store, hands, {})
        yield one


def test_the_sitemaps_of_days_are_walked_as_days_are(past: Past) -> None:
    past.pages = {SITEMAP.format("07/17"): urlset(1, 2), SITEMAP.format("07/18"): '{"urls": []}'}
    tally = past.walk(*replace(IRNA, ways=("sitemap",)).archive(DAY, DAY))
    assert (tally.listed, tally.new, past.stored()) == (2, 2, ["1", "2"])
    assert past.asked[0] == SITEMAP.format("07/17")


def test_an_index_opens_the_sitemaps_of_the_asked_days_and_no_others(past: Past) -> None:
    index = "sitemap/1397/sitemap.xml"
    days = {name: SITEMAP.format(name) for name in ("07/16", "07/17", "07/18", "07/19")}
    past.pages = {path: urlset(number) for number, path in enumerate(days.values(), 16)}
    past.pages["sitemap/menus.xml"] = urlset()
    entries = "".join(f"<sitemap><loc>{IRNA.home}{path}</loc></sitemap>" for path in past.pages)
    past.pages[index] = f"<sitemapindex>{entries}</sitemapindex>"
    tally = past.walk(IRNA.listing(index, "sitemap"), since=DAY, until=DAY + timedelta(days=1))
    listings = [path for path in past.asked if path.startswith("sitemap")]
    assert listings == [index, days["07/17"], days["07/18"], "sitemap/menus.xml"]
    assert (past.stored(), tally.problems) == (["17", "18"], [])
    past.asked.clear()
    past.walk(IRNA.listing(index, "sitemap"), since=DAY, until=DAY + timedelta(days=1))
    assert past.asked == [], "what is done is done"


def test_a_walk_killed_after_an_index_goes_on_with_its_sitemaps(past: Past) -> None:
    index, leaf = "sitemap/1397/sitemap.xml", SITEMAP.format("07/17")
    past.pages = {index: urlset(17, root="sitemapindex", entry="sitemap", path="sitemap/1397/07/{}/sitemap.xml")}
    past.down = leaf
    first = past.walk(IRNA.listing(index, "sitemap"))
    assert any(leaf in problem for problem in first.problems)
    past.down = ""
    past.pages[leaf] = urlset(1)
    past.hands.forward(timedelta(hours=1))
    past.walk()
    assert past.stored() == ["1"]


def test_an_archive_that_never_ends_is_given_up_and_said(past: Past) -> None:
    (day,) = IRNA.archive(DAY, DAY)
    past.pages = {day.url.removeprefix(IRNA.home): archive(range(1), "", 1)}
    past.pages |= {f"archive{page}": archive(range(page, page + 1), "", page + 1) for page in range(1, MOST_PAGES + 9)}
    tally = past.walk(day)
    assert len({path for path in past.asked if path.startswith("archive")}) == MOST_PAGES
    assert [problem.partition(": ")[2] for problem in tally.problems] == [
        f"given up after {MOST_PAGES} pages, short of where the walk should end"
    ]


def test_an_archive_ends_where_its_items_are_older_than_the_day(past: Past) -> None:
    (day,) = IRNA.archive(DAY, DAY)
    past.pages = {
        day.url.removeprefix(IRNA.home): archive(range(1, 4), "۱۳۹۷-۰۷-۱۷ ۰۸:۰۰", 2),
        "archive2": archive(range(4, 7), "۱۳۹۷-۰۷-۱۵ ۰۸:۰۰", 3),
        "archive3": archive(range(7, 9), "۱۳۹۷-۰۷-۱۴ ۰۸:۰۰", 4),
    }
    tally = past.walk(day)
    assert (past.stored(), tally.problems) == (["1", "2", "3"], [])
    assert "archive3" not in past.asked
