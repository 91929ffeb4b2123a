"""What every view works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import Environment
from starlette.requests import Request

from alerts.rules import RuleSet
from didban.provinces import of_portal
from didban.settings import Settings
from flows.trends import Trends
from storage.store import Store
from web.beside import Beside

if TYPE_CHECKING:
    from web.archive import Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """`sources` and `provinces` give Persian names by keys and slugs, those of the home province first; `rules` reads those in
    force anew; `secret` opens what can ask for no password."""

    settings: Settings
    store: Store
    templates: Environment
    sources: Mapping[str, str]
    provinces: Mapping[str, str]
    rules: Callable[[], RuleSet]
    secret: str
    calendars: Beside[tuple[Calendar, ...]]
    rising: Beside[Trends]

    def is_home(self, source: str) -> bool:
        """Whether a source is the portal of the home province."""
        return is_home(self.settings, source)


def is_home(settings: Settings, source: str) -> bool:
    province = of_portal(source)
    return province is not None and province.slug == settings.home


def office_of(request: Request) -> Office:
    """The one that the application opened."""
    return request.app.state.office
