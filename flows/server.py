"""Is a Prefect server there? Plain: imports nothing of Prefect, so that every command may ask.

`didban up` writes VAR/up.json, `{"pid": int, "api_url": str, "started": "2026-11-21T08:00:00Z", "health_url": str,
"page_url": str}`, once all of it runs, and removes it when it stops. A file whose process is gone is stale and ignored.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TextIO

from didban.dates import iso_utc, parse_iso
from didban.errors import DateError, SettingsError
from didban.settings import Settings

POOL = "didban"
"""The work pool on which our deployments run."""
KEEP = timedelta(days=30)
"""How long a server remembers finished runs."""
_METRICS = "127.0.0.1:4201"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Up:
    """A running `didban up`: its process, where its server answers, since when, where /health and the officer's page do."""

    pid: int
    api_url: str
    started: datetime
    health_url: str = ""
    page_url: str = ""


def api_url(settings: Settings, environ: Mapping[str, str] | None = None) -> str | None:
    """Where the Prefect API answers: PREFECT_API_URL, else the living `didban up` of this VAR, else None."""
    named = (os.environ if environ is None else environ).get("PREFECT_API_URL", "")
    if named:
        return named
    up = read(settings.var)
    return None if up is None else up.api_url


def join(settings: Settings) -> str | None:
    """`api_url`, with this process made ready to import Prefect for it and to work under it quietly."""
    url = api_url(settings)
    if url is not None:
        wanted = environment(settings, url) | {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}
        if os.environ.get("PREFECT_API_URL"):
            del wanted["PREFECT_HOME"]  # the operator's own server: their profile may hold the key to it
        os.environ.update(wanted)
    return url


def environment(settings: Settings, url: str) -> dict[str, str]:
    """The variables under which Prefect, whatever process imports it, talks to `url` and to nobody else.

    Set them before Prefect is imported: on import it reads its settings, makes PREFECT_HOME and, on a terminal, would
    announce itself to its makers. The server is on loopback, so the operator's proxy must not be asked for it.
    """
    around = [os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or "", "127.0.0.1", "localhost"]
    no_proxy = ",".join(filter(None, around))
    return {
        "PREFECT_API_URL": url,
        "PREFECT_HOME": str(home(settings)),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }


def home(settings: Settings) -> Path:
    """PREFECT_HOME: Prefect's database, profiles and logs."""
    return settings.var.absolute() / "prefect"


def logs(settings: Settings) -> Path:
    """Where `didban up` and each of its processes keep a log."""
    return settings.var.absolute() / "logs"


def metrics_place(settings: Settings, *, port: int | None = None) -> tuple[str, int]:
    """Where to listen: as `metrics` says, but for `port`. Raises SettingsError, also for a place that others can reach when
    there is no token."""
    host, _, named = (settings.metrics or f"{_METRICS}").rpartition(":")
    host = host.strip("[]")
    if not host or not (named.isascii() and named.isdecimal() and int(named) < 65536):
        raise SettingsError(f"metrics: {settings.metrics!r} is no HOST:PORT; {_METRICS} is one")
    if host not in _LOOPBACK and metrics_token(settings) is None:
        raise SettingsError(f"metrics: {host} can be reached by others: set metrics_token, or listen on 127.0.0.1")
    return host, int(named) if port is None else port


def metrics_token(settings: Settings) -> str | None:
    """What whoever asks there has to show."""
    return settings.metrics_token.get_secret_value() or None if settings.metrics_token else None


def read(var: Path) -> Up | None:
    """What VAR/up.json says, if it can be read and its process still lives."""
    try:
        given = json.loads((var / "up.json").read_text("utf-8"))
        up = Up(
            pid=int(given["pid"]),
            api_url=str(given["api_url"]),
            started=parse_iso(given["started"]),
            health_url=str(given.get("health_url", "")),
            page_url=str(given.get("page_url", "")),
        )
    except (OSError, ValueError, LookupError, TypeError, DateError):
        return None
    return up if _lives(up, var) else None


def write(var: Path, up: Up) -> None:
    """VAR/up.json, whole or not at all."""
    draft = var / "up.json.new"
    draft.write_text(json.dumps(asdict(up) | {"started": iso_utc(up.started)}) + "\n", "utf-8")
    draft.replace(var / "up.json")


def forget(var: Path) -> None:
    (var / "up.json").unlink(missing_ok=True)


def claim(var: Path) -> TextIO | None:
    """An open file that makes this process the one `didban up` of VAR for as long as it lives; None when another is."""
    lock = _lock(var).open("a", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _lock(var: Path) -> Path:
    return var / "up.lock"


def _lives(up: Up, var: Path) -> bool:
    """True while the process that wrote up.json runs; not when another merely got its number (the lock is free then)."""
    try:
        os.kill(up.pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    try:
        with _lock(var).open(encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True  # held by the writer, or written by a server that is not ours to lock
    return False
