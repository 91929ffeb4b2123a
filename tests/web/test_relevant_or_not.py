"""«مرتبط بود / نبود» on the page, and the small things around it: who says so, and where it leads back to."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx import Client

from didban.settings import Settings, WebSettings
from flows.workshop import now
from storage.store import Store
from tests.support import article, judge, sighting
from tests.support_web import Open, serving, token
from web.security import hashed


@pytest.fixture
def page(tmp_path: Path, store: Store) -> Generator[Open]:
    with ExitStack() as opened:

        def client(**web: Any) -> Client:
            url = opened.enter_context(serving(Settings(var=tmp_path, web=WebSettings(**web))))
            return opened.enter_context(Client(base_url=url, trust_env=False))

        yield client


@pytest.fixture
def alert(store: Store) -> int:
    known = article(published=now() - timedelta(minutes=5))
    store.articles.save(known, judge(), sighting(now=now()))
    return store.outbox.alerts()[0].id


def pressed(html: str) -> list[str]:
    return re.findall(r'aria-pressed="true">([^<]+)<', html)


def test_a_match_is_said_to_be_relevant_or_not_and_that_is_taken_back(store: Store, page: Open, alert: int) -> None:
    client = page()
    listed = client.get("/alerts?rule=egov").text
    assert pressed(listed) == []
    form = {"token": token(listed), "back": "/alerts?rule=egov"}
    key = store.outbox.alerts()[0].alert.story
    answer = client.post("/label", data=form | {"label": f"{alert}:no"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/alerts?rule=egov#s-{key}")
    for view in ("/", "/alerts?rule=egov", f"/story/{key}"):
        html = client.get(view).text
        assert pressed(html) == ["مرتبط نبود"], view
        assert (f'id="a-{alert}"' if "story" in view else f'id="s-{key}"') in html
        assert f'value="{alert}:off"' in html
    answer = client.post("/label", data=form | {"label": f"{alert}:yes", "back": f"/story/{key}?"})
    assert answer.headers["Location"] == f"/story/{key}#a-{alert}", "to the match that it was said of"
    assert pressed(client.get("/").text) == ["مرتبط بود"]
    client.post("/label", data=form | {"label": f"{alert}:off"})
    assert pressed(client.get("/").text) == []
    assert store.labels.counts() == {}


@pytest.mark.parametrize("said", ["", "1", "1:", "1:maybe", ":yes", "x:yes", "-1:yes", f"{10**25}:yes"])
def test_what_no_button_sends_is_refused(store: Store, page: Open, alert: int, said: str) -> None:
    del alert
    client = page()
    form = {"token": token(client.get("/alerts").text), "label": said}
    assert client.post("/label", data=form).status_code == 400
    assert client.post("/label", data=form | {"label": "99:yes"}).status_code == 404
    assert store.labels.counts() == {}


def test_another_site_says_nothing(store: Store, page: Open, alert: int) -> None:
    client = page()
    form = {"token": token(client.get("/alerts").text), "label": f"{alert}:no"}
    assert client.post("/label", data=form, headers={"Origin": "https://evil.example"}).status_code == 403
    assert client.post("/label", data=form | {"token": "x"}).status_code == 403
    assert store.labels.counts() == {}


def test_who_said_so_is_written_as_they_are_called(store: Store, page: Open, alert: int) -> None:
    client = page(trusted_header="X-Remote-User")
    for sent, name in (("کارشناس".encode(), "کارشناس"), (b"Ren\xe9", "René")):
        headers = {b"X-Remote-User": sent}
        form = {"token": token(client.get("/alerts", headers=headers).text), "label": f"{alert}:no"}
        assert client.post("/label", data=form, headers=headers).status_code == 303
        assert store.labels.of([alert])[alert].by == name
        assert name in client.get(f"/story/{store.outbox.alerts()[0].alert.story}", headers=headers).text


def test_a_log_in_leads_to_what_was_asked_for_with_its_question(page: Open) -> None:
    client = page(password=hashed("گذرواژه"))
    asked = client.get("/search", params={"q": "دولت & الکترونیک", "source": "irna"})
    login = client.get(asked.headers["Location"])
    wanted = re.findall(r'name="next" value="([^"]+)"', login.text)[0].replace("&amp;", "&")
    answer = client.post("/login", data={"token": token(login.text), "password": "گذرواژه", "next": wanted})
    assert dict(client.get(answer.headers["Location"]).url.params) == {"q": "دولت & الکترونیک", "source": "irna"}
    assert 'value="دولت &amp; الکترونیک"' in client.get(answer.headers["Location"]).text


def test_a_post_before_the_log_in_leads_to_the_first_page(page: Open) -> None:
    assert page(password=hashed("x")).post("/label?x=1").headers["Location"] == "/login?next=%2F"
