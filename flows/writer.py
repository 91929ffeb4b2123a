"""The one thread that writes to the store, and that waits while the database is away.

a transaction ── kept ──────────────────────────▶ done
              ── the database is locked or away ──▶ said once, done again until patience ends or the run does
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import Any, ParamSpec, TypeVar

from didban.errors import StoreAway

FIRST_WAIT, LONGEST_WAIT = 1.0, 15.0
"""Seconds between two tries: twice as many each time."""

P = ParamSpec("P")
T = TypeVar("T")


class Writer(ThreadPoolExecutor):
    """Work is done in the order in which it was given, each piece a transaction. One for which the database is locked,
    restarting or gone for longer than storage itself waits is done again, for `patience` at most; what was given after it waits
    behind it. When patience has ended once, so has the waiting: all that comes after is tried once.

    What storage refuses with StoreAway was not kept, but for a commit whose answer was lost on its way: done twice, it is
    the same. `report` gets a line, from that thread, when the waiting begins, when the reason is another, and when it ends.
    """

    def __init__(self, patience: timedelta, report: Callable[[str], None]) -> None:
        super().__init__(1, "didban-writer")
        self._patience, self._report = patience.total_seconds(), report
        self._ending = threading.Event()
        self.away = False
        """Was the database, when the run came to its end? Then it takes as long again to be refused once more."""

    def submit(self, work: Callable[P, T], /, *args: P.args, **named: P.kwargs) -> Future[T]:
        """As every executor; what the Future raises is StoreAway only when patience has ended."""
        return super().submit(self._patiently, partial(work, *args, **named))

    def end_waiting(self) -> None:
        """The run is over: from now on everything is tried once."""
        self._ending.set()

    def _patiently(self, work: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the work gives
        began, pause, said = monotonic(), FIRST_WAIT, ""
        while True:
            try:
                done = work()
            except StoreAway as error:
                self.away = True
                left = began + self._patience - monotonic()
                if left <= 0 or self._ending.is_set():
                    self._ending.set()
                    raise
                if str(error) != said:
                    said = str(error)
                    self._report(f"{said}; nothing is lost, the run waits for it")
                if self._ending.wait(min(pause, left)):
                    raise
                pause = min(2 * pause, LONGEST_WAIT)
            else:
                self.away = self.away and self._ending.is_set()  # what asks the database nothing succeeds, too
                if said:
                    self._report(f"the database answers again, after {monotonic() - began:.0f} s")
                return done
