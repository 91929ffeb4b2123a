"""Who may see the page, and who may act on it.

    Host          must be one we serve: another name that leads to our loopback address (DNS rebinding) is refused
    headers       a Content-Security-Policy that allows our own files alone: no script, no inline style, no frame
    log-in        a password (scrypt), or a name that a trusted proxy puts in a header; neither is asked on loopback unless set
    feeds         a key in the address, each feed its own: a reader of feeds cannot log in
    posts         the token of the session, and an Origin that is ours
    guesses       ten wrong passwords from one address, and it waits a quarter of an hour

The session is a signed cookie (starlette's, itsdangerous), SameSite=Strict, HttpOnly; its key lies in VAR/web.key, for us alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.datastructures import URL, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
MOST_BYTES = 65_536
"""Of a form, but that of a rule's phrases."""
GUESSES, PENANCE = 10, 900.0
"""Wrong passwords from one address, and the seconds it then waits."""
_SCRYPT = {"n": 2**15, "r": 8, "p": 1, "maxmem": 64 * 2**20}
"""RFC 7914's work factors, as OWASP's Password Storage Cheat Sheet recommends at least: about a tenth of a second."""


def hashed(password: str) -> str:
    """`scrypt:SALT:HASH`, for `[web] password` in didban.toml."""
    salt = secrets.token_bytes(16)
    parts = (salt, _scrypt(password, salt))
    return ":".join(["scrypt", *(base64.urlsafe_b64encode(part).decode() for part in parts)])


def is_password(given: str, kept: str) -> bool:
    """Whether `given` is the password that `kept` was made of; False for what `hashed` never wrote."""
    try:
        salt, wanted = (base64.urlsafe_b64decode(part) for part in kept.removeprefix("scrypt:").split(":"))
        return hmac.compare_digest(_scrypt(given, salt), wanted)
    except ValueError:
        return False


def admission(kept: str) -> str:
    """What a session holds that was let in by this password: with another one, whoever had come in by it has to come again."""
    return hashlib.sha256(b"didban web:" + kept.encode()).hexdigest()[:32]


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(errors="replace"), salt=salt, dklen=32, **_SCRYPT)


def session_key(path: Path) -> str:
    """The key that signs sessions: made at first, readable for us alone; two that start at once agree on one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        for _ in range(50):
            if len(key := path.read_text("ascii")) == 64:
                return key
            time.sleep(0.02)
        path.unlink(missing_ok=True)  # a crash tore it
        return session_key(path)
    with os.fdopen(file, "w", encoding="ascii") as opened:
        opened.write(key := secrets.token_hex(32))
    return key


@dataclass(slots=True)
class Guesses:
    """Wrong passwords by address, forgotten in time; at most a few thousand addresses are remembered."""

    clock: Callable[[], float] = time.monotonic
    _wrong: dict[str, list[float]] = field(default_factory=dict)

    def waits(self, address: str) -> bool:
        """Whether this address must wait."""
        recent = [at for at in self._wrong.get(address, ()) if self.clock() - at < PENANCE]
        if recent:
            self._wrong[address] = recent
        else:
            self._wrong.pop(address, None)
        return len(recent) >= GUESSES

    def wrong(self, address: str) -> None:
        if len(self._wrong) >= 4096:
            self._wrong.pop(next(iter(self._wrong)))
        self._wrong.setdefault(address, []).append(self.clock())

    def right(self, address: str) -> None:
        self._wrong.pop(address, None)


class Guarded:
    """Adds the headers to every answer, and lets through only who may see it: `open_paths` are for everybody, and what
    `has_key` says of a request opens that one address."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        password: str,
        trusted_header: str,
        proxies: Sequence[str],
        open_paths: tuple[str, ...],
        has_key: Callable[[Request], bool],
    ) -> None:
        self._app = app
        self._password = password
        self._header = trusted_header
        self._proxies = frozenset(proxies)
        self._open = open_paths
        self._has_key = has_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        request = Request(scope, receive)
        if self._may_see(request):
            await self._app(scope, receive, sending)
            return
        query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
        wanted = quote(scope["path"]) + query if request.method == "GET" else "/"
        await RedirectResponse(URL("/login").include_query_params(next=wanted), 303)(scope, receive, sending)

    def _may_see(self, request: Request) -> bool:
        if request.scope["path"].startswith(self._open) or self._has_key(request):
            return True
        if self._header:
            peer = request.client.host if request.client else ""
            return peer in self._proxies and bool(visitor(request, self._header))
        return not self._password or request.session.get("in") == admission(self._password)


def visitor(request: Request, header: str) -> str:
    """The name that a proxy put in a header: UTF-8, as proxies write it, or Latin-1, as the standard has it."""
    given = request.headers.get(header, "").strip()[:200]
    try:
        return given.encode("latin-1").decode()[:100]
    except UnicodeDecodeError:
        return given[:100]


def token(request: Request) -> str:
    """The session's token, which every form carries."""
    if "token" not in request.session:
        request.session["token"] = secrets.token_urlsafe(24)
    return request.session["token"]


async def form(request: Request, *, most: int = MOST_BYTES) -> dict[str, list[str]]:
    """What a form of ours sent. Raises HTTPException for what is too long, and for what another site made the browser send."""
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    if site not in {"same-origin", "none"} or (origin is not None and _place(origin) != request.url.netloc):
        raise HTTPException(403)
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise HTTPException(413)
    given: dict[str, list[str]] = {}
    try:
        fields = parse_qsl(body.decode("utf-8", "replace"), max_num_fields=500)
    except ValueError:
        raise HTTPException(413) from None
    for name, value in fields:
        given.setdefault(name, []).append(value)
    sent, ours = given.pop("token", [""])[0], request.session.get("token", "")
    if not ours or not hmac.compare_digest(sent.encode(), ours.encode()):
        raise HTTPException(403)
    return given


def _place(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # http://[
        return None
