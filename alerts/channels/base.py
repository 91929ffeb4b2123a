"""What a channel is: a name for somewhere a message can be sent."""

from __future__ import annotations

from typing import Protocol

from didban.alert import AnyDraft


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

    async def send(self, part: str, *, key: str, number: int, total: int) -> None:
        """Send part `number` (from 1) of `total`; `key` is the message's and the same on every try.

        Raises ChannelUnreachable when there is no network to it, ChannelRefused when it will never take this message,
        SendError when it did not take it now.
        """
        ...
