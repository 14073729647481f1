"""Accounts, statuses and selections as JSON values and back.

The command line, the API and its client show the same values. A job stores its selection, so that it selects the same
accounts when it is resumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

from typing_extensions import TypedDict

from rootkeeper.organization.accounts import Account, AccountId, AccountState, parse_account_id
from rootkeeper.organization.selection import NamedAccount, SelectionRequest
from rootkeeper.organization.statuses import (
    AccessKey,
    AccountRole,
    AccountStatus,
    LoginProfile,
    MfaDevice,
    MfaKind,
    RootCredentials,
    RootCredentialsSummary,
    SigningCertificate,
    Status,
    StatusReason,
)
from rootkeeper.shapes import AccountNumber, Count, Moment, record
from rootkeeper.values import (
    JsonValue,
    parse_flag,
    parse_instant,
    parse_optional_instant,
    parse_optional_text,
    parse_text,
    render_instant,
    render_optional_instant,
)

Found: TypeAlias = bool | Count | None
"""Whether there is one, or how many there are; ``null`` where it wasn't read."""


@record
class StatusCounts(TypedDict):
    """How many accounts have each status."""

    accounts: Count
    present: Count
    not_present: Count
    recovery_open: Count
    unknown: Count
    not_applicable: Count


@record
class CredentialsFound(TypedDict):
    """The four kinds: true or false, with details a number, ``null`` where it wasn't read."""

    password: Found
    access_keys: Found
    signing_certificates: Found
    mfa_devices: Found


@record
class LoginProfileDetails(TypedDict):
    """A root user's password."""

    created_at: Moment
    last_used_at: Moment | None


@record
class AccessKeyDetails(TypedDict):
    """A root user's access key."""

    access_key_id: str
    is_active: bool
    created_at: Moment
    last_used_at: Moment | None
    last_used_service: str | None
    last_used_region: str | None


@record
class SigningCertificateDetails(TypedDict):
    """A root user's signing certificate."""

    signing_certificate_id: str
    is_active: bool
    uploaded_at: Moment


@record
class MfaDeviceDetails(TypedDict):
    """A root user's MFA device."""

    mfa_serial_number: str
    kind: MfaKind
    enabled_at: Moment


@record
class CredentialDetails(TypedDict):
    """Everything that was found, with ages and last uses. AWS gives no secret of them."""

    observed_at: Moment
    password: LoginProfileDetails | None
    """``null`` without one."""
    access_keys: list[AccessKeyDetails]
    signing_certificates: list[SigningCertificateDetails]
    mfa_devices: list[MfaDeviceDetails]


@record
class AuditedAccountRecord(TypedDict):
    """An account with the last reading of its root user credentials."""

    account_id: AccountNumber
    name: str
    email: str
    ou_path: str
    """Names from the organization's root down, such as ``Root/Workloads/Prod``."""
    state: AccountState
    role: AccountRole
    status: Status
    reason: StatusReason | None
    """Why the status is ``unknown`` or ``not_applicable``."""
    detail: str | None
    """One sentence for a person."""
    credentials: CredentialsFound


@record
class AccountRecord(AuditedAccountRecord):
    """The same, with its place in the tree, its tags and the times."""

    ou_ids: list[str]
    """The organization's root and the units on the way to the account."""
    tags: dict[str, str] | None
    """``null`` where they weren't read."""
    joined_at: Moment | None
    observed_at: Moment | None
    """When it was read; ``null`` where it never was."""


@record
class DetailedAccountRecord(AccountRecord):
    """The same, with what was found one by one."""

    details: CredentialDetails | None
    """``null`` where nothing was there, or nothing could be read."""


def describe_credentials(found: RootCredentials) -> dict[str, JsonValue]:
    """Everything that was found, with ages and last uses; AWS gives no secret of them, so none is in it."""
    return {
        "observed_at": render_instant(found.observed_at),
        "password": None if found.login_profile is None else _describe_login_profile(found.login_profile),
        "access_keys": [_describe_access_key(key) for key in found.access_keys],
        "signing_certificates": [
            {
                "signing_certificate_id": certificate.signing_certificate_id,
                "is_active": certificate.is_active,
                "uploaded_at": render_instant(certificate.uploaded_at),
            }
            for certificate in found.signing_certificates
        ],
        "mfa_devices": [
            {
                "mfa_serial_number": device.mfa_serial_number,
                "kind": device.kind.value,
                "enabled_at": render_instant(device.enabled_at),
            }
            for device in found.mfa_devices
        ],
    }


def _describe_login_profile(login_profile: LoginProfile) -> dict[str, JsonValue]:
    return {
        "created_at": render_instant(login_profile.created_at),
        "last_used_at": render_optional_instant(login_profile.last_used_at),
    }


def _describe_access_key(key: AccessKey) -> dict[str, JsonValue]:
    return {
        "access_key_id": key.access_key_id,
        "is_active": key.is_active,
        "created_at": render_instant(key.created_at),
        "last_used_at": render_optional_instant(key.last_used_at),
        "last_used_service": key.last_used_service,
        "last_used_region": key.last_used_region,
    }


def parse_credentials(account_id: AccountId, content: Mapping[str, Any]) -> RootCredentials:
    """What ``describe_credentials`` wrote.

    :raises KeyError: if something is missing.
    :raises TypeError: and ValueError, if a value is none that it writes.
    """
    login_profile = content["password"]
    return RootCredentials(
        account_id=account_id,
        login_profile=None if login_profile is None else _parse_login_profile(login_profile),
        access_keys=tuple(_parse_access_key(key) for key in content["access_keys"]),
        signing_certificates=tuple(_parse_certificate(one) for one in content["signing_certificates"]),
        mfa_devices=tuple(_parse_device(device) for device in content["mfa_devices"]),
        observed_at=parse_instant(content["observed_at"]),
    )


def _parse_login_profile(content: Mapping[str, Any]) -> LoginProfile:
    return LoginProfile(parse_instant(content["created_at"]), parse_optional_instant(content["last_used_at"]))


def _parse_access_key(content: Mapping[str, Any]) -> AccessKey:
    return AccessKey(
        access_key_id=parse_text(content["access_key_id"]),
        is_active=parse_flag(content["is_active"]),
        created_at=parse_instant(content["created_at"]),
        last_used_at=parse_optional_instant(content["last_used_at"]),
        last_used_service=parse_optional_text(content["last_used_service"]),
        last_used_region=parse_optional_text(content["last_used_region"]),
    )


def _parse_certificate(content: Mapping[str, Any]) -> SigningCertificate:
    return SigningCertificate(
        parse_text(content["signing_certificate_id"]),
        parse_flag(content["is_active"]),
        parse_instant(content["uploaded_at"]),
    )


def _parse_device(content: Mapping[str, Any]) -> MfaDevice:
    return MfaDevice(
        parse_text(content["mfa_serial_number"]), MfaKind(content["kind"]), parse_instant(content["enabled_at"])
    )


_KINDS = ("password", "access_keys", "signing_certificates", "mfa_devices")


def account_to_record(status: AccountStatus, *, details: bool) -> dict[str, JsonValue]:
    """One account, as ``audit`` shows it; with ``details`` the four kinds are counted and listed."""
    account = status.account
    record: dict[str, JsonValue] = {
        "account_id": account.account_id,
        "name": account.name,
        "email": account.email,
        "ou_path": account.ou_path,
        "state": account.state.value,
        "role": status.role.value,
        "status": status.status.value,
        "reason": status.reason.value if status.reason else None,
        "detail": status.detail,
        "credentials": _credential_values(status, details=details),
    }
    if details:
        record["details"] = describe_credentials(status.credentials) if status.credentials else None
    return record


def stored_account_to_record(status: AccountStatus, *, details: bool) -> dict[str, JsonValue]:
    """Render a stored status, with the account's place in the tree, its tags, and the time of reading."""
    account = status.account
    return {
        **account_to_record(status, details=details),
        "ou_ids": list(account.ou_ids),
        "tags": None if account.tags is None else dict(account.tags),
        "joined_at": _render_optional(account.joined_at),
        "observed_at": _render_optional(status.observed_at),
    }


def account_from_record(record: Mapping[str, Any]) -> AccountStatus:
    """The status that one of the two wrote; what the shorter one leaves out isn't known.

    :raises ValueError: if a value is none that an account has.
    :raises InputError: if the account's id isn't one.
    :raises KeyError: if something is missing.
    """
    account_id = parse_account_id(record["account_id"])
    details = record.get("details")
    return AccountStatus(
        account=_parse_account(account_id, record),
        role=AccountRole(record["role"]),
        status=Status(record["status"]),
        reason=None if record["reason"] is None else StatusReason(record["reason"]),
        detail=record["detail"],
        summary=_parse_summary(record["credentials"]),
        credentials=None if details is None else _parse_details(account_id, details),
        observed_at=_parse_optional(record.get("observed_at")),
    )


def _parse_account(account_id: AccountId, record: Mapping[str, Any]) -> Account:
    return Account(
        account_id=account_id,
        name=record["name"],
        email=record["email"],
        state=AccountState(record["state"]),
        ou_ids=tuple(record.get("ou_ids", ())),
        ou_path=record["ou_path"],
        joined_at=_parse_optional(record.get("joined_at")),
        tags=record.get("tags"),
    )


def _parse_summary(values: Mapping[str, bool | int | None]) -> RootCredentialsSummary | None:
    """What wasn't read stays unknown; one unread kind makes the whole unread."""
    found = [values[kind] for kind in _KINDS]
    if any(value is None for value in found):
        return None
    return RootCredentialsSummary(*(bool(value) for value in found))


def _parse_details(account_id: AccountId, details: Mapping[str, Any]) -> RootCredentials:
    try:
        return parse_credentials(account_id, details)
    except TypeError as error:
        raise ValueError(f"The details of {account_id} aren't what was found: {error}") from error


def _credential_values(status: AccountStatus, *, details: bool) -> dict[str, bool | int | None]:
    found = status.credentials
    if details and found is not None:
        return {
            "password": int(found.login_profile is not None),
            "access_keys": len(found.access_keys),
            "signing_certificates": len(found.signing_certificates),
            "mfa_devices": len(found.mfa_devices),
        }
    summary = status.summary
    if summary is None:
        return dict.fromkeys(_KINDS)
    values = {
        "password": summary.has_password,
        "access_keys": summary.has_access_keys,
        "signing_certificates": summary.has_signing_certificates,
        "mfa_devices": summary.has_mfa_devices,
    }
    if details and summary.is_empty:
        return dict.fromkeys(values, 0)
    return dict(values)


def _render_optional(moment: datetime | None) -> str | None:
    return None if moment is None else render_instant(moment)


def _parse_optional(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def request_to_record(request: SelectionRequest) -> dict[str, JsonValue]:
    """Everything that was asked for, in a fixed order."""
    return {
        "named": [{"text": one.text, "source": one.source} for one in request.named],
        "organizational_units": list(request.organizational_units),
        "tags": [[key, value] for key, value in request.tags],
        "account_states": sorted(state.value for state in request.account_states),
        "statuses": sorted(status.value for status in request.statuses),
        "excluded": list(request.excluded),
        "everything": request.everything,
        "included_failsafes": sorted(request.included_failsafes),
    }


def request_from_record(record: Mapping[str, Any]) -> SelectionRequest:
    """The request that ``request_to_record`` wrote.

    :raises ValueError: if a value is none that a request has.
    :raises InputError: if an account id isn't one.
    :raises KeyError: if something is missing.
    """
    return SelectionRequest(
        named=tuple(NamedAccount(one["text"], one["source"]) for one in record["named"]),
        organizational_units=tuple(record["organizational_units"]),
        tags=tuple((key, value) for key, value in record["tags"]),
        account_states=frozenset(AccountState(value) for value in record["account_states"]),
        statuses=frozenset(Status(value) for value in record["statuses"]),
        excluded=tuple(record["excluded"]),
        everything=record["everything"] is True,
        included_failsafes=frozenset(parse_account_id(text) for text in record["included_failsafes"]),
    )
