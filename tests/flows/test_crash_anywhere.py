"""`kill -9` between any two steps, then another run: every article and alert once, every message at least once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from demo.site import Site
from tests.flows.support_processes import Bench, Kill, Receiver, Zygote, command, started

ARTICLES = 15  # IRNA's, in the demo
MESSAGES = 2

STEPS: tuple[Kill, ...] = (
    ("Sources.take", "after", 1),
    ("Fetcher.fetch", "after", 1),  # the feed has come
    ("Links.note", "inside", 1),
    ("Links.note", "after", 1),  # from here on the feed says 304
    ("Links.take", "after", 1),
    ("Fetcher.fetch", "after", 2),  # the first article has come
    ("Articles.save_all", "after", 1),
    ("Articles.save_all", "inside", 2),  # one that raises alerts
    ("Articles.save_all", "after", 2),
    ("Sources.finish", "before", 1),
    ("Sources.finish", "inside", 1),
    ("Sources.finish", "after", 1),
    ("Outbox.close_due", "inside", 2),
    ("Outbox.close_due", "after", 2),
    ("Outbox.take", "inside", 2),
    ("Outbox.take", "after", 2),
    ("WebhookChannel.send", "before", 1),
    ("WebhookChannel.send", "after", 1),
    ("Outbox.part_sent", "inside", MESSAGES),
    ("Outbox.sent", "inside", 1),
    ("Outbox.sent", "after", 1),
)
TAKEN_AND_NOT_WRITTEN_DOWN = {("WebhookChannel.send", "after"), ("Outbox.part_sent", "inside")}


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as running:
        yield running


@pytest.fixture
def bench(zygote: Zygote, tmp_path: Path) -> Iterator[Bench]:
    with Site() as site, Receiver() as receiver:
        yield Bench(zygote, site, receiver, tmp_path)


@pytest.fixture(scope="module")
def undisturbed(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[tuple[str, str]], set[str]]:
    """The alerts and the messages' keys of a run that nobody kills."""
    with Site() as site, Receiver() as receiver:
        bench = Bench(zygote, site, receiver, tmp_path_factory.mktemp("undisturbed"))
        bench.well("watch", "irna")
        assert bench.stored("irna") == bench.published("irna")
        assert len(receiver.keys) == len(receiver.bodies) == MESSAGES
        assert len(bench.alerts) == 12
        return bench.alerts, set(receiver.keys)


@pytest.mark.parametrize("kill", STEPS, ids=lambda kill: "-".join(map(str, kill)))
def test_a_run_killed_at_a_step_is_made_good_by_the_next(
    kill: Kill, bench: Bench, undisturbed: tuple[list[tuple[str, str]], set[str]]
) -> None:
    bench.killed("watch", "irna", kill=kill)
    noted = bool(bench.rows("SELECT * FROM listing"))
    saved = len(bench.stored("irna"))
    before = len(bench.site.requests)

    bench.well("watch", "irna")

    alerts, keys = undisturbed
    assert bench.asked("/rss", before) == [304 if noted else 200]
    assert len(bench.asked("/news/.*", before)) == ARTICLES - saved
    assert bench.stored("irna") == bench.published("irna")
    assert bench.alerts == alerts
    assert bench.rows("SELECT max(number), count(*) FROM revision") == [(1, ARTICLES)]
    assert set(bench.receiver.bodies) == keys
    repeats = len(bench.receiver.keys) - MESSAGES
    assert repeats == (kill[:2] in TAKEN_AND_NOT_WRITTEN_DOWN)
    bench.settled()


@pytest.mark.parametrize(
    "kill", [kill for kill in STEPS if kill[1] == "inside"], ids=lambda kill: "-".join(map(str, kill))
)
def test_on_postgresql_too_what_was_not_committed_is_made_good(
    kill: Kill, bench: Bench, postgres_url: str, undisturbed: tuple[list[tuple[str, str]], set[str]]
) -> None:
    test_a_run_killed_at_a_step_is_made_good_by_the_next(kill, replace(bench, database=postgres_url), undisturbed)


def test_killed_again_and_again_it_still_ends_well(
    bench: Bench, undisturbed: tuple[list[tuple[str, str]], set[str]]
) -> None:
    for kill in (
        ("Links.note", "inside", 1),
        ("Links.note", "after", 1),
        ("Articles.save_all", "inside", 1),
        ("Articles.save_all", "after", 1),
        ("Articles.save_all", "after", 1),
        ("Outbox.close_due", "inside", 1),
        ("WebhookChannel.send", "after", 1),
        ("WebhookChannel.send", "after", 1),
        ("Sources.finish", "before", 1),
    ):
        bench.killed("watch", "irna", kill=kill)
    bench.well("watch", "irna")
    alerts, keys = undisturbed
    assert bench.stored("irna") == bench.published("irna")
    assert bench.alerts == alerts
    assert set(bench.receiver.bodies) == keys
    assert len(bench.receiver.keys) == MESSAGES + 2
    bench.settled()


def test_an_article_that_appeared_before_a_crash_is_told_after_it(bench: Bench) -> None:
    """Past the first pass: the feed's change is noted, the process dies, the feed then says 304."""
    bench.well("watch")
    told = len(bench.receiver.keys)
    for _ in range(3):
        bench.site.grow()
    bench.killed("watch", kill=("Links.note", "after", 3))
    bench.killed("notify", kill=("Sources.release", "after", 1))
    bench.well("watch")
    for source in ("irna", "mehr", "ostan_lr"):
        assert bench.stored(source) == bench.published(source)
    assert len(bench.receiver.keys) == len(bench.receiver.bodies) == told + 3
    bench.settled()


def test_notify_alone_delivers_what_a_killed_watch_left(
    bench: Bench, undisturbed: tuple[list[tuple[str, str]], set[str]]
) -> None:
    bench.killed("watch", "irna", kill=("Outbox.close_due", "before", 2))
    assert bench.receiver.keys == []
    bench.well("notify")
    assert sorted(bench.receiver.keys) == sorted(undisturbed[1])
    bench.well("notify")
    assert len(bench.receiver.keys) == MESSAGES


def test_two_watches_at_once_do_everything_once(bench: Bench) -> None:
    runs = bench.together(["watch", "--json"], ["watch", "--json"], ["watch", "--json"])
    assert [run.code for run in runs] == [0, 0, 0]
    for source in ("irna", "mehr", "ostan_lr"):
        assert bench.stored(source) == bench.published(source)
    assert len(bench.asked("/news/.*|/index.php/fa/news/.*")) == 39, "an article was asked for twice"
    new = [json.loads(run.output.splitlines()[-1])["new"] for run in runs]
    assert sum(new) == 39
    assert len(bench.alerts) == len(set(bench.alerts)) == 29
    assert len(bench.receiver.keys) == len(bench.receiver.bodies) == 5
    bench.settled()


def test_three_watches_at_once_on_postgresql_do_everything_once(bench: Bench, postgres_url: str) -> None:
    test_two_watches_at_once_do_everything_once(replace(bench, database=postgres_url))


def test_a_watch_beside_a_killed_one_and_a_backfill_beside_both(bench: Bench) -> None:
    bench.killed("watch", kill=("Articles.save_all", "after", 2))
    days = ("--since", "1405-05-12", "--until", "1405-05-19")
    runs = bench.together(["watch"], ["backfill", "irna", *days], ["backfill", "mehr", *days])
    assert [run.code for run in runs] == [0, 0, 0], [run.output for run in runs]
    bench.well("watch")
    for source in ("irna", "mehr", "ostan_lr"):
        assert bench.stored(source) == bench.published(source)
    assert len(bench.alerts) == len(set(bench.alerts)) == 29
    assert len(bench.receiver.keys) == len(bench.receiver.bodies) == 5
    bench.settled()


def test_a_process_as_a_person_starts_it_dies_the_same_way(
    tmp_path: Path, undisturbed: tuple[list[tuple[str, str]], set[str]]
) -> None:
    """Killed by the receiver of its first message, before that has answered."""
    with Site() as site, Receiver() as receiver:
        bench = Bench(Zygote(), site, receiver, tmp_path)
        first = started("watch", "irna", environment=bench.environment)
        receiver.first = first.kill
        printed = first.communicate(timeout=60)
        assert first.returncode == -9, printed
        again = command("watch", "irna", environment=bench.environment)
        assert again.returncode == 0, again.stderr
        assert bench.asked("/rss") == [200, 304]
        assert len(receiver.keys) == MESSAGES + 1
        assert set(receiver.bodies) == undisturbed[1]
        assert bench.alerts == undisturbed[0]
        bench.settled()
