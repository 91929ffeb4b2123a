"""A channel that no network reaches for long: nothing is lost, nothing is told twice, and what piled up is one digest."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from alerts.channels import Receipt, Steps, Stepwise
from alerts.channels.json_part import json_parts
from didban.alert import AnyDraft, DigestDraft
from didban.errors import ChannelUnreachable, SendError
from didban.outcome import Tally
from flows.deliver import PATIENCE, TRIES, deliver
from flows.pipeline import Pipeline
from storage.outbox import AWAY, FEW
from storage.store import Store
from tests.support import Hands, article, judge, sighting

AWAY_ALTOGETHER = ChannelUnreachable("wire", "no way out", unsure=False)


def words(seed: int, count: int) -> str:
    """Words that no other text has: articles of which none is a copy of another."""
    pick = random.Random(seed)
    return " ".join("".join(pick.choices("ابپتجچحخدرزسشعفقکگلمنوهی", k=pick.randint(3, 7))) for _ in range(count))


@dataclass
class Line:
    """A channel with a receiver that keeps what it is sent, by key and number; it fails as it is told, before or after."""

    name: str = "wire"
    deadline: float = 5.0
    failure: SendError | None = None
    takes_it_all_the_same: bool = False
    tried: int = 0
    got: list[dict[str, Any]] = field(default_factory=list)

    def render(self, draft: AnyDraft) -> tuple[str, ...]:
        return json_parts(draft, {})

    async def send(self, part: str, *, key: str, number: int, total: int) -> None:
        self.tried += 1
        if self.failure is None or self.takes_it_all_the_same:
            self.got.append(json.loads(part))
        if self.failure is not None:
            raise self.failure

    def told(self) -> Counter[str]:
        """How often each story was told; a repeat under one key counts once."""
        once = {one["key"]: one for one in self.got}
        return Counter(
            story
            for one in once.values()
            for story in ([s["story"] for s in one["stories"]] if one["kind"] == "digest" else [one["story"]])
        )


@dataclass
class Desk:
    store: Store
    pipeline: Pipeline
    hands: Hands
    line: Line
    saved: int = 0

    def news(self, count: int = 1) -> None:
        for _ in range(count):
            self.saved += 1
            said = article(
                id=str(self.saved),
                url=f"https://www.irna.ir/news/{self.saved}/x",
                title=f"خبر {words(self.saved, 4)}",
                lead=words(-self.saved, 12),
                text=f"دولت الکترونیک {words(self.saved, 40)} گزارش",
                published=self.hands(),
            )
            self.store.articles.save(said, judge(channels=(self.line.name,)), sighting(now=self.hands()))

    def deliver(self) -> Tally:
        return asyncio.run(deliver(self.pipeline, {self.line.name: self.line}))

    def hours(self, count: float) -> None:
        """So many hours pass, half of one at a time."""
        for _ in range(int(count * 2)):
            self.deliver()
            self.hands.forward(timedelta(minutes=30))


@pytest.fixture
def desk(store: Store) -> Iterator[Desk]:
    hands = Hands()

    async def no_fetch(url: str, **named: object) -> None:
        raise AssertionError(url)

    with ThreadPoolExecutor(1) as writer:
        pipeline = Pipeline(store=store, writer=writer, fetch=no_fetch, judge=judge(), owner="me", now=hands)
        yield Desk(store, pipeline, hands, Line())


def test_a_backlog_of_days_goes_out_as_one_digest(desk: Desk) -> None:
    desk.line.failure = AWAY_ALTOGETHER
    desk.news(3)
    desk.hours(AWAY.total_seconds() / 3600 + 1)
    assert desk.store.outbox.states() == {"open": 3, "waiting": 0}
    desk.news(9)
    desk.hours(12)
    assert desk.store.outbox.states() == {"open": 1, "waiting": 0}
    desk.news(2)
    desk.hours(12)
    assert desk.store.outbox.states() == {"open": 1, "waiting": 0}
    desk.line.failure = None
    desk.hours(1)
    (digest,) = desk.line.got
    assert (digest["kind"], digest["count"], digest["follow_up"], digest["archived"]) == ("digest", 14, False, False)
    assert set(desk.line.told().values()) == {1}
    assert desk.store.outbox.states() == {"sent": 1, "waiting": 0}
    desk.news()
    desk.hours(1)
    assert [one["kind"] for one in desk.line.got] == ["digest", "story"]


def test_a_few_stories_and_a_short_break_stay_messages_of_their_own(desk: Desk) -> None:
    desk.line.failure = AWAY_ALTOGETHER
    desk.news(FEW)
    desk.hours(9)
    desk.line.failure = None
    desk.hours(2)
    assert [one["kind"] for one in desk.line.got] == ["story"] * FEW
    desk.line.failure = AWAY_ALTOGETHER
    desk.news(FEW + 3)
    desk.hours(AWAY.total_seconds() / 3600 - 1)
    desk.line.failure = None
    desk.hours(2)
    assert [one["kind"] for one in desk.line.got] == ["story"] * (2 * FEW + 3)


def test_what_somebody_may_have_seen_is_never_told_under_another_key(desk: Desk) -> None:
    """The answer of the first try was lost: only the same key can tell the receiver that the next one is a repeat."""
    desk.news()
    desk.line.failure, desk.line.takes_it_all_the_same = ChannelUnreachable("wire", "no answer"), True
    desk.deliver()
    desk.line.failure, desk.line.takes_it_all_the_same = AWAY_ALTOGETHER, False
    desk.news(8)
    desk.hours(9)
    desk.line.failure = None
    desk.hours(2)
    assert sorted(one["kind"] for one in desk.line.got) == ["digest", "story", "story"]
    assert len({one["key"] for one in desk.line.got}) == 2
    assert set(desk.line.told().values()) == {1}
    assert len(desk.line.told()) == 9


def test_of_a_try_that_was_killed_nobody_knows_what_became(desk: Desk) -> None:
    desk.news()
    desk.deliver()  # closes nothing twice, and sends
    desk.news(9)
    desk.line.failure = AWAY_ALTOGETHER
    desk.deliver()
    taken = desk.store.outbox.take(("wire",), owner="dead", now=desk.hands(), lease=timedelta(minutes=1))
    assert taken is not None
    desk.hours(9)
    desk.line.failure = None
    desk.hours(2)
    assert taken.key in {one["key"] for one in desk.line.got}
    assert sorted(one["kind"] for one in desk.line.got) == ["digest", "story", "story"]
    assert set(desk.line.told().values()) == {1}


def test_what_a_receiver_has_parts_of_is_never_folded(desk: Desk) -> None:
    class Torn(Line):
        def render(self, draft: AnyDraft) -> tuple[str, ...]:
            return super().render(draft) * (1 if isinstance(draft, DigestDraft) else 2)

        async def send(self, part: str, *, key: str, number: int, total: int) -> None:
            if number == total == 2 and self.tried < 40:
                self.tried += 1
                raise ChannelUnreachable("wire", "no way out", unsure=False)
            await super().send(part, key=key, number=number, total=total)

    desk.line = Torn()
    desk.news(7)
    desk.hours(30)
    assert [one["kind"] for one in desk.line.got] == ["story"] * 14


def test_a_receiver_that_asks_for_time_is_left_alone_for_it(desk: Desk) -> None:
    desk.news(9)
    desk.line.failure = SendError("wire", "it answers 429", retry_after=3600, unsure=False)
    desk.deliver()
    assert desk.line.tried == 1
    desk.line.failure = None
    desk.hands.forward(timedelta(minutes=59))
    desk.deliver()
    assert desk.line.tried == 1
    desk.hands.forward(timedelta(minutes=1))
    assert desk.deliver().sent == 9


def test_one_that_fails_now_and_then_is_sent_the_rest_all_the_same(desk: Desk) -> None:
    class Failing(Line):
        async def send(self, part: str, *, key: str, number: int, total: int) -> None:
            self.failure = SendError("wire", "it answers 500") if self.tried in (0, 2, 3, 5) else None
            await super().send(part, key=key, number=number, total=total)

    desk.line = Failing()
    desk.news(9)
    tally = desk.deliver()
    assert (tally.sent, tally.unsent) == (5, 4)
    desk.line.failure = None
    always = Line(failure=SendError("wire", "it answers 500"))
    desk.news(5)
    desk.hands.forward(timedelta(hours=1))
    assert asyncio.run(deliver(desk.pipeline, {"wire": always})).unsent == PATIENCE


def test_a_channel_that_only_says_no_has_no_backlog(desk: Desk) -> None:
    desk.line.failure = SendError("wire", "it answers 503", unsure=False)
    desk.news(9)
    desk.hours(8)
    desk.line.failure = None
    desk.hours(4)
    assert {one["kind"] for one in desk.line.got} == {"story"}


def test_a_rule_that_matches_after_the_digest_is_a_follow_up(desk: Desk) -> None:
    desk.line.failure = AWAY_ALTOGETHER
    desk.news(8)
    desk.hours(9)
    desk.line.failure = None
    desk.hours(1)
    later = judge({"egov": "دولت الکترونیک", "late": "گزارش"}, channels=("wire",))
    first = desk.store.articles.get(1)
    assert first is not None
    desk.store.articles.save(first, later, sighting(now=desk.hands()))
    desk.hours(1)
    assert [(one["kind"], one["follow_up"]) for one in desk.line.got] == [("digest", False), ("story", True)]


def test_a_network_that_comes_and_goes_for_days_loses_nothing_and_tells_nothing_twice(desk: Desk) -> None:
    pick = random.Random(1405)
    desk.line.failure = AWAY_ALTOGETHER
    desk.news(7)
    desk.hours(7)
    for _ in range(7):
        desk.line.failure, desk.line.takes_it_all_the_same = pick.choice(
            [(None, False), (AWAY_ALTOGETHER, False), (ChannelUnreachable("wire", "broke"), pick.random() < 0.5)]
        )
        desk.news(pick.randrange(6))
        desk.hours(pick.choice([0.5, 2, 8]))
    desk.line.failure, desk.line.takes_it_all_the_same = None, False
    desk.hours(12)
    assert desk.store.outbox.states().keys() == {"sent", "waiting"}
    assert desk.store.outbox.states()["waiting"] == 0
    assert len(desk.line.told()) == desk.saved
    assert set(desk.line.told().values()) == {1}
    assert "digest" in {one["kind"] for one in desk.line.got}


def test_days_without_a_network_make_no_dead_letter(desk: Desk) -> None:
    desk.line.failure = ChannelUnreachable("wire", "no answer")
    desk.news()
    desk.hours(20)
    assert desk.line.tried > TRIES
    assert desk.store.outbox.states() == {"open": 1, "waiting": 0}


# ── steps ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Round(Stepwise):
    """Goes round three receivers; the line breaks before the one that is `away`."""

    name: str = "wire"
    deadline: float = 5.0
    away: str = ""
    got: list[tuple[str, int]] = field(default_factory=list)

    def render(self, draft: AnyDraft) -> tuple[str, ...]:
        return ("یک", "دو")

    async def send(self, part: str, *, key: str, number: int, total: int, steps: Steps | None = None) -> Receipt | None:
        assert steps is not None
        for receiver in ("a", "b", "c"):
            if receiver == self.away:
                raise ChannelUnreachable(self.name, "broke")
            if receiver not in steps:
                self.got.append((receiver, number))
                await steps.add(receiver)
        return Receipt(by="b", complaint="channel wire: never taken for x")


def test_steps_are_kept_between_tries_and_forgotten_between_parts(desk: Desk) -> None:
    line = Round(away="c")
    desk.news()
    assert asyncio.run(deliver(desk.pipeline, {"wire": line})).unsent == 1
    line.away = ""
    desk.hands.forward(timedelta(hours=1))
    tally = asyncio.run(deliver(desk.pipeline, {"wire": line}))
    assert line.got == [("a", 1), ("b", 1), ("c", 1), ("a", 2), ("b", 2), ("c", 2)]
    assert (tally.sent, tally.problems) == (1, ["channel wire: never taken for x"])
    (told,) = desk.store.outbox.alerts()
    assert (told.channels, told.via) == ({"wire": "sent"}, {"wire": "b"})


def test_from_its_end_on_a_shift_begins_no_further_message(desk: Desk) -> None:
    desk.news(3)
    end = desk.hands() + timedelta(seconds=10)

    class Slow(Line):
        async def send(self, part: str, *, key: str, number: int, total: int) -> None:
            desk.hands.forward(timedelta(seconds=6))
            await super().send(part, key=key, number=number, total=total)

    desk.line = Slow()
    tally = asyncio.run(deliver(desk.pipeline, {"wire": desk.line}, until=end))
    assert tally.sent == 2
    assert desk.deliver().sent == 1


def test_a_message_that_cannot_be_rendered_stops_no_other_channel(desk: Desk) -> None:
    class Broken(Line):
        def render(self, draft: AnyDraft) -> tuple[str, ...]:
            raise ValueError(draft.key)

    desk.store.articles.save(article(id="9"), judge(channels=("broken", "wire")), sighting(now=desk.hands()))
    tally = asyncio.run(deliver(desk.pipeline, {"broken": Broken("broken"), "wire": desk.line}))
    assert (tally.sent, tally.unsent) == (1, 1)
    assert "channel broken: an unforeseen ValueError at test_backlog.py" in tally.problems[0]
    tally = asyncio.run(deliver(desk.pipeline, {"broken": Line("broken")}))
    assert tally.sent == 1


def test_a_backlog_is_a_digest_with_its_best_first(desk: Desk) -> None:
    drafts: list[DigestDraft] = []

    class Looking(Line):
        def render(self, draft: AnyDraft) -> tuple[str, ...]:
            if isinstance(draft, DigestDraft):
                drafts.append(draft)
            return super().render(draft)

    desk.line = Looking(failure=AWAY_ALTOGETHER)
    desk.news(7)
    desk.hours(8)
    assert drafts[-1].digest == "backlog wire 2026-11-21T08:00:00Z"
    assert drafts[-1].count == 7
