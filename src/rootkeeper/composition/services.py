"""The use cases, put together from their adapters.

Each imports its service when it is asked for, so that a command imports only the services that it uses.
"""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rootkeeper.acting import Acting, spread_pauses

if TYPE_CHECKING:
    from rootkeeper.access.factor_store import FactorStore, KeyFileCipher
    from rootkeeper.access.factors import FactorService
    from rootkeeper.access.notices import IdentityNotices
    from rootkeeper.access.service import IdentityService, SessionEnder
    from rootkeeper.access.store import IdentityStore, SessionStore
    from rootkeeper.access.views import SavedViewStore
    from rootkeeper.approvals.rules import PeopleReader
    from rootkeeper.audit.service import Audit
    from rootkeeper.aws.gateway import AwsGateway
    from rootkeeper.aws.root_events import RootEventSource
    from rootkeeper.clock import Clock
    from rootkeeper.controls.assessment import ControlAttester
    from rootkeeper.deletion.service import Deletion
    from rootkeeper.delivery.planning import DeliveryPlanner
    from rootkeeper.delivery.service import ReportSender
    from rootkeeper.delivery.targets import ConfiguredTarget
    from rootkeeper.evidence.service import EvidenceCompiler
    from rootkeeper.evidence.windows import WindowReporter
    from rootkeeper.exceptions.service import ExceptionService
    from rootkeeper.failsafe.breakglass_service import BreakGlassReader
    from rootkeeper.failsafe.confirmations import DrillRecorder, FailsafeConfirmer
    from rootkeeper.failsafe.service import FailsafeChecker
    from rootkeeper.failsafe.set_up import FailsafeLoginKeeper, FailsafeSetUpService, LoginMonitor
    from rootkeeper.guardrails.service import BlockingPolicyFinder, Preflight
    from rootkeeper.history.service import HistoryReader
    from rootkeeper.inventory.listing import InventoryReader
    from rootkeeper.inventory.store import AuditHistory, ConfirmationStore, InventoryStore
    from rootkeeper.jobs.service import JobService
    from rootkeeper.jobs.store import JobStore
    from rootkeeper.ledger.database import Database
    from rootkeeper.ledger.verification import LedgerReader
    from rootkeeper.notifications.service import NotificationSender, NotificationTester, Notifier, Outbox
    from rootkeeper.notifications.store import NotificationStore
    from rootkeeper.organization.accounts import Endpoint, Inventory
    from rootkeeper.organization.progress import Progress
    from rootkeeper.organization.statuses import AccountStatus
    from rootkeeper.root_emails.service import EmailChangeExecutor, EmailChangePlanner, RootEmailReader
    from rootkeeper.root_emails.statements import (
        EmailApprovalService,
        EmailAttestationService,
        EmailAttestationStore,
    )
    from rootkeeper.settings.sections import NotificationSettings, Settings, WindowSettings
    from rootkeeper.settings.store import SettingEditor, SettingEditStore
    from rootkeeper.settlement.service import Settlement
    from rootkeeper.setup.drift import DriftReader
    from rootkeeper.setup.service import SetupEnabler, SetupReader, SetupReport
    from rootkeeper.shipped_policies.bundle import PolicyBundleBuilder
    from rootkeeper.unlock.service import UnlockPlanner, UnlockReader, UnlockRun
    from rootkeeper.watching.rules import WatchSource
    from rootkeeper.watching.service import EventWatchLoop
    from rootkeeper.windows.approvals import WindowPolicy
    from rootkeeper.windows.background import WindowBackgroundReader
    from rootkeeper.windows.checks import RecoveryPlanner
    from rootkeeper.windows.closing import WindowCloser, WindowWaiter
    from rootkeeper.windows.decisions import WindowDecisionService, WindowNotices, WindowRequestService
    from rootkeeper.windows.opening import WindowActivator, WindowOpener
    from rootkeeper.windows.rereading import AuditRereads
    from rootkeeper.windows.rules import RecoveryWindow
    from rootkeeper.windows.store import RecoveryWindowStore
    from rootkeeper.worker.closing import WindowCloseLoop, WindowMaintenance
    from rootkeeper.worker.requests import Engine, JobRequestService
    from rootkeeper.worker.schedules import DrillReminder
    from rootkeeper.worker.service import RetentionCleaner
    from rootkeeper.worker.window_rows import WindowRowMonitor

CLOSINGS_AGAIN = 8
"""How many closings that don't end are tried again at the same time."""

CLOSINGS_IN_WAITING = 8
"""How many closings wait for a thread: enough until the next look at due windows. More would delay a closing that is
due for longer but became known later, such as the closing that a dead worker left.
"""

LARGEST_BATCH = 200
"""The most accounts of an audit that share an intent."""

REREADS_AT_ONCE = 4


def make_job_id() -> str:
    return f"j-{secrets.token_hex(5)}"


def make_notification_id() -> str:
    return f"n-{secrets.token_hex(8)}"


def make_outbox(
    settings: Settings, database: Database, organization_id: str, clock: Clock, warn: Callable[[str], None]
) -> Outbox:
    """:raises SettingsError: if a target or an allowed host can't be understood."""
    from rootkeeper.notifications.rules import parse_allowed_hosts, parse_targets
    from rootkeeper.notifications.service import Outbox
    from rootkeeper.notifications.store import NotificationStore

    parse_allowed_hosts(settings.notifications.allowed_hosts)
    targets = parse_targets(settings.notifications.targets)
    return Outbox(database.get_store(NotificationStore, organization_id), targets, clock, make_notification_id, warn)


def make_sender(settings: Settings, clock: Clock) -> NotificationSender:
    """Make the sender by the rules of the settings; URLs are read from this process's environment, or from files."""
    from rootkeeper.notifications.rules import parse_allowed_hosts
    from rootkeeper.notifications.sending import TargetSender
    from rootkeeper.notifications.service import LONGEST_SEND_SECONDS

    allowed, address = parse_allowed_hosts(settings.notifications.allowed_hosts), settings.server.public_address
    return TargetSender(allowed, os.environ, "" if address is None else address.origin, clock, LONGEST_SEND_SECONDS)


def make_window_policy(settings: WindowSettings) -> WindowPolicy:
    """:raises SettingsError: if a rule in it can't be understood."""
    from rootkeeper.approvals.rules import parse_name_rule
    from rootkeeper.windows.approvals import WindowPolicy, sort_rereads

    return WindowPolicy(
        approvals=settings.approvals,
        longest=settings.longest,
        approval_valid=settings.approval_valid,
        requesters=tuple(parse_name_rule(text, "windows.requesters") for text in settings.requesters),
        approvers=tuple(parse_name_rule(text, "windows.approvers") for text in settings.approvers),
        rereads=sort_rereads(settings.rereads),
        emergency=settings.emergency,
    )


class Stores(Acting):
    """The acting context with an organization's stores."""

    cipher: KeyFileCipher | None = None
    """Without it, authenticator apps can be listed and removed, and no more."""

    @property
    def ledger_reader(self) -> LedgerReader:
        from rootkeeper.windows.comparison import find_row_contradictions

        return self.database.ledger_reader(find_row_contradictions)

    @property
    def windows(self) -> RecoveryWindowStore:
        from rootkeeper.windows.store import RecoveryWindowStore

        return self.get_store(RecoveryWindowStore)

    @property
    def inventory_store(self) -> InventoryStore:
        from rootkeeper.inventory.store import InventoryStore

        return self.get_store(InventoryStore)

    @property
    def setting_edits(self) -> SettingEditStore:
        from rootkeeper.settings.store import SettingEditStore

        return self.get_store(SettingEditStore)

    @property
    def settings_in_force(self) -> Settings:
        """The settings with the changes made in the console; read from the database each time.

        :raises DatabaseError: if the database can't be read.
        """
        return self.apply_edits(self.setting_edits)

    def apply_edits(self, edits: SettingEditStore) -> Settings:
        """Return the settings with these changes."""
        from rootkeeper.settings.edits import apply_edits

        return apply_edits(self.settings, edits.list_edits())

    @property
    def saved_views(self) -> SavedViewStore:
        from rootkeeper.access.views import SavedViewStore

        return self.get_store(SavedViewStore)

    @property
    def confirmations(self) -> ConfirmationStore:
        from rootkeeper.inventory.store import ConfirmationStore

        return self.get_store(ConfirmationStore)

    @property
    def email_attestations(self) -> EmailAttestationStore:
        from rootkeeper.root_emails.statements import EmailAttestationStore

        return self.get_store(EmailAttestationStore)

    @property
    def history(self) -> AuditHistory:
        from rootkeeper.inventory.store import AuditHistory

        return self.get_store(AuditHistory)

    @property
    def notification_store(self) -> NotificationStore:
        from rootkeeper.notifications.store import NotificationStore

        return self.get_store(NotificationStore)

    @property
    def jobs(self) -> JobStore:
        from rootkeeper.jobs.store import JobStore

        return self.get_store(JobStore, self.clock, lambda: self.owner)

    @property
    def identities(self) -> IdentityStore:
        from rootkeeper.access.store import IdentityStore

        return self.get_store(IdentityStore, self.clock)

    @property
    def sessions(self) -> SessionStore:
        from rootkeeper.access.store import SessionStore

        return self.get_store(SessionStore, self.clock)

    @property
    def factors(self) -> FactorStore:
        from rootkeeper.access.factor_store import FactorStore

        return self.get_store(FactorStore, self.cipher)

    @cached_property
    def notifier(self) -> Notifier:
        """Of a server; a command sends no notification."""
        from rootkeeper.notifications.service import NullNotifier

        return NullNotifier()


class UseCases(Stores):
    """Every use case, declared once and made from its adapters on request."""

    @property
    def setup_reader(self) -> SetupReader:
        from rootkeeper.setup.service import SetupReader

        return SetupReader(self.aws)

    def read_setup(self) -> SetupReport:
        """Read the set-up; the rest of the command takes caller and organization from it.

        :raises AwsError: if the caller or the organization can't be read.
        """
        report = self.setup_reader.read()
        self.caller, self.organization = report.caller, report.organization
        return report

    @property
    def drift_reader(self) -> DriftReader:
        """:raises DatabaseError: if the database can't be opened."""
        from rootkeeper.setup.drift import DriftReader

        return DriftReader(self)

    def setup_enabler(self, progress: Progress) -> SetupEnabler:
        from rootkeeper.setup.service import SetupEnabler

        return SetupEnabler(self, progress)

    @property
    def inventory_reader(self) -> InventoryReader:
        from rootkeeper.inventory.listing import InventoryReader

        self.share_quotas()
        return InventoryReader(self.aws, self.inventory_store, self.clock, self.organization, self.caller)

    @property
    def preflight(self) -> Preflight:
        from rootkeeper.guardrails.service import Preflight

        return Preflight(self.inventory_reader, self.aws, self.clock)

    def blocking_policy_finder(self, inventory: Inventory) -> BlockingPolicyFinder:
        from rootkeeper.guardrails.service import BlockingPolicyFinder

        return BlockingPolicyFinder(self.aws, inventory)

    @property
    def audit(self) -> Audit:
        from rootkeeper.audit.reading import AccountReaderTools
        from rootkeeper.audit.service import Audit

        tools = AccountReaderTools(
            reader=self.aws,
            organization=self.organization,
            caller=self.caller,
            summaries=self.aws,
            policies=self.aws,
            ledger=self.ledger,
            store=self.inventory_store,
            windows=self.windows,
            confirmations=self.confirmations,
            clock=self.clock,
            jitter=random.random,
            workers=self.settings.aws.concurrency,
            batch_size=LARGEST_BATCH,
            stop_after_denied=self.settings.aws.stop_after_denied,
            stale_after=self.settings.history.stale_after,
        )
        return Audit(
            self.inventory_reader, tools, self.job_service, self.drift_reader, self.history, self.audit_rereads
        )

    def audit_rereads(self, progress: Progress) -> AuditRereads:
        """To be made once for each audit: it remembers the accounts that were read too soon."""
        from rootkeeper.windows.rereading import AuditRereads

        return AuditRereads(self, progress, self.window_notices)

    def list_stored_statuses(self) -> tuple[AccountStatus, ...]:
        """List the status of each account as last read; none if the organization was never listed. No AWS call.

        :raises DatabaseError: if the database can't be read.
        """
        from rootkeeper.audit.rules import evaluate_stored

        inventory = self.inventory_store.find_last()
        if inventory is None:
            return ()
        accounts = {account.account_id: account for account in inventory.accounts}
        found = self.inventory_store.list_brief_statuses(accounts)
        now = self.clock.now()
        confirmed = self.confirmations.list_confirmed(in_sandbox=self.endpoint.is_sandbox, at=now)
        windows, stale_after = self.windows.list_windows(), self.settings.history.stale_after
        return evaluate_stored(inventory, found, windows, confirmed, now=now, stale_after=stale_after)

    @property
    def deletion(self) -> Deletion:
        from rootkeeper.changes.removal import Removal
        from rootkeeper.deletion.execution import ProtectionReader
        from rootkeeper.deletion.service import Deletion
        from rootkeeper.exceptions.service import DeletionExceptionStore

        return Deletion(
            self.inventory_reader,
            self.audit.tools,
            ProtectionReader(self.get_store(DeletionExceptionStore), self.windows, self.clock),
            self.locks,
            Removal(self.aws, self.ledger, self.clock, self.reread_pauses),
            self.inventory_store,
            self.job_service,
            self.ledger_reader,
            self.clock,
            created_by=self.actor.name,
            workers=self.settings.aws.deletion_concurrency,
            recent=timedelta(days=self.settings.deletion.recently_used_days),
        )

    @property
    def job_service(self) -> JobService:
        from rootkeeper.jobs.service import JobService

        return JobService(
            self.jobs, self.clock, self.organization_id, self.endpoint.label, self.actor.name, make_job_id
        )

    @property
    def exceptions(self) -> ExceptionService:
        from rootkeeper.exceptions.service import ExceptionService

        return ExceptionService(self)

    @property
    def root_email_reader(self) -> RootEmailReader:
        from rootkeeper.root_emails.service import RootEmailReader
        from rootkeeper.root_emails.statements import read_rules

        return RootEmailReader(
            self.inventory_reader,
            self.inventory_store,
            self.email_attestations,
            read_rules(self.settings_in_force.emails),
            self.clock,
        )

    @property
    def email_attestation_service(self) -> EmailAttestationService:
        from rootkeeper.root_emails.statements import EmailAttestationService

        return EmailAttestationService(self)

    @property
    def email_change_planner(self) -> EmailChangePlanner:
        from rootkeeper.root_emails.service import EmailChangePlanner
        from rootkeeper.root_emails.statements import EmailApprovalJudge, read_rules

        rules = read_rules(self.settings_in_force.emails)
        return EmailChangePlanner(self, rules, EmailApprovalJudge(self, self.window_people))

    @property
    def email_approval_service(self) -> EmailApprovalService:
        from rootkeeper.root_emails.statements import EmailApprovalService

        return EmailApprovalService(self, self.window_policy)

    @property
    def email_change_executor(self) -> EmailChangeExecutor:
        from rootkeeper.root_emails.service import EmailChangeExecutor

        return EmailChangeExecutor(self)

    @property
    def policy_bundle_builder(self) -> PolicyBundleBuilder:
        from rootkeeper.shipped_policies.bundle import PolicyBundleBuilder

        return PolicyBundleBuilder(self.aws, self.windows, self.settings.windows.longest)

    @property
    def failsafe_checker(self) -> FailsafeChecker:
        from rootkeeper.failsafe.service import FailsafeChecker
        from rootkeeper.root_emails.statements import read_rules

        return FailsafeChecker(
            self.audit,
            self.aws,
            self.ledger_reader,
            self.windows,
            self.email_attestations,
            read_rules(self.settings_in_force.emails),
            self.clock,
        )

    @property
    def failsafe_confirmer(self) -> FailsafeConfirmer:
        from rootkeeper.failsafe.confirmations import FailsafeConfirmer

        return FailsafeConfirmer(self)

    @property
    def control_attester(self) -> ControlAttester:
        from rootkeeper.controls.assessment import ControlAttester

        return ControlAttester(self)

    @property
    def drill_recorder(self) -> DrillRecorder:
        from rootkeeper.failsafe.confirmations import DrillRecorder

        return DrillRecorder(self)

    def login_monitor(self, progress: Progress, window: RecoveryWindow) -> LoginMonitor:
        from rootkeeper.changes.sessions import AccountSessions
        from rootkeeper.failsafe.set_up import LoginMonitor

        context = {"window_id": window.window_id}
        sessions = AccountSessions(self.aws, self.ledger, self.clock, window.account_id, context=context)
        return LoginMonitor(sessions, self.clock, progress, window)

    @property
    def failsafe_set_up_service(self) -> FailsafeSetUpService:
        from rootkeeper.failsafe.set_up import FailsafeSetUpService

        return FailsafeSetUpService(self.window_request_service)

    def failsafe_login_keeper(self, progress: Progress) -> FailsafeLoginKeeper:
        from rootkeeper.failsafe.set_up import FailsafeLoginKeeper

        return FailsafeLoginKeeper(self, progress)

    @property
    def breakglass_reading(self) -> BreakGlassReader:
        from rootkeeper.failsafe.breakglass_service import BreakGlassReader, CallerAccountReader

        caller_accounts = CallerAccountReader(self.aws, self.aws, self.caller)
        return BreakGlassReader(self.failsafe_checker, caller_accounts, self.aws, self.inventory_store, self.clock)

    def evidence_compiler(self, organization_id: str | None) -> EvidenceCompiler:
        """Works without AWS: the database knows its organizations.

        :raises InputError: if ``organization_id`` isn't known, or isn't given and several are.
        """
        from rootkeeper.evidence.service import EvidenceCompiler, choose_organization
        from rootkeeper.inventory.store import AuditHistory, ConfirmationStore, InventoryStore
        from rootkeeper.root_emails.statements import EmailAttestationStore, read_rules
        from rootkeeper.settings.store import SettingEditStore
        from rootkeeper.setup.drift import AcceptedSetupStore
        from rootkeeper.windows.store import RecoveryWindowStore

        chosen = choose_organization(self.database.list_organization_ids(), organization_id)
        return EvidenceCompiler(
            chosen,
            self.database.get_store(InventoryStore, chosen),
            self.database.get_store(RecoveryWindowStore, chosen),
            self.database.get_store(AcceptedSetupStore, chosen),
            self.database.get_store(EmailAttestationStore, chosen),
            self.database.get_store(ConfirmationStore, chosen),
            read_rules(self.apply_edits(self.database.get_store(SettingEditStore, chosen)).emails),
            self.ledger_reader,
            self.database.get_store(AuditHistory, chosen),
        )

    @property
    def delivery_targets(self) -> tuple[ConfiguredTarget, ...]:
        """:raises SettingsError: if a target can't be understood."""
        from rootkeeper.delivery.targets import parse_configured_targets

        return parse_configured_targets(self.settings.delivery.targets)

    @property
    def delivery_planner(self) -> DeliveryPlanner:
        from rootkeeper.delivery.planning import DeliveryPlanner

        return DeliveryPlanner(
            self.evidence_compiler(self.organization_id),
            self.clock,
            lambda: self.caller,
            self.endpoint,
            self.aws.security_hub_region,
            self.settings.delivery.period,
            self.settings.history.stale_after,
            self.delivery_targets,
        )

    @property
    def report_sender(self) -> ReportSender:
        from rootkeeper.delivery.service import ReportSender

        return ReportSender(self.aws, self.aws, self.ledger, self.clock, self.reread_pauses)

    @property
    def unlock_reader(self) -> UnlockReader:
        from rootkeeper.unlock.service import UnlockReader

        return UnlockReader(self)

    @property
    def unlock_planner(self) -> UnlockPlanner:
        from rootkeeper.unlock.service import UnlockPlanner

        return UnlockPlanner(self.unlock_reader)

    @property
    def unlock_run(self) -> UnlockRun:
        from rootkeeper.unlock.service import UnlockRun
        from rootkeeper.unlock.store import SavedPolicyFiles

        queue_pauses = spread_pauses(self.settings.unlock.queue_verify_seconds)
        return UnlockRun(self.unlock_reader, SavedPolicyFiles(self.settings.unlock.saved_policies), queue_pauses)

    @property
    def identity_service(self) -> IdentityService:
        from rootkeeper.access.service import IdentityService

        return IdentityService(self.identities, self.ledger, self.clock, self.actor, self.identity_notices)

    @property
    def identity_notices(self) -> IdentityNotices:
        from rootkeeper.access.notices import IdentityNotices

        return IdentityNotices(self.notifier, self.organization_id, self.endpoint.label)

    @property
    def factor_service(self) -> FactorService:
        """If the key of the database wasn't opened, it can only list and remove factors."""
        from rootkeeper.access.factors import FactorService

        return FactorService(
            self.factors, self.identities, self.sessions, self.ledger, self.clock, self.identity_notices
        )

    @property
    def session_ender(self) -> SessionEnder:
        from rootkeeper.access.service import SessionEnder

        return SessionEnder(self.sessions, self.identities, self.ledger)

    def preset_factor(self, identity_id: str, seed: str) -> None:
        """Set up an authenticator app for a demo's user. Its seed is public: anyone can compute the codes.

        :raises InputError: if it isn't a sandbox's server, or there is no such user.
        :raises SettingsError: if the key that encrypts it can't be used.
        """
        from rootkeeper.access.factor_store import open_cipher

        self.cipher = open_cipher(
            self.database.store, self.database.commits, self.organization_id, self.settings.server.key_file
        )
        self.factor_service.preset_totp(identity_id, seed, self.endpoint)

    def history_reader(self, organization_id: str | None = None) -> HistoryReader:
        """Works without AWS: the database knows its organizations.

        :raises InputError: if ``organization_id`` isn't known, or isn't given and several are.
        """
        from rootkeeper.evidence.service import choose_organization
        from rootkeeper.history.service import HistoryReader
        from rootkeeper.inventory.store import AuditHistory, InventoryStore
        from rootkeeper.watching.store import WatchedEventReader
        from rootkeeper.windows.store import RecoveryWindowStore

        chosen = choose_organization(self.database.list_organization_ids(), organization_id)
        return HistoryReader(
            chosen,
            self.database.get_store(AuditHistory, chosen),
            self.database.get_store(InventoryStore, chosen),
            self.database.get_store(RecoveryWindowStore, chosen),
            self.database.get_store(WatchedEventReader, chosen),
            self.ledger_reader,
        )

    @property
    def retention_cleaner(self) -> RetentionCleaner:
        """For a server, once an hour. Makes no AWS call there, because the server knows its organization."""
        from rootkeeper.worker.service import RetentionCleaner, RetentionStore

        store = self.get_store(RetentionStore)
        return RetentionCleaner(self.history, store, self.clock, self.settings_in_force.history.keep)

    @cached_property
    def engine(self) -> Engine:
        """Of a server or worker; a command line never enqueues into its database."""
        from rootkeeper.worker.requests import NullEngine

        return NullEngine()

    @property
    def job_request_service(self) -> JobRequestService:
        from rootkeeper.worker.requests import JobRequestService

        return JobRequestService(
            self.jobs,
            self.ledger,
            self.engine,
            self.clock,
            self.organization_id,
            self.endpoint.label,
            self.actor,
            make_job_id,
        )

    @property
    def drill_reminder(self) -> DrillReminder:
        from rootkeeper.worker.schedules import DrillReminder

        return DrillReminder(self.inventory_store, self.ledger_reader, self.notifier, self.endpoint)

    def notification_tester(
        self, settings: NotificationSettings, organization_id: str, endpoint: Endpoint
    ) -> NotificationTester:
        """Needs neither AWS nor a database: which organization it is doesn't matter to a test.

        :param settings: of a server, those in force.
        :raises SettingsError: if a target or an allowed host can't be understood.
        """
        from rootkeeper.notifications.rules import parse_allowed_hosts, parse_targets
        from rootkeeper.notifications.service import NotificationTester

        parse_allowed_hosts(self.settings.notifications.allowed_hosts)
        return NotificationTester(
            parse_targets(settings.targets),
            make_sender(self.settings, self.clock),
            self.clock,
            make_notification_id,
            organization_id,
            endpoint,
        )

    @property
    def watch_source(self) -> WatchSource | None:
        """:raises SettingsError: if the source that the settings name can't be understood."""
        from rootkeeper.watching.rules import parse_watch_source

        return parse_watch_source(self.settings.watching.source)

    def event_watch_loop(self) -> EventWatchLoop | None:
        """Make the loop in which a server reads events; ``None`` without a source.

        It acts as the person that these use cases are made for, and reads a queue with the server's own credentials.

        :raises SettingsError: if the source can't be understood.
        """
        source = self.watch_source
        if source is None:
            return None
        from rootkeeper.watching.service import EventWatchLoop, get_role_name
        from rootkeeper.watching.store import WindowEventStore

        roles = self.settings.aws_roles
        known = [roles.audit, roles.delete, roles.recover, roles.unlock, *self.settings.watching.known_callers]
        own = self.caller.arn
        return EventWatchLoop(
            self._open_source(source),
            self.get_store(WindowEventStore, self.ledger, self.owner),
            self.windows,
            self.ledger_reader,
            self.notifier,
            self.clock,
            self.organization_id,
            self.endpoint,
            role_arns=tuple(role for role in (*known, get_role_name(own)) if role),
            caller_arns=(own, *self.settings.watching.known_callers),
        )

    def _open_source(self, source: WatchSource) -> RootEventSource:
        from rootkeeper.watching.rules import WatchSourceKind
        from rootkeeper.watching.store import EventFile, UnreadableEventFile, get_position_file_name

        folder = self.settings.ledger.spill
        unreadable = UnreadableEventFile(folder / "rootkeeper-unreadable-events.jsonl", self.clock, self.warn)
        if source.kind is WatchSourceKind.QUEUE:
            return self.aws.open_root_event_queue(source.address, source.region, unreadable)
        path = Path(source.address).expanduser().absolute()
        opened = EventFile(path, folder / get_position_file_name(path), unreadable, self.clock, self.warn)
        self._open.callback(opened.close)
        return opened

    @property
    def window_policy(self) -> WindowPolicy:
        """The policy now in force, with the changes made in the console.

        :raises SettingsError: if a rule in it can't be understood.
        """
        return make_window_policy(self.settings_in_force.windows)

    @property
    def setting_editor(self) -> SettingEditor:
        from rootkeeper.settings.store import SettingEditor

        return SettingEditor(self.settings, self.setting_edits, self.ledger, self.clock, self.actor.name)

    @property
    def window_notices(self) -> WindowNotices:
        from rootkeeper.windows.decisions import WindowNotices

        return WindowNotices(self.notifier, self.clock, self.endpoint.label)

    @property
    def recovery_planner(self) -> RecoveryPlanner:
        from rootkeeper.approvals.rules import COUNTING_KINDS
        from rootkeeper.windows.checks import RecoveryPlanner

        needed = self.settings_in_force.windows.approvals if self.actor.kind in COUNTING_KINDS else 0
        return RecoveryPlanner(self, needed)

    def window_opener(self, progress: Progress) -> WindowOpener:
        from rootkeeper.windows.opening import WindowOpener

        return WindowOpener(self, progress)

    @property
    def window_request_service(self) -> WindowRequestService:
        from rootkeeper.windows.decisions import WindowRequestService

        return WindowRequestService(self, self.recovery_planner, self.window_policy, self.window_notices)

    @property
    def window_decision_service(self) -> WindowDecisionService:
        from rootkeeper.windows.decisions import WindowDecisionService

        return WindowDecisionService(self, self.window_policy, self.window_notices, self.window_people)

    @property
    def window_background_reader(self) -> WindowBackgroundReader:
        from rootkeeper.windows.background import WindowBackgroundReader

        return WindowBackgroundReader(self, self.window_people)

    @property
    def window_activator(self) -> WindowActivator:
        from rootkeeper.organization.progress import RemarkProgress
        from rootkeeper.windows.opening import WindowActivator

        progress = RemarkProgress(self.warn)
        return WindowActivator(
            self,
            self.recovery_planner,
            self.window_opener(progress),
            lambda: self.inventory_reader.read_recent(progress),
            self.window_notices,
            self.window_people,
        )

    @property
    def window_people(self) -> PeopleReader:
        from rootkeeper.approvals.rules import PeopleReader

        return PeopleReader(self.identities.list_identities, self.window_policy)

    def window_closer(self, progress: Progress) -> WindowCloser:
        from rootkeeper.windows.closing import WindowCloser

        return WindowCloser(self, progress, self.window_notices)

    def window_waiter(self, progress: Progress) -> WindowWaiter:
        from rootkeeper.windows.closing import WindowWaiter

        return WindowWaiter(self.window_closer(progress))

    def settlement(self, progress: Progress) -> Settlement:
        """Settles, by re-reads, the unclear intents of dead processes."""
        from rootkeeper.composition.changes import make_restorer
        from rootkeeper.settlement.service import SessionsByTask, Settlement

        restore = make_restorer(self.aws, self.aws, self.windows, self.clock)
        return Settlement(self, progress, SessionsByTask(self.aws, self._unlocking_gateway), restore)

    @property
    def _unlocking_gateway(self) -> AwsGateway:
        """The gateway with the role that may change bucket and queue policies."""
        return self.aws

    def window_close_loop(self, progress: Progress) -> WindowCloseLoop:
        """To be made once in a process and kept: it remembers the windows that it has seen."""
        from rootkeeper.organization.threads import start_keyed_executor
        from rootkeeper.worker.closing import OrphanSettler, WindowCloseLoop

        most = self.settings.server.closing_concurrency
        return WindowCloseLoop(
            self,
            self.window_closer(progress),
            OrphanSettler(self.settlement(progress), self.window_notices),
            self.window_notices,
            start_keyed_executor(most, "closing", progress.remark),
            random.shuffle,
            random.random,
            start_keyed_executor(CLOSINGS_AGAIN, "closing again", progress.remark),
            most_offered=most + CLOSINGS_IN_WAITING,
        )

    def window_row_monitor(self, progress: Progress) -> WindowRowMonitor:
        """To be made once in a process and kept: it remembers the entries that it has read."""
        from rootkeeper.windows.comparison import WindowComparison
        from rootkeeper.worker.window_rows import WindowRowMonitor

        comparison = self.get_store(WindowComparison)
        return WindowRowMonitor(self, progress, comparison, self.windows, self.window_notices)

    def window_maintenance(self, progress: Progress) -> WindowMaintenance:
        """To be made once in a process and kept."""
        from rootkeeper.organization.threads import start_keyed_executor
        from rootkeeper.windows.rereading import WindowRereader
        from rootkeeper.worker.closing import WindowMaintenance

        executor = start_keyed_executor(REREADS_AT_ONCE, "re-reading", progress.remark)
        rereading = WindowRereader(self, progress, self.window_notices)
        return WindowMaintenance(self, self.window_notices, rereading, executor, self.window_people)

    @property
    def window_reporter(self) -> WindowReporter:
        from rootkeeper.evidence.windows import WindowReporter
        from rootkeeper.watching.store import WatchedEventReader

        return WindowReporter(
            self.windows,
            self.ledger_reader,
            self.database.get_store(WatchedEventReader, self.organization_id),
            self.endpoint.label,
            self.organization_id,
        )
