"""ISNA, the students' news agency: a sister of IRNA with a heading and a date line of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from scrapers.platforms.nastooh import Nastooh


@dataclass(frozen=True, kw_only=True)
class Isna(Nastooh):
    """As its pages stood in 2017."""

    printed: ClassVar[tuple[str, ...]] = (".meta-news .text-meta", *Nastooh.printed)
    topics: ClassVar[str] = f".meta-news [itemprop=articleSection], {Nastooh.topics}"


ISNA = Isna(
    key="isna",
    name="خبرگزاری ایسنا",
    home="https://www.isna.ir/",
    hosts=("isna.ir",),
    watched=False,
    confidence="A",
)
