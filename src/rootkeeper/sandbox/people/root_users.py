"""A root user at a browser: the principal that it is, the passwords that it may have, the events that it leaves."""

from __future__ import annotations

from rootkeeper.sandbox.exchange import Principal, PrincipalKind
from rootkeeper.sandbox.people.events import SignInEvent, SignInStep
from rootkeeper.sandbox.people.visits import PageRequest
from rootkeeper.sandbox.state import Account
from rootkeeper.sandbox.state.sign_ins import SignInSession

MINIMUM_CHARACTERS, MAXIMUM_CHARACTERS = 8, 128
_SYMBOLS = frozenset("!@#$%^&*()<>[]{}|_+-=")
_LEAST_KINDS = 3
PASSWORD_HINT = (
    f"{MINIMUM_CHARACTERS} to {MAXIMUM_CHARACTERS} characters, of at least three kinds: upper case, lower case,"
    " numbers, symbols. Not the account's name or e-mail address."
)


def find_password_fault(text: str, account: Account) -> str | None:
    """Find what is wrong with a root user's new password.

    Source: IAM User Guide, "Change the password for the AWS account root user".
    """
    if not MINIMUM_CHARACTERS <= len(text) <= MAXIMUM_CHARACTERS:
        return f"The password must have {MINIMUM_CHARACTERS} to {MAXIMUM_CHARACTERS} characters."
    tests = (str.isupper, str.islower, str.isdigit, _SYMBOLS.__contains__)
    if sum(any(map(test, text)) for test in tests) < _LEAST_KINDS:
        return "The password must have characters of three kinds: upper case, lower case, numbers, symbols."
    if text.lower() in (account.name.lower(), account.email.lower()):
        return "The password must not be the account's name or e-mail address."
    return None


def make_principal(page_request: PageRequest, session: SignInSession) -> Principal:
    """Give whom a session of the console calls AWS as: the long-term root user, by temporary credentials."""
    return Principal(
        kind=PrincipalKind.ROOT_USER,
        arn=page_request.world.root_user_arn(session.account_id),
        account_id=session.account_id,
        user_id=session.account_id,
        access_key_id=session.access_key_id,
        session_issued_at=session.signed_in_at,
        has_mfa=session.has_mfa,
    )


def record_step(
    page_request: PageRequest, step: SignInStep, account_id: str, *, is_success: bool = True, **additional: str
) -> None:
    """Leave the event of a step of signing in."""
    event = SignInEvent(
        step=step,
        account_id=account_id,
        root_user_arn=page_request.world.root_user_arn(account_id),
        occurred_at=page_request.now,
        source_ip=page_request.request.source_ip,
        user_agent=page_request.request.headers.get("user-agent", ""),
        is_success=is_success,
        additional=additional or None,
    )
    page_request.instance.trail.append(event)


def record_login(
    page_request: PageRequest, account_id: str, *, is_success: bool, mfa_serial_number: str | None = None
) -> None:
    """Leave the event ConsoleLogin."""
    device = {"MFAIdentifier": mfa_serial_number} if mfa_serial_number and is_success else {}
    record_step(
        page_request,
        SignInStep.CONSOLE_LOGIN,
        account_id,
        is_success=is_success,
        LoginTo=f"http://{page_request.authority}/console",
        MobileVersion="No",
        MFAUsed="Yes" if mfa_serial_number else "No",
        **device,
    )
