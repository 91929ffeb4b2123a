"""The index of all words: what it finds, in which order, on both databases; and that it always fits the articles."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import ObjectNotExecutableError

from didban.article import Article
from didban.errors import InputError
from didban.query import FIELDS, Field, rank, read_query
from storage import indexing, tables
from storage.articles import Arrived, Selection
from storage.checking import check
from storage.copying import copy
from storage.database import Database
from storage.indexing import MOST_KEYS, OFTEN, document, number_at, place_of, rebuild
from storage.store import Store, open_store
from tests.support import NOW, article, judge, sighting

ZWNJ = "\N{ZERO WIDTH NON-JOINER}"
WORDS = [
    "دولت", "الکترونیک", "دفاتر", "پیشخوان", "خدمات", "لرستان", "روزنامه", "شهر", "هوشمند", "کتاب", "خانه", f"پیش{ZWNJ}خوان",
    "پیش", "خوان", "ICT", "کتابهای", f"دفتر{ZWNJ}ها", "ها", "۱۴۰۴",
]  # fmt: skip


def save(store: Store, number: int, **facts: Any) -> int:
    texts = {"title": "", "lead": "", "text": ""} | facts
    one = article(id=str(number), url=f"https://www.irna.ir/news/{number}/x", **texts)
    return store.articles.save(one, judge({}), sighting()).article


def found(store: Store, line: str, selection: Selection | None = None, **page: int) -> list[tuple[int, str]]:
    return [(one.number, one.field) for one in store.search.find(read_query(line), selection, **page)]


def made(pick: random.Random, number: int) -> Article:
    def text(most: int) -> str:
        return " ".join(pick.choices(WORDS, k=pick.randint(0, most)))

    return article(
        id=str(number),
        source=pick.choice(["irna", "mehr", "ostan_lr"]),
        url=f"https://x.ir/{number}",
        kicker=text(2),
        title=text(3),
        lead=text(4),
        text=text(8) + "\n" + text(4),
        province=pick.choice([None, "lorestan", "fars"]),
        published=pick.choice([None, NOW - timedelta(days=pick.randint(0, 5), seconds=pick.randint(0, 1))]),
    )


def typed(pick: random.Random) -> str:
    def part() -> str:
        inner = " ".join(pick.choices(WORDS, k=pick.choice([1, 1, 1, 2, 3])))
        sign = pick.choice(["", "", "", "-"]) + pick.choice(["", "", "", "title:", "lead:", "text:"])
        return f'{sign}"{inner}"' if pick.random() < 0.5 else f"{sign}{inner}"

    return " ".join(part() for _ in range(pick.randint(1, 3)))


def test_any_search_finds_on_both_databases_what_its_words_say(store: Store) -> None:
    """Random articles, edits and questions, against the definition laid against the texts themselves."""
    pick = random.Random(27)
    articles = [made(pick, number) for number in range(40)]
    numbers = [
        one.article
        for one in store.articles.save_all([Arrived(article=one, sighting=sighting()) for one in articles], judge({}))
    ]
    for at in pick.sample(range(40), 15):  # edited, and some dated anew
        new = made(pick, at)
        articles[at] = article(**{name: getattr(articles[at], name) for name in ("id", "source", "url", "province")},
                               **{name: getattr(new, name) for name in ("kicker", "title", "lead", "text")},
                               published=new.published or articles[at].published)  # fmt: skip
        store.articles.save(articles[at], judge({}), sighting())
    stored = dict(store.articles.each(Selection()))
    asked = 0
    while asked < 80:
        line = typed(pick)
        selection = Selection(
            source=pick.choice([None, None, "mehr"]),
            province=pick.choice([None, None, "fars"]),
            since=pick.choice([None, None, NOW - timedelta(days=3)]),
            until=pick.choice([None, None, NOW - timedelta(days=1)]),
        )
        try:
            query = read_query(line)
        except InputError:
            continue
        asked += 1
        expected = []
        for number in numbers:
            one = stored[number]
            texts: dict[Field, list[str]] = {"title": [one.kicker, one.title], "lead": [one.lead], "text": [one.text]}
            when = one.published or NOW
            if (
                (field := rank(query, texts)) is not None
                and selection.source in {None, one.source}
                and selection.province in {None, one.province}
                and (selection.since is None or when >= selection.since)
                and (selection.until is None or when < selection.until)
            ):
                expected.append((FIELDS.index(field), -when.timestamp(), -number, field))
        assert found(store, line, selection, limit=200) == [
            (-number, field) for _, _, number, field in sorted(expected)
        ], line
    assert check(store.database).problems == ()


def test_the_title_comes_first_then_the_lead_then_the_text_each_the_newest_first(store: Store) -> None:
    places = [("text", 0), ("title", 5), ("lead", 1), ("title", 2), ("text", 9), ("lead", 3), ("title", 2)]
    for number, (field, days) in enumerate(places, 1):
        save(store, number, **{"text": f"{number}", field: f"دفاتر {number}"}, published=NOW - timedelta(days=days))
    everything = [(7, "title"), (4, "title"), (2, "title"), (3, "lead"), (6, "lead"), (1, "text"), (5, "text")]
    assert found(store, "دفتر") == everything
    for offset in range(8):
        assert found(store, "دفتر", limit=2, offset=offset) == everything[offset : offset + 2]


def test_whatever_is_typed_the_database_does_not_complain(store: Store) -> None:
    save(store, 1, title="NEAR الف")
    pick = random.Random(5)
    signs = [
        "NEAR(",
        "*",
        "^",
        "'",
        "\\",
        ":",
        "&",
        "|",
        "!",
        "<->",
        "(",
        ")",
        "{",
        "}",
        "AND",
        "OR",
        "NOT",
        "%",
        "\0",
        "\ud800",
        "الف",
        "+",
        "1",
    ]
    for _ in range(150):
        line = " ".join(pick.choices(signs, k=4)) + " near"
        store.search.find(read_query(line))
    assert found(store, "ک" * 10_000) == []
    assert found(store, "NEAR(الف)") == found(store, "near -* الف") == [(1, "title")]
    assert found(store, "near", Selection(source="' OR 1 --", province='"')) == []
    assert found(store, " ".join(WORDS[:3] * 10)) == []


def test_an_article_that_is_edited_is_found_by_what_it_says_now(store: Store) -> None:
    number = save(store, 1, title="دفاتر", text="الف")
    save(store, 1, title="پیشخوان", text="الف")
    assert found(store, "دفتر") == []
    assert found(store, "پیشخوان الف") == [(number, "text")]


def test_an_article_whose_facts_change_moves_with_them(store: Store) -> None:
    first, second = (save(store, number, title=f"دفاتر {number}", published=None) for number in (1, 2))
    assert found(store, "دفتر") == [(second, "title"), (first, "title")]
    save(store, 1, title="دفاتر 1", published=NOW + timedelta(seconds=1), province="fars")
    assert found(store, "دفتر") == [(first, "title"), (second, "title")]
    assert found(store, "دفتر", Selection(province="fars")) == [(first, "title")]
    assert found(store, "دفتر", Selection(since=NOW + timedelta(seconds=1))) == [(first, "title")]


def test_a_save_that_fails_leaves_the_index_as_it_was(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    save(store, 1, title="دفاتر")
    monkeypatch.setattr(indexing, "_NEW", None)
    with pytest.raises(ObjectNotExecutableError):
        save(store, 2, title="دفاتر")
    monkeypatch.undo()
    assert found(store, "دفتر") == [(1, "title")]
    assert check(store.database).well


def test_what_is_too_long_for_an_index_is_saved_and_found_by_its_beginning(store: Store) -> None:
    long = " ".join(f"کلمه{'ابپتثجچ'[at % 7]}{at}" for at in range(MOST_KEYS))
    wide = " ".join(f"{at}" + "ک" * 70 for at in range(4_000))
    often = "و دولت " * 2_000 + "پایان"
    for number, text in enumerate((long, wide, often), 1):
        save(store, number, title=f"سر{number}", text=text)
    assert found(store, "کلمها 0") == [(1, "text")]
    assert found(store, f"{MOST_KEYS - 1}") == []
    assert found(store, "title:سر title:2") == [(2, "title")]
    assert found(store, '"دولت و"') == [(3, "text")]
    assert found(store, '"دولت پایان"') == []  # the last دولت of so many has no place
    assert found(store, "پایان") == [(3, "text")]


def test_no_more_of_a_key_than_a_tsvector_holds_is_indexed(store: Store) -> None:
    save(store, 1, text="و " * (OFTEN + 5) + "پایان")
    with store.database.read() as connection:
        row = connection.execute(select(tables.article)).one()
    made_of = document(row, "s")
    assert (made_of.count("3و"), made_of[-1]) == (OFTEN, "3پایان")
    assert len(made_of) == 2 + OFTEN + 5 + 1, "the GAPs hold the places"


@pytest.mark.parametrize("year", [1, 1799, 1800, 1969, 2026, 2344, 2500, 9999])
def test_a_place_is_a_signed_integer_in_the_order_of_dates(year: int) -> None:
    moment = datetime(year, 1, 1, tzinfo=UTC)
    place = place_of(moment, 5)
    assert 0 <= place < 1 << 63
    assert number_at(place) == 5
    assert place_of(moment + timedelta(days=1)) >= place - 5


# ── kept right ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_database_of_before_the_index_is_indexed_by_the_migration(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "BATCH", 2)
    monkeypatch.setattr(indexing, "_AFTER", indexing._AFTER.limit(2))
    database = Database(empty_url)
    database.upgrade(to="0002")
    story = {"id": 1, "key": "1", "created_at": NOW, "last_at": NOW}
    row = {
        "source": "mehr", "content_key": "x", "folded_key": "x", "kicker": "", "lead": "", "text": "پیش خوان", "has_time": True,
        "tags": [], "codes": [], "complete": True, "revision": 1, "story": 1, "saved_at": NOW, "via": "watch",
    }  # fmt: skip
    with database.write() as connection:
        connection.execute(tables.story.insert(), [story])
        connection.execute(tables.article.insert(), [row | {"id": at, "title": f"دفتر {at}"} for at in range(1, 6)])
    database.close()
    store = open_store(empty_url)
    assert found(store, "پیشخوان دفاتر") == [(number, "text") for number in (5, 4, 3, 2, 1)]
    assert check(store.database).well
    store.close()


DAMAGE: dict[str, Callable[[Any], Any]] = {
    "an article that is not there": lambda connection: connection.execute(
        tables.indexed.delete().where(tables.indexed.c.article == 2)
    ),
    "an old revision": lambda connection: connection.execute(update(tables.indexed).values(revision=7)),
    "no keys": lambda connection: connection.exec_driver_sql(
        "INSERT INTO search_tokens(search_tokens) VALUES ('delete-all')"
        if connection.dialect.name == "sqlite"
        else "DELETE FROM search_tokens"
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_an_index_that_does_not_fit_is_noticed_and_made_anew(damage: str, store: Store) -> None:
    for number in (1, 2, 3):
        save(store, number, title=f"دفاتر {number}")
    with store.database.write() as connection:
        DAMAGE[damage](connection)
    (problem,) = check(store.database).problems
    assert problem.startswith("the search index has ")
    assert problem.endswith("run `didban db reindex`")
    assert store.search.rebuild() == 3
    assert check(store.database).problems == ()
    assert found(store, "دفتر") == [(3, "title"), (2, "title"), (1, "title")]


def test_an_index_that_is_gone_is_named(store: Store) -> None:
    with store.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE search_tokens")
    assert check(store.database).problems == ("table search_tokens is not there",)


def test_a_copy_of_a_database_finds_the_same(store: Store, databases: Callable[[], str]) -> None:
    for number in (1, 2):
        save(store, number, title=f"دفاتر {number}")
    save(store, 1, title="دفاتر تازه")
    target = Database(databases())
    copy(store.database, target)
    assert found(Store(target), "دفتر") == found(store, "دفتر")
    assert check(target).problems == ()
    target.close()


def test_to_index_again_what_is_right_writes_nothing(store: Store) -> None:
    number = save(store, 1, title="دفاتر")
    with store.database.write() as connection:
        before = connection.execute(select(tables.indexed)).all()
        indexing.index(connection, [number, number, 99])
        assert connection.execute(select(tables.indexed)).all() == before
        assert connection.scalar(select(func.count()).select_from(tables.indexed)) == 1
        assert rebuild(connection) == 1
        assert connection.execute(select(tables.indexed)).all() == before
