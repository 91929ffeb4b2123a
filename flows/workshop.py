"""Settings made into parts. The only place that knows how the rooms fit together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from pydantic import SecretStr

from alerts.channels import Options, open_channels
from alerts.channels.base import Channel
from didban import __version__
from didban.alert import Match, Plan, Sighting
from didban.article import Article
from didban.errors import InputError, SettingsError, StoreError
from didban.settings import ChannelSettings, Settings, revealed
from flows.owner import Owner
from flows.pipeline import Pipeline
from flows.rulebook import Rulebook, everyone
from flows.upkeep import beside, keeping_of
from flows.writer import Writer
from scrapers.base import Source
from scrapers.fetch import Fetcher, HostOptions, RobotsMemory
from scrapers.sources import Registry, build
from storage.store import Store, open_store

Turn = Callable[[str, float], Awaitable[None]]

STRETCH = 0.2
"""Seconds for which a host is taken where it may be asked several times within them."""


def now() -> datetime:
    return datetime.now(UTC)


def silent(line: str) -> None:
    """Reports to nobody."""
    del line


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What a run works with."""

    pipeline: Pipeline
    sources: tuple[Source, ...]
    channels: Mapping[str, Channel]
    bury: Callable[[], Awaitable[int]]
    """Frees the leases of processes that have died on this machine; returns how many."""
    rulebook: Rulebook | None = None

    async def refresh(self) -> str:
        """Look at the rules file again; a line for people when it has changed, else an empty one."""
        return "" if self.rulebook is None else await self.pipeline.run(self.rulebook.refresh)


def sources_of(settings: Settings) -> Registry:
    """The sources, with the operator's own. Raises InputError naming the table of `[sources.KEY]` that is wrong."""
    return build(settings.sources.own)


def chosen(settings: Settings, names: Sequence[str] = ()) -> tuple[Source, ...]:
    """The sources named, else those of the settings, else the watched ones. Raises InputError for a name nobody knows, and
    where none of the sources named has an address."""
    registry = sources_of(settings)
    keys = tuple(names) or settings.sources.watch
    found = registry.named(keys) if keys else registry.watched()
    placed = tuple(source for source in found if source.home)
    if found and not placed:
        raise InputError(no_address(found[0]))
    return placed


def no_address(source: Source) -> str:
    """Why a source is skipped, and what to do."""
    return (
        f"{source.key}: no address of {source.name} is confirmed; write its home under [sources.{source.key}]; skipped"
    )


def source_names(settings: Settings) -> dict[str, str]:
    """What each source is called, by its key."""
    return {source.key: source.name for source in sources_of(settings).known()}


def channels_of(settings: Settings) -> dict[str, Channel]:
    """The channels by name. Raises SettingsError naming the channel, never its URL."""
    names = source_names(settings)
    urls = {
        name: revealed(url.get_secret_value(), what=f"channel {name}: its URL")
        for name, url in settings.channels.items()
    }
    options = {name: _beside(name, table) for name, table in settings.channel.items()}
    return open_channels(urls, base=settings.var, source_names=names, options=options)


def _beside(name: str, table: ChannelSettings) -> Options:
    def said(value: SecretStr | None, key: str) -> str | None:
        return None if value is None else revealed(value.get_secret_value(), what=f"channel {name}: its {key}")

    proxy, secret = said(table.proxy, "proxy"), said(table.secret, "secret")
    return Options(proxy=proxy, ca_file=table.ca_file, secret=secret, api=table.api)


def operator_of(settings: Settings) -> tuple[str, ...]:
    """The channels that hear of the sources' states: those of the settings, else the first. Raises SettingsError."""
    if settings.operator is None:
        return everyone(settings)[:1]
    for name in settings.operator:
        if name not in settings.channels:
            known = ", ".join(settings.channels)
            raise SettingsError(f"operator: there is no channel {name!r}; the channels are: {known}")
    return settings.operator


def rulebook_of(settings: Settings, store: Store, *, window: timedelta | None = None) -> Rulebook:
    """The judge by the rules in force. Raises RulesError, SettingsError, StoreError."""
    return Rulebook(settings, store, operator=operator_of(settings), clock=now, window=window)


@contextmanager
def opened(settings: Settings) -> Generator[Store]:
    """The store, closed at the end."""
    store = open_store(settings.store_url)
    try:
        yield store
    finally:
        store.close()


@asynccontextmanager
async def workshop(
    settings: Settings,
    sources: Sequence[str] = (),
    *,
    window: timedelta | None = None,
    rules: bool = True,
    yielding: bool = False,
    limit: float | None = None,
    patience: timedelta = timedelta(0),
    report: Callable[[str], None] = silent,
) -> AsyncGenerator[Workshop]:
    """Everything a run needs, opened and closed: store, one writing thread, lease owner, fetcher, rules, channels.

    `window` replaces the settings' alert window; `rules=False` leaves the rules unread, for a run that only delivers; a
    `yielding` run asks its sites for nothing while another process works off links that the watch saw; `limit` is how many
    requests a second it makes at most, beside each host's own pace; `patience` is how long a transaction waits for a database
    that is locked or away, which `report` is told.
    """
    channels = channels_of(settings)
    wanted = chosen(settings, sources)
    settings.var.mkdir(parents=True, exist_ok=True)
    with (
        Owner(settings.var / "owners") as owner,
        opened(settings) as store,
        Writer(patience, report) as writer,
    ):
        rulebook = rulebook_of(settings, store, window=window) if rules else None
        skew = store.database.skew()  # leases and turns of all machines are told by one clock

        def clock() -> datetime:
            return now() + skew

        def bury() -> int:
            dead = owner.dead(store.sources.owners())
            return store.sources.release(dead) if dead else 0

        def leave() -> None:
            if not writer.away:  # who goes while the database is locked is buried by the next
                store.sources.release({owner.name})

        bury()
        store.sources.register([source.key for source in wanted], now=clock())

        ahead = [source.key for source in wanted] if yielding else []

        def ask(host: str, interval: timedelta) -> timedelta:
            """Zero when the turn is ours, else how long to wait. The watch's links go first, and a backfill after them."""
            return store.hosts.turn(
                host, interval=interval, now=clock(), yielding=yielding, behind=ahead, owner=owner.name
            )

        turns, pace = Turns(partial(asyncio.get_running_loop().run_in_executor, writer, ask)), Pace()

        async def turn(host: str, seconds: float) -> None:
            if limit is not None:
                await pace(host, 1 / limit)
            await turns(host, seconds)

        async with fetching(settings, turn, _Memory(store, writer)) as fetcher:
            pipeline = Pipeline(
                store=store,
                writer=writer,
                fetch=fetcher.fetch,
                judge=rulebook or _no_judgement,
                owner=owner.name,
                now=clock,
                operator=operator_of(settings),
                delivery=settings.delivery,
            )
            shop = Workshop(
                pipeline=pipeline,
                sources=wanted,
                channels=channels,
                bury=partial(pipeline.run, bury),
                rulebook=rulebook,
            )
            try:
                async with beside(pipeline, keeping_of(settings.pages)) if rules else nullcontext():
                    try:
                        yield shop
                    finally:
                        writer.end_waiting()
            finally:  # what we still held is free at once, for processes on other machines too
                with suppress(StoreError):
                    await pipeline.run(leave)


class Turns:
    """Turns at hosts that all processes share. `ask` takes a host for so long: zero, or how long to wait before asking again.

    Where a host may be asked more often than every STRETCH, it is taken for that long at once, and the turns within it are given
    out here: the database is asked no oftener than it is worth, and two requests are still never closer than their interval.
    """

    def __init__(self, ask: Callable[[str, timedelta], Awaitable[timedelta]]) -> None:
        self._ask = ask
        self._ours: dict[str, tuple[float, float]] = {}
        """When the next turn at a host is, and when the host is another's again."""

    async def __call__(self, host: str, seconds: float) -> None:
        """Wait for this host's turn, `seconds` before any other."""
        time = asyncio.get_running_loop().time
        while True:
            following, end = self._ours.get(host, (0.0, 0.0))
            at = max(following, time())
            if at + seconds <= end + 1e-6:
                self._ours[host] = at + seconds, end
                await asyncio.sleep(at - time())
                return
            begun, length = time(), seconds * max(int(STRETCH / seconds), 1)
            wait = await self._ask(host, timedelta(seconds=length))
            if not wait:  # the answer may have waited for whoever was writing: the next turn is counted from now
                self._ours[host] = time() + seconds, begun + length
                return
            await asyncio.sleep(wait.total_seconds())


class Pace:
    """Turns at hosts within this process alone."""

    def __init__(self) -> None:
        self._next: dict[str, float] = {}

    async def __call__(self, host: str, seconds: float) -> None:
        """Wait for this host's turn, `seconds` after the one before."""
        time = asyncio.get_running_loop().time
        at = max(self._next.get(host, 0.0), time())
        self._next[host] = at + seconds
        await asyncio.sleep(at - time())


@asynccontextmanager
async def fetching(
    settings: Settings, turn: Turn | None = None, memory: RobotsMemory | None = None
) -> AsyncGenerator[Fetcher]:
    """The one door to the network; without `turn` its host's pace is kept within this process only."""
    async with Fetcher(
        rate=settings.rate,
        hosts=settings.hosts,
        turn=turn or Pace(),
        user_agent=_user_agent(settings),
        options={name: _options(settings, name) for name in settings.fetch},
        memory=memory,
    ) as fetcher:
        yield fetcher


@dataclass(frozen=True, slots=True)
class _Memory:
    """The store's robots.txt texts, for the fetcher: asked for on the thread that writes."""

    store: Store
    writer: Executor

    async def recall(self, origin: str) -> tuple[str, datetime] | None:
        return await asyncio.get_running_loop().run_in_executor(self.writer, self.store.robots.recall, origin)

    async def remember(self, origin: str, text: str, read: datetime) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self.writer, self.store.robots.remember, origin, text, read)


def _no_judgement(article: Article, sighting: Sighting) -> tuple[tuple[Match, ...], tuple[Plan, ...]]:
    raise AssertionError(f"nothing is saved here: {article.source} {sighting.via}")


def _user_agent(settings: Settings) -> str:
    return f"Didban/{__version__} (+{settings.contact})" if settings.contact else f"Didban/{__version__}"


def _options(settings: Settings, name: str) -> HostOptions:
    host = settings.fetch[name]
    return HostOptions(
        proxy=host.proxy.get_secret_value() if host.proxy else None,
        headers={key: value.get_secret_value() for key, value in host.headers.items()},
        cookies={key: value.get_secret_value() for key, value in host.cookies.items()},
        ca_file=str(host.ca_file) if host.ca_file else None,
    )
