"""S3: buckets and their policies.

Anyone learns of a bucket that doesn't exist or is in another Region before anything is authorized, as in S3: names of
buckets are public. The root user of a bucket's owner can read, replace and remove the policy even if it denies that, so
that no lock-out lasts; only organization policies can stop it (aws-facts D2).

Source: Amazon S3 API Reference, API version 2006-03-01; Amazon S3 User Guide, "Request redirection and the REST API".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rootkeeper_sandbox.codec.s3 import find_s3_region
from rootkeeper_sandbox.exchange import Call, GuardedResource, ServedOperations, ServiceError
from rootkeeper_sandbox.partitions import PARTITIONS
from rootkeeper_sandbox.services.pagination import cut_page
from rootkeeper_sandbox.services.resource_policies import PolicyProblemError, check_resource_policy
from rootkeeper_sandbox.state.accounts import derive_bytes
from rootkeeper_sandbox.state.resources import ENABLED, Bucket

REGION_HEADER = "x-amz-bucket-region"
DEFAULT_REGION = "us-east-1"
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_IP_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_RESERVED_PREFIXES = ("xn--", "sthree-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_ASSUMED_FROM_ANYWHERE = "GetBucketLocation"


def is_bucket_name(name: str) -> bool:
    """Return whether S3 lets a bucket be named so.

    Source: Amazon S3 User Guide, "General purpose bucket naming rules". The prefix of the guide's own examples is
    allowed here.
    """
    return (
        _NAME.fullmatch(name) is not None
        and ".." not in name
        and ".-" not in name
        and "-." not in name
        and not _IP_ADDRESS.fullmatch(name)
        and not name.startswith(_RESERVED_PREFIXES)
        and not name.endswith(_RESERVED_SUFFIXES)
    )


def invalid_name(name: str) -> ServiceError:
    return ServiceError("InvalidBucketName", "The specified bucket is not valid.", fields={"BucketName": name})


def no_such_bucket(name: str) -> ServiceError:
    return ServiceError("NoSuchBucket", "The specified bucket does not exist", 404, {"BucketName": name})


def access_denied(message: str = "Access Denied") -> ServiceError:
    return ServiceError("AccessDenied", message, 403)


def find_bucket(call: Call) -> Bucket | None:
    return call.world.buckets.buckets.get(call.parameters["Bucket"])


def get_bucket(call: Call) -> Bucket:
    """Get the bucket that ``validate_place`` has found."""
    bucket = find_bucket(call)
    if bucket is None:
        raise no_such_bucket(call.parameters["Bucket"])
    return bucket


def validate_endpoint(call: Call) -> None:
    """Check that a request is signed for the Region of the endpoint that it was sent to."""
    region = find_s3_region(call.host)
    if region is not None and region != call.region:
        message = f"The authorization header is malformed; the region '{call.region}' is wrong; expecting '{region}'"
        raise ServiceError("AuthorizationHeaderMalformed", message, fields={"Region": region})


def validate_place(call: Call) -> None:
    """Check that there is such a bucket, in the Region that was asked, and of the owner that the caller expects."""
    validate_endpoint(call)
    name = call.parameters["Bucket"]
    if not is_bucket_name(name):
        raise invalid_name(name)
    bucket = get_bucket(call)
    if bucket.region != call.region and call.operation != _ASSUMED_FROM_ANYWHERE:
        call.response_headers[REGION_HEADER] = bucket.region
        message = (
            "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all"
            " future requests to this endpoint."
        )
        host = "s3" if bucket.region == DEFAULT_REGION else f"s3.{bucket.region}"
        fields = {"Endpoint": f"{bucket.name}.{host}.{_dns_suffix(call)}", "Bucket": bucket.name}
        raise ServiceError("PermanentRedirect", message, 301, fields)
    if call.operation == "HeadBucket":
        call.response_headers[REGION_HEADER] = bucket.region
    expected = call.parameters.get("ExpectedBucketOwner")
    if expected is not None and expected != bucket.account_id:
        raise access_denied()


def _dns_suffix(call: Call) -> str:
    return PARTITIONS[call.world.partition].dns_suffix


def guard_bucket(call: Call) -> GuardedResource | None:
    """Give owner and policy of the bucket; the caller's own for a bucket that isn't there yet."""
    bucket = find_bucket(call)
    return GuardedResource(bucket.account_id, bucket.policy) if bucket else None


def bucket_arn(call: Call) -> str:
    return f"arn:{call.world.partition}:s3:::{call.parameters['Bucket']}"


def object_arn(call: Call) -> str:
    return f"{bucket_arn(call)}/{call.parameters['Key']}"


def all_buckets_arn(call: Call) -> str:
    return f"arn:{call.world.partition}:s3:::*"


def common_keys(call: Call) -> dict[str, str]:
    """Give the condition keys of every S3 request."""
    bucket = find_bucket(call) if "Bucket" in call.parameters else None
    keys = {"s3:authType": "REST-HEADER", "s3:signatureversion": "AWS4-HMAC-SHA256", "s3:TlsVersion": "1.3"}
    return keys | ({"s3:ResourceAccount": bucket.account_id} if bucket else {})


def keys_from(names: Mapping[str, str]) -> Callable[[Call], dict[str, str]]:
    """Make the function that gives condition keys from parameters, by the key's name, beside the common keys."""

    def condition_keys(call: Call) -> dict[str, str]:
        found = ((key, call.parameters.get(parameter)) for key, parameter in names.items())
        return common_keys(call) | {key: str(value) for key, value in found if value is not None}

    return condition_keys


MAX_POLICY_BYTES = 20 * 1024
"""Source: Amazon S3 API Reference, PutBucketPolicy: 20 KB."""


def _validate_creation(call: Call) -> None:
    validate_endpoint(call)
    if not is_bucket_name(call.parameters["Bucket"]):
        raise invalid_name(call.parameters["Bucket"])


def _creation_actions(call: Call) -> Sequence[str]:
    if call.parameters.get("ObjectLockEnabledForBucket"):
        return ("s3:CreateBucket", "s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning")
    return ("s3:CreateBucket",)


def _creation_keys(call: Call) -> dict[str, str]:
    constraint = call.parameters.get("CreateBucketConfiguration", {}).get("LocationConstraint")
    return common_keys(call) | ({"s3:LocationConstraint": constraint} if constraint else {})


OPERATIONS = ServedOperations(
    "s3", resource=bucket_arn, validate=validate_place, condition_keys=common_keys, guard=guard_bucket
)


@OPERATIONS.read("GetBucketPolicy", is_open_to_owner_root=True)
def get_bucket_policy(call: Call) -> dict[str, Any]:
    """Give the policy's text, as it was put."""
    bucket = get_own_bucket(call)
    if bucket.policy is None:
        message = "The bucket policy does not exist"
        raise ServiceError("NoSuchBucketPolicy", message, 404, {"BucketName": bucket.name})
    return {"Policy": bucket.policy}


@OPERATIONS.change("PutBucketPolicy", is_open_to_owner_root=True)
def put_bucket_policy(call: Call) -> dict[str, Any]:
    """Replace the policy; a caller who locks itself out isn't stopped."""
    bucket = get_own_bucket(call)
    text = call.parameters["Policy"]
    if len(text.encode()) > MAX_POLICY_BYTES:
        raise malformed_policy("Policy exceeds the maximum allowed document size.")
    try:
        check_resource_policy(text, "s3", (bucket_arn(call), f"{bucket_arn(call)}/*"), call.world)
    except PolicyProblemError as error:
        raise malformed_policy(str(error)) from error
    bucket.policy = text
    _describe_event(call, policy=json.loads(text))
    return {}


@OPERATIONS.change("DeleteBucketPolicy", is_open_to_owner_root=True)
def delete_bucket_policy(call: Call) -> dict[str, Any]:
    """Remove the policy; it is no error that there is none."""
    get_own_bucket(call).policy = None
    _describe_event(call)
    return {}


def get_own_bucket(call: Call) -> Bucket:
    """Get the bucket of the caller's own account; others can't read or change its policy, even with permission."""
    bucket = get_bucket(call)
    if bucket.account_id != call.principal.account_id:
        message = "The specified method is not allowed against this resource."
        raise ServiceError("MethodNotAllowed", message, 405)
    return bucket


def malformed_policy(message: str) -> ServiceError:
    return ServiceError("MalformedPolicy", message)


def _describe_event(call: Call, policy: object = None) -> None:
    """Spell the request's parameters and the bucket as S3's events do. Source: aws-facts B9, DeleteBucketPolicy."""
    name = call.parameters["Bucket"]
    parameters: dict[str, Any] = {"bucketName": name, "Host": call.host, "policy": ""}
    call.event_details["requestParameters"] = parameters | ({"bucketPolicy": policy} if policy else {})
    resource = {"accountId": call.principal.account_id, "type": "AWS::S3::Bucket", "ARN": bucket_arn(call)}
    call.event_details["resources"] = [resource]


MAX_BUCKETS = 10_000
"""In an account. Source: Amazon S3 User Guide, "General purpose bucket quotas"."""
_PAGE_SIZE = 10_000
_LEGACY_LOCATIONS = {"EU": "eu-west-1"}


@OPERATIONS.change(
    "CreateBucket", validate=_validate_creation, condition_keys=_creation_keys, actions=_creation_actions, guard=None
)
def create_bucket(call: Call) -> dict[str, Any]:
    """Create a bucket in the Region of its location constraint."""
    region = _read_region(call)
    existing = find_bucket(call)
    if existing:
        # In us-east-1 creating the caller's own bucket again succeeds, elsewhere it doesn't.
        if existing.account_id != call.principal.account_id:
            message = (
                "The requested bucket name is not available. The bucket namespace is shared by all users of the system."
                " Please select a different name and try again."
            )
            raise ServiceError("BucketAlreadyExists", message, 409, {"BucketName": existing.name})
        if call.region != DEFAULT_REGION or existing.region != DEFAULT_REGION:
            message = "Your previous request to create the named bucket succeeded and you already own it."
            raise ServiceError("BucketAlreadyOwnedByYou", message, 409, {"BucketName": existing.name})
        return _describe_location(call, existing.name)
    owned = call.world.buckets.of_account(call.principal.account_id)
    if len(owned) >= MAX_BUCKETS:
        raise ServiceError("TooManyBuckets", "You have attempted to create more buckets than allowed")
    has_lock = bool(call.parameters.get("ObjectLockEnabledForBucket"))
    name = call.parameters["Bucket"]
    call.world.buckets.buckets[name] = Bucket(
        name=name,
        account_id=call.principal.account_id,
        region=region,
        created_at=call.now.replace(microsecond=0),
        versioning=ENABLED if has_lock else None,
        has_object_lock=has_lock,
    )
    return _describe_location(call, name)


def _describe_location(call: Call, name: str) -> dict[str, Any]:
    location = f"/{name}" if call.region == DEFAULT_REGION else f"http://{name}.s3.{_dns_suffix(call)}/"
    return {"Location": location, "BucketArn": bucket_arn(call)}


def _read_region(call: Call) -> str:
    """Read the location constraint, which must fit the endpoint; us-east-1's lets buckets be created anywhere."""
    constraint = call.parameters.get("CreateBucketConfiguration", {}).get("LocationConstraint")
    if call.region == DEFAULT_REGION:
        return _LEGACY_LOCATIONS.get(constraint or "", constraint or DEFAULT_REGION)
    if constraint is None or _LEGACY_LOCATIONS.get(constraint, constraint) != call.region:
        message = (
            f"The {constraint or 'unspecified'} location constraint is incompatible for the region specific endpoint"
            " this request was sent to."
        )
        raise ServiceError("IllegalLocationConstraintException", message)
    return call.region


@OPERATIONS.change("DeleteBucket")
def delete_bucket(call: Call) -> dict[str, Any]:
    """Delete an empty bucket."""
    bucket = get_bucket(call)
    if bucket.objects:
        is_versioned = bucket.versioning is not None
        message = "The bucket you tried to delete is not empty"
        message += ". You must delete all versions in the bucket." if is_versioned else ""
        raise ServiceError("BucketNotEmpty", message, 409, {"BucketName": bucket.name})
    del call.world.buckets.buckets[bucket.name]
    return {}


@OPERATIONS.read(
    "ListBuckets",
    action="ListAllMyBuckets",
    resource=all_buckets_arn,
    validate=validate_endpoint,
    condition_keys=keys_from({}),
    guard=None,
)
def list_buckets(call: Call) -> dict[str, Any]:
    """List the caller's buckets of all Regions by name; their Regions are shown only when the list is paged."""
    prefix, region = call.parameters.get("Prefix", ""), call.parameters.get("BucketRegion")
    is_paged = bool(call.parameters.keys() & {"MaxBuckets", "ContinuationToken", "Prefix", "BucketRegion"})
    found = [
        bucket
        for bucket in call.world.buckets.of_account(call.principal.account_id)
        if bucket.name.startswith(prefix) and region in (None, bucket.region)
    ]
    size = call.parameters.get("MaxBuckets", _PAGE_SIZE)
    page, token = cut_page(call, found, size, call.parameters.get("ContinuationToken"), invalid_continuation())
    return {
        "Buckets": [
            {"Name": bucket.name, "CreationDate": bucket.created_at}
            | ({"BucketRegion": bucket.region} if is_paged else {})
            for bucket in page
        ],
        "Owner": {"ID": canonical_id(call, call.principal.account_id)},
        "ContinuationToken": token,
        "Prefix": prefix or None,
    }


def invalid_continuation() -> ServiceError:
    return ServiceError("InvalidArgument", "The continuation token provided is incorrect")


def canonical_id(call: Call, account_id: str) -> str:
    """Derive the canonical user id of an account."""
    return derive_bytes("canonical-id", call.world.seed, account_id).hex()


@OPERATIONS.read("HeadBucket", action="ListBucket")
def head_bucket(call: Call) -> dict[str, Any]:
    """Show that a bucket exists and the caller can reach it."""
    bucket = get_bucket(call)
    return {"BucketRegion": bucket.region, "BucketArn": bucket_arn(call), "AccessPointAlias": False}


@OPERATIONS.read("GetBucketLocation")
def get_bucket_location(call: Call) -> dict[str, Any]:
    """Show the Region of a bucket; us-east-1 is the empty constraint."""
    region = get_bucket(call).region
    return {} if region == DEFAULT_REGION else {"LocationConstraint": region}


@OPERATIONS.read("GetBucketVersioning")
def get_bucket_versioning(call: Call) -> dict[str, Any]:
    """Show whether versions are kept; empty for a bucket that never kept any."""
    return {"Status": get_bucket(call).versioning}


@OPERATIONS.change("PutBucketVersioning")
def put_bucket_versioning(call: Call) -> dict[str, Any]:
    """Switch versioning on, or suspend it where no Object Lock depends on it."""
    bucket, configuration = get_bucket(call), call.parameters["VersioningConfiguration"]
    status = configuration.get("Status")
    if status is None:
        message = "The Versioning element must be specified"
        raise ServiceError("IllegalVersioningConfigurationException", message)
    if configuration.get("MFADelete") == ENABLED:
        raise ServiceError("InvalidRequest", "The sandbox does not imitate MFA Delete.")
    if bucket.has_object_lock and status != ENABLED:
        message = "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
        raise ServiceError("InvalidBucketState", message, 409)
    bucket.versioning = status
    return {}
