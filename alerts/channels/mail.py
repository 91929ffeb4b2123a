"""E-mail: readable text and right-to-left HTML in one letter.

    smtp://USER:PASSWORD@HOST:587/?to=a@x,b@y&from=didban@x     STARTTLS, required unless HOST is loopback or `starttls=no`
    smtps://USER:PASSWORD@HOST:465/?…                           TLS from the first byte

A user or password with `@ : / ? #` is percent-encoded. A letter's Message-ID is made of the message's key, so that whoever gets it
again can know it; the envelope's receivers each get it once: who has it is written down, who could not take it yet is tried again,
and who never will is named in what the operator sees.

    4xx                                    not now
    5xx                                    never: this receiver, or, of greeting, password, sender or letter, all of them
    no connection, TLS that fails, no STARTTLS where it must be     no network: no safe way to it
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from email.utils import format_datetime
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from alerts.channels.base import Options, Receipt, Steps, Stepwise
from alerts.channels.http import LOOPBACK, trust
from alerts.html import mail_html
from alerts.lines import printable
from alerts.parts import MARK, short, words
from didban.alert import AnyDraft, Draft
from didban.errors import ChannelRefused, ChannelUnreachable, SendError, SettingsError

_SUBJECT: Final = 120
_PATIENCE: Final = 20.0  # seconds for one answer of the server's
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_KEYS: Final = ("to", "from", "starttls")


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Where letters are handed in, and from whom to whom they are."""

    host: str
    port: int
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)
    sender: str
    to: tuple[str, ...]
    tls: bool
    starttls: bool


@dataclass(frozen=True, slots=True)
class MailChannel(Stepwise):
    """Hands letters to one mail server, which carries them on."""

    name: str
    post: Post = field(repr=False)
    source_names: Mapping[str, str] = field(repr=False)
    context: ssl.SSLContext | None = field(default=None, repr=False)
    deadline: float = 60.0
    patience: float = _PATIENCE

    def render(self, draft: AnyDraft) -> tuple[str, ...]:
        title = short(draft, names=self.source_names, limit=_SUBJECT)
        marked = words(draft, names=self.source_names, mark=MARK)
        headline = draft.article.title if isinstance(draft, Draft) else marked.partition("\n")[0]
        said = {
            "subject": title,
            "text": words(draft, names=self.source_names),
            "html": mail_html(marked, title=title, headline=headline),
        }
        return (json.dumps(said, ensure_ascii=False).encode(errors="replace").decode(),)

    async def send(self, part: str, *, key: str, number: int, total: int, steps: Steps | None = None) -> Receipt | None:
        named = key if total == 1 else f"{key}-{number}"
        letter = compose(part, named, self.post, channel=self.name, now=datetime.now(UTC))
        waiting = {_step(key, address): address for address in self.post.to}
        if steps is not None:
            waiting = {step: address for step, address in waiting.items() if step not in steps}
        if not waiting:
            return None
        handed = await self._hand_in(letter.as_bytes(policy=POLICY), list(waiting.values()))
        for step, address in waiting.items():
            if address not in handed.later and steps is not None:
                await steps.add(step)
        never = f"never taken for {_listed(handed.never)}" if handed.never else ""
        if handed.later:
            problem = "; ".join(filter(None, (f"not yet taken for {_listed(handed.later)}", never)))
            raise SendError(self.name, problem, unsure=len(handed.later) < len(waiting))
        return Receipt(complaint=f"channel {self.name}: {never}") if never else None

    async def _hand_in(self, letter: bytes, to: list[str]) -> _Handed:
        """One session with the server, in a thread of its own; at the deadline its line is cut."""
        session = _Session(self, to)
        loop = asyncio.get_running_loop()
        pool = ThreadPoolExecutor(1, "didban-mail")
        try:
            async with asyncio.timeout(self.deadline):
                return await loop.run_in_executor(pool, copy_context().run, session.run, letter)
        except TimeoutError:
            raise ChannelUnreachable(
                self.name, f"no answer in {self.deadline:g} seconds", unsure=session.given
            ) from None
        finally:
            session.cut()
            pool.shutdown(wait=False)


@dataclass(frozen=True, slots=True)
class _Handed:
    """The receivers that the server did not take, with its code, for now and for good."""

    later: Mapping[str, int]
    never: Mapping[str, int]


class _Session:
    """One connection, letter and all. Raises SendError and its kinds."""

    def __init__(self, channel: MailChannel, to: list[str]) -> None:
        self._name, self._post, self._context = channel.name, channel.post, channel.context
        self._patience = channel.patience
        self._to = to
        self._smtp: smtplib.SMTP | None = None
        self._over = False
        self.given = False
        """The letter is with the server, which may have taken it, whatever becomes of its answer."""

    def cut(self) -> None:
        """Nothing more is sent: the thread ends at once, or when its connection comes about."""
        self._over = True
        if self._smtp is not None and self._smtp.sock is not None:
            with suppress(OSError):
                self._smtp.sock.shutdown(socket.SHUT_RDWR)

    def run(self, letter: bytes) -> _Handed:
        try:
            smtp = self._connected()
            try:
                handed = self._give(smtp, letter)
                with suppress(smtplib.SMTPException, OSError):  # the letter is taken: how they part does not matter
                    smtp.quit()
                return handed
            finally:
                smtp.close()
        except smtplib.SMTPServerDisconnected as error:
            late = "timed out" in str(error)
            raise self._broke(f"no answer in {self._patience:g} seconds" if late else "the connection broke") from None
        except smtplib.SMTPResponseException as error:
            raise self._refusal(error.smtp_code, _words(error.smtp_error)) from None
        except smtplib.SMTPException as error:  # no AUTH that both know
            raise SendError(
                self._name, f"the mail server cannot be used: {type(error).__name__}", unsure=False
            ) from None
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", "") or error.reason or "TLS failed"
            raise self._broke(f"no safe connection: {reason}; a CA of its own is named by ca_file") from None
        except TimeoutError:
            raise self._broke(f"no answer in {self._patience:g} seconds") from None
        except OSError as error:
            raise self._broke(f"no connection: {error.strerror or type(error).__name__}") from None

    def _connected(self) -> smtplib.SMTP:
        post, me = self._post, socket.gethostname()
        me = me if "." in me else "[127.0.0.1]"  # left to itself, smtplib asks the DNS who we are
        if post.tls:
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(local_hostname=me, timeout=self._patience, context=self._safe())
        else:
            smtp = smtplib.SMTP(local_hostname=me, timeout=self._patience)
        # The name that TLS checks: only a constructor that connects, out of the reach of `cut`, would be told it.
        smtp._host = post.host  # noqa: SLF001  # ty: ignore[missing-attribute]
        self._smtp = smtp
        code, said = smtp.connect(post.host, post.port)
        if code != 220:
            smtp.close()
            raise smtplib.SMTPConnectError(code, said)
        try:
            self._begin(smtp)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _begin(self, smtp: smtplib.SMTP) -> None:
        if self._post.starttls:
            smtp.ehlo_or_helo_if_needed()
            if not smtp.has_extn("starttls"):
                problem = "the mail server offers no STARTTLS: use smtps://, or starttls=no to send in the clear"
                raise ChannelUnreachable(self._name, problem, unsure=False)
            smtp.starttls(context=self._safe())
        if self._post.user is not None:
            smtp.login(self._post.user, self._post.password or "")
        smtp.ehlo_or_helo_if_needed()

    def _safe(self) -> ssl.SSLContext:
        return self._context or ssl.create_default_context()

    def _give(self, smtp: smtplib.SMTP, letter: bytes) -> _Handed:
        code, said = smtp.mail(self._post.sender)
        if code != 250:
            raise smtplib.SMTPResponseException(code, said)
        refused = {}
        for address in self._to:
            code, said = smtp.rcpt(address)
            if code == 421:
                raise smtplib.SMTPResponseException(code, said)
            if code not in (250, 251):
                refused[address] = code
        handed = _Handed(
            later={address: code for address, code in refused.items() if code < 500},
            never={address: code for address, code in refused.items() if code >= 500},
        )
        if len(refused) < len(self._to):
            if self._over:
                raise smtplib.SMTPServerDisconnected
            self.given = True
            code, said = smtp.data(letter)
            self.given = False
            if code != 250:
                raise smtplib.SMTPResponseException(code, said)
        elif not handed.later:
            raise ChannelRefused(self._name, f"the mail server takes nothing for {_listed(refused)}", unsure=False)
        return handed

    def _broke(self, problem: str) -> ChannelUnreachable:
        return ChannelUnreachable(self._name, problem, unsure=self.given)

    def _refusal(self, code: int, said: str) -> SendError:
        problem = f"the mail server answers {code}{f': {said}' if said else ''}"
        if self._post.password:
            problem = problem.replace(self._post.password, "…")
        kind: Callable[..., SendError] = ChannelRefused if 500 <= code < 600 else SendError
        return kind(self._name, problem, unsure=False)


def compose(part: str, key: str, post: Post, *, channel: str, now: datetime) -> EmailMessage:
    """The letter of a rendered part. Its bytes are the same on every try but for the date."""
    said = json.loads(part)
    domain = post.sender.rpartition("@")[2]
    letter = EmailMessage(policy=POLICY)
    letter["Subject"] = " ".join(printable(said["subject"]).split())
    letter["From"] = Address("دیده‌بان", addr_spec=post.sender)
    letter["To"] = ", ".join(post.to)
    letter["Date"] = format_datetime(now)
    letter["Message-ID"] = f"<{key}@{domain}>"
    letter["List-Id"] = f"<{re.sub('[^A-Za-z0-9-]', '-', channel)}.didban.{domain}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter["X-Auto-Response-Suppress"] = "All"
    letter.set_content(said["text"] + "\n", cte="base64")
    letter.add_alternative(said["html"], subtype="html", cte="base64")
    letter.set_boundary(f"=_{hashlib.sha256(key.encode()).hexdigest()[:32]}")
    return letter


def mail(name: str, url: str, source_names: Mapping[str, str], options: Options) -> MailChannel:
    """Raises SettingsError, which shows nothing of the URL but a word that is misspelt."""
    if options.proxy is not None:
        raise SettingsError(
            f"channel {name}: mail goes through no proxy; name a mail server that can be reached from here"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SettingsError(_shape(name, "an @ : / ? # in user or password is percent-encoded")) from None
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    if not given.keys() <= {*_KEYS}:
        raise SettingsError(_shape(name, f"behind the `?` there are {', '.join(_KEYS)}"))
    if not parts.hostname or parts.path.strip("/") or parts.fragment:
        raise SettingsError(_shape(name, "an @ : / ? # in user or password is percent-encoded"))
    if given.get("starttls", "yes") not in ("yes", "no"):
        raise SettingsError(f"channel {name}: starttls is yes or no")
    tls = parts.scheme.lower() == "smtps"
    user = unquote(parts.username) if parts.username else None
    to = tuple(dict.fromkeys(address for one in given.get("to", "").split(",") if (address := one.strip())))
    sender = given.get("from", "").strip() or (user if user and "@" in user else "")
    for address in (*to, sender):
        if not _ADDRESS.fullmatch(address):
            raise SettingsError(_shape(name, "an address in `to` or `from` is missing or is none"))
    if not to:
        raise SettingsError(_shape(name, "`to` names who gets it"))
    post = Post(
        host=parts.hostname,
        port=port or (465 if tls else 587),
        user=user,
        password=unquote(parts.password) if parts.password else None,
        sender=sender,
        to=to,
        tls=tls,
        starttls=not tls and given.get("starttls", "no" if parts.hostname in LOOPBACK else "yes") == "yes",
    )
    return MailChannel(name, post, source_names, trust(name, options))


def _shape(name: str, problem: str) -> str:
    return f"channel {name}: write its URL as smtp://USER:PASSWORD@HOST:587/?to=NAME@HOST&from=NAME@HOST; {problem}"


def _step(key: str, address: str) -> str:
    """A receiver, as the database may know it."""
    return hashlib.sha256(f"{key}\n{address}".encode()).hexdigest()[:16]


def _listed(refused: Mapping[str, int]) -> str:
    """Enough of an address for the operator to know it by: this is written to the database."""
    return ", ".join(f"{address[0]}…@{address.rpartition('@')[2]} ({code})" for address, code in refused.items())


def _words(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(printable(text).split())[:200]
