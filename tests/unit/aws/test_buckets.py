from __future__ import annotations

import pytest

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.resources import AwsBucketPolicies
from rootkeeper.aws.rules import Resource, ResourceKind
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsNotFoundError,
    AwsRejectedError,
    AwsUnclearError,
    AwsUnreachableError,
)
from rootkeeper.ledger.rules import Action
from tests.fakes.aws_server import CUT, FakeAwsServer, Reply, error_s3
from tests.fakes.clock import FakeClock
from tests.fakes.intents import make_intent
from tests.unit.aws.unlock_sessions import ACCOUNT, SESSION_KEY, answer_buckets, make_calls

BUCKET = Resource(ResourceKind.BUCKET, ACCOUNT, "amzn-s3-demo-bucket", "eu-central-1", "aws")
POLICY = '{"Version":"2012-10-17","Statement":[]}'
NO_POLICY = error_s3("NoSuchBucketPolicy", 404)
REDIRECT = error_s3("PermanentRedirect", 301, headers=(("x-amz-bucket-region", "eu-central-1"),))


@pytest.fixture
def buckets(regional_clients: AwsClients) -> AwsBucketPolicies:
    return AwsBucketPolicies(make_calls(regional_clients, "s3"))


def scope_of(aws_server: FakeAwsServer, index: int = -1) -> str:
    """The Region for which a request was signed."""
    return aws_server.received[index].headers["authorization"].partition("Credential=")[2].split("/")[2]


def test_buckets_are_listed_to_the_end_with_their_regions(
    buckets: AwsBucketPolicies, aws_server: FakeAwsServer
) -> None:
    aws_server.answer(
        "ListBuckets",
        answer_buckets(("b-two", "us-west-2"), token="more"),
        answer_buckets(("a-one", "eu-central-1")),
    )
    found = buckets.list_resources("us-east-1")
    assert [(bucket.name, bucket.region) for bucket in found] == [("a-one", "eu-central-1"), ("b-two", "us-west-2")]
    assert "max-buckets=1000" in aws_server.received[0].path
    assert "continuation-token=more" in aws_server.received[1].path
    assert {request.access_key_id for request in aws_server.received} == {SESSION_KEY}


def test_a_list_that_repeats_itself_is_no_list(buckets: AwsBucketPolicies, aws_server: FakeAwsServer) -> None:
    aws_server.answer("ListBuckets", answer_buckets(("a-one", "eu-central-1"), token="same"))
    with pytest.raises(AwsUnreachableError, match="repeat"):
        buckets.list_resources("us-east-1")


@pytest.mark.parametrize(
    "redirect",
    [
        REDIRECT,
        error_s3("TemporaryRedirect", 307, headers=(("x-amz-bucket-region", "eu-central-1"),)),
        error_s3("AuthorizationHeaderMalformed", 400, "<Region>eu-central-1</Region>"),
        error_s3("IllegalLocationConstraintException", 400, headers=(("x-amz-bucket-region", "eu-central-1"),)),
    ],
)
def test_where_the_list_gives_no_region_the_redirect_does(
    buckets: AwsBucketPolicies, aws_server: FakeAwsServer, redirect: Reply
) -> None:
    aws_server.answer("ListBuckets", answer_buckets((BUCKET.name, None)))
    aws_server.answer("GetBucketPolicy", redirect)
    assert buckets.list_resources("us-east-1") == (BUCKET,)
    assert aws_server.operations == ["ListBuckets", "GetBucketPolicy"]


def test_a_redirect_that_names_no_region_is_no_answer(buckets: AwsBucketPolicies, aws_server: FakeAwsServer) -> None:
    aws_server.answer("ListBuckets", error_s3("AccessDenied", 403))
    aws_server.answer("GetBucketPolicy", error_s3("PermanentRedirect", 301))
    with pytest.raises(AwsUnreachableError, match="names no Region"):
        buckets.find_resource(BUCKET.name, "us-east-1")


@pytest.mark.parametrize(
    ("answer", "region"),
    [(Reply(body=POLICY), "us-east-1"), (NO_POLICY, "us-east-1"), (REDIRECT, "eu-central-1")],
)
def test_a_bucket_is_found_even_where_the_list_is_denied(
    buckets: AwsBucketPolicies, aws_server: FakeAwsServer, answer: Reply, region: str
) -> None:
    aws_server.answer("ListBuckets", error_s3("AccessDenied", 403))
    aws_server.answer("GetBucketPolicy", answer)
    found = buckets.find_resource(BUCKET.name, "us-east-1")
    assert found is not None
    assert found.region == region


def test_a_bucket_of_the_name_as_its_beginning_is_another_one(
    buckets: AwsBucketPolicies, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("ListBuckets", answer_buckets((f"{BUCKET.name}-two", "us-east-1")))
    assert buckets.find_resource(BUCKET.name, "us-east-1") is None
    aws_server.answer("ListBuckets", error_s3("AccessDenied", 403))
    aws_server.answer("GetBucketPolicy", error_s3("NoSuchBucket", 404))
    assert buckets.find_resource(BUCKET.name, "us-east-1") is None


def test_a_denial_of_everything_is_a_denial(buckets: AwsBucketPolicies, aws_server: FakeAwsServer) -> None:
    for operation in ("ListBuckets", "GetBucketPolicy"):
        aws_server.answer(operation, error_s3("AccessDenied", 403))
    with pytest.raises(AwsAccessDeniedError) as raised:
        buckets.find_resource(BUCKET.name, "us-east-1")
    assert "SCP" in (raised.value.hint or "")


def test_a_policy_is_read_in_the_buckets_region_as_that_of_its_owner(
    buckets: AwsBucketPolicies, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("GetBucketPolicy", Reply(body=POLICY), NO_POLICY)
    assert buckets.find_policy(BUCKET) == POLICY
    assert buckets.find_policy(BUCKET) is None
    assert scope_of(aws_server) == "eu-central-1"
    assert aws_server.received[0].headers["x-amz-expected-bucket-owner"] == ACCOUNT


def test_a_bucket_that_is_gone_is_not_one_without_a_policy(
    buckets: AwsBucketPolicies, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("GetBucketPolicy", error_s3("NoSuchBucket", 404))
    with pytest.raises(AwsNotFoundError):
        buckets.find_policy(BUCKET)


def test_changes_are_sent_once_to_the_buckets_region(
    buckets: AwsBucketPolicies, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("DeleteBucketPolicy", Reply(204))
    aws_server.answer("PutBucketPolicy", Reply(204))
    buckets.remove_policy(BUCKET, make_intent(clock, Action.BUCKET_POLICY_DELETE, ACCOUNT))
    buckets.put_policy(BUCKET, POLICY, make_intent(clock, Action.BUCKET_POLICY_PUT, ACCOUNT))
    assert aws_server.operations == ["DeleteBucketPolicy", "PutBucketPolicy"]
    assert aws_server.received[1].parameters == POLICY
    for request in aws_server.received:
        assert request.access_key_id == SESSION_KEY
        assert request.headers["x-amz-expected-bucket-owner"] == ACCOUNT
    assert scope_of(aws_server) == "eu-central-1"


@pytest.mark.parametrize("answer", [CUT, error_s3("InternalError", 500), Reply(200, request_id="")])
def test_p04_an_unclear_answer_is_reported_and_never_sent_again(
    buckets: AwsBucketPolicies, aws_server: FakeAwsServer, clock: FakeClock, answer: Reply
) -> None:
    aws_server.answer("DeleteBucketPolicy", answer)
    with pytest.raises(AwsUnclearError):
        buckets.remove_policy(BUCKET, make_intent(clock, Action.BUCKET_POLICY_DELETE, ACCOUNT))
    assert aws_server.operations == ["DeleteBucketPolicy"]


def test_p04_a_redirect_of_a_change_is_not_followed(
    buckets: AwsBucketPolicies, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    """botocore would send it again by itself, to where the answer says."""
    aws_server.answer("DeleteBucketPolicy", REDIRECT, Reply(204))
    with pytest.raises(AwsRejectedError):
        buckets.remove_policy(BUCKET, make_intent(clock, Action.BUCKET_POLICY_DELETE, ACCOUNT))
    assert aws_server.operations == ["DeleteBucketPolicy"]
