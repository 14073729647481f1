"""What came of one account as JSON values and back, so that a deletion that goes on needn't do it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rootkeeper.domain.deletion import AccountDeletion, KindOutcome, KindReason, KindResult, PlannedAccount
from rootkeeper.domain.ledger import JsonValue
from rootkeeper.domain.root_credentials import CredentialKind
from rootkeeper.domain.selection import Skip, SkipReason
from rootkeeper.domain.statuses import Status

_KIND_REASONS = frozenset(reason.value for reason in KindReason)


def deletion_to_record(deletion: AccountDeletion) -> dict[str, JsonValue]:
    """Everything but what the plan says of the account."""
    skip, status = deletion.skip, deletion.status
    return {
        "kinds": [
            {
                "kind": result.kind.value,
                "outcome": result.outcome.value,
                "reason": None if result.reason is None else result.reason.value,
                "detail": result.detail,
            }
            for result in deletion.kinds
        ],
        "skip": None if skip is None else {"reason": skip.reason.value, "detail": skip.detail},
        "status": None if status is None else status.value,
    }


def deletion_from_record(planned: PlannedAccount, record: Mapping[str, Any]) -> AccountDeletion:
    """What ``deletion_to_record`` wrote of a planned account.

    :raises ValueError: if a value is none that a result has.
    :raises KeyError: if something is missing.
    """
    skip, status = record["skip"], record["status"]
    return AccountDeletion(
        account_id=planned.account_id,
        name=planned.name,
        ou_path=planned.ou_path,
        kinds=tuple(_parse_kind(result) for result in record["kinds"]),
        skip=None if skip is None else Skip(SkipReason(skip["reason"]), skip["detail"]),
        was_planned=bool(planned.calls),
        status=None if status is None else Status(status),
    )


def _parse_kind(result: Mapping[str, Any]) -> KindResult:
    return KindResult(
        CredentialKind(result["kind"]),
        KindOutcome(result["outcome"]),
        _parse_reason(result["reason"]),
        result["detail"],
    )


def _parse_reason(value: str | None) -> KindReason | SkipReason | None:
    """A word that both know, such as ``stopped``, is a kind's own."""
    if value is None:
        return None
    return KindReason(value) if value in _KIND_REASONS else SkipReason(value)
