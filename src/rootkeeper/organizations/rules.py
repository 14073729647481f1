"""An organization of the settings file, as the list of all organizations shows it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from rootkeeper.organization.statuses import AccountStatus, FailOn, KeptAudit, count_root_logins_left
from rootkeeper.shapes import Answer, Count, JsonRecord, record, record_of
from rootkeeper.windows.rules import OWING_STATES, RecoveryWindow, WindowState


@dataclass(frozen=True, slots=True)
class OrganizationNumbers:
    """The numbers of an organization, as its database has them."""

    accounts: Count
    root_logins_left: Count
    """Root logins left to secure that a reading shows."""
    unknown: Count
    """Accounts without a reading of their root login."""
    unread: Count
    """Accounts that the last attempt didn't read, unknown accounts included."""
    open_windows: Count
    """Recovery windows that must still be closed."""
    failed_closings: Count
    """Those of them whose closing failed."""
    reviews_due: Count
    """Windows that were opened in an emergency, and whose review is overdue."""
    last_complete_audit_at: datetime | None
    """When the last audit of the whole organization ended; ``None`` if there was none."""


@dataclass(frozen=True, slots=True)
class KnownOrganization:
    """An organization of the settings file, with its numbers."""

    name: str
    organization_id: str
    profile: str | None
    """The AWS profile whose credentials are used; ``None``: those that the AWS CLI would use."""
    database: str
    """Where its data is, without a password."""
    numbers: OrganizationNumbers | None
    """``None`` if they are unknown."""
    problem: str | None
    """Why they are unknown, or older than they should be."""
    hint: str | None = None
    """What to do about it."""
    own_settings: tuple[str, ...] = ()
    """The settings that its own table gives, such as ``windows.approvals``."""


@record_of(OrganizationNumbers)
class OrganizationNumbersRecord(JsonRecord):
    """The numbers of an organization, as its database has them."""


@record_of(KnownOrganization)
class OrganizationRecord(JsonRecord):
    """An organization of the settings file, with its numbers."""

    numbers: OrganizationNumbersRecord | None
    """``null`` if they are unknown."""


@record
class OrganizationsDocument(Answer):
    """The organizations of the settings file."""

    organizations: list[OrganizationRecord]


def count_organization(
    statuses: Collection[AccountStatus],
    unfinished: Iterable[RecoveryWindow],
    reviews_due: Collection[RecoveryWindow],
    last_complete: KeptAudit | None,
) -> OrganizationNumbers:
    """:param unfinished: the recovery windows that aren't over."""
    left, owing = count_root_logins_left(statuses), [window for window in unfinished if window.state in OWING_STATES]
    return OrganizationNumbers(
        accounts=left.accounts,
        root_logins_left=left.known,
        unknown=left.unknown,
        unread=left.unread,
        open_windows=len(owing),
        failed_closings=sum(window.state is WindowState.CLOSE_FAILED for window in owing),
        reviews_due=len(reviews_due),
        last_complete_audit_at=None if last_complete is None else last_complete.ended_at,
    )


def has_findings(organizations: Iterable[KnownOrganization], fail_on: frozenset[FailOn]) -> bool:
    """Whether anything is left to do, or unknown, that ``fail_on`` names."""
    found: set[FailOn] = set()
    for organization in organizations:
        numbers = organization.numbers
        if numbers is None or not numbers.accounts or numbers.unknown:
            found.add(FailOn.UNKNOWN)
        if organization.problem or numbers is None or numbers.unread:
            found.add(FailOn.UNREAD)
        if numbers is not None and (numbers.root_logins_left or numbers.failed_closings or numbers.reviews_due):
            found.add(FailOn.PRESENT)
    return bool(found & fail_on)
