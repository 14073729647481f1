"""Sign-in of root users, password recovery, and the mailboxes with the mail that AWS would have sent.

A wrong address, a wrong password and an account without a password get the same answer after the same time. A root
user can recover its password only while a login profile exists, with or without a password; without a profile, and
for an unknown address, the answer is the same.
"""

from __future__ import annotations

import asyncio
import secrets
from urllib.parse import unquote

from rootkeeper_sandbox.clock import find_step
from rootkeeper_sandbox.exchange import HttpResponse, is_loopback
from rootkeeper_sandbox.people.events import SignInStep
from rootkeeper_sandbox.people.layout import mailbox_path, redirect
from rootkeeper_sandbox.people.visits import PASSWORD_HINT, PageRequest, find_password_fault, record_login, record_step
from rootkeeper_sandbox.state.accounts import (
    Account,
    AccountState,
    MfaDevice,
    hash_password,
    new_access_key_id,
    verify_password,
)
from rootkeeper_sandbox.state.people import (
    MFA_GRACE,
    RESET_LIFETIME,
    Message,
    MfaChallenge,
    PasswordReset,
    SignInSession,
    add_entry,
    digest,
    find_entry,
)

_SHOWN_MAILBOXES = 200


async def show_all(page_request: PageRequest) -> HttpResponse:
    """List the mailboxes that have mail, or go to the requested mailbox."""
    wanted = page_request.query.get("address", "").strip()
    if wanted:
        return redirect(mailbox_path(wanted))
    found = page_request.world.mailboxes.counts()
    return page_request.page("mailboxes", "Mailboxes", found=found, limit=_SHOWN_MAILBOXES)


async def show_one(page_request: PageRequest) -> HttpResponse:
    """Show the messages of a mailbox, newest first."""
    address = unquote(page_request.request.raw_path.rstrip("/").rpartition("/")[2], errors="replace")
    messages = page_request.world.mailboxes.messages(address)[::-1]
    return page_request.page("mailbox", f"Mailbox of {address}", messages=messages)


_LEAST_SECONDS = 0.12
"""The time of every attempt, right or wrong; hashing takes less."""
_MAX_EMAIL_CHARACTERS = 320
_WRONG = "Your authentication information is incorrect. Please try again."
_SIGN_IN_REFUSED = "Too many attempts have failed. Wait some minutes before you try again."
_WRONG_CODE = "This code isn't valid. Wait for the next one, and check that the device is the right one."

_NOTICES = {
    "password-set": "The new password is set. Sign in with it.",
    "signed-out": "You have signed out.",
}


async def show_sign_in(page_request: PageRequest) -> HttpResponse:
    return _render_sign_in(page_request)


def _render_sign_in(
    page_request: PageRequest,
    fault: str | None = None,
    email: str = "",
    status: int = 200,
    explanation: str | None = None,
) -> HttpResponse:
    return page_request.page(
        "sign_in",
        "Root user sign in",
        status,
        account=page_request.account,
        notice=_NOTICES.get(page_request.query.get("notice", "")),
        fault=fault,
        email=email,
        explanation=explanation,
    )


async def sign_in(page_request: PageRequest) -> HttpResponse:
    """Check e-mail address and password; continue with the code or the console."""
    email, password = page_request.text("email").strip()[:_MAX_EMAIL_CHARACTERS], page_request.text("password")
    key = digest("sign-in", email.lower())
    if page_request.sign_ins.is_held_off(key, page_request.now):
        return _render_sign_in(page_request, _SIGN_IN_REFUSED, email, status=429)
    account = await _find_sign_in_account(page_request, email, password)
    if account is None:
        page_request.sign_ins.count_failure(key, page_request.now)
        return _render_sign_in(page_request, _WRONG, email, status=403, explanation=_explain(page_request, email))
    if account.state is not AccountState.ACTIVE:
        record_login(page_request, account.account_id, is_success=False)
        return _render_sign_in(
            page_request, f"This account is {account.state}. No one can sign in to it.", email, status=403
        )
    if account.root_user.mfa_devices:
        return _begin_challenge(page_request, account)
    return _enter(page_request, account, None)


def _explain(page_request: PageRequest, email: str) -> str | None:
    """Say in a demo, unlike AWS's page, that no password exists, so that none can be right."""
    account = page_request.world.find_account_by_email(email) if email else None
    if page_request.instance.demo is None or not is_loopback(page_request.request.source_ip):
        return None
    if account is None or account.root_user.has_password:
        return None
    return f"The root user of {account.name} has no password, so every password is refused."


async def _find_sign_in_account(page_request: PageRequest, email: str, password: str) -> Account | None:
    """Find the account of the root user that address and password prove; the time that it takes says nothing."""
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
        challenge = MfaChallenge(page_request.now, account.account_id, profile.created_at)
        key = digest("challenge", page_request.browser_id)
        add_entry(page_request.sign_ins.challenges, key, challenge, page_request.now)
    device = next(iter(account.root_user.mfa_devices.values()))
    mfa_type = {"fido": "U2F MFA", "hardware": "Hardware MFA"}.get(device.kind, "Virtual MFA")
    record_step(page_request, SignInStep.CHECK_MFA, account.account_id, MfaType=mfa_type)
    return redirect("/signin/mfa")


async def ask_code(page_request: PageRequest) -> HttpResponse:
    """Show the form for the code."""
    return _render_code_form(page_request)


def _render_code_form(page_request: PageRequest, fault: str | None = None) -> HttpResponse:
    account = _challenged_account(page_request)
    if account is None:
        return redirect("/signin")
    title, status = "Multi-factor authentication", 200 if fault is None else 403
    return page_request.page("sign_in_code", title, status, fault=fault, account=account)


def _challenged_account(page_request: PageRequest) -> Account | None:
    """Find the account whose password this browser knew; ``None`` once that password is gone."""
    challenge = find_entry(
        page_request.sign_ins.challenges, digest("challenge", page_request.browser_id), page_request.now
    )
    account = page_request.world.find_account(challenge.account_id) if challenge else None
    if challenge is None or account is None or challenge.remaining_tries <= 0:
        return None
    profile = account.root_user.login_profile
    return account if profile and profile.created_at == challenge.profile_created_at else None


async def check_code(page_request: PageRequest) -> HttpResponse:
    """Check the code, which works once."""
    key = digest("challenge", page_request.browser_id)
    challenge = find_entry(page_request.sign_ins.challenges, key, page_request.now)
    account = _challenged_account(page_request)
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
    """Let a root user in; a user without MFA is asked to register it first."""
    page_request.sign_ins.failures.pop(digest("sign-in", account.email.lower()), None)
    page_request.renew_browser()
    access_key_id = new_access_key_id("ASIA", account.account_id)
    session = SignInSession(page_request.now, account.account_id, access_key_id, has_mfa=device is not None)
    add_entry(page_request.sign_ins.sessions, digest("session", page_request.browser_id), session, page_request.now)
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


SENDER = "no-reply@signin.aws"
_SUBJECT = "Amazon Web Services Password Assistance"

_NOT_ALLOWED = (
    "Password recovery isn't allowed for this account. Your organization may manage root access centrally: ask its"
    " administrator to allow password recovery."
)

_HELD_OFF = "Too many mails were asked for. Wait some minutes before you try again."
_VOID = "This link has expired or was used already. Ask for a new one."
_DIFFER = "The two passwords aren't the same."


async def show_recovery(page_request: PageRequest) -> HttpResponse:
    """Ask for the e-mail address."""
    return _render_form(page_request)


def _render_form(
    page_request: PageRequest, fault: str | None = None, email: str = "", status: int = 200
) -> HttpResponse:
    return page_request.page("forgot_password", "Forgot password", status, fault=fault, email=email)


async def send_link(page_request: PageRequest) -> HttpResponse:
    """Send the mail, if the account allows recovery."""
    email = page_request.text("email").strip()[:320]
    key = digest("recovery", email.lower())
    if page_request.sign_ins.is_held_off(key, page_request.now):
        return _render_form(page_request, _HELD_OFF, email, status=429)
    page_request.sign_ins.count_failure(key, page_request.now)
    account = page_request.world.find_account_by_email(email) if email else None
    profile = account.root_user.login_profile if account else None
    is_allowed = account is not None and profile is not None and account.state is AccountState.ACTIVE
    if account:
        record_step(page_request, SignInStep.PASSWORD_RECOVERY_REQUESTED, account.account_id, is_success=is_allowed)
    if account is None or profile is None or not is_allowed:
        return _render_form(page_request, _NOT_ALLOWED, email, status=403)
    token = secrets.token_urlsafe(32)
    reset = PasswordReset(page_request.now, account.account_id, profile.created_at)
    add_entry(page_request.sign_ins.resets, digest("reset", token), reset, page_request.now)
    page_request.world.mailboxes.deliver(_write_mail(page_request, account, token))
    return page_request.page("mail_sent", "Look into the mailbox", account=account)


def _write_mail(page_request: PageRequest, account: Account, token: str) -> Message:
    minutes = int(RESET_LIFETIME.total_seconds() // 60)
    body = (
        "Greetings from the sandbox's Amazon Web Services,\n\n"
        f"A request was made to reset the password of the root user {account.email} of the account"
        f" {account.account_id}. To set a new password, open this link within {minutes} minutes. It works once.\n\n"
        f"http://{page_request.authority}/signin/reset-password?token={token}\n\n"
        "If it wasn't you, leave the link alone, and look for PasswordRecoveryRequested in the account's CloudTrail"
        " events.\n"
    )
    return Message(SENDER, account.email, _SUBJECT, body, page_request.now)


async def ask_password(page_request: PageRequest) -> HttpResponse:
    """Show the form behind the link."""
    return _render_password_form(page_request, page_request.query.get("token", ""))


def _render_password_form(page_request: PageRequest, token: str, fault: str | None = None) -> HttpResponse:
    account = _find_account(page_request, token)
    if account is None:
        fault, status = _VOID, 403
    else:
        status = 200 if fault is None else 422
    return page_request.page(
        "reset_password",
        "Reset password",
        status,
        fault=fault,
        account=account,
        token=token,
        password_hint=PASSWORD_HINT,
    )


def _find_account(page_request: PageRequest, token: str) -> Account | None:
    """Find the account whose password a link can set; ``None`` once its login profile is gone."""
    reset = find_entry(page_request.sign_ins.resets, digest("reset", token), page_request.now)
    account = page_request.world.find_account(reset.account_id) if reset else None
    profile = account.root_user.login_profile if account else None
    is_same = reset is not None and profile is not None and profile.created_at == reset.profile_created_at
    return account if is_same else None


async def set_password(page_request: PageRequest) -> HttpResponse:
    """Set the password, and make all links of the account useless."""
    token, password = page_request.text("token"), page_request.text("password")
    account = _find_account(page_request, token)
    if account is None:
        return _render_password_form(page_request, token)
    fault = find_password_fault(password, account)
    fault = fault or (_DIFFER if password != page_request.text("repeated") else None)
    if fault:
        return _render_password_form(page_request, token, fault)
    hashed = await asyncio.to_thread(hash_password, password)
    account = _find_account(page_request, token)
    if account is None or account.root_user.login_profile is None:
        return _render_password_form(page_request, token)
    account.root_user.login_profile.password = hashed
    page_request.sign_ins.forget_resets(account.account_id)
    record_step(page_request, SignInStep.PASSWORD_RECOVERY_COMPLETED, account.account_id)
    return redirect("/signin?notice=password-set")
