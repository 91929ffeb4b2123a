"""The proof of politeness: how close together a site's requests really are, by the site's own log.

    python bench/polite.py [--seconds 15] [--rate 2]

A backfill alone, two that share the work, and a watch beside a backfill, each for so many seconds of real traffic between
real processes and a local site. In no ten seconds may there be more than ten times the host's limit plus one request. Then a
watch fetches new articles twice, alone and beside a backfill, which from its first article to its last may ask for nothing but what
it had been given the turn for before. Prints what it saw, and exits with 1 when it was too much.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.survive import LAST, SOURCE, Crew, Spawn, spawned  # noqa: E402 - run as a script, from anywhere
from demo.site import Site  # noqa: E402

DAYS = 20
PER_DAY = 40
NEW = 18
"""Articles that a watch finds: fewer than a feed holds, so that there is no gap, and than it takes at a time."""
BACKFILL = ("backfill", SOURCE, "--since", str(LAST - timedelta(days=DAYS - 1)), "--until", str(LAST))
WATCH = ("watch", SOURCE)


@dataclass(frozen=True, slots=True)
class Room:
    """A site with a past, and commands that read it at `rate` requests a second, all with one database."""

    site: Site
    crew: Crew
    rate: float

    def wait(self, requests: int, seconds: float = 60) -> None:
        """Until the site has answered so many more requests. Raises TimeoutError."""
        goal, give_up = len(self.site.requests) + requests, time.monotonic() + seconds
        while len(self.site.requests) < goal:
            if time.monotonic() > give_up:
                raise TimeoutError(f"only {len(self.site.requests)} requests of {goal}")
            time.sleep(0.005)


@contextmanager
def room(folder: Path, rate: float, *, spawn: Spawn = spawned) -> Generator[Room]:
    """Everything in a folder of its own; what the feed names is known already."""
    with Site() as site:
        site.archive(SOURCE, DAYS, PER_DAY, until=LAST)
        environment = {
            "DIDBAN_VAR": str(folder / "var"),
            "DIDBAN_HOSTS": site.hosts,
            "DIDBAN_CHANNEL_FILE": "file:told",
        }
        with Crew(folder, environment | {"DIDBAN_RATE": "1000"}, spawn) as quick:
            if quick.start(*WATCH).wait(60):
                raise RuntimeError("the first watch failed")
        with Crew(folder, environment | {"DIDBAN_RATE": f"{rate:g}"}, spawn) as crew:
            yield Room(site, crew, rate)


def most_in(times: Sequence[float], seconds: float) -> int:
    """The most requests in any window of so many seconds, its ends included."""
    ordered, first, most = sorted(times), 0, 0
    for last, moment in enumerate(ordered):
        while moment - ordered[first] > seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def closest(times: Sequence[float]) -> float:
    """The shortest time between two requests."""
    ordered = sorted(times)
    return min(later - sooner for sooner, later in pairwise(ordered))


def traffic(place: Room, commands: Sequence[Sequence[str]], seconds: float) -> list[float]:
    """Let these run side by side for so long after the first request, then stop them: when the site was asked."""
    before = len(place.site.requests)
    running = [place.crew.start(*command) for command in commands]
    place.wait(1)
    time.sleep(seconds)
    for process in running:
        process.send_signal(signal.SIGINT)
    for process in running:
        process.wait(60)
    return place.site.times[before:]


def watched(place: Room) -> tuple[float, int]:
    """Publish NEW articles and let a watch fetch them: seconds from the first of them to the last, and how many requests of others
    came in between."""
    wanted = {str(piece.article.id) for piece in place.site.publish(SOURCE, NEW)}
    before = len(place.site.requests)
    if place.crew.start(*WATCH).wait(120):
        raise RuntimeError("a watch failed")
    asked = [
        at
        for at, (_, path, _) in enumerate(place.site.requests[before:], before)
        if path.startswith("/news/") and path.split("/")[2] in wanted
    ]
    return place.site.times[asked[-1]] - place.site.times[asked[0]], asked[-1] - asked[0] + 1 - len(asked)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rate", type=float, default=2.0)
    options = parser.parse_args()
    allowed, well = 10 * options.rate + 1, True
    print(f"at most {allowed:g} requests in any 10 s, at {options.rate:g} a second")
    for name, commands in {
        "a backfill": [BACKFILL],
        "two backfills": [BACKFILL, BACKFILL],
        "a watch beside a backfill": [BACKFILL, WATCH],
    }.items():
        with tempfile.TemporaryDirectory() as folder, room(Path(folder), options.rate) as place:
            place.site.publish(SOURCE, NEW)
            times = traffic(place, commands, options.seconds)
            most = most_in(times, 10)
            well &= most <= allowed
            print(
                f"{name:27} {len(times):3} requests, at most {most:2} in 10 s, never closer than {closest(times):.3f} s"
            )
    with tempfile.TemporaryDirectory() as folder, room(Path(folder), options.rate) as place:
        alone, _ = watched(place)
        place.crew.start(*BACKFILL)
        place.wait(5)
        beside, others = watched(place)
        well &= others <= 1
        print(
            f"{NEW} new articles, a watch alone: {alone:.2f} s; beside a backfill: {beside:.2f} s, {others} of its requests between"
        )
    sys.exit(not well)


if __name__ == "__main__":
    main()
