"""Documents of managed policies, each asked for once; one that can't be read stays a policy without a text.

Source: IAM GetPolicy and GetPolicyVersion, API version 2010-05-08.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rootkeeper.aws.answers import required
from rootkeeper.aws.calls import ServiceCalls
from rootkeeper.domain.identities import PolicySource
from rootkeeper.errors import AwsAccessDeniedError, AwsNotFoundError, AwsRejectedError


class ManagedPolicies:
    """Reads documents by ARN, in the caller's own account and of AWS."""

    def __init__(self, iam: ServiceCalls, known: Mapping[str, PolicySource] | None = None) -> None:
        """:param known: documents that came with another answer, by ARN."""
        self._iam = iam
        self._found: dict[str, PolicySource] = dict(known or {})

    def get(self, arn: str) -> PolicySource:
        """The policy; without a text if AWS doesn't give it."""
        if arn not in self._found:
            self._found[arn] = PolicySource(arn, name_of(arn), self._read(arn))
        return self._found[arn]

    def _read(self, arn: str) -> str | None:
        try:
            policy = required(self._iam.read("GetPolicy", PolicyArn=arn), "Policy", "iam:GetPolicy")
            version_id = required(policy, "DefaultVersionId", "iam:GetPolicy")
            answer = self._iam.read("GetPolicyVersion", PolicyArn=arn, VersionId=version_id)
        except (AwsAccessDeniedError, AwsNotFoundError, AwsRejectedError):
            return None
        return document_text(required(answer, "PolicyVersion", "iam:GetPolicyVersion").get("Document"))


def document_text(document: Any) -> str | None:
    """A document as JSON text: botocore has decoded what it could read, and leaves the rest as it came."""
    if document is None:
        return None
    return document if isinstance(document, str) else json.dumps(document)


def name_of(arn: str) -> str:
    return arn.rpartition("/")[2] or arn
