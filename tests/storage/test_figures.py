"""What the database says of itself: counts, and how late articles came and messages went."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from didban.alert import AnyDraft, Match, Plan, Sighting
from didban.article import Article
from didban.health import Verdict
from storage.store import HEAD, Store
from tests.support import NOW, TEXT, article, judge, sighting

LEASE = timedelta(minutes=15)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def render(draft: AnyDraft) -> tuple[str, ...]:
    return (draft.key,)


def urgent(article: Article, sighting: Sighting) -> tuple[tuple[Match, ...], tuple[Plan, ...]]:
    matches, _ = judge()(article, sighting)
    due = sighting.now
    return matches, (Plan(rule="egov", title="egov", priority="urgent", live=True, channels=("first",), due=due),)


def numbered(number: int, **facts: Any) -> Article:
    url = f"https://www.irna.ir/news/{number}/خبر"
    return article(id=str(number), url=url, title=f"تیتر {number}", text=f"{number} {TEXT}", **facts)


def passed(store: Store, *, key: str, at: timedelta) -> None:
    """A whole pass over a source, so long before NOW."""
    store.sources.register([key], now=NOW - at)
    store.sources.take([key], owner="me", now=NOW - at, lease=LEASE, even_if_not_due=True)
    store.sources.finish(key, Verdict(state="healthy"), owner="me", now=NOW - at, due=NOW, whole=True)


def test_an_empty_database_says_so(store: Store) -> None:
    found = store.figures(now=NOW)
    assert (found.articles, found.alerts, found.sent, found.polled, found.oldest) == ({}, 0, 0, None, None)
    assert (found.schema, found.bytes > 0) == (HEAD, True)
    assert not any(found.lags.values())


def test_what_there_is_is_counted_and_today_apart(store: Store) -> None:
    passed(store, key="irna", at=48 * HOUR)
    for number, at in enumerate((30 * HOUR, 23 * HOUR, MINUTE)):
        store.articles.save(numbered(number), judge(), sighting(now=NOW - at))
    store.articles.save(article(source="mehr", id="9", url=None, text="۹" + TEXT), judge({}), sighting("import"))
    found = store.figures(now=NOW)
    assert (dict(found.articles), dict(found.today)) == ({"irna": 3, "mehr": 1}, {"irna": 2, "mehr": 1})
    assert found.alerts == 2, "the first one is of the day before"
    assert found.messages == {"first": {"waiting": 3}}
    assert found.polled == NOW - 48 * HOUR


def test_a_lag_is_from_publication_and_only_of_what_the_watch_met_as_news(store: Store) -> None:
    passed(store, key="irna", at=10 * HOUR)
    fresh: dict[str, Any] = {"published": NOW - 7 * MINUTE}
    store.articles.save(numbered(1, **fresh), judge({}), sighting())
    store.articles.save(numbered(2, published=NOW + MINUTE), judge({}), sighting())  # the site's clock is ahead
    store.articles.save(numbered(3, **fresh), judge({}), sighting("backfill"))
    store.articles.save(numbered(4, **fresh, has_time=False), judge({}), sighting())
    store.articles.save(numbered(5, published=NOW - 11 * HOUR), judge({}), sighting(now=NOW - 10 * HOUR - MINUTE))
    assert store.figures(now=NOW).lags["stored"] == [0.0, 420.0], "neither archive, nor first pass, nor a mere day"


def test_messages_are_as_late_as_from_the_alert_to_the_receiver(store: Store) -> None:
    store.articles.save(numbered(1), urgent, sighting(now=NOW - 10 * MINUTE))
    store.articles.save(numbered(2), judge(), sighting(now=NOW - 10 * MINUTE))
    store.articles.save(numbered(3), judge(), sighting(now=NOW - 10 * MINUTE))
    store.outbox.close_due(["first"], render, now=NOW - 10 * MINUTE)
    for seconds in (2, 30):
        message = store.outbox.take(["first"], owner="me", now=NOW, lease=LEASE)
        assert message is not None
        store.outbox.sent(message, now=NOW - 10 * MINUTE + timedelta(seconds=seconds))
    found = store.figures(now=NOW)
    assert (found.lags["sent"], found.lags["urgent"]) == ([2.0, 30.0], [2.0])
    assert found.lags["whole"] == [50 * 60 + 2, 50 * 60 + 30], "published an hour before NOW"
    assert (found.sent, found.messages) == (2, {"first": {"open": 1, "sent": 2}})
    assert found.oldest == NOW - 10 * MINUTE
    tomorrow = store.figures(now=NOW + 25 * HOUR)
    assert (tomorrow.sent, tomorrow.lags["sent"]) == (0, [])


def test_units_of_backfills_are_counted_without_the_gaps(store: Store) -> None:
    from sqlalchemy import insert

    from storage import tables

    row = {"source": "irna", "url": "x", "created_at": NOW, "last_keys": []}
    rows = [("day", "1", "done"), ("day", "2", "done"), ("day", "3", "waiting"), ("gap", "4", "waiting")]
    with store.database.write() as connection:
        connection.execute(
            insert(tables.unit), [{**row, "way": way, "key": key, "state": state} for way, key, state in rows]
        )
    assert store.figures(now=NOW).units == {"irna": {"done": 2, "waiting": 1}}
