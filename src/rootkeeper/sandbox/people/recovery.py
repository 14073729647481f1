"""A forgotten password: a mail with a link that works once and for an hour, while the account allows recovery.

A root user can recover its password only while there is a login profile, with or without a password. Where there is
none, and where there is no such account, the answer is the same.
"""

from __future__ import annotations

import asyncio
import secrets

from rootkeeper.sandbox.http_messages import HttpResponse
from rootkeeper.sandbox.people.events import SignInStep
from rootkeeper.sandbox.people.layout import account_of_password, alert, field, form, hidden, redirect, section
from rootkeeper.sandbox.people.mailboxes import mailbox_path
from rootkeeper.sandbox.people.markup import tag
from rootkeeper.sandbox.people.root_users import PASSWORD_HINT, find_password_fault, record_step
from rootkeeper.sandbox.people.visits import PageRequest
from rootkeeper.sandbox.state import Account, AccountState
from rootkeeper.sandbox.state.mailboxes import Message
from rootkeeper.sandbox.state.passwords import hash_password
from rootkeeper.sandbox.state.sign_ins import RESET_LIFETIME, PasswordReset, digest

SENDER = "no-reply@signin.aws"
_SUBJECT = "Amazon Web Services Password Assistance"
_NOT_ALLOWED = (
    "Password recovery isn't allowed for this account. Your organization may manage root access centrally: ask its"
    " administrator to allow password recovery."
)
_HELD_OFF = "Too many mails were asked for. Wait some minutes before you try again."
_VOID = "This link has expired or was used already. Ask for a new one."
_DIFFER = "The two passwords aren't the same."


async def show(page_request: PageRequest) -> HttpResponse:
    """Ask for the e-mail address."""
    return _render_form(page_request)


def _render_form(
    page_request: PageRequest, fault: str | None = None, email: str = "", status: int = 200
) -> HttpResponse:
    return page_request.page(
        "Forgot password",
        alert(tag("p", fault)) if fault else None,
        section(
            "Get a link by mail",
            tag("p", "A link to set a new password goes to the root user's mailbox."),
            form(
                "/signin/forgot-password",
                page_request.form_token,
                field(
                    "Root user e-mail address",
                    "email",
                    value=email,
                    type="email",
                    autocomplete="username",
                    maxlength=320,
                    is_invalid=fault is not None,
                ),
                button="Send mail",
            ),
            name="link",
        ),
        tag("p", tag("a", "Back to sign in", href="/signin")),
        status=status,
    )


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
    reset = PasswordReset(account.account_id, page_request.now, profile.created_at)
    page_request.sign_ins.add_reset(digest("reset", token), reset)
    page_request.world.mailboxes.deliver(_write_mail(page_request, account, token))
    return _render_sent(page_request, account)


def _write_mail(page_request: PageRequest, account: Account, token: str) -> Message:
    minutes = int(RESET_LIFETIME.total_seconds() // 60)
    body = (
        "Greetings from the sandbox's Amazon Web Services,\n\n"
        f"Somebody asked to reset the password of the root user {account.email} of the account"
        f" {account.account_id}. To set a new password, open this link within {minutes} minutes. It works once.\n\n"
        f"http://{page_request.authority}/signin/reset-password?token={token}\n\n"
        "If it wasn't you, leave the link alone, and look for PasswordRecoveryRequested in the account's CloudTrail"
        " events.\n"
    )
    return Message(SENDER, account.email, _SUBJECT, body, page_request.now)


def _render_sent(page_request: PageRequest, account: Account) -> HttpResponse:
    return page_request.page(
        "Look into the mailbox",
        section(
            "A mail is on its way",
            tag("p", "The link went to ", tag("strong", tag("bdi", account.email)), "."),
            tag("p", tag("a", "Open this mailbox", href=mailbox_path(account.email), class_="button")),
            name="sent",
        ),
    )


async def ask_password(page_request: PageRequest) -> HttpResponse:
    """Show the form behind the link."""
    return _render_password_form(page_request, page_request.query.get("token", ""))


def _render_password_form(page_request: PageRequest, token: str, fault: str | None = None) -> HttpResponse:
    account = _find_account(page_request, token)
    if account is None:
        return page_request.page(
            "Reset password",
            alert(tag("p", _VOID)),
            tag("p", tag("a", "Ask for a new link", href="/signin/forgot-password", class_="button")),
            status=403,
        )
    return page_request.page(
        "Reset password",
        alert(tag("p", fault)) if fault else None,
        section(
            "Set a new password",
            tag("p", "For the root user ", tag("bdi", account.email), f" of the account {account.account_id}."),
            form(
                "/signin/reset-password",
                page_request.form_token,
                hidden("token", token),
                account_of_password(account.email),
                field(
                    "New password",
                    "password",
                    hint=PASSWORD_HINT,
                    type="password",
                    autocomplete="new-password",
                    is_invalid=fault is not None,
                ),
                field("Once more", "repeated", type="password", autocomplete="new-password"),
                button="Set password",
            ),
            name="password-to-set",
        ),
        status=200 if fault is None else 422,
    )


def _find_account(page_request: PageRequest, token: str) -> Account | None:
    """Find whose password a link may set: nobody's once its login profile is gone."""
    reset = page_request.sign_ins.find_reset(digest("reset", token), page_request.now)
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
