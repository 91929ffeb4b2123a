"""What only a server has: writers side by side, leases between them, deadlocks, connections that break, users without rights."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from string import ascii_letters
from typing import NoReturn, TypeVar

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import select, text, update
from sqlalchemy.engine import make_url

from didban.errors import StoreAway, StoreError, StoreUnavailable
from storage import database as opening
from storage import tables
from storage.database import Database, again
from storage.store import Store, open_store
from tests.support import NOW, TEXT, article, judge, sighting
from tests.support_postgres import STRANGER, Server

END_ALL_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
LEASE = timedelta(minutes=5)
T = TypeVar("T")


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    opened = open_store(postgres_url)
    yield opened
    opened.close()


def at_once(count: int, work: Callable[[int], T]) -> list[T]:
    """Do it in so many threads that all begin at the same moment."""
    gate = threading.Barrier(count)

    def one(number: int) -> T:
        gate.wait(30)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


# ── writers side by side ──────────────────────────────────────────────────────────────────────────────────────────────


def test_writers_work_side_by_side_and_deciding_ones_one_at_a_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "BUSY_SECONDS", 0.02)
    with store.database.write(alone=True):
        store.sources.register(["irna"], now=NOW)
        with pytest.raises(StoreAway, match="another process holds it: try again"):
            store.articles.save(article(), judge(), sighting())
    assert store.articles.save(article(), judge(), sighting()).change == "new"


def test_a_deciding_writer_that_has_gone_silent_holds_up_nobody(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_SILENT_SECONDS", 0.01)

    def silent() -> None:
        with store.database.write(alone=True) as connection:
            assert store.articles.save(article(), judge(), sighting()).change == "new"
            connection.execute(tables.host.insert().values(name="irna.ir", next_at=NOW))

    with pytest.raises(StoreAway, match="idle-in-transaction timeout"):
        silent()


def test_a_hosts_turn_is_taken_by_one(store: Store) -> None:
    interval = timedelta(seconds=1)
    for second in range(10):
        now = NOW + second * interval
        waits = at_once(6, lambda _, now=now: store.hosts.turn("irna.ir", interval=interval, now=now))
        assert sorted(waits)[:2] == [timedelta(0), interval]


def test_a_source_is_leased_to_one(store: Store) -> None:
    keys = [f"source{number}" for number in range(40)]
    store.sources.register(keys, now=NOW)
    taken = at_once(4, lambda number: store.sources.take(keys, owner=f"owner{number}", now=NOW, lease=LEASE))
    assert sorted(key for found in taken for key in found) == sorted(keys)
    with store.database.read() as connection:
        held = dict(connection.execute(select(tables.source.c.key, tables.source.c.leased_by)).tuples().all())
    assert held == {key: f"owner{number}" for number, found in enumerate(taken) for key in found}


def test_a_due_notification_is_closed_once_and_a_message_taken_once(store: Store) -> None:
    for number in range(12):
        one = article(id=str(number), url=f"https://irna.ir/news/{number}", title=str(number), text=TEXT + str(number))
        store.articles.save(one, judge(), sighting())
    closed = at_once(4, lambda _: store.outbox.close_due(["first"], lambda draft: (draft.key,), now=NOW))
    assert sum(closed) == 12

    def take_all(number: int) -> list[int]:
        taken = iter(lambda: store.outbox.take(["first"], owner=f"owner{number}", now=NOW, lease=LEASE), None)
        return [message.id for message in taken]

    numbers = [number for found in at_once(4, take_all) for number in found]
    assert len(numbers) == len(set(numbers)) == 12


def test_copies_of_one_story_that_arrive_together_raise_one_alert(store: Store) -> None:
    saved = at_once(8, lambda number: store.articles.save(article(source=f"source{number}"), judge(), sighting()))
    assert len({one.story for one in saved}) == 1
    assert sum(one.live for one in saved) == 1
    assert len({one.article for one in saved}) == 8


def test_a_transaction_that_ended_a_deadlock_is_done_again(store: Store) -> None:
    store.sources.register(["irna", "mehr"], now=NOW)
    met = threading.Barrier(2)
    tries = []

    @again
    def crosswise(first: str, second: str) -> None:
        tries.append(first)
        with store.database.write() as connection:
            for key in (first, second):
                table = tables.source
                connection.execute(update(table).where(table.c.key == key).values(idle=table.c.idle + 1))
                if len(tries) <= 2 and key == first:
                    met.wait(30)

    at_once(2, lambda number: crosswise(*[("irna", "mehr"), ("mehr", "irna")][number]))
    assert len(tries) == 3
    assert [state.idle for state in store.sources.states()] == [2, 2]


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_server_that_goes_in_the_middle_is_one_line_and_the_next_transaction_is_well(store: Store) -> None:
    other = Database(store.database.url.render_as_string(hide_password=False))

    def broken_off() -> None:
        with store.database.write() as connection:
            connection.execute(tables.host.insert().values(name="irna.ir", next_at=NOW))
            with other.write() as theirs:
                theirs.execute(text(END_ALL_OTHERS))
            connection.execute(tables.host.insert().values(name="mehrnews.com", next_at=NOW))

    with pytest.raises(StoreUnavailable) as found:
        broken_off()
    other.close()
    assert str(found.value).startswith(store.database.name)
    assert "\n" not in str(found.value)
    assert store.hosts.turn("irna.ir", interval=LEASE, now=NOW) == timedelta(0), "what was broken off was kept"


def test_what_no_index_takes_is_refused_and_not_waited_for(store: Store) -> None:
    letters = Random(1).choices(ascii_letters, k=9_000)
    with pytest.raises(StoreError, match=r"index row.*nothing of it was stored") as found:
        store.articles.save(article(id="".join(letters)), judge(), sighting())
    assert not isinstance(found.value, StoreUnavailable), "a run would wait for ever"


def test_a_nul_is_refused_whole(store: Store) -> None:
    with pytest.raises(StoreError, match=r"NUL.*nothing of it was stored"):
        store.articles.save(article(title="خبر \0"), judge(), sighting())
    assert store.articles.counts() == {}


@pytest.fixture
def stranger(postgres: Server, empty_postgres_url: str) -> Iterator[str]:
    """The URL of a user who may do nothing in a database."""
    name = sql.Identifier(STRANGER)
    postgres.say(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'RIGHT'").format(name))
    yield make_url(empty_postgres_url).set(username=STRANGER, password="RIGHT").render_as_string(hide_password=False)
    with psycopg.connect(empty_postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
    postgres.say(sql.SQL("DROP ROLE {}").format(name))


def test_a_user_without_rights_is_told_what_is_missing(stranger: str) -> None:
    with pytest.raises(StoreUnavailable, match=r"permission denied for schema public; give the user"):
        open_store(stranger)


def test_a_wrong_password_is_not_repeated(stranger: str) -> None:
    with pytest.raises(StoreUnavailable, match=r"password authentication failed.*check the user") as found:
        open_store(stranger.replace("RIGHT", "WRONG"))
    assert not isinstance(found.value, StoreAway), "a run would wait for ever"
    assert "WRONG" not in str(found.value)
    assert "\n" not in str(found.value)


def test_a_database_that_is_not_there_is_named(postgres_url: str) -> None:
    url = make_url(postgres_url).set(database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(StoreUnavailable, match=r'"nowhere" does not exist; create it: CREATE DATABASE') as found:
        open_store(url)
    assert not isinstance(found.value, StoreAway)


@pytest.mark.parametrize("host", ["127.0.0.1:1", "no..such..host:5432", "%2Fno%2Fsuch%2Ffolder"])
def test_a_server_that_is_not_there_is_named(host: str) -> None:
    with pytest.raises(StoreUnavailable, match=r"^postgresql://didban@") as found:
        open_store(f"postgresql://didban:SECRET@{host}/didban")
    assert isinstance(found.value, StoreAway) is ("no..such" not in host), "it may be starting"
    assert "\n" not in str(found.value)
    assert "SECRET" not in str(found.value)


def test_a_host_that_nobody_knows_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(StoreUnavailable, match=r"^postgresql://didban@db.example/news: .*db\.example.*not known$"):
        open_store("postgresql://didban@db.example/news")


def test_a_database_that_cannot_keep_persian_is_refused(postgres: Server) -> None:
    name = sql.Identifier("didban_test_latin")
    postgres.say(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'").format(name))
    try:
        url = postgres.url.set(database="didban_test_latin").render_as_string(hide_password=False)
        with pytest.raises(StoreError, match="keeps text as LATIN1; create it anew with ENCODING 'UTF8'"):
            open_store(url)
    finally:
        postgres.say(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
