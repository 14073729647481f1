"""Root e-mail addresses: read and changed in AWS, and what people attest of them."""

from __future__ import annotations

from typing import Protocol

from rootkeeper.domain.email_updates import EmailUpdate, OneTimePassword
from rootkeeper.domain.ledger import Intent
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.root_emails import EmailAttestation


class PrimaryEmails(Protocol):
    """Account Management's calls about one member account's root e-mail address.

    They are the management account's and the delegated administrator's for account.amazonaws.com. Every method may
    raise AwsAccessDeniedError, AwsCredentialsError, AwsNotFoundError, AwsThrottledError or AwsUnreachableError; the
    changing ones are sent once, and raise AwsUnclearError where only a re-read can decide.
    """

    def read_primary_email(self, account_id: AccountId) -> str:
        """One call: account:GetPrimaryEmail."""
        ...

    def find_email_update(self, account_id: AccountId) -> EmailUpdate | None:
        """The newest change of the address; ``None`` if AWS knows of none.

        One call: account:GetPrimaryEmailUpdateStatus.
        """
        ...

    def start_email_update(self, account_id: AccountId, email: str, intent: Intent) -> None:
        """Have a one-time password sent to the new address; one sent before is void.

        One call: account:StartPrimaryEmailUpdate.

        :raises AwsAlreadyExistsError: if an AWS account has the address.
        """
        ...

    def accept_email_update(self, account_id: AccountId, email: str, otp: OneTimePassword, intent: Intent) -> None:
        """Change the address. AWS may take hours to show it.

        One call: account:AcceptPrimaryEmailUpdate. No error repeats the one-time password.

        :raises OneTimePasswordError: if AWS doesn't take the one-time password.
        :raises AwsNotFoundError: if no change to this address is open.
        :raises AwsAlreadyExistsError: if an AWS account has the address by now.
        """
        ...


class EmailAttestations(Protocol):
    """The attestations of one organization, ended ones included.

    :raises DatabaseError: if the database can't be read or written.
    """

    def add(self, attestation: EmailAttestation) -> None:
        """Keep it; a later one for the same address replaces it."""
        ...

    def list_attestations(self) -> tuple[EmailAttestation, ...]:
        """By address."""
        ...
