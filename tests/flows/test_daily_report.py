"""The daily report: once a day, after its hour, to operators who are named; one after a pause, none before a first day."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from alerts.channels.json_part import json_parts
from demo.site import Site
from didban.errors import SettingsError
from didban.health import Verdict
from didban.settings import Settings, load
from flows import report, shift
from storage import tables
from storage.store import Store, open_store
from tests.support import article, judge, sighting

MORNING = datetime(2026, 11, 22, 4, 30, tzinfo=UTC)
"""8:00 in Tehran."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIDBAN_CHANNEL_DESK", "file:desk.jsonl")
    monkeypatch.setenv("DIDBAN_OPERATOR", "desk")
    (tmp_path / "var").mkdir()
    return load()


def begun(store: Store, at: datetime) -> None:
    """A first whole pass."""
    store.sources.register(["irna"], now=at)
    store.sources.take(["irna"], owner="me", now=at, lease=HOUR, even_if_not_due=True)
    store.sources.finish("irna", Verdict(state="healthy"), owner="me", now=at, due=at + HOUR, whole=True)


def delivered(store: Store, at: datetime) -> list[str]:
    store.outbox.close_due(["desk"], lambda draft: json_parts(draft, {}), now=at)
    texts = []
    while message := store.outbox.take(["desk"], owner="me", now=at, lease=HOUR):
        texts.append(json.loads(message.parts[0])["text"])
        store.outbox.sent(message, now=at)
    return texts


def test_it_is_told_once_a_day_after_its_hour(settings: Settings, store: Store) -> None:
    begun(store, MORNING - DAY)
    store.articles.save(article(), judge({}), sighting(now=MORNING - HOUR))
    first_day = [report.tell(settings, store, now=MORNING + HOUR * n) for n in (0, 1, 12, 23)]
    assert first_day == [True, False, False, False]
    (text,) = delivered(store, MORNING)
    assert "خبر تازه در یک روز: ۱ " in text
    assert report.tell(settings, store, now=MORNING + DAY)
    assert len(delivered(store, MORNING + DAY)) == 1


def test_a_pause_brings_one_report_and_an_unsent_one_gives_way(settings: Settings, store: Store) -> None:
    begun(store, MORNING - DAY)
    for days in (0, 1, 6):  # no network for the channel, then nobody was up
        assert report.tell(settings, store, now=MORNING + days * DAY)
    assert len(delivered(store, MORNING + 6 * DAY)) == 1


def test_nothing_is_told_before_there_was_a_day(settings: Settings, store: Store) -> None:
    assert not report.tell(settings, store, now=MORNING)
    begun(store, MORNING + HOUR)
    assert not report.tell(settings, store, now=MORNING + 2 * HOUR)
    assert report.tell(settings, store, now=MORNING + DAY)


def test_whose_hour_it_is() -> None:
    named = {"channels": {"desk": "console:"}, "operator": ("desk",)}
    assert report.due(Settings.model_validate(named), MORNING) == MORNING
    assert report.due(Settings.model_validate(named), MORNING - HOUR) == MORNING - DAY
    assert report.due(Settings.model_validate(named | {"report": "۲۱:۳۰"}), MORNING) == MORNING - 10.5 * HOUR
    for said in (named | {"report": "off"}, named | {"operator": ()}, {"channels": {"officer": "console:"}}):
        assert report.due(Settings.model_validate(said), MORNING) is None


@pytest.mark.parametrize("said", ["8", "25:00", "morning", "08:00:00:00"])
def test_an_hour_that_is_none_is_named(said: str) -> None:
    with pytest.raises(
        SettingsError, match=r"DIDBAN_REPORT: .*(is no time of day: write 07:30|there is no time 25:00)"
    ):
        load({"DIDBAN_REPORT": said})


def test_a_shift_tells_it(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Site() as site:
        monkeypatch.setenv("DIDBAN_HOSTS", site.hosts)
        monkeypatch.setenv("DIDBAN_RATE", "100")
        monkeypatch.setenv("DIDBAN_REPORT", "00:00")
        shift.run(load(), sources=["ostan_lr"])
        opened = open_store(load().store_url)
        with opened.database.write() as connection:
            connection.execute(update(tables.source).values(baseline_at=datetime.now(UTC) - 2 * DAY))
        opened.close()
        for _ in range(2):
            shift.run(load(), sources=["ostan_lr"])
    lines = (tmp_path / "var" / "desk.jsonl").read_text("utf-8").splitlines()
    kinds = [said["notice"]["state"] for line in lines if (said := json.loads(line))["kind"] == "notice"]
    assert kinds.count("report") == 1
