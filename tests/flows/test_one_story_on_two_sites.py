"""An agency and a portal print one text, each in its own lines: who is told, and how often, from their pages to the message."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.channels import open_channel
from alerts.policy import Judge
from alerts.rules import load
from demo.articles import Piece
from demo.site import Site
from didban.article import Article
from didban.copies import COMMON
from didban.outcome import Tally
from flows.deliver import deliver
from flows.pipeline import Pipeline
from scrapers.fetch import Fetcher
from scrapers.sources import get
from storage.store import Store, open_store
from tests.support import Hands
from tests.support_stories import said

FRAMES = {source: said(f"under every article of {source}", 3) for source in ("irna", "ostan_lr")}
TOPIC = "با گشایش دفتر پیشخوان دولت در این روستا خدمات دولت الکترونیک به مردم آن می‌رسد."


def piece(source: str, number: int, seed: str, hands: Hands, *, topic: str = "", opening: str = "") -> Piece:
    """A story of three sentences as its site prints it, in three lines of its own."""
    lines = [opening + said(seed, 3)[0], *([topic] if topic else []), *said(seed, 3)[1:], *FRAMES[source]]
    return Piece(
        article=Article(
            source=source, id=str(number), title=f"{source}: {said(seed, 1)[0][:40]}", lead=f"{opening}خبر {number}.",
            text="\n".join(lines), published=hands(), has_time=True, section="استان‌ها > لرستان",
        ),
        slug=f"khabar-{number}",
    )  # fmt: skip


async def watched(store: Store, site: Site, hands: Hands, key: str, folder: Path) -> Tally:
    """One pass over one source, and what is due is delivered."""

    async def turn(_host: str, _seconds: float) -> None:
        return None

    judge = Judge(load(), window=timedelta.max, channels=("officer",), home="")
    channels = {"officer": open_channel("officer", "file:officer.jsonl", base=folder, source_names={})}
    store.sources.register([key], now=hands())
    hosts = {"*": f"http://127.0.0.1:{site.port}"}
    with ThreadPoolExecutor(1) as writer:
        async with Fetcher(rate=1000, turn=turn, user_agent="Didban/test", hosts=hosts, now=hands) as fetcher:
            pipeline = Pipeline(store=store, writer=writer, fetch=fetcher.fetch, judge=judge, owner="us", now=hands)
            tally = await pipeline.watch(get(key), even_if_not_due=True)
            await deliver(pipeline, channels)
    assert tally is not None
    return tally


@pytest.mark.parametrize("first", ["irna", "ostan_lr"])
def test_it_is_one_story_and_one_message_that_names_both(database_url: str, tmp_path: Path, first: str) -> None:
    hands = Hands()
    second = "irna" if first == "ostan_lr" else "ostan_lr"
    with Site(clock=hands) as site, closing(open_store(database_url)) as store:

        def watch(key: str) -> Tally:
            hands.forward(timedelta(hours=1))
            return asyncio.run(watched(store, site, hands, key, tmp_path))

        def told() -> list[dict[str, Any]]:
            path = tmp_path / "officer.jsonl"
            lines = path.read_text("utf-8").splitlines() if path.exists() else []
            return [one for one in map(json.loads, lines) if TOPIC[:30] in json.dumps(one, ensure_ascii=False)]

        for source in FRAMES:
            for number in range(COMMON):
                site.show(piece(source, 99_000_001 + number, f"{source} {number}", hands))
            watch(source)
        site.show(piece(first, 99_100_001, "the news", hands, topic=TOPIC, opening="خرم آباد - "))
        assert (watch(first).copies, len(told())) == (0, 1)
        site.show(piece(second, 99_100_001, "the news", hands, topic=TOPIC, opening=f"به گزارش {first}، "))
        site.show(piece(second, 99_100_002, "other news", hands))
        tally = watch(second)
        assert (tally.new, tally.copies, tally.alerts) == (2, 1, 0)
        assert len(told()) == 1
        alerts = [one.alert for one in store.outbox.alerts() if one.alert.rule == "counter-offices"]
        (alert,) = [one for one in alerts if one.article.id == "99100001"]
        assert [one.source for one in alert.carriers] == [first, second]
