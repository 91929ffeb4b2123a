"""A process that runs `didban` commands in children of its own, each killed with SIGKILL at the step it is told.

One JSON object a line on stdin, `{"arguments": […], "environment": {…}, "output": "…", "kill": [step, moment, number] | null}`;
one list of numbers a line on stdout: the exit codes, or minus the signals. A job with `"spawn": true` is answered with its
process id at once, and `{"reap": id}` with how that one ended, null while it runs. What a command needs is imported once,
here; a child is forked before any thread or connection exists, and is otherwise a process like any other: it dies as one.

A step is a method; the moment is `before` or `after` its `number`th call (from 1), or `inside`: its transaction is written whole,
and not committed.
"""

from __future__ import annotations

import inspect
import json
import os
import signal
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from functools import wraps
from typing import Any, NoReturn

from sqlalchemy import Connection

from alerts.channels.webhook import WebhookChannel
from flows import archive, cli, deliver, server, shift
from scrapers.fetch import Fetcher
from storage import store
from storage.articles import Articles
from storage.database import Database
from storage.links import Links
from storage.outbox import Outbox
from storage.pages import Pages
from storage.sources import Sources
from storage.units import Units

OWNERS = {
    one.__name__: one for one in (Fetcher, WebhookChannel, Articles, Database, Links, Outbox, Pages, Sources, Units)
}
IMPORTED = (archive, deliver, server, shift, store)


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("SIGKILL cannot be survived")


def arm(step: str, moment: str, number: int) -> None:
    """Kill this process at the `number`th call of a step."""
    owner, _, name = step.partition(".")
    original = getattr(OWNERS[owner], name)
    calls = 0
    inside = False

    def begin() -> bool:
        nonlocal calls, inside
        calls += 1
        if calls == number and moment == "before":
            die()
        inside = calls == number and moment == "inside"
        return calls == number and moment == "after"

    @wraps(original)
    def plain(*args: Any, **named: Any) -> Any:
        last = begin()
        result = original(*args, **named)
        if last:
            die()
        return result

    @wraps(original)
    async def awaited(*args: Any, **named: Any) -> Any:
        last = begin()
        result = await original(*args, **named)
        if last:
            die()
        return result

    setattr(OWNERS[owner], name, awaited if inspect.iscoroutinefunction(original) else plain)
    write = Database.write

    @contextmanager
    def killed_before_commit(self: Database, *, alone: bool = False) -> Generator[Connection]:
        with write(self, alone=alone) as connection:
            yield connection
            if inside:
                die()

    if moment == "inside":
        Database.write = killed_before_commit


def child(job: dict[str, Any]) -> NoReturn:
    os.environ.clear()
    os.environ.update(job["environment"])
    output = os.open(job["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if job["kill"]:
        arm(*job["kill"])
    try:
        cli.main(job["arguments"])
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()  # whatever escapes is the bug that a test looks for
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    running: dict[int, int] = {}
    for line in sys.stdin:
        job = json.loads(line)
        if "reap" in job:
            pid, status = os.waitpid(job["reap"], os.WNOHANG)
            answer(os.waitstatus_to_exitcode(status) if pid else None)
            continue
        pid = os.fork()
        if not pid:
            child(job)
        if job.get("spawn"):
            answer(pid)
            continue
        running[pid] = len(running)
        if job.get("wait", True):
            codes = [os.waitstatus_to_exitcode(os.waitpid(one, 0)[1]) for one in running]
            running.clear()
            answer(codes)


def answer(said: object) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
