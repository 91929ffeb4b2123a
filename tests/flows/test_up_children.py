"""Processes: started again when they fall, and ended with all that descends from them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows import children
from flows.children import Child

REPO = Path(__file__).parents[2]
linux = pytest.mark.skipif(sys.platform != "linux", reason="orphans come back only on Linux")

# A child whose child has a session of its own, is deaf to SIGTERM, and loses its parent.
STRAY = """
import os, signal, subprocess, sys, time
if sys.argv[1] == "stray":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print(os.getpid(), flush=True)
    time.sleep(300)
elif sys.argv[1] == "middle":
    subprocess.Popen([sys.executable, __file__, "stray"], start_new_session=True)
else:
    subprocess.run([sys.executable, __file__, "middle"])
    time.sleep(300)
"""
SUPERVISOR = """
import os, sys, time
from pathlib import Path
from flows import children
children.GRACE = 0.5
folder = Path(sys.argv[1])
family = [children.Child("child", [sys.executable, str(folder / "stray.py"), "child"], dict(os.environ), folder / "child.log")]
with children.adopting():
    try:
        family[0].start()
        time.sleep(300)
    except KeyboardInterrupt:
        pass
    finally:
        children.stop(family)
"""


def until(what: str, look: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not look():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def marked(folder: Path) -> set[int]:
    """The processes that live and were started under this test's mark, whoever their parent is."""
    numbers = {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    return {pid for pid in numbers if children.variable(pid, "MARK") == str(folder)}  # the dead have no environment


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor with a child and a stray."""
    (tmp_path / "stray.py").write_text(STRAY)
    env = os.environ | {"PYTHONPATH": str(REPO), "MARK": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(tmp_path)], env=env)
    log = tmp_path / "child.log"
    until("the stray has said its number", lambda: log.exists() and log.read_text().endswith("\n"))
    until("supervisor, child and stray", lambda: len(marked(tmp_path)) == 3)
    yield process
    process.kill()
    process.wait()
    for pid in marked(tmp_path):
        os.kill(pid, signal.SIGKILL)


@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_not_even_a_deaf_orphan_with_a_session_of_its_own(
    tmp_path: Path, supervisor: subprocess.Popen[bytes], number: signal.Signals
) -> None:
    supervisor.send_signal(number)
    assert supervisor.wait(30) == 0
    assert marked(tmp_path) == set()


@linux
def test_a_second_ctrl_c_does_not_leave_processes_behind(tmp_path: Path, supervisor: subprocess.Popen[bytes]) -> None:
    supervisor.send_signal(signal.SIGINT)
    until("the child has ended", lambda: len(marked(tmp_path)) == 2)  # and the deaf stray has its grace
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(30) == 0
    assert marked(tmp_path) == set()


@linux
def test_a_supervisor_killed_outright_takes_its_child_with_it(
    tmp_path: Path, supervisor: subprocess.Popen[bytes]
) -> None:
    stray = int((tmp_path / "child.log").read_text())
    supervisor.kill()
    supervisor.wait()
    until("the child has ended", lambda: marked(tmp_path) <= {stray})


def test_a_child_that_falls_is_started_again_with_longer_and_longer_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(children.time, "monotonic", lambda: clock[0])
    said: list[str] = []
    child = Child("worker", [sys.executable, "-c", "print('no memory'); exit(3)"], dict(os.environ), tmp_path / "w.log")

    def falls() -> None:
        child.start()
        assert child.process is not None
        child.process.wait()

    falls()
    waits = []
    for _ in range(8):
        assert not child.keep(said.append)
        waits.append(child.wait)
        clock[0] += child.wait - 0.1
        assert not child.keep(said.append)
        assert child.code() == 3, "not yet started again"
        falls()
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert len(said) == 8, "each fall is said once"
    assert said[0] == "worker ended with code 3 (no memory); it starts again in 1 s"

    clock[0] += 3600
    assert not child.keep(said.append)
    assert child.wait == 1, "an hour later it is a new story"


def test_a_child_whose_wait_is_over_is_started_again(tmp_path: Path) -> None:
    child = Child("server", [sys.executable, "-c", "print('up')"], dict(os.environ), tmp_path / "s.log", wait=0.0)
    child.start()
    first = child.process
    said: list[str] = []
    until("another process", lambda: not child.keep(said.append) and child.process is not first)
    assert child.process is not None
    assert child.process.wait() == 0
    assert (tmp_path / "s.log").read_text() == "up\nup\n"


def test_a_long_log_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "LONGEST_LOG", 10)
    log = tmp_path / "server.log"
    log.write_text("more than ten bytes")
    child = Child("server", [sys.executable, "-c", "print('new')"], dict(os.environ), log)
    children.trim(log)
    child.start()
    assert child.process is not None
    child.process.wait()
    assert log.read_text() == "new\n"
    assert (tmp_path / "server.old.log").read_text() == "more than ten bytes"


def test_a_log_that_grows_under_a_living_child_is_put_aside_and_written_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "import sys\nfor line in sys.stdin: print(line * 1000, end='', flush=True)"
    log = tmp_path / "worker.log"
    child = Child("worker", [sys.executable, "-c", said], dict(os.environ), log)
    monkeypatch.setattr(children.subprocess, "DEVNULL", subprocess.PIPE)
    child.start()
    process = child.process
    assert process is not None
    assert process.stdin is not None
    monkeypatch.setattr(children, "LONGEST_LOG", 5_000)
    for word in (b"first\n", b"second\n"):
        process.stdin.write(word)
        process.stdin.flush()
        size = len(word) * 1000
        until("it has written", lambda size=size: log.stat().st_size == size)
        assert child.keep(print), "it lives"
        assert log.read_bytes() == b"", "and goes on from here"
        assert (tmp_path / "worker.old.log").read_bytes() == word * 1000, "one log is put aside, not one a day"
    process.stdin.close()
    assert process.wait() == 0


def test_last_words_are_the_last_line_that_says_something(tmp_path: Path) -> None:
    child = Child("deploy", ["true"], {}, tmp_path / "deploy.log")
    assert child.last_words() == "no log: No such file or directory"
    child.log.write_text("first\n  work pool does not exist \n╰────╯\n\n")
    assert child.last_words() == "work pool does not exist"
    child.log.write_text("\n")
    assert child.last_words() == "it said nothing"
