"""Taking in the request for a recovery window, on a server, where people are known and others approve.

Everything that can be checked is checked before anybody is asked to approve; only an audit session is opened for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from rootkeeper.domain.approvals import REVIEW_WITHIN, require_known
from rootkeeper.domain.durations import render_duration
from rootkeeper.domain.ledger import Action, Actor
from rootkeeper.domain.notifications import NotificationEvent
from rootkeeper.domain.organizations import Inventory
from rootkeeper.domain.window_policy import WindowPolicy
from rootkeeper.domain.windows import RecoveryWindow, WindowState
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.windows import RecoveryWindows
from rootkeeper.workflows.recovery import make_request_parameters
from rootkeeper.workflows.recovery_checks import RecoveryPlan, RecoveryPlanner, RecoveryRequest
from rootkeeper.workflows.window_notices import WindowNotices, describe_request


@dataclass(frozen=True, slots=True)
class WindowRequestService:
    """Records what one person asks for."""

    planning: RecoveryPlanner
    windows: RecoveryWindows
    ledger: Ledger
    policy: WindowPolicy
    notices: WindowNotices
    clock: Clock
    actor: Actor
    new_window_id: Callable[[], str]

    def plan(self, inventory: Inventory, request: RecoveryRequest, *, is_emergency: bool = False) -> RecoveryPlan:
        """Check the request; this is also the dry run. Opens one audit session, after all other checks.

        :raises InputError: if the actor isn't known to a server, or the duration is longer than the policy allows.
        :raises PermissionDeniedError: if the policy doesn't let the actor ask for that account.
        :raises RootkeeperError: and all that ``RecoveryPlanner.plan`` raises.
        """
        require_known(self.actor)
        self.policy.require_requester(self.actor.name, request.account)
        if is_emergency:
            self.policy.require_emergencies_allowed()
        self.policy.require_duration(request.duration_seconds)
        planning = replace(self.planning, approvals_needed=0) if is_emergency else self.planning
        return planning.plan(inventory, request)

    def request(
        self,
        inventory: Inventory,
        request: RecoveryRequest,
        *,
        is_drill: bool = False,
        is_emergency: bool = False,
    ) -> RecoveryWindow:
        """The window, REQUESTED; or APPROVED where no approval is owed, or it is an emergency.

        The ledger has the request before the window is there.

        :raises RootkeeperError: all that ``plan`` raises.
        :raises WindowConflictError: if the account got a window since.
        :raises LedgerUnavailableError: if the ledger can't be written; nothing was requested.
        """
        plan = self.plan(inventory, request, is_emergency=is_emergency)
        window = self._make(plan, is_drill=is_drill, is_emergency=is_emergency)
        self.ledger.append_fact(
            Action.WINDOW_REQUEST, account_id=window.account_id, parameters=make_request_parameters(window)
        )
        self.windows.add(window)
        self._notify(window)
        return window

    def _make(self, plan: RecoveryPlan, *, is_drill: bool, is_emergency: bool) -> RecoveryWindow:
        now = self.clock.now()
        is_owed = self.policy.approvals > 0 and not is_emergency
        return RecoveryWindow(
            window_id=self.new_window_id(),
            organization_id=plan.inventory.organization.organization_id,
            account_id=plan.request.account.account_id,
            state=WindowState.REQUESTED if is_owed else WindowState.APPROVED,
            reason=plan.request.reason,
            ticket=plan.request.ticket,
            requested_by=self.actor.name,
            requested_at=now,
            duration_seconds=plan.request.duration_seconds,
            requested_by_kind=self.actor.kind,
            approvals_needed=self.policy.approvals,
            lapses_at=now + self.policy.approval_valid,
            is_emergency=is_emergency,
            review_due_at=now + REVIEW_WITHIN if is_emergency else None,
            is_drill=is_drill,
        )

    def _notify(self, window: RecoveryWindow) -> None:
        length = render_duration(timedelta(seconds=window.duration_seconds))
        said = f"{describe_request(window)} For {length}."
        if window.is_emergency:
            self.notices.announce(
                NotificationEvent.WINDOW_EMERGENCY,
                window,
                f"{said} Nobody approved it. A second person reviews it within 24 hours: "
                f"rootkeeper windows review {window.window_id}",
            )
            return
        is_waiting = window.state is WindowState.REQUESTED
        ask = f"rootkeeper windows approve {window.window_id}" if is_waiting else "It needs no approval."
        needed = f" It needs {window.approvals_needed} approvals." if window.approvals_needed > 1 else ""
        self.notices.announce(NotificationEvent.WINDOW_REQUESTED, window, f"{said}{needed} {ask}")
