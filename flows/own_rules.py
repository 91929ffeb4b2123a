"""The rules that officers write on the page: a file each in `rules.d`, where a run finds them as it finds any other.

    a new rule                       rules.d/page-ID.toml
    a default one, or the operator's rules.d/page-ID.toml, which `replaces` it: what was written elsewhere stays as it is
    taken back                       rules.d/page-ID.toml.TIME.old, which nobody reads

A file is only written anew where it is as the page wrote it: one that somebody changed by hand is theirs. Whoever saves says which
version they saw; one lock, of the folder, makes of two who save at once one that comes too late. What would not be in force is not
written: all files are read together with the new one first.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal

from alerts.lines import printable
from alerts.rules import DEFAULT, RuleSet, RulesFile, parsed, read
from alerts.writing import as_toml
from didban.alert import Rule
from didban.dates import jalali_long
from didban.errors import Overtaken, RulesError
from didban.settings import Settings
from didban.text import squash
from flows.rulebook import check_channels

Kind = Literal["default", "operator", "page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A rule in force and who wrote it.

    It is `locked` where the page cannot change it: a person wrote by hand what stands where the page would write.
    """

    rule: Rule
    kind: Kind
    locked: bool = False
    first: Rule | None = None
    """What the page replaced."""

    @property
    def version(self) -> str:
        return version(self.rule)


def version(rule: Rule | None) -> str:
    """What two who change one rule are told apart by; of no rule it is empty."""
    return sha256(as_toml(rule).encode()).hexdigest()[:16] if rule is not None else ""


def new_id() -> str:
    """An id that no rule has, nor had: what was found by one that is gone stays under its own."""
    return f"topic-{secrets.token_hex(4)}"


def entries(rules: RuleSet, settings: Settings) -> list[Entry]:
    """The rules of a set, each with who wrote it."""
    contents = {file.path: file.content for file in rules.files}
    replaced = {rule.id: rule for rule in rules.replaced}
    made = []
    for rule in rules:
        home = rules.homes.get(rule.id, "")
        if home == str(_path(settings, rule.id)):
            ours = _is_ours(contents[home], rule)
            kind: Kind = "page" if ours else "operator"
            made.append(Entry(rule=rule, kind=kind, locked=not ours, first=replaced.get(rule.id)))
        else:
            kind = "default" if home == str(DEFAULT) else "operator"
            made.append(Entry(rule=rule, kind=kind, locked=rule.replaces))
    return made


def keep(settings: Settings, rule: Rule, *, seen: str, by: str, now: datetime) -> None:
    """Write a rule; it is in force from the next look of each run at its rules.

    Raises Overtaken where the rule is no longer what `seen` is the version of, or a new one's name is taken; RulesError where the
    rules would not be read with it, or somebody wrote by hand in its place; OSError where its file cannot be written.
    """
    path = _path(settings, rule.id)
    with _alone(settings):
        files = read(settings.rules, settings.rules_folder)
        rules = parsed(files)
        there = _entry(rules, settings, rule.id, seen)
        if there is None and squash(rule.title) in {squash(one.title) for one in rules}:
            raise Overtaken(f"somebody else has written a rule called {rule.title!r} meanwhile")
        if (there is not None and there.locked) or (there is None and path.exists()):
            raise RulesError("was written by hand; change it there", path=str(path))
        others = tuple(file for file in files if file.path != str(path))
        elsewhere = any(one.id == rule.id for one in parsed(others))
        who = " ".join(printable(by).split())
        head = f"# {jalali_long(now, with_time=True)}، از صفحهٔ دیده‌بان، {who}. آنچه با دست عوض شود، صفحه دیگر عوض نمی‌کند.\n"
        content = (head + as_toml(replace(rule, replaces=elsewhere))).encode()
        check_channels(parsed([*others, RulesFile(str(path), content)]), tuple(settings.channels))
        draft = path.with_name(f".{path.name}.new")
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)


def take_back(settings: Settings, rule: str, *, seen: str, now: datetime) -> None:
    """A rule of the page is no more; one that it replaced is in force again. Its file is kept beside. Raises as `keep`."""
    path = _path(settings, rule)
    with _alone(settings):
        there = _entry(parsed(read(settings.rules, settings.rules_folder)), settings, rule, seen)
        if there is None or there.kind != "page":
            raise RulesError("was not written by the page", path=str(path))
        path.replace(path.with_name(f"{path.name}.{now:%Y%m%d-%H%M%S}.old"))


def _entry(rules: RuleSet, settings: Settings, rule: str, seen: str) -> Entry | None:
    there = next((entry for entry in entries(rules, settings) if entry.rule.id == rule), None)
    if seen != (there.version if there is not None else ""):
        raise Overtaken("somebody else has changed this rule meanwhile")
    return there


def _path(settings: Settings, rule: str) -> Path:
    return settings.rules_folder / f"page-{rule}.toml"


def _is_ours(content: bytes, rule: Rule) -> bool:
    """Is it as the page wrote it: a line of who and when, and the rule?"""
    head, _, rest = content.partition(b"\n")
    return head.startswith(b"#") and rest == as_toml(rule).encode()


@contextmanager
def _alone(settings: Settings) -> Generator[None]:
    folder = settings.rules_folder
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
