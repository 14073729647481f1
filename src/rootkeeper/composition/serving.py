"""A running server or worker: its identity, its actors, its own work, and how it begins and ends.

It closes overdue windows before anything else. A window that can't be closed, or AWS that can't be reached, keeps it
from nothing else. Every entry of the ledger names who acts; every call to AWS uses one role, and CloudTrail shows the
person there too.
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from rootkeeper.access.counts import FailureCounter, StoredAnswers
from rootkeeper.access.factor_store import KnownDevices, open_cipher
from rootkeeper.access.links import LINK_LASTS, LinkFile
from rootkeeper.access.rules import IdentityKind, ServerRole, SessionKind, SignInWay
from rootkeeper.access.service import make_secret
from rootkeeper.access.store import FirstAdministratorStore
from rootkeeper.aws.rules import SERVER_NAME, AwsWork
from rootkeeper.clock import Clock
from rootkeeper.composition.adapters import AwsAccessPool, ServerLog, UseCounter
from rootkeeper.composition.application import Application
from rootkeeper.composition.mirrored_closings import MirroredClosings
from rootkeeper.composition.services import Stores, make_outbox, make_sender
from rootkeeper.database.files import list_wide_folders
from rootkeeper.database.processes import take_server_lock
from rootkeeper.errors import AwsError, DatabaseError, LedgerOutdatedError, RootkeeperError, SettingsError
from rootkeeper.jobs.rules import Job, JobKind
from rootkeeper.ledger.rules import Actor, ActorKind
from rootkeeper.notifications.rules import NotificationTarget, parse_targets
from rootkeeper.notifications.service import DeliveryLoop
from rootkeeper.notifications.store import NotificationStore
from rootkeeper.organization.accounts import Caller, Organization
from rootkeeper.organization.progress import RemarkProgress, ServerStopSignal
from rootkeeper.settings.edits import EditableSetting, SettingSource, apply_edits, find_source
from rootkeeper.settings.reading import list_own_folders, make_provider_rules
from rootkeeper.settings.sections import ScheduleSettings, Settings
from rootkeeper.watching.rules import parse_watch_source
from rootkeeper.windows.imports import merge_spill
from rootkeeper.windows.rules import WindowState
from rootkeeper.worker.health import (
    ClockMonitor,
    ConnectionLimit,
    ConnectionMonitor,
    CredentialsRenewer,
    DatabaseMonitor,
    LedgerMonitor,
    LedgerState,
    Readiness,
    ReadinessCheck,
)
from rootkeeper.worker.loops import Loop, Loops
from rootkeeper.worker.measurements import Measurements, measure_stored
from rootkeeper.worker.requests import Engine, NullEngine, Parameters
from rootkeeper.worker.schedules import (
    Schedule,
    ScheduleKind,
    ScheduleLoop,
    ScheduleStatus,
    ScheduleStore,
    parse_schedules,
)
from rootkeeper.worker.service import PERIOD_SECONDS, EngineCleaner, JobReconciler, JobRunner

if TYPE_CHECKING:
    from rootkeeper.access.provider import ProviderSignInService
    from rootkeeper.aws.gateway import AwsGateway
    from rootkeeper.watching.service import EventWatchLoop
    from rootkeeper.worker.closing import WindowCloseLoop, WindowMaintenance
    from rootkeeper.worker.window_rows import WindowRowMonitor

RECONCILING_SECONDS = 1.0
"""The job of a dead process is put back at the second look after the death is known; see ``JobReconciler``."""

FIRST_CLOSING_SECONDS = 10.0
"""How long the first look for overdue windows is waited for, before anything else is done."""

STOP_SECONDS = 8.0
"""How long an orderly end may take; the process itself ends within ten seconds."""

_FIRST_LOOK_SECONDS = 0.1
"""Between turns at the start: a window that a dead process was opening is settled in a turn and closed in the next."""

_CLOSE_SECONDS = 1.5
"""The part of ``STOP_SECONDS`` for lease and database."""


class ActorUseCases(Application):
    """The use cases of an actor. While they are entered, the server's end waits for it."""

    def __init__(self, server: ServerRuntime, actor: Actor, work: AwsWork | None) -> None:
        """:param work: selects the AWS role; ``None`` for use cases that ask AWS nothing. No call is made."""
        super().__init__(server.settings, warn=server.warn, clock=server.clock)
        gateways = server.accesses.gateway_pool
        self.database, self.owner, self.organization_id = server.database, server.owner, server.organization_id
        self.cipher = server.cipher
        self.aws = gateways.starting if work is None else gateways.gateway(work, actor.name)
        self.engine, self.notifier = server.work.engine, server.work.notifier
        source = parse_watch_source(server.settings.watching.source)
        self.watch_source_name = None if source is None else source.name
        self._server = server
        self._actor = actor
        self._asks_aws = work is not None

    def __enter__(self) -> Self:
        self._server.uses.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._server.uses.end()

    def take_own_lease(self) -> Self:
        """Act with a lease of its own, which ends with it. So its unclear intents are settled like a dead
        process's, although this process continues.

        :raises DatabaseError: if the database can't be written.
        """
        self.owner = self.database.register_owner(self.clock, self.settings.lease.seconds)
        self._open.callback(self.owner.close)
        return self

    def close_later(self) -> None:
        """Close it after the time in which an abandoned call can still be on its way."""
        closing = threading.Timer(self.settings.aws.call_timeout_seconds, self.close)
        closing.name, closing.daemon = "rootkeeper-ending-lease", True
        closing.start()

    @cached_property
    def caller(self) -> Caller:
        return self._server.accesses.read_caller(self.aws)

    @cached_property
    def organization(self) -> Organization:
        return self._server.organization

    @cached_property
    def actor(self) -> Actor:
        """The actor as the server knows it, with the AWS principal if that is known. The server's own work, such as
        closing a window, doesn't wait for AWS to name the principal.
        """
        if not self._asks_aws:
            return self._actor
        is_server = self._actor.kind is ActorKind.SERVER
        known = self._server.accesses.find_caller(self.aws) if is_server else self.caller
        return self._actor if known is None else replace(self._actor, caller_arn=known.arn)

    @property
    def _unlocking_gateway(self) -> AwsGateway:
        """With the unlock role and the same actor, to settle a policy's change that a dead process left."""
        return self._server.accesses.gateway_pool.gateway(AwsWork.UNLOCK, self._actor.name)

    def share_quotas(self) -> None:
        """The server has done that for each gateway that it hands out."""


class ServerWork:
    """The work that a server or worker does by itself. Made once the organization is known; checks every setting.

    :raises SettingsError: if a setting can't be used.
    """

    def __init__(self, server: ServerRuntime) -> None:
        settings, clock = server.settings, server.clock
        organization_id, endpoint = server.organization_id, server.endpoint
        self._server = server
        self._stopping = ServerStopSignal()
        self._is_engine_started = False
        self._details: tuple[int, bool] | None = None
        """Whether an account has details, and the revision of the statuses that says so."""
        self.notifier = make_outbox(settings, server.database, organization_id, clock, server.warn)
        self.delivery_loop = DeliveryLoop(
            self.notifier,
            server.database.get_store(NotificationStore, organization_id),
            make_sender(settings, clock),
            clock,
            organization_id,
            endpoint,
            self._list_targets,
        )
        self.engine = self._choose_engine()
        self._job_runner = JobRunner(
            server.jobs,
            lambda actor, work: server.act_as(actor, work).take_own_lease(),
            clock,
            self._stopping,
            self.notifier,
            organization_id,
            endpoint.label,
            server.identities,
        )
        self._reconciler = JobReconciler(server.jobs, self.engine, clock)
        self._engine_cleaner = EngineCleaner(self.engine, clock)
        reported_to = (self.notifier, clock, organization_id, endpoint.label)
        self.renewer = CredentialsRenewer(*reported_to, server.warn, server.accesses.renew)
        self.clock_monitor = ClockMonitor(*reported_to, self._remark, server.accesses.gateway_pool.starting)
        self.ledger_monitor = LedgerMonitor(*reported_to, self._remark, server.database.rolling_verification().step)
        self.connection_monitor = ConnectionMonitor(
            *reported_to, lambda text: server.log.error("connections.limited", text)
        )
        self.database_monitor = DatabaseMonitor(
            *reported_to,
            server.warn,
            server.database.check,
            server.database.check_pages,
            lambda: server.owner.renewal_failure,
            lambda failure: server.log.error("database.failed", f"The database can't be used: {failure}"),
        )

    def _list_targets(self) -> tuple[NotificationTarget, ...]:
        """The targets that hold now; the last known targets while the settings of the console can't be read."""
        try:
            return parse_targets(self._server.settings_in_force.notifications.targets)
        except RootkeeperError:
            return self.notifier.targets

    def _choose_engine(self) -> Engine:
        """Nothing is opened yet."""
        settings = self._server.settings
        if not settings.server.engine:
            return NullEngine()
        from rootkeeper.worker.engine import EngineOptions, open_engine

        options = EngineOptions(concurrency=settings.server.job_concurrency)
        return open_engine(settings.database.url, self._server.organization_id, options)

    # The parts that act. Each is made on first use, because it needs all of the above.

    @cached_property
    def closing(self) -> WindowCloseLoop:
        import rootkeeper.aws.summaries  # noqa: F401 - takes a while: not when the first of many windows is due

        return self._server.act_as_server(AwsWork.RECOVER).window_close_loop(RemarkProgress(self._remark))

    @cached_property
    def window_rows(self) -> WindowRowMonitor:
        return self._server.act_as_server(None).window_row_monitor(RemarkProgress(self._remark))

    @cached_property
    def upkeep(self) -> WindowMaintenance:
        return self._server.act_as_server(AwsWork.RECOVER).window_maintenance(RemarkProgress(self._remark))

    @cached_property
    def watching(self) -> EventWatchLoop | None:
        """:raises AwsError: if AWS can't name the server's caller."""
        return self._server.act_as_server(None).event_watch_loop()

    @cached_property
    def schedules(self) -> ScheduleLoop:
        """:raises SettingsError: if a schedule can't be understood."""
        server = self._server

        def request_job(kind: JobKind, run: str, parameters: Parameters | None = None) -> Job:
            return server.act_as_server(None).job_request_service.request_once(run, kind, parameters)

        starts: dict[ScheduleKind, Callable[[str], object]] = {
            ScheduleKind.AUDITS: lambda run: request_job(JobKind.AUDIT, run),
            ScheduleKind.DETAILED_AUDITS: lambda run: request_job(JobKind.AUDIT, run, {"details": True}),
            ScheduleKind.DRIFT_CHECKS: lambda run: request_job(JobKind.DRIFT_CHECK, run),
            ScheduleKind.DRILL_REMINDERS: lambda _: server.act_as_server(None).drill_reminder.remind(
                server.clock.now()
            ),
            ScheduleKind.REPORTS: lambda run: request_job(JobKind.REPORT_DELIVERY, run),
        }
        own = server.settings.schedules
        if own.reports and not server.settings.delivery.targets:
            raise SettingsError(
                "schedules.reports is set, but delivery.targets isn't.", hint="Name the places of reports there."
            )
        _parse_schedules(own)

        return ScheduleLoop(
            self._list_schedules,
            server.get_store(ScheduleStore),
            starts,
            self.notifier,
            server.organization_id,
            server.endpoint,
        )

    def _list_schedules(self) -> tuple[Schedule, ...]:
        """List the schedules that hold now; the default of detailed audits only if an audit has read details."""
        server, name = self._server, EditableSetting.SCHEDULES_DETAILED_AUDITS
        edits = server.setting_edits.list_edits()
        held = apply_edits(server.settings, edits).schedules
        source = find_source(server.settings, name, {edit.name: edit for edit in edits})
        if source is SettingSource.DEFAULT and not self._has_details():
            held = replace(held, detailed_audits=())
        return _parse_schedules(held)

    def _has_details(self) -> bool:
        """Ask again only after a change, because where no account has details, all rows are searched."""
        store = self._server.inventory_store
        revision = store.find_revisions().statuses
        if self._details is None or self._details[0] != revision:
            self._details = revision, store.has_details()
        return self._details[1]

    def require_settings(self) -> None:
        """:raises SettingsError: if a setting that is used later can't be used."""
        acting = self._server.act_as_server(None)
        _ = acting.window_policy, acting.watch_source, acting.delivery_targets, self.schedules

    def close_first(self, seconds: float) -> None:
        """Settle and close overdue windows before anything else; slow closings continue in the background.

        A window that can't be closed or read doesn't keep the server from starting. A failed closing is tried again by
        the loop, later.
        """
        clock = self._server.clock
        ends = clock.monotonic() + seconds
        try:
            while True:
                self.closing.tick()
                self.closing.executor.wait_idle(max(0.0, ends - clock.monotonic()))
                overdue = self._server.windows.list_overdue(self._server.window_clock.now())
                has_more = any(window.state is not WindowState.CLOSE_FAILED for window in overdue)
                if not has_more or clock.monotonic() >= ends or self._stopping.asked_once():
                    return
                clock.sleep(_FIRST_LOOK_SECONDS)
        except RootkeeperError as error:
            self._server.log.failure("closing.first", "The first look for overdue windows failed", error)

    def list_loops(self) -> tuple[Loop, ...]:
        """All loops, the most urgent first."""
        server, now = self._server, self._server.clock.now
        return (
            Loop("watching closings", 0.25, lambda: self.closing.watch(), longest_pause_seconds=0.25),
            Loop("closing windows", 0.25, lambda: self.closing.turn(), longest_pause_seconds=0.25),
            Loop("window rows", 1.0, lambda: self.window_rows.turn(), longest_pause_seconds=1.0),
            Loop("database", 1.0, self.database_monitor.turn, longest_pause_seconds=1.0),
            Loop("database pages", 1.0, self.database_monitor.turn_pages, longest_pause_seconds=1.0),
            Loop("windows", 1.0, lambda: self.upkeep.tick()),
            Loop("AWS credentials", 1.0, self._renew_credentials),
            Loop("jobs", RECONCILING_SECONDS, self._reconcile_jobs),
            Loop("notifications", 1.0, lambda: self.delivery_loop.tick(now()), longest_pause_seconds=1.0),
            Loop("schedules", 1.0, lambda: self.schedules.tick(now())),
            Loop("root events", 1.0, self._watch),
            Loop("clock", 1.0, self.clock_monitor.tick),
            Loop("ledger", 1.0, self.ledger_monitor.turn),
            Loop("connections", 1.0, self.connection_monitor.turn),
            Loop("spill files", 5.0, self._merge_spills),
            Loop("history", PERIOD_SECONDS, lambda: server.act_as_server(None).retention_cleaner.tick()),
        )

    def _renew_credentials(self) -> None:
        server = self._server
        if not self.renewer.tick():
            return
        server.accesses.share_quotas(server.database, server.organization_id)
        with suppress(AwsError):
            server.accesses.learn_callers(*AwsWork)

    def _reconcile_jobs(self) -> None:
        """Start the engine, until that succeeds; then reconcile it with our jobs, and let it forget old records."""
        if self._stopping.asked_once() or not self._server.settings.server.engine:
            return
        if not self._is_engine_started:
            self.engine.start(self._job_runner.perform)
            self._is_engine_started = True
        self._reconciler.tick()
        self._engine_cleaner.tick()

    def _watch(self) -> None:
        if self._server.settings.watching.source and self.watching is not None:
            self.watching.tick()

    def _merge_spills(self) -> None:
        """Merge spill files, which closings wrote while the ledger couldn't be written, once it can be written."""
        server = self._server
        if not server.owner.has_lease():
            return
        for path in server.database.list_spills():
            merged = merge_spill(path, server.database.commits, server.act_as_server(None).ledger)
            if merged:
                server.log.info("spill.merged", f"Merged {merged} entries of a spill file into the ledger.")

    def begin_stop(self) -> None:
        """Begin nothing new; jobs come to a point where they can continue later. Returns at once."""
        self._stopping.ask()
        for name in ("closing", "upkeep"):
            if name in self.__dict__:
                getattr(self, name).executor.stop()

    def stop(self, seconds: float) -> tuple[str, ...]:
        """Wait for work under way; return the parts that don't end in time. Their work is taken up again later."""
        monotonic = self._server.clock.monotonic
        ends = monotonic() + seconds
        self._stopping.ask()
        left = [] if self.engine.stop(seconds) else ["jobs"]
        if not self.delivery_loop.wait_idle(max(0.0, ends - monotonic())):
            left.append("notifications")
        for name in ("closing", "upkeep"):
            part = self.__dict__.get(name)
            if part is not None and not part.stop(max(0.0, ends - monotonic())):
                left.append(name)
        return tuple(left)

    def _remark(self, text: str) -> None:
        """Log the remark of a use case; an alert is an error, and the AWS credentials may be its reason."""
        if text.startswith("ALERT"):
            self._server.log.error("remark", text)
            self.renewer.retry_soon()
        else:
            self._server.log.info("remark", text)


def _parse_schedules(settings: ScheduleSettings) -> tuple[Schedule, ...]:
    """:raises SettingsError: if a schedule's text can't be understood."""
    return parse_schedules({kind: getattr(settings, kind.value) for kind in ScheduleKind})


class ServerRuntime(Stores):
    """A server or worker of one organization. Stop it also after a failed start."""

    _replaces_itself = True
    _work_kind: type[ServerWork] = ServerWork

    def __init__(
        self,
        settings: Settings,
        *,
        url: str | None = None,
        clock: Clock | None = None,
        profile: str | None = None,
        region: str | None = None,
        has_story: bool = False,
    ) -> None:
        """Nothing is opened yet.

        :param url: where its API will listen; ``None`` for a worker.
        :param has_story: whether it shows the guided story, as a demo's server does.
        """
        self.log = ServerLog()
        super().__init__(
            settings, needs_ledger=False, warn=lambda text: self.log.warning("server.warning", text), clock=clock
        )
        self.actor = Actor(SERVER_NAME, ActorKind.SERVER)
        self.url = url
        self.has_story = has_story
        self.is_stopping = False
        """Whether it is about to end, so that no stream of events may hold it up."""
        self.accesses = AwsAccessPool(settings, self.clock, profile, region)
        self.uses = UseCounter()
        self._loops = Loops(
            self.clock, lambda loop, error: self.log.failure("loop.failed", f"A turn of {loop} failed", error)
        )
        self._work: ServerWork | None = None
        self._is_started = False
        self._stop_began_at = 0.0

    def close(self) -> None:
        """The same as ``stop``."""
        self.stop()

    def start(self) -> None:
        """Open everything, settle the work of dead processes, and begin to work; returns when work is under way.

        :raises ServerRunningError: if another server runs on the same SQLite file.
        :raises DatabaseError: if the database can't be opened, or its schema is newer; open windows are named.
        :raises LedgerOutdatedError: if the database is older than its mirror or anchor.
        :raises SettingsError: if a setting can't be used.
        :raises AwsError: if AWS can't say which organization it is, and the database doesn't know.
        """
        lock = take_server_lock(self.settings.database.url, self.clock, self.settings.lease.seconds, self.url)
        if lock is not None:
            self._open.enter_context(lock)
        with MirroredClosings(self, self.settings.ledger.mirror).meanwhile():
            _ = self.database, self.owner
        self.organization_id = self._find_organization_id()
        self._require_not_outdated()
        if self.url is not None:
            self.cipher = open_cipher(
                self.database.store, self.database.commits, self.organization_id, self.settings.server.key_file
            )
        self._work = work = self._work_kind(self)
        work.require_settings()
        self._warn_of_weakness()
        work.close_first(FIRST_CLOSING_SECONDS)
        if not self.is_stopping:
            self._loops.start(work.list_loops())
        self._is_started = True

    def _find_organization_id(self) -> str:
        """Ask AWS; if it can't be reached, use the database, if that has a single organization."""
        try:
            found = self.organization.organization_id
        except AwsError as error:
            known = self.database.list_organization_ids()
            if len(known) != 1:
                raise
            self.log.failure("aws.unreachable", f"Continuing with {known[0]}, which the database knows", error)
            return known[0]
        self.accesses.share_quotas(self.database, found)
        with suppress(AwsError):
            self.accesses.learn_callers(AwsWork.RECOVER)
        return found

    def _require_not_outdated(self) -> None:
        try:
            self.database.require_not_outdated()
        except LedgerOutdatedError:
            for window in self.windows.list_overdue(self.accesses.gateway_pool.starting.latest_clock.now()):
                self.log.error(
                    "window.overdue",
                    f"Recovery window {window.window_id} of account {window.account_id} is {window.state.value}, and "
                    "nothing closes it until the database's restore is recorded.",
                    window_id=window.window_id,
                    account_id=window.account_id,
                )
            raise

    def _warn_of_weakness(self) -> None:
        try:
            for warning in self._list_aws_warnings():
                self.log.warning("aws.power", warning)
        except AwsError as error:
            self.log.failure("aws.power", "The AWS credentials can't be checked", error)
        if self.database.are_copies_beside():
            self.log.warning(
                "ledger.copies_beside",
                "Mirror and anchor of the ledger are both on the file system of the database, so a person who can "
                "write there can rewrite all three. Set ledger.anchor_bucket to a bucket with Object Lock, or "
                "ledger.anchor to a file on another machine's file system.",
            )
        for folder in list_wide_folders(list_own_folders(self.settings)):
            self.log.warning(
                "folder.wide", f"Other users can open the folder {folder}. Run: chmod 700 {shlex.quote(str(folder))}"
            )
        if self.settings.oidc.issuer and not any(
            identity.kind is IdentityKind.USER
            and identity.role is ServerRole.ADMINISTRATOR
            and identity.signs_in_by is SignInWay.PASSWORD
            and identity.is_usable(self.clock.now())
            for identity in self.identities.list_identities()
        ):
            self.log.warning(
                "access.no_local_administrator",
                "No local administrator exists, so no one can manage users while the identity provider is down. Add a "
                "local user with the role administrator.",
            )

    def _list_aws_warnings(self) -> tuple[str, ...]:
        return tuple(self.accesses.gateway_pool.list_warnings())

    def note_connection_limit(self, limit: ConnectionLimit, address: str) -> None:
        """Count a connection that was ended or refused. Thread-safe, and never waits."""
        self.work.connection_monitor.note(limit, address)

    # Who acts.

    def act_as(self, actor: Actor, work: AwsWork | None) -> ActorUseCases:
        """The use cases in the name of ``actor``, with the AWS permissions of ``work`` alone. No call is made.

        :param work: ``None`` for use cases that ask AWS nothing, such as an approval: it doesn't wait for AWS.
        """
        return ActorUseCases(self, actor, work)

    def act_as_server(self, work: AwsWork | None) -> ActorUseCases:
        """The use cases in the server's own name, such as at the end of a window."""
        return self.act_as(Actor(SERVER_NAME, ActorKind.SERVER), work)

    @property
    def work(self) -> ServerWork:
        assert self._work is not None, "the server acts only after it has started"  # noqa: S101 - a bug of ours
        return self._work

    @cached_property
    def organization(self) -> Organization:
        """:raises AwsError: if AWS can't be asked."""
        # The starting credentials may do nothing but assume the roles.
        gateway = self.accesses.gateway_pool.gateway(AwsWork.AUDIT, SERVER_NAME)
        self.accesses.read_caller(gateway)
        return gateway.read_organization()

    @cached_property
    def aws(self) -> AwsGateway:
        return self.accesses.gateway_pool.starting

    # Who signs in.

    @property
    def stored_answers(self) -> StoredAnswers:
        return StoredAnswers(self.database.commits, self.organization_id, self.clock, lambda: self.owner)

    @property
    def failure_counter(self) -> FailureCounter:
        return self.get_store(FailureCounter, self.clock)

    @property
    def known_devices(self) -> KnownDevices:
        assert self.cipher is not None, "a server with an API has opened it"  # noqa: S101 - a bug of ours
        return KnownDevices(self.cipher, self.clock)

    @cached_property
    def provider_sign_in_service(self) -> ProviderSignInService | None:
        """``None`` if the settings name no identity provider. Sends no request to the provider."""
        rules = make_provider_rules(self.settings.oidc, self.settings.organization_groups)
        if rules is None:
            return None
        from rootkeeper.access.factor_store import SignInStartStore
        from rootkeeper.access.provider import OidcProvider, ProviderSignInService

        return ProviderSignInService(
            rules,
            OidcProvider(rules, self.clock),
            SignInStartStore(self.database.commits, self.organization_id, self.clock),
            self.sessions,
            self.failure_counter,
            self.clock,
        )

    @property
    def first_administrators(self) -> FirstAdministratorStore:
        return self.get_store(FirstAdministratorStore, self.clock)

    def offer_first_administration(self) -> str | None:
        """Return the one-time link for the first administrator, valid for a day; ``None`` if an administrator exists.

        :raises DatabaseError: if the database can't be read or written.
        """
        self.first_administrator_file.remove()
        now = self.clock.now()
        known = self.identities.list_identities()
        if any(identity.role is ServerRole.ADMINISTRATOR and identity.is_usable(now) for identity in known):
            return None
        token = make_secret(SessionKind.BROWSER)
        self.first_administrators.add_link(token, now + LINK_LASTS)
        public = self.settings.server.public_address
        return f"{self.url if public is None else public.origin}/first-administrator#{token}"

    @property
    def first_administrator_file(self) -> LinkFile:
        """For a server that no person watches: beside the key file, which its user alone can read, too."""
        return LinkFile(self.settings.server.key_file.with_name("first-administrator-link"))

    # Reports about itself, without an AWS call.

    def describe(self) -> str:
        """Describe whom it serves."""
        return f"organization {self.organization_id}, {self.endpoint.label}"

    @property
    def ledger_state(self) -> LedgerState:
        """What the rounds of verification over the ledger found."""
        monitor = self.work.ledger_monitor
        is_intact = monitor.failure is None and self.work.window_rows.failure is None
        is_known = monitor.verified_at is not None or not is_intact
        return LedgerState(is_intact if is_known else None, monitor.verified_sequence, monitor.verified_at)

    def list_schedules(self) -> tuple[ScheduleStatus, ...]:
        """List its schedules, with the last and the next run of each."""
        return self.work.schedules.list_schedules(self.clock.now())

    def readiness(self) -> Readiness:
        """Return whether each part can do its work now."""
        work, has_lease = self.work, self.owner.has_lease()
        process = "It is ending." if self.is_stopping else "It runs." if self._is_started else "It is starting."
        database = work.database_monitor.failure
        if database is None and not has_lease:
            database = "The database couldn't be written for longer than a lease lasts."
        credentials = " ".join(work.renewer.failures) or "The AWS credentials worked at the last try."
        if not work.renewer.was_tried:
            credentials = "The AWS credentials haven't been tried yet."
        clock_failure, loop_troubles = work.clock_monitor.failure, self._loops.list_troubles()
        ledger = f"The ledger was intact up to entry {work.ledger_monitor.verified_sequence}."
        if work.ledger_monitor.verified_sequence is None:
            ledger = "The first verification of the ledger hasn't ended yet."
        is_ledger_good = self.ledger_state.is_intact is not False
        if not is_ledger_good:
            ledger = "The ledger failed its verification. Verify it on this machine to see why."
        failing, targets = work.delivery_loop.count_failing_here()
        notifications = (
            f"{failing} of {targets} notification targets fail." if failing else "No notification target fails."
        )
        late = work.closing.count_late()
        windows = (
            f"{late} recovery windows are open past their end." if late else "No recovery window is open too long."
        )
        return Readiness(
            (
                ReadinessCheck("process", self._is_started and not self.is_stopping, process),
                ReadinessCheck("database", database is None, database or "The ledger can be written."),
                ReadinessCheck("aws", work.renewer.was_tried and not work.renewer.failures, credentials),
                ReadinessCheck("windows", not late, windows),
                ReadinessCheck("ledger", is_ledger_good, ledger),
                ReadinessCheck("clock", clock_failure is None, clock_failure or "The clock agrees with AWS's."),
                # A target that is down must not take the server out of service.
                ReadinessCheck("notifications", True, notifications),
                ReadinessCheck("loops", not loop_troubles, " ".join(loop_troubles) or "All loops are running."),
            )
        )

    def measure(self) -> Measurements:
        """Return numbers for monitoring."""
        failing, targets = self.work.delivery_loop.count_failing_here()
        try:
            stored = measure_stored(self.database.store, self.organization_id)
        except DatabaseError:
            stored = None
        return Measurements(
            stored=stored,
            throttles=self.accesses.gateway_pool.starting.count_throttles(),
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
        """Wait for work under way, then release everything.

        Work that doesn't end in time is left as by a dead process. The lease isn't ended, so that no other process
        takes over while a call of this process may be on its way.

        :returns: whether everything ended.
        """
        self.begin_stop()
        ends = self._stop_began_at + STOP_SECONDS - _CLOSE_SECONDS

        def seconds_left() -> float:
            return max(0.0, ends - self.clock.monotonic())

        left = self._work.stop(seconds_left()) if self._work is not None else ()
        left += self._loops.wait_stopped(seconds_left())
        left += () if self.uses.wait_none(seconds_left()) else ("requests",)
        if left:
            self.log.warning("stop.unfinished", f"Still under way, and left to be taken up again: {', '.join(left)}.")
            return False
        closing = threading.Thread(target=self._open.close, name="rootkeeper-closing-down", daemon=True)
        closing.start()
        closing.join(_CLOSE_SECONDS)
        return not closing.is_alive()
