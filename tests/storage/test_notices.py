"""Notices: a state's change is told once, and its end once; a hiccup is not told; a network that is away is told instead."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from alerts.channels.json_part import json_parts
from didban.alert import AnyDraft
from didban.article import Link, Listed, Listing, Page
from didban.health import Reading, State, Verdict
from storage import tables
from storage.links import Waiting
from storage.notices import GRACE
from storage.store import Store
from tests.support import NOW, TEXT, article, judge, sighting

LEASE = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)


def render(draft: AnyDraft) -> tuple[str, ...]:
    return json_parts(draft, {"irna": "ایرنا"})


@dataclass
class Desk:
    """Passes over sources, and what has been closed into messages for the operator."""

    store: Store
    now: datetime = NOW
    told: list[str] = field(default_factory=list)

    def ends(self, key: str, state: State, *, answered: bool = True, detail: str = "") -> bool:
        """A pass over a source ends with this verdict; a minute passes."""
        self.store.sources.register([key], now=self.now)
        self.store.sources.take([key], owner="me", now=self.now, lease=LEASE, even_if_not_due=True)
        verdict = Verdict(state=state, detail=detail, answered=answered)
        changed = self.store.sources.finish(
            key, verdict, owner="me", now=self.now, due=self.now, whole=answered, operator=("first", "second")
        )
        self.now += MINUTE
        return changed

    def deliver(self, channel: str = "first") -> list[str]:
        """`source: before → state` of each message now due."""
        self.store.outbox.close_due((channel,), render, now=self.now)
        told = []
        while message := self.store.outbox.take((channel,), owner="me", now=self.now, lease=LEASE):
            said = json.loads(message.parts[0])["notice"]
            told.append(f"{said['source']}: {said['before']} → {said['state']}")
            self.store.outbox.sent(message, now=self.now)
        return told


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


def test_trouble_and_its_end_are_each_told_once_on_every_channel(desk: Desk) -> None:
    assert not desk.deliver()
    assert desk.ends("irna", "healthy")
    assert desk.ends("irna", "blocked", detail="a wall")
    assert not desk.ends("irna", "blocked", detail="another wall")
    assert desk.deliver() == ["irna: healthy → blocked"]
    assert desk.deliver("second") == ["irna: healthy → blocked"]
    assert not desk.deliver()
    desk.ends("irna", "healthy")
    desk.ends("irna", "healthy")
    assert desk.deliver() == ["irna: blocked → healthy"]


def test_a_notice_is_one_message_that_says_all_of_it(desk: Desk) -> None:
    desk.ends("irna", "blocked", detail="https://www.irna.ir/rss: a wall")
    desk.store.outbox.close_due(("first",), render, now=desk.now)
    message = desk.store.outbox.take(("first",), owner="me", now=desk.now, lease=LEASE)
    assert message is not None
    said = json.loads(message.parts[0])
    assert said == {
        "key": message.key,
        "kind": "notice",
        "channel": "first",
        "notice": {
            "source": "irna",
            "state": "blocked",
            "before": "new",
            "since": "2026-11-21T08:00:00Z",
            "detail": "https://www.irna.ir/rss: a wall",
            "fields": [],
            "pages": [],
        },
        "text": said["text"],
    }
    assert said["text"].startswith("دیده\N{ZERO WIDTH NON-JOINER}بان · ایرنا: بسته به روی ما\n")
    assert said["text"].endswith("\nhttps://www.irna.ir/rss: a wall")


def test_quiet_is_written_down_and_not_told(desk: Desk) -> None:
    desk.ends("irna", "healthy")
    desk.ends("irna", "quiet")
    desk.ends("irna", "healthy")
    assert desk.deliver() == []
    assert [(notice.before, notice.state) for _, notice in desk.store.notices()] == [
        ("quiet", "healthy"),
        ("healthy", "quiet"),
    ]


def test_a_site_that_answers_again_within_minutes_is_not_told(desk: Desk) -> None:
    desk.ends("irna", "healthy")
    desk.ends("irna", "unreachable")
    assert desk.deliver() == []
    desk.ends("irna", "healthy")
    desk.now += GRACE
    assert desk.deliver() == []


def test_a_site_that_stays_away_is_told_and_so_is_its_return(desk: Desk) -> None:
    desk.ends("irna", "healthy")
    desk.ends("irna", "unreachable")
    desk.now += GRACE
    assert desk.deliver() == ["irna: healthy → unreachable"]
    desk.ends("irna", "healthy")
    assert desk.deliver() == ["irna: unreachable → healthy"]


def test_a_hiccup_between_two_passes_of_one_trouble_does_not_tell_it_again(desk: Desk) -> None:
    desk.ends("irna", "silent")
    assert desk.deliver() == ["irna: new → silent"]
    desk.ends("irna", "unreachable")
    desk.ends("irna", "silent")
    desk.now += GRACE
    assert desk.deliver() == []


def test_most_sources_away_together_is_one_notice_and_one_when_they_are_back(desk: Desk) -> None:
    for key in ("irna", "mehr", "ostan_lr"):
        desk.ends(key, "healthy")
    desk.now += GRACE
    for key in ("irna", "mehr", "ostan_lr"):
        desk.ends(key, "unreachable", answered=False)
    assert desk.deliver() == ["None: online → offline"]
    desk.now += GRACE
    for key in ("irna", "mehr", "ostan_lr"):
        desk.ends(key, "unreachable", answered=False)
    desk.now += GRACE
    assert desk.deliver() == []
    for key in ("irna", "mehr", "ostan_lr"):
        desk.ends(key, "healthy")
    desk.now += GRACE
    assert desk.deliver() == ["None: offline → online"]


def test_a_source_that_stays_away_when_the_network_is_back_is_told_then(desk: Desk) -> None:
    for key in ("irna", "mehr", "ostan_lr"):
        desk.ends(key, "unreachable", answered=False)
    desk.deliver()
    desk.now += GRACE
    desk.ends("irna", "healthy")
    desk.ends("mehr", "healthy")
    desk.ends("ostan_lr", "unreachable", answered=False)
    desk.now += GRACE
    assert sorted(desk.deliver()) == ["None: offline → online", "ostan_lr: new → unreachable"]


def test_servers_that_answer_badly_are_no_missing_network(desk: Desk) -> None:
    for key in ("irna", "mehr", "ostan_lr"):
        desk.ends(key, "unreachable", answered=True)
    desk.now += GRACE
    assert len(desk.deliver()) == 3
    assert all(notice.source for _, notice in desk.store.notices())


def test_one_source_alone_is_not_the_network(desk: Desk) -> None:
    desk.ends("irna", "unreachable", answered=False)
    desk.now += GRACE
    assert desk.deliver() == ["irna: new → unreachable"]


def test_a_pass_that_lost_its_lease_changes_and_tells_nothing(desk: Desk) -> None:
    desk.ends("irna", "healthy")
    desk.store.sources.take(["irna"], owner="other", now=desk.now, lease=LEASE)
    assert not desk.store.sources.finish(
        "irna", Verdict(state="blocked"), owner="me", now=desk.now, due=desk.now, whole=False, operator=("first",)
    )
    assert desk.store.sources.states()[0].state == "healthy"
    assert desk.deliver() == []


def test_a_single_pass_does_not_wait_for_better_news(desk: Desk) -> None:
    desk.ends("irna", "unreachable")
    desk.store.outbox.hasten(now=desk.now, gathered=desk.now)
    assert desk.deliver() == ["irna: new → unreachable"]


def test_notices_and_alerts_go_out_side_by_side(desk: Desk) -> None:
    desk.store.articles.save(article(), judge(), sighting())
    desk.ends("irna", "blocked")
    desk.store.outbox.close_due(("first",), render, now=desk.now)
    assert desk.store.outbox.states() == {"open": 2, "waiting": 1}  # the second channel's
    kinds = []
    while message := desk.store.outbox.take(("first",), owner="me", now=desk.now, lease=LEASE):
        kinds.append(json.loads(message.parts[0])["kind"])
    assert sorted(kinds) == ["notice", "story"]


# ── history ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def link(store: Store, number: str, via: str = "watch") -> Waiting:
    """A link as the watch noted it, ready to be saved."""
    store.sources.register(["irna"], now=NOW)
    url = f"https://www.irna.ir/news/{number}/x"
    listing = Listing(source="irna", url="https://www.irna.ir/rss")
    page = Page(url=listing.url, body=number.encode(), fetched=NOW)
    listed = Listed(links=(Link(source="irna", id=number, url=url, title=number),))
    store.links.note(listing, listed, page, older=None, now=NOW)
    if via != "watch":
        with store.database.write() as connection:
            connection.execute(update(tables.link).where(tables.link.c.key == number).values(via=via))
    taken = store.links.take("irna", owner="me", now=NOW, lease=LEASE, limit=20)
    return next(one for one in taken if one.link.id == number)


def save(store: Store, number: str, *, ago: timedelta, via: str = "watch", now: datetime = NOW, **facts) -> None:
    waiting = link(store, number, via)
    page = Page(url=waiting.link.url, body=number.encode(), fetched=NOW - ago)
    given = {"id": number, "url": waiting.link.url, "text": f"{TEXT} {number}", "published": NOW - ago}
    arrived = article(**(given | facts))
    road = "watch" if via == "watch" else "backfill"
    store.articles.save(arrived, judge({}), sighting(road, now=now), page=page, link=waiting.id)


def test_the_history_counts_the_watchs_articles_by_their_day_in_tehran(store: Store) -> None:
    midnight = NOW - timedelta(hours=11, minutes=30)  # 00:00 in Tehran
    save(store, "1", ago=NOW - midnight)
    save(store, "2", ago=NOW - midnight + MINUTE)
    save(store, "3", ago=timedelta(days=1))
    save(store, "4", ago=timedelta(days=400))
    save(store, "5", ago=timedelta(hours=1), via="backfill")
    save(store, "6", ago=timedelta(hours=2), published=NOW + timedelta(days=30))
    save(store, "7", ago=timedelta(hours=2), published=None)
    history = store.sources.history("irna")
    assert {str(day): count for day, count in history.days.items()} == {"2026-11-20": 2, "2026-11-21": 3}
    assert history.last == NOW, "a date in the future is not believed"
    assert store.sources.history("mehr").last is None


def test_the_history_says_how_the_newest_pages_were_read(store: Store) -> None:
    save(store, "1", ago=timedelta(hours=3), lead="", tags=("a",))
    save(store, "2", ago=timedelta(hours=2))
    save(store, "3", ago=timedelta(hours=1), via="backfill")
    broken = link(store, "4")
    for ago in (2, 1, 0):  # fetched again and again, never the same bytes
        page = Page(url=broken.link.url, body=bytes([ago]), fetched=NOW - ago * MINUTE)
        store.links.put_off(broken, reason="no text", due=None, page=page, field="text")
    newest, second, third = store.sources.history("irna").readings
    assert newest == Reading(url=page.url, fetched=NOW, missed="text")
    assert second.found == {"title", "lead", "text", "published", "id"}
    assert third.found == {"title", "text", "published", "id", "tags"}
