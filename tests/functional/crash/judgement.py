"""What must hold after any crash, judged by the sandbox's truth and the ledger as it lies on disk."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from tests.functional.promises.interposed_proxy import MUTATING_OPERATIONS


def assert_no_guard_is_gone(root_user: dict[str, Any], had_mfa: bool) -> None:
    """P25: a password or key that an MFA device guarded is never left without it."""
    if had_mfa and (root_user["password"] or root_user["access_keys"]):
        assert root_user["mfa_devices"], f"a password or key is left without its MFA: {root_user}"


def assert_every_privileged_call_has_an_intent(requests: list[dict[str, Any]], entries: list[dict[str, Any]]) -> None:
    """P01: for each call that the sandbox received, the ledger on disk has its intent."""
    intents = [entry for entry in entries if entry["phase"] == "intent"]
    by_action = Counter(entry["action"] for entry in intents)
    received = Counter(request["operation"] for request in requests)
    for operation, action in MUTATING_OPERATIONS.items():
        assert received[operation] <= by_action[action], f"{operation} without an intent"
    audited = sum(
        len(json.loads(entry["parameters"])["account_ids"]) for entry in intents if entry["action"] == "accounts:audit"
    )
    assert received["AssumeRoot"] <= by_action["root_session:open"] + audited, "AssumeRoot without an intent"


def assert_each_intent_has_one_outcome(entries: list[dict[str, Any]]) -> None:
    """P03: no intent is left open, none is ended twice."""
    outcomes = Counter(entry["intent_sequence"] for entry in entries if entry["intent_sequence"] is not None)
    intents = [entry for entry in entries if entry["phase"] == "intent"]
    wrong = {entry["sequence"]: outcomes[entry["sequence"]] for entry in intents if outcomes[entry["sequence"]] != 1}
    assert not wrong, f"intents by number of outcomes: {wrong}"


def assert_chained(entries: list[dict[str, Any]]) -> None:
    """P20: no gap and no fork; that each hash fits its entry, `ledger verify` shows."""
    assert [entry["sequence"] for entry in entries] == list(range(1, len(entries) + 1))
    links = zip(entries[1:], entries, strict=False)
    assert all(entry["previous_hash"] == before["entry_hash"] for entry, before in links)
