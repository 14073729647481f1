"""S3 over real HTTP: buckets in Regions, objects, versions and Object Lock, as boto3 and the AWS CLI see them."""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.sandbox.serving import Served, full_refusal, refusal, serving


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as made:
        yield made


@pytest.fixture(scope="module")
def s3(served: Served) -> Any:
    return served.client("s3")


_NUMBERS = iter(range(1000))


def new_bucket(s3: Any, **parameters: Any) -> str:
    name = f"amzn-s3-demo-test-{next(_NUMBERS)}"
    s3.create_bucket(Bucket=name, **parameters)
    return name


def in_region(region: str) -> dict[str, Any]:
    return {"CreateBucketConfiguration": {"LocationConstraint": region}}


# Buckets and Regions.


def test_a_bucket_is_created_listed_and_deleted(s3: Any) -> None:
    name = new_bucket(s3)
    assert name in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] is None
    assert s3.delete_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refusal(s3.head_bucket, Bucket=name) == ("404", 404)
    assert refusal(s3.list_objects_v2, Bucket=name) == ("NoSuchBucket", 404)


def test_regions_of_buckets_are_listed_only_in_pages(s3: Any) -> None:
    first, second = sorted([new_bucket(s3), new_bucket(s3, **in_region("eu-west-1"))])
    plain = {bucket["Name"]: bucket for bucket in s3.list_buckets()["Buckets"]}
    assert not any("BucketRegion" in bucket for bucket in plain.values())
    assert {first, second} <= plain.keys()
    pages = list(
        s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 1}, Prefix="amzn-s3-demo-test")
    )
    regions = {bucket["Name"]: bucket["BucketRegion"] for page in pages for bucket in page["Buckets"]}
    assert regions[second] == "eu-west-1" or regions[first] == "eu-west-1"
    assert all(len(page["Buckets"]) == 1 for page in pages)
    assert refusal(s3.list_buckets, ContinuationToken="made up") == ("InvalidArgument", 400)
    only_eu = s3.list_buckets(BucketRegion="eu-west-1")["Buckets"]
    assert {bucket["BucketRegion"] for bucket in only_eu} == {"eu-west-1"}


def test_the_location_constraint_must_fit_the_endpoint(served: Served, s3: Any) -> None:
    ireland = served.client("s3", region="eu-west-1")
    name = "amzn-s3-demo-placed"
    code, status, message = full_refusal(ireland.create_bucket, Bucket=name)
    assert (code, status) == ("IllegalLocationConstraintException", 400)
    assert message.startswith("The unspecified location constraint is incompatible")
    assert (
        refusal(ireland.create_bucket, Bucket=name, **in_region("eu-central-1"))[0]
        == "IllegalLocationConstraintException"
    )
    assert refusal(s3.create_bucket, Bucket=name, **in_region("atlantis-1")) == ("InvalidLocationConstraint", 400)
    ireland.create_bucket(Bucket=name, **in_region("EU"))
    assert ireland.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"


def test_ones_own_bucket_again_is_no_error_in_us_east_1_alone(served: Served, s3: Any) -> None:
    name = new_bucket(s3)
    s3.create_bucket(Bucket=name)
    ireland = served.client("s3", region="eu-west-1")
    other = new_bucket(ireland, **in_region("eu-west-1"))
    assert refusal(ireland.create_bucket, Bucket=other, **in_region("eu-west-1")) == ("BucketAlreadyOwnedByYou", 409)
    foreign = served.client("s3", "delegated-admin")
    assert refusal(foreign.create_bucket, Bucket=name) == ("BucketAlreadyExists", 409)


@pytest.mark.parametrize("name", ["ab", "Upper", "a..b", "-dash", "10.0.0.1", "xn--a", "dot-.a", "name_with", "a" * 64])
def test_names_that_s3_does_not_take_are_refused(served: Served, name: str) -> None:
    status, _, body = send_signed(served, "PUT", f"/{name}")
    assert status == 400
    assert f"<Code>InvalidBucketName</Code><Message>The specified bucket is not valid.</Message><BucketName>{name}" in (
        body.decode()
    )


def test_a_bucket_elsewhere_redirects_and_clients_follow(served: Served, s3: Any) -> None:
    ireland = served.client("s3", region="eu-west-1")
    name = new_bucket(ireland, **in_region("eu-west-1"))
    ireland.put_object(Bucket=name, Key="a", Body=b"there")
    status, headers, body = send_signed(served, "GET", f"/{name}?list-type=2")
    assert (status, headers["x-amz-bucket-region"]) == (301, "eu-west-1")
    assert b"<Code>PermanentRedirect</Code>" in body
    assert f"<Endpoint>{name}.s3.eu-west-1.amazonaws.com</Endpoint><Bucket>{name}</Bucket>".encode() in body
    assert s3.get_object(Bucket=name, Key="a")["Body"].read() == b"there"
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == "eu-west-1"
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"


def test_an_endpoint_of_one_region_refuses_the_signature_of_another(served: Served, s3: Any) -> None:
    name = new_bucket(s3)
    host = f"{name}.s3.eu-west-1.amazonaws.com"
    status, _, body = send_signed(served, "GET", "/?list-type=2", host=host)
    assert status == 400
    assert b"the region 'us-east-1' is wrong; expecting 'eu-west-1'" in body
    assert b"<Region>eu-west-1</Region>" in body


@pytest.mark.parametrize("suffix", ["s3.amazonaws.com", "s3.us-east-1.amazonaws.com", "s3.localhost", "localhost"])
def test_a_bucket_is_found_by_the_host_name(served: Served, s3: Any, suffix: str) -> None:
    name = new_bucket(s3)
    s3.put_object(Bucket=name, Key="folder/a b.txt", Body=b"hosted")
    status, _, body = send_signed(served, "GET", "/folder/a%20b.txt", host=f"{name}.{suffix}")
    assert (status, body) == (200, b"hosted")
    status, _, body = send_signed(served, "GET", "/?list-type=2", host=f"{name}.{suffix}")
    assert status == 200
    assert b"<Key>folder/a b.txt</Key>" in body


def send_signed(
    served: Served,
    method: str,
    target: str,
    *,
    host: str = "",
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """Send a request of one's own making, signed by botocore for us-east-1."""
    found = served.process.principals()["member-admin"]
    host = host or served.process.address
    request = AWSRequest(method, f"http://{host}{target}", headers=headers or {}, data=body)
    S3SigV4Auth(Credentials(found.access_key_id, found.secret_access_key), "s3", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection(served.process.address, timeout=20)
    try:
        connection.request(method, target, body, {"Host": host, **dict(request.headers.items())})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/..", "/../etc/passwd", "/..%2F..%2Fetc", "/%00", "/%C3%28", "//etc"])
def test_bucket_names_that_climb_out_of_their_place_are_refused(served: Served, path: str) -> None:
    status, headers, body = send_signed(served, "DELETE", path)
    assert status == 400
    assert headers["content-type"] == "application/xml"
    assert b"<Code>InvalidBucketName</Code>" in body or b"<Code>InvalidURI</Code>" in body


def test_a_request_is_never_taken_for_a_deprecated_operation(s3: Any) -> None:
    """GetBucketLifecycle has the same method, path and query."""
    refused = refusal(s3.get_bucket_lifecycle_configuration, Bucket="amzn-s3-demo-shop-assets")
    assert refused == ("NoSuchLifecycleConfiguration", 404)


def test_an_operation_that_is_not_served_is_refused_in_s3s_form(s3: Any) -> None:
    code, status, message = full_refusal(
        s3.get_bucket_analytics_configuration, Id="x", Bucket="amzn-s3-demo-shop-assets"
    )
    assert (code, status) == ("MethodNotAllowed", 405)
    assert message == "The sandbox does not serve s3:GetBucketAnalyticsConfiguration."


def test_a_bucket_with_something_in_it_is_not_deleted(s3: Any) -> None:
    name = new_bucket(s3)
    s3.put_object(Bucket=name, Key="a", Body=b"a")
    assert refusal(s3.delete_bucket, Bucket=name) == ("BucketNotEmpty", 409)
    s3.delete_object(Bucket=name, Key="a")
    s3.delete_bucket(Bucket=name)


# Objects.


def test_an_object_comes_back_as_it_was_put(s3: Any) -> None:
    name = new_bucket(s3)
    key, body = "folder/ü +~%2F.txt", b"hello\r\nworld" * 100
    put = s3.put_object(
        Bucket=name, Key=key, Body=body, ContentType="text/plain", Metadata={"reason": "test"}, CacheControl="no-store"
    )
    assert put["ETag"] == f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
    got = s3.get_object(Bucket=name, Key=key)
    assert got["Body"].read() == body
    head = s3.head_object(Bucket=name, Key=key)
    for answer in (got, head):
        assert answer["ContentLength"] == len(body)
        assert answer["ContentType"] == "text/plain"
        assert answer["CacheControl"] == "no-store"
        assert answer["Metadata"] == {"reason": "test"}
        assert answer["ETag"] == put["ETag"]
        assert "VersionId" not in answer


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums_are_kept_and_given_back(s3: Any, algorithm: str) -> None:
    name = new_bucket(s3)
    put = s3.put_object(Bucket=name, Key="a", Body=b"data", ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=name, Key="a", ChecksumMode="ENABLED")
    assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]
    assert got["Body"].read() == b"data"


def test_a_wrong_checksum_is_refused(s3: Any) -> None:
    name = new_bucket(s3)
    assert refusal(s3.put_object, Bucket=name, Key="a", Body=b"data", ChecksumSHA256="A" * 43 + "=")[0] == "BadDigest"
    assert (
        refusal(s3.put_object, Bucket=name, Key="a", Body=b"data", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==")[0]
        == "BadDigest"
    )
    assert refusal(s3.put_object, Bucket=name, Key="a", Body=b"data", ContentMD5="AAAA")[0] == "InvalidDigest"
    assert refusal(s3.head_object, Bucket=name, Key="a") == ("404", 404)


def test_a_range_of_an_object_can_be_read(s3: Any) -> None:
    name = new_bucket(s3)
    s3.put_object(Bucket=name, Key="a", Body=b"0123456789")
    got = s3.get_object(Bucket=name, Key="a", Range="bytes=2-4")
    assert (got["Body"].read(), got["ContentRange"], got["ResponseMetadata"]["HTTPStatusCode"]) == (
        b"234",
        "bytes 2-4/10",
        206,
    )
    assert s3.get_object(Bucket=name, Key="a", Range="bytes=-3")["Body"].read() == b"789"
    assert s3.get_object(Bucket=name, Key="a", Range="bytes=8-")["Body"].read() == b"89"
    assert refusal(s3.get_object, Bucket=name, Key="a", Range="bytes=10-") == ("InvalidRange", 416)


def test_objects_are_listed_by_prefix_delimiter_and_page(s3: Any) -> None:
    name = new_bucket(s3)
    keys = ["a/1", "a/2", "b", "c/d/3", "z é"]
    for key in keys:
        s3.put_object(Bucket=name, Key=key, Body=b"")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=name, PaginationConfig={"PageSize": 2})
    assert [entry["Key"] for page in pages for entry in page["Contents"]] == keys
    top = s3.list_objects_v2(Bucket=name, Delimiter="/")
    assert [entry["Key"] for entry in top["Contents"]] == ["b", "z é"]
    assert [entry["Prefix"] for entry in top["CommonPrefixes"]] == ["a/", "c/"]
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=name, Prefix="a/", StartAfter="a/1")["Contents"]] == [
        "a/2"
    ]
    assert s3.list_objects_v2(Bucket=name, MaxKeys=0)["KeyCount"] == 0
    assert refusal(s3.list_objects_v2, Bucket=name, ContinuationToken="x") == ("InvalidArgument", 400)


def test_a_put_can_be_made_to_depend_on_what_is_there(s3: Any) -> None:
    name = new_bucket(s3)
    etag = s3.put_object(Bucket=name, Key="a", Body=b"1", IfNoneMatch="*")["ETag"]
    assert refusal(s3.put_object, Bucket=name, Key="a", Body=b"2", IfNoneMatch="*") == ("PreconditionFailed", 412)
    assert refusal(s3.put_object, Bucket=name, Key="a", Body=b"2", IfMatch='"other"') == ("PreconditionFailed", 412)
    assert refusal(s3.put_object, Bucket=name, Key="b", Body=b"2", IfMatch=etag) == ("NoSuchKey", 404)
    s3.put_object(Bucket=name, Key="a", Body=b"2", IfMatch=etag)
    assert s3.get_object(Bucket=name, Key="a")["Body"].read() == b"2"


def test_what_is_too_large_or_not_imitated_is_refused(s3: Any) -> None:
    name = new_bucket(s3)
    assert refusal(s3.put_object, Bucket=name, Key="k" * 1025, Body=b"") == ("KeyTooLongError", 400)
    assert refusal(s3.put_object, Bucket=name, Key="a", Body=b"x" * ((1 << 20) + 1)) == ("EntityTooLarge", 400)
    assert (
        refusal(s3.put_object, Bucket=name, Key="a", Body=b"", ACL="public-read")[0] == "AccessControlListNotSupported"
    )
    assert refusal(s3.put_object, Bucket=name, Key="a", Body=b"", SSEKMSKeyId="k")[0] == "InvalidRequest"
    assert refusal(s3.put_object, Bucket=name, Key="a", Body=b"", Metadata={"a": "b" * 2100})[0] == "MetadataTooLarge"


def test_what_is_missing_is_shown_to_those_who_may_list(served: Served, s3: Any) -> None:
    name = new_bucket(s3)
    assert refusal(s3.get_object, Bucket=name, Key="a") == ("NoSuchKey", 404)
    read_only = json.dumps({"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}})
    reader = served.user_client("s3", "777788889999", read_only)
    assert refusal(reader.get_object, Bucket=name, Key="a") == ("AccessDenied", 403)


# Versions and Object Lock.


def test_versions_are_kept_and_deleted_by_marker(s3: Any) -> None:
    name = new_bucket(s3)
    s3.put_object(Bucket=name, Key="a", Body=b"before")
    assert "Status" not in s3.get_bucket_versioning(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=name, Key="a", Body=b"first")["VersionId"]
    marker = s3.delete_object(Bucket=name, Key="a")
    assert marker["DeleteMarker"] is True
    assert refusal(s3.get_object, Bucket=name, Key="a") == ("NoSuchKey", 404)
    assert refusal(s3.get_object, Bucket=name, Key="a", VersionId=marker["VersionId"]) == ("MethodNotAllowed", 405)
    assert s3.get_object(Bucket=name, Key="a", VersionId=first)["Body"].read() == b"first"
    assert s3.get_object(Bucket=name, Key="a", VersionId="null")["Body"].read() == b"before"
    listed = s3.list_object_versions(Bucket=name)
    assert [(one["VersionId"], one["IsLatest"]) for one in listed["Versions"]] == [(first, False), ("null", False)]
    assert [one["VersionId"] for one in listed["DeleteMarkers"]] == [marker["VersionId"]]
    pages = list(s3.get_paginator("list_object_versions").paginate(Bucket=name, PaginationConfig={"PageSize": 1}))
    assert sum(len(page.get("Versions", [])) + len(page.get("DeleteMarkers", [])) for page in pages) == 3
    s3.delete_object(Bucket=name, Key="a", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket=name, Key="a")["Body"].read() == b"first"
    assert refusal(s3.delete_bucket, Bucket=name)[0] == "BucketNotEmpty"
    assert refusal(s3.get_object, Bucket=name, Key="a", VersionId="none") == ("NoSuchVersion", 404)


def lock(mode: str, days: int = 1) -> dict[str, Any]:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    return {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": until}


def test_no_one_deletes_a_version_under_compliance_before_its_time(served: Served, s3: Any) -> None:
    name = new_bucket(s3, ObjectLockEnabledForBucket=True)
    assert s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"] == {"ObjectLockEnabled": "Enabled"}
    asked = lock("COMPLIANCE", days=3)
    version = s3.put_object(Bucket=name, Key="head", Body=b"sha256:...", **asked)["VersionId"]
    head = s3.head_object(Bucket=name, Key="head")
    assert (head["ObjectLockMode"], head["ObjectLockRetainUntilDate"]) == tuple(asked.values())
    assert s3.get_object_retention(Bucket=name, Key="head")["Retention"]["Mode"] == "COMPLIANCE"
    locked = {"Bucket": name, "Key": "head", "VersionId": version}
    code, status, message = full_refusal(s3.delete_object, **locked, BypassGovernanceRetention=True)
    assert (code, status, message) == ("AccessDenied", 403, "Access Denied because object protected by object lock.")
    shorter = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=1)}
    assert refusal(s3.put_object_retention, **locked, Retention=shorter) == ("AccessDenied", 403)
    longer = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=5)}
    s3.put_object_retention(**locked, Retention=longer)
    s3.delete_object(Bucket=name, Key="head")
    assert s3.get_object(**locked)["Body"].read() == b"sha256:..."
    assert refusal(s3.put_bucket_versioning, Bucket=name, VersioningConfiguration={"Status": "Suspended"})[1] == 409


def test_governance_yields_to_a_bypass_that_is_permitted(served: Served, s3: Any) -> None:
    name = new_bucket(s3, ObjectLockEnabledForBucket=True)
    version = s3.put_object(Bucket=name, Key="a", Body=b"a", **lock("GOVERNANCE"))["VersionId"]
    locked = {"Bucket": name, "Key": "a", "VersionId": version}
    assert refusal(s3.delete_object, **locked) == ("AccessDenied", 403)
    no_bypass = {"Effect": "Deny", "Action": "s3:BypassGovernanceRetention", "Resource": "*"}
    everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    keeper = served.user_client("s3", "777788889999", json.dumps({"Statement": [everything, no_bypass]}))
    assert refusal(keeper.delete_object, **locked, BypassGovernanceRetention=True) == ("AccessDenied", 403)
    s3.delete_object(**locked, BypassGovernanceRetention=True)
    assert "Versions" not in s3.list_object_versions(Bucket=name)


def test_a_lock_needs_a_bucket_that_has_it_and_a_date_to_come(s3: Any) -> None:
    plain = new_bucket(s3)
    code, _, message = full_refusal(s3.put_object, Bucket=plain, Key="a", Body=b"", **lock("COMPLIANCE"))
    assert (code, message) == ("InvalidRequest", "Bucket is missing Object Lock Configuration")
    assert refusal(s3.get_object_lock_configuration, Bucket=plain) == ("ObjectLockConfigurationNotFoundError", 404)
    locked = new_bucket(s3, ObjectLockEnabledForBucket=True)
    assert refusal(s3.put_object, Bucket=locked, Key="a", Body=b"", **lock("COMPLIANCE", -1)) == (
        "InvalidArgument",
        400,
    )
    assert refusal(s3.put_object, Bucket=locked, Key="a", Body=b"", ObjectLockMode="COMPLIANCE")[0] == "InvalidArgument"
    assert refusal(s3.get_object_retention, Bucket=locked, Key="none") == ("NoSuchKey", 404)


def test_a_buckets_default_retention_is_given_to_new_versions(s3: Any) -> None:
    name = new_bucket(s3)
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 2}}
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    change = {"Bucket": name, "ObjectLockConfiguration": configuration}
    assert refusal(s3.put_object_lock_configuration, **change) == ("InvalidBucketState", 409)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(**change)
    assert s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"] == configuration
    s3.put_object(Bucket=name, Key="a", Body=b"")
    assert s3.get_object_retention(Bucket=name, Key="a")["Retention"]["Mode"] == "GOVERNANCE"


# The AWS CLI.


@pytest.mark.long
def test_the_aws_cli_copies_lists_and_removes(served: Served, tmp_path: Path) -> None:
    source, target = tmp_path / "source.txt", tmp_path / "target.txt"
    source.write_text("from the command line")
    for arguments in (
        ("s3", "mb", "s3://amzn-s3-demo-by-cli"),
        ("s3", "cp", str(source), "s3://amzn-s3-demo-by-cli/folder/file.txt"),
        ("s3", "cp", "s3://amzn-s3-demo-by-cli/folder/file.txt", str(target)),
    ):
        done = served.run_cli(*arguments)
        assert done.returncode == 0, done.stderr
    assert target.read_text() == "from the command line"
    assert "folder/file.txt" in served.run_cli("s3", "ls", "--recursive", "s3://amzn-s3-demo-by-cli").stdout
    removed = served.run_cli("s3", "rb", "--force", "s3://amzn-s3-demo-by-cli")
    assert removed.returncode == 0, removed.stderr
    missing = served.run_cli("s3api", "get-bucket-policy", "--bucket", "amzn-s3-demo-by-cli")
    assert "NoSuchBucket" in missing.stderr
