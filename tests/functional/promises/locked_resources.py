"""What the demo organization has locked, and how the account's own administrator sees it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tests.functional.administration import Administration
from tests.functional.promises.stage import Stage

OWNER = "888899990000"
LOCKED_BUCKET = (OWNER, "amzn-s3-demo-orders-invoices")
LOCKED_BUCKET_ARN = f"arn:aws:s3:::{LOCKED_BUCKET[1]}"
LOCKED_QUEUE = (OWNER, "orders-incoming")
LOCKED_BUCKET_EU = ("300040005000", "amzn-s3-demo-payments-archive")
STATEMENT = "OnlyTheDeployment"
"""The statement that locks out, in each of them."""


def describe_policy(resource: str | list[str]) -> dict[str, Any]:
    """A policy that locks no one out."""
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    statement = {"Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement | {"Condition": condition}]}


def find_policy(stage: Stage, service: str) -> dict[str, Any] | None:
    """What the locked bucket or queue really has, read without the product."""
    client = Administration(stage.sandbox).enter_root_session(OWNER, service)
    if service == "sqs":
        url = client.get_queue_url(QueueName=LOCKED_QUEUE[1])["QueueUrl"]
        attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
        text = attributes.get("Attributes", {}).get("Policy")
    else:
        try:
            text = client.get_bucket_policy(Bucket=LOCKED_BUCKET[1])["Policy"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucketPolicy":
                raise
            return None
    return json.loads(text) if text else None


def make_open_policy(stage: Stage) -> str:
    """A file with a policy for the locked bucket that locks no one out; its path."""
    path = stage.folder / "open-policy.json"
    path.write_text(json.dumps(describe_policy(LOCKED_BUCKET_ARN)))
    return str(path)


def list_saved(stage: Stage) -> list[Path]:
    """The copies that were saved."""
    folder = stage.database.with_name(f"{stage.database.name}.policies")
    return sorted(folder.iterdir()) if folder.is_dir() else []
