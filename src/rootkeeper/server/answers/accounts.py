"""Accounts, audits and exceptions."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from rootkeeper.exceptions.records import ExceptionRecord
from rootkeeper.history.records import KeptAuditRecord
from rootkeeper.organization.accounts import AccountState
from rootkeeper.organization.headline import LeftToSecure
from rootkeeper.organization.records import AccountRecord, DetailedAccountRecord, RootLoginsLeftRecord, StatusCounts
from rootkeeper.organization.statuses import AccountRole, CredentialKind, Status, StatusReason
from rootkeeper.shapes import AccountNumber, Answer, Count, CountedPage, Moment, Page, record


@record
class AccountAnswer(DetailedAccountRecord, Answer):
    """One account."""

    window_ids: list[str]
    """Its recovery windows, the newest first."""


@record
class ListedOrganization(TypedDict):
    """The organization whose accounts are listed."""

    organization_id: str
    management_account_id: AccountNumber | None
    """``null`` while nothing was listed."""
    endpoint: str
    """``AWS``, or ``SANDBOX`` and its address."""
    listed_at: Moment | None
    """``null`` while nothing was listed."""


@record
class AccountPage(ListedOrganization, Page):
    """Accounts, by id."""

    accounts: list[AccountRecord] | list[DetailedAccountRecord]
    """With ``details`` if the request sets it."""
    summary: StatusCounts
    """Of all accounts that match the filters."""
    root_logins_left_to_secure: RootLoginsLeftRecord
    """Of all accounts that match the filters."""
    total: Count
    """Of all pages."""


@record
class UnitRecord(TypedDict):
    """A node of the tree."""

    ou_id: str
    name: str
    parent_id: str | None
    """``null`` for the organization's root."""


@record
class PlacedUnitRecord(UnitRecord):
    """The same, with its place."""

    path: str
    """Names from the organization's root down."""


@record
class OrganizationRecord(ListedOrganization):
    """The organization as it was listed last; ``null`` in all that isn't known."""

    partition: str | None
    has_all_features: bool | None
    """Without them it has consolidated billing only."""
    delegated_administrator_ids: list[AccountNumber] | None
    organizational_units: list[UnitRecord]


@record
class OrganizationPage(Page):
    """The server's one organization."""

    organizations: list[OrganizationRecord]


@record
class TreeAnswer(ListedOrganization, Answer):
    """The tree of organizational units."""

    root_id: str | None
    units: list[PlacedUnitRecord]


@record
class JsonColumn(TypedDict):
    """A column whose words repeat only once."""

    at: list[Count]
    """For each account the place of its word."""


@record
class TextColumn(JsonColumn):
    """Of texts."""

    words: list[str | None]


@record
class StateColumn(JsonColumn):
    """Of states of accounts."""

    words: list[AccountState]


@record
class RoleColumn(JsonColumn):
    """Of parts in the organization."""

    words: list[AccountRole]


@record
class StatusColumn(JsonColumn):
    """Of statuses."""

    words: list[Status]


@record
class ReasonColumn(JsonColumn):
    """Of reasons of statuses."""

    words: list[StatusReason | None]


@record
class LeftToSecureColumn(JsonColumn):
    """Of how accounts count among the root logins left to secure; ``null``: nothing is left to secure."""

    words: list[LeftToSecure | None]


@record
class AccountColumns(TypedDict):
    """A list for each field, all of one length and in one order."""

    account_id: list[AccountNumber]
    name: list[str]
    email: list[str]
    ou_id: TextColumn
    state: StateColumn
    role: RoleColumn
    status: StatusColumn
    reason: ReasonColumn
    detail: TextColumn
    is_in_order: list[Literal[0, 1]]
    left_to_secure: LeftToSecureColumn
    kinds: list[Count | None]
    """Sums of 1, 2, 4 and 8 for the kinds in their order; ``null`` where it wasn't read."""
    has_details: list[Literal[0, 1]]
    """Whether ages and last use were read, as by an audit with details."""
    password_used_at: list[int | None]
    """In seconds since 1970, as the next two; ``null`` if never used, or if it wasn't read."""
    key_used_at: list[int | None]
    """The last use of any access key."""
    oldest_at: list[int | None]
    """When the oldest access key or signing certificate was created."""
    observed_at: list[int | None]
    """In seconds since 1970."""
    tags: list[dict[str, str] | None]


@record
class CompactListing(ListedOrganization, Answer):
    """The whole organization."""

    organizational_units: list[UnitRecord]
    kinds: list[CredentialKind]
    summary: StatusCounts
    root_logins_left_to_secure: RootLoginsLeftRecord
    columns: AccountColumns


@record
class AuditPage(CountedPage):
    """Audits, the newest first."""

    audits: list[KeptAuditRecord]


@record
class AuditAnswer(KeptAuditRecord, Page):
    """An audit with a part of what it found."""

    accounts: list[DetailedAccountRecord]


@record
class ExceptionPage(CountedPage):
    """Exceptions, those in force first."""

    exceptions: list[ExceptionRecord]


@record
class ExceptionAnswer(ExceptionRecord, Answer):
    """One exception."""
