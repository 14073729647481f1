"""Activating a recovery window: a separate act, after the approvals and long after the request.

So everything is checked once more, since account, policies and set-up may have changed meanwhile; only then is the
window opened, and its approvals are used by that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rootkeeper.domain.approvals import require_activatable, require_known
from rootkeeper.domain.ledger import Actor
from rootkeeper.domain.notifications import NotificationEvent, Severity
from rootkeeper.domain.openings import OpenOutcome
from rootkeeper.domain.organizations import Inventory
from rootkeeper.domain.selection import NamedAccount, find_account
from rootkeeper.domain.windows import RecoveryWindow
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.windows import RecoveryWindows
from rootkeeper.workflows.recovery import OpenResult, WindowOpener
from rootkeeper.workflows.recovery_checks import RecoveryPlan, RecoveryPlanner, RecoveryRequest
from rootkeeper.workflows.window_notices import WindowNotices, describe_request


@dataclass(frozen=True, slots=True)
class WindowActivator:
    """Opens what was approved, as one person."""

    planning: RecoveryPlanner
    opening: WindowOpener
    windows: RecoveryWindows
    read_inventory: Callable[[], Inventory]
    """The accounts as AWS lists them now."""
    notices: WindowNotices
    clock: Clock
    actor: Actor

    def activate(self, window_id_or_account_id: str) -> OpenResult:
        """Check again and open.

        AWS calls: those of the inventory, of the preflight and of the opening; see ``WindowOpener``.

        :raises InputError: if the actor isn't known to a server, or there is no such window.
        :raises WindowConflictError: if it isn't APPROVED.
        :raises ApprovalRefusedError: if it has lapsed, or its approvals don't count any more.
        :raises RootkeeperError: and all that planning and opening raise.
        """
        require_known(self.actor)
        window = self.windows.get(window_id_or_account_id)
        require_activatable(window, self.clock.now())
        opening = self.opening.open_approved(self._plan(window), window.window_id)
        self._notify(opening)
        return opening

    def _plan(self, window: RecoveryWindow) -> RecoveryPlan:
        inventory = self.read_inventory()
        account = find_account(NamedAccount(window.account_id), inventory.accounts)
        request = RecoveryRequest(account, window.reason, window.ticket, window.duration_seconds)
        return self.planning.plan(inventory, request, window_id=window.window_id)

    def _notify(self, opening: OpenResult) -> None:
        window = opening.window
        if opening.outcome is OpenOutcome.OPEN:
            end = f"It closes itself at {window.expires_at:%Y-%m-%d %H:%M:%S UTC}." if window.expires_at else ""
            watched = "It is watched." if window.watched_by else "Nobody watches what the root user does."
            body = f"{describe_request(window)} Activated by {window.activated_by}. {end} {watched}"
            self.notices.announce(NotificationEvent.WINDOW_OPENED, window, body)
            return
        severity = Severity.WARNING if opening.outcome is OpenOutcome.CANCELLED else Severity.CRITICAL
        hint = opening.error.hint if opening.error and opening.error.hint else ""
        body = f"{opening.explanation} {hint}".strip()
        self.notices.announce(NotificationEvent.WINDOW_OPEN_FAILED, window, body, severity=severity)
