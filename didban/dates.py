"""Dates as Iranian sites print them, as machines write them, and as people ask for them.

Inside, a moment is an aware UTC `datetime` and a day a Gregorian `date`; Jalali is only for reading and printing.
Arithmetic is jdatetime's, the clock Asia/Tehran by zoneinfo (summer time until 2022-09-21). A year before 1600 is
Jalali, everywhere: some templates write Jalali numbers where a machine date belongs. Nothing is guessed: a date that is
relative, impossible or of no known form is a DateError.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from email.utils import parsedate_to_datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import jdatetime

from didban.errors import DateError

TEHRAN = ZoneInfo("Asia/Tehran")

_MONTHS = ("فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور", "مهر", "آبان", "آذر", "دی", "بهمن", "اسفند")
_DAYS = tuple(
    name.replace("_", "\N{ZERO WIDTH NON-JOINER}")
    for name in ("دوشنبه", "سه_شنبه", "چهارشنبه", "پنج_شنبه", "جمعه", "شنبه", "یکشنبه")
)
_GREGORIAN = {
    "ژانویه": 1, "فوریه": 2, "مارس": 3, "آوریل": 4, "آپریل": 4, "مه": 5, "می": 5, "ژوئن": 6, "ژوئیه": 7, "جولای": 7,
    "اوت": 8, "آگوست": 8, "سپتامبر": 9, "اکتبر": 10, "نوامبر": 11, "دسامبر": 12,
}  # fmt: skip

_LATIN = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "0123456789" * 2)
_PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
# One spelling for what sites mix: Arabic yeh and kaf, hamza and madda, joiners, direction marks, tatweel.
_PLAIN = str.maketrans(
    {
        "ي": "ی", "ى": "ی", "ئ": "ی", "ك": "ک", "آ": "ا", "أ": "ا", "إ": "ا", "ـ": None,
        "\N{ZERO WIDTH NON-JOINER}": " ", "\N{ZERO WIDTH JOINER}": None, "\N{ZERO WIDTH NO-BREAK SPACE}": None,
        "\N{LEFT-TO-RIGHT MARK}": None, "\N{RIGHT-TO-LEFT MARK}": None, "\N{SOFT HYPHEN}": None,
        "–": "-", "—": "-", "\N{MINUS SIGN}": "-", "٫": ".", "،": ",", "؛": ",",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Printed:
    """A date as a page prints it: the moment in UTC (midnight in Tehran without a time of day), the text stripped."""

    moment: datetime
    has_time: bool
    text: str


def to_latin_digits(text: str) -> str:
    """Persian and Arabic digits as 0-9; every other character as it is."""
    return text.translate(_LATIN)


def to_persian_digits(text: str) -> str:
    """0-9 as ۰-۹; every other character as it is."""
    return text.translate(_PERSIAN)


def parse_printed(text: str) -> Printed:
    """A visible date, with or without weekday, label («منتشر شده در», `on …`) and time of day, in any digits.

    `۱۱ خرداد ۱۳۹۰، ۱۷:۵۴` · `چهارشنبه / ۲۹ دی ۱۳۹۵ / ۱۴:۵۹` · `31 تير 1393-8:43` ·
    `5 آذر 1401 ساعت 11:31` · `1390/4/1` · `30-07-1399` · `98/09/12` · `۱۴۰۳-۰۹-۱۰ ۱۲:۳۰` · `3 دسامبر 2019`.

    Two-digit years are taken where only one reading is possible: beside a month's name, or above 31. A weekday is read
    and not believed: it repeats what the numbers say, and sites get it wrong (a UTC weekday beside a Tehran date). A
    clock time that summer time skipped or repeated is read by the offset before the change.

    Raises DateError: impossible (30 Esfand 1402, 25:61), relative («۱ ماه قبل»), without a year, or of no known form.
    """
    shown = text.strip()
    found = _match_printed(shown)
    if found is None:
        why = "is relative to an unknown day" if _RELATIVE.search(_plain(shown)) else "is no date of a known form"
        raise DateError(f"{_brief(shown)} {why}")
    day = _printed_day(found, shown)
    hour, minute, second = (found[name] for name in ("hour", "minute", "second"))
    clock = _clock(hour, minute, second, shown) if hour else time.min
    return Printed(moment=_utc(day, clock, TEHRAN), has_time=hour is not None, text=shown)


def is_printed_date(line: str) -> bool:
    """Has the whole line, without any label, a Jalali date's form? Impossible ones too: to be refused as dates."""
    found = _match_printed(line.strip())
    if found is None or found["label"] or found["gregorian"]:
        return False
    years = (found["year"], found["first"], found["third"])
    return all(int(year) < 1600 for year in years if year)


def parse_iso(text: str) -> datetime:
    """A machine's date as aware UTC: `2020-04-17T14:26:21Z`, `2019-12-03`, `2020-04-17 T 19:14:22 +0430`, `1398-09-12`.

    Jalali when the year is before 1600, Tehran's clock without an offset, midnight without a time. Raises DateError.
    """
    found = _ISO.fullmatch(to_latin_digits(text.strip()))
    if found is None:
        raise DateError(f"{_brief(text)} is no ISO date such as 2019-12-03T10:15:00+03:30")
    day = _day(int(found["year"]), int(found["month"]), int(found["day"]), text)
    if not found["hour"]:
        return _utc(day, time.min, TEHRAN)
    return _utc(day, _clock(found["hour"], found["minute"], found["second"], text), _zone(found["zone"], text))


def parse_rfc822(text: str) -> datetime:
    """A feed's date as aware UTC: `Sat, 14 Mar 2020 15:42:09 GMT`; Tehran's clock without a zone. Raises DateError."""
    plain = to_latin_digits(text.strip())
    try:
        moment = parsedate_to_datetime(plain)
    except (ValueError, TypeError, IndexError, OverflowError):
        raise DateError(f"{_brief(text)} is no RFC 822 date such as Tue, 03 Dec 2019 11:11:22 +0330") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC if plain.endswith("-0000") else TEHRAN)  # -0000 is UTC by RFC 2822, 3.3
    if not 1900 <= moment.year < 2200:
        raise DateError(f"{_brief(text)}: the year {moment.year} cannot be")
    return moment.astimezone(UTC)


def parse_day(text: str) -> date:
    """A day from the command line, Jalali or Gregorian, `-` or `/`, any digits. Raises DateError with an example."""
    found = _YMD.fullmatch(to_latin_digits(text.strip()))
    if found is None:
        raise DateError(f"{_brief(text)} is no day: write 1397-07-01 or 2018-09-23")
    return _day(int(found["year"]), int(found["month"]), int(found["day"]), text)


def parse_span(text: str) -> timedelta:
    """A length of time: `90s`, `15m`, `72h`, `30d`, `2w`, or `unlimited` (timedelta.max). Raises DateError."""
    plain = to_latin_digits(text).strip().lower()
    if plain == "unlimited":
        return timedelta.max
    found = re.fullmatch(r"(\d+)\s*([smhdw])", plain, re.ASCII)
    try:
        if found:
            return int(found[1]) * _UNITS[found[2]]
    except (OverflowError, ValueError):  # ValueError: more digits than int() takes
        pass
    raise DateError(f"{_brief(text)} is no length of time: write 15m, 72h, 30d or unlimited")


def parse_clock(text: str) -> time:
    """A time of day: `07:30`, `۷:۳۰`. Raises DateError."""
    found = re.fullmatch(r"(\d{1,2}):(\d\d)", to_latin_digits(text).strip(), re.ASCII)
    if found is None:
        raise DateError(f"{_brief(text)} is no time of day: write 07:30")
    return _clock(found[1], found[2], None, text)


def iso_utc(moment: datetime | None) -> str | None:
    """`2011-06-01T13:24:00Z`, or None. Whole seconds."""
    return None if moment is None else _aware(moment).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def jalali_iso(moment: datetime | None, *, with_time: bool) -> str | None:
    """`1390-03-11T17:54` or `1390-03-11` by Tehran's clock, or None."""
    if moment is None:
        return None
    local = _aware(moment).astimezone(TEHRAN)
    year, month, day = jalali_of(local.date())
    return f"{year:04}-{month:02}-{day:02}" + (f"T{local:%H:%M}" if with_time else "")


def jalali_long(moment: datetime, *, with_time: bool) -> str:
    """`۱۱ خرداد ۱۳۹۰، ۱۷:۵۴`, as Mehr prints it: neither day nor hour padded."""
    local = _aware(moment).astimezone(TEHRAN)
    year, month, day = jalali_of(local.date())
    clock = f"، {local.hour}:{local.minute:02}" if with_time else ""
    return to_persian_digits(f"{day} {_MONTHS[month - 1]} {year}{clock}")


def jalali_full(moment: datetime, *, with_time: bool) -> str:
    """`چهارشنبه ۱۱ خرداد ۱۳۹۰، ساعت ۱۷:۵۴`."""
    local = _aware(moment).astimezone(TEHRAN)
    clock = to_persian_digits(f"، ساعت {local.hour}:{local.minute:02}") if with_time else ""
    return f"{_DAYS[local.weekday()]} {jalali_long(moment, with_time=False)}{clock}"


def jalali_short_latin(moment: datetime) -> str:
    """`12 آذر 1398`, as Joomla prints it: two digits for the day, Latin digits."""
    year, month, day = jalali_of(tehran_day(moment))
    return f"{day:02} {_MONTHS[month - 1]} {year}"


@lru_cache(maxsize=1 << 14)
def jalali_of(day: date) -> tuple[int, int, int]:
    """The Jalali year, month and day of a Gregorian day."""
    jalali = jdatetime.date.fromgregorian(date=day)
    return jalali.year, jalali.month, jalali.day


def tehran_day(moment: datetime) -> date:
    """The day it is in Tehran at that moment."""
    return _aware(moment).astimezone(TEHRAN).date()


def week_of(day: date) -> date:
    """The Saturday that the Iranian week of this day begins with."""
    return day - timedelta(days=(day.weekday() + 2) % 7)


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """The moments in UTC at which a day begins and ends in Tehran: [start, end)."""
    start, end = (datetime.combine(day + timedelta(days=n), time.min, TEHRAN).astimezone(UTC) for n in (0, 1))
    return start, end


# ── the forms ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _plain(text: str) -> str:
    return " ".join(to_latin_digits(text).translate(_PLAIN).lower().split())


def _either(words: list[str]) -> str:
    return "|".join(sorted(map(_plain, words), key=len, reverse=True))


_SEP = r"[\s,|/\-:]*"
_WEEKDAY = r"(?:(?:یک|دو|سه|چهار|پنج)? ?شنبه|جمعه|ادینه)"
_LABEL = (
    r"(?P<label>(?:(?:written|published|created|posted|last updated)(?: by .{1,80}?)? )?on:? "
    r"|(?:منتشر شده|نوشته شده|تاریخ ایجاد|نمایش|اخرین ب(?:ه ?)?روز ?رسانی)(?: توسط .{1,80}?)? (?:در|از) ?:? ?"
    r"|(?:(?:تاریخ|زمان) ?)?(?:(?:انتشار|درج|ایجاد|خبر|ب(?:ه ?)?روز ?رسانی) ?)?: ?)?"
)
_MONTH = rf"(?:(?P<jalali>{_either(list(_MONTHS))})(?: ?ماه)?|(?P<gregorian>{_either(list(_GREGORIAN))}))"
_DATE = (
    rf"(?:(?P<day>\d{{1,2}})[\s,\-/]*{_MONTH}[\s,\-/]*(?P<year>\d{{4}}|\d\d)(?!\d)"
    r"|(?P<first>\d{1,4})(?P<mark>[-/.])(?P<second_>\d{1,2})(?P=mark)(?P<third>\d{1,4})(?!\d))"
)
_TIME = r"(?:ساعت ?:? ?)?(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?"
_TAIL = r" ?\.?(?: ?(?:posted in|ارسال شده در) .*)?"
_DATE_FIRST = re.compile(rf"{_LABEL}(?:{_WEEKDAY}{_SEP})?{_DATE}(?:(?!\d){_SEP}{_TIME})?{_TAIL}", re.ASCII)
_TIME_FIRST = re.compile(rf"{_LABEL}{_TIME}{_SEP}(?:{_WEEKDAY}{_SEP})?{_DATE}{_TAIL}", re.ASCII)
_RELATIVE = re.compile(r"قبل|پیش|امروز|دیروز|پریروز|لحظات")
_YMD = re.compile(r"(?P<year>\d{4})(?P<mark>[-/])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})", re.ASCII)
_ISO = re.compile(
    rf"{_YMD.pattern}(?:\s*T?\s*(?P<hour>\d{{1,2}}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d+)?)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_UNITS = {
    "s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1),
    "d": timedelta(days=1), "w": timedelta(weeks=1),
}  # fmt: skip
_MONTH_NUMBER = {_plain(name): number for number, name in enumerate(_MONTHS, start=1)}
_GREGORIAN_NUMBER = {_plain(name): number for name, number in _GREGORIAN.items()}


def _match_printed(text: str) -> re.Match[str] | None:
    if len(text) > 300:  # a date is one short line
        return None
    plain = _plain(text)
    return _DATE_FIRST.fullmatch(plain) or _TIME_FIRST.fullmatch(plain)


def _printed_day(found: re.Match[str], shown: str) -> date:
    if found["jalali"]:
        year = int(found["year"])
        if len(found["year"]) == 2:
            year += 1300 if year > 31 else 1400
        if year >= 1600:
            raise DateError(f"{_brief(shown)}: a Jalali month in the year {year}")
        return _day(year, _MONTH_NUMBER[found["jalali"]], int(found["day"]), shown)
    if found["gregorian"]:
        year = int(found["year"])
        if year < 1600:
            raise DateError(f"{_brief(shown)}: a Gregorian month in the year {year}")
        return _day(year, _GREGORIAN_NUMBER[found["gregorian"]], int(found["day"]), shown)
    first, second, third = (int(found[name]) for name in ("first", "second_", "third"))
    if len(found["first"]) == 4 and third <= 31:
        return _day(first, second, third, shown)
    if len(found["third"]) == 4 and third < 1600:  # of a Gregorian 03/12/2019 nobody knows which is the month
        return _day(third, second, first, shown)
    if len(found["first"]) == len(found["third"]) == 2:
        if first > 31 >= third:
            return _day(1300 + first, second, third, shown)
        if third > 31 >= first:
            return _day(1300 + third, second, first, shown)
    raise DateError(f"{_brief(shown)}: which number is the year, and which the month, is not certain")


def _day(year: int, month: int, day: int, shown: str) -> date:
    jalali = year < 1600
    if not (1300 <= year < 1500 if jalali else 1900 <= year < 2200):
        raise DateError(f"{_brief(shown)}: the year {year} cannot be")
    try:
        return jdatetime.date(year, month, day).togregorian() if jalali else date(year, month, day)
    except ValueError:
        raise DateError(f"{_brief(shown)}: there is no day {year}-{month:02}-{day:02}") from None


def _clock(hour: str, minute: str, second: str | None, shown: str) -> time:
    try:
        return time(int(hour), int(minute), int(second or 0))
    except ValueError:
        raise DateError(f"{_brief(shown)}: there is no time {hour}:{minute}") from None


def _zone(text: str | None, shown: str) -> tzinfo:
    if text is None:
        return TEHRAN
    if text[0] not in "+-":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:]) if len(text) > 3 else 0
    if hours > 14 or minutes > 59:
        raise DateError(f"{_brief(shown)}: there is no offset {text}")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def _utc(day: date, clock: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:  # astimezone() would take it for this machine's clock
        raise ValueError(f"{moment} has no time zone")
    return moment


def _brief(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= 60 else line[:59] + "…")
