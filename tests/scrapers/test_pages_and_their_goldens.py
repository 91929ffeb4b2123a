"""Each page of ours, read, against its golden; those around the seed texts, against the seeds too."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from didban.article import Listed, Listing, Page, to_json
from didban.dates import iso_utc
from scrapers.sources import get

SEEDS = Path(__file__).parents[1] / "seeds"
ARTICLES = {
    "irna_article": ("irna", "https://www.irna.ir/news/83075914/مشتری-مداری"),
    "irna_old": ("irna", "https://www.irna.ir/news/82345678/x"),
    "mehr_article": ("mehr", "https://www.mehrnews.com/news/1326881/x"),
    "mehr_mixed_body": ("mehr", "https://www.mehrnews.com/news/6900001/x"),
    "mehr_bad_date": ("mehr", "https://www.mehrnews.com/news/6900002/x"),
    "warp6_article": ("ostan_lr", "https://ostan-lr.ir/index.php/fa/news/4821-moaven"),
    "warp6_no_date": ("ostan_lr", "https://ostan-lr.ir/index.php/fa/news/moaven"),
    "warp7_article": ("ostan_lr", "https://ostan-lr.ir/index.php/fa/news/4900-neshast"),
    "joomla25_article": ("ostan_lr", "https://ostan-lr.ir/index.php?option=com_content&view=article&id=310:neshast"),
    "joomla39_article": ("ostan_lr", "https://ostan-lr.ir/index.php/fa/news/4811-neshast"),
    "joomla4_article": ("ostan_lr", "https://ostan-lr.ir/index.php/fa/news/4812-neshast"),
}
LISTINGS = {
    "irna_archive": ("irna", "day", "https://www.irna.ir/archive?pi=1&tp=&ty=&ms=0&dy=17&mn=7&yr=1397", "html"),
    "irna_archive_last": ("irna", "day", "https://www.irna.ir/archive?pi=2&tp=&ty=&ms=0&dy=17&mn=7&yr=1397", "html"),
    "irna_archive_empty": ("irna", "day", "https://www.irna.ir/archive?pi=1&tp=&ty=&ms=0&dy=1&mn=1&yr=1380", "html"),
    "irna_feed": ("irna", "feed", "https://www.irna.ir/rss", "xml"),
    "ostan_lr_atom": ("ostan_lr", "feed", "https://ostan-lr.ir/index.php/fa/news?format=feed&type=atom", "xml"),
    "ostan_lr_blog": ("ostan_lr", "page", "https://ostan-lr.ir/index.php/fa/news", "html"),
    "ostan_lr_warp6_list": ("ostan_lr", "page", "https://ostan-lr.ir/index.php/fa/news?start=2", "html"),
}


@pytest.mark.parametrize("name", ARTICLES)
def test_article(name: str, page: Callable[..., Page], golden: Callable[[str, Any], None]) -> None:
    source, url = ARTICLES[name]
    golden(name, to_json(get(source).article(page(f"{name}.html", url))))


@pytest.mark.parametrize("name", LISTINGS)
def test_listing(name: str, page: Callable[..., Page], golden: Callable[[str, Any], None]) -> None:
    source, way, url, kind = LISTINGS[name]
    listed = get(source).links(page(f"{name}.{kind}", url), Listing(source=source, url=url, way=way))
    golden(name, _listed_json(listed))


def _listed_json(listed: Listed) -> dict[str, Any]:
    links = [{**asdict(link), "published": iso_utc(link.published)} for link in listed.links]
    return {"links": links, "next": listed.next, "problem": listed.problem}


def _seed(number: int) -> str:
    return next(SEEDS.glob(f"{number:03}_*.txt")).read_text("utf-8")


@pytest.mark.parametrize(("number", "name"), [(0, "irna_article"), (1, "irna_old")])
def test_a_page_of_irna_says_what_its_seed_says(number: int, name: str, page: Callable[..., Page]) -> None:
    seed = json.loads(_seed(number))
    source, url = ARTICLES[name]
    article = get(source).article(page(f"{name}.html", url))
    assert article.kicker == seed["onTitr"]
    assert article.title == seed["titr"].strip()
    assert article.lead == seed["describe"].strip()
    assert article.text.replace("\n", "") + "".join(article.codes) == seed["text"].strip()


@pytest.mark.parametrize(("number", "name"), [(2, "mehr_article"), (3, "warp6_article"), (3, "warp6_no_date")])
def test_a_page_in_paragraphs_says_what_its_seed_says(number: int, name: str, page: Callable[..., Page]) -> None:
    source, url = ARTICLES[name]
    article = get(source).article(page(f"{name}.html", url))
    said = [article.kicker, article.title, article.lead, *article.text.split("\n")]
    seed = re.split(r"کد خبر|کلیه حقوق", _seed(number))[0]
    lines = dict.fromkeys(line.strip() for line in seed.split("\n") if line.strip())
    assert [part for part in said if part] == [line for line in lines if line not in {"on .", article.published_text}]
