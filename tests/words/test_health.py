"""What a source owes us: kinds of day, rates, silences and fields judged by how improbable they are, and when to ask again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from didban.dates import TEHRAN, parse_day
from didban.errors import (
    Blocked,
    DidbanError,
    Disallowed,
    Gone,
    LayoutChanged,
    Moved,
    ServerFault,
    TooLarge,
    Unreachable,
)
from didban.health import (
    FIELDS,
    Expects,
    History,
    Reading,
    State,
    Verdict,
    broken,
    expected,
    is_rest,
    judge,
    next_poll,
    rates,
)

URL = "https://www.irna.ir/rss"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=TEHRAN).astimezone(UTC)  # a Sunday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AGENCY = Expects(
    working=300, resting=120, silence=timedelta(hours=6), fields=("title", "lead", "text", "published", "id")
)
PORTAL = Expects()


def tehran(day: str, hour: int = 12, minute: int = 0) -> datetime:
    found = parse_day(day)
    return datetime(found.year, found.month, found.day, hour, minute, tzinfo=TEHRAN)


def history(
    last: datetime, *, working: int = 0, resting: int = 0, weeks: int = 8, watched: datetime | None = None
) -> History:
    """So many articles on each day of its kind, until `last`."""
    days = [last.astimezone(TEHRAN).date() - timedelta(days=back) for back in range(weeks * 7)]
    counts = {day: count for day in days if (count := resting if is_rest(day) else working)}
    return History(days=counts, last=last, watched=watched or last - timedelta(weeks=weeks))


# ── days and rates ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("day", "rest"),
    [
        ("1405-09-01", False),  # a Sunday
        ("1405-09-05", True),  # Thursday
        ("1405-09-06", True),  # Friday
        ("1405-01-01", True),
        ("1405-01-08", True),  # a Saturday that no calendar of holidays has
        ("1405-01-13", True),
        ("1405-01-15", False),
        ("1405-11-22", True),  # the revolution's day
        ("1404-12-29", True),  # oil
    ],
)
def test_kinds_of_day(day: str, rest: bool) -> None:
    assert is_rest(parse_day(day)) is rest


def test_a_source_without_history_has_the_rates_it_declares() -> None:
    rate = rates(History(), AGENCY)
    assert (rate.working, rate.resting) == (300, 120)


def test_what_a_source_does_outweighs_what_it_declares_after_some_weeks() -> None:
    rate = rates(history(NOW, working=30, resting=3), AGENCY)
    assert 30 < rate.working < 90
    assert 3 < rate.resting < 60


def test_the_first_and_the_last_day_are_not_whole_days() -> None:
    first, last = date(2026, 11, 14), date(2026, 11, 18)
    whole = History(days={first + timedelta(days=number): 400 for number in range(5)})
    partial = replace(whole, days={**whole.days, first: 1, last: 1})
    assert rates(whole, AGENCY) == rates(partial, AGENCY)


def test_expected_articles_add_up_over_days_and_weigh_little_at_night() -> None:
    rate = rates(History(), AGENCY)
    sunday, monday = tehran("1405-09-01", 0), tehran("1405-09-02", 0)
    assert expected(sunday, monday, rate) == pytest.approx(300)
    assert expected(sunday, sunday + 6 * HOUR, rate) == pytest.approx(300 * 1.2 / 19.2)
    assert expected(sunday + 6 * HOUR, monday, rate) == pytest.approx(300 * 18 / 19.2)
    whole_week = expected(tehran("1405-08-30", 9), tehran("1405-09-07", 9), rate)
    assert whole_week == pytest.approx(5 * 300 + 2 * 120)


# ── silence ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("since", "hours", "state"),
    [
        (tehran("1405-09-01", 8), 5.9, "healthy"),
        (tehran("1405-09-01", 8), 6.1, "silent"),
        (tehran("1405-09-01", 0), 6.1, "silent"),  # through the night, too
        (tehran("1405-09-05", 0), 6.1, "quiet"),  # a Thursday's night
        (tehran("1405-09-06", 8), 6.1, "silent"),  # a Friday's day
    ],
)
def test_an_agency_is_silent_after_six_hours(since: datetime, hours: float, state: State) -> None:
    past = history(since, working=300, resting=120)
    assert judge(None, past, AGENCY, since + hours * HOUR).state == state


def test_a_silence_says_since_when_and_how_many_are_missing() -> None:
    since = tehran("1405-09-01", 8)
    verdict = judge(None, history(since, working=300, resting=120), AGENCY, since + 7 * HOUR)
    assert (verdict.state, verdict.since) == ("silent", since)
    assert "1405-09-01T08:00" in verdict.detail
    assert "109 were to be expected" in verdict.detail


def test_nowruz_silences_no_portal_that_rests_then() -> None:
    last = tehran("1404-12-28", 13)
    past = history(last, working=2)
    assert judge(None, past, PORTAL, tehran("1405-01-14", 9)).state == "healthy"
    assert judge(None, past, PORTAL, tehran("1405-01-20", 14)).state == "quiet"
    assert judge(None, past, PORTAL, tehran("1405-01-26", 14)).state == "silent"


def test_the_same_silence_in_working_weeks_is_one() -> None:
    last = tehran("1405-07-28", 13)
    assert judge(None, history(last, working=2), PORTAL, last + timedelta(days=17)).state == "silent"


def test_a_portal_that_publishes_once_a_fortnight_is_not_silent_after_two_weeks() -> None:
    last = tehran("1405-08-02", 13)
    seldom = {last.date() - timedelta(days=back): 1 for back in range(0, 56, 14)}
    past = History(days=seldom, last=last, watched=last - timedelta(weeks=9))
    assert judge(None, past, PORTAL, last + timedelta(days=14)).state == "healthy"


def test_only_the_time_we_have_watched_counts() -> None:
    old = history(NOW - 100 * DAY, working=300, resting=120, watched=NOW - HOUR)
    assert judge(None, old, AGENCY, NOW).state == "healthy"
    assert judge(None, replace(old, watched=NOW - 7 * HOUR), AGENCY, NOW).state == "silent"
    assert judge(None, replace(old, watched=None), AGENCY, NOW).state == "healthy"


def test_a_silence_does_not_teach_that_silence_is_usual() -> None:
    last = tehran("1405-02-15", 13)
    assert judge(None, history(last, working=2), PORTAL, last + 200 * DAY).state == "silent"


def test_a_day_with_a_fraction_of_the_usual_articles_is_quiet() -> None:
    past = history(NOW, working=300, resting=120)
    yesterday = date(2026, 11, 21)
    assert judge(None, replace(past, days={**past.days, yesterday: 150}), AGENCY, NOW).state == "healthy"
    verdict = judge(None, replace(past, days={**past.days, yesterday: 40}), AGENCY, NOW)
    assert verdict.state == "quiet"
    assert "40 articles yesterday" in verdict.detail


# ── fields ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def readings(*groups: tuple[int, str]) -> tuple[Reading, ...]:
    """Newest first, an hour apart: so many pages, each without this field, `-` with all, `!x` unreadable for want of x."""
    kinds = [kind for count, kind in groups for _ in range(count)]
    return tuple(
        Reading(
            url=f"https://www.irna.ir/news/{number}/x",
            fetched=NOW - number * HOUR,
            found=frozenset() if kind[0] == "!" else frozenset(FIELDS) - {kind},
            missed=kind[1:] if kind[0] == "!" else None,
        )
        for number, kind in enumerate(kinds)
    )


def lost(*groups: tuple[int, str], expects: Expects = AGENCY) -> list[str]:
    return [one.field for one in broken(readings(*groups), expects)]


def test_a_field_that_the_newest_pages_lack_is_named_with_since_when_and_where() -> None:
    (found,) = broken(readings((12, "lead"), (200, "-")), AGENCY)
    assert (found.field, found.missing, found.of) == ("lead", 5, 5)
    assert found.since == NOW - 11 * HOUR
    assert found.pages == tuple(f"https://www.irna.ir/news/{number}/x" for number in range(3))
    verdict = judge(None, History(readings=readings((12, "lead"), (200, "-"))), AGENCY, NOW)
    assert (verdict.state, verdict.fields, verdict.since) == ("unreadable", ("lead",), found.since)


def test_pages_that_cannot_be_read_name_what_their_reader_missed() -> None:
    assert lost((6, "!text"), (200, "-")) == ["text"]
    assert lost((6, "!page"), (200, "-")) == ["page"]


@pytest.mark.parametrize("odd", [1, 2, 3])
def test_a_few_odd_pages_are_no_redesign(odd: int) -> None:
    assert lost((odd, "!text"), (200, "-")) == []
    assert lost((odd, "lead"), (30, "-"), (2, "lead"), (200, "-")) == []


def test_a_field_that_was_often_missing_may_go_on_so() -> None:
    kinds = [(1, "lead") if number % 5 == 0 else (1, "-") for number in range(200)]
    assert lost(*kinds) == []
    assert lost((10, "kicker"), *[(1, "kicker"), (1, "-")] * 90) == []


def test_a_field_nobody_declared_is_missed_when_it_was_always_there() -> None:
    assert lost((8, "tags"), (100, "-"), expects=PORTAL) == ["tags"]
    assert lost((8, "tags"), (10, "-"), expects=PORTAL) == []


def test_a_declared_field_stays_broken_however_long_it_lasts() -> None:
    assert lost((300, "!text")) == ["text"]
    assert lost((299, "lead"), (1, "-")) == ["lead"]


def test_a_source_none_of_whose_pages_could_ever_be_read_is_unreadable_from_the_first() -> None:
    assert lost((1, "!page")) == ["page"]
    assert lost((1, "!text"), (1, "-")) == []


def test_a_field_is_well_again_when_pages_have_it_again() -> None:
    assert lost((9, "-"), (30, "!text"), (200, "-")) == ["text"]
    assert lost((10, "-"), (30, "!text"), (200, "-")) == []


# ── errors ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("error", "state", "answered"),
    [
        (Unreachable(URL, "no answer"), "unreachable", False),
        (ServerFault(URL, "503"), "unreachable", True),
        (Blocked(URL, "a wall"), "blocked", True),
        (Disallowed(URL, "robots.txt"), "blocked", True),
        (Moved(URL, "it redirects to example.com"), "moved", True),
        (Gone(URL, 404), "moved", True),
        (LayoutChanged(URL, "li.news", 0), "unreadable", True),
        (TooLarge(URL, "9 MB"), "unreadable", True),
    ],
)
def test_what_kept_us_from_a_listing_is_its_state(error: DidbanError, state: State, answered: bool) -> None:
    verdict = judge(error, History(), AGENCY, NOW)
    assert (verdict.state, verdict.answered, verdict.detail) == (state, answered, str(error))
    assert verdict.fields == (("listing",) if state == "unreadable" else ())


def test_trouble_is_worse_than_silence_and_a_broken_field_explains_one() -> None:
    past = replace(history(NOW - 9 * HOUR, working=300, resting=120), readings=readings((9, "!text"), (90, "-")))
    assert judge(Blocked(URL, "a wall"), past, AGENCY, NOW).state == "blocked"
    assert judge(None, past, AGENCY, NOW).state == "unreadable"
    assert judge(None, replace(past, readings=()), AGENCY, NOW).state == "silent"
    assert judge(None, History(watched=NOW, last=NOW), AGENCY, NOW) == Verdict(state="healthy")


# ── the next poll ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("every", "idle", "minutes"),
    [(5, 0, 5), (5, 2, 5), (5, 3, 10), (5, 6, 20), (5, 400, 20), (15, 400, 60), (30, 400, 60), (120, 400, 120)],
)
def test_a_source_that_brings_nothing_new_is_polled_up_to_four_times_slower(
    every: int, idle: int, minutes: int
) -> None:
    due = next_poll(None, timedelta(minutes=every), 0, NOW, idle=idle)
    assert due - NOW == timedelta(minutes=minutes)


def test_the_network_may_come_back_any_hour_and_a_wall_stays() -> None:
    every = timedelta(minutes=5)
    assert next_poll(Unreachable(URL, "no answer"), every, 50, NOW) - NOW == HOUR
    assert next_poll(Unreachable(URL, "no answer"), every, 0, NOW) - NOW == every
    assert next_poll(Blocked(URL, "a wall"), every, 50, NOW) - NOW == 6 * HOUR
    assert next_poll(Blocked(URL, "a wall", retry_after=7200), every, 0, NOW) - NOW == 2 * HOUR
