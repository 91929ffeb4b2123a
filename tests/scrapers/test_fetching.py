"""The Fetcher against a real server on loopback, reached by the mapping of DIDBAN_HOSTS."""

from __future__ import annotations

import asyncio
import gc
import gzip
import socket
import ssl
import struct
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

import pytest

from didban.article import Page
from didban.errors import Blocked, Disallowed, FetchError, Gone, ServerFault, SettingsError, TooLarge, Unreachable
from scrapers import fetch
from scrapers.fetch import Fetcher, HostOptions, is_public, is_wall

AGENT = "Didban/0.1 (+watch@example.org)"
HOSTS = ("irna.ir",)
HOME = "https://www.irna.ir"
NOW = datetime(2025, 12, 1, 12, tzinfo=UTC)
T = TypeVar("T")
Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Desk:
    """Runs a Fetcher to the end of one coroutine, and remembers the turns it waited for."""

    turns: list[tuple[str, float]] = field(default_factory=list)
    now: datetime = NOW

    def run(self, work: Callable[[Fetcher], Awaitable[T]], **given: Any) -> T:
        async def turn(host: str, seconds: float) -> None:
            self.turns.append((host, seconds))

        async def whole() -> T:
            chosen: dict[str, Any] = {
                "rate": 2.0,
                "retries": 2,
                "deadline": 20.0,
                "wait": 0.0,
                "user_agent": AGENT,
            } | given
            async with Fetcher(turn=turn, now=lambda: self.now, **chosen) as fetcher:
                return await work(fetcher)

        return asyncio.run(whole())

    def get(self, site: Any, path: str = "/", *, headers: dict[str, str] | None = None, **given: Any) -> Page | None:
        given = {"hosts": {"*": site.url}} | given
        return self.run(lambda fetcher: fetcher.fetch(f"{HOME}{path}", hosts=HOSTS, **(headers or {})), **given)

    def page(self, site: Any, path: str = "/", **given: Any) -> Page:
        page = self.get(site, path, **given)
        assert page is not None
        return page


@pytest.fixture
def desk() -> Desk:
    return Desk()


def asked(site: Any) -> list[str]:
    return [path for path in site.paths() if path != "/robots.txt"]


def in_turn(*answers: Answer) -> Answer:
    """The first answer the first time, and so on; the last for ever."""
    left = list(answers)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(handler)

    return answer


def test_a_page_is_the_bytes_served(site: Any, desk: Desk, reply: Any) -> None:
    body = "سلام".encode()
    site.answers["/news/1/%D8%B3%D9%84%D8%A7%D9%85?q=%D8%A8"] = reply(body, ETag='"a"', Content_Type="text/html")
    page = desk.page(site, "/news/1/سلام?q=ب")
    assert (page.body, page.url, page.status, page.fetched) == (body, f"{HOME}/news/1/سلام?q=ب", 200, NOW)
    assert page.headers["etag"] == '"a"'
    assert page.headers["content-type"] == "text/html"
    host, _, headers = site.seen[-1]
    assert host == "www.irna.ir"
    assert headers["user-agent"] == AGENT
    assert headers["accept-encoding"] == "gzip, deflate"


def test_escapes_of_an_address_are_sent_as_listed(site: Any, desk: Desk, reply: Any) -> None:
    site.answers["/news/1/%D8%b3+%2F"] = reply(b"x")
    assert desk.page(site, "/news/1/%D8%b3+%2F").body == b"x"


def test_not_modified_is_none(site: Any, desk: Desk, reply: Any) -> None:
    site.answers["/"] = reply(status=304)
    validators = {"etag": '"a"', "last_modified": "Tue, 03 Dec 2019 11:11:22 GMT"}
    assert desk.get(site, headers=validators) is None
    assert site.seen[-1][2]["if-none-match"] == '"a"'
    assert site.seen[-1][2]["if-modified-since"] == "Tue, 03 Dec 2019 11:11:22 GMT"


# ── redirects ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_redirects_within_the_hosts_are_followed_each_in_its_turn(site: Any, desk: Desk, reply: Any) -> None:
    site.answers["/a"] = reply(status=301, Location="https://irna.ir/b")
    site.answers["/b"] = reply(status=302, Location="//fa.irna.ir/c")
    site.answers["/c"] = reply(b"here")
    page = desk.page(site, "/a")
    assert (page.body, page.url) == (b"here", f"{HOME}/a")
    assert [host for host, path, _ in site.seen if path in {"/a", "/b", "/c"}] == [
        "www.irna.ir", "irna.ir", "fa.irna.ir",
    ]  # fmt: skip
    assert [host for host, _ in desk.turns].count("fa.irna.ir") == 2  # its robots.txt too


@pytest.mark.parametrize(
    "location",
    ["https://example.org/", "https://irna.ir.example.org/", "https://notirna.ir/", "ftp://irna.ir/", "file:///etc/hosts",
     "http://127.0.0.1/", "http://user:pass@irna.ir/", "http://[::1", "javascript:alert(1)"],
)  # fmt: skip
def test_a_redirect_out_of_the_hosts_is_not_followed(site: Any, desk: Desk, reply: Any, location: str) -> None:
    site.answers["/"] = reply(status=302, Location=location)
    with pytest.raises(Disallowed):
        desk.get(site)
    assert asked(site) == ["/"]


def test_redirects_in_a_circle_end(site: Any, desk: Desk, reply: Any) -> None:
    site.answers["/a"] = reply(status=302, Location="/b")
    site.answers["/b"] = reply(status=302, Location="/a")
    with pytest.raises(Blocked, match="5 redirects"):
        desk.get(site, "/a")
    assert len(asked(site)) == 6


def test_a_redirect_to_what_robots_forbids_is_not_followed(site: Any, desk: Desk, reply: Any) -> None:
    site.answers["/robots.txt"] = reply(b"User-agent: *\nDisallow: /private/\n")
    site.answers["/"] = reply(status=302, Location="/private/x")
    with pytest.raises(Disallowed, match=r"robots\.txt"):
        desk.get(site)
    assert asked(site) == ["/"]


@pytest.mark.parametrize("url", ["ftp://www.irna.ir/", "https://example.org/", "https://", "nonsense", "http://a:b@irna.ir/",
                                 "http://irna.ir:99999/", "http://www.irna.ir\ud800/"])  # fmt: skip
def test_an_address_that_is_not_the_sources_is_not_asked_for(site: Any, desk: Desk, url: str) -> None:
    with pytest.raises(Disallowed):
        desk.run(lambda fetcher: fetcher.fetch(url, hosts=HOSTS), hosts={"*": site.url})
    assert site.seen == []


# ── bytes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

TEXT = "خبر\n".encode() * 5000


def raw_deflate(data: bytes) -> bytes:
    squeeze = zlib.compressobj(wbits=-15)
    return squeeze.compress(data) + squeeze.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("gzip", gzip.compress(TEXT, mtime=0)), ("gzip", gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:])),
     ("deflate", zlib.compress(TEXT)), ("deflate", raw_deflate(TEXT)), ("identity", TEXT)],
)  # fmt: skip
def test_compressed_pages_are_read(site: Any, desk: Desk, reply: Any, encoding: str, body: bytes) -> None:
    site.answers["/"] = reply(body, Content_Encoding=encoding)
    page = desk.page(site)
    assert page.body == TEXT
    assert "content-encoding" not in page.headers


@pytest.mark.parametrize("body", [b"x" * 20_001, gzip.compress(b"\0" * 50_000_000, mtime=0)], ids=["plain", "bomb"])
def test_more_bytes_than_a_page_has_are_refused(site: Any, desk: Desk, reply: Any, body: bytes) -> None:
    site.answers["/"] = reply(body, **({"Content_Encoding": "gzip"} if body[:2] == b"\x1f\x8b" else {}))
    with pytest.raises(TooLarge):
        desk.get(site, max_bytes=20_000)
    assert asked(site) == ["/"]


def test_an_endless_body_without_a_length_is_cut_off(site: Any, desk: Desk) -> None:
    def pour(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.close_connection = True
        try:
            while True:
                handler.wfile.write(b"x" * 10_000)
        except OSError:
            pass

    site.answers["/"] = pour
    with pytest.raises(TooLarge):
        desk.get(site, max_bytes=100_000)


@pytest.mark.parametrize(
    ("broken", "encoding"),
    [(b"half", ""), (gzip.compress(TEXT, mtime=0)[:-20], "gzip"), (b"no gzip at all", "gzip"), (b"br", "br")],
)  # fmt: skip
def test_a_broken_answer_is_asked_for_again(site: Any, desk: Desk, reply: Any, broken: bytes, encoding: str) -> None:
    headers = {"Content_Encoding": encoding} if encoding else {}
    bad = reply(broken, length=len(broken) + (0 if encoding else 10), **headers)
    site.answers["/"] = in_turn(bad, bad, reply(b"whole"))
    assert desk.page(site).body == b"whole"
    site.answers["/"] = bad
    with pytest.raises(ServerFault):
        desk.get(site)
    assert len(asked(site)) == 3 + 3


def test_a_connection_that_drops_takes_a_turn_for_each_request(site: Any, desk: Desk, reply: Any) -> None:
    def drop(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True

    site.answers["/"] = in_turn(reply(b"kept open"), drop)

    async def twice(fetcher: Fetcher) -> None:
        await fetcher.fetch(f"{HOME}/", hosts=HOSTS)
        with pytest.raises(ServerFault, match=r"the answer breaks off \(\S[^\n]*\)$"):
            await fetcher.fetch(f"{HOME}/", hosts=HOSTS)

    desk.run(twice, hosts={"*": site.url})
    assert len(site.paths()) == len(desk.turns) == 1 + 1 + 3  # robots.txt, the page, the page in vain


def test_pages_of_a_host_come_over_one_connection(site: Any, desk: Desk, reply: Any) -> None:
    ports: set[int] = set()

    def page(handler: BaseHTTPRequestHandler) -> None:
        ports.add(handler.client_address[1])
        reply(b"page")(handler)

    site.answers |= {"/robots.txt": page, "/": page, "/moved": reply(status=302, Location="/")}

    async def some(fetcher: Fetcher) -> None:
        for path in ("/", "/moved", "/"):
            await fetcher.fetch(f"{HOME}{path}", hosts=HOSTS)

    desk.run(some, hosts={"*": site.url})
    assert len(ports) == 1


@pytest.mark.parametrize(
    "head", [b"no HTTP at all\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: \0\r\n\r\n"]
)  # fmt: skip
def test_a_head_that_is_none_is_the_servers_fault_in_one_line(site: Any, desk: Desk, head: bytes) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(head)
        handler.close_connection = True

    site.answers["/"] = answer
    with pytest.raises(ServerFault) as caught:
        desk.get(site, retries=0)
    assert len(str(caught.value).splitlines()) == 1
    assert "127.0.0.1" not in str(caught.value)


def raw(*parts: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer as it stands, in so many packets."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            handler.wfile.write(part)
            Event().wait(0.05 if len(parts) > 1 else 0)

    return answer


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 4\r\nContent-Length: 4\r\n\r\npage",
        b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npage\r\n0\r\n\r\n",
        b"Content-Length: 4\r\n\r\npage and more than was announced",
        b"Connection: close\r\nContent-Length: 4\r\n\r\npage and more than was announced",
    ],
)
def test_an_odd_head_that_browsers_take_costs_one_request_more_for_its_host(site: Any, desk: Desk, head: bytes) -> None:
    site.answers["/"] = raw(b"HTTP/1.1 200 OK\r\n" + head)

    async def twice(fetcher: Fetcher) -> None:
        for _ in range(2):
            page = await fetcher.fetch(f"{HOME}/", hosts=HOSTS)
            assert page is not None
            assert page.body == b"page"

    desk.run(twice, hosts={"*": site.url})
    assert len(asked(site)) == 3


@pytest.mark.parametrize("chunks", [b"zz\r\npage", b"4\r\npage!!\r\n"])
def test_broken_chunks_are_the_servers_fault_at_once(site: Any, desk: Desk, chunks: bytes) -> None:
    site.answers["/"] = raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"4\r\nhalf\r\n", chunks)
    with pytest.raises(ServerFault, match=r"the answer breaks off \(\S[^\n]*\w\)$"):
        desk.get(site, deadline=20, retries=0)


def test_an_answer_that_nobody_asked_for_is_no_answer(site: Any, desk: Desk, reply: Any) -> None:
    more, come = Event(), Event()

    def twice(handler: BaseHTTPRequestHandler) -> None:
        reply(b"first")(handler)
        more.wait(10)
        reply(b"nobody asked")(handler)
        come.set()

    site.answers |= {"/": twice, "/2": reply(b"second"), "/3": reply(b"third")}

    async def all_three(fetcher: Fetcher) -> list[bytes]:
        bodies: list[bytes] = []
        for path in ("/", "/2", "/3"):
            page = await fetcher.fetch(f"{HOME}{path}", hosts=HOSTS)
            assert page is not None
            bodies.append(page.body)
            more.set()
            await asyncio.to_thread(come.wait, 10)
            await asyncio.sleep(0.05)  # so that it has come to us as well
        return bodies

    assert desk.run(all_three, hosts={"*": site.url}) == [b"first", b"second", b"third"]


def test_a_kept_connection_that_is_reset_is_no_news(
    site: Any, desk: Desk, reply: Any, caplog: pytest.LogCaptureFixture
) -> None:
    read, reset = Event(), Event()

    def whole_and_gone(handler: BaseHTTPRequestHandler) -> None:
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n", b"half", b"half")(handler)
        read.wait(10)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()
        reset.set()

    site.answers |= {"/": whole_and_gone, "/2": reply(b"second")}

    async def both(fetcher: Fetcher) -> None:
        await fetcher.fetch(f"{HOME}/", hosts=HOSTS)
        read.set()
        await asyncio.to_thread(reset.wait, 10)
        await asyncio.sleep(0.05)
        page = await fetcher.fetch(f"{HOME}/2", hosts=HOSTS)
        assert page is not None
        assert page.body == b"second"

    desk.run(both, hosts={"*": site.url})
    gc.collect()
    assert not caplog.records


def test_headers_keep_their_capitals(site: Any, desk: Desk, reply: Any) -> None:
    names: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        names.extend(handler.headers.keys())
        reply(b"page")(handler)

    site.answers["/"] = answer
    desk.page(site)
    assert {"Host", "User-Agent", "Accept-Encoding", "Accept-Language"} <= set(names)


def test_of_a_head_that_is_cut_off_no_cookie_is_told(site: Any, desk: Desk) -> None:
    site.answers["/"] = raw(b"HTTP/1.1 200 OK\r\nSet-Cookie: session=secret\r\nContent-")
    with pytest.raises(ServerFault, match=r"breaks off \(the server disconnected\)$"):
        desk.get(site, retries=0)


@pytest.mark.parametrize("etag", ['"خبر"', '"a\x01b"'])
def test_what_cannot_be_sent_back_is_left_out(site: Any, desk: Desk, etag: str) -> None:
    site.answers["/"] = raw(
        b"HTTP/1.1 200 OK\r\nETag: " + etag.encode() + b"\r\nSet-Cookie: a=" + etag.encode() + b"\r\n\r\npage"
    )

    async def twice(fetcher: Fetcher) -> None:
        first = await fetcher.fetch(f"{HOME}/", hosts=HOSTS)
        assert first is not None
        assert first.headers["etag"] == etag
        again = await fetcher.fetch(f"{HOME}/", hosts=HOSTS, etag=first.headers["etag"])
        assert again is not None
        assert again.body == b"page"

    desk.run(twice, hosts={"*": site.url})
    assert len(asked(site)) == 2


@pytest.mark.parametrize("given", [{"headers": {"X-Key": "کلید"}}, {"cookies": {"a": "b\r\nX: y"}}])
def test_a_setting_that_no_request_can_carry_is_refused_without_its_value(desk: Desk, given: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"^www\.irna\.ir: its header or cookie '(X-Key|a)' has letters") as caught:
        desk.run(lambda fetcher: fetcher.aclose(), options={"www.irna.ir": HostOptions(**given)})
    assert "کلید" not in str(caught.value)


def test_long_cookies_are_no_reason_to_refuse_a_page(site: Any, desk: Desk, reply: Any) -> None:
    site.answers["/"] = reply(b"page", Set_Cookie=f"seen={'1' * 20_000}")
    assert desk.page(site).body == b"page"


def test_a_body_that_drips_for_ever_ends_at_the_deadline(site: Any, desk: Desk) -> None:
    over = Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        handler.close_connection = True
        try:
            while not over.wait(0.01):
                handler.wfile.write(b"x")
                handler.wfile.flush()
        except OSError:
            pass

    site.answers["/"] = drip
    try:
        with pytest.raises(Unreachable, match=r"0\.3 seconds"):
            desk.get(site, deadline=0.3, retries=0)
    finally:
        over.set()


# ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "header", "error", "retry_after"),
    [
        (429, "120", Blocked, 120), (429, "", Blocked, None), (429, "soon", Blocked, None), (429, "-5", Blocked, None),
        (429, "9" * 30, Blocked, 86_400), (503, "Mon, 01 Dec 2025 12:01:00 GMT", Blocked, 60),
        (503, "Sun, 30 Nov 2025 12:00:00 GMT", Blocked, 0), (503, "", ServerFault, None), (500, "", ServerFault, None),
        (401, "", Blocked, None), (403, "", Blocked, None), (451, "", Blocked, None), (404, "", Gone, None),
        (410, "", Gone, None), (400, "", Gone, None), (304 - 3, "", ServerFault, None),
    ],
)  # fmt: skip
def test_a_status_has_its_error(
    site: Any, desk: Desk, reply: Any, status: int, header: str, error: type[FetchError], retry_after: float | None
) -> None:
    site.answers["/"] = reply(status=status, **({"Retry_After": header} if header else {}))
    with pytest.raises(error) as raised:
        desk.get(site)
    assert getattr(raised.value, "retry_after", None) == retry_after
    assert getattr(raised.value, "status", status) == status
    assert raised.value.url == f"{HOME}/"
    assert len(asked(site)) == (3 if error is ServerFault else 1)


WALLS = [
    '<html><body>Transferring to the website...<script>document.cookie="__arcsjs=1"</script></body></html>',
    "<html><body><h1>در حال انتقال به سایت مورد نظر هستید...</h1></body></html>",
    '<html><script>window.AR_Key = "__arcsrc"</script><script id="arvanRecaptcha"></script></html>',
]


@pytest.mark.parametrize("status", [200, 503])
@pytest.mark.parametrize("wall", WALLS)
def test_a_wall_is_blocked(site: Any, desk: Desk, reply: Any, wall: str, status: int) -> None:
    site.answers["/"] = reply(wall.encode(), status=status)
    with pytest.raises(Blocked, match="wall"):
        desk.get(site)
    assert asked(site) == ["/"]


@pytest.mark.parametrize(
    "body",
    [
        '<html><article id="item"><h1>در حال انتقال به سایت تازه</h1><p>کوکی __arcsjs</p></article></html>',
        "<rss><channel><item><title>در حال بررسی مرورگر</title></item></channel></rss>",
        '{"urls": [{"loc": "https://www.irna.ir/news/1/در حال انتقال به سایت"}]}',
        f"<html><p>{'متن ' * 5000}Transferring to the website</p></html>",
    ],
)
def test_what_only_speaks_of_a_wall_is_a_page(site: Any, desk: Desk, reply: Any, body: str) -> None:
    site.answers["/"] = reply(body.encode())
    assert desk.page(site).body == body.encode()


def test_the_real_wall_is_one(real: Callable[..., Page]) -> None:
    assert is_wall(real("blocked/arvan_captcha_2024.html").body)


@pytest.mark.parametrize(
    "name", ["nastooh/isna_article_2017.html", "portals/warp6_article.html", "mehr/video_6018415_2024.html"]
)
def test_no_real_page_is_a_wall(real: Callable[..., Page], name: str) -> None:
    assert not is_wall(real(name).body)


# ── what is sent ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_cookies_stay_with_the_host_that_set_them(site: Any, desk: Desk, reply: Any) -> None:
    site.answers["/a"] = reply(b"x", Set_Cookie="seen=1; Path=/")
    site.answers["/b"] = reply(b"x")

    async def work(fetcher: Fetcher) -> None:
        for url in (f"{HOME}/a", f"{HOME}/b", "https://other.irna.ir/b"):
            await fetcher.fetch(url, hosts=HOSTS)

    desk.run(work, hosts={"*": site.url})
    cookies = [headers.get("cookie") for _, path, headers in site.seen if path == "/b"]
    assert cookies == ["seen=1", None]


def test_the_operators_headers_and_cookies_go_to_their_host_alone(site: Any, desk: Desk, reply: Any) -> None:
    site.answers["/a"] = reply(status=302, Location="https://other.irna.ir/b")
    site.answers["/b"] = reply(b"x")
    option = HostOptions(headers={"X-Key": "k"}, cookies={"pass": "p"})
    desk.get(site, "/a", options={"www.irna.ir": option})
    sent = {path: (headers.get("x-key"), headers.get("cookie")) for _, path, headers in site.seen}
    assert sent["/a"] == ("k", "pass=p")
    assert sent["/b"] == (None, None)
    assert "k" not in repr(option).replace("ca_file", "")


def test_a_proxy_is_asked_for_its_host(site: Any, desk: Desk, reply: Any) -> None:
    site.answers["http://www.irna.ir/a"] = reply(b"through the proxy")
    page = desk.run(
        lambda fetcher: fetcher.fetch("http://www.irna.ir/a", hosts=HOSTS),
        options={"www.irna.ir": HostOptions(proxy=site.url)},
    )
    assert page is not None
    assert page.body == b"through the proxy"


def test_every_request_waits_its_turn(site: Any, desk: Desk, reply: Any) -> None:
    site.answers["/"] = in_turn(reply(status=500), reply(b"x"))
    desk.get(site)
    assert desk.turns == [("www.irna.ir", 0.5)] * 3  # robots.txt, the failure, the page


# ── where it connects ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_with_a_mapping_a_host_not_in_it_is_refused(site: Any, desk: Desk) -> None:
    with pytest.raises(Disallowed, match="DIDBAN_HOSTS"):
        desk.get(site, hosts={"www.mehrnews.com": site.url})
    assert site.seen == []


@pytest.mark.parametrize(
    "target", ["http://192.168.1.1", "http://example.org", "127.0.0.1:80", "ftp://127.0.0.1", "", "http://["]
)
def test_a_mapping_leads_to_loopback_only(desk: Desk, target: str) -> None:
    with pytest.raises(SettingsError, match="DIDBAN_HOSTS"):
        desk.run(lambda _: asyncio.sleep(0), hosts={"*": target})


def test_a_rate_of_nothing_is_refused(desk: Desk) -> None:
    with pytest.raises(SettingsError, match="above 0"):
        desk.run(lambda _: asyncio.sleep(0), rate=0.0)


def resolver(*addresses: str) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("10.10.34.35", "::1"), ()])
def test_a_name_at_a_private_address_is_not_connected_to(site: Any, desk: Desk, addresses: tuple[str, ...]) -> None:
    port = site.url.rpartition(":")[2]
    with pytest.raises(Disallowed, match="not public"):
        desk.run(
            lambda fetcher: fetcher.fetch(f"http://www.irna.ir:{port}/", hosts=HOSTS), resolve=resolver(*addresses)
        )
    assert site.seen == []


def test_the_address_connected_to_is_the_one_judged_and_the_next_when_it_is_down(
    site: Any, desk: Desk, reply: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "is_public", lambda address: address != "192.0.2.1")
    port = site.url.rpartition(":")[2]
    site.answers["/"] = reply(b"x")
    page = desk.run(
        lambda fetcher: fetcher.fetch(f"http://www.irna.ir:{port}/", hosts=HOSTS),
        resolve=resolver("192.0.2.1", "::1", "127.0.0.1"),
    )
    assert page is not None
    assert site.seen[-1][0] == f"www.irna.ir:{port}"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("185.143.233.5", True), ("2606:4700::1111", True), ("127.0.0.1", False), ("0.0.0.0", False), ("10.0.0.1", False),
        ("172.16.0.1", False), ("192.168.0.1", False), ("169.254.169.254", False), ("100.64.0.1", False),
        ("224.0.0.1", False), ("240.0.0.1", False), ("255.255.255.255", False), ("::", False), ("::1", False),
        ("fe80::1", False), ("fe80::1%eth0", False), ("fc00::1", False), ("ff02::1", False), ("::ffff:8.8.8.8", False),
        ("::ffff:127.0.0.1", False), ("64:ff9b::8.8.8.8", False), ("2002:7f00:1::", False), ("2001:0:1::1", False),
        ("::7f00:1", False), ("localhost", False), ("", False),
    ],
)  # fmt: skip
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_nobody_listening_is_unreachable_and_tried_once_more(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(Unreachable, match="nobody listens"):
        desk.run(
            lambda fetcher: fetcher.fetch(f"{HOME}/", hosts=HOSTS), hosts={"*": f"http://127.0.0.1:{port}"}, retries=5
        )
    assert len(desk.turns) == 2


def test_a_name_without_an_address_is_unreachable_and_tried_once_more(desk: Desk) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(Unreachable, match=r"no address for www\.irna\.ir"):
        desk.run(lambda fetcher: fetcher.fetch(f"{HOME}/", hosts=HOSTS), resolve=resolve, retries=5)
    assert len(desk.turns) == 2


@pytest.fixture
def secure(site: Any, reply: Any, tmp_path: Path) -> Path:
    """The site again, over TLS, as www.irna.ir; its certificate is its own authority, in the file given."""
    x509 = pytest.importorskip("cryptography.x509", reason="makes the certificate")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "www.irna.ir")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("www.irna.ir")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = tmp_path / "ca.pem", tmp_path / "key.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    site.server.socket = context.wrap_socket(site.server.socket, server_side=True)
    site.url = site.url.replace("http:", "https:")
    site.answers["/"] = reply(b"safe")
    return public


def test_a_certificate_must_be_trusted_and_of_the_name_asked_for(site: Any, desk: Desk, secure: Path) -> None:
    trusting = {host: HostOptions(ca_file=str(secure)) for host in ("www.irna.ir", "other.irna.ir")}
    with pytest.raises(Unreachable, match="certificate is not trusted"):
        desk.get(site, retries=0)
    assert desk.page(site, options=trusting).body == b"safe"
    with pytest.raises(Unreachable, match="certificate is not trusted"):
        desk.run(
            lambda fetcher: fetcher.fetch("https://other.irna.ir/", hosts=HOSTS),
            options=trusting, hosts={"*": site.url}, retries=0,
        )  # fmt: skip


def test_a_ca_file_that_is_none_is_refused(site: Any, desk: Desk, tmp_path: Path) -> None:
    for name, content in (("none.pem", None), ("bad.pem", b"no certificate")):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(SettingsError, match=name):
            desk.get(site, options={"www.irna.ir": HostOptions(ca_file=str(tmp_path / name))})


# ── robots.txt ────────────────────────────────────────────────────────────────────────────────────────────────────────

RULES = b"User-agent: Didban\nCrawl-delay: 3\nDisallow: /private/\n\nUser-agent: *\nDisallow: /\n"


def test_robots_is_obeyed_and_asked_for_once(site: Any, desk: Desk, reply: Any) -> None:
    site.answers |= {"/robots.txt": reply(RULES), "/a": reply(b"x")}

    async def work(fetcher: Fetcher) -> None:
        await fetcher.fetch(f"{HOME}/a", hosts=HOSTS)
        await fetcher.fetch(f"{HOME}/a", hosts=HOSTS)
        with pytest.raises(Disallowed, match=r"robots\.txt"):
            await fetcher.fetch(f"{HOME}/private/x", hosts=HOSTS)

    desk.run(work, hosts={"*": site.url})
    assert site.paths() == ["/robots.txt", "/a", "/a"]
    assert [seconds for _, seconds in desk.turns] == [0.5, 3.0, 3.0]


@pytest.mark.parametrize("delay", ["100000000", "nan", "inf", "-4", "x"])
def test_a_senseless_delay_is_bounded(site: Any, desk: Desk, reply: Any, delay: str) -> None:
    site.answers |= {"/robots.txt": reply(f"User-agent: *\nCrawl-delay: {delay}\n".encode()), "/": reply(b"x")}
    desk.get(site)
    assert 0.5 <= desk.turns[-1][1] <= fetch.MAX_DELAY


@pytest.mark.parametrize(
    ("status", "body", "note"),
    [(404, b"", "no robots.txt"), (410, b"", "no robots.txt"), (200, b"<!doctype html><p>x", "HTML")],
)
def test_without_a_robots_file_there_are_no_rules(
    site: Any, desk: Desk, reply: Any, status: int, body: bytes, note: str
) -> None:
    site.answers |= {"/robots.txt": reply(body, status=status), "/": reply(b"x")}
    assert desk.page(site).body == b"x"
    robots = desk.run(lambda fetcher: fetcher.robots(f"{HOME}/", hosts=HOSTS), hosts={"*": site.url})
    assert note in robots.note


@pytest.mark.parametrize(("status", "body"), [(200, WALLS[0].encode()), (403, b"")])
def test_a_wall_before_robots_is_blocked(site: Any, desk: Desk, reply: Any, status: int, body: bytes) -> None:
    site.answers |= {"/robots.txt": reply(body, status=status), "/": reply(b"x")}
    with pytest.raises(Blocked, match=r"robots\.txt"):
        desk.get(site)
    assert asked(site) == []


def test_robots_that_cannot_be_read_are_held_off_from(site: Any, desk: Desk, reply: Any) -> None:
    site.answers |= {"/robots.txt": reply(status=500), "/": reply(b"x")}

    async def work(fetcher: Fetcher) -> None:
        for _ in range(3):
            with pytest.raises(ServerFault, match=r"robots\.txt"):
                await fetcher.fetch(f"{HOME}/", hosts=HOSTS)
        assert site.paths() == ["/robots.txt"] * 3  # one try and two retries, and then none
        desk.now += fetch.ROBOTS_AGAIN
        site.answers["/robots.txt"] = reply(RULES)
        with pytest.raises(Disallowed):
            await fetcher.fetch(f"{HOME}/private/x", hosts=HOSTS)

    desk.run(work, hosts={"*": site.url})


def test_a_good_copy_of_robots_counts_for_a_day(site: Any, desk: Desk, reply: Any) -> None:
    site.answers |= {"/robots.txt": reply(RULES), "/a": reply(b"x")}

    async def work(fetcher: Fetcher) -> None:
        await fetcher.fetch(f"{HOME}/a", hosts=HOSTS)
        site.answers["/robots.txt"] = reply(status=500)
        desk.now += timedelta(hours=23)
        with pytest.raises(Disallowed):
            await fetcher.fetch(f"{HOME}/private/x", hosts=HOSTS)
        await fetcher.fetch(f"{HOME}/a", hosts=HOSTS)
        assert "earlier" in (await fetcher.robots(f"{HOME}/", hosts=HOSTS)).note
        desk.now += timedelta(hours=2)
        with pytest.raises(ServerFault, match=r"robots\.txt"):
            await fetcher.fetch(f"{HOME}/a", hosts=HOSTS)

    desk.run(work, hosts={"*": site.url})


def test_a_later_process_obeys_the_copy_that_an_earlier_one_read(site: Any, desk: Desk, reply: Any) -> None:
    site.answers |= {"/robots.txt": reply(RULES), "/a": reply(b"x")}
    kept: dict[str, tuple[str, datetime]] = {}

    class Memory:
        async def recall(self, origin: str) -> tuple[str, datetime] | None:
            return kept.get(origin)

        async def remember(self, origin: str, text: str, read: datetime) -> None:
            kept[origin] = text, read

    async def work(fetcher: Fetcher) -> None:
        with pytest.raises(Disallowed):
            await fetcher.fetch(f"{HOME}/private/x", hosts=HOSTS)

    def process() -> None:
        desk.run(work, hosts={"*": site.url}, memory=Memory())

    process()
    process()
    assert site.paths() == ["/robots.txt"]
    site.answers["/robots.txt"] = reply(status=500)
    desk.now += timedelta(hours=23)
    process()
    assert list(kept.values()) == [(RULES.decode(), NOW)]
    desk.now += timedelta(hours=2)
    with pytest.raises(ServerFault, match=r"robots\.txt"):
        process()
