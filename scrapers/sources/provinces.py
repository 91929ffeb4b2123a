"""The portals of the 31 governorates, one row each: what is on record of them, and how sure it is.

Domains drift (`.gov.ir` and `.ir`, new names beside old ones): a row names the domain, then its aliases; a redirect may go
to either. Nobody has seen these portals live for us, so none is watched unless the operator names it, and where no engine
is on record the pages themselves show it. A province without a domain that anybody confirms has none here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from didban.provinces import PROVINCES
from scrapers.base import Confidence, Site
from scrapers.platforms.generic import Generic
from scrapers.platforms.wordpress import WordPress
from scrapers.sources.ostan_lr import OSTAN_LR

_BY_SLUG = {province.slug: province for province in PROVINCES}
_ASPX = "ASP.NET by its redirects; no listing on record."


def _portal(
    slug: str,
    hosts: Sequence[str],
    confidence: Confidence,
    note: str = "",
    *,
    home: str | None = None,
    platform: type[Generic] = Generic,
    selectors: Mapping[str, Sequence[str]] | None = None,
    **places: Any,  # noqa: ANN401 - the platform's own fields
) -> Generic:
    province = _BY_SLUG[slug]
    default = f"https://{hosts[0]}/" if hosts else ""
    return (platform.styled(selectors) if selectors else platform)(
        key=f"ostan_{province.code}",
        name=f"استانداری {province.name}",
        home=default if home is None else home,
        hosts=tuple(hosts),
        province=slug,
        every=timedelta(minutes=30),
        watched=False,
        confidence=confidence,
        note=note,
        **places,
    )


PORTALS: tuple[Site, ...] = (
    _portal("markazi", ["ostan-mr.ir"], "H"),
    _portal("gilan", ["gilan.ir"], "M"),
    _portal(
        "mazandaran",
        ["ostan-mz.ir"],
        "H",
        "A vendor's system; the selectors of its articles are on record, that of their date is not.",
        selectors={
            "root": ["article.blog-post"],
            "kicker": ["p.pre-title"],
            "title": ["h1"],
            "lead": ["div.summery p"],  # spelled so on the site
            "body": ["div.content-news"],
        },
    ),
    _portal("east-azerbaijan", ["ostan-as.gov.ir"], "H", "One list also names ostan-as.ir."),
    _portal("west-azerbaijan", ["ostan-ag.gov.ir"], "H"),
    _portal("kermanshah", ["ostan-ks.ir"], "M", "kermanshah.ir is on a list too; whose it is, is not shown."),
    _portal("khuzestan", ["ostan-khz.ir", "ostan-kz.ir"], "H", "ostan-kz.ir seems to be the older name."),
    _portal("fars", ["farsp.ir"], "M"),
    _portal(
        "kerman",
        [],
        "",
        "No domain is confirmed. kerman.ir and ostan-km.ir are on lists that do not show whose they are.",
    ),
    _portal(
        "razavi-khorasan",
        ["khorasan.ir"],
        "H",
        "As of 2018 khorasan.ir leads to this address (IIS).",
        home="http://www.ostandari.khorasan.ir/",
    ),
    _portal(
        "isfahan",
        ["ostan-es.ir"],
        "H",
        "WordPress; addresses and selectors as of January 2025.",
        platform=WordPress,
        identifier=r"^https?://[^/]+/(\d+)(?:/|$)",
        selectors={
            "root": [".singlee2"],
            "title": ["h1"],
            "lead": [".the-content-post > div:nth-child(3) > strong"],
            "body": [".the-content"],
            "section": ["#breadcrumbs a"],
            "tags": [".tags a"],
        },
    ),
    _portal("sistan-baluchestan", ["sb-ostan.ir"], "M"),
    _portal("kurdistan", ["ostan-kd.ir"], "H"),
    _portal("hamadan", ["ostan-hm.ir"], "M"),
    _portal("chaharmahal-bakhtiari", ["ostan-cb.ir"], "M"),
    OSTAN_LR,
    _portal("ilam", ["portal-il.ir"], "M"),
    _portal("kohgiluyeh-boyer-ahmad", ["ostan-kb.ir"], "M"),
    _portal("bushehr", ["ostb.ir"], "M", "The province is known by elimination."),
    _portal("zanjan", ["ostandari-zn.ir"], "M", "zanjan.ir is the municipality's."),
    _portal("semnan", ["ostan-sm.ir"], "M"),
    _portal("yazd", ["ostan-yz.ir", "ostanyazd.ir"], "H"),
    _portal("hormozgan", ["hormozgan.ir"], "M"),
    _portal("tehran", ["ostan-th.ir"], "H", _ASPX, home="http://www.ostan-th.ir/"),
    _portal("ardabil", ["ostan-ar.ir"], "M"),
    _portal("qom", ["ostan-qom.ir", "ghom.ir"], "H", "ASP.NET in old addresses; ghom.ir is the older name."),
    _portal("qazvin", ["qazvin.gov.ir"], "M", "qazvin.ir looks like the municipality's."),
    _portal("golestan", ["golestanp.ir"], "H"),
    _portal(
        "north-khorasan",
        ["nkhorasan.ir"],
        "H",
        "ASP.NET; the number and the date of an article are as on a page of 2020.",
        identifier=r"[?&]ContentId=(\d+)",
    ),
    _portal("south-khorasan", ["sko.ir"], "M"),
    _portal("alborz", ["alborz.ir"], "M"),
)
"""In the order of their ISO codes. A `home` with http:// was seen so; of the others nobody has said, and https is tried first."""
