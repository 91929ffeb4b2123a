"""Search: the index of all words, and the articles that are stored in it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.indexing import create, rebuild

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "indexed",
        sa.Column("article", sa.Integer(), sa.ForeignKey("article.id", name="fk_indexed_article"), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("article", name="pk_indexed"),
    )
    create(op.get_bind())
    rebuild(op.get_bind())
