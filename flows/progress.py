"""Where a backfill stands, for whoever started it: a bar on a terminal, a line a minute anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from time import monotonic

from flows.archive import Progress, Show, told

EVERY = 60.0
"""Seconds between two lines where there is no terminal."""

Report = Callable[[str], None]


@contextmanager
def shown(echo: Report, *, clock: Callable[[], float] = monotonic) -> Generator[tuple[Report, Show]]:
    """How to report a line and show progress; `echo` prints a line on standard output, whatever that is now."""
    if sys.stderr.isatty():
        with _bar() as pair:
            yield pair
        return
    last = clock()

    def show(progress: Progress) -> None:
        nonlocal last
        if clock() - last >= EVERY:
            last = clock()
            echo(told(progress))

    yield echo, show


@contextmanager
def _bar() -> Generator[tuple[Report, Show]]:
    from rich.console import Console  # noqa: PLC0415 - a quarter of a second that a run in the background does not pay
    from rich.progress import BarColumn, TextColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(stderr=True)
    with Bar(BarColumn(bar_width=24), TextColumn("{task.description}", markup=False), console=console) as bar:
        task = bar.add_task("beginning", total=None)

        def show(progress: Progress) -> None:
            bar.update(task, total=progress.total, completed=progress.done, description=told(progress))

        def report(line: str) -> None:
            console.print(Text(line))

        yield report, show
