"""The runbook as data: this organization's ids, no secret, valid policies, everything that a root session needs."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from rootkeeper.failsafe.runbook import CommandLineKind, RunbookFacts, write_runbook
from rootkeeper.organization.accounts import Account, AccountId, AccountState
from rootkeeper.policy_language.documents import PolicyKind, PolicyLabel, parse_policy

FAILSAFE = Account(
    AccountId("222233334444"), "Security", "aws+security@example.com", AccountState.ACTIVE, ("r-exam",), "Root"
)
FACTS = RunbookFacts("o-exampleorgid", AccountId("111122223333"), FAILSAFE, "aws", "eu-central-1")
DOCUMENT = re.compile(r"--(assume-role-policy-document|policy-document) '(\{.*?\})'(?: |$)")


def lines(facts: RunbookFacts = FACTS) -> list[str]:
    return [line for step in write_runbook(facts) for line in step.commands]


def test_the_ids_of_the_organization_are_filled_in() -> None:
    reported = "\n".join((*lines(), *(step.text for step in write_runbook(FACTS))))
    for wanted in ("222233334444", "111122223333", "o-exampleorgid", "aws+security@example.com", "eu-central-1"):
        assert wanted in reported
    assert not re.search(r"AKIA|ASIA|[{}]facts", reported)


def test_aws_is_asked_at_its_regional_endpoints_and_the_sandbox_at_its_own() -> None:
    assert any("AWS_STS_REGIONAL_ENDPOINTS=regional" in line for line in lines())
    assert not any("AWS_ENDPOINT_URL" in line for line in lines())
    url = "http://127.0.0.1:4599"
    assert sum(f"AWS_ENDPOINT_URL={url}" in line for line in lines(replace(FACTS, endpoint_url=url))) == 2


def test_the_policies_can_be_understood_and_ask_for_mfa() -> None:
    found = [(name, text) for line in lines() for name, text in DOCUMENT.findall(line)]
    assert len(found) == 3
    for name, text in found:
        if name == "policy-document":
            parse_policy(text, PolicyLabel("x", "x"), PolicyKind.IDENTITY)
        else:
            condition = json.loads(text)["Statement"][0]["Condition"]
            assert condition["Bool"] == {"aws:MultiFactorAuthPresent": "true"}
            assert condition["ArnEquals"] == {"aws:PrincipalArn": "arn:aws:iam::222233334444:user/break-glass"}


def test_root_sessions_are_opened_by_the_user_and_never_by_the_root_user() -> None:
    steps = write_runbook(FACTS)
    root_session_callers = {step.terminal for step in steps if any("sts assume-ro" in line for line in step.commands)}
    assert root_session_callers == {CommandLineKind.OWN}
    named = {step.terminal for step in steps if any("open_root " in line for line in step.commands)}
    assert named == {CommandLineKind.OWN}


def test_p25_mfa_devices_go_last_and_only_where_there_is_no_password_and_no_key() -> None:
    reported = lines()
    password = next(index for index, line in enumerate(reported) if "delete-login-profile" in line)
    device = next(index for index, line in enumerate(reported) if "deactivate-mfa-device" in line)
    checks = [line for line in reported[password + 1 : device] if line.endswith("&&")]
    assert any("get-login-profile" in line and "NoSuchEntity" in line for line in checks)
    assert any("length(AccessKeyMetadata)" in line and "= 0" in line for line in checks)


def test_what_is_made_is_taken_away_again() -> None:
    reported = "\n".join(lines())
    pairs = {
        "iam create-user": "iam delete-user",
        "iam create-role": "iam delete-role",
        "iam put-role-policy": "iam delete-role-policy",
        "iam put-user-policy": "iam delete-user-policy",
        "iam create-access-key": "iam delete-access-key",
        "iam enable-mfa-device": "iam deactivate-mfa-device",
        "iam create-virtual-mfa-device": "iam delete-virtual-mfa-device",
        "iam create-login-profile": "iam delete-login-profile",
    }
    for made, taken in pairs.items():
        assert reported.index(f"aws {made} ") < reported.index(f"aws {taken} ")


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov"])
def test_arns_are_of_the_partition(partition: str) -> None:
    reported = "\n".join(lines(replace(FACTS, partition=partition)))
    assert set(re.findall(r"arn:(aws[a-z-]*):iam", reported)) == {partition}
