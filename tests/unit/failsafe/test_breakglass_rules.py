"""Who could open root, and which way in is left: what passes, what fails, and what is only unknown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from rootkeeper.aws.identities import AccountIdentities, Holder, HolderKind, IamRole, PermissionSet, RootUse, UserAccess
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.failsafe.breakglass_rules import (
    MANAGEMENT_KINDS,
    AccessPath,
    CallerAccountPolicies,
    PermissionResult,
    RootSessionCallerKind,
    check_access_paths,
    check_management_root,
    check_management_use,
    evaluate_root_path,
    evaluate_user_path,
    list_root_session_callers,
)
from rootkeeper.failsafe.rules import Check, CheckVerdict, Drill, DrillOutcome, failed, passed, unknown
from rootkeeper.guardrails.tasks import AccountPlace
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import RootCredentialsSummary
from rootkeeper.policy_language.evaluation import AccessVerdict
from tests.fakes.clock import START
from tests.fakes.identities import allow, allow_tasks, make_access, make_role, make_user, policy, trust

ACCOUNT, OTHER = AccountId("222233334444"), AccountId("333344445555")
HERE = CallerAccountPolicies(AccountPlace(ACCOUNT, "o-exampleorgid", ("r-exam",), "aws"), ())
PASS, FAIL, UNKNOWN = CheckVerdict.PASS, CheckVerdict.FAIL, CheckVerdict.UNKNOWN
WORK = allow_tasks(TaskPolicy.AUDIT, TaskPolicy.CREATE_PASSWORD, TaskPolicy.DELETE)
MFA_ONLY: dict[str, Any] = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
SECURITY_KEY = ("arn:aws:iam::222233334444:u2f/user/break-glass/key-1",)
TO_THE_ROLE = allow("sts:AssumeRole")
OPENER = make_role(ACCOUNT, "opener", trust({"AWS": str(ACCOUNT)}, **MFA_ONLY), WORK)


@pytest.mark.parametrize(
    ("texts", "access", "roles", "verdict"),
    [
        ([WORK], make_access(key=True), [], PASS),
        ([WORK], make_access(password=True), [], PASS),
        ([allow("*")], make_access(key=True), [], PASS),
        ([WORK], make_access(key=True, mfa=()), [], FAIL),
        ([WORK], make_access(), [], FAIL),
        ([WORK], None, [], UNKNOWN),
        ([allow_tasks(TaskPolicy.AUDIT)], make_access(key=True), [], FAIL),
        ([allow_tasks(TaskPolicy.AUDIT, TaskPolicy.CREATE_PASSWORD)], make_access(key=True), [], FAIL),
        ([], make_access(key=True), [], FAIL),
        ([allow("sts:AssumeRoot", **MFA_ONLY)], make_access(password=True), [], PASS),
        ([allow("sts:AssumeRoot", **MFA_ONLY)], make_access(key=True), [], FAIL),
        ([allow("sts:AssumeRoot", Resource="arn:aws:iam::777788889999:root")], make_access(key=True), [], UNKNOWN),
        ([None], make_access(key=True), [], UNKNOWN),
        ([TO_THE_ROLE], make_access(key=True), [OPENER], PASS),
        ([TO_THE_ROLE], make_access(password=True), [OPENER], PASS),
        ([TO_THE_ROLE], make_access(key=True, mfa=SECURITY_KEY), [OPENER], FAIL),
        ([], make_access(key=True), [OPENER], FAIL),
        ([TO_THE_ROLE], make_access(key=True), [make_role(ACCOUNT, "x", trust("*"), allow("s3:*"))], FAIL),
        (
            [TO_THE_ROLE],
            make_access(key=True),
            [make_role(ACCOUNT, "x", trust("*"), allow("*"), path="/aws-reserved/sso.amazonaws.com/")],
            FAIL,
        ),
    ],
    ids=[
        "key",
        "password",
        "administrator",
        "no MFA",
        "neither password nor key",
        "credentials not read",
        "audit only",
        "no delete",
        "nothing",
        "MFA asked for, in the console",
        "MFA asked for, by key",
        "some accounts only",
        "policy not read",
        "through a role",
        "through a role from the console",
        "a security key gives no code",
        "may not assume the role",
        "a role that may nothing",
        "a role of Identity Center",
    ],
)
def test_a_way_in_is_a_user_with_mfa_who_may_do_all_three(
    texts: list[str | None], access: UserAccess | None, roles: list[IamRole], verdict: CheckVerdict
) -> None:
    assert evaluate_user_path(make_user(ACCOUNT, "break-glass", *texts), access, roles, HERE).verdict is verdict


GOOD_LOGIN = (passed("password", "used."), passed("mfa", "MFA guards it"))


@pytest.mark.parametrize(
    ("login", "work", "verdict"),
    [
        (GOOD_LOGIN, AccessVerdict.ALLOWED, PASS),
        (GOOD_LOGIN, AccessVerdict.BLOCKED, FAIL),
        (GOOD_LOGIN, AccessVerdict.DEPENDS, UNKNOWN),
        (GOOD_LOGIN, AccessVerdict.UNKNOWN, UNKNOWN),
        ((*GOOD_LOGIN, failed("recovery_window", "open")), AccessVerdict.ALLOWED, FAIL),
        ((failed("password", "none."), GOOD_LOGIN[1]), AccessVerdict.ALLOWED, FAIL),
        ((unknown("password", "not read"), GOOD_LOGIN[1]), AccessVerdict.ALLOWED, UNKNOWN),
        ((unknown("password", "not read"), failed("mfa", "none")), AccessVerdict.ALLOWED, FAIL),
    ],
)
def test_a_failsafes_root_user_is_a_way_in_if_it_can_sign_in_and_work(
    login: Sequence[Check], work: AccessVerdict, verdict: CheckVerdict
) -> None:
    assert evaluate_root_path(ACCOUNT, login, PermissionResult(work, ("x",))).verdict is verdict


def way(verdict: CheckVerdict) -> AccessPath:
    return AccessPath(ACCOUNT, "IAM user break-glass", verdict, "evidence")


def drill(
    days_ago: float = 5, outcome: DrillOutcome = DrillOutcome.PASSED, account_id: AccountId = ACCOUNT
) -> list[Drill]:
    return [Drill(account_id, START - timedelta(days=days_ago), "Ana", outcome, "operator", START)]


@pytest.mark.parametrize(
    ("access_paths", "unread", "drills", "verdict"),
    [
        ([PASS], [], drill(), PASS),
        ([FAIL, PASS], ["x weren't read"], drill(), PASS),
        ([PASS], [], [], FAIL),
        ([PASS], [], drill(91), FAIL),
        ([PASS], [], drill(outcome=DrillOutcome.FAILED), FAIL),
        ([PASS], [], drill(account_id=OTHER), FAIL),
        ([FAIL], [], drill(), FAIL),
        ([], [], drill(), FAIL),
        ([UNKNOWN], [], drill(), UNKNOWN),
        ([FAIL], ["x weren't read"], drill(), UNKNOWN),
        ([UNKNOWN], [], [], UNKNOWN),
    ],
)
def test_the_way_in_passes_only_with_a_good_way_and_a_drill_of_its_account(
    access_paths: list[CheckVerdict], unread: list[str], drills: list[Drill], verdict: CheckVerdict
) -> None:
    assert check_access_paths(map(way, access_paths), unread, drills, START).verdict is verdict


def test_a_drill_of_any_account_with_a_good_way_is_enough() -> None:
    access_paths = [way(PASS), AccessPath(OTHER, "root user", PASS, "evidence")]
    check = check_access_paths(access_paths, [], drill(outcome=DrillOutcome.FAILED) + drill(account_id=OTHER), START)
    assert check.verdict is PASS
    assert f"in {OTHER}" in check.evidence


def test_every_principal_whose_policies_allow_root_sessions_is_listed() -> None:
    users = (make_user(ACCOUNT, "ana", WORK), make_user(ACCOUNT, "li", allow("s3:*")), make_user(ACCOUNT, "x", None))
    roles = (
        OPENER,
        make_role(ACCOUNT, "linked", trust({"Service": "x"}), allow("*"), path="/aws-service-role/x/"),
        make_role(ACCOUNT, "AWSReservedSSO_A_1", trust("*"), allow("*"), path="/aws-reserved/sso.amazonaws.com/"),
    )
    holders = (
        Holder(HolderKind.GROUP, "Security", ("mary", "paulo")),
        Holder(HolderKind.USER, "shirley"),
        Holder(HolderKind.GROUP, "group 1", members=None),
    )
    permission_set = PermissionSet(ACCOUNT, "arn", "A", (policy(allow("sts:*")),), None, holders)
    found = list_root_session_callers(AccountIdentities(ACCOUNT, users, roles), (permission_set,), HERE)
    assert [(one.kind, one.name) for one in found] == [
        (RootSessionCallerKind.USER, "ana"),
        (RootSessionCallerKind.USER, "x"),
        (RootSessionCallerKind.ROLE, "opener"),
        (RootSessionCallerKind.PERMISSION_SET, "A"),
    ]
    assert found[0].tasks[TaskPolicy.UNLOCK_BUCKET].verdict is AccessVerdict.BLOCKED
    assert found[3].people == ("Security (mary, paulo)", "shirley", "group 1 (members not read)")
    assert [one.is_complete for one in found] == [True, True, True, False]


def test_identity_centers_roles_are_listed_where_its_permission_sets_could_not_be_read() -> None:
    role = make_role(ACCOUNT, "AWSReservedSSO_A_1", trust("*"), allow("*"), path="/aws-reserved/sso.amazonaws.com/")
    assert [one.name for one in list_root_session_callers(AccountIdentities(ACCOUNT, (), (role,)), (), HERE)] == [
        role.role_name
    ]


@pytest.mark.parametrize(
    ("summary", "verdicts"),
    [
        (RootCredentialsSummary(True, False, False, True), [PASS, PASS, PASS]),
        (RootCredentialsSummary(True, True, True, False), [FAIL, FAIL, FAIL]),
    ],
)
def test_the_management_accounts_root_needs_mfa_and_no_keys(
    summary: RootCredentialsSummary, verdicts: list[CheckVerdict]
) -> None:
    checks = check_management_root(ACCOUNT, summary)
    assert [check.verdict for check in checks] == verdicts
    assert tuple(check.name for check in checks) == MANAGEMENT_KINDS


def test_its_last_use_is_reported_with_the_age_of_the_report() -> None:
    used = RootUse(START, START - timedelta(days=214), None)
    assert "214 days ago" in check_management_use(ACCOUNT, used, START).evidence
    assert "no use" in check_management_use(ACCOUNT, RootUse(START, None, None), START).evidence
