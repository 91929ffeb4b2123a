"""Hamshahri, Tehran's municipal newspaper: its archive is on record, its articles are not."""

from __future__ import annotations

from scrapers.platforms.nastooh import Nastooh

HAMSHAHRI = Nastooh(
    key="hamshahri",
    name="همشهری آنلاین",
    home="https://www.hamshahrionline.ir/",
    hosts=("hamshahrionline.ir",),
    tp={"provinces": 746, "lorestan": 607},
    watched=False,
    confidence="A",
)
