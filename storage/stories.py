"""Stories: which articles carry one text, and what becomes of two that turn out to be one.

    sentence     key → article: at most 24 keys an article, by which the near copies of a text are found
    frequency    in how many stories of a source a key stands: what many have is the source's own, and no story's
    holding      how many articles of each source there are

    an article's keys ──▶ who else has them, unless they are boilerplate ──▶ same_story() of the letters ──▶ its story

An article belongs to the story of every other that it is a copy of, and that was published within STORY_DAYS of it; where these are
several, they are one from now on. So a story is what hangs together by copies, whatever arrived first. Equal texts are copies
without a look at their sentences.

    merge    the older story stays. The younger's articles, alerts and messages move there, and it says where they went. Of a rule
             that both have raised, the younger's alert stays behind as history, and what of it nobody was told yet is cancelled;
             but an archived alert gives way to a live one. Nothing new is told.

Membership never shrinks: an edit may join stories, and parts none. Where it does depend on what arrived first: an undated
article joins the oldest story that it is a copy of, and merges none; a sentence counts until its source has printed it under so
many stories that it is boilerplate.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Row,
    TextClause,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    text,
    update,
)

from didban.alert import Carrier
from didban.article import Article
from didban.copies import COMMON, LONGEST, MOST_CANDIDATES, Imprint, imprint, is_boilerplate, same_story
from didban.text import squash
from storage import tables
from storage.sql import new_id, portions

STORY_DAYS: Final = timedelta(days=30)
STORY_LETTERS: Final = 30
"""A text with fewer is nobody's copy, even of an equal one: a title alone, «عکس روز», says nothing."""
BATCH: Final = 500
"""Articles in memory while the keys of all are made."""
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """The story of an article: its number and key, whether another article carries it too, and whether it begins with this one."""

    number: int
    key: str
    copy: bool
    new: bool = False


# ── which story ──────────────────────────────────────────────────────────────────────────────────────────────────────


def story_of_new(connection: Connection, article: Article, content: str, now: datetime) -> Telling:
    """The story of an article that is not stored yet: the one that it is a copy of, the one that a document names, or a new one.

    `content` is its content key. Stories of which it is a copy are merged.
    """
    when = article.published or now
    if article.story is not None:
        named = connection.execute(NAMED, {"of_key": article.story}).first()
        return _begun(connection, article.story, when, now) if named is None else _joined(connection, named, when)
    kin = _kin(connection, article, content)
    if not kin:
        return _begun(connection, _free_key(connection, article, content), when, now)
    return _joined(connection, _as_one(connection, kin), when)


def story_of_known(
    connection: Connection, article: Article, content: str, own: Row[Any], *, looked_for: bool
) -> Telling:
    """The story of an article that has one. `own` is its row: `id`, `story`, `story_key`.

    With `looked_for` its text or its date is another now, and where that makes it a copy, stories are merged.
    """
    table = tables.article
    telling = Telling(number=own.story, key=own.story_key, copy=False)
    kin = _kin(connection, article, content, own=own.id) if looked_for else []
    if others := [one for one in kin if one.story != own.story]:
        telling = _joined(connection, _as_one(connection, [own, *others]), article.published)
    other = select(table.c.id).where(table.c.story == telling.number, table.c.id != own.id).limit(1)
    return Telling(number=telling.number, key=telling.key, copy=connection.scalar(other) is not None)


def story_row(key: str, when: datetime, now: datetime) -> dict[str, Any]:
    """A new story's."""
    return {"key": key, "created_at": now, "last_at": when, "merged_into": None}


def _begun(connection: Connection, key: str, when: datetime, now: datetime) -> Telling:
    number = new_id(connection.execute(tables.story.insert(), story_row(key, when, now)))
    return Telling(number=number, key=key, copy=False, new=True)


def _joined(connection: Connection, into: Row[Any], when: datetime | None) -> Telling:
    """`into` has `story` and `story_key`."""
    if when is not None:
        table = tables.story
        later = update(table).where(table.c.id == into.story, table.c.last_at < when)
        connection.execute(later.values(last_at=when))
    return Telling(number=into.story, key=into.story_key, copy=True)


def _free_key(connection: Connection, article: Article, content: str) -> str:
    """A key for a new story: its text's, or, where an older story has that, its text's and its own identity's."""
    key = content[:16]
    if connection.execute(NAMED, {"of_key": key}).first() is None:
        return key
    identity = f"{key}\n{article.source}\n{article.id}\n{article.url}\n{article.published}"
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


_STORY, _SURVIVOR = tables.story.alias(), tables.story
NAMED = (
    select(_SURVIVOR.c.id.label("story"), _SURVIVOR.c.key.label("story_key"))
    .join(_STORY, _SURVIVOR.c.id == func.coalesce(_STORY.c.merged_into, _STORY.c.id))
    .where(_STORY.c.key == bindparam("of_key"))
)
"""The story that a key names, `story` and `story_key`: that of one that was merged is the survivor's."""


# ── copies ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _kin(connection: Connection, article: Article, content: str, *, own: int | None = None) -> list[Row[Any]]:
    """An article of each story that this one is a copy of, the oldest story first; `own` is its own number."""
    found: dict[int, Row[Any]] = {}
    if len(squash(article.text)) >= STORY_LETTERS:
        for row in connection.execute(_EQUAL, {"of_content": content, "own": own or 0, **_window(article.published)}):
            if row.story not in found and _in_time(connection, article.published, row):
                found[row.story] = row
    looked = imprint(article)
    sharing = _sharing(connection, _said(connection, looked.keys))
    near = _near(connection, sharing.values(), article.published, own=own)
    found |= {row.story: row for row in _copies(connection, looked, [row for row in near if row.story not in found])}
    kin = [found[story] for story in sorted(found)]
    return kin if article.published is not None else kin[:1]


_CARRYING = select(
    *(tables.article.c[name] for name in ("id", "source", "story", "published")), tables.story.c.key.label("story_key")
).join(tables.story)
_THESE = _CARRYING.where(tables.article.c.id.in_(bindparam("numbers", expanding=True)))
_EQUAL = (
    _CARRYING.where(tables.article.c.content_key == bindparam("of_content"), tables.article.c.id != bindparam("own"))
    .where(
        or_(
            tables.article.c.published.is_(None),
            tables.article.c.published.between(bindparam("first"), bindparam("last")),
        )
    )
    .order_by(tables.article.c.story, tables.article.c.id)
    .limit(bindparam("most"))
)


def _window(published: datetime | None) -> dict[str, Any]:
    """Between which times its copies were published; an article without a date has the first that there is."""
    if published is None:
        return {"first": _FIRST, "last": _LAST, "most": 1}
    return {"first": published - STORY_DAYS, "last": published + STORY_DAYS, "most": 1000}


def _in_time(connection: Connection, published: datetime | None, row: Row[Any]) -> bool:
    """Was a carrier published so near that this is its copy? One without a date stands where the dated ones of its story do."""
    if published is None:
        return True
    if row.published is not None:
        return abs(published - row.published) <= STORY_DAYS
    first, last = connection.execute(_SPAN, {"of_story": row.story}).one()
    return first is None or first - STORY_DAYS <= published <= last + STORY_DAYS


_SPAN = select(func.min(tables.article.c.published), func.max(tables.article.c.published)).where(
    tables.article.c.story == bindparam("of_story")
)


def _near(
    connection: Connection, sharing: Iterable[Sequence[Row[Any]]], published: datetime | None, *, own: int | None = None
) -> list[Row[Any]]:
    """Of those that share keys with an article, by key, the candidates: MOST_CANDIDATES at most, the most shared keys first, then
    the oldest. `own` is its own number."""
    every = [row for those in sharing for row in those if row.id != own]
    shared = Counter(row.id for row in every)
    near = [row for row in {row.id: row for row in every}.values() if _in_time(connection, published, row)]
    return sorted(near, key=lambda row: (-shared[row.id], row.id))[:MOST_CANDIDATES]


def _copies(connection: Connection, looked: Imprint, rows: Sequence[Row[Any]]) -> Iterator[Row[Any]]:
    """Which of these stored articles carry the same text; one of each story, the first."""
    found: set[int] = set()
    for row in rows:
        if row.story not in found:
            other = _imprint_of(connection.execute(_TEXT_OF, {"of": row.id}).one())
            common = _common(connection, looked.keyed.keys() | other.keyed.keys(), of=(looked.source, other.source))
            if same_story(looked, other, common).same:
                found.add(row.story)
                yield row


_COMPARED = 4 * LONGEST + 1
"""Characters of a field that an imprint looks at: a text of 10 MB is not loaded for it."""
_TEXT = select(
    tables.article.c.id,
    tables.article.c.source,
    *(func.substr(tables.article.c[name], 1, _COMPARED).label(name) for name in ("lead", "text")),
)
_TEXT_OF = _TEXT.where(tables.article.c.id == bindparam("of"))


def _imprint_of(row: Row[Any]) -> Imprint:
    return imprint(Article(source=row.source, title="", lead=row.lead, text=row.text))


# ── merging ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _as_one(connection: Connection, kin: Sequence[Row[Any]]) -> Row[Any]:
    """Stories that turn out to be one: all merged into the oldest, which is returned."""
    oldest, *others = sorted(kin, key=lambda row: row.story)
    for one in others:
        if one.story != oldest.story:
            _merge(connection, oldest.story, one.story)
    return oldest


def _merge(connection: Connection, older: int, younger: int) -> None:
    story, article = tables.story, tables.article
    _tell_once(connection, older, younger)
    for source, keys in _keys_of(connection, younger).items():
        _count(connection, [(key, source, -1) for key in _elsewhere(connection, older, source, keys)])
    connection.execute(update(article).where(article.c.story == younger).values(story=older))
    gone = or_(story.c.id == younger, story.c.merged_into == younger)
    connection.execute(update(story).where(gone).values(merged_into=older))
    last = connection.scalar(select(story.c.last_at).where(story.c.id == younger))
    connection.execute(update(story).where(story.c.id == older, story.c.last_at < last).values(last_at=last))


def _tell_once(connection: Connection, older: int, younger: int) -> None:
    """The younger story's messages and alerts, and what of them is still to be told."""
    alert, message, notice = tables.alert, tables.message, tables.notification
    theirs = select(message.c.id, message.c.state, message.c.attempts).where(message.c.story == younger)
    untried = [
        row.id
        for row in connection.execute(theirs.with_for_update())  # nobody begins to send one meanwhile
        if row.state == "open" and row.attempts == 0
    ]
    if untried:  # nobody has them: they are closed anew, with what is still to be told
        of = notice.c.message.in_(untried)
        connection.execute(update(notice).where(of).values(state="waiting", message=None))
        connection.execute(delete(message).where(message.c.id.in_(untried)))
    connection.execute(update(message).where(message.c.story == younger).values(story=older))

    raised: dict[str, dict[int, Row[Any]]] = defaultdict(dict)
    for row in connection.execute(select(alert).where(alert.c.story.in_([older, younger]))):
        raised[row.rule][row.story] = row
    for both in raised.values():
        if older in both and younger in both:
            _one_alert(connection, both[older], both[younger])
        elif younger in both:
            connection.execute(update(alert).where(alert.c.id == both[younger].id).values(story=older))


def _one_alert(connection: Connection, kept: Row[Any], other: Row[Any]) -> None:
    """Of two alerts on one rule `kept` stays, with what the other says where that is live and it is not. What the other was to
    tell, `kept` tells where it has told nobody by itself; no channel hears of both."""
    alert, notice = tables.alert, tables.notification
    if other.live and not kept.live:
        facts = ("title", "priority", "live", "raised_at", "article", "revision", "source", "province")
        values = {name: getattr(other, name) for name in facts}
        connection.execute(update(alert).where(alert.c.id == kept.id).values(**values))
    if other.acked_at is not None and kept.acked_at is None:  # who has seen the one has seen the other
        seen = {"acked_at": other.acked_at, "acked_by": other.acked_by}
        connection.execute(update(alert).where(alert.c.id == kept.id).values(seen))
        later = and_(notice.c.alert == kept.id, notice.c.step > 0, notice.c.state == "waiting")
        connection.execute(update(notice).where(later).values(state="cancelled"))
    _one_label(connection, kept.id, other.id)
    told = {row.channel: row for row in connection.execute(select(notice).where(notice.c.alert == kept.id))}
    for row in connection.execute(select(notice).where(notice.c.alert == other.id)).all():
        here, doubled = told.get(row.channel), row.id
        if here is None and not kept.live:
            connection.execute(update(notice).where(notice.c.id == row.id).values(alert=kept.id))
            continue
        if here is not None and row.state == "closed":  # this channel has heard of it
            doubled = here.id
        waiting = and_(notice.c.id == doubled, notice.c.state == "waiting")
        connection.execute(update(notice).where(waiting).values(state="cancelled"))


def _one_label(connection: Connection, kept: int, other: int) -> None:
    """What was said last of two alerts that are one is said of `kept`."""
    label = tables.label
    newest = select(label.c.alert).where(label.c.alert.in_([kept, other])).order_by(label.c.said_at.desc()).limit(1)
    if connection.scalar(newest) == other:
        connection.execute(delete(label).where(label.c.alert == kept))
        connection.execute(update(label).where(label.c.alert == other).values(alert=kept))
    else:
        connection.execute(delete(label).where(label.c.alert == other))


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def keep_new(connection: Connection, new: Sequence[tuple[int, Imprint]]) -> None:
    """The keys of new articles, by their numbers, that each begin a story of their own."""
    _keep(connection, [(key, number) for number, one in new for key in one.keys])
    counted = Counter((key, one.source) for _, one in new for key in one.keys)
    _count(connection, [(key, source, stories) for (key, source), stories in counted.items()])
    held = Counter(one.source for _, one in new)
    _many(connection, _HELD, sorted(held.items()))


def keep_changed(connection: Connection, number: int, story: int, before: Imprint | None, after: Imprint) -> None:
    """The keys of an article of a story, as it says something else now; `before` is None when it is new there."""
    old, new = frozenset(before.keys if before else ()), frozenset(after.keys)
    table = tables.sentence
    for gone in portions(old - new):
        connection.execute(delete(table).where(table.c.key.in_(gone), table.c.article == number))
    _keep(connection, [(key, number) for key in new - old])
    others = _elsewhere(connection, story, after.source, old ^ new, but=number)
    _count(connection, [(key, after.source, 1 if key in new else -1) for key in (old ^ new) - others])
    if before is None:
        _many(connection, _HELD, [(after.source, 1)])


def strangers(connection: Connection, articles: Sequence[tuple[Imprint, datetime | None]]) -> list[bool]:
    """Which of these begin a story of their own: of none there is a near copy in the store, nor one before it here with a key of
    its that says anything.

    `articles` are imprints with the times of publication, and no text is equal to one in the store.
    """
    said = _said(connection, {key for one, _ in articles for key in one.keys})
    sharing = _sharing(connection, said)
    met: set[int] = set()
    alone: list[bool] = []
    for one, published in articles:
        mine = said.intersection(one.keys)
        near = _near(connection, (sharing[key] for key in mine & sharing.keys()), published)
        alone.append(met.isdisjoint(mine) and next(_copies(connection, one, near), None) is None)
        met |= mine
    return alone


def _said(connection: Connection, keys: Iterable[int]) -> frozenset[int]:
    """Those of these keys that are nobody's boilerplate."""
    every = frozenset(keys)
    return every - _common(connection, every)


def _common(connection: Connection, keys: Iterable[int], *, of: Collection[str] = ()) -> frozenset[int]:
    """Which of these keys are boilerplate: in any source, or in one of these."""
    rows = _asked(connection, _FREQUENT, keys, least=COMMON)
    return frozenset(
        row.key for row in rows if is_boilerplate(row.stories, row.articles) and (not of or row.source in of)
    )


def _sharing(connection: Connection, keys: Iterable[int]) -> dict[int, list[Row[Any]]]:
    """The articles that have these keys, by key: the MOST_CANDIDATES newest of each."""
    pairs = _asked(connection, _SHARING, keys, most=MOST_CANDIDATES)
    here = {
        row.id: row
        for some in portions({pair.article for pair in pairs})
        for row in connection.execute(_THESE, {"numbers": some})
    }
    sharing: dict[int, list[Row[Any]]] = defaultdict(list)
    for pair in pairs:
        sharing[pair.key].append(here[pair.article])
    return sharing


def _elsewhere(connection: Connection, story: int, source: str, keys: AbstractSet[int], *, but: int = 0) -> set[int]:
    """Which of these keys articles of a story have that are from this source, but for one article."""
    article, sentence = tables.article, tables.sentence
    of = (article.c.story == story, article.c.source == source, article.c.id != but)
    numbers = connection.scalars(select(article.c.id).where(*of)).all() if keys else []
    return {
        key
        for number in numbers
        for some in portions(keys)
        for key in connection.scalars(
            select(sentence.c.key).where(sentence.c.key.in_(some), sentence.c.article == number)
        )
    }


def _keys_of(connection: Connection, story: int) -> dict[str, set[int]]:
    """The keys of a story's articles, by source."""
    keys: dict[str, set[int]] = defaultdict(set)
    for number in connection.scalars(select(tables.article.c.id).where(tables.article.c.story == story)).all():
        one = _imprint_of(connection.execute(_TEXT_OF, {"of": number}).one())
        keys[one.source].update(one.keys)
    return keys


def _keep(connection: Connection, pairs: Iterable[tuple[int, int]]) -> None:
    _many(connection, _KEPT, sorted(pairs))


def _count(connection: Connection, changes: Iterable[tuple[int, str, int]]) -> None:
    """So many more, or fewer, stories of a source in which a key stands."""
    counted, table = sorted(changes), tables.frequency
    _many(connection, _COUNTED, counted)
    for gone in portions(key for key, _, stories in counted if stories < 0):
        connection.execute(delete(table).where(table.c.key.in_(gone), table.c.stories <= 0))


def _many(connection: Connection, statements: Mapping[str, str], rows: Sequence[tuple[Any, ...]]) -> None:
    """One statement for all rows, past SQLAlchemy: it would take three times as long."""
    if rows:
        name = connection.dialect.name
        given = tuple(map(list, zip(*rows, strict=True))) if name == "postgresql" else list(rows)
        connection.exec_driver_sql(statements[name], given)


def _asked(
    connection: Connection, statements: Mapping[str, TextClause], keys: Iterable[int], **bounds: int
) -> list[Row[Any]]:
    asked = sorted(keys)
    if not asked:
        return []
    name = connection.dialect.name
    return list(
        connection.execute(statements[name], {"keys": json.dumps(asked) if name == "sqlite" else asked, **bounds})
    )


def _by_keys(table: str, columns: str, *, sqlite: str, postgresql: str, rest: str = "") -> dict[str, TextClause]:
    """A question about `wanted`, keys that are given as one value. PostgreSQL is told to look at one after the other: before it
    has counted a new table it would rather read all of it."""
    asked = {
        "sqlite": ("SELECT value AS key FROM json_each(:keys)", f"JOIN {table} ON {sqlite}"),
        "postgresql": ("SELECT unnest(CAST(:keys AS bigint[])) AS key", f"CROSS JOIN LATERAL ({postgresql}) {table}"),
    }
    return {
        name: text(f"WITH wanted AS ({wanted}) SELECT {columns} FROM wanted {joined} {rest}")  # noqa: S608 - our own
        for name, (wanted, joined) in asked.items()
    }


_FREQUENT = _by_keys(
    "frequency",
    "frequency.key, frequency.source, frequency.stories, holding.articles",
    sqlite="frequency.key = wanted.key",
    postgresql="SELECT * FROM frequency WHERE frequency.key = wanted.key OFFSET 0",
    rest="JOIN holding ON holding.source = frequency.source WHERE frequency.stories >= :least",
)
_SHARING = _by_keys(
    "sentence",
    "sentence.key, sentence.article",
    sqlite="sentence.key = wanted.key AND sentence.article >= coalesce((SELECT newer.article FROM sentence newer"
    " WHERE newer.key = wanted.key ORDER BY newer.article DESC LIMIT 1 OFFSET :most - 1), 0)",
    postgresql="SELECT key, article FROM sentence WHERE sentence.key = wanted.key ORDER BY article DESC LIMIT :most",
)


def _of_rows(insert: str, **types: str) -> dict[str, str]:
    """An INSERT of many rows, for the driver itself: PostgreSQL takes them as columns, SQLite one after the other."""
    marks = ", ".join("?" for _ in types)
    columns = ", ".join(f"CAST(%s AS {name}[])" for name in types.values())
    told = {"sqlite": f"VALUES ({marks})", "postgresql": f"SELECT * FROM unnest({columns})"}  # noqa: S608 - our own
    return {name: insert.format(columns=", ".join(types), rows=rows) for name, rows in told.items()}


_KEPT = _of_rows("INSERT INTO sentence ({columns}) {rows}", key="bigint", article="integer")
_COUNTED = _of_rows(
    "INSERT INTO frequency ({columns}) {rows}"
    " ON CONFLICT (key, source) DO UPDATE SET stories = frequency.stories + excluded.stories",
    key="bigint", source="text", stories="integer",
)  # fmt: skip
_HELD = _of_rows(
    "INSERT INTO holding ({columns}) {rows}"
    " ON CONFLICT (source) DO UPDATE SET articles = holding.articles + excluded.articles",
    source="text", articles="integer",
)  # fmt: skip


# ── all of them ──────────────────────────────────────────────────────────────────────────────────────────────────────


def rebuild(connection: Connection) -> int:
    """Make the keys of every article anew, with the didban.copies of today; returns how many articles there are."""
    for table in (tables.sentence, tables.frequency, tables.holding):
        connection.execute(delete(table))
    count = last = 0
    while rows := connection.execute(_AFTER, {"last": last}).all():
        _keep(connection, [(key, row.id) for row in rows for key in _imprint_of(row).keys])
        count, last = count + len(rows), rows[-1].id
    connection.exec_driver_sql(f"INSERT INTO frequency (key, source, stories) {_FREQUENCIES}")
    connection.exec_driver_sql(f"INSERT INTO holding (source, articles) {_HOLDINGS}")
    return count


def disagreement(connection: Connection) -> str | None:
    """How the keys differ from the articles, as one line, or None."""
    for table, derived in ((tables.frequency, _FREQUENCIES), (tables.holding, _HOLDINGS)):
        columns = ", ".join(column.name for column in table.columns)
        kept = f"SELECT {columns} FROM {table.name}"  # noqa: S608 - our own
        for one, other in ((kept, derived), (derived, kept)):
            query = f"SELECT count(*) FROM (SELECT * FROM ({one}) a EXCEPT SELECT * FROM ({other}) b) c"  # noqa: S608 - our own
            if connection.exec_driver_sql(query).scalar():
                return f"{table.name} does not agree with the articles: run `didban db reindex`"
    return None


_AFTER = _TEXT.where(tables.article.c.id > bindparam("last")).order_by(tables.article.c.id).limit(BATCH)
_FREQUENCIES = (
    "SELECT sentence.key, article.source, count(DISTINCT article.story) FROM sentence"
    " JOIN article ON article.id = sentence.article GROUP BY sentence.key, article.source"
)
_HOLDINGS = "SELECT source, count(*) FROM article GROUP BY source"


# ── who carries them ─────────────────────────────────────────────────────────────────────────────────────────────────

_CARRIERS = (
    select(*(tables.article.c[name] for name in ("id", "source", "site_id", "url", "published", "story")))
    .where(tables.article.c.story.in_(bindparam("stories", expanding=True)))
    .order_by(func.coalesce(tables.article.c.published, tables.article.c.saved_at), tables.article.c.id)
)


def carriers(connection: Connection, stories: Collection[int]) -> dict[int, tuple[Carrier, ...]]:
    """The carriers of each of these stories: as they were published, an undated one where it was first saved."""
    carried: dict[int, list[Carrier]] = defaultdict(list)
    for row in connection.execute(_CARRIERS, {"stories": list(stories)}):
        one = Carrier(source=row.source, id=row.site_id, url=row.url, published=row.published, article=row.id)
        carried[row.story].append(one)
    return {story: tuple(those) for story, those in carried.items()}
