"""Objects: put, get, head and delete, with versions and Object Lock.

Source: Amazon S3 API Reference, API version 2006-03-01.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from typing import Any

from rootkeeper.sandbox.authorization.authorizer import find_denial
from rootkeeper.sandbox.exchange import Call, Operation, ServiceError
from rootkeeper.sandbox.services.s3.access import (
    access_denied,
    get_bucket,
    guard_bucket,
    keys_from,
    object_arn,
    validate_place,
)
from rootkeeper.sandbox.services.s3.buckets import OPERATIONS as BUCKET_OPERATIONS
from rootkeeper.sandbox.services.s3.checksums import verify_checksums
from rootkeeper.sandbox.services.s3.ranges import cut_range
from rootkeeper.sandbox.services.s3.retention import read_new_retention, require_deletable, retention_keys
from rootkeeper.sandbox.state import Bucket, ObjectVersion
from rootkeeper.sandbox.state.buckets import ENABLED, NULL_VERSION, SUSPENDED

MAX_TOTAL_BYTES = 64 << 20
MAX_VERSIONS = 20_000
"""What the sandbox keeps of all objects together."""
MAX_KEY_BYTES = 1024
MAX_METADATA_BYTES = 2048
"""Source of both: Amazon S3 User Guide, "Naming Amazon S3 objects" and "Working with object metadata"."""
_KEPT_HEADERS = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType")
_NOT_IMITATED = (
    "ObjectLockLegalHoldStatus",
    "SSECustomerAlgorithm",
    "SSEKMSKeyId",
    "Tagging",
    "WebsiteRedirectLocation",
    "WriteOffsetBytes",
)
_PLAIN_ACLS = ("private", "bucket-owner-full-control")


def put_object(call: Call) -> dict[str, Any]:
    """Put an object: a new version, where the bucket keeps versions."""
    bucket, body = get_bucket(call), call.parameters["Body"]
    _require_imitated(call)
    _require_preconditions(call, bucket)
    _require_room(call, len(body))
    checksums = verify_checksums(call.parameters, body)
    version = ObjectVersion(
        version_id=_new_version_id(bucket),
        modified_at=call.now.replace(microsecond=0),
        etag=f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"',
        body=body,
        headers={name: call.parameters[name] for name in _KEPT_HEADERS if name in call.parameters},
        metadata=dict(call.parameters.get("Metadata", {})),
        checksums=checksums,
        retention=read_new_retention(call, bucket),
    )
    bucket.add_version(call.parameters["Key"], version)
    return {"ETag": version.etag, "ServerSideEncryption": "AES256"} | _checksums(version) | _version_id(bucket, version)


def _new_version_id(bucket: Bucket) -> str:
    return secrets.token_urlsafe(24) if bucket.versioning == ENABLED else NULL_VERSION


def _version_id(bucket: Bucket, version: ObjectVersion) -> dict[str, Any]:
    """A bucket that never kept versions says nothing of them."""
    return {"VersionId": version.version_id} if bucket.versioning is not None else {}


def _checksums(version: ObjectVersion) -> dict[str, Any]:
    return {**version.checksums, "ChecksumType": "FULL_OBJECT"} if version.checksums else {}


def _require_imitated(call: Call) -> None:
    for name in _NOT_IMITATED:
        if call.parameters.get(name):
            raise ServiceError("InvalidRequest", f"The sandbox does not imitate the parameter {name} of PutObject.")
    if call.parameters.get("ACL", "private") not in _PLAIN_ACLS:
        raise ServiceError("AccessControlListNotSupported", "The bucket does not allow ACLs")


def _require_preconditions(call: Call, bucket: Bucket) -> None:
    """Check If-Match and If-None-Match against the newest version."""
    existing = bucket.find_version(call.parameters["Key"])
    etag = existing.etag if existing and not existing.is_delete_marker else None
    if_match, if_none_match = call.parameters.get("IfMatch"), call.parameters.get("IfNoneMatch")
    if if_match is not None and etag is None:
        raise no_such_key(call)
    for condition, fails in (
        ("If-Match", if_match is not None and if_match.strip('"') != (etag or "").strip('"')),
        ("If-None-Match", if_none_match is not None and etag is not None),
    ):
        if fails:
            message = "At least one of the pre-conditions you specified did not hold"
            raise ServiceError("PreconditionFailed", message, 412, {"Condition": condition})


def _require_room(call: Call, size_bytes: int) -> None:
    if len(call.parameters["Key"].encode("utf-8", "replace")) > MAX_KEY_BYTES:
        raise ServiceError("KeyTooLongError", "Your key is too long")
    metadata = call.parameters.get("Metadata", {})
    if sum(len(name) + len(value.encode("utf-8", "replace")) for name, value in metadata.items()) > MAX_METADATA_BYTES:
        message = "Your metadata headers exceed the maximum allowed metadata size"
        raise ServiceError("MetadataTooLarge", message)
    store = call.world.buckets
    if store.count_bytes() + size_bytes > MAX_TOTAL_BYTES or store.count_versions() >= MAX_VERSIONS:
        message = f"The sandbox keeps at most {MAX_TOTAL_BYTES >> 20} MiB in {MAX_VERSIONS} objects."
        raise ServiceError("InvalidRequest", message)


def get_object(call: Call) -> dict[str, Any]:
    """Give an object, or the range of it that was asked for."""
    bucket, version = _get_version(call)
    described = _describe_version(call, bucket, version)
    body, content_range = cut_range(version.body, call.parameters.get("Range"))
    if content_range:
        without_checksums = {name: value for name, value in described.items() if not name.startswith("Checksum")}
        return without_checksums | {"Body": body, "ContentLength": len(body), "ContentRange": content_range}
    return described | {"Body": body, "ContentLength": len(body)}


def head_object(call: Call) -> dict[str, Any]:
    """Give what is known of an object, without its body."""
    bucket, version = _get_version(call)
    return _describe_version(call, bucket, version) | {"ContentLength": version.size_bytes}


def _describe_version(call: Call, bucket: Bucket, version: ObjectVersion) -> dict[str, Any]:
    described: dict[str, Any] = {
        "AcceptRanges": "bytes",
        "ContentType": "binary/octet-stream",
        "ETag": version.etag,
        "LastModified": version.modified_at,
        "Metadata": version.metadata,
        "ServerSideEncryption": "AES256",
        **version.headers,
        **_version_id(bucket, version),
    }
    if call.parameters.get("ChecksumMode") == "ENABLED":
        described |= _checksums(version)
    if version.retention:
        described["ObjectLockMode"] = version.retention.mode
        described["ObjectLockRetainUntilDate"] = version.retention.until
    return described


def _get_version(call: Call) -> tuple[Bucket, ObjectVersion]:
    """Find the version that is asked for; what is missing is told only to those who may list the bucket.

    :raises ServiceError: NoSuchKey, NoSuchVersion, MethodNotAllowed or AccessDenied.
    """
    bucket, version_id = get_bucket(call), call.parameters.get("VersionId")
    version = bucket.find_version(call.parameters["Key"], version_id)
    if version is None or version.is_delete_marker:
        if find_denial(call, BUCKET_OPERATIONS["HeadBucket"], call.world, "s3:ListBucket"):
            raise access_denied()
        if version is not None:
            call.response_headers["x-amz-delete-marker"] = "true"
        if version is not None and version_id is not None:
            message = "The specified method is not allowed against this resource."
            raise ServiceError("MethodNotAllowed", message, 405)
        raise no_such_key(call) if version_id is None else no_such_version(call)
    return bucket, version


def no_such_key(call: Call) -> ServiceError:
    fields = {"Key": call.parameters["Key"]}
    return ServiceError("NoSuchKey", "The specified key does not exist.", 404, fields)


def no_such_version(call: Call) -> ServiceError:
    fields = {"Key": call.parameters["Key"], "VersionId": call.parameters["VersionId"]}
    return ServiceError("NoSuchVersion", "The specified version does not exist.", 404, fields)


def delete_object(call: Call) -> dict[str, Any]:
    """Delete an object: by a marker where versions are kept, for good when a version is named and not locked."""
    bucket, key = get_bucket(call), call.parameters["Key"]
    version_id = call.parameters.get("VersionId")
    if version_id is not None:
        return _delete_version(call, bucket, version_id)
    if bucket.versioning is None:
        bucket.remove_version(key, NULL_VERSION)
        return {}
    if bucket.versioning == SUSPENDED:
        bucket.remove_version(key, NULL_VERSION)
    marker = ObjectVersion(_new_version_id(bucket), call.now.replace(microsecond=0), is_delete_marker=True)
    bucket.add_version(key, marker)
    return {"DeleteMarker": True, "VersionId": marker.version_id}


def _delete_version(call: Call, bucket: Bucket, version_id: str) -> dict[str, Any]:
    """Delete one version; one that isn't there counts as deleted."""
    key = call.parameters["Key"]
    version = bucket.find_version(key, version_id)
    if version is not None:
        require_deletable(call, version, _may_bypass_governance)
        bucket.remove_version(key, version_id)
    was_marker = {"DeleteMarker": True} if version is not None and version.is_delete_marker else {}
    return was_marker | {"VersionId": version_id}


def _may_bypass_governance(call: Call) -> bool:
    is_asked = bool(call.parameters.get("BypassGovernanceRetention"))
    return (
        is_asked and find_denial(call, OPERATIONS["DeleteObject"], call.world, "s3:BypassGovernanceRetention") is None
    )


def _put_actions(call: Call) -> Sequence[str]:
    has_retention = "ObjectLockMode" in call.parameters or "ObjectLockRetainUntilDate" in call.parameters
    return ("s3:PutObject", "s3:PutObjectRetention") if has_retention else ("s3:PutObject",)


def _versioned(action: str) -> Callable[[Call], Sequence[str]]:
    """An action has another name when a version is named: ``s3:GetObject``, ``s3:GetObjectVersion``."""
    return lambda call: (f"{action}Version" if "VersionId" in call.parameters else action,)


_VERSION_KEYS = keys_from({"s3:VersionId": "VersionId"})
_PUT_KEYS = keys_from(
    {
        "s3:if-none-match": "IfNoneMatch",
        "s3:x-amz-acl": "ACL",
        "s3:x-amz-server-side-encryption": "ServerSideEncryption",
        "s3:x-amz-storage-class": "StorageClass",
    }
)

OPERATIONS = {
    "DeleteObject": Operation(
        delete_object,
        "s3:DeleteObject",
        is_mutating=True,
        resource=object_arn,
        validate=validate_place,
        condition_keys=_VERSION_KEYS,
        guard=guard_bucket,
        actions=_versioned("s3:DeleteObject"),
        is_data_event=True,
    ),
    "GetObject": Operation(
        get_object,
        "s3:GetObject",
        resource=object_arn,
        validate=validate_place,
        condition_keys=_VERSION_KEYS,
        guard=guard_bucket,
        actions=_versioned("s3:GetObject"),
        is_data_event=True,
    ),
    "HeadObject": Operation(
        head_object,
        "s3:GetObject",
        resource=object_arn,
        validate=validate_place,
        condition_keys=_VERSION_KEYS,
        guard=guard_bucket,
        actions=_versioned("s3:GetObject"),
        is_data_event=True,
    ),
    "PutObject": Operation(
        put_object,
        "s3:PutObject",
        is_mutating=True,
        resource=object_arn,
        validate=validate_place,
        condition_keys=lambda call: _PUT_KEYS(call) | retention_keys(call),
        guard=guard_bucket,
        actions=_put_actions,
        is_data_event=True,
    ),
}
