"""A body is read from lexbor's nodes by the rule that BeautifulSoup's tree of the same markup is read by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser, LexborNode

from scrapers import html
from scrapers.html import body_paragraphs, paragraphs
from scrapers.platforms.nastooh import Nastooh

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared/pages"
DROP = (".x", *Nastooh.drop)
PLACES = "body, main, article, section, table, .row > div, .item-text, .item-page, .content, [itemprop=articleBody]"


def place(fragment: str) -> LexborNode:
    node = LexborHTMLParser(f"<!doctype html><body><main>{fragment}</main>").css_first("main")
    assert node is not None
    return node


def both(node: LexborNode, drop: Sequence[str] = DROP) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the nodes say, and what BeautifulSoup says of their markup."""
    return body_paragraphs(node, drop=drop), paragraphs(node.html or "", drop=drop)


def same_on(path: Path) -> None:
    tree = LexborHTMLParser(path.read_bytes())
    found = [both(node) for node in tree.css(PLACES)]
    for nodes, soup in found:
        assert nodes == soup
    assert found


@pytest.mark.parametrize("path", sorted((ROOT / "tests/scrapers/pages").glob("*.html")), ids=lambda path: path.stem)
def test_our_pages_say_the_same_either_way(path: Path) -> None:
    same_on(path)


@pytest.mark.skipif(not SHARED.exists(), reason="the real pages are not beside the repository")
def test_real_pages_say_the_same_either_way() -> None:
    read = [path for path in sorted(SHARED.rglob("*.html")) if b"<body" in path.read_bytes()]
    for path in read:
        same_on(path)
    assert len(read) > 3


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("پیش<p>میان</p>پس", ["پیش", "میان", "پس"]),
        ("<div>یک<div>دو</div>سه</div>", ["یک", "دو", "سه"]),
        ("<p>یک<p>دو<br>سه<br/><br>چهار", ["یک", "دو", "سه", "چهار"]),
        ("<p>یک<table>گم<tr><td>دو<td><p>سه</table>چهار</p>", ["یک", "گم", "دو", "سه", "چهار"]),
        ("<ul><li>یک<ul><li>دو</ul>سه<li>چهار</ul>", ["یک", "دو", "سه", "چهار"]),
        ("<dl><dt>یک<dd>دو</dl><h2>سه</h2>چهار<hr>پنج", ["یک", "دو", "سه", "چهار", "پنج"]),
        ("<b>یک<p>دو</p>سه</b>چهار", ["یک", "دو", "سهچهار"]),
        ("<p><b>پر<i>رنگ</b> کج</i> .</p>", ["پررنگ کج ."]),
        ("<pre>\n\nیک\n  دو\t\n</pre>", ["یک دو"]),
        ("<p>ایران  اسلامی \r\n امروز&#13;\t</p>", ["ایران  اسلامی امروز"]),
        ("<p>&nbsp;یک&nbsp;دو می&zwnj;شود &lt;b&gt; &amp;amp; &#0;&#xd800;", [
            "یک\N{NO-BREAK SPACE}دو می\N{ZERO WIDTH NON-JOINER}شود <b> &amp; \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}",
        ]),
        ("<p>یک<!-- نه -->دو<?نه?><![CDATA[نه]]></p>", ["یکدو"]),
        ("یک<script>'<p>نه'</script><style>نه</style><noscript>نه</noscript><template><p>نه</template>دو", ["یکدو"]),
        ("<form>نه<p>نه</form><select><option>نه</select><svg><title>نه</title></svg><iframe>نه</iframe>یک", ["یک"]),
        ("<figure><img><figcaption>نه</figcaption></figure><ruby>یک<rp>(<rt>نه</ruby>", ["یک"]),
        ("<p hidden>نه</p><div style='Color:red; display : none'>نه<p>نه</div><p style>یک</p>", ["یک"]),
        ("<section class='box'>نه<p>نه</section><p class='y x'>نه<b>نه</b></p><div class=item-code>نه</div>یک", ["یک"]),
        ("<p>یک<o:p> </o:p>دو<w:sdt>سه</w:sdt><custom-tag>چهار</custom-tag><font>پنج</font>", ["یک دوسهچهارپنج"]),
        ("<math><mi>x</mi><mtext>یک<p>دو</p></mtext></math>", ["xیک", "دو"]),
        ("<p a\"b='>' c<d=\"e>f\">یک</p>", ["یک"]),
        ("<p> &nbsp; </p><p></p>\n<br>", []),
        ("", []),
    ],
)  # fmt: skip
def test_odd_markup_says_the_same_either_way(fragment: str, expected: list[str]) -> None:
    nodes, soup = both(place(fragment))
    assert (list(nodes), list(soup)) == (expected, expected)


@pytest.mark.parametrize(
    "fragment",
    ["<wbr hidden>یک", "<h2 class=x><p>نه</p></h2>یک", "<ul class=x><menu>نه</menu></ul>یک", "<b hidden><p>نه</b>یک"],
    ids=["a void tag is closed", "a heading holds a block", "a list holds a list", "an inline tag holds a block"],
)
def test_what_libxml2_would_build_otherwise_is_read_as_browsers_do(fragment: str) -> None:
    assert body_paragraphs(place(fragment), drop=DROP) == ("یک",)


def test_the_page_stays_as_it_is_and_its_root_may_hold_nothing() -> None:
    node = place("<p class=x>نه</p>یک")
    before = node.html
    assert body_paragraphs(node, drop=(".x",)) == ("یک",)
    assert node.html == before
    assert body_paragraphs(node, drop=("main",)) == ()
    assert body_paragraphs(node) == ("نه", "یک")


BLOCKS = (
    "p",
    "div",
    "section",
    "blockquote",
    "ul",
    "ol",
    "li",
    "td",
    "tr",
    "table",
    "h2",
    "pre",
    "dl",
    "dt",
    "dd",
    "center",
)
INLINE = ("b", "i", "em", "strong", "a", "span", "u", "sup", "font", "o:p", "custom-x")
ALONE = (
    "<br>",
    "<hr>",
    "<img>",
    "<!-- c -->",
    "<script>نه</script>",
    "<form>",
    "</form>",
    "<svg><g>نه</g></svg>",
    "</p>",
    "</br>",
)
MARKS = ("", " hidden", " class=x", " class='y'", ' style="display: none"', ' style="color: red"', " style")
WORDS = (
    "یک",
    "دو سه",
    " ",
    "  ",
    "\n",
    "\t\r\n ",
    "&nbsp;",
    "می\N{ZERO WIDTH NON-JOINER}شود",
    "&lt;p&gt;",
    "&amp;nbsp;",
    "<",
    "&",
    "\f",
    "\v",
)
TOKENS = st.one_of(
    st.builds("<{}{}>".format, st.sampled_from(("div", "section", "span", "td")), st.sampled_from(MARKS)),
    st.builds("<{}>".format, st.sampled_from(BLOCKS + INLINE)),
    st.builds("</{}>".format, st.sampled_from(BLOCKS + INLINE)),
    st.sampled_from(ALONE),
    st.sampled_from(WORDS),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(TOKENS, max_size=25), st.sampled_from([(), (".x",)]))
def test_any_markup_says_the_same_either_way(tokens: list[str], drop: tuple[str, ...]) -> None:
    nodes, soup = both(place("".join(tokens)), drop)
    assert nodes == soup


@pytest.mark.parametrize(
    ("fragment", "count"),
    [
        ("<p class=x>نه" + "<p>یک" * (html.MAX_TAGS // 2), html.MAX_TAGS // 2),
        ("یک<br>" * html.MAX_TAGS, html.MAX_TAGS),
        ("<div>یک" * html.MAX_DEPTH + "<b>دو</b>" * (html.MAX_TAGS // 3), html.MAX_DEPTH),
        ("<p>" + ("واژه " * 12 + "\n") * 45_000, 1),
        ("<p hidden>نه</p>" * 30_000 + "<!-- نه -->" * 30_000, 0),
    ],
    ids=["paragraphs", "breaks", "deep", "5 MB of one", "nothing"],
)
def test_the_largest_bodies_take_no_time(fragment: str, count: int) -> None:
    assert len(body_paragraphs(place(fragment), drop=DROP)) == count
