"""The operator's daily report as Persian lines: what came and went since the last one, and what needs a look. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from alerts.lines import isolated, rtl
from alerts.message import STATES
from didban.dates import jalali_long, to_persian_digits

_ZWNJ: Final = "\N{ZERO WIDTH NON-JOINER}"
_UNITS: Final = ((1 << 30, "گیگابایت"), (1 << 20, "مگابایت"), (1 << 10, "کیلوبایت"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Counts of the day before the report; `trouble` is (source, state) of those that need a look; sizes are bytes."""

    articles: Mapping[str, int]
    alerts: int
    sent: int
    waiting: int
    dead: int
    trouble: Sequence[tuple[str, str]]
    database: int
    free: int
    backup: datetime | None


def report_lines(report: Report, *, names: Mapping[str, str]) -> tuple[str, ...]:
    """Each a line of readable Persian, the most pressing first."""
    came = " · ".join(
        f"{isolated(names.get(source, source))} {count}" for source, count in report.articles.items() if count
    )
    ill = " · ".join(f"{isolated(names.get(source, source))}: {STATES[state][0]}" for source, state in report.trouble)
    backup = jalali_long(report.backup, with_time=True) if report.backup else "هیچ"
    lines = (
        f"نیازمند نگاه: {ill}" if ill else f"همهٔ منبع{_ZWNJ}ها خوب{_ZWNJ}اند.",
        f"پیام{_ZWNJ}های بازمانده: {report.dead} (didban alerts retry)" if report.dead else "",
        f"خبر تازه در یک روز: {sum(report.articles.values())}" + (f" ({came})" if came else ""),
        f"هشدار: {report.alerts} · پیام رسیده: {report.sent} · در انتظار: {report.waiting}",
        f"پایگاه داده: {size(report.database)} · جای خالی دیسک: {size(report.free)}",
        f"واپسین پشتیبان: {backup}",
    )
    return tuple(rtl(to_persian_digits(line)) for line in lines if line)


def size(count: int) -> str:
    """`۱٫۲ گیگابایت`: bytes for people."""
    for unit, name in _UNITS:
        if count >= unit:
            shown = f"{count / unit:.1f}" if count < 10 * unit else f"{count / unit:.0f}"
            return to_persian_digits(shown.replace(".", "\N{ARABIC DECIMAL SEPARATOR}")) + f" {name}"
    return to_persian_digits(f"{count} بایت")
