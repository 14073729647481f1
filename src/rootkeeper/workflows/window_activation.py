"""Activating a recovery window: a separate act, after the approvals and long after the request.

So everything is checked once more, since account, policies and set-up may have changed meanwhile; only then is the
window opened, and its approvals are used by that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rootkeeper.domain.approvals import ensure_activatable, ensure_known
from rootkeeper.domain.ledger import Actor
from rootkeeper.domain.notifications import NotificationEvent, Severity
from rootkeeper.domain.openings import OpeningOutcome
from rootkeeper.domain.organizations import Inventory
from rootkeeper.domain.selection import NamedAccount, find_account
from rootkeeper.domain.windows import RecoveryWindow
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.windows import RecoveryWindows
from rootkeeper.workflows.recovery import Opening, RecoveryOpening
from rootkeeper.workflows.recovery_checks import RecoveryPlan, RecoveryPlanning, RecoveryRequest
from rootkeeper.workflows.window_notices import WindowNotices, describe_request


@dataclass(frozen=True, slots=True)
class WindowActivating:
    """Opens what was approved, as one person."""

    planning: RecoveryPlanning
    opening: RecoveryOpening
    windows: RecoveryWindows
    read_inventory: Callable[[], Inventory]
    """The accounts as AWS lists them now."""
    notices: WindowNotices
    clock: Clock
    actor: Actor

    def activate(self, window_id_or_account_id: str) -> Opening:
        """Check again and open.

        AWS calls: those of the inventory, of the preflight and of the opening; see ``RecoveryOpening``.

        :raises InputError: if the actor isn't known to a server, or there is no such window.
        :raises WindowConflictError: if it isn't APPROVED.
        :raises ApprovalRefusedError: if it has lapsed, or its approvals don't count any more.
        :raises RootkeeperError: and all that planning and opening raise.
        """
        ensure_known(self.actor)
        window = self.windows.get(window_id_or_account_id)
        ensure_activatable(window, self.clock.now())
        opening = self.opening.open_approved(self._plan(window), window.window_id)
        self._tell(opening)
        return opening

    def _plan(self, window: RecoveryWindow) -> RecoveryPlan:
        inventory = self.read_inventory()
        account = find_account(NamedAccount(window.account_id), inventory.accounts)
        request = RecoveryRequest(account, window.reason, window.ticket, window.duration_seconds)
        return self.planning.plan(inventory, request, window_id=window.window_id)

    def _tell(self, opening: Opening) -> None:
        window = opening.window
        if opening.outcome is OpeningOutcome.OPEN:
            end = f"It closes itself at {window.expires_at:%Y-%m-%d %H:%M:%S UTC}." if window.expires_at else ""
            watched = "It is watched." if window.watched_by else "Nobody watches what the root user does."
            body = f"{describe_request(window)} Activated by {window.activated_by}. {end} {watched}"
            self.notices.tell(NotificationEvent.WINDOW_OPENED, window, body)
            return
        severity = Severity.WARNING if opening.outcome is OpeningOutcome.CANCELLED else Severity.CRITICAL
        hint = opening.error.hint if opening.error and opening.error.hint else ""
        body = f"{opening.explanation} {hint}".strip()
        self.notices.tell(NotificationEvent.WINDOW_OPEN_FAILED, window, body, severity=severity)
