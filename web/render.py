"""Values made into HTML: templates, dates and digits in Persian, evidence marked. Everything is escaped unless it is Markup."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from alerts.lines import Span, isolated, marked, printable
from alerts.message import state_name
from didban.alert import Match, Rule
from didban.article import Article
from didban.coverage import State
from didban.dates import jalali_iso, jalali_long, to_persian_digits
from didban.difference import Part
from didban.errors import RulesError
from didban.provinces import PROVINCES
from didban.share import bounds
from didban.text import sentences
from flows.calendar import PERSIAN
from flows.labels import FEW
from storage.labels import Count

_MARK: Final = ("\ue000", "\ue001")  # of the private use area: no text has them once `printable`
PRIORITIES: Final = {"urgent": "فوری", "normal": "عادی", "digest": "خلاصه"}
PROVINCE_NAMES: Final = {province.slug: province.name for province in PROVINCES}
TEXTS: Final = {"kicker": "روتیتر", "title": "تیتر", "lead": "لید", "text": "متن"}
QUERY_MISTAKES: Final = {
    "many": "واژه\u200cهای جست\u200cوجو بسیارند؛ چند تا را بردارید.",
    "nothing": "واژه\u200cای برای جستن نیست؛ دست\u200cکم یکی بنویسید.",
    "out": "تنها آنچه نباید باشد گفته شده است؛ واژه\u200cای هم بنویسید که باید باشد.",
    "field": "بی\u200cفاصله پس از نام بخش و دونقطه، واژه\u200cای بنویسید.",
    "open": "گیومه\u200cای باز مانده است؛ آن را ببندید.",
    "unopened": "گیومه\u200cای بسته شده که باز نشده بود.",
}
UNDATED: Final = "تاریخ نامعلوم"


def environment() -> Environment:
    """The templates, with what they may call."""
    made = Environment(
        loader=PackageLoader("web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= {
        "fa": number,
        "when": when,
        "moment": moment,
        "link": link,
        "plain": printable,
        "priority": lambda key: PRIORITIES.get(key, key),
        "province": lambda slug: PROVINCE_NAMES.get(slug, slug),
        "precision": precision,
        "conditions": conditions,
        "broken": broken,
        "query": lambda given: urlencode({name: value for name, value in given.items() if value not in (None, "")}),
    }
    return made


def number(value: float | str) -> str:
    """With Persian digits, in groups of three."""
    if isinstance(value, int | float):
        value = f"{value:,}".replace(",", "٬").replace(".", "٫")
    return to_persian_digits(value)


def when(article: Article) -> str:
    """When it was published, and where that is unknown, when we received it."""
    if article.published is not None:
        return jalali_long(article.published, with_time=article.has_time)
    received = f" (دریافت: {jalali_long(article.fetched, with_time=True)})" if article.fetched else ""
    return UNDATED + received


def moment(at: datetime | None) -> str:
    return jalali_long(at, with_time=True) if at else "—"


def day(at: datetime) -> str:
    return jalali_long(at, with_time=False)


def typed_day(at: datetime) -> str:
    """A day as people type it into a form: ۱۴۰۵/۰۸/۰۱."""
    return to_persian_digits((jalali_iso(at, with_time=False) or "").replace("-", "/"))


def precision(count: Count) -> str:
    """How relevant a rule's alerts were, and how sure that is."""
    if not count.labelled:
        return "هنوز کسی نگفته است که هشدارهایش مرتبط بود یا نبود."
    said = f"{number(count.relevant)} از {number(count.labelled)} هشدار مرتبط بود"
    if count.labelled < FEW:
        return f"{said}؛ برای درصد هنوز کم است."
    low, high = (number(round(100 * bound)) for bound in bounds(count.relevant, count.labelled))
    return f"{said}: با اطمینان ۹۵٪ میان {low}٪ و {high}٪."


def conditions(rule: Rule) -> list[str]:
    """What a rule asks for beside what its form shows."""
    said = [
        f"«{'» نزدیک «'.join(near.terms)}»، تا {number(near.within)} واژه".replace("|", "» یا «") for near in rule.near
    ]
    lists = (
        ("این\u200cها همه هم باشند", rule.all),
        ("تنها در", [TEXTS[name] for name in rule.fields]),
        ("تنها از منبع", rule.sources),
        ("تنها در سرویس", rule.sections),
        ("در استان خودی فوری است اگر در این\u200cها باشد", [TEXTS[name] for name in rule.urgent_at_home]),
    )
    said += [f"{what}: {'، '.join(names)}" for what, names in lists if names]
    return [*said, "درست همان\u200cگونه که نوشته شده، بی پسوند"] if rule.exact else said


def broken(error: RulesError) -> str:
    """Rules files that cannot be read, for who is to tell the operator: which file and line, no English."""
    place = f"پروندهٔ {isolated(error.path)}" if error.path else "پروندهٔ قاعده\u200cها"
    line = f"، سطر {number(error.line)}،" if error.line else ""
    return f"{place}{line} نادرست است. تا گرداننده درستش کند، قاعده\u200cهای پیشین در کارند و چیزی ذخیره نمی\u200cشود."


def link(url: str | None) -> str | None:
    """An address that may be followed, or None: a page's own could be `javascript:`."""
    try:
        return url if url and urlsplit(url).scheme in {"http", "https"} else None
    except ValueError:  # http://[ is nobody's address, and an imported line may say so
        return None


def highlighted(text: str, spans: Sequence[Span], around: Sequence[Span] = ()) -> Markup:
    """A line with `spans` marked; a long one is cut to what surrounds `around`, where that is given."""
    clean = text.translate({ord(sign): " " for sign in _MARK})
    if around:
        return _tagged(marked(clean, spans, around, _MARK))
    pieces, at = [], 0
    for start, end in _joined(spans):  # the places are those of the text as it came: what is not printable still counts
        pieces += [printable(clean[at:start]), _MARK[0], printable(clean[start:end]), _MARK[1]]
        at = end
    return _tagged("".join([*pieces, printable(clean[at:])]))


def evidence(article: Article, matches: Iterable[Match], *, most: int = 2) -> list[Markup]:
    """The best sentences: the most evidence first, in the order of the article; the title's own is shown in the title."""
    found: dict[tuple[str, int, int], list[Span]] = {}
    for match in matches:
        if match.field != "title":
            place = match.field, match.sentence_start, match.sentence_end
            found.setdefault(place, []).append((match.start, match.end))
    order = ("kicker", "lead", "text")
    best = sorted(found, key=lambda place: -len(set(found[place])))[:most]
    lines = []
    for name, start, end in sorted(best, key=lambda place: (order.index(place[0]), place[1])):
        spans = [(first - start, last - start) for first, last in found[name, start, end]]
        lines.append(highlighted(getattr(article, name)[start:end], spans, spans))
    return lines


def title(article: Article, matches: Iterable[Match] = ()) -> Markup:
    """The title with its evidence marked; the kicker or first words where there is none."""
    shown = article.title or article.kicker or next((article.text[slice(*at)] for at in sentences(article.text)), "")
    spans = [(match.start, match.end) for match in matches if match.field == "title" and article.title]
    return highlighted(shown, spans) or Markup("بی\N{ZERO WIDTH NON-JOINER}تیتر")


def paragraphs(text: str, spans: Sequence[Span]) -> list[Markup]:
    """A text's paragraphs with `spans` marked."""
    made, start = [], 0
    for line in text.split("\n"):
        end = start + len(line)
        inside = [(max(first, start) - start, min(last, end) - start) for first, last in spans if first < end > start]
        if line.strip():
            made.append(highlighted(line, [span for span in inside if span[0] < span[1]]))
        start = end + 1
    return made


def difference(parts: Iterable[Part]) -> Markup:
    """What went struck out, what came underlined."""
    written: list[Markup] = []
    for part in parts:
        words = escape(printable(part.text))
        match part.kind:
            case "gone":
                words = Markup("<del>{}</del>").format(words)
            case "new":
                words = Markup("<ins>{}</ins>").format(words)
        written.append(words)
    return Markup("").join(written)


def _joined(spans: Sequence[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _tagged(line: str) -> Markup:
    escaped = str(escape(line))
    return Markup(escaped.replace(_MARK[0], "<mark>").replace(_MARK[1], "</mark>"))  # noqa: S704 - escaped above


def snippet(article: Article, lit: Mapping[str, Sequence[Span]]) -> Markup:
    """The sentence of lead, text or kicker with the most of what is wanted; else the lead's first."""
    best, most = Markup(""), 0
    for name in ("lead", "text", "kicker"):
        text, spans = getattr(article, name), lit.get(name, [])
        for start, end in sentences(text) if spans else ():
            inside = [(first - start, last - start) for first, last in spans if start <= first and last <= end]
            if len(inside) > most:
                best, most = highlighted(text[start:end], inside, inside), len(inside)
    first = next(iter(sentences(article.lead)), None)
    return best or (highlighted(article.lead[slice(*first)], (), [(0, 0)]) if first else best)


def state(key: str) -> str:
    """A source's state in Persian."""
    return state_name(key)


def day_state(key: State) -> str:
    """A day's state in an archive, in Persian."""
    return PERSIAN[key][0]
