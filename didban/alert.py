"""What matters, and what is sent: Rule → Match → Alert, or a Notice → Notification → a draft → Message. All frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from didban.article import Article

Priority = Literal["urgent", "normal", "digest"]
Via = Literal["watch", "backfill", "import"]
Field = Literal["kicker", "title", "lead", "text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """`terms` must all stand within `within` words of each other; each may be alternatives: `"a|b"`."""

    terms: tuple[str, ...]
    within: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A named set of terms. A rule holds when any of `any` or `near` is found, every one of `all`, and the evidence's
    sentence has none of `none`; and only in the named fields, sources, provinces and sections, when it names some."""

    id: str
    title: str
    any: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    near: tuple[Near, ...] = ()
    exact: bool = False
    fields: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    provinces: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    priority: Priority = "normal"
    urgent_at_home: tuple[str, ...] = ()
    """Fields: evidence there makes an article of the home province urgent, whatever `priority` says."""
    channels: tuple[str, ...] = ()
    note: str = ""
    match_examples: tuple[str, ...] = ()
    not_examples: tuple[str, ...] = ()
    replaces: bool = False
    """It stands in the place of the rule of this id in another file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The evidence: where in the original text a rule's term stands.

    `start` and `end` are code points, end exclusive, `getattr(article, field)[start:end] == text`; the sentence that holds
    it is `[sentence_start:sentence_end]` of the same field. `term` is as written in the rule.
    """

    rule: str
    term: str
    field: Field
    start: int
    end: int
    text: str
    sentence_start: int
    sentence_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do about one rule that matched: raise it live or keep it archived, and whom to tell when.

    `digest` names the digest it is told in; None: with its story alone. `escalations` are channels that hear of it too, each at its
    time, unless it is acknowledged before.
    """

    rule: str
    title: str
    priority: Priority
    live: bool
    channels: tuple[str, ...]
    due: datetime
    digest: str | None = None
    escalations: tuple[tuple[str, datetime], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """How an article came to us: by which road, whether in its source's first pass, and when."""

    via: Via
    baseline: bool
    now: datetime


Judge = Callable[[Article, Sighting], tuple[tuple[Match, ...], tuple[Plan, ...]]]
"""The judgement that the store asks for inside its transaction, on the article as it will stand: its matches, and one Plan per
rule that matched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """An article that carries a story: its source, the site's id, where and when it was published, and our own number of it."""

    source: str
    id: str | None
    url: str | None
    published: datetime | None
    article: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """This story matched this rule; raised once. `article` is the carrier that raised it, `matches` its evidence.

    `carriers` are all articles that carry the story, whoever published it first before the others.
    """

    rule: str
    title: str
    priority: Priority
    live: bool
    raised: datetime
    story: str
    article: Article
    matches: tuple[Match, ...]
    carriers: tuple[Carrier, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What one message will say: the due alerts of one story for one channel. `key` never changes over retries."""

    key: str
    channel: str
    story: str
    article: Article
    alerts: tuple[Alert, ...]
    follow_up: bool = False
    """True when an earlier message on this story has already been closed for this channel."""

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """The articles that carry the story when the message is closed, the first to publish it first."""
        return self.alerts[0].carriers if self.alerts else ()


RULES: Final = "rules.toml"
"""In a notice, in place of a source, whose keys have no dot: the rules file, `broken` or `healthy`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What the operator must know: the state of `source`, of the network (None: `offline`, `online`) or of RULES has changed.

    `since` is when the new state began, `fields` and `pages` are what an unreadable source is unreadable by, `detail` is one line.
    The daily report is one too: its state is `report`, its `detail` the lines of it.
    """

    source: str | None
    state: str
    before: str
    since: datetime
    detail: str = ""
    fields: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeDraft:
    """What a message to the operator will say. `key` never changes over retries."""

    key: str
    channel: str
    notice: Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A rule and the number of a digest's stories that match it; `provinces` counts these by slug, the most frequent first.

    `days` are the stories that matched it on each of the last 14 days, by Tehran's clock, today last; () of old news.
    """

    rule: str
    title: str
    count: int
    provinces: tuple[tuple[str | None, int], ...] = ()
    days: tuple[int, ...] = ()

    @property
    def week(self) -> int:
        """Stories of the last seven days."""
        return sum(self.days[-7:])

    @property
    def week_before(self) -> int:
        """Stories of the seven days before those."""
        return sum(self.days[:-7])


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestDraft:
    """What one message on many stories will say: all that was due of `digest` on `channel`. `key` never changes over retries.

    `stories` are `count` drafts under the same key, by priority, then those that more articles carry, then the newest first. They
    are thousands at times: each look at them loads a few at a time, and is good only until the message is rendered. `sources` and
    `topics` come with the most frequent first; `first` and `last` are the publication times of the oldest and the newest story,
    None when none has a date.
    """

    key: str
    channel: str
    digest: str
    count: int
    stories: Iterable[Draft]
    topics: tuple[Topic, ...]
    sources: tuple[str, ...]
    first: datetime | None
    last: datetime | None
    undated: int = 0
    archived: bool = False
    """True when none of its alerts is live."""
    follow_up: bool = False
    """True when an earlier message of this digest has already been closed for this channel."""
    burst: str | None = None
    """The rule of which so many stories came at once that they are told together; None: no burst."""


AnyDraft = Draft | NoticeDraft | DigestDraft


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A closed message: `parts` are sent in order from `next_part`; the same bytes and key on every try."""

    id: int
    key: str
    channel: str
    parts: tuple[str, ...]
    next_part: int
    attempts: int
    taken: frozenset[str] = frozenset()
    """The steps of part `next_part` that are done, where it goes to several receivers."""
    unsure: bool = False
    """May its receiver know of it, from an earlier try?"""
    away: bool = False
    """Had no way led to its receiver, by the last try?"""
