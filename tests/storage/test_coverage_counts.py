"""What the store knows of each day: units and links as walks and saves have left them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from didban.article import Link, Listed, Listing, Page
from didban.coverage import Links, Units
from didban.dates import day_bounds
from storage.store import Store
from storage.units import Unit, Walk
from tests.support import NOW, article, judge, sighting

DAY = date(2018, 9, 21)  # 30 Shahrivar 1397, the last day of summer time: 25 hours, from 19:30 to 20:30 UTC
NEXT = date(2018, 9, 22)
ESFAND = date(2021, 3, 20)  # 30 Esfand 1399, a leap year's
LEASE = timedelta(minutes=15)
FEED = Page(url="https://www.irna.ir/rss", body=b"<rss/>", fetched=NOW)


def link(number: int, published: datetime | None = None) -> Link:
    return Link(source="irna", url=f"https://www.irna.ir/news/{number}/x", id=str(number), published=published)


def walk(store: Store, links: list[Link], *, way: str = "day", since: date = DAY, until: date | None = None) -> Unit:
    """A unit of these days whose one page lists these links."""
    until = until or since
    start, end = day_bounds(since)[0], day_bounds(until)[1]
    listing = Listing(source="irna", url=f"https://www.irna.ir/{way}/{since}", way=way)
    store.sources.register(["irna"], now=NOW)
    store.units.open([Walk(listing=listing, key=f"{since}..{until}", since=start, until=end, final=end)], now=NOW)
    unit = store.units.take("irna", ways=(way,), owner="me", now=NOW, lease=LEASE)
    assert unit is not None
    store.units.note(unit, Listed(links=tuple(links)), FEED, wanted=links, next_url=None, now=NOW)
    return unit


def seen_by_watch(store: Store, *links: Link) -> None:
    store.sources.register(["irna"], now=NOW)
    store.links.note(Listing(source="irna", url=FEED.url), Listed(links=links), FEED, older=None, now=NOW)


def end(store: Store, **fates: str | datetime | None) -> None:
    """Waiting links by their ids (`_1`): a datetime is their article's, None an article without one, a string why it is refused."""
    for waiting in store.links.take("irna", owner="me", now=NOW, lease=LEASE, limit=100):
        if (name := f"_{waiting.link.id}") not in fates:
            store.links.give_back([waiting])
        elif isinstance(fate := fates[name], str):
            store.links.put_off(waiting, reason=f"{waiting.link.url}: {fate}", due=None)
        else:
            read = article(
                id=waiting.link.id, url=waiting.link.url, title=f"تیتر {name}", text=f"متن {name}", published=fate
            )
            store.articles.save(read, judge({}), sighting("backfill"), link=waiting.id)
    store.units.settle("irna")


def groups(store: Store, since: date = DAY, until: date = NEXT) -> set[Links]:
    return set(store.coverage.read("irna", since, until)[1])


def some(day: date | None, state: str, *ways: str, count: int = 1, reason: str = "") -> Links:
    return Links(day=day, state=state, ways=frozenset(ways), count=count, reason=reason)


def test_links_are_grouped_by_day_state_way_and_reason(store: Store) -> None:
    noon = day_bounds(DAY)[0] + timedelta(hours=12)
    walk(store, [link(number, noon) for number in range(1, 7)])
    gone = "the server answers 404"
    end(store, _1=noon, _2=noon, _3=gone, _4=gone, _5="the server answers 410")
    assert groups(store) == {
        some(DAY, "stored", "day", count=2),
        some(DAY, "refused", "day", count=2, reason=gone),
        some(DAY, "refused", "day", reason="the server answers 410"),
        some(DAY, "waiting", "day"),
    }


def test_a_links_day_is_its_articles_then_its_listings_then_its_units(store: Store) -> None:
    noon = day_bounds(DAY)[0] + timedelta(hours=12)
    walk(store, [link(1, noon), link(2, noon), link(3), link(4)])
    end(store, _1=noon + timedelta(days=1), _2="gone", _3=None)
    assert groups(store) == {
        some(NEXT, "stored", "day"),
        some(DAY, "refused", "day", reason="gone"),
        some(DAY, "stored", "day"),
        some(DAY, "waiting", "day"),
    }


def test_days_of_summer_time_begin_and_end_by_tehrans_clock(store: Store) -> None:
    eve, minute = DAY - timedelta(days=1), timedelta(minutes=1)
    begins, ends = datetime(2018, 9, 20, 19, 30, tzinfo=UTC), datetime(2018, 9, 21, 20, 30, tzinfo=UTC)
    walk(store, [link(1, begins - minute), link(2, begins), link(3, ends - minute), link(4, ends), link(5)])
    groups_of = {day: some(day, "waiting", "day") for day in (eve, NEXT)} | {DAY: some(DAY, "waiting", "day", count=3)}
    assert groups(store, eve, NEXT) == set(groups_of.values())
    for day, group in groups_of.items():
        assert groups(store, day, day) == {group}


def test_the_last_day_of_a_leap_year_is_a_day(store: Store) -> None:
    walk(store, [link(1)], since=ESFAND)
    assert groups(store, ESFAND, ESFAND) == {some(ESFAND, "waiting", "day")}
    assert groups(store, ESFAND + timedelta(days=1), date(2022, 1, 1)) == set()


def test_a_link_without_a_date_in_a_walk_of_many_days_is_undated(store: Store) -> None:
    walk(store, [link(1), link(2)], way="page", since=DAY, until=ESFAND)
    assert groups(store) == {some(None, "waiting", "page", count=2)}
    walk(store, [link(2)], since=NEXT)
    assert groups(store) == {some(None, "waiting", "page"), some(NEXT, "waiting", "day", "page")}
    assert groups(store, date(2018, 1, 1), date(2018, 1, 9)) == set()


def test_a_link_that_two_days_list_without_a_date_is_of_neither(store: Store) -> None:
    walk(store, [link(1)])
    walk(store, [link(1)], since=NEXT)
    assert groups(store) == {some(None, "waiting", "day")}


def test_the_watch_is_a_way_of_its_own_and_so_is_what_it_meets_again(store: Store) -> None:
    noon = day_bounds(DAY)[0] + timedelta(hours=12)
    seen_by_watch(store, link(1, noon), link(2, noon))
    walk(store, [link(2, noon), link(3, noon), link(4, noon)])
    walk(store, [link(3, noon), link(4, noon)], way="sitemap")
    seen_by_watch(store, link(4, noon), link(5))
    assert groups(store) == {
        some(DAY, "waiting", "watch"),
        some(DAY, "waiting", "watch", "day"),
        some(DAY, "waiting", "day", "sitemap"),
        some(DAY, "waiting", "watch", "day", "sitemap"),
    }, "the fifth has no date, and no unit that could give it one"


def test_what_a_gaps_walk_found_the_watch_found(store: Store) -> None:
    noon = day_bounds(DAY)[0] + timedelta(hours=12)
    walk(store, [link(1, noon)], way="gap")
    assert groups(store) == {some(DAY, "waiting", "watch")}
    assert store.coverage.spans() == {}
    assert store.coverage.read("irna", DAY, NEXT)[0] == []


def test_a_withdrawn_article_is_kept_and_shown(store: Store) -> None:
    noon = day_bounds(DAY)[0] + timedelta(hours=12)
    walk(store, [link(1, noon), link(2, noon)])
    end(store, _1=noon, _2=noon)
    seen_by_watch(store, link(1, noon))
    (again,) = store.links.take("irna", owner="me", now=NOW, lease=LEASE, limit=9)
    store.links.put_off(again, reason="the server answers 410", due=None, withdrawn=NOW)
    assert groups(store) == {
        some(DAY, "stored", "day"),
        Links(day=DAY, state="stored", ways=frozenset({"day", "watch"}), count=1, withdrawn=True),
    }


def test_units_are_grouped_and_say_why_they_were_refused(store: Store) -> None:
    walk(store, [link(1)])
    unit = walk(store, [], since=NEXT)
    pages = Listing(source="irna", url="https://www.irna.ir/page", way="page")
    start, stop = day_bounds(DAY)[0], day_bounds(NEXT)[1]
    walks = [Walk(listing=pages, key=key, since=start, until=stop, final=stop) for key in ("a", "b")]
    store.units.open(walks, now=NOW - timedelta(hours=1))
    for _ in walks:
        taken = store.units.take("irna", ways=("page",), owner="me", now=NOW, lease=LEASE)
        assert taken is not None
        store.units.put_off(taken, reason=f"{pages.url}: the server answers 404", due=None)
    middle = day_bounds(DAY)[1]
    found = store.coverage.read("irna", DAY, NEXT)[0]
    assert sorted(found, key=lambda one: (one.way, one.since)) == [
        Units(way="day", state="listed", since=start, until=middle, opened=NOW, count=1),
        Units(way="day", state="done", since=middle, until=stop, opened=unit.created, count=1),
        Units(
            way="page",
            state="refused",
            since=start,
            until=stop,
            opened=NOW - timedelta(hours=1),
            count=2,
            reason="the server answers 404",
        ),
    ]
    assert store.coverage.spans() == {"irna": (DAY, NEXT)}
    assert [one.way for one in store.coverage.read("irna", NEXT, ESFAND)[0]].count("day") == 1
    assert store.coverage.read("mehr", DAY, NEXT) == ([], [])


def test_thousands_of_links_come_back_as_the_groups_of_their_days(store: Store, dialect: str) -> None:
    days = [DAY + timedelta(days=number) for number in range(40)]
    each = (
        500 if dialect == "sqlite" else 50
    )  # a PostgreSQL that has not analysed its tables yet takes its time to note them
    for number, day in enumerate(days):
        noon = day_bounds(day)[0] + timedelta(hours=12)
        walk(store, [link(each * number + one, noon) for one in range(each)], since=day)
    units, links = store.coverage.read("irna", days[0], days[-1])
    assert len(units) == 40
    assert set(links) == {some(day, "waiting", "day", count=each) for day in days}
