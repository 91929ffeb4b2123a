"""The store: what we know, on SQLite or PostgreSQL. Rows never leave this package; it knows no rule, no site and no channel.

    store = open_store("sqlite:///var/didban.db")
    store.sources    leases, states, hosts' turns        store.pages     bytes as served
    store.robots     what each host's robots.txt says
    store.links      links, walks, gaps                  store.outbox    notifications and messages
    store.articles   articles, revisions, stories, alerts

Every method is one transaction. The store is synchronous; one thread writes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from didban.alert import Notice
from storage.articles import Articles
from storage.database import HEAD, Database
from storage.links import Links
from storage.notices import newest
from storage.outbox import Outbox
from storage.pages import Pages
from storage.robots import RobotsTexts
from storage.sources import Sources


@dataclass(frozen=True, slots=True)
class Store:
    """The rooms of one database."""

    database: Database
    sources: Sources = field(init=False)
    links: Links = field(init=False)
    articles: Articles = field(init=False)
    pages: Pages = field(init=False)
    outbox: Outbox = field(init=False)
    robots: RobotsTexts = field(init=False)

    def __post_init__(self) -> None:
        for name, room in (
            ("sources", Sources),
            ("links", Links),
            ("articles", Articles),
            ("pages", Pages),
            ("outbox", Outbox),
            ("robots", RobotsTexts),
        ):
            object.__setattr__(self, name, room(self.database))

    def notices(self, *, limit: int = 20) -> list[tuple[datetime, Notice]]:
        """The newest notices, told or not, each with the time it was written."""
        with self.database.read() as connection:
            return newest(connection, limit)

    def close(self) -> None:
        self.database.close()


def open_store(url: str) -> Store:
    """Open a database, creating it or bringing it up to date. Raises StoreTooNew, StoreUnavailable, StoreError."""
    database = Database(url)
    database.upgrade()
    return Store(database)


__all__ = ["HEAD", "Store", "open_store"]
