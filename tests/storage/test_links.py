"""Links and walks: noted with the listing's validators, leased, put off, and gaps noticed."""

from __future__ import annotations

from datetime import timedelta

from didban.article import Link, Listed, Listing, Page
from didban.health import Verdict
from storage.links import Unit, Waiting
from storage.store import Store
from tests.support import NOW, article, judge, sighting

FEED = Listing(source="irna", url="https://www.irna.ir/rss")
OLDER = Listing(source="irna", url="https://www.irna.ir/archive?pi=1", way="page")
LEASE = timedelta(minutes=15)


def link(number: int) -> Link:
    return Link(source="irna", url=f"https://www.irna.ir/news/{number}/x", id=str(number), title=f"خبر {number}")


def listed(*numbers: int, problem: str | None = None) -> Listed:
    return Listed(links=tuple(link(number) for number in numbers), problem=problem)


def feed(etag: str = '"1"') -> Page:
    return Page(url=FEED.url, body=b"<rss/>", fetched=NOW, headers={"etag": etag, "last-modified": "Sat"})


def begin(store: Store) -> None:
    store.sources.register(["irna"], now=NOW)


def end_baseline(store: Store) -> None:
    store.sources.take(["irna"], owner="me", now=NOW, lease=LEASE)
    store.sources.finish("irna", Verdict(state="healthy"), owner="me", now=NOW, due=NOW, whole=True)


def take(store: Store, *, owner: str = "me", now=NOW, limit: int = 20) -> list[Waiting]:
    return store.links.take("irna", owner=owner, now=now, lease=LEASE, limit=limit)


def take_gap(store: Store, now=NOW) -> Unit | None:
    return store.links.take_unit("irna", ways=("gap",), owner="me", now=now, lease=LEASE)


def test_links_and_validators_are_noted_together(store: Store) -> None:
    begin(store)
    noted = store.links.note(FEED, listed(1, 2), feed(), older=OLDER, now=NOW)
    assert (noted.new, noted.gap) == (2, False)
    assert store.links.validators("irna", FEED.url) == ('"1"', "Sat")
    assert {one.link.id for one in take(store)} == {"1", "2"}
    assert store.links.note(FEED, listed(1, 2), feed('"2"'), older=OLDER, now=NOW).new == 0


def test_a_damaged_listing_is_noted_but_asked_for_again(store: Store) -> None:
    begin(store)
    store.links.note(FEED, listed(1, problem="cut off"), feed(), older=OLDER, now=NOW)
    assert store.links.validators("irna", FEED.url) == (None, None)
    assert len(take(store)) == 1


def test_a_leased_link_is_nobody_elses_until_the_lease_is_over(store: Store) -> None:
    begin(store)
    store.links.note(FEED, listed(1), feed(), older=OLDER, now=NOW)
    assert len(take(store, owner="dead")) == 1
    assert take(store, owner="other") == []
    assert len(take(store, owner="other", now=NOW + LEASE)) == 1


def test_a_dead_owners_leases_are_released(store: Store) -> None:
    begin(store)
    store.links.note(FEED, listed(1), feed(), older=OLDER, now=NOW)
    take(store, owner="dead")
    assert store.sources.owners() == {"dead"}
    store.sources.release({"dead"})
    assert len(take(store, owner="other")) == 1


def test_a_link_ends_stored_partial_or_refused(store: Store) -> None:
    begin(store)
    store.links.note(FEED, listed(1, 2, 3), feed(), older=OLDER, now=NOW)
    first, second, third = sorted(take(store), key=lambda one: one.id)
    store.articles.save(article(id="1", url=first.link.url), judge(), sighting(), link=first.id)
    part = article(id="2", url=second.link.url, text="", complete=False)
    later = NOW + timedelta(hours=1)
    store.articles.save(part, judge(), sighting(), link=second.id, due=later, reason="a wall")
    store.links.put_off(third, reason="gone", due=None)
    assert store.links.counts() == {"irna": {"stored": 1, "partial": 1, "refused": 1}}
    assert take(store) == []
    again = take(store, now=later)
    assert [(one.link.id, one.partial, one.attempts) for one in again] == [("2", True, 1)]
    store.links.put_off(again[0], reason="a wall still", due=later + LEASE)
    assert store.links.counts()["irna"]["partial"] == 1


def test_a_page_that_could_not_be_read_is_kept_with_the_reason(store: Store) -> None:
    begin(store)
    store.links.note(FEED, listed(1), feed(), older=OLDER, now=NOW)
    page = Page(url="https://www.irna.ir/news/1/x", body=b"<html>?</html>", fetched=NOW)
    store.links.put_off(take(store)[0], reason="no title", due=None, page=page)
    assert [kept.page for kept in store.pages.unread("irna")] == [page]


def test_a_feed_without_a_known_link_is_a_gap_but_not_on_the_first_pass(store: Store) -> None:
    begin(store)
    assert not store.links.note(FEED, listed(1, 2), feed(), older=OLDER, now=NOW).gap
    end_baseline(store)
    assert not store.links.note(FEED, listed(2, 3), feed(), older=OLDER, now=NOW).gap
    assert store.links.note(FEED, listed(8, 9), feed(), older=OLDER, now=NOW).gap
    unit = take_gap(store)
    assert unit is not None
    assert unit.listing == Listing(source="irna", url=OLDER.url, way="gap")


def test_a_walk_moves_on_in_the_transaction_that_notes_its_links(store: Store) -> None:
    begin(store)
    store.links.note(FEED, listed(1), feed(), older=OLDER, now=NOW - timedelta(hours=3))
    end_baseline(store)
    store.links.note(FEED, listed(8, 9), feed(), older=OLDER, now=NOW)
    unit = take_gap(store)
    assert unit is not None
    page = listed(7, 8)
    store.links.note_walk(unit, page, feed(), wanted=page.links, next_url=OLDER.url + "&2", now=NOW)
    unit = take_gap(store)
    assert unit is not None
    assert (unit.listing.url, unit.pages, unit.last_keys) == (OLDER.url + "&2", 1, {"7", "8"})
    assert store.links.known_before("irna", listed(1, 7).links, unit.created) == 1
    store.links.note_walk(unit, listed(1), feed(), wanted=(), next_url=None, now=NOW)
    assert take_gap(store) is None
    assert store.links.walks("irna", ("gap",)) == {"done": 1}


def test_a_backfills_link_that_the_watch_meets_becomes_the_watchs(store: Store) -> None:
    begin(store)
    day = Listing(source="irna", url="https://www.irna.ir/archive?dy=1", way="day")
    final = NOW + timedelta(days=1)
    store.links.open_walk(day, key="a day", since=NOW, until=final, final=final, now=NOW)
    unit = store.links.take_unit("irna", ways=("day",), owner="me", now=NOW, lease=LEASE)
    assert unit is not None
    store.links.note_walk(unit, listed(1), feed(), wanted=listed(1).links, next_url=None, now=NOW)
    (waiting,) = take(store)
    assert waiting.via == "backfill"
    store.articles.save(article(id="1", url=waiting.link.url), judge(), sighting("backfill"), link=waiting.id)
    assert take(store) == []
    store.links.note(FEED, listed(1), feed(), older=OLDER, now=NOW)
    assert [one.via for one in take(store)] == ["watch"]


def test_a_day_walked_before_it_was_over_is_walked_again_and_a_settled_one_is_not(store: Store) -> None:
    day = Listing(source="irna", url="https://www.irna.ir/archive?dy=1", way="day")

    def walk(now):
        store.links.open_walk(day, key="d", since=NOW, until=NOW, final=NOW + timedelta(days=1), now=now)
        unit = store.links.take_unit("irna", ways=("day",), owner="me", now=now, lease=LEASE)
        if unit is not None:
            store.links.note_walk(unit, listed(1), feed(), wanted=(), next_url=None, now=now)
        return unit

    assert walk(NOW) is not None
    assert walk(NOW + timedelta(days=2)) is not None
    assert walk(NOW + timedelta(days=3)) is None


def test_a_source_is_held_by_one_process_and_remembers_its_state(store: Store) -> None:
    begin(store)
    assert store.sources.take(["irna"], owner="me", now=NOW, lease=LEASE) == ["irna"]
    assert store.sources.take(["irna"], owner="other", now=NOW, lease=LEASE) == []
    later = NOW + timedelta(hours=1)
    blocked = Verdict(state="blocked", detail="a wall")
    assert store.sources.finish("irna", blocked, owner="me", now=NOW, due=later, whole=False)
    (state,) = store.sources.states()
    assert (state.state, state.failures, state.baseline, state.due) == ("blocked", 1, None, later)
    assert store.sources.take(["irna"], owner="other", now=NOW, lease=LEASE) == []
    assert store.sources.take(["irna"], owner="other", now=NOW, lease=LEASE, even_if_not_due=True) == ["irna"]
    ((at, notice),) = store.notices()
    assert (at, notice.source, notice.before, notice.state, notice.detail) == (NOW, "irna", "new", "blocked", "a wall")


def test_one_limiter_serves_every_process(store: Store) -> None:
    second = timedelta(seconds=1)
    waits = [store.sources.turn("irna.ir", interval=second, now=NOW) for _ in range(3)]
    assert waits == [timedelta(0), second, second * 2]
    assert store.sources.turn("mehrnews.com", interval=second, now=NOW) == timedelta(0)
    assert store.sources.turn("irna.ir", interval=second, now=NOW + second * 10) == timedelta(0)


def test_a_link_from_a_sitemap_gains_its_title_from_the_feed(store: Store) -> None:
    begin(store)
    bare = Listed(links=(Link(source="irna", url="https://www.irna.ir/news/1/x", id="1"),))
    sitemap = Listing(source="irna", url="https://www.irna.ir/sitemap/news/sitemap.xml", way="sitemap")
    store.links.note(sitemap, bare, feed(), older=None, now=NOW)
    store.links.note(FEED, listed(1), feed(), older=OLDER, now=NOW)
    assert [one.link.title for one in take(store)] == ["خبر 1"]
    store.links.note(sitemap, bare, feed(), older=None, now=NOW)
    assert [one.link.title for one in take(store)] == ["خبر 1"]


def test_a_backfill_waits_while_another_process_works_off_the_watchs_links(store: Store) -> None:
    begin(store)
    store.links.note(FEED, listed(1, 2), feed(), older=OLDER, now=NOW)
    assert not store.links.watch_waits("irna", owner="backfill", now=NOW)
    take(store, owner="watch", limit=1)
    assert store.links.watch_waits("irna", owner="backfill", now=NOW)
    assert not store.links.watch_waits("irna", owner="watch", now=NOW)
    assert not store.links.watch_waits("irna", owner="backfill", now=NOW + LEASE)
    take(store, owner="backfill", limit=1)
    assert not store.links.watch_waits("irna", owner="backfill", now=NOW), (
        "it has such links itself: two would wait for each other"
    )
