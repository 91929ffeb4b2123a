"""What is doubtful in a rules file that can be read: terms and rules that find nothing, everything, or what others find. Pure.

Each remark is proven by the matcher itself: every term is looked for in every other one, as written. What stands in a term
stands wherever the term is found, in whatever spelling, so a rule all of whose evidence holds another rule's is covered by it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Final, Literal, NamedTuple

from alerts.match import Matcher
from alerts.rules import PRIORITIES, RuleSet
from alerts.terms import Term
from didban.alert import Rule
from didban.article import Article
from didban.share import bounds
from didban.text import fold, sentences, squash
from didban.tokens import read_word, words

Kind = Literal[
    "letter", "never", "spelling", "barred", "needless", "covered", "replaces", "source", "section", "channel", "common"
]
SHARE: Final = 0.2
"""A term that stands in more of the archive than this tells nobody anything."""
FEWEST: Final = 10
"""Articles from which a share can be told."""
_ENDING = 8  # letters that an ending may have
_COMPARED = 20  # rules that one is compared with: of a file that repeats itself ten thousand times the first will do


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What is doubtful, in which rule, on which line (from 1; None where the file does not show it), and what to do."""

    path: str
    line: int | None
    rule: str
    kind: Kind
    problem: str
    advice: str
    term: str = ""
    """What of the file it is about."""

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: rule {self.rule!r}: {self.problem}; {self.advice}"


@dataclass(frozen=True, slots=True)
class _Word:
    """A term as a rule means it."""

    text: str
    exact: bool


def review(
    rules: RuleSet, *, sources: Iterable[str] | None = None, channels: Iterable[str] | None = None
) -> list[Remark]:
    """The doubts about these rules, by file and line. `sources` and `channels` are the names there are; None asks for neither."""
    place, found = _Place(rules), _Found(rules)
    remarks = [remark for rule in rules for remark in _terms(rule, found, place)]
    remarks += _covered(rules, found, place)
    there = {rule.id for rule in rules.replaced}
    remarks += [
        place(rule, "replaces", "", "replaces", "it replaces no rule: no other file has its id", "mend the id")
        for rule in rules
        if rule.replaces and rule.id not in there
    ]
    for key, known in (("sources", sources), ("channels", channels)):
        if known is not None:
            remarks += _names(rules, key, tuple(known), place)
    return _ordered(remarks, rules)


def archive(rules: RuleSet, articles: Sequence[Article]) -> list[Remark]:
    """What a sample of the archive says of them: evidence in too many of its articles, sections that none of them has."""
    if len(articles) < FEWEST:
        return []
    place, matcher, total = _Place(rules), Matcher(rules), len(articles)
    seen: Counter[tuple[str, str]] = Counter()
    sections: set[str] = set()
    for article in articles:
        seen.update({(match.rule, match.term) for match in matcher.match(article)})
        sections.add(fold(article.section or "").strip())
    remarks: list[Remark] = []
    for rule in rules:
        nears = {" + ".join(near.terms): near.terms[0] for near in rule.near}
        for term in (*rule.any, *nears) or rule.all:
            count = seen[rule.id, term]
            if bounds(count, total)[0] > SHARE:  # sure, however few articles there are
                key, shown = ("near", nears[term]) if term in nears else ("any" if rule.any else "all", term)
                problem = f"«{term}» is found in {count} of {total} articles of the archive ({count / total:.0%})"
                remarks.append(place(rule, key, shown, "common", problem, "add words that say what is meant"))
        for name in rule.sections:
            if fold(name).strip() not in sections:
                close = get_close_matches(fold(name).strip(), sections, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                problem = f"none of {total} articles of the archive is of the section «{name}»{hint}"
                remarks.append(place(rule, "sections", name, "section", problem, "write it as the articles have it"))
    return _ordered(remarks, rules)


class _Place:
    """Makes remarks with their file and line."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules

    def __call__(self, rule: Rule, key: str, shown: str, kind: Kind, problem: str, advice: str) -> Remark:
        path, line = self._rules.place(rule.id, key, shown)
        return Remark(path=path, line=line, rule=rule.id, kind=kind, problem=problem, advice=advice, term=shown)


def _ordered(remarks: Iterable[Remark], rules: RuleSet) -> list[Remark]:
    files = {file.path: at for at, file in enumerate(rules.files)}
    return sorted(remarks, key=lambda remark: (files[remark.path], remark.line or 0))


class _Found:
    """Which terms of all rules stand in a term as it is written, and which of them are all of it.

    The matcher says so; it is asked about terms whose words, without their endings, stand there side by side.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._matchers: dict[_Word, Matcher] = {}
        self._inside: dict[str, dict[_Word, bool]] = {}
        self._glued: dict[str, list[_Word]] = defaultdict(list)
        for word in dict.fromkeys(_Word(text, rule.exact) for rule in rules for _, _, text in _all_terms(rule)):
            self._glued["".join(_keys(word.text))].append(word)

    def inside(self, text: str) -> Mapping[_Word, bool]:
        """The terms that stand in a term's text, each with whether it is the whole of it."""
        if text not in self._inside:
            article = Article(source="", title="", text=text.upper() if Term(text).capitals else text)
            self._inside[text] = found = {}
            for word in self._likely(text):
                if word.text == text:  # not asked: to make a matcher costs a millisecond
                    found[word] = True
                elif matches := self._matcher(word).match(article):
                    found[word] = any(squash(match.text) == squash(text) for match in matches)
        return self._inside[text]

    def _likely(self, text: str) -> Iterator[_Word]:
        keys, written = _keys(text), [squash(word) for word in words(text)]
        lasts = [written[at] if len(written) == len(keys) else key for at, key in enumerate(keys)]
        runs: dict[str, None] = {}
        for end, last in enumerate(lasts):
            stems = {keys[end], *(last[:cut] for cut in range(max(1, len(last) - _ENDING), len(last) + 1))}
            for start in range(end + 1):
                head = "".join(keys[start:end])
                runs |= dict.fromkeys(head + stem for stem in sorted(stems))
        return (word for run in runs for word in self._glued.get(run, ()))

    def _matcher(self, word: _Word) -> Matcher:
        if word not in self._matchers:
            self._matchers[word] = Matcher([Rule(id="one", title="one", any=(word.text,), exact=word.exact)])
        return self._matchers[word]


def _keys(text: str) -> list[str]:
    """A term's words without their endings, broken plurals as their singulars."""
    return [token.key for word in words(text) for token in read_word(word).main]


def _all_terms(rule: Rule) -> Iterator[tuple[str, str, str]]:
    """Every term of a rule: its key, what of the file shows it, and the term."""
    for key, terms in (("any", rule.any), ("all", rule.all), ("none", rule.none)):
        yield from ((key, term, term) for term in terms)
    for near in rule.near:
        yield from (("near", slot, text) for slot in near.terms for text in _choices(slot))


def _choices(slot: str) -> list[str]:
    return [text.strip() for text in slot.split("|")]


# ── terms ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _terms(rule: Rule, found: _Found, place: _Place) -> Iterator[Remark]:
    for key, shown, text in _all_terms(rule):
        if len(squash(text)) == 1:
            says = "bars nearly every sentence" if key == "none" else "stands in nearly every text"
            yield place(rule, key, shown, "letter", f"term «{text}» is one letter and {says}", "write the whole word")
        elif len(sentences(text)) > 1:
            problem = f"term «{text}» is never found, not even where it stands as written"
            yield place(rule, key, shown, "never", problem, "a sentence ends inside it: make it two terms")
        elif key != "none":
            barring = next((bar for bar in rule.none if _Word(bar, rule.exact) in found.inside(text)), None)
            if barring is not None:
                problem = f"term «{text}» holds «{barring}» of 'none', so it is never evidence"
                yield place(rule, key, shown, "barred", problem, "delete one of the two, or make 'none' say more")
    lists = [("any", rule.any), ("all", rule.all), ("none", rule.none)]
    lists += [("near", tuple(_choices(slot))) for near in rule.near for slot in near.terms]
    for key, terms in lists:
        yield from _twice(rule, key, terms, found, place)


def _twice(rule: Rule, key: str, terms: Sequence[str], found: _Found, place: _Place) -> Iterator[Remark]:
    """Terms of one list that another one of it makes needless. (A longer phrase in `any` is not: it is the better evidence.)"""
    dropped: set[str] = set()
    for text in terms:
        inside = found.inside(text)
        for other in terms:
            whole = inside.get(_Word(other, rule.exact))
            if other == text or other in dropped or whole is None or not (whole or key == "none"):
                continue
            if found.inside(other).get(_Word(text, rule.exact)) and terms.index(text) < terms.index(other):
                continue  # each finds the other: the later one goes
            dropped.add(text)
            kind: Kind = "spelling" if whole else "needless"
            problem = f"{key!r} has «{text}», and «{other}» {'finds that, too' if whole else 'bars all that it bars'}"
            yield place(rule, key, text, kind, problem, f"delete «{text}»")
            break


def _names(rules: RuleSet, key: str, known: tuple[str, ...], place: _Place) -> Iterator[Remark]:
    kind: Kind = "source" if key == "sources" else "channel"
    for rule in rules:
        for name in getattr(rule, key):
            if name not in known:
                close = get_close_matches(name, known, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known) or 'none'}"
                yield place(rule, key, name, kind, f"there is no {kind} «{name}»", hint)


# ── rules ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Way(NamedTuple):
    """One way in which a rule may hold: of each slot a choice, within so many words (0: a term alone)."""

    slots: tuple[tuple[str, ...], ...]
    within: int


def _ways(rule: Rule) -> list[_Way]:
    alone = [_Way(((text,),), 0) for text in rule.any]
    return alone + [_Way(tuple(tuple(_choices(slot)) for slot in near.terms), near.within) for near in rule.near]


def _covered(rules: RuleSet, found: _Found, place: _Place) -> Iterator[Remark]:
    """Rules that add nothing: whatever they find another one finds too, for at least the same people and as urgently."""
    every = rules.rules
    owners: dict[_Word, list[int]] = defaultdict(list)
    for at, rule in enumerate(every):
        for text in dict.fromkeys(text for key, _, text in _all_terms(rule) if key != "none"):
            owners[_Word(text, rule.exact)].append(at)
    for at, rule in enumerate(every):
        first = [text for way in _ways(rule)[:1] for slot in way.slots for text in slot]
        held = (word for text in (*first, *rule.all) for word in found.inside(text))
        others = islice((two for word in held for two in owners[word] if two != at), _COMPARED)
        for two in dict.fromkeys(others):
            other = every[two]
            if _adds_nothing(rule, other, found) and (two < at or not _adds_nothing(other, rule, found)):
                problem = f"whatever it finds, rule {other.id!r} finds, too"
                advice = "delete it, or give it a higher priority or channels of its own"
                yield place(rule, "", "", "covered", problem, advice)
                break


def _adds_nothing(narrow: Rule, wide: Rule, found: _Found) -> bool:
    at_home = wide.priority == "urgent" or set(narrow.urgent_at_home) <= set(wide.urgent_at_home)
    told = not wide.channels or (bool(narrow.channels) and set(narrow.channels) <= set(wide.channels))
    later = PRIORITIES.index(narrow.priority) >= PRIORITIES.index(wide.priority)
    return at_home and told and later and _covers(wide, narrow, found)


def _covers(wide: Rule, narrow: Rule, found: _Found) -> bool:
    """Is every article that `narrow` finds one that `wide` finds, by evidence in the same sentences?"""
    limits = ((getattr(wide, key), getattr(narrow, key)) for key in ("fields", "sources", "provinces", "sections"))
    if (wide.exact and not narrow.exact) or any(
        theirs and not (ours and set(ours) <= set(theirs)) for theirs, ours in limits
    ):
        return False

    def has(text: str, wanted: Iterable[str], *, whole: bool = False) -> bool:
        """Does a term of `narrow` hold (is it wholly) one of these terms of `wide`?"""
        inside = found.inside(text)
        return any(
            inside.get(_Word(one, wide.exact), False) or (not whole and _Word(one, wide.exact) in inside)
            for one in wanted
        )

    def in_way(way: _Way, wanted: Iterable[str]) -> bool:
        return any(all(has(text, wanted) for text in slot) for slot in way.slots)

    def is_way(way: _Way, other: _Way) -> bool:
        """Slot by slot, in any order: the same or narrower choices, no further apart."""
        left = list(way.slots)
        for slot in other.slots:
            same = next((one for one in left if all(has(text, slot, whole=True) for text in one)), None)
            if same is None:
                return False
            left.remove(same)
        return way.within <= other.within

    ways = _ways(narrow)

    def always(wanted: Sequence[str]) -> bool:
        """Is one of these terms found wherever `narrow` is?"""
        return any(has(text, wanted) for text in narrow.all) or (
            bool(ways) and all(in_way(way, wanted) for way in ways)
        )

    if not all(any(_Word(ours, narrow.exact) in found.inside(theirs) for ours in narrow.none) for theirs in wide.none):
        return False
    if not all(always([text]) for text in wide.all):
        return False
    nears = [way for way in _ways(wide) if way.within]
    return (
        not (wide.any or wide.near)
        or always(wide.any)
        or (bool(ways) and all(in_way(way, wide.any) or any(is_way(way, near) for near in nears) for way in ways))
    )
