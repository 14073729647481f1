"""Signing in as a root user: e-mail address and password, then a code if MFA is registered.

A wrong address, a wrong password and an account without a password are answered alike, after the same time.
"""

from __future__ import annotations

import asyncio

from rootkeeper.sandbox.http_messages import HttpResponse
from rootkeeper.sandbox.people.events import SignInStep
from rootkeeper.sandbox.people.layout import alert, field, form, notice, redirect, section
from rootkeeper.sandbox.people.markup import Child, tag
from rootkeeper.sandbox.people.root_users import record_login, record_step
from rootkeeper.sandbox.people.visits import PageRequest
from rootkeeper.sandbox.state import Account, AccountState, MfaDevice
from rootkeeper.sandbox.state.identifiers import new_access_key_id
from rootkeeper.sandbox.state.passwords import verify_password
from rootkeeper.sandbox.state.sign_ins import MFA_GRACE, MfaChallenge, SignInSession, digest
from rootkeeper.sandbox.totp import find_step

_LEAST_SECONDS = 0.12
"""What every attempt takes, whatever it finds; longer than hashing does."""
_MAX_EMAIL_CHARACTERS = 320
_WRONG = "Your authentication information is incorrect. Please try again."
_HELD_OFF = "Too many attempts have failed. Wait some minutes before you try again."
_WRONG_CODE = "This code isn't valid. Wait for the next one, and check that the device is the right one."
_NOTICES = {
    "password-set": "The new password is set. Sign in with it.",
    "signed-out": "You have signed out.",
}
_KINDS = {"virtual": "authenticator app", "hardware": "hardware token", "fido": "passkey or security key"}


async def show(page_request: PageRequest) -> HttpResponse:
    """Show the form."""
    return _render_form(page_request)


def _render_form(
    page_request: PageRequest, fault: str | None = None, email: str = "", status: int = 200
) -> HttpResponse:
    account = page_request.account
    reported = _NOTICES.get(page_request.query.get("notice", ""))
    has_fault = fault is not None
    return page_request.page(
        "Root user sign in",
        _render_signed_in(account) if account else None,
        notice(tag("p", reported)) if reported else None,
        alert(tag("p", fault)) if fault else None,
        section(
            "Who are you?",
            form(
                "/signin",
                page_request.form_token,
                field(
                    "Root user e-mail address",
                    "email",
                    value=email,
                    type="email",
                    autocomplete="username",
                    maxlength=_MAX_EMAIL_CHARACTERS,
                    is_invalid=has_fault,
                ),
                field("Password", "password", type="password", autocomplete="current-password", maxlength=1024),
                button="Sign in",
            ),
            tag("p", tag("a", "Forgot password?", href="/signin/forgot-password")),
            name="credentials",
        ),
        tag(
            "p",
            "Want to try one? ",
            tag("a", "The front page", href="/"),
            " lists root users with their passwords.",
            class_="hint",
        ),
        status=status,
    )


def _render_signed_in(account: Account) -> Child:
    link = tag("a", "Go on", href="/console")
    return notice(tag("p", "The root user of ", tag("bdi", account.name), " is signed in. ", link))


async def sign_in(page_request: PageRequest) -> HttpResponse:
    """Check e-mail address and password; go on to the code or into the console."""
    email, password = page_request.text("email").strip()[:_MAX_EMAIL_CHARACTERS], page_request.text("password")
    key = digest("sign-in", email.lower())
    if page_request.sign_ins.is_held_off(key, page_request.now):
        return _render_form(page_request, _HELD_OFF, email, status=429)
    account = await _find_account(page_request, email, password)
    if account is None:
        page_request.sign_ins.count_failure(key, page_request.now)
        return _render_form(page_request, _WRONG, email, status=403)
    if account.state is not AccountState.ACTIVE:
        record_login(page_request, account.account_id, is_success=False)
        return _render_form(
            page_request, f"This account is {account.state}; nobody can sign in to it.", email, status=403
        )
    if account.root_user.mfa_devices:
        return _begin_challenge(page_request, account)
    return _enter(page_request, account, None)


async def _find_account(page_request: PageRequest, email: str, password: str) -> Account | None:
    """Find the account whose root user this proves to be; the time that it takes says nothing."""
    world, loop = page_request.world, asyncio.get_running_loop()
    done_at = loop.time() + _LEAST_SECONDS
    found = world.find_account_by_email(email) if email else None
    profile = found.root_user.login_profile if found else None
    is_right = await asyncio.to_thread(verify_password, profile.password if profile else None, password)
    await asyncio.sleep(max(0.0, done_at - loop.time()))
    account = world.find_account(found.account_id) if found else None
    if account is None:
        return None
    if is_right and account.root_user.login_profile is profile:
        return account
    record_login(page_request, account.account_id, is_success=False)
    return None


def _begin_challenge(page_request: PageRequest, account: Account) -> HttpResponse:
    profile = account.root_user.login_profile
    page_request.renew_browser()
    if profile:
        challenge = MfaChallenge(account.account_id, page_request.now, profile.created_at)
        page_request.sign_ins.add_challenge(digest("challenge", page_request.browser_id), challenge)
    device = next(iter(account.root_user.mfa_devices.values()))
    record_step(page_request, SignInStep.CHECK_MFA, account.account_id, MfaType=_mfa_type(device))
    return redirect("/signin/mfa")


def _mfa_type(device: MfaDevice) -> str:
    return {"fido": "U2F MFA", "hardware": "Hardware MFA"}.get(device.kind, "Virtual MFA")


async def ask_code(page_request: PageRequest) -> HttpResponse:
    """Show the form for the code."""
    return _render_code_form(page_request)


def _render_code_form(page_request: PageRequest, fault: str | None = None) -> HttpResponse:
    account = _challenged_account(page_request)
    if account is None:
        return redirect("/signin")
    devices = account.root_user.mfa_devices.values()
    return page_request.page(
        "Multi-factor authentication",
        alert(tag("p", fault)) if fault else None,
        section(
            "Enter a code",
            tag("p", "The root user of ", tag("bdi", account.email), " is protected by:"),
            tag("ul", *(tag("li", *_render_device(device)) for device in devices)),
            form(
                "/signin/mfa",
                page_request.form_token,
                field(
                    "Code of six digits",
                    "code",
                    autocomplete="one-time-code",
                    inputmode="numeric",
                    maxlength=10,
                    is_invalid=fault is not None,
                ),
                button="Sign in",
            ),
            name="code-of-device",
        ),
        tag(
            "p",
            "No device at hand? The sandbox knows ",
            tag("a", "a code that works now", href=f"/_sandbox/accounts/{account.account_id}/sign-in"),
            ", for tokens and security keys, too.",
            class_="hint",
        ),
        status=200 if fault is None else 403,
    )


def _render_device(device: MfaDevice) -> list[Child]:
    return [_KINDS.get(device.kind, "MFA device"), " ", tag("code", device.serial_number)]


def _challenged_account(page_request: PageRequest) -> Account | None:
    """Find whose password this browser knew; nobody's once that password is gone."""
    challenge = page_request.sign_ins.find_challenge(digest("challenge", page_request.browser_id), page_request.now)
    account = page_request.world.find_account(challenge.account_id) if challenge else None
    if challenge is None or account is None or challenge.remaining_tries <= 0:
        return None
    profile = account.root_user.login_profile
    return account if profile and profile.created_at == challenge.profile_created_at else None


async def check_code(page_request: PageRequest) -> HttpResponse:
    """Check the code, which works once."""
    key = digest("challenge", page_request.browser_id)
    challenge, account = page_request.sign_ins.find_challenge(key, page_request.now), _challenged_account(page_request)
    if challenge is None or account is None:
        return redirect("/signin")
    challenge.remaining_tries -= 1
    device = _use_code(page_request, account, "".join(page_request.text("code").split()))
    if device is None:
        page_request.sign_ins.count_failure(digest("sign-in", account.email.lower()), page_request.now)
        some = next(iter(account.root_user.mfa_devices), "none")
        record_login(page_request, account.account_id, is_success=False, mfa_serial_number=some)
        return _render_code_form(page_request, _WRONG_CODE)
    del page_request.sign_ins.challenges[key]
    return _enter(page_request, account, device)


def _use_code(page_request: PageRequest, account: Account, code: str) -> MfaDevice | None:
    for device in account.root_user.mfa_devices.values():
        seed = page_request.world.mfa_seed(device.serial_number, device.seed)
        step = find_step(seed, code, page_request.now, device.used_steps)
        if step is not None:
            device.use(step)
            return device
    return None


def _enter(page_request: PageRequest, account: Account, device: MfaDevice | None) -> HttpResponse:
    """Let a root user in; one without MFA is asked to register it first."""
    page_request.sign_ins.failures.pop(digest("sign-in", account.email.lower()), None)
    page_request.renew_browser()
    session = SignInSession(
        account_id=account.account_id,
        access_key_id=new_access_key_id("ASIA", account.account_id),
        signed_in_at=page_request.now,
        has_mfa=device is not None,
    )
    page_request.sign_ins.add_session(digest("session", page_request.browser_id), session)
    account.root_user.password_last_used_at = page_request.now.replace(microsecond=0)
    record_login(
        page_request, account.account_id, is_success=True, mfa_serial_number=device.serial_number if device else None
    )
    if device is not None:
        return redirect("/console")
    profile = account.root_user.login_profile
    if profile and profile.mfa_due_at is None:
        profile.mfa_due_at = page_request.now + MFA_GRACE
    return redirect("/console/register-mfa")


async def sign_out(page_request: PageRequest) -> HttpResponse:
    """End the session."""
    page_request.sign_ins.sessions.pop(digest("session", page_request.browser_id), None)
    page_request.renew_browser()
    return redirect("/signin?notice=signed-out")
