"""Mail, against servers that speak SMTP: plain, with STARTTLS, with TLS; each failing in every way."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import traceback
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from alerts.channels import Options, Receipt, open_channel
from alerts.channels.mail import MailChannel, compose
from didban.alert import Alert, Draft, Match
from didban.article import Article
from didban.errors import ChannelRefused, ChannelUnreachable, SendError, SettingsError
from tests.support_receivers import Certificates, Mailbox, closed_port, line_by_line, mail_server

SECRET = "pl@nted:pass/word?"
TITLE = "گشایش دفتر پیشخوان دولت"
ARTICLE = Article(source="irna", title=TITLE, url="https://www.irna.ir/news/84000001/خبر", province="lorestan")
FOUND = Match(
    rule="egov", term="پیشخوان", field="title", start=TITLE.index("پیشخوان"), end=TITLE.index("پیشخوان") + 7, text="پیشخوان",
    sentence_start=0, sentence_end=len(TITLE),
)  # fmt: skip
ALERT = Alert(
    rule="egov", title="دولت الکترونیک", priority="urgent", live=True, raised=datetime(2026, 8, 10, tzinfo=UTC), story="s1",
    article=ARTICLE, matches=(FOUND,),
)  # fmt: skip
DRAFT = Draft(key="0123456789abcdef", channel="officer", story="s1", article=ARTICLE, alerts=(ALERT,))


class Noted(set[str]):
    """Steps that a test keeps."""

    async def add(self, step: str) -> None:  # ty: ignore[incompatible-method-override]
        super().add(step)


def mail(
    port: int, rest: str = "", *, scheme: str = "smtp", user: str = "", to: str = "a@gov.example", **options: Any
) -> MailChannel:
    url = f"{scheme}://{user}127.0.0.1:{port}/?to={to}&from=didban@gov.example{rest}"
    channel = open_channel("officer", url, base=Path(), source_names={"irna": "ایرنا"}, options=Options(**options))
    assert isinstance(channel, MailChannel)
    return channel


def send(channel: MailChannel, draft: Draft = DRAFT, steps: Noted | None = None) -> Receipt | None:
    (part,) = channel.render(draft)
    return asyncio.run(channel.send(part, key=draft.key, number=1, total=1, steps=steps))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def server() -> Iterator[Mailbox]:
    with mail_server() as running:
        yield running


# ── the letter ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_letter_has_readable_text_and_html_from_right_to_left(server: Mailbox) -> None:
    assert send(mail(server.port)) is None
    ((to, letter, _, _),) = server.letters
    assert to == ("a@gov.example",)
    assert letter.get_content_type() == "multipart/alternative"
    text, html = (part.get_content() for part in letter.iter_parts())
    assert "گشایش دفتر «پیشخوان» دولت" in text
    assert (ARTICLE.url or "") in text.splitlines()
    assert '<html dir="rtl" lang="fa">' in html
    assert re.search(r"<b style=[^>]*>پیشخوان</b>", html)
    assert letter["Subject"] == "🔴 فوری · لرستان · گشایش دفتر پیشخوان دولت"
    assert letter["Message-ID"] == "<0123456789abcdef@gov.example>"
    assert letter["From"].addresses[0].addr_spec == "didban@gov.example"
    assert letter["From"].addresses[0].display_name == "دیده‌بان"
    assert (letter["Auto-Submitted"], letter["List-Id"]) == ("auto-generated", "<officer.didban.gov.example>")
    assert abs((letter["Date"].datetime - datetime.now(UTC)).total_seconds()) < 60


def test_a_letter_is_ascii_in_short_lines_and_the_same_on_every_try_but_for_its_date(server: Mailbox) -> None:
    send(mail(server.port))
    send(mail(server.port))
    (_, _, first, _), (_, _, again, _) = server.letters
    undated = re.compile(rb"\r\nDate: [^\r]*")
    assert undated.sub(b"", first) == undated.sub(b"", again)
    assert first.isascii()
    assert max(map(len, first.split(b"\r\n"))) <= 998


def test_no_line_break_of_a_page_gets_into_a_header(server: Mailbox) -> None:
    evil = "خبر\r\nBcc: everybody@gov.example\r\n\r\n<script>\u2028x\x00"
    send(mail(server.port), replace(DRAFT, article=replace(ARTICLE, title=evil), alerts=()))
    ((to, letter, raw, _),) = server.letters
    assert (to, letter["Bcc"]) == (("a@gov.example",), None)
    assert "Bcc: everybody@gov.example" in letter["Subject"]
    assert b"\nBcc:" not in raw
    assert (
        "<script>"
        not in next(part for part in letter.iter_parts() if part.get_content_subtype() == "html").get_content()
    )


def test_a_channels_persian_name_makes_no_broken_header() -> None:
    channel = mail(25)
    (part,) = channel.render(DRAFT)
    letter = compose(part, "k\u200c-1", channel.post, channel="دبیر\r\nx", now=datetime(2026, 1, 1, tzinfo=UTC))
    assert letter["List-Id"] == "<------x.didban.gov.example>"


# ── TLS and passwords ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_starttls_with_a_password(certificates: Certificates) -> None:
    box = Mailbox(password=SECRET.encode())
    with mail_server(box, starttls=certificates.server()):
        send(mail(box.port, "&starttls=yes", user=f"didban:{quote(SECRET, safe='')}@", ca_file=certificates.ca_file))
    ((_, _, _, safe),) = box.letters
    assert safe


def test_tls_from_the_first_byte(certificates: Certificates) -> None:
    with mail_server(tls=certificates.server()) as box:
        send(mail(box.port, scheme="smtps", ca_file=certificates.ca_file))
    assert len(box.letters) == 1


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_certificate_that_nobody_vouches_for_gets_nothing(certificates: Certificates, scheme: str) -> None:
    context = certificates.server()
    with mail_server(tls=context) if scheme == "smtps" else mail_server(starttls=context) as box:
        with pytest.raises(ChannelUnreachable, match=r"no safe connection: .*certificate.*ca_file") as failed:
            send(mail(box.port, "&starttls=yes", scheme=scheme))
        assert (failed.value.unsure, box.letters) == (False, [])


def test_a_certificate_of_another_name_gets_nothing(certificates: Certificates) -> None:
    elsewhere = certificates.server("mail.elsewhere.example")
    refused = pytest.raises(ChannelUnreachable, match=r"no safe connection: .*mismatch")
    with mail_server(tls=elsewhere) as box, refused:
        send(mail(box.port, scheme="smtps", ca_file=certificates.ca_file))
    assert box.letters == []


def test_a_server_without_starttls_gets_nothing_unless_told_so(server: Mailbox) -> None:
    with pytest.raises(ChannelUnreachable, match="offers no STARTTLS: use smtps://, or starttls=no"):
        send(mail(server.port, "&starttls=yes"))
    assert server.letters == []
    send(mail(server.port, "&starttls=no"))
    assert len(server.letters) == 1


def test_beyond_the_loopback_starttls_is_required() -> None:
    channel = open_channel("m", "smtp://mail.example/?to=a@b.example&from=c@d.example", base=Path(), source_names={})
    assert isinstance(channel, MailChannel)
    assert (channel.post.starttls, channel.post.tls, channel.post.port) == (True, False, 587)


def test_a_wrong_password_is_refused_and_shown_nowhere(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    box = Mailbox(password=b"another")
    with mail_server(box, starttls=certificates.server()):
        channel = mail(
            box.port, "&starttls=yes", user=f"didban:{quote(SECRET, safe='')}@", ca_file=certificates.ca_file
        )
        with pytest.raises(ChannelRefused, match="the mail server answers 535") as refused:
            send(channel)
    ours = [
        record.getMessage() for record in caplog.records if not record.name.startswith("mail.log")
    ]  # aiosmtpd's own
    shown = "\n".join([str(refused.value), repr(channel), "".join(traceback.format_exception(refused.value)), *ours])
    assert SECRET not in shown
    assert quote(SECRET, safe="") not in shown


# ── receivers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_has_a_letter_is_not_sent_it_again(server: Mailbox) -> None:
    channel, steps = mail(server.port, to="a@gov.example,b@gov.example,c@gov.example"), Noted()
    server.rcpt = {"b@gov.example": "450 greylisted"}
    with pytest.raises(SendError, match=r"^channel officer: not yet taken for b…@gov.example \(450\)$") as failed:
        send(channel, steps=steps)
    assert type(failed.value) is SendError
    server.rcpt = {}
    assert send(channel, steps=steps) is None
    assert send(channel, steps=steps) is None
    assert [to for to, *_ in server.letters] == [("a@gov.example", "c@gov.example"), ("b@gov.example",)]
    assert "gov.example" not in "".join(steps)


def test_a_receiver_that_is_refused_for_good_does_not_keep_the_others_waiting(server: Mailbox) -> None:
    server.rcpt = {"gone@gov.example": "550 no such user"}
    receipt = send(mail(server.port, to="gone@gov.example,a@gov.example"))
    assert receipt == Receipt(complaint="channel officer: never taken for g…@gov.example (550)")
    assert [to for to, *_ in server.letters] == [("a@gov.example",)]


def test_when_nobody_is_taken_for_good_the_letter_is_refused(server: Mailbox) -> None:
    server.rcpt = {"a@gov.example": "550 no", "b@gov.example": "553 no"}
    with pytest.raises(ChannelRefused, match=r"takes nothing for a…@gov.example \(550\), b…@gov.example \(553\)"):
        send(mail(server.port, to="a@gov.example,b@gov.example"))


# ── how it fails ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stage", ["mail", "data"])
@pytest.mark.parametrize(("said", "kind"), [("451 later", SendError), ("554 spam", ChannelRefused)])
def test_4xx_is_later_and_5xx_is_never(server: Mailbox, stage: str, said: str, kind: type[SendError]) -> None:
    setattr(server, stage, said)
    with pytest.raises(SendError, match=f"the mail server answers {said[:3]}: {said[4:]}") as failed:
        send(mail(server.port))
    assert (type(failed.value), failed.value.unsure) == (kind, False)


@pytest.mark.parametrize(("greeting", "kind"), [(b"421 busy\r\n", SendError), (b"554 not you\r\n", ChannelRefused)])
def test_a_greeting_may_send_us_away(greeting: bytes, kind: type[SendError]) -> None:
    with line_by_line(greeting) as port, pytest.raises(SendError) as failed:
        send(mail(port))
    assert type(failed.value) is kind


def test_nobody_there_is_no_network() -> None:
    with pytest.raises(ChannelUnreachable, match="no connection: Connection refused") as failed:
        send(mail(closed_port()))
    assert not failed.value.unsure


@pytest.mark.parametrize("lines", [(), (b"220 hello\r\n",), (b"220 hello\r\n", b"250 hello\r\n", b"250 OK\r\n")])
def test_a_line_that_breaks_before_the_letter_told_nobody(lines: tuple[bytes, ...]) -> None:
    with (
        line_by_line(*lines) as port,
        pytest.raises(ChannelUnreachable, match=r"the connection broke|no connection") as failed,
    ):
        send(mail(port))
    assert not failed.value.unsure


def test_one_that_takes_the_letter_and_hangs_up_may_know_of_it(server: Mailbox) -> None:
    server.drop = True
    with pytest.raises(ChannelUnreachable, match=r"the connection broke|no connection") as failed:
        send(mail(server.port))
    assert failed.value.unsure
    assert len(server.letters) == 1


def test_an_error_while_parting_does_not_undo_the_letter() -> None:
    said = (b"220 x", b"250 x", b"250 x", b"250 x", b"354 go", b"250 taken", b"421 we are closing")
    with line_by_line(*(line + b"\r\n" for line in said), letter=True) as port:
        assert send(mail(port)) is None


def test_one_that_never_answers_is_left_at_the_deadline() -> None:
    for lines in ((), (b"220 hello\r\n",)):
        with line_by_line(*lines, wait=threading.Event()) as port:
            with pytest.raises(ChannelUnreachable, match=r"no answer in 0.2 seconds"):
                send(replace(mail(port), deadline=0.2))
            with pytest.raises(ChannelUnreachable, match=r"no answer in 0.1 seconds"):
                send(replace(mail(port), patience=0.1))


# ── typos ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("smtp://u:planted@h.example", "`to` or `from` is missing"),
        ("smtp://u:planted@h.example/?from=a@b.example", "`to` names who gets it"),
        ("smtp://u:planted@h.example/?to=a@b.example", "`to` or `from`"),
        ("smtp://u:planted@h.example/?to=planted&from=a@b.example", "`to` or `from`"),
        ("smtp://u:planted@h.example/?to=a@b.example%0d%0aRCPT&from=a@b.example", "`to` or `from`"),
        ("smtp://u:planted@h.example/?to=a@b.example&from=a@b.example&planted=1", "there are to, from, starttls"),
        ("smtp://u:planted@h.example/?to=a@b.example&from=a@b.example&starttls=planted", "starttls is yes or no"),
        ("smtp://u:pla/nted@h.example/?to=a@b.example&from=a@b.example", "percent-encoded"),
        ("smtp://u:planted#1@h.example/?to=a@b.example&from=a@b.example", "percent-encoded"),
        ("smtp://u:planted@h.example:port/?to=a@b.example&from=a@b.example", "percent-encoded"),
        ("smtp://?to=a@b.example&from=a@b.example", "percent-encoded"),
        ("smpt://u:planted@h.example/?to=a@b.example&from=a@b.example", "did you mean smtp://"),
    ],
)  # fmt: skip
def test_a_typo_is_explained_and_nothing_of_the_url_shown(url: str, hint: str) -> None:
    with pytest.raises(SettingsError) as wrong:
        open_channel("officer", url, base=Path(), source_names={})
    assert hint in str(wrong.value)
    assert "planted" not in str(wrong.value)
    assert "b.example" not in str(wrong.value)


def test_a_proxy_and_a_ca_file_that_cannot_be_used_are_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="mail goes through no proxy"):
        mail(25, proxy="socks5://127.0.0.1:1")
    with pytest.raises(SettingsError, match="cannot be used: No such file"):
        mail(25, ca_file=tmp_path / "none.pem")
    (tmp_path / "bad.pem").write_text("x")
    with pytest.raises(SettingsError, match="no certificates in PEM form"):
        mail(25, ca_file=tmp_path / "bad.pem")
