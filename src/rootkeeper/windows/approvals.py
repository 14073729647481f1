"""Decisions about a recovery window: approve, deny, cancel, activate, extend, review.

Each decision is a pure step from a window to the next, taken in the transaction that reads the window, so that
concurrent decisions see each other. A decision that the window's state doesn't allow is a ``WindowConflictError``, a
decision for which a request or an approval doesn't count an ``ApprovalRefusedError``.

An approval is bound to its account, task and duration. A request by a person who was disabled or has lost the role
since doesn't count. The role of the person who decides is checked before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rootkeeper.access.rules import Permission
from rootkeeper.approvals.rules import (
    COUNTING_KINDS,
    ApprovalPolicy,
    ApprovalSubject,
    GivenApproval,
    People,
    list_counting,
    make_subject,
)
from rootkeeper.errors import (
    ApprovalRefusedError,
    Hint,
    InputError,
    PermissionDeniedError,
    WindowConflictError,
    make_setting_hint,
)
from rootkeeper.ledger.rules import Action, Actor
from rootkeeper.organization.accounts import AccountId
from rootkeeper.shapes import Count
from rootkeeper.values import JsonValue, render_duration, render_time
from rootkeeper.windows.rules import (
    LONGEST_DURATION,
    WAITING_STATES,
    Approval,
    ApprovalPurpose,
    RecoveryWindow,
    WindowState,
    advance,
    require_duration,
)

REVIEW_WITHIN = timedelta(hours=24)
"""How soon a second person must review a window that was opened without approval."""


@dataclass(frozen=True, slots=True)
class ApprovalTerms:
    """The terms that the approver expects to approve; ``None``: not given."""

    account_id: AccountId | None = None
    duration_seconds: int | None = None


ANY_TERMS = ApprovalTerms()


@dataclass(frozen=True, slots=True)
class WindowPolicy(ApprovalPolicy):
    """The settings for recovery windows."""

    longest: timedelta = LONGEST_DURATION
    rereads: tuple[timedelta, ...] = ()
    """How long after the closing the account is read again, the shortest first."""
    emergency: bool = False

    def require_duration(self, seconds: int) -> int:
        """:raises InputError: if a window may not last as long."""
        require_duration(seconds)
        if timedelta(seconds=seconds) > self.longest:
            longest = render_duration(self.longest)
            raise InputError(
                f"A recovery window of {seconds} seconds is longer than the settings allow: {longest}.",
                hint=make_setting_hint(
                    f"Choose {longest} or less, or change the longest window in the settings.", "windows.longest"
                ),
            )
        return seconds

    def require_emergencies_allowed(self) -> None:
        """:raises PermissionDeniedError: if the settings don't allow windows without approval."""
        if not self.emergency:
            raise PermissionDeniedError(
                "The settings don't allow the emergency path.",
                hint=make_setting_hint(
                    "Request the window and have it approved, or let an operator of the server allow emergencies in "
                    "its settings.",
                    "windows.emergency",
                ),
            )


def sort_rereads(rereads: Iterable[timedelta]) -> tuple[timedelta, ...]:
    """Each once, the shortest first."""
    return tuple(sorted(set(rereads)))


def require_known(actor: Actor) -> None:
    """:raises InputError: if no server has authenticated the actor."""
    if actor.kind not in COUNTING_KINDS:
        raise InputError(
            f"{actor.name} isn't authenticated. Requesting, approving and activating windows needs a server.",
            hint=Hint("Sign in to a server.", "window.server"),
        )


def task_of(window: RecoveryWindow) -> str:
    """Return the approved task: an approval of a drill counts only for a drill."""
    return "drill" if window.is_drill else "recovery"


def make_approval(
    window: RecoveryWindow,
    purpose: ApprovalPurpose,
    actor: Actor,
    now: datetime,
    valid: timedelta,
    duration_seconds: int | None = None,
) -> Approval:
    """Make the actor's approval of the window, or of extending it by ``duration_seconds``."""
    return Approval(
        approver=actor.name,
        approver_kind=actor.kind,
        purpose=purpose,
        at=now,
        account_id=window.account_id,
        task=task_of(window),
        duration_seconds=window.duration_seconds if duration_seconds is None else duration_seconds,
        expires_at=now + valid,
    )


_APPROVAL_PERMISSIONS = {
    ApprovalPurpose.EXTENDING: Permission.WINDOWS_EXTEND,
    ApprovalPurpose.OPENING: Permission.WINDOWS_APPROVE,
}


def _make_subject(purpose: ApprovalPurpose, account_id: AccountId, task: str, seconds: int) -> ApprovalSubject:
    return make_subject(_APPROVAL_PERMISSIONS[purpose], account_id, task, seconds)


def _read_approval(approval: Approval) -> GivenApproval:
    subject = _make_subject(approval.purpose, approval.account_id, approval.task, approval.duration_seconds)
    return GivenApproval(approval.approver, approval.approver_kind, subject, approval.expires_at, approval.used_at)


def list_counting_of(
    window: RecoveryWindow, purpose: ApprovalPurpose, duration_seconds: int, now: datetime, people: People
) -> tuple[GivenApproval, ...]:
    """List the approvals that count for opening the window, or for extending it by ``duration_seconds``."""
    subject = _make_subject(purpose, window.account_id, task_of(window), duration_seconds)
    return list_counting(map(_read_approval, window.approvals), subject, window.requested_by, people, now)


def approve(
    window: RecoveryWindow, approval: Approval, now: datetime, people: People, terms: ApprovalTerms = ANY_TERMS
) -> RecoveryWindow:
    """Add an approval to the window; with enough of them it becomes APPROVED.

    :raises ApprovalRefusedError: if the approver is the requester or has approved already, if the approval is too late
        or for something else, or if the requester may not request any more.
    :raises WindowConflictError: if the window doesn't wait for approval.
    """
    _require_another_person(window, approval.approver, "approve")
    subject = _make_subject(ApprovalPurpose.OPENING, window.account_id, task_of(window), window.duration_seconds)
    if not _read_approval(approval).covers(subject):
        raise ApprovalRefusedError(f"The approval isn't for recovery window {window.window_id}.", hint=_show(window))
    if terms.account_id not in (None, window.account_id):
        raise ApprovalRefusedError(
            f"Recovery window {window.window_id} is for account {window.account_id}, not {terms.account_id}.",
            hint=_show(window),
        )
    if terms.duration_seconds not in (None, window.duration_seconds):
        length, meant = (_render(window.duration_seconds), _render(terms.duration_seconds or 0))
        raise ApprovalRefusedError(
            f"Recovery window {window.window_id} is for {length}, not {meant}.", hint=_show(window)
        )
    given = [earlier.approver.casefold() for earlier in window.approvals if earlier.purpose is ApprovalPurpose.OPENING]
    if approval.approver.casefold() in given:
        raise ApprovalRefusedError(
            f"{approval.approver} has already approved recovery window {window.window_id}.",
            hint="Each person's approval counts once.",
        )
    _require_in_time(window, now)
    if window.state is not WindowState.REQUESTED:
        raise WindowConflictError(
            f"Recovery window {window.window_id} is {window.state}: it doesn't wait for approval.", hint=_show(window)
        )
    _require_requester(window, people)
    approved = replace(window, approvals=(*window.approvals, approval))
    counting = list_counting_of(approved, ApprovalPurpose.OPENING, approved.duration_seconds, now, people)
    known = replace(approved, approved_by=tuple(counted.approver for counted in counting))
    if len(counting) < window.approvals_needed:
        return known
    return replace(advance(known, WindowState.APPROVED, now), lapses_at=min(counted.expires_at for counted in counting))


def _require_another_person(window: RecoveryWindow, name: str, what: str) -> None:
    if window.requested_by.casefold() == name.casefold():
        raise ApprovalRefusedError(
            f"{name} requested recovery window {window.window_id} and can't {what} it.", hint="Ask another person."
        )


def _require_requester(window: RecoveryWindow, people: People) -> None:
    refusal = people.find_refusal(window.requested_by, window.requested_by_kind, Permission.WINDOWS_REQUEST)
    if refusal is not None:
        raise ApprovalRefusedError(
            f"{window.requested_by} requested recovery window {window.window_id}, and the request doesn't count any "
            f"more. {refusal}",
            hint=Hint("Cancel it, and let another person request it.", "window.cancel", window_id=window.window_id),
        )


def _require_in_time(window: RecoveryWindow, now: datetime) -> None:
    if window.state is WindowState.LAPSED or is_lapsing(window, now):
        at = "" if window.lapses_at is None else f" at {window.lapses_at.isoformat(timespec='seconds')}"
        raise ApprovalRefusedError(
            f"Recovery window {window.window_id} has lapsed{at}: it wasn't approved and used in time.",
            hint=Hint("Request a new window.", "window.request", account_id=window.account_id),
        )


def deny(window: RecoveryWindow, name: str, now: datetime, reason: str) -> RecoveryWindow:
    """Deny the window; this also takes back an unused approval.

    :raises InputError: without a reason.
    :raises WindowConflictError: if the window no longer waits.
    """
    if not reason.strip():
        raise InputError("A denial needs a reason.", hint=Hint("Give the reason.", "window.reason"))
    _require_waiting(window)
    return advance(window, WindowState.DENIED, now, f"Denied by {name}: {reason.strip()}")


def cancel(window: RecoveryWindow, name: str, now: datetime, reason: str = "") -> RecoveryWindow:
    """Cancel the window before anything was opened."""
    _require_waiting(window)
    why = f": {reason.strip()}" if reason.strip() else "."
    return advance(window, WindowState.CANCELLED, now, f"Cancelled by {name}{why}")


def _require_waiting(window: RecoveryWindow) -> None:
    if window.state not in WAITING_STATES:
        raise WindowConflictError(
            f"Recovery window {window.window_id} is {window.state}: only a waiting window can be denied or cancelled.",
            hint=Hint("If it is open, close it.", "window.close", window_id=window.window_id),
        )


def find_loss(window: RecoveryWindow, people: People) -> str | None:
    """Explain why the request or an approval of a waiting window doesn't count any more; ``None`` if all counts."""
    if window.state not in WAITING_STATES or window.requested_by_kind not in COUNTING_KINDS:
        return None
    refusal = people.find_refusal(window.requested_by, window.requested_by_kind, Permission.WINDOWS_REQUEST)
    if refusal is not None:
        return f"The request of {window.requested_by} doesn't count any more. {refusal}"
    for approval in window.approvals:
        refusal = _read_approval(approval).find_refusal(people)
        if refusal is not None and approval.approver in window.approved_by:
            return f"The approval of {approval.approver} doesn't count any more. {refusal}"
    return None


def cancel_lost(window: RecoveryWindow, name: str, now: datetime, people: People) -> RecoveryWindow:
    """Cancel a waiting window with a request or approval that doesn't count any more."""
    loss = find_loss(window, people)
    if loss is None:
        raise WindowConflictError(f"Recovery window {window.window_id} is {window.state}, and nothing in it was lost.")
    return cancel(window, name, now, loss)


def is_lapsing(window: RecoveryWindow, now: datetime) -> bool:
    """Whether it is too late to approve or activate the window."""
    return window.state in WAITING_STATES and window.lapses_at is not None and window.lapses_at <= now


def waits_for_person(window: RecoveryWindow, now: datetime) -> bool:
    """Whether a person must approve, open or review the window."""
    if window.state in WAITING_STATES:
        return not is_lapsing(window, now)
    return window.review_due_at is not None and window.opened_at is not None and window.reviewed_by is None


def lapse(window: RecoveryWindow, now: datetime) -> RecoveryWindow:
    """:raises WindowConflictError: if it is too early, or the window no longer waits."""
    if not is_lapsing(window, now):
        raise WindowConflictError(f"Recovery window {window.window_id} is {window.state} and doesn't lapse now.")
    why = "approved" if window.state is WindowState.REQUESTED else "activated"
    return advance(window, WindowState.LAPSED, now, f"It wasn't {why} in time.")


def require_approved(window: RecoveryWindow, now: datetime) -> None:
    """Require that the window waits to be opened.

    :raises WindowConflictError: if it isn't APPROVED.
    :raises ApprovalRefusedError: if it has lapsed.
    """
    _require_in_time(window, now)
    if window.state is not WindowState.APPROVED:
        is_waiting = window.state is WindowState.REQUESTED
        waits = Hint("It waits for approvals.", "window.approve", window_id=window.window_id)
        raise WindowConflictError(
            f"Recovery window {window.window_id} is {window.state}; only an APPROVED window can be activated.",
            hint=waits if is_waiting else _show(window),
        )


def require_activatable(window: RecoveryWindow, now: datetime, people: People) -> None:
    """Require that the window may be opened now.

    :raises WindowConflictError: if it isn't APPROVED.
    :raises ApprovalRefusedError: if it has lapsed, or if its request or its approvals no longer count.
    """
    require_approved(window, now)
    _require_requester(window, people)
    counting = list_counting_of(window, ApprovalPurpose.OPENING, window.duration_seconds, now, people)
    needed = window.approvals_needed
    if len(counting) < needed and not window.is_emergency:
        given = [approval for approval in window.approvals if approval.purpose is ApprovalPurpose.OPENING]
        refusals = [refusal for approval in given if (refusal := _read_approval(approval).find_refusal(people))]
        why = [f"An approval doesn't count any more. {refusal}" for refusal in refusals]
        counted = f"Recovery window {window.window_id} has {len(counting)} approvals that count; it needs {needed}."
        hint = Hint("Cancel the window, and request it again.", "window.cancel", window_id=window.window_id)
        raise ApprovalRefusedError(" ".join([counted, *why]), hint=hint)


def activate(window: RecoveryWindow, name: str, now: datetime, people: People) -> RecoveryWindow:
    """Make the window OPENING and use up its approvals."""
    require_activatable(window, now, people)
    opening = advance(window, WindowState.OPENING, now)
    return replace(
        opening, activated_by=name, approvals=_use(window.approvals, ApprovalPurpose.OPENING, now), lapses_at=None
    )


def _use(approvals: Iterable[Approval], purpose: ApprovalPurpose, now: datetime) -> tuple[Approval, ...]:
    """Use up all approvals of that purpose; those for another duration became invalid with the change."""
    return tuple(
        replace(approval, used_at=now) if approval.purpose is purpose and approval.used_at is None else approval
        for approval in approvals
    )


def require_extendable(window: RecoveryWindow, seconds: int, now: datetime, longest: timedelta) -> None:
    """Require that the window can be extended.

    :raises WindowConflictError: if it isn't OPEN, or its end is past.
    :raises InputError: if its total duration would exceed ``longest``.
    """
    if window.state is not WindowState.OPEN or window.is_overdue(now):
        raise WindowConflictError(
            f"Recovery window {window.window_id} is {window.state} and can't be extended any more.",
            hint=Hint("Request a new window after it is closed.", "window.request", account_id=window.account_id),
        )
    if seconds < 1:
        raise InputError(f"A window can't be extended by {seconds} seconds.", hint="Give a length such as 30m or 2h.")
    total = window.duration_seconds + seconds
    if timedelta(seconds=total) > longest:
        raise InputError(
            f"Recovery window {window.window_id} would last {_render(total)} altogether, longer than "
            f"{render_duration(longest)}.",
            hint=make_setting_hint(
                "Extend it by less, or change the longest window in the settings.", "windows.longest"
            ),
        )


def extend(
    window: RecoveryWindow, approval: Approval, now: datetime, longest: timedelta, people: People
) -> RecoveryWindow:
    """Add an approval of an extension; with enough of them the window is extended.

    If the window needs no approvals, any operator extends it.

    :raises ApprovalRefusedError: if the approver is the requester or has approved the same extension already, or if the
        requester may not request any more.
    :raises WindowConflictError: if the window can't be extended any more.
    :raises InputError: if it would last too long.
    """
    seconds = approval.duration_seconds
    require_extendable(window, seconds, now, longest)
    if window.requested_by_kind in COUNTING_KINDS:  # not of a command line: no server knows its users
        _require_requester(window, people)
    if window.approvals_needed:
        _require_another_person(window, approval.approver, "extend")
    known = list_counting_of(window, ApprovalPurpose.EXTENDING, seconds, now, people)
    if any(earlier.approver.casefold() == approval.approver.casefold() for earlier in known):
        raise ApprovalRefusedError(
            f"{approval.approver} has already approved this extension of {window.window_id}.",
            hint="Each person's approval counts once.",
        )
    asked = replace(window, approvals=(*window.approvals, approval))
    if len(list_counting_of(asked, ApprovalPurpose.EXTENDING, seconds, now, people)) < window.approvals_needed:
        return asked
    end = (window.expires_at or now) + timedelta(seconds=seconds)
    used = _use(asked.approvals, ApprovalPurpose.EXTENDING, now)
    return replace(asked, approvals=used, expires_at=end, duration_seconds=window.duration_seconds + seconds)


def review(window: RecoveryWindow, name: str) -> RecoveryWindow:
    """Record the review of an emergency window by a second person.

    :raises WindowConflictError: if it needs no review.
    :raises ApprovalRefusedError: if the reviewer requested or activated it.
    """
    if not window.is_emergency or window.reviewed_by is not None:
        why = f"was reviewed by {window.reviewed_by}" if window.reviewed_by else "was no emergency"
        raise WindowConflictError(f"Recovery window {window.window_id} {why}: it needs no review.", hint=_show(window))
    for involved in (window.requested_by, window.activated_by):
        if involved is not None and involved.casefold() == name.casefold():
            raise ApprovalRefusedError(
                f"{name} opened recovery window {window.window_id} and can't review it.", hint="Ask another person."
            )
    return replace(window, reviewed_by=name)


def shows_decision(window: RecoveryWindow, action: Action, name: str, decided_at: JsonValue) -> bool | None:
    """Whether the window shows that a decision in the ledger took effect; ``None`` if the action is no decision."""
    if action in {Action.WINDOW_APPROVE, Action.WINDOW_EXTEND}:
        return any(
            approval.approver == name and render_time(approval.at) == decided_at for approval in window.approvals
        )
    if action is Action.WINDOW_REVIEW:
        return window.reviewed_by == name
    state = _DECIDED_STATES.get(action)
    return None if state is None else window.state is state


_DECIDED_STATES = {
    Action.WINDOW_CANCEL: WindowState.CANCELLED,
    Action.WINDOW_DENY: WindowState.DENIED,
    Action.WINDOW_LAPSE: WindowState.LAPSED,
}


@dataclass(frozen=True, slots=True)
class RequestCheck:
    """What the check of a request found, as the ledger records it."""

    present: tuple[str, ...]
    """The kinds of root user credentials that the account had."""
    policy_doubts: tuple[str, ...]
    """Policies that possibly block something; empty if none does."""


@dataclass(frozen=True, slots=True)
class EarlierWindows:
    """Earlier windows: how many there are, and the newest."""

    total: Count
    newest: tuple[RecoveryWindow, ...]


@dataclass(frozen=True, slots=True)
class WindowBackground:
    """The facts for a decision about a window."""

    window_id: str
    governs_login: bool
    """Whether it governs the root login that the account had before, so that nothing is opened in AWS."""
    keeps_login: bool
    """Whether it sets up the root login of a failsafe, which a person can keep if it is complete."""
    check: RequestCheck | None
    """``None`` if the ledger doesn't record it."""
    of_account: EarlierWindows
    """Earlier windows of the account."""
    of_requester: EarlierWindows
    """Earlier windows of the requester in other accounts."""
    approvers: tuple[str, ...] | None
    """Who else can approve it now; ``None`` if that isn't for the person who asks."""


def _show(window: RecoveryWindow) -> Hint:
    return Hint("Look at the window.", "window.show", window_id=window.window_id)


def _render(seconds: int) -> str:
    return render_duration(timedelta(seconds=seconds))
