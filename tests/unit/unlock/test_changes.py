from __future__ import annotations

import json

import pytest

from rootkeeper.ledger.rules import Action, Result
from rootkeeper.unlock.rules import (
    PolicyChange,
    describe_change,
    describe_resource,
    evaluate_reread,
    hash_policy,
    read_resource,
)
from tests.unit.aws.samples import ACCOUNT, ALLOWS_READING, BUCKET, LOCKING, QUEUE, document, statement

NEW = document(ALLOWS_READING)
OTHER = document(statement(Action="s3:PutObject"))


def test_the_ledger_keeps_hashes_and_no_policy() -> None:
    described = describe_change(PolicyChange(BUCKET, LOCKING, NEW))
    assert described["previous_sha256"] == hash_policy(LOCKING)
    assert described["new_sha256"] == hash_policy(NEW)
    assert described["bucket"] == "amzn-s3-demo-bucket"
    assert "Statement" not in json.dumps(described)


def test_the_action_follows_from_what_is_done() -> None:
    assert PolicyChange(BUCKET, LOCKING, None).action is Action.BUCKET_POLICY_DELETE
    assert PolicyChange(BUCKET, None, NEW).action is Action.BUCKET_POLICY_PUT
    assert PolicyChange(QUEUE, LOCKING, None).action is Action.QUEUE_POLICY_SET


def test_a_change_to_what_is_there_is_needless() -> None:
    spelled_otherwise = json.dumps(json.loads(LOCKING), indent=2)
    assert PolicyChange(BUCKET, LOCKING, spelled_otherwise).is_needless
    assert PolicyChange(BUCKET, None, None).is_needless
    assert not PolicyChange(BUCKET, LOCKING, None).is_needless


@pytest.mark.parametrize("resource", [BUCKET, QUEUE], ids=lambda resource: resource.kind.noun)
def test_the_resource_of_an_intent_is_read_back(resource: object) -> None:
    assert isinstance(resource, type(BUCKET))
    change = PolicyChange(resource, LOCKING, None)
    assert read_resource(change.action, ACCOUNT, describe_change(change)) == resource


def test_an_intent_that_names_no_resource_is_refused() -> None:
    with pytest.raises(ValueError, match="doesn't name its bucket"):
        read_resource(Action.BUCKET_POLICY_PUT, ACCOUNT, describe_resource(QUEUE))


@pytest.mark.parametrize("after", [NEW, None])
@pytest.mark.parametrize("before", [LOCKING, OTHER])
def test_only_the_new_policy_itself_proves_that_it_was_done(before: str, after: str | None) -> None:
    parameters = describe_change(PolicyChange(BUCKET, before, after))
    found = None if after is None else json.dumps(json.loads(after), indent=2)
    assert evaluate_reread(found, parameters, "aws").result is Result.DONE
    assert evaluate_reread(before, parameters, "aws").result is Result.FAILED
    assert not evaluate_reread(before, parameters, "aws").is_settled
    foreign = evaluate_reread(document(statement(Sid="Foreign")), parameters, "aws")
    assert foreign.result is Result.UNKNOWN
    assert "another caller changed it" in foreign.explanation
