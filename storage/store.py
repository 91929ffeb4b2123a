"""The store: what we know, on SQLite or PostgreSQL. Rows never leave this package; it knows no rule, no site and no channel.

    store = open_store("sqlite:///var/didban.db")
    store.sources    leases, states          store.articles   articles, revisions, stories, alerts
    store.links      links, gaps             store.pages      bytes as served
    store.units      walks through archives  store.outbox     notifications and messages
    store.hosts      turns                   store.robots     what each host's robots.txt says
    store.evidence   what rules find in articles that are stored
    store.coverage   what is known of each day of an archive
    store.search     articles by their words
    store.desk       what the officer's page asks
    store.upkeep     dictionaries, what is kept    store.chores     whose turn it is to look after it
    store.rulesets   the last good rules
    store.mutes      rules that nobody is told of       store.labels     alerts that were relevant, or not

Every method is one transaction. The store is synchronous; one thread writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from didban.alert import Notice
from storage import stories
from storage.articles import Articles
from storage.chores import Chores
from storage.coverage import Coverage
from storage.database import HEAD, Database
from storage.desk import Desk
from storage.evidence import Evidence
from storage.figures import Figures, figures
from storage.hosts import Hosts
from storage.indexing import rebuild
from storage.labels import Labels
from storage.links import Links
from storage.mutes import Mutes
from storage.notices import newest, report, unreported
from storage.outbox import Outbox
from storage.pages import Pages
from storage.robots import RobotsTexts
from storage.rulesets import RuleSets
from storage.search import Search
from storage.sources import Sources
from storage.units import Units
from storage.upkeep import Upkeep


@dataclass(frozen=True, slots=True)
class Store:
    """The rooms of one database."""

    database: Database
    sources: Sources = field(init=False)
    hosts: Hosts = field(init=False)
    links: Links = field(init=False)
    units: Units = field(init=False)
    coverage: Coverage = field(init=False)
    articles: Articles = field(init=False)
    evidence: Evidence = field(init=False)
    pages: Pages = field(init=False)
    outbox: Outbox = field(init=False)
    mutes: Mutes = field(init=False)
    labels: Labels = field(init=False)
    robots: RobotsTexts = field(init=False)
    search: Search = field(init=False)
    desk: Desk = field(init=False)
    upkeep: Upkeep = field(init=False)
    chores: Chores = field(init=False)
    rulesets: RuleSets = field(init=False)

    def __post_init__(self) -> None:
        for name, room in (
            ("sources", Sources),
            ("hosts", Hosts),
            ("links", Links),
            ("units", Units),
            ("coverage", Coverage),
            ("articles", Articles),
            ("evidence", Evidence),
            ("pages", Pages),
            ("outbox", Outbox),
            ("mutes", Mutes),
            ("labels", Labels),
            ("robots", RobotsTexts),
            ("search", Search),
            ("desk", Desk),
            ("upkeep", Upkeep),
            ("chores", Chores),
            ("rulesets", RuleSets),
        ):
            object.__setattr__(self, name, room(self.database))

    def notices(self, *, limit: int = 20) -> list[tuple[datetime, Notice]]:
        """The newest notices, told or not, each with the time it was written."""
        with self.database.read() as connection:
            return newest(connection, limit)

    def unreported(self, due: datetime) -> bool:
        """Is the daily report that was due then still to be written?"""
        with self.database.read() as connection:
            return unreported(connection, due)

    def report(self, said: str, operator: Sequence[str], *, due: datetime, now: datetime) -> bool:
        """Write down the daily report and tell it; False when somebody has."""
        with self.database.write(alone=True) as connection:
            return report(connection, said, operator, due=due, now=now)

    def figures(self, *, now: datetime) -> Figures:
        """What there is, and how late it came and went today."""
        return figures(self.database, now=now)

    def reindex(self) -> int:
        """Make all that articles are found by anew: words and sentences. Returns how many articles there are."""
        with self.database.write(alone=True) as connection:
            stories.rebuild(connection)
            return rebuild(connection)

    def close(self) -> None:
        self.database.close()


def open_store(url: str) -> Store:
    """Open a database, creating it or bringing it up to date. Raises StoreTooNew, StoreUnavailable, StoreError."""
    database = Database(url)
    try:
        database.upgrade()
    except BaseException:
        database.close()
        raise
    return Store(database)


__all__ = ["HEAD", "Store", "open_store"]
