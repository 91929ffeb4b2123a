"""The readers on real saved pages, which stay out of the repository."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import ClassVar

import pytest

from didban.article import Listing, Page
from didban.errors import LayoutChanged, ReadError
from scrapers.platforms.nastooh import Nastooh
from scrapers.sources import all_sources, get

Open = Callable[..., Page]


class Isna(Nastooh):
    """A sister of IRNA in 2017: attributes overridden, nothing else."""

    printed: ClassVar[tuple[str, ...]] = (".meta-news .text-meta",)
    topics: ClassVar[str] = "[itemprop=articleSection]"


def listing(way: str) -> Listing:
    return Listing(source="x", url="https://a.ir/", way=way)


def test_isna_2017(real: Open) -> None:
    isna = Isna(key="isna", name="ایسنا", home="http://www.isna.ir/", hosts=("isna.ir",))
    article = isna.article(real("nastooh/isna_article_2017.html", "http://www.isna.ir/news/95102918901/"))
    assert article.id == "95102918901"
    assert article.kicker == "با اعلام خبر سفر معاون وزیر خارجه انگلیس به تهران"
    assert article.title.startswith("روانچی: در ارتباط با مواضع نامناسب اخیر")
    assert article.lead.startswith("معاون اروپا و آمریکای وزیر امور خارجه  با اشاره به دیدار  معاون")
    paragraphs = article.text.split("\n")
    assert paragraphs[0].startswith("مجید تخت روانچی در گفت‌وگو با خبرنگار ایسنا،\N{NO-BREAK SPACE} با بیان این که")
    assert (len(paragraphs), paragraphs[-1]) == (10, "انتهای پیام")
    assert article.published == datetime(2017, 1, 18, 11, 29, 36, tzinfo=UTC)
    assert (article.published_text, article.has_time) == ("۲۹ دی ۱۳۹۵ / ۱۴:۵۹", True)
    assert article.modified == datetime(2017, 1, 18, 11, 29, 37, tzinfo=UTC)
    assert (article.section, len(article.tags), article.tags[0]) == ("سیاست خارجی", 8, "برجام")


def test_mehr_video_2024(real: Open) -> None:
    article = get("mehr").article(real("mehr/video_6018415_2024.html", "https://www.mehrnews.com/news/6018415/x"))
    assert (article.id, article.kicker, article.text) == ("6018415", "", "")
    assert article.title == "رهبر انقلاب: دعوت بعثت همچنان ادامه دارد"
    assert article.published == datetime(2024, 2, 8, 8, 38, tzinfo=UTC)
    assert (article.section, len(article.tags)) == ("فیلم > سیاست", 5)


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
    listed = get("irna").links(real("nastooh/hamshahri_archive_2024.html", f"{base}/archive"), listing("page"))
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
    "name", ["blocked/arvan_captcha_2024.html", "portals/ostan-th.ir.redirect.html", "mehr/head_4902834_2020.html"]
)
def test_a_page_that_is_no_listing_becomes_none(real: Open, name: str) -> None:
    for source in all_sources():
        for way in ("feed", "page", "day"):
            with pytest.raises(ReadError):
                source.links(real(name), listing(way))
