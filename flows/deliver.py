"""Deliver: due notifications are closed into messages, and messages are sent until they are taken.

Channels are independent: one that is down never holds up another. A message that no network could carry waits as long as it
takes; one that its receiver refuses, or fails to take `TRIES` times, is a dead letter until `didban alerts retry`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from alerts.channels.base import Channel
from didban.alert import AnyDraft, Message
from didban.errors import ChannelRefused, ChannelUnreachable, SendError
from didban.outcome import Tally
from didban.settings import Settings
from flows.pipeline import Pipeline
from flows.workshop import workshop

TRIES = 12
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)
GRACE = timedelta(seconds=60)


def run(settings: Settings) -> Tally:
    """Deliver what is due now. Raises SettingsError, StoreError."""

    async def once() -> Tally:
        async with workshop(settings, rules=False) as shop:
            return await deliver(shop.pipeline, shop.channels)

    return asyncio.run(once())


async def deliver(pipeline: Pipeline, channels: Mapping[str, Channel]) -> Tally:
    """Send what is due; the tally counts messages sent and those that have to wait."""
    outbox = pipeline.store.outbox

    def render(draft: AnyDraft) -> tuple[str, ...]:
        return channels[draft.channel].render(draft)

    await pipeline.run(outbox.close_due, tuple(channels), render, now=pipeline.now())
    total = Tally()
    for tally in await asyncio.gather(*(_drain(pipeline, channel) for channel in channels.values())):
        total.add(tally)
    return total


async def _drain(pipeline: Pipeline, channel: Channel) -> Tally:
    """Send a channel's open messages one after the other, until none is due or one fails."""
    tally = Tally()
    lease = timedelta(seconds=channel.deadline) + GRACE
    outbox = pipeline.store.outbox
    while True:
        take = partial(outbox.take, (channel.name,), owner=pipeline.owner, now=pipeline.now(), lease=lease)
        message = await pipeline.run(take)
        if message is None:
            return tally
        try:
            await _send(pipeline, channel, message, lease)
        except SendError as error:
            tally.unsent += 1
            tally.problems.append(str(error))
            await _fail(pipeline, message, error)
            if not isinstance(error, ChannelRefused):
                return tally
        else:
            tally.sent += 1


async def _send(pipeline: Pipeline, channel: Channel, message: Message, lease: timedelta) -> None:
    """Send the parts not yet taken, writing down each as it is; the lease is for one part at a time. Raises SendError."""
    total = len(message.parts)
    for number in range(message.next_part, total):
        try:
            async with asyncio.timeout(channel.deadline):
                await channel.send(message.parts[number], key=message.key, number=number + 1, total=total)
        except TimeoutError:
            raise ChannelUnreachable(channel.name, f"did not answer within {channel.deadline:g} s") from None
        taken = partial(pipeline.store.outbox.part_sent, message, number, leased_until=pipeline.now() + lease)
        await pipeline.run(taken)
    await pipeline.run(pipeline.store.outbox.sent, message, now=pipeline.now())


async def _fail(pipeline: Pipeline, message: Message, error: SendError) -> None:
    outbox = pipeline.store.outbox
    tired = message.attempts >= TRIES and not isinstance(error, ChannelUnreachable)
    if tired or isinstance(error, ChannelRefused):
        await pipeline.run(outbox.dead, message, error=str(error))
        return
    wait = min(FIRST_RETRY * 2 ** min(message.attempts - 1, 10), LONGEST_RETRY)
    asked = timedelta(seconds=error.retry_after or 0)
    await pipeline.run(outbox.put_off, message, error=str(error), due=pipeline.now() + max(wait, asked))
