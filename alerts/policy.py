"""Who hears what, when: pure. `Judge` is what the store calls inside its transaction.

*Live* alerts are told, *archived* ones are kept. An alert follows the article, not who saved it: live when the article
was published within the window, or has no date and was first seen by a watch, after its source's first pass and within the
window (a page may be read again long after it was fetched); an import is always archived. An unlimited window takes
everything but imports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count

from alerts.match import Matcher
from alerts.rules import RuleSet, priority
from didban.alert import Match, Plan, Priority, Rule, Sighting
from didban.article import Article
from didban.dates import TEHRAN, tehran_day
from didban.health import official_holidays
from didban.settings import WEEKDAYS, DeliverySettings

IMMEDIATELY = DeliverySettings.model_validate("now")


class Judge:
    """Matches an article against the rules in force and decides what becomes of each rule that matched."""

    def __init__(
        self,
        rules: RuleSet,
        *,
        window: timedelta,
        channels: Sequence[str],
        home: str,
        delivery: DeliverySettings = IMMEDIATELY,
    ) -> None:
        """`channels` are the names a rule without channels of its own is told on; `home` is a province's slug, or empty."""
        self._rules: Mapping[str, Rule] = {rule.id: rule for rule in rules.rules}
        self._matcher = Matcher(rules)
        self._window = window
        self._channels = tuple(channels)
        self._home = home or None
        self._delivery = delivery

    def __call__(self, article: Article, sighting: Sighting) -> tuple[tuple[Match, ...], tuple[Plan, ...]]:
        matches = self._matcher.match(article)
        live = is_live(article, sighting, self._window)
        matched = dict.fromkeys(match.rule for match in matches)
        return matches, tuple(
            self._plan(self._rules[name], priority(self._rules[name], article, matches, self._home), live, sighting.now)
            for name in matched
        )

    def _plan(self, rule: Rule, rank: Priority, live: bool, now: datetime) -> Plan:
        due = when(rank, now, self._delivery) if live else Due(at=now)
        return Plan(
            rule=rule.id,
            title=rule.title,
            priority=rank,
            live=live,
            channels=rule.channels or self._channels,
            due=due.at,
            digest=due.digest,
            escalations=tuple(escalations(now, self._delivery)) if live and rank == "urgent" else (),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """When something is to be told, and in which digest; None: story by story."""

    at: datetime
    digest: str | None = None


def when(priority: Priority, now: datetime, delivery: DeliverySettings) -> Due:
    """When an alert raised now is due; of one priority, what is raised later is never due before it."""
    if priority == "urgent":
        return Due(at=now)
    if delivery.digests and (priority == "digest" or is_off(tehran_day(now), delivery)):
        return _digest(now, delivery)
    due = _after_quiet(now + delivery.gather, delivery)
    if delivery.digests and is_off(tehran_day(due), delivery):
        return _digest(now, delivery)
    return Due(at=due)


def escalations(now: datetime, delivery: DeliverySettings) -> Iterator[tuple[str, datetime]]:
    """The channels that an urgent alert raised now goes to, one after the other, while nobody acknowledges it."""
    for number, channel in enumerate(delivery.escalate_to, start=1):
        yield channel, now + number * delivery.escalate


def is_quiet(now: datetime, delivery: DeliverySettings) -> bool:
    """Is only what is urgent told now?"""
    return _after_quiet(now, delivery) != now


def is_off(day: date, delivery: DeliverySettings) -> bool:
    """Weekend, one of Iran's official holidays, or one of the settings' own."""
    return WEEKDAYS[day.weekday()] in delivery.weekend or day in delivery.holidays or day in official_holidays(day.year)


def _after_quiet(moment: datetime, delivery: DeliverySettings) -> datetime:
    """The same moment, or the end of the quiet hours that it falls into."""
    if delivery.quiet is None:
        return moment
    start, end = delivery.quiet
    local = moment.astimezone(TEHRAN)
    clock, overnight = local.time(), start > end
    if (clock < start and clock >= end) if overnight else (clock < start or clock >= end):
        return moment
    morning = local.date() + timedelta(days=overnight and clock >= start)
    return datetime.combine(morning, end, TEHRAN).astimezone(moment.tzinfo)


def _digest(now: datetime, delivery: DeliverySettings) -> Due:
    """The next digest after now, on a day that has one."""
    today = tehran_day(now)
    for day in (today + timedelta(days=number) for number in count()):
        if delivery.weekend_digests or not is_off(day, delivery):
            for clock in delivery.digests:
                at = datetime.combine(day, clock, TEHRAN)
                if at > now:
                    return Due(at=at.astimezone(now.tzinfo), digest=f"digest {at:%Y-%m-%dT%H:%M}")
    raise AssertionError("days do not end")
