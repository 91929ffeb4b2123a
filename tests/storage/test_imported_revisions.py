"""An imported line that says it is newer is an edit; a document that says nothing of it never is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from didban.alert import Sighting
from storage.articles import Selection
from storage.store import Store
from tests.support import NOW, TEXT, article, judge, sighting

OURS = article(revision=2, modified=NOW - timedelta(days=2), text=TEXT + " نخست")
LATER, EARLIER = NOW + timedelta(days=1), NOW - timedelta(days=1)
IMPORT = Sighting(via="import", baseline=False, now=NOW)


def arrive(store: Store, **facts: Any) -> tuple[str, str, int | None]:
    """Ours is stored, then this comes by import: what that was, and the text and revision that stand."""
    saved = store.articles.save(OURS, judge(), sighting())
    change = store.articles.save(replace(OURS, text=TEXT + " دوم", **facts), judge(), IMPORT).change
    stands = store.articles.get(saved.article)
    assert stands is not None
    return change, stands.text.rsplit(" ", 1)[1], stands.revision


@pytest.mark.parametrize(
    ("facts", "becomes"),
    [
        ({"fetched": LATER}, ("changed", "دوم", 3)),
        ({"fetched": LATER, "revision": None}, ("changed", "دوم", 3)),
        ({"fetched": LATER, "revision": 7}, ("changed", "دوم", 7)),
        ({"fetched": EARLIER, "revision": 7}, ("same", "نخست", 2)),
        ({"modified": NOW}, ("changed", "دوم", 3)),
        ({"modified": EARLIER - timedelta(days=2)}, ("same", "نخست", 2)),
        ({"revision": 3}, ("changed", "دوم", 3)),
        ({"revision": 2}, ("same", "نخست", 2)),
        ({"revision": 1}, ("same", "نخست", 2)),
        ({"fetched": None, "modified": None, "revision": None}, ("same", "نخست", 2)),
        ({"fetched": LATER, "complete": False}, ("same", "نخست", 2)),
    ],
    ids=str,
)
def test_what_a_line_says_of_its_age_decides(
    facts: dict[str, Any], becomes: tuple[str, str, int], store: Store
) -> None:
    assert arrive(store, **facts) == becomes


def test_both_texts_are_kept_and_the_same_line_again_is_known(store: Store) -> None:
    assert arrive(store, fetched=LATER, revision=4)[0] == "changed"
    again = store.articles.save(replace(OURS, text=TEXT + " دوم", fetched=LATER, revision=4), judge(), IMPORT)
    assert again.change == "same"
    kept = [(number, texts["text"].rsplit(" ", 1)[1]) for number, _, texts in store.articles.revisions(again.article)]
    assert kept == [(2, "نخست"), (4, "دوم")]
    assert {match.rule for match in store.articles.matches(again.article)} == {"egov"}


def test_a_seed_that_differs_takes_nothing_from_a_page(store: Store) -> None:
    change, text, _ = arrive(store, fetched=None, modified=None, revision=None, section="از پرونده", province="gilan")
    stands = next(one for _, one in store.articles.each(Selection()))
    assert (change, text, stands.section, stands.province) == ("same", "نخست", "از پرونده", "gilan")


def test_a_selection_is_narrowed_by_province_and_by_evidence_that_stands(store: Store) -> None:
    first = article(province="lorestan", id="1", url=None, title="یکم", text=TEXT + " الف")
    second = article(
        province="gilan", id="2", url=None, title="دوم", text="متنی دیگر بی هیچ واژه‌ای از قاعده‌ها در این استان"
    )
    for one in (first, second, replace(first, text=second.text + " نو")):
        store.articles.save(one, judge(), sighting())

    def chosen(**facts: Any) -> list[str | None]:
        found = [one.id for _, one in store.articles.each(Selection(**facts))]
        assert found == [one.article.id for page in store.evidence.each(Selection(**facts)) for one in page]
        assert store.evidence.count(Selection(**facts)) == len(found)
        return found

    assert chosen(province="lorestan") == ["1"]
    assert chosen(province="gilan") == ["2"]
    assert chosen(rule="egov") == [], "the evidence was in a revision that is no more"
    store.articles.save(first, judge(), sighting())
    assert chosen(rule="egov") == ["1"]
    assert chosen(rule="egov", province="gilan") == []
