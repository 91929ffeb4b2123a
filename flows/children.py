"""Processes that must not outlive us: started, started again, and ended with all that descends from them.

A child has a session of its own, so that Ctrl-C in a terminal reaches only us and we end things in order. Its descendants may
have sessions of their own and lose their parents; on Linux orphans come back to us (PR_SET_CHILD_SUBREAPER), and a child gets
SIGTERM when we are killed outright (PR_SET_PDEATHSIG). Elsewhere only the children themselves are known.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

GRACE = 25.0
"""Seconds that processes have to end after SIGTERM: a shift leaves the page in hand and tells the server."""
LONGEST_WAIT = 60.0
LONGEST_LOG = 5_000_000
"""Bytes: of each log there are so many at most, and as many put aside."""

_SET_PDEATHSIG, _SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
_LIBC = ctypes.CDLL(None)


@dataclass(slots=True)
class Child:
    """A command that runs `in env` and writes to `log`."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    again: float | None = None
    """When it has ended: the moment of its next start, on the monotonic clock."""
    wait: float = 0.5

    def start(self) -> None:
        self.began, self.again = time.monotonic(), None
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                self.command,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - one prctl(2) call; the supervisor has no threads
            )

    def code(self) -> int | None:
        """Its exit code once it has ended."""
        return self.process.poll() if self.process else None

    def ended(self) -> int:
        """Its exit code, once it has ended."""
        while (code := self.code()) is None:
            time.sleep(0.1)
        return code

    def keep(self, report: Callable[[str], None]) -> bool:
        """True when it lives. Starts it again after a second, after twice that when it falls within a minute, and so on."""
        trim(self.log)
        if self.code() is None:
            return True
        now = time.monotonic()
        if self.again is None:
            self.wait = 1.0 if now - self.began > LONGEST_WAIT else min(self.wait * 2, LONGEST_WAIT)
            self.again = now + self.wait
            report(
                f"{self.name} ended with code {self.code()} ({self.last_words()}); it starts again in {self.wait:.0f} s"
            )
        elif now >= self.again:
            self.start()
        return False

    def last_words(self) -> str:
        """The last line of its log that says something."""
        try:
            lines = self.log.read_text("utf-8", "replace").splitlines()
        except OSError as error:
            return f"no log: {error.strerror}"
        return next((line.strip() for line in reversed(lines) if line.strip(" \t│╭╮╰╯─")), "it said nothing")


def trim(log: Path) -> None:
    """Puts a log that has grown long aside, in the place of what was put aside before; whoever writes to it writes on.

    They append, so that the emptied file is filled from its beginning. What is written meanwhile may be lost. On a full disk
    all of it is: room is worth more there.
    """
    with suppress(FileNotFoundError):
        if log.stat().st_size > LONGEST_LOG:
            with suppress(OSError):
                shutil.copyfile(log, log.with_suffix(".old.log"))
            os.truncate(log, 0)


@contextmanager
def adopting() -> Generator[None]:
    """Within, orphans of our descendants become our children; SIGTERM and a closed terminal interrupt us as Ctrl-C does."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    if before[signal.SIGHUP] == signal.SIG_IGN:
        del before[signal.SIGHUP]  # nohup
    for number in before:
        signal.signal(number, signal.default_int_handler)
    _prctl(_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        _prctl(_SET_CHILD_SUBREAPER, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def stop(children: Sequence[Child]) -> None:
    """Ends all that descends from us, in this order: grandchildren, then the children from the last to the first.

    SIGTERM, and SIGKILL after GRACE. Deaf to signals meanwhile: a second Ctrl-C must not leave processes behind.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for kept in range(len(children), -1, -1):
        end(children, spared=children[:kept])


def end(children: Sequence[Child], *, spared: Sequence[Child]) -> None:
    """Ends all that descends from us but `spared`."""
    told: set[int] = set()
    deadline = time.monotonic() + GRACE
    while family := descendants(children) - _pids(spared):
        late = time.monotonic() > deadline
        for pid in family if late else family - told:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
        told |= family
        time.sleep(0.1)
        bury(children)


def descendants(children: Iterable[Child]) -> set[int]:
    """The number of every process below this one, whatever its session."""
    below: dict[int, set[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(stat.read_text("utf-8", "replace").rpartition(")")[2].split()[1])  # proc(5): state, ppid …
            below.setdefault(parent, set()).add(int(stat.parent.name))
    family: set[int] = set()
    new = _pids(child for child in children if child.code() is None) | below.get(os.getpid(), set())
    while new:
        family |= new
        new = {child for pid in new for child in below.get(pid, ())} - family
    return family


def variable(pid: int, name: str) -> str | None:
    """An environment variable of a process as it was started (Linux)."""
    with suppress(OSError):
        for pair in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if pair.startswith(f"{name}=".encode()):
                return pair.partition(b"=")[2].decode("utf-8", "replace")
    return None


def bury(children: Iterable[Child]) -> None:
    """Reaps what has ended: our children through their Popen, orphans that came back to us by number."""
    own = {child.process.pid: child for child in children if child.process}
    with suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            child = own.get(ended.si_pid)
            if child is None or child.code() is None:
                os.waitpid(ended.si_pid, 0)


def _pids(children: Iterable[Child]) -> set[int]:
    return {child.process.pid for child in children if child.process}


def _end_with_parent() -> None:
    _prctl(_SET_PDEATHSIG, signal.SIGTERM)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        _LIBC.prctl(option, value)
