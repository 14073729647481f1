"""What Account Management keeps of accounts: contacts, and changes of the root e-mail address that are under way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

OTP_LIFETIME = timedelta(hours=24)
"""Source: Account Management guide, "Update the root user email address" (aws-facts E2)."""


@dataclass(slots=True)
class EmailUpdate:
    """A change of the root e-mail address, waiting for the one-time password that went to the new address."""

    new_email: str
    otp: str = field(repr=False)
    started_at: datetime
    accepted_at: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        return self.accepted_at is None and now < self.started_at + OTP_LIFETIME


@dataclass(slots=True)
class AccountContacts:
    """The contacts of one account, in the shape of the API."""

    contact_information: dict[str, str] = field(default_factory=dict)
    alternate_contacts: dict[str, dict[str, str]] = field(default_factory=dict)
    """By type: ``BILLING``, ``OPERATIONS``, ``SECURITY``."""
    email_update: EmailUpdate | None = None


@dataclass(slots=True)
class ContactStore:
    """Contacts by account id; most accounts never get any."""

    accounts: dict[str, AccountContacts] = field(default_factory=dict)

    def of_account(self, account_id: str) -> AccountContacts:
        return self.accounts.setdefault(account_id, AccountContacts())

    def find(self, account_id: str) -> AccountContacts | None:
        return self.accounts.get(account_id)
