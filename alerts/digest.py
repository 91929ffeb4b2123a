"""What a digest says: many stories as one message of readable Persian, and as JSON in parts. Pure.

    خلاصهٔ بایگانی · مهر · ۳۱۲ رویداد · ۱ مهر ۱۳۹۷ تا ۳۰ مهر ۱۳۹۷     how many, of whom, of which days
    ▪ دولت الکترونیک: ۱۲۰                                             what about, the most frequent first
    ▪ دفاتر پیشخوان: ۹۰

    ۱. جلسهٔ «دولت الکترونیک» برگزار شد                               the stories by priority, then the newest first
    مهر · ۳۰ مهر ۱۳۹۷، ۱۷:۵۴
    ▪ دولت الکترونیک، دفاتر پیشخوان
    … خدمات «دفاتر پیشخوان» به روستاها می‌رسد …                       one sentence that the title does not say
    https://…

People get the best `BEST` and are told how many more there are; programs get all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from alerts.lines import QUOTES, isolated, marked, printable, rtl
from alerts.message import (
    UNDATED,
    byline,
    facts,
    headline_spans,
    listed,
    place,
    ranked,
    sentence,
    sentence_spans,
    shown,
)
from didban.alert import DigestDraft, Draft
from didban.dates import iso_utc, jalali_long, to_persian_digits

BEST: Final = 50
"""The stories that a person is shown."""
PART: Final = 200
"""The most stories in one part of the JSON."""
_TOPICS: Final = 10
_SOURCES: Final = 3
_ZWNJ: Final = "\N{ZERO WIDTH NON-JOINER}"


def digest_payloads(draft: DigestDraft, *, names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The digest as JSON objects of at most `PART` stories, `part` of `parts`; what is said of the whole is in each.

    A story has the keys `story`, `article` and `alerts` of a story's own payload. `text` is the human message in the first
    part, empty in the others. `first` and `last` are publication times.
    """
    parts = max(1, -(-draft.count // PART))
    stories = iter(draft.stories)
    for number in range(1, parts + 1):
        yield {
            "key": draft.key,
            "kind": "digest",
            "channel": draft.channel,
            "digest": draft.digest,
            "follow_up": draft.follow_up,
            "archived": draft.archived,
            "part": number,
            "parts": parts,
            "count": draft.count,
            "first": iso_utc(draft.first),
            "last": iso_utc(draft.last),
            "undated": draft.undated,
            "sources": list(draft.sources),
            "topics": [{"rule": topic.rule, "title": topic.title, "count": topic.count} for topic in draft.topics],
            "stories": [{"story": story.story, **facts(story)} for story in islice(stories, PART)],
            "text": digest_text(draft, names=names) if number == 1 else "",
        }


def digest_text(draft: DigestDraft, *, names: Mapping[str, str], mark: tuple[str, str] = QUOTES) -> str:
    """The digest as lines of readable Persian, the evidence between the two strings of `mark`; no final line feed."""
    best = islice(draft.stories, BEST)
    blocks = [_head(draft, names), *(_story(number, story, names, mark) for number, story in enumerate(best, start=1))]
    if draft.count > BEST:
        # The command alone on its line, as people copy it.
        blocks.append(
            f"و {_number(draft.count - BEST)} رویداد دیگر. این فرمان همه را نشان می{_ZWNJ}دهد:\ndidban alerts"
        )
    return "\n\n".join(blocks)


def _head(draft: DigestDraft, names: Mapping[str, str]) -> str:
    sources = [isolated(names.get(source, source)) for source in draft.sources]
    said = [
        "خلاصهٔ بایگانی" if draft.archived else "خلاصه",
        "پیگیری" if draft.follow_up else "",
        "، ".join(sources) if len(sources) <= _SOURCES else f"{_number(len(sources))} منبع",
        f"{_number(draft.count)} رویداد",
        _days(draft),
        f"{UNDATED}: {_number(draft.undated)}" if draft.undated else "",
    ]
    topics = [f"▪ {isolated(topic.title)}: {_number(topic.count)}" for topic in draft.topics[:_TOPICS]]
    if len(draft.topics) > _TOPICS:
        topics.append(f"▪ و {_number(len(draft.topics) - _TOPICS)} موضوع دیگر")
    return "\n".join([rtl(" · ".join(filter(None, said))), *topics])


def _days(draft: DigestDraft) -> str:
    if draft.first is None or draft.last is None:
        return ""
    first, last = (jalali_long(moment, with_time=False) for moment in (draft.first, draft.last))
    return first if first == last else f"{first} تا {last}"


def _story(number: int, story: Draft, names: Mapping[str, str], mark: tuple[str, str]) -> str:
    """Title, who and when, topics, one sentence and the link of a story."""
    alerts = ranked(story)
    headline, field = (story.article.title, "title") if story.article.title else (story.article.kicker, "kicker")
    spans = headline_spans(story, alerts, field)
    body = next(((a, m) for a in alerts for m in a.matches if not shown(story, a, m)), None)
    lines = [
        f"{_number(number)}. {marked(headline, spans, spans[:1], mark) or f'بی{_ZWNJ}تیتر'}",
        byline(story, alerts, names),
        listed([alert.title for alert in alerts]),
    ]
    if body is not None:
        line = sentence(*body)
        lines.append(marked(line, sentence_spans(alerts, line), [place(body[1])], mark))
    if story.article.url is not None:
        lines.append(printable(story.article.url))
    return "\n".join(lines)


def _number(count: int) -> str:
    return to_persian_digits(f"{count:,}").replace(",", "٬")
