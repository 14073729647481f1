"""Records requests for recovery windows on a server, and the decisions about them, and notifies people.

A request is checked completely before anyone is asked to approve. A decision's intent is in the ledger before the
window's row changes, and the row decides: no approval counts that isn't in the ledger. If a process dies in between,
the next settlement reads in the row whether the decision took effect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rootkeeper.clock import Clock
from rootkeeper.errors import DatabaseError, InputError, LedgerUnavailableError
from rootkeeper.ledger.rules import Action, Actor, Result
from rootkeeper.ledger.store import Ledger
from rootkeeper.notifications.rules import NotificationEvent
from rootkeeper.organization.accounts import Account, AccountId, AccountState, Inventory
from rootkeeper.values import JsonValue, render_duration, render_time
from rootkeeper.windows import approvals
from rootkeeper.windows.approvals import ANY_TERMS, REVIEW_WITHIN, ApprovalTerms, WindowPolicy, require_known
from rootkeeper.windows.checks import RecoveryPlan, RecoveryPlanner, RecoveryRequest, require_credentials_outlive
from rootkeeper.windows.notices import WindowNotices, describe_request
from rootkeeper.windows.opening import make_request_parameters
from rootkeeper.windows.rules import ApprovalPurpose, RecoveryWindow, WindowState
from rootkeeper.windows.store import RecoveryWindowStore


@dataclass(frozen=True, slots=True)
class WindowRequestService:
    """Records the requests of one person."""

    planning: RecoveryPlanner
    windows: RecoveryWindowStore
    ledger: Ledger
    policy: WindowPolicy
    notices: WindowNotices
    clock: Clock
    actor: Actor
    new_window_id: Callable[[], str]

    def plan(self, inventory: Inventory, request: RecoveryRequest, *, is_emergency: bool = False) -> RecoveryPlan:
        """Check the request; this is also the dry run. Opens one audit session, after all other checks.

        :raises InputError: if the actor isn't authenticated, or the duration is longer than the policy allows.
        :raises PermissionDeniedError: if the policy doesn't allow the actor to request for that account.
        :raises RootkeeperError: as ``RecoveryPlanner.plan`` does.
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
        """Record a window as REQUESTED; as APPROVED if it needs no approval or is an emergency.

        The ledger records the request first.

        :raises RootkeeperError: as ``plan`` does.
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
        said = f"{describe_request(window)} Duration: {length}."
        if window.is_emergency:
            self.notices.announce(
                NotificationEvent.WINDOW_EMERGENCY,
                window,
                f"{said} No one approved it. A second person must review it within 24 hours.",
            )
            return
        is_waiting = window.state is WindowState.REQUESTED
        approvals_needed = "1 approval" if window.approvals_needed == 1 else f"{window.approvals_needed} approvals"
        needed = f"It needs {approvals_needed}." if is_waiting else "It needs no approval."
        self.notices.announce(NotificationEvent.WINDOW_REQUESTED, window, f"{said} {needed}")


Step = Callable[[RecoveryWindow], RecoveryWindow]


@dataclass(frozen=True, slots=True)
class DecisionRecorder:
    """Records decisions in the ledger and then in the window's row."""

    windows: RecoveryWindowStore
    ledger: Ledger

    def record(
        self, action: Action, window: RecoveryWindow, step: Step, now: datetime, parameters: Mapping[str, JsonValue]
    ) -> RecoveryWindow:
        """Apply ``step`` to the window; a step that is refused at once isn't recorded.

        :raises InputError: as ``step`` does; the window is unchanged.
        :raises LedgerUnavailableError: if the decision can't be recorded; it doesn't count.
        :raises DatabaseError: if the row can't be written; the decision doesn't count.
        """
        step(window)
        context = {"window_id": window.window_id, "decided_at": render_time(now), **parameters}
        intent = self.ledger.append_intent(action, account_id=window.account_id, parameters=context)
        try:
            decided = self.windows.update(window.window_id, step)
        except InputError as error:
            self.ledger.append_outcome(intent, Result.FAILED, {"error": error.code, "message": error.message})
            raise
        except DatabaseError as error:
            self.ledger.append_outcome(intent, Result.UNKNOWN, {"error": error.code, "message": error.message})
            raise
        try:
            self.ledger.append_outcome(intent, Result.DONE, {"state": decided.state.value})
        except LedgerUnavailableError:
            return decided  # it counts, and its intent is on disk; the next settlement records its outcome
        return decided


@dataclass(frozen=True, slots=True)
class WindowDecisionService:
    """The decisions of one person."""

    windows: RecoveryWindowStore
    ledger: Ledger
    policy: WindowPolicy
    notices: WindowNotices
    clock: Clock
    actor: Actor
    find_account: Callable[[AccountId], Account | None]
    """As it was last listed; ``None`` if it isn't known."""
    find_credentials_expiry: Callable[[], datetime | None]
    """When the credentials expire that will close the window."""

    def approve(self, window_id: str, terms: ApprovalTerms = ANY_TERMS) -> RecoveryWindow:
        """Approve the window.

        :param terms: what the person expects to approve; anything else is refused.
        :raises InputError: if the actor isn't authenticated, or there is no such window.
        :raises PermissionDeniedError: if the policy doesn't allow the actor to approve for that account.
        :raises ApprovalRefusedError: if it is by the requester, a second one, too late, or for something else.
        :raises WindowConflictError: if the window doesn't wait for approval.
        :raises LedgerUnavailableError: if it can't be recorded; it doesn't count.
        """
        window, now = self._find(window_id), self.clock.now()
        self._require_approver(window)
        approval = approvals.make_approval(window, ApprovalPurpose.OPENING, self.actor, now, self.policy.approval_valid)
        decided = self._record(
            Action.WINDOW_APPROVE,
            window,
            lambda found: approvals.approve(found, approval, now, terms),
            now,
            {"task": approval.task, "duration_seconds": approval.duration_seconds},
        )
        self._notify_approved(decided)
        return decided

    def deny(self, window_id: str, reason: str) -> RecoveryWindow:
        """Deny the window; this also takes back an unused approval.

        :raises InputError: without a reason, if the actor isn't authenticated, or if there is no such window.
        :raises PermissionDeniedError: if the policy doesn't allow the actor to decide for that account.
        :raises WindowConflictError: if the window no longer waits.
        """
        window, now = self._find(window_id), self.clock.now()
        self._require_approver(window)
        decided = self._record(
            Action.WINDOW_DENY,
            window,
            lambda found: approvals.deny(found, self.actor.name, now, reason),
            now,
            {"reason": reason.strip()},
        )
        self._notify(NotificationEvent.WINDOW_DENIED, decided, decided.failure or "")
        return decided

    def cancel(self, window_id: str, reason: str = "") -> RecoveryWindow:
        """Cancel the request before anything was opened.

        :raises InputError: if the actor isn't authenticated, or there is no such window.
        :raises WindowConflictError: if the window no longer waits.
        """
        window, now = self._find(window_id), self.clock.now()
        decided = self._record(
            Action.WINDOW_CANCEL,
            window,
            lambda found: approvals.cancel(found, self.actor.name, now, reason),
            now,
            {"reason": reason.strip()},
        )
        self._notify(NotificationEvent.WINDOW_CANCELLED, decided, decided.failure or "")
        return decided

    def extend(self, window_id: str, seconds: int) -> RecoveryWindow:
        """Approve an extension; the window is extended when enough people have approved the same length.

        :raises InputError: if the actor isn't authenticated, there is no such window, or it would last too long.
        :raises PermissionDeniedError: if the policy doesn't allow the actor to approve for that account.
        :raises ApprovalRefusedError: if it is by the requester, or a second one for the same length.
        :raises WindowConflictError: if the window can't be extended any more.
        :raises AwsCredentialsError: if the credentials that will close it expire before.
        """
        window, now = self._find(window_id), self.clock.now()
        if window.approvals_needed:
            self._require_approver(window)
        approvals.require_extendable(window, seconds, now, self.policy.longest)
        end = (window.expires_at or now) + timedelta(seconds=seconds)
        require_credentials_outlive(self.find_credentials_expiry(), end)
        approval = approvals.make_approval(
            window, ApprovalPurpose.EXTENDING, self.actor, now, self.policy.approval_valid, seconds
        )
        decided = self._record(
            Action.WINDOW_EXTEND,
            window,
            lambda found: approvals.extend(found, approval, now, self.policy.longest),
            now,
            {"seconds": seconds},
        )
        self._notify_extended(window, decided, seconds)
        return decided

    def review(self, window_id: str) -> RecoveryWindow:
        """Review a window that was opened in an emergency.

        :raises InputError: if the actor isn't authenticated, or there is no such window.
        :raises PermissionDeniedError: if the policy doesn't allow the actor to decide for that account.
        :raises ApprovalRefusedError: if the actor requested or activated it.
        :raises WindowConflictError: if it needs no review.
        """
        window, now = self._find(window_id), self.clock.now()
        self._require_approver(window)
        return self._record(
            Action.WINDOW_REVIEW, window, lambda found: approvals.review(found, self.actor.name), now, {}
        )

    def _find(self, window_id: str) -> RecoveryWindow:
        approvals.require_known(self.actor)
        return self.windows.get(window_id)

    def _require_approver(self, window: RecoveryWindow) -> None:
        """An account with an unknown place is below no unit."""
        account = self.find_account(window.account_id)
        self.policy.require_approver(self.actor.name, account or make_unplaced(window.account_id))

    def _record(
        self, action: Action, window: RecoveryWindow, step: Step, now: datetime, parameters: Mapping[str, JsonValue]
    ) -> RecoveryWindow:
        return DecisionRecorder(self.windows, self.ledger).record(action, window, step, now, parameters)

    def _notify_approved(self, window: RecoveryWindow) -> None:
        given = ", ".join(window.approved_by)
        if window.state is WindowState.APPROVED:
            until = f" until {window.lapses_at:%Y-%m-%d %H:%M:%S UTC}" if window.lapses_at else ""
            what = f"It can be activated{until}."
        else:
            what = f"It has {len(window.approved_by)} of {window.approvals_needed} approvals."
        body = f"{describe_request(window)} Approved by {given}. {what}"
        self._notify(NotificationEvent.WINDOW_APPROVED, window, body)

    def _notify_extended(self, before: RecoveryWindow, window: RecoveryWindow, seconds: int) -> None:
        length = render_duration(timedelta(seconds=seconds))
        if window.duration_seconds == before.duration_seconds:
            body = f"{self.actor.name} approved an extension by {length}. More approvals are needed."
        else:
            end = f"{window.expires_at:%Y-%m-%d %H:%M:%S UTC}" if window.expires_at else "its end"
            body = f"Extended by {length} by {self.actor.name}. It closes at {end}."
        self._notify(NotificationEvent.WINDOW_EXTENDED, window, body)

    def _notify(self, event: NotificationEvent, window: RecoveryWindow, body: str) -> None:
        self.notices.announce(event, window, body)


def make_unplaced(account_id: AccountId) -> Account:
    """Make an account of which only the id is known."""
    return Account(account_id, account_id, "", AccountState.UNKNOWN, (), "")
