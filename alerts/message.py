"""What is said: a draft as JSON for programs and as readable Persian for people. Pure.

An alert's message:

    فوری · ایرنا · ۱۱ خرداد ۱۳۹۰، ۱۷:۵۴          how urgent, who published it, when
    کارگروه تازه:                                 kicker and title, the evidence in them marked
    جلسهٔ «دولت الکترونیک» برگزار شد

    ▪ دفاتر پیشخوان، دفاتر ICT روستایی            topics, urgent first, and the sentence that says it:
    … خدمات «دفاتر پیشخوان» و «ICT روستایی» …     once, however many topics it bears out

    https://…

A notice's, to the operator, says whose state changed to what, since when, and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from alerts.lines import QUOTES, Span, isolated, marked, printable, rtl
from didban.alert import RULES, Alert, Draft, Field, Match, NoticeDraft, Priority
from didban.article import Article
from didban.dates import iso_utc, jalali_iso, jalali_long

UNDATED: Final = "تاریخ نامعلوم"
_RANK: Final[dict[Priority, int]] = {"urgent": 0, "normal": 1, "digest": 2}
_HEADLINE: Final[dict[Field, str]] = {"kicker": "در روتیتر", "title": "در تیتر"}

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
    """`article` and `alerts` of a payload: what the draft rests on."""
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
        },
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


def text(draft: Draft, *, names: Mapping[str, str], mark: tuple[str, str] = QUOTES) -> str:
    """The draft as lines of readable Persian, the evidence between the two strings of `mark`; no final line feed."""
    alerts = ranked(draft)
    blocks = [_head(draft, alerts, names, mark), *_topics(draft, alerts, mark)]
    if draft.article.url is not None:
        # Alone on its line and untouched: an isolate's closing mark would become part of the link people press.
        blocks.append(printable(draft.article.url))
    return "\n\n".join(blocks)


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


def _head(draft: Draft, alerts: Sequence[Alert], names: Mapping[str, str], mark: tuple[str, str]) -> str:
    lines = [byline(draft, alerts, names)]
    for field, headline in (("kicker", draft.article.kicker), ("title", draft.article.title)):
        if headline:
            spans = headline_spans(draft, alerts, field)
            lines.append(marked(headline, spans, spans, mark))
    return "\n".join(lines)


def byline(draft: Draft, alerts: Sequence[Alert], names: Mapping[str, str]) -> str:
    """How urgent, who published it, when, and whether it is all there."""
    article = draft.article
    said = [
        "فوری" if alerts and alerts[0].priority == "urgent" else "",
        "پیگیری" if draft.follow_up else "",
        isolated(names.get(article.source, article.source)),
        _date(article),
        "" if article.complete else "تنها خلاصه",
    ]
    return rtl(" · ".join(filter(None, said)))


def headline_spans(draft: Draft, alerts: Sequence[Alert], field: Field) -> list[Span]:
    """The places of the evidence in the kicker or title that the message shows."""
    return [(m.start, m.end) for a in alerts for m in a.matches if m.field == field and shown(draft, a, m)]


def _date(article: Article) -> str:
    if article.published:
        return jalali_long(article.published, with_time=article.has_time)
    if article.fetched:
        return f"{UNDATED} (دریافت: {jalali_long(article.fetched, with_time=True)})"
    return UNDATED


def _topics(draft: Draft, alerts: Sequence[Alert], mark: tuple[str, str]) -> list[str]:
    """A block for each sentence shown, with the topics it bears out; then the topics that only a headline bears out."""
    said: dict[str, tuple[list[str], list[Span]]] = {}
    headline: dict[str, list[str]] = {}
    for alert in alerts:
        body = [match for match in alert.matches if not shown(draft, alert, match)]
        if body:
            chosen = next((match for match in body if sentence(alert, match) in said), body[0])
            topics, spans = said.setdefault(sentence(alert, chosen), ([], []))
            topics.append(alert.title)
            spans.append(place(chosen))
        else:
            where = _HEADLINE[alert.matches[0].field] if alert.matches else ""
            headline.setdefault(where, []).append(alert.title)
    return [
        *(
            f"{listed(topics)}\n{marked(line, sentence_spans(alerts, line), around, mark)}"
            for line, (topics, around) in said.items()
        ),
        *(listed(topics) + (f" ({where})" if where else "") for where, topics in headline.items()),
    ]


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
