from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from rootkeeper.guardrails.fixes import (
    ROOT_SESSIONS,
    Allowance,
    Exemption,
    allow,
    count_characters,
    exempt,
    exempt_account,
    render_diff,
)
from rootkeeper.policy_language.documents import Effect, Policy, PolicyKind, PolicyLabel, parse_policy

LABEL = PolicyLabel("p-examplescp", "Guardrail")
DENY: dict[str, Any] = {"Effect": "Deny", "Action": "*", "Resource": "*"}


def policy(*statements: Mapping[str, object]) -> Policy:
    document: object = {"Version": "2012-10-17", "Statement": list(statements)}
    return parse_policy(json.dumps(document), LABEL, PolicyKind.SERVICE_CONTROL)


def apply_exemption(found: Policy, exemption: Exemption) -> list[Any] | None:
    changed = exempt(found, found.of(Effect.DENY), exemption)
    return None if changed is None else list(changed["Statement"])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, {"Null": {"aws:AssumedRoot": "true"}}),
        (
            {"ArnLike": {"aws:PrincipalArn": "x"}},
            {"ArnLike": {"aws:PrincipalArn": "x"}, "Null": {"aws:AssumedRoot": "true"}},
        ),
        (
            {"null": {"aws:SourceVpc": "true"}},
            {"null": {"aws:SourceVpc": "true", "aws:AssumedRoot": "true"}},
        ),
        (
            {"BoolIfExists": {"aws:assumedroot": "true"}},
            {"BoolIfExists": {"aws:assumedroot": "true"}, "Null": {"aws:AssumedRoot": "true"}},
        ),
    ],
)
def test_one_condition_exempts_root_sessions(before: object, after: object) -> None:
    statement = DENY | ({} if before is None else {"Condition": before})
    assert apply_exemption(policy(statement), ROOT_SESSIONS) == [DENY | {"Condition": after}]


def test_a_statement_that_denies_root_sessions_alone_goes() -> None:
    aimed = DENY | {"Condition": {"Null": {"aws:AssumedRoot": "false"}}}
    other = DENY | {"Action": "cloudtrail:StopLogging"}
    found = policy(aimed, other)
    changed = exempt(found, found.statements[:1], ROOT_SESSIONS)
    assert changed is not None
    assert changed["Statement"] == [other]
    assert apply_exemption(policy(aimed), ROOT_SESSIONS) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, "111122223333"),
        ({"aws:principalaccount": "444455556666"}, ["444455556666", "111122223333"]),
        ({"aws:PrincipalAccount": ["444455556666"]}, ["444455556666", "111122223333"]),
    ],
)
def test_an_exempted_account_joins_those_that_are_exempted_already(before: dict[str, object], after: object) -> None:
    changed = apply_exemption(policy(DENY | {"Condition": {"StringNotEquals": before}}), exempt_account("111122223333"))
    assert changed is not None
    (statement,) = changed
    (found,) = statement["Condition"]["StringNotEquals"].values()
    assert found == after


def test_an_allowance_gets_a_sid_of_its_own() -> None:
    taken = {"Sid": "AllowRootSessions", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    changed = allow(policy(taken), Allowance("AllowRootSessions", ("iam:GetUser",), {}))
    assert changed["Statement"] == [
        taken,
        {"Sid": "AllowRootSessions2", "Effect": "Allow", "Action": ["iam:GetUser"], "Resource": "*"},
    ]


def test_a_diff_shows_the_added_lines_alone() -> None:
    found = policy(DENY)
    changed = exempt(found, found.statements, ROOT_SESSIONS)
    assert changed is not None
    lines = render_diff(LABEL, found.document, changed).splitlines()
    assert lines[:2] == ["--- a/p-examplescp (Guardrail)", "+++ b/p-examplescp (Guardrail)"]
    added = [line[1:].strip() for line in lines if line.startswith("+") and not line.startswith("+++")]
    assert added == ['"Resource": "*",', '"Condition": {', '"Null": {', '"aws:AssumedRoot": "true"', "}", "}"]


def test_the_policy_itself_is_never_altered() -> None:
    found = policy(DENY | {"Condition": {"Null": {"aws:SourceVpc": "true"}}})
    before = json.dumps(found.document)
    exempt(found, found.statements, ROOT_SESSIONS)
    assert json.dumps(found.document) == before
    assert count_characters(found.document) < len(before)
