"""The table of sources: the one place that knows them all.

all_sources()    those watched unless the operator names others      known_sources()   every one
get(key)         any of them                                         build(tables)     them and the operator's own
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from didban.dates import parse_day, parse_span
from didban.errors import DateError, InputError
from didban.provinces import by_name
from didban.urls import host_of
from scrapers.base import Site, Source
from scrapers.detect import ENGINES, engine_name
from scrapers.sources.hamshahri import HAMSHAHRI
from scrapers.sources.irna import IRNA
from scrapers.sources.isna import ISNA
from scrapers.sources.mehr import MEHR
from scrapers.sources.provinces import PORTALS

PROVINCES = "provinces"
"""Where a source is named, this means every portal of a governorate whose address is known."""

_SITE = {field.name for field in fields(Site)}


@dataclass(frozen=True, slots=True)
class Registry:
    """The sources by key, those of the table first."""

    sources: Mapping[str, Site]

    def get(self, key: str) -> Source:
        """The source of that key. Raises InputError with the nearest key we know."""
        try:
            return _source(self.sources[key])
        except KeyError:
            watched = ", ".join(source.key for source in self.watched())
            hint = _near(key, self.sources) or f"known: {watched} and more; `didban sources` lists them"
            raise InputError(f"no source {key!r} ({hint})") from None

    def known(self) -> tuple[Source, ...]:
        return tuple(map(_source, self.sources.values()))

    def watched(self) -> tuple[Source, ...]:
        """Those watched when nobody names any."""
        return tuple(_source(site) for site in self.sources.values() if site.watched and site.home)

    def named(self, names: Iterable[str]) -> tuple[Source, ...]:
        """The sources of these names, each once; `provinces` means all portals that have an address. Raises InputError."""
        keys: list[str] = []
        for name in names:
            portals = [key for key, site in self.sources.items() if site.province and site.home]
            keys += portals if name == PROVINCES else [name]
        return tuple(map(self.get, dict.fromkeys(keys)))


def build(tables: Mapping[str, Mapping[str, object]] = MappingProxyType({})) -> Registry:
    """The sources, changed and added to by tables such as those of `[sources.KEY]` in didban.toml.

    A table of a known key changes what it names; with another `engine`, all but the site's own facts begin anew. A new
    key needs `home`. Raises InputError naming the key, what is wrong in its table, and the nearest word we know.
    """
    sources: dict[str, Site] = {source.key: source for source in _IN_ORDER}
    for key, table in tables.items():
        if not key.isidentifier() or key in {PROVINCES, "watch"}:
            raise InputError(f"sources.{key}: a source's key is letters, digits and `_`")
        try:
            sources[key] = _changed(sources, key, table)
            _source(sources[key]).watch()  # a listing that it cannot make, it says now
        except InputError as error:
            raise InputError(f"sources.{key}: {error}") from None
    return Registry(MappingProxyType(sources))


def all_sources() -> tuple[Source, ...]:
    """The sources watched unless the operator names others, in the order of the table."""
    return _TABLE.watched()


def known_sources() -> tuple[Source, ...]:
    """Every source of the table, those without an address too."""
    return _TABLE.known()


def get(key: str) -> Source:
    """The source of that key. Raises InputError with the nearest key we know."""
    return _TABLE.get(key)


# ── the operator's own ────────────────────────────────────────────────────────────────────────────────────────────────


def _changed(sources: Mapping[str, Site], key: str, table: Mapping[str, object]) -> Site:
    given, site = dict(table), sources.get(key)
    before = engine_name(site) if site else "generic"
    engine = _text("engine", given.pop("engine", before))
    if engine not in ENGINES:
        raise InputError(f"no engine {engine!r}; there are {', '.join(ENGINES)}")
    selectors = _selectors(given.pop("selectors", {}))
    platform: type[Any] = type(site) if site is not None and engine == before else ENGINES[engine]
    own = {
        field.name: _OWN.get(field.name) or (_texts if isinstance(field.default, tuple) else _text)
        for field in fields(platform)
    }
    read = {name: reader for name, reader in own.items() if name not in _SITE} | dict(_READ)
    for name in given:
        if name not in read:
            raise InputError(f"unknown setting {name!r}{_hint(name, [*read, 'engine', 'selectors'])}")
    facts: dict[str, Any] = {name: read[name](name, value) for name, value in given.items()}
    if "home" in facts:
        facts.setdefault("hosts", ((host_of(facts["home"]) or "").removeprefix("www."),))
    if selectors:
        platform = platform.styled(selectors)
    if site is None:
        if "home" not in facts:
            raise InputError(f"a new source needs its home, an address{_hint(key, sources)}")
        return platform(**{"key": key, "name": facts["hosts"][0], **facts})
    kept = {field.name: getattr(site, field.name) for field in fields(site)} if engine == before else site.facts()
    return platform(**{**kept, **facts})


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InputError(f'{name} is a string, such as {name} = "…"')
    return value


def _home(name: str, value: object) -> str:
    home = _text(name, value)
    if host_of(home) is None:
        raise InputError(f"{name} {home!r} is no web address: write one such as https://www.example.ir/")
    return home if home.endswith("/") else f"{home}/"


def _hosts(name: str, value: object) -> tuple[str, ...]:
    hosts = tuple(host.lower() for host in _texts(name, value))
    if not hosts or any("/" in host or host_of(f"https://{host}/") != host for host in hosts):
        raise InputError(f'{name} are names of hosts, such as {name} = ["example.ir"]')
    return hosts


def _texts(name: str, value: object) -> tuple[str, ...]:
    """One string, or a list of them."""
    texts = (value,) if isinstance(value, str) else value
    if (
        not isinstance(texts, Sequence)
        or not texts
        or not all(isinstance(text, str) and text.strip() for text in texts)
    ):
        raise InputError(f"{name} is a string or a list of strings")
    return tuple(str(text) for text in texts)


def _every(name: str, value: object) -> timedelta:
    try:
        every = parse_span(_text(name, value))
    except DateError as error:
        raise InputError(f"{name}: {error}") from None
    if not timedelta(minutes=1) <= every <= timedelta(days=7):
        raise InputError(f"{name} is from 1m to 7d")
    return every


def _day(name: str, value: object) -> date:
    """A string in either calendar, or a date as TOML writes it."""
    try:
        return parse_day(value.isoformat() if type(value) is date else _text(name, value))
    except DateError as error:
        raise InputError(f"{name}: {error}") from None


def _watched(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{name} is true or false")
    return value


def _province(name: str, value: object) -> str:
    province = by_name(_text(name, value))
    if province is None:
        raise InputError(f"{name} {value!r} is no province: write its slug or its name")
    return province.slug


def _identifier(name: str, value: object) -> str:
    text = _text(name, value)
    try:
        groups = re.compile(text).groups
    except re.error as error:
        raise InputError(f"{name} is no regular expression: {error}") from None
    if groups != 1:
        raise InputError(f"{name} has one group, the number: id=(\\d+)")
    return text


def _numbers(name: str, value: object) -> dict[str, int]:
    if not isinstance(value, Mapping) or not all(type(number) is int for number in value.values()):
        raise InputError(f"{name} is a table of numbers, such as {name} = {{ lorestan = 1032 }}")
    return {str(key): int(number) for key, number in value.items()}


def _selectors(value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        raise InputError('selectors is a table, such as selectors = { title = "h1" }')
    read = {str(name): _texts(f"selectors.{name}", given) for name, given in value.items()}
    for name, texts in read.items():
        for text in texts:
            try:
                LexborHTMLParser("<p>").css(text)
            except SelectolaxError:
                raise InputError(f"selectors.{name}: {text!r} is no CSS selector") from None
    return read


_OWN: Mapping[str, Any] = MappingProxyType({"identifier": _identifier, "tp": _numbers})
_READ: Mapping[str, Any] = MappingProxyType(
    {
        "name": _text,
        "home": _home,
        "hosts": _hosts,
        "rights": _text,
        "credit": _text,
        "province": _province,
        "every": _every,
        "archive_from": _day,
        "watched": _watched,
    }
)


def _source(site: Any) -> Source:  # noqa: ANN401 - every platform's class is a Site and has a Source's methods
    source: Source = site
    return source


def _near(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else ""


def _hint(word: str, known: Iterable[str]) -> str:
    return f" ({near})" if (near := _near(word, known)) else ""


_IN_ORDER: tuple[Site, ...] = tuple(sorted((IRNA, MEHR, ISNA, HAMSHAHRI, *PORTALS), key=lambda site: not site.watched))
_TABLE = build()
SOURCES: Mapping[str, Source] = MappingProxyType({source.key: source for source in all_sources()})
"""The sources watched unless the operator names others."""
