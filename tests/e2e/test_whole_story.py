"""The whole job, lived with AWS's SDKs for JavaScript, Python and Go, and held against the sandbox's truth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.foreign_clients import GO_BUILD_SECONDS, SDKS
from tests.e2e.stage import Stage, summarize

pytestmark = [pytest.mark.timeout(GO_BUILD_SECONDS), pytest.mark.inputs("clients")]

Story = dict[str, Any]
NOTHING = {"password": 0, "access_keys": 0, "signing_certificates": 0, "mfa_devices": 0}


def mark(name: str) -> list[pytest.MarkDecorator]:
    """One SDK lives the story in each run, all of them in the long one."""
    return [pytest.mark.xdist_group(f"story by {name}")] + ([] if name == "boto3" else [pytest.mark.long])


@pytest.fixture(scope="module", params=[pytest.param(name, marks=mark(name)) for name in SDKS])
def sdk(request: pytest.FixtureRequest) -> str:
    """Which SDK runs the story; what the sandbox went through is made once, for all tests of one SDK."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def stage(stages: Any, sdk: str) -> Iterator[Stage]:
    with stages("--scenario", "demo") as stage:
        yield stage


@pytest.fixture(scope="module")
def truth_before(stage: Stage) -> dict[str, Any]:
    return stage.read_root_users()


@pytest.fixture(scope="module")
def story(stage: Stage, truth_before: dict[str, Any], sdk: str) -> Story:
    assert truth_before
    return SDKS[sdk](stage.url, stage.home).tell(
        {
            "management": stage.keys("management-admin").as_javascript(),
            "delegate": stage.keys("delegated-admin").as_javascript(),
            "delegateAccountId": stage.account_id("delegated-admin"),
        }
    )


def test_the_caller_is_who_the_keys_belong_to(story: Story, stage: Stage) -> None:
    assert story["caller"]["output"]["Arn"] == stage.principal("management-admin").arn


def test_the_organization_is_described(story: Story, stage: Stage) -> None:
    described = story["organization"]["output"]["Organization"]
    assert described["Id"] == stage.truth()["organization_id"]
    assert described["FeatureSet"] == "ALL"


def test_features_cannot_be_listed_before_trusted_access_is_on(story: Story) -> None:
    refused = story["features before trust"]
    assert (refused["code"], refused["status"]) == ("ServiceAccessNotEnabledException", 400)


def test_enabling_answers_with_the_resulting_features(story: Story) -> None:
    assert story["enable trust"]["ok"]
    assert story["enable credentials"]["output"]["EnabledFeatures"] == ["RootCredentialsManagement"]
    assert set(story["enable sessions"]["output"]["EnabledFeatures"]) == {"RootCredentialsManagement", "RootSessions"}


def test_the_delegated_administrator_sees_both_features(story: Story) -> None:
    assert story["delegate"]["ok"]
    assert set(story["features"]["output"]["EnabledFeatures"]) == {"RootCredentialsManagement", "RootSessions"}


def test_the_accounts_come_in_pages_of_at_most_twenty(story: Story, stage: Stage) -> None:
    assert sum(story["pages"]) == len(stage.truth()["accounts"])
    assert max(story["pages"]) <= 20
    assert len(story["pages"]) > 1


def test_every_account_shows_its_state_status_and_path(story: Story, stage: Stage) -> None:
    states = {account["account_id"]: account["state"] for account in stage.truth()["accounts"]}
    assert {account["Id"]: account["State"] for account in story["accounts"]} == states
    for account in story["accounts"]:
        assert account["Status"] in {"ACTIVE", "SUSPENDED", "PENDING_CLOSURE"}
        assert account["Paths"][0].endswith(f"/{account['Id']}/")


def test_the_audit_finds_what_is_there(story: Story, truth_before: dict[str, Any], stage: Stage) -> None:
    read = {account_id: answer["output"]["summary"] for account_id, answer in story["audit"].items() if answer["ok"]}
    expected = {account_id: summarize(truth_before[account_id]) for account_id in story["audit"]}
    assert read == {account_id: expected[account_id] for account_id in read}
    denied = {account_id for account_id, answer in story["audit"].items() if not answer["ok"]}
    assert denied == stage.list_blocked_accounts() & set(story["audit"])


def test_an_account_under_a_policy_that_denies_root_refuses_the_session_s_first_call(story: Story) -> None:
    refused = [answer for answer in story["audit"].values() if not answer["ok"]]
    assert {(answer["code"], answer["status"]) for answer in refused} == {("AccessDenied", 403)}
    assert all("service control policy" in answer["message"] for answer in refused)


def test_every_kind_is_deleted_somewhere(story: Story, truth_before: dict[str, Any]) -> None:
    deleted = story["deleted"].values()
    assert all(answer["ok"] for answer in deleted)
    targets = [summarize(truth_before[account_id]) for account_id in story["targets"]]
    assert all(any(target[kind] for target in targets) for kind in NOTHING)


def test_the_session_is_the_target_s_root_user(story: Story) -> None:
    arns = {account_id: answer["output"]["arn"] for account_id, answer in story["deleted"].items()}
    assert arns == {account_id: f"arn:aws:iam::{account_id}:root" for account_id in story["targets"]}


def test_the_lists_name_what_the_sandbox_holds(story: Story, truth_before: dict[str, Any]) -> None:
    for account_id, answer in story["deleted"].items():
        root_user = truth_before[account_id]
        listed = answer["output"]
        assert {key["AccessKeyId"] for key in listed["keys"]} == {
            key["access_key_id"] for key in root_user["access_keys"]
        }
        assert {certificate["CertificateId"] for certificate in listed["certificates"]} == {
            certificate["certificate_id"] for certificate in root_user["signing_certificates"]
        }
        assert {device["SerialNumber"] for device in listed["devices"]} == {
            device["serial_number"] for device in root_user["mfa_devices"]
        }


def test_after_the_deletion_nothing_is_left(story: Story) -> None:
    assert {answer["output"]["summary"] == NOTHING for answer in story["after_deletion"].values()} == {True}


def test_the_truth_changed_in_the_targets_alone(story: Story, truth_before: dict[str, Any], stage: Stage) -> None:
    truth = stage.read_root_users()
    changed = {account_id for account_id in truth if truth[account_id] != truth_before[account_id]}
    assert changed == set(story["targets"])
    assert all(summarize(truth[account_id]) == NOTHING for account_id in changed)


def test_without_a_login_profile_none_is_found(story: Story) -> None:
    refused = story["profile before recovery"]
    assert (refused["code"], refused["status"]) == ("NoSuchEntity", 404)
    assert refused["message"] == "Login Profile for User null cannot be found."


def test_allowing_recovery_makes_a_login_profile_without_a_user_name(story: Story) -> None:
    profile = story["allow recovery"]["output"]["LoginProfile"]
    assert set(profile) == {"CreateDate", "PasswordResetRequired"}
    assert profile["PasswordResetRequired"] is False


def test_recovery_can_be_allowed_only_once(story: Story) -> None:
    refused = story["allow recovery again"]
    assert (refused["code"], refused["status"]) == ("EntityAlreadyExists", 409)
    assert refused["message"] == f"Login Profile for account {story['recovered']} already exists."


def test_the_summary_shows_a_password_as_soon_as_recovery_is_allowed(story: Story) -> None:
    assert story["while_open"]["output"]["summary"] == NOTHING | {"password": 1}


def test_closing_takes_the_login_profile_away(story: Story) -> None:
    assert story["close"]["ok"]
    assert story["after_closing"]["output"]["summary"] == NOTHING
    assert (story["close again"]["code"], story["close again"]["status"]) == ("NoSuchEntity", 404)
