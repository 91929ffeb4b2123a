"""Is the archive complete? A calendar of each source that a backfill has begun, counted beside the requests."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from didban.coverage import Coverage
from didban.settings import Settings
from flows.coverage import calendar_svg, report
from web.office import is_home, office_of
from web.pages import shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """What is known of one source, and the same as a picture."""

    coverage: Coverage
    svg: str


def calendars(settings: Settings) -> tuple[Calendar, ...]:
    """One for each source, the home province's portal first: seconds among a million articles. Raises StoreError."""
    found = [Calendar(coverage=one, svg=calendar_svg([one])) for one in report(settings)]
    return tuple(sorted(found, key=lambda one: not is_home(settings, one.coverage.source)))


def archive(request: Request) -> HTMLResponse:
    """What the backfills have of each day."""
    answer = office_of(request).calendars.get()
    return shown(
        request, "archive.html", answer=answer, reports=[one.coverage for one in answer.found] if answer else []
    )


def calendar(request: Request) -> Response:
    """One source's calendar, as a picture."""
    answer = office_of(request).calendars.get()
    key = request.path_params["key"]
    svg = next((one.svg for one in answer.found if one.coverage.source == key), None) if answer else None
    if svg is None:
        raise HTTPException(404)
    return Response(svg, media_type="image/svg+xml")
