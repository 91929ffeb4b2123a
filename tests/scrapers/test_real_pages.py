"""The readers on real saved pages, which stay out of the repository."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from didban.article import Article, Listing, Page
from didban.dates import parse_printed
from didban.errors import LayoutChanged, ReadError
from didban.provinces import PROVINCES, resolve
from scrapers.detect import engine_of
from scrapers.fetch import is_wall
from scrapers.platforms.nastooh import article_id
from scrapers.sources import all_sources, get
from scrapers.sources.hamshahri import HAMSHAHRI
from scrapers.sources.irna import IRNA
from scrapers.sources.isna import ISNA
from scrapers.sources.mehr import MEHR

FETCHED = datetime(2025, 12, 1, tzinfo=UTC)

Open = Callable[..., Page]


def listing(way: str) -> Listing:
    return Listing(source="x", url="https://a.ir/", way=way)


def digest(text: str) -> str:
    """A long text stays its publisher's: here stands only what proves that it is all there, to the letter."""
    return f"{len(text)} {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def test_isna_2017(real: Open) -> None:
    url = "http://www.isna.ir/news/95102918901/x"
    article = ISNA.article(real("nastooh/isna_article_2017.html", url))
    paragraphs = article.text.split("\n")
    assert paragraphs[0].startswith("مجید تخت روانچی در گفت‌وگو با خبرنگار ایسنا،\N{NO-BREAK SPACE} با بیان این که")
    assert (len(paragraphs), paragraphs[-1]) == (10, "انتهای پیام")
    assert replace(article, lead=digest(article.lead), text=digest(article.text)) == Article(
        source="isna",
        id="95102918901",
        url=url,
        kicker="با اعلام خبر سفر معاون وزیر خارجه انگلیس به تهران",
        title="روانچی: در ارتباط با مواضع نامناسب اخیر مقامات انگلیسی در مورد ایران گفت‌وگو خواهیم کرد",
        lead="225 946cfa34e2377baa",
        text="2313 ca837f6a68586fa6",
        published=datetime(2017, 1, 18, 11, 29, 36, tzinfo=UTC),
        published_text="۲۹ دی ۱۳۹۵ / ۱۴:۵۹",
        has_time=True,
        section="سیاست خارجی",
        tags=(
            "برجام", "ترزا می", "تهران", "روابط ايران و انگليس", "شورای همکاری خلیج فارس", "مجيد تخت روانچي",
            "معاون اروپا و امریکا وزارت امور خارجه", "معاون وزیر خارجه انگلیس",
        ),
        fetched=FETCHED,
        modified=datetime(2017, 1, 18, 11, 29, 37, tzinfo=UTC),
    )  # fmt: skip


def test_the_home_page_of_isna_is_a_listing_and_no_article(real: Open) -> None:
    page = real("nastooh/isna_home_2017.html", "http://www.isna.ir/")
    listed = ISNA.links(page, listing("page"))
    newest = listed.links[0]
    assert (len(listed.links), listed.next, listed.problem) == (68, None, None)
    assert all(link.id and link.title for link in listed.links)
    assert (newest.id, newest.kicker) == ("96030201379", "تجری خبر داد:")
    assert newest.published == datetime(2017, 5, 23, 11, 36, tzinfo=UTC)


def test_mehr_video_2024(real: Open) -> None:
    url = "https://www.mehrnews.com/news/6018415/x"
    article = MEHR.article(real("mehr/video_6018415_2024.html", url))
    assert article.lead.startswith("رهبر انقلاب صبح امروز در دیدار")
    assert replace(article, lead=digest(article.lead)) == Article(
        source="mehr",
        id="6018415",
        url=url,
        title="رهبر انقلاب: دعوت بعثت همچنان ادامه دارد",
        lead="155 80d02b2f61f79ebd",
        published=datetime(2024, 2, 8, 8, 38, tzinfo=UTC),
        published_text="۱۹ بهمن ۱۴۰۲، ۱۲:۰۸",
        has_time=True,
        section="فیلم > سیاست",
        tags=("مقام معظم رهبری", "رهبری", "دیدار مردمی رهبری", "مبعث", "پیامبر اکرم (ص)"),
        fetched=FETCHED,
        rights=MEHR.rights,
    )


def test_a_daily_leaf_of_khabaronline_1390(real: Open) -> None:
    home = "https://www.khabaronline.ir"
    page = real("nastooh/khabaronline_sitemap_leaf_1390.json", f"{home}/sitemap/1390/06/20/sitemap.xml")
    listed = HAMSHAHRI.links(page, listing("sitemap"))
    assert (listed.next, listed.problem, listed.listings) == (None, None, ())
    assert [(link.id, link.title) for link in listed.links] == [("172665", ""), ("172694", ""), ("172693", "")]
    assert listed.links[0].url == f"{home}/news/172665/راه-اندازی-آزمایشگاه-دانش-آموزی-در-پژوهشگاه-رویان"
    assert {link.published for link in listed.links} == {datetime(2011, 9, 10, 19, 30, tzinfo=UTC)}, "a day, no time"


def test_an_article_of_the_old_irna_2018(real: Open) -> None:
    """Another collector's JSON: its dateline, its date, and its address in the form of the old site."""
    said = json.loads(real("irna/article_83095371_2018.json").body)
    assert said["abstract"].startswith("تهران- ایرنا- رئیس مرکز")
    assert resolve(None, said["abstract"]) is None, "the bureau sits in Tehran; the news is of the whole country"
    assert resolve(None, said["abstract"].replace("تهران", "خرم آباد")) == "lorestan"
    assert article_id(said["link"]) == "83095371"
    printed = parse_printed(f"{said['publication_date_shamsi']} {said['publication_time']}")
    assert (printed.moment, printed.has_time) == (datetime(2018, 11, 11, 9, 56, tzinfo=UTC), True)


def test_the_topics_of_irna_are_those_on_record(real: Open) -> None:
    recorded = json.loads(real("irna/topics_tp.json").body)
    names = {province.slug: province.name for province in PROVINCES}
    for topic, number in IRNA.tp.items():
        assert topic not in names or recorded[str(number)] == f"استان\N{ZERO WIDTH NON-JOINER}ها > {names[topic]}"
        assert str(number) in recorded
    assert names.keys() <= IRNA.tp.keys()


def test_the_wall_is_blocked_and_no_page(real: Open) -> None:
    assert is_wall(real("blocked/arvan_captcha_2024.html").body)
    for name in ("mehr/video_6018415_2024.html", "nastooh/isna_article_2017.html", "irna/rss_item_83714160.xml"):
        assert not is_wall(real(name).body)


def test_the_head_of_a_mehr_article_dates_it(real: Open) -> None:
    head = real("mehr/head_4902834_2020.html")
    body = '<article id="item"><h1 itemprop="headline">x</h1><div class="item-text">y</div></article>'
    whole = Page(url="https://www.mehrnews.com/news/4902834/x", body=head.body + body.encode(), fetched=head.fetched)
    article = get("mehr").article(whole)
    assert article.published == article.modified == datetime(2020, 4, 17, 14, 26, 21, tzinfo=UTC)
    assert (article.section, article.tags) == ("اقتصاد > آب و انرژی", ("اوپک", "تولید نفت", "افزایش تولید نفت"))
    assert article.published_text is None


def test_an_item_of_irnas_feed(real: Open) -> None:
    found = real("irna/rss_item_83714160.xml")
    item = found.body.decode().partition("?>")[2].replace("<enclosure", "<content:encoded /><enclosure")
    page = Page(
        url="https://www.irna.ir/rss", body=f"<rss><channel>{item}</channel></rss>".encode(), fetched=found.fetched
    )
    listed = get("irna").links(page, get("irna").watch()[0])
    (link,) = listed.links
    assert listed.problem is None
    assert link.id == "83714160"
    assert link.url.startswith("https://www.irna.ir/news/83714160/معاون-استاندار-تهران")
    assert link.title.startswith("معاون استاندار تهران:\N{ZERO WIDTH NON-JOINER} هر نوع خبری")
    assert link.lead.startswith("تهران- ایرنا- معاون امنیتی")
    assert link.published == datetime(2020, 3, 14, 15, 42, 9, tzinfo=UTC)
    assert link.section == "استان\N{ZERO WIDTH NON-JOINER}ها > تهران"


def test_hamshahri_archive_2024(real: Open) -> None:
    base = "https://www.hamshahrionline.ir"
    listed = HAMSHAHRI.links(real("nastooh/hamshahri_archive_2024.html", f"{base}/archive"), listing("page"))
    assert [link.id for link in listed.links] == ["820487", "820153", "819511"]
    assert [link.kicker for link in listed.links] == ["", "", "نکته بهداشتی روز:"]
    assert listed.links[0].published == datetime(2023, 12, 31, 14, 46, tzinfo=UTC)
    assert listed.links[2].url.startswith(f"{base}/news/819511/%DA%86%D8%B1%D8%A7")
    assert listed.next is not None
    assert listed.next.startswith(f"{base}/page/archive.xhtml?wide=0&ms=0&pi=2&kw=%D9%85")


def test_joomla_39_blog_and_feed(real: Open) -> None:
    url = "http://portal.test/index.php/fa/news"
    blog = get("ostan_lr").links(real("portals/joomla39_blog.html", url), listing("page"))
    feed = get("ostan_lr").links(real("portals/joomla39_feed.rss", url), listing("feed"))
    assert [link.id for link in blog.links] == ["4821", "4820", "4815"]
    assert blog.links == feed.links
    assert blog.next is None


def test_warp_6_article(real: Open) -> None:
    url = "http://portal.test/index.php/fa/news/4821-x"
    article = get("ostan_lr").article(real("portals/warp6_article.html", url))
    assert article.lead.endswith("را حذف کنیم .")
    assert len(article.text.split("\n")) == 11
    assert (article.published_text, article.has_time, article.province) == ("12 آذر 1398", False, "lorestan")
    assert article.published == datetime(2019, 12, 2, 20, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "name",
    ["blocked/arvan_captcha_2024.html", "portals/khorasan.ir.redirect.html", "portals/ostan-th.ir.redirect.html",
     "portals/joomla39_blog.html", "nastooh/hamshahri_archive_2024.html", "nastooh/isna_home_2017.html"],
)  # fmt: skip
def test_a_page_that_is_no_article_becomes_none(real: Open, name: str) -> None:
    for source in all_sources():
        with pytest.raises(LayoutChanged):
            source.article(real(name))


@pytest.mark.parametrize(
    "name",
    ["blocked/arvan_captcha_2024.html", "portals/khorasan.ir.redirect.html", "portals/ostan-th.ir.redirect.html",
     "mehr/head_4902834_2020.html"],
)  # fmt: skip
def test_a_page_that_is_no_listing_becomes_none(real: Open, name: str) -> None:
    for source in all_sources():
        for way in ("feed", "page", "day"):
            with pytest.raises(ReadError):
                source.links(real(name), listing(way))


@pytest.mark.parametrize("name", ["portals/khorasan.ir.redirect.html", "portals/ostan-th.ir.redirect.html"])
@pytest.mark.parametrize("key", ["ostan_razavi_khorasan", "ostan_th"])
def test_a_redirects_body_is_refused_by_portals_of_no_known_engine(real: Open, name: str, key: str) -> None:
    """A server may send it with status 200: it shows no engine, and names neither articles nor one."""
    page, portal = real(name), get(key)
    assert engine_of(page) is None
    with pytest.raises(ReadError):
        portal.article(page)
    for way in ("feed", "page", "sitemap"):
        with pytest.raises(ReadError):
            portal.links(page, listing(way))


def test_no_real_page_is_untested() -> None:
    shared = Path(__file__).parents[2].parent / "shared" / "pages"
    if not shared.exists():
        pytest.skip("the real pages are not beside this checkout")
    names = {path.relative_to(shared).as_posix() for path in shared.rglob("*") if path.is_file()} - {"README.md"}
    tests = Path(__file__).read_text("utf-8")
    assert [name for name in sorted(names) if f'"{name}"' not in tests] == []
