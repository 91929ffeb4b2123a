"""How long a scheduled shift works, and how SIGTERM stops it."""

from __future__ import annotations

import asyncio
import signal
import threading
from datetime import timedelta

import pytest

from flows import turn
from tests.support import NOW, Hands

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def worked(late: timedelta, took: list[timedelta], length: timedelta = 15 * MINUTE) -> list[timedelta]:
    """The lengths asked for by a shift that begins `late` and whose passes take as long as `took` says."""
    clock = Hands(NOW + late)
    asked = []
    for wanted in turn.lengths(NOW, length, now=clock):
        asked.append(wanted)
        clock.forward(took.pop(0))
    assert took == []
    return asked


def test_a_shift_ends_before_a_worker_asks_for_the_next_ones_place() -> None:
    assert worked(8 * SECOND, [14 * MINUTE + 22 * SECOND]) == [14 * MINUTE + 22 * SECOND]


def test_one_pass_is_one_pass_however_late() -> None:
    assert worked(9 * MINUTE, [20 * MINUTE], timedelta()) == [timedelta()]


def test_a_shift_that_overran_goes_on_for_the_one_it_displaced() -> None:
    assert worked(timedelta(), [16 * MINUTE, 13 * MINUTE + 30 * SECOND]) == [
        14 * MINUTE + 30 * SECOND,
        13 * MINUTE + 30 * SECOND,
    ]


def test_a_shift_that_overran_by_a_little_too_much_for_a_handover_goes_on() -> None:
    assert worked(timedelta(), [14 * MINUTE + 50 * SECOND, 14 * MINUTE + 40 * SECOND])[1:] == [
        14 * MINUTE + 40 * SECOND
    ]


def test_a_shift_hours_late_works_until_the_next_schedule() -> None:
    assert worked(3 * 60 * MINUTE + 5 * MINUTE, [9 * MINUTE + 30 * SECOND]) == [9 * MINUTE + 30 * SECOND]


def test_a_shift_that_begins_in_the_handover_makes_a_short_pass() -> None:
    assert worked(14 * MINUTE + 35 * SECOND, [5 * SECOND]) == [SECOND]


class Stopped(BaseException):
    pass


def test_sigterm_cancels_the_work_at_an_await_and_gives_the_handlers_back() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    seen: list[str] = []

    async def work() -> None:
        asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGTERM)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("put away")
            raise

    with pytest.raises(Stopped), turn.stoppable(Stopped):
        asyncio.run(work())
    assert seen == ["put away"]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_sigterm_stops_work_whose_parent_had_ctrl_c_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(Stopped), turn.stoppable(Stopped):
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_itself_stays_ctrl_c() -> None:
    with pytest.raises(KeyboardInterrupt), turn.stoppable(Stopped):
        signal.raise_signal(signal.SIGINT)


def test_in_another_thread_no_handler_is_set() -> None:
    seen: list[bool] = []

    def work() -> None:
        before = signal.getsignal(signal.SIGTERM)
        with turn.stoppable(Stopped):
            seen.append(signal.getsignal(signal.SIGTERM) is before)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True]
