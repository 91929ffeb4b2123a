"""The views: what each address shows. A view reads the store and fills a template; none changes anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from didban.dates import day_bounds, jalali_long, parse_day, tehran_day
from didban.difference import between
from didban.errors import DateError, QueryError
from didban.query import read_query
from flows.cite import outlet
from flows.formats import STREAMS, cited
from flows.search import highlights
from flows.status import judged
from flows.workshop import now, sources_of
from storage.articles import Selection
from storage.desk import Line, Wanted, Whole
from storage.labels import Label
from web import render
from web.feeds import address as feed_address
from web.office import Office, office_of
from web.security import token
from web.stream import streamed

A_PAGE = 30
MOST_TODAY = 100
MOST_TICKED = 200
FORMS = {"csl": "json", "bibtex": "bib", "ris": "ris"}
TYPES = {"jsonl": "application/jsonl; charset=utf-8", "csv": "text/csv; charset=utf-8"}
_TREND_DAYS = 14


def shown(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401
    """A template filled with what every page needs, and with `values`."""
    office = office_of(request)
    page = office.templates.get_template(template).render(
        path=request.url.path,
        here=f"{request.url.path}?{request.url.query}",
        token=token(request),
        source_names=office.sources,
        provinces=office.provinces,
        feed=partial(feed_address, office),
        has_password=bool(office.settings.web.password.get_secret_value()),
        render=render,
        **values,
    )
    return HTMLResponse(page, status)


def said(request: Request, words: str, *, status: int) -> HTMLResponse:
    """A page that says one thing: what went wrong."""
    return shown(request, "said.html", status=status, words=words)


def login(request: Request, problem: str = "", *, wanted: str = "", status: int = 200) -> HTMLResponse:
    """`wanted` is where the log-in leads; else what the address says."""
    wanted = wanted or request.query_params.get("next", "/")
    return shown(request, "login.html", status=status, problem=problem, next=wanted)


def today(request: Request) -> HTMLResponse:
    """What came since midnight in Tehran, the home province first; of a day without alerts, the newest there are."""
    office, day = office_of(request), tehran_day(now())
    since = day_bounds(day)[0]
    lines = _home_first(office, Wanted(since=since, live=True), limit=MOST_TODAY + 1)
    more, lines = len(lines) > MOST_TODAY, lines[:MOST_TODAY]
    older = [] if lines else _home_first(office, Wanted(live=True), limit=10)
    daily = office.store.desk.daily(since=day_bounds(day - timedelta(days=_TREND_DAYS - 1))[0])
    return shown(
        request,
        "today.html",
        day=jalali_long(since, with_time=False),
        since=render.typed_day(since),
        more=more,
        lines=lines,
        older=older,
        labels=_labels(office, lines + older),
        trends=_trends(daily, day, _titles(office)),
    )


def _home_first(office: Office, wanted: Wanted, *, limit: int) -> list[Line]:
    """The newest stories, those of the home province before all others, however many these are; then by urgency."""
    home = office.settings.home
    own = office.store.desk.stories(replace(wanted, province=home), limit=limit) if home else []
    known = {line.story for line in own}
    others = [line for line in office.store.desk.stories(wanted, limit=limit) if line.story not in known]
    newest = [*own, *others[: limit - len(own)]]
    return sorted(newest, key=lambda line: (line.story not in known, _urgency(line), -line.place))


def alerts(request: Request) -> HTMLResponse:
    """All stories with alerts, by rule, source, province and days."""
    office, asked = office_of(request), request.query_params
    given, wanted, problem = _asked(request)
    before = asked.get("before", "")
    lines = office.store.desk.stories(
        wanted, before=int(before) if before.isdecimal() and len(before) < 10 else None, limit=A_PAGE + 1
    )
    following, titles = str(lines[A_PAGE - 1].place) if len(lines) > A_PAGE else "", _titles(office)
    found = {told.alert.rule: told.alert.title for line in lines for told in line.told}
    deleted = {rule: title for rule, title in found.items() if rule == given["rule"] and rule not in titles}
    return shown(
        request,
        "alerts.html",
        status=400 if problem else 200,
        lines=[] if problem else lines[:A_PAGE],
        given=given,
        problem=problem,
        following=following,
        labels=_labels(office, lines),
        titles=titles,
        topics=titles | deleted,  # one that is no more still has its alerts
        mutes=office.store.mutes.all(now=now()),
    )


def story(request: Request) -> HTMLResponse:
    """One story: why it matched, who carries it, what was changed in it."""
    office = office_of(request)
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
    office, asked = office_of(request), request.query_params
    given = {name: asked.get(name, "").strip() for name in ("q", "source", "province", "since", "until")}
    since, until, problem = _days(given)
    offset = int(asked["offset"]) if asked.get("offset", "").isdecimal() and len(asked["offset"]) < 6 else 0
    hits: list[dict[str, Any]] = []
    if given["q"] and not problem:
        try:
            query = read_query(given["q"])
        except QueryError as error:
            problem = render.QUERY_MISTAKES[error.mistake]
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
    office = office_of(request)
    whole = judged(office.settings, office.store, at_a_glance=True)
    lines = sorted(whole.lines, key=lambda line: (line.well, not office.is_home(line.key), line.key))
    return shown(request, "sources.html", whole=whole, lines=lines)


def bulletin(request: Request) -> HTMLResponse:
    """The ticked stories for paper: the home province first, then as they were ticked."""
    office = office_of(request)
    keys = list(dict.fromkeys(request.query_params.getlist("story")))[:MOST_TICKED]
    whole = office.store.desk.wholes(keys)
    home = office.settings.home
    whole.sort(key=lambda one: not home or all(article.province != home for _, article, _ in one.carriers))
    return shown(request, "bulletin.html", stories=whole, day=jalali_long(now(), with_time=False))


def cite(request: Request) -> Response:
    """One article as a citation."""
    office, form = office_of(request), request.path_params["form"]
    number = request.path_params["number"]
    article = office.store.articles.get(number) if number < 1 << 31 else None
    if article is None or form not in FORMS:
        raise HTTPException(404)
    sites = sources_of(office.settings).sources
    said = "".join(cited([(number, article)], lambda key: outlet(sites, key), form=form))
    return _attached(Response(said, media_type="text/plain; charset=utf-8"), f"didban-{number}.{FORMS[form]}")


def export(request: Request) -> Response:
    """The articles that a list of alerts is made of, as a file: JSON lines or CSV."""
    office, shape = office_of(request), request.path_params["shape"]
    if shape not in TYPES:
        raise HTTPException(404)
    _, wanted, problem = _asked(request)
    if problem:
        return said(request, problem, status=400)
    sites = sources_of(office.settings).sources
    rows = office.store.desk.articles(wanted)
    pieces = streamed(lambda file: STREAMS[shape](file, rows, lambda key: outlet(sites, key)))
    return _attached(StreamingResponse(pieces, media_type=TYPES[shape]), f"didban.{shape}")


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
