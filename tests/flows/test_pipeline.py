"""The order of things for one source, with a site that is a dict: no network, no Prefect, a clock that stands."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from didban.article import Article, Link, Listed, Listing, Page
from didban.errors import Blocked, DidbanError, Gone, LayoutChanged, ReadError, Unreachable, Unreadable
from didban.health import Expects
from didban.outcome import Tally
from flows.pipeline import Pipeline
from storage.articles import Selection
from storage.store import Store
from storage.units import Walk
from tests.support import TEXT, Hands, judge

HOME = "https://www.irna.ir/"
EXPECTS = Expects(working=300, resting=100, silence=timedelta(hours=6), fields=("title", "text"))


@dataclass
class Dummy:
    """A source whose pages are words: `links:1 2 3 next:2`, `article:…`, `damaged:1`, `gibberish`."""

    key: str = "irna"
    name: str = "ایرنا"
    home: str = HOME
    hosts: tuple[str, ...] = ("irna.ir",)
    rights: str | None = None
    province: str | None = None
    every: timedelta = timedelta(minutes=5)
    expects: Expects = EXPECTS

    def watch(self) -> tuple[Listing, ...]:
        return (Listing(source=self.key, url=HOME + "rss"),)

    def older(self) -> Listing | None:
        return Listing(source=self.key, url=HOME + "archive1", way="page")

    def archive(self, since: date, until: date) -> tuple[Listing, ...]:
        raise AssertionError("a watch never asks for the archive")

    def links(self, page: Page, listing: Listing) -> Listed:
        words = page.body.decode().split()
        if words[0] not in {"links", "damaged"}:
            raise Unreadable(page.url, "no listing")
        following = next((HOME + word[5:] for word in words if word.startswith("next:")), None)
        return Listed(
            links=tuple(
                Link(source=self.key, id=word, url=f"{HOME}news/{word}", title=f"خبر {word}", lead="دولت الکترونیک")
                for word in words[1:]
                if word.isdigit()
            ),
            next=following,
            problem="cut off" if words[0] == "damaged" else None,
        )

    def article(self, page: Page, link: Link | None = None) -> Article:
        kind, _, text = page.body.decode().partition(":")
        if kind == "trips":
            raise KeyError("nobody foresaw this")
        if kind != "article" or link is None:
            raise LayoutChanged(page.url, "h1.title", 0)
        return Article(source=self.key, id=link.id, url=page.url, title=link.title, lead=link.lead, text=text)


@dataclass
class Site:
    """Addresses to pages or errors; what was asked is written down."""

    hands: Hands
    pages: dict[str, str | DidbanError] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def fetch(
        self, url: str, *, hosts: tuple[str, ...], etag: str | None = None, last_modified: str | None = None
    ) -> Page | None:
        path = url.removeprefix(HOME)
        self.asked.append(path)
        said = self.pages[path]
        if isinstance(said, DidbanError):
            raise said
        own = f'"{hash(said)}"'
        if etag == own:
            return None
        return Page(url=url, body=said.encode(), fetched=self.hands(), headers={"etag": own})

    def publish(self, *numbers: int) -> None:
        self.pages["rss"] = "links " + " ".join(map(str, numbers))
        for number in numbers:
            self.pages.setdefault(f"news/{number}", f"article:{TEXT} {number}")


@dataclass
class Bench:
    """A pipeline over a dict."""

    store: Store
    hands: Hands
    site: Site
    pipeline: Pipeline
    source: Dummy = field(default_factory=Dummy)

    def watch(self) -> Tally:
        tally = asyncio.run(self.pipeline.watch(self.source, even_if_not_due=True))
        assert tally is not None
        return tally

    def state(self) -> str:
        return self.store.sources.states()[0].state

    def stored(self) -> list[str]:
        return sorted(article.id or "" for _, article in self.store.articles.each(Selection()) if article.complete)


@pytest.fixture
def bench(store: Store) -> Iterator[Bench]:
    hands = Hands()
    site = Site(hands)
    store.sources.register(["irna"], now=hands())
    with ThreadPoolExecutor(1) as writer:
        pipeline = Pipeline(store=store, writer=writer, fetch=site.fetch, judge=judge(), owner="me", now=hands)
        yield Bench(store, hands, site, pipeline)


def test_a_pass_stores_what_is_listed_and_the_next_finds_nothing_new(bench: Bench) -> None:
    bench.site.publish(1, 2, 3)
    first = bench.watch()
    assert (first.listed, first.noted, first.new, first.alerts) == (3, 3, 3, 3)
    bench.site.asked.clear()
    second = bench.watch()
    assert bench.site.asked == ["rss"]
    assert not any(second.counts().values())
    assert bench.state() == "healthy"


def test_a_source_is_left_alone_until_it_is_due(bench: Bench) -> None:
    bench.site.publish(1)
    bench.watch()
    assert asyncio.run(bench.pipeline.watch(bench.source)) is None
    bench.hands.forward(timedelta(minutes=5))
    assert asyncio.run(bench.pipeline.watch(bench.source)) is not None


def test_links_noted_before_a_crash_are_collected_though_the_feed_says_not_modified(bench: Bench) -> None:
    bench.site.publish(1, 2)
    asyncio.run(bench.pipeline._poll(bench.source, bench.source.watch()[0], Tally()))
    assert bench.stored() == []
    tally = bench.watch()
    assert (tally.listed, tally.new) == (0, 2)


def test_more_articles_than_the_feed_holds_are_found_page_by_page(bench: Bench) -> None:
    bench.site.publish(1, 2)
    bench.watch()
    for number in range(3, 12):
        bench.site.publish(number)
    bench.site.publish(11, 10)
    bench.site.pages |= {"archive1": "links 11 10 9 next:archive2", "archive2": "links 8 7 6 next:archive3"}
    bench.site.pages |= {"archive3": "links 5 4 3 next:archive4", "archive4": "links 2 1 next:archive5"}
    bench.hands.forward(timedelta(hours=3))
    tally = bench.watch()
    assert (tally.gaps, tally.new) == (1, 9)
    assert bench.stored() == sorted(str(number) for number in range(1, 12))
    assert "archive5" not in bench.site.asked


def test_a_walk_ends_where_the_site_repeats_its_last_page(bench: Bench) -> None:
    bench.site.publish(1)
    bench.watch()
    bench.site.publish(9)
    bench.site.publish(8)
    bench.site.pages |= {"archive1": "links 8 next:archive2", "archive2": "links 8 next:archive3"}
    bench.site.pages["archive3"] = "links 8 next:archive4"  # once may be chance: the list had moved by a page
    bench.hands.forward(timedelta(hours=3))
    bench.watch()
    assert bench.site.asked[-1] == "archive3"
    assert bench.store.units.states("irna", ("gap",)) == {"done": 1}


class Dated(Dummy):
    """A link's number is its day in October."""

    def links(self, page: Page, listing: Listing) -> Listed:
        listed = super().links(page, listing)
        days = [replace(link, published=datetime(2026, 10, int(link.id or 1), tzinfo=UTC)) for link in listed.links]
        return replace(listed, links=tuple(days))


def test_what_another_walk_saw_of_a_page_is_not_taken_for_seen(bench: Bench) -> None:
    """Two walks through one list, each for days of its own; between them an article is deleted, and another moves up."""
    source, start = Dated(), Listing(source="irna", url=HOME + "archive1", way="page")
    tally, down = Tally(), Unreachable(HOME, "down")

    def walked(first: int, last: int) -> None:
        since, until = (datetime(2026, 10, day, tzinfo=UTC) for day in (first, last))
        walk = Walk(listing=start, key=f"{first}..{last}", since=since, until=until, final=until)
        bench.store.units.open([walk], now=bench.hands())
        asyncio.run(bench.pipeline.walk(source, ("page",), tally))

    async def once(url: str, *, hosts: tuple[str, ...], **_: object) -> Page | None:
        """The second walk finds the second page away; the first one, a moment later, has it."""
        page = bench.site.fetch(url, hosts=hosts)
        if url.endswith("archive2") and "archive2" not in bench.site.asked[before:]:
            bench.site.asked.append("archive2")
            page.close()
            raise down
        return await page

    bench.site.publish(*range(1, 29))
    bench.site.pages |= {"archive1": "links 28 26 next:archive2", "archive2": down}
    walked(1, 15)
    bench.site.pages |= {"archive1": "links 28 9 next:archive2", "archive2": "links 8 7"}
    bench.hands.forward(timedelta(hours=3))
    before = len(bench.site.asked)
    bench.pipeline = replace(bench.pipeline, fetch=once)
    walked(25, 30)
    assert "9" in bench.stored()


def test_a_walk_that_fails_goes_on_where_it_was(bench: Bench) -> None:
    bench.site.publish(1)
    bench.watch()
    for number in (5, 6, 7, 8):
        bench.site.publish(number)
    bench.site.pages |= {"archive1": "links 8 7 next:archive2", "archive2": Unreachable(HOME, "down")}
    bench.hands.forward(timedelta(hours=3))
    bench.watch()
    assert bench.stored() == ["1", "7", "8"]
    bench.site.pages["archive2"] = "links 6 5 1"
    bench.hands.forward(timedelta(hours=1))
    bench.watch()
    assert bench.stored() == ["1", "5", "6", "7", "8"]
    assert bench.site.asked.count("archive1") == 2, "a page is looked at once more when the next one has been read"


def test_behind_a_wall_every_listed_article_is_kept_in_part_and_completed_later(bench: Bench) -> None:
    bench.site.publish(1, 2, 3)
    for number in (1, 2, 3):
        bench.site.pages[f"news/{number}"] = Blocked(HOME, "a wall page with status 200")
    walled = bench.watch()
    assert (walled.partial, walled.alerts, bench.state()) == (3, 3, "blocked")
    assert sum(path.startswith("news/") for path in bench.site.asked) == 1
    for number in (1, 2, 3):
        bench.site.pages[f"news/{number}"] = f"article:{TEXT} {number}"
    bench.hands.forward(timedelta(hours=1))
    open_again = bench.watch()
    assert (open_again.completed, open_again.alerts, bench.state()) == (3, 0, "healthy")
    assert bench.stored() == ["1", "2", "3"]


def test_an_article_that_is_closed_by_itself_is_no_wall_and_is_tried_again(bench: Bench) -> None:
    bench.site.publish(1, 2, 3)
    bench.site.pages["news/2"] = Blocked(HOME, "the server answers 403", alone=True)
    tally = bench.watch()
    assert (tally.new, tally.partial, tally.blocked, bench.state()) == (2, 1, 1, "healthy")
    assert tally.problems, "it is said all the same"
    for hours in (1, 2):
        bench.hands.forward(timedelta(hours=hours))
        assert bench.watch().blocked == 1
        assert bench.state() == "healthy", "nothing else was due, and it alone is closed still"
    bench.site.pages["news/2"] = f"article:{TEXT} 2"
    bench.hands.forward(timedelta(hours=4))
    assert bench.watch().completed == 1
    assert bench.stored() == ["1", "2", "3"]


def test_two_articles_running_that_are_refused_are_a_wall(bench: Bench) -> None:
    bench.site.publish(1, 2, 3, 4)
    for number in (2, 3, 4):
        bench.site.pages[f"news/{number}"] = Blocked(HOME, "the server answers 403", alone=True)
    tally = bench.watch()
    assert (tally.new, tally.partial, bench.state()) == (1, 3, "blocked")
    assert sum(path.startswith("news/") for path in bench.site.asked) == 3, "it is not knocked at a third time"


def test_a_silent_site_is_left_in_peace_and_nothing_is_lost(bench: Bench) -> None:
    bench.site.publish(1, 2, 3, 4)
    pages = dict(bench.site.pages)
    for number in (1, 2, 3, 4):
        bench.site.pages[f"news/{number}"] = Unreachable(HOME, "no answer")
    tally = bench.watch()
    assert tally.unreachable == 2
    bench.site.pages |= pages
    bench.hands.forward(timedelta(hours=1))
    assert bench.watch().new == 4


def test_a_page_that_cannot_be_read_is_kept_counted_and_tried_again(bench: Bench) -> None:
    bench.site.publish(1)
    bench.site.pages["news/1"] = "what is this"
    tally = bench.watch()
    assert (tally.unreadable, tally.partial, bench.state()) == (1, 1, "unreadable")
    assert [kept.page.body for kept in bench.store.pages.unread("irna")] == [b"what is this"]
    bench.site.pages["news/1"] = f"article:{TEXT}"
    bench.hands.forward(timedelta(hours=2))
    assert bench.watch().completed == 1
    assert bench.store.pages.unread("irna") == []


def test_a_reader_that_trips_refuses_the_page_not_the_run(bench: Bench) -> None:
    bench.site.publish(1, 2)
    bench.site.pages["news/1"] = "trips"
    tally = bench.watch()
    assert (tally.unreadable, tally.partial, tally.new) == (1, 1, 1)
    assert "KeyError" in tally.problems[0]


def test_a_gone_article_is_given_up_with_its_reason_after_a_few_tries(bench: Bench) -> None:
    bench.site.publish(1)
    bench.site.pages["news/1"] = Gone(HOME + "news/1", 404)
    for _ in range(4):
        bench.watch()
        bench.hands.forward(timedelta(days=2))
    assert bench.site.asked.count("news/1") == 3
    assert bench.store.links.counts() == {"irna": {"partial": 1}}


def test_a_feed_cut_in_the_middle_gives_its_whole_links_and_is_asked_for_again(bench: Bench) -> None:
    bench.site.publish(1, 2)
    bench.site.pages["rss"] = "damaged 1"
    tally = bench.watch()
    assert (tally.new, tally.unreadable, bench.state()) == (1, 1, "unreadable")
    assert bench.store.sources.states()[0].baseline is None
    bench.site.publish(1, 2)
    bench.hands.forward(timedelta(hours=2))
    assert bench.watch().new == 1


def test_a_listing_that_is_none_is_kept_and_slows_the_polling(bench: Bench) -> None:
    bench.site.pages["rss"] = "<html>a wall of words</html>"
    tally = bench.watch()
    assert tally.unreadable == 1
    due = bench.store.sources.states()[0].due
    assert due - bench.hands() == timedelta(hours=1)


def test_the_links_of_the_first_pass_are_the_baseline(bench: Bench) -> None:
    bench.site.publish(1)
    bench.watch()
    bench.site.publish(2, 1)
    taken = []
    seen = bench.pipeline.judge

    def remember(article: Article, sighting):
        taken.append((article.id, sighting.baseline))
        return seen(article, sighting)

    object.__setattr__(bench.pipeline, "judge", remember)
    bench.watch()
    assert taken == [("2", False)]


def test_errors_keep_their_kind_in_the_tally(bench: Bench) -> None:
    assert issubclass(LayoutChanged, ReadError)
    bench.site.pages["rss"] = Blocked(HOME + "rss", "a wall", retry_after=7200)
    assert bench.watch().blocked == 1
    assert bench.store.sources.states()[0].due - bench.hands() == timedelta(hours=2)


def test_a_walks_damaged_page_gives_its_links_at_once_and_does_not_end_the_walk(bench: Bench) -> None:
    bench.site.publish(1)
    bench.watch()
    for number in (5, 6, 7, 8):
        bench.site.publish(number)
    bench.site.pages |= {"archive1": "damaged 8 7 next:archive2", "archive2": "links 6 5 1"}
    bench.hands.forward(timedelta(hours=3))
    bench.watch()
    assert bench.stored() == ["1", "7", "8"]
    for _ in range(3):
        bench.hands.forward(timedelta(days=2))
        bench.watch()
    assert bench.stored() == ["1", "5", "6", "7", "8"]
    assert bench.store.units.states("irna", ("gap",)) == {"done": 1}
