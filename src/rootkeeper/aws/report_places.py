"""Where a report is sent: objects in S3, and findings in Security Hub, each read back after it was sent.

S3 verifies the checksum that an object was put with. Findings are imported in batches, and read again by their ids.

Source: Amazon S3 API Reference, API version 2006-03-01, PutObject and HeadObject; Amazon S3 User Guide, "Checking
object integrity"; Security Hub API Reference, API version 2018-10-26, BatchImportFindings and GetFindings.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rootkeeper.aws.clients import GatewayPart
from rootkeeper.aws.credentials import require_intent_fits
from rootkeeper.aws.errors import required
from rootkeeper.aws.rules import RejectedFinding
from rootkeeper.errors import AwsNotFoundError
from rootkeeper.ledger.rules import Action, Intent


class ReportBuckets(Protocol):
    """The operator's buckets."""

    def put_report(self, bucket: str, key: str, body: bytes, media_type: str, intent: Intent) -> None:
        """Put an object, or a new version of it. Calls s3:PutObject once.

        :raises AwsError: if S3 refuses it, or no clear answer comes.
        :raises LockLostError: if the intent is no longer valid; nothing was sent.
        """
        ...

    def read_sha256(self, bucket: str, key: str) -> str | None:
        """Read the SHA-256 that S3 has verified of an object, in hexadecimal; ``None`` if there is no such object.

        Calls s3:HeadObject once, which needs s3:GetObject. Empty if S3 keeps no SHA-256 of it.
        """
        ...


class AwsReportBuckets(GatewayPart):
    """Implements ``ReportBuckets``; botocore follows to a bucket's own Region."""

    def put_report(self, bucket: str, key: str, body: bytes, media_type: str, intent: Intent) -> None:
        require_intent_fits(intent, Action.REPORT_SEND, None)
        self._clients.regional_calls("s3", self._clients.region, changing=True).change(
            "PutObject",
            intent,
            self._clients.clock,
            target=bucket,
            Bucket=bucket,
            Key=key,
            Body=body,
            ContentType=media_type,
            ChecksumSHA256=base64.b64encode(hashlib.sha256(body).digest()).decode(),
        )

    def read_sha256(self, bucket: str, key: str) -> str | None:
        calls = self._clients.regional_calls("s3", self._clients.region)
        try:
            answer = calls.read("HeadObject", target=bucket, Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        except AwsNotFoundError:
            return None
        return base64.b64decode(str(answer.get("ChecksumSHA256", ""))).hex()


MOST_IDS = 20
"""Values of a filter of GetFindings."""
_IMPORT = "securityhub:BatchImportFindings"


class SecurityHubFindings(Protocol):
    """Security Hub of an account in any Region."""

    def import_findings(
        self, region: str, findings: Sequence[Mapping[str, Any]], intent: Intent
    ) -> tuple[RejectedFinding, ...]:
        """Create or update at most 100 findings by their ids. Calls securityhub:BatchImportFindings once.

        :returns: the findings that Security Hub doesn't take.
        :raises AwsError: if it refuses the batch, or no clear answer comes.
        :raises LockLostError: if the intent is no longer valid; nothing was sent.
        """
        ...

    def read_findings(self, region: str, product_arn: str, finding_ids: Sequence[str]) -> Mapping[str, Any]:
        """Read findings of a product by their ids. Calls securityhub:GetFindings for each 20 ids.

        :returns: the findings by id, without those that Security Hub doesn't show.
        """
        ...


class AwsSecurityHub(GatewayPart):
    """Implements ``SecurityHubFindings``."""

    @property
    def security_hub_region(self) -> str:
        """The Region where no other Region is named."""
        return self._clients.region

    def import_findings(
        self, region: str, findings: Sequence[Mapping[str, Any]], intent: Intent
    ) -> tuple[RejectedFinding, ...]:
        require_intent_fits(intent, Action.FINDINGS_IMPORT, None)
        calls = self._clients.regional_calls("securityhub", region, changing=True)
        answer = calls.change("BatchImportFindings", intent, self._clients.clock, target=region, Findings=[*findings])
        if not required(answer, "FailedCount", _IMPORT):
            return ()
        return tuple(
            RejectedFinding(*(str(required(failed, name, _IMPORT)) for name in ("Id", "ErrorCode", "ErrorMessage")))
            for failed in required(answer, "FailedFindings", _IMPORT)
        )

    def read_findings(self, region: str, product_arn: str, finding_ids: Sequence[str]) -> Mapping[str, Any]:
        calls = self._clients.regional_calls("securityhub", region)
        found: dict[str, Any] = {}
        for start in range(0, len(finding_ids), MOST_IDS):
            filters = {
                "Id": [_equals(finding_id) for finding_id in finding_ids[start : start + MOST_IDS]],
                "ProductArn": [_equals(product_arn)],
            }
            listed = calls.list_all("GetFindings", "Findings", target=region, Filters=filters, MaxResults=100)
            found |= {finding["Id"]: finding for finding in listed}
        return found


def _equals(value: str) -> dict[str, str]:
    return {"Value": value, "Comparison": "EQUALS"}
