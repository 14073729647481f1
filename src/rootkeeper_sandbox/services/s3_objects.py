"""S3: objects with versions, checksums, byte ranges and Object Lock.

Source: Amazon S3 API Reference, API version 2006-03-01; Amazon S3 User Guide, "Locking objects with Object Lock" and
"Checking object integrity"; RFC 9110, section 14.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from rootkeeper_sandbox.authorization.authorizer import find_denial
from rootkeeper_sandbox.codec.parameters import format_iso8601
from rootkeeper_sandbox.exchange import Call, ServedOperations, ServiceError
from rootkeeper_sandbox.services.s3_buckets import OPERATIONS as BUCKET_OPERATIONS
from rootkeeper_sandbox.services.s3_buckets import (
    access_denied,
    get_bucket,
    guard_bucket,
    keys_from,
    object_arn,
    validate_place,
)
from rootkeeper_sandbox.state.resources import ENABLED, NULL_VERSION, SUSPENDED, Bucket, ObjectVersion, Retention

GOVERNANCE = "GOVERNANCE"
COMPLIANCE = "COMPLIANCE"
_PROTECTED = "Access Denied because object protected by object lock."


def read_new_retention(call: Call, bucket: Bucket) -> Retention | None:
    """Read the retention of a new version: its own, else its bucket's default."""
    mode, until = call.parameters.get("ObjectLockMode"), call.parameters.get("ObjectLockRetainUntilDate")
    if mode is None and until is None:
        default = bucket.default_retention
        return Retention(default.mode, call.now + timedelta(days=default.days)) if default else None
    if mode is None or until is None:
        message = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
        raise ServiceError("InvalidArgument", message)
    require_object_lock(bucket)
    if "ContentMD5" not in call.parameters and not any(name.startswith("Checksum") for name in call.parameters):
        message = (
            "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters"
        )
        raise ServiceError("InvalidRequest", message)
    if until <= call.now:
        raise ServiceError("InvalidArgument", "The retain until date must be in the future!")
    return Retention(mode, until)


def require_object_lock(bucket: Bucket) -> None:
    """:raises ServiceError: InvalidRequest."""
    if not bucket.has_object_lock:
        raise ServiceError("InvalidRequest", "Bucket is missing Object Lock Configuration")


def require_deletable(call: Call, version: ObjectVersion, may_bypass_governance: Callable[[Call], bool]) -> None:
    """Refuse to delete a version before its retention ends; COMPLIANCE can't be bypassed."""
    retention = version.retention
    if retention is None or retention.until <= call.now:
        return
    if retention.mode == COMPLIANCE or not may_bypass_governance(call):
        raise access_denied(_PROTECTED)


def retention_keys(call: Call) -> dict[str, str]:
    """Give the condition keys of a retention that comes with a request."""
    keys: dict[str, str] = {}
    mode, until = call.parameters.get("ObjectLockMode"), call.parameters.get("ObjectLockRetainUntilDate")
    if mode is not None:
        keys["s3:object-lock-mode"] = mode
    if until is not None:
        keys["s3:object-lock-retain-until-date"] = format_iso8601(until)
        keys["s3:object-lock-remaining-retention-days"] = str((until - call.now).days)
    return keys


_CRC32C_POLYNOMIAL = 0x82F63B78
_CRC64NVME_POLYNOMIAL = 0x9A6C9329AC4BC9B5
"""Both reflected."""


@cache
def _crc_table(polynomial: int) -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ polynomial if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


def _crc(data: bytes, polynomial: int, size_bytes: int) -> bytes:
    table, mask = _crc_table(polynomial), (1 << (8 * size_bytes)) - 1
    value = mask
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return (value ^ mask).to_bytes(size_bytes)


DIGESTS: Mapping[str, Callable[[bytes], bytes]] = {
    "ChecksumCRC32": lambda data: zlib.crc32(data).to_bytes(4),
    "ChecksumCRC32C": lambda data: _crc(data, _CRC32C_POLYNOMIAL, 4),
    "ChecksumCRC64NVME": lambda data: _crc(data, _CRC64NVME_POLYNOMIAL, 8),
    "ChecksumMD5": lambda data: hashlib.md5(data, usedforsecurity=False).digest(),
    "ChecksumSHA1": lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    "ChecksumSHA256": lambda data: hashlib.sha256(data).digest(),
    "ChecksumSHA512": lambda data: hashlib.sha512(data).digest(),
}
"""By the model's member."""


def verify_checksums(parameters: Mapping[str, Any], body: bytes) -> dict[str, str]:
    """Verify the checksums that came with a body, and return them."""
    _verify_md5(parameters.get("ContentMD5"), body)
    others = ("ChecksumAlgorithm", "ChecksumMode", "ChecksumType")
    sent = {name: value for name, value in parameters.items() if name.startswith("Checksum") and name not in others}
    for name, value in sent.items():
        algorithm = name.removeprefix("Checksum")
        if name not in DIGESTS:
            raise ServiceError("InvalidRequest", f"The sandbox does not imitate the checksum {algorithm}.")
        if value != base64.b64encode(DIGESTS[name](body)).decode("ascii"):
            message = f"The {algorithm} you specified did not match the calculated checksum."
            raise ServiceError("BadDigest", message)
    return sent


def _verify_md5(sent: str | None, body: bytes) -> None:
    if sent is None:
        return
    try:
        digest = base64.b64decode(sent, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 16:
        raise ServiceError("InvalidDigest", "The Content-MD5 you specified was invalid.")
    if digest != hashlib.md5(body, usedforsecurity=False).digest():
        raise ServiceError("BadDigest", "The Content-MD5 you specified did not match what we received.")


_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def cut_range(body: bytes, asked: str | None) -> tuple[bytes, str | None]:
    """Cut the range that was asked for, and word it; all of the body where none was, or several were."""
    match = _RANGE.fullmatch(asked or "")
    if match is None or match.groups() == ("", ""):
        return body, None
    size = len(body)
    first, last = match.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if start >= size or (not first and int(last) == 0):
        fields = {"RangeRequested": asked, "ActualObjectSize": size}
        raise ServiceError("InvalidRange", "The requested range is not satisfiable", 416, fields)
    if end < start:
        return body, None
    return body[start : end + 1], f"bytes {start}-{end}/{size}"


MAX_TOTAL_BYTES = 64 << 20
MAX_VERSIONS = 20_000
"""The most that the sandbox keeps of all objects together."""
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


OPERATIONS = ServedOperations(
    "s3",
    resource=object_arn,
    validate=validate_place,
    condition_keys=_VERSION_KEYS,
    guard=guard_bucket,
    is_data_event=True,
)


@OPERATIONS.change(
    "PutObject", condition_keys=lambda call: _PUT_KEYS(call) | retention_keys(call), actions=_put_actions
)
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


@OPERATIONS.read("GetObject", actions=_versioned("s3:GetObject"))
def get_object(call: Call) -> dict[str, Any]:
    """Give an object, or the range of it that was asked for."""
    bucket, version = _get_version(call)
    described = _version_headers(call, bucket, version)
    body, content_range = cut_range(version.body, call.parameters.get("Range"))
    if content_range:
        without_checksums = {name: value for name, value in described.items() if not name.startswith("Checksum")}
        return without_checksums | {"Body": body, "ContentLength": len(body), "ContentRange": content_range}
    return described | {"Body": body, "ContentLength": len(body)}


@OPERATIONS.read("HeadObject", action="GetObject", actions=_versioned("s3:GetObject"))
def head_object(call: Call) -> dict[str, Any]:
    """Give the headers of an object, without its body."""
    bucket, version = _get_version(call)
    return _version_headers(call, bucket, version) | {"ContentLength": version.size_bytes}


def _version_headers(call: Call, bucket: Bucket, version: ObjectVersion) -> dict[str, Any]:
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
    """Find the version that is asked for; only callers who can list the bucket learn that it is missing."""
    bucket, version_id = get_bucket(call), call.parameters.get("VersionId")
    version = bucket.find_version(call.parameters["Key"], version_id)
    if version is None or version.is_delete_marker:
        if find_denial(call, BUCKET_OPERATIONS["HeadBucket"], "s3:ListBucket"):
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


@OPERATIONS.change("DeleteObject", actions=_versioned("s3:DeleteObject"))
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
    """Delete a version; a missing version counts as deleted."""
    key = call.parameters["Key"]
    version = bucket.find_version(key, version_id)
    if version is not None:
        require_deletable(call, version, _may_bypass_governance)
        bucket.remove_version(key, version_id)
    was_marker = {"DeleteMarker": True} if version is not None and version.is_delete_marker else {}
    return was_marker | {"VersionId": version_id}


def _may_bypass_governance(call: Call) -> bool:
    is_asked = bool(call.parameters.get("BypassGovernanceRetention"))
    return is_asked and find_denial(call, OPERATIONS["DeleteObject"], "s3:BypassGovernanceRetention") is None
