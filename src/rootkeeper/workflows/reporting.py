"""Evidence from what the database knows: works without AWS, reads only, and asks no clock."""

from __future__ import annotations

from dataclasses import dataclass

from rootkeeper.domain.evidence.history import read_history
from rootkeeper.domain.evidence.periods import Period, require_period
from rootkeeper.domain.evidence.reports import EvidenceFacts, EvidenceReport, LedgerEvidence, compile_report
from rootkeeper.domain.root_emails import EmailRules, RootEmailEvaluator
from rootkeeper.errors import InputError
from rootkeeper.ports.accepted_setups import AcceptedSetups
from rootkeeper.ports.history import AuditHistory
from rootkeeper.ports.inventory import InventoryStore
from rootkeeper.ports.ledger import LedgerReader
from rootkeeper.ports.root_emails import EmailAttestations
from rootkeeper.ports.windows import RecoveryWindows


@dataclass(frozen=True, slots=True)
class EvidenceCompiler:
    """Compiles the evidence of one organization."""

    organization_id: str
    store: InventoryStore
    windows: RecoveryWindows
    setups: AcceptedSetups
    attestations: EmailAttestations
    rules: EmailRules
    ledger: LedgerReader
    audits: AuditHistory

    def compile(self, period: Period) -> EvidenceReport:
        """The report over a period; the whole ledger is verified for it.

        :raises InputError: if the period ends before it begins, or the organization was never listed.
        :raises DatabaseError: if the database can't be read.
        """
        require_period(period)
        inventory = self.store.find_last()
        if inventory is None or not inventory.accounts:
            raise InputError(
                f"The database knows no accounts of organization {self.organization_id}, so there is no evidence.",
                hint="Read them first: rootkeeper audit",
            )
        attestations = {one.address: one for one in self.attestations.list_attestations()}
        facts = EvidenceFacts(
            inventory=inventory,
            statuses=self.store.list_statuses(),
            windows=self.windows.list_windows(),
            history=read_history(self.ledger.list_entries(), self.organization_id, period),
            emails=RootEmailEvaluator(self.rules, attestations, period.end).evaluate_all(inventory),
            setup=self.setups.find_last_reading(period.end),
            accepted=self.setups.find_last(period.end),
            ledger=self._verify(),
            kept=self.audits.list_readings(period.start, period.end),
        )
        return compile_report(facts, period)

    def _verify(self) -> LedgerEvidence:
        found = self.ledger.verify()
        return LedgerEvidence(
            entries=found.entries,
            head_sequence=found.head_sequence,
            head_hash=found.head_hash,
            is_intact=found.is_intact,
            problem=found.problem,
        )


def choose_organization(known: tuple[str, ...], wanted: str | None) -> str:
    """The organization meant, among those that the database knows.

    :raises InputError: if it isn't known, or several are and none was named.
    """
    if not known:
        raise InputError("The database knows no organization yet.", hint="Read one first: rootkeeper audit")
    if wanted is not None:
        if wanted not in known:
            raise InputError(
                f"The database doesn't know organization {wanted!r}.", hint=f"It knows {', '.join(known)}."
            )
        return wanted
    if len(known) > 1:
        raise InputError(
            f"The database knows several organizations: {', '.join(known)}.",
            hint="Say which: --organization ID",
        )
    return known[0]
