"""From what AWS answered of one account to its status."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from rootkeeper.domain.organizations import Account, Caller
from rootkeeper.domain.root_credentials import RootCredentials, RootCredentialsSummary
from rootkeeper.domain.statuses import AccountStatus, judge_failure, judge_found, judge_management
from rootkeeper.errors import AwsAccessDeniedError, AwsError, LockLostError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.organizations import OrganizationReader
from rootkeeper.ports.root_sessions import RootSession
from rootkeeper.ports.root_summaries import SummaryAnswer
from rootkeeper.workflows.audit_batches import ReadingTarget
from rootkeeper.workflows.inventory_listing import Step

_READ_ELSEWHERE = "needs the management account: its root user is read only from the management account itself."

Keep = Callable[[AccountStatus], None]


@dataclass(frozen=True, slots=True)
class AccountJudging:
    """Judges answers. Where details are wanted, accounts that have something are read on, each in a thread."""

    reader: OrganizationReader
    caller: Caller
    clock: Clock
    deliver: Callable[[Step], None]
    details: ThreadPoolExecutor | None
    """Reads details; ``None`` where they aren't wanted."""

    def judge(self, target: ReadingTarget, answer: SummaryAnswer, keep: Keep) -> None:
        """Hand the account's status to ``keep``, now or as a later step."""
        if isinstance(answer.error, AwsError):
            keep(self._judge_error(target, answer.session, answer.error))
        elif answer.summary is None:
            raise answer.error or RuntimeError(f"nothing was answered about {target.account_id}")
        elif self.details is None or answer.summary.is_empty or answer.session is None:
            keep(self._judge_found(target, answer.summary, answer.session))
        else:
            reading = self.details.submit(answer.session.read_credentials)
            reading.add_done_callback(
                lambda ended: self.deliver(partial(self._take_details, target, answer, ended, keep))
            )

    def judge_management(self, account: Account) -> AccountStatus:
        """The management account's own root user, where the caller is in it. One call: iam:GetAccountSummary."""
        if self.caller.account_id != account.account_id:
            return judge_management(account, None, None, _READ_ELSEWHERE)
        try:
            return judge_management(account, self.reader.read_own_root_summary(), self.clock.now())
        except AwsError as error:
            return judge_management(account, None, None, f"Couldn't be read: {error.message}")

    def _take_details(
        self, target: ReadingTarget, answer: SummaryAnswer, ended: Future[RootCredentials], keep: Keep
    ) -> None:
        error = ended.exception()
        if isinstance(error, AwsError | LockLostError):
            keep(self._judge_error(target, answer.session, error))
        elif error is not None:
            raise error
        elif answer.summary is not None:
            keep(self._judge_found(target, answer.summary, answer.session, ended.result()))

    def _judge_found(
        self,
        target: ReadingTarget,
        summary: RootCredentialsSummary,
        session: RootSession | None,
        credentials: RootCredentials | None = None,
    ) -> AccountStatus:
        return judge_found(
            target.account,
            target.role,
            summary,
            observed_at=self.clock.now(),
            has_open_window=target.has_open_window,
            credentials=credentials,
            session_access_key_id=None if session is None else session.access_key_id,
        )

    def _judge_error(
        self, target: ReadingTarget, session: RootSession | None, error: AwsError | LockLostError
    ) -> AccountStatus:
        own = self._find_own_summary(target.account, error) if session is None else None
        if own is not None:
            return self._judge_found(target, own, None)
        return judge_failure(
            target.account,
            target.role,
            error,
            observed_at=self.clock.now(),
            session_access_key_id=None if session is None else session.access_key_id,
        )

    def _find_own_summary(self, account: Account, error: AwsError | LockLostError) -> RootCredentialsSummary | None:
        """A caller that is in the account itself can read its root user without a root session."""
        if account.account_id != self.caller.account_id or not isinstance(error, AwsAccessDeniedError):
            return None
        try:
            return self.reader.read_own_root_summary()
        except AwsError:
            return None
