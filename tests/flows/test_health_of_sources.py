"""The state of a source as passes leave it: judged by what it brought, told on the operator's channel, asked at a fitting pace."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from demo.site import Site
from didban.alert import AnyDraft, NoticeDraft
from didban.article import Article, Link, Listed, Listing, Page
from didban.errors import DidbanError, LayoutChanged, SettingsError, Unreachable
from didban.health import HOUR, Expects, State
from didban.settings import load
from flows import cli, shift, status
from flows.deliver import deliver
from flows.pipeline import Pipeline
from flows.workshop import operator_of
from storage.sources import SourceState
from storage.store import Store
from tests.support import NOW, TEXT, Hands, judge

HOME = "https://www.irna.ir/"
EXPECTS = Expects(working=300, resting=120, silence=timedelta(hours=6), fields=("title", "lead", "text"))


@dataclass
class Agency:
    """A source whose listing is numbers, and whose pages are `title|lead|text`."""

    key: str = "irna"
    name: str = "ایرنا"
    home: str = HOME
    hosts: tuple[str, ...] = ("irna.ir",)
    rights: str | None = None
    province: str | None = None
    every: timedelta = timedelta(minutes=5)
    expects: Expects = EXPECTS
    body: tuple[str, ...] = (".item-text",)

    def watch(self) -> tuple[Listing, ...]:
        return (Listing(source=self.key, url=HOME + "rss"),)

    def older(self) -> Listing | None:
        return None

    def archive(self, since: date, until: date) -> tuple[Listing, ...]:
        raise AssertionError("a watch never asks for the archive")

    def links(self, page: Page, listing: Listing) -> Listed:
        numbers = page.body.decode().split()
        return Listed(
            links=tuple(
                Link(source=self.key, id=number, url=f"{HOME}news/{number}", title=number) for number in numbers
            )
        )

    def article(self, page: Page, link: Link | None = None) -> Article:
        title, lead, text = page.body.decode().split("|")
        if text == "-":
            raise LayoutChanged(page.url, ", ".join(self.body), 0)
        return Article(source=self.key, id=link.id if link else None, url=page.url, title=title, lead=lead, text=text)


@dataclass
class Operator:
    """A channel that hears of states."""

    name: str = "operator"
    deadline: float = 5.0
    heard: list[str] = field(default_factory=list)

    def render(self, draft: AnyDraft) -> tuple[str, ...]:
        assert isinstance(draft, NoticeDraft)
        return (f"{draft.notice.before} → {draft.notice.state} {','.join(draft.notice.fields)}".strip(),)

    async def send(self, part: str, *, key: str, number: int, total: int) -> None:
        self.heard.append(part)


@dataclass
class Rig:
    store: Store
    hands: Hands
    writer: ThreadPoolExecutor
    source: Agency = field(default_factory=Agency)
    operator: Operator = field(default_factory=Operator)
    listed: list[int] = field(default_factory=lambda: [1, 2, 3, 4, 5])
    page: str = "{0}|lead|{1}"
    trouble: DidbanError | None = None

    async def fetch(
        self, url: str, *, hosts: tuple[str, ...], etag: str | None = None, last_modified: str | None = None
    ) -> Page:
        if self.trouble is not None:
            raise self.trouble
        number = url.rpartition("/")[2]
        body = " ".join(map(str, self.listed)) if number == "rss" else self.page.format(number, f"{TEXT} {number}")
        return Page(url=url, body=body.encode(), fetched=self.hands())

    def watch(self, *new: int) -> str:
        """A pass, with these articles on the listing, too, and delivery; returns the state."""
        self.listed = [*new, *self.listed][:30]
        pipeline = Pipeline(
            store=self.store,
            writer=self.writer,
            fetch=self.fetch,
            judge=judge({}),
            owner="me",
            now=self.hands,
            operator=("operator",),
        )
        asyncio.run(pipeline.watch(self.source, even_if_not_due=True))
        asyncio.run(deliver(pipeline, {"operator": self.operator}))
        return self.store.sources.states()[0].state

    @property
    def pace(self) -> timedelta:
        return self.store.sources.states()[0].due - self.hands()


@pytest.fixture
def rig(store: Store) -> Iterator[Rig]:
    hands = Hands()
    store.sources.register(["irna"], now=hands())
    with ThreadPoolExecutor(1) as writer:
        yield Rig(store, hands, writer)


def test_a_lead_that_goes_missing_is_named_and_told_once(rig: Rig) -> None:
    assert rig.watch(*range(10, 25)) == "healthy"
    rig.page = "{0}||{1}"
    assert rig.watch(30, 31) == "healthy"
    rig.hands.forward(timedelta(minutes=5))
    assert rig.watch(32, 33, 34, 35) == "unreadable"
    assert rig.watch(36) == "unreadable"
    assert rig.operator.heard == ["healthy → unreadable lead"]
    rig.page = "{0}|lead|{1}"
    assert rig.watch(*range(40, 50)) == "healthy"
    assert rig.operator.heard[1:] == ["unreadable → healthy"]


def test_a_reader_that_gives_up_names_the_field_by_the_sources_own_selector(rig: Rig) -> None:
    rig.watch(*range(10, 25))
    rig.page = "{0}|lead|-"
    assert rig.watch(*range(30, 36)) == "unreadable"
    assert rig.operator.heard == ["healthy → unreadable text"]


def test_one_odd_page_is_counted_and_changes_no_state(rig: Rig) -> None:
    rig.watch(*range(10, 25))
    rig.page = "{0}|lead|-"
    assert rig.watch(30) == "healthy"
    assert len(rig.store.pages.unread("irna")) == 1
    assert rig.operator.heard == []


def test_an_agency_silent_for_six_hours_is_told_and_its_next_article_too(rig: Rig) -> None:
    rig.watch()
    rig.hands.forward(timedelta(hours=5, minutes=59))
    assert rig.watch() == "healthy"
    rig.hands.forward(timedelta(minutes=2))
    assert rig.watch() == "silent"
    rig.hands.forward(timedelta(hours=6))
    assert rig.watch() == "silent"
    assert rig.watch(50) == "healthy"
    assert rig.operator.heard == ["healthy → silent", "silent → healthy"]


def test_an_idle_source_is_asked_less_often_and_a_busy_one_at_once_again(rig: Rig) -> None:
    rig.watch()
    paces = []
    for _ in range(9):
        paces.append(rig.pace / timedelta(minutes=1))
        rig.hands.forward(rig.pace)
        rig.watch()
    assert paces == [5, 5, 5, 10, 10, 10, 20, 20, 20]
    rig.watch(60)
    assert rig.pace == timedelta(minutes=5)


def test_an_agency_is_asked_every_hour_at_the_least_and_a_portal_four_times_slower(rig: Rig) -> None:
    rig.source.every = timedelta(minutes=30)
    for _ in range(8):
        rig.watch()
    assert rig.pace == timedelta(hours=1)
    rig.source.province = "lorestan"
    rig.watch()
    assert rig.pace == timedelta(hours=2)


def test_a_source_that_does_not_answer_is_told_after_a_while(rig: Rig) -> None:
    rig.watch()
    rig.trouble = Unreachable(HOME + "rss", "no answer in time")
    assert rig.watch() == "unreachable"
    assert rig.operator.heard == []
    rig.hands.forward(timedelta(minutes=10))
    rig.watch()
    assert rig.operator.heard == ["healthy → unreachable"]


# ── with settings ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    with socket.socket() as nobody:  # a port that nobody listens on
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    made = {
        "DIDBAN_VAR": str(tmp_path),
        "DIDBAN_HOSTS": f"*=http://127.0.0.1:{port}",
        "DIDBAN_RATE": "1000",
        "DIDBAN_CHANNEL_FIRST": "file:first.jsonl",
        "DIDBAN_CHANNEL_OFFICE": "file:office.jsonl",
    }
    for name, value in made.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return made


def heard(folder: Path, channel: str) -> list[dict[str, object]]:
    path = folder / f"{channel}.jsonl"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [said["notice"] for said in map(json.loads, lines) if said["kind"] == "notice"]


def test_without_a_network_there_is_one_notice_and_one_when_it_is_back(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shift.run(load())
    (away,) = heard(tmp_path, "first")
    assert (away["source"], away["state"]) == (None, "offline")
    assert status.status(load()).well is False
    with Site() as site:
        monkeypatch.setenv("DIDBAN_HOSTS", site.hosts)
        shift.run(load())
        assert [one["state"] for one in heard(tmp_path, "first")] == ["offline", "online"]
        assert heard(tmp_path, "office") == []
        assert status.status(load()).well


def test_a_wall_is_told_where_the_operator_wants_it(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIDBAN_OPERATOR", "office")
    with Site() as site:
        monkeypatch.setenv("DIDBAN_HOSTS", site.hosts)
        site.wall("irna", feed=True)
        shift.run(load())
        shift.run(load())
    assert [(one["source"], one["state"]) for one in heard(tmp_path, "office")] == [("irna", "blocked")]
    assert heard(tmp_path, "first") == []


def test_the_operators_channel_must_be_one(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert operator_of(load()) == ("first",)
    monkeypatch.setenv("DIDBAN_OPERATOR", "nobody")
    with pytest.raises(SettingsError, match=r"no channel 'nobody'.*first, office"):
        operator_of(load())


def test_status_says_in_a_line_per_source_what_needs_a_look(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Site() as site:
        monkeypatch.setenv("DIDBAN_HOSTS", site.hosts)
        site.wall("mehr")
        shift.run(load())
    run = CliRunner().invoke(cli.cli, ["status"])
    assert run.exit_code == 1
    trouble, well, messages, rules, running = run.stdout.splitlines()
    assert re.match(r"mehr: blocked: .* · since 1\d{3}-\d\d-\d\d \d\d:\d\d · 14 to do$", trouble)
    assert well.startswith("2 of 3 sources are well: ")
    assert messages.startswith("messages: ")
    assert rules.startswith("rules: ")
    assert running == "didban up: not running"
    run = CliRunner().invoke(cli.cli, ["status", "--all"])
    assert run.exit_code == 1
    irna, mehr, portal, messages, rules, _ = run.stdout.splitlines()
    assert irna.split("\t")[:2] == ["irna", "healthy"]
    assert mehr.split("\t")[:2] == ["mehr", "blocked"]
    assert mehr.split("\t")[6] == "14"
    assert float(portal.split("\t")[5]) < 5
    assert messages.startswith("messages: ")
    assert rules.startswith("rules: 25 of ")
    said = json.loads(CliRunner().invoke(cli.cli, ["status", "--json"]).stdout)
    assert said["well"] is False
    assert [one["well"] for one in said["sources"]] == [True, False, True]
    assert said["sources"][0]["usual"] > 50
    assert said["notices"][0]["source"] == "mehr"


def test_status_fits_on_ten_lines_however_many_sources_are_in_trouble() -> None:
    def line(number: int, state: State) -> status.Line:
        return status.Line(
            key=f"ostan_{number}",
            name="استانداری",
            state=SourceState(
                key=f"ostan_{number}",
                state=state,
                since=NOW,
                detail="503",
                baseline=NOW,
                due=NOW + HOUR,
                failures=1,
                idle=0,
            ),
            last=NOW,
            articles=10,
            today=2,
            usual=1.5,
            links={"waiting": 1},
            gaps={},
            watched=True,
            overdue=False,
        )

    states: list[State] = ["unreachable"] * 20 + ["healthy"] * 10 + ["quiet"] * 3
    found = status.Status(
        lines=tuple(map(line, range(33), states)),
        messages={"dead": 1},
        notices=(),
        rules=status.InForce(path="rules.toml"),
    )
    lines = [*status.as_lines(found), status.summary(found), status.in_force(found), status.running(None)]
    assert len(lines) <= 10
    assert lines[0] == "ostan_0: unreachable: 503 · since 1405-08-30 11:30 · 1 to do"
    assert lines[4] == "and 16 more: `didban status --all`"
    assert lines[5] == "13 of 33 sources are well: 26 articles today, 20 on a usual one · 13 to do"
    assert lines[6] == "of these: ostan_30 quiet, ostan_31 quiet, ostan_32 quiet"
    assert len(status.as_rows(found)) == 33, "with --all"
