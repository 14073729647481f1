"""What changed between two audits: accounts that came and went, statuses, and kinds of credentials.

What one of the two didn't read is told as such. It is never a credential that went, nor one that appeared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.root_credentials import KIND_ORDER, CredentialKind
from rootkeeper.domain.statuses import AccountRole, AccountStatus, FailOn, Status

_LOGIN = (CredentialKind.PASSWORD, CredentialKind.ACCESS_KEYS, CredentialKind.SIGNING_CERTIFICATES)
"""What opens an account. An MFA device guards it: without one it is worse."""


class PresenceChange(StrEnum):
    """What became of one kind of credentials."""

    APPEARED = "appeared"
    GONE = "gone"
    """Read in both, there in the first and not in the second."""
    READ = "read"
    """The second audit read it, and the first didn't."""
    REPLACED = "replaced"
    """There in both, with other keys, certificates or devices."""
    UNREAD = "unread"
    """The first audit read it, and the second didn't."""


class AccountChange(StrEnum):
    """What became of an account."""

    CHANGED = "changed"
    JOINED = "joined"
    LEFT = "left"
    """It was in the first audit, and isn't in the second."""


@dataclass(frozen=True, slots=True)
class KindDifference:
    """One kind of credentials that isn't as it was."""

    kind: CredentialKind
    before: bool | None
    """Whether there was any; ``None`` where it wasn't read."""
    after: bool | None
    change: PresenceChange


@dataclass(frozen=True, slots=True)
class AccountDifference:
    """One account that isn't as it was."""

    account_id: AccountId
    name: str
    change: AccountChange
    before: AccountStatus | None
    after: AccountStatus | None
    kinds: tuple[KindDifference, ...]

    def is_worse(self, fail_on: frozenset[FailOn]) -> bool:
        """Whether root can be opened where it couldn't, or (as unknown) nobody can tell any more.

        An open recovery window and a failsafe that is in order aren't worse.
        """
        before, after = self.before, self.after
        if after is None or after.status is Status.RECOVERY_OPEN or _is_kept(after):
            return False
        if after.status is Status.UNKNOWN:
            return FailOn.UNKNOWN in fail_on and (before is None or before.status is not Status.UNKNOWN)
        was_there = before is not None and before.status is Status.PRESENT
        is_found = after.status is Status.PRESENT and not was_there
        return FailOn.PRESENT in fail_on and (is_found or any(_is_worse(one, after) for one in self.kinds))


@dataclass(frozen=True, slots=True)
class AuditDifference:
    """Everything that changed between two audits."""

    accounts: tuple[AccountDifference, ...]
    """By account id."""
    unchanged: int
    """Accounts that are as they were."""
    not_compared: int
    """Accounts that only one of two audits has, where one of them wasn't of the whole organization."""

    def is_worse(self, fail_on: frozenset[FailOn]) -> bool:
        """Whether any account is."""
        return any(one.is_worse(fail_on) for one in self.accounts)


def compare_audits(
    before: Mapping[AccountId, AccountStatus], after: Mapping[AccountId, AccountStatus], *, are_complete: bool
) -> AuditDifference:
    """What changed from one audit to the other.

    :param are_complete: whether both were of the whole organization; else an account that is in only one of them
        neither joined nor left.
    """
    found: list[AccountDifference] = []
    unchanged = not_compared = 0
    for account_id in sorted({*before, *after}):
        one, other = before.get(account_id), after.get(account_id)
        if (one is None or other is None) and not are_complete:
            not_compared += 1
        elif (difference := _compare(account_id, one, other)) is None:
            unchanged += 1
        else:
            found.append(difference)
    return AuditDifference(tuple(found), unchanged, not_compared)


def _compare(
    account_id: AccountId, before: AccountStatus | None, after: AccountStatus | None
) -> AccountDifference | None:
    known = after or before
    if known is None:
        return None
    change = AccountChange.CHANGED if before and after else AccountChange.JOINED if after else AccountChange.LEFT
    kinds = compare_kinds(before, after) if before and after else ()
    is_same = (
        before is not None and after is not None and (before.status, before.reason) == (after.status, after.reason)
    )
    if is_same and not kinds:
        return None
    return AccountDifference(account_id, known.account.name, change, before, after, kinds)


def compare_kinds(before: AccountStatus, after: AccountStatus) -> tuple[KindDifference, ...]:
    """The kinds of credentials that two readings of one account tell differently."""
    return tuple(_list_kinds(before, after))


def _list_kinds(before: AccountStatus, after: AccountStatus) -> Iterable[KindDifference]:
    for kind in KIND_ORDER:
        one, other = _has(before, kind), _has(after, kind)
        if one != other:
            yield KindDifference(kind, one, other, _classify_presence(one, other))
        elif one and _are_replaced(kind, before, after):
            yield KindDifference(kind, one, other, PresenceChange.REPLACED)


def _classify_presence(before: bool | None, after: bool | None) -> PresenceChange:
    if after is None:
        return PresenceChange.UNREAD
    if before is None:
        return PresenceChange.READ
    return PresenceChange.APPEARED if after else PresenceChange.GONE


def _has(status: AccountStatus, kind: CredentialKind) -> bool | None:
    return None if status.summary is None else status.summary.has(kind)


def _are_replaced(kind: CredentialKind, before: AccountStatus, after: AccountStatus) -> bool:
    """Only told where both were read in detail."""
    one, other = _list_ids(kind, before), _list_ids(kind, after)
    return one is not None and other is not None and one != other


def _list_ids(kind: CredentialKind, status: AccountStatus) -> frozenset[str] | None:
    found = status.credentials
    if found is None:
        return None
    profile = found.login_profile
    return {
        CredentialKind.PASSWORD: frozenset({profile.created_at.isoformat()} if profile else ()),
        CredentialKind.ACCESS_KEYS: frozenset(key.access_key_id for key in found.access_keys),
        CredentialKind.SIGNING_CERTIFICATES: frozenset(
            one.signing_certificate_id for one in found.signing_certificates
        ),
        CredentialKind.MFA_DEVICES: frozenset(device.mfa_serial_number for device in found.mfa_devices),
    }[kind]


def _is_worse(difference: KindDifference, after: AccountStatus) -> bool:
    if difference.kind in _LOGIN:
        return difference.change in {PresenceChange.APPEARED, PresenceChange.REPLACED}
    summary = after.summary
    is_open = summary is not None and any(summary.has(kind) for kind in _LOGIN)
    return difference.change is PresenceChange.GONE and is_open


def _is_kept(status: AccountStatus) -> bool:
    """A failsafe's login is kept on purpose while it is guarded."""
    return status.role is AccountRole.FAILSAFE and status.is_in_order
