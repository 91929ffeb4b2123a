"""Articles, their revisions and stories, and the one transaction that saves them with what they set off.

Identity: (source, the site's id), else (source, canonical URL), else (source, content key) where one side lacks the other
facts: so a seed document that was imported without id or address is the same article as the page that arrives later, and
gains its facts.

Which articles carry one story is storage/stories.py's to say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
    union_all,
    update,
)

from didban.alert import Carrier, Judge, Match, Plan, Sighting
from didban.article import Article, Page
from didban.copies import Imprint, content_key, folded_key, imprint
from didban.errors import StoreError
from didban.outcome import Change, Saved
from didban.urls import canonical
from storage import stories, tables
from storage.database import Database, again
from storage.indexing import index
from storage.pages import digest, keep, keep_new
from storage.sql import new_id, new_ids, portions, put
from storage.stories import Telling
from storage.telling import notify

_TEXTS = ("kicker", "title", "lead", "text")
_NEVER = datetime.min.replace(tzinfo=UTC)

# Made once: to put a statement together takes SQLAlchemy five times as long as to carry it out.
_NEW_ARTICLE, _NEW_REVISION = tables.article.insert(), tables.revision.insert()
_NEW_STORY, _NEW_MATCH = tables.story.insert(), tables.match.insert()


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which articles: None is all. `since` and `until` are instants, `until` exclusive, on the publication time (the fetch time
    of an undated article); `province` is a slug; `rule` asks for evidence of it in the current revision."""

    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    province: str | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """An article to be saved, how it was met, and the page it was read from.

    `link` ends as stored, or as partial when the article is not complete; a partial one is due again at `due` for `reason`, and
    `field` is what its page's reader missed; one that its site has `withdrawn` is kept, and marked.
    """

    article: Article
    sighting: Sighting
    page: Page | None = None
    link: int | None = None
    due: datetime | None = None
    reason: str = ""
    field: str | None = None
    withdrawn: bool = False


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
        withdrawn: bool = False,
    ) -> Saved:
        """One article, as `save_all`."""
        arrived = Arrived(
            article=article,
            sighting=sighting,
            page=page,
            link=link,
            due=due,
            reason=reason,
            field=field,
            withdrawn=withdrawn,
        )
        return self.save_all([arrived], judge)[0]

    @again
    def save_all(self, arrived: Sequence[Arrived], judge: Judge) -> list[Saved]:
        """Each with its revision, page, story, matches, alerts and notifications, and its link's end: all in one transaction.

        `judge` is asked once for each, with the article as it will stand. Raises StoreError, and then nothing of any is saved.
        """
        with self._database.write(alone=True) as connection:
            saved = _save_all(connection, arrived, judge)
            index(connection, [one.article for one in saved])
            return saved

    def get(self, number: int) -> Article | None:
        with self._database.read() as connection:
            row = connection.execute(_query().where(tables.article.c.id == number)).first()
            return None if row is None else article_of(row)

    def known(self, article: Article) -> Article | None:
        """The stored article that this one is, or None."""
        with self._database.read() as connection:
            row = _find(connection, article, _Keys.of(article))
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
            query = _query().where(tables.article.c.id > last, *narrowed(selection))
            query = query.order_by(tables.article.c.id).limit(size)
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

    def carriers(self, number: int) -> tuple[Carrier, ...]:
        """The articles that carry an article's story, itself among them, the first to publish it first."""
        with self._database.read() as connection:
            story = connection.scalar(select(tables.article.c.story).where(tables.article.c.id == number))
            return () if story is None else stories.carriers(connection, [story])[story]

    def matches(self, number: int) -> tuple[Match, ...]:
        """The evidence in an article's current revision."""
        with self._database.read() as connection:
            return matches_of(connection, [number]).get(number, ())

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
            return counted(connection)


def counted(connection: Connection) -> dict[str, int]:
    """How many articles each source has: kept as they are saved, since to count a million takes a while."""
    table = tables.holding
    return dict(connection.execute(select(table.c.source, table.c.articles).order_by(table.c.source)).tuples().all())


def narrowed(selection: Selection) -> Iterator[ColumnElement[bool]]:
    """The conditions on an article that neither its source nor its days say."""
    table, found = tables.article, tables.match
    if selection.province is not None:
        yield table.c.province == selection.province
    if selection.rule is not None:
        of = (found.c.article == table.c.id, found.c.revision == table.c.revision, found.c.rule == selection.rule)
        yield exists().where(*of)


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


def matches_of(connection: Connection, numbers: Collection[int]) -> dict[int, tuple[Match, ...]]:
    """The evidence that stands in the current revisions of these articles, by number."""
    table, article = tables.match, tables.article
    current = and_(article.c.id == table.c.article, article.c.revision == table.c.revision)
    found: dict[int, tuple[Match, ...]] = {}
    for some in portions(numbers):
        query = select(table).join(article, current).where(table.c.article.in_(some)).order_by(table.c.id)
        for row in connection.execute(query):
            match = Match(
                rule=row.rule,
                term=row.term,
                field=row.field,
                start=row.start,
                end=row.end,
                text=row.text,
                sentence_start=row.sentence_start,
                sentence_end=row.sentence_end,
            )
            found[row.article] = (*found.get(row.article, ()), match)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keys:
    """By what an article is known, worked out once."""

    address: str | None
    content: str
    folded: str

    @classmethod
    def of(cls, article: Article) -> Self:
        return cls(
            address=canonical(article.url) if article.url else None,
            content=content_key(article.title, article.text),
            folded=folded_key(article),
        )

    @property
    def story(self) -> str:
        """The key of the story that this text begins."""
        return self.content[:16]


def _is_known(connection: Connection, article: Article, keys: _Keys) -> bool:
    """Has anything in the store to do with this article? One question in place of five, for the many that are new."""
    asked = {
        "of_source": article.source,
        "of_id": article.id,
        "of_address": keys.address,
        "of_content": keys.content,
        "of_story": article.story or keys.story,
    }
    return bool(connection.scalar(_KNOWN, asked))


_KNOWN = select(
    or_(
        exists().where(
            tables.article.c.source == bindparam("of_source"), tables.article.c.site_id == bindparam("of_id")
        ),
        exists().where(
            tables.article.c.source == bindparam("of_source"), tables.article.c.address == bindparam("of_address")
        ),
        exists().where(tables.article.c.content_key == bindparam("of_content")),
        exists().where(tables.story.c.key == bindparam("of_story")),
    )
)


def _find(connection: Connection, article: Article, keys: _Keys) -> Row[Any] | None:
    """The stored article that this one is, or None."""
    table, address = tables.article, keys.address
    query = _query().where(table.c.source == article.source)
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
    same = query.where(table.c.content_key == keys.content, bare).order_by(table.c.id)
    return connection.execute(same).first()


def _save_all(connection: Connection, arrived: Sequence[Arrived], judge: Judge) -> list[Saved]:
    """In order: those that are new in every respect together, every other by itself."""
    if len(arrived) == 1:
        return [_save(connection, arrived[0], judge)]
    saved: list[Saved] = []
    for is_new, run in groupby(_sorted_out(connection, arrived), lambda one: isinstance(one, _New)):
        if is_new:
            saved += _save_new(connection, [one for one in run if isinstance(one, _New)], judge)
        else:
            saved += [_save(connection, one, judge) for one in run if isinstance(one, Arrived)]
    return saved


@dataclass(frozen=True, slots=True, kw_only=True)
class _New:
    """A complete article that nothing in the store has to do with, nor one that was saved with it: nor its page, nor its link, nor
    its sentences.

    `sha256` is its page's.
    """

    arrived: Arrived
    keys: _Keys
    sha256: str | None
    imprint: Imprint


def _sorted_out(connection: Connection, arrived: Sequence[Arrived]) -> list[_New | Arrived]:
    """Which of them are new: three questions to the store for all."""
    asked = [(one, _Keys.of(one.article), None if one.page is None else digest(one.page.body)) for one in arrived]
    known = {
        tuple(row)
        for row in connection.execute(
            _KNOWN_OF_ALL,
            {
                "sources": list({one.article.source for one in arrived}),
                "ids": [one.article.id for one in arrived if one.article.id is not None],
                "addresses": [keys.address for _, keys, _ in asked if keys.address is not None],
                "contents": [keys.content for _, keys, _ in asked],
                "stories": [one.article.story or keys.story for one, keys, _ in asked],
                "bodies": [sha256 for _, _, sha256 in asked if sha256 is not None],
                "links": [one.link for one in arrived if one.link is not None],
            },
        )
    }
    prints = [imprint(one.article) for one in arrived]
    alone = stories.strangers(
        connection, [(mine, one.article.published) for one, mine in zip(arrived, prints, strict=True)]
    )
    sorted_out: list[_New | Arrived] = []
    for (one, keys, sha256), mine, stranger in zip(asked, prints, alone, strict=True):
        names = _names(one, keys, sha256)
        there = one.link is None or ("link", "", str(one.link)) in known
        fresh = stranger and one.article.complete and not one.withdrawn and there and known.isdisjoint(names)
        sorted_out.append(_New(arrived=one, keys=keys, sha256=sha256, imprint=mine) if fresh else one)
        known.update(name for name in names if name[2] is not None)  # so that what follows is none that it would meet
    return sorted_out


def _names(arrived: Arrived, keys: _Keys, sha256: str | None) -> list[tuple[str, str, str | None]]:
    """What of an article may be known already, as the rows of `_KNOWN_OF_ALL`; None is never among those."""
    article = arrived.article
    return [
        ("id", article.source, article.id),
        ("address", article.source, keys.address),
        ("content", "", keys.content),
        ("story", "", article.story or keys.story),
        ("body", "", sha256),
        ("unread", "", None if arrived.link is None else str(arrived.link)),
    ]


def _known_as(kind: str, source: ColumnElement[str], column: ColumnElement[Any]) -> Select[tuple[str, str, str]]:
    return select(literal_column(f"'{kind}'", Text), source, cast(column, Text))


_NO_SOURCE = literal_column("''", Text)
_OF_SOURCES = tables.article.c.source.in_(bindparam("sources", expanding=True))
_KNOWN_OF_ALL = union_all(
    _known_as("id", tables.article.c.source, tables.article.c.site_id).where(
        _OF_SOURCES, tables.article.c.site_id.in_(bindparam("ids", expanding=True))
    ),
    _known_as("address", tables.article.c.source, tables.article.c.address).where(
        _OF_SOURCES, tables.article.c.address.in_(bindparam("addresses", expanding=True))
    ),
    _known_as("content", _NO_SOURCE, tables.article.c.content_key).where(
        tables.article.c.content_key.in_(bindparam("contents", expanding=True))
    ),
    _known_as("story", _NO_SOURCE, tables.story.c.key).where(
        tables.story.c.key.in_(bindparam("stories", expanding=True))
    ),
    _known_as("body", _NO_SOURCE, tables.blob.c.sha256).where(
        tables.blob.c.sha256.in_(bindparam("bodies", expanding=True))
    ),
    _known_as("link", _NO_SOURCE, tables.link.c.id).where(tables.link.c.id.in_(bindparam("links", expanding=True))),
    _known_as("unread", _NO_SOURCE, tables.page.c.link).where(
        tables.page.c.link.in_(bindparam("links", expanding=True)), tables.page.c.problem.is_not(None)
    ),
)


def _save_new(connection: Connection, new: Sequence[_New], judge: Judge) -> list[Saved]:
    """What `_save` does for each of them, with one statement for all in place of one for each."""
    tellings, articles = (new_ids(connection, table, len(new)) for table in (tables.story, tables.article))
    written = [
        _Written(
            id=number,
            article=one.arrived.article,
            revision=one.arrived.article.revision or 1,
            edited=True,
            story=Telling(number=story, key=one.arrived.article.story or one.keys.story, copy=False, new=True),
        )
        for one, number, story in zip(new, articles, tellings, strict=True)
    ]
    pairs = list(zip(new, written, strict=True))
    begun = [
        {"id": to.story.number, **stories.story_row(to.story.key, to.article.published or now, now)}
        for one, to in pairs
        for now in [one.arrived.sighting.now]
    ]
    put(connection, tables.story, begun)
    rows = [{"id": to.id, **_row(to.article, one.keys, to.story.number, one.arrived.sighting)} for one, to in pairs]
    put(connection, tables.article, rows)
    stories.keep_new(connection, [(to.id, one.imprint) for one, to in pairs])
    pages = _keep_new(connection, pairs)
    revisions = [
        _revision_row(to, to.article.fetched or one.arrived.sighting.now, page=pages.get(to.id)) for one, to in pairs
    ]
    put(connection, tables.revision, revisions)
    judged = [(to, one.arrived.sighting.now, *judge(to.article, one.arrived.sighting)) for one, to in pairs]
    put(connection, tables.match, [row for to, _, matches, _ in judged for row in _match_rows(to, matches)])
    if ends := [_end(one.arrived.link, to.id, one.arrived) for one, to in pairs if one.arrived.link is not None]:
        connection.execute(_ENDED, ends)
    saved: list[Saved] = []
    for to, now, _, plans in judged:
        live, archived = _raise(connection, to, plans, now)
        saved.append(Saved(change="new", article=to.id, story=to.story.key, live=live, archived=archived))
    return saved


def _keep_new(connection: Connection, pairs: Sequence[tuple[_New, _Written]]) -> dict[int, int]:
    """The pages of new articles; the number of each by its article's."""
    paged = [(one, to, one.arrived.page, one.sha256) for one, to in pairs]
    kept = [(one, to, page, sha256) for one, to, page, sha256 in paged if page is not None and sha256 is not None]
    if not kept:
        return {}
    numbers = new_ids(connection, tables.page, len(kept))
    facts: list[dict[str, Any]] = [
        {
            "id": number,
            "source": to.article.source,
            "kind": _kind(one.arrived.sighting),
            "link": one.arrived.link,
            "article": to.id,
            "problem": None,
            "field": one.arrived.field,
        }
        for number, (one, to, _, _) in zip(numbers, kept, strict=True)
    ]
    keep_new(connection, [(page, sha256, of) for (_, _, page, sha256), of in zip(kept, facts, strict=True)])
    return {of["article"]: of["id"] for of in facts}


def _kind(sighting: Sighting) -> str:
    return "seed" if sighting.via == "import" else "article"


def _save(connection: Connection, arrived: Arrived, judge: Judge) -> Saved:
    article, sighting, link = arrived.article, arrived.sighting, arrived.link
    written, change = _write(connection, article, sighting)
    number, kept = written.id, None
    if arrived.page is not None:
        kept = keep(
            connection,
            arrived.page,
            source=article.source,
            kind=_kind(sighting),
            link=link,
            article=number,
            problem=None if article.complete else arrived.reason,
            field=arrived.field,
        )
    said = (
        kept if written.edited or article.complete else None
    )  # a page that could not be read says nothing of what is there
    _write_revision(connection, written, article.fetched or sighting.now, page=said)
    matches, plans = judge(written.article, sighting)
    _write_matches(connection, written, matches)
    live, archived = _raise(connection, written, plans, sighting.now)
    if link is not None:
        _end_link(connection, _end(link, number, arrived))
    if arrived.withdrawn:
        gone = update(tables.article).where(tables.article.c.id == number)
        connection.execute(gone.values(withdrawn_at=sighting.now))
    story = written.story
    return Saved(change=change, article=number, story=story.key, copy=story.copy, live=live, archived=archived)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """An article's row as it now stands: `edited` when this revision is a new one."""

    id: int
    article: Article
    revision: int
    edited: bool
    story: Telling


def _write(connection: Connection, article: Article, sighting: Sighting) -> tuple[_Written, Change]:
    """Insert or update the article's row."""
    keys = _Keys.of(article)
    found = _find(connection, article, keys) if _is_known(connection, article, keys) else None
    if found is None:
        return _create(connection, article, keys, sighting), "new"
    stored = article_of(found)
    merged, change = merge(stored, article, imported=sighting.via == "import")
    keys = _with_free_address(connection, merged, _Keys.of(merged), found)
    edited = change in {"changed", "completed"}
    number = (stored.revision or 1) + edited
    if edited and sighting.via == "import":  # the line of an export keeps the number that it came with
        number = max(number, article.revision or 0)
    moved = edited or merged.published != stored.published
    story = stories.story_of_known(connection, merged, keys.content, found, looked_for=moved)
    if merged != stored or story.number != found.story:
        connection.execute(
            update(tables.article)
            .where(tables.article.c.id == found.id)
            .values(**_columns(merged, keys), revision=number, story=story.number)
        )
    if merged.province != stored.province:
        alerts = update(tables.alert).where(tables.alert.c.article == found.id)
        connection.execute(alerts.values(province=merged.province))
    if edited:
        stories.keep_changed(connection, found.id, story.number, imprint(stored), imprint(merged))
    return _Written(id=found.id, article=merged, revision=number, edited=edited, story=story), change


def _with_free_address(connection: Connection, article: Article, keys: _Keys, own: Row[Any] | None) -> _Keys:
    """An address is one article's: another that is served there too, under an id of its own, is not known by it."""
    if keys.address is None or (own is not None and own.address == keys.address):
        return keys
    here = {"of_source": article.source, "of_address": keys.address}
    return keys if connection.scalar(_AT_ADDRESS, here) is None else replace(keys, address=None)


_AT_ADDRESS = select(tables.article.c.id).where(
    tables.article.c.source == bindparam("of_source"), tables.article.c.address == bindparam("of_address")
)


def _create(connection: Connection, article: Article, keys: _Keys, sighting: Sighting) -> _Written:
    keys = _with_free_address(connection, article, keys, None)
    story = stories.story_of_new(connection, article, keys.content, sighting.now)
    created = new_id(connection.execute(_NEW_ARTICLE, _row(article, keys, story.number, sighting)))
    if story.new:
        stories.keep_new(connection, [(created, imprint(article))])
    else:
        stories.keep_changed(connection, created, story.number, None, imprint(article))
    return _Written(id=created, article=article, revision=article.revision or 1, edited=True, story=story)


def _row(article: Article, keys: _Keys, story: int, sighting: Sighting) -> dict[str, Any]:
    """A new article's."""
    return {
        "source": article.source,
        **_columns(article, keys),
        "revision": article.revision or 1,
        "story": story,
        "saved_at": sighting.now,
        "via": sighting.via,
    }


def merge(stored: Article, arrived: Article, *, imported: bool) -> tuple[Article, Change]:
    """What an article becomes when it arrives again, and what to call that.

    The texts are taken when their folded form differs (an edit; character variants alone are none) or when a partial article
    is completed; a partial arrival never replaces a complete one. Facts that are missing are filled in; a fact that differs
    is taken from the newer page, but never from an imported document that does not say that it is newer: a seed knows no more
    than its file.
    """
    facts = ("id", "url", "published", "section", "province", "rights", "modified", "fetched")
    older = (imported and not _says_newer(arrived, stored)) or (stored.complete and not arrived.complete)
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
    if completed or (edited and not older):
        values |= {name: getattr(arrived, name) for name in _TEXTS}
        values["complete"] = arrived.complete
        return replace(stored, **values), "completed" if completed else "changed"
    return replace(stored, **values), "same"


def _says_newer(arrived: Article, stored: Article) -> bool:
    """Does a line of an export say that it is of a later state than ours? The first that tells the two apart decides: when the page
    was fetched, when its site changed it, the number of the revision. What is not said is older than all that is."""
    pairs = [(getattr(arrived, name) or _NEVER, getattr(stored, name) or _NEVER) for name in ("fetched", "modified")]
    told = next((new > old for new, old in pairs if new != old), None)
    return (arrived.revision or 0) > (stored.revision or 1) if told is None else told


def _columns(article: Article, keys: _Keys) -> dict[str, Any]:
    return {
        "site_id": article.id,
        "url": article.url,
        "address": keys.address,
        "content_key": keys.content,
        "folded_key": keys.folded,
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


def _write_revision(connection: Connection, written: _Written, at: datetime, *, page: int | None) -> None:
    """A new revision, or the page that the present one lacked. `at` is when the content was fetched: a page that is read again
    later says what it said then."""
    if written.edited:
        connection.execute(_NEW_REVISION, _revision_row(written, at, page=page))
    elif page is not None:
        connection.execute(_READ_FROM, {"of": written.id, "of_number": written.revision, "page": page})


def _revision_row(written: _Written, at: datetime, *, page: int | None) -> dict[str, Any]:
    texts = {name: getattr(written.article, name) for name in _TEXTS}
    return {"article": written.id, "number": written.revision, "at": at, "page": page, **texts}


_READ_FROM = update(tables.revision).where(
    tables.revision.c.article == bindparam("of"),
    tables.revision.c.number == bindparam("of_number"),
    tables.revision.c.page.is_(None),
)


def _write_matches(connection: Connection, written: _Written, matches: tuple[Match, ...]) -> None:
    """The evidence in this revision, by the rules of today."""
    table = tables.match
    if not written.edited:
        connection.execute(delete(table).where(table.c.article == written.id, table.c.revision == written.revision))
    if matches:
        connection.execute(_NEW_MATCH, _match_rows(written, matches))


def _match_rows(written: _Written, matches: tuple[Match, ...]) -> list[dict[str, Any]]:
    return [
        {
            "article": written.id,
            "revision": written.revision,
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


def _raise(connection: Connection, written: _Written, plans: tuple[Plan, ...], now: datetime) -> tuple[int, int]:
    """Raise an alert per plan, once per story and rule; an archived one that is now live is told. Returns (live, archived)."""
    live: list[tuple[int, Plan]] = []
    archived = 0
    for plan in plans:
        row = {
            "story": written.story.number,
            "rule": plan.rule,
            "title": plan.title,
            "priority": plan.priority,
            "live": plan.live,
            "raised_at": now,
            "article": written.id,
            "revision": written.revision,
            "source": written.article.source,
            "province": written.article.province,
        }
        raised = connection.scalar(_RAISED, row)
        if raised is None:
            continue
        if plan.live:
            live.append((raised, plan))
        else:
            archived += 1
    if live:
        notify(connection, written.story.number, live, now)
    return len(live), archived


# As text: SQLAlchemy remembers how it writes a statement, but not one with ON CONFLICT.
_RAISED = text(
    "INSERT INTO alert (story, rule, title, priority, live, raised_at, article, revision, source, province)"
    " VALUES (:story, :rule, :title, :priority, :live, :raised_at, :article, :revision, :source, :province)"
    " ON CONFLICT (story, rule) DO UPDATE SET title = excluded.title, priority = excluded.priority, live = excluded.live,"
    " raised_at = excluded.raised_at, article = excluded.article, revision = excluded.revision,"
    " source = excluded.source, province = excluded.province"
    " WHERE excluded.live AND NOT alert.live RETURNING id"
).bindparams(
    bindparam("live", type_=tables.alert.c.live.type), bindparam("raised_at", type_=tables.alert.c.raised_at.type)
)
"""Gives the alert's number back when it is new, or when a live one takes an archived one's place."""


def _end_link(connection: Connection, end: dict[str, Any]) -> None:
    if connection.execute(_ENDED, end).rowcount != 1:
        raise StoreError(f"link {end['of_link']} is not there any more")
    if end["state"] == "stored":  # what of it could not be read before is read now
        connection.execute(_READ_NOW, {"of_link": end["of_link"]})


def _end(link: int, article: int, arrived: Arrived) -> dict[str, Any]:
    """The link's article is saved. A partial one stays due, with one more attempt behind it."""
    complete = arrived.article.complete
    return {
        "of_link": link,
        "state": "stored" if complete else "partial",
        "reason": "" if complete else arrived.reason,
        "due_at": None if complete else arrived.due,
        "article": article,
    }


_ENDED = (
    update(tables.link)
    .where(tables.link.c.id == bindparam("of_link"))
    .values(attempts=tables.link.c.attempts + 1, leased_by=None, leased_until=None)
)
_READ_NOW = (
    update(tables.page)
    .where(tables.page.c.link == bindparam("of_link"), tables.page.c.problem.is_not(None))
    .values(problem=None, field=None)
)
