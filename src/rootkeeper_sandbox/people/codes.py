"""Passwords and codes for signing in: the page of a demo's users and its failsafe, and the page of each root user.

Only callers on this machine see them. The countdown of the codes runs in the style sheet, and the ``Refresh`` header
reloads a page when its codes end, because no page here runs a script.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rootkeeper_sandbox.clock import STEP_SECONDS, next_code, read_machine_time, step_of, totp_code
from rootkeeper_sandbox.demo import DemoUser
from rootkeeper_sandbox.exchange import HttpResponse, is_loopback
from rootkeeper_sandbox.people.layout import mailbox_path
from rootkeeper_sandbox.people.visits import PageRequest
from rootkeeper_sandbox.state.accounts import Account, MfaDevice
from rootkeeper_sandbox.state.world import World


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


async def show_codes(page_request: PageRequest) -> HttpResponse:
    """Show the demo's users and its failsafe, each with password and codes."""
    demo = page_request.instance.demo
    failsafe = page_request.world.find_account(demo.failsafe_account_id) if demo else None
    if demo is None or failsafe is None or not is_loopback(page_request.request.source_ip):
        return _refuse(page_request)
    return _page(
        page_request,
        "codes",
        "Users and codes",
        console_url=demo.console_url,
        password=demo.password,
        users=[(user, *_list_codes(user)) for user in demo.users],
        root_user=describe_sign_in(page_request.world, failsafe),
    )


async def show_root_user(page_request: PageRequest) -> HttpResponse:
    """Show the password and codes for signing in as a root user."""
    account = page_request.world.find_account(page_request.path.rpartition("/")[2])
    if account is None or not is_loopback(page_request.request.source_ip):
        return _refuse(page_request)
    title = f"Root user of {account.name}"
    return _page(page_request, "root_user", title, root_user=describe_sign_in(page_request.world, account))


def _refuse(page_request: PageRequest) -> HttpResponse:
    return page_request.page("message", "Page not found", 404, text="There is no such page in the sandbox.")


def _list_codes(user: DemoUser) -> tuple[str, str]:
    """Give the current code and the next; the server takes both."""
    if user.totp_secret is None:
        return "", ""
    step = step_of(read_machine_time())
    return totp_code(user.totp_secret, step), totp_code(user.totp_secret, step + 1)


def _page(page_request: PageRequest, template: str, title: str, **values: Any) -> HttpResponse:
    """Render a page that ends with the codes on it."""
    now = read_machine_time()
    seconds_left = STEP_SECONDS - int(now.timestamp()) % STEP_SECONDS
    ends_at = datetime.fromtimestamp((step_of(now) + 1) * STEP_SECONDS, UTC)
    response = page_request.page(template, title, seconds_left=seconds_left, ends_at=ends_at, **values)
    response.headers["refresh"] = str(seconds_left)
    return response
