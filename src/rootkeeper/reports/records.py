"""The manifest of an evidence package as JSON (docs/reference/package-manifest.schema.json)."""

from __future__ import annotations

from typing_extensions import TypedDict

from rootkeeper.shapes import Answer, Count, Moment, OrganizationId, Sha256, record

ManifestPeriod = TypedDict("ManifestPeriod", {"from": Moment, "to": Moment})
"""The period of the report, to the microsecond. Written so because of its fields' names."""
record(ManifestPeriod)


@record
class ManifestLedger(TypedDict):
    """The extract of the ledger."""

    entries: Count
    first_sequence: Count
    previous_hash: Sha256
    """Of the entry before the first one; 64 zeros before entry 1."""
    head_sequence: Count
    head_hash: Sha256
    other_organization_ids: list[OrganizationId]
    """Whose entries are in the extract, too, because the chain runs through them."""


@record
class ManifestFile(TypedDict):
    """One file of the package."""

    name: str
    bytes: Count
    sha256: Sha256


@record
class PackageManifest(Answer):
    """Every other file of an evidence package."""

    rootkeeper_version: str
    organization_id: OrganizationId
    endpoint: str
    sandbox: bool
    period: ManifestPeriod
    ledger: ManifestLedger
    files: list[ManifestFile]
