"""Root sessions of an account, opened with an intent, reused and renewed; and the changes that are made in them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from rootkeeper.aws.root_sessions import RootSession, RootSessions
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.changes.rules import Change, Shown, describe_error
from rootkeeper.clock import Clock
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsCredentialsError,
    AwsError,
    AwsUnclearError,
    AwsUnreachableError,
    LockLostError,
)
from rootkeeper.ledger.owners import AccountLock
from rootkeeper.ledger.rules import Action, Result
from rootkeeper.ledger.store import Ledger
from rootkeeper.organization.accounts import AccountId
from rootkeeper.values import JsonValue

T = TypeVar("T")

RENEWAL_MARGIN = timedelta(seconds=60)
"""A session that ends sooner than this is renewed before the next call."""


def open_root_session(
    sessions: RootSessions,
    ledger: Ledger,
    account_id: AccountId,
    task_policy: TaskPolicy,
    *,
    lock: AccountLock | None = None,
    context: Mapping[str, JsonValue] | None = None,
) -> RootSession:
    """Open a session and prove that it is the target's root user. Two calls: sts:AssumeRoot, sts:GetCallerIdentity.

    :raises AwsError: if AWS refuses, or the session is of another principal; the outcome is recorded.
    :raises LedgerUnavailableError: if the intent can't be recorded; no call was made.
    :raises LockLostError: if the lock is lost; no call was made.
    """
    parameters = {"task_policy": task_policy.value, **(context or {})}
    intent = ledger.append_intent(Action.ROOT_SESSION_OPEN, account_id=account_id, parameters=parameters, lock=lock)
    session: RootSession | None = None
    try:
        session = sessions.open(account_id, task_policy, intent)
        session.require_identity()
    except LockLostError as error:
        ledger.append_outcome(intent, Result.FAILED, describe_error(error))
        raise
    except AwsError as error:
        is_unclear = isinstance(error, AwsUnclearError | AwsUnreachableError)
        ledger.append_outcome(
            intent, Result.UNKNOWN if is_unclear else Result.FAILED, {**_describe(session), **describe_error(error)}
        )
        raise
    ledger.append_outcome(intent, Result.DONE, _describe(session))
    return session


def _describe(session: RootSession | None) -> dict[str, JsonValue]:
    if session is None:
        return {}
    return {
        "access_key_id": session.access_key_id,
        "expires_at": session.expires_at.isoformat(),
        "request_id": session.request_id,
    }


@dataclass(slots=True)
class AccountSessions:
    """The root sessions of an account, one of each task policy; safe in many threads."""

    sessions: RootSessions
    ledger: Ledger
    clock: Clock
    account_id: AccountId
    lock: AccountLock | None = None
    """For a change: each session's intent checks it."""
    context: Mapping[str, JsonValue] = field(default_factory=dict)
    """Added to the parameters of each session's intent, and of removals: ``{"plan_id": …}``, ``{"window_id": …}``."""
    before_call: Callable[[], None] = lambda: None
    """Raises if no session may be opened and no change sent any more."""
    _open: dict[TaskPolicy, RootSession] = field(default_factory=dict)
    _denials: dict[TaskPolicy, AwsAccessDeniedError] = field(default_factory=dict)
    _opening: threading.Lock = field(default_factory=threading.Lock)

    def get(self, task_policy: TaskPolicy) -> RootSession:
        """Return a session that doesn't end soon. A denial is remembered: AWS isn't asked again.

        :raises AwsError: if AWS refuses it; the outcome is recorded.
        :raises LedgerUnavailableError: if the intent can't be recorded; no call was made.
        :raises LockLostError: if the lock is lost; no call was made.
        """
        with self._opening:
            if task_policy in self._denials:
                raise self._denials[task_policy]
            session = self._open.get(task_policy)
            if session is None or session.expires_at - self.clock.now() < RENEWAL_MARGIN:
                self._open.pop(task_policy, None)
                self.before_call()
                try:
                    session = open_root_session(
                        self.sessions, self.ledger, self.account_id, task_policy, lock=self.lock, context=self.context
                    )
                except AwsAccessDeniedError as error:
                    self._denials[task_policy] = error
                    raise
                self._open[task_policy] = session
            return session

    def find_open(self, task_policy: TaskPolicy) -> RootSession | None:
        """Return the session if it was opened, although it may have ended."""
        return self._open.get(task_policy)

    def drop(self, task_policy: TaskPolicy, ended: RootSession | None = None) -> None:
        """Forget a session or a denial, so that AWS is asked again.

        :param ended: the session that ended early; a newer session, which another thread opened, is kept.
        """
        with self._opening:
            self._denials.pop(task_policy, None)
            if ended is None or self._open.get(task_policy) is ended:
                self._open.pop(task_policy, None)

    def read(self, task_policy: TaskPolicy, question: Callable[[RootSession], T]) -> T:
        """Ask in a session; once more in a new session if that one ended early.

        :raises AwsError: as ``get`` and the question do.
        """
        session = self.get(task_policy)
        try:
            return question(session)
        except AwsCredentialsError:
            self.drop(task_policy, session)
        return question(self.get(task_policy))


class RootChange(Change[Shown]):
    """A change in a root session; its intent names the session."""

    __slots__ = ()

    if TYPE_CHECKING:  # see ObservedChange

        @property
        def sessions(self) -> AccountSessions:
            """The account's sessions."""

        @property
        def task_policy(self) -> TaskPolicy:
            """The task policy of the session that sends the call."""

    @property
    def account_id(self) -> AccountId:
        return self.sessions.account_id

    def enter(self) -> str:
        session = self.sessions.get(self.task_policy)
        self.sessions.before_call()
        return session.access_key_id

    def drop_session(self) -> bool:
        self.sessions.drop(self.task_policy)
        return True

    @property
    def session(self) -> RootSession:
        """The session that ``enter`` has opened.

        :raises ValueError: before ``enter``, which is a bug.
        """
        session = self.sessions.find_open(self.task_policy)
        if session is None:
            raise ValueError(f"{self.action} before its root session was opened")
        return session
