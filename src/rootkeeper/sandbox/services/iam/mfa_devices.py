"""Virtual MFA devices: made with a seed, enabled by two consecutive codes of it, brought into step again.

Deactivating and deleting them stands with the other credentials. Source: IAM, API version 2010-05-08; RFC 6238.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation, ServiceError
from rootkeeper.sandbox.services.iam.listings import render_page
from rootkeeper.sandbox.services.iam.subjects import (
    Subject,
    caller_account,
    get_subject,
    no_such_entity,
    require_user_name,
    subject_arn,
)
from rootkeeper.sandbox.state import Account, MfaDevice
from rootkeeper.sandbox.totp import SEED_BYTES, encode_seed, find_pair

_DEVICES_PER_USER = 8
"""Source: IAM User Guide, "IAM and AWS STS quotas"."""


def create_virtual_mfa_device(call: Call) -> dict[str, Any]:
    """Make a device that is nobody's yet; its seed is shown this once."""
    account, serial_number = caller_account(call), _new_serial_number(call)
    if serial_number in account.identities.unassigned_mfa_devices or _find_holder(account, serial_number):
        raise ServiceError("EntityAlreadyExists", "MFADevice entity at the same path and name already exists.", 409)
    seed = encode_seed(secrets.token_bytes(SEED_BYTES))
    account.identities.unassigned_mfa_devices[serial_number] = seed
    call.event_details["responseElements"] = {"virtualMFADevice": {"serialNumber": serial_number}}
    return {"VirtualMFADevice": {"SerialNumber": serial_number, "Base32StringSeed": seed.encode()}}


def _new_serial_number(call: Call) -> str:
    path = call.parameters.get("Path", "/")
    name = call.parameters["VirtualMFADeviceName"]
    return f"arn:{call.world.partition}:iam::{call.principal.account_id}:mfa{path}{name}"


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


def list_virtual_mfa_devices(call: Call) -> dict[str, Any]:
    """List the account's virtual devices, whether somebody's or nobody's."""
    account, wanted = caller_account(call), call.parameters.get("AssignmentStatus", "Any")
    assigned = [
        {"SerialNumber": device.serial_number, "EnableDate": device.enabled_at, "User": _describe_holder(call, subject)}
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


def _describe_holder(call: Call, subject: Subject) -> dict[str, Any]:
    account_id, user = subject.account.account_id, subject.user
    if user is None:
        arn = call.world.root_user_arn(account_id)
        return {"UserId": account_id, "Arn": arn, "CreateDate": subject.account.created_at}
    described = {"UserId": user.user_id, "Arn": call.world.user_arn(account_id, user), "CreateDate": user.created_at}
    return {"Path": user.path, "UserName": user.name} | described


def _subjects(account: Account) -> list[Subject]:
    users = account.existing_identities.users.values() if account.existing_identities else ()
    return [Subject(account, None), *(Subject(account, user) for user in users)]


def _find_holder(account: Account, serial_number: str) -> Subject | None:
    return next((one for one in _subjects(account) if serial_number in one.credentials.mfa_devices), None)


def _on_user(perform: Callable[[Call], dict[str, Any]], action: str) -> Operation:
    return Operation(perform, f"iam:{action}", is_mutating=True, resource=subject_arn, validate=require_user_name)


OPERATIONS = {
    "CreateVirtualMFADevice": Operation(
        create_virtual_mfa_device, "iam:CreateVirtualMFADevice", is_mutating=True, resource=_new_serial_number
    ),
    "EnableMFADevice": _on_user(enable_mfa_device, "EnableMFADevice"),
    "ListVirtualMFADevices": Operation(list_virtual_mfa_devices, "iam:ListVirtualMFADevices"),
    "ResyncMFADevice": _on_user(resync_mfa_device, "ResyncMFADevice"),
}
