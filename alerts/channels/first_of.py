"""Several channels in order: the first one that takes a message has it.

    first_of:telegram,bale,mail

One key for all of them. A member that does not take the whole message leaves it to the next; on the next try the first is asked
first again, for the parts that it has not taken. Which one took it is written down.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from alerts.channels.base import Channel, Receipt, Steps, Stepwise
from didban.alert import AnyDraft
from didban.errors import ChannelRefused, ChannelUnreachable, SendError

SCHEME: Final = "first_of:"


def members(url: str) -> tuple[str, ...]:
    """The channels that `first_of:A,B` names; none when the URL is of another kind."""
    if not url.lower().startswith(SCHEME):
        return ()
    return tuple(dict.fromkeys(name for one in url[len(SCHEME) :].split(",") if (name := one.strip().strip("/"))))


@dataclass(frozen=True, slots=True)
class FirstOf(Stepwise):
    """Its one part holds what each member would send, by the member's name."""

    name: str
    members: tuple[Channel, ...]

    @property
    def deadline(self) -> float:
        return sum(member.deadline for member in self.members)

    def render(self, draft: AnyDraft) -> tuple[str, ...]:
        return (json.dumps({member.name: member.render(draft) for member in self.members}, ensure_ascii=False),)

    async def send(self, part: str, *, key: str, number: int, total: int, steps: Steps | None = None) -> Receipt | None:
        del number, total  # always 1 of 1
        rendered: dict[str, list[str]] = json.loads(part)
        steps = _Forgetful() if steps is None else steps
        failures: list[SendError] = []
        for member in self.members:
            if member.name in rendered:
                try:
                    complaint = await _through(member, rendered[member.name], key, steps)
                except SendError as error:
                    failures.append(error)
                else:
                    return Receipt(by=member.name, complaint=complaint)
        raise self._mildest(failures)

    def _mildest(self, failures: Sequence[SendError]) -> SendError:
        """Unreachable is milder than not now, and that than never."""
        if not failures:
            return SendError(self.name, "none of its channels was there when this message was written", unsure=False)
        kinds: tuple[type[SendError], ...] = (ChannelUnreachable, SendError, ChannelRefused)
        kind: Callable[..., SendError] = next(kind for kind in kinds if any(type(error) is kind for error in failures))
        waits = [error.retry_after for error in failures if error.retry_after is not None]
        return kind(
            self.name,
            "; ".join(f"{error.channel}: {error.problem}" for error in failures),
            retry_after=min(waits, default=None) if len(waits) == len(failures) else None,
            unsure=any(error.unsure for error in failures),
        )


async def _through(member: Channel, parts: Sequence[str], key: str, steps: Steps) -> str:
    """All parts by one member; returns what it complains of."""
    complaints: list[str] = []
    total = len(parts)
    for number, part in enumerate(parts, 1):
        step = f"{member.name}:{number}"
        if step in steps:
            continue
        try:
            async with asyncio.timeout(member.deadline):
                if isinstance(member, Stepwise):
                    receipt = await member.send(part, key=key, number=number, total=total, steps=steps)
                else:
                    receipt = await member.send(part, key=key, number=number, total=total)
        except TimeoutError:
            raise ChannelUnreachable(member.name, f"did not answer within {member.deadline:g} s") from None
        await steps.add(step)
        if receipt is not None and receipt.complaint:
            complaints.append(receipt.complaint)
    return "; ".join(complaints)


class _Forgetful:
    """Steps of a message that nobody keeps."""

    def __init__(self) -> None:
        self._done: set[str] = set()

    def __contains__(self, step: str) -> bool:
        return step in self._done

    async def add(self, step: str) -> None:
        self._done.add(step)
