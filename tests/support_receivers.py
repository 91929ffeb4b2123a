"""Receivers for tests, real ones on the loopback: a bot API with Telegram's limits, mail servers with and without TLS, proxies."""

from __future__ import annotations

import asyncio
import json
import re
import select
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@contextmanager
def serving(server: socketserver.TCPServer) -> Generator[int]:
    """The port of a server that runs while the `with` does."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def closed_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as once:
        return once.getsockname()[1]


# ── a bot API ────────────────────────────────────────────────────────────────────────────────────────────────────────

TAGS = frozenset(
    {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "a", "code", "pre", "blockquote", "tg-spoiler"}
)
ENTITIES = re.compile(r"&(?:lt|gt|amp|quot|#\d+|#x[0-9A-Fa-f]+);")


class ParseError(ValueError):
    """What Telegram says of HTML that it cannot parse."""


class _Html(HTMLParser):
    """Telegram's HTML, as strict as it is: its own tags, each closed, only four named entities, no bare `<` or `&`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.open: list[tuple[str, int, str]] = []
        self.entities: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            raise ParseError(f'Unsupported start tag "{tag}"')
        self.open.append((tag, len(self.text), dict(attrs).get("href") or ""))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1][0] != tag:
            raise ParseError(f'Unmatched end tag, found "</{tag}>"')
        name, start, href = self.open.pop()
        self.entities.append((name, self.text[start:], href))

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(html: str) -> tuple[str, list[tuple[str, str, str]]]:
    """The visible text, and each entity as tag, text and link. Raises ParseError."""
    if "&" in ENTITIES.sub("", html):
        raise ParseError("Unexpected entity")
    if "<" in re.sub(r"</?[a-z-]+(?: href=\"[^\"<>]*\")?>", "", html):
        raise ParseError("Unclosed start tag")
    parser = _Html()
    parser.feed(html)
    parser.close()
    if parser.open:
        raise ParseError(f'Can\'t find end tag corresponding to start tag "{parser.open[-1][0]}"')
    return parser.text, parser.entities


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that the API took."""

    chat: str
    text: str
    entities: tuple[tuple[str, str, str], ...]
    fields: dict[str, Any]


@dataclass
class BotApi:
    """Knows one token and some chats; `answers` are given first, one a request: (status, body, headers). It may also hang up
    (`drop`) after it has taken a message, or never answer (`silent`)."""

    token: str
    port: int = 0
    chats: frozenset[str] = frozenset({"42", "-1001", "@egov"})
    blocked: frozenset[str] = frozenset({"13"})
    limit: int = 4096
    in_200: bool = False
    """Errors come in an answer of 200, as Eitaa's do."""
    broken_parser: bool = False
    drop: bool = False
    silent: threading.Event | None = None
    answers: list[tuple[int, bytes, dict[str, str]]] = field(default_factory=list)
    taken: list[Sent] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, path: str, fields: dict[str, Any]) -> tuple[int, dict[str, Any]]:  # noqa: PLR0911 - so many ends it has
        found = re.fullmatch(r"/(?:bot)?([^/]+)/sendMessage", path)
        if found is None:
            return 404, error(404, "Not Found")
        if found[1] != self.token:
            return 401, error(401, "Unauthorized")
        chat = str(fields.get("chat_id"))
        if chat in self.blocked:
            return 403, error(403, "Forbidden: bot was blocked by the user")
        if chat not in self.chats:
            return 400, error(400, "Bad Request: chat not found")
        text, entities = str(fields.get("text")), list[tuple[str, str, str]]()
        if fields.get("parse_mode") == "HTML":
            try:
                text, entities = parsed("<broken>" if self.broken_parser else text)
            except ParseError as failed:
                return 400, error(400, f"Bad Request: can't parse entities: {failed}")
        if len(text.encode("utf-16-le")) // 2 > self.limit:
            return 400, error(400, "Bad Request: message is too long")
        if not text.strip():
            return 400, error(400, "Bad Request: message text is empty")
        self.taken.append(Sent(chat, text, tuple(entities), fields))
        return 200, {"ok": True, "result": {"message_id": len(self.taken)}}


def error(code: int, description: str, **parameters: object) -> dict[str, Any]:
    said: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    return said | ({"parameters": parameters} if parameters else {})


def scripted(code: int, description: str, **parameters: object) -> tuple[int, bytes, dict[str, str]]:
    """An answer in the service's own shape, for `BotApi.answers`."""
    return code, json.dumps(error(code, description, **parameters)).encode(), {"Content-Type": "application/json"}


@contextmanager
def bot_api(token: str, **facts: Any) -> Generator[BotApi]:
    api = BotApi(token, **facts)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            api.paths.append(self.path)
            if api.silent is not None:
                api.silent.wait(30)
                self.close_connection = True
                return
            if api.answers:
                self._say(*api.answers.pop(0))
                return
            form = self.headers["Content-Type"].startswith("application/x-www-form-urlencoded")
            fields = dict(parse_qsl(body.decode())) if form else json.loads(body)
            status, said = api.answer(self.path, fields)
            if api.drop:
                self.close_connection = True
                return
            self._say(200 if api.in_200 else status, json.dumps(said).encode(), {"Content-Type": "application/json"})

        def _say(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        api.port = port
        try:
            yield api
        finally:
            if api.silent is not None:
                api.silent.set()


# ── mail ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Certificates:
    """An authority of this run, and what servers and clients need of it."""

    folder: Path
    authority: trustme.CA = field(default_factory=trustme.CA)

    @property
    def ca_file(self) -> Path:
        path = self.folder / "ca.pem"
        self.authority.cert_pem.write_to_path(str(path))
        return path

    def server(self, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(*(names or ("127.0.0.1", "localhost"))).configure_cert(context)
        return context


@dataclass
class Mailbox:
    """A mail server's handler: takes letters, or answers as it is told; per receiver, to `MAIL` or `DATA`, and drops the line when
    told `drop`, after it has taken the letter."""

    port: int = 0
    user: bytes = b"didban"
    password: bytes = b""
    rcpt: dict[str, str] = field(default_factory=dict)
    mail: str = ""
    data: str = ""
    drop: bool = False
    hang: asyncio.Event | None = None
    letters: list[tuple[tuple[str, ...], EmailMessage, bytes, bool]] = field(default_factory=list)
    """To whom, the letter, its bytes, and whether it came through TLS."""

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.hang is not None:
            await self.hang.wait()
        if self.mail:
            return self.mail
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if (said := self.rcpt.get(address, "250 OK")).startswith("250"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.data:
            return self.data
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        letter = message_from_bytes(content, policy=default)
        assert isinstance(letter, EmailMessage)
        self.letters.append((tuple(envelope.rcpt_tos), letter, content, session.ssl is not None))
        if self.drop and server.transport is not None:
            server.transport.close()
        return "250 OK"

    def login(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, said: LoginPassword
    ) -> AuthResult:
        return AuthResult(success=(said.login, said.password) == (self.user, self.password), handled=False)


@contextmanager
def mail_server(
    mailbox: Mailbox | None = None, *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None
) -> Generator[Mailbox]:
    """A server on the loopback: plain, with STARTTLS, or with TLS from the first byte. Behind STARTTLS it asks for
    a password when the mailbox has one."""
    mailbox = mailbox or Mailbox()
    controller = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=closed_port(),
        ssl_context=tls,
        tls_context=starttls,
        require_starttls=False,
        authenticator=mailbox.login,
        auth_required=bool(mailbox.password),
    )
    controller.start()
    mailbox.port = controller.port
    try:
        yield mailbox
    finally:
        if mailbox.hang is not None:
            controller.loop.call_soon_threadsafe(mailbox.hang.set)
        controller.stop()


@contextmanager
def line_by_line(*lines: bytes, letter: bool = False, wait: threading.Event | None = None) -> Generator[int]:
    """The port of a server that says these lines, one after each line it is told, and then hangs up; or waits first. After its
    354 a `letter` is read to its end."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                for number, line in enumerate(lines):
                    if number:
                        while self.rfile.readline() != b".\r\n" and letter and lines[number - 1].startswith(b"354"):
                            pass
                    self.wfile.write(line)
                    self.wfile.flush()
                if wait is not None:
                    wait.wait(30)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with serving(server) as port:
        try:
            yield port
        finally:
            if wait is not None:
                wait.set()


# ── proxies ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Proxy:
    """A proxy that counts; whatever name it is asked for, it connects to this port of the loopback."""

    scheme: str
    target: int
    port: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"


@contextmanager
def proxying(scheme: str, target: int) -> Generator[Proxy]:
    """A SOCKS5 or an HTTP CONNECT proxy."""
    proxy = Proxy(scheme, target)

    class Handler(socketserver.BaseRequestHandler):
        request: socket.socket
        greet: ClassVar = {"socks5": "_socks", "http": "_connect"}

        def handle(self) -> None:
            proxy.asked.append(getattr(self, self.greet[scheme])())
            with socket.create_connection(("127.0.0.1", proxy.target)) as far:
                pump(self.request, far)

        def _socks(self) -> str:
            _, methods = self.request.recv(2)
            self.request.recv(methods)
            self.request.sendall(b"\x05\x00")
            _, _, _, kind = self.request.recv(4)
            length = self.request.recv(1)[0] if kind == 3 else 4
            name = self.request.recv(length)
            (port,) = struct.unpack("!H", self.request.recv(2))
            self.request.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
            return f"{name.decode() if kind == 3 else socket.inet_ntoa(name)}:{port}"

        def _connect(self) -> str:
            head = b""
            while b"\r\n\r\n" not in head:
                head += self.request.recv(4096)
            if head.startswith(b"CONNECT"):
                self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                return head.split()[1].decode()
            raise AssertionError(head)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with serving(server) as port:
        proxy.port = port
        yield proxy


def pump(near: socket.socket, far: socket.socket) -> None:
    other = {near: far, far: near}
    while True:
        for side in select.select([near, far], [], [], 10)[0]:
            try:
                data = side.recv(65536)
            except OSError:
                return
            if not data:
                return
            with suppress(OSError):
                other[side].sendall(data)
