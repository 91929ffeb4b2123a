"""The last good rules of each rules file, so that a run that meets a broken one still watches, and by what.

kept ──▶ broken: told, once for each broken content ──▶ kept: told, when the trouble was
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from didban.alert import RULES, Notice
from storage import notices
from storage.database import Database
from storage.sql import insert
from storage.tables import ruleset


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The last good content of a rules file and of the folder beside it: paths and texts, since when it is in force.

    `broken` is the hash of what the file holds now, when that cannot be read, and `problem` why; empty when all is well.
    """

    path: str
    hash: str
    files: tuple[tuple[str, str], ...]
    since: datetime
    broken: str = ""
    problem: str = ""
    broken_since: datetime | None = None


class RuleSets:
    """The rules that runs work by."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, path: str) -> Kept | None:
        """What is kept of this file, by its absolute path."""
        query = select(ruleset).where(ruleset.c.path == path)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return Kept(
            path=row.path,
            hash=row.hash,
            files=tuple((name, text) for name, text in row.files),
            since=row.since,
            broken=row.broken,
            problem=row.problem,
            broken_since=row.broken_since,
        )

    def keep(
        self, path: str, *, hash_: str, files: Sequence[tuple[str, str]], now: datetime, operator: Sequence[str]
    ) -> None:
        """These rules are good and in force from now on. The operator is told when they were told of a broken file."""
        kept = self.get(path)
        if kept is not None and kept.hash == hash_ and not kept.broken:
            return
        values = {
            "hash": hash_,
            "files": [list(file) for file in files],
            "broken": "",
            "problem": "",
            "broken_since": None,
        }
        if kept is None or kept.hash != hash_:
            values["since"] = now
        with self._database.write(alone=True) as connection:
            row = insert(connection, ruleset).values(path=path, **{"since": now, **values})
            connection.execute(row.on_conflict_do_update(index_elements=["path"], set_=values))
            if kept is not None and kept.broken:
                well = Notice(source=RULES, state="healthy", before="broken", since=now)
                notices.tell(connection, well, operator, now)

    def mark_broken(self, path: str, *, hash_: str, problem: str, now: datetime, operator: Sequence[str]) -> None:
        """What the file holds now cannot be used: the operator is told, once of each such content.

        Where no good rules are kept nothing is told, for nothing watches by them.
        """
        with self._database.write(alone=True) as connection:
            of_this = ruleset.c.path == path
            row = connection.execute(select(ruleset.c.broken).where(of_this)).one_or_none()
            if row is not None and row.broken != hash_:
                values = {"broken": hash_, "problem": problem, "broken_since": now}
                connection.execute(ruleset.update().where(of_this).values(values))
                trouble = Notice(source=RULES, state="broken", before="healthy", since=now, detail=problem)
                notices.tell(connection, trouble, operator, now)
