"""The request log: every API call that came in, refused ones included, for whoever tests a client against it."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

MAX_RECORDS = 200_000


class RequestRecord(NamedTuple):
    """One call as ``GET /_sandbox/requests`` shows it."""

    n: int
    """From 1, on over a reset."""
    at: datetime
    """When it was answered, by the sandbox's clock."""
    service: str | None
    operation: str | None
    region: str | None
    principal_arn: str | None
    """``None`` when the signature proved nobody."""
    account_id: str | None
    """The account that the call concerns: AssumeRoot's target, else the caller's."""
    task_policy: str | None
    """The name of the root session's task policy, and for AssumeRoot of the one asked for."""
    mutating: bool
    status: int
    """The HTTP status, also of an answer that was never sent."""
    error_code: str | None


class RequestLog:
    """The newest records, in the order in which calls were answered."""

    def __init__(self, max_records: int = MAX_RECORDS) -> None:
        self._records: deque[RequestRecord] = deque(maxlen=max_records)
        self._count = 0

    def next_number(self) -> int:
        """Number the next record."""
        self._count += 1
        return self._count

    def append(self, record: RequestRecord) -> None:
        self._records.append(record)

    def since(self, number: int) -> list[dict[str, Any]]:
        """List the records after a number, oldest first."""
        if not self._records:
            return []
        start = max(0, number + 1 - self._records[0].n)
        return [_render(record) for record in islice(self._records, start, None)]


def _render(record: RequestRecord) -> dict[str, Any]:
    at = record.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return record._asdict() | {"at": at}
