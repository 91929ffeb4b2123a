"""What a source owes us, what to think of it when it does not deliver, and when to ask again. Pure.

    judge(error, history, expects, now) → Verdict

    new          never yet listed in whole            unreadable   its listing or a field of its articles is not found any more
    healthy                                           moved        its listings are gone, or lead to another site
    quiet        fewer or later articles than usual   blocked      a wall, a refusal
    silent       none, and that is no chance          unreachable  no answer

A silence is judged by how improbable it is: articles come at a rate per kind of day (working days; Thursdays, Fridays, official
holidays and 1-13 Farvardin), learnt from the eight weeks before the newest one and beginning with what its source declares. A
field is judged in the same way: by how seldom so many pages in a row would lack it.

Nothing that the watch saw is given up because of the network or a wall; a page that is gone, refused or cannot be read is
given up after a few tries, with its reason, and its bytes stay to be read again. Of an archive, an address that fails by itself
while its site answers is given up, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Final, Literal

from didban.dates import TEHRAN, jalali_iso, jalali_of, tehran_day
from didban.errors import Blocked, DidbanError, Disallowed, Gone, Moved, ReadError, ServerFault, TooLarge

State = Literal["new", "healthy", "quiet", "silent", "blocked", "unreadable", "moved", "unreachable"]
TROUBLE: Final = frozenset({"silent", "blocked", "unreadable", "moved", "unreachable"})
"""The states that somebody should look into, and is told of."""

LEARNT: Final = timedelta(weeks=8)
"""How far back from its newest article a source's habits are learnt."""
READINGS: Final = 300
"""How many of its newest pages tell which fields a source's articles have."""
FIELDS: Final = ("title", "lead", "text", "published", "id", "kicker", "section", "tags")
PAGE: Final = "page"
"""Among fields: nothing on the page is where its reader looks."""
LISTING: Final = "listing"

FIRST_RETRY: Final = timedelta(minutes=5)
BLOCKED_RETRY: Final = timedelta(minutes=30)
LONGEST_RETRY: Final = timedelta(hours=6)
HOUR: Final = timedelta(hours=1)
_UNREADABLE_RETRIES = (timedelta(hours=1), timedelta(hours=6), timedelta(hours=24))
_GONE_RETRIES = (timedelta(hours=1), timedelta(hours=24))

_SILENT, _QUIET, _BROKEN = 1e-4, 1e-2, 1e-6  # improbable enough; many fields are looked at, hundreds of times a day
_DECLARED_DAYS = 7  # a declared rate weighs as much as a week of days seen
_NIGHT_HOURS, _NIGHT_WEIGHT = 6, 0.2  # from midnight to six, an hour brings a fifth of another one's articles
_WINDOWS = range(5, 21)  # so many of the newest pages are held against those before them
_WELL = 10  # so many in a row that have a field end its trouble
_ENOUGH = 30  # pages that say whether a source has a field that it does not declare
_DECLARED_SHARE, _LARGEST_SHARE = 0.9, 0.99
_SAMPLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Expects:
    """What a source declares of itself, until its own history says it better.

    `working` and `resting` are articles a day of that kind; `silence` is the shortest silence that may count; `fields` are those
    that every article has.
    """

    working: float = 1.0
    resting: float = 0.0
    silence: timedelta = timedelta(days=7)
    fields: tuple[str, ...] = ("title", "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One article page that the watch fetched: the fields it gave, or, when it could not be read, the one its reader missed
    (PAGE when that is not known)."""

    url: str
    fetched: datetime
    found: frozenset[str] = frozenset()
    missed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a source has brought by its watch.

    `days` counts the articles of each civil day in Tehran over LEARNT before `last`, the newest one; `readings` are newest first;
    `watched` is when it was first seen whole.
    """

    days: Mapping[date, int] = field(default_factory=dict)
    last: datetime | None = None
    watched: datetime | None = None
    readings: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A source's state: since when (None: now), the fields and pages it is about, and one line for the operator.

    `answered` is False when nothing came back at all: this network may be the reason, not the source.
    """

    state: State
    detail: str = ""
    since: datetime | None = None
    fields: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    answered: bool = True


def judge(error: DidbanError | None, history: History, expects: Expects, now: datetime) -> Verdict:
    """What to think of a source after a pass; `error` is what kept its listings, or the site's pages, from being had."""
    if error is not None:
        return _of_error(error)
    return _misread(history, expects) or _too_still(history, expects, now) or Verdict(state="healthy")


def _of_error(error: DidbanError) -> Verdict:
    url = getattr(error, "url", None)
    state: State = "unreachable"
    if isinstance(error, (Gone, Moved)):
        state = "moved"
    elif isinstance(error, (Blocked, Disallowed)):
        state = "blocked"
    elif isinstance(error, (ReadError, TooLarge)):
        state = "unreadable"
    return Verdict(
        state=state,
        detail=str(error),
        fields=(LISTING,) if state == "unreadable" else (),
        pages=(url,) if url and state == "unreadable" else (),
        answered=state != "unreachable" or isinstance(error, ServerFault),
    )


# ── silence ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Rates:
    """Articles a day, by kind of day."""

    working: float
    resting: float

    def of(self, day: date) -> float:
        return self.resting if is_rest(day) else self.working


def rates(history: History, expects: Expects) -> Rates:
    """How many articles a day the source brings: what it declares, corrected by the whole days seen."""
    said = {
        False: (expects.working * _DECLARED_DAYS, _DECLARED_DAYS),
        True: (expects.resting * _DECLARED_DAYS, _DECLARED_DAYS),
    }
    for day in _whole_days(history):
        count, days = said[is_rest(day)]
        said[is_rest(day)] = count + history.days.get(day, 0), days + 1
    return Rates(*(count / days for count, days in said.values()))


def is_rest(day: date) -> bool:
    """Thursday, Friday, an official holiday, or 1-13 Farvardin."""
    _, month, number = jalali_of(day)
    return day.weekday() in {3, 4} or (month == 1 and number <= 13) or day in official_holidays(day.year)


def expected(since: datetime, until: datetime, rate: Rates) -> float:
    """How many articles were to be expected between two moments."""
    first, last = tehran_day(since), tehran_day(until)
    days = (last - first).days
    whole = sum(rate.of(first + timedelta(days=number)) for number in range(days))
    return whole - rate.of(first) * _passed(since) + rate.of(last) * _passed(until)


def _whole_days(history: History) -> Iterator[date]:
    """The days seen from end to end: the first and the last, of which only a part was, are none."""
    if history.days:
        first = min(history.days)
        for number in range(1, (max(history.days) - first).days):
            yield first + timedelta(days=number)


def _too_still(history: History, expects: Expects, now: datetime) -> Verdict | None:
    """Silent or quiet, or None. Only what we have watched counts: a source is not blamed for what it was before."""
    if history.watched is None:
        return None
    rate = rates(history, expects)
    since = max(history.last or history.watched, history.watched)
    missing = expected(since, now, rate)
    chance = math.exp(-missing)
    if now - since >= expects.silence and chance < _QUIET:
        when = jalali_iso(since, with_time=True)
        return Verdict(
            state="silent" if chance < _SILENT else "quiet",
            since=since,
            detail=f"no new article since {when}; about {missing:.0f} were to be expected",
        )
    yesterday = tehran_day(now) - timedelta(days=1)
    usual, came = rate.of(yesterday), history.days.get(yesterday, 0)
    if tehran_day(history.watched) < yesterday and _at_most(came, usual / 3) < _SILENT:
        return Verdict(state="quiet", detail=f"{came} articles yesterday; about {usual:.0f} are usual")
    return None


def _at_most(count: int, mean: float) -> float:
    """The chance of `count` or fewer, where `mean` come on average (Poisson)."""
    return (
        sum(math.exp(number * math.log(mean) - mean - math.lgamma(number + 1)) for number in range(count + 1))
        if mean
        else 1.0
    )


def _passed(moment: datetime) -> float:
    """The share of a day's articles that have come by this time of day."""
    clock = moment.astimezone(TEHRAN)
    hours = (clock - datetime.combine(clock.date(), time.min, TEHRAN)) / HOUR
    night = min(hours, _NIGHT_HOURS) * _NIGHT_WEIGHT + max(hours - _NIGHT_HOURS, 0.0)
    return night / (_NIGHT_HOURS * _NIGHT_WEIGHT + 24 - _NIGHT_HOURS)


@cache
def official_holidays(year: int) -> frozenset[date]:
    """Iran's, of a Gregorian year; those of the lunar calendar are estimates in years to come."""
    import holidays  # noqa: PLC0415 - a third of a second that only judging pays

    return frozenset(holidays.country_holidays("IR", years=year))


# ── fields ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A field that the newest pages lack: `missing` of `of` of them, since the first of these was fetched."""

    field: str
    missing: int
    of: int
    since: datetime
    pages: tuple[str, ...]


def broken(readings: Sequence[Reading], expects: Expects) -> tuple[Broken, ...]:
    """The fields that have gone missing. `readings` are newest first."""
    return tuple(
        found
        for name in (PAGE, *FIELDS)
        if (found := _broken(name, readings, declared=name == PAGE or name in expects.fields)) is not None
    )


def _misread(history: History, expects: Expects) -> Verdict | None:
    lost = broken(history.readings, expects)
    if not lost:
        return None
    said = "; ".join(f"{one.field}: missing on {one.missing} of the last {one.of} pages" for one in lost)
    since = min(one.since for one in lost)
    pages = tuple(dict.fromkeys(url for one in lost for url in one.pages))[:_SAMPLES]
    return Verdict(
        state="unreadable",
        since=since,
        fields=tuple(one.field for one in lost),
        pages=pages,
        detail=f"{said}, since {jalali_iso(since, with_time=True)}",
    )


def _broken(name: str, readings: Sequence[Reading], *, declared: bool) -> Broken | None:
    said = [(reading, has) for reading in readings if (has := _has(reading, name)) is not None]
    if not declared and len(said) < _ENOUGH:
        return None
    if len(said) >= _WELL and all(has for _, has in said[:_WELL]):
        return None
    never = declared and bool(said) and not any(has for _, has in said) and all(one.missed for one in readings)
    for size in (size for size in _WINDOWS if len(said) >= size) if not never else [len(said)]:
        missing = size - sum(has for _, has in said[:size])
        if never or _at_least(missing, size, 1 - _usual(said[size:], declared=declared)) < _BROKEN:
            return _since(name, said, size, missing)
    return None


def _since(name: str, said: Sequence[tuple[Reading, bool]], size: int, missing: int) -> Broken:
    """From the oldest miss among these pages on, and further back for as long as every page lacks it."""
    oldest = max(place for place in range(size) if not said[place][1])
    while oldest + 1 < len(said) and not said[oldest + 1][1]:
        oldest += 1
    pages = tuple(reading.url for reading, has in said[:size] if not has)[:_SAMPLES]
    return Broken(field=name, missing=missing, of=size, since=said[oldest][0].fetched, pages=pages)


def _has(reading: Reading, name: str) -> bool | None:
    """Did this page give the field? None where its reader gave up before it could tell."""
    if reading.missed is None:
        return name == PAGE or name in reading.found
    return False if reading.missed == name else None


def _usual(older: Sequence[tuple[Reading, bool]], *, declared: bool) -> float:
    """The share of pages that have a field; what is declared holds also when the pages have lacked it for long."""
    share = (sum(has for _, has in older) + 1) / (len(older) + 2)
    return min(max(share, _DECLARED_SHARE if declared else 0.0), _LARGEST_SHARE)


def _at_least(count: int, of: int, chance: float) -> float:
    """The chance of `count` or more out of `of`, each with this chance (binomial)."""
    return sum(
        math.comb(of, number) * chance**number * (1 - chance) ** (of - number) for number in range(count, of + 1)
    )


# ── when to ask again ─────────────────────────────────────────────────────────────────────────────────────────────────


GIVEN_UP: Final = 5
"""So many tries of one address of an archive have failed, while its site answers for others: the next one is the last."""


def retry_at(error: DidbanError, attempts: int, now: datetime, *, archived: bool = False) -> datetime | None:
    """When to ask again for an address that failed with `error` after `attempts` earlier tries; None: never.

    What is `archived` will not come into being within the day: a page of a backfill that is gone is given up at once, and one that
    cannot be read after a second look.
    """
    if isinstance(error, Blocked):
        asked = timedelta(seconds=error.retry_after or 0)
        return now + max(asked, _doubled(BLOCKED_RETRY, attempts))
    if isinstance(error, (ReadError, TooLarge)):
        return _step(_UNREADABLE_RETRIES if not archived else (FIRST_RETRY,), attempts, now)
    if isinstance(error, Gone):
        return None if archived or error.status == 410 else _step(_GONE_RETRIES, attempts, now)
    if isinstance(error, Disallowed):
        return None
    return now + _doubled(FIRST_RETRY, attempts)


def next_poll(
    error: DidbanError | None,
    every: timedelta,
    failures: int,
    now: datetime,
    *,
    idle: int = 0,
    slowest: timedelta = HOUR,
) -> datetime:
    """When a source is due again.

    At its own pace, `every`; twice and four times slower when its last 3 and 6 passes (`idle`) brought nothing new, but not beyond
    `slowest`; and later the longer its listings have failed, where the network may come back any hour.
    """
    if error is None:
        return now + max(every, min(every * 2 ** min(idle // 3, 2), slowest))
    again = retry_at(error, failures, now) or now + LONGEST_RETRY
    asked = error.retry_after if isinstance(error, Blocked) else None
    if asked is None:
        again = min(again, now + LONGEST_RETRY)  # an article may wait a day, the whole source may not
    if not isinstance(error, (Blocked, Disallowed, Gone, ReadError, TooLarge)):
        again = min(again, now + HOUR)
    return max(now + every, again)


def _doubled(first: timedelta, times: int) -> timedelta:
    return min(first * 2 ** min(times, 10), LONGEST_RETRY)


def _step(steps: tuple[timedelta, ...], attempts: int, now: datetime) -> datetime | None:
    return now + steps[attempts] if attempts < len(steps) else None
