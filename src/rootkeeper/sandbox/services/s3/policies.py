"""Bucket policies: read, replace, remove, and whether they make a bucket public.

The root user of the bucket's owner can do the first three whatever the bucket's own policy says, so that no lock-out
lasts; only organization policies can stop it (aws-facts D2).
"""

from __future__ import annotations

import json
from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation, ServiceError
from rootkeeper.sandbox.services.resource_policies import PolicyProblemError, check_resource_policy
from rootkeeper.sandbox.services.s3.access import (
    bucket_arn,
    common_keys,
    get_bucket,
    guard_bucket,
    validate_place,
)
from rootkeeper.sandbox.state import Bucket

MAX_POLICY_BYTES = 20 * 1024
"""Source: Amazon S3 API Reference, PutBucketPolicy: 20 KB."""


def get_bucket_policy(call: Call) -> dict[str, Any]:
    """Give the policy's text, as it was put."""
    bucket = get_own_bucket(call)
    return {"Policy": _policy(bucket)}


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
    _describe_event(call, policy=_parse(text))
    return {}


def delete_bucket_policy(call: Call) -> dict[str, Any]:
    """Remove the policy; it is no error that there is none."""
    get_own_bucket(call).policy = None
    _describe_event(call)
    return {}


def get_own_bucket(call: Call) -> Bucket:
    """Get the bucket, if it is the caller's account's; others can't handle policies, whatever they are allowed.

    :raises ServiceError: MethodNotAllowed. Source: Amazon S3 API Reference, GetBucketPolicy.
    """
    bucket = get_bucket(call)
    if bucket.account_id != call.principal.account_id:
        message = "The specified method is not allowed against this resource."
        raise ServiceError("MethodNotAllowed", message, 405)
    return bucket


def _policy(bucket: Bucket) -> str:
    if bucket.policy is None:
        message = "The bucket policy does not exist"
        raise ServiceError("NoSuchBucketPolicy", message, 404, {"BucketName": bucket.name})
    return bucket.policy


def malformed_policy(message: str) -> ServiceError:
    return ServiceError("MalformedPolicy", message)


def _parse(text: str) -> object:
    return json.loads(text)


def _describe_event(call: Call, policy: object = None) -> None:
    """Spell the request's parameters and the bucket as S3's events do. Source: aws-facts B9, DeleteBucketPolicy."""
    name = call.parameters["Bucket"]
    parameters: dict[str, Any] = {"bucketName": name, "Host": call.host, "policy": ""}
    call.event_details["requestParameters"] = parameters | ({"bucketPolicy": policy} if policy else {})
    resource = {"accountId": call.principal.account_id, "type": "AWS::S3::Bucket", "ARN": bucket_arn(call)}
    call.event_details["resources"] = [resource]


OPERATIONS = {
    "DeleteBucketPolicy": Operation(
        delete_bucket_policy,
        "s3:DeleteBucketPolicy",
        is_mutating=True,
        resource=bucket_arn,
        validate=validate_place,
        condition_keys=common_keys,
        guard=guard_bucket,
        is_open_to_owner_root=True,
    ),
    "GetBucketPolicy": Operation(
        get_bucket_policy,
        "s3:GetBucketPolicy",
        resource=bucket_arn,
        validate=validate_place,
        condition_keys=common_keys,
        guard=guard_bucket,
        is_open_to_owner_root=True,
    ),
    "PutBucketPolicy": Operation(
        put_bucket_policy,
        "s3:PutBucketPolicy",
        is_mutating=True,
        resource=bucket_arn,
        validate=validate_place,
        condition_keys=common_keys,
        guard=guard_bucket,
        is_open_to_owner_root=True,
    ),
}
