"""Account Management in memory: root e-mail addresses, one-time passwords, and the mails that carry them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from rootkeeper.aws.rules import EmailUpdate, EmailUpdateStatus, OneTimePassword
from rootkeeper.errors import AwsAccessDeniedError, AwsAlreadyExistsError, AwsNotFoundError, OneTimePasswordError
from rootkeeper.ledger.rules import Action, Intent
from rootkeeper.organization.accounts import AccountId
from rootkeeper.root_emails.rules import ONE_TIME_PASSWORD_LASTS

if TYPE_CHECKING:
    from tests.fakes.organization import FakeOrganization


@dataclass
class PendingUpdate:
    """A change that was started."""

    email: str
    otp: str = field(repr=False)
    updated_at: datetime
    status: EmailUpdateStatus = EmailUpdateStatus.PENDING


@dataclass
class FakePrimaryEmails:
    """Implements PrimaryEmails on a fake organization, whose log of calls and whose mishaps it shares."""

    organization: FakeOrganization
    trusted_access: bool = True
    shows_at_once: bool = True
    """Whether an accepted change is shown by the next reading; ``propagate`` shows it otherwise."""
    mailboxes: dict[str, list[str]] = field(default_factory=dict)
    """The one-time passwords that were sent, by address."""
    updates: dict[AccountId, PendingUpdate] = field(default_factory=dict)

    def read_primary_email(self, account_id: AccountId) -> str:
        self._perform("GetPrimaryEmail", account_id)
        return self.organization.accounts[account_id].email

    def find_email_update(self, account_id: AccountId) -> EmailUpdate | None:
        self._perform("GetPrimaryEmailUpdateStatus", account_id)
        update = self.updates.get(account_id)
        return EmailUpdate(update.status, update.updated_at) if update else None

    def start_email_update(self, account_id: AccountId, email: str, intent: Intent) -> None:
        self.organization.check(intent, Action.EMAIL_UPDATE_START, account_id)

        def start() -> None:
            self._ensure_unused(email)
            otp = f"OTP{len(self.mailboxes.setdefault(email, [])):03d}"
            self.mailboxes[email].append(otp)
            self.updates[account_id] = PendingUpdate(email, otp, self.organization.clock.now())

        self._perform("StartPrimaryEmailUpdate", account_id, start)

    def accept_email_update(self, account_id: AccountId, email: str, otp: OneTimePassword, intent: Intent) -> None:
        self.organization.check(intent, Action.EMAIL_UPDATE_ACCEPT, account_id)

        def accept() -> None:
            now, update = self.organization.clock.now(), self.updates.get(account_id)
            is_open = update and update.status is EmailUpdateStatus.PENDING and update.email.lower() == email.lower()
            if update is None or not is_open or now >= update.updated_at + ONE_TIME_PASSWORD_LASTS:
                raise AwsNotFoundError("No change is open.", aws_code="ResourceNotFoundException")
            if update.otp != otp.value:
                raise OneTimePasswordError("The one-time password is wrong.", aws_code="ValidationException")
            self._ensure_unused(email)
            update.status, update.updated_at = EmailUpdateStatus.ACCEPTED, now
            if self.shows_at_once:
                self.propagate(account_id)

        self._perform("AcceptPrimaryEmailUpdate", account_id, accept)

    # What a test sets up and looks at.

    def propagate(self, account_id: AccountId) -> None:
        """Show what was accepted."""
        update = self.updates[account_id]
        update.status = EmailUpdateStatus.COMPLETED
        self.set_email(account_id, update.email)

    def set_email(self, account_id: AccountId, email: str) -> None:
        accounts = self.organization.accounts
        accounts[account_id] = replace(accounts[account_id], email=email)

    def newest_otp(self, email: str) -> OneTimePassword:
        return OneTimePassword(self.mailboxes[email][-1])

    def _perform(self, operation: str, account_id: AccountId, change: object = None) -> None:
        def act() -> None:
            self._ensure_allowed(account_id)
            if callable(change):
                change()

        self.organization.perform(operation, account_id, act)

    def _ensure_allowed(self, account_id: AccountId) -> None:
        organization, caller_id = self.organization, self.organization.caller.account_id
        management_id = organization.organization.management_account_id
        tail = "" if self.trusted_access else " (Your organization must first enable trusted access …)"
        if tail or account_id in {caller_id, management_id} or account_id not in organization.accounts:
            raise AwsAccessDeniedError(
                f"account: {organization.caller.arn} is not authorized{tail}", aws_code="AccessDeniedException"
            )

    def _ensure_unused(self, email: str) -> None:
        if any(account.email.lower() == email.lower() for account in self.organization.accounts.values()):
            raise AwsAlreadyExistsError("The address is in use.", aws_code="ConflictException")
