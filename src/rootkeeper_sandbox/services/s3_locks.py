"""Object Lock of buckets and of single versions: read and set.

Source: Amazon S3 API Reference, PutObjectLockConfiguration and PutObjectRetention.
"""

from __future__ import annotations

from typing import Any

from rootkeeper_sandbox.authorization.authorizer import find_denial
from rootkeeper_sandbox.codec.xml import malformed_xml
from rootkeeper_sandbox.exchange import Call, ServedOperations, ServiceError
from rootkeeper_sandbox.services.s3_buckets import (
    access_denied,
    bucket_arn,
    common_keys,
    get_bucket,
    guard_bucket,
    keys_from,
    object_arn,
    validate_place,
)
from rootkeeper_sandbox.services.s3_objects import COMPLIANCE, no_such_key, no_such_version, require_object_lock
from rootkeeper_sandbox.state.resources import ENABLED, DefaultRetention, ObjectVersion, Retention

_DAYS_OF_A_YEAR = 365
_MAX_DAYS = 36_500
"""Source: Amazon S3 User Guide, "Object Lock considerations": 100 years."""


_VERSION_KEYS = keys_from({"s3:VersionId": "VersionId"})


OPERATIONS = ServedOperations(
    "s3", resource=bucket_arn, validate=validate_place, condition_keys=common_keys, guard=guard_bucket
)


@OPERATIONS.read("GetObjectLockConfiguration", action="GetBucketObjectLockConfiguration")
def get_object_lock_configuration(call: Call) -> dict[str, Any]:
    """Show whether a bucket has Object Lock, and its default retention."""
    bucket = get_bucket(call)
    if not bucket.has_object_lock:
        message = "Object Lock configuration does not exist for this bucket"
        raise ServiceError("ObjectLockConfigurationNotFoundError", message, 404, {"BucketName": bucket.name})
    default = bucket.default_retention
    rule = {"Rule": {"DefaultRetention": {"Mode": default.mode, "Days": default.days}}} if default else {}
    return {"ObjectLockConfiguration": {"ObjectLockEnabled": ENABLED} | rule}


@OPERATIONS.change("PutObjectLockConfiguration", action="PutBucketObjectLockConfiguration")
def put_object_lock_configuration(call: Call) -> dict[str, Any]:
    """Switch Object Lock on, where versions are kept, and set or remove the default retention."""
    bucket, configuration = get_bucket(call), call.parameters.get("ObjectLockConfiguration")
    if not configuration or configuration.get("ObjectLockEnabled") != ENABLED:
        raise malformed_xml()
    if bucket.versioning != ENABLED:
        message = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
        raise ServiceError("InvalidBucketState", message, 409)
    default = configuration.get("Rule", {}).get("DefaultRetention")
    bucket.default_retention = _read_default(default) if default else None
    bucket.has_object_lock = True
    return {}


def _read_default(default: dict[str, Any]) -> DefaultRetention:
    if "Mode" not in default or ("Days" in default) == ("Years" in default):
        raise malformed_xml()
    days = default.get("Days", default.get("Years", 0) * _DAYS_OF_A_YEAR)
    if not 0 < days <= _MAX_DAYS:
        raise ServiceError("InvalidArgument", "Default retention period must be a positive integer value.")
    return DefaultRetention(default["Mode"], days)


@OPERATIONS.read("GetObjectRetention", resource=object_arn, condition_keys=_VERSION_KEYS, is_data_event=True)
def get_object_retention(call: Call) -> dict[str, Any]:
    """Show the retention of a version."""
    require_object_lock(get_bucket(call))
    retention = _get_version(call).retention
    if retention is None:
        message = "The specified object does not have a ObjectLock configuration"
        raise ServiceError("NoSuchObjectLockConfiguration", message, 404, {"Key": call.parameters["Key"]})
    return {"Retention": {"Mode": retention.mode, "RetainUntilDate": retention.until}}


@OPERATIONS.change("PutObjectRetention", resource=object_arn, condition_keys=_VERSION_KEYS, is_data_event=True)
def put_object_retention(call: Call) -> dict[str, Any]:
    """Set the retention of a version; in force it can only be made longer, or be let go of with a bypass."""
    require_object_lock(get_bucket(call))
    version, asked = _get_version(call), call.parameters.get("Retention")
    if asked is None or ("Mode" in asked) != ("RetainUntilDate" in asked):
        raise malformed_xml()
    new = Retention(asked["Mode"], asked["RetainUntilDate"]) if asked else None
    if new is not None and new.until <= call.now:
        raise ServiceError("InvalidArgument", "The retain until date must be in the future!")
    _require_change_allowed(call, version.retention, new)
    version.retention = new
    return {}


def _require_change_allowed(call: Call, old: Retention | None, new: Retention | None) -> None:
    if old is None or old.until <= call.now:
        return
    is_longer = new is not None and new.until >= old.until and new.mode in (old.mode, COMPLIANCE)
    if is_longer:
        return
    action = "s3:BypassGovernanceRetention"
    is_asked = bool(call.parameters.get("BypassGovernanceRetention"))
    may_bypass = is_asked and find_denial(call, OPERATIONS["PutObjectRetention"], action) is None
    if old.mode == COMPLIANCE or not may_bypass:
        raise access_denied("Access Denied because object protected by object lock.")


def _get_version(call: Call) -> ObjectVersion:
    version = get_bucket(call).find_version(call.parameters["Key"], call.parameters.get("VersionId"))
    if version is None:
        raise no_such_version(call) if "VersionId" in call.parameters else no_such_key(call)
    if version.is_delete_marker:
        raise ServiceError("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)
    return version
