"""/health and /metrics: is all well, and in figures, for a monitor to ask.

    GET /health    200 or 503 by the judgement of `didban status`: {"well": bool, "problems": [str], "version": str}
    GET /metrics   Prometheus text: articles, lags, source states, outbox, backfills, disk, the last backup

Settings are read anew for each answer, so that a source that was added is there. An answer is given again for a while, the
longer the more it took to gather: however often somebody asks, it costs at most a fiftieth of a core.
"""

from __future__ import annotations

import hmac
import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import ceil
from threading import Lock

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from didban import __version__
from didban.errors import DidbanError, SettingsError
from didban.health import State
from didban.settings import Settings
from flows import backups, server
from flows.status import Status, judged
from flows.workshop import now, opened
from storage.figures import STAGES, Figures

_QUANTILES = (0.5, 0.95, 1.0)
_SHORTEST, _LONGEST, _SHARE = 2.0, 600.0, 50.0  # seconds that an answer is good for; how often its cost that is


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """All that is said, or why it cannot be."""

    status: Status | None = None
    figures: Figures | None = None
    disk: tuple[int, int] = (0, 0)
    """Free and whole bytes of the disk that VAR is on."""
    backup: backups.Backup | None = None
    error: str = ""

    @property
    def problems(self) -> tuple[str, ...]:
        return self.status.problems if self.status else (self.error,)


def gather(load: Callable[[], Settings]) -> Gathered:
    """Ask the database and the disk. Whatever keeps it from being done is in `error`."""
    try:
        settings = load()
        with opened(settings) as store:
            found = judged(settings, store)
            counted = store.figures(now=now())
        usage = shutil.disk_usage(settings.var)
        return Gathered(status=found, figures=counted, disk=(usage.free, usage.total), backup=backups.last(settings))
    except (DidbanError, OSError) as error:
        return Gathered(error=str(error))


def health(found: Gathered) -> tuple[HTTPStatus, bytes]:
    """The answer to /health."""
    said = {"well": not found.problems, "problems": list(found.problems), "version": __version__}
    status = HTTPStatus.SERVICE_UNAVAILABLE if found.problems else HTTPStatus.OK
    return status, json.dumps(said, ensure_ascii=False).encode() + b"\n"


def metrics(found: Gathered) -> bytes:
    """The answer to /metrics."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(found))
    return generate_latest(registry)


@dataclass(frozen=True, slots=True, eq=False)
class _Collector:
    found: Gathered

    def collect(self) -> Iterator[Metric]:
        found = self.found
        yield _gauge("info", "This program.", [((__version__,), 1)], ("version",))
        yield _gauge("well", "1 when nothing needs a look, as `didban status` judges.", [((), not found.problems)])
        yield _gauge("database_up", "1 when the database answers.", [((), found.figures is not None)])
        if found.status is not None and found.figures is not None:
            yield from _of_sources(found.status)
            yield from _of_figures(found.figures)
            free, total = found.disk
            yield _gauge("disk_free_bytes", "Of the disk that VAR is on.", [((), free)])
            yield _gauge("disk_bytes", "Of the disk that VAR is on.", [((), total)])
        if found.backup is not None:
            yield _gauge("backup_timestamp_seconds", "The newest backup.", [((), found.backup.at)])
            yield _gauge("backup_bytes", "The newest backup.", [((), found.backup.bytes)])


def _of_sources(status: Status) -> Iterator[Metric]:
    lines = [line for line in status.lines if line.watched]
    states = [((line.key, name), line.state.state == name) for line in lines for name in State.__args__]
    yield _gauge("source_state", "1 for the state that a watched source is in.", states, ("source", "state"))
    well = [((line.key,), line.well) for line in lines]
    yield _gauge("source_well", "1 when a watched source needs no look.", well, ("source",))
    newest = [((line.key,), line.last) for line in lines if line.last is not None]
    yield _gauge("source_newest_timestamp_seconds", "Its newest article.", newest, ("source",))
    due = [((line.key,), line.state.due) for line in lines]
    yield _gauge("source_due_timestamp_seconds", "When it is to be asked next.", due, ("source",))
    gaps = [((line.key, state), count) for line in lines for state, count in line.gaps.items()]
    yield _gauge("gaps", "Walks over what scrolled out of a listing.", gaps, ("source", "state"))


def _of_figures(found: Figures) -> Iterator[Metric]:
    def inner(name: str, said: str, of: Mapping[str, Mapping[str, int]], outer: str) -> Metric:
        rows = [((key, state), count) for key, states in of.items() for state, count in states.items()]
        return _gauge(name, said, rows, (outer, "state"))

    yield _gauge(
        "articles", "Articles stored.", [((key,), count) for key, count in found.articles.items()], ("source",)
    )
    today = [((key,), found.today.get(key, 0)) for key in found.articles]
    yield _gauge("articles_today", "Articles stored in the last 24 hours.", today, ("source",))
    yield inner("links", "Addresses seen.", found.links, "source")
    yield inner("backfill_units", "Pieces of archives.", found.units, "source")
    yield inner("messages", "Messages; waiting: notifications not closed into one yet.", found.messages, "channel")
    yield _gauge("alerts_today", "Alerts raised in the last 24 hours.", [((), found.alerts)])
    yield _gauge("messages_today", "Messages taken in the last 24 hours.", [((), found.sent)])
    if found.oldest is not None:
        yield _gauge("oldest_message_timestamp_seconds", "The message that has waited longest.", [((), found.oldest)])
    if found.polled is not None:
        yield _gauge("last_pass_timestamp_seconds", "The last pass over a source.", [((), found.polled)])
    lags = [
        ((stage, str(share)), quantile(found.lags[stage], share))
        for stage in STAGES
        for share in _QUANTILES
        if found.lags[stage]
    ]
    yield _gauge("lag_seconds", "Lags of the last 24 hours.", lags, ("stage", "quantile"))
    counts = [((stage,), len(found.lags[stage])) for stage in STAGES]
    yield _gauge("lag_count", "How many lags the quantiles are of.", counts, ("stage",))
    yield _gauge("database_bytes", "What the database takes on its disk.", [((), found.bytes)])


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that `share` of the values do not exceed."""
    return ordered[max(ceil(share * len(ordered)), 1) - 1]


def _gauge(
    name: str, said: str, rows: Sequence[tuple[tuple[str, ...], float | datetime]], labels: Sequence[str] = ()
) -> Metric:
    family = GaugeMetricFamily(f"didban_{name}", said, labels=labels)
    for values, value in rows:
        family.add_metric(values, value.timestamp() if isinstance(value, datetime) else float(value))
    return family


# ── the server ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Memory:
    """What was gathered last, while it is fresh."""

    load: Callable[[], Settings]
    clock: Callable[[], float] = time.monotonic
    _found: Gathered | None = None
    _until: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def __call__(self) -> Gathered:
        with self._lock:
            began = self.clock()
            if self._found is None or began >= self._until:
                self._found = gather(self.load)
                ended = self.clock()
                self._until = ended + min(max((ended - began) * _SHARE, _SHORTEST), _LONGEST)
            return self._found


def listening(where: tuple[str, int], load: Callable[[], Settings], *, token: str | None = None) -> ThreadingHTTPServer:
    """A server that is bound and not yet serving. Raises SettingsError when nothing can listen there."""
    found = Memory(load)

    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = f"didban/{__version__}", ""
        timeout = 10.0

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if token is not None and not _shown(self.headers.get("Authorization", ""), token):
                self._answer(HTTPStatus.UNAUTHORIZED, b"a token is wanted: Authorization: Bearer ...\n")
            elif path == "/health":
                status, said = health(found())
                self._answer(status, said, "application/json; charset=utf-8")
            elif path == "/metrics":
                self._answer(HTTPStatus.OK, metrics(found()), CONTENT_TYPE_LATEST)
            else:
                self._answer(HTTPStatus.NOT_FOUND, b"/health and /metrics are here\n")

        def do_HEAD(self) -> None:
            self.do_GET()

        def _answer(self, status: HTTPStatus, said: bytes, kind: str = "text/plain; charset=utf-8") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(said)))
            self.send_header("Cache-Control", "no-store")
            if status is HTTPStatus.UNAUTHORIZED:
                self.send_header("WWW-Authenticate", "Bearer")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is inherited
            """A question is no news."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        address_family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET

        def handle_error(self, request: object, client_address: object) -> None:
            """Whoever asked has gone."""

    try:
        return Server(where, Handler)
    except OSError as error:
        raise SettingsError(f"metrics: nothing can listen on {where[0]}:{where[1]}: {error.strerror}") from None


def serve(
    settings: Settings, load: Callable[[], Settings], *, port: int | None = None, say: Callable[[str], None]
) -> None:
    """Answer until Ctrl-C. Raises SettingsError."""
    with listening(server.metrics_place(settings, port=port), load, token=server.metrics_token(settings)) as answering:
        host, taken = answering.server_address[:2]
        say(f"http://{f'[{host}]' if ':' in str(host) else host}:{taken}/health and /metrics; Ctrl-C stops")
        answering.serve_forever()


def _shown(header: str, token: str) -> bool:
    kind, _, shown = header.partition(" ")
    return kind.lower() == "bearer" and hmac.compare_digest(shown.strip().encode(), token.encode())
