"""Is the archive complete? The report of `didban backfill --status`: nothing is asked of the network, nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any

from didban.coverage import Counts, Coverage, Day, Estimate, judge
from didban.dates import jalali_of, tehran_day
from didban.errors import InputError
from didban.settings import Settings
from flows.calendar import calendar_svg
from flows.workshop import now, opened, sources_of

__all__ = ["HEADERS", "as_json", "as_rows", "calendar_svg", "report", "summary"]

_ENDS = ("listed", "stored", "partial", "refused", "waiting", "withdrawn")
HEADERS = ("source", "days", "state", *_ENDS, "ways", "likely missing", "why")
FOLDED = 31
"""Of more days than this, those that follow each other in one state are one row of the table."""


def report(
    settings: Settings, source: str | None = None, since: date | None = None, until: date | None = None
) -> tuple[Coverage, ...]:
    """What is known of these days, both included, of one source, or of each that a backfill has begun.

    Without days, from the first that its backfills cover to the last. Raises InputError for a source nobody knows, one that no
    backfill has begun when no days are given, and days in the wrong order; SettingsError, StoreError.
    """
    if since is not None and until is not None and since > until:
        raise InputError(f"the first day, {since}, is after the last, {until}")
    registry = sources_of(settings)
    if source is not None:
        registry.get(source)
    today = tehran_day(now())
    with opened(settings) as store:
        spans = store.coverage.spans()
        reports = []
        for key in spans if source is None else [source]:
            first, last = spans.get(key) or (since, until)
            if first is None or last is None:
                how = f"`didban backfill {key} --since … --until …`"
                raise InputError(f"no backfill of {key} has begun: {how} begins one")
            if source is None and ((since and since > last) or (until and until < first)):
                continue
            begin, end = since or min(first, until or first), until or max(last, since or last)
            units, links = store.coverage.read(key, begin, end)
            site = registry.sources.get(key)  # None: the operator's table of it is gone
            facts: dict[str, Any] = {"name": site.name, "archive_from": site.archive_from} if site else {}
            reports.append(judge(key, units, links, since=begin, until=end, today=today, **facts))
    return tuple(reports)


def as_json(one: Coverage) -> dict[str, Any]:
    """One line of `didban backfill --status --json`."""
    return {
        "source": one.source,
        "since": jalali(one.since),
        "until": jalali(one.until),
        "complete": one.complete,
        "units": dict(one.units),
        **_counts(one.counts),
        "undated": _counts(one.undated),
        "states": dict(one.states),
        "estimate": one.estimate and {"ways": one.estimate.ways, "days": one.estimate.days, **_estimate(one.estimate)},
        "days": [
            {
                "day": jalali(day.day),
                "date": day.day.isoformat(),
                "state": day.state,
                **_counts(day.counts),
                "ways": dict(day.ways),
                "estimate": day.estimate and _estimate(day.estimate),
                "reasons": dict(day.reasons),
            }
            for day in one.days
        ],
    }


def as_rows(one: Coverage) -> list[tuple[str, ...]]:
    """Rows of HEADERS: a day each, or of many days a row for those that follow each other in one state."""
    alone = len(one.days) <= FOLDED
    runs = [list(run) for _, run in groupby(one.days, key=lambda day: day.day if alone else day.state)]
    rows = [_row(one.source, run) for run in runs]
    if one.undated.listed:
        rows.append((one.source, "undated", "", *_numbers(one.undated), "", "", ""))
    return rows


def summary(one: Coverage) -> str:
    """`mehr 1397-07-01..1397-07-30: 28 days complete, 2 missing · 893 of 900 stored, 7 refused`."""
    days = ", ".join(f"{count} {state}" for state, count in sorted(one.states.items(), key=lambda item: -item[1]))
    counts = one.counts
    ends = "".join(f", {count} {name}" for name, count in list(_counts(counts).items())[2:] if count)
    parts = [f"days {days}", f"{counts.stored} of {counts.listed} listed articles stored{ends}"]
    if one.undated.listed:
        parts.append(f"{one.undated.listed} without a date")
    if one.estimate is not None:
        parts.append(_said(one.estimate))
    verdict = "complete" if one.complete else "not complete"
    return f"{one.source} {_span(one.since, one.until)}: {verdict} · {' · '.join(parts)}"


def jalali(day: date) -> str:
    """`1397-07-01`."""
    year, month, number = jalali_of(day)
    return f"{year:04}-{month:02}-{number:02}"


def _row(source: str, run: Sequence[Day]) -> tuple[str, ...]:
    ways = _added(day.ways for day in run)
    reasons = _added(day.reasons for day in run)
    likely = sum(day.estimate.missing for day in run if day.estimate is not None)
    return (
        source,
        _span(run[0].day, run[-1].day),
        run[0].state,
        *_numbers(sum((day.counts for day in run), Counts())),
        " ".join(f"{way} {count}" for way, count in ways.items()),
        f"{likely:.0f}" if any(day.estimate is not None for day in run) else "",
        "; ".join(f"{reason} ({count})" for reason, count in sorted(reasons.items(), key=lambda item: -item[1])),
    )


def _span(since: date, until: date) -> str:
    return jalali(since) if since == until else f"{jalali(since)}..{jalali(until)}"


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total = Counter[str]()
    for one in counts:
        total.update(one)
    return dict(total)


def _counts(counts: Counts) -> dict[str, int]:
    return {name: getattr(counts, name) for name in _ENDS}


def _numbers(counts: Counts) -> Iterator[str]:
    return map(str, _counts(counts).values())


def _estimate(one: Estimate) -> dict[str, Any]:
    numbers = {name: round(getattr(one, name), 1) for name in ("total", "missing", "low")}
    high = None if one.high is None else round(one.high, 1)
    return {**numbers, "high": high, "first": one.first, "second": one.second, "both": one.both}


def _said(one: Estimate) -> str:
    bound = "any number" if one.high is None else f"{max(0.0, one.high - one.total + one.missing):.0f}"
    return f"by {' and '.join(one.ways)}, some {one.missing:.0f} more that neither names (at most {bound})"
