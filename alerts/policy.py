"""Who hears what, when: pure. `Judge` is what the store calls inside its transaction.

*Live* alerts are told, *archived* ones are kept. An alert follows the article, not who saved it: live when the article
was published within the window, or has no date and was first seen by a watch, after its source's first pass and within the
window (a page may be read again long after it was fetched); an import is always archived. An unlimited window takes
everything but imports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from alerts.match import Matcher
from alerts.rules import RuleSet, priority
from didban.alert import Match, Plan, Rule, Sighting
from didban.article import Article


class Judge:
    """Matches an article against the rules in force and decides what becomes of each rule that matched."""

    def __init__(self, rules: RuleSet, *, window: timedelta, channels: Sequence[str], home: str) -> None:
        """`channels` are the names a rule without channels of its own is told on; `home` is a province's slug, or empty."""
        self._rules: Mapping[str, Rule] = {rule.id: rule for rule in rules.rules}
        self._matcher = Matcher(rules)
        self._window = window
        self._channels = tuple(channels)
        self._home = home or None

    def __call__(self, article: Article, sighting: Sighting) -> tuple[tuple[Match, ...], tuple[Plan, ...]]:
        matches = self._matcher.match(article)
        live = is_live(article, sighting, self._window)
        matched = dict.fromkeys(match.rule for match in matches)
        return matches, tuple(
            Plan(
                rule=rule.id,
                title=rule.title,
                priority=priority(rule, article, matches, self._home),
                live=live,
                channels=rule.channels or self._channels,
                due=sighting.now,
            )
            for rule in (self._rules[name] for name in matched)
        )


def is_live(article: Article, sighting: Sighting, window: timedelta) -> bool:
    """Is this news? See the module's text."""
    if sighting.via == "import":
        return False
    if window == timedelta.max:
        return True
    if article.published is None:
        recent = article.fetched is None or sighting.now - article.fetched <= window
        return sighting.via == "watch" and not sighting.baseline and recent
    return sighting.now - article.published <= window
