from __future__ import annotations

import pytest

from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.policies.documents import PolicyKind
from rootkeeper.domain.statuses import AccountStatus, Reason, Role, Status
from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.errors import AwsCredentialsError, AwsError, AwsThrottledError, AwsUnreachableError
from rootkeeper.workflows.blocking import BlockNaming
from tests.fakes.desk import CLEAN, PROD, Desk
from tests.fakes.policies import DENY_ROOT


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.organization.add_account(PROD, "prod", ou_id=desk.organization.add_unit("ou-exam-work", "Workloads"))
    desk.organization.add_account(CLEAN, "clean")
    return desk


def naming(desk: Desk) -> BlockNaming:
    return BlockNaming(desk.policies, desk.read_inventory())


def unknown(desk: Desk, account_id: AccountId, reason: Reason = Reason.BLOCKED_BY_POLICY) -> AccountStatus:
    account = desk.organization.accounts[account_id]
    return AccountStatus(account, Role.MEMBER, Status.UNKNOWN, reason, "AWS said no.")


def test_p18_a_blocked_account_says_by_which_policy_and_statement(desk: Desk) -> None:
    desk.policies.attach("p-deny", DENY_ROOT, "ou-exam-work")
    (status,) = naming(desk).name_in_statuses([unknown(desk, PROD)])
    assert status.detail == (
        "AWS said no. Blocked by p-deny (Deny), DenyRoot, at ou-exam-work."
        f" See how to mend it: rootkeeper preflight {PROD}"
    )
    assert (status.status, status.reason) == (Status.UNKNOWN, Reason.BLOCKED_BY_POLICY)


def test_p18_a_missing_permission_is_told_apart_and_costs_nothing(desk: Desk) -> None:
    statuses = (unknown(desk, PROD, Reason.ACCESS_DENIED), unknown(desk, CLEAN, Reason.THROTTLED))
    assert naming(desk).name_in_statuses(statuses) == statuses
    assert desk.policies.calls == []


def test_policies_are_read_once_for_all_blocked_accounts(desk: Desk) -> None:
    desk.policies.attach("p-deny", DENY_ROOT, "r-exam")
    statuses = [unknown(desk, PROD), unknown(desk, CLEAN)]
    named = naming(desk).name_in_statuses(statuses)
    assert [status.account.account_id for status in named] == [PROD, CLEAN]
    assert all("p-deny" in (status.detail or "") for status in named)
    assert desk.policies.calls == ["list_policies"]


def test_a_denial_that_no_policy_explains_says_so(desk: Desk) -> None:
    (status,) = naming(desk).name_in_statuses([unknown(desk, PROD)])
    assert "VPC endpoint policy" in (status.detail or "")


def test_policies_that_may_not_be_read_leave_it_unknown(desk: Desk) -> None:
    desk.policies.problems[PolicyKind.SERVICE_CONTROL] = ("needs organizations:ListPolicies",)
    (status,) = naming(desk).name_in_statuses([unknown(desk, PROD)])
    assert "Unknown: needs organizations:ListPolicies." in (status.detail or "")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AwsThrottledError("slow down"), "couldn't be read: AWS limited the rate."),
        (AwsUnreachableError("No answer."), "couldn't be read: No answer."),
    ],
)
def test_an_error_on_the_way_spoils_nothing(error: AwsError, words: str, desk: Desk) -> None:
    desk.policies.error = error
    (status,) = naming(desk).name_in_statuses([unknown(desk, PROD)])
    assert words in (status.detail or "")


def test_ended_credentials_are_told(desk: Desk) -> None:
    desk.policies.error = AwsCredentialsError("ended")
    with pytest.raises(AwsCredentialsError):
        naming(desk).name_in_statuses([unknown(desk, PROD)])


def test_another_task_is_named_by_itself(desk: Desk) -> None:
    keep = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "iam:DeleteAccessKey", "Resource": "*"}}
    desk.policies.attach("p-keep", keep, PROD)
    account = desk.organization.accounts[PROD]
    assert "p-keep" in naming(desk).name([account], TaskPolicy.DELETE)[PROD]
    assert "p-keep" not in naming(desk).name([account], TaskPolicy.AUDIT)[PROD]
