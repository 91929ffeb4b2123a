"""IRNA, the state news agency. It walls plain clients off from its pages at times; its feed and sitemaps stay open."""

from __future__ import annotations

from datetime import date, timedelta

from didban.health import Expects
from scrapers.platforms.nastooh import Nastooh

_TOPICS = {
    "world": 1, "politics": 5, "sport": 14, "economy": 20, "society": 32, "culture": 41, "photo": 51, "science": 808,
    "provinces": 1000,
    "tehran": 1002, "isfahan": 1003, "east-azerbaijan": 1004, "west-azerbaijan": 1006, "ardabil": 1012, "ilam": 1013,
    "bushehr": 1014, "chaharmahal-bakhtiari": 1015, "south-khorasan": 1016, "north-khorasan": 1017,
    "razavi-khorasan": 1018, "khuzestan": 1019, "zanjan": 1020, "semnan": 1021, "sistan-baluchestan": 1022,
    "fars": 1023, "qazvin": 1024, "qom": 1025, "kurdistan": 1026, "kerman": 1027, "kermanshah": 1028,
    "kohgiluyeh-boyer-ahmad": 1029, "golestan": 1030, "gilan": 1031, "lorestan": 1032, "mazandaran": 1033,
    "hormozgan": 1035, "hamadan": 1036, "yazd": 1037, "markazi": 1038, "alborz": 1041,
}  # fmt: skip

IRNA = Nastooh(
    key="irna",
    name="خبرگزاری ایرنا",
    home="https://www.irna.ir/",
    hosts=("irna.ir",),
    confidence="A",
    archive_from=date(2011, 3, 21),  # 1 Farvardin 1390: its listings by day have been read so far back
    every=timedelta(minutes=5),  # some 310 articles a day, 585 at most, through a feed of 30
    expects=Expects(
        working=300, resting=120, silence=timedelta(hours=6), fields=("title", "lead", "text", "published", "id")
    ),
    tp=_TOPICS,
)
