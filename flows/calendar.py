"""A source's archive as a picture: every Jalali month a small calendar, every day coloured by its state (SVG).

Years stand one below the other; months and weekdays run from right to left, weeks begin on Saturday. One file without script or
font, the same bytes for the same days. The colours are of Okabe and Ito's set (2008, Color Universal Design), which colour-blind
people tell apart, and states differ by outline and hatching too; the more articles a day has, the stronger its colour.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from html import escape
from itertools import groupby

from didban.coverage import Counts, Coverage, Day, State
from didban.dates import day_bounds, jalali_long, jalali_of, to_persian_digits

PERSIAN: dict[State, tuple[str, str]] = {
    "complete": ("کامل", "هرچه فهرست شده، ذخیره شده"),
    "partial": ("ناقص", "از بخشی تنها خلاصه هست، یا رد شده"),
    "doubtful": ("مشکوک", "هیچ فهرست نشده، بی‌تأیید راهی دیگر"),
    "open": ("باز", "هنوز کار دارد"),
    "missing": ("جاافتاده", "فهرستش خوانده نشده"),
    "unknown": ("نامعلوم", "پیش از آغاز بایگانی شناخته‌شده"),
}
"""What people read of each state, and what it means."""

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_CLASSES = {state: state[0] for state in PERSIAN}  # c p d o m u
_ENDS = {"stored": "ذخیره‌شده", "partial": "ناقص", "refused": "ردشده", "waiting": "در صف", "withdrawn": "پس‌گرفته"}
_LEVELS = 4
_CELL, _STEP = 11, 12
_MONTH = 7 * _STEP + 10
_YEARS, _WIDTH = 12 * _MONTH, 12 * _MONTH + 76
_LEGEND, _HEAD, _YEAR = 52, 60, 104
_STYLE = """\
text{font:11px Vazirmatn,Tahoma,sans-serif;fill:#222}.t{font-size:16px;font-weight:bold}.y{font-size:15px;font-weight:bold}
.c{fill:#0072b2}.p{fill:#e69f00;stroke:#7a4a00}.d{fill:#f0e442;stroke:#222;stroke-dasharray:2 1}.o{fill:#fff;stroke:#56b4e9;\
stroke-width:2}.m{fill:url(#gap);stroke:#d55e00}.u{fill:#e3e3e3}.l1{fill-opacity:.3}.l2{fill-opacity:.5}.l3{fill-opacity:.75}"""
_GAP = (
    '<pattern id="gap" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="4" height="4" fill="#fff"/><rect width="2" height="4" fill="#d55e00"/></pattern>'
)


def calendar_svg(reports: Sequence[Coverage]) -> str:
    """The reports of one or more sources as one SVG document."""
    height, parts = _LEGEND, []
    for one in reports:
        parts += _source(one, height)
        height += _HEAD + _YEAR * len(_years(one))
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    spoken = 'role="img" aria-labelledby="title desc" lang="fa" direction="rtl"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {spoken}>',
        f'<title id="title">{"، ".join(map(_title, reports)) or "هنوز بایگانی‌ای گردآوری نشده"}</title>',
        f'<desc id="desc">{"؛ ".join(map(_description, reports))}</desc>',
        f"<style>{_STYLE}</style><defs>{_GAP}</defs>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        *_legend(),
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _source(one: Coverage, top: int) -> Iterator[str]:
    most = max(day.counts.listed for day in one.days)
    yield f'<text class="t" x="{_WIDTH - 12}" y="{top + 22}">{_title(one)}</text>'
    yield f'<text x="{_WIDTH - 12}" y="{top + 42}">{_description(one)}</text>'
    for row, days in enumerate(_years(one)):
        yield from _year(days, top + _HEAD + _YEAR * row, most)


def _years(one: Coverage) -> list[list[Day]]:
    return [list(days) for _, days in groupby(one.days, key=lambda day: jalali_of(day.day)[0])]


def _title(one: Coverage) -> str:
    return escape(f"بایگانی {_NOT_XML.sub('', one.name or one.source)}")


def _legend() -> Iterator[str]:
    """Every state, and that more articles make a stronger colour, in two rows of four."""
    said = [(_CLASSES[state], f"{persian}: {meaning}") for state, (persian, meaning) in PERSIAN.items()]
    for place, (look, words) in enumerate([*said, ("c l1", "کم‌رنگ: خبر کمتر"), ("c", "پررنگ: خبر بیشتر")]):
        row, column = divmod(place, 4)
        x, y = _WIDTH - 12 - column * _WIDTH // 4, 10 + 20 * row
        yield f'<path class="{look}" d="{_cell(x - _CELL, y)}"/><text x="{x - 18}" y="{y + 10}">{words}</text>'


def _year(days: Sequence[Day], top: int, most: int) -> Iterator[str]:
    year = to_persian_digits(str(jalali_of(days[0].day)[0]))
    yield f'<g transform="translate(0 {top})"><text class="y" x="{_YEARS + 40}" y="14" text-anchor="middle">{year}</text>'
    for month, found in groupby(days, key=lambda day: jalali_of(day.day)[1]):
        yield from _month(month, list(found), most)
    yield "</g>"


def _month(month: int, days: Sequence[Day], most: int) -> Iterator[str]:
    first, number = days[0].day, jalali_of(days[0].day)[2]
    before = (_weekday(first) - number + 1) % 7  # days of the first week that are of the month before
    name = _long(first).split(" ")[1]
    yield (
        f'<g transform="translate({_YEARS - month * _MONTH + 10} 0)">'
        f'<text x="{7 * _STEP // 2}" y="10" text-anchor="middle">{name}</text>'
    )
    for place, day in enumerate(days, before + number - 1):
        week, weekday = divmod(place, 7)
        cell = _cell((6 - weekday) * _STEP, 16 + week * _STEP)
        yield f'<path class="{_look(day, most)}" d="{cell}"><title>{_said(day)}</title></path>'
    yield "</g>"


def _cell(x: int, y: int) -> str:
    return f"M{x} {y}h{_CELL}v{_CELL}h-{_CELL}z"


def _look(day: Day, most: int) -> str:
    """Its state, and how much of it there is in quarters of the fullest day."""
    look = _CLASSES[day.state]
    if day.state not in {"complete", "partial"}:
        return look
    level = max(1, -(-_LEVELS * day.counts.listed // max(1, most)))
    return look if level == _LEVELS else f"{look} l{level}"


def _said(day: Day) -> str:
    return to_persian_digits(f"{_long(day.day)}، {PERSIAN[day.state][0]}: {_counted(day.counts)}")


def _counted(counts: Counts) -> str:
    ends = ((getattr(counts, name), persian) for name, persian in _ENDS.items())
    return "، ".join([f"{counts.listed} فهرست‌شده", *(f"{count} {persian}" for count, persian in ends if count)])


def _description(one: Coverage) -> str:
    days = "، ".join(f"{count} روز {PERSIAN[state][0]}" for state, count in one.states.items())
    return to_persian_digits(f"{_long(one.since)} تا {_long(one.until)} · {days} · {_counted(one.counts)}")


def _long(day: date) -> str:
    """`۱ مهر ۱۳۹۷`."""
    return jalali_long(day_bounds(day)[0], with_time=False)


def _weekday(day: date) -> int:
    """0 is Saturday."""
    return (day.weekday() + 2) % 7
