"""The officer's page behind a real server, for tests."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

import uvicorn
from httpx import Client

from didban.settings import Settings
from web.app import create

Open = Callable[..., Client]
"""Opens the page with such settings of `[web]`."""


def token(html: str) -> str:
    """What every form of a page carries."""
    found = re.search(r'name="token" value="([^"]+)"', html)
    assert found
    return found[1]


class Served(uvicorn.Server):
    """The page in a thread of its own, at a port that is free."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(uvicorn.Config(create(settings), port=0, log_level="critical"))
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # as web.serve's
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen()  # who comes before it serves waits, and is not refused
        self._thread = threading.Thread(target=self.run, kwargs={"sockets": [self._socket]})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def stop(self) -> None:
        self.should_exit = self.force_exit = True  # a browser keeps its connections open: nobody waits for them
        self._thread.join()
        self._socket.close()


@contextmanager
def serving(settings: Settings) -> Generator[str]:
    """The address of the page, while it is served."""
    served = Served(settings)
    try:
        yield served.url
    finally:
        served.stop()
