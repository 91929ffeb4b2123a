"""What is said: a draft as JSON for programs and as readable Persian for people. Pure.

An alert's message:

    فوری · ایرنا · ۱۱ خرداد ۱۳۹۰، ۱۷:۵۴          how urgent, who published it, when
    کارگروه تازه:                                 kicker and title, the evidence in them marked
    جلسهٔ «دولت الکترونیک» برگزار شد

    ▪ دفاتر پیشخوان، دفاتر ICT روستایی            topics, urgent first, and the sentence that says it:
    … خدمات «دفاتر پیشخوان» و «ICT روستایی» …     once, however many topics it bears out

    https://…

A notice's, to the operator, says whose state changed to what, since when, and what to do.

A line's direction is the first strong letter's, so lines and list items that begin with Latin are marked for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from unicodedata import bidirectional

from didban.alert import Alert, Draft, Field, Match, NoticeDraft, Priority
from didban.article import Article
from didban.dates import iso_utc, jalali_iso, jalali_long

QUOTES: Final = ("«", "»")
"""The default mark around evidence: open, close."""

UNDATED: Final = "تاریخ نامعلوم"
_RANK: Final[dict[Priority, int]] = {"urgent": 0, "normal": 1, "digest": 2}
_HEADLINE: Final[dict[Field, str]] = {"kicker": "در روتیتر", "title": "در تیتر"}
_WHOLE = 280  # letters of a sentence shown whole; a longer one is cut around its evidence …
_AROUND = 100  # … to at most this many letters on either side

_ZWNJ: Final = "\N{ZERO WIDTH NON-JOINER}"
_STATES: Final[Mapping[str, tuple[str, str, str]]] = {
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
}
"""A state in Persian, what to do about it, and the command or file that does it."""
_FIELDS: Final[Mapping[str, str]] = {
    "listing": "فهرست", "page": "همهٔ صفحه", "title": "تیتر", "lead": "لید", "text": "متن", "published": "تاریخ",
    "id": "شناسه", "kicker": "روتیتر", "section": "بخش", "tags": f"برچسب{_ZWNJ}ها",
}  # fmt: skip

# A page's text may hold anything: no escape sequence reaches a terminal, no line end breaks a line. One character for
# one, so that the places of the evidence stay true.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

Span = tuple[int, int]


def payload(draft: Draft, *, names: Mapping[str, str]) -> dict[str, Any]:
    """The draft as one JSON object, for webhooks and files.

    `evidence` holds every match, in the rule's order: `start` and `end` are code points of the article's `field`, end
    exclusive. `text` is the human message. `names` gives a source's Persian name by its key.
    """
    article = draft.article
    return {
        "key": draft.key,
        "kind": "story",
        "channel": draft.channel,
        "story": draft.story,
        "follow_up": draft.follow_up,
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
                        "sentence": _sentence(alert, match),
                    }
                    for match in alert.matches
                ],
            }
            for alert in _ranked(draft)
        ],
        "text": text(draft, names=names),
    }


def text(draft: Draft, *, names: Mapping[str, str], mark: tuple[str, str] = QUOTES) -> str:
    """The draft as lines of readable Persian, the evidence between the two strings of `mark`; no final line feed."""
    alerts = _ranked(draft)
    blocks = [_head(draft, alerts, names, mark), *_topics(draft, alerts, mark)]
    if draft.article.url is not None:
        # Alone on its line and untouched: an isolate's closing mark would become part of the link people press.
        blocks.append(_printable(draft.article.url))
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
    who = "شبکه" if notice.source is None else _isolated(names.get(notice.source, notice.source))
    state, advice, command = _STATES[notice.state]
    lost = "، ".join(_FIELDS.get(name, name) for name in notice.fields)
    return "\n".join(
        line
        for line in (
            _rtl(f"دیده{_ZWNJ}بان · {who}: {state}"),
            f"از {jalali_long(notice.since, with_time=True)} · پیش از آن: {_STATES[notice.before][0]}",
            f"آنچه پیدا نمی{_ZWNJ}شود: {lost}" if lost else "",
            advice,
            command.format(source=notice.source),
            # Alone on their lines and untouched, as people copy them.
            _printable(notice.detail),
            *map(_printable, notice.pages),
        )
        if line
    )


def _ranked(draft: Draft) -> list[Alert]:
    return sorted(draft.alerts, key=lambda alert: _RANK[alert.priority])


def _head(draft: Draft, alerts: Sequence[Alert], names: Mapping[str, str], mark: tuple[str, str]) -> str:
    article = draft.article
    facts = [
        "فوری" if alerts and alerts[0].priority == "urgent" else "",
        "پیگیری" if draft.follow_up else "",
        _isolated(names.get(article.source, article.source)),
        _date(article),
        "" if article.complete else "تنها خلاصه",
    ]
    lines = [_rtl(" · ".join(filter(None, facts)))]
    for field, headline in (("kicker", article.kicker), ("title", article.title)):
        if headline:
            spans = [(m.start, m.end) for a in alerts for m in a.matches if m.field == field and _shown(draft, a, m)]
            lines.append(_marked(headline, spans, spans, mark))
    return "\n".join(lines)


def _date(article: Article) -> str:
    if article.published:
        return jalali_long(article.published, with_time=article.has_time)
    if article.fetched:
        return f"{UNDATED} (دریافت: {jalali_long(article.fetched, with_time=True)})"
    return UNDATED


def _topics(draft: Draft, alerts: Sequence[Alert], mark: tuple[str, str]) -> list[str]:
    """A block for each sentence shown, with the topics it bears out; then the topics that only a headline bears out."""
    shown: dict[str, tuple[list[str], list[Span]]] = {}
    headline: dict[str, list[str]] = {}
    for alert in alerts:
        body = [match for match in alert.matches if not _shown(draft, alert, match)]
        if body:
            chosen = next((match for match in body if _sentence(alert, match) in shown), body[0])
            topics, spans = shown.setdefault(_sentence(alert, chosen), ([], []))
            topics.append(alert.title)
            spans.append(_place(chosen))
        else:
            place = _HEADLINE[alert.matches[0].field] if alert.matches else ""
            headline.setdefault(place, []).append(alert.title)
    spans_of = {
        sentence: [_place(m) for a in alerts for m in a.matches if _sentence(a, m) == sentence] for sentence in shown
    }
    return [
        *(
            f"{_listed(topics)}\n{_marked(sentence, spans_of[sentence], around, mark)}"
            for sentence, (topics, around) in shown.items()
        ),
        *(_listed(topics) + (f" ({place})" if place else "") for place, topics in headline.items()),
    ]


def _shown(draft: Draft, alert: Alert, match: Match) -> bool:
    """Does the message's own headline show this evidence? An alert may rest on another article of the story."""
    return match.field in _HEADLINE and _field(alert.article, match.field) == _field(draft.article, match.field)


def _field(article: Article, field: Field) -> str:
    return {"kicker": article.kicker, "title": article.title, "lead": article.lead, "text": article.text}[field]


def _sentence(alert: Alert, match: Match) -> str:
    return _field(alert.article, match.field)[match.sentence_start : match.sentence_end]


def _place(match: Match) -> Span:
    return match.start - match.sentence_start, match.end - match.sentence_start


def _listed(topics: Sequence[str]) -> str:
    return "▪ " + "، ".join(map(_isolated, topics))


# ── lines ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _marked(line: str, spans: Sequence[Span], around: Sequence[Span], mark: tuple[str, str]) -> str:
    """`line` with `spans` marked; a long one is cut between words to what surrounds `around`, or to its beginning."""
    line = _printable(line)
    whole = [(0, len(line))]
    pieces = whole if len(line) <= _WHOLE else _merged([_window(line, *span) for span in around or [(0, 0)]])
    marks = _merged(spans)
    written = []
    for start, end in pieces:
        at = start
        for first, last in marks:
            if start <= first and last <= end:
                written += [line[at:first], mark[0], line[first:last], mark[1]]
                at = last
        written += [line[at:end], "" if end == len(line) else " … "]
    return _rtl(("… " if pieces[0][0] else "") + "".join(written).strip(), by=line[pieces[0][0] :])


def _window(line: str, start: int, end: int) -> Span:
    left, right = start - _AROUND, end + _AROUND
    if left > 0:
        left = line.find(" ", left, start) + 1 or left
    if right < len(line):
        right = max(line.rfind(" ", end, right), end) if " " in line[end:right] else right
    return max(left, 0), min(right, len(line))


def _merged(spans: Sequence[Span]) -> list[Span]:
    """The spans in order, those that overlap or touch joined."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _printable(line: str) -> str:
    return _UNPRINTABLE.sub(" ", line)


def _isolated(words: str) -> str:
    """One item of a list on a line: Latin in it must not pull its neighbours to its side."""
    words = _printable(words)
    if all(bidirectional(letter) != "L" for letter in words):
        return words
    return f"\N{FIRST STRONG ISOLATE}{words}\N{POP DIRECTIONAL ISOLATE}"


def _rtl(line: str, *, by: str | None = None) -> str:
    """A line that begins with a Latin letter would run from left to right as a whole; `by` is it without marks."""
    strong = next((kind for letter in by or line if (kind := bidirectional(letter)) in ("L", "R", "AL")), "AL")
    return f"\N{RIGHT-TO-LEFT MARK}{line}" if strong == "L" else line
