"""`flows.coverage.report` and its forms: which sources and days, JSON, rows, one line."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from didban.article import Link, Listed, Listing, Page
from didban.coverage import Counts, Coverage, Day, estimate
from didban.dates import day_bounds
from didban.errors import InputError
from didban.settings import Settings, SourcesSettings
from flows.coverage import HEADERS, as_json, as_rows, report, summary
from storage.store import open_store
from storage.units import Walk
from tests.support import NOW, article, judge, sighting

FIRST, SECOND, THIRD = (date(2018, 9, 23) + timedelta(days=number) for number in range(3))  # 1, 2, 3 Mehr 1397
LEASE = timedelta(minutes=15)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path)


def backfilled(settings: Settings, source: str, days: dict[date, int], *, refused: bool = False) -> None:
    """A source whose backfill has listed so many links of each day, stored all but the last, and refused that."""
    store = open_store(settings.store_url)
    store.sources.register([source], now=NOW)
    for day, many in days.items():
        (start, end), noon = day_bounds(day), day_bounds(day)[0] + timedelta(hours=12)
        listing = Listing(source=source, url=f"https://{source}.example/{day}", way="day", day=day)
        store.units.open([Walk(listing=listing, key=str(day), since=start, until=end, final=end)], now=NOW)
        unit = store.units.take(source, ways=("day",), owner="me", now=NOW, lease=LEASE)
        assert unit is not None
        links = tuple(
            Link(source=source, url=f"https://{source}.example/{day}/{number}", published=noon)
            for number in range(many)
        )
        page = Page(url=listing.url, body=b"", fetched=NOW)
        store.units.note(unit, Listed(links=links), page, wanted=links, next_url=None, now=NOW)
    for waiting in store.links.take(source, owner="me", now=NOW, lease=LEASE, limit=100):
        if refused and waiting.link.url.endswith("/1"):
            store.links.put_off(waiting, reason=f"{waiting.link.url}: the server answers 404", due=None)
            continue
        url = waiting.link.url
        read = article(source=source, id=None, url=url, title=url, text=url, published=waiting.link.published)
        store.articles.save(read, judge({}), sighting("backfill"), link=waiting.id)
    store.units.settle(source)
    store.close()


def test_without_a_source_every_source_that_a_backfill_has_begun(settings: Settings) -> None:
    assert report(settings) == ()
    backfilled(settings, "mehr", {FIRST: 2, SECOND: 3})
    backfilled(settings, "irna", {THIRD: 1})
    irna, mehr = report(settings)
    assert [(one.source, one.since, one.until, one.complete) for one in (irna, mehr)] == [
        ("irna", THIRD, THIRD, True),
        ("mehr", FIRST, SECOND, True),
    ]
    assert [one.source for one in report(settings, since=THIRD)] == ["irna"]
    assert [one.source for one in report(settings, until=SECOND)] == ["mehr"]


def test_days_that_no_backfill_covers_are_missing(settings: Settings) -> None:
    backfilled(settings, "mehr", {SECOND: 3})
    (one,) = report(settings, "mehr", since=FIRST)
    assert [(day.day, day.state) for day in one.days] == [(FIRST, "missing"), (SECOND, "complete")]
    (one,) = report(settings, "mehr", since=THIRD)
    assert one.states == {"missing": 1}
    (one,) = report(settings, "irna", FIRST, SECOND)
    assert one.states == {"missing": 2}


def test_the_sources_own_archive_and_the_operators_word_say_what_is_unknown(settings: Settings) -> None:
    backfilled(settings, "irna", {date(2011, 3, 20): 0, date(2011, 3, 21): 0})
    (one,) = report(settings, "irna")
    assert [day.state for day in one.days] == ["unknown", "doubtful"]
    for first in ("1390-01-02", date(2011, 3, 22)):  # as a string, or as TOML writes a date
        own = SourcesSettings.model_validate({"irna": {"archive_from": first}})
        (one,) = report(settings.model_copy(update={"sources": own}), "irna")
        assert one.states == {"unknown": 2}
    for wrong in ("1402-12-30", "lately", 1390):
        own = SourcesSettings.model_validate({"irna": {"archive_from": wrong}})
        with pytest.raises(InputError, match=r"sources\.irna: archive_from"):
            report(settings.model_copy(update={"sources": own}), "irna")


def test_what_cannot_be_reported_is_said_in_one_line(settings: Settings) -> None:
    for asked, said in (
        ((None, SECOND, FIRST), "the first day, 2018-09-24, is after the last, 2018-09-23"),
        (("irn", None, None), "did you mean 'irna'"),
        (("irna", None, None), "no backfill of irna has begun: `didban backfill irna"),
        (("irna", FIRST, None), "no backfill of irna has begun"),
    ):
        with pytest.raises(InputError, match=said.replace("(", r"\(")):
            report(settings, *asked)


def test_as_json_has_every_day_and_the_totals(settings: Settings) -> None:
    backfilled(settings, "mehr", {FIRST: 3, SECOND: 0}, refused=True)
    (one,) = report(settings, "mehr")
    assert as_json(one) == {
        "source": "mehr",
        "since": "1397-07-01",
        "until": "1397-07-02",
        "complete": False,
        "units": {"waiting": 0, "listed": 0, "done": 2, "refused": 0},
        "listed": 3,
        "stored": 2,
        "partial": 0,
        "refused": 1,
        "waiting": 0,
        "withdrawn": 0,
        "undated": {"listed": 0, "stored": 0, "partial": 0, "refused": 0, "waiting": 0, "withdrawn": 0},
        "states": {"doubtful": 1, "partial": 1},
        "estimate": None,
        "days": [
            {
                "day": "1397-07-01",
                "date": "2018-09-23",
                "state": "partial",
                "listed": 3,
                "stored": 2,
                "partial": 0,
                "refused": 1,
                "waiting": 0,
                "withdrawn": 0,
                "ways": {"day": 3},
                "estimate": None,
                "reasons": {"the server answers 404": 1},
            },
            {
                "day": "1397-07-02",
                "date": "2018-09-24",
                "state": "doubtful",
                "listed": 0,
                "stored": 0,
                "partial": 0,
                "refused": 0,
                "waiting": 0,
                "withdrawn": 0,
                "ways": {"day": 0},
                "estimate": None,
                "reasons": {},
            },
        ],
    }


def made(states: dict[int, str], many: int) -> Coverage:
    """Days from 1 Mehr 1397 on, of 30 articles each, complete but for those of `states`."""
    days = tuple(
        Day(
            day=FIRST + timedelta(days=number),
            state=states.get(number, "complete"),  # ty: ignore[invalid-argument-type]
            counts=Counts() if number in states else Counts(stored=30),
            ways={"day": 30, "watch": 4},
            estimate=None if number in states else estimate(("day", "watch"), 30, 4, 3, known=31),
            reasons={"its list (day): gone": 1} if number in states else {},
        )
        for number in range(many)
    )
    return Coverage(
        source="mehr", since=days[0].day, until=days[-1].day, units={}, days=days, undated=Counts(stored=2, partial=1)
    )


def test_days_of_one_state_are_one_row_when_there_are_many() -> None:
    rows = as_rows(made({10: "missing", 11: "missing"}, 40))
    assert all(len(row) == len(HEADERS) for row in rows)
    assert [row[:5] for row in rows] == [
        ("mehr", "1397-07-01..1397-07-10", "complete", "300", "300"),
        ("mehr", "1397-07-11..1397-07-12", "missing", "0", "0"),
        ("mehr", "1397-07-13..1397-08-10", "complete", "840", "840"),
        ("mehr", "undated", "", "3", "2"),
    ]
    assert rows[0][-3:] == ("day 300 watch 40", "68", "")
    assert rows[1][-3:] == ("day 60 watch 8", "", "its list (day): gone (2)")
    assert len(as_rows(made({}, 31))) == 31 + 1


def test_the_summary_says_all_of_it_in_one_line() -> None:
    said = summary(made({10: "missing"}, 31))
    assert said.startswith(
        "mehr 1397-07-01..1397-08-01: not complete · days 30 complete, 1 missing"
        " · 902 of 903 listed articles stored, 1 partial · 3 without a date · by day and watch, some "
    )
    assert "\n" not in said
    whole = Coverage(source="mehr", since=FIRST, until=FIRST, units={}, days=(Day(day=FIRST, state="complete"),))
    assert summary(whole) == "mehr 1397-07-01: complete · days 1 complete · 0 of 0 listed articles stored"
