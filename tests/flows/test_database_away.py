"""A database that is locked or restarted under a run: it says so, waits, goes on, and has lost nothing."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest

from demo.site import Site
from didban.errors import StoreAway, StoreUnavailable
from didban.settings import load
from flows import archive, shift, upkeep, writer
from flows.writer import Writer
from storage.articles import Selection
from storage.store import Store, open_store
from tests.support_postgres import server

LAST = date(2024, 9, 20)
DAYS, PER_DAY = 2, 15
Act = Callable[[], object]
AT = 12
"""The request during which the database goes away."""


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "FIRST_WAIT", 0.02)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Site]:
    with Site() as site:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("DIDBAN_HOSTS", site.hosts)
        monkeypatch.setenv("DIDBAN_RATE", "500")
        monkeypatch.setenv("DIDBAN_CHANNEL_TOLD", "file:told.jsonl")
        monkeypatch.setenv("DIDBAN_DELIVERY", "now")
        yield site


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Act, Act]]:
    """How another process takes the write lock of the SQLite database, for which we wait no time to speak of, and gives it back."""
    path = tmp_path / "var" / "didban.db"
    url = f"sqlite:///{path}?timeout=0.05"
    open_store(url).close()
    monkeypatch.setenv("DIDBAN_DATABASE_URL", url)
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)) as other:
        yield partial(other.execute, "BEGIN IMMEDIATE"), partial(other.execute, "ROLLBACK")


def at_request(site: Site, number: int, act: Act) -> None:
    """Do this once, before the site answers its so manieth request."""
    asked = 0

    def before(_host: str, _path: str) -> None:
        nonlocal asked
        asked += 1
        if asked == number:
            act()

    site.before = before


def hearing(said: list[str], act: Act) -> Callable[[str], None]:
    """A report that is kept, and that does this once the run has said that it waits."""

    def report(line: str) -> None:
        said.append(line)
        if "the run waits for it" in line and sum("the run waits" in one for one in said) == 1:
            act()

    return report


def stored(store: Store, source: str) -> Counter[str | None]:
    return Counter(article.id for _, article in store.articles.each(Selection(source=source)) if article.complete)


def published(site: Site, source: str) -> Counter[str | None]:
    return Counter(piece.article.id for piece in site.pieces(source))


def test_a_shift_waits_for_a_database_that_is_locked_and_loses_nothing(
    site: Site, locked: tuple[Act, Act], tmp_path: Path
) -> None:
    fresh, (lock, free), said = site.grow().article, locked, list[str]()
    at_request(site, AT, lock)
    tally = shift.run(load(), sources=[fresh.source], length=timedelta(seconds=3), report=hearing(said, free))
    assert tally.problems == []
    assert any("database is locked" in line and "the run waits for it" in line for line in said), said
    assert any("the database answers again" in line for line in said), said
    with closing(open_store(load().store_url)) as store:
        assert stored(store, fresh.source) == published(site, fresh.source)
    assert (tmp_path / "var" / "told.jsonl").read_text("utf-8").count(f'"id": "{fresh.id}"') >= 1


def backfill(site: Site, away: Act, back: Act) -> list[str]:
    """A backfill whose database goes away in the middle and comes back when it waits; what it reported."""
    said: list[str] = []
    pieces = site.archive("mehr", DAYS, PER_DAY, until=LAST)
    asked = archive.Range(source="mehr", since=LAST - timedelta(days=DAYS - 1), until=LAST)
    before = open_store(load().store_url)
    assert stored(before, "mehr") == Counter()
    at_request(site, AT, away)
    tally = archive.run(load(), asked, report=hearing(said, back))
    assert tally.problems == []
    assert stored(before, "mehr") == Counter(piece.article.id for piece in pieces), "by a connection from before, too"
    assert before.units.states("mehr", archive.WAYS) == {"done": DAYS}
    before.close()
    return said


def test_a_backfill_waits_for_a_database_that_is_locked(site: Site, locked: tuple[Act, Act]) -> None:
    said = backfill(site, *locked)
    assert any("database is locked" in line for line in said), said


def test_a_run_that_waits_for_its_database_is_stopped_at_once(
    site: Site, locked: tuple[Act, Act], monkeypatch: pytest.MonkeyPatch
) -> None:
    for often in ("FIRST", "LONGEST"):
        monkeypatch.setattr(upkeep, often, 0.01)  # what goes on beside it waits for the database, too
    pieces = site.archive("mehr", DAYS, PER_DAY, until=LAST)
    asked = archive.Range(source="mehr", since=LAST - timedelta(days=DAYS - 1), until=LAST)
    lock, free = locked
    at_request(site, AT, lock)
    with pytest.raises(KeyboardInterrupt):
        archive.run(load(), asked, report=hearing([], partial(os.kill, os.getpid(), signal.SIGINT)))
    free()
    assert archive.run(load(), asked).problems == []
    with closing(open_store(load().store_url)) as store:
        assert stored(store, "mehr") == Counter(piece.article.id for piece in pieces)


def test_a_backfill_waits_for_a_postgresql_that_is_stopped_and_started(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server(None) as own, own.database() as url:
        open_store(url).close()
        monkeypatch.setenv("DIDBAN_DATABASE_URL", url)
        said = backfill(site, own.stop, own.start)
    assert any("the database answers again" in line for line in said), said


def test_patience_has_an_end_and_so_has_a_run() -> None:
    tried: list[int] = []

    def away() -> None:
        tried.append(1)
        raise StoreAway("gone")

    def broken() -> None:
        raise StoreUnavailable("full")

    with Writer(timedelta(0), print) as once:
        assert isinstance(once.submit(away).exception(), StoreAway)
        assert len(tried) == 1, "a plain command says it at once"
    with Writer(timedelta(seconds=0.05), print) as little:
        assert isinstance(little.submit(away).exception(), StoreAway)
        count = len(tried)
        assert isinstance(little.submit(away).exception(), StoreAway)
        assert len(tried) == count + 1, "one patience for a run, not one for each that waits behind"
        assert little.away
        assert little.submit(lambda: "asks it nothing").result()
        assert little.away
        tried[:] = [1]
    with Writer(timedelta.max, print) as full:
        assert isinstance(full.submit(broken).exception(), StoreUnavailable), "a full disk is somebody's to mend"
    with Writer(timedelta.max, lambda _line: ending.end_waiting()) as ending:
        assert isinstance(ending.submit(away).exception(), StoreAway), "Ctrl-C is not kept waiting"
        assert len(tried) == 2
        assert ending.submit(lambda: "kept").result() == "kept", "what we held is given back"
