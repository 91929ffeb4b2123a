"""What officers say of alerts: relevant, or not. One label an alert, the last one said; a rule's precision is counted from them.

A "no" is a must-not example of its rule: the sentences that were its evidence are kept as they stood, and the article is there to
be matched again by whatever the rule says later. Where two stories turn out to be one, what was said last is said of both.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, case, delete, func, select

from didban.article import Article
from didban.errors import InputError
from storage import tables
from storage.articles import article_of
from storage.database import Database
from storage.outbox import told_of
from storage.sql import insert

MOST, LONGEST = 5, 2000
"""Sentences of one label, and letters of one of them: an article without a full stop is one sentence."""
_label, _alert = tables.label, tables.alert


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What was said of one alert, by whom and when, and the sentences that were its evidence."""

    alert: int
    relevant: bool
    sentences: tuple[str, ...]
    at: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Of so many `labelled` alerts of a rule so many were `relevant`."""

    labelled: int = 0
    relevant: int = 0


class Labels:
    """Alerts that were relevant, or not."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def say(self, alert: int, *, relevant: bool | None, by: str, now: datetime) -> str:
        """An alert was relevant, was not, or (None) nothing is said of it any more. Returns its story's key.

        Of a story that was merged since, it is said of the survivor's. Raises InputError for a number that no alert has.
        """
        story, asked = tables.story, _alert.alias("asked")
        survivor = func.coalesce(story.c.merged_into, story.c.id)
        kept = (
            select(_alert.c.id)
            .join(asked, asked.c.rule == _alert.c.rule)
            .join(story, story.c.id == asked.c.story)
            .where(asked.c.id == alert, _alert.c.story == survivor)
        )
        with self._database.write(alone=True) as connection:  # no story is merged meanwhile
            number = connection.scalar(kept)
            if number is None:
                raise InputError(f"there is no alert {alert}; `didban alerts` shows their numbers")
            ((_, told),) = told_of(connection, _alert.c.id == number)
            if relevant is None:
                connection.execute(delete(_label).where(_label.c.alert == number))
            else:
                article = told.alert.article
                places = ((m.field, m.sentence_start, m.sentence_end) for m in told.alert.matches)
                said = [getattr(article, name)[start:end][:LONGEST] for name, start, end in places]
                values = {
                    "relevant": relevant,
                    "sentences": list(dict.fromkeys(said))[:MOST],
                    "said_at": now,
                    "said_by": by,
                }
                again = insert(connection, _label).on_conflict_do_update(index_elements=["alert"], set_=values)
                connection.execute(again, {"alert": number, **values})
            return told.alert.story

    def of(self, alerts: Collection[int]) -> dict[int, Label]:
        """What was said of these alerts, by number."""
        with self._database.read() as connection:
            rows = connection.execute(select(_label).where(_label.c.alert.in_(alerts)))
            return {row.alert: _label_of(row) for row in rows}

    def of_rule(self, rule: str, *, limit: int = 500) -> list[tuple[Label, Article]]:
        """What was said of a rule's alerts, the newest first, each with the article that raised it, as it stands now."""
        article, story = tables.article, tables.story
        query = (
            select(_label, article, story.c.key.label("story_key"))
            .join_from(_label, _alert)
            .join(article, article.c.id == _alert.c.article)
            .join(story, story.c.id == article.c.story)
            .where(_alert.c.rule == rule)
            .order_by(_label.c.said_at.desc(), _label.c.alert.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            return [(_label_of(row), article_of(row)) for row in connection.execute(query)]

    def counts(self) -> dict[str, Count]:
        """How many of each rule's alerts were labelled, and how many of those were relevant."""
        relevant = func.sum(case((_label.c.relevant, 1), else_=0))
        query = select(_alert.c.rule, func.count(), relevant).join_from(_label, _alert).group_by(_alert.c.rule)
        with self._database.read() as connection:
            return {rule: Count(labelled=all_, relevant=some) for rule, all_, some in connection.execute(query)}


def _label_of(row: Row[Any]) -> Label:
    return Label(alert=row.alert, relevant=row.relevant, sentences=tuple(row.sentences), at=row.said_at, by=row.said_by)
