from __future__ import annotations

import pytest

from rootkeeper.aws.rules import (
    ResourceKind,
    TaskPolicy,
    change_action,
    is_protected,
    require_resource_name,
    require_unprotected,
)
from rootkeeper.errors import InputError, TargetRefusedError
from rootkeeper.ledger.rules import Action
from tests.unit.aws.samples import BUCKET, QUEUE


def test_each_kind_has_its_words_and_its_least_task() -> None:
    assert (ResourceKind.BUCKET.noun, ResourceKind.QUEUE.noun) == ("bucket", "queue")
    assert ResourceKind.BUCKET.task_policy is TaskPolicy.UNLOCK_BUCKET
    assert ResourceKind.QUEUE.task_policy is TaskPolicy.UNLOCK_QUEUE
    assert ResourceKind.BUCKET.policy_limit_bytes == 20_480
    assert ResourceKind.QUEUE.policy_limit_bytes == 8_192


def test_arns_are_as_aws_spells_them() -> None:
    assert BUCKET.arn == "arn:aws:s3:::amzn-s3-demo-bucket"
    assert QUEUE.arn == "arn:aws:sqs:us-east-1:111122223333:orders"
    assert str(BUCKET) == "bucket amzn-s3-demo-bucket (eu-west-1) of account 111122223333"


def test_sqs_has_one_call_for_both_changes() -> None:
    assert change_action(ResourceKind.BUCKET, removes=True) is Action.BUCKET_POLICY_DELETE
    assert change_action(ResourceKind.BUCKET, removes=False) is Action.BUCKET_POLICY_PUT
    assert {change_action(ResourceKind.QUEUE, removes=one) for one in (True, False)} == {Action.QUEUE_POLICY_SET}


@pytest.mark.parametrize("name", ["amzn-s3-demo-bucket", "Old_Bucket.Name", "a" * 255])
def test_names_of_buckets_are_taken(name: str) -> None:
    require_resource_name(ResourceKind.BUCKET, name)


@pytest.mark.parametrize("name", ["orders", "Orders_2-new", "orders.fifo", "a" * 80])
def test_names_of_queues_are_taken(name: str) -> None:
    require_resource_name(ResourceKind.QUEUE, name)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (ResourceKind.BUCKET, "arn:aws:s3:us-east-1:111122223333:accesspoint/logs"),
        (ResourceKind.BUCKET, "bucket/key"),
        (ResourceKind.BUCKET, "../bucket"),
        (ResourceKind.BUCKET, "ab"),
        (ResourceKind.BUCKET, "a" * 256),
        (ResourceKind.QUEUE, "https://sqs.us-east-1.amazonaws.com/111122223333/orders"),
        (ResourceKind.QUEUE, "orders.other"),
        (ResourceKind.QUEUE, ""),
        (ResourceKind.QUEUE, "a" * 81),
    ],
)
def test_anything_else_is_refused_before_any_call(kind: ResourceKind, name: str) -> None:
    with pytest.raises(InputError, match=r"a valid (bucket|queue) name"):
        require_resource_name(kind, name)


def test_protected_names_are_refused_with_the_pattern_that_caught_them() -> None:
    patterns = ("audit-*", "*-trail")
    assert is_protected("audit-logs", patterns)
    assert not is_protected("Audit-logs", patterns)
    require_unprotected(ResourceKind.BUCKET, "invoices", patterns)
    with pytest.raises(TargetRefusedError, match=r"'\*-trail'"):
        require_unprotected(ResourceKind.QUEUE, "org-trail", patterns)
