"""What a person does in an open recovery window: which mailbox, which page, and what happens at its end."""

from __future__ import annotations

from rootkeeper.organization.accounts import Account
from rootkeeper.windows.rules import RecoveryWindow

_WHAT_CLOSING_DOES = (
    "Closing deletes every root user credential of the account, also older ones: access keys, signing certificates, "
    "the password, MFA devices. A console session that is still open can continue."
)


def list_next_steps(
    account: Account, window: RecoveryWindow, endpoint_url: str | None, *, leave_open: bool = False
) -> tuple[str, ...]:
    """List the steps for a window that this command closes; ``endpoint_url`` is ``None`` for AWS."""
    end = _end_of(window)
    if leave_open:
        ending = (
            f"Nothing closes this window at its end ({end}): no server is running. Close it yourself: "
            f"rootkeeper windows close {window.window_id}"
        )
    else:
        ending = f"This command waits and closes the window at {end}; Ctrl-C closes it at once."
    return (*_list_work(account.email, window, endpoint_url), ending, _WHAT_CLOSING_DOES)


def list_steps_on_server(email: str, window: RecoveryWindow, endpoint_url: str | None) -> tuple[str, ...]:
    """List the steps for a window that a server closes."""
    return (
        *_list_work(email, window, endpoint_url),
        f"The server closes the window at {_end_of(window)}. Earlier: rootkeeper windows close {window.window_id}",
        _WHAT_CLOSING_DOES,
    )


def _list_work(email: str, window: RecoveryWindow, endpoint_url: str | None) -> tuple[str, ...]:
    return (
        f"1. Open {_sign_in_page(endpoint_url)} and ask to reset the root user's password of {email}.",
        f"2. Open the mail that arrives in the mailbox {email}, follow its link and set a password.",
        "3. Sign in with it as root user. You will be asked to register an MFA device; do so.",
        f"4. Do the work: {window.reason}",
    )


def list_set_up_steps(account: Account, window: RecoveryWindow, endpoint_url: str | None) -> tuple[str, ...]:
    """List the steps for a failsafe, whose login stays."""
    end = _end_of(window)
    return (
        f"1. Open {_sign_in_page(endpoint_url)} and ask to reset the root user's password of {account.email}.",
        (
            f"2. Open the mail that arrives in the mailbox {account.email}, follow its link and set a password that "
            "two people keep."
        ),
        "3. Sign in with it as root user and register an MFA device; register a second one, one of them hardware.",
        "4. Sign out, and store the password and the devices so that two people find them. Create no access key.",
        (
            f"This command checks every few seconds and ends when the login is complete. At {end}, or at Ctrl-C, "
            "everything is deleted again."
        ),
    )


def _end_of(window: RecoveryWindow) -> str:
    return window.expires_at.strftime("%Y-%m-%d %H:%M:%S UTC") if window.expires_at else "its end"


def _sign_in_page(endpoint_url: str | None) -> str:
    if endpoint_url is None:
        return "https://signin.aws.amazon.com/ (choose Root user, then Forgot password)"
    return f"{endpoint_url.rstrip('/')}/signin/forgot-password"
