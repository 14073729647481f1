"""Policy documents as IAM and Organizations take them, and how large they may be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from rootkeeper.errors import InputError

PolicyDocument: TypeAlias = Mapping[str, Any]
Statement: TypeAlias = Mapping[str, Any]
MANAGED_POLICY_CHARACTERS = 6_144

INLINE_POLICY_CHARACTERS = 10_240
"""All inline policies of a role together."""

TRUST_POLICY_CHARACTERS = 2_048
"""Can be raised; nothing shipped needs it.

Source of the three: IAM User Guide, "IAM and AWS STS quotas"; white space doesn't count.
"""

SERVICE_CONTROL_POLICY_CHARACTERS = 10_240
"""Source: Organizations User Guide, "Quotas and service limits"; white space counts unless the console saves it."""


def make_document(statements: Iterable[Statement]) -> PolicyDocument:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def render_document(document: PolicyDocument) -> str:
    """JSON as a person reads it, and as ``--policy-document file://…`` takes it."""
    return json.dumps(document, indent=2) + "\n"


def measure_iam_policy(document: PolicyDocument) -> int:
    """Characters as IAM counts them: without white space."""
    return len(re.sub(r"\s", "", json.dumps(document)))


def measure_guardrail(document: PolicyDocument) -> int:
    """Characters as Organizations counts them when the text that we write is uploaded as it is."""
    return len(render_document(document))


def require_fits(measured: int, limit: int, what: str, hint: str) -> None:
    """:raises InputError: if a document is larger than AWS takes."""
    if measured > limit:
        raise InputError(f"{what} would have {measured:,} characters, and AWS takes at most {limit:,}.", hint=hint)
