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
LOCKED_QUEUE = (OWNER, "orders-incoming")
LOCKED_BUCKET_EU = ("300040005000", "amzn-s3-demo-payments-archive")
STATEMENT = "OnlyTheDeployment"
"""The statement that locks out, in each of them."""


def describe_policy(resource: str, *sids: str, service: str = "s3") -> dict[str, Any]:
    """A policy that locks nobody out."""
    statements = [
        {"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": f"{service}:*", "Resource": resource}
        | {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}
        for sid in sids or ("TlsOnly",)
    ]
    return {"Version": "2012-10-17", "Statement": statements}


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


def add_open_statement(stage: Stage) -> None:
    """The locked bucket's policy gets a second statement, which locks nobody out."""
    policy = find_policy(stage, "s3")
    assert policy is not None
    policy["Statement"] += describe_policy(f"arn:aws:s3:::{LOCKED_BUCKET[1]}")["Statement"]
    client = Administration(stage.sandbox).enter_root_session(OWNER, "s3")
    client.put_bucket_policy(Bucket=LOCKED_BUCKET[1], Policy=json.dumps(policy))


def make_open_policy(stage: Stage) -> str:
    """A file with a policy for the locked bucket that locks nobody out; its path."""
    path = stage.folder / "open-policy.json"
    path.write_text(json.dumps(describe_policy(f"arn:aws:s3:::{LOCKED_BUCKET[1]}")))
    return str(path)


def list_saved(stage: Stage) -> list[Path]:
    """The copies that were saved."""
    folder = stage.database.with_name(f"{stage.database.name}.policies")
    return sorted(folder.iterdir()) if folder.is_dir() else []
