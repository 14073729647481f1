"""The preflight's word and the sandbox's deed are equal for random policies, attached at random places."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rootkeeper.aws.gateway import AwsGateway
from rootkeeper.guardrails.tasks import Task
from rootkeeper.policy_language.evaluation import AccessVerdict
from tests.guardrails.both_evaluators import render_policy
from tests.guardrails.policy_strategies import statements
from tests.guardrails.staging import Stage, judge
from tests.guardrails.worked_cases import ACCOUNT, Case, CasePolicy

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("guardrails")]

PLACES = ("root", "Workloads", "Prod", "account", "delegate")
TASKS = (Task.AUDIT, Task.UNLOCK_BUCKET, Task.UNLOCK_QUEUE, Task.ROOT_USER_SIGN_IN, Task.ASSUME_ROOT)
"""One for each service, and the two that are no task policies."""
TRIED = settings(
    max_examples=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
_OTHER_ACCOUNT = "111122223333"
"""As the strategies name the account that is judged."""


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Some SCPs and RCPs; mostly with full access beside them, lest everything be denied."""
    policies = [
        CasePolicy(
            name=f"Random{number}",
            type="RESOURCE_CONTROL_POLICY" if is_rcp else "SERVICE_CONTROL_POLICY",
            at=tuple(draw(st.sets(st.sampled_from(PLACES), min_size=1, max_size=2))),
            document=_write(draw(st.lists(statements(has_principal=is_rcp), min_size=1, max_size=2)), is_rcp=is_rcp),
        )
        for number, is_rcp in enumerate(draw(st.lists(st.booleans(), min_size=1, max_size=3)))
    ]
    bare = draw(st.sampled_from(((), (), (), ("Prod",), ("account",))))
    full_access = CasePolicy("Full", "SERVICE_CONTROL_POLICY", bare or ("root",), _write([_EVERYTHING], is_rcp=False))
    return Case("random", (*policies, full_access), bare, {})


_EVERYTHING: dict[str, object] = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def _write(found: list[dict[str, object]], *, is_rcp: bool) -> str:
    """RCPs can only deny, and only what AWS lists."""
    for statement in found:
        if is_rcp:
            statement["Effect"] = "Deny"
    return render_policy(*found).replace(_OTHER_ACCOUNT, ACCOUNT)


@TRIED
@given(case=cases())
def test_word_and_deed_are_equal_for_random_policies(case: Case, stage: Stage, gateway: AwsGateway) -> None:
    stage.play(case)
    rows = judge(gateway)
    for task in TASKS:
        denied = stage.denied(task)
        reported = (task, rows[task].verdict, denied, [json.loads(policy.document) for policy in case.policies])
        assert rows[task].verdict is AccessVerdict.DEPENDS or bool(denied) is (
            rows[task].verdict is AccessVerdict.BLOCKED
        ), reported
