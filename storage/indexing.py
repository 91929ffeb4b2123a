"""The index of all words of all articles: the same keys, in the same order, on SQLite and on PostgreSQL.

    indexed         a row an article: its place, and the revision, source and province that its words are kept of
    search_tokens   place → keys: FTS5 without content on SQLite, a tsvector under GIN on PostgreSQL. Both are fed with the keys of
                    didban.tokens, so neither reads Persian

An article's place is its date and its number in one integer: the newest hits are the highest places, and a search walks downwards
until it has enough. An undated article stands where it was first saved. A key carries its field (`1` kicker and title, `2` lead,
`3` text), so that a hit in a title is looked for among titles alone; source and province are keys as well.

FTS5 without content forgets what it was given, and wants it said again to remove it: that is what the revision is for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, bindparam, delete, func, select, text, update

from didban.tokens import GAP, LONGEST, keys
from storage import tables

BATCH: Final = 500
"""Articles in memory while all are indexed."""
MOST_KEYS, MOST_LETTERS, OFTEN = 16_000, 200_000, 255
"""Of one article, keys and their letters, and occurrences of one key. What lies beyond is not indexed: a tsvector ends there, and
both databases are to answer the same. https://www.postgresql.org/docs/current/textsearch-limitations.html"""

_FIELDS = (("1", ("kicker", "title")), ("2", ("lead",)), ("3", ("text",)))
_NUMBERS = 1 << 29  # articles that one second may hold: 34 bits of seconds, and these, are one signed integer
_FIRST = datetime(1800, 1, 1, tzinfo=UTC)
_LAST = (1 << 34) - 1

SQLITE_INDEX = (
    "CREATE VIRTUAL TABLE search_tokens USING fts5(keys, content='', tokenize='ascii')",  # splits at spaces, leaves Persian alone
)
POSTGRESQL_INDEX = (
    # the keys lie apart from the places, which are looked through by the hundred thousand
    "CREATE TABLE search_tokens (place bigint PRIMARY KEY, keys tsvector NOT NULL) WITH (toast_tuple_target = 128)",
    "CREATE INDEX ix_search_tokens_keys ON search_tokens USING gin (keys)",
)
_ADD = {
    "sqlite": text("INSERT INTO search_tokens(rowid, keys) VALUES (:place, :keys)"),
    "postgresql": text("INSERT INTO search_tokens(place, keys) VALUES (:place, CAST(:keys AS tsvector))"),
}
_REMOVE = {
    "sqlite": text("INSERT INTO search_tokens(search_tokens, rowid, keys) VALUES ('delete', :place, :keys)"),
    "postgresql": text("DELETE FROM search_tokens WHERE place = :place"),
}


def index(connection: Connection, numbers: Sequence[int]) -> None:
    """Bring the index up to these articles as they now stand in the transaction; what it has right already is left alone."""
    for start in range(0, len(numbers), BATCH):
        some = numbers[start : start + BATCH]
        _index(connection, connection.execute(_THESE, {"numbers": some}).all())


def rebuild(connection: Connection) -> int:
    """Index every article anew, with the keys of today; returns how many there are."""
    connection.execute(delete(tables.indexed))
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("INSERT INTO search_tokens(search_tokens) VALUES ('delete-all')")
    else:  # to make a GIN index of what is there is many times as fast as to add to one
        connection.exec_driver_sql("TRUNCATE search_tokens")
        connection.exec_driver_sql("DROP INDEX ix_search_tokens_keys")
    count, last = 0, 0
    while rows := connection.execute(_AFTER, {"last": last}).all():
        _index(connection, rows)
        count, last = count + len(rows), rows[-1].id
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(POSTGRESQL_INDEX[1])
    return count


def create(connection: Connection) -> None:
    """The index itself, which SQLAlchemy's tables do not know."""
    for statement in SQLITE_INDEX if connection.dialect.name == "sqlite" else POSTGRESQL_INDEX:
        connection.exec_driver_sql(statement)


def disagreement(connection: Connection) -> str | None:
    """How the index differs from the articles, as one line, or None."""
    article, indexed = tables.article, tables.indexed
    articles, entries, right = connection.execute(
        select(
            func.count(), func.count(indexed.c.article), func.count().filter(indexed.c.revision == article.c.revision)
        ).select_from(article.outerjoin(indexed, indexed.c.article == article.c.id))
    ).one()
    shadow = "search_tokens_docsize" if connection.dialect.name == "sqlite" else "search_tokens"
    kept = connection.exec_driver_sql(f"SELECT count(*) FROM {shadow}").scalar_one()  # noqa: S608 - one of two names
    if articles == entries == right == kept:
        return None
    return (
        f"the search index has {kept} articles, {right} of them as they stand, of {articles}: run `didban db reindex`"
    )


def place_of(moment: datetime, number: int = 0) -> int:
    """Where an article of that date stands. Dates before 1800 and after 2344 count as the first and last there are."""
    seconds = (moment - _FIRST) // timedelta(seconds=1)
    return min(max(seconds, 0), _LAST) * _NUMBERS + number


def number_at(place: int) -> int:
    return place % _NUMBERS


def number_in_sql(place: str) -> str:
    """`number_at`, asked of the database."""
    return f"({place} & {_NUMBERS - 1})"


def fact(kind: str, value: str) -> str:
    """The key of a source or a province; signs by their number, for an index knows only letters."""
    return kind + "".join(char if char.isalnum() else f"{GAP}{ord(char)}{GAP}" for char in value.lower())


_STANDING = select(
    *(tables.article.c[name] for name in ("id", "source", "province", "published", "saved_at", "revision")),
    *(tables.article.c[name] for _, names in _FIELDS for name in names),
    *(tables.indexed.c[name].label(f"old_{name}") for name in ("place", "revision", "facts")),
).select_from(tables.article.outerjoin(tables.indexed, tables.indexed.c.article == tables.article.c.id))
_NEW = tables.indexed.insert()
_CHANGED = update(tables.indexed).where(tables.indexed.c.article == bindparam("of"))
_THESE = _STANDING.where(tables.article.c.id.in_(bindparam("numbers", expanding=True)))
_AFTER = _STANDING.where(tables.article.c.id > bindparam("last")).order_by(tables.article.c.id).limit(BATCH)


def _index(connection: Connection, rows: Sequence[Row[Any]]) -> None:
    entries = [
        (row, entry)
        for row in rows
        for entry in [_entry(row)]
        if (row.old_place, row.old_revision, row.old_facts) != (entry["place"], entry["revision"], entry["facts"])
    ]
    if not entries:
        return
    entries.sort(key=lambda one: one[1]["place"])  # FTS5 writes out what it has at each step downwards
    name = connection.dialect.name
    written: Callable[[list[str]], str] = " ".join if name == "sqlite" else _tsvector
    if old := [row for row, _ in entries if row.old_place is not None]:
        gone = _removed(connection, old) if name == "sqlite" else [{"place": row.old_place} for row in old]
        connection.execute(_REMOVE[name], gone)
    connection.execute(
        _ADD[name],
        [{"place": entry["place"], "keys": written(document(row, entry["facts"]))} for row, entry in entries],
    )
    known, new = ([entry for row, entry in entries if (row.old_place is not None) is there] for there in (True, False))
    if known:
        connection.execute(_CHANGED, [entry | {"of": entry["article"]} for entry in known])
    if new:
        connection.execute(_NEW, new)


def _entry(row: Row[Any]) -> dict[str, Any]:
    facts = [fact("s", row.source), *([fact("p", row.province)] if row.province else [])]
    return {
        "article": row.id,
        "place": place_of(row.published or row.saved_at, row.id),
        "revision": row.revision,
        "facts": " ".join(facts),
    }


def _removed(connection: Connection, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """What FTS5 was given for these, from the revisions that it was given."""
    revision, indexed = tables.revision, tables.indexed
    query = (
        select(indexed.c.place, indexed.c.facts, *(revision.c[name] for _, names in _FIELDS for name in names))
        .join(revision, and_(revision.c.article == indexed.c.article, revision.c.number == indexed.c.revision))
        .where(indexed.c.article.in_([row.id for row in rows]))
        .order_by(indexed.c.place)
    )
    return [{"place": row.place, "keys": " ".join(document(row, row.facts))} for row in connection.execute(query)]


def document(row: Row[Any], facts: str) -> list[str]:
    """All keys of a row's texts, in their order, within the bounds of an index. What is too frequent leaves a GAP."""
    found = facts.split()
    for mark, names in _FIELDS:
        for name in names:
            if value := getattr(row, name):
                found.append(GAP)
                found += keys(value, mark)
    if len(found) - len(set(found)) < OFTEN and len(found) * LONGEST < MOST_LETTERS:
        return found  # as good as every article
    del found[MOST_KEYS:]
    del found[sum(letters <= MOST_LETTERS for letters in accumulate(map(len, found))) :]
    seen: Counter[str] = Counter()
    for at, key in enumerate(found):
        seen[key] += 1
        if seen[key] > OFTEN:
            found[at] = GAP
    return found


def _tsvector(found: list[str]) -> str:
    """The keys with their positions. They are letters, digits and GAPs: nothing in them wants quoting."""
    placed: dict[str, str] = {}
    for at, key in enumerate(found, 1):
        placed[key] = f"{placed[key]},{at}" if key in placed else f"{key}:{at}"
    placed.pop(GAP, None)
    return " ".join(placed.values())
