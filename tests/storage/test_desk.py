"""What the officer's page asks of the store: the same stories page by page as all at once, whatever they are looked for by."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import MetaData

from didban.dates import tehran_day
from storage import desk
from storage.database import Database
from storage.desk import Line, Wanted
from storage.store import Store, open_store
from tests.support import NOW, article, judge, sighting
from tests.support_stories import story

PROVINCES = ("lorestan", "fars", None)
RULES = {"egov": "دولت الکترونیک", "rural": "روستا"}


def save(store: Store, number: int, **facts: object) -> None:
    """An article that some rules find: its story's alerts are raised an hour after those of the one before."""
    at = NOW + timedelta(hours=number)
    source = ("irna", "mehr")[number % 2]
    words = "خبری که دربارهٔ دولت الکترونیک است" + (" و از روستا می‌گوید" if number % 3 == 0 else "")
    known = article(
        source=source,
        id=f"{number}",
        url=f"https://www.{source}.ir/news/{number}",
        title=f"تیتر {number}",
        text=f"{words} شمارهٔ {number} دارد و دنبالهٔ بلندی هم دارد.",
        **{"province": PROVINCES[number % 3], "published": at - timedelta(hours=2)} | facts,
    )
    store.articles.save(known, judge(RULES, live=number % 4 != 0), sighting(now=at))


def keys(lines: list[Line]) -> list[str]:
    return [line.article.id or "" for line in lines]


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(),
        Wanted(rule="rural"),
        Wanted(source="mehr"),
        Wanted(province="fars", source="irna"),
        Wanted(live=False),
        Wanted(since=NOW + timedelta(hours=10), until=NOW + timedelta(hours=30)),
        Wanted(until=NOW + timedelta(hours=5), rule="egov"),
        Wanted(since=NOW + timedelta(days=9)),
    ],
)
def test_stories_come_page_by_page_as_they_are(wanted: Wanted, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "_STEP", 7)
    for number in range(40):
        save(store, number)
    expected = [
        str(number)
        for number in reversed(range(40))
        for at in [NOW + timedelta(hours=number)]
        if (wanted.rule != "rural" or number % 3 == 0)
        and (wanted.source is None or wanted.source == ("irna", "mehr")[number % 2])
        and (wanted.province is None or wanted.province == PROVINCES[number % 3])
        and (wanted.live is None or wanted.live == (number % 4 != 0))
        and (wanted.since is None or at >= wanted.since)
        and (wanted.until is None or at < wanted.until)
    ]
    found: list[str] = []
    before = None
    while page := store.desk.stories(wanted, before=before, limit=3):
        found += keys(page)
        before = page[-1].place
    assert found == expected
    assert keys(store.desk.stories(wanted, limit=100)) == expected
    taken = [one.id for _, one in store.desk.articles(wanted, size=4)]
    assert sorted(taken, key=str) == sorted(expected)


def test_a_story_with_alerts_on_two_pages_stands_on_the_first(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "_STEP", 2)
    for number in (4, 5, 7):
        save(store, number)
    again = store.desk.stories(Wanted(), limit=9)[-1].article
    edited = replace(again, text=f"{again.text} این خبر از روستا هم می‌گوید.", modified=NOW + timedelta(days=1))
    store.articles.save(edited, judge(RULES), sighting(now=NOW + timedelta(days=1)))
    found: list[str] = []
    before = None
    while page := store.desk.stories(Wanted(), before=before, limit=1):
        found += keys(page)
        before = page[-1].place
    assert found == ["4", "7", "5"]


def test_alerts_follow_the_province_of_their_article(store: Store) -> None:
    save(store, 3, province=None)
    assert store.desk.stories(Wanted(province="yazd")) == []
    save(store, 3, province="yazd")
    assert keys(store.desk.stories(Wanted(province="yazd"))) == ["3"]


def test_what_was_found_has_its_day_and_province(store: Store) -> None:
    save(store, 3)
    save(store, 5, published=None, province=None)
    save(store, 8, published=None, province=None)
    since, until = NOW, NOW + timedelta(hours=9)
    assert sorted(store.desk.found(since=since, until=until), key=str) == [
        ("egov", "lorestan", NOW + timedelta(hours=1)),
        ("egov", None, NOW + timedelta(hours=5)),
        ("rural", "lorestan", NOW + timedelta(hours=1)),
    ], "archived alerts of articles without a date are of no day"
    assert store.desk.found(since=until, until=until + timedelta(days=7)) == []


def test_alerts_of_an_earlier_version_know_their_source_and_province(empty_url: str) -> None:
    database = Database(empty_url)
    database.upgrade(to="0009")
    with database.write() as connection:
        old = MetaData()
        old.reflect(connection, only=["story", "article", "alert"])
        at, of = {"created_at": NOW, "last_at": NOW}, {"revision": 1, "raised_at": NOW}
        texts = dict.fromkeys(("content_key", "folded_key", "kicker", "title", "lead", "text"), "x")
        facts = {"source": "irna", "province": "yazd", "tags": [], "codes": [], "via": "watch", "saved_at": NOW}
        kinds = {"has_time": True, "complete": True, "revision": 1, "story": 1}
        connection.execute(old.tables["story"].insert(), {"id": 1, "key": "k"} | at)
        connection.execute(old.tables["article"].insert(), {"id": 1} | texts | facts | kinds)
        alert = {"story": 1, "rule": "egov", "title": "e", "priority": "normal", "live": True, "article": 1}
        connection.execute(old.tables["alert"].insert(), alert | of)
    database.upgrade()
    database.close()
    store = open_store(empty_url)
    assert len(store.desk.stories(Wanted(source="irna", province="yazd"))) == 1
    assert store.desk.stories(Wanted(province="fars")) == []
    store.close()


def test_what_a_merge_left_behind_is_counted_in_no_day(store: Store) -> None:
    first, second = story("a"), story("b", source="mehr")
    for one in (first, second, replace(second, text=first.text)):
        store.articles.save(one, judge(), sighting())
    assert len(store.desk.stories(Wanted())) == 1
    assert store.desk.daily(since=NOW - timedelta(days=1)) == {"egov": {tehran_day(NOW): 1}}
