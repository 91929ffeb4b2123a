"""What officers say of alerts: kept, changed, taken back, counted; and what becomes of it where two stories are one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from didban.errors import InputError
from storage.copying import copy
from storage.database import Database
from storage.labels import Count
from storage.store import Store
from tests.support import NOW, TEXT, article, judge, sighting
from tests.support_stories import story

LATER = NOW + timedelta(hours=1)


def raise_alert(store: Store, **facts: Any) -> int:
    store.articles.save(article(**facts), judge(), sighting())
    return store.outbox.alerts()[0].id


def test_what_is_said_of_an_alert_is_kept_with_the_sentence_that_it_is_said_of(store: Store) -> None:
    alert = raise_alert(store)
    key = store.labels.say(alert, relevant=False, by="web", now=NOW)
    assert key == store.outbox.alerts()[0].alert.story
    label = store.labels.of([alert])[alert]
    assert (label.relevant, label.sentences, label.by, label.at) == (False, (TEXT,), "web", NOW)
    ((again, of),) = store.labels.of_rule("egov")
    assert (again, of.title, of.story) == (label, "یک تیتر", key)
    assert store.labels.of_rule("other") == []


def test_the_last_word_counts_and_may_be_taken_back(store: Store) -> None:
    one = raise_alert(store)
    two = raise_alert(store, id="2", url=None, text="متنی دیگر دربارهٔ دولت الکترونیک است که هیچ رونوشتی ندارد.")
    store.labels.say(one, relevant=False, by="a", now=NOW)
    store.labels.say(two, relevant=False, by="a", now=NOW)
    store.labels.say(one, relevant=True, by="b", now=LATER)
    assert store.labels.counts() == {"egov": Count(labelled=2, relevant=1)}
    assert store.labels.of([one])[one].by == "b"
    assert [label.alert for label, _ in store.labels.of_rule("egov", limit=1)] == [one]
    store.labels.say(one, relevant=None, by="b", now=LATER)
    assert store.labels.counts() == {"egov": Count(labelled=1, relevant=0)}
    assert list(store.labels.of([one, two])) == [two]


def test_of_an_alert_that_is_none_nothing_is_said(store: Store) -> None:
    with pytest.raises(InputError, match="there is no alert 7"):
        store.labels.say(7, relevant=True, by="web", now=NOW)
    assert store.labels.counts() == {}


def test_an_article_without_a_full_stop_does_not_fill_a_label(store: Store) -> None:
    alert = raise_alert(store, text="دولت الکترونیک " * 5000)
    store.labels.say(alert, relevant=True, by="web", now=NOW)
    assert [len(one) for one in store.labels.of([alert])[alert].sentences] == [2000]


@pytest.mark.parametrize("last", ["older", "younger", "only younger"])
def test_where_two_stories_are_one_what_was_said_last_is_said_of_both(store: Store, last: str) -> None:
    first, second = story("a"), story("b", source="mehr")
    numbers = {}
    for name, one in (("older", first), ("younger", second)):
        store.articles.save(one, judge(), sighting())
        numbers[name] = store.outbox.alerts()[0].id
    store.labels.say(numbers["younger"], relevant=True, by="y", now=LATER if "younger" in last else NOW)
    if last != "only younger":
        store.labels.say(numbers["older"], relevant=False, by="o", now=LATER if last == "older" else NOW)
    store.articles.save(replace(second, text=first.text), judge(), sighting())
    (label,) = [label for label, _ in store.labels.of_rule("egov")]
    assert (label.alert, label.by) == (numbers["older"], "o" if last == "older" else "y")
    assert store.labels.counts()["egov"].labelled == 1
    # A page that was opened before still names the alert that stayed behind.
    store.labels.say(numbers["younger"], relevant=None, by="y", now=LATER)
    assert store.labels.counts() == {}


def test_a_label_goes_along_into_another_database(store: Store, databases: Callable[[], str]) -> None:
    alert = raise_alert(store)
    store.labels.say(alert, relevant=False, by="web", now=NOW)
    with closing(Database(databases())) as target:
        copy(store.database, target)
        assert Store(target).labels.of([alert]) == store.labels.of([alert]) != {}
