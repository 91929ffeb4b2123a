"""The flows as Prefect sees them: thin wrappers, each over one plain module. Import it only where a server is there.

    watch     flows.shift      a shift, from one schedule to the next
    notify    flows.deliver    what is due, now
    backfill  flows.archive    a source's archive, by days

Each run is named by its day and hour in Iran, a backfill by its source and days, and leaves its tally as a table artifact;
each alert is an event, each day a digest artifact. A scheduled run also clears away what the dead have left on the server
(`_tidy`), and what is older than a month. The work is one task of one
process, never a task per article: a task costs the server 10-150 ms and 20 KB.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from time import monotonic
from typing import Annotated, Any, Literal
from uuid import UUID

os.environ["DO_NOT_TRACK"] = "1"  # on import, on a terminal, Prefect would announce itself to its makers

from prefect import flow, get_run_logger, task
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterKey,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import StateType
from prefect.deployments import run_deployment
from prefect.events import emit_event
from prefect.events.filters import EventFilter, EventNameFilter, EventOccurredFilter, EventResourceFilter
from prefect.exceptions import TerminationSignal
from prefect.runtime import deployment, flow_run
from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings
from prefect.states import Crashed
from pydantic import Field

from didban import settings
from didban.alert import Alert
from didban.dates import day_bounds, jalali_iso, parse_span, tehran_day
from didban.errors import InputError, ServerError
from didban.outcome import Tally
from flows import archive, deliver, seen, server, shift, turn
from flows.server import KEEP, POOL
from flows.workshop import opened, sources_of
from storage.units import Order


@flow(name="watch", flow_run_name=lambda: _named("watch"))
def watch(sources: list[str] | None = None, minutes: float = 15) -> Tally:
    """One shift: polls the sources that are due, saves what is new, raises and delivers alerts.

    Args:
        sources: Names, as `didban sources` prints them; none means all.
        minutes: How long the shift lives, counted from its scheduled start; 0 is one pass.
    """
    _tidy()
    whole = Tally()
    for length in turn.lengths(_due(), timedelta(minutes=minutes)):
        whole.add(collect(sources or [], length))
    _leave("watch", whole)
    return whole


@flow(name="notify", flow_run_name=lambda: _named("notify"))
def notify() -> Tally:
    """Delivers what is due, now."""
    _tidy()
    with turn.stoppable(_terminated):
        tally = deliver.run(settings.load())
    _leave("notify", tally)
    if _scheduled():
        _leave_day(tehran_day(_due()) - timedelta(days=1))
    return tally


@flow(name="backfill", flow_run_name=lambda: _named_backfill(flow_run.parameters))
def backfill(
    source: str,
    since: str | None = None,
    until: str | None = None,
    last: str | None = None,
    order: Order = "newest",
    ways: list[Literal["day", "sitemap"]] | None = None,
    notify: bool = False,
    limit_rate: Annotated[float, Field(gt=0)] | None = None,
    wait: str | None = None,
    retry_refused: bool = False,
    shards: Annotated[int, Field(ge=1, le=16)] = 1,
) -> Tally:
    """Reads a source's archive between two days, both included; safe to stop and to run again.

    Any number of runs share the work of one source: what one holds, no other takes, and a run that died is taken over.

    Args:
        source: A name, as `didban sources` prints it: irna, mehr.
        since: First day, Jalali (1397-07-01) or Gregorian (2018-09-23).
        until: Last day, included; none means today.
        last: In place of days: so long back from today: 30d.
        order: Which days come first.
        ways: How the archive is read, where there is a choice; both for a cross-check.
        notify: Tell what is found, as digests, when all is done.
        limit_rate: Requests a second at most, of all shards together, beside the host's own pace.
        wait: How long to wait for a site that gives nothing, 12h; none means as long as it takes.
        retry_refused: Try once more what earlier backfills of these days, or of all, were refused.
        shards: How many runs share the work, each on a place of a worker.
    """
    loaded, patience = settings.load(), parse_span(wait) if wait is not None else None
    if retry_refused and shards > 1:
        raise InputError("shards share the work of days: leave them out where what was refused is tried again")
    asked = {"source": source, "since": since, "until": until, "last": last, "order": order, "ways": ways}
    range_ = archive.range_of(**asked) if since or last or not retry_refused else None
    if range_ is not None:
        archive.checked(loaded, range_)
    limit = limit_rate / shards if limit_rate else None
    for _ in range(1, shards):
        shared = asked | {"limit_rate": limit, "wait": wait}
        run_deployment("backfill/backfill", parameters=shared, timeout=0, as_subflow=False)
    options: dict[str, Any] = {
        "limit": limit,
        "patience": patience,
        "report": get_run_logger().info,
        "show": _progress(source),
    }
    with turn.stoppable(_terminated):
        if range_ is None or retry_refused:
            first, last_day = (range_.since, range_.until) if range_ else (None, None)
            tally = archive.retry(loaded, source, since=first, until=last_day, **options)
        else:
            tally = archive.run(loaded, range_, notify=notify, **options)
    _leave("backfill", tally)
    return tally


@task(name="collect", cache_policy=NO_CACHE)
def collect(sources: list[str], length: timedelta) -> Tally:
    """The sources that are due, polled, saved and delivered until `length` is over."""
    with turn.stoppable(_terminated):
        report = get_run_logger().info
        return shift.run(settings.load(), sources=sources, length=length, report=report, raised=_emit)


FLOWS: Mapping[str, Callable[..., Tally]] = {"watch": watch, "notify": notify, "backfill": backfill}


def run_as_flow(name: str, **parameters: object) -> Tally:
    """Runs one of FLOWS in this process, as a run that the server sees.

    Raises ServerError when the server does not answer, else whatever the flow raises.
    """
    url = server.api_url(settings.load())
    with temporary_settings(updates={PREFECT_API_URL: url}):
        with get_client(sync_client=True) as client:
            problem = client.api_healthcheck()
        if url is None or problem is not None:
            raise ServerError(
                f"the Prefect server at {url} does not answer ({problem}); start `didban up`, or unset PREFECT_API_URL"
            )
        tally = FLOWS[name](**parameters)
    if not isinstance(tally, Tally):
        raise ServerError(f"the server did not let {name} run: {tally!r}")
    return tally


def _named(verb: str) -> str:
    """`watch 1405-08-30 12:15`, by Tehran's clock."""
    return f"{verb} {jalali_iso(_due(), with_time=True)}".replace("T", " ")


def _named_backfill(asked: Mapping[str, Any]) -> str:
    """`backfill irna 1397-07-01 1397-07-30`: what was asked for, as it was written."""
    said = (asked.get(part) for part in ("source", "since", "until", "last"))
    return " ".join(("backfill", *(str(part) for part in said if part)))


def _scheduled() -> bool:
    """A run of a deployment, not of a command."""
    return bool(deployment.id)


def _emit(alert: Alert) -> None:
    emit_event(**seen.event(alert))


def _due() -> datetime:
    """When this run was to begin; Prefect gives a pendulum moment, whose arithmetic does not mix with ours."""
    return datetime.fromtimestamp(flow_run.scheduled_start_time.timestamp(), UTC)


def _leave(verb: str, tally: Tally) -> None:
    """The tally as a table artifact of this run, with what went wrong under it."""
    create_table_artifact(
        table=[{"what": what, "count": count} for what, count in tally.counts().items()],
        key=verb,
        description="\n".join([f"# {_named(verb)}", *(f"- {problem}" for problem in tally.problems)]),
    )


def _leave_day(day: date) -> None:
    """The digest of a day as an artifact, once."""
    key = seen.day_key(day)
    with get_client(sync_client=True) as client:
        if client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])), limit=1):
            return
    loaded = settings.load()
    with opened(loaded) as store:
        alerts = [told.alert for told in store.outbox.alerts(since=day_bounds(day)[0])]
    names = {source.key: source.name for source in sources_of(loaded).known()}
    create_markdown_artifact(seen.day_text(day, alerts, names), key=key, description="what was told on this day")


def _tidy() -> None:
    """Marks the runs of the dead as crashed, and deletes those that ended a month ago.

    A worker marks the runs that it sees die; one that dies with its worker stays Running for ever. The server's own vacuum
    deletes old runs where it is switched on, as under `didban up`; a server of others may not have it.
    """
    try:
        if _scheduled():
            _clear(datetime.now(UTC))
    except Exception as error:
        get_run_logger().warning("what the dead left on the server stays: %s", error)


def _clear(now: datetime) -> None:
    pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL]))
    with get_client(sync_client=True) as client:
        alive = FlowRunFilter(state=_in(StateType.RUNNING, StateType.PENDING, StateType.CANCELLING))
        runs = {
            str(run.id): run.state.timestamp
            for run in client.read_flow_runs(flow_run_filter=alive, work_pool_filter=pool, limit=_MANY)
            if run.state is not None
        }
        beat = _beat()
        for run in seen.lost(runs, _heard(client, runs, now - seen.BEATS * (beat or timedelta())), now=now, beat=beat):
            client.set_flow_run_state(UUID(run), Crashed(message="its process is gone: no heartbeat"), force=True)
        ended = FlowRunFilter(end_time=FlowRunFilterEndTime(before_=now - KEEP))
        for old in client.read_flow_runs(flow_run_filter=ended, work_pool_filter=pool, limit=_MANY):
            client.delete_flow_run(old.id)


def _beat() -> timedelta | None:
    seconds = get_current_settings().flows.heartbeat_frequency
    return timedelta(seconds=seconds) if seconds else None


def _heard(client: SyncPrefectClient, runs: Collection[str], since: datetime) -> set[str]:
    """Those of the runs that have sent a heartbeat since."""
    names = [f"prefect.flow-run.{run}" for run in runs]
    heard: set[str] = set()
    for start in range(0, len(names), _EVENTS):
        wanted = EventFilter(
            occurred=EventOccurredFilter(since=since),
            event=EventNameFilter(name=["prefect.flow-run.heartbeat"]),
            resource=EventResourceFilter(id=names[start : start + _EVENTS], distinct=True),
        )
        page = client.read_events(wanted, limit=_EVENTS)
        heard |= {event.resource.id.removeprefix("prefect.flow-run.") for event in page.events}
    return heard


def _in(*states: StateType) -> FlowRunFilterState:
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states)))


_MANY, _EVENTS = 200, 50  # of one answer: the server's own limits


def _progress(source: str) -> archive.Show:
    """A progress artifact of this run, brought up to date every `_SHOWN` seconds."""
    create: Any = create_progress_artifact  # both wait for the server, also where an event loop runs: `_sync`
    renew: Any = update_progress_artifact
    artifact = create(0.0, key=f"backfill-{source.replace('_', '-')}", description="beginning", _sync=True)
    shown = 0.0

    def show(progress: archive.Progress) -> None:
        nonlocal shown
        ended = progress.done == progress.total
        if monotonic() - shown < _SHOWN and not ended:
            return
        shown = monotonic()
        share = 100.0 * progress.done / max(progress.total, 1)
        renew(artifact, share, description=archive.told(progress), _sync=True)

    return show


_SHOWN = 15.0


def _terminated() -> TerminationSignal:
    """What Prefect's own handler of SIGTERM raises, wherever the program stands; ours waits until the work has stopped."""
    return TerminationSignal(signal.SIGTERM)
