"""The one door to the network for pages: an address in, bytes or a typed error out.

    fetch ─▶ robots.txt ─▶ turn ─▶ gate ─▶ read ─▶ judge ─▶ Page | None (304)
             allowed?     the      http(s), the      bytes   a redirect is judged
             (cached)     host's   source's hosts,   capped  and goes round again
                          rate     a public address

The gate resolves a name, refuses addresses that are not public, and connects to the very address it judged, so that no
second look-up can lead elsewhere. A host reached through the operator's proxy is the proxy's to resolve.

What it never does: solve a challenge, ask what robots.txt forbids, follow a redirect out of the source's hosts, believe
a length, wait for ever.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
import socket
import ssl
import zlib
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address, ip_network
from types import MappingProxyType
from typing import Protocol, Self

import httpx
import stamina
from protego import Protego

from didban.article import Page
from didban.errors import (
    Blocked,
    Disallowed,
    FetchError,
    Gone,
    Moved,
    ServerFault,
    SettingsError,
    TooLarge,
    Unreachable,
)
from scrapers.door import Door, OddHead
from scrapers.html import decode

ROBOTS_FRESH = timedelta(hours=1)
ROBOTS_KEPT = timedelta(hours=24)
ROBOTS_AGAIN = timedelta(minutes=1)
MAX_DELAY = 120.0
"""Seconds between requests that a robots.txt may ask for; a larger number is taken for a mistake."""

_MAX_REDIRECTS = 5
_MAX_RETRY_AFTER = 86_400.0
_CONNECT = 10.0
_ROBOTS_BYTES = 500 * 1024  # RFC 9309, 2.5
_WALL_BYTES = 20_000
_WALL = re.compile(
    r"__arcsjs|AR_Key|arvanRecaptcha|Transferring to the website|در حال انتقال به سایت|در حال بررسی مرورگر"
)
_CONTENT = re.compile(
    r"<(?:article|item|entry|url|sitemap)[\s>]|articleBody|<(?:rss|feed|urlset|sitemapindex)\b|^\s*[{\[]"
)
_DROPPED = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection", "set-cookie"})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_TUNNELS = tuple(
    map(ip_network, ("::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16"))
)
_ESCAPED = re.compile(r"(?:%[89A-Fa-f][0-9A-Fa-f])+")
_PLAIN = frozenset({"", "identity"})
_ENCODINGS = _PLAIN | {"gzip", "x-gzip", "deflate"}
_GZIP = 31

# A retry is no news: where nobody has set up logging, Python would print stamina's bare word for it on standard error.
logging.getLogger("stamina").addHandler(logging.NullHandler())

Turn = Callable[[str, float], Awaitable[None]]
"""Awaits the turn of a host; the second argument is the seconds between two requests to it."""
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a name, in the order to be tried. Raises OSError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """What the operator sets for one host: a proxy's address, headers, cookies, a file of extra CA certificates."""

    proxy: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_file: str | None = None


_NO_OPTIONS = HostOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Robots:
    """What a host's robots.txt says of us; `note` is for people, `read` when it was last read in whole."""

    rules: Protego | None
    note: str
    read: datetime
    asked: datetime

    def allows(self, url: str, agent: str) -> bool:
        return self.rules is None or self.rules.can_fetch(_ESCAPED.sub(_letters, url), agent)

    def delay(self, agent: str) -> float:
        """The seconds it asks for between two requests, 0 to MAX_DELAY."""
        if self.rules is None:
            return 0.0
        rate = self.rules.request_rate(agent)
        asked = max(self.rules.crawl_delay(agent) or 0.0, rate.seconds / rate.requests if rate else 0.0)
        return min(asked, MAX_DELAY) if math.isfinite(asked) else 0.0


def _letters(escaped: re.Match[str]) -> str:
    """Escaped letters as themselves, which mean the same to robots.txt rules and take Protego a tenth of the time."""
    try:
        return bytes.fromhex(escaped[0].replace("%", "")).decode()
    except UnicodeDecodeError:
        return escaped[0]


class RobotsMemory(Protocol):
    """Where the texts of robots.txt outlive this process, by origin; an empty text means that there are no rules."""

    async def recall(self, origin: str) -> tuple[str, datetime] | None: ...

    async def remember(self, origin: str, text: str, read: datetime) -> None: ...


class _Closed(Unreachable):
    """No such name, or nobody listens: trying again at once seldom helps."""


class Fetcher:
    """Fetches pages politely; one for all sources, closed at the end (`async with`).

    `rate` is requests per second and host, `hosts` the mapping of DIDBAN_HOSTS (host or `*` → loopback address; while it
    is set, a host not in it is refused), `deadline` the seconds from connection to last byte of one request, `max_bytes`
    the size of a page after decompression, `retries` how often a failure of the network or the server is tried again, and
    `wait` the seconds before the first retry (doubled each time, with jitter).
    """

    def __init__(
        self,
        *,
        rate: float,
        turn: Turn,
        user_agent: str,
        hosts: Mapping[str, str] = MappingProxyType({}),
        options: Mapping[str, HostOptions] = MappingProxyType({}),
        deadline: float = 30.0,
        max_bytes: int = 8_000_000,
        retries: int = 3,
        wait: float = 1.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        resolve: Resolve | None = None,
        memory: RobotsMemory | None = None,
    ) -> None:
        if rate <= 0:
            raise SettingsError(f"the rate is {rate} requests per second; it must be above 0")
        self._interval = 1 / rate
        self._turn = turn
        self._token = user_agent.partition("/")[0]
        self._options = options
        self._deadline = deadline
        self._max_bytes = max_bytes
        self._retries = retries
        self._wait = wait
        self._now = now
        self._memory = memory
        # The deadline is over all of a request: to watch each of its parts as well takes as long as to write it.
        self._timeout = {"timeout": httpx.Timeout(None, connect=min(deadline, _CONNECT)).as_dict()}
        self._robots: dict[str, Robots] = {}
        self._no_robots: dict[str, tuple[datetime, FetchError]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._gate = _Gate(hosts=hosts, options=options, resolve=resolve or _look_up)
        self._client = httpx.AsyncClient(  # keeps headers and cookies; the gate is asked without it, which is quicker
            transport=self._gate,
            trust_env=False,
            headers={
                "User-Agent": user_agent,
                "Accept-Encoding": "gzip, deflate",
                "Accept-Language": "fa-IR, fa;q=0.9",
            },
        )
        for host, option in options.items():
            for name, value in (*option.headers.items(), *option.cookies.items()):
                if not _is_sendable(name + value):
                    raise SettingsError(f"{host}: its header or cookie {name!a} has letters that no request can carry")
            for name, value in option.cookies.items():
                self._client.cookies.set(name, value, domain=host)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._client.aclose()

    async def fetch(
        self, url: str, *, hosts: tuple[str, ...], etag: str | None = None, last_modified: str | None = None
    ) -> Page | None:
        """The page at `url`, or None when it is the one of `etag` and `last_modified` (304).

        `hosts` are the source's: address and redirects stay within them and their subdomains. Raises FetchError.
        """
        conditions = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        given = {name: value for name, value in conditions.items() if value is not None and _is_sendable(value)}
        return await self._follow(url, hosts, given)

    async def robots(self, url: str, *, hosts: tuple[str, ...]) -> Robots:
        """What the robots.txt of an address's host says; asked for once an hour, and a good copy kept for a day.

        A wall raises Blocked; no file or HTML in its place means no rules; with no answer the last good copy counts for
        24 hours, and then the error is raised and the host left alone for a minute at a time.
        """
        return await self._robots_of(_address(url, hosts), hosts)

    async def _robots_of(self, target: httpx.URL, hosts: tuple[str, ...]) -> Robots:
        origin = f"{target.scheme}://{target.netloc.decode('ascii')}/"
        async with self._locks.setdefault(origin, asyncio.Lock()):
            known = self._robots.get(origin) or await self._recalled(origin)
            if known is None or self._now() - known.asked >= ROBOTS_FRESH:
                since, failure = self._no_robots.get(origin, (None, None))
                if since is not None and failure is not None and self._now() - since < ROBOTS_AGAIN:
                    raise failure
                try:
                    known = await self._ask_robots(f"{origin}robots.txt", hosts, known)
                except FetchError as error:
                    self._no_robots[origin] = self._now(), error
                    raise
            self._robots[origin] = known
            return known

    async def _recalled(self, origin: str) -> Robots | None:
        """The copy that an earlier process read, if it is not too old to count."""
        found = await self._memory.recall(origin) if self._memory else None
        if found is None or self._now() - found[1] >= ROBOTS_KEPT:
            return None
        text, read = found
        return Robots(rules=Protego.parse(text) if text else None, note="robots.txt read", read=read, asked=read)

    async def _remember(self, url: str, text: str, read: datetime) -> None:
        if self._memory is not None:
            await self._memory.remember(url.removesuffix("robots.txt"), text, read)

    async def _ask_robots(self, url: str, hosts: tuple[str, ...], known: Robots | None) -> Robots:
        now = self._now()
        try:
            page = await self._follow(url, hosts, {}, obey=False)
        except Gone as gone:
            await self._remember(url, "", now)
            return Robots(rules=None, note=f"no robots.txt (status {gone.status})", read=now, asked=now)
        except (Unreachable, ServerFault) as error:
            if known is None or now - known.read >= ROBOTS_KEPT:
                raise
            return Robots(
                rules=known.rules, note=f"an earlier robots.txt ({error.problem})", read=known.read, asked=now
            )
        text = decode(page.body[:_ROBOTS_BYTES]).lstrip() if page else ""
        await self._remember(url, "" if text.startswith("<") else text, now)
        if text.startswith("<"):
            return Robots(rules=None, note="HTML in place of robots.txt: no rules", read=now, asked=now)
        return Robots(rules=Protego.parse(text), note="robots.txt read", read=now, asked=now)

    async def _follow(
        self, url: str, hosts: tuple[str, ...], headers: Mapping[str, str], *, obey: bool = True
    ) -> Page | None:
        """The answer at the end of the redirects, each of them allowed and in its turn."""
        target = _address(url, hosts)
        for _ in range(_MAX_REDIRECTS + 1):
            interval = self._interval
            if obey:
                robots = await self._robots_of(target, hosts)
                if not robots.allows(str(target), self._token):
                    raise Disallowed(url, f"the robots.txt of {target.host} forbids it")
                interval = max(interval, robots.delay(self._token))
            answer = await self._try(url, target, headers, interval)
            if not isinstance(answer, httpx.URL):
                return answer
            target = _address(url, hosts, redirected=answer)
        raise Blocked(url, f"more than {_MAX_REDIRECTS} redirects, the last to {target}", alone=True)

    async def _try(
        self, url: str, target: httpx.URL, headers: Mapping[str, str], interval: float
    ) -> Page | httpx.URL | None:
        """One request, and again where that may help: a page, where it redirects to, or None for 304."""
        failed: Exception | None = None
        try:
            return await self._once(url, target, headers, interval)
        except (Unreachable, ServerFault) as error:  # few come here, and to set stamina up takes time
            failed = error
        tries = 0

        def again(error: Exception) -> bool:
            return isinstance(error, (Unreachable, ServerFault)) and (tries < 2 or not isinstance(error, _Closed))

        async for attempt in stamina.retry_context(
            on=again,
            attempts=self._retries + 1,
            timeout=None,
            wait_initial=self._wait,
            wait_max=self._wait * 8,
            wait_jitter=self._wait,
        ):
            with attempt:
                tries += 1
                if tries == 1:
                    raise failed
                return await self._once(url, target, headers, interval)
        raise AssertionError("stamina answers or raises")

    async def _once(
        self, url: str, target: httpx.URL, headers: Mapping[str, str], interval: float
    ) -> Page | httpx.URL | None:
        self._gate.unlock(target.host)
        await self._turn(target.host, interval)
        return await self._ask(url, target, headers)

    async def _ask(self, url: str, target: httpx.URL, headers: Mapping[str, str]) -> Page | httpx.URL | None:
        option = self._options.get(target.host, _NO_OPTIONS)
        asked = self._client.headers
        if headers or option.headers:
            asked = asked.copy()
            asked.update({**headers, **option.headers})
        cookies = self._client.cookies if self._client.cookies.jar else None
        request = httpx.Request(
            "GET", target, headers=asked, cookies=cookies, extensions={**self._timeout, "asked": url}
        )
        try:
            async with asyncio.timeout(self._deadline):
                response = await self._gate.handle_async_request(request)
                try:
                    if "set-cookie" in response.headers:
                        response.request = request
                        self._client.cookies.extract_cookies(response)
                        self._forget_unsendable()
                    if response.has_redirect_location:
                        return target.join(response.headers["location"])
                    body = await self._body(url, response)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise Unreachable(url, f"no whole answer within {self._deadline:g} seconds") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _failure(url, error) from None
        return self._judge(url, response, body)

    def _forget_unsendable(self) -> None:
        """Cookies in letters that no request can carry, else every later one to their host would fail."""
        for cookie in [*self._client.cookies.jar]:
            if not _is_sendable(cookie.name + (cookie.value or "")):
                self._client.cookies.jar.clear(cookie.domain, cookie.path, cookie.name)

    async def _body(self, url: str, response: httpx.Response) -> bytes:
        length = response.headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > self._max_bytes:
            raise TooLarge(url, f"{length[:20]} bytes are announced (at most {self._max_bytes})")
        encoding = response.headers.get("content-encoding", "").strip().lower()
        return await _inflated(url, response.aiter_raw(), encoding, self._max_bytes)

    def _judge(self, url: str, response: httpx.Response, body: bytes) -> Page | None:
        status = response.status_code
        if status == httpx.codes.NOT_MODIFIED:
            return None
        wait = _retry_after(response.headers.get("retry-after"), self._now())
        if status in {401, 402, 403, 407, 429, 451} or (status == 503 and wait is not None):
            alone = status in {401, 402, 403, 451} and not is_wall(body)
            raise Blocked(url, f"the server answers {status}", retry_after=wait, alone=alone)
        if is_wall(body):
            raise Blocked(url, f"a wall stands before the page (status {status})", retry_after=wait)
        if status >= 500 or status in {408, 425}:
            raise ServerFault(url, f"the server answers {status}")
        if status >= 400:
            raise Gone(url, status)
        if not 200 <= status < 300:
            raise ServerFault(url, f"the server answers {status}, which leads nowhere")
        headers = {name.lower(): value for name, value in response.headers.items() if name.lower() not in _DROPPED}
        return Page(url=url, body=body, fetched=self._now(), status=status, headers=MappingProxyType(headers))


def _is_sendable(value: str) -> bool:
    return value.isascii() and value.isprintable()


def is_wall(body: bytes) -> bool:
    """Is this the page that ArvanCloud serves, with status 200, instead of the one asked for?

    Short, with the wall's words or cookie names, and with nothing in it that holds an article, a feed or a sitemap: a
    real article that speaks of the wall is none.
    """
    if len(body) > _WALL_BYTES:
        return False
    text = decode(body)
    return _WALL.search(text) is not None and _CONTENT.search(text) is None


def within(host: str, hosts: tuple[str, ...]) -> bool:
    """Is `host` one of `hosts`, or a subdomain of one?"""
    return any(host == name or host.endswith(f".{name}") for name in hosts)


def _address(url: str, hosts: tuple[str, ...], *, redirected: httpx.URL | None = None) -> httpx.URL:
    """`url`, or where it redirects, as the network writes it. Raises Disallowed: no web address, out of `hosts`."""
    try:
        target = httpx.URL(url) if redirected is None else redirected
    except (httpx.InvalidURL, ValueError):
        raise Disallowed(url, "this is no web address") from None
    if (
        target.scheme not in {"http", "https"}
        or not target.host
        or target.userinfo
        or not 0 < (target.port or 1) <= 65535
    ):
        raise Disallowed(url, "only plain http and https addresses are asked for")
    if not within(target.host, hosts):
        kind, way = (Disallowed, "it is") if redirected is None else (Moved, f"it redirects to {target.host},")
        raise kind(url, f"{way} outside of the source's hosts ({', '.join(hosts)})")
    return target.copy_with(fragment=None) if target.fragment else target


# ── the gate ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Gate(httpx.AsyncBaseTransport):
    """Connects a request to an address that may be connected to; cookies and redirects above it know names only.

    One pool per host: hosts behind one address of a CDN must not share a connection that was made for another name.
    """

    def __init__(self, *, hosts: Mapping[str, str], options: Mapping[str, HostOptions], resolve: Resolve) -> None:
        self._mapped = {host: _loopback(host, target) for host, target in hosts.items()}
        self._options = options
        self._resolve = resolve
        self._doors: dict[str, Door] = {}
        self._patient: dict[str, httpx.AsyncHTTPTransport] = {}
        self._odd: set[str] = set()
        self._trusted: ssl.SSLContext | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host, asked = request.url.host, request.extensions["asked"]
        if self._mapped:
            target = self._mapped.get(host, self._mapped.get("*"))
            if target is None:
                raise Disallowed(asked, f"{host} is not in DIDBAN_HOSTS, and while that is set nothing else is asked")
            return await self._knock(request, host, target.scheme, target.host, target.port)
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        if self._is_proxied(host):
            return await self._patiently(host).handle_async_request(request)
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise _Closed(asked, f"no address for {host} ({getattr(error, 'strerror', None) or error})") from None
        public = [address for address in addresses if is_public(address)]
        if not public:
            raise Disallowed(asked, f"{host} is at {', '.join(addresses) or 'no address'}, which is not public")
        *others, last = public[:3]
        for address in others:
            try:
                return await self._knock(request, host, request.url.scheme, address, request.url.port)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._knock(request, host, request.url.scheme, last, request.url.port)

    async def _knock(
        self, request: httpx.Request, host: str, scheme: str, address: str, port: int | None
    ) -> httpx.Response:
        if host in self._odd:
            inner = httpx.Request(
                request.method,
                httpx.URL(scheme=scheme, host=address, port=port),
                headers=request.headers,  # with the original Host
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host, "target": request.url.raw_path},
            )
            return await self._patiently(host).handle_async_request(inner)
        try:
            return await self._door(host).ask(request, scheme, address, port)
        except OddHead:  # it is asked again, in its turn, by the parser that takes more
            self._odd.add(host)
            raise

    def _option(self, host: str) -> HostOptions:
        return self._options.get(host, _NO_OPTIONS)

    def _is_proxied(self, host: str) -> bool:
        return not self._mapped and self._option(host).proxy is not None

    def unlock(self, host: str) -> None:
        """Make ready what a connection to this host needs, certificates above all: a turn that is taken is used at once."""
        if self._is_proxied(host) or host in self._odd:
            self._patiently(host)
        else:
            self._door(host)

    def _door(self, host: str) -> Door:
        if host not in self._doors:
            self._doors[host] = Door(self._trust(self._option(host).ca_file))
        return self._doors[host]

    def _patiently(self, host: str) -> httpx.AsyncHTTPTransport:
        """httpx's own transport: for hosts behind a proxy, and for those with odd answers."""
        if host not in self._patient:
            option = self._option(host)
            self._patient[host] = httpx.AsyncHTTPTransport(
                verify=self._trust(option.ca_file),
                trust_env=False,
                proxy=option.proxy if self._is_proxied(host) else None,
                limits=httpx.Limits(max_connections=4, max_keepalive_connections=2, keepalive_expiry=30),
            )
        return self._patient[host]

    def _trust(self, ca_file: str | None) -> ssl.SSLContext:
        if self._trusted is None:
            self._trusted = httpx.create_ssl_context(trust_env=False)
        if ca_file is None:
            return self._trusted
        context = httpx.create_ssl_context(trust_env=False)
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:  # SSLError is one
            raise SettingsError(f"{ca_file}: no CA certificates can be read from it ({error})") from None
        return context

    async def aclose(self) -> None:
        for door in (*self._doors.values(), *self._patient.values()):
            await door.aclose()


def is_public(address: str) -> bool:
    """May we connect to this address? Not private, loopback, link-local, shared (CGNAT), multicast, reserved, nor an
    IPv6 address that holds an IPv4 one: what a tunnel or translator makes of it, nobody has judged."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    tunnel = any(ip in network for network in _TUNNELS)
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or tunnel)


async def _look_up(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _loopback(host: str, target: str) -> httpx.URL:
    try:
        url = httpx.URL(target)
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    if url.scheme not in {"http", "https"} or url.host not in _LOOPBACK:
        raise SettingsError(f"DIDBAN_HOSTS: {host}={target} is no loopback address such as http://127.0.0.1:8801")
    return url


# ── what came back ────────────────────────────────────────────────────────────────────────────────────────────────────


async def _inflated(url: str, chunks: AsyncIterable[bytes], encoding: str, limit: int) -> bytes:
    """The whole body, decompressed as it comes and never more than `limit` bytes of it. Raises TooLarge, ServerFault."""
    if encoding not in _ENCODINGS:
        raise ServerFault(url, f"it comes compressed as {encoding!r}, which was not asked for")
    body, waiting, stream = bytearray(), b"", None
    async for chunk in chunks:
        if encoding in _PLAIN:
            body += chunk
        else:
            waiting += chunk
            if stream is None and len(waiting) >= 2:
                stream = zlib.decompressobj(_window(waiting))
            try:
                while stream is not None and waiting and len(body) <= limit:
                    body += stream.decompress(waiting, limit + 1 - len(body))
                    waiting = stream.unused_data if b"\x1f\x8b".startswith(stream.unused_data[:2]) else b""
                    if stream.eof and waiting:  # gzip may go on with another member
                        stream = zlib.decompressobj(_GZIP)
            except zlib.error:
                raise ServerFault(url, "its compression is damaged") from None
        if len(body) > limit:
            raise TooLarge(url, f"more than {limit} bytes")
    if waiting or (stream is not None and not stream.eof):
        raise ServerFault(url, "the answer breaks off")
    return bytes(body)


def _window(head: bytes) -> int:
    """zlib's window for what begins so: gzip, zlib, or the bare deflate that some servers send under its name."""
    if head.startswith(b"\x1f\x8b"):
        return _GZIP
    return 15 if head[0] & 15 == 8 and int.from_bytes(head[:2], "big") % 31 == 0 else -15


def _failure(url: str, error: httpx.HTTPError | httpx.InvalidURL) -> FetchError:
    """The network's error as ours: no way there, no answer in time, or an answer that broke off."""
    if isinstance(error, httpx.InvalidURL) or "location header" in str(error):
        return Disallowed(url, "it redirects to no web address")
    causes = list(_causes(error))
    if any(isinstance(cause, (ConnectionRefusedError, socket.gaierror)) for cause in causes):
        return _Closed(url, "nobody listens there")
    if tls := next((cause for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)), None):
        return Unreachable(url, f"its certificate is not trusted ({tls.verify_message}); ca_file may name another")
    if isinstance(error, httpx.TimeoutException):
        return Unreachable(url, "no answer in time")
    if isinstance(error, (httpx.ConnectError, httpx.ProxyError, httpx.UnsupportedProtocol)):
        return Unreachable(url, f"no connection ({error})")
    return ServerFault(url, f"the answer breaks off ({error})")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _retry_after(value: str | None, now: datetime) -> float | None:
    """The header's seconds, or those until its date; 0 to a day. None when it is neither."""
    if value is None:
        return None
    try:
        seconds = float(value) if value.strip().isdecimal() else (parsedate_to_datetime(value) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER)
