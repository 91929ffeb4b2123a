"""`didban cite`: citations that readers which are not ours read back, whatever stands in a title."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import bibtexparser
import pytest
import rispy
from citeproc import Citation, CitationItem, CitationStylesBibliography, CitationStylesStyle, formatter
from citeproc.source.json import CiteProcJSON

from didban.article import Article
from flows.cite import FORMS, csl, outlet
from tests.flows.support_documents import FORMULA, PORTAL, SITES, commands, filled

Didban = Callable[..., tuple[int, bytes, str]]


@pytest.fixture
def didban(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Didban:
    filled(tmp_path)
    return commands(tmp_path, monkeypatch, capfdbinary)


def item(article: Article) -> dict[str, object]:
    return csl(article, outlet(SITES, article.source), name="key")


def test_a_citation_says_agency_both_calendars_code_address_and_when_it_was_read() -> None:
    assert item(FORMULA) == {
        "id": "key",
        "type": "article-newspaper",
        "title": FORMULA.title,
        "author": [{"literal": "خبرگزاری مهر"}],
        "container-title": "خبرگزاری مهر",
        "number": "1326881",
        "issued": {"date-parts": [[2011, 6, 1]]},
        "accessed": {"date-parts": [[2026, 11, 21]]},
        "URL": FORMULA.url,
        "language": "fa",
        "note": "۱۱ خرداد ۱۳۹۰، ۱۷:۵۴ · کد خبر 1326881",
    }


def test_what_is_not_known_is_left_out_and_no_date_is_made_up() -> None:
    said = item(PORTAL)
    assert list(said) == ["id", "type", "title", "author", "container-title", "language", "note"]
    assert (said["type"], said["note"]) == ("webpage", "تاریخ نامعلوم (on .)")
    for form in FORMS.values():
        assert "2026" not in form(said)
    assert csl(PORTAL, outlet({}, "gone"), name="x")["author"] == [{"literal": "gone"}]


def test_bibtex_reads_back_to_the_same_words(didban: Didban) -> None:
    code, out, _ = didban("cite", "mehr:1326881", "2", "--format", "bibtex")
    assert code == 0
    library = bibtexparser.parse_string(out.decode())
    assert not library.failed_blocks
    first, second = library.entries
    assert (first.entry_type, first.key, second.key) == ("misc", "mehr-1326881", "irna-84000001")
    told = {name: field.value for name, field in first.fields_dict.items()}
    assert told["title"] == (
        r"""{=HYPERLINK("x") \& 50\% \textbraceleft{}از\textbraceright{} \$ \textbackslash{} \textasciitilde{}"""
        r" \textasciicircum{} \#\_ «تیتر»}"
    )
    assert told["url"] == "https://www.mehrnews.com/news/1326881/%D8%AE_%D8%A8%7B1%7D"
    assert told["author"] == "{خبرگزاری مهر}"
    assert [told[name] for name in ("year", "month", "day", "urldate")] == ["2011", "6", "1", "2026-11-21"]
    assert out.count(b"{") == out.count(b"}")


def test_ris_reads_back(didban: Didban) -> None:
    code, out, _ = didban("cite", "1", "3", "--format", "ris")
    assert code == 0
    first, second = rispy.loads(out.decode())
    assert first == {
        "type_of_reference": "NEWS",
        "id": "mehr-1326881",
        "title": FORMULA.title,
        "authors": ["خبرگزاری مهر"],
        "secondary_title": "خبرگزاری مهر",
        "year": "2011",
        "date": "2011/06/01/",
        "accession_number": "1326881",
        "urls": [FORMULA.url],
        "access_date": "2026/11/21/",
        "language": "fa",
        "notes": ["۱۱ خرداد ۱۳۹۰، ۱۷:۵۴ · کد خبر 1326881"],
    }
    assert (second["type_of_reference"], second["title"]) == ("ELEC", PORTAL.title)
    assert not [line for line in out.decode().splitlines() if line and line[2:6] != "  - "]


@pytest.mark.filterwarnings("ignore::UserWarning:citeproc")
def test_csl_is_rendered_by_a_processor(didban: Didban) -> None:
    code, out, _ = didban("cite", "1", "2", "3")
    assert code == 0
    items = json.loads(out)
    style = CitationStylesStyle("harvard-cite-them-right", validate=False)
    bibliography = CitationStylesBibliography(style, CiteProcJSON(items), formatter.plain)
    for one in items:
        bibliography.register(Citation([CitationItem(one["id"])]))
    text = "\n".join(map(str, bibliography.bibliography()))
    assert "خبرگزاری مهر" in text
    assert "2011" in text
    assert "استانداری لرستان" in text
    assert PORTAL.title in text


CSL_NAMES = {"author"}
CSL_DATES = {"issued", "accessed"}
CSL_TEXTS = {"id", "type", "title", "container-title", "number", "URL", "language", "note"}
CSL_TYPES = {"article-newspaper", "webpage"}
"""Of CSL-JSON 1.0.2 (https://resource.citationstyles.org/schema/v1.0/input/json/csl-data.json) what we use: `id` and `type` are
required, no other keys than the schema's are allowed, a name has parts or is literal, a date has one or two lists of numbers."""


@pytest.mark.parametrize("article", [FORMULA, PORTAL])
def test_an_item_keeps_to_the_schema_of_csl_json(article: Article) -> None:
    said = json.loads(json.dumps(item(article)))
    assert {"id", "type"} <= set(said) <= CSL_NAMES | CSL_DATES | CSL_TEXTS
    assert said["type"] in CSL_TYPES
    assert all(isinstance(said[key], str) and said[key] for key in CSL_TEXTS & set(said))
    for key in CSL_NAMES & set(said):
        assert all(set(name) == {"literal"} and isinstance(name["literal"], str) for name in said[key])
    for key in CSL_DATES & set(said):
        assert set(said[key]) == {"date-parts"}
        (parts,) = said[key]["date-parts"]
        assert len(parts) == 3
        assert all(type(part) is int for part in parts)


def test_an_export_of_citations_is_what_cite_prints(didban: Didban) -> None:
    for form in FORMS:
        assert didban("export", "--format", form, "--source", "mehr")[1] == didban("cite", "1", "--format", form)[1]
    keys = [one["id"] for one in json.loads(didban("export", "--format", "csl")[1])]
    assert len(keys) == len(set(keys)) == 5
    assert json.loads(didban("export", "--format", "csl", "--rule", "rural-ict")[1]) == []


@pytest.mark.parametrize("number", ["99", "mehr:1", "x", ""])
def test_an_article_that_is_not_there_is_named(number: str, didban: Didban) -> None:
    code, out, err = didban("cite", "1", number)
    assert (code, out) == (1, b"")
    assert err.startswith(f"didban: there is no article {number}; ")
