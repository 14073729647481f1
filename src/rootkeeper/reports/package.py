"""Renders evidence as a ZIP that an auditor verifies with Python alone: ``verify.py`` is in it.

The files and their order are always the same, and so are the times in the ZIP. The extract of the ledger has every
entry from the period's first entry up to the head that the report names: without the entries after the period its chain
wouldn't lead to that head. Files are streamed, so that a ledger of any length takes little memory; the manifest with
their hashes is the last file.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from importlib import resources
from typing import Any

from typing_extensions import TypedDict

from rootkeeper import __version__
from rootkeeper.evidence.findings import list_findings
from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.ledger.rules import GENESIS_HASH, LedgerEntry, describe_entry, render_entry
from rootkeeper.reports import evidence_data, findings_data, pdf
from rootkeeper.shapes import SCHEMA_VERSION, Answer, Count, Moment, OrganizationId, Sha256, record
from rootkeeper.untrusted_text import json_text
from rootkeeper.values import render_time

_FIRST_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest that a ZIP can have. Source: APPNOTE.TXT, section 4.4.6."""
_PART_BYTES = 65_536

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


def render(report: EvidenceReport) -> Iterator[bytes]:
    """The same report gives the same files; the ZIP's bytes depend on the machine's zlib, too.

    The ledger is read meanwhile, so the database must be open.
    """
    package, extract = _Package(), _Extract(report.extract)
    yield from package.add("README.txt", [_describe(report).encode()])
    yield from package.add("verify.py", [(resources.files(__package__) / "verify.py").read_bytes()])
    yield from package.add("report.pdf", pdf.render(report))
    yield from package.add("report.json", evidence_data.render_json(report))
    yield from package.add("accounts.csv", evidence_data.render_accounts_csv(report))
    yield from package.add("findings.jsonl", findings_data.render_json_lines(list_findings(report)))
    yield from package.add("ledger.jsonl", extract.render())
    manifest: PackageManifest = {
        "schema_version": SCHEMA_VERSION,
        "rootkeeper_version": __version__,
        "organization_id": report.organization_id,
        "endpoint": report.endpoint,
        "sandbox": report.is_sandbox,
        "period": {"from": render_time(report.period.start), "to": render_time(report.period.end)},
        "ledger": extract.describe(report),
        "files": package.files,
    }
    yield from package.add("manifest.json", [f"{json_text(manifest, indent=2)}\n".encode()])
    yield from package.close()


class _Package:
    """A ZIP whose bytes are taken out as they come."""

    def __init__(self) -> None:
        self._written = bytearray()
        self._archive = zipfile.ZipFile(_Target(self._written), "w")
        self.files: list[ManifestFile] = []

    def add(self, name: str, parts: Iterable[bytes]) -> Iterator[bytes]:
        info = zipfile.ZipInfo(name, _FIRST_TIME)
        info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, 0o100644 << 16
        digest, size = hashlib.sha256(), 0
        with self._archive.open(info, "w") as target:
            for part in parts:
                target.write(part)
                digest.update(part)
                size += len(part)
                if len(self._written) >= _PART_BYTES:
                    yield self._take()
        self.files.append({"name": name, "bytes": size, "sha256": digest.hexdigest()})

    def close(self) -> Iterator[bytes]:
        self._archive.close()
        yield self._take()

    def _take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


class _Target(io.RawIOBase):
    """A file that can only be written."""

    def __init__(self, written: bytearray) -> None:
        self._written = written

    def write(self, part: Any) -> int:
        self._written += part
        return len(part)


class _Extract:
    """The extract of the ledger, and its facts for the manifest."""

    def __init__(self, entries: Iterable[LedgerEntry]) -> None:
        self._entries = entries
        self._count = self._first_sequence = 0
        self._previous_hash = GENESIS_HASH

    def render(self) -> Iterator[bytes]:
        """A line for each entry, in the form that was hashed."""
        for entry in self._entries:
            if not self._count:
                self._first_sequence, self._previous_hash = entry.sequence, entry.previous_hash
            self._count += 1
            try:
                line = render_entry(entry)
            except ValueError:  # An edited entry may have no canonical form, and must not stop the evidence.
                line = json.dumps(describe_entry(entry), sort_keys=True)
            yield f"{line}\n".encode()

    def describe(self, report: EvidenceReport) -> ManifestLedger:
        return {
            "entries": self._count,
            "first_sequence": self._first_sequence,
            "previous_hash": self._previous_hash,
            "head_sequence": report.ledger.head_sequence,
            "head_hash": report.ledger.head_hash,
            "other_organization_ids": list(report.history.other_organization_ids),
        }


def _describe(report: EvidenceReport) -> str:
    others = ", ".join(report.history.other_organization_ids)
    lines = [
        f"Evidence of root access: organization {report.organization_id}",
        f"from {render_time(report.period.start)} to {render_time(report.period.end)}",
        *([f"{report.endpoint}: this is play, not evidence of an AWS organization."] if report.is_sandbox else []),
        "",
        "Verify it with Python 3.9 or later, without Rootkeeper:",
        "",
        "    python3 verify.py",
        "",
        "Then compare the ledger head that it shows with an anchor that was kept elsewhere.",
        "",
        "report.pdf      The report for people: changes in the period, counts by unit, annexes of what isn't good",
        "report.json     The whole report for programs",
        "accounts.csv    Every account, one in each row",
        "findings.jsonl  Every verdict, one in each line",
        "ledger.jsonl    The ledger from the period's first entry to the head that the report names",
        "manifest.json   Size and SHA-256 of every other file",
        "verify.py       Checks all of this",
        *(["", f"The ledger's chain also runs through entries of other organizations: {others}."] if others else []),
    ]
    return "\n".join(lines) + "\n"
