"""Channels against real files and real servers on the loopback."""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from alerts.channels import Options, open_channel
from alerts.channels.http import Door, retry_after
from alerts.channels.webhook import WebhookChannel, secret_bytes, signed
from didban.alert import Alert, Draft, Match
from didban.article import Article
from didban.errors import ChannelRefused, ChannelUnreachable, SendError, SettingsError
from tests.support_receivers import Certificates, line_by_line, proxying

ARTICLE = Article(source="irna", title="دولت الکترونیک", url="https://www.irna.ir/news/84000001/خبر")
FOUND = Match(
    rule="egov", term="دولت الکترونیک", field="title", start=0, end=14, text="دولت الکترونیک",
    sentence_start=0, sentence_end=14,
)  # fmt: skip
ALERT = Alert(
    rule="egov", title="دولت الکترونیک", priority="normal", live=True, raised=datetime(2026, 8, 10, tzinfo=UTC),
    story="s1", article=ARTICLE, matches=(FOUND,),
)  # fmt: skip
DRAFT = Draft(key="k-1", channel="officer", story="s1", article=ARTICLE, alerts=(ALERT,))
SECRET = "s3cret"


def open_at(url: str, base: Path = Path()):
    return open_channel("officer", url, base=base, source_names={"irna": "ایرنا"})


def send(channel, part: str | None = None) -> None:
    (rendered,) = channel.render(DRAFT)
    asyncio.run(channel.send(part or rendered, key=DRAFT.key, number=1, total=1))


# ── opening ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "url",
    [f"ftp://u:{SECRET}@host/x", SECRET, f"{SECRET}:x", "", "file:", "file://", f"file://host/{SECRET}", "file:a\0b",
     f"https:///{SECRET}", f"https://host:{SECRET}/x", "http:"],
)  # fmt: skip
def test_a_url_of_no_known_kind_is_refused_by_the_channels_name_alone(url):
    with pytest.raises(SettingsError, match=r"^channel officer: [^\n]*$") as refused:
        open_at(url)
    assert SECRET not in str(refused.value)


def test_a_channel_shows_no_secret_in_its_repr():
    assert SECRET not in repr(open_at(f"https://u:{SECRET}@host/{SECRET}?{SECRET}"))
    assert SECRET not in repr(open_at(f"file:{SECRET}"))


# ── console ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_console_quotes_the_evidence_where_there_is_no_terminal(capsys):
    send(open_at("console:"))
    assert capsys.readouterr().out == (
        "🔵 عادی\n«دولت الکترونیک»\nایرنا · تاریخ نامعلوم\n▪ دولت الکترونیک\n\nhttps://www.irna.ir/news/84000001/خبر\n\n"
    )


def test_the_console_makes_the_evidence_bold_on_a_terminal(monkeypatch):
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr("sys.stdout", terminal)
        send(open_at("console:"))
        monkeypatch.undo()
        assert "\x1b[1mدولت الکترونیک\x1b[22m" in os.read(ours, 4096).decode()
    os.close(ours)


def test_a_console_without_persian_letters_or_closed_does_not_take_the_message(monkeypatch, tmp_path):
    with (tmp_path / "out").open("w", encoding="ascii") as out:
        monkeypatch.setattr("sys.stdout", out)
        with pytest.raises(SendError, match=r"UnicodeEncodeError.*UTF-8"):
            send(open_at("console:"))
    with pytest.raises(SendError, match="officer"):
        send(open_at("console:"))


# ── file ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_gets_one_json_object_a_line_under_the_base_folder(tmp_path):
    channel = open_at("file:sent/alerts.jsonl", tmp_path)
    send(channel)
    send(channel)
    lines = (tmp_path / "sent" / "alerts.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["key"] for line in lines] == ["k-1", "k-1"]
    assert json.loads(lines[0])["alerts"][0]["evidence"][0]["text"] == "دولت الکترونیک"
    assert "دولت" in lines[0]


def test_a_file_may_be_an_absolute_url_with_percent_signs(tmp_path):
    send(open_at(f"file://{tmp_path}/a%20b.jsonl", Path("/nowhere")))
    assert (tmp_path / "a b.jsonl").stat().st_size


def test_a_torn_last_line_is_left_and_a_new_one_begun(tmp_path):
    path = tmp_path / "alerts.jsonl"
    path.write_bytes(b'{"key": "k-0"}\n{"key": "k-')
    send(open_at("file:alerts.jsonl", tmp_path))
    whole, torn, new = path.read_text(encoding="utf-8").splitlines()
    assert (json.loads(whole)["key"], torn, json.loads(new)["key"]) == ("k-0", '{"key": "k-', "k-1")


def test_a_lone_surrogate_in_an_article_does_not_stop_a_message(tmp_path):
    article = Article(source="irna", title="تیتر \ud800")
    channel = open_at("file:alerts.jsonl", tmp_path)
    (part,) = channel.render(Draft(key="k", channel="officer", story="s", article=article, alerts=()))
    asyncio.run(channel.send(part, key="k", number=1, total=1))
    assert json.loads((tmp_path / "alerts.jsonl").read_text(encoding="utf-8"))["article"]["title"] == "تیتر ?"


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_regular_file_is_not_written_and_not_named(tmp_path, make):
    make(tmp_path / SECRET)
    with pytest.raises(SendError, match=r"^channel officer: cannot write its file: ") as failed:
        send(open_at(f"file:{SECRET}", tmp_path))
    assert not isinstance(failed.value, ChannelRefused)
    assert SECRET not in str(failed.value)


SEND_MANY = """
import asyncio, json, sys
from pathlib import Path
from alerts.channels import open_channel
channel = open_channel("officer", "file:alerts.jsonl", base=Path(sys.argv[1]), source_names={})
for number in range(25):
    part = json.dumps({"key": f"{sys.argv[2]}{number}", "fill": "x" * 9000})
    asyncio.run(channel.send(part, key="", number=1, total=1))
"""


def test_two_processes_never_mix_their_lines(tmp_path):
    repo = Path(__file__).parents[2]
    writers = [subprocess.Popen([sys.executable, "-c", SEND_MANY, tmp_path, name], cwd=repo) for name in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    lines = (tmp_path / "alerts.jsonl").read_text(encoding="utf-8").split("\n")
    assert lines.pop() == ""
    assert {json.loads(line)["key"] for line in lines} == {f"{name}{number}" for name in "ab" for number in range(25)}


# ── webhook ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Receiver:
    """A real server that answers what it is told and remembers what it was sent."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    silent: threading.Event | None = None
    hang_up: bool = False
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def url(self, rest: str = "/hook", user: str = "") -> str:
        return f"http://{user}127.0.0.1:{self.port}{rest}"


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that does not trust us hangs up."""


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Generator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append((self.path, dict(self.headers), body))
            if receiver.silent:
                receiver.silent.wait(30)
            if receiver.hang_up or receiver.silent:
                self.close_connection = True
                return
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format, *args):  # noqa: A002
            pass

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        if receiver.silent:
            receiver.silent.set()
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_webhook_gets_the_json_with_the_key_in_body_and_header():
    with receiving() as receiver:
        send(open_at(receiver.url("/hook?token=1", user="didban:pa%40ss@")))
    ((path, headers, body),) = receiver.got
    sent = json.loads(body)
    assert path == "/hook?token=1"
    assert headers["Idempotency-Key"] == sent["key"] == "k-1"
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["Authorization"] == "Basic ZGlkYmFuOnBhQHNz"  # didban:pa@ss
    assert sent["kind"] == "story"
    assert "دولت" in body.decode()


def verified(secret: bytes, headers: dict[str, str], body: bytes, *, now: float) -> bool:
    """What a receiver does, as docs/channels.md says it."""
    age = now - int(headers["webhook-timestamp"])
    said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    ours = "v1," + base64.b64encode(hmac.new(secret, said, hashlib.sha256).digest()).decode()
    return abs(age) < 300 and hmac.compare_digest(ours, headers["webhook-signature"])


@pytest.mark.parametrize(
    ("said", "secret"), [("راز و نیاز", "راز و نیاز".encode()), ("whsec_AAECAwQ=", bytes(range(5)))]
)
def test_a_receiver_can_verify_who_sent_it_and_when(said, secret):
    with receiving() as receiver:
        for number in (1, 2):
            channel = open_channel(
                "officer", receiver.url(), base=Path(), source_names={}, options=Options(secret=said)
            )
            asyncio.run(channel.send("{}", key="k-1", number=number, total=2))
    (_, first, body), (_, second, _) = receiver.got
    assert verified(secret, first, body, now=time.time())
    assert first["webhook-id"] == first["Idempotency-Key"] == "k-1-1"
    assert not verified(secret, first, body + b" ", now=time.time())
    assert not verified(secret, first | {"webhook-id": "k-1-2"}, body, now=time.time())
    assert not verified(b"another", first, body, now=time.time())
    assert not verified(secret, first, body, now=time.time() + 600)
    assert verified(secret, second, body, now=time.time())
    assert said not in repr(channel)


def test_the_signature_is_that_of_standard_webhooks():
    secret = secret_bytes("x", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_that_is_no_base64_is_refused_unshown():
    with pytest.raises(SettingsError, match="no base64") as wrong:
        open_channel("x", "https://h/", base=Path(), source_names={}, options=Options(secret=f"whsec_{SECRET}!"))
    assert SECRET not in str(wrong.value)


def test_a_webhook_goes_through_its_proxy_with_its_own_authority(tmp_path):
    certificates = Certificates(tmp_path)
    with receiving(certificates.server("hook.example")) as receiver, proxying("http", receiver.port) as proxy:
        options = Options(proxy=proxy.url, ca_file=certificates.ca_file)
        send(open_channel("officer", "https://hook.example/x", base=Path(), source_names={}, options=options))
        assert proxy.asked == ["hook.example:443"]
        with pytest.raises(ChannelUnreachable, match="no connection through its proxy"):
            send(
                open_channel(
                    "officer", "https://hook.example/x", base=Path(), source_names={}, options=Options(proxy=proxy.url)
                )
            )
    assert [path for path, _, _ in receiver.got] == ["/x"]


def test_a_receiver_that_trickles_its_answer_has_taken_it():
    with line_by_line(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nx", wait=threading.Event()) as port:
        send(WebhookChannel("officer", f"http://127.0.0.1:{port}/", {}, Door("officer", deadline=5)))


def test_every_try_sends_the_same_bytes():
    with receiving() as receiver:
        channel = open_at(receiver.url())
        (part,) = channel.render(DRAFT)
        receiver.status = 503
        with pytest.raises(SendError):
            send(channel, part)
        receiver.status = 200
        send(channel, part)
    assert receiver.got[0][2] == receiver.got[1][2] == part.encode()


def test_each_part_of_a_message_has_a_key_of_its_own_in_the_header():
    with receiving() as receiver:
        for number in (1, 2, 2):
            asyncio.run(open_at(receiver.url()).send("{}", key="k-1", number=number, total=2))
    assert [headers["Idempotency-Key"] for _, headers, _ in receiver.got] == ["k-1-1", "k-1-2", "k-1-2"]


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_2xx_takes_the_message(status):
    with receiving() as receiver:
        receiver.status = status
        send(open_at(receiver.url()))
    assert len(receiver.got) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
def test_another_4xx_refuses_for_good(status):
    with receiving() as receiver:
        receiver.status = status
        with pytest.raises(ChannelRefused, match=f"^channel officer: the receiver answers {status}$"):
            send(open_at(receiver.url(f"/{SECRET}")))


@pytest.mark.parametrize("status", [301, 302, 307, 408, 425, 429, 500, 502, 503, 504])
def test_a_receiver_that_cannot_now_is_asked_again_and_no_redirect_is_followed(status):
    with receiving() as receiver:
        receiver.status = status
        receiver.headers = {"Retry-After": "120", "Location": receiver.url("/elsewhere")}
        with pytest.raises(SendError) as failed:
            send(open_at(receiver.url()))
    assert not isinstance(failed.value, ChannelRefused | ChannelUnreachable)
    assert failed.value.retry_after == 120
    assert [path for path, _, _ in receiver.got] == ["/hook"]


NOW = datetime(2026, 8, 10, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("120", 120),
        (" 0 ", 0),
        ("Mon, 10 Aug 2026 12:05:00 GMT", 300),
        ("Mon, 10 Aug 2026 11:00:00 GMT", 0),
        ("Mon, 10 Aug 2099 11:00:00 GMT", 86_400),
        ("9" * 5000, 86_400),
        ("-5", None),
        ("۱۲۰", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_at_most_a_day(value, seconds):
    assert retry_after(value, now=NOW) == seconds


def test_nobody_listening_is_no_network():
    with receiving() as receiver:
        pass
    with pytest.raises(ChannelUnreachable, match="no connection") as failed:
        send(open_at(receiver.url(f"/{SECRET}", user=f"u:{SECRET}@")))
    assert SECRET not in str(failed.value)


def test_a_receiver_that_hangs_up_is_no_network():
    with receiving() as receiver:
        receiver.hang_up = True
        with pytest.raises(ChannelUnreachable, match="the connection broke"):
            send(open_at(receiver.url()))


def test_a_receiver_that_never_answers_is_left_at_the_deadline():
    with receiving() as receiver:
        receiver.silent = threading.Event()
        with pytest.raises(ChannelUnreachable, match=r"no answer in 0.05 seconds"):
            send(WebhookChannel("officer", receiver.url(), {}, Door("officer", deadline=0.05)))


def test_the_whole_log_holds_no_part_of_a_secret_url(caplog):
    caplog.set_level(logging.DEBUG)
    with receiving() as receiver:
        url = receiver.url(f"/{SECRET}?{SECRET}={SECRET}", user=f"{SECRET}:{SECRET}@")
        send(open_at(url))
        receiver.status = 500
        with pytest.raises(SendError) as failed:
            send(open_at(url))
    assert len(receiver.got) == 2
    assert SECRET not in caplog.text + str(failed.value)


def test_a_client_of_someone_else_may_still_log(caplog):
    caplog.set_level(logging.INFO)
    with receiving() as receiver:
        send(open_at(receiver.url()))
    logging.getLogger("httpx").info("another client")
    assert "another client" in caplog.text
