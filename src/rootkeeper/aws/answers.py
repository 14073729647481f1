"""What must be in an answer before anything is concluded from it: what AWS left out is never taken for "none"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn, TypeAlias

from rootkeeper.errors import AwsUnreachableError

AwsResponse: TypeAlias = Mapping[str, Any]
"""What botocore parsed; members that AWS left out are missing."""


def required(answer: AwsResponse, member: str, operation: str) -> Any:
    """The member of an answer to ``operation`` (such as ``iam:GetUser``) without which it says nothing.

    :raises AwsUnreachableError: if it is missing.
    """
    found = answer.get(member)
    if found is None:
        refuse_answer(operation, f"the answer lacks {member}")
    return found


def refuse_answer(operation: str, problem: str) -> NoReturn:
    """:raises AwsUnreachableError: always: an answer that isn't whole is none."""
    raise AwsUnreachableError(
        f"{operation} can't be relied on: {problem}.",
        hint="Check AWS_ENDPOINT_URL and the proxy, then try again.",
        operation=operation,
    )
