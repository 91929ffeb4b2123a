"""What a failure means for a source and for a link: its state, and when to try again. Pure.

Nothing is given up because of the network or a wall; a page that is gone, refused or cannot be read is given up after a few
tries, with its reason, and its bytes stay to be read again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from didban.errors import Blocked, DidbanError, Disallowed, Gone, ReadError, TooLarge

FIRST_RETRY = timedelta(minutes=5)
BLOCKED_RETRY = timedelta(minutes=30)
LONGEST_RETRY = timedelta(hours=6)
_UNREADABLE_RETRIES = (timedelta(hours=1), timedelta(hours=6), timedelta(hours=24))
_GONE_RETRIES = (timedelta(hours=1), timedelta(hours=24))


def state_after(error: DidbanError | None) -> str:
    """The state of a source whose pass met this trouble last: ok, blocked, unreadable or unreachable."""
    if error is None:
        return "ok"
    if isinstance(error, (Blocked, Disallowed)):
        return "blocked"
    if isinstance(error, (ReadError, TooLarge, Gone)):
        return "unreadable"
    return "unreachable"


def retry_at(error: DidbanError, attempts: int, now: datetime) -> datetime | None:
    """When to ask again for an address that failed with `error` after `attempts` earlier tries; None: never."""
    if isinstance(error, Blocked):
        asked = timedelta(seconds=error.retry_after or 0)
        return now + max(asked, _doubled(BLOCKED_RETRY, attempts))
    if isinstance(error, ReadError):
        return _step(_UNREADABLE_RETRIES, attempts, now)
    if isinstance(error, Gone):
        return None if error.status == 410 else _step(_GONE_RETRIES, attempts, now)
    if isinstance(error, (Disallowed, TooLarge)):
        return None
    return now + _doubled(FIRST_RETRY, attempts)


def next_poll(error: DidbanError | None, every: timedelta, failures: int, now: datetime) -> datetime:
    """When a source is due again: at its own pace, or later the longer its listings have failed."""
    if error is None:
        return now + every
    return max(now + every, retry_at(error, failures, now) or now + LONGEST_RETRY)


def _doubled(first: timedelta, times: int) -> timedelta:
    return min(first * 2 ** min(times, 10), LONGEST_RETRY)


def _step(steps: tuple[timedelta, ...], attempts: int, now: datetime) -> datetime | None:
    return now + steps[attempts] if attempts < len(steps) else None
