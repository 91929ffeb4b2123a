"""Delivery through a day, by a clock that is moved: gathered, together, at night, in digests, in bursts, muted, acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from didban.alert import AnyDraft, Draft
from didban.dates import TEHRAN
from didban.errors import ChannelUnreachable, InputError, SendError
from flows.deliver import hasten
from storage.store import Store
from tests.support_delivery import Inbox, Office, office, titled

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SUNDAY = datetime(2026, 11, 22, 9, 0, tzinfo=TEHRAN).astimezone(UTC)
EGOV, FIRE, POST = "دولت الکترونیک در راه است.", "آتش در بایگانی.", "پست بانک وام داد."


@pytest.fixture
def desk(store: Store) -> Iterator[Office]:
    with office(store, SUNDAY) as made:
        yield made


def test_a_normal_story_is_gathered_and_an_urgent_one_is_told_at_once(desk: Office) -> None:
    desk.publish(EGOV)
    assert desk.deliver() == []
    desk.publish(FIRE)
    assert [said["article"]["title"] for said in desk.deliver()] == ["خبر 2"]
    assert desk.forward(4 * MINUTE) == []
    assert [said["article"]["title"] for said in desk.forward(MINUTE)] == ["خبر 1"]


def test_a_storys_most_urgent_alert_takes_the_others_along(desk: Office) -> None:
    desk.publish(f"{EGOV} {POST} {FIRE}")
    (said,) = desk.deliver()
    assert titled(said) == {"egov", "fire", "post"}
    desk.publish(f"{EGOV} {POST}")
    (later,) = desk.forward(5 * MINUTE)
    assert titled(later) == {"egov", "post"}
    assert desk.forward(DAY, every=4 * HOUR) == []


def test_an_urgent_alert_pulls_forward_what_its_story_was_gathering(desk: Office) -> None:
    first = desk.publish(f"{EGOV} {POST}")
    desk.forward(2 * MINUTE)
    desk.number -= 1
    desk.publish(f"{first.text} {FIRE}", lead="ویرایش")  # the same article, edited
    (said,) = desk.deliver()
    assert titled(said) == {"egov", "fire", "post"}
    assert desk.forward(DAY, every=4 * HOUR) == []


def test_quiet_hours_hold_back_all_but_what_is_urgent(desk: Office) -> None:
    desk.forward(14 * HOUR, every=14 * HOUR)  # 23:00
    desk.publish(EGOV)
    assert desk.forward(HOUR, every=10 * MINUTE) == []
    desk.publish(FIRE)
    assert len(desk.deliver()) == 1
    assert desk.until(SUNDAY + timedelta(hours=21, minutes=29), every=3 * HOUR) == []
    assert [titled(said) for said in desk.forward(MINUTE)] == [{"egov"}]


def test_what_waits_is_counted_and_until_when(desk: Office) -> None:
    desk.forward(14 * HOUR, every=14 * HOUR)  # 23:00
    desk.publish(EGOV)
    assert desk.store.outbox.ahead(now=desk.clock()) == (1, SUNDAY + timedelta(hours=21, minutes=30))
    desk.until(SUNDAY + timedelta(hours=22), every=HOUR)
    assert desk.store.outbox.ahead(now=desk.clock()) == (0, None)


def test_a_story_that_cannot_be_rendered_keeps_no_other_waiting(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    render = Inbox.render

    def failing(inbox: Inbox, draft: AnyDraft) -> tuple[str, ...]:
        if isinstance(draft, Draft) and draft.article.title == "خبر 1":
            raise ValueError
        return render(inbox, draft)

    monkeypatch.setattr(Inbox, "render", failing)
    desk.publish(EGOV)
    desk.forward(HOUR, every=10 * MINUTE)
    desk.publish(f"{EGOV} دیگر")
    desk.publish(FIRE)
    desk.forward(HOUR, every=10 * MINUTE)
    assert sorted(desk.inbox.stories()) == ["خبر 2", "خبر 3"]
    monkeypatch.undo()
    assert [titled(said) for said in desk.deliver()] == [{"egov"}]


def test_a_digest_is_one_message_and_nothing_in_it_is_told_again(desk: Office) -> None:
    for number in range(3):
        desk.publish(f"{POST} {number}")
    (said,) = desk.until(SUNDAY + timedelta(hours=8, minutes=30), every=4 * HOUR)
    assert (said["kind"], said["count"], said["digest"]) == ("digest", 3, "digest 2026-11-22T17:30")
    assert desk.forward(2 * DAY, every=4 * HOUR) == []


def test_the_first_digest_after_a_weekend_covers_it_whole(desk: Office) -> None:
    desk.clock.at = SUNDAY + 4 * DAY  # Thursday
    for number in range(10):
        desk.publish(f"{EGOV if number % 2 else POST} {number}")
        assert desk.forward(3 * HOUR, every=HOUR) == []
    (said,) = desk.until(SUNDAY + 6 * DAY, every=3 * HOUR)
    assert (said["count"], said["archived"], said["burst"]) == (10, False, None)
    assert {topic["rule"]: topic["count"] for topic in said["topics"]} == {"egov": 5, "post": 5}
    assert desk.clock() == SUNDAY + 6 * DAY


def test_a_burst_is_one_message_with_the_best_and_all_of_it_is_told_once(desk: Office) -> None:
    for number in range(12):
        desk.publish(f"{EGOV} {number}" + (f" {FIRE}" if number == 7 else ""))
        if number != 7:
            desk.clock.forward(timedelta(seconds=10))
    desk.publish("آتش دیگر.")
    told = desk.deliver()
    burst, alone = sorted(told, key=lambda said: said["kind"])
    assert (burst["burst"], burst["count"], burst["kind"]) == ("egov", 12, "digest")
    assert burst["stories"][0]["article"]["title"] == "خبر 8"  # the urgent one
    assert titled(alone) == {"fire"}
    assert desk.forward(DAY, every=4 * HOUR) == []
    assert sorted(desk.inbox.stories()) == sorted(f"خبر {number}" for number in range(1, 14))


def test_seven_stories_are_no_burst(desk: Office) -> None:
    for number in range(7):
        desk.publish(f"{EGOV} {number}")
    assert [said["kind"] for said in desk.forward(5 * MINUTE)] == ["story"] * 7


def test_stories_spread_over_a_day_are_no_burst(desk: Office) -> None:
    told = []
    for number in range(9):
        desk.publish(f"{EGOV} {number}")
        told += desk.forward(6 * MINUTE, every=3 * MINUTE)
    assert [said["kind"] for said in told] == ["story"] * 9


def test_an_urgent_alert_goes_to_the_next_channel_until_somebody_acknowledges_it(store: Store) -> None:
    with office(store, SUNDAY, channels=("officer", "sms", "boss"), escalate_to=["sms", "boss"]) as desk:
        desk.publish(FIRE)
        desk.publish(EGOV)
        assert len(desk.forward(29 * MINUTE, every=6 * MINUTE)) == 2
        assert desk.channels["sms"].sent == []
        desk.forward(MINUTE)
        assert desk.channels["sms"].stories() == ["خبر 1"]
        (urgent,) = [told for told in store.outbox.alerts() if told.alert.rule == "fire"]
        assert store.outbox.acknowledge([urgent.id], by="officer", now=desk.clock()) == 1
        desk.forward(2 * HOUR, every=30 * MINUTE)
        assert desk.channels["boss"].sent == []
        (urgent,) = [told for told in store.outbox.alerts() if told.alert.rule == "fire"]
        assert (urgent.acked, urgent.acked_by) == (SUNDAY + 30 * MINUTE, "officer")
        assert urgent.channels == {"officer": "sent", "sms": "sent", "boss": "cancelled"}


def test_acknowledging_is_of_the_story_and_done_once(desk: Office) -> None:
    desk.publish(f"{FIRE} {EGOV}")
    first = desk.store.outbox.alerts()[0].id
    assert desk.store.outbox.acknowledge([first], by="a", now=desk.clock()) == 2
    assert desk.store.outbox.acknowledge(None, by="b", now=desk.clock()) == 0
    assert {told.acked_by for told in desk.store.outbox.alerts()} == {"a"}
    with pytest.raises(InputError, match="there is no alert 99"):
        desk.store.outbox.acknowledge([first, 99], by="a", now=desk.clock())


def test_who_has_seen_one_of_two_stories_that_turn_out_to_be_one_has_seen_both(store: Store) -> None:
    with office(store, SUNDAY, channels=("officer", "sms"), escalate_to=["sms"]) as desk:
        first = desk.publish(f"{FIRE} در انبار کهنهٔ ادارهٔ بایگانی شهرستان دیشب روی داد و کسی آسیب ندید.")
        desk.publish("آتش.")
        desk.deliver()
        (second, _) = store.outbox.alerts()
        assert store.outbox.acknowledge([second.id], by="officer", now=desk.clock()) == 1
        desk.number -= 1
        desk.publish(first.text, title=first.title)  # the second article, edited
        desk.forward(HOUR, every=30 * MINUTE)
        assert desk.channels["sms"].sent == []
        assert {told.acked_by for told in store.outbox.alerts()} == {"officer"}


def test_a_single_pass_tells_at_its_end_what_it_gathered_but_not_at_night(desk: Office) -> None:
    desk.publish(f"{EGOV} 1")
    asyncio.run(hasten(desk.pipeline()))
    assert [titled(said) for said in desk.deliver()] == [{"egov"}]
    desk.publish(f"{POST} 2")
    asyncio.run(hasten(desk.pipeline()))
    assert desk.deliver() == []  # it waits for its digest
    desk.clock.forward(14 * HOUR)
    desk.deliver()
    desk.publish(f"{EGOV} 3")
    asyncio.run(hasten(desk.pipeline()))
    assert desk.deliver() == []


def test_a_muted_rule_is_raised_and_kept_and_told_to_nobody(desk: Office) -> None:
    desk.publish(f"{EGOV} 1")
    mute = desk.store.mutes.mute("egov", until=SUNDAY + HOUR, by="officer", now=SUNDAY)
    assert mute == 1  # it waited
    desk.publish(f"{EGOV} 2")
    desk.publish(f"{EGOV} {FIRE}")
    assert [titled(said) for said in desk.forward(HOUR, every=10 * MINUTE)] == [{"fire"}]
    assert [told.channels for told in desk.store.outbox.alerts(rule="egov")] == [{"officer": "muted"}] * 3
    assert desk.store.mutes.all(now=desk.clock()) == {}
    desk.publish(f"{EGOV} 4")
    assert [said["article"]["title"] for said in desk.forward(DAY, every=3 * HOUR)] == ["خبر 4"]


def test_a_mute_without_an_end_is_taken_back(desk: Office) -> None:
    desk.store.mutes.mute("egov", until=None, by="officer", now=SUNDAY)
    desk.publish(f"{EGOV} 1")
    assert desk.forward(10 * DAY, every=DAY) == []
    assert (desk.store.mutes.end("egov"), desk.store.mutes.end("egov")) == (True, False)
    desk.publish(f"{EGOV} 2")
    desk.until(SUNDAY + 20 * DAY, every=12 * HOUR)
    assert desk.inbox.stories() == ["خبر 2"]


def test_old_news_of_a_muted_rule_is_in_no_digest(desk: Office) -> None:
    desk.publish(EGOV, published=SUNDAY - 30 * DAY)
    days = {"source": "irna", "since": SUNDAY - 40 * DAY, "until": SUNDAY, "now": SUNDAY}
    desk.store.mutes.mute("egov", until=None, by="officer", now=SUNDAY)
    assert desk.store.outbox.announce("old", **days, channels={"egov": ["officer"]}) == 0
    desk.store.mutes.end("egov")
    assert desk.store.outbox.announce("old", **days, channels={"egov": ["officer"]}) == 1


# ── a clock that is set back ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_clock_set_back_stalls_nothing_and_tells_nothing_twice(desk: Office) -> None:
    desk.publish(f"{EGOV} 1")
    desk.publish(f"{POST} 2")
    desk.clock.at = SUNDAY - 3 * DAY  # a Thursday: a day off
    desk.deliver()
    assert desk.until(SUNDAY - 27 * HOUR, every=9 * HOUR) == []  # Saturday, 6:00
    assert [said["kind"] for said in desk.forward(2 * HOUR, every=15 * MINUTE)] == ["story", "digest"]
    desk.until(SUNDAY + DAY, every=3 * HOUR)
    assert sorted(desk.inbox.stories()) == ["خبر 1", "خبر 2"]


def test_an_urgent_alert_is_told_at_once_by_a_clock_set_back(desk: Office) -> None:
    desk.publish(FIRE)
    desk.clock.at = SUNDAY - 10 * HOUR  # in the quiet hours of the night before
    assert len(desk.deliver()) == 1
    assert desk.until(SUNDAY + DAY, every=3 * HOUR) == []


@pytest.mark.parametrize(
    "failure", [SendError("officer", "500", retry_after=86_400), ChannelUnreachable("officer", "down")]
)
def test_a_retry_does_not_wait_for_the_old_clock(desk: Office, failure: SendError) -> None:
    desk.publish(FIRE)
    desk.inbox.failure = failure
    desk.deliver()
    desk.clock.at = SUNDAY - 5 * HOUR
    desk.inbox.failure = None
    assert len(desk.deliver()) == 1
    assert desk.until(SUNDAY + 2 * DAY, every=6 * HOUR) == []


def test_a_lease_of_the_old_clock_holds_nobody_up(desk: Office) -> None:
    desk.publish(FIRE)
    lease = timedelta(seconds=desk.inbox.deadline) + MINUTE
    outbox, render = desk.store.outbox, desk.inbox.render
    outbox.close_due(("officer",), render, now=desk.clock())
    assert outbox.take(("officer",), owner="killed", now=desk.clock(), lease=lease) is not None
    assert outbox.take(("officer",), owner="me", now=desk.clock(), lease=lease) is None
    desk.clock.at = SUNDAY - 5 * HOUR
    assert outbox.take(("officer",), owner="me", now=desk.clock(), lease=lease) is not None


def test_settings_that_change_hold_for_what_waits_already(desk: Office) -> None:
    desk.publish(POST)
    desk.change(digests=[])
    (said,) = desk.forward(6 * MINUTE)
    assert said["count"] == 1
