"""Pages: the bytes as served, each body kept once, packed (storage/packing.py)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, exists, func, or_, select, text, update

from didban.article import Page
from storage import tables
from storage.database import Database
from storage.packing import pack, unpack
from storage.sql import new_id, put


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A stored page with its row's number and the source that served it; `problem` is why it could not be read."""

    id: int
    source: str
    page: Page
    link: int | None
    article: int | None
    problem: str | None


def keep(
    connection: Connection,
    page: Page,
    *,
    source: str,
    kind: str,
    link: int | None = None,
    article: int | None = None,
    problem: str | None = None,
    field: str | None = None,
) -> int:
    """Store the page inside the caller's transaction; returns its number. The same bytes at the same address are kept once.

    `problem` says why it could not be read, `field` what its reader missed, when that is known.
    """
    sha256 = digest(page.body)
    (body,) = _bodies(connection, source, [(page, sha256)])
    if connection.scalar(_INSERT_BODY, body) is None:  # these bytes are there: at this address?
        if connection.scalar(_HOLD, {"of_blob": sha256}) is None:  # they were, until somebody dropped them
            connection.execute(_INSERT_BODY, body)
        here = {"of_source": source, "of_url": page.url, "of_blob": sha256, "of_kind": kind}
        same = connection.scalar(_SAME, here)
        if same is not None:
            again = update(tables.page).where(tables.page.c.id == same).values(problem=problem, field=field)
            connection.execute(again if article is None else again.values(article=article))
            return int(same)
    where = {"source": source, "kind": kind, "link": link, "article": article, "problem": problem, "field": field}
    return new_id(connection.execute(_INSERT, _row(page, sha256) | where))


def keep_new(connection: Connection, pages: Sequence[tuple[Page, str, dict[str, Any]]]) -> None:
    """Store pages inside the caller's transaction, who knows that none of their bodies is there. Each with its digest, and what
    its row says beside the answer itself: `source` and its number among it."""
    for source, those in groupby(pages, lambda one: one[2]["source"]):
        put(connection, tables.blob, _bodies(connection, source, [(page, sha256) for page, sha256, _ in those]))
    put(connection, tables.page, [_row(page, sha256) | facts for page, sha256, facts in pages])


def digest(body: bytes) -> str:
    """By what a body is known."""
    return hashlib.sha256(body).hexdigest()


def _bodies(connection: Connection, source: str, pages: Sequence[tuple[Page, str]]) -> list[dict[str, Any]]:
    """Rows of `blob`."""
    packed = pack(connection, source, [page.body for page, _ in pages])
    return [
        {"sha256": sha256, "size": len(page.body), "zstd": one.zstd, "dictionary": one.dictionary}
        for (page, sha256), one in zip(pages, packed, strict=True)
    ]


def _row(page: Page, sha256: str) -> dict[str, Any]:
    """What a row of `page` says of the answer itself."""
    return {
        "url": page.url,
        "fetched": page.fetched,
        "status": page.status,
        "headers": dict(page.headers),
        "blob": sha256,
    }


_INSERT = tables.page.insert()
_HOLD = (
    select(tables.blob.c.sha256)
    .where(tables.blob.c.sha256 == bindparam("of_blob"))
    .with_for_update(read=True, key_share=True)
)
_SAME = select(tables.page.c.id).where(
    tables.page.c.source == bindparam("of_source"),
    tables.page.c.url == bindparam("of_url"),
    tables.page.c.blob == bindparam("of_blob"),
    tables.page.c.kind == bindparam("of_kind"),
)


# As text: SQLAlchemy remembers how it writes a statement, but not one with ON CONFLICT, which costs more than to carry it out.
_INSERT_BODY = text(
    "INSERT INTO blob (sha256, size, zstd, dictionary) VALUES (:sha256, :size, :zstd, :dictionary)"
    " ON CONFLICT DO NOTHING RETURNING sha256"
)
"""Gives a row back when the body is a new one."""


class Pages:
    """Stored pages, read back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, page: Page, *, source: str, kind: str, link: int | None = None, problem: str | None = None) -> int:
        with self._database.write() as connection:
            return keep(connection, page, source=source, kind=kind, link=link, problem=problem)

    def original(self, article: int) -> Kept | None:
        """The seed document that an article was imported from, or None."""
        where = (tables.page.c.article == article) & (tables.page.c.kind == "seed")
        with self._database.read() as connection:
            return next(_kept(connection, where), None)

    def of_article(self, number: int) -> list[Kept]:
        """The pages of an article, as they were fetched, oldest first."""
        where = (tables.page.c.article == number) & (tables.page.c.kind == "article")
        with self._database.read() as connection:
            return list(_kept(connection, where))

    def newest(self) -> datetime | None:
        """When the newest page was fetched."""
        with self._database.read() as connection:
            return connection.scalar(select(func.max(tables.page.c.fetched)))

    def worth_reading(
        self, *, source: str | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> list[int]:
        """The numbers of the article pages for today's readers: the newest unread one of each address, then those that the
        articles stand on. `since` and `until` (exclusive) are about the article's publication, else when the page was fetched."""
        table, article, link = tables.page, tables.article, tables.link
        when = func.coalesce(article.c.published, link.c.published, table.c.fetched)
        query = (
            select(table.c.id)
            .outerjoin(article, article.c.id == table.c.article)
            .outerjoin(link, link.c.id == table.c.link)
            .where(_worth_reading())
            .order_by(table.c.problem.is_(None), table.c.id)
        )
        if source is not None:
            query = query.where(table.c.source == source)
        if since is not None:
            query = query.where(when >= since)
        if until is not None:
            query = query.where(when < until)
        with self._database.read() as connection:
            return list(connection.scalars(query))

    def get(self, number: int) -> Kept | None:
        """A page that is still worth reading; None when a newer one has taken its place meanwhile."""
        with self._database.read() as connection:
            return next(_kept(connection, and_(tables.page.c.id == number, _worth_reading())), None)

    def unread(self, source: str | None = None) -> list[Kept]:
        """The article pages that could not be read, oldest first."""
        where = tables.page.c.problem.is_not(None) & (tables.page.c.kind == "article")
        if source is not None:
            where &= tables.page.c.source == source
        with self._database.read() as connection:
            return list(_kept(connection, where))


def _worth_reading() -> ColumnElement[bool]:
    """The newest of an address's unread pages; a page that its article's present revision was read from."""
    table, newer, article, revision = tables.page, tables.page.alias(), tables.article.alias(), tables.revision
    unread = table.c.problem.is_not(None)
    overtaken = exists().where(
        newer.c.source == table.c.source,
        newer.c.url == table.c.url,
        newer.c.kind == "article",
        newer.c.problem.is_not(None),
        newer.c.id > table.c.id,
    )
    stands = exists().where(
        article.c.id == table.c.article,
        revision.c.article == article.c.id,
        revision.c.number == article.c.revision,
        revision.c.page == table.c.id,
    )
    return (table.c.kind == "article") & or_(unread & ~overtaken, ~unread & stands)


def _kept(connection: Connection, where: ColumnElement[bool]) -> Iterator[Kept]:
    query = (
        select(tables.page, tables.blob.c.zstd, tables.blob.c.dictionary)
        .join(tables.blob)
        .where(where)
        .order_by(tables.page.c.id)
    )
    for row in connection.execute(query):
        yield Kept(
            id=row.id,
            source=row.source,
            link=row.link,
            article=row.article,
            problem=row.problem,
            page=Page(
                url=row.url,
                body=unpack(connection, row.zstd, row.dictionary, of=row.url),
                fetched=row.fetched,
                status=row.status,
                headers=row.headers,
            ),
        )
