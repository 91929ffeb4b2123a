"""`didban up`: a Prefect server, its deployments and a worker, supervised as one until Ctrl-C.

    server   prefect server start       on loopback, with its own database under VAR/prefect
    deploy   prefect deploy --all       prefect.yaml, with the interval and the shift asked for
    worker   prefect worker start       runs each scheduled flow in a process of its own
    metrics  didban metrics             /health and /metrics
    page     didban web                 the officer's page, unless [web] says `up = false`

A child that dies is started again; a run whose process is gone gives its place back; of the runs whose time passed during a
pause, one is made up for. Each process has a log of bounded size in VAR/logs. This process imports nothing of
Prefect, so that it stays small however long it runs.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any

import click
import yaml

from didban.errors import ServerError, SettingsError
from didban.settings import Settings
from flows import children, server
from flows.children import Child
from flows.server import KEEP, POOL

METRICS, PAGE = "metrics", "page"
START = timedelta(minutes=4)
"""How long the server may take to answer: 14 s on two idle cores, 41 s the first time, longer on a small busy one."""
LOST = timedelta(seconds=30)
"""A run without a process for so long is lost: between taking a run and starting its process a worker needs about a second."""
LOOK = 20.0
"""Seconds between two looks for lost runs."""

_QUIET = {
    "PREFECT_CLI_COLORS": "false",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_LOGGING_COLORS": "false",
    "PREFECT_LOGGING_FORMATTERS_STANDARD_DATEFMT": "%Y-%m-%dT%H:%M:%S",  # a log of months: with the day
    "DO_NOT_TRACK": "1",
}
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Loopback needs no proxy, whatever the environment says."""


def supervise(
    settings: Settings, *, every: timedelta, shift: timedelta, report: Callable[[str], None] = click.echo
) -> int:
    """Starts everything, says so in three lines, and keeps it running until Ctrl-C or SIGTERM.

    `every` is the time from one shift to the next, `shift` how long one lives (at most `every`).
    Returns 0, or 1 when another `didban up` has this VAR. Raises ServerError when the server or the deployments do not
    start, SettingsError when VAR cannot be written. However it ends, no process is left.
    """
    try:
        settings.var.mkdir(parents=True, exist_ok=True)
        lock = server.claim(settings.var)
    except OSError as error:
        raise SettingsError(
            f"{settings.var}: {error.strerror}; DIDBAN_VAR names a folder that can be written"
        ) from None
    if lock is None:
        up = server.read(settings.var)
        where = f" at {up.api_url}, process {up.pid}" if up is not None else ""
        click.echo(
            f"didban: `didban up` already runs here{where}; stop it, or set DIDBAN_VAR to another folder", err=True
        )
        return 1
    family: list[Child] = []
    report = _noting(server.logs(settings), report)
    with lock, children.adopting():
        try:
            url = _start(settings, family, every=every, shift=min(shift, every), report=report)
            _keep(url, family, every, report)
        except KeyboardInterrupt:
            report("stopping")
        finally:
            server.forget(settings.var)
            children.stop(family)
    return 0


def deploy(
    settings: Settings, *, every: timedelta, shift: timedelta, report: Callable[[str], None] = click.echo
) -> None:
    """Pool and deployments onto the server that PREFECT_API_URL names, which others look after; workers take it from there.

    Runs work in the folder this is called from: on every worker's machine it must be there. Raises ServerError.
    """
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        raise ServerError("PREFECT_API_URL names no server; on one machine `didban up` starts and deploys by itself")
    wanted = plan(every, min(shift, every))
    home, logs = server.home(settings), server.logs(settings)
    for folder in (home, logs):
        folder.mkdir(parents=True, exist_ok=True)
    path = _written(wanted, home)
    for arguments in (
        ("work-pool", "create", POOL, "--type", "process", "--overwrite"),
        ("deploy", "--all", "--prefect-file", str(path)),
    ):
        child = Child(
            "deploy",
            [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
            os.environ | _QUIET,
            logs / "deploy.log",
        )
        child.start()
        if child.ended() != 0:
            raise ServerError(f"{url} does not take the deployments: {child.last_words()} (see {child.log})")
    report(_deployed(wanted, every, min(shift, every)))


def _noting(logs: Path, report: Callable[[str], None]) -> Callable[[str], None]:
    """`report`, with each line also in a log, as Prefect's processes write theirs: time | level | who - what."""
    logs.mkdir(exist_ok=True)
    place = logs / "up.log"

    def note(line: str) -> None:
        report(line)
        children.trim(place)
        with suppress(OSError), place.open("a", encoding="utf-8") as log:  # a full disk stops nobody
            log.write(f"{datetime.now():%Y-%m-%dT%H:%M:%S.%f}"[:-3] + f" | INFO    | up - {line}\n")  # noqa: DTZ005 - as they do

    return note


def _deployed(wanted: Mapping[str, Any], every: timedelta, shift: timedelta) -> str:
    names = ", ".join(deployment["name"] for deployment in wanted["deployments"])
    return f"deployed: {names}; a shift of {_span(shift)} every {_span(every)}"


def _written(wanted: Mapping[str, Any], home: Path) -> Path:
    path = home / "prefect.yaml"
    path.write_text(yaml.safe_dump(wanted, allow_unicode=True, sort_keys=False), "utf-8")
    return path


def plan(every: timedelta, shift: timedelta) -> dict[str, Any]:
    """prefect.yaml with the watch as asked, its first shift at once, and the lightest way to start a run.

    Without a command, a process worker starts one more Python, which imports Prefect only to find the working folder; without
    a working folder it runs in an empty one, where didban.toml and relative paths are not.
    """
    here = Path(__file__).parent
    places = here / "prefect.yaml", here.parent / "prefect.yaml"  # in a wheel, in a checkout
    path = next(path for path in places if path.exists())
    wanted: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    for deployment in wanted["deployments"]:
        job = {"command": f"{shlex.quote(sys.executable)} -m prefect.engine", "working_dir": str(Path.cwd())}
        deployment["work_pool"] = {"name": POOL, "job_variables": job}
        if deployment["name"] == "watch":
            first = datetime.now(UTC) + timedelta(seconds=20)
            (schedule,) = deployment["schedules"]
            schedule |= {"interval": every.total_seconds(), "anchor_date": first.isoformat()}
            deployment["parameters"] |= {"minutes": shift / timedelta(minutes=1)}
    return wanted


def _start(
    settings: Settings, family: list[Child], *, every: timedelta, shift: timedelta, report: Callable[[str], None]
) -> str:
    """Server, deployments, worker; each in `family` as soon as it runs. Returns the API's address."""
    home = server.home(settings)
    home.mkdir(parents=True, exist_ok=True)
    health, page = _health(settings), _page(settings)
    port = _port()
    url = f"http://127.0.0.1:{port}/api"
    env = _environment(settings, url)

    def prefect(name: str, *arguments: str, program: str = "prefect") -> Child:
        child = Child(name, [sys.executable, "-m", program, *arguments], env, server.logs(settings) / f"{name}.log")
        family.append(child)
        child.start()
        return child

    report(
        f"server: starting at {url.removesuffix('/api')}, in half a minute or so; all is kept in {settings.var.absolute()}"
    )
    _wait(url, home, prefect("server", "server", "start", "--host", "127.0.0.1", "--port", str(port)))

    _ask(f"{url}/work_pools/", {"name": POOL, "type": "process"})
    began, wanted = datetime.now(UTC), plan(every, shift)
    once = prefect("deploy", "--no-prompt", "deploy", "--all", "--prefect-file", str(_written(wanted, home)))
    code = once.ended()
    family.remove(once)
    if code != 0:
        raise ServerError(f"prefect.yaml cannot be deployed: {once.last_words()} (see {once.log})")
    report(_deployed(wanted, every, shift))

    _close_lost(url, family, older=timedelta())
    _drop_missed(url, older=datetime.now(UTC) - began)  # not the first one of this plan, however long deploying took
    prefect("worker", "worker", "start", "--pool", POOL, "--type", "process", "--install-policy", "never")
    prefect(METRICS, "metrics", "--port", str(health[1]), program="flows.cli")
    if page is not None:
        prefect(PAGE, "web", "--port", str(page[1]), program="flows.cli")
    up = server.Up(
        pid=os.getpid(),
        api_url=url,
        started=datetime.now(UTC),
        health_url=f"http://{_bracketed(health[0])}:{health[1]}/health",
        page_url=f"http://{_bracketed(page[0])}:{page[1]}/" if page else "",
    )
    server.write(settings.var, up)
    shown = f"; the officer's page: {up.page_url}" if up.page_url else ""
    report(f"worker: ready; is all well: {up.health_url}{shown}; Ctrl-C stops everything")
    return url


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _keep(url: str, family: Sequence[Child], every: timedelta, report: Callable[[str], None]) -> None:
    """Until interrupted."""
    look = time.monotonic() + LOOK
    while True:
        time.sleep(1)
        fallen = {child.name for child in family if not child.keep(report)}
        children.bury(family)
        if fallen <= {METRICS, PAGE} and time.monotonic() > look:
            look = time.monotonic() + LOOK
            with suppress(ServerError):  # a busy server is asked again
                _close_lost(url, family, older=LOST)
                _drop_missed(url, older=every)


def _close_lost(url: str, family: Sequence[Child], *, older: timedelta) -> None:
    """Marks as crashed the runs that Prefect takes for alive and that have no process: each keeps its deployment's one place.

    A worker does so for the runs it sees die; a run that dies with its worker, or while the server is away, is nobody's.
    """
    if sys.platform != "linux":
        return
    living = {run for pid in children.descendants(family) if (run := children.variable(pid, "PREFECT__FLOW_RUN_ID"))}
    for run in _runs(url, "PENDING", "RUNNING", "CANCELLING"):
        age = datetime.now(UTC) - datetime.fromisoformat(run["state"]["timestamp"])
        if age >= older and run["id"] not in living:
            _set(url, run, "CRASHED", "its process is gone")


def _drop_missed(url: str, *, older: timedelta) -> None:
    """Cancels the scheduled runs whose time passed so long ago: while nothing was up, or while the machine slept.

    One that is younger makes up for them all: a shift does whatever has become due. Without this each of a night's runs would be
    started in turn, to find its place taken.
    """
    for run in _runs(url, "SCHEDULED"):
        if run["auto_scheduled"] and datetime.fromisoformat(run["expected_start_time"]) < datetime.now(UTC) - older:
            _set(url, run, "CANCELLED", "its time passed while didban was not up")


def _runs(url: str, *states: str) -> list[dict[str, Any]]:
    """Runs of our pool in these states, earliest first; 200 at most, by the server's own limit."""
    wanted = {"work_pools": {"name": {"any_": [POOL]}}, "flow_runs": {"state": {"type": {"any_": states}}}}
    found: list[dict[str, Any]] = _ask(f"{url}/flow_runs/filter", {**wanted, "sort": "EXPECTED_START_TIME_ASC"})
    return found


def _set(url: str, run: Mapping[str, Any], state: str, message: str) -> None:
    _ask(
        f"{url}/flow_runs/{run['id']}/set_state", {"state": {"type": state, "name": state.title(), "message": message}}
    )


def _environment(settings: Settings, url: str) -> dict[str, str]:
    """The children's environment: ours, with no other Prefect server or profile, quiet, and nothing sent to anybody."""
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("PREFECT_API_", "PREFECT_PROFILE"))
    }
    return (
        inherited
        | server.environment(settings, url)
        | _QUIET
        | {
            "DIDBAN_VAR": str(settings.var.absolute()),
            "PREFECT_RUNNER_AUTO_INSTALL_DEPENDENCIES": "false",
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{server.home(settings) / 'prefect.db'}",
            "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
            "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
            "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": f"{KEEP.total_seconds():.0f}",
        }
    )


def _port() -> int:
    """The port of PREFECT_SERVER_API_PORT; else Prefect's own, 4200; else, when that is taken, any free one."""
    named = os.environ.get("PREFECT_SERVER_API_PORT")
    if (port := _free(["4200", "0"] if named is None else [named])) is None:
        raise ServerError(f"no server can listen on port {named}; set PREFECT_SERVER_API_PORT to a free one")
    return port


def _health(settings: Settings) -> tuple[str, int]:
    """Where /health answers: as `metrics` says, else on 4201, else, when that is taken, on any free port."""
    host, port = server.metrics_place(settings)
    if settings.metrics:
        return host, port
    return host, _free([str(port), "0"]) or port


def _page(settings: Settings) -> tuple[str, int] | None:
    """Where the officer's page answers: as `[web]` says, else, when 8130 is taken, on any free port; None without one."""
    web = settings.web
    if not web.up:
        return None
    if "port" in web.model_fields_set or not web.is_local:
        return web.host, web.port
    return web.host, _free([str(web.port), "0"]) or web.port


def _free(ports: Sequence[str]) -> int | None:
    """The first of these on which a server can listen on loopback; 0 is any."""
    for port in ports:
        with socket.socket() as probe, suppress(OSError, ValueError, OverflowError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", int(port)))
            return int(probe.getsockname()[1])
    return None


def _wait(url: str, home: Path, child: Child) -> None:
    """Until the server answers and is ours: another one may have taken the port a moment before."""
    deadline = time.monotonic() + START.total_seconds()
    while time.monotonic() < deadline:
        if child.code() is not None:
            raise ServerError(f"the Prefect server does not start: {child.last_words()} (see {child.log})")
        with suppress(ServerError):
            if _ask(f"{url}/admin/settings")["home"] == str(home):
                return
        time.sleep(0.3)
    raise ServerError(f"the Prefect server did not answer within {_span(START)} (see {child.log})")


def _ask(url: str, given: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
    """GET, or POST of `given`, as JSON. A 409, it is there already, is as good as an answer. Raises ServerError."""
    body = None if given is None else json.dumps(given).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - our own server
    try:
        with _DIRECT.open(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.CONFLICT:
            return None
        raise ServerError(f"{url} answers {error.code}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise ServerError(f"{url} does not answer: {error}") from None


def _span(span: timedelta) -> str:
    """`15m`, `90s`: as the command line takes it."""
    seconds = round(span.total_seconds())
    return f"{seconds}s" if seconds % 60 or not seconds else f"{seconds // 60}m"
