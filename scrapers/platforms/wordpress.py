"""WordPress: the portal of Isfahan, many municipalities.

    /wp-json/wp/v2/posts?per_page=20&_embed=wp:term          the newest posts as JSON, with the names of their categories
    …&after=2019-12-02T23:59:59&before=…&page=2              its archive, whose last page is named by X-WP-TotalPages
    /feed/                                                   the newest 10, `?paged=2` the next
    /<anything the site chose>/                              a post; its number is in no address unless the site put it there

The REST listing is asked first: it is open on most sites and needs no theme. A theme's page is read by what themes share
and by a site's own selectors. Jalali plugins change what a page prints, and some the JSON's `date`; `date_gmt` stays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from didban.article import Link, Listed, Listing, Page
from didban.errors import LayoutChanged, Unreadable
from didban.urls import absolute
from scrapers.base import days, listed
from scrapers.feed import section
from scrapers.html import count_tags, page_text, paragraphs, read_json
from scrapers.platforms.generic import Generic
from scrapers.when import machine_date

_LAST_PAGE = "x-wp-totalpages"
_WATCHED = 20
_ARCHIVED = 100
"""Posts a page; WordPress gives no more."""


@dataclass(frozen=True, kw_only=True)
class WordPress(Generic):
    """A site of this CMS. `api` is the path of its REST posts, `feed` of its feed; empty where a site has closed it."""

    api: str = "wp-json/wp/v2/posts"
    feed: str = "feed/"
    identifier: str = r"[?&]p=(\d+)"

    root: ClassVar[tuple[str, ...]] = ("article.post", "article[id^=post-]", ".single-post article", "[id^=post-].post")
    title: ClassVar[tuple[str, ...]] = ("h1.entry-title", ".entry-header h1", "h1.post-title", *Generic.title)
    body: ClassVar[tuple[str, ...]] = (".entry-content", ".post-content", ".the-content", *Generic.body)
    printed: ClassVar[tuple[str, ...]] = ("time.entry-date.published", "time.entry-date", ".entry-date", ".post-date")
    topics: ClassVar[str] = "a[rel~=category]"
    drop: ClassVar[tuple[str, ...]] = (*Generic.drop, ".post-navigation", ".wp-block-buttons")
    item: ClassVar[str] = ""

    def watch(self) -> tuple[Listing, ...]:
        """Both: which of them a site has closed is not known before it is asked."""
        ways = (self._api() if self.api else None, self.listing(self.feed, "feed") if self.feed else None)
        return tuple(way for way in ways if way is not None) or super().watch()

    def older(self) -> Listing | None:
        return self._api() if self.api else super().older()

    def archive(self, since: date, until: date) -> tuple[Listing, ...]:
        days(since, until)
        if not self.api:
            return super().archive(since, until)
        before, after = until + timedelta(days=1), since - timedelta(days=1)
        asked = self._posts(_ARCHIVED, after=f"{after}T23:59:59", before=f"{before}T00:00:00")
        return (self.listing(asked, "page"),)

    def _api(self) -> Listing:
        return self.listing(self._posts(_WATCHED), "page")

    def _posts(self, many: int, **more: str) -> str:
        asked = {"per_page": str(many), "page": "1", "_embed": "wp:term", **more}
        return f"{self.api}?{urlencode(asked, safe=':')}"

    # ── listings ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def read_links(self, page: Page) -> Listed:
        text = page_text(page).lstrip()
        if not text.startswith(("[", "{")):
            return super().read_links(page)
        count_tags(page.url, re.sub(r"\\u003c", "<", text, flags=re.IGNORECASE))  # JSON may write a `<` either way
        try:
            posts = read_json(text)
        except (ValueError, RecursionError):
            raise Unreadable(page.url, "the list of posts is no whole JSON") from None
        if not isinstance(posts, list):
            raise LayoutChanged(page.url, "a list of posts", 0)
        found = [self._post(post, page.url) if isinstance(post, dict) else None for post in posts]
        return listed(page, found, "link of a post", _following(page, len(posts)))

    def _post(self, post: dict[str, Any], base: str) -> Link | None:
        url = absolute(base, _string(post.get("link")))
        if url is None:
            return None
        return Link(
            source=self.key,
            url=url,
            id=self.number(url),
            title=_rendered(post.get("title")),
            lead=_rendered(post.get("excerpt")),
            published=machine_date(f"{gmt}Z" if (gmt := _string(post.get("date_gmt"))) else _string(post.get("date"))),
            section=section(next(_categories(post), "")),
        )


def _following(page: Page, posts: int) -> str | None:
    """The next page's address: until the last page that the header names, or, without it, while pages are full."""
    parts = urlsplit(page.url)
    asked = dict(parse_qsl(parts.query))
    number, many = asked.get("page", "1"), asked.get("per_page", "")
    last = page.headers.get(_LAST_PAGE, "")
    if not number.isdecimal() or (int(number) >= int(last) if last.isdecimal() else str(posts) != many):
        return None
    asked["page"] = str(int(number) + 1)
    return parts._replace(query=urlencode(asked, safe=":")).geturl()


def _categories(post: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON values
    embedded = post.get("_embedded")
    groups = embedded.get("wp:term") if isinstance(embedded, dict) else None
    for group in groups if isinstance(groups, list) else ():
        for term in group if isinstance(group, list) else ():
            if isinstance(term, dict) and term.get("taxonomy") == "category":
                yield " ".join(paragraphs(_string(term.get("name"))))


def _rendered(value: object) -> str:
    """`{"rendered": "<p>…</p>"}` as one line."""
    return " ".join(paragraphs(_string(value.get("rendered")))) if isinstance(value, dict) else ""


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
