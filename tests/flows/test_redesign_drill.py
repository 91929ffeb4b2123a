"""A site changes its markup overnight: the field that broke is named and told once, the pages are kept, and rereading them with
the selector set right brings every article and alert that was missed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.channels import open_channel
from alerts.policy import Judge
from alerts.rules import load
from demo.site import Site
from didban.article import Article
from didban.outcome import Tally
from flows.deliver import deliver
from flows.pipeline import Pipeline
from flows.reread import Report, reread
from scrapers.base import Source
from scrapers.fetch import Fetcher
from scrapers.sources import get
from storage.articles import Selection
from storage.store import Store, open_store
from tests.support import Hands

NEWS = 12
SELECTORS = {"title": ["h1.headline"], "lead": [".standfirst"], "body": [".story-text"]}


@dataclass
class Newsroom:
    """The site, the store and two channels, on a clock that is moved by hand."""

    store: Store
    site: Site
    hands: Hands
    folder: Path
    judge: Judge = field(default_factory=lambda: Judge(load(), window=timedelta.max, channels=("officer",), home=""))

    def watch(self, source: Source) -> Tally:
        return asyncio.run(self._pass(source))

    async def _pass(self, source: Source) -> Tally:
        async def turn(_host: str, _seconds: float) -> None:
            return None

        hosts = {"*": f"http://127.0.0.1:{self.site.port}"}
        names = ("officer", "operator")
        channels = {name: open_channel(name, f"file:{name}.jsonl", base=self.folder, source_names={}) for name in names}
        self.store.sources.register([source.key], now=self.hands())
        with ThreadPoolExecutor(1) as writer:
            async with Fetcher(rate=1000, turn=turn, user_agent="Didban/test", hosts=hosts, now=self.hands) as fetcher:
                pipeline = Pipeline(
                    store=self.store, writer=writer, fetch=fetcher.fetch, judge=self.judge, owner="us", now=self.hands,
                    operator=("operator",),
                )  # fmt: skip
                tally = await pipeline.watch(source, even_if_not_due=True)
                await deliver(pipeline, channels)
        assert tally is not None
        return tally

    def night(self, source: Source) -> None:
        """The clock goes on, and a dozen articles appear."""
        self.hands.forward(timedelta(hours=5))
        self.site.publish(source.key, NEWS // 2)
        published = 0
        while published < NEWS // 2:
            published += self.site.grow().article.source == source.key

    def reread(self, source: Source, *, dry_run: bool = False) -> Report:
        return reread(self.store, self.judge, {source.key: source}, Selection(), now=self.hands(), dry_run=dry_run)

    def told(self, channel: str) -> list[dict[str, Any]]:
        path = self.folder / f"{channel}.jsonl"
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    def articles(self) -> dict[str, Article]:
        return {article.id or "": article for _, article in self.store.articles.each(Selection())}

    def alerts(self) -> set[tuple[str, str]]:
        return {(told.alert.article.id or "", told.alert.rule) for told in self.store.outbox.alerts()}


@pytest.fixture
def newsroom(tmp_path: Path) -> Iterator[Callable[[str], Newsroom]]:
    opened = []

    def make(name: str) -> Newsroom:
        hands = Hands()
        made = Newsroom(
            open_store(f"sqlite:///{tmp_path / name}.db"), Site(clock=hands).start(), hands, tmp_path / name
        )
        opened.append(made)
        return made

    yield make
    for made in opened:
        made.site.stop()
        made.store.close()


def mended(source: Source) -> Source:
    """The source, after somebody has looked at the page."""
    styled: Any = type(source)
    facts: Any = source
    return styled.styled(SELECTORS)(**{one.name: getattr(source, one.name) for one in fields(facts)})


def test_a_redesign_is_named_told_once_and_made_good_by_rereading(newsroom: Callable[[str], Newsroom]) -> None:
    mehr = get("mehr")
    calm, room = newsroom("calm"), newsroom("redesigned")
    for one in (calm, room):
        one.watch(mehr)
        one.night(mehr)
    assert calm.watch(mehr).new == NEWS

    room.site.redesign("mehr")
    tally = room.watch(mehr)
    assert (tally.unreadable, tally.partial, tally.new) == (NEWS, NEWS, 0)
    assert len(room.store.pages.unread("mehr")) == NEWS
    (state,) = room.store.sources.states()
    assert (state.state, state.since) == ("unreadable", room.hands())
    (notice,) = room.told("operator")
    assert notice["kind"] == "notice"
    assert notice["notice"]["fields"] == ["text"]
    assert (notice["notice"]["source"], notice["notice"]["before"]) == ("mehr", "healthy")
    served = {piece.article.id for piece in room.site.pieces("mehr")}
    assert all(url.split("/")[4] in served for url in notice["notice"]["pages"])
    assert "متن" in notice["text"]

    room.hands.forward(timedelta(minutes=30))
    room.watch(mehr)
    assert len(room.told("operator")) == 1
    missed = calm.alerts() - room.alerts()
    assert missed, "the drill proves nothing when every alert came by the listing's words"

    fixed = mended(mehr)
    asked = len(room.site.requests)
    would = room.reread(fixed, dry_run=True)
    assert (would.counts["completed"], len(room.store.pages.unread("mehr"))) == (NEWS, NEWS)
    done = room.reread(fixed)
    assert (done.counts["completed"], done.counts["lost"]) == (NEWS, 0)
    assert len(room.site.requests) == asked, "rereading asked the network"
    assert done.alerts >= len(missed)
    assert room.alerts() == calm.alerts()
    for number, article in calm.articles().items():
        reread_one = room.articles()[number]
        assert (reread_one.title, reread_one.lead, reread_one.text) == (article.title, article.lead, article.text)
        assert reread_one.complete
    assert room.store.links.counts() == calm.store.links.counts()
    assert room.store.pages.unread("mehr") == []
    again = room.reread(fixed)
    assert set(again.counts) == {"same"}, "the pages of before the redesign are read as they were, too"

    room.hands.forward(timedelta(minutes=30))
    room.watch(fixed)
    room.watch(fixed)
    assert [one["notice"]["state"] for one in room.told("operator")] == ["unreadable", "healthy"]
    officer = {(one["article"]["id"], alert["rule"]) for one in room.told("officer") for alert in one["alerts"]}
    assert missed <= officer
    assert not any(one["kind"] == "notice" for one in room.told("officer"))
