"""The views: what each address shows. A view reads the store and fills a template; none changes anything."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, cast

from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from didban.dates import day_bounds, jalali_long, parse_day, tehran_day
from didban.difference import between
from didban.errors import DateError, InputError
from didban.query import read_query
from flows.cite import outlet
from flows.coverage import as_rows, calendar_svg, report
from flows.formats import STREAMS, cited
from flows.search import highlights
from flows.status import status as status_of
from flows.workshop import now, sources_of
from storage.articles import Selection
from storage.desk import Line, Wanted, Whole
from storage.labels import Label
from web import render
from web.office import Office
from web.security import token

A_PAGE = 30
MOST_TICKED = 200
FORMS = {"csl": "json", "bibtex": "bib", "ris": "ris"}
TYPES = {"jsonl": "application/jsonl; charset=utf-8", "csv": "text/csv; charset=utf-8"}
_TREND_DAYS = 14


def _office(request: Request) -> Office:
    return request.app.state.office


def shown(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401
    """A template filled with what every page needs, and with `values`."""
    office = _office(request)
    page = office.templates.get_template(template).render(
        path=request.url.path,
        here=f"{request.url.path}?{request.url.query}",
        token=token(request),
        source_names=office.sources,
        has_password=bool(office.settings.web.password.get_secret_value()),
        render=render,
        **values,
    )
    return HTMLResponse(page, status)


def said(request: Request, words: str, *, status: int) -> HTMLResponse:
    """A page that says one thing: what went wrong."""
    return shown(request, "said.html", status=status, words=words)


def login(request: Request, problem: str = "", *, status: int = 200) -> HTMLResponse:
    return shown(request, "login.html", status=status, problem=problem, next=request.query_params.get("next", "/"))


def today(request: Request) -> HTMLResponse:
    """What came since midnight in Tehran, the home province first; of a day without alerts, the newest there are."""
    office, day = _office(request), tehran_day(now())
    since = day_bounds(day)[0]
    lines = office.store.desk.stories(Wanted(since=since, live=True), limit=100)
    home = office.settings.home
    lines.sort(key=lambda line: (not home or line.article.province != home, _urgency(line), -line.place))
    older = [] if lines else office.store.desk.stories(Wanted(live=True), limit=10)
    daily = office.store.desk.daily(since=day_bounds(day - timedelta(days=_TREND_DAYS - 1))[0])
    return shown(
        request,
        "today.html",
        day=jalali_long(since, with_time=False),
        lines=lines,
        older=older,
        labels=_labels(office, lines + older),
        trends=_trends(daily, day, _titles(office)),
    )


def alerts(request: Request) -> HTMLResponse:
    """All stories with alerts, by rule, source, province and days."""
    office, asked = _office(request), request.query_params
    given, wanted, problem = _asked(request)
    before = asked.get("before", "")
    lines = office.store.desk.stories(
        wanted, before=int(before) if before.isdecimal() and len(before) < 19 else None, limit=A_PAGE + 1
    )
    following = str(lines[A_PAGE - 1].place) if len(lines) > A_PAGE else ""
    return shown(
        request,
        "alerts.html",
        status=400 if problem else 200,
        lines=[] if problem else lines[:A_PAGE],
        given=given,
        problem=problem,
        following=following,
        labels=_labels(office, lines),
        titles=_titles(office),
        mutes=office.store.mutes.all(now=now()),
    )


def story(request: Request) -> HTMLResponse:
    """One story: why it matched, who carries it, what was changed in it."""
    office = _office(request)
    found = office.store.desk.story(request.path_params["key"])
    if found is None:
        raise HTTPException(404)
    carriers = []
    for number, article, matches in found.carriers:
        revisions, edits = office.store.articles.revisions(number), []
        for (_, _, before), (at, made, after) in pairwise(revisions):
            changed = [
                (render.TEXTS[name], between(before[name], after[name]))
                for name in after
                if before[name] != after[name]
            ]
            edits.append((at, made, changed))
        spans = {name: [(m.start, m.end) for m in matches if m.field == name] for name in render.TEXTS}
        carriers.append({"number": number, "article": article, "matches": matches, "spans": spans, "edits": edits})
    return shown(
        request, "story.html", carriers=carriers, told=found.told, key=found.key, labels=_labels(office, [found])
    )


def search(request: Request) -> HTMLResponse:
    """The archive by its words."""
    office, asked = _office(request), request.query_params
    given = {name: asked.get(name, "").strip() for name in ("q", "source", "province", "since", "until")}
    since, until, problem = _days(given)
    offset = int(asked["offset"]) if asked.get("offset", "").isdecimal() and len(asked["offset"]) < 6 else 0
    hits: list[dict[str, Any]] = []
    if given["q"] and not problem:
        try:
            query = read_query(given["q"])
        except InputError as error:
            problem = str(error)
        else:
            selection = Selection(
                source=given["source"] or None, province=given["province"] or None, since=since, until=until
            )
            found = office.store.search.find(query, selection, limit=A_PAGE + 1, offset=offset)
            hits = [{"found": one, "lit": highlights(query, one.article)} for one in found]
    return shown(
        request,
        "search.html",
        status=400 if problem else 200,
        given=given,
        problem=problem,
        hits=hits[:A_PAGE],
        offset=offset,
        following=offset + A_PAGE if len(hits) > A_PAGE else 0,
    )


def sources(request: Request) -> HTMLResponse:
    """How each source fares, those that need somebody first."""
    office = _office(request)
    whole = status_of(office.settings)
    return shown(
        request, "sources.html", whole=whole, lines=sorted(whole.lines, key=lambda line: (line.well, line.key))
    )


def archive(request: Request) -> HTMLResponse:
    """What the backfills have of each day, as calendars."""
    return shown(request, "archive.html", reports=[(one, as_rows(one)) for one in report(_office(request).settings)])


def calendar(request: Request) -> Response:
    """One source's calendar, as a picture."""
    found = [one for one in report(_office(request).settings) if one.source == request.path_params["key"]]
    if not found:
        raise HTTPException(404)
    return Response(calendar_svg(found), media_type="image/svg+xml")


def bulletin(request: Request) -> HTMLResponse:
    """The ticked stories for paper: the home province first, then as they were ticked."""
    office = _office(request)
    keys = list(dict.fromkeys(request.query_params.getlist("story")))[:MOST_TICKED]
    whole = [found for key in keys if (found := office.store.desk.story(key)) is not None]
    home = office.settings.home
    whole.sort(key=lambda one: not home or all(article.province != home for _, article, _ in one.carriers))
    return shown(request, "bulletin.html", stories=whole, day=jalali_long(now(), with_time=False))


def cite(request: Request) -> Response:
    """One article as a citation."""
    office, form = _office(request), request.path_params["form"]
    number = request.path_params["number"]
    article = office.store.articles.get(number) if number < 1 << 63 else None
    if article is None or form not in FORMS:
        raise HTTPException(404)
    sites = sources_of(office.settings).sources
    said = "".join(cited([(number, article)], lambda key: outlet(sites, key), form=form))
    return _attached(Response(said, media_type="text/plain; charset=utf-8"), f"didban-{number}.{FORMS[form]}")


def export(request: Request) -> Response:
    """The articles that a list of alerts is made of, as a file: JSON lines or CSV."""
    office, shape = _office(request), request.path_params["shape"]
    if shape not in TYPES:
        raise HTTPException(404)
    _, wanted, problem = _asked(request)
    if problem:
        return said(request, problem, status=400)
    sites = sources_of(office.settings).sources
    made = tempfile.NamedTemporaryFile(prefix="didban-", suffix=f".{shape}", delete=False)  # noqa: SIM115 - sent, then deleted
    with made:
        STREAMS[shape](cast("BinaryIO", made), office.store.desk.articles(wanted), lambda key: outlet(sites, key))
    gone = BackgroundTask(Path(made.name).unlink, missing_ok=True)
    return _attached(FileResponse(made.name, background=gone, media_type=TYPES[shape]), f"didban.{shape}")


def _attached(answer: Response, name: str) -> Response:
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _asked(request: Request) -> tuple[dict[str, str], Wanted, str]:
    """What a list of alerts is asked for: as typed, as the store understands it, and what is wrong with it."""
    names = ("rule", "source", "province", "since", "until", "kind", "seen")
    given = {name: request.query_params.get(name, "").strip() for name in names}
    since, until, problem = _days(given)
    wanted = Wanted(
        rule=given["rule"] or None,
        source=given["source"] or None,
        province=given["province"] or None,
        since=since,
        until=until,
        live={"live": True, "archived": False}.get(given["kind"]),
        seen={"yes": True, "no": False}.get(given["seen"]),
    )
    return given, wanted, problem


def _titles(office: Office) -> dict[str, str]:
    return {rule.id: rule.title for rule in office.rules()}


def _labels(office: Office, shown: Iterable[Line | Whole]) -> dict[int, Label]:
    """What was said of the alerts of these stories."""
    return office.store.labels.of([told.id for one in shown for told in one.told])


def _urgency(line: Line) -> int:
    return min(("urgent", "normal", "digest").index(one.alert.priority) for one in line.told)


def _days(given: Mapping[str, str]) -> tuple[datetime | None, datetime | None, str]:
    """The instants of `since` and `until` as typed, and what is wrong with them."""
    try:
        since, until = (parse_day(given[name]) if given[name] else None for name in ("since", "until"))
    except DateError:
        return None, None, "تاریخ را این\u200cگونه بنویسید: ۱۴۰۵/۰۸/۰۱"
    if since and until and since > until:
        return None, None, "روز آغاز پس از روز پایان است."
    return (day_bounds(since)[0] if since else None), (day_bounds(until)[1] if until else None), ""


def _trends(daily: Mapping[str, Counter[date]], day: date, titles: Mapping[str, str]) -> list[dict[str, Any]]:
    """A row for each rule that told something these days: today's number and a bar for each day, oldest first."""
    days = [day - timedelta(days=back) for back in reversed(range(_TREND_DAYS))]
    most = max((count for counts in daily.values() for count in counts.values()), default=1)
    rows = [
        {
            "rule": rule,
            "title": titles.get(rule, rule),
            "today": counts[day],
            "sum": counts.total(),
            "bars": [round(22 * counts[one] / most) for one in days],
        }
        for rule, counts in daily.items()
    ]
    return sorted(rows, key=lambda row: (-row["today"], -row["sum"], row["title"]))
