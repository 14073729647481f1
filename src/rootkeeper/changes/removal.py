"""Removes the root user credentials of an account, for deletions and for the closing of recovery windows.

Keys, certificates and password first, each by a change of its own; then MFA devices, if a re-read shows that they guard
nothing any more; then a re-read of the account in an audit session, which decides every result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rootkeeper.aws.root_sessions import RootSession, RootSessions
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.changes.credentials import (
    CallRecord,
    CallState,
    CredentialRemoval,
    RemainingCredentials,
    evaluate_kinds,
    evaluate_sent_calls,
)
from rootkeeper.changes.removal_rules import (
    ALL_KINDS,
    GUARDED_KINDS,
    KindResult,
    PlannedCall,
    classify_obstacle,
    plan_deletion,
    skip_kinds,
)
from rootkeeper.changes.rules import Evaluation
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.changes.sessions import AccountSessions
from rootkeeper.clock import Clock
from rootkeeper.errors import (
    AwsCredentialsError,
    AwsError,
    LedgerUnavailableError,
    LockLostError,
    RootkeeperError,
    RunStoppedError,
)
from rootkeeper.ledger.owners import AccountLock
from rootkeeper.ledger.store import Ledger
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.selection import Skip
from rootkeeper.organization.statuses import CredentialKind, RootCredentials, RootCredentialsSummary
from rootkeeper.values import JsonValue

UNCLEAR_REREAD_SECONDS = 3.0
"""How long to repeat a re-read after a call without a clear answer: most likely it didn't act, and waiting longer would
only repeat that. A call that AWS answered with success gets all the pauses.
"""


@dataclass(slots=True)
class RemovalRun:
    """The state of a removal. The public methods are called in their order here."""

    runner: ChangeRunner
    sessions: AccountSessions
    pauses_seconds: tuple[float, ...]
    only: frozenset[CredentialKind]
    reads_last_use: bool
    """Whether to read when the password and the keys were last used; this takes a call for each."""
    remark: Callable[[str], None]
    """Receives why the account is read again."""
    found: RootCredentials | None = None
    records: list[CallRecord] = field(default_factory=list)
    left: RemainingCredentials | None = None
    left_observed_at: datetime | None = None
    has_sent_changes: bool = False
    was_session_opened: bool = False
    audit_session: RootSession | None = None
    _pauses: list[float] = field(default_factory=list)
    """The pauses that were made, of all re-reads together."""

    @property
    def reading_session(self) -> RootSession | None:
        """The session that re-read the account, or the session in which the first reading failed."""
        if self.audit_session is None and self.found is None:
            return self.sessions.find_open(TaskPolicy.DELETE)
        return self.audit_session

    def find(self) -> RootCredentials:
        """Read the credentials in detail and plan the calls. Nothing is deleted."""

        def read(session: RootSession) -> RootCredentials:
            self.was_session_opened = True
            if self.reads_last_use:
                return session.read_credentials()
            return RootCredentials(
                account_id=session.account_id,
                observed_at=self.runner.clock.now(),
                login_profile=session.find_login_profile(),
                access_keys=session.list_access_keys(),
                signing_certificates=session.list_signing_certificates(),
                mfa_devices=session.list_mfa_devices(),
            )

        self.found = self.sessions.read(TaskPolicy.DELETE, read)
        calls = plan_deletion(self.found, self.only)
        self.records = [CallRecord(CredentialRemoval(self.sessions, call)) for call in calls]
        return self.found

    def send(self) -> None:
        """Send every call. A failure doesn't stop the others, but MFA devices stay if a password or key is left."""
        for record in self.records:
            if record.call.kind is not CredentialKind.MFA_DEVICES:
                self._send(record)
        devices = [record for record in self.records if record.call.kind is CredentialKind.MFA_DEVICES]
        obstacle = self._find_guarded() if devices else None
        for record in devices:
            if obstacle is None:
                self._send(record)
            else:
                record.state, record.detail = CallState.KEPT, obstacle

    def reread(self) -> None:
        """Read the account in an audit session; repeat after a pause while AWS still shows a deleted credential."""
        self.sessions.before_call()
        self.audit_session = session = self.sessions.get(TaskPolicy.AUDIT)
        self._observe(session)
        deleted = [record for record in self.records if record.state is CallState.SENT or record.counts_as_gone]
        while self.left is not None and self._pause([record for record in deleted if self.left.shows(record.call)]):
            self._observe(session)

    def settle(self) -> None:
        """Record the outcome of every call that was sent, by the last re-read."""
        for record, evaluation in evaluate_sent_calls(self.records, self.left):
            self._record(record, evaluation)

    def _send(self, record: CallRecord) -> None:
        self.has_sent_changes = True
        try:
            record.sent = self.runner.send(record.change)
        except (AwsError, LockLostError) as error:
            record.state, record.detail = CallState.REFUSED, error.message
            record.reason = classify_obstacle(error, in_session=True)
            if isinstance(error, AwsCredentialsError | LockLostError):
                raise
        else:
            record.state = CallState.SENT

    def _record(self, record: CallRecord, evaluation: Evaluation) -> None:
        if record.sent is not None:
            self.runner.record(record.sent, evaluation)

    def _find_guarded(self) -> str | None:
        """Explain why the MFA devices must stay; ``None`` if a re-read shows no password and no key."""
        try:
            left = self._reread_guarded()
        except AwsError as error:
            return f"A password or key may be left; the account couldn't be re-read: {error.message}"
        return f"It still guards: {', '.join(sorted(left))}." if left else None

    def _reread_guarded(self) -> set[str]:
        while True:
            left = self.sessions.read(TaskPolicy.DELETE, _list_guarded)
            pending = [r for r in self.records if r.state is CallState.SENT and r.call.kind in GUARDED_KINDS]
            for record in pending:
                if record.call not in left:
                    evaluation = record.change.evaluate_gone(record.answer)
                    record.accept(evaluation)
                    self._record(record, evaluation)
            if not self._pause([record for record in pending if record.call in left]):
                return {call.target or "the password" for call in left}

    def _observe(self, session: RootSession) -> None:
        summary = session.read_summary()
        self.left_observed_at = self.runner.clock.now()
        self.left = RemainingCredentials(summary, None)  # kept in case the details are denied
        if not summary.is_empty:
            self.left = RemainingCredentials(summary, session.read_credentials())

    def _pause(self, shown: Sequence[CallRecord]) -> bool:
        """Wait before a further re-read while AWS still shows these; ``False``: it is no longer worth it."""
        pauses = self.pauses_seconds
        if not shown or len(self._pauses) == len(pauses):
            return False
        unclear = [record for record in shown if record.state is CallState.SENT and record.answer.is_unclear]
        deleted = [record for record in shown if record not in unclear]
        longest = sum(pauses) if deleted else UNCLEAR_REREAD_SECONDS
        pause = pauses[len(self._pauses)]
        if sum(self._pauses) + pause > longest:
            return False
        account = f"Account {self.sessions.account_id}"
        if unclear and not self._pauses:
            record = unclear[0]
            self.remark(
                f"{account}: {record.call.operation} got no clear answer ({record.answer.text}). Reading the account"
                f" again for up to {min(longest, sum(pauses)):g} s."
            )
        elif deleted and len(self._pauses) == 1:
            self.remark(
                f"{account}: AWS still shows what {deleted[0].call.operation} deleted. Reading the account again for"
                f" up to {longest:g} s."
            )
        self._pauses.append(pause)
        self.runner.clock.sleep(pause)
        return True


def _list_guarded(session: RootSession) -> set[PlannedCall]:
    left = {PlannedCall(CredentialKind.ACCESS_KEYS, key.access_key_id) for key in session.list_access_keys()}
    if session.find_login_profile() is not None:
        left.add(PlannedCall(CredentialKind.PASSWORD, None))
    return left


@dataclass(frozen=True, slots=True)
class RemovalResult:
    """The result of a removal."""

    account_id: AccountId
    kinds: tuple[KindResult, ...]
    """All four, in the order of deletion."""
    found: RootCredentials | None = None
    """Before anything was deleted; ``None`` if it couldn't be read."""
    left: RootCredentialsSummary | None = None
    """As re-read at the end in an audit session; ``None`` if that failed."""
    left_credentials: RootCredentials | None = None
    """In detail, if any are left."""
    left_observed_at: datetime | None = None
    session_access_key_id: str | None = None
    """Of the audit session that re-read, or of the delete session in which the first reading failed."""
    skip: Skip | None = None
    """The result of ``check``; nothing was deleted then."""
    error: RootkeeperError | None = None
    """Why the account couldn't be read, changed further or re-read."""
    was_stopped: bool = False
    """Whether the ledger failed, the lock was lost or the run was stopped: no further privileged call may be sent."""
    has_sent_changes: bool = False
    """Whether any changing call was sent."""

    @property
    def is_proven_empty(self) -> bool:
        """Whether an audit session showed none of the four kinds."""
        return self.left is not None and self.left.is_empty


@dataclass(frozen=True, slots=True)
class Removal:
    """Removes root user credentials from an account; keeps no state between accounts."""

    sessions: RootSessions
    ledger: Ledger
    clock: Clock
    reread_pauses_seconds: tuple[float, ...] = (1.0, 2.0)
    """Waits before each further re-read while a deleted credential is still shown, for all re-reads of an account
    together: IAM is eventually consistent.
    """

    def remove(
        self,
        account_id: AccountId,
        lock: AccountLock,
        *,
        only: frozenset[CredentialKind] = ALL_KINDS,
        check: Callable[[RootCredentials], Skip | None] | None = None,
        context: Mapping[str, JsonValue] | None = None,
        is_stopped: Callable[[], bool] = lambda: False,
        remark: Callable[[str], None] = lambda _: None,
    ) -> RemovalResult:
        """Remove the credentials of the kinds in ``only``. Errors of AWS, the ledger or the lock are in the result.

        MFA devices are removed only after a re-read shows no password and no key, independent of ``only``.

        :param check: checks the found credentials and their last use before anything is deleted, for example against a
            plan. Without it the last use isn't read.
        :param context: added to the parameters of every intent, such as ``{"plan_id": …}`` or ``{"window_id": …}``.
        :param is_stopped: called before each privileged call; true ends the removal.
        :param remark: receives why the account is read again.
        """

        def require_not_stopped() -> None:
            if is_stopped():
                raise RunStoppedError("The run stopped before its end; no further call was sent.")

        sessions = AccountSessions(
            self.sessions, self.ledger, self.clock, account_id, lock, context or {}, require_not_stopped
        )
        run = RemovalRun(
            runner=ChangeRunner.in_account(sessions),
            sessions=sessions,
            pauses_seconds=self.reread_pauses_seconds,
            only=only,
            reads_last_use=check is not None,
            remark=remark,
        )
        skip: Skip | None = None
        error: RootkeeperError | None = None
        try:
            found = run.find()
            skip = None if check is None else check(found)
            if skip is None:
                error = _delete(run)
        except (AwsError, LedgerUnavailableError, LockLostError, RunStoppedError) as caught:
            error = caught
        evaluate_sent_calls(run.records, run.left)
        kinds = evaluate_kinds(
            run.records,
            only=only,
            left=run.left,
            obstacle=None if error is None else classify_obstacle(error, in_session=run.was_session_opened),
            obstacle_detail=None if error is None else error.message,
            found=run.found,
        )
        return RemovalResult(
            account_id=account_id,
            kinds=kinds if skip is None else skip_kinds(skip),
            found=run.found,
            left=None if run.left is None else run.left.combined,
            left_credentials=None if run.left is None else run.left.credentials,
            left_observed_at=run.left_observed_at,
            session_access_key_id=None if run.reading_session is None else run.reading_session.access_key_id,
            skip=skip,
            error=error,
            was_stopped=isinstance(error, LedgerUnavailableError | LockLostError | RunStoppedError),
            has_sent_changes=run.has_sent_changes,
        )


def _delete(run: RemovalRun) -> AwsError | None:
    """Send, re-read and settle. Returns AWS's first error; the calls that were sent are settled in any case."""
    first: AwsError | None = None
    for step in (run.send, run.reread):
        try:
            step()
        except AwsError as error:
            first = first or error
    run.settle()
    return first
