"""Who carries a story: in the order in which it was published, in alerts, drafts and commands."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from didban.alert import AnyDraft, Carrier, DigestDraft, Draft
from flows import cli
from storage.store import Store, open_store
from tests.support import NOW, article, judge, sighting

LATER = article(source="mehr", id="6000001", url="https://www.mehrnews.com/news/6000001/x", published=NOW)
UNDATED = article(source="portal", id=None, url=None, published=None, has_time=False)
FIRST = article()


def fill(store: Store) -> None:
    """The story reaches us by its second carrier."""
    for one in (LATER, UNDATED, FIRST):
        store.articles.save(one, judge(), sighting(now=NOW + timedelta(hours=1)))


def carrier(number: int) -> Carrier:
    one = {1: LATER, 2: UNDATED, 3: FIRST}[number]
    return Carrier(source=one.source, id=one.id, url=one.url, published=one.published, article=number)


ALL = (carrier(3), carrier(1), carrier(2))


def test_a_story_knows_who_carried_it_first_and_who_later(store: Store) -> None:
    fill(store)
    (told,) = store.outbox.alerts()
    assert (told.alert.article.source, told.alert.carriers) == ("mehr", ALL)
    assert {number: store.articles.carriers(number) for number in (1, 2, 3, 4)} == {1: ALL, 2: ALL, 3: ALL, 4: ()}


def test_a_message_is_closed_with_all_that_carry_its_story_by_then(store: Store) -> None:
    seen: list[tuple[Carrier, ...]] = []

    def render(draft: AnyDraft) -> tuple[str, ...]:
        assert isinstance(draft, Draft)
        seen.append(draft.carriers)
        return ("said",)

    store.articles.save(LATER, judge(), sighting())
    store.articles.save(FIRST, judge(), sighting())
    store.outbox.close_due(["first"], render, now=NOW)
    assert [[one.source for one in carriers] for carriers in seen] == [["irna", "mehr"]]


def test_the_stories_of_a_digest_know_their_carriers_too(store: Store) -> None:
    seen: list[tuple[Carrier, ...]] = []

    def render(draft: AnyDraft) -> tuple[str, ...]:
        assert isinstance(draft, DigestDraft)
        seen.extend(one.carriers for one in draft.stories)
        return ("said",)

    store.articles.save(LATER, judge(live=False), sighting("backfill"))
    store.articles.save(FIRST, judge(live=False), sighting("backfill"))
    since, until = NOW - timedelta(days=1), NOW + timedelta(days=1)
    store.outbox.announce("x", source="mehr", since=since, until=until, channels={"egov": ["first"]}, now=NOW)
    store.outbox.close_due(["first"], render, now=NOW)
    assert [[one.source for one in carriers] for carriers in seen] == [["irna", "mehr"]]


def test_commands_name_the_carriers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DIDBAN_DATABASE_URL", f"sqlite:///{tmp_path / 'didban.db'}")
    store = open_store(f"sqlite:///{tmp_path / 'didban.db'}")
    fill(store)
    store.close()

    def said(*arguments: str) -> str:
        cli.main(arguments)
        return capfd.readouterr().out

    shown = [
        {"source": "irna", "id": FIRST.id, "url": FIRST.url, "published": "2026-11-21T07:00:00Z", "article": 3},
        {"source": "mehr", "id": LATER.id, "url": LATER.url, "published": "2026-11-21T08:00:00Z", "article": 1},
        {"source": "portal", "id": None, "url": None, "published": None, "article": 2},
    ]
    assert json.loads(said("alerts", "--json"))["carriers"] == shown
    assert json.loads(said("show", "2", "--json"))["carriers"] == shown
    assert said("alerts").splitlines()[-1] == "  also carried by irna, portal"
    assert said("show", "2").splitlines()[-4:] == [
        "carried by",
        f"  irna · 3 · ۳۰ آبان ۱۴۰۵ · {FIRST.url}",
        f"  mehr · 1 · ۳۰ آبان ۱۴۰۵ · {LATER.url}",
        "  portal · 2 · تاریخ نامعلوم",
    ]
