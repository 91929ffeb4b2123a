"""Mehr News Agency."""

from __future__ import annotations

from datetime import timedelta

from scrapers.platforms.nastooh import Nastooh

MEHR = Nastooh(
    key="mehr",
    name="خبرگزاری مهر",
    home="https://www.mehrnews.com/",
    hosts=("mehrnews.com",),
    rights="All Content by Mehr News Agency is licensed "
    "under a Creative Commons Attribution 4.0 International License.",
    every=timedelta(minutes=5),
)
