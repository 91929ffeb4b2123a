"""`didban up` as an operator runs it: a scheduled shift, its alert at a webhook, a command that runs as a flow, and then
Ctrl-C in the middle of a shift, after which no process is left."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest

from demo.site import Site
from didban import __version__
from flows import up as supervisor

REPO = Path(__file__).parents[2]
DIDBAN = (sys.executable, "-m", "flows.cli")
Found = TypeVar("Found")
SECRET = "xyzzy"
WALLS = """
import os, sys


def refuse(event, given):
    if event == "socket.connect" and isinstance(given[1], tuple) and given[1][0] not in ("127.0.0.1", "::1", "localhost"):
        with open(os.environ["MARK_OF_CALLS"], "a") as calls:
            print(given[1], sys.argv, file=calls)
        raise OSError("no network here")


sys.addaudithook(refuse)
"""
"""A sitecustomize: every process of `didban up` is cut off from all but loopback, and what it asks for is noted."""


@pytest.mark.slow
@pytest.mark.timeout(480)
def test_a_scheduled_shift_reaches_a_webhook_and_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    with Site() as site, webhook() as (hook, told):
        fresh = site.grow().article
        var = tmp_path / "var"
        (tmp_path / "walls").mkdir()
        (tmp_path / "walls" / "sitecustomize.py").write_text(WALLS)
        calls = tmp_path / "calls"
        env = os.environ | {
            "PYTHONPATH": f"{tmp_path / 'walls'}:{REPO}",
            "MARK_OF_CALLS": str(calls),
            "DIDBAN_VAR": str(var),
            "DIDBAN_HOSTS": site.hosts,
            "DIDBAN_RATE": "100",
            "PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": "3",
            "DIDBAN_CHANNEL_HOOK": hook.replace("//", f"//user:{SECRET}@") + f"/{SECRET}",
        }
        log = tmp_path / "up.out"
        with log.open("wb") as output:
            up = subprocess.Popen(
                [*DIDBAN, "up", "--every", "40s"], cwd=tmp_path, env=env, stdout=output, stderr=output
            )
        try:
            api = eventually("everything is up", lambda: where(var), 240, up, log)
            first = eventually("a scheduled run has completed", lambda: runs(api, "COMPLETED"), 150, up, log)[0]
            assert first["auto_scheduled"], "made by the scheduler, not by a call to the API"
            assert first["created_by"]["type"] == "SCHEDULE"
            assert first["name"].startswith("watch 14"), "named by its Jalali day"
            assert [message["article"]["id"] for message in told].count(fresh.id) == 1
            wanted = {"filter": {"event": {"name": ["didban.alert.raised"]}}}
            events = asked(api, "events", wanted)["events"]
            assert fresh.title in [event["payload"]["title"] for event in events], "an automation can react to it"
            assert all(event["resource"]["prefect.resource.id"].startswith("didban.rule.") for event in events)
            said = json.loads((var / "up.json").read_text("utf-8"))
            page = eventually("the officer's page", lambda: page_of(said["page_url"]), 30, up, log)
            assert fresh.title.rpartition("لرستان")[2].strip() in page, "the story, with its evidence marked, is on it"
            assert answer(said["health_url"]) == {"well": True, "problems": [], "version": __version__}

            command = [*DIDBAN, "notify", "--json"]
            once = subprocess.run(
                command, check=False, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120
            )
            assert once.returncode == 0, once.stderr
            assert json.loads(once.stdout)["problems"] == []
            (command_run,) = [run for run in runs(api, "COMPLETED") if run["deployment_id"] is None]
            eventually("its log is there", lambda: logged(api, command_run["id"]), 30, up, log)
            kept = logged(api, first["id"])
            assert kept, "the scheduled run has one, too"
            age(var, command_run["id"], "end_time", days=31)
            age(var, first["id"], "end_time", days=29)

            days = ["--since", "1398-07-15", "--until", "1398-07-19", "--limit-rate", "20", "--json"]
            filled = subprocess.run(
                [*DIDBAN, "backfill", "irna", *days],
                check=False,
                cwd=tmp_path,
                env=env,
                capture_output=True,
                timeout=120,
            )
            assert filled.returncode == 0, filled.stderr
            assert json.loads(filled.stdout)["problems"] == []
            (progress,) = asked(api, "artifacts", {"artifacts": {"type": {"any_": ["progress"]}}})
            assert (progress["key"], progress["data"]) == ("backfill-irna", 100)

            deployment = answer(f"{api}/deployments/name/backfill/backfill")["id"]
            form = {"source": "mehr", "since": "1405-05-12", "until": "1405-05-19", "order": "oldest", "shards": 2}
            answer(f"{api}/deployments/{deployment}/create_flow_run", {"parameters": form})
            shared = eventually("two runs have shared a backfill", lambda: of(api, deployment, 2), 120, up, log)
            assert sorted(run["parameters"].get("shards", 1) for run in shared) == [1, 2]

            eventually("the old run is gone", lambda: command_run["id"] not in ids(api, "COMPLETED"), 30, up, log)
            eventually("and so is its log", lambda: not logged(api, command_run["id"]), 30, up, log)
            assert first["id"] in ids(api, "COMPLETED"), "a younger one stays"
            assert logged(api, first["id"]) == kept

            eventually("the next shift works", lambda: runs(api, "RUNNING"), 90, up, log)
            of_watch = [run["id"] for run in runs(api, "SCHEDULED") if run["deployment_id"] == first["deployment_id"]]
            late, others = set(of_watch[-5:]), set(of_watch[:-5])
            for number, run in enumerate(sorted(late)):
                age(var, run, "expected_start_time", days=1 + number)
            supervisor._drop_missed(api, older=timedelta(hours=1))
            assert late <= ids(api, "CANCELLED"), "of days in which nothing was up, nothing is started"
            assert len(late) == 5
            assert others <= ids(api, "SCHEDULED") | ids(api, "PENDING") | ids(api, "RUNNING"), "what is to come stays"
            assert len(alive(var)) >= 3, "server, worker and run: the search below can find something"
            up.send_signal(signal.SIGINT)
            assert up.wait(90) == 0, log.read_text("utf-8")
        finally:
            if up.poll() is None:
                up.terminate()
                up.wait(90)
    assert alive(var) == []
    logs = {path.name: path.read_text("utf-8") for path in (var / "logs").glob("*.log")}
    assert set(logs) >= {"up.log", "server.log", "worker.log", "metrics.log", "page.log"}
    assert re.search(r"^\d{4}-\d\d-\d\dT[\d:.]+ \| INFO    \| Flow run", logs["worker.log"], re.MULTILINE), (
        "with the day"
    )
    assert sum(map(len, logs.values())) < 100_000, "quiet"
    leaks = [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert leaks == [], "a channel's secret is nowhere"
    assert not calls.exists(), f"loopback is enough: {calls.read_text()}"
    assert not (var / "up.json").exists()


def eventually(what: str, look: Callable[[], Found], seconds: float, up: subprocess.Popen[bytes], log: Path) -> Found:
    """The first thing worth having that `look` returns."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        if up.poll() is not None:
            break
        time.sleep(0.5)
    files = [log, *sorted(log.parent.glob("var/logs/*.log"))]
    said = "\n".join(f"── {path.name}\n{path.read_text('utf-8', 'replace')[-4000:]}" for path in files)
    raise AssertionError(f"not within {seconds:g} s: {what}\n{said}")


def where(var: Path) -> str:
    try:
        return str(json.loads((var / "up.json").read_text("utf-8"))["api_url"])
    except FileNotFoundError:
        return ""


def page_of(url: str) -> str:
    """A page as its reader gets it; empty before there is one."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with suppress(OSError), direct.open(url, timeout=30) as answer:
        return str(answer.read().decode())
    return ""


def runs(api: str, state: str) -> list[dict[str, Any]]:
    """The runs in a state, earliest first."""
    wanted = {"sort": "EXPECTED_START_TIME_ASC", "flow_runs": {"state": {"type": {"any_": [state]}}}}
    found: list[dict[str, Any]] = asked(api, "flow_runs", wanted)
    return found


def ids(api: str, state: str) -> set[str]:
    return {run["id"] for run in runs(api, state)}


def logged(api: str, run: str) -> list[str]:
    """The lines that the server has of a run."""
    wanted = {"sort": "TIMESTAMP_ASC", "logs": {"flow_run_id": {"any_": [run]}}}
    return [line["message"] for line in asked(api, "logs", wanted)]


def age(var: Path, run: str, *columns: str, days: int) -> None:
    """Make a run as old as this in the server's own database."""
    values = ", ".join(f"{column} = datetime('now', '-{days} days') || '.000000'" for column in columns)
    with closing(sqlite3.connect(var / "prefect" / "prefect.db", timeout=60, isolation_level=None)) as database:
        assert database.execute(f"UPDATE flow_run SET {values} WHERE id = ?", (run,)).rowcount == 1


def of(api: str, deployment: str, count: int) -> list[dict[str, Any]]:
    """The completed runs of a deployment, once there are so many."""
    found = [run for run in runs(api, "COMPLETED") if run["deployment_id"] == deployment]
    return found if len(found) == count else []


def asked(api: str, what: str, wanted: dict[str, Any]) -> Any:
    """What of this kind the server knows."""
    return answer(f"{api}/{what}/filter", wanted)


def answer(url: str, said: dict[str, Any] | None = None) -> Any:
    """What the server answers to a question, or to what it is told."""
    body = None if said is None else json.dumps(said).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request, timeout=30) as answer:
        return json.load(answer)


def alive(var: Path) -> list[str]:
    """The command lines of the processes that were started with this DIDBAN_VAR, whatever their session."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"DIDBAN_VAR={var}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_text("utf-8", "replace").replace("\0", " "))
    return found


@contextmanager
def webhook() -> Generator[tuple[str, list[dict[str, Any]]]]:
    """A receiver on loopback: the channel's URL, and what it has been told."""
    told: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is inherited
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as receiver:
        threading.Thread(target=receiver.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{receiver.server_address[1]}/told", told
        finally:
            receiver.shutdown()
