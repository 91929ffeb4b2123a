"""What a message says, and that hostile or odd text cannot spoil it."""

import dataclasses
import json
from datetime import UTC, datetime

from alerts.message import QUOTES, payload, text
from didban.alert import Alert, Carrier, Draft, Field, Match, Priority
from didban.article import Article

NAMES = {"mehr": "مهر", "irna": "ایرنا"}
RAISED = datetime(2011, 6, 1, 14, 0, tzinfo=UTC)
FSI, PDI, RLM = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}", "\N{RIGHT-TO-LEFT MARK}"
ARTICLE = Article(
    source="mehr",
    id="1326881",
    url="https://www.mehrnews.com/news/1326881/استفاده",
    kicker="لرستانی:",
    title="استفاده از فناوری اطلاعات راه جبران عقب ماندگی است",
    lead="خرم آباد - خبرگزاری مهر: معاون استاندار از پست بانک گفت.",
    text="وی تصریح کرد: در راستای دولت الکترونیک خدمات را به دفاتر پیشخوان دولت ببرند.\nهمایش پایان یافت.",
    published=datetime(2011, 6, 1, 13, 24, tzinfo=UTC),
    has_time=True,
    province="lorestan",
    fetched=datetime(2026, 8, 10, 5, 0, tzinfo=UTC),
)


def match(article: Article, rule: str, field: Field, term: str, *, sentence: str | None = None) -> Match:
    whole = getattr(article, field)
    start = whole.index(term)
    held = next(line for line in whole.split("\n") if term in line) if sentence is None else sentence
    return Match(
        rule=rule,
        term=term,
        field=field,
        start=start,
        end=start + len(term),
        text=term,
        sentence_start=whole.index(held),
        sentence_end=whole.index(held) + len(held),
    )


def alert(
    article: Article, rule: str, title: str, *found: tuple[Field, str], priority: Priority = "normal", **more
) -> Alert:
    return Alert(
        rule=rule,
        title=title,
        priority=priority,
        live=True,
        raised=RAISED,
        story="s1",
        article=article,
        matches=tuple(match(article, rule, field, term, **more) for field, term in found),
    )


def draft(article: Article, *alerts: Alert, follow_up: bool = False) -> Draft:
    return Draft(key="k1", channel="officer", story="s1", article=article, alerts=alerts, follow_up=follow_up)


EGOV = alert(ARTICLE, "egov", "دولت الکترونیک", ("text", "دولت الکترونیک"))
OFFICES = alert(ARTICLE, "counter-offices", "دفاتر پیشخوان", ("text", "دفاتر پیشخوان دولت"), ("text", "پیشخوان دولت"))
ICT = alert(ARTICLE, "ict", "فناوری اطلاعات", ("title", "فناوری اطلاعات"), priority="digest")
BANK = alert(ARTICLE, "post-bank", "پست بانک", ("lead", "پست بانک"), priority="urgent")


def test_a_message_says_who_when_what_and_why_in_this_order():
    assert text(draft(ARTICLE, EGOV, OFFICES, ICT), names=NAMES) == (
        "🔵 عادی · لرستان\n"
        "لرستانی:\n"
        "استفاده از «فناوری اطلاعات» راه جبران عقب ماندگی است\n"
        "مهر · چهارشنبه ۱۱ خرداد ۱۳۹۰، ساعت ۱۷:۵۴\n"
        "▪ دولت الکترونیک، دفاتر پیشخوان، فناوری اطلاعات\n"
        "\n"
        "وی تصریح کرد: در راستای «دولت الکترونیک» خدمات را به «دفاتر پیشخوان دولت» ببرند.\n"
        "\n"
        "https://www.mehrnews.com/news/1326881/استفاده"
    )


def test_an_urgent_message_says_so_first_and_its_urgent_topics_come_first():
    lines = text(draft(ARTICLE, ICT, EGOV, BANK), names=NAMES).splitlines()
    assert lines[0] == "🔴 فوری · لرستان"
    assert lines[4] == "▪ پست بانک، دولت الکترونیک، فناوری اطلاعات"
    assert [line[:20] for line in lines[6:8]] == [
        "خرم آباد - خبرگزاری ",
        "وی تصریح کرد: در راس",
    ]  # the urgent one's first


def test_a_digests_topic_alone_is_marked_as_such_and_a_province_nobody_knows_is_left_out():
    somewhere = dataclasses.replace(ARTICLE, province=None)
    assert text(draft(somewhere, ICT), names=NAMES).splitlines()[0] == "⚪ خلاصه"


def test_who_else_carries_it_is_said_once_each():
    def carried(*sources: str) -> Draft:
        carriers = tuple(Carrier(source=one, id=None, url=None, published=None, article=7) for one in sources)
        return draft(ARTICLE, dataclasses.replace(EGOV, carriers=carriers))

    assert text(carried("irna", "mehr", "irna"), names=NAMES).splitlines()[4] == "همچنین: ایرنا"
    assert text(carried("mehr"), names=NAMES).splitlines()[4] == "▪ دولت الکترونیک"
    many = carried("irna", "a", "mehr", "b", "c", "d")
    assert text(many, names={"a": "الف", "b": "ب"}).splitlines()[4] == f"همچنین: {FSI}irna{PDI}، الف، ب، ۲ منبع دیگر"
    said = {"source": "irna", "id": None, "url": None, "published": None, "article": 7}
    assert payload(many, names=NAMES)["carriers"][0] == said


def test_the_two_sentences_shown_bear_out_most_topics():
    article = dataclasses.replace(
        ARTICLE, text="پست بانک آمد.\nدولت الکترونیک آمد.\nدفاتر پیشخوان و دولت الکترونیک آمد.\nآتش."
    )
    egov = alert(article, "egov", "دولت الکترونیک", ("text", "دولت الکترونیک"))
    third = article.text.split("\n")[2]
    at = {"start": article.text.rindex("دولت"), "end": article.text.rindex("دولت") + len("دولت الکترونیک")}
    place = {"sentence_start": article.text.index(third), "sentence_end": article.text.index(third) + len(third)}
    both = dataclasses.replace(egov, matches=(*egov.matches, dataclasses.replace(egov.matches[0], **at, **place)))
    offices = alert(article, "counter-offices", "دفاتر پیشخوان", ("text", "دفاتر پیشخوان"))
    bank = alert(article, "bank", "پست بانک", ("text", "پست بانک"))
    fire = alert(article, "fire", "آتش", ("text", "آتش"), priority="urgent")
    assert text(draft(article, bank, both, offices), names=NAMES).split("\n\n")[1].splitlines() == [
        "«دفاتر پیشخوان» و «دولت الکترونیک» آمد.",
        "«پست بانک» آمد.",
    ]
    assert text(draft(article, bank, both, offices, fire), names=NAMES).split("\n\n")[1].splitlines()[0] == "«آتش»."


def test_an_undated_article_says_so_and_when_it_was_fetched():
    undated = dataclasses.replace(ARTICLE, published=None, has_time=False, url=None)
    said = text(draft(undated, EGOV), names=NAMES)
    assert said.splitlines()[3] == "مهر · تاریخ نامعلوم (دریافت: دوشنبه ۱۹ مرداد ۱۴۰۵، ساعت ۸:۳۰)"
    assert "http" not in said
    never_fetched = dataclasses.replace(undated, fetched=None)
    assert text(draft(never_fetched, EGOV), names=NAMES).splitlines()[3] == "مهر · تاریخ نامعلوم"


def test_a_date_without_a_time_of_day_shows_none():
    day = dataclasses.replace(ARTICLE, has_time=False)
    assert text(draft(day, EGOV), names=NAMES).splitlines()[3] == "مهر · چهارشنبه ۱۱ خرداد ۱۳۹۰"


def test_a_follow_up_and_a_partial_article_are_named_as_such():
    partial = dataclasses.replace(ARTICLE, complete=False)
    lines = text(draft(partial, EGOV, follow_up=True), names=NAMES).splitlines()
    assert (lines[0], lines[4]) == ("🔵 عادی · لرستان · پیگیری", "متن کامل هنوز در دسترس نیست")


def test_the_marks_are_the_callers():
    assert "[b]دولت الکترونیک[/b]" in text(draft(ARTICLE, EGOV), names=NAMES, mark=("[b]", "[/b]"))


def test_a_long_sentence_is_cut_between_words_around_each_evidence():
    filler = " ".join(["واژه"] * 200)
    body = f"{filler} دولت الکترونیک {filler} پست بانک {filler}."
    article = dataclasses.replace(ARTICLE, text=body)
    egov = alert(article, "egov", "دولت الکترونیک", ("text", "دولت الکترونیک"))
    bank = alert(article, "post-bank", "پست بانک", ("text", "پست بانک"))
    sentence = text(draft(article, egov, bank), names=NAMES).splitlines()[-3]
    assert sentence.startswith("… ")
    assert sentence.endswith(" …")
    assert "«دولت الکترونیک»" in sentence
    assert "«پست بانک»" in sentence
    assert len(sentence) < 500
    words = set(sentence.replace(QUOTES[0], "").replace(QUOTES[1], "").split())
    assert words == {"…", "واژه", "دولت", "الکترونیک", "پست", "بانک"}


def test_evidence_at_the_ends_of_a_long_sentence_is_not_cut_off():
    body = "دولت الکترونیک " + "واژه " * 200 + "پست بانک"
    article = dataclasses.replace(ARTICLE, text=body)
    egov = alert(article, "egov", "دولت الکترونیک", ("text", "دولت الکترونیک"))
    bank = alert(article, "post-bank", "پست بانک", ("text", "پست بانک"))
    sentence = text(draft(article, egov, bank), names=NAMES).splitlines()[-3]
    assert sentence.startswith("«دولت الکترونیک» واژه")
    assert sentence.endswith("واژه «پست بانک»")
    assert " … " in sentence


def test_a_long_title_is_cut_to_its_beginning():
    article = dataclasses.replace(ARTICLE, title="واژه " * 500)
    title = text(draft(article), names=NAMES).splitlines()[2]
    assert title.startswith("واژه واژه")
    assert title.endswith("واژه …")
    assert len(title) < 130


def test_evidence_in_another_article_of_the_story_is_shown_as_a_sentence():
    copy = dataclasses.replace(ARTICLE, title="دولت الکترونیک در راه است")
    other = alert(copy, "egov", "دولت الکترونیک", ("title", "دولت الکترونیک"))
    said = text(draft(ARTICLE, other), names=NAMES)
    assert "▪ دولت الکترونیک\n\n«دولت الکترونیک» در راه است" in said
    assert "استفاده از فناوری اطلاعات راه" in said  # the shown title is not marked by the other's places


def test_escape_sequences_and_line_ends_in_a_page_never_reach_the_reader():
    article = dataclasses.replace(
        ARTICLE, title="تیتر\x1b[2J\nدو\N{LINE SEPARATOR}سه", text="الف\x07\ndولت الکترونیک".replace("d", "")
    )
    said = text(draft(article), names=NAMES, mark=("<", ">"))
    assert "\x1b" not in said
    assert "تیتر [2J دو سه" in said.splitlines()


TURNING = "".join(
    (
        "\N{RIGHT-TO-LEFT OVERRIDE}",
        "\N{LEFT-TO-RIGHT EMBEDDING}",
        "\N{POP DIRECTIONAL FORMATTING}",
        "\N{LEFT-TO-RIGHT ISOLATE}",
        RLM,
    )
)


def test_a_page_cannot_turn_a_line_around_and_evidence_stays_where_it_is():
    article = dataclasses.replace(
        ARTICLE,
        source=f"a{TURNING}",
        title=f"{TURNING}تیتر{TURNING}",
        text=f"{TURNING}در راستای {TURNING}دولت{TURNING} الکترونیک{TURNING}.",
        url=f"https://www.mehrnews.com/{TURNING}x",
    )
    said = text(
        draft(article, alert(article, "egov", f"دولت{TURNING}", ("text", f"دولت{TURNING} الکترونیک"))), names={}
    )
    assert "در راستای «دولت الکترونیک»." in said.splitlines()
    assert not set(TURNING) - {RLM} & set(said)
    assert RLM not in said.splitlines()[2]


def test_markup_in_a_page_is_text_like_any_other():
    article = dataclasses.replace(ARTICLE, title='<img src=x onerror="alert(1)">&amp;', text="<b>دولت الکترونیک</b>.")
    said = text(draft(article, alert(article, "egov", "دولت الکترونیک", ("text", "دولت الکترونیک"))), names=NAMES)
    assert '<img src=x onerror="alert(1)">&amp;' in said
    assert "<b>«دولت الکترونیک»</b>." in said


def test_latin_words_do_not_turn_a_line_around():
    article = dataclasses.replace(ARTICLE, source="nowhere", title="ICT روستایی گسترش یافت")
    two = alert(article, "a", "ICT", ("text", "دولت الکترونیک")), alert(article, "b", "GSB", ("text", "پیشخوان"))
    lines = text(draft(article, *two), names=NAMES).splitlines()
    assert lines[3].startswith(RLM + FSI + "nowhere" + PDI)
    assert lines[2] == RLM + "ICT روستایی گسترش یافت"
    assert lines[4] == f"▪ {FSI}ICT{PDI}، {FSI}GSB{PDI}"
    assert lines[-1] == article.url  # nothing glued to what people press


def test_the_payload_is_the_promised_json():
    assert payload(draft(ARTICLE, ICT, OFFICES), names=NAMES) == {
        "key": "k1",
        "kind": "story",
        "channel": "officer",
        "story": "s1",
        "follow_up": False,
        "article": {
            "source": "mehr",
            "id": "1326881",
            "url": ARTICLE.url,
            "title": ARTICLE.title,
            "kicker": "لرستانی:",
            "lead": ARTICLE.lead,
            "published": "2011-06-01T13:24:00Z",
            "published_jalali": "1390-03-11T17:54",
            "fetched": "2026-08-10T05:00:00Z",
            "province": "lorestan",
            "complete": True,
        },
        "carriers": [],
        "alerts": [
            {
                "rule": "counter-offices",
                "title": "دفاتر پیشخوان",
                "priority": "normal",
                "raised": "2011-06-01T14:00:00Z",
                "evidence": [
                    {
                        "field": "text",
                        "start": 51,
                        "end": 69,
                        "text": "دفاتر پیشخوان دولت",
                        "sentence": ARTICLE.text.split("\n")[0],
                    },
                    {
                        "field": "text",
                        "start": 57,
                        "end": 69,
                        "text": "پیشخوان دولت",
                        "sentence": ARTICLE.text.split("\n")[0],
                    },
                ],
            },
            {
                "rule": "ict",
                "title": "فناوری اطلاعات",
                "priority": "digest",
                "raised": "2011-06-01T14:00:00Z",
                "evidence": [
                    {"field": "title", "start": 11, "end": 25, "text": "فناوری اطلاعات", "sentence": ARTICLE.title}
                ],
            },
        ],
        "text": text(draft(ARTICLE, ICT, OFFICES), names=NAMES),
    }


def test_evidence_places_are_code_points_of_the_field():
    article = dataclasses.replace(ARTICLE, text="😀 دولت الکترونیک")
    made = payload(draft(article, alert(article, "egov", "د", ("text", "دولت الکترونیک"))), names=NAMES)
    evidence = json.loads(json.dumps(made))["alerts"][0]["evidence"][0]
    assert article.text[evidence["start"] : evidence["end"]] == evidence["text"] == "دولت الکترونیک"
