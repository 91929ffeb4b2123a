"""The tables. Times are aware UTC; everything else is what the words of `didban` say.

source ── listing            what is polled, and the validators of the last answer
   └───── link ───┐          an address seen; noted in the same transaction as its listing's validators
   └───── unit ── unit_link  a piece of a walk through an archive: a day, a run of pages, a gap; and what it listed
blob ──── page ───┤          bytes as served, each body once, packed with its source's dictionary
             article ── revision
                  ├──── match
                story ── alert ── notification ── message
sentence, frequency, holding what of an article its copies are found by (storage/stories.py)
mute                         the rules that nobody is told of
alert ─── label              what officers say of an alert: relevant, or not
indexed                      where an article stands in the index of all words (storage/indexing.py)
host, robots                 when each host may next be asked, and what its robots.txt says
chore                        what one process at a time does now and then, for all
notice ── notification       what the operator must know
ruleset                      the last good rules of each rules file
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeEngine


class _AsText(sqlite.DATETIME):
    """SQLite's column for times, which is handed text and gives it back."""

    def bind_processor(self, dialect: Dialect) -> None:
        del dialect

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        del dialect, coltype


class UTCTime(TypeDecorator[datetime]):
    """An aware UTC time: `timestamptz` on PostgreSQL, fixed-width sortable text on SQLite.

    The text is SQLAlchemy's own form of it; `datetime` makes and reads it in a third of the time, which is half of what a row of
    links costs.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(_AsText() if dialect.name == "sqlite" else self.impl_instance)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        if value is None:
            return None
        utc = value if value.tzinfo is UTC else value.astimezone(UTC)
        return utc.isoformat(" ", "microseconds")[:26] if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:
        del dialect
        if isinstance(value, str):
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
        return None if value is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ACKED = text("acked_at IS NOT NULL")
_LEASED = text("leased_by IS NOT NULL")
_MERGED = text("merged_into IS NOT NULL")
NOT_STORED = text("state <> 'stored'")
WATCHED = text("via = 'watch'")
_PLAIN = text("dictionary IS NULL")

source = Table(
    "source",
    metadata,
    Column("key", String, primary_key=True),
    Column("baseline_at", UTCTime),  # when the first whole pass ended; None until then
    Column("due_at", UTCTime, nullable=False),
    Column("leased_by", String),
    Column("leased_until", UTCTime),
    Column("state", String, nullable=False),
    Column("state_since", UTCTime, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    Column("failures", Integer, nullable=False, server_default="0"),  # passes in a row that did not see every listing
    Column("idle", Integer, nullable=False, server_default="0"),  # passes in a row that brought nothing new
    Column("polled_at", UTCTime),  # when the last pass ended, and whether anything at all came back
    Column("answered", Boolean, nullable=False, server_default="1"),
)

listing = Table(
    "listing",
    metadata,
    Column("source", String, primary_key=True),
    Column("url", Text, primary_key=True),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("polled_at", UTCTime, nullable=False),
)

link = Table(
    "link",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", String, nullable=False),
    Column("key", Text, nullable=False),  # the site's id, else the canonical address
    Column("url", Text, nullable=False),
    Column("site_id", Text),
    Column("kicker", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("lead", Text, nullable=False),
    Column("published", UTCTime),
    Column("section", Text),
    Column("via", String, nullable=False),  # watch or backfill: who saw it first
    Column("baseline", Boolean, nullable=False),  # seen in the source's first pass
    Column("noted_at", UTCTime, nullable=False),
    Column("state", String, nullable=False),  # waiting → stored, partial or refused
    Column("reason", Text, nullable=False, server_default=""),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", UTCTime),  # None when nothing more is to be done
    Column("leased_by", String),
    Column("leased_until", UTCTime),
    Column("article", Integer, ForeignKey("article.id")),
    UniqueConstraint("source", "key"),
    Index(None, "source", "due_at"),
    Index(None, "source", "published"),
    Index("ix_link_state", "source", "state", sqlite_where=NOT_STORED, postgresql_where=NOT_STORED),
    Index("ix_link_leased", "source", "via", sqlite_where=_LEASED, postgresql_where=_LEASED),
)

unit = Table(
    "unit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", String, nullable=False),
    Column("way", String, nullable=False),  # gap, day, page or sitemap
    Column("key", Text, nullable=False),
    Column("url", Text, nullable=False),  # the next listing page to ask for
    Column("start_url", Text),  # its first one
    Column("page_url", Text),  # the one walked last
    Column("since", UTCTime),
    Column("until", UTCTime),
    Column("created_at", UTCTime, nullable=False),
    Column("state", String, nullable=False),  # waiting → listed → done, or refused
    Column("reason", Text, nullable=False, server_default=""),
    Column("pages", Integer, nullable=False, server_default="0"),
    Column(
        "last_keys", JSON, nullable=False
    ),  # the links of the page before: a site that repeats its last page ends the walk
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", UTCTime),
    Column("leased_by", String),
    Column("leased_until", UTCTime),
    UniqueConstraint("source", "way", "key"),
    Index(None, "source", "state"),
)

unit_link = Table(
    "unit_link",
    metadata,
    Column("unit", Integer, ForeignKey("unit.id"), primary_key=True),
    Column("link", Integer, ForeignKey("link.id"), primary_key=True, index=True),
)

dictionary = Table(
    "dictionary",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", String, nullable=False, index=True),
    Column("content", LargeBinary, nullable=False),
    Column("samples", Integer, nullable=False),  # pages that it was trained on
    Column("made_at", UTCTime, nullable=False),
    Column("judged_at", UTCTime, nullable=False),  # when it was last seen whether another one would pay
)
"""Of a source the one with the highest number is in use; the others stay for the bodies that need them."""

blob = Table(
    "blob",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("size", Integer, nullable=False),
    Column("zstd", LargeBinary, nullable=False),
    Column("dictionary", Integer, ForeignKey("dictionary.id")),  # None: packed without one
    Index("ix_blob_plain", "sha256", sqlite_where=_PLAIN, postgresql_where=_PLAIN),
)

page = Table(
    "page",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", String, nullable=False),
    Column("kind", String, nullable=False),  # article, listing or seed
    Column("url", Text, nullable=False),
    Column("fetched", UTCTime, nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("blob", String(64), ForeignKey("blob.sha256"), nullable=False, index=True),
    Column("link", Integer, ForeignKey("link.id"), index=True),
    Column("article", Integer, ForeignKey("article.id"), index=True),
    Column("problem", Text),  # why it could not be read; None when it was
    Column("field", String),  # what its reader missed, when that is known
    Index(None, "source", "kind", "fetched"),
    Index(None, "source", "url"),
)

article = Table(
    "article",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", String, nullable=False),
    Column("site_id", Text),
    Column("url", Text),
    Column("address", Text),  # canonical URL
    Column("content_key", String(64), nullable=False),
    Column("folded_key", String(64), nullable=False),
    Column("kicker", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("lead", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("published", UTCTime, index=True),
    Column("published_text", Text),
    Column("has_time", Boolean, nullable=False),
    Column("section", Text),
    Column("province", Text),
    Column("tags", JSON, nullable=False),
    Column("codes", JSON, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("fetched", UTCTime),
    Column("modified", UTCTime),
    Column("withdrawn_at", UTCTime),  # when its site was found to answer 410 for it
    Column("rights", Text),
    Column("revision", Integer, nullable=False),
    Column("story", Integer, ForeignKey("story.id"), nullable=False, index=True),
    Column("saved_at", UTCTime, nullable=False),
    Column("via", String, nullable=False),
    Index("uq_article_site_id", "source", "site_id", unique=True),
    Index("uq_article_address", "source", "address", unique=True),
    Index(None, "content_key"),
    Index(None, "source", "saved_at"),
    Index("ix_article_watched", "source", "saved_at", "published", sqlite_where=WATCHED, postgresql_where=WATCHED),
)
"""NULLs are distinct in a unique index on both databases, so an article without an id or an address never collides there."""

revision = Table(
    "revision",
    metadata,
    Column("article", Integer, ForeignKey("article.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", UTCTime, nullable=False),
    Column("page", Integer, ForeignKey("page.id"), index=True),
    Column("kicker", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("lead", Text, nullable=False),
    Column("text", Text, nullable=False),
)

indexed = Table(
    "indexed",
    metadata,
    Column("article", Integer, ForeignKey("article.id"), primary_key=True),
    Column("place", BigInteger, nullable=False),  # its date and its number in one
    Column("revision", Integer, nullable=False),
    Column("facts", Text, nullable=False),  # the keys of its source and its province
)

story = Table(
    "story",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("created_at", UTCTime, nullable=False),
    Column("last_at", UTCTime, nullable=False),  # when its last carrier was published, else saved
    Column("merged_into", Integer, ForeignKey("story.id")),  # the older one that it turned out to be
    Index("ix_story_merged_into", "merged_into", sqlite_where=_MERGED, postgresql_where=_MERGED),
)

# Rows of millions, small: storage/stories.py alone writes them, and nothing that they refer to is ever deleted.
sentence = Table(
    "sentence",
    metadata,
    Column("key", BigInteger, primary_key=True, autoincrement=False),  # of a sentence's end: didban.copies
    Column("article", Integer, primary_key=True),
    sqlite_with_rowid=False,
)

frequency = Table(
    "frequency",
    metadata,
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("source", String, primary_key=True),
    Column("stories", Integer, nullable=False),  # of the source's, in which the key stands
    sqlite_with_rowid=False,
)

holding = Table(
    "holding",
    metadata,
    Column("source", String, primary_key=True),
    Column("articles", Integer, nullable=False),
)

match = Table(
    "match",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("article", Integer, ForeignKey("article.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("rule", String, nullable=False),
    Column("term", Text, nullable=False),
    Column("field", String, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("sentence_start", Integer, nullable=False),
    Column("sentence_end", Integer, nullable=False),
    Index(None, "article", "revision"),
)

alert = Table(
    "alert",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("story", Integer, ForeignKey("story.id"), nullable=False),
    Column("rule", String, nullable=False),
    Column("title", Text, nullable=False),
    Column("priority", String, nullable=False),
    Column("live", Boolean, nullable=False),
    Column("raised_at", UTCTime, nullable=False, index=True),
    Column("article", Integer, ForeignKey("article.id"), nullable=False, index=True),
    Column("revision", Integer, nullable=False),
    Column("acked_at", UTCTime),  # who has seen it, and when
    Column("acked_by", String),
    Column("source", String),  # the article's, and its province: what alerts are looked for by, where there is no text
    Column("province", Text),
    UniqueConstraint("story", "rule"),
    Index(None, "rule", "id"),
    Index(None, "source", "id"),
    Index(None, "province", "id"),
    Index("ix_alert_acked_at", "acked_at", sqlite_where=_ACKED, postgresql_where=_ACKED),
)

notification = Table(
    "notification",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("alert", Integer, ForeignKey("alert.id")),  # either this, or a notice
    Column("notice", Integer, ForeignKey("notice.id")),
    Column("channel", String, nullable=False),
    Column("due_at", UTCTime, nullable=False),
    Column("state", String, nullable=False),  # waiting → closed, cancelled or muted
    Column("message", Integer, ForeignKey("message.id"), index=True),
    Column("digest", String),  # those of one name are told together; None: story by story
    Column("step", Integer, nullable=False, server_default="0"),  # of an escalation; 0: told at once
    UniqueConstraint("alert", "channel"),
    UniqueConstraint("notice", "channel"),
    Index(None, "state", "due_at"),
)

message = Table(
    "message",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("channel", String, nullable=False),
    Column("story", Integer, ForeignKey("story.id")),  # None: a notice's, or a digest's
    Column("digest", String),
    Column("parts", JSON, nullable=False),
    Column("next_part", Integer, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("state", String, nullable=False),  # open → sent or dead
    Column("error", Text, nullable=False, server_default=""),
    Column("closed_at", UTCTime, nullable=False),
    Column("sent_at", UTCTime),
    Column("via", String, nullable=False, server_default=""),  # which one of several channels took it
    Column("taken", JSON, nullable=False, server_default="[]"),  # steps of the next part that are done
    Column("away_since", UTCTime),  # since when there was no way to its receiver
    Column("unsure", Boolean, nullable=False, server_default=false()),  # its receiver may know of it
    Column("tried_at", UTCTime),  # the last time
    Column("due_at", UTCTime, nullable=False),
    Column("leased_by", String),
    Column("leased_until", UTCTime),
    Index(None, "state", "due_at"),
    Index(None, "story", "channel"),
)

label = Table(
    "label",
    metadata,
    Column("alert", Integer, ForeignKey("alert.id"), primary_key=True),
    Column("relevant", Boolean, nullable=False),
    Column("sentences", JSON, nullable=False),  # of the evidence, as it stood when somebody said so
    Column("said_at", UTCTime, nullable=False),
    Column("said_by", String, nullable=False),
)

mute = Table(
    "mute",
    metadata,
    Column("rule", String, primary_key=True),
    Column("until", UTCTime),  # None: until it is taken back
    Column("muted_at", UTCTime, nullable=False),
    Column("muted_by", String, nullable=False),
)

host = Table(
    "host",
    metadata,
    Column("name", String, primary_key=True),
    Column("next_at", UTCTime, nullable=False),
    Column("wanted_until", UTCTime),  # a watch waits for its turn until then, and a backfill lets it go first
)

chore = Table(
    "chore",
    metadata,
    Column("name", String, primary_key=True),
    Column("done_at", UTCTime),
    Column("leased_by", String),
    Column("leased_until", UTCTime),
)

robots = Table(
    "robots",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("read_at", UTCTime, nullable=False),
)

notice = Table(
    "notice",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UTCTime, nullable=False),
    Column("source", String, index=True),  # None: the network's
    Column("state", String, nullable=False),
    Column("before", String, nullable=False),
    Column("since", UTCTime, nullable=False),
    Column("detail", Text, nullable=False),
    Column("fields", JSON, nullable=False),
    Column("pages", JSON, nullable=False),
)

ruleset = Table(
    "ruleset",
    metadata,
    Column("path", Text, primary_key=True),  # absolute: of the rules file, which stands for the folder beside it, too
    Column("hash", String(64), nullable=False),
    Column("files", JSON, nullable=False),  # [path, text] of each
    Column("since", UTCTime, nullable=False),
    Column("broken", String(64), nullable=False, server_default=""),  # the hash of what cannot be read
    Column("problem", Text, nullable=False, server_default=""),
    Column("broken_since", UTCTime),
)
