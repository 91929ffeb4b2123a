"""When an alert is due: gathered, held through the night, put into digests, over weekends and holidays. By Tehran's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.policy import IMMEDIATELY, Judge, escalations, is_off, is_quiet, when
from alerts.rules import parse
from didban.dates import TEHRAN, parse_day
from didban.settings import DeliverySettings
from tests.support import article, sighting

USUAL = DeliverySettings()


def at(day: str, clock: str) -> datetime:
    hour, minute = map(int, clock.split(":"))
    day_ = parse_day(day)
    return datetime(day_.year, day_.month, day_.day, hour, minute, tzinfo=TEHRAN).astimezone(UTC)


# 1405-09-01 is a Sunday, 09-05 and 09-06 are Thursday and Friday, 09-07 is a Saturday.
@pytest.mark.parametrize(
    ("priority", "raised", "due", "digest"),
    [
        ("urgent", ("1405-09-01", "3:00"), ("1405-09-01", "3:00"), False),
        ("urgent", ("1405-09-06", "12:00"), ("1405-09-06", "12:00"), False),
        ("normal", ("1405-09-01", "9:00"), ("1405-09-01", "9:05"), False),
        ("normal", ("1405-09-01", "21:54"), ("1405-09-01", "21:59"), False),
        ("normal", ("1405-09-01", "21:55"), ("1405-09-02", "6:30"), False),
        ("normal", ("1405-09-02", "0:00"), ("1405-09-02", "6:30"), False),
        ("normal", ("1405-09-02", "6:26"), ("1405-09-02", "6:31"), False),
        ("normal", ("1405-09-04", "23:00"), ("1405-09-07", "7:30"), True),
        ("normal", ("1405-09-05", "12:00"), ("1405-09-07", "7:30"), True),
        ("normal", ("1405-09-07", "0:10"), ("1405-09-07", "6:30"), False),
        ("digest", ("1405-09-01", "7:29"), ("1405-09-01", "7:30"), True),
        ("digest", ("1405-09-01", "7:30"), ("1405-09-01", "17:30"), True),
        ("digest", ("1405-09-01", "17:30"), ("1405-09-02", "7:30"), True),
        ("digest", ("1405-09-04", "18:00"), ("1405-09-07", "7:30"), True),
        ("digest", ("1404-12-28", "18:00"), ("1405-01-05", "7:30"), True),  # Nowruz, and the Fitr of that year
    ],
)
def test_an_alert_is_due(priority, raised, due, digest) -> None:
    found = when(priority, at(*raised), USUAL)
    assert found.at == at(*due)
    assert (found.digest is not None) is digest
    assert found.digest is None or found.digest == f"digest {at(*due).astimezone(TEHRAN):%Y-%m-%dT%H:%M}"


def test_the_digest_after_a_break_is_one_whenever_in_the_break_it_was_found() -> None:
    names = {
        when(priority, at(day, "12:00"), USUAL).digest
        for day in ("1405-09-05", "1405-09-06")
        for priority in ("normal", "digest")
    }
    assert len(names) == 1


def test_digests_on_days_off_when_they_are_wanted() -> None:
    daily = DeliverySettings(weekend_digests=True)
    assert when("digest", at("1405-09-05", "12:00"), daily).at == at("1405-09-05", "17:30")
    assert when("normal", at("1405-09-05", "12:00"), daily).at == at("1405-09-05", "17:30")


def test_days_off_of_ones_own() -> None:
    own = DeliverySettings.model_validate({"weekend": [], "holidays": ["1405-09-02"]})
    off = [number for number in range(1, 8) if is_off(parse_day(f"1405-09-0{number}"), own)]
    assert off == [2]
    assert when("normal", at("1405-09-02", "9:00"), own).at == at("1405-09-03", "7:30")


def test_without_digests_nothing_waits_for_one() -> None:
    none = DeliverySettings(digests=())
    friday = at("1405-09-06", "12:00")
    assert {when(priority, friday, none).at - friday for priority in ("normal", "digest")} == {timedelta(minutes=5)}
    assert when("digest", friday, IMMEDIATELY).at == friday


def test_quiet_hours_may_lie_within_a_day() -> None:
    noon = DeliverySettings.model_validate({"quiet": "12:00-14:00", "gather": "0s"})
    assert when("normal", at("1405-09-01", "12:30"), noon).at == at("1405-09-01", "14:00")
    assert [is_quiet(at("1405-09-01", clock), noon) for clock in ("11:59", "12:00", "13:59", "14:00")] == [
        False,
        True,
        True,
        False,
    ]


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds it


@given(MOMENTS)
def test_nothing_is_due_before_it_is_raised_nor_after_the_longest_break(now: datetime) -> None:
    for priority in ("urgent", "normal", "digest"):
        due = when(priority, now, USUAL)
        assert now <= due.at <= now + timedelta(days=14)
        if due.digest is not None or priority != "urgent":
            assert not is_off(due.at.astimezone(TEHRAN).date(), USUAL)
        if due.digest is None and priority == "normal":
            assert not is_quiet(due.at, USUAL)


@given(MOMENTS, st.timedeltas(timedelta(0), timedelta(days=4)))
def test_a_later_digest_alert_is_never_due_before_an_earlier_one(now: datetime, later: timedelta) -> None:
    assert when("digest", now, USUAL).at <= when("digest", now + later, USUAL).at


RULES = parse("""
[rules.egov]
title = "دولت الکترونیک"
any = ["دولت الکترونیک"]
priority = "urgent"

[rules.post]
title = "پست بانک"
any = ["پست بانک"]
channels = ["sms"]
""")


def test_an_urgent_alert_has_escalations_and_no_other() -> None:
    delivery = DeliverySettings(escalate_to=("sms", "boss"))
    judge = Judge(RULES, window=timedelta(days=3), channels=("console",), home="", delivery=delivery)
    seen = sighting()
    _, plans = judge(article(lead="پست بانک"), seen)
    assert [(plan.rule, plan.channels, [name for name, _ in plan.escalations]) for plan in plans] == [
        ("post", ("sms",), []),
        ("egov", ("console",), ["sms", "boss"]),
    ]
    assert [due - seen.now for _, due in escalations(seen.now, delivery)] == [timedelta(minutes=30), timedelta(hours=1)]


def test_what_is_archived_is_due_to_nobody() -> None:
    judge = Judge(RULES, window=timedelta(days=3), channels=("console",), home="", delivery=USUAL)
    _, (plan,) = judge(article(published=None), sighting("backfill"))
    assert (plan.live, plan.digest, plan.escalations) == (False, None, ())
