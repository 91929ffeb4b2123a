"""`didban up` for some minutes on a local site, while its processes are killed and the site fails: nothing is lost, nothing grows.

    python bench/soak.py [--minutes 5] [--idle 60] [--seed N]

Every few seconds an article appears, every half minute a random process below `didban up` (server, worker, run, metrics, page) ends
with SIGKILL, and some requests to the site fail. Then there is peace until all is done, and a while in which nothing new appears.
Checked: every published article is stored once, every alert delivered, no message sent with two bodies, `didban up` itself not
larger than at first, nothing left when it stops. Printed: the lag from publication to delivery, and what of it exceeds the poll's
minute; processor and memory of each process when idle. Exits with 1 when a line of it is wrong. `--minutes 30` is a real soak.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.survive import Check, show  # noqa: E402 - run as a script, from anywhere
from bench.takeover import MARK, Crew, pids, rows  # noqa: E402
from demo.site import SOURCES, Site  # noqa: E402
from flows.children import variable  # noqa: E402

EVERY = 60
"""Seconds between two polls of a source: the least that a source's table may ask for."""
SHIFT = 120
"""Seconds from one shift to the next: how long a killed one is missed at most."""
LEAST = EVERY / 4
"""Seconds between two articles."""
PATIENCE = 600.0
"""Seconds until what is still missing is lost: a listing that failed is asked again after five minutes."""
GROWN = 1.25
"""How much larger `didban up` may be at the end than when it was ready."""
_ROLES = (
    ("prefect server", r"prefect server|uvicorn"),
    ("prefect worker", r"prefect worker"),
    ("shift (prefect's engine)", r"prefect\.engine"),
    ("didban metrics", r"flows\.cli metrics"),
    ("didban web", r"flows\.cli web"),
    ("didban up", r"flows\.cli up"),
)
_TOML = "".join(f'[sources.{key}]\nevery = "{EVERY}s"\n' for key in dict.fromkeys(SOURCES.values()))
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


def soak(minutes: float, idle: float, seed: int, folder: Path, say: Callable[[str], None]) -> list[Check]:
    """The table of what came of it. Raises TimeoutError when something does not come."""
    receiver = Receiver()
    with receiver.serve(), Site() as site:
        (folder / "didban.toml").write_text(_TOML, "utf-8")
        environment = {
            "DIDBAN_CONFIG": str(folder / "didban.toml"),
            "DIDBAN_VAR": str(folder / "var"),
            "DIDBAN_HOSTS": site.hosts,
            "DIDBAN_RATE": "20",
            "DIDBAN_CHANNEL_HOOK": receiver.url,
            "DIDBAN_OPERATOR": "hook",
            "DIDBAN_REPORT": "off",
        }
        crew = Crew(folder, environment)
        try:
            up = crew.start("up", "-m", "flows.cli", "up", "--every", f"{SHIFT}s")
            crew.until("everything is up", (folder / "var" / "up.json").exists)
            url = f"sqlite:///{folder / 'var' / 'didban.db'}"
            crew.until(
                "the first pass is over", lambda: site.requests and _stored(url) >= sum(_published(site).values())
            )
            born = _processes(folder)
            say("didban up: ready; " + _memory(born))
            grown, killed = _trouble(site, folder, up.pid, 60 * minutes, random.Random(seed), say)
            say(f"{len(grown)} articles that somebody waits for, {killed.total()} processes killed; left in peace")
            published = _published(site)
            crew.until("every article is stored", lambda: _stored(url) >= sum(published.values()))
            crew.until("every message is sent", lambda: not rows(url, _UNSENT))
            crew.until("a shift is at work", lambda: any("shift" in one.role for one in _processes(folder).values()))
            say("all is done; nothing new from here on")
            _idle(folder, idle, say)
            died = _processes(folder)
            stored = Counter(rows(url, "SELECT source || ':' || site_id FROM article"))
            alerts, told = rows(url, _ALERTED), {json.loads(body).get("story") for _, _, body in receiver.taken}
            keys: dict[str, set[bytes]] = defaultdict(set)
            for _, key, body in receiver.taken:
                keys[key].add(body)
            lags = _lags(receiver, grown)
            say(f"lag from publication to delivery, s: {_spread(lags)}")
            say(f"the same beyond the poll's {EVERY} s: {_spread([max(0.0, lag - EVERY) for lag in lags])}")
            urgent = rows(url, _RAISED_TO_SENT)
            say(f"from the alert to its delivery, s: {_spread([float(lag) for lag in urgent])}")
            up.send_signal(signal.SIGINT)
            code = up.wait(PATIENCE)
            left = [pid for pid in pids() if variable(pid, MARK) == f"{folder}/up"]
        finally:
            crew.end()
    first = next(one for one in born.values() if one.role == "didban up")
    last = next(one for one in died.values() if one.role == "didban up")
    return [
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
        Check(
            f"didban up has grown: {first.memory:.0f} to {last.memory:.0f} MB",
            True,
            last.memory <= first.memory * GROWN,
        ),
        Check("didban up ends with", 0, code),
        Check("processes left", [], left),
    ]


_UNSENT = """SELECT id FROM notification WHERE state = 'waiting' AND alert IS NOT NULL
    UNION ALL SELECT id FROM message WHERE state <> 'sent'"""
_ALERTED = "SELECT DISTINCT story.key FROM alert JOIN story ON story.id = alert.story WHERE alert.live"
_MESSAGES = "SELECT key FROM message WHERE state = 'sent'"
_RAISED_TO_SENT = """SELECT (julianday(message.sent_at) - julianday(min(alert.raised_at))) * 86400 FROM message
    JOIN notification ON notification.message = message.id JOIN alert ON alert.id = notification.alert
    WHERE message.sent_at IS NOT NULL GROUP BY message.id"""


def _trouble(
    site: Site, folder: Path, up: int, seconds: float, pick: random.Random, say: Callable[[str], None]
) -> tuple[dict[str, float], Counter[str]]:
    """Publish, kill and fail for so long: when each article that matches a rule appeared, by number; which roles were killed."""
    grown: dict[str, float] = {}
    killed: Counter[str] = Counter()
    end = time.monotonic() + seconds
    publish, kill, fail = 0.0, time.monotonic() + 20, 0.0
    while (now := time.monotonic()) < end:
        if now >= publish:
            publish = now + pick.uniform(LEAST / 2, LEAST)
            if pick.random() < 0.5:
                grown[str(site.grow().article.id)] = time.time()
            else:
                site.publish(pick.choice(sorted(set(SOURCES.values()))))
        if now >= kill:
            kill = now + pick.uniform(20, 40)
            alive = [(pid, one.role) for pid, one in _processes(folder).items() if pid != up and one.role]
            if alive:
                pid, role = pick.choice(sorted(alive))
                os.kill(pid, signal.SIGKILL)
                killed[role] += 1
                say(f"{now - end + seconds:4.0f} s: killed {role}")
        if now >= fail:
            fail = now + pick.uniform(10, 20)
            source = pick.choice(sorted(set(SOURCES.values())))
            site.heal(source)
            site.fail(source, pick.choice((500, 502, 503)), every=pick.randint(2, 5), times=pick.randint(1, 6))
        time.sleep(0.2)
    for source in set(SOURCES.values()):
        site.heal(source)
    return grown, killed


def _idle(folder: Path, seconds: float, say: Callable[[str], None]) -> None:
    """Nothing new for so long: the processor time and memory of each process that lives all the while."""
    before, began = _processes(folder), time.monotonic()
    time.sleep(seconds)
    after, passed = _processes(folder), time.monotonic() - began
    for pid in sorted(before.keys() & after.keys(), key=lambda pid: after[pid].role):
        used = 100 * (after[pid].cpu - before[pid].cpu) / passed
        say(f"idle: {after[pid].role or 'other':26} {used:5.2f} % of a core, {after[pid].memory:4.0f} MB")


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
    parser.add_argument("--idle", type=float, default=60.0, help="seconds in which nothing new appears, at the end")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        checks = soak(asked.minutes, asked.idle, asked.seed, Path(folder), say=lambda line: print(line, flush=True))
    print(show(checks))
    sys.exit(not all(check.well for check in checks))


if __name__ == "__main__":
    main()
