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

from rootkeeper.composition.adapters import Adapters

if TYPE_CHECKING:
    from rootkeeper.access.factors import FactorService
    from rootkeeper.access.service import IdentityService, SessionEnder
    from rootkeeper.approvals.rules import PeopleReader
    from rootkeeper.audit.service import Audit
    from rootkeeper.aws.gateway import AwsGateway
    from rootkeeper.aws.root_events import RootEventSource
    from rootkeeper.clock import Clock
    from rootkeeper.composition.database import Database
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
    from rootkeeper.failsafe.service import FailsafeChecker, FailsafeLoginKeeper, LoginMonitor
    from rootkeeper.guardrails.service import BlockingPolicyFinder, Preflight
    from rootkeeper.history.service import HistoryReader
    from rootkeeper.inventory.listing import InventoryReader
    from rootkeeper.jobs.service import JobService
    from rootkeeper.ledger.owners import AccountLocks
    from rootkeeper.ledger.store import SqlLedger
    from rootkeeper.notifications.service import NotificationSender, NotificationTester, Outbox
    from rootkeeper.organization.accounts import Account, AccountId, Endpoint, Inventory
    from rootkeeper.organization.progress import Progress
    from rootkeeper.organization.statuses import AccountStatus
    from rootkeeper.root_emails.service import EmailChangeExecutor, EmailChangePlanner, RootEmailReader
    from rootkeeper.root_emails.statements import EmailApprovalService, EmailAttestationService
    from rootkeeper.settings.sections import Settings, WindowSettings
    from rootkeeper.settings.store import SettingEditor
    from rootkeeper.settlement.lost_windows import LostWindowCloser, LostWindowFinder
    from rootkeeper.settlement.service import Settlement
    from rootkeeper.setup.drift import DriftReader, SetupAcceptance
    from rootkeeper.setup.service import SetupDisabler, SetupEnabler, SetupReader, SetupReport
    from rootkeeper.shipped_policies.bundle import PolicyBundleBuilder
    from rootkeeper.unlock.service import UnlockPlanner, UnlockReader, UnlockRun
    from rootkeeper.watching.coverage import RuleCoverageReader
    from rootkeeper.watching.rules import WatchSource
    from rootkeeper.watching.service import EventWatchLoop, RootEventClassifier
    from rootkeeper.windows.approvals import WindowPolicy
    from rootkeeper.windows.checks import RecoveryPlanner
    from rootkeeper.windows.closing import WindowCloser, WindowWaiter
    from rootkeeper.windows.decisions import WindowDecisionService, WindowNotices, WindowRequestService
    from rootkeeper.windows.opening import WindowActivator, WindowOpener
    from rootkeeper.windows.rules import RecoveryWindow
    from rootkeeper.windows.store import RecoveryWindowStore
    from rootkeeper.worker.closing import WindowCloseLoop, WindowMaintenance
    from rootkeeper.worker.requests import Engine, JobRequestService
    from rootkeeper.worker.schedules import DrillReminder
    from rootkeeper.worker.service import RetentionCleaner

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


def make_window_id() -> str:
    return f"w-{secrets.token_hex(5)}"


def make_outbox(
    settings: Settings, database: Database, organization_id: str, clock: Clock, warn: Callable[[str], None]
) -> Outbox:
    """:raises SettingsError: if a target or an allowed host can't be understood."""
    from rootkeeper.notifications.rules import parse_allowed_hosts, parse_targets
    from rootkeeper.notifications.service import Outbox

    parse_allowed_hosts(settings.notifications.allowed_hosts)
    targets = parse_targets(settings.notifications.targets)
    return Outbox(database.notifications(organization_id), targets, clock, make_notification_id, warn)


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


def spread_pauses(seconds: float) -> tuple[float, ...]:
    """Pauses that double from 1 second on and add up to ``seconds``."""
    pauses: list[float] = []
    pause, left = 1.0, float(seconds)
    while left > 0:
        pauses.append(min(pause, left))
        left -= pause
        pause *= 2
    return tuple(pauses)


class UseCases(Adapters):
    """Every use case, declared once and made from its adapters on request."""

    @property
    def setup_reader(self) -> SetupReader:
        from rootkeeper.setup.service import SetupReader

        return SetupReader(self.gateway)

    def read_setup(self) -> SetupReport:
        """Read the set-up; the rest of the command takes caller and organization from it.

        :raises AwsError: if the caller or the organization can't be read.
        """
        report = self.setup_reader.read()
        self.caller, self.organization = report.caller, report.organization
        return report

    @property
    def rule_coverage_reader(self) -> RuleCoverageReader:
        from rootkeeper.watching.coverage import RuleCoverageReader

        return RuleCoverageReader(self.gateway)

    @property
    def drift_reader(self) -> DriftReader:
        """:raises DatabaseError: if the database can't be opened."""
        from rootkeeper.setup.drift import DriftReader

        return DriftReader(
            self.gateway,
            self.database.accepted_setups(self.organization_id),
            self.ledger_reader,
            self.clock,
            self.organization_id,
            self.caller,
            self.endpoint,
            self._warn,
        )

    @property
    def setup_acceptance(self) -> SetupAcceptance:
        from rootkeeper.setup.drift import SetupAcceptance

        return SetupAcceptance(self.database.accepted_setups(self.organization_id), self.ledger, self.actor.name)

    def setup_enabler(self, progress: Progress) -> SetupEnabler:
        from rootkeeper.setup.service import SetupEnabler

        return SetupEnabler(self.gateway, self.gateway, self.ledger, self.clock, progress)

    def setup_disabler(self, progress: Progress) -> SetupDisabler:
        from rootkeeper.setup.service import SetupDisabler

        return SetupDisabler(self.gateway, self.gateway, self.ledger, self.clock, progress, self.windows)

    @property
    def inventory_reader(self) -> InventoryReader:
        from rootkeeper.inventory.listing import InventoryReader

        self._share_quotas()
        return InventoryReader(self.gateway, self.inventory_store, self.clock, self.organization, self.caller)

    @property
    def preflight(self) -> Preflight:
        from rootkeeper.guardrails.service import Preflight

        return Preflight(self.inventory_reader, self.gateway, self.clock)

    def blocking_policy_finder(self, inventory: Inventory) -> BlockingPolicyFinder:
        from rootkeeper.guardrails.service import BlockingPolicyFinder

        return BlockingPolicyFinder(self.gateway, inventory)

    @property
    def audit(self) -> Audit:
        from rootkeeper.audit.reading import AccountReaderTools
        from rootkeeper.audit.service import Audit

        tools = AccountReaderTools(
            reader=self.gateway,
            organization=self.organization,
            caller=self.caller,
            summaries=self.gateway,
            policies=self.gateway,
            ledger=self.ledger,
            store=self.inventory_store,
            windows=self.windows,
            confirmations=self.confirmations,
            clock=self.clock,
            jitter=random.random,
            workers=self.settings.aws.concurrency,
            batch_size=LARGEST_BATCH,
        )
        return Audit(self.inventory_reader, tools, self.job_service, self.drift_reader, self.history)

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
        confirmed = self.confirmations.list_confirmed(in_sandbox=self.endpoint.is_sandbox, at=self.clock.now())
        return evaluate_stored(inventory, found, self.windows.list_windows(), confirmed)

    @property
    def deletion(self) -> Deletion:
        from rootkeeper.changes.removal import Removal
        from rootkeeper.deletion.execution import ProtectionReader
        from rootkeeper.deletion.service import Deletion

        return Deletion(
            self.inventory_reader,
            self.audit.tools,
            ProtectionReader(self.deletion_exceptions, self.windows, self.clock),
            self.locks,
            Removal(self.gateway, self.ledger, self.clock, self._reread_pauses),
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

        return ExceptionService(self.deletion_exceptions, self.ledger, self.clock, self.actor.name)

    @property
    def root_email_reader(self) -> RootEmailReader:
        from rootkeeper.root_emails.service import RootEmailReader

        return RootEmailReader(
            self.inventory_reader,
            self.inventory_store,
            self.email_attestations,
            self.settings.emails.to_rules(),
            self.clock,
        )

    @property
    def email_attestation_service(self) -> EmailAttestationService:
        from rootkeeper.root_emails.statements import EmailAttestationService

        return EmailAttestationService(self.email_attestations, self.ledger, self.clock, self.actor.name)

    @property
    def email_change_planner(self) -> EmailChangePlanner:
        from rootkeeper.root_emails.service import EmailChangePlanner
        from rootkeeper.root_emails.statements import EmailApprovalJudge

        return EmailChangePlanner(
            self.gateway,
            self.gateway,
            self.windows,
            self.deletion_exceptions,
            self.email_attestations,
            self.ledger_reader,
            self.settings.emails.to_rules(),
            self.clock,
            EmailApprovalJudge(self._window_people, self.clock, self.actor),
        )

    @property
    def email_approval_service(self) -> EmailApprovalService:
        from rootkeeper.root_emails.statements import EmailApprovalService

        return EmailApprovalService(self.ledger, self.window_policy, self.actor)

    @property
    def email_change_executor(self) -> EmailChangeExecutor:
        from rootkeeper.root_emails.service import EmailChangeExecutor

        return EmailChangeExecutor(self.gateway, self.ledger, self.windows, self.locks, self.clock, self._reread_pauses)

    @property
    def policy_bundle_builder(self) -> PolicyBundleBuilder:
        from rootkeeper.shipped_policies.bundle import PolicyBundleBuilder

        return PolicyBundleBuilder(self.gateway, self.windows, self.settings.windows.longest)

    @property
    def root_event_classifier(self) -> RootEventClassifier:
        from rootkeeper.watching.service import RootEventClassifier

        return RootEventClassifier(self.ledger_reader, self.organization_id, self.endpoint)

    @property
    def failsafe_checker(self) -> FailsafeChecker:
        from rootkeeper.failsafe.service import FailsafeChecker

        return FailsafeChecker(
            self.audit,
            self.gateway,
            self.ledger_reader,
            self.windows,
            self.email_attestations,
            self.settings.emails.to_rules(),
            self.clock,
        )

    @property
    def failsafe_confirmer(self) -> FailsafeConfirmer:
        from rootkeeper.failsafe.confirmations import FailsafeConfirmer

        return FailsafeConfirmer(self.confirmations, self.ledger, self.clock, self.endpoint, self.actor.name)

    @property
    def control_attester(self) -> ControlAttester:
        from rootkeeper.controls.assessment import ControlAttester

        return ControlAttester(self.ledger, self.clock, self.actor)

    @property
    def drill_recorder(self) -> DrillRecorder:
        from rootkeeper.failsafe.confirmations import DrillRecorder

        return DrillRecorder(self.ledger, self.clock, self.actor.name)

    def login_monitor(self, progress: Progress, window: RecoveryWindow) -> LoginMonitor:
        from rootkeeper.changes.sessions import AccountSessions
        from rootkeeper.failsafe.service import LoginMonitor

        context = {"window_id": window.window_id}
        sessions = AccountSessions(self.gateway, self.ledger, self.clock, window.account_id, context=context)
        return LoginMonitor(sessions, self.clock, progress, window)

    def login_keeper(self, progress: Progress) -> FailsafeLoginKeeper:
        from rootkeeper.failsafe.service import FailsafeLoginKeeper

        return FailsafeLoginKeeper(*self._account_tools, progress)

    @property
    def breakglass_reading(self) -> BreakGlassReader:
        from rootkeeper.failsafe.breakglass_service import BreakGlassReader, CallerAccountReader

        caller_accounts = CallerAccountReader(self.gateway, self.gateway, self.caller)
        return BreakGlassReader(self.failsafe_checker, caller_accounts, self.gateway, self.inventory_store, self.clock)

    def evidence_compiler(self, organization_id: str | None) -> EvidenceCompiler:
        """Works without AWS: the database knows its organizations.

        :raises InputError: if ``organization_id`` isn't known, or isn't given and several are.
        """
        from rootkeeper.evidence.service import EvidenceCompiler, choose_organization

        chosen = choose_organization(self.database.list_organization_ids(), organization_id)
        return EvidenceCompiler(
            chosen,
            self.database.inventory(chosen),
            self.database.windows(chosen),
            self.database.accepted_setups(chosen),
            self.database.email_attestations(chosen),
            self.database.confirmations(chosen),
            self.settings.emails.to_rules(),
            self.ledger_reader,
            self.database.audit_history(chosen),
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
            self.gateway.security_hub_region,
            self.settings.delivery.period,
            self.settings.history.stale_after,
            self.delivery_targets,
        )

    @property
    def report_sender(self) -> ReportSender:
        from rootkeeper.delivery.service import ReportSender

        return ReportSender(self.gateway, self.gateway, self.ledger, self.clock, self._reread_pauses)

    @property
    def unlock_reader(self) -> UnlockReader:
        from rootkeeper.unlock.service import UnlockReader

        return UnlockReader(
            self.gateway,
            self.ledger,
            self.gateway,
            self.clock,
            self.organization,
            self.caller,
            self.settings.unlock.protect,
        )

    @property
    def unlock_planner(self) -> UnlockPlanner:
        from rootkeeper.unlock.service import UnlockPlanner

        return UnlockPlanner(self.unlock_reader, self.ledger_reader)

    @property
    def unlock_run(self) -> UnlockRun:
        from rootkeeper.unlock.service import UnlockRun
        from rootkeeper.unlock.store import SavedPolicyFiles

        return UnlockRun(
            self.unlock_reader,
            self.locks,
            SavedPolicyFiles(self.settings.unlock.saved_policies),
            bucket_pauses_seconds=self._reread_pauses,
            queue_pauses_seconds=spread_pauses(self.settings.unlock.queue_verify_seconds),
        )

    @property
    def identity_service(self) -> IdentityService:
        from rootkeeper.access.service import IdentityService

        return IdentityService(self.identities, self.ledger, self.clock, self.actor)

    @property
    def factor_service(self) -> FactorService:
        """If the key of the database wasn't opened, it can only list and remove factors."""
        from rootkeeper.access.factors import FactorService

        return FactorService(self.factors, self.identities, self.sessions, self.ledger, self.clock)

    @property
    def session_ender(self) -> SessionEnder:
        from rootkeeper.access.service import SessionEnder

        return SessionEnder(self.sessions, self.identities, self.ledger)

    def preset_factor(self, identity_id: str, seed: str) -> None:
        """Set up an authenticator app for a demo's user. Its seed is public: anyone can compute the codes.

        :raises InputError: if it isn't a sandbox's server, or there is no such user.
        :raises SettingsError: if the key that encrypts it can't be used.
        """
        self.database.open_cipher(self.organization_id, self.settings.server.key_file)
        self.factor_service.preset_totp(identity_id, seed, self.endpoint)

    def history_reader(self, organization_id: str | None = None) -> HistoryReader:
        """Works without AWS: the database knows its organizations.

        :raises InputError: if ``organization_id`` isn't known, or isn't given and several are.
        """
        from rootkeeper.evidence.service import choose_organization
        from rootkeeper.history.service import HistoryReader

        chosen = choose_organization(self.database.list_organization_ids(), organization_id)
        return HistoryReader(
            chosen,
            self.database.audit_history(chosen),
            self.database.inventory(chosen),
            self.database.windows(chosen),
            self.database.watched_events(chosen),
            self.ledger_reader,
        )

    @property
    def retention_cleaner(self) -> RetentionCleaner:
        """For a server, once an hour. Makes no AWS call there, because the server knows its organization."""
        from rootkeeper.worker.service import RetentionCleaner, RetentionStore

        store = RetentionStore(*self.store_arguments)
        return RetentionCleaner(self.history, store, self.clock, self.settings.history.keep)

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

    def notification_tester(self, organization_id: str, endpoint: Endpoint) -> NotificationTester:
        """Needs neither AWS nor a database: which organization it is doesn't matter to a test.

        :raises SettingsError: if a target or an allowed host can't be understood.
        """
        from rootkeeper.notifications.rules import parse_allowed_hosts, parse_targets
        from rootkeeper.notifications.service import NotificationTester

        parse_allowed_hosts(self.settings.notifications.allowed_hosts)
        return NotificationTester(
            parse_targets(self.settings.notifications.targets),
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
            WindowEventStore(*self.store_arguments, self.ledger, self.owner),
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
        unreadable = UnreadableEventFile(folder / "rootkeeper-unreadable-events.jsonl", self.clock, self._warn)
        if source.kind is WatchSourceKind.QUEUE:
            return self.gateway.open_root_event_queue(source.address, source.region, unreadable)
        path = Path(source.address).expanduser().absolute()
        opened = EventFile(path, folder / get_position_file_name(path), unreadable, self.clock, self._warn)
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

        return RecoveryPlanner(
            self.gateway,
            self.gateway,
            self.ledger,
            self.windows,
            self.deletion_exceptions,
            self.gateway,
            self.clock,
            self.settings_in_force.windows.approvals if self.actor.kind in COUNTING_KINDS else 0,
        )

    def window_opener(self, progress: Progress) -> WindowOpener:
        from rootkeeper.windows.opening import WindowOpener

        return WindowOpener(*self._account_tools, progress, self.actor.name, make_window_id, self.watch_source_name)

    @property
    def window_request_service(self) -> WindowRequestService:
        from rootkeeper.windows.decisions import WindowRequestService

        return WindowRequestService(
            self.recovery_planner,
            self.windows,
            self.ledger,
            self.window_policy,
            self.window_notices,
            self.clock,
            self.actor,
            make_window_id,
        )

    @property
    def window_decision_service(self) -> WindowDecisionService:
        from rootkeeper.windows.decisions import WindowDecisionService

        return WindowDecisionService(
            self.windows,
            self.ledger,
            self.window_policy,
            self.window_notices,
            self.clock,
            self.actor,
            self._find_known_account,
            self.gateway.find_credentials_lifetime,
            self._window_people,
        )

    @property
    def window_activator(self) -> WindowActivator:
        from rootkeeper.organization.progress import RemarkProgress
        from rootkeeper.windows.opening import WindowActivator

        return WindowActivator(
            self.recovery_planner,
            self.window_opener(RemarkProgress(self._warn)),
            self.windows,
            lambda: self.inventory_reader.read_recent(RemarkProgress(self._warn)),
            self.window_notices,
            self.clock,
            self.actor,
            self._window_people,
        )

    @property
    def _window_people(self) -> PeopleReader:
        from rootkeeper.approvals.rules import PeopleReader

        return PeopleReader(self.identities.list_identities, self.window_policy)

    def window_closer(self, progress: Progress) -> WindowCloser:
        from rootkeeper.approvals.rules import COUNTING_KINDS
        from rootkeeper.windows.closing import WindowCloser

        return WindowCloser(
            *self._account_tools,
            progress,
            spill=self._open_spill,
            reread_pauses_seconds=self._reread_pauses,
            notices=self.window_notices,
            rereads=self._rereads,
            closed_by=self.actor.name if self.actor.kind in COUNTING_KINDS else None,
        )

    def window_waiter(self, progress: Progress) -> WindowWaiter:
        from rootkeeper.windows.closing import WindowWaiter

        return WindowWaiter(self.window_closer(progress), self.windows, self.window_clock, progress)

    @property
    def lost_window_finder(self) -> LostWindowFinder:
        from rootkeeper.settlement.lost_windows import LostWindowFinder

        return LostWindowFinder(self.audit, self.windows, self.deletion_exceptions, self.clock)

    def lost_window_closer(self, progress: Progress) -> LostWindowCloser:
        from rootkeeper.settlement.lost_windows import LostWindowCloser

        closing = self.window_closer(progress)
        return LostWindowCloser(
            self.ledger, self.windows, closing, self.window_clock, self.organization_id, make_window_id
        )

    def settlement(self, progress: Progress) -> Settlement:
        """Settles, by re-reads, the unclear intents of dead processes."""
        from rootkeeper.composition.changes import make_restorer
        from rootkeeper.settlement.service import SessionsByTask, Settlement

        sessions = SessionsByTask(self.gateway, self._unlocking_gateway)
        restore = make_restorer(self.gateway, self.gateway, self.windows, self.clock)
        return Settlement(self.gateway, sessions, self.ledger, self.windows, self.locks, self.clock, progress, restore)

    @property
    def _unlocking_gateway(self) -> AwsGateway:
        """The gateway with the role that may change bucket and queue policies."""
        return self.gateway

    def window_close_loop(self, progress: Progress) -> WindowCloseLoop:
        """To be made once in a process and kept: it remembers the windows that it has seen."""
        from rootkeeper.organization.threads import start_keyed_executor
        from rootkeeper.worker.closing import OrphanSettler, WindowCloseLoop

        return WindowCloseLoop(
            self.windows,
            self.window_closer(progress),
            OrphanSettler(self.settlement(progress), self.window_notices, self.clock, progress),
            self.window_notices,
            self.window_clock,
            progress,
            start_keyed_executor(self.settings.server.closing_concurrency, "closing", progress.remark),
            random.shuffle,
            random.random,
            most_offered=self.settings.server.closing_concurrency + CLOSINGS_IN_WAITING,
        )

    def window_maintenance(self, progress: Progress) -> WindowMaintenance:
        """To be made once in a process and kept."""
        from rootkeeper.organization.threads import start_keyed_executor
        from rootkeeper.windows.closing import WindowRereader
        from rootkeeper.worker.closing import WindowMaintenance

        rereading = WindowRereader(*self._account_tools, progress, self.window_notices, self._rereads, self.actor.name)
        executor = start_keyed_executor(REREADS_AT_ONCE, "re-reading", progress.remark)
        return WindowMaintenance(
            self.windows,
            self.ledger,
            self.locks,
            self.window_clock,
            self.window_notices,
            rereading,
            executor,
            self._window_people,
        )

    @property
    def window_reporter(self) -> WindowReporter:
        from rootkeeper.evidence.windows import WindowReporter

        return WindowReporter(
            self.windows,
            self.ledger_reader,
            self.database.watched_events(self.organization_id),
            self.endpoint.label,
            self.organization_id,
        )

    @property
    def _account_tools(self) -> tuple[AwsGateway, AwsGateway, SqlLedger, RecoveryWindowStore, AccountLocks, Clock]:
        """The arguments of every step in an account: reader, sessions, ledger, windows, locks and clock."""
        return self.gateway, self.gateway, self.ledger, self.windows, self.locks, self.window_clock

    def _find_known_account(self, account_id: AccountId) -> Account | None:
        known = self.inventory_store.find_last()
        accounts = known.accounts if known else ()
        return next((account for account in accounts if account.account_id == account_id), None)

    @property
    def _rereads(self) -> tuple[timedelta, ...]:
        """Without the rest of the policy: no mistake in a rule of it may keep a window from being closed."""
        from rootkeeper.windows.approvals import sort_rereads

        return sort_rereads(self.settings.windows.rereads)

    @property
    def _reread_pauses(self) -> tuple[float, ...]:
        return spread_pauses(self.settings.aws.verify_seconds)
