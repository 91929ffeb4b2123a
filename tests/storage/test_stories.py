"""Which articles carry one story, and what becomes of two stories that turn out to be one."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from didban.alert import AnyDraft, Draft
from didban.article import Article
from didban.copies import COMMON, imprint
from storage import stories, tables
from storage.articles import Arrived
from storage.checking import check
from storage.store import Store, open_store
from tests.support import NOW, article, judge, sighting
from tests.support_stories import said, story

BOTH = {"egov": "دولت الکترونیک", "post": "پست بانک"}


def save(
    store: Store, *articles: Article, words: dict[str, str] | None = None, live: bool = True, **judged
) -> list[str]:
    """The stories' keys, as the articles are saved one by one."""
    return [store.articles.save(one, judge(words, live=live, **judged), sighting()).story for one in articles]


def partition(store: Store) -> set[frozenset[str]]:
    """Which articles carry one story, by their addresses."""
    with store.database.read() as connection:
        rows = connection.execute(select(tables.article.c.story, tables.article.c.url).order_by(tables.article.c.story))
        return {
            frozenset(row.url for row in carrying) for _, carrying in itertools.groupby(rows, lambda row: row.story)
        }


def whole(store: Store) -> None:
    """The keys agree with the articles, and every alert of a rule and a story is one."""
    found = check(store.database)
    assert found.problems == ()


def states(store: Store) -> list[tuple[str, bool, dict[str, str]]]:
    return [(told.alert.rule, told.alert.live, told.channels) for told in reversed(store.outbox.alerts())]


def close(store: Store, *channels: str, now=NOW) -> list[Draft]:
    drafts: list[Draft] = []

    def render(draft: AnyDraft) -> tuple[str, ...]:
        assert isinstance(draft, Draft)
        drafts.append(draft)
        return (draft.key,)

    store.outbox.close_due(channels or ("first",), render, now=now)
    return drafts


# ── copies ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_near_copy_of_another_source_joins_and_nobody_is_told_again(store: Store) -> None:
    first = store.articles.save(story("a", but=2), judge(), sighting())
    copy = store.articles.save(story("a", source="mehr", but=5), judge(), sighting())
    other = store.articles.save(story("b", source="mehr"), judge(), sighting())
    assert (copy.story, copy.copy, copy.live) == (first.story, True, 0)
    assert (other.copy, other.live) == (False, 1)
    assert [one.source for one in store.articles.carriers(first.article)] == ["irna", "mehr"]
    whole(store)


def test_a_near_copy_of_the_same_source_joins_too(store: Store) -> None:
    first, again = save(store, story("a"), story("a", but=3, at=0.5))
    assert first == again
    whole(store)


def test_a_short_text_is_a_copy_only_when_it_is_equal(store: Store) -> None:
    text = " ".join(said("short", 1))
    assert len(text) < 120
    keys = save(
        store,
        article(text=text),
        article(source="mehr", id="1", url=None, text=text),
        article(source="isna", id="1", url=None, text=f"{text} افزود"),
    )
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize(("days", "one"), [(30, True), (30.1, False), (-30, True), (-30.1, False)])
def test_a_story_takes_copies_within_thirty_days(store: Store, days: float, one: bool) -> None:
    first, later = save(store, story("a"), story("a", source="mehr", at=days, but=1))
    assert (first == later) is one
    whole(store)


def test_the_last_carrier_counts_and_not_the_first(store: Store) -> None:
    assert len(set(save(store, *(story("a", source=f"s{day}", at=day) for day in (0, 25, 50, 75))))) == 1


def test_editions_of_a_report_are_stories_of_their_own(store: Store) -> None:
    lines = said("report")

    def edition(day: int) -> Article:
        text = "\n".join(
            f"{line[:-1]} {number * 7 + day * 13} و {day + number} واحد شد." for number, line in enumerate(lines)
        )
        return story(f"report {day}", at=day, text=text)

    keys = save(store, edition(1), edition(2), edition(3))
    assert len(set(keys)) == 3
    assert save(store, replace(edition(2), source="mehr", id="m", url="https://m/", title="دیگر")) == [keys[1]]
    whole(store)


def frame(source: str) -> list[str]:
    return said(f"frame of {source}", 3)


def framed(seed: object, source: str, at: float = 0, **facts) -> Article:
    """A short story in what its site prints under every article."""
    return story(seed, source=source, at=at, text="\n".join([*said(seed, 3), *frame(source)]), **facts)


def test_a_sites_frame_is_no_story_and_hides_none(store: Store) -> None:
    """Three sentences of its own, three of its site; a copy has another site's three."""
    sources = ("irna", "ostan_lr")
    for number, source in itertools.product(range(COMMON + 1), sources):
        save(store, framed(f"{source} {number}", source))
    before = len(partition(store))
    first, other, copy = save(store, framed("a", "irna"), framed("b", "irna"), framed("a", "ostan_lr"))
    assert first == copy != other
    assert len(partition(store)) == before + 2
    whole(store)


def test_many_copies_of_one_story_in_one_source_make_no_frame_of_it(store: Store) -> None:
    keys = save(store, *(story("a", at=day / 10, but=day % 5) for day in range(2 * COMMON)))
    assert len({*keys, *save(store, story("a", source="mehr"))}) == 1
    whole(store)


def test_a_story_that_a_document_names_is_taken_at_its_word(store: Store) -> None:
    first, named = save(store, story("a"), story("a", source="mehr", story="0123456789abcdef"))
    again = save(store, story("b", source="isna", story="0123456789abcdef"))
    assert [named, *again] == ["0123456789abcdef"] * 2 != [first] * 2
    whole(store)


def test_a_merged_storys_key_still_leads_to_it(store: Store) -> None:
    older, younger = save(store, story("a", but=0), story("x", source="mehr"))
    save(store, story("a", source="mehr", id=story("x", source="mehr").id))
    assert save(store, story("c", source="isna", story=younger)) == [older]
    whole(store)


# ── merging ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def part(seed: object, **facts) -> Article:
    """What a listing says of a story, behind a wall."""
    return replace(story(seed, **facts), text="", lead="دولت الکترونیک", complete=False)


def test_a_partial_article_completed_into_a_told_story_tells_nobody_again(store: Store) -> None:
    (told,) = save(store, story("a"))
    assert len(close(store)) == 1
    (alone,) = save(store, part("a", source="mehr"))
    assert alone != told
    merged = store.articles.save(story("a", source="mehr", but=4), judge(), sighting())
    assert (merged.change, merged.story, merged.live) == ("completed", told, 0)
    assert states(store) == [("egov", True, {"first": "open"}), ("egov", True, {"first": "cancelled"})]
    assert {one.alert.story for one in store.outbox.alerts()} == {told}
    assert close(store) == []
    whole(store)


def test_an_edit_that_makes_a_copy_merges_and_one_that_unmakes_it_does_not_part(store: Store) -> None:
    first, other = save(store, story("a"), story("b", source="mehr"))
    assert first != other
    number = story("b", source="mehr").id
    copied = story("a", source="mehr", id=number, but=1)
    assert save(store, copied) == [first]
    assert len(partition(store)) == 1
    away = story("c", source="mehr", id=number)
    assert save(store, away) == [first]
    assert save(store, story("c", source="isna")) == [first], "what the story carries now"
    whole(store)


def test_a_copy_of_two_stories_makes_them_one(store: Store) -> None:
    lines = said("a", 8)
    halves = [story("a", source=f"s{half}", text="\n".join(lines[4 * half : 4 * half + 4])) for half in (0, 1)]
    first, second = save(store, *halves)
    assert first != second
    assert save(store, story("a")) == [first]
    assert len(partition(store)) == 1
    whole(store)


def two_stories_then_one(store: Store, older: Callable[[], object], younger: Callable[[], object]) -> None:
    """Two stories are saved, each as it says, and then the younger is edited into a copy of the older."""
    older()
    younger()
    assert len(partition(store)) == 2
    save(store, story("a", source="mehr", id="7", but=2))
    assert len(partition(store)) == 1
    whole(store)


def test_of_two_alerts_that_wait_one_is_told(store: Store) -> None:
    two_stories_then_one(
        store,
        lambda: save(store, story("a")),
        lambda: save(store, story("b", source="mehr", id="7")),
    )
    assert states(store) == [("egov", True, {"first": "waiting"}), ("egov", True, {"first": "cancelled"})]
    assert [[one.rule for one in draft.alerts] for draft in close(store)] == [["egov"]]


def test_what_the_younger_has_told_is_not_told_again(store: Store) -> None:
    def younger() -> None:
        save(store, story("b", source="mehr", id="7"))
        close(store)
        message = store.outbox.take(("first",), owner="x", now=NOW, lease=timedelta(minutes=1))
        assert message is not None
        store.outbox.sent(message, now=NOW)

    save(store, story("a"))
    with store.database.write() as connection:  # the older waits for its hour
        connection.execute(tables.notification.update().values(due_at=NOW + timedelta(hours=1)))
    two_stories_then_one(store, lambda: None, younger)
    assert states(store) == [("egov", True, {"first": "cancelled"}), ("egov", True, {"first": "sent"})]
    assert close(store, now=NOW + timedelta(days=1)) == []


def test_a_closed_message_that_nobody_tried_to_send_is_closed_anew(store: Store) -> None:
    """The younger story had two topics; the older has told one of them."""

    def younger() -> None:
        save(store, story("b", source="mehr", id="7", lead="پست بانک"), words=BOTH)
        assert [one.rule for one in close(store)[0].alerts] == ["egov", "post"]

    two_stories_then_one(store, lambda: (save(store, story("a")), close(store)), younger)
    assert store.outbox.states() == {"open": 1, "waiting": 1}
    (draft,) = close(store)
    assert [one.rule for one in draft.alerts] == ["egov", "post"], "it joins the older's, which nobody tried either"
    assert states(store) == [
        ("egov", True, {"first": "open"}),
        ("egov", True, {"first": "cancelled"}),
        ("post", True, {"first": "open"}),
    ]


def test_a_rule_that_only_the_younger_matched_is_told_as_a_follow_up(store: Store) -> None:
    def told(*articles: Article) -> None:
        save(store, *articles, words=BOTH)
        close(store)
        message = store.outbox.take(("first",), owner="x", now=NOW, lease=timedelta(minutes=1))
        assert message is not None
        store.outbox.sent(message, now=NOW)

    two_stories_then_one(
        store,
        lambda: told(story("a")),
        lambda: save(store, story("b", source="mehr", id="7", lead="پست بانک"), words=BOTH),
    )
    (draft,) = close(store)
    assert ([one.rule for one in draft.alerts], draft.follow_up) == (["post"], True)


def test_a_live_alert_is_not_lost_in_an_archived_one(store: Store) -> None:
    two_stories_then_one(
        store,
        lambda: save(store, story("a"), live=False),
        lambda: save(store, story("b", source="mehr", id="7")),
    )
    assert states(store) == [("egov", True, {"first": "waiting"}), ("egov", True, {})]
    (draft,) = close(store)
    assert draft.article.source == "mehr"


def test_an_archived_alert_that_was_told_in_a_digest_is_not_told_again(store: Store) -> None:
    def older() -> None:
        save(store, story("a"), live=False)
        days = {"since": NOW - timedelta(days=1), "until": NOW + timedelta(days=1)}
        store.outbox.announce("x", source="irna", **days, channels={"egov": ["first"]}, now=NOW)
        store.outbox.close_due(["first"], lambda draft: (draft.key,), now=NOW)

    two_stories_then_one(store, older, lambda: save(store, story("b", source="mehr", id="7")))
    assert states(store) == [("egov", True, {"first": "open"}), ("egov", True, {"first": "cancelled"})]
    assert close(store) == []


def test_a_chain_of_merges_leads_to_the_oldest(store: Store) -> None:
    keys = save(store, *(story(name, source="mehr", id=name) for name in "abc"))
    save(store, story("b", source="mehr", id="c"), story("a", source="mehr", id="b"))
    assert {one.story for one in (store.articles.get(number) for number in (1, 2, 3)) if one} == {keys[0]}
    assert {told.alert.story for told in store.outbox.alerts()} == {keys[0]}
    with store.database.read() as connection:
        merged = connection.execute(select(tables.story.c.id, tables.story.c.merged_into)).tuples().all()
    assert dict(merged) == {1: None, 2: 1, 3: 1}
    whole(store)


# ── order ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def copies(seed: int) -> list[Article]:
    """Some dated copies of four stories, by several sources over four months."""
    pick = random.Random(seed)
    return [
        story(
            f"{seed} {pick.randrange(4)}",
            source=pick.choice(("irna", "mehr", "isna", "ostan_lr")),
            at=pick.randrange(120),
            id=str(number),
            url=f"https://x/{number}",
            but=pick.choice((None, *range(8))),
        )
        for number in range(18)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_arrival_does_not_change_who_carries_what(databases: Callable[[], str], seed: int) -> None:
    pick, found = random.Random(seed), []
    arrived = copies(seed)
    for _ in range(3):
        with closing(open_store(databases())) as store:
            groups = [arrived[at : at + 5] for at in range(0, len(arrived), 5)]
            for group in groups:
                store.articles.save_all([Arrived(article=one, sighting=sighting()) for one in group], judge())
            found.append(partition(store))
            whole(store)
            assert len(found[-1]) == _count(store, "SELECT count(*) FROM story WHERE merged_into IS NULL")
        pick.shuffle(arrived)
    assert found[0] == found[1] == found[2]
    assert 4 < len(found[0]) < 18, "some are copies, and some came too late"


def _count(store: Store, query: str) -> int:
    with store.database.read() as connection:
        return connection.exec_driver_sql(query).scalar_one()


def test_an_undated_copy_joins_the_oldest_story_and_merges_none(store: Store) -> None:
    first, second = save(store, story("a"), story("a", at=60, source="mehr"))
    assert first != second
    assert save(store, story("a", source="isna", published=None)) == [first]
    assert save(store, story("a", source="irib", at=61)) == [second]
    assert save(store, story("a", source="iqna", at=200)) != [first]
    whole(store)


# ── what the keys are kept by ────────────────────────────────────────────────────────────────────────────────────────


def test_an_edited_articles_keys_are_those_of_its_text(store: Store) -> None:
    save(store, story("a", id="1", but=2))
    save(store, story("b", id="1"))
    with store.database.read() as connection:
        kept = set(connection.scalars(select(tables.sentence.c.key)))
        assert kept == set(imprint(story("b", id="1")).keys)
        assert set(connection.scalars(select(tables.frequency.c.key))) == kept
        assert connection.scalar(select(func.max(tables.frequency.c.stories))) == 1


def test_keys_that_are_not_the_articles_are_seen_and_made_anew(store: Store) -> None:
    save(store, story("a"), story("b"), story("a", source="mehr"))
    with store.database.write() as connection:
        connection.execute(tables.sentence.delete().where(tables.sentence.c.article == 2))
    assert check(store.database).problems == ("frequency does not agree with the articles: run `didban db reindex`",)
    assert store.reindex() == 3
    whole(store)


def test_a_key_that_many_have_is_looked_up_among_the_newest(store: Store) -> None:
    """Equal sentences of sixty sources, none of them a frame: the lookup stays as it is."""
    line = said("everywhere", 1)[0]
    for number in range(60):
        save(store, story(number, source=f"s{number}", text="\n".join([*said(number, 4), line])))
    with store.database.read() as connection:
        (found,) = stories._sharing(connection, imprint(story("x", text=line)).keys).values()
    assert sorted(row.id for row in found) == list(range(11, 61))
