"""An organization of the settings file, as the list of all organizations shows it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf

from rootkeeper.findings.rules import Verdict
from rootkeeper.history.rules import find_earlier
from rootkeeper.organization.statuses import AccountStatus, FailOn, KeptAudit, RootLoginsLeft, count_root_logins_left
from rootkeeper.organizations.orders import OrganizationSort
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
    failing_controls: Count | None
    """Controls of the CIS AWS Foundations Benchmark that fail, judged over the last 30 days; ``None`` if no accounts
    are listed, so that no control can be judged.
    """
    unknown_controls: Count | None
    """Controls of the same framework that are unknown; none of them counts as failing or as good."""
    trend: int | None
    """Root logins left to secure, less those that the audit of ``compared_at`` found. ``None`` if there is no such
    audit, or if fewer are left and more accounts are unknown: then the difference isn't known.
    """
    compared_at: datetime | None
    """When the audit of the whole organization nearest to 30 days ago ended; ``None`` if none is within a week."""
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
class KnownOrganizationRecord(JsonRecord):
    """An organization of the settings file, with its numbers."""

    numbers: OrganizationNumbersRecord | None
    """``null`` if they are unknown."""


@record
class OrganizationsDocument(Answer):
    """The organizations of the settings file."""

    organizations: list[KnownOrganizationRecord]


def count_organization(
    statuses: Collection[AccountStatus],
    unfinished: Iterable[RecoveryWindow],
    reviews_due: Collection[RecoveryWindow],
    audits: Sequence[KeptAudit],
    verdicts: Collection[Verdict] | None,
    now: datetime,
) -> OrganizationNumbers:
    """Count.

    :param unfinished: the recovery windows that aren't over.
    :param audits: those of the whole organization, the newest first.
    :param verdicts: on controls; ``None`` if they can't be judged.
    """
    left, owing = count_root_logins_left(statuses), [window for window in unfinished if window.state in OWING_STATES]
    earlier = find_earlier(audits, now)
    return OrganizationNumbers(
        accounts=left.accounts,
        root_logins_left=left.known,
        unknown=left.unknown,
        unread=left.unread,
        open_windows=len(owing),
        failed_closings=sum(window.state is WindowState.CLOSE_FAILED for window in owing),
        reviews_due=len(reviews_due),
        failing_controls=_count_verdicts(verdicts, Verdict.FAIL),
        unknown_controls=_count_verdicts(verdicts, Verdict.UNKNOWN),
        trend=None if earlier is None else _compare(left, earlier),
        compared_at=None if earlier is None else earlier.ended_at,
        last_complete_audit_at=audits[0].ended_at if audits else None,
    )


def _count_verdicts(verdicts: Collection[Verdict] | None, wanted: Verdict) -> int | None:
    return None if verdicts is None else sum(verdict is wanted for verdict in verdicts)


def _compare(left: RootLoginsLeft, earlier: KeptAudit) -> int | None:
    """Compare root logins left; ``None`` if a fall can be an account that isn't known any more."""
    if earlier.left_known is None:
        return None
    change = left.known - earlier.left_known
    return None if change < 0 and left.unknown > (earlier.left_unknown or 0) else change


def sort_organizations(
    organizations: Iterable[KnownOrganization], order: OrganizationSort | None = None
) -> tuple[KnownOrganization, ...]:
    """Sort organizations; those that are alike, by name.

    A number sorts the highest first. Organizations with unknown numbers are before all others, because their numbers
    can be higher. Those without a trend follow last in the order of the trend.

    :param order: ``None``: failed closings first, then unknown organizations, then those with most to do.
    """

    def rank(known: KnownOrganization) -> tuple[float, ...]:
        numbers = known.numbers
        if order is OrganizationSort.NAME:
            return ()
        if order is None:
            return _rank_work(numbers)
        if numbers is None:
            return (-inf,)
        if order is OrganizationSort.TREND:
            return (inf if numbers.trend is None else -numbers.trend,)
        counted: int | None = getattr(numbers, _SORTED_BY[order])
        return (-inf if counted is None else -counted,)

    return tuple(sorted(organizations, key=lambda known: (rank(known), known.name)))


_SORTED_BY = {
    OrganizationSort.LEFT: "root_logins_left",
    OrganizationSort.UNKNOWN: "unknown",
    OrganizationSort.WINDOWS: "open_windows",
    OrganizationSort.FAILED: "failed_closings",
    OrganizationSort.REVIEWS: "reviews_due",
    OrganizationSort.CONTROLS: "failing_controls",
}


def _rank_work(numbers: OrganizationNumbers | None) -> tuple[float, ...]:
    if numbers is None:
        return (0, -inf)
    work = numbers.root_logins_left + numbers.unknown + numbers.reviews_due + (numbers.failing_controls or 0)
    return (-numbers.failed_closings, -work)


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
