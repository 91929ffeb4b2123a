"""Digests: many archived alerts told together, once, whatever happens in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, event

from alerts.channels.json_part import json_parts
from didban.alert import AnyDraft, DigestDraft, Draft, Message
from storage import outbox, tables
from storage.store import Store, open_store
from tests.support import NOW, article, judge, sighting

DAY = timedelta(days=1)
LEASE = timedelta(minutes=2)
SINCE, UNTIL = NOW - 30 * DAY, NOW
EGOV = {"egov": ("first",)}
BOTH = {"egov": "دولت الکترونیک", "lead": "لید"}


def render(draft: AnyDraft) -> tuple[str, ...]:
    return json_parts(draft, {})


def keep(store: Store, number: int, *, words: Mapping[str, str] | None = None, **facts: Any) -> None:
    """A backfilled article with an archived alert, published `number` hours before the end of the days."""
    facts = {"published": UNTIL - timedelta(hours=number), "text": f"خبر {number}: دولت الکترونیک آمد.", **facts}
    kept = article(id=str(number), url=f"https://www.irna.ir/news/{number}/x", title=f"تیتر {number}", **facts)
    store.articles.save(kept, judge(words, live=False), sighting("backfill"))


def keep_many(store: Store, count: int) -> None:
    """As `keep`, for numbers from 1, in four statements."""
    text = "دولت الکترونیک آمد."
    words = {"kicker": "", "lead": "", "text": text, "tags": [], "codes": []}
    facts = {"source": "irna", "has_time": True, "complete": True, "revision": 1, "saved_at": NOW, "via": "backfill"}
    place = {
        "term": text[:14],
        "text": text[:14],
        "start": 0,
        "end": 14,
        "sentence_start": 0,
        "sentence_end": len(text),
    }
    raised = {"title": "egov", "priority": "normal", "live": False, "raised_at": NOW, "revision": 1}
    numbers = range(1, count + 1)
    rows: dict[Table, list[dict[str, Any]]] = {
        tables.story: [{"id": n, "key": f"{n:016}", "created_at": NOW, "last_at": NOW} for n in numbers],
        tables.article: [
            {"id": n, "site_id": str(n), "story": n, "content_key": str(n), "folded_key": str(n), "title": f"تیتر {n}"}
            | {"published": UNTIL - timedelta(minutes=n), **facts, **words}
            for n in numbers
        ],
        tables.alert: [{"story": n, "article": n, "rule": "egov", **raised} for n in numbers],
        tables.match: [{"article": n, "revision": 1, "rule": "egov", "field": "text", **place} for n in numbers],
    }
    with store.database.write() as connection:
        for table, made in rows.items():
            connection.execute(table.insert(), made)


def announce(
    store: Store,
    channels: Mapping[str, Sequence[str]] = EGOV,
    *,
    digest: str = "old news",
    since: datetime = SINCE,
    until: datetime = UNTIL,
) -> int:
    return store.outbox.announce(digest, source="irna", since=since, until=until, channels=channels, now=NOW)


def close(store: Store, *channels: str) -> int:
    return store.outbox.close_due(channels or ("first",), render, now=NOW)


def take(store: Store, channel: str = "first", *, now: datetime = NOW) -> Message:
    message = store.outbox.take((channel,), owner="me", now=now, lease=LEASE)
    assert message is not None
    return message


def said(message: Message) -> dict[str, Any]:
    (part,) = message.parts
    return json.loads(part)


def titles(message: Message) -> list[str]:
    return [story["article"]["title"] for part in message.parts for story in json.loads(part)["stories"]]


def test_archived_alerts_are_told_together_and_stay_archived(store: Store) -> None:
    for number in (3, 1, 2):
        keep(store, number, words=BOTH if number == 2 else None)
    assert announce(store, {"egov": ("first",), "lead": ("first",)}) == 4
    assert close(store) == 1
    message = take(store)
    sent = said(message)
    assert titles(message) == ["تیتر 1", "تیتر 2", "تیتر 3"]
    assert (sent["kind"], sent["digest"], sent["count"], sent["archived"]) == ("digest", "old news", 3, True)
    assert sent["topics"] == [
        {"rule": "egov", "title": "egov", "count": 3, "provinces": [{"province": None, "count": 3}], "days": []},
        {"rule": "lead", "title": "lead", "count": 1, "provinces": [{"province": None, "count": 1}], "days": []},
    ]
    assert [alert["rule"] for alert in sent["stories"][1]["alerts"]] == ["egov", "lead"]
    assert sent["stories"][1]["alerts"][0]["evidence"][0]["sentence"] == "خبر 2: دولت الکترونیک آمد."
    assert message.key == sent["key"]
    told = store.outbox.alerts()
    assert [(one.alert.live, one.channels) for one in told] == [(False, {"first": "open"})] * 4
    store.outbox.sent(message, now=NOW)
    assert {one.channels["first"] for one in store.outbox.alerts()} == {"sent"}
    assert store.outbox.states() == {"sent": 1, "waiting": 0}


def test_only_alerts_of_the_source_and_the_days_that_are_archived_and_not_told(store: Store) -> None:
    keep(store, 1)
    keep(store, 2, published=SINCE)
    keep(store, 3, published=UNTIL)
    keep(store, 4, published=SINCE - timedelta(seconds=1))
    keep(store, 5, source="mehr")
    live = article(
        id="6", url="https://www.irna.ir/news/6/x", text="دولت الکترونیک، زنده و تازه و نو است.", published=SINCE
    )
    store.articles.save(live, judge(), sighting())
    assert store.outbox.archived(source="irna", since=SINCE, until=UNTIL) == {"egov": 2}
    assert announce(store) == 2
    assert store.outbox.states() == {"waiting": 3}
    assert close(store) == 2
    assert {tuple(json.loads(take(store).parts[0]).get("sources", ())) for _ in range(2)} == {("irna",), ()}


def test_an_undated_article_counts_by_when_it_was_first_saved(store: Store) -> None:
    keep(store, 1, published=None)
    assert announce(store, since=NOW + timedelta(seconds=1), until=NOW + DAY) == 0
    assert announce(store, since=NOW, until=NOW + DAY) == 1
    close(store)
    sent = said(take(store))
    assert (sent["first"], sent["last"], sent["undated"]) == (None, None, 1)


def test_each_channel_hears_of_its_own_rules(store: Store) -> None:
    keep(store, 1, words=BOTH)
    keep(store, 2)
    assert announce(store, {"egov": ("first", "second"), "lead": ("second",), "other": ("third",)}) == 3
    assert close(store, "first", "second", "third") == 2
    first, second = take(store), take(store, "second")
    assert [[topic["rule"] for topic in said(one)["topics"]] for one in (first, second)] == [["egov"], ["egov", "lead"]]
    assert first.key != second.key
    assert store.outbox.archived(source="irna", since=SINCE, until=UNTIL) == {"egov": 2, "lead": 1}


def test_two_digests_are_two_messages(store: Store) -> None:
    keep(store, 1)
    keep(store, 2, published=SINCE)
    assert announce(store, digest="newer", since=UNTIL - DAY) == 1
    assert announce(store, digest="all") == 1
    assert close(store) == 2
    one, two = take(store), take(store)
    assert {said(one)["digest"]: titles(one), said(two)["digest"]: titles(two)} == {
        "newer": ["تیتر 1"],
        "all": ["تیتر 2"],
    }


def test_a_run_that_died_before_closing_and_one_that_died_after_tell_nothing_twice(
    store: Store, databases: Callable[[], str]
) -> None:
    keep(store, 1)
    assert announce(store) == 1
    assert announce(store) == 0  # the run after the one that died here

    def dying(draft: AnyDraft) -> tuple[str, ...]:
        render(draft)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.outbox.close_due(("first",), dying, now=NOW)
    assert store.outbox.states() == {"waiting": 1}
    assert close(store) == 1
    assert announce(store) == 0
    assert close(store) == 0
    undisturbed = open_store(databases())
    keep(undisturbed, 1)
    announce(undisturbed)
    close(undisturbed)
    ours, theirs = take(store), take(undisturbed)
    undisturbed.close()
    assert (ours.key, ours.parts) == (theirs.key, theirs.parts)


def test_a_retry_sends_the_same_bytes_from_the_first_unsent_part_and_each_part_renews_the_lease(store: Store) -> None:
    keep_many(store, 250)
    announce(store)
    close(store)
    first = take(store)
    assert len(first.parts) == 2
    later = NOW + LEASE
    store.outbox.part_sent(first, 0, leased_until=later + LEASE)
    assert store.outbox.take(("first",), owner="other", now=later, lease=LEASE) is None
    assert (announce(store, digest="another"), close(store)) == (0, 0)
    again = take(store, now=later + LEASE)
    assert (again.key, again.parts, again.next_part, again.attempts) == (first.key, first.parts, 1, 2)


def test_what_comes_later_is_a_further_message_and_never_a_rewrite(store: Store) -> None:
    keep(store, 1)
    announce(store)
    close(store)
    keep(store, 2)
    assert announce(store) == 1
    assert close(store) == 1
    first, second = take(store), take(store)
    assert (titles(first), said(first)["follow_up"]) == (["تیتر 1"], False)
    assert (titles(second), said(second)["follow_up"]) == (["تیتر 2"], True)
    assert first.key != second.key


def test_what_was_told_live_is_not_told_again_and_the_other_way_round(store: Store) -> None:
    keep(store, 1)
    announce(store)
    close(store)
    text = {"text": "خبر 1: دولت الکترونیک آمد.", "title": "تیتر 1"}
    seen = article(id="1", url="https://www.irna.ir/news/1/x", published=NOW, **text)
    store.articles.save(seen, judge(BOTH), sighting())
    drafts: list[AnyDraft] = []
    store.outbox.close_due(("first",), lambda draft: (drafts.append(draft), ("said",))[1], now=NOW)
    (draft,) = drafts
    assert isinstance(draft, Draft)
    assert ([alert.rule for alert in draft.alerts], draft.follow_up) == (["lead"], True)
    assert announce(store) == 0


def test_a_story_that_turned_out_to_be_anothers_is_told_once(store: Store) -> None:
    text = {"title": "تیتر", "text": "متنی که دو خبر آن را دارند و در آن دولت الکترونیک آمده است.", "published": SINCE}
    first = article(id="1", url="https://www.irna.ir/news/1/x", **text)
    partial = article(
        id="2", url="https://www.irna.ir/news/2/x", **text | {"text": ""}, lead="دولت الکترونیک", complete=False
    )
    for one in (first, partial, article(id="2", url="https://www.irna.ir/news/2/x", **text)):
        store.articles.save(one, judge(live=False), sighting("backfill"))
    assert len(store.outbox.alerts()) == 2
    assert store.outbox.archived(source="irna", since=SINCE, until=UNTIL) == {"egov": 1}
    assert announce(store) == 1
    close(store)
    assert said(take(store))["count"] == 1


def test_urgent_stories_come_first_then_the_newest(store: Store) -> None:
    plain = judge(live=False)

    def urgent(kept: Any, seen: Any) -> Any:
        matches, plans = plain(kept, seen)
        return matches, tuple(replace(plan, priority="urgent") for plan in plans)

    for number in (1, 2):
        keep(store, number)
    late = article(id="9", url=None, title="فوری", text="فوری دولت الکترونیک", published=SINCE)
    store.articles.save(late, urgent, sighting("backfill"))
    announce(store)
    close(store)
    assert titles(take(store)) == ["فوری", "تیتر 1", "تیتر 2"]


def test_a_thousand_alerts_are_one_message_whose_stories_are_loaded_a_few_at_a_time(store: Store) -> None:
    keep_many(store, 1000)
    assert announce(store) == 1000
    looked: list[int] = []

    def counting(draft: AnyDraft) -> tuple[str, ...]:
        assert isinstance(draft, DigestDraft)
        questions = 0

        def loaded(*_: object) -> None:
            nonlocal questions
            questions += 1

        event.listen(store.database.engine, "after_cursor_execute", loaded)
        next(iter(draft.stories))
        looked.append(questions)
        parts = render(draft)
        looked.append(questions)
        event.remove(store.database.engine, "after_cursor_execute", loaded)
        return parts

    assert store.outbox.close_due(("first",), counting, now=NOW) == 1
    message = take(store)
    assert titles(message) == [f"تیتر {number}" for number in range(1, 1001)]
    sizes = [(len(one["stories"]), one["part"], one["parts"], one["count"]) for one in map(json.loads, message.parts)]
    assert sizes == [(200, number, 5, 1000) for number in range(1, 6)]
    one_batch, all_batches = looked
    assert one_batch == 4  # for alerts, articles, evidence, carriers
    assert all_batches == one_batch + 5 * 4 + 4  # every batch for the programs, the first one for the people
    assert store.outbox.states() == {"open": 1, "waiting": 0}
    assert {told.channels["first"] for told in store.outbox.alerts()} == {"open"}


def test_more_than_one_message_can_hold_are_several_and_the_best_come_first(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_MOST", 3)
    for number in (5, 4, 3, 2, 1):
        keep(store, number)
    announce(store)
    assert close(store) == 2
    first, second = take(store), take(store)
    assert (titles(first), titles(second)) == (["تیتر 1", "تیتر 2", "تیتر 3"], ["تیتر 4", "تیتر 5"])
    assert (said(first)["count"], said(second)["count"], said(second)["follow_up"]) == (3, 2, True)
