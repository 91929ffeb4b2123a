"""`didban feeds`: the alerts as Atom files, one of all and one of each rule; written at the end of every shift, too.

A file is replaced whole or not at all, and only when it says something else. Live alerts alone, those of muted rules among them:
who reads a feed looks when they like.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from alerts.feed import Feed, atom
from didban.alert import Alert, Rule
from storage.desk import Wanted
from storage.store import Store

ENTRIES = 50
"""The newest stories of a feed."""
ALL = "all"


def write(store: Store, rules: Iterable[Rule], folder: Path, *, names: Mapping[str, str]) -> list[Path]:
    """Write the feeds into a folder, which is made when needed; returns their paths. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    feeds = [Feed(rule=None, title="همهٔ هشدارها"), *(Feed(rule=rule.id, title=rule.title) for rule in rules)]
    paths = []
    for feed in feeds:
        path = folder / f"{feed.rule or ALL}.atom"
        _replace(path, atom(feed, stories_of(store, feed), names=names))
        paths.append(path)
    return paths


def stories_of(store: Store, feed: Feed) -> list[list[Alert]]:
    """The newest stories of a feed, each with its live alerts."""
    lines = store.desk.stories(Wanted(rule=feed.rule, province=feed.province, live=True), limit=ENTRIES)
    return [[told.alert for told in line.told if told.alert.live] for line in lines]


def _replace(path: Path, content: bytes) -> None:
    if path.exists() and path.read_bytes() == content:
        return
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.write_bytes(content)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
