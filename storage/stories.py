"""Stories: the articles, of any source, that carry one text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import Connection, bindparam, func, select

from didban.alert import Carrier
from storage import tables

_CARRIERS = (
    select(*(tables.article.c[name] for name in ("id", "source", "site_id", "url", "published", "story")))
    .where(tables.article.c.story.in_(bindparam("stories", expanding=True)))
    .order_by(func.coalesce(tables.article.c.published, tables.article.c.saved_at), tables.article.c.id)
)


def carriers(connection: Connection, stories: Collection[int]) -> dict[int, tuple[Carrier, ...]]:
    """The carriers of each of these stories: as they were published, an undated one where it was first saved."""
    carried: dict[int, list[Carrier]] = defaultdict(list)
    for row in connection.execute(_CARRIERS, {"stories": list(stories)}):
        one = Carrier(source=row.source, id=row.site_id, url=row.url, published=row.published, article=row.id)
        carried[row.story].append(one)
    return {story: tuple(those) for story, those in carried.items()}
