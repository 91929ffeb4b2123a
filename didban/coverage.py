"""Is the archive complete? What a backfill knows of each civil day in Tehran → the day's state, and what is likely missing.

    missing    no walk covers the day, or the one that did was refused
    open       something of it still waits: a list, an article, or the end of the day itself
    doubtful   its lists were read and named nothing, and no second way in agrees
    partial    all has ended, and some of it is only a summary, or refused with a reason
    complete   every article that was listed is stored
    unknown    nothing is listed of it, and no archive is known to reach so far back

Three ways lead into an archive (`day`, `page`, `sitemap`); the watch is a fourth that may have seen an article first. The watch
proves no emptiness: nobody has noted whether it was up for all of a day.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from functools import lru_cache
from math import exp, lgamma, sqrt
from typing import Literal

from didban.dates import tehran_day

State = Literal["missing", "open", "doubtful", "partial", "complete", "unknown"]
"""Worst first; `unknown` stands apart."""

STATES: tuple[State, ...] = State.__args__
WATCH = "watch"
WAYS = ("day", "page", "sitemap")
"""The ways of a backfill, in the order in which two of them are compared; the watch comes after them."""

_WORST_FIRST = ("refused", "waiting", "listed", "done")
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """Units of one way, range and state. [since, until) are the instants they cover; the first was `opened` then."""

    way: str
    state: str
    since: datetime
    until: datetime
    opened: datetime
    count: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """So many links of one day that ended alike, and were named by the same ways. `day` is None where no date is known."""

    day: date | None
    state: str
    ways: frozenset[str]
    count: int
    withdrawn: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Links by how they ended; `withdrawn` ones are stored or partial as well."""

    stored: int = 0
    partial: int = 0
    refused: int = 0
    waiting: int = 0
    withdrawn: int = 0

    @property
    def listed(self) -> int:
        return self.stored + self.partial + self.refused + self.waiting

    def __add__(self, other: Counts) -> Counts:
        return Counts(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """How many articles there are, from what two ways have named alone and together; see `estimate`.

    `missing` of them are known by no way. `low` and `high` hold the total at 95 %; `high` is None where there is no bound.
    """

    ways: tuple[str, str]
    first: int
    second: int
    both: int
    total: float
    missing: float
    variance: float
    low: float
    high: float | None
    days: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A civil day. `ways` says how many of its links each way named, those that have read its lists also where it is none;
    `reasons`, why how many links, or lists, are not what they should be."""

    day: date
    state: State
    counts: Counts = Counts()
    ways: Mapping[str, int] = field(default_factory=dict)
    estimate: Estimate | None = None
    reasons: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """A source's days from `since` to `until`, both included. `undated` are links that could be of any of them; `name` is the
    source's, as people read it."""

    source: str
    since: date
    until: date
    units: Mapping[str, int]
    days: tuple[Day, ...]
    undated: Counts = Counts()
    name: str = ""

    @property
    def counts(self) -> Counts:
        return sum((day.counts for day in self.days), self.undated)

    @property
    def states(self) -> dict[State, int]:
        """How many days are in each state, the worst first; those that there are."""
        found = Counter(day.state for day in self.days)
        return {state: found[state] for state in STATES if found[state]}

    @property
    def complete(self) -> bool:
        """Every day is, and nothing of unknown date is left out. A day that nothing is known of proves nothing."""
        ended = self.undated.listed == self.undated.stored
        return ended and self.states == {"complete": len(self.days)}

    @property
    def estimate(self) -> Estimate | None:
        """The estimates of the pair of ways that most days have, added up."""
        pairs = defaultdict(list)
        for day in self.days:
            if day.estimate is not None:
                pairs[day.estimate.ways].append(day.estimate)
        return add_up(max(pairs.values(), key=len)) if pairs else None


def judge(
    source: str,
    units: Iterable[Units],
    links: Iterable[Links],
    *,
    since: date,
    until: date,
    today: date,
    archive_from: date | None = None,
    name: str = "",
) -> Coverage:
    """The days of a source from `since` to `until`, by its units and links. Days are open until they are over."""
    units, seen, undated = tuple(units), defaultdict(list), Counts()
    for group in links:
        if group.day is None:
            undated += _counts([group])
        else:
            seen[group.day].append(group)
    walks = _walks(units, since, until)
    days = [since + timedelta(days=number) for number in range((until - since).days + 1)]
    states = Counter(dict.fromkeys(reversed(_WORST_FIRST), 0))
    for unit in units:
        states[unit.state] += unit.count
    return Coverage(
        source=source,
        name=name,
        since=since,
        until=until,
        units={state: states[state] for state in ("waiting", "listed", "done", "refused")},
        days=tuple(
            _day(day, walks[day], seen[day], over=day < today, known=archive_from is None or day >= archive_from)
            for day in days
        ),
        undated=undated,
    )


@dataclass(frozen=True, slots=True)
class _Walk:
    """All units of one way and range: an index's sitemaps are parts of one walk, which is as good as the worst of them."""

    way: str
    state: str
    opened: date
    reasons: tuple[str, ...]


def _walks(units: Iterable[Units], since: date, until: date) -> defaultdict[date, list[_Walk]]:
    """The walks that cover each day."""
    parts: dict[tuple[str, datetime, datetime], list[Units]] = defaultdict(list)
    for unit in units:
        parts[unit.way, unit.since, unit.until].append(unit)
    found: defaultdict[date, list[_Walk]] = defaultdict(list)
    for (way, start, end), group in parts.items():
        walk = _Walk(
            way,
            min((one.state for one in group), key=_WORST_FIRST.index),
            tehran_day(min(one.opened for one in group)),
            tuple(one.reason for one in group if one.state == "refused"),
        )
        first, last = max(since, tehran_day(start)), min(until, tehran_day(end - _MICROSECOND))
        for number in range((last - first).days + 1):
            found[first + timedelta(days=number)].append(walk)
    return found


def _day(day: date, walks: Sequence[_Walk], groups: Sequence[Links], *, over: bool, known: bool) -> Day:
    counts, named, reasons = _counts(groups), Counter[str](), Counter[str]()
    for group in groups:
        named.update(dict.fromkeys(group.ways, group.count))
        if group.reason:
            reasons[group.reason] += group.count
    for walk in walks:
        reasons.update(f"its list ({walk.way}): {reason}" for reason in walk.reasons)
    done = [way for way in WAYS if any(walk.way == way and _counts_for(walk, day) for walk in walks)]
    early = any(walk.state == "done" for walk in walks) and not done
    if early:
        reasons["listed before the day was over: run the backfill again"] += 1
    waits = early or any(walk.state in {"waiting", "listed"} for walk in walks)
    refused = any(walk.state == "refused" for walk in walks)
    if not known and not counts.listed and not waits:
        state: State = "unknown"
    elif not over:
        state = "open"
    elif not done and (refused or not waits):
        state = "missing"
    elif waits or counts.waiting:
        state = "open"
    elif not any(named[way] for way in done) and (counts.listed or len(done) == 1):
        state = "doubtful"
    elif counts.partial or counts.refused:
        state = "partial"
    else:
        state = "complete"
    return Day(
        day=day,
        state=state,
        counts=counts,
        ways={way: named[way] for way in (*WAYS, WATCH) if way in done or named[way]},
        estimate=_of_day(done, groups, named, counts.listed),
        reasons=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    )


def _counts_for(walk: _Walk, day: date) -> bool:
    """A walk proves a day when it is done, and began after the day was over."""
    return walk.state == "done" and walk.opened > day


def _counts(groups: Iterable[Links]) -> Counts:
    found = Counter[str]()
    for group in groups:
        found[group.state] += group.count
        found["withdrawn"] += group.count if group.withdrawn else 0
    return Counts(**found)


# ── two ways compared ─────────────────────────────────────────────────────────────────────────────────────────────────


def estimate(ways: tuple[str, str], first: int, second: int, both: int, *, known: int | None = None) -> Estimate:
    """How many articles there are, when one way named `first` of them, another `second`, and `both` are in common.

    Chapman's estimator, (first + 1)(second + 1) / (both + 1) - 1 (D. G. Chapman 1951, Some properties of the hypergeometric
    distribution with applications to zoological sample censuses), here as what is known plus what is named by neither way:
    a · b / (both + 1), of which a and b are named by one way only. Its variance is Seber's (G. A. F. Seber 1970, The effects
    of trap response on tag recapture estimates). `low` and `high` are the totals under which an overlap so small, or so large,
    has a chance above 2.5 % (exact, by the hypergeometric distribution: the variance is 0 where the ways agree, which proves
    little when they are few).

    It assumes that nothing came or went between the two looks, that an article is recognised when it is met again, that each
    of one way's articles had the same chance to be met, and that the ways miss things independently. Ways of one site
    often miss the same articles: then more are missing than it says. `known` is how many are known by all ways together.
    Raises ValueError for numbers that cannot be.
    """
    if not 0 <= both <= min(first, second):
        raise ValueError(f"{both} in common of {first} and {second}")
    alone = (first - both) * (second - both)
    total = first + second - both + alone / (both + 1)
    known = first + second - both if known is None else known
    low, high = _limits(first, second, both)
    return Estimate(
        ways=ways,
        first=first,
        second=second,
        both=both,
        total=max(total, known),
        missing=max(0.0, total - known),
        variance=(first + 1) * (second + 1) * alone / ((both + 1) ** 2 * (both + 2)),
        low=max(low, known),
        high=high and max(high, known),
    )


def add_up(days: Sequence[Estimate]) -> Estimate:
    """Estimates of several days by the same two ways as one.

    Totals and variances are sums: days that were missed together do not hide behind those that were not, as they would if
    the counts were pooled. The limits are the wider of the normal ones around the sum and the exact ones of the pooled counts.
    """
    first, second, both, total, missing, variance = (
        sum(getattr(one, name) for one in days) for name in ("first", "second", "both", "total", "missing", "variance")
    )
    low, high = _limits(first, second, both)
    spread, known = 1.96 * sqrt(variance), total - missing
    return Estimate(
        ways=days[0].ways,
        first=first,
        second=second,
        both=both,
        total=total,
        missing=missing,
        variance=variance,
        low=max(known, min(low, total - spread)),
        high=high and max(high, total + spread),
        days=len(days),
    )


def _of_day(done: Sequence[str], groups: Sequence[Links], named: Mapping[str, int], known: int) -> Estimate | None:
    """By the first two ways that have read the day's lists; the watch, which is no list, is one where it saw anything."""
    pair = [way for way in (*done, WATCH) if named[way]][:2]
    if len(pair) < 2:
        return None
    both = sum(group.count for group in groups if group.ways.issuperset(pair))
    return estimate((pair[0], pair[1]), named[pair[0]], named[pair[1]], both, known=known)


@lru_cache(maxsize=4096)  # the days of a source are much alike
def _limits(first: int, second: int, both: int) -> tuple[int, int | None]:
    """The least and the greatest total that an overlap of `both` does not speak against, each at 2.5 %."""
    union = first + second - both
    middle = int(union + (first - both) * (second - both) / (both + 1))
    low = bisect_left(range(union, middle), True, key=lambda total: _tail(total, first, second, both, -1) > 0.025)
    if both == 0:
        return union + low, None
    far = middle + 1
    while _tail(far, first, second, both, 1) > 0.025:
        far *= 2
    high = bisect_left(range(middle, far), True, key=lambda total: _tail(total, first, second, both, 1) <= 0.025)
    return union + low, max(union, middle + high - 1)


def _tail(total: int, first: int, second: int, both: int, step: Literal[1, -1]) -> float:
    """The chance of an overlap of at least `both` (step 1) or at most `both` (step -1), by terms that grow smaller."""
    chance = exp(_choose(first, both) + _choose(total - first, second - both) - _choose(total, second))
    rest, said = total - first - second, 0.0
    while chance > said * 1e-9:
        said += chance
        if step == 1:
            chance *= (first - both) * (second - both) / ((both + 1) * (rest + both + 1))
        else:
            chance *= both * (rest + both) / ((first - both + 1) * (second - both + 1))
        both += step
    return said


def _choose(of: int, many: int) -> float:
    """The logarithm of a binomial coefficient."""
    return lgamma(of + 1) - lgamma(many + 1) - lgamma(of - many + 1)
