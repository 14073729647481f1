"""What it takes to sign in as a root user, for whoever tries it out; the control interface tells it."""

from __future__ import annotations

from typing import Any

from rootkeeper.sandbox.people.mailboxes import mailbox_path
from rootkeeper.sandbox.state import Account, MfaDevice, World
from rootkeeper.sandbox.totp import next_code


def describe_sign_in(world: World, account: Account) -> dict[str, Any]:
    """Give address, password (where it is the scenario's) and a code that works now for each MFA device."""
    root_user = account.root_user
    password = root_user.login_profile.password if root_user.login_profile else None
    return {
        "account_id": account.account_id,
        "name": account.name,
        "email": account.email,
        "has_password": root_user.has_password,
        "password": password.known_text if password else None,
        "recovery_allowed": root_user.is_recovery_allowed,
        "mfa_devices": [_describe_device(world, device) for device in root_user.mfa_devices.values()],
        "sign_in_path": "/signin",
        "mailbox_path": mailbox_path(account.email),
    }


def _describe_device(world: World, device: MfaDevice) -> dict[str, Any]:
    seed = world.mfa_seed(device.serial_number, device.seed)
    code = next_code(seed, world.clock(), device.used_steps)
    return {"serial_number": device.serial_number, "kind": device.kind, "seed": seed, "code": code}
