"""Two workers share one pool of a PostgreSQL-backed Prefect server; one is killed in mid-run, and the other takes its work over.

    python bench/takeover.py [--articles 1200] [--days 30] [--rate 20]

A backfill of a local site, asked for with two shards, is two runs, one on each worker. When both are at work and a third of the
articles is stored, one worker and its run end with SIGKILL, as on a machine that loses its power. The other run must end well, the
database must hold every article once, and the killed run, which Prefect takes for alive, must be marked as crashed by the next
scheduled one. Prefect's database and ours are in one PostgreSQL, that of the tests. Prints a table; exits with 1 when a line is
wrong. Not a measure of speed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sqlalchemy import text  # noqa: E402 - run as a script, from anywhere
from sqlalchemy.engine import make_url  # noqa: E402

from bench.survive import LAST, SOURCE, Check, Plan, show, stored  # noqa: E402
from demo.site import Site  # noqa: E402
from flows.children import variable  # noqa: E402
from storage.database import Database  # noqa: E402
from tests.support_postgres import server as postgresql  # noqa: E402

BEAT = 30
"""Seconds between two heartbeats of a run, the least that Prefect takes: three missing ones make it lost."""
PATIENCE = 600.0
"""Seconds until anything that does not come is given up; on a busy machine Prefect takes minutes to start."""
MARK = "TAKEOVER"
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
Found = TypeVar("Found")


def takeover(plan: Plan, rate: float, folder: Path, say: Callable[[str], None]) -> list[Check]:
    """The table of what came of it. Raises TimeoutError when something does not come."""
    with (
        postgresql(os.environ.get("DIDBAN_TEST_POSTGRES")) as databases,
        databases.database() as theirs,
        databases.database() as ours,
        Site() as site,
    ):
        site.archive(SOURCE, plan.days, plan.articles // plan.days, until=LAST)
        port = free()
        environment = {
            "DIDBAN_VAR": str(folder / "var"),
            "DIDBAN_HOSTS": site.hosts,
            "DIDBAN_RATE": f"{rate:g}",
            "DIDBAN_DATABASE_URL": ours,
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": str(
                make_url(theirs).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)
            ),
            "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(BEAT),
            "DO_NOT_TRACK": "1",
        }
        crew = Crew(folder, environment)
        try:
            worked = _work(plan, crew, ours, port, say)
            # Alerts are of stories, and some of the site's articles are so alike that they carry one.
            return [*worked, *(check for check in stored(plan, ours, site) if check.what != "archived alerts")]
        finally:
            crew.end()


def _work(plan: Plan, crew: Crew, ours: str, port: int, say: Callable[[str], None]) -> list[Check]:
    api = f"http://127.0.0.1:{port}/api"
    crew.start("server", "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port))
    crew.until("the server answers", lambda: ask(f"{api}/health"))
    crew.run("upgrade", "-m", "flows.cli", "db", "upgrade")
    crew.run("deploy", "-m", "flows.cli", "deploy")
    watch = ask(f"{api}/deployments/name/watch/watch")["id"]
    ask(f"{api}/deployments/{watch}/pause_deployment", {})  # a shift would take a worker's only place
    for name in ("first", "second"):
        pool = ("--pool", "didban", "--type", "process", "--limit", "1", "--install-policy", "never")
        crew.start(name, "-m", "prefect", "worker", "start", "--name", name, *pool)
    say("server, deployments and two workers: there")

    days = {"since": str(LAST - timedelta(days=plan.days - 1)), "until": str(LAST)}
    backfill = ask(f"{api}/deployments/name/backfill/backfill")["id"]
    ask(f"{api}/deployments/{backfill}/create_flow_run", {"parameters": {"source": SOURCE, "shards": 2, **days}})
    owners: set[str] = set()

    def both_work() -> bool:
        owners.update(_owners(ours))
        return len(owners) >= 2 and _articles(ours) >= plan.articles // 3

    crew.until("both workers hold units, and a third is stored", both_work)
    running = {run: crew.worker_of(run) for run in _runs(api, backfill, "RUNNING")}
    at = _articles(ours)
    killed = crew.kill("first")
    say(f"the first worker is killed with its run, {len(killed)} processes, at {at} of {plan.articles} articles")
    (victim,) = [run for run, worker in running.items() if worker == "first"]
    (heir,) = [run for run, worker in running.items() if worker == "second"]
    crew.until("the other run ends", lambda: _state(api, heir) not in {"RUNNING", "PENDING"})
    said = f"the killed run, {_state(api, victim).lower()} for Prefect, is crashed after the next scheduled run"
    say(f"the other run has ended; {said.partition(',')[0]} is {_state(api, victim).lower()} for Prefect")

    notify = ask(f"{api}/deployments/name/notify/notify")["id"]
    tries: list[float] = []

    def cleared() -> bool:
        if not tries or time.monotonic() - tries[-1] > BEAT:
            tries.append(time.monotonic())
            ask(f"{api}/deployments/{notify}/create_flow_run", {})
        return _state(api, victim) == "CRASHED"

    crew.until("the killed run is marked", cleared)
    return [
        Check("processes that held units", 2, len(owners)),
        Check("articles left for the other worker", True, plan.articles > at),
        Check("the other worker's run", "COMPLETED", _state(api, heir)),
        Check(said, "CRASHED", _state(api, victim)),
        Check("errors that nobody foresaw", 0, crew.tracebacks("second")),
    ]


class Crew:
    """Processes under one environment, each with a mark that all it starts inherits."""

    def __init__(self, folder: Path, environment: Mapping[str, str], patience: float = PATIENCE) -> None:
        self._folder, self._patience = folder, patience
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DIDBAN_", "PREFECT_"))}
        self._environment = {**kept, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **environment}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        mark = {MARK: f"{self._folder}/{name}"}
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, env=self._environment | mark,
            )  # fmt: skip
        self._processes[name] = process
        return process

    def run(self, name: str, *arguments: str) -> None:
        if self.start(name, *arguments).wait(self._patience) != 0:
            raise TimeoutError(f"{name}: {self._said(name)}")

    def until(self, what: str, look: Callable[[], Found]) -> Found:
        """The first thing worth having that `look` returns."""
        give_up = time.monotonic() + self._patience
        while time.monotonic() < give_up:
            with suppress(OSError):
                if found := look():
                    return found
            time.sleep(0.2)
        raise TimeoutError(f"{what}: not in {self._patience:.0f} s\n" + "\n".join(map(self._said, self._processes)))

    def worker_of(self, run: str) -> str:
        """On which worker a run is: its process carries the run's number and the worker's mark."""
        for pid in pids():
            if variable(pid, "PREFECT__FLOW_RUN_ID") == run and (mark := variable(pid, MARK)):
                return mark.rpartition("/")[2]
        return ""

    def kill(self, name: str) -> list[int]:
        """SIGKILL to a process and to all that it started."""
        marked = [pid for pid in pids() if variable(pid, MARK) == f"{self._folder}/{name}"]
        for pid in marked:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._processes[name].wait()
        return marked

    def end(self) -> None:
        for name in reversed(self._processes):
            self.kill(name)

    def tracebacks(self, name: str) -> int:
        return (self._folder / f"{name}.log").read_text("utf-8", "replace").count("Traceback")

    def _said(self, name: str) -> str:
        return f"── {name}\n" + (self._folder / f"{name}.log").read_text("utf-8", "replace")[-3000:]


def pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _owners(url: str) -> set[str]:
    return {str(owner) for owner in rows(url, "SELECT DISTINCT leased_by FROM unit WHERE leased_by IS NOT NULL")}


def _articles(url: str) -> int:
    return int(rows(url, "SELECT count(*) FROM article")[0])


def rows(url: str, query: str) -> list[Any]:
    with closing(Database(url)) as database, database.read() as connection:
        return list(connection.execute(text(query)).scalars())


def _runs(api: str, deployment: str, state: str) -> list[str]:
    wanted = {"deployments": {"id": {"any_": [deployment]}}, "flow_runs": {"state": {"type": {"any_": [state]}}}}
    return [run["id"] for run in ask(f"{api}/flow_runs/filter", wanted)]


def _state(api: str, run: str) -> str:
    return str(ask(f"{api}/flow_runs/{run}")["state"]["type"])


def ask(url: str, given: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
    body = None if given is None else json.dumps(given).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with _DIRECT.open(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


def free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=1200)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--rate", type=float, default=20.0, help="requests a second: how long there is to be killed")
    asked = parser.parse_args()
    if asked.articles % asked.days:
        parser.error("--articles must be so many for each of --days")
    began = time.monotonic()
    plan = Plan(articles=asked.articles, days=asked.days)
    with tempfile.TemporaryDirectory() as folder:
        checks = takeover(plan, asked.rate, Path(folder), say=lambda line: print(line, flush=True))
    print(f"{show(checks)}\n{time.monotonic() - began:.0f} s")
    sys.exit(not all(check.well for check in checks))


if __name__ == "__main__":
    main()
