"""S3 buckets and the versions of the objects in them, small enough to be kept in memory.

Everything is bounded by the services that change it; bodies count against one total for the whole sandbox.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

ENABLED = "Enabled"
SUSPENDED = "Suspended"
NULL_VERSION = "null"
"""The version id of objects that were put while their bucket had no versioning."""


@dataclass(slots=True)
class Retention:
    """Until when one version can't be deleted, and by whom not: ``COMPLIANCE`` by nobody."""

    mode: str
    until: datetime


@dataclass(slots=True)
class ObjectVersion:
    """One version of an object, or a marker that it is deleted."""

    version_id: str
    modified_at: datetime
    etag: str = ""
    """With its quotes, as on the wire."""
    body: bytes = field(default=b"", repr=False)
    headers: dict[str, str] = field(default_factory=dict)
    """What is answered as it was put, by the model's member: ``ContentType``, ``CacheControl``, …"""
    metadata: dict[str, str] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)
    """By the model's member, such as ``ChecksumCRC32``."""
    retention: Retention | None = None
    is_delete_marker: bool = False

    @property
    def size_bytes(self) -> int:
        return len(self.body)


@dataclass(slots=True)
class DefaultRetention:
    """What a bucket gives to new versions that bring no retention of their own."""

    mode: str
    days: int


@dataclass(slots=True)
class Bucket:
    """One bucket."""

    name: str
    account_id: str
    region: str
    created_at: datetime
    policy: str | None = None
    """JSON text, as it was given."""
    versioning: str | None = None
    """``None`` until it was switched on for the first time."""
    has_object_lock: bool = False
    default_retention: DefaultRetention | None = None
    objects: dict[str, list[ObjectVersion]] = field(default_factory=dict)
    """By key, the newest version last; a key without versions isn't there."""

    def find_version(self, key: str, version_id: str | None = None) -> ObjectVersion | None:
        """Find a version, or the newest one; it may be a delete marker."""
        versions = self.objects.get(key, [])
        if version_id is None:
            return versions[-1] if versions else None
        return next((version for version in versions if version.version_id == version_id), None)

    def add_version(self, key: str, version: ObjectVersion) -> None:
        """Put the newest version; one with the same id, which only ``null`` can be, is replaced."""
        versions = [old for old in self.objects.get(key, []) if old.version_id != version.version_id]
        self.objects[key] = [*versions, version]

    def remove_version(self, key: str, version_id: str) -> None:
        versions = [version for version in self.objects.get(key, []) if version.version_id != version_id]
        if versions:
            self.objects[key] = versions
        else:
            self.objects.pop(key, None)


@dataclass(slots=True)
class BucketStore:
    """All buckets by name, which is unique across accounts and Regions."""

    buckets: dict[str, Bucket] = field(default_factory=dict)

    def of_account(self, account_id: str) -> list[Bucket]:
        """List an account's buckets by name, as ListBuckets does."""
        return sorted((b for b in self.buckets.values() if b.account_id == account_id), key=lambda b: b.name)

    def count_bytes(self) -> int:
        return sum(
            version.size_bytes
            for bucket in self.buckets.values()
            for versions in bucket.objects.values()
            for version in versions
        )

    def count_versions(self) -> int:
        return sum(len(versions) for bucket in self.buckets.values() for versions in bucket.objects.values())
