"""What a digest says: to people the best of it, to programs all of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from alerts.channels import open_channel
from alerts.channels.json_part import json_parts
from alerts.digest import BEST, digest_text
from alerts.message import payload
from didban.alert import Alert, DigestDraft, Draft, Match, Priority, Topic
from didban.article import Article

NAMES = {"mehr": "مهر", "irna": "ایرنا"}
ZWNJ, RLM = "\N{ZERO WIDTH NON-JOINER}", "\N{RIGHT-TO-LEFT MARK}"
FSI, PDI = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
RAISED = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
MEETING = Article(
    source="mehr",
    id="4429431",
    url="https://www.mehrnews.com/news/4429431/جلسه",
    kicker="استاندار لرستان:",
    title="جلسهٔ دولت الکترونیک برگزار شد",
    lead="خرم آباد - کارگروه تازه آغاز به کار کرد.",
    text="در این جلسه خدمات دفاتر پیشخوان و پست بانک بررسی شد.\nجلسهٔ بعدی در راه است.",
    published=datetime(2018, 10, 22, 14, 24, tzinfo=UTC),
    has_time=True,
)
BANK = Article(source="irna", title="ICT در روستا", text="پست بانک وام می‌دهد.", url="https://www.irna.ir/news/1/x")
SUMMARY = replace(MEETING, id="2", url=None, title="", kicker="", text="", complete=False, has_time=False)


def alert(article: Article, rule: str, title: str, *terms: str, priority: Priority = "normal") -> Alert:
    found = []
    for term in terms:
        field = "title" if term in article.title else "text"
        whole: str = getattr(article, field)
        line = next(line for line in whole.split("\n") if term in line)
        start, begin = whole.index(term), whole.index(line)
        found.append(
            Match(
                rule=rule, term=term, field=field, start=start, end=start + len(term), text=term,
                sentence_start=begin, sentence_end=begin + len(line),
            )
        )  # fmt: skip
    return Alert(
        rule=rule, title=title, priority=priority, live=False, raised=RAISED, story=article.url or "s", article=article,
        matches=tuple(found),
    )  # fmt: skip


def story(article: Article, *alerts: Alert) -> Draft:
    return Draft(key="k1", channel="officer", story=article.url or "s", article=article, alerts=alerts)


def digest(stories: Iterable[Draft], **facts: Any) -> DigestDraft:
    stories = tuple(stories)
    made = DigestDraft(
        key="k1",
        channel="officer",
        digest="backfill mehr 2018-09-23..2018-10-22",
        count=len(stories),
        stories=stories,
        topics=(Topic(rule="egov", title="دولت الکترونیک", count=1250), Topic(rule="ict", title="ICT", count=3)),
        sources=("mehr",),
        first=datetime(2018, 9, 23, 5, 0, tzinfo=UTC),
        last=datetime(2018, 10, 22, 14, 24, tzinfo=UTC),
        archived=True,
    )
    return replace(made, **facts)


FIRST = story(
    MEETING,
    alert(MEETING, "counter-offices", "دفاتر پیشخوان", "دفاتر پیشخوان"),
    alert(MEETING, "post-bank", "پست بانک", "پست بانک"),
    alert(MEETING, "egov", "دولت الکترونیک", "دولت الکترونیک", priority="urgent"),
)
SECOND = story(BANK, alert(BANK, "ict", "ICT", "ICT"))
THIRD = story(SUMMARY, alert(SUMMARY, "egov", "دولت الکترونیک"))
THREE = digest([FIRST, SECOND, THIRD], undated=1)


def test_a_digest_says_how_much_of_which_days_and_then_story_by_story() -> None:
    assert digest_text(THREE, names=NAMES) == (
        "خلاصهٔ بایگانی · مهر · ۳ رویداد · ۱ مهر ۱۳۹۷ تا ۳۰ مهر ۱۳۹۷ · تاریخ نامعلوم: ۱\n"
        "▪ دولت الکترونیک: ۱٬۲۵۰\n"
        f"▪ {FSI}ICT{PDI}: ۳\n"
        "\n"
        "● دولت الکترونیک\n"
        "۱. جلسهٔ «دولت الکترونیک» برگزار شد\n"
        "🔴 فوری · مهر · دوشنبه ۳۰ مهر ۱۳۹۷، ساعت ۱۷:۵۴\n"
        "▪ دولت الکترونیک، دفاتر پیشخوان، پست بانک\n"
        "در این جلسه خدمات «دفاتر پیشخوان» و «پست بانک» بررسی شد.\n"
        "https://www.mehrnews.com/news/4429431/جلسه\n"
        "\n"
        f"۲. بی{ZWNJ}تیتر\n"
        "مهر · دوشنبه ۳۰ مهر ۱۳۹۷\n"
        "متن کامل هنوز در دسترس نیست\n"
        "▪ دولت الکترونیک\n"
        "\n"
        f"{RLM}● {FSI}ICT{PDI}\n"
        f"۳. {RLM}«ICT» در روستا\n"
        "ایرنا · تاریخ نامعلوم\n"
        f"▪ {FSI}ICT{PDI}\n"
        "https://www.irna.ir/news/1/x"
    )


def test_the_head_has_a_form_for_every_digest() -> None:
    def head(**facts: Any) -> str:
        return digest_text(digest([], **facts), names=NAMES).split("\n")[0]

    day = {"first": MEETING.published, "last": MEETING.published}
    assert head(**day, archived=False) == "خلاصه · مهر · ۰ رویداد · ۳۰ مهر ۱۳۹۷"
    assert head(**day, follow_up=True) == "خلاصهٔ بایگانی · پیگیری · مهر · ۰ رویداد · ۳۰ مهر ۱۳۹۷"
    assert head(first=None, last=None, sources=("irna", "own")) == f"خلاصهٔ بایگانی · ایرنا، {FSI}own{PDI} · ۰ رویداد"
    assert "۴ منبع" in head(sources=("a", "b", "c", "d"))


def test_a_topic_says_where_and_how_it_stands_to_the_week_before() -> None:
    days = (0, 0, 0, 1, 0, 0, 2, 0, 0, 4, 0, 1, 0, 16)
    provinces = (("lorestan", 12), (None, 9), ("yazd", 3), ("fars", 2), ("ilam", 1))
    topic = Topic(rule="egov", title="دولت الکترونیک", count=27, provinces=provinces, days=days)
    assert (topic.week, topic.week_before) == (21, 3)
    assert digest_text(digest([], topics=(topic,)), names=NAMES).split("\n")[1] == (
        "▪ دولت الکترونیک: ۲۷ (لرستان ۱۲، یزد ۳، فارس ۲) · هفته ۲۱، هفتهٔ پیش ۳ ▁▁▁▂▁▁▂▁▁▃▁▂▁█"
    )


def test_stories_stand_by_topic_and_province_the_best_group_first() -> None:
    def told(number: int, province: str | None, *rules: str) -> Draft:
        one = replace(MEETING, title=f"تیتر {number}", province=province, text="دفاتر پیشخوان و پست بانک")
        return story(one, *(alert(one, rule, rule, "پست بانک") for rule in rules))

    said = digest_text(
        digest(
            [
                told(1, "yazd", "ict", "egov"),
                told(2, "lorestan", "egov"),
                told(3, "yazd", "egov"),
                told(4, None, "ict"),
            ]
        ),
        names=NAMES,
    )
    assert re.findall(r"(?m)^[^\w\n]*● .*$|^\d\. .*$", said) == [
        f"{RLM}● {FSI}egov{PDI} · یزد", "۱. تیتر 1", "۲. تیتر 3",
        f"{RLM}● {FSI}egov{PDI} · لرستان", "۳. تیتر 2",
        f"{RLM}● {FSI}ict{PDI}", "۴. تیتر 4",
    ]  # fmt: skip


def test_a_burst_says_how_many_shows_five_and_names_the_command_for_the_rest() -> None:
    many = [story(replace(MEETING, title=f"تیتر {number}"), *FIRST.alerts) for number in range(12)]
    blocks = digest_text(digest(many, burst="egov", archived=False), names=NAMES).split("\n\n")
    assert blocks[0].startswith("🔴 فوری · ۱۲ رویداد یکجا · مهر · ۱ مهر ۱۳۹۷ تا")
    assert len(blocks) == 5 + 2
    assert blocks[-1].endswith("\ndidban alerts --rule egov")
    assert blocks[-1].startswith("و ۷ رویداد دیگر.")


def test_a_head_of_many_topics_names_the_most_frequent_and_counts_the_rest() -> None:
    topics = tuple(Topic(rule=f"r{n}", title=f"موضوع {n}", count=90 - n) for n in range(25))
    lines = digest_text(digest([], topics=topics), names=NAMES).split("\n")[1:]
    assert len(lines) == 11
    assert (lines[0], lines[-1]) == ("▪ موضوع 0: ۹۰", "▪ و ۱۵ موضوع دیگر")


def test_people_see_the_best_and_the_command_that_lists_them_all() -> None:
    many = [story(replace(MEETING, title=f"تیتر {n}")) for n in range(1234)]
    blocks = digest_text(digest(many), names=NAMES).split("\n\n")
    assert len(blocks) == BEST + 2
    assert blocks[BEST].startswith("۵۰. تیتر 49\n")
    assert blocks[-1] == f"و ۱٬۱۸۴ رویداد دیگر. این فرمان همه را نشان می{ZWNJ}دهد:\ndidban alerts"
    assert "didban" not in digest_text(digest(many[:BEST]), names=NAMES)


def test_a_long_sentence_and_a_long_title_are_cut() -> None:
    filler = " ".join(["واژه"] * 200)
    long = replace(MEETING, title=filler, text=f"{filler} پست بانک {filler} دفاتر پیشخوان {filler}")
    bank = alert(long, "post-bank", "پست بانک", "پست بانک")
    offices = alert(long, "counter-offices", "دفاتر پیشخوان", "دفاتر پیشخوان")
    _, title, _, _, line, _ = (
        digest_text(digest([story(long, bank, offices)]), names=NAMES).split("\n\n")[1].split("\n")
    )
    assert title.endswith(" …")
    assert (line[:2], line[-2:], "«پست بانک»" in line, "«دفاتر" in line) == ("… ", " …", True, True)
    assert max(len(title), len(line)) < 450


def test_programs_get_every_story_in_parts_of_at_most_two_hundred() -> None:
    many = digest(story(replace(MEETING, id=str(n)), *FIRST.alerts) for n in range(401))
    parts = [json.loads(part) for part in json_parts(many, NAMES)]
    assert [len(part["stories"]) for part in parts] == [200, 200, 1]
    assert [one["article"]["id"] for part in parts for one in part["stories"]] == [str(n) for n in range(401)]
    assert [(part["part"], part["parts"], part["count"], part["key"]) for part in parts] == [
        (number, 3, 401, "k1") for number in (1, 2, 3)
    ]
    assert [part["text"] for part in parts] == [digest_text(many, names=NAMES), "", ""]


def test_the_json_says_of_the_whole_and_of_each_story_what_a_message_of_its_own_would() -> None:
    (part,) = json_parts(THREE, NAMES)
    alone = payload(FIRST, names=NAMES)
    made = json.loads(part)
    stories = made.pop("stories")
    assert stories[0] == {name: alone[name] for name in ("story", "article", "carriers", "alerts")}
    assert [one["article"]["title"] for one in stories] == [MEETING.title, BANK.title, ""]
    assert made == {
        "key": "k1",
        "kind": "digest",
        "channel": "officer",
        "digest": "backfill mehr 2018-09-23..2018-10-22",
        "follow_up": False,
        "archived": True,
        "burst": None,
        "part": 1,
        "parts": 1,
        "count": 3,
        "first": "2018-09-23T05:00:00Z",
        "last": "2018-10-22T14:24:00Z",
        "undated": 1,
        "sources": ["mehr"],
        "topics": [
            {"rule": "egov", "title": "دولت الکترونیک", "count": 1250, "provinces": [], "days": []},
            {"rule": "ict", "title": "ICT", "count": 3, "provinces": [], "days": []},
        ],
        "text": digest_text(THREE, names=NAMES),
    }


def test_rendering_twice_gives_the_same_bytes_on_every_channel(tmp_path: Any) -> None:
    for url in ("console:", "file:alerts.jsonl", "http://127.0.0.1:9/"):
        channel = open_channel("officer", url, base=tmp_path, source_names=NAMES)
        assert channel.render(THREE) == channel.render(THREE)
    shown = open_channel("officer", "console:", base=tmp_path, source_names=NAMES).render(THREE)
    assert [part.replace("\x1b[1m", "«").replace("\x1b[22m", "»") for part in shown] == [
        digest_text(THREE, names=NAMES)
    ]


def test_what_a_page_says_cannot_break_a_digest() -> None:
    odd = replace(BANK, title="تیتر\x1b[2J\nدو\N{LINE SEPARATOR}سه \ud800", published=RAISED - timedelta(days=1))
    said = digest_text(digest([story(odd)]), names=NAMES)
    assert "\x1b" not in said
    assert "۱. تیتر [2J دو سه" in said
    assert json.loads(json_parts(digest([story(odd)]), NAMES)[0])["stories"][0]["article"]["title"].endswith("سه ?")
