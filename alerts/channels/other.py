"""Everything else that Apprise speaks: short messages (`kavenegar://KEY/NUMBER`), ntfy, Gotify, Matrix, Discord and a hundred more.

Apprise answers True or False. So one receiver a channel, or a False would leave it open who has the message; parts are cut here, to
what the service takes; and whether it was the network is heard in what Apprise would have logged, which nobody else hears: it holds
tokens. A service of short messages gets one line of at most 134 UTF-16 units.

Apprise is imported when such a channel is opened, in half a second.
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

from alerts.channels.base import Options
from alerts.channels.quiet import hush, quiet
from alerts.parts import SMS, short, split, words
from didban.alert import AnyDraft
from didban.errors import ChannelUnreachable, SendError, SettingsError

_LIBRARIES: Final = ("apprise", "urllib3", "requests", "charset_normalizer", "paho", "slixmpp", "markdown")
_SHORT: Final = 320  # a service that takes no more than two long Latin short messages sends short messages
_NETWORK: Final = "connection error"  # what its modules say of every error of the line


@dataclass(frozen=True, slots=True)
class OtherChannel:
    """One receiver of a service that Apprise knows."""

    name: str
    service: Any = field(repr=False)  # apprise.NotifyBase
    source_names: Mapping[str, str] = field(repr=False)
    deadline: float = 60.0

    def render(self, draft: AnyDraft) -> tuple[str, ...]:
        most = int(self.service.body_maxlen)
        if most <= _SHORT:
            return (short(draft, names=self.source_names, limit=min(SMS, most)),)
        return split(words(draft, names=self.source_names), most)

    async def send(self, part: str, *, key: str, number: int, total: int) -> None:  # noqa: ARG002 - no service knows a key
        loop = asyncio.get_running_loop()
        pool = ThreadPoolExecutor(1, "didban-apprise")
        heard: list[str] = []
        try:
            with quiet(heard.append):
                async with asyncio.timeout(self.deadline):
                    taken = await loop.run_in_executor(pool, copy_context().run, self._notify, part)
        except TimeoutError:
            raise ChannelUnreachable(self.name, f"no answer in {self.deadline:g} seconds") from None
        finally:
            pool.shutdown(wait=False)
        if taken:
            return
        if any(_NETWORK in line.lower() for line in heard):
            raise ChannelUnreachable(self.name, "no connection to the service")
        raise SendError(self.name, "the service did not take it, and Apprise does not say why: is its URL still right?")

    def _notify(self, part: str) -> bool:
        try:
            return bool(self.service.notify(body=part, body_format="text"))
        except Exception:  # a hundred modules: whatever one of them stumbles over, its words may hold a token
            return False


def other(
    name: str, url: str, source_names: Mapping[str, str], options: Options, *, ours: tuple[str, ...]
) -> OtherChannel:
    """Raises SettingsError, which names the nearest scheme there is and nothing of the URL."""
    from apprise import Apprise, AppriseAsset, OverflowMode  # noqa: PLC0415 - half a second, for those who use it
    from apprise.manager_plugins import NotificationManager  # noqa: PLC0415

    if options.proxy is not None:
        raise SettingsError(
            f"channel {name}: a proxy is for http, telegram, bale and eitaa; Apprise takes HTTPS_PROXY's"
        )
    scheme = url.partition(":")[0].lower()
    hush(_LIBRARIES)
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what its modules import, which is theirs to mend
        known = set(NotificationManager().schemas())
        asset = AppriseAsset(storage_mode="memory", async_mode=False)
        service = Apprise.instantiate(url, asset=asset) if scheme in known else None
    hush(logger for logger in logging.root.manager.loggerDict if logger.startswith(_LIBRARIES))
    if scheme not in known:
        close = get_close_matches(scheme, [*ours, *sorted(known)], n=1, cutoff=0.7)
        hint = f"did you mean {close[0]}://?" if close else f"there are {', '.join(ours)}, and those of Apprise"
        raise SettingsError(f"channel {name}: its URL begins with no kind of channel we know; {hint}")
    if service is None:
        raise SettingsError(
            f"channel {name}: Apprise does not understand its URL; is it as Apprise's page on {scheme} says?"
        )
    if not getattr(service, "targets", True):
        raise SettingsError(f"channel {name}: its URL names no receiver that {scheme} knows as one")
    if len(service) > 1:
        raise SettingsError(f"channel {name}: its URL names {len(service)} receivers; give each a channel of its own")
    service.overflow_mode = OverflowMode.SPLIT
    return OtherChannel(name, service, source_names)
