"""The 31 provinces, and which of them an article is from: its section, else its dateline, else the portal's own.

«تهران - ایرنا -» is where the bureau sits, not what the news is about: it gives None. So does a place the table leaves
out, as it does names that two provinces share (رودبار, نورآباد), that are abroad too (قدس, میامی) or are common words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile

from didban.text import squash


@dataclass(frozen=True, slots=True)
class Province:
    """`slug` is ours and never changes; `iso` is ISO 3166-2:IR as renumbered in 2020 (`IR-15`).

    `code` ends the key of the province's portal as a source, `ostan_lr`: what follows `ostan-` in the portal's domain,
    else the slug.
    """

    slug: str
    name: str
    iso: str
    code: str


PROVINCES: tuple[Province, ...] = (
    Province("markazi", "مرکزی", "IR-00", "mr"),
    Province("gilan", "گیلان", "IR-01", "gilan"),
    Province("mazandaran", "مازندران", "IR-02", "mz"),
    Province("east-azerbaijan", "آذربایجان شرقی", "IR-03", "as"),
    Province("west-azerbaijan", "آذربایجان غربی", "IR-04", "ag"),
    Province("kermanshah", "کرمانشاه", "IR-05", "ks"),
    Province("khuzestan", "خوزستان", "IR-06", "khz"),
    Province("fars", "فارس", "IR-07", "fars"),
    Province("kerman", "کرمان", "IR-08", "kerman"),
    Province("razavi-khorasan", "خراسان رضوی", "IR-09", "razavi_khorasan"),
    Province("isfahan", "اصفهان", "IR-10", "es"),
    Province("sistan-baluchestan", "سیستان و بلوچستان", "IR-11", "sistan_baluchestan"),
    Province("kurdistan", "کردستان", "IR-12", "kd"),
    Province("hamadan", "همدان", "IR-13", "hm"),
    Province("chaharmahal-bakhtiari", "چهارمحال و بختیاری", "IR-14", "cb"),
    Province("lorestan", "لرستان", "IR-15", "lr"),
    Province("ilam", "ایلام", "IR-16", "ilam"),
    Province("kohgiluyeh-boyer-ahmad", "کهگیلویه و بویراحمد", "IR-17", "kb"),
    Province("bushehr", "بوشهر", "IR-18", "bushehr"),
    Province("zanjan", "زنجان", "IR-19", "zanjan"),
    Province("semnan", "سمنان", "IR-20", "sm"),
    Province("yazd", "یزد", "IR-21", "yz"),
    Province("hormozgan", "هرمزگان", "IR-22", "hormozgan"),
    Province("tehran", "تهران", "IR-23", "th"),
    Province("ardabil", "اردبیل", "IR-24", "ar"),
    Province("qom", "قم", "IR-25", "qom"),
    Province("qazvin", "قزوین", "IR-26", "qazvin"),
    Province("golestan", "گلستان", "IR-27", "golestan"),
    Province("north-khorasan", "خراسان شمالی", "IR-28", "north_khorasan"),
    Province("south-khorasan", "خراسان جنوبی", "IR-29", "south_khorasan"),
    Province("alborz", "البرز", "IR-30", "alborz"),
)

_PLACES = {
    "markazi": "اراک، ساوه، خمین، محلات، دلیجان، شازند، زرندیه، تفرش، آشتیان، کمیجان، خنداب، فراهان، مأمونیه",
    "gilan": "رشت، بندر انزلی، انزلی، لاهیجان، لنگرود، رودسر، آستارا، تالش، صومعه سرا، فومن، شفت، ماسال، رضوانشهر، "
    "سیاهکل، املش، آستانه اشرفیه، خمام، منجیل",
    "mazandaran": "ساری، بابل، آمل، قائمشهر، بهشهر، تنکابن، رامسر، نوشهر، چالوس، نکا، بابلسر، جویبار، نور، "
    "فریدونکنار، سوادکوه، میاندورود، کلاردشت، سیمرغ، سوادکوه شمالی",
    "east-azerbaijan": "تبریز، مراغه، مرند، میانه، اهر، بناب، سراب، شبستر، آذرشهر، عجب شیر، ملکان، هشترود، هریس، "
    "جلفا، کلیبر، ورزقان، بستان آباد، اسکو، چاراویماق، خداآفرین، هوراند، سهند",
    "west-azerbaijan": "ارومیه، خوی، مهاباد، میاندوآب، بوکان، سلماس، پیرانشهر، نقده، ماکو، سردشت، اشنویه، شاهین دژ، "
    "تکاب، چالدران، پلدشت، شوط، چایپاره، چهاربرج، باروق",
    "kermanshah": "کرمانشاه، اسلام آباد غرب، سنقر، کنگاور، هرسین، جوانرود، پاوه، سرپل ذهاب، قصر شیرین، گیلانغرب، "
    "روانسر، ثلاث باباجانی، دالاهو",
    "khuzestan": "اهواز، آبادان، خرمشهر، دزفول، اندیمشک، بهبهان، ماهشهر، بندر ماهشهر، شوشتر، شوش، شادگان، "
    "مسجدسلیمان، رامهرمز، ایذه، باغملک، امیدیه، هندیجان، دشت آزادگان، سوسنگرد، هویزه، حمیدیه، باوی، کارون، گتوند، "
    "لالی، اندیکا، رامشیر، هفتکل، آغاجاری، دزپارت، صیدون، بندر امام خمینی",
    "fars": "شیراز، مرودشت، کازرون، جهرم، فسا، لار، لارستان، داراب، آباده، اقلید، نی ریز، استهبان، لامرد، "
    "سپیدان، نورآباد ممسنی، ممسنی، سروستان، خرامه، ارسنجان، بوانات، خرم بید، صفاشهر، پاسارگاد، زرین دشت، "
    "قیر و کارزین، فراشبند، گراش، خنج، اوز، کوار، زرقان، بیضا، خفر، سرچهان، کوه چنار، بختگان، جویم",
    "kerman": "کرمان، رفسنجان، سیرجان، جیرفت، بم، زرند، بردسیر، بافت، شهربابک، کهنوج، عنبرآباد، منوجان، "
    "قلعه گنج، رودبار جنوب، راور، کوهبنان، انار، رابر، ارزوئیه، نرماشیر، فهرج، ریگان، فاریاب، جازموریان",
    "razavi-khorasan": "مشهد، نیشابور، سبزوار، تربت حیدریه، تربت جام، قوچان، کاشمر، گناباد، تایباد، سرخس، چناران، "
    "فریمان، درگز، خواف، بردسکن، طرقبه شاندیز، کلات، رشتخوار، مه ولات، بجستان، باخرز، زاوه، جغتای، جوین، خوشاب، "
    "داورزن، فیروزه، بینالود، ششتمد، کوهسرخ، گلبهار، میان جلگه",
    "isfahan": "اصفهان، کاشان، خمینی شهر، نجف آباد، شاهین شهر، شاهین شهر و میمه، فولادشهر، لنجان، زرین شهر، مبارکه، "
    "فلاورجان، شهرضا، گلپایگان، خوانسار، آران و بیدگل، نائین، اردستان، نطنز، سمیرم، فریدن، داران، فریدونشهر، "
    "چادگان، تیران و کرون، برخوار، دهاقان، خور و بیابانک، بویین میاندشت، هرند، کوهپایه، ورزنه، جرقویه",
    "sistan-baluchestan": "زاهدان، زابل، چابهار، ایرانشهر، سراوان، خاش، نیکشهر، کنارک، راسک، زهک، هیرمند، "
    "هامون، میرجاوه، دلگان، سیب و سوران، مهرستان، فنوج، قصرقند، بمپور، تفتان، دشتیاری، لاشار، زرآباد",
    "kurdistan": "سنندج، سقز، مریوان، بانه، بیجار، قروه، کامیاران، دیواندره، دهگلان، سروآباد",
    "hamadan": "همدان، ملایر، نهاوند، تویسرکان، اسدآباد، کبودراهنگ، بهار، رزن، فامنین، درگزین",
    "chaharmahal-bakhtiari": "شهرکرد، بروجن، فارسان، لردگان، اردل، کوهرنگ، چلگرد، کیار، خانمیرزا، فلارد، فرخ شهر، "
    "گندمان",
    "lorestan": "خرم آباد، بروجرد، دورود، الیگودرز، کوهدشت، ازنا، دلفان، الشتر، پلدختر، معمولان، چگنی، رومشکان",
    "ilam": "ایلام، دهلران، مهران، آبدانان، دره شهر، ایوان، ایوان غرب، ملکشاهی، سیروان، چرداول، سرابله، بدره، "
    "هلیلان، چوار",
    "kohgiluyeh-boyer-ahmad": "یاسوج، گچساران، دوگنبدان، دهدشت، کهگیلویه، بویراحمد، باشت، دنا، سی سخت، چرام، بهمئی، "
    "لنده، مارگون، لیکک",
    "bushehr": "بوشهر، برازجان، دشتستان، گناوه، بندر گناوه، کنگان، بندر کنگان، عسلویه، بندر دیر، دیلم، بندر دیلم، "
    "تنگستان، اهرم، دشتی، خورموج، خارگ، جزیره خارگ",
    "zanjan": "زنجان، ابهر، خرمدره، خدابنده، قیدار، ماهنشان، طارم، ایجرود، سلطانیه",
    "semnan": "سمنان، شاهرود، دامغان، گرمسار، مهدی شهر، سرخه، آرادان",
    "yazd": "یزد، میبد، اردکان، بافق، ابرکوه، تفت، مهریز، اشکذر، بهاباد، مروست، زارچ",
    "hormozgan": "بندرعباس، میناب، قشم، کیش، جزیره کیش، بندر لنگه، رودان، بستک، جاسک، بندر جاسک، سیریک، "
    "بشاگرد، پارسیان، بندر خمیر، ابوموسی",
    "tehran": "تهران بزرگ، ری، شهرری، شمیرانات، شهریار، ورامین، اسلامشهر، پاکدشت، رباط کریم، "
    "ملارد، شهر قدس، دماوند، فیروزکوه، قرچک، پیشوا، پرند",
    "ardabil": "اردبیل، مشگین شهر، مشکین شهر، پارس آباد، خلخال، گرمی، بیله سوار، نمین، نیر، سرعین، اصلاندوز، انگوت",
    "qom": "قم، سلفچگان",
    "qazvin": "قزوین، تاکستان، بوئین زهرا، آبیک، آوج، محمدیه",
    "golestan": "گرگان، گنبدکاووس، گنبد، علی آباد کتول، آق قلا، بندر ترکمن، کردکوی، بندر گز، مینودشت، "
    "آزادشهر، رامیان، کلاله، مراوه تپه، گالیکش، گمیشان",
    "north-khorasan": "بجنورد، شیروان، اسفراین، آشخانه، مانه و سملقان، مانه، سملقان، جاجرم، گرمه، فاروج، راز و جرگلان",
    "south-khorasan": "بیرجند، قائن، قائنات، فردوس، طبس، نهبندان، سربیشه، سرایان، بشرویه، خوسف، زیرکوه",
    "alborz": "کرج، ساوجبلاغ، هشتگرد، نظرآباد، طالقان، اشتهارد، فردیس",
}
"""Counties and the towns that news is dated from. Every name stands once."""

_BY_NAME = {squash(key): province for province in PROVINCES for key in (province.name, province.slug)}
_BY_CODE = {province.code: province for province in PROVINCES}
_NO_DATELINE = frozenset({"مرکزی", "فارس", "البرز", "گلستان", "کردستان"})  # words, counties or countries besides
_PLACE: dict[str, str | None] = {
    **{squash(it.name): it.slug for it in PROVINCES if it.name not in _NO_DATELINE},
    **{squash(name): slug for slug, names in _PLACES.items() for name in names.split("، ")},
    squash("تهران"): None,
}

_LEVELS = re.compile(r"[>›»/]")
_DASH = re.compile(r"\s*[-–—−]+\s*|\s+ـ+\s+")


def by_name(text: str) -> Province | None:
    """The province of that name, with or without «استان», whatever its letters and spaces; or of that slug."""
    name = squash(text)
    return _BY_NAME.get(name) or _BY_NAME.get(name.removeprefix("استان"))


def of_portal(source: str) -> Province | None:
    """The province whose portal a source is: `ostan_lr` is Lorestan's. None for any other source."""
    return _BY_CODE.get(source.removeprefix("ostan_")) if source.startswith("ostan_") else None


def from_section(section: str | None) -> str | None:
    """The slug a section names: «استان‌ها > لرستان» or «لرستان»; below «استان‌ها» a town too (IRNA has کاشان and کیش)."""
    levels = _LEVELS.split(section or "")
    provincial = any(squash(level) == "استانها" for level in levels)
    for level in reversed(levels):
        if province := by_name(level):
            return province.slug
        if provincial and (slug := _PLACE.get(squash(level))) is not None:
            return slug
    return None


def from_dateline(lead: str) -> str | None:
    """The slug of the place that opens a lead: «خرم آباد - ایرنا - …», «خرم‌آباد- مدیرکل …».

    None without a dateline, for the Tehran bureau, and where the opening is a road or a match («قم - تهران …»).
    """
    parts = _DASH.split(lead.strip()[:120], maxsplit=3)
    opening = list(takewhile(_PLACE.__contains__, map(squash, parts[:-1])))
    slugs = {_PLACE[place] for place in opening}
    after = parts[len(opening)].split()[:3]
    if len(slugs) != 1 or any(squash("".join(after[:n])) in _PLACE for n in (1, 2, 3)):
        return None
    return slugs.pop()


def resolve(section: str | None, lead: str, own: str | None = None) -> str | None:
    """An article's province: what its section says, else its dateline, else `own`, the portal's."""
    return from_section(section) or from_dateline(lead) or own
