"""`didban sources check`: try the live sites, save nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from didban.article import Article, Link, Listing
from didban.dates import jalali_iso
from didban.errors import DidbanError, ServerFault
from didban.settings import Settings
from flows.workshop import chosen, fetching, now
from scrapers.base import Source
from scrapers.fetch import Fetcher

FRESH = timedelta(days=3)
_FIELDS = ("id", "url", "title", "lead", "text", "published", "section", "province", "tags")


def check(settings: Settings, keys: Sequence[str], *, say: Callable[[str], None]) -> bool:
    """Ask every listing of these sources (of all, without a name) and read one article of each.

    Says what came, field by field; True when nothing needs a look.
    """

    async def all_of_them() -> bool:
        well = True
        async with fetching(settings) as fetcher:
            for source in chosen(settings, keys):
                well &= await _check(fetcher, source, say)
        return well

    return asyncio.run(all_of_them())


async def _check(fetcher: Fetcher, source: Source, say: Callable[[str], None]) -> bool:
    say(f"{source.key} · {source.home}")
    well = True
    links: tuple[Link, ...] = ()
    older = source.older()
    for listing in dict.fromkeys((*source.watch(), *((older,) if older else ()))):
        try:
            listed = await _links(fetcher, source, listing)
        except DidbanError as error:
            well = False
            say(f"  ✗ {listing.way}: {error}")
            continue
        links = links or listed
        newest = max((link.published for link in listed if link.published), default=None)
        stale = newest is not None and now() - newest > FRESH
        well &= bool(listed) and not stale
        age = f", newest {jalali_iso(newest, with_time=True)}{' — stale' if stale else ''}" if newest else ""
        say(f"  {'✓' if listed and not stale else '✗'} {listing.way}: {len(listed)} links{age}")
    if not links:
        return False
    try:
        article = await _article(fetcher, source, links[0])
    except DidbanError as error:
        say(f"  ✗ article: {error}")
        return False
    missing = [name for name in _FIELDS if not getattr(article, name)]
    say(f"  ✓ article: {article.title}")
    say(f"    {len(article.text)} letters of text; without: {', '.join(missing) or 'nothing'}")
    return well and bool(article.text and article.published)


async def _links(fetcher: Fetcher, source: Source, listing: Listing) -> tuple[Link, ...]:
    page = await fetcher.fetch(listing.url, hosts=source.hosts)
    if page is None:
        raise ServerFault(listing.url, "says not modified to a question without conditions")
    return source.links(page, listing).links


async def _article(fetcher: Fetcher, source: Source, link: Link) -> Article:
    page = await fetcher.fetch(link.url, hosts=source.hosts)
    if page is None:
        raise ServerFault(link.url, "says not modified to a question without conditions")
    return replace(source.article(page, link), fetched=page.fetched)
