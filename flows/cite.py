"""An article as a citation: who published it, when by both calendars, its code, its address, when it was read.

    article + Outlet → CSL-JSON, which Zotero and pandoc read → BibTeX, by bibtexparser; RIS, by rispy

Days are Tehran's civil days. What the store does not know is left out; an undated article says so in its note.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

from didban.article import Article
from didban.dates import jalali_long, tehran_day
from scrapers.base import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """Who publishes a source's articles, and on what terms. Of a source that is not known any more, only the key is."""

    key: str
    name: str
    home: str | None = None
    rights: str | None = None
    credit: str | None = None
    portal: bool = False

    @classmethod
    def of(cls, site: Site) -> Self:
        return cls(
            key=site.key,
            name=site.name,
            home=site.home or None,
            rights=site.rights,
            credit=site.credit,
            portal=site.province is not None,
        )


def outlet(sites: Mapping[str, Site], key: str) -> Outlet:
    """Who publishes a source's articles, as far as it is known."""
    site = sites.get(key)
    return Outlet(key=key, name=key) if site is None else Outlet.of(site)


def csl(article: Article, outlet: Outlet, *, name: str) -> dict[str, Any]:
    """The article as one item of CSL-JSON; `name` is its id, and the key of the forms made from it.

    An agency's is an `article-newspaper`, a governorate's a `webpage`.
    """
    said = {
        "id": name,
        "type": "webpage" if outlet.portal else "article-newspaper",
        "title": _line(article.title),
        "author": [{"literal": outlet.name}],
        "container-title": outlet.name,
        "number": article.id,
        "issued": _parts(article.published and tehran_day(article.published)),
        "accessed": _parts(article.fetched and tehran_day(article.fetched)),
        "URL": article.url,
        "language": "fa",
        "note": _note(article),
    }
    return {key: value for key, value in said.items() if value is not None}


def as_csl(item: Mapping[str, Any]) -> str:
    """One item of the array that a file of CSL-JSON is."""
    return json.dumps(item, ensure_ascii=False)


def as_bibtex(item: Mapping[str, Any]) -> str:
    """A `@misc` entry, which BibTeX and biblatex both know; in UTF-8."""
    from bibtexparser import Library, write_string  # noqa: PLC0415 - no other command pays for it
    from bibtexparser.model import Entry, Field  # noqa: PLC0415

    year, month, day = _day(item, "issued") or (None, None, None)
    accessed = _day(item, "accessed")
    said = {
        "author": f"{{{_tex(item['author'][0]['literal'])}}}",  # in braces of its own: no first and last name
        "title": f"{{{_tex(item['title'])}}}",
        "year": year,
        "month": month,
        "day": day,
        "howpublished": _tex(item["container-title"]),
        "number": _tex(item["number"]) if "number" in item else None,
        "url": item["URL"].translate(_URL) if "URL" in item else None,
        "urldate": "{:04}-{:02}-{:02}".format(*accessed) if accessed else None,
        "langid": "persian",
        "note": _tex(item["note"]),
    }
    fields = [Field(key, str(value)) for key, value in said.items() if value is not None]
    return write_string(Library([Entry("misc", item["id"], fields)]))


def as_ris(item: Mapping[str, Any]) -> str:
    """A record of RIS: NEWS, or ELEC for a web page."""
    import rispy  # noqa: PLC0415 - no other command pays for it

    class Bare(rispy.RisWriter):
        """Without a number over each record, which not every reader expects."""

        def set_header(self, count: int) -> str:
            del count
            return ""

    issued, accessed = _day(item, "issued"), _day(item, "accessed")
    said = {
        "type_of_reference": "ELEC" if item["type"] == "webpage" else "NEWS",
        "id": item["id"],
        "title": item["title"],
        "authors": [item["author"][0]["literal"]],
        "secondary_title": item["container-title"],
        "year": issued and str(issued[0]),
        "date": issued and "{:04}/{:02}/{:02}/".format(*issued),
        "accession_number": item.get("number"),
        "urls": [item["URL"]] if "URL" in item else None,
        "access_date": accessed and "{:04}/{:02}/{:02}/".format(*accessed),
        "language": item["language"],
        "notes": [item["note"]],
    }
    return rispy.dumps([{key: value for key, value in said.items() if value is not None}], implementation=Bare)


FORMS: Mapping[str, Callable[[Mapping[str, Any]], str]] = MappingProxyType(
    {"csl": as_csl, "bibtex": as_bibtex, "ris": as_ris}
)

_TEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\textbraceleft{}",  # BibTeX counts braces, escaped ones too
        "}": r"\textbraceright{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{letter: f"\\{letter}" for letter in "&%$#_"},
    }
)
_URL = str.maketrans({"\\": "%5C", "{": "%7B", "}": "%7D"})  # an address is taken as it is, but for these


def _tex(text: str) -> str:
    return text.translate(_TEX)


def _line(text: str) -> str:
    return " ".join(text.split())


def _parts(day: Any) -> dict[str, Any] | None:  # noqa: ANN401 - a date or None
    return {"date-parts": [[day.year, day.month, day.day]]} if day else None


def _day(item: Mapping[str, Any], key: str) -> tuple[int, int, int] | None:
    return tuple(item[key]["date-parts"][0]) if key in item else None


def _note(article: Article) -> str:
    if article.published is None:
        when = f"تاریخ نامعلوم ({_line(article.published_text)})" if article.published_text else "تاریخ نامعلوم"
    else:
        when = jalali_long(article.published, with_time=article.has_time)
    return when if article.id is None else f"{when} · کد خبر {article.id}"
