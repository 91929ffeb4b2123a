"""How many messages people get: a day in small, and the five seed documents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.policy import Judge
from alerts.rules import load
from bench import day
from didban.dates import TEHRAN
from didban.seed import read
from didban.settings import DeliverySettings
from storage.store import Store
from tests.support import sighting
from tests.support_delivery import office

THREE_IN_THE_AFTERNOON = datetime(2026, 11, 22, 15, 0, tzinfo=TEHRAN).astimezone(UTC)


def test_of_a_day_every_planted_story_is_told_once_and_nothing_else(tmp_path: Path) -> None:
    start = THREE_IN_THE_AFTERNOON - timedelta(hours=4)
    pieces = day.planted(7, articles=40, stories=10, start=start, hours=(1, 1))
    told = day.replay(tmp_path, pieces, start=start, delivery=DeliverySettings())
    assert (told.articles, told.twice, told.missing, told.false) == (40, 0, 0, 0)
    assert told.carriers > 10
    assert 0 < told.messages <= 10


def test_the_seed_plants_the_same_day_again() -> None:
    plans = [day.planted(seed, articles=30, stories=5, start=THREE_IN_THE_AFTERNOON) for seed in (1, 1, 2)]
    assert plans[0] == plans[1] != plans[2]


def test_the_five_seeds_are_at_most_five_messages_on_a_channel(store: Store, seeds: dict[str, Path]) -> None:
    with office(store, THREE_IN_THE_AFTERNOON, channels=("officer", "desk")) as desk:
        judge = Judge(
            load(), window=timedelta.max, channels=tuple(desk.channels), home="lorestan", delivery=desk.delivery
        )
        for path in seeds.values():
            store.articles.save(read(path.read_bytes()).article, judge, sighting(now=desk.clock()))
        desk.forward(timedelta(days=2), every=timedelta(hours=3))
        alerts = store.outbox.alerts()
        assert len({told.alert.rule for told in alerts}) > 5
        for inbox in desk.channels.values():
            assert 0 < len(inbox.sent) <= 5
            assert len(inbox.stories()) == len({told.alert.story for told in alerts})


def test_the_five_seeds_told_at_once_are_at_most_five_messages(store: Store, seeds: dict[str, Path]) -> None:
    with office(store, THREE_IN_THE_AFTERNOON, gather="0s", digests=[], quiet="") as desk:
        judge = Judge(load(), window=timedelta.max, channels=("officer",), home="lorestan", delivery=desk.delivery)
        for path in seeds.values():
            store.articles.save(read(path.read_bytes()).article, judge, sighting(now=desk.clock()))
            desk.deliver()
        assert 0 < len(desk.inbox.sent) <= 5
