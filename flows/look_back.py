"""A rule looks back: what a rules file finds in the articles that are stored.

    stored articles, by pages ─▶ the file's rules ─────────────────▶ counts and samples              `didban rules try`
                              └▶ those they change, as in force ─▶ what is new, what is lost
                                 the file's rules ─▶ evidence and archived alerts not there yet ─▶ kept    `didban rules apply`

A try writes nothing. An apply writes a page of articles at a time: it may be stopped, run again, and run beside a watch. What it
raises is archived, and told to nobody.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from alerts.lines import QUOTES, marked, printable
from alerts.match import Matcher
from alerts.policy import Judge
from alerts.rules import RuleSet, load
from didban.alert import Match, Rule, Sighting
from didban.article import Article
from didban.dates import iso_utc, jalali_iso, jalali_long
from didban.errors import InputError, RulesError
from didban.settings import Settings
from flows.rulebook import in_force as rules_in_force
from flows.workshop import now, opened, sources_of
from storage.articles import Selection
from storage.evidence import Found, Owed, Stored
from storage.store import Store

Standing = Literal["new", "changed", "same"]
UNDATED = "undated"
"""The month of an article without a date."""

Show = Callable[[str, int, int], None]
"""Told after each page: `articles`, looked at, of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One article that a rule matches, with its first evidence; of one that it would no longer match, the evidence it had."""

    number: int
    article: Article
    match: Match
    new: bool

    @property
    def sentence(self) -> str:
        """The sentence that holds the evidence, as published."""
        text: str = getattr(self.article, self.match.field)
        return text[self.match.sentence_start : self.match.sentence_end]

    @property
    def shown(self) -> str:
        """The sentence on one line, the evidence marked; a long one cut around it."""
        span = self.match.start - self.match.sentence_start, self.match.end - self.match.sentence_start
        return marked(self.sentence, [span], [span], QUOTES)


@dataclass(slots=True, kw_only=True)
class Look:
    """What one rule finds. In articles, but `alerts`: stories that have none on this rule yet.

    `standing` is to the rules in force: not among them, there with another meaning, there as it is. `new` and `lost` are
    articles that only this rule matches, and that only the one in force does. `evidence` is in articles that do not have it.
    """

    rule: Rule
    standing: Standing
    keeps: int
    articles: int = 0
    new: int = 0
    lost: int = 0
    evidence: int = 0
    alerts: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    months: Counter[str] = field(default_factory=Counter)
    samples_new: deque[Sample] = field(init=False)
    samples_known: deque[Sample] = field(init=False)
    samples_lost: deque[Sample] = field(init=False)

    def __post_init__(self) -> None:
        self.samples_new, self.samples_known, self.samples_lost = (deque(maxlen=self.keeps) for _ in range(3))

    @property
    def samples(self) -> list[Sample]:
        """At most `keeps`: those that are new, then the others, newest first."""
        return [*reversed(self.samples_new), *reversed(self.samples_known)][: self.keeps]


@dataclass(slots=True, kw_only=True)
class Report:
    """What a look back found: by rule in the file's order, and in all, in articles."""

    rules: RuleSet
    looks: dict[str, Look]
    in_force: bool = True
    """The file is the one that the watch works by."""
    gone: tuple[str, ...] = ()
    """Rules in force that the file does not have."""
    read: int = 0
    matched: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    months: Counter[str] = field(default_factory=Counter)

    @property
    def alerts(self) -> int:
        return sum(look.alerts for look in self.looks.values())

    @property
    def evidence(self) -> int:
        return sum(look.evidence for look in self.looks.values())


class _Seen:
    """Numbers that have been met, a bit each: a million stories in 125 kB."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def first(self, number: int) -> bool:
        """Is this the first time? It is not, any more."""
        at, bit = number >> 3, 1 << (number & 7)
        if at >= len(self._bits):
            self._bits.extend(bytes(at + 1 - len(self._bits)))
        met = self._bits[at] & bit
        self._bits[at] |= bit
        return not met


def try_rules(
    settings: Settings,
    path: Path,
    selection: Selection,
    *,
    only: Sequence[str] = (),
    samples: int = 3,
    show: Show | None = None,
) -> Report:
    """What the rules of a file (those named in `only`, or all) would find in the selected articles. Writes nothing.

    Raises RulesError for a broken file and an unknown rule, InputError for an unknown source and where no article is stored.
    """
    _check(settings, selection)
    in_force, given = rules_in_force(settings), load(path)
    chosen = _chosen(given, only)
    with opened(settings) as store:
        report = look_back(store, chosen, selection, against=in_force, home=settings.home, samples=samples, show=show)
    kept = {rule.id for rule in given}
    report.gone = tuple(rule.id for rule in in_force if rule.id not in kept and not only)
    report.in_force = given.hash == in_force.hash
    return report


def apply_rules(
    settings: Settings,
    path: Path | None,
    selection: Selection,
    *,
    dry_run: bool = False,
    show: Show | None = None,
) -> Report:
    """Keep what the rules of a file (None: those in force) find in the selected articles: evidence, and archived alerts.

    A `dry_run` writes nothing. Raises as `try_rules`.
    """
    _check(settings, selection)
    in_force = rules_in_force(settings)
    given = in_force if path is None else load(path)
    with opened(settings) as store:
        report = look_back(store, given, selection, home=settings.home, keep=not dry_run, show=show)
    report.in_force = given.hash == in_force.hash
    return report


def look_back(
    store: Store,
    rules: RuleSet,
    selection: Selection,
    *,
    against: Iterable[Rule] = (),
    home: str = "",
    samples: int = 0,
    keep: bool = False,
    show: Show | None = None,
) -> Report:
    """What `rules` find in the selected articles, compared with the rules `against`; written where it is not there yet when `keep`.

    One page of articles is in memory at a time, and of what was found only counts and `samples` a rule.
    """
    total = store.evidence.count(selection)
    if not total:
        which = "" if selection == Selection() else " of this source and these days"
        raise InputError(f"no article{which} is stored; `didban backfill` and `didban import` bring articles")
    before = {rule.id: rule for rule in against}
    standing: dict[str, Standing] = {
        rule.id: "same" if before.get(rule.id) == rule else "changed" if rule.id in before else "new" for rule in rules
    }
    looks = {rule.id: Look(rule=rule, standing=standing[rule.id], keeps=samples) for rule in rules}
    report = Report(rules=rules, looks=looks)
    judge = Judge(rules, window=timedelta(0), channels=(), home=home)
    former = Matcher([before[name] for name, how in standing.items() if how == "changed"])
    compared = "changed" in standing.values()
    seen: dict[str, _Seen] = defaultdict(_Seen)
    for page in store.evidence.each(selection):
        found: list[Found] = []
        for stored in page:
            matches, _ = judge(stored.article, Sighting(via="import", baseline=True, now=now()))
            _count(report, stored, matches, former.match(stored.article) if compared else ())
            if matches:
                found.append((stored, matches))
        owed = store.evidence.owed(found)
        if keep and owed:
            owed = store.evidence.keep([one.number for one in owed], judge, now=now())
        _owe(report, owed, seen)
        if show is not None:
            show("articles", report.read, total)
    return report


def _count(report: Report, stored: Stored, ours: Sequence[Match], theirs: Sequence[Match]) -> None:
    """Count one article: what our rules find in it, and what those they change find."""
    first, had = _first(ours), _first(theirs)
    report.read += 1
    month = (jalali_iso(stored.article.published, with_time=False) or UNDATED)[:7] if first else ""
    if first:
        report.matched += 1
        report.sources[stored.article.source] += 1
        report.months[month] += 1
    for rule, match in first.items():
        look = report.looks[rule]
        new = look.standing == "new" or (look.standing == "changed" and rule not in had)
        look.articles += 1
        look.new += new
        look.sources[stored.article.source] += 1
        look.months[month] += 1
        sample = Sample(number=stored.number, article=stored.article, match=match, new=new)
        (look.samples_new if new else look.samples_known).append(sample)
    for rule in had.keys() - first.keys():
        look = report.looks[rule]
        look.lost += 1
        look.samples_lost.append(Sample(number=stored.number, article=stored.article, match=had[rule], new=False))


def _owe(report: Report, owed: Iterable[Owed], seen: Mapping[str, _Seen]) -> None:
    """Count what is not there yet; a story's alert once, though nothing was written since its first carrier."""
    for one in owed:
        for rule in one.evidence:
            report.looks[rule].evidence += 1
        for rule in one.alerts:
            report.looks[rule].alerts += seen[rule].first(one.story)


def _first(matches: Sequence[Match]) -> dict[str, Match]:
    """The rules that matched, each with its first evidence."""
    return {match.rule: match for match in reversed(matches)}


def _check(settings: Settings, selection: Selection) -> None:
    """Raises InputError for a source nobody knows."""
    if selection.source is not None:
        sources_of(settings).get(selection.source)


def _chosen(rules: RuleSet, only: Sequence[str]) -> RuleSet:
    """The rules of these ids, in the file's order, or all. Raises RulesError for an id that the file does not have."""
    known = [rule.id for rule in rules]
    for name in only:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            raise RulesError(f"has no rule {name!r}", path=rules.path, suggestion=close[0] if close else None)
    return replace(rules, rules=tuple(rule for rule in rules if not only or rule.id in only))


# ── in words ──────────────────────────────────────────────────────────────────────────────────────────────────────────


TRIED = ("by", "name", "articles", "new", "no longer", "to raise", "title")
APPLIED = ("by", "name", "articles", "evidence", "raised", "title")


def tried_rows(report: Report) -> list[tuple[str, ...]]:
    """A try as rows under `TRIED`: rules, then sources, then months, newest first."""
    rules = [
        ("rule", name, look.articles, look.new, look.lost, look.alerts, look.rule.title)
        for name, look in report.looks.items()
    ]
    sources = [("source", name, count, "", "", "", "") for name, count in report.sources.most_common()]
    months = [("month", name, count, "", "", "", "") for name, count in _newest(report.months)]
    return [tuple(map(str, row)) for row in (*rules, *sources, *months)]


def applied_rows(report: Report) -> list[tuple[str, ...]]:
    """An apply as rows under `APPLIED`."""
    return [
        ("rule", name, str(look.articles), str(look.evidence), str(look.alerts), look.rule.title)
        for name, look in report.looks.items()
    ]


def sample_lines(look: Look) -> list[str]:
    """A rule's samples as lines: `+` what is new, `-` what it would no longer match."""
    if not (look.samples or look.samples_lost):
        return []
    lines = [f"{look.rule.id} · {look.rule.title}"]
    signed = [("+" if one.new else " ", one) for one in look.samples] + [
        ("-", one) for one in reversed(look.samples_lost)
    ]
    for sign, one in signed:
        article = one.article
        when = jalali_long(article.published, with_time=article.has_time) if article.published else "تاریخ نامعلوم"
        lines.append(f"{sign} {one.number} · {article.source} · {when} · {printable(article.title)}")
        lines.append(f"    {one.shown}")
    return lines


def advice(report: Report) -> list[str]:
    """What to know besides the numbers, a line each."""
    path = report.rules.path
    lines = [f"in force, not in {path}: {', '.join(report.gone)}; the alerts they raised stay"] if report.gone else []
    if not report.in_force:
        lines.append(
            f'{path} is not in force, this only looked back; to watch by it, write rules = "{path}" in didban.toml '
            f"or set DIDBAN_RULES={path}"
        )
    return lines


def as_json(report: Report, *, compared: bool) -> dict[str, Any]:
    """A report for programs; `compared` adds what a try knows: standing, what is new and lost, and the samples."""
    return {
        "file": report.rules.path,
        "in_force": report.in_force,
        "read": report.read,
        "matched": report.matched,
        "evidence": report.evidence,
        "alerts": report.alerts,
        "sources": dict(report.sources.most_common()),
        "months": dict(_newest(report.months)),
        **({"gone": report.gone} if compared else {}),
        "rules": [_look_json(look, compared=compared) for look in report.looks.values()],
    }


def _look_json(look: Look, *, compared: bool) -> dict[str, Any]:
    said = {
        "id": look.rule.id,
        "title": look.rule.title,
        "articles": look.articles,
        "evidence": look.evidence,
        "alerts": look.alerts,
        "sources": dict(look.sources.most_common()),
        "months": dict(_newest(look.months)),
    }
    if not compared:
        return said
    return said | {
        "standing": look.standing,
        "new": look.new,
        "lost": look.lost,
        "samples": [_sample_json(one) for one in look.samples],
        "samples_lost": [_sample_json(one) for one in reversed(look.samples_lost)],
    }


def _sample_json(sample: Sample) -> dict[str, Any]:
    article, match = sample.article, sample.match
    return {
        "number": sample.number,
        "source": article.source,
        "id": article.id,
        "url": article.url,
        "title": article.title,
        "published": iso_utc(article.published),
        "published_jalali": jalali_iso(article.published, with_time=article.has_time),
        "new": sample.new,
        "field": match.field,
        "start": match.start,
        "end": match.end,
        "text": match.text,
        "term": match.term,
        "sentence": sample.sentence,
    }


def _newest(months: Counter[str]) -> list[tuple[str, int]]:
    """By month, newest first, the undated last."""
    return sorted(months.items(), key=lambda one: (one[0] != UNDATED, one[0]), reverse=True)
