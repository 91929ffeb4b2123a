"""What the demo's sites publish: the seed documents, our own articles, and as many plain ones as asked for."""

from __future__ import annotations

import json
import random
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from didban.article import Article
from didban.dates import parse_iso, to_persian_digits

_ZWNJ = "\N{ZERO WIDTH NON-JOINER}"
_PLACES = ("نورآباد", "ازنا", "الشتر", "کوهدشت", "پلدختر", "الیگودرز", "دورود", "بروجرد", "رومشکان", "معمولان", "چگنی")
_FRUITS = ("انار", "انجیر", "گردو", "هندوانه", "زردآلو", "سیب", "انگور")
_OFFICIALS = (
    "فرماندار",
    "بخشدار",
    "شهردار",
    "مدیر جهاد کشاورزی",
    "رئیس اداره راه",
    "مدیر آب و فاضلاب",
    "رئیس شبکه بهداشت",
)
_WORKS = (
    "پل",
    "مدرسه",
    "درمانگاه",
    "جاده روستایی",
    "سالن ورزشی",
    "مخزن آب",
    "کتابخانه",
    "بازارچه",
    "گلخانه",
    "نانوایی",
)
_FATES = (
    "از نو ساخته شد",
    "گشایش یافت",
    f"نیمه{_ZWNJ}کاره ماند",
    f"تا پایان سال آماده می{_ZWNJ}شود",
    "به مردم سپرده شد",
    "پس از تعمیر باز شد",
)
_ASIDES = (
    "{official} {place} گفت: ساخت این {work} {number} روز زمان برد.",
    "به گفته {official} {place}، {number} نفر در این کار همراه بودند.",
    "اهالی {place} {number} ماه چشم به راه این {work} بودند.",
    "{official} {place} از {number} نیکوکار برای کمک به این {work} سپاسگزاری کرد.",
    "{number} کیلومتر دورتر، در {place} نیز {work} دیگری در دست ساخت است.",
    "این {work} در {place} {number} میلیارد ریال هزینه داشت.",
)
_FIRST_FREE_ID = {"irna": 86_300_001, "mehr": 6_990_001, "ostan_lr": 9_501}

SECTION: Final = MappingProxyType(
    dict.fromkeys(("irna", "mehr"), f"استان{_ZWNJ}ها > لرستان") | {"ostan_lr": "اخبار استانداری"}
)
"""Where each site puts news of the province; the portal has one category."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """An article as its site publishes it: the article, and what only its markup shows.

    `kind` is the class of its list item (news, talk, video); `topic` the English path of its section; `old` marks an item
    moved from an older system, whose text is bare and has no paragraphs.
    """

    article: Article
    slug: str
    kind: str = "news"
    topic: str = "Provinces/Lorestan"
    old: bool = False

    @property
    def published(self) -> datetime:
        """When it was published; every piece has a date."""
        if self.article.published is None:
            raise ValueError(f"{self.article.title} has no date")
        return self.article.published


@cache
def opening() -> tuple[Piece, ...]:
    """What the sites hold when they start, oldest first: the seeds and the articles of articles.toml."""
    return tuple(sorted((*_seeds(), *map(_piece, _written()["article"])), key=lambda piece: piece.published))


def matching(now: datetime, number: int) -> Piece:
    """The article published as number `number` (from 0) while a site runs: the written ones, then endless like ones.

    Each matches a default rule, most of them counter-offices; the first is urgent for Lorestan.
    """
    written = _written()["next"]
    if number < len(written):
        return _piece({**written[number], "published": now})
    place = _PLACES[number % len(_PLACES)]
    shown = to_persian_digits(str(number))
    return _made(
        ("irna", "mehr", "ostan_lr")[number % 3],
        500 + number,
        now,
        title=f"دفتر پیشخوان دولت شماره {shown} در {place} آغاز به کار کرد",
        lead=f"فرماندار {place} گفت: دفتر پیشخوان دولت شماره {shown} از امروز به مردم پاسخ می{_ZWNJ}دهد.",
        text=f"این دفتر {to_persian_digits(str(number + 3))} کارمند دارد و هر روز تا ساعت ۱۸ باز است.",
    )


def plain(source: str, now: datetime, number: int) -> Piece:
    """The `number`th (from 0) of any number of unlike articles that match no default rule."""
    place, fruit = _PLACES[number % len(_PLACES)], _FRUITS[number % len(_FRUITS)]
    tons = to_persian_digits(str(40 + number * 7))
    return _made(
        source,
        1_000 + number,
        now,
        title=f"{tons} تن {fruit} از باغ{_ZWNJ}های {place} برداشت شد",
        lead=f"باغداران {place} امسال {tons} تن {fruit} برداشت کردند.",
        text=f"برداشت {fruit} در {place} {to_persian_digits(str(number % 20 + 5))} روز زمان برد.\n"
        f"باغداران {place} بهای هر کیلو را منصفانه می{_ZWNJ}دانند.",
    )


def archived(source: str, when: datetime, number: int) -> Piece:
    """The `number`th (from 0) of any number of unlike articles of the past; every tenth matches a default rule."""
    pick = random.Random(f"{source} {number}")  # noqa: S311 - the same words for the same number, nothing secret

    def said(form: str) -> str:
        facts = {"official": pick.choice(_OFFICIALS), "place": pick.choice(_PLACES), "work": pick.choice(_WORKS)}
        return form.format(number=to_persian_digits(str(pick.randrange(2, 90))), **facts)

    sentences = [said(form) for form in pick.sample(_ASIDES, 4)]
    if number % 10 == 9:
        sentences.append(said("در کنار آن دفتر پیشخوان دولت {place} نیز پاسخگوی مردم است."))
    return _made(
        source,
        100_000 + number,
        when,
        title=f"{said('{work} {place}')} {pick.choice(_FATES)}؛ طرح {to_persian_digits(str(number + 1))}",
        lead=said("{official} {place} از پایان کار {number} {work} در این بخش خبر داد."),
        text="\n".join(sentences),
    )


def slug(title: str) -> str:
    """A title as Nastooh puts it in an address: its words joined by hyphens."""
    return "-".join(re.findall(r"\w+", title))


# ── the seeds ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _seeds() -> Iterator[Piece]:
    """The five documents where they would stand on their sites. Those that name no date or id get plausible ones."""
    for name, source, id_, published in (
        ("000_9c3b9b8e17b0aa42", "irna", "83510372", "1398-07-17T13:06"),
        ("001_185fa05473335897", "irna", "83061204", "1397-07-18T11:48"),
        ("002_ff8e5a8b238c0693", "mehr", "1326881", "1390-03-11T17:54"),
        ("003_e8b8ceeed59803e3", "ostan_lr", "4821", "1398-09-12T11:11:22"),
        ("004_02353fafcb2af62c", "mehr", "2207413", "1392-10-17T13:05"),
    ):
        document = files("demo").joinpath("seeds", f"{name}.txt").read_text(encoding="utf-8")
        said = _SHAPES[source](document)
        if "خوزستان" in said["title"]:
            said |= {"section": f"استان{_ZWNJ}ها > خوزستان", "topic": "Provinces/Khuzestan"}
        piece = _piece({"source": source, "id": id_, "published": published, **said})
        yield replace(piece, old=source == "irna")


def _irna(document: str) -> dict[str, Any]:
    said = {key: value.strip() for key, value in json.loads(document).items()}
    text, code = said["text"][:-9], said["text"][-9:]  # a staff code, `3210/7273`, is glued to the text
    return {"title": said["titr"], "lead": said["describe"], "text": [text], "codes": [code], "tags": ["پست"]}


def _mehr(document: str) -> dict[str, Any]:
    lines = document.split("کد خبر", maxsplit=1)[0].split("\n")
    _date, kicker, title, *rest = filter(None, lines)
    lead, *text = (line for line in rest if line != title)
    return {"kicker": kicker, "title": title, "lead": lead, "text": text, "tags": ["لرستان", "دفاتر پیشخوان"]}


def _portal(document: str) -> dict[str, Any]:
    title, _on, lead, *text = filter(None, document.split("کلیه حقوق", maxsplit=1)[0].split("\n"))
    return {"title": title.strip(), "lead": lead, "text": text, "slug": "hazf-kaghaz-mokatebat"}


_SHAPES = MappingProxyType({"irna": _irna, "mehr": _mehr, "ostan_lr": _portal})


# ── our own ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def _written() -> dict[str, list[dict[str, Any]]]:
    text = files("demo").joinpath("articles.toml").read_text(encoding="utf-8")
    return tomllib.loads(text.replace("¬", _ZWNJ))


def _piece(said: dict[str, Any]) -> Piece:
    published = said["published"]
    article = Article(
        source=said["source"],
        id=said["id"],
        kicker=said.get("kicker", ""),
        title=said["title"],
        lead=said["lead"],
        text="\n".join(said["text"]),
        published=published if isinstance(published, datetime) else parse_iso(published),
        has_time=True,
        section=said.get("section", SECTION[said["source"]]),
        tags=tuple(said.get("tags", ())),
        codes=tuple(said.get("codes", ())),
    )
    markup = {key: said[key] for key in ("kind", "topic") if key in said}
    return Piece(article=article, slug=said.get("slug") or slug(article.title), **markup)


def _made(source: str, offset: int, now: datetime, *, title: str, lead: str, text: str) -> Piece:
    article = Article(
        source=source,
        id=str(_FIRST_FREE_ID[source] + offset),
        title=title,
        lead=lead,
        text=text,
        published=now,
        has_time=True,
        section=SECTION[source],
    )
    return Piece(article=article, slug=f"khabar-{offset}" if source == "ostan_lr" else slug(title))
