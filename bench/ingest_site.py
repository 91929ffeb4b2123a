"""The local site that bench/ingest.py collects: Mehr's archive as its platform prints it, in a process of its own.

    python bench/ingest_site.py ARTICLES        prints its port and serves until its standard input ends

    /robots.txt
    /archive, /page/archive.xhtml  pi dy mn yr  30 a page, by Jalali days, PER_DAY articles a day from FIRST_DAY on
    /news/ID/SLUG                               an article, with the menus, side lists and scripts of a whole page

The markup is the demo's, every text made of words of our own, from a number: the same on every run, no two alike but for the
copies. One article in five names a topic of the default rules, one in forty repeats the text of the one before it. Answers are
compressed, connections stay open, as real sites have it.
"""

from __future__ import annotations

import asyncio
import gzip
import random
import re
import sys
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from html import escape
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from demo.articles import SECTION, Piece, slug  # noqa: E402 - run as a script, from anywhere
from demo.pages import AGENCIES, nastooh_article, nastooh_listing  # noqa: E402
from didban.article import Article  # noqa: E402
from didban.dates import day_bounds, jalali_of, tehran_day  # noqa: E402
from didban.text import sentences  # noqa: E402

FIRST_DAY = date(2018, 3, 21)
PER_DAY = 300  # about what Mehr publishes
PER_PAGE = 30
SITE = AGENCIES["mehr"]
_FIRST_ID = 4_000_000
_ROBOTS = b"User-agent: *\nDisallow: /search\nDisallow: /rest/\n"
_PLAIN = (ROOT / "bench/plain.txt").read_text("utf-8")
_WORDS = tuple(dict.fromkeys(re.findall(r"\w[\w\N{ZERO WIDTH NON-JOINER}]*", _PLAIN)))
_TOPICAL = tuple(
    seed[start:end].strip()
    for path in sorted((ROOT / "tests/seeds").glob("*.txt"))
    for seed in [path.read_text("utf-8")]
    for start, end in sentences(seed)
    if 60 < end - start < 400 and not set('{}"\\') & set(seed[start:end])
)


def until_day(count: int) -> date:
    """The day of the last of `count` articles."""
    return FIRST_DAY + timedelta(days=(count - 1) // PER_DAY)


def _sentence(pick: random.Random) -> str:
    return " ".join(pick.choices(_WORDS, k=pick.randint(9, 22))) + "."


@lru_cache(maxsize=64)
def piece(number: int) -> Piece:
    """The `number`th article, from 0."""
    said = number - 1 if number % 40 == 39 else number
    pick = random.Random(said)
    paragraphs = [" ".join(_sentence(pick) for _ in range(2)) for _ in range(9)]
    if said % 5 == 0:
        paragraphs.insert(pick.randrange(10), pick.choice(_TOPICAL))
    title = _sentence(pick)[:70].rpartition(" ")[0]
    start = day_bounds(FIRST_DAY + timedelta(days=number // PER_DAY))[0]
    return Piece(
        article=Article(
            source="mehr",
            id=str(_FIRST_ID + number),
            kicker=_sentence(pick)[:40].rpartition(" ")[0] if said % 3 == 0 else "",
            title=title,
            lead=f"{_sentence(pick)} {_sentence(pick)}",
            text="\n".join(paragraphs),
            published=start + timedelta(minutes=4 * (number % PER_DAY) + 30),
            has_time=True,
            section=SECTION["mehr"],
            tags=tuple(pick.sample(_WORDS, 3)),
        ),
        slug=slug(title),
    )


# ── the rest of a page ────────────────────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=1)
def _chrome() -> tuple[str, str, str]:
    """What stands in the head, before and after an article: scripts, menus, side lists, footer. A real page is 66 to 120 KB."""
    pick = random.Random("chrome")

    def words(count: int) -> str:
        return escape(" ".join(pick.choices(_WORDS, k=count)))

    def menu(count: int, kind: str) -> str:
        items = (
            f'<li class="{kind}"><a href="/service/{at}" title="{words(3)}" target="_blank">{words(2)}</a></li>'
            for at in range(count)
        )
        return f'<ul class="{kind}-list">{"".join(items)}</ul>'

    def side(number: int, count: int) -> str:
        items = "".join(
            f'<li class="news" data-conf="{{}}"><figure><a href="/news/{number}{at:05}/x" target="_blank">'
            f'<img src="{SITE.media}/2018/0{number}/{at}.jpg" alt="{words(4)}" loading="lazy" /></a></figure>'
            f'<div class="desc"><h3><a href="/news/{number}{at:05}/x" target="_blank" title="{words(8)}">{words(10)}</a>'
            f'</h3><time title="{words(3)}"><a href="/news/{number}{at:05}/x">۱ ماه قبل</a></time></div></li>\n'
            for at in range(count)
        )
        return (
            f'<section id="box{number}" class="box list list-thumbs header-tab hidden-xs"><header><h2><span>{words(2)}'
            f"</span></h2></header><div><ul>{items}</ul></div></section>\n"
        )

    scripts = "".join(
        f'<script type="text/javascript">var _conf{at} = {{"box": {at}, "url": "/rest/box/{at}", "keys": '
        f"{[pick.randrange(10**6) for _ in range(90)]}}}; if (a < b && c > d) {{ load(_conf{at}); }}</script>\n"
        for at in range(12)
    )
    before = (
        f'<header class="main-header"><div class="container"><div class="row">{menu(20, "top")}</div>'
        f'<nav class="nav-bar">{menu(30, "nav")}</nav></div></header>'
    )
    after = (
        f'<aside class="col-lg-3 sidebar">{"".join(side(number, 15) for number in range(3, 6))}</aside>'
        f'<footer class="main-footer"><div class="container">{menu(36, "foot")}{menu(24, "terms")}</div></footer>{scripts}'
    )
    return scripts, before, after


def whole(page: str) -> str:
    scripts, before, after = _chrome()
    head, _, body = page.partition("</head>")
    opening, _, rest = body.partition("<main")
    main, _, _ = rest.rpartition("</body>")
    return f"{head}{scripts}</head>{opening}{before}<main{main}{after}</body></html>\n"


# ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def answer(count: int, target: str) -> bytes | None:
    """The body of what a site of `count` articles answers; None is a 404."""
    parts = urlsplit(target)
    if parts.path == "/robots.txt":
        return _ROBOTS
    if found := re.fullmatch(r"/news/(\d+)/.+", parts.path):
        number = int(found[1]) - _FIRST_ID
        if not 0 <= number < count:
            return None
        others = [piece(other % count) for other in range(number + 1, number + 4)]
        return whole(nastooh_article(SITE, piece(number), others)).encode()
    if parts.path in {"/archive", "/page/archive.xhtml"}:
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return whole(_listing(count, query)).encode()
    return None


def _listing(count: int, query: dict[str, str]) -> str:
    numbers: range = range(0)
    for at in range((count - 1) // PER_DAY + 1):
        if tuple(query.get(key) for key in ("yr", "mn", "dy")) == _jalali(at):
            numbers = range(at * PER_DAY, min(count, (at + 1) * PER_DAY))[::-1]
    page = int(query.get("pi") or 1)
    return nastooh_listing(
        SITE,
        [piece(number) for number in numbers[(page - 1) * PER_PAGE : page * PER_PAGE]],
        number=page,
        last=max(-(-len(numbers) // PER_PAGE), 1),
        query={key: query.get(key, "") for key in ("tp", "ty", "dy", "mn", "yr")},
        newest=[piece(number) for number in range(3)],
    )


@lru_cache
def _jalali(at: int) -> tuple[str, str, str]:
    year, month, day = jalali_of(tehran_day(datetime.combine(FIRST_DAY, datetime.min.time(), UTC)) + timedelta(days=at))
    return str(year), str(month), str(day)


class Site(asyncio.Protocol):
    """HTTP/1.1 as far as two crawlers need it: GET, keep-alive, one request after the other."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._waiting = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        *requests, self._waiting = (self._waiting + data).split(b"\r\n\r\n")
        for request in requests:
            target = request.split(b" ", 2)[1].decode()
            body = answer(self._count, target)
            status = "404 Not Found" if body is None else "200 OK"
            kind = "text/plain" if target == "/robots.txt" else "text/html; charset=utf-8"
            sent = gzip.compress(body or b"404", 3, mtime=0)
            head = (
                f"HTTP/1.1 {status}\r\nServer: nginx\r\nContent-Type: {kind}\r\nContent-Encoding: gzip\r\n"
                f"Vary: Accept-Encoding\r\nCache-Control: no-cache\r\nContent-Length: {len(sent)}\r\n\r\n"
            )
            self._transport.write(head.encode() + sent)


async def main(count: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Site(count), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
