"""Matching CloudTrail records with the ledger: which root activity was ours, and which must wake somebody."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rootkeeper.domain.organizations import Endpoint
from rootkeeper.domain.root_events import KnownSessions, RootEvent, classify_root_event, collect_sessions
from rootkeeper.ports.ledger import LedgerReader


@dataclass(frozen=True, slots=True)
class ClassifiedRecord:
    """One record in which a root user or AssumeRoot is, with its judgement."""

    record: Mapping[str, Any]
    event: RootEvent


@dataclass(frozen=True, slots=True)
class RootEventClassifier:
    """Judges records by the ledger of one organization at one endpoint; makes no AWS call."""

    ledger: LedgerReader
    organization_id: str
    endpoint: Endpoint

    def evaluate(
        self, records: Iterable[Mapping[str, Any]], role_arns: Collection[str]
    ) -> tuple[ClassifiedRecord, ...]:
        """Those that concern root, in the order given.

        An audit's sessions stand in the ledger once their batch is done: a record that is younger than that batch
        counts as a stranger's, and as ours when it is judged again.

        :raises DatabaseError: if the ledger can't be read: nothing would then be exempted.
        """
        sessions = collect_sessions(self.ledger.list_entries(), self.organization_id, self.endpoint.label)
        known = KnownSessions(sessions, role_arns)
        evaluated = ((record, classify_root_event(record, known)) for record in records)
        return tuple(ClassifiedRecord(record, event) for record, event in evaluated if event is not None)
