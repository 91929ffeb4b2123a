"""A webhook: the message posted as one JSON object, a long digest as several. What an answer means: `alerts/channels/http.py`.

With a secret each request is signed, in the shape of Standard Webhooks 1.0 (standardwebhooks.com), which libraries in most
languages verify:

    webhook-id          the part's key
    webhook-timestamp   seconds since 1970, of this try
    webhook-signature   v1, and the base64 of HMAC-SHA256 over «id.timestamp.body»
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from alerts.channels.base import Options
from alerts.channels.http import Door, address, door
from alerts.channels.json_part import json_parts
from didban.alert import AnyDraft
from didban.errors import SettingsError

_BASE64 = "whsec_"


@dataclass(frozen=True, slots=True)
class WebhookChannel:
    """Posts to `url`; a user and password in it go as basic authentication. The key is in the body and in a header; of a message
    in parts the header says `key-part`, or its receiver would take the second for a repeat of the first."""

    name: str
    url: str = field(repr=False)
    source_names: Mapping[str, str] = field(repr=False)
    door: Door
    secret: bytes | None = field(default=None, repr=False)
    clock: Callable[[], float] = field(default=time.time, repr=False)

    @property
    def deadline(self) -> float:
        return self.door.deadline

    def render(self, draft: AnyDraft) -> tuple[str, ...]:
        return json_parts(draft, self.source_names)

    async def send(self, part: str, *, key: str, number: int, total: int) -> None:
        key, body = key if total == 1 else f"{key}-{number}", part.encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": key, "User-Agent": "didban"}
        if self.secret is not None:
            headers |= signed(self.secret, key, int(self.clock()), body)
        self.door.judge(await self.door.post(self.url, content=body, headers=headers))


def webhook(name: str, url: str, source_names: Mapping[str, str], options: Options) -> WebhookChannel:
    """Raises SettingsError when `url` is no address, or the secret no secret."""
    address(name, url)
    secret = None if options.secret is None else secret_bytes(name, options.secret)
    return WebhookChannel(name, url, source_names, door(name, options), secret)


def signed(secret: bytes, key: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers by which a receiver knows that we sent this, and when."""
    digest = hmac.new(secret, f"{key}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": key,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def secret_bytes(name: str, secret: str) -> bytes:
    """`whsec_` and base64, as Standard Webhooks writes it, or any other words as their UTF-8. Raises SettingsError."""
    if not secret.startswith(_BASE64):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_BASE64), validate=True)
    except binascii.Error:
        raise SettingsError(f"channel {name}: its secret begins with whsec_ and is no base64 after that") from None
