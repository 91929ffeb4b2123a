"""How surely copies of a story are found, and nothing else is taken for one.

    python bench/stories.py [--corpus FILE] [--quick] [--json] [--check]

Real articles (the corpus beside the repository; without it our own few, and it says so) are edited as sites edit each
other's texts, by a program, so that the right answer is known; beside them stand pairs that look alike and are not one
story: editions of our own reports (bench/series.txt) and of real ones, round-ups, two articles in one site's frame, and
pairs of real articles found by hand (bench/near_copies.tsv). All are asked of one index that holds every real article.
Half of the articles, drawn by a fixed seed, was tuned on; bounds are for the other half.

Then every real article is looked up among all before it: a pair that is found and not listed is a false one.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import pairwise
from math import ceil
from pathlib import Path
from statistics import median
from time import perf_counter

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from demo.articles import opening  # noqa: E402 - run as a script, from anywhere
from didban.article import Article  # noqa: E402
from didban.copies import MOST_CANDIDATES, SENTENCE, SHORTEST, Imprint, imprint, is_boilerplate, same_story  # noqa: E402
from didban.provinces import PROVINCES  # noqa: E402
from didban.text import sentences  # noqa: E402

FLOORS = {"recall": 0.97, "precision": 0.99, "worst_recall": 0.93}
CEILINGS = {"real_false": 0}
CORPUS = ROOT.parent / "shared/corpus/fars-900.jsonl.gz"
SEED = 1398
ZWNJ = "\N{ZERO WIDTH NON-JOINER}"
FRAME = (
    "ارسال نظر برای این مطلب پس از ورود به سامانه کاربران پایگاه امکان‌پذیر است.",
    "کلیه حقوق مادی و معنوی این پایگاه متعلق به روابط عمومی دستگاه است و نقل آن با ذکر منبع بلامانع است.",
    "نشانی: خیابان امام، ساختمان مرکزی، طبقه دوم، صندوق پستی ۱۴۵۶، تلفن گویای مرکز پاسخگویی ۱۱۱",
    "برای دریافت خبرهای تازه در پیام‌رسان‌های داخلی عضو شوید",
    "انتهای پیام/",
)
"""What the site `portal` puts under each of its articles, because its reader cannot tell it from the text."""

Edit = Callable[[Article, random.Random], Article]


# ── a site's edits ────────────────────────────────────────────────────────────────────────────────────────────────────


def _texts(article: Article, change: Callable[[str], str]) -> Article:
    return replace(article, title=change(article.title), lead=change(article.lead), text=change(article.text))


def letters(article: Article, pick: random.Random) -> Article:
    """The other keyboard's letters, and other digits."""
    arabic = pick.random() < 0.5
    pairs = dict(zip("يكىة", "یکیه", strict=True)) | ({"ی": "ي", "ک": "ك"} if arabic else {})
    digits = pick.choice(("0123456789", "۰۱۲۳۴۵۶۷۸۹", "٠١٢٣٤٥٦٧٨٩"))
    every = {zero + at: digits[at] for zero in (0x30, 0x660, 0x6F0) for at in range(10)}
    return _texts(article, lambda text: text.translate(str.maketrans(pairs) | every))


def joiners(article: Article, pick: random.Random) -> Article:
    """Half-spaces lost: each nothing, or a space."""
    return _texts(article, lambda text: re.sub(ZWNJ, lambda _: pick.choice(("", " ")), text))


def lead(article: Article, pick: random.Random) -> Article:
    """Another title and lead, and the other agency's name before the first sentence."""
    words = article.text.split()
    said = " ".join(pick.sample(words, min(len(words), 18)))
    own = f"{pick.choice(('بروجرد', 'یزد', 'خوی'))} - ایرنا - به گزارش خبرنگار ما، "
    text = own + re.sub(r"^به گزارش [^،.]{0,60}،", "", article.text.translate({0x64A: "ی", 0x643: "ک"}))
    return replace(article, title=f"{said[:40]}؛ تازه‌ترین خبر", lead=said, text=text)


def everything(article: Article, pick: random.Random) -> Article:
    return reduce(lambda made, edit: edit(made, pick), (lead, joiners, letters), article)


ALPHABET = "ابپتثجچحخدذرزسشصضطظعغفقکگلمنوهی"


def typos(article: Article, pick: random.Random) -> Article:
    """3 % of the letters mistyped: another one, none, or one too many."""

    def typed(letter: str) -> str:
        if not letter.isalpha() or pick.random() >= 0.03:
            return letter
        return pick.choice((pick.choice(ALPHABET), "", letter + pick.choice(ALPHABET)))

    return _texts(article, lambda text: "".join(map(typed, text)))


def update(article: Article, pick: random.Random) -> Article:
    """Told again later: a third of the numbers changed, a sentence with a third of its words swapped, a paragraph added."""
    text = _renumbered(article.text, pick, share=1 / 3)
    ends = [end for _, end in sentences(text)]
    parts = [text[start:end] for start, end in pairwise((0, *ends))]
    at = pick.randrange(len(parts))
    words = parts[at].split()
    parts[at] = "\n" + " ".join(pick.choice(words) if pick.random() < 1 / 3 else word for word in words)
    added = " ".join(pick.sample(article.text.split(), min(30, len(article.text.split()))))
    parts.insert(pick.randrange(len(parts) + 1), f"\nاین خبر در حال تکمیل است و {added} افزوده شد.\n")
    return replace(article, text="".join(parts))


def _renumbered(text: str, pick: random.Random, *, share: float) -> str:
    """`text` with that share of its numbers changed, rounded up, each to one of as many digits."""
    found = list(re.finditer(r"\d+", text))
    for number in sorted(pick.sample(found, ceil(share * len(found))), key=re.Match.start, reverse=True):
        least = 10 ** (len(number[0]) - 1)
        other = pick.randrange(least, 9 * least)
        other += other >= int(number[0])
        text = f"{text[: number.start()]}{other}{text[number.end() :]}"
    return text


def half(article: Article, _: random.Random) -> Article:
    return _first(article, 1 / 2)


def third(article: Article, _: random.Random) -> Article:
    """A third of it, in the other site's frame."""
    return framed(_first(article, 1 / 3))


def framed(article: Article) -> Article:
    return replace(article, source="portal", text="\n".join((article.text, *FRAME)))


def _first(article: Article, share: float) -> Article:
    """The first sentences of lead and text, until there is as much as that share of the letters."""
    whole = f"{article.lead}\n{article.text}"
    kept, wanted = [], share * len(whole)
    for start, end in sentences(whole):
        if wanted <= 0:
            break
        kept.append(whole[start:end])
        wanted -= end - start
    return replace(article, lead="", text="\n".join(kept))


EDITS: dict[str, Edit] = {
    "letters": letters,
    "joiners": joiners,
    "lead": lead,
    "all": everything,
    "typos": typos,
    "update": update,
    "half": half,
    "third": third,
}


# ── articles ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def corpus(path: Path) -> list[Article]:
    """The real articles, by line; our own where there are none. An agency's name is no text of its own."""
    if not path.exists():
        print(f"{path.name} is not there: articles are made of the demo's sentences, and prove little", file=sys.stderr)
        return [Article(source="fars", title=text[:60], text=text) for text in _made_up()]
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [
        Article(
            source="fars",
            id=row["link"].split("/")[4],
            title=row["title"],
            lead=row["abstract"],
            text="\n".join(row["paragraphs"]),
        )
        for row in rows
    ]


def _made_up() -> list[str]:
    """Texts of seven sentences each, none of which is in two of them."""
    texts = [f"{piece.article.lead}\n{piece.article.text}" for piece in opening()]
    texts.append((ROOT / "bench/plain.txt").read_text(encoding="utf-8"))
    found = sorted({text[start:end] for text in texts for start, end in sentences(text) if end - start > SENTENCE})
    random.Random(SEED).shuffle(found)
    return ["\n".join(found[at : at + 7]) for at in range(0, len(found) - 6, 7)]


def listed(articles: Sequence[Article]) -> Iterator[tuple[int, int, str]]:
    """(one, other, label) of the pairs found by hand; none where the real articles are absent."""
    lines = (ROOT / "bench/near_copies.tsv").read_text(encoding="utf-8").splitlines()
    for row in [line.split("\t") for line in lines if line[:1] != "#"][1:]:
        one, other = int(row[0]) - 1, int(row[2]) - 1
        if other < len(articles) and (articles[one].id, articles[other].id) == (row[1], row[3]):
            yield one, other, row[4]


def reports() -> list[tuple[str, str, str]]:
    """(part, name, text) of our own reports, with their slots."""
    text = re.sub(r"(?m)^#.*\n", "", (ROOT / "bench/series.txt").read_text(encoding="utf-8"))
    return re.findall(r"(?s)\[(tuned|held) (\w+)\]\n(.+?)(?:\n\n|\n*\Z)", text)


PLACES = [province.name for province in PROVINCES]
FIRST, LAST = (
    ("رضا", "علی", "حمید", "ناصر", "جواد", "مریم"),
    ("کریمی", "بهرامی", "نوری", "ستوده", "ملکی", "پارسا", "شیرازی"),
)
NAMES = [f"{FIRST[at % 6]} {LAST[at % 7]}" for at in range(42)]
COUNTRIES = re.split(
    "، ",
    "ارمنستان، عمان، ترکمنستان، اندونزی، صربستان، مجارستان، سریلانکا، ونزوئلا، اتریش، الجزایر، بنگلادش، بلاروس، کوبا، فنلاند، "
    "غنا، هند، ژاپن، کنیا، لهستان، مالزی، نیجریه، پرتغال، قطر، سوئیس، تاجیکستان، ویتنام",
)
DAYS = [*(f"{day}شنبه" for day in ("", "یک", "دو", f"سه{ZWNJ}", "چهار", "پنج")), "جمعه"]


def edition(report: str, number: int, source: str) -> Article:
    """The `number`th edition of a report: no other has its places, names or country; ranges and choices are drawn."""
    pick = random.Random(f"{SEED} {number} {report}")
    drawn = {
        f"{name}{suffix}": options[(number + shift) % len(options)]
        for name, options in (("place", PLACES), ("name", NAMES), ("country", COUNTRIES), ("day", DAYS))
        for suffix, shift in (("", 0), ("2", 9), ("3", 17))
    }

    def fill(slot: re.Match[str]) -> str:
        inside = slot[1]
        if inside in drawn:
            return drawn[inside]
        if span := re.fullmatch(r"(\d+)-(\d+)", inside):
            return str(pick.randint(int(span[1]), int(span[2])))
        return pick.choice(inside.split("|"))

    text = re.sub(r"\{([^}]+)\}", fill, report)
    return Article(source=source, title=text[:60], text=text)


def next_edition(article: Article, pick: random.Random) -> Article:
    """A real report of figures as it would be next week: the same words, every number another."""
    return _texts(article, lambda text: _renumbered(text, pick, share=1))


def numbers(article: Article) -> int:
    return len(set(re.findall(r"\d+", f"{article.lead} {article.text}")))


# ── the index ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Index:
    """A stand-in for the table (key, article): what a B-tree would answer, by dictionaries."""

    held: list[Imprint] = field(default_factory=list)
    under: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    carriers: Counter[tuple[str, int]] = field(default_factory=Counter)
    articles: Counter[str] = field(default_factory=Counter)
    compared: int = 0

    def add(self, one: Imprint) -> int:
        self.articles[one.source] += 1
        for key in one.keys:
            self.under[key].append(len(self.held))
            self.carriers[one.source, key] += 1
        self.held.append(one)
        return len(self.held) - 1

    def common(self, key: int, source: str) -> bool:
        return is_boilerplate(self.carriers[source, key], self.articles[source])

    def candidates(self, one: Imprint) -> list[int]:
        """Those that share a key which is no boilerplate, most shared first."""
        shared: Counter[int] = Counter()
        for key in one.keys:
            if not self.common(key, one.source):
                shared.update(at for at in self.under.get(key, ()) if not self.common(key, self.held[at].source))
        return [at for at, _ in shared.most_common(MOST_CANDIDATES)]

    def find(self, one: Imprint) -> set[int]:
        """Those that carry the story of `one`."""
        found = set()
        for at in self.candidates(one):
            self.compared += 1
            other = self.held[at]
            keys = one.keyed.keys() | other.keyed.keys()
            common = {key for key in keys if self.common(key, one.source) or self.common(key, other.source)}
            if same_story(one, other, common).same:
                found.add(at)
        return found


# ── the questions ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Question:
    """An article that arrives, and which of the stored ones carry its story: none, for a negative."""

    kind: str
    article: Article
    answers: frozenset[int] = frozenset()


@dataclass
class Score:
    asked: int = 0
    right: int = 0
    missed: int = 0
    wrong: int = 0

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0


def positives(articles: Sequence[Article], chosen: Sequence[int], same: dict[int, set[int]]) -> Iterator[Question]:
    for kind, edit in EDITS.items():
        for at in chosen:
            made = edit(articles[at], random.Random(f"{SEED} {kind} {at}"))
            source = made.source if made.source != "fars" or (kind == "update" and at % 2) else "mehr"
            yield Question(kind, replace(made, source=source), frozenset({at, *same.get(at, ())}))


def negatives(articles: Sequence[Article], chosen: Sequence[int]) -> Iterator[Question]:
    """Those of real articles. Their answers: none."""
    for at in chosen:
        pick = random.Random(f"{SEED} negative {at}")
        if numbers(articles[at]) >= 8:
            for source in ("fars", "mehr"):
                yield Question("next figures", replace(next_edition(articles[at], pick), source=source))
    for at in range(0, len(chosen) - 5, 3):
        quoted = [articles[one] for one in chosen[at : at + 6]]
        text = "\n".join(_first(one, 300 / len(one.lead + one.text)).text for one in quoted)
        yield Question("round-up", Article(source="mehr", title="مهم‌ترین خبرهای امروز", text=text))


def from_reports(index: Index, count: int) -> Iterator[tuple[str, Question]]:
    """Editions of our own reports, the first of each stored: (part, another edition, or a copy of the one that is stored)."""
    for part, name, report in reports():
        first = edition(report, 0, "irna")
        at = index.add(imprint(first))
        for number in range(1, count + 1):
            source = ("irna", "mehr")[number % 2]
            yield part, Question(f"series: {name}", edition(report, number, source))
        for edit in (letters, joiners, typos, everything):
            made = edit(first, random.Random(f"{SEED} {name}"))
            yield part, Question("copied series", replace(made, source="mehr"), frozenset({at}))


def learnt_series(count: int) -> dict[str, Score]:
    """Editions of our own reports where five were stored before: by then their fixed sentences are known as boilerplate."""
    index, asked = Index(), []
    for _, _, report in reports():
        for number in range(5):
            index.add(imprint(edition(report, number, "irna")))
        asked += [Question("series, learnt", edition(report, 5 + number, "irna")) for number in range(count)]
    return score(index, asked)


def framed_alike(index: Index, pick: random.Random) -> Iterator[Question]:
    """Short articles of the site `portal` that have nothing but its frame in common, after it was met in twenty others."""
    plain = (ROOT / "bench/plain.txt").read_text(encoding="utf-8").splitlines()
    for _ in range(20):
        index.add(imprint(framed(Article(source="portal", title="", text="\n".join(pick.sample(plain[16:], 3))))))
    for at in range(0, 16, 2):
        yield Question("one frame", framed(Article(source="portal", title="", text="\n".join(plain[at : at + 2]))))


def questions(articles: Sequence[Article], index: Index, *, quick: bool) -> dict[str, list[Question]]:
    """By part; which part an article is in depends on the seed alone. Those of which a third is too little are not asked."""
    same: dict[int, set[int]] = defaultdict(set)
    for one, other, label in listed(articles):
        if label == "copy":
            same[one].add(other)
            same[other].add(one)
    able = [at for at in range(len(articles)) if sum(map(len, index.held[at].keyed.values())) >= 3 * SHORTEST]
    random.Random(SEED).shuffle(able)
    middle = len(able) // 2
    asked: dict[str, list[Question]] = {}
    for part, chosen in (("tuned", able[:middle]), ("held", able[middle:])):
        taken = chosen[: 60 if quick else None]
        asked[part] = [*positives(articles, taken, same), *negatives(articles, taken)]
    asked["held"] += framed_alike(index, random.Random(SEED))
    for part, question in from_reports(index, 4 if quick else 20):
        asked[part].append(question)
    return asked


# ── the answers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def score(index: Index, asked: Sequence[Question]) -> dict[str, Score]:
    """By kind. What is missed is one story; what is wrong, each article that was taken for one."""
    scores: dict[str, Score] = defaultdict(Score)
    for question in asked:
        found = index.find(imprint(question.article))
        kind = scores[question.kind]
        kind.asked += 1
        kind.wrong += len(found - question.answers)
        if question.answers:
            kind.right += bool(found & question.answers)
            kind.missed += not found & question.answers
    return scores


def total(scores: dict[str, Score]) -> Score:
    return Score(
        *(sum(getattr(one, name) for one in scores.values()) for name in ("asked", "right", "missed", "wrong"))
    )


def real(articles: Sequence[Article]) -> tuple[dict[str, float], list[tuple[int, int]]]:
    """Every real article looked up among all before it, as they would arrive; the figures, and the pairs not listed."""
    copies = {(one, other) for one, other, label in listed(articles) if label == "copy"}
    index, found, taken = Index(), set(), defaultdict(list)
    for at, article in enumerate(articles):
        started = perf_counter()
        one = imprint(article)
        one.keys  # noqa: B018 - part of what an article costs
        made = perf_counter()
        found |= {(other, at) for other in index.find(one)}
        taken["imprint_us"].append(made - started)
        taken["find_us"].append(perf_counter() - made)
        index.add(one)
    false = sorted(found - copies)
    return {
        "real_articles": len(articles),
        "real_pairs": len(articles) * (len(articles) - 1) // 2,
        "real_compared": index.compared,
        "real_copies": len(copies),
        "real_found": len(found & copies),
        "real_false": len(false),
        "keys_an_article": sum(len(one.keys) for one in index.held) / len(index.held),
        **{name: median(times) * 1e6 for name, times in taken.items()},
        "article_us": sum(map(sum, taken.values())) / len(articles) * 1e6,
        "same_story_us": _pairs_us(index.held),
    }, false


def _pairs_us(held: Sequence[Imprint]) -> float:
    """What comparing two articles costs, of any two."""
    times = []
    for one, other in zip(held[:60], held[60:120], strict=False):
        started = perf_counter()
        same_story(one, other)
        times.append(perf_counter() - started)
    return median(times) * 1e6 if times else 0.0


def by_hand(articles: Sequence[Article]) -> Score:
    """The listed pairs compared with each other, whether or not they share a key."""
    answer = Score()
    for one, other, label in listed(articles):
        same = same_story(imprint(articles[one]), imprint(articles[other])).same
        answer.asked += 1
        answer.right += same and label == "copy"
        answer.missed += not same and label == "copy"
        answer.wrong += same and label == "apart"
    return answer


def measure(articles: Sequence[Article], *, quick: bool) -> tuple[dict[str, float], dict[str, dict[str, Score]]]:
    figures, false = real(articles)
    for one, other in false:
        print(f"not listed as copies: lines {one + 1} and {other + 1}", file=sys.stderr)
    quick |= len(articles) < 300  # made up ones: as few editions of reports beside them
    index = Index()
    for article in articles:
        index.add(imprint(article))
    asked = questions(articles, index, quick=quick)
    scores = {part: score(index, given) for part, given in asked.items()}
    scores["held"] |= learnt_series(4 if quick else 20)
    scores["held"]["real, by hand"] = by_hand(articles)
    held, tuned = total(scores["held"]), total(scores["tuned"])
    recalls = {edit: scores["held"][edit].recall for edit in EDITS}
    return {
        "pairs": held.asked + tuned.asked,
        "held_pairs": held.asked,
        "recall": held.recall,
        "precision": held.precision,
        "worst_recall": min(recalls.values()),
        **{f"recall_{edit}": value for edit, value in recalls.items()},
        "tuned_recall": tuned.recall,
        "tuned_precision": tuned.precision,
        **figures,
    }, scores


def table(scores: dict[str, Score]) -> Iterator[str]:
    yield f"{'kind':24}{'asked':>7}{'right':>7}{'missed':>8}{'wrong':>7}{'recall':>9}{'precision':>11}"
    for kind, one in scores.items():
        shown = (f"{one.recall:9.3f}", f"{one.precision:11.3f}") if one.right + one.missed else ("", "")
        yield f"{kind:24}{one.asked:7}{one.right:7}{one.missed:8}{one.wrong:7}" + "".join(shown)


def main() -> int:
    parser = argparse.ArgumentParser(description="Copies of stories: recall and precision, and what an article costs.")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="real articles, JSON lines compressed with gzip")
    parser.add_argument("--quick", action="store_true", help="60 articles of each part, fewer editions")
    parser.add_argument("--json", action="store_true", help="the figures by name, as one JSON object")
    parser.add_argument("--check", action="store_true", help="exit 1 when a bound is missed")
    asked = parser.parse_args()
    figures, scores = measure(corpus(asked.corpus), quick=asked.quick)
    missed = [f"{name} {figures[name]:.3f} is below {floor}" for name, floor in FLOORS.items() if figures[name] < floor]
    missed += [f"{name} {figures[name]:.3f} is above {top}" for name, top in CEILINGS.items() if figures[name] > top]
    if asked.json:
        print(json.dumps({name: round(value, 4) for name, value in figures.items()}, indent=1))
    else:
        for part, title in (("held", "held out"), ("tuned", "tuned on")):
            print(f"{title}\n" + "\n".join(table(scores[part])) + "\n")
        for name, value in figures.items():
            print(f"{name:28} {value:12,.3f}")
    for line in missed if asked.check else ():
        print(line, file=sys.stderr)
    return 1 if asked.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
