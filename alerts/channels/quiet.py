"""Nobody's log shows our secrets: what the libraries that we send through would write while we send is dropped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar

_sending: ContextVar[Callable[[str], None] | None] = ContextVar("sending", default=None)
_HTTPX = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks")


def _unless_sending(record: logging.LogRecord) -> bool:
    overhear = _sending.get()
    if overhear is not None:
        overhear(record.getMessage())
    return overhear is None


def hush(loggers: Iterable[str]) -> None:
    """These loggers write nothing while `quiet` lasts. A logger's filter does not reach its children: each is named."""
    for name in loggers:
        logger = logging.getLogger(name)
        if _unless_sending not in logger.filters:
            logger.addFilter(_unless_sending)


@contextmanager
def quiet(overhear: Callable[[str], None] = lambda _line: None) -> Generator[None]:
    """In this task, and in the threads that it starts, the hushed loggers are silent; `overhear` gets their lines instead."""
    token = _sending.set(overhear)
    try:
        yield
    finally:
        _sending.reset(token)


# httpx logs each request with its whole URL.
hush(_HTTPX)
