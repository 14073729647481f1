"""A selection as JSON values and back, so that a job that was interrupted selects the same again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rootkeeper.domain.ledger import JsonValue
from rootkeeper.domain.organizations import AccountState, parse_account_id
from rootkeeper.domain.selection import NamedAccount, SelectionRequest
from rootkeeper.domain.statuses import Status


def request_to_record(request: SelectionRequest) -> dict[str, JsonValue]:
    """Everything that was asked for, in a fixed order."""
    return {
        "named": [{"text": one.text, "source": one.source} for one in request.named],
        "organizational_units": list(request.organizational_units),
        "tags": [[key, value] for key, value in request.tags],
        "account_states": sorted(state.value for state in request.account_states),
        "statuses": sorted(status.value for status in request.statuses),
        "excluded": list(request.excluded),
        "everything": request.everything,
        "included_failsafes": sorted(request.included_failsafes),
    }


def request_from_record(record: Mapping[str, Any]) -> SelectionRequest:
    """The request that ``request_to_record`` wrote.

    :raises ValueError: if a value is none that a request has.
    :raises InputError: if an account id isn't one.
    :raises KeyError: if something is missing.
    """
    return SelectionRequest(
        named=tuple(NamedAccount(one["text"], one["source"]) for one in record["named"]),
        organizational_units=tuple(record["organizational_units"]),
        tags=tuple((key, value) for key, value in record["tags"]),
        account_states=frozenset(AccountState(value) for value in record["account_states"]),
        statuses=frozenset(Status(value) for value in record["statuses"]),
        excluded=tuple(record["excluded"]),
        everything=record["everything"] is True,
        included_failsafes=frozenset(parse_account_id(text) for text in record["included_failsafes"]),
    )
