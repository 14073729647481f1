"""Settings of buckets that are kept and shown, and what S3 shows of those that can't be set."""

from __future__ import annotations

from typing import Any

import pytest

from rootkeeper_sandbox.authorization.authorizer import find_denial
from rootkeeper_sandbox.codec.errors import RefusalError, make_s3_error
from rootkeeper_sandbox.exchange import ServiceError
from rootkeeper_sandbox.services.registry import SERVICES
from tests.sandbox.calling import Stage
from tests.sandbox.wire import BUCKET

NEW = "amzn-s3-demo-settings"
ALL_BLOCKED = {
    "BlockPublicAcls": True,
    "BlockPublicPolicy": True,
    "IgnorePublicAcls": True,
    "RestrictPublicBuckets": True,
}
KMS = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/ledger"}}
TEAM = [{"Key": "team", "Value": "security"}]


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    ask(stage, "CreateBucket")
    return stage


def ask(stage: Stage, operation: str, **parameters: Any) -> dict[str, Any]:
    return stage.call("management-admin", "s3", operation, Bucket=NEW, **parameters)


def refusal(stage: Stage, operation: str, **parameters: Any) -> tuple[str, int]:
    try:
        answer = ask(stage, operation, **parameters)
    except RefusalError as refused:
        error = make_s3_error(refused)
    except ServiceError as refused:
        error = refused
    else:
        pytest.fail(f"{operation} wasn't refused but answered {answer}")
    return error.code, error.status


def test_a_new_bucket_blocks_public_access(stage: Stage) -> None:
    assert ask(stage, "GetPublicAccessBlock") == {"PublicAccessBlockConfiguration": ALL_BLOCKED}


def test_a_block_that_is_put_is_shown_until_it_is_deleted(stage: Stage) -> None:
    ask(stage, "PutPublicAccessBlock", PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    shown = ask(stage, "GetPublicAccessBlock")["PublicAccessBlockConfiguration"]
    assert shown == dict.fromkeys(ALL_BLOCKED, False) | {"BlockPublicAcls": True}
    ask(stage, "DeletePublicAccessBlock")
    assert refusal(stage, "GetPublicAccessBlock") == ("NoSuchPublicAccessBlockConfiguration", 404)


def test_default_encryption_is_s3s_own_until_another_is_put(stage: Stage) -> None:
    own = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
    assert ask(stage, "GetBucketEncryption") == {"ServerSideEncryptionConfiguration": {"Rules": [own]}}
    ask(stage, "PutBucketEncryption", ServerSideEncryptionConfiguration={"Rules": [KMS]})
    shown = ask(stage, "GetBucketEncryption")["ServerSideEncryptionConfiguration"]
    assert shown == {"Rules": [KMS | {"BucketKeyEnabled": False}]}
    ask(stage, "DeleteBucketEncryption")
    assert ask(stage, "GetBucketEncryption") == {"ServerSideEncryptionConfiguration": {"Rules": [own]}}


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ([], "MalformedXML"),
        ([KMS, KMS], "MalformedXML"),
        ([{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "rot13"}}], "MalformedXML"),
        (
            [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256", "KMSMasterKeyID": "k"}}],
            "InvalidArgument",
        ),
    ],
)
def test_an_encryption_that_is_none_is_refused(stage: Stage, rules: list[Any], code: str) -> None:
    assert refusal(stage, "PutBucketEncryption", ServerSideEncryptionConfiguration={"Rules": rules}) == (code, 400)


def test_tags_are_replaced_whole(stage: Stage) -> None:
    assert refusal(stage, "GetBucketTagging") == ("NoSuchTagSet", 404)
    ask(stage, "PutBucketTagging", Tagging={"TagSet": [{"Key": "stage", "Value": "test"}]})
    ask(stage, "PutBucketTagging", Tagging={"TagSet": TEAM})
    assert ask(stage, "GetBucketTagging") == {"TagSet": TEAM}
    assert refusal(stage, "PutBucketTagging", Tagging={"TagSet": TEAM * 2}) == ("InvalidTag", 400)
    many = [{"Key": str(number), "Value": ""} for number in range(51)]
    assert refusal(stage, "PutBucketTagging", Tagging={"TagSet": many}) == ("BadRequest", 400)
    ask(stage, "DeleteBucketTagging")
    assert refusal(stage, "GetBucketTagging") == ("NoSuchTagSet", 404)


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("GetBucketCors", "NoSuchCORSConfiguration"),
        ("GetBucketLifecycleConfiguration", "NoSuchLifecycleConfiguration"),
        ("GetBucketReplication", "ReplicationConfigurationNotFoundError"),
        ("GetBucketWebsite", "NoSuchWebsiteConfiguration"),
    ],
)
def test_what_was_never_configured_is_not_found(stage: Stage, operation: str, code: str) -> None:
    assert refusal(stage, operation) == (code, 404)


def test_the_other_settings_are_those_of_a_new_bucket(stage: Stage) -> None:
    assert ask(stage, "GetBucketLogging") == ask(stage, "GetBucketAccelerateConfiguration") == {}
    assert ask(stage, "GetBucketRequestPayment") == {"Payer": "BucketOwner"}
    acl = ask(stage, "GetBucketAcl")
    assert [grant["Permission"] for grant in acl["Grants"]] == ["FULL_CONTROL"]
    assert acl["Grants"][0]["Grantee"]["ID"] == acl["Owner"]["ID"] == ask(stage, "ListBuckets")["Owner"]["ID"]


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock"),
        ("PutPublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
        ("DeletePublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
        ("GetBucketEncryption", "s3:GetEncryptionConfiguration"),
        ("PutBucketEncryption", "s3:PutEncryptionConfiguration"),
        ("DeleteBucketTagging", "s3:PutBucketTagging"),
        ("GetBucketCors", "s3:GetBucketCORS"),
        ("GetBucketLifecycleConfiguration", "s3:GetLifecycleConfiguration"),
        ("ListObjects", "s3:ListBucket"),
    ],
)
def test_each_needs_the_action_that_s3_names(stage: Stage, operation: str, action: str) -> None:
    served = SERVICES["s3"][operation]
    assert served.action == action
    call = stage.make_call("observer", "s3", operation, Bucket=NEW)
    assert find_denial(call, served, action) is not None
    assert find_denial(stage.make_call("management-admin", "s3", operation, Bucket=NEW), served, action) is None


def test_a_bucket_policy_that_denies_everything_denies_its_settings_too(stage: Stage) -> None:
    served = SERVICES["s3"]["GetBucketEncryption"]
    call = stage.make_call("management-admin", "s3", "GetBucketEncryption", Bucket=BUCKET)
    assert find_denial(call, served, served.action) is not None


@pytest.fixture
def listed(stage: Stage) -> Stage:
    for key in ("a", "b/1", "b/2", "c"):
        ask(stage, "PutObject", Key=key, Body=b"")
    return stage


def test_the_first_listing_of_objects_goes_by_marker_and_names_the_owner(listed: Stage) -> None:
    page = ask(listed, "ListObjects", MaxKeys=2)
    assert [(one["Key"], set(one["Owner"])) for one in page["Contents"]] == [("a", {"ID"}), ("b/1", {"ID"})]
    assert (page["IsTruncated"], page["NextMarker"], page["Marker"]) == (True, None, "")
    rest = ask(listed, "ListObjects", Marker="b/1")
    assert [one["Key"] for one in rest["Contents"]] == ["b/2", "c"]
    assert (rest["IsTruncated"], rest["Marker"]) == (False, "b/1")


def test_the_next_marker_is_there_with_a_delimiter_alone(listed: Stage) -> None:
    page = ask(listed, "ListObjects", Delimiter="/", MaxKeys=2)
    assert [one["Key"] for one in page["Contents"]] == ["a"]
    assert (page["CommonPrefixes"], page["NextMarker"]) == ([{"Prefix": "b/"}], "b/")
    rest = ask(listed, "ListObjects", Delimiter="/", Marker="b/")
    assert [one["Key"] for one in rest["Contents"]] == ["c"]
