"""Stories by near copies: the keys of sentences, of the articles that are stored, and what a story was merged into."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.stories import rebuild

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # as text: Alembic cannot add a reference to a table of SQLite without copying the table
    op.execute(
        "ALTER TABLE story ADD COLUMN merged_into INTEGER CONSTRAINT fk_story_merged_into_story REFERENCES story (id)"
    )
    merged = sa.text("merged_into IS NOT NULL")
    op.create_index("ix_story_merged_into", "story", ["merged_into"], sqlite_where=merged, postgresql_where=merged)
    op.create_table(
        "sentence",
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("article", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", "article", name="pk_sentence"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "frequency",
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("stories", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", "source", name="pk_frequency"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "holding",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("articles", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_holding"),
    )
    rebuild(op.get_bind())
