"""Values of AWS that rules speak of: roles of a server, and changes of a root e-mail address.

The four roles that a server assumes.

What a server uses AWS for: one role each, so that no piece of work has the power of another.

What identities of a server may be called, and what a password must be.

A name goes into the ledger, into approvals and, as SourceIdentity, into CloudTrail: so it holds only what STS takes
there, and two names that differ in their case alone are one.

Sessions of the roles that a server assumes, in the name of the person for whom it acts.

AssumeRole into a role of one's own opens no root session and changes nothing, so it has no entry in the ledger:
CloudTrail records it with its source identity, and whatever is then done with it (AssumeRoot, every changing call) has
an intent of its own.
Source: STS AssumeRoot and AssumeRole, API version 2011-06-15; IAM User Guide, "Monitor and control actions taken with
assumed roles".

A server's power over AWS: four roles, each for its work alone, assumed in the name of the person who acts.

Without roles the starting credentials do all the work. Nothing here is kept anywhere but in memory: who can write the
database gains no power over AWS by it.

Root e-mail addresses by Account Management.

Changes of a root e-mail address: how far one is, and what a re-read proves.

AWS sends a one-time password to the new address, waits up to 24 hours for it, and may take up to 4 hours to show the
change everywhere. So "not shown yet" is no proof of anything for a while.

Source: Account Management guide, "Update the root user email address"; API version 2021-02-01.

Root e-mail addresses: read and changed in AWS, and what people attest of them.

Reads and changes root e-mail addresses with Account Management.

AWS's messages may quote what was sent, the one-time password among it: no error passes it on.

Source: Account Management, API version 2021-02-01.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class AwsWork(StrEnum):
    """The pieces of work; each name is that of a setting, such as ``aws.roles.audit``."""

    AUDIT = "audit"
    DELETE = "delete"
    RECOVER = "recover"
    UNLOCK = "unlock"


SERVER_NAME = "rootkeeper"
"""In whose name a server does what nobody asked for at that moment, in the ledger and in AWS; nobody else has it."""


ACCOUNT_SERVICE_PRINCIPAL = "account.amazonaws.com"
"""Whose delegated administrator may read and change addresses, with trusted access for it."""


@dataclass(frozen=True, slots=True)
class OneTimePassword:
    """What AWS has sent to the new address. It is never shown, logged or kept."""

    value: str = field(repr=False)


class EmailUpdateStatus(StrEnum):
    """How far AWS says that the newest change of an account's address is."""

    ACCEPTED = "ACCEPTED"
    """The one-time password was right; the change is on its way."""
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    PENDING = "PENDING"
    """The one-time password is awaited."""
    UNKNOWN = "UNKNOWN"
    """A word that we don't know."""


@dataclass(frozen=True, slots=True)
class EmailUpdate:
    """The newest change of an account's address, whoever began it. AWS doesn't tell to which address."""

    status: EmailUpdateStatus
    updated_at: datetime | None
