"""Bytes to text, text to paragraphs, and the caps before them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didban.article import Page
from didban.errors import LayoutChanged, ReadError, Unreadable
from scrapers import html
from scrapers.html import decode, depth, inside, json_ld, line, only, paragraphs, parse
from scrapers.sources import all_sources, build

FETCHED = datetime(2025, 12, 1, tzinfo=UTC)
OLD = "گزارش استانداري لرستان: پيشخوان، چاپ، ژاله، گچ؛ «مي\N{ZERO WIDTH NON-JOINER}شود» ۱۲"
OLD_1256 = OLD.replace("۱۲", "12").encode("windows-1256")


@pytest.mark.parametrize(
    ("body", "declared", "text"),
    [
        (OLD.encode(), "text/html; charset=utf-8", OLD),
        (OLD.encode(), "text/html; charset=windows-1256", OLD),
        (OLD_1256, "text/html; charset=utf-8", OLD.replace("۱۲", "12")),
        (OLD_1256, "", OLD.replace("۱۲", "12")),
        (b'<meta charset="utf-8">' + OLD_1256, "text/html", '<meta charset="utf-8">' + OLD.replace("۱۲", "12")),
        ("سلام".encode("iso8859-6"), "iso-8859-6", "سلام"),
        (b'<meta http-equiv="content-type" content="text/html; charset=ISO-8859-6">' + "سلام دنيا".encode("iso8859-6"), "",
         '<meta http-equiv="content-type" content="text/html; charset=ISO-8859-6">سلام دنيا'),
        (b"\xef\xbb\xbf" + OLD.encode(), "", OLD),
        ("\ufeff".encode("utf-16-le") + OLD.encode("utf-16-le"), "text/html; charset=utf-8", OLD),
        (OLD.encode() + b"\xd8", "utf-8", OLD + "\ufffd"),
        (OLD.encode(), "text/html; charset=no-such-charset", OLD),
        (OLD_1256, "text/html; charset=rot13", OLD.replace("۱۲", "12")),
        (b"a\0b\0", "", "ab"),
        (b"", "", ""),
    ],
)  # fmt: skip
def test_text_of_bytes(body: bytes, declared: str, text: str) -> None:
    assert decode(body, declared) == text


@given(
    st.binary(max_size=300), st.sampled_from(["", "utf-8", "text/html; charset=windows-1256", "utf-16", "cp720", "zip"])
)
def test_any_bytes_have_a_text_that_can_be_stored(body: bytes, declared: str) -> None:
    text = decode(body, declared)
    assert "\0" not in text
    text.encode()


@given(st.text("aی\N{ZERO WIDTH NON-JOINER}\0\ufeff\n😀é", max_size=50))
def test_utf8_is_read_as_written(text: str) -> None:
    assert decode(text.encode()) == text.replace("\0", "").removeprefix("\ufeff")


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("<p>یک</p><p>دو</p>", ["یک", "دو"]),
        ("<p>ایران  اسلامی</p>", ["ایران  اسلامی"]),
        ("<p>یک\n\t\tدو</p>", ["یک دو"]),
        ("<p>یک  \n دو</p>", ["یک دو"]),
        ("<p>\n  یک&nbsp;دو&nbsp;</p>", ["یک\N{NO-BREAK SPACE}دو"]),
        ("<p>می&zwnj;شود</p>", ["می\N{ZERO WIDTH NON-JOINER}شود"]),
        ("<p>یک<br>دو<br/><br/>سه</p>", ["یک", "دو", "سه"]),
        ("<p><b>پر</b>رنگ و <i>کج</i> .</p>", ["پررنگ و کج ."]),
        ("پیش<p>میان</p>پس", ["پیش", "میان", "پس"]),
        ("<div>یک<div>دو</div>سه</div>", ["یک", "دو", "سه"]),
        ("<p>یک<p>دو<p>سه", ["یک", "دو", "سه"]),
        ("<ul><li>یک<li>دو</ul>", ["یک", "دو"]),
        ("<table><tr><td><p>یک</p></td><td>دو</td></tr></table>", ["یک", "دو"]),
        ("<p>یک<!-- نه --></p><script>نه</script><style>نه</style><p></p><p> &nbsp; </p>", ["یک"]),
        ("<figure><img><figcaption>نه</figcaption></figure><p style='display: none'>نه</p><p class=x>نه</p>یک", ["یک"]),
        ("<p>&lt;b&gt; &amp;amp;</p>", ["<b> &amp;"]),
        ("", []),
    ],
)
def test_paragraphs_of_a_fragment(fragment: str, expected: list[str]) -> None:
    assert list(paragraphs(fragment, drop=(".x",))) == expected


def test_a_line_keeps_what_its_author_typed() -> None:
    assert line("\n\t ایران  اسلامی \r\n امروز\t") == "ایران  اسلامی امروز"


def test_a_line_of_a_million_spaces_takes_no_time() -> None:
    assert line("الف" + " " * 1_000_000 + "ب\n" + " " * 1_000_000) == "الف" + " " * 1_000_000 + "ب"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", 0), ("<p><b>x</b></p>", 2), ("<br><img><hr>", 0), ("<div/><div/>", 2), ("<div></b></i>" * 3, 3), ("<p>" * 9, 9),
     ("<DIV></div>" * 9, 1), ("a < b", 0)],
)  # fmt: skip
def test_depth(text: str, expected: int) -> None:
    assert depth(text) == expected


def test_a_page_too_deep_is_refused_before_it_is_parsed(page: Callable[..., Page]) -> None:
    with pytest.raises(Unreadable, match="100000 deep"):
        parse(page(b"<div>" * 100_000))
    with pytest.raises(Unreadable, match="deep"):
        parse(page(b"<div/></b>" * 40_000))
    parse(page(b"<p>" * html.MAX_DEPTH))


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"<br>" * (html.MAX_TAGS + 1), "100001 tags"),
        (b"<p " + b" ".join(b"a%d='>'" % number for number in range(9_000)) + b">", "500 attributes"),
        (b"<p>x</p/" + b"/".join(b'"%d' % number for number in range(9_000)) + b">", "500 attributes"),
    ],
    ids=["tags", "attributes", "attributes-of-an-end"],
)
def test_a_page_with_too_much_in_it_is_refused_before_it_is_parsed(
    page: Callable[..., Page], body: bytes, problem: str
) -> None:
    with pytest.raises(Unreadable, match=problem):
        parse(page(body))


def test_long_values_and_long_words_are_no_crowd_of_attributes(page: Callable[..., Page]) -> None:
    words_of_many = "واژه " * 9_000
    tree = parse(page(f'<meta name="description" content="{words_of_many}"><p>{words_of_many}</p>'.encode()))
    assert len(html.words(tree.css_first("p")).split()) == 9_000


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "empty"), (b" \n", "empty"), (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" * 9, "binary"), (b"only words", "no markup"),
        (b"<p>" + b"x" * html.MAX_BYTES, "bytes"),
    ],
)  # fmt: skip
def test_what_is_no_page_is_unreadable(page: Callable[..., Page], body: bytes, problem: str) -> None:
    for source in all_sources():
        with pytest.raises(Unreadable, match=problem):
            source.article(page(body))


def test_a_selector_complains_by_name_and_count(page: Callable[..., Page]) -> None:
    tree = parse(page(b"<p>1</p><p>2</p>"))
    with pytest.raises(LayoutChanged, match=r"https://a/: 'p' matches 2 nodes") as raised:
        only(tree, "https://a/", "h1", "p")
    assert (raised.value.selector, raised.value.count) == ("p", 2)
    with pytest.raises(LayoutChanged, match="'h1, h2' matches 0 nodes"):
        only(tree, "https://a/", "h1", "h2")


def test_what_stands_in_places_is_found_however_they_are_nested(page: Callable[..., Page]) -> None:
    tree = parse(page(b"<a>0</a><aside><a>1</a><nav><a>2</a></nav></aside><a>3</a><nav><a>4</a></nav>"))
    found = inside(tree, "aside, nav", "a")
    assert [html.words(node) for node in tree.css("a") if node.mem_id in found] == ["1", "2", "4"]
    nested = parse(page(b"<aside>" * 1000 + b"<a>x</a>" * 20_000))
    assert len(inside(nested, "aside", "a")) == 20_000


def test_a_crowd_of_short_paragraphs_under_a_title_takes_no_time(page: Callable[..., Page]) -> None:
    source = build({"x": {"engine": "wordpress", "home": "http://x.test/"}}).get("x")
    crowd = "<p>این بند کوتاه است</p>" * 20_000
    body = f"<article class=post><h1 class=entry-title>تیتر</h1><div class=entry-content>{crowd}</div></article>"
    assert source.article(page(body.encode())).text.count("\n") == 20_000 - 2


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ('{"datePublished": " x "}', "x"), ('[{"a": 1}, {"datePublished": "x"}]', "x"),
        ('{"@graph": [{"@type": "A"}, {"datePublished": "x"}]}', "x"), ('{"datePublished": 5}', ""), ("{", ""),
        ("[" * 100_000, ""), ("5", ""), ("", ""), (r'{"datePublished": "\u0000x\ud800"}', "x"),
        (r'[{"datePublished": "\ud83d\ude42"}]', "🙂"),
    ],
)  # fmt: skip
def test_json_ld(page: Callable[..., Page], script: str, found: str) -> None:
    tree = parse(page(f'<script type="application/ld+json">{script}</script>'.encode()))
    assert json_ld(tree, "datePublished") == found


TAGS = st.sampled_from(
    ['<article id="item">', "</article>", '<div class="item-title">', "<h1>", "</h1>", '<h1 class="title">', "</div>", "<p>",
     '<div class="item-text">', '<article class="item">', '<div class="content">', '<li><div class="desc"><h3><a href="x">',
     "<li>", "<table>", "<td>", '<ul class="pagination">', '<a href="http://[">', "<time datetime='1398-13-45'>", "<!--", "-->",
     "<script>", "</script>", '<div class="blog">', '<div class="item-page">', "<h2>", "خبر", "۳۰ اسفند ۱۴۰۲", "\0", "&#xd800;"]
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(TAGS, max_size=30))
def test_any_markup_is_an_article_or_one_of_our_errors(parts: list[str]) -> None:
    page = Page(url="https://a.ir/news/1/x", body=" ".join(parts).encode(), fetched=FETCHED)
    for source in all_sources():
        try:
            article = source.article(page)
        except ReadError:
            continue
        assert article.title
        f"{article}".encode()
