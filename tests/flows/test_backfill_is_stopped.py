"""Ctrl-C in the middle of a backfill: it ends within seconds, says so, holds nothing back, and the next run goes on."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from demo.site import Site
from tests.flows.support_processes import Bench, Receiver, Zygote

LAST = date(2026, 11, 10)
RANGE = ("--since", (LAST - timedelta(days=2)).isoformat(), "--until", LAST.isoformat())


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as running:
        yield running


def test_ctrl_c_stops_a_backfill_within_seconds_and_the_next_run_goes_on(zygote: Zygote, tmp_path: Path) -> None:
    with Site() as site, Receiver() as receiver:
        past = site.archive("mehr", 3, 10, until=LAST)
        bench = Bench(zygote, site, receiver, tmp_path)
        slow = {**bench.environment, "DIDBAN_RATE": "1"}
        said = tmp_path / "said.txt"
        running = zygote.spawn(["backfill", "mehr", *RANGE], slow, output=said)
        until(lambda: any(path.startswith("/news/") for _, path, _ in site.requests))
        begun = time.monotonic()
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 130
        assert time.monotonic() - begun < 5, "it waited for more than what it was at"
        assert "didban: stopped; what is left is done by the next run" in said.read_text("utf-8")
        asked = len(site.requests)
        with sqlite3.connect(tmp_path / "var/didban.db") as database:
            for table in ("link", "unit", "source"):
                held = database.execute(f"SELECT count(*) FROM {table} WHERE leased_by IS NOT NULL").fetchone()
                assert held == (0,), f"it holds on to rows of {table}"
        assert len(bench.stored("mehr")) < 20
        assert len(site.requests) == asked
        bench.well("backfill", "mehr", *RANGE)
        assert set(bench.stored("mehr")) == {piece.article.id for piece in past}


def until(what: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 60
    while not what():
        assert time.monotonic() < give_up, "it never came to that"
        time.sleep(0.02)
