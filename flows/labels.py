"""How well each rule does, by what officers said of its alerts: `didban rules labels`, and a trial of a rule on the page.

A label is of an article, so the rule of today is asked about the article: where the alert was not relevant it should find nothing
any more, where it was relevant still something.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from alerts.match import Matcher
from didban.alert import Match, Rule
from didban.article import Article
from didban.dates import iso_utc
from didban.share import bounds
from storage.labels import Count, Label
from storage.store import Store

HEADERS = ("rule", "labelled", "relevant", "precision", "still", "lost", "title")
FEW = 10
"""Labels from which a share is worth saying: of 10 in 10 the lower bound is 72 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A rule by its labels, of which at most the newest 500 are looked at again.

    `still` are articles that were not relevant, and that the rule finds all the same, each with its first evidence; `lost` are
    relevant ones that it does not find.
    """

    rule: Rule
    count: Count
    still: tuple[tuple[Label, Article, Match], ...]
    lost: tuple[tuple[Label, Article], ...]
    today: Count
    """Of the labelled articles those that it finds as it is."""


def judged(store: Store, rule: Rule, *, count: Count | None = None) -> Judged:
    """What this rule, as it is given, does with the articles that were labelled under its id."""
    matcher = Matcher([rule])
    still, lost, relevant = [], [], 0
    for label, article in store.labels.of_rule(rule.id):
        found = matcher.match(article)
        relevant += bool(found) and label.relevant
        if found and not label.relevant:
            still.append((label, article, found[0]))
        elif label.relevant and not found:
            lost.append((label, article))
    counted = store.labels.counts().get(rule.id, Count()) if count is None else count
    today = Count(labelled=relevant + len(still), relevant=relevant)
    return Judged(rule=rule, count=counted, still=tuple(still), lost=tuple(lost), today=today)


def judge_all(store: Store, rules: Iterable[Rule]) -> list[Judged]:
    """The same of all rules that have a label."""
    counts = store.labels.counts()
    return [judged(store, rule, count=counts[rule.id]) for rule in rules if rule.id in counts]


def as_rows(found: Iterable[Judged]) -> list[tuple[str, ...]]:
    """Rows under `HEADERS`; a precision of few labels is not said."""
    return [
        (
            one.rule.id,
            str(one.count.labelled),
            str(one.count.relevant),
            "few labels" if one.count.labelled < FEW else f"{low:.0%} to {high:.0%}",
            str(len(one.still)),
            str(len(one.lost)),
            one.rule.title,
        )
        for one in found
        for low, high in [bounds(one.count.relevant, one.count.labelled)]
    ]


def as_json(found: Iterable[Judged]) -> list[dict[str, Any]]:
    """`didban rules labels --json`; `precision` is Wilson's interval, 95 %."""
    return [
        {
            "id": one.rule.id,
            "title": one.rule.title,
            "labelled": one.count.labelled,
            "relevant": one.count.relevant,
            "precision": [round(bound, 3) for bound in bounds(one.count.relevant, one.count.labelled)],
            "today": {"labelled": one.today.labelled, "relevant": one.today.relevant},
            "still": [
                _label_json(label, article) | {"term": match.term, "text": match.text}
                for label, article, match in one.still
            ],
            "lost": [_label_json(label, article) for label, article in one.lost],
        }
        for one in found
    ]


def _label_json(label: Label, article: Article) -> dict[str, Any]:
    return {
        "alert": label.alert,
        "story": article.story,
        "title": article.title,
        "sentences": list(label.sentences),
        "at": iso_utc(label.at),
        "by": label.by,
    }
