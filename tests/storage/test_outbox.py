"""The outbox: one message per story and channel, closed once, the same bytes and key on every try."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from didban.alert import AnyDraft, Draft, Message
from storage.store import Store
from tests.support import NOW, TEXT, article, judge, sighting

BOTH = {"egov": "دولت الکترونیک", "lead": "لید"}
LEASE = timedelta(minutes=2)


def render(draft: AnyDraft) -> tuple[str, ...]:
    assert isinstance(draft, Draft)
    rules = ",".join(alert.rule for alert in draft.alerts)
    return (f"{draft.channel}: {rules}{' again' if draft.follow_up else ''}", draft.key)


def close(store: Store, *channels: str, now=NOW) -> int:
    return store.outbox.close_due(channels or ("first",), render, now=now)


def take(store: Store, channel: str = "first", *, now=NOW, owner: str = "me") -> Message | None:
    return store.outbox.take((channel,), owner=owner, now=now, lease=LEASE)


def test_nine_rules_of_one_story_are_one_message_per_channel(store: Store) -> None:
    store.articles.save(article(), judge(BOTH, channels=("first", "second")), sighting())
    assert close(store, "first", "second") == 2
    first, second = take(store), take(store, "second")
    assert first is not None
    assert second is not None
    assert (first.parts[0], second.parts[0]) == ("first: egov,lead", "second: egov,lead")
    assert first.key != second.key
    assert close(store, "first", "second") == 0


def test_a_retry_sends_the_same_bytes_from_the_first_unsent_part(store: Store) -> None:
    store.articles.save(article(), judge(), sighting())
    close(store)
    first = take(store)
    assert first is not None
    store.outbox.part_sent(first, 0, leased_until=NOW + LEASE)
    store.outbox.put_off(first, error="down", due=NOW + timedelta(seconds=30))
    assert take(store) is None
    again = take(store, now=NOW + timedelta(seconds=30))
    assert again is not None
    assert (again.parts, again.key, again.next_part, again.attempts) == (first.parts, first.key, 1, 2)
    store.outbox.sent(again, now=NOW)
    assert store.outbox.states() == {"sent": 1, "waiting": 0}


def test_a_killed_senders_message_is_free_after_its_lease(store: Store) -> None:
    store.articles.save(article(), judge(), sighting())
    close(store)
    first = take(store, owner="killed")
    assert take(store, owner="other") is None
    again = take(store, owner="other", now=NOW + LEASE)
    assert first is not None
    assert again is not None
    assert (again.key, again.parts) == (first.key, first.parts)


def test_a_late_rule_joins_a_message_nobody_has_tried(store: Store) -> None:
    store.articles.save(article(), judge({"egov": "دولت الکترونیک"}), sighting())
    close(store)
    store.articles.save(article(lead="پست بانک"), judge({"egov": "دولت الکترونیک", "post": "پست بانک"}), sighting())
    close(store)
    message = take(store)
    assert message is not None
    assert message.parts[0] == "first: egov,post"
    assert take(store) is None


def test_a_rule_later_than_the_message_is_a_follow_up_with_its_own_key(store: Store) -> None:
    store.articles.save(article(), judge({"egov": "دولت الکترونیک"}), sighting())
    close(store)
    first = take(store)
    assert first is not None
    store.outbox.sent(first, now=NOW)
    store.articles.save(article(lead="پست بانک"), judge({"egov": "دولت الکترونیک", "post": "پست بانک"}), sighting())
    close(store)
    second = take(store)
    assert second is not None
    assert second.parts[0] == "first: post again"
    assert second.key != first.key


def test_the_key_is_the_same_in_a_database_that_starts_anew(store: Store, databases: Callable[[], str]) -> None:
    from storage.store import open_store

    other = open_store(databases())
    other.articles.save(article(source="mehr", id="1", url=None, text=TEXT * 2), judge({}), sighting())
    keys = []
    for one in (store, other):
        one.articles.save(article(), judge(), sighting())
        close(one)
        message = take(one)
        assert message is not None
        keys.append(message.key)
    other.close()
    assert keys[0] == keys[1]


def test_what_is_not_due_or_not_ours_waits(store: Store) -> None:
    store.articles.save(article(), judge(), sighting(now=NOW + timedelta(hours=1)))
    assert close(store) == 0
    assert close(store, "second", now=NOW + timedelta(hours=2)) == 0
    assert close(store, now=NOW + timedelta(hours=2)) == 1


def test_dead_letters_wait_for_the_operator(store: Store) -> None:
    store.articles.save(article(), judge(), sighting())
    close(store)
    message = take(store)
    assert message is not None
    store.outbox.dead(message, error="channel first: 400")
    assert take(store, now=NOW + timedelta(days=9)) is None
    assert [told.channels for told in store.outbox.alerts()] == [{"first": "dead"}]
    assert store.outbox.revive(now=NOW) == 1
    assert take(store) is not None


def test_archived_alerts_are_shown_and_not_sent(store: Store) -> None:
    store.articles.save(article(), judge(live=False), sighting("import"))
    assert close(store) == 0
    (told,) = store.outbox.alerts()
    assert (told.alert.live, told.channels, told.alert.matches[0].text) == (False, {}, "دولت الکترونیک")
    assert store.outbox.alerts(rule="another") == []
    assert store.outbox.alerts(since=NOW + timedelta(seconds=1)) == []


def test_what_waits_for_a_channel_that_is_gone_is_counted(store: Store) -> None:
    store.articles.save(article(), judge(channels=("first", "second")), sighting())
    assert store.outbox.left(("first", "second")) == {}
    assert store.outbox.left(("first",)) == {"second": 1}
    close(store, "second")
    assert store.outbox.left(("first",)) == {"second": 1}
    assert store.outbox.left(()) == {"first": 1, "second": 1}
    message = take(store, "second")
    assert message is not None
    store.outbox.sent(message, now=NOW)
    assert store.outbox.left(("first",)) == {}
