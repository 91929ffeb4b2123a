"""How long the officer's page takes among a million articles: every view, over HTTP, on SQLite and, when asked, on PostgreSQL.

    python bench/page.py [--quick] [--articles N] [--postgresql] [--keep PATH] [--json] [--check]

Ten years of made articles (bench/store.py's) that end today: a tenth of them brought by the watch, the others by backfills of four
sources by day, each with its link; a fifth are copies of another agency's; in one of twenty a rule has found something; a third
have a province. The page is asked on the loopback, one question at a time, each view in each of its forms in turn. An export
is measured to its first byte. `--keep` leaves the SQLite store at a path, and takes the one that is there.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter, process_time, sleep
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import httpx  # noqa: E402 - run as a script, from anywhere
import psycopg  # noqa: E402

from alerts.rules import load  # noqa: E402
from bench.search import questions  # noqa: E402
from bench.store import POOL, Made, Share, filled  # noqa: E402
from didban.dates import day_bounds, tehran_day  # noqa: E402
from didban.provinces import PROVINCES  # noqa: E402
from didban.settings import Settings  # noqa: E402
from storage.store import Store, open_store  # noqa: E402
from tests.support_postgres import server  # noqa: E402
from tests.support_web import serving  # noqa: E402

CEILINGS = {"slowest_p95_ms": 300.0}
"""Of the view that takes longest, on the slower database."""

ARTICLES, QUICK = 1_000_000, 20_000
ROUNDS = 7
_WATCHED = 10  # one article in so many, the newest, was brought by the watch
_FOUND = 20  # in one of so many a rule has found something
_COPIES = (51, 70)  # of a hundred articles these carry the story of the one fifty before
SHARES: tuple[Share, ...] = (
    *(("irna", province.slug, at, at + 1) for at, province in enumerate(PROVINCES)),
    ("irna", None, 31, 50), ("mehr", None, 50, 70), ("mehr", "lorestan", 70, 72), ("mehr", None, 72, 90),
    ("isna", None, 90, 99), ("ostan_lr", "lorestan", 99, 100),
)  # fmt: skip
SOURCES = ("irna", "mehr", "isna", "ostan_lr")


# ── what stands around the articles ──────────────────────────────────────────────────────────────────────────────────

_OF_ARTICLES = (
    "UPDATE article SET story = id - 50 WHERE id % 100 BETWEEN {low} AND {high} AND id > 50",
    "DELETE FROM story WHERE id % 100 BETWEEN {low} AND {high} AND id > 50",
    "UPDATE article SET via = 'watch' WHERE id > {watched}",
    """INSERT INTO link (id, source, key, url, site_id, kicker, title, lead, published, via, baseline, noted_at, state, article)
       SELECT id, source, site_id, url, site_id, '', title, '', published, via, false, saved_at,
       CASE WHEN id % 97 = 0 THEN 'refused' ELSE 'stored' END, CASE WHEN id % 97 = 0 THEN NULL ELSE id END FROM article""",
    """INSERT INTO link (id, source, key, url, kicker, title, lead, via, baseline, noted_at, state, due_at)
       SELECT {count} + id, source, 'waits ' || id, url, '', title, '', 'backfill', false, saved_at, 'waiting', saved_at
       FROM article WHERE id > {count} - 2000""",
    """INSERT INTO source (key, baseline_at, due_at, state, state_since, polled_at)
       SELECT source, min(saved_at), max(saved_at), 'healthy', min(saved_at), max(saved_at) FROM article GROUP BY source""",
)


def dressed(store: Store, made: Made, count: int, *, begin: datetime) -> None:
    """Give the articles of a filled store links, units, copies, alerts with their evidence, and messages."""
    step = timedelta(seconds=3650 * 86_400 // count)
    values = {"count": count, "watched": count - count // _WATCHED, "low": _COPIES[0], "high": _COPIES[1]}
    with Writing(store) as writing:
        for statement in _OF_ARTICLES:
            writing.run(statement.format(**values))
        for table, rows in (*_archives(count, begin, step), *_findings(made, count, begin, step)):
            writing.put(table, rows)
        writing.run("ANALYZE" if store.database.postgresql else "PRAGMA optimize")


class Writing:
    """A connection of the bare driver that takes rows quickly, with what stands in no doubt left unchecked."""

    def __init__(self, store: Store) -> None:
        address = store.database.url
        self._postgresql = store.database.postgresql
        self._connection: Any = (
            psycopg.connect(address.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True)
            if self._postgresql
            else sqlite3.connect(str(address.database), isolation_level=None)
        )

    def __enter__(self) -> Self:
        if not self._postgresql:
            for pragma in ("synchronous = OFF", "cache_size = -500000"):
                self.run(f"PRAGMA {pragma}")
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def run(self, statement: str) -> None:
        self._connection.execute(statement)

    def put(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        rows = iter(rows)
        first = next(rows)
        quoted = ", ".join(f'"{name}"' for name in first)
        every = (tuple(row.values()) for both in ((first,), rows) for row in both)
        if self._postgresql:
            with self._connection.cursor().copy(f'COPY "{table}" ({quoted}) FROM STDIN'.encode()) as copy:
                for row in every:
                    copy.write_row(row)
            return
        self.run("BEGIN")
        plain = (
            [value.isoformat(" ", "microseconds")[:26] if isinstance(value, datetime) else value for value in row]
            for row in every
        )
        self._connection.executemany(
            f'INSERT INTO "{table}" ({quoted}) VALUES ({", ".join("?" for _ in first)})', plain
        )
        self.run("COMMIT")


def _archives(count: int, begin: datetime, step: timedelta) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    """The units of four sources, a day each, and which links each of them listed."""
    first = tehran_day(begin)
    days = (tehran_day(begin + count * step) - first).days + 1
    bounds = [day_bounds(first + timedelta(days=at)) for at in range(days)]
    of_share = [source for source, _ in _of_share()]

    def units() -> Iterator[dict[str, Any]]:
        for at, source in enumerate(SOURCES):
            for day, (since, until) in enumerate(bounds):
                yield {
                    "id": 1 + at * days + day, "source": source, "way": "day", "key": str(first + timedelta(days=day)),
                    "url": f"https://{source}.example/{day}", "since": since, "until": until, "created_at": begin,
                    "state": "done", "pages": 3, "last_keys": "[]",
                }  # fmt: skip

    def named() -> Iterator[dict[str, Any]]:
        day = 0
        for number in range(1, count + 1):
            at = begin + number * step
            while at >= bounds[day][1]:
                day += 1
            yield {"unit": 1 + SOURCES.index(of_share[number % 100]) * days + day, "link": number}

    yield "unit", units()
    yield "unit_link", named()


def _of_share() -> list[tuple[str, str | None]]:
    return [(source, province) for source, province, low, high in SHARES for _ in range(low, high)]


def _findings(
    made: Made, count: int, begin: datetime, step: timedelta
) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    """Alerts of the rules as they come, some far more often than others, each with its evidence; the live ones told twice."""
    pick = random.Random(8)
    rules = list(load())
    weights = [1 / (at + 1) for at in range(len(rules))]
    alerts, matches, messages, notifications = [], [], [], []
    watched, of_share = count - count // _WATCHED, _of_share()
    for number in sorted(pick.sample(range(1, count + 1), count // _FOUND)):
        if number % 100 >= _COPIES[0] and number % 100 <= _COPIES[1]:
            continue
        live, at = number > watched, begin + number * step
        title, lead, body = made.texts[number * 7919 % POOL]
        seen = at + timedelta(hours=3) if live and pick.random() < 0.6 else None
        for rule in {rule.id: rule for rule in pick.choices(rules, weights, k=pick.choice((1, 1, 2, 4)))}.values():
            alerts.append(
                {
                    "id": len(alerts) + 1, "story": number, "rule": rule.id, "title": rule.title, "priority": rule.priority,
                    "live": live, "raised_at": at + timedelta(minutes=9) if live else begin + watched * step,
                    "article": number, "revision": 1, "acked_at": seen, "acked_by": "web" if seen else None,
                    "source": of_share[number % 100][0], "province": of_share[number % 100][1],
                }
            )  # fmt: skip
            for field, text in (("title", title), ("lead", lead), ("text", body)):
                line, word = text.split("\n")[0], text.split()[0]
                matches.append(
                    {
                        "article": number, "revision": 1, "rule": rule.id, "term": word, "field": field, "start": 0,
                        "end": len(word), "text": word, "sentence_start": 0, "sentence_end": len(line),
                    }
                )  # fmt: skip
            for channel in ("mail", "bale") if live else ():
                message = {
                    "id": len(messages) + 1, "key": f"{len(messages):032x}", "channel": channel, "story": number,
                    "parts": "[]", "state": "sent", "closed_at": at, "sent_at": at, "due_at": at,
                }  # fmt: skip
                messages.append(message)
                notifications.append(
                    {
                        "alert": len(alerts),
                        "channel": channel,
                        "due_at": at,
                        "state": "closed",
                        "message": len(messages),
                    }
                )
    yield "alert", iter(alerts)
    yield "match", iter(matches)
    yield "message", iter(messages)
    yield "notification", iter(notifications)


# ── the views ────────────────────────────────────────────────────────────────────────────────────────────────────────


def views(store: Store, day: datetime) -> dict[str, list[str]]:
    """What is asked, by view: each in all its forms."""
    newest = store.outbox.alerts(limit=400)
    stories = list(dict.fromkeys(one.alert.story for one in newest))
    month, year = (f"{day - timedelta(days=back):%Y-%m-%d}" for back in (30, 700))
    rules = [rule.id for rule in load()]
    asked: dict[str, list[str]] = {
        "today": ["/"],
        "alerts": ["/alerts", f"/alerts?before={newest[-1].id}", "/alerts?before=3000"],
        "alerts by rule": [f"/alerts?rule={rule}" for rule in (rules[0], rules[-1])],
        "alerts by source": [f"/alerts?source={source}" for source in ("irna", "ostan_lr", "ostan_th")],
        "alerts by province": [f"/alerts?province={slug}" for slug in ("lorestan", "yazd")],
        "alerts by all": [
            f"/alerts?rule={rules[-1]}&province=yazd&source=irna&since={year}&kind=archived",
            f"/alerts?rule={rules[0]}&province=yazd&source=mehr",
        ],
        "alerts by kind": ["/alerts?kind=live", "/alerts?kind=archived", "/alerts?kind=archived&seen=yes"],
        "alerts by seen": ["/alerts?seen=no", "/alerts?seen=yes"],
        "alerts by days": [f"/alerts?since={month}", f"/alerts?since={year}&until={month}", f"/alerts?until={year}"],
        "story": [f"/story/{key}" for key in stories[:5]],
        "rules": ["/rules", "/rules/NEW", f"/rules/{rules[0]}"],
        "sources": ["/sources"],
        "trends": ["/trends", "/trends?weeks=4", "/trends?weeks=26&province=lorestan"],
        "archive": ["/archive"],
        "calendar": ["/archive/irna.svg", "/archive/ostan_lr.svg"],
        "feed": ["/feeds/all.atom", f"/feeds/{rules[-1]}.atom", "/feeds/province-yazd.atom"],
        "bulletin": ["/bulletin?" + "&".join(f"story={key}" for key in stories[:20])],
        "export": ["/export.jsonl", "/export.csv?province=lorestan", f"/export.csv?rule={rules[-1]}&since={month}"],
        "cite": ["/cite/17.ris", "/cite/999.csl"],
    }
    for kind, line, chosen in questions():
        narrowed = f"&source={chosen.source}" if chosen.source else f"&since={year}" if chosen.since else ""
        asked.setdefault(f"search for {kind}", []).append(str(httpx.QueryParams({"q": line})) + narrowed)
    asked["search for none"] = [str(httpx.QueryParams({"q": "هیچ‌کجاچنین"})), ""]
    asked["search by province"] = [str(httpx.QueryParams({"q": "دولت", "province": "yazd"}))]
    return {
        name: [f"/search?{path}" if name.startswith("search") else path for path in paths]
        for name, paths in asked.items()
    }


def ask(client: httpx.Client, path: str) -> tuple[float, float]:
    """Milliseconds until it is there; of a download, until its first byte. And the processor's, of client and page together."""
    start, busy = perf_counter(), process_time()
    with client.stream("GET", path) as answer:
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.read()[:300]!r}")
        if path.startswith("/export"):
            next(answer.iter_raw(1), b"")
            return (perf_counter() - start) * 1000, (process_time() - busy) * 1000
        answer.read()
    return (perf_counter() - start) * 1000, (process_time() - busy) * 1000


def measure(url: str, folder: Path, *, rounds: int, say: Callable[[str], None]) -> dict[str, float]:
    """The 95th percentile and the median of each view, in milliseconds."""
    with closing(open_store(url)) as store:
        asked = views(store, datetime.now(UTC))
    settings = Settings(var=folder, database_url=url, home="lorestan")
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
    with serving(settings) as address, httpx.Client(base_url=address, timeout=600, trust_env=False) as client:
        figures = {f"{path}_counted_s": counted(client, path) for path in ("/archive", "/trends")}
        for at in range(rounds + 1):
            for name, paths in asked.items():
                for path in paths:
                    took = ask(client, path)
                    if at:
                        taken[name].append(took)
                    elif took[0] > 300:
                        say(f"first {path[:60]}: {took[0]:.0f} ms")
    for name, those in taken.items():
        walls, busy = zip(*those, strict=True)
        figures |= {f"{name}_p95_ms": p95(walls), f"{name}_median_ms": median(walls), f"{name}_busy_ms": p95(busy)}
    return figures


def counted(client: httpx.Client, path: str) -> float:
    """Seconds until a view has what is counted beside the requests."""
    start = perf_counter()
    while "شمرده می\N{ZERO WIDTH NON-JOINER}شود" in client.get(path).text:
        sleep(0.2)
    return perf_counter() - start


def p95(those: Sequence[float]) -> float:
    """The least of them that 95 in 100 do not exceed."""
    return sorted(those)[-(-len(those) * 95 // 100) - 1]


def made_store(url: str, count: int, *, say: Callable[[str], None]) -> None:
    start, made = perf_counter(), Made()
    begin = datetime.now(UTC).replace(microsecond=0) - count * timedelta(seconds=3650 * 86_400 // count)
    with closing(filled(url, made, count, begin=begin, shares=SHARES)) as store:
        say(f"{count} articles in {perf_counter() - start:.0f} s")
        dressed(store, made, count, begin=begin)
    say(f"and all that stands around them in {perf_counter() - start:.0f} s")


def main() -> int:
    parser = argparse.ArgumentParser(description="How long the officer's page takes.")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} articles and few rounds")
    parser.add_argument("--articles", type=int, help=f"how many; default: {ARTICLES:,}")
    parser.add_argument("--postgresql", action="store_true", help="on PostgreSQL, too")
    parser.add_argument("--keep", type=Path, help="where the SQLite store is left, and taken from when it is there")
    parser.add_argument("--json", action="store_true", help="the figures by name, as one JSON object")
    parser.add_argument("--check", action="store_true", help="exit 1 when a bound is missed")
    asked = parser.parse_args()
    count, rounds = asked.articles or (QUICK if asked.quick else ARTICLES), 3 if asked.quick else ROUNDS
    figures: dict[str, float] = {}

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="didban-page-") as folder, ExitStack() as opened:
        path = asked.keep or Path(folder) / "page.db"
        urls = {"sqlite": f"sqlite:///{path.resolve()}"}
        if asked.postgresql:
            running = opened.enter_context(server(os.environ.get("DIDBAN_TEST_POSTGRES"), memory=False))
            urls["postgresql"] = opened.enter_context(running.database())
        for name, url in urls.items():
            if name == "postgresql" or not path.exists():
                made_store(url, count, say=say)
            found = measure(url, Path(folder), rounds=rounds, say=say)
            for kind in ("p95_ms", "busy_ms"):
                slowest = max(value for figure, value in found.items() if figure.endswith(f"_{kind}"))
                figures[f"slowest_{kind}"] = max(figures.get(f"slowest_{kind}", 0.0), slowest)
            with closing(open_store(url)) as store:
                figures["articles"] = sum(store.articles.counts().values())
            figures |= {f"{name} {figure}": value for figure, value in found.items()}
            say(f"{name}: load {os.getloadavg()[0]:.1f}")
    if asked.json:
        print(json.dumps({name: round(value, 2) for name, value in figures.items()}, indent=1))
    else:
        for name, value in figures.items():
            print(f"{name:44} {value:12,.1f}")
    missed = [f"{name} {figures[name]:.1f} is above {most}" for name, most in CEILINGS.items() if figures[name] > most]
    for line in missed if asked.check else ():
        print(line, file=sys.stderr)
    return 1 if asked.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
