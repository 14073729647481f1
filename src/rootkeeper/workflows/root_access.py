"""Opening a root session as the ledger demands it: intent, call, identity, outcome."""

from __future__ import annotations

from collections.abc import Mapping

from rootkeeper.domain.ledger import Action, JsonValue, Result
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.errors import AwsError, AwsUnclearError, AwsUnreachableError, LockLostError
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.locks import AccountLock
from rootkeeper.ports.root_sessions import RootSession, RootSessions


def open_root_session(
    sessions: RootSessions,
    ledger: Ledger,
    account_id: AccountId,
    task_policy: TaskPolicy,
    *,
    lock: AccountLock | None = None,
    context: Mapping[str, JsonValue] | None = None,
) -> RootSession:
    """An open session that is proven to be the target's root user. Two calls: sts:AssumeRoot, sts:GetCallerIdentity.

    :raises AwsError: if AWS refuses, or the session is somebody else's; the outcome is recorded.
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
            intent, Result.UNKNOWN if is_unclear else Result.FAILED, {**describe_error(error), **_describe(session)}
        )
        raise
    ledger.append_outcome(intent, Result.DONE, _describe(session))
    return session


def describe_error(error: AwsError | LockLostError) -> dict[str, JsonValue]:
    """What the ledger keeps of an error."""
    details: dict[str, JsonValue] = {"error": error.code, "message": error.message}
    if isinstance(error, AwsError) and error.aws_code:
        details |= {"aws_code": error.aws_code, "request_id": error.request_id}
    return details


def _describe(session: RootSession | None) -> dict[str, JsonValue]:
    if session is None:
        return {}
    return {"access_key_id": session.access_key_id, "expires_at": session.expires_at.isoformat()}
