from __future__ import annotations

import queue
from functools import partial

import pytest

from rootkeeper.audit.reading import AccountStatusEvaluator, AuditTarget
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.aws.summaries import SummaryAnswer, SummaryRequest
from rootkeeper.errors import AwsAccessDeniedError, AwsUnreachableError, RootkeeperError
from rootkeeper.inventory.listing import Question, Step
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import Caller
from rootkeeper.organization.statuses import AccountRole, AccountStatus, RootCredentialsSummary, Status, StatusReason
from tests.fakes.desk import PROD, Desk
from tests.fakes.intents import make_intent
from tests.fakes.organization import MANAGEMENT
from tests.fakes.root_sessions import FakeRootSession
from tests.fakes.root_users import root_user_with_everything

EVERYTHING = RootCredentialsSummary(True, True, True, True)
NOTHING = RootCredentialsSummary(False, False, False, False)


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.organization.add_account(PROD, "prod", root_user=root_user_with_everything())
    return desk


def answer_at_once(steps: queue.SimpleQueue[Step], question: Question) -> None:
    steps.put(question())


def judge(
    desk: Desk,
    summary: RootCredentialsSummary | None = None,
    error: BaseException | None = None,
    *,
    has_session: bool = True,
    details: bool = False,
) -> list[AccountStatus]:
    """The statuses that one answer about PROD leads to."""
    steps: queue.SimpleQueue[Step] = queue.SimpleQueue()
    kept: list[AccountStatus] = []
    intent = make_intent(desk.clock, Action.ROOT_SESSION_OPEN, PROD)
    session: FakeRootSession | None = None
    if has_session:
        session = desk.organization.open(PROD, TaskPolicy.AUDIT, intent)
    target = AuditTarget(desk.organization.accounts[PROD], AccountRole.MEMBER, has_open_window=False)
    organization = desk.organization
    ask = partial(answer_at_once, steps)
    judging = AccountStatusEvaluator(organization, organization.caller, desk.clock, ask, details)
    answer = SummaryAnswer(SummaryRequest(PROD, intent, session), session, summary, error)
    judging.evaluate(target, answer, kept.append)
    while not steps.empty():
        steps.get()()
    return kept


def test_a_summary_is_a_status(desk: Desk) -> None:
    assert [status.status for status in judge(desk, EVERYTHING)] == [Status.PRESENT]
    assert [status.status for status in judge(desk, NOTHING)] == [Status.NOT_PRESENT]


@pytest.mark.parametrize(
    ("error", "has_session", "reason"),
    [
        (AwsAccessDeniedError("no"), False, StatusReason.ACCESS_DENIED),
        (AwsAccessDeniedError("no"), True, StatusReason.BLOCKED_BY_POLICY),
        (AwsUnreachableError("cut off"), True, StatusReason.ERROR),
    ],
)
def test_p06_an_error_is_unknown(desk: Desk, error: RootkeeperError, has_session: bool, reason: StatusReason) -> None:
    (status,) = judge(desk, error=error, has_session=has_session)
    assert (status.status, status.reason) == (Status.UNKNOWN, reason)


def test_details_are_read_by_a_later_step_and_only_where_something_is(desk: Desk) -> None:
    (status,) = judge(desk, EVERYTHING, details=True)
    assert status.credentials is not None
    (status,) = judge(desk, NOTHING, details=True)
    assert status.credentials is None
    desk.organization.fail("ListMFADevices")
    (status,) = judge(desk, EVERYTHING, details=True)
    assert (status.status, status.reason) == (Status.UNKNOWN, StatusReason.BLOCKED_BY_POLICY)


def test_a_bug_is_not_taken_for_a_status(desk: Desk) -> None:
    with pytest.raises(ZeroDivisionError):
        judge(desk, error=ZeroDivisionError())


def test_a_caller_in_the_account_itself_needs_no_root_session_there(desk: Desk) -> None:
    desk.organization.caller = Caller(PROD, f"arn:aws:iam::{PROD}:user/operator", "aws")
    (status,) = judge(desk, error=AwsAccessDeniedError("no"), has_session=False)
    assert (status.status, status.session_access_key_id) == (Status.PRESENT, None)
    desk.organization.fail("GetAccountSummary")
    (status,) = judge(desk, error=AwsAccessDeniedError("no"), has_session=False)
    assert status.status is Status.UNKNOWN


def test_the_management_account_is_read_only_from_within(desk: Desk) -> None:
    organization = desk.organization

    def judge_from(caller: Caller) -> AccountStatus:
        steps: queue.SimpleQueue[Step] = queue.SimpleQueue()
        kept: list[AccountStatus] = []
        judging = AccountStatusEvaluator(
            organization, caller, desk.clock, partial(answer_at_once, steps), details=False
        )
        judging.evaluate_management(organization.accounts[MANAGEMENT], kept.append)
        while not steps.empty():
            steps.get()()
        (status,) = kept
        return status

    assert judge_from(organization.caller).summary is not None
    organization.fail("GetAccountSummary")
    assert "The account couldn't be read" in (judge_from(organization.caller).detail or "")
    assert "needs the management account itself" in (judge_from(Caller(PROD, "arn", "aws")).detail or "")
