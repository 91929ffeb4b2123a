"""What `didban up` deploys, where its server listens, and what becomes of runs whose process is gone."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from didban.errors import ServerError, SettingsError
from didban.settings import Settings, WebSettings, load
from flows import server, up
from flows.children import Child

FILE = Path(__file__).parents[2] / "prefect.yaml"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DIDBAN_VAR", str(tmp_path / "var"))
    return load()


def test_the_plan_is_prefect_yaml_with_the_watch_as_asked() -> None:
    before = datetime.now(UTC)
    plan = up.plan(timedelta(minutes=5), timedelta(minutes=4, seconds=30))
    written = {deployment["name"]: deployment for deployment in yaml.safe_load(FILE.read_text("utf-8"))["deployments"]}
    planned = {deployment["name"]: deployment for deployment in plan["deployments"]}
    assert list(planned) == list(written) == ["watch", "notify", "backfill"]
    for name, deployment in planned.items():
        pool = deployment.pop("work_pool")
        assert pool["name"] == written[name].pop("work_pool")["name"] == up.POOL
        assert pool["job_variables"]["command"].endswith("-m prefect.engine")
    (schedule,) = planned["watch"].pop("schedules")
    assert planned["watch"].pop("parameters") == {"sources": None, "minutes": 4.5}
    assert (schedule["interval"], schedule["timezone"]) == (300, "Asia/Tehran")
    wait = datetime.fromisoformat(schedule["anchor_date"]) - before
    assert timedelta(0) < wait < timedelta(minutes=1), "the first shift does not wait for the schedule"
    for part in ("schedules", "parameters"):
        del written["watch"][part]
    assert planned == written


def test_a_second_up_says_where_the_first_is(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    settings.var.mkdir()
    lock = server.claim(settings.var)
    assert lock is not None
    with lock:
        server.write(
            settings.var,
            server.Up(pid=os.getpid(), api_url="http://127.0.0.1:4242/api", started=datetime.now(UTC)),
        )
        assert up.supervise(settings, every=timedelta(minutes=15), shift=timedelta(minutes=15)) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert f"http://127.0.0.1:4242/api, process {os.getpid()}" in said.err


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DIDBAN_VAR", str(tmp_path / "file" / "var"))
    with pytest.raises(SettingsError, match=r"file/var: Not a directory; DIDBAN_VAR"):
        up.supervise(load(), every=timedelta(minutes=15), shift=timedelta(minutes=15))


def test_a_server_that_does_not_start_is_one_line_and_leaves_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(up.sys, "executable", "/bin/false")
    with pytest.raises(
        ServerError, match=r"^the Prefect server does not start: it said nothing \(see .*server\.log\)$"
    ):
        up.supervise(settings, every=timedelta(minutes=15), shift=timedelta(minutes=15))
    assert not (settings.var / "up.json").exists()
    lock = server.claim(settings.var)
    assert lock is not None, "the folder is free again"
    lock.close()


def test_deployments_go_to_a_server_that_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    quarter = timedelta(minutes=15)
    with pytest.raises(ServerError, match="PREFECT_API_URL names no server"):
        up.deploy(settings, every=quarter, shift=quarter)
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setattr(up.sys, "executable", "/bin/false")
    with pytest.raises(ServerError, match=r"^http://127.0.0.1:9/api does not take the deployments: it said nothing"):
        up.deploy(settings, every=quarter, shift=quarter)


def test_the_configured_port_or_a_free_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("PREFECT_SERVER_API_PORT", str(port))
        with pytest.raises(ServerError, match=f"port {port}"):
            up._port()
    assert up._port() == port
    monkeypatch.setenv("PREFECT_SERVER_API_PORT", "many")
    with pytest.raises(ServerError, match="port many"):
        up._port()
    monkeypatch.delenv("PREFECT_SERVER_API_PORT")
    assert up._port() > 0


def test_the_children_know_one_server_and_no_other_profile(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "https://elsewhere.example/api")
    monkeypatch.setenv("PREFECT_API_KEY", "secret")
    monkeypatch.setenv("PREFECT_PROFILE", "work")
    monkeypatch.setenv("DIDBAN_RATE", "2")
    env = up._environment(settings, "http://127.0.0.1:4200/api")
    assert env["PREFECT_API_URL"] == "http://127.0.0.1:4200/api"
    assert not {"PREFECT_API_KEY", "PREFECT_PROFILE"} & env.keys()
    assert env["DIDBAN_RATE"] == "2"
    assert env["DIDBAN_VAR"] == str(settings.var.absolute()), "whatever the folder a run works in"
    assert (env["DO_NOT_TRACK"], env["PREFECT_SERVER_ANALYTICS_ENABLED"]) == ("1", "false")


def run(number: int, state: str, *, ago: timedelta, scheduled: bool = True) -> dict[str, Any]:
    at = (datetime.now(UTC) - ago).isoformat()
    return {
        "id": f"run-{number}",
        "state": {"type": state, "timestamp": at},
        "expected_start_time": at,
        "auto_scheduled": scheduled,
    }


@contextmanager
def api(*runs: dict[str, Any]) -> Generator[tuple[str, list[tuple[str, str]]]]:
    """A server that has these runs: its address, and the states it has been told to set."""
    told: list[tuple[str, str]] = []

    class Server(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path.endswith("/filter"):
                wanted = given["flow_runs"]["state"]["type"]["any_"]
                answer: Any = [run for run in runs if run["state"]["type"] in wanted]
            elif self.path.endswith("/set_state"):
                told.append((self.path.split("/")[2], given["state"]["type"]))
                answer = {}
            else:
                answer = None
            self.send_response(409 if answer is None else 200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is inherited
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as listening:
        threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.server_address[1]}", told
        finally:
            listening.shutdown()


@pytest.mark.skipif(up.sys.platform != "linux", reason="a run's process is known on Linux only")
def test_a_run_without_a_process_gives_its_place_back(tmp_path: Path) -> None:
    minute = timedelta(minutes=1)
    alive = Child("run", ["/bin/sleep", "60"], {"PREFECT__FLOW_RUN_ID": "run-2"}, tmp_path / "run.log")
    alive.start()
    assert alive.process is not None
    try:
        with api(
            run(1, "RUNNING", ago=minute),
            run(2, "RUNNING", ago=minute),
            run(3, "PENDING", ago=timedelta(seconds=1)),
            run(4, "COMPLETED", ago=minute),
        ) as (url, told):
            up._close_lost(url, [alive], older=up.LOST)
            assert told == [("run-1", "CRASHED")], "not one that lives, nor one whose process may still be coming"
            up._close_lost(url, [alive], older=timedelta())
            assert told[1:] == [("run-1", "CRASHED"), ("run-3", "CRASHED")]
    finally:
        alive.process.kill()
        alive.process.wait()


def test_scheduled_runs_whose_time_passed_while_nothing_was_up_are_dropped() -> None:
    hour = timedelta(hours=1)
    with api(
        run(1, "SCHEDULED", ago=hour), run(2, "SCHEDULED", ago=-hour), run(3, "SCHEDULED", ago=hour, scheduled=False)
    ) as (url, told):
        up._drop_missed(url, older=timedelta())
    assert told == [("run-1", "CANCELLED")], "not one to come, nor one that a person asked for"


def test_a_night_of_late_runs_is_made_up_for_once() -> None:
    quarter = timedelta(minutes=15)
    with api(*(run(number, "SCHEDULED", ago=quarter * number + timedelta(minutes=1)) for number in range(100))) as (
        url,
        told,
    ):
        up._drop_missed(url, older=quarter)
    assert len(told) == 99
    assert ("run-0", "CANCELLED") not in told


def test_the_page_is_served_where_nobody_else_is_unless_it_is_off(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        elsewhere = settings.model_copy(update={"web": WebSettings.model_construct(port=port, _fields_set=set())})
        place = up._page(elsewhere)
        assert place is not None
        assert (place[0], place[1] == port) == ("127.0.0.1", False)
        assert up._page(settings.model_copy(update={"web": WebSettings(port=port)})) == ("127.0.0.1", port), "as asked"
    assert up._page(settings.model_copy(update={"web": WebSettings(up=False)})) is None


def test_what_up_says_is_also_in_a_log(settings: Settings) -> None:
    settings.var.mkdir()
    said: list[str] = []
    report = up._noting(server.logs(settings), said.append)
    report("worker: ready")
    (line,) = (server.logs(settings) / "up.log").read_text("utf-8").splitlines()
    assert said == ["worker: ready"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3} \| INFO    \| up - worker: ready", line)


def test_the_server_is_asked_without_a_proxy_and_its_refusals_are_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with api() as (url, _told):
        assert up._ask(f"{url}/work_pools/", {"name": "didban"}) is None, "409: it is there already"
        with pytest.raises(ServerError, match="answers 501"):
            up._ask(f"{url}/health")
    with pytest.raises(ServerError, match="does not answer"):
        up._ask(f"{url}/health")
