"""One POST of a channel, and what its answer means. The only module of the channels that knows httpx.

    2xx                                  taken
    408, 425, 429, 5xx                   not now, with the answer's Retry-After
    3xx                                  not now: on a bad network a redirect is often someone else's log-in page
    other 4xx                            never
    no connection, no answer in time     no network

Redirects are not followed. Loopback addresses are reached without a proxy of the environment's.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

import httpx

from alerts.channels.base import Options
from alerts.channels.quiet import quiet
from didban.dates import parse_rfc822
from didban.errors import ChannelRefused, ChannelUnreachable, DateError, SendError, SettingsError

LATER = frozenset({408, 425, 429})
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_PROXIES = frozenset({"http", "https", "socks5", "socks5h"})
_NO_REQUEST_MADE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
_MOST = 64 * 1024  # bytes of an answer, and it is read no further
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the body's beginning, and the seconds that a Retry-After header asks for."""

    status: int
    body: bytes
    retry_after: float | None

    @property
    def taken(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Door:
    """The way of channel `name` to the network: its proxy, whom it trusts besides, how long it waits."""

    name: str
    proxy: httpx.Proxy | None = field(default=None, repr=False)
    trust: ssl.SSLContext | None = field(default=None, repr=False)
    deadline: float = 20.0

    async def post(self, url: str, *, content: bytes, headers: Mapping[str, str], read: bool = False) -> Answer:
        """The answer, with the beginning of its body when that is to be `read`: whoever trickles it has taken the message all the
        same. Raises ChannelUnreachable; any answer is an answer."""
        try:
            with quiet():
                async with asyncio.timeout(self.deadline):
                    return await self._post(httpx.URL(url), content, dict(headers), read=read)
        except TimeoutError:
            raise ChannelUnreachable(self.name, f"no answer in {self.deadline:g} seconds") from None
        except _NO_REQUEST_MADE as error:
            way = "no connection through its proxy" if self.proxy else "no connection"
            raise ChannelUnreachable(self.name, f"{way}: {_said(error)}", unsure=False) from None
        except httpx.TransportError as error:
            raise ChannelUnreachable(self.name, f"the connection broke ({type(error).__name__})") from None

    async def _post(self, url: httpx.URL, content: bytes, headers: dict[str, str], *, read: bool) -> Answer:
        client = httpx.AsyncClient(
            # Connecting has half of the time: where no way leads out, it is known that nobody was told.
            timeout=httpx.Timeout(self.deadline, connect=self.deadline / 2),
            proxy=self.proxy,
            verify=self.trust or _usual_trust(),
            trust_env=url.host not in LOOPBACK,
        )
        headers["Accept-Encoding"] = "identity"
        async with client, client.stream("POST", url, content=content, headers=headers) as answer:
            body = b""
            if read:
                async for chunk in answer.aiter_raw():
                    body += chunk
                    if len(body) >= _MOST:
                        break
            wait = retry_after(answer.headers.get("Retry-After"), now=datetime.now(UTC))
            return Answer(answer.status_code, body, wait)

    def judge(self, answer: Answer, said: str = "") -> None:
        """By the answer's status; `said` are its own words. Raises ChannelRefused, SendError."""
        if answer.taken:
            return
        problem = f"the receiver answers {answer.status}{f': {said}' if said else ''}"
        if 400 <= answer.status < 500 and answer.status not in LATER:
            raise ChannelRefused(self.name, problem, unsure=False)
        # Behind a 5xx there may be a receiver that took the message.
        raise SendError(self.name, problem, retry_after=answer.retry_after, unsure=answer.status not in LATER)


def door(name: str, options: Options, *, deadline: float = 20.0) -> Door:
    """The door of channel `name`. Raises SettingsError: a proxy or a CA file that cannot be used."""
    return Door(name, _proxy(name, options.proxy), trust(name, options), deadline)


@cache
def _usual_trust() -> ssl.SSLContext:
    """Made once: it takes longer than a message."""
    return httpx.create_ssl_context()


def trust(name: str, options: Options) -> ssl.SSLContext | None:
    """The usual certificates and those of the CA file; None without one. Raises SettingsError."""
    if options.ca_file is None:
        return None
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(options.ca_file)
    except OSError as error:  # SSLError is one
        reason = error.strerror if not isinstance(error, ssl.SSLError) else "no certificates in PEM form"
        raise SettingsError(f"channel {name}: ca_file {str(options.ca_file)!r} cannot be used: {reason}") from None
    return context


def address(name: str, url: str) -> httpx.URL:
    """A web address. Raises SettingsError, without it."""
    try:
        found = httpx.URL(url)
    except httpx.InvalidURL:
        found = httpx.URL()
    if found.scheme not in ("http", "https") or not found.host:
        raise SettingsError(f"channel {name}: its URL is not an address such as https://host/path")
    return found


def _proxy(name: str, url: str | None) -> httpx.Proxy | None:
    if url is None:
        return None
    try:
        proxy = httpx.Proxy(url)
    except (httpx.InvalidURL, ValueError):
        proxy = None
    if proxy is None or proxy.url.scheme not in _PROXIES or not proxy.url.host:
        raise SettingsError(
            f"channel {name}: its proxy is not an address such as socks5://HOST:PORT or http://HOST:PORT"
        )
    return proxy


def _said(error: httpx.TransportError) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def retry_after(value: str | None, *, now: datetime) -> float | None:
    """The seconds that a Retry-After header asks for, as a number or a date; at most a day; None when there is none."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value), _DAY)
    try:
        return min(max((parse_rfc822(value) - now).total_seconds(), 0.0), _DAY)
    except DateError:
        return None
