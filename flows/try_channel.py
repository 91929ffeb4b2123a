"""`didban notify --test`: one message to a channel, now and once, and what became of it. Nothing of it is stored."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Final

from alerts.channels.base import Channel
from didban.alert import Alert, Draft, Match
from didban.article import Article
from didban.errors import ChannelUnreachable, InputError, SendError
from didban.settings import Settings
from didban.text import sentence_at
from flows.workshop import channels_of, now

_ZWNJ: Final = "\N{ZERO WIDTH NON-JOINER}"
_WORD: Final = "دولت الکترونیک"
_ARTICLE: Final = Article(
    source="didban",
    url="https://www.example.org/",
    title="پیام آزمایشی دیده" + _ZWNJ + "بان",
    text=f"اگر این را می{_ZWNJ}خوانید، این کانال کار می{_ZWNJ}کند. شاهدِ یک هشدار چنین نشان داده می{_ZWNJ}شود: {_WORD}.",
    has_time=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One channel: did it take the message, and what is there to say of it?"""

    channel: str
    taken: bool
    said: str

    @property
    def line(self) -> str:
        return f"{self.channel}: {self.said}"

    def as_json(self) -> dict[str, Any]:
        return {"channel": self.channel, "taken": self.taken, "said": self.said}


def try_channels(settings: Settings, names: Sequence[str]) -> list[Tried]:
    """Send each of these channels a test message. Raises SettingsError; InputError for a name that is no channel."""
    channels = channels_of(settings)
    for name in names:
        if name not in channels:
            close = get_close_matches(name, list(channels), n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(channels)}"
            raise InputError(f"there is no channel {name!r}; {hint}")
    at = now()

    async def all_of_them() -> list[Tried]:
        return list(await asyncio.gather(*(_try(channels[name], at) for name in names)))

    return asyncio.run(all_of_them())


def draft(channel: str, at: datetime) -> Draft:
    """A message as an alert's is, with a key that no other has."""
    article = replace(_ARTICLE, published=at, fetched=at)
    start = article.text.index(_WORD)
    end = start + len(_WORD)
    first, last = sentence_at(article.text, start)
    found = Match(
        rule="test", term=_WORD, field="text", start=start, end=end, text=_WORD, sentence_start=first, sentence_end=last
    )
    alert = Alert(
        rule="test", title="آزمایش کانال", priority="normal", live=True, raised=at, story="test", article=article,
        matches=(found,),
    )  # fmt: skip
    return Draft(key=f"test-{secrets.token_hex(8)}", channel=channel, story="test", article=article, alerts=(alert,))


async def _try(channel: Channel, at: datetime) -> Tried:
    said = draft(channel.name, at)
    parts, by, complaints = channel.render(said), "", list[str]()
    try:
        for number, part in enumerate(parts, 1):
            async with asyncio.timeout(channel.deadline):
                receipt = await channel.send(part, key=said.key, number=number, total=len(parts))
            if receipt is not None:
                by = receipt.by
                complaints += [receipt.complaint] if receipt.complaint else []
    except TimeoutError:
        late = ChannelUnreachable(channel.name, f"did not answer within {channel.deadline:g} s")
        return Tried(channel=channel.name, taken=False, said=f"not taken: {late.problem}")
    except SendError as error:
        return Tried(channel=channel.name, taken=False, said=f"not taken: {error.problem}")
    words = f"taken by {by}" if by else "taken"
    return Tried(channel=channel.name, taken=True, said="; ".join([words, *complaints]))
