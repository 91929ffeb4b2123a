"""The documents and the program say the same: commands, settings, errors, rules, sources, modules, benchmarks."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest

from alerts import digest, message
from alerts.rules import FIELDS, KEYS
from alerts.rules import load as load_rules
from didban import __version__, alert, article, errors, health, outcome, settings
from didban.article import Page
from didban.settings import Settings, SourcesSettings, load
from flows.cli import cli
from flows.status import HEADERS
from scrapers.base import Site, Source
from scrapers.detect import ENGINES
from scrapers.sources import PROVINCES, all_sources, build, known_sources
from storage.figures import STAGES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
MAP = (ROOT / "docs/map.md").read_text("utf-8")
WORDS = (ROOT / "docs/words.md").read_text("utf-8")
RULES = (ROOT / "docs/rules.md").read_text("utf-8")
GUIDE = (ROOT / "docs/add-a-source.md").read_text("utf-8")
EXAMPLE = ROOT / "didban.example.toml"
PACKAGES = ("didban", "scrapers", "storage", "alerts", "flows")


def rows(text: str) -> list[list[str]]:
    """The cells of every table row."""
    split = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in split]


def coded(text: str) -> list[str]:
    """What stands between backticks, on one line and outside of blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^```.*?^```", "", text))


def blocks(text: str, kind: str) -> list[str]:
    """What stands between three backticks, of one kind."""
    return [block for named, block in re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", text) if named == kind]


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield path, command
    for name, below in command.commands.items() if isinstance(command, click.Group) else ():
        yield from commands(below, f"{path} {name}")


COMMANDS = dict(commands(cli, "didban"))


@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_has_a_row_with_exactly_its_options(path: str) -> None:
    (row,) = [row for row in rows(README) if re.fullmatch(rf"`{path}(?: [^a-z`][^`]*)?`", row[0])]
    options = {option for one in COMMANDS[path].params if isinstance(one, click.Option) for option in one.opts}
    assert set(coded(row[1])) == options
    assert row[2]


@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_helps_with_an_example(path: str) -> None:
    assert COMMANDS[path].help
    if len(COMMANDS[path].params):
        assert f"Example: {path}" in (COMMANDS[path].epilog or "") or path == "didban match"


def test_every_command_that_a_document_names_is_there() -> None:
    known = {name for path in COMMANDS for name in path.split()[1:2]}
    for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "CHANGELOG.md", EXAMPLE):
        named = set(re.findall(r"(?:`|\$ |\| |bin/)didban ([a-z]+)", path.read_text("utf-8")))
        assert named <= known, path


def test_a_setting_has_a_row_with_its_variable_and_its_default() -> None:
    table = [row for row in rows(README) if len(row) == 4]
    named = {name.strip("[]").partition(".")[0]: row for row in table for name in coded(row[0])[:1]}
    variables = {name for row in table for name in coded(row[1])}
    assert set(Settings.model_fields) <= set(named)
    for name in Settings.model_fields:
        tables = {"channels": "DIDBAN_CHANNEL_NAME", "channel": "", "fetch": "", "web": "", "pages": ""}
        variable = tables.get(name, f"DIDBAN_{name.upper()}")
        assert coded(named[name][1]) == ([variable] if variable else []), name
    assert {"DIDBAN_CONFIG", *settings._OTHER_VARIABLES} <= variables
    plain: dict[str, Any] = {
        name: default for name in ("var", "rate", "alert_window") for default in coded(named[name][2])
    }
    assert len(plain) == 3
    assert Settings(**plain) == Settings()
    assert not any(named[name][2] for name in Settings.model_fields if name not in {*plain, "channels"})


def test_every_variable_that_the_program_knows_is_in_the_readme() -> None:
    sources = [path for name in (*PACKAGES, "demo") for path in (ROOT / name).rglob("*.py")]
    used = {name for path in sources for name in re.findall(r"DIDBAN_[A-Z]+(?:_[A-Z]+)*\b", path.read_text("utf-8"))}
    assert used - {"DIDBAN_CHANNEL"} <= set(coded(README)), "said in no table"


def test_the_example_loads_and_shows_every_setting(tmp_path: Path) -> None:
    assert load({"DIDBAN_CONFIG": str(EXAMPLE)}).home == "lorestan"
    whole = tmp_path / "didban.toml"
    whole.write_text(re.sub(r"(?m)^#(?=\S)", "", EXAMPLE.read_text("utf-8")), "utf-8")
    assert load({"DIDBAN_CONFIG": str(whole)}).model_fields_set == set(Settings.model_fields)


def test_an_error_stands_under_its_parent_in_the_tree() -> None:
    drawn: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"((?:[│ ] {3})*[├└]── |(?=DidbanError$))([A-Z]\w+)", line):
            depth = len(found[1]) // 4
            above[depth:] = [found[2]]
            drawn[found[2]] = above[depth - 1] if depth else "Exception"
    raised = {
        name: one.__base__.__name__
        for name, one in vars(errors).items()
        if isinstance(one, type) and issubclass(one, Exception)
    }
    assert drawn == raised


def test_a_default_rule_has_a_row_with_its_title_and_priority() -> None:
    documented = {row[0]: row[1:] for row in rows(RULES) if len(row) == 4}
    documented.pop("id")
    documented = {name: row for name, row in documented.items() if set(name) != {"-"}}
    wanted = {
        f"`{rule.id}`": [
            rule.title,
            rule.priority + (f", urgent at home in {' or '.join(rule.urgent_at_home)}" if rule.urgent_at_home else ""),
        ]
        for rule in load_rules()
    }
    assert {name: row[:2] for name, row in documented.items()} == wanted
    assert all(row[2] for row in documented.values())
    assert f"The {len(wanted)} default rules" in README
    assert f"{len(wanted)} default rules" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_every_key_of_a_rule_is_explained() -> None:
    keys = {name for row in rows(RULES) if len(row) == 3 for name in coded(row[0])}
    assert keys == set(KEYS)
    assert set(FIELDS) <= set(coded(RULES))


@pytest.mark.parametrize("source", all_sources(), ids=lambda source: source.key)
def test_a_source_has_a_row_that_says_what_it_is(source: Source) -> None:
    (row,) = [row for row in rows(README) if row[0] == f"`{source.key}`"]
    every = f"every {source.every.total_seconds() / 60:g} minutes"
    assert row[1:] == [source.name, source.home, every, type(source).__name__]


def test_the_readme_counts_the_sources() -> None:
    ((known, portals, of),) = re.findall(r"(\d+) in all(?s:.*?)(\d+) of (\d+); Kerman's is not", README)
    places = [source for source in known_sources() if source.province]
    assert (int(known), int(of)) == (len(known_sources()), len(places))
    assert int(portals) == len(build().named([PROVINCES]))
    assert [source.province for source in places if not source.home] == ["kerman"]


def test_every_key_of_a_sources_table_is_explained_for_its_engines() -> None:
    explained: dict[str, set[str]] = {
        name: set(ENGINES if row[1] == "all" else row[1].split(", "))
        for row in rows(GUIDE.partition("### The keys of a table")[2])
        if len(row) == 3
        for name in coded(row[0])
    }
    no_setting = {"key", "expects", "confidence", "note"}
    common = {field.name for field in fields(Site)} - no_setting | {"engine", "selectors"}
    own = {
        (field.name, engine)
        for engine, platform in ENGINES.items()
        for field in fields(platform)
        if field.name not in {one.name for one in fields(Site)}
    }
    assert {(name, engine) for name, engines in explained.items() for engine in engines} == own | {
        (name, engine) for name in common for engine in ENGINES
    }
    (said,) = [row[2] for row in rows(GUIDE) if row[0] == "`selectors`"]
    names = set(Site.selectors)
    assert set(coded(said.partition("a table of")[2])) == names
    unused = {
        name for name in names for platform in ENGINES.values() if not hasattr(platform, platform.selectors[name])
    }
    assert f"{' and '.join(f'`{name}`' for name in sorted(unused))} are nothing to Joomla" in GUIDE


def test_the_documents_tables_of_sources_are_taken() -> None:
    tables = [
        tomllib.loads(text)["sources"]
        for page in (README, GUIDE)
        for text in blocks(page, "toml")
        if "[sources" in text
    ]
    tables += [
        tomllib.loads(found[0])["sources"]
        for page in (README, GUIDE)
        for found in re.finditer(r"(?m)^\[sources\.\w+\]\n(?:\w+ = .*\n)+", page)
    ]
    assert len(tables) >= 5
    for table in tables:
        given = SourcesSettings.model_validate(table)
        registry = build(given.own)
        assert all(registry.get(key).watch() for key in given.own)
        assert registry.named(name for name in given.watch if name != "own") or not given.watch


def test_a_state_is_explained_and_has_the_persian_of_the_notices() -> None:
    explained = [row for row in rows(README.partition("### States")[2].partition("\n- ")[0]) if len(row) == 4]
    assert [coded(row[0])[0] for row in explained[2:]] == list(health.State.__args__)
    words = {row[0]: row[1] for row in rows(WORDS.partition("## States")[2])}
    for state, (persian, *_) in message.STATES.items():
        assert words[state] == persian
    for state in health.TROUBLE | {"offline", "online"}:
        assert f"`{state}`" in README


def test_the_columns_of_status_are_explained() -> None:
    table = README.partition("| column | meaning |")[2].partition("### States")[0]
    assert [name for row in rows(table) for name in coded(row[0])] == list(HEADERS)
    assert re.split(r"  +", re.findall(r"(?m)^source    .*$", README)[0]) == list(HEADERS)


@pytest.mark.parametrize("kind", ["story", "notice", "digest"])
def test_the_readmes_message_has_the_keys_of_what_is_sent(kind: str) -> None:
    (shown,) = [one for text in blocks(README, "") if text.startswith("{") if (one := json.loads(text))["kind"] == kind]
    notice = alert.Notice(source="mehr", state="silent", before="healthy", since=datetime(2026, 11, 21, tzinfo=UTC))
    written = article.Article(source="mehr", title="x")
    draft = alert.Draft(key="k", channel="c", story="s", article=written, alerts=())
    facts: dict[str, Any] = {"topics": (), "sources": ("mehr",), "first": None, "last": None}
    many = alert.DigestDraft(key="k", channel="c", digest="d", count=1, stories=(draft,), **facts)
    sent = {
        "story": message.payload(draft, names={}),
        "notice": message.notice_payload(alert.NoticeDraft(key="k", channel="c", notice=notice), names={}),
        "digest": next(digest.digest_payloads(many, names={})),
    }[kind]
    assert list(shown) == list(sent)
    part = {"story": "article", "notice": "notice", "digest": "stories"}[kind]
    inner, own = (one[part][0] if kind == "digest" else one[part] for one in (shown, sent))
    assert set(inner) == set(own)


def test_the_map_names_every_module_and_nothing_else() -> None:
    named = {name.partition(" ")[0] for name in coded(MAP) if "/" in name}
    for name in named:
        assert (ROOT / name).exists(), name
    modules = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if path.name != "__init__.py"
    }
    folders = tuple(name for name in named if name.endswith("/") and name.count("/") > 1)
    assert sorted(name for name in modules - named if not name.startswith(folders)) == []


def test_the_words_hold_every_key_of_an_article_and_every_state() -> None:
    table = {name for row in rows(WORDS.partition("## An article as JSON")[2]) for name in coded(row[0])}
    assert table == set(article.FIELDS)
    assert f"{len(article.FIELDS)} keys" in README
    words = {word for row in rows(WORDS) for word in row[0].split(", ")}
    for kind in (alert.Priority, outcome.Change):
        assert set(kind.__args__) <= words


def test_every_noun_and_verb_has_its_persian() -> None:
    for row in rows(WORDS.partition("## An article as JSON")[0]):
        if row[0] not in {"noun", "verb", "word"} and set(row[0]) != {"-"}:
            assert re.search("[آ-ی]", row[1]), row[0]


def test_the_bounds_of_benchmarks_are_those_of_the_programs() -> None:
    documented = {
        (coded(program)[0], coded(figure)[0], bound)
        for program, figure, bound, *_ in rows((ROOT / "docs/benchmarks.md").read_text("utf-8"))
        if program.startswith("`bench/")
    }
    bounds = {
        (path.relative_to(ROOT).as_posix(), name, f"{sign} {bound}")
        for path in (ROOT / "bench").glob("*.py")
        for constant, sign in (("FLOORS", "≥"), ("CEILINGS", "≤"))
        for name, bound in _constant(path, constant).items()
    }
    assert documented == bounds


def _constant(path: Path, name: str) -> dict[str, float]:
    """A dict that a module assigns, without running it."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [name]:
            value: dict[str, float] = ast.literal_eval(node.value)
            return value
    return {}


def test_the_changelog_knows_this_version() -> None:
    assert f"\n## {__version__} " in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_sources_of_the_guide_read_pages() -> None:
    sister, own_title, portal = blocks(GUIDE, "python")
    made: dict[str, Any] = {"__name__": "guide"}
    imports = "from dataclasses import dataclass\nfrom typing import ClassVar\n"
    for example in (sister, imports + own_title, "from scrapers.platforms.joomla import Joomla\n" + portal):
        exec(compile(example, "guide", "exec", dont_inherit=True), made)
    facts = {"key": "own", "name": "x", "home": "https://own.example/", "hosts": ("own.example",)}
    for source, page in (
        (made["SISTER"], "irna_article"),
        (made["Sister"](**facts), "mehr_article"),
        (made["OSTAN_ILAM"], "warp6_article"),
    ):
        body = (ROOT / f"tests/scrapers/pages/{page}.html").read_bytes()
        read = source.article(Page(url=source.home, body=body, fetched=datetime(2025, 12, 1, tzinfo=UTC)))
        assert (read.source, read.title != "", len(read.text) > 500) == (source.key, True, True)


def test_every_metric_is_explained() -> None:
    table = README.partition("| metric | labels |")[2].partition("\n\n")[0]
    named = set(re.findall(r"didban_\w+", table))
    source = (ROOT / "flows/metrics.py").read_text("utf-8")
    made = {f"didban_{name}" for name in re.findall(r'(?:_gauge|inner)\(\s*"(\w+)"', source)}
    assert named == made
    assert set(STAGES) <= set(coded(table))
