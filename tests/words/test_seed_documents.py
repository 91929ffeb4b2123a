"""The five seed documents, line by line, and what a damaged one says of itself."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from didban.article import Article
from didban.copies import content_key
from didban.dates import iso_utc
from didban.errors import SeedError
from didban.seed import KEYS, file_name, read, shape_of, write

SEEDS = {path.name[:3]: path.read_bytes() for path in (Path(__file__).parents[1] / "seeds").glob("*.txt")}
ZWNJ = "\N{ZERO WIDTH NON-JOINER}"


def article(number: str) -> Article:
    return read(SEEDS[number]).article


@pytest.mark.parametrize(
    ("number", "shape", "source", "id_", "published", "province", "codes"),
    [
        ("000", "json", "irna", None, None, "lorestan", ("3210/7273",)),
        ("001", "json", "irna", None, None, "khuzestan", ("6065/6002",)),
        ("002", "mehr", "mehr", "1326881", "2011-06-01T13:24:00Z", "lorestan", ()),
        ("003", "portal", "ostan_lr", None, None, "lorestan", ()),
        ("004", "mehr", "mehr", None, "2014-01-07T09:35:00Z", "lorestan", ()),
    ],
)
def test_what_each_seed_says(
    number: str, shape: str, source: str, id_: str | None, published: str | None, province: str, codes: tuple[str, ...]
) -> None:
    found = read(SEEDS[number])
    seed = found.article
    assert (found.shape, found.warnings) == (shape, ())
    assert (seed.source, seed.id, iso_utc(seed.published)) == (source, id_, published)
    assert (seed.province, seed.codes, seed.has_time) == (province, codes, published is not None)
    assert (seed.url, seed.fetched, seed.rights, seed.section, seed.tags) == (None, None, None, None, ())
    assert seed.complete


def test_json_seeds_are_verbatim_but_for_the_ends_and_the_code() -> None:
    for number in ("000", "001"):
        given = json.loads(SEEDS[number])
        seed = article(number)
        assert (seed.kicker, seed.title, seed.lead) == ("", given["titr"].strip(), given["describe"].strip())
        assert seed.text + seed.codes[0] == given["text"].strip()
        assert "\n" not in seed.text
        assert seed.published_text is None
    assert "ایران  اسلامی" in article("000").text
    assert "است.وی" in article("000").text
    assert "پستیمدیرکل" in article("001").text
    assert article("000").text.endswith("به دنیا عرضه کنیم.")


def test_seed_002() -> None:
    lines = SEEDS["002"].decode().split("\n")
    seed = article("002")
    assert seed.published_text == lines[0] == "۱۱ خرداد ۱۳۹۰، ۱۷:۵۴"
    assert (seed.kicker, seed.title, seed.lead) == (lines[2], lines[4], lines[8])
    assert seed.kicker == "لرستانی:"
    assert seed.text.split("\n") == lines[10:29:2]
    assert seed.text.endswith("تجلیل به عمل آمد.")


def test_seed_003() -> None:
    lines = SEEDS["003"].decode().split("\n")
    seed = article("003")
    assert (seed.kicker, seed.title, seed.lead) == ("", lines[0][1:], lines[4])
    assert seed.text.split("\n") == lines[6:27:2]
    assert seed.published_text is None
    assert "حذف شود/ حذف کاغذ" in seed.title
    assert "مردم،كاهش تردد هاي" in seed.text
    assert "کلیه حقوق" not in seed.text


def test_seed_004() -> None:
    lines = SEEDS["004"].decode().split("\n")
    seed = article("004")
    assert seed.published_text == lines[0]
    assert (seed.kicker, seed.title, seed.lead) == (lines[2], lines[4], lines[6])
    assert seed.kicker.endswith("؛")
    assert seed.text.split("\n") == lines[8:23:2]


@pytest.mark.parametrize("number", sorted(SEEDS))
def test_what_is_written_is_read_again(number: str) -> None:
    seed = article(number)
    written = write(seed)
    assert read(written).article == seed
    for way in (written, b"\xef\xbb\xbf" + written, written.replace(b"\n", b"\r\n")):
        assert read(way).article == seed
    assert read(written, source="elsewhere").article == replace(
        seed, source="elsewhere", province=None if number == "003" else seed.province
    )


def test_written_json_equals_the_original_apart_from_the_ends_of_values() -> None:
    for number in ("000", "001"):
        original, written = json.loads(SEEDS[number]), json.loads(write(article(number)))
        assert list(written) == list(original) == list(KEYS)
        assert written == {key: value.strip() for key, value in original.items()}
        assert b"\\u" not in write(article(number))


def test_written_text_shapes() -> None:
    assert write(article("004")) == SEEDS["004"].rstrip(b"\n") + b"\n"
    lines = SEEDS["002"].decode().split("\n\n")
    assert write(article("002")).decode() == "\n\n".join([*lines[:3], *lines[4:16]]) + "\n"
    assert lines[15] == "کد خبر 1326881"
    assert write(article("003")) == SEEDS["003"].lstrip().rpartition(b"\n\n")[0] + b"\n"


def test_shapes_and_names_follow_the_source() -> None:
    assert [shape_of(source) for source in ("irna", "mehr", "ostan_lr", "isna")] == ["json", "mehr", "portal", "json"]
    assert file_name(article("002")) == "mehr-1326881.txt"
    assert file_name(article("004")) == f"mehr-{content_key(article('004').title, article('004').text)[:16]}.txt"
    outside = Article(source="../x", id="../../etc", title="t", text="x")
    assert file_name(outside) == f".._x-{content_key('t', 'x')[:16]}.txt"


def test_a_portals_date_and_number_are_written_and_read() -> None:
    dated = replace(article("003"), id="4821", published=datetime(2019, 12, 3, 6, 45, tzinfo=UTC), has_time=True)
    written = write(dated).decode()
    assert written.split("\n\n")[1] == "on 12 آذر 1398."
    assert written.endswith("\n\nکد خبر 4821\n")
    again = read(written.encode()).article
    assert again == replace(
        dated, published=datetime(2019, 12, 2, 20, 30, tzinfo=UTC), published_text="12 آذر 1398", has_time=False
    )


def test_an_article_of_mehr_without_a_date_is_written_as_json() -> None:
    undated = replace(article("002"), published=None, published_text=None, has_time=False, id=None)
    assert read(write(undated)).article == undated


def test_paragraphs_and_double_stars() -> None:
    page = replace(article("000"), text="یک.\nدو.", codes=("1234**5678",))
    assert json.loads(write(page))["text"] == "یک.\nدو.1234**5678"
    assert read(write(page)).article == page


DATE = "۱۷ دی ۱۳۹۲، ۱۳:۰۵"
LEAD = "خرم آباد - خبرگزاری مهر: معاون گفت."


@pytest.mark.parametrize(
    ("lines", "kicker", "title", "lead"),
    [
        (["تیتر", LEAD, "متن"], "", "تیتر", LEAD),
        (["تیتر", "تیتر", LEAD, "متن"], "", "تیتر", LEAD),
        (["روتیتر", "تیتر", LEAD, "متن"], "روتیتر", "تیتر", LEAD),
        (["روتیتر", "تیتر", "تیتر", LEAD, "متن"], "روتیتر", "تیتر", LEAD),
        (["تیتر", f"خرم{ZWNJ}آباد- مدیرکل گفت.", "متن"], "", "تیتر", f"خرم{ZWNJ}آباد- مدیرکل گفت."),
        (["تیتر", "به گزارش خبرنگار مهر، معاون گفت.", "متن"], "", "تیتر", "به گزارش خبرنگار مهر، معاون گفت."),
        (["روتیتر؛", "تیتر", "تیتر", "به گزارش مهر، گفت.", "متن"], "روتیتر؛", "تیتر", "به گزارش مهر، گفت."),
    ],
)
def test_heads_of_mehr_documents(lines: list[str], kicker: str, title: str, lead: str) -> None:
    seed = read("\n\n".join([DATE, *lines]).encode(), source="mehr").article
    assert (seed.kicker, seed.title, seed.lead, seed.text) == (kicker, title, lead, "متن")


PORTAL = "تیتر\n\n{on}\n\nلید\n\nمتن\n\n{rights}"
RIGHTS = "کلیه حقوق این سایت متعلق به استانداری لرستان می باشد."


@pytest.mark.parametrize(
    ("on", "published", "shown"),
    [
        ("on .", None, None),
        ("on 12 آذر 1398.", "2019-12-02T20:30:00Z", "12 آذر 1398"),
        ("on 12 آذر 1398 .", "2019-12-02T20:30:00Z", "12 آذر 1398"),
        ("on سه شنبه, 12 آذر 1398 10:15.", "2019-12-03T06:45:00Z", "سه شنبه, 12 آذر 1398 10:15"),
    ],
)
def test_dates_of_portal_documents(on: str, published: str | None, shown: str | None) -> None:
    seed = read(PORTAL.format(on=on, rights=RIGHTS).encode()).article
    assert (iso_utc(seed.published), seed.published_text) == (published, shown)
    assert (seed.source, seed.lead, seed.text) == ("ostan_lr", "لید", "متن")


def test_only_a_copyright_line_is_one() -> None:
    wages = "کلیه حقوق کارکنان پرداخت شد."
    seed = read(PORTAL.format(on="on .", rights=f"{wages}\n\nپایان\n\n{RIGHTS}\n\nطراحی").encode()).article
    assert seed.text == f"متن\n{wages}\nپایان"
    arabic = "كليه حقوق اين سايت متعلق به استانداري لرستان مي باشد."
    assert read(PORTAL.format(on="on .", rights=arabic).encode()).article == replace(seed, text="متن")


def test_a_source_named_in_json() -> None:
    def of(lead: str, text: str = "متن") -> str:
        return read(json.dumps(dict(zip(KEYS, ("", "تیتر", lead, text), strict=True))).encode()).article.source

    assert of("خرم آباد - خبرگزاری مهر: گفت") == "mehr"
    assert of("لید", "به گزارش خبرنگار مهر، گفت") == "mehr"
    assert of("لید", "به گزارش مهران، گفت") == "irna"
    assert of("لید", "به گزارش روابط عمومی استانداری لرستان، گفت") == "ostan_lr"
    assert of("لید", "به گزارش روابط عمومی استانداری سیستان و بلوچستان، گفت") == "ostan_sistan_baluchestan"
    assert of("لید") == "irna"


def seed_json(**values: object) -> bytes:
    return json.dumps({"onTitr": "", "titr": "تیتر", "describe": "لید", "text": "متن"} | values).encode()


def test_odd_json_is_read_and_told() -> None:
    assert read(seed_json(extra=1)).warnings == ("unknown key 'extra'",)
    assert read(seed_json(text=" ")).warnings == ("has no text",)
    raw = seed_json(text="یک\tدو").replace(b"\\t", b"\t\n")
    assert read(raw).article.text == "یک\nدو", "a raw control character in a JSON string"
    assert read(b"\r\n " + seed_json()).article.title == "تیتر"


REFUSED = {
    b"": "is empty: looked for a JSON object",
    b"\xef\xbb\xbf \n": "is empty",
    b"\x89PNG\r\n\x1a\n\x00": "is binary",
    "تیتر".encode("utf-16"): "is UTF-16",
    "خبر".encode("windows-1256"): "is no UTF-8 text",
    b"{": "is damaged JSON",
    b"{" * 100_000: "is damaged JSON",
    b"{} {}": "is damaged JSON",
    b"{}": "lacks the key 'onTitr', 'titr', 'describe', 'text'",
    b'{"onTitr":"","titr":"t","describe":"d"}': "lacks the key 'text'",
    b'{"onTitr":"","onTitr":"","titr":"t","describe":"d","text":"x"}': "has a key twice",
    seed_json(titr=" "): "has no title",
    seed_json(titr=None): "'titr' must be a string, not NoneType",
    seed_json(text="\ud800"): "'text' holds a NUL or half a character",
    seed_json(lead="\0", text="\0"): "'text' holds a NUL",
    b"[1]": "is no seed document: looked for a JSON object",
    "یک خبر\n\nبی تاریخ".encode(): "is no seed document: .*`on DATE.`",
    f"30 اسفند 1402\n\nتیتر\n\n{LEAD}".encode(): "there is no day 1402-12-30",
    b"t\n\non 31 \xd9\x85\xd9\x87\xd8\xb1 1400.\n\nx": "there is no day 1400-07-31",
    f"تیتر\n\non the road.\n\n{RIGHTS}".encode(): "'the road' is no date",
    DATE.encode(): "has no title",
    f"{DATE}\n\nنظر شما".encode(): "has no title",
    f"{DATE}\n\nیک\n\nدو\n\nسه\n\n{LEAD}".encode(): "three lines between its date and its dateline",
    f"{DATE}\n\nتیتر\n\nلید\n\nمتن".encode(): "names no source: .*--source",
    "تیتر\n\non .\n\nبه گزارش ایرنا، گفت.".encode(): "names no source",
}


@pytest.mark.parametrize(("data", "why"), REFUSED.items())
def test_what_is_no_seed_says_what_was_looked_for(data: bytes, why: str) -> None:
    with pytest.raises(SeedError, match=why) as refused:
        read(data, name="x.txt")
    assert str(refused.value).startswith("x.txt: ")
    assert "\n" not in str(refused.value)


def test_a_source_given_wins() -> None:
    assert read(f"{DATE}\n\nتیتر\n\nلید\n\nمتن".encode(), source="mehr").article.source == "mehr"
    portal = read("تیتر\n\non .\n\nلید\n\nمتن".encode(), source="ostan_hm").article
    assert (portal.source, portal.province) == ("ostan_hm", "hamadan")
