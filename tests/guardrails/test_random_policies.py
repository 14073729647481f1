"""Two evaluators that share no code say the same of random policies; and what the product leaves open it leaves open
rightly.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rootkeeper.policy_language.evaluation import AccessVerdict
from tests.guardrails.both_evaluators import Levels, Question, ask_product, ask_sandbox
from tests.guardrails.policy_strategies import documents, keys_to_hide, levels, questions

pytestmark = pytest.mark.long

QUICK = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@QUICK
@given(questions(), levels(), levels(has_principal=True))
def test_both_decide_alike_under_scps_and_rcps(question: Question, scps: Levels, rcps: Levels) -> None:
    decision = ask_product(question, scps, rcps)
    assert decision.verdict in (AccessVerdict.ALLOWED, AccessVerdict.BLOCKED)
    assert (decision.verdict is AccessVerdict.ALLOWED) is ask_sandbox(question, scps, rcps)


@QUICK
@given(questions(), levels(), st.lists(documents(), max_size=3))
def test_both_decide_alike_with_identity_policies(question: Question, scps: Levels, identity: list[str]) -> None:
    decision = ask_product(question, scps, identity=identity)
    assert (decision.verdict is AccessVerdict.ALLOWED) is ask_sandbox(question, scps, identity=identity)


@QUICK
@given(questions(), levels(), keys_to_hide())
def test_what_is_certain_without_some_keys_stays_so_with_them(
    question: Question, scps: Levels, hidden: set[str]
) -> None:
    decision = ask_product(question, scps, hidden=hidden)
    is_allowed = ask_sandbox(question, scps)
    assert decision.verdict is AccessVerdict.DEPENDS or (decision.verdict is AccessVerdict.ALLOWED) is is_allowed


@QUICK
@given(questions(), levels(), keys_to_hide())
def test_what_depends_names_keys_that_werent_known(question: Question, scps: Levels, hidden: set[str]) -> None:
    decision = ask_product(question, scps, hidden=hidden)
    assert {condition.lower() for condition in decision.conditions} <= hidden
    assert (decision.verdict is AccessVerdict.DEPENDS) is bool(decision.conditions)
