"""The truth: keys and whom they prove, what the control interface shows and replaces, and policies on the tree."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper_sandbox.exchange import Credential, PrincipalKind
from rootkeeper_sandbox.state.accounts import (
    Account,
    account_of_access_key,
    derive_access_key_id,
    new_access_key_id,
    new_session_token,
)
from rootkeeper_sandbox.state.people import Message, Sessions
from tests.sandbox.calling import MANAGEMENT_ACCOUNT_ID, ORGANIZATION_ID, ORGANIZATION_ROOT_ID, START, Stage

MEMBER = "400050006000"
REGULATED = "454567678989"
FULL: dict[str, Any] = {
    "password": True,
    "password_last_used_at": "2026-01-31T12:00:00Z",
    "recovery_allowed": False,
    "access_keys": [
        {
            "access_key_id": "AKIAIOSFODNN7EXAMPLE",
            "status": "Inactive",
            "created_at": "2020-02-29T00:00:00Z",
            "last_used_at": "2026-09-30T23:59:59Z",
        }
    ],
    "signing_certificates": [
        {"certificate_id": "TA7SMP42TDN5Z26OBPJE7EXAMPLE", "status": "Active", "uploaded_at": "2014-05-06T07:08:09Z"}
    ],
    "mfa_devices": [
        {"serial_number": "GAHT12345678", "kind": "hardware", "enabled_at": "2021-01-01T00:00:00Z"},
    ],
}
EMPTY: dict[str, Any] = {
    "password": False,
    "password_last_used_at": None,
    "recovery_allowed": False,
    "access_keys": [],
    "signing_certificates": [],
    "mfa_devices": [],
}


@pytest.fixture
def stage() -> Stage:
    return Stage()


def shown(stage: Stage, account_id: str = MEMBER) -> dict[str, Any]:
    accounts = stage.world.describe()["accounts"]
    root_user: dict[str, Any] = next(one for one in accounts if one["account_id"] == account_id)["root_user"]
    return root_user


def test_a_root_user_that_is_put_is_shown_as_it_was_put(stage: Stage) -> None:
    stage.world.put_root_user(MEMBER, FULL)
    assert shown(stage) == FULL
    stage.world.put_root_user(MEMBER, shown(stage))
    assert shown(stage) == FULL


def test_what_is_left_out_is_absent(stage: Stage) -> None:
    stage.world.put_root_user(MEMBER, FULL)
    stage.world.put_root_user(MEMBER, {"recovery_allowed": True})
    assert shown(stage) == EMPTY | {"recovery_allowed": True}
    stage.world.put_root_user(MEMBER, {})
    assert shown(stage) == EMPTY


def test_what_is_left_out_of_an_item_gets_a_fitting_value(stage: Stage) -> None:
    stage.world.put_root_user(
        MEMBER,
        {"access_keys": [{}, {}], "signing_certificates": [{}], "mfa_devices": [{}, {"serial_number": "12345678"}]},
    )
    root_user = shown(stage)
    assert len({key["access_key_id"] for key in root_user["access_keys"]}) == 2
    assert root_user["access_keys"][0]["created_at"] == "2026-10-01T12:00:00Z"
    assert [device["kind"] for device in root_user["mfa_devices"]] == ["virtual", "hardware"]
    assert root_user["mfa_devices"][0]["serial_number"] == f"arn:aws:iam::{MEMBER}:mfa/root-account-mfa-device"


def test_a_key_that_is_put_proves_the_root_user_until_it_is_replaced(stage: Stage) -> None:
    stage.world.put_root_user(MEMBER, {"access_keys": [{"access_key_id": "AKIAIOSFODNN7EXAMPLE"}]})
    credential = stage.world.find_credential("AKIAIOSFODNN7EXAMPLE")
    assert credential is not None
    assert (credential.principal.kind, credential.principal.account_id) == (PrincipalKind.ROOT_USER, MEMBER)
    stage.world.put_root_user(MEMBER, {})
    assert stage.world.find_credential("AKIAIOSFODNN7EXAMPLE") is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "root_user must be an object, not list."),
        ({"passwords": True}, "root_user has no field 'passwords'"),
        ({"password": "yes"}, "root_user.password must be true or false."),
        ({"password": True, "recovery_allowed": True}, "either password or recovery_allowed"),
        ({"access_keys": {}}, "root_user.access_keys must be a list."),
        ({"access_keys": ["AKIA"]}, r"root_user.access_keys\[0\] must be an object, not str."),
        ({"access_keys": [{"status": "Gone"}]}, r"access_keys\[0\].status must be Active or Inactive."),
        ({"access_keys": [{"access_key_id": 7}]}, r"access_keys\[0\].access_key_id must be a text"),
        ({"mfa_devices": [{"serial_number": ""}]}, r"mfa_devices\[0\].serial_number must be a text"),
        ({"signing_certificates": [{"uploaded_at": "yesterday"}]}, r"uploaded_at must be a time such as"),
        ({"password_last_used_at": 1700000000}, "password_last_used_at must be a time such as"),
    ],
)
def test_a_body_that_is_no_root_user_is_refused_and_changes_nothing(stage: Stage, body: object, message: str) -> None:
    stage.world.put_root_user(MEMBER, FULL)
    with pytest.raises(ValueError, match=message):
        stage.world.put_root_user(MEMBER, body)
    assert shown(stage) == FULL


def test_an_account_that_does_not_exist_cannot_be_changed(stage: Stage) -> None:
    with pytest.raises(ValueError, match="there is no account 123456789012"):
        stage.world.put_root_user("123456789012", {})


def test_the_description_has_the_shape_that_the_design_promises(stage: Stage) -> None:
    described = stage.world.describe()
    assert {
        "organization_id",
        "management_account_id",
        "features",
        "trusted_services",
        "delegated_administrators",
        "organizational_units",
        "policies",
        "accounts",
    } <= described.keys()
    account = described["accounts"][0]
    assert account.keys() == {"account_id", "name", "email", "ou_path", "state", "tags", "root_user"}
    assert account["root_user"].keys() == EMPTY.keys()
    assert json.loads(json.dumps(described)) == described


def test_no_secret_is_in_the_description(stage: Stage) -> None:
    text = json.dumps(stage.world.describe())
    for one in stage.world.principals():
        assert one["secret_access_key"] not in text
    assert stage.world.root_user_password("888899990000") not in text


def test_no_secret_is_in_what_is_printed(stage: Stage) -> None:
    stage.world.put_root_user(MEMBER, FULL)
    account = stage.world.account(MEMBER)
    assert stage.world.root_user_password(MEMBER) not in repr(account)
    credential = stage.world.find_credential(stage.principal("observer").access_key_id)
    assert credential is not None
    assert credential.secret_access_key not in repr(credential)


def test_a_policy_is_created_and_attached_where_it_was_asked_for(stage: Stage) -> None:
    content = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}
    body = {
        "name": "NoS3",
        "type": "SERVICE_CONTROL_POLICY",
        "content": content,
        "targets": [ORGANIZATION_ROOT_ID, MEMBER],
    }
    created = stage.world.create_policy(body)
    levels = stage.world.service_control_policies(MEMBER)
    assert [[policy.name for policy in level] for level in levels] == [
        ["FullAWSAccess", "NoS3"],
        ["FullAWSAccess"],
        ["FullAWSAccess"],
        ["FullAWSAccess", "NoS3"],
    ]
    assert json.loads(levels[0][1].document) == content
    assert levels[0][1].arn == created["arn"]
    assert re.fullmatch(r"p-[0-9a-z]{10}", created["policy_id"])
    shown_policy = next(one for one in stage.world.describe()["policies"] if one["name"] == "NoS3")
    assert shown_policy["content"] == content
    assert shown_policy["targets"] == [ORGANIZATION_ROOT_ID, MEMBER]


def test_content_may_be_text_and_a_resource_control_policy_enables_its_type(stage: Stage) -> None:
    assert stage.world.resource_control_policies(MEMBER) == ()
    text = '{"Version":"2012-10-17","Statement":[]}'
    stage.world.create_policy(
        {"name": "Perimeter", "type": "RESOURCE_CONTROL_POLICY", "content": text, "targets": [MEMBER]}
    )
    assert [policy.name for policy in stage.world.resource_control_policies(MEMBER)[-1]] == [
        "RCPFullAWSAccess",
        "Perimeter",
    ]
    assert stage.world.resource_control_policies(MEMBER)[-1][1].document == text
    assert [len(level) for level in stage.world.service_control_policies(MEMBER)] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": None}, "policy.name is missing."),
        ({"name": "DenyRootUser"}, "named 'DenyRootUser' exists already"),
        ({"type": "TAG_POLICY"}, "policy.type must be one of"),
        ({"content": "{"}, "policy.content isn't JSON"),
        ({"content": None}, "policy.content must be a policy document"),
        ({"content": {"Version": "2012-10-17"}}, "policy.content must be a policy document"),
        ({"content": {"Statement": [], "Id": "x" * 10_240}}, "may have 10240 characters"),
        ({"targets": ["123456789012"]}, "no root, organizational unit or account '123456789012'"),
        ({"targets": MEMBER}, "policy.targets must be a list."),
        ({"target": []}, "policy has no field 'target'"),
    ],
)
def test_a_body_that_is_no_policy_is_refused_and_adds_nothing(
    stage: Stage, changes: dict[str, Any], message: str
) -> None:
    before = stage.world.describe()
    body = {"name": "New", "type": "SERVICE_CONTROL_POLICY", "content": {"Statement": []}, "targets": [MEMBER]}
    with pytest.raises(ValueError, match=message):
        stage.world.create_policy(body | changes)
    assert stage.world.describe() == before


def test_the_policies_over_an_account_come_from_the_root_down(stage: Stage) -> None:
    levels = stage.world.service_control_policies(REGULATED)
    assert [[policy.name for policy in level] for level in levels] == [
        ["FullAWSAccess"],
        ["FullAWSAccess", "DenyRootUser"],
        ["FullAWSAccess"],
    ]
    again = stage.world.service_control_policies(REGULATED)
    assert levels[1][1].document is again[1][1].document


def test_a_detached_policy_is_gone_from_its_level_alone(stage: Stage) -> None:
    book = stage.world.organization.policy_book
    policy = book.policies["p-FullAWSAccess"]
    book.detach(policy, REGULATED)
    assert [len(level) for level in stage.world.service_control_policies(REGULATED)] == [1, 2, 0]
    book.attach(policy, REGULATED)
    book.attach(policy, REGULATED)
    assert [len(level) for level in stage.world.service_control_policies(REGULATED)] == [1, 2, 1]


@pytest.mark.parametrize("account_id", [MANAGEMENT_ACCOUNT_ID, "123456789012"])
def test_no_policy_limits_the_management_account_or_strangers(stage: Stage, account_id: str) -> None:
    stage.world.outsiders["123456789012"] = Account("123456789012", "Elsewhere", "elsewhere@example.com", START)
    assert stage.world.service_control_policies(account_id) == ()


def test_the_organization_path_leads_to_the_parent(stage: Stage) -> None:
    path = stage.world.organization_path("200030004000")
    assert re.fullmatch(rf"{ORGANIZATION_ID}/{ORGANIZATION_ROOT_ID}/(ou-demo-[a-z2-7]{{8}}/){{3}}", path)
    assert stage.world.organization_path(MANAGEMENT_ACCOUNT_ID) == f"{ORGANIZATION_ID}/{ORGANIZATION_ROOT_ID}/"
    assert stage.world.organization_path("123456789012") == ""


def test_mail_is_kept_by_address_regardless_of_its_case(stage: Stage) -> None:
    message = Message("no-reply@example.com", "AWS+shop@example.com", "Reset", "Follow the link", START)
    stage.world.mailboxes.deliver(message)
    assert stage.world.mailbox("aws+SHOP@example.com") == [
        {
            "from": "no-reply@example.com",
            "to": "AWS+shop@example.com",
            "subject": "Reset",
            "body": "Follow the link",
            "sent_at": "2026-10-01T12:00:00Z",
        }
    ]
    assert stage.world.mailbox("unknown@example.com") == []


def test_expired_sessions_are_forgotten_in_time(stage: Stage) -> None:
    sessions = Sessions()
    principal = stage.principal("observer")
    old = Credential("ASIAIOSFODNN7EXAMPLE", "secret", principal, "token", START)
    sessions.add(old, START)
    assert sessions.find("ASIAIOSFODNN7EXAMPLE") is old
    later = START + timedelta(hours=1)
    for number in range(4096):
        sessions.add(Credential(f"ASIA{number:016}", "s", principal, "t", later + timedelta(minutes=15)), later)
    assert sessions.find("ASIAIOSFODNN7EXAMPLE") is None
    assert len(sessions) == 4096


@given(st.integers(min_value=0, max_value=10**12 - 1), st.text(max_size=20))
def test_an_access_key_id_shows_the_account_it_was_made_for(number: int, name: str) -> None:
    account_id = f"{number:012}"
    for key_id in (derive_access_key_id(account_id, name), new_access_key_id("ASIA", account_id)):
        assert re.fullmatch(r"A[KS]IA[A-Z2-7]{16}", key_id)
        assert account_of_access_key(key_id) == account_id


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2090, 1, 1)))  # noqa: DTZ001 - strategy bounds
def test_dates_of_root_users_survive_being_put_and_shown(moment: datetime) -> None:
    stage = Stage()
    text = moment.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")
    stage.world.put_root_user(MEMBER, {"password": True, "password_last_used_at": text})
    assert shown(stage)["password_last_used_at"] == text


def test_session_tokens_are_never_the_same() -> None:
    assert len({new_session_token() for _ in range(100)}) == 100
