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
    from rootkeeper.workflows.blocking import BlockNaming
    from rootkeeper.workflows.breakglass import BreakGlassReading
    from rootkeeper.workflows.deletion import Deletion
    from rootkeeper.workflows.email_change_checks import EmailChangePlanning
    from rootkeeper.workflows.email_changes import EmailChanging
    from rootkeeper.workflows.emails import EmailAttesting, EmailListing
    from rootkeeper.workflows.exceptions import ExceptionKeeping
    from rootkeeper.workflows.failsafe import DrillKeeping, FailsafeChecking
    from rootkeeper.workflows.failsafe_set_up import (
        CompletionWaiting,
        FailsafeSetUpPlanning,
        LoginWatch,
    )
    from rootkeeper.workflows.inventory import InventoryReading
    from rootkeeper.workflows.jobs import JobKeeping
    from rootkeeper.workflows.policies import PolicyMaking
    from rootkeeper.workflows.preflight import Preflight
    from rootkeeper.workflows.reporting import Reporting
    from rootkeeper.workflows.root_events import RootEventJudging
    from rootkeeper.workflows.setup import Disabling, Enabling, SetupReading
    from rootkeeper.workflows.setup_drift import DriftReading, SetupAcceptance
    from rootkeeper.workflows.unlock_planning import UnlockPlanning
    from rootkeeper.workflows.unlock_reading import UnlockReading
    from rootkeeper.workflows.unlock_run import UnlockRun

LARGEST_BATCH = 200
"""Accounts of an audit that share one intent at most."""


class UseCases(AccessUseCases, HistoryUseCases, JobUseCases, NotificationUseCases, WatchingUseCases, WindowUseCases):
    """What can be done."""

    @property
    def setup_reading(self) -> SetupReading:
        from rootkeeper.workflows.setup import SetupReading

        return SetupReading(self.gateway)

    @property
    def drift_reading(self) -> DriftReading:
        """:raises DatabaseError: if the database can't be opened."""
        from rootkeeper.workflows.setup_drift import DriftReading

        return DriftReading(
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

    def enabling(self, progress: Progress) -> Enabling:
        from rootkeeper.workflows.setup import Enabling

        return Enabling(self.gateway, self.gateway, self.ledger, self.clock, progress)

    def disabling(self, progress: Progress) -> Disabling:
        from rootkeeper.workflows.setup import Disabling

        return Disabling(self.gateway, self.gateway, self.ledger, self.windows, self.clock, progress)

    @property
    def inventory_reading(self) -> InventoryReading:
        from rootkeeper.workflows.inventory import InventoryReading

        self._share_quotas()
        return InventoryReading(self.gateway, self.inventory_store, self.clock, self.organization, self.caller)

    @property
    def preflight(self) -> Preflight:
        from rootkeeper.workflows.preflight import Preflight

        return Preflight(self.inventory_reading, self.gateway, self.clock)

    def block_naming(self, inventory: Inventory) -> BlockNaming:
        from rootkeeper.workflows.blocking import BlockNaming

        return BlockNaming(self.gateway, inventory)

    @property
    def audit(self) -> Audit:
        from rootkeeper.workflows.account_reading import ReadingTools
        from rootkeeper.workflows.audit import Audit

        tools = ReadingTools(
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
        return Audit(self.inventory_reading, tools, self.job_keeping, self.drift_reading, self.audit_history)

    @property
    def deletion(self) -> Deletion:
        from rootkeeper.workflows.deletion import Deletion
        from rootkeeper.workflows.removal import Removal
        from rootkeeper.workflows.targets import GuardReading

        return Deletion(
            self.inventory_reading,
            self.audit,
            GuardReading(self.deletion_exceptions, self.windows, self.clock),
            self.locks,
            Removal(self.gateway, self.ledger, self.clock, self._reread_pauses),
            self.inventory_store,
            self.job_keeping,
            self.ledger_reader,
            self.clock,
            created_by=self.actor.name,
            workers=self.settings.aws.deletion_concurrency,
        )

    @property
    def job_keeping(self) -> JobKeeping:
        from rootkeeper.workflows.jobs import JobKeeping

        return JobKeeping(
            self.jobs, self.clock, self._organization_id, self.endpoint.label, self.actor.name, make_job_id
        )

    @property
    def exceptions(self) -> ExceptionKeeping:
        from rootkeeper.workflows.exceptions import ExceptionKeeping

        return ExceptionKeeping(self.deletion_exceptions, self.ledger, self.clock, self.actor.name)

    @property
    def email_listing(self) -> EmailListing:
        from rootkeeper.workflows.emails import EmailListing

        return EmailListing(
            self.inventory_reading,
            self.inventory_store,
            self.email_attestations,
            self.settings.emails.to_rules(),
            self.clock,
        )

    @property
    def email_attesting(self) -> EmailAttesting:
        from rootkeeper.workflows.emails import EmailAttesting

        return EmailAttesting(self.email_attestations, self.ledger, self.clock, self.actor.name)

    @property
    def email_change_planning(self) -> EmailChangePlanning:
        from rootkeeper.workflows.email_change_checks import EmailChangePlanning

        return EmailChangePlanning(
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
    def email_changing(self) -> EmailChanging:
        from rootkeeper.workflows.email_changes import EmailChanging

        return EmailChanging(self.gateway, self.ledger, self.windows, self.locks, self.clock, self._reread_pauses)

    @property
    def policy_making(self) -> PolicyMaking:
        from rootkeeper.workflows.policies import PolicyMaking

        return PolicyMaking(self.gateway, self.windows)

    @property
    def root_event_judging(self) -> RootEventJudging:
        from rootkeeper.workflows.root_events import RootEventJudging

        return RootEventJudging(self.ledger_reader, self._organization_id, self.endpoint)

    @property
    def failsafe_checking(self) -> FailsafeChecking:
        from rootkeeper.workflows.failsafe import FailsafeChecking

        return FailsafeChecking(
            self.audit,
            self.gateway,
            self.ledger_reader,
            self.windows,
            self.email_attestations,
            self.settings.emails.to_rules(),
            self.clock,
        )

    @property
    def drill_keeping(self) -> DrillKeeping:
        from rootkeeper.workflows.failsafe import DrillKeeping

        return DrillKeeping(self.ledger, self.clock, self.actor.name)

    @property
    def failsafe_set_up_planning(self) -> FailsafeSetUpPlanning:
        from rootkeeper.workflows.failsafe_set_up import FailsafeSetUpPlanning

        return FailsafeSetUpPlanning(self.recovery_planning)

    def login_watch(self, progress: Progress, window: RecoveryWindow) -> LoginWatch:
        from rootkeeper.workflows.failsafe_set_up import LoginWatch

        return LoginWatch(self.gateway, self.ledger, self.clock, progress, window)

    def completion_waiting(self, progress: Progress) -> CompletionWaiting:
        from rootkeeper.workflows.failsafe_set_up import CompletionWaiting, FailsafeKeeping

        keeping = FailsafeKeeping(*self._account_tools, progress)
        return CompletionWaiting(self.window_waiting(progress), keeping)

    @property
    def breakglass_reading(self) -> BreakGlassReading:
        from rootkeeper.workflows.breakglass import BreakGlassReading
        from rootkeeper.workflows.entrances import EntranceReading

        entrances = EntranceReading(self.gateway, self.gateway, self.caller)
        return BreakGlassReading(self.failsafe_checking, entrances, self.gateway, self.inventory_store, self.clock)

    def reporting(self, organization_id: str | None) -> Reporting:
        """Works without AWS: the database tells which organizations it knows.

        :raises InputError: if ``organization_id`` isn't known, or isn't given and several are.
        """
        from rootkeeper.workflows.reporting import Reporting, choose_organization

        chosen = choose_organization(self.database.list_organization_ids(), organization_id)
        return Reporting(
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
    def unlock_reading(self) -> UnlockReading:
        from rootkeeper.workflows.unlock_reading import UnlockReading

        return UnlockReading(
            self.gateway,
            self.ledger,
            self.gateway,
            self.clock,
            self.organization,
            self.caller,
            self.settings.unlock.protect,
        )

    @property
    def unlock_planning(self) -> UnlockPlanning:
        from rootkeeper.workflows.unlock_planning import UnlockPlanning

        return UnlockPlanning(self.unlock_reading, self.ledger_reader)

    @property
    def unlock_run(self) -> UnlockRun:
        from rootkeeper.storage.saved_policies import SavedPolicyFiles
        from rootkeeper.workflows.unlock_run import UnlockRun

        return UnlockRun(
            self.unlock_reading,
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
