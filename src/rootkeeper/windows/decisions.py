"""Records requests for recovery windows on a server, and the decisions about them, and notifies people.

Notifications leave the organization and never contain credentials.
A request is checked completely before anyone is asked to approve. A decision's intent is in the ledger before the
window's row changes, and the row decides: no approval counts that isn't in the ledger. If a process dies in between,
the next settlement reads in the row whether the decision took effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from rootkeeper.acting import Acting
from rootkeeper.approvals.rules import People, PeopleReader
from rootkeeper.aws.credentials import require_still_valid
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.clock import Clock
from rootkeeper.errors import LedgerUnavailableError, LockLostError
from rootkeeper.inventory.store import InventoryStore
from rootkeeper.ledger.rules import Action, Intent, Result
from rootkeeper.notifications.rules import USUAL_SEVERITIES, Notification, NotificationEvent, Severity
from rootkeeper.notifications.service import Notifier
from rootkeeper.organization.accounts import Account, AccountId, AccountState, Inventory
from rootkeeper.values import JsonValue, render_duration, render_time
from rootkeeper.windows import approvals
from rootkeeper.windows.approvals import ANY_TERMS, ApprovalTerms, WindowPolicy, require_known
from rootkeeper.windows.changes import WindowStep
from rootkeeper.windows.checks import (
    RecoveryPlan,
    RecoveryPlanner,
    RecoveryRequest,
    make_window,
    make_window_id,
    record_request,
)
from rootkeeper.windows.credentials import OF_SERVER, require_credentials_outlive
from rootkeeper.windows.entries import require_recorded
from rootkeeper.windows.rules import ApprovalPurpose, RecoveryWindow, WindowState
from rootkeeper.windows.store import RecoveryWindowStore

_TITLES = {
    NotificationEvent.WINDOW_APPROVED: "Recovery window of {} approved",
    NotificationEvent.WINDOW_CANCELLED: "Recovery window of {} cancelled",
    NotificationEvent.WINDOW_CLOSED: "Recovery window of {} closed and re-read",
    NotificationEvent.WINDOW_CLOSE_FAILED: "Recovery window of {} is NOT closed",
    NotificationEvent.WINDOW_CONTRADICTED: "Recovery window of {} contradicts the ledger",
    NotificationEvent.WINDOW_DENIED: "Recovery window of {} denied",
    NotificationEvent.WINDOW_EMERGENCY: "EMERGENCY recovery of {} without approval",
    NotificationEvent.WINDOW_EXTENDED: "Recovery window of {} extended",
    NotificationEvent.WINDOW_LAPSED: "Recovery window of {} lapsed",
    NotificationEvent.WINDOW_OPENED: "Recovery window of {} opened",
    NotificationEvent.WINDOW_OPEN_FAILED: "Recovery window of {} wasn't opened",
    NotificationEvent.WINDOW_REOPENED: "Root user credentials found in {} after its window was closed",
    NotificationEvent.WINDOW_REQUESTED: "Recovery of {} requested",
    NotificationEvent.WINDOW_REVIEW_OVERDUE: "Emergency recovery of {} not reviewed",
}


@dataclass(frozen=True, slots=True)
class WindowNotices:
    """Notifies people about the windows of an organization."""

    notifier: Notifier
    clock: Clock
    endpoint: str
    """The endpoint's label in every notification."""

    def announce(
        self,
        event: NotificationEvent,
        window: RecoveryWindow,
        body: str,
        *,
        severity: Severity | None = None,
        key: str = "",
    ) -> None:
        """Queue a notification; never raises.

        :param severity: by default the event's usual severity.
        :param key: a second notification with the same window, event and key is dropped.
        """
        kind = "Drill: " if window.is_drill else ""
        notification = Notification(
            event=event,
            severity=severity or USUAL_SEVERITIES[event],
            title=kind + _TITLES[event].format(window.account_id),
            body=body,
            at=self.clock.now(),
            organization_id=window.organization_id,
            endpoint=self.endpoint,
            account_id=window.account_id,
            window_id=window.window_id,
            deduplication_key=f"{event.value} {window.window_id} {key}" if key else "",
        )
        self.notifier.notify(notification)


def describe_request(window: RecoveryWindow) -> str:
    return f"Requested by {window.requested_by}: {window.full_reason}."


def notify_imported(notices: WindowNotices, windows: Iterable[RecoveryWindow]) -> None:
    """Notify about imported emergencies, which were recorded in a file while the database couldn't be reached."""
    for window in windows:
        if window.is_emergency:
            notices.announce(
                NotificationEvent.WINDOW_EMERGENCY,
                window,
                f"{describe_request(window)} No one approved it. The database couldn't be reached, so the window was "
                f"recorded in a file; it is now imported as {window.state.value}. A second person must review it.",
                key="imported",
            )


@dataclass(frozen=True, slots=True)
class WindowRequestService:
    """Records the requests of a person."""

    acting: Acting

    planning: RecoveryPlanner
    policy: WindowPolicy
    notices: WindowNotices
    new_window_id: Callable[[], str] = make_window_id

    def plan(self, inventory: Inventory, request: RecoveryRequest, *, is_emergency: bool = False) -> RecoveryPlan:
        """Check the request; this is also the dry run. Opens an audit session, after all other checks.

        :raises InputError: if the actor isn't authenticated, or the duration is longer than the policy allows.
        :raises PermissionDeniedError: if the policy doesn't allow the actor to request for that account.
        :raises RootkeeperError: as ``RecoveryPlanner.plan`` does.
        """
        require_known(self.acting.actor)
        self.policy.require_requester(self.acting.actor.name, request.account)
        if is_emergency:
            self.policy.require_emergencies_allowed()
        self.policy.require_duration(request.duration_seconds)
        planning = replace(self.planning, approvals_needed=0) if is_emergency else self.planning
        return planning.plan(inventory, request)

    def request(
        self, inventory: Inventory, request: RecoveryRequest, *, is_drill: bool = False, is_emergency: bool = False
    ) -> RecoveryWindow:
        """Record a window as REQUESTED; as APPROVED if it needs no approval or is an emergency.

        The ledger records the request first.

        :raises RootkeeperError: as ``plan`` does.
        :raises WindowConflictError: if the account got a window since.
        :raises LedgerUnavailableError: if the ledger can't be written; nothing was requested.
        """
        plan = self.plan(inventory, request, is_emergency=is_emergency)
        now = self.acting.clock.now()
        made = make_window(
            plan, self.new_window_id(), self.acting.actor.name, now, is_drill=is_drill, is_emergency=is_emergency
        )
        is_owed = self.policy.approvals > 0 and not is_emergency
        window = replace(
            made,
            state=WindowState.REQUESTED if is_owed else WindowState.APPROVED,
            requested_by_kind=self.acting.actor.kind,
            approvals_needed=self.policy.approvals,
            lapses_at=now + self.policy.approval_valid,
        )
        record_request(self.acting.ledger, self.acting.get_store(RecoveryWindowStore), window, plan)
        length = render_duration(timedelta(seconds=window.duration_seconds))
        governs = " It governs the root login that the account has already." if request.governs_login else ""
        keeps = " It sets up the root login of a failsafe. If the login is complete, a person can keep it."
        kind = keeps if request.keeps_login else governs
        said = f"{describe_request(window)} Duration: {length}.{kind}"
        if window.is_emergency:
            self.notices.announce(
                NotificationEvent.WINDOW_EMERGENCY,
                window,
                f"{said} No one approved it. A second person must review it within 24 hours.",
            )
            return window
        is_waiting = window.state is WindowState.REQUESTED
        approvals_needed = "1 approval" if window.approvals_needed == 1 else f"{window.approvals_needed} approvals"
        needed = f"It needs {approvals_needed}." if is_waiting else "It needs no approval."
        self.notices.announce(NotificationEvent.WINDOW_REQUESTED, window, f"{said} {needed}")
        return window


Step = Callable[[RecoveryWindow], RecoveryWindow]


def record_decision(
    windows: RecoveryWindowStore,
    runner: ChangeRunner,
    action: Action,
    window: RecoveryWindow,
    step: Step,
    now: datetime,
    parameters: Mapping[str, JsonValue],
) -> RecoveryWindow:
    """Record a decision in the ledger and then in the window's row; a step that is refused at once isn't recorded.

    There is no re-read: the transaction that writes the row proves it.

    :raises InputError: as ``step`` does; the window is unchanged.
    :raises LedgerUnavailableError: if the decision can't be recorded; it doesn't count.
    :raises LockLostError: if the intent expired before the row was written; it doesn't count.
    :raises DatabaseError: if the row can't be written; the decision doesn't count.
    """
    step(window)

    def step_in_time(intent: Intent) -> RecoveryWindow:
        def take(found: RecoveryWindow) -> RecoveryWindow:
            require_still_valid(intent, runner.clock)  # afterwards a settlement may have ended the intent
            return step(found)

        return windows.update(window.window_id, take)

    change = WindowStep(
        action,
        window.account_id,
        windows,
        window.window_id,
        {"decided_at": render_time(now), **parameters},
        step=step_in_time,
    )
    sent = runner.send(change)
    decided: RecoveryWindow = sent.answer.value
    details: dict[str, JsonValue] = {"state": decided.state.value}
    if decided.expires_at is not None:
        details["expires_at"] = render_time(decided.expires_at)
    with suppress(LedgerUnavailableError, LockLostError):  # it counts: a settlement ends, or has ended, its intent
        runner.ledger.append_outcome(sent.intent, Result.DONE, details)
    return decided


def find_last_listed(inventories: InventoryStore, account_id: AccountId) -> Account:
    """Find the account as it was last listed. An account with an unknown place is below no unit."""
    unknown = Account(account_id, account_id, "", AccountState.UNKNOWN, (), "")
    known = inventories.find_last()
    accounts = () if known is None else known.accounts
    return next((account for account in accounts if account.account_id == account_id), unknown)


@dataclass(frozen=True, slots=True)
class WindowDecisionService:
    """The decisions of a person.

    :raises InputError: if the actor isn't authenticated, or there is no such window.
    :raises PermissionDeniedError: if the policy doesn't allow the actor to decide for that account.
    :raises LedgerUnavailableError: if a decision can't be recorded; it doesn't count.
    """

    acting: Acting

    policy: WindowPolicy
    notices: WindowNotices
    people: PeopleReader

    def approve(self, window_id: str, terms: ApprovalTerms = ANY_TERMS) -> RecoveryWindow:
        """Approve the window.

        :param terms: the terms that the person expects to approve; other terms are refused.
        :raises ApprovalRefusedError: if the approver is the requester or has approved already, or if the approval is
            too late or for something else.
        :raises WindowConflictError: if the window doesn't wait for approval.
        """
        window, now = self._find(window_id), self.acting.clock.now()
        self._require_approver(window)
        self._require_recorded(window)
        approval = approvals.make_approval(
            window, ApprovalPurpose.OPENING, self.acting.actor, now, self.policy.approval_valid
        )
        decided = self._decide(
            Action.WINDOW_APPROVE,
            window,
            lambda found: approvals.approve(found, approval, now, self._read_people(found, now), terms),
            now,
            task=approval.task,
            duration_seconds=approval.duration_seconds,
            approval_expires_at=render_time(approval.expires_at),
        )
        if decided.state is WindowState.APPROVED:
            until = f" until {decided.lapses_at:%Y-%m-%d %H:%M:%S UTC}" if decided.lapses_at else ""
            what = f"It can be activated{until}."
        else:
            what = f"It has {len(decided.approved_by)} of {decided.approvals_needed} approvals."
        body = f"{describe_request(decided)} Approved by {', '.join(decided.approved_by)}. {what}"
        self.notices.announce(NotificationEvent.WINDOW_APPROVED, decided, body)
        return decided

    def deny(self, window_id: str, reason: str) -> RecoveryWindow:
        """Deny the window; this also takes back an unused approval.

        :raises InputError: without a reason.
        :raises WindowConflictError: if the window no longer waits.
        """
        window, now = self._find(window_id), self.acting.clock.now()
        self._require_approver(window)
        step = partial(approvals.deny, name=self.acting.actor.name, now=now, reason=reason)
        decided = self._decide(Action.WINDOW_DENY, window, step, now, reason=reason.strip())
        self.notices.announce(NotificationEvent.WINDOW_DENIED, decided, decided.failure or "")
        return decided

    def cancel(self, window_id: str, reason: str = "") -> RecoveryWindow:
        """Cancel the request before anything was opened.

        :raises WindowConflictError: if the window no longer waits.
        """
        window, now = self._find(window_id), self.acting.clock.now()
        step = partial(approvals.cancel, name=self.acting.actor.name, now=now, reason=reason)
        decided = self._decide(Action.WINDOW_CANCEL, window, step, now, reason=reason.strip())
        self.notices.announce(NotificationEvent.WINDOW_CANCELLED, decided, decided.failure or "")
        return decided

    def extend(self, window_id: str, seconds: int) -> RecoveryWindow:
        """Approve an extension; the window is extended when enough people have approved the same length.

        :raises InputError: if it would last too long.
        :raises ApprovalRefusedError: if the approver is the requester, or has approved the same length already.
        :raises WindowConflictError: if the window can't be extended any more.
        :raises AwsCredentialsError: if the credentials that will close it end before, or may.
        """
        window, now = self._find(window_id), self.acting.clock.now()
        if window.approvals_needed:
            self._require_approver(window)
        self._require_recorded(window)
        approvals.require_extendable(window, seconds, now, self.policy.longest)
        end = (window.expires_at or now) + timedelta(seconds=seconds)
        require_credentials_outlive(self.acting.aws.find_credentials_lifetime(), end, now, OF_SERVER)
        approval = approvals.make_approval(
            window, ApprovalPurpose.EXTENDING, self.acting.actor, now, self.policy.approval_valid, seconds
        )

        def step(found: RecoveryWindow) -> RecoveryWindow:
            return approvals.extend(found, approval, now, self.policy.longest, self._read_people(found, now))

        decided = self._decide(
            Action.WINDOW_EXTEND,
            window,
            step,
            now,
            seconds=seconds,
            approval_expires_at=render_time(approval.expires_at),
        )
        length = render_duration(timedelta(seconds=seconds))
        if decided.duration_seconds == window.duration_seconds:
            body = f"{self.acting.actor.name} approved an extension by {length}. More approvals are needed."
        else:
            until = f"{decided.expires_at:%Y-%m-%d %H:%M:%S UTC}" if decided.expires_at else "its end"
            body = f"Extended by {length} by {self.acting.actor.name}. It closes at {until}."
        self.notices.announce(NotificationEvent.WINDOW_EXTENDED, decided, body)
        return decided

    def review(self, window_id: str) -> RecoveryWindow:
        """Review a window that was opened in an emergency.

        :raises ApprovalRefusedError: if the actor requested or activated it.
        :raises WindowConflictError: if it needs no review.
        """
        window, now = self._find(window_id), self.acting.clock.now()
        self._require_approver(window)
        return self._decide(Action.WINDOW_REVIEW, window, partial(approvals.review, name=self.acting.actor.name), now)

    def _find(self, window_id: str) -> RecoveryWindow:
        approvals.require_known(self.acting.actor)
        return self.acting.get_store(RecoveryWindowStore).get(window_id)

    def _require_approver(self, window: RecoveryWindow) -> None:
        self.policy.require_approver(self.acting.actor.name, self._find_account(window))

    def _require_recorded(self, window: RecoveryWindow) -> None:
        """:raises WindowConflictError: if the window's row contradicts the ledger."""
        require_recorded(window, self.acting.ledger_reader.list_entries(account_id=window.account_id))

    def _read_people(self, window: RecoveryWindow, now: datetime) -> People:
        return self.people.read(self._find_account(window), now)

    def _find_account(self, window: RecoveryWindow) -> Account:
        return find_last_listed(self.acting.get_store(InventoryStore), window.account_id)

    def _decide(
        self, action: Action, window: RecoveryWindow, step: Step, now: datetime, **parameters: JsonValue
    ) -> RecoveryWindow:
        windows = self.acting.get_store(RecoveryWindowStore)
        runner = ChangeRunner(self.acting.ledger, self.acting.clock)
        return record_decision(windows, runner, action, window, step, now, parameters)
