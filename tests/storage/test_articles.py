"""Saving articles: identity, revisions, partial articles, stories, and alerts raised once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from didban import seed
from didban.article import Article, Page
from didban.errors import StoreError
from storage import tables
from storage.articles import Arrived
from storage.store import Store
from tests.support import NOW, TEXT, article, judge, sighting


def _count(store: Store, table: str) -> int:
    with store.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(tables.metadata.tables[table])) or 0


def _get(store: Store, number: int) -> Article:
    kept = store.articles.get(number)
    assert kept is not None
    return kept


def test_the_same_article_twice_is_one_article_and_one_alert(store: Store) -> None:
    first = store.articles.save(article(), judge(), sighting())
    second = store.articles.save(article(), judge(), sighting())
    assert (first.change, first.live) == ("new", 1)
    assert (second.change, second.live, second.article) == ("same", 0, first.article)
    assert [_count(store, name) for name in ("article", "revision", "story", "alert", "notification")] == [1] * 5


def test_articles_saved_together_are_all_saved_or_none(store: Store) -> None:
    two = [Arrived(article=article(id=str(number), url=None), sighting=sighting()) for number in (1, 2)]
    half = Arrived(article=article(id="3", url=None, title="نیم\ud800"), sighting=sighting())
    with pytest.raises(StoreError):
        store.articles.save_all([*two, half], judge())
    assert _count(store, "article") == _count(store, "alert") == 0
    assert [(saved.change, saved.copy) for saved in store.articles.save_all(two, judge())] == [
        ("new", False),
        ("new", True),
    ]
    assert [_count(store, name) for name in ("article", "story", "alert")] == [2, 1, 1]


def test_two_articles_at_one_address_are_two(store: Store) -> None:
    bare = store.articles.save(article(id="1", url=None), judge(), sighting())
    there = store.articles.save(article(id=None, text=f"{TEXT} دیگر"), judge(), sighting())
    again = store.articles.save(article(id="1"), judge(), sighting())
    named = store.articles.save(article(id="2", text=f"{TEXT} سوم"), judge(), sighting())
    other = store.articles.save(article(id="3", text=f"{TEXT} چهارم"), judge(), sighting())
    assert [(saved.article, saved.change) for saved in (again, named)] == [
        (bare.article, "same"),
        (there.article, "changed"),
    ]
    assert other.change == "new"
    assert {_get(store, saved.article).url for saved in (again, named, other)} == {article().url}


def test_what_is_saved_comes_back_equal(store: Store) -> None:
    full = article(
        kicker="روتیتر",
        section="استان‌ها > لرستان",
        province="lorestan",
        tags=("پست", "خدمات"),
        codes=("3210/7273",),
        modified=NOW,
        published_text="۳۰ آبان ۱۴۰۵، ۱۰:۳۰",
        rights="CC BY 4.0",
    )
    saved = store.articles.save(full, judge(), sighting())
    assert store.articles.get(saved.article) == replace(full, revision=1, story=saved.story)


@pytest.mark.parametrize(
    ("again", "known"),
    [
        ({"url": "https://www.irna.ir/news/84000001/نشانی-دیگر"}, True),
        ({"id": None, "url": "http://irna.ir/news/84000001"}, True),
        ({"id": None, "url": None}, True),
        ({"id": "84000002", "url": "https://www.irna.ir/news/84000002/خبر"}, False),
        ({"source": "mehr"}, False),
    ],
)
def test_identity_is_the_id_then_the_address_then_the_content(
    store: Store, again: dict[str, str | None], known: bool
) -> None:
    store.articles.save(article(), judge(), sighting())
    assert (store.articles.save(article(**again), judge(), sighting()).change == "same") is known


def test_a_seed_gains_its_id_address_and_date_when_its_page_comes(store: Store, seeds: dict[str, Path]) -> None:
    words = {"counter-offices": "دفاتر پیشخوان"}
    document = seed.read(seeds["004"].read_bytes()).article
    imported = store.articles.save(document, judge(words, live=False), sighting("import"))
    page = replace(
        document,
        id="2207413",
        url="https://www.mehrnews.com/news/2207413/ضرورت",
        text=document.text.replace("دستگاههای", "دستگاه\N{ZERO WIDTH NON-JOINER}های").replace("\n", "\n\n"),
        section="استان‌ها > لرستان",
    )
    arrived = store.articles.save(page, judge(words, live=False), sighting())
    assert (arrived.change, arrived.article, arrived.archived) == ("same", imported.article, 0)
    kept = store.articles.get(imported.article)
    assert kept is not None
    assert (kept.id, kept.url, kept.section, kept.text) == (page.id, page.url, page.section, document.text)


def test_a_page_that_came_before_its_seed_keeps_what_it_knows(store: Store) -> None:
    store.articles.save(article(), judge(), sighting())
    bare = article(id=None, url=None, published=None, has_time=False, fetched=None)
    saved = store.articles.save(bare, judge(), sighting("import"))
    kept = store.articles.get(saved.article)
    assert kept is not None
    assert (saved.change, kept.id, kept.published) == ("same", "84000001", article().published)


def test_an_edit_is_a_revision_and_other_letters_are_none(store: Store) -> None:
    saved = store.articles.save(article(title="کتاب یک"), judge(), sighting())
    variant = store.articles.save(article(title="كتاب  يك"), judge(), sighting())
    edit = store.articles.save(article(title="کتاب دو"), judge(), sighting())
    assert (variant.change, edit.change) == ("same", "changed")
    assert [texts["title"] for _, _, texts in store.articles.revisions(saved.article)] == ["کتاب یک", "کتاب دو"]
    assert _get(store, saved.article).revision == 2


def test_an_edit_that_newly_matches_raises_its_alert(store: Store) -> None:
    words = {"egov": "دولت الکترونیک", "post": "پست بانک"}
    store.articles.save(article(), judge(words), sighting())
    edit = store.articles.save(article(lead="پست بانک"), judge(words), sighting())
    assert edit.live == 1
    assert {told.alert.rule for told in store.outbox.alerts()} == {"egov", "post"}
    assert [match.rule for match in store.articles.matches(edit.article)] == ["egov", "post"]


def test_a_partial_article_is_completed_without_a_second_alert(store: Store) -> None:
    words = {"egov": "دولت الکترونیک", "post": "پست بانک"}
    part = article(lead="دولت الکترونیک", text="", complete=False)
    whole = article(lead="دولت الکترونیک", text=TEXT + " پست بانک")
    first = store.articles.save(part, judge(words), sighting())
    second = store.articles.save(whole, judge(words), sighting())
    assert (first.live, second.change, second.live) == (1, "completed", 1)
    assert _get(store, first.article).complete
    late = store.articles.save(part, judge(words), sighting())
    assert (late.change, _get(store, first.article).text) == ("same", whole.text)


def test_copies_are_one_story_and_alert_once(store: Store) -> None:
    first = store.articles.save(article(), judge(), sighting())
    copy = article(source="mehr", id="6000001", url="https://www.mehrnews.com/news/6000001/x")
    second = store.articles.save(copy, judge(), sighting())
    assert (second.change, second.copy, second.story, second.live) == ("new", True, first.story, 0)


def test_a_story_takes_no_copies_after_thirty_days(store: Store) -> None:
    first = store.articles.save(article(), judge(), sighting())
    yearly = article(id="85000001", url="https://www.irna.ir/news/85000001/x", published=NOW + timedelta(days=40))
    second = store.articles.save(yearly, judge(), sighting())
    assert second.story != first.story
    assert second.live == 1


def test_titles_without_a_text_are_no_copies(store: Store) -> None:
    first = store.articles.save(article(title="عکس روز", text="", lead=""), judge(), sighting())
    second = store.articles.save(
        article(title="عکس روز", text="", lead="", id="84000002", url="https://www.irna.ir/news/84000002/x"),
        judge(),
        sighting(),
    )
    assert first.story != second.story


def test_a_partial_article_completed_into_an_alerted_story_alerts_nobody_again(store: Store) -> None:
    copy = article(source="mehr", id="6000001", url="https://www.mehrnews.com/news/6000001/x")
    told = store.articles.save(copy, judge(), sighting())
    part = article(text="", lead="دولت الکترونیک", complete=False)
    alone = store.articles.save(part, judge(), sighting())
    assert alone.story != told.story
    merged = store.articles.save(article(lead="دولت الکترونیک"), judge(), sighting())
    assert (merged.change, merged.story, merged.live) == ("completed", told.story, 0)
    states = {(one.alert.story, state) for one in store.outbox.alerts() for state in one.channels.values()}
    assert states == {(told.story, "waiting"), (told.story, "cancelled")}  # the younger's is the older's now


def test_an_archived_alert_turns_live_when_the_watch_meets_the_article(store: Store) -> None:
    store.articles.save(article(), judge(live=False), sighting("import"))
    assert store.outbox.alerts()[0].channels == {}
    met = store.articles.save(article(), judge(), sighting())
    assert (met.change, met.live) == ("same", 1)
    assert [(told.alert.live, told.channels) for told in store.outbox.alerts()] == [(True, {"first": "waiting"})]


def test_the_page_is_kept_with_its_article(store: Store) -> None:
    page = Page(url="https://www.irna.ir/news/84000001/خبر", body=b"<html>", fetched=NOW)
    saved = store.articles.save(article(), judge(), sighting("import"), page=page)
    kept = store.pages.original(saved.article)
    assert kept is not None
    assert kept.page == page


def test_a_refused_save_leaves_nothing_behind(store: Store) -> None:
    def broken(given: Article, seen: object) -> object:
        raise RuntimeError("the judge fell ill")

    with pytest.raises(RuntimeError):
        store.articles.save(article(), broken, sighting())  # ty: ignore[invalid-argument-type]
    assert [_count(store, name) for name in ("article", "revision", "story", "match", "alert")] == [0] * 5
