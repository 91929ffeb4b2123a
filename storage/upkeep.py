"""What keeps the pages small: dictionaries, old bodies packed again, pages dropped by policy.

    untaught(now) ─▶ lessons(source) ─▶ learn (storage/packing.py) ─▶ adopt      a source's dictionary, the first or a better one
    repack(after)                                                                bodies that were packed without one
    expired(…) ─▶ drop(…)                                                        what the policy keeps no longer

Each method is one small transaction, or a read and one; after a crash between any two of them every page can be read as before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, exists, false, func, or_, select, update

from didban.errors import StoreError
from storage import tables
from storage.database import Database, again
from storage.packing import pack, unpack
from storage.pages import digest

ENOUGH = 60
"""Article pages of a source: the newest ones make its dictionary."""
JUDGED = timedelta(days=1)
"""So often, where there are ENOUGH new pages, it is tried whether another dictionary would pay."""
BATCH = 32
"""Bodies in memory at once while they are packed again, and pages dropped in one transaction."""
MOST_DROPPED = 10_000
"""Pages that one look finds to drop."""
_LONGEST = 1 << 20  # bytes of a body that is still like the others


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """The policy: for how long pages of articles and of listings are kept once they have been read (None: for good), and whether
    the page that an article's text as it stands was read from is kept all the same."""

    articles: timedelta | None = None
    listings: timedelta | None = timedelta(days=14)
    current: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The pages of a source of one kind: how many, of them `unread`; their bytes as served and as they are kept, and how many
    are kept without a dictionary."""

    source: str
    kind: str
    pages: int
    unread: int
    size: int
    packed: int
    plain: int
    oldest: datetime


class Upkeep:
    """Look after the stored pages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def untaught(self, now: datetime) -> list[str]:
        """The sources with enough pages for a first dictionary, or for another look at the one they have."""
        source, dictionary, page = tables.source, tables.dictionary, tables.page
        query = (
            select(source.c.key, func.max(dictionary.c.judged_at))
            .outerjoin(dictionary, dictionary.c.source == source.c.key)
            .group_by(source.c.key)
            .order_by(source.c.key)
        )
        found = []
        with self._database.read() as connection:
            for key, judged in connection.execute(query).all():
                if judged is not None and judged > now - JUDGED:
                    continue
                new = select(page.c.id).where(_lesson(key))
                if judged is not None:
                    new = new.where(page.c.fetched > judged)
                if len(connection.execute(new.limit(ENOUGH)).all()) == ENOUGH:
                    found.append(key)
        return found

    def lessons(self, source: str) -> tuple[bytes | None, list[bytes]]:
        """The dictionary that a source has, and its newest pages, but for those that are damaged."""
        page, blob, dictionary = tables.page, tables.blob, tables.dictionary
        newest = select(dictionary.c.content).where(dictionary.c.source == source).order_by(dictionary.c.id.desc())
        query = (
            select(page.c.url, blob.c.zstd, blob.c.dictionary)
            .join(blob)
            .where(_lesson(source), blob.c.size <= _LONGEST)
            .order_by(page.c.fetched.desc(), page.c.id.desc())
            .limit(ENOUGH)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            bodies: list[bytes] = []
            for row in rows:
                with suppress(StoreError):
                    bodies.append(unpack(connection, row.zstd, row.dictionary, of=row.url))
            return connection.scalar(newest.limit(1)), bodies

    @again
    def adopt(self, source: str, content: bytes | None, *, samples: int, now: datetime) -> None:
        """The source's new dictionary, for the pages that come; with None the one that it has stays, as the better one."""
        table = tables.dictionary
        with self._database.write() as connection:
            if content is None:
                connection.execute(update(table).where(table.c.source == source).values(judged_at=now))
                return
            row = {"source": source, "content": content, "samples": samples, "made_at": now, "judged_at": now}
            connection.execute(table.insert(), [row])

    def repack(self, after: str = "") -> tuple[int, str | None]:
        """Pack bodies that lie there without a dictionary with that of their source: a BATCH of those behind the digest `after`.

        Returns how many, and the last one looked at; None when there are no more. A body that is damaged stays as it is.
        """
        with self._database.read() as connection:
            rows = connection.execute(_PLAIN, {"after": after}).all()
            packed = []
            for row in rows:
                try:
                    body = unpack(connection, row.zstd, None, of=row.sha256)
                except StoreError:
                    continue
                if digest(body) == row.sha256:
                    (new,) = pack(connection, row.source, [body])
                    packed.append({"of": row.sha256, "zstd": new.zstd, "dictionary": new.dictionary})
        if packed:
            self._put(packed)
        return len(packed), rows[-1].sha256 if len(rows) == BATCH else None

    @again
    def _put(self, packed: Sequence[dict[str, object]]) -> None:
        with self._database.write() as connection:
            connection.execute(_REPACKED, packed)

    def expired(self, keeping: Keeping, now: datetime) -> list[int]:
        """The pages that are kept no longer, by number: MOST_DROPPED at most."""
        found: list[int] = []
        with self._database.read() as connection:
            for source in connection.scalars(select(tables.source.c.key).order_by(tables.source.c.key)).all():
                for condition in _expired(keeping, now):
                    query = select(tables.page.c.id).where(tables.page.c.source == source, condition)
                    found += connection.scalars(query.limit(MOST_DROPPED - len(found)))
        return found

    @again
    def drop(self, numbers: Sequence[int], keeping: Keeping, now: datetime) -> int:
        """Drop those of these pages that are still to be dropped, and the bodies that no other page has; returns how many.

        The revisions that were read from them stay, without their page.
        """
        page, blob, revision = tables.page, tables.blob, tables.revision
        with self._database.write(alone=True) as connection:
            theirs = select(page.c.blob).where(page.c.id.in_(numbers))
            held = select(blob.c.sha256).where(blob.c.sha256.in_(theirs)).order_by(blob.c.sha256).with_for_update()
            connection.execute(held).all()  # whoever keeps one of these bodies again has done so, or does it afterwards
            these = page.c.id.in_(numbers) & or_(false(), *_expired(keeping, now))
            gone = {row.id: row.blob for row in connection.execute(select(page.c.id, page.c.blob).where(these))}
            connection.execute(update(revision).where(revision.c.page.in_(gone)).values(page=None))
            connection.execute(delete(page).where(page.c.id.in_(gone)))
            alone = blob.c.sha256.in_(set(gone.values())) & ~exists().where(page.c.blob == blob.c.sha256)
            connection.execute(delete(blob).where(alone))
            return len(gone)

    def held(self) -> list[Held]:
        """All pages, by source and kind. A body that several pages share counts for each."""
        page, blob = tables.page, tables.blob
        query = (
            select(
                page.c.source,
                page.c.kind,
                func.count().label("pages"),
                func.count(page.c.problem).label("unread"),
                func.sum(blob.c.size).label("size"),
                func.sum(func.length(blob.c.zstd)).label("packed"),
                func.count().filter(blob.c.dictionary.is_(None)).label("plain"),
                func.min(page.c.fetched).label("oldest"),
            )
            .join(blob)
            .group_by(page.c.source, page.c.kind)
            .order_by(page.c.source, page.c.kind)
        )
        with self._database.read() as connection:
            return [Held(**row) for row in connection.execute(query).mappings()]

    def damaged(self, size: int = BATCH) -> Iterator[str | None]:
        """Every body unpacked and held against its digest: a line for one that is not as served, None for one that is."""
        blob, last = tables.blob, ""
        while True:
            query = select(blob).where(blob.c.sha256 > last).order_by(blob.c.sha256).limit(size)
            with self._database.read() as connection:
                rows = connection.execute(query).all()
                for row in rows:
                    yield _damage(connection, row.sha256, row.zstd, row.dictionary)
            if len(rows) < size:
                return
            last = rows[-1].sha256


def _lesson(source: str) -> ColumnElement[bool]:
    """An article page that could be read."""
    page = tables.page
    return (page.c.source == source) & (page.c.kind == "article") & page.c.problem.is_(None)


def _expired(keeping: Keeping, now: datetime) -> Iterator[ColumnElement[bool]]:
    """The pages that are kept no longer, by kind. Never one that could not be read; seed documents are the user's."""
    page, article, revision = tables.page, tables.article, tables.revision
    for kind, length in (("article", keeping.articles), ("listing", keeping.listings)):
        if length is None:
            continue
        old = (page.c.kind == kind) & page.c.problem.is_(None) & (page.c.fetched < now - length)
        if kind == "article" and keeping.current:
            old &= ~exists().where(
                article.c.id == page.c.article,
                revision.c.article == article.c.id,
                revision.c.number == article.c.revision,
                revision.c.page == page.c.id,
            )
        yield old


def _damage(connection: Connection, sha256: str, zstd: bytes, dictionary: int | None) -> str | None:
    url = connection.scalar(select(func.min(tables.page.c.url)).where(tables.page.c.blob == sha256))
    try:
        body = unpack(connection, zstd, dictionary, of=str(url))
    except StoreError as error:
        return str(error)
    return (
        None
        if digest(body) == sha256
        else f"{url}: its page is not as it was served; restore the database from a backup"
    )


def _plain() -> Select[Any]:
    """Bodies without a dictionary whose source has one, by what the index of such bodies has of them: few, once all are packed.
    Looked for from the pages of these sources, or from all bodies, they would be few among a million."""
    blob, page = tables.blob, tables.page
    taught = (page.c.blob == blob.c.sha256) & page.c.source.in_(select(tables.dictionary.c.source))
    of = select(func.min(page.c.source)).where(taught).scalar_subquery()
    plain = select(blob.c.sha256, blob.c.zstd, of.label("source")).where(
        blob.c.dictionary.is_(None), blob.c.sha256 > bindparam("after")
    )
    these = plain.subquery()
    return select(these).where(these.c.source.is_not(None)).order_by(these.c.sha256).limit(BATCH)


_PLAIN = _plain()
_REPACKED = (
    update(tables.blob)
    .where(tables.blob.c.sha256 == bindparam("of"), tables.blob.c.dictionary.is_(None))
    .values(zstd=bindparam("zstd"), dictionary=bindparam("dictionary"))
)
