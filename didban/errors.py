"""Every error Didban raises on purpose. Each is one line that says what is wrong and what to do.

DidbanError
├── SettingsError          didban.toml or the environment is wrong
├── InputError             what the user handed us cannot be used
│   ├── DateError          a date that does not exist or cannot be read
│   ├── SeedError          not one of the three seed shapes
│   ├── ArticleError       not an article as JSON
│   ├── MissingExtra       it needs a package that this installation does without
│   ├── QueryError         a search that cannot be read (mistake)
│   ├── Overtaken          somebody else changed meanwhile what is to be changed
│   └── RulesError         a rules file is wrong: path, line, suggestion
├── FetchError             no page came back                    (url)
│   ├── Unreachable        no connection, DNS failure, time-out: the network, not the page
│   ├── ServerFault        5xx, or an answer that broke off
│   ├── Blocked            a wall, 401, 403, 429: somebody does not want us now (retry_after)
│   ├── Disallowed         robots.txt, a private address, no web address: we do not ask
│   │   └── Moved          a redirect out of the source's hosts
│   ├── Gone               404 or 410 (status)
│   └── TooLarge           more bytes than a page may have
├── ReadError              a page came back, and cannot be read (url)
│   ├── LayoutChanged      a selector found nothing, or too much
│   └── Unreadable         not markup at all, cut off, too deep, empty
├── StoreError             the database
│   ├── StoreTooNew        made by a later version: refuse to touch it
│   └── StoreUnavailable   full, read only, not there
│       └── StoreAway      locked by another process, restarting: there again in a while
├── ServerError            the Prefect server does not start, or does not answer
└── SendError              a channel did not take a message (retry_after)
    ├── ChannelUnreachable no network to the channel: never a dead letter
    └── ChannelRefused     the channel said no for good: a dead letter
"""

from __future__ import annotations


class DidbanError(Exception):
    """The root; `str(error)` is one line for the operator."""


class SettingsError(DidbanError):
    """didban.toml or an environment variable is wrong."""


class InputError(DidbanError):
    """What the user handed us cannot be used."""


class DateError(InputError):
    """A date that does not exist (30 Esfand 1402) or that no known printed form explains."""


class SeedError(InputError):
    """A document that is none of the three seed shapes, or a damaged one."""


class ArticleError(InputError):
    """A JSON object that is not an article."""


class MissingExtra(InputError):
    """`what` is done by `package`, which is not installed, or does not work here; the extra of the same name brings it."""

    def __init__(self, what: str, package: str, problem: str = "is not installed") -> None:
        self.package = package
        super().__init__(f"{what} needs {package}, which {problem}; install didban[{package}]")


class QueryError(InputError):
    """A search that cannot be read. `mistake` is one of `many`, `nothing`, `out`, `field`, `open`, `unopened`."""

    def __init__(self, problem: str, *, mistake: str) -> None:
        self.mistake = mistake
        super().__init__(problem)


class Overtaken(InputError):
    """Somebody else changed it first: look at it again."""


class RulesError(InputError):
    """A rules file is wrong. `line` counts from 1; `suggestion` is the nearest word we know."""

    def __init__(self, problem: str, *, path: str = "", line: int | None = None, suggestion: str | None = None) -> None:
        self.problem = problem
        self.path = path
        self.line = line
        self.suggestion = suggestion
        place = f"{path}:{line}: " if path and line else f"{path}: " if path else ""
        hint = f" (did you mean {suggestion!r}?)" if suggestion else ""
        super().__init__(f"{place}{problem}{hint}")


class FetchError(DidbanError):
    """No usable page came back from `url`."""

    def __init__(self, url: str, problem: str) -> None:
        self.url = url
        self.problem = problem
        super().__init__(f"{url}: {problem}")


class Unreachable(FetchError):
    """No connection, no DNS answer, or nothing in time."""


class ServerFault(FetchError):
    """The server answered 5xx, or broke off in mid-answer."""


class Blocked(FetchError):
    """A wall page, 401, 403 or 429. `retry_after` is in seconds when the server said so; `alone` when it may be this address
    that is closed and not the site: a status without a word of a wall, redirects that lead nowhere."""

    def __init__(self, url: str, problem: str, *, retry_after: float | None = None, alone: bool = False) -> None:
        super().__init__(url, problem)
        self.retry_after = retry_after
        self.alone = alone


class Disallowed(FetchError):
    """We do not ask for this address: robots.txt, a redirect out of the source's hosts, a private address."""


class Moved(Disallowed):
    """A redirect out of the source's hosts: the site has moved, or somebody stands between."""


class Gone(FetchError):
    """404 or 410."""

    def __init__(self, url: str, status: int) -> None:
        super().__init__(url, f"the server answers {status}")
        self.status = status


class TooLarge(FetchError):
    """More bytes than a page may have."""


class ReadError(DidbanError):
    """A page came back and cannot be read; it is kept and read again later."""

    def __init__(self, url: str, problem: str) -> None:
        self.url = url
        self.problem = problem
        super().__init__(f"{url}: {problem}")


class LayoutChanged(ReadError):
    """`selector` matched `count` nodes where the reader needs another number. `field` is what it was to find, when known."""

    def __init__(self, url: str, selector: str, count: int, *, field: str | None = None) -> None:
        self.selector = selector
        self.count = count
        self.field = field
        super().__init__(url, f"{selector!r} matches {count} nodes; the page's layout has changed")


class Unreadable(ReadError):
    """Not markup at all, cut off, too deep, or empty."""


class StoreError(DidbanError):
    """The database."""


class StoreTooNew(StoreError):
    """The database was made by a later version of Didban."""


class StoreUnavailable(StoreError):
    """Full, read only, or not there."""


class StoreAway(StoreUnavailable):
    """Locked by another process, restarting, or out of reach: it may be there again in a while, and nobody need mend it."""


class ServerError(DidbanError):
    """The Prefect server does not start, or does not answer."""


class SendError(DidbanError):
    """A channel did not take a message now. `retry_after` is in seconds when the receiver said so; `unsure` when it may have taken
    the message all the same: the answer was lost, or is somebody else's in between."""

    def __init__(self, channel: str, problem: str, *, retry_after: float | None = None, unsure: bool = True) -> None:
        self.channel = channel
        self.problem = problem
        self.retry_after = retry_after
        self.unsure = unsure
        super().__init__(f"channel {channel}: {problem}")


class ChannelUnreachable(SendError):
    """No network to the channel; tried again for as long as it takes."""


class ChannelRefused(SendError):
    """The receiver refused this message for good."""
