"""What takes long to find out is found out beside the requests: who asks gets the last answer, and after a while a newer one.

What is found out quickly is found out anew each time, so that a small archive is always shown as it stands.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, TypeVar

from didban.errors import DidbanError
from flows.workshop import now

T = TypeVar("T")
QUICK: Final = 0.2
"""Seconds: what takes less is never kept, and nobody is kept waiting for longer."""
REST: Final = 60
"""How many times as long as it took an answer is kept: so at most a sixtieth of a core is spent on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Generic[T]):
    """What was found, from a look that began at `at` and took so many seconds."""

    found: T
    at: datetime
    took: float
    ended: float


class Beside(Generic[T]):
    """One question. Its thread is a daemon: nobody waits for it at the end."""

    def __init__(self, find: Callable[[], T], *, quick: float = QUICK) -> None:
        self._find = find
        self._quick = quick
        self._lock = threading.Lock()
        self._answer: Answer[T] | DidbanError | None = None
        self._looking: threading.Thread | None = None

    def get(self) -> Answer[T] | None:
        """The newest answer; None while the first is looked for. Raises what the look raised, and the next one looks again."""
        with self._lock:
            looking = None
            if self._looking is None and self._is_old():
                looking = self._looking = threading.Thread(target=self._look, daemon=True)
                looking.start()
        if looking is not None:
            looking.join(self._quick)
        with self._lock:
            if isinstance(answer := self._answer, DidbanError):
                self._answer = None
                raise answer
            return answer

    def _is_old(self) -> bool:
        answer = self._answer
        if not isinstance(answer, Answer) or answer.took < self._quick:
            return True
        return time.monotonic() - answer.ended > REST * answer.took

    def _look(self) -> None:
        at, start = now(), time.monotonic()
        answer: Answer[T] | DidbanError | None = None
        try:
            found, ended = self._find(), time.monotonic()
            answer = Answer(found=found, at=at, took=ended - start, ended=ended)
        except DidbanError as error:
            answer = error
        finally:
            with self._lock:
                self._answer, self._looking = answer, None
