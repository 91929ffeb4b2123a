"""Reread: stored article pages through today's readers, without the network.

    unread pages first ─▶ source.article ─▶ as stored?  same                       nothing is written
    then the rest                             │
                                              └─ new, completed, changed, facts    saved, with the page's own fetch time

What a redesigned site hid from our readers is found in the pages kept meanwhile: a page that can be read now completes or makes its
article, and the alerts that were missed are raised, live or archived as the article's date and the way it was seen say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from didban.alert import Judge, Sighting, Via
from didban.article import FIELDS, Article
from didban.errors import ReadError
from didban.settings import Settings
from flows.pipeline import read_article
from flows.workshop import now, opened, rulebook_of, sources_of
from scrapers.base import Source
from storage.articles import Selection, merge
from storage.pages import Kept
from storage.store import Store

Kind = Literal["new", "completed", "changed", "facts", "same", "unread", "lost"]
KINDS: dict[Kind, str] = {
    "new": "articles made of pages that could not be read before",
    "completed": "articles that were only a listing's summary",
    "changed": "other texts",
    "facts": "other facts: date, section, province …",
    "same": "read as before",
    "unread": "still not readable",
    "lost": "readable before, not any more: the article stays as it is",
}
EXAMPLES = 5


@dataclass(slots=True, kw_only=True)
class Report:
    """What a reread found: pages by kind, how often each field differs, the first few pages of each kind but `same`."""

    counts: Counter[Kind] = field(default_factory=Counter)
    fields: Counter[str] = field(default_factory=Counter)
    examples: dict[Kind, list[str]] = field(default_factory=dict)
    alerts: int = 0
    archived: int = 0


def run(settings: Settings, selection: Selection, *, dry_run: bool = False) -> Report:
    """Read the selected pages again. Raises InputError for an unknown source, SettingsError, RulesError, StoreError."""
    registry = sources_of(settings)
    if selection.source is not None:
        registry.get(selection.source)
    sources = {source.key: source for source in registry.known()}
    with opened(settings) as store:
        judge = rulebook_of(settings, store)
        return reread(store, judge, sources, selection, now=now(), dry_run=dry_run)


def reread(
    store: Store,
    judge: Judge,
    sources: Mapping[str, Source],
    selection: Selection,
    *,
    now: datetime,
    dry_run: bool = False,
) -> Report:
    """Read the selected pages of `sources` (by key) again; pages of others are passed over.

    One transaction for each page that says something else: it may be stopped, and run beside a watch.
    """
    report = Report()
    found = store.pages.worth_reading(source=selection.source, since=selection.since, until=selection.until)
    for number in found:
        kept = store.pages.get(number)
        if kept is None or kept.source not in sources:
            continue
        kind, said = _again(store, judge, sources[kept.source], kept, now, report, dry_run=dry_run)
        report.counts[kind] += 1
        examples = report.examples.setdefault(kind, []) if kind != "same" else []
        if len(examples) < EXAMPLES:
            examples.append(f"{kept.page.url}: {said}")
    return report


def _again(
    store: Store, judge: Judge, source: Source, kept: Kept, now: datetime, report: Report, *, dry_run: bool
) -> tuple[Kind, str]:
    """Read one page again, save what it says now, and count it."""
    waiting = store.links.get(kept.link) if kept.link is not None else None
    try:
        article = read_article(source, kept.page, waiting.link if waiting else None)
    except ReadError as error:
        return "unread" if kept.problem else "lost", error.problem
    stored = store.articles.known(article)
    if stored and stored.fetched:
        article = replace(article, fetched=max(stored.fetched, kept.page.fetched))
    kind, differs = _compared(stored, article)
    report.fields.update(differs if stored else ())
    if (kind != "same" or kept.problem) and not dry_run:
        via: Via = "watch" if waiting and waiting.via == "watch" else "backfill"
        sighting = Sighting(via=via, baseline=waiting is not None and waiting.baseline, now=now)
        link = kept.link if kept.problem else None
        saved = store.articles.save(article, judge, sighting, page=kept.page, link=link)
        report.alerts += saved.live
        report.archived += saved.archived
    return kind, ", ".join(differs) if stored else article.title


def _compared(stored: Article | None, article: Article) -> tuple[Kind, list[str]]:
    """What the article would become, and the fields that would differ."""
    if stored is None:
        return "new", []
    merged, change = merge(stored, article, imported=False)
    differs = [name for name in FIELDS if name in _COMPARED and getattr(merged, name) != getattr(stored, name)]
    if change != "same":
        return change, differs
    return ("facts" if differs else "same"), differs


_COMPARED = frozenset(FIELDS) - {"published_jalali", "fetched", "revision", "story"}
