"""The spider that bench/ingest.py compares with; run by the Python of the peers' environment (`make bench-peers`).

    python bench/ingest_spider.py DATABASE LISTING …        crawls the archive's days from their first listing pages

It is written as one would for this one job: what it has no use for is off (cookies, referers, telnet, console logs), many requests
are under way at once, selectors are parsel's on lxml, and articles and their pages go to SQLite in batches, in WAL with
`synchronous = NORMAL`. It keeps no listings, no links, no revisions and no stories, matches no rules, and when it is killed it
begins again.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import scrapy  # ty: ignore[import-not-found] - it is in the peers' environment
import zstandard
from scrapy.crawler import AsyncCrawlerProcess  # ty: ignore[import-not-found]
from scrapy.http import HtmlResponse  # ty: ignore[import-not-found]
from w3lib.url import canonicalize_url  # ty: ignore[import-not-found]

BATCH = 20
FIELDS = ("id", "url", "kicker", "title", "lead", "text", "published", "section", "tags")
_ID = re.compile(r"/news/(\d+)/")
_NEXT = "//ul[contains(@class, 'pagination')]/li[not(contains(@class, 'disabled'))]/a[normalize-space() = 'بعدی']/@href"


class Archive(scrapy.Spider):
    """Listing pages → the next one and the articles; an article's page → its fields."""

    name = "archive"

    async def start(self) -> Any:  # noqa: ANN401 - scrapy's own generator of requests
        for url in self.listings:  # an argument of the crawl
            yield scrapy.Request(url)

    def parse(self, response: HtmlResponse) -> Iterator[scrapy.Request]:
        if following := response.xpath(_NEXT).get():
            yield response.follow(following)
        for link in response.css("section.box:has(ul.pagination) li .desc h3 a::attr(href)").getall():
            yield response.follow(link, self.article)

    def article(self, response: HtmlResponse) -> Iterator[dict[str, Any]]:
        root = response.css("article#item")[0]
        paragraphs = (_words(node) for node in root.css(".item-text[itemprop=articleBody] p"))
        address = response.css('meta[property="og:url"]::attr(content)').get(response.url)
        published = response.css('meta[property="article:published_time"]::attr(content)').get()
        found = _ID.search(response.url)
        yield {
            "id": found[1] if found else None,
            "url": canonicalize_url(address),
            "kicker": _first(root, ".item-title .kicker"),
            "title": _first(root, ".item-title h1"),
            "lead": _first(root, ".item-summary .introtext"),
            "text": "\n".join(filter(None, paragraphs)),
            "published": datetime.fromisoformat(published).astimezone(UTC).isoformat() if published else None,
            "section": " > ".join(map(_words, root.css(".item-nav .breadcrumb a"))) or None,
            "tags": ",".join(map(_words, root.css(".tags li a"))),
            "fetched": datetime.now(UTC).isoformat(),
            "page": response.body,
        }


def _words(node: Any) -> str:  # noqa: ANN401 - parsel's selector
    return " ".join("".join(node.xpath(".//text()").getall()).split())


def _first(root: Any, css: str) -> str:  # noqa: ANN401
    found = root.css(css)
    return _words(found[0]) if found else ""


class Keeping:
    """Articles and pages into SQLite, BATCH in a transaction."""

    def open_spider(self) -> None:
        self.database = sqlite3.connect(sys.argv[1], isolation_level=None)
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.execute("PRAGMA synchronous = NORMAL")
        self.database.execute(f"CREATE TABLE IF NOT EXISTS article ({', '.join(FIELDS)}, PRIMARY KEY (id))")
        self.database.execute("CREATE TABLE IF NOT EXISTS page (id PRIMARY KEY, fetched, size, zstd)")
        self.compressor = zstandard.ZstdCompressor()
        self.waiting: list[dict[str, Any]] = []

    def process_item(self, item: dict[str, Any]) -> dict[str, Any]:
        self.waiting.append(item)
        if len(self.waiting) >= BATCH:
            self._write()
        return item

    def close_spider(self) -> None:
        self._write()
        self.database.close()

    def _write(self) -> None:
        places = ", ".join("?" * len(FIELDS))
        articles = [tuple(item[name] for name in FIELDS) for item in self.waiting]
        pages = [
            (item["id"], item["fetched"], len(item["page"]), self.compressor.compress(item["page"]))
            for item in self.waiting
        ]
        self.database.execute("BEGIN IMMEDIATE")
        self.database.executemany(f"INSERT OR REPLACE INTO article VALUES ({places})", articles)
        self.database.executemany("INSERT OR REPLACE INTO page VALUES (?, ?, ?, ?)", pages)
        self.database.execute("COMMIT")
        self.waiting.clear()


SETTINGS = {
    "ROBOTSTXT_OBEY": True,
    "CONCURRENT_REQUESTS": 16,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 16,
    "DOWNLOAD_DELAY": 0,
    "COOKIES_ENABLED": False,
    "REFERER_ENABLED": False,
    "METAREFRESH_ENABLED": False,
    "TELNETCONSOLE_ENABLED": False,
    "LOG_LEVEL": "ERROR",
    "USER_AGENT": "Spider/1.0",
    "ITEM_PIPELINES": {Keeping: 1},
}

if __name__ == "__main__":
    process = AsyncCrawlerProcess(SETTINGS)
    process.crawl(Archive, listings=sys.argv[2:])
    process.start()
