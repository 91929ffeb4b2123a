"""Every way to write a term that the known rules make is found, to the character; inside words and over marks nothing is."""

from functools import cache

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from alerts.match import Matcher
from alerts.rules import load
from didban.alert import Rule
from didban.article import Article
from didban.text import fold

ZWNJ = "\N{ZERO WIDTH NON-JOINER}"
NBSP = "\N{NO-BREAK SPACE}"
steady = settings(derandomize=True, database=None, deadline=None, max_examples=200)

TERMS = sorted({term for rule in load() for term in (*rule.any, *rule.all, *rule.none)})
ALIKE = {"ی": "يىئېے", "ک": "كڪ", "ه": "ةۀہھە", "ا": "أإآٱ", "و": "ؤ"}
FAMILIES = {"دفاتر": "دفتر", "خدمات": "خدمت", "الکترونیک": "الکترونیکی", "دیجیتال": "دیجیتالی", "استعلام": "استعلامات"}
NOISE = (
    "\N{ARABIC TATWEEL}",
    "\N{ARABIC KASRA}",
    "\N{ARABIC SHADDA}",
    "\N{RIGHT-TO-LEFT MARK}",
    "\N{SOFT HYPHEN}",
    "ـ" * 9,
)
BETWEEN = (" ", "  ", NBSP, ZWNJ, f"{ZWNJ} ", "", " «", "» ", "-", "_", " (", '" ')
INNER = ("", "", "", "ها", "های", f"{ZWNJ}های", " های", "ی")
LAST = ("", "", "", "ها", f"{ZWNJ}های", " ها", "ی", f"{ZWNJ}هایشان")
PERSIAN = "بپتجچحخدرزسشعغفقکگلم"


@cache
def matcher(term: str) -> Matcher:
    return Matcher([Rule(id="x", title="x", any=(term,))])


def found(term: str, text: str) -> list[tuple[int, str]]:
    return [(match.start, match.text) for match in matcher(term).match(Article(source="s", title="", text=text))]


def is_persian(word: str) -> bool:
    return "ء" <= fold(word)[-1] <= "ۿ"


def parted(term: str) -> list[str]:
    """Its words, as the default rules part them: at spaces, hyphens and dots."""
    return term.replace("-", " ").replace(".", " ").split()


@st.composite
def variants(draw: st.DrawFn) -> tuple[str, str]:
    """A term of the default rules, and one of the ways to write it."""
    term = draw(st.sampled_from(TERMS))
    words = parted(term)
    written = ""
    for at, whole in enumerate(words):
        last = at == len(words) - 1
        word = draw(st.sampled_from((whole, FAMILIES.get(whole, whole))))
        joint = draw(st.sampled_from((ZWNJ, "", " ", NBSP)))
        word = word.replace(ZWNJ, joint)
        long = len(fold(word)) >= 4 and is_persian(word)
        for char in word:
            written += draw(st.sampled_from((char, *ALIKE.get(char, ""))))
            written += draw(st.sampled_from((*[""] * 12, *(NOISE if char.isalpha() else ()))))
        written += draw(st.sampled_from((LAST if last else INNER) if long else ("",)))
        if not last:
            # a Latin word and another would be one word without anything between
            latin = not (is_persian(word) or is_persian(words[at + 1]))
            written += draw(st.sampled_from((" ", "-", ".") if latin else BETWEEN))
    return term, written


@given(
    variants(), st.sampled_from(("", "در ", "«", "۱۲ ", "است! ", "و ")), st.sampled_from(("", " شد", "»", " ۵", "، "))
)
@steady
def test_each_is_found_where_it_stands(variant: tuple[str, str], before: str, after: str) -> None:
    term, written = variant
    got = found(term, before + written + after)
    # marks on the last letter belong to it, other invisible characters behind it do not
    seen = written.rstrip("\N{ARABIC TATWEEL}\N{RIGHT-TO-LEFT MARK}\N{SOFT HYPHEN}" + ZWNJ)
    assert [start for start, _ in got] == [len(before)], (term, written)
    assert got[0][1].rstrip("\N{ARABIC KASRA}\N{ARABIC SHADDA}") == seen.rstrip("\N{ARABIC KASRA}\N{ARABIC SHADDA}")


@given(variants(), st.text(PERSIAN, min_size=1, max_size=4), st.sampled_from(("before", "after")))
@steady
def test_none_is_found_inside_another_word(variant: tuple[str, str], more: str, side: str) -> None:
    term, written = variant
    words = parted(term)
    assume(is_persian(words[0]) and is_persian(words[-1]))
    assume(not (side == "after" and more.startswith(("تر", "ست", "شان", "م", "ت", "ش", "ر"))))
    assume(written[-1].isalnum() and written[0].isalnum())
    text = more + written if side == "before" else written + more
    assert all(
        start > 0 if side == "before" else start + len(match) <= len(written) for start, match in found(term, text)
    )
    assert not [start for start, match in found(term, text) if match == written]


@given(st.sampled_from([term for term in TERMS if len(parted(term)) > 1]), st.sampled_from("،؛:!؟/\n…"), st.data())
@steady
def test_none_is_found_over_a_clause_mark(term: str, mark: str, data: st.DataObject) -> None:
    words = parted(term)
    at = data.draw(st.integers(1, len(words) - 1))
    text = f"{' '.join(words[:at])}{data.draw(st.sampled_from(('', ' ')))}{mark} {' '.join(words[at:])}"
    assert found(term, text) == []
    assert found(term, term) != []
