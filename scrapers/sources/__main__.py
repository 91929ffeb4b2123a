"""`python -m scrapers.sources > docs/sources.md`: what is known of each source, as the tables of this room say it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from inspect import getdoc, getmodule
from typing import Any

from didban.dates import day_bounds, jalali_iso
from didban.provinces import PROVINCES
from scrapers.base import Site
from scrapers.detect import ENGINES, SIGNS, engine_name
from scrapers.sources import build

_HEAD = """\
# Sources

Generated from the tables in `scrapers/` by `python -m scrapers.sources > docs/sources.md`; a test keeps it equal. Nothing here was
seen live: `didban sources check SOURCE` says what a site really serves, and `[sources.KEY]` in didban.toml corrects it.

Confidence is that the domain is this source's: **A** real pages of it have been read, **H** high (named in several places),
**M** medium (in one), **L** low, **–** no domain is confirmed. *Watched* are those polled when `sources` names none; there,
`provinces` names every portal that has a domain. *Rights* are the terms that the site itself prints, *credit* whom they ask to be
named; where they are not known, ask the site before you publish its texts.
"""
_FACTS = ("engine", "confidence", "every", "archive from", "lists", "rights", "credit", "known")
_UNKNOWN = "not known: the one its pages show"


def document() -> str:
    """The whole of docs/sources.md."""
    sites = list(build().sources.values())
    agencies = [site for site in sites if site.province is None]
    portals = {site.province: site for site in sites if site.province is not None}
    parts = [
        _HEAD,
        "## Agencies and papers\n",
        _table(
            ("source", "name", "domain", *_FACTS),
            ((_key(site), site.name, _hosts(site), *_facts(site)) for site in agencies),
        ),
        "## Portals of the governorates\n",
        _table(
            ("ISO", "province", "source", "name", "domain, aliases", *_FACTS),
            (
                (it.iso, it.slug, _key(site), site.name, _hosts(site), *_facts(site))
                for it in PROVINCES
                for site in [portals[it.slug]]
            ),
        ),
        "## Engines\n",
        f"Recognised, by generator or markup: {', '.join(SIGNS)}. Those without a reader of their own are the generic one's.\n",
        *(part for name, platform in ENGINES.items() for part in _engine(name, platform)),
        "## Selectors of single sources\n",
        "Where a source is not named here, its engine's selectors are its own.\n",
        _table(("source", "what", "selectors"), _own_selectors(sites)),
    ]
    return "\n".join(parts)


def _key(site: Site) -> str:
    return f"`{site.key}`" + (" *watched*" if site.watched else "")


def _hosts(site: Site) -> str:
    return ", ".join(site.hosts) or "none confirmed"


def _facts(site: Any) -> tuple[str, ...]:  # noqa: ANN401 - a source
    engine = engine_name(site)
    unknown = engine == "generic" and not site.sure
    paths = [listing.url.removeprefix(site.home) or "the home page" for listing in site.watch()]
    return (
        _UNKNOWN if unknown else engine,
        site.confidence or "–",
        f"{site.every.total_seconds() / 60:g} min",
        (site.archive_from and jalali_iso(day_bounds(site.archive_from)[0], with_time=False)) or "not known",
        ", ".join(path if path == "the home page" else f"`{path}`" for path in paths) or "nothing: it has no address",
        site.rights or "not known",
        site.credit or "–",
        " ".join((site.note or getdoc(sys.modules.get(f"scrapers.sources.{site.key}")) or "").split()),
    )


def _engine(name: str, platform: type[Any]) -> Iterator[str]:
    yield f"### {name}\n"
    module = getmodule(platform)
    yield (getdoc(module) or "") + "\n"
    yield _table(("what", "selectors, in the order they are tried"), _selectors(platform).items())


def _selectors(platform: type[Any]) -> dict[str, str]:
    """By the operator's words; an engine with layouts has its roots, titles and bodies there."""
    found: dict[str, str] = {}
    for name, place in platform.selectors.items():
        if place == "layouts":
            kept = {"root": lambda one: [one.root], "title": lambda one: one.title, "body": lambda one: one.body}
            found[name] = _coded(text for layout in platform.layouts for text in kept.get(name, lambda _: ())(layout))
        elif value := getattr(platform, place, ""):
            found[name] = _coded([value] if isinstance(value, str) else value)
    return {name: text for name, text in found.items() if text}


def _own_selectors(sites: Iterable[Site]) -> Iterator[tuple[str, str, str]]:
    for site in sites:
        usual = _selectors(ENGINES[engine_name(site)])
        for what, text in _selectors(type(site)).items():
            if text != usual.get(what):
                yield f"`{site.key}`", what, text


def _coded(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in dict.fromkeys(texts))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(document().encode())
