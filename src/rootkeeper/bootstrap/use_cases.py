"""The use cases, put together from their adapters. Each imports its workflow when it is asked for."""

from __future__ import annotations

import random
import secrets
from typing import TYPE_CHECKING

from rootkeeper.bootstrap.access_use_cases import AccessUseCases
from rootkeeper.bootstrap.history_use_cases import HistoryUseCases
from rootkeeper.bootstrap.job_use_cases import JobUseCases
from rootkeeper.bootstrap.notification_use_cases import NotificationUseCases
from rootkeeper.bootstrap.watching_use_cases import WatchingUseCases
from rootkeeper.bootstrap.window_use_cases import WindowUseCases, spread_pauses
from rootkeeper.domain.organizations import Inventory
from rootkeeper.domain.windows import RecoveryWindow

if TYPE_CHECKING:
    from rootkeeper.ports.progress import Progress
    from rootkeeper.workflows.audit import Audit
    from rootkeeper.workflows.blocking import BlockingPolicyFinder
    from rootkeeper.workflows.breakglass import BreakGlassReader
    from rootkeeper.workflows.deletion import Deletion
    from rootkeeper.workflows.email_change_checks import EmailChangePlanner
    from rootkeeper.workflows.email_changes import EmailChangeExecutor
    from rootkeeper.workflows.emails import EmailAttestationService, RootEmailReader
    from rootkeeper.workflows.exceptions import ExceptionService
    from rootkeeper.workflows.failsafe import DrillRecorder, FailsafeChecker
    from rootkeeper.workflows.failsafe_set_up import (
        FailsafeSetUpPlanner,
        LoginCompletionWaiter,
        LoginMonitor,
    )
    from rootkeeper.workflows.inventory import InventoryReader
    from rootkeeper.workflows.jobs import JobService
    from rootkeeper.workflows.policies import PolicyBundleBuilder
    from rootkeeper.workflows.preflight import Preflight
    from rootkeeper.workflows.reporting import EvidenceCompiler
    from rootkeeper.workflows.root_events import RootEventClassifier
    from rootkeeper.workflows.setup import SetupDisabler, SetupEnabler, SetupReader
    from rootkeeper.workflows.setup_drift import DriftReader, SetupAcceptance
    from rootkeeper.workflows.unlock_planning import UnlockPlanner
    from rootkeeper.workflows.unlock_reading import UnlockReader
    from rootkeeper.workflows.unlock_run import UnlockRun

LARGEST_BATCH = 200
"""Accounts of an audit that share one intent at most."""


class UseCases(AccessUseCases, HistoryUseCases, JobUseCases, NotificationUseCases, WatchingUseCases, WindowUseCases):
    """What can be done."""

    @property
    def setup_reader(self) -> SetupReader:
        from rootkeeper.workflows.setup import SetupReader

        return SetupReader(self.gateway)

    @property
    def drift_reader(self) -> DriftReader:
        """:raises DatabaseError: if the database can't be opened."""
        from rootkeeper.workflows.setup_drift import DriftReader

        return DriftReader(
            self.gateway,
            self.database.accepted_setups(self._organization_id),
            self.ledger_reader,
            self.clock,
            self._organization_id,
            self.caller,
            self.endpoint,
            self._warn,
        )

    @property
    def setup_acceptance(self) -> SetupAcceptance:
        from rootkeeper.workflows.setup_drift import SetupAcceptance

        return SetupAcceptance(self.database.accepted_setups(self._organization_id), self.ledger, self.actor.name)

    def setup_enabler(self, progress: Progress) -> SetupEnabler:
        from rootkeeper.workflows.setup import SetupEnabler

        return SetupEnabler(self.gateway, self.gateway, self.ledger, self.clock, progress)

    def setup_disabler(self, progress: Progress) -> SetupDisabler:
        from rootkeeper.workflows.setup import SetupDisabler

        return SetupDisabler(self.gateway, self.gateway, self.ledger, self.windows, self.clock, progress)

    @property
    def inventory_reader(self) -> InventoryReader:
        from rootkeeper.workflows.inventory import InventoryReader

        self._share_quotas()
        return InventoryReader(self.gateway, self.inventory_store, self.clock, self.organization, self.caller)

    @property
    def preflight(self) -> Preflight:
        from rootkeeper.workflows.preflight import Preflight

        return Preflight(self.inventory_reader, self.gateway, self.clock)

    def blocking_policy_finder(self, inventory: Inventory) -> BlockingPolicyFinder:
        from rootkeeper.workflows.blocking import BlockingPolicyFinder

        return BlockingPolicyFinder(self.gateway, inventory)

    @property
    def audit(self) -> Audit:
        from rootkeeper.workflows.account_reading import AccountReaderTools
        from rootkeeper.workflows.audit import Audit

        tools = AccountReaderTools(
            reader=self.gateway,
            organization=self.organization,
            caller=self.caller,
            summaries=self.gateway,
            policies=self.gateway,
            ledger=self.ledger,
            store=self.inventory_store,
            windows=self.windows,
            clock=self.clock,
            jitter=random.random,
            workers=self.settings.aws.concurrency,
            batch_size=LARGEST_BATCH,
        )
        return Audit(self.inventory_reader, tools, self.job_service, self.drift_reader, self.audit_history)

    @property
    def deletion(self) -> Deletion:
        from rootkeeper.workflows.deletion import Deletion
        from rootkeeper.workflows.removal import Removal
        from rootkeeper.workflows.targets import ProtectionReader

        return Deletion(
            self.inventory_reader,
            self.audit,
            ProtectionReader(self.deletion_exceptions, self.windows, self.clock),
            self.locks,
            Removal(self.gateway, self.ledger, self.clock, self._reread_pauses),
            self.inventory_store,
            self.job_service,
            self.ledger_reader,
            self.clock,
            created_by=self.actor.name,
            workers=self.settings.aws.deletion_concurrency,
        )

    @property
    def job_service(self) -> JobService:
        from rootkeeper.workflows.jobs import JobService

        return JobService(
            self.jobs, self.clock, self._organization_id, self.endpoint.label, self.actor.name, make_job_id
        )

    @property
    def exceptions(self) -> ExceptionService:
        from rootkeeper.workflows.exceptions import ExceptionService

        return ExceptionService(self.deletion_exceptions, self.ledger, self.clock, self.actor.name)

    @property
    def root_email_reader(self) -> RootEmailReader:
        from rootkeeper.workflows.emails import RootEmailReader

        return RootEmailReader(
            self.inventory_reader,
            self.inventory_store,
            self.email_attestations,
            self.settings.emails.to_rules(),
            self.clock,
        )

    @property
    def email_attestation_service(self) -> EmailAttestationService:
        from rootkeeper.workflows.emails import EmailAttestationService

        return EmailAttestationService(self.email_attestations, self.ledger, self.clock, self.actor.name)

    @property
    def email_change_planner(self) -> EmailChangePlanner:
        from rootkeeper.workflows.email_change_checks import EmailChangePlanner

        return EmailChangePlanner(
            self.gateway,
            self.gateway,
            self.windows,
            self.deletion_exceptions,
            self.email_attestations,
            self.ledger_reader,
            self.settings.emails.to_rules(),
            self.clock,
        )

    @property
    def email_change_executor(self) -> EmailChangeExecutor:
        from rootkeeper.workflows.email_changes import EmailChangeExecutor

        return EmailChangeExecutor(self.gateway, self.ledger, self.windows, self.locks, self.clock, self._reread_pauses)

    @property
    def policy_bundle_builder(self) -> PolicyBundleBuilder:
        from rootkeeper.workflows.policies import PolicyBundleBuilder

        return PolicyBundleBuilder(self.gateway, self.windows)

    @property
    def root_event_classifier(self) -> RootEventClassifier:
        from rootkeeper.workflows.root_events import RootEventClassifier

        return RootEventClassifier(self.ledger_reader, self._organization_id, self.endpoint)

    @property
    def failsafe_checker(self) -> FailsafeChecker:
        from rootkeeper.workflows.failsafe import FailsafeChecker

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
    def drill_recorder(self) -> DrillRecorder:
        from rootkeeper.workflows.failsafe import DrillRecorder

        return DrillRecorder(self.ledger, self.clock, self.actor.name)

    @property
    def failsafe_set_up_planner(self) -> FailsafeSetUpPlanner:
        from rootkeeper.workflows.failsafe_set_up import FailsafeSetUpPlanner

        return FailsafeSetUpPlanner(self.recovery_planner)

    def login_monitor(self, progress: Progress, window: RecoveryWindow) -> LoginMonitor:
        from rootkeeper.workflows.failsafe_set_up import LoginMonitor

        return LoginMonitor(self.gateway, self.ledger, self.clock, progress, window)

    def login_completion_waiter(self, progress: Progress) -> LoginCompletionWaiter:
        from rootkeeper.workflows.failsafe_set_up import FailsafeLoginKeeper, LoginCompletionWaiter

        keeping = FailsafeLoginKeeper(*self._account_tools, progress)
        return LoginCompletionWaiter(self.window_waiter(progress), keeping)

    @property
    def breakglass_reading(self) -> BreakGlassReader:
        from rootkeeper.workflows.breakglass import BreakGlassReader
        from rootkeeper.workflows.entrances import CallerAccountReader

        caller_accounts = CallerAccountReader(self.gateway, self.gateway, self.caller)
        return BreakGlassReader(self.failsafe_checker, caller_accounts, self.gateway, self.inventory_store, self.clock)

    def evidence_compiler(self, organization_id: str | None) -> EvidenceCompiler:
        """Works without AWS: the database tells which organizations it knows.

        :raises InputError: if ``organization_id`` isn't known, or isn't given and several are.
        """
        from rootkeeper.workflows.reporting import EvidenceCompiler, choose_organization

        chosen = choose_organization(self.database.list_organization_ids(), organization_id)
        return EvidenceCompiler(
            chosen,
            self.database.inventory(chosen),
            self.database.windows(chosen),
            self.database.accepted_setups(chosen),
            self.database.email_attestations(chosen),
            self.settings.emails.to_rules(),
            self.ledger_reader,
            self.database.audit_history(chosen),
        )

    @property
    def unlock_reader(self) -> UnlockReader:
        from rootkeeper.workflows.unlock_reading import UnlockReader

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
        from rootkeeper.workflows.unlock_planning import UnlockPlanner

        return UnlockPlanner(self.unlock_reader, self.ledger_reader)

    @property
    def unlock_run(self) -> UnlockRun:
        from rootkeeper.storage.saved_policies import SavedPolicyFiles
        from rootkeeper.workflows.unlock_run import UnlockRun

        return UnlockRun(
            self.unlock_reader,
            self.gateway,
            self.ledger,
            self.locks,
            SavedPolicyFiles(self.settings.unlock.saved_policies),
            self.clock,
            bucket_pauses_seconds=self._reread_pauses,
            queue_pauses_seconds=spread_pauses(self.settings.unlock.queue_verify_seconds),
        )


def make_job_id() -> str:
    return f"j-{secrets.token_hex(5)}"
