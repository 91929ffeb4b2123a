"""What is said: a draft as JSON for programs and as readable Persian for people. Pure.

An alert's message:

    🔴 فوری · لرستان                                     how urgent, and which province
    کارگروه تازه:                                         kicker and title, the evidence in them marked
    جلسهٔ «دولت الکترونیک» برگزار شد
    خبرگزاری ایرنا · چهارشنبه ۱۱ خرداد ۱۳۹۰، ساعت ۱۷:۵۴    who published it, when
    همچنین: خبرگزاری مهر                                  who else carries it
    متن کامل هنوز در دسترس نیست                           of a partial article
    ▪ دولت الکترونیک، دفاتر پیشخوان                       topics, urgent ones first

    … خدمات «دفاتر پیشخوان» و «ICT روستایی» …             the two sentences that say most of it

    https://…

A notice's, to the operator, says whose state changed to what, since when, and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from alerts.lines import QUOTES, Span, isolated, marked, printable, rtl
from didban.alert import RULES, Alert, Carrier, Draft, Field, Match, NoticeDraft, Priority
from didban.article import Article
from didban.dates import iso_utc, jalali_full, jalali_iso, jalali_long, to_persian_digits
from didban.provinces import PROVINCES

UNDATED: Final = "تاریخ نامعلوم"
PARTIAL: Final = "متن کامل هنوز در دسترس نیست"
PRIORITY: Final[Mapping[Priority, str]] = {"urgent": "🔴 فوری", "normal": "🔵 عادی", "digest": "⚪ خلاصه"}
_RANK: Final[dict[Priority, int]] = {"urgent": 0, "normal": 1, "digest": 2}
_HEADLINE: Final[frozenset[Field]] = frozenset(("kicker", "title"))
_SENTENCES: Final = 2
_CARRIERS: Final = 4
_PROVINCES: Final = {province.slug: province.name for province in PROVINCES}

_ZWNJ: Final = "\N{ZERO WIDTH NON-JOINER}"
_RULES: Final = f"پروندهٔ قاعده{_ZWNJ}ها"
STATES: Final[Mapping[str, tuple[str, str, str]]] = {
    "new": ("تازه", "", ""),
    "healthy": ("سالم", "", ""),
    "quiet": (f"کم{_ZWNJ}کارتر از همیشه", "", ""),
    "silent": (
        "خاموش",
        f"سایت را در مرورگر ببینید. اگر خبر تازه دارد، این فرمان می{_ZWNJ}گوید چرا نمی{_ZWNJ}رسد:",
        "didban sources check {source}",
    ),
    "blocked": (
        "بسته به روی ما",
        f"خلاصهٔ فهرست{_ZWNJ}ها نگه داشته می{_ZWNJ}شود. اگر پایدار ماند، برای این میزبان پروکسی یا سرآیند بگذارید، در:",
        "didban.toml",
    ),
    "unreadable": (
        "ناخوانا",
        f"صفحه{_ZWNJ}ها نگه داشته شده{_ZWNJ}اند. انتخابگر سایت را درست کنید و آنها را دوباره بخوانید:",
        "didban reread --source {source}",
    ),
    "moved": (
        f"جابه{_ZWNJ}جا شده",
        "نشانی تازه را پیدا کنید و بیازمایید:",
        "didban sources check {source}",
    ),
    "unreachable": ("بیرون از دسترس", f"دوباره امتحان می{_ZWNJ}شود؛ اگر پایدار ماند، سایت را در مرورگر ببینید.", ""),
    "offline": (
        "قطع",
        f"اینترنت این کارساز را ببینید. چیزی گم نمی{_ZWNJ}شود: با بازگشت شبکه، فهرست{_ZWNJ}ها تا جای پیشین خوانده می{_ZWNJ}شوند.",
        "",
    ),
    "online": ("برقرار", "", ""),
    "report": ("گزارش روزانه", "", ""),
    "broken": (
        "نادرست",
        f"قاعده{_ZWNJ}های پیشین همچنان در کارند. اشتباه را درست کنید؛ جایش را این فرمان می{_ZWNJ}گوید:",
        "didban rules check",
    ),
}
"""A state in Persian, what to do about it, and the command or file that does it."""
_FIELDS: Final[Mapping[str, str]] = {
    "listing": "فهرست", "page": "همهٔ صفحه", "title": "تیتر", "lead": "لید", "text": "متن", "published": "تاریخ",
    "id": "شناسه", "kicker": "روتیتر", "section": "بخش", "tags": f"برچسب{_ZWNJ}ها",
}  # fmt: skip


def payload(draft: Draft, *, names: Mapping[str, str]) -> dict[str, Any]:
    """The draft as one JSON object, for webhooks and files.

    `evidence` holds every match, in the rule's order: `start` and `end` are code points of the article's `field`, end
    exclusive. `text` is the human message. `names` gives a source's Persian name by its key.
    """
    return {
        "key": draft.key,
        "kind": "story",
        "channel": draft.channel,
        "story": draft.story,
        "follow_up": draft.follow_up,
        **facts(draft),
        "text": text(draft, names=names),
    }


def facts(draft: Draft) -> dict[str, Any]:
    """`article`, `carriers` and `alerts` of a payload: what the draft rests on."""
    article = draft.article
    return {
        "article": {
            "source": article.source,
            "id": article.id,
            "url": article.url,
            "title": article.title,
            "kicker": article.kicker,
            "lead": article.lead,
            "published": iso_utc(article.published),
            "published_jalali": jalali_iso(article.published, with_time=article.has_time),
            "fetched": iso_utc(article.fetched),
            "province": article.province,
            "complete": article.complete,
        },
        "carriers": [carrier_json(carrier) for carrier in draft.carriers],
        "alerts": [
            {
                "rule": alert.rule,
                "title": alert.title,
                "priority": alert.priority,
                "raised": iso_utc(alert.raised),
                "evidence": [
                    {
                        "field": match.field,
                        "start": match.start,
                        "end": match.end,
                        "text": match.text,
                        "sentence": sentence(alert, match),
                    }
                    for match in alert.matches
                ],
            }
            for alert in ranked(draft)
        ],
    }


def carrier_json(carrier: Carrier) -> dict[str, Any]:
    """Who carries a story, for programs; `article` is what `didban show` takes."""
    return {
        "source": carrier.source,
        "id": carrier.id,
        "url": carrier.url,
        "published": iso_utc(carrier.published),
        "article": carrier.article,
    }


def text(draft: Draft, *, names: Mapping[str, str], mark: tuple[str, str] = QUOTES) -> str:
    """The draft as lines of readable Persian, the evidence between the two strings of `mark`; no final line feed."""
    alerts, article = ranked(draft), draft.article
    head = [rtl(" · ".join(filter(None, [urgency(alerts), province(article), "پیگیری" if draft.follow_up else ""])))]
    for field, headline in (("kicker", article.kicker), ("title", article.title)):
        if headline:
            spans = headline_spans(draft, alerts, field)
            head.append(marked(headline, spans, spans, mark))
    head += [byline(article, names), also(draft, names), "" if article.complete else PARTIAL]
    head.append(listed([alert.title for alert in alerts]))
    blocks = ["\n".join(filter(None, head)), "\n".join(evidence(draft, alerts, mark))]
    if article.url is not None:
        # Alone on its line and untouched: an isolate's closing mark would become part of the link people press.
        blocks.append(printable(article.url))
    return "\n\n".join(filter(None, blocks))


def notice_payload(draft: NoticeDraft, *, names: Mapping[str, str]) -> dict[str, Any]:
    """A notice as one JSON object. `source` is null when it is about the network; `fields` and `pages` are what an unreadable
    source is unreadable by; `text` is the human message."""
    notice = draft.notice
    return {
        "key": draft.key,
        "kind": "notice",
        "channel": draft.channel,
        "notice": {
            "source": notice.source,
            "state": notice.state,
            "before": notice.before,
            "since": iso_utc(notice.since),
            "detail": notice.detail,
            "fields": list(notice.fields),
            "pages": list(notice.pages),
        },
        "text": notice_text(draft, names=names),
    }


def notice_text(draft: NoticeDraft, *, names: Mapping[str, str]) -> str:
    """A notice as lines of readable Persian; no final line feed."""
    notice = draft.notice
    if notice.state == "report":
        day = jalali_long(notice.since, with_time=False)
        return "\n".join(
            [rtl(f"دیده{_ZWNJ}بان · {STATES['report'][0]} · {day}"), *map(printable, notice.detail.splitlines())]
        )
    who = "شبکه" if notice.source is None else isolated({RULES: _RULES, **names}.get(notice.source, notice.source))
    state, advice, command = STATES[notice.state]
    lost = "، ".join(_FIELDS.get(name, name) for name in notice.fields)
    return "\n".join(
        line
        for line in (
            rtl(f"دیده{_ZWNJ}بان · {who}: {state}"),
            f"از {jalali_long(notice.since, with_time=True)} · پیش از آن: {STATES[notice.before][0]}",
            f"آنچه پیدا نمی{_ZWNJ}شود: {lost}" if lost else "",
            advice,
            command.format(source=notice.source),
            # Alone on their lines and untouched, as people copy them.
            printable(notice.detail),
            *map(printable, notice.pages),
        )
        if line
    )


def ranked(draft: Draft) -> list[Alert]:
    """The draft's alerts, urgent ones first."""
    return sorted(draft.alerts, key=lambda alert: _RANK[alert.priority])


def urgency(alerts: Sequence[Alert]) -> str:
    """The priority of the most urgent of them."""
    return PRIORITY[alerts[0].priority] if alerts else ""


def province(article: Article) -> str:
    """Which province it is about, where that is known."""
    return province_name(article.province)


def province_name(slug: str | None) -> str:
    return _PROVINCES.get(slug, isolated(slug)) if slug else ""


def byline(article: Article, names: Mapping[str, str]) -> str:
    """Who published it, when."""
    return rtl(f"{isolated(names.get(article.source, article.source))} · {_date(article)}")


def also(draft: Draft, names: Mapping[str, str]) -> str:
    """Who else carries the story."""
    others = dict.fromkeys(one.source for one in draft.carriers if one.source != draft.article.source)
    said = [isolated(names.get(source, source)) for source in others]
    if len(said) > _CARRIERS:
        said = [*said[: _CARRIERS - 1], to_persian_digits(f"{len(said) - _CARRIERS + 1} منبع دیگر")]
    return f"همچنین: {'، '.join(said)}" if said else ""


def headline_spans(draft: Draft, alerts: Sequence[Alert], field: Field) -> list[Span]:
    """The places of the evidence in the kicker or title that the message shows."""
    return [(m.start, m.end) for a in alerts for m in a.matches if m.field == field and shown(draft, a, m)]


def _date(article: Article) -> str:
    if article.published:
        return jalali_full(article.published, with_time=article.has_time)
    if article.fetched:
        return f"{UNDATED} (دریافت: {jalali_full(article.fetched, with_time=True)})"
    return UNDATED


def evidence(draft: Draft, alerts: Sequence[Alert], mark: tuple[str, str], *, most: int = _SENTENCES) -> list[str]:
    """The sentences that bear out most of the alerts, urgent ones first, each line a sentence; none that the headline shows."""
    said: dict[str, dict[int, Span]] = {}
    for number, alert in enumerate(alerts):
        for match in alert.matches:
            if not shown(draft, alert, match):
                said.setdefault(sentence(alert, match), {}).setdefault(number, place(match))
    lines: list[str] = []
    open_ = set(range(len(alerts)))

    def worth(line: str) -> tuple[int, int, int]:
        new = open_ & said[line].keys()
        return sum(alerts[number].priority == "urgent" for number in new), len(new), len(said[line])

    while said and len(lines) < most:
        best = max(said, key=worth)  # of equals the first
        around = said.pop(best)
        open_ -= around.keys()
        lines.append(marked(best, sentence_spans(alerts, best), list(around.values()), mark))
    return lines


def shown(draft: Draft, alert: Alert, match: Match) -> bool:
    """Does the message's own headline show this evidence? An alert may rest on another article of the story."""
    return match.field in _HEADLINE and _field(alert.article, match.field) == _field(draft.article, match.field)


def _field(article: Article, field: Field) -> str:
    return {"kicker": article.kicker, "title": article.title, "lead": article.lead, "text": article.text}[field]


def sentence(alert: Alert, match: Match) -> str:
    """The sentence that holds the match, as printed."""
    return _field(alert.article, match.field)[match.sentence_start : match.sentence_end]


def sentence_spans(alerts: Sequence[Alert], line: str) -> list[Span]:
    """The places of all evidence in a sentence."""
    return [place(match) for alert in alerts for match in alert.matches if sentence(alert, match) == line]


def place(match: Match) -> Span:
    """Where a match stands in its sentence."""
    return match.start - match.sentence_start, match.end - match.sentence_start


def listed(topics: Sequence[str]) -> str:
    """Topics as one line."""
    return "▪ " + "، ".join(map(isolated, topics))


def state_name(state: str) -> str:
    """A source's state in Persian: `healthy` → «سالم»."""
    return STATES[state][0]
