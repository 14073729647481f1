"""Security Hub and buckets in memory, which fail as a test asks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rootkeeper.aws.rules import RejectedFinding
from rootkeeper.errors import AwsError
from rootkeeper.ledger.rules import Intent
from rootkeeper.values import parse_instant


@dataclass
class FakeSecurityHub:
    """Implements SecurityHubFindings."""

    shown: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    batches: list[list[str]] = field(default_factory=list)
    """The ids of each batch that was taken."""
    reads: list[list[str]] = field(default_factory=list)
    """The ids of each reading."""
    rejects: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Code and message by id."""
    loses: set[str] = field(default_factory=set)
    """Ids that it says it has taken, and hasn't."""
    lag: int = 0
    """How many readings don't show what was imported last."""
    import_errors: list[AwsError] = field(default_factory=list)
    """What the next imports raise; one that has an ``acts`` attribute acts all the same."""
    read_error: AwsError | None = None
    before_import: Callable[[], None] = lambda: None
    _late: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _lagging: int = 0

    def import_findings(
        self, region: str, findings: Sequence[Mapping[str, Any]], intent: Intent
    ) -> tuple[RejectedFinding, ...]:
        assert region
        assert intent.sequence
        self.before_import()
        error = self.import_errors.pop(0) if self.import_errors else None
        if error is not None and not hasattr(error, "acts"):
            raise error
        self.batches.append([str(one["Id"]) for one in findings])
        taken = [one for one in findings if one["Id"] not in self.rejects]
        for one in taken:
            known = self.shown.get(one["Id"])
            is_newer = known is None or parse_instant(known["UpdatedAt"]) < parse_instant(one["UpdatedAt"])
            if is_newer and one["Id"] not in self.loses:
                self._late[one["Id"]] = one
        self._lagging = self.lag
        if error is not None:
            raise error
        return tuple(
            RejectedFinding(one["Id"], *self.rejects[one["Id"]]) for one in findings if one["Id"] in self.rejects
        )

    def read_findings(self, region: str, product_arn: str, finding_ids: Sequence[str]) -> Mapping[str, Any]:
        assert region
        self.reads.append(list(finding_ids))
        if self.read_error is not None:
            raise self.read_error
        if self._lagging:
            self._lagging -= 1
        else:
            self.shown |= self._late
            self._late = {}
        found = {one: self.shown[one] for one in finding_ids if one in self.shown}
        return {one: finding for one, finding in found.items() if finding["ProductArn"] == product_arn}


@dataclass
class FakeReportBuckets:
    """Implements ReportBuckets."""

    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)
    media_types: dict[str, str] = field(default_factory=dict)
    put_error: AwsError | None = None
    read_error: AwsError | None = None
    changes_what_it_gets: bool = False
    has_no_checksums: bool = False

    def put_report(self, bucket: str, key: str, body: bytes, media_type: str, intent: Intent) -> None:
        assert intent.sequence
        if self.put_error is None or hasattr(self.put_error, "acts"):
            self.objects[bucket, key] = body + (b"!" if self.changes_what_it_gets else b"")
            self.media_types[key] = media_type
        if self.put_error is not None:
            raise self.put_error

    def read_sha256(self, bucket: str, key: str) -> str | None:
        if self.read_error is not None:
            raise self.read_error
        if (bucket, key) not in self.objects:
            return None
        return "" if self.has_no_checksums else hashlib.sha256(self.objects[bucket, key]).hexdigest()
