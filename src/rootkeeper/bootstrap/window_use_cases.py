"""The use cases of recovery windows, put together from their adapters."""

from __future__ import annotations

import random
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from rootkeeper.bootstrap.adapters import Adapters
from rootkeeper.bootstrap.server_log import LogProgress
from rootkeeper.domain.approvals import COUNTING_KINDS
from rootkeeper.domain.organizations import Account, AccountId, Inventory
from rootkeeper.domain.window_policy import WindowPolicy, parse_window_policy, sort_rereads
from rootkeeper.settings import WindowSettings

if TYPE_CHECKING:
    from rootkeeper.aws.gateway import AwsGateway
    from rootkeeper.ports.clock import Clock
    from rootkeeper.ports.progress import Progress
    from rootkeeper.ports.root_sessions import RootSessions
    from rootkeeper.storage.ledger import SqlLedger
    from rootkeeper.storage.locks import SqlAccountLocks
    from rootkeeper.storage.windows import SqlRecoveryWindows
    from rootkeeper.workflows.closing import WindowCloser
    from rootkeeper.workflows.closing_loop import WindowCloseLoop
    from rootkeeper.workflows.recovery import WindowOpener
    from rootkeeper.workflows.recovery_checks import RecoveryPlanner
    from rootkeeper.workflows.settlement import Settlement
    from rootkeeper.workflows.waiting import WindowWaiter
    from rootkeeper.workflows.window_activation import WindowActivator
    from rootkeeper.workflows.window_decisions import WindowDecisionService
    from rootkeeper.workflows.window_notices import WindowNotices
    from rootkeeper.workflows.window_reporting import WindowReporter
    from rootkeeper.workflows.window_requests import WindowRequestService
    from rootkeeper.workflows.window_upkeep import WindowMaintenance

INVENTORY_LASTS = timedelta(minutes=5)
"""An inventory that is younger serves the check before a window is opened; AWS refuses what isn't so any more."""
CLOSINGS_IN_WAITING = 8
"""So many wait for a thread, enough for those that come free until the next look at what is due. No more: whatever is
due for longer but is known only now, such as what a worker left that died, comes after them.
"""
REREADS_AT_ONCE = 4


class WindowUseCases(Adapters):
    """What can be done with recovery windows."""

    @property
    def window_policy(self) -> WindowPolicy:
        """:raises SettingsError: if a rule in it can't be understood."""
        return make_window_policy(self.settings.windows)

    @property
    def window_notices(self) -> WindowNotices:
        from rootkeeper.workflows.window_notices import WindowNotices

        return WindowNotices(self.notifier, self.clock, self.endpoint.label)

    @property
    def recovery_planner(self) -> RecoveryPlanner:
        from rootkeeper.workflows.recovery_checks import RecoveryPlanner

        return RecoveryPlanner(
            self.gateway,
            self.gateway,
            self.ledger,
            self.windows,
            self.deletion_exceptions,
            self.gateway,
            self.clock,
            self.settings.windows.approvals if self.actor.kind in COUNTING_KINDS else 0,
        )

    def window_opener(self, progress: Progress) -> WindowOpener:
        from rootkeeper.workflows.recovery import WindowOpener

        return WindowOpener(*self._account_tools, progress, self.actor.name, make_window_id, self.watch_source_name)

    @property
    def window_request_service(self) -> WindowRequestService:
        from rootkeeper.workflows.window_requests import WindowRequestService

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
        from rootkeeper.workflows.window_decisions import WindowDecisionService

        return WindowDecisionService(
            self.windows,
            self.ledger,
            self.window_policy,
            self.window_notices,
            self.clock,
            self.actor,
            self._find_known_account,
            self.gateway.find_credentials_expiry,
        )

    @property
    def window_activator(self) -> WindowActivator:
        from rootkeeper.workflows.window_activation import WindowActivator

        return WindowActivator(
            self.recovery_planner,
            self.window_opener(LogProgress(self._warn)),
            self.windows,
            self._read_recent_inventory,
            self.window_notices,
            self.clock,
            self.actor,
        )

    def window_closer(self, progress: Progress) -> WindowCloser:
        from rootkeeper.workflows.closing import WindowCloser

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
        from rootkeeper.workflows.waiting import WindowWaiter

        return WindowWaiter(self.window_closer(progress), self.windows, self.clock, progress)

    def settlement(self, progress: Progress, unlock_sessions: RootSessions | None = None) -> Settlement:
        """:param unlock_sessions: where the power over bucket and queue policies is another role's."""
        from rootkeeper.workflows.sessions_by_task import SessionsByTask
        from rootkeeper.workflows.settlement import Settlement

        sessions = SessionsByTask(self.gateway, unlock_sessions or self.gateway)
        return Settlement(
            self.gateway, sessions, self.ledger, self.windows, self.locks, self.clock, progress, self.gateway
        )

    def window_close_loop(self, progress: Progress, unlock_sessions: RootSessions | None = None) -> WindowCloseLoop:
        """To be made once in a process and kept: it remembers what it has seen.

        :param unlock_sessions: settles what was left of unlocks, where that is another role's power.
        """
        from rootkeeper.workflows.closing_loop import WindowCloseLoop
        from rootkeeper.workflows.crews import start_keyed_executor
        from rootkeeper.workflows.leftover_settling import OrphanSettler

        return WindowCloseLoop(
            self.windows,
            self.window_closer(progress),
            OrphanSettler(self.settlement(progress, unlock_sessions), self.window_notices, self.clock, progress),
            self.window_notices,
            self.clock,
            progress,
            start_keyed_executor(self.settings.server.closing_concurrency, "closing", progress.remark),
            random.shuffle,
            random.random,
            most_offered=self.settings.server.closing_concurrency + CLOSINGS_IN_WAITING,
        )

    def window_maintenance(self, progress: Progress) -> WindowMaintenance:
        """To be made once in a process and kept."""
        from rootkeeper.workflows.crews import start_keyed_executor
        from rootkeeper.workflows.window_rereading import WindowRereader
        from rootkeeper.workflows.window_upkeep import WindowMaintenance

        rereading = WindowRereader(*self._account_tools, progress, self.window_notices, self._rereads, self.actor.name)
        executor = start_keyed_executor(REREADS_AT_ONCE, "re-reading", progress.remark)
        return WindowMaintenance(
            self.windows, self.ledger, self.locks, self.clock, self.window_notices, rereading, executor
        )

    @property
    def window_reporter(self) -> WindowReporter:
        from rootkeeper.workflows.window_reporting import WindowReporter

        return WindowReporter(
            self.windows,
            self.ledger_reader,
            self.database.watched_events(self._organization_id),
            self.endpoint.label,
            self._organization_id,
        )

    @property
    def _account_tools(self) -> tuple[AwsGateway, AwsGateway, SqlLedger, SqlRecoveryWindows, SqlAccountLocks, Clock]:
        """What every step in an account takes: reader, sessions, ledger, windows, locks and clock."""
        return self.gateway, self.gateway, self.ledger, self.windows, self.locks, self.clock

    def _find_known_account(self, account_id: AccountId) -> Account | None:
        known = self.inventory_store.find_last()
        accounts = known.accounts if known else ()
        return next((account for account in accounts if account.account_id == account_id), None)

    def _read_recent_inventory(self) -> Inventory:
        from rootkeeper.workflows.inventory import InventoryReader

        reading = InventoryReader(self.gateway, self.inventory_store, self.clock, self.organization, self.caller)
        known = reading.find_known()
        if known is not None and timedelta() <= self.clock.now() - known.listed_at <= INVENTORY_LASTS:
            return known
        self._share_quotas()
        return reading.read(LogProgress(self._warn))

    @property
    def _rereads(self) -> tuple[timedelta, ...]:
        """Without the rest of the policy: no mistake in a rule of it may keep a window from being closed."""
        return sort_rereads(self.settings.windows.rereads)

    @property
    def _reread_pauses(self) -> tuple[float, ...]:
        return spread_pauses(self.settings.aws.verify_seconds)


def make_window_policy(settings: WindowSettings) -> WindowPolicy:
    """:raises SettingsError: if a rule in it can't be understood."""
    return parse_window_policy(
        approvals=settings.approvals,
        longest=settings.longest,
        approval_valid=settings.approval_valid,
        requesters=settings.requesters,
        approvers=settings.approvers,
        rereads=settings.rereads,
        emergency=settings.emergency,
    )


def make_window_id() -> str:
    return f"w-{secrets.token_hex(5)}"


def spread_pauses(seconds: float) -> tuple[float, ...]:
    """Pauses that double from one second on and add up to ``seconds``."""
    pauses: list[float] = []
    pause, left = 1.0, float(seconds)
    while left > 0:
        pauses.append(min(pause, left))
        left -= pause
        pause *= 2
    return tuple(pauses)
