"""A site nobody knows yet, looked at through a fetch that is a dict: what `sources add` would write."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from didban.article import Page
from didban.errors import Blocked, DidbanError, Gone, InputError, Unreachable, Unreadable
from scrapers.detect import Proposal, propose, settled
from scrapers.platforms.generic import Generic
from scrapers.platforms.joomla import Joomla
from scrapers.platforms.nastooh import Nastooh
from scrapers.platforms.wordpress import WordPress
from scrapers.sources import build, get

Open = Callable[..., Page]
PAGES = Path(__file__).parent / "pages"
PORTAL = "https://portal.example/"
REST = f"{PORTAL}wp-json/wp/v2/posts?per_page=20&page=1&_embed=wp:term"


class Web:
    """Addresses that answer; any other is gone, or fails as it is said to."""

    def __init__(self, open_page: Open, **answers: str | bytes | DidbanError) -> None:
        self.asked: list[str] = []
        self._open = open_page
        self._answers = answers

    async def __call__(self, url: str, *, hosts: tuple[str, ...]) -> Page | None:
        assert any(host in url for host in hosts)
        self.asked.append(url)
        found = self._answers.get(url, Gone(url, 404))
        if isinstance(found, DidbanError):
            raise found
        return self._open(found, url)


def look(web: Web, url: str = "portal.example") -> Proposal:
    proposal = asyncio.run(propose(web, url))
    (table,) = tomllib.loads(proposal.toml)["sources"].items()
    key, own = table
    assert build({key: own}).get(key) == proposal.source, "what is written is the source that was tried"
    return proposal


def home(head: str = "", body: str = "") -> bytes:
    return f"<html><head><title>درگاه استان</title>{head}</head><body>{body}</body></html>".encode()


def test_a_sister_of_irna(page: Open) -> None:
    sister = "https://www.sister.example/"
    feed = (PAGES / "irna_feed.xml").read_text("utf-8").replace("https://www.irna.ir/", sister)
    link = next(line for line in feed.split("<link>")[2:])  # the channel's own comes first
    article = link.partition("</link>")[0]
    meta = '<meta name="generator" content="www.nastooh.ir"><meta property="og:site_name" content="خبرگزاری خواهر">'
    web = Web(page, **{sister: home(meta), f"{sister}rss": feed.encode(), article: "irna_article.html"})
    found = look(web, "www.sister.example")
    assert isinstance(found.source, Nastooh)
    assert (found.engine, found.source.key, found.source.name) == ("nastooh", "sister", "خبرگزاری خواهر")
    assert found.article is not None
    assert found.article.title
    assert found.toml.startswith('[sources.sister]\nname = "خبرگزاری خواهر"\nhome = "https://www.sister.example/"\n')
    assert all(line.startswith("✓") for line in found.findings)
    assert len(web.asked) == len(set(web.asked))


def test_a_joomla_portal_by_its_link_to_the_news(page: Open) -> None:
    menu = (
        '<ul><li><a href="/index.php/fa/about">دربارهٔ ما</a></li><li><a href="/index.php/fa/news">اخبار</a></li></ul>'
    )
    web = Web(page, **{
        PORTAL: home('<meta name="generator" content="Joomla! - Open Source Content Management">', menu),
        f"{PORTAL}index.php/fa/news": "warp7_list.html",
        f"{PORTAL}index.php/fa/news/4902-pol": "warp7_article.html",
    })  # fmt: skip
    found = look(web)
    assert isinstance(found.source, Joomla)
    assert (found.source.news, found.source.name) == ("index.php/fa/news", "درگاه استان")
    assert found.article is not None
    assert found.article.id == "4902"
    assert f"{PORTAL}index.php/fa/about" not in web.asked


def test_a_wordpress_site_that_has_closed_its_rest(page: Open) -> None:
    feed = b"<rss><channel><item><title>x</title><link>https://portal.example/?p=5120</link></item></channel></rss>"
    web = Web(page, **{
        PORTAL: "wordpress_article.html",
        REST: Blocked(REST, "the server answers 401"),
        f"{PORTAL}feed/": feed,
        f"{PORTAL}?p=5120": "wordpress_article.html",
    })  # fmt: skip
    found = look(web)
    assert isinstance(found.source, WordPress)
    assert (found.source.api, found.source.feed) == ("", "feed/")
    assert found.article is not None
    assert any("401" in line for line in found.findings)


def test_an_unknown_site_by_its_feed_and_by_what_repeats_on_its_home_page(page: Open) -> None:
    article = f"{PORTAL}fa/news/1103/پل-روستا"
    web = Web(page, **{PORTAL: "generic_home.html", article: "generic_visible_date.html"})
    found = look(web)
    assert isinstance(found.source, Generic)
    assert (found.engine, found.source.feed, found.source.news) == ("generic", "", "")
    assert found.article is not None
    assert found.article.url == article
    assert any("fa/rss.xml" in line and line.startswith("·") for line in found.findings)  # named, and not there

    feed = f"<rss><channel><item><title>x</title><link>{article}</link></item></channel></rss>".encode()
    fed = look(Web(page, **{PORTAL: "generic_home.html", f"{PORTAL}fa/rss.xml": feed, article: "generic_json_ld.html"}))
    assert isinstance(fed.source, Generic)
    assert fed.source.feed == "fa/rss.xml"
    assert [listing.way for listing in fed.source.watch()] == ["feed"]


def test_a_site_whose_articles_cannot_be_read_is_proposed_with_what_is_wrong(page: Open) -> None:
    found = look(Web(page, **{PORTAL: "generic_home.html"}))
    assert found.article is None
    assert any(line.startswith("✗ article") and "404" in line for line in found.findings)


def test_a_site_that_lists_nothing_says_so(page: Open) -> None:
    found = look(Web(page, **{PORTAL: home()}))
    assert found.article is None
    assert found.findings[-1].startswith("✗ no listing")


def test_http_is_tried_where_https_does_not_answer(page: Open) -> None:
    plain = "http://portal.example/"
    web = Web(page, **{PORTAL: Unreachable(PORTAL, "nobody listens there"), plain: "generic_home.html"})
    assert look(web).source.home == plain


@pytest.mark.parametrize("url", ["", "foo", "ftp://portal.example/", "javascript:alert(1)", "http://"])
def test_what_is_no_address_is_refused(page: Open, url: str) -> None:
    with pytest.raises(InputError, match="no web address"):
        asyncio.run(propose(Web(page), url))


@pytest.mark.parametrize(
    "error",
    [Blocked(PORTAL, "a wall"), Unreachable("http://portal.example/", "no answer"), Unreadable(PORTAL, "empty")],
)
def test_a_home_page_that_does_not_come_is_the_errors_own(page: Open, error: DidbanError) -> None:
    with pytest.raises(type(error)):
        asyncio.run(propose(Web(page, **{PORTAL: error, "http://portal.example/": error}), PORTAL))


# ── at run time ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_portal_of_no_engine_settles_as_what_its_home_page_shows(page: Open) -> None:
    menu = '<a href="/index.php/fa/news">اخبار</a>'
    web = Web(page, **{
        "https://gilan.ir/": home('<meta name="generator" content="Joomla! - Open Source Content Management">', menu),
        "https://gilan.ir/index.php/fa/news": "warp7_list.html",
    })  # fmt: skip
    found = asyncio.run(settled(get("ostan_gilan"), web))
    assert isinstance(found, Joomla)
    assert (found.key, found.province, found.name, found.news) == (
        "ostan_gilan",
        "gilan",
        "استانداری گیلان",
        "index.php/fa/news",
    )
    assert not found.watched


def test_a_portal_with_selectors_keeps_them(page: Open) -> None:
    feed = "<rss><channel><item><title>x</title><link>https://ostan-mz.ir/news/8812</link></item></channel></rss>"
    head = '<meta name="generator" content="WordPress 6"><link type="application/rss+xml" href="/rss">'
    found = asyncio.run(
        settled(
            get("ostan_mz"), Web(page, **{"https://ostan-mz.ir/": home(head), "https://ostan-mz.ir/rss": feed.encode()})
        )
    )
    assert type(found) is type(get("ostan_mz"))
    assert found.watch()[0].url == "https://ostan-mz.ir/rss"


def test_what_needs_no_settling_is_never_asked(page: Open) -> None:
    web = Web(page)
    own = build({"own": {"home": PORTAL, "feed": "rss"}}).get("own")
    for source in (get("irna"), get("ostan_lr"), get("ostan_es"), get("ostan_kerman"), own):
        assert asyncio.run(settled(source, web)) is source
    assert web.asked == []


@pytest.mark.parametrize("answer", [Blocked(PORTAL, "a wall"), b"", home()])
def test_a_portal_that_shows_nothing_stays_what_it_was(page: Open, answer: bytes | DidbanError) -> None:
    own = build({"own": {"home": PORTAL}}).get("own")
    assert asyncio.run(settled(own, Web(page, **{PORTAL: answer}))) is own
