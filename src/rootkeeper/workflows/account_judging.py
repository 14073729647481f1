"""From what AWS answered of one account to its status."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from rootkeeper.domain.organizations import Account, Caller
from rootkeeper.domain.root_credentials import RootCredentials, RootCredentialsSummary
from rootkeeper.domain.statuses import AccountStatus, evaluate_failure, evaluate_found, evaluate_management
from rootkeeper.errors import AwsAccessDeniedError, AwsError, LockLostError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.organizations import OrganizationReader
from rootkeeper.ports.root_sessions import RootSession
from rootkeeper.ports.root_summaries import SummaryAnswer
from rootkeeper.workflows.audit_batches import AuditTarget
from rootkeeper.workflows.inventory_listing import Question, Step

_READ_ELSEWHERE = "needs the management account: its root user is read only from the management account itself."

Keep = Callable[[AccountStatus], None]


@dataclass(frozen=True, slots=True)
class AccountStatusEvaluator:
    """Judges answers. What takes further calls is asked in another thread: one that hangs holds nobody else up."""

    reader: OrganizationReader
    caller: Caller
    clock: Clock
    ask: Callable[[Question], None]
    """Has a question asked in another thread, and what it answers taken as a step."""
    details: bool
    """Whether accounts that have something are read on."""

    def evaluate(self, target: AuditTarget, answer: SummaryAnswer, keep: Keep) -> None:
        """Hand the account's status to ``keep``, now or as a later step."""
        if isinstance(answer.error, AwsAccessDeniedError) and self._is_own(target, answer.session):
            self.ask(partial(self._read_own, target, answer.error, keep))
        elif isinstance(answer.error, AwsError):
            keep(self._evaluate_error(target, answer.session, answer.error))
        elif answer.summary is None:
            raise answer.error or RuntimeError(f"nothing was answered about {target.account_id}")
        elif not self.details or answer.summary.is_empty or answer.session is None:
            keep(self._evaluate_found(target, answer.summary, answer.session))
        else:
            self.ask(partial(self._read_details, target, answer.summary, answer.session, keep))

    def evaluate_management(self, account: Account, keep: Keep) -> None:
        """The management account's own root user, where the caller is in it. One call: iam:GetAccountSummary."""
        if self.caller.account_id == account.account_id:
            self.ask(lambda: partial(keep, self._read_management(account)))
        else:
            keep(evaluate_management(account, None, None, _READ_ELSEWHERE))

    def _is_own(self, target: AuditTarget, session: RootSession | None) -> bool:
        """A caller that is in the account itself can read its root user without a root session."""
        return session is None and target.account_id == self.caller.account_id

    # In other threads.

    def _read_management(self, account: Account) -> AccountStatus:
        try:
            return evaluate_management(account, self.reader.read_own_root_summary(), self.clock.now())
        except AwsError as error:
            return evaluate_management(account, None, None, f"Couldn't be read: {error.message}")

    def _read_own(self, target: AuditTarget, refusal: AwsAccessDeniedError, keep: Keep) -> Step:
        try:
            return partial(keep, self._evaluate_found(target, self.reader.read_own_root_summary(), None))
        except AwsError:
            return partial(keep, self._evaluate_error(target, None, refusal))

    def _read_details(
        self, target: AuditTarget, summary: RootCredentialsSummary, session: RootSession, keep: Keep
    ) -> Step:
        try:
            return partial(keep, self._evaluate_found(target, summary, session, session.read_credentials()))
        except (AwsError, LockLostError) as error:
            return partial(keep, self._evaluate_error(target, session, error))

    # What is known.

    def _evaluate_found(
        self,
        target: AuditTarget,
        summary: RootCredentialsSummary,
        session: RootSession | None,
        credentials: RootCredentials | None = None,
    ) -> AccountStatus:
        return evaluate_found(
            target.account,
            target.role,
            summary,
            observed_at=self.clock.now(),
            has_open_window=target.has_open_window,
            credentials=credentials,
            session_access_key_id=None if session is None else session.access_key_id,
        )

    def _evaluate_error(
        self, target: AuditTarget, session: RootSession | None, error: AwsError | LockLostError
    ) -> AccountStatus:
        return evaluate_failure(
            target.account,
            target.role,
            error,
            observed_at=self.clock.now(),
            session_access_key_id=None if session is None else session.access_key_id,
        )
