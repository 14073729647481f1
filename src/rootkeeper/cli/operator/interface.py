"""What commands ask for, and the values that they get, whichever way they go.

A command parses, calls an operator, renders and exits. ``LocalOperator`` does the work itself, with AWS credentials and
a database; ``RemoteOperator`` asks a Rootkeeper server. Records are JSON values as the commands' JSON output has them.
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
from rootkeeper.windows.rules import ClosingResult, OpeningResult, RecoveryWindow, WindowRequest

if TYPE_CHECKING:
    from rootkeeper.audit.rules import AuditRequest
    from rootkeeper.audit.service import AuditInterrupted, AuditReport
    from rootkeeper.cli.operator.remote import RemoteWindows
    from rootkeeper.deletion.resumption import ResumePlan
    from rootkeeper.deletion.rules import DeletionPlan, DeletionReport, WaveRules
    from rootkeeper.deletion.service import DeletionOptions
    from rootkeeper.guardrails.service import PreflightReport
    from rootkeeper.ledger.rules import LedgerEntry, LedgerVerification
    from rootkeeper.organization.accounts import AccountId, Inventory
    from rootkeeper.organization.progress import StopSignal
    from rootkeeper.organization.selection import SelectionRequest
    from rootkeeper.organization.statuses import AccountStatus, FailOn
    from rootkeeper.removal.rules import AccountDeletion
    from rootkeeper.worker.requests import UnlockRequest

    Emit = Callable[[AccountStatus], None]


@dataclass(frozen=True, slots=True)
class DeletionProposal:
    """A plan, and what is known of the reading that it rests on."""

    plan: DeletionPlan
    inventory: Inventory | None = None
    has_findings: Callable[[frozenset[FailOn]], bool] = lambda _: False


class Recovery(ABC):
    """One request for a recovery window, checked as far as nothing is changed by that."""

    statement: Sequence[str]
    """What will be done, for the question and for a dry run."""

    @abstractmethod
    def open(self) -> OpeningResult:
        """Allow password recovery, or request it where people must approve it.

        :raises RootkeeperError: what refused it.
        """

    @abstractmethod
    def list_steps(self, window: RecoveryWindow) -> Sequence[str]:
        """What a person does in the open window."""

    @abstractmethod
    def wait(self, window: RecoveryWindow, stop: StopSignal) -> ClosingResult:
        """Wait for the window's end, or for a stop, which closes it at once.

        :raises ServerUnreachableError: if the server that closes it doesn't answer for long.
        """


class Unlocking(ABC):
    """One bucket or queue, or all of an account, whose policies may lock everyone out."""

    @abstractmethod
    def describe(self) -> Sequence[str]:
        """What would be done; no root session is opened."""

    @abstractmethod
    def read(self) -> Record:
        """One policy, or all of the account."""

    @abstractmethod
    def plan(self) -> tuple[Sequence[str], Record | None]:
        """What the change will do, in sentences; and the answer where nothing is to be done."""

    @abstractmethod
    def change(self) -> tuple[Record, str | None]:
        """Do what was planned and agreed to; and what a re-read shows, ``None`` if there was none."""


class Operator(ABC):
    """Does what a command asks for. Leaving it as a context manager closes what it opened.

    :raises RootkeeperError: from every method, as its subject's errors say.
    """

    terminal: Terminal
    patience = timedelta()
    """A window that is so long past its end is named as overdue."""

    def __enter__(self) -> Self:
        return self

    @abstractmethod
    def __exit__(self, *_: object) -> None: ...

    @abstractmethod
    def now(self) -> datetime: ...

    @property
    @abstractmethod
    def recently_used_days(self) -> int:
        """For so long a use counts as recent, for a deletion."""

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
    ) -> Confirmation:
        """Prepare a change, or only name what is overdue for a dry run.

        :param needs: what the change takes on a server.
        :param needs_ledger: ``False`` for closing a window, which doesn't wait for the ledger.
        :raises InputError: if no one can confirm; nothing was done.
        :raises PermissionDeniedError: if the role on the server doesn't permit it.
        """

    @abstractmethod
    def warn_overdue(self) -> None:
        """Name each recovery window that is past its end; nothing is changed. What can't be read is remarked."""

    def warn_if_overdue(self, window: RecoveryWindow) -> None:
        """The same for one window."""
        now = self.now()
        if window.is_overdue(now - self.patience):
            remark_overdue(window, now, self.terminal)

    # the past

    @abstractmethod
    def read_history(
        self, account: str, organization: str | None, start: datetime | None, end: datetime | None
    ) -> Record:
        """An account's time line between two moments, both included."""

    @abstractmethod
    def list_audits(self, organization: str | None) -> Sequence[Record]:
        """Audits that are kept, the newest first."""

    @abstractmethod
    def compare_audits(
        self, older: str | None, newer: str | None, organization: str | None
    ) -> tuple[Record, frozenset[FailOn]]:
        """What changed between two audits, each named by its id or a date; and what got worse."""

    @abstractmethod
    def list_entries(self, since: int, account_id: AccountId | None, limit: int | None) -> Iterable[LedgerEntry]:
        """Entries of the ledger after that one, the oldest first."""

    @abstractmethod
    def verify_ledger(self) -> LedgerVerification:
        """Check the whole chain."""

    # readings

    @abstractmethod
    def audit(self, request: AuditRequest, stop: StopSignal, emit: Emit | None) -> AuditReport | AuditInterrupted:
        """Read the selected accounts.

        :param emit: is given each account as soon as its status is known.
        """

    @abstractmethod
    def resume_audit(
        self, job: Job, stop: StopSignal, emit: Emit | None, *, retry_failed: bool
    ) -> AuditReport | AuditInterrupted:
        """Resume an interrupted audit; the answer covers all of it."""

    @abstractmethod
    def preflight(self, request: SelectionRequest) -> PreflightReport:
        """Evaluate what policies would block."""

    @abstractmethod
    def open_unlocking(self, request: UnlockRequest, policy: str | None, source: str) -> Unlocking:
        """Find the account.

        :param policy: what is put in the place of the one that is there.
        :param source: the file that it is from.
        """

    # jobs

    @abstractmethod
    def list_jobs(self, *, unfinished: bool, limit: int | None = None) -> Sequence[Job]:
        """The newest first."""

    @abstractmethod
    def get_job(self, job_id: str) -> Job:
        """:raises InputError: if there is none."""

    @abstractmethod
    def cancel_job(self, job_id: str) -> Job:
        """End it for good."""

    @abstractmethod
    def list_results(self, job: Job) -> tuple[AccountDeletion, ...]:
        """What came of each account of a deletion so far; of other kinds nothing is listed."""

    # deletions

    @abstractmethod
    def plan_deletion(self, request: SelectionRequest, options: DeletionOptions) -> DeletionProposal:
        """Read the selected accounts and plan."""

    @abstractmethod
    def ensure_applicable(self, plan: DeletionPlan) -> None:
        """:raises PlanInvalidError: if the plan isn't valid here and now.
        :raises JobConflictError: if a job has begun it and isn't over.
        """

    @abstractmethod
    def delete(
        self, plan: DeletionPlan, rules: WaveRules, inventory: Inventory | None, stop: StopSignal
    ) -> DeletionReport:
        """Do exactly what was agreed to.

        :param inventory: of the plan's own reading.
        """

    @abstractmethod
    def read_resumption(self, job: Job, *, retry_failed: bool) -> ResumePlan:
        """What is left of an interrupted deletion; nothing is changed."""

    @abstractmethod
    def resume_deletion(self, job: Job, stop: StopSignal, *, retry_failed: bool) -> DeletionReport:
        """Do what is left; the report covers the whole plan."""

    # recovery windows

    @abstractmethod
    def list_windows(self, *, unfinished: bool) -> Sequence[RecoveryWindow]:
        """The newest first."""

    @abstractmethod
    def find_window(self, text: str) -> RecoveryWindow:
        """The window of that id, or the latest of that account.

        :raises InputError: if there is none.
        """

    @abstractmethod
    def read_window_report(self, window: RecoveryWindow) -> tuple[Record, str]:
        """What is known of it, as JSON values and as Markdown."""

    @abstractmethod
    def plan_recovery(self, request: WindowRequest, *, leave_open: bool) -> Recovery:
        """Check what can be checked without a change."""

    @abstractmethod
    def close_window(self, window: RecoveryWindow) -> ClosingResult:
        """Close it now, and read the account again."""

    @property
    @abstractmethod
    def approvals(self) -> RemoteWindows:
        """Requests and approvals, which only a server collects.

        :raises InputError: without a server.
        """
