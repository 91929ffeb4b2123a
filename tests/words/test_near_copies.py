"""When two articles carry one story: cut, retouched, mistyped, framed; and when they only look alike."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from didban.article import Article
from didban.copies import (
    COMMON,
    LONGEST,
    MOST_KEYS,
    SHORTEST,
    Verdict,
    imprint,
    is_boilerplate,
    same_story,
    sentence_key,
)
from didban.text import squash

ZWNJ = "\N{ZERO WIDTH NON-JOINER}"
SENTENCES = (
    "به گزارش خبرنگار ما، مدیرکل ارتباطات و فناوری اطلاعات لرستان از تجهیز دفاتر پیشخوان روستایی خبر داد.",
    "وی با بیان اینکه ۱۲۰ دفتر در استان فعال است، افزود: ۳۴ دفتر دیگر تا پایان سال راه‌اندازی می‌شود.",
    "به گفته این مسئول، خدمات سازمان ثبت احوال و تأمین اجتماعی نیز در همین دفاتر ارائه خواهد شد.",
    "اهالی روستاهای دوردست برای یک گواهی ساده ناچار بودند نیمی از روز را در راه شهر بگذرانند.",
    "هزینه این طرح از محل اعتبارات ملی و با مشارکت بخش خصوصی در منطقه تأمین شده است.",
    "فرماندار شهرستان هم خواستار افزایش پهنای باند اینترنت در بخش‌های کوهستانی شد.",
)
STORY = Article(source="irna", title="تجهیز دفاتر روستایی", lead="", text="\n".join(SENTENCES))
FRAME = (
    "کلیه حقوق مادی و معنوی این پایگاه متعلق به استانداری است و نقل مطالب با ذکر منبع آزاد است.",
    "نشانی: خیابان امام خمینی، ساختمان شماره یک، طبقه سوم، روابط عمومی، تلفن گویای ۱۱۱",
    "برای آگاهی از تازه‌ترین خبرها در کانال رسمی ما در پیام‌رسان‌های داخلی عضو شوید.",
)


def carried(text: str, source: str = "mehr", lead: str = "") -> Article:
    return Article(source=source, title="تیتری دیگر", lead=lead, text=text)


def judged(one: Article, other: Article, boilerplate: frozenset[int] = frozenset()) -> Verdict:
    """The verdict, which must not depend on which of the two came first."""
    first, second = imprint(one), imprint(other)
    verdict = same_story(first, second, boilerplate)
    assert same_story(second, first, boilerplate) == verdict
    return verdict


def mistyped(text: str, share: float) -> str:
    pick = random.Random(5)
    return "".join(pick.choice("ابپتدرسشمن") if each.isalpha() and pick.random() < share else each for each in text)


COPIES = {
    "as it was": STORY.text,
    "another keyboard and other digits": STORY.text.translate(str.maketrans("یک۱۲۰۳۴", "يك12034")),
    "half-spaces lost": STORY.text.replace(ZWNJ, ""),
    "half-spaces made spaces": STORY.text.replace(ZWNJ, " "),
    "glued": STORY.text.replace("\n", ""),
    "in another order": "\n".join(reversed(SENTENCES)),
    "another agency's name and place": STORY.text.replace("به گزارش خبرنگار ما،", "خرم‌آباد - خبرگزاری مهر:"),
    "mistyped": mistyped(STORY.text, 0.03),
    "cut in half": "\n".join(SENTENCES[:3]),
    "told again with one more number known": STORY.text.replace("۳۴ دفتر", "۴۱ دفتر"),
    "longer by a paragraph": f"{STORY.text}\nاین خبر در حال تکمیل است و جزئیات آن پس از نشست شورای اداری اعلام می‌شود.",
}


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_is_one_and_shares_a_key(kind: str) -> None:
    copy = carried(COPIES[kind])
    assert judged(STORY, copy).reason == "copy"
    assert set(imprint(STORY).keys) & set(imprint(copy).keys)


def test_a_new_lead_and_title_hide_no_copy() -> None:
    copy = carried(STORY.text, lead="در این خبر می‌خوانید که دفترهای روستایی استان چه می‌کنند.")
    assert judged(STORY, copy).same


def test_half_a_text_is_contained_in_the_whole() -> None:
    verdict = judged(STORY, carried(COPIES["cut in half"]))
    assert verdict == Verdict("copy", 1.0)


def test_letters_variants_make_no_other_key() -> None:
    assert sentence_key(squash(SENTENCES[1])) == sentence_key(squash(SENTENCES[1].replace(ZWNJ, "").replace("ک", "ك")))
    assert -(2**63) <= sentence_key("الف") < 2**63
    assert {sentence_key(str(at)) < 0 for at in range(40)} == {True, False}, "signed: databases have no other"


def test_a_key_is_the_end_of_a_sentence() -> None:
    """Agencies put their names at the beginning."""
    dated = [f"{place} - ایرنا - {SENTENCES[4]}" for place in ("یزد", "بوشهر")]
    assert len({key for text in (SENTENCES[4], *dated) for key in imprint(carried(text)).keys}) == 1


def test_a_long_article_has_no_more_keys_than_its_copy_would_find() -> None:
    lines = [f"جمله شماره {at} از متنی بسیار بلند که هر جمله آن پایانی از آن خود دارد: {at * 977}" for at in range(150)]
    whole, half = imprint(carried("\n".join(lines))), imprint(carried("\n".join(lines[:75])))
    assert len(whole.keys) == len(half.keys) == MOST_KEYS
    assert whole.keys == sorted(whole.keys)
    assert set(whole.keys) & set(half.keys)


# ── what only looks alike ─────────────────────────────────────────────────────────────────────────────────────────────

GOLD = (
    "قیمت هر قطعه سکه تمام بهار آزادی در بازار امروز {} هزار تومان معامله شد.\n"
    "نیم سکه {} هزار تومان و ربع سکه {} هزار تومان قیمت خورد و مشتری چندانی نداشت.\n"
    "هر اونس طلا در بازارهای جهانی {} دلار ارزش‌گذاری شده است و رو به بالا دارد."
)
APPOINTED = (
    "با حکم استاندار و پس از رأی هیئت دولت، {0} به سمت فرماندار شهرستان {1} منصوب شد و کار خود را از امروز آغاز کرد.\n"
    "در حکم استاندار خطاب به {0} آمده است: نظر به تعهد، تخصص و تجارب ارزنده جنابعالی به سمت فرماندار منصوب می‌شوید.\n"
    "انتظار می‌رود با بهره‌گیری از ظرفیت نیروهای بومی و همکاری دستگاه‌های اجرایی شهرستان {1} در رفع مشکلات مردم بکوشید."
)


@pytest.mark.parametrize("source", ["irna", "mehr"])
def test_another_day_s_prices_are_a_series(source: str) -> None:
    """Also where another agency prints them: the words are the union's."""
    monday = carried(GOLD.format(3120, 1710, 1105, 1288), "irna")
    tuesday = carried(GOLD.format(3095, 1698, 1090, 1301), source)
    assert judged(monday, tuesday).reason == "series"
    assert judged(monday, tuesday).containment > 0.95
    assert judged(monday, replace(monday, source=source)).reason == "copy"


def test_another_town_s_governor_is_a_series() -> None:
    one = carried(APPOINTED.format("رضا کریمی", "کوهدشت"))
    other = carried(APPOINTED.format("مریم ستوده", "الیگودرز"))
    assert judged(one, other).reason == "series"
    assert judged(one, carried(mistyped(one.text, 0.02))).reason == "copy", "a mistyped name is the same name"


def test_a_long_report_with_other_numbers_is_a_series() -> None:
    figures = ("۱۲۰", "۳۴", "۷۱۵", "۲۰۸", "۶۶۳", "۹۹")
    report = f"{STORY.text}\nآمار دفترها چنین است: " + "، ".join(f"بخش {name} {{}}" for name in "ابپتثج")
    later = report.format(*(figure[::-1] + "۵" for figure in figures)).replace("۱۲۰ دفتر", "۱۳۰ دفتر")
    assert judged(carried(report.format(*figures)), carried(later)).reason == "series"


def test_a_round_up_is_none_of_its_stories() -> None:
    plain = (Path(__file__).parents[2] / "bench/plain.txt").read_text("utf-8")
    verdict = judged(carried(f"{STORY.text}\n{plain}"), STORY)
    assert (verdict.reason, verdict.containment) == ("part", 1.0)


def test_two_articles_in_one_frame_are_apart_once_the_frame_is_known() -> None:
    one = carried("\n".join((*SENTENCES[3:5], *FRAME)), "ostan_lr")
    other = carried("\n".join((SENTENCES[5], SENTENCES[1], *FRAME)), "ostan_lr")
    known = frozenset(imprint(carried("\n".join(FRAME))).keys)
    assert len(known) == 3
    assert judged(one, other, known).reason == "apart"
    assert judged(one, other, known).containment < judged(one, other).containment
    assert judged(one, STORY).reason == "apart", "the frame hides a third of the story"
    assert judged(one, STORY, known).reason == "copy", "until it is known"


def test_what_is_nothing_but_boilerplate_is_no_copy() -> None:
    frame = carried("\n".join(FRAME))
    assert judged(frame, frame, frozenset(imprint(frame).keys)) == Verdict("short")


def test_other_news_is_apart() -> None:
    lines = (Path(__file__).parents[2] / "bench/plain.txt").read_text("utf-8").splitlines()
    others = [carried("\n".join(lines[at : at + 8])) for at in range(0, 40, 8)]
    assert {judged(one, other).reason for one, other in permutations(others, 2)} == {"apart"}


@pytest.mark.parametrize("text", ["", "\n", "عکس روز", "الف" * (SHORTEST // 3), "… ! . ؟", "\ud800" * 400])
def test_too_little_is_no_one_s_copy(text: str) -> None:
    assert judged(carried(text), carried(text)) == Verdict("short")


def test_boilerplate_is_what_many_carry_and_a_share_of_all() -> None:
    assert not is_boilerplate(COMMON - 1, COMMON - 1), "a story may be told a few times, also by a new source"
    assert is_boilerplate(COMMON, 10)
    assert not is_boilerplate(COMMON, 100_000), "in a large archive some ends are met by chance"
    assert is_boilerplate(200, 100_000)


# ── bad input ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_more_is_compared_than_the_beginning_of_a_long_text() -> None:
    endless = imprint(carried("بی‌پایان" * 1_000_000))
    assert [len(letters) for letters in endless.keyed.values()] == [LONGEST]
    many = imprint(
        carried("\n".join(f"سطر {at} از بی‌شمار سطر یک متن ده مگابایتی که پایانی ندارد {at}" for at in range(9_000)))
    )
    assert sum(map(len, many.keyed.values())) <= LONGEST


def test_a_long_list_of_like_lines_is_a_series() -> None:
    """Its lines share nearly all their words, so that each could be the other of each."""
    names = [f"{first}{last}" for first in "ابپتجچحخدذ" for last in "رزژسشصضطظعغف"]

    def prices(step: int) -> Article:
        lines = (
            f"نرخ فروش {name * 3} {at * step + 11} ریال و نرخ خرید آن هم اعلام شد" for at, name in enumerate(names * 3)
        )
        return carried("\n".join(lines))

    assert judged(prices(37), prices(91)).reason == "series"


# ── the benchmark is of the same mind ─────────────────────────────────────────────────────────────────────────────────


def test_the_listed_pairs_name_both_articles_and_a_label() -> None:
    lines = (Path(__file__).parents[2] / "bench/near_copies.tsv").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line[:1] != "#"]
    assert rows[0] == ["line", "id", "line", "id", "label", "kind"]
    assert {row[4] for row in rows[1:]} == {"copy", "apart"}
    assert all(int(row[0]) < int(row[2]) and row[1].isdigit() and row[3].isdigit() for row in rows[1:])


def test_the_benchmark_keeps_its_bounds_without_the_real_articles(tmp_path: Path) -> None:
    """The whole of it in small; what it says of the real articles, it says where they are."""
    program = Path(__file__).parents[2] / "bench/stories.py"
    command = [sys.executable, str(program), "--corpus", str(tmp_path / "none.gz"), "--check", "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["pairs"] >= 300
    assert "none.gz is not there" in ran.stderr
