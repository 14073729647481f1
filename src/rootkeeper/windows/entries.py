"""What the ledger's entries say about recovery windows, and where a window's row contradicts them.

The ledger is the truth of windows: anyone who can write the database can edit a row, but not an entry without breaking
the chain. A detail that an entry lacks, because an earlier version wrote it, contradicts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from rootkeeper.errors import Hint, WindowConflictError
from rootkeeper.ledger.rules import Action, ActorKind, LedgerEntry, Phase, Result, compute_entry_hash
from rootkeeper.organization.accounts import AccountId
from rootkeeper.values import render_time
from rootkeeper.windows.rules import (
    FINAL_STATES,
    OWING_STATES,
    WAITING_STATES,
    Approval,
    ApprovalPurpose,
    RecoveryWindow,
    WindowState,
)

ENTRY_ACTIONS = frozenset(
    {
        Action.LOGIN_PROFILE_CREATE,
        Action.WINDOW_APPROVE,
        Action.WINDOW_CLOSE,
        Action.WINDOW_EXTEND,
        Action.WINDOW_KEEP,
        Action.WINDOW_OPEN,
        Action.WINDOW_REQUEST,
        Action.WINDOW_REREAD,
        Action.WINDOW_REVIEW,
    }
)
"""The actions of the entries that are compared with the rows."""

_PURPOSES = {
    Action.WINDOW_APPROVE: ApprovalPurpose.OPENING,
    Action.WINDOW_EXTEND: ApprovalPurpose.EXTENDING,
}

_OPENED_STATES = OWING_STATES - {WindowState.OPENING}


@dataclass(frozen=True, slots=True)
class _RecordedApproval:
    name: str
    kind: ActorKind
    purpose: ApprovalPurpose
    decided_at: str | None
    duration_seconds: int | None
    expires_at: datetime | None

    def explains(self, approval: Approval) -> bool:
        return (
            (self.name, self.kind, self.purpose) == (approval.approver, approval.approver_kind, approval.purpose)
            and self.decided_at in (None, render_time(approval.at))
            and self.duration_seconds in (None, approval.duration_seconds)
            and (self.expires_at is None or approval.expires_at <= self.expires_at)
        )


@dataclass(slots=True, kw_only=True)
class RecordedWindow:
    """A recovery window as its entries record it."""

    window_id: str
    organization_id: str
    account_id: AccountId | None
    request: Mapping[str, Any] | None = None
    """The parameters of the request."""
    requested_at: datetime | None = None
    approvals: dict[int, _RecordedApproval] = field(default_factory=dict)
    """By the sequence of the intent; without those that failed."""
    reviewers: set[str] = field(default_factory=set)
    openings: dict[int, Result | None] = field(default_factory=dict)
    """The results of the opening calls, by the sequence of the intent; ``None`` without an outcome."""
    is_open_recorded: bool = False
    is_ended: bool = False
    """Closed with a clean re-read, or kept."""
    is_reopened: bool = False
    end: datetime | None = None
    """``None`` if no entry says it."""
    extending: dict[int, timedelta] = field(default_factory=dict)
    """The lengths of extensions without an outcome, by the sequence of the intent."""

    @property
    def governs_login(self) -> bool:
        """Whether it governs the root login that the account had before: opening it sends no call."""
        return self.request is not None and self.request.get("governs_login") is True

    @property
    def keeps_login(self) -> bool:
        """Whether it sets up the root login of a failsafe, which can stay after its end."""
        return self.request is not None and self.request.get("keeps_login") is True

    @property
    def is_proven_open(self) -> bool:
        return self.is_open_recorded or Result.DONE in self.openings.values()

    @property
    def may_be_open(self) -> bool:
        """Whether it was opened, or may have been: an opening without a known outcome counts."""
        return self.is_open_recorded or any(result is not Result.FAILED for result in self.openings.values())

    @property
    def must_be_closed(self) -> bool:
        return self.may_be_open and not self.is_ended

    @property
    def latest_end(self) -> datetime | None:
        """The latest end that the entries allow."""
        return None if self.end is None else self.end + sum(self.extending.values(), start=timedelta())

    @property
    def approvals_needed(self) -> int:
        return 0 if self.request is None else int(self.request.get("approvals_needed") or 0)

    def take(self, entry: LedgerEntry, intent_sequence: int | None) -> None:
        """Take the next entry of the window.

        :param intent_sequence: of an outcome, the intent that it ends.
        """
        action, parameters = entry.action, entry.parameters
        if intent_sequence is not None:
            self._take_outcome(action, intent_sequence, entry)
        elif action is Action.LOGIN_PROFILE_CREATE:
            self.openings[entry.sequence] = None
            self.end = _parse_time(parameters.get("expires_at")) or self.end
        elif action is Action.WINDOW_OPEN:
            self.is_open_recorded = True
            self.end = self.end or _parse_time(parameters.get("expires_at"))
        elif action is Action.WINDOW_REQUEST:
            self.account_id, self.request, self.requested_at = entry.account_id, parameters, entry.at
            if parameters.get("state") == WindowState.OPEN:  # found open after a restore
                self.is_open_recorded, self.end = True, _parse_time(parameters.get("expires_at"))
        elif action in _PURPOSES:
            seconds = parameters.get("seconds" if action is Action.WINDOW_EXTEND else "duration_seconds")
            self.approvals[entry.sequence] = _RecordedApproval(
                name=entry.actor.name,
                kind=entry.actor.kind,
                purpose=_PURPOSES[action],
                decided_at=_parse_text(parameters.get("decided_at")),
                duration_seconds=seconds if isinstance(seconds, int) else None,
                expires_at=_parse_time(parameters.get("approval_expires_at")),
            )
            if action is Action.WINDOW_EXTEND and isinstance(seconds, int):
                self.extending[entry.sequence] = timedelta(seconds=seconds)
        elif action is Action.WINDOW_KEEP:
            self.is_ended = True  # the row decides until the outcome
        elif action is Action.WINDOW_REREAD and parameters.get("is_reopened") is True:
            self.is_ended, self.is_reopened = False, True
        elif action is Action.WINDOW_REVIEW:
            self.reviewers.add(entry.actor.name)

    def _take_outcome(self, action: Action, intent_sequence: int, outcome: LedgerEntry) -> None:
        is_failed = outcome.result is Result.FAILED
        if action is Action.LOGIN_PROFILE_CREATE:
            self.openings[intent_sequence] = outcome.result
        elif action is Action.WINDOW_CLOSE and outcome.result is Result.DONE:
            # A settlement reads the window's row, which proves nothing here.
            self.is_ended = self.is_ended or "settled_by" not in outcome.parameters
        elif action is Action.WINDOW_KEEP and is_failed:
            self.is_ended = False
        elif action in _PURPOSES:
            added = self.extending.pop(intent_sequence, timedelta())
            if is_failed:
                self.approvals.pop(intent_sequence, None)
            elif self.end is not None and added:
                said = _parse_time(outcome.parameters.get("expires_at"))
                longer = self.end + added
                # With several approvals an extension has as many entries, of which only the last one changes the end.
                self.end = longer if said is None else min(longer, max(self.end, said))


class RecordedWindows:
    """The windows of an organization as the entries record them. Takes the entries in their order."""

    def __init__(self) -> None:
        self.windows: dict[str, RecordedWindow] = {}
        self.edited: list[int] = []
        """Sequences of entries whose hash isn't theirs; they count for nothing."""
        self._intents: dict[int, str] = {}
        """The windows of intents, by sequence."""

    def take_all(self, entries: Iterable[LedgerEntry]) -> RecordedWindows:
        for entry in entries:
            self.take(entry)
        return self

    def take(self, entry: LedgerEntry) -> None:
        """Take the next entry; one of another action is left out."""
        if entry.action not in ENTRY_ACTIONS:
            return
        if compute_entry_hash(entry) != entry.entry_hash:
            self.edited.append(entry.sequence)
            return
        intent_sequence = entry.intent_sequence or entry.parameters.get("late_outcome_of")
        if isinstance(intent_sequence, int):
            window_id: object = self._intents.get(intent_sequence)
        else:
            intent_sequence, window_id = None, entry.parameters.get("window_id")
        if not isinstance(window_id, str):
            return
        if entry.phase is Phase.INTENT:
            self._intents[entry.sequence] = window_id
        window = self.windows.get(window_id)
        if window is None:
            window = self.windows[window_id] = RecordedWindow(
                window_id=window_id, organization_id=entry.organization_id, account_id=entry.account_id
            )
        window.take(entry, intent_sequence)


def find_contradictions(window: RecoveryWindow, recorded: RecordedWindow | None) -> tuple[str, ...]:
    """Find where a window's row contradicts its entries, a sentence each; empty if it doesn't."""
    if recorded is None or recorded.request is None:
        return (f"Recovery window {window.window_id} is {window.state}, but no entry of the ledger requests it.",)
    request, found = recorded.request, list[str]()
    if recorded.account_id != window.account_id:
        found.append(f"is for account {window.account_id}, but its entries are for {recorded.account_id}")
    if recorded.must_be_closed and window.state not in OWING_STATES:
        found.append(f"is {window.state}, but its entries say that it may be open")
    if not recorded.may_be_open and window.state in _OPENED_STATES:
        found.append(f"is {window.state}, but no entry opens it")
    found += _find_later_ends(window, recorded)
    found += [
        f"has an approval by {approval.approver}, which no entry records"
        for approval in window.approvals
        if not _is_recorded(approval, recorded)
    ]
    if window.approvals_needed < recorded.approvals_needed:
        found.append(f"needs {window.approvals_needed} approvals, but its request needs {recorded.approvals_needed}")
    for name, value in (
        ("is_drill", window.is_drill),
        ("is_emergency", window.is_emergency),
        ("requested_by", window.requested_by),
        ("requested_by_kind", window.requested_by_kind.value),
    ):
        if name in request and request[name] != value:
            found.append(f"has {name} {value}, but its request has {request[name]}")
    if window.reviewed_by is not None and window.reviewed_by not in recorded.reviewers:
        found.append(f"has a review by {window.reviewed_by}, which no entry records")
    return tuple(f"Recovery window {window.window_id} {problem}." for problem in found)


def _find_later_ends(window: RecoveryWindow, recorded: RecordedWindow) -> list[str]:
    found, end = list[str](), recorded.latest_end
    if window.state in OWING_STATES and end is not None and (window.expires_at is None or window.expires_at > end):
        said = "never" if window.expires_at is None else f"at {_render(window.expires_at)}"
        found.append(f"ends {said}, but its entries end it at {_render(end)}")
    if window.state in WAITING_STATES:
        seconds, lapses_at = _find_duration(recorded), _find_lapse(recorded)
        if seconds is not None and window.duration_seconds > seconds:
            found.append(f"lasts {window.duration_seconds} seconds, but its request is for {seconds}")
        if lapses_at is not None and (window.lapses_at is None or window.lapses_at > lapses_at):
            found.append(f"lapses later than at {_render(lapses_at)}, when its entries say")
    return found


def _is_recorded(approval: Approval, recorded: RecordedWindow) -> bool:
    return any(known.explains(approval) for known in recorded.approvals.values())


def _find_duration(recorded: RecordedWindow) -> int | None:
    seconds = None if recorded.request is None else recorded.request.get("duration_seconds")
    return seconds if isinstance(seconds, int) else None


def _find_lapse(recorded: RecordedWindow) -> datetime | None:
    """The latest time until which the entries let it wait; ``None`` if they don't say it."""
    requested = None if recorded.request is None else _parse_time(recorded.request.get("lapses_at"))
    approved = [approval.expires_at for approval in recorded.approvals.values() if approval.expires_at is not None]
    return None if requested is None else max([requested, *approved])


def correct(window: RecoveryWindow, recorded: RecordedWindow, now: datetime) -> RecoveryWindow:
    """Correct an unfinished window's row by its entries, and one that has ended although it may be open.

    The stricter counts: the earlier end, and only the recorded approvals. A window that may be open becomes OPEN, and
    closes at its end; if it isn't proven that it was opened, it becomes OPENING, which a re-read settles.
    """
    if recorded.request is None:
        return window
    request = recorded.request
    if window.state in FINAL_STATES and not recorded.must_be_closed:
        return window
    approvals = tuple(approval for approval in window.approvals if _is_recorded(approval, recorded))
    approvers = {approval.approver for approval in approvals}
    corrected = replace(
        window,
        account_id=recorded.account_id or window.account_id,
        approvals=approvals,
        approved_by=tuple(name for name in window.approved_by if name in approvers),
        approvals_needed=max(window.approvals_needed, recorded.approvals_needed),
        is_drill=bool(request.get("is_drill", window.is_drill)),
        is_emergency=bool(request.get("is_emergency", window.is_emergency)),
        requested_by=str(request.get("requested_by", window.requested_by)),
        requested_by_kind=ActorKind(request.get("requested_by_kind", window.requested_by_kind)),
        reviewed_by=window.reviewed_by if window.reviewed_by in recorded.reviewers else None,
    )
    if recorded.must_be_closed:
        return _correct_open(corrected, recorded, now)
    if window.state in WAITING_STATES:
        seconds, lapses_at = _find_duration(recorded), _find_lapse(recorded)
        is_short = len(corrected.approved_by) < corrected.approvals_needed and not corrected.is_emergency
        corrected = replace(
            corrected,
            state=WindowState.REQUESTED if is_short else window.state,
            duration_seconds=window.duration_seconds if seconds is None else min(seconds, window.duration_seconds),
            lapses_at=lapses_at if window.lapses_at is None else min(lapses_at or window.lapses_at, window.lapses_at),
        )
    return corrected


def rebuild(recorded: RecordedWindow, now: datetime) -> RecoveryWindow | None:
    """Make the row of a window that may be open and has none; ``None`` if the entries don't say enough."""
    request = recorded.request
    if request is None or recorded.account_id is None:
        return None
    window = RecoveryWindow(
        window_id=recorded.window_id,
        organization_id=recorded.organization_id,
        account_id=recorded.account_id,
        state=WindowState.APPROVED,
        reason=str(request.get("reason")),
        ticket=_parse_text(request.get("ticket")),
        requested_by=str(request.get("requested_by", "unknown")),
        requested_at=recorded.requested_at or now,
        duration_seconds=_find_duration(recorded) or 0,
    )
    return correct(window, recorded, now)


def _correct_open(window: RecoveryWindow, recorded: RecordedWindow, now: datetime) -> RecoveryWindow:
    ends = [end for end in (window.expires_at, recorded.latest_end) if end is not None]
    state = window.state
    if state not in OWING_STATES:
        state = WindowState.OPEN if recorded.is_proven_open else WindowState.OPENING
        if recorded.is_reopened:
            state = WindowState.CLOSING
    is_changed = state is not window.state
    return replace(
        window,
        state=state,
        expires_at=min(ends, default=now),
        closed_at=None if is_changed else window.closed_at,
        next_reread_at=None if is_changed else window.next_reread_at,
        reread_owed_at=None if is_changed else window.reread_owed_at,
        failure="The row of the window was edited; it is corrected by the ledger." if is_changed else window.failure,
    )


def find_recorded(window: RecoveryWindow, entries: Iterable[LedgerEntry]) -> RecordedWindow | None:
    """Find the window in the entries of its account."""
    return RecordedWindows().take_all(entries).windows.get(window.window_id)


def require_recorded(window: RecoveryWindow, entries: Iterable[LedgerEntry]) -> RecordedWindow | None:
    """Require that the window's row doesn't contradict the entries of its account.

    :raises WindowConflictError: if it does, or if an entry was edited.
    """
    recorded = RecordedWindows().take_all(entries)
    if recorded.edited:
        raise WindowConflictError(
            f"Entry {recorded.edited[0]} of the ledger was edited, so recovery window {window.window_id} can't be "
            "checked. Nothing was done.",
            hint=Hint("Verify the ledger.", "ledger.verify"),
        )
    found = recorded.windows.get(window.window_id)
    require_agreement(window, found)
    return found


def require_agreement(window: RecoveryWindow, recorded: RecordedWindow | None) -> None:
    """:raises WindowConflictError: if the window's row contradicts its entries."""
    if contradictions := find_contradictions(window, recorded):
        raise WindowConflictError(
            f"{' '.join(contradictions)} The database was edited. Nothing was done.",
            hint=Hint("Cancel the window, and request it again.", "window.cancel", window_id=window.window_id),
        )


def _parse_text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _parse_time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _render(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
