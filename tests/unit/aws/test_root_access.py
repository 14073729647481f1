"""A root session is opened on an intent, proven, and its outcome recorded."""

from __future__ import annotations

import pytest

from rootkeeper.aws.root_sessions import RootSession
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.changes.sessions import open_root_session
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsError,
    AwsUnreachableError,
    IdentityMismatchError,
    LedgerUnavailableError,
    LockLostError,
)
from rootkeeper.ledger.owners import AccountLock
from rootkeeper.ledger.rules import Action, Phase, Result
from rootkeeper.organization.accounts import AccountId
from tests.fakes.clock import FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.operators import Operator
from tests.fakes.organization import FakeOrganization

ACCOUNT = AccountId("222233334444")


@pytest.fixture
def operator() -> Operator:
    organization = FakeOrganization(FakeClock())
    organization.add_account(ACCOUNT)
    return Operator(organization, FakeDatabase(organization.clock))


def open_session(operator: Operator, lock: AccountLock | None = None) -> RootSession:
    return open_root_session(
        operator.organization,
        operator.ledger,
        ACCOUNT,
        TaskPolicy.AUDIT,
        lock=lock,
        context={"window_id": "w-1"},
    )


def test_the_intent_names_policy_and_context_and_the_outcome_the_sessions_key(operator: Operator) -> None:
    session = open_session(operator)

    intent, outcome = operator.database.entries
    assert intent.phase is Phase.INTENT
    assert intent.parameters == {"task_policy": "IAMAuditRootUserCredentials", "window_id": "w-1"}
    assert outcome.result is Result.DONE
    assert outcome.parameters["access_key_id"] == session.access_key_id


def test_the_session_is_proven_before_it_is_handed_out(operator: Operator) -> None:
    open_session(operator)

    assert operator.organization.operations(ACCOUNT) == ["AssumeRoot", "GetCallerIdentity"]


@pytest.mark.parametrize(
    ("operation", "error", "result"),
    [
        ("AssumeRoot", AwsAccessDeniedError("No.", aws_code="AccessDenied"), Result.FAILED),
        ("AssumeRoot", AwsUnreachableError("Silence."), Result.UNKNOWN),
        ("GetCallerIdentity", AwsUnreachableError("Silence."), Result.UNKNOWN),
        ("GetCallerIdentity", IdentityMismatchError("Another principal."), Result.FAILED),
    ],
)
def test_a_failure_is_recorded_and_raised(operator: Operator, operation: str, error: AwsError, result: Result) -> None:
    operator.organization.fail(operation, error, account_id=ACCOUNT)

    with pytest.raises(type(error)):
        open_session(operator)

    assert operator.database.outcomes_of(Action.ROOT_SESSION_OPEN) == [result]
    assert operator.database.open_intents == []


def test_without_a_ledger_no_session_is_opened(operator: Operator) -> None:
    operator.database.is_ledger_writable = False

    with pytest.raises(LedgerUnavailableError):
        open_session(operator)
    assert operator.organization.calls == []


def test_with_a_lost_lock_no_session_is_opened(operator: Operator) -> None:
    with pytest.raises(LockLostError):
        open_session(operator, AccountLock(ACCOUNT, "another-owner", 7))
    assert operator.organization.calls == []
    assert operator.database.entries == []
