"""Documents, matching and pages through the commands: the exact shapes, there and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo.site import Site
from didban.article import FIELDS
from flows import cli
from tests.conftest import SEEDS

Didban = Callable[..., tuple[int, str, str]]


@pytest.fixture
def didban(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Didban:
    """Run a command in this process, in a folder of its own: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, stdin: str | bytes = "", var: str = "var") -> tuple[int, str, str]:
        monkeypatch.setenv("DIDBAN_VAR", str(tmp_path / var))
        source = tmp_path / "stdin"
        source.write_bytes(stdin.encode() if isinstance(stdin, str) else stdin)
        with source.open(encoding="utf-8") as file:
            monkeypatch.setattr("sys.stdin", file)
            try:
                cli.main(arguments)
                code = 0
            except SystemExit as stop:
                code = int(stop.code or 0)
        out, err = capfdbinary.readouterr()
        assert b"Traceback" not in err
        return code, out.decode(), err.decode()

    return run


def stripped(value: object) -> object:
    return {key: text.strip() for key, text in value.items()} if isinstance(value, dict) else value


def test_the_seeds_come_back_and_twice_is_nothing_new(didban: Didban, tmp_path: Path) -> None:
    assert didban("import", str(SEEDS)) == (0, "5 new · 0 changed · 0 known · 0 refused\n", "")
    assert didban("import", str(SEEDS)) == (0, "0 new · 0 changed · 5 known · 0 refused\n", "")

    assert didban("export", "--format", "seed", "-o", "written")[0] == 0
    objects = [json.loads(path.read_bytes()) for path in (tmp_path / "written").glob("irna-*.txt")]
    assert len(objects) == 2
    for number in ("000", "001"):
        (seed,) = SEEDS.glob(f"{number}_*")
        original = json.loads(seed.read_text("utf-8"), strict=False)
        assert stripped(original) in [stripped(found) for found in objects]
        assert all(list(found) == ["onTitr", "titr", "describe", "text"] for found in objects)

    assert didban("export", "--format", "seed", "--original", "-o", "original")[0] == 0
    assert sorted(path.read_bytes() for path in (tmp_path / "original").iterdir()) == sorted(
        path.read_bytes() for path in SEEDS.iterdir()
    )


def test_written_seeds_are_the_same_articles(didban: Didban, tmp_path: Path) -> None:
    didban("import", str(SEEDS))
    didban("export", "--format", "seed", "-o", "written")
    names = {path.name for path in (tmp_path / "written").iterdir()}
    assert len(names) == 5
    assert "mehr-1326881.txt" in names
    code, out, _ = didban("import", "written", var="other")
    assert (code, out) == (0, "5 new · 0 changed · 0 known · 0 refused\n")
    didban("export", "--format", "seed", "-o", "again", var="other")
    for path in (tmp_path / "written").iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_json_lines_are_lossless(didban: Didban, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    didban("import", str(SEEDS))
    with Site() as site:
        monkeypatch.setenv("DIDBAN_HOSTS", site.hosts)
        monkeypatch.setenv("DIDBAN_RATE", "500")
        assert didban("watch", "--json")[0] == 0
    code, first, _ = didban("export")
    assert code == 0
    lines = first.splitlines()
    assert len(lines) == 39, "a seed and its page are one article"
    assert all(tuple(json.loads(line)) == FIELDS for line in lines)
    (tmp_path / "lines.jsonl").write_text(first, "utf-8")
    assert didban("import", "lines.jsonl", var="other")[:2] == (0, "39 new · 0 changed · 0 known · 0 refused\n")
    assert didban("export", var="other")[1] == first
    assert didban("import", "lines.jsonl", var="other")[:2] == (0, "0 new · 0 changed · 39 known · 0 refused\n")
    assert didban("export", var="other")[1] == first
    didban("export", "-o", "file.jsonl", var="other")
    assert (tmp_path / "file.jsonl").read_text("utf-8") == first
    assert not (tmp_path / "file.jsonl.part").exists()


def test_an_article_in_json_says_what_the_seed_says(didban: Didban) -> None:
    didban("import", str(SEEDS))
    articles = [json.loads(line) for line in didban("export")[1].splitlines()]
    facts = {(one["source"], one["id"], one["published"], one["province"], *one["codes"]) for one in articles}
    assert facts == {
        ("irna", None, None, "lorestan", "3210/7273"),
        ("irna", None, None, "khuzestan", "6065/6002"),
        ("mehr", "1326881", "2011-06-01T13:24:00Z", "lorestan"),
        ("ostan_lr", None, None, "lorestan"),
        ("mehr", None, "2014-01-07T09:35:00Z", "lorestan"),
    }
    assert all(one["url"] is None and one["revision"] == 1 and one["complete"] for one in articles)


# ── match ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_match_answers_in_the_agreed_shape(didban: Didban) -> None:
    article = {
        "id": "خبر ۱",
        "title": "دولت‌الکترونیک در لرستان",
        "lead": "دفاتر پیشخوان دولت 🙂 گسترش یافت.",
        "text": "گام دوم دولت الكترونيك و دفتر پیشخوان",
    }
    code, out, err = didban("match", stdin=json.dumps(article, ensure_ascii=False) + "\n\n")
    assert (code, err) == (0, "")
    (answer,) = [json.loads(line) for line in out.splitlines()]
    assert set(answer) == {"id", "matches"}
    assert answer["id"] == "خبر ۱"
    for match in answer["matches"]:
        assert list(match) == ["rule", "term", "field", "start", "end", "text"]
        assert article[match["field"]][match["start"] : match["end"]] == match["text"]
    order = ("title", "lead", "text")
    places = [(order.index(match["field"]), match["start"]) for match in answer["matches"]]
    assert places == sorted(places)
    assert {match["field"] for match in answer["matches"] if match["rule"] == "egov"} == {"title", "text"}
    assert {match["field"] for match in answer["matches"] if match["rule"] == "counter-offices"} == {"lead", "text"}


@pytest.mark.parametrize(
    ("number", "rules", "never"),
    [
        ("000", {"egov", "counter-offices", "rural-ict", "e-commerce"}, set()),
        ("001", {"counter-offices", "e-commerce", "e-services", "outsourcing"}, {"egov"}),
        ("002", {"egov", "counter-offices", "rural-ict", "post-bank", "ict"}, set()),
        (
            "003",
            {"egov", "counter-offices", "e-commerce", "paperless", "smart-admin", "digital-transformation"},
            set(),
        ),
        ("004", {"counter-offices"}, {"egov"}),
    ],
)
def test_the_seeds_match_their_rules(number: str, rules: set[str], never: set[str], didban: Didban) -> None:
    (seed,) = SEEDS.glob(f"{number}_*")
    didban("import", str(seed))
    article = json.loads(didban("export")[1])
    code, out, _ = didban(
        "match", stdin=json.dumps({**{key: article[key] for key in ("title", "lead", "text")}, "id": 1})
    )
    assert code == 0
    found = {match["rule"] for match in json.loads(out)["matches"]}
    assert rules <= found
    assert not never & found


def test_a_bad_line_is_named_and_the_rest_go_on(didban: Didban) -> None:
    good = json.dumps({"id": 7, "title": "دولت الکترونیک"}).encode()
    bad = [
        b"not json",
        b"[]",
        b'{"title": "without id"}',
        b'{"id": 1}',
        b'{"id": 1, "title": 5}',
        b'{"id": 1, "title": "x", "source": 3}',
        b'{"id": 1, "title": "x", "province": ["lorestan"]}',
        b'{"id": 1, "title": "\xff"}',
        b'{"id": NaN, "title": "x"}',
        b"[" * 100_000,
    ]
    code, out, err = didban("match", stdin=b"\n".join([*bad, good, b""]))
    assert code == 1
    assert [json.loads(line)["id"] for line in out.splitlines()] == [7]
    named = [line.split(":")[1].strip() for line in err.splitlines()]
    assert named == [f"line {number}" for number in range(1, len(bad) + 1)]


def test_match_uses_the_rules_it_is_given_and_the_facts_it_is_told(didban: Didban, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        '[rules.water]\ntitle = "آب"\nany = ["سد"]\nsources = ["irna"]\n\n[rules.all]\ntitle = "سد"\nany = ["سد"]\n',
        "utf-8",
    )

    def rules(**facts: Any) -> list[str]:
        line = json.dumps({"id": 1, "title": "سد تازه", **facts})
        return [match["rule"] for match in json.loads(didban("match", "--rules", "own.toml", stdin=line)[1])["matches"]]

    assert rules() == ["all"]
    assert sorted(rules(source="irna")) == ["all", "water"]
    assert rules(source="mehr") == ["all"]


# ── parse ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_parse_reads_a_saved_page_into_one_line(didban: Didban, tmp_path: Path) -> None:
    with Site() as site:
        piece = next(p for p in site.pieces("mehr") if p.article.id == "1326881")
        address = f"/news/1326881/{piece.slug}"
        (tmp_path / "page.html").write_text(site.answer("www.mehrnews.com", address).body, "utf-8")
    url = f"https://www.mehrnews.com{address}"
    code, out, err = didban("parse", "page.html", "--source", "mehr", "--url", url)
    assert (code, err) == (0, "")
    (line,) = out.splitlines()
    article = json.loads(line)
    assert tuple(article) == FIELDS
    assert (article["id"], article["url"], article["title"]) == ("1326881", url, piece.article.title)
    assert article["published"] == "2011-06-01T13:24:00Z"
    assert json.loads(didban("parse", "page.html", "--source", "mehr")[1])["id"] == "1326881"


def test_parse_names_the_pages_that_it_cannot_read(didban: Didban, tmp_path: Path) -> None:
    (tmp_path / "empty.html").write_bytes(b"")
    (tmp_path / "binary.html").write_bytes(bytes(range(256)) * 20)
    code, out, err = didban("parse", "empty.html", "binary.html", "absent.html", ".", "--source", "irna")
    assert (code, out) == (1, "")
    assert [line.split(":")[1].strip() for line in err.splitlines()] == [
        "empty.html",
        "binary.html",
        "absent.html",
        ".",
    ]


def test_json_stands_alone_on_standard_output(didban: Didban, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without channels of the operator's own, messages are printed: beside the JSON, not into it."""
    with Site() as site:
        for name, value in (("HOSTS", site.hosts), ("RATE", "500"), ("ALERT_WINDOW", "unlimited")):
            monkeypatch.setenv(f"DIDBAN_{name}", value)
        for arguments in (
            ("watch", "ostan_lr"),
            ("backfill", "irna", "--since", "1398-07-17", "--until", "1398-07-17"),
        ):
            code, out, err = didban(*arguments, "--json")
            assert code == 0
            assert json.loads(out)["sent"] == 1
            assert "لرستان" in err or "پست" in err
