"""Pages packed by dictionaries: one for each source; which of them a body needs; who does a chore now."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dictionary",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dictionary"),
    )
    op.create_index("ix_dictionary_source", "dictionary", ["source"])
    # as SQL: both databases add it without touching a row, and Alembic would have SQLite copy the table for the reference
    named = "CONSTRAINT fk_blob_dictionary_dictionary REFERENCES dictionary (id)"
    op.execute(f"ALTER TABLE blob ADD COLUMN dictionary INTEGER {named}")
    plain = sa.text("dictionary IS NULL")
    op.create_index("ix_blob_plain", "blob", ["sha256"], sqlite_where=plain, postgresql_where=plain)
    op.create_index("ix_page_blob", "page", ["blob"])
    op.create_index("ix_revision_page", "revision", ["page"])
    op.create_table(
        "chore",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_by", sa.String(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_chore"),
    )
