"""What system a site runs, seen from its pages; and a site nobody knows yet, proposed as a source.

    engine_of(page)              the engine a page shows, by its generator and by signs in its markup; pure
    settled(source, fetch)       a portal of unknown engine as a source of the engine, feed and list that its home page shows
    propose(fetch, url)          `didban sources add URL`: looks, tries one article, and writes the settings

Looking is asking politely: the home page, at most four listings and one article, each through the given fetch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Protocol, TypeGuard
from urllib.parse import urlsplit

from didban.article import Article, Link, Listing, Page
from didban.errors import DidbanError, FetchError, InputError, ReadError, ServerFault, Unreachable
from didban.urls import absolute, host_of
from scrapers.base import Site, Source
from scrapers.html import attribute, first_words, line, meta, page_text, parse, words
from scrapers.platforms.generic import Generic
from scrapers.platforms.joomla import Joomla
from scrapers.platforms.nastooh import Nastooh
from scrapers.platforms.wordpress import WordPress

ENGINES: Mapping[str, type[Any]] = MappingProxyType(
    {"nastooh": Nastooh, "joomla": Joomla, "wordpress": WordPress, "generic": Generic}
)
"""The engines that have a reader. Others are recognised by name, and read by the generic one."""

SIGNS: Mapping[str, re.Pattern[str]] = MappingProxyType({
    "nastooh": re.compile(r"""(?:name|property)=["']nastooh:|/resources/theme/\w+/|<article[^>]{1,300}id=["']item["']"""),
    "joomla": re.compile(
        r"""option=com_content|/media/(?:system|jui)/js/|/components/com_|class=["'][^"']*\b(?:com-content-|item-page|"""
        r"""uk-article-title|contentpaneopen)|<div id=["']system["']>\s*(?:<[^>]+>\s*)?<article class=["']item["']"""
    ),
    "wordpress": re.compile(r"https://api\.w\.org/|/wp-content/(?:themes|plugins|uploads)/|/wp-json/|/wp-includes/"),
    "douran": re.compile(r"_?DouranPortal\b"),
    "dnn": re.compile(r"/DesktopModules/|\bdnn_ctr\d|Default\.aspx\?tabid=", re.IGNORECASE),
    "liferay": re.compile(r"/-/asset_publisher/|\bLiferay\.|/web/guest/"),
    "drupal": re.compile(r"/sites/default/files/|data-drupal-|Drupal\.settings"),
    "sharepoint": re.compile(r"/_layouts/15/|_spPageContextInfo"),
})  # fmt: skip
"""What only pages of one engine hold, tried in this order where the page has no generator that says it."""

_GENERATORS = MappingProxyType({
    "nastooh": "nastooh", "newsstudio": "nastooh", "joomla": "joomla", "wordpress": "wordpress", "dotnetnuke": "dnn",
    "drupal": "drupal", "liferay": "liferay", "sharepoint": "sharepoint", "douran": "douran",
})  # fmt: skip
_FEED_TYPES = 'link[type="application/rss+xml"], link[type="application/atom+xml"]'
_NEWS = re.compile(
    r"^(?:آرشیو |همه |تمام |آخرین |تازه ترین )?(?:اخبار|خبرها|خبر|رویدادها و اخبار)(?: (?:استان|استانداری))?$"
)
_TRIES = 4


class Fetch(Protocol):
    """The Fetcher's `fetch`, or a dict in its place."""

    def __call__(self, url: str, *, hosts: tuple[str, ...]) -> Awaitable[Page | None]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A source that `sources add` found. `toml` is what to write into didban.toml; `findings` are lines for people."""

    source: Source
    engine: str
    toml: str
    findings: tuple[str, ...]
    article: Article | None
    """The article that was tried, or None when none could be read: then look before you write."""


def engine_of(page: Page) -> str | None:
    """The engine that made a page, by its `<meta name=generator>`, else by signs in its markup; None when nothing shows it.

    A key of SIGNS; only those in ENGINES have a reader of their own. Raises nothing.
    """
    try:
        text = page_text(page)
        named = meta(parse(page), "generator", "Generator").lower()
    except ReadError:
        return None
    said = next((engine for word, engine in _GENERATORS.items() if word in named), None)
    return said or next((engine for engine, sign in SIGNS.items() if sign.search(text)), None)


def engine_name(site: Site) -> str:
    """The key in ENGINES of a site's platform, whatever selectors of its own it has."""
    return next(name for name, platform in ENGINES.items() if isinstance(site, platform))


def unsettled(source: Source) -> TypeGuard[Generic]:
    """Is it a site of which nobody has said yet what engine, feed or list it has?"""
    engine = isinstance(source, Generic) and not isinstance(source, WordPress)
    return engine and bool(source.home) and not (source.feed or source.news)


async def settled(source: Source, fetch: Fetch) -> Source:
    """A site of no recorded engine as its home page shows it: with engine, feed and list; any other source as it is.

    A site with selectors of its own keeps them, and gets feed and list. What cannot be reached or read stays what it
    was: its own poll will say why.
    """
    if not unsettled(source):
        return source
    once = _Once(fetch)
    try:
        found = await _look(await _answering(source, once), once)
    except DidbanError:
        return source
    return found.source if found.links else source


async def propose(fetch: Fetch, url: str, *, key: str | None = None) -> Proposal:
    """What to write into didban.toml for the site at `url`: `irna.ir`, `https://www.isna.ir/`, or any of its pages.

    Raises InputError when `url` is no web address, and the FetchError or ReadError of its home page.
    """
    once = _Once(fetch)
    found = await _look(await _answering(_unknown(url, key), once), once)
    source, says = found.source, list(found.findings)
    article = None
    if found.links:
        article, said = await _try(source, once, found.links)
        says += said
    else:
        says.append("✗ no listing that can be read: name `feed`, `news` or selectors yourself")
    return Proposal(source=source, engine=found.engine, toml=to_toml(source), findings=tuple(says), article=article)


# ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    source: Any
    engine: str
    findings: tuple[str, ...]
    links: tuple[Link, ...]


class _Once:
    """Asks for no address twice."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._pages: dict[str, Page] = {}

    async def page(self, site: Source, url: str) -> Page:
        if url not in self._pages:
            page = await self._fetch(url, hosts=site.hosts)
            if page is None:
                raise ServerFault(url, "says not modified to a question without conditions")
            self._pages[url] = page
        return self._pages[url]


def _unknown(url: str, key: str | None) -> Generic:
    """The site of an address as a source of no engine. Raises InputError."""
    given = url.strip() if "://" in url else f"https://{url.strip()}"
    host = host_of(given)
    if host is None or "." not in host:
        raise InputError(f"{url!r} is no web address: write one such as https://www.example.ir/")
    parts, domain = urlsplit(given), host.removeprefix("www.")
    home = f"{parts.scheme.lower()}://{host}{f':{parts.port}' if parts.port else ''}/"
    made = re.sub(r"\W", "_", domain.rpartition(".")[0])
    return Generic(
        key=key or (made if made.isidentifier() else f"site_{made}"), name=domain, home=home, hosts=(domain,)
    )


async def _answering(site: Generic, once: _Once) -> Generic:
    """The site at https, or, where nothing answers there, at http. Raises FetchError."""
    try:
        await once.page(site, site.home)
    except Unreachable:
        plain = replace(site, home=re.sub("^https:", "http:", site.home))
        if plain == site:
            raise
        await once.page(plain, plain.home)
        return plain
    return site


async def _look(site: Generic, once: _Once) -> _Found:
    """The home page's engine, and the first listings of it that name articles. Raises FetchError or ReadError of the home page."""
    home = await once.page(site, site.home)
    tree = parse(home)
    shown = engine_of(home)
    engine = shown if shown is not None and shown in ENGINES and not site.sure else "generic"
    says = [f"✓ engine: {shown or 'none that we know'}" + ("" if engine == shown else ", read by the generic reader")]
    if site.name == site.hosts[0] and (title := line(meta(tree, "og:site_name")) or first_words(tree, "title")):
        site = replace(site, name=title)
    links: tuple[Link, ...] = ()
    chosen: dict[str, str] = {}
    for place, path in _candidates(site, home, engine):
        if place in chosen:
            continue
        source = _as(site, engine, {**chosen, place: path})
        listing = _listing(source, place)
        try:
            listed = source.links(await once.page(site, listing.url), listing)
        except (FetchError, ReadError) as error:
            says.append(f"· {place}: {error}")
            continue
        says.append(f"{'✓' if listed.links else '·'} {place}: {listing.url} names {len(listed.links)} links")
        if listed.links:
            chosen[place] = path
            links = links or listed.links
    closed = {name: "" for name in ("api", "feed") if engine == "wordpress" and name not in chosen}
    return _Found(source=_as(site, engine, {**closed, **chosen}), engine=engine, findings=tuple(says), links=links)


def _candidates(site: Site, home: Page, engine: str) -> Iterator[tuple[str, str]]:
    """The listings worth a try, as field and path, the surest first: at most two of a kind."""
    tree = parse(home)
    feeds = [attribute(node, "href") for node in tree.css(_FEED_TYPES) if "comment" not in attribute(node, "href")]
    news = [attribute(node, "href") for node in tree.css("a[href]") if _NEWS.match(words(node))]
    paths = {
        kind: [path for href in hrefs if (path := _path(site, home, href))][:2]
        for kind, hrefs in (("feed", feeds), ("news", news))
    }
    match engine:
        case "nastooh":
            yield "feed", "rss"
        case "joomla":
            categories = [path.partition("?")[0] for path in (*paths["news"], *paths["feed"])]
            yield from (("news", path) for path in dict.fromkeys((*categories[: _TRIES - 1], "")))
        case "wordpress":
            yield "api", WordPress.api
            yield from (("feed", path) for path in dict.fromkeys(("feed/", *paths["feed"][:1])))
        case _:
            yield from (("feed", path) for path in paths["feed"])
            yield from (("news", path) for path in (*paths["news"], ""))


def _path(site: Site, home: Page, href: str) -> str | None:
    """An address of this very site as a path after its home, or None."""
    url = absolute(home.url, href)
    if url is None or host_of(url) is None or (host_of(url) or "").removeprefix("www.") != site.hosts[0]:
        return None
    parts = urlsplit(url)
    return (parts.path.lstrip("/") + (f"?{parts.query}" if parts.query else "")) or None


def _as(site: Site, engine: str, places: Mapping[str, str]) -> Any:  # noqa: ANN401 - a source of one of ENGINES
    if engine == "generic":
        return replace(site, **places)
    return ENGINES[engine](**site.facts(), **places)


def _listing(source: Any, place: str) -> Listing:  # noqa: ANN401 - a source of one of ENGINES
    if place == "feed":
        return Listing(source=source.key, url=source.home + source.feed, way="feed")
    listing = source.older()
    assert isinstance(listing, Listing)  # noqa: S101 - every engine here has pages
    return listing


async def _try(source: Source, once: _Once, links: tuple[Link, ...]) -> tuple[Article | None, list[str]]:
    """The first article of two that can be read, and what to say of it."""
    says = []
    for link in links[:2]:
        try:
            article = source.article(await once.page(source, link.url), link)
        except (FetchError, ReadError) as error:
            says.append(f"✗ article: {error}")
            continue
        has = {"lead": article.lead, "text": article.text, "date": article.published, "section": article.section}
        lacks = ", ".join(name for name, value in has.items() if not value)
        says.append(f"✓ article: {article.title} ({len(article.text)} letters; without: {lacks or 'nothing'})")
        return article, says
    return None, says


# ── settings ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def to_toml(source: Site) -> str:
    """`[sources.KEY]` with what differs from the platform's defaults."""
    said: dict[str, Any] = {"name": source.name, "home": source.home, "hosts": list(source.hosts)}
    said["engine"] = engine_name(source)
    common = {field.name for field in fields(Site)}
    for field in fields(source):
        value = getattr(source, field.name)
        if field.name not in common and isinstance(value, str | tuple) and value != field.default:
            said[field.name] = value
    return "\n".join([f"[sources.{source.key}]", *(f"{name} = {_toml(value)}" for name, value in said.items())]) + "\n"


def _toml(value: object) -> str:
    """A string or a list of strings; JSON's escapes are TOML's too."""
    return json.dumps(value, ensure_ascii=False)
