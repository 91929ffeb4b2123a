"""When an article was published: the order in which its dates are believed.

    1  the machine's, with a time of day      JSON-LD, `article:published_time`, `time[datetime]`
    2  the listing's, when the page prints no date, an impossible one, or the same day in Tehran
    3  the date as printed on the page
    4  the machine's, without a time of day   (Warp prints the day in UTC: a day behind until 03:30 in Tehran)

A printed date that is impossible (30 Esfand 1402) is kept as text, and believed by nobody; so is one of the future: an article
is not published after it was seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from didban.dates import TEHRAN, Printed, parse_iso, parse_printed, tehran_day
from didban.errors import DateError

_CLOCK = re.compile(r"\d[T ].*\d:\d\d")
_EARLIEST_YEAR = 1990
"""A machine's date before the sites existed is an empty field's default (1970-01-01)."""
AHEAD = timedelta(days=2)
"""So far ahead a clock may be that is wrong, or in another zone; what is dated later still is a mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """`published`, `published_text` and `has_time` of an article."""

    published: datetime | None = None
    published_text: str | None = None
    has_time: bool = False


def when(
    *, machine: Iterable[str] = (), printed: str = "", listed: datetime | None = None, seen: datetime | None = None
) -> When:
    """The best of a page's machine dates (in order of trust), its printed date and its listing's date.

    `seen` is when the page was fetched: what is dated later than that is passed over.
    """
    text = printed.strip() or None
    dates = [(believed(machine_date(value), seen), bool(_CLOCK.search(value))) for value in machine]
    exact = [(moment, has_time) for moment, has_time in dates if moment is not None]
    if timed := [moment for moment, has_time in exact if has_time]:
        return When(published=timed[0], published_text=text, has_time=True)
    shown = _printed(printed)
    if shown is not None and believed(shown.moment, seen) is None:
        shown = None
    listed = believed(listed, seen)
    if listed is not None and (shown is None or tehran_day(listed) == tehran_day(shown.moment)):
        if shown is not None and not has_time(listed):
            return When(published=shown.moment, published_text=text, has_time=shown.has_time)
        return When(published=listed, published_text=text, has_time=has_time(listed))
    if shown is not None:
        return When(published=shown.moment, published_text=text, has_time=shown.has_time)
    if exact:
        return When(published=exact[0][0], published_text=text)
    return When(published_text=text)


def believed(moment: datetime | None, seen: datetime | None) -> datetime | None:
    """The moment, unless it lies more than AHEAD after `seen`."""
    return None if moment is not None and seen is not None and moment - seen > AHEAD else moment


def machine_date(text: str) -> datetime | None:
    """An ISO date from an attribute, or None when it is none."""
    try:
        moment = parse_iso(text)
    except DateError:
        return None
    return moment if moment.year >= _EARLIEST_YEAR else None


def listed_date(*texts: str) -> datetime | None:
    """The first of a listing's printed dates that is one (a relative «۱ ماه قبل» is not)."""
    return next((shown.moment for shown in map(_printed, texts) if shown is not None), None)


@lru_cache(maxsize=4096)
def _printed(text: str) -> Printed | None:
    try:
        return parse_printed(text)
    except DateError:
        return None


def has_time(moment: datetime) -> bool:
    """A listing's moment at midnight in Tehran is a day without a time."""
    local = moment.astimezone(TEHRAN)
    return bool(local.hour or local.minute or local.second)
