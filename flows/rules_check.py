"""`didban rules check`: what is doubtful in rules that can be read, by themselves and by the articles that are stored."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from alerts.review import Remark, archive, review
from alerts.rules import RuleSet, load
from didban.article import Article
from didban.errors import RulesError, StoreError
from didban.settings import Settings
from flows.workshop import sources_of
from storage.database import Database
from storage.store import Store

SAMPLE = 1000
"""Articles that are asked how often a term stands in them: a third of a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Rules without a mistake; what is doubtful in them, by file and line; and how many articles of the store were asked.

    `unasked` says why none were, where there is a store.
    """

    rules: RuleSet
    remarks: tuple[Remark, ...]
    asked: int = 0
    unasked: str = ""

    @property
    def lines(self) -> list[str]:
        return [*map(str, self.remarks), *([f"the archive was not asked: {self.unasked}"] if self.unasked else [])]


def check(settings: Settings, path: Path | None) -> Checked:
    """Of a file with the folder beside it, or of the rules that the settings name. Raises RulesError for a mistake."""
    rules = load(settings.rules, settings.rules_folder) if path is None else load(path)
    articles, unasked = _sample(settings)
    remarks = review(rules, sources=sources_of(settings).sources, channels=settings.channels) + archive(rules, articles)
    files = {file.path: at for at, file in enumerate(rules.files)}
    ordered = sorted(remarks, key=lambda remark: (files[remark.path], remark.line or 0))
    return Checked(rules=rules, remarks=tuple(ordered), asked=len(articles), unasked=unasked)


def _sample(settings: Settings) -> tuple[list[Article], str]:
    """Articles of the store, when there is one; a file is never made, nor a schema changed, to check rules."""
    try:
        database = Database(settings.store_url, create=False)
    except StoreError:
        return [], ""
    with closing(database):
        try:
            return (Store(database).evidence.sample(SAMPLE), "") if database.revision() else ([], "")
        except StoreError as error:
            return [], str(error)


def summary(checked: Checked) -> str:
    """The result in one line."""
    doubts = f", {len(checked.remarks)} doubtful" if checked.remarks else ""
    asked = f" ({checked.asked} articles of the archive were asked)" if checked.asked else ""
    return f"{checked.rules.path}: {len(checked.rules)} rules, no mistakes{doubts}{asked}"


def as_json(checked: Checked) -> dict[str, Any]:
    """`didban rules check --json`."""
    return {
        "file": checked.rules.path,
        "files": [file.path for file in checked.rules.files],
        "hash": checked.rules.hash,
        "rules": len(checked.rules),
        "articles": checked.asked,
        "mistake": None,
        "doubts": [asdict(remark) for remark in checked.remarks],
    }


def mistake_json(error: RulesError) -> dict[str, Any]:
    """The same of rules that cannot be read."""
    mistake = {"path": error.path, "line": error.line, "problem": error.problem, "suggestion": error.suggestion}
    return {"file": error.path, "files": [], "hash": None, "rules": 0, "articles": 0, "mistake": mistake, "doubts": []}
