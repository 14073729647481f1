"""Receipts of intents, as a ledger would hand them out."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

from rootkeeper.clock import Clock
from rootkeeper.ledger.rules import Action, Intent
from rootkeeper.organization.accounts import AccountId
from rootkeeper.values import JsonValue

_SEQUENCES = count(1)


def make_intent(
    clock: Clock,
    action: Action,
    account_id: AccountId | None = None,
    *,
    valid_seconds: float = 60,
    parameters: Mapping[str, JsonValue] | None = None,
) -> Intent:
    """An intent that is valid for ``valid_seconds`` from now."""
    return Intent(next(_SEQUENCES), action, account_id, clock.monotonic() + valid_seconds, parameters or {})
