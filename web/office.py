"""What every view works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jinja2 import Environment

from alerts.rules import RuleSet
from didban.settings import Settings
from storage.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """`sources` gives a source's Persian name by its key; `rules` reads those in force anew."""

    settings: Settings
    store: Store
    templates: Environment
    sources: Mapping[str, str]
    rules: Callable[[], RuleSet]
