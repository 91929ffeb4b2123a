"""The daily report in Persian: what needs a look first, numbers in Persian digits, nothing made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from alerts.message import notice_text
from alerts.report import Report, report_lines, size
from didban.alert import Notice, NoticeDraft

ZWNJ = "\N{ZERO WIDTH NON-JOINER}"
NAMES = {"irna": "خبرگزاری ایرنا", "mehr": "خبرگزاری مهر"}
CALM = Report(
    articles={"irna": 304, "mehr": 0},
    alerts=21,
    sent=18,
    waiting=0,
    dead=0,
    trouble=(),
    database=1_180_000_000,
    free=71_400_000_000,
    backup=datetime(2026, 11, 21, 23, 0, tzinfo=UTC),
)


def test_a_calm_day_is_five_lines() -> None:
    assert report_lines(CALM, names=NAMES) == (
        f"همهٔ منبع{ZWNJ}ها خوب{ZWNJ}اند.",
        "خبر تازه در یک روز: ۳۰۴ (خبرگزاری ایرنا ۳۰۴)",
        "هشدار: ۲۱ · پیام رسیده: ۱۸ · در انتظار: ۰",
        "پایگاه داده: ۱٫۱ گیگابایت · جای خالی دیسک: ۶۶ گیگابایت",
        "واپسین پشتیبان: ۱ آذر ۱۴۰۵، ۲:۳۰",
    )


def test_what_needs_a_look_stands_first_and_no_backup_is_said() -> None:
    ill = replace(CALM, trouble=[("mehr", "unreadable")], dead=2, articles={}, backup=None)
    lines = report_lines(ill, names=NAMES)
    assert lines[0] == "نیازمند نگاه: خبرگزاری مهر: ناخوانا"
    assert lines[1] == f"پیام{ZWNJ}های بازمانده: ۲ (didban alerts retry)"
    assert lines[2] == "خبر تازه در یک روز: ۰"
    assert lines[-1] == "واپسین پشتیبان: هیچ"


def test_as_a_notice_it_has_its_day_and_its_lines_and_nothing_of_a_source() -> None:
    said = "\n".join(report_lines(CALM, names=NAMES))
    since = datetime(2026, 11, 22, 4, 30, tzinfo=UTC)
    notice = Notice(source="didban", state="report", before="report", since=since, detail=said)
    text = notice_text(NoticeDraft(key="k", channel="operator", notice=notice), names=NAMES)
    assert text == f"دیده{ZWNJ}بان · گزارش روزانه · ۱ آذر ۱۴۰۵\n{said}"


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "۰ بایت"), (1023, "۱۰۲۳ بایت"), (1536, "۱٫۵ کیلوبایت"), (50 << 20, "۵۰ مگابایت"), (3 << 30, "۳٫۰ گیگابایت")],
)
def test_a_size_for_people(count: int, shown: str) -> None:
    assert size(count) == shown
