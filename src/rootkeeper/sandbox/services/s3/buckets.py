"""Buckets: create, delete, list, head, where they lie, and versioning.

Source: Amazon S3 API Reference, API version 2006-03-01.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation, ServiceError
from rootkeeper.sandbox.services.pagination import InvalidTokenError, cut_page
from rootkeeper.sandbox.services.s3.access import (
    DEFAULT_REGION,
    all_buckets_arn,
    bucket_arn,
    common_keys,
    find_bucket,
    get_bucket,
    guard_bucket,
    invalid_name,
    is_bucket_name,
    keys_from,
    validate_endpoint,
    validate_place,
)
from rootkeeper.sandbox.state import Bucket
from rootkeeper.sandbox.state.buckets import ENABLED
from rootkeeper.sandbox.state.identifiers import derive_bytes

MAX_BUCKETS = 10_000
"""In one account. Source: Amazon S3 User Guide, "General purpose bucket quotas"."""
_PAGE_SIZE = 10_000
_LEGACY_LOCATIONS = {"EU": "eu-west-1"}


def create_bucket(call: Call) -> dict[str, Any]:
    """Create a bucket in the Region of its location constraint."""
    region = _read_region(call)
    existing = find_bucket(call)
    if existing:
        return _answer_existing(call, existing)
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
    location = f"/{name}" if call.region == DEFAULT_REGION else f"http://{name}.s3.amazonaws.com/"
    return {"Location": location, "BucketArn": bucket_arn(call)}


def _answer_existing(call: Call, bucket: Bucket) -> dict[str, Any]:
    """In us-east-1 creating one's own bucket again succeeds, elsewhere it doesn't."""
    if bucket.account_id != call.principal.account_id:
        message = (
            "The requested bucket name is not available. The bucket namespace is shared by all users of the system."
            " Please select a different name and try again."
        )
        raise ServiceError("BucketAlreadyExists", message, 409, {"BucketName": bucket.name})
    if call.region != DEFAULT_REGION or bucket.region != DEFAULT_REGION:
        message = "Your previous request to create the named bucket succeeded and you already own it."
        raise ServiceError("BucketAlreadyOwnedByYou", message, 409, {"BucketName": bucket.name})
    return _describe_location(call, bucket.name)


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


def list_buckets(call: Call) -> dict[str, Any]:
    """List the caller's buckets of all Regions by name; their Regions are told only when the list is paged."""
    prefix, region = call.parameters.get("Prefix", ""), call.parameters.get("BucketRegion")
    is_paged = bool(call.parameters.keys() & {"MaxBuckets", "ContinuationToken", "Prefix", "BucketRegion"})
    found = [
        bucket
        for bucket in call.world.buckets.of_account(call.principal.account_id)
        if bucket.name.startswith(prefix) and region in (None, bucket.region)
    ]
    size = call.parameters.get("MaxBuckets", _PAGE_SIZE)
    try:
        page, token = cut_page(call, found, size, call.parameters.get("ContinuationToken"))
    except InvalidTokenError:
        raise invalid_continuation() from None
    return {
        "Buckets": [_describe_row(bucket, is_paged) for bucket in page],
        "Owner": {"ID": canonical_id(call, call.principal.account_id)},
        "ContinuationToken": token,
        "Prefix": prefix or None,
    }


def _describe_row(bucket: Bucket, is_paged: bool) -> dict[str, Any]:
    row = {"Name": bucket.name, "CreationDate": bucket.created_at}
    return row | {"BucketRegion": bucket.region} if is_paged else row


def invalid_continuation() -> ServiceError:
    return ServiceError("InvalidArgument", "The continuation token provided is incorrect")


def canonical_id(call: Call, account_id: str) -> str:
    """Derive the canonical user id of an account."""
    return derive_bytes("canonical-id", call.world.seed, account_id).hex()


def head_bucket(call: Call) -> dict[str, Any]:
    """Tell that a bucket is there and reachable."""
    bucket = get_bucket(call)
    return {"BucketRegion": bucket.region, "BucketArn": bucket_arn(call), "AccessPointAlias": False}


def get_bucket_location(call: Call) -> dict[str, Any]:
    """Tell where a bucket lies; us-east-1 is told as the empty constraint."""
    region = get_bucket(call).region
    return {} if region == DEFAULT_REGION else {"LocationConstraint": region}


def get_bucket_versioning(call: Call) -> dict[str, Any]:
    """Tell whether versions are kept; nothing is told of a bucket that never kept any."""
    return {"Status": get_bucket(call).versioning}


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


OPERATIONS = {
    "CreateBucket": Operation(
        create_bucket,
        "s3:CreateBucket",
        is_mutating=True,
        resource=bucket_arn,
        validate=_validate_creation,
        condition_keys=_creation_keys,
        actions=_creation_actions,
    ),
    "DeleteBucket": Operation(
        delete_bucket,
        "s3:DeleteBucket",
        is_mutating=True,
        resource=bucket_arn,
        validate=validate_place,
        condition_keys=common_keys,
        guard=guard_bucket,
    ),
    "GetBucketLocation": Operation(
        get_bucket_location,
        "s3:GetBucketLocation",
        resource=bucket_arn,
        validate=validate_place,
        condition_keys=common_keys,
        guard=guard_bucket,
    ),
    "GetBucketVersioning": Operation(
        get_bucket_versioning,
        "s3:GetBucketVersioning",
        resource=bucket_arn,
        validate=validate_place,
        condition_keys=common_keys,
        guard=guard_bucket,
    ),
    "HeadBucket": Operation(
        head_bucket,
        "s3:ListBucket",
        resource=bucket_arn,
        validate=validate_place,
        condition_keys=common_keys,
        guard=guard_bucket,
    ),
    "ListBuckets": Operation(
        list_buckets,
        "s3:ListAllMyBuckets",
        resource=all_buckets_arn,
        validate=validate_endpoint,
        condition_keys=keys_from({}),
    ),
    "PutBucketVersioning": Operation(
        put_bucket_versioning,
        "s3:PutBucketVersioning",
        is_mutating=True,
        resource=bucket_arn,
        validate=validate_place,
        condition_keys=common_keys,
        guard=guard_bucket,
    ),
}
