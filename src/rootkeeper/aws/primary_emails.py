"""Reads and changes root e-mail addresses with Account Management.

AWS sends a one-time password to the new address, waits up to 24 hours for it, and may take up to 4 hours to show the
change everywhere. AWS's messages may quote the request with the password: no error passes it on.

Source: Account Management guide, "Update the root user email address"; API version 2021-02-01.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rootkeeper.aws.clients import GatewayPart
from rootkeeper.aws.credentials import require_intent_fits
from rootkeeper.aws.errors import required
from rootkeeper.aws.rules import ACCOUNT_SERVICE_PRINCIPAL, EmailUpdate, EmailUpdateStatus, OneTimePassword
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsAlreadyExistsError,
    AwsError,
    AwsNotFoundError,
    AwsRejectedError,
    Hint,
    OneTimePasswordError,
)
from rootkeeper.ledger.rules import Action, Intent
from rootkeeper.organization.accounts import AccountId


class PrimaryEmails(Protocol):
    """Reads and changes the root e-mail address of a member account.

    The management account and the delegated administrator for account.amazonaws.com can make the calls. Every method
    may raise AwsAccessDeniedError, AwsCredentialsError, AwsNotFoundError, AwsThrottledError or AwsUnreachableError. A
    change is sent once, and raises AwsUnclearError if only a re-read can decide.
    """

    def read_primary_email(self, account_id: AccountId) -> str:
        """Call account:GetPrimaryEmail once."""
        ...

    def find_email_update(self, account_id: AccountId) -> EmailUpdate | None:
        """Find the newest change of the address; ``None`` if there is none.

        Calls account:GetPrimaryEmailUpdateStatus once.

        :raises AwsRejectedError: if the installed AWS SDK doesn't have the call.
        """
        ...

    def start_email_update(self, account_id: AccountId, email: str, intent: Intent) -> None:
        """Have AWS send a one-time password to the new address; earlier passwords become void.

        Calls account:StartPrimaryEmailUpdate once.

        :raises AwsAlreadyExistsError: if an AWS account has the address.
        """
        ...

    def accept_email_update(self, account_id: AccountId, email: str, otp: OneTimePassword, intent: Intent) -> None:
        """Change the address. AWS may take hours to show it.

        Calls account:AcceptPrimaryEmailUpdate once. No error repeats the password.

        :raises OneTimePasswordError: if AWS refuses the one-time password.
        :raises AwsNotFoundError: if no change to this address is pending.
        :raises AwsAlreadyExistsError: if an AWS account has the address now.
        """
        ...


_NO_UPDATE = "No email update found"
"""In a ValidationException about an account that never changed its address. Source: observed."""
_NO_TRUST = "must first enable trusted access"
_USE_NEWEST = "Use the code in the newest e-mail that AWS sent to the new address. Older codes are void."
_RESTART = Hint("No change to this address is pending. Start it again.", "emails.start_again")

_WHO_CAN = (
    "Use credentials of the management account or of the delegated administrator for Account Management "
    f"({ACCOUNT_SERVICE_PRINCIPAL}). The account must not be the caller's own."
)

_ENABLE_TRUST = Hint(
    f"Enable trusted access for {ACCOUNT_SERVICE_PRINCIPAL} with credentials of the management account.",
    "emails.trusted_access",
    principal=ACCOUNT_SERVICE_PRINCIPAL,
)


class AwsPrimaryEmails(GatewayPart):
    """Implements ``PrimaryEmails``."""

    def read_primary_email(self, account_id: AccountId) -> str:
        with _explained():
            answer = self._clients.account.read("GetPrimaryEmail", target=account_id, AccountId=account_id)
        return str(required(answer, "PrimaryEmail", "account:GetPrimaryEmail"))

    def find_email_update(self, account_id: AccountId) -> EmailUpdate | None:
        operation = "GetPrimaryEmailUpdateStatus"
        if not self._clients.account.knows(operation):
            raise AwsRejectedError(f"The installed AWS SDK doesn't have account:{operation}.", hint="Update botocore.")
        try:
            with _explained():
                answer = self._clients.account.read(operation, target=account_id, AccountId=account_id)
        except AwsRejectedError as error:
            if _NO_UPDATE in error.message:
                return None
            raise
        status = required(answer, "Status", f"account:{operation}")
        known = EmailUpdateStatus(status) if status in set(EmailUpdateStatus) else EmailUpdateStatus.UNKNOWN
        return EmailUpdate(known, answer.get("UpdatedAt"))

    def start_email_update(self, account_id: AccountId, email: str, intent: Intent) -> None:
        require_intent_fits(intent, Action.EMAIL_UPDATE_START, account_id)
        with _explained():
            self._send_update("StartPrimaryEmailUpdate", account_id, intent, PrimaryEmail=email)

    def accept_email_update(self, account_id: AccountId, email: str, otp: OneTimePassword, intent: Intent) -> None:
        require_intent_fits(intent, Action.EMAIL_UPDATE_ACCEPT, account_id)
        failure: AwsError | None = None
        try:
            with _explained():
                self._send_update("AcceptPrimaryEmailUpdate", account_id, intent, PrimaryEmail=email, Otp=otp.value)
        except AwsError as error:
            failure = _without_password(error, otp)
        if failure is not None:  # raised here, so that AWS's text isn't chained to it
            raise failure

    def _send_update(self, operation: str, account_id: AccountId, intent: Intent, **parameters: str) -> None:
        self._clients.account_changing.change(
            operation, intent, self._clients.clock, target=account_id, AccountId=account_id, **parameters
        )


@contextmanager
def _explained() -> Iterator[None]:
    """Translate refusals into their meaning in Account Management."""
    try:
        yield
    except AwsAccessDeniedError as error:
        error.hint = _ENABLE_TRUST if _NO_TRUST in error.message else f"{error.hint or ''} {_WHO_CAN}".strip()
        raise
    except AwsRejectedError as error:
        if error.aws_code == "ConflictException":
            raise _as(AwsAlreadyExistsError, error, "Choose another address, or free this one first.") from error
        raise


def _without_password(error: AwsError, otp: OneTimePassword) -> AwsError:
    """Remove the one-time password from the error; a ValidationException means that the password is wrong."""
    message = error.message.replace(otp.value, "[…]")
    if error.aws_code == "ValidationException":
        return _as(OneTimePasswordError, error, _USE_NEWEST, message)
    if isinstance(error, AwsNotFoundError):
        return _as(AwsNotFoundError, error, _RESTART, message)
    return _as(type(error), error, error.hint, message)


def _as(kind: type[AwsError], error: AwsError, hint: str | None, message: str = "") -> AwsError:
    return kind(
        message or error.message,
        hint=hint,
        operation=error.operation,
        aws_code=error.aws_code,
        request_id=error.request_id,
    )
