"""Who may do what with a bucket: bucket policies, the owner's root user, other accounts, and policies of the
organization. Lock-outs are lived through as a person would: with boto3 and the AWS CLI."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.serving import LOG_ARCHIVE, MEMBER, ORDERS, PAYMENTS_EU, Served, full_refusal, refusal, serving

UNLOCK, AUDIT = "S3UnlockBucketPolicy", "IAMAuditRootUserCredentials"
LOCKED, LOCKED_EU = "amzn-s3-demo-orders-invoices", "amzn-s3-demo-payments-archive"
ANCHOR = "amzn-s3-demo-ledger-anchor"
FULL = json.dumps({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
MEMBER_USER = f"arn:aws:iam::{MEMBER}:user/member-admin"


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    with serving() as made:
        yield made


@pytest.fixture
def served(running: Served) -> Served:
    running.process.reset()
    return running


@pytest.fixture(scope="module")
def shared() -> Iterator[Served]:
    """For tests that leave no trace that others see."""
    with serving() as made:
        yield made


_NUMBERS = iter(range(1000))


def new_bucket(served: Served, *statements: Mapping[str, Any]) -> str:
    """A bucket of ``member-admin``'s with a policy, if statements are given."""
    s3, name = served.client("s3"), f"amzn-s3-demo-access-{next(_NUMBERS)}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="a", Body=b"a")
    if statements:
        s3.put_bucket_policy(Bucket=name, Policy=policy_for(name, *statements))
    return name


def policy_for(name: str, *statements: Mapping[str, Any]) -> str:
    arns = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    usual = {"Effect": "Allow", "Action": "s3:*", "Resource": arns}
    return json.dumps({"Version": "2012-10-17", "Statement": [usual | dict(statement) for statement in statements]})


DENY_ALL = {"Effect": "Deny", "Principal": "*"}


# A lock-out, and the way out of it.


def test_a_bucket_that_locked_everyone_out_is_unlocked_in_a_root_session(served: Served) -> None:
    root = served.root_client("s3", ORDERS, UNLOCK)
    assert [bucket["Name"] for bucket in root.list_buckets()["Buckets"]] == [LOCKED]
    saved = json.loads(root.get_bucket_policy(Bucket=LOCKED)["Policy"])
    assert saved["Statement"][0]["Effect"] == "Deny"
    assert root.delete_bucket_policy(Bucket=LOCKED)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refusal(root.get_bucket_policy, Bucket=LOCKED) == ("NoSuchBucketPolicy", 404)
    events = served.process.control("GET", f"events?account_id={ORDERS}")
    deletion = next(event for event in events if event["eventName"] == "DeleteBucketPolicy")
    assert deletion["userIdentity"]["sessionContext"]["assumedRoot"] == "true"
    assert deletion["resources"][0]["ARN"] == f"arn:aws:s3:::{LOCKED}"
    assert (deletion["requestParameters"]["bucketName"], deletion["readOnly"]) == (LOCKED, False)


def test_an_unlock_session_can_replace_the_policy_but_nothing_else(served: Served) -> None:
    root = served.root_client("s3", ORDERS, UNLOCK)
    corrected = policy_for(LOCKED, DENY_ALL | {"Condition": {"Bool": {"aws:SecureTransport": "false"}}})
    root.put_bucket_policy(Bucket=LOCKED, Policy=corrected)
    assert root.get_bucket_policy(Bucket=LOCKED)["Policy"] == corrected
    for call, parameters in (
        (root.get_bucket_location, {}),
        (root.list_objects_v2, {}),
        (root.put_object, {"Key": "a", "Body": b""}),
        (root.delete_bucket, {}),
        (root.get_bucket_versioning, {}),
    ):
        code, status, message = full_refusal(call, Bucket=LOCKED, **parameters)
        assert (code, status) == ("AccessDenied", 403)
        assert message.endswith("with an explicit deny in a session policy")
    assert refusal(root.head_bucket, Bucket=LOCKED) == ("403", 403)


def test_an_audit_session_cannot_unlock(shared: Served) -> None:
    root = shared.root_client("s3", ORDERS, AUDIT)
    code, status, message = full_refusal(root.get_bucket_policy, Bucket=LOCKED)
    assert (code, status) == ("AccessDenied", 403)
    assert "s3:GetBucketPolicy on resource" in message
    assert refusal(root.list_buckets) == ("AccessDenied", 403)


def test_a_session_of_one_account_does_not_reach_anothers_bucket(shared: Served) -> None:
    root = shared.root_client("s3", MEMBER, UNLOCK)
    code, status, message = full_refusal(root.delete_bucket_policy, Bucket=LOCKED)
    assert (code, status) == ("AccessDenied", 403)
    assert message.endswith("with an explicit deny in a resource-based policy")
    anchor = full_refusal(root.get_bucket_policy, Bucket=ANCHOR)
    assert anchor[2].endswith("because no resource-based policy allows the s3:GetBucketPolicy action")


def test_a_bucket_in_another_region_is_unlocked_by_following_the_redirect(served: Served) -> None:
    root = served.root_client("s3", PAYMENTS_EU, UNLOCK)
    assert "archive-writer" in root.get_bucket_policy(Bucket=LOCKED_EU)["Policy"]
    root.delete_bucket_policy(Bucket=LOCKED_EU)
    there = served.root_client("s3", PAYMENTS_EU, UNLOCK, region="eu-central-1")
    assert refusal(there.get_bucket_policy, Bucket=LOCKED_EU) == ("NoSuchBucketPolicy", 404)


@pytest.mark.long
def test_the_aws_cli_unlocks_with_nothing_but_endpoint_region_and_keys(served: Served) -> None:
    given = served.root_session(ORDERS, UNLOCK)
    environment = {
        "AWS_ENDPOINT_URL": served.process.base_url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }
    shown = served.run_cli("s3api", "get-bucket-policy", "--bucket", LOCKED, environment=environment)
    assert "OnlyTheDeployment" in shown.stdout, shown.stderr
    denied = served.run_cli("s3api", "get-bucket-location", "--bucket", LOCKED, environment=environment)
    assert "(AccessDenied) when calling the GetBucketLocation operation" in denied.stderr
    removed = served.run_cli("s3api", "delete-bucket-policy", "--bucket", LOCKED, environment=environment)
    assert removed.returncode == 0, removed.stderr
    again = served.run_cli("s3api", "get-bucket-policy", "--bucket", LOCKED, environment=environment)
    assert "(NoSuchBucketPolicy)" in again.stderr


def test_who_locked_themselves_out_stays_out(shared: Served) -> None:
    name, s3 = new_bucket(shared, DENY_ALL), shared.client("s3")
    for call, parameters in (
        (s3.get_bucket_policy, {}),
        (s3.delete_bucket_policy, {}),
        (s3.list_objects_v2, {}),
        (s3.get_object, {"Key": "a"}),
        (s3.put_object, {"Key": "b", "Body": b""}),
        (s3.delete_bucket, {}),
    ):
        code, status, message = full_refusal(call, Bucket=name, **parameters)
        assert (code, status) == ("AccessDenied", 403)
        assert message.startswith(f"User: {MEMBER_USER} is not authorized to perform: s3:")
        assert f'"arn:aws:s3:::{name}' in message
        assert message.endswith("with an explicit deny in a resource-based policy")
    assert name in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


# Organization policies over root sessions.


def attach(served: Served, kind: str, statement: Mapping[str, Any], target: str) -> str:
    content = {"Version": "2012-10-17", "Statement": [statement]}
    body = {"name": f"test-{next(_NUMBERS)}", "type": kind, "content": content, "targets": [target]}
    made: dict[str, str] = served.process.control("POST", "policies", body)
    return made["arn"]


def test_a_resource_control_policy_stops_even_the_unlock(served: Served) -> None:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucketPolicy", "Resource": "*"}
    arn = attach(served, "RESOURCE_CONTROL_POLICY", statement, ORDERS)
    root = served.root_client("s3", ORDERS, UNLOCK)
    assert root.get_bucket_policy(Bucket=LOCKED)["Policy"]
    _, status, message = full_refusal(root.delete_bucket_policy, Bucket=LOCKED)
    assert status == 403
    assert message.endswith(f"with an explicit deny in a resource control policy: {arn}")


def test_a_data_perimeter_does_not_hit_root_sessions_of_the_organization(served: Served) -> None:
    outside = {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-exampleorgid"}}
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": outside}
    attach(served, "RESOURCE_CONTROL_POLICY", statement, "r-demo")
    root = served.root_client("s3", ORDERS, UNLOCK)
    root.delete_bucket_policy(Bucket=LOCKED)
    s3 = served.client("s3")
    s3.create_bucket(Bucket="amzn-s3-demo-perimeter")
    s3.put_object(Bucket="amzn-s3-demo-perimeter", Key="a", Body=b"")


def test_an_scp_that_denies_root_stops_the_unlock_and_is_named(served: Served) -> None:
    root_user = {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}}
    statement = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": root_user}
    arn = attach(served, "SERVICE_CONTROL_POLICY", statement, ORDERS)
    root = served.root_client("s3", ORDERS, UNLOCK)
    code, status, message = full_refusal(root.get_bucket_policy, Bucket=LOCKED)
    assert (code, status) == ("AccessDenied", 403)
    assert message.endswith(f"with an explicit deny in a service control policy: {arn}")


# Within the account and across accounts.


def test_a_bucket_policy_alone_lets_a_user_of_the_account_in(shared: Served) -> None:
    user = shared.user_client("s3", MEMBER)
    name = new_bucket(shared)
    message = full_refusal(user.get_object, Bucket=name, Key="a")[2]
    assert message.endswith("because no identity-based policy allows the s3:GetObject action")
    arn = shared_arn(shared, user)
    shared.client("s3").put_bucket_policy(Bucket=name, Policy=policy_for(name, {"Principal": {"AWS": arn}}))
    assert user.get_object(Bucket=name, Key="a")["Body"].read() == b"a"
    shared.client("s3").put_bucket_policy(Bucket=name, Policy=policy_for(name, {"Principal": {"AWS": MEMBER}}))
    assert refusal(user.get_object, Bucket=name, Key="a") == ("AccessDenied", 403)


def shared_arn(served: Served, client: Any) -> str:
    """The ARN of whose keys a client has."""
    keys = client._request_signer._credentials
    sts = served._make("sts", "us-east-1", {}, keys.access_key, keys.secret_key)
    arn: str = sts.get_caller_identity()["Arn"]
    return arn


def test_another_account_needs_both_sides(shared: Served) -> None:
    foreign = shared.client("s3", "delegated-admin")
    unprivileged = shared.client("s3", "observer")
    name = new_bucket(shared)
    message = full_refusal(foreign.get_object, Bucket=name, Key="a")[2]
    assert message.endswith("because no resource-based policy allows the s3:GetObject action")
    shared.client("s3").put_bucket_policy(Bucket=name, Policy=policy_for(name, {"Principal": "*"}))
    assert foreign.get_object(Bucket=name, Key="a")["Body"].read() == b"a"
    message = full_refusal(unprivileged.get_object, Bucket=name, Key="a")[2]
    assert message.endswith("because no identity-based policy allows the s3:GetObject action")
    assert refusal(foreign.get_bucket_policy, Bucket=name) == ("MethodNotAllowed", 405)
    assert refusal(foreign.head_bucket, Bucket=name, ExpectedBucketOwner="222233334444") == ("403", 403)


def test_the_management_accounts_anchor_reaches_the_log_archive(shared: Served) -> None:
    s3 = shared.client("s3", "management-admin")
    assert s3.put_object(Bucket=ANCHOR, Key="heads/1", Body=b"sha256")["VersionId"]
    assert s3.list_objects_v2(Bucket=ANCHOR, ExpectedBucketOwner=LOG_ARCHIVE)["KeyCount"] == 1
    assert refusal(s3.delete_object, Bucket=ANCHOR, Key="heads/1") == ("AccessDenied", 403)
    assert refusal(shared.client("s3").put_object, Bucket=ANCHOR, Key="heads/2", Body=b"")[1] == 403


def test_conditions_on_s3s_own_keys_decide(shared: Served) -> None:
    name = new_bucket(shared)
    prefix_only = {"StringEquals": {"s3:prefix": "public/"}}
    encrypted = {"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}}
    from_here = {"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}
    s3 = shared.client("s3")
    policy = policy_for(
        name,
        {"Principal": "*", "Action": "s3:ListBucket", "Condition": prefix_only, "Resource": f"arn:aws:s3:::{name}"},
        DENY_ALL | {"Action": "s3:PutObject", "Condition": encrypted},
        DENY_ALL | {"Condition": from_here},
    )
    s3.put_bucket_policy(Bucket=name, Policy=policy)
    foreign = shared.client("s3", "delegated-admin")
    assert foreign.list_objects_v2(Bucket=name, Prefix="public/")["KeyCount"] == 0
    assert refusal(foreign.list_objects_v2, Bucket=name) == ("AccessDenied", 403)
    assert refusal(s3.put_object, Bucket=name, Key="b", Body=b"") == ("AccessDenied", 403)
    s3.put_object(Bucket=name, Key="b", Body=b"", ServerSideEncryption="AES256")


def test_a_policy_that_is_none_is_refused_and_the_old_one_stays(shared: Served) -> None:
    s3 = shared.client("s3")
    name = new_bucket(shared, {"Principal": {"AWS": MEMBER}})
    before = s3.get_bucket_policy(Bucket=name)["Policy"]
    for text, message in (
        ("not json", "Policies must be valid JSON and the first byte must be '{'"),
        (policy_for("another-bucket", {"Principal": "*"}), "Policy has invalid resource"),
        (policy_for(name, {"Principal": {"AWS": f"arn:aws:iam::{MEMBER}:user/gone"}}), "Invalid principal in policy"),
        (json.dumps({"Statement": [], "Id": "x" * 21_000}), "Policy exceeds the maximum allowed document size."),
    ):
        assert full_refusal(s3.put_bucket_policy, Bucket=name, Policy=text) == ("MalformedPolicy", 400, message)
    assert s3.get_bucket_policy(Bucket=name)["Policy"] == before


def test_a_caller_without_permission_is_refused_in_s3s_words(shared: Served) -> None:
    observer = shared.client("s3", "observer")
    arn = "arn:aws:iam::111122223333:user/observer"
    cause = "because no identity-based policy allows the s3:ListAllMyBuckets action"
    expected = f"User: {arn} is not authorized to perform: s3:ListAllMyBuckets {cause}"
    assert full_refusal(observer.list_buckets) == ("AccessDenied", 403, expected)
    assert refusal(observer.create_bucket, Bucket="amzn-s3-demo-never") == ("AccessDenied", 403)


def test_object_lock_at_creation_needs_its_own_permissions(shared: Served) -> None:
    only_create = json.dumps({"Statement": {"Effect": "Allow", "Action": "s3:CreateBucket", "Resource": "*"}})
    creator = shared.user_client("s3", MEMBER, only_create)
    denied = full_refusal(creator.create_bucket, Bucket="amzn-s3-demo-locked-1", ObjectLockEnabledForBucket=True)
    assert "s3:PutBucketObjectLockConfiguration" in denied[2]
    creator.create_bucket(Bucket="amzn-s3-demo-locked-1")


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE"}, "InvalidAccessKeyId", 403),
        ({"aws_secret_access_key": "wrong"}, "SignatureDoesNotMatch", 403),
        ({"aws_session_token": "made up"}, "InvalidToken", 400),
    ],
)
def test_wrong_credentials_are_refused_with_s3s_codes(
    shared: Served, changes: dict[str, str], code: str, status: int
) -> None:
    found = shared.process.principals()["member-admin"]
    keys = {"aws_access_key_id": found.access_key_id, "aws_secret_access_key": found.secret_access_key} | changes
    client = shared._make("s3", "us-east-1", {}, *keys.values())
    assert refusal(client.list_buckets) == (code, status)


def test_buckets_queues_and_changes_of_addresses_survive_a_restart(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state"))
    with serving(*state) as served:
        name = new_bucket(served, {"Principal": {"AWS": MEMBER}})
        url = served.client("sqs").create_queue(QueueName="kept")["QueueUrl"]
        served.client("sqs").send_message(QueueUrl=url, MessageBody="kept message")
        served.root_client("s3", ORDERS, UNLOCK).delete_bucket_policy(Bucket=LOCKED)
        organizations = served.client("organizations", "management-admin")
        organizations.enable_aws_service_access(ServicePrincipal="account.amazonaws.com")
        account = served.client("account", "management-admin")
        account.start_primary_email_update(AccountId=MEMBER, PrimaryEmail="kept@example.com")
    with serving(*state) as served:
        s3, sqs = served.client("s3"), served.client("sqs")
        assert s3.get_object(Bucket=name, Key="a")["Body"].read() == b"a"
        assert json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
        received = sqs.receive_message(QueueUrl=sqs.get_queue_url(QueueName="kept")["QueueUrl"])["Messages"]
        assert received[0]["Body"] == "kept message"
        assert (
            refusal(served.root_client("s3", ORDERS, UNLOCK).get_bucket_policy, Bucket=LOCKED)[0]
            == "NoSuchBucketPolicy"
        )
        account = served.client("account", "management-admin")
        assert account.get_primary_email_update_status(AccountId=MEMBER)["Status"] == "PENDING"
        assert served.client("sso-admin", "management-admin").list_instances()["Instances"]
