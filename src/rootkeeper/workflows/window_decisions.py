"""What people decide about a recovery window: approve, deny, cancel, extend, review.

A decision's intent is on disk before the window's row takes it, and the row is what counts: so no approval can count
that the ledger doesn't have. The other way round, a process that dies between the two leaves an intent without an
outcome, and the next settlement finds in the row whether it took effect. What the row refuses, such as a second
approval by the same person at the same moment, ends the intent as failed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rootkeeper.domain import approvals
from rootkeeper.domain.approvals import ANY_TERMS, ApprovalTerms
from rootkeeper.domain.durations import render_duration
from rootkeeper.domain.ledger import Action, Actor, JsonValue, Result, render_time
from rootkeeper.domain.notifications import NotificationEvent
from rootkeeper.domain.organizations import Account, AccountId, AccountState
from rootkeeper.domain.window_policy import WindowPolicy
from rootkeeper.domain.windows import ApprovalPurpose, RecoveryWindow, WindowState
from rootkeeper.errors import DatabaseError, InputError, LedgerUnavailableError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.windows import RecoveryWindows
from rootkeeper.workflows.recovery_checks import require_credentials_outlive
from rootkeeper.workflows.window_notices import WindowNotices, describe_request

Step = Callable[[RecoveryWindow], RecoveryWindow]


@dataclass(frozen=True, slots=True)
class DecisionRecorder:
    """Writes decisions into ledger and row, in the order that counts."""

    windows: RecoveryWindows
    ledger: Ledger

    def record(
        self, action: Action, window: RecoveryWindow, step: Step, now: datetime, parameters: Mapping[str, JsonValue]
    ) -> RecoveryWindow:
        """The window after ``step``; where the step is refused from the start, nothing is recorded.

        :raises InputError: whatever ``step`` raises; the window is as it was.
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
            return decided  # it counts, and its intent is on disk; the next settlement gives it its outcome
        return decided


@dataclass(frozen=True, slots=True)
class WindowDecisionService:
    """The decisions of one person."""

    windows: RecoveryWindows
    ledger: Ledger
    policy: WindowPolicy
    notices: WindowNotices
    clock: Clock
    actor: Actor
    find_account: Callable[[AccountId], Account | None]
    """As it was listed last; ``None`` where it isn't known."""
    find_credentials_expiry: Callable[[], datetime | None]
    """When the credentials end that are to close the window."""

    def approve(self, window_id: str, terms: ApprovalTerms = ANY_TERMS) -> RecoveryWindow:
        """One approval.

        :param terms: what the person believes to approve; anything else is refused.
        :raises InputError: if the actor isn't known to a server, or there is no such window.
        :raises PermissionDeniedError: if the policy doesn't let the actor approve for that account.
        :raises ApprovalRefusedError: by the requester, a second time, too late, or for something else.
        :raises WindowConflictError: if the window waits for no approval.
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
        """Refuse it, or take back what was approved and isn't used yet.

        :raises InputError: without a reason, or if the actor isn't known to a server, or there is no such window.
        :raises PermissionDeniedError: if the policy doesn't let the actor decide for that account.
        :raises WindowConflictError: if it isn't waiting any more.
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
        """Take the request back, before anything was opened.

        :raises InputError: if the actor isn't known to a server, or there is no such window.
        :raises WindowConflictError: if it isn't waiting any more.
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
        """Consent to prolonging it; it is prolonged once as many people as it needs consent to the same length.

        :raises InputError: if the actor isn't known to a server, there is no such window, or it would last too long.
        :raises PermissionDeniedError: if the policy doesn't let the actor approve for that account.
        :raises ApprovalRefusedError: by the requester, or a second time for the same length.
        :raises WindowConflictError: if it can't be prolonged any more.
        :raises AwsCredentialsError: if the credentials that are to close it end before.
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
        """Look afterwards at what was opened in an emergency.

        :raises InputError: if the actor isn't known to a server, or there is no such window.
        :raises PermissionDeniedError: if the policy doesn't let the actor decide for that account.
        :raises ApprovalRefusedError: by whoever requested or activated it.
        :raises WindowConflictError: if it owes no review.
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
        """An account whose place isn't known is below no unit."""
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
            what = f"It can be activated{until}: rootkeeper windows activate {window.window_id}"
        else:
            what = f"It has {len(window.approved_by)} of {window.approvals_needed} approvals."
        body = f"{describe_request(window)} Approved by {given}. {what}"
        self._notify(NotificationEvent.WINDOW_APPROVED, window, body)

    def _notify_extended(self, before: RecoveryWindow, window: RecoveryWindow, seconds: int) -> None:
        length = render_duration(timedelta(seconds=seconds))
        if window.duration_seconds == before.duration_seconds:
            body = f"{self.actor.name} consents to prolonging it by {length}; more people must."
        else:
            end = f"{window.expires_at:%Y-%m-%d %H:%M:%S UTC}" if window.expires_at else "its end"
            body = f"Prolonged by {length} by {self.actor.name}; it closes itself at {end}."
        self._notify(NotificationEvent.WINDOW_EXTENDED, window, body)

    def _notify(self, event: NotificationEvent, window: RecoveryWindow, body: str) -> None:
        self.notices.announce(event, window, body)


def make_unplaced(account_id: AccountId) -> Account:
    """An account of which only its id is known."""
    return Account(account_id, account_id, "", AccountState.UNKNOWN, (), "")
