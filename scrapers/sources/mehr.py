"""Mehr News Agency."""

from __future__ import annotations

from datetime import date, timedelta

from didban.health import Expects
from scrapers.platforms.nastooh import Nastooh

_TOPICS = {
    "society": 6, "politics": 7, "world": 8, "sport": 9, "economy": 25, "health": 550, "markets": 653,
}  # fmt: skip

MEHR = Nastooh(
    key="mehr",
    name="خبرگزاری مهر",
    home="https://www.mehrnews.com/",
    hosts=("mehrnews.com",),
    confidence="A",
    archive_from=date(2011, 3, 21),  # 1 Farvardin 1390: its listings by day have been read so far back
    rights="All Content by Mehr News Agency is licensed "
    "under a Creative Commons Attribution 4.0 International License.",
    credit="Mehr News Agency (mehrnews.com), CC BY 4.0",
    every=timedelta(minutes=5),
    expects=Expects(
        working=300, resting=120, silence=timedelta(hours=6), fields=("title", "lead", "text", "published", "id")
    ),
    tp=_TOPICS,
)
