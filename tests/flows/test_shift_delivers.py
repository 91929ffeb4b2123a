"""A shift: each channel has a loop of its own, rung when there is news; the end of the shift holds."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from didban.outcome import Tally
from didban.settings import load
from flows import shift
from flows.workshop import now, opened
from tests.support import article, sighting
from tests.support import judge as judging
from tests.support_receivers import bot_api

TOKEN = "123456:AbC"


def test_news_go_out_at_once_beside_a_channel_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No source brings the news here but a neighbour; the bell is rung as a source does it. The shift ends when it has arrived."""
    real, ended, reports = shift.now, threading.Event(), list[str]()
    (tmp_path / "var").mkdir()

    def clock() -> Any:
        return real() + (timedelta(days=1) if ended.is_set() else timedelta(0))

    def report(line: str) -> None:
        reports.append(line)
        if line.startswith("fast"):
            assert api.silent is not None
            api.silent.set()
            ended.set()

    async def watch(shop: Any, source: Any, end: Any, bells: list[asyncio.Event], *_: Any) -> Tally:
        with opened(settings) as store:
            store.articles.save(article(published=now()), judging(channels=("slow", "fast")), sighting(now=now()))
        for bell in bells:
            bell.set()
        return Tally(new=1)

    with bot_api(TOKEN) as api:
        api.silent = threading.Event()
        monkeypatch.setenv("DIDBAN_VAR", str(tmp_path / "var"))
        monkeypatch.setenv("DIDBAN_SOURCES", "irna")
        monkeypatch.setenv("DIDBAN_REPORT", "off")
        monkeypatch.setenv("DIDBAN_CHANNEL_SLOW", f"telegram://{TOKEN}@42?api={api.url}")
        monkeypatch.setenv("DIDBAN_CHANNEL_FAST", "file:fast")
        settings = load()
        monkeypatch.setattr(shift, "now", clock)
        monkeypatch.setattr(shift, "_watch", watch)
        monkeypatch.setattr(shift, "_DELIVERY", 0.05)
        tally = shift.run(settings, length=timedelta(hours=1), report=report)
    assert (tally.new, tally.sent, tally.unsent) == (1, 1, 1)
    assert reports[0] == "fast: 1 sent"
    assert (tmp_path / "var/fast").exists()
