"""Who may decide what about a recovery window.

Who may request and approve recovery windows, how many must approve, and for how long a window may last.

What it says comes from the settings; whether somebody's role permits a step at all is decided before it.

What people decide about a recovery window: approve, deny, cancel, use, prolong, review.

Each is a pure step from one window to the next, to be taken in the transaction that reads the window, so that of two
people who decide at once each sees what the other did. An approval is bound to the account, the task and the duration
that it was given for, counts once per person, never for the requester, serves once and expires.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rootkeeper.errors import (
    ApprovalRefusedError,
    InputError,
    PermissionDeniedError,
    SettingsError,
    WindowConflictError,
)
from rootkeeper.ledger.rules import Action, Actor, ActorKind
from rootkeeper.organization.accounts import Account, AccountId, is_below
from rootkeeper.values import JsonValue, render_duration, render_time
from rootkeeper.windows.rules import (
    LONGEST_DURATION,
    Approval,
    ApprovalPurpose,
    RecoveryWindow,
    WindowState,
    advance,
    require_duration,
)

_RULE = re.compile(r"(?P<name>.*?)(?:\s+in\s+(?P<unit>.*))?", re.DOTALL)
_HALF_A_RULE = re.compile(r"(^|\s)in$|^in\s")


@dataclass(frozen=True, slots=True)
class NameRule:
    """Somebody who may, and for which accounts."""

    name: str
    unit: str | None = None
    """An organizational unit's id or path of names; ``None`` for every account."""

    def covers(self, name: str, account: Account) -> bool:
        """Whether it permits that person that account; names are compared whatever their case."""
        return self.name.casefold() == name.casefold() and (self.unit is None or is_below(self.unit, account))


@dataclass(frozen=True, slots=True)
class WindowPolicy:
    """What the settings say about recovery windows."""

    approvals: int = 0
    """How many people beside the requester must approve."""
    longest: timedelta = LONGEST_DURATION
    approval_valid: timedelta = timedelta(hours=8)
    """For how long a request waits for its approvals, and an approval for its use."""
    requesters: tuple[NameRule, ...] = ()
    """Empty: whoever's role permits it."""
    approvers: tuple[NameRule, ...] = ()
    """Empty: whoever's role permits it."""
    rereads: tuple[timedelta, ...] = ()
    """How long after its closing an account is read again, the shortest first."""
    emergency: bool = False

    def require_requester(self, name: str, account: Account) -> None:
        """:raises PermissionDeniedError: if the settings don't name that person for that account."""
        _require_named(self.requesters, "windows.requesters", "request recovery windows", name, account)

    def require_approver(self, name: str, account: Account) -> None:
        """:raises PermissionDeniedError: if the settings don't name that person for that account."""
        _require_named(self.approvers, "windows.approvers", "approve or extend recovery windows", name, account)

    def require_duration(self, seconds: int) -> int:
        """``seconds``, if a window may last so long.

        :raises InputError: if not.
        """
        require_duration(seconds)
        if timedelta(seconds=seconds) > self.longest:
            longest = render_duration(self.longest)
            raise InputError(
                f"A recovery window of {seconds} seconds is longer than the settings allow, which is {longest}.",
                hint=f"Ask for {longest} or less, or change windows.longest.",
            )
        return seconds

    def require_emergencies_allowed(self) -> None:
        """:raises PermissionDeniedError: if no window may be opened before it is approved."""
        if not self.emergency:
            raise PermissionDeniedError(
                "The settings don't allow the emergency path.",
                hint="Request the window and have it approved, or let an administrator set windows.emergency to true.",
            )


def parse_window_policy(
    *,
    approvals: int,
    longest: timedelta,
    approval_valid: timedelta,
    requesters: Sequence[str],
    approvers: Sequence[str],
    rereads: Sequence[timedelta],
    emergency: bool,
) -> WindowPolicy:
    """The policy that the settings make.

    :raises SettingsError: if a rule of ``requesters`` or ``approvers`` can't be understood.
    """
    return WindowPolicy(
        approvals=approvals,
        longest=longest,
        approval_valid=approval_valid,
        requesters=tuple(parse_name_rule(text, "windows.requesters") for text in requesters),
        approvers=tuple(parse_name_rule(text, "windows.approvers") for text in approvers),
        rereads=sort_rereads(rereads),
        emergency=emergency,
    )


def sort_rereads(rereads: Iterable[timedelta]) -> tuple[timedelta, ...]:
    """Each once, the shortest first."""
    return tuple(sorted(set(rereads)))


def parse_name_rule(text: str, setting: str) -> NameRule:
    """Read ``NAME`` or ``NAME in OU``.

    :raises SettingsError: if the name or the unit is missing.
    """
    stripped = text.strip()
    match = _RULE.fullmatch(stripped)
    name = match["name"].strip() if match else ""
    unit = None if match is None or match["unit"] is None else match["unit"].strip().strip("/")
    if not name or unit == "" or _HALF_A_RULE.search(stripped):
        raise SettingsError(
            f"{setting} holds {text!r}, which names nobody, or no organizational unit.",
            hint="Write NAME, or NAME in OU, where OU is an id (ou-…, r-…) or a path such as Root/Workloads/Prod.",
        )
    return NameRule(name, unit)


def _require_named(rules: Sequence[NameRule], setting: str, what: str, name: str, account: Account) -> None:
    if not rules or any(rule.covers(name, account) for rule in rules):
        return
    others = sorted({rule.name for rule in rules if rule.covers(rule.name, account)} - {name})
    able = f"Ask {' or '.join(others)}" if others else "Nobody is named for it"
    raise PermissionDeniedError(
        f"{name} may not {what} for account {account.account_id} in {account.ou_path or 'an unknown unit'}.",
        hint=f"{able}; the setting {setting} says who may.",
    )


COUNTING_KINDS = frozenset({ActorKind.SIGNED_IN, ActorKind.TOKEN})
"""Actors whom a server knows; anybody may assert to be somebody."""

WAITING_STATES = frozenset({WindowState.REQUESTED, WindowState.APPROVED})
"""Nothing is open yet, and nothing is owed."""

REVIEW_WITHIN = timedelta(hours=24)
"""How soon a second person reviews a window that was opened before anybody approved it."""


@dataclass(frozen=True, slots=True)
class ApprovalTerms:
    """What somebody believes to approve; ``None`` where it wasn't said."""

    account_id: AccountId | None = None
    duration_seconds: int | None = None


ANY_TERMS = ApprovalTerms()


def require_known(actor: Actor) -> None:
    """:raises InputError: if a server doesn't know the actor, so that its word doesn't count."""
    if actor.kind not in COUNTING_KINDS:
        raise InputError(
            f"{actor.name} is only asserted: who requests, approves and activates must be known to a server.",
            hint="Use a server: rootkeeper login, or --server URL with ROOTKEEPER_TOKEN.",
        )


def task_of(window: RecoveryWindow) -> str:
    """What is approved; an approval of a drill doesn't serve for anything else."""
    return "drill" if window.is_drill else "recovery"


def make_approval(
    window: RecoveryWindow,
    purpose: ApprovalPurpose,
    actor: Actor,
    now: datetime,
    valid: timedelta,
    duration_seconds: int | None = None,
) -> Approval:
    """Somebody's consent to the window as it stands, or to prolonging it by ``duration_seconds``."""
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


def list_counting(
    window: RecoveryWindow, purpose: ApprovalPurpose, duration_seconds: int, now: datetime
) -> tuple[Approval, ...]:
    """The approvals that count now: for exactly this, unused, unexpired, one a person and none by the requester."""
    by_person: dict[str, Approval] = {}
    for approval in window.approvals:
        if (
            _fits(approval, window, purpose, duration_seconds)
            and approval.used_at is None
            and now < approval.expires_at
        ):
            by_person.setdefault(approval.approver.casefold(), approval)
    by_person.pop(window.requested_by.casefold(), None)
    return tuple(by_person.values())


def _fits(approval: Approval, window: RecoveryWindow, purpose: ApprovalPurpose, duration_seconds: int) -> bool:
    given_for = (approval.purpose, approval.account_id, approval.task, approval.duration_seconds)
    is_known = approval.approver_kind in COUNTING_KINDS
    return is_known and given_for == (purpose, window.account_id, task_of(window), duration_seconds)


def approve(
    window: RecoveryWindow, approval: Approval, now: datetime, terms: ApprovalTerms = ANY_TERMS
) -> RecoveryWindow:
    """The window with one more approval; APPROVED once there are enough of them.

    :raises ApprovalRefusedError: by the requester, a second time, too late, or for something else than the window.
    :raises WindowConflictError: if the window waits for no approval.
    """
    _require_another_person(window, approval.approver, "approve")
    _require_terms(window, approval, terms)
    _require_first(window, approval)
    _require_in_time(window, now)
    if window.state is not WindowState.REQUESTED:
        raise WindowConflictError(
            f"Recovery window {window.window_id} is {window.state}: it waits for no approval.", hint=_look_at(window)
        )
    return _count_approvals(replace(window, approvals=(*window.approvals, approval)), now)


def _count_approvals(window: RecoveryWindow, now: datetime) -> RecoveryWindow:
    counting = list_counting(window, ApprovalPurpose.OPENING, window.duration_seconds, now)
    known = replace(window, approved_by=tuple(approval.approver for approval in counting))
    if len(counting) < window.approvals_needed:
        return known
    lapses_at = min(approval.expires_at for approval in counting)
    return replace(advance(known, WindowState.APPROVED, now), lapses_at=lapses_at)


def _require_another_person(window: RecoveryWindow, name: str, what: str) -> None:
    if window.requested_by.casefold() == name.casefold():
        raise ApprovalRefusedError(
            f"{name} requested recovery window {window.window_id} and can't {what} it.", hint="Ask somebody else."
        )


def _require_terms(window: RecoveryWindow, approval: Approval, terms: ApprovalTerms) -> None:
    if not _fits(approval, window, ApprovalPurpose.OPENING, window.duration_seconds):
        raise ApprovalRefusedError(
            f"That approval isn't for recovery window {window.window_id}.", hint=_look_at(window)
        )
    if terms.account_id not in (None, window.account_id):
        raise ApprovalRefusedError(
            f"Recovery window {window.window_id} is for account {window.account_id}, not {terms.account_id}.",
            hint=_look_at(window),
        )
    if terms.duration_seconds not in (None, window.duration_seconds):
        length, meant = (_render(window.duration_seconds), _render(terms.duration_seconds or 0))
        raise ApprovalRefusedError(
            f"Recovery window {window.window_id} is for {length}, not {meant}.", hint=_look_at(window)
        )


def _require_first(window: RecoveryWindow, approval: Approval) -> None:
    mine = [one for one in window.approvals if one.purpose is ApprovalPurpose.OPENING]
    if any(one.approver.casefold() == approval.approver.casefold() for one in mine):
        raise ApprovalRefusedError(
            f"{approval.approver} has approved recovery window {window.window_id} already.",
            hint="Each person's approval counts once.",
        )


def _require_in_time(window: RecoveryWindow, now: datetime) -> None:
    if window.state is WindowState.LAPSED or is_lapsing(window, now):
        at = "" if window.lapses_at is None else f" at {window.lapses_at.isoformat(timespec='seconds')}"
        raise ApprovalRefusedError(
            f"Recovery window {window.window_id} has lapsed{at}: it wasn't approved and used in time.",
            hint=f"Request a new one: rootkeeper windows request {window.account_id}",
        )


def deny(window: RecoveryWindow, name: str, now: datetime, reason: str) -> RecoveryWindow:
    """The window denied; an approval that wasn't used can be taken back so.

    :raises InputError: without a reason.
    :raises WindowConflictError: if it isn't waiting any more.
    """
    if not reason.strip():
        raise InputError("A denial needs a reason.", hint="Say why: --reason TEXT")
    _require_waiting(window)
    return advance(window, WindowState.DENIED, now, f"Denied by {name}: {reason.strip()}")


def cancel(window: RecoveryWindow, name: str, now: datetime, reason: str = "") -> RecoveryWindow:
    """The window taken back before anything was opened.

    :raises WindowConflictError: if it isn't waiting any more.
    """
    _require_waiting(window)
    why = f": {reason.strip()}" if reason.strip() else "."
    return advance(window, WindowState.CANCELLED, now, f"Cancelled by {name}{why}")


def _require_waiting(window: RecoveryWindow) -> None:
    if window.state not in WAITING_STATES:
        raise WindowConflictError(
            f"Recovery window {window.window_id} is {window.state}: only one that waits can be denied or cancelled.",
            hint=f"Close one that is open: rootkeeper windows close {window.window_id}",
        )


def is_lapsing(window: RecoveryWindow, now: datetime) -> bool:
    """Whether its approval, or the use of it, comes too late."""
    return window.state in WAITING_STATES and window.lapses_at is not None and window.lapses_at <= now


def lapse(window: RecoveryWindow, now: datetime) -> RecoveryWindow:
    """The window lapsed.

    :raises WindowConflictError: if it isn't time, or it isn't waiting any more.
    """
    if not is_lapsing(window, now):
        raise WindowConflictError(f"Recovery window {window.window_id} is {window.state} and doesn't lapse now.")
    why = "approved" if window.state is WindowState.REQUESTED else "activated"
    return advance(window, WindowState.LAPSED, now, f"It wasn't {why} in time.")


def require_activatable(window: RecoveryWindow, now: datetime) -> None:
    """Check that the window may be opened now.

    :raises WindowConflictError: if it isn't APPROVED.
    :raises ApprovalRefusedError: if it has lapsed, or its approvals don't count any more.
    """
    _require_in_time(window, now)
    if window.state is not WindowState.APPROVED:
        raise WindowConflictError(
            f"Recovery window {window.window_id} is {window.state}; only an APPROVED one can be activated.",
            hint=_WHAT_NEXT.get(window.state, _look_at(window)),
        )
    counting = list_counting(window, ApprovalPurpose.OPENING, window.duration_seconds, now)
    needed = window.approvals_needed
    if len(counting) < needed and not window.is_emergency:
        raise ApprovalRefusedError(
            f"Recovery window {window.window_id} has {len(counting)} approvals that count, of {needed}.",
            hint=_look_at(window),
        )


def activate(window: RecoveryWindow, name: str, now: datetime) -> RecoveryWindow:
    """The window OPENING, its approvals used: there is no second opening by them.

    :raises WindowConflictError: and ApprovalRefusedError, as ``require_activatable`` does.
    """
    require_activatable(window, now)
    opening = advance(window, WindowState.OPENING, now)
    return replace(
        opening, activated_by=name, approvals=_use(window.approvals, ApprovalPurpose.OPENING, now), lapses_at=None
    )


def _use(approvals: Iterable[Approval], purpose: ApprovalPurpose, now: datetime) -> tuple[Approval, ...]:
    """All of that purpose: one for another length was given before the window changed, and serves no more."""
    return tuple(
        replace(one, used_at=now) if one.purpose is purpose and one.used_at is None else one for one in approvals
    )


def require_extendable(window: RecoveryWindow, seconds: int, now: datetime, longest: timedelta) -> None:
    """Check that the window can be prolonged.

    :raises WindowConflictError: if it isn't OPEN, or its end is past.
    :raises InputError: if it would last longer than ``longest`` altogether.
    """
    if window.state is not WindowState.OPEN or window.is_overdue(now):
        raise WindowConflictError(
            f"Recovery window {window.window_id} is {window.state} and can't be prolonged any more.",
            hint=f"Request a new one when it is closed: rootkeeper windows request {window.account_id}",
        )
    if seconds < 1:
        raise InputError(f"A window can't be prolonged by {seconds} seconds.", hint="Give a length such as 30m or 2h.")
    total = window.duration_seconds + seconds
    if timedelta(seconds=total) > longest:
        raise InputError(
            f"Recovery window {window.window_id} would last {_render(total)} altogether, longer than "
            f"{render_duration(longest)}.",
            hint="Prolong it by less, or change windows.longest.",
        )


def extend(window: RecoveryWindow, approval: Approval, now: datetime, longest: timedelta) -> RecoveryWindow:
    """The window with one more consent to prolong it, and prolonged once as many as it needs are there.

    Where nobody needs to approve, whoever operates prolongs it.

    :raises ApprovalRefusedError: by the requester, or a second time for the same.
    :raises WindowConflictError: if it can't be prolonged any more.
    :raises InputError: if it would last too long.
    """
    seconds = approval.duration_seconds
    require_extendable(window, seconds, now, longest)
    if window.approvals_needed:
        _require_another_person(window, approval.approver, "extend")
    known = list_counting(window, ApprovalPurpose.EXTENDING, seconds, now)
    if any(one.approver.casefold() == approval.approver.casefold() for one in known):
        raise ApprovalRefusedError(
            f"{approval.approver} has approved that extension of {window.window_id} already.",
            hint="Each person's approval counts once.",
        )
    asked = replace(window, approvals=(*window.approvals, approval))
    if len(list_counting(asked, ApprovalPurpose.EXTENDING, seconds, now)) < window.approvals_needed:
        return asked
    end = (window.expires_at or now) + timedelta(seconds=seconds)
    used = _use(asked.approvals, ApprovalPurpose.EXTENDING, now)
    return replace(asked, approvals=used, expires_at=end, duration_seconds=window.duration_seconds + seconds)


def review(window: RecoveryWindow, name: str) -> RecoveryWindow:
    """The emergency window reviewed by a second person.

    :raises WindowConflictError: if it owes no review.
    :raises ApprovalRefusedError: by whoever requested or activated it.
    """
    if not window.is_emergency or window.reviewed_by is not None:
        why = f"was reviewed by {window.reviewed_by}" if window.reviewed_by else "was no emergency"
        raise WindowConflictError(
            f"Recovery window {window.window_id} {why}: no review is owed.", hint=_look_at(window)
        )
    for involved in (window.requested_by, window.activated_by):
        if involved is not None and involved.casefold() == name.casefold():
            raise ApprovalRefusedError(
                f"{name} opened recovery window {window.window_id} and can't review it.", hint="Ask somebody else."
            )
    return replace(window, reviewed_by=name)


def shows_decision(window: RecoveryWindow, action: Action, name: str, decided_at: JsonValue) -> bool | None:
    """Whether the window shows that a decision of the ledger took effect; ``None`` for what is no decision."""
    if action in {Action.WINDOW_APPROVE, Action.WINDOW_EXTEND}:
        return any(one.approver == name and render_time(one.at) == decided_at for one in window.approvals)
    if action is Action.WINDOW_REVIEW:
        return window.reviewed_by == name
    state = _DECIDED_STATES.get(action)
    return None if state is None else window.state is state


_DECIDED_STATES = {
    Action.WINDOW_CANCEL: WindowState.CANCELLED,
    Action.WINDOW_DENY: WindowState.DENIED,
    Action.WINDOW_LAPSE: WindowState.LAPSED,
}

_WHAT_NEXT = {WindowState.REQUESTED: "It waits for approvals: rootkeeper windows approve WINDOW_ID"}


def _look_at(window: RecoveryWindow) -> str:
    return f"Look at it: rootkeeper windows show {window.window_id}"


def _render(seconds: int) -> str:
    return render_duration(timedelta(seconds=seconds))
