"""`didban trends`: the terms that rise this week, and the rules' stories by week. Weeks begin on Saturday, by Tehran's clock."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any

from didban import reading
from didban.dates import day_bounds, iso_utc, jalali_iso, tehran_day, week_of
from didban.errors import RulesError
from didban.settings import Settings
from didban.trends import Rising, rising
from flows.rulebook import in_force
from flows.workshop import now, opened, sources_of
from storage.articles import Selection
from storage.store import Store

Show = Callable[[str, int, int], None]
TERMS = ("term", "stories", "before", "expected", "G²")
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trends:
    """What rises in the week of Saturday `since`, against those before it.

    `stories` are those of the week and of all weeks before it; `rules` are their stories in each of `weeks`, the week itself last.
    """

    since: date
    weeks: tuple[date, ...]
    terms: tuple[Rising, ...]
    stories: tuple[int, int]
    rules: dict[str, tuple[int, ...]]
    titles: dict[str, str]
    lemmas: bool
    wanted: bool
    """Lemmas were asked for."""


def trends(
    settings: Settings,
    *,
    day: date | None = None,
    weeks: int = 4,
    source: str | None = None,
    province: str | None = None,
    limit: int = 20,
    lemmas: bool = True,
    show: Show | None = None,
) -> Trends:
    """Of the week that holds `day` (today), and so many weeks before it. Raises InputError for an unknown source, StoreError."""
    if source is not None:
        sources_of(settings).get(source)
    since = week_of(day or tehran_day(now()))
    every = tuple(since - at * WEEK for at in range(weeks, -1, -1))
    span = Selection(
        source=source,
        province=province,
        since=day_bounds(every[0])[0],
        until=day_bounds(since + WEEK - timedelta(days=1))[1],
    )
    merged = lemmas and reading.installed()
    with opened(settings) as store:
        this = _texts(store, replace(span, since=day_bounds(since)[0]), show)
        before = _texts(store, replace(span, until=day_bounds(since)[0]), show)
        terms, of_now, of_before = rising(this, before, lemma=reading.lemma if merged else None, limit=limit)
        counts: dict[str, Counter[date]] = defaultdict(Counter)
        for rule, _, published in store.evidence.weekly(span):
            counts[rule][week_of(tehran_day(published))] += 1
    try:
        titles = {rule.id: rule.title for rule in in_force(settings)}
    except RulesError:  # what was found before is still there
        titles = {}
    return Trends(
        since=since,
        weeks=every,
        terms=tuple(terms),
        stories=(of_now, of_before),
        rules={rule: tuple(found[week] for week in every) for rule, found in sorted(counts.items())},
        titles=titles,
        lemmas=merged,
        wanted=lemmas,
    )


def _texts(store: Store, selection: Selection, show: Show | None) -> Iterator[str]:
    """One text of each story: that of its first carrier in these days."""
    seen: set[int] = set()
    done, total = 0, store.evidence.count(selection)
    for page in store.evidence.each(selection):
        for stored in page:
            if stored.story not in seen:
                seen.add(stored.story)
                one = stored.article
                yield "\n".join((one.kicker, one.title, one.lead, one.text))
        done += len(page)
        if show is not None:
            show("articles", done, total)


def as_json(found: Trends) -> dict[str, Any]:
    """`didban trends --json`."""
    return {
        "week": _week(found.since),
        "before": [_week(week) for week in found.weeks[:-1]],
        "stories": {"now": found.stories[0], "before": found.stories[1]},
        "lemmas": found.lemmas,
        "terms": [asdict(one) | {"expected": round(one.expected, 2), "g2": round(one.g2, 2)} for one in found.terms],
        "rules": [
            {"rule": rule, "title": found.titles.get(rule, ""), "weeks": list(counts)}
            for rule, counts in found.rules.items()
        ],
    }


def _week(week: date) -> dict[str, str | None]:
    """Its Saturday, and the instants between which it lies, the end exclusive."""
    start, end = day_bounds(week)[0], day_bounds(week + WEEK)[0]
    return {"saturday": _jalali(week), "since": iso_utc(start), "until": iso_utc(end)}


def _jalali(day: date) -> str:
    return jalali_iso(day_bounds(day)[0], with_time=False) or ""


def term_rows(found: Trends) -> list[tuple[str, ...]]:
    """Rows under TERMS."""
    return [(one.term, str(one.now), str(one.before), f"{one.expected:.1f}", f"{one.g2:.1f}") for one in found.terms]


def rule_headers(found: Trends) -> tuple[str, ...]:
    """The Saturdays, the week itself last."""
    return ("rule", *map(_jalali, found.weeks), "title")


def rule_rows(found: Trends) -> list[tuple[str, ...]]:
    """A row for each rule that found something: stories by week."""
    return [(rule, *map(str, counts), found.titles.get(rule, "")) for rule, counts in found.rules.items()]


def summary(found: Trends) -> str:
    """What was compared, in a line."""
    weeks = len(found.weeks) - 1
    before = f"{found.stories[1]} of the {weeks} week{'s' if weeks > 1 else ''} before"
    return f"{found.stories[0]} stories of the week from {_jalali(found.since)}, {before}"


def advice(found: Trends) -> list[str]:
    """What to know besides, a line each."""
    lines = []
    if not found.stories[0]:
        lines.append("no story of this week is stored; --until names a day of another one")
    elif not found.stories[1]:
        lines.append("no story of the weeks before is stored: nothing can be said to rise; --weeks goes further back")
    if found.wanted and not found.lemmas:
        lines.append(
            "hazm is not installed: the forms of a word are counted apart; install didban[hazm] to have them as one"
        )
    return lines
