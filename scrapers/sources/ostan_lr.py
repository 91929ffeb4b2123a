"""The portal of the governorate of Lorestan: Joomla under a Warp 6 theme, as its one known article shows.

Its news path was never seen; `news` is the one line to change when `didban sources check` says that it is another.
"""

from __future__ import annotations

from scrapers.platforms.joomla import Joomla

OSTAN_LR = Joomla(
    key="ostan_lr",
    name="استانداری لرستان",
    home="https://ostan-lr.ir/",
    hosts=("ostan-lr.ir",),
    news="index.php/fa/news",
    province="lorestan",
    confidence="M",
    note="Joomla under Warp, by one article of 2019; its listings were never seen.",
    credit="استانداری لرستان (ostan-lr.ir)",
    rights="کلیه حقوق این سایت متعلق به استانداری لرستان "
    "می باشد. استفاده از مطالب این سایت با ذکر منبع بلامانع می باشد.",
)
