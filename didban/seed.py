"""Article ⇄ seed document, in its three shapes.

    json      {"onTitr","titr","describe","text"} on one line: IRNA's, and any article's of another source
    mehr      date · kicker · title, once or twice · lead with dateline · text · `کد خبر N` · the comment block
    portal    title · `on DATE.` or `on .` · lead · text · the copyright line

Text is verbatim inside and trimmed at its ends: never split where it is glued, never joined, never respaced; blank
lines only part paragraphs. What a seed does not say stays unsaid. A shape holds what it has room for: a portal loses
the time of day, and each the address. The lossless format is JSON lines.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Literal

from didban import provinces
from didban.article import Article
from didban.copies import content_key
from didban.dates import is_printed_date, jalali_long, jalali_short_latin, parse_printed
from didban.errors import DateError, SeedError
from didban.text import fold

Shape = Literal["json", "mehr", "portal"]

KEYS = ("onTitr", "titr", "describe", "text")
"""The keys of the json shape, in order: kicker, title, lead, text."""

_KNOWN = "a JSON object, a first line that is a Jalali date, or a second line `on .` or `on DATE.`"
_ON = re.compile(r"on +(?:(?P<date>[^.]+?) *)?\.")
_STAFF_CODE = re.compile(r"(?<!\d)\d{4}(?:/|\*\*)\d{4}$")
_COMMENTS = "نظر شما"
_KICKER_ENDS = (":", "؛", "/")

# Looked for in folded text: Arabic letters and joiners make no difference.
_ID = re.compile(r"کد خبر ?:? ?(\d+)")
_RIGHTS_OF = re.compile(r"سایت|پایگاه|پورتال|پرتال|تارنما|محفوظ|متعلق")
_DATELINE = {
    "irna": re.compile(r"[-–—] ?ایرنا ?[-–—:]"),
    "mehr": re.compile(r"خبرگزاری مهر ?[-–—:]"),
}
_REPORTED = {
    "irna": re.compile(r"به گزارش (?:خبرنگار |خبرگزاری )?ایرنا\b"),
    "mehr": re.compile(r"به گزارش (?:خبرنگار |خبرگزاری )?مهر\b"),
}
_GOVERNORATE = re.compile(r"(?:به گزارش روابط عمومی|کلیه حقوق .*) استانداری (\w+(?: \w+){0,3})")


@dataclass(frozen=True, slots=True)
class SeedRead:
    """A seed, read: its article (never fetched, complete, rights unknown), its shape, and what was odd about it."""

    article: Article
    shape: Shape
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Draft:
    article: Article
    footer: str = ""
    warnings: tuple[str, ...] = ()


def read(data: bytes, *, source: str | None = None, name: str = "") -> SeedRead:
    """The article of a seed document. `source` wins over what the document says; `name` opens each complaint.

    Raises SeedError: empty, no UTF-8, none of the three shapes, damaged, dated impossibly, or of a source unnamed.
    """
    try:
        return _read(data, source)
    except (SeedError, DateError) as error:
        raise SeedError(f"{name}: {error}" if name else str(error)) from None


def write(article: Article) -> bytes:
    """The seed document of an article, in the shape of its source; json also for one of Mehr's without a date."""
    shape = shape_of(article.source)
    text = article.text + "".join(article.codes)
    if shape == "json" or (shape == "mehr" and article.published is None):
        values = (article.kicker, article.title, article.lead, text)
        return json.dumps(dict(zip(KEYS, values, strict=True)), ensure_ascii=False).encode()
    kicker, title, lead = (" ".join(part.split("\n")) for part in (article.kicker, article.title, article.lead))
    if shape == "mehr" and article.published is not None:
        head = [jalali_long(article.published, with_time=article.has_time), kicker, title]
    else:
        head = [title, f"on {jalali_short_latin(article.published)}." if article.published else "on ."]
    code = "" if article.id is None else f"کد خبر {article.id}"
    return ("\n\n".join(filter(None, [*head, lead, *text.split("\n"), code])) + "\n").encode()


def shape_of(source: str) -> Shape:
    """The shape a source's articles are written in: portals' keys begin with `ostan_`."""
    if source.startswith("ostan_"):
        return "portal"
    return "mehr" if source == "mehr" else "json"


def file_name(article: Article) -> str:
    """`SOURCE-ID.txt`; for a missing id, or one that no file can be named by, 16 digits of the content's hash."""
    source = re.sub(r"[^\w.-]", "_", article.source)
    if article.id is not None and re.fullmatch(r"[\w.-]{1,80}", article.id):
        return f"{source}-{article.id}.txt"
    return f"{source}-{content_key(article.title, article.text)[:16]}.txt"


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read(data: bytes, source: str | None) -> SeedRead:
    text = _decode(data)
    lines = _paragraphs(text)
    shape: Shape
    if text.lstrip().startswith("{"):
        shape, draft = "json", _json(text)
    elif is_printed_date(lines[0]):
        shape, draft = "mehr", _mehr(lines)
    elif len(lines) > 1 and _ON.fullmatch(lines[1]):
        shape, draft = "portal", _portal(lines)
    else:
        raise SeedError(f"is no seed document: looked for {_KNOWN}")
    article, warnings = draft.article, draft.warnings
    if found := _STAFF_CODE.search(article.text):
        article = replace(article, text=article.text[: found.start()].rstrip(), codes=(found[0],))
    if not article.text:
        warnings += ("has no text",)
    source = source or _source(shape, article, draft.footer)
    portal = provinces.of_portal(source)
    province = provinces.resolve(None, article.lead, portal.slug if portal else None)
    return SeedRead(replace(article, source=source, province=province), shape, warnings)


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SeedError("is UTF-16: save it as UTF-8")
    if b"\0" in data:
        raise SeedError(f"is binary: looked for {_KNOWN}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SeedError(f"is no UTF-8 text (byte {error.start}): looked for {_KNOWN}") from None
    if not text.strip():
        raise SeedError(f"is empty: looked for {_KNOWN}")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _paragraphs(text: str) -> list[str]:
    return [line for line in map(str.strip, text.split("\n")) if line]


def _json(text: str) -> _Draft:
    try:
        value = json.loads(text, strict=False, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise SeedError(f"is damaged JSON: {error}") from None
    if missing := [key for key in KEYS if key not in value]:
        raise SeedError(f"lacks the key {', '.join(map(repr, missing))}: a json seed has {', '.join(KEYS)}")
    kicker, title, lead, body = (_string(key, value[key]) for key in KEYS)
    if not title:
        raise SeedError("has no title: 'titr' is empty")
    article = Article(source="", kicker=kicker, title=title, lead=lead, text="\n".join(_paragraphs(body)))
    return _Draft(article, warnings=tuple(f"unknown key {key!r}" for key in value if key not in KEYS))


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise SeedError("has a key twice: which of the two is meant is not certain")
    return value


def _string(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise SeedError(f"{key!r} must be a string, not {type(value).__name__}")
    if re.search(r"[\x00\ud800-\udfff]", value):
        raise SeedError(f"{key!r} holds a NUL or half a character")
    return value.replace("\r\n", "\n").replace("\r", "\n").strip()


def _mehr(lines: list[str]) -> _Draft:
    date = parse_printed(lines[0])
    body = lines[1:]
    if _COMMENTS in body:
        body = body[: body.index(_COMMENTS)]
    body, code = _without_id(body)
    leads = [n for n in range(1, min(4, len(body))) if _has_dateline(body[n])]
    kicker, title, rest = _titled(body[: leads[0]], body[leads[0] :]) if leads else _headed(body)
    article = Article(
        source="",
        id=code,
        kicker=kicker,
        title=title,
        lead="".join(rest[:1]),
        text="\n".join(rest[1:]),
        published=date.moment,
        published_text=date.text,
        has_time=date.has_time,
    )
    return _Draft(article)


def _titled(head: list[str], rest: list[str]) -> tuple[str, str, list[str]]:
    match head:
        case [title]:
            return "", title, rest
        case [first, second]:
            return ("" if first == second else first), second, rest
        case [kicker, title, again] if title == again:
            return kicker, title, rest
    raise SeedError("has three lines between its date and its dateline: looked for kicker, title and the title again")


def _headed(body: list[str]) -> tuple[str, str, list[str]]:
    kicker = body[0] if len(body) > 1 and body[0].endswith(_KICKER_ENDS) else ""
    title, *rest = body[1:] if kicker else body or [""]
    if not title:
        raise SeedError("has no title: looked for it after the date")
    return kicker, title, rest[1:] if rest[:1] == [title] else rest


def _portal(lines: list[str]) -> _Draft:
    title, on, *body = lines
    footer = next((n for n in reversed(range(len(body))) if _is_rights(body[n], last=n == len(body) - 1)), len(body))
    kept, code = _without_id(body[:footer])
    article = Article(source="", id=code, title=title, lead="".join(kept[:1]), text="\n".join(kept[1:]))
    found = _ON.fullmatch(on)
    if found and found["date"]:
        date = parse_printed(found["date"])
        article = replace(article, published=date.moment, published_text=date.text, has_time=date.has_time)
    return _Draft(article, footer="".join(body[footer : footer + 1]))


def _is_rights(line: str, *, last: bool) -> bool:
    plain = fold(line)  # «کلیه حقوق کارکنان پرداخت شد» is news, unless the document ends with it
    return plain.startswith("کلیه حقوق ") and (last or _RIGHTS_OF.search(plain) is not None)


def _without_id(body: list[str]) -> tuple[list[str], str | None]:
    found = _ID.fullmatch(fold(body[-1])) if body else None
    return (body[:-1], str(found[1])) if found else (body, None)


def _has_dateline(line: str) -> bool:
    opening = fold(line[:100])
    named = any(pattern.search(opening) for pattern in _DATELINE.values())
    return named or provinces.from_dateline(line) is not None  # «خرم‌آباد- مدیرکل …»


def _source(shape: Shape, article: Article, footer: str) -> str:
    openings = [fold(article.lead), fold(article.text.partition("\n")[0])]
    if shape != "portal":  # whose news may well be another's: «به گزارش ایرنا»
        for source, pattern in _DATELINE.items():
            if pattern.search(openings[0][:100]):
                return source
        for source, pattern in _REPORTED.items():
            if any(map(pattern.match, openings)):
                return source
    for line in (*openings, fold(footer)):
        if found := _GOVERNORATE.match(line):
            words = found[1].split()
            for count in range(len(words), 0, -1):
                if province := provinces.by_name(" ".join(words[:count])):
                    return f"ostan_{province.code}"
    if shape == "json":
        return "irna"
    raise SeedError("names no source: looked for a dateline, an agency or a copyright line; give --source")
