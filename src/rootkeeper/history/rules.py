"""The changes between two audits, an account's past as a time line, and the trend of an organization.

A comparison reports credentials that an audit didn't read as unread, never as appeared or disappeared.
A time line merges the statuses of audits, the ledger's entries, recovery windows and watched events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from rootkeeper.ledger.rules import Action, LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import (
    KIND_ORDER,
    AccountRole,
    AccountStatus,
    CredentialKind,
    FailOn,
    KeptAudit,
    KeptStatus,
    Status,
)
from rootkeeper.shapes import Count
from rootkeeper.watching.rules import EventVerdict, WatchedEvent
from rootkeeper.windows.rules import RecoveryWindow, WindowState

_LOGIN = (CredentialKind.PASSWORD, CredentialKind.ACCESS_KEYS, CredentialKind.SIGNING_CERTIFICATES)
"""Credentials that sign a root user in. An MFA device only protects them, so losing a device is for the worse."""


TREND_DAYS = 90


@dataclass(frozen=True, slots=True)
class TrendDay:
    """A day, in UTC."""

    day: date
    left_known: Count | None
    """Root logins left to secure, by the day's last audit of the whole organization; ``None`` if there was none."""
    left_unknown: Count | None
    """Accounts without a reading of the root login that counts."""
    left_unread: Count | None
    """Accounts that the audit itself couldn't read; ``None`` also for an audit of an earlier version."""
    windows_opened: Count
    deletions: Count
    """Deletions of root user credentials that ended, or were last worked on, on this day."""


def list_trend(
    audits: Iterable[KeptAudit], opened: Iterable[datetime], deleted: Iterable[datetime], now: datetime
) -> list[TrendDay]:
    """List the last days, the oldest first, today included.

    :param opened: the openings of recovery windows.
    :param deleted: the ends of deletions.
    """
    whole = sorted((audit for audit in audits if audit.is_complete), key=lambda audit: audit.ended_at)
    last = {audit.ended_at.astimezone(UTC).date(): audit for audit in whole}
    windows, deletions = (Counter(moment.astimezone(UTC).date() for moment in moments) for moments in (opened, deleted))
    today = now.astimezone(UTC).date()
    found: list[TrendDay] = []
    for day in (today - timedelta(days=before) for before in reversed(range(TREND_DAYS))):
        audit = last.get(day)
        left = (None,) * 3 if audit is None else (audit.left_known, audit.left_unknown, audit.left_unread)
        found.append(TrendDay(day, *left, windows[day], deletions[day]))
    return found


COMPARED_AFTER = timedelta(days=30)
"""How long before now the audit is that a trend in one number compares with."""
_COMPARED_WITHIN = timedelta(days=7)
"""How much earlier or later it may have ended."""


def find_earlier(audits: Iterable[KeptAudit], now: datetime) -> KeptAudit | None:
    """Find the audit of the whole organization that ended nearest to 30 days ago, and counted root logins left.

    :returns: ``None`` if none ended within a week of that.
    """
    wanted = now - COMPARED_AFTER
    counted = (audit for audit in audits if audit.is_complete and audit.left_known is not None)
    near = [audit for audit in counted if abs(audit.ended_at - wanted) <= _COMPARED_WITHIN]
    return min(near, key=lambda audit: abs(audit.ended_at - wanted), default=None)


class PresenceChange(StrEnum):
    """How one kind of credentials changed."""

    APPEARED = "appeared"
    GONE = "gone"
    """Both audits read it; only the first found it."""
    READ = "read"
    """Only the second audit read it."""
    REPLACED = "replaced"
    """Both audits found it, with different keys, certificates or devices."""
    UNREAD = "unread"
    """Only the first audit read it."""


class AccountChange(StrEnum):
    """How an account changed."""

    CHANGED = "changed"
    JOINED = "joined"
    LEFT = "left"
    """Only the first audit has it."""


@dataclass(frozen=True, slots=True)
class KindDifference:
    """A kind of credentials that changed."""

    kind: CredentialKind
    before: bool | None
    """``None`` where it wasn't read."""
    after: bool | None
    """``None`` where it wasn't read."""
    change: PresenceChange


@dataclass(frozen=True, slots=True)
class AccountDifference:
    """An account that changed."""

    account_id: AccountId
    name: str
    change: AccountChange
    before: AccountStatus | None
    after: AccountStatus | None
    kinds: tuple[KindDifference, ...]

    def is_worse(self, fail_on: frozenset[FailOn]) -> bool:
        """Whether the root user gained a way to sign in, or its status became unknown.

        An open recovery window and a failsafe that is in order don't count.
        """
        before, after = self.before, self.after
        if after is None or after.status is Status.RECOVERY_OPEN:
            return False
        if after.role is AccountRole.FAILSAFE and after.is_in_order:  # kept on purpose while MFA protects it
            return False
        if after.status is Status.UNKNOWN:
            was_read = before is None or before.status is not Status.UNKNOWN
            return FailOn.UNREAD in fail_on or (FailOn.UNKNOWN in fail_on and was_read)
        was_there = before is not None and before.status is Status.PRESENT
        is_found = after.status is Status.PRESENT and not was_there
        return FailOn.PRESENT in fail_on and (is_found or any(_is_worse(kind, after) for kind in self.kinds))


@dataclass(frozen=True, slots=True)
class AuditDifference:
    """Everything that changed between two audits."""

    accounts: tuple[AccountDifference, ...]
    """By account id."""
    unchanged: int
    not_compared: int
    """Accounts in a single audit, if an audit didn't cover the whole organization."""

    def is_worse(self, fail_on: frozenset[FailOn]) -> bool:
        return any(account.is_worse(fail_on) for account in self.accounts)


def compare_audits(
    before: Mapping[AccountId, AccountStatus], after: Mapping[AccountId, AccountStatus], *, are_complete: bool
) -> AuditDifference:
    """Compare what two audits themselves read; an earlier reading beside a failed attempt isn't theirs.

    :param are_complete: whether both covered the whole organization. If not, an account of a single audit has
        neither joined nor left.
    """
    found: list[AccountDifference] = []
    unchanged = not_compared = 0
    for account_id in sorted({*before, *after}):
        kept = (before.get(account_id), after.get(account_id))
        earlier, later = (None if status is None else status.attempted for status in kept)
        if earlier is not None and later is not None:
            kinds = compare_kinds(earlier, later)
            if kinds or (earlier.status, earlier.reason) != (later.status, later.reason):
                change, name = AccountChange.CHANGED, later.account.name
                found.append(AccountDifference(account_id, name, change, earlier, later, kinds))
            else:
                unchanged += 1
        elif not are_complete:
            not_compared += 1
        elif later is not None:
            found.append(AccountDifference(account_id, later.account.name, AccountChange.JOINED, None, later, ()))
        elif earlier is not None:
            found.append(AccountDifference(account_id, earlier.account.name, AccountChange.LEFT, earlier, None, ()))
    return AuditDifference(tuple(found), unchanged, not_compared)


def compare_kinds(before: AccountStatus, after: AccountStatus) -> tuple[KindDifference, ...]:
    """List the kinds of credentials in which two statuses of an account differ."""
    found = []
    for kind in KIND_ORDER:
        earlier, later = _has(before, kind), _has(after, kind)
        if earlier != later:
            present = PresenceChange.APPEARED if later else PresenceChange.GONE
            change = PresenceChange.UNREAD if later is None else PresenceChange.READ if earlier is None else present
            found.append(KindDifference(kind, earlier, later, change))
        elif earlier:
            ids, other_ids = _list_ids(kind, before), _list_ids(kind, after)
            if ids is not None and other_ids is not None and ids != other_ids:
                found.append(KindDifference(kind, earlier, later, PresenceChange.REPLACED))
    return tuple(found)


def _has(status: AccountStatus, kind: CredentialKind) -> bool | None:
    return None if status.summary is None else status.summary.has(kind)


def _list_ids(kind: CredentialKind, status: AccountStatus) -> frozenset[str] | None:
    found = status.credentials
    if found is None:
        return None
    profile = found.login_profile
    return {
        CredentialKind.PASSWORD: frozenset({profile.created_at.isoformat()} if profile else ()),
        CredentialKind.ACCESS_KEYS: frozenset(key.access_key_id for key in found.access_keys),
        CredentialKind.SIGNING_CERTIFICATES: frozenset(
            certificate.signing_certificate_id for certificate in found.signing_certificates
        ),
        CredentialKind.MFA_DEVICES: frozenset(device.mfa_serial_number for device in found.mfa_devices),
    }[kind]


def _is_worse(difference: KindDifference, after: AccountStatus) -> bool:
    if difference.kind in _LOGIN:
        return difference.change in {PresenceChange.APPEARED, PresenceChange.REPLACED}
    summary = after.summary
    is_open = summary is not None and any(summary.has(kind) for kind in _LOGIN)
    return difference.change is PresenceChange.GONE and is_open


_OMITTED_PARAMETERS = frozenset({"task_policy", "expires_at", "request_id"})
_LONGEST_TEXT = 200


class TimelineKind(StrEnum):
    """Where an entry comes from."""

    EVENT = "event"
    """A root event of CloudTrail."""
    LEDGER = "ledger"
    STATUS = "status"
    """An audit whose result differs from the result before it."""
    WINDOW = "window"


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """An event, or a fact that an audit found."""

    at: datetime
    kind: TimelineKind
    what: str
    """The event's name, the action, the status or the step."""
    # For a person.
    detail: str
    reference: str
    """The event's id, the entry's sequence, the audit's id or the window's id."""
    actor: str | None = None
    is_alarming: bool = False


def compile_timeline(
    found: Iterable[KeptStatus],
    entries: Iterable[LedgerEntry],
    windows: Iterable[RecoveryWindow],
    events: Iterable[WatchedEvent],
) -> tuple[TimelineEntry, ...]:
    """Merge everything known of an account in the order of time.

    :param found: the oldest first.
    :param entries: of the account, in the order of their sequence.
    """
    merged = (*_list_statuses(found), *_list_ledger(entries), *_list_windows(windows), *_list_events(events))
    return tuple(sorted(merged, key=lambda entry: entry.at))


def _list_statuses(found: Iterable[KeptStatus]) -> Iterator[TimelineEntry]:
    """List the first status, and each that differs from the status before it."""
    before: AccountStatus | None = None
    for kept in found:
        status = kept.status.attempted
        known = before and (before.status, before.reason, before.account.state)
        if (
            before is None
            or known != (status.status, status.reason, status.account.state)
            or compare_kinds(before, status)
        ):
            yield TimelineEntry(
                at=status.observed_at or kept.ended_at,
                kind=TimelineKind.STATUS,
                what=status.status.value,
                detail=_describe_status(before, status),
                reference=kept.audit_id,
                is_alarming=status.status is Status.PRESENT,
            )
        before = status


def _describe_status(before: AccountStatus | None, after: AccountStatus) -> str:
    sentences = [after.detail or ""]
    if before is not None:
        sentences += [
            f"{_render_kind(kind.kind)}: {_CHANGE_TEXTS[kind.change]}" for kind in compare_kinds(before, after)
        ]
    elif after.summary is not None:
        sentences += [f"{_render_kind(kind)}: present" for kind in KIND_ORDER if after.summary.has(kind)]
    return "; ".join(sentence for sentence in sentences if sentence)


def _render_kind(kind: CredentialKind) -> str:
    return kind.value.replace("_", " ")


_CHANGE_TEXTS = {
    PresenceChange.APPEARED: "appeared",
    PresenceChange.GONE: "gone",
    PresenceChange.READ: "read again",
    PresenceChange.REPLACED: "replaced",
    PresenceChange.UNREAD: "not read any more",
}


def _list_ledger(entries: Iterable[LedgerEntry]) -> Iterator[TimelineEntry]:
    """Join an intent and its outcome; an intent without an outcome is shown as open."""
    intents: dict[int, LedgerEntry] = {}
    for entry in entries:
        if entry.action is Action.WINDOW_EVENT:
            continue  # the event itself is an entry of the time line
        if entry.phase is Phase.INTENT:
            intents[entry.sequence] = entry
        else:
            intent = None if entry.intent_sequence is None else intents.pop(entry.intent_sequence, None)
            yield _describe_entry(entry, intent)
    for entry in intents.values():
        yield _describe_entry(entry, None)


def _describe_entry(entry: LedgerEntry, intent: LedgerEntry | None) -> TimelineEntry:
    reported = {**({} if intent is None else intent.parameters), **entry.parameters}
    parameters = [
        f"{name.replace('_', ' ')}: {str(value)[:_LONGEST_TEXT]}"
        for name, value in reported.items()
        if isinstance(value, str | int) and value != "" and name not in _OMITTED_PARAMETERS
    ]
    result = "without an outcome" if entry.result is None else entry.result.value
    return TimelineEntry(
        at=entry.at,
        kind=TimelineKind.LEDGER,
        what=entry.action.value,
        detail="; ".join([result, *parameters]),
        reference=str(entry.sequence),
        actor=entry.actor.name,
        is_alarming=entry.result is not Result.DONE,
    )


def _list_windows(windows: Iterable[RecoveryWindow]) -> Iterator[TimelineEntry]:
    for window in windows:
        yield _describe_step(window, window.requested_at, "requested", window.full_reason, window.requested_by)
        for approval in window.approvals:
            yield _describe_step(window, approval.at, "approved", approval.purpose.value, approval.approver)
        if window.opened_at is not None:
            watched = f"watched by {window.watched_by}" if window.watched_by else "not watched"
            until = "" if window.expires_at is None else f"until {window.expires_at:%Y-%m-%d %H:%M:%S UTC}, "
            approved = "" if window.is_approved else ", unapproved"
            # AWS reports the time of the opening in whole seconds, so it can seem earlier than the request.
            is_same_second = window.opened_at == window.requested_at.replace(microsecond=0)
            opened_at = window.requested_at if is_same_second else window.opened_at
            yield _describe_step(window, opened_at, "opened", f"{until}{watched}{approved}", window.activated_by)
        closed = "a re-read showed no root user credentials"
        if window.first_closed_at is not None and window.reopened_at is not None:
            yield _describe_step(window, window.first_closed_at, "closed", closed, None)
            detail = "by someone else: root user credentials were found"
            yield _describe_step(window, window.reopened_at, "reopened", detail, None, is_alarming=True)
        if window.closed_at is not None:
            yield _describe_step(window, window.closed_at, "closed", closed, window.closed_by)
        elif window.state is WindowState.CLOSE_FAILED and window.expires_at is not None:
            yield _describe_step(window, window.expires_at, "not closed", window.failure or "", None, is_alarming=True)


def _describe_step(
    window: RecoveryWindow, at: datetime, what: str, detail: str, actor: str | None, *, is_alarming: bool = False
) -> TimelineEntry:
    return TimelineEntry(at, TimelineKind.WINDOW, what, detail, window.window_id, actor, is_alarming)


def _list_events(events: Iterable[WatchedEvent]) -> Iterator[TimelineEntry]:
    for event in events:
        yield TimelineEntry(
            at=event.at,
            kind=TimelineKind.EVENT,
            what=event.name,
            detail=f"{event.verdict.value}: {event.explanation}",
            reference=event.event_id,
            is_alarming=event.verdict is EventVerdict.SUSPICIOUS,
        )
