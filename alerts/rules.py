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
replaces = true                        in the place of the rule of this id in another file

Beside the file a folder `rules.d` may hold more of them: every `*.toml` in it, by name; an id stands once in all of them, or twice
where one of the two `replaces` the other.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import cached_property
from hashlib import sha256
from itertools import chain
from pathlib import Path

from alerts.match import Matcher
from alerts.terms import Term
from didban.alert import Field, Match, Near, Priority, Rule
from didban.article import Article
from didban.errors import RulesError
from didban.provinces import PROVINCES

DEFAULT = Path(__file__).with_name("rules.toml")
FOLDER = "rules.d"
PRIORITIES: tuple[Priority, ...] = ("urgent", "normal", "digest")
FIELDS: tuple[Field, ...] = ("kicker", "title", "lead", "text")
KEYS = tuple(part.name for part in fields(Rule) if part.name != "id")
MAX_WITHIN = 100


@dataclass(frozen=True)
class RulesFile:
    """A rules file as it was read."""

    path: str
    content: bytes

    @cached_property
    def places(self) -> Places:
        """Where things stand in it, once it is known to be text."""
        return Places(self.content.decode("utf-8-sig"))


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules in force, in the files' order; `path` is the first file's, `hash` what `fingerprint` says of all of them."""

    rules: tuple[Rule, ...]
    path: str
    hash: str
    files: tuple[RulesFile, ...]
    homes: Mapping[str, str] = field(default_factory=dict, compare=False)
    """The path of the file that each rule stands in, by its id."""
    replaced: tuple[Rule, ...] = field(default=(), compare=False)
    """Those that are not in force, since another file replaces them."""

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    def place(self, id_: str, key: str = "", shown: str = "") -> tuple[str, int | None]:
        """The file, and the line in it from 1, where a rule sets `key`, or shows `shown` in its value; else where it begins."""
        homes = [file for file in self.files if file.path == self.homes.get(id_, file.path)]
        lines = ((file.path, file.places.line(("rules", id_), key, shown)) for file in homes)
        return next((found for found in lines if found[1] is not None), (self.path, None))


@dataclass(frozen=True, slots=True)
class Failure:
    """An example that does not do what its rule says of it."""

    rule: str
    example: str
    expected: bool
    """True for one of `match_examples` that does not match, False for one of `not_examples` that does."""

    def __str__(self) -> str:
        return f"rule {self.rule!r} {'does not match' if self.expected else 'matches'} its example: {self.example}"


def load(path: Path | None = None, folder: Path | None = None) -> RuleSet:
    """The rules of a file and of the folder beside it (or of `folder`); of the file shipped with Didban when `path` is None.

    Raises RulesError.
    """
    return parsed(read(path, folder))


def read(path: Path | None = None, folder: Path | None = None) -> tuple[RulesFile, ...]:
    """The files that `load` reads, as they are. Raises RulesError for one that cannot be read."""
    more = path.parent / FOLDER if folder is None and path is not None else folder
    place = path or DEFAULT
    try:
        try:
            return _files(place, more)
        except FileNotFoundError:  # one of the folder was taken away since it was listed
            return _files(place, more)
    except OSError as error:
        raise RulesError(f"cannot be read: {error.strerror or error}", path=error.filename or str(place)) from error


def _files(place: Path, more: Path | None) -> tuple[RulesFile, ...]:
    found = sorted(more.iterdir()) if more is not None and more.is_dir() else []
    toml = [place, *(one for one in found if one.suffix == ".toml" and not one.name.startswith("."))]
    return tuple(RulesFile(str(one), one.read_bytes()) for one in toml)


def fingerprint(files: Sequence[RulesFile]) -> str:
    """The sha256 in hex of one file's bytes; of several files, that of their names and bytes."""
    digests = [sha256(file.content).hexdigest() for file in files]
    if len(digests) == 1:
        return digests[0]
    named = (f"{Path(file.path).name} {digest}\n" for file, digest in zip(files, digests, strict=True))
    return sha256("".join(named).encode()).hexdigest()


def parse(content: bytes | str, path: str = "rules.toml") -> RuleSet:
    """The rules in a file's content. Raises RulesError with the line (from 1) of the first thing that is wrong."""
    return parsed([RulesFile(path, content.encode() if isinstance(content, str) else content)])


def parsed(files: Sequence[RulesFile]) -> RuleSet:
    """The rules of these files, one after the other. Raises RulesError with the line (from 1) of the first thing that is wrong."""
    rules: dict[str, Rule] = {}
    homes: dict[str, str] = {}
    replaced: list[Rule] = []
    for file in files:
        text = _text(file)
        for rule in _rules(_document(file, text), file):
            there = rules.get(rule.id)
            if there is not None and there.replaces == rule.replaces:
                problem = f"rule {rule.id!r} stands in {homes[rule.id]}, too; give one of them another id"
                raise RulesError(problem, path=file.path, line=file.places.line(("rules", rule.id)))
            if there is not None:
                replaced.append(there if rule.replaces else rule)
            if there is None or rule.replaces:
                rules[rule.id], homes[rule.id] = rule, file.path
    return RuleSet(tuple(rules.values()), files[0].path, fingerprint(files), tuple(files), homes, tuple(replaced))


def _text(file: RulesFile) -> str:
    try:
        return file.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = file.content.count(b"\n", 0, error.start) + 1
        raise RulesError("is not UTF-8 text; save it as UTF-8", path=file.path, line=line) from error


def _document(file: RulesFile, text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        problem, line = _syntax(str(error), text)
        raise RulesError(problem, path=file.path, line=line) from error


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


def _rules(document: Mapping[str, object], file: RulesFile) -> Iterator[Rule]:
    places, path = file.places, file.path
    top = _Table(document, (), places, path)
    top.refuse_unknown(("rules",), "a rules file holds only [rules.ID] tables")
    tables = document.get("rules")
    if not isinstance(tables, dict) or not tables:
        raise top.error("has no rules: write at least one [rules.ID] table", "rules")
    for id_, given in tables.items():
        if not isinstance(given, dict):
            raise top.error(f"rule {id_!r} must be a table: [rules.{id_}]", id_)
        yield _rule(id_, _Table(given, ("rules", id_), places, path))


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
        replaces=table.flag("replaces"),
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
    places: Places
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
        line = self.places.line(self.where, key, shown)
        return RulesError(problem, path=self.path, line=line, suggestion=suggestion)


class Places:
    """Where things stand in a rules file: tomllib keeps no places, so the text is read again, when somebody asks."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _lines(self) -> list[str]:
        return self._text.split("\n")

    @cached_property
    def _headers(self) -> list[tuple[int, tuple[str, ...]]]:
        """The lines that open a table, and its name in parts."""
        found = ((at, _HEADER.match(line)) for at, line in enumerate(self._lines) if "[" in line)
        return [(at, tuple(part.strip(_QUOTES) for part in _PART.findall(header[1]))) for at, header in found if header]

    @cached_property
    def _first(self) -> dict[tuple[str, ...], int]:
        """A table's, or its first inner table's, place among the headers."""
        first: dict[tuple[str, ...], int] = {}
        for place, (_, name) in enumerate(self._headers):
            for depth in range(1, len(name) + 1):
                first.setdefault(name[:depth], place)
        return first

    def line(self, where: tuple[str, ...], key: str = "", shown: str = "") -> int | None:
        """The line, from 1, of table `where` that sets `key`, or shows `shown` in its value; else of its header, if it has one."""
        lines, start, end = self._lines, 0, len(self._lines)
        place = self._first.get(where)
        if where:
            rest = self._headers if place is None else self._headers[place:]
            start = 0 if place is None else rest[0][0]
            end = next((at for at, name in rest if name[: len(where)] != where), end)
        sets = re.compile(rf"\s*(?:\[+.*?\.\s*|\[+\s*)?[\"']?{re.escape(key)}[\"']?\s*[=.\]]")
        line = next((at for at in range(start, end) if key and sets.match(lines[at])), None)
        if line is None:
            return None if place is None else start + 1
        quoted = (f'"{shown}"', f"'{shown}'")
        exactly = (at for at in range(line, end) if shown and any(one in lines[at] for one in quoted))
        roughly = (at for at in range(line, end) if shown and shown in lines[at])
        return next(chain(exactly, roughly), line) + 1


_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_PART = re.compile(r"""\"[^\"]*\"|'[^']*'|[\w-]+""")
_QUOTES = "\"'"
_HEADER = re.compile(rf"\s*\[+\s*({_PART.pattern}(?:\s*\.\s*(?:{_PART.pattern}))*)\s*\]+\s*(?:#.*)?$")
_NEAR_KEYS = ("terms", "within")


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
