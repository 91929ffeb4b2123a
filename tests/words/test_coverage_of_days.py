"""A day's units and links → its state; two ways compared → what is likely missing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from math import comb
from typing import Any

import pytest

from didban.coverage import Counts, Coverage, Links, Units, add_up, estimate, judge
from didban.dates import day_bounds

DAY, NEXT, LATER = date(2018, 9, 23), date(2018, 9, 24), datetime(2018, 10, 1, tzinfo=UTC)
TODAY = date(2026, 11, 21)


def unit(state: str = "done", *, way: str = "day", until: date = DAY, count: int = 1, **facts: Any) -> Units:
    given: dict[str, Any] = {"since": day_bounds(DAY)[0], "until": day_bounds(until)[1], "opened": LATER} | facts
    return Units(way=way, state=state, count=count, **given)


def links(state: str = "stored", count: int = 5, *ways: str, day: date | None = DAY, **facts: Any) -> Links:
    return Links(day=day, state=state, count=count, ways=frozenset(ways or {"day"}), **facts)


def judged(*facts: Units | Links, until: date = DAY, today: date = TODAY, archive_from: date | None = None) -> Coverage:
    units = [one for one in facts if isinstance(one, Units)]
    found = [one for one in facts if isinstance(one, Links)]
    return judge("irna", units, found, since=DAY, until=until, today=today, archive_from=archive_from)


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ((), "missing"),
        ((links(),), "missing"),
        ((unit("refused", reason="the server answers 404"),), "missing"),
        ((unit("refused"), unit("waiting", way="sitemap")), "missing"),
        ((unit("waiting"),), "open"),
        ((unit("listed"), links("waiting")), "open"),
        ((unit("done"), links(), unit("waiting", way="sitemap")), "open"),
        ((unit("done"), links(), links("waiting", 1, "watch")), "open"),
        ((unit("done", opened=day_bounds(DAY)[0]), links()), "open"),
        ((unit("done"),), "doubtful"),
        ((unit("done"), unit("refused", way="sitemap")), "doubtful"),
        ((unit("done"), links("stored", 3, "watch")), "doubtful"),
        ((unit("done"), unit(way="sitemap"), links("stored", 3, "watch")), "doubtful"),
        ((unit("done"), unit("done", way="sitemap")), "complete"),
        ((unit("done"), links(), links("partial", 1)), "partial"),
        ((unit("done"), links(), links("refused", 1)), "partial"),
        ((unit("done"), links()), "complete"),
        ((unit("done"), links(), unit("refused", way="sitemap")), "complete"),
        ((unit("done", way="sitemap"), links("stored", 5, "sitemap"), unit("done")), "complete"),
    ],
)
def test_a_day_is_in_the_worst_state_that_is_true_of_it(facts: tuple[Units | Links, ...], state: str) -> None:
    one = judged(*facts)
    assert [day.state for day in one.days] == [state]
    assert one.complete == (state == "complete")


def test_a_walk_is_as_good_as_the_worst_of_its_parts_and_a_way_as_its_best_walk() -> None:
    index, leaf = unit(way="sitemap", until=NEXT), unit("refused", way="sitemap", until=NEXT, reason="cut off")
    (first, second) = judged(index, leaf, links("stored", 5, "sitemap"), until=NEXT).days
    assert (first.state, second.state) == ("missing", "missing")
    assert first.reasons == {"its list (sitemap): cut off": 1}
    again = unit(way="sitemap")
    (first, second) = judged(index, leaf, again, links("stored", 5, "sitemap"), until=NEXT).days
    assert (first.state, second.state) == ("complete", "missing")


def test_days_before_the_archive_are_unknown_unless_something_is_listed_of_them() -> None:
    def state(*facts: Units | Links) -> str:
        return judged(*facts, archive_from=NEXT).days[0].state

    assert state() == state(unit()) == state(unit("refused")) == "unknown"
    assert state(unit("waiting")) == "open"
    assert state(unit(), links()) == "complete"
    assert judged(unit(until=NEXT), links(day=NEXT), until=NEXT, archive_from=NEXT).states == {
        "complete": 1,
        "unknown": 1,
    }
    assert not judged(archive_from=NEXT).complete


def test_a_day_is_open_until_it_is_over() -> None:
    assert [day.state for day in judged(unit(until=NEXT), links(), today=NEXT, until=NEXT).days] == ["complete", "open"]
    assert judged(today=DAY).states == {"open": 1}


def test_a_day_walked_before_its_end_by_tehrans_clock_says_what_to_do() -> None:
    start, end = day_bounds(NEXT)
    early = judged(unit(opened=start, until=NEXT), links(), links(day=NEXT), until=NEXT)
    assert [day.state for day in early.days] == ["complete", "open"]
    assert list(early.days[1].reasons) == ["listed before the day was over: run the backfill again"]
    assert judged(unit(opened=end, until=NEXT), links(), links(day=NEXT), until=NEXT).complete


def test_counts_ways_and_reasons_are_those_of_the_day() -> None:
    one = judged(
        unit(until=NEXT),
        unit("refused", way="sitemap", reason="the server answers 500"),
        links("stored", 40, "day"),
        links("stored", 2, "day", "watch"),
        links("stored", 1, "day", withdrawn=True),
        links("refused", 3, reason="the server answers 404"),
        links("stored", 7, day=NEXT),
        links("partial", 2, "day", day=None),
        until=NEXT,
    )
    first, _ = one.days
    assert first.counts == Counts(stored=43, refused=3, withdrawn=1)
    assert first.ways == {"day": 46, "watch": 2}
    assert first.reasons == {"the server answers 404": 3, "its list (sitemap): the server answers 500": 1}
    assert one.undated == Counts(partial=2)
    assert (one.counts.listed, one.counts.stored) == (55, 50)
    assert one.units == {"waiting": 0, "listed": 0, "done": 1, "refused": 1}


def test_what_is_left_of_unknown_date_keeps_a_report_from_being_complete() -> None:
    assert judged(unit(), links(), links("stored", 1, day=None)).complete
    assert not judged(unit(), links(), links("refused", 1, day=None)).complete


# ── two ways ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_estimate_is_chapmans_with_sebers_variance() -> None:
    """By hand: 11 · 9 / 7 - 1 = 92/7, of which 12 are known; 11 · 9 · 4 · 2 / (7² · 8) = 99/49."""
    one = estimate(("day", "watch"), 10, 8, 6)
    assert one.total == pytest.approx(92 / 7)
    assert one.missing == pytest.approx(8 / 7)
    assert one.variance == pytest.approx(99 / 49)
    third = estimate(("day", "watch"), 10, 8, 6, known=20)
    assert (third.total, third.missing, third.low, third.high) == (20, 0, 20, max(20, one.high or 0))


@pytest.mark.parametrize(
    ("first", "second", "both"), [(10, 8, 6), (50, 3, 3), (5, 5, 5), (40, 30, 8), (9, 2, 1), (30, 25, 24)]
)
def test_the_limits_are_the_totals_whose_overlap_has_a_chance(first: int, second: int, both: int) -> None:
    def chance(total: int, overlaps: range) -> float:
        ways = sum(
            comb(first, one) * comb(total - first, second - one) for one in overlaps if second - one <= total - first
        )
        return ways / comb(total, second)

    union, most = first + second - both, min(first, second)
    likely = [total for total in range(union, 4000) if chance(total, range(both, most + 1)) > 0.025]
    low = next(total for total in range(union, 4000) if chance(total, range(both + 1)) > 0.025)
    one = estimate(("day", "watch"), first, second, both)
    assert (one.low, one.high) == (low, max(likely))


def test_nothing_in_common_gives_no_bound_and_wrong_counts_are_refused() -> None:
    assert estimate(("day", "watch"), 5, 3, 0).high is None
    for first, second, both in ((3, 3, 4), (3, 3, -1)):
        with pytest.raises(ValueError, match="in common"):
            estimate(("day", "watch"), first, second, both)


def test_a_day_that_was_missed_does_not_hide_behind_those_that_were_not() -> None:
    good, bad = estimate(("day", "sitemap"), 50, 50, 50), estimate(("day", "sitemap"), 30, 30, 10)
    whole = add_up([good] * 59 + [bad])
    assert whole.missing == pytest.approx(400 / 11)
    assert whole.total == pytest.approx(59 * 50 + 50 + 400 / 11)
    assert whole.variance == pytest.approx(bad.variance)
    assert whole.low <= whole.total < (whole.high or 0)
    assert (whole.first, whole.both, whole.days) == (59 * 50 + 30, 59 * 50 + 10, 60)


def test_a_few_that_agree_bound_little_and_many_much() -> None:
    few, many = estimate(("day", "watch"), 50, 3, 3), add_up([estimate(("day", "watch"), 50, 3, 3)] * 60)
    assert (few.total, many.total) == (50, 3000)
    assert few.high is not None
    assert many.high is not None
    assert few.high > 100
    assert many.high < 3100


def test_two_ways_are_compared_only_where_both_have_read_the_day() -> None:
    both = (unit(), unit(way="sitemap"), links("stored", 8, "day", "sitemap"), links("stored", 2, "day"))
    (day,) = judged(*both).days
    assert day.estimate == estimate(("day", "sitemap"), 10, 8, 8)
    (day,) = judged(*both, links("stored", 1, "watch", "day")).days
    assert day.estimate is not None
    assert (day.estimate.ways, day.estimate.total) == (("day", "sitemap"), 11)
    (day,) = judged(unit(), links("stored", 8, "day", "sitemap")).days
    assert day.estimate is None, "no sitemap of the day has been read"
    (day,) = judged(unit(), links("stored", 8, "day", "watch"), links("stored", 4, "day")).days
    assert day.estimate is not None
    assert (day.estimate.ways, day.estimate.missing) == (("day", "watch"), 0)
    assert judged(unit(), links()).estimate is None
