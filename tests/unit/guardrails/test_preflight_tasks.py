from __future__ import annotations

import json

import pytest

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.guardrails.tasks import ROOT_SESSION_TASKS, AccountPlace, Task, assume_root_request, list_requests
from rootkeeper.organization.accounts import AccountId
from rootkeeper.policy_language.conditions import OneOf, Presence
from rootkeeper.policy_language.patterns import PartialText
from rootkeeper_sandbox.authorization.authorizer import TASK_POLICIES

PLACE = AccountPlace(AccountId("444455556666"), "o-exampleorgid", ("r-exam", "ou-exam-1"), "aws")
DELEGATE = AccountPlace(AccountId("222233334444"), "o-exampleorgid", ("r-exam",), "aws")


@pytest.mark.parametrize("policy", list(TaskPolicy))
def test_a_task_is_what_its_document_leaves(policy: TaskPolicy) -> None:
    """The sandbox keeps the documents as AWS gives them; only DeleteVirtualMFADevice is aside."""
    document = json.loads(TASK_POLICIES[policy.arn("aws")])
    left = set(document["Statement"][0]["NotAction"]) - {"iam:DeleteVirtualMFADevice"}
    assert set(policy.actions) == left == {request.action for request in list_requests(Task(policy.value), PLACE)}


def test_there_is_a_task_for_each_task_policy_and_two_more() -> None:
    assert [task.value for task in Task] == [*(policy.value for policy in TaskPolicy), "RootUserSignIn", "AssumeRoot"]
    assert len(ROOT_SESSION_TASKS) == 5


def test_a_root_session_is_seen_as_the_members_root_with_assumed_root() -> None:
    request = next(list_requests(Task.AUDIT, PLACE))
    values = {key: found.values if isinstance(found, OneOf) else found for key, found in request.context.values.items()}
    known = {key: [text.known for text in texts] for key, texts in values.items()}
    assert known["aws:assumedroot"] == ["true"]
    assert known["aws:principalarn"] == ["arn:aws:iam::444455556666:root"]
    assert known["aws:principalaccount"] == known["aws:resourceaccount"] == ["444455556666"]
    assert known["aws:principalorgpaths"] == known["aws:resourceorgpaths"] == ["o-exampleorgid/r-exam/ou-exam-1/"]
    assert known["aws:principalisawsservice"] == ["false"]
    assert known["aws:requestedregion"] == ["us-east-1"]


@pytest.mark.parametrize(
    ("key", "presence"),
    [
        ("aws:sourceip", Presence.UNCERTAIN),
        ("aws:sourcevpc", Presence.UNCERTAIN),
        ("aws:multifactorauthage", Presence.UNCERTAIN),
        ("aws:principaltag/team", Presence.UNCERTAIN),
        ("aws:sourceidentity", Presence.UNCERTAIN),
        ("aws:currenttime", Presence.PRESENT),
        ("aws:tokenissuetime", Presence.PRESENT),
        ("aws:username", Presence.ABSENT),
        ("saml:aud", Presence.ABSENT),
        ("aws:requesttag/team", Presence.ABSENT),
        ("sts:taskpolicyarn", Presence.ABSENT),
    ],
)
def test_what_cant_be_known_of_a_root_session_is_left_open(key: str, presence: Presence) -> None:
    assert next(list_requests(Task.UNLOCK_QUEUE, PLACE)).context.find(key) is presence


def test_a_root_user_who_signed_in_has_no_assumed_root_and_no_tags() -> None:
    context = next(list_requests(Task.ROOT_USER_SIGN_IN, PLACE)).context
    assert context.find("aws:assumedroot") is Presence.ABSENT
    assert context.find("aws:principaltag/team") is Presence.ABSENT


@pytest.mark.parametrize("key", ["aws:multifactorauthpresent", "aws:tokenissuetime"])
def test_long_term_access_keys_have_none_of_the_keys_of_temporary_credentials(key: str) -> None:
    session = next(list_requests(Task.AUDIT, PLACE)).context.find(key)
    assert session not in (Presence.ABSENT, Presence.UNCERTAIN)
    assert next(list_requests(Task.ROOT_USER_SIGN_IN, PLACE)).context.find(key) is Presence.UNCERTAIN
    assert assume_root_request(DELEGATE, PLACE).context.find(key) is Presence.UNCERTAIN


@pytest.mark.parametrize(
    ("task", "action", "pieces"),
    [
        (Task.AUDIT, "iam:GetAccountSummary", ("*",)),
        (Task.AUDIT, "iam:GetUser", ("arn:aws:iam::444455556666:root",)),
        (Task.UNLOCK_BUCKET, "s3:ListAllMyBuckets", ("arn:aws:s3:::*",)),
        (Task.UNLOCK_BUCKET, "s3:GetBucketPolicy", ("arn:aws:s3:::", "")),
        (Task.UNLOCK_QUEUE, "sqs:SetQueueAttributes", ("arn:aws:sqs:", ":444455556666:", "")),
        (Task.ROOT_USER_SIGN_IN, "iam:CreateVirtualMFADevice", ("arn:aws:iam::444455556666:mfa/", "")),
    ],
)
def test_resources_are_known_as_far_as_they_can_be(task: Task, action: str, pieces: tuple[str, ...]) -> None:
    (request,) = (one for one in list_requests(task, PLACE) if one.action == action)
    assert request.resource == PartialText(pieces)


def test_iam_is_called_in_the_one_region_of_its_partition() -> None:
    place = AccountPlace(PLACE.account_id, PLACE.organization_id, PLACE.ou_ids, "aws-us-gov")
    found = next(list_requests(Task.DELETE, place)).context.values["aws:requestedregion"]
    assert found == (PartialText(("us-gov-west-1",)),)


def test_the_caller_of_assume_root_is_in_the_delegates_account() -> None:
    request = assume_root_request(DELEGATE, PLACE)
    assert request.resource.known == "arn:aws:iam::444455556666:root"
    policies = request.context.values["sts:taskpolicyarn"]
    assert isinstance(policies, OneOf)
    assert len(policies.values) == 5
    assert request.context.find("aws:assumedroot") is Presence.ABSENT
    assert request.context.values["aws:principalarn"] == (PartialText(("arn:aws:iam::222233334444:", "/", "")),)
