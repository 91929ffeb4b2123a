"""Messages know their way: which channel took them, which steps of a part are done, since when no way led to their receiver."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("message", sa.Column("via", sa.String(), server_default="", nullable=False))
    op.add_column("message", sa.Column("taken", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("message", sa.Column("away_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("message", sa.Column("unsure", sa.Boolean(), server_default=sa.false(), nullable=False))
    # Of a try before this nobody knows what became of it.
    op.execute("UPDATE message SET unsure = true WHERE attempts > 0")
