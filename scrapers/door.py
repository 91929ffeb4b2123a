"""A way to one host for httpx: aiohttp's connections and its parser, which is C.

    request ─▶ Door ─▶ (scheme, address, port) that the gate has judged ─▶ the answer's head, and its bytes as they come

httpx's own transport, httpcore on h11, is Python to the last header: to fetch a page of 20 KB took it three times as long. It stays
for hosts behind a proxy, for it speaks SOCKS.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager

import aiohttp
import httpx
from yarl import URL

_MOST_BYTES, _MOST_HEADERS = 64 << 10, 500
"""Of one line of an answer's head, and lines of it: aiohttp's own bounds refuse what servers with long cookies send."""
_TOLD = 200  # letters of an error


class Door:
    """A host's connections, four at most, each kept for 30 seconds. Made and used within one event loop; close it at the end."""

    def __init__(self, trust: ssl.SSLContext) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trust, limit=4, keepalive_timeout=30, happy_eyeballs_delay=None),
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
                headers=request.headers,  # with the original Host
                allow_redirects=False,
                server_hostname=request.url.host,
                timeout=timeout,
            )
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer))

    async def aclose(self) -> None:
        await self._session.close()


class _Body(httpx.AsyncByteStream):
    """An answer's bytes, as they come. Where reading them was broken off, nothing more is asked over their connection."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self._leave = answer.release

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._leave = self._answer.close
        with _complaints():
            while chunk := await self._answer.content.readany():
                yield chunk
        self._leave = self._answer.release

    async def aclose(self) -> None:
        self._leave()


@contextmanager
def _complaints() -> Generator[None]:
    """aiohttp's errors by httpx's names, with what caused them."""
    try:
        yield
    except aiohttp.ClientError as error:
        kind = next((ours for theirs, ours in _NAMES if isinstance(error, theirs)), httpx.RemoteProtocolError)
        cause = error.__cause__ or error
        said = error.message if isinstance(error, aiohttp.ClientResponseError) else str(cause)
        raise kind((said.splitlines() or [type(cause).__name__])[0][:_TOLD]) from cause


_NAMES = (
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
)
