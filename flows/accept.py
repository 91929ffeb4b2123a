"""`didban accept`: save live pages and what today's reader makes of them, for a person to review."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from didban.article import to_json
from didban.errors import DidbanError, ServerFault
from didban.settings import Settings
from didban.urls import canonical
from flows.workshop import fetching, sources_of
from scrapers.base import Source
from scrapers.fetch import Fetcher


def accept(settings: Settings, key: str, urls: Sequence[str], folder: Path, *, say: Callable[[str], None]) -> bool:
    """Fetch each address and write `NAME.html`, the bytes as served, and `NAME.json`, the article read from them, into `folder`.

    A page that cannot be read is written without its json, and the reason said: it is what a reader is mended with. Nothing of a
    golden is believed before a person has read it. True when every page was read. Raises InputError for an unknown source.
    """
    source = sources_of(settings).get(key)
    folder.mkdir(parents=True, exist_ok=True)

    async def all_of_them() -> bool:
        async with fetching(settings) as fetcher:
            done = [await _accept(fetcher, source, url, folder, say) for url in urls]
        return all(done)

    return asyncio.run(all_of_them())


async def _accept(fetcher: Fetcher, source: Source, url: str, folder: Path, say: Callable[[str], None]) -> bool:
    try:
        page = await fetcher.fetch(url, hosts=source.hosts)
        if page is None:
            raise ServerFault(url, "says not modified to a question without conditions")
        name = _name(source.key, url)
        (folder / f"{name}.html").write_bytes(page.body)
        article = replace(source.article(page), fetched=None)
    except DidbanError as error:
        say(f"✗ {error}")
        return False
    text = json.dumps(to_json(article), ensure_ascii=False, indent=2) + "\n"
    (folder / f"{name}.json").write_text(text, "utf-8")
    say(f"✓ {folder / name}.json: {article.title}")
    return True


def _name(key: str, url: str) -> str:
    """`irna-83714160` of its address: the first run of digits after the host, else the last word of the path."""
    path = (canonical(url) or url).partition("/")[2]
    number = next((part for part in path.split("/") if part.isdigit()), None)
    last = "".join(char for char in path.rpartition("/")[2] if char.isalnum() or char in "-_")
    return f"{key}-{number or last or 'home'}"
