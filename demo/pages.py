"""How the sites print what they publish: Nastooh's markup for the agencies, Joomla 3 with a Warp 6 theme for the portal.

Pages are whole, traps included: a hidden copy of the head for printing, related and most-read items in the same markup as
a listing's, a comment form, a `meta[name=date]` that says when the page was rendered, an enclosure and an empty
`content:encoded` in feeds, addresses percent-encoded in one place and raw in another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, urlencode

from demo.articles import SECTION, Piece
from didban.dates import TEHRAN, iso_utc, jalali_long, jalali_of, jalali_short_latin, tehran_day, to_persian_digits

_ZWNJ = "\N{ZERO WIDTH NON-JOINER}"
_RENDERED = "2026-08-10 T 12:00:00 +0330"
_WEEKDAYS = ("دوشنبه", "سه شنبه", "چهارشنبه", "پنجشنبه", "جمعه", "شنبه", "یکشنبه")
_COPYRIGHT = (
    "کلیه حقوق این سایت متعلق به استانداری لرستان می باشد. استفاده از مطالب این سایت با ذکر منبع بلامانع می باشد."
)
PORTAL: Final = "https://ostan-lr.ir"
NEWS_PATH: Final = "/index.php/fa/news"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """What differs between the agencies that share the template."""

    key: str
    host: str
    name: str
    theme: str
    short: str
    media: str
    box: int

    def url(self, piece: Piece) -> str:
        """An article's address as its feed writes it, the slug in raw Persian."""
        return f"https://{self.host}/news/{piece.article.id}/{piece.slug}"


AGENCIES: Final[Mapping[str, Agency]] = MappingProxyType(
    {
        "irna": Agency(
            key="irna", host="www.irna.ir", name="ایرنا", theme="irna", short="irna.ir/xj", box=4,
            media="https://img9.irna.ir/d/r2",
        ),
        "mehr": Agency(
            key="mehr", host="www.mehrnews.com", name="خبرگزاری مهر", theme="mehrnews", short="mehrnews.com/x", box=517,
            media="https://media.mehrnews.com/d",
        ),
    }
)  # fmt: skip


# ── Nastooh ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def nastooh_article(site: Agency, piece: Piece, others: Sequence[Piece]) -> str:
    """An agency's article page; `others` fill its lists of related and most-read items."""
    article = piece.article
    title, lead = escape(article.title), escape(article.lead)
    date = jalali_long(piece.published, with_time=True)
    machine = iso_utc(piece.published)
    short = f"https://{site.short}{int(article.id or 0):X}"
    crumbs = _crumbs(piece)
    day = f"{piece.published:%Y/%m/%d}"
    tags = "\n".join(
        f'<li><a href="/tag/{quote(tag.replace(" ", "+"), safe="+")}" rel="tag">{escape(tag)}</a></li>'
        for tag in article.tags
    )
    return f"""<!DOCTYPE html>
<html lang="fa" xmlns="http://www.w3.org/1999/xhtml"><head>
<title>{title} - {site.name}</title>
<meta itemprop="inLanguage" content="fa">
<meta itemprop="name" name="twitter:title" property="dc.title" content="{title}">
<meta name="description" property="dc.description" content="{lead}">
<meta property="og:type" content="article">
<meta name="twitter:url" property="og:url" content="{escape(site.url(piece))}">
<meta property="article:modified_time" content="{machine}">
<meta property="article:section" content="{escape(article.section or "")}">
<meta name="keywords" property="article:tag" content="{escape(",".join(article.tags))}">
<meta property="nastooh:topic" content="{piece.topic.split("/", maxsplit=1)[0]}">
<meta property="nastooh:pageType" content="news"><meta property="nastooh:newsType" content="{piece.kind}">
<meta property="nastooh:publishDate" content="{piece.published:%Y-%m-%d}">
<meta property="nastooh:commentCount" content="na"><meta property="nastooh:code" content="{article.id}">
<meta property="nastooh:nid" content="{article.id}">
<meta property="og:title" itemprop="headline" content="{title}">
<meta name="twitter:description" itemprop="description" property="og:description" content="{lead}">
<meta name="twitter:image" itemprop="image" property="og:image" content="{site.media}/{day}/4/{article.id}.jpg">
<meta itemprop="datePublished" property="article:published_time" content="{machine}">
<meta itemprop="dateModified" property="article:modified" content="{machine}">
<meta charset="utf-8"><meta http-equiv="Content-Language" content="fa">
<meta property="og:site_name" content="{site.name}"><meta property="og:locale" content="fa">
<meta name="generator" content="www.nastooh.ir"><meta name="language" content="fa">
<meta name="date" content="{_RENDERED}">
</head><body class="rtl pt-news nt-{piece.kind}">
<main class="mainbody"><div class="container"><div class="row"><div class="col-12 main-content"><div class="row">
<div class="col-12 col-lg-9">
<article id="item" class="box item full-img">
<div class="print-header" style="display: none;">
    <div class="logo"><img src="/resources/theme/{site.theme}/img/logo_invert.png" alt="{site.name}" /></div>
    <div class="meta"><div class="barcode"><ul>
        <li class="url">{short}</li>
        <li class="date">{date}</li>
        <li class="id">کد خبر <span>{article.id}</span></li>
        <li><ol class="breadcrumb">{crumbs}</ol></li>
    </ul></div></div>
</div>
<div class="item-header">
    <div class="item-nav row">
        <div class="col-6 col-sm-4"><ol class="breadcrumb">{crumbs}</ol></div>
        <div class="col-6 col-sm-4 item-date">
            <span>{date}</span>
        </div>
    </div>
    <div class="item-title">
        <h4 class="subtitle kicker">{escape(article.kicker)}</h4>
        <h1 class="title">{title}</h1>
    </div>
</div><div class="item-summary">
    <figure class="item-img"><img src="{site.media}/{day}/3/{article.id}.jpg" alt="{title}" itemprop="image" /></figure>
    <p class="summary introtext" itemprop="description"> {lead}</p></div>
<div class="item-body">
    {_body(piece)}<div class="item-code">
        کد خبر <span>{article.id}</span></div>
</div>
<div class="item-footer row"><div class="short-link-container">
    <input type="text" class="clean" value="{short.removeprefix("https://")}" readonly="readonly" />
    <p class="short-link-tooltip">کپی شد</p>
</div></div>
<div class="item-boxes2">
    <section id="box519" class="box related-items list list-bullets hidden-time" data-conf="{{&quot;id&quot;:519}}">
        <header><h2><span>مطالب مرتبط</span></h2></header>
        <div><ul>{_items(site, others[:2], brief=True)}</ul></div>
    </section>
</div>
<section class="box tags"><header><h2>برچسب{_ZWNJ}ها</h2></header><div><ul>
{tags}
</ul></div></section>
</article>
<section id="news-comment"></section>
<section class="box header-outside comment-form">
    <header><h2>نظر شما</h2></header>
    <div><form method="post" name="frmNewsComment" id="frmNewsComment" class="form-comment" data-url="/rest/postcomment">
        <div class="alert alert-info">شما در حال پاسخ به نظر «<span></span>» هستید.</div>
        <div class="comment-policies"><li><span>نظرات حاوی توهین منتشر نمی{_ZWNJ}شود.</span></li></div>
        <input type="hidden" value="{article.id}" name="newsId" id="newsId" />
        <label for="body">نظر شما *</label><textarea id="body" name="body" rows="5"></textarea>
        <img id="captchaImg" src="/sncaptcha.jpg?key=" alt="captcha" />
    </form></div>
</section>
</div>
{_most_read(site, others)}
</div></div></div></div></main>
</body></html>
"""


def nastooh_listing(
    site: Agency, pieces: Sequence[Piece], *, number: int, last: int, query: Mapping[str, str], newest: Sequence[Piece]
) -> str:
    """Page `number` of `last` of an agency's archive; `query` is the filter that its page links carry on."""

    def to(page: int, text: str, *, on: bool) -> str:
        if not on:
            return f'<li class="page-item disabled"><span class="page-link">{text}</span>\n</li>'
        href = "/page/archive.xhtml?" + urlencode({"wide": 0, "ms": 0, "pi": page, **query})
        return f'<li class="page-item "><a href="{escape(href)}" rel="noindex next" class="page-link">{text}</a>\n</li>'

    links = [to(number - 1, "قبلی", on=1 < number <= last)]
    for page in range(1, last + 1):
        shown = to_persian_digits(str(page))
        active = f'<li class="page-item active"><span class="page-link">{shown}</span>\n</li>'
        links.append(active if page == number else to(page, shown, on=True))
    links.append(to(number + 1, "بعدی", on=number < last))
    return f"""<!DOCTYPE html>
<html lang="fa"><head>
<meta charset="utf-8" /><title>آرشیو - {site.name}</title>
<meta property="nastooh:pageType" content="archive" />
<meta name="generator" content="www.nastooh.ir" /><meta name="language" content="fa" />
<meta name="date" content="{_RENDERED}" /></head>
<body class="rtl nt-wide-img pt-archive nt-">
<form method="get" action="/search" role="form"><input type="text" placeholder="جستجو..." value="" name="q" /></form>
<main class="mainbody"><div class="container"><div class="row"><div class="col-12 main-content"><div class="row">
<div class="col-12 col-lg-9">
<section id="box{site.box}" class="box list list-bordered list-thumbs thumbs-lg highlights no-header  _types">
<div><ul>
{_items(site, pieces)}
</ul></div>
<footer><div><ul class="pagination justify-content-center">
{"".join(links)}
</ul></div></footer>
</section>
</div>
{_most_read(site, newest)}
</div></div></div></div></main>
</body></html>
"""


def nastooh_feed(site: Agency, pieces: Iterable[Piece]) -> str:
    """An agency's feed: addresses in raw Persian, the lead and no text, times in GMT."""
    items = "".join(
        f"""
    <item>
      <title>{escape(piece.article.title)}</title>
      <link>{escape(site.url(piece))}</link>
      <description>{escape(piece.article.lead)}</description>
      <content:encoded />
      <enclosure url="{site.media}/{piece.published:%Y/%m/%d}/3/{piece.article.id}.jpg" type="image/jpeg" />
      <category domain="{piece.topic.rpartition("/")[2].lower()}">{escape(piece.article.section or "")}</category>
      <pubDate>{format_datetime(piece.published.astimezone(UTC), usegmt=True)}</pubDate>
      <guid>{escape(site.url(piece))}</guid>
    </item>"""
        for piece in pieces
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<rss xmlns:content="http://purl.org/rss/1.0/modules/content/" version="2.0">
  <channel>
    <title>{site.name}</title>
    <link>https://{site.host}/</link>
    <description>{site.name}</description>
    <language>fa</language>{items}
  </channel>
</rss>
"""


def _crumbs(piece: Piece) -> str:
    names = (piece.article.section or "").split(" > ")
    paths = [piece.topic.split("/", maxsplit=1)[0], piece.topic]
    return "".join(
        f'<li><a target="_blank" rel="index" href="/service/{path}">{escape(name)}</a>\n</li>'
        for path, name in zip(paths, names, strict=False)
    )


def _body(piece: Piece) -> str:
    article = piece.article
    codes = "".join(article.codes)
    if piece.old:
        return f'<div itemprop="articleBody" class="item-text old">{escape(article.text)}{codes}            </div>'
    paragraphs = [f"<p>{escape(text)}</p>" for text in (*article.text.split("\n"), codes) if text]
    if piece.kind == "video":
        paragraphs.insert(0, _PLAYER)
    elif paragraphs and piece.article.tags:
        # The first paragraph links to a tag's page, as the agencies' own do.
        word = escape(piece.article.tags[0])
        link = f'<a class="saba-backlink" href="/tag/{quote(piece.article.tags[0])}" target="_blank">{word}</a>'
        paragraphs[0] = paragraphs[0].replace(word, link, 1)
    return '<div itemprop="articleBody" class="item-text">' + "\n\n".join(paragraphs) + "\n</div>"


_PLAYER = """<div class="itemPlayer0"><video id="divPlayer0" width="100%" controls="controls"></video>
<div class="video-download"><a href="/d/0/film.mp4" target="_blank" class="btn"><span class="icon-download"></span>
دریافت <span style="direction: ltr">16 MB</span></a></div></div>"""


def _items(site: Agency, pieces: Iterable[Piece], *, brief: bool = False) -> str:
    return "\n".join(_item(site, piece, brief=brief) for piece in pieces)


def _item(site: Agency, piece: Piece, *, brief: bool) -> str:
    article = piece.article
    raw = escape(f"/news/{article.id}/{piece.slug}")
    href = quote(f"/news/{article.id}/{piece.slug}")
    title = escape(article.title)
    if brief:
        return (
            f'<li class="{piece.kind}" data-conf="{{}}">\n<div class="desc">\n'
            f'    <h3><a href="{href}" target="_blank">{title}</a>\n    </h3>\n</div>\n</li>'
        )
    kicker = f'<h4><a target="_blank" rel="" href="{raw}">\n        {escape(article.kicker)}\n    </a></h4>'
    local = piece.published.astimezone(TEHRAN)
    day = tehran_day(piece.published)
    shown, full = (
        "۱ ماه قبل",
        f"{_WEEKDAYS[day.weekday()]} {jalali_long(piece.published, with_time=False)} - {local:%H:%M}",
    )
    if site.key == "irna":  # IRNA prints the date itself, the other agencies its age
        year, month, number = jalali_of(day)
        shown, full = f"{year}-{month:02}-{number:02} {local:%H:%M}", ""
    return f"""<li class="{piece.kind}" data-conf="{{}}">
    <figure><a target="_blank" rel="" href="{raw}" title="">
        <img src="{site.media}/{piece.published:%Y/%m/%d}/1/{article.id}.jpg" alt="{title}" loading="lazy" />
    </a></figure>
<div class="desc">
    {kicker if article.kicker else ""}
    <h3><a href="{href}" target="_blank" title="">{title}</a>

    </h3>
        <p>{escape(article.lead)}
        </p>
        <time title="{to_persian_digits(full)}"><a href="{href}">{to_persian_digits(shown)}</a>
        </time>
</div>
</li>"""


def _most_read(site: Agency, pieces: Sequence[Piece]) -> str:
    return f"""<div class="col-12 col-lg-3">
<section id="box432" class="box list list-bordered list-thumbs thumbs-md highlights hidden-summary header-bg-primary">
<header><h2><span>پربازدید</span></h2></header>
<div><ul>{_items(site, pieces[:3], brief=True)}</ul></div>
</section></div>"""


# ── Joomla ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def portal_url(piece: Piece) -> str:
    """An article's address on the portal."""
    return f"{PORTAL}{_portal_path(piece)}"


def warp_article(piece: Piece) -> str:
    """The portal's article page. Warp cuts the machine date from the UTC value: a day behind until 03:30 in Tehran."""
    article = piece.article
    paragraphs = "\n".join(
        f'<p dir="rtl" style="text-align: justify;">{escape(text)}</p>' for text in article.text.split("\n")
    )
    shown = jalali_short_latin(piece.published)
    meta = f' on <time datetime="{piece.published:%Y-%m-%d}" pubdate>{shown}</time>. '  # author and section are hidden
    return f"""{_joomla_head(article.title)}
</head>
<body class="contentpane">
<div id="system">
	<article class="item">
				<header>
			<h1 class="title">{escape(article.title)}</h1>

						<p class="meta">{meta}</p>
		</header>
		<div class="content clearfix">
		<p dir="rtl">{escape(article.lead)}</p>

{paragraphs}		</div>
	</article>
</div>
{_JOOMLA_FOOT}"""


def joomla_blog(pieces: Sequence[Piece], *, start: int, step: int, total: int) -> str:
    """The portal's news page: `pieces` are those from `start` on, `step` at most, of `total`."""
    leading = "".join(f'<div class="leading-0" itemprop="blogPost">{_blog_item(piece)}</div>' for piece in pieces[:1])
    rows = "".join(
        f'<div class="items-row cols-1 row-{row} row-fluid clearfix"><div class="span12">\n'
        f'<div class="item column-1" itemprop="blogPost">{_blog_item(piece)}</div><!-- end item -->\n</div></div>\n'
        for row, piece in enumerate(pieces[1:])
    )
    return f"""{_joomla_head(SECTION["ostan_lr"])}
	<link href="{NEWS_PATH}?format=feed&amp;type=rss" rel="alternate" type="application/rss+xml" title="RSS 2.0" />
</head>
<body class="contentpane">
<div class="blog" itemscope itemtype="https://schema.org/Blog">
	<h2> <span class="subheading-category">{SECTION["ostan_lr"]}</span></h2>
<div class="items-leading clearfix">
{leading}
</div><!-- end items-leading -->
{rows}
{_blog_pages(start, step, total)}
</div>
{_JOOMLA_FOOT}"""


def joomla_feed(pieces: Sequence[Piece], built: datetime) -> str:
    """The portal's feed: the first paragraph as HTML, times with Tehran's offset."""
    items = "".join(
        f"""
		<item>
			<title>{escape(piece.article.title)}</title>
			<link>{portal_url(piece)}</link>
			<guid isPermaLink="true">{portal_url(piece)}</guid>
			<description><![CDATA[<p dir="rtl">{escape(piece.article.lead)}</p>
]]></description>
			<category>{SECTION["ostan_lr"]}</category>
			<pubDate>{format_datetime(piece.published.astimezone(TEHRAN))}</pubDate>
		</item>"""
        for piece in pieces
    )
    return f"""<?xml version="1.0" encoding="utf-8"?>
<!-- generator="Joomla! - Open Source Content Management" -->
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom">
	<channel>
		<title>{SECTION["ostan_lr"]}</title>
		<description><![CDATA[]]></description>
		<link>{PORTAL}{NEWS_PATH}</link>
		<lastBuildDate>{format_datetime(built.astimezone(TEHRAN))}</lastBuildDate>
		<generator>Joomla! - Open Source Content Management</generator>
		<atom:link rel="self" type="application/rss+xml" href="{PORTAL}{NEWS_PATH}?format=feed&amp;type=rss"/>
		<language>fa-ir</language>{items}
	</channel>
</rss>
"""


def _portal_path(piece: Piece) -> str:
    return f"{NEWS_PATH}/{piece.article.id}-{piece.slug}"


def _joomla_head(title: str) -> str:
    return f"""<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="fa-ir" lang="fa-ir" dir="rtl">
<head>
	<base href="{PORTAL}/" />
	<meta http-equiv="content-type" content="text/html; charset=utf-8" />
	<meta name="generator" content="Joomla! - Open Source Content Management" />
	<title>{escape(title)}</title>"""


_JOOMLA_FOOT = f"""<footer id="footer"><div class="module deepest"><p>{_COPYRIGHT}</p></div></footer>
</body>
</html>
"""


def _blog_item(piece: Piece) -> str:
    href, title = _portal_path(piece), escape(piece.article.title)
    machine = piece.published.astimezone(TEHRAN).isoformat(timespec="seconds")
    return f"""
	<div class="page-header">
					<h2 itemprop="name">
									<a href="{href}" itemprop="url">
						{title}					</a>
							</h2>
			</div>
			<dl class="article-info muted">
			<dt class="article-info-term">توضیحات</dt>
				<dd class="category-name">دسته: <a href="{NEWS_PATH}" itemprop="genre">{SECTION["ostan_lr"]}</a></dd>
				<dd class="published">
				<time datetime="{machine}" itemprop="datePublished">
					منتشر شده در {jalali_short_latin(piece.published)}				</time>
			</dd>
				<dd class="hits">بازدید: {int(piece.article.id or 0) % 700}</dd></dl>
<p dir="rtl">{escape(piece.article.lead)}</p>
<p class="readmore"><a class="btn" href="{href}" itemprop="url" aria-label="ادامه مطلب:  {title}">
			ادامه مطلب...		</a></p>
"""


def _blog_pages(start: int, step: int, total: int) -> str:
    def to(at: int, text: str) -> str:
        if not 0 <= at < total or at == start:
            return f'<li class="disabled"><a>{text}</a></li>'
        href = f"{NEWS_PATH}?start={at}" if at else NEWS_PATH
        return f'<li><a title="{text}" href="{href}" class="pagenav">{text}</a></li>'

    last = max(total - 1, 0) // step * step
    pages = "".join(to(at, str(at // step + 1)) for at in range(0, total, step))
    return (
        f'<div class="pagination"><p class="counter pull-right">صفحه{start // step + 1} از{last // step + 1}</p>\n'
        f'<ul class="pagination-list">{to(0, "شروع")}{to(start - step, "قبلی")}{pages}'
        f"{to(start + step, 'بعدی')}{to(last, 'پایان')}</ul></div>"
    )


# ── what is no page ───────────────────────────────────────────────────────────────────────────────────────────────────

WALL: Final = """<!DOCTYPE html><html lang="en"><head><meta charset="UTF-8"><title>Transferring to the website...</title>
<link href="/cdn-cgi/assets/css/static-pages.css" rel="stylesheet"></head><body>
<section class="error-section error-section--waiting" id="en"><h1 class="error-section__title">
Transferring to the website...</h1></section>
<section class="error-section error-section--waiting" id="fa"><h1 class="error-section__title">
در حال انتقال به سایت مورد نظر هستید...</h1></section>
<script>document.cookie = "__arcsjs=" + "demo" + "; path=/"; location.reload();</script>
</body></html>
"""
"""What stands in a page's place, with status 200, when the host does not want plain clients."""

JOOMLA_ROBOTS: Final = "User-agent: *\n" + "".join(
    f"Disallow: /{folder}/\n"
    for folder in (
        "administrator",
        "cache",
        "components",
        "includes",
        "language",
        "libraries",
        "modules",
        "plugins",
        "tmp",
    )
)


def missing(what: str) -> str:
    """A page that is not there."""
    return f'<!DOCTYPE html><html lang="fa"><head><meta charset="utf-8"><title>404</title></head><body>{escape(what)}</body></html>'
