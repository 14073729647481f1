"""Jobs, and the results of each kind."""

from __future__ import annotations

from typing import TypeAlias

from rootkeeper.audit.records import FinishedAudit
from rootkeeper.deletion.records import AccountResultRecord, FinishedDeletion, PlanRecord, UnfinishedDeletion
from rootkeeper.delivery.records import DeliveriesDocument
from rootkeeper.failsafe.records import BreakglassOutcome, FailsafeOutcome
from rootkeeper.guardrails.records import PreflightRecord
from rootkeeper.jobs.records import FailedOutcome, JobRecord
from rootkeeper.ledger.records import LedgerEntryRecord, LedgerVerificationRecord
from rootkeeper.setup.records import DriftRecord
from rootkeeper.shapes import CountedPage, Page, record
from rootkeeper.unlock.records import BucketListing, ChangedPolicyRecord, QueueListing, ShownPolicyRecord


@record
class JobPage(Page):
    """Jobs, the newest first."""

    jobs: list[JobRecord]


@record
class ResultPage(CountedPage):
    """Results, by account id; none of a job that isn't a deletion."""

    results: list[AccountResultRecord]


JobOutcome: TypeAlias = (
    FailedOutcome
    | PlanRecord
    | UnfinishedDeletion
    | FinishedDeletion
    | FinishedAudit
    | DriftRecord
    | FailsafeOutcome
    | BreakglassOutcome
    | PreflightRecord
    | LedgerVerificationRecord
    | BucketListing
    | QueueListing
    | ShownPolicyRecord
    | ChangedPolicyRecord
    | DeliveriesDocument
)


@record
class EntryPage(Page):
    """Entries."""

    entries: list[LedgerEntryRecord]
