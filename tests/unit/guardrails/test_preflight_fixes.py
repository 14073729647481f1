"""A fix, applied to the policy, lets the task pass; and it changes nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from rootkeeper.guardrails.tasks import Task
from rootkeeper.policy_language.evaluation import AccessVerdict
from tests.guardrails.diffs import apply_diff
from tests.unit.guardrails.preflight_scenes import (
    ALLOW,
    DENY_ROOT,
    EXEMPTED,
    RCP,
    make_account,
    make_judge,
    make_policy,
    rows_of,
)

PROD, SECURITY = make_account("444455556666", "ou-1"), make_account("222233334444", "ou-9")
NARROW = ALLOW | {"Action": ["s3:*", "ec2:*"]}
NO_CALLS = {"Effect": "Deny", "Action": "sts:*", "Resource": "*"}
AIMED = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:AssumedRoot": "true"}}}
SEALED = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}


@pytest.mark.parametrize(
    ("task", "statements", "target", "without"),
    [
        (Task.AUDIT, [DENY_ROOT], "ou-1", ()),
        (Task.DELETE, [ALLOW, DENY_ROOT, DENY_ROOT | {"Sid": "Again", "Condition": {}}], "r-exam", ()),
        (Task.AUDIT, [NARROW], "ou-1", ("ou-1",)),
        (Task.AUDIT, [NARROW, DENY_ROOT], "ou-1", ("ou-1",)),
        (Task.AUDIT, [AIMED], "ou-1", ("ou-1",)),
        (Task.ROOT_USER_SIGN_IN, [EXEMPTED], "r-exam", ()),
        (Task.ROOT_USER_SIGN_IN, [NARROW], "r-exam", ("r-exam",)),
        (Task.ASSUME_ROOT, [NO_CALLS], "ou-9", ()),
        (Task.ASSUME_ROOT, [NARROW], "ou-9", ("ou-9",)),
    ],
)
def test_a_fix_removes_what_it_is_for(
    task: Task, statements: list[Mapping[str, Any]], target: str, without: tuple[str, ...]
) -> None:
    policy = make_policy("p-guard", [target], *statements)
    row = rows_of(make_judge([PROD], policy, delegates=(SECURITY,), without_full_access=without), PROD)[task]
    assert row.verdict is AccessVerdict.BLOCKED
    assert row.fix is not None
    fixed = make_policy("p-guard", [target], *apply_diff(row.fix, policy.content or "")["Statement"])
    judge = make_judge([PROD], fixed, delegates=(SECURITY,), without_full_access=without)
    assert rows_of(judge, PROD)[task].verdict is AccessVerdict.ALLOWED


def test_a_resource_control_policy_is_fixed_by_the_same_condition() -> None:
    judge = make_judge([PROD], make_policy("p-rcp", ["ou-1"], SEALED, kind=RCP))
    fix = rows_of(judge, PROD)[Task.UNLOCK_BUCKET].fix or ""
    assert '+        "Null": {\n+          "aws:AssumedRoot": "true"' in fix


def test_control_tower_is_recognized_by_its_statement_and_not_by_its_name() -> None:
    statement = DENY_ROOT | {"Sid": "GRRESTRICTROOTUSER"}
    rows = rows_of(make_judge([PROD], make_policy("p-any", ["r-exam"], statement)), PROD)
    assert "ExemptAssumeRoot = true" in (rows[Task.AUDIT].fix or "")
    assert "ExemptAssumeRoot" not in (rows[Task.ROOT_USER_SIGN_IN].fix or "")


def test_the_landing_zone_accelerator_is_recognized_by_the_roles_that_it_leaves_out() -> None:
    roles = {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/AWSAccelerator*"}}
    rows = rows_of(make_judge([PROD], make_policy("p-any", ["r-exam"], DENY_ROOT | {"Condition": roles})), PROD)
    fix = rows[Task.AUDIT].fix or ""
    assert fix.startswith("# The Landing Zone Accelerator manages this policy: change the service-control-policies")
    assert '"aws:AssumedRoot": "true"' in fix


def test_a_fix_that_would_be_too_long_says_so() -> None:
    policy = make_policy("p-long", ["r-exam"], DENY_ROOT | {"Resource": ["*", "arn:aws:s3:::x"]})
    compact = json.dumps(json.loads(policy.content or ""), separators=(",", ":"))
    long = replace(policy, content=compact.replace("s3:::x", f"s3:::{'x' * (10_231 - len(compact))}"))
    fix = rows_of(make_judge([PROD], long), PROD)[Task.AUDIT].fix or ""
    assert fix.startswith("# The policy would have 10,264 characters; AWS allows 10,240")


def test_a_policy_that_denies_root_sessions_alone_is_to_be_detached() -> None:
    judge = make_judge([PROD], make_policy("p-aimed", ["r-exam"], AIMED))
    assert rows_of(judge, PROD)[Task.AUDIT].fix == "# Detach p-aimed (aimed): it denies nothing else."


def test_every_account_gets_the_fix_with_its_own_id() -> None:
    other = make_account("555566667777", "ou-1")
    judge = make_judge([PROD, other], make_policy("p-exempted", ["r-exam"], EXEMPTED))
    for account in (PROD, other):
        fix = rows_of(judge, account)[Task.ROOT_USER_SIGN_IN].fix or ""
        assert f'"aws:PrincipalAccount": "{account.account_id}"' in fix
    assert judge.evaluations == 1


@pytest.mark.parametrize("places", [("ou-1", "ou-2"), ("444455556666", "555566667777")])
def test_every_account_gets_the_fix_at_its_own_place(places: tuple[str, str]) -> None:
    other = make_account("555566667777", "ou-2")
    judge = make_judge([PROD, other], without_full_access=places)
    for account, place in zip((PROD, other), places, strict=True):
        assert rows_of(judge, account)[Task.AUDIT].fix == f"# Attach p-FullAWSAccess to {place}."
    assert judge.evaluations == 1


def test_each_place_without_any_allow_is_reported() -> None:
    judge = make_judge([PROD], without_full_access=("r-exam", "ou-1"))
    fix = rows_of(judge, PROD)[Task.AUDIT].fix
    assert fix == "# Attach p-FullAWSAccess to r-exam.\n# Attach p-FullAWSAccess to ou-1."


def test_what_another_account_lacks_at_the_same_place_is_written_apart() -> None:
    other = make_account("555566667777", "ou-1")
    mine = NARROW | {"Action": "iam:*", "Condition": {"StringEquals": {"aws:PrincipalAccount": PROD.account_id}}}
    judge = make_judge([PROD, other], make_policy("p-narrow", ["ou-1"], NARROW, mine), without_full_access=("ou-1",))
    fixes = [rows_of(judge, account)[Task.ROOT_USER_SIGN_IN].fix or "" for account in (PROD, other)]
    assert ['"iam:ListMFADevices"' in fix for fix in fixes] == [False, True]
    assert all('"sqs:ListQueues"' in fix for fix in fixes)
