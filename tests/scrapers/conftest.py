"""Goldens: what our readers made of a page, once read by a person and believed. A site on loopback to fetch from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from didban.article import Page

PAGES = Path(__file__).parent / "pages"
SHARED = Path(__file__).parents[2].parent / "shared" / "pages"
FETCHED = datetime(2025, 12, 1, tzinfo=UTC)

Open = Callable[..., Page]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, Any], None]:
    """Compares a value with `pages/NAME.json`, exactly."""

    def check(name: str, value: Any) -> None:
        path = PAGES / f"{name}.json"
        text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
        if request.config.getoption("--accept", default=False):
            path.write_text(text, "utf-8")
            pytest.fail(f"{path.name} is written: read it, then run again without --accept")
        assert json.loads(path.read_text("utf-8")) == value

    return check


@pytest.fixture
def page() -> Open:
    """A page of our own, from `pages/`, or of the given bytes."""

    def open_page(name: str | bytes, url: str = "https://www.irna.ir/", **headers: str) -> Page:
        body = name if isinstance(name, bytes) else (PAGES / name).read_bytes()
        return Page(url=url, body=body, fetched=FETCHED, headers=headers)

    return open_page


@pytest.fixture
def real() -> Open:
    """A real saved page, which stays out of the repository."""

    def open_page(name: str, url: str = "https://www.irna.ir/") -> Page:
        if not (SHARED / name).exists():
            pytest.skip(f"the real page {name} is not beside this checkout")
        return Page(url=url, body=(SHARED / name).read_bytes(), fetched=FETCHED)

    return open_page


@dataclass
class Site:
    """A real HTTP server on loopback that answers by path, whatever the Host; what is not answered is 404."""

    url: str = ""
    answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Host, path and headers of each request, in order."""
    server: HTTPServer | None = None

    def paths(self) -> list[str]:
        return [path for _, path, _ in self.seen]


@pytest.fixture
def site() -> Iterator[Site]:
    here = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            here.seen.append((self.headers["Host"], self.path, {k.lower(): v for k, v in self.headers.items()}))
            here.answers.get(self.path, answer_with(status=404))(self)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's word
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that leaves early is what some tests are about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        here.server = server
        here.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield here
        server.shutdown()


@pytest.fixture
def reply() -> Callable[..., Callable[[BaseHTTPRequestHandler], None]]:
    return answer_with


def answer_with(
    body: bytes = b"", *, status: int = 200, length: int | None = None, **headers: str
) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer; `length` is the Content-Length announced, the body's own by default."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if status != 304:
            handler.send_header("Content-Length", str(len(body) if length is None else length))
        if length is not None:  # it may be a wrong one: said beforehand, so that nobody asks on while it closes
            handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(body)

    return answer
