"""Text in parts that fit, one line for those who have only that, and HTML in which only our tags are tags."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from alerts.html import mail_html, messenger_html, plain
from alerts.parts import MARK, SMS, short, split, units, words
from didban.alert import Alert, Draft, Match, Notice, NoticeDraft
from didban.article import Article
from tests.support_receivers import parsed

OPEN, CLOSE = MARK
FSI, PDI = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
EVIL = '<script>alert(1)</script> & "کد" <b onload=x>'
ARTICLE = Article(source="irna", title=EVIL, url='https://www.irna.ir/news/1/"><script>x</script>', province="lorestan")
FOUND = Match(
    rule="egov", term="کد", field="title", start=EVIL.index("کد"), end=EVIL.index("کد") + 2, text="کد", sentence_start=0,
    sentence_end=len(EVIL),
)  # fmt: skip
ALERT = Alert(
    rule="egov", title="دولت الکترونیک", priority="urgent", live=True, raised=datetime(2026, 8, 10, tzinfo=UTC),
    story="s", article=ARTICLE, matches=(FOUND,),
)  # fmt: skip
DRAFT = Draft(key="k", channel="officer", story="s", article=ARTICLE, alerts=(ALERT,))
NAMES = {"irna": "ایرنا"}

LINE = st.text(
    st.sampled_from([*"ابپ abc،.0۱-:@/<>&\"'", OPEN, CLOSE, FSI, PDI, "\N{ZERO WIDTH NON-JOINER}", "🔴", "\u0651"]),
    max_size=80,
)
TEXTS = st.lists(LINE, max_size=12).map("\n".join)


class Tags(HTMLParser):
    """Which tags a page has, whether each is closed in turn, and what is visible."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.open: list[str] = []
        self.attributes: set[str] = set()
        self.links: list[str | None] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name == "href"]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


# ── parts ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(TEXTS, st.integers(10, 60))
def test_no_part_is_too_long_and_no_word_is_lost(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert all(units(part) <= limit for part in parts)
    letters = re.sub(f"[\\s{OPEN}{CLOSE}]", "", text)
    assert re.sub(f"[\\s{OPEN}{CLOSE}]", "", "".join(parts)) == letters


def test_a_cut_is_between_blocks_or_lines_or_words() -> None:
    assert split("یک دو\n\nسه چهار\nپنج", 16) == ("یک دو", "سه چهار\nپنج")
    assert split("سه چهار\nپنج شش هفت", 18) == ("سه چهار", "پنج شش هفت")
    assert split("یک دو سه چهار پنج", 12) == ("یک دو سه", "چهار پنج")


def test_a_word_is_cut_only_when_it_is_longer_than_a_part() -> None:
    long = "ک" * 25
    assert split(f"یک {long}", 12) == ("یک", "ک" * 10, "ک" * 10, "ک" * 5)


def test_letters_outside_of_the_first_plane_count_twice_and_are_never_halved() -> None:
    assert split("🔴" * 7, 10) == ("🔴" * 4, "🔴" * 3)


def test_a_mark_across_a_cut_marks_both_sides() -> None:
    assert split(f"الف {OPEN}ب پ{CLOSE} ت", 8) == (f"الف {OPEN}ب{CLOSE}", f"{OPEN}پ{CLOSE} ت")


# ── one line ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_short_message_says_how_urgent_where_and_what() -> None:
    titled = replace(DRAFT, article=replace(ARTICLE, title="گشایش دفتر"))
    assert short(titled, names=NAMES, limit=SMS) == "🔴 فوری · لرستان · گشایش دفتر"
    again = replace(titled, alerts=(replace(ALERT, priority="normal"),), follow_up=True)
    assert short(again, names=NAMES, limit=SMS) == "پیگیری · لرستان · گشایش دفتر"


@given(
    st.lists(st.text(st.sampled_from("ابپa🔴"), min_size=1, max_size=30), min_size=1, max_size=20), st.integers(20, 134)
)
def test_a_short_message_ends_behind_a_whole_word_and_says_that_there_is_more(title: list[str], limit: int) -> None:
    line = short(
        replace(DRAFT, article=replace(ARTICLE, title=" ".join(title), province=None), alerts=()), names={}, limit=limit
    )
    assert units(line) <= limit
    if line != " ".join(title):
        assert line.endswith("…")
        told = line[:-1].split(" ")
        assert told == title[: len(told)] or (len(told) == 1 and title[0].startswith(told[0]))


def test_a_notice_in_one_line_is_its_first() -> None:
    notice = Notice(source="irna", state="blocked", before="healthy", since=datetime(2026, 8, 10, tzinfo=UTC))
    line = short(NoticeDraft(key="k", channel="c", notice=notice), names=NAMES, limit=SMS)
    assert "ایرنا" in line
    assert "\n" not in line
    assert not re.search("[\u200e\u200f\u2066-\u2069]", line)


def test_a_title_with_line_ends_and_controls_is_one_line() -> None:
    bad = replace(DRAFT, article=replace(ARTICLE, title="یک\r\nBcc: x@y\x1b[31m\u202eدو"))
    assert re.search(r"[\r\n\x1b\u202e]", short(bad, names={}, limit=SMS)) is None


# ── HTML ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_page_of_mail_escapes_everything_and_marks_the_evidence() -> None:
    page = mail_html(words(DRAFT, names=NAMES, mark=MARK), title=EVIL)
    tags = Tags(page)
    assert tags.open == []
    assert tags.seen == {"html", "head", "meta", "title", "body", "table", "tr", "td", "p", "br", "b", "bdi", "a"}
    assert not [name for name in tags.attributes if name.startswith("on") or name in ("class", "id")]
    assert tags.links == [ARTICLE.url]
    assert "<script>alert(1)</script>" in tags.text
    assert re.search(r"<b style=[^>]*>کد</b>", page)
    assert '<html dir="rtl" lang="fa">' in page
    assert re.search(r'<td dir="rtl" align="right" style="[^"]*direction:rtl;text-align:right', page)


def test_the_headline_stands_out_whatever_is_marked_in_it() -> None:
    page = mail_html(f"سر\n\N{RIGHT-TO-LEFT MARK}ICT {OPEN}دفتر{CLOSE}\nICT دفتر", title="x", headline="ICT دفتر")
    assert page.count("font-size:20px") == 1
    assert re.search(
        r'<b style="font-size:20px[^>]*>[^\n]*<bdi dir="ltr">ICT</bdi> <b style=[^>]*>دفتر</b></b><br>', page
    )
    assert Tags(page).open == []


def test_a_link_is_what_stands_alone_on_its_line_and_is_one() -> None:
    tags = Tags(mail_html("سر\n\nhttps://www.irna.ir/news/1/خبر?a=1&b=2\n\njavascript:alert(1)", title="x"))
    assert tags.links == ["https://www.irna.ir/news/1/خبر?a=1&b=2"]


def test_latin_isolates_and_dashed_figures_stand_in_a_bdi() -> None:
    page = mail_html(f"سامانهٔ {FSI}Gov.ir{PDI} در 2026-11-22 با ICT & C++، ۱۲ بار و 12 روز{PDI}", title="x")
    line = re.search(r"سامانهٔ.*روز", page)
    assert line is not None
    assert line[0] == (
        'سامانهٔ <bdi>Gov.ir</bdi> در <bdi dir="ltr">2026-11-22</bdi> با <bdi dir="ltr">ICT &amp; C++</bdi>، ۱۲ بار و 12 روز'
    )


@given(TEXTS)
def test_whatever_a_page_says_its_mail_has_only_our_tags(text: str) -> None:
    tags = Tags(mail_html(text, title=text))
    assert tags.open == []
    assert tags.seen <= {"html", "head", "meta", "title", "body", "table", "tr", "td", "p", "br", "b", "bdi", "a"}


@given(TEXTS)
def test_whatever_a_page_says_a_messenger_can_parse_it(text: str) -> None:
    for part in split(text, 40):
        visible, _ = parsed(messenger_html(part))
        assert units(visible) <= 40
        assert units(plain(messenger_html(part))) <= 40


def test_a_messengers_html_has_bold_evidence_and_a_link_and_comes_back_as_text() -> None:
    html = messenger_html(f"یک {OPEN}دو{CLOSE} <سه> & «چهار»\nhttps://www.irna.ir/news/1/?a=1&b=2")
    assert (
        html
        == 'یک <b>دو</b> &lt;سه&gt; &amp; «چهار»\n<a href="https://www.irna.ir/news/1/?a=1&amp;b=2">www.irna.ir</a>'
    )
    assert parsed(html)[1] == [("b", "دو", ""), ("a", "www.irna.ir", "https://www.irna.ir/news/1/?a=1&b=2")]
    assert plain(html) == "یک «دو» <سه> & «چهار»\nhttps://www.irna.ir/news/1/?a=1&b=2"
