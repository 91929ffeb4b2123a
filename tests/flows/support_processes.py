"""Real processes for tests: `didban` commands that can be killed, a webhook that remembers, and what a database holds."""

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
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from demo.site import Site

ROOT = Path(__file__).parents[2]
Kill = tuple[str, str, int]


class Receiver:
    """A webhook on loopback: every delivery it took, in order, as (key, body)."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self.first: Callable[[], None] | None = None
        """Called once, when the first message has been taken and not yet been answered."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.taken.append((self.headers["Idempotency-Key"], body))
                if receiver.first is not None:
                    act, receiver.first = receiver.first, None
                    act()
                    return  # whoever asked is gone
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.taken]

    @property
    def bodies(self) -> dict[str, bytes]:
        """The body of each key. Fails when a repeat of a key carried other bytes."""
        found: dict[str, bytes] = {}
        for key, body in self.taken:
            assert found.setdefault(key, body) == body, f"message {key} was sent with two bodies"
        return found


@dataclass(frozen=True, slots=True)
class Run:
    """How a command ended: its exit code (minus the signal that killed it) and all it printed."""

    code: int
    output: str


@dataclass(slots=True)
class Zygote:
    """Runs commands in processes forked from one that has imported what they need."""

    _process: subprocess.Popen[str] = field(init=False)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("support_zygote.py"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=bare_environment(),
        )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def spawn(self, arguments: Sequence[str], environment: Mapping[str, str], output: Path) -> Child:
        """Start one command, which goes on by itself."""
        job = {
            "arguments": list(arguments),
            "environment": bare_environment() | dict(environment),
            "output": str(output),
            "kill": None,
            "spawn": True,
        }
        return Child(self, self.ask(job))

    def ask(self, job: Mapping[str, Any]) -> Any:
        """Hand over a job; returns what is answered."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def run(
        self, arguments: Sequence[str], environment: dict[str, str], *, output: Path, kill: Kill | None = None
    ) -> Run:
        """Run one command to its end."""
        return self.together([arguments], environment, output=output, kill=kill)[0]

    def together(
        self, commands: Sequence[Sequence[str]], environment: dict[str, str], *, output: Path, kill: Kill | None = None
    ) -> list[Run]:
        """Run several commands at the same time, each in its process, to the end of all."""
        assert self._process.stdin
        assert self._process.stdout
        outputs = [output.with_suffix(f".{number}.txt") for number in range(len(commands))]
        for number, (arguments, place) in enumerate(zip(commands, outputs, strict=True), 1):
            job = {
                "arguments": list(arguments),
                "environment": bare_environment() | environment,
                "output": str(place),
                "kill": kill,
                "wait": number == len(commands),
            }
            self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        codes = json.loads(self._process.stdout.readline())
        runs = [Run(code, place.read_text("utf-8")) for code, place in zip(codes, outputs, strict=True)]
        for run in runs:
            assert "Traceback" not in run.output, run.output
        return runs


@dataclass(eq=False, slots=True)
class Child:
    """A command that a zygote has started, to be held like a `subprocess.Popen`."""

    zygote: Zygote
    pid: int
    returncode: int | None = None

    def poll(self) -> int | None:
        """How it ended, by its exit code or minus the signal that killed it; None while it runs."""
        if self.returncode is None:
            self.returncode = self.zygote.ask({"reap": self.pid})
        return self.returncode

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        give_up = time.monotonic() + (100 if timeout is None else timeout)
        while (code := self.poll()) is None:
            if time.monotonic() > give_up:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 100)
            time.sleep(0.005)
        return code


@dataclass(frozen=True, slots=True)
class Bench:
    """A site, a webhook, and an empty folder to keep everything in."""

    zygote: Zygote
    site: Site
    receiver: Receiver
    folder: Path
    window: str | None = "unlimited"
    database: str = ""
    """A PostgreSQL's URL; empty is SQLite in the folder."""

    @property
    def environment(self) -> dict[str, str]:
        window = {"DIDBAN_ALERT_WINDOW": self.window} if self.window else {}
        return window | {
            "DIDBAN_DATABASE_URL": self.database,
            "DIDBAN_VAR": str(self.folder / "var"),
            "DIDBAN_HOSTS": self.site.hosts,
            "DIDBAN_RATE": "200",
            "DIDBAN_CHANNEL_HOOK": self.receiver.url,
        }

    def didban(self, *arguments: str, kill: Kill | None = None) -> Run:
        return self.zygote.run(arguments, self.environment, output=self.folder / "output", kill=kill)

    def together(self, *commands: Sequence[str]) -> list[Run]:
        return self.zygote.together(commands, self.environment, output=self.folder / "output")

    def killed(self, *arguments: str, kill: Kill) -> None:
        """Run a command that must die at this step."""
        run = self.didban(*arguments, kill=kill)
        assert run.code == -9, f"{kill} was never reached (exit {run.code}): {run.output}"

    def well(self, *arguments: str) -> str:
        """Run a command that must succeed; returns what it printed."""
        run = self.didban(*arguments)
        assert run.code == 0, run.output
        return run.output

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the database, read behind the store's back."""
        if self.database:
            with psycopg.connect(self.database) as server:
                return server.execute(query.encode()).fetchall()
        path = self.folder / "var" / "didban.db"
        if not path.exists():
            return []
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute(query).fetchall()

    def stored(self, source: str) -> list[str]:
        """The site's ids of a source's articles, in order, repeats and all."""
        return [row[0] for row in self.rows(f"SELECT site_id FROM article WHERE source = '{source}' ORDER BY site_id")]

    def published(self, source: str) -> list[str]:
        """What the site has, as `stored` would say it."""
        return sorted(str(piece.article.id) for piece in self.site.pieces(source))

    @property
    def alerts(self) -> list[tuple[str, str]]:
        """(story, rule) of each alert, repeats and all."""
        return sorted(self.rows("SELECT story.key, alert.rule FROM alert JOIN story ON story.id = alert.story"))

    def asked(self, pattern: str, since: int = 0) -> list[int]:
        """The statuses of the requests whose path matches, from request number `since`."""
        return [status for _, path, status in self.site.requests[since:] if re.fullmatch(pattern, path)]

    def settled(self) -> None:
        """Nothing is held, open or left over."""
        for table in ("source", "link", "unit", "message"):
            assert not self.rows(f"SELECT * FROM {table} WHERE leased_by IS NOT NULL"), f"a lease is left on a {table}"
        assert not self.rows("SELECT * FROM notification WHERE state = 'waiting'")
        assert not self.rows("SELECT * FROM message WHERE state <> 'sent'")
        assert not self.rows("SELECT * FROM link WHERE state <> 'stored' OR due_at IS NOT NULL")
        assert not self.rows("SELECT * FROM unit WHERE state <> 'done'")


def bare_environment() -> dict[str, str]:
    """This process's environment without settings of ours or of Prefect, and with the repository importable."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("DIDBAN_", "PREFECT_"))}
    return kept | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


def command(
    *arguments: str, environment: dict[str, str], stdin: bytes = b"", cwd: Path = ROOT
) -> subprocess.CompletedProcess[bytes]:
    """`python -m flows.cli …`, as a person would start it, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        input=stdin, capture_output=True, cwd=cwd, env=bare_environment() | environment, check=False, timeout=100,
    )  # fmt: skip


def started(*arguments: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """The same, running."""
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT, env=bare_environment() | environment,
    )  # fmt: skip
