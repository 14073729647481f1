"""Registering a virtual MFA device, of the root user or of an IAM user of its account: a seed, then two codes of it."""

from __future__ import annotations

from urllib.parse import urlencode

from rootkeeper_sandbox.clock import otpauth_uri
from rootkeeper_sandbox.exchange import HttpResponse, ServiceError
from rootkeeper_sandbox.people.console import call_iam, is_mfa_due
from rootkeeper_sandbox.people.layout import redirect
from rootkeeper_sandbox.people.visits import PageRequest
from rootkeeper_sandbox.state.accounts import Account

_ROOT_DEVICE = "root-account-mfa-device"
_ISSUER = "AWS sandbox"
_GROUP = 4
_QUIET_MODULES = 4
"""The white border that a QR code needs. Source: ISO/IEC 18004."""


async def show(page_request: PageRequest) -> HttpResponse:
    """Ask to register a device; a root user without a device may put that off for a while."""
    return _render_start(page_request, page_request.query.get("user", ""))


def _render_start(page_request: PageRequest, user_name: str, error: ServiceError | None = None) -> HttpResponse:
    _, account = page_request.require_account()
    profile, devices = account.root_user.login_profile, account.root_user.mfa_devices
    return page_request.page(
        "register_mfa",
        "Register MFA",
        error.status if error else 200,
        error=error,
        user_name=user_name,
        device_name=_suggest_name(account, user_name),
        is_due=is_mfa_due(page_request, account),
        due_at=profile.mfa_due_at if profile and not devices else None,
        is_first=not user_name and not devices,
    )


def _suggest_name(account: Account, user_name: str) -> str:
    base = user_name or _ROOT_DEVICE
    identities = account.existing_identities
    taken = {*account.root_user.mfa_devices}
    if identities:
        taken |= {*identities.unassigned_mfa_devices}
        taken |= {number for user in identities.users.values() for number in user.credentials.mfa_devices}
    names = {number.rpartition("/")[2] for number in taken}
    number = next(n for n in range(1, len(names) + 2) if (base if n == 1 else f"{base}-{n}") not in names)
    return base if number == 1 else f"{base}-{number}"


async def begin(page_request: PageRequest) -> HttpResponse:
    """Make the device, and continue with its seed."""
    session, _ = page_request.require_account()
    user_name = page_request.text("user")
    name = page_request.text("device_name").strip()
    outcome = await call_iam(page_request, session, "CreateVirtualMFADevice", VirtualMFADeviceName=name)
    if outcome.error:
        return _render_start(page_request, user_name, outcome.error)
    serial_number: str = outcome.result["VirtualMFADevice"]["SerialNumber"]
    return redirect(f"/console/register-mfa/codes?{urlencode({'serial_number': serial_number, 'user': user_name})}")


async def ask_codes(page_request: PageRequest) -> HttpResponse:
    """Show the seed, and ask for two codes."""
    return _render_codes_form(
        page_request, page_request.query.get("serial_number", ""), page_request.query.get("user", "")
    )


def _render_codes_form(
    page_request: PageRequest, serial_number: str, user_name: str, error: ServiceError | None = None
) -> HttpResponse:
    _, account = page_request.require_account()
    identities = account.existing_identities
    if identities is None or serial_number not in identities.unassigned_mfa_devices:
        return redirect("/console/register-mfa")
    seed = page_request.world.mfa_seed(serial_number, identities.unassigned_mfa_devices[serial_number])
    uri = otpauth_uri(seed, user_name or account.email, _ISSUER)
    return page_request.page(
        "mfa_codes",
        "Register MFA",
        error.status if error else 200,
        error=error,
        serial_number=serial_number,
        user_name=user_name,
        seed_groups=" ".join(seed[start : start + _GROUP] for start in range(0, len(seed), _GROUP)),
        uri=uri,
        qr_code=draw_qr_code(uri),
    )


def draw_qr_code(text: str) -> tuple[int, str] | None:
    """Draw a text as the size and the path of an SVG; ``None`` for a text that is too long."""
    import segno  # here, because few requests need it

    try:
        rows = list(segno.make(text, error="m", micro=False).matrix_iter(border=_QUIET_MODULES))
    except segno.DataOverflowError:
        return None
    dark = ((x, y) for y, row in enumerate(rows) for x, is_dark in enumerate(row) if is_dark)
    return len(rows), "".join(f"M{x},{y}h1v1h-1z" for x, y in dark)


async def finish(page_request: PageRequest) -> HttpResponse:
    """Enable the device by its codes."""
    session, _ = page_request.require_account()
    user_name, serial_number = page_request.text("user"), page_request.text("serial_number")
    parameters = {"UserName": user_name} if user_name else {}
    for number, name in enumerate(("first", "second"), start=1):
        parameters[f"AuthenticationCode{number}"] = "".join(page_request.text(name).split())
    outcome = await call_iam(page_request, session, "EnableMFADevice", SerialNumber=serial_number, **parameters)
    if outcome.error:
        return _render_codes_form(page_request, serial_number, user_name, outcome.error)
    return redirect("/console?notice=mfa-registered")
