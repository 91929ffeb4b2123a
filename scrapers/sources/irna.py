"""IRNA, the state news agency. It walls plain clients off from its pages at times; its feed stays open."""

from __future__ import annotations

from datetime import timedelta

from scrapers.platforms.nastooh import Nastooh

IRNA = Nastooh(
    key="irna",
    name="خبرگزاری ایرنا",
    home="https://www.irna.ir/",
    hosts=("irna.ir",),
    every=timedelta(minutes=5),  # some 310 articles a day, 585 at most, through a feed of 30
)
