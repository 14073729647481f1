"""Buckets, queues and policies that the tests of this folder speak of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rootkeeper.aws.rules import Resource, ResourceKind
from rootkeeper.organization.accounts import AccountId

ACCOUNT = AccountId("111122223333")
OTHER = "444455556666"
ORGANIZATION = "o-exampleorgid"
BUCKET = Resource(ResourceKind.BUCKET, ACCOUNT, "amzn-s3-demo-bucket", "eu-west-1", "aws")
QUEUE = Resource(ResourceKind.QUEUE, ACCOUNT, "orders", "us-east-1", "aws")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/deployment"
OWN_ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def statement(resource: Resource = BUCKET, **elements: Any) -> dict[str, Any]:
    """A denial of everything to everyone, but for what ``elements`` say; ``None`` takes one away."""
    whole: dict[str, Any] = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": f"{resource.kind.value}:*",
        "Resource": [resource.arn, f"{resource.arn}/*"],
        **elements,
    }
    return {name: value for name, value in whole.items() if value is not None}


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


ALLOWS_READING = statement(Sid="Reading", Effect="Allow", Action="s3:GetObject")
LOCKING = document(statement(Sid="Everyone"))
