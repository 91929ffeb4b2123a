"""What a digest says: many stories as one message of readable Persian, and as JSON in parts. Pure.

    خلاصه · خبرگزاری مهر · ۱۲ رویداد · ۱ آذر ۱۴۰۵                    how many, of whom, of which days
    ▪ دولت الکترونیک: ۸ (لرستان ۵، یزد ۱) · هفته ۲۱، هفتهٔ پیش ۹ ▂▁…   what about, where, and the trend: the most frequent first

    ● دولت الکترونیک · لرستان                                       the stories, the best first, by topic and province
    ۱. جلسهٔ «دولت الکترونیک» برگزار شد
    🔴 فوری · خبرگزاری مهر · یکشنبه ۱ آذر ۱۴۰۵، ساعت ۱۷:۵۴
    ▪ دولت الکترونیک، دفاتر پیشخوان
    … خدمات «دفاتر پیشخوان» به روستاها می‌رسد …                     one sentence that the title does not say
    https://…

The trend is the last seven days against the seven before, and a bar for each of the fourteen. People get the best `BEST` (of a
burst, many stories of one rule at once, `BEST_OF_BURST`) and are told how many more there are; programs get all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count, islice
from typing import Any, Final

from alerts.lines import QUOTES, isolated, marked, printable, rtl
from alerts.message import (
    PARTIAL,
    PRIORITY,
    UNDATED,
    also,
    byline,
    evidence,
    facts,
    headline_spans,
    listed,
    province_name,
    ranked,
)
from didban.alert import DigestDraft, Draft, Topic
from didban.dates import iso_utc, jalali_long, to_persian_digits

BEST: Final = 50
"""The stories that a person is shown."""
BEST_OF_BURST: Final = 5
PART: Final = 200
"""The most stories in one part of the JSON."""
_TOPICS: Final = 10
_SOURCES: Final = 3
_PLACES: Final = 3
_BARS: Final = "▁▂▃▄▅▆▇█"
_ZWNJ: Final = "\N{ZERO WIDTH NON-JOINER}"


def digest_payloads(draft: DigestDraft, *, names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The digest as JSON objects of at most `PART` stories, `part` of `parts`; what is said of the whole is in each.

    A story has the keys `story`, `article`, `carriers` and `alerts` of a story's own payload; a topic's `days` are counts of
    stories, a day each, today last, empty in a digest of old news; `burst` is the rule of a burst. `text` is the message in the
    first part, empty in the others. `first` and `last` are publication times.
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
            "burst": draft.burst,
            "part": number,
            "parts": parts,
            "count": draft.count,
            "first": iso_utc(draft.first),
            "last": iso_utc(draft.last),
            "undated": draft.undated,
            "sources": list(draft.sources),
            "topics": [_topic_json(topic) for topic in draft.topics],
            "stories": [{"story": story.story, **facts(story)} for story in islice(stories, PART)],
            "text": digest_text(draft, names=names) if number == 1 else "",
        }


def _topic_json(topic: Topic) -> dict[str, Any]:
    return {
        "rule": topic.rule,
        "title": topic.title,
        "count": topic.count,
        "provinces": [{"province": slug, "count": count} for slug, count in topic.provinces],
        "days": list(topic.days),
    }


def digest_text(draft: DigestDraft, *, names: Mapping[str, str], mark: tuple[str, str] = QUOTES) -> str:
    """The digest as lines of readable Persian, the evidence between the two strings of `mark`; no final line feed."""
    most = BEST_OF_BURST if draft.burst else BEST
    best = list(islice(draft.stories, most))
    urgent = any(alert.priority == "urgent" for story in best[:1] for alert in story.alerts)
    blocks = [_head(draft, names, urgent=urgent)]
    numbers = count(1)
    for heading, stories in _groups(draft, best):
        for place, story in enumerate(stories):
            said = _story(next(numbers), story, names, mark)
            blocks.append(said if place else f"{heading}\n{said}")
    if draft.count > most:
        # The command alone on its line, as people copy it.
        which = f" --rule {draft.burst}" if draft.burst else ""
        more = _number(draft.count - most)
        blocks.append(f"و {more} رویداد دیگر. این فرمان همه را نشان می{_ZWNJ}دهد:\ndidban alerts{which}")
    return "\n\n".join(blocks)


def _groups(draft: DigestDraft, best: Sequence[Draft]) -> Iterator[tuple[str, list[Draft]]]:
    """The stories by the most frequent of their most urgent topics, and by province; the group that has the best one first."""
    place = {topic.rule: number for number, topic in enumerate(draft.topics)}
    groups: dict[tuple[str, str | None], list[Draft]] = {}
    for story in best:
        alerts = ranked(story)
        leading = [alert for alert in alerts if alert.priority == alerts[0].priority]
        first = min(leading, key=lambda alert: place.get(alert.rule, len(place)), default=None)
        groups.setdefault((first.title if first else "", story.article.province), []).append(story)
    for (title, slug), stories in groups.items():
        yield rtl("● " + " · ".join(filter(None, [isolated(title), province_name(slug)]))), stories


def _head(draft: DigestDraft, names: Mapping[str, str], *, urgent: bool) -> str:
    sources = [isolated(names.get(source, source)) for source in draft.sources]
    stories = f"{_number(draft.count)} رویداد"
    kind = f"{stories} یکجا" if draft.burst else "خلاصهٔ بایگانی" if draft.archived else "خلاصه"
    said = [
        PRIORITY["urgent"] if urgent and not draft.archived else "",
        kind,
        "پیگیری" if draft.follow_up else "",
        "، ".join(sources) if len(sources) <= _SOURCES else f"{_number(len(sources))} منبع",
        "" if draft.burst else stories,
        _days(draft),
        f"{UNDATED}: {_number(draft.undated)}" if draft.undated else "",
    ]
    topics = [_topic(topic) for topic in draft.topics[:_TOPICS]]
    if len(draft.topics) > _TOPICS:
        topics.append(f"▪ و {_number(len(draft.topics) - _TOPICS)} موضوع دیگر")
    return "\n".join([rtl(" · ".join(filter(None, said))), *topics])


def _topic(topic: Topic) -> str:
    """How many, where, and how many more or fewer than the week before."""
    places = [f"{province_name(slug)} {_number(count)}" for slug, count in topic.provinces if slug][:_PLACES]
    where = f" ({'، '.join(places)})" if places else ""
    trend = (
        f" · هفته {_number(topic.week)}، هفتهٔ پیش {_number(topic.week_before)} {bars(topic.days)}" if topic.days else ""
    )
    return f"▪ {isolated(topic.title)}: {_number(topic.count)}{where}{trend}"


def bars(counts: Sequence[int]) -> str:
    """A bar for each count, the highest for the most; they run with the line, the oldest at its beginning."""
    most = max(counts, default=0)
    return "".join(_BARS[-(-number * (len(_BARS) - 1) // most) if most else 0] for number in counts)


def _days(draft: DigestDraft) -> str:
    if draft.first is None or draft.last is None:
        return ""
    first, last = (jalali_long(moment, with_time=False) for moment in (draft.first, draft.last))
    return first if first == last else f"{first} تا {last}"


def _story(number: int, story: Draft, names: Mapping[str, str], mark: tuple[str, str]) -> str:
    """Title, who and when, topics, one sentence and the link of a story."""
    alerts, article = ranked(story), story.article
    headline, field = (article.title, "title") if article.title else (article.kicker, "kicker")
    spans = headline_spans(story, alerts, field)
    urgent = f"{PRIORITY['urgent']} · " if alerts and alerts[0].priority == "urgent" else ""
    lines = [
        f"{_number(number)}. {marked(headline, spans, spans[:1], mark) or f'بی{_ZWNJ}تیتر'}",
        rtl(f"{urgent}{byline(article, names)}"),
        also(story, names),
        "" if article.complete else PARTIAL,
        listed([alert.title for alert in alerts]),
        *evidence(story, alerts, mark, most=1),
        printable(article.url or ""),
    ]
    return "\n".join(filter(None, lines))


def _number(count: int) -> str:
    return to_persian_digits(f"{count:,}").replace(",", "٬")
