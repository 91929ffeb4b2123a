"""When people hear: acknowledgements, escalations, muted rules, and when a message was last tried."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mute",
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("muted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("muted_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("rule", name="pk_mute"),
    )
    op.add_column("alert", sa.Column("acked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("alert", sa.Column("acked_by", sa.String(), nullable=True))
    op.add_column("notification", sa.Column("step", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("message", sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True))
