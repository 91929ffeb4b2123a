"""Where an article is from: the section, else the dateline, else the portal's own province."""

from __future__ import annotations

from collections import Counter

import pytest

from didban import provinces
from didban.provinces import PROVINCES, by_name, from_dateline, from_section, of_portal, resolve
from didban.text import squash

ZWNJ = "\N{ZERO WIDTH NON-JOINER}"


def test_the_table_is_whole() -> None:
    assert len(PROVINCES) == 31
    for key in ("slug", "name", "iso", "code"):
        assert len({getattr(province, key) for province in PROVINCES}) == 31, key
    assert [province.iso for province in PROVINCES] == [f"IR-{number:02}" for number in range(31)]


def test_every_place_stands_once_and_in_a_province() -> None:
    places = {slug: names.split("، ") for slug, names in provinces._PLACES.items()}
    assert set(places) == {province.slug for province in PROVINCES}
    twice = [
        name for name, count in Counter(squash(n) for names in places.values() for n in names).items() if count > 1
    ]
    assert twice == []


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("لرستان", "lorestan"),
        ("استان لرستان", "lorestan"),
        ("آذربايجان شرقي", "east-azerbaijan"),
        (f"چهارمحال{ZWNJ}وبختیاری", "chaharmahal-bakhtiari"),
        ("كهگيلويه و بوير احمد", "kohgiluyeh-boyer-ahmad"),
        ("Lorestan", "lorestan"),
        ("خرم آباد", None),
        ("", None),
    ],
)
def test_by_name(text: str, slug: str | None) -> None:
    province = by_name(text)
    assert (province.slug if province else None) == slug


@pytest.mark.parametrize(
    ("section", "slug"),
    [
        (f"استان{ZWNJ}ها > لرستان", "lorestan"),
        ("استانها>لرستان", "lorestan"),
        ("لرستان", "lorestan"),
        ("صفحه اصلی > استان‌ها > تهران", "tehran"),
        ("استان‌ها > تهران بزرگ", "tehran"),
        ("استان‌ها > کاشان", "isfahan"),
        ("استان‌ها > کیش", "hormozgan"),
        ("استان‌ها > سراسری", None),
        ("استان‌ها", None),
        ("ورزش > کیش", None),
        ("اقتصاد > آب و انرژی", None),
        ("", None),
        (None, None),
    ],
)
def test_sections(section: str | None, slug: str | None) -> None:
    assert from_section(section) == slug


@pytest.mark.parametrize(
    ("lead", "slug"),
    [
        ("خرم آباد - ایرنا - معاون استاندار گفت", "lorestan"),
        (" خرم آباد - خبرگزاری مهر: معاون استاندار گفت", "lorestan"),
        (f"خرم{ZWNJ}آباد- مدیرکل پست گفت", "lorestan"),
        ("خرمآباد-ایرنا-معاون", "lorestan"),
        ("خرم آباد – ایرنا – معاون", "lorestan"),
        ("بندرعباس ـ ایرنا ـ معاون", "hormozgan"),
        ("اهواز - ایرنا - مدیرکل", "khuzestan"),
        ("الیگودرز - خرم آباد - ایرنا - فرماندار", "lorestan"),
        ("لرستان - ایرنا - معاون", "lorestan"),
        ("تهران - ایرنا - وزیر گفت", None),
        ("خرم آباد - تهران - ایرنا - وزیر", None),
        ("اهواز - خرم آباد - ایرنا - دو استاندار", None),
        ("قم - تهران بسته شد", None),
        ("قم - کاشان - اصفهان قطار تندرو", None),
        ("رودبار - ایرنا - فرماندار", None),
        ("نورآباد - ایرنا - فرماندار", None),
        ("خرم آباد", None),
        ("معاون استاندار لرستان - که در خرم آباد بود - گفت", None),
        ("", None),
    ],
)
def test_datelines(lead: str, slug: str | None) -> None:
    assert from_dateline(lead) == slug


def test_the_section_rules_then_the_dateline_then_the_portal() -> None:
    assert resolve("استان‌ها > قم", "اهواز - ایرنا - x", "lorestan") == "qom"
    assert resolve("اقتصاد", "اهواز - ایرنا - x", "lorestan") == "khuzestan"
    assert resolve(None, "معاون گفت", "lorestan") == "lorestan"
    assert resolve(None, "تهران - ایرنا - وزیر گفت") is None


def test_a_portals_key_names_its_province() -> None:
    lorestan = of_portal("ostan_lr")
    assert lorestan is not None
    assert lorestan.slug == "lorestan"
    assert of_portal("ostan_xx") is None
    assert of_portal("irna") is None
