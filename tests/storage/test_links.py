"""Links and walks: noted with the listing's validators, leased, put off, and gaps noticed."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from didban.article import Link, Listed, Listing, Page
from didban.health import Verdict
from storage.links import Waiting
from storage.store import Store
from storage.units import Unit, Walk
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
    return store.units.take("irna", ways=("gap",), owner="me", now=now, lease=LEASE)


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
    store.units.note(unit, page, feed(), wanted=page.links, next_url=OLDER.url + "&2", now=NOW)
    unit = take_gap(store)
    assert unit is not None
    assert (unit.listing.url, unit.pages, unit.last_keys) == (OLDER.url + "&2", 1, {"7", "8"})
    assert store.links.known_before("irna", listed(1, 7).links, unit.created) == 1
    store.units.note(unit, listed(1), feed(), wanted=(), next_url=None, now=NOW)
    assert take_gap(store) is None
    assert store.units.states("irna", ("gap",)) == {"listed": 1}, "its links are still to be fetched"
    for waiting in take(store):
        store.links.put_off(waiting, reason="gone", due=None)
    assert store.units.settle("irna") == 1
    assert store.units.states("irna", ("gap",)) == {"done": 1}


def test_a_unit_that_was_left_goes_on_with_its_next_page(store: Store) -> None:
    begin(store)
    pages = Listing(source="irna", url="https://www.irna.ir/archive?pi=1", way="page")
    store.units.open([Walk(listing=pages, key="all", since=NOW, until=NOW, final=NOW)], now=NOW)
    taken = partial(store.units.take, "irna", ways=("page",), now=NOW, lease=LEASE)
    unit = taken(owner="killed")
    assert unit is not None
    assert unit.page_url is None
    store.units.note(unit, listed(7, 8), feed(), wanted=listed(7, 8).links, next_url="https://www.irna.ir/2", now=NOW)
    assert taken(owner="other") is None, "its lease is held"
    store.sources.release({"killed"})
    unit = taken(owner="other")
    assert unit is not None
    assert (unit.listing.url, unit.page_url, unit.pages) == ("https://www.irna.ir/2", pages.url, 1)


def test_units_come_newest_or_oldest_first_and_only_those_asked_for(store: Store) -> None:
    begin(store)
    days = [NOW - timedelta(days=back) for back in range(4)]
    store.units.open(
        [
            Walk(
                listing=Listing(source="irna", url=f"https://www.irna.ir/{day:%d}", way="day"),
                key=f"{day:%F}",
                since=day,
                until=day + timedelta(days=1),
                final=NOW,
            )
            for day in days
        ],
        now=NOW,
    )
    taken = partial(store.units.take, "irna", ways=("day",), now=NOW, lease=LEASE)
    newest, oldest = taken(owner="a"), taken(owner="b", order="oldest")
    middle = taken(owner="c", since=days[2], until=days[2] + timedelta(days=1))
    assert [unit and unit.since for unit in (newest, oldest, middle)] == [days[0], days[3], days[2]]


def test_what_was_refused_is_tried_again_when_it_is_asked_for(store: Store) -> None:
    begin(store)
    day = Listing(source="irna", url="https://www.irna.ir/archive?dy=1", way="day")
    walks = [Walk(listing=day, key=key, since=NOW, until=NOW + timedelta(days=1), final=NOW) for key in ("a", "b")]
    store.units.open(walks, now=NOW)
    taken = partial(store.units.take, "irna", ways=("day",), owner="me", lease=LEASE)
    first = taken(now=NOW)
    assert first is not None
    store.units.note(first, listed(1), feed(), wanted=listed(1).links, next_url=None, now=NOW)
    second = taken(now=NOW)
    assert second is not None
    store.units.put_off(second, reason="not there", due=None)
    (waiting,) = take(store)
    store.links.put_off(waiting, reason="gone", due=None)
    store.units.settle("irna")
    assert store.units.states("irna", ("day",)) == {"done": 1, "refused": 1}
    assert store.units.refused() == ["irna"]
    assert store.units.retry("mehr", now=NOW) == 0
    assert store.units.retry("irna", since=NOW + timedelta(days=2), now=NOW) == 0
    assert store.units.retry("irna", now=NOW) == 2
    assert store.units.refused() == []
    assert store.units.states("irna", ("day",)) == {"listed": 1, "waiting": 1}
    assert [one.attempts for one in take(store)] == [0]


def test_a_backfills_link_that_the_watch_meets_becomes_the_watchs(store: Store) -> None:
    begin(store)
    day = Listing(source="irna", url="https://www.irna.ir/archive?dy=1", way="day")
    final = NOW + timedelta(days=1)
    store.units.open([Walk(listing=day, key="a day", since=NOW, until=final, final=final)], now=NOW)
    unit = store.units.take("irna", ways=("day",), owner="me", now=NOW, lease=LEASE)
    assert unit is not None
    store.units.note(unit, listed(1), feed(), wanted=listed(1).links, next_url=None, now=NOW)
    (waiting,) = take(store)
    assert waiting.via == "backfill"
    store.articles.save(article(id="1", url=waiting.link.url), judge(), sighting("backfill"), link=waiting.id)
    assert take(store) == []
    store.links.note(FEED, listed(1), feed(), older=OLDER, now=NOW)
    assert [one.via for one in take(store)] == ["watch"]


def test_a_day_walked_before_it_was_over_is_walked_again_and_a_settled_one_is_not(store: Store) -> None:
    day = Listing(source="irna", url="https://www.irna.ir/archive?dy=1", way="day")

    def walk(now):
        walk = Walk(listing=day, key="d", since=NOW, until=NOW, final=NOW + timedelta(days=1))
        store.units.open([walk], now=now)
        unit = store.units.take("irna", ways=("day",), owner="me", now=now, lease=LEASE)
        if unit is not None:
            store.units.note(unit, listed(1), feed(), wanted=(), next_url=None, now=now)
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
    waits = [store.hosts.turn("irna.ir", interval=second, now=NOW) for _ in range(3)]
    assert waits == [timedelta(0), second, second]
    assert store.hosts.turn("mehrnews.com", interval=second, now=NOW) == timedelta(0)
    assert store.hosts.turn("irna.ir", interval=second, now=NOW + second) == timedelta(0)


def test_a_clock_that_was_set_back_stops_nobody(store: Store) -> None:
    day, second = timedelta(days=1), timedelta(seconds=1)
    assert store.hosts.turn("irna.ir", interval=second, now=NOW + day) == timedelta(0)
    assert store.hosts.turn("irna.ir", interval=second, now=NOW + day) == second
    assert store.hosts.turn("irna.ir", interval=second, now=NOW, yielding=True) == timedelta(0)
    assert store.hosts.turn("irna.ir", interval=second, now=NOW) == second


def test_a_watch_that_waits_for_its_turn_goes_before_every_backfill(store: Store) -> None:
    second = timedelta(seconds=1)
    turn = partial(store.hosts.turn, "irna.ir", interval=second)
    assert turn(now=NOW, yielding=True) == timedelta(0)
    assert turn(now=NOW, yielding=True) == second
    assert turn(now=NOW) == second
    assert turn(now=NOW + second, yielding=True) == second, "the turn is the watch's"
    assert turn(now=NOW + second) == timedelta(0)
    assert turn(now=NOW + second * 2, yielding=True) == timedelta(0)
    assert turn(now=NOW + second * 2) == second
    assert turn(now=NOW + second * 9, yielding=True) == timedelta(0), "a watch that went away is not waited for"


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
    turn = partial(store.hosts.turn, "irna.ir", interval=timedelta(seconds=1), now=NOW, yielding=True, behind=["irna"])
    assert turn(owner="backfill") == timedelta(seconds=1), "it lets the watch go first, though the turn is free"
    assert turn(owner="watch") == timedelta(0)
    assert not store.links.watch_waits("irna", owner="backfill", now=NOW + LEASE)
    take(store, owner="backfill", limit=1)
    assert not store.links.watch_waits("irna", owner="backfill", now=NOW), (
        "it has such links itself: two would wait for each other"
    )
