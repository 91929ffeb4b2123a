"""`didban status`: is all well? What the operator sees at a glance; nothing is asked of the network, nothing is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alerts.rules import RuleSet
from didban.alert import Notice
from didban.dates import iso_utc, jalali_iso, tehran_day
from didban.health import HOUR, TROUBLE, Expects, rates
from didban.settings import Settings
from flows.lines import mute_json, mute_text
from flows.rulebook import look, of_kept, path_of
from flows.server import Up
from flows.workshop import chosen, now, opened, sources_of
from storage.mutes import Mute
from storage.outbox import Stuck
from storage.rulesets import Kept
from storage.sources import SourceState
from storage.store import Store

_OVERDUE = 2 * HOUR  # the slowest source is polled every hour: later than this, nobody is watching
HEADERS = ("source", "state", "since", "newest article", "today", "usual", "to do", "gaps", "detail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One source. `today` and `usual` are articles of this day, and of a day of its kind; `gaps` are walks by state."""

    key: str
    name: str
    state: SourceState
    last: datetime | None
    articles: int
    today: int
    usual: float
    links: dict[str, int]
    gaps: dict[str, int]
    watched: bool
    overdue: bool

    @property
    def to_do(self) -> int:
        """Links that wait for their page."""
        return self.links.get("waiting", 0) + self.links.get("partial", 0)

    @property
    def detail(self) -> str:
        return "not asked when it was due; is `didban up` running?" if self.overdue else self.state.detail

    @property
    def problem(self) -> str:
        """Why it is not well."""
        if self.state.state in TROUBLE or self.overdue:
            return f"{self.key}: {self.state.state}" + (f": {self.detail}" if self.detail else "")
        return f"{self.key}: {self.gaps.get('refused', 0)} gaps given up"

    @property
    def well(self) -> bool:
        """Nobody needs to look at this. A source that is not watched any more is nobody's worry."""
        return not self.watched or not (self.state.state in TROUBLE or self.overdue or self.gaps.get("refused"))


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """The rules that the watch works by: how many, the start of their hash, since when (None before a first run).

    `problem` is why the file is not what is in force; `waiting` says that it has changed, and that no run has read it yet.
    """

    path: str
    hash: str = ""
    rules: int = 0
    since: datetime | None = None
    problem: str = ""
    waiting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """All of it. `messages` counts messages by state, `dead` being those that nobody will send by itself."""

    lines: tuple[Line, ...]
    messages: dict[str, int]
    notices: tuple[tuple[datetime, Notice], ...]
    rules: InForce
    muted: tuple[Mute, ...] = ()
    stuck: tuple[Stuck, ...] = ()
    """The channels that do not take what they are sent."""
    left: dict[str, int] = field(default_factory=dict)
    """How much waits for channels that the settings do not name."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What somebody should look into, a line each."""
        dead = self.messages.get("dead")
        return (
            *(line.problem for line in self.lines if not line.well),
            *([f"{dead} messages are dead letters: `didban alerts retry` sends them once more"] if dead else []),
            *([self.rules.problem] if self.rules.problem else []),
        )

    @property
    def well(self) -> bool:
        return not self.problems


def status(settings: Settings) -> Status:
    """Raises SettingsError, InputError, StoreError."""
    with opened(settings) as store:
        return judged(settings, store)


def judged(settings: Settings, store: Store, *, at_a_glance: bool = False) -> Status:
    """The same of a store that is open; at a glance, a source's stored links are not counted. Raises SettingsError, InputError,
    StoreError."""
    links = store.links.left() if at_a_glance else store.links.counts()
    return Status(
        lines=tuple(_lines(settings, store, links)),
        messages=store.outbox.states(),
        notices=tuple(store.notices(limit=5)),
        rules=_in_force(settings, store.rulesets.get(path_of(settings))),
        muted=tuple(store.mutes.all(now=now()).values()),
        stuck=tuple(store.outbox.stuck()),
        left=store.outbox.left(tuple(settings.channels)),
    )


def _in_force(settings: Settings, kept: Kept | None) -> InForce:
    path, now = path_of(settings), look(settings)
    if isinstance(now.found, RuleSet) and (kept is None or kept.hash == now.hash):
        return InForce(path=path, hash=now.hash, rules=len(now.found), since=kept.since if kept else None)
    problem = "" if isinstance(now.found, RuleSet) else str(now.found)
    if kept is None:
        return InForce(path=path, problem=problem)
    rules = len(of_kept(kept))
    return InForce(path=path, hash=kept.hash, rules=rules, since=kept.since, problem=problem, waiting=not problem)


def _lines(settings: Settings, store: Store, links: dict[str, dict[str, int]]) -> list[Line]:
    names = {source.key: source for source in sources_of(settings).known()}
    watched = {source.key for source in chosen(settings)}
    counts, lines = store.articles.counts(), []
    states = store.sources.states()
    unasked = sorted(watched - {state.key for state in states})
    for state in (*states, *map(_unasked, unasked)):
        source, history = names.get(state.key), store.sources.history(state.key)
        today = tehran_day(now())
        lines.append(
            Line(
                key=state.key,
                name=source.name if source else state.key,
                state=state,
                last=history.last,
                articles=counts.get(state.key, 0),
                today=history.days.get(today, 0),
                usual=rates(history, source.expects if source else Expects()).of(today),
                links=links.get(state.key, {}),
                gaps=store.units.states(state.key, ("gap",)),
                watched=state.key in watched,
                overdue=state.key in watched and now() - state.due > _OVERDUE,
            )
        )
    return lines


def _unasked(key: str) -> SourceState:
    """A source that is to be watched and that no pass has reached yet."""
    return SourceState(
        key=key, state="new", since=now(), detail="not asked yet", baseline=None, due=now(), failures=0, idle=0
    )


def as_json(status: Status) -> dict[str, Any]:
    """`didban status --json`."""
    return {
        "well": status.well,
        "sources": [
            {
                "source": line.key,
                "name": line.name,
                "well": line.well,
                "state": line.state.state,
                "since": iso_utc(line.state.since),
                "detail": line.detail,
                "last": iso_utc(line.last),
                "articles": line.articles,
                "today": line.today,
                "usual": round(line.usual, 1),
                "links": line.links,
                "gaps": line.gaps,
            }
            for line in status.lines
        ],
        "messages": status.messages,
        "left": status.left,
        "channels": [
            {
                "channel": one.channel,
                "open": one.open,
                "dead": one.dead,
                "since": iso_utc(one.since),
                "error": one.error,
            }
            for one in status.stuck
        ],
        "rules": {
            "file": status.rules.path,
            "hash": status.rules.hash,
            "rules": status.rules.rules,
            "since": iso_utc(status.rules.since),
            "problem": status.rules.problem,
            "waiting": status.rules.waiting,
        },
        "notices": [
            {
                "at": iso_utc(at),
                "source": notice.source,
                "state": notice.state,
                "before": notice.before,
                "since": iso_utc(notice.since),
                "detail": notice.detail,
                "fields": list(notice.fields),
                "pages": list(notice.pages),
            }
            for at, notice in status.notices
        ],
        "muted": {mute.rule: mute_json(mute) for mute in status.muted},
    }


def as_rows(status: Status) -> list[tuple[str, ...]]:
    """A row of HEADERS for each source."""
    return [
        (
            line.key,
            line.state.state,
            _moment(line.state.since),
            _moment(line.last),
            str(line.today),
            f"{line.usual:.1f}".removesuffix(".0"),
            str(line.to_do),
            _gaps(line.gaps),
            line.detail,
        )
        for line in status.lines
    ]


def in_force(status: Status) -> str:
    """The rules in force in one line, or in two when the file holds others."""
    rules = status.rules
    since = f", since {_moment(rules.since)}" if rules.since else ""
    said = (
        f"rules: {rules.rules} of {rules.path} ({rules.hash[:8]}){since}" if rules.hash else "rules: none are in force"
    )
    if rules.problem:
        return f"{said}\n  not in force: {rules.problem}"
    return f"{said}; the file has changed, the next pass works by it" if rules.waiting else said


def as_lines(status: Status) -> list[str]:
    """Each source that needs a look, `_MOST` at most, the others together in a line: at a glance, however many there are."""
    watched = [line for line in status.lines if line.watched]
    well, ill = [line for line in watched if line.well], [line for line in watched if not line.well]
    lines = [f"{line.problem} · since {_moment(line.state.since)} · {line.to_do} to do" for line in ill[:_MOST]]
    if len(ill) > _MOST:
        lines.append(f"and {len(ill) - _MOST} more: `didban status --all`")
    usual = f"{sum(line.usual for line in well):.0f}"
    lines.append(
        f"{len(well)} of {len(watched)} sources are well: {sum(line.today for line in well)} articles today, "
        f"{usual} on a usual one · {sum(line.to_do for line in well)} to do"
    )
    waiting = [f"{line.key} {line.state.state}" for line in well if line.state.state != "healthy"]
    if waiting:
        more = f", and {len(waiting) - _MOST} more" if len(waiting) > _MOST else ""
        lines.append(f"of these: {', '.join(waiting[:_MOST])}{more}")
    return lines


_MOST = 4


def running(up: Up | None) -> str:
    """Whether `didban up` runs here, and where its pages are."""
    if up is None:
        return "didban up: not running"
    pages = "".join(f" · {url}" for url in (up.page_url, up.api_url.removesuffix("/api")) if url)
    return f"didban up: since {_moment(up.started)}{pages}"


def summary(status: Status) -> str:
    """The messages in one line, `2 dead (didban alerts retry) · 40 sent · 0 waiting`; one for each channel that is stuck, one for
    each that is gone with something to tell, one for each rule that is muted."""
    said = (
        f"{count} {name}" + (" (`didban alerts retry`)" if name == "dead" else "")
        for name, count in sorted(status.messages.items())
    )
    stuck = (
        f"  {one.error} (since {_moment(one.since)}: "
        + " · ".join(f"{count} {name}" for name, count in (("waiting", one.open), ("dead", one.dead)) if count)
        + ")"
        for one in status.stuck
    )
    left = (
        f"  {count} waiting for {channel}, a channel that the settings do not name: name it again and they are told"
        for channel, count in status.left.items()
    )
    return "\n".join(["messages: " + " · ".join(said), *stuck, *left, *map(mute_text, status.muted)])


def _gaps(gaps: dict[str, int]) -> str:
    waiting, refused = gaps.get("waiting", 0), gaps.get("refused", 0)
    return f"{waiting + refused}" + (f" ({refused} given up)" if refused else "")


def _moment(moment: datetime | None) -> str:
    return (jalali_iso(moment, with_time=True) or "-").replace("T", " ")
