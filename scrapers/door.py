"""A way to one host for httpx: aiohttp's connections and its parser, which is C.

    request ─▶ Door ─▶ (scheme, address, port) that the gate has judged ─▶ the answer's head, and its bytes as they come

httpx's own transport, httpcore on h11, is Python to the last header: to fetch a page of 20 KB took it three times as long. It stays
for hosts behind a proxy, for it speaks SOCKS, and for those whose answers are odd.
"""

from __future__ import annotations

import ssl
from asyncio import Future
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager

import aiohttp
import httpx
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.tracing import Trace
from yarl import URL

_MOST_BYTES, _MOST_HEADERS = 64 << 10, 500
"""Of one line of an answer's head, and lines of it: aiohttp's own bounds refuse what servers with long cookies send."""
_TOLD = 200  # letters of an error


class OddHead(httpx.RemoteProtocolError):
    """An answer that aiohttp's parser refuses; browsers, and h11, are not as strict: two equal lengths, a length beside chunks,
    more bytes than announced."""


class Door:
    """A host's connections, four at most, each kept for 30 seconds. Made and used within one event loop; close it at the end."""

    def __init__(self, trust: ssl.SSLContext) -> None:
        self._session = aiohttp.ClientSession(
            connector=_Connections(ssl=trust, limit=4, keepalive_timeout=30, happy_eyeballs_delay=None),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            max_line_size=_MOST_BYTES,
            max_field_size=_MOST_BYTES,
            max_headers=_MOST_HEADERS,
        )
        self._session._retry_connection = False  # noqa: SLF001 - a request that is made again wants a turn of its own

    async def ask(self, request: httpx.Request, scheme: str, address: str, port: int | None) -> httpx.Response:
        """Its answer from that address, whose certificate is to be of the host that is asked. Raises httpx.TransportError."""
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        host = f"[{address}]" if ":" in address else address
        target = URL.build(scheme=scheme, host=host, port=port, path=path, query_string=query, encoded=True)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=request.extensions["timeout"]["connect"])
        with _complaints():
            answer = await self._session.request(
                request.method,
                target,
                headers=_named(request.headers),  # with the original Host
                allow_redirects=False,
                server_hostname=request.url.host,
                timeout=timeout,
            )
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer))

    async def aclose(self) -> None:
        await self._session.close()


class _Connections(aiohttp.TCPConnector):
    """A kept connection over which something came that nobody asked for is not used again: aiohttp would take that for the next
    answer, and each page after it for the one before."""

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - as aiohttp names it
    ) -> aiohttp.connector.Connection:
        while True:
            connection = await super().connect(req, traces, timeout)
            if connection.protocol is None or not connection.protocol.should_close:
                return connection
            connection.close()


def _named(headers: httpx.Headers) -> list[tuple[str, str]]:
    """As they were given, in capitals too: what tells browsers from robots by that is met in the field."""
    return [(name.decode(), value.decode()) for name, value in headers.raw]


class _Body(httpx.AsyncByteStream):
    """An answer's bytes, as they come. Where reading them was broken off, nothing more is asked over their connection."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self._leave = answer.release

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._leave = self._answer.close
        with _complaints(), _to_its_end(self._answer):
            while chunk := await self._answer.content.readany():
                yield chunk
        self._leave = self._answer.release

    async def aclose(self) -> None:
        self._leave()


@contextmanager
def _to_its_end(answer: aiohttp.ClientResponse) -> Generator[None]:
    """Whoever reads this body hears that its connection is gone: of chunks that are broken aiohttp tells the connection alone, and
    the body would be waited for until the deadline."""
    content, protocol = answer.content, answer.connection and answer.connection.protocol
    closed = None if content.is_eof() or protocol is None else protocol.closed
    if protocol is None or closed is None:
        yield
        return

    def tell(gone: Future[None]) -> None:
        cause = _looked_at(gone) or protocol.exception()
        if not content.is_eof() and content.exception() is None:
            broken = aiohttp.ClientPayloadError("the connection is closed")
            broken.__cause__ = cause
            content.set_exception(broken)

    closed.remove_done_callback(_looked_at)
    closed.add_done_callback(_looked_at)
    closed.add_done_callback(tell)
    try:
        yield
    finally:
        closed.remove_done_callback(tell)


def _looked_at(gone: Future[None]) -> BaseException | None:
    """How a connection ended: asyncio complains, on standard error, of an error that nobody looks at."""
    return None if gone.cancelled() else gone.exception()


@contextmanager
def _complaints() -> Generator[None]:
    """aiohttp's errors by httpx's names, with what caused them."""
    try:
        yield
    except aiohttp.ClientError as error:
        kind = next((ours for theirs, ours in _NAMES if isinstance(error, theirs)), httpx.RemoteProtocolError)
        cause = error.__cause__ or error
        raise kind(_said(error, cause)[:_TOLD]) from cause
    except ValueError as error:  # what the site or the operator gave us to send along
        raise httpx.LocalProtocolError(str(error)) from None


def _said(error: aiohttp.ClientError, cause: BaseException) -> str:
    """In one line. Of a head that was cut off aiohttp would tell all, cookies too."""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the server disconnected"
    said = cause.message if isinstance(cause, HttpProcessingError) else str(cause)
    return (said.splitlines() or [type(cause).__name__])[0].rstrip(":")


_NAMES = (
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.ClientResponseError, OddHead),
)
