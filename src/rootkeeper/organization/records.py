"""Accounts, statuses and selections as JSON values and back.

The command line, the API and its client show the same values. A job stores its selection, so that it selects the same
accounts when it is resumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, NotRequired, TypeAlias

from typing_extensions import TypedDict

from rootkeeper.organization.accounts import Account, AccountId, AccountState, parse_account_id
from rootkeeper.organization.confirmations import Confirmation
from rootkeeper.organization.selection import SelectionRequest, parse_tag
from rootkeeper.organization.statuses import (
    KIND_ORDER,
    STATUS_ORDER,
    AccessKey,
    AccountStatus,
    FailedAttempt,
    LoginProfile,
    MfaDevice,
    RootCredentials,
    RootCredentialsSummary,
    RootLoginsLeft,
    SigningCertificate,
    Status,
)
from rootkeeper.shapes import (
    Count,
    JsonRecord,
    JsonSchema,
    Limits,
    Moment,
    ShortText,
    WholeSecond,
    fill_record,
    parse_facts,
    record,
    record_for,
    record_of,
    to_json_record,
)
from rootkeeper.values import JsonValue, render_instant, render_optional_instant

Found: TypeAlias = Count | None
"""How many there are; ``null`` where it wasn't read. AWS's summary, which is all that an audit without details reads,
says 1 for any number above 0.
"""


@record_for(STATUS_ORDER, Count)
class StatusCounts(JsonRecord):
    """How many accounts have each status."""

    accounts: Count


@record_of(RootLoginsLeft, without=("accounts",))
class RootLoginsLeftRecord(JsonRecord):
    """The root logins that are left to secure."""

    headline: str
    """Both in one line, as every interface shows it."""


@record_of(Confirmation, without=("endpoint",), moment=WholeSecond)
class ConfirmationRecord(JsonRecord):
    """A confirmation by a check or a person about a delegated administrator account."""


@record_for(KIND_ORDER, Found)
class CredentialsFound(JsonRecord):
    """The four kinds, counted; ``null`` where a kind wasn't read. Without ``details``, 1 means 1 or more."""


@record_of(LoginProfile)
class LoginProfileDetails(JsonRecord):
    """A root user's password."""


@record_of(AccessKey)
class AccessKeyDetails(JsonRecord):
    """A root user's access key."""


@record_of(SigningCertificate)
class SigningCertificateDetails(JsonRecord):
    """A root user's signing certificate."""


@record_of(MfaDevice)
class MfaDeviceDetails(JsonRecord):
    """A root user's MFA device."""


@record_of(
    RootCredentials, without=("account_id",), renamed={"login_profile": "password"}, before={"observed_at": "password"}
)
class CredentialDetails(JsonRecord):
    """Everything that was found, with ages and last uses. AWS gives no secret of them."""


@record_of(FailedAttempt)
class FailedAttemptRecord(JsonRecord):
    """A failed attempt to read the account after its last reading, which counts until it is stale."""

    by: str | None
    """The ARN of the caller; ``null`` if an earlier version recorded the attempt."""
    detail: str | None


@record_of(
    AccountStatus,
    inside={"account": Account},
    without=("ou_ids", "joined_at", "tags", "summary", "observed_at", "session_access_key_id", "earlier_details"),
    before={"ou_path": "state", "is_confirmed": "credentials"},
)
class AuditedAccountRecord(JsonRecord):
    """An account with the last reading of its root user credentials."""

    credentials: CredentialsFound
    failed_attempt: FailedAttemptRecord | None


class AccountRecord(AuditedAccountRecord):
    """The same, with its place in the tree, its tags and the times."""

    ou_ids: list[str]
    """The organization's root and the units on the way to the account."""
    tags: dict[str, str] | None
    """``null`` where they weren't read."""
    joined_at: Moment | None
    observed_at: Moment | None
    """When it was read; ``null`` where it never was."""


class DetailedAccountRecord(AccountRecord):
    """The same, with each credential that was found."""

    details: CredentialDetails | None
    """``null`` where nothing was there, or nothing could be read."""


@record
class NamedBody(TypedDict):
    """An account, and where its name was given, such as a line of a file."""

    text: ShortText
    source: NotRequired[Annotated[str, Limits(max_length=1_024), JsonSchema(default="")]]


_NONE = JsonSchema(default=[])
_MOST = 20_000
"""How many accounts may be named individually."""


@record
class SelectionBody(TypedDict, total=False):
    """Which accounts are selected; as the options of the command line with the same names."""

    named: Annotated[list[ShortText | NamedBody], Limits(max_length=_MOST), _NONE]
    organizational_units: Annotated[list[ShortText], Limits(max_length=1_000), _NONE]
    tags: Annotated[
        list[ShortText | tuple[str, str]], Limits(max_length=100), JsonSchema(default=[], description="As key=value.")
    ]
    account_states: Annotated[list[AccountState], _NONE]
    statuses: Annotated[list[Status], _NONE]
    excluded: Annotated[list[ShortText], Limits(max_length=_MOST), _NONE]
    everything: Annotated[bool, JsonSchema(default=False)]
    included_failsafes: Annotated[list[ShortText], Limits(max_length=10), _NONE]


def parse_selection(record: Mapping[str, Any]) -> SelectionRequest:
    """Parse the selection of a request's body or of a job; a field that is left out selects nothing.

    :raises InputError: if an account id or a tag isn't valid.
    :raises TypeError: and KeyError, ValueError, AttributeError, if another value isn't valid.
    """
    tags = []
    for tag in record.get("tags", ()):
        key, value = parse_tag(tag) if isinstance(tag, str) else tag
        tags.append((key, value))
    return parse_facts(
        SelectionRequest,
        {
            **_NOTHING_SELECTED,
            **record,
            "named": [
                {"text": entry, "source": ""} if isinstance(entry, str) else {"source": "", **entry}
                for entry in record.get("named", ())
            ],
            "tags": tags,
            "included_failsafes": [parse_account_id(text) for text in record.get("included_failsafes", ())],
        },
    )


_NOTHING_SELECTED = to_json_record(SelectionRequest())


def describe_credentials(found: RootCredentials) -> CredentialDetails:
    """Render all credentials with their ages and last uses. AWS returns no secrets, so the result contains none."""
    return fill_record(CredentialDetails, found, render_instant)


def parse_credentials(account_id: AccountId, content: Mapping[str, Any]) -> RootCredentials:
    """Read credentials from the record that ``describe_credentials`` made.

    :raises KeyError: if a value is missing.
    :raises TypeError: and ValueError, if a value isn't valid.
    """
    return parse_facts(RootCredentials, {**content, "account_id": account_id, "login_profile": content["password"]})


def account_to_record(status: AccountStatus, *, details: bool) -> dict[str, JsonValue]:
    """Render an account as ``audit`` shows it; with ``details`` the four kinds are counted and listed."""
    record = fill_record(AuditedAccountRecord, status, credentials=_credential_values(status, details=details))
    if details:
        record["details"] = describe_credentials(status.details) if status.details else None
    return record


def _credential_values(status: AccountStatus, *, details: bool) -> dict[str, int | None]:
    found, summary = status.credentials, status.summary
    if details and found is not None:
        return {
            "password": int(found.login_profile is not None),
            "access_keys": len(found.access_keys),
            "signing_certificates": len(found.signing_certificates),
            "mfa_devices": len(found.mfa_devices),
        }
    if summary is None:
        return dict.fromkeys(KIND_ORDER)
    return {kind.value: int(summary.has(kind)) for kind in KIND_ORDER}


def stored_account_to_record(status: AccountStatus, *, details: bool) -> dict[str, JsonValue]:
    """Render a stored status, with the account's place in the tree, its tags, and the time of reading."""
    account = status.account
    return {
        **account_to_record(status, details=details),
        "ou_ids": list(account.ou_ids),
        "tags": None if account.tags is None else dict(account.tags),
        "joined_at": render_optional_instant(account.joined_at),
        "observed_at": render_optional_instant(status.observed_at),
    }


_LATER_FIELDS: dict[str, None] = {"failed_attempt": None, "earlier_details": None}
"""Fields that records of before, or all records, lack."""


def account_from_record(record: Mapping[str, Any]) -> AccountStatus:
    """Read a record of ``account_to_record`` or ``stored_account_to_record``; fields that it lacks stay unknown.

    :raises TypeError: and ValueError, if a value isn't valid.
    :raises InputError: if the account id isn't valid.
    :raises KeyError: if a value is missing.
    """
    plain = {"ou_ids": (), "tags": None, "joined_at": None, "observed_at": None, **_LATER_FIELDS, **record}
    account_id, details = parse_account_id(plain["account_id"]), plain.get("details")
    found = [plain["credentials"][kind] for kind in KIND_ORDER]
    status = parse_facts(
        AccountStatus, {**plain, "account": plain, "summary": None, "credentials": None, "session_access_key_id": None}
    )
    return replace(
        status,
        # A kind that wasn't read makes the whole summary unread.
        summary=None if None in found else RootCredentialsSummary(*map(bool, found)),
        credentials=None if details is None else parse_credentials(account_id, details),
    )
