"""Removes the root user credentials of an account, for deletions and for the closing of recovery windows.

intent → delete session → identity → details → keys, certificates, password, MFA devices with one intent each → re-read
in an audit session → outcomes. An outcome is ``done`` only when a re-read shows it, also if AWS answers that there was
nothing to remove.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from rootkeeper.aws.root_sessions import RootSession, RootSessions, describe_error, open_root_session
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.clock import Clock
from rootkeeper.errors import (
    AwsCredentialsError,
    AwsError,
    AwsNotFoundError,
    AwsUnclearError,
    AwsUnreachableError,
    LedgerUnavailableError,
    LockLostError,
    RootkeeperError,
    RunStoppedError,
)
from rootkeeper.ledger.owners import AccountLock
from rootkeeper.ledger.rules import Result
from rootkeeper.ledger.store import Ledger
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.selection import Skip
from rootkeeper.organization.statuses import CredentialKind, RootCredentials, RootCredentialsSummary
from rootkeeper.removal.rules import (
    ACTIONS,
    ALL_KINDS,
    GUARDED_KINDS,
    TARGET_PARAMETERS,
    CallRecord,
    CallState,
    KindResult,
    PlannedCall,
    RemainingCredentials,
    classify_obstacle,
    evaluate_kinds,
    evaluate_sent_calls,
    plan_deletion,
    skip_kinds,
)
from rootkeeper.values import JsonValue

T = TypeVar("T")

RENEWAL_MARGIN = timedelta(seconds=60)
"""A session that ends sooner than this is renewed before the next call."""

UNCLEAR_REREAD_SECONDS = 3.0
"""How long to repeat a re-read after a call without a clear answer: most likely it didn't act, and waiting longer would
only repeat that. A call that AWS answered with success gets all the pauses.
"""


@dataclass(slots=True)
class RemovalRun:
    """The state of a removal. The public methods are called in their order here."""

    tools: Removal
    account_id: AccountId
    lock: AccountLock
    only: frozenset[CredentialKind]
    context: Mapping[str, JsonValue]
    is_stopped: Callable[[], bool]
    reads_last_use: bool
    """Whether to read when the password and the keys were last used; this takes a call for each."""
    found: RootCredentials | None = None
    records: list[CallRecord] = field(default_factory=list)
    left: RemainingCredentials | None = None
    left_observed_at: datetime | None = None
    audit_session: RootSession | None = None
    was_session_opened: bool = False
    remark: Callable[[str], None] = lambda _: None
    """Receives why the account is read again."""
    _session: RootSession | None = None
    _pauses: list[float] = field(default_factory=list)
    """The pauses that were made, of all re-reads together."""

    @property
    def reading_session(self) -> RootSession | None:
        """The session that re-read the account, or the session in which the first reading failed."""
        return self._session if self.audit_session is None and self.found is None else self.audit_session

    def find(self) -> RootCredentials:
        """Read the credentials in detail and plan the calls. Nothing is deleted."""
        self.found = self._read(self._read_all)
        self.records = [CallRecord(call) for call in plan_deletion(self.found, self.only)]
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
        self._require_not_stopped()
        self.audit_session = session = self._open_session(TaskPolicy.AUDIT)
        self._observe(session)
        deleted = [r for r in self.records if r.state is CallState.SENT or r.counts_as_gone]
        while self.left is not None and self._pause([r for r in deleted if self.left.shows(r.call)]):
            self._observe(session)

    def _pause(self, shown: Sequence[CallRecord]) -> bool:
        """Wait before a further re-read while AWS still shows these; ``False``: it is no longer worth it."""
        pauses = self.tools.reread_pauses_seconds
        if not shown or len(self._pauses) == len(pauses):
            return False
        unclear = [record for record in shown if record.is_unclear]
        deleted = [record for record in shown if record not in unclear]
        longest = sum(pauses) if deleted else UNCLEAR_REREAD_SECONDS
        pause = pauses[len(self._pauses)]
        if sum(self._pauses) + pause > longest:
            return False
        if unclear and not self._pauses:
            record = unclear[0]
            self.remark(
                f"Account {self.account_id}: {record.call.operation} got no clear answer ({record.answer})."
                f" Reading the account again for up to {min(longest, sum(pauses)):g} s."
            )
        elif deleted and len(self._pauses) == 1:
            self.remark(
                f"Account {self.account_id}: AWS still shows what {deleted[0].call.operation} deleted. Reading the"
                f" account again for up to {longest:g} s."
            )
        self._pauses.append(pause)
        self.tools.clock.sleep(pause)
        return True

    def settle(self) -> None:
        """Record the outcome of every call that was sent, by the last re-read."""
        for record, result in evaluate_sent_calls(self.records, self.left):
            self._record(record, result, _describe_reread(record))

    def _read_all(self, session: RootSession) -> RootCredentials:
        if self.reads_last_use:
            return session.read_credentials()
        return RootCredentials(
            account_id=self.account_id,
            observed_at=self.tools.clock.now(),
            login_profile=session.find_login_profile(),
            access_keys=session.list_access_keys(),
            signing_certificates=session.list_signing_certificates(),
            mfa_devices=session.list_mfa_devices(),
        )

    def _read(self, read: Callable[[RootSession], T]) -> T:
        session = self._open_delete_session()
        try:
            return read(session)
        except AwsCredentialsError:
            self._session = None
        return read(self._open_delete_session())

    def _open_delete_session(self) -> RootSession:
        if self._session is None or self._session.expires_at - self.tools.clock.now() < RENEWAL_MARGIN:
            self._require_not_stopped()
            self._session = None
            self._session = self._open_session(TaskPolicy.DELETE)
            self.was_session_opened = True
        return self._session

    def _open_session(self, task_policy: TaskPolicy) -> RootSession:
        tools = self.tools
        return open_root_session(
            tools.sessions, tools.ledger, self.account_id, task_policy, lock=self.lock, context=self.context
        )

    def _require_not_stopped(self) -> None:
        if self.is_stopped():
            raise RunStoppedError("The run stopped before its end; no further call was sent.")

    def _send(self, record: CallRecord) -> None:
        try:
            self._send_once(record)
        except AwsCredentialsError:
            self._session = None  # it expired early; the denied call changed nothing
            self._send_once(record)

    def _send_once(self, record: CallRecord) -> None:
        session, call = self._open_delete_session(), record.call
        self._require_not_stopped()
        record.intent = self.tools.ledger.append_intent(
            ACTIONS[call.kind],
            account_id=self.account_id,
            parameters={
                **self.context,
                **({} if call.target is None else {TARGET_PARAMETERS[call.kind]: call.target}),
                "session_access_key_id": session.access_key_id,
            },
            lock=self.lock,
        )
        record.state = CallState.SENT
        try:
            if call.target is None:
                session.delete_login_profile(record.intent)
            elif call.kind is CredentialKind.ACCESS_KEYS:
                session.delete_access_key(call.target, record.intent)
            elif call.kind is CredentialKind.SIGNING_CERTIFICATES:
                session.delete_signing_certificate(call.target, record.intent)
            else:
                session.deactivate_mfa_device(call.target, record.intent)
        except AwsNotFoundError as error:
            record.not_found, record.answer = error, error.aws_code or error.code
        except (AwsUnclearError, AwsUnreachableError) as error:
            record.answer = error.aws_code or error.code
        except (AwsError, LockLostError) as error:
            record.state, record.detail = CallState.REFUSED, error.message
            record.reason = classify_obstacle(error, in_session=True)
            self._record(record, Result.FAILED, describe_error(error))
            if isinstance(error, AwsCredentialsError | LockLostError):
                raise

    def _record(self, record: CallRecord, result: Result, details: Mapping[str, JsonValue]) -> None:
        if record.intent is not None:
            self.tools.ledger.append_outcome(record.intent, result, details)

    def _find_guarded(self) -> str | None:
        """Explain why the MFA devices must stay; ``None`` if a re-read shows no password and no key."""
        try:
            left = self._reread_guarded()
        except AwsError as error:
            return f"A password or key may be left; the account couldn't be re-read: {error.message}"
        return f"It still guards: {', '.join(sorted(left))}." if left else None

    def _reread_guarded(self) -> set[str]:
        while True:
            left = self._read(_list_guarded)
            pending = [r for r in self.records if r.state is CallState.SENT and r.call.kind in GUARDED_KINDS]
            for record in pending:
                if record.call not in left:
                    record.mark_gone()
                    self._record(record, Result.DONE, _describe_reread(record))
            if not self._pause([record for record in pending if record.call in left]):
                return {call.target or "the password" for call in left}

    def _observe(self, session: RootSession) -> None:
        summary = session.read_summary()
        self.left_observed_at = self.tools.clock.now()
        self.left = RemainingCredentials(summary, None)  # kept in case the details are denied
        if not summary.is_empty:
            self.left = RemainingCredentials(summary, session.read_credentials())


def _describe_reread(record: CallRecord) -> dict[str, JsonValue]:
    """Describe AWS's answer and the re-read for the ledger. A target that was absent already has no ``reread``: this
    call didn't delete it.
    """
    if record.state is CallState.ABSENT and record.not_found is not None:
        return describe_error(record.not_found)
    return {"answer": record.answer, "reread": record.state.value}


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
        run = RemovalRun(
            tools=self,
            account_id=account_id,
            lock=lock,
            only=only,
            context=context or {},
            is_stopped=is_stopped,
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
            has_sent_changes=any(record.intent is not None for record in run.records),
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
