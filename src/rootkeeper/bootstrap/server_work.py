"""What a server or worker does by itself: its loops, put together, begun with what is overdue, and ended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from rootkeeper.bootstrap.aws_accesses import AwsAccessPool
from rootkeeper.bootstrap.loops import Loop
from rootkeeper.bootstrap.notification_use_cases import make_notification_services, make_schedule_loop
from rootkeeper.bootstrap.server_jobs import RECONCILING_SECONDS, ServerJobs
from rootkeeper.bootstrap.server_log import LogProgress, ServerLog
from rootkeeper.domain.aws_roles import AwsWork
from rootkeeper.domain.jobs import Job, JobKind
from rootkeeper.domain.ledger import Actor
from rootkeeper.domain.organizations import Endpoint
from rootkeeper.domain.schedules import ScheduleKind
from rootkeeper.domain.windows import WindowState
from rootkeeper.errors import AwsError, RootkeeperError
from rootkeeper.ports.clock import Clock
from rootkeeper.settings import Settings
from rootkeeper.workflows.clock_watching import ClockMonitor
from rootkeeper.workflows.credentials_renewal import CredentialsRenewer
from rootkeeper.workflows.retention import PERIOD_SECONDS

if TYPE_CHECKING:
    from rootkeeper.bootstrap.acting import ActorUseCases
    from rootkeeper.storage.database import Database
    from rootkeeper.storage.owners import Owner
    from rootkeeper.workflows.closing_loop import WindowCloseLoop
    from rootkeeper.workflows.schedules import ScheduleLoop
    from rootkeeper.workflows.watching import EventWatchLoop
    from rootkeeper.workflows.window_upkeep import WindowMaintenance

_SECOND = 1.0
_CLOSING_SECONDS = 0.25
_CLOCK_SECONDS = 60.0
_SPILL_SECONDS = 5.0
_FIRST_LOOK_SECONDS = 0.1
"""Between turns at the start: what a dead process was opening is settled in one turn and closed in another."""


@dataclass(frozen=True, slots=True)
class ServerContext:
    """What the work is done with."""

    settings: Settings
    clock: Clock
    log: ServerLog
    database: Database
    owner: Owner
    organization_id: str
    endpoint: Endpoint
    accesses: AwsAccessPool
    act_as: Callable[[Actor, AwsWork | None], ActorUseCases]
    act_as_server: Callable[[AwsWork | None], ActorUseCases]


class ServerWork:
    """Made once the organization is known; every setting is looked at here.

    :raises SettingsError: if one can't be used.
    """

    def __init__(self, around: ServerContext) -> None:
        settings, clock, endpoint = around.settings, around.clock, around.endpoint
        self._around = around
        self._is_stopping = False
        self.notifying = make_notification_services(
            settings, around.database, around.organization_id, endpoint, clock, self._warn
        )
        self.notifier = self.notifying.outbox
        self.jobs = ServerJobs(
            settings,
            around.organization_id,
            endpoint.label,
            around.database.jobs(around.organization_id, clock, lambda: around.owner),
            lambda actor, work: around.act_as(actor, work).with_own_lease(),
            clock,
            self.notifier,
            around.database.identities(around.organization_id, clock),
        )
        self.renewal = CredentialsRenewer(
            around.accesses.renew, self.notifier, clock, around.organization_id, endpoint.label, self._warn
        )
        self.clock_watching = ClockMonitor(
            around.accesses.gateway_pool.starting,
            self.notifier,
            clock,
            around.organization_id,
            endpoint.label,
            self.remark,
        )

    # The parts that act. Each is made on first use, since what acts needs all of the above.

    @cached_property
    def closing(self) -> WindowCloseLoop:
        import rootkeeper.aws.transport  # noqa: F401 - takes a while: not when the first of many windows is due

        unlock_sessions = self._around.act_as_server(AwsWork.UNLOCK).gateway
        return self._around.act_as_server(AwsWork.RECOVER).window_close_loop(self.progress, unlock_sessions)

    @cached_property
    def upkeep(self) -> WindowMaintenance:
        return self._around.act_as_server(AwsWork.RECOVER).window_maintenance(self.progress)

    @cached_property
    def watching(self) -> EventWatchLoop | None:
        """:raises AwsError: if AWS can't say whose credentials the server's are."""
        return self._around.act_as_server(None).event_watch_loop()

    @cached_property
    def schedules(self) -> ScheduleLoop:
        around = self._around
        starts: dict[ScheduleKind, Callable[[str], object]] = {
            ScheduleKind.AUDITS: lambda run: self._request_job(JobKind.AUDIT, run),
            ScheduleKind.DRIFT_CHECKS: lambda run: self._request_job(JobKind.DRIFT_CHECK, run),
            ScheduleKind.DRILL_REMINDERS: self._remind_of_drills,
        }
        return make_schedule_loop(
            around.settings,
            around.database,
            around.organization_id,
            around.endpoint,
            self.notifier,
            starts,
        )

    def require_settings(self) -> None:
        """:raises SettingsError: if one of those that are used later can't be."""
        acting = self._around.act_as_server(None)
        _ = acting.window_policy, acting.watch_source, self.schedules

    # Beginning.

    def close_first(self, seconds: float) -> None:
        """Settle and close what is overdue, before anything else is done; what takes longer goes on beside.

        What can't be closed, or even looked at, keeps nothing from being begun.
        """
        clock = self._around.clock
        ends = clock.monotonic() + seconds
        try:
            while self._closes_more(max(0.0, ends - clock.monotonic())) and clock.monotonic() < ends:
                if self._is_stopping:
                    return
                clock.sleep(_FIRST_LOOK_SECONDS)
        except RootkeeperError as error:
            self._around.log.failure("closing.first", "The first look for overdue windows failed", error)

    def _closes_more(self, seconds: float) -> bool:
        """One turn; whether another one may close something. One that failed is tried again by the loop, later."""
        self.closing.tick()
        self.closing.executor.wait_idle(seconds)
        overdue = self.closing.windows.list_overdue(self._around.clock.now())
        return any(window.state is not WindowState.CLOSE_FAILED for window in overdue)

    def list_loops(self) -> tuple[Loop, ...]:
        """All that goes on; the most urgent first."""
        now = self._around.clock.now
        return (
            Loop("closing windows", _CLOSING_SECONDS, lambda: self.closing.turn()),
            Loop("windows", _SECOND, lambda: self.upkeep.tick()),
            Loop("AWS credentials", _SECOND, self._renew_credentials),
            Loop("jobs", RECONCILING_SECONDS, self.jobs.tick),
            Loop("notifications", _SECOND, lambda: self.notifying.delivery_loop.tick(now())),
            Loop("schedules", _SECOND, lambda: self.schedules.tick(now())),
            Loop("root events", _SECOND, self._watch),
            Loop("clock", _CLOCK_SECONDS, self.clock_watching.turn),
            Loop("spill files", _SPILL_SECONDS, self.merge_spills),
            Loop("history", PERIOD_SECONDS, lambda: self._around.act_as_server(None).retention_cleaner.tick()),
        )

    # What loops do.

    def merge_spills(self) -> None:
        """Bring what closings wrote while the ledger couldn't be written into it, once it can.

        :raises LedgerUnavailableError: if it can't after all; the next turn tries again.
        """
        around = self._around
        if not around.owner.has_lease():
            return
        for path in around.database.list_spills():
            merged = around.database.merge_spill(path, around.act_as_server(None).ledger)
            if merged:
                around.log.info("spill.merged", f"Merged {merged} entries of a spill file into the ledger.")

    def _renew_credentials(self) -> None:
        around = self._around
        if not self.renewal.tick():
            return
        around.accesses.share_quotas(around.database, around.organization_id)
        with suppress(AwsError):
            around.accesses.learn_callers(AwsWork)

    def _watch(self) -> None:
        if self._around.settings.watching.source and self.watching is not None:
            self.watching.tick()

    def _request_job(self, kind: JobKind, run: str) -> Job:
        return self._around.act_as_server(None).job_request_service.request_once(run, kind)

    def _remind_of_drills(self, _run: str) -> None:
        self._around.act_as_server(None).drill_reminder.remind(self._around.clock.now())

    # Ending.

    def begin_stop(self) -> None:
        """Begin nothing new; returns at once."""
        self._is_stopping = True
        self.jobs.begin_stop()
        for name in ("closing", "upkeep"):
            if name in self.__dict__:
                getattr(self, name).executor.stop()

    def stop(self, seconds: float) -> tuple[str, ...]:
        """Wait for what is under way.

        :returns: what still is.
        """
        monotonic = self._around.clock.monotonic
        ends = monotonic() + seconds
        left = [] if self.jobs.stop(seconds) else ["jobs"]
        if not self.notifying.delivery_loop.wait_idle(max(0.0, ends - monotonic())):
            left.append("notifications")
        for name in ("closing", "upkeep"):
            part = self.__dict__.get(name)
            if part is not None and not part.stop(max(0.0, ends - monotonic())):
                left.append(name)
        return tuple(left)

    # What is told.

    @property
    def progress(self) -> LogProgress:
        """Remarks of use cases become lines of the log."""
        return LogProgress(self.remark)

    def remark(self, text: str) -> None:
        """What a use case remarks; an alert is an error, and the AWS credentials may be its reason."""
        if text.startswith("ALERT"):
            self._around.log.error("remark", text)
            self.renewal.retry_soon()
        else:
            self._around.log.info("remark", text)

    def _warn(self, text: str) -> None:
        self._around.log.warning("server.warning", text)
