"""What Apprise carries, and channels that are tried one after another."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from alerts.channels import Channel, Options, Receipt, Stepwise, open_channel, open_channels
from alerts.channels.base import Steps
from alerts.channels.first_of import FirstOf
from alerts.channels.other import OtherChannel
from alerts.parts import SMS, units
from didban.alert import Alert, AnyDraft, Draft
from didban.article import Article
from didban.errors import ChannelRefused, ChannelUnreachable, SendError, SettingsError
from tests.support_receivers import closed_port, serving

KEY = "plantedkey0987654321"
ARTICLE = Article(source="irna", title=" ".join(["گشایش دفتر پیشخوان دولت"] * 12), province="lorestan")
ALERT = Alert(
    rule="egov", title="دولت الکترونیک", priority="urgent", live=True, raised=datetime(2026, 8, 10, tzinfo=UTC), story="s1",
    article=ARTICLE, matches=(),
)  # fmt: skip
DRAFT = Draft(key="k-1", channel="sms", story="s1", article=ARTICLE, alerts=(ALERT,))


# ── Apprise ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Web:
    """An HTTP server that answers what it is told and remembers what it was asked."""

    port: int = 0
    status: int = 200
    got: list[tuple[str, bytes]] = field(default_factory=list)


@pytest.fixture
def web() -> Iterator[Web]:
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            web.got.append((self.path, self.rfile.read(int(self.headers["Content-Length"] or 0))))
            self.send_response(web.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        web.port = port
        yield web


def kavenegar(port: int) -> OtherChannel:
    """The real module of Apprise, whose service stands on the loopback."""
    channel = open_channel("sms", f"kavenegar://{KEY}/09121234567", base=Path(), source_names={})
    assert isinstance(channel, OtherChannel)
    channel.service.notify_url = f"http://127.0.0.1:{port}/v1/{{apikey}}/sms/send.json"
    return channel


def send(channel: Channel, draft: AnyDraft = DRAFT) -> Receipt | None:
    receipt, parts = None, channel.render(draft)
    for number, part in enumerate(parts, 1):
        receipt = asyncio.run(channel.send(part, key=draft.key, number=number, total=len(parts)))
    return receipt


def test_a_short_message_is_one_of_at_most_134_units_and_ends_behind_a_word(web: Web) -> None:
    send(kavenegar(web.port))
    ((path, _),) = web.got
    query = parse_qs(urlsplit(path).query)
    (text,) = query["message"]
    assert query["receptor"] == ["09121234567"]
    assert units(text) <= SMS
    assert text.startswith("🔴 فوری · لرستان · گشایش دفتر")
    assert text.removesuffix("…").split()[-1] in ARTICLE.title.split()


def test_a_long_message_is_cut_to_what_the_service_takes(web: Web) -> None:
    channel = open_channel("x", f"json://127.0.0.1:{web.port}/", base=Path(), source_names={})
    assert isinstance(channel, OtherChannel)
    channel.service.body_maxlen = 400
    alerts = tuple(replace(ALERT, rule=f"r{number}", title=f"موضوع شمارهٔ {number}") for number in range(60))
    send(channel, replace(DRAFT, alerts=alerts))
    said = [json.loads(body)["message"] for _, body in web.got]
    assert len(said) >= 3
    assert all(len(text) <= 400 for text in said)
    assert all(f"موضوع شمارهٔ {number}" in " ".join(said) for number in range(60))


@pytest.mark.parametrize("status", [401, 500])
def test_a_false_of_apprise_is_not_now(web: Web, status: int) -> None:
    web.status = status
    with pytest.raises(SendError) as failed:
        send(kavenegar(web.port))
    assert (type(failed.value), failed.value.unsure) == (SendError, True)


def test_no_network_to_such_a_service_is_no_network() -> None:
    with pytest.raises(ChannelUnreachable, match="no connection to the service"):
        send(kavenegar(closed_port()))


def test_one_that_never_comes_back_is_left_at_the_deadline(web: Web) -> None:
    channel, release = kavenegar(web.port), threading.Event()
    channel.service.notify = lambda **_: release.wait(20)
    try:
        with pytest.raises(ChannelUnreachable, match=r"no answer in 0.1 seconds"):
            send(replace(channel, deadline=0.1))
    finally:
        release.set()


def test_nothing_that_apprise_logs_reaches_a_log(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    for status, port in ((200, web.port), (500, web.port), (200, closed_port())):
        web.status = status
        channel = kavenegar(port)
        said.append(repr(channel))
        try:
            send(channel)
        except SendError as failed:
            said.append(str(failed))
    assert KEY not in caplog.text + "".join(said)
    assert len(web.got) == 2


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        (f"kavenegr://{KEY}/0912", "did you mean kavenegar://"),
        (f"kavenegar://{KEY}", "names no receiver"),
        (f"kavenegar://{KEY}/09121234567/09121234568", "names 2 receivers"),
        (f"discord://{KEY}", "Apprise does not understand"),
    ],
)
def test_a_typo_is_explained_and_the_key_not_shown(url: str, hint: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(SettingsError, match=hint) as wrong:
        open_channel("sms", url, base=Path(), source_names={})
    assert KEY not in str(wrong.value) + caplog.text


# ── the first that takes it ───────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Wire:
    """A channel of two parts that fails as it is told, from a part on."""

    name: str
    failure: SendError | None = None
    fails_from: int = 1
    deadline: float = 5.0
    taken: list[tuple[str, str]] = field(default_factory=list)

    def render(self, draft: AnyDraft) -> tuple[str, ...]:
        return (f"{self.name} یک", f"{self.name} دو")

    async def send(self, part: str, *, key: str, number: int, total: int) -> Receipt | None:
        if self.failure is not None and number >= self.fails_from:
            raise self.failure
        self.taken.append((part, key))
        return None


class Noted(set[str]):
    async def add(self, step: str) -> None:  # ty: ignore[incompatible-method-override]
        super().add(step)


def first_of(*wires: Channel) -> FirstOf:
    return FirstOf("officer", wires)


def through(channel: FirstOf, steps: Steps | None = None) -> Receipt | None:
    (part,) = channel.render(DRAFT)
    return asyncio.run(channel.send(part, key="k", number=1, total=1, steps=steps))


def test_the_first_takes_all_of_it_under_one_key_and_is_named() -> None:
    one, two = Wire("one"), Wire("two")
    assert through(first_of(one, two)) == Receipt(by="one")
    assert one.taken == [("one یک", "k"), ("one دو", "k")]
    assert two.taken == []


@pytest.mark.parametrize("kind", [ChannelRefused, ChannelUnreachable, SendError])
def test_one_that_does_not_take_it_leaves_it_to_the_next(kind: type[SendError]) -> None:
    one, two = Wire("one", kind("one", "no")), Wire("two")
    assert through(first_of(one, two)) == Receipt(by="two")
    assert [part for part, _ in two.taken] == ["two یک", "two دو"]


def test_one_that_hangs_leaves_it_to_the_next() -> None:
    class Hanging(Wire):
        async def send(self, part: str, *, key: str, number: int, total: int) -> Receipt | None:
            await asyncio.Event().wait()
            raise AssertionError

    assert through(first_of(Hanging("one", deadline=0.01), Wire("two"))) == Receipt(by="two")


def test_after_a_failure_the_first_goes_on_where_it_was() -> None:
    one, two, steps = Wire("one", SendError("one", "no"), fails_from=2), Wire("two", SendError("two", "no")), Noted()
    with pytest.raises(SendError):
        through(first_of(one, two), steps)
    one.failure = None
    assert through(first_of(one, two), steps) == Receipt(by="one")
    assert [part for part, _ in one.taken] == ["one یک", "one دو"]


@pytest.mark.parametrize(
    ("failures", "mildest"),
    [
        (
            (ChannelRefused("a", "no"), SendError("b", "busy", retry_after=9), ChannelUnreachable("c", "away")),
            ChannelUnreachable,
        ),
        ((ChannelRefused("a", "no"), SendError("b", "busy", retry_after=9)), SendError),
        ((ChannelRefused("a", "no"), ChannelRefused("b", "no")), ChannelRefused),
    ],
)
def test_when_none_takes_it_the_mildest_failure_counts(
    failures: tuple[SendError, ...], mildest: type[SendError]
) -> None:
    wires = [Wire(failure.channel, failure) for failure in failures]
    with pytest.raises(SendError) as failed:
        through(first_of(*wires))
    assert type(failed.value) is mildest
    assert str(failed.value).startswith("channel officer: a: no; b: ")


def test_steps_of_a_member_that_has_steps_are_kept_too() -> None:
    @dataclass
    class Many(Wire, Stepwise):
        async def send(
            self, part: str, *, key: str, number: int, total: int, steps: Steps | None = None
        ) -> Receipt | None:
            assert steps is not None
            await steps.add(f"receiver {number}")
            return Receipt(complaint="channel many: never taken for x")

    steps = Noted()
    receipt = through(first_of(Many("many")), steps)
    assert steps == {"receiver 1", "many:1", "receiver 2", "many:2"}
    assert receipt == Receipt(by="many", complaint="channel many: never taken for x; channel many: never taken for x")


def test_members_are_channels_by_name(tmp_path: Path) -> None:
    def opened(**urls: str) -> dict[str, Channel]:
        return open_channels(urls, base=tmp_path, source_names={}, options={"log": Options()})

    channels = opened(officer="first_of:log, console", log="file:x", console="console:")
    assert list(channels) == ["officer", "log", "console"]
    assert channels["officer"].deadline == channels["log"].deadline + channels["console"].deadline
    for url, hint in (
        ("first_of:lgo,console", "'lgo' is no channel that first_of can try; did you mean 'log'"),
        ("first_of:", "write first_of:NAME,NAME"),
        ("first_of:second", "'second' is no channel"),
    ):
        with pytest.raises(SettingsError, match=hint):
            opened(officer=url, second="first_of:log", log="file:x", console="console:")
