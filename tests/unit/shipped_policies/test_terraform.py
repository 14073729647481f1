"""The Terraform code parses, holds what is shipped, and takes nothing over that is managed elsewhere."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import hcl2
import pytest

from rootkeeper.organization.accounts import Setup
from rootkeeper.shipped_policies.infrastructure_code import render_terraform
from tests.unit.shipped_policies.bundles import (
    COMPLETE,
    DELEGATE,
    MANAGEMENT,
    NOTHING_ON,
    ONE_FEATURE,
    SERVER,
    SESSIONS,
    UNKNOWN,
    UNREADABLE,
    make,
)

CASES = {
    "complete": (COMPLETE, None),
    "nothing is on": (NOTHING_ON, None),
    "one feature": (ONE_FEATURE, None),
    "a server": (COMPLETE, SERVER),
    "unknown": (UNKNOWN, UNREADABLE),
}


@cache
def parse(text: str) -> dict[str, Any]:
    """Parse it once: that takes a second. No test changes what is parsed."""
    parsed: dict[str, Any] = hcl2.loads(text)
    return parsed


def resources_of(kind: str, parsed: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        name.strip('"'): body
        for resource in parsed["resource"]
        for found, named in resource.items()
        if found.strip('"') == kind
        for name, body in named.items()
    }


def defaults_of(parsed: dict[str, Any]) -> dict[str, Any]:
    return {
        name.strip('"'): body["default"]
        for variable in parsed["variable"]
        for name, body in variable.items()
        if not name.startswith("__")
    }


@pytest.mark.parametrize("name", CASES)
def test_it_parses(name: str) -> None:
    assert parse(render_terraform(make(*CASES[name])))["resource"]


@pytest.mark.parametrize("name", CASES)
def test_every_variable_and_local_that_is_used_is_declared_and_the_other_way_round(name: str) -> None:
    text = render_terraform(make(*CASES[name]))
    parsed = parse(text)
    assert set(re.findall(r"\bvar\.(\w+)", text)) == set(defaults_of(parsed))
    declared = {found for block in parsed["locals"] for found in block if not found.startswith("__")}
    assert set(re.findall(r"\blocal\.(\w+)", text)) == declared


@pytest.mark.parametrize("name", CASES)
def test_every_resource_that_is_referred_to_is_there(name: str) -> None:
    text = render_terraform(make(*CASES[name]))
    parsed = parse(text)
    code = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for kind, label in re.findall(r"(?<![\w.\"])(aws_\w+)\.(\w+)", code):
        assert label in resources_of(kind, parsed)


def test_the_same_bundle_gives_the_same_text() -> None:
    assert render_terraform(make()) == render_terraform(make())


def test_the_set_up_is_there_and_refuses_to_be_destroyed() -> None:
    parsed = parse(render_terraform(make()))
    features = resources_of("aws_iam_organizations_features", parsed)["root_access"]
    assert features["enabled_features"] == ['"RootCredentialsManagement"', '"RootSessions"']
    delegate = resources_of("aws_organizations_delegated_administrator", parsed)["iam"]
    assert delegate["service_principal"] == '"iam.amazonaws.com"'
    for resource in (features, delegate):
        assert "? 1 : 0" in resource["count"]
        assert resource["lifecycle"][0]["prevent_destroy"] is True


@pytest.mark.parametrize(
    ("setup", "features"), [(COMPLETE, False), (NOTHING_ON, False), (ONE_FEATURE, True), (UNKNOWN, False)]
)
def test_only_what_is_missing_and_can_be_made_is_made_here(setup: Setup, features: bool) -> None:
    defaults = defaults_of(parse(render_terraform(make(setup, UNREADABLE if setup is UNKNOWN else None))))
    assert defaults["manage_features"] is features
    assert defaults["manage_delegated_administrator"] is False


def test_trusted_access_is_left_to_a_command_or_to_the_organizations_own_configuration() -> None:
    """Provider 5 has no resource for one service, and the list of all services belongs to one configuration."""
    text = render_terraform(make(NOTHING_ON))
    assert resources_of("aws_organizations_aws_service_access", parse(text)) == {}
    assert "\n#   aws organizations enable-aws-service-access --service-principal iam.amazonaws.com\n" in text
    assert "\n#   terraform import aws_organizations_organization.this o-exampleorgid\n" in text
    assert "# Note: Trusted access for IAM is off" in text
    assert "# Note: Trusted access" not in render_terraform(make(COMPLETE))


@pytest.mark.parametrize("name", CASES)
def test_the_organization_itself_is_never_taken_over(name: str) -> None:
    parsed = parse(render_terraform(make(*CASES[name])))
    assert resources_of("aws_organizations_organization", parsed) == {}


def test_comments_say_how_to_take_over_what_exists() -> None:
    text = render_terraform(make())
    assert "terraform import 'aws_iam_organizations_features.root_access[0]' o-exampleorgid" in text
    assert "aws_service_access_principals" in text


def test_guardrails_are_attached_to_nothing_by_themselves() -> None:
    parsed = parse(render_terraform(make()))
    defaults = defaults_of(parsed)
    assert defaults["deny_long_term_root_targets"] == defaults["cap_targets"] == []
    for attachment in resources_of("aws_organizations_policy_attachment", parsed).values():
        assert attachment["for_each"].startswith("${var.")


def test_the_roles_are_the_shipped_ones() -> None:
    bundle = make(COMPLETE, SERVER)
    parsed = parse(render_terraform(bundle))
    roles = resources_of("aws_iam_role", parsed)
    policies = resources_of("aws_iam_role_policy", parsed)
    assert list(roles) == list(policies)
    assert [label for label in roles if not label.endswith("_delivery")] == [role.role.value for role in bundle.roles]
    for role in bundle.roles:
        assert roles[role.role.value]["max_session_duration"] == SESSIONS[role.name]
        trust, permissions = roles[role.role.value]["assume_role_policy"], policies[role.role.value]["policy"]
        for document, written in ((role.trust_policy, trust), (role.permission_policy, permissions)):
            assert written.startswith("${jsonencode(")
            assert list_texts(document) == set(re.findall(r'"((?:[^"\\]|\\.)*)"', written)) - list_keys(document)


def list_texts(value: object) -> set[str]:
    """Every text in a document, as HCL writes it."""
    if isinstance(value, str):
        return {value.replace("${", "$${")}
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {text for item in items for text in list_texts(item)}


def list_keys(value: object) -> set[str]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = set(value) if isinstance(value, dict) else set()
    return own | {key for item in items for key in list_keys(item)}


def test_terraform_stops_in_any_other_account() -> None:
    text = render_terraform(make())
    assert f'allowed_account_ids = ["{MANAGEMENT}"]' in text
    assert f'allowed_account_ids = ["{DELEGATE}"]' in text


def test_a_rule_reaches_a_topic_or_queue_in_another_account_with_a_role_and_one_in_its_own_without() -> None:
    """EventBridge delivers to another account with a role alone, and to its own account may fail with one."""
    parsed = parse(render_terraform(make()))
    roles, policies = resources_of("aws_iam_role", parsed), resources_of("aws_iam_role_policy", parsed)
    targets = resources_of("aws_cloudwatch_event_target", parsed)
    assert len(targets) == 8
    for label, target in targets.items():
        alias, receiver = label.partition("_")[0], "queue" if "queue" in target["arn"] else "topic"
        delivery, account_id = f"{alias}_{receiver}_delivery", MANAGEMENT if alias == "management" else DELEGATE
        assert target["role_arn"] == f"${{one(aws_iam_role.{delivery}[*].arn)}}"
        variable = target["arn"].removeprefix("${").removesuffix("}")
        elsewhere = f'${{try(split(":", {variable})[4], "{account_id}") != "{account_id}" ? 1 : 0}}'
        assert roles[delivery]["count"] == policies[delivery]["count"] == elsewhere
        assert roles[delivery]["provider"] == target["provider"]
        assert variable in policies[delivery]["policy"]


def test_text_from_outside_stays_in_its_comment() -> None:
    text = render_terraform(make(UNKNOWN, UNREADABLE))
    assert "evil" in text
    assert all(line.startswith("#") for line in text.splitlines() if "evil" in line)


def test_it_says_the_same_as_the_alarms() -> None:
    bundle = make()
    parsed = parse(render_terraform(bundle))
    filters = resources_of("aws_cloudwatch_log_metric_filter", parsed)
    written = [json.loads(one["pattern"]) for one in filters.values()]
    assert written == [alarm.metric_filter for alarm in bundle.alarms]
