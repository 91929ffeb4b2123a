"""One loopback server that answers for the three sites by the Host header, as `DIDBAN_HOSTS` leads to it.

    /robots.txt                                    IRNA has none (404)
    /                                              the newest, as their listings show them
    /rss                                           the agencies' 30 newest, with ETag and Last-Modified; answers 304
    /archive, /page/archive.xhtml  pi dy mn yr ty  30 a page, days by the Jalali calendar
    /news/ID/SLUG                                  an agency's article; without the slug there is none
    /index.php/fa/news  start                      the portal's blog, 5 a page; beyond the end its last page again
    /index.php/fa/news?format=feed&type=rss        the portal's 10 newest, without validators
    /index.php/fa/news/ID-SLUG                     the portal's article

What is published first comes last in every listing. The same start serves the same bytes on every run. `archive` gives a site a
past of any length, and `wall`, `down`, `fail`, `hide`, `remove` and `redesign` make it fail as sites do, by the count of requests
and never by the clock.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import threading
import time
from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType, TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from demo import pages
from demo.articles import Piece, archived, matching, opening, plain
from demo.pages import AGENCIES, NEWS_PATH
from didban.dates import day_bounds, jalali_of, tehran_day

FEED = 30
PER_PAGE = 30
PORTAL_FEED = 10
PORTAL_PER_PAGE = 5

SOURCES = MappingProxyType(
    {
        "www.irna.ir": "irna",
        "irna.ir": "irna",
        "www.mehrnews.com": "mehr",
        "mehrnews.com": "mehr",
        "ostan-lr.ir": "ostan_lr",
        "www.ostan-lr.ir": "ostan_lr",
    }
)
"""The source that a Host header asks for."""

REDESIGNED = MappingProxyType(
    {
        'class="title"': 'class="headline"',
        'class="summary introtext" itemprop="description"': 'class="standfirst"',
        'itemprop="articleBody" class="item-text': 'class="story-text',
        'class="content clearfix"': 'class="story-text"',
    }
)
"""What a redesign changes in the markup of articles."""

_HTML = "text/html; charset=utf-8"
_FEED = "application/rss+xml; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"
_TYPES = MappingProxyType({"1": "news", "3": "video", "9": "talk"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a site answers. `modified` makes it conditional: it gets an ETag and may be answered 304."""

    status: int = 200
    body: str = ""
    kind: str = _HTML
    modified: datetime | None = None
    headers: dict[str, str] = field(default_factory=dict)


Day = tuple[str | None, ...]
"""A Jalali day as an archive's address names it: year, month, day."""


@dataclass(slots=True)
class Failure:
    """Every `every`th request whose path matches is answered with `status`, `times` times in all (None: for good)."""

    status: int
    path: re.Pattern[str]
    every: int = 1
    times: int | None = None
    retry_after: int | None = None
    asked: int = 0

    def strikes(self, path: str) -> bool:
        """Does this request fail? Counts it."""
        if self.times == 0 or not self.path.fullmatch(path):
            return False
        self.asked += 1
        if self.asked % self.every:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def answer(self) -> Answer:
        """The failure, as its server says it."""
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return Answer(self.status, pages.missing(f"status {self.status}"), headers=headers)


class Shelf:
    """What one site has published: by place (0 is the newest), by number, by Jalali day."""

    def __init__(self, pieces: Iterable[Piece] = ()) -> None:
        self._pieces: list[Piece] = []  # oldest first
        self._by_id: dict[str | None, Piece] = {}
        self._by_day: dict[Day, list[Piece]] = defaultdict(list)
        for piece in pieces:
            self.add(piece)

    def __len__(self) -> int:
        return len(self._pieces)

    def add(self, piece: Piece, *, past: bool = False) -> None:
        """Put it on top, or, one of the past, where its date belongs."""
        for row in (self._pieces, self._by_day[_day_of(piece)]):
            if past:
                insort(row, piece, key=_published)
            else:
                row.append(piece)
        self._by_id[piece.article.id] = piece

    def remove(self, piece: Piece) -> None:
        """Take it off: what is older moves up."""
        self._pieces.remove(piece)
        self._by_day[_day_of(piece)].remove(piece)
        del self._by_id[piece.article.id]

    def get(self, id_: str) -> Piece | None:
        return self._by_id.get(id_)

    def newest(self, count: int, start: int = 0) -> tuple[Piece, ...]:
        """`count` pieces at most, newest first, from the one at `start` on."""
        stop = max(len(self._pieces) - start, 0)
        return tuple(reversed(self._pieces[max(stop - count, 0) : stop]))

    def of_day(self, day: Day) -> tuple[Piece, ...]:
        """The pieces of a Jalali day, newest first."""
        return tuple(reversed(self._by_day.get(day, ())))


class Site:
    """The three sites, started and stopped as a context manager or by `start` and `stop`.

    `port` 0 takes a free one. `clock` dates what is published while it runs.
    """

    def __init__(self, port: int = 0, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._shelves = {key: Shelf(one for one in opening() if one.article.source == key) for key in SOURCES.values()}
        self._grown = 0
        self._plain = 0
        self._past = 0
        self._failures: dict[str, list[Failure]] = defaultdict(list)
        self._hidden: dict[str, set[Day]] = defaultdict(set)
        self._walled: dict[str, bool] = {}
        self._down: set[str] = set()
        self._redesigned: set[str] = set()
        self.requests: list[tuple[str, str, int]] = []
        """Every request answered so far: host, path with query, status."""
        self.times: list[float] = []
        """When each of `requests` came, by `time.monotonic`."""
        self.before: Callable[[str, str], None] | None = None
        """Called with host and path before each answer: what happens to the site while somebody reads it."""
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._thread: threading.Thread | None = None

    # ── the server ────────────────────────────────────────────────────────────────────────────────────────────────────

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Serve, in a thread of its own."""
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="demo-site", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and free the port."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()

    @property
    def port(self) -> int:
        """The port it listens on, on 127.0.0.1."""
        return self._server.server_address[1]

    @property
    def hosts(self) -> str:
        """The value of `DIDBAN_HOSTS` that leads every site here."""
        return f"*=http://127.0.0.1:{self.port}"

    # ── what may happen to it ─────────────────────────────────────────────────────────────────────────────────────────

    def pieces(self, source: str) -> tuple[Piece, ...]:
        """What a site has published, newest first."""
        with self._lock:
            shelf = self._shelves[source]
            return shelf.newest(len(shelf))

    def grow(self) -> Piece:
        """Publish the next article that matches the default rules, dated now. The same ones in the same order each run."""
        with self._lock:
            piece = matching(self._clock(), self._grown)
            self._grown += 1
            self._shelves[piece.article.source].add(piece)
        return piece

    def show(self, piece: Piece) -> None:
        """Publish this one, on its own site."""
        with self._lock:
            self._shelves[piece.article.source].add(piece)

    def publish(self, source: str, count: int = 1) -> tuple[Piece, ...]:
        """Publish `count` articles that match nothing, dated now: more than a feed holds makes a gap."""
        with self._lock:
            made = tuple(plain(source, self._clock(), self._plain + number) for number in range(count))
            self._plain += count
            for piece in made:
                self._shelves[source].add(piece)
        return made

    def archive(self, source: str, days: int, per_day: int, *, until: date) -> tuple[Piece, ...]:
        """Give the site a past: `per_day` unlike articles on each of the `days` civil days in Tehran that end with `until`.

        Every tenth matches a default rule. Returns them, oldest first; the same calls give the same ones.
        """
        with self._lock:
            made = tuple(
                archived(source, _moment(until - timedelta(days=day), place, per_day), self._past + number)
                for number, (day, place) in enumerate(
                    (day, place) for day in reversed(range(days)) for place in range(per_day)
                )
            )
            self._past += len(made)
            for piece in made:
                self._shelves[source].add(piece, past=True)
        return made

    def remove(self, piece: Piece) -> None:
        """Delete an article: its address answers 404, and in every listing what is older moves up."""
        with self._lock:
            self._shelves[piece.article.source].remove(piece)

    def hide(self, source: str, day: date, on: bool = True) -> None:
        """Let an agency's archive list nothing on this day, although there are articles."""
        (self._hidden[source].add if on else self._hidden[source].discard)(_day(day))

    def fail(
        self,
        source: str,
        status: int,
        *,
        path: str = ".*",
        every: int = 1,
        times: int | None = None,
        retry_after: int | None = None,
    ) -> None:
        """Answer every `every`th request of the source whose path matches the pattern with `status`: 429 with Retry-After, 500 on a
        share of requests, 410 for one article. `times` ends it after so many, `heal` at once."""
        with self._lock:
            self._failures[source].append(Failure(status, re.compile(path), every, times, retry_after))

    def heal(self, source: str) -> None:
        """End every failure that `fail` began."""
        with self._lock:
            self._failures[source].clear()

    def wall(self, source: str, on: bool = True, *, feed: bool = False) -> None:
        """Put a wall with status 200 in place of the source's pages, and of its feed and robots.txt when `feed`."""
        if on:
            self._walled[source] = feed
        else:
            self._walled.pop(source, None)

    def down(self, source: str, on: bool = True) -> None:
        """Answer everything of the source with 503."""
        (self._down.add if on else self._down.discard)(source)

    def redesign(self, source: str, on: bool = True) -> None:
        """Give the source's article pages other class names for title, lead and text, overnight; `REDESIGNED` has the new ones."""
        (self._redesigned.add if on else self._redesigned.discard)(source)

    # ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def answer(self, host: str, path: str) -> Answer:
        """What `host` answers to a GET of `path` (with its query)."""
        source = SOURCES.get(host.partition(":")[0].lower())
        if source is None:
            return Answer(421, pages.missing("no such site here"))
        if source in self._down:
            return Answer(503, pages.missing("503 Service Unavailable"))
        with self._lock:
            if failure := next((one for one in self._failures[source] if one.strikes(path)), None):
                return failure.answer()
        parts = urlsplit(path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        is_feed = parts.path in ("/rss", "/robots.txt") or query.get("format") == "feed"
        if source in self._walled and (self._walled[source] or not is_feed):
            return Answer(200, pages.WALL)
        if parts.path == "/robots.txt":
            return _robots(source)
        with self._lock:
            shelf, hidden = self._shelves[source], self._hidden[source]
            found = (
                _portal(parts.path, query, shelf)
                if source == "ostan_lr"
                else _agency(source, parts.path, query, shelf, hidden)
            )
        if found and source in self._redesigned and "<article" in found.body:
            found = replace(found, body=_redesigned(found.body))
        return found or Answer(404, pages.missing("صفحه پیدا نشد"))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            server_version = "nginx"
            sys_version = ""

            def do_GET(self) -> None:
                came, host = time.monotonic(), self.headers.get("Host", "")
                if site.before is not None:
                    site.before(host, self.path)
                answer = site.answer(host, self.path)
                body, headers = answer.body.encode(), dict(answer.headers)
                status = answer.status
                if answer.modified is not None:
                    etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
                    headers |= {"ETag": etag, "Last-Modified": format_datetime(answer.modified, usegmt=True)}
                    if self._has(etag, answer.modified):
                        status, body = 304, b""
                if "gzip" in self.headers.get("Accept-Encoding", "") and body:
                    body, headers["Content-Encoding"] = gzip.compress(body, mtime=0), "gzip"
                with site._lock:
                    site.requests.append((host, self.path, status))
                    site.times.append(came)
                headers |= {"Content-Type": answer.kind, "Content-Length": str(len(body))}
                with suppress(ConnectionError):  # who asked may have been killed meanwhile
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)

            def _has(self, etag: str, modified: datetime) -> bool:
                """Does the client hold this very answer? An ETag speaks before a date."""
                if known := self.headers.get("If-None-Match"):
                    return etag in (tag.strip().removeprefix("W/") for tag in known.split(","))
                try:
                    return modified <= parsedate_to_datetime(self.headers.get("If-Modified-Since", ""))
                except (TypeError, ValueError):
                    return False

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing: `Site.requests` keeps the log."""

        return Handler


def _redesigned(body: str) -> str:
    for before, after in REDESIGNED.items():
        body = body.replace(before, after)
    return body


def _robots(source: str) -> Answer:
    if source == "irna":
        return Answer(404, pages.missing("404"))
    text = "User-agent: *\nDisallow: /search\nDisallow: /rest/\n" if source == "mehr" else pages.JOOMLA_ROBOTS
    return Answer(200, text, _TEXT)


def _published(piece: Piece) -> datetime:
    return piece.published


def _day(day: date) -> Day:
    return tuple(map(str, jalali_of(day)))


def _day_of(piece: Piece) -> Day:
    return _day(tehran_day(piece.published))


def _moment(day: date, place: int, of: int) -> datetime:
    """The time of the `place`th (from 0) of a day's articles: whole minutes, spread over the day in Tehran."""
    return day_bounds(day)[0] + timedelta(minutes=1440 * (place + 1) // (of + 1))


def _agency(source: str, path: str, query: dict[str, str], shelf: Shelf, hidden: set[Day]) -> Answer | None:
    site = AGENCIES[source]
    if path == "/rss" and not query:
        newest = shelf.newest(FEED)
        modified = max(piece.published for piece in newest).astimezone(UTC).replace(microsecond=0)
        return Answer(200, pages.nastooh_feed(site, newest), _FEED, modified)
    if path in ("/", "/archive", "/page/archive.xhtml"):
        return _archive(source, query, shelf, hidden)
    if (found := re.fullmatch(r"/news/(\d+)/[^/]+", path)) and (piece := shelf.get(found[1])):
        others = [other for other in shelf.newest(4) if other is not piece][:3]
        return Answer(200, pages.nastooh_article(site, piece, others))
    return None


def _archive(source: str, query: dict[str, str], shelf: Shelf, hidden: set[Day]) -> Answer | None:
    if any(query.get(key) for key in ("tp", "kw", "pl")):
        return None  # topics, tags and boxes are not replayed
    asked: Day = tuple(query.get(key) or None for key in ("yr", "mn", "dy"))
    if all(asked):
        held = () if asked in hidden else shelf.of_day(asked)
    else:
        held = shelf.newest(len(shelf))
        if any(asked):
            held = tuple(
                piece
                for piece in held
                if all(part in (None, own) for part, own in zip(asked, _day_of(piece), strict=True))
            )
    if kind := _TYPES.get(query.get("ty", "")):
        held = tuple(piece for piece in held if piece.kind == kind)
    number = max(_whole(query.get("pi")), 1)
    last = max(-(-len(held) // PER_PAGE), 1)
    carried = {key: query.get(key, "") for key in ("tp", "ty", "dy", "mn", "yr", "kw", "pl")}
    return Answer(
        200,
        pages.nastooh_listing(
            AGENCIES[source],
            held[(number - 1) * PER_PAGE : number * PER_PAGE],
            number=number,
            last=last,
            query=carried,
            newest=shelf.newest(3),
        ),
    )


def _portal(path: str, query: dict[str, str], shelf: Shelf) -> Answer | None:
    if path == NEWS_PATH and query.get("format") == "feed":
        if query.get("type", "rss") != "rss":
            return None
        newest = shelf.newest(PORTAL_FEED)
        return Answer(200, pages.joomla_feed(newest, newest[0].published), _FEED)
    if path in ("/", "/index.php", NEWS_PATH):
        last = (len(shelf) - 1) // PORTAL_PER_PAGE * PORTAL_PER_PAGE
        start = min(_whole(query.get("start")), last)
        shown = shelf.newest(PORTAL_PER_PAGE, start)
        return Answer(200, pages.joomla_blog(shown, start=start, step=PORTAL_PER_PAGE, total=len(shelf)))
    if (found := re.fullmatch(rf"{NEWS_PATH}/(\d+)(?:-[^/]*)?", path)) and (piece := shelf.get(found[1])):
        return Answer(200, pages.warp_article(piece))
    return None


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else 0
