"""A store with a few articles in it, and exports of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from didban.article import Article
from flows import cli
from scrapers.sources import build
from storage.store import open_store
from tests.support import article, judge, sighting

AT = datetime(2011, 6, 1, 13, 24, tzinfo=UTC)
FORMULA = article(
    source="mehr",
    id="1326881",
    url="https://www.mehrnews.com/news/1326881/%D8%AE_%D8%A8{1}",
    kicker="لرستان:",
    title="=HYPERLINK(\"x\") & 50% {از} $ \\ ~ ^ #_ «تیتر»",
    lead="-۵ درجه",
    text="+98\r\n@x, \"y\"",
    published=AT,
    tags=("@الف", "ب"),
    province="lorestan",
)  # fmt: skip
PLAIN = article(id="84000001", published=AT + timedelta(days=30), province="khuzestan", complete=False)
PORTAL = article(
    source="ostan_lr", id=None, url=None, title="بی\u200cتاریخ", text="متن دولت الکترونیک", published=None, fetched=None,
    published_text="on .",
)  # fmt: skip
TWINS = tuple(
    article(source="elsewhere", id=None, url=f"https://elsewhere.ir/{place}", title="یک", text="دو", published=AT)
    for place in "ab"
)
ARTICLES = (FORMULA, PLAIN, PORTAL, *TWINS)
SITES = build().sources


def filled(folder: Path, articles: tuple[Article, ...] = ARTICLES, url: str | None = None) -> None:
    """The store of the commands in this folder, or that of `url`, with these articles."""
    (folder / "var").mkdir(exist_ok=True)
    with closing(open_store(url or f"sqlite:///{folder}/var/didban.db")) as store:
        for one in articles:
            store.articles.save(one, judge(), sighting("import"))


def commands(folder: Path, monkeypatch, capfdbinary) -> Callable[..., tuple[int, bytes, str]]:
    """Run a command in this process, in this folder: exit code, stdout, stderr."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DIDBAN_VAR", str(folder / "var"))

    def run(*arguments: str) -> tuple[int, bytes, str]:
        try:
            cli.main(arguments)
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capfdbinary.readouterr()
        assert b"Traceback" not in err
        return code, out, err.decode()

    return run
