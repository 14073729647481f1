"""People's statements about root e-mail addresses: a group reads an address, and an account may get an address.

An attestation is recorded in the ledger before it counts, and ends by itself.

A change is as powerful as a recovery, so it needs as many approvals, and the same people may request and approve it.
Only a server collects them. An approver names the account and its new address before the change begins. An approval is
a fact in the ledger: it is bound to that account and address, and is used up by the change. It is judged again at each
of the two calls of a change.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select

from rootkeeper.access.rules import Permission
from rootkeeper.acting import Acting
from rootkeeper.approvals.rules import (
    COUNTING_KINDS,
    ApprovalPolicy,
    ApprovalSubject,
    GivenApproval,
    PeopleReader,
    list_counting,
    make_subject,
)
from rootkeeper.database import schema
from rootkeeper.database.schema import parse_row, to_row
from rootkeeper.errors import ApprovalRefusedError, Hint, InputError
from rootkeeper.ledger.rules import Action, LedgerEntry, Phase, Result
from rootkeeper.ledger.writer import OrganizationStore, WriteTransaction
from rootkeeper.organization.accounts import Account, AccountId
from rootkeeper.root_emails.rules import (
    EMAIL_PARAMETER,
    EmailAttestation,
    EmailRules,
    RootEmailEvaluator,
    fold_address,
    parse_address,
    parse_new_address,
    parse_rules,
    require_attestation,
)
from rootkeeper.settings.sections import EmailSettings

_columns = schema.email_attestations.c


class EmailAttestationStore(OrganizationStore):
    """The attestations of an organization, ended attestations included.

    :raises DatabaseError: if the database can't be read or written.
    """

    def add(self, attestation: EmailAttestation) -> None:
        """Keep an attestation; a later attestation of the same address replaces it."""

        def work(transaction: WriteTransaction) -> None:
            transaction.connection.execute(
                delete(schema.email_attestations).where(
                    _columns.organization_id == self._organization_id, _columns.address == attestation.address
                )
            )
            row = {"organization_id": self._organization_id, **to_row(attestation)}
            transaction.connection.execute(insert(schema.email_attestations).values(row))

        self._commits.run(work)

    def list_attestations(self) -> tuple[EmailAttestation, ...]:
        """By address."""
        statement = (
            select(schema.email_attestations)
            .where(_columns.organization_id == self._organization_id)
            .order_by(_columns.address)
        )
        return tuple(parse_row(EmailAttestation, row) for row in self._read(statement))


@dataclass(frozen=True, slots=True)
class EmailAttestationService:
    """Keeps attestations; each is recorded in the ledger before it counts."""

    acting: Acting

    def prepare(self, address: str, *, attested_by: str, until: datetime) -> EmailAttestation:
        """Check an attestation without keeping it. No account needs to have the address yet.

        :raises InputError: if the address, the person or the end can't be used.
        """
        now = self.acting.clock.now()
        attestation = EmailAttestation(
            str(parse_address(address)), attested_by.strip(), until, self.acting.actor.name, recorded_at=now
        )
        return require_attestation(attestation, now)

    def attest(self, attestation: EmailAttestation) -> None:
        """Record and keep an attestation; it replaces an earlier attestation of the address.

        :raises LedgerUnavailableError: if it can't be recorded; nothing is kept.
        """
        self.acting.ledger.append_fact(
            Action.EMAIL_ATTEST,
            parameters={
                "email": attestation.address,
                "attested_by": attestation.attested_by,
                "until": attestation.until.isoformat(),
            },
        )
        self.acting.get_store(EmailAttestationStore).add(attestation)


def read_rules(settings: EmailSettings) -> EmailRules:
    """:raises SettingsError: if a rule is invalid."""
    return parse_rules(settings.allowed_domains, settings.approved_pattern, settings.groups)


def read_evaluator(attestations: EmailAttestationStore, rules: EmailRules, now: datetime) -> RootEmailEvaluator:
    return RootEmailEvaluator(
        rules, {attestation.address: attestation for attestation in attestations.list_attestations()}, now
    )


def list_unused(entries: Iterable[LedgerEntry]) -> tuple[LedgerEntry, ...]:
    """List the approvals that no change has used up. Any acceptance that AWS didn't refuse uses all of the account.

    :param entries: the entries of an account, in the order of their sequence.
    """
    unused: tuple[LedgerEntry, ...] = ()
    in_use: dict[int | None, tuple[LedgerEntry, ...]] = {}
    for entry in entries:
        if entry.action is Action.EMAIL_UPDATE_APPROVE:
            unused = (*unused, entry)
        elif entry.action is Action.EMAIL_UPDATE_ACCEPT and entry.phase is Phase.INTENT:
            in_use[entry.sequence], unused = unused, ()
        elif entry.action is Action.EMAIL_UPDATE_ACCEPT and entry.result is Result.FAILED:
            unused = (*in_use.pop(entry.intent_sequence, ()), *unused)
    return unused


def _make_subject(account_id: AccountId | None, address: str) -> ApprovalSubject:
    return make_subject(Permission.ROOT_EMAILS_APPROVE, account_id, fold_address(address))


@dataclass(frozen=True, slots=True)
class EmailApprovalJudge:
    """Judges whether a change has its approvals."""

    acting: Acting

    people: PeopleReader

    def require_approved(self, account: Account, address: str, entries: Iterable[LedgerEntry]) -> tuple[str, ...]:
        """Return who approved the change. A command line without a server has no approvals and needs none.

        :param entries: of that account, in the order of their sequence.
        :raises PermissionDeniedError: if the settings don't allow the actor to request a recovery of the account.
        :raises ApprovalRefusedError: if too few approvals count.
        """
        if self.acting.actor.kind not in COUNTING_KINDS:
            return ()
        policy, now = self.people.policy, self.acting.clock.now()
        policy.require_requester(self.acting.actor.name, account)
        approvals = [
            GivenApproval(
                entry.actor.name,
                entry.actor.kind,
                _make_subject(entry.account_id, str(entry.parameters.get(EMAIL_PARAMETER, ""))),
                entry.at + policy.approval_valid,
            )
            for entry in list_unused(entries)
        ]
        subject, people = _make_subject(account.account_id, address), self.people.read(account, now)
        counting = list_counting(approvals, subject, self.acting.actor.name, people, now)
        if len(counting) < policy.approvals:
            text = "Ask another person to approve this account and this address."
            raise ApprovalRefusedError(
                f"Nothing was changed. The change of {account.account_id} to {address} has {len(counting)} approvals "
                f"that count; it needs {policy.approvals}.",
                hint=Hint(text, "emails.approve", account_id=account.account_id, address=address),
            )
        return tuple(approval.approver for approval in counting)


@dataclass(frozen=True, slots=True)
class EmailApprovalService:
    """Records the approvals of a person."""

    acting: Acting

    policy: ApprovalPolicy

    def approve(self, account: Account, address: str, reason: str) -> LedgerEntry:
        """Approve that the account gets this address.

        :raises InputError: if AWS doesn't accept the address, or there is no reason.
        :raises PermissionDeniedError: if the settings don't allow the actor to approve for that account.
        :raises LedgerUnavailableError: if it can't be recorded; it doesn't count.
        """
        self.policy.require_approver(self.acting.actor.name, account)
        email = str(parse_new_address(address))
        if not reason.strip():
            raise InputError("An approval needs a reason.", hint=Hint("Give a reason.", "emails.reason"))
        return self.acting.ledger.append_fact(
            Action.EMAIL_UPDATE_APPROVE,
            account_id=account.account_id,
            parameters={EMAIL_PARAMETER: email, "reason": reason.strip()},
        )
