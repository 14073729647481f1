"""Accounts, audits and exceptions.

The accounts of the organization, and where they stand in it.

Audits that are kept, what changed between two of them, and an account's past.

Exceptions from deletion.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from rootkeeper.history.rules import AccountChange, PresenceChange, TimelineKind
from rootkeeper.organization.accounts import AccountState
from rootkeeper.organization.statuses import AccountRole, CredentialKind, FailOn, MfaKind, Status, StatusReason
from rootkeeper.server.answers.shapes import AccountNumber, Answer, Count, CountedPage, Moment, Page, Record

Found: TypeAlias = bool | Count | None
"""Whether there is one, or how many there are; ``null`` where it wasn't read."""


class StatusCounts(Record):
    """How many accounts have each status."""

    accounts: Count
    present: Count
    not_present: Count
    recovery_open: Count
    unknown: Count
    not_applicable: Count


class CredentialsFound(Record):
    """The four kinds: true or false, with details a number, ``null`` where it wasn't read."""

    password: Found
    access_keys: Found
    signing_certificates: Found
    mfa_devices: Found


class LoginProfileDetails(Record):
    """A root user's password."""

    created_at: Moment
    last_used_at: Moment | None


class AccessKeyDetails(Record):
    """A root user's access key."""

    access_key_id: str
    is_active: bool
    created_at: Moment
    last_used_at: Moment | None
    last_used_service: str | None
    last_used_region: str | None


class SigningCertificateDetails(Record):
    """A root user's signing certificate."""

    signing_certificate_id: str
    is_active: bool
    uploaded_at: Moment


class MfaDeviceDetails(Record):
    """A root user's MFA device."""

    mfa_serial_number: str
    kind: MfaKind
    enabled_at: Moment


class CredentialDetails(Record):
    """Everything that was found, with ages and last uses. AWS gives no secret of them."""

    observed_at: Moment
    password: LoginProfileDetails | None
    """``null`` without one."""
    access_keys: list[AccessKeyDetails]
    signing_certificates: list[SigningCertificateDetails]
    mfa_devices: list[MfaDeviceDetails]


class Account(Record):
    """An account with the last reading of its root user credentials."""

    account_id: AccountNumber
    name: str
    email: str
    ou_path: str
    """Names from the organization's root down, such as ``Root/Workloads/Prod``."""
    ou_ids: list[str]
    """The organization's root and the units on the way to the account."""
    state: AccountState
    role: AccountRole
    status: Status
    reason: StatusReason | None
    """Why the status is ``unknown`` or ``not_applicable``."""
    detail: str | None
    """One sentence for a person."""
    credentials: CredentialsFound
    tags: dict[str, str] | None
    """``null`` where they weren't read."""
    joined_at: Moment | None
    observed_at: Moment | None
    """When it was read; ``null`` where it never was."""


class DetailedAccount(Account):
    """The same, with what was found one by one."""

    details: CredentialDetails | None
    """``null`` where nothing was there, or nothing could be read."""


class AccountAnswer(DetailedAccount, Answer):
    """One account."""

    window_ids: list[str]
    """Its recovery windows, the newest first."""


class ListedOrganization(Record):
    """Of what the accounts were listed."""

    organization_id: str
    management_account_id: AccountNumber | None
    """``null`` while nothing was listed."""
    endpoint: str
    """``AWS``, or ``SANDBOX`` and its address."""
    listed_at: Moment | None
    """``null`` while nothing was listed."""


class AccountPage(ListedOrganization, Page):
    """Accounts, by id."""

    accounts: list[Account] | list[DetailedAccount]
    """The second ones if ``details`` were asked for."""
    summary: StatusCounts
    """Of whatever the filters fit."""
    root_logins_left_to_secure: Count
    """The same: those that are there and shouldn't be, and those kept on purpose that aren't in order."""
    total: Count
    """Of all pages."""


class OrganizationalUnit(Record):
    """A node of the tree."""

    ou_id: str
    name: str
    parent_id: str | None
    """``null`` for the organization's root."""


class PlacedUnit(OrganizationalUnit):
    """The same, with its place."""

    path: str
    """Names from the organization's root down."""


class Organization(ListedOrganization):
    """The organization as it was listed last; ``null`` in all that isn't known."""

    partition: str | None
    has_all_features: bool | None
    """Without them it has consolidated billing only."""
    delegated_administrator_ids: list[AccountNumber] | None
    organizational_units: list[OrganizationalUnit]


class OrganizationPage(Page):
    """The server's one organization."""

    organizations: list[Organization]


class TreeAnswer(ListedOrganization, Answer):
    """The tree of organizational units."""

    root_id: str | None
    units: list[PlacedUnit]


class JsonColumn(Record):
    """A column whose words repeat only once."""

    at: list[Count]
    """For each account the place of its word."""


class TextColumn(JsonColumn):
    """Of texts."""

    words: list[str | None]


class StateColumn(JsonColumn):
    """Of states of accounts."""

    words: list[AccountState]


class RoleColumn(JsonColumn):
    """Of parts in the organization."""

    words: list[AccountRole]


class StatusColumn(JsonColumn):
    """Of statuses."""

    words: list[Status]


class ReasonColumn(JsonColumn):
    """Of reasons of statuses."""

    words: list[StatusReason | None]


class AccountColumns(Record):
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
    is_in_order: list[Annotated[int, Field(ge=0, le=1)]]
    kinds: list[Count | None]
    """Sums of 1, 2, 4 and 8 for the kinds in their order; ``null`` where it wasn't read."""
    observed_at: list[int | None]
    """In seconds since 1970."""
    tags: list[dict[str, str] | None]


class CompactListing(ListedOrganization, Answer):
    """The whole organization."""

    organizational_units: list[OrganizationalUnit]
    kinds: list[CredentialKind]
    summary: StatusCounts
    root_logins_left_to_secure: Count
    columns: AccountColumns


class KeptAudit(Record):
    """An audit without its accounts."""

    audit_id: str
    """Of the job that made it."""
    started_at: Moment
    ended_at: Moment
    endpoint: str | None
    """``null`` for an audit that an earlier version kept."""
    complete: bool
    """Whether it was of the whole organization."""
    requested_by: str | None
    summary: dict[str, Count]
    """Accounts by status, and ``accounts`` for all of them."""


class AuditPage(CountedPage):
    """Audits, the newest first."""

    audits: list[KeptAudit]


class AuditAnswer(KeptAudit, Page):
    """An audit with a part of what it found."""

    accounts: list[DetailedAccount]


class PastStatus(Record):
    """What an account was found to be in one of two audits."""

    status: Status
    reason: StatusReason | None
    detail: str | None
    read_at: Moment | None
    """``null`` where it wasn't read."""


class KindChange(Record):
    """What became of one kind of credentials."""

    kind: CredentialKind
    before: bool | None
    """``null`` where it wasn't read."""
    after: bool | None
    """``null`` where it wasn't read."""
    change: PresenceChange


class ChangedAccount(Record):
    """An account that isn't as it was."""

    account_id: AccountNumber
    name: str
    change: AccountChange
    before: PastStatus | None
    """``null`` for one that joined."""
    after: PastStatus | None
    """``null`` for one that left."""
    credentials: list[KindChange]


class ChangeCounts(Record):
    """How many accounts changed, and how."""

    changed: Count
    joined: Count
    left: Count
    unchanged: Count
    not_compared: Count
    """Those that only one of the two has, where one wasn't of the whole organization."""


class ComparisonAnswer(Answer):
    """What changed between two audits."""

    organization_id: str
    older: KeptAudit
    newer: KeptAudit
    accounts: list[ChangedAccount]
    """Those that changed, by id."""
    summary: ChangeCounts
    worse: list[FailOn]
    """Of which statuses there are more than before."""


class HistoryEntry(Record):
    """One thing that happened, or was found."""

    at: Moment
    kind: TimelineKind
    what: str
    """The event's name, the action, the status or the step."""
    detail: str
    actor: str | None
    reference: str
    """The event's id, the entry's sequence, the audit's id or the window's id."""
    alarming: bool


class HistoryAnswer(Answer):
    """One account's past."""

    organization_id: str
    account_id: AccountNumber
    name: str | None
    """``null`` for an account that no listing knows any more."""
    audits: Count
    """How many kept audits have it."""
    last_read_at: Moment | None
    entries: list[HistoryEntry]
    """The oldest first."""


class DeletionException(Record):
    """An account that deletion skips."""

    account_id: AccountNumber
    owner: str
    """Who answers for it."""
    reason: str
    until: Moment
    in_force: bool
    added_by: str
    added_at: Moment


class ExceptionPage(CountedPage):
    """Exceptions, those in force first."""

    exceptions: list[DeletionException]


class ExceptionAnswer(DeletionException, Answer):
    """One exception."""
