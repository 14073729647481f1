"""Small organizations under policies, and what a preflight says of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from rootkeeper.guardrails.rules import PreflightEvaluator, PreflightRow
from rootkeeper.guardrails.tasks import Task
from rootkeeper.organization.accounts import Account, AccountId, AccountState, Organization
from rootkeeper.policy_language.documents import PolicyKind, PolicyLabel
from rootkeeper.policy_language.evaluation import OrganizationPolicy, PolicyListing, build_tree

SCP, RCP = PolicyKind.SERVICE_CONTROL, PolicyKind.RESOURCE_CONTROL
ORGANIZATION = Organization("o-exampleorgid", AccountId("111122223333"), has_all_features=True, partition="aws")
ALLOW: dict[str, Any] = {"Effect": "Allow", "Action": "*", "Resource": "*"}
DENY_ROOT: dict[str, Any] = {
    "Sid": "DenyRoot",
    "Effect": "Deny",
    "Action": "*",
    "Resource": "*",
    "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}},
}
EXEMPTED = DENY_ROOT | {"Condition": DENY_ROOT["Condition"] | {"Null": {"aws:AssumedRoot": "true"}}}


def make_account(
    account_id: str, *ou_ids: str, state: AccountState = AccountState.ACTIVE, root: str = "r-exam"
) -> Account:
    return Account(
        AccountId(account_id), f"a-{account_id}", "a@example.com", state, (root, *ou_ids), "/".join(("Root", *ou_ids))
    )


def make_policy(
    policy_id: str, targets: Iterable[str], *statements: Mapping[str, Any], kind: PolicyKind = SCP
) -> OrganizationPolicy:
    content = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    label = PolicyLabel(policy_id, policy_id.removeprefix("p-"))
    return OrganizationPolicy(label, kind, content, frozenset(targets), is_aws_managed=policy_id.startswith("p-Full"))


def full_access(targets: Iterable[str]) -> OrganizationPolicy:
    return make_policy("p-FullAWSAccess", targets, ALLOW)


def make_judge(
    accounts: Iterable[Account],
    *policies: OrganizationPolicy,
    delegates: tuple[Account, ...] | None = (),
    without_full_access: Iterable[str] = (),
    problems: Mapping[PolicyKind, tuple[str, ...]] | None = None,
) -> PreflightEvaluator:
    targets = {
        target for account in (*accounts, *(delegates or ())) for target in (*account.ou_ids, account.account_id)
    }
    resources = make_policy("p-RCPFullAWSAccess", (), ALLOW | {"Principal": "*"}, kind=RCP)
    own = (full_access(targets - set(without_full_access)), replace(resources, is_everywhere=True))
    listing = PolicyListing((*own, *policies), frozenset({SCP, RCP}), problems or {})
    return PreflightEvaluator(ORGANIZATION, build_tree(listing), delegates)


def rows_of(judge: PreflightEvaluator, account: Account) -> dict[Task, PreflightRow]:
    return {row.task: row for row in judge.evaluate(account)}
