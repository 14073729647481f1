"""What a person does in an open recovery window: which mailbox, which page, and what happens at its end."""

from __future__ import annotations

from rootkeeper.domain.organizations import Account
from rootkeeper.domain.windows import RecoveryWindow

_WHAT_CLOSING_DOES = (
    "Closing deletes every root user credential of the account, those from before included: access keys, signing "
    "certificates, the password, MFA devices. A console session that is open then may live on."
)


def list_next_steps(
    account: Account, window: RecoveryWindow, endpoint_url: str | None, *, leave_open: bool = False
) -> tuple[str, ...]:
    """Line by line, in order.

    ``endpoint_url`` is the sandbox's; ``None`` for AWS.
    """
    return (
        f"1. Open {_sign_in_page(endpoint_url)} and ask to reset the root user's password of {account.email}.",
        f"2. Open the mail that arrives in the mailbox {account.email}, follow its link and set a password.",
        "3. Sign in with it as root user. You will be asked to register an MFA device; do so.",
        f"4. Do the work: {window.reason}",
        _describe_end(window, leave_open=leave_open),
        _WHAT_CLOSING_DOES,
    )


def _describe_end(window: RecoveryWindow, *, leave_open: bool) -> str:
    end = window.expires_at.strftime("%Y-%m-%d %H:%M:%S UTC") if window.expires_at else "its end"
    if not leave_open:
        return f"This command waits and closes the window at {end}; Ctrl-C closes it at once."
    return (
        f"Nothing closes this window at its end ({end}): no server is running. Close it yourself: "
        f"rootkeeper windows close {window.window_id}"
    )


def _sign_in_page(endpoint_url: str | None) -> str:
    if endpoint_url is None:
        return "https://signin.aws.amazon.com/ (choose Root user, then Forgot password)"
    return f"{endpoint_url.rstrip('/')}/signin/forgot-password"
