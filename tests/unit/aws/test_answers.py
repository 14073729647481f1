from __future__ import annotations

import pytest

from rootkeeper.aws.errors import refuse_answer, required
from rootkeeper.errors import AwsUnreachableError


@pytest.mark.parametrize("value", [0, "", [], {}, False])
def test_an_empty_member_is_there(value: object) -> None:
    assert required({"Member": value}, "Member", "iam:GetUser") == value


@pytest.mark.parametrize("answer", [{}, {"Member": None}, {"Other": 1}])
def test_a_missing_member_is_never_taken_for_none(answer: dict[str, object]) -> None:
    with pytest.raises(AwsUnreachableError, match="lacks Member") as raised:
        required(answer, "Member", "iam:GetUser")
    assert raised.value.operation == "iam:GetUser"


def test_an_answer_that_is_not_whole_is_none() -> None:
    with pytest.raises(AwsUnreachableError, match="it is cut off"):
        refuse_answer("iam:GetUser", "it is cut off")
