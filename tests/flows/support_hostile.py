"""Sites that do every harm a site can do, each under its own name on one loopback server; and two that do none.

A site has a feed, an archive page and three articles. Until the server is `well`, what lies at one of its paths is answered by
its trouble: a function of the request and of the bytes that would have been served.
"""

from __future__ import annotations

import socket
import zlib
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import MappingProxyType
from typing import Any

from tests.support import NOW

IDS = ("103", "102", "101")  # newest first
FEED, PAGE, PAGES, ROBOTS = "/rss", "/news/102/", "/news/", "/robots.txt"
TEXT = "اين خبر چند سطر است و در آن از پيشخوان دولت، گچ و ژاله سخن رفته است."  # letters that windows-1256 has, too
BOMB = 200_000_000

Handler = BaseHTTPRequestHandler
Trouble = Callable[[Handler, bytes], None]


def title(number: str) -> str:
    return f"خبر شماره {number} از گچ و ژاله"


def published(number: str) -> datetime:
    return NOW - timedelta(minutes=200 - int(number))


# ── what a site serves when nothing is wrong ──────────────────────────────────────────────────────────────────────────


def feed(host: str) -> str:
    items = "".join(
        f"<item><title>{title(number)}</title><link>http://{host}/news/{number}/x</link><description>{TEXT}</description>"
        f"<pubDate>{format_datetime(published(number))}</pubDate></item>\n"
        for number in IDS
    )
    return f'<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel>{items}</channel></rss>'


def archive() -> str:
    items = "".join(
        f'<li><div class="desc"><h3><a href="/news/{number}/x">{title(number)}</a></h3></div></li>' for number in IDS
    )
    return whole(f'<main><section class="box"><ul>{items}</ul><ul class="pagination"><li>1</li></ul></section></main>')


def article(number: str, date: str = "", before: str = "") -> str:
    dated = f'<meta property="article:published_time" content="{date or published(number).isoformat()}">'
    return whole(
        f'{before}<article id="item"><div class="item-title"><h1 class="title">{title(number)}</h1></div>'
        f'<p class="introtext">{TEXT}</p><div class="item-text" itemprop="articleBody"><p>{TEXT}</p></div></article>',
        dated,
    )


def whole(body: str, head: str = "") -> str:
    return f'<!doctype html><html><head><meta charset="utf-8"><title>x</title>{head}</head><body>{body}</body></html>'


LOGIN = whole(
    '<h1>ورود به سامانه</h1><form method="post" action="/login"><label>نام کاربری <input name="user"></label>'
    '<label>گذرواژه <input type="password" name="password"></label><button>ورود</button></form>'
    '<p>برای دیدن این صفحه باید وارد شوید. <a href="/forgot">بازیابی گذرواژه</a> <a href="/register">عضویت</a></p>'
)
WALL = '<html><body>Transferring to the website...<script>document.cookie="__arcsjs=1"</script></body></html>'
BILLION = (
    '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    + "]><rss><channel><item><title>&a9;</title><link>http://x.test/news/1/x</link></item></channel></rss>"
)
EXTERNAL = (
    '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY secret SYSTEM "{where}">]>'
    "<rss><channel><item><title>&secret;</title><link>http://x.test/news/1/x</link></item></channel></rss>"
)


@cache
def bomb() -> bytes:
    """200 MB of nothing as 200 kB of gzip."""
    squeeze = zlib.compressobj(1, wbits=31)
    blank = bytes(1_000_000)
    return b"".join(squeeze.compress(blank) for _ in range(BOMB // len(blank))) + squeeze.flush()


# ── troubles ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def send(
    handler: Handler,
    body: bytes,
    status: int = 200,
    headers: Mapping[str, str] = MappingProxyType({}),
    *,
    length: int | None = None,
) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.end_headers()
    handler.wfile.write(body)


def status(number: int, header: str = "", value: str = "") -> Trouble:
    return lambda handler, _whole: send(handler, b"", number, {header: value} if header else {})


def body(other: str | bytes) -> Trouble:
    served = other.encode() if isinstance(other, str) else other
    return lambda handler, _whole: send(handler, served)


def changed(change: Callable[[str], str]) -> Trouble:
    return lambda handler, right: send(handler, change(right.decode()).encode())


def encoded(encoding: str, content_type: str) -> Trouble:
    """In this encoding, with a header that may say otherwise, as the markup itself does."""
    return lambda handler, right: send(handler, right.decode().encode(encoding), 200, {"Content-Type": content_type})


def once(first: Trouble) -> Trouble:
    """The trouble the first time, and then none."""
    left = [first]

    def answer(handler: Handler, right: bytes) -> None:
        (left.pop() if left else send)(handler, right)

    return answer


def closed(handler: Handler, right: bytes) -> None:
    """The connection ends in the middle of what was announced."""
    send(handler, right[: len(right) // 2], length=len(right))
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def stalled(handler: Handler, right: bytes) -> None:
    """The first half, and then silence."""
    send(handler, right[: len(right) // 2], length=len(right))
    handler.rfile.read(1)  # until the other side has had enough
    handler.close_connection = True


def endless(handler: Handler, _right: bytes) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.close_connection = True
    try:
        while True:
            handler.wfile.write(b"<p>" + b"x" * 60_000)
    except OSError:
        pass


def bombed(handler: Handler, _right: bytes) -> None:
    send(handler, bomb(), 200, {"Content-Encoding": "gzip"})


@dataclass(frozen=True, kw_only=True)
class Case:
    """A site: what is wrong at which paths, the state it ends in, and what becomes of its three links.

    `says` stands in the line about it, `waits` is the least time until it is asked again, `partial_for_good` counts the
    articles that stay partial when all is well again, `unread` the article pages that are kept because they cannot be read.
    """

    name: str
    trouble: Trouble
    at: tuple[str, ...] = (FEED,)
    state: str = "healthy"
    links: Mapping[str, int] = field(default_factory=dict)
    says: str = ""
    waits: timedelta = timedelta(0)
    partial_for_good: int = 0
    unread: int = 0

    @property
    def host(self) -> str:
        return f"{self.name.replace('_', '-')}.test"


@dataclass
class HostileServer:
    """The server, with all the sites of `cases`."""

    cases: Mapping[str, Case]
    well: bool = False
    url: str = ""
    seen: list[tuple[str, str]] = field(default_factory=list)
    """Host and path of each request, in order."""

    def answer(self, handler: Handler) -> None:
        host, path = handler.headers["Host"], handler.path
        self.seen.append((host, path))
        case = self.cases[host]
        right = self.right(host, path)
        if not self.well and path.startswith(case.at):
            case.trouble(handler, right or b"")
        elif right is None:
            send(handler, b"", 404)
        else:
            send(handler, right)

    def right(self, host: str, path: str) -> bytes | None:
        """What a healthy site has there."""
        if path == FEED:
            return feed(host).encode()
        if path.startswith("/archive?"):
            return archive().encode()
        if path == "/login":
            return LOGIN.encode()
        number = path.removeprefix(PAGES).partition("/")[0]
        return article(number).encode() if number in IDS else None


@contextmanager
def serving(cases: list[Case]) -> Generator[HostileServer]:
    here = HostileServer({case.host: case for case in cases})

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 100

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that leaves early is what many of them deserve."""

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            here.answer(self)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's word
            pass

    with Server(("127.0.0.1", 0), Answering) as server:
        here.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield here
        finally:
            server.shutdown()


# ── the cases ─────────────────────────────────────────────────────────────────────────────────────────────────────────

ALL = {"stored": 3}
WALLED = {"stored": 1, "partial": 2}
ONE_PARTIAL = {"stored": 2, "partial": 1}
ONE_WAITING = {"stored": 2, "waiting": 1}
TAGS = "<p>متن <b>پررنگ</b> و <i>کج</i></p>"
FUTURE = "2099-01-01T08:00:00Z"


def _future(right: str) -> str:
    """The article says 2099, and the feed says so too."""
    said = format_datetime(published("102")), published("102").isoformat()
    return right.replace(said[0], "Thu, 01 Jan 2099 08:00:00 +0000").replace(said[1], FUTURE)


def _page(name: str, trouble: Trouble, **expected: Any) -> Case:
    return Case(name=name, trouble=trouble, at=(PAGE,), **expected)


def _charset(name: str, encoding: str, content_type: str) -> Case:
    return Case(name=name, trouble=encoded(encoding, content_type), at=(FEED, PAGES), links=ALL)


RETRY = "7200"
RETRY_AT = format_datetime(NOW + timedelta(seconds=int(RETRY)), usegmt=True)
HOURS = timedelta(hours=2)

CASES = [
    Case(name="healthy_first", trouble=send, at=(), links=ALL),
    # the listing
    Case(name="loop", trouble=status(301, "Location", FEED), state="blocked", says="more than 5 redirects"),
    Case(name="inward", trouble=status(302, "Location", "http://169.254.169.254/"), state="moved", says="169.254.169.254"),
    Case(name="forbidden", trouble=status(403), state="blocked", says="403"),
    Case(name="missing", trouble=status(404), state="moved", says="404"),
    Case(name="gone", trouble=status(410), state="moved", says="410"),
    Case(name="slower", trouble=status(429, "Retry-After", RETRY), state="blocked", says="429", waits=HOURS),
    Case(name="slower_by_date", trouble=status(429, "Retry-After", RETRY_AT), state="blocked", says="429", waits=HOURS),
    Case(name="stumbling", trouble=once(status(500)), links=ALL),
    Case(name="failing", trouble=status(500), state="unreachable", says="500"),
    Case(name="closing", trouble=closed, state="unreachable", says="breaks off"),
    Case(name="stalling", trouble=stalled, state="unreachable", says="no whole answer"),
    Case(name="endless", trouble=endless, state="unreadable", says="more than 8000000 bytes"),
    Case(name="bombing", trouble=bombed, state="unreadable", says="more than 8000000 bytes"),
    Case(name="billion", trouble=body(BILLION), state="unreadable", says="entities"),
    Case(name="external", trouble=body(EXTERNAL.format(where="file:///etc/passwd")), state="unreadable", says="entities"),
    Case(
        name="external_web",
        trouble=body(EXTERNAL.format(where="http://external-web.test/secret")),
        state="unreadable",
        says="entities",
    ),
    Case(
        name="external_type",
        trouble=changed(lambda right: right.replace("<rss", '<!DOCTYPE rss SYSTEM "http://external-type.test/rss.dtd">\n<rss', 1)),
        links=ALL,
    ),
    Case(
        name="cut",
        trouble=changed(lambda right: right[: right.index("/news/101/")]),
        state="unreadable",
        links={"stored": 2},
        says="breaks off after 2 whole items",
    ),
    Case(name="empty", trouble=body("<rss><channel></channel></rss>")),
    Case(name="login_listing", trouble=body(LOGIN), state="unreadable", says="HTML where a feed was expected"),
    Case(name="wall_listing", trouble=body(WALL), state="blocked", says="a wall"),
    Case(name="crowded_feed", trouble=changed(lambda right: right.replace(TEXT, "&lt;br&gt;" * 500_000, 1)),
         state="unreadable", says="500000 tags"),
    Case(name="hollow_feed", trouble=body("<rss><channel>" + "<item/>" * 1_000_000 + "</channel></rss>"), state="unreadable",
         says="tags are more"),
    Case(name="unclosed_feed", trouble=body("<rss" * 400_000), state="unreadable", says="breaks off after 0 whole items"),
    Case(name="comments", trouble=changed(lambda right: right + "<!---->" * 500 + "x"), state="unreadable",
         links=ALL, says="breaks off after 3 whole items"),
    # robots.txt
    Case(name="html_robots", trouble=body(whole("<h1>صفحه پیدا نشد</h1>")), at=(ROBOTS,), links=ALL),
    Case(name="closed_by_robots", trouble=body("User-agent: *\nDisallow: /"), at=(ROBOTS,), state="blocked",
         says="robots.txt"),
    # one article of the three
    _page("page_loop", status(301, "Location", "/news/102/x"), links=ONE_PARTIAL),
    _page("page_inward", status(302, "Location", "http://10.0.0.1/"), links=ONE_PARTIAL, partial_for_good=1),
    _page("page_forbidden", status(403), links=ONE_PARTIAL),
    _page("page_missing", status(404), links=ONE_PARTIAL),
    _page("page_gone", status(410), links=ONE_PARTIAL, partial_for_good=1),
    _page("page_slower", status(429, "Retry-After", RETRY), state="blocked", links=WALLED, says="429"),
    _page("page_stumbling", once(status(500)), links=ALL),
    _page("page_failing", status(500), state="unreachable", links=ONE_WAITING, says="500"),
    _page("page_closing", closed, state="unreachable", links=ONE_WAITING, says="breaks off"),
    _page("page_stalling", stalled, state="unreachable", links=ONE_WAITING, says="no whole answer"),
    _page("page_endless", endless, links=ONE_PARTIAL),
    _page("page_bombing", bombed, links=ONE_PARTIAL),
    _page("page_crowded", body(article("102", before=TAGS * 100_000)), links=ONE_PARTIAL, unread=1),
    _page("page_long", body(article("102", before=f"<p>{TEXT * 45_000}</p>")), links=ALL),
    _page("page_nested", body(article("102", before="<div>" * 100_000)), links=ONE_PARTIAL, unread=1),
    _page("page_attributes", body(article("102", before=f"<p {' '.join(f'a{n}' for n in range(500_000))}>")),
          links=ONE_PARTIAL, unread=1),
    Case(name="nul", trouble=changed(lambda right: right.replace("خبر", "خ\0ب\0ر")), at=(FEED, PAGE), links=ALL),
    _page("page_wall", body(WALL), state="blocked", links=WALLED, says="a wall"),
    _page("page_login", body(LOGIN), links=ONE_PARTIAL, unread=1),
    _page("page_to_login", status(302, "Location", "/login"), links=ONE_PARTIAL, unread=1),
    _page("page_jalali_ad", body(article("102", date="1398-09-12T11:11:22+03:30")), links=ALL),
    Case(name="page_future", trouble=changed(_future), at=(FEED, PAGE), links=ALL),
    _page("page_future_alone", changed(_future), links=ALL),
    # every article
    Case(name="pages_login", trouble=body(LOGIN), at=(PAGES,), state="unreadable", links={"partial": 3}, says="3 of the last 3",
         unread=3),
    # charsets
    _charset("charset_header", "windows-1256", "text/html; charset=utf-8"),
    _charset("charset_markup", "windows-1256", "text/html"),
    _charset("charset_other", "utf-8", "text/html; charset=windows-1256"),
    Case(name="healthy_last", trouble=send, at=(), links=ALL),
]  # fmt: skip
HEAVY = [case for case in CASES if case.name in {
    "endless", "bombing", "billion", "crowded_feed", "hollow_feed", "page_endless", "page_bombing", "page_crowded", "page_long",
    "page_nested", "page_attributes", "healthy_last",
}]  # fmt: skip
