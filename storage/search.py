"""What is found in the index of all words: the same articles, in the same order, on SQLite and on PostgreSQL.

A hit is of the class of the last field that it needs: everything wanted in the title, else in title and lead, else with the text;
within a class the newest first, and of one second the article with the higher number. Each class is asked for by itself, downwards
from the newest place, and only as long as there are not enough hits: no database sorts what it finds, or weighs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, TextClause, select, text

from didban.article import Article
from didban.query import FIELDS, Field, Query, Wanted
from storage import tables
from storage.articles import Selection, article_of
from storage.database import Database
from storage.indexing import fact, number_at, number_in_sql, place_of, rebuild

_MARKS: Final[dict[Field, str]] = {"title": "1", "lead": "2", "text": "3"}
_EVER = 0, (1 << 63) - 1


_ARTICLES = select(tables.article, tables.story.c.key.label("story_key")).join(
    tables.story, tables.story.c.id == tables.article.c.story
)


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How a database writes a question to its index."""

    also: str
    either: str
    without: str
    before: str
    between: str
    after: str
    place: str
    select: str

    def phrase(self, keys: Sequence[str]) -> str:
        return self.before + self.between.join(keys) + self.after


_DIALECTS = {
    "sqlite": _Dialect(
        " AND ", " OR ", " NOT ", '"', " ", '"', "search_tokens.rowid",
        "SELECT rowid FROM search_tokens WHERE search_tokens MATCH :asked AND rowid >= :low AND rowid < :high "
        "{chosen} ORDER BY rowid DESC LIMIT :most",
    ),
    "postgresql": _Dialect(
        " & ", " | ", " & !", "('", "' <-> '", "')", "place",
        "SELECT place FROM search_tokens WHERE keys @@ CAST(:asked AS tsquery) AND place >= :low AND place < :high "
        "{chosen} ORDER BY place + 0 DESC LIMIT :most",
    ),
}  # fmt: skip
_NEWEST = (
    "SELECT place FROM (SELECT place, keys FROM search_tokens WHERE place >= :low AND place < :high ORDER BY place DESC LIMIT 500) "
    "AS newest WHERE keys @@ CAST(:asked AS tsquery) {chosen} ORDER BY place DESC LIMIT :most"
)
"""GIN gives all hits, in no order. So the newest articles are looked through first, which is enough where hits are many; else GIN
finds the few. `place + 0` keeps PostgreSQL from walking through all articles for a word that it takes for a frequent one."""
_OF_RULE = (
    ' AND EXISTS (SELECT 1 FROM "match" AS found JOIN article ON article.id = found.article AND '
    "article.revision = found.revision WHERE found.article = {number} AND found.rule = :rule) "
)
_PLANNING = text(
    "SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true), "
    "set_config('cpu_operator_cost', '0.25', true)"
)
"""A plan for any words is a poor one for these; and to compare keys costs what it costs to fetch them from where they lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An article with its number, and the last field that the hit needs."""

    number: int
    field: Field
    article: Article


class Search:
    """Look for words in all articles."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(
        self, query: Query, selection: Selection | None = None, *, limit: int = 20, offset: int = 0
    ) -> list[Found]:
        """The best `limit` hits after the first `offset`, among the articles of the selection.

        An undated article counts as of when it was first saved.
        """
        chosen = selection or Selection()
        with self._database.read() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(_PLANNING)
            hits = _hits(connection, query, chosen, limit + offset)[offset:]
            wanted = tables.article.c.id.in_([number for number, _ in hits])
            rows = connection.execute(_ARTICLES.where(wanted))
            articles = {row.id: article_of(row) for row in rows}
        return [Found(number=number, field=field, article=articles[number]) for number, field in hits]

    def rebuild(self) -> int:
        """Index every article anew; returns how many there are."""
        with self._database.write(alone=True) as connection:
            return rebuild(connection)


def _hits(connection: Connection, query: Query, selection: Selection, most: int) -> list[tuple[int, Field]]:
    dialect = _DIALECTS[connection.dialect.name]
    low = place_of(selection.since) if selection.since else _EVER[0]
    high = place_of(selection.until) if selection.until else _EVER[1]
    hits: list[tuple[int, Field]] = []
    for field, asked in questions(query, selection, connection.dialect.name):
        if len(hits) < most:
            values = {"asked": asked, "low": low, "high": high, "most": most - len(hits), "rule": selection.rule}
            found: Sequence[int] = ()
            if connection.dialect.name == "postgresql":
                found = connection.execute(_chosen(_NEWEST, "place", selection), values).scalars().all()
            if len(found) < values["most"]:
                found = connection.execute(_chosen(dialect.select, dialect.place, selection), values).scalars().all()
            hits += [(number_at(at), field) for at in found]
    return hits


def _chosen(query: str, place: str, selection: Selection) -> TextClause:
    """The query; of a selection by rule, looking only among the articles that have evidence of it today."""
    return text(
        query.replace("{chosen}", "" if selection.rule is None else _OF_RULE.format(number=number_in_sql(place)))
    )


def questions(query: Query, selection: Selection, name: str) -> Iterator[tuple[Field, str]]:
    """Each class of hits that the query can have, and what its database, by SQLAlchemy's name, is asked for it."""
    dialect = _DIALECTS[name]

    def either(one: Wanted, fields: Sequence[Field]) -> str:
        marks = [_MARKS[field] for field in fields if field in one.fields]
        phrases = [dialect.phrase([mark + key for key in choice]) for mark in marks for choice in one.choices]
        return f"({dialect.either.join(phrases)})" if phrases else ""

    facts = [
        dialect.phrase([fact(kind, value)])
        for kind, value in (("s", selection.source), ("p", selection.province))
        if value is not None
    ]
    out = [either(one, FIELDS) for one in query.unwanted]
    asked = ""
    for size, field in enumerate(FIELDS, 1):
        wanted = [either(one, FIELDS[:size]) for one in query.wanted]
        if not all(wanted):
            continue
        before, asked = asked, dialect.also.join(dict.fromkeys(wanted))
        if before != asked:
            without = [*out, f"({before})"] if before else out
            rest = f"{dialect.without}({dialect.either.join(without)})" if without else ""
            yield field, f"({dialect.also.join([asked, *facts])}){rest}"
