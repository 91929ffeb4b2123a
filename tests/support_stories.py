"""Texts that are long enough to be copied, of words drawn from a number, and what sites make of each other's."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any
from zlib import crc32

from didban.article import Article
from tests.support import NOW, article

_WORDS = """
استاندار مدیرکل بخشدار شهرستان روستا طرح پروژه اعتبار سامانه خدمات مردم جاده آموزش مدرسه دانشگاه بیمارستان کشاورز گندم آب
برق اینترنت پهنای‌باند دفتر پیشخوان کارگاه صنعت تولید اشتغال سرمایه بانک وام بیمه مالیات بودجه مجلس شورا قانون آیین‌نامه
نشست جلسه کارگروه بازدید افتتاح بهره‌برداری ساخت توسعه حمایت اجرا بررسی پیگیری گزارش برنامه سفر هفته سال ماه روز شب
نخست دوم سوم بزرگ کوچک تازه پیشین آینده ملی استانی محلی فنی مالی اداری فرهنگی ورزشی هنری علمی پزشکی دامی باغی
می‌شود خواهد‌شد کرده‌است گرفته‌بود نیست باید شاید هرگز اکنون دیروز فردا پس‌از پیش‌از درباره برای همراه بدون میان
"""


def said(seed: object, sentences: int = 8) -> list[str]:
    """So many sentences, the same for the same seed; none ends as another does."""
    pick = random.Random(str(seed))
    return [" ".join(pick.choices(_WORDS.split(), k=pick.randint(11, 16))) + "." for _ in range(sentences)]


def story(seed: object, *, source: str = "irna", at: float = 0, but: int | None = None, **facts: Any) -> Article:
    """A copy of the story `seed`, `at` days from NOW, as `source` prints it, without its sentence number `but`; another title and
    another first sentence in each source."""
    number = crc32(f"{seed} {source} {at}".encode()) if "id" not in facts else facts.pop("id")
    lines = [one for place, one in enumerate(said(seed)) if place != but]
    values: dict[str, Any] = {
        "source": source,
        "id": str(number),
        "url": f"https://{source}.example/news/{number}",
        "title": f"{source}: {lines[0][:40]}",
        "lead": "",
        "text": "\n".join([f"{source} - به گزارش {source}، دولت الکترونیک.", *lines]),
        "published": NOW + timedelta(days=at),
    }
    return article(**values | facts)
