"""Turns at hosts that are taken for a stretch: fewer questions to the database, the same distance between requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from flows.workshop import STRETCH, Turns


class SkippingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock goes straight to what is due next."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready:  # ty: ignore[missing-attribute]
            pending = [one.when() for one in self._scheduled if not one.cancelled()]  # ty: ignore[missing-attribute]
            self.now = max([self.now, *([min(pending)] if pending else [])])
        super()._run_once()  # ty: ignore[missing-attribute]


def skipping(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        runner.run(work())


class Host:
    """The database's side: a host that is free at a time."""

    def __init__(self) -> None:
        self.free, self.asked = 0.0, 0

    async def ask(self, host: str, length: timedelta) -> timedelta:
        assert host == "irna.ir"
        self.asked += 1
        now = asyncio.get_running_loop().time()
        if now < self.free:
            return max(timedelta(seconds=self.free - now), timedelta(microseconds=1))
        self.free = now + length.total_seconds()
        return timedelta(0)


@pytest.mark.parametrize("rate", [0.5, 1, 9, 15, 30, 200, 1000])
@pytest.mark.parametrize("processes", [1, 2, 3])
def test_two_requests_are_never_closer_than_their_interval(rate: float, processes: int) -> None:
    host, at, many = Host(), list[float](), 60

    async def crawl() -> None:
        turns = Turns(host.ask)
        for _ in range(many):
            await turns("irna.ir", 1 / rate)
            at.append(asyncio.get_running_loop().time())

    async def whole() -> None:
        await asyncio.gather(*(crawl() for _ in range(processes)))

    skipping(whole)
    at.sort()
    assert len(at) == many * processes
    assert min(late - early for early, late in pairwise(at)) >= 1 / rate - 1e-6
    if processes == 1:
        assert at[-1] == pytest.approx((many - 1) / rate, rel=0.35)  # no turn of its own is lost
        assert host.asked <= many / max(int(STRETCH * rate), 1) * 3 + 2  # for each stretch one, and one too early


def test_an_answer_that_comes_late_brings_no_two_requests_together() -> None:
    host, at = Host(), list[float]()

    async def ask(name: str, length: timedelta) -> timedelta:
        wait = await host.ask(name, length)
        await asyncio.sleep(0.03)
        return wait

    async def whole() -> None:
        turns = Turns(ask)
        for _ in range(30):
            await turns("irna.ir", 0.02)
            at.append(asyncio.get_running_loop().time())

    skipping(whole)
    assert min(late - early for early, late in pairwise(at)) >= 0.02 - 1e-6


def test_what_was_not_used_within_its_stretch_is_lost() -> None:
    host = Host()

    async def whole() -> None:
        turns = Turns(host.ask)
        await turns("irna.ir", 0.001)
        await asyncio.sleep(STRETCH)
        host.free = 10.0  # another process was there
        await turns("irna.ir", 0.001)
        assert asyncio.get_running_loop().time() == pytest.approx(10.0)

    skipping(whole)
