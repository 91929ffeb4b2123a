"""Delivery: each channel on its own, retried with backoff, dead only when refused or tried too often."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from didban.alert import AnyDraft, Draft
from didban.errors import ChannelRefused, ChannelUnreachable, SendError
from didban.outcome import Tally
from flows.deliver import TRIES, deliver
from flows.pipeline import Pipeline
from storage.store import Store
from tests.support import Hands, article, judge, sighting


@dataclass
class Wire:
    """A channel that takes what it is sent, unless told to fail."""

    name: str
    deadline: float = 5.0
    taken: list[tuple[str, str, int]] = field(default_factory=list)
    failure: SendError | None = None

    def render(self, draft: AnyDraft) -> tuple[str, ...]:
        assert isinstance(draft, Draft)
        return (f"{draft.article.title} 1/2", f"{draft.article.title} 2/2")

    async def send(self, part: str, *, key: str, number: int, total: int) -> None:
        if self.failure is not None:
            raise self.failure
        assert total == 2
        self.taken.append((part, key, number))


@dataclass
class Desk:
    store: Store
    hands: Hands
    pipeline: Pipeline
    first: Wire
    second: Wire

    def deliver(self) -> Tally:
        return asyncio.run(deliver(self.pipeline, {"first": self.first, "second": self.second}))


@pytest.fixture
def desk(store: Store) -> Iterator[Desk]:
    hands = Hands()

    async def no_fetch(url: str, **named: object) -> None:
        raise AssertionError(url)

    store.articles.save(article(), judge(channels=("first", "second")), sighting())
    with ThreadPoolExecutor(1) as writer:
        pipeline = Pipeline(store=store, writer=writer, fetch=no_fetch, judge=judge(), owner="me", now=hands)
        yield Desk(store, hands, pipeline, Wire("first"), Wire("second"))


def test_every_part_is_sent_once_in_order(desk: Desk) -> None:
    assert desk.deliver().sent == 2
    assert [(part, number) for part, _, number in desk.first.taken] == [("یک تیتر 1/2", 1), ("یک تیتر 2/2", 2)]
    assert len({key for _, key, _ in desk.first.taken}) == 1
    assert desk.deliver().sent == 0


def test_a_bad_channel_does_not_stop_the_other(desk: Desk) -> None:
    desk.first.failure = SendError("first", "it says 500")
    tally = desk.deliver()
    assert (tally.sent, tally.unsent, tally.problems) == (1, 1, ["channel first: it says 500"])
    desk.first.failure = None
    assert desk.deliver().sent == 0
    desk.hands.forward(timedelta(seconds=30))
    assert desk.deliver().sent == 1


def test_retry_after_is_honoured(desk: Desk) -> None:
    desk.first.failure = SendError("first", "too many", retry_after=600)
    desk.deliver()
    desk.first.failure = None
    desk.hands.forward(timedelta(seconds=599))
    assert desk.deliver().sent == 0
    desk.hands.forward(timedelta(seconds=1))
    assert desk.deliver().sent == 1


def test_a_network_that_is_away_for_days_makes_no_dead_letters(desk: Desk) -> None:
    desk.first.failure = ChannelUnreachable("first", "no network")
    for _ in range(TRIES * 5):
        desk.deliver()
        desk.hands.forward(timedelta(hours=2))
    assert desk.store.outbox.states() == {"open": 1, "sent": 1, "waiting": 0}
    desk.first.failure = None
    assert desk.deliver().sent == 1


def test_a_receiver_that_never_takes_it_is_a_dead_letter_after_many_tries(desk: Desk) -> None:
    desk.first.failure = SendError("first", "it says 500")
    for _ in range(TRIES - 1):
        desk.deliver()
        desk.hands.forward(timedelta(hours=2))
    assert "dead" not in desk.store.outbox.states()
    desk.deliver()
    assert desk.store.outbox.states()["dead"] == 1


def test_a_dead_letter_that_is_sent_again_has_its_tries_again(desk: Desk) -> None:
    desk.first.failure = SendError("first", "it says 500")
    for _ in range(TRIES):
        desk.deliver()
        desk.hands.forward(timedelta(hours=2))
    assert desk.store.outbox.revive(now=desk.hands()) == 1
    desk.deliver()
    assert "dead" not in desk.store.outbox.states()
    desk.hands.forward(timedelta(hours=2))
    desk.first.failure = None
    assert desk.deliver().sent == 1


def test_a_refused_message_is_dead_at_once_and_the_rest_go_on(desk: Desk) -> None:
    other = article(id="2", url="https://www.irna.ir/news/84000002/x", title="دیگر", text="دولت الکترونیک")
    desk.store.articles.save(other, judge(channels=("first",)), sighting())
    desk.first.failure = ChannelRefused("first", "it says 400")
    assert desk.deliver().unsent == 2
    assert desk.store.outbox.states()["dead"] == 2
    desk.first.failure = None
    assert desk.store.outbox.revive(now=desk.hands()) == 2
    assert desk.deliver().sent == 2


def test_a_channel_that_hangs_is_cut_off_at_its_deadline(desk: Desk) -> None:
    class Hanging(Wire):
        async def send(self, part: str, *, key: str, number: int, total: int) -> None:
            await asyncio.Event().wait()

    desk.first = Hanging("first", deadline=0.01)
    tally = desk.deliver()
    assert (tally.sent, tally.unsent) == (1, 1)
    assert "did not answer" in tally.problems[0]


def test_nobody_else_takes_a_message_of_many_parts_meanwhile(desk: Desk) -> None:
    class Slow(Wire):
        async def send(self, part: str, *, key: str, number: int, total: int) -> None:
            desk.hands.forward(timedelta(seconds=40))  # two of these outlast the lease that the message was taken with
            lease = timedelta(minutes=1)
            assert desk.store.outbox.take(("first",), owner="rival", now=desk.hands(), lease=lease) is None
            self.taken.append((part, key, number))

    desk.first = Slow("first")
    assert desk.deliver().sent == 2
    assert [number for _, _, number in desk.first.taken] == [1, 2]


def test_what_no_network_carried_is_not_counted_against_its_receiver(desk: Desk) -> None:
    desk.first.failure = ChannelUnreachable("first", "no network")
    for _ in range(TRIES * 2):
        desk.deliver()
        desk.hands.forward(timedelta(hours=2))
    desk.first.failure = SendError("first", "too many", retry_after=60)
    desk.deliver()
    assert "dead" not in desk.store.outbox.states()
    desk.first.failure = None
    desk.hands.forward(timedelta(hours=2))
    assert desk.deliver().sent == 1


def test_a_receiver_that_asked_for_time_is_not_asked_with_news_either(desk: Desk) -> None:
    desk.first.failure = SendError("first", "too many", retry_after=600)
    desk.deliver()
    desk.first.failure = None
    other = article(id="2", url="https://www.irna.ir/news/84000002/x", title="دیگر", text="دولت الکترونیک")
    desk.store.articles.save(other, judge(channels=("first",)), sighting())
    desk.hands.forward(timedelta(seconds=300))
    assert desk.deliver().sent == 0
    desk.hands.forward(timedelta(seconds=300))
    assert desk.deliver().sent == 2
