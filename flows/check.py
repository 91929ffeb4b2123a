"""`didban sources check`: try the live sites step by step, save nothing, and say what to do about each failure.

    name ─▶ tls ─▶ robots ─▶ each listing ─▶ archive ─▶ paths ─▶ article ×3 ─▶ each field
    └─────── the first of these that fails ends it ──┘

A certificate is looked at as a fetch would: with the same authorities, at public addresses only, never unverified.
"""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import certifi

from didban.article import Article, Link, Listed, Listing, Page
from didban.dates import jalali_iso, jalali_of, tehran_day
from didban.errors import (
    Blocked,
    DidbanError,
    Disallowed,
    Gone,
    LayoutChanged,
    Moved,
    ReadError,
    ServerFault,
    SettingsError,
    TooLarge,
    Unreachable,
    Unreadable,
)
from didban.health import History, rates
from didban.settings import Settings
from didban.urls import host_of
from flows.pipeline import read_article
from flows.workshop import chosen, fetching, now
from scrapers.base import Site, Source
from scrapers.detect import settled
from scrapers.fetch import Fetcher, is_public

State = Literal["✓", "✗", "–"]
"""Well, needs a look, or not to be said: absent without harm, or not tried."""

HEADERS: Final = ("source", "step", "", "found", "what to do")
ARTICLES: Final = 3
FRESH: Final = timedelta(days=3)
FIELDS: Final = ("title", "lead", "text", "published", "id", "section", "province", "tags")

_AGENT = "Didban"  # what we are called in a robots.txt
_NEEDED = frozenset({"title", "text", "published"})
_SELECTORS = {"text": "body", "published": "date"}  # a field → what its selector is called, where that is another word
_ENDS_SOON = timedelta(days=7)
_CONNECT = 10.0
_HARDLY = 1e-4  # the chance of a day without articles below which an empty archive is no chance
_CLOCK, _NAME = (9, 10), 62  # OpenSSL's numbers of "not yet valid", "has expired" and "hostname mismatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One finding about a source; `advice` is what to do, empty where there is nothing to."""

    source: str
    step: str
    state: State
    said: str
    advice: str = ""

    @property
    def row(self) -> tuple[str, ...]:
        """Its cells, under HEADERS."""
        return self.source, self.step, self.state, self.said, self.advice


def check(settings: Settings, keys: Sequence[str], *, now: Callable[[], datetime] = now) -> Iterator[Step]:
    """What is found at these sources (those that are watched, without a name), source by source, as it is found.

    Raises InputError for a name nobody knows, before anything is asked.
    """
    return _one_by_one(_all(settings, chosen(settings, keys), now))


def _one_by_one(steps: AsyncGenerator[Step]) -> Iterator[Step]:
    async def following() -> Step | None:
        return await anext(steps, None)

    with asyncio.Runner() as runner:
        while (step := runner.run(following())) is not None:
            yield step


async def _all(settings: Settings, sources: Sequence[Source], now: Callable[[], datetime]) -> AsyncGenerator[Step]:
    async with fetching(settings) as fetcher:
        for source in sources:
            async for step in _Visit(settings=settings, fetcher=fetcher, source=source, now=now()).steps():
                yield step


@dataclass(slots=True, kw_only=True)
class _Visit:
    """One source, looked at."""

    settings: Settings
    fetcher: Fetcher
    source: Source
    now: datetime
    addresses: list[str] = field(default_factory=list)
    links: tuple[Link, ...] = ()

    async def steps(self) -> AsyncGenerator[Step]:
        for look in (self._name, self._engine, self._tls, self._robots):
            try:
                step = await look()
            except DidbanError as error:
                step = self._failed(look.__name__.strip("_"), error)
            if step is not None:
                yield step
                if step.state == "✗":
                    yield self._step("the rest", "–", f"not tried: it needs {step.step}")
                    return
        for looks in (self._listings, self._archive, self._paths, self._articles):
            async for step in looks():
                yield step

    # ── the way there ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _name(self) -> Step:
        host, mapped = self._host, self._mapped
        if mapped is not None:
            self.addresses = [urlsplit(mapped).hostname or ""]
            return self._step("name", "–", f"DIDBAN_HOSTS leads {host} to {mapped}")
        if self.settings.hosts:
            said = f"{host} is not in DIDBAN_HOSTS, and while that is set nothing else is asked"
            return self._step("name", "✗", said, "unset DIDBAN_HOSTS, or name it there")
        if self._proxied:
            return self._step("name", "–", f"the proxy looks {host} up")
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or error
            advice = (
                f"look at your network and its name server; if the site has moved, write its home under {self._table}"
            )
            return self._step("name", "✗", f"no address for {host} ({why})", advice)
        addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
        self.addresses = [address for address in addresses if is_public(address)]
        if not self.addresses:
            said = (
                f"{host} is at {', '.join(addresses)}, which is not public: a filter's answer, or a network of its own"
            )
            return self._step("name", "✗", said, f"ask another name server, or set proxy under {self._fetch_table}")
        return self._step("name", "✓", f"{host} is at {', '.join(self.addresses)}")

    async def _engine(self) -> Step | None:
        """A site of no recorded engine is looked at first, as a watch does."""
        found = await settled(self.source, self.fetcher.fetch)
        if found is self.source:
            return None
        self.source = found
        return self._step("engine", "✓", f"{type(found).__name__.lower()}, as {found.home} shows")

    async def _tls(self) -> Step:
        place = urlsplit(self._mapped or self.source.home)
        if place.scheme != "https":
            better = f"if it answers at https, write its home so under {self._table}" if self._mapped is None else ""
            return self._step("tls", "–", "plain http: nobody vouches for what comes", better)
        if self._proxied and self._mapped is None:
            return self._step("tls", "–", "behind the proxy: what it answers is checked as each page is fetched")
        options = self.settings.fetch.get(self._host)
        trust = _trusted(str(options.ca_file) if options and options.ca_file else None)
        try:
            shown = await _certificate(self._host, self.addresses, place.port or 443, trust)
        except ssl.SSLCertVerificationError as error:
            advice = f"put its authority's certificate into a file, and name that as ca_file under {self._fetch_table}"
            if error.verify_code in _CLOCK:
                advice = "is this computer's clock right? Then its owner must renew it"
            elif error.verify_code == _NAME:
                advice = f"another site answers under this name: if it has moved, write its home under {self._table}"
            return self._step("tls", "✗", f"its certificate is not trusted ({error.verify_message})", advice)
        except OSError as error:  # TimeoutError and SSLError are such
            why = error.strerror or str(error) or "no answer in time"
            return self._step(
                "tls",
                "✗",
                f"no secure connection to {', '.join(self.addresses)} ({why})",
                f"look at your network; {self._inside}",
            )
        end = datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC)
        issuer = dict(pair for part in shown["issuer"] for pair in part)
        by = issuer.get("organizationName") or issuer.get("commonName") or "a nameless authority"
        soon = "it ends soon, and fetching with it: its owner must renew it" if end - self.now < _ENDS_SOON else ""
        return self._step("tls", "✓", f"certificate by {by} until {jalali_iso(end, with_time=False)}", soon)

    async def _robots(self) -> Step:
        robots = await self.fetcher.robots(self.source.home, hosts=self.source.hosts)
        delay = robots.delay(_AGENT)
        return self._step("robots", "✓", robots.note + (f"; {delay:g} seconds between requests" if delay else ""))

    # ── listings ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _listings(self) -> AsyncGenerator[Step]:
        watched, older = self.source.watch(), self.source.older()
        answers = {listing: await self._ask(listing) for listing in (*watched, *((older,) if older else ()))}
        paged = any(one.way == "page" and isinstance(answers[one], Listed) for one in watched)
        for listing, answer in answers.items():
            if isinstance(answer, Listed):
                self.links = self.links or answer.links
                yield self._listed(listing, answer)
            else:
                spared = paged and listing.way == "feed" and isinstance(answer, Gone)  # such a feed may be switched off
                yield self._failed(listing.way, answer, "–" if spared else "✗")

    def _listed(self, listing: Listing, listed: Listed) -> Step:
        said = _count(listed)
        newest = max((link.published for link in listed.links if link.published), default=None)
        if newest is not None:
            said += f", newest {jalali_iso(newest, with_time=True)}"
        elsewhere = f"open {listing.url}: is there newer news? `didban sources add {self.source.home}` finds where"
        if listed.problem:
            said, advice = f"{said}; {listed.problem}", "it is asked for whole again; if it stays so, tell its owner"
        elif newest is not None and self.now - newest > max(FRESH, self.source.expects.silence):
            said, advice = f"{said} — stale", elsewhere
        elif not listed.links:  # an index of listings says nothing to a watch
            advice = elsewhere
        else:
            advice = ""
        return self._step(listing.way, "✗" if advice else "✓", said, advice)

    async def _archive(self) -> AsyncGenerator[Step]:
        yesterday = tehran_day(self.now) - timedelta(days=1)
        day = "{}-{:02}-{:02}".format(*jalali_of(yesterday))
        seen = (*self.source.watch(), self.source.older())
        units = [listing for listing in self.source.archive(yesterday, yesterday) if listing not in seen]
        if not units:
            yield self._step("archive", "–", "it is read by the listings above")
        for listing in units:
            answer = await self._ask(listing)
            if not isinstance(answer, Listed):
                yield self._failed("archive", answer)
            elif answer.links or answer.listings:
                yield self._step("archive", "✓", f"{_count(answer)} of {day}")
            else:
                usual = rates(History(), self.source.expects).of(yesterday)
                said = f"none of {day}; about {usual:g} are usual"
                lost = math.exp(-usual) < _HARDLY
                advice = f"open {listing.url}: is it the archive of that day?" if lost else ""
                yield self._step("archive", "✗" if lost else "–", said, advice)

    async def _ask(self, listing: Listing) -> Listed | DidbanError:
        try:
            page = await self._page(listing.url)
            return self.source.links(page, listing)
        except DidbanError as error:
            return error
        except Exception as error:  # a reader's own failure is a finding too
            return Unreadable(listing.url, f"the reader failed with {type(error).__name__}: {error}")

    # ── articles ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _paths(self) -> AsyncGenerator[Step]:
        if not self.links:
            return
        try:
            allowed = [link for link in self.links if await self._allowed(link)]
        except DidbanError as error:
            yield self._failed("paths", error)
            return
        shut = len(allowed) < len(self.links)
        said = f"robots.txt allows {len(allowed)} of {len(self.links)} articles"
        yield self._step("paths", "✗" if shut else "✓", said, _ASK_LEAVE if shut else "")
        self.links = tuple(allowed)

    async def _allowed(self, link: Link) -> bool:
        return (await self.fetcher.robots(link.url, hosts=self.source.hosts)).allows(link.url, _AGENT)

    async def _articles(self) -> AsyncGenerator[Step]:
        articles: list[tuple[Link, Article]] = []
        for link in self.links[:ARTICLES]:
            try:
                article = read_article(self.source, await self._page(link.url), link)
            except DidbanError as error:
                yield self._failed("article", error)
                if isinstance(error, (Blocked, Unreachable, ServerFault)):
                    break  # the others stand behind the same door
            else:
                articles.append((link, article))
                yield self._step("article", "✓", f"{article.title} ({len(article.text)} letters)")
        for name in FIELDS if articles else ():
            yield self._field(name, articles)

    def _field(self, name: str, articles: Sequence[tuple[Link, Article]]) -> Step:
        lacking = [link.url for link, article in articles if not getattr(article, name)]
        has = len(articles) - len(lacking)
        said = f"{has} of {len(articles)}"
        if name in _NEEDED.union(self.source.expects.fields) and has * 2 < len(articles):
            return self._step(name, "✗", said, self._mend(name, lacking[0]))
        return self._step(name, "✓" if has else "–", said)

    # ── what to say ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _page(self, url: str) -> Page:
        page = await self.fetcher.fetch(url, hosts=self.source.hosts)
        if page is None:
            raise ServerFault(url, "says not modified to a question without conditions")
        return page

    def _step(self, step: str, state: State, said: str, advice: str = "") -> Step:
        return Step(source=self.source.key, step=step, state=state, said=said, advice=advice)

    def _failed(self, step: str, error: DidbanError, state: State = "✗") -> Step:
        return self._step(step, state, str(error), self._advice(step, error))

    def _advice(self, step: str, error: DidbanError) -> str:
        advice = ""
        match error:
            case Blocked(retry_after=float(wait)):
                advice = f"ask again after {wait:g} seconds, and less often: lower DIDBAN_RATE"
            case Blocked():
                advice = self._inside
            case Unreachable():
                advice = f"look at your network; {self._inside}"
            case Moved():
                advice = f"if it has moved, write its home, and its hosts, under {self._table}"
            case Disallowed() if "robots.txt" in error.problem:
                advice = _ASK_LEAVE
            case Disallowed():
                advice = f"if that is the site's own, name its host among hosts under {self._table}"
            case Gone() if step == "article":
                advice = "its listing names what is gone; a watch asks twice more, then refuses that link"
            case Gone():
                advice = f"`didban sources add {self.source.home}` finds what the site has now"
            case ServerFault():
                advice = "the site's own trouble: ask again later"
            case LayoutChanged(field=name):
                advice = self._mend(name or ("root" if step == "article" else "item"), error.url)
            case ReadError() | TooLarge():
                advice = f"`didban accept {self.source.key} '{error.url}'` saves it for a look"
            case SettingsError():
                advice = f"mend it under {self._fetch_table}"
        return advice

    def _mend(self, name: str, url: str) -> str:
        """How to see a page whose field is not found, and to say where it is now."""
        selector = _SELECTORS.get(name, name)
        saved = f"`didban accept {self.source.key} '{url}'` saves the page"
        if selector not in Site.selectors:
            return f"{saved}, for its reader to be mended by"
        return f'{saved}; then, under {self._table}, selectors = {{ {selector} = "…" }}'

    @property
    def _inside(self) -> str:
        """What may help where a site answers some networks only."""
        return f"run it inside Iran, or set proxy, cookies or headers under {self._fetch_table}"

    @property
    def _host(self) -> str:
        return host_of(self.source.home) or ""

    @property
    def _mapped(self) -> str | None:
        """Where DIDBAN_HOSTS leads this host; a host that it does not name, the fetcher refuses."""
        return self.settings.hosts.get(self._host, self.settings.hosts.get("*"))

    @property
    def _proxied(self) -> bool:
        return bool((options := self.settings.fetch.get(self._host)) and options.proxy)

    @property
    def _table(self) -> str:
        return f"[sources.{self.source.key}]"

    @property
    def _fetch_table(self) -> str:
        return f'[fetch."{self._host}"] in didban.toml'


_ASK_LEAVE = "we do not ask for this; its owner may give leave"


def _count(listed: Listed) -> str:
    """What a listing names: articles, or, where it is an index, more listings."""
    return f"{len(listed.listings)} listings" if listed.listings and not listed.links else f"{len(listed.links)} links"


def _trusted(ca_file: str | None) -> ssl.SSLContext:
    """The authorities that a fetch believes, and those of the operator's file. Raises SettingsError."""
    context = ssl.create_default_context(cafile=certifi.where())
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:  # SSLError is one
            raise SettingsError(f"{ca_file}: no CA certificates can be read from it ({error})") from None
    return context


async def _certificate(host: str, addresses: Sequence[str], port: int, trust: ssl.SSLContext) -> Any:  # noqa: ANN401
    """The certificate shown at the first of three addresses that answers, as ssl tells of it. Raises OSError."""
    failure: OSError = OSError("no address to ask")
    for address in addresses[:3]:
        try:
            async with asyncio.timeout(_CONNECT):
                _, writer = await asyncio.open_connection(address, port, ssl=trust, server_hostname=host)
        except ssl.SSLCertVerificationError:
            raise
        except OSError as error:
            failure = error
        else:
            shown = writer.get_extra_info("peercert")
            writer.transport.abort()
            return shown
    raise failure
