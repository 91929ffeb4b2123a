"""Addresses: which are one, and what a listing's href means."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didban.urls import absolute, canonical, host_of

ESCAPED = "%D8%AE%D8%B1%D9%85-%D8%A2%D8%A8%D8%A7%D8%AF"
RAW = "خرم-آباد"


@pytest.mark.parametrize(
    ("same", "identity"),
    [
        (
            [
                f"https://www.irna.ir/news/83714160/{ESCAPED}",
                f"https://www.irna.ir/news/83714160/{RAW}",
                "http://irna.ir/news/83714160",
                "https://IRNA.ir:443/news/83714160/?utm_source=telegram#comments",
                "irna.ir/news/83714160/",
            ],
            "irna.ir/news/83714160",
        ),
        (
            [
                "https://ostan-lr.ir/index.php?option=com_content&view=article&id=4821:x&fbclid=1",
                "http://www.ostan-lr.ir//index.php/?view=article&option=com_content&id=4821%3ax",
            ],
            "ostan-lr.ir/index.php?id=4821:x&option=com_content&view=article",
        ),
        ([f"https://x.ir/{ESCAPED}", f"https://x.ir/{ESCAPED.lower()}", f"https://x.ir/{RAW}"], f"x.ir/{RAW}"),
        (["https://x.ir/\u0622", "https://x.ir/\u0627\u0653"], "x.ir/\u0622"),  # composed and not
        (["http://xn--mgba3a4f16a.ir/a", "http://ایران.ir/a"], "ایران.ir/a"),
        (["https://x.ir:8080/", "http://user:secret@x.ir:8080"], "x.ir:8080"),
    ],
)
def test_one_address_however_it_is_written(same: list[str], identity: str) -> None:
    assert {canonical(url) for url in same} == {identity}
    assert canonical(identity) == identity


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://x.ir/a%2Fb", "https://x.ir/a/b"),
        ("https://x.ir/a%3Fb", "https://x.ir/a?b"),
        ("https://x.ir/%C7", "https://x.ir/%C8"),  # no UTF-8: kept apart, not replaced
        ("https://x.ir/?q=%26a", "https://x.ir/?q=&a"),
        ("https://x.ir/?id=1", "https://x.ir/?id=2"),
        ("https://x.ir/News", "https://x.ir/news"),
        ("https://x.ir/news/13980912/one", "https://x.ir/news/13980912/two"),  # a day, not an id
        ("https://x.ir/news/12/one", "https://x.ir/news/12/two"),
        ("https://x.ir/news/83714160/a/b", "https://x.ir/news/83714160/a/c"),
        ("https://a.x.ir/1", "https://x.ir/1"),
    ],
)
def test_what_differs_stays_apart(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


GARBAGE = ["", " ", "خرم آباد", "about", "mailto:a@b.ir", "javascript:void(0)", "tel:0660", "ftp://x.ir/", "http://",
           "http://[::1", "http://x.ir:99999/", "http://a..b/", "http://x ir/", "https://x.ir/\ud800", "///"]  # fmt: skip


@pytest.mark.parametrize("url", GARBAGE)
def test_what_is_no_web_address_is_none(url: str) -> None:
    assert canonical(url) is None
    assert host_of(url) is None


def test_a_host_is_what_we_connect_to() -> None:
    assert host_of("https://WWW.Irna.ir:443/news") == "www.irna.ir"
    assert host_of("http://xn--mgba3a4f16a.ir/") == "xn--mgba3a4f16a.ir"
    assert host_of("www.irna.ir/news") is None


def test_an_href_is_resolved_and_otherwise_kept_as_listed() -> None:
    page = "https://www.irna.ir/archive?pi=2"
    assert absolute(page, f"/news/83714160/{RAW}") == f"https://www.irna.ir/news/83714160/{RAW}"
    assert absolute(page, f" /news/83714160/{ESCAPED}\n") == f"https://www.irna.ir/news/83714160/{ESCAPED}"
    assert absolute(page, "?pi=3") == "https://www.irna.ir/archive?pi=3"
    assert absolute(page, "//www.mehrnews.com/x1") == "https://www.mehrnews.com/x1"
    assert absolute(page, "http://irna.ir/news/1?utm_source=a") == "http://irna.ir/news/1?utm_source=a"
    for href in ("", "#top", "javascript:void(0)", "mailto:a@b.ir", "tel:066", "data:text/html,x", "http://[::1"):
        assert absolute(page, href) is None, href
    assert absolute("about:blank", "news") is None
    assert absolute(page, f"/news/1/{'خ' * 1_000}") is not None
    assert absolute(page, f"/news/1/{'خ' * 1_250}") is None, "no index takes it"


@settings(database=None, derandomize=True, deadline=None)
@given(st.text(alphabet="htps:/wx.ir?&=#%2F0۱خآ[]@ \u0653\N{ZERO WIDTH NON-JOINER}", max_size=40))
def test_nothing_raises_and_an_identity_is_its_own(text: str) -> None:
    for url in (text, f"https://x.ir/{text}"):
        identity = canonical(url)
        assert identity is None or "." not in identity.split("/")[0] or canonical(identity) == identity
        host_of(url)
        absolute("https://x.ir/", url)
