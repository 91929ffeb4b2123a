"""A webhook: the message posted as one JSON object, a long digest as several.

    2xx                                  taken
    408, 425, 429, 5xx                   not now: SendError with the answer's Retry-After
    3xx                                  not now: on a bad network a redirect is often someone else's log-in page
    other 4xx                            never: ChannelRefused
    no connection, no answer in time     ChannelUnreachable

Redirects are not followed. Loopback addresses are reached without the environment's proxy.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from alerts.channels.json_part import json_parts
from didban.alert import AnyDraft
from didban.dates import parse_rfc822
from didban.errors import ChannelRefused, ChannelUnreachable, DateError, SendError, SettingsError

_LATER = frozenset({408, 425, 429})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_DAY = 86_400.0

_sending: ContextVar[bool] = ContextVar("sending", default=False)
# httpx logs each request with its whole URL, and ours may hold a secret.
logging.getLogger("httpx").addFilter(lambda _record: not _sending.get())


@dataclass(frozen=True, slots=True)
class WebhookChannel:
    """Posts to `url`; a user and password in it go as basic authentication. The key is in the body and in a header; of a message
    in parts the header says `key-part`, or its receiver would take the second for a repeat of the first.

    Raises SettingsError when `url` is not an address.
    """

    name: str
    url: str = field(repr=False)
    source_names: Mapping[str, str] = field(repr=False)
    deadline: float = 20.0

    def __post_init__(self) -> None:
        try:
            host = httpx.URL(self.url).host
        except httpx.InvalidURL:
            host = ""
        if not host:
            raise SettingsError(f"channel {self.name}: its URL is not an address such as https://host/path")

    def render(self, draft: AnyDraft) -> tuple[str, ...]:
        return json_parts(draft, self.source_names)

    async def send(self, part: str, *, key: str, number: int, total: int) -> None:
        token = _sending.set(True)
        try:
            async with asyncio.timeout(self.deadline):
                answer = await self._post(part, key if total == 1 else f"{key}-{number}")
        except TimeoutError:
            raise ChannelUnreachable(self.name, f"no answer in {self.deadline:g} seconds") from None
        except httpx.ConnectError as error:
            raise ChannelUnreachable(self.name, f"no connection: {error}") from None
        except httpx.TransportError as error:
            raise ChannelUnreachable(self.name, f"the connection broke ({type(error).__name__})") from None
        finally:
            _sending.reset(token)
        self._judge(answer)

    async def _post(self, part: str, key: str) -> httpx.Response:
        url = httpx.URL(self.url)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Idempotency-Key": key,
            "User-Agent": "didban",
        }
        async with (
            httpx.AsyncClient(timeout=self.deadline, trust_env=url.host not in _LOOPBACK) as client,
            client.stream("POST", url, content=part.encode(), headers=headers) as answer,
        ):
            return answer  # its body, of any size, is left unread

    def _judge(self, answer: httpx.Response) -> None:
        status = answer.status_code
        if answer.is_success:
            return
        if answer.is_client_error and status not in _LATER:
            raise ChannelRefused(self.name, f"the receiver answers {status}")
        wait = retry_after(answer.headers.get("Retry-After"), now=datetime.now(UTC))
        raise SendError(self.name, f"the receiver answers {status}", retry_after=wait)


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
