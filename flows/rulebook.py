"""The rules in force: those of the rules file and of the folder beside it; while they are broken, the last good ones.

    file ── as it was ───────────▶ nothing happens
         ── changed, good ───────▶ in force, kept in the store; the operator is told if they believed it broken
         ── changed, broken ─────▶ the last good ones of the store go on; the operator is told, once for each such content

A run that finds the file broken, and no good rules in the store, does not begin: nobody would know what it watches for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from hashlib import sha256

from alerts.channels import members
from alerts.policy import Judge
from alerts.rules import DEFAULT, RuleSet, RulesFile, fingerprint, parsed, read
from didban.alert import Match, Plan, Sighting
from didban.article import Article
from didban.errors import RulesError, StoreError
from didban.settings import Settings
from storage.database import Database
from storage.rulesets import Kept
from storage.store import Store

_parsed = lru_cache(maxsize=4)(parsed)
"""The page asks for the rules with every view: files that say the same are the same rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the rules file holds now: rules, or what is wrong with it; `hash` is the content's, either way."""

    hash: str
    found: RuleSet | RulesError


class Rulebook:
    """A judge by the rules in force, which `refresh` looks after. Used by one thread at a time, the one that writes."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        *,
        operator: Sequence[str],
        clock: Callable[[], datetime],
        window: timedelta | None = None,
    ) -> None:
        """Raises RulesError where the file is broken and there are no good rules in the store."""
        self._settings, self._store, self._operator, self._clock = settings, store, tuple(operator), clock
        self._window = settings.alert_window if window is None else window
        self._seen = ""
        self.problem = ""
        """Why the file is not in force; empty when it is."""
        self.refresh()

    def __call__(self, article: Article, sighting: Sighting) -> tuple[tuple[Match, ...], tuple[Plan, ...]]:
        return self._judge(article, sighting)

    def refresh(self) -> str:
        """Look at the file again; a line for people where it has changed, else an empty one."""
        files = _read(self._settings)
        if _hash(files) == self._seen:
            return ""
        first, now = not self._seen, _look(self._settings, files)
        told = {"hash_": now.hash, "now": self._clock(), "operator": self._operator}
        path, rulesets = path_of(self._settings), self._store.rulesets
        if isinstance(now.found, RuleSet):
            texts = [(file.path, file.content.decode("utf-8")) for file in now.found.files]
            rulesets.keep(path, files=texts, **told)
            self._use(now.found)
            self._seen, self.problem = now.hash, ""
            return "" if first else f"{now.found.path}: has changed; {len(now.found)} rules are in force"
        kept = rulesets.get(path)
        # Broken though it is the same that was good: it is this process's settings that lack a channel.
        ours = kept is None or kept.hash == now.hash
        if first:
            if kept is None or ours:
                raise now.found
            last = of_kept(kept)
            check_channels(last, tuple(self._settings.channels))
            self._use(last)
        if ours:
            self._seen, self.problem = now.hash, f"{now.found}; the rules as they were go on here"
            return self.problem
        rulesets.mark_broken(path, problem=str(now.found), **told)
        self._seen, self.problem = now.hash, f"{now.found}; the last good rules are in force"
        return self.problem

    def _use(self, rules: RuleSet) -> None:
        settings = self._settings
        self.rules = rules
        self._judge = Judge(
            rules,
            window=self._window,
            channels=everyone(settings),
            home=settings.home,
            delivery=settings.delivery,
        )


def everyone(settings: Settings) -> tuple[str, ...]:
    """Whom a rule tells that names no channel: all, but for those that a `first_of:` tries for them, and those that hear only of
    what nobody has acknowledged."""
    tried = {name for url in settings.channels.values() for name in members(url.get_secret_value())}
    others = tried.union(settings.delivery.escalate_to)
    return tuple(name for name in settings.channels if name not in others)


def look(settings: Settings) -> Look:
    """What the rules file holds now."""
    return _look(settings, _read(settings))


def path_of(settings: Settings) -> str:
    """Under which name the store keeps them."""
    return str((settings.rules or DEFAULT).absolute())


def in_force(settings: Settings) -> RuleSet:
    """The rules that a run would work by. Raises RulesError where they are broken and none are kept."""
    found = look(settings).found
    if isinstance(found, RuleSet):
        return found
    try:
        with closing(Database(settings.store_url, create=False)) as database:
            kept = Store(database).rulesets.get(path_of(settings))
    except StoreError:  # none there, or not up to date: then no run has kept any
        kept = None
    if kept is None:
        raise found
    return of_kept(kept)


def of_kept(kept: Kept) -> RuleSet:
    """The rules of the store. Raises RulesError where today's Didban does not read them any more."""
    return _parsed(tuple(RulesFile(path, text.encode()) for path, text in kept.files))


def _read(settings: Settings) -> tuple[RulesFile, ...] | RulesError:
    try:
        return read(settings.rules, settings.rules_folder)
    except RulesError as error:
        return error


def _hash(files: tuple[RulesFile, ...] | RulesError) -> str:
    return sha256(str(files).encode()).hexdigest() if isinstance(files, RulesError) else fingerprint(files)


def _look(settings: Settings, files: tuple[RulesFile, ...] | RulesError) -> Look:
    found: RuleSet | RulesError
    try:
        if isinstance(files, RulesError):
            raise files
        found = _parsed(files)
        check_channels(found, tuple(settings.channels))
    except RulesError as error:
        found = error
    return Look(hash=_hash(files), found=found)


def check_channels(rules: RuleSet, channels: Sequence[str]) -> None:
    """Raises RulesError for a rule that names a channel that the settings do not."""
    for rule in rules:
        for name in rule.channels:
            if name not in channels:
                path, line = rules.place(rule.id, "channels", name)
                close = get_close_matches(name, channels, n=1)
                known = f"rule {rule.id!r} names the channel {name!r}; the channels are: {', '.join(channels)}"
                raise RulesError(known, path=path, line=line, suggestion=close[0] if close else None)
