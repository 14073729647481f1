"""A bundle fits its organization: its partition, its delegated administrators, its open windows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.errors import InputError
from rootkeeper.organization.accounts import AccountId, Caller, Feature, Organization, ServiceControlPolicies, Setup
from rootkeeper.shipped_policies.bundle import PolicyFacts, PolicyInputs, make_bundle, make_targets
from rootkeeper.shipped_policies.rules import SERVER_ROLES, GuardrailKind, ShippedRole

MANAGEMENT, DELEGATE, MEMBER = (AccountId(text) for text in ("111122223333", "222233334444", "333344445555"))

SCP_ENABLED = ServiceControlPolicies("r-exam", is_enabled=True)


def make_ground(
    delegates: tuple[AccountId, ...] | None = (DELEGATE,),
    windows: tuple[AccountId, ...] = (),
    partition: str = "aws",
    scp: ServiceControlPolicies | None = SCP_ENABLED,
    caller_arn: str = f"arn:aws:iam::{DELEGATE}:user/ana",
) -> PolicyFacts:
    return PolicyFacts(
        organization=Organization("o-exampleorgid", MANAGEMENT, has_all_features=True, partition=partition),
        setup=Setup(
            trusted_access=True,
            features=frozenset(Feature),
            delegated_administrators=delegates,
            unknown=("ListDelegatedAdministrators was denied.",) if delegates is None else (),
        ),
        open_window_ids=windows,
        service_control_policies=scp,
        caller=Caller(AccountId(caller_arn.split(":")[4]), caller_arn, partition),
    )


def test_a_bundle_has_the_four_roles_of_a_server_and_the_one_for_people() -> None:
    bundle = make_bundle(make_ground(), PolicyInputs())
    assert tuple(role.role for role in bundle.roles) == SERVER_ROLES
    assert bundle.get_role(ShippedRole.SET_UP) is bundle.set_up_role


def test_the_roles_live_in_the_delegated_administrator() -> None:
    bundle = make_bundle(make_ground(), PolicyInputs())
    assert bundle.role_account_id == DELEGATE
    assert all(f":{DELEGATE}:" in arn for arn in bundle.known_role_arns)


@pytest.mark.parametrize("delegates", [(), None])
def test_without_a_delegated_administrator_they_live_in_the_management_account(
    delegates: tuple[AccountId, ...] | None,
) -> None:
    bundle = make_bundle(make_ground(delegates), PolicyInputs(failsafe_ids=(DELEGATE,)))
    assert bundle.role_account_id == MANAGEMENT


def test_or_where_the_user_says() -> None:
    assert make_bundle(make_ground(), PolicyInputs(role_account_id=MEMBER)).role_account_id == MEMBER


def test_by_default_the_people_of_the_roles_account_are_trusted_with_mfa() -> None:
    trust = make_bundle(make_ground(), PolicyInputs()).roles[0].trust_policy
    assert f"arn:aws:iam::{DELEGATE}:root" in json.dumps(trust)
    assert "aws:MultiFactorAuthPresent" in json.dumps(trust)


def test_setting_up_is_left_to_people_of_the_management_account() -> None:
    server = "arn:aws:iam::222233334444:role/server"
    bundle = make_bundle(make_ground(), PolicyInputs(server_role=server))
    assert bundle.arn_of(bundle.set_up_role) == f"arn:aws:iam::{MANAGEMENT}:role/rootkeeper-set-up"
    (statement,) = bundle.set_up_role.trust_policy["Statement"]
    assert statement["Principal"] == {"AWS": [f"arn:aws:iam::{MANAGEMENT}:root"]}
    assert statement["Condition"]["Bool"] == {"aws:MultiFactorAuthPresent": "true"}
    assert bundle.arn_of(bundle.roles[0]) == f"arn:aws:iam::{DELEGATE}:role/rootkeeper-audit"
    assert server in json.dumps(bundle.roles[0].trust_policy)


def test_the_guardrail_spares_the_failsafe_and_accounts_with_an_open_window() -> None:
    bundle = make_bundle(make_ground(windows=(MEMBER,)), PolicyInputs())
    condition = bundle.get_guardrail(GuardrailKind.DENY_LONG_TERM_ROOT).content["Statement"][0]["Condition"]
    assert condition["StringNotEquals"] == {"aws:PrincipalAccount": [DELEGATE, MEMBER]}
    assert any(MEMBER in remark and "Make the policy again" in remark for remark in bundle.remarks)


def test_a_failsafe_that_is_named_is_spared_beside_the_delegates() -> None:
    bundle = make_bundle(make_ground(), PolicyInputs(failsafe_ids=(MEMBER,)))
    condition = bundle.get_guardrail(GuardrailKind.DENY_LONG_TERM_ROOT).content["Statement"][0]["Condition"]
    assert condition["StringNotEquals"] == {"aws:PrincipalAccount": [DELEGATE, MEMBER]}


def test_unknown_delegates_never_become_a_policy_that_shuts_the_failsafe_out() -> None:
    with pytest.raises(InputError, match="can't exempt the failsafe") as caught:
        make_bundle(make_ground(None), PolicyInputs())
    assert "name the failsafe" in (caught.value.hint or "")


def test_unknown_delegates_are_reported_even_where_a_failsafe_is_named() -> None:
    bundle = make_bundle(make_ground(None), PolicyInputs(failsafe_ids=(DELEGATE,)))
    assert bundle.remarks[0] == "Unknown: ListDelegatedAdministrators was denied."


def test_without_any_failsafe_it_is_said_and_there_is_no_cap() -> None:
    bundle = make_bundle(make_ground(()), PolicyInputs())
    assert any("No failsafe" in remark for remark in bundle.remarks)
    with pytest.raises(InputError, match="no delegated administrator"):
        bundle.get_guardrail(GuardrailKind.CAP_DELEGATED_ADMINISTRATOR)


def test_the_cap_is_as_wide_as_the_user_says() -> None:
    bundle = make_bundle(make_ground(), PolicyInputs(cap=(TaskPolicy.AUDIT,)))
    text = json.dumps(bundle.get_guardrail(GuardrailKind.CAP_DELEGATED_ADMINISTRATOR).content)
    assert text.count("root-task/") == 1


def test_the_role_that_deletes_keeps_off_the_failsafe_unless_it_is_named() -> None:
    assert make_targets(make_ground(), PolicyInputs()).kept_ids == (DELEGATE,)
    assert make_targets(make_ground(), PolicyInputs(target_ids=(DELEGATE,))).kept_ids == ()


def test_p31_a_trusted_role_is_remarked_because_aws_cant_see_its_mfa_or_its_person() -> None:
    wishes = PolicyInputs(trusted_principals=("arn:aws:iam::111122223333:role/incident",))
    (remark,) = make_bundle(make_ground(), wishes).remarks
    assert remark.startswith("arn:aws:iam::111122223333:role/incident is a role. AWS can't check which person uses it")
    assert "Require MFA and a fixed session name" in remark


def test_a_further_known_role_is_no_stranger() -> None:
    known = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Incident_0123456789abcdef"
    bundle = make_bundle(make_ground(), PolicyInputs(known_roles=(known,)))
    assert bundle.known_role_arns[-1] == known
    assert known in json.dumps(bundle.alarms[1].event_pattern)


@pytest.mark.parametrize(
    "wishes",
    [
        {"known_roles": ("arn:aws:iam::111122223333:user/ana",)},
        {"known_roles": ("arn:aws:iam::111122223333:role/*",)},
        {"known_roles": ("ana",)},
        {"trusted_principals": ("arn:aws-cn:iam::111122223333:root",)},
        {"server_role": "rootkeeper-server"},
    ],
)
def test_a_wish_that_cant_be_met_is_refused(wishes: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        make_bundle(make_ground(), PolicyInputs(**wishes))


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn"])
def test_everything_is_of_the_organizations_partition(partition: str) -> None:
    bundle = make_bundle(make_ground(partition=partition), PolicyInputs())
    policies = [[role.permission_policy, role.trust_policy] for role in bundle.roles]
    guardrails = [guardrail.content for guardrail in bundle.guardrails]
    text = json.dumps([policies, guardrails, bundle.known_role_arns, [alarm.metric_filter for alarm in bundle.alarms]])
    assert text.count("arn:") == text.count(f"arn:{partition}:")


def test_the_order_of_the_delegates_doesnt_matter() -> None:
    one, other = make_ground((MEMBER, DELEGATE)), make_ground((DELEGATE, MEMBER))
    made = make_bundle(one, PolicyInputs())
    assert made == replace(make_bundle(other, PolicyInputs()), ground=one)


OF_IDENTITY_CENTER = (
    "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Root_Access_0123456789abcdef/ana@example.org"
)


def test_a_caller_from_identity_center_is_trusted_by_its_permission_set() -> None:
    bundle = make_bundle(make_ground(caller_arn=OF_IDENTITY_CENTER), PolicyInputs())
    (statement,) = bundle.get_role(ShippedRole.DELETE).trust_policy["Statement"]
    assert "aws:MultiFactorAuthPresent" not in json.dumps(statement)
    assert statement["Principal"] == {"AWS": [f"arn:aws:iam::{MANAGEMENT}:root"]}
    start, name = f"arn:aws:iam::{MANAGEMENT}:role/aws-reserved/sso.amazonaws.com", "AWSReservedSSO_Root_Access_"
    end = "?" * 16
    assert statement["Condition"]["ArnLike"] == {"aws:PrincipalArn": [f"{start}/*/{name}{end}", f"{start}/{name}{end}"]}
    assert any("require MFA in Identity Center" in remark for remark in bundle.remarks)


def test_named_principals_are_trusted_instead_of_the_callers_permission_set() -> None:
    bundle = make_bundle(make_ground(caller_arn=OF_IDENTITY_CENTER), PolicyInputs(trusted_principals=(DELEGATE,)))
    assert [one["Sid"] for one in bundle.get_role(ShippedRole.DELETE).trust_policy["Statement"]] == ["PeopleWithMfa"]


def test_it_says_what_rules_dont_cover() -> None:
    regions, management, members = make_bundle(make_ground(), PolicyInputs()).not_covered
    assert f"each enabled Region of {MANAGEMENT}, {DELEGATE}" in regions
    assert f"service-managed StackSet never reaches the management account {MANAGEMENT}" in management
    assert "every member account needs rules" in members


def test_it_says_when_service_control_policies_arent_enabled() -> None:
    disabled = ServiceControlPolicies("r-exam", is_enabled=False)
    (remark,) = make_bundle(make_ground(scp=disabled), PolicyInputs()).remarks
    assert remark.startswith("Service control policies aren't enabled in this organization")
    assert "aws organizations enable-policy-type --root-id r-exam --policy-type SERVICE_CONTROL_POLICY" in remark
    (unread,) = make_bundle(make_ground(scp=None), PolicyInputs()).remarks
    assert unread.startswith("Unknown: whether service control policies are enabled")
    assert make_bundle(make_ground(), PolicyInputs()).remarks == ()
