"""What a channel is: a name for somewhere a message can be sent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from didban.alert import AnyDraft


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`[channel.NAME]`: what a channel needs beside its URL. Nothing of it is shown but the CA file's path."""

    proxy: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    secret: str | None = field(default=None, repr=False)
    api: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What there is to say of a part that was taken: `by` which of several channels, and what the operator should hear of it."""

    by: str = ""
    complaint: str = ""


class Channel(Protocol):
    """A way to tell someone. Rendering is pure and happens once; sending may be tried as often as it takes."""

    @property
    def name(self) -> str:
        """What the operator calls it: all that the database, logs and errors may say of it."""
        ...

    @property
    def deadline(self) -> float:
        """The seconds one send may take at most; the lease on a message outlives it."""
        ...

    def render(self, draft: AnyDraft) -> tuple[str, ...]:
        """The parts of the message, in the order they are sent; every retry sends these same parts."""
        ...

    async def send(self, part: str, *, key: str, number: int, total: int) -> Receipt | None:
        """Send part `number` (from 1) of `total`; `key` is the message's and the same on every try.

        Raises ChannelUnreachable when there is no network to it, ChannelRefused when it will never take this message,
        SendError when it did not take it now.
        """
        ...


class Steps(Protocol):
    """Which steps of a part are done: written down at once, and known on the next try, also by another process."""

    def __contains__(self, step: str, /) -> bool: ...

    async def add(self, step: str, /) -> None: ...


class Stepwise(ABC):
    """A channel whose part goes to several receivers, one after another: what one of them has taken is not sent to it again."""

    @abstractmethod
    async def send(
        self, part: str, *, key: str, number: int, total: int, steps: Steps | None = None
    ) -> Receipt | None: ...
