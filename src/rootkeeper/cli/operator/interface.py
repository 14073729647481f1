"""The operators of commands, and the values that they exchange with commands.

A command parses, calls an operator, renders and exits. ``LocalOperator`` works with AWS credentials and a database;
``RemoteOperator`` asks a Rootkeeper server. Every method of both can raise a ``RootkeeperError``, as its subject's
errors say. Records are JSON values, as the commands' JSON output has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from rootkeeper.cli.rendering.listings import Record
from rootkeeper.organization.accounts import AccountId

if TYPE_CHECKING:
    from rootkeeper.cli.operator.local import LocalEmailChange, LocalOperator, LocalRecovery, LocalUnlocking
    from rootkeeper.cli.operator.remote import RemoteEmailChange, RemoteOperator, RemoteRecovery, RemoteUnlocking
    from rootkeeper.deletion.rules import DeletionPlan
    from rootkeeper.evidence.rules import Period
    from rootkeeper.organization.accounts import Endpoint, Inventory
    from rootkeeper.organization.statuses import AccountStatus, FailOn
    from rootkeeper.root_emails.records import EmailChangeRecord

    Emit = Callable[[AccountStatus], None]

# mypy checks each call of a command against both classes. The methods of the local classes have the docstrings.
Operator: TypeAlias = "LocalOperator | RemoteOperator"
Recovery: TypeAlias = "LocalRecovery | RemoteRecovery"
Unlocking: TypeAlias = "LocalUnlocking | RemoteUnlocking"
EmailChange: TypeAlias = "LocalEmailChange | RemoteEmailChange"


@dataclass(frozen=True, slots=True)
class DeletionProposal:
    """A plan, and the facts that its reading found."""

    plan: DeletionPlan
    inventory: Inventory | None = None
    has_findings: Callable[[frozenset[FailOn]], bool] = lambda _: False


@dataclass(frozen=True, slots=True)
class CheckedRecovery:
    """An account in which a recovery window can be opened now, and what the person who confirms should know."""

    account_id: AccountId
    name: str
    email: str
    duration_seconds: int
    remarks: tuple[str, ...]
    ending: str
    """What ends it, if it is one of several."""


@dataclass(frozen=True, slots=True)
class PeriodRequest:
    """The period and the organization of the evidence."""

    period: Period
    ends_now: bool
    """Whether it ends at the moment when the evidence is judged."""
    organization: str | None
    """``None`` for the only organization."""
    stale_after: timedelta | None = None
    """A reading older than this counts as unknown; ``None``: by the setting."""


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """An evidence report in its format."""

    parts: Iterable[bytes]
    endpoint: Endpoint
    findings: frozenset[FailOn]
    """Findings that make the answer bad, if ``--fail-on`` names them."""
    other_organization_ids: tuple[str, ...] = ()
    """Other organizations with ledger entries in the period; a server works for one organization."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A report, and the places to which it can be sent."""

    statement: Sequence[str]
    """The report and its places, for the question and for a dry run."""
    send: Callable[[], Record]
    """Sends it; the answer names the result at each place."""


def describe_email_change(record: EmailChangeRecord, remarks: Iterable[str]) -> list[str]:
    """Describe a planned change, for the question and for a dry run."""
    return [
        f"Change the root e-mail address of account {record['account_id']} ({record['name']})",
        f"from {record['email_before']}",
        f"to   {record['email']}.",
        "Anyone who reads the new mailbox can then reset the root user's password. Password and MFA devices stay.",
        *remarks,
    ]
