from __future__ import annotations

import pytest

from rootkeeper.unlock.rules import OrdinaryCaller
from tests.unit.aws.samples import ACCOUNT, BUCKET, ORGANIZATION, QUEUE


def test_an_ordinary_caller_is_of_the_resources_own_account_and_organization() -> None:
    known = OrdinaryCaller.of(BUCKET, ORGANIZATION).known
    assert known["aws:principalaccount"] == known["aws:resourceaccount"] == ACCOUNT
    assert known["aws:principalorgid"] == ORGANIZATION
    assert known["aws:requestedregion"] == "eu-west-1"
    assert known["aws:securetransport"] == "true"


@pytest.mark.parametrize("key", ["aws:assumedroot", "aws:sourcearn", "s3:x-amz-acl", "s3:prefix"])
def test_some_keys_are_surely_absent_from_a_change_of_a_bucket_policy(key: str) -> None:
    assert OrdinaryCaller.of(BUCKET, ORGANIZATION).lacks(key)


@pytest.mark.parametrize("key", ["aws:principalarn", "aws:sourceip", "s3:tlsversion", "aws:principaltag/team"])
def test_others_may_be_there(key: str) -> None:
    assert not OrdinaryCaller.of(BUCKET, ORGANIZATION).lacks(key)


def test_keys_of_s3_say_nothing_of_a_queue() -> None:
    assert not OrdinaryCaller.of(QUEUE, ORGANIZATION).lacks("s3:prefix")
