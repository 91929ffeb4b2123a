"""The only reader of the environment and of didban.toml. `load()` gives one frozen Settings.

The environment wins over didban.toml, which wins over the defaults. `DIDBAN_CONFIG` names the file; without it `didban.toml`
of the current folder is read when there is one. Channels come from `[channels]` and from `DIDBAN_CHANNEL_<NAME>`; their URLs
may hold secrets, so they are never printed, and may name the place where they are kept instead (`revealed`).
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from datetime import date, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from didban.dates import parse_clock, parse_day, parse_span
from didban.errors import DateError, SettingsError
from didban.provinces import PROVINCES

_CHANNEL = "DIDBAN_CHANNEL_"
_WEEK = timedelta(days=7)
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""In the order of `date.weekday`."""


def _span(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return parse_span(value)
    except DateError as error:
        raise ValueError(str(error)) from error


def _words(value: object) -> object:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def _hosts(value: object) -> object:
    """`a=http://127.0.0.1:1,*=http://127.0.0.1:2` → a mapping; loopback targets only."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    return {name.strip(): target.strip().rstrip("/") for name, _, target in pairs}


def _hour(value: object) -> object:
    return None if isinstance(value, str) and value.strip() == "off" else _clock(value)


def _clock(value: object) -> object:
    try:
        return parse_clock(value) if isinstance(value, str) else value
    except DateError as error:
        raise ValueError(str(error)) from error


def _quiet(value: object) -> object:
    """`22:00-06:30` → when it begins and ends; nothing → None."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    start, dash, end = value.partition("-")
    if not dash or start.strip() == end.strip():
        raise ValueError(f"{value!r}: write when they begin and end, 22:00-06:30, or nothing for none")
    return _clock(start), _clock(end)


def _holiday(value: object) -> date:
    """TOML's own dates are days too; a year before 1600 is Jalali, everywhere."""
    said = value.isoformat() if isinstance(value, date) else value
    if not isinstance(said, str):
        raise ValueError(f"{said!r} is no day: write 1405-01-02 or 2026-03-22")  # noqa: TRY004 - pydantic's way to say so
    try:
        return parse_day(said)
    except DateError as error:
        raise ValueError(str(error)) from error


def _kept(value: object) -> object:
    span = timedelta.max if value == "all" else _span(value)
    if isinstance(span, timedelta) and span < _WEEK:
        raise ValueError("keep pages for 7d at least, or all: a source's state is judged by its newest ones")
    return span


Span = Annotated[timedelta, BeforeValidator(_span)]
Kept = Annotated[timedelta, BeforeValidator(_kept)]
"""How long pages are kept: `365d`, or `all`."""
Clock = Annotated[time, BeforeValidator(_clock)]
Hour = Annotated[time | None, BeforeValidator(_hour)]
Holiday = Annotated[date, BeforeValidator(_holiday)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Hosts = Annotated[dict[str, str], BeforeValidator(_hosts)]


class HostSettings(BaseModel):
    """`[fetch."www.irna.ir"]`: how to reach one host."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    proxy: SecretStr | None = None
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    cookies: dict[str, SecretStr] = Field(default_factory=dict)
    ca_file: Path | None = None


class PagesSettings(BaseModel):
    """`[pages]`: for how long pages are kept that have been read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keep: Kept = timedelta.max
    """Those of articles."""
    listings: Kept = timedelta(days=14)
    """Those of listings, feeds and sitemaps."""
    current: bool = True
    """Is the page that an article's text as it stands was read from kept all the same?"""


class ChannelSettings(BaseModel):
    """`[channel.NAME]`: what a channel needs beside its URL. `secret` and `proxy` may be `env:NAME` or `secret:PATH`, too."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    proxy: SecretStr | None = None
    ca_file: Path | None = None
    secret: SecretStr | None = None
    """Signs what a webhook gets."""
    api: str | None = None
    """Where a messenger's API is, when not where it usually is."""


class SourcesSettings(BaseModel):
    """`sources = ["irna", "mehr"]`; or `[sources]` with `watch = [...]` and a table `[sources.KEY]` for each that is changed
    or added. What such a table may hold is checked where sources are made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    watch: Words = ()
    own: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _either(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return {"watch": value}
        own = {str(key): table for key, table in value.items() if key != "watch"}
        if wrong := [key for key, table in own.items() if not isinstance(table, Mapping)]:
            raise ValueError(f"{wrong[0]} is no table; the sources to watch are named in watch = [...]")
        return {"watch": value.get("watch", ()), "own": own}


class WebSettings(BaseModel):
    """`[web]`: the officer's page, and who may see it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8130, ge=0, le=65535)
    password: SecretStr = SecretStr("")
    """As `didban web --hash-password` prints it; needed for any address but loopback, unless a proxy says who comes."""
    trusted_header: str = ""
    """The header in which a proxy in front says who has logged in, `X-Remote-User`; believed from `proxies` alone."""
    proxies: Words = ("127.0.0.1", "::1")
    hosts: Words = ()
    """The names, beside loopback's, by which the page may be called."""
    up: bool = True
    """Whether `didban up` serves it, too."""
    https: bool = False
    """Whether browsers reach it by https alone, through a proxy: the session's cookie then goes nowhere else."""

    @model_validator(mode="after")
    def _not_for_everybody(self) -> Self:
        if not self.is_local and not self.password.get_secret_value() and not self.trusted_header:
            raise ValueError(
                f"{self.host} is not loopback: set password (`didban web --hash-password` makes it), or trusted_header"
            )
        return self

    @property
    def is_local(self) -> bool:
        return self.host in {"127.0.0.1", "localhost", "::1"}


class DeliverySettings(BaseModel):
    """`[delivery]`: when people hear. docs/delivery.md explains it; `alerts/policy.py` reckons with it. `delivery = "now"` tells
    everything as it comes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gather: Span = timedelta(minutes=5)
    """How long a normal alert waits for more on its story."""
    digests: tuple[Clock, ...] = (time(7, 30), time(17, 30))
    """When digests go out, by Tehran's clock; without any, nothing waits for one."""
    quiet: Annotated[tuple[Clock, Clock] | None, BeforeValidator(_quiet)] = (time(22, 0), time(6, 30))
    """The hours in which only what is urgent is told."""
    weekend: Words = ("thursday", "friday")
    weekend_digests: bool = False
    """Are there digests on days off, too?"""
    holidays: tuple[Holiday, ...] = ()
    """Days off beside the weekend and Iran's official holidays."""
    burst: int = Field(default=8, ge=0)
    """So many stories of one rule at once are one message; 0: never."""
    escalate: Span = timedelta(minutes=30)
    """How long an urgent alert waits to be acknowledged, before it goes to the next channel of `escalate_to`."""
    escalate_to: Words = ()

    @model_validator(mode="before")
    @classmethod
    def _now(cls, value: object) -> object:
        if isinstance(value, str):
            if value != "now":
                raise ValueError(f'{value!r}: write a table, or "now" for everything as it comes')
            return {"gather": timedelta(0), "digests": (), "quiet": None, "burst": 0}
        return value

    @field_validator("gather", "escalate")
    @classmethod
    def _a_while(cls, span: timedelta) -> timedelta:
        if span > timedelta(days=1):
            raise ValueError("a day at most: write 5m or 1h")
        return span

    @field_validator("digests")
    @classmethod
    def _in_order(cls, digests: tuple[time, ...]) -> tuple[time, ...]:
        return tuple(sorted(set(digests)))

    @field_validator("weekend")
    @classmethod
    def _days(cls, weekend: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(name.lower() for name in weekend))
        for name in names:
            if name not in WEEKDAYS:
                raise ValueError(f"no day {name!r}{_nearest(name, list(WEEKDAYS))}")
        if len(names) == len(WEEKDAYS):
            raise ValueError("a week without a working day: name the days off, at most six")
        return names


class Settings(BaseModel):
    """Everything an operator may set; the README has the same table."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    var: Path = Path("var")
    """The folder for everything written."""
    database_url: str = Field(default="", repr=False)
    """SQLAlchemy URL; empty is SQLite at VAR/didban.db."""
    rules: Path | None = None
    """A rules file of your own; the default rules otherwise."""
    rate: float = Field(default=1.0, gt=0, le=1000)
    """Requests per second and host."""
    alert_window: Span = timedelta(hours=72)
    """How old an article may be and still be told: `72h`, `7d`, `unlimited`."""
    hosts: Hosts = Field(default_factory=dict)
    """Sends a host's traffic to a loopback server (rehearsals, tests)."""
    home: str = ""
    """The slug of your own province: its alerts on the rules marked so are urgent."""
    contact: str = ""
    """An address that the sites' operators see in our User-Agent."""
    sources: SourcesSettings = SourcesSettings()
    """The sources that the watch polls (empty is the default three), and the operator's own: tables `[sources.KEY]`."""
    channels: dict[str, SecretStr] = Field(default_factory=dict)
    """Names for channel URLs; empty is the console."""
    channel: dict[str, ChannelSettings] = Field(default_factory=dict)
    """Per channel: proxy, CA file, a webhook's secret, a messenger's API."""
    operator: Words | None = None
    """The channels that hear when a source's state changes: the first unless named, none when empty."""
    report: Hour = time(8)
    """When the operator's daily report is told, by Tehran's clock: `08:00`, `off`."""
    metrics: str = ""
    """HOST:PORT where /health and /metrics answer; empty is 127.0.0.1:4201."""
    metrics_token: SecretStr | None = None
    """Who asks there has to show it, as `Authorization: Bearer …`; without one only loopback is listened on."""
    fetch: dict[str, HostSettings] = Field(default_factory=dict)
    """Per host: proxy, headers, cookies, CA file."""
    pages: PagesSettings = PagesSettings()
    """Which fetched pages are kept, and for how long."""
    web: WebSettings = WebSettings()
    """The officer's page."""
    delivery: DeliverySettings = DeliverySettings()
    """When people hear. In a rehearsal (`hosts`) they hear at once, unless it says otherwise."""

    @model_validator(mode="before")
    @classmethod
    def _rehearsed(cls, given: object) -> object:
        if isinstance(given, dict) and given.get("hosts") and "delivery" not in given:
            return {**given, "delivery": "now"}
        return given

    @model_validator(mode="after")
    def _known_channels(self) -> Self:
        for name in self.delivery.escalate_to:
            if name not in self.channels:
                raise ValueError(
                    f"delivery.escalate_to: there is no channel {name!r}{_nearest(name, list(self.channels))}"
                )
        return self

    @field_validator("hosts")
    @classmethod
    def _loopback_only(cls, hosts: dict[str, str]) -> dict[str, str]:
        for name, target in hosts.items():
            scheme, _, rest = target.partition("://")
            where, _, port = rest.rpartition(":")
            numbered = port.isascii() and port.isdecimal() and 0 < int(port) < 65536
            if not name or scheme not in {"http", "https"} or where not in LOOPBACK or not numbered:
                raise ValueError(
                    f"{name}={target}: write HOST=http://127.0.0.1:PORT; only loopback targets are allowed"
                )
        return hosts

    @field_validator("home")
    @classmethod
    def _a_province(cls, home: str) -> str:
        slugs = [province.slug for province in PROVINCES]
        if home and home not in slugs:
            raise ValueError(f"no province {home!r}{_nearest(home, slugs)}; `lorestan` is one")
        return home

    @model_validator(mode="after")
    def _channels_that_are_there(self) -> Settings:
        for name in self.channel:
            if name not in self.channels:
                raise ValueError(
                    f"[channel.{name}] is of no channel{_nearest(name, self.channels)}; [channels] names them"
                )
        return self

    @property
    def rules_folder(self) -> Path:
        """Where more rules stand, a file each: beside the rules file, or, where the default rules are used, in VAR."""
        return (self.var if self.rules is None else self.rules.parent) / "rules.d"

    @property
    def store_url(self) -> str:
        return self.database_url or f"sqlite:///{(self.var / 'didban.db').absolute()}"


def revealed(value: str, *, what: str, environ: Mapping[str, str] | None = None) -> str:
    """A secret as it is, or from where it is kept: `env:NAME` is a variable, `secret:PATH` the first line of a file.

    Raises SettingsError, which names `what` and the place, never the value.
    """
    kind, _, place = value.partition(":")
    if kind == "env":
        if found := (os.environ if environ is None else environ).get(place):
            return found
        raise SettingsError(f"{what} is to be in the environment variable {place}, which is not set")
    if kind == "secret":
        try:
            lines = Path(place).read_text("utf-8").splitlines()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise SettingsError(f"{what} is to be in the file {place!r}, which cannot be read: {reason}") from None
        if lines and lines[0].strip():
            return lines[0].strip()
        raise SettingsError(f"{what} is to be in the first line of {place!r}, which is empty")
    return value


def config_path(environ: Mapping[str, str] | None = None) -> Path:
    """The settings file: DIDBAN_CONFIG, else `didban.toml` here, whether or not it is there."""
    return Path((os.environ if environ is None else environ).get("DIDBAN_CONFIG") or "didban.toml")


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment and didban.toml. Raises SettingsError naming the file or variable."""
    environ = os.environ if environ is None else environ
    named = environ.get("DIDBAN_CONFIG")
    path = config_path(environ)
    given: dict[str, Any] = {}
    if named or path.exists():
        given = _toml(path)
    channels = given.get("channels", {})
    if not isinstance(channels, dict):
        raise SettingsError(f'{path}: channels: write a table of names and URLs, [channels] NAME = "URL"')
    channels = channels | {
        key.removeprefix(_CHANNEL).lower().replace("_", "-"): value
        for key, value in environ.items()
        if key.startswith(_CHANNEL) and value
    }
    given["channels"] = channels or {"console": "console:"}
    _check_variables(environ)
    said: dict[str, Any] = {name: text for name in _FROM_ENVIRONMENT if (text := environ.get(_variable(name)))}
    if "sources" in said and isinstance(tables := given.get("sources"), dict):
        said["sources"] = {**tables, "watch": said["sources"]}  # what they are, the file still says
    given |= said
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "settings"
        name = _variable(where) if environ.get(_variable(where)) else f"{path}: {where}"
        raise SettingsError(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None


def _toml(path: Path) -> dict[str, Any]:
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(
            f"{path}: cannot be read ({error.strerror}); DIDBAN_CONFIG names the settings file"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None
    for key in given:
        if key not in Settings.model_fields:
            raise SettingsError(f"{path}: unknown setting {key!r}{_nearest(key, Settings.model_fields)}")
    return given


_TABLES = frozenset({"channels", "channel", "fetch", "web", "pages"})
_FROM_ENVIRONMENT = tuple(name for name in Settings.model_fields if name not in _TABLES)
_OTHER_VARIABLES = ("DIDBAN_CONFIG", "DIDBAN_PICTURES", "DIDBAN_TEST_BROWSER", "DIDBAN_TEST_POSTGRES")


def _variable(name: str) -> str:
    return f"DIDBAN_{name.upper()}"


def _check_variables(environ: Mapping[str, str]) -> None:
    known = [_variable(name) for name in _FROM_ENVIRONMENT] + list(_OTHER_VARIABLES)
    for key in environ:
        if key.startswith("DIDBAN_") and not key.startswith(_CHANNEL) and key not in known:
            raise SettingsError(f"unknown environment variable {key}{_nearest(key, known)}")


def _nearest(word: str, known: Mapping[str, Any] | list[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
