"""Root e-mail addresses: held to the rules, and attested to be read by a group.

The list costs one listing of the accounts, whose addresses come with it, and no call per account.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rootkeeper.domain.ledger import Action
from rootkeeper.domain.organizations import Endpoint, Inventory
from rootkeeper.domain.root_emails import (
    EmailAttestation,
    EmailRules,
    RootEmail,
    RootEmailEvaluator,
    parse_address,
    require_attestation,
)
from rootkeeper.domain.selection import SelectionRequest
from rootkeeper.domain.statuses import Status
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.inventory import InventoryStore
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.progress import Progress
from rootkeeper.ports.root_emails import EmailAttestations
from rootkeeper.workflows.inventory import InventoryReader
from rootkeeper.workflows.targets import select_accounts

SOURCE = "organizations:ListAccounts"
"""Where the addresses of a list come from. AWS may show a changed one hours later."""


@dataclass(frozen=True, slots=True)
class EmailReport:
    """What ``rootkeeper emails list`` shows."""

    inventory: Inventory
    endpoint: Endpoint
    rules: EmailRules
    emails: tuple[RootEmail, ...]
    """The selected accounts, in the order of the inventory."""
    remarks: tuple[str, ...]
    """What keeps a rule from being applied."""


@dataclass(frozen=True, slots=True)
class RootEmailReader:
    """Reads every account's root e-mail address and judges it; changes nothing and opens no root session."""

    inventory: InventoryReader
    store: InventoryStore
    attestations: EmailAttestations
    rules: EmailRules
    clock: Clock

    def read(self, request: SelectionRequest, progress: Progress) -> EmailReport:
        """The selected accounts; whether two share an address is judged over the whole organization.

        :raises InputError: if the selection is wrong.
        :raises OrganizationIncompleteError: if the listing isn't complete.
        """
        inventory = self.inventory.read(progress)
        selected = {one.account_id for one in select_accounts(request, inventory, self.inventory.reader).included}
        if request.statuses:
            known = self.store.list_statuses()
            selected = {
                one for one in selected if (known[one].status if one in known else Status.UNKNOWN) in request.statuses
            }
        evaluated = read_evaluator(self.attestations, self.rules, self.clock.now()).evaluate_all(inventory)
        return EmailReport(
            inventory=inventory,
            endpoint=self.inventory.reader.endpoint,
            rules=self.rules,
            emails=tuple(one for one in evaluated if one.account.account_id in selected),
            remarks=_list_remarks(self.rules, inventory),
        )


@dataclass(frozen=True, slots=True)
class EmailAttestationService:
    """Keeps people's word that a group reads an address; each is recorded in the ledger before it counts."""

    attestations: EmailAttestations
    ledger: Ledger
    clock: Clock
    actor_name: str

    def prepare(self, address: str, *, attested_by: str, until: datetime) -> EmailAttestation:
        """What ``attest`` would keep. The account need not have the address yet.

        :raises InputError: if the address, the person or the end can't be used.
        """
        now = self.clock.now()
        attestation = EmailAttestation(
            str(parse_address(address)), attested_by.strip(), until, self.actor_name, recorded_at=now
        )
        return require_attestation(attestation, now)

    def attest(self, attestation: EmailAttestation) -> None:
        """Record it and keep it; replaces an earlier one for the address.

        :raises LedgerUnavailableError: if it can't be recorded; nothing is kept.
        """
        self.ledger.append_fact(
            Action.EMAIL_ATTEST,
            parameters={
                "email": attestation.address,
                "attested_by": attestation.attested_by,
                "until": attestation.until.isoformat(),
            },
        )
        self.attestations.add(attestation)


def read_evaluator(attestations: EmailAttestations, rules: EmailRules, now: datetime) -> RootEmailEvaluator:
    """The rules with what is attested now."""
    return RootEmailEvaluator(rules, {one.address: one for one in attestations.list_attestations()}, now)


def _list_remarks(rules: EmailRules, inventory: Inventory) -> tuple[str, ...]:
    remarks: list[str] = []
    if not rules.allowed_domains:
        remarks.append(
            "emails.allowed_domains isn't set: no address is known to be the organization's own. "
            "Set it in the settings file, or as ROOTKEEPER_EMAILS_ALLOWED_DOMAINS."
        )
    if inventory.delegated_administrator_ids is None:
        remarks.append("Delegated administrators couldn't be read: the failsafe is shown as an ordinary member.")
    return tuple(remarks)
