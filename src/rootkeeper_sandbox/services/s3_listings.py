"""S3: listings of objects and of their versions.

Source: Amazon S3 API Reference, API version 2006-03-01.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from rootkeeper_sandbox.exchange import Call, ServedOperations, ServiceError
from rootkeeper_sandbox.services.pagination import open_token, seal_token
from rootkeeper_sandbox.services.s3_buckets import (
    bucket_arn,
    canonical_id,
    get_bucket,
    guard_bucket,
    invalid_continuation,
    keys_from,
    validate_place,
)
from rootkeeper_sandbox.state.resources import ObjectVersion

_MAX_KEYS = 1000
_LISTED_TEXTS = ("Delimiter", "Key", "KeyMarker", "Marker", "NextKeyMarker", "NextMarker", "Prefix", "StartAfter")

OPERATIONS = ServedOperations(
    "s3",
    resource=bucket_arn,
    validate=validate_place,
    condition_keys=keys_from({"s3:prefix": "Prefix", "s3:delimiter": "Delimiter", "s3:max-keys": "MaxKeys"}),
    guard=guard_bucket,
    is_data_event=True,
)


@OPERATIONS.read("ListObjects", action="ListBucket")
def list_objects(call: Call) -> dict[str, Any]:
    """List the newest versions as the first version of the API does: by marker, and with their owner."""
    entries, limit = _entries(call, call.parameters.get("Marker", "")), _max_keys(call)
    page = entries[:limit]
    is_truncated = bool(limit) and limit < len(entries)
    echoed = ("Delimiter", "EncodingType")
    result: dict[str, Any] = {name: call.parameters[name] for name in echoed if name in call.parameters}
    result |= {
        "Name": call.parameters["Bucket"],
        "Prefix": call.parameters.get("Prefix", ""),
        "Marker": call.parameters.get("Marker", ""),
        "MaxKeys": limit,
        "IsTruncated": is_truncated,
        "Contents": [
            _describe_object(call, key, version) | {"Owner": _owner(call)} for key, version in page if version
        ],
        "CommonPrefixes": [{"Prefix": key} for key, version in page if version is None],
        "NextMarker": page[-1][0] if is_truncated and "Delimiter" in call.parameters else None,
    }
    return _encode(result) if call.parameters.get("EncodingType") == "url" else result


@OPERATIONS.read("ListObjectsV2", action="ListBucket")
def list_objects_v2(call: Call) -> dict[str, Any]:
    """List the newest versions by key, those that share a prefix up to the delimiter as one."""
    entries = _entries(call, call.parameters.get("StartAfter", ""))
    start = open_token(call, call.parameters.get("ContinuationToken"), invalid_continuation())
    limit = _max_keys(call)
    page = entries[start : start + limit]
    is_truncated = bool(limit) and start + limit < len(entries)
    echoed = ("Prefix", "Delimiter", "StartAfter", "EncodingType", "ContinuationToken")
    result: dict[str, Any] = {name: call.parameters[name] for name in echoed if name in call.parameters}
    result |= {
        "Name": call.parameters["Bucket"],
        "Prefix": call.parameters.get("Prefix", ""),
        "MaxKeys": limit,
        "KeyCount": len(page),
        "IsTruncated": is_truncated,
        "Contents": [_describe_object(call, key, version) for key, version in page if version],
        "CommonPrefixes": [{"Prefix": key} for key, version in page if version is None],
        "NextContinuationToken": seal_token(call, start + limit) if is_truncated else None,
    }
    return _encode(result) if call.parameters.get("EncodingType") == "url" else result


def _entries(call: Call, after: str) -> list[tuple[str, ObjectVersion | None]]:
    """Give keys with their versions, and common prefixes without a version, in the order of their UTF-8."""
    prefix, delimiter = call.parameters.get("Prefix", ""), call.parameters.get("Delimiter", "")
    entries: dict[str, ObjectVersion | None] = {}
    for key, versions in get_bucket(call).objects.items():
        if not key.startswith(prefix) or versions[-1].is_delete_marker:
            continue
        head, found, _tail = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
        name = prefix + head + delimiter if found else key
        if name > after:
            entries[name] = None if found else versions[-1]
    return sorted(entries.items(), key=lambda entry: entry[0].encode("utf-8", "replace"))


def _max_keys(call: Call) -> int:
    asked: int = call.parameters.get("MaxKeys", _MAX_KEYS)
    if asked < 0:
        raise ServiceError("InvalidArgument", "Argument maxKeys must be an integer between 0 and 2147483647")
    return min(asked, _MAX_KEYS)


def _describe_object(call: Call, key: str, version: ObjectVersion) -> dict[str, Any]:
    described: dict[str, Any] = {
        "Key": key,
        "LastModified": version.modified_at,
        "ETag": version.etag,
        "Size": version.size_bytes,
        "StorageClass": "STANDARD",
    }
    if call.parameters.get("FetchOwner"):
        described["Owner"] = _owner(call)
    return described


def _owner(call: Call) -> dict[str, str]:
    return {"ID": canonical_id(call, get_bucket(call).account_id)}


def _encode(value: Any) -> Any:
    """Encode keys and prefixes for clients that asked for it, since XML can't carry every key."""
    if isinstance(value, list):
        return [_encode(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: quote(item, safe="/") if name in _LISTED_TEXTS and isinstance(item, str) else _encode(item)
        for name, item in value.items()
    }


@OPERATIONS.read("ListObjectVersions", action="ListBucketVersions")
def list_object_versions(call: Call) -> dict[str, Any]:
    """List all versions and delete markers by key, the newest first."""
    if call.parameters.get("Delimiter"):
        raise ServiceError("InvalidArgument", "The sandbox does not imitate the delimiter of ListObjectVersions.")
    rows, limit = _rows_after_marker(call), _max_keys(call)
    page, rest = rows[:limit], rows[limit:]
    echoed = ("Prefix", "KeyMarker", "VersionIdMarker", "EncodingType")
    result: dict[str, Any] = {name: call.parameters[name] for name in echoed if name in call.parameters}
    result |= {"Name": call.parameters["Bucket"], "MaxKeys": limit, "IsTruncated": bool(rest and limit)}
    versions = [row for row in page if not row[1].is_delete_marker]
    result["Versions"] = [_describe_object(call, *row[:2]) | _describe_marker(call, *row) for row in versions]
    result["DeleteMarkers"] = [_describe_marker(call, *row) for row in page if row[1].is_delete_marker]
    if rest and page:
        result |= {"NextKeyMarker": page[-1][0], "NextVersionIdMarker": page[-1][1].version_id}
    return _encode(result) if call.parameters.get("EncodingType") == "url" else result


VersionRow = tuple[str, ObjectVersion, bool]
"""Key, version, and whether it is the newest."""


def _rows_after_marker(call: Call) -> list[VersionRow]:
    prefix, key_marker = call.parameters.get("Prefix", ""), call.parameters.get("KeyMarker", "")
    version_marker = call.parameters.get("VersionIdMarker")
    if version_marker is not None and not key_marker:
        raise ServiceError("InvalidArgument", "A version-id marker cannot be specified without a key marker.")
    rows: list[VersionRow] = []
    objects = get_bucket(call).objects
    for key in sorted(
        (key for key in objects if key.startswith(prefix)), key=lambda key: key.encode("utf-8", "replace")
    ):
        versions = objects[key][::-1]
        if key == key_marker and version_marker is not None:
            ids = [version.version_id for version in versions]
            skipped = ids.index(version_marker) + 1 if version_marker in ids else 0
            rows += [(key, version, False) for version in versions[skipped:]]
        elif key > key_marker:
            rows += [(key, version, number == 0) for number, version in enumerate(versions)]
    return rows


def _describe_marker(call: Call, key: str, version: ObjectVersion, is_newest: bool) -> dict[str, Any]:
    return {
        "Key": key,
        "VersionId": version.version_id,
        "IsLatest": is_newest,
        "LastModified": version.modified_at,
        "Owner": _owner(call),
    }
