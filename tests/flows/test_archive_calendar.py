"""The calendar picture: whole, well-formed, in Persian, and each day in its place."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import pairwise
from xml.etree import ElementTree as ET

from didban.coverage import STATES, Counts, Coverage, Day, State
from didban.dates import jalali_of
from flows.calendar import PERSIAN, calendar_svg

SVG = "{http://www.w3.org/2000/svg}"
NOWRUZ = date(2020, 3, 20)  # Friday, 1 Farvardin 1399, a leap year


def coverage(since: date, many: int, *states: State, counts: Counts | None = None, name: str = "ایرنا") -> Coverage:
    given = states or ("complete",)
    days = tuple(
        Day(
            day=since + timedelta(days=number),
            state=given[number % len(given)],
            counts=counts or Counts(stored=number % 400),
        )
        for number in range(many)
    )
    return Coverage(source="irna", name=name, since=days[0].day, until=days[-1].day, units={}, days=days)


def drawn(*reports: Coverage) -> ET.Element:
    return ET.fromstring(calendar_svg(reports))


def cells(root: ET.Element) -> dict[str, tuple[str, int, int]]:
    """Of every day: how it looks, its column from the right, its week."""
    found = {}
    for path in root.iter(f"{SVG}path"):
        title = path.find(f"{SVG}title")
        if title is not None:
            (x, y) = re.findall(r"\d+", path.get("d", ""))[:2]
            found[(title.text or "").partition("،")[0]] = (path.get("class", ""), 6 - int(x) // 12, (int(y) - 16) // 12)
    return found


def test_every_day_stands_in_its_week_and_weeks_begin_on_saturday() -> None:
    found = cells(drawn(coverage(NOWRUZ, 366)))
    assert len(found) == 366
    assert found["۱ فروردین ۱۳۹۹"][1:] == (6, 0), "a Friday: the last column of the first week"
    assert found["۲ فروردین ۱۳۹۹"][1:] == (0, 1)
    assert found["۳۰ اسفند ۱۳۹۹"][1:] == (0, 5), "a Saturday"


def test_a_month_that_is_not_whole_keeps_its_days_in_their_places() -> None:
    whole, part = cells(drawn(coverage(NOWRUZ, 31))), cells(drawn(coverage(NOWRUZ + timedelta(days=10), 5)))
    assert [part[day][1:] for day in part] == [whole[day][1:] for day in part]
    assert len(part) == 5


def test_a_year_is_a_block_of_its_months_from_right_to_left() -> None:
    root = drawn(coverage(NOWRUZ, 400))
    years = [group for group in root if group.tag == f"{SVG}g"]
    assert [group.findtext(f"{SVG}text") for group in years] == ["۱۳۹۹", "۱۴۰۰"]
    months = [group for group in years[0] if group.tag == f"{SVG}g"]
    assert [group.findtext(f"{SVG}text") for group in months][::11] == ["فروردین", "اسفند"]
    places = [int(re.findall(r"\d+", group.get("transform", ""))[0]) for group in months]
    assert places == sorted(places, reverse=True)
    assert len(set(places)) == 12


def test_a_day_says_its_state_and_counts_and_has_its_colour() -> None:
    counts = Counts(stored=40, partial=3, refused=2, waiting=1, withdrawn=1)
    text = calendar_svg([coverage(NOWRUZ, 1, "partial", counts=counts)])
    assert "<title>۱ فروردین ۱۳۹۹، ناقص: ۴۶ فهرست‌شده، ۴۰ ذخیره‌شده، ۳ ناقص، ۲ ردشده، ۱ در صف، ۱ پس‌گرفته</title>" in text
    looks = cells(drawn(coverage(NOWRUZ, 6, *STATES)))
    assert len({look for look, *_ in looks.values()}) == len(STATES) == len(PERSIAN)
    levels = [look for look, *_ in cells(drawn(coverage(NOWRUZ, 5))).values()]
    assert levels == ["c l1", "c l1", "c l2", "c l3", "c"], "0 to 4 articles, the fullest day without a tint"


def test_the_picture_is_whole_by_itself_and_speaks() -> None:
    name = "<b>ایرنا & «\N{NULL}همه»"
    text = calendar_svg([coverage(NOWRUZ, 9, *STATES, name=name)])
    assert text == calendar_svg([coverage(NOWRUZ, 9, *STATES, name=name)])
    root = ET.fromstring(text)
    assert (root.get("role"), root.get("direction"), root.get("aria-labelledby")) == ("img", "rtl", "title desc")
    assert root.findtext(f"{SVG}title") == "بایگانی <b>ایرنا & «همه»"
    assert "۹ روز" not in (described := root.findtext(f"{SVG}desc") or "")
    assert "۱ فروردین ۱۳۹۹ تا ۹ فروردین ۱۳۹۹" in described
    assert not re.search(r"<script|<image|@import|@font-face|href|url\((?!#)", text)
    assert not re.search("[0-9]", "".join("".join(one.itertext()) for one in root.iter(f"{SVG}text")))


def test_sources_stand_one_below_the_other() -> None:
    one, other = coverage(NOWRUZ, 366), coverage(NOWRUZ, 400, name="مهر")
    root = drawn(one, other)
    tops = [int(re.findall(r"\d+", group.get("transform", ""))[1]) for group in root if group.tag == f"{SVG}g"]
    assert len(tops) == 3
    assert tops == sorted(tops)
    assert min(after - before for before, after in pairwise(tops)) >= 104
    assert int(root.get("height", "")) == tops[-1] + 104
    assert [text.text for text in root.findall(f"{SVG}text[@class='t']")] == ["بایگانی ایرنا", "بایگانی مهر"]
    assert root.findtext(f"{SVG}title") == "بایگانی ایرنا، بایگانی مهر"


def test_without_a_source_there_is_still_a_picture() -> None:
    assert drawn().findtext(f"{SVG}title") == "هنوز بایگانی‌ای گردآوری نشده"


def test_fifteen_years_fit() -> None:
    days = 15 * 365 + 4
    counts = Counts(stored=512, partial=13, refused=21, waiting=17, withdrawn=11)
    text = calendar_svg([coverage(date(2011, 3, 21), days, "partial", counts=counts)])
    assert len(text.encode()) < 1_500_000
    assert len(cells(ET.fromstring(text))) == days
    assert jalali_of(date(2011, 3, 21)) == (1390, 1, 1)
