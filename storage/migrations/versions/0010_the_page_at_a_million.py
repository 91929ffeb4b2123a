"""What the officer's page looks for among many alerts: by rule, source, province and article, and by whether somebody has seen
them; what the watch brought, day by day; links that are not stored."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alert", sa.Column("source", sa.String(), nullable=True))
    op.add_column("alert", sa.Column("province", sa.Text(), nullable=True))
    op.execute(
        "UPDATE alert SET source = (SELECT source FROM article WHERE article.id = alert.article),"
        " province = (SELECT province FROM article WHERE article.id = alert.article)"
    )
    op.create_index("ix_alert_source_id", "alert", ["source", "id"])
    op.create_index("ix_alert_province_id", "alert", ["province", "id"])
    op.create_index("ix_alert_article", "alert", ["article"])
    op.create_index("ix_alert_rule_id", "alert", ["rule", "id"])
    acked = sa.text("acked_at IS NOT NULL")
    op.create_index("ix_alert_acked_at", "alert", ["acked_at"], sqlite_where=acked, postgresql_where=acked)
    ended = sa.text("state <> 'stored'")
    watched = sa.text("via = 'watch'")
    columns = ["source", "saved_at", "published"]
    op.create_index("ix_article_watched", "article", columns, sqlite_where=watched, postgresql_where=watched)
    op.create_index("ix_link_state", "link", ["source", "state"], sqlite_where=ended, postgresql_where=ended)
