"""The pages of portals and of unknown sites, each read against its golden; the table of the 31 provinces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date
from types import MappingProxyType
from typing import Any

import pytest

from didban.article import Listed, Listing, Page, to_json
from didban.dates import iso_utc
from didban.errors import InputError, ReadError
from didban.provinces import PROVINCES, of_portal
from didban.urls import host_of
from scrapers.base import Source
from scrapers.detect import ENGINES
from scrapers.fetch import within
from scrapers.platforms.generic import Generic
from scrapers.platforms.joomla import Joomla
from scrapers.platforms.nastooh import article_id
from scrapers.platforms.wordpress import WordPress
from scrapers.sources import all_sources, build, get, known_sources
from scrapers.sources.provinces import PORTALS

Open = Callable[..., Page]
Golden = Callable[[str, Any], None]

PORTAL: Mapping[str, Any] = MappingProxyType(
    {"key": "portal", "name": "درگاه", "home": "https://portal.example/", "hosts": ("portal.example",)}
)
UNKNOWN = Generic(**PORTAL)
ARTICLES: Mapping[str, tuple[Source, str]] = MappingProxyType({
    "joomla15_article": (get("ostan_lr"), "https://ostan-lr.ir/index.php?option=com_content&view=article&id=71:pol&catid=3"),
    "joomla3_jalali_datetime": (get("ostan_lr"), "https://ostan-lr.ir/index.php/fa/news/4830-pol"),
    "warp6_utc_day": (get("ostan_lr"), "https://ostan-lr.ir/index.php/fa/news/4831-pol"),
    "wordpress_article": (WordPress(**PORTAL), "https://portal.example/2025/pol/"),
    "ostan_es_article": (get("ostan_es"), "https://ostan-es.ir/5120/pol/"),
    "ostan_mz_article": (get("ostan_mz"), "https://ostan-mz.ir/news/8812"),
    "ostan_north_khorasan_article": (
        get("ostan_north_khorasan"),
        "http://shahri.nkhorasan.ir/modules/show_content.aspx?PrintId=1&ContentId=41496&BlockId=75",
    ),
    "generic_json_ld": (UNKNOWN, "https://portal.example/fa/news/1103/pol"),
    "generic_microdata": (UNKNOWN, "https://portal.example/fa/news/1103/pol"),
    "generic_visible_date": (UNKNOWN, "https://portal.example/fa/news/1103/pol"),
    "generic_two_dates": (UNKNOWN, "https://portal.example/fa/news/1103/pol"),
})  # fmt: skip
LISTINGS: Mapping[str, tuple[Source, str, str]] = MappingProxyType({
    "joomla15_blog": (get("ostan_lr"), "html", "https://ostan-lr.ir/index.php?option=com_content&view=category&id=3"),
    "joomla4_blog": (get("ostan_lr"), "html", "https://ostan-lr.ir/news"),
    "warp7_list": (get("ostan_lr"), "html", "https://ostan-lr.ir/index.php/fa/news"),
    "wordpress_posts": (get("ostan_es"), "txt", "https://ostan-es.ir/wp-json/wp/v2/posts?per_page=3&page=1&_embed=wp:term"),
    "generic_home": (UNKNOWN, "html", "https://portal.example/"),
})  # fmt: skip


@pytest.mark.parametrize("name", ARTICLES)
def test_a_portals_article(name: str, page: Open, golden: Golden) -> None:
    source, url = ARTICLES[name]
    golden(name, to_json(source.article(page(f"{name}.html", url))))


@pytest.mark.parametrize("name", LISTINGS)
def test_a_portals_listing(name: str, page: Open, golden: Golden) -> None:
    source, kind, url = LISTINGS[name]
    golden(name, _listed_json(source.links(page(f"{name}.{kind}", url), Listing(source="x", url=url, way="page"))))


def _listed_json(listed: Listed) -> dict[str, Any]:
    links = [{**asdict(link), "published": iso_utc(link.published)} for link in listed.links]
    return {"links": links, "next": listed.next, "problem": listed.problem}


# ── real pages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_generic_reader_reads_a_real_article_as_its_own_reader_does(real: Open) -> None:
    found = real("nastooh/isna_article_2017.html", "http://www.isna.ir/news/95102918901/")
    guessed, known = UNKNOWN.read_article(found, None), get("isna").article(found)
    for name in ("title", "lead", "text", "published", "tags", "modified"):
        assert getattr(guessed, name) == getattr(known, name), name


def test_the_generic_reader_lists_a_real_home_page(real: Open) -> None:
    own = Generic(key="isna", name="ایسنا", home="http://www.isna.ir/", hosts=("isna.ir",))
    links = own.read_links(real("nastooh/isna_home_2017.html", "http://www.isna.ir/")).links
    assert len(links) == 69
    assert all(article_id(link.url) for link in links)


@pytest.mark.parametrize("name", ["portals/warp6_article.html"])
def test_an_unknown_portal_is_read_by_the_engine_of_its_real_page(real: Open, name: str) -> None:
    found = real(name, "https://portal.example/index.php/fa/news/4821-x")
    assert UNKNOWN.article(found) == Joomla(**PORTAL).article(found)


@pytest.mark.parametrize(
    "name",
    ["portals/khorasan.ir.redirect.html", "portals/ostan-th.ir.redirect.html", "blocked/arvan_captcha_2024.html",
     "nastooh/hamshahri_archive_2024.html", "portals/joomla39_blog.html", "nastooh/isna_home_2017.html"],
)  # fmt: skip
def test_a_real_page_that_is_no_article_becomes_none_in_any_portal(real: Open, name: str) -> None:
    for source in (UNKNOWN, WordPress(**PORTAL), get("ostan_mz"), get("ostan_es"), get("ostan_lr")):
        with pytest.raises(ReadError):
            source.article(real(name, "https://portal.example/x"))


# ── the table ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_province_has_its_row_in_the_order_of_the_codes() -> None:
    assert [portal.province for portal in PORTALS] == [province.slug for province in PROVINCES]
    for portal, province in zip(PORTALS, PROVINCES, strict=True):
        assert of_portal(portal.key) == province
        assert portal.name == f"استانداری {province.name}"
        assert get(portal.key) is portal


def test_a_portal_without_an_address_is_named_and_never_asked() -> None:
    (homeless,) = [portal for portal in PORTALS if not portal.home]
    kerman = get(homeless.key)
    assert (kerman.key, kerman.hosts, homeless.confidence) == ("ostan_kerman", (), "")
    assert (kerman.watch(), kerman.older(), kerman.archive(date(2024, 1, 1), date(2024, 1, 2))) == ((), None, ())
    assert kerman not in build().named(["provinces"])


def test_only_three_sources_are_watched_unless_others_are_named() -> None:
    assert [source.key for source in all_sources()] == ["irna", "mehr", "ostan_lr"]
    portals = build().named(["provinces"])
    assert len(portals) == 30
    assert {source.key for source in (*all_sources(), *portals)} <= {source.key for source in known_sources()}


@pytest.mark.parametrize("source", [one for one in known_sources() if one.home], ids=lambda one: one.key)
def test_what_any_source_lists_is_its_own(source: Source) -> None:
    listings = (*source.watch(), source.older(), *source.archive(date(2024, 3, 19), date(2024, 3, 20)))
    assert source.home.endswith("/")
    assert source.watch()
    for listing in listings:
        assert listing is not None
        assert listing.source == source.key
        assert within(host_of(listing.url) or "", source.hosts)


def test_no_two_sources_share_a_host() -> None:
    hosts = [host for source in known_sources() for host in source.hosts]
    assert len(hosts) == len(set(hosts))


# ── the operator's own ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sister_needs_no_python(page: Open) -> None:
    table = {
        "home": "https://www.sister.example",
        "engine": "nastooh",
        "name": "خواهر",
        "every": "30m",
        "watched": False,
    }
    registry = build({"sister": table})
    sister = registry.get("sister")
    assert (sister.home, sister.hosts, sister.name) == ("https://www.sister.example/", ("sister.example",), "خواهر")
    assert sister.watch()[0].url == "https://www.sister.example/rss"
    assert sister.article(page("mehr_article.html")).source == "sister"
    assert sister not in registry.watched()
    assert (
        build({"sister": {"home": "https://sister.example"}}).get("sister")
        in build({"sister": {"home": "https://sister.example"}}).watched()
    )


def test_a_table_changes_what_it_names_and_nothing_else() -> None:
    plain = get("ostan_lr")
    moved = build({"ostan_lr": {"news": "index.php/akhbar", "every": "1h"}}).get("ostan_lr")
    assert isinstance(moved, Joomla)
    assert moved.watch()[1].url == "https://ostan-lr.ir/index.php/akhbar"
    assert (moved.rights, moved.province, moved.hosts) == (plain.rights, plain.province, plain.hosts)
    assert get("ostan_lr") is plain


def test_the_topics_of_a_sister_may_be_named() -> None:
    table = {"home": "https://sister.example", "engine": "nastooh", "tp": {"lorestan": 12}, "topic": "lorestan"}
    assert build({"sister": table}).get("sister").watch()[0].url == "https://sister.example/rss/tp/12"


def test_a_new_home_answers_to_its_own_host() -> None:
    kerman = build({"ostan_kerman": {"home": "https://www.kerman.example"}})
    assert kerman.get("ostan_kerman").hosts == ("kerman.example",)
    assert kerman.get("ostan_kerman") in kerman.named(["provinces"])


def test_another_engine_keeps_the_sites_own_facts() -> None:
    portal = build({"ostan_es": {"engine": "joomla", "news": "akhbar"}}).get("ostan_es")
    assert isinstance(portal, Joomla)
    assert (portal.province, portal.home, portal.news) == ("isfahan", "https://ostan-es.ir/", "akhbar")


def test_selectors_of_the_operator_go_first(page: Open) -> None:
    body = page("joomla39_article.html", "https://ostan-lr.ir/1-x").body.replace(b'"headline"', b'"headline" class="t"')
    body = body.replace(b"<body>", '<body><h6 class="own">تیتر دیگر</h6>'.encode())
    own = build(
        {
            "ostan_lr": {
                "selectors": {"root": "body", "title": ".own", "body": "[itemprop=articleBody]", "tags": ".none"}
            }
        }
    )
    article = own.get("ostan_lr").article(page(body))
    assert (article.title, article.tags) == ("تیتر دیگر", ())
    assert article.text == get("ostan_lr").article(page(body)).text
    titled = build({"ostan_lr": {"selectors": {"title": ["h2.t", "h1"]}}}).get("ostan_lr")
    assert titled.article(page(body)).title == get("ostan_lr").article(page(body)).title


@pytest.mark.parametrize(
    ("key", "table", "complaint"),
    [
        ("irnaa", {}, "sources.irnaa: a new source needs its home.*did you mean 'irna'"),
        ("irna", {"homee": "x"}, "sources.irna: unknown setting 'homee' .did you mean 'home'"),
        ("irna", {"key": "x"}, "unknown setting 'key'"),
        ("x", {"home": "foo"}, "sources.x: home 'foo' is no web address"),
        ("x", {"home": 3}, "home is a string"),
        ("x", {"home": "https://a.example", "engine": "jomla"}, "no engine 'jomla'; there are nastooh, joomla"),
        ("x", {"home": "https://a.example", "selectors": {"titel": "h1"}}, "no selector 'titel'.*title"),
        ("x", {"home": "https://a.example", "selectors": {"title": "h1 >"}}, "selectors.title: 'h1 >' is no CSS selector"),
        ("x", {"home": "https://a.example", "selectors": {"title": []}}, "selectors.title is a string or a list"),
        ("x", {"home": "https://a.example", "selectors": "h1"}, "selectors is a table"),
        ("x", {"home": "https://a.example", "identifier": "id=\\d+"}, "identifier has one group"),
        ("x", {"home": "https://a.example", "identifier": "("}, "identifier is no regular expression"),
        ("x", {"home": "https://a.example", "feed": ["rss"]}, "feed is a string"),
        ("irna", {"topic": "lorestn"}, "no topic 'lorestn' .did you mean 'lorestan'"),
        ("irna", {"tp": {"x": "1"}}, "tp is a table of numbers"),
        ("irna", {"every": "5"}, "every: '5' is no length of time"),
        ("irna", {"every": "5s"}, "every is from 1m to 7d"),
        ("irna", {"watched": "no"}, "watched is true or false"),
        ("irna", {"hosts": ["https://irna.ir/"]}, "hosts are names of hosts"),
        ("irna", {"province": "lorestn"}, "province 'lorestn' is no province"),
        ("a b", {"home": "https://a.example"}, "sources.a b: a source's key is letters"),
        ("provinces", {"home": "https://a.example"}, "a source's key"),
        ("watch", {"home": "https://a.example"}, "a source's key"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_named_with_what_is_wrong(key: str, table: Mapping[str, object], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        build({key: table})


def test_the_engines_are_those_with_a_reader() -> None:
    assert list(ENGINES) == ["nastooh", "joomla", "wordpress", "generic"]
