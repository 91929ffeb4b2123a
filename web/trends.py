"""Trends: what each topic found week by week, where in the country, and which words rise. Weeks begin on Saturday."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from starlette.requests import Request
from starlette.responses import HTMLResponse

from didban.dates import day_bounds, jalali_long, tehran_day, week_of
from didban.settings import Settings
from flows.trends import WEEK, Trends
from flows.trends import trends as risen
from flows.workshop import now
from web.office import office_of
from web.pages import shown

WEEKS = {"4": "چهار هفته", "12": "دوازده هفته", "26": "نیم سال"}
NOWHERE = "بی‌استان"
_LEVELS, _HIGH = 4, 30  # shades of the map; the greatest height of a bar
_CELL, _TOP, _SIDE = 26, 118, 190  # of the map: a cell, the room for the provinces' names, and for the topics'


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A topic: its stories by week, oldest first, and the height of a bar for each."""

    rule: str
    title: str
    counts: tuple[int, ...]
    bars: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A topic in a province: how many stories, how strong a shade (0 is none), and where in the picture."""

    count: int
    level: int
    x: int
    y: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """Topics by provinces; the first province stands at the right, beside the topics' names."""

    provinces: tuple[tuple[str, str, int], ...]
    """Slug (empty: none), name, and where its column is."""
    rows: tuple[tuple[str, str, int, tuple[Cell, ...]], ...]
    """Rule, title, where its row is, and a cell for each province."""
    width: int
    height: int

    @property
    def shades(self) -> list[tuple[int, str]]:
        """The cells of each shade as one path: a map has hundreds of them."""
        paths: dict[int, list[str]] = {}
        for _, _, _, cells in self.rows:
            for cell in cells:
                paths.setdefault(cell.level, []).append(f"M{cell.x + 1} {cell.y + 1}h24v24h-24z")
        return [(level, "".join(found)) for level, found in sorted(paths.items())]


def rising(settings: Settings) -> Trends:
    """The week's rising terms. Words are not joined by their lemmas: hazm would stay in the page's memory with 300 MB."""
    return risen(settings, lemmas=False)


def trends(request: Request) -> HTMLResponse:
    """The weeks up to this one, of the whole country or of one province."""
    office, asked = office_of(request), request.query_params
    given = {
        "weeks": asked.get("weeks", "") if asked.get("weeks") in WEEKS else "12",
        "province": asked.get("province", "") if asked.get("province") in office.provinces else "",
    }
    last = week_of(tehran_day(now()))
    weeks = [last - back * WEEK for back in reversed(range(int(given["weeks"])))]
    found = office.store.desk.found(since=day_bounds(weeks[0])[0], until=day_bounds(last + WEEK - timedelta(days=1))[1])
    titles = {rule.id: rule.title for rule in office.rules()}
    narrowed = [one for one in found if not given["province"] or one[1] == given["province"]]
    by_week = Counter((rule, week_of(tehran_day(at))) for rule, _, at in narrowed)
    return shown(
        request,
        "trends.html",
        given=given,
        choices=WEEKS.items(),
        weeks=[jalali_long(day_bounds(week)[0], with_time=False) for week in weeks],
        rows=week_rows(by_week, weeks, titles),
        heat=heat_map(Counter((rule, province or "") for rule, province, _ in found), office.provinces, titles),
        rising=office.rising.get(),
    )


def week_rows(counts: Mapping[tuple[str, date], int], weeks: Sequence[date], titles: Mapping[str, str]) -> list[Row]:
    """A row for each topic that found something, the most first; all bars are of one scale."""
    most = max(counts.values(), default=1)
    rules = dict.fromkeys(rule for rule, _ in counts)
    rows = []
    for rule in rules:
        each = tuple(counts.get((rule, week), 0) for week in weeks)
        bars = tuple(math.ceil(_HIGH * count / most) for count in each)
        rows.append(Row(rule=rule, title=titles.get(rule, rule), counts=each, bars=bars))
    return sorted(rows, key=lambda row: (-row.total, row.title))


def heat_map(
    counts: Mapping[tuple[str, str], int], provinces: Mapping[str, str], titles: Mapping[str, str]
) -> Map | None:
    """Of what was found, by rule and province's slug; `provinces` are in the order in which they are shown, and those without
    anything are left out, but for the first."""
    if not counts:
        return None
    known = {**provinces, "": NOWHERE}
    there = {province for _, province in counts} | {next(iter(known))}
    columns = [slug for slug in known if slug in there]
    rules = sorted(_sums(counts).items(), key=lambda one: (-one[1], titles.get(one[0], one[0])))
    most, width = max(counts.values()), _SIDE + _CELL * len(columns)
    at = {slug: width - _SIDE - _CELL * (place + 1) for place, slug in enumerate(columns)}
    rows = []
    for place, (rule, _) in enumerate(rules):
        y = _TOP + _CELL * place
        cells = (
            Cell(count=count, level=math.ceil(_LEVELS * math.sqrt(count / most)), x=at[slug], y=y)
            for slug in columns
            for count in [counts.get((rule, slug), 0)]
        )
        rows.append((rule, titles.get(rule, rule), y, tuple(cells)))
    placed = tuple((slug, known[slug], at[slug]) for slug in columns)
    return Map(provinces=placed, rows=tuple(rows), width=width, height=_TOP + _CELL * len(rows))


def _sums(counts: Mapping[tuple[str, str], int]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for (rule, _), count in counts.items():
        sums[rule] += count
    return sums
