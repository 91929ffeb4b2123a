"""The large proof of a backfill: killed at random moments and rerun, it loses nothing, doubles nothing, tells nobody.

    python bench/survive.py [--articles 3000] [--days 60] [--kills 25] [--seed N] [--workers 2] [--database URL]

A local site of that many articles over that many days is collected by `didban backfill`, as an operator runs it. Again and again
the process is ended with SIGKILL, after a random number of requests or a random time, and started once more, until one run ends by
itself. Two workers share the work and die in turn; half way through, one of them is not replaced. Then the database, the report of
`didban backfill --status` and the site's own log must say the same: every article once, none told, nothing left to do.

It prints the seed and a table, and exits with 1 when a line of the table is wrong. `--database` is the URL of an empty database;
without it SQLite in a folder that is removed. Not a measure of speed: the host's limit is set high.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol, Self

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sqlalchemy import text  # noqa: E402 - run as a script, from anywhere

from demo.site import PER_PAGE, Site  # noqa: E402
from didban.dates import tehran_day  # noqa: E402
from flows.pipeline import TOGETHER  # noqa: E402
from storage.database import Database  # noqa: E402

SOURCE = "mehr"
LAST = date(2024, 9, 20)  # 30 Shahrivar 1403: years before whatever else the demo's sites hold
AFTER = 0.03
"""Seconds at most between the request that a kill was planned for and the kill: time enough to read, save, or ask again."""
START = 1.5
"""Seconds at most that a process lives which is killed for its start; one in five is."""
PATIENCE = 900
"""Seconds until a run that does not end is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is collected, and how often whom it costs its life."""

    articles: int = 3000
    days: int = 60
    kills: int = 25
    seed: int = 1
    workers: int = 1
    database: str = ""

    @property
    def requests(self) -> int:
        """What an undisturbed backfill asks for: articles and the pages that list them."""
        return self.articles + self.days * -(-self.articles // self.days // PER_PAGE)

    @property
    def disturbed(self) -> int:
        """So many of them happen between kills: work is left for the last run, whatever the others lose."""
        return round(0.7 * self.requests)

    @property
    def rate(self) -> float:
        """Requests a second. Of several workers, the one that starts again must not miss all of the work."""
        return 1000.0 if self.workers == 1 else min(1000.0, self.disturbed / max(self.kills, 1) / 0.8)

    def moments(self) -> Iterator[tuple[int, float]]:
        """When to kill: after so many more requests, and so many seconds on top. One in five is a time alone."""
        pick = random.Random(self.seed)
        cuts = sorted(pick.sample(range(1, self.disturbed), self.kills))
        for before, cut in pairwise((0, *cuts)):
            yield (0, pick.uniform(0, START)) if pick.random() < 0.2 else (cut - before, pick.uniform(0, AFTER))


@dataclass(frozen=True, slots=True)
class Check:
    """A line of the table: what was looked at, what it must be, what it is."""

    what: str
    wanted: object
    found: object

    @property
    def well(self) -> bool:
        return self.wanted == self.found


class Process(Protocol):
    """A child of ours: what `subprocess.Popen` does of it here."""

    def poll(self) -> int | None: ...
    def kill(self) -> None: ...
    def send_signal(self, sig: int, /) -> None: ...
    def wait(self, timeout: float | None = None) -> int: ...


Spawn = Callable[[Sequence[str], Mapping[str, str], Path], Process]


def spawned(arguments: Sequence[str], environment: Mapping[str, str], output: Path) -> Process:
    """A `didban` command as a person starts it; what it prints goes to `output`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DIDBAN_", "PREFECT_"))}
    with output.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *arguments],
            stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=ROOT,
            env={**kept, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **environment},
        )  # fmt: skip


class Crew:
    """Commands that run with one environment; none of them outlives the `with`."""

    def __init__(self, folder: Path, environment: Mapping[str, str], spawn: Spawn = spawned) -> None:
        self._folder, self._environment, self._spawn = folder, environment, spawn
        self._all: dict[Process, Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._all:
            if process.poll() is None:
                process.kill()
            process.wait()

    def start(self, *arguments: str) -> Process:
        """Start a command."""
        output = self._folder / f"output-{len(self._all):03}.txt"
        process = self._spawn(arguments, self._environment, output)
        self._all[process] = output
        return process

    def printed(self, process: Process) -> str:
        """All that a command has printed so far."""
        return self._all[process].read_text("utf-8", "replace")

    @property
    def tracebacks(self) -> int:
        """How many commands ended in an error that nobody foresaw."""
        return sum("Traceback" in self.printed(process) for process in self._all)


def survive(plan: Plan, folder: Path, *, say: Callable[[str], None] = print, spawn: Spawn = spawned) -> list[Check]:
    """Kill and rerun a backfill as planned, with everything in this folder: the table of what came of it.

    Raises TimeoutError when it does not end, StoreError for a database that cannot be used.
    """
    url = plan.database or f"sqlite:///{folder / 'didban.db'}"
    days = ("--since", str(LAST - timedelta(days=plan.days - 1)), "--until", str(LAST))
    with Site() as site:
        site.archive(SOURCE, plan.days, plan.articles // plan.days, until=LAST)
        environment = {
            "DIDBAN_VAR": str(folder / "var"),
            "DIDBAN_HOSTS": site.hosts,
            "DIDBAN_RATE": f"{plan.rate:g}",
            "DIDBAN_DATABASE_URL": url,
        }
        with Crew(folder, environment, spawn) as crew:
            codes = _disturb(plan, crew, site, ("backfill", SOURCE, *days), say)
            status = crew.start("backfill", SOURCE, "--status", "--json")
            _end([status])
            report = _reported(plan, crew.printed(status))
            ended = [
                Check("killed with SIGKILL", plan.kills, codes.count(-signal.SIGKILL)),
                Check("ended by themselves, and well", 1, codes.count(0)),
                Check("failed by themselves", 0, len(codes) - codes.count(0) - codes.count(-signal.SIGKILL)),
                Check("errors that nobody foresaw", 0, crew.tracebacks),
            ]
        return [*ended, *stored(plan, url, site), *report, *_asked(plan, site)]


def _disturb(plan: Plan, crew: Crew, site: Site, command: Sequence[str], say: Callable[[str], None]) -> list[int]:
    """Run the backfill to its end, killing it on the way; how each process ended, by its exit code."""
    codes: list[int] = []
    running = [crew.start(*command) for _ in range(plan.workers)]  # the one that has lived longest comes first
    for number, (requests, seconds) in enumerate(plan.moments(), 1):
        give_up, goal = time.monotonic() + PATIENCE, len(site.requests) + requests
        while len(site.requests) < goal and any(process.poll() is None for process in running):
            if time.monotonic() > give_up:
                raise TimeoutError(f"only {len(site.requests)} requests: {crew.printed(running[0])}")
            time.sleep(0.002)
        time.sleep(seconds)
        victim = running.pop(0)
        victim.kill()
        codes.append(victim.wait())
        say(f"kill {number}, {requests} requests and {seconds:.3f} s after the last: {len(site.requests)} in all")
        if plan.workers == 1 or number != (plan.kills + 1) // 2:
            running.append(crew.start(*command))
    say("left in peace")
    return codes + _end(running)


def _end(processes: Sequence[Process]) -> list[int]:
    """Wait for these to end by themselves. Raises TimeoutError."""
    try:
        return [process.wait(PATIENCE) for process in processes]
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"a run has not ended within {PATIENCE} seconds") from None


def stored(plan: Plan, url: str, site: Site) -> list[Check]:
    """What the database holds, read behind the store's back."""
    first = LAST - timedelta(days=plan.days)
    published = sorted(
        str(piece.article.id) for piece in site.pieces(SOURCE) if first < tehran_day(piece.published) <= LAST
    )
    with closing(Database(url)) as database, database.read() as connection:

        def rows(query: str) -> list[Any]:
            return list(connection.execute(text(query)).scalars())

        checks = [
            Check("articles stored", plan.articles, len(stored := rows("SELECT site_id FROM article"))),
            Check("the site's, each once", True, sorted(stored) == published),
            Check("links", plan.articles, len(keys := rows("SELECT key FROM link"))),
            Check("links twice", 0, len(keys) - len(set(keys))),
            Check("links that are not stored", 0, len(rows("SELECT id FROM link WHERE state <> 'stored'"))),
            Check("revisions", plan.articles, len(rows("SELECT article FROM revision"))),
            Check("articles with evidence", plan.articles // 10, len(rows("SELECT DISTINCT article FROM match"))),
            Check("their stories without an archived alert", 0, len(rows(_WITHOUT))),
            Check("live alerts", 0, len(rows("SELECT id FROM alert WHERE live"))),
            Check("notifications", 0, len(rows("SELECT id FROM notification"))),
            Check("messages", 0, len(rows("SELECT id FROM message"))),
            Check("units", {"done": plan.days}, dict(Counter(rows("SELECT state FROM unit")))),
        ]
        if not database.postgresql:
            checks.append(Check("SQLite's integrity_check", ["ok"], rows("PRAGMA integrity_check")))
        return checks


def _reported(plan: Plan, printed: str) -> list[Check]:
    """What `didban backfill --status --json` says."""
    found = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    if len(found) != 1:
        return [Check("the report", "one JSON object", printed.strip()[-200:])]
    (report,) = found
    wanted = {
        "complete": True,
        "listed": plan.articles,
        "stored": plan.articles,
        "partial": 0,
        "refused": 0,
        "waiting": 0,
    }
    return [Check(f"the report: {name}", value, report.get(name)) for name, value in wanted.items()]


def _asked(plan: Plan, site: Site) -> list[Check]:
    """What the site's own log says: each article was asked for, and after a kill only those that were not saved yet once more: the
    one in flight, and those that were waiting to be saved together."""
    asked = Counter(found[1] for _, path, _ in site.requests if (found := re.match(r"/news/(\d+)/", path)))
    again = sum(asked.values()) - len(asked)
    return [
        Check("articles asked for", plan.articles, len(asked)),
        Check(f"asked for again: {again}, at most {TOGETHER + 1} a kill", True, again <= plan.kills * (TOGETHER + 1)),
    ]


def show(checks: Sequence[Check]) -> str:
    """The table."""
    width = max(len(check.what) for check in checks)
    return "\n".join(
        f"{'ok ' if check.well else 'NOT'}  {check.what:{width}}  {check.found}"
        + ("" if check.well else f"  instead of {check.wanted}")
        for check in checks
    )


_WITHOUT = (
    "SELECT DISTINCT article.story FROM match JOIN article ON article.id = match.article"
    " WHERE article.story NOT IN (SELECT story FROM alert WHERE NOT live)"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, usual in (("articles", Plan().articles), ("days", Plan().days), ("kills", Plan().kills)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--workers", type=int, default=1, choices=[1, 2])
    parser.add_argument("--database", default="", help="URL of an empty database; SQLite without it")
    plan = Plan(**vars(parser.parse_args()))
    if plan.articles % plan.days:
        parser.error("--articles must be so many for each of --days")
    print(f"seed {plan.seed}: {plan}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        checks = survive(plan, Path(folder), say=lambda line: print(line, flush=True))
    print(f"{show(checks)}\n{time.monotonic() - began:.0f} s, seed {plan.seed}")
    sys.exit(not all(check.well for check in checks))


if __name__ == "__main__":
    main()
