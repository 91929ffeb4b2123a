"""The operator's daily report: once a day, by whichever shift comes first after its hour, on the channels of `operator`."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta

from alerts.report import Report, report_lines
from didban.dates import TEHRAN
from didban.settings import Settings
from flows import backups
from flows.status import judged
from flows.workshop import operator_of, sources_of
from storage.store import Store

DAY = timedelta(days=1)


def due(settings: Settings, now: datetime) -> datetime | None:
    """When the newest report was to be told: today, or before its hour yesterday; None where nobody is to have one.

    The first channel is told of troubles even unnamed, of ordinary days only when it is named: it may be the officer's.
    """
    if settings.report is None or not settings.operator:
        return None
    local = now.astimezone(TEHRAN)
    today = datetime.combine(local.date(), settings.report, TEHRAN)
    return today if local >= today else datetime.combine(local.date() - DAY, settings.report, TEHRAN)


def tell(settings: Settings, store: Store, *, now: datetime) -> bool:
    """Write the report that is due and nobody has written, to be delivered as any notice; True when one was. After a pause
    that is one report, not one a day. Raises SettingsError, StoreError."""
    at = due(settings, now)
    if at is None or not store.unreported(at):
        return False
    status, figures = judged(settings, store), store.figures(now=now)
    backup = backups.last(settings)
    said = Report(
        articles=figures.today,
        alerts=figures.alerts,
        sent=figures.sent,
        waiting=sum(states.get("waiting", 0) + states.get("open", 0) for states in figures.messages.values()),
        dead=status.messages.get("dead", 0),
        trouble=[(line.key, line.state.state) for line in status.lines if not line.well],
        database=figures.bytes,
        free=shutil.disk_usage(settings.var).free,
        backup=backup.at if backup else None,
    )
    names = {source.key: source.name for source in sources_of(settings).known()}
    lines = report_lines(said, names=names)
    return store.report("\n".join(lines), operator_of(settings), due=at, now=now)
