"""What a whole job costs: articles fetched, read, matched and stored per second of processor time, and its memory.

    python bench/ingest.py [--quick] [--json] [--check]

`didban backfill`, as an operator runs it, and a Scrapy spider (bench/ingest_spider.py, in an environment of its own: `make
bench-peers`) collect the same days of the same local site (bench/ingest_site.py, a process that is not counted). They take turns in
one run, and a ratio is taken between neighbours, while the machine is the same. Both obey robots.txt, follow the listings page by
page, read the same fields, and keep them in SQLite with every article's page compressed; that the fields are the same is looked at.
Ours also keeps every link and listing, the history of each article, finds copies, matches the default rules, raises their alerts,
and can be killed anywhere.

    articles_a_second       articles per second of processor time, user and system, start included
    start                   of that, the seconds that a run over a day without articles takes
    memory                  MB, the most that a run ever held

`ingest/scrapy` is how many times as many articles as Scrapy ours brings in for the same processor time; `memory_20k/memory_1k`
how much more memory twenty times as many take.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.ingest_site import FIRST_DAY, until_day  # noqa: E402 - run as a script, from anywhere
from didban.dates import parse_iso  # noqa: E402
from didban.urls import canonical  # noqa: E402
from scrapers.sources.mehr import MEHR  # noqa: E402

FLOORS = {"ingest/scrapy": 1.5, "ingest/same": 1.0}
CEILINGS = {"memory_20k/memory_1k": 1.25}
"""Ratios of one run, so that they hold on any machine."""

FEW, MANY = 1_000, 20_000
QUICK = 300
PEERS = ROOT / ".venv-peers/bin/python"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took: seconds of processor time, user and system, and at most so many MB."""

    seconds: float
    memory: float


@contextmanager
def site(count: int) -> Generator[int]:
    """The local site with so many articles; its port."""
    command = [sys.executable, str(ROOT / "bench/ingest_site.py"), str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()


def cost(command: Sequence[str], environment: dict[str, str]) -> Cost:
    """Run a command to its end."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, cwd=ROOT)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command[:4])} … ended with exit code {process.returncode}")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _plain() -> dict[str, str]:
    """The environment without settings of ours, and with Python's own way to keep what it has compiled: a program that is
    installed is not compiled at each start."""
    ours = ("DIDBAN_", "PREFECT_", "PYTHONDONTWRITEBYTECODE")
    return {key: value for key, value in os.environ.items() if not key.startswith(ours)}


def ours(port: int, folder: Path, count: int) -> Cost:
    """`didban backfill` over the days of `count` articles; of 0, over a day without any."""
    since, until = (FIRST_DAY, until_day(count)) if count else (FIRST_DAY - timedelta(days=1),) * 2
    environment = _plain() | {
        "PYTHONPATH": str(ROOT),
        "DIDBAN_VAR": str(folder),
        "DIDBAN_CONFIG": os.devnull,
        "DIDBAN_HOSTS": f"*=http://127.0.0.1:{port}",
        "DIDBAN_RATE": "1000",
    }
    days = ("--since", since.isoformat(), "--until", until.isoformat())
    return cost([sys.executable, "-m", "flows.cli", "backfill", "mehr", *days], environment)


def scrapy(port: int, folder: Path, count: int) -> Cost:
    """The spider over the same days."""
    since, until = (FIRST_DAY, until_day(count)) if count else (FIRST_DAY - timedelta(days=1),) * 2
    listings = [listing.url.replace(MEHR.home, f"http://127.0.0.1:{port}/") for listing in MEHR.archive(since, until)]
    folder.mkdir()
    database = str(folder / "scrapy.db")
    return cost([str(PEERS), str(ROOT / "bench/ingest_spider.py"), database, *listings], _plain())


JOBS = {"didban": ours, "scrapy": scrapy}


def same(mine: Path, theirs: Path, count: int) -> float:
    """The share of articles that both have, with the same fields, white space aside: ours keeps two spaces that an author typed.
    Exits when one of the jobs was not done."""
    columns = "kicker, title, lead, text, coalesce(section, '')"
    with closing(sqlite3.connect(mine / "didban.db")) as database:
        query = f"SELECT site_id, url, published, tags, {columns} FROM article"
        own = {
            row[0]: (canonical(row[1]), parse_iso(row[2] + "Z"), tuple(json.loads(row[3])), *map(_words, row[4:]))
            for row in database.execute(query)
        }
        kept = database.execute("SELECT count(*) FROM page WHERE kind = 'article'").fetchone()[0]
    with closing(sqlite3.connect(theirs / "scrapy.db")) as database:
        query = f"SELECT id, url, published, tags, {columns} FROM article"
        other = {
            row[0]: (canonical(row[1]), parse_iso(row[2]), tuple(row[3].split(",")), *map(_words, row[4:]))
            for row in database.execute(query)
        }
    if not len(own) == len(other) == kept == count:
        sys.exit(f"of {count} articles, didban has {len(own)} and {kept} pages, scrapy {len(other)}")
    return sum(own[key] == other.get(key) for key in own) / count


def _words(text: str) -> str:
    return " ".join(text.split())


def measure(count: int, rounds: int) -> dict[str, float]:
    """The two jobs, taking turns."""
    if not PEERS.exists():
        sys.exit("the peers are not there; make them with: make bench-peers")
    taken: dict[str, list[Cost]] = {name: [] for name in JOBS}
    start: dict[str, list[float]] = {name: [] for name in JOBS}
    alike: list[float] = []
    with site(count) as port, tempfile.TemporaryDirectory() as kept:
        for name, job in JOBS.items():  # what is compiled or cached at the first start alone
            job(port, Path(kept, f"{name}-first"), 0)
        for at in range(rounds):
            for name, job in JOBS.items():
                start[name].append(job(port, Path(kept, f"{name}-start-{at}"), 0).seconds)
                taken[name].append(job(port, Path(kept, f"{name}-{at}"), count))
            alike.append(same(Path(kept, f"didban-{at}"), Path(kept, f"scrapy-{at}"), count))
    figures: dict[str, float] = {"articles": count}
    for name, costs in taken.items():
        figures |= {
            f"{name}/articles_a_second": count / median(one.seconds for one in costs),
            f"{name}/start": median(start[name]),
            f"{name}/memory": median(one.memory for one in costs),
        }
    pairs = zip(taken["didban"], taken["scrapy"], strict=True)
    figures["ingest/scrapy"] = median(theirs.seconds / mine.seconds for mine, theirs in pairs)
    figures["ingest/same"] = min(alike)
    return figures


def growth(few: int, many: int) -> dict[str, float]:
    """Our memory for `few` and for `many` articles."""
    held = {}
    for count in (few, many):
        with site(count) as port, tempfile.TemporaryDirectory() as kept:
            held[count] = ours(port, Path(kept, "var"), count).memory
    return {"memory_1k": held[few], "memory_20k": held[many], "memory_20k/memory_1k": held[many] / held[few]}


def main() -> int:
    parser = argparse.ArgumentParser(description="The whole job's cost, beside Scrapy's.")
    parser.add_argument("--quick", action="store_true", help="fewer articles and rounds, and no 20,000")
    parser.add_argument("--json", action="store_true", help="the figures by name, as one JSON object")
    parser.add_argument("--check", action="store_true", help="exit 1 when a floor or ceiling is missed")
    asked = parser.parse_args()
    figures = measure(QUICK, 3) if asked.quick else measure(FEW, 3) | growth(FEW, MANY)
    missed = [
        f"{name} {figures[name]:.2f} is below its floor {floor}"
        for name, floor in FLOORS.items()
        if name in figures and figures[name] < floor
    ] + [
        f"{name} {figures[name]:.2f} is above its ceiling {ceiling}"
        for name, ceiling in CEILINGS.items()
        if name in figures and figures[name] > ceiling
    ]
    if asked.json:
        print(json.dumps({name: round(value, 4) for name, value in figures.items()}, indent=1))
    else:
        for name, value in figures.items():
            print(f"{name:28} {value:12,.2f}")
    for line in missed if asked.check else ():
        print(line, file=sys.stderr)
    return 1 if asked.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
