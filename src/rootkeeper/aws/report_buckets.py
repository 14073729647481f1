"""Reports as objects in S3: put with a checksum that S3 verifies, and read back by their checksum.

Source: Amazon S3 API Reference, API version 2006-03-01, PutObject and HeadObject; Amazon S3 User Guide, "Checking
object integrity".
"""

from __future__ import annotations

import base64
import hashlib
from typing import Protocol

from rootkeeper.aws.clients import GatewayPart
from rootkeeper.aws.credentials import require_intent_fits
from rootkeeper.errors import AwsNotFoundError
from rootkeeper.ledger.rules import Action, Intent


class ReportBuckets(Protocol):
    """The operator's buckets."""

    def put_report(self, bucket: str, key: str, body: bytes, media_type: str, intent: Intent) -> None:
        """Put an object, or a new version of it. One call: s3:PutObject.

        :raises AwsError: if S3 refuses it, or no clear answer comes.
        :raises LockLostError: if the intent is no longer valid; nothing was sent.
        """
        ...

    def read_sha256(self, bucket: str, key: str) -> str | None:
        """Read the SHA-256 that S3 has verified of an object, in hexadecimal; ``None`` if there is no such object.

        One call: s3:HeadObject, which needs s3:GetObject. Empty if S3 keeps no SHA-256 of it.
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
