"""Plan files: a deletion plan as JSON, with a hash that shows edits.

The hash is SHA-256 over the canonical JSON (RFC 8785) of everything but itself. It shows edits, it isn't a signature:
``apply`` therefore judges every account anew and orders the calls itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from rootkeeper.domain.deletion import DeletionPlan, PlannedAccount, PlannedCall
from rootkeeper.domain.ledger import JsonValue, canonical_json
from rootkeeper.domain.organizations import AccountId, AccountState, parse_account_id
from rootkeeper.domain.root_credentials import (
    AccessKey,
    CredentialKind,
    LoginProfile,
    MfaDevice,
    MfaKind,
    RootCredentials,
    SigningCertificate,
)
from rootkeeper.domain.selection import Skip, SkipReason
from rootkeeper.errors import InputError, PlanInvalidError

SCHEMA_VERSION = 1
_PLAN_AGAIN = "Make a new plan: rootkeeper plan SELECTION --out FILE."


def describe_plan(plan: DeletionPlan) -> dict[str, JsonValue]:
    """The plan as JSON values, its hash included."""
    content = _describe_content(plan)
    return content | {"hash": _hash(content)}


def render_plan(plan: DeletionPlan) -> str:
    """The plan's file."""
    return json.dumps(describe_plan(plan), indent=2, ensure_ascii=False) + "\n"


def derive_plan_id(plan: DeletionPlan) -> str:
    """An id that follows from the plan's content, so that no randomness is needed."""
    return "plan-" + _hash(_describe_content(plan) | {"plan_id": ""})[:16]


def parse_plan(text: str) -> DeletionPlan:
    """Read a plan's file.

    :raises PlanInvalidError: if it isn't a plan, of another version, or was altered.
    """
    content = _load(text)
    if content.get("schema_version") != SCHEMA_VERSION:
        raise PlanInvalidError(
            f"The plan's schema_version is {content.get('schema_version')!r}; this program reads {SCHEMA_VERSION}.",
            hint=_PLAN_AGAIN,
        )
    _require_unaltered(content)
    try:
        return _parse_content(content)
    except (KeyError, TypeError, ValueError, AttributeError, InputError) as error:
        raise PlanInvalidError(
            f"The plan lacks something or holds a wrong value: {error}.", hint=_PLAN_AGAIN
        ) from error


def require_valid_here(plan: DeletionPlan, *, organization_id: str, endpoint: str, now: datetime) -> None:
    """Check that a plan may be applied here and now.

    :raises PlanInvalidError: if it is of another organization or endpoint, expired, or not valid yet.
    """
    if plan.organization_id != organization_id:
        raise PlanInvalidError(
            f"The plan is of organization {plan.organization_id}, these credentials are of {organization_id}.",
            hint="Use the credentials that the plan was made with.",
        )
    if plan.endpoint != endpoint:
        raise PlanInvalidError(
            f"The plan was made at {plan.endpoint}, this is {endpoint}.", hint="Check AWS_ENDPOINT_URL."
        )
    if now < plan.not_before:
        raise PlanInvalidError(
            f"The plan isn't valid before {render_instant(plan.not_before)}.", hint="Apply it then, or make a new plan."
        )
    if now >= plan.not_after:
        raise PlanInvalidError(f"The plan expired at {render_instant(plan.not_after)}.", hint=_PLAN_AGAIN)


def render_instant(instant: datetime) -> str:
    """``2026-01-15T09:00:00Z``, with microseconds only where there are some."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _hash(content: Mapping[str, JsonValue]) -> str:
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def _load(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text, object_pairs_hook=_refuse_duplicates)
    except (ValueError, RecursionError) as error:
        raise PlanInvalidError("The file isn't a plan: it can't be read as JSON.", hint=_PLAN_AGAIN) from error
    if not isinstance(content, dict):
        raise PlanInvalidError("The file isn't a plan: it holds no JSON object.", hint=_PLAN_AGAIN)
    return content


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return content


def _require_unaltered(content: Mapping[str, Any]) -> None:
    rest = {key: value for key, value in content.items() if key != "hash"}
    try:
        actual = _hash(rest)
    except (ValueError, RecursionError) as error:
        raise PlanInvalidError("The plan holds a value that no plan has.", hint=_PLAN_AGAIN) from error
    if content.get("hash") != actual:
        raise PlanInvalidError("The plan was altered: its hash doesn't fit its content.", hint=_PLAN_AGAIN)


def _describe_content(plan: DeletionPlan) -> dict[str, JsonValue]:
    return {
        "schema_version": SCHEMA_VERSION,
        "plan_id": plan.plan_id,
        "organization_id": plan.organization_id,
        "endpoint": plan.endpoint,
        "created_by": plan.created_by,
        "caller_arn": plan.caller_arn,
        "created_at": render_instant(plan.created_at),
        "not_before": render_instant(plan.not_before),
        "not_after": render_instant(plan.not_after),
        "selection": plan.selection,
        "only": [kind.value for kind in CredentialKind if kind in plan.only],
        "included_failsafes": sorted(plan.included_failsafes),
        "accounts": [_describe_account(account) for account in plan.accounts],
    }


def _describe_account(account: PlannedAccount) -> dict[str, JsonValue]:
    return {
        "account_id": account.account_id,
        "name": account.name,
        "ou_path": account.ou_path,
        "state": account.state.value,
        "observed_at": _render_optional(account.observed_at),
        "credentials": None if account.found is None else describe_credentials(account.found),
        "calls": [
            {"kind": call.kind.value, "operation": call.operation, "target": call.target} for call in account.calls
        ],
        "reason": None if account.skip is None else account.skip.reason.value,
        "detail": None if account.skip is None else account.skip.detail,
        "allowed_use": account.allowed_use,
    }


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
        "last_used_at": _render_optional(login_profile.last_used_at),
    }


def _describe_access_key(key: AccessKey) -> dict[str, JsonValue]:
    return {
        "access_key_id": key.access_key_id,
        "is_active": key.is_active,
        "created_at": render_instant(key.created_at),
        "last_used_at": _render_optional(key.last_used_at),
        "last_used_service": key.last_used_service,
        "last_used_region": key.last_used_region,
    }


def _render_optional(instant: datetime | None) -> str | None:
    return None if instant is None else render_instant(instant)


def _parse_content(content: Mapping[str, Any]) -> DeletionPlan:
    accounts = tuple(_parse_account(account) for account in content["accounts"])
    if len({account.account_id for account in accounts}) != len(accounts):
        raise ValueError("an account stands twice in it")
    return DeletionPlan(
        plan_id=_text(content["plan_id"]),
        organization_id=_text(content["organization_id"]),
        endpoint=_text(content["endpoint"]),
        created_by=_text(content["created_by"]),
        caller_arn=_text(content["caller_arn"]),
        created_at=_instant(content["created_at"]),
        not_before=_instant(content["not_before"]),
        not_after=_instant(content["not_after"]),
        selection=_text(content["selection"]),
        only=_kinds(content["only"]),
        included_failsafes=frozenset(parse_account_id(_text(one)) for one in content["included_failsafes"]),
        accounts=accounts,
    )


def _parse_account(content: Mapping[str, Any]) -> PlannedAccount:
    account_id = parse_account_id(_text(content["account_id"]))
    reason, found = content["reason"], content["credentials"]
    return PlannedAccount(
        account_id=account_id,
        name=_text(content["name"]),
        ou_path=_text(content["ou_path"]),
        state=AccountState(content["state"]),
        found=None if found is None else parse_credentials(account_id, found),
        observed_at=_optional_instant(content["observed_at"]),
        calls=tuple(
            PlannedCall(CredentialKind(call["kind"]), _optional_text(call["target"])) for call in content["calls"]
        ),
        skip=None if reason is None else Skip(SkipReason(reason), _text(content["detail"])),
        allowed_use=_optional_text(content["allowed_use"]),
    )


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
        observed_at=_instant(content["observed_at"]),
    )


def _parse_login_profile(content: Mapping[str, Any]) -> LoginProfile:
    return LoginProfile(_instant(content["created_at"]), _optional_instant(content["last_used_at"]))


def _parse_access_key(content: Mapping[str, Any]) -> AccessKey:
    return AccessKey(
        access_key_id=_text(content["access_key_id"]),
        is_active=_flag(content["is_active"]),
        created_at=_instant(content["created_at"]),
        last_used_at=_optional_instant(content["last_used_at"]),
        last_used_service=_optional_text(content["last_used_service"]),
        last_used_region=_optional_text(content["last_used_region"]),
    )


def _parse_certificate(content: Mapping[str, Any]) -> SigningCertificate:
    return SigningCertificate(
        _text(content["signing_certificate_id"]), _flag(content["is_active"]), _instant(content["uploaded_at"])
    )


def _parse_device(content: Mapping[str, Any]) -> MfaDevice:
    return MfaDevice(_text(content["mfa_serial_number"]), MfaKind(content["kind"]), _instant(content["enabled_at"]))


def _kinds(values: Iterable[str]) -> frozenset[CredentialKind]:
    return frozenset(CredentialKind(value) for value in values)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} isn't text")
    return value


def _optional_text(value: Any) -> str | None:
    return None if value is None else _text(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} isn't true or false")
    return value


def _instant(value: Any) -> datetime:
    instant = datetime.fromisoformat(_text(value))
    if instant.tzinfo is None:
        raise ValueError(f"{value!r} names no time zone")
    return instant.astimezone(UTC)


def _optional_instant(value: Any) -> datetime | None:
    return None if value is None else _instant(value)
