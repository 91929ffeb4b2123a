"""Sites that wall us off, fall silent, or serve what cannot be read: counted by kind, nothing lost, nothing told twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from alerts.channels.base import Options
from alerts.channels.webhook import webhook
from alerts.policy import Judge
from alerts.rules import load
from demo.site import Answer, Site
from didban.article import Page
from didban.outcome import Tally
from flows.deliver import deliver
from flows.pipeline import Pipeline
from scrapers.fetch import Fetcher
from scrapers.sources import get
from storage.articles import Selection
from storage.store import Store, open_store
from tests.flows.support_processes import Receiver
from tests.support import Hands

TROUBLE = {"blocked", "unreachable", "unreadable"}
MESSAGES = 2  # the stories of IRNA that are told
Change = Callable[[str, Answer], Answer]


class ChangedSite(Site):
    """A site whose answers pass through `change`, which is given the path."""

    change: Change | None = None

    def answer(self, host: str, path: str) -> Answer:
        answer = super().answer(host, path)
        return answer if self.change is None else self.change(path, answer)


class Watch:
    """One source watched on a clock that is moved by hand, with the site, the store and the webhook as they are."""

    def __init__(self, source: str, store: Store, site: ChangedSite, receiver: Receiver) -> None:
        self.source = get(source)
        self.store = store
        self.site = site
        self.receiver = receiver
        self.hands = Hands()
        self.after: Callable[[int], None] = lambda _count: None
        """Called after each answer with the number of them in this pass."""
        self._judge = Judge(load(), window=timedelta.max, channels=("hook",), home="lorestan")
        store.sources.register([source], now=self.hands())

    def __call__(self) -> Tally:
        """One pass, if the source is due, and delivery."""
        return asyncio.run(self._pass())

    async def _pass(self) -> Tally:
        async def turn(_host: str, _seconds: float) -> None:
            return None

        hosts = {"*": f"http://127.0.0.1:{self.site.port}"}
        with ThreadPoolExecutor(1) as writer:
            async with Fetcher(
                rate=1000, turn=turn, user_agent="Didban/test", hosts=hosts, retries=0, now=self.hands
            ) as fetcher:
                count = 0

                async def fetch(url: str, **conditions: object) -> Page | None:
                    nonlocal count
                    try:
                        return await partial(fetcher.fetch, url)(**conditions)  # ty: ignore[invalid-argument-type]
                    finally:
                        count += 1
                        self.after(count)

                pipeline = Pipeline(
                    store=self.store, writer=writer, fetch=fetch, judge=self._judge, owner="us", now=self.hands
                )
                tally = await pipeline.watch(self.source) or Tally()
                channel = webhook("hook", self.receiver.url, {}, Options())
                tally.add(await deliver(pipeline, {"hook": channel}))
                return tally

    def until_well(self, *, hours: int = 2) -> None:
        """Go on, pass after pass, until the clock has moved this far."""
        for _ in range(hours * 4):
            self.hands.forward(timedelta(minutes=15))
            self()

    @property
    def state(self) -> str:
        return self.store.sources.states()[0].state

    @property
    def links(self) -> dict[str, int]:
        return self.store.links.counts().get(self.source.key, {})

    @property
    def asked(self) -> int:
        return sum("/news/" in path for _, path, _ in self.site.requests)

    @property
    def raised(self) -> list[tuple[str, str]]:
        """(story, rule) of each alert."""
        return sorted((told.alert.story, told.alert.rule) for told in self.store.outbox.alerts())

    def complete(self) -> bool:
        published = {str(piece.article.id) for piece in self.site.pieces(self.source.key)}
        stored = [article for _, article in self.store.articles.each(Selection())]
        assert len(stored) == len({article.id for article in stored})
        return {article.id for article in stored} == published and all(article.complete for article in stored)


Open = Callable[[str], AbstractContextManager[Watch]]


@pytest.fixture
def watch(tmp_path: Path) -> Open:
    @contextmanager
    def opened(source: str) -> Generator[Watch]:
        store = open_store(f"sqlite:///{tmp_path / source}.db")
        with ChangedSite() as site, Receiver() as receiver:
            yield Watch(source, store, site, receiver)
        store.close()

    return opened


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """What a pass over IRNA raises when nothing is wrong."""
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('undisturbed') / 'didban.db'}")
    with ChangedSite() as site, Receiver() as receiver:
        calm = Watch("irna", store, site, receiver)
        tally = calm()
        assert tally.problems == []
        assert calm.complete()
    raised = calm.raised
    store.close()
    return raised


# ── walls and silence ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_behind_a_wall_the_feed_is_kept_and_told_and_completed_without_a_second_alert(
    watch: Open, undisturbed: list[tuple[str, str]]
) -> None:
    with watch("irna") as irna:
        irna.site.wall("irna")
        tally = irna()
        assert (tally.blocked, tally.partial, tally.new, irna.state) == (15, 15, 0, "blocked")
        assert irna.asked == 1, "a wall was knocked at again"
        partly = irna.raised
        assert partly
        assert {rule for _, rule in partly} < {rule for _, rule in undisturbed}
        told = list(irna.receiver.keys)
        assert told
        irna.hands.forward(timedelta(minutes=29))
        irna()
        assert irna.asked == 1
        assert irna.state == "blocked", "a pass that asked for no page knows nothing better"
        irna.hands.forward(timedelta(minutes=6))
        assert irna().blocked == 15
        assert irna.asked == 2
        assert irna.receiver.keys == told

        irna.site.wall("irna", on=False)
        irna.hands.forward(timedelta(minutes=61))
        assert irna().completed == 15
        assert irna.complete()
        assert irna.state == "healthy"
        assert sorted(rule for _, rule in irna.raised) == sorted(rule for _, rule in undisturbed)
        assert len(set(irna.raised)) == len(irna.raised)
        assert len(irna.receiver.keys) == len(irna.receiver.bodies)
        assert told == irna.receiver.keys[: len(told)]
        assert len(irna.receiver.keys) <= len(told) + MESSAGES, "more than one message or follow-up for a story"
        irna.until_well(hours=1)
        assert irna.links == {"stored": 15}


def test_one_bad_answer_of_the_feed_after_hours_of_walled_pages_delays_the_next_poll_by_minutes(watch: Open) -> None:
    with watch("irna") as irna:
        irna.site.wall("irna")
        for _ in range(12):
            irna.site.publish("irna")
            irna()
            irna.hands.forward(timedelta(minutes=5))
        irna.site.down("irna")
        irna()
        due = irna.store.sources.states()[0].due
        assert due - irna.hands() <= timedelta(minutes=15)


def test_a_wall_before_everything_loses_nothing(watch: Open, undisturbed: list[tuple[str, str]]) -> None:
    with watch("irna") as irna:
        irna.site.wall("irna", feed=True)
        tally = irna()
        assert (tally.blocked, tally.listed, irna.state) == (1, 0, "blocked")
        irna.site.wall("irna", on=False)
        irna.until_well(hours=1)
        assert irna.complete()
        assert irna.raised == undisturbed


def test_a_site_that_is_down_is_unreachable_and_nothing_is_lost(
    watch: Open, undisturbed: list[tuple[str, str]]
) -> None:
    with watch("irna") as irna:
        irna.site.down("irna")
        assert (irna().unreachable, irna.state) == (1, "unreachable")
        irna.until_well(hours=2)
        assert len(irna.site.requests) < 8, "a site that is down is asked too often"
        irna.site.down("irna", on=False)
        irna.until_well()
        assert irna.complete()
        assert irna.raised == undisturbed
        assert irna.state == "healthy"


@pytest.mark.parametrize("answers", [1, 2, 6, 14])
def test_a_site_that_goes_down_during_a_pass(watch: Open, answers: int, undisturbed: list[tuple[str, str]]) -> None:
    with watch("irna") as irna:
        irna.after = lambda count: irna.site.down("irna") if count == answers else None
        tally = irna()
        assert tally.new == answers - 1
        assert tally.unreachable == min(2, 16 - answers), "a silent site was asked on and on"
        assert tally.partial == 0
        irna.after = lambda _count: None
        irna.site.down("irna", on=False)
        irna.until_well(hours=1)
        assert irna.complete()
        assert irna.raised == undisturbed
        assert irna.links == {"stored": 15}


@pytest.mark.parametrize("answers", [2, 6])
def test_a_wall_that_rises_during_a_pass(watch: Open, answers: int, undisturbed: list[tuple[str, str]]) -> None:
    with watch("irna") as irna:
        irna.after = lambda count: irna.site.wall("irna") if count == answers else None
        tally = irna()
        assert (tally.new, tally.partial) == (answers - 1, 16 - answers)
        irna.after = lambda _count: None
        irna.site.wall("irna", on=False)
        irna.until_well(hours=2)
        assert irna.complete()
        assert sorted(rule for _, rule in irna.raised) == sorted(rule for _, rule in undisturbed)


@pytest.mark.parametrize("trouble", ["wall", "down"])
def test_a_walk_over_a_gap_that_meets_trouble_goes_on_later(watch: Open, trouble: str) -> None:
    with watch("mehr") as mehr:
        mehr()
        mehr.site.publish("mehr", 70)
        hinder = partial(getattr(mehr.site, trouble), "mehr")
        mehr.after = lambda count: hinder() if count == 2 else None  # the archive's first page has come
        mehr.hands.forward(timedelta(hours=3))
        tally = mehr()
        assert tally.gaps == 1
        assert not mehr.complete()
        assert mehr.state == {"wall": "blocked", "down": "unreachable"}[trouble]
        mehr.after = lambda _count: None
        hinder(on=False)
        mehr.until_well()
        assert mehr.complete()
        assert mehr.store.units.states("mehr", ("gap",)) == {"done": 1}


# ── what cannot be read ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_feed_cut_in_the_middle_gives_what_is_whole_and_is_asked_for_again(watch: Open) -> None:
    with watch("irna") as irna:
        irna.site.change = lambda path, answer: (
            replace(answer, body=answer.body[: len(answer.body) // 2]) if path == "/rss" else answer
        )
        tally = irna()
        assert tally.unreadable == 1
        assert 0 < tally.new < 15
        assert "breaks off" in tally.problems[0]
        assert irna.state == "unreadable"
        irna.site.change = None
        irna.until_well(hours=4)
        assert irna.complete()
        assert irna.state == "healthy"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "empty"),
        ("\x00\x01\x02\xff" * 500, "binary"),
        ("<html><body>log in here</body></html>", "HTML"),
        ('<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "b">]><rss/>', "entities"),
    ],
    ids=["empty", "binary", "html", "entities"],
)
def test_a_listing_that_is_none_is_counted_and_kept(watch: Open, body: str, says: str) -> None:
    with watch("irna") as irna:
        irna.site.change = lambda path, answer: replace(answer, body=body) if path == "/rss" else answer
        tally = irna()
        assert (tally.unreadable, tally.new, irna.state) == (1, 0, "unreadable")
        assert says in tally.problems[0]
        assert "\n" not in tally.problems[0]
        irna.site.change = None
        irna.until_well()
        assert irna.complete()


def without_title(body: str) -> str:
    head, _, rest = body.partition("<h1")
    return head.replace("og:title", "x").replace("<title>", "<x>") + "<p" + rest.replace("</h1>", "</p>")


@pytest.mark.parametrize(
    "spoil",
    [
        without_title,
        lambda _body: "",
        lambda body: body[: len(body) // 3],
        lambda _body: "\x00\x01\x02" * 3000,
        lambda _body: "<div>" * 50_000,
        lambda _body: "<html><body>صفحه در دست ساخت است</body></html>",
    ],
    ids=["no-title", "empty", "cut", "binary", "deep", "another-page"],
)
def test_an_article_that_cannot_be_read_is_kept_as_the_feed_says_and_read_later(
    watch: Open, spoil: Callable[[str], str], undisturbed: list[tuple[str, str]]
) -> None:
    """One page of the fifteen is spoilt: it alone is partial, its bytes are kept, and the page set right completes it."""
    with watch("irna") as irna:
        irna.site.change = lambda path, answer: (
            replace(answer, body=spoil(answer.body)) if path.startswith("/news/83510372/") else answer
        )
        tally = irna()
        assert (tally.new, tally.partial, tally.unreadable) == (14, 1, 1)
        assert len(irna.store.pages.unread("irna")) == 1
        assert "\n" not in tally.problems[0]
        irna.site.change = None
        irna.until_well()
        assert irna.complete()
        assert irna.store.pages.unread("irna") == []
        assert sorted(rule for _, rule in irna.raised) == sorted(rule for _, rule in undisturbed)


def test_a_page_in_windows_1256_that_says_utf_8_reads_right(watch: Open) -> None:
    with watch("irna") as irna:
        number = "86214310"
        title = next(p.article.title for p in irna.site.pieces("irna") if p.article.id == number)
        whole = irna.site.answer

        class Bytes(str):
            """A body that its server writes in another encoding than it declares."""

            __slots__ = ()

            def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
                return super().encode("windows-1256", "xmlcharrefreplace")

        def answer(host: str, path: str) -> Answer:
            found = whole(host, path)
            return replace(found, body=Bytes(found.body)) if f"/news/{number}/" in path else found

        irna.site.answer = answer
        irna()
        stored = irna.store.articles.get(irna.store.articles.find("irna", number) or 0)
        assert stored is not None
        assert stored.title == title
        assert "گندم" in stored.text
        assert "\N{REPLACEMENT CHARACTER}" not in stored.text


def test_an_impossible_date_is_no_date_and_no_reason_to_refuse(watch: Open) -> None:
    with watch("ostan_lr") as portal:
        portal.site.change = lambda _path, answer: replace(
            answer, body=answer.body.replace("۱۹ مرداد ۱۴۰۵", "۳۰ اسفند ۱۴۰۲").replace("19 مرداد 1405", "30 اسفند 1402")
        )
        portal()
        assert portal.complete()
