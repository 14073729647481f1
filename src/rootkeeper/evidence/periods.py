"""Follows root user credentials through a period: when they were there, and when no one looked. Pure.

A reading shows a state at a moment, and the state at a period's end says nothing about the weeks before. So every good
reading of the period counts: of audits, of the last status of each account, of a recovery window's proven closing. The
ledger's deletions count, too: a credential that was deleted was there. A failed attempt to read shows nothing.

Readings come as a stream, by account and time. Consecutive readings that show the same are one run, so that a year of
daily audits of ten thousand accounts takes little memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import groupby, pairwise
from operator import attrgetter

from rootkeeper.evidence.rules import AccountEvidence, ControlResult, DeletionEvidence, Period
from rootkeeper.findings.rules import Verdict
from rootkeeper.ledger.rules import Result
from rootkeeper.organization.accounts import Account, AccountId, AccountState
from rootkeeper.organization.statuses import (
    NO_CREDENTIALS,
    AccountRole,
    AccountStatus,
    CredentialKind,
    KeptReading,
    RootCredentialsSummary,
)
from rootkeeper.shapes import Count
from rootkeeper.windows.rules import RecoveryWindow, WindowState

LISTED_AUDITS = 20
"""Of more audits that saw a credential, only the first and the last are named."""


class ChangedKind(StrEnum):
    """What came or went: a kind of root user credentials, or a state of them that controls forbid."""

    PASSWORD = "password"  # noqa: S105 - a kind's name
    ACCESS_KEYS = "access_keys"
    SIGNING_CERTIFICATES = "signing_certificates"
    MFA_DEVICES = "mfa_devices"
    PASSWORD_WITHOUT_MFA = "password_without_mfa"  # noqa: S105 - a kind's name


KINDS_FOUND: Mapping[ChangedKind, str] = {
    ChangedKind.PASSWORD: "A root password",
    ChangedKind.ACCESS_KEYS: "A root access key",
    ChangedKind.SIGNING_CERTIFICATES: "A root signing certificate",
    ChangedKind.MFA_DEVICES: "A root MFA device",
    ChangedKind.PASSWORD_WITHOUT_MFA: "A root password without MFA",
}
"""Each kind, as the subject of a sentence."""

FOUR_KINDS = frozenset(ChangedKind(kind.value) for kind in CredentialKind)
_OF_KEPT_LOGIN = frozenset(
    {ChangedKind.ACCESS_KEYS, ChangedKind.SIGNING_CERTIFICATES, ChangedKind.PASSWORD_WITHOUT_MFA}
)


def list_forbidden(role: AccountRole, *, is_confirmed: bool) -> frozenset[ChangedKind]:
    """List what an account must not have: a login that is kept on purpose may have a password that MFA guards.

    :param is_confirmed: whether it is confirmed that a failsafe's login is kept.
    """
    is_kept = role is AccountRole.MANAGEMENT or (role is AccountRole.FAILSAFE and is_confirmed)
    return _OF_KEPT_LOGIN if is_kept else FOUR_KINDS


def _shows(summary: RootCredentialsSummary, kind: ChangedKind) -> bool:
    if kind is ChangedKind.PASSWORD_WITHOUT_MFA:
        return summary.has_password and not summary.has_mfa_devices
    return summary.has(CredentialKind(kind.value))


@dataclass(frozen=True, slots=True)
class CredentialChange:
    """A time in which an account had a kind of root user credentials, as the readings show it."""

    account_id: AccountId
    kind: ChangedKind
    # The first reading that saw it; one before the period if it was there before.
    first_seen_at: datetime
    last_seen_at: datetime
    # The last reading that didn't see it yet; ``None`` if no earlier reading is known.
    not_before: datetime | None
    # The first reading that didn't see it any more; ``None`` if it was there until the last reading.
    until: datetime | None
    # The audits that saw it: all of them, or of more than ``LISTED_AUDITS`` the first and the last.
    audit_ids: tuple[str, ...] = ()
    audits: Count = 0
    """How many audits saw it."""
    window_id: str | None = None
    """The recovery window that explains it."""
    deletion: DeletionEvidence | None = None
    """The last of our deletions that was proven to remove such a credential then."""

    @property
    def is_explained(self) -> bool:
        return self.window_id is not None

    @property
    def has_appeared(self) -> bool:
        """Whether an earlier reading shows that it wasn't there before."""
        return self.not_before is not None

    def began_before(self, start: datetime) -> bool:
        return not self.has_appeared and self.first_seen_at < start


@dataclass(frozen=True, slots=True)
class CoverageGap:
    """A time in the period without an audit of the whole organization, or without a reading of an account."""

    start: datetime
    end: datetime
    # Whole days, in UTC, in which there was none.
    days: Count
    is_first: bool = False
    """Whether it is the time before the first one of the period."""

    @property
    def length(self) -> timedelta:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class AccountHistory:
    """What the readings show of an account in the period."""

    account: Account
    role: AccountRole
    is_listed: bool
    """Whether it is still in the list of accounts."""
    forbidden: frozenset[ChangedKind]
    """What it must not have, by its role at the period's end."""
    presences: tuple[CredentialChange, ...] = ()
    """Every time in which a reading of the period saw a kind, in the order of kinds and time."""
    longest_gap: CoverageGap | None = None
    """The longest time without a reading; ``None`` if the account wasn't read."""

    @property
    def is_active(self) -> bool:
        return self.is_listed and self.account.state in {AccountState.ACTIVE, AccountState.UNKNOWN}

    @property
    def changes(self) -> Iterator[CredentialChange]:
        """Walk what began or ended in the period: a credential that was always there is a state.

        A credential of an account that was closed, or has left, went with it. Where a password is forbidden, that it
        was without MFA adds nothing.
        """
        for presence in self.presences:
            if presence.kind is ChangedKind.PASSWORD_WITHOUT_MFA and presence.kind not in self.forbidden:
                continue
            if presence.has_appeared or presence.until is not None or not self.is_active:
                yield presence

    def find_unexplained(self, kinds: Collection[ChangedKind]) -> tuple[CredentialChange, ...]:
        """Find every time in which such a kind was there and no recovery window explains it."""
        return tuple(presence for presence in self.presences if presence.kind in kinds and not presence.is_explained)


@dataclass(slots=True)
class _Run:
    """Consecutive readings that show the same, or a deletion."""

    first_at: datetime
    last_at: datetime
    summary: RootCredentialsSummary | None
    audit_ids: list[str] = field(default_factory=list)
    deletion: DeletionEvidence | None = None

    def find(self, kind: ChangedKind) -> bool | None:
        """Find whether the kind was there; ``None``: it shows nothing of it."""
        if self.summary is not None:
            return _shows(self.summary, kind)
        return True if self.deletion is not None and self.deletion.kind.value == kind.value else None


def follow_accounts(
    readings: Iterable[KeptReading],
    accounts: Iterable[AccountEvidence],
    statuses: Mapping[AccountId, AccountStatus],
    windows: Iterable[RecoveryWindow],
    deletions: Iterable[DeletionEvidence],
    period: Period,
) -> dict[AccountId, AccountHistory]:
    """Follow every account that was read up to the period's end, or in which a credential was deleted.

    :param readings: by account and time: those of the period, and the last one before it.
    :param accounts: those that are listed; an account that isn't has left the organization.
    :param statuses: the last status of each account.
    :param deletions: those of the period.
    """
    listed = {evidence.account.account_id: evidence for evidence in accounts}
    windows_of: dict[AccountId, list[RecoveryWindow]] = {}
    others: dict[AccountId, list[_Run]] = {}
    for account_id, status in statuses.items():
        if status.observed_at is not None and status.summary is not None:
            others.setdefault(account_id, []).append(_Run(status.observed_at, status.observed_at, status.summary))
    for window in windows:
        windows_of.setdefault(window.account_id, []).append(window)
        last_closed_at = window.closed_at if window.state is WindowState.CLOSED_VERIFIED else None
        for closed_at in {window.first_closed_at, last_closed_at}:
            if closed_at is not None:
                others.setdefault(window.account_id, []).append(_Run(closed_at, closed_at, NO_CREDENTIALS))
    for deletion in deletions:
        if deletion.result is Result.DONE:
            was_there = _Run(deletion.begun_at, deletion.begun_at, None, deletion=deletion)
            others.setdefault(deletion.account_id, []).append(was_there)

    def follow(account_id: AccountId, kept: Iterable[KeptReading]) -> AccountHistory:
        evidence, status = listed.get(account_id), statuses.get(account_id)
        is_confirmed = evidence is not None and evidence.confirmation is not None
        known = evidence or status
        role = AccountRole.MEMBER if known is None else known.role
        history = AccountHistory(
            account=Account(account_id, "", "", AccountState.UNKNOWN, (), "") if known is None else known.account,
            role=role,
            is_listed=evidence is not None,
            forbidden=list_forbidden(role, is_confirmed=is_confirmed),
        )
        since = max(period.start, history.account.joined_at or period.start)
        own = others.pop(account_id, ())
        runs, longest_gap = _list_runs(kept, own, since, period.end, is_active=history.is_active)
        presences = tuple(_list_presences(account_id, runs, windows_of.get(account_id, ()), period))
        return replace(history, presences=presences, longest_gap=longest_gap)

    histories = {
        account_id: follow(account_id, kept) for account_id, kept in groupby(readings, attrgetter("account_id"))
    }
    return histories | {account_id: follow(account_id, ()) for account_id in sorted(others)}


def _list_runs(
    readings: Iterable[KeptReading], others: Iterable[_Run], since: datetime, end: datetime, *, is_active: bool
) -> tuple[list[_Run], CoverageGap | None]:
    """Put readings that show the same together, and find the longest time without a reading.

    :param others: readings that no audit kept, and deletions.
    :param since: when the account could be read first in the period.
    """
    runs: list[_Run] = []
    gap, read_at = (since, since), since
    has_reading = False
    # A deletion begins before the reading that shows its effect.
    waiting = sorted(others, key=lambda run: (run.first_at, run.summary is not None), reverse=True)

    def add(at: datetime, summary: RootCredentialsSummary | None) -> _Run:
        nonlocal gap, read_at, has_reading
        if summary is not None and at >= since:
            has_reading = True
            if at - read_at > gap[1] - gap[0]:
                gap = (read_at, at)
            read_at = at
        if not runs or summary is None or runs[-1].summary != summary:
            runs.append(_Run(at, at, summary))
        runs[-1].last_at = at
        return runs[-1]

    def add_others(until: datetime) -> None:
        while waiting and waiting[-1].first_at <= until:
            other = waiting.pop()
            add(other.first_at, other.summary).deletion = other.deletion

    for reading in readings:
        add_others(reading.observed_at)
        add(reading.observed_at, reading.summary).audit_ids.append(reading.audit_id)
    add_others(end)
    if not has_reading:
        return runs, None
    if is_active and end - read_at > gap[1] - gap[0]:
        gap = (read_at, end)
    return runs, _make_gap(*gap, is_first=False)


def _list_presences(
    account_id: AccountId, runs: Sequence[_Run], windows: Sequence[RecoveryWindow], period: Period
) -> Iterator[CredentialChange]:
    """List each time in which a reading or a deletion of the period shows a kind."""
    for kind in ChangedKind:
        absent_at: datetime | None = None
        seen: list[_Run] = []
        for run in (*runs, None):
            is_there = False if run is None else run.find(kind)
            if run is not None and is_there:
                seen.append(run)
            elif is_there is False:
                if seen and seen[-1].last_at >= period.start:
                    until = None if run is None else run.first_at
                    yield _describe_presence(account_id, kind, seen, absent_at, until, windows)
                seen = []
                absent_at = None if run is None else run.last_at


def _describe_presence(
    account_id: AccountId,
    kind: ChangedKind,
    seen: Sequence[_Run],
    absent_at: datetime | None,
    until: datetime | None,
    windows: Iterable[RecoveryWindow],
) -> CredentialChange:
    audit_ids = [audit_id for run in seen for audit_id in run.audit_ids]
    first_at, last_at = seen[0].first_at, seen[-1].last_at
    return CredentialChange(
        account_id=account_id,
        kind=kind,
        first_seen_at=first_at,
        last_seen_at=last_at,
        not_before=absent_at,
        until=until,
        audit_ids=tuple(audit_ids if len(audit_ids) <= LISTED_AUDITS else (audit_ids[0], audit_ids[-1])),
        audits=len(audit_ids),
        window_id=next((window.window_id for window in windows if _explains(window, first_at, last_at)), None),
        deletion=next((run.deletion for run in reversed(seen) if run.deletion is not None), None),
    )


def _explains(window: RecoveryWindow, first_seen_at: datetime, last_seen_at: datetime) -> bool:
    """Whether a credential was seen only between a window's opening and its proven closing."""
    opened_at, closed_at = window.opening_started_at, _find_closing(window)
    if opened_at is None or closed_at is None:
        return False
    return opened_at <= first_seen_at and last_seen_at <= closed_at


def _find_closing(window: RecoveryWindow) -> datetime | None:
    """Find when a re-read first proved that a window was closed; ``None`` if none did.

    A window that someone else reopened explains nothing that was found after its first closing.
    """
    return window.first_closed_at or (window.closed_at if window.state is WindowState.CLOSED_VERIFIED else None)


def list_coverage_gaps(audited_at: Sequence[datetime], period: Period) -> tuple[CoverageGap, ...]:
    """List the times between complete audits of the period, the longest first.

    :param audited_at: when each complete audit of the period ended, in their order.
    """
    moments = (period.start, *audited_at, period.end)
    gaps = (_make_gap(begin, end, is_first=not place) for place, (begin, end) in enumerate(pairwise(moments)))
    return tuple(sorted(gaps, key=lambda gap: (-gap.length, gap.start)))


def count_audited_days(audited_at: Iterable[datetime]) -> dict[date, int]:
    """Count the audits that ended on each day, in UTC; a day without one isn't there."""
    return Counter(at.astimezone(UTC).date() for at in audited_at)


def _make_gap(begin: datetime, end: datetime, *, is_first: bool) -> CoverageGap:
    """A period's last day is whole, although it ends a moment before midnight."""
    first, last = begin.astimezone(UTC), (end + timedelta(seconds=1)).astimezone(UTC)
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    first_whole = midnight if midnight == first else midnight + timedelta(days=1)
    return CoverageGap(begin, end, max(0, (last - first_whole).days), is_first)


def find_long_gaps(gaps: Iterable[CoverageGap], longest: timedelta) -> tuple[CoverageGap, ...]:
    """Find the gaps that are longer than a control allows."""
    return tuple(gap for gap in gaps if gap.length > longest)


def describe_gap(gap: CoverageGap, period: Period) -> str:
    """Describe a time without an audit of the whole organization, in a sentence."""
    if gap.is_first and gap.end >= period.end:
        return f"The period has no complete audit ({_count_days(gap)})."
    if gap.is_first:
        return f"The period has no complete audit before {gap.end:%Y-%m-%d}: choose a period that begins then, or wait."
    return f"No complete audit from {gap.start:%Y-%m-%d} to {gap.end:%Y-%m-%d} ({_count_days(gap)})."


def describe_unread(gap: CoverageGap) -> str:
    """Describe a time without a reading of an account, in a sentence."""
    return f"Not read from {gap.start:%Y-%m-%d} to {gap.end:%Y-%m-%d} ({_count_days(gap)})."


def _count_days(gap: CoverageGap) -> str:
    return "1 day" if gap.days == 1 else f"{gap.days:,} days"


def describe_change(change: CredentialChange, period: Period) -> str:
    """Describe when a credential was there, and what explains it, in sentences."""
    what, first, last = KINDS_FOUND[change.kind], _render(change.first_seen_at), _render(change.last_seen_at)
    if change.began_before(period.start):
        beginning = "when the period began"
    elif change.has_appeared:
        beginning = f"from {first}"
    else:
        beginning = f"at the first reading, {first}"
    removed = ""
    if change.until is None:
        ending = f"still at the last reading, {last}"
    else:
        ending = f"gone at {_render(change.until)}"
        if change.deletion is not None:
            removed = f" ({describe_deletion(change.deletion)})"
    sentences = [f"{what} was there {beginning}, and {ending}{removed}."]
    if change.window_id is not None:
        sentences.append(f"Recovery window {change.window_id} explains it.")
    elif change.has_appeared:
        sentences.append("No recovery window explains it.")
    elif change.until is not None:
        sentences.append("A period that begins after that doesn't contain it.")
    return " ".join(sentences)


def describe_deletion(deletion: DeletionEvidence) -> str:
    """Describe one of our deletions: what it was for, and where it is recorded."""
    cause = "" if deletion.cause is None else f" for {deletion.cause}"
    return f"deleted{cause}, ledger entry {deletion.sequence}"


def _render(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def evaluate_period(
    at_end: ControlResult, histories: Iterable[AccountHistory], coverage: Iterable[CoverageGap], period: Period
) -> ControlResult:
    """Whether the member accounts had no root user credentials in the whole period, apart from recovery windows.

    :param at_end: the verdict on their state at the period's end.
    """
    members = [history for history in histories if history.role is not AccountRole.MANAGEMENT]
    found = [shown for history in members if (shown := history.find_unexplained(history.forbidden))]
    gaps = find_long_gaps(coverage, period.stale_after)
    # Without audits, no account was read.
    read = () if gaps else (history.longest_gap for history in members if history.longest_gap is not None)
    unread = find_long_gaps(read, period.stale_after)
    counted = (
        (len(found), "{accounts} had root user credentials in the period that no recovery window explains."),
        (
            sum(any(presence.has_appeared for presence in shown) for shown in found),
            "In {accounts}, some appeared in the period.",
        ),
        (
            sum(any(presence.until is not None for presence in shown) for shown in found),
            "In {accounts}, some were gone before the period's end.",
        ),
        (len(unread), "{accounts} had no reading for longer than the report allows."),
    )
    reasons = [describe_gap(gap, period) for gap in gaps]
    reasons += [
        words.format(accounts="1 account" if count == 1 else f"{count:,} accounts") for count, words in counted if count
    ]
    word = {Verdict.FAIL: "fails", Verdict.PASS: "passes"}.get(at_end.verdict, "is unknown")
    reasons.append(f"The state at the period's end {word}.")
    if found or at_end.verdict is Verdict.FAIL:
        return ControlResult(Verdict.FAIL, tuple(reasons))
    return ControlResult(Verdict.UNKNOWN if gaps or unread else at_end.verdict, tuple(reasons))
