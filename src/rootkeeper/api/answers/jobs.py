"""Jobs, how far they are, and what came of each account."""

from __future__ import annotations

from typing import Any

from rootkeeper.api.answers.shapes import AccountNumber, Answer, Count, CountedPage, Moment, Page, Record
from rootkeeper.domain.deletion import KindOutcome, KindReason
from rootkeeper.domain.jobs import JobKind, JobState
from rootkeeper.domain.ledger import ActorKind
from rootkeeper.domain.root_credentials import CredentialKind
from rootkeeper.domain.selection import SkipReason
from rootkeeper.domain.statuses import Status


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
