"""The accounts from which root sessions can be opened: read where the caller may, reported where it may not."""

from __future__ import annotations

import pytest

from rootkeeper.aws.identities import Holder, HolderKind, PermissionSet
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.errors import AwsAccessDeniedError, AwsCredentialsError, AwsError, AwsNotFoundError, AwsRejectedError
from rootkeeper.failsafe.breakglass_service import CallerAccount, list_caller_accounts
from rootkeeper.failsafe.rules import CheckVerdict
from rootkeeper.organization.accounts import Account, AccountId
from rootkeeper.policy_language.documents import PolicyKind
from rootkeeper.policy_language.evaluation import AccessVerdict, build_tree
from tests.fakes.breakglass_desk import FAILSAFE, BreakGlassDesk, find_check
from tests.fakes.identities import allow, make_access, make_role, make_user, policy, trust
from tests.fakes.organization import MANAGEMENT, ORGANIZATION_ROOT

PASS, UNKNOWN = CheckVerdict.PASS, CheckVerdict.UNKNOWN
DENY = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sts:AssumeRoot", "Resource": "*"}]}


@pytest.fixture
def desk() -> BreakGlassDesk:
    return BreakGlassDesk()


def find(desk: BreakGlassDesk, account_id: AccountId) -> Account:
    return next(one for one in desk.desk.read_inventory().accounts if one.account_id == account_id)


def read(desk: BreakGlassDesk, account_id: AccountId = MANAGEMENT) -> CallerAccount:
    policies = build_tree(desk.policies.list_policies())
    return desk.reading.caller_accounts.read(find(desk, account_id), desk.desk.read_inventory(), policies)


def test_the_caller_accounts_are_the_management_account_and_the_failsafes(desk: BreakGlassDesk) -> None:
    found = [one.account_id for one in list_caller_accounts(desk.desk.read_inventory())]
    assert found == [MANAGEMENT, FAILSAFE]


def test_iam_is_asked_in_the_callers_own_account_alone(desk: BreakGlassDesk) -> None:
    caller_account = read(desk, FAILSAFE)
    assert ("read_identities", FAILSAFE) not in desk.identities.calls
    check = find_check(caller_account.checks, "iam_identities")
    assert (check.verdict, check.evidence) == (
        UNKNOWN,
        f"needs an identity of account {FAILSAFE} with iam:GetAccountAuthorizationDetails",
    )
    assert not caller_account.is_read


def test_a_caller_who_may_not_read_its_own_account_is_shown_what_that_needs(desk: BreakGlassDesk) -> None:
    desk.identities.errors["read_identities"] = AwsAccessDeniedError("It was denied.")
    caller_account = read(desk)
    check = find_check(caller_account.checks, "iam_identities")
    assert check.verdict is UNKNOWN
    assert check.evidence == (
        f"needs an identity of account {MANAGEMENT} with iam:GetAccountAuthorizationDetails: It was denied."
    )
    assert not caller_account.is_read


def test_credentials_are_asked_for_only_of_those_who_might(desk: BreakGlassDesk) -> None:
    desk.identities.put(MANAGEMENT, (make_user(MANAGEMENT, "ana", allow("*")), make_user(MANAGEMENT, "li")))
    desk.identities.access["ana"] = make_access(key=True)
    (way,) = read(desk).access_paths
    assert (way.name, way.verdict) == ("IAM user ana", PASS)
    assert [name for method, name in desk.identities.calls if method == "read_user_access"] == ["ana"]


def test_credentials_that_cannot_be_read_leave_the_way_unknown(desk: BreakGlassDesk) -> None:
    desk.identities.put(MANAGEMENT, (make_user(MANAGEMENT, "ana", allow("*")),))
    desk.identities.errors["read_user_access"] = AwsAccessDeniedError("no")
    assert [way.verdict for way in read(desk).access_paths] == [UNKNOWN]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (AwsAccessDeniedError("no"), "needs an identity of the management account"),
        (AwsRejectedError("Identity Center is down.", aws_code="ServiceUnavailableException"), "is down"),
        (AwsNotFoundError("There is no instance in eu-west-1."), "no instance"),
    ],
)
def test_permission_sets_that_cannot_be_read_are_unknown_with_the_reason(
    desk: BreakGlassDesk, error: AwsError, said: str
) -> None:
    desk.identities.errors["list_permission_sets"] = error
    check = find_check(read(desk).checks, "permission_sets")
    assert check.verdict is UNKNOWN
    assert said in check.evidence


@pytest.mark.parametrize("method", ["read_identities", "list_permission_sets"])
def test_the_end_of_the_callers_own_credentials_ends_the_reading(desk: BreakGlassDesk, method: str) -> None:
    desk.identities.errors[method] = AwsCredentialsError("They have expired.")
    with pytest.raises(AwsCredentialsError):
        read(desk)


def test_a_list_of_which_something_is_open_is_unknown(desk: BreakGlassDesk) -> None:
    assert find_check(read(desk).checks, "iam_identities").verdict is PASS
    desk.identities.put(MANAGEMENT, (make_user(MANAGEMENT, "ana", None),))
    check = find_check(read(desk).checks, "iam_identities")
    assert check.verdict is UNKNOWN
    assert "ana" in check.evidence


def test_a_group_whose_members_were_not_read_leaves_the_list_open(desk: BreakGlassDesk) -> None:
    holders = (Holder(HolderKind.GROUP, "group 1", members=None),)
    desk.identities.permission_sets[MANAGEMENT] = (
        PermissionSet(MANAGEMENT, "arn", "Admin", (policy(allow("*")),), None, holders),
    )
    assert find_check(read(desk).checks, "permission_sets").verdict is UNKNOWN


def test_scps_over_a_failsafe_block_its_callers_and_never_those_of_the_management_account(desk: BreakGlassDesk) -> None:
    desk.policies.attach("p-cap", DENY, ORGANIZATION_ROOT)
    found = {}
    for account_id in (MANAGEMENT, FAILSAFE):
        desk.call_as(account_id)
        desk.identities.put(account_id, roles=(make_role(account_id, "opener", trust("*"), allow("*")),))
        found[account_id] = [one.name for one in read(desk, account_id).root_session_callers]
    assert found == {MANAGEMENT: ["opener"], FAILSAFE: []}


def test_scps_that_were_not_read_leave_everything_open(desk: BreakGlassDesk) -> None:
    desk.call_as(FAILSAFE)
    desk.policies.problems = {PolicyKind.SERVICE_CONTROL: ("needs organizations:ListPolicies",)}
    desk.identities.put(FAILSAFE, (make_user(FAILSAFE, "ana", allow("*")),))
    (root_session_caller,) = read(desk, FAILSAFE).root_session_callers
    assert root_session_caller.tasks[TaskPolicy.AUDIT].verdict is AccessVerdict.UNKNOWN


def test_an_scp_that_cannot_be_understood_leaves_everything_open(desk: BreakGlassDesk) -> None:
    desk.call_as(FAILSAFE)
    desk.policies.attach("p-broken", "{", FAILSAFE)
    desk.identities.put(FAILSAFE, (make_user(FAILSAFE, "ana", allow("*")),))
    (root_session_caller,) = read(desk, FAILSAFE).root_session_callers
    assert root_session_caller.tasks[TaskPolicy.AUDIT].verdict is AccessVerdict.UNKNOWN
