"""One limiter for all processes: requests are never closer than the host's interval allows, and a backfill yields to the watch."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bench.polite import BACKFILL, NEW, SOURCE, WATCH, most_in, room, traffic, watched
from storage.database import Database
from storage.hosts import Hosts
from tests.flows.support_processes import Zygote

# ── the limiter, on a clock of its own ────────────────────────────────────────────────────────────────────────────────

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
INTERVAL = timedelta(seconds=1)
LATE = timedelta(milliseconds=80)
"""A process wakes up so much later than it wanted, at most: a busy machine."""


@dataclass
class Asker:
    """A process that asks a host again and again: between two requests it works for a while."""

    name: str
    yielding: bool
    busy: Callable[[], timedelta]
    since: datetime | None = None
    """When it began to wait for the turn that it has not got yet."""


@dataclass
class Turn:
    at: datetime
    asker: Asker
    since: datetime
    """When it was first asked for."""


@dataclass
class Simulation:
    """Processes that share a limiter, an hour of them in a moment."""

    hosts: Hosts
    pick: random.Random
    turns: list[Turn] = field(default_factory=list)

    def run(self, askers: list[Asker], length: timedelta) -> None:
        queue = [(START + self.late(), number) for number in range(len(askers))]
        heapq.heapify(queue)
        while queue[0][0] < START + length:
            now, number = heapq.heappop(queue)
            asker = askers[number]
            asker.since = asker.since or now
            wait = self.hosts.turn("host", interval=INTERVAL, now=now, yielding=asker.yielding)
            if not wait:
                self.turns.append(Turn(now, asker, asker.since))
                asker.since, wait = None, asker.busy()
            heapq.heappush(queue, (now + wait + self.late(), number))

    def late(self) -> timedelta:
        return LATE * self.pick.random()


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    with closing(Database(f"sqlite:///{tmp_path / 'didban.db'}")) as database:
        database.upgrade()
        yield Hosts(database)


def askers(pick: random.Random, *, backfills: int, watches: int) -> list[Asker]:
    def backfill() -> timedelta:
        return timedelta(seconds=pick.uniform(0, 0.3))

    def watch() -> timedelta:  # now in the midst of its links, now away for a while
        return timedelta(seconds=pick.choice((pick.uniform(0, 0.5), pick.uniform(1, 20))))

    return [
        *(Asker(f"backfill {number}", True, backfill) for number in range(backfills)),
        *(Asker(f"watch {number}", False, watch) for number in range(watches)),
    ]


@pytest.mark.parametrize(("backfills", "watches"), [(1, 0), (4, 0), (3, 1), (2, 3), (0, 3)])
def test_no_two_turns_are_closer_than_the_interval(hosts: Hosts, backfills: int, watches: int) -> None:
    pick = random.Random(f"{backfills} {watches}")
    simulation = Simulation(hosts, pick)
    simulation.run(askers(pick, backfills=backfills, watches=watches), timedelta(minutes=1))
    times = [(turn.at - START).total_seconds() for turn in simulation.turns]
    assert len(times) > (50 if backfills else 10), "hosts stand idle while there is work"
    assert all(later - sooner >= INTERVAL.total_seconds() for sooner, later in pairwise(times))
    assert most_in(times, 10) <= 10 + 1


def test_backfills_share_the_turns_and_none_starves(hosts: Hosts) -> None:
    pick = random.Random(4)
    simulation = Simulation(hosts, pick)
    simulation.run(askers(pick, backfills=4, watches=0), timedelta(minutes=1))
    shares = [sum(turn.asker.name == f"backfill {number}" for turn in simulation.turns) for number in range(4)]
    assert min(shares) > len(simulation.turns) / 4 / 2, shares


def test_a_watch_waits_for_one_turn_of_a_backfill_and_never_for_a_second(hosts: Hosts) -> None:
    pick = random.Random(31)
    simulation = Simulation(hosts, pick)
    simulation.run(askers(pick, backfills=2, watches=1), timedelta(minutes=5))
    waits = [turn for turn in simulation.turns if not turn.asker.yielding]
    assert len(waits) > 20
    for turn in waits:
        assert turn.at - turn.since <= INTERVAL + LATE
        between = [one for one in simulation.turns if turn.since < one.at < turn.at]
        assert between == [], "a backfill went before a watch that was waiting"


def test_postgresql_gives_the_same_turns(hosts: Hosts, postgres_url: str) -> None:
    def turns(of: Hosts) -> list[tuple[datetime, str]]:
        pick = random.Random(17)
        simulation = Simulation(of, pick)
        simulation.run(askers(pick, backfills=2, watches=1), timedelta(minutes=1))
        return [(turn.at, turn.asker.name) for turn in simulation.turns]

    with closing(Database(postgres_url)) as database:
        assert turns(Hosts(database)) == turns(hosts)


def test_a_watch_that_was_killed_while_it_waited_holds_backfills_up_for_two_intervals_at_most(hosts: Hosts) -> None:
    take: dict[str, Any] = {"interval": INTERVAL, "yielding": True}
    assert not hosts.turn("host", now=START, **take)
    assert hosts.turn("host", interval=INTERVAL, now=START) == INTERVAL  # a watch that now dies
    assert hosts.turn("host", now=START + INTERVAL, **take) == INTERVAL
    assert not hosts.turn("host", now=START + 2 * INTERVAL, **take)


# ── real processes, by the site's own log ─────────────────────────────────────────────────────────────────────────────

RATE = 10.0


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as running:
        yield running


@pytest.mark.parametrize(
    "commands", [[BACKFILL], [BACKFILL] * 2, [BACKFILL, WATCH]], ids=["one", "two", "with-a-watch"]
)
def test_a_site_is_never_asked_more_often_than_its_limit(
    commands: list[tuple[str, ...]], zygote: Zygote, tmp_path: Path
) -> None:
    with room(tmp_path, RATE, spawn=zygote.spawn) as place:
        place.site.publish(SOURCE, NEW)
        times = traffic(place, commands, 2.5)
    assert len(times) > 10
    for seconds in (1, 2):
        assert most_in(times, seconds) <= seconds * RATE + 1


def test_the_watch_goes_first(zygote: Zygote, tmp_path: Path) -> None:
    with room(tmp_path, RATE, spawn=zygote.spawn) as place:
        assert watched(place)[1] == 0
        backfill = place.crew.start(*BACKFILL)
        place.wait(5)
        _, others = watched(place)
        assert others <= 1, "a backfill asked while links of the watch waited"
        place.wait(3)  # and it goes on afterwards
        assert backfill.poll() is None
