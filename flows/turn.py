"""A shift's turn: how long a scheduled run works, and how it is stopped. Plain, so that it is tested without Prefect."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import FrameType

HANDOVER = timedelta(seconds=30)
"""How long before the next schedule a shift takes up no more work. A worker asks for the next run's place up to 10 s
ahead of its time, and a run that finds the place taken is cancelled for good (CANCEL_NEW)."""


def lengths(
    due: datetime, length: timedelta, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Generator[timedelta]:
    """How long to work, once or more: each time from now to shortly before the next schedule; 0, once, for one pass.

    `due` is when the run was to begin. A run that overran has taken the place of the next, which was cancelled: it goes on
    in its stead, or nobody would watch until the schedule after.
    """
    if not length:
        yield length
        return
    handover = min(HANDOVER, length / 4)
    while True:
        passed = (now() + handover / 2 - due) // length
        end = due + (passed + 1) * length
        yield max(end - handover - now(), timedelta(seconds=1))
        if now() < end - handover / 2:
            return


@contextmanager
def stoppable(reason: Callable[[], BaseException]) -> Generator[None]:
    """Within, SIGTERM stops the work as Ctrl-C does: asyncio cancels it at an await, never inside a transaction.

    Then `reason()` is raised. Outside the main thread, where no signal arrives, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    terminated = False

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal terminated
        terminated = True
        signal.raise_signal(signal.SIGINT)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent in the background may have had it ignored
    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        if terminated:
            raise reason() from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
