"""Object Lock: retention that comes with an object or by its bucket, and what it forbids.

Source: Amazon S3 User Guide, "Locking objects with Object Lock".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from rootkeeper.sandbox.codec.scalars import format_iso8601
from rootkeeper.sandbox.exchange import Call, ServiceError
from rootkeeper.sandbox.services.s3.access import access_denied
from rootkeeper.sandbox.state import Bucket, ObjectVersion, Retention

GOVERNANCE = "GOVERNANCE"
COMPLIANCE = "COMPLIANCE"
_PROTECTED = "Access Denied because object protected by object lock."


def read_new_retention(call: Call, bucket: Bucket) -> Retention | None:
    """Read what retention a new version gets: its own, else its bucket's default.

    :raises ServiceError: InvalidRequest or InvalidArgument.
    """
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
    """Refuse to let a version go before its time; nobody can hasten COMPLIANCE.

    :raises ServiceError: AccessDenied.
    """
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
