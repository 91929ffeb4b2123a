"""Jalali dates: every printed form the sites are known to use, machine dates, and what must be refused."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didban.dates import (
    TEHRAN,
    day_bounds,
    is_printed_date,
    iso_utc,
    jalali_iso,
    jalali_long,
    jalali_of,
    jalali_short_latin,
    parse_day,
    parse_iso,
    parse_printed,
    parse_rfc822,
    parse_span,
    tehran_day,
    to_latin_digits,
    to_persian_digits,
)
from didban.errors import DateError

ZWNJ = "\N{ZERO WIDTH NON-JOINER}"
unhurried = settings(database=None, derandomize=True, deadline=None)

PRINTED = [
    ("۱۱ خرداد ۱۳۹۰، ۱۷:۵۴", "1390-03-11T17:54"),  # Mehr
    ("۱۹ بهمن ۱۴۰۲، ۹:۳۰", "1402-11-19T09:30"),
    ("۱۹ بهمن ۱۴۰۲ - ۹:۳۰", "1402-11-19T09:30"),
    ("چهارشنبه / ۲۹ دی ۱۳۹۵ / ۱۴:۵۹", "1395-10-29T14:59"),  # ISNA
    ("یکشنبه ۱۰ دی ۱۴۰۲ - ۲۲:۵۳", "1402-10-10T22:53"),  # Hamshahri
    ("۱۴۰۳-۰۹-۱۰ ۱۲:۳۰", "1403-09-10T12:30"),  # IRNA's archive
    ("چهارشنبه ۳۰ مهر ۱۳۹۹ | ۱۲:۳۶", "1399-07-30T12:36"),  # North Khorasan
    ("تاریخ انتشار : چهارشنبه ۳۰ مهر ۱۳۹۹ | ۱۲:۳۶", "1399-07-30T12:36"),
    ("سه شنبه 31 تير 1393-8:43", "1393-04-31T08:43"),
    ("1400/12/08", "1400-12-08"),
    ("تاریخ بروز رسانی : 1400/12/08", "1400-12-08"),
    ("1390/4/1", "1390-04-01"),
    ("5 آذر 1401 ساعت 11:31", "1401-09-05T11:31"),
    ("۱۳۹۹/۰۷/۳۰", "1399-07-30"),
    ("٣٠/٠٧/١٣٩٩", "1399-07-30"),  # Arabic digits
    ("30-07-1399", "1399-07-30"),
    ("98/09/12", "1398-09-12"),
    ("12-09-98", "1398-09-12"),
    ("12 آذر 98", "1398-09-12"),
    ("12 آذر 1398", "1398-09-12"),  # Joomla's LC3, LC1, LC2
    ("سه شنبه, 12 آذر 1398", "1398-09-12"),
    ("سه شنبه, 12 آذر 1398 10:15", "1398-09-12T10:15"),
    (f"سه{ZWNJ}شنبه، ۱۲ آذر ۱۳۹۸", "1398-09-12"),
    ("سهشنبه ۱۲ آذر ۱۳۹۸", "1398-09-12"),
    ("پنج شنبه، ۱۴ آذرماه ۱۳۹۸", "1398-09-14"),
    ("جمعه ۱۵ آذر ماه ۱۳۹۸", "1398-09-15"),
    ("06 فروردين 1399", "1399-01-06"),
    ("06 ارديبهشت 1399", "1399-02-06"),
    ("12 دى 1398", "1398-10-12"),
    ("17مهر 1398", "1398-07-17"),
    ("1398/09/12 10:15:33", "1398-09-12T10:15"),
    ("۱۰:۱۵ - ۱۲ آذر ۱۳۹۸", "1398-09-12T10:15"),
    ("\N{RIGHT-TO-LEFT MARK}۱۲ آذر ۱۳۹۸", "1398-09-12"),
    ("on 12 آذر 1398.", "1398-09-12"),
    ("Written on 12 آذر 1398.", "1398-09-12"),
    ("Written by X on 12 آذر 1398. Posted in Y", "1398-09-12"),
    ("نوشته شده در 12 آذر 1398. ارسال شده در اخبار", "1398-09-12"),
    ("نوشته شده توسط روابط عمومی در 12 آذر 1398.", "1398-09-12"),
    ("منتشر شده در سه شنبه, 12 آذر 1398 10:15", "1398-09-12T10:15"),
    ("آخرین به روز رسانی در  سه شنبه, 12 آذر 1398 10:15", "1398-09-12T10:15"),
    ("تاریخ ایجاد در 12 آذر 1398", "1398-09-12"),
    ("3 دسامبر 2019", "1398-09-12"),
    ("سه شنبه، 3 ژوئیه 2019 11:11", "1398-04-12T11:11"),
    ("2019/12/03", "1398-09-12"),
    ("جمعه 12 آذر 1398", "1398-09-12"),  # it was a Tuesday: the numbers rule
]


@pytest.mark.parametrize(("text", "jalali"), PRINTED)
def test_printed_dates_are_read(text: str, jalali: str) -> None:
    printed = parse_printed(f"  {text}\n")
    assert printed.text == text.strip()
    assert printed.has_time == ("T" in jalali)
    assert jalali_iso(printed.moment, with_time=printed.has_time) == jalali
    assert printed.moment.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("30 اسفند 1402", "there is no day 1402-12-30"),
        ("31 مهر 1400", "there is no day 1400-07-31"),
        ("1399/13/01", "there is no day 1399-13-01"),
        ("12 آذر 1398 25:61", "there is no time 25:61"),
        ("12 آذر 1398 24:00", "there is no time 24:00"),
        ("۱ ماه قبل", "is relative"),
        ("دیروز ۱۲:۳۰", "is relative"),
        ("17 مهر", "no date of a known form"),
        ("12 آذر 139", "no date of a known form"),
        ("12 آذر 13981", "no date of a known form"),
        ("1398/09/1210:15", "no date of a known form"),
        ("1398-09/12", "no date of a known form"),
        ("12 رجب 1442", "no date of a known form"),
        ("12 آذر 1398 شنیده شد", "no date of a known form"),
        ("on .", "no date of a known form"),
        ("", "no date of a known form"),
        ("12 آذر 1398 " * 100, "no date of a known form"),
        ("01/02/03", "not certain"),
        ("03/12/2019", "not certain"),
        ("12 آذر 2019", "a Jalali month in the year 2019"),
        ("3 دسامبر 1398", "a Gregorian month in the year 1398"),
        ("0000-00-00", "the year 0 cannot be"),
        ("9999/12/31", "the year 9999 cannot be"),
    ],
)
def test_what_is_no_certain_date_is_refused_in_one_line(text: str, why: str) -> None:
    with pytest.raises(DateError, match=why) as refused:
        parse_printed(text)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200


def test_only_a_line_that_is_wholly_a_jalali_date_begins_a_seed() -> None:
    assert is_printed_date("۱۱ خرداد ۱۳۹۰، ۱۷:۵۴")
    assert is_printed_date(" 1398/09/12 ")
    assert is_printed_date("30 اسفند 1402"), "an impossible date is still refused as a date"
    for line in ("on 12 آذر 1398.", "3 دسامبر 2019", "2019-12-03", "کد خبر 1326881", "۱۲ آذر ۱۳۹۸ روز خوبی بود", ""):
        assert not is_printed_date(line), line


def test_known_anchors_and_leap_years() -> None:
    assert parse_day("1400-01-01") == date(2021, 3, 21)
    assert parse_day("1398/9/12") == parse_day("۱۳۹۸-۰۹-۱۲") == parse_day("2019-12-03") == date(2019, 12, 3)
    assert parse_day("1399-12-30") == date(2021, 3, 20)
    assert parse_day("1403-12-30") == date(2025, 3, 20)
    for text in ("1402-12-30", "2023-02-29", "1397-07", "tomorrow", "1397-07/01", "12-07-1397"):
        with pytest.raises(DateError):
            parse_day(text)
    with pytest.raises(DateError, match="1397-07-01 or 2018-09-23"):
        parse_day("yesterday")


def test_summer_time_ended_with_1401() -> None:
    assert iso_utc(parse_printed("۱۷ دی ۱۳۹۲، ۱۳:۰۵").moment) == "2014-01-07T09:35:00Z"
    assert iso_utc(parse_printed("۱۱ خرداد ۱۳۹۰، ۱۷:۵۴").moment) == "2011-06-01T13:24:00Z"
    assert iso_utc(parse_printed("30 شهریور 1401 12:00").moment) == "2022-09-21T07:30:00Z"
    assert iso_utc(parse_printed("31 شهریور 1401 12:00").moment) == "2022-09-22T08:30:00Z"
    assert iso_utc(parse_printed("11 خرداد 1402 17:54").moment) == "2023-06-01T14:24:00Z"


def test_a_day_is_as_long_as_the_clock_makes_it() -> None:
    assert day_bounds(date(2019, 12, 3)) == (
        datetime(2019, 12, 2, 20, 30, tzinfo=UTC),
        datetime(2019, 12, 3, 20, 30, tzinfo=UTC),
    )
    lengths = [end - start for start, end in map(day_bounds, (date(2021, 3, 22), date(2021, 9, 21)))]
    assert lengths == [timedelta(hours=23), timedelta(hours=25)]
    skipped = parse_printed("۲ فروردین ۱۴۰۰، ۰:۳۰").moment  # clocks went from 0:00 to 1:00
    assert tehran_day(skipped) == date(2021, 3, 22)


def test_printing() -> None:
    moment = datetime(2011, 6, 1, 13, 24, 9, 5, tzinfo=UTC)
    assert iso_utc(moment) == "2011-06-01T13:24:09Z"
    assert iso_utc(moment.astimezone(TEHRAN)) == "2011-06-01T13:24:09Z"
    assert jalali_iso(moment, with_time=False) == "1390-03-11"
    assert jalali_long(moment, with_time=True) == "۱۱ خرداد ۱۳۹۰، ۱۷:۵۴"
    assert jalali_long(datetime(2024, 2, 8, 6, 0, tzinfo=UTC), with_time=True) == "۱۹ بهمن ۱۴۰۲، ۹:۳۰"
    assert jalali_long(moment, with_time=False) == "۱۱ خرداد ۱۳۹۰"
    assert jalali_short_latin(datetime(2019, 12, 2, 20, 30, tzinfo=UTC)) == "12 آذر 1398"
    assert jalali_short_latin(datetime(2020, 3, 25, 12, 0, tzinfo=UTC)) == "06 فروردین 1399"
    assert iso_utc(None) is None
    assert jalali_iso(None, with_time=True) is None
    assert to_persian_digits(to_latin_digits("۱٢3 ICT")) == "۱۲۳ ICT"


def test_a_moment_without_a_zone_is_our_mistake() -> None:
    naive = datetime(2011, 6, 1, 13, 24)  # noqa: DTZ001 - the point
    for show in (iso_utc, tehran_day, jalali_short_latin):
        with pytest.raises(ValueError, match="no time zone"):
            show(naive)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2020-04-17T14:26:21Z", "2020-04-17T14:26:21Z"),
        ("2020-04-17T14:26:21.123456+00:00", "2020-04-17T14:26:21Z"),
        ("2020-04-17 T 19:14:22 +0430", "2020-04-17T14:44:22Z"),
        ("2019-12-03T10:15:00+03:30", "2019-12-03T06:45:00Z"),
        ("2019-12-03", "2019-12-02T20:30:00Z"),
        ("2019-12-03 10:15", "2019-12-03T06:45:00Z"),
        ("1398-09-12", "2019-12-02T20:30:00Z"),
        ("۱۳۹۸-۰۹-۱۲T10:15:00+03:30", "2019-12-03T06:45:00Z"),
        ("1398-02-31", "2019-05-20T19:30:00Z"),
    ],
)
def test_machine_dates(text: str, utc: str) -> None:
    assert iso_utc(parse_iso(text)) == utc


@pytest.mark.parametrize(
    "text",
    ["", "now", "0000-00-00 00:00:00", "2019-02-30", "2019-12-03T10:15:00+99:99", "2019-12-03T25:00", "20191203",
     "9999-12-31T23:59:59-12:00", "1402-12-30", "2019-12-03T10:15:00Z and more"],
)  # fmt: skip
def test_machine_dates_refused(text: str) -> None:
    with pytest.raises(DateError):
        parse_iso(text)


def test_feed_dates() -> None:
    assert iso_utc(parse_rfc822("Sat, 14 Mar 2020 15:42:09 GMT")) == "2020-03-14T15:42:09Z"
    assert iso_utc(parse_rfc822("Tue, 03 Dec 2019 11:11:22 +0330")) == "2019-12-03T07:41:22Z"
    assert iso_utc(parse_rfc822("Tue, 03 Dec 2019 11:11:22 -0000")) == "2019-12-03T11:11:22Z"
    assert iso_utc(parse_rfc822("Tue, 03 Dec 2019 11:11:22")) == "2019-12-03T07:41:22Z"
    for text in ("", "yesterday", "Tue, 31 Feb 2019 11:11:22 GMT", "Tue, 03 Dec 1398 11:11:22 GMT",
                 "Tue, 03 Dec 2019 11:11:22 +9999", "۱۲ آذر ۱۳۹۸"):  # fmt: skip
        with pytest.raises(DateError):
            parse_rfc822(text)


def test_spans() -> None:
    assert parse_span("72h") == timedelta(hours=72)
    assert parse_span(" ۱۵ M ") == timedelta(minutes=15)
    assert (parse_span("90s"), parse_span("30d"), parse_span("2w")) == (
        timedelta(seconds=90),
        timedelta(days=30),
        timedelta(days=14),
    )
    assert parse_span("unlimited") == timedelta.max
    for text in ("", "72", "h", "-1h", "1.5h", "1y", "9999999999999d", "9" * 5000 + "d"):
        with pytest.raises(DateError):
            parse_span(text)


def nowruz(year: int) -> date:
    """The first day of a Jalali year by K. M. Borkowski's published algorithm, valid here for 1210 to 1634."""
    breaks = (-61, 9, 38, 199, 426, 686, 756, 818, 1111, 1181, 1210, 1635)
    leaps, start, jump = -14, breaks[0], 0
    for before, after in pairwise(breaks):
        start, jump = before, after - before
        if year < after:
            break
        leaps += jump // 33 * 8 + jump % 33 // 4
    into = year - start
    leaps += into // 33 * 8 + (into % 33 + 3) // 4
    if jump % 33 == 4 and jump - into == 4:
        leaps += 1
    gregorian = year + 621
    return date(gregorian, 3, 20 + leaps - (gregorian // 4 - (gregorian // 100 + 1) * 3 // 4 - 150))


def test_every_year_begins_where_an_independent_algorithm_says() -> None:
    for year in range(1300, 1499):
        assert parse_day(f"{year}-01-01") == nowruz(year)


@unhurried
@given(st.dates(date(1922, 1, 1), date(2119, 12, 31)))
def test_jalali_days_agree_with_an_independent_algorithm_and_come_back(day: date) -> None:
    year, month, number = jalali_of(day)
    of_year = (day - nowruz(year)).days
    assert (month, number) == (
        (of_year // 31 + 1, of_year % 31 + 1)
        if of_year < 186
        else ((of_year - 186) // 30 + 7, (of_year - 186) % 30 + 1)
    )
    assert parse_day(f"{year}/{month}/{number}") == day


@unhurried
@given(st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)), st.booleans())  # noqa: DTZ001
def test_what_is_printed_is_read_again(moment: datetime, with_time: bool) -> None:
    printed = parse_printed(jalali_long(moment, with_time=with_time))
    again = jalali_long(printed.moment, with_time=with_time)
    assert again == printed.text
    assert printed.has_time == with_time
    stamp = iso_utc(moment)
    assert stamp is not None
    assert parse_iso(stamp) == moment.replace(microsecond=0)


@unhurried
@given(st.text(alphabet="0123456789۱۲ /-:،. آذرمهشنبه onساعت", max_size=40))
def test_nothing_but_a_date_or_a_refusal_comes_out(text: str) -> None:
    for parse in (parse_printed, parse_iso, parse_rfc822, parse_day, parse_span):
        with suppress(DateError):
            parse(text)
    assert is_printed_date(text) in {True, False}
