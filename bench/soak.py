"""`didban up` on a local site, while its processes are killed, the sites fail and the database is locked: nothing is lost or grows.

    python bench/soak.py [--minutes 5] [--idle 120] [--seed N]

Every few seconds an article appears; every half minute a random process below `didban up` (server, worker, run, metrics, page)
ends with SIGKILL; requests to the sites fail, or are answered slowly, or not at all for a while, or, where there is time to ask
again, with 403 or a wall; and another process holds the database's write lock, at times for longer than a transaction waits. Then
there is peace until all is done, some articles are told in it, and `didban up` is stopped. It is started once more as an operator
has it, with 33 sources and a shift of 15 minutes, and measured while nothing new appears.

Checked: every published article is stored once, every alert told, no message sent with two bodies, those in peace within two
seconds, no process larger than at first, nothing left when it stops, our processes below 3 % of a core when idle. Printed: the lag
from publication to delivery, and what of it exceeds the poll's minute. Exits with 1 when a line of it is wrong. `--minutes 30` is a
real soak.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.survive import Check, show  # noqa: E402 - run as a script, from anywhere
from bench.takeover import MARK, Crew, free, pids, rows  # noqa: E402
from demo.site import SOURCES, Answer, Site  # noqa: E402
from flows.children import variable  # noqa: E402

EVERY = 60
"""Seconds between two polls of a source: the least that a source's table may ask for."""
SHIFT = 120
"""Seconds from one shift to the next: how long a killed one is missed at most."""
LEAST = EVERY / 4
"""Seconds between two articles."""
PATIENCE = 2700.0
"""Seconds until what is still missing is lost: a page behind a wall is asked for again after half an hour."""
WALLS = 1200.0
"""Seconds of trouble at least that walls need, which stand in the first tenth of it: who met one asks again within it."""
LOCKS = (2.0, 10.0, 40.0)
"""For so many seconds another process holds the database's write lock; a transaction waits 30."""
PEACE = 8
"""Urgent articles that appear in peace."""
URGENT = 2.0
"""Seconds from an urgent alert to its delivery, when nothing is in the way."""
WATCHED = ("irna", "mehr", "isna", "provinces")
"""33 sources."""
SHARE = 3.0
"""Per cent of a core that our own processes may take when idle."""
GROWN = 1.25
"""How much larger a process may be in the last third of the trouble than in the first, `didban up` than when it was ready."""
_ROLES = (
    ("prefect server", r"prefect server|uvicorn"),
    ("prefect worker", r"prefect worker"),
    ("shift (prefect's engine)", r"prefect\.engine"),
    ("didban metrics", r"flows\.cli metrics"),
    ("didban web", r"flows\.cli web"),
    ("didban up", r"flows\.cli up"),
)
_TOML = "".join(f'[sources.{key}]\nevery = "{EVERY}s"\n' for key in dict.fromkeys(SOURCES.values()))
_OURS = ("shift (prefect's engine)", "didban metrics", "didban web", "didban up")
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Process:
    """What /proc says of one: processor time in seconds, memory in MB."""

    role: str
    cpu: float
    memory: float


@dataclass(slots=True)
class Receiver:
    """A webhook that notes when each message came."""

    taken: list[tuple[float, str, bytes]] = field(default_factory=list)
    url: str = ""

    def serve(self) -> ThreadingHTTPServer:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.taken.append((time.time(), self.headers["Idempotency-Key"], body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server


class Country(Site):
    """The three sites, and whatever other host is asked for as one like them: an agency like Mehr, a portal like Lorestan's."""

    slow = 0.0
    """Seconds that each answer takes longer."""

    def answer(self, host: str, path: str) -> Answer:
        time.sleep(self.slow)
        bare = host.partition(":")[0].lower()
        if bare in SOURCES:
            return super().answer(host, path)
        like = "www.mehrnews.com" if bare == "www.isna.ir" else "ostan-lr.ir"
        found = super().answer(like, path)
        return replace(found, body=found.body.replace(like, bare))


def soak(minutes: float, idle: float, seed: int, folder: Path, say: Callable[[str], None]) -> list[Check]:
    """The table of what came of it. Raises TimeoutError when something does not come."""
    receiver, site = Receiver(), Country()
    with receiver.serve(), site:
        environment = {
            "DIDBAN_CONFIG": str(folder / "didban.toml"),
            "DIDBAN_VAR": str(folder / "var"),
            "DIDBAN_HOSTS": site.hosts,
            "DIDBAN_RATE": "20",
            "DIDBAN_CHANNEL_HOOK": receiver.url,
            "DIDBAN_DELIVERY": "now",
            "DIDBAN_OPERATOR": "hook",
            "DIDBAN_REPORT": "off",
            "PREFECT_SERVER_API_PORT": str(free()),  # none that another `didban up` takes while the server is dead
        }
        crew = Crew(folder, environment, patience=PATIENCE)
        try:
            checks = _storm(crew, site, receiver, minutes, seed, folder, say)
            return [*checks, *_idle(crew, site, idle, folder, say)]
        finally:
            crew.end()


def _storm(
    crew: Crew, site: Country, receiver: Receiver, minutes: float, seed: int, folder: Path, say: Callable[[str], None]
) -> list[Check]:
    """`didban up` in trouble, and in peace after it."""
    (folder / "didban.toml").write_text(_TOML, "utf-8")
    up = _up(crew, folder, f"{SHIFT}s")
    database = folder / "var" / "didban.db"
    url = f"sqlite:///{database}"
    crew.until("the first pass is over", lambda: site.requests and _stored(url) >= sum(_published(site).values()))
    born = _processes(folder)
    say("didban up: ready; " + _memory(born))
    with _Sizes(folder) as sizes:
        grown, killed = _trouble(site, folder, up.pid, 60 * minutes, random.Random(seed), say)
    say(f"{len(grown)} articles that somebody waits for, {killed.total()} processes killed; left in peace")
    crew.until("every article is stored", lambda: _stored(url) >= sum(_published(site).values()))
    crew.until("every message is sent", lambda: not rows(url, _UNSENT))
    crew.until("a shift is at work", lambda: any("shift" in one.role for one in _processes(folder).values()))
    peace = _peace(crew, site, url)
    died = _processes(folder)
    stored = Counter(rows(url, "SELECT source || ':' || site_id FROM article"))
    alerts, told = rows(url, _ALERTED), {json.loads(body).get("story") for _, _, body in receiver.taken}
    keys: dict[str, set[bytes]] = defaultdict(set)
    for _, key, body in receiver.taken:
        keys[key].add(body)
    for when, lags in (("in trouble", _lags(receiver, grown)), ("in peace", _lags(receiver, peace))):
        say(f"{when}, from publication to delivery, s: {_spread(lags)}")
        say(f"{when}, the same beyond the poll's {EVERY} s: {_spread([max(0.0, lag - EVERY) for lag in lags])}")
    took = {str(id_): float(seconds) for id_, seconds in (str(row).split() for row in rows(url, _RAISED_TO_SENT))}
    say(f"in trouble, from the alert to its delivery, s: {_spread([took[id_] for id_ in grown if id_ in took])}")
    urgent = [took[id_] for id_ in peace if id_ in took]
    say(f"in peace, from the alert to its delivery, s: {_spread(urgent)}")
    published = _published(site)
    first = next(one for one in born.values() if one.role == "didban up")
    last = next(one for one in died.values() if one.role == "didban up")
    checks = [
        Check("processes killed", True, killed.total() > 0),
        Check("articles published", sum(published.values()), sum(stored.values())),
        Check("each stored once", True, stored == published),
        Check("stories with an alert that nobody was told", 0, len(set(alerts) - told)),
        Check("messages with two bodies", 0, sum(len(bodies) > 1 for bodies in keys.values())),
        Check(
            f"messages delivered ({len(receiver.taken) - len(keys)} of them again)",
            len(rows(url, _MESSAGES)),
            len(keys),
        ),
        Check(f"articles told in peace, each within {URGENT:g} s", PEACE, sum(lag < URGENT for lag in urgent)),
        Check(
            f"didban up has grown: {first.memory:.0f} to {last.memory:.0f} MB",
            True,
            last.memory <= first.memory * GROWN,
        ),
    ]
    for role, before, after in sizes.thirds():
        said = f"{role} in the first third and in the last: {before:.0f} and {after:.0f} MB"
        checks.append(Check(said, True, after <= before * GROWN))
    return [*checks, *_ended(crew, up, folder)]


def _idle(crew: Crew, site: Country, seconds: float, folder: Path, say: Callable[[str], None]) -> list[Check]:
    """`didban up` as an operator has it, with 33 sources, while nothing new appears: what each process takes."""
    (folder / "didban.toml").write_text(f"[sources]\nwatch = {json.dumps(WATCHED)}\n", "utf-8")
    url = f"sqlite:///{folder / 'var' / 'didban.db'}"
    asked, began = len(site.requests), time.time()
    up = _up(crew, folder, "15m")
    crew.until("a shift asks", lambda: len(site.requests) > asked)
    start = max((one.cpu for one in _processes(folder).values() if "shift" in one.role), default=0.0)
    say(
        f"a shift has asked for its first page after {start:.1f} s of processor: {start / 9:.1f} % of a core at one in 15 minutes"
    )
    polled = f"SELECT count(*) FROM source WHERE polled_at > datetime({began:.0f}, 'unixepoch')"
    crew.until("all sources are polled", lambda: rows(url, polled)[0] == rows(url, "SELECT count(*) FROM source")[0])
    crew.until("what they had is stored", lambda: not rows(url, "SELECT id FROM link WHERE state = 'waiting'"))
    sources, (articles,) = rows(url, "SELECT key FROM source"), rows(url, "SELECT count(*) FROM article")
    say(f"{len(sources)} sources, {articles} articles; nothing new from here on")
    before, asked, began = _processes(folder), len(site.requests), time.monotonic()
    time.sleep(seconds)
    after, passed = _processes(folder), time.monotonic() - began
    shares: dict[str, float] = defaultdict(float)
    for pid in sorted(before.keys() & after.keys(), key=lambda pid: after[pid].role):
        used = 100 * (after[pid].cpu - before[pid].cpu) / passed
        shares[after[pid].role] += used
        say(f"idle: {after[pid].role or 'other':26} {used:5.2f} % of a core, {after[pid].memory:4.0f} MB")
    ours = sum(shares[role] for role in _OURS)
    say(f"idle for {passed:.0f} s, {len(site.requests) - asked} requests; load {os.getloadavg()[0]:.1f}")
    return [
        Check("sources watched", 33, len(sources)),
        Check(f"our processes, idle: {ours:.2f} % of a core, below {SHARE:g}", True, ours < SHARE),
        *_ended(crew, up, folder),
    ]


def _up(crew: Crew, folder: Path, every: str) -> subprocess.Popen[bytes]:
    """Started, and ready."""
    up = crew.start("up", "-m", "flows.cli", "up", "--every", every)
    crew.until("everything is up", (folder / "var" / "up.json").exists)
    return up


def _ended(crew: Crew, up: subprocess.Popen[bytes], folder: Path) -> list[Check]:
    """It is told to end, and leaves nothing."""
    up.send_signal(signal.SIGINT)
    code = up.wait(PATIENCE)
    left = [pid for pid in pids() if variable(pid, MARK) == f"{folder}/up"]
    return [
        Check("didban up ends with", 0, code),
        Check("processes left", [], left),
        Check("errors of its own that nobody foresaw", 0, crew.tracebacks("up")),
    ]


def _peace(crew: Crew, site: Country, url: str) -> dict[str, float]:
    """Articles that appear while nothing is in the way, until they are told: when each did, by number."""
    grown: dict[str, float] = {}
    for _ in range(PEACE):
        grown[str(site.grow().article.id)] = time.time()
        time.sleep(LEAST / 2)
    crew.until("what appeared in peace is stored", lambda: _stored(url) >= sum(_published(site).values()))
    crew.until("and told", lambda: not rows(url, _UNSENT))
    return grown


class _Sizes:
    """How much memory each role's process has, every few seconds while it is open."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._over = folder, threading.Event()
        self._looks: list[dict[str, float]] = []
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(5):
            found: dict[str, float] = {}
            for one in _processes(self._folder).values():
                found[one.role] = max(found.get(one.role, 0.0), one.memory)
            self._looks.append(found)

    def thirds(self) -> Iterator[tuple[str, float, float]]:
        """The largest that each role had in the first third of the time, and in the last."""
        third = max(len(self._looks) // 3, 1)
        for role in sorted({role for look in self._looks for role in look if role}):
            first, last = (
                max((look.get(role, 0.0) for look in part), default=0.0)
                for part in (self._looks[:third], self._looks[-third:])
            )
            if first and last:
                yield role, first, last


_UNSENT = """SELECT id FROM notification WHERE state = 'waiting' AND alert IS NOT NULL
    UNION ALL SELECT id FROM message WHERE state <> 'sent'"""
_ALERTED = "SELECT DISTINCT story.key FROM alert JOIN story ON story.id = alert.story WHERE alert.live"
_MESSAGES = "SELECT key FROM message WHERE state = 'sent'"
_RAISED_TO_SENT = """SELECT article.site_id || ' ' || min((julianday(message.sent_at) - julianday(alert.raised_at)) * 86400)
    FROM message JOIN notification ON notification.message = message.id JOIN alert ON alert.id = notification.alert
    JOIN article ON article.id = alert.article WHERE message.sent_at IS NOT NULL GROUP BY article.id"""


def _trouble(
    site: Country, folder: Path, up: int, seconds: float, pick: random.Random, say: Callable[[str], None]
) -> tuple[dict[str, float], Counter[str]]:
    """Publish, kill, fail and lock for so long: when each article that matches a rule appeared, by number; which roles died."""
    grown: dict[str, float] = {}
    killed: Counter[str] = Counter()
    sources = sorted(set(SOURCES.values()))
    began = time.monotonic()
    publish, kill, fail, lock = began, began + 20, began, began + pick.uniform(30, 60)
    locks: list[threading.Thread] = []
    while (now := time.monotonic()) < began + seconds:
        if now >= publish:
            publish = now + pick.uniform(LEAST / 2, LEAST)
            if pick.random() < 0.5:
                grown[str(site.grow().article.id)] = time.time()
            else:
                site.publish(pick.choice(sources))
        if now >= kill:
            kill = now + pick.uniform(20, 40)
            alive = [(pid, one.role) for pid, one in _processes(folder).items() if pid != up and one.role]
            if alive:
                pid, role = pick.choice(sorted(alive))
                os.kill(pid, signal.SIGKILL)
                killed[role] += 1
                say(f"{now - began:4.0f} s: killed {role}")
        if now >= lock:
            lock = now + pick.uniform(90, 150)
            length = pick.choice(LOCKS)
            locks.append(threading.Thread(target=_locked, args=(folder / "var" / "didban.db", length)))
            locks[-1].start()
            say(f"{now - began:4.0f} s: the database is locked for {length:g} s")
        if now >= fail:
            fail = now + pick.uniform(10, 20)
            _well(site)
            walls = seconds >= WALLS and now - began < seconds / 10
            say(f"{now - began:4.0f} s: {_fault(site, pick, sources, walls=walls)}")
        time.sleep(0.2)
    _well(site)
    for one in locks:
        one.join()
    return grown, killed


def _fault(site: Country, pick: random.Random, sources: Sequence[str], *, walls: bool) -> str:
    """Something is wrong with a site; returns what."""
    source, kind = pick.choice(sources), pick.choice(("fails", "fails", "slow", "down", *(["wall"] if walls else [])))
    if kind == "slow":
        site.slow = pick.uniform(1, 4)
        return f"every site answers {site.slow:.1f} s later"
    if kind == "down":
        site.down(source)
        return f"{source} is down"
    if kind == "wall":
        source = pick.choice(("irna", "mehr"))
        site.wall(source)
        return f"a wall stands before {source}'s pages"
    status = pick.choice((500, 502, 503, *([403] if walls else [])))
    every, times = pick.randint(2, 5), pick.randint(1, 6)
    site.fail(
        source, status, every=every, times=times, path="/(news|index.php/fa/news/)[^?]*/.*" if status == 403 else ".*"
    )
    return f"{source} answers {status} to {times} requests, every {every}th"


def _well(site: Country) -> None:
    site.slow = 0.0
    for source in set(SOURCES.values()):
        site.heal(source)
        site.down(source, on=False)
        site.wall(source, on=False)


def _locked(database: Path, seconds: float) -> None:
    """Hold the write lock, as a process that hangs in a transaction does."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=60)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        connection.execute("ROLLBACK")


def _processes(folder: Path) -> dict[int, Process]:
    """Those below and with `didban up`, by number."""
    found = {}
    for pid in pids():
        if variable(pid, MARK) != f"{folder}/up":
            continue
        try:
            said = Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace").replace("\0", " ")
            numbers = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:
            continue
        role = next((name for name, pattern in _ROLES if re.search(pattern, said)), "")
        found[pid] = Process(role, (int(numbers[11]) + int(numbers[12])) / _TICK, int(numbers[21]) * _PAGE / 1e6)
    return found


def _memory(processes: dict[int, Process]) -> str:
    return " · ".join(f"{one.role or 'other'} {one.memory:.0f} MB" for one in processes.values())


def _published(site: Site) -> Counter[str]:
    return Counter(f"{key}:{piece.article.id}" for key in set(SOURCES.values()) for piece in site.pieces(key))


def _stored(url: str) -> int:
    try:
        return int(rows(url, "SELECT count(*) FROM article WHERE complete")[0])
    except Exception:  # the database is being made
        return 0


def _lags(receiver: Receiver, grown: dict[str, float]) -> list[float]:
    """Of each article that appeared, the seconds until its story's first message came."""
    came: dict[str, float] = {}
    for at, _, body in receiver.taken:
        article: dict[str, Any] = json.loads(body).get("article") or {}
        came.setdefault(str(article.get("id")), at)
    return [came[id_] - at for id_, at in grown.items() if id_ in came]


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "none"
    ordered = sorted(values)
    p50, p95 = (ordered[min(int(share * len(ordered)), len(ordered) - 1)] for share in (0.5, 0.95))
    return f"p50 {p50:.1f}, p95 {p95:.1f}, most {ordered[-1]:.1f}, of {len(ordered)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--idle", type=float, default=120.0, help="seconds in which nothing new appears, at the end")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        checks = soak(asked.minutes, asked.idle, asked.seed, Path(folder), say=lambda line: print(line, flush=True))
    print(show(checks))
    sys.exit(not all(check.well for check in checks))


if __name__ == "__main__":
    main()
