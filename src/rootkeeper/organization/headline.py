"""The headline of every view of an organization: how many root logins are left to secure, and how many are unknown.

The command line, the report, the API and the console take it from here, so that none of them counts differently. The
two numbers always come together: a low number beside many unknown accounts isn't good news.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from rootkeeper.organization.statuses import AccountRole, AccountStatus, Status


@dataclass(frozen=True, slots=True)
class RootLoginsLeft:
    """Root logins that are left to secure, of some accounts."""

    known: int
    """A reading shows them: those that shouldn't exist, and those kept on purpose that aren't in order."""
    unknown: int
    """Accounts whose root login no reading shows."""
    accounts: int

    @property
    def headline(self) -> str:
        """One line for a person."""
        found = f"{self.known:,} known, {self.unknown:,} unknown" if self.accounts else "unknown, no account was read"
        return f"Root logins left to secure: {found}"

    @property
    def is_none(self) -> bool:
        """Whether it is known that none is left."""
        return bool(self.accounts) and not self.known and not self.unknown


class LeftToSecure(StrEnum):
    """How an account counts among the root logins that are left to secure."""

    KNOWN = "known"
    UNKNOWN = "unknown"


def classify_root_login(status: AccountStatus) -> LeftToSecure | None:
    """``None``: nothing is left to secure in this account."""
    if _is_unknown(status):
        return LeftToSecure.UNKNOWN
    return LeftToSecure.KNOWN if _is_left(status) else None


def count_root_logins_left(statuses: Iterable[AccountStatus]) -> RootLoginsLeft:
    """Count the root logins that are left to secure."""
    counts = Counter(classify_root_login(status) for status in statuses)
    return RootLoginsLeft(counts[LeftToSecure.KNOWN], counts[LeftToSecure.UNKNOWN], counts.total())


def _is_unknown(status: AccountStatus) -> bool:
    if status.role is AccountRole.MEMBER:
        return status.status is Status.UNKNOWN
    return status.summary is None and status.status is not Status.RECOVERY_OPEN


def _is_left(status: AccountStatus) -> bool:
    if status.status is Status.RECOVERY_OPEN:
        return True
    if status.role is not AccountRole.MEMBER:
        return not status.is_in_order
    return status.status is Status.PRESENT
