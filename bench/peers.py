"""The peers of bench/parse.py, run by the Python of their own environment (`make bench-peers`); it imports nothing of ours.

    python bench/peers.py PAGE …        then on stdin a peer's name a line: it takes its turn and answers with one line,
                                        {"seconds": [a page's, …], "articles": [{"title", "text", "published"}, …]}

All are given text already decoded, as they like it best; none asks the network for anything. What they import, each imports
for itself: ours takes its turns by this module too, where none of them is.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

warnings.filterwarnings("ignore")

TURN = 0.3
"""Seconds: a reader is measured at work, not at waking up.

Seconds of the processor's, not the wall's: on a busy machine a long reading is interrupted and a short one is not, which would
count in favour of the quick.
"""


def trafilatura() -> Callable[[str], dict[str, Any]]:
    from trafilatura import bare_extraction  # noqa: PLC0415

    def read(html: str) -> dict[str, Any]:
        found: Any = bare_extraction(html, with_metadata=True, include_comments=False)
        return {"title": found.title, "text": found.text, "published": found.date} if found else {}

    return read


def newspaper4k() -> Callable[[str], dict[str, Any]]:
    import newspaper  # noqa: PLC0415 # ty: ignore[import-not-found]

    def read(html: str) -> dict[str, Any]:
        article = newspaper.Article("http://page.invalid/news/1/x", language="fa", fetch_images=False)
        article.download(input_html=html)
        article.parse()
        published = article.publish_date.isoformat() if article.publish_date else None
        return {"title": article.title, "text": article.text, "published": published}

    return read


def bs4() -> Callable[[str], dict[str, Any]]:
    """What one writes first: the whole page to BeautifulSoup, then the platform's selectors, every field of ours."""
    from bs4 import BeautifulSoup  # noqa: PLC0415

    def read(html: str) -> dict[str, Any]:
        page = BeautifulSoup(html, "lxml")
        root = page.select_one("article#item, #photo") or page

        def words(selector: str) -> str:
            found = root.select_one(selector)
            return found.get_text().strip() if found else ""

        def meta(name: str) -> str | None:
            found = page.find("meta", property=name)
            return str(found["content"]) if found else None

        body = root.select_one(".item-text")
        for junk in (
            body.select("script, style, figure, form, section, video, [class^=itemPlayer], .gallery") if body else ()
        ):
            junk.decompose()
        return {
            "kicker": words(".item-title .kicker"),
            "title": words(".item-title h1"),
            "lead": words(".introtext, p.summary"),
            "text": body.get_text("\n") if body else "",
            "published": meta("article:published_time"),
            "modified": meta("article:modified_time"),
            "printed": words(".item-date span, .meta-news .text-meta"),
            "section": meta("article:section")
            or " > ".join(one.get_text().strip() for one in root.select(".item-nav li a")),
            "tags": [one.get_text().strip() for one in root.select(".tags li a")],
        }

    return read


PEERS = {"trafilatura": trafilatura, "newspaper4k": newspaper4k, "bs4": bs4}


def take_turn(read: Callable[[int], Any], count: int) -> dict[str, Any]:
    """Read pages 0 … `count` - 1 again and again, for TURN seconds at least; each page's median, and what it became."""
    taken: list[list[float]] = [[] for _ in range(count)]
    articles: list[Any] = [None] * count
    end = process_time() + TURN
    while not taken[0] or process_time() < end:
        for at in range(count):
            start = process_time()
            articles[at] = read(at)
            taken[at].append(process_time() - start)
    return {"seconds": [median(times) for times in taken], "articles": articles}


def main(paths: list[str]) -> None:
    pages = [Path(path).read_text("utf-8") for path in paths]
    readers = {name: make() for name, make in PEERS.items()}
    for line in sys.stdin:
        read = readers[line.strip()]
        print(json.dumps(take_turn(lambda at, read=read: read(pages[at]), len(pages))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
