"""A server behind its API, in memory: real rules about identities and jobs, and windows that only remember."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import cast

from rootkeeper.access.factor_store import KeyFileCipher, KnownDevices
from rootkeeper.access.factors import FactorService
from rootkeeper.access.links import LinkFile
from rootkeeper.access.notices import IdentityNotices
from rootkeeper.access.provider import ProviderSignInService
from rootkeeper.access.rules import Identity, IdentityKind, ServerRole
from rootkeeper.access.service import IdentityService, SessionEnder
from rootkeeper.acting import Acting
from rootkeeper.approvals.rules import PeopleReader
from rootkeeper.aws.rules import AwsWork
from rootkeeper.composition.services import UseCases, make_window_policy
from rootkeeper.composition.serving import ServerRuntime
from rootkeeper.controls.assessment import ControlAttester
from rootkeeper.errors import NotFoundError, NotificationError, RootkeeperError
from rootkeeper.evidence.service import EvidenceCompiler
from rootkeeper.evidence.windows import WindowReporter
from rootkeeper.exceptions.service import ExceptionService
from rootkeeper.failsafe.confirmations import DrillRecorder, FailsafeConfirmer
from rootkeeper.failsafe.set_up import FailsafeLoginKeeper, FailsafeSetUpService
from rootkeeper.history.service import HistoryReader
from rootkeeper.inventory.listing import RECENT_LASTS
from rootkeeper.inventory.store import AuditHistory
from rootkeeper.jobs.rules import Job, JobKind, JobState
from rootkeeper.ledger.rules import Actor, LedgerEntry, LedgerVerification
from rootkeeper.ledger.store import LedgerFilter, SqlLedger
from rootkeeper.ledger.verification import LedgerReader
from rootkeeper.notifications.rules import Notification, NotificationTarget, Severity, parse_targets
from rootkeeper.notifications.service import NotificationTester
from rootkeeper.organization.accounts import (
    Account,
    AccountId,
    AccountState,
    Caller,
    Endpoint,
    Inventory,
    Organization,
    OrganizationalUnit,
)
from rootkeeper.organization.progress import Progress
from rootkeeper.organization.statuses import (
    AccountStatus,
    KeptAudit,
    KeptReading,
    KeptStatus,
    RootCredentialsSummary,
)
from rootkeeper.root_emails.service import EmailChangeExecutor, EmailChangePlanner
from rootkeeper.root_emails.statements import (
    EmailApprovalJudge,
    EmailApprovalService,
    EmailAttestationService,
    read_rules,
)
from rootkeeper.settings.edits import apply_edits
from rootkeeper.settings.reading import load_settings
from rootkeeper.settings.sections import NotificationSettings, Settings
from rootkeeper.settings.store import SettingEditor
from rootkeeper.setup.service import SetupEnabler, SetupReader
from rootkeeper.shipped_policies.bundle import PolicyBundleBuilder
from rootkeeper.watching.store import WatchedEventReader
from rootkeeper.windows.approvals import ApprovalTerms, WindowPolicy
from rootkeeper.windows.background import WindowBackgroundReader
from rootkeeper.windows.checks import RecoveryPlan, RecoveryPlanner, RecoveryRequest
from rootkeeper.windows.decisions import WindowRequestService
from rootkeeper.windows.rules import CloseOutcome, CloseResult, OpeningResult, OpenOutcome, RecoveryWindow, WindowState
from rootkeeper.worker.health import LedgerState, Readiness, ReadinessCheck
from rootkeeper.worker.measurements import Measurements, StoredMeasurements
from rootkeeper.worker.requests import JobRequestService
from rootkeeper.worker.schedules import ScheduleKind, ScheduleStatus
from tests.fakes.access import InMemoryIdentities
from tests.fakes.acting import make_acting
from tests.fakes.answers import InMemoryAnswers
from tests.fakes.clock import START, FakeClock
from tests.fakes.databases import FakeDatabase, FakeLedger, FakeLocks
from tests.fakes.failures import InMemoryFailures
from tests.fakes.jobs import InMemoryJobs, JobShelf
from tests.fakes.notifications import InMemoryNotifications, RecordingNotifier
from tests.fakes.organization import FakeOrganization
from tests.fakes.sessions import InMemoryFactors, InMemoryFirstAdministrators, InMemorySessions
from tests.fakes.setups import InMemorySetups
from tests.fakes.stores import (
    InMemoryConfirmations,
    InMemoryEmailAttestations,
    InMemoryExceptions,
    InMemoryInventory,
    InMemorySavedViews,
    InMemorySettingEdits,
    InMemoryWindows,
)

ORGANIZATION_ID = "o-exampleorgid"
ENDPOINT = Endpoint("SANDBOX 127.0.0.1:4599")
MANAGEMENT_ID = AccountId("111122223333")
PAYMENTS_ID = AccountId("222233334444")
UNITS = (
    OrganizationalUnit("r-1234", "Root", None),
    OrganizationalUnit("ou-1234-abcdefgh", "Workloads", "r-1234"),
)


def make_account(account_id: str, name: str, ou_ids: tuple[str, ...] = ("r-1234",), path: str = "Root") -> Account:
    email = f"{name}@example.com"
    return Account(AccountId(account_id), name, email, AccountState.ACTIVE, ou_ids, path, tags={"team": name})


def make_inventory() -> Inventory:
    """The management account, and ``payments`` in Workloads."""
    payments = make_account(PAYMENTS_ID, "payments", ("r-1234", "ou-1234-abcdefgh"), "Root/Workloads")
    return Inventory(
        Organization(ORGANIZATION_ID, MANAGEMENT_ID, True, "aws"),
        (make_account(MANAGEMENT_ID, "management"), payments),
        UNITS,
        START,
        frozenset(),
    )


def make_organization(clock: FakeClock) -> FakeOrganization:
    """The same accounts at AWS, with nothing switched on."""
    organization = FakeOrganization(clock)
    organization.add_account(PAYMENTS_ID, "payments")
    organization.trusted_access, organization.features = False, set()
    return organization


@dataclass
class FakeHistory(AuditHistory):
    """Implements AuditHistory."""

    kept: dict[str, tuple[KeptAudit, tuple[AccountStatus, ...]]] = field(default_factory=dict)

    def add(self, audit: KeptAudit, statuses: Iterable[AccountStatus]) -> None:
        self.kept[audit.audit_id] = (audit, tuple(statuses))

    def list_audits(self, *, limit: int | None = None, only_complete: bool = False) -> tuple[KeptAudit, ...]:
        kept = (audit for audit, _ in self.kept.values() if audit.is_complete or not only_complete)
        audits = sorted(kept, key=lambda one: one.ended_at, reverse=True)
        return tuple(audits[:limit])

    def get(self, audit_id: str) -> KeptAudit:
        if audit_id not in self.kept:
            raise NotFoundError(f"There is no audit {audit_id}.")
        return self.kept[audit_id][0]

    def list_statuses(self, audit_id: str) -> dict[AccountId, AccountStatus]:
        return {one.account.account_id: one for one in self.kept[audit_id][1]}

    def list_page(self, audit_id: str, after: str, limit: int) -> tuple[AccountStatus, ...]:
        found = sorted(self.list_statuses(audit_id).items())
        return tuple(status for account_id, status in found if account_id > after)[:limit]

    def list_account(self, account_id: AccountId) -> tuple[KeptStatus, ...]:
        return tuple(
            KeptStatus(audit.audit_id, audit.ended_at, found[account_id])
            for audit in self.list_audits()
            if account_id in (found := self.list_statuses(audit.audit_id))
        )

    def list_readings(self, start: datetime, end: datetime) -> dict[AccountId, AccountStatus]:
        return {}

    def stream_readings(self, start: datetime, end: datetime) -> Iterator[KeptReading]:
        return iter(())

    def list_complete(self, start: datetime, end: datetime) -> tuple[datetime, ...]:
        audits = self.list_audits(only_complete=True)
        return tuple(sorted(audit.ended_at for audit in audits if start <= audit.ended_at <= end))

    def forget_before(self, moment: datetime) -> int:
        raise NotImplementedError


@dataclass
class FakeLedgerReader(LedgerReader):
    """Implements LedgerReader on a database in memory."""

    database: FakeDatabase

    def list_entries(
        self,
        *,
        since_sequence: int = 0,
        account_id: AccountId | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int | None = None,
    ) -> Iterator[LedgerEntry]:
        found = [
            entry
            for entry in self.database.entries
            if entry.sequence > since_sequence
            and account_id in (None, entry.account_id)
            and (start is None or entry.at >= start)
            and (end is None or entry.at <= end)
        ]
        return iter(found[:limit])

    def list_latest(self, wanted: LedgerFilter, *, before: int | None = None, limit: int) -> tuple[LedgerEntry, ...]:
        found = [entry for entry in reversed(self._list_fitting(wanted)) if before is None or entry.sequence < before]
        return tuple(found[:limit])

    def count_entries(self, wanted: LedgerFilter) -> int:
        return len(self._list_fitting(wanted))

    def _list_fitting(self, wanted: LedgerFilter) -> list[LedgerEntry]:
        return [
            entry
            for entry in self.database.entries
            if wanted.account_id in (None, entry.account_id)
            and wanted.actor in (None, entry.actor.name)
            and (not wanted.actions or entry.action in wanted.actions)
            and (not wanted.results or entry.result in wanted.results)
            and (wanted.start is None or entry.at >= wanted.start)
            and (wanted.end is None or entry.at <= wanted.end)
        ]

    def list_open_intents(self) -> tuple[LedgerEntry, ...]:
        return tuple(self.database.open_intents)

    def verify(self, *, must_have_copies: bool = True) -> LedgerVerification:
        entries = self.database.entries
        return LedgerVerification(len(entries), len(entries), "0" * 64, None, None, None)


@dataclass
class FakeEngine:
    """Implements Engine: remembers its calls."""

    enqueued: list[str] = field(default_factory=list)

    def start(self, perform: object) -> None:
        raise NotImplementedError

    def enqueue(self, job_id: str) -> None:
        self.enqueued.append(job_id)

    def cancel(self, job_id: str) -> None:
        """Nothing."""

    def list_waiting(self) -> tuple[str, ...]:
        return tuple(self.enqueued)

    def list_claimed(self) -> tuple[str, ...]:
        return ()

    def put_back(self, job_id: str) -> None:
        raise NotImplementedError

    def forget_before(self, moment: datetime) -> int:
        raise NotImplementedError

    def stop(self, grace_seconds: float) -> bool:
        raise NotImplementedError


class FakeEvents(WatchedEventReader):
    """There are none."""

    def __init__(self) -> None:
        """No database."""

    def list_of_account(self, account_id: AccountId) -> tuple[()]:
        return ()

    def list_of_window(self, window_id: str) -> tuple[()]:
        return ()


_NOTHING_FOUND = RootCredentialsSummary(
    has_password=False, has_access_keys=False, has_signing_certificates=False, has_mfa_devices=False
)


class _RefusingSender:
    """Implements NotificationSender: no target takes anything."""

    def send(self, target: NotificationTarget, notification_id: str, notification: Notification) -> None:
        raise NotificationError("The target oncall doesn't answer.", hint="Check its address.")


@dataclass
class FakeServices:
    """A server without AWS, with as much of ServerRuntime as the API uses; ``as_server`` is handed to it."""

    clock: FakeClock = field(default_factory=FakeClock)
    organization_id: str = ORGANIZATION_ID
    endpoint: Endpoint = ENDPOINT
    is_stopping: bool = False
    troubles: list[str] = field(default_factory=list)
    throttles: dict[str, int] = field(default_factory=lambda: {"sts:*": 0})
    is_database_away: bool = False
    acts: list[tuple[str, Actor, AwsWork | None]] = field(default_factory=list)
    """Use cases that were asked for, by whom, with which power."""
    failure: Exception | None = None
    """What every use case about windows raises."""
    has_story: bool = False
    ledger_state: LedgerState = field(default_factory=lambda: LedgerState(None, None, None))

    @property
    def as_server(self) -> ServerRuntime:
        return cast("ServerRuntime", self)

    def __post_init__(self) -> None:
        self.settings = load_settings(None, {}, Path("/nowhere"))
        self.database = FakeDatabase(self.clock)
        self.identities = InMemoryIdentities(self.clock)
        self.stored_answers = InMemoryAnswers()
        self.provider_sign_in_service: ProviderSignInService | None = None
        self.failure_counter = InMemoryFailures(self.clock)
        self.known_devices = KnownDevices(KeyFileCipher(bytes(32), ORGANIZATION_ID, Path("/nowhere")), self.clock)
        self.factors = InMemoryFactors()
        self.sessions = InMemorySessions(self.identities, self.factors, self.clock)
        self.first_administrator_file = LinkFile(Path("/nowhere/first-administrator-link"))
        self.notifier = RecordingNotifier()
        self.identity_notices = IdentityNotices(self.notifier, self.organization_id, "SANDBOX 127.0.0.1:4599")
        self.first_administrators = InMemoryFirstAdministrators(self.identities, self.clock)
        self.windows = InMemoryWindows()
        self.confirmations = InMemoryConfirmations()
        self.saved_views = InMemorySavedViews()
        self.email_attestations = InMemoryEmailAttestations()
        self.jobs = InMemoryJobs(JobShelf(self.clock))
        self.inventory_store = InMemoryInventory(
            make_inventory(), count_window_changes=lambda: hash(tuple(self.windows.kept.values()))
        )
        self.organization = make_organization(self.clock)
        self.exceptions = InMemoryExceptions()
        self.notification_store = InMemoryNotifications()
        self.setting_edits = InMemorySettingEdits()
        self.history = FakeHistory()
        self.ledger_reader = FakeLedgerReader(self.database)
        self.engine = FakeEngine()
        self.job_ids = (f"j-{number:010d}" for number in count(1))

    def add_token(self, role: ServerRole, name: str | None = None) -> str:
        """A token of that role; what proves it."""
        name = name or f"{role.value}-token"
        token = f"rk_{name}"
        identity = Identity(f"t-{name.encode().hex()}", IdentityKind.TOKEN, name, role, "test", self.clock.now())
        self.identities.add_token(identity, token)
        return token

    def add_job(self, job_id: str = "j-ce", state: JobState = JobState.RUNNING, kind: JobKind = JobKind.AUDIT) -> Job:
        now = self.clock.now()
        job = Job(
            job_id=job_id,
            organization_id=ORGANIZATION_ID,
            endpoint=ENDPOINT.label,
            kind=kind,
            state=state,
            created_by="ana",
            created_at=now,
            updated_at=now,
            parameters={},
        )
        self.jobs.add(job)
        return job

    def readiness(self) -> Readiness:
        checks = [ReadinessCheck("database", not self.troubles, " ".join(self.troubles) or "Good.")]
        return Readiness(tuple(checks))

    def measure(self) -> Measurements:
        head = self.database.entries[-1] if self.database.entries else None
        stored = StoredMeasurements(
            windows=Counter(window.state for window in self.windows.list_windows()),
            jobs=Counter(job.state for job in self.jobs.list_jobs()),
            ledger_sequence=head.sequence if head else 0,
            ledger_head_at=head.at if head else None,
        )
        return Measurements(None if self.is_database_away else stored, self.throttles, 2, 1, not self.troubles)

    @property
    def aws(self) -> FakeOrganization:
        return self.organization

    @property
    def settings_in_force(self) -> Settings:
        return apply_edits(self.settings, self.setting_edits.list_edits())

    def list_schedules(self) -> tuple[ScheduleStatus, ...]:
        now = self.clock.now()
        return (ScheduleStatus("s-1", ScheduleKind.AUDITS, "0 6 * * *", "Europe/Berlin", None, now),)

    @contextmanager
    def act_as(self, actor: Actor, work: AwsWork | None) -> Iterator[FakeActing]:
        yield FakeActing(self, actor, work)


@dataclass
class FakeActing:
    """As much of ActorUseCases, and of the services that it gives, as the API uses."""

    services: FakeServices
    actor: Actor
    work: AwsWork | None
    organization_id: str = ORGANIZATION_ID

    def __post_init__(self) -> None:
        served = self.services
        self.clock, self.settings, self.history = served.clock, served.settings, served.history
        self.windows, self.inventory_store = served.windows, served.inventory_store
        self.confirmations, self.endpoint = served.confirmations, served.endpoint

    def list_stored_statuses(self) -> tuple[AccountStatus, ...]:
        return UseCases.list_stored_statuses(cast("UseCases", self))

    @property
    def ledger(self) -> FakeLedger:
        return FakeLedger(self.services.database, "here")

    @property
    def acting(self) -> Acting:
        """What the services get, as the product's own get it."""
        served = self.services
        return make_acting(
            served.clock,
            served.organization,
            served.organization.emails,
            ledger=self._own_ledger,
            locks=FakeLocks(served.database, "here"),
            stores=(
                served.windows,
                served.confirmations,
                served.email_attestations,
                served.exceptions,
                served.inventory_store,
            ),
            actor=self.actor,
            settings=served.settings,
            ledger_reader=served.ledger_reader,
        )

    @property
    def identity_service(self) -> IdentityService:
        self._note("identities")
        served = self.services
        return IdentityService(served.identities, self.ledger, served.clock, self.actor, served.identity_notices)

    @property
    def factor_service(self) -> FactorService:
        self._note("factors")
        served = self.services
        return FactorService(
            served.factors, served.identities, served.sessions, self.ledger, served.clock, served.identity_notices
        )

    @property
    def window_people(self) -> PeopleReader:
        return PeopleReader(self.services.identities.list_identities, self._window_policy)

    @property
    def planning(self) -> RecoveryPlanner:
        return RecoveryPlanner(self.acting, self.services.settings_in_force.windows.approvals)

    @property
    def failsafe_set_up_service(self) -> FailsafeSetUpService:
        self._note("set up a failsafe")
        return FailsafeSetUpService(cast("WindowRequestService", self))

    def failsafe_login_keeper(self, progress: Progress) -> FailsafeLoginKeeper:
        self._note("keep a login")
        return FailsafeLoginKeeper(self.acting, progress)

    @property
    def control_attester(self) -> ControlAttester:
        self._note("controls")
        return ControlAttester(self.acting)

    @property
    def drill_recorder(self) -> DrillRecorder:
        self._note("drills")
        return DrillRecorder(self.acting)

    @property
    def failsafe_confirmer(self) -> FailsafeConfirmer:
        self._note("attest a failsafe")
        return FailsafeConfirmer(self.acting)

    @property
    def email_attestation_service(self) -> EmailAttestationService:
        self._note("attest an address")
        return EmailAttestationService(self.acting)

    @property
    def email_approval_service(self) -> EmailApprovalService:
        self._note("approve an address")
        return EmailApprovalService(self.acting, self._window_policy)

    @property
    def email_change_planner(self) -> EmailChangePlanner:
        self._note("plan an address")
        served = self.services
        return EmailChangePlanner(
            self.acting,
            read_rules(served.settings_in_force.emails),
            EmailApprovalJudge(self.acting, self.window_people),
        )

    @property
    def email_change_executor(self) -> EmailChangeExecutor:
        self._note("change an address")
        return EmailChangeExecutor(self.acting)

    @property
    def _own_ledger(self) -> FakeLedger:
        return FakeLedger(self.services.database, "here", actor=self.actor)

    @property
    def _window_policy(self) -> WindowPolicy:
        return make_window_policy(self.services.settings_in_force.windows)

    @property
    def session_ender(self) -> SessionEnder:
        self._note("sessions")
        return SessionEnder(self.services.sessions, self.services.identities, self.ledger)

    @property
    def inventory_reader(self) -> FakeActing:
        return self

    @property
    def job_request_service(self) -> JobRequestService:
        self._note("jobs")
        served = self.services
        return JobRequestService(
            served.jobs,
            self.ledger,
            served.engine,
            served.clock,
            ORGANIZATION_ID,
            ENDPOINT.label,
            self.actor,
            lambda: next(served.job_ids),
        )

    @property
    def window_request_service(self) -> FakeActing:
        return self

    @property
    def window_decision_service(self) -> FakeActing:
        return self

    @property
    def window_activator(self) -> FakeActing:
        return self

    @property
    def window_background_reader(self) -> WindowBackgroundReader:
        return WindowBackgroundReader(self.acting, self.window_people)

    @property
    def window_reporter(self) -> WindowReporter:
        served = self.services
        return WindowReporter(served.windows, served.ledger_reader, FakeEvents(), ENDPOINT.label, ORGANIZATION_ID)

    def window_closer(self, progress: Progress) -> FakeActing:
        return self

    def notification_tester(
        self, settings: NotificationSettings, organization_id: str, endpoint: Endpoint
    ) -> NotificationTester:
        self._note("notifications")
        targets = parse_targets(settings.targets) or (
            NotificationTarget("oncall", Severity.CRITICAL, "env:ONCALL_URL"),
        )
        return NotificationTester(
            targets, _RefusingSender(), self.services.clock, lambda: "n-1", organization_id, endpoint
        )

    @property
    def setting_editor(self) -> SettingEditor:
        self._note("settings")
        served = self.services
        ledger = cast("SqlLedger", FakeLedger(served.database, "here", actor=self.actor))
        return SettingEditor(served.settings, served.setting_edits, ledger, served.clock, self.actor.name)

    @property
    def policy_bundle_builder(self) -> PolicyBundleBuilder:
        self._note("policies")
        served = self.services
        return PolicyBundleBuilder(served.organization, served.windows, served.settings.windows.longest)

    def history_reader(self, organization_id: str | None = None) -> HistoryReader:
        served = self.services
        return HistoryReader(
            ORGANIZATION_ID,
            served.history,
            served.inventory_store,
            served.windows,
            FakeEvents(),
            served.ledger_reader,
        )

    @property
    def setup_reader(self) -> SetupReader:
        self._note("read set-up")
        return SetupReader(self.services.organization)

    def setup_enabler(self, progress: Progress) -> SetupEnabler:
        self._note("enable")
        return SetupEnabler(self.acting, progress)

    @property
    def exceptions(self) -> ExceptionService:
        self._note("exceptions")
        return ExceptionService(self.acting)

    def evidence_compiler(self, organization_id: str | None) -> EvidenceCompiler:
        self._note("report")
        served = self.services
        return EvidenceCompiler(
            ORGANIZATION_ID,
            served.inventory_store,
            served.windows,
            InMemorySetups(),
            served.email_attestations,
            served.confirmations,
            read_rules(served.settings_in_force.emails),
            served.ledger_reader,
            served.history,
        )

    # The inventory.

    def read_recent(self, progress: Progress) -> Inventory:
        known = self.services.inventory_store.find_last()
        if known is not None and self.services.clock.now() - known.listed_at <= RECENT_LASTS:
            return known
        self._note("read inventory")
        inventory = replace(make_inventory(), listed_at=self.services.clock.now())
        self.services.inventory_store.save(inventory)
        return inventory

    # Windows.

    def plan(self, inventory: Inventory, request: RecoveryRequest, *, is_emergency: bool = False) -> RecoveryPlan:
        self._note("plan")
        if isinstance(self.services.failure, RootkeeperError):
            raise self.services.failure
        caller = Caller(inventory.organization.management_account_id, "arn:aws:iam::222233334444:user/server", "aws")
        remarks = (
            () if is_emergency else ("1 person other than the requester must approve it before it can be opened.",)
        )
        return RecoveryPlan(request, inventory, caller, ENDPOINT, _NOTHING_FOUND, remarks)

    def request(
        self,
        inventory: Inventory,
        request: RecoveryRequest,
        *,
        is_drill: bool = False,
        is_emergency: bool = False,
    ) -> RecoveryWindow:
        self._note("request")
        window = RecoveryWindow(
            window_id=f"w-{len(self.services.windows.kept)}",
            organization_id=ORGANIZATION_ID,
            account_id=request.account.account_id,
            state=WindowState.REQUESTED,
            reason=request.reason,
            ticket=request.ticket,
            requested_by=self.actor.name,
            requested_at=self.services.clock.now(),
            duration_seconds=request.duration_seconds,
            is_drill=is_drill,
            is_emergency=is_emergency,
        )
        self.services.windows.add(window)
        return window

    def approve(self, window_id: str, terms: ApprovalTerms) -> RecoveryWindow:
        self._note(f"approve {terms.account_id} {terms.duration_seconds}")
        return self._update(window_id, state=WindowState.APPROVED, approved_by=(self.actor.name,))

    def deny(self, window_id: str, reason: str) -> RecoveryWindow:
        self._note("deny")
        return self._update(window_id, state=WindowState.DENIED, failure=reason)

    def cancel(self, window_id: str, reason: str) -> RecoveryWindow:
        self._note("cancel")
        return self._update(window_id, state=WindowState.CANCELLED)

    def extend(self, window_id: str, seconds: int) -> RecoveryWindow:
        self._note(f"extend {seconds}")
        return self._update(window_id)

    def review(self, window_id: str) -> RecoveryWindow:
        self._note("review")
        return self._update(window_id, reviewed_by=self.actor.name)

    def activate(self, window_id: str) -> OpeningResult:
        self._note("activate")
        window = self._update(window_id, state=WindowState.OPEN)
        if isinstance(self.services.failure, RootkeeperError):
            return OpeningResult.of(window, OpenOutcome.CANCELLED, "AWS refused.", self.services.failure)
        return OpeningResult.of(window, OpenOutcome.OPEN, "It is open.")

    def close(self, window: RecoveryWindow) -> CloseResult:
        self._note("close")
        closed = self._update(window.window_id, state=WindowState.CLOSED_VERIFIED)
        return CloseResult(closed, CloseOutcome.CLOSED, "A re-read shows it empty.")

    def _update(self, window_id: str, **changes: object) -> RecoveryWindow:
        window = self.services.windows.get(window_id)
        return self.services.windows.update(window.window_id, lambda one: replace(one, **changes))  # type: ignore[arg-type]  # a fake's shortcut

    def _note(self, act: str) -> None:
        self.services.acts.append((act, self.actor, self.work))
        if self.services.failure is not None and not isinstance(self.services.failure, RootkeeperError):
            raise self.services.failure
