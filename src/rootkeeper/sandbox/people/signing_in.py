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
from rootkeeper.sandbox.people.visits import Visit
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


async def show(visit: Visit) -> HttpResponse:
    """Show the form."""
    return _render_form(visit)


def _render_form(visit: Visit, fault: str | None = None, email: str = "", status: int = 200) -> HttpResponse:
    account = visit.account
    told = _NOTICES.get(visit.query.get("notice", ""))
    has_fault = fault is not None
    return visit.page(
        "Root user sign in",
        _tell_who_is_in(account) if account else None,
        notice(tag("p", told)) if told else None,
        alert(tag("p", fault)) if fault else None,
        section(
            "Who are you?",
            form(
                "/signin",
                visit.form_token,
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


def _tell_who_is_in(account: Account) -> Child:
    link = tag("a", "Go on", href="/console")
    return notice(tag("p", "The root user of ", tag("bdi", account.name), " is signed in. ", link))


async def sign_in(visit: Visit) -> HttpResponse:
    """Check e-mail address and password; go on to the code or into the console."""
    email, password = visit.text("email").strip()[:_MAX_EMAIL_CHARACTERS], visit.text("password")
    key = digest("sign-in", email.lower())
    if visit.sign_ins.is_held_off(key, visit.now):
        return _render_form(visit, _HELD_OFF, email, status=429)
    account = await _find_account(visit, email, password)
    if account is None:
        visit.sign_ins.count_failure(key, visit.now)
        return _render_form(visit, _WRONG, email, status=403)
    if account.state is not AccountState.ACTIVE:
        record_login(visit, account.account_id, is_success=False)
        return _render_form(visit, f"This account is {account.state}; nobody can sign in to it.", email, status=403)
    if account.root_user.mfa_devices:
        return _begin_challenge(visit, account)
    return _enter(visit, account, None)


async def _find_account(visit: Visit, email: str, password: str) -> Account | None:
    """Find the account whose root user this proves to be; the time that it takes says nothing."""
    world, loop = visit.world, asyncio.get_running_loop()
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
    record_login(visit, account.account_id, is_success=False)
    return None


def _begin_challenge(visit: Visit, account: Account) -> HttpResponse:
    profile = account.root_user.login_profile
    visit.renew_browser()
    if profile:
        challenge = MfaChallenge(account.account_id, visit.now, profile.created_at)
        visit.sign_ins.add_challenge(digest("challenge", visit.browser_id), challenge)
    device = next(iter(account.root_user.mfa_devices.values()))
    record_step(visit, SignInStep.CHECK_MFA, account.account_id, MfaType=_mfa_type(device))
    return redirect("/signin/mfa")


def _mfa_type(device: MfaDevice) -> str:
    return {"fido": "U2F MFA", "hardware": "Hardware MFA"}.get(device.kind, "Virtual MFA")


async def ask_code(visit: Visit) -> HttpResponse:
    """Show the form for the code."""
    return _render_code_form(visit)


def _render_code_form(visit: Visit, fault: str | None = None) -> HttpResponse:
    account = _challenged_account(visit)
    if account is None:
        return redirect("/signin")
    devices = account.root_user.mfa_devices.values()
    return visit.page(
        "Multi-factor authentication",
        alert(tag("p", fault)) if fault else None,
        section(
            "Enter a code",
            tag("p", "The root user of ", tag("bdi", account.email), " is protected by:"),
            tag("ul", *(tag("li", *_name_device(device)) for device in devices)),
            form(
                "/signin/mfa",
                visit.form_token,
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


def _name_device(device: MfaDevice) -> list[Child]:
    return [_KINDS.get(device.kind, "MFA device"), " ", tag("code", device.serial_number)]


def _challenged_account(visit: Visit) -> Account | None:
    """Find whose password this browser knew; nobody's once that password is gone."""
    challenge = visit.sign_ins.find_challenge(digest("challenge", visit.browser_id), visit.now)
    account = visit.world.find_account(challenge.account_id) if challenge else None
    if challenge is None or account is None or challenge.remaining_tries <= 0:
        return None
    profile = account.root_user.login_profile
    return account if profile and profile.created_at == challenge.profile_created_at else None


async def check_code(visit: Visit) -> HttpResponse:
    """Check the code, which works once."""
    key = digest("challenge", visit.browser_id)
    challenge, account = visit.sign_ins.find_challenge(key, visit.now), _challenged_account(visit)
    if challenge is None or account is None:
        return redirect("/signin")
    challenge.remaining_tries -= 1
    device = _use_code(visit, account, "".join(visit.text("code").split()))
    if device is None:
        visit.sign_ins.count_failure(digest("sign-in", account.email.lower()), visit.now)
        some = next(iter(account.root_user.mfa_devices), "none")
        record_login(visit, account.account_id, is_success=False, mfa_serial_number=some)
        return _render_code_form(visit, _WRONG_CODE)
    del visit.sign_ins.challenges[key]
    return _enter(visit, account, device)


def _use_code(visit: Visit, account: Account, code: str) -> MfaDevice | None:
    for device in account.root_user.mfa_devices.values():
        seed = visit.world.mfa_seed(device.serial_number, device.seed)
        step = find_step(seed, code, visit.now, device.used_steps)
        if step is not None:
            device.use(step)
            return device
    return None


def _enter(visit: Visit, account: Account, device: MfaDevice | None) -> HttpResponse:
    """Let a root user in; one without MFA is asked to register it first."""
    visit.sign_ins.failures.pop(digest("sign-in", account.email.lower()), None)
    visit.renew_browser()
    session = SignInSession(
        account_id=account.account_id,
        access_key_id=new_access_key_id("ASIA", account.account_id),
        signed_in_at=visit.now,
        has_mfa=device is not None,
    )
    visit.sign_ins.add_session(digest("session", visit.browser_id), session)
    account.root_user.password_last_used_at = visit.now.replace(microsecond=0)
    record_login(visit, account.account_id, is_success=True, mfa_serial_number=device.serial_number if device else None)
    if device is not None:
        return redirect("/console")
    profile = account.root_user.login_profile
    if profile and profile.mfa_due_at is None:
        profile.mfa_due_at = visit.now + MFA_GRACE
    return redirect("/console/register-mfa")


async def sign_out(visit: Visit) -> HttpResponse:
    """End the session."""
    visit.sign_ins.sessions.pop(digest("session", visit.browser_id), None)
    visit.renew_browser()
    return redirect("/signin?notice=signed-out")
