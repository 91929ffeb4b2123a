"""The rules file: TOML in, frozen rules out. Strict: what it does not understand it refuses, naming the line.

[rules.egov]
title = "دولت الکترونیک"               shown to people; needed
any   = ["دولت الکترونیک"]             any of these terms is evidence
all   = ["لرستان"]                     every one of these must be there too
near  = [{ terms = ["حذف", "کاغذ|فرم"], within = 6 }]      within so many words, in one sentence
none  = ["دولت همراه با"]              no evidence in a sentence that has one of these
exact = true                           as written: no endings, no spelling help
fields = ["title", "lead"]  sources = ["irna"]  provinces = ["lorestan"]  sections = ["استان‌ها"]
priority = "normal"                    or "urgent", "digest"
urgent_at_home = ["title", "lead"]     found there in an article of the home province, it is urgent
channels = ["officer"]  note = "…"
match_examples = ["…"]  not_examples = ["…"]      sentences that must, and must not, match: `didban rules test`
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path

from alerts.match import Matcher
from alerts.terms import Term
from didban.alert import Field, Match, Near, Priority, Rule
from didban.article import Article
from didban.errors import RulesError
from didban.provinces import PROVINCES

DEFAULT = Path(__file__).with_name("rules.toml")
PRIORITIES: tuple[Priority, ...] = ("urgent", "normal", "digest")
FIELDS: tuple[Field, ...] = ("kicker", "title", "lead", "text")
KEYS = tuple(part.name for part in fields(Rule) if part.name != "id")
MAX_WITHIN = 100


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules in force: in the file's order, where they came from, and the sha256 of its bytes in hex."""

    rules: tuple[Rule, ...]
    path: str
    hash: str

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)


@dataclass(frozen=True, slots=True)
class Failure:
    """An example that does not do what its rule says of it."""

    rule: str
    example: str
    expected: bool
    """True for one of `match_examples` that does not match, False for one of `not_examples` that does."""


def load(path: Path | None = None) -> RuleSet:
    """The rules of a file; of the one shipped with Didban when `path` is None. Raises RulesError."""
    place = path or DEFAULT
    try:
        content = place.read_bytes()
    except OSError as error:
        raise RulesError(f"cannot be read: {error.strerror or error}", path=str(place)) from error
    return parse(content, str(place))


def parse(content: bytes | str, path: str = "rules.toml") -> RuleSet:
    """The rules in a file's content. Raises RulesError with the line (from 1) of the first thing that is wrong."""
    raw = content.encode() if isinstance(content, str) else content
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise RulesError("is not UTF-8 text; save it as UTF-8", path=path, line=line) from error
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        problem, line = _syntax(str(error), text)
        raise RulesError(problem, path=path, line=line) from error
    return RuleSet(tuple(_rules(document, text, path)), path, sha256(raw).hexdigest())


def priority(rule: Rule, article: Article, matches: Iterable[Match], home: str | None) -> Priority:
    """How urgent these matches of `rule` are: as it says, or urgent by `urgent_at_home`. `home`: a province slug."""
    if home is not None and article.province == home:
        found = {match.field for match in matches if match.rule == rule.id}
        if not found.isdisjoint(rule.urgent_at_home):
            return "urgent"
    return rule.priority


def check_examples(rules: Iterable[Rule]) -> list[Failure]:
    """The examples that fail, each tried on its own rule alone, in an article of the source, field … it asks for."""
    failures: list[Failure] = []
    for rule in rules:
        matcher = Matcher([rule])
        for examples, expected in ((rule.match_examples, True), (rule.not_examples, False)):
            failures += [
                Failure(rule.id, example, expected)
                for example in examples
                if bool(matcher.match(_example(rule, example))) is not expected
            ]
    return failures


def _example(rule: Rule, text: str) -> Article:
    place = rule.fields[0] if rule.fields else "text"
    facts = [next(iter(names), None) for names in (rule.sources, rule.provinces, rule.sections)]
    return Article(
        source=facts[0] or "",
        province=facts[1],
        section=facts[2],
        kicker=text if place == "kicker" else "",
        title=text if place == "title" else "",
        lead=text if place == "lead" else "",
        text=text if place == "text" else "",
    )


def _syntax(problem: str, text: str) -> tuple[str, int | None]:
    """tomllib's message and line. It says "(at line 3, column 7)", "(at end of document)", or nothing of the place."""
    what, _, place = problem.partition(" (at ")
    numbered = re.match(r"line (\d+)", place)
    line = int(numbered[1]) if numbered is not None else text.count("\n") + 1 if place else None
    return f"is not TOML: {what}", line


def _rules(document: Mapping[str, object], text: str, path: str) -> Iterator[Rule]:
    top = _Table(document, (), text, path)
    top.refuse_unknown(("rules",), "a rules file holds only [rules.ID] tables")
    tables = document.get("rules")
    if not isinstance(tables, dict) or not tables:
        raise top.error("has no rules: write at least one [rules.ID] table", "rules")
    for id_, given in tables.items():
        if not isinstance(given, dict):
            raise top.error(f"rule {id_!r} must be a table: [rules.{id_}]", id_)
        yield _rule(id_, _Table(given, ("rules", id_), text, path))


def _rule(id_: str, table: _Table) -> Rule:
    if not _ID.fullmatch(id_):
        raise table.error(f"rule id {id_!r} must be small Latin letters, digits and single hyphens")
    table.refuse_unknown(KEYS, f"rule {id_!r} has an unknown key")
    rule = Rule(
        id=id_,
        title=table.text("title"),
        any=table.terms("any"),
        all=table.terms("all"),
        none=table.terms("none"),
        near=table.near(),
        exact=table.flag("exact"),
        fields=table.names("fields", FIELDS),
        sources=table.names("sources"),
        provinces=table.names("provinces", tuple(province.slug for province in PROVINCES)),
        sections=table.names("sections"),
        priority=table.priority(),
        urgent_at_home=table.names("urgent_at_home", FIELDS),
        channels=table.names("channels"),
        note=table.text("note"),
        match_examples=table.names("match_examples"),
        not_examples=table.names("not_examples"),
    )
    if not rule.title:
        raise table.error(f"rule {id_!r} needs a title", "title")
    if not (rule.any or rule.all or rule.near):
        raise table.error(f"rule {id_!r} looks for nothing: give it 'any', 'all' or 'near'")
    return rule


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of the document, `given`, at `where` in it. Its readers raise at the first thing that is wrong."""

    given: Mapping[str, object]
    where: tuple[str, ...]
    document: str
    path: str

    def refuse_unknown(self, known: tuple[str, ...], problem: str) -> None:
        for key in self.given:
            if key not in known:
                raise self.error(f"{problem}: {key!r}", key, meant=(key, known))

    def text(self, key: str) -> str:
        value = self.given.get(key, "")
        if not isinstance(value, str):
            raise self.error(f"{key!r} must be a string, not {_kind(value)}", key)
        return value.strip()

    def flag(self, key: str) -> bool:
        value = self.given.get(key, False)
        if not isinstance(value, bool):
            raise self.error(f"{key!r} must be true or false, not {_kind(value)}", key)
        return value

    def priority(self) -> Priority:
        value = self.given.get("priority", "normal")
        for known in PRIORITIES:
            if value == known:
                return known
        problem = f"priority {value!r} is none of {', '.join(PRIORITIES)}"
        raise self.error(problem, "priority", meant=(value, PRIORITIES))

    def names(self, key: str, known: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A list of strings, none blank, none twice; of `known` ones when those are given."""
        names = _strings(self.given.get(key, []))
        if names is None:
            raise self.error(f"{key!r} must be a list of strings, not {_kind(self.given[key])}", key)
        for at, name in enumerate(names):
            if not name.strip():
                raise self.error(f"{key!r} has an empty string", key, name)
            if name in names[:at]:
                raise self.error(f"{key!r} has {name!r} twice", key, name)
            if known and name not in known:
                raise self.error(f"{key!r} has an unknown name {name!r}", key, name, meant=(name, known))
        return names

    def terms(self, key: str) -> tuple[str, ...]:
        terms = self.names(key)
        for term in terms:
            if "|" in term:
                raise self.error(f"term {term!r} in {key!r} has a '|', which only 'near' knows", key, term)
            self._check_term(term, key, term)
        return terms

    def near(self) -> tuple[Near, ...]:
        value = self.given.get("near", [])
        if not isinstance(value, list):
            raise self.error("'near' must be a list of tables { terms = […], within = N }", "near")
        return tuple(self._one_near(item) for item in value)

    def _one_near(self, given: object) -> Near:
        if not isinstance(given, dict):
            raise self.error("'near' must be a list of tables { terms = […], within = N }", "near")
        for key in given:
            if key not in _NEAR_KEYS:
                raise self.error(f"'near' has an unknown key {key!r}", "near", key, meant=(key, _NEAR_KEYS))
        slots, within = _strings(given.get("terms")), given.get("within")
        if slots is None or len(slots) < 2:
            raise self.error("'near' needs 'terms', a list of two or more strings", "near")
        if isinstance(within, bool) or not isinstance(within, int) or not 1 <= within <= MAX_WITHIN:
            raise self.error(f"'near' needs 'within', a number of words from 1 to {MAX_WITHIN}", "near", "within")
        for slot in slots:
            for term in slot.split("|"):
                self._check_term(term, "near", slot)
        return Near(terms=slots, within=within)

    def _check_term(self, written: str, key: str, shown: str) -> None:
        term = Term(written, self.flag("exact"))
        if not term.letters:
            raise self.error(f"term {written!r} in {key!r} has no letter or digit", key, shown)
        if term.crossed and not term.exact:
            problem = f"term {written!r} in {key!r} has a mark inside that no phrase goes over; make it two terms"
            raise self.error(problem, key, shown)
        if term.unknown:
            problem = f"term {written!r} in {key!r} has letters that are neither Persian nor Latin: {term.unknown}"
            raise self.error(problem, key, shown)

    def error(
        self, problem: str, key: str = "", shown: str = "", *, meant: tuple[object, Iterable[str]] = ("", ())
    ) -> RulesError:
        """At the line that sets `key`, or shows `shown` in its value; `meant` is what was written and what is known."""
        close = get_close_matches(str(meant[0]), list(meant[1]), n=1)
        suggestion = close[0] if close else None
        return RulesError(problem, path=self.path, line=self._line(key, shown), suggestion=suggestion)

    def _line(self, key: str, shown: str) -> int | None:
        """As near as can be found: tomllib keeps no places, so the text is read again, from the table's header to the
        next table's."""
        lines = self.document.split("\n")
        ours = re.compile(r"\s*\[+\s*" + r"\s*\.\s*".join(map(_quoted, self.where)) + r"\s*[.\]]")
        headers = [at for at, line in enumerate(lines) if self.where and ours.match(line)]
        start = headers[0] if headers else 0
        others = (
            at for at in range(start, len(lines)) if self.where and _HEADER.match(lines[at]) and at not in headers
        )
        end = next(others, len(lines))
        sets = re.compile(rf"\s*(?:\[+.*?\.\s*|\[+\s*)?{_quoted(key)}\s*[=.\]]")
        line = next((at for at in range(start, end) if key and sets.match(lines[at])), None)
        if line is None:
            return start + 1 if headers else None
        return next((at for at in range(line, end) if shown and shown in lines[at]), line) + 1


_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_HEADER = re.compile(r"\s*\[+\s*[\w\"'-]+(?:\s*\.\s*[\w\"'-]+)*\s*\]+\s*(?:#.*)?$")
_NEAR_KEYS = ("terms", "within")


def _quoted(name: str) -> str:
    return rf"[\"']?{re.escape(name)}[\"']?"


def _strings(value: object) -> tuple[str, ...] | None:
    """A list of strings, as such; None for anything else."""
    if not isinstance(value, list):
        return None
    strings = tuple(item for item in value if isinstance(item, str))
    return strings if len(strings) == len(value) else None


def _kind(value: object) -> str:
    """A TOML value's type in plain words."""
    for kind, words in ((str, "a string"), (bool, "true or false"), (int | float, "a number"), (dict, "a table")):
        if isinstance(value, kind):
            return words
    if isinstance(value, list):
        return "a list of other things"
    return "a date or time"
