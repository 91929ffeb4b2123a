"""Deliver: due notifications are closed into messages, and messages are sent until they are taken.

Channels are independent: one that is down, slow or broken never holds up another. A message that no network could carry waits as
long as it takes; one that its receiver refuses, or fails to take `TRIES` times, is a dead letter until `didban alerts retry`.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from alerts.channels.base import Channel, Receipt, Stepwise
from alerts.policy import escalations, is_quiet, when
from didban.alert import Message
from didban.errors import ChannelRefused, ChannelUnreachable, DidbanError, SendError, StoreError
from didban.outcome import Tally
from didban.settings import DeliverySettings, Settings
from flows.pipeline import Pipeline
from flows.workshop import workshop
from storage.outbox import Terms

TRIES = 12
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)
GRACE = timedelta(seconds=60)
PATIENCE = 3


def run(settings: Settings) -> Tally:
    """Deliver what is due now. Raises SettingsError, StoreError."""

    async def once() -> Tally:
        async with workshop(settings, rules=False) as shop:
            return await deliver(shop.pipeline, shop.channels)

    return asyncio.run(once())


async def deliver(pipeline: Pipeline, channels: Mapping[str, Channel], *, until: datetime | None = None) -> Tally:
    """Send what is due; from `until` on no further message is begun. The tally counts messages sent and those that have to wait."""
    total = Tally()
    for tally in await asyncio.gather(*(on_channel(pipeline, one, until=until) for one in channels.values())):
        total.add(tally)
    return total


async def hasten(pipeline: Pipeline) -> None:
    """A run is over, and nobody may look again soon: what waits only to be gathered, or for better news, is due. Not at night."""
    now, delivery = pipeline.now(), pipeline.delivery
    gathered = now if is_quiet(now, delivery) else now + delivery.gather
    await pipeline.run(pipeline.store.outbox.hasten, now=now, gathered=gathered)


def terms(delivery: DeliverySettings, now: datetime) -> Terms:
    """How the settings bear on what is due now."""
    return Terms(
        burst=delivery.burst,
        gathered=now + delivery.gather,
        normal=when("normal", now, delivery).at,
        digest=when("digest", now, delivery).at,
        escalations=tuple(due for _, due in escalations(now, delivery)),
    )


async def on_channel(pipeline: Pipeline, channel: Channel, *, until: datetime | None = None) -> Tally:
    """Close what is due on one channel, and send its open messages one after the other: until none is due, there is no network, the
    receiver asks for time, or does not take `PATIENCE` of them in a row."""
    tally, failed = Tally(), 0
    lease = timedelta(seconds=channel.deadline) + GRACE
    outbox, now = pipeline.store.outbox, pipeline.now()
    try:
        close = partial(outbox.close_due, (channel.name,), channel.render)
        await pipeline.run(close, now=now, terms=terms(pipeline.delivery, now))
    except DidbanError:
        raise
    except Exception as error:  # ours to mend, and no reason to keep the others waiting
        tally.unsent += 1
        tally.problems.append(str(_unforeseen(channel, error)))
    if pipeline.held.get(channel.name, now) > now:  # news too: `hold` knows of what was closed by then alone
        return tally
    while failed < PATIENCE and (until is None or pipeline.now() < until):
        message = await pipeline.run(_take, pipeline, channel, lease)
        if message is None:
            break
        try:
            complaint = await _send(pipeline, channel, message, lease)
        except SendError as error:
            tally.unsent += 1
            tally.problems.append(str(error))
            await _fail(pipeline, message, error)
            if isinstance(error, ChannelUnreachable) or error.retry_after is not None:
                break
            failed += not isinstance(error, ChannelRefused)
        else:
            failed = 0
            tally.sent += 1
            if complaint:
                tally.problems.append(complaint)
    return tally


def _take(pipeline: Pipeline, channel: Channel, lease: timedelta) -> Message | None:
    """By the clock of the moment: this may have waited for the database, and a lease from before would have run out."""
    take = pipeline.store.outbox.take
    return take((channel.name,), owner=pipeline.owner, now=pipeline.now(), lease=lease)


async def _send(pipeline: Pipeline, channel: Channel, message: Message, lease: timedelta) -> str:
    """Send the parts not yet taken, writing down each as it is; the lease is for one part at a time. Returns what a receiver who
    took it complains of. Raises SendError."""
    total, taken, receipt = len(message.parts), message.taken, Receipt()
    for number in range(message.next_part, total):
        steps, taken = _Steps(pipeline, message, taken, lease), frozenset[str]()
        send = partial(channel.send, steps=steps) if isinstance(channel, Stepwise) else channel.send
        try:
            async with asyncio.timeout(channel.deadline):
                given = await send(message.parts[number], key=message.key, number=number + 1, total=total)
        except TimeoutError:
            raise ChannelUnreachable(channel.name, f"did not answer within {channel.deadline:g} s") from None
        except SendError as error:
            error.unsure |= number > message.next_part or steps.more  # somebody has seen a part of it
            raise
        except StoreError:
            raise
        except Exception as error:
            raise _unforeseen(channel, error) from None
        receipt = given or receipt
        done = partial(pipeline.store.outbox.part_sent, message, number, leased_until=pipeline.now() + lease)
        await pipeline.run(done)
    sent = partial(pipeline.store.outbox.sent, message, via=receipt.by, complaint=receipt.complaint)
    await pipeline.run(sent, now=pipeline.now())
    return receipt.complaint


class _Steps:
    """The steps of the part that is being sent: `alerts.channels.base.Steps`, kept in the outbox."""

    def __init__(self, pipeline: Pipeline, message: Message, taken: frozenset[str], lease: timedelta) -> None:
        self._pipeline, self._message, self._lease = pipeline, message, lease
        self._done = set(taken)
        self.more = False
        """Has this try done any?"""

    def __contains__(self, step: str) -> bool:
        return step in self._done

    async def add(self, step: str) -> None:
        self._done.add(step)
        self.more = True
        until = self._pipeline.now() + self._lease
        done = partial(self._pipeline.store.outbox.step_done, self._message, self._done, leased_until=until)
        await self._pipeline.run(done)


def _unforeseen(channel: Channel, error: Exception) -> SendError:
    """An error of our own: its kind and place, not its words, which may hold a secret."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(at.filename).name}:{at.lineno}"
    return SendError(channel.name, f"an unforeseen {type(error).__name__} at {where}; please report it")


async def _fail(pipeline: Pipeline, message: Message, error: SendError) -> None:
    outbox = pipeline.store.outbox
    away = isinstance(error, ChannelUnreachable)
    # Its receiver is heard from again: what no network carried until now was no refusal of theirs.
    tries = 1 if message.away and not away else message.attempts
    if isinstance(error, ChannelRefused) or (tries >= TRIES and not away):
        await pipeline.run(outbox.dead, message, error=str(error))
        return
    wait = min(FIRST_RETRY * 2 ** min(tries - 1, 10), LONGEST_RETRY)
    now, asked = pipeline.now(), timedelta(seconds=error.retry_after or 0)
    put_off = partial(outbox.put_off, away=now if away else None, unsure=error.unsure)
    await pipeline.run(put_off, message, error=str(error), due=now + max(wait, asked))
    if asked:
        pipeline.held[message.channel] = now + asked
        await pipeline.run(outbox.hold, message.channel, until=now + asked)
