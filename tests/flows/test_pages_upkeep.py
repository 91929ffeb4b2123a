"""Runs look after the stored pages by themselves; `didban db pages` does it at once, and says what they take."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from didban.article import Page
from didban.errors import SettingsError, StoreUnavailable
from didban.settings import PagesSettings, load
from flows import cli, upkeep
from flows.pages import said
from flows.pipeline import Pipeline
from flows.upkeep import beside, keeping_of
from storage.store import Store
from storage.upkeep import ENOUGH, Keeping, Upkeep
from tests.support import NOW, Hands, judge
from tests.support_pages import bodies, page, save

DAY = timedelta(days=1)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def full(store: Store) -> Store:
    """More pages than a dictionary needs, all of them plain, and a listing of three weeks ago."""
    store.sources.register(["irna"], now=NOW)
    save(store, range(ENOUGH + 40))
    store.pages.keep(page(900, fetched=NOW - 21 * DAY), source="irna", kind="listing")
    return store


@pytest.fixture
def pipeline(full: Store) -> Iterator[Pipeline]:
    async def fetch(url: str, **_: Any) -> Page | None:
        raise AssertionError(f"nobody asks for {url}")

    with ThreadPoolExecutor(1) as writer:
        yield Pipeline(store=full, writer=writer, fetch=fetch, judge=judge(), owner="we", now=Hands())


def kinds(store: Store) -> dict[str, tuple[int, int]]:
    """Of each kind, how many pages there are and how many of them plain."""
    return {held.kind: (held.pages, held.plain) for held in store.upkeep.held()}


def test_at_its_end_a_run_leaves_the_pages_packed_and_the_old_listings_dropped(full: Store, pipeline: Pipeline) -> None:
    async def run() -> None:
        async with beside(pipeline, Keeping()):
            assert kinds(full) == {"article": (100, 100), "listing": (1, 1)}

    asyncio.run(run())
    assert kinds(full) == {"article": (100, 0)}
    assert bodies(full) == {number: page(number).body for number in range(100)}
    assert full.sources.owners() == set()


def test_a_long_run_need_not_end_for_it(full: Store, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "FIRST", 0.001)

    async def run() -> None:
        async with beside(pipeline, Keeping(listings=None)):
            while (await pipeline.run(kinds, full))["article"][1]:  # noqa: ASYNC110 - the database tells no event
                await asyncio.sleep(0)

    asyncio.run(run())
    assert kinds(full) == {"article": (100, 0), "listing": (1, 0)}


def test_its_trouble_is_not_the_runs(full: Store, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(Upkeep, "repack", broken)

    async def run() -> str:
        async with beside(pipeline, Keeping()):
            return "done"

    assert asyncio.run(run()) == "done"
    assert full.sources.owners() == set()


def test_what_fails_beside_it_fails_as_ever_and_at_once(full: Store, pipeline: Pipeline) -> None:
    async def run() -> None:
        async with beside(pipeline, Keeping()):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(run())
    assert kinds(full)["article"] == (100, 100)


def test_while_another_process_is_at_it_nothing_is_done_twice(full: Store, pipeline: Pipeline) -> None:
    full.chores.take("pack pages", owner="somebody", now=NOW, lease=DAY)
    full.chores.take("drop pages", owner="somebody", now=NOW, lease=DAY)

    async def run() -> None:
        async with beside(pipeline, Keeping()):
            pass

    asyncio.run(run())
    assert kinds(full) == {"article": (100, 100), "listing": (1, 1)}
    assert full.sources.owners() == {"somebody"}


def test_what_is_kept_is_looked_at_once_a_day(full: Store, pipeline: Pipeline) -> None:
    async def run() -> None:
        async with beside(pipeline, Keeping()):
            pass

    asyncio.run(run())
    full.pages.keep(page(901, fetched=NOW - 21 * DAY), source="irna", kind="listing")
    asyncio.run(run())
    assert kinds(full)["listing"] == (1, 0)
    assert isinstance(pipeline.now, Hands)
    pipeline.now.forward(DAY)
    asyncio.run(run())
    assert "listing" not in kinds(full)


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────────

Didban = Callable[..., tuple[int, str, str]]


@pytest.fixture
def didban(
    full: Store, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Didban:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIDBAN_DATABASE_URL", database_url)
    monkeypatch.setenv("DIDBAN_VAR", str(tmp_path))

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            cli.main(arguments)
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        return code, *capfd.readouterr()

    return run


def test_pages_are_counted_packed_and_checked(didban: Didban, full: Store) -> None:
    code, out, err = didban("db", "pages")
    assert (code, err) == (0, "")
    first, second, summary = out.splitlines()
    assert first.split("\t")[:4] == ["irna", "article", "100", "0"]
    assert first.split("\t")[-2:] == ["100", "1405-08-30"]
    assert second.startswith("irna\tlisting\t1\t0\t")
    assert summary.startswith("101 pages: ")

    code, out, err = didban("db", "pages", "--pack", "--check", "--json")
    assert (code, err) == (0, "didban: 1 dictionaries trained, 101 pages packed, 1 dropped\n")
    told = json.loads(out)
    (pages,) = told.pop("pages")
    assert told == {"database": full.database.size(), "damaged": 0}
    assert (pages["kind"], pages["pages"], pages["plain"], pages["unread"]) == ("article", 100, 0, 0)
    assert pages["packed"] < pages["size"] / 50
    assert pages["oldest"] == "2026-11-21T08:00:00Z"


def test_a_damaged_page_is_named(didban: Didban, full: Store) -> None:
    with full.database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE blob SET size = 0, zstd = zstd WHERE sha256 = (SELECT min(sha256) FROM blob)"
        )
        connection.exec_driver_sql(
            "UPDATE blob SET zstd = (SELECT zstd FROM blob WHERE sha256 = (SELECT max(sha256) FROM blob))"
            " WHERE sha256 = (SELECT min(sha256) FROM blob)"
        )
    code, _, err = didban("db", "pages", "--check")
    assert code == 1
    assert "its page is not as it was served; restore the database from a backup" in err
    assert err.count("\n") == 1


def test_two_do_not_pack_at_once(didban: Didban, full: Store) -> None:
    from flows.workshop import now

    for name in ("pack pages", "drop pages"):
        full.chores.take(name, owner="elsewhere", now=now(), lease=DAY)
    code, _, err = didban("db", "pages", "--pack")
    assert (code, err) == (1, "didban: another process is looking after the pages now; try again in a minute\n")


DYING = """
import os, signal, sys
from storage.upkeep import Upkeep
from flows import cli
put, calls = Upkeep._put, []
def second(self, packed):
    put(self, packed) if len(calls) else None
    calls.append(1)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    put(self, packed)
Upkeep._put = second
cli.main(["db", "pages", "--pack"])
"""


def test_one_that_is_killed_leaves_every_page_readable_and_the_next_goes_on(didban: Didban, full: Store) -> None:
    died = subprocess.run([sys.executable, "-c", DYING], cwd=ROOT, capture_output=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert kinds(full)["article"][1] not in {0, 100}
    assert bodies(full) == {number: page(number).body for number in range(100)}
    assert didban("db", "check")[0] == 0
    code, _, err = didban("db", "pages", "--pack", "--check")
    assert code == 0
    assert "0 dictionaries trained" in err
    assert kinds(full) == {"article": (100, 0)}
    assert bodies(full) == {number: page(number).body for number in range(100)}


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (7_340, "7.3 KB"), (1_200_000_000, "1.2 GB"), (10**16, "10000 TB")]
)
def test_bytes_are_said_for_people(size: int, text: str) -> None:
    assert said(size) == text


# ── the settings ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("toml", "keeping"),
    [
        ("", Keeping()),
        ('[pages]\nkeep = "365d"\nlistings = "all"', Keeping(articles=365 * DAY, listings=None)),
        ('[pages]\nkeep = "۳۰d"\ncurrent = false', Keeping(articles=30 * DAY, current=False)),
    ],
)
def test_the_policy_is_a_setting(toml: str, keeping: Keeping, tmp_path: Path) -> None:
    path = tmp_path / "didban.toml"
    path.write_text(toml, "utf-8")
    assert keeping_of(load({"DIDBAN_CONFIG": str(path)}).pages) == keeping
    assert keeping_of(PagesSettings()) == Keeping()


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('keep = "1d"', r"pages\.keep: keep pages for 7d at least"),
        ('listings = "soon"', r"pages\.listings: 'soon' is no length of time"),
        ('lists = "30d"', r"pages\.lists"),
    ],
)
def test_a_mistake_in_the_policy_is_named(toml: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "didban.toml"
    path.write_text(f"[pages]\n{toml}", "utf-8")
    with pytest.raises(SettingsError, match=said):
        load({"DIDBAN_CONFIG": str(path)})
