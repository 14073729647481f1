"""The control interface's view of the truth: how it is shown, and how a body that replaces a part of it is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from rootkeeper_sandbox.partitions import PARTITIONS
from rootkeeper_sandbox.state.accounts import (
    ACTIVE,
    INACTIVE,
    AccessKey,
    Credentials,
    LoginProfile,
    MfaDevice,
    Password,
    SigningCertificate,
    derive_access_key_id,
    derive_lower_id,
)
from rootkeeper_sandbox.state.organization import Feature, Organization
from rootkeeper_sandbox.state.policies import MAX_CHARACTERS, OrganizationPolicy, PolicyType

_ROOT_USER_FIELDS = (
    "password",
    "password_last_used_at",
    "recovery_allowed",
    "login_profile_created_at",
    "access_keys",
    "signing_certificates",
    "mfa_devices",
)
_POLICY_FIELDS = ("name", "type", "content", "targets", "description")


def render_time(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


def describe_organization(organization: Organization) -> dict[str, Any]:
    """Give the whole truth, in the shape of ``GET /_sandbox/organization``."""
    paths = {parent: organization.readable_path(parent) for parent in organization.organizational_units}
    paths[organization.organization_root_id] = "Root"
    return {
        "organization_id": organization.organization_id,
        "organization_root_id": organization.organization_root_id,
        "management_account_id": organization.management_account_id,
        "features": [str(feature) for feature in Feature if feature in organization.features],
        "trusted_services": list(organization.trusted_services),
        "delegated_administrators": [
            {"account_id": account_id, "service_principal": service, "enabled_at": render_time(enabled_at)}
            for service, accounts in organization.delegations.items()
            for account_id, enabled_at in accounts.items()
        ],
        "organizational_units": [
            {"ou_id": unit.ou_id, "name": unit.name, "parent_id": unit.parent_id, "ou_path": paths[unit.ou_id]}
            for unit in organization.organizational_units.values()
        ],
        "policies": [
            {
                "policy_id": policy.policy_id,
                "arn": policy.arn,
                "name": policy.name,
                "type": str(policy.policy_type),
                "is_aws_managed": policy.is_aws_managed,
                "content": json.loads(policy.content),
                "targets": list(organization.policy_book.targets(policy, organization.target_ids())),
            }
            for policy in organization.policy_book.enabled_policies()
        ],
        "accounts": [
            {
                "account_id": account.account_id,
                "name": account.name,
                "email": account.email,
                "ou_path": paths[account.parent_id or ""],
                "state": str(account.state),
                "tags": dict(account.tags),
                "root_user": describe_root_user(account.root_user),
            }
            for account in organization.accounts.values()
        ],
    }


def describe_root_user(root_user: Credentials) -> dict[str, Any]:
    """Show a root user's credentials, without any secret."""
    return {
        "password": root_user.has_password,
        "password_last_used_at": render_time(root_user.password_last_used_at),
        "recovery_allowed": root_user.is_recovery_allowed,
        "access_keys": [
            {
                "access_key_id": key.access_key_id,
                "status": key.status,
                "created_at": render_time(key.created_at),
                "last_used_at": render_time(key.last_used_at),
            }
            for key in root_user.access_keys.values()
        ],
        "signing_certificates": [
            {
                "certificate_id": certificate.certificate_id,
                "status": certificate.status,
                "uploaded_at": render_time(certificate.uploaded_at),
            }
            for certificate in root_user.signing_certificates.values()
        ],
        "mfa_devices": [
            {"serial_number": device.serial_number, "kind": device.kind, "enabled_at": render_time(device.enabled_at)}
            for device in root_user.mfa_devices.values()
        ],
    }


class BodyReader:
    """Reads a JSON object field by field, and says which field is wrong.

    :raises ValueError: with a sentence for a person, from the constructor and from every method.
    """

    def __init__(self, body: object, known_fields: tuple[str, ...], place: str) -> None:
        if not isinstance(body, Mapping):
            raise ValueError(f"{place} must be an object, not {type(body).__name__}.")
        unknown = sorted(str(name) for name in body if name not in known_fields)
        if unknown:
            raise ValueError(f"{place} has no field {unknown[0]!r}; it knows {', '.join(known_fields)}.")
        self._body = body
        self._place = place

    def flag(self, name: str) -> bool:
        value = self._body.get(name)
        if value is not None and not isinstance(value, bool):
            raise ValueError(f"{self._place}.{name} must be true or false.")
        return bool(value)

    def text(self, name: str, default: str) -> str:
        value = self._body.get(name)
        if value is None:
            return default
        if not isinstance(value, str) or not value:
            raise ValueError(f"{self._place}.{name} must be a text that isn't empty.")
        return value

    def time(self, name: str) -> datetime | None:
        value = self._body.get(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self._place}.{name} must be a time such as 2026-01-31T12:00:00Z.") from error
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)

    def items(self, name: str) -> list[tuple[object, str]]:
        """Give the elements of a list, each with the place to name in an error."""
        value = self._body.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise ValueError(f"{self._place}.{name} must be a list.")
        return [(item, f"{self._place}.{name}[{index}]") for index, item in enumerate(value)]

    def value(self, name: str) -> object:
        return self._body.get(name)


def parse_root_user(
    body: object, account_id: str, now: datetime, password: Callable[[], str], partition: str = "aws"
) -> Credentials:
    """Read a whole root user; fields left out are absent.

    ``password`` makes the password of a root user that has a password.

    :raises ValueError: if the body isn't of that shape.
    """
    reader = BodyReader(body, _ROOT_USER_FIELDS, "root_user")
    has_password, is_recovery_allowed = reader.flag("password"), reader.flag("recovery_allowed")
    if has_password and is_recovery_allowed:
        raise ValueError("root_user has either password or recovery_allowed: a login profile with or without password.")
    root_user = Credentials(password_last_used_at=reader.time("password_last_used_at"))
    if has_password or is_recovery_allowed:
        created_at = reader.time("login_profile_created_at") or now
        root_user.login_profile = LoginProfile(created_at, Password(known_text=password()) if has_password else None)
    for item, place in reader.items("access_keys"):
        root_user.add_access_key(_parse_access_key(item, place, account_id, now, partition))
    for item, place in reader.items("signing_certificates"):
        root_user.add_signing_certificate(_parse_certificate(item, place, account_id, now))
    for item, place in reader.items("mfa_devices"):
        root_user.add_mfa_device(_parse_mfa_device(item, place, account_id, now, partition))
    return root_user


def _parse_access_key(item: object, place: str, account_id: str, now: datetime, partition: str) -> AccessKey:
    known = ("access_key_id", "status", "created_at", "last_used_at", "last_used_service")
    reader = BodyReader(item, known, place)
    last_used_at = reader.time("last_used_at")
    return AccessKey(
        access_key_id=reader.text("access_key_id", derive_access_key_id(account_id, place)),
        created_at=reader.time("created_at") or now,
        status=_parse_status(reader.text("status", ACTIVE), place),
        last_used_at=last_used_at,
        last_used_service=reader.text("last_used_service", "s3") if last_used_at else "N/A",
        last_used_region=PARTITIONS[partition].home_region if last_used_at else "N/A",
    )


def _parse_certificate(item: object, place: str, account_id: str, now: datetime) -> SigningCertificate:
    reader = BodyReader(item, ("certificate_id", "status", "uploaded_at"), place)
    return SigningCertificate(
        certificate_id=reader.text("certificate_id", derive_lower_id(32, account_id, place).upper()),
        uploaded_at=reader.time("uploaded_at") or now,
        status=_parse_status(reader.text("status", ACTIVE), place),
    )


def _parse_mfa_device(item: object, place: str, account_id: str, now: datetime, partition: str) -> MfaDevice:
    reader = BodyReader(item, ("serial_number", "kind", "enabled_at"), place)
    number = "" if place.endswith("[0]") else place[place.rindex("[") + 1 : -1]
    usual = f"arn:{partition}:iam::{account_id}:mfa/root-account-mfa-device{number}"
    serial_number = reader.text("serial_number", usual)
    return MfaDevice(serial_number, reader.time("enabled_at") or now, reader.text("kind", _kind_of(serial_number)))


def _kind_of(serial_number: str) -> str:
    if ":u2f/" in serial_number:
        return "fido"
    return "virtual" if serial_number.startswith("arn:") else "hardware"


def _parse_status(text: str, place: str) -> str:
    if text not in (ACTIVE, INACTIVE):
        raise ValueError(f"{place}.status must be {ACTIVE} or {INACTIVE}.")
    return text


def parse_policy(body: object, organization: Organization) -> tuple[OrganizationPolicy, list[str]]:
    """Read a policy that is to be created, and the targets that it is to be attached to.

    :raises ValueError: if the body isn't of that shape, the document isn't a policy, or a target isn't known.
    """
    reader = BodyReader(body, _POLICY_FIELDS, "policy")
    name = reader.text("name", "")
    if not name:
        raise ValueError("policy.name is missing.")
    text = reader.text("type", "")
    if text not in list(PolicyType):
        raise ValueError(f"policy.type must be one of {', '.join(PolicyType)}.")
    policy_type = PolicyType(text)
    targets = [_parse_target(item, place, organization) for item, place in reader.items("targets")]
    policy = make_policy(
        organization,
        name,
        policy_type,
        _parse_content(reader.value("content"), policy_type),
        reader.text("description", ""),
    )
    return policy, targets


def make_policy(
    organization: Organization, name: str, policy_type: PolicyType, content: str, description: str = ""
) -> OrganizationPolicy:
    """Make a policy with an id that follows from its name.

    :raises ValueError: if a policy of that type has the name already.
    """
    if organization.policy_book.find_by_name(policy_type, name):
        raise ValueError(f"a {policy_type} named {name!r} exists already.")
    policy_id = f"p-{derive_lower_id(10, 'policy', organization.organization_id, policy_type, name)}"
    return OrganizationPolicy(
        policy_id=policy_id,
        arn=organization.arn(f"policy/{organization.organization_id}/{policy_type.lower()}/{policy_id}"),
        name=name,
        policy_type=policy_type,
        content=content,
        description=description,
    )


def _parse_target(item: object, place: str, organization: Organization) -> str:
    if not isinstance(item, str) or not organization.has_target(item):
        raise ValueError(f"{place}: the organization has no root, organizational unit or account {item!r}.")
    return item


def _parse_content(content: object, policy_type: PolicyType) -> str:
    try:
        document = json.loads(content) if isinstance(content, str) else content
    except json.JSONDecodeError as error:
        raise ValueError(f"policy.content isn't JSON: {error}.") from error
    if not isinstance(document, Mapping) or "Statement" not in document:
        raise ValueError("policy.content must be a policy document: an object with a Statement.")
    text = content if isinstance(content, str) else json.dumps(content)
    if len(text) > MAX_CHARACTERS[policy_type]:
        raise ValueError(f"policy.content may have {MAX_CHARACTERS[policy_type]} characters, not {len(text)}.")
    return text
