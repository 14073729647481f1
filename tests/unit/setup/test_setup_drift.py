"""How a set-up differs from the accepted one, and what is said of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.ledger.rules import Action, Phase, Result
from rootkeeper.organization.accounts import AccountId, Feature
from rootkeeper.setup.rules import SetupPart, SetupState, compare_setup, hash_policy, mark_own_changes
from tests.fakes.evidence import FAILSAFE, accept, make_entry, make_guardrail, make_state

ACCEPTED = accept(make_state(guardrails=(make_guardrail(),)))


def compare(found: SetupState) -> list[tuple[SetupPart, str, str]]:
    drift = compare_setup(ACCEPTED, found)
    assert all(one.could_be for one in drift.differences)
    return [(one.part, one.accepted, one.found) for one in drift.differences]


def test_without_an_accepted_set_up_nothing_is_compared_and_nothing_is_clean() -> None:
    drift = compare_setup(None, make_state())
    assert (drift.differences, drift.unknown, drift.is_clean) == ((), (), False)


def test_the_same_set_up_is_clean() -> None:
    drift = compare_setup(ACCEPTED, make_state(guardrails=(make_guardrail(),)))
    assert drift.is_clean


@pytest.mark.parametrize(
    ("found", "differences"),
    [
        (
            {"features": frozenset({Feature.ROOT_CREDENTIALS_MANAGEMENT})},
            [(SetupPart.FEATURE, "on", "off")],
        ),
        ({"trusted_access": False, "features": None}, [(SetupPart.TRUSTED_ACCESS, "on", "off")]),
        ({"delegates": ()}, [(SetupPart.DELEGATED_ADMINISTRATOR, "registered", "not registered")]),
        (
            {"delegates": (FAILSAFE, AccountId("999900001111"))},
            [(SetupPart.DELEGATED_ADMINISTRATOR, "not registered", "registered")],
        ),
        (
            {"guardrails": (make_guardrail(content_hash="b" * 64),)},
            [(SetupPart.GUARDRAIL, f"content {'a' * 12}", f"content {'b' * 12}")],
        ),
        (
            {"guardrails": (make_guardrail(attached_to=("ou-exam-workload",)),)},
            [(SetupPart.GUARDRAIL, "attached to r-exam", "attached to ou-exam-workload")],
        ),
        ({"guardrails": ()}, [(SetupPart.GUARDRAIL, "attached to r-exam", "gone, or attached to nothing")]),
        (
            {"guardrails": (make_guardrail(), make_guardrail("p-another"))},
            [(SetupPart.GUARDRAIL, "not there", "attached to r-exam")],
        ),
    ],
)
def test_every_part_that_differs_is_named(
    found: dict[str, object], differences: list[tuple[SetupPart, str, str]]
) -> None:
    assert compare(make_state(**{"guardrails": (make_guardrail(),), **found})) == differences  # type: ignore[arg-type]  # a table of cases


def test_a_feature_that_is_off_could_have_been_switched_off_by_a_delegate() -> None:
    drift = compare_setup(ACCEPTED, make_state(features=frozenset(), guardrails=(make_guardrail(),)))
    assert "delegated administrator account" in drift.differences[0].could_be[0]


def test_trusted_access_that_is_off_could_be_terraforms_doing() -> None:
    drift = compare_setup(ACCEPTED, make_state(trusted_access=False, features=None, guardrails=(make_guardrail(),)))
    assert "aws_service_access_principals" in drift.differences[0].could_be[0]
    assert "only while trusted access is on" in drift.unknown[0]


@pytest.mark.parametrize(
    "found",
    [
        make_state(trusted_access=None, guardrails=(make_guardrail(),), unknown=("Denied.",)),
        make_state(features=None, guardrails=(make_guardrail(),), unknown=("Denied.",)),
        make_state(delegates=None, guardrails=(make_guardrail(),), unknown=("Denied.",)),
        make_state(guardrails=None, guardrails_unknown="It needs organizations:ListPolicies."),
    ],
)
def test_what_was_not_read_is_unknown_and_never_no_drift(found: SetupState) -> None:
    drift = compare_setup(ACCEPTED, found)
    assert drift.differences == ()
    assert len(drift.unknown) == 1
    assert not drift.is_clean
    assert "Denied." in drift.unknown[0] or "needs organizations:ListPolicies" in drift.unknown[0]


def test_what_was_not_read_when_it_was_accepted_cannot_be_compared() -> None:
    drift = compare_setup(accept(make_state(guardrails=None)), make_state(guardrails=(make_guardrail(),)))
    assert (len(drift.unknown), drift.is_clean) == (1, False)
    assert "Accept the set-up again" in drift.unknown[0]


@given(
    before=st.builds(
        make_state,
        trusted_access=st.sampled_from([True, False, None]),
        features=st.none() | st.frozensets(st.sampled_from(Feature)),
        delegates=st.none() | st.sampled_from([(), (FAILSAFE,)]),
        guardrails=st.none() | st.sampled_from([(), (make_guardrail(),)]),
    ),
    after=st.builds(
        make_state,
        trusted_access=st.sampled_from([True, False, None]),
        features=st.none() | st.frozensets(st.sampled_from(Feature)),
        delegates=st.none() | st.sampled_from([(), (FAILSAFE,)]),
        guardrails=st.none() | st.sampled_from([(), (make_guardrail(),)]),
    ),
)
def test_a_comparison_is_clean_only_if_all_was_read_twice_and_is_the_same(
    before: SetupState, after: SetupState
) -> None:
    drift = compare_setup(accept(before), after)
    parts = [
        (state.setup.trusted_access, state.setup.features, state.setup.delegated_administrators, state.guardrails)
        for state in (before, after)
    ]
    assert drift.is_clean == (parts[0] == parts[1] and None not in parts[0])


@pytest.mark.parametrize(("result", "is_named"), [(Result.DONE, True), (Result.UNKNOWN, True), (Result.FAILED, False)])
def test_what_rootkeeper_recorded_itself_is_named_first(result: Result, is_named: bool) -> None:
    drift = compare_setup(ACCEPTED, make_state(features=frozenset(), guardrails=(make_guardrail(),)))
    entries = [
        make_entry(8, Action.FEATURE_DISABLE, parameters={"feature": "RootSessions"}),
        make_entry(9, Action.FEATURE_DISABLE, phase=Phase.OUTCOME, intent_sequence=8, result=result),
        make_entry(10, Action.DELEGATED_ADMINISTRATOR_DEREGISTER, account_id=FAILSAFE),
    ]
    causes = {one.subject: one.could_be[0] for one in mark_own_changes(drift, entries).differences}
    assert ("ledger entry 8" in causes["RootSessions"]) == is_named
    assert "ledger entry" not in causes["RootCredentialsManagement"]


def test_spaces_and_the_order_of_keys_are_no_change_of_a_policy() -> None:
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
    assert hash_policy(json.dumps(policy)) == hash_policy(json.dumps(policy, indent=4, sort_keys=True))
    assert hash_policy(json.dumps(policy)) != hash_policy(json.dumps(policy).replace("Deny", "Allow"))


@given(st.text())
def test_any_text_has_a_hash(text: str) -> None:
    assert len(hash_policy(text)) == 64
