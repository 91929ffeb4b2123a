"""The proof of delivery: a receiver that fails again and again, a sender that is killed again and again, and nothing is lost.

    python bench/deliver.py [--messages 1000] [--kills 30] [--failing 0.3] [--seed N] [--database URL] [--quick] [--json] [--check]

So many stories are saved under the default rules, each with one message to a signed webhook. The receiver, on the loopback, fails
the given share of requests in five ways by turns: it hangs up before it has taken a message or after, answers 500 before or after,
or 429. Senders deliver until they are killed with SIGKILL, each after a random number of requests; the last one is left in peace.
Then the receiver's log must hold every story once, by its key; a repeat may only have a key, and bytes, that it knows.

A sender is the outbox's own way, `flows.deliver`, in a process of its own; it only waits milliseconds where an operator's waits
minutes. `--database` is the URL of an empty database; without it SQLite in a folder that is removed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from alerts.channels.webhook import signed  # noqa: E402 - run as a script, from anywhere
from didban.alert import Sighting  # noqa: E402
from didban.article import Article  # noqa: E402
from didban.settings import Settings, load  # noqa: E402
from flows import deliver  # noqa: E402
from flows.workshop import now, opened, rulebook_of, workshop  # noqa: E402

FLOORS = {"delivered": 1.0, "killed": 1.0}
CEILINGS = {"lost": 0, "told_twice": 0, "changed": 0, "unsigned": 0, "dead": 0}
SECRET = "a secret of this run"
WAYS = ("drop", "take and drop", "500", "take and 500", "429")
PATIENCE = 300
"""Seconds until a sender that does not go on is given up."""
_LETTERS = "ابپتجچحخدرزسشعغفقکگلمنوهی"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is delivered, and against what."""

    messages: int = 1000
    kills: int = 30
    failing: float = 0.3
    seed: int = 1
    database: str = ""


@dataclass
class Log:
    """What the receiver saw: by key, the bytes it took, each time; and how often it failed in which way."""

    pick: random.Random
    failing: float
    taken: dict[str, list[bytes]] = field(default_factory=dict)
    failed: Counter[str] = field(default_factory=Counter)
    unsigned: int = 0
    requests: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def way(self, headers: dict[str, str], body: bytes) -> str:
        """What becomes of a request; what is taken is written down."""
        with self.lock:
            self.requests += 1
            way = self.pick.choice(WAYS) if self.pick.random() < self.failing else "take"
            self.failed[way] += way != "take"
            expected = signed(SECRET.encode(), headers["webhook-id"], int(headers["webhook-timestamp"]), body)
            self.unsigned += expected["webhook-signature"] != headers["webhook-signature"]
            if way.startswith("take"):
                self.taken.setdefault(headers["idempotency-key"], []).append(body)
            return way


class Receiver:
    """A webhook on the loopback that fails by plan."""

    def __init__(self, log: Log) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:  # the sender was killed in the middle of it: no server takes that
                    self.close_connection = True
                    return
                way = log.way({name.lower(): value for name, value in self.headers.items()}, body)
                if way.endswith("drop"):
                    self.close_connection = True
                    return
                self.send_response({"take": 204, "429": 429}.get(way, 500))
                if way == "429":
                    self.send_header("Retry-After", "0")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                """A sender that is killed hangs up."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def measure(plan: Plan, folder: Path, *, say: Callable[[str], None] = print) -> dict[str, float]:
    """Deliver as planned; the figures by name. Raises TimeoutError when it does not end."""
    pick = random.Random(plan.seed)
    log = Log(random.Random(plan.seed + 1), plan.failing)
    with Receiver(log) as receiver:
        environment = {
            "DIDBAN_VAR": str(folder),
            "DIDBAN_DATABASE_URL": plan.database or f"sqlite:///{folder / 'didban.db'}",
            "DIDBAN_CONFIG": str(folder / "didban.toml"),
            "DIDBAN_DELIVERY": "now",  # each story by itself: what is proven is that each arrives
        }
        (folder / "didban.toml").write_text(
            f'[channels]\nhook = "{receiver.url}"\n[channel.hook]\nsecret = "{SECRET}"\n'
        )
        settings = load(environment)
        write(settings, plan.messages, pick)
        say(f"{plan.messages} stories are saved, each with one message")
        # So many requests there are at least; the last sender keeps a fifth of the work.
        cuts = sorted(pick.sample(range(1, round(plan.messages * 0.8)), plan.kills))
        codes = [_sender(environment, log, cut, pick.uniform(0, 0.02)) for cut in cuts]
        codes.append(_sender(environment, log, None, 0))
        with opened(settings) as store:
            states = store.outbox.states()
            stories = {told.alert.story for told in store.outbox.alerts()}
    return figures(plan, log, codes, states, stories, say)


def figures(
    plan: Plan, log: Log, codes: list[int], states: dict[str, int], stories: set[str], say: Callable[[str], None]
) -> dict[str, float]:
    """What the receiver's log says, against what was saved."""
    told = Counter(json.loads(bodies[0])["story"] for bodies in log.taken.values())
    repeats = sum(len(bodies) - 1 for bodies in log.taken.values())
    killed = codes.count(-signal.SIGKILL)
    say(
        f"{log.requests} requests, {sum(log.failed.values())} of them failed "
        f"({', '.join(f'{way}: {count}' for way, count in sorted(log.failed.items()) if count)}); "
        f"{killed} senders killed; {len(log.taken)} keys, {repeats} repeats under a known key"
    )
    return {
        "delivered": len(told) / plan.messages,
        "killed": killed / max(plan.kills, 1),
        "lost": len(stories - told.keys()) + states.get("open", 0) + states["waiting"],
        "told_twice": sum(count - 1 for count in told.values()),
        "changed": sum(len(set(bodies)) > 1 for bodies in log.taken.values()),
        "unsigned": log.unsigned,
        "dead": states.get("dead", 0),
        "repeats": repeats,
        "requests": log.requests,
    }


def write(settings: Settings, count: int, pick: random.Random) -> None:
    """So many stories that match a default rule and are news, each text of its own."""
    settings.var.mkdir(parents=True, exist_ok=True)
    at = now()

    def words(many: int) -> str:
        return " ".join("".join(pick.choices(_LETTERS, k=pick.randint(3, 7))) for _ in range(many))

    with opened(settings) as store:
        judge = rulebook_of(settings, store)
        for number in range(count):
            article = Article(
                source="mehr",
                id=str(number),
                url=f"https://www.mehrnews.com/news/{number}/x",
                title=f"دولت الکترونیک {words(4)}",
                text="\n".join(words(14) for _ in range(3)),
                published=at,
                has_time=True,
                fetched=at,
            )
            store.articles.save(article, judge, Sighting(via="watch", baseline=False, now=at))


def _sender(environment: dict[str, str], log: Log, cut: int | None, wait: float) -> int:
    """One sender, killed when the receiver has seen `cut` requests and so many seconds are over; its exit code."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DIDBAN_", "PREFECT_"))}
    process = subprocess.Popen(
        [sys.executable, __file__, "--sender"], env={**kept, "PYTHONPATH": str(ROOT), **environment}, cwd=ROOT
    )
    end = time.monotonic() + PATIENCE
    try:
        if cut is None:
            return process.wait(PATIENCE)
        seen = log.requests
        while log.requests < max(cut, seen + 1) and process.poll() is None:
            if time.monotonic() > end:
                raise TimeoutError(f"only {log.requests} requests")
            time.sleep(0.001)
        time.sleep(wait)
    finally:
        process.kill()
    return process.wait()


def send() -> None:
    """A sender: delivers until nothing is left. Tries again after milliseconds, where an operator's process waits from half a
    minute to an hour; all else is what `didban notify` does."""
    deliver.FIRST_RETRY, deliver.LONGEST_RETRY = timedelta(milliseconds=5), timedelta(milliseconds=50)

    async def until_nothing_is_left() -> None:
        async with workshop(load(), rules=False) as shop:
            states = {"waiting": 1}
            while states.get("open") or states["waiting"]:
                await deliver.deliver(shop.pipeline, shop.channels)
                states = shop.pipeline.store.outbox.states()

    asyncio.run(until_nothing_is_left())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=Plan().messages)
    parser.add_argument("--kills", type=int, default=Plan().kills)
    parser.add_argument("--failing", type=float, default=Plan().failing, help="the share of requests that fail")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--database", default="", help="URL of an empty database; SQLite without it")
    parser.add_argument("--quick", action="store_true", help="100 messages and 5 kills")
    parser.add_argument("--json", action="store_true", help="the figures by name, as one JSON object")
    parser.add_argument("--check", action="store_true", help="exit 1 when a bound is missed")
    parser.add_argument("--sender", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.sender:
        send()
        return 0
    plan = Plan(
        messages=100 if asked.quick else asked.messages,
        kills=5 if asked.quick else asked.kills,
        failing=asked.failing,
        seed=asked.seed,
        database=asked.database,
    )
    out = sys.stderr if asked.json else sys.stdout
    print(f"seed {plan.seed}", file=out, flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(plan, Path(folder), say=lambda line: print(line, file=out, flush=True))
    missed = [
        f"{name} is {found[name]:g}, at least {floor:g} wanted" for name, floor in FLOORS.items() if found[name] < floor
    ]
    missed += [
        f"{name} is {found[name]:g}, at most {most:g} wanted" for name, most in CEILINGS.items() if found[name] > most
    ]
    if asked.json:
        print(json.dumps(found, indent=1))
    else:
        print(
            "\n".join(f"{name:12} {value:g}" for name, value in found.items()),
            f"{time.monotonic() - began:.0f} s",
            sep="\n",
        )
    for line in missed if asked.check else ():
        print(line, file=sys.stderr)
    return 1 if asked.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
