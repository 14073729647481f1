"""Jobs, and the results of each kind.

Jobs, how far they are, and what came of each account.

The documents of jobs: what came of one as a whole, for each kind of job, and a deletion's plan.

Entries of the audit trail.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from rootkeeper.aws.rules import ResourceKind
from rootkeeper.guardrails.tasks import Task
from rootkeeper.jobs.rules import JobKind, JobState
from rootkeeper.ledger.rules import Action, ActorKind, Phase, Result
from rootkeeper.organization.accounts import AccountState
from rootkeeper.organization.selection import SkipReason
from rootkeeper.organization.statuses import CredentialKind, Status
from rootkeeper.policy_language import evaluation
from rootkeeper.removal.rules import KindOutcome, KindReason
from rootkeeper.server.answers.accounts import CredentialDetails
from rootkeeper.server.answers.shapes import (
    AccountNumber,
    Answer,
    Count,
    CountedPage,
    Moment,
    Page,
    Record,
    Sha256,
    make_enum_schema,
)
from rootkeeper.setup.rules import SetupPart
from rootkeeper.unlock import rules
from rootkeeper.unlock.rules import ChangeKind


class JobProgress(Record):
    """How many accounts are done, and what was found."""

    total: Count | None
    """``null`` while it isn't known."""
    done: Count
    present: Count
    unknown: Count


class Job(Record):
    """Something that takes long."""

    job_id: str
    kind: JobKind
    state: JobState
    organization_id: str
    endpoint: str
    created_by: str
    created_by_kind: ActorKind
    created_at: Moment
    updated_at: Moment
    """The last sign of its process."""
    ended_at: Moment | None
    owner: str | None
    """The process that works or last worked on it."""
    progress: JobProgress
    parameters: dict[str, Any]
    """What was asked for; other fields for each kind."""
    remark: str | None
    """Why it stopped, or what came of it."""
    attempts: Count
    next_attempt_at: Moment | None


class JobPage(Page):
    """Jobs, the newest first."""

    jobs: list[Job]


class JobAnswer(Job, Answer):
    """One job."""


class KindResult(Record):
    """What came of one kind of credentials of an account."""

    kind: CredentialKind
    outcome: KindOutcome
    reason: KindReason | SkipReason | None
    detail: str | None


class AccountSkip(Record):
    """Why an account wasn't touched."""

    reason: SkipReason
    detail: str


class AccountResult(Record):
    """What came of one account of a deletion."""

    account_id: AccountNumber
    kinds: list[KindResult]
    skip: AccountSkip | None
    status: Status | None
    """As re-read at the end; ``null`` if it wasn't."""


class ResultPage(CountedPage):
    """Results, by account id; none of a job that isn't a deletion."""

    results: list[AccountResult]


TaskVerdict: TypeAlias = Annotated[str, make_enum_schema(evaluation.AccessVerdict)]


PolicyVerdict: TypeAlias = Annotated[str, make_enum_schema(rules.LockoutVerdict)]
"""Who can still change a policy: of ``locked`` nobody but a root session, of ``depends`` those whom it excepts."""


class JobProblem(Record):
    """An error that kept a job from its work."""

    code: str
    detail: str
    hint: str | None


class FailedOutcome(Record):
    """Of a job of any kind."""

    problem: JobProblem


class PlannedCall(Record):
    """One call that deletes something."""

    kind: CredentialKind
    operation: str
    target: str | None
    """``null`` for the password, of which there is one."""


class PlannedAccount(Record):
    """What goes of one account, or why nothing does."""

    account_id: AccountNumber
    name: str
    ou_path: str
    state: AccountState
    observed_at: Moment | None
    credentials: CredentialDetails | None
    calls: list[PlannedCall]
    """In the order in which they will be made."""
    reason: SkipReason | None
    """Why nothing of it goes; ``null`` if something does."""
    detail: str | None
    allowed_use: str | None
    """Why what was used recently may go."""


class DeletionPlan(Answer):
    """A plan's file."""

    plan_id: str
    organization_id: str
    endpoint: str
    created_by: str
    caller_arn: str
    created_at: Moment
    not_before: Moment
    not_after: Moment
    selection: str
    """In words."""
    only: list[CredentialKind]
    """The kinds that may go."""
    included_failsafes: list[AccountNumber]
    accounts: list[PlannedAccount]
    hash: Sha256
    """Over the canonical JSON (RFC 8785) of everything else. It shows edits, and is no signature."""


class UnfinishedDeletion(Record):
    """Of a deletion that hasn't come to its end."""

    caller_arn: str
    started_at: Moment


class FinishedDeletion(UnfinishedDeletion):
    """Of a deletion."""

    ended_at: Moment


class SetupDifference(Record):
    """One thing of the set-up that isn't as it was accepted."""

    part: SetupPart
    subject: str
    accepted: str
    found: str
    what: str
    """One sentence for a person."""
    could_be: list[str]
    """What could have changed it."""


class AcceptedSetup(Record):
    """The set-up that is compared with."""

    accepted_at: Moment
    accepted_by: str
    ledger_sequence: Count


class AuditDrift(Record):
    """How the set-up differed during an audit."""

    accepted: AcceptedSetup | None
    """``null`` if none was ever accepted: then nothing is compared."""
    differences: list[SetupDifference]
    unknown: list[str]
    """One sentence for each part that couldn't be compared."""


class FinishedAudit(Answer):
    """Of an audit; what it found is kept under its job's id."""

    caller_arn: str
    endpoint: str
    started_at: Moment
    ended_at: Moment
    listed_at: Moment
    is_inventory_complete: bool
    """Whether the accounts were listed to their end in this audit."""
    drift: AuditDrift


class SetupDrift(Answer):
    """Of a check of the set-up."""

    accepted_at: Moment | None
    """``null`` if none was ever accepted: then nothing is compared."""
    accepted_by: str | None
    differences: list[SetupDifference]
    unknown: list[str]
    """One sentence for each part that couldn't be compared."""


class BlockingPolicy(Record):
    """A policy behind a verdict, at one place where it is attached."""

    policy_id: str | None
    """``null`` where a place has no policy at all."""
    name: str | None
    sid: str | None
    """The Deny statement's Sid, or its number; ``null`` where an Allow is missing or the policy couldn't be read."""
    attached_to: str
    """The organization's root, a unit or an account."""


class PreflightRow(Record):
    """What one task in one account would come to."""

    account_id: AccountNumber
    task: Task
    verdict: TaskVerdict
    policies: list[BlockingPolicy]
    conditions: list[str]
    """What the verdict depends on; if ``unknown``, what is needed to know it."""
    fix: str | None
    """The smallest change that lets the task pass, as unified diffs of the policies' JSON."""


class PreflightCounts(Record):
    """How many accounts were judged, and how many rows have each verdict."""

    accounts: Count
    skipped: Count
    """Selected accounts that aren't judged: the management account, and those that aren't ACTIVE."""
    allowed: Count
    blocked: Count
    depends: Count
    unknown: Count


class Preflight(Answer):
    """Of a preflight."""

    organization_id: str
    endpoint: str
    caller_arn: str
    observed_at: Moment
    rows: list[PreflightRow]
    """Account by account."""
    summary: PreflightCounts


class LedgerHead(Record):
    """The ledger's last entry."""

    seq: Count
    hash: str


class LedgerFinding(Record):
    """Something that is wrong with the ledger."""

    seq: Count | None
    what: str


class LedgerVerification(Answer):
    """Of a check of the ledger."""

    is_intact: bool
    entries: Count
    head: LedgerHead
    anchored_seq: Count | None
    """The last head that stands in the anchor; ``null`` without an anchor."""
    findings: list[LedgerFinding]


class ListedResource(Record):
    """A bucket or queue."""

    name: str
    region: str
    verdict: PolicyVerdict
    explanation: str
    locking_statements: list[str]
    """By Sid, or by place in the policy counted from 1."""
    protected: bool
    """Whether the settings keep its policy from being changed."""


class UnreadRegion(Record):
    """A Region whose queues couldn't be listed: what is there isn't known."""

    region: str
    reason: str


class ResourceListing(Answer):
    """Of an account whose buckets or queues were looked for."""

    organization_id: str
    account_id: AccountNumber
    unread_regions: list[UnreadRegion]
    unknown: str | None
    """Why nothing could be asked at all, and who could ask."""


class BucketListing(ResourceListing):
    """The buckets of an account."""

    service: Literal[ResourceKind.BUCKET]
    buckets: list[ListedResource]


class QueueListing(ResourceListing):
    """The queues of an account."""

    service: Literal[ResourceKind.QUEUE]
    queues: list[ListedResource]


class PolicyPlace(Answer):
    """Of which bucket or queue it is."""

    organization_id: str
    account_id: AccountNumber
    service: ResourceKind
    name: str
    region: str
    """Empty where it isn't known."""


class LockingStatement(Record):
    """A statement that keeps everyone, or everyone but its exceptions, from changing the policy."""

    number: Annotated[int, Field(ge=1)]
    """Its place in the policy."""
    sid: str | None
    verdict: PolicyVerdict
    explanation: str
    exceptions: list[str]
    """Principals that it leaves out."""
    conditions: list[str]
    """What else it depends on."""


class ShownPolicy(PolicyPlace):
    """The policy of a bucket or queue."""

    verdict: PolicyVerdict
    explanation: str
    protected: bool
    """Whether the settings keep it from being changed."""
    sha256: Sha256 | None
    """Of the policy's text."""
    policy: Any
    """As JSON; the text itself where it is none, and ``null`` without a policy."""
    policy_text: str | None
    """Exactly as AWS gave it."""
    locking_statements: list[LockingStatement]
    corrected_policy: Any
    """Without the locking statements; ``null`` where none locks, or nothing is left of it."""


class SavedPolicy(Record):
    """Where the policy of before is."""

    path: str
    sha256: Sha256


class ChangedPolicy(PolicyPlace):
    """What came of a change of the policy of a bucket or queue."""

    change: ChangeKind
    result: Result | Literal["unchanged"]
    """``done`` only as a re-read shows; ``unchanged``: there was nothing to do."""
    explanation: str
    verdict_before: PolicyVerdict
    verdict_after: PolicyVerdict | None
    """``null`` if it couldn't be re-read."""
    saved: SavedPolicy | None
    """``null`` if there was none."""


JobOutcome: TypeAlias = (
    FailedOutcome
    | DeletionPlan
    | UnfinishedDeletion
    | FinishedDeletion
    | FinishedAudit
    | SetupDrift
    | Preflight
    | LedgerVerification
    | BucketListing
    | QueueListing
    | ShownPolicy
    | ChangedPolicy
)


class LedgerActor(Record):
    """Who did it."""

    name: str
    kind: ActorKind
    caller_arn: str | None
    """The AWS principal whose credentials were used."""


class LedgerEntry(Record):
    """An entry as it was hashed."""

    sequence: Annotated[int, Field(ge=1)]
    """From 1, without gaps."""
    at: Moment
    organization_id: str
    endpoint: str
    actor: LedgerActor
    action: Action
    account_id: AccountNumber | None
    """``null`` where it concerns the organization or several accounts."""
    parameters: dict[str, Any]
    """Never a secret; other fields for each action."""
    phase: Phase
    owner_id: str
    """The process that wrote it."""
    intent_sequence: Count | None
    """Of an outcome, the intent that it ends."""
    result: Result | None
    """``null`` for an intent."""
    previous_hash: Sha256
    entry_hash: Sha256
    """Over the canonical JSON (RFC 8785) of all other fields."""


class EntryPage(Page):
    """Entries."""

    entries: list[LedgerEntry]
