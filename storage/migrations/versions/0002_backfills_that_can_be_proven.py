"""Backfills that can be proven: what a unit listed, turns that let the watch go first, digests, withdrawn articles."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unit_link",
        sa.Column("unit", sa.Integer(), sa.ForeignKey("unit.id", name="fk_unit_link_unit_unit"), nullable=False),
        sa.Column("link", sa.Integer(), sa.ForeignKey("link.id", name="fk_unit_link_link_link"), nullable=False),
        sa.PrimaryKeyConstraint("unit", "link", name="pk_unit_link"),
    )
    op.create_index("ix_unit_link_link", "unit_link", ["link"])
    op.add_column("unit", sa.Column("start_url", sa.Text(), nullable=True))
    op.add_column("unit", sa.Column("page_url", sa.Text(), nullable=True))
    op.drop_column("unit", "listed")
    op.create_index("ix_unit_source_state", "unit", ["source", "state"])
    op.create_index("ix_link_source_published", "link", ["source", "published"])
    leased = sa.text("leased_by IS NOT NULL")
    op.create_index("ix_link_leased", "link", ["source", "via"], sqlite_where=leased, postgresql_where=leased)
    op.add_column("host", sa.Column("wanted_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("article", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("notification", sa.Column("digest", sa.String(), nullable=True))
    op.add_column("message", sa.Column("digest", sa.String(), nullable=True))
