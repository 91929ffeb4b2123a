"""Pages packed by dictionaries, packed again, and dropped by policy, on both databases."""

from __future__ import annotations

import random
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, func, select, update

from didban.article import Page
from didban.errors import StoreError
from storage import tables, upkeep
from storage.checking import check
from storage.packing import learn, train
from storage.pages import keep
from storage.store import Store, open_store
from storage.upkeep import ENOUGH, Keeping
from tests.support import NOW, TEXT, article, judge, sighting
from tests.support_pages import bodies, frame, page, save

DAY = timedelta(days=1)
EVER = Keeping(listings=None)


@pytest.fixture
def taught(store: Store) -> Store:
    """A store whose first pages lie there plain, and whose source has had a dictionary since."""
    store.sources.register(["irna"], now=NOW)
    save(store, range(ENOUGH))
    teach(store)
    return store


def teach(store: Store, now: datetime = NOW) -> list[str]:
    sources = store.upkeep.untaught(now)
    for source in sources:
        current, bodies = store.upkeep.lessons(source)
        store.upkeep.adopt(source, learn(bodies, current), samples=len(bodies), now=now)
    return sources


def needed(store: Store) -> list[int | None]:
    """Which dictionaries bodies need."""
    with store.database.read() as connection:
        return sorted(connection.scalars(select(tables.blob.c.dictionary).distinct()), key=lambda one: one or 0)


def repack(store: Store) -> list[int]:
    """Every batch's count."""
    counts, after = [], ""
    while after is not None:
        count, after = store.upkeep.repack(after)
        counts.append(count)
    return counts


# ── dictionaries ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_source_has_a_dictionary_when_it_has_enough_pages(store: Store) -> None:
    store.sources.register(["irna", "mehr"], now=NOW)
    save(store, range(ENOUGH - 1))
    store.pages.keep(page(900), source="irna", kind="article", problem="cannot be read")
    assert store.upkeep.untaught(NOW) == []
    save(store, [ENOUGH])
    assert teach(store) == ["irna"]
    assert store.upkeep.untaught(NOW) == []


def test_new_pages_are_packed_with_it_and_read_back(taught: Store) -> None:
    (plain,) = taught.upkeep.held()
    save(taught, [100])  # alone
    save(taught, range(200, 220))  # together
    taught.pages.keep(page(300), source="irna", kind="article", problem="cannot be read")
    assert needed(taught) == [None, 1]
    (held,) = taught.upkeep.held()
    assert (held.pages, held.unread, held.plain) == (ENOUGH + 22, 1, ENOUGH)
    assert (held.packed - plain.packed) / 22 < plain.packed / ENOUGH / 5
    assert bodies(taught) == {number: page(number).body for number in (*range(ENOUGH), 100, *range(200, 220), 300)}


def test_another_source_is_none_of_its_business(taught: Store) -> None:
    other = page(1, source="mehr")
    taught.articles.save(article(source="mehr", url=other.url), judge(), sighting(), page=other)
    assert [(held.source, held.plain) for held in taught.upkeep.held()] == [("irna", ENOUGH), ("mehr", 1)]


def test_plain_pages_are_packed_again_in_batches(taught: Store) -> None:
    before = taught.upkeep.held()[0]
    assert repack(taught) == [upkeep.BATCH, ENOUGH - upkeep.BATCH]
    after = taught.upkeep.held()[0]
    assert (after.pages, after.plain, after.size) == (before.pages, 0, before.size)
    assert after.packed < before.packed / 10
    assert bodies(taught) == {number: page(number).body for number in range(ENOUGH)}
    assert repack(taught) == [0]


def test_what_is_left_to_pack_is_not_looked_for_among_all_bodies(taught: Store) -> None:
    if taught.database.postgresql:
        pytest.skip("PostgreSQL plans by what it has counted")
    asked = str(upkeep._PLAIN.compile(taught.database.engine)).replace("\n", " ")
    with taught.database.read() as connection:
        plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", ("", upkeep.BATCH, 0))]
    assert plan[0].startswith("SEARCH blob USING INDEX ix_blob_plain")
    assert not [line for line in plan if line.startswith("SCAN")]


def test_what_breaks_off_in_the_middle_leaves_every_page_readable(taught: Store) -> None:
    assert taught.upkeep.repack()[0] == upkeep.BATCH
    assert needed(taught) == [None, 1]
    assert bodies(taught) == {number: page(number).body for number in range(ENOUGH)}
    assert sum(repack(taught)) == ENOUGH - upkeep.BATCH


def test_a_redesign_brings_a_new_dictionary_and_the_old_one_stays(taught: Store) -> None:
    later, redesigned = NOW + 2 * DAY, frame("second")
    save(taught, range(500, 500 + ENOUGH), of=redesigned, fetched=later)
    assert teach(taught, NOW + DAY / 2) == []  # judged today
    assert teach(taught, later) == ["irna"]
    save(taught, [600], of=redesigned, fetched=later)
    assert needed(taught) == [None, 1, 2]
    repack(taught)
    assert needed(taught) == [1, 2]
    wanted = {number: page(number).body for number in range(ENOUGH)}
    assert bodies(taught) == wanted | {number: page(number, of=redesigned).body for number in (*range(500, 560), 600)}


def test_no_new_dictionary_where_the_old_one_is_as_good(taught: Store) -> None:
    later = NOW + 2 * DAY
    save(taught, range(500, 500 + ENOUGH), fetched=later)
    assert teach(taught, later) == ["irna"]
    with taught.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(tables.dictionary)) == 1
    assert teach(taught, later) == []  # it has been judged


def test_a_dictionary_needs_something_to_learn_from() -> None:
    assert train([b"x" * 100] * 3) is None
    assert train([random.Random(number).randbytes(2_000) for number in range(60)]) is not None
    assert learn([page(number).body for number in range(ENOUGH)], None) is not None


# ── damage ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def lose_the_dictionary(store: Store) -> None:
    """As no program of ours can: the database keeps what is referred to."""
    if store.database.postgresql:
        with store.database.write() as connection:
            connection.exec_driver_sql("ALTER TABLE blob DROP CONSTRAINT fk_blob_dictionary_dictionary")
            connection.execute(delete(tables.dictionary))
    else:
        with closing(sqlite3.connect(str(store.database.url.database))) as other, other:
            other.execute("DELETE FROM dictionary")
    store.database.engine.dispose()


def test_a_page_whose_dictionary_is_gone_is_named(taught: Store) -> None:
    save(taught, [100])
    lose_the_dictionary(taught)
    said = "page https://irna.ir/news/100: dictionary 1, which it was packed with, is not there"
    assert said in check(taught.database).problems
    with pytest.raises(StoreError, match=r"irna\.ir/news/100: its page needs dictionary 1, .* backup"):
        bodies(taught)
    assert [line for line in taught.upkeep.damaged() if line] == [
        "https://irna.ir/news/100: its page needs dictionary 1, which is not there; restore it from a backup"
    ]


def test_a_damaged_body_is_named_and_left_alone(taught: Store) -> None:
    with taught.database.write() as connection:
        first = select(func.min(tables.page.c.blob)).scalar_subquery()
        connection.execute(update(tables.blob).where(tables.blob.c.sha256 == first).values(zstd=b"damaged"))
    (problem,) = filter(None, taught.upkeep.damaged())
    assert "is damaged" in problem
    assert sum(repack(taught)) == ENOUGH - 1
    assert needed(taught) == [None, 1]


def test_a_source_learns_from_the_pages_that_are_whole(store: Store) -> None:
    store.sources.register(["irna"], now=NOW)
    save(store, range(ENOUGH))
    with store.database.write() as connection:
        first = select(func.min(tables.page.c.blob)).scalar_subquery()
        connection.execute(update(tables.blob).where(tables.blob.c.sha256 == first).values(zstd=b"damaged"))
    assert teach(store) == ["irna"]
    assert sum(repack(store)) == ENOUGH - 1


# ── what is kept ─────────────────────────────────────────────────────────────────────────────────────────────────────


def drop(store: Store, keeping: Keeping, now: datetime = NOW) -> int:
    return store.upkeep.drop(store.upkeep.expired(keeping, now), keeping, now)


@pytest.fixture
def old(store: Store) -> Store:
    """An article edited twice, fetched 40, 30 and 20 days ago; an unread page, a listing and a seed document of 40 days ago."""
    store.sources.register(["irna"], now=NOW)
    for days in (40, 30, 20):
        fetched = NOW - days * DAY
        edited = article(id="1", url=page(1).url, text=f"{TEXT} {days}", fetched=fetched)
        served = Page(url=page(1).url, body=f"served {days}".encode(), fetched=fetched, status=200, headers={})
        store.articles.save(edited, judge(), sighting(), page=served)
    ago = NOW - 40 * DAY
    store.pages.keep(page(2, fetched=ago), source="irna", kind="article", problem="cannot be read")
    store.pages.keep(page(3, fetched=ago), source="irna", kind="listing")
    store.pages.keep(page(4, fetched=ago), source="irna", kind="listing", problem="cut off")
    document = page(5, fetched=ago)
    store.articles.save(article(id="5", url=None, text=TEXT * 2), judge(), sighting("import"), page=document)
    return store


def kept(store: Store) -> list[str]:
    with store.database.read() as connection:
        rows = connection.execute(select(tables.page.c.kind, tables.page.c.url).order_by(tables.page.c.id))
        return [f"{row.kind} {row.url.rpartition('/')[2]}" for row in rows]


ALL = ["article 1", "article 1", "article 1", "article 2", "listing 3", "listing 4", "seed 5"]


@pytest.mark.parametrize(
    ("keeping", "gone"),
    [
        (EVER, []),
        (Keeping(), ["listing 3"]),
        (Keeping(articles=35 * DAY, listings=None), ["article 1"]),
        (Keeping(articles=10 * DAY, listings=60 * DAY), ["article 1", "article 1"]),
        (Keeping(articles=10 * DAY, listings=10 * DAY, current=False), ["article 1"] * 3 + ["listing 3"]),
    ],
)
def test_the_policy_says_what_is_dropped(keeping: Keeping, gone: list[str], old: Store) -> None:
    assert kept(old) == ALL
    assert drop(old, keeping) == len(gone)
    left = list(ALL)
    for one in gone:
        left.remove(one)
    assert kept(old) == left
    with old.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(tables.blob)) == len(left)
    assert len(old.articles.revisions(1)) == 3
    assert old.upkeep.expired(keeping, NOW) == []
    assert check(old.database).problems == ()


def test_the_page_that_the_text_stands_on_can_still_be_read_again(old: Store) -> None:
    drop(old, Keeping(articles=10 * DAY))
    read = filter(None, map(old.pages.get, old.pages.worth_reading(source="irna")))
    assert [one.page.body for one in read] == [page(2).body, b"served 20"]


def test_a_body_that_another_page_shares_stays(old: Store) -> None:
    again = page(3, fetched=NOW)
    elsewhere = Page(url="https://irna.ir/archive", body=again.body, fetched=NOW, status=200, headers={})
    old.pages.keep(elsewhere, source="irna", kind="listing")
    assert drop(old, Keeping()) == 1
    assert [line for line in old.upkeep.damaged() if line] == []
    assert "listing archive" in kept(old)
    old.pages.keep(again, source="irna", kind="listing")
    assert kept(old)[-1] == "listing 3"


def test_a_page_that_turns_out_unread_meanwhile_is_not_dropped(old: Store) -> None:
    found = old.upkeep.expired(Keeping(), NOW)
    old.pages.keep(page(3, fetched=NOW - 40 * DAY), source="irna", kind="listing", problem="cut off")
    assert old.upkeep.drop(found, Keeping(), NOW) == 0
    assert kept(old) == ALL


def test_a_body_that_is_kept_again_meanwhile_is_not_dropped(postgres_url: str) -> None:
    """Where writers work side by side: the one who drops waits for the one who keeps."""
    with closing(open_store(postgres_url)) as store, ThreadPoolExecutor(1) as other:
        store.sources.register(["irna"], now=NOW)
        store.pages.keep(page(3, fetched=NOW - 40 * DAY), source="irna", kind="listing")
        elsewhere = Page(url="https://irna.ir/archive", body=page(3).body, fetched=NOW, status=200, headers={})
        with store.database.write() as connection:
            keep(connection, elsewhere, source="irna", kind="listing")
            dropped = other.submit(drop, store, Keeping())
            with pytest.raises(TimeoutError):
                dropped.result(0.3)
        assert dropped.result(10) == 1
        assert kept(store) == ["listing archive"]
        assert [line for line in store.upkeep.damaged() if line] == []


def test_no_text_stands_on_a_page_that_could_not_be_read(store: Store) -> None:
    unread, read = (
        Page(url=page(1).url, body=body, fetched=NOW, status=200, headers={}) for body in (b"unread", b"read")
    )
    store.articles.save(article(), judge(), sighting("import"))
    store.articles.save(article(text="", complete=False), judge(), sighting(), page=unread, reason="cannot be read")
    store.articles.save(article(), judge(), sighting(), page=read)
    store.sources.register(["irna"], now=NOW)
    assert store.upkeep.expired(Keeping(articles=DAY), NOW + 9 * DAY) == []


# ── whose turn it is ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_process_at_a_time_does_a_chore(store: Store) -> None:
    def take(owner: str, now: datetime, every: timedelta = timedelta(0)) -> bool:
        return store.chores.take("a chore", owner=owner, now=now, lease=DAY / 24, every=every)

    assert take("first", NOW)
    assert not take("second", NOW)
    assert take("first", NOW)
    assert take("second", NOW + DAY)  # the first has died
    store.chores.finish("a chore", owner="first", done=NOW + DAY)  # which it did not know
    assert not take("first", NOW + DAY)
    store.chores.finish("a chore", owner="second", done=NOW + DAY)
    assert not take("first", NOW + DAY, every=DAY)
    assert take("first", NOW + 2 * DAY, every=DAY)
    store.sources.release({"first"})
    assert store.sources.owners() == set()
    assert take("second", NOW + 2 * DAY)
