"""A server or worker as it runs: who it is, who acts on it, what it does by itself, and how it begins and ends.

It closes overdue windows before anything else. A window that can't be closed, or AWS that can't be reached, keeps it
from nothing else. Every entry of the ledger names who acts; every call to AWS uses one role, and CloudTrail shows the
person there too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Self

from rootkeeper.access.rules import IdentityKind, ServerRole, SessionKind, SignInWay
from rootkeeper.access.service import make_secret
from rootkeeper.access.store import IdentityStore
from rootkeeper.aws.root_sessions import RootSessions
from rootkeeper.aws.rules import SERVER_NAME, AwsWork
from rootkeeper.clock import Clock, SystemClock
from rootkeeper.composition.adapters import AwsAccessPool, LogProgress, ServerLog, UseCounter
from rootkeeper.composition.application import Application
from rootkeeper.composition.database import Measurements
from rootkeeper.composition.services import make_notification_services, make_schedule_loop
from rootkeeper.composition.story import StoryStep, evaluate_story
from rootkeeper.errors import AwsError, DatabaseError, LedgerOutdatedError, NotFoundError, RootkeeperError
from rootkeeper.jobs.rules import Job, JobKind
from rootkeeper.jobs.store import JobStore
from rootkeeper.ledger.rules import Actor, ActorKind
from rootkeeper.notifications.service import Notifier
from rootkeeper.organization.accounts import Caller, Endpoint, Organization
from rootkeeper.organization.progress import ServerStopSignal
from rootkeeper.settings.sections import Settings
from rootkeeper.watching.rules import find_watch_source_name
from rootkeeper.windows.rules import WindowState
from rootkeeper.worker.health import ClockMonitor, CredentialsRenewer, Readiness, ReadinessCheck
from rootkeeper.worker.loops import Loop, Loops
from rootkeeper.worker.requests import Engine, NullEngine
from rootkeeper.worker.schedules import ScheduleKind, ScheduleStatus
from rootkeeper.worker.service import PERIOD_SECONDS, EngineCleaner, JobReconciler, JobRunner

if TYPE_CHECKING:
    from rootkeeper.access.counts import FailureCounter, StoredAnswers
    from rootkeeper.access.factor_store import FactorStore
    from rootkeeper.access.provider import ProviderSignInService
    from rootkeeper.access.store import FirstAdministratorStore, SessionStore
    from rootkeeper.aws.gateway import AwsGateway
    from rootkeeper.composition.database import Database
    from rootkeeper.inventory.store import AuditHistory, InventoryStore
    from rootkeeper.ledger.owners import Owner
    from rootkeeper.ledger.verification import LedgerReader
    from rootkeeper.organization.progress import Progress
    from rootkeeper.settlement.service import Settlement, SettlementReport
    from rootkeeper.watching.service import EventWatchLoop
    from rootkeeper.windows.store import RecoveryWindowStore
    from rootkeeper.worker.closing import WindowCloseLoop, WindowMaintenance
    from rootkeeper.worker.performers import ActAs
    from rootkeeper.worker.schedules import ScheduleLoop


@dataclass(frozen=True, slots=True)
class SharedResources:
    """What all actors of a server share."""

    settings: Settings
    clock: Clock
    database: Database
    owner: Owner
    organization_id: str
    read_organization: Callable[[], Organization]
    """Asks AWS once.

    :raises AwsError: if AWS can't be asked.
    """
    notifier: Notifier
    engine: Engine
    uses: UseCounter
    warn: Callable[[str], None]
    watch_source_name: str | None = None


@dataclass(frozen=True, slots=True)
class AwsAccess:
    """The AWS power of one kind of work, in one person's name."""

    gateway: AwsGateway = field(repr=False)
    read_caller: Callable[[], Caller]
    """Whose credentials they are; AWS is asked once.

    :raises AwsError: if AWS can't be asked.
    """
    find_caller: Callable[[], Caller | None]
    """The same, if AWS was asked before."""
    unlocking: RootSessions = field(repr=False)
    """With the power to unlock, in the same name: what a dead process left of a policy's change is settled by it."""
    asks_aws: bool = True
    """Whether its work asks AWS anything."""


class ActorUseCases(Application):
    """Everything that can be done, as one actor. While it is entered, the server's end waits for it."""

    def __init__(self, shared: SharedResources, actor: Actor, access: AwsAccess) -> None:
        super().__init__(shared.settings, warn=shared.warn, clock=shared.clock)
        self.engine = shared.engine
        self.notifier = shared.notifier
        self.watch_source_name = shared.watch_source_name
        self._shared = shared
        self._actor = actor
        self._access = access

    def __enter__(self) -> Self:
        self._shared.uses.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._shared.uses.end()

    def with_own_lease(self) -> ActorUseCases:
        """The same with a lease of its own, which ends with it. So its unclear intents are settled like those of dead
        processes, although this process continues.

        :raises DatabaseError: if the database can't be written.
        """
        owner = self.database.register_owner(self.clock, self.settings.lease.seconds)
        acting = ActorUseCases(replace(self._shared, owner=owner), self._actor, self._access)
        acting._open.callback(owner.close)
        return acting

    def close_later(self) -> None:
        """Close it after the time in which an abandoned call can still be on its way."""
        closing = threading.Timer(self.settings.aws.read_timeout_seconds, self.close)
        closing.name, closing.daemon = "rootkeeper-ending-lease", True
        closing.start()

    @cached_property
    def gateway(self) -> AwsGateway:
        return self._access.gateway

    @cached_property
    def database(self) -> Database:
        return self._shared.database

    @cached_property
    def owner(self) -> Owner:
        return self._shared.owner

    @cached_property
    def caller(self) -> Caller:
        return self._access.read_caller()

    @cached_property
    def organization(self) -> Organization:
        return self._shared.read_organization()

    @cached_property
    def actor(self) -> Actor:
        """The actor as the server knows it, with the AWS principal if that is known. What the server does by itself,
        such as closing a window, doesn't wait for AWS to name the principal.
        """
        if self._actor.kind is ActorKind.SERVER or not self._access.asks_aws:
            known = self._access.find_caller()
            return self._actor if known is None else replace(self._actor, caller_arn=known.arn)
        return replace(self._actor, caller_arn=self.caller.arn)

    def settlement(self, progress: Progress, unlock_sessions: RootSessions | None = None) -> Settlement:
        return super().settlement(progress, unlock_sessions or self._access.unlocking)

    def settle_orphans(self, progress: Progress) -> SettlementReport:
        return self.settlement(progress).settle()

    @property
    def _organization_id(self) -> str:
        return self._shared.organization_id

    def _share_quotas(self) -> None:
        """The server has done that for each gateway that it hands out."""


LINK_LASTS = timedelta(days=1)
"""Of the link for the first administrator."""


RECONCILING_SECONDS = 1.0
"""A job whose process died is put back at the second look after that is known; see ``job_reconciling``."""


def choose_engine(settings: Settings, organization_id: str) -> Engine:
    """The engine as the settings have it; nothing is opened yet.

    :raises SettingsError: if the database's URL can't be used.
    """
    if not settings.server.engine:
        return NullEngine()
    from rootkeeper.worker.engine import EngineOptions, open_engine

    return open_engine(
        settings.database.url, organization_id, EngineOptions(concurrency=settings.server.job_concurrency)
    )


@dataclass
class ServerJobs:
    """Everything that a server or worker does about jobs, from its first ``tick`` until ``stop``."""

    settings: Settings
    organization_id: str
    endpoint: str
    """Its label."""
    jobs: JobStore
    act_as: ActAs
    clock: Clock
    notifier: Notifier
    identities: IdentityStore
    engine: Engine = field(init=False)
    performing: JobRunner = field(init=False)
    reconciling: JobReconciler = field(init=False)
    retention_cleaner: EngineCleaner = field(init=False)
    _stopping: ServerStopSignal = field(default_factory=ServerStopSignal)
    _is_started: bool = False

    def __post_init__(self) -> None:
        self.engine = choose_engine(self.settings, self.organization_id)
        self.performing = JobRunner(
            self.jobs,
            self.act_as,
            self.clock,
            self._stopping,
            self.notifier,
            self.organization_id,
            self.endpoint,
            self.identities,
        )
        self.reconciling = JobReconciler(self.jobs, self.engine, self.clock)
        self.retention_cleaner = EngineCleaner(self.engine, self.clock)

    def tick(self) -> None:
        """Start the engine, until that succeeds; then reconcile it with our jobs, and let it forget what is old.

        Called each ``RECONCILING_SECONDS``.

        :raises DatabaseError: if a database can't be used; the next tick tries again.
        """
        if self._stopping.asked_once() or not self.settings.server.engine:
            return
        if not self._is_started:
            self.engine.start(self.performing.perform)
            self._is_started = True
        self.reconciling.tick()
        self.retention_cleaner.tick()

    def begin_stop(self) -> None:
        """Begin no further job; those that run come to a point where they can go on later. Returns at once."""
        self._stopping.ask()

    def stop(self, grace_seconds: float) -> bool:
        """Wait for those that run; what doesn't end in time is left to be taken up again.

        :returns: whether everything ended.
        """
        self.begin_stop()
        return self.engine.stop(grace_seconds)


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
        reported_to = (self.notifier, clock, around.organization_id, endpoint.label)
        self.renewal = CredentialsRenewer(*reported_to, self._warn, around.accesses.renew)
        self.clock_watching = ClockMonitor(*reported_to, self.remark, around.accesses.gateway_pool.starting)

    # The parts that act. Each is made on first use, since what acts needs all of the above.

    @cached_property
    def closing(self) -> WindowCloseLoop:
        import rootkeeper.aws.summaries  # noqa: F401 - takes a while: not when the first of many windows is due

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
        """Settle and close what is overdue before anything else; what takes longer continues in the background.

        A window that can't be closed or read doesn't keep the server from starting.
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
        """All loops, the most urgent first."""
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

    # What is reported.

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


@dataclass(frozen=True, slots=True)
class ReadinessChecker:
    """Looks at each part of a process by itself."""

    owner: Owner
    work: ServerWork
    loops: Loops

    def evaluate(self, *, is_started: bool, is_stopping: bool) -> Readiness:
        """All parts, good or not."""
        return Readiness(
            (
                _check_process(is_started=is_started, is_stopping=is_stopping),
                self._check_database(),
                self._check_credentials(),
                self._check_clock(),
                self._check_notifications(),
                self._check_loops(),
            )
        )

    def _check_database(self) -> ReadinessCheck:
        if self.owner.has_lease():
            return ReadinessCheck("database", True, "The ledger can be written.")
        return ReadinessCheck("database", False, "The database couldn't be written for longer than a lease lasts.")

    def _check_credentials(self) -> ReadinessCheck:
        renewal = self.work.renewal
        if not renewal.was_tried:
            return ReadinessCheck("aws", False, "The AWS credentials weren't tried yet.")
        good = "The AWS credentials could be had at the last try."
        return ReadinessCheck("aws", not renewal.failures, " ".join(renewal.failures) or good)

    def _check_clock(self) -> ReadinessCheck:
        failure = self.work.clock_watching.failure
        return ReadinessCheck("clock", failure is None, failure or "The clock agrees with AWS's.")

    def _check_notifications(self) -> ReadinessCheck:
        """Report failing targets only: a target that is down must not take the server out of service."""
        failing, targets = self.work.notifying.delivery_loop.count_failing_here()
        said = f"{failing} of {targets} notification targets fail." if failing else "No notification target fails."
        return ReadinessCheck("notifications", True, said)

    def _check_loops(self) -> ReadinessCheck:
        troubles = self.loops.list_troubles()
        return ReadinessCheck("loops", not troubles, " ".join(troubles) or "All loops go on.")


def _check_process(*, is_started: bool, is_stopping: bool) -> ReadinessCheck:
    if is_stopping:
        return ReadinessCheck("process", False, "It is ending.")
    return ReadinessCheck("process", is_started, "It runs." if is_started else "It is starting.")


FIRST_CLOSING_SECONDS = 10.0
"""How long the first look for overdue windows is waited for, before anything else is done."""


STOP_SECONDS = 8.0
"""How long an orderly end may take; the process itself ends within ten seconds."""


_CLOSE_SECONDS = 1.5
"""The part of it for lease and database."""


class ServerRuntime:
    """One server or worker, of one organization. To be stopped, however far it came."""

    def __init__(
        self,
        settings: Settings,
        *,
        url: str | None = None,
        clock: Clock | None = None,
        profile: str | None = None,
        region: str | None = None,
        log: ServerLog | None = None,
        has_story: bool = False,
    ) -> None:
        """Nothing is opened yet.

        :param url: where its API will listen; ``None`` for a worker.
        :param has_story: whether it shows the guided story, as a demo's server does.
        """
        self.settings = settings
        self.url = url
        self._has_story = has_story
        self.clock = clock or SystemClock()
        self.log = log or ServerLog()
        self.is_stopping = False
        """Whether it is about to end, so that no stream of events may hold it up."""
        self._accesses = AwsAccessPool(settings, self.clock, profile, region)
        self._open = ExitStack()
        self._loops = Loops(self.clock, self._report_failure)
        self._uses = UseCounter()
        self._work: ServerWork | None = None
        self._organization: Organization | None = None
        self._is_started = False
        self._stop_began_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # Beginning.

    def start(self) -> None:
        """Open everything, deal with what earlier processes left, and begin to work; returns when that is under way.

        :raises ServerRunningError: if another server runs on the same SQLite file.
        :raises DatabaseError: if the database can't be opened, or its schema is newer; open windows are named.
        :raises LedgerOutdatedError: if the database is older than its mirror or anchor.
        :raises SettingsError: if a setting can't be used.
        :raises AwsError: if AWS can't say which organization it is, and the database doesn't know.
        """
        self._open_database()
        self.organization_id = self._find_organization_id()
        self._require_not_outdated()
        if self.url is not None:
            self.database.open_cipher(self.organization_id, self.settings.server.key_file)
        work = self._put_together()
        self._warn_of_weakness()
        work.close_first(FIRST_CLOSING_SECONDS)
        if not self.is_stopping:
            self._loops.start(work.list_loops())
        self._is_started = True

    def _open_database(self) -> None:
        from rootkeeper.composition.adapters import open_settings_database
        from rootkeeper.database.processes import take_server_lock

        lock = take_server_lock(self.settings.database.url, self.clock.now(), self.url)
        if lock is not None:
            self._open.enter_context(lock)
        self.database = self._open.enter_context(open_settings_database(self.settings, warn=self._warn))
        self.owner = self.database.register_owner(
            self.clock, self.settings.lease.seconds, must_be_registered=False, replaces_itself=True
        )
        self._open.callback(self.owner.close)

    def _find_organization_id(self) -> str:
        """AWS says; a database of one organization knows it while AWS can't be asked."""
        try:
            found = self.read_organization().organization_id
        except AwsError as error:
            known = self.database.list_organization_ids()
            if len(known) != 1:
                raise
            self.log.failure("aws.unreachable", f"Continuing with {known[0]}, which the database knows", error)
            return known[0]
        self._accesses.share_quotas(self.database, found)
        with suppress(AwsError):
            self._accesses.learn_callers([AwsWork.RECOVER])
        return found

    def _require_not_outdated(self) -> None:
        try:
            self.database.require_not_outdated()
        except LedgerOutdatedError:
            for window in self.windows.list_overdue(self.clock.now()):
                self.log.error(
                    "window.overdue",
                    f"Recovery window {window.window_id} of account {window.account_id} is {window.state.value}, and "
                    "nothing closes it until the database's restore is recorded.",
                    window_id=window.window_id,
                    account_id=window.account_id,
                )
            raise

    def _put_together(self) -> ServerWork:

        self._work = work = ServerWork(
            ServerContext(
                settings=self.settings,
                clock=self.clock,
                log=self.log,
                database=self.database,
                owner=self.owner,
                organization_id=self.organization_id,
                endpoint=self.endpoint,
                accesses=self._accesses,
                act_as=self.act_as,
                act_as_server=self.act_as_server,
            )
        )
        work.require_settings()
        return work

    def _warn_of_weakness(self) -> None:
        try:
            for warning in self._accesses.gateway_pool.list_warnings():
                self.log.warning("aws.power", warning)
        except AwsError as error:
            self.log.failure("aws.power", "The AWS credentials can't be judged", error)
        if self.settings.oidc.issuer and not self.has_local_administrator():
            self.log.warning(
                "access.no_local_administrator",
                "No local administrator exists, so no one can manage users while the identity provider is down. Add a "
                "local user with the role administrator.",
            )

    # Who acts.

    def act_as(self, actor: Actor, work: AwsWork | None) -> ActorUseCases:
        """The use cases in the name of ``actor``, with the AWS power of ``work`` alone. No call is made.

        :param work: ``None`` for what asks AWS nothing, such as an approval: it doesn't wait for AWS.
        """
        access = self._idle(actor.name) if work is None else self._access(work, actor.name)
        return ActorUseCases(self._shared, actor, access)

    def act_as_server(self, work: AwsWork | None) -> ActorUseCases:
        """What the server does by itself, such as at the end of a window."""
        return self.act_as(Actor(SERVER_NAME, ActorKind.SERVER), work)

    def _access(self, work: AwsWork, person: str) -> AwsAccess:
        return self._make_access(self._accesses.gateway(work, person), person, asks_aws=True)

    def _idle(self, person: str) -> AwsAccess:
        return self._make_access(self._accesses.gateway_pool.starting, person, asks_aws=False)

    def _make_access(self, gateway: AwsGateway, person: str, *, asks_aws: bool) -> AwsAccess:
        accesses = self._accesses
        return AwsAccess(
            gateway,
            partial(accesses.read_caller, gateway),
            partial(accesses.find_caller, gateway) if asks_aws else lambda: None,
            accesses.gateway(AwsWork.UNLOCK, person),
            asks_aws=asks_aws,
        )

    @property
    def _shared(self) -> SharedResources:
        work = self._running_work
        return SharedResources(
            settings=self.settings,
            clock=self.clock,
            database=self.database,
            owner=self.owner,
            organization_id=self.organization_id,
            read_organization=self.read_organization,
            notifier=work.notifier,
            engine=work.jobs.engine,
            uses=self._uses,
            warn=self._warn,
            watch_source_name=find_watch_source_name(self.settings.watching.source),
        )

    @property
    def _running_work(self) -> ServerWork:
        assert self._work is not None, "the server acts only after it has started"  # noqa: S101 - a bug of ours
        return self._work

    def read_organization(self) -> Organization:
        """Asks AWS once.

        :raises AwsError: if AWS can't be asked.
        """
        if self._organization is None:
            # The starting credentials may do nothing but assume the roles.
            gateway = self._accesses.gateway(AwsWork.AUDIT, SERVER_NAME)
            self._accesses.read_caller(gateway)
            self._organization = gateway.read_organization()
        return self._organization

    # What is read without acting.

    @property
    def windows(self) -> RecoveryWindowStore:
        return self.database.windows(self.organization_id)

    @property
    def jobs(self) -> JobStore:
        return self.database.jobs(self.organization_id, self.clock, lambda: self.owner)

    @property
    def inventory_store(self) -> InventoryStore:
        return self.database.inventory(self.organization_id)

    @property
    def history(self) -> AuditHistory:
        return self.database.audit_history(self.organization_id)

    @property
    def ledger_reader(self) -> LedgerReader:
        return self.database.ledger_reader()

    @property
    def stored_answers(self) -> StoredAnswers:
        return self.database.kept_answers(self.organization_id, self.clock, lambda: self.owner)

    # Who signs in.

    @property
    def identities(self) -> IdentityStore:
        return self.database.identities(self.organization_id, self.clock)

    @property
    def sessions(self) -> SessionStore:
        return self.database.sessions(self.organization_id, self.clock)

    @property
    def factors(self) -> FactorStore:
        return self.database.factors(self.organization_id)

    @property
    def failure_counter(self) -> FailureCounter:
        return self.database.failure_counts(self.organization_id, self.clock)

    @cached_property
    def provider_sign_in_service(self) -> ProviderSignInService | None:
        """``None`` where the settings name no identity provider; that isn't asked for it."""
        rules = self.settings.oidc.to_rules()
        if rules is None:
            return None
        from rootkeeper.access.provider import OidcProvider, ProviderSignInService

        return ProviderSignInService(
            rules,
            OidcProvider(rules, self.clock),
            self.database.sign_in_starts(self.organization_id, self.clock),
            self.sessions,
            self.failure_counter,
            self.clock,
        )

    @property
    def first_administrators(self) -> FirstAdministratorStore:
        return self.database.first_administrators(self.organization_id, self.clock)

    def offer_first_administration(self) -> str | None:
        """Where the first administrator makes himself known, once and within a day; ``None`` if there is one.

        :raises DatabaseError: if the database can't be read or written.
        """
        now = self.clock.now()
        known = self.identities.list_identities()
        if any(one.role is ServerRole.ADMINISTRATOR and one.is_usable(now) for one in known):
            return None
        token = make_secret(SessionKind.BROWSER)
        self.first_administrators.add_link(token, now + LINK_LASTS)
        public = self.settings.server.public_address
        return f"{self.url if public is None else public.origin}/first-administrator#{token}"

    def has_local_administrator(self) -> bool:
        """Whether a local user can manage users while an identity provider is down.

        :raises DatabaseError: if the database can't be read.
        """
        return any(
            identity.kind is IdentityKind.USER
            and identity.role is ServerRole.ADMINISTRATOR
            and identity.signs_in_by is SignInWay.PASSWORD
            and identity.is_usable(self.clock.now())
            for identity in self.identities.list_identities()
        )

    @property
    def endpoint(self) -> Endpoint:
        return self._accesses.gateway_pool.starting.endpoint

    def list_schedules(self) -> tuple[ScheduleStatus, ...]:
        """What it does by itself at certain times, with the last and the next run of each."""
        return self._running_work.schedules.list_schedules(self.clock.now())

    def get_story(self) -> tuple[StoryStep, ...]:
        """The guided story, and how far it is by the sandbox's truth.

        :raises NotFoundError: if it isn't a demo's server.
        :raises AwsUnreachableError: if the sandbox doesn't answer.
        """
        from rootkeeper.composition.story import read_story_state

        if not self._has_story:
            raise NotFoundError("This server has no guided story.", hint="Only the server of a demo has one.")
        return evaluate_story(read_story_state(self.endpoint))

    # Whether it can work.

    def readiness(self) -> Readiness:
        """Whether it can do its work now; nothing is asked of AWS for it."""
        judging = ReadinessChecker(self.owner, self._running_work, self._loops)
        return judging.evaluate(is_started=self._is_started, is_stopping=self.is_stopping)

    def measure(self) -> Measurements:
        """Numbers for those who watch it from outside; nothing is asked of AWS for them."""
        failing, targets = self._running_work.notifying.delivery_loop.count_failing_here()
        try:
            stored = self.database.measure(self.organization_id)
        except DatabaseError:
            stored = None
        return Measurements(
            stored=stored,
            throttles=self._accesses.gateway_pool.starting.count_throttles(),
            notification_targets=targets,
            failing_notification_targets=failing,
            is_ready=self.readiness().is_ready,
        )

    # Ending.

    def begin_stop(self) -> None:
        """Begin nothing new; returns at once."""
        if not self.is_stopping:
            self.is_stopping, self._stop_began_at = True, self.clock.monotonic()
        self._loops.begin_stop()
        if self._work is not None:
            self._work.begin_stop()

    def stop(self) -> bool:
        """Wait for what is under way, then let go of everything.

        What doesn't end in time is left as by a dead process. Its lease isn't ended, so that no other process
        takes over while a call of this one may be on its way.

        :returns: whether everything ended.
        """
        self.begin_stop()
        ends = self._stop_began_at + STOP_SECONDS - _CLOSE_SECONDS
        left = self._work.stop(self._left_until(ends)) if self._work is not None else ()
        left += self._loops.wait_stopped(self._left_until(ends))
        left += () if self._uses.wait_none(self._left_until(ends)) else ("requests",)
        if left:
            self.log.warning("stop.unfinished", f"Still under way, and left to be taken up again: {', '.join(left)}.")
            return False
        return _finishes_within(_CLOSE_SECONDS, self._open.close)

    def _left_until(self, ends: float) -> float:
        return max(0.0, ends - self.clock.monotonic())

    # What is reported.

    def _warn(self, text: str) -> None:
        self.log.warning("server.warning", text)

    def _report_failure(self, loop: str, error: BaseException) -> None:
        self.log.failure("loop.failed", f"A turn of {loop} failed", error)


def _finishes_within(seconds: float, work: Callable[[], object]) -> bool:
    thread = threading.Thread(target=work, name="rootkeeper-closing-down", daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()
