"""Telegram, and Bale and Eitaa, whose APIs have its shape.

    telegram://TOKEN@CHAT    HTML, evidence bold; tgram://TOKEN/CHAT is the same
    bale://TOKEN@CHAT        plain text
    eitaa://TOKEN@CHAT       plain text, through eitaayar.ir

CHAT is a number or a channel's name. `?thread=N` is a topic of a Telegram group; `?api=URL`, or `api` in the channel's table, is
another place of the API: https, or loopback for rehearsals.

    {"ok": true}                   taken
    429                            not now, with `parameters.retry_after`
    400 "can't parse entities"     the same once again as plain text
    another 4xx of the service     never: the token, the chat; in words
    5xx, or what is not its JSON   not now: a proxy or a filter in between has no say about our messages
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlencode

from alerts.channels.base import Options
from alerts.channels.http import LOOPBACK, Answer, Door, address, door
from alerts.html import messenger_html, plain
from alerts.lines import QUOTES, printable
from alerts.parts import MARK, split, words
from didban.alert import AnyDraft
from didban.errors import ChannelRefused, SendError, SettingsError

_LIMIT: Final = 4096  # UTF-16 units after entities parsing: core.telegram.org/bots/api#sendmessage
_DAY: Final = 86_400.0
_SAID: Final = 200
_CHAT: Final = re.compile(r"-?\d+|@?[A-Za-z]\w+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What sets one messenger apart. `path` leads from the API to sending, `maker` is whom a bot has its token from."""

    api: str
    path: str
    token: re.Pattern[str]
    maker: str
    html: bool = False
    form: bool = False
    named: bool = True
    """A channel's name has an `@`."""


SERVICES: Final[Mapping[str, Service]] = {
    "telegram": Service(
        api="https://api.telegram.org",
        path="bot{token}/sendMessage",
        token=re.compile(r"\d+:[\w-]+", re.ASCII),
        maker="@BotFather",
        html=True,
    ),
    "bale": Service(
        api="https://tapi.bale.ai",
        path="bot{token}/sendMessage",
        token=re.compile(r"\d+:[\w-]+", re.ASCII),
        maker="@botfather of Bale",
    ),
    "eitaa": Service(
        api="https://eitaayar.ir/api",
        path="{token}/sendMessage",
        token=re.compile(r"[\w:-]+", re.ASCII),
        maker="eitaayar.ir",
        form=True,
        named=False,
    ),
}


@dataclass(frozen=True, slots=True)
class MessengerChannel:
    """Sends to one chat."""

    name: str
    service: Service = field(repr=False)
    token: str = field(repr=False)
    chat: str = field(repr=False)
    thread: int | None = field(repr=False)
    api: str = field(repr=False)
    source_names: Mapping[str, str] = field(repr=False)
    door: Door

    @property
    def deadline(self) -> float:
        return 2 * self.door.deadline  # twice: plain text may follow

    def render(self, draft: AnyDraft) -> tuple[str, ...]:
        if not self.service.html:
            return tuple(
                part.replace(MARK[0], QUOTES[0]).replace(MARK[1], QUOTES[1])
                for part in split(words(draft, names=self.source_names, mark=MARK), _LIMIT)
            )
        return tuple(map(messenger_html, split(words(draft, names=self.source_names, mark=MARK), _LIMIT)))

    async def send(self, part: str, *, key: str, number: int, total: int) -> None:  # noqa: ARG002 - the API knows no key
        fields: dict[str, Any] = {"chat_id": self.chat, "text": part}
        if self.thread is not None:
            fields["message_thread_id"] = self.thread
        if self.service.html:
            fields |= {"parse_mode": "HTML", "link_preview_options": {"is_disabled": True}}
        answer, said = await self._post(fields)
        if answer.status == 400 and self.service.html and "parse entities" in str(said.get("description")):
            del fields["parse_mode"]
            answer, said = await self._post(fields | {"text": plain(part)})
        self._judge(answer, said)

    async def _post(self, fields: Mapping[str, Any]) -> tuple[Answer, Mapping[str, Any]]:
        """The answer, and its JSON; an empty one where it is none."""
        url = f"{self.api}/{self.service.path.format(token=self.token)}"
        if self.service.form:
            content, kind = urlencode(fields).encode(), "application/x-www-form-urlencoded"
        else:
            content, kind = json.dumps(fields, ensure_ascii=False).encode(errors="replace"), "application/json"
        headers = {"Content-Type": kind, "User-Agent": "didban"}
        answer = await self.door.post(url, content=content, headers=headers, read=True)
        try:
            said = json.loads(answer.body)
        except (ValueError, RecursionError):
            said = {}
        said = said if isinstance(said, dict) and isinstance(said.get("ok"), bool) else {}
        code = said.get("error_code")
        if said and not said["ok"] and isinstance(code, int):  # Eitaa's stands in an answer of 200
            answer = Answer(code, answer.body, answer.retry_after)
        return answer, said

    def _judge(self, answer: Answer, said: Mapping[str, Any]) -> None:
        if said.get("ok") and answer.taken:
            return
        if not said:
            problem = (
                f"what answers ({answer.status}) is not the service itself; is there a filter or a proxy in between?"
            )
            raise SendError(self.name, problem, retry_after=answer.retry_after)
        wait = answer.retry_after
        parameters = said.get("parameters")
        if isinstance(parameters, dict):
            if isinstance(asked := parameters.get("retry_after"), int | float):
                wait = min(max(float(asked), 0.0), _DAY)
            if isinstance(moved := parameters.get("migrate_to_chat_id"), int):
                raise ChannelRefused(self.name, f"the group has a new number: write {moved} as its chat", unsure=False)
        words_of_it = printable(str(said.get("description") or "")).replace(self.token, "…")[:_SAID]
        problem = " · ".join(filter(None, (f"it answers {answer.status}", words_of_it, self._advice(answer.status))))
        if 400 <= answer.status < 500 and answer.status not in (408, 425, 429):
            raise ChannelRefused(self.name, problem, unsure=False)
        raise SendError(self.name, problem, retry_after=wait, unsure=answer.status != 429)

    def _advice(self, status: int) -> str:
        if status in (401, 404):
            return f"its token is not valid; {self.service.maker} gives a new one"
        if status == 403:
            return "the receiver has blocked the bot, or it is no member there"
        return "is the chat right, and has its owner written to the bot, or made it a member?" if status == 400 else ""


def messenger(name: str, url: str, source_names: Mapping[str, str], options: Options) -> MessengerChannel:
    """`SCHEME://TOKEN@CHAT?…`, or `tgram://TOKEN/CHAT`. Raises SettingsError, which shows nothing of the URL."""
    scheme, _, rest = url.partition(":")
    kind = "telegram" if scheme.lower() == "tgram" else scheme.lower()
    service = SERVICES[kind]
    rest, _, query = rest.partition("?")
    given = _query(name, query)
    slashes, rest = rest[:2], rest[2:]
    token, at, chat = rest.rpartition("@")
    if not at:
        token, _, chat = rest.strip("/").partition("/")
    token, chat = (
        unquote(token.removesuffix("@")).removeprefix("bot" if kind != "eitaa" else ""),
        unquote(chat.strip("/")),
    )
    shape = f"channel {name}: write its URL as {kind}://TOKEN@CHAT"
    if slashes != "//":
        raise SettingsError(shape)
    if not service.token.fullmatch(token):
        raise SettingsError(f"{shape}; TOKEN is not as {service.maker} gives it")
    if "/" in chat:
        raise SettingsError(f"{shape}, with one CHAT; another one is a channel of its own")
    if not _CHAT.fullmatch(chat):
        raise SettingsError(f"{shape}; CHAT is its number, or its name as in @name")
    if chat[0].isalpha() and service.named:
        chat = f"@{chat}"
    thread = given.get("thread")
    if thread is not None and not (kind == "telegram" and thread.isascii() and thread.isdecimal()):
        raise SettingsError(f"channel {name}: thread is the number of a topic in a Telegram group")
    api = given.get("api") or options.api or service.api
    where = address(name, api)
    if where.scheme != "https" and where.host not in LOOPBACK:
        raise SettingsError(f"channel {name}: its api must be https://…; only a loopback address may do without TLS")
    way = door(name, options)
    return MessengerChannel(
        name, service, token, chat, int(thread) if thread else None, api.rstrip("/"), source_names, way
    )


def _query(name: str, query: str) -> dict[str, str]:
    known = ("thread", "api")
    given = dict(parse_qsl(query, keep_blank_values=True))
    for key in given:
        if key not in known:
            close = get_close_matches(key, known, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else f"; there are {', '.join(known)}"
            raise SettingsError(f"channel {name}: a word behind the `?` of its URL is unknown{hint}")
    return given
