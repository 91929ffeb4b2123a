"""Databases in trouble: damaged, read-only, full, gone in the middle. One line that says so, and no half-written article."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from didban.alert import Match, Plan, Sighting
from didban.article import Article, Page
from didban.errors import StoreError, StoreUnavailable
from storage.articles import Selection
from storage.checking import check
from storage.store import Store, open_store
from tests.support import NOW, TEXT, article, judge, sighting
from tests.support_postgres import server

ROOT = Path(__file__).parents[2]
TABLES = ("article", "revision", "story", "match", "alert", "notification", "page", "blob", "indexed")


def counts(store: Store) -> dict[str, int]:
    """How many rows stand in each table that a save writes."""
    with store.database.read() as connection:
        return {name: connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar() or 0 for name in TABLES}


def save(store: Store, number: int = 1, *, text: str = "") -> None:
    url = f"https://www.irna.ir/news/{number}"
    page = Page(url=url, body=os.urandom(20_000), fetched=NOW)
    one = article(id=str(number), url=url, text=f"{TEXT} شماره {number} {text}")
    store.articles.save(one, judge(), sighting(), page=page)


@contextmanager
def complaint(says: str) -> Generator[None]:
    with pytest.raises(StoreError) as found:
        yield
    assert says in str(found.value)
    assert "\n" not in str(found.value)


# ── a file that is damaged ────────────────────────────────────────────────────────────────────────────────────────────


def filled(path: Path, articles: int = 60) -> None:
    store = open_store(f"sqlite:///{path}")
    for number in range(articles):
        save(store, number)
    store.close()
    with closing(sqlite3.connect(path)) as connection:  # all of it in the one file
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "didban.db"
    filled(path)
    return path


def overwritten(path: Path) -> None:
    """Every page but the first few: a disk that gave back noise."""
    with path.open("r+b") as file:
        file.seek(4096 * 8)
        file.write(b"\xa5" * (path.stat().st_size - 4096 * 8))


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(4096 * 20)


def beheaded(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\0" * 100)


@pytest.mark.parametrize("damage", [overwritten, cut, beheaded])
def test_a_damaged_file_is_said_so_wherever_it_is_met(
    damage: Callable[[Path], None], sound: Path, tmp_path: Path
) -> None:
    path = tmp_path / "didban.db"
    shutil.copy(sound, path)
    damage(path)
    before = path.read_bytes()

    def use() -> None:
        store = open_store(f"sqlite:///{path}")
        try:
            for _ in store.articles.each(Selection()):
                pass
            save(store, 1000)
        finally:
            store.close()

    with pytest.raises(StoreUnavailable, match=r"didban\.db: .*(malformed|not a database).*didban db restore") as found:
        use()
    assert "\n" not in str(found.value)
    assert len(path.read_bytes()) == len(before)  # nothing was made anew over what may yet be saved


def test_a_check_says_that_a_file_is_damaged(sound: Path, tmp_path: Path) -> None:
    path = tmp_path / "didban.db"
    shutil.copy(sound, path)
    with path.open("r+b") as file:  # the last page alone: the schema can be read
        file.seek(-4096, os.SEEK_END)
        file.write(b"\xa5" * 4096)
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "db", "check"], capture_output=True, text=True, check=False, cwd=ROOT,
        env=os.environ | {"DIDBAN_DATABASE_URL": f"sqlite:///{path}", "DIDBAN_VAR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("didban: ")
    assert "Traceback" not in done.stderr


# ── a disk that cannot be written ────────────────────────────────────────────────────────────────────────────────────


def test_what_may_only_be_read_is_read_and_a_write_says_so(sound: Path, tmp_path: Path) -> None:
    path = tmp_path / "didban.db"
    shutil.copy(sound, path)
    store = open_store(f"sqlite:///file:{path}?mode=ro&uri=true")
    before = counts(store)
    assert sum(1 for _ in store.articles.each(Selection())) == 60
    with complaint("readonly database"):
        save(store, 1000)
    assert counts(store) == before
    store.close()


READ_ONLY = """
mount -t tmpfs tmpfs "$1" && cp "$2" "$1/didban.db" && mount -o remount,ro "$1" || exit 99
DIDBAN_VAR="$1" "$3" -m flows.cli import tests/seeds
echo "import $?"
"""


def test_a_disk_that_is_mounted_read_only_is_one_line(sound: Path, tmp_path: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare, with which to mount a disk")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", READ_ONLY, "sh", tmp_path, sound, sys.executable],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    if done.returncode == 99 or "ermitted" in done.stderr:
        pytest.skip("only root may mount a disk")
    assert "import 1" in done.stdout
    assert "Traceback" not in done.stderr
    assert [line for line in done.stderr.splitlines() if not line.startswith("didban: ")] == []


@pytest.mark.parametrize("room", [2, 20, 60])
def test_a_disk_that_fills_up_in_the_middle_leaves_whole_articles(room: int, tmp_path: Path) -> None:
    """At a limit of so many pages more than there are, which SQLite meets as it would a full disk."""
    store = open_store(f"sqlite:///{tmp_path / 'didban.db'}")
    save(store, 0)
    limit(store.database.engine, room)
    before = counts(store)
    kept = 0
    with complaint("full"):
        for number in range(1, 100):
            save(store, number, text="دراز " * 2000)
            kept += 1
    grown = counts(store)
    assert grown["article"] == before["article"] + kept
    assert {name: grown[name] - before[name] for name in ("revision", "page", "indexed")} == dict.fromkeys(
        ("revision", "page", "indexed"), kept
    )
    assert check(store.database).problems == ()
    limit(store.database.engine, 100_000)
    save(store, 200)
    assert counts(store)["article"] == grown["article"] + 1
    store.close()


def limit(engine: Engine, pages: int) -> None:
    """From the next connection on, so many pages more than there are now."""

    def limited(dbapi: sqlite3.Connection, _: object) -> None:
        (there,) = dbapi.execute("PRAGMA page_count").fetchone()
        dbapi.execute(f"PRAGMA max_page_count = {there + pages}")

    engine.dispose()
    event.listen(engine, "connect", limited)


# ── a server that goes ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_server_that_is_stopped_in_the_middle_is_one_line_and_no_half_article() -> None:
    with server(None) as own, own.database() as url:
        store = open_store(url)
        save(store)

        def stopping(one: Article, seen: Sighting) -> tuple[tuple[Match, ...], tuple[Plan, ...]]:
            """Called when all but matches and alerts is written, and nothing committed."""
            with closing(open_store(url)) as other, other.database.write() as connection:
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            return judge()(one, seen)

        with complaint("postgresql://"):
            store.articles.save(article(id="2", url=None, title="دو", text="دو"), stopping, sighting())
        assert counts(store)["article"] == 1
        save(store, 3)
        assert counts(store)["article"] == 2
    with complaint("postgresql://"):
        while True:  # it may take a moment to go
            store.articles.counts()
    with complaint("failed: "):  # shutting down, or gone already
        save(store, 4)
    store.close()


# ── texts ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("field", ["title", "section", "url"])
def test_half_a_character_anywhere_is_refused_whole(field: str, store: Store) -> None:
    save(store)
    before = counts(store)
    with complaint("nothing of it was stored"):
        one = article(**{"id": "9", "url": "https://x/9", field: "خبر \udcff"})
        store.articles.save(one, judge(), sighting(), page=Page(url="https://x/9", body=b"x", fetched=NOW))
    assert counts(store) == before


def test_half_a_character_in_a_tag_or_an_id_is_refused_whole(store: Store) -> None:
    for facts in ({"tags": ("پست", "\ud800")}, {"id": "\ud800"}):
        with pytest.raises(StoreError, match="nothing of it was stored"):
            store.articles.save(replace(article(url="https://x/1"), **facts), judge(), sighting())
    assert counts(store)["article"] == 0


def test_an_article_of_ten_megabytes_is_kept_whole_and_told(store: Store) -> None:
    line = "نشست دولت الکترونیک در لرستان با حضور مدیران و کارشناسان استان برگزار شد و گزارش آن خوانده شد.\n"
    text = (line * (10_000_000 // len(line.encode()) + 1)).strip()
    assert len(text.encode()) > 9_900_000
    number = store.articles.save(article(text=text), judge(), sighting()).article
    kept = store.articles.get(number)
    assert kept is not None
    assert kept.text == text
    assert store.outbox.close_due(["first"], lambda draft: (draft.key,), now=NOW) == 1
