"""Removing the root user credentials of one account: what deletions and the closing of recovery windows share.

intent → delete session → identity → details → keys, certificates, password, MFA devices with one intent each → re-read
in an audit session → outcomes. An outcome is ``done`` only when a re-read shows it, or AWS says that there was nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from rootkeeper.domain.deletion import ALL_KINDS, KindResult, skip_kinds
from rootkeeper.domain.ledger import JsonValue
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.removals import classify_obstacle, evaluate_kinds, evaluate_sent_calls
from rootkeeper.domain.root_credentials import CredentialKind, RootCredentials, RootCredentialsSummary
from rootkeeper.domain.selection import Skip
from rootkeeper.errors import AwsError, LedgerUnavailableError, LockLostError, RootkeeperError, RunStoppedError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.locks import AccountLock
from rootkeeper.ports.root_sessions import RootSessions
from rootkeeper.workflows.removal_run import RemovalRun


@dataclass(frozen=True, slots=True)
class RemovalResult:
    """What came of one account."""

    account_id: AccountId
    kinds: tuple[KindResult, ...]
    """All four, in the order of deletion."""
    found: RootCredentials | None = None
    """Before anything was deleted; ``None`` if it couldn't be read."""
    left: RootCredentialsSummary | None = None
    """As re-read at the end in an audit session; ``None`` if it couldn't be."""
    left_credentials: RootCredentials | None = None
    """In detail, where something is left."""
    left_observed_at: datetime | None = None
    session_access_key_id: str | None = None
    """Of the audit session that re-read, or of the delete session where already its first reading failed."""
    skip: Skip | None = None
    """What ``check`` said; nothing was deleted then."""
    error: RootkeeperError | None = None
    """What kept it from starting, from being re-read, or from going on."""
    was_stopped: bool = False
    """Whether the ledger failed, the lock was lost or the run was stopped: no further privileged call may leave."""
    has_sent_changes: bool = False
    """Whether any changing call was sent."""

    @property
    def is_proven_empty(self) -> bool:
        """Whether an audit session read all four kinds empty."""
        return self.left is not None and self.left.is_empty


@dataclass(frozen=True, slots=True)
class Removal:
    """Removes root user credentials from one account at a time; keeps no state between accounts."""

    sessions: RootSessions
    ledger: Ledger
    clock: Clock
    reread_pauses_seconds: tuple[float, ...] = (1.0, 2.0)
    """IAM is eventually consistent: how long to wait before each further re-read while something is still shown."""

    def remove(
        self,
        account_id: AccountId,
        lock: AccountLock,
        *,
        only: frozenset[CredentialKind] = ALL_KINDS,
        check: Callable[[RootCredentials], Skip | None] | None = None,
        context: Mapping[str, JsonValue] | None = None,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> RemovalResult:
        """Remove what is there of the kinds in ``only``; never raises for what AWS, the ledger or the lock refuse.

        MFA devices go only after a re-read shows no password and no key, whatever ``only`` says.

        :param check: judges what was found, with its last use, before anything is deleted, such as against a plan.
            Without one nothing of last use is read.
        :param context: goes into the parameters of every intent, such as ``{"plan_id": …}`` or ``{"window_id": …}``.
        :param is_stopped: asked before each privileged call; true ends the removal.
        """
        run = RemovalRun(
            sessions=self.sessions,
            ledger=self.ledger,
            clock=self.clock,
            account_id=account_id,
            lock=lock,
            only=only,
            context=context or {},
            is_stopped=is_stopped,
            pauses=self.reread_pauses_seconds,
            reads_last_use=check is not None,
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
        return _describe(run, skip, error)


def _delete(run: RemovalRun) -> AwsError | None:
    """Send, re-read and settle; what AWS refuses between two calls is returned, and what was sent is still settled."""
    first: AwsError | None = None
    for step in (run.send, run.reread):
        try:
            step()
        except AwsError as error:
            first = first or error
    run.settle()
    return first


def _describe(run: RemovalRun, skip: Skip | None, error: RootkeeperError | None) -> RemovalResult:
    return RemovalResult(
        account_id=run.account_id,
        kinds=_evaluate(run, error) if skip is None else skip_kinds(skip),
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


def _evaluate(run: RemovalRun, error: RootkeeperError | None) -> tuple[KindResult, ...]:
    evaluate_sent_calls(run.records, run.left)
    return evaluate_kinds(
        run.records,
        only=run.only,
        left=run.left,
        obstacle=None if error is None else classify_obstacle(error, in_session=run.was_session_opened),
        obstacle_detail=None if error is None else error.message,
        found=run.found,
    )
