"""A rule as an officer writes it: one phrase a line, provinces, urgency, channels. Pure: the form → a rule, or what is wrong in it.

What the form does not show (near, all, fields, examples …) stays as the rule has it. What is wrong is said in Persian, field by
field; a mistake must be mended, a doubt may be kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from alerts.lines import printable
from alerts.review import Remark, archive, review
from alerts.rules import PRIORITIES, parse
from alerts.terms import Term
from alerts.writing import as_toml
from didban.alert import Rule
from didban.article import Article
from didban.dates import to_persian_digits
from didban.provinces import PROVINCES
from didban.text import squash

MOST_PHRASES, LONGEST_PHRASE, LONGEST_TITLE = 1000, 200, 100
NEW: Final = "topic-new"
"""The id of a rule that has none yet."""
TAKEN: Final = "موضوع دیگری به نام «{}» هست؛ نام دیگری بگذارید، یا همان را ویرایش کنید."
Problems = dict[str, list[str]]
"""What is wrong, by field: `title`, `any`, `none`, `province`, `priority`, `channel`, or `form` for the whole."""
_DOUBTS: Final[Mapping[str, str]] = {
    "never": "«{}» هیچ\u200cگاه پیدا نمی\u200cشود: جمله\u200cای در میانهٔ آن تمام می\u200cشود. آن را دو عبارت کنید.",
    "barred": "«{}» هیچ\u200cگاه گواه نمی\u200cشود: یکی از «نباید»ها درون آن است.",
    "spelling": "«{}» زیادی است: عبارت دیگری همان را پیدا می\u200cکند.",
    "needless": "«{}» زیادی است: «نباید» دیگری همان را کنار می\u200cگذارد.",
    "common": "«{}» در بیش از یک\u200cپنجم خبرهای بایگانی هست و کسی را خبردار نمی\u200cکند. واژه\u200cای به آن بیفزایید.",
}
"""By the kind of a remark; other kinds are of what the form does not show."""
_SLIGHT: Final = {"spelling", "needless"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The form as it was filled in: nothing of it is lost, whatever is wrong with it. `seen` is the version that it is of."""

    title: str = ""
    any: str = ""
    none: str = ""
    provinces: tuple[str, ...] = ()
    priority: str = "normal"
    channels: tuple[str, ...] = ()
    days: str = "30"
    seen: str = ""

    @property
    def rule(self) -> dict[str, Any]:
        """What it says of a rule."""
        return {
            "title": " ".join(printable(self.title).split()),
            "any": _phrases(self.any),
            "none": _phrases(self.none),
            "provinces": self.provinces,
            "priority": self.priority,
            "channels": self.channels,
        }


def of_rule(rule: Rule, seen: str) -> Draft:
    """The form of a rule that there is."""
    return Draft(
        title=rule.title,
        any="\n".join(rule.any),
        none="\n".join(rule.none),
        provinces=rule.provinces,
        priority=rule.priority,
        channels=rule.channels,
        seen=seen,
    )


def of_form(given: Mapping[str, Sequence[str]]) -> Draft:
    """What a browser sent."""

    def one(name: str, default: str = "") -> str:
        return given.get(name, [default])[0]

    return Draft(
        title=one("title"),
        any=one("any").replace("\r\n", "\n"),
        none=one("none").replace("\r\n", "\n"),
        provinces=tuple(dict.fromkeys(given.get("province", ()))),
        priority=one("priority", "normal"),
        channels=tuple(dict.fromkeys(given.get("channel", ()))),
        days=one("days", "30"),
        seen=one("seen"),
    )


def drafted(draft: Draft, base: Rule | None) -> Rule:
    """The rule that a draft without mistakes means; what the form does not show is that of `base`."""
    return replace(base or Rule(id=NEW, title=""), **draft.rule)


def mistakes(draft: Draft, base: Rule | None, rules: Iterable[Rule], channels: Iterable[str]) -> Problems:
    """What must be mended before the draft is a rule."""
    said, found = draft.rule, Problems()

    def wrong(name: str, problem: str) -> None:
        found.setdefault(name, []).append(problem)

    title: str = said["title"]
    if not squash(title):
        wrong("title", "نام موضوع را بنویسید.")
    elif len(title) > LONGEST_TITLE:
        wrong("title", f"نام موضوع بیش از {to_persian_digits(str(LONGEST_TITLE))} حرف است.")
    elif (base is None or squash(title) != squash(base.title)) and called(title, rules):
        wrong("title", TAKEN.format(title))
    if not said["any"] and not (base is not None and (base.near or base.all)):
        wrong("any", "دست\u200cکم یک عبارت بنویسید.")
    for name in ("any", "none"):
        for problem in _of_phrases(said[name], exact=base is not None and base.exact):
            wrong(name, problem)
    known = {province.slug for province in PROVINCES}
    if unknown := [slug for slug in draft.provinces if slug not in known]:
        wrong("province", f"استانی به نام «{printable(unknown[0])}» نیست؛ از فهرست برگزینید.")
    if draft.priority not in PRIORITIES:
        wrong("priority", "فوریت را از فهرست برگزینید.")
    there = set(channels)
    if gone := [name for name in draft.channels if name not in there]:
        wrong("channel", f"کانالی به نام «{printable(gone[0])}» نیست؛ نشان آن را بردارید.")
    return found


def called(title: str, rules: Iterable[Rule]) -> bool:
    """Is one of these rules called so?"""
    return squash(title) in {squash(rule.title) for rule in rules}


def doubts(rule: Rule, sample: Sequence[Article], *, slight: bool = False) -> Problems:
    """What is hardly meant in a rule without mistakes, also by articles of the archive; with `slight` what is needless, too."""
    alone = parse(as_toml(rule))
    found = Problems()
    for remark in (*review(alone), *archive(alone, sample)):
        if remark.kind in _DOUBTS and (slight or remark.kind not in _SLIGHT):
            name = "none" if remark.kind == "needless" else _field(rule, remark)
            found.setdefault(name, []).append(_DOUBTS[remark.kind].format(printable(remark.term)))
    return found


def _field(rule: Rule, remark: Remark) -> str:
    return "none" if remark.term in rule.none and remark.term not in rule.any else "any"


def _phrases(text: str) -> tuple[str, ...]:
    """The lines that hold something, each once."""
    lines = (" ".join(printable(line).split()) for line in text.split("\n"))
    return tuple(dict.fromkeys(line for line in lines if line))


def _of_phrases(phrases: Sequence[str], *, exact: bool) -> Iterator[str]:
    if len(phrases) > MOST_PHRASES:
        yield f"بیش از {to_persian_digits(str(MOST_PHRASES))} عبارت است؛ موضوع را چند تا کنید."
        return
    for phrase in phrases:
        if len(phrase) > LONGEST_PHRASE:
            yield f"«{phrase[:40]}…» بیش از {to_persian_digits(str(LONGEST_PHRASE))} حرف است؛ هر عبارت در سطری از آن خود."
            continue
        term = Term(phrase, exact)
        if not term.letters:
            yield f"«{phrase}» هیچ حرفی ندارد."
        elif len(term.letters) == 1:
            yield f"«{phrase}» یک حرف است و در هر متنی هست؛ واژهٔ کامل بنویسید."
        elif "|" in phrase:
            yield f"«{phrase}» نشانهٔ | دارد؛ هر عبارت در سطری از آن خود."
        elif term.crossed and not exact:
            yield f"در میان «{phrase}» نشانه\u200cای هست که عبارتی از آن نمی\u200cگذرد، مانند ویرگول؛ آن را دو عبارت کنید."
        elif term.unknown:
            yield f"«{phrase}» حرفی دارد که نه فارسی است نه لاتین: {term.unknown}"
