from __future__ import annotations

import pytest

from rootkeeper.guardrails.rules import BlockingPolicy
from rootkeeper.guardrails.tasks import ROOT_SESSION_TASKS, Task
from rootkeeper.organization.accounts import AccountState
from rootkeeper.policy_language.documents import PolicyKind, PolicyLabel
from rootkeeper.policy_language.evaluation import AccessVerdict, OrganizationPolicy
from tests.unit.guardrails.preflight_scenes import (
    ALLOW,
    DENY_ROOT,
    EXEMPTED,
    RCP,
    SCP,
    make_account,
    make_judge,
    make_policy,
    rows_of,
)

PROD, TEST = make_account("444455556666", "ou-1"), make_account("555566667777", "ou-2")
SECURITY, TOOLS = make_account("222233334444", "ou-9"), make_account("333344445555", "ou-9")


def test_a_member_has_a_row_for_each_task_and_others_have_none() -> None:
    judge = make_judge([PROD], delegates=(SECURITY,))
    assert list(rows_of(judge, PROD)) == list(Task)
    assert judge.evaluate(make_account("111122223333")) == ()
    assert judge.evaluate(make_account("666677778888", state=AccountState.SUSPENDED)) == ()


def test_without_a_delegate_no_one_calls_assume_root() -> None:
    assert Task.ASSUME_ROOT not in rows_of(make_judge([PROD]), PROD)


def test_delegates_that_couldnt_be_read_are_unknown() -> None:
    row = rows_of(make_judge([PROD], delegates=None), PROD)[Task.ASSUME_ROOT]
    assert row.verdict is AccessVerdict.UNKNOWN
    assert "needs organizations:ListDelegatedAdministrators" in row.explanation


def test_every_place_of_a_policy_on_the_way_is_named() -> None:
    judge = make_judge([PROD], make_policy("p-deny", ["r-exam", "ou-1", "ou-2"], DENY_ROOT))
    row = rows_of(judge, PROD)[Task.DELETE]
    assert row.verdict is AccessVerdict.BLOCKED
    assert row.policies == (
        BlockingPolicy("p-deny", "deny", "DenyRoot", "r-exam"),
        BlockingPolicy("p-deny", "deny", "DenyRoot", "ou-1"),
    )


def test_accounts_of_one_group_name_their_own_places() -> None:
    third = make_account("777788889999", "ou-3")
    narrow = ALLOW | {"Action": "s3:*"}
    judge = make_judge(
        [PROD, TEST, third],
        make_policy("p-narrow", ["ou-1", "ou-2"], narrow),
        make_policy("p-deny", ["ou-1", "ou-2"], DENY_ROOT),
        without_full_access=["ou-1", "ou-2"],
    )
    for account, place in ((PROD, "ou-1"), (TEST, "ou-2")):
        row = rows_of(judge, account)[Task.AUDIT]
        assert {(policy.policy_id, policy.sid, policy.attached_to) for policy in row.policies} == {
            ("p-deny", "DenyRoot", place),
            ("p-deny", None, place),
            ("p-narrow", None, place),
        }
    assert judge.evaluations == 1
    assert rows_of(judge, third)[Task.AUDIT].verdict is AccessVerdict.ALLOWED
    assert judge.evaluations == 2


def test_a_place_without_any_policy_is_named_alone() -> None:
    judge = make_judge([PROD], without_full_access=["ou-1"])
    row = rows_of(judge, PROD)[Task.AUDIT]
    assert (row.verdict, row.policies) == (AccessVerdict.BLOCKED, (BlockingPolicy(None, None, None, "ou-1"),))
    assert row.fix == "# Attach p-FullAWSAccess to ou-1."


def test_ten_thousand_accounts_in_two_thousand_units_are_few_groups() -> None:
    accounts = [
        make_account(f"{100_000_000_000 + number}", f"ou-{number % 40}", f"ou-{number % 2000}-below")
        for number in range(10_000)
    ]
    regulated = [f"ou-{number}" for number in range(0, 40, 4)]
    delegate = make_account("222233334444", "ou-security")
    judge = make_judge(
        accounts,
        make_policy("p-exempted", ["r-exam"], EXEMPTED),
        make_policy("p-deny", regulated, DENY_ROOT),
        make_policy(
            "p-one", ["r-exam"], DENY_ROOT | {"Condition": {"StringEquals": {"aws:PrincipalAccount": "100000000007"}}}
        ),
        delegates=(delegate,),
    )
    rows = [row for account in accounts for row in judge.evaluate(account)]
    assert len(rows) == 70_000
    blocked = {
        row.account.account_id for row in rows if row.task is Task.AUDIT and row.verdict is AccessVerdict.BLOCKED
    }
    assert len(blocked) == 10_000 // 4 + 1
    assert judge.evaluations == 5  # two sets of policies, the one account that is named, and two kinds of target


def test_a_policy_for_some_places_of_the_tree_is_evaluated_for_each_place() -> None:
    by_path = DENY_ROOT | {
        "Condition": {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-exampleorgid/r-exam/ou-1/*"}}
    }
    judge = make_judge([PROD, TEST], make_policy("p-path", ["r-exam"], by_path))
    assert rows_of(judge, PROD)[Task.AUDIT].verdict is AccessVerdict.BLOCKED
    assert rows_of(judge, TEST)[Task.AUDIT].verdict is AccessVerdict.ALLOWED


def unread(problem: str | None = None) -> OrganizationPolicy:
    return OrganizationPolicy(PolicyLabel("p-bad", "bad"), SCP, "{", frozenset({"ou-1"}), problem=problem)


@pytest.mark.parametrize("problem", [None, "needs organizations:DescribePolicy"])
def test_p06_a_policy_that_isnt_understood_makes_its_accounts_unknown(problem: str | None) -> None:
    judge = make_judge([PROD, TEST], unread(problem))
    for row in judge.evaluate(PROD):
        assert row.verdict is AccessVerdict.UNKNOWN
        assert row.policies == (BlockingPolicy("p-bad", "bad", None, "ou-1"),)
        assert (problem or "The policy p-bad (bad) can't be parsed") in row.explanation
        assert row.fix is None
    assert {row.verdict for row in judge.evaluate(TEST)} == {AccessVerdict.ALLOWED}


def test_a_deny_that_was_read_decides_beside_a_policy_that_wasnt() -> None:
    row = rows_of(make_judge([PROD], unread(), make_policy("p-deny", ["r-exam"], DENY_ROOT)), PROD)[Task.AUDIT]
    assert row.verdict is AccessVerdict.BLOCKED
    assert [policy.policy_id for policy in row.policies] == ["p-deny"]


def test_p06_a_missing_allow_decides_nothing_while_a_policy_is_unread() -> None:
    judge = make_judge([PROD], unread(), without_full_access=["ou-1"])
    assert {row.verdict for row in judge.evaluate(PROD)} == {AccessVerdict.UNKNOWN}


def test_p06_lists_that_couldnt_be_read_make_everything_unknown() -> None:
    judge = make_judge([PROD], problems={SCP: ("needs organizations:ListPolicies",)}, delegates=(SECURITY,))
    for row in judge.evaluate(PROD):
        assert row.verdict is AccessVerdict.UNKNOWN
        assert "needs organizations:ListPolicies" in row.conditions


@pytest.mark.parametrize("kind", [SCP, RCP])
def test_p18_a_deny_that_was_read_decides_beside_lists_that_werent(kind: PolicyKind) -> None:
    policy = make_policy("p-deny", ["r-exam"], DENY_ROOT)
    judge = make_judge([PROD], policy, problems={kind: ("needs organizations:ListTargetsForPolicy",)})
    for row in judge.evaluate(PROD):
        assert (row.verdict, row.conditions) == (AccessVerdict.BLOCKED, ())
        assert [policy.policy_id for policy in row.policies] == ["p-deny"]


def test_p06_unread_resource_control_policies_leave_iam_alone() -> None:
    rows = rows_of(make_judge([PROD], problems={RCP: ("needs organizations:ListPolicies",)}), PROD)
    assert rows[Task.AUDIT].verdict is AccessVerdict.ALLOWED
    assert rows[Task.UNLOCK_BUCKET].verdict is AccessVerdict.UNKNOWN
    assert rows[Task.ROOT_USER_SIGN_IN].verdict is AccessVerdict.UNKNOWN


def test_scps_over_the_delegate_decide_about_assume_root_and_those_over_the_target_dont() -> None:
    no_calls = DENY_ROOT | {"Action": "sts:AssumeRoot", "Condition": {}}
    over_delegate = make_judge([PROD], make_policy("p-no", ["ou-9"], no_calls), delegates=(SECURITY,))
    row = rows_of(over_delegate, PROD)[Task.ASSUME_ROOT]
    assert row.verdict is AccessVerdict.BLOCKED
    assert row.policies == (BlockingPolicy("p-no", "no", "DenyRoot", "ou-9"),)
    over_target = make_judge([PROD], make_policy("p-no", ["ou-1"], no_calls), delegates=(SECURITY,))
    assert rows_of(over_target, PROD)[Task.ASSUME_ROOT].verdict is AccessVerdict.ALLOWED


def test_a_deny_of_root_over_the_delegate_doesnt_concern_its_callers() -> None:
    judge = make_judge([PROD], make_policy("p-deny", ["r-exam"], DENY_ROOT), delegates=(SECURITY,))
    assert rows_of(judge, PROD)[Task.ASSUME_ROOT].verdict is AccessVerdict.ALLOWED


def test_two_delegates_that_differ_make_it_depend_on_who_calls() -> None:
    no_calls = DENY_ROOT | {"Action": "sts:*", "Condition": {}}
    judge = make_judge([PROD], make_policy("p-no", ["222233334444"], no_calls), delegates=(SECURITY, TOOLS))
    row = rows_of(judge, PROD)[Task.ASSUME_ROOT]
    assert (row.verdict, row.conditions) == (AccessVerdict.DEPENDS, ("which delegated administrator account calls",))
    assert [policy.policy_id for policy in row.policies] == ["p-no"]


def test_what_a_resource_control_policy_does_to_assume_root_isnt_known() -> None:
    rcp = {"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Resource": "*"}
    judge = make_judge([PROD], make_policy("p-rcp", ["ou-1"], rcp, kind=RCP), delegates=(SECURITY,))
    row = rows_of(judge, PROD)[Task.ASSUME_ROOT]
    assert row.verdict is AccessVerdict.DEPENDS
    assert "whether resource control policies reach sts:AssumeRoot" in row.explanation
    assert [policy.policy_id for policy in row.policies] == ["p-rcp"]
    assert row.fix is None


def test_the_way_back_of_a_fix_undoes_it() -> None:
    judge = make_judge([PROD], make_policy("p-exempted", ["r-exam"], EXEMPTED))
    row = rows_of(judge, PROD)[Task.ROOT_USER_SIGN_IN]
    back = judge.find_inverse_fix(PROD, Task.ROOT_USER_SIGN_IN)
    assert row.fix is not None
    assert back is not None
    added = [line[1:] for line in row.fix.splitlines()[2:] if line.startswith("+")]
    removed = [line[1:] for line in back.splitlines()[2:] if line.startswith("-")]
    assert added == removed != []
    assert '"444455556666"' in row.fix


def test_tasks_are_judged_apart() -> None:
    keep = DENY_ROOT | {"Action": "iam:DeleteAccessKey"}
    rows = rows_of(make_judge([PROD], make_policy("p-keep", ["r-exam"], keep)), PROD)
    assert [task for task in ROOT_SESSION_TASKS if rows[task].verdict is AccessVerdict.BLOCKED] == [Task.DELETE]
