"""`didban demo`: the whole job on a local replay of the sites. Its own folder, its own settings, no internet."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from alerts.lines import printable
from didban.dates import jalali_long
from didban.errors import DidbanError
from didban.settings import Settings, load
from flows import shift
from flows.workshop import opened
from storage.outbox import Told

Say = Callable[[str], None]

_TOML = """\
# The demo's own settings, written anew by every run. The README explains each of them.
home = "lorestan"
alert_window = "unlimited"
rate = 200
operator = []

[channels]
console = "console:"
file = "file:alerts.jsonl"
"""


def run(settings: Settings, *, say: Say, serve: bool = False) -> None:
    """Serve the local sites, watch them, let one article appear, watch again, and say what arrived and what was sent.

    A second run finds everything known: it stores nothing and sends nothing. Raises DidbanError when a pass had trouble.
    """
    from demo.site import Site  # noqa: PLC0415 - the replay is no part of any other command

    with Site() as site:
        own = _own_settings(settings.var / "demo", site.hosts)
        say(f"The sites are replayed at {site.hosts}; everything is kept in {own.var}\n")
        say("── A first look at the three sites")
        tally = shift.run(own, report=say)
        say("\n── An article appears, and the watch looks again")
        site.grow()
        tally.add(shift.run(own, report=say))
        _summary(own, say)
        if tally.problems:
            raise DidbanError(tally.problems[0])
        if serve:
            _serve(site.hosts, say)


def _own_settings(folder: Path, hosts: str) -> Settings:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "didban.toml"
    path.write_text(_TOML, "utf-8")
    others = {key: value for key, value in os.environ.items() if not key.startswith("DIDBAN_")}
    return load(others | {"DIDBAN_CONFIG": str(path), "DIDBAN_VAR": str(folder), "DIDBAN_HOSTS": hosts})


def _summary(settings: Settings, say: Say) -> None:
    with opened(settings) as store:
        counts = store.articles.counts()
        told = store.outbox.alerts()
        messages = store.outbox.states()
    say("\n── What is stored")
    say(" · ".join(f"{key}: {count} articles" for key, count in counts.items()))
    say("\n── Which alerts were raised: one message per story and channel")
    for story in _by_story(reversed(told)):
        article = story[0].alert.article
        when = jalali_long(article.published, with_time=article.has_time) if article.published else "تاریخ نامعلوم"
        say(f"\n{article.source} · {when} · {printable(article.title)}")
        for one in story:
            say(f"    {one.alert.rule:<24} {_evidence(one)}")
    say(f"\n{len(told)} alerts in {messages.get('sent', 0)} messages sent, {messages.get('dead', 0)} refused")


def _by_story(told: Iterable[Told]) -> list[list[Told]]:
    stories: dict[str, list[Told]] = {}
    for one in told:
        stories.setdefault(one.alert.story, []).append(one)
    return list(stories.values())


def _evidence(told: Told) -> str:
    """The words that matched, each spelling once."""
    return "، ".join(dict.fromkeys(f"«{match.text}»" for match in told.alert.matches))


def _serve(hosts: str, say: Say) -> None:
    say(f"\nServing until Ctrl-C. In another terminal: DIDBAN_HOSTS='{hosts}' didban watch")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return
