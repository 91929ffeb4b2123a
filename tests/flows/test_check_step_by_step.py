"""`didban sources check`: each step of a visit to a site, and what is said to be done when it fails."""

from __future__ import annotations

import json
import socket
import ssl
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import stamina

from demo.site import REDESIGNED, Answer, Site
from didban.errors import InputError
from didban.settings import load
from flows import cli
from flows.check import FIELDS, Step, check
from scrapers.platforms.nastooh import Nastooh
from tests.support import NOW, Hands


@pytest.fixture(autouse=True)
def _nothing_is_tried_again() -> Iterator[None]:
    with stamina.set_testing(True):
        yield


class Odd(Site):
    """The sites, where the paths that begin so answer something else."""

    def __init__(self, **answers: Answer) -> None:
        self.odd = answers
        self.hands = Hands(NOW - timedelta(days=1))
        super().__init__(clock=self.hands)
        for source in ("irna", "mehr", "ostan_lr"):
            self.publish(source)
        self.hands.forward(timedelta(days=1))
        for source in ("irna", "mehr", "ostan_lr"):
            self.publish(source, 3)

    def answer(self, host: str, path: str) -> Answer:
        odd = (answer for begin, answer in self.odd.items() if path.startswith(f"/{begin}"))
        return next(odd, None) or super().answer(host, path)


@pytest.fixture
def site() -> Iterator[Odd]:
    with Odd() as site:
        yield site


def found(hosts: str, *keys: str, toml: str = "", folder: Path | None = None) -> list[Step]:
    environment = {"DIDBAN_RATE": "500", "DIDBAN_HOSTS": hosts}
    if folder is not None:
        (folder / "didban.toml").write_text(toml, "utf-8")
        environment["DIDBAN_CONFIG"] = str(folder / "didban.toml")
    return list(check(load(environment), keys, now=lambda: NOW))


def failed(steps: list[Step]) -> dict[str, Step]:
    """Those that need a look, by the name of the step: the first of each."""
    return {step.step: step for step in reversed(steps) if step.state == "✗"}


def test_a_healthy_site_needs_no_look(site: Odd) -> None:
    steps = found(site.hosts, "irna")
    assert failed(steps) == {}
    listings = ["name", "tls", "robots", "feed", "page", "archive", "paths"]
    assert [step.step for step in steps] == [*listings, "article", "article", "article", *FIELDS]
    said = {step.step: (step.state, step.said) for step in steps}
    assert said["feed"] == ("✓", "19 links, newest 1405-08-30T11:30")
    assert said["archive"] == ("✓", "1 links of 1405-08-29")
    assert said["paths"] == ("✓", "robots.txt allows 19 of 19 articles")
    assert said["text"] == ("✓", "3 of 3")
    assert all(step.source == "irna" and not step.advice for step in steps)


def test_the_steps_of_several_sources_come_one_source_after_another(site: Odd) -> None:
    steps = found(site.hosts, "ostan_lr", "mehr")
    assert failed(steps) == {}
    assert list(dict.fromkeys(step.source for step in steps)) == ["ostan_lr", "mehr"]
    (archive,) = [step for step in steps if (step.source, step.step) == ("ostan_lr", "archive")]
    assert archive.state == "–"


def test_a_name_nobody_knows_is_said_before_anything_is_asked(site: Odd) -> None:
    with pytest.raises(InputError, match="mehr"):
        found(site.hosts, "irna", "mehrr")
    assert site.requests == []


def test_a_wall_is_knocked_at_once_for_all_articles(site: Odd) -> None:
    site.wall("irna")
    steps = found(site.hosts, "irna")
    wrong = failed(steps)
    assert list(wrong) == ["article", "archive", "page"]
    assert [step.state for step in steps if step.step == "feed"] == ["✓"]
    assert len([step for step in steps if step.step == "article"]) == 1
    for step in wrong.values():
        assert "a wall stands" in step.said
        assert step.advice == (
            'run it inside Iran, or set proxy, cookies or headers under [fetch."www.irna.ir"] in didban.toml'
        )


def test_a_site_that_is_walled_whole_or_down_is_asked_no_further(site: Odd) -> None:
    site.wall("irna", feed=True)
    site.down("mehr")
    steps = found(site.hosts, "irna", "mehr")
    assert [(step.source, step.step, step.state) for step in steps if step.step not in {"name", "tls"}] == [
        ("irna", "robots", "✗"), ("irna", "the rest", "–"), ("mehr", "robots", "✗"), ("mehr", "the rest", "–"),
    ]  # fmt: skip
    irna, mehr = (step for step in steps if step.step == "robots")
    assert "inside Iran" in irna.advice
    assert "503" in mehr.said
    assert "ask again later" in mehr.advice
    assert {path for _, path, _ in site.requests} == {"/robots.txt"}


def test_a_redesign_is_mended_as_advised(site: Odd, tmp_path: Path) -> None:
    site.redesign("irna")
    step = failed(found(site.hosts, "irna"))["article"]
    assert "layout has changed" in step.said
    saves, _, then = step.advice.partition(" saves the page; then, ")
    assert saves.startswith("`didban accept irna 'https://www.irna.ir/news/")
    assert then == 'under [sources.irna], selectors = { body = "…" }'
    lead, body = (REDESIGNED[old].split('"')[1] for old in list(REDESIGNED)[1:3])
    toml = f'[sources.irna]\nselectors = {{ lead = ".{lead}", body = ".{body}" }}\n'
    assert failed(found(site.hosts, "irna", toml=toml, folder=tmp_path)) == {}


class Leadless(Odd):
    """The sites, with leads where no reader looks."""

    def answer(self, host: str, path: str) -> Answer:
        answer = super().answer(host, path)
        lead = 'class="summary introtext" itemprop="description"'
        return replace(answer, body=answer.body.replace(lead, 'class="standfirst"'))


def test_a_field_that_most_pages_lack_is_named_with_its_selector() -> None:
    with Leadless() as site:
        steps = found(site.hosts, "mehr")
    wrong = failed(steps)
    assert list(wrong) == ["lead"]
    assert wrong["lead"].said == "0 of 3"
    assert wrong["lead"].advice.endswith('under [sources.mehr], selectors = { lead = "…" }')


def test_a_feed_that_is_gone_is_sought_anew_unless_pages_stand_in_for_it() -> None:
    gone = Answer(404, "gone")
    with Odd(**{"rss": gone, "index.php/fa/news?format=feed": gone}) as site:
        steps = found(site.hosts, "irna", "ostan_lr")
    agency, portal = (step for step in steps if step.step == "feed")
    assert (agency.state, portal.state) == ("✗", "–")
    assert agency.advice == "`didban sources add https://www.irna.ir/` finds what the site has now"
    assert list(failed(steps)) == ["feed"]
    assert len([step for step in steps if step.step == "article"]) == 6


def test_old_news_and_an_empty_archive_need_a_look() -> None:
    with Site() as site:
        steps = found(site.hosts, "irna")
    wrong = failed(steps)
    assert list(wrong) == ["archive", "page", "feed"]
    assert wrong["feed"].said.endswith("stale")
    assert "https://www.irna.ir/rss" in wrong["feed"].advice
    assert wrong["archive"].said == "none of 1405-08-29; about 120 are usual"


def test_what_robots_forbids_is_said_and_not_asked() -> None:
    robots = Answer(200, "User-agent: *\nCrawl-delay: 0.001\nDisallow: /news/\n", "text/plain")
    with Odd(**{"robots.txt": robots}) as site:
        steps = found(site.hosts, "mehr")
    assert failed(steps)["paths"].said == "robots.txt allows 0 of 18 articles"
    assert [step.said for step in steps if step.step == "robots"] == ["robots.txt read; 0.001 seconds between requests"]
    assert not any(path.startswith("/news/") for _, path, _ in site.requests)


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (Answer(429, headers={"Retry-After": "30"}), "ask again after 30 seconds"),
        (
            Answer(302, headers={"Location": "https://elsewhere.example/"}),
            "write its home, and its hosts, under [sources",
        ),
        (Answer(302, headers={"Location": "ftp://www.irna.ir/"}), "name its host among hosts under [sources.irna]"),
        (Answer(200, "<p>no feed</p>"), "`didban accept irna 'https://www.irna.ir/rss'` saves it"),
        (Answer(200, "<rss><channel><item><title>x</title></item></channel></rss>"), "it is asked for whole again"),
    ],
)
def test_each_trouble_has_its_own_advice(answer: Answer, advice: str) -> None:
    with Odd(rss=answer) as site:
        assert advice in failed(found(site.hosts, "irna"))["feed"].advice


def test_an_index_in_place_of_a_listing_needs_a_look(tmp_path: Path) -> None:
    index = (
        "<sitemapindex><sitemap><loc>https://www.irna.ir/sitemap/1405/08/30/sitemap.xml</loc></sitemap></sitemapindex>"
    )
    toml = '[sources.irna]\nfeed = "sitemap/all/sitemap.xml"\n'
    with Odd(sitemap=Answer(200, index, "text/xml")) as site:
        steps = found(site.hosts, "irna", toml=toml, folder=tmp_path)
    assert failed(steps)["sitemap"].said == "1 listings"


def test_a_site_of_no_recorded_engine_is_looked_at_first(site: Odd, tmp_path: Path) -> None:
    toml = '[sources.own]\nhome = "https://ostan-lr.ir/"\n'
    steps = found(site.hosts, "own", toml=toml, folder=tmp_path)
    assert failed(steps) == {}
    assert {step.step: step.said for step in steps}["engine"] == "joomla, as https://ostan-lr.ir/ shows"


def test_a_reader_that_fails_is_a_finding(site: Odd, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise IndexError("list index out of range")

    monkeypatch.setattr(Nastooh, "links", fail)
    steps = found(site.hosts, "irna", "ostan_lr")
    assert failed(steps)["feed"].said.endswith("the reader failed with IndexError: list index out of range")
    assert "article" in {step.step for step in steps if step.source == "ostan_lr"}, "the other source was looked at"


# ── the way there ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _names(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[object]:
    """A name server that knows one answer, or none; what it was asked."""
    asked: list[object] = []

    def look_up(host: str, *_: object, **__: object) -> list[Any]:
        asked.append(host)
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


@pytest.mark.parametrize(
    ("addresses", "said", "advice"),
    [
        ((), "no address for www.irna.ir (Name or service not known)", "look at your network and its name server"),
        (("10.10.34.36",), "www.irna.ir is at 10.10.34.36, which is not public", "ask another name server"),
    ],
)
def test_a_name_that_leads_nowhere_ends_the_visit(
    monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...], said: str, advice: str
) -> None:
    asked = _names(monkeypatch, *addresses)
    name, rest = found("", "irna")
    assert (name.step, name.state, rest.step, rest.state) == ("name", "✗", "the rest", "–")
    assert name.said.startswith(said)
    assert advice in name.advice
    assert asked == ["www.irna.ir"]


def test_a_host_left_out_of_the_mapping_is_not_looked_up(site: Odd, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _names(monkeypatch)
    name, _ = found(site.hosts.replace("*", "www.mehrnews.com"), "irna")
    assert (name.state, name.advice) == ("✗", "unset DIDBAN_HOSTS, or name it there")
    assert asked == []


def test_a_proxy_looks_up_and_vouches_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = _names(monkeypatch)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        toml = f'[fetch."www.irna.ir"]\nproxy = "http://127.0.0.1:{closed.getsockname()[1]}"\n'
        name, tls, robots, _ = found("", "irna", toml=toml, folder=tmp_path)
    assert (name.state, tls.state, robots.state) == ("–", "–", "✗")
    assert "look at your network" in robots.advice
    assert "www.irna.ir" not in asked


def _certified(folder: Path, name: str, days: float) -> Path:
    """A certificate that is its own authority, and its key, good for so many days from now."""
    x509 = pytest.importorskip("cryptography.x509", reason="makes the certificate")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = serialization.PrivateFormat.PKCS8
    both = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, secret, serialization.NoEncryption()
    )
    path = folder / "both.pem"
    path.write_bytes(both)
    return path


@pytest.mark.parametrize(
    ("name", "days", "trusted", "state", "said", "advice"),
    [
        ("www.irna.ir", 900, True, "✓", "certificate by www.irna.ir until 14", ""),
        ("www.irna.ir", 900, False, "✗", "not trusted (self", 'ca_file under [fetch."www.irna.ir"] in didban.toml'),
        ("www.irna.ir", -1, True, "✗", "certificate has expired", "is this computer's clock right?"),
        ("other.irna.ir", 900, True, "✗", "Hostname mismatch", "write its home under [sources.irna]"),
    ],
)
def test_a_certificate_is_looked_at_as_a_fetch_would(
    site: Odd, tmp_path: Path, name: str, days: float, trusted: bool, state: str, said: str, advice: str
) -> None:
    both = _certified(tmp_path, name, days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    site._server.socket = context.wrap_socket(site._server.socket, server_side=True)
    toml = f'[fetch."www.irna.ir"]\nca_file = "{both}"\n' if trusted else ""
    steps = found(site.hosts.replace("http:", "https:"), "irna", toml=toml, folder=tmp_path)
    (tls,) = [step for step in steps if step.step == "tls"]
    assert tls.state == state
    assert said in tls.said
    assert advice in tls.advice
    assert ("article" in {step.step for step in steps}) is (state == "✓"), "after it, pages are fetched, or nothing is"
    assert bool(site.requests) is (state == "✓")


def test_a_ca_file_that_is_none_is_the_operator_s_to_mend(site: Odd, tmp_path: Path) -> None:
    toml = f'[fetch."www.irna.ir"]\nca_file = "{tmp_path / "none.pem"}"\n'
    steps = found(site.hosts.replace("http:", "https:"), "irna", toml=toml, folder=tmp_path)
    assert "none.pem" in failed(steps)["tls"].said
    assert failed(steps)["tls"].advice == 'mend it under [fetch."www.irna.ir"] in didban.toml'


# ── the command ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def command(site: Odd, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setenv("DIDBAN_HOSTS", site.hosts)
    monkeypatch.setenv("DIDBAN_RATE", "500")
    site.publish("irna")
    site.hands.at = datetime.now(UTC)

    def run(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as stop:
            cli.main(["sources", "check", *arguments])
        return int(stop.value.code or 0), capsys.readouterr().out

    return run


def test_the_command_prints_lines_a_table_or_json(site: Odd, command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site.wall("irna")
    code, out = command("irna")
    assert code == 1
    assert [line.split("\t")[1] for line in out.splitlines()][:4] == ["name", "tls", "robots", "feed"]
    code, out = command("irna", "--json")
    steps = json.loads(out)
    assert code == 1
    assert {"source", "step", "state", "said", "advice"} == set(steps[0])
    assert [step["step"] for step in steps if step["state"] == "✗"] == ["page", "archive", "article"]
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    _, out = command("irna")
    assert "what to do" in out
    assert 'under [fetch."www.irna.ir"] in didban.toml' in out, "brackets are no markup"


def test_the_command_succeeds_when_nothing_needs_a_look(site: Odd, command: Any) -> None:
    site.publish("ostan_lr")
    code, out = command("ostan_lr")
    assert code == 0, out
