"""Rules on the page: written, tried and kept by people who do not program; every mistake is said in Persian beside its field."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import ExitStack
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from httpx import Client, Response
from pydantic import SecretStr

from alerts.rules import load
from didban.settings import Settings
from flows.workshop import now
from storage.store import Store
from tests.support import article, judge, sighting
from tests.support_web import Open, serving, token
from web import drafts
from web import rules as page_rules

RULES = (
    '[rules.water]\ntitle = "آب"\nany = ["سد"]\nnone = ["سد معبر"]\nnear = [{ terms = ["چاه", "آب"], within = 3 }]\n'
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "own.toml").write_text(RULES, "utf-8")
    channels = {"officer": SecretStr("console:"), "boss": SecretStr("console:")}
    return Settings(var=tmp_path, rules=tmp_path / "own.toml", channels=channels)


@pytest.fixture
def page(settings: Settings, store: Store) -> Generator[Open]:
    del store
    with ExitStack() as opened:

        def client() -> Client:
            url = opened.enter_context(serving(settings))
            return opened.enter_context(Client(base_url=url, trust_env=False))

        yield client


def save(store: Store, number: int, text: str, **facts: Any) -> None:
    whole = f"{text} و این خبر شمارهٔ {number} است که رونوشت هیچ خبر دیگری نیست."
    facts = {"id": str(number), "url": None, "title": f"تیتر {number}", "lead": "", "published": now()} | facts
    store.articles.save(article(text=whole, **facts), judge({"water": "سد"}), sighting(now=now()))


def filled(html: str, **changed: Any) -> dict[str, Any]:
    """The form of a page, as a browser would send it."""
    seen = re.search(r'name="seen" value="([^"]*)"', html)
    areas = {
        name: unescape(text)
        for name, text in re.findall(r'<textarea name="(\w+)"[^>]*>\n(.*?)</textarea>', html, re.DOTALL)
    }
    title = re.search(r'name="title" value="([^"]*)"', html)
    assert seen
    assert title
    return {
        "token": token(html), "seen": seen[1], "title": unescape(title[1]), **areas, "priority": "normal", "days": "30",
        "do": "keep",
    } | changed  # fmt: skip


def sent(client: Client, path: str, **changed: Any) -> Response:
    return client.post(path, data=filled(client.get(path).text, **changed))


def problems(answer: Response) -> list[str]:
    return [unescape(one) for one in re.findall(r'class="problem"[^>]*>([^<]+)<', answer.text)]


def test_a_new_rule_is_kept_shown_and_in_force(page: Open, settings: Settings) -> None:
    client = page()
    answer = sent(
        client, "/rules/NEW", title="  برق ", any="نیروگاه\r\n\r\nبرق  صنعتی\r\nنیروگاه", none="نیروگاه اتمی",
        priority="urgent", province=["lorestan", "fars"], channel="boss",
    )  # fmt: skip
    assert answer.status_code == 303
    html = client.get(answer.headers["Location"]).text
    assert "ذخیره شد" in html
    (rule,) = [rule for rule in load(settings.rules) if rule.id != "water"]
    assert (rule.title, rule.any, rule.none) == ("برق", ("نیروگاه", "برق صنعتی"), ("نیروگاه اتمی",))
    assert (rule.priority, rule.provinces, rule.channels) == ("urgent", ("lorestan", "fars"), ("boss",))
    assert not re.search(rf">[^<]*{rule.id}", html), "an id is never shown"
    again = client.get(f"/rules/{rule.id}").text
    assert filled(again)["any"] == "نیروگاه\nبرق صنعتی"
    assert re.findall(r'value="(\w+)" checked', again) == ["fars", "lorestan", "boss"]


def test_what_the_form_does_not_show_stays_and_the_operators_file_too(page: Open, settings: Settings) -> None:
    client = page()
    html = client.get("/rules/water").text
    assert "«چاه» نزدیک «آب»، تا ۳ واژه" in html
    assert client.post("/rules/water", data=filled(html, any="سد\nآب‌بند")).status_code == 303
    (rule,) = load(settings.rules)
    assert (rule.any, rule.none, len(rule.near)) == (("سد", "آب‌بند"), ("سد معبر",), 1)
    assert (settings.var / "own.toml").read_text("utf-8") == RULES
    assert "نوشتهٔ نخستین" in client.get("/rules/water").text
    assert client.post("/rules/water", data=filled(client.get("/rules/water").text, do="back")).status_code == 303
    assert [rule.any for rule in load(settings.rules)] == [("سد",)]


@pytest.mark.parametrize(
    ("field", "given", "says"),
    [
        ("title", " ", "نام موضوع را بنویسید"),
        ("title", "ب" * 101, "بیش از ۱۰۰ حرف"),
        ("title", "آب", "موضوع دیگری به نام «آب» هست"),
        ("any", " \n ", "دست\N{ZERO WIDTH NON-JOINER}کم یک عبارت"),
        ("any", "خوب\n—", "«—» هیچ حرفی ندارد"),
        ("any", "و", "یک حرف است"),
        ("any", "الف|ب", "نشانهٔ |"),
        ("any", "برق، گاز", "آن را دو عبارت کنید"),
        ("any", "Привет", "نه فارسی است نه لاتین"),
        ("any", "واژه " * 50, "بیش از ۲۰۰ حرف"),
        ("any", "\n".join(f"واژه {at}" for at in range(1001)), "بیش از ۱۰۰۰ عبارت"),
        ("none", "؟", "«؟» هیچ حرفی ندارد"),
        ("province", "atlantis", "استانی به نام «atlantis» نیست"),
        ("priority", "now", "فوریت را از فهرست"),
        ("channel", "nobody", "کانالی به نام «nobody» نیست"),
    ],
)
def test_a_mistake_is_said_in_persian_and_nothing_of_the_form_is_lost(
    page: Open, settings: Settings, field: str, given: str, says: str
) -> None:
    kept = {"title": "برق", "any": "نیروگاه", "none": 'اتمی "ب"', "days": "365"}
    answer = sent(page(), "/rules/NEW", **kept | {field: given})
    assert answer.status_code == 400
    (problem,) = problems(answer)
    assert says in problem
    back = filled(answer.text)
    assert {name: back[name] for name in ("title", "any", "none")} == {
        name: value for name, value in (kept | {field: given}).items() if name in ("title", "any", "none")
    }
    assert '<option value="365" selected' in answer.text
    assert [rule.id for rule in load(settings.rules)] == ["water"]


def test_a_phrase_that_is_nearly_everywhere_is_kept_only_when_that_is_said_again(
    page: Open, store: Store, settings: Settings
) -> None:
    for number in range(12):
        save(store, number, "استاندار در شهر گفت")
    client = page()
    answer = sent(client, "/rules/NEW", title="استاندار", any="استاندار")
    assert "«استاندار» در بیش از یک\N{ZERO WIDTH NON-JOINER}پنجم خبرهای بایگانی هست" in answer.text
    assert [rule.id for rule in load(settings.rules)] == ["water"]
    assert client.post("/rules/NEW", data=filled(answer.text, do="keep-anyway")).status_code == 303
    assert [rule.title for rule in load(settings.rules)] == ["آب", "استاندار"]


def test_a_trial_says_what_would_be_found_and_writes_nothing(page: Open, store: Store, settings: Settings) -> None:
    save(store, 1, "سد تازه ساخته شد")
    save(store, 2, "آب‌بند کهن مرمت شد", source="mehr")
    save(store, 3, "سد کهنه ویران شد", published=now() - timedelta(days=40))
    save(store, 4, "باران بارید")
    for at, told in enumerate(sorted(store.outbox.alerts(), key=lambda told: told.id)):
        store.labels.say(told.id, relevant=bool(at), by="web", now=now())
    client = page()
    answer = sent(client, "/rules/water", any="سد کهنه\nآب‌بند", do="try")
    text = " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())
    assert "از ۳ خبر، ۱ خبر: ۱ تازه پیدا می\N{ZERO WIDTH NON-JOINER}شود و ۱ دیگر نه" in text
    assert "<mark>آب‌بند</mark> کهن" in answer.text
    assert "<mark>سد</mark> تازه" in answer.text
    assert "خبرگزاری مهر ۱" in text
    assert "هیچ\N{ZERO WIDTH NON-JOINER}یک از خبرهایی که «مرتبط نبود» دیگر پیدا نمی" in text
    whole = sent(client, "/rules/water", any="سد", do="try", days="all")
    text = " ".join(re.sub(r"<[^>]+>", " ", whole.text).split())
    assert "از ۴ خبر، ۲ خبر؛ همان" in text
    assert "این\N{ZERO WIDTH NON-JOINER}ها «مرتبط نبود» و باز هم پیدا می" in text
    assert whole.text.count("<mark>سد</mark> تازه") == 2, "as a sample, and as what was not relevant"
    assert not settings.rules_folder.exists()


def test_a_trial_of_too_many_articles_reads_the_newest(
    page: Open, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_rules, "MOST_ARTICLES", 2)
    for number in range(5):
        save(store, number, "سد ساخته شد", published=now() - timedelta(days=6 * number))
    text = sent(page(), "/rules/water", do="try").text
    assert "خبرها بسیارند" in text
    assert "از <b>۲</b> خبر، <b>۲</b>" in text


def test_a_trial_of_days_without_articles_says_so(page: Open) -> None:
    assert "هیچ خبری ذخیره نشده" in sent(page(), "/rules/water", do="try").text


def test_who_saves_second_sees_what_the_first_wrote_and_loses_nothing(page: Open, settings: Settings) -> None:
    client = page()
    html = client.get("/rules/water").text
    assert client.post("/rules/water", data=filled(html, any="چاه")).status_code == 303
    late = client.post("/rules/water", data=filled(html, any="قنات"))
    assert late.status_code == 409
    assert "در این میان کس دیگری" in late.text
    assert "<li>چاه</li>" in late.text
    assert filled(late.text)["any"] == "قنات"
    assert [rule.any for rule in load(settings.rules)] == [("چاه",)]
    assert client.post("/rules/water", data=filled(late.text)).status_code == 303
    assert [rule.any for rule in load(settings.rules)] == [("قنات",)]


def test_what_is_written_is_only_text(page: Open, settings: Settings) -> None:
    client = page()
    script = "<script>alert(1)</script>"
    assert sent(client, "/rules/NEW", title=script, any="نیروگاه").status_code == 303
    (rule,) = [rule for rule in load(settings.rules) if rule.title == script]
    for view in ("/rules", f"/rules/{rule.id}", f"/alerts?rule={rule.id}"):
        assert "<script" not in client.get(view).text
    assert "<script" not in sent(client, "/rules/NEW", title=script, any=script, none=script).text


def test_a_rule_among_many_is_found_by_its_name_or_a_phrase(
    page: Open, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = "".join(f'[rules.r{at}]\ntitle = "موضوع {at}"\nany = ["عبارت {at}"]\n' for at in range(5))
    (settings.var / "own.toml").write_text(RULES + many, "utf-8")
    monkeypatch.setattr(page_rules, "MOST_SHOWN", 3)
    client = page()
    assert re.findall(r'<li class="story" id="r-(\w+)"', client.get("/rules").text) == ["water", "r0", "r1"]
    assert "و ۳ موضوع دیگر" in client.get("/rules").text
    for asked, found in (("موضوع ۳", ["r3"]), ("عبارت 4", ["r4"]), ("چاه", ["water"]), ("دریا", [])):
        html = client.get("/rules", params={"q": asked}).text
        assert re.findall(r'<li class="story" id="r-(\w+)"', html) == found


def test_two_rules_of_the_operator_may_have_one_name(page: Open, settings: Settings) -> None:
    (settings.var / "own.toml").write_text(f'{RULES}[rules.sea]\ntitle = "آب"\nany = ["دریا"]\n', "utf-8")
    assert sent(page(), "/rules/sea", any="دریاچه").status_code == 303


def test_a_broken_file_of_the_operator_is_said_in_persian(page: Open, store: Store, settings: Settings) -> None:
    content = (settings.var / "own.toml").read_text("utf-8")
    store.rulesets.keep(
        str(settings.var / "own.toml"), hash_="x", files=[("own.toml", content)], now=now(), operator=()
    )
    (settings.var / "own.toml").write_text("[rules.water]\ntitel = 3\n", "utf-8")
    client = page()
    html = client.get("/rules").text
    assert "سطر ۲، نادرست است" in html
    assert "unknown key" not in html
    answer = sent(client, "/rules/NEW", title="برق", any="نیروگاه")
    assert answer.status_code == 409
    assert any("اکنون چیزی ذخیره نمی" in problem for problem in problems(answer))
    assert filled(answer.text)["any"] == "نیروگاه"


def test_without_any_good_rules_the_page_says_so_in_persian(page: Open, settings: Settings) -> None:
    client = page()
    (settings.var / "own.toml").write_text("[rules.water]\ntitel = 3\n", "utf-8")
    answer = client.get("/rules")
    assert answer.status_code == 503
    assert "سطر ۲، نادرست است" in answer.text


def test_what_was_written_by_hand_is_shown_and_not_changed(page: Open, settings: Settings) -> None:
    settings.rules_folder.mkdir()
    theirs = settings.rules_folder / "page-hand.toml"
    theirs.write_text('[rules.hand]\ntitle = "دست"\nany = ["دست‌نویس"]\n', "utf-8")
    client = page()
    html = client.get("/rules/hand").text
    assert "گرداننده با دست نوشته" in html
    assert 'value="keep"' not in html
    answer = client.post("/rules/hand", data=filled(html, any="دیگر"))
    assert answer.status_code == 409
    assert "دست‌نویس" in theirs.read_text("utf-8")


def test_a_folder_that_cannot_be_written_is_said(page: Open, settings: Settings) -> None:
    client = page()
    settings.rules_folder.write_text("a file in the folder's place", "utf-8")
    answer = sent(client, "/rules/NEW", title="برق", any="نیروگاه")
    assert answer.status_code == 503
    assert "نوشتنی نیست" in answer.text
    assert filled(answer.text)["title"] == "برق"


def test_other_sites_and_no_browser_change_nothing(page: Open, settings: Settings) -> None:
    client = page()
    form = filled(client.get("/rules/NEW").text, title="برق", any="نیروگاه")
    assert client.post("/rules/NEW", data=form, headers={"Origin": "https://evil.example"}).status_code == 403
    assert client.post("/rules/NEW", data=form | {"token": "x"}).status_code == 403
    assert client.post("/rules/NEW", data=form | {"do": "burn"}).status_code == 400
    assert client.post("/rules/NEW", data=form | {"days": "3"}).status_code == 400
    assert client.post("/rules/nothing", data=form).status_code == 404
    assert client.post("/rules/water", data=form | {"do": "back"}).status_code == 409
    assert client.get("/rules/..%2fown").status_code == 404
    assert list(settings.var.rglob("page-*")) == []


def test_a_trial_reads_the_newest_articles_of_an_archive_that_lies_far_back(
    page: Open, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_rules, "MOST_ARTICLES", 2)
    for number in range(5):
        save(store, number, "سد ساخته شد", published=now() - timedelta(days=3000 + number))
    text = sent(page(), "/rules/water", do="try", days="all").text
    assert "از <b>۲</b> خبر، <b>۲</b>" in text


def test_who_takes_back_what_somebody_else_has_changed_sees_that_first(page: Open, settings: Settings) -> None:
    client = page()
    assert sent(client, "/rules/water", any="چاه").status_code == 303
    html = client.get("/rules/water").text
    assert client.post("/rules/water", data=filled(html, any="قنات")).status_code == 303
    late = client.post("/rules/water", data=filled(html, do="back"))
    assert late.status_code == 409
    assert "آنچه اکنون هست اینجاست" in late.text
    assert "نوشتهٔ شما" not in late.text, "nothing was written"
    assert [rule.any for rule in load(settings.rules)] == [("قنات",)]


def test_who_saves_what_somebody_else_has_deleted_loses_nothing(page: Open, settings: Settings) -> None:
    client = page()
    path = sent(client, "/rules/NEW", title="برق", any="نیروگاه").headers["Location"].partition("#r-")[2]
    html = client.get(f"/rules/{path}").text
    assert client.post(f"/rules/{path}", data=filled(html, do="back")).status_code == 303
    late = client.post(f"/rules/{path}", data=filled(html, any="نیروگاه\nتوربین"))
    assert late.status_code == 409
    assert "در این میان کس دیگری این موضوع را حذف کرده است" in late.text
    assert filled(late.text)["any"] == "نیروگاه\nتوربین"
    action = re.search(r'<form class="rule" method="post" action="([^"#]+)', late.text)
    assert action
    assert client.post(action[1], data=filled(late.text)).status_code == 303
    assert [rule.any for rule in load(settings.rules)] == [("سد",), ("نیروگاه", "توربین")]


def test_a_new_topic_that_is_sent_twice_at_once_is_kept_once_and_says_so(
    page: Open, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = page()
    form = filled(client.get("/rules/NEW").text, title="برق", any="نیروگاه")
    monkeypatch.setattr(drafts, "called", lambda _title, _rules: False)  # as before the other one was kept
    assert client.post("/rules/NEW", data=form).status_code == 303
    again = client.post("/rules/NEW", data=form)
    assert again.status_code == 409
    assert "موضوع دیگری به نام «برق» هست" in again.text
    assert filled(again.text)["any"] == "نیروگاه"
    assert [rule.title for rule in load(settings.rules)] == ["آب", "برق"]


def test_what_was_kept_is_shown_though_the_list_is_long(
    page: Open, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_rules, "MOST_SHOWN", 1)
    client = page()
    answer = sent(client, "/rules/NEW", title="برق", any="نیروگاه")
    html = client.get(answer.headers["Location"]).text
    assert "ذخیره شد" in html
    assert "و ۱ موضوع دیگر" in html
    assert len(load(settings.rules)) == 2


def test_a_changed_topic_of_the_operator_is_not_called_a_default_one(page: Open) -> None:
    client = page()
    assert sent(client, "/rules/water", any="سد\nآب‌بند").status_code == 303
    html = client.get("/rules").text
    assert "با تغییرهای این صفحه" in html
    assert "پیش‌فرض" not in html


def test_nothing_is_said_of_irrelevant_news_where_there_is_none(page: Open, store: Store) -> None:
    save(store, 1, "سد تازه ساخته شد")
    store.labels.say(store.outbox.alerts()[0].id, relevant=True, by="web", now=now())
    text = sent(page(), "/rules/water", do="try").text
    assert "۱ از ۱ هشدار مرتبط بود" in text
    assert "مرتبط نبود" not in text


def test_the_alerts_of_a_deleted_topic_are_listed_under_its_name(page: Open, store: Store, settings: Settings) -> None:
    client = page()
    rule = sent(client, "/rules/NEW", title="برق", any="نیروگاه").headers["Location"].partition("#r-")[2]
    known = article(title="نیروگاه", text="نیروگاهی که در شهر ساخته شد.", published=now())
    store.articles.save(known, judge({rule: "نیروگاه"}), sighting(now=now()))
    assert sent(client, f"/rules/{rule}", do="back").status_code == 303
    assert [one.id for one in load(settings.rules)] == ["water"]
    html = client.get(f"/alerts?rule={rule}").text
    assert html.count('<li class="story') == 1
    assert f'<option value="{rule}" selected>' in html
    assert f'href="/rules/{rule}"' not in html
