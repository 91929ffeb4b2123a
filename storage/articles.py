"""Articles, their revisions and stories, and the one transaction that saves them with what they set off.

Identity: (source, the site's id), else (source, canonical URL), else (source, content key) where one side lacks the other
facts: so a seed document that was imported without id or address is the same article as the page that arrives later, and
gains its facts.

A story is the articles that carry one text (equal content keys); it takes copies for 30 days after its last carrier, and a
text shorter than `STORY_LETTERS` makes no story but its own (a title alone, «عکس روز», says nothing).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, false, func, or_, select, true, update

from didban.alert import Judge, Match, Plan, Sighting
from didban.article import Article, Page
from didban.copies import content_key, folded_key
from didban.errors import StoreError
from didban.outcome import Change, Saved
from didban.text import squash
from didban.urls import canonical
from storage import tables
from storage.database import Database
from storage.pages import keep
from storage.sql import insert, new_id

STORY_DAYS = timedelta(days=30)
STORY_LETTERS = 30
_TEXTS = ("kicker", "title", "lead", "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which articles: None is all. `since` and `until` are instants, `until` exclusive, on the publication time (the fetch time
    of an undated article)."""

    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Articles:
    """Save and read articles."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(
        self,
        article: Article,
        judge: Judge,
        sighting: Sighting,
        *,
        page: Page | None = None,
        link: int | None = None,
        due: datetime | None = None,
        reason: str = "",
        field: str | None = None,
    ) -> Saved:
        """Article, revision, page, story, matches, alerts and notifications, and the link's end, in one transaction.

        `judge` is asked once, with the article as it will stand. `link` ends as stored, or as partial when the article is not
        complete; a partial one is due again at `due` for `reason`, and `field` is what its page's reader missed. Raises StoreError.
        """
        with self._database.write() as connection:
            found = _find(connection, article)
            written, change = _write(connection, article, found, sighting)
            number = written.id
            if page is not None:
                kind = "seed" if sighting.via == "import" else "article"
                unread = None if article.complete else reason
                kept = keep(
                    connection,
                    page,
                    source=article.source,
                    kind=kind,
                    link=link,
                    article=number,
                    problem=unread,
                    field=field,
                )
                connection.execute(
                    update(tables.revision)
                    .where(
                        tables.revision.c.article == number,
                        tables.revision.c.number == written.revision,
                        tables.revision.c.page.is_(None),
                    )
                    .values(page=kept)
                )
            matches, plans = judge(written.article, sighting)
            _write_matches(connection, number, written.revision, matches)
            live, archived = _raise(connection, written, plans, sighting.now)
            if link is not None:
                _end_link(connection, link, number, complete=article.complete, due=due, reason=reason)
            return Saved(
                change=change, article=number, story=written.key, copy=written.copy, live=live, archived=archived
            )

    def get(self, number: int) -> Article | None:
        with self._database.read() as connection:
            row = connection.execute(_query().where(tables.article.c.id == number)).first()
            return None if row is None else article_of(row)

    def known(self, article: Article) -> Article | None:
        """The stored article that this one is, or None."""
        with self._database.read() as connection:
            row = _find(connection, article)
            return None if row is None else article_of(row)

    def find(self, source: str, site_id: str) -> int | None:
        """The number of an article by its source and the site's id."""
        with self._database.read() as connection:
            return connection.scalar(
                select(tables.article.c.id).where(
                    tables.article.c.source == source, tables.article.c.site_id == site_id
                )
            )

    def each(self, selection: Selection, *, size: int = 500) -> Iterator[tuple[int, Article]]:
        """Articles in the order of their numbers, at constant memory: a page of rows at a time, no transaction kept open."""
        when = func.coalesce(tables.article.c.published, tables.article.c.fetched, tables.article.c.saved_at)
        last = 0
        while True:
            query = _query().where(tables.article.c.id > last).order_by(tables.article.c.id).limit(size)
            if selection.source is not None:
                query = query.where(tables.article.c.source == selection.source)
            if selection.since is not None:
                query = query.where(when >= selection.since)
            if selection.until is not None:
                query = query.where(when < selection.until)
            with self._database.read() as connection:
                rows = connection.execute(query).all()
            for row in rows:
                yield row.id, article_of(row)
            if len(rows) < size:
                return
            last = rows[-1].id

    def matches(self, number: int) -> tuple[Match, ...]:
        """The evidence in an article's current revision."""
        with self._database.read() as connection:
            return matches_of(connection, number)

    def revisions(self, number: int) -> list[tuple[int, datetime, dict[str, str]]]:
        """An article's revisions, oldest first: number, time, and the four texts."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(tables.revision).where(tables.revision.c.article == number).order_by(tables.revision.c.number)
            )
            return [(row.number, row.at, {name: getattr(row, name) for name in _TEXTS}) for row in rows]

    def counts(self) -> dict[str, int]:
        """How many articles each source has."""
        with self._database.read() as connection:
            query = select(tables.article.c.source, func.count()).group_by(tables.article.c.source)
            return dict(connection.execute(query.order_by(tables.article.c.source)).tuples().all())


def _query():  # noqa: ANN202 - a Select whose columns are the table's
    return select(tables.article, tables.story.c.key.label("story_key")).join(
        tables.story, tables.story.c.id == tables.article.c.story
    )


def article_of(row: Row[Any]) -> Article:
    """The Article of a row of `_query`."""
    return Article(
        source=row.source,
        id=row.site_id,
        url=row.url,
        kicker=row.kicker,
        title=row.title,
        lead=row.lead,
        text=row.text,
        published=row.published,
        published_text=row.published_text,
        has_time=row.has_time,
        section=row.section,
        province=row.province,
        tags=tuple(row.tags),
        codes=tuple(row.codes),
        complete=row.complete,
        fetched=row.fetched,
        modified=row.modified,
        revision=row.revision,
        story=row.story_key,
        rights=row.rights,
    )


def one(connection: Connection, number: int) -> Article:
    """An article that is known to exist."""
    return article_of(connection.execute(_query().where(tables.article.c.id == number)).one())


def matches_of(connection: Connection, number: int, rule: str | None = None) -> tuple[Match, ...]:
    table = tables.match
    query = (
        select(table)
        .join(
            tables.article, and_(tables.article.c.id == table.c.article, tables.article.c.revision == table.c.revision)
        )
        .where(table.c.article == number)
        .order_by(table.c.id)
    )
    if rule is not None:
        query = query.where(table.c.rule == rule)
    return tuple(
        Match(
            rule=row.rule,
            term=row.term,
            field=row.field,
            start=row.start,
            end=row.end,
            text=row.text,
            sentence_start=row.sentence_start,
            sentence_end=row.sentence_end,
        )
        for row in connection.execute(query)
    )


def _find(connection: Connection, article: Article) -> Row[Any] | None:
    """The stored article that this one is, or None."""
    table = tables.article
    query = _query().where(table.c.source == article.source)
    address = canonical(article.url) if article.url else None
    if article.id is not None:
        found = connection.execute(query.where(table.c.site_id == article.id)).first()
        if found is not None:
            return found
    if address is not None:
        found = connection.execute(query.where(table.c.address == address)).first()
        if found is not None and (article.id is None or found.site_id is None):
            return found
    bare = and_(
        true() if article.id is None else or_(table.c.site_id.is_(None), table.c.site_id == article.id),
        true() if address is None else or_(table.c.address.is_(None), table.c.address == address),
    )
    same = query.where(table.c.content_key == content_key(article.title, article.text), bare).order_by(table.c.id)
    return connection.execute(same).first()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """An article's row as it now stands: `copy` when its story has another carrier."""

    id: int
    article: Article
    revision: int
    story: int
    key: str
    copy: bool


def _write(
    connection: Connection, article: Article, found: Row[Any] | None, sighting: Sighting
) -> tuple[_Written, Change]:
    """Insert or update the article's row."""
    if found is None:
        return _create(connection, article, sighting), "new"
    stored = article_of(found)
    merged, change = merge(stored, article, imported=sighting.via == "import")
    number = (stored.revision or 1) + (change in {"changed", "completed"})
    story, key, copy = _story(connection, merged, sighting, own=found)
    written = _Written(id=found.id, article=merged, revision=number, story=story, key=key, copy=copy)
    if merged == stored and story == found.story:
        return written, change
    connection.execute(
        update(tables.article)
        .where(tables.article.c.id == found.id)
        .values(**_columns(merged), revision=number, story=story)
    )
    if number != stored.revision:
        _write_revision(connection, found.id, number, merged, article.fetched or sighting.now)
    return written, change


def _create(connection: Connection, article: Article, sighting: Sighting) -> _Written:
    story, key, copy = _story(connection, article, sighting, own=None)
    number = article.revision or 1
    result = connection.execute(
        tables.article.insert().values(
            source=article.source,
            **_columns(article),
            revision=number,
            story=story,
            saved_at=sighting.now,
            via=sighting.via,
        )
    )
    created = new_id(result)
    _write_revision(connection, created, number, article, article.fetched or sighting.now)
    return _Written(id=created, article=article, revision=number, story=story, key=key, copy=copy)


def merge(stored: Article, arrived: Article, *, imported: bool) -> tuple[Article, Change]:
    """What an article becomes when it arrives again, and what to call that.

    The texts are taken when their folded form differs (an edit; character variants alone are none) or when a partial article
    is completed; a partial arrival never replaces a complete one. Facts that are missing are filled in; a fact that differs
    is taken from the newer page, but never from an imported document, which knows no more than its file.
    """
    facts = ("id", "url", "published", "section", "province", "rights", "modified", "fetched")
    older = imported or (stored.complete and not arrived.complete)
    first, second = (stored, arrived) if older else (arrived, stored)
    values: dict[str, Any] = {}
    for name in facts:
        value = getattr(first, name)
        values[name] = getattr(second, name) if value is None else value
    dated = first if first.published is not None else second
    values |= {"published": dated.published, "has_time": dated.has_time}
    values["published_text"] = dated.published_text or first.published_text or second.published_text
    values["id"] = stored.id or arrived.id
    values["tags"] = first.tags or second.tags
    values["codes"] = first.codes or second.codes
    completed = arrived.complete and not stored.complete
    edited = stored.complete == arrived.complete and folded_key(stored) != folded_key(arrived)
    if completed or (edited and not imported):
        values |= {name: getattr(arrived, name) for name in _TEXTS}
        values["complete"] = arrived.complete
        return replace(stored, **values), "completed" if completed else "changed"
    return replace(stored, **values), "same"


def _columns(article: Article) -> dict[str, Any]:
    return {
        "site_id": article.id,
        "url": article.url,
        "address": canonical(article.url) if article.url else None,
        "content_key": content_key(article.title, article.text),
        "folded_key": folded_key(article),
        "published": article.published,
        "published_text": article.published_text,
        "has_time": article.has_time,
        "section": article.section,
        "province": article.province,
        "tags": list(article.tags),
        "codes": list(article.codes),
        "complete": article.complete,
        "fetched": article.fetched,
        "modified": article.modified,
        "rights": article.rights,
        **{name: getattr(article, name) for name in _TEXTS},
    }


def _write_revision(connection: Connection, number: int, revision: int, article: Article, at: datetime) -> None:
    """`at` is when the content was fetched: a page that is read again later says what it said then."""
    connection.execute(
        tables.revision.insert().values(
            article=number, number=revision, at=at, **{name: getattr(article, name) for name in _TEXTS}
        )
    )


def _write_matches(connection: Connection, number: int, revision: int, matches: tuple[Match, ...]) -> None:
    """The evidence in this revision, by the rules of today."""
    table = tables.match
    connection.execute(delete(table).where(table.c.article == number, table.c.revision == revision))
    if matches:
        rows = [
            {
                "article": number,
                "revision": revision,
                "rule": match.rule,
                "term": match.term,
                "field": match.field,
                "start": match.start,
                "end": match.end,
                "text": match.text,
                "sentence_start": match.sentence_start,
                "sentence_end": match.sentence_end,
            }
            for match in matches
        ]
        connection.execute(tables.match.insert(), rows)


def _story(
    connection: Connection, article: Article, sighting: Sighting, *, own: Row[Any] | None
) -> tuple[int, str, bool]:
    """The story of an article: its own when it has one, the one it is a copy of, the one a document names, or a new one.

    Returns the story's number and key, and whether it has another carrier. An article that gains its text (a partial one completed)
    and turns out to be a copy merges its story into the older one: alerts move there, and nothing is told twice.
    """
    when = article.published or sighting.now
    copy_of = _carrier(connection, article, own.id if own else None)
    if own is not None:
        number, key = own.story, own.story_key
        if copy_of is not None and copy_of.story != own.story:
            number, key = _merge_stories(connection, own, copy_of)
        return number, key, copy_of is not None
    if copy_of is not None and article.story is None:
        number, key = copy_of.story, copy_of.story_key
    else:
        key = article.story or _free_key(connection, article)
        existing = connection.scalar(select(tables.story.c.id).where(tables.story.c.key == key))
        if existing is None:
            result = connection.execute(tables.story.insert().values(key=key, created_at=sighting.now, last_at=when))
            return new_id(result), key, False
        number = existing
    connection.execute(
        update(tables.story).where(tables.story.c.id == number, tables.story.c.last_at < when).values(last_at=when)
    )
    return number, key, True


def _carrier(connection: Connection, article: Article, own: int | None) -> Row[Any] | None:
    """The oldest other article that carries the same text, within a story that still takes copies."""
    if len(squash(article.text)) < STORY_LETTERS:
        return None
    table = tables.article
    query = (
        _query()
        .add_columns(tables.story.c.last_at.label("story_last_at"))
        .where(table.c.content_key == content_key(article.title, article.text))
        .order_by(table.c.story, table.c.id)
    )
    if own is not None:
        query = query.where(table.c.id != own)
    for row in connection.execute(query):
        if article.published is None or row.published is None:
            return row
        if abs(article.published - row.story_last_at) <= STORY_DAYS:
            return row
    return None


def _free_key(connection: Connection, article: Article) -> str:
    """A key for a new story: its text's, or, where an older story has that, its text's and its own identity's."""
    key = content_key(article.title, article.text)[:16]
    if connection.scalar(select(tables.story.c.id).where(tables.story.c.key == key)) is None:
        return key
    identity = f"{key}\n{article.source}\n{article.id}\n{article.url}\n{article.published}"
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def _merge_stories(connection: Connection, own: Row[Any], other: Row[Any]) -> tuple[int, str]:
    """The older story survives: the younger's articles move there, and its alerts on rules that the older has not raised; of
    the others the unsent notifications are cancelled."""
    numbers = {own.story: own.story_key, other.story: other.story_key}
    older, younger = sorted(numbers)
    raised = select(tables.alert.c.rule).where(tables.alert.c.story == older)
    connection.execute(
        update(tables.alert)
        .where(tables.alert.c.story == younger, tables.alert.c.rule.not_in(raised))
        .values(story=older)
    )
    doubled = select(tables.alert.c.id).where(tables.alert.c.story == younger)
    connection.execute(
        update(tables.notification)
        .where(tables.notification.c.alert.in_(doubled), tables.notification.c.state == "waiting")
        .values(state="cancelled")
    )
    connection.execute(update(tables.article).where(tables.article.c.story == younger).values(story=older))
    return older, numbers[older]


def _raise(connection: Connection, written: _Written, plans: tuple[Plan, ...], now: datetime) -> tuple[int, int]:
    """Raise an alert per plan, once per story and rule; an archived one that is now live is told. Returns (live, archived)."""
    live = archived = 0
    table = tables.alert
    for plan in plans:
        values = {
            "title": plan.title,
            "priority": plan.priority,
            "live": plan.live,
            "raised_at": now,
            "article": written.id,
            "revision": written.revision,
        }
        raised = connection.scalar(
            insert(connection, table)
            .values(story=written.story, rule=plan.rule, **values)
            .on_conflict_do_update(
                index_elements=["story", "rule"],
                set_=values,
                where=table.c.live.is_(False) if plan.live else false(),
            )
            .returning(table.c.id)
        )
        if raised is None:
            continue
        if not plan.live:
            archived += 1
            continue
        live += 1
        rows = [
            {"alert": raised, "channel": channel, "due_at": plan.due, "state": "waiting"} for channel in plan.channels
        ]
        if rows:
            connection.execute(insert(connection, tables.notification).on_conflict_do_nothing(), rows)
    return live, archived


def _end_link(
    connection: Connection, link: int, article: int, *, complete: bool, due: datetime | None, reason: str
) -> None:
    """The link's article is saved. A partial one stays due, with one more attempt behind it."""
    result = connection.execute(
        update(tables.link)
        .where(tables.link.c.id == link)
        .values(
            state="stored" if complete else "partial",
            reason="" if complete else reason,
            attempts=tables.link.c.attempts + 1,
            due_at=None if complete else due,
            article=article,
            leased_by=None,
            leased_until=None,
        )
    )
    if result.rowcount != 1:
        raise StoreError(f"link {link} is not there any more")
    if complete:  # what of it could not be read before is read now
        connection.execute(update(tables.page).where(tables.page.c.link == link).values(problem=None, field=None))
