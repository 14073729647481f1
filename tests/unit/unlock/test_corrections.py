from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.aws.rules import ResourceKind
from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import PolicyDocumentError
from rootkeeper.unlock.rules import (
    Lockout,
    LockoutVerdict,
    correct_policy,
    evaluate_policy,
    require_policy_text,
    require_replacement,
)
from tests.unit.aws.samples import ALLOWS_READING, BUCKET, LOCKING, ORGANIZATION, ROLE, document, statement

EXCEPTING = statement(Sid="Excepting", Condition={"StringNotEquals": {"aws:PrincipalArn": ROLE}})
SOURCE = "The policy in new.json"


def judge(text: str | None) -> Lockout:
    return evaluate_policy(text, BUCKET, ORGANIZATION)


def test_the_correction_leaves_out_the_locking_statement_and_keeps_everything_else() -> None:
    policy = document(ALLOWS_READING, statement(Sid="Everyone"), statement(Action="s3:PutObject"))
    corrected = correct_policy(policy, judge(policy), BUCKET)
    assert corrected is not None
    assert json.loads(corrected) == {
        "Version": "2012-10-17",
        "Statement": [ALLOWS_READING, statement(Action="s3:PutObject")],
    }
    assert judge(corrected).verdict is LockoutVerdict.OPEN


def test_nothing_may_be_left() -> None:
    assert correct_policy(LOCKING, judge(LOCKING), BUCKET) is None


def test_statements_that_only_depend_stay_beside_one_that_locks() -> None:
    policy = document(statement(Sid="Everyone"), EXCEPTING)
    corrected = correct_policy(policy, judge(policy), BUCKET)
    assert corrected is not None
    assert json.loads(corrected)["Statement"] == [EXCEPTING]
    assert judge(corrected).verdict is LockoutVerdict.DEPENDS
    assert correct_policy(corrected, judge(corrected), BUCKET) is None


@given(
    st.lists(
        st.sampled_from(
            [ALLOWS_READING, EXCEPTING, statement(), statement(Action="s3:Put*"), statement(Action="s3:Del*")]
        ),
        min_size=1,
        max_size=6,
    )
)
def test_a_corrected_policy_never_locks_as_the_one_before(statements: list[dict[str, Any]]) -> None:
    policy = document(*statements)
    before = judge(policy)
    corrected = correct_policy(policy, before, BUCKET)
    if before.verdict is LockoutVerdict.OPEN:
        assert json.loads(corrected or "") == json.loads(policy)
    else:
        assert judge(corrected).verdict is not before.verdict


def test_a_replacement_that_locks_everyone_out_again_is_refused() -> None:
    with pytest.raises(PolicyDocumentError) as raised:
        require_replacement(LOCKING, BUCKET, ORGANIZATION, SOURCE)
    assert "would lock everyone out again. Statement Everyone denies everyone" in raised.value.message
    assert "--restore" in (render_hint(raised.value.hint) or "")


def test_a_replacement_with_an_exception_is_left_to_the_person() -> None:
    assert require_replacement(document(EXCEPTING), BUCKET, ORGANIZATION, SOURCE).verdict is LockoutVerdict.DEPENDS
    assert require_replacement(document(ALLOWS_READING), BUCKET, ORGANIZATION, SOURCE).verdict is LockoutVerdict.OPEN


def test_a_replacement_that_aws_would_refuse_is_refused() -> None:
    with pytest.raises(PolicyDocumentError, match="Principal is missing"):
        require_replacement(document(statement(Principal=None)), BUCKET, ORGANIZATION, SOURCE)
    with pytest.raises(PolicyDocumentError, match="bytes"):
        require_policy_text(ResourceKind.QUEUE, " " * 9000, SOURCE)
