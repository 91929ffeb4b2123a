"""Which terms rise: words and phrases that this week's stories have more often than those of the weeks before. Pure.

    rising(this_week, weeks_before) → [Rising(term="دفاتر پیشخوان", now=14, before=6, expected=1.5, g2=31.2), …]

A term is one to three words in one stretch of text without a clause mark, by the keys of didban.tokens, so that plurals and
spellings are one; it counts once in a story, however often it stands there, and a story counts once, however many carry it. Whether
the rise is more than chance is told by the log-likelihood ratio G² of the two shares of stories (T. Dunning, "Accurate Methods
for the Statistics of Surprise and Coincidence", Computational Linguistics 19(1), 1993), which holds for rare terms, too.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from didban.tokens import read_word, words

LEAST: Final = 5
"""Stories of the week that must have a term."""
SURE: Final = 15.13
"""G² above which a rise is chance once in 10,000 terms (chi-squared, one degree of freedom)."""
_WHOLE = 0.8  # of a word's stories: when so many have it in one phrase, the phrase is what rises
_LONGEST = 3
_KNOWN = 1 << 18  # words whose keys are remembered

_CLAUSES = re.compile(r"[.,،؛;:؟?!…«»“”\"()\[\]{}|/\\\n\r\v\f•●■–—-]+")
_STOP_WORDS = """
و در به از که این آن را با است برای تا بر هم نیز یا اما اگر هر یک دو سه چهار پنج شش هفت هشت نه ده ما شما او وی
من آنها آنان ایشان خود خودش همه هیچ چه چند چون چنین چنان همین همان همچنین بین میان پس پیش بعد قبل روی زیر
بالای کنار طی طبق نسبت مورد موارد بدون جز مگر ولی بلکه زیرا چرا کجا کدام کسی چیزی باید شاید نباید می نمی شد
شده شود شدن شدند شوند می‌شود می‌شوند نشده خواهد خواهند خواهیم بود بودن بودند بوده نبود باشد باشند باشیم هست
هستند هستیم نیست نیستند دارد دارند داریم داشت داشتند داشته داشتن ندارد کرد کردن کردند کرده کنند کند کنیم کنید
می‌کند می‌کنند می‌کنیم نکرده گفت گفته گفتند گوید می‌گوید افزود اظهار داد دادند داده دهد دهند دادن می‌دهد می‌شد
گرفت گرفته گیرد گرفتن رسید رسیده رسد آمد آمده آید کرده‌اند شده‌اند بوده‌اند کرده‌ایم شده‌است توان بتوان
می‌تواند می‌توانند بیان تصریح تاکید ادامه گزارش خبرنگار خبرگزاری ایرنا مهر ایسنا امروز دیروز فردا روز شنبه
یکشنبه دوشنبه سه‌شنبه چهارشنبه پنجشنبه جمعه سال ماه هفته ساعت گذشته جاری آینده حال حاضر اکنون هنوز دیگر بسیار
بیشتر کمتر حدود حداقل حداکثر جمله جمع نظر عنوان صورت دلیل علت منظور وجود انجام قرار اینکه آنکه وقتی هنگام زمان
آقای خانم دکتر مهندس بیش کم زیاد خوب مهم جدید همراه توسط درباره پیرامون براساس اساس هزار میلیون میلیارد درصد
تومان ریال نفر انتهای پیام
"""
"""Words that carry no subject: grammar, what every report says of itself, numbers and money."""

Lemma = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rising:
    """A term as the week's stories mostly write it, in how many of them it is, and in how many of those before.

    `expected` is how many of the week's would have it if nothing had changed; `g2` how improbable that is.
    """

    term: str
    now: int
    before: int
    expected: float
    g2: float


Pair = tuple[str, str]
_BREAK: Final[Pair] = ("", "")


class _Known(dict[str, tuple[Pair, ...]]):
    """A written word → its keys, each with how it is written: worked out once, and the same pairs each time."""

    def __init__(self, lemma: Lemma | None) -> None:
        super().__init__()
        self._lemma = lemma or (lambda key: key)

    def __missing__(self, word: str) -> tuple[Pair, ...]:
        if len(self) >= _KNOWN:
            self.clear()
        keys = [token.key for one in words(word) for token in read_word(one).main]
        self[word] = pairs = tuple((self._lemma(key), word if len(keys) == 1 else key) for key in keys)
        return pairs

    def read(self, text: str) -> list[Pair]:
        """The words of a text, with a break at each clause mark."""
        return [
            pair
            for stretch in _CLAUSES.split(text)
            for pair in (*(pair for word in stretch.split() for pair in self[word]), _BREAK)
        ]


Term = tuple[str, ...]


def rising(
    week: Iterable[str],
    before: Iterable[str],
    *,
    lemma: Lemma | None = None,
    least: int = LEAST,
    sure: float = SURE,
    limit: int = 20,
) -> tuple[list[Rising], int, int]:
    """The terms that rise most, and how many texts there were of the week and before it; each text is a story's.

    `lemma` makes one key of several. The week's texts are held in memory as keys, those before are read one by one.
    """
    known = _Known(lemma)
    stop = {key for word in _STOP_WORDS.split() for key, _ in known[word]}
    stories = [known.read(text) for text in week]
    now = {term: count for term, count in _frequent(stories, least).items() if _sayable(term, stop)}
    wanted, past, total = now.keys(), Counter[Term](), 0
    for text in before:
        total += 1
        keys = [key for key, _ in known.read(text)]
        for size in range(1, _LONGEST + 1):
            past.update(_runs(keys, size) & wanted)
    scored = []
    for term, count in now.items():
        score = g2(count, len(stories), past[term], total)
        if score >= sure and count * total > past[term] * len(stories):
            scored.append((score, term))
    chosen = _chosen(sorted(scored, key=lambda one: (-one[0], -len(one[1]), one[1])), now, stop, limit)
    written = _written(stories, [term for _, term in chosen])
    return (
        [
            Rising(
                term=written[term],
                now=now[term],
                before=past[term],
                expected=past[term] * len(stories) / total if total else 0.0,
                g2=score,
            )
            for score, term in chosen
        ],
        len(stories),
        total,
    )


def g2(now: int, of_now: int, before: int, of_before: int) -> float:
    """The log-likelihood ratio of `now` of `of_now` against `before` of `of_before`; 0 where one of them is empty."""
    if not of_now or not of_before:
        return 0.0
    share = (now + before) / (of_now + of_before)
    cells = (
        (now, of_now * share),
        (of_now - now, of_now * (1 - share)),
        (before, of_before * share),
        (of_before - before, of_before * (1 - share)),
    )
    return 2 * sum(seen * math.log(seen / expected) for seen, expected in cells if seen)


def _runs(keys: Sequence[str], size: int) -> set[Term]:
    """So many keys in a row, wherever they stand."""
    return set(zip(*(keys[at:] for at in range(size)), strict=False))


def _frequent(stories: Sequence[Sequence[Pair]], least: int) -> dict[Term, int]:
    """The terms of at least so many stories. A phrase is counted only where its parts are frequent: so memory stays small."""
    keys = [[key for key, _ in story] for story in stories]
    found: dict[Term, int] = {}
    for size in range(1, _LONGEST + 1):
        counts: Counter[Term] = Counter()
        for story in keys:
            runs = _runs(story, size)
            counts.update(runs if size == 1 else [run for run in runs if run[:-1] in found and run[1:] in found])
        del counts[(_BREAK[0],)]
        found |= {term: count for term, count in counts.items() if count >= least}
    return found


def _sayable(term: Term, stop: set[str]) -> bool:
    """Does it begin and end with a word that says something?"""
    return all(key not in stop and len(key) > 1 and not key.isdigit() for key in (term[0], term[-1]))


def _chosen(
    scored: Sequence[tuple[float, Term]], now: dict[Term, int], stop: set[str], limit: int
) -> list[tuple[float, Term]]:
    """The best of them, none about what a better one is about: a word whose stories nearly all have it in one phrase gives way to
    the phrase."""
    whole: dict[str, int] = {}
    for _, term in scored:
        if len(term) > 1:
            for key in term:
                whole[key] = max(whole.get(key, 0), now[term])
    kept: list[tuple[float, Term]] = []
    used: set[str] = set()
    for score, term in scored:
        if len(term) == 1 and whole.get(term[0], 0) >= _WHOLE * now[term]:
            continue
        keys = set(term) - stop
        if keys & used:
            continue
        used |= keys
        kept.append((score, term))
        if len(kept) == limit:
            break
    return kept


def _written(stories: Sequence[Sequence[Pair]], terms: Iterable[Term]) -> dict[Term, str]:
    """Each term in the form that the week's stories have most often."""
    forms: dict[Term, Counter[str]] = {term: Counter() for term in terms}
    sizes: dict[str, set[int]] = {}
    for term in forms:
        sizes.setdefault(term[0], set()).add(len(term))
    for story in stories:
        for at, (key, _) in enumerate(story):
            for size in sizes.get(key, ()):
                pairs = story[at : at + size]
                if (term := tuple(key for key, _ in pairs)) in forms:
                    forms[term][" ".join(word for _, word in pairs)] += 1
    return {term: max(counts, key=lambda form: (counts[form], form)) for term, counts in forms.items()}
