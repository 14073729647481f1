"""IAM: access keys, passwords, signing certificates and MFA devices of root users and IAM users.

One implementation serves both, as in IAM: a call without UserName is about its signer, which is the root user in a
root session or with a root key, and otherwise the IAM user itself. So the call that deletes a member's root key
deletes the operator's own key when it is signed with the wrong credentials.

Source: IAM, API version 2010-05-08; the root session's answers and messages as observed (aws-facts D); RFC 6238.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rootkeeper_sandbox.clock import SEED_BYTES, encode_seed, find_pair
from rootkeeper_sandbox.exchange import Call, PrincipalKind, ServedOperations, ServiceError, any_resource
from rootkeeper_sandbox.services.pagination import cut_page, format_event_time
from rootkeeper_sandbox.state.accounts import Account, Credentials, IamUser, LoginProfile, MfaDevice, hash_password
from rootkeeper_sandbox.state.world import KeyOwner

ROOT_KINDS = (PrincipalKind.ROOT_SESSION, PrincipalKind.ROOT_USER)


@dataclass(frozen=True, slots=True)
class Subject:
    """A root user or IAM user, and the credentials it holds."""

    account: Account
    user: IamUser | None
    """``None`` for the root user."""

    @property
    def credentials(self) -> Credentials:
        return self.user.credentials if self.user else self.account.root_user

    @property
    def shown_name(self) -> str:
        """The name in messages; observed as ``null`` of root users."""
        return self.user.name if self.user else "null"

    def render_user_name(self) -> dict[str, str]:
        """Give the response member UserName, which is absent on the wire for root users (observed)."""
        return {"UserName": self.user.name} if self.user else {}


def no_such_entity(message: str) -> ServiceError:
    return ServiceError("NoSuchEntity", message, 404)


def user_not_found(name: str) -> ServiceError:
    return no_such_entity(f"The user with name {name} cannot be found.")


def require_user_name(call: Call) -> None:
    """Refuse a role session that leaves the user open: there is no user behind it."""
    if "UserName" not in call.parameters and call.principal.kind is PrincipalKind.ROLE_SESSION:
        raise ServiceError("ValidationError", "Must specify userName when calling with non-User credentials")


def caller_account(call: Call) -> Account:
    return call.world.account(call.principal.account_id)


def get_subject(call: Call) -> Subject:
    """Find the user that the call is about.

    :raises ServiceError: NoSuchEntity, if the account has no such user.
    """
    account = caller_account(call)
    name = _named_user(call)
    if name is None:
        return Subject(account, None)
    user = account.find_user(name)
    if user is None:
        raise user_not_found(name)
    return Subject(account, user)


def subject_arn(call: Call) -> str:
    """Spell the resource that the call is authorized on, whether or not it exists."""
    account = caller_account(call)
    name = _named_user(call)
    if name is None:
        return call.world.root_user_arn(account.account_id)
    user = account.find_user(name)
    if user is None:
        return f"arn:{call.world.partition}:iam::{account.account_id}:user/{name}"
    return call.world.user_arn(account.account_id, user)


def _named_user(call: Call) -> str | None:
    name: str | None = call.parameters.get("UserName")
    if name is not None or call.principal.kind in ROOT_KINDS:
        return name
    return call.principal.identity_name or ""


_DEFAULT_ITEMS = 100


def render_page(call: Call, name: str, items: Sequence[Any]) -> dict[str, Any]:
    """Give a page of ``items`` as the response member ``name``.

    :raises ServiceError: ValidationError, if the marker isn't from this listing.
    """
    size, marker = call.parameters.get("MaxItems", _DEFAULT_ITEMS), call.parameters.get("Marker")
    page, marker = cut_page(call, items, size, marker, ServiceError("ValidationError", f"Invalid Marker: {marker}."))
    return {name: page, "IsTruncated": marker is not None} | ({"Marker": marker} if marker else {})


_MINIMUM_PASSWORD_CHARACTERS = 8

_NULL_REFUSED = (
    "1 validation error detected: Value null at 'password' failed to satisfy constraint: Member must not be null"
)


def _key_owner_arn(call: Call) -> str:
    """Spell the resource of GetAccessKeyLastUsed: the key's user, the root user for any unknown key."""
    owner = _own_key_owner(call)
    account = caller_account(call)
    user = account.find_user(owner.user_name) if owner and owner.user_name else None
    return call.world.user_arn(account.account_id, user) if user else call.world.root_user_arn(account.account_id)


def _new_serial_number(call: Call) -> str:
    path = call.parameters.get("Path", "/")
    name = call.parameters["VirtualMFADeviceName"]
    return f"arn:{call.world.partition}:iam::{call.principal.account_id}:mfa{path}{name}"


OPERATIONS = ServedOperations("iam", resource=subject_arn, validate=require_user_name)


@OPERATIONS.read("GetUser")
def get_user(call: Call) -> dict[str, Any]:
    """Describe a user; of a root user only id, ARN and dates."""
    subject = get_subject(call)
    last_used_at = subject.credentials.password_last_used_at
    password = {"PasswordLastUsed": last_used_at} if last_used_at else {}
    tags = subject.user.permissions.tags if subject.user else {}
    shown_tags = {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]} if tags else {}
    return {"User": _describe_subject(call, subject) | shown_tags | password}


def _describe_subject(call: Call, subject: Subject) -> dict[str, Any]:
    account, user = subject.account, subject.user
    if user is None:
        arn = call.world.root_user_arn(account.account_id)
        return {"UserId": account.account_id, "Arn": arn, "CreateDate": account.created_at}
    return describe_user(call, account, user)


def describe_user(call: Call, account: Account, user: IamUser) -> dict[str, Any]:
    """Give the members of every answer about an IAM user."""
    return {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.user_id,
        "Arn": call.world.user_arn(account.account_id, user),
        "CreateDate": user.created_at,
    }


@OPERATIONS.read("GetLoginProfile")
def get_login_profile(call: Call) -> dict[str, Any]:
    """Describe the login profile, with or without a password."""
    subject = get_subject(call)
    return {"LoginProfile": _describe_login_profile(subject, _login_profile(subject))}


@OPERATIONS.change("CreateLoginProfile")
def create_login_profile(call: Call) -> dict[str, Any]:
    """Create a login profile; in a root session without a password, which allows the recovery by e-mail."""
    subject = get_subject(call)
    password = _read_password(call)
    if subject.credentials.login_profile:
        owner = f"user {subject.user.name}" if subject.user else f"account {subject.account.account_id}"
        raise ServiceError("EntityAlreadyExists", f"Login Profile for {owner} already exists.", 409)
    profile = LoginProfile(call.now, hash_password(password) if password else None)
    subject.credentials.login_profile = profile
    call.event_details["responseElements"] = {
        "loginProfile": {
            "createDate": format_event_time(call.now),
            "passwordResetRequired": False,
        }
    }
    return {"LoginProfile": _describe_login_profile(subject, profile)}


def _read_password(call: Call) -> str | None:
    """Read the password: needed from everyone but a root session, which must not send it."""
    password: str | None = call.parameters.get("Password")
    if call.principal.kind is PrincipalKind.ROOT_SESSION:
        if password is not None:
            raise ServiceError("ValidationError", "Password must be omitted when calling with AssumeRoot credentials.")
        return None
    if password is None:
        raise ServiceError("ValidationError", _NULL_REFUSED)
    if len(password) < _MINIMUM_PASSWORD_CHARACTERS:
        message = f"Password should have a minimum length of {_MINIMUM_PASSWORD_CHARACTERS}"
        raise ServiceError("PasswordPolicyViolation", message)
    return password


@OPERATIONS.change("DeleteLoginProfile")
def delete_login_profile(call: Call) -> dict[str, Any]:
    """Delete the login profile and with it any password."""
    subject = get_subject(call)
    _login_profile(subject)
    subject.credentials.login_profile = None
    return {}


def _login_profile(subject: Subject) -> LoginProfile:
    profile = subject.credentials.login_profile
    if profile is None:
        raise no_such_entity(f"Login Profile for User {subject.shown_name} cannot be found.")
    return profile


def _describe_login_profile(subject: Subject, profile: LoginProfile) -> dict[str, Any]:
    return subject.render_user_name() | {"CreateDate": profile.created_at, "PasswordResetRequired": False}


@OPERATIONS.read("ListAccessKeys")
def list_access_keys(call: Call) -> dict[str, Any]:
    """List long-term access keys."""
    subject = get_subject(call)
    keys = [
        subject.render_user_name()
        | {"AccessKeyId": key.access_key_id, "Status": key.status, "CreateDate": key.created_at}
        for key in subject.credentials.access_keys.values()
    ]
    return render_page(call, "AccessKeyMetadata", keys)


@OPERATIONS.read("GetAccessKeyLastUsed", resource=_key_owner_arn, validate=None)
def get_access_key_last_used(call: Call) -> dict[str, Any]:
    """Describe when, where and for which service a key was last used."""
    owner = _own_key_owner(call)
    if owner is None:
        message = (
            f"User: {call.principal.arn} is not authorized to perform: iam:GetAccessKeyLastUsed"
            f" on resource: access key {call.parameters['AccessKeyId']}"
        )
        raise ServiceError("AccessDenied", message, 403)
    account = caller_account(call)
    user = account.find_user(owner.user_name) if owner.user_name else None
    key = (user.credentials if user else account.root_user).access_keys[call.parameters["AccessKeyId"]]
    used: dict[str, Any] = {"ServiceName": key.last_used_service, "Region": key.last_used_region}
    if key.last_used_at:
        used["LastUsedDate"] = key.last_used_at
    return ({"UserName": user.name} if user else {}) | {"AccessKeyLastUsed": used}


def _own_key_owner(call: Call) -> KeyOwner | None:
    owner = call.world.find_key_owner(call.parameters["AccessKeyId"])
    return owner if owner and owner.account_id == call.principal.account_id else None


@OPERATIONS.change("DeleteAccessKey")
def delete_access_key(call: Call) -> dict[str, Any]:
    """Delete a long-term access key; it stops working at once."""
    key_id = call.parameters["AccessKeyId"]
    if get_subject(call).credentials.access_keys.pop(key_id, None) is None:
        raise no_such_entity(f"The Access Key with id {key_id} cannot be found.")
    return {}


@OPERATIONS.read("ListSigningCertificates")
def list_signing_certificates(call: Call) -> dict[str, Any]:
    subject = get_subject(call)
    certificates = [
        subject.render_user_name()
        | {
            "CertificateId": certificate.certificate_id,
            "CertificateBody": certificate.body,
            "Status": certificate.status,
            "UploadDate": certificate.uploaded_at,
        }
        for certificate in subject.credentials.signing_certificates.values()
    ]
    return render_page(call, "Certificates", certificates)


@OPERATIONS.change("DeleteSigningCertificate")
def delete_signing_certificate(call: Call) -> dict[str, Any]:
    certificate_id = call.parameters["CertificateId"]
    if get_subject(call).credentials.signing_certificates.pop(certificate_id, None) is None:
        raise no_such_entity(f"The Certificate with id {certificate_id} cannot be found.")
    return {}


@OPERATIONS.read("ListMFADevices")
def list_mfa_devices(call: Call) -> dict[str, Any]:
    """List the MFA devices that are enabled."""
    subject = get_subject(call)
    devices = [
        subject.render_user_name() | {"SerialNumber": device.serial_number, "EnableDate": device.enabled_at}
        for device in subject.credentials.mfa_devices.values()
    ]
    return render_page(call, "MFADevices", devices)


@OPERATIONS.change("DeactivateMFADevice")
def deactivate_mfa_device(call: Call) -> dict[str, Any]:
    """Take an MFA device off the user; a virtual device remains, unassigned."""
    serial_number = call.parameters["SerialNumber"]
    subject = get_subject(call)
    device = subject.credentials.mfa_devices.pop(serial_number, None)
    if device is None:
        raise no_such_entity("MFA Device invalid for user.")
    if ":mfa/" in serial_number:
        subject.account.identities.unassigned_mfa_devices[serial_number] = device.seed
    return {}


@OPERATIONS.change("DeleteVirtualMFADevice", resource=lambda call: str(call.parameters["SerialNumber"]), validate=None)
def delete_virtual_mfa_device(call: Call) -> dict[str, Any]:
    """Delete a virtual MFA device that was deactivated before."""
    serial_number = call.parameters["SerialNumber"]
    account = caller_account(call)
    holders = [account.root_user, *(user.credentials for user in account.identities.users.values())]
    if any(serial_number in holder.mfa_devices for holder in holders):
        raise ServiceError("DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.", 409)
    if serial_number not in account.identities.unassigned_mfa_devices:
        raise no_such_entity(f"VirtualMFADevice with serial number {serial_number} doesn't exist.")
    del account.identities.unassigned_mfa_devices[serial_number]
    return {}


_DEVICES_PER_USER = 8
"""Source: IAM User Guide, "IAM and AWS STS quotas"."""


@OPERATIONS.change("CreateVirtualMFADevice", resource=_new_serial_number, validate=None)
def create_virtual_mfa_device(call: Call) -> dict[str, Any]:
    """Make an unassigned device; its seed is shown only here."""
    account, serial_number = caller_account(call), _new_serial_number(call)
    if serial_number in account.identities.unassigned_mfa_devices or _find_holder(account, serial_number):
        raise ServiceError("EntityAlreadyExists", "MFADevice entity at the same path and name already exists.", 409)
    seed = encode_seed(secrets.token_bytes(SEED_BYTES))
    account.identities.unassigned_mfa_devices[serial_number] = seed
    call.event_details["responseElements"] = {"virtualMFADevice": {"serialNumber": serial_number}}
    return {"VirtualMFADevice": {"SerialNumber": serial_number, "Base32StringSeed": seed.encode()}}


@OPERATIONS.change("EnableMFADevice")
def enable_mfa_device(call: Call) -> dict[str, Any]:
    """Give a virtual device to a user, who proves by two consecutive codes to hold it."""
    serial_number, subject = call.parameters["SerialNumber"], get_subject(call)
    devices = subject.account.identities.unassigned_mfa_devices
    if _find_holder(subject.account, serial_number):
        raise ServiceError("EntityAlreadyExists", "MFA Device is already in use.", 409)
    if serial_number not in devices:
        raise no_such_entity(f"VirtualMFADevice with serial number {serial_number} doesn't exist.")
    if len(subject.credentials.mfa_devices) >= _DEVICES_PER_USER:
        raise ServiceError("LimitExceeded", f"Cannot exceed quota for MFADevicesPerUser: {_DEVICES_PER_USER}", 409)
    device = MfaDevice(serial_number, call.now, seed=devices[serial_number])
    device.use(*_require_codes(call, device))
    del devices[serial_number]
    subject.credentials.add_mfa_device(device)
    return {}


@OPERATIONS.change("ResyncMFADevice")
def resync_mfa_device(call: Call) -> dict[str, Any]:
    """Bring a device into step again by two consecutive codes."""
    device = get_subject(call).credentials.mfa_devices.get(call.parameters["SerialNumber"])
    if device is None:
        raise no_such_entity("MFA Device invalid for user.")
    device.use(*_require_codes(call, device))
    return {}


def _require_codes(call: Call, device: MfaDevice) -> tuple[int, int]:
    seed = call.world.mfa_seed(device.serial_number, device.seed)
    first, second = call.parameters["AuthenticationCode1"], call.parameters["AuthenticationCode2"]
    steps = find_pair(seed, first, second, call.now)
    if steps is None or steps[1] in device.used_steps:
        message = "Authentication code for device is not valid."
        raise ServiceError("InvalidAuthenticationCode", message, 403)
    return steps


@OPERATIONS.read("ListVirtualMFADevices", resource=any_resource, validate=None)
def list_virtual_mfa_devices(call: Call) -> dict[str, Any]:
    """List the account's virtual devices, assigned or not."""
    account, wanted = caller_account(call), call.parameters.get("AssignmentStatus", "Any")
    assigned = [
        {
            "SerialNumber": device.serial_number,
            "EnableDate": device.enabled_at,
            "User": _describe_subject(call, subject),
        }
        for subject in _subjects(account)
        for device in subject.credentials.mfa_devices.values()
        if device.kind == "virtual"
    ]
    identities = account.existing_identities
    unassigned: list[dict[str, Any]] = [
        {"SerialNumber": number} for number in (identities.unassigned_mfa_devices if identities else ())
    ]
    found: dict[str, list[dict[str, Any]]] = {
        "Any": assigned + unassigned,
        "Assigned": assigned,
        "Unassigned": unassigned,
    }
    return render_page(call, "VirtualMFADevices", found[wanted])


def _subjects(account: Account) -> list[Subject]:
    users = account.existing_identities.users.values() if account.existing_identities else ()
    return [Subject(account, None), *(Subject(account, user) for user in users)]


def _find_holder(account: Account, serial_number: str) -> Subject | None:
    return next((subject for subject in _subjects(account) if serial_number in subject.credentials.mfa_devices), None)
