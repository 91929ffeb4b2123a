"""What rules find in stored articles: met in order, kept once as archived alerts, told to nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from didban.alert import Judge, Match
from didban.article import Article
from storage import tables
from storage.articles import Selection
from storage.evidence import Found, Owed
from storage.store import Store
from tests.support import NOW, TEXT, article, judge, sighting

LATER = NOW + timedelta(days=1)
EGOV = judge({"egov": "دولت الکترونیک"}, live=True)


def stored(store: Store, number: int, text: str = "", decide: Judge | None = None, **facts: Any) -> int:
    """An article with a text of its own, saved by a judge that knows no rule."""
    one = article(id=str(number), url=f"https://www.irna.ir/news/{number}/x", text=text or f"{TEXT} {number}", **facts)
    return store.articles.save(one, decide or judge({}), sighting()).article


def rows(store: Store, *names: str) -> list[list[tuple[Any, ...]]]:
    with store.database.read() as connection:
        found = (
            tables.metadata.tables[name] for name in names or ("match", "alert", "notification", "article", "story")
        )
        return [sorted(map(tuple, connection.execute(select(table))), key=repr) for table in found]


def found_in(store: Store, decide: Judge = EGOV) -> list[Found]:
    pages = store.evidence.each(Selection())
    judged = [(one, decide(one.article, sighting())[0]) for page in pages for one in page]
    return [(one, matches) for one, matches in judged if matches]


def numbers(found: list[Found]) -> list[int]:
    return [one.number for one, _ in found]


def met(store: Store, size: int = 2, **selected: Any) -> list[int]:
    """The numbers that `each` meets, which are as many as `count` says."""
    selection = Selection(**selected)
    pages = list(store.evidence.each(selection, size=size))
    assert all(0 < len(page) <= size for page in pages)
    assert store.evidence.count(selection) == sum(map(len, pages))
    return [one.number for page in pages for one in page]


def test_the_undated_come_first_then_the_oldest_and_each_once(store: Store) -> None:
    moments = [NOW, None, NOW - timedelta(days=2), NOW, NOW, None, NOW - timedelta(days=1), NOW]
    made = [stored(store, number, published=moment) for number, moment in enumerate(moments, 1)]
    in_order = [made[place] for place in (1, 5, 2, 6, 0, 3, 4, 7)]
    for size in (1, 2, 3, 4, 7, 8, 100):
        assert met(store, size) == in_order
    read = [one for page in store.evidence.each(Selection()) for one in page]
    assert all(replace(one.article, story=None) == one.article for one in read)
    wanted = {number: store.articles.get(number) for number in made}
    assert {one.number: one.article for one in read} == {
        number: replace(one, story=None) for number, one in wanted.items() if one
    }


def test_a_selection_is_by_source_and_by_date_or_else_by_when_it_was_fetched(store: Store) -> None:
    def days(count: int) -> datetime:
        return NOW - timedelta(days=count)

    old, new = stored(store, 1, published=days(9)), stored(store, 2, published=days(1))
    late = stored(store, 3, published=None, fetched=days(9))
    mehr = stored(store, 4, source="mehr", published=days(1))
    assert met(store, since=days(1)) == [new, mehr]
    assert met(store, until=days(1)) == [late, old]
    assert met(store, since=days(9), until=days(1), source="irna") == [late, old]
    assert met(store, source="mehr") == [mehr]
    assert met(store, source="mehr", until=days(1)) == []
    assert met(store, since=NOW) == []


def test_what_is_found_is_kept_as_archived_alerts_and_twice_is_nothing_new(store: Store) -> None:
    first, second = stored(store, 1), stored(store, 2, published=None)
    stored(store, 3, text="خبری از آب و هوا که چیزی از آنچه می‌جوییم در آن نیست و به اندازه بلند است.")
    before = rows(store)
    found = found_in(store)
    owed = store.evidence.owed(found)
    assert [(one.number, one.evidence, one.alerts) for one in owed] == [
        (second, ("egov",), ("egov",)),
        (first, ("egov",), ("egov",)),
    ]
    assert rows(store) == before, "asking writes nothing"
    assert store.evidence.keep(numbers(found), EGOV, now=LATER) == owed
    assert [len(found) for found in rows(store, "match", "alert", "notification")] == [2, 2, 0]
    for told in store.outbox.alerts():
        assert (told.alert.live, told.alert.raised, told.channels) == (False, LATER, {})
        assert told.alert.matches == EGOV(told.alert.article, sighting())[0]
    after = rows(store)
    assert store.evidence.owed(found_in(store)) == []
    assert store.evidence.keep(numbers(found), EGOV, now=LATER + timedelta(days=1)) == []
    assert rows(store) == after
    assert store.evidence.owed([]) == store.evidence.keep([], EGOV, now=LATER) == []


def test_a_live_alert_its_evidence_and_its_notification_stay(store: Store) -> None:
    stored(store, 1, decide=EGOV)
    before = rows(store)
    other = judge({"egov": "اندازهٔ کافی"})
    assert store.evidence.owed(found_in(store, other)) == []
    assert store.evidence.keep(numbers(found_in(store, other)), other, now=LATER) == []
    assert rows(store) == before


def test_evidence_becomes_todays_but_not_none(store: Store) -> None:
    number = stored(store, 1, decide=judge(live=False))
    both = judge({"egov": "اندازهٔ کافی", "lead": "لید"})
    assert store.evidence.keep([number], both, now=LATER) == [
        Owed(number=number, story=1, evidence=("egov", "lead"), alerts=("lead",))
    ]
    assert {match.rule: match.text for match in store.articles.matches(number)} == {
        "egov": "اندازهٔ کافی",
        "lead": "لید",
    }
    before = rows(store)
    assert store.evidence.keep([number], judge({"egov": "نیست"}), now=LATER) == []
    assert rows(store) == before


def test_a_story_that_has_the_alert_raises_none_for_another_carrier(store: Store) -> None:
    first = stored(store, 1, text=TEXT, decide=judge(live=False))
    copy = stored(store, 2, text=TEXT, source="mehr", published=NOW)
    (owed,) = store.evidence.keep([first, copy], EGOV, now=LATER)
    assert (owed.number, owed.evidence, owed.alerts) == (copy, ("egov",), ())
    assert [told.alert.raised for told in store.outbox.alerts()] == [NOW]


def test_of_two_carriers_the_first_raises_the_alert(store: Store) -> None:
    copy = stored(store, 1, text=TEXT, published=NOW)
    first = stored(store, 2, text=TEXT, source="mehr", published=NOW - timedelta(days=1))
    found = found_in(store)
    assert numbers(found) == [first, copy]
    asked = store.evidence.owed(found)
    assert [one.alerts for one in asked] == [("egov",), ()]
    assert store.evidence.keep(numbers(found), EGOV, now=LATER) == asked
    (told,) = store.outbox.alerts()
    assert told.alert.article.source == "mehr"


def test_an_article_that_was_edited_meanwhile_is_matched_as_it_stands(store: Store) -> None:
    number = stored(store, 1)
    found = found_in(store)
    assert len(store.evidence.owed(found)) == 1
    stored(store, 1, text="پس از ویرایش، دولت الکترونیک در آغاز این متن بلند آمده است و نه در پایان آن.")
    (owed,) = store.evidence.keep(numbers(found), EGOV, now=LATER)
    assert owed.number == number
    (match,) = store.articles.matches(number)
    assert match.start == len("پس از ویرایش، ")
    (told,) = store.outbox.alerts()
    assert told.alert.matches == (match,)
    stored(store, 1, text="پس از ویرایشی دیگر چیزی از آن نمانده است و این متن نیز به اندازه بلند است.")
    assert store.evidence.keep([number], EGOV, now=LATER) == []


def test_one_page_is_one_transaction(store: Store) -> None:
    made = [stored(store, number) for number in (1, 2)]

    def broken(one: Article, seen: object) -> tuple[tuple[Match, ...], tuple[Any, ...]]:
        if one.id == "2":
            raise KeyboardInterrupt
        return EGOV(one, sighting())

    before = rows(store)
    with pytest.raises(KeyboardInterrupt):
        store.evidence.keep(made, broken, now=LATER)
    assert rows(store) == before
