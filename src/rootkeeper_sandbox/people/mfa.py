"""Registering a virtual MFA device, of the root user or of an IAM user of its account: a seed, then two codes of it."""

from __future__ import annotations

from urllib.parse import urlencode

from rootkeeper_sandbox.clock import otpauth_uri
from rootkeeper_sandbox.exchange import HttpResponse
from rootkeeper_sandbox.people.console import call_iam, is_mfa_due, render_error_notice
from rootkeeper_sandbox.people.layout import (
    Child,
    Markup,
    alert,
    code,
    code_field,
    form,
    form_field,
    hidden,
    redirect,
    section,
    tag,
)
from rootkeeper_sandbox.people.visits import PageRequest
from rootkeeper_sandbox.state.accounts import Account

_ROOT_DEVICE = "root-account-mfa-device"
_ISSUER = "AWS sandbox"
_GROUP = 4
_QUIET_MODULES = 4
"""The white border that a QR code needs. Source: ISO/IEC 18004."""


async def show(page_request: PageRequest) -> HttpResponse:
    """Ask to register a device; a root user without one may put that off for a while."""
    return _render_start(page_request, page_request.query.get("user", ""))


def _render_start(page_request: PageRequest, user_name: str, message: Child = None, status: int = 200) -> HttpResponse:
    _, account = page_request.require_account()
    return page_request.page(
        "Register MFA",
        message,
        section(
            "Protect this user with a second factor",
            *_explain(page_request, account, user_name),
            form(
                "/console/register-mfa",
                page_request.form_token,
                hidden("user", user_name),
                form_field("Name of the device", "device_name", value=_suggest_name(account, user_name), maxlength=128),
                button="Continue",
            ),
            name="device",
        ),
        tag("p", _link_console(page_request, account, user_name)),
        status=status,
    )


def _explain(page_request: PageRequest, account: Account, user_name: str) -> list[Child]:
    if user_name:
        return [tag("p", "The device will belong to the IAM user ", tag("bdi", user_name), ".")]
    reported: list[Child] = [tag("p", "AWS requires MFA of root users. An authenticator app on a telephone will do.")]
    profile = account.root_user.login_profile
    if is_mfa_due(page_request, account):
        reported.append(alert(tag("p", "It can't be put off any longer.")))
    elif profile and profile.mfa_due_at and not account.root_user.mfa_devices:
        reported.append(tag("p", f"It can be put off until {profile.mfa_due_at:%Y-%m-%d}."))
    return reported


def _link_console(page_request: PageRequest, account: Account, user_name: str) -> Child:
    if not user_name and is_mfa_due(page_request, account):
        return None
    is_first = not user_name and not account.root_user.mfa_devices
    return tag("a", "Skip for now" if is_first else "Back to the console", href="/console")


def _suggest_name(account: Account, user_name: str) -> str:
    """Suggest a name that is free."""
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
        return _render_start(page_request, user_name, render_error_notice(outcome.error), outcome.error.status)
    serial_number: str = outcome.result["VirtualMFADevice"]["SerialNumber"]
    return redirect(f"/console/register-mfa/codes?{urlencode({'serial_number': serial_number, 'user': user_name})}")


async def ask_codes(page_request: PageRequest) -> HttpResponse:
    """Show the seed, and ask for two codes."""
    return _render_codes_form(
        page_request, page_request.query.get("serial_number", ""), page_request.query.get("user", "")
    )


def _render_codes_form(
    page_request: PageRequest, serial_number: str, user_name: str, message: Child = None, status: int = 200
) -> HttpResponse:
    _, account = page_request.require_account()
    identities = account.existing_identities
    seed = identities.unassigned_mfa_devices.get(serial_number) if identities else None
    if identities is None or serial_number not in identities.unassigned_mfa_devices:
        return redirect("/console/register-mfa")
    return page_request.page(
        "Register MFA",
        message,
        section(
            "Add the device to an authenticator app",
            *_render_seed(page_request.world.mfa_seed(serial_number, seed), user_name or account.email),
            name="seed",
        ),
        section(
            "Enter two codes, one after the other",
            form(
                "/console/register-mfa/codes",
                page_request.form_token,
                hidden("serial_number", serial_number),
                hidden("user", user_name),
                code_field("First code", "first", is_invalid=message is not None),
                code_field("The code after it", "second", is_invalid=False),
                button="Register device",
            ),
            name="codes",
        ),
        status=status,
    )


def _render_seed(seed: str, label: str) -> list[Child]:
    groups = " ".join(seed[start : start + _GROUP] for start in range(0, len(seed), _GROUP))
    uri = otpauth_uri(seed, label, _ISSUER)
    return [
        draw_qr_code(uri, "QR code of the device, for an authenticator app"),
        tag("p", "Scan the code, or enter this secret, of which codes of six digits follow every 30 seconds:"),
        tag("p", tag("code", groups, class_="seed", id="secret")),
        tag("details", tag("summary", "The same as an address"), tag("p", code(uri))),
    ]


def draw_qr_code(text: str, label: str) -> Markup | None:
    """Draw a text as inline SVG; ``None`` for one that is too long."""
    import segno  # here, because few requests need it

    try:
        rows = list(segno.make(text, error="m", micro=False).matrix_iter(border=_QUIET_MODULES))
    except segno.DataOverflowError:
        return None
    dark = ((x, y) for y, row in enumerate(rows) for x, is_dark in enumerate(row) if is_dark)
    drawn = tag("path", d="".join(f"M{x},{y}h1v1h-1z" for x, y in dark), fill="#000000")
    box = f"0 0 {len(rows)} {len(rows)}"
    return tag("svg", drawn, viewBox=box, role="img", aria_label=label, shape_rendering="crispEdges")


async def finish(page_request: PageRequest) -> HttpResponse:
    """Enable the device by its codes."""
    session, _ = page_request.require_account()
    user_name, serial_number = page_request.text("user"), page_request.text("serial_number")
    parameters = {"UserName": user_name} if user_name else {}
    for number, name in enumerate(("first", "second"), start=1):
        parameters[f"AuthenticationCode{number}"] = "".join(page_request.text(name).split())
    outcome = await call_iam(page_request, session, "EnableMFADevice", SerialNumber=serial_number, **parameters)
    if outcome.error:
        message = render_error_notice(outcome.error)
        return _render_codes_form(page_request, serial_number, user_name, message, outcome.error.status)
    return redirect("/console?notice=mfa-registered")
