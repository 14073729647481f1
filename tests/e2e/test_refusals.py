"""What AWS refuses, the sandbox refuses in the same words, to every client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.e2e.foreign_clients import GO_BUILD_SECONDS, SDKS, Answer, AwsCommandLine, JavaScript, Keys
from tests.e2e.refusals import (
    ALLOWED_BY_FEATURES,
    AUDIT,
    CREDENTIALS_TASKS,
    DELETE,
    OUT_OF_TASK,
    REFUSALS,
    TASKS,
    Refusal,
    assume_root_input,
    fill,
)
from tests.e2e.stage import Stage

pytestmark = [
    pytest.mark.long,
    pytest.mark.xdist_group("refusals"),
    pytest.mark.timeout(GO_BUILD_SECONDS),
    pytest.mark.inputs("clients"),
]
"""What the sandbox went through is made once, for all tests of this file."""

WRONG_KEYS = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
FEATURE_MESSAGES = {
    "credentials": "Root credentials management feature is not enabled for your AWS Organization.",
    "sessions": "Root sessions feature is not enabled for your AWS Organization.",
}


@pytest.fixture(scope="module")
def stage(stages: Any) -> Iterator[Stage]:
    with stages("--scenario", "demo", "--features", "all") as stage:
        JavaScript(stage.url, stage.home).call([delegation_call(stage)])
        yield stage


def delegation_call(stage: Stage) -> dict[str, Any]:
    return {
        "service": "organizations",
        "operation": "RegisterDelegatedAdministrator",
        "credentials": stage.keys("management-admin").as_javascript(),
        "input": {"AccountId": stage.account_id("delegated-admin"), "ServicePrincipal": "iam.amazonaws.com"},
    }


@pytest.fixture(scope="module")
def known(stage: Stage) -> dict[str, str]:
    """The account ids that the table of refusals leaves open."""
    return {
        "management": stage.truth()["management_account_id"],
        "delegate": stage.account_id("delegated-admin"),
        "member": stage.account_id("member-admin"),
        "target": find_target(stage),
    }


def find_target(stage: Stage) -> str:
    """A member account that root sessions may be opened on."""
    special = {stage.account_id(name) for name in ("delegated-admin", "member-admin")} | stage.list_blocked_accounts()
    target: str = next(
        account["account_id"] for account in stage.find_accounts() if account["account_id"] not in special
    )
    return target


@pytest.fixture(scope="module", params=list(SDKS))
def sdk_answers(request: pytest.FixtureRequest, stage: Stage, known: dict[str, str]) -> dict[str, Answer]:
    """What each SDK was answered, by the refusal's name."""
    calls = [
        {
            "service": refusal.service,
            "operation": refusal.operation,
            "credentials": stage.keys(refusal.caller).as_javascript(),
            "input": fill(refusal.input, known),
            **({"region": refusal.region} if refusal.region else {}),
        }
        for refusal in REFUSALS
    ]
    answers = SDKS[request.param](stage.url, stage.home).call(calls)
    return {refusal.name: answer for refusal, answer in zip(REFUSALS, answers, strict=True)}


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
def test_every_sdk_is_refused_as_on_aws(
    refusal: Refusal, sdk_answers: dict[str, Answer], stage: Stage, known: dict[str, str]
) -> None:
    answer = sdk_answers[refusal.name]
    caller = stage.principal(refusal.caller).arn
    assert not answer.ok
    assert (answer.code, answer.status) == (refusal.code, refusal.status)
    assert str(answer.message).startswith(fill(refusal.message, known | {"caller": caller}))


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
def test_the_aws_command_line_is_refused_as_on_aws(refusal: Refusal, stage: Stage, known: dict[str, str]) -> None:
    caller = stage.principal(refusal.caller).arn
    client = AwsCommandLine(stage.url, stage.home, stage.keys(refusal.caller))
    answer = client.call(refusal.service, refusal.operation, fill(refusal.input, known))
    assert not answer.ok
    assert answer.code == refusal.code
    assert str(answer.message).startswith(fill(refusal.message, known | {"caller": caller}))


@pytest.mark.parametrize("features", ALLOWED_BY_FEATURES)
def test_each_feature_allows_its_tasks_alone(features: str, stages: Any) -> None:
    with stages("--scenario", "demo", "--features", features) as stage:
        if features == "none":
            enable_trusted_access(stage)
        keys = stage.keys("management-admin").as_javascript()
        target = find_target(stage)
        calls = [
            {"service": "sts", "operation": "AssumeRoot", "credentials": keys, "input": assume_root_input(target, task)}
            for task in TASKS
        ]
        answers = dict(zip(TASKS, JavaScript(stage.url, stage.home).call(calls), strict=True))
    assert {task for task, answer in answers.items() if answer.ok} == ALLOWED_BY_FEATURES[features]
    for task, answer in answers.items():
        if not answer.ok:
            message = FEATURE_MESSAGES["credentials" if task in CREDENTIALS_TASKS else "sessions"]
            assert (answer.code, answer.status, answer.message) == ("AccessDenied", 403, message)


def enable_trusted_access(stage: Stage) -> None:
    call = {
        "service": "organizations",
        "operation": "EnableAWSServiceAccess",
        "credentials": stage.keys("management-admin").as_javascript(),
        "input": {"ServicePrincipal": "iam.amazonaws.com"},
    }
    assert JavaScript(stage.url, stage.home).call([call])[0].ok


def test_without_trusted_access_no_root_session_is_opened(stages: Any) -> None:
    with stages("--scenario", "demo") as stage:
        call = assume_root_call(stage.keys("management-admin"), find_target(stage))
        [answer] = JavaScript(stage.url, stage.home).call([call])
    assert (answer.code, answer.status) == ("AccessDenied", 403)
    assert answer.message == "Service not enabled for AWS Organizations."


def assume_root_call(keys: Keys, target: str, task: str = AUDIT, **more: Any) -> dict[str, Any]:
    return {
        "service": "sts",
        "operation": "AssumeRoot",
        "credentials": keys.as_javascript(),
        "input": assume_root_input(target, task),
        **more,
    }


def call_in_session(stage: Stage, target: str, task: str, calls: Sequence[dict[str, Any]]) -> list[Answer]:
    """Open a root session as the delegated administrator, and make calls in it."""
    opening = assume_root_call(stage.keys("delegated-admin"), target, task, keep="session")
    return JavaScript(stage.url, stage.home).call([opening, *({"session": "session", **call} for call in calls)])


@pytest.mark.parametrize(("task", "operation", "given"), OUT_OF_TASK)
def test_a_root_session_may_do_its_task_alone(
    task: str, operation: str, given: dict[str, str], stage: Stage, known: dict[str, str]
) -> None:
    before = stage.read_root_users()
    call = {"service": "iam", "operation": operation, "input": given}
    opened, refused = call_in_session(stage, known["target"], task, [call])
    assert opened.ok
    assert (refused.code, refused.status) == ("AccessDenied", 403)
    assert f"iam:{operation}" in str(refused.message)
    assert stage.read_root_users() == before


def test_the_global_endpoint_does_not_know_the_operation(stage: Stage, known: dict[str, str]) -> None:
    call = assume_root_call(stage.keys("management-admin"), known["target"], globalHost="sts.amazonaws.com")
    [answer] = JavaScript(stage.url, stage.home).call([call])
    assert (answer.code, answer.status, answer.message) == ("InvalidAction", 400, "Unknown Operation")


def test_the_global_region_of_the_signature_means_the_global_endpoint(stage: Stage, known: dict[str, str]) -> None:
    client = AwsCommandLine(stage.url, stage.home, stage.keys("management-admin"), region="aws-global")
    answer = client.call("sts", "AssumeRoot", assume_root_input(known["target"]))
    assert (answer.code, answer.message) == ("InvalidAction", "Unknown Operation")


def test_keys_that_no_one_has_are_refused(stage: Stage) -> None:
    call = {"service": "sts", "operation": "GetCallerIdentity", "credentials": WRONG_KEYS.as_javascript()}
    [answer] = JavaScript(stage.url, stage.home).call([call])
    assert (answer.code, answer.status) == ("InvalidClientTokenId", 403)


def test_a_wrong_secret_is_refused(stage: Stage) -> None:
    keys = Keys(stage.keys("management-admin").access_key_id, WRONG_KEYS.secret_access_key)
    call = {"service": "sts", "operation": "GetCallerIdentity", "credentials": keys.as_javascript()}
    [answer] = JavaScript(stage.url, stage.home).call([call])
    assert (answer.code, answer.status) == ("SignatureDoesNotMatch", 403)


def test_an_operation_that_is_not_served_is_refused_in_the_protocol_s_form(stage: Stage) -> None:
    call = {
        "service": "iam",
        "operation": "ListOpenIDConnectProviders",
        "credentials": stage.keys("management-admin").as_javascript(),
    }
    [answer] = JavaScript(stage.url, stage.home).call([call])
    assert not answer.ok
    assert answer.code
    assert answer.status is not None
    assert 400 <= answer.status <= 501


def test_a_root_session_ends_with_its_time(stages: Any) -> None:
    with stages("--scenario", "demo", "--features", "all") as stage:
        target = find_target(stage)
        client = AwsCommandLine(stage.url, stage.home, stage.keys("management-admin"))
        credentials = client.call("sts", "AssumeRoot", assume_root_input(target, DELETE)).output["Credentials"]
        session = AwsCommandLine(
            stage.url,
            stage.home,
            Keys(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]),
        )
        assert session.call("iam", "GetUser", {}).ok
        stage.process.clock(901)
        refused = session.call("iam", "GetUser", {})
    assert refused.code in {"ExpiredToken", "ExpiredTokenException"}
