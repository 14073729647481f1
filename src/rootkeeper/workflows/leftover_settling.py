"""Settling, while a server or worker runs, what other processes left that died meanwhile.

Each account is tried at once when something new is found in it, then more and more seldom: what can't be read stays
open, and asking AWS each second wouldn't change that.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import partial

from rootkeeper.domain.notifications import NotificationEvent, Severity
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.windows import RecoveryWindow, WindowState
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.progress import Progress
from rootkeeper.workflows.crews import KeyedExecutor
from rootkeeper.workflows.settlement import AccountOrphans, Orphans, SettledWindow, Settlement, SettlementReport
from rootkeeper.workflows.window_notices import WindowNotices

_ORGANIZATION = "organization"
_FIRST_PAUSES = (2.0, 2.0, 2.0, 4.0, 8.0, 15.0, 30.0)
_LAST_PAUSE = 60.0


@dataclass(slots=True)
class _RetryState:
    marks: frozenset[str]
    count: int = 0
    again_at: float = 0.0
    """In monotonic seconds."""


@dataclass(slots=True)
class OrphanSettler:
    """Hands what is left behind to a crew. One for each process: it remembers what it has tried."""

    settlement: Settlement
    notices: WindowNotices
    clock: Clock
    progress: Progress
    _tries: dict[str, _RetryState] = field(default_factory=dict)

    def begin(
        self, unfinished: Sequence[RecoveryWindow], executor: KeyedExecutor, closing_first: Collection[AccountId]
    ) -> None:
        """Begin to settle what is left and isn't being waited for.

        :param unfinished: the windows that aren't over.
        :param closing_first: accounts whose window is due: that is more urgent than to know what a process that died
            got done of it.
        :raises DatabaseError: if it can't be read what is left.
        """
        left = self.settlement.find_left(unfinished)
        organization = frozenset(str(entry.sequence) for entry in left.of_organization)
        keys = {_ORGANIZATION, *(account.account_id for account in left.accounts)}
        self._tries = {key: tries for key, tries in self._tries.items() if key in keys}
        if organization and self._is_time(_ORGANIZATION, organization):
            executor.offer(_ORGANIZATION, partial(self._settle_organization, left))
        for account in left.accounts:
            if account.account_id not in closing_first and self._is_time(account.account_id, account.marks):
                executor.offer(account.account_id, partial(self._settle_account, account))

    def _is_time(self, key: str, marks: frozenset[str]) -> bool:
        tries = self._tries.get(key)
        if tries is None or tries.marks != marks:
            tries = self._tries[key] = _RetryState(marks)
        if self.clock.monotonic() < tries.again_at:
            return False
        pause = _FIRST_PAUSES[tries.count] if tries.count < len(_FIRST_PAUSES) else _LAST_PAUSE
        tries.count, tries.again_at = tries.count + 1, self.clock.monotonic() + pause
        return True

    def _settle_organization(self, left: Orphans) -> None:
        self._report_orphans(self.settlement.settle_setup(left))

    def _settle_account(self, left: AccountOrphans) -> None:
        self._report_orphans(self.settlement.settle_account(left))

    def _report_orphans(self, report: SettlementReport) -> None:
        for intent in report.intents:
            if intent.result is not None:
                result = f"{intent.action.value}: {intent.result.value}"
                self.progress.remark(f"Settled entry {intent.sequence} ({result}). {intent.explanation}")
        for window in report.windows:
            if window.is_settled:
                self._notify_window(window)

    def _notify_window(self, settled: SettledWindow) -> None:
        window = settled.after
        self.progress.remark(f"Recovery window {window.window_id}: {settled.explanation}")
        body = f"The process that was opening it ended. {settled.explanation}"
        if window.state is WindowState.OPEN:
            self.notices.announce(NotificationEvent.WINDOW_OPENED, window, body, severity=Severity.WARNING)
        else:
            self.notices.announce(NotificationEvent.WINDOW_OPEN_FAILED, window, body)
