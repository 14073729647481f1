"""The requests of commands, and the values that they get, on this machine or through a server.

A command parses, calls an operator, renders and exits. ``LocalOperator`` works with AWS credentials and a database;
``RemoteOperator`` asks a Rootkeeper server. Records are JSON values, as the commands' JSON output has them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from rootkeeper.access.rules import Permission
from rootkeeper.cli.changes import ChangeOptions, Confirmation, remark_overdue
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import Record
from rootkeeper.cli.terminal import Terminal
from rootkeeper.jobs.rules import Job
from rootkeeper.windows.credentials import CredentialsStatement
from rootkeeper.windows.rules import CloseResult, OpeningResult, RecoveryWindow, WindowRequest

if TYPE_CHECKING:
    from rootkeeper.audit.rules import AuditRequest
    from rootkeeper.audit.service import AuditInterrupted, AuditReport
    from rootkeeper.aws.rules import OneTimePassword
    from rootkeeper.changes.removal_rules import AccountDeletion
    from rootkeeper.cli.operator.remote import RemoteOperator
    from rootkeeper.controls.rules import Control
    from rootkeeper.deletion.resumption import ResumePlan
    from rootkeeper.deletion.rules import DeletionOptions, DeletionPlan, DeletionReport, WaveRules
    from rootkeeper.delivery.targets import DeliveryRequest
    from rootkeeper.evidence.rules import Period
    from rootkeeper.failsafe.service import FailsafeReport
    from rootkeeper.guardrails.service import PreflightReport
    from rootkeeper.ledger.rules import LedgerEntry, LedgerVerification
    from rootkeeper.organization.accounts import AccountId, Endpoint, Inventory
    from rootkeeper.organization.progress import StopSignal
    from rootkeeper.organization.selection import SelectionRequest
    from rootkeeper.organization.statuses import AccountStatus, FailOn
    from rootkeeper.reports.formats import Format
    from rootkeeper.root_emails.records import EmailChangeOutcome, EmailChangeRecord
    from rootkeeper.root_emails.rules import EmailChangeRequest
    from rootkeeper.root_emails.service import EmailReport
    from rootkeeper.worker.requests import UnlockRequest

    Emit = Callable[[AccountStatus], None]


@dataclass(frozen=True, slots=True)
class DeletionProposal:
    """A plan, and the facts that its reading found."""

    plan: DeletionPlan
    inventory: Inventory | None = None
    has_findings: Callable[[frozenset[FailOn]], bool] = lambda _: False


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


class Recovery(ABC):
    """A request for a recovery window, checked without a change."""

    statement: Sequence[str]
    """The planned change, for the question and for a dry run."""

    @abstractmethod
    def open(self) -> OpeningResult:
        """Allow password recovery, or request it if people must approve it.

        :raises RootkeeperError: the refusal.
        """

    @abstractmethod
    def list_steps(self, window: RecoveryWindow) -> Sequence[str]:
        """List the steps of a person in the open window."""

    @abstractmethod
    def wait(self, window: RecoveryWindow, stop: StopSignal) -> CloseResult:
        """Wait for the window's end. A stop closes it at once.

        :raises ServerUnreachableError: if the server that closes it doesn't answer for long.
        """


class Unlocking(ABC):
    """A bucket or queue with a policy that may lock everyone out, or all of an account."""

    @abstractmethod
    def describe(self) -> Sequence[str]:
        """Describe the steps; opens no root session."""

    @abstractmethod
    def read(self) -> Record:
        """Read a policy, or all policies of the account."""

    @abstractmethod
    def plan(self) -> tuple[Sequence[str], Record | None]:
        """Describe the change; also the answer, if there is nothing to do."""

    @abstractmethod
    def change(self) -> tuple[Record, str | None]:
        """Make the confirmed change; also the result of a re-read, ``None`` if there was none."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A report, and the places to which it can be sent."""

    statement: Sequence[str]
    """The report and its places, for the question and for a dry run."""
    send: Callable[[], Record]
    """Sends it; the answer names the result at each place."""


class EmailChange(ABC):
    """A change of a root e-mail address that passed every check."""

    account_id: str
    statement: Sequence[str]
    """The planned change, for the question and for a dry run."""
    is_unneeded: bool
    """Whether the account has the address already."""
    is_started: bool
    """Whether AWS waits for a one-time password that it has sent."""

    @abstractmethod
    def describe(self, outcome: EmailChangeOutcome, explanation: str) -> EmailChangeRecord:
        """Describe the change where nothing was sent to AWS."""

    @abstractmethod
    def start(self) -> EmailChangeRecord:
        """Have AWS send a one-time password to the new address.

        :raises RootkeeperError: the refusal.
        """

    @abstractmethod
    def accept(self, otp: OneTimePassword) -> EmailChangeRecord:
        """Return the one-time password, and read the address again.

        :raises OneTimePasswordError: if AWS rejects it; nothing was changed.
        """


def describe_email_change(record: EmailChangeRecord, remarks: Iterable[str]) -> list[str]:
    """Describe a planned change, for the question and for a dry run."""
    return [
        f"Change the root e-mail address of account {record['account_id']} ({record['name']})",
        f"from {record['email_before']}",
        f"to   {record['email']}.",
        "Anyone who reads the new mailbox can then reset the root user's password. Password and MFA devices stay.",
        *remarks,
    ]


class Operator(ABC):
    """Does the work of commands; a context manager closes its connections and files.

    :raises RootkeeperError: from every method, as its subject's errors say.
    """

    terminal: Terminal
    patience = timedelta()
    """How long past its end a window is shown as overdue."""

    def __enter__(self) -> Self:
        return self

    @abstractmethod
    def __exit__(self, *_: object) -> None: ...

    @abstractmethod
    def now(self) -> datetime: ...

    @property
    @abstractmethod
    def recently_used_days(self) -> int:
        """For how many days a use counts as recent, for a deletion."""

    @property
    @abstractmethod
    def longest_window(self) -> timedelta: ...

    @abstractmethod
    def begin_change(
        self,
        options: ChangeOptions,
        output: OutputFormat,
        needs: Permission,
        *,
        needs_ledger: bool = True,
        changes_aws: bool = True,
    ) -> Confirmation:
        """Prepare a change; a dry run only shows overdue windows.

        :param needs: the permission on a server; the others as ``changes.begin_change``.
        :raises InputError: if the terminal can't ask; nothing was done.
        :raises PermissionDeniedError: if the role on the server doesn't allow it.
        """

    @abstractmethod
    def warn_overdue(self) -> None:
        """Show each recovery window that is past its end; change nothing. A failed reading is only remarked."""

    def warn_if_overdue(self, window: RecoveryWindow) -> None:
        """Show the window if it is past its end."""
        now = self.now()
        if window.is_overdue(now - self.patience):
            remark_overdue(window, now, self.terminal)

    # the past

    @abstractmethod
    def read_history(
        self, account: str, organization: str | None, start: datetime | None, end: datetime | None
    ) -> Record:
        """Read an account's timeline between two moments, both included."""

    @abstractmethod
    def list_audits(self, organization: str | None) -> Sequence[Record]:
        """List stored audits, newest first."""

    @abstractmethod
    def compare_audits(
        self, older: str | None, newer: str | None, organization: str | None
    ) -> tuple[Record, frozenset[FailOn]]:
        """Compare two audits, each named by its id or a date; also the findings that got worse."""

    @abstractmethod
    def write_report(self, wanted: PeriodRequest, chosen: Format, frameworks: Sequence[str]) -> WrittenReport:
        """Write the evidence of a period, with the verdicts on the controls of frameworks."""

    @abstractmethod
    def list_entries(self, since: int, account_id: AccountId | None, limit: int | None) -> Iterable[LedgerEntry]:
        """List ledger entries after the sequence number ``since``, oldest first."""

    @abstractmethod
    def verify_ledger(self) -> LedgerVerification:
        """Verify the whole chain."""

    # controls

    @abstractmethod
    def read_controls(self, frameworks: Sequence[str], wanted: PeriodRequest) -> Record:
        """Judge the controls of frameworks at the end of a period."""

    @abstractmethod
    def read_control(self, control: Control, wanted: PeriodRequest) -> Record:
        """Judge a control, with every account behind the verdict."""

    @abstractmethod
    def attest_control(self, control: Control, *, owner: str, reason: str, until: datetime) -> Record:
        """Record a person's attestation of a control."""

    # readings

    @abstractmethod
    def audit(self, request: AuditRequest, stop: StopSignal, emit: Emit | None) -> AuditReport | AuditInterrupted:
        """Read the selected accounts; ``emit`` receives each as soon as its status is known."""

    @abstractmethod
    def resume_audit(
        self, job: Job, stop: StopSignal, emit: Emit | None, *, retry_failed: bool
    ) -> AuditReport | AuditInterrupted:
        """Resume an interrupted audit; the answer covers all of it."""

    @abstractmethod
    def preflight(self, request: SelectionRequest) -> PreflightReport:
        """Evaluate which tasks policies would block."""

    @abstractmethod
    def check_failsafes(self) -> FailsafeReport:
        """Check each failsafe, and record which of them passed."""

    @abstractmethod
    def list_root_emails(self, request: SelectionRequest) -> EmailReport:
        """Check root e-mail addresses of the selected accounts; a server checks the addresses of its last listing."""

    @abstractmethod
    def plan_email_change(self, account: str, request: EmailChangeRequest) -> EmailChange:
        """Make all checks that need no change. ``account`` is an id or a unique name."""

    @abstractmethod
    def open_unlocking(self, request: UnlockRequest, policy: str | None, source: str) -> Unlocking:
        """Find the account. ``source`` is the file of the new policy."""

    @abstractmethod
    def plan_delivery(self, request: DeliveryRequest) -> Delivery:
        """Compile the report, and check its places without a change.

        :raises InputError: if the report or its place can't be used.
        :raises AwsError: if Security Hub is off, or can't be read.
        """

    # jobs

    @abstractmethod
    def list_jobs(self, *, unfinished: bool, limit: int | None = None) -> Sequence[Job]:
        """List jobs, newest first."""

    @abstractmethod
    def get_job(self, job_id: str) -> Job:
        """:raises InputError: if there is none."""

    @abstractmethod
    def cancel_job(self, job_id: str) -> Job:
        """Cancel it for good."""

    @abstractmethod
    def list_results(self, job: Job) -> tuple[AccountDeletion, ...]:
        """List the results of a deletion so far; other kinds have none."""

    # deletions

    @abstractmethod
    def plan_deletion(self, request: SelectionRequest, options: DeletionOptions) -> DeletionProposal:
        """Read the selected accounts and plan."""

    @abstractmethod
    def require_applicable(self, plan: DeletionPlan) -> None:
        """:raises PlanInvalidError: if the plan isn't valid here and now.
        :raises JobConflictError: if a job has begun it and hasn't ended.
        """

    @abstractmethod
    def delete(
        self, plan: DeletionPlan, rules: WaveRules, inventory: Inventory | None, stop: StopSignal
    ) -> DeletionReport:
        """Delete exactly as confirmed; ``inventory`` is from the plan's own reading."""

    @abstractmethod
    def read_resumption(self, job: Job, *, retry_failed: bool) -> ResumePlan:
        """Read the rest of an interrupted deletion; change nothing."""

    @abstractmethod
    def resume_deletion(self, job: Job, stop: StopSignal, *, retry_failed: bool) -> DeletionReport:
        """Delete the rest; the report covers the whole plan."""

    # recovery windows

    @abstractmethod
    def list_windows(self, *, unfinished: bool) -> Sequence[RecoveryWindow]:
        """List windows, newest first."""

    @abstractmethod
    def find_window(self, text: str) -> RecoveryWindow:
        """Find the window of that id, or the latest of that account.

        :raises InputError: if there is none.
        """

    @abstractmethod
    def read_window_report(self, window: RecoveryWindow) -> tuple[Record, str]:
        """Read its report, as JSON values and as Markdown."""

    @abstractmethod
    def plan_recovery(self, request: WindowRequest, credentials: CredentialsStatement, *, leave_open: bool) -> Recovery:
        """Make all checks that need no change."""

    @abstractmethod
    def close_window(self, window: RecoveryWindow) -> CloseResult:
        """Close it now, and read the account again."""

    @property
    @abstractmethod
    def approvals(self) -> RemoteOperator:
        """Requests and approvals, which only a server collects.

        :raises InputError: without a server.
        """
