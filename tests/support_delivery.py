"""An office that hears of things: a store, the rules of a test, settings of delivery, a clock, and everything that was sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from alerts.channels.json_part import json_parts
from alerts.policy import Judge
from alerts.rules import RuleSet, parse
from didban.alert import AnyDraft
from didban.article import Article
from didban.errors import SendError
from didban.settings import DeliverySettings
from flows.deliver import deliver
from flows.pipeline import Pipeline
from storage.store import Store
from tests.support import Hands, article, sighting

RULES = parse("""
[rules.egov]
title = "دولت الکترونیک"
any = ["دولت الکترونیک"]

[rules.fire]
title = "آتش"
any = ["آتش"]
priority = "urgent"

[rules.post]
title = "پست بانک"
any = ["پست بانک"]
priority = "digest"
""")


@dataclass
class Inbox:
    """A channel that keeps what it is sent, as JSON; it fails while `failure` is set."""

    name: str
    deadline: float = 5.0
    sent: list[dict[str, Any]] = field(default_factory=list)
    failure: SendError | None = None

    def render(self, draft: AnyDraft) -> tuple[str, ...]:
        return json_parts(draft, {})

    async def send(self, part: str, *, key: str, number: int, total: int) -> None:
        if self.failure is not None:
            raise self.failure
        said = json.loads(part)
        assert said["key"] == key
        self.sent.append(said)

    def stories(self) -> list[str]:
        """The titles told, each as often as it was."""
        told = [said["stories"] if said["kind"] == "digest" else [said] for said in self.sent]
        return [story["article"]["title"] for stories in told for story in stories]


@dataclass
class Office:
    """See the module."""

    store: Store
    writer: ThreadPoolExecutor
    delivery: DeliverySettings
    rules: RuleSet
    channels: dict[str, Inbox]
    clock: Hands
    number: int = 0

    @property
    def inbox(self) -> Inbox:
        return self.channels["officer"]

    def judge(self) -> Judge:
        first = tuple(name for name in self.channels if name not in self.delivery.escalate_to)
        return Judge(self.rules, window=timedelta(hours=72), channels=first, home="", delivery=self.delivery)

    def publish(self, text: str, **facts: Any) -> Article:
        """An article of this moment is saved, a story of its own."""
        self.number += 1
        facts = {"title": f"خبر {self.number}", "lead": "", "published": self.clock(), **facts}
        one = article(id=str(self.number), url=f"https://www.irna.ir/news/{self.number}/x", text=text, **facts)
        self.store.articles.save(one, self.judge(), sighting(now=self.clock()))
        return one

    def deliver(self) -> list[dict[str, Any]]:
        """Deliver what is due now; returns what the officer was sent."""
        before = len(self.inbox.sent)
        asyncio.run(deliver(self.pipeline(), self.channels))
        return self.inbox.sent[before:]

    def until(self, moment: datetime, *, every: timedelta = timedelta(minutes=1)) -> list[dict[str, Any]]:
        """Deliver again and again until then; returns what the officer was sent."""
        before = len(self.inbox.sent)
        while self.clock() < moment:
            self.clock.forward(min(every, moment - self.clock()))
            self.deliver()
        return self.inbox.sent[before:]

    def forward(self, by: timedelta, *, every: timedelta = timedelta(minutes=1)) -> list[dict[str, Any]]:
        return self.until(self.clock() + by, every=every)

    def pipeline(self) -> Pipeline:
        async def no_fetch(url: str, **named: object) -> None:
            raise AssertionError(url)

        return Pipeline(
            store=self.store,
            writer=self.writer,
            fetch=no_fetch,
            judge=self.judge(),
            owner="me",
            now=self.clock,
            delivery=self.delivery,
        )

    def change(self, **settings: Any) -> None:
        """Other settings of delivery, from now on."""
        self.delivery = DeliverySettings.model_validate(self.delivery.model_dump() | settings)


@contextmanager
def office(
    store: Store, at: datetime, *, channels: Sequence[str] = ("officer",), rules: RuleSet = RULES, **settings: Any
) -> Generator[Office]:
    """An office whose clock stands at `at`."""
    with ThreadPoolExecutor(1) as writer:
        yield Office(
            store=store,
            writer=writer,
            delivery=DeliverySettings.model_validate(settings),
            rules=rules,
            channels={name: Inbox(name) for name in channels},
            clock=Hands(at),
        )


def titled(said: dict[str, Any]) -> set[str]:
    """The rules that a message tells of."""
    return {alert["rule"] for alert in said["alerts"]}
