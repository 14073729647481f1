"""Ledger entries as text: canonical form, hash, round trip, and the guard against secrets."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.ledger.rules import (
    GENESIS_HASH,
    Action,
    Actor,
    ActorKind,
    LedgerEntry,
    Phase,
    Result,
    compute_entry_hash,
    parse_entry,
    render_entry,
    require_no_secrets,
)
from rootkeeper.organization.accounts import AccountId
from rootkeeper.values import JsonValue, canonical_json, render_time

ENTRY = LedgerEntry(
    sequence=7,
    at=datetime(2026, 1, 15, 9, 0, 0, 123, tzinfo=UTC),
    organization_id="o-exampleorgid",
    endpoint="AWS",
    actor=Actor("opérateur", ActorKind.SIGNED_IN, "arn:aws:iam::111122223333:user/operator"),
    action=Action.ACCESS_KEY_DELETE,
    account_id=AccountId("111122223333"),
    parameters={"access_key_id": "AKIAIOSFODNN7EXAMPLE", "attempts": 1, "kinds": ["password"], "note": None},
    phase=Phase.OUTCOME,
    owner_id="0011223344556677",
    intent_sequence=6,
    result=Result.DONE,
    previous_hash=GENESIS_HASH,
    entry_hash="ab" * 32,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text() | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_an_entry_survives_being_written_and_read() -> None:
    assert parse_entry(render_entry(ENTRY)) == ENTRY


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_any_parameters_keep_the_hash_over_a_round_trip(parameters: dict[str, JsonValue]) -> None:
    entry = replace(ENTRY, parameters=parameters)
    assert compute_entry_hash(parse_entry(render_entry(entry))) == compute_entry_hash(entry)


ascii_texts = st.text(st.characters(codec="ascii"), max_size=8)
simple_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | ascii_texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ascii_texts, inner, max_size=4),
    max_leaves=12,
)


@given(json_values | simple_values)
def test_every_document_is_written_as_rfc_8785_says(value: JsonValue) -> None:
    assert canonical_json(value).encode() == rfc8785.dumps(value)


def test_a_line_is_canonical_json_with_sorted_keys_and_no_blanks() -> None:
    line = render_entry(ENTRY)
    assert line == json.dumps(json.loads(line), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert '"at":"2026-01-15T09:00:00.000123Z"' in line


@pytest.mark.parametrize(
    "changes",
    [
        {"sequence": 8},
        {"at": datetime(2026, 1, 15, 9, 0, 0, 124, tzinfo=UTC)},
        {"organization_id": "o-otherorgid00"},
        {"endpoint": "SANDBOX 127.0.0.1:4599"},
        {"actor": Actor("another user", ActorKind.SIGNED_IN)},
        {"action": Action.MFA_DEVICE_DEACTIVATE},
        {"account_id": AccountId("444455556666")},
        {"parameters": {}},
        {"phase": Phase.INTENT},
        {"owner_id": "another"},
        {"intent_sequence": 5},
        {"result": Result.FAILED},
        {"previous_hash": "f" * 64},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_the_hash_covers_every_field_but_itself(changes: dict[str, object]) -> None:
    assert compute_entry_hash(replace(ENTRY, **changes)) != compute_entry_hash(ENTRY)  # type: ignore[arg-type]  # any field
    assert compute_entry_hash(replace(ENTRY, entry_hash="0" * 64)) == compute_entry_hash(ENTRY)


def test_one_moment_has_one_text_regardless_of_its_time_zone() -> None:
    there = datetime(2026, 1, 15, 11, 0, tzinfo=timezone(timedelta(hours=2)))
    assert render_time(there) == "2026-01-15T09:00:00.000000Z"


def test_mappings_and_sequences_of_any_class_are_written_alike() -> None:
    assert canonical_json(MappingProxyType({"b": (1, 2), "a": True})) == '{"a":true,"b":[1,2]}'


@pytest.mark.parametrize("value", [2**60, float("nan"), float("inf"), "\ud800"], ids=repr)
def test_what_has_no_canonical_form_is_refused(value: JsonValue) -> None:
    with pytest.raises(ValueError, match=r".+"):
        canonical_json({"value": value})


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"sequence": 1}', render_entry(ENTRY).replace("done", "ok")])
def test_a_line_that_is_no_entry_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_entry(text)


@pytest.mark.parametrize(
    "parameters",
    [
        {"SecretAccessKey": "wJalrXUtnFEMI"},
        {"session_token": "FwoGZXIvYXdzE"},
        {"credentials": {"password": "hunter2"}},
        {"steps": [{"SessionToken": "FwoGZXIvYXdzE"}]},
        {"passwords": ["hunter2"]},
        {"deep": {"deeper": [[{"clientSecret": "x"}]]}},
    ],
    ids=repr,
)
def test_p08_a_parameter_named_like_a_secret_is_refused(parameters: JsonValue) -> None:
    with pytest.raises(ValueError, match="no secrets"):
        require_no_secrets(parameters)


@pytest.mark.parametrize(
    "parameters",
    [
        {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "session_access_key_id": "ASIAIOSFODNN7EXAMPLE"},
        {"credentials": {"password": True, "mfa_devices": False}},
        {"password": "deleted", "password_last_used_at": "2026-01-15T09:00:00Z"},
        {"kinds": ["password", "access_keys"], "task_policy": "IAMCreateRootUserPassword"},
        {"token_name": "pipeline", "password": None},
    ],
    ids=repr,
)
def test_what_only_describes_a_secret_may_be_recorded(parameters: JsonValue) -> None:
    require_no_secrets(parameters)
